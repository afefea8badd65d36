/*
 * json_members.c: reads the members of a JSON object that somebody else has
 * written (json_members.h).
 *
 * Called for tokens, and for what a gateway says of its caller, also while an
 * error is being reported: that is why nothing here raises one, as jsonb_in
 * would. The server's JSON parser, with handlers of ours. No state, no locks.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/compat.h"
#include "base/json_members.h"

/* --- all members --------------------------------------------------------------------- */

typedef struct Reader
{
	SSMemberFunction function;
	void *state;
	int depth;
	bool is_object;
	bool in_array; /* what is open at depth 2 */
	char *name;	   /* of the member being read */
} Reader;

/* A value begins with this token, inside of `depth` objects and arrays. */
static void
begin_value(Reader *reader, JsonTokenType type, char *text)
{
	if (reader->depth == 1 && reader->is_object)
		reader->function(reader->state, reader->name, type, text, false);
	else if (reader->depth == 2 && reader->in_array && type != JSON_TOKEN_OBJECT_START &&
			 type != JSON_TOKEN_ARRAY_START)
		reader->function(reader->state, reader->name, type, text, true);
}

static ss_json_action
begin_object(void *state)
{
	Reader *reader = state;

	begin_value(reader, JSON_TOKEN_OBJECT_START, NULL);
	reader->is_object |= (reader->depth == 0);
	if (++reader->depth == 2)
		reader->in_array = false;
	SS_JSON_ACTION_DONE;
}

static ss_json_action
begin_array(void *state)
{
	Reader *reader = state;

	begin_value(reader, JSON_TOKEN_ARRAY_START, NULL);
	if (++reader->depth == 2)
		reader->in_array = reader->is_object;
	SS_JSON_ACTION_DONE;
}

static ss_json_action
end_nested(void *state)
{
	((Reader *) state)->depth--;
	SS_JSON_ACTION_DONE;
}

static ss_json_action
begin_field(void *state, char *name, bool isnull)
{
	Reader *reader = state;

	if (reader->depth == 1)
		reader->name = name;
	SS_JSON_ACTION_DONE;
}

static ss_json_action
read_scalar(void *state, char *text, JsonTokenType type)
{
	begin_value(state, type, text);
	SS_JSON_ACTION_DONE;
}

bool
ss_json_members(const char *text, int length, int encoding, SSMemberFunction function, void *state)
{
	Reader reader = {.function = function, .state = state};
	JsonSemAction actions = {
		.semstate = &reader,
		.object_start = begin_object,
		.object_end = end_nested,
		.array_start = begin_array,
		.array_end = end_nested,
		.object_field_start = begin_field,
		.scalar = read_scalar,
	};

	return pg_parse_json(ss_json_lexer(text, length, encoding), &actions) == JSON_SUCCESS && reader.is_object;
}

/* --- some members ---------------------------------------------------------------------- */

/* The members that are looked for. */
typedef struct Picker
{
	SSPicked *picked;
	int count;
} Picker;

static void
pick(void *state, char *name, JsonTokenType type, char *text, bool element)
{
	Picker *picker = state;

	for (int i = 0; i < picker->count && !element; i++)
	{
		if (strcmp(picker->picked[i].name, name) != 0)
			continue;
		picker->picked[i].type = type;
		picker->picked[i].text = (type == JSON_TOKEN_STRING) ? text : NULL;
	}
}

static void
clear(SSPicked *picked, int count)
{
	for (int i = 0; i < count; i++)
	{
		picked[i].type = JSON_TOKEN_INVALID;
		picked[i].text = NULL;
	}
}

/* The document with U+FFFD (or "?", where the encoding has none) for each NUL; the very one if it has none. A backslash that is text stands before another one. */
static const char *
without_nul(const char *document)
{
	char *copy;

	if (strstr(document, "\\u0000") == NULL)
		return document;
	copy = pstrdup(document);
	for (char *c = copy; *c != '\0'; c++)
		if (*c == '\\' && c[1] != '\0')
		{
			if (strncmp(c, "\\u0000", 6) == 0)
				memcpy(c + 2, GetDatabaseEncoding() == PG_UTF8 ? "fffd" : "003f", 4);
			c++;
		}
	return copy;
}

void
ss_pick_members(const char *document, SSPicked *picked, int count)
{
	const char *text = without_nul(document);
	Picker picker = {picked, count};

	clear(picked, count);
	if (!ss_json_members(text, (int) strlen(text), GetDatabaseEncoding(), pick, &picker))
		clear(picked, count);
}
