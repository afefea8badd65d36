/*
 * flag_usage.c: evaluations of flags from shared memory (usage.h) to tables,
 * and what is told of them.
 *
 * SQL entry points flush_flag_usage and fold_flag_usage, which are jobs too,
 * get_flag_analytics, and flag_usage_users for the view. What was flushed
 * lies in feature_flag_usage until it is added to the day's row of
 * feature_flag_analytics, in the same transaction in which it is deleted; whoever reads
 * adds both in one statement. Folding takes an advisory lock: one at a time.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/query.h"
#include "flags/flag_call.h"
#include "flags/usage.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_flush_flag_usage);
PG_FUNCTION_INFO_V1(swipesavvy_fold_flag_usage);
PG_FUNCTION_INFO_V1(swipesavvy_get_flag_analytics);
PG_FUNCTION_INFO_V1(swipesavvy_flag_usage_users);

#define DAYS_MAX	 90
#define DAYS_DEFAULT 30
#define FOLD_ROWS	 2000

SS_QUERY(
	insert_usage,
	"INSERT INTO swipesavvy.feature_flag_usage (flag_no, slot, checks, enabled_count, disabled_count, batch_checks, variants,"
	"    registers, last_checked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	INT4OID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID, JSONBOID, BYTEAOID, TIMESTAMPTZOID);

/* The measures in the order in which read_measures takes them. */
#define MEASURES                                                                                                       \
	"checks, enabled_count, disabled_count, batch_checks, variants, registers, coalesce(last_checked_at, '-infinity')"

SS_QUERY(
	take_rows,
	"WITH gone AS (DELETE FROM swipesavvy.feature_flag_usage u"
	"               WHERE u.ctid = ANY (ARRAY(SELECT v.ctid FROM swipesavvy.feature_flag_usage v LIMIT $1)) RETURNING u.*)"
	" SELECT flag_no, slot, " MEASURES " FROM gone ORDER BY flag_no, slot",
	INT8OID);
SS_QUERY(find_day,
		 "SELECT " MEASURES " FROM swipesavvy.feature_flag_analytics WHERE flag_no = $1 AND day = $2 FOR UPDATE",
		 INT4OID, DATEOID);
SS_QUERY(
	write_day,
	"INSERT INTO swipesavvy.feature_flag_analytics (flag_no, day, checks, enabled_count, disabled_count, batch_checks, variants,"
	"    registers, last_checked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
	" ON CONFLICT (flag_no, day) DO UPDATE SET checks = $3, enabled_count = $4, disabled_count = $5, batch_checks = $6,"
	"    variants = $7, registers = $8, last_checked_at = $9",
	INT4OID, DATEOID, INT8OID, INT8OID, INT8OID, INT8OID, JSONBOID, BYTEAOID, TIMESTAMPTZOID);

/* The days of a flag from $2 on, those that are folded and, by their slots in the zone $3, those that are not. */
SS_QUERY(read_days,
		 "SELECT day, " MEASURES " FROM swipesavvy.feature_flag_analytics WHERE flag_no = $1 AND day >= $2"
		 " UNION ALL SELECT (slot AT TIME ZONE $3)::date, " MEASURES " FROM swipesavvy.feature_flag_usage"
		 "            WHERE flag_no = $1 AND (slot AT TIME ZONE $3)::date >= $2",
		 INT4OID, DATEOID, TEXTOID);
SS_QUERY(
	find_flag,
	"SELECT f.flag_no, s.value #>> '{}', (statement_timestamp() AT TIME ZONE (s.value #>> '{}'))::date"
	"  FROM swipesavvy.feature_flags f, swipesavvy.system_settings s WHERE f.flag_key = $1 AND s.setting = 'timezone'",
	TEXTOID);

/* --- sums ------------------------------------------------------------------------------------- */

typedef struct Sum
{
	int64 checks;
	int64 enabled;
	int64 disabled;
	int64 batch_checks;
	SSNode variants;
	TimestampTz last_checked_at;
	uint8 registers[SS_USAGE_REGISTERS];
} Sum;

static Sum *
new_sum(void)
{
	Sum *sum = palloc0(sizeof(Sum));

	sum->variants = ss_node_object();
	sum->last_checked_at = DT_NOBEGIN;
	return sum;
}

static void
add_variants(Sum *sum, SSNode *variants)
{
	SSNode *items = ss_node_items(variants);

	for (int i = 0; i < variants->count; i++)
	{
		SSNode *so_far = ss_node_get(&sum->variants, variants->keys[i]);

		ss_node_set_number(&sum->variants, variants->keys[i],
						   ss_node_to_number(&items[i]) + (so_far == NULL ? 0 : so_far->number));
	}
}

static void
merge_registers(uint8 *registers, const bytea *others)
{
	const uint8 *bytes;

	if (others == NULL)
		return; /* of a day that is long past */
	bytes = (const uint8 *) VARDATA_ANY(others);
	if (VARSIZE_ANY_EXHDR(others) != SS_USAGE_REGISTERS)
		elog(ERROR, "unexpected size of registers");
	for (int i = 0; i < SS_USAGE_REGISTERS; i++)
		registers[i] = Max(registers[i], bytes[i]);
}

/* Adds the measures of a row that has been read as far as these. */
static void
read_measures(Sum *sum, SSRow *row)
{
	TimestampTz last;

	sum->checks += ss_next_int64(row);
	sum->enabled += ss_next_int64(row);
	sum->disabled += ss_next_int64(row);
	sum->batch_checks += ss_next_int64(row);
	add_variants(sum, ss_node_read(ss_next_jsonb(row)));
	merge_registers(sum->registers, ss_next_bytea_or_null(row));
	last = ss_next_time(row);
	sum->last_checked_at = Max(sum->last_checked_at, last);
}

/* --- estimates ---------------------------------------------------------------------------------- */

#define HASHES	   4294967296.0
#define VALUE_BITS (32 - SS_USAGE_REGISTER_BITS) /* of a hash, after those that choose the register */

/* x + x^2 + 2 x^4 + 4 x^8 + ..., until nothing is added. */
static double
sigma(double x)
{
	double sum = x;
	double factor = 1;
	double before;

	if (x == 1)
		return get_float8_infinity();
	do
	{
		x *= x;
		before = sum;
		sum += x * factor;
		factor *= 2;
	} while (sum != before);
	return sum;
}

/* A third of 1 - x - (1 - sqrt x)^2 / 2 - (1 - sqrt sqrt x)^2 / 4 - ..., likewise. */
static double
tau(double x)
{
	double sum = 1 - x;
	double factor = 1;
	double before;

	if (x == 0 || x == 1)
		return 0;
	do
	{
		x = sqrt(x);
		before = sum;
		factor /= 2;
		sum -= (1 - x) * (1 - x) * factor;
	} while (sum != before);
	return sum / 3;
}

/*
 * How many users the registers have seen: O. Ertl's estimator (New cardinality
 * estimation algorithms for HyperLogLog sketches, 2017), which sees all values
 * as one distribution. The server's estimateHyperLogLog changes from one formula to
 * another at 2.5 times the number of registers, and is 1.5 % too high on
 * average there, with twice the error. What is left: different users of the same hash.
 */
static int64
users_of(const uint8 *registers)
{
	int counts[VALUE_BITS + 2] = {0};
	double sum;
	double hashes;

	for (int i = 0; i < SS_USAGE_REGISTERS; i++)
		counts[Min(registers[i], VALUE_BITS + 1)]++;
	if (counts[0] == SS_USAGE_REGISTERS)
		return 0;
	sum = SS_USAGE_REGISTERS * tau(1 - (double) counts[VALUE_BITS + 1] / SS_USAGE_REGISTERS);
	for (int value = VALUE_BITS; value > 0; value--)
		sum = (sum + counts[value]) / 2;
	sum += SS_USAGE_REGISTERS * sigma((double) counts[0] / SS_USAGE_REGISTERS);
	hashes = SS_USAGE_REGISTERS / (2 * M_LN2) * SS_USAGE_REGISTERS / sum;
	return (int64) rint(-HASHES * log1p(-Min(hashes, HASHES - 1) / HASHES));
}

static bytea *
registers_datum(const uint8 *registers)
{
	bytea *result = palloc(VARHDRSZ + SS_USAGE_REGISTERS);

	SET_VARSIZE(result, VARHDRSZ + SS_USAGE_REGISTERS);
	memcpy(VARDATA(result), registers, SS_USAGE_REGISTERS);
	return result;
}

/* --- from shared memory ------------------------------------------------------------------------- */

static SSNode
variants_of(const SSUsage *usage)
{
	SSNode variants = ss_node_object();

	for (int i = 0; i < usage->nvariants; i++)
		ss_node_set_number(&variants, (SSText){usage->variants[i].name, strlen(usage->variants[i].name)},
						   (double) usage->variants[i].count);
	if (usage->other_variants > 0)
	{
		SSNode *named = ss_node_get(&variants, SS_TEXT("other"));

		ss_node_set_number(&variants, SS_TEXT("other"),
						   (double) usage->other_variants + (named == NULL ? 0 : named->number));
	}
	return variants;
}

static void
write_usage(const SSUsage *usage)
{
	SSNode variants = variants_of(usage);
	Datum values[9];
	bool nulls[9] = {false};

	values[0] = Int32GetDatum(usage->flag_no);
	values[1] = TimestampTzGetDatum(usage->slot);
	values[2] = Int64GetDatum(usage->checks);
	values[3] = Int64GetDatum(usage->enabled);
	values[4] = Int64GetDatum(usage->disabled);
	values[5] = Int64GetDatum(usage->batch_checks);
	values[6] = JsonbPGetDatum(ss_node_to_jsonb(&variants));
	values[7] = PointerGetDatum(registers_datum(usage->registers));
	values[8] = TimestampTzGetDatum(usage->last_checked_at);
	nulls[8] = usage->last_checked_at == DT_NOBEGIN;
	(void) ss_query_write(&insert_usage, values, nulls);
}

/*
 * flush_flag_usage()
 */
Datum
swipesavvy_flush_flag_usage(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSUsage *usages;
	int count;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* counts */
	count = ss_usage_take(&usages);
	for (int i = 0; i < count; i++)
		write_usage(&usages[i]);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "flushed", count);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- to days ------------------------------------------------------------------------------------------ */

static void
fold_day(int32 flag_no, DateADT day, Sum *sum)
{
	Datum values[9] = {Int32GetDatum(flag_no), DateADTGetDatum(day)};
	bool nulls[9] = {false};
	SSRows stored = ss_rows_latest(&find_day, values, NULL);

	if (stored.count > 0)
	{
		SSRow row = ss_row(stored, 0);

		read_measures(sum, &row);
	}
	values[2] = Int64GetDatum(sum->checks);
	values[3] = Int64GetDatum(sum->enabled);
	values[4] = Int64GetDatum(sum->disabled);
	values[5] = Int64GetDatum(sum->batch_checks);
	values[6] = JsonbPGetDatum(ss_node_to_jsonb(&sum->variants));
	values[7] = PointerGetDatum(registers_datum(sum->registers));
	values[8] = TimestampTzGetDatum(sum->last_checked_at);
	nulls[8] = sum->last_checked_at == DT_NOBEGIN;
	(void) ss_query_write(&write_day, values, nulls);
	pfree(sum);
}

/*
 * fold_flag_usage()
 */
Datum
swipesavvy_fold_flag_usage(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;
	SSRows rows;
	Datum limit = Int64GetDatum(FOLD_ROWS);
	Sum *sum = NULL;
	int32 flag_no = 0;
	DateADT day = 0;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* counts */
	ss_lock_take(SS_LOCK_FLAG_USAGE, 0);
	rules = ss_rules_get();
	rows = ss_rows_latest(&take_rows, &limit, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		int32 row_flag_no = ss_next_int32(&row);
		DateADT row_day = ss_rules_day(rules, ss_next_time(&row));

		if (sum != NULL && (row_flag_no != flag_no || row_day != day))
		{
			fold_day(flag_no, day, sum);
			sum = NULL;
		}
		if (sum == NULL)
			sum = new_sum();
		flag_no = row_flag_no;
		day = row_day;
		read_measures(sum, &row);
	}
	if (sum != NULL)
		fold_day(flag_no, day, sum);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "folded", rows.count);
	ss_json_bool(&json, "more", ss_flag_usage_let_go() || rows.count == FOLD_ROWS);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- what is told ---------------------------------------------------------------------------------------- */

static void
add_date(SSJson *json, const char *key, DateADT day)
{
	ss_json_datum(json, key, DateADTGetDatum(day), false, DATEOID);
}

static void
add_day(SSJson *json, DateADT day, const Sum *sum)
{
	ss_json_open_object(json, NULL);
	add_date(json, "date", day);
	ss_json_int(json, "total_users", users_of(sum->registers));
	ss_json_int(json, "total_checks", sum->checks);
	ss_json_int(json, "enabled_count", sum->enabled);
	ss_json_int(json, "disabled_count", sum->disabled);
	ss_json_int(json, "batch_checks", sum->batch_checks);
	ss_json_jsonb(json, "variants", ss_node_to_jsonb(&sum->variants));
	ss_json_close_object(json);
}

/*
 * get_flag_analytics(key, days)
 */
Datum
swipesavvy_get_flag_analytics(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSRows rows;
	SSRow row;
	Datum key;
	Datum values[3];
	Sum *sums[DAYS_MAX] = {NULL};
	char *zone;
	bool isnull;
	int days;
	DateADT first;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	key = CStringGetTextDatum(ss_flag_key_arg(fcinfo, 0));
	days = (int) ss_arg_int4(fcinfo, 1, "days", 1, DAYS_MAX, &isnull);
	if (isnull)
		days = DAYS_DEFAULT;
	rows = ss_rows_read(&find_flag, &key, NULL);
	if (rows.count == 0)
		ss_not_found("flag", TextDatumGetCString(key));
	row = ss_row(rows, 0);
	values[0] = Int32GetDatum(ss_next_int32(&row));
	zone = ss_next_text(&row);
	first = ss_next_date(&row) - days + 1;
	values[1] = DateADTGetDatum(first);
	values[2] = CStringGetTextDatum(zone);
	rows = ss_rows_read(&read_days, values, NULL);
	for (int i = 0; i < days; i++)
		sums[i] = new_sum();
	for (uint64 i = 0; i < rows.count; i++)
	{
		int n;

		row = ss_row(rows, i);
		n = ss_next_date(&row) - first;
		if (n < days)
			read_measures(sums[n], &row);
	}
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "flag_key", TextDatumGetCString(key));
	ss_json_open_object(&json, "period");
	add_date(&json, "start_date", first);
	add_date(&json, "end_date", first + days - 1);
	ss_json_int(&json, "days", days);
	ss_json_text(&json, "timezone", zone);
	ss_json_close_object(&json);
	ss_json_open_array(&json, "analytics");
	for (int i = 0; i < days; i++)
		add_day(&json, first + i, sums[i]);
	ss_json_close_array(&json);
	ss_json_bool(&json, "estimated", true);
	ss_json_time(&json, "as_of", GetCurrentStatementStartTimestamp());
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * flag_usage_users(registers bytea[]): an estimate of how many they have seen together
 */
Datum
swipesavvy_flag_usage_users(PG_FUNCTION_ARGS)
{
	uint8 registers[SS_USAGE_REGISTERS] = {0};
	Datum *parts;
	bool *nulls;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), BYTEAOID, -1, false, TYPALIGN_INT, &parts, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		bytea *part = nulls[i] ? NULL : DatumGetByteaPP(parts[i]);

		if (part == NULL)
			continue;
		if (VARSIZE_ANY_EXHDR(part) != SS_USAGE_REGISTERS)
			ss_bad_value("registers", "One has not %d bytes.", SS_USAGE_REGISTERS);
		merge_registers(registers, part);
	}
	PG_RETURN_INT64(users_of(registers));
}
