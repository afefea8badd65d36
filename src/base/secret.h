/*
 * secret.h: random bytes, digests, base64url, and forgetting.
 */
#ifndef SS_SECRET_H
#define SS_SECRET_H

#include "postgres.h"

#define SS_DIGEST_BYTES 32

/* Strong random bytes; an error if the system has none. */
extern void ss_secret_random(uint8 *bytes, size_t length);

/* SHA-256, and HMAC with SHA-256. */
extern void ss_secret_digest(const void *data, size_t length, uint8 *digest);
extern void ss_secret_hmac(const uint8 *key, size_t key_length, const void *data, size_t length, uint8 *digest);

/* Are the bytes the same? Takes the same time whatever they are. */
extern bool ss_secret_equal(const uint8 *a, const uint8 *b, size_t length);

/* Overwrites what is needed no more. */
extern void ss_secret_wipe(void *bytes, size_t length);

/* base64url without padding (RFC 7515), as text. */
extern char *ss_secret_encode(const void *bytes, size_t length);

/* The reverse, palloc'd, with a NUL behind it; NULL for what ss_secret_encode would not have made. */
extern uint8 *ss_secret_decode(const char *text, size_t length, int *decoded);

/* A digest or other bytes as a bytea datum. */
extern Datum ss_secret_bytea(const uint8 *bytes, size_t length);

#endif /* SS_SECRET_H */
