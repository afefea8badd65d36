/*
 * notation.c: reads the notation of schemas (notation.h), and tells it as JSON
 * Schema.
 *
 * Called by openapi() alone, for constants. No locks.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/array.h"
#include "routes/notation.h"

/* What a word of the notation is: a type of JSON, its format, and its unit. */
typedef struct Kind
{
	const char *word;
	const char *type; /* NULL: any */
	const char *format;
	const char *unit;
} Kind;

static const Kind kinds[] = {
	{"text", "string", NULL, NULL},
	{"uuid", "string", "uuid", NULL},
	{"time", "string", "date-time", NULL},
	{"date", "string", "date", NULL},
	{"bool", "boolean", NULL, NULL},
	{"int", "integer", NULL, NULL},
	{"number", "number", NULL, NULL},
	{"money", "number", NULL, "in major units of the currency"},
	{"points", "integer", NULL, "points"},
	{"percent", "number", NULL, "per cent"},
	{"share", "number", NULL, "from 0 to 1"},
	{"degrees", "number", NULL, "degrees of WGS 84"},
	{"meters", "number", NULL, "metres"},
	{"days", "integer", NULL, "days"},
	{"seconds", "integer", NULL, "seconds"},
	{"ms", "number", NULL, "milliseconds"},
	{"any", NULL, NULL, NULL},
	{"object", "object", NULL, NULL},
};

static const Kind array_kind = {"[", "array", NULL, NULL};
static const Kind object_kind = {"{", "object", NULL, NULL};

typedef struct Member
{
	char *name; /* "*": any */
	bool optional;
	SSSchema *schema;
} Member;

struct SSSchema
{
	const Kind *kind; /* NULL: a reference */
	char *reference;
	bool nullable;
	bool closed; /* no other keys */
	char *description;
	char **words; /* those that it may be; or bounds, of which either may be empty */
	int nwords;
	SSSchema *item;
	Member *members;
	int nmembers;
	Datum unless_given; /* of that type; InvalidOid: there is none */
	Oid type;
};

/* --- reading ----------------------------------------------------------------------------------------- */

static SSSchema *read_schema(const char **at);

static void
skip_blanks(const char **at)
{
	while (**at == ' ')
		(*at)++;
}

/* Is this the next character? Then it is read. */
static bool
skip(const char **at, char c)
{
	skip_blanks(at);
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static void
expect(const char **at, char c)
{
	if (!skip(at, c))
		elog(ERROR, "notation of a schema lacks '%c' before \"%.40s\"", c, *at);
}

/* All up to one of those characters. */
static char *
read_until(const char **at, const char *ends)
{
	size_t length = strcspn(*at, ends);
	char *read = pnstrdup(*at, length);

	*at += length;
	return read;
}

static void
read_members(SSSchema *schema, const char **at)
{
	while (!skip(at, '}'))
	{
		Member member = {0};

		skip_blanks(at);
		member.name = read_until(at, "?: ");
		member.optional = skip(at, '?');
		expect(at, ':');
		member.schema = read_schema(at);
		schema->members = ss_array_grow(schema->members, schema->nmembers, sizeof(Member));
		schema->members[schema->nmembers++] = member;
		(void) skip(at, ',');
	}
}

/* (a|b|c), or (1..100) as two words */
static void
read_words(SSSchema *schema, const char **at)
{
	bool bounds = strcmp(schema->kind->type, "string") != 0;

	do
	{
		schema->words = ss_array_grow(schema->words, schema->nwords, sizeof(char *));
		schema->words[schema->nwords++] = read_until(at, bounds ? ".)" : "|)");
		if (bounds && **at == '.')
			(*at)++;
	} while (skip(at, bounds ? '.' : '|'));
	expect(at, ')');
}

static const Kind *
kind_of(const char *word)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	}
	elog(ERROR, "notation of a schema has the unknown word \"%s\"", word);
}

static SSSchema *
read_schema(const char **at)
{
	SSSchema *schema = palloc0(sizeof(SSSchema));

	if (skip(at, '{'))
	{
		schema->kind = &object_kind;
		read_members(schema, at);
	}
	else if (skip(at, '['))
	{
		schema->kind = &array_kind;
		schema->item = read_schema(at);
		expect(at, ']');
	}
	else if (skip(at, '@'))
		schema->reference = read_until(at, "?,]}' ");
	else
	{
		schema->kind = kind_of(read_until(at, "(?,]}' "));
		if (skip(at, '('))
			read_words(schema, at);
	}
	schema->nullable = skip(at, '?');
	if (skip(at, '\''))
	{
		schema->description = read_until(at, "'");
		expect(at, '\'');
		schema->nullable |= skip(at, '?');
	}
	return schema;
}

SSSchema *
ss_schema_read(const char *notation)
{
	SSSchema *schema = read_schema(&notation);

	skip_blanks(&notation);
	if (*notation != '\0')
		elog(ERROR, "notation of a schema goes on with \"%.40s\"", notation);
	return schema;
}

SSSchema *
ss_schema_member(const SSSchema *schema, const char *name)
{
	for (int i = 0; i < schema->nmembers; i++)
	{
		if (strcmp(schema->members[i].name, name) == 0)
			return schema->members[i].schema;
	}
	return NULL;
}

void
ss_schema_allow_null(SSSchema *schema)
{
	schema->nullable = true;
}

void
ss_schema_close(SSSchema *schema)
{
	schema->closed = true;
}

void
ss_schema_set_default(SSSchema *schema, Datum value, Oid type)
{
	schema->unless_given = value;
	schema->type = type;
}

/* --- telling ------------------------------------------------------------------------------------------- */

void
ss_schema_reference(SSJson *json, const char *key, const char *place, const char *name)
{
	ss_json_open_object(json, key);
	ss_json_text(json, "$ref", psprintf("#/components/%s/%s", place, name));
	ss_json_close_object(json);
}

/* "string", or ["string", "null"] */
static void
add_type(SSJson *json, const SSSchema *schema)
{
	if (schema->kind->type == NULL)
		return;
	if (!schema->nullable)
	{
		ss_json_text(json, "type", schema->kind->type);
		return;
	}
	ss_json_open_array(json, "type");
	ss_json_text(json, NULL, schema->kind->type);
	ss_json_text(json, NULL, "null");
	ss_json_close_array(json);
}

static void
add_bound(SSJson *json, const char *key, const char *bound)
{
	Datum number;

	if (bound[0] == '\0')
		return;
	number = DirectFunctionCall3(numeric_in, CStringGetDatum(bound), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	ss_json_datum(json, key, number, false, NUMERICOID);
}

static void
add_words(SSJson *json, const SSSchema *schema)
{
	if (schema->nwords == 0)
		return;
	if (strcmp(schema->kind->type, "string") != 0)
	{
		add_bound(json, "minimum", schema->words[0]);
		add_bound(json, "maximum", schema->words[1]);
		return;
	}
	ss_json_open_array(json, "enum");
	for (int i = 0; i < schema->nwords; i++)
		ss_json_text(json, NULL, schema->words[i]);
	if (schema->nullable)
		ss_json_null(json, NULL);
	ss_json_close_array(json);
}

static void
add_members(SSJson *json, const SSSchema *schema)
{
	if (schema->nmembers == 1 && strcmp(schema->members[0].name, "*") == 0)
	{
		ss_schema_json(json, "additionalProperties", schema->members[0].schema);
		return;
	}
	ss_json_open_object(json, "properties");
	for (int i = 0; i < schema->nmembers; i++)
		ss_schema_json(json, schema->members[i].name, schema->members[i].schema);
	ss_json_close_object(json);
	ss_json_open_array(json, "required");
	for (int i = 0; i < schema->nmembers; i++)
	{
		if (!schema->members[i].optional)
			ss_json_text(json, NULL, schema->members[i].name);
	}
	ss_json_close_array(json);
	if (schema->closed)
		ss_json_bool(json, "additionalProperties", false);
}

static void
add_description(SSJson *json, const SSSchema *schema)
{
	const char *unit = schema->kind != NULL ? schema->kind->unit : NULL;

	if (schema->description != NULL && unit != NULL)
		ss_json_text(json, "description", psprintf("%s; %s", schema->description, unit));
	else if (schema->description != NULL || unit != NULL)
		ss_json_text(json, "description", schema->description != NULL ? schema->description : unit);
}

/* What another schema says, or null. */
static void
add_reference(SSJson *json, const SSSchema *schema)
{
	if (!schema->nullable)
	{
		ss_json_text(json, "$ref", psprintf("#/components/schemas/%s", schema->reference));
		return;
	}
	ss_json_open_array(json, "anyOf");
	ss_schema_reference(json, NULL, "schemas", schema->reference);
	ss_json_open_object(json, NULL);
	ss_json_text(json, "type", "null");
	ss_json_close_object(json);
	ss_json_close_array(json);
}

void
ss_schema_json(SSJson *json, const char *key, const SSSchema *schema)
{
	ss_json_open_object(json, key);
	if (schema->kind == NULL)
		add_reference(json, schema);
	else
	{
		add_type(json, schema);
		if (schema->kind->format != NULL)
			ss_json_text(json, "format", schema->kind->format);
		add_words(json, schema);
		if (schema->item != NULL)
			ss_schema_json(json, "items", schema->item);
		if (schema->kind == &object_kind)
			add_members(json, schema);
	}
	add_description(json, schema);
	if (OidIsValid(schema->type))
		ss_json_datum(json, "default", schema->unless_given, false, schema->type);
	ss_json_close_object(json);
}
