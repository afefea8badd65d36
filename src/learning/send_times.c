/*
 * send_times.c: at which hours and on which days a user is there.
 *
 * SQL entry point get_send_times; the job refresh_models has everybody's shares
 * counted, to which a user of whom little is known is taken to be like. A
 * histogram and not the mean: who buys at 8 and at 20 is never there at 14.
 * Hours are smoothed over midnight. Reads one snapshot; no lock.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/query.h"
#include "call/call.h"
#include "learning/horizon.h"
#include "learning/local_days.h"
#include "learning/model.h"
#include "learning/send_times.h"
#include "learning/six.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_send_times);

#define DAYS		  180
#define HOURS		  24
#define WEEKDAYS	  7
#define WEIGHT_HOURS  12 /* of everybody's shares, in events */
#define WEIGHT_DAYS	  7
#define LIMIT_DEFAULT 3
#define SATURDAY	  5 /* from Monday, 0: the weekday of the server's first day */

#define EVENTS_OF(of, condition)                                                                                       \
	"SELECT t.occurred_at FROM swipesavvy.transactions t" of                                                           \
	" WHERE t.status = 'completed' AND t.refunded_minor < t.amount_minor AND t.occurred_at >= $1"                      \
	"   AND t.occurred_at < $2" condition " UNION ALL"                                                                 \
	" SELECT t.occurred_at FROM swipesavvy.campaign_events t" of                                                       \
	" WHERE t.kind IN ('view', 'click') AND t.occurred_at >= $1 AND t.occurred_at < $2" condition

/* Whoever may be learned of: customers who are not erased and have not refused it. */
#define OF_ALL                                                                                                         \
	" JOIN swipesavvy.users u ON u.user_id = t.user_id AND u.role = 'customer' AND u.erased_at IS NULL"                \
	" AND NOT EXISTS (SELECT FROM swipesavvy.ml_profiling_refusals p WHERE p.user_id = u.user_id)"

SS_QUERY(select_of_user, EVENTS_OF("", " AND t.user_id = $3"), TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID);
SS_QUERY(select_of_all, EVENTS_OF(OF_ALL, ""), TIMESTAMPTZOID, TIMESTAMPTZOID);
SS_QUERY(select_prior, "SELECT p.weekdays, p.slot, p.share FROM swipesavvy.ml_send_prior p");
SS_QUERY(clear_prior, "DELETE FROM swipesavvy.ml_send_prior WHERE true");
SS_QUERY(insert_prior, "INSERT INTO swipesavvy.ml_send_prior (weekdays, slot, share) VALUES ($1, $2, $3)", BOOLOID,
		 INT4OID, FLOAT8OID);

typedef struct Counts
{
	SSLocalDays zone;
	int64 events;
	int64 hours[HOURS];
	int64 weekdays[WEEKDAYS];
} Counts;

static int
remainder_of(int64 a, int b)
{
	int64 r = a % b;

	return (int) (r < 0 ? r + b : r);
}

/* An event at midnight to the second is a date without a time. */
static void
count_event(TupleTableSlot *row, void *state)
{
	Counts *counts = state;
	int64 local = ss_local_time(&counts->zone, DatumGetTimestampTz(ss_slot_value(row, 1)));
	int64 day = local / USECS_PER_DAY - (local % USECS_PER_DAY < 0 ? 1 : 0);
	int64 of_day = local - day * USECS_PER_DAY;

	if (of_day == 0)
		return;
	counts->events++;
	counts->hours[of_day / USECS_PER_HOUR]++;
	counts->weekdays[remainder_of(day + SATURDAY, WEEKDAYS)]++;
}

static Counts
count_events(const SSRules *rules, TimestampTz now, const pg_uuid_t *user_id)
{
	Counts counts = {.zone = ss_local_days(rules->settings.timezone)};
	DateADT today = ss_rules_day(rules, now);
	Datum values[3] = {TimestampTzGetDatum(ss_rules_day_start(rules, today - DAYS)),
					   TimestampTzGetDatum(ss_rules_day_start(rules, today)), UUIDPGetDatum(user_id)};

	ss_query_each(user_id == NULL ? &select_of_all : &select_of_user, values, count_event, &counts);
	return counts;
}

/* The count of an hour, spread over the two before and after it. */
static double
smoothed(const Counts *counts, int hour)
{
	static const int kernel[] = {1, 4, 6, 4, 1};
	int64 sum = 0;

	for (int i = 0; i < (int) lengthof(kernel); i++)
		sum += kernel[i] * counts->hours[(hour + i - 2 + HOURS) % HOURS];
	return (double) sum / 16;
}

/* --- everybody --------------------------------------------------------------------------------- */

static void
read_prior(double *hours, double *weekdays)
{
	SSRows rows = ss_rows_read(&select_prior, NULL, NULL);

	for (int i = 0; i < HOURS; i++)
		hours[i] = 1.0 / HOURS;
	for (int i = 0; i < WEEKDAYS; i++)
		weekdays[i] = 1.0 / WEEKDAYS;
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		bool of_weekday = ss_next_bool(&row);
		int32 slot = ss_next_int32(&row);
		double share = ss_next_float8(&row);

		if (slot >= 0 && slot < (of_weekday ? WEEKDAYS : HOURS))
			(of_weekday ? weekdays : hours)[slot] = share;
	}
	ss_rows_free(&rows);
}

static void
write_share(bool of_weekday, int slot, double share)
{
	(void) ss_query_latest(&insert_prior,
						   (Datum[]){BoolGetDatum(of_weekday), Int32GetDatum(slot), Float8GetDatum(share)}, NULL);
}

void
ss_send_times_refresh(const SSRules *rules)
{
	Counts counts = count_events(rules, GetCurrentTransactionStartTimestamp(), NULL);

	(void) ss_query_latest(&clear_prior, NULL, NULL);
	for (int i = 0; i < HOURS && counts.events > 0; i++)
		write_share(false, i, smoothed(&counts, i) / counts.events);
	for (int i = 0; i < WEEKDAYS && counts.events > 0; i++)
		write_share(true, i, (double) counts.weekdays[i] / counts.events);
}

/* --- a user --------------------------------------------------------------------------------------- */

static bool
is_quiet(int hour, int start, int end)
{
	return start <= end ? hour >= start && hour < end : hour >= start || hour < end;
}

/* The hours with the largest shares that are not quiet, of equal ones the earlier. */
static void
add_best_hours(SSJson *json, const double *shares, int64 limit)
{
	int start = ss_quiet_hours_start();
	int end = ss_quiet_hours_end();
	bool taken[HOURS] = {false};

	ss_json_open_array(json, "best_hours");
	for (int64 n = 0; n < limit; n++)
	{
		int best = -1;

		for (int hour = 0; hour < HOURS; hour++)
		{
			if (!taken[hour] && !is_quiet(hour, start, end) && (best < 0 || shares[hour] > shares[best]))
				best = hour;
		}
		if (best < 0)
			break;
		taken[best] = true;
		ss_json_open_object(json, NULL);
		ss_json_int(json, "hour", best);
		ss_json_six(json, "share", shares[best]);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
add_shares(SSJson *json, const char *key, const double *shares, int count)
{
	ss_json_open_array(json, key);
	for (int i = 0; i < count; i++)
		ss_json_six(json, NULL, shares[i]);
	ss_json_close_array(json);
}

/*
 * get_send_times(user_id, page_size)
 */
Datum
swipesavvy_get_send_times(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;
	Counts counts = {0};
	double hours[HOURS];
	double weekdays[WEEKDAYS];
	pg_uuid_t *user_id;
	SSProfiling profiling;
	SSPage page;
	int32 version;
	int best = 0;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN | SS_NOT_CACHED);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, user_id);
	page = ss_arg_page(fcinfo, 1, -1, -1, HOURS, LIMIT_DEFAULT);
	profiling = ss_model_ask_about("churn", user_id, &version);
	if (profiling == SS_ERASED || (profiling == SS_REFUSED && ss_call_has(&call, SS_BACKEND | SS_ADMIN)))
		ss_model_refuse(profiling, user_id);
	rules = ss_rules_get();
	if (profiling == SS_PROFILED)
		counts = count_events(rules, GetCurrentTransactionStartTimestamp(), user_id);
	read_prior(hours, weekdays);
	for (int i = 0; i < HOURS; i++)
		hours[i] = (smoothed(&counts, i) + WEIGHT_HOURS * hours[i]) / (counts.events + WEIGHT_HOURS);
	for (int i = 0; i < WEEKDAYS; i++)
	{
		weekdays[i] = (counts.weekdays[i] + WEIGHT_DAYS * weekdays[i]) / (counts.events + WEIGHT_DAYS);
		if (weekdays[i] > weekdays[best])
			best = i;
	}
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "user_id", user_id);
	ss_json_text(&json, "timezone", pg_get_timezone_name(rules->settings.timezone));
	add_shares(&json, "hours", hours, HOURS);
	add_shares(&json, "weekdays", weekdays, WEEKDAYS);
	add_best_hours(&json, hours, page.limit);
	ss_json_int(&json, "best_weekday", best + 1);
	ss_json_int(&json, "events", counts.events);
	ss_json_quotient(&json, "confidence", counts.events, counts.events + WEIGHT_HOURS, 4);
	ss_json_text(&json, "source", counts.events > 0 ? "user" : "programme");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
