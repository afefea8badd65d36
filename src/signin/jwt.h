/*
 * jwt.h: JSON web tokens, HS256 only: made, taken apart, checked.
 */
#ifndef SS_JWT_H
#define SS_JWT_H

#include "postgres.h"

#include "utils/uuid.h"

#define SS_JWT_AUDIENCE	  "swipesavvy"
#define SS_JWT_MAX		  4096 /* bytes of a token */
#define SS_JWT_SECRET_MIN 32   /* bytes of a key, as RFC 7518 wants for HS256 */

/* What a token says; instants in seconds since 1970. */
typedef struct SSClaims
{
	pg_uuid_t user_id;
	char *role; /* of the database: swipesavvy_customer, … */
	int64 expires_at;
	int64 issued_at; /* 0 = not said, in these two */
	int64 not_before;
	bool has_session;
	pg_uuid_t session;
	bool must_change; /* signed in with a temporary password */
} SSClaims;

/* A token that was taken apart; nothing of it is believed yet. */
typedef struct SSJwt
{
	char *key_id;
	const char *signed_part; /* header and payload as they were signed */
	int signed_length;
	const uint8 *signature; /* SS_DIGEST_BYTES of it */
	const char *payload;
	int payload_length;
} SSJwt;

/* A signed token, as text. */
extern char *ss_jwt_make(const SSClaims *claims, const char *key_id, const uint8 *key, size_t key_length);

/*
 * Takes a token apart as far as its key's id; NULL, or why it is refused (a
 * constant: malformed, algorithm).
 */
extern const char *ss_jwt_split(const char *token, size_t length, SSJwt *jwt);

/*
 * Checks signature and claims; `now` in seconds since 1970. NULL, or why it is
 * refused: signature, claims, audience, expired, not_yet_valid.
 */
extern const char *ss_jwt_verify(const SSJwt *jwt, const uint8 *key, size_t key_length, int64 now, SSClaims *claims);

#endif /* SS_JWT_H */
