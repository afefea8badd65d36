/*
 * node.c: reads JSON values level by level from jsonb, and makes new ones
 * (node.h).
 *
 * Called by everything that evaluates flags. No locks, and no error because of
 * what a document contains.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "flags/node.h"

/* --- texts ------------------------------------------------------------------------------ */

/* A text of the server as UTF-8; a character that has no equivalent becomes a question mark. */
static SSText
convert_to_utf8(const char *text, int length)
{
	int encoding = GetDatabaseEncoding();
	Oid proc = FindDefaultConversionProc(encoding, PG_UTF8);
	Size size = (Size) length * MAX_CONVERSION_GROWTH + 1;
	char *result = palloc_extended(size, MCXT_ALLOC_HUGE);
	int done = 0;
	int made = 0;

	while (done < length && OidIsValid(proc))
	{
		done +=
			pg_do_encoding_conversion_buf(proc, encoding, PG_UTF8, (unsigned char *) unconstify(char *, text) + done,
										  length - done, (unsigned char *) result + made, size - made, true);
		made += strlen(result + made);
		if (done < length)
		{
			done += Min(pg_mblen(text + done), length - done);
			result[made++] = '?';
			result[made] = '\0';
		}
	}
	return (SSText){result, made};
}

SSText
ss_text_of_server(const char *text, int length)
{
	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return (SSText){text, length};
	return convert_to_utf8(text, length);
}

/* --- reading ------------------------------------------------------------------------------ */

static void
read_container(SSNode *value, JsonbContainer *raw)
{
	value->kind = JsonContainerIsObject(raw) ? SS_NODE_OBJECT : SS_NODE_ARRAY;
	value->count = JsonContainerSize(raw);
	value->is_open = false;
	value->raw = raw;
	value->items = NULL;
	value->keys = NULL;
}

static void
read_value(SSNode *value, const JsonbValue *from)
{
	memset(value, 0, sizeof(SSNode));
	switch (from->type)
	{
		case jbvBool:
			value->kind = SS_NODE_BOOL;
			value->boolean = from->val.boolean;
			break;
		case jbvNumeric:
			value->kind = SS_NODE_NUMBER;
			value->numeric = from->val.numeric;
			value->number =
				DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->numeric)));
			break;
		case jbvString:
		{
			SSText text = ss_text_of_server(from->val.string.val, from->val.string.len);

			value->kind = SS_NODE_STRING;
			value->text = text.data;
			value->count = text.length;
			break;
		}
		case jbvBinary:
			read_container(value, from->val.binary.data);
			break;
		default:
			value->kind = SS_NODE_NULL;
	}
}

SSNode *
ss_node_read(Jsonb *document)
{
	SSNode *value = palloc0(sizeof(SSNode));
	JsonbValue scalar;

	if (document == NULL)
		*value = ss_node_object();
	else if (JsonContainerIsScalar(&document->root))
	{
		(void) JsonbExtractScalar(&document->root, &scalar);
		read_value(value, &scalar);
	}
	else
		read_container(value, &document->root);
	return value;
}

static int
compare_keys(SSText a, SSText b)
{
	return a.length == b.length ? memcmp(a.data, b.data, a.length) : a.length - b.length;
}

/* Puts the members into the order of their keys, where a conversion has changed it. */
static void
sort_members(SSNode *object)
{
	for (int i = 1; i < object->count; i++)
	{
		SSText key = object->keys[i];
		SSNode item = object->items[i];
		int j = i;

		for (; j > 0 && compare_keys(object->keys[j - 1], key) > 0; j--)
		{
			object->keys[j] = object->keys[j - 1];
			object->items[j] = object->items[j - 1];
		}
		object->keys[j] = key;
		object->items[j] = item;
	}
}

/* Reads the members or elements of what has not been looked into yet. */
static void
open_node(SSNode *value)
{
	JsonbIterator *iterator = JsonbIteratorInit(value->raw);
	JsonbValue part;
	JsonbIteratorToken token;
	int n = 0;

	value->items = palloc_extended(sizeof(SSNode) * Max(value->count, 1), MCXT_ALLOC_HUGE);
	if (value->kind == SS_NODE_OBJECT)
		value->keys = palloc_extended(sizeof(SSText) * Max(value->count, 1), MCXT_ALLOC_HUGE);
	(void) JsonbIteratorNext(&iterator, &part, true);
	while ((token = JsonbIteratorNext(&iterator, &part, true)) == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM)
	{
		if (token == WJB_KEY)
			value->keys[n] = ss_text_of_server(part.val.string.val, part.val.string.len);
		else
			read_value(&value->items[n++], &part);
	}
	if (value->kind == SS_NODE_OBJECT && GetDatabaseEncoding() != PG_UTF8)
		sort_members(value);
	value->is_open = true;
}

SSNode *
ss_node_items(SSNode *value)
{
	if (!value->is_open)
		open_node(value);
	return value->items;
}

bool
ss_node_open_all(SSNode *value, int depth)
{
	if (value->kind != SS_NODE_ARRAY && value->kind != SS_NODE_OBJECT)
		return true;
	if (depth == 0)
		return false;
	(void) ss_node_items(value);
	for (int i = 0; i < value->count; i++)
	{
		if (!ss_node_open_all(&value->items[i], depth - 1))
			return false;
	}
	return true;
}

/* Where the key is, or, as a negative number, one less than where it would be. */
static int
find_key(const SSNode *object, SSText key)
{
	int low = 0;
	int high = object->count;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = compare_keys(object->keys[middle], key);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -low - 1;
}

SSNode *
ss_node_get(SSNode *object, SSText key)
{
	int at;

	if (object == NULL || object->kind != SS_NODE_OBJECT)
		return NULL;
	(void) ss_node_items(object);
	at = find_key(object, key);
	return at < 0 ? NULL : &object->items[at];
}

SSNode *
ss_node_present(SSNode *object, SSText key)
{
	SSNode *value = ss_node_get(object, key);

	return value == NULL || value->kind == SS_NODE_NULL ? NULL : value;
}

bool
ss_text_is_one_of(SSText text, const char *const *names)
{
	for (; *names != NULL; names++)
	{
		if (ss_text_equals(text, (SSText){*names, strlen(*names)}))
			return true;
	}
	return false;
}

/* --- making -------------------------------------------------------------------------------- */

SSNode
ss_node_null(void)
{
	return (SSNode){.kind = SS_NODE_NULL};
}

SSNode
ss_node_bool(bool boolean)
{
	return (SSNode){.kind = SS_NODE_BOOL, .boolean = boolean};
}

SSNode
ss_node_number(double number)
{
	return (SSNode){.kind = SS_NODE_NUMBER, .number = number};
}

SSNode
ss_node_text(SSText text)
{
	return (SSNode){.kind = SS_NODE_STRING, .count = text.length, .text = text.data};
}

SSNode
ss_node_object(void)
{
	return (SSNode){.kind = SS_NODE_OBJECT, .is_open = true};
}

SSNode
ss_node_object_with_room(const SSNode *like, int more)
{
	SSNode object = ss_node_object();

	object.room = like->count + more;
	object.count = like->count;
	object.items = palloc_extended(sizeof(SSNode) * Max(object.room, 1), MCXT_ALLOC_HUGE);
	object.keys = palloc_extended(sizeof(SSText) * Max(object.room, 1), MCXT_ALLOC_HUGE);
	if (like->count > 0)
	{
		memcpy(object.items, like->items, sizeof(SSNode) * like->count);
		memcpy(object.keys, like->keys, sizeof(SSText) * like->count);
	}
	return object;
}

SSNode
ss_node_array(int count)
{
	return (SSNode){.kind = SS_NODE_ARRAY,
					.is_open = true,
					.count = count,
					.items = palloc_extended(sizeof(SSNode) * Max(count, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)};
}

/* Makes room for one more member at a position. */
static void
insert_member(SSNode *object, int at, SSText key)
{
	SSNode *items;
	SSText *keys;

	if (object->count < object->room)
	{
		memmove(object->items + at + 1, object->items + at, sizeof(SSNode) * (object->count - at));
		memmove(object->keys + at + 1, object->keys + at, sizeof(SSText) * (object->count - at));
		object->keys[at] = key;
		object->count++;
		return;
	}
	items = palloc_extended(sizeof(SSNode) * (object->count + 1), MCXT_ALLOC_HUGE);
	keys = palloc_extended(sizeof(SSText) * (object->count + 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < object->count; i++)
	{
		items[i + (i >= at)] = object->items[i];
		keys[i + (i >= at)] = object->keys[i];
	}
	keys[at] = key;
	object->items = items;
	object->keys = keys;
	object->count++;
	object->room = 0;
}

void
ss_node_set(SSNode *object, SSText key, const SSNode *value)
{
	int at;

	if (value == NULL)
		return;
	(void) ss_node_items(object);
	at = find_key(object, key);
	if (at < 0)
	{
		at = -at - 1;
		insert_member(object, at, key);
	}
	object->items[at] = *value;
	object->raw = NULL;
}

void
ss_node_set_text(SSNode *object, SSText key, SSText text)
{
	SSNode value = ss_node_text(text);

	ss_node_set(object, key, &value);
}

void
ss_node_set_number(SSNode *object, SSText key, double number)
{
	SSNode value = ss_node_number(number);

	ss_node_set(object, key, &value);
}

void
ss_node_set_bool(SSNode *object, SSText key, bool boolean)
{
	SSNode value = ss_node_bool(boolean);

	ss_node_set(object, key, &value);
}

void
ss_node_remove(SSNode *object, SSText key)
{
	int at;

	(void) ss_node_items(object);
	at = find_key(object, key);
	if (at < 0)
		return;
	for (int i = at; i < object->count - 1; i++)
	{
		object->items[i] = object->items[i + 1];
		object->keys[i] = object->keys[i + 1];
	}
	object->count--;
	object->raw = NULL;
}

/* --- writing -------------------------------------------------------------------------------- */

/* A text in the server's encoding. */
static SSText
to_server(SSText text)
{
	const char *converted;

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return text;
	converted = pg_any_to_server(pnstrdup(text.data, text.length), text.length, PG_UTF8);
	return (SSText){converted, strlen(converted)};
}

Datum
ss_text_to_server(SSText text)
{
	SSText converted = to_server(text);

	return PointerGetDatum(cstring_to_text_with_len(converted.data, converted.length));
}

static void
text_to_jsonb(SSText text, JsonbValue *to)
{
	SSText converted = to_server(text);

	to->type = jbvString;
	to->val.string.len = converted.length;
	to->val.string.val = unconstify(char *, converted.data);
}

/* The number as it was read, or the shortest decimal number that is the same double; JSON has no infinity. */
static void
number_to_jsonb(const SSNode *value, JsonbValue *to)
{
	char text[DOUBLE_SHORTEST_DECIMAL_LEN];

	to->type = jbvNumeric;
	if (value->numeric != NULL)
		to->val.numeric = value->numeric;
	else if (isinf(value->number) || isnan(value->number))
		to->type = jbvNull;
	else
	{
		double_to_shortest_decimal_buf(value->number, text);
		to->val.numeric = DatumGetNumeric(
			DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	}
}

/* A scalar as a value to push. */
static void
scalar_to_jsonb(const SSNode *value, JsonbValue *to)
{
	to->type = jbvNull;
	if (ss_node_is(value, SS_NODE_BOOL))
	{
		to->type = jbvBool;
		to->val.boolean = value->boolean;
	}
	else if (ss_node_is(value, SS_NODE_NUMBER))
		number_to_jsonb(value, to);
	else if (ss_node_is(value, SS_NODE_STRING))
		text_to_jsonb(ss_node_string(value), to);
}

static void
push_members(JsonbParseState **state, const SSNode *value, JsonbValue **result)
{
	bool is_object = value->kind == SS_NODE_OBJECT;
	SSNode open = *value; /* what nobody has looked into yet has no items */
	SSNode *items = ss_node_items(&open);

	(void) pushJsonbValue(state, is_object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < open.count; i++)
		ss_node_push(state, is_object ? &open.keys[i] : NULL, &items[i], result);
	*result = pushJsonbValue(state, is_object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

void
ss_node_push(JsonbParseState **state, const SSText *key, const SSNode *value, JsonbValue **result)
{
	JsonbValue part;

	if (key != NULL)
	{
		text_to_jsonb(*key, &part);
		(void) pushJsonbValue(state, WJB_KEY, &part);
	}
	if (!ss_node_is(value, SS_NODE_ARRAY) && !ss_node_is(value, SS_NODE_OBJECT))
		scalar_to_jsonb(value, &part);
	else if (value->raw == NULL)
	{
		push_members(state, value, result);
		return;
	}
	else
	{
		part.type = jbvBinary;
		part.val.binary.data = value->raw;
		part.val.binary.len = 0;
	}
	(void) pushJsonbValue(state, key != NULL ? WJB_VALUE : WJB_ELEM, &part);
}

Jsonb *
ss_node_as_jsonb(const SSNode *value)
{
	JsonbParseState *state = NULL;
	JsonbValue scalar;
	JsonbValue *result = &scalar;

	if (ss_node_is(value, SS_NODE_ARRAY) || ss_node_is(value, SS_NODE_OBJECT))
		push_members(&state, value, &result);
	else
		scalar_to_jsonb(value, &scalar);
	return JsonbValueToJsonb(result);
}

Jsonb *
ss_node_to_jsonb(const SSNode *value)
{
	JsonbParseState *state = NULL;
	JsonbValue *result = NULL;

	Assert(value->raw == NULL && (value->kind == SS_NODE_OBJECT || value->kind == SS_NODE_ARRAY));
	push_members(&state, value, &result);
	return JsonbValueToJsonb(result);
}
