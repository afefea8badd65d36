/*
 * notation.h: schemas of JSON in a short notation, which openapi() tells as JSON
 * Schema.
 *
 *	text, text(a|b)          a string, one of these
 *	int, number, int(1..9)   numbers, within bounds of which one may be left out
 *	bool, uuid, time, date   as they say; a time is an instant in ISO 8601
 *	money, points, …         numbers of a unit (notation.c has the list)
 *	any, object              whatever JSON; whatever object
 *	[T], {key: T, key?: T}   arrays; objects, of whose keys those with a mark may be missing
 *	{*: T}                   an object with any keys
 *	@Name                    the schema of that name
 *	T?                       or null
 *	T 'words'                with a description; T 'words'? is T? 'words'
 */
#ifndef SS_NOTATION_H
#define SS_NOTATION_H

#include "postgres.h"

#include "base/json.h"

typedef struct SSSchema SSSchema;

/* Reads the notation. An error in it is ours: it stands in constants. */
extern SSSchema *ss_schema_read(const char *notation);

/* The schema of a key of an object, or NULL: it has no such key, or is no object. */
extern SSSchema *ss_schema_member(const SSSchema *schema, const char *name);

/* That it may be null, too; that an object has no other keys; and what it is unless given. */
extern void ss_schema_allow_null(SSSchema *schema);
extern void ss_schema_close(SSSchema *schema);
extern void ss_schema_set_default(SSSchema *schema, Datum value, Oid type);

/* The same as JSON Schema under the key. */
extern void ss_schema_json(SSJson *json, const char *key, const SSSchema *schema);

/* A schema of another place of the document. */
extern void ss_schema_reference(SSJson *json, const char *key, const char *place, const char *name);

#endif /* SS_NOTATION_H */
