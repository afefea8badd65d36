/*
 * store.c: A/B tests as they are kept: read, locked, inserted, changed,
 * written down.
 *
 * Order of locks of whoever changes a test: the campaigns of its groups by
 * their numbers, then the row of the test, each FOR NO KEY UPDATE; campaigns
 * of a test do not change once it is started, and a draft's are read again
 * after the wait. Readers lock nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "experiments/ab_test.h"
#include "outbox/outbox.h"

#define DAY_USECS USECS_PER_DAY

/* in the order in which read_test() takes them */
SS_QUERY(find_row,
		 "SELECT t.test_no, t.test_id, t.test_key, t.version, t.kind = 'flag', t.test_name, t.hypothesis, t.status,"
		 " t.flag_no, f.flag_key, t.condition, t.segment_no, s.name, t.exposure = 'assignment',"
		 " t.outside = 'control', t.seed, (t.coverage * 10000)::integer, t.namespace_id,"
		 " (t.namespace_start * 1000)::integer, (t.namespace_end * 1000)::integer, t.bucket_version,"
		 " t.currency::text, k.minor_unit::integer, t.scope = 'target', t.primary_metric, t.metrics, t.guardrails,"
		 " t.window_days, t.covariate_days, (t.confidence_level * 100)::integer, (t.power * 100)::integer,"
		 " t.minimum_effect_size, t.baseline, t.target_sample_size, t.sequential, t.sequential_tuning,"
		 " t.minimum_days, t.minimum_conversions, t.created_at, t.updated_at, t.started_at, t.ended_at,"
		 " t.archived_at, t.winner_group::integer, t.recommended_group::integer, t.end_reason, t.created_by"
		 " FROM swipesavvy.ab_tests t JOIN swipesavvy.currencies k ON k.code = t.currency"
		 " LEFT JOIN swipesavvy.segments s ON s.segment_no = t.segment_no"
		 " LEFT JOIN swipesavvy.feature_flags f ON f.flag_no = t.flag_no WHERE t.test_id = $1",
		 UUIDOID);

SS_QUERY(read_groups,
		 "SELECT g.name, g.campaign_no, c.campaign_id, c.status, g.value, (g.weight * 10000)::integer,"
		 " g.version_at_start, c.version, coalesce((SELECT sum(a.allotted - a.used) <= 0"
		 " FROM swipesavvy.campaign_slots a WHERE a.campaign_no = c.campaign_no AND a.day = '-infinity'), false)"
		 " FROM swipesavvy.ab_test_groups g LEFT JOIN swipesavvy.campaigns c ON c.campaign_no = g.campaign_no"
		 " WHERE g.test_no = $1 ORDER BY g.group_no",
		 INT4OID);

SS_QUERY(read_pauses,
		 "SELECT p.paused_at, p.resumed_at FROM swipesavvy.ab_test_pauses p WHERE p.test_no = $1 ORDER BY p.paused_at",
		 INT4OID);

SS_QUERY(find_test, "SELECT t.test_no FROM swipesavvy.ab_tests t WHERE t.test_id = $1", UUIDOID);

SS_QUERY(lock_campaigns,
		 "SELECT FROM (SELECT g.campaign_no FROM swipesavvy.ab_test_groups g"
		 " WHERE g.test_no = $1 AND g.campaign_no IS NOT NULL) g"
		 " JOIN swipesavvy.campaigns c USING (campaign_no) ORDER BY c.campaign_no FOR NO KEY UPDATE OF c",
		 INT4OID);

SS_QUERY(lock_row, "SELECT FROM swipesavvy.ab_tests t WHERE t.test_no = $1 FOR NO KEY UPDATE", INT4OID);

/* The columns that a description fills, in the order of fill_columns(). */
#define COLUMNS                                                                                                        \
	"test_key, kind, test_name, hypothesis, flag_no, condition, segment_no, exposure, outside, seed, coverage,"        \
	" namespace_id, namespace_start, namespace_end, currency, scope, primary_metric, metrics, guardrails,"             \
	" window_days, covariate_days, confidence_level, power, minimum_effect_size, baseline, target_sample_size,"        \
	" sequential, sequential_tuning, minimum_days, minimum_conversions, status, started_at, ended_at, winner_group,"   \
	" recommended_group, end_reason, archived_at, bucket_version"
#define NUMBER_OF_COLUMNS 38
#define COLUMN_TYPES                                                                                                   \
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, JSONBOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, NUMERICOID, TEXTOID,    \
		NUMERICOID, NUMERICOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID, INT4OID, NUMERICOID,   \
		NUMERICOID, NUMERICOID, NUMERICOID, INT8OID, BOOLOID, INT4OID, INT4OID, INT4OID, TEXTOID, TIMESTAMPTZOID,      \
		TIMESTAMPTZOID, INT2OID, INT2OID, TEXTOID, TIMESTAMPTZOID, INT4OID
#define PARAMETERS                                                                                                     \
	"$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,"   \
	" $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38"

SS_QUERY(insert_row,
		 "INSERT INTO swipesavvy.ab_tests (" COLUMNS ", test_id, created_by) VALUES (" PARAMETERS ", $39, $40)"
		 " ON CONFLICT DO NOTHING RETURNING test_no, created_at",
		 COLUMN_TYPES, UUIDOID, UUIDOID);

SS_QUERY(update_row,
		 "UPDATE swipesavvy.ab_tests SET (" COLUMNS ", version, updated_at) = ROW(" PARAMETERS ", version + 1, $40)"
		 " WHERE test_no = $39",
		 COLUMN_TYPES, INT4OID, TIMESTAMPTZOID);

SS_QUERY(write_group,
		 "INSERT INTO swipesavvy.ab_test_groups (test_no, group_no, name, campaign_no, value, weight,"
		 " version_at_start, active) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		 INT4OID, INT2OID, TEXTOID, INT4OID, JSONBOID, NUMERICOID, INT4OID, BOOLOID);

SS_QUERY(delete_groups, "DELETE FROM swipesavvy.ab_test_groups g WHERE g.test_no = $1", INT4OID);

SS_QUERY(keep_version,
		 "INSERT INTO swipesavvy.ab_test_versions (test_no, version, valid_until, changed_by, test)"
		 " SELECT t.test_no, t.version, $3, $2, $4 FROM swipesavvy.ab_tests t WHERE t.test_no = $1",
		 INT4OID, UUIDOID, TIMESTAMPTZOID, JSONBOID);

SS_QUERY(read_document, "SELECT t FROM swipesavvy.ab_tests t WHERE t.test_no = $1", INT4OID);

/* --- reading ------------------------------------------------------------------------------------ */

static SSMetric
metric_of(const char *name)
{
	return (SSMetric) ss_check_choice(name, "metric", ss_metric_names);
}

static SSMetricSet
next_metrics(SSRow *row)
{
	ArrayType *names = DatumGetArrayTypeP(ss_next_value(row, TEXTARRAYOID));
	SSMetricSet set = 0;
	Datum *elements;
	int count;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	for (int i = 0; i < count; i++)
		set |= SS_METRIC_BIT(metric_of(TextDatumGetCString(elements[i])));
	return set;
}

static Numeric
next_numeric(SSRow *row)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, NUMERICOID, &isnull);

	return isnull ? NULL : DatumGetNumericCopy(value);
}

static void
take_row(SSTest *test, SSRow row)
{
	const pg_uuid_t *creator;

	test->no = ss_next_int32(&row);
	test->id = *ss_next_uuid(&row);
	test->key = ss_next_text(&row);
	test->version = ss_next_int32(&row);
	test->of_flag = ss_next_bool(&row);
	test->name = ss_next_text(&row);
	test->hypothesis = ss_next_text_or_null(&row);
	test->status = (SSTestStatus) ss_check_choice(ss_next_text(&row), "status", ss_test_statuses);
	test->flag_no = ss_next_int32_or(&row, 0);
	test->flag_key = ss_next_text_or_null(&row);
	test->condition = ss_next_jsonb(&row);
	test->segment_no = ss_next_int32_or(&row, 0);
	test->segment = ss_next_text_or_null(&row);
	test->by_assignment = ss_next_bool(&row);
	test->control_outside = ss_next_bool(&row);
	test->seed = ss_next_text(&row);
	test->coverage = ss_next_int32(&row);
	test->namespace_id = ss_next_text_or_null(&row);
	test->namespace_start = ss_next_int32_or(&row, 0);
	test->namespace_end = ss_next_int32_or(&row, 0);
	test->bucket_version = ss_next_int32(&row);
	strlcpy(test->currency, ss_next_text(&row), sizeof(test->currency));
	test->exponent = ss_next_int32(&row);
	test->target_only = ss_next_bool(&row);
	test->primary = metric_of(ss_next_text(&row));
	test->metrics = next_metrics(&row);
	test->guardrails = next_metrics(&row);
	test->window_days = ss_next_int32_or(&row, 0);
	test->covariate_days = ss_next_int32(&row);
	test->confidence = ss_next_int32(&row);
	test->power = ss_next_int32(&row);
	test->minimum_effect = next_numeric(&row);
	test->baseline = next_numeric(&row);
	test->target_sample_size = ss_next_int64_or(&row, 0);
	test->sequential = ss_next_bool(&row);
	test->sequential_tuning = ss_next_int32_or(&row, 0);
	test->minimum_days = ss_next_int32(&row);
	test->minimum_conversions = ss_next_int32(&row);
	test->created_at = ss_next_time(&row);
	test->updated_at = ss_next_time(&row);
	test->started_at = ss_next_time_or(&row, DT_NOEND);
	test->ended_at = ss_next_time_or(&row, DT_NOEND);
	test->archived_at = ss_next_time_or(&row, DT_NOEND);
	test->winner = ss_next_int32_or(&row, -1);
	test->recommended = ss_next_int32_or(&row, -1);
	test->end_reason = ss_next_text_or_null(&row);
	creator = ss_next_uuid_or_null(&row);
	test->has_creator = creator != NULL;
	if (creator != NULL)
		test->created_by = *creator;
}

static void
take_groups(SSTest *test, SSRows rows)
{
	if (rows.count > SS_AB_GROUPS_MAX)
		elog(ERROR, "test %d has too many groups", test->no);
	test->ngroups = (int) rows.count;
	for (int i = 0; i < test->ngroups; i++)
	{
		SSRow row = ss_row(rows, i);
		SSTestGroup *group = &test->groups[i];

		group->name = ss_next_text(&row);
		group->campaign_no = ss_next_int32_or(&row, 0);
		group->campaign_id = ss_next_text_or_null(&row);
		group->campaign_status = ss_next_text_or_null(&row);
		group->value = ss_next_jsonb_or_null(&row);
		group->weight = ss_next_int32(&row);
		group->version_at_start = ss_next_int32_or(&row, 0);
		group->version = ss_next_int32_or(&row, 0);
		group->exhausted = ss_next_bool(&row);
	}
	test->has_hold_out = !test->of_flag && test->ngroups > 0 && test->groups[test->ngroups - 1].campaign_no == 0;
}

static void
take_pauses(SSTest *test, SSRows rows)
{
	test->npauses = (int) rows.count;
	test->pauses = palloc(Max(rows.count, 1) * sizeof(SSTestPause));
	for (int i = 0; i < test->npauses; i++)
	{
		SSRow row = ss_row(rows, i);

		test->pauses[i].from = ss_next_time(&row);
		test->pauses[i].to = ss_next_time_or(&row, DT_NOEND);
	}
}

/* Under the snapshot of a reader, or seeing own changes and what others committed while we waited. */
static void
read_test(const pg_uuid_t *id, SSTest *test, SSRows (*run)(SSQuery *, const Datum *, const bool *))
{
	Datum key = UUIDPGetDatum(id);
	SSRows rows = run(&find_row, &key, NULL);

	memset(test, 0, sizeof(SSTest));
	if (rows.count == 0)
		ss_not_found("test", ss_uuid_text(id));
	take_row(test, ss_row(rows, 0));
	key = Int32GetDatum(test->no);
	take_groups(test, run(&read_groups, &key, NULL));
	take_pauses(test, run(&read_pauses, &key, NULL));
}

void
ss_test_require(const pg_uuid_t *id)
{
	Datum key = UUIDPGetDatum(id);

	if (ss_query_read(&find_test, &key, NULL) == 0)
		ss_not_found("test", ss_uuid_text(id));
}

void
ss_test_read(const pg_uuid_t *id, SSTest *test)
{
	read_test(id, test, ss_rows_read);
}

void
ss_test_lock(const pg_uuid_t *id, SSTest *test)
{
	Datum key = UUIDPGetDatum(id);
	SSRows rows;
	SSRow row;

	rows = ss_rows_write(&find_test, &key, NULL);
	if (rows.count == 0)
		ss_not_found("test", ss_uuid_text(id));
	row = ss_row(rows, 0);
	key = Int32GetDatum(ss_next_int32(&row));
	(void) ss_query_latest(&lock_campaigns, &key, NULL);
	if (ss_query_latest(&lock_row, &key, NULL) == 0)
		ss_not_found("test", ss_uuid_text(id));
	read_test(id, test, ss_rows_latest);
}

const char *
ss_test_group_said(const SSTest *test, int group)
{
	if (group < 0)
		return NULL;
	return test->of_flag ? test->groups[group].name : test->groups[group].campaign_id;
}

Jsonb *
ss_test_row(int32 test_no)
{
	Datum key = Int32GetDatum(test_no);

	SSRows rows = ss_rows_latest(&read_document, &key, NULL);
	SSRow row;

	if (rows.count != 1)
		elog(ERROR, "test %d is gone", test_no);
	row = ss_row(rows, 0);
	return ss_next_document(&row, NULL);
}

/* --- writing ------------------------------------------------------------------------------------- */

/* Parameters one after another. */
typedef struct Values
{
	Datum value[NUMBER_OF_COLUMNS + 2];
	bool isnull[NUMBER_OF_COLUMNS + 2];
	int count;
} Values;

static void
add(Values *values, Datum value, bool isnull)
{
	values->value[values->count] = value;
	values->isnull[values->count++] = isnull;
}

static void
add_text(Values *values, const char *text)
{
	add(values, text == NULL ? (Datum) 0 : CStringGetTextDatum(text), text == NULL);
}

static void
add_int32(Values *values, int32 value, bool isnull)
{
	add(values, Int32GetDatum(value), isnull);
}

static void
add_decimal(Values *values, int64 value, int decimals)
{
	add(values, NumericGetDatum(ss_money_to_major(value, decimals)), false);
}

static void
add_numeric(Values *values, Numeric value)
{
	add(values, NumericGetDatum(value), value == NULL);
}

static void
add_time(Values *values, TimestampTz value)
{
	add(values, TimestampTzGetDatum(value), value == DT_NOEND);
}

static void
add_metrics(Values *values, SSMetricSet set)
{
	Datum names[SS_METRICS];
	int count = 0;

	for (int i = 0; i < SS_METRICS; i++)
	{
		if (set & SS_METRIC_BIT(i))
			names[count++] = CStringGetTextDatum(ss_metric_specs[i].name);
	}
	add(values, PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT)), false);
}

/* In the order of COLUMNS */
static void
fill_columns(const SSTest *test, Values *values)
{
	add_text(values, test->key);
	add_text(values, test->of_flag ? "flag" : "campaign");
	add_text(values, test->name);
	add_text(values, test->hypothesis);
	add_int32(values, test->flag_no, !test->of_flag);
	add(values,
		test->condition == NULL ? DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))
								: JsonbPGetDatum(test->condition),
		false);
	add_int32(values, test->segment_no, test->segment_no == 0);
	add_text(values, test->by_assignment ? "assignment" : "population");
	add_text(values, test->control_outside ? "control" : "none");
	add_text(values, test->seed);
	add_decimal(values, test->coverage, 4);
	add_text(values, test->namespace_id);
	add(values, NumericGetDatum(ss_money_to_major(test->namespace_start, 3)), test->namespace_id == NULL);
	add(values, NumericGetDatum(ss_money_to_major(test->namespace_end, 3)), test->namespace_id == NULL);
	add_text(values, test->currency);
	add_text(values, test->target_only ? "target" : "all");
	add_text(values, ss_metric_specs[test->primary].name);
	add_metrics(values, test->metrics);
	add_metrics(values, test->guardrails);
	add_int32(values, test->window_days, test->window_days == 0);
	add_int32(values, test->covariate_days, false);
	add_decimal(values, test->confidence, 2);
	add_decimal(values, test->power, 2);
	add_numeric(values, test->minimum_effect);
	add_numeric(values, test->baseline);
	add(values, Int64GetDatum(test->target_sample_size), test->target_sample_size == 0);
	add(values, BoolGetDatum(test->sequential), false);
	add_int32(values, test->sequential_tuning, test->sequential_tuning == 0);
	add_int32(values, test->minimum_days, false);
	add_int32(values, test->minimum_conversions, false);
	add_text(values, ss_test_statuses[test->status]);
	add_time(values, test->started_at);
	add_time(values, test->ended_at);
	add(values, Int16GetDatum((int16) test->winner), test->winner < 0);
	add(values, Int16GetDatum((int16) test->recommended), test->recommended < 0);
	add_text(values, test->end_reason);
	add_time(values, test->archived_at);
	add_int32(values, test->bucket_version, false);
}

static bool
is_active(const SSTest *test)
{
	return test->status == SS_TEST_RUNNING || test->status == SS_TEST_PAUSED;
}

static void
write_groups(const SSTest *test)
{
	for (int i = 0; i < test->ngroups; i++)
	{
		const SSTestGroup *group = &test->groups[i];
		Datum values[8] = {Int32GetDatum(test->no),
						   Int16GetDatum((int16) i),
						   CStringGetTextDatum(group->name),
						   Int32GetDatum(group->campaign_no),
						   JsonbPGetDatum(group->value),
						   NumericGetDatum(ss_money_to_major(group->weight, 4)),
						   Int32GetDatum(group->version_at_start),
						   BoolGetDatum(is_active(test))};
		bool nulls[8] = {[3] = group->campaign_no == 0, [4] = group->value == NULL, [6] = group->version_at_start == 0};

		(void) ss_query_write(&write_group, values, nulls);
	}
}

void
ss_test_insert(SSTest *test, const SSCall *call)
{
	Values values = {.count = 0};
	SSRows rows;
	SSRow row;

	fill_columns(test, &values);
	add(&values, UUIDPGetDatum(&test->id), false);
	add(&values, UUIDPGetDatum(&call->identity), !call->has_identity);
	rows = ss_rows_write(&insert_row, values.value, values.isnull);
	if (rows.count != 1)
		ss_duplicate("test_id or test_key is already used", "There is a test \"%s\" already.", test->key);
	row = ss_row(rows, 0);
	test->no = ss_next_int32(&row);
	test->created_at = test->updated_at = ss_next_time(&row);
	test->version = 1;
	write_groups(test);
}

void
ss_test_update(SSTest *test, const SSCall *call)
{
	Values values = {.count = 0};
	TimestampTz now = GetCurrentTimestamp();
	Datum version[4] = {Int32GetDatum(test->no), UUIDPGetDatum(&call->identity), TimestampTzGetDatum(now),
						JsonbPGetDatum(ss_test_row(test->no))};
	bool nulls[4] = {false, !call->has_identity, false, false};
	Datum key = Int32GetDatum(test->no);

	ss_query_latest_rows(&keep_version, version, nulls, 1);
	fill_columns(test, &values);
	add_int32(&values, test->no, false);
	add(&values, TimestampTzGetDatum(now), false);
	ss_query_latest_rows(&update_row, values.value, values.isnull, 1);
	(void) ss_query_write(&delete_groups, &key, NULL);
	write_groups(test);
	test->version++;
	test->updated_at = now;
}

/* --- what others are told --------------------------------------------------------------------------- */

static void
announce(const SSTest *test, const char *event)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "test_id", &test->id);
	ss_json_text(&json, "test_name", test->name);
	ss_json_text(&json, "status", ss_test_statuses[test->status]);
	ss_json_text(&json, "winner", ss_test_group_said(test, test->winner));
	ss_json_time(&json, "changed_at", test->updated_at);
	ss_json_close_object(&json);
	ss_outbox_put(event, 1, psprintf("ab_test:%s", ss_uuid_text(&test->id)), DatumGetJsonbP(ss_json_finish(&json)),
				  NULL);
}

void
ss_test_record(SSCall *call, const SSTest *test, const char *action, const char *reason, Jsonb *before)
{
	static const struct
	{
		const char *action;
		const char *event;
	} events[] = {{"start", "ab_test.started"}, {"pause", "ab_test.paused"}, {"end", "ab_test.ended"}};
	SSAudit audit = {.resource = "ab_test", .action = action, .resource_id = ss_uuid_text(&test->id)};

	Jsonb *after = ss_test_row(test->no);

	if (reason != NULL)
	{
		SSJson why = {0};

		ss_json_open_object(&why, NULL);
		ss_json_text(&why, "reason", reason);
		ss_json_close_object(&why);
		after = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(after), ss_json_finish(&why)));
	}
	ss_audit_write(call, &audit, before, after);
	for (size_t i = 0; i < lengthof(events); i++)
	{
		if (strcmp(events[i].action, action) == 0)
			announce(test, events[i].event);
	}
}

/* --- as the engine has it ----------------------------------------------------------------------------- */

void
ss_test_compile(const SSTest *test, SSAbTest *compiled)
{
	double weights[SS_AB_GROUPS_MAX];

	memset(compiled, 0, sizeof(SSAbTest));
	compiled->no = test->no;
	compiled->seed = test->seed;
	compiled->seed_length = (int) strlen(test->seed);
	compiled->segment_no = test->segment_no;
	compiled->control_outside = test->control_outside;
	compiled->ngroups = test->ngroups;
	if (test->namespace_id != NULL)
	{
		compiled->namespace_seed = psprintf("__%s", test->namespace_id);
		compiled->namespace_range = (SSAbRange){test->namespace_start, test->namespace_end};
	}
	for (int i = 0; i < test->ngroups; i++)
		weights[i] = test->groups[i].weight / 10000.0;
	ss_ab_ranges(test->ngroups, test->coverage / 10000.0, weights, compiled->groups);
}

double
ss_test_days_running(const SSTest *test, TimestampTz moment)
{
	TimestampTz end = Min(moment, test->ended_at);
	int64 running;

	if (test->started_at == DT_NOEND || end <= test->started_at)
		return 0;
	running = end - test->started_at;
	for (int i = 0; i < test->npauses; i++)
	{
		TimestampTz to = Min(test->pauses[i].to, end);

		if (to > test->pauses[i].from)
			running -= to - test->pauses[i].from;
	}
	return (double) running / DAY_USECS;
}
