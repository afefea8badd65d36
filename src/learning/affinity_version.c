/*
 * affinity_version.c: a version of the model affinity (affinity_version.h).
 *
 * Called by training. First neighbours are made of what came before the last 30
 * days, and tried on these: they and what is popular with all suggest ten
 * merchants each to the same users, by the functions that serve users later. (What
 * is popular in the user's categories is the weaker rival where categories say
 * little.) Then they are made again of all there is; those that did not do better
 * than what is popular are not kept at all. No locks: readers have the version before until this commits.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "base/query.h"
#include "base/uuid.h"
#include "learning/affinity_version.h"
#include "learning/exclusions.h"
#include "learning/neighbours.h"
#include "learning/six.h"
#include "learning/suggestions.h"

#define HELD_OUT_DAYS 30
#define SUGGESTED	  10
#define USERS_LEAST	  200

/* A user that neighbours are tried with, and the merchants that were new to it afterwards. */
typedef struct Trial
{
	int nnew;
	pg_uuid_t *merchants;
} Trial;

/* --- trying ------------------------------------------------------------------------------------- */

static bool
has_merchant(const pg_uuid_t *ids, int count, const pg_uuid_t *id)
{
	for (int i = 0; i < count; i++)
	{
		if (ss_uuid_equal(&ids[i], id))
			return true;
	}
	return false;
}

/* The merchants of this history that are not among those left out. */
static void
find_new(Trial *trial, const SSHistory *history, const SSSuggesting *known)
{
	trial->nnew = 0;
	trial->merchants = palloc((history->nmerchants + 1) * sizeof(pg_uuid_t));
	for (int i = 0; i < history->count; i++)
	{
		const SSPast *past = &history->items[i];
		const pg_uuid_t *id;

		if (past->merchant < 0 || !past->active)
			continue;
		id = &history->merchants[past->merchant];
		if (!has_merchant(known->left_out, known->nleft_out, id) && !has_merchant(trial->merchants, trial->nnew, id))
			trial->merchants[trial->nnew++] = *id;
	}
}

static double
gain_at(int place)
{
	return 1 / log2(place + 2);
}

/* Is one of the suggestions new to the user? And the gain, of 1 if the new ones came first. */
static bool
judge(const Trial *trial, const SSSuggesting *suggesting, double *gain)
{
	double found = 0;
	double best = 0;

	for (int i = 0; i < suggesting->count; i++)
	{
		if (has_merchant(trial->merchants, trial->nnew, &suggesting->suggestions[i].merchant_id))
			found += gain_at(i);
	}
	for (int i = 0; i < Min(trial->nnew, SUGGESTED); i++)
		best += gain_at(i);
	*gain += found / best;
	return found > 0;
}

static void
try_user(SSAffinityVersion *version, SSHistory *history, const SSTriedUser *user, const SSNeighbourTimes *times,
		 int32 number, DateADT cut_day)
{
	SSSuggesting neighbours;
	SSSuggesting popular;
	Trial trial;

	ss_history_read(history, &user->id, times->from, times->cut);
	ss_suggesting_begin(&neighbours, history, number, SUGGESTED);
	ss_suggesting_begin(&popular, NULL, number, SUGGESTED);
	ss_suggesting_leave_out_known(&neighbours);
	for (int i = 0; i < neighbours.nknown; i++)
		ss_suggesting_leave_out(&popular, &neighbours.known[i].id);
	ss_history_read(history, &user->id, times->cut, times->end);
	find_new(&trial, history, &popular);
	if (trial.nnew == 0)
		return;
	neighbours.latest = popular.latest = true;
	ss_suggest_neighbours(&neighbours, cut_day);
	ss_suggest_popular(&popular);
	version->users++;
	version->hits += judge(&trial, &neighbours, &version->gain);
	version->popular_hits += judge(&trial, &popular, &version->popular_gain);
}

/* Do neighbours serve, and why? */
static void
decide(SSAffinityVersion *version)
{
	bool enough = version->users >= USERS_LEAST;
	bool better = version->hits > 0 && 10 * version->hits >= 11 * version->popular_hits;

	version->serves = enough && better;
	version->reason = !enough  ? "too few users to try its neighbours with: what is popular serves"
					  : better ? "its neighbours did better than popularity by a tenth or more"
							   : "its neighbours did not do better than popularity by a tenth, which serves";
}

static void
try_users(SSAffinityVersion *version, const SSTraining *training, const SSTriedUsers *tried,
		  const SSNeighbourTimes *times, int32 number, DateADT cut_day)
{
	SSHistory *history = ss_history_create(training->rules);
	MemoryContext of_user = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy trial", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(of_user);

	for (int i = 0; i < tried->count; i++)
	{
		training->check();
		try_user(version, history, &tried->users[i], times, number, cut_day);
		MemoryContextReset(of_user);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(of_user);
	decide(version);
}

/* --- making --------------------------------------------------------------------------------------- */

/* The times of neighbours as of that day, and what follows until `end`. */
static SSNeighbourTimes
times_of(const SSRules *rules, DateADT day, TimestampTz end)
{
	return (SSNeighbourTimes){
		.from = ss_rules_day_start(rules, day - SS_NEIGHBOUR_DAYS),
		.popular_from = ss_rules_day_start(rules, day - SS_POPULAR_DAYS),
		.cut = ss_rules_day_start(rules, day),
		.end = end,
	};
}

void
ss_affinity_make(const SSTraining *training, int32 number, SSAffinityVersion *version)
{
	DateADT today = ss_rules_day(training->rules, training->as_of);
	DateADT cut_day = today - HELD_OUT_DAYS;
	SSNeighbourTimes now = times_of(training->rules, today, ss_rules_day_start(training->rules, today));
	SSNeighbourTimes before = times_of(training->rules, cut_day, now.cut);
	SSTriedUsers tried = {.users = palloc(2 * SS_TRIED_MAX * sizeof(SSTriedUser))};

	memset(version, 0, sizeof(SSAffinityVersion));
	ss_exclusions_get();
	ss_query_keep_order();
	(void) ss_neighbours_make(training, number, &before, true, &tried);
	try_users(version, training, &tried, &before, number, cut_day);
	ss_neighbours_clear(number, false);
	version->readers = ss_neighbours_make(training, number, &now, version->serves, NULL);
	ss_neighbours_clear(number, true);
	pfree(tried.users);
}

static void
add_rate(SSJson *json, const char *key, int64 part, int64 users)
{
	ss_json_six(json, key, users == 0 ? NAN : (double) part / users);
}

Jsonb *
ss_affinity_document(const SSAffinityVersion *version)
{
	SSJson json = {0};
	int64 users = version->users;

	ss_json_open_object(&json, NULL);
	ss_json_open_object(&json, "recommendations");
	ss_json_int(&json, "users", users);
	add_rate(&json, "hit_rate_10", version->hits, users);
	add_rate(&json, "popularity_hit_rate_10", version->popular_hits, users);
	ss_json_six(&json, "ndcg_10", version->gain / users);
	ss_json_six(&json, "popularity_ndcg_10", version->popular_gain / users);
	ss_json_text(&json, "serves", version->serves ? "neighbours" : "popularity");
	ss_json_close_object(&json);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}
