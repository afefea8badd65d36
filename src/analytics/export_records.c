/*
 * export_records.c: records of an export (export_records.h).
 *
 * Called by export_analytics and read_export. CSV is that of RFC 4180; a text that a
 * spreadsheet would take for a formula gets an apostrophe in front. JSON is one
 * object a line whose members stand in the order of the columns, which jsonb
 * does not keep. Lines go to the tuplestore of the result, which spills to
 * disk, or into one text. No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "analytics/export_records.h"
#include "base/json.h"
#include "base/uuid.h"

/* --- CSV ----------------------------------------------------------------------------------- */

/* The signs that begin a formula, as wide forms of Asian keyboards: U+FF1D, U+FF0B, U+FF0D and U+FF20 in UTF-8. */
static const char *const wide_signs[] = {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"};

/* Would a spreadsheet take a text that begins so for a formula? */
static bool
begins_formula(const char *text)
{
	const char *utf8 = text;

	if (*text == '\0')
		return false;
	if (!IS_HIGHBIT_SET(*text))
		return strchr("=+-@\t\r\n", *text) != NULL;
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		utf8 = pg_server_to_any(text, pg_mblen(text), PG_UTF8);
	for (int i = 0; i < (int) lengthof(wide_signs); i++)
	{
		if (strncmp(utf8, wide_signs[i], strlen(wide_signs[i])) == 0)
			return true;
	}
	return false;
}

static void
add_csv_text(StringInfo line, const char *text)
{
	size_t length = strlen(text);
	bool formula = begins_formula(text);

	/* without quotes a field of no characters is null */
	if (!formula && length > 0 && strpbrk(text, ",\"\r\n") == NULL && text[0] != ' ' && text[length - 1] != ' ')
	{
		appendBinaryStringInfo(line, text, (int) length);
		return;
	}
	appendStringInfoString(line, formula ? "\"'" : "\"");
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c == '"')
			appendStringInfoChar(line, '"');
		appendStringInfoChar(line, *c);
	}
	appendStringInfoChar(line, '"');
}

/* --- fields ----------------------------------------------------------------------------------- */

/* What is written as it is in both formats but for the quotes of JSON: nobody's text. */
static char *
plain_text(Datum value, Oid type, bool *is_string)
{
	*is_string = false;
	switch (type)
	{
		case BOOLOID:
			return DatumGetBool(value) ? "true" : "false";
		case INT2OID:
			return psprintf("%d", DatumGetInt16(value));
		case INT4OID:
			return psprintf("%d", DatumGetInt32(value));
		case INT8OID:
			return psprintf(INT64_FORMAT, DatumGetInt64(value));
		case NUMERICOID:
			return DatumGetCString(DirectFunctionCall1(numeric_out, value));
		default:
			break;
	}
	*is_string = true;
	if (type == DATEOID)
		return ss_json_date_text(DatumGetDateADT(value));
	if (type == TIMESTAMPTZOID)
		return ss_json_time_text(DatumGetTimestampTz(value));
	if (type == UUIDOID)
		return ss_uuid_text(DatumGetUUIDP(value));
	elog(ERROR, "an export has no form for type %u", type);
}

static void
begin_field(SSRecords *records)
{
	const char *name = records->columns[records->field];

	Assert(name != NULL);
	if (records->format == SS_EXPORT_CSV && records->field > 0)
		appendStringInfoChar(&records->line, ',');
	else if (records->format == SS_EXPORT_JSON)
		appendStringInfo(&records->line, "%s\"%s\":", records->field == 0 ? "{" : ",", name);
	records->field++;
}

void
ss_records_field(SSRecords *records, Datum value, bool isnull, Oid type)
{
	bool is_json = records->format == SS_EXPORT_JSON;
	MemoryContext before = MemoryContextSwitchTo(records->scratch);

	begin_field(records);
	if (isnull)
		appendStringInfoString(&records->line, is_json ? "null" : "");
	else if (type == TEXTOID || type == BPCHAROID || type == VARCHAROID)
	{
		char *string = TextDatumGetCString(value);

		if (is_json)
			escape_json(&records->line, string);
		else
			add_csv_text(&records->line, string);
	}
	else
	{
		bool is_string;
		char *text = plain_text(value, type, &is_string);
		const char *quote = is_json && is_string ? "\"" : "";

		appendStringInfo(&records->line, "%s%s%s", quote, text, quote);
	}
	MemoryContextSwitchTo(before);
}

/* --- records ------------------------------------------------------------------------------------ */

static void
hash_bytes(SSRecords *records, const char *bytes, int length)
{
	if (pg_cryptohash_update(records->hash, (const uint8 *) bytes, length) < 0)
		elog(ERROR, "could not hash: %s", pg_cryptohash_error(records->hash));
}

static void
put_row(SSRecords *records)
{
	ReturnSetInfo *rows = records->target.rows;
	MemoryContext before = MemoryContextSwitchTo(records->scratch);
	Datum value = PointerGetDatum(cstring_to_text_with_len(records->line.data, records->line.len));
	bool isnull = false;

	tuplestore_putvalues(rows->setResult, rows->setDesc, &value, &isnull);
	MemoryContextSwitchTo(before);
}

/* The line as a row of the result, which has no line ends, or as a line of the file. */
static void
put_line(SSRecords *records)
{
	const char *line_end = records->format == SS_EXPORT_CSV ? "\r\n" : "\n";

	if (records->target.rows != NULL)
		put_row(records);
	appendStringInfoString(&records->line, line_end);
	if (records->target.file != NULL)
		appendBinaryStringInfo(records->target.file, records->line.data, records->line.len);
	hash_bytes(records, records->line.data, records->line.len);
	resetStringInfo(&records->line);
	records->field = 0;
	MemoryContextReset(records->scratch);
}

void
ss_records_begin(SSRecords *records, SSExportFormat format, const char *const *columns, bool header,
				 const SSRecordsTarget *target)
{
	memset(records, 0, sizeof(*records));
	records->format = format;
	records->columns = columns;
	records->target = *target;
	records->scratch = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy record", ALLOCSET_DEFAULT_SIZES);
	records->hash = pg_cryptohash_create(PG_SHA256);
	if (pg_cryptohash_init(records->hash) < 0)
		elog(ERROR, "could not hash: %s", pg_cryptohash_error(records->hash));
	initStringInfo(&records->line);
	if (format != SS_EXPORT_CSV || !header)
		return;
	for (int i = 0; columns[i] != NULL; i++)
		appendStringInfo(&records->line, "%s%s", i == 0 ? "" : ",", columns[i]);
	put_line(records);
}

void
ss_records_end(SSRecords *records)
{
	Assert(records->columns[records->field] == NULL);
	if (records->format == SS_EXPORT_JSON)
		appendStringInfoChar(&records->line, '}');
	put_line(records);
	records->count++;
}

void
ss_records_row(TupleTableSlot *row, void *state)
{
	SSRecords *records = state;

	slot_getallattrs(row);
	for (int i = 0; i < row->tts_tupleDescriptor->natts; i++)
		ss_records_field(records, row->tts_values[i], row->tts_isnull[i],
						 TupleDescAttr(row->tts_tupleDescriptor, i)->atttypid);
	ss_records_end(records);
}

char *
ss_records_digest(SSRecords *records)
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char *text = palloc(2 * sizeof(digest) + 1);

	if (pg_cryptohash_final(records->hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not hash: %s", pg_cryptohash_error(records->hash));
	pg_cryptohash_free(records->hash);
	text[hex_encode((const char *) digest, sizeof(digest), text)] = '\0';
	return text;
}
