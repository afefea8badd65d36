/*
 * etag.h: what a client keeps of an answer, and asks about when it asks again.
 */
#ifndef SS_ETAG_H
#define SS_ETAG_H

#include "postgres.h"

/* The tag of a text, in its quotes, palloc'd: the first 128 bits of its SHA-256. */
extern char *ss_etag_make(const char *text);

/* Does the caller have what bears the tag (If-None-Match)? Only a trusted gateway tells what the caller sent. */
extern bool ss_etag_is_known(const char *tag);

#endif /* SS_ETAG_H */
