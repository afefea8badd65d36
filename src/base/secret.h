/*
 * secret.h: secret arguments, random bytes, digests, base64url, and forgetting.
 */
#ifndef SS_SECRET_H
#define SS_SECRET_H

#include "postgres.h"

#include "fmgr.h"

#define SS_DIGEST_BYTES 32
#define SS_SECRET_MAX	1000 /* usual length of an argument, in characters */

/*
 * An argument that is a password, or another secret, of at most that many
 * characters; 22023, without it, if it is null or longer. Give it back with
 * ss_secret_forget, which overwrites and frees the argument if it is a copy of
 * ours; what the server holds is not ours to change.
 */
extern text *ss_secret_arg(FunctionCallInfo fcinfo, int n, const char *name, int max_chars);
extern void ss_secret_forget(FunctionCallInfo fcinfo, int n, text *secret);

/* Strong random bytes; an error if the system has none. */
extern void ss_secret_random(uint8 *bytes, size_t length);

/* SHA-256, and HMAC with SHA-256. */
extern void ss_secret_digest(const void *data, size_t length, uint8 *digest);
extern void ss_secret_hmac(const uint8 *key, size_t key_length, const void *data, size_t length, uint8 *digest);

/* Are the bytes the same? Takes the same time whatever they are. */
extern bool ss_secret_equal(const uint8 *a, const uint8 *b, size_t length);

/* Overwrites what is needed no more. */
extern void ss_secret_wipe(void *bytes, size_t length);

/* Standard base64 with padding, and base64url without (RFC 7515), as text. */
extern char *ss_secret_base64(const void *bytes, size_t length);
extern char *ss_secret_encode(const void *bytes, size_t length);

/* The reverse, palloc'd, with a NUL behind it; NULL for what ss_secret_encode would not have made. */
extern uint8 *ss_secret_decode(const char *text, size_t length, int *decoded);

/* A digest or other bytes as a bytea datum. */
extern Datum ss_secret_bytea(const uint8 *bytes, size_t length);

#endif /* SS_SECRET_H */
