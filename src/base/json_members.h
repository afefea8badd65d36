/*
 * json_members.h: the members of a JSON object that somebody else has written.
 */
#ifndef SS_JSON_MEMBERS_H
#define SS_JSON_MEMBERS_H

#include "postgres.h"

#include "common/jsonapi.h"

/*
 * Is handed each member of the object in turn, or each scalar of an array that
 * is a member's value (element). An object or array itself is its first token,
 * without text. Names and texts are palloc'd.
 */
typedef void (*SSMemberFunction)(void *state, char *name, JsonTokenType type, char *text, bool element);

/* Reads a text that must be one JSON object; false if it is anything else, whatever has been handed over by then. */
extern bool ss_json_members(const char *text, int length, int encoding, SSMemberFunction function, void *state);

/* A member: the name that is looked for, and what was found. */
typedef struct SSPicked
{
	const char *name;
	JsonTokenType type; /* JSON_TOKEN_INVALID: there is none; of an object or array its first token */
	char *text;			/* of a string; NULL of anything else */
} SSPicked;

/*
 * Looks for the members in the text, which is in the server's encoding. Of two
 * with one name the last one counts. Raises nothing for bad input: what is not
 * one JSON object has no members. A character that no text can have (NUL) is
 * read as U+FFFD, so that it hides nothing of the others.
 */
extern void ss_pick_members(const char *document, SSPicked *picked, int count);

#endif /* SS_JSON_MEMBERS_H */
