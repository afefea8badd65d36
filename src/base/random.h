/*
 * random.h: random bytes for ids and salts, cheaply.
 */
#ifndef SS_RANDOM_H
#define SS_RANDOM_H

#include "postgres.h"

#define SS_RANDOM_MAX 64 /* bytes that can be had at once */

/* Sets so many bytes, at most SS_RANDOM_MAX, none of which anybody else gets. Not for keys or passwords: ask the server for those. */
extern void ss_random_fill(void *target, size_t length);

#endif /* SS_RANDOM_H */
