/*
 * refresh.c: refresh_ab_tests: adds up what the statistics of tests rest on.
 *
 * One pass over users, exposures, memberships, purchases, redemptions and
 * events, each read through a cursor in the order of user_id and merged here,
 * whatever the number of tests: memory does not grow with the data. All cursors
 * see one snapshot. Called by the job (all tests that are not final), by an
 * admin, and by get_ab_test_results() for one test.
 *
 * An advisory lock keeps two runs apart; purchases are neither locked nor
 * delayed. A run replaces the row of its local day and leaves earlier days.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/rows.h"
#include "base/uuid.h"
#include "call/call.h"
#include "experiments/refresh.h"
#include "experiments/units.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_refresh_ab_tests);

#define FETCH 1000

SS_QUERY(lock_runs, "SELECT pg_advisory_xact_lock(hashtextextended('swipesavvy.refresh_ab_tests', 0))");

SS_QUERY(due_tests,
		 "SELECT t.test_id FROM swipesavvy.ab_tests t WHERE t.started_at IS NOT NULL AND t.started_at < $2"
		 " AND ($1 IS NULL OR t.test_id = $1) AND (t.status IN ('running', 'paused') OR $1 IS NOT NULL"
		 " OR (t.status = 'ended' AND NOT EXISTS (SELECT 1 FROM swipesavvy.ab_test_sums s"
		 " WHERE s.test_no = t.test_no AND s.final))) ORDER BY t.test_no",
		 UUIDOID, TIMESTAMPTZOID);

SS_QUERY(latest_start,
		 "SELECT max(c.start_date) FROM swipesavvy.ab_test_groups g JOIN swipesavvy.campaigns c USING (campaign_no)"
		 " WHERE g.test_no = $1",
		 INT4OID);

SS_QUERY(read_target,
		 "SELECT c.target_merchant_id, k.category_no::integer FROM swipesavvy.campaigns c"
		 " LEFT JOIN swipesavvy.merchant_categories k ON k.category = c.target_category WHERE c.campaign_no = $1",
		 INT4OID);

SS_QUERY(read_raises,
		 "SELECT v.valid_until, ((v.test ->> 'coverage')::numeric * 10000)::integer FROM swipesavvy.ab_test_versions v"
		 " WHERE v.test_no = $1 AND v.test ->> 'started_at' IS NOT NULL ORDER BY v.version",
		 INT4OID);

SS_QUERY(write_sums,
		 "INSERT INTO swipesavvy.ab_test_sums (test_no, day, metric, group_no, as_of, final, n, s, q, s_d, q_d, s_md,"
		 " s_x, q_x, s_yx) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
		 " ON CONFLICT (test_no, day, metric, group_no) DO UPDATE SET as_of = excluded.as_of, final = excluded.final,"
		 " n = excluded.n, s = excluded.s, q = excluded.q, s_d = excluded.s_d, q_d = excluded.q_d,"
		 " s_md = excluded.s_md, s_x = excluded.s_x, q_x = excluded.q_x, s_yx = excluded.s_yx",
		 INT4OID, DATEOID, TEXTOID, INT2OID, TIMESTAMPTZOID, BOOLOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID,
		 NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID);

/* --- what is read, in the order of user_id ---------------------------------------------------------------- */

SS_QUERY(read_users,
		 "SELECT u.user_id, u.created_at FROM swipesavvy.users u WHERE u.role = 'customer' AND u.erased_at IS NULL"
		 " ORDER BY u.user_id");
SS_QUERY(read_exposures,
		 "SELECT e.user_id, e.test_no, e.group_no::integer, e.first_at, e.multiple FROM swipesavvy.ab_test_exposures e"
		 " WHERE e.test_no = ANY ($1) ORDER BY e.user_id",
		 INT4ARRAYOID);
SS_QUERY(read_members,
		 "SELECT m.user_id, m.segment_no, m.added_at FROM swipesavvy.segment_members m WHERE m.segment_no = ANY ($1)"
		 " ORDER BY m.user_id",
		 INT4ARRAYOID);
SS_QUERY(read_purchases,
		 "SELECT t.user_id, t.occurred_at, t.amount_minor, t.refunded_minor, t.currency::text, t.merchant_id,"
		 " coalesce(t.category_no, 0)::integer FROM swipesavvy.transactions t"
		 " WHERE t.status = 'completed' AND t.occurred_at >= $1 ORDER BY t.user_id",
		 TIMESTAMPTZOID);
/* of tests of flags every campaign's ($2) */
SS_QUERY(read_redemptions,
		 "SELECT r.user_id, r.campaign_no, t.occurred_at, r.counts, r.cost_minor - r.cost_returned_minor, r.points,"
		 " t.currency::text"
		 " FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.transactions t"
		 " ON t.user_id = r.user_id AND t.transaction_id = r.transaction_id"
		 " WHERE $2 OR r.campaign_no = ANY ($1) ORDER BY r.user_id",
		 INT4ARRAYOID, BOOLOID);
SS_QUERY(read_sights,
		 "SELECT e.user_id, e.campaign_no, e.occurred_at FROM swipesavvy.campaign_events e"
		 " WHERE e.campaign_no = ANY ($1) AND e.kind IN ('impression', 'view') AND e.occurred_at >= $2"
		 " ORDER BY e.user_id",
		 INT4ARRAYOID, TIMESTAMPTZOID);

typedef enum Source
{
	USERS,
	EXPOSURES,
	MEMBERS,
	PURCHASES,
	REDEMPTIONS,
	SIGHTS,
	SOURCES
} Source;

/* A cursor with the row it stands on. */
typedef struct Stream
{
	Portal cursor;
	SSRows rows;
	uint64 next; /* the row it stands on */
	bool ended;
	SSRow row;		/* that row, read up to its user */
	pg_uuid_t user; /* of that row */
} Stream;

typedef struct Pass
{
	int nruns;
	SSTestRun *runs;
	SSUnit *units;		   /* of the present user, by run */
	TimestampTz *added_at; /* of the present user to the run's segment */
	SSUnitExposure *exposures;
	bool *exposed;
	Stream streams[SOURCES];
	int64 counted; /* units of all tests */
} Pass;

static void
read_user(Stream *stream)
{
	stream->row = ss_row(stream->rows, stream->next);
	stream->user = *ss_next_uuid(&stream->row);
}

static void
fetch(Stream *stream)
{
	if (stream->rows.count > 0)
		ss_rows_free(&stream->rows);
	stream->next = 0;
	stream->rows = ss_rows_fetch(stream->cursor, FETCH);
	stream->ended = stream->rows.count == 0;
	if (!stream->ended)
		read_user(stream);
}

static void
advance(Stream *stream)
{
	if (++stream->next < stream->rows.count)
		read_user(stream);
	else
		fetch(stream);
}

/* Does the stream stand on a row of the user? Rows of users before it, who are no units, are passed by. */
static bool
stands_on(Stream *stream, const pg_uuid_t *user)
{
	while (!stream->ended)
	{
		int order = ss_uuid_compare(&stream->user, user);

		if (order >= 0)
			return order == 0;
		advance(stream);
	}
	return false;
}

static Datum
array_of(const int32 *numbers, int count)
{
	Datum *elements = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = Int32GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(elements, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
open_stream(Pass *pass, Source source, SSQuery *query, const Datum *values)
{
	pass->streams[source].cursor = ss_query_open(query, values, NULL);
	fetch(&pass->streams[source]);
}

static void
open_streams(Pass *pass)
{
	int32 *tests = palloc(pass->nruns * sizeof(int32));
	int32 *segments = palloc(pass->nruns * sizeof(int32));
	int32 *campaigns = palloc(pass->nruns * SS_AB_GROUPS_MAX * sizeof(int32));
	int ncampaigns = 0;
	TimestampTz first = DT_NOEND; /* of which a purchase counts, as one before the start */
	TimestampTz start = DT_NOEND;
	Datum values[2];
	bool of_flag = false;

	for (int i = 0; i < pass->nruns; i++)
	{
		const SSTestRun *run = &pass->runs[i];

		tests[i] = run->test.no;
		segments[i] = run->test.segment_no;
		of_flag |= run->test.of_flag;
		first = Min(first, run->start - run->test.covariate_days * USECS_PER_DAY);
		start = Min(start, run->start);
		for (int j = 0; j < run->test.ngroups; j++)
			campaigns[ncampaigns++] = run->test.groups[j].campaign_no;
	}
	open_stream(pass, USERS, &read_users, NULL);
	values[0] = array_of(tests, pass->nruns);
	open_stream(pass, EXPOSURES, &read_exposures, values);
	values[0] = array_of(segments, pass->nruns);
	open_stream(pass, MEMBERS, &read_members, values);
	values[0] = TimestampTzGetDatum(first);
	open_stream(pass, PURCHASES, &read_purchases, values);
	values[0] = array_of(campaigns, ncampaigns);
	values[1] = BoolGetDatum(of_flag);
	open_stream(pass, REDEMPTIONS, &read_redemptions, values);
	values[1] = TimestampTzGetDatum(start);
	open_stream(pass, SIGHTS, &read_sights, values);
}

/* --- one user --------------------------------------------------------------------------------------------- */

static void
take_exposures(Pass *pass, const pg_uuid_t *user)
{
	Stream *stream = &pass->streams[EXPOSURES];

	memset(pass->exposed, 0, pass->nruns * sizeof(bool));
	for (; stands_on(stream, user); advance(stream))
	{
		SSRow row = stream->row;
		int32 test_no = ss_next_int32(&row);
		SSUnitExposure exposure = {0};

		exposure.group = ss_next_int32(&row);
		exposure.first_at = ss_next_time(&row);
		exposure.multiple = ss_next_bool(&row);
		for (int i = 0; i < pass->nruns; i++)
		{
			if (pass->runs[i].test.no != test_no)
				continue;
			pass->exposed[i] = true;
			pass->exposures[i] = exposure;
		}
	}
}

static void
take_memberships(Pass *pass, const pg_uuid_t *user)
{
	Stream *stream = &pass->streams[MEMBERS];

	for (int i = 0; i < pass->nruns; i++)
		pass->added_at[i] = DT_NOEND;
	for (; stands_on(stream, user); advance(stream))
	{
		SSRow row = stream->row;
		int32 segment_no = ss_next_int32(&row);
		TimestampTz added_at = ss_next_time(&row);

		for (int i = 0; i < pass->nruns; i++)
		{
			if (pass->runs[i].test.segment_no == segment_no)
				pass->added_at[i] = added_at;
		}
	}
}

static void
next_currency(SSRow *row, char currency[4])
{
	text_to_cstring_buffer(DatumGetTextPP(ss_next_value(row, TEXTOID)), currency, 4);
}

static void
take_purchases(Pass *pass, const pg_uuid_t *user)
{
	Stream *stream = &pass->streams[PURCHASES];

	for (; stands_on(stream, user); advance(stream))
	{
		SSRow row = stream->row;
		SSUnitPurchase purchase = {0};
		const pg_uuid_t *merchant_id;

		purchase.occurred_at = ss_next_time(&row);
		purchase.amount = ss_next_int64(&row);
		purchase.refunded = ss_next_int64(&row);
		next_currency(&row, purchase.currency);
		merchant_id = ss_next_uuid_or_null(&row);
		purchase.has_merchant = merchant_id != NULL;
		if (merchant_id != NULL)
			purchase.merchant_id = *merchant_id;
		purchase.category_no = (int16) ss_next_int32(&row);
		for (int i = 0; i < pass->nruns; i++)
			ss_unit_purchase(&pass->runs[i], &pass->units[i], &purchase);
	}
}

static void
take_redemptions(Pass *pass, const pg_uuid_t *user)
{
	Stream *stream = &pass->streams[REDEMPTIONS];

	for (; stands_on(stream, user); advance(stream))
	{
		SSRow row = stream->row;
		SSUnitRedemption redemption = {0};

		redemption.campaign_no = ss_next_int32(&row);
		redemption.occurred_at = ss_next_time(&row);
		redemption.counts = ss_next_bool(&row);
		redemption.cost = ss_next_int64(&row);
		redemption.points = ss_next_int64(&row);
		next_currency(&row, redemption.currency);
		for (int i = 0; i < pass->nruns; i++)
			ss_unit_redemption(&pass->runs[i], &pass->units[i], &redemption);
	}
}

static void
take_sights(Pass *pass, const pg_uuid_t *user)
{
	Stream *stream = &pass->streams[SIGHTS];

	for (; stands_on(stream, user); advance(stream))
	{
		SSRow row = stream->row;
		int32 campaign_no = ss_next_int32(&row);
		TimestampTz occurred_at = ss_next_time(&row);

		for (int i = 0; i < pass->nruns; i++)
			ss_unit_saw(&pass->runs[i], &pass->units[i], campaign_no, occurred_at);
	}
}

static void
take_user(Pass *pass, const SSUnitUser *user)
{
	take_exposures(pass, &user->id);
	take_memberships(pass, &user->id);
	for (int i = 0; i < pass->nruns; i++)
		ss_unit_begin(&pass->runs[i], &pass->units[i], user, pass->added_at[i],
					  pass->exposed[i] ? &pass->exposures[i] : NULL);
	take_purchases(pass, &user->id);
	take_redemptions(pass, &user->id);
	take_sights(pass, &user->id);
	for (int i = 0; i < pass->nruns; i++)
	{
		pass->counted += pass->units[i].group == SS_AB_OUTSIDE ? 0 : 1;
		ss_unit_end(&pass->runs[i], &pass->units[i]);
	}
}

/* The next user: a customer, or an id that was told its group and is no user (yet). */
static bool
next_user(Pass *pass, SSUnitUser *user)
{
	Stream *users = &pass->streams[USERS];
	Stream *exposures = &pass->streams[EXPOSURES];

	if (users->ended && exposures->ended)
		return false;
	user->is_user = !users->ended && (exposures->ended || ss_uuid_compare(&users->user, &exposures->user) <= 0);
	user->id = user->is_user ? users->user : exposures->user;
	if (user->is_user)
	{
		SSRow row = users->row;

		user->created_at = ss_next_time(&row);
		advance(users);
	}
	return true;
}

/* --- a run -------------------------------------------------------------------------------------------------- */

/* Coverages since the start: each version's from the end of the one before. */
static void
prepare_raises(SSTestRun *run)
{
	Datum key = Int32GetDatum(run->test.no);
	SSRows rows = ss_rows_read(&read_raises, &key, NULL);
	TimestampTz from = run->start;
	SSTest version = run->test;

	run->raised_at = palloc((rows.count + 1) * sizeof(TimestampTz));
	run->raised = palloc((rows.count + 1) * sizeof(SSAbTest));
	for (uint64 i = 0; i <= rows.count; i++)
	{
		TimestampTz until = DT_NOEND;
		int32 coverage = run->test.coverage;

		if (i < rows.count)
		{
			SSRow row = ss_row(rows, i);

			until = ss_next_time(&row);
			coverage = ss_next_int32(&row);
		}

		if (run->nraises == 0 || coverage != version.coverage)
		{
			version.coverage = coverage;
			ss_test_compile(&version, &run->raised[run->nraises]);
			run->raised_at[run->nraises++] = from;
		}
		from = Max(run->start, until);
	}
}

static void
prepare_target(SSTestRun *run)
{
	Datum key = Int32GetDatum(run->test.groups[0].campaign_no);
	SSRows rows;
	SSRow row;
	const pg_uuid_t *merchant;

	if (!run->test.target_only)
		return;
	rows = ss_rows_read(&read_target, &key, NULL);
	if (rows.count != 1)
		elog(ERROR, "a campaign of test %d is gone", run->test.no);
	row = ss_row(rows, 0);
	merchant = ss_next_uuid_or_null(&row);
	run->has_merchant = merchant != NULL;
	if (merchant != NULL)
		run->merchant_id = *merchant;
	run->category_no = (int16) ss_next_int32_or(&row, 0);
}

static void
prepare(SSTestRun *run, const pg_uuid_t *id, TimestampTz as_of)
{
	const SSRules *rules = ss_rules_get();
	DateADT today = ss_rules_day(rules, as_of);
	SSRow row;
	Datum key;

	memset(run, 0, sizeof(SSTestRun));
	ss_test_read(id, &run->test);
	key = Int32GetDatum(run->test.no);
	row = ss_row(ss_rows_read(&latest_start, &key, NULL), 0);
	run->start = ss_next_time_or(&row, DT_NOBEGIN);
	run->start = Max(run->start, run->test.started_at);
	run->end = Min(run->test.ended_at, as_of);
	run->recent_from = ss_rules_day_start(rules, today - 7);
	run->recent_to = ss_rules_day_start(rules, today);
	ss_test_compile(&run->test, &run->compiled);
	prepare_raises(run);
	prepare_target(run);
}

static Datum
numeric_of(int128 number)
{
	char digits[48];
	char *p = digits + sizeof(digits);
	bool negative = number < 0;

	*--p = '\0';
	do
	{
		int digit = (int) (number % 10);

		*--p = (char) ('0' + (digit < 0 ? -digit : digit));
		number /= 10;
	} while (number != 0);
	if (negative)
		*--p = '-';
	return DirectFunctionCall3(numeric_in, CStringGetDatum(p), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static void
write_row(const SSTestRun *run, TimestampTz as_of, const char *metric, int group, const struct SSRunSums *sums)
{
	TimestampTz last = run->test.ended_at;
	const SSRules *rules = ss_rules_get();
	bool final = last != DT_NOEND && as_of >= last + (rules->settings.pending_expiry_days + 1) * USECS_PER_DAY;
	Datum values[15] = {Int32GetDatum(run->test.no), DateADTGetDatum(ss_rules_day(rules, as_of)),
						CStringGetTextDatum(metric), Int16GetDatum((int16) group),
						TimestampTzGetDatum(as_of),	 BoolGetDatum(final),
						numeric_of(sums->n),		 numeric_of(sums->s),
						numeric_of(sums->q),		 numeric_of(sums->s_d),
						numeric_of(sums->q_d),		 numeric_of(sums->s_md),
						numeric_of(sums->s_x),		 numeric_of(sums->q_x),
						numeric_of(sums->s_yx)};

	(void) ss_query_write(&write_sums, values, NULL);
}

static void
write_run(const SSTestRun *run, TimestampTz as_of)
{
	for (int metric = 0; metric < SS_METRICS; metric++)
	{
		for (int group = 0; group < run->test.ngroups; group++)
			write_row(run, as_of, ss_metric_specs[metric].name, group, &run->sums[metric][group]);
	}
	for (int group = 0; group < run->test.ngroups; group++)
		write_row(run, as_of, "reached", group,
				  &(struct SSRunSums){.n = run->sums[SS_METRIC_BUYERS][group].n, .s = run->reached[group]});
	write_row(run, as_of, "exposures", 0, &(struct SSRunSums){.n = run->exposed, .s = run->multiple});
	write_row(run, as_of, "recent_exposures", 0, &(struct SSRunSums){.n = run->exposed, .s = run->recent});
}

/* Everything in a context of its own, freed at the end: a job may be run for years. */
static int64
run_pass(const pg_uuid_t *ids, int count, TimestampTz as_of)
{
	Pass pass = {.nruns = count};
	SSUnitUser user;
	MemoryContext each = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy unit", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer;

	pass.runs = palloc_extended(count * sizeof(SSTestRun), MCXT_ALLOC_HUGE);
	pass.units = palloc(count * sizeof(SSUnit));
	pass.added_at = palloc(count * sizeof(TimestampTz));
	pass.exposures = palloc(count * sizeof(SSUnitExposure));
	pass.exposed = palloc(count * sizeof(bool));
	PushActiveSnapshot(GetLatestSnapshot());
	for (int i = 0; i < count; i++)
		prepare(&pass.runs[i], &ids[i], as_of);
	ss_query_avoid_scans();
	open_streams(&pass);
	while (next_user(&pass, &user))
	{
		CHECK_FOR_INTERRUPTS();
		outer = MemoryContextSwitchTo(each);
		take_user(&pass, &user);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(each);
	}
	PopActiveSnapshot();
	for (int i = 0; i < count; i++)
		write_run(&pass.runs[i], as_of);
	return pass.counted;
}

/* Tests that are due, or the one; then their sums. Returns how many tests there were. */
static int
refresh(const pg_uuid_t *only, TimestampTz as_of, int64 *units)
{
	Datum values[2] = {UUIDPGetDatum(only), TimestampTzGetDatum(as_of)};
	bool nulls[2] = {only == NULL, false};
	pg_uuid_t *ids;
	SSRows rows;

	(void) ss_query_write(&lock_runs, NULL, NULL);
	rows = ss_rows_latest(&due_tests, values, nulls);
	ids = palloc(Max(rows.count, 1) * sizeof(pg_uuid_t));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ids[i] = *ss_next_uuid(&row);
	}
	*units = rows.count == 0 ? 0 : run_pass(ids, (int) rows.count, as_of);
	return (int) rows.count;
}

void
ss_test_refresh_one(SSCall *call, const SSTest *test)
{
	int64 units;

	ss_audit_none(call); /* sums of facts: nobody's change */
	(void) refresh(&test->id, GetCurrentTimestamp(), &units);
}

/*
 * refresh_ab_tests(test_id, as_of): adds up the sums of a test, or of all that
 * are not final.
 */
Datum
swipesavvy_refresh_ab_tests(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *id;
	TimestampTz as_of;
	instr_time start;
	instr_time took;
	int64 units;
	int tests;

	INSTR_TIME_SET_CURRENT(start);
	ss_call_enter(&call, SS_ADMIN);
	id = ss_arg_uuid(fcinfo, 0, "test_id", false);
	as_of = ss_arg_as_of(fcinfo, 1, false);
	if (id != NULL)
		ss_test_require(id);
	ss_audit_none(&call);
	tests = refresh(id, as_of, &units);
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, start);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "tests", tests);
	ss_json_int(&json, "units", units);
	ss_json_int(&json, "duration_ms", (int64) INSTR_TIME_GET_MILLISEC(took));
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
