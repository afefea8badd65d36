/*
 * uuid.h: UUIDs as values and as text.
 */
#ifndef SS_UUID_H
#define SS_UUID_H

#include "postgres.h"

#include "utils/uuid.h"

#define SS_UUID_CHARS 36 /* of its text */

static inline bool
ss_uuid_equal(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a, b, sizeof(pg_uuid_t)) == 0;
}

/* Below, at or above 0, in the server's order. */
static inline int
ss_uuid_compare(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a, b, sizeof(pg_uuid_t));
}

/* The same for qsort() and bsearch(), of ids or of structs that begin with one. */
extern int ss_uuid_order(const void *a, const void *b);

/* For hash tables in memory; it is not kept anywhere. */
static inline uint32
ss_uuid_hash(pg_uuid_t id)
{
	uint64 words[2];

	memcpy(words, &id, sizeof(words));
	words[0] = (words[0] ^ (words[1] >> 29) ^ words[1]) * UINT64CONST(0x9e3779b97f4a7c15);
	return (uint32) (words[0] >> 32);
}

/* Is the text 8-4-4-4-12 hexadecimal digits? The server takes other forms, too, and fails with what it does not take. */
extern bool ss_uuid_is_text(const char *text, size_t length);

/* Its value; false for anything but that form. */
extern bool ss_uuid_parse(const char *text, size_t length, pg_uuid_t *value);

/* The same for an argument, a key of a document or a cursor: 22023 naming it. */
extern pg_uuid_t *ss_uuid_from_text(const char *text, const char *name);

extern char *ss_uuid_text(const pg_uuid_t *value);

#endif /* SS_UUID_H */
