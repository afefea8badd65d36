/*
 * json.c: the JSON builder of json.h.
 *
 * Called by every function with a jsonb result. Touches no state of its own.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "base/json.h"
#include "base/money.h"
#include "base/uuid.h"

static void
push_key(SSJson *json, const char *key)
{
	JsonbValue value;

	if (key == NULL)
		return;
	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(&json->state, WJB_KEY, &value);
}

/* Adds a scalar as the key's value or, in an array, as its next element. */
static void
push_scalar(SSJson *json, const char *key, JsonbValue *value)
{
	push_key(json, key);
	pushJsonbValue(&json->state, key == NULL ? WJB_ELEM : WJB_VALUE, value);
}

void
ss_json_open_object(SSJson *json, const char *key)
{
	push_key(json, key);
	pushJsonbValue(&json->state, WJB_BEGIN_OBJECT, NULL);
}

void
ss_json_close_object(SSJson *json)
{
	json->result = pushJsonbValue(&json->state, WJB_END_OBJECT, NULL);
}

void
ss_json_open_array(SSJson *json, const char *key)
{
	push_key(json, key);
	pushJsonbValue(&json->state, WJB_BEGIN_ARRAY, NULL);
}

void
ss_json_close_array(SSJson *json)
{
	json->result = pushJsonbValue(&json->state, WJB_END_ARRAY, NULL);
}

void
ss_json_null(SSJson *json, const char *key)
{
	JsonbValue value = {.type = jbvNull};

	push_scalar(json, key, &value);
}

void
ss_json_bool(SSJson *json, const char *key, bool flag)
{
	JsonbValue value = {.type = jbvBool};

	value.val.boolean = flag;
	push_scalar(json, key, &value);
}

static void
push_numeric(SSJson *json, const char *key, Numeric number)
{
	JsonbValue value = {.type = jbvNumeric};

	value.val.numeric = number;
	push_scalar(json, key, &value);
}

void
ss_json_int(SSJson *json, const char *key, int64 value)
{
	push_numeric(json, key, int64_to_numeric(value));
}

void
ss_json_text(SSJson *json, const char *key, const char *text)
{
	JsonbValue value = {.type = jbvString};

	if (text == NULL)
	{
		ss_json_null(json, key);
		return;
	}
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	push_scalar(json, key, &value);
}

void
ss_json_uuid(SSJson *json, const char *key, const pg_uuid_t *value)
{
	ss_json_text(json, key, value == NULL ? NULL : ss_uuid_text(value));
}

void
ss_json_jsonb(SSJson *json, const char *key, Jsonb *document)
{
	JsonbValue value;

	if (document == NULL)
	{
		ss_json_null(json, key);
		return;
	}
	if (JB_ROOT_IS_SCALAR(document))
	{
		JsonbExtractScalar(&document->root, &value);
		push_scalar(json, key, &value);
		return;
	}
	value.type = jbvBinary;
	value.val.binary.data = &document->root;
	value.val.binary.len = VARSIZE(document) - VARHDRSZ;
	push_scalar(json, key, &value);
}

char *
ss_json_time_text(TimestampTz value)
{
	struct pg_tm tm;
	fsec_t fsec;
	char *text = palloc(MAXDATELEN + 2); /* the builder keeps the pointer */

	if (TIMESTAMP_NOT_FINITE(value))
	{
		EncodeSpecialTimestamp(value, text);
		return text;
	}
	if (timestamp2tm(value, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"));
	EncodeDateTime(&tm, fsec, false, 0, NULL, USE_XSD_DATES, text);
	strlcat(text, "Z", MAXDATELEN + 2);
	return text;
}

void
ss_json_time(SSJson *json, const char *key, TimestampTz value)
{
	ss_json_text(json, key, ss_json_time_text(value));
}

char *
ss_json_date_text(DateADT value)
{
	struct pg_tm tm = {0};
	char *text = palloc(MAXDATELEN + 1);

	j2date(value + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	return text;
}

void
ss_json_date(SSJson *json, const char *key, DateADT value)
{
	if (DATE_NOT_FINITE(value))
		ss_json_null(json, key);
	else
		ss_json_text(json, key, ss_json_date_text(value));
}

void
ss_json_money(SSJson *json, const char *key, int64 minor, int exponent)
{
	push_numeric(json, key, ss_money_to_major(minor, exponent));
}

void
ss_json_measure(SSJson *json, const char *key, double value)
{
	if (isnan(value))
		ss_json_null(json, key);
	else
		ss_json_money(json, key, (int64) rint(value * 1000), 3);
}

void
ss_json_double(SSJson *json, const char *key, double value)
{
	JsonbValue number = {.type = jbvNumeric};
	char text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(value) || isinf(value))
	{
		ss_json_null(json, key);
		return;
	}
	text[double_to_shortest_decimal_bufn(value, text)] = '\0';
	number.val.numeric = DatumGetNumeric(
		DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	push_scalar(json, key, &number);
}

void
ss_json_quotient(SSJson *json, const char *key, int128 a, int128 b, int decimals)
{
	int128 scaled = a;

	if (b == 0)
	{
		ss_json_null(json, key);
		return;
	}
	for (int i = 0; i < decimals; i++)
		scaled *= 10;
	if (b < 0)
	{
		scaled = -scaled;
		b = -b;
	}
	/* half of the divisor away from zero, then cut */
	scaled = scaled < 0 ? -((-2 * scaled + b) / (2 * b)) : (2 * scaled + b) / (2 * b);
	ss_json_money(json, key, ss_narrow(scaled, "quotient"), decimals);
}

/* Other values than those of ss_json_datum's own types. */
static void
push_other(SSJson *json, const char *key, Datum value, Oid type)
{
	Oid output;
	bool varlena;

	getTypeOutputInfo(type, &output, &varlena);
	ss_json_text(json, key, OidOutputFunctionCall(output, value));
}

static void
push_array(SSJson *json, const char *key, ArrayType *array)
{
	int16 length;
	bool by_value;
	char align;
	Datum *elements;
	bool *nulls;
	int count;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &elements, &nulls, &count);
	ss_json_open_array(json, key);
	for (int i = 0; i < count; i++)
		ss_json_datum(json, NULL, elements[i], nulls[i], ARR_ELEMTYPE(array));
	ss_json_close_array(json);
}

void
ss_json_datum(SSJson *json, const char *key, Datum value, bool isnull, Oid type)
{
	if (isnull)
	{
		ss_json_null(json, key);
		return;
	}
	switch (type)
	{
		case BOOLOID:
			ss_json_bool(json, key, DatumGetBool(value));
			break;
		case INT2OID:
			ss_json_int(json, key, DatumGetInt16(value));
			break;
		case INT4OID:
			ss_json_int(json, key, DatumGetInt32(value));
			break;
		case INT8OID:
			ss_json_int(json, key, DatumGetInt64(value));
			break;
		case NUMERICOID:
			push_numeric(json, key, DatumGetNumeric(value));
			break;
		case DATEOID:
			ss_json_date(json, key, DatumGetDateADT(value));
			break;
		case TIMESTAMPTZOID:
			ss_json_time(json, key, DatumGetTimestampTz(value));
			break;
		case UUIDOID:
			ss_json_uuid(json, key, DatumGetUUIDP(value));
			break;
		case JSONBOID:
			ss_json_jsonb(json, key, DatumGetJsonbP(value));
			break;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			ss_json_text(json, key, TextDatumGetCString(value));
			break;
		default:
			if (OidIsValid(get_element_type(type)))
				push_array(json, key, DatumGetArrayTypeP(value));
			else
				push_other(json, key, value, type);
	}
}

static void
push_columns(SSJson *json, SSRow row, const char *except)
{
	for (int i = 0; i < row.desc->natts; i++)
	{
		const FormData_pg_attribute *column = TupleDescAttr(row.desc, i);
		bool isnull;
		Datum value;

		if (column->attisdropped || (except != NULL && strcmp(NameStr(column->attname), except) == 0))
			continue;
		value = heap_getattr(row.tuple, i + 1, row.desc, &isnull);
		ss_json_datum(json, NameStr(column->attname), value, isnull, column->atttypid);
	}
}

void
ss_json_columns(SSJson *json, SSRow row)
{
	push_columns(json, row, NULL);
}

Jsonb *
ss_next_document(SSRow *row, const char *except)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	push_columns(&json, ss_next_record(row), except);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

void
ss_json_row(SSJson *json, const char *key)
{
	ss_json_open_object(json, key);
	ss_json_columns(json, ss_row_of_last(0));
	ss_json_close_object(json);
}

void
ss_json_rows(SSJson *json, const char *key)
{
	SSRows rows = ss_rows_of_last();

	ss_json_open_array(json, key);
	for (uint64 i = 0; i < rows.count; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_columns(json, ss_row(rows, i));
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

Datum
ss_json_finish(SSJson *json)
{
	return JsonbPGetDatum(JsonbValueToJsonb(json->result));
}
