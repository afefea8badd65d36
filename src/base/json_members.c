/*
 * json_members.c: reads some members of a JSON object (json_members.h).
 *
 * Called for what a gateway says of its caller, also while an error is being
 * reported: that is why nothing here raises one, as jsonb_in would. No state, no
 * locks.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/compat.h"
#include "base/json_members.h"

typedef struct Picker
{
	SSPicked *picked;
	int count;
	int depth;
	bool is_object;
	SSPicked *member; /* being read; NULL if nobody looks for it */
} Picker;

/* The value of the member begins with this token. */
static void
found(Picker *picker, JsonTokenType type, char *text)
{
	if (picker->depth != 1 || picker->member == NULL)
		return;
	picker->member->type = type;
	picker->member->text = (type == JSON_TOKEN_STRING) ? text : NULL;
}

static ss_json_action
begin_object(void *state)
{
	Picker *picker = state;

	found(picker, JSON_TOKEN_OBJECT_START, NULL);
	picker->is_object |= (picker->depth++ == 0);
	SS_JSON_ACTION_DONE;
}

static ss_json_action
begin_array(void *state)
{
	Picker *picker = state;

	found(picker, JSON_TOKEN_ARRAY_START, NULL);
	picker->depth++;
	SS_JSON_ACTION_DONE;
}

static ss_json_action
end_nested(void *state)
{
	((Picker *) state)->depth--;
	SS_JSON_ACTION_DONE;
}

static ss_json_action
begin_field(void *state, char *name, bool isnull)
{
	Picker *picker = state;

	if (picker->depth == 1)
	{
		picker->member = NULL;
		for (int i = 0; i < picker->count; i++)
			if (strcmp(picker->picked[i].name, name) == 0)
				picker->member = &picker->picked[i];
	}
	SS_JSON_ACTION_DONE;
}

static ss_json_action
read_scalar(void *state, char *text, JsonTokenType type)
{
	found(state, type, text);
	SS_JSON_ACTION_DONE;
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
	Picker picker = {.picked = picked, .count = count};
	JsonSemAction actions = {
		.semstate = &picker,
		.object_start = begin_object,
		.object_end = end_nested,
		.array_start = begin_array,
		.array_end = end_nested,
		.object_field_start = begin_field,
		.scalar = read_scalar,
	};

	clear(picked, count);
	if (pg_parse_json(ss_json_lexer(text, strlen(text), GetDatabaseEncoding()), &actions) != JSON_SUCCESS ||
		!picker.is_object)
		clear(picked, count);
}
