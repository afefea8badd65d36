/*
 * scores.c: what models think of everybody (scores.h).
 *
 * Called by the job refresh_models. One pass over what all customers have done,
 * one of them in memory at a time: each is asked about by the model churn, and
 * for each running campaign that it could use by the model conversion. Of these
 * the thousand most likely users are kept, so memory goes with the number of
 * campaigns and not with that of users. On the way some of what churn thinks is
 * kept to be compared with what comes to pass (live.c), and users are compared
 * with those it was trained on (drift.c).
 *
 * The lock on figures of customers, which the job holds, keeps erasing and refusing
 * away, which share it: else a row of somebody who has been forgotten meanwhile
 * could be written.
 * Purchases know nothing of it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/columns.h"
#include "base/hash.h"
#include "base/query.h"
#include "base/uuid.h"
#include "learning/campaign_features.h"
#include "learning/campaign_terms.h"
#include "learning/drift.h"
#include "learning/exclusions.h"
#include "learning/live.h"
#include "learning/model.h"
#include "learning/scores.h"
#include "learning/user_pass.h"

#define KEPT_MAX	 1000 /* users of a campaign */
#define ROWS_AT_ONCE 1000

SS_QUERY(clear_scores, "DELETE FROM swipesavvy.ml_scores WHERE model_name = $1", TEXTOID);
SS_QUERY(clear_scored, "DELETE FROM swipesavvy.ml_scored WHERE model_name = $1", TEXTOID);

SS_QUERY(
	insert_scores,
	"INSERT INTO swipesavvy.ml_scores (user_id, probability, model_name, version, campaign_no, as_of)"
	" SELECT k.user_id, round(k.probability::numeric, 6), $3, $4, $5, $6 FROM unnest($1, $2) k (user_id, probability)",
	UUIDARRAYOID, FLOAT8ARRAYOID, TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID);

SS_QUERY(
	insert_scored,
	"INSERT INTO swipesavvy.ml_scored (model_name, version, campaign_no, as_of, users) VALUES ($1, $2, $3, $4, $5)",
	TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID, INT8OID);

typedef struct Score
{
	pg_uuid_t user_id;
	double probability;
} Score;

/* A running campaign, or (no 0) what is not about one, and the users so far. */
typedef struct Scored
{
	const SSModel *model;
	const SSCampaign *campaign;
	const SSTerms *terms;
	int64 users;
	int count;
	Score *scores; /* room for twice as many as are kept */
} Scored;

typedef struct Scoring
{
	SSTraining training;
	SSMoment moment;
	TimestampTz since; /* from when on responses count */
	Scored churn;
	SSLive *live;	/* NULL: what is thought of users is not kept for later today */
	SSDrift *drift; /* NULL: it is not looked at today */
	int ncampaigns;
	Scored *campaigns;
} Scoring;

static void
check(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* --- writing ------------------------------------------------------------------------------------ */

static void
write_scores(const Scoring *scoring, Scored *scored)
{
	static const Oid types[] = {UUIDOID, FLOAT8OID};
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy scores", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(batch);
	SSColumns columns;
	Datum values[6];

	ss_columns_init(&columns, lengthof(types), types, Max(scored->count, 1));
	for (int i = 0; i < scored->count; i++)
	{
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, UUIDPGetDatum(&scored->scores[i].user_id));
		ss_columns_set(&columns, 1, Float8GetDatum(scored->scores[i].probability));
	}
	ss_columns_arrays(&columns, values);
	values[2] = CStringGetTextDatum(scored->model->name);
	values[3] = Int32GetDatum(scored->model->version);
	values[4] = Int32GetDatum(scored->campaign == NULL ? 0 : scored->campaign->no);
	values[5] = TimestampTzGetDatum(scoring->training.as_of);
	if (scored->count > 0)
		ss_query_latest_rows(&insert_scores, values, NULL, scored->count);
	scored->count = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(batch);
}

static void
write_scored(const Scoring *scoring, const Scored *scored)
{
	Datum values[5] = {CStringGetTextDatum(scored->model->name), Int32GetDatum(scored->model->version),
					   Int32GetDatum(scored->campaign == NULL ? 0 : scored->campaign->no),
					   TimestampTzGetDatum(scoring->training.as_of), Int64GetDatum(scored->users)};

	(void) ss_query_latest(&insert_scored, values, NULL);
}

/* --- users -------------------------------------------------------------------------------------- */

/* The most likely first, then by id. */
static int
compare_scores(const void *a, const void *b)
{
	const Score *x = a;
	const Score *y = b;

	if (x->probability != y->probability)
		return x->probability > y->probability ? -1 : 1;
	return ss_uuid_compare(&x->user_id, &y->user_id);
}

static void
keep_best(Scored *scored)
{
	qsort(scored->scores, scored->count, sizeof(Score), compare_scores);
	scored->count = Min(scored->count, KEPT_MAX);
}

static double
add_score(Scored *scored, const pg_uuid_t *user_id, const double *values)
{
	double probability = ss_model_probability(scored->model, ss_model_score(scored->model, values));

	scored->scores[scored->count++] = (Score){*user_id, probability};
	scored->users++;
	return probability;
}

/* Asks churn. */
static void
score_churn(Scoring *scoring, const pg_uuid_t *user_id, const double *values)
{
	double probability = add_score(&scoring->churn, user_id, values);

	if (scoring->live != NULL)
		ss_live_add(scoring->live, user_id, probability);
	if (scoring->drift != NULL)
		ss_drift_add(scoring->drift, values);
	if (scoring->churn.count == ROWS_AT_ONCE)
		write_scores(scoring, &scoring->churn);
}

/* Is the user one whom the campaign is for, not held out, and not at its limit? */
static bool
is_eligible(const SSCampaign *campaign, const SSUserPass *pass)
{
	int64 redeemed = 0;
	bool member = campaign->segment_no == 0;

	for (int i = 0; i < pass->nmemberships; i++)
		member |= pass->memberships[i].segment_no == campaign->segment_no;
	if (!member || ss_held_out(campaign->id, &pass->user_id, campaign->hold_out))
		return false;
	for (int i = 0; campaign->per_user_limit > 0 && i < pass->redeemed.count; i++)
		redeemed += pass->redeemed.items[i].campaign_no == campaign->no;
	return campaign->per_user_limit == 0 || redeemed < campaign->per_user_limit;
}

static void
score_user(Scoring *scoring, const SSUserPass *pass)
{
	double values[SS_CONVERSION_FEATURES];

	if (!ss_features(pass->history, &scoring->moment, values))
		return;
	if (scoring->churn.model != NULL)
		score_churn(scoring, &pass->user_id, values);
	for (int i = 0; i < scoring->ncampaigns; i++)
	{
		Scored *scored = &scoring->campaigns[i];

		if (!is_eligible(scored->campaign, pass))
			continue;
		(void) ss_conversion_features(
			scored->terms, pass->history, &scoring->moment,
			ss_responses_to_others(&pass->redeemed, scored->campaign->no, scoring->since, scoring->training.as_of),
			ss_responses_to_others(&pass->shown, scored->campaign->no, scoring->since, scoring->training.as_of),
			values);
		(void) add_score(scored, &pass->user_id, values);
		if (scored->count == 2 * KEPT_MAX)
			keep_best(scored);
	}
}

/* --- all of it ---------------------------------------------------------------------------------- */

/* The campaigns that run now. */
static void
find_campaigns(Scoring *scoring, const SSModel *model)
{
	const SSRules *rules = scoring->training.rules;
	TimestampTz now = scoring->training.as_of;
	const SSTermsOfAll *terms = ss_terms_load(now);

	scoring->campaigns = palloc0((rules->ncampaigns + 1) * sizeof(Scored));
	for (int i = 0; i < rules->ncampaigns; i++)
	{
		const SSCampaign *campaign = &rules->campaigns[i];
		int position = ss_terms_find(terms, campaign->no);
		Scored *scored = &scoring->campaigns[scoring->ncampaigns];

		if (position < 0 || campaign->start_date > now || campaign->end_date <= now)
			continue;
		scored->model = model;
		scored->campaign = campaign;
		scored->terms = ss_terms_at(&terms->campaigns[position], now);
		scored->scores = palloc(2 * KEPT_MAX * sizeof(Score));
		scoring->ncampaigns++;
	}
}

static Datum
array_of_segments(const Scoring *scoring)
{
	Datum *segments = palloc((scoring->ncampaigns + 1) * sizeof(Datum));

	for (int i = 0; i < scoring->ncampaigns; i++)
		segments[i] = Int32GetDatum(scoring->campaigns[i].campaign->segment_no);
	return PointerGetDatum(construct_array(segments, scoring->ncampaigns, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
score_users(Scoring *scoring)
{
	int what = SS_PASS_PURCHASES | SS_PASS_REDEMPTIONS;
	SSUserPass pass;

	if (scoring->ncampaigns > 0)
		what |= SS_PASS_REDEEMED | SS_PASS_SHOWN | SS_PASS_MEMBERS;
	ss_user_pass_begin(&pass, &scoring->training, what, scoring->training.as_of, array_of_segments(scoring));
	while (ss_user_pass_next(&pass, false))
		score_user(scoring, &pass);
	ss_user_pass_end(&pass);
	if (scoring->churn.model != NULL)
	{
		write_scores(scoring, &scoring->churn);
		write_scored(scoring, &scoring->churn);
	}
	for (int i = 0; i < scoring->ncampaigns; i++)
	{
		keep_best(&scoring->campaigns[i]);
		write_scores(scoring, &scoring->campaigns[i]);
		write_scored(scoring, &scoring->campaigns[i]);
	}
}

static void
clear(const char *model_name)
{
	Datum name = CStringGetTextDatum(model_name);

	(void) ss_query_latest(&clear_scores, &name, NULL);
	(void) ss_query_latest(&clear_scored, &name, NULL);
}

/* What else is to be known of the users that churn is asked about today. */
static void
begin_watching(Scoring *scoring)
{
	scoring->live = ss_live_begin(&scoring->training, scoring->churn.model);
	scoring->drift = ss_drift_begin(&scoring->training, scoring->churn.model);
}

static uint64
end_watching(Scoring *scoring)
{
	if (scoring->live != NULL)
		ss_live_end(scoring->live);
	return scoring->drift == NULL ? 0 : ss_drift_end(scoring->drift);
}

uint64
ss_scores_refresh(const SSRules *rules)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Scoring scoring = {.training = {.rules = rules, .as_of = now, .check = check}};
	const SSModel *conversion;
	uint64 queued;

	/* what those who had the lock before us have done */
	PushActiveSnapshot(GetLatestSnapshot());
	clear(SS_MODEL_CHURN);
	clear(SS_MODEL_CONVERSION);
	ss_exclusions_get();
	ss_query_keep_order();
	scoring.moment = ss_moment(rules, now);
	scoring.since = ss_days_before(rules->settings.timezone, now, SS_RESPONSE_DAYS);
	scoring.churn.model = ss_model_active(SS_MODEL_CHURN);
	scoring.churn.scores = palloc(ROWS_AT_ONCE * sizeof(Score));
	ss_live_work_out(&scoring.training);
	if (scoring.churn.model != NULL)
		begin_watching(&scoring);
	conversion = ss_model_active(SS_MODEL_CONVERSION);
	if (conversion != NULL)
		find_campaigns(&scoring, conversion);
	if (scoring.churn.model != NULL || scoring.ncampaigns > 0)
		score_users(&scoring);
	queued = end_watching(&scoring);
	PopActiveSnapshot();
	return queued;
}
