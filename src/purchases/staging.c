/*
 * staging.c: the query over a staging table of purchases (staging.h).
 *
 * Called by import.c. The text of this query is the one place where a name
 * becomes SQL; it is that of an existing table, quoted. Columns that the table
 * lacks are null. The table is locked by the caller.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/errors.h"
#include "purchases/staging.h"

/* A collation of the table's own could make different texts equal, and so their hashes. */
#define AS_TEXT "pg_catalog.text COLLATE pg_catalog.\"C\""

const SSStagingColumn ss_staging_columns[SS_STAGING_COLUMNS] = {
	{"occurred_at", TIMESTAMPTZOID, "pg_catalog.timestamptz"},
	{"transaction_id", UUIDOID, "pg_catalog.uuid"},
	{"user_id", UUIDOID, "pg_catalog.uuid"},
	{"account_id", UUIDOID, "pg_catalog.uuid"},
	{"merchant_id", UUIDOID, "pg_catalog.uuid"},
	{"amount_minor", INT8OID, "pg_catalog.int8"},
	{"currency", TEXTOID, AS_TEXT},
	{"status", TEXTOID, AS_TEXT},
	{"idempotency_key", TEXTOID, AS_TEXT},
	{"metadata", JSONBOID, "pg_catalog.jsonb"},
};

/* Can a column of this type be read as the wanted one without a cast that fails for some values? */
static bool
reads_as(Oid type, Oid wanted)
{
	type = getBaseType(type);
	if (type == wanted)
		return true;
	switch (wanted)
	{
		case INT8OID:
			return type == INT2OID || type == INT4OID;
		case TEXTOID:
			return type == VARCHAROID || type == BPCHAROID;
		case TIMESTAMPTZOID:
			return type == TIMESTAMPOID || type == DATEOID;
		default:
			return false;
	}
}

/* Appends the column of the staging table, or a null where it has none. */
static void
append_column(StringInfo sql, Oid relid, int n)
{
	AttrNumber attribute = get_attnum(relid, ss_staging_columns[n].name);
	Oid type;

	if (attribute == InvalidAttrNumber)
	{
		if (ss_staging_columns[n].type == UUIDOID && strcmp(ss_staging_columns[n].name, "user_id") == 0)
			ss_bad_value("source", "The table has no column \"user_id\".");
		if (ss_staging_columns[n].type == INT8OID)
			ss_bad_value("source", "The table has no column \"amount_minor\".");
		appendStringInfo(sql, "NULL::%s", ss_staging_columns[n].cast);
		return;
	}
	type = get_atttype(relid, attribute);
	if (!reads_as(type, ss_staging_columns[n].type))
		ss_bad_value("source", "Column \"%s\" has the type %s; %s is needed.", ss_staging_columns[n].name,
					 format_type_be(type), format_type_be(ss_staging_columns[n].type));
	if (ss_staging_columns[n].type == TIMESTAMPTZOID && getBaseType(type) != TIMESTAMPTZOID)
		appendStringInfo(sql, "pg_catalog.timezone($6, s.%s::pg_catalog.timestamp)",
						 quote_identifier(ss_staging_columns[n].name));
	else
		appendStringInfo(sql, "s.%s::%s", quote_identifier(ss_staging_columns[n].name), ss_staging_columns[n].cast);
}

/* Is occurred_at a time without zone, read as one of the programme's? */
static bool
has_local_time(Oid relid)
{
	AttrNumber attribute = get_attnum(relid, ss_staging_columns[0].name);

	return attribute != InvalidAttrNumber && getBaseType(get_atttype(relid, attribute)) != TIMESTAMPTZOID;
}

/*
 * Appends the hash of a row, the same in every session: for a time without
 * zone, of the time as it stands there. The hash of a record is a sum over its
 * columns; hashed again, values that changed places between rows do not cancel
 * each other out in the sum over the rows. The row's own place is left out:
 * VACUUM FULL may change it.
 */
static void
append_hash(StringInfo sql, Oid relid)
{
	appendStringInfoString(sql, "pg_catalog.hashtextextended(pg_catalog.hash_record_extended(ROW(");
	appendStringInfoString(sql, has_local_time(relid) ? "c.local_time" : "c.occurred_at");
	for (int i = 1; i < SS_STAGING_COLUMNS; i++)
		appendStringInfo(sql, ", c.%s", quote_identifier(ss_staging_columns[i].name));
	appendStringInfoString(sql, "), 0)::pg_catalog.text COLLATE pg_catalog.\"C\", 0)");
}

/*
 * The number of rows and the sum of their hashes, as the 64 bits that adding
 * them up in C leaves; how many have no key, and how many of these came into the
 * table by transactions that the snapshot $7 does not show. $5 is what the age
 * of a row's xmin counts from.
 */
#define NO_KEY "r.transaction_id IS NULL AND r.idempotency_key IS NULL"
#define COUNT_ROWS                                                                                                     \
	"pg_catalog.count(*), ((coalesce(pg_catalog.sum(r.row_hash), 0) % 18446744073709551616 + 27670116110564327424)"    \
	" % 18446744073709551616 - 9223372036854775808)::pg_catalog.int8,"                                                 \
	" pg_catalog.count(*) FILTER (WHERE " NO_KEY "),"                                                                  \
	" pg_catalog.count(*) FILTER (WHERE " NO_KEY " AND pg_catalog.pg_visible_in_snapshot("                             \
	"($5 - pg_catalog.age(r.row_xmin))::pg_catalog.text::pg_catalog.xid8, $7::pg_catalog.pg_snapshot) IS NOT TRUE)"

/* The order of reading, which is that of Position. */
#define KEY                                                                                                            \
	"coalesce(c.occurred_at, 'infinity'), coalesce(c.transaction_id,"                                                  \
	" '00000000-0000-0000-0000-000000000000'), c.ctid"

static const char *const question_heads[] = {
	"",
	"SELECT " COUNT_ROWS " FROM (",
	"SELECT " COUNT_ROWS " FROM (",
};
static const char *const question_tails[] = {
	" WHERE (" KEY ") > ($1, $2, $3) ORDER BY " KEY " OFFSET $4",
	" WHERE (" KEY ") <= ($1, $2, $3) LIMIT $4) r",
	" WHERE (" KEY ") > ($1, $2, $3) ORDER BY " KEY " LIMIT $4) r",
};

static char *
source_sql(Oid relid, const char *source, SSStagingQuestion question)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%sSELECT c.ctid", question_heads[question]);
	for (int i = 0; i < SS_STAGING_COLUMNS; i++)
		appendStringInfo(&sql, ", c.%s", quote_identifier(ss_staging_columns[i].name));
	appendStringInfoString(&sql, ", ");
	append_hash(&sql, relid);
	appendStringInfoString(&sql, " AS row_hash, c.row_xmin FROM (SELECT s.ctid, s.xmin AS row_xmin");
	for (int i = 0; i < SS_STAGING_COLUMNS; i++)
	{
		appendStringInfoString(&sql, ", ");
		append_column(&sql, relid, i);
		appendStringInfo(&sql, " AS %s", quote_identifier(ss_staging_columns[i].name));
	}
	if (has_local_time(relid))
		appendStringInfoString(&sql, ", s.occurred_at::pg_catalog.timestamp AS local_time");
	appendStringInfo(&sql, " FROM ONLY %s s) c%s", source, question_tails[question]);
	return sql.data;
}

SPIPlanPtr
ss_staging_plan(Oid relid, const char *source, SSStagingQuestion question)
{
	Oid types[SS_STAGING_PARAMETERS] = {TIMESTAMPTZOID, UUIDOID, TIDOID, INT8OID, INT8OID, TEXTOID, TEXTOID};
	SPIPlanPtr plan = SPI_prepare_cursor(source_sql(relid, source, question), SS_STAGING_PARAMETERS, types,
										 CURSOR_OPT_NO_SCROLL | CURSOR_OPT_HOLD | CURSOR_OPT_CUSTOM_PLAN);

	if (plan == NULL)
		elog(ERROR, "could not prepare the query over the source: %s", SPI_result_code_string(SPI_result));
	return plan;
}
