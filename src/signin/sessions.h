/*
 * sessions.h: sessions of users: what a refresh token stands for.
 */
#ifndef SS_SESSIONS_H
#define SS_SESSIONS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* What a refresh token is: two ids, and two secrets of which only digests are stored. */
typedef struct SSRefreshToken
{
	pg_uuid_t user_id;
	pg_uuid_t session_id;
	uint8 family[32]; /* the same for all tokens of a session */
	uint8 secret[32]; /* new at every use */
} SSRefreshToken;

/* Why a session ended: user_sessions.ended_for. */
#define SS_ENDED_SIGN_OUT	  "sign_out"
#define SS_ENDED_REUSE		  "reuse"
#define SS_ENDED_PASSWORD	  "password_change"
#define SS_ENDED_RESET		  "password_reset"
#define SS_ENDED_DEACTIVATION "deactivation"

typedef enum SSSessionUse
{
	SS_SESSION_NONE,   /* no token, or of no session that goes on */
	SS_SESSION_REUSED, /* the token was used before, and not just now: its session has ended now */
	SS_SESSION_GOES_ON,
} SSSessionUse;

/* Reads a refresh token; false if the text is none. */
extern bool ss_sessions_parse(const text *token, SSRefreshToken *parsed);

/* A new session of the user; fills in the token, and its end. */
extern TimestampTz ss_sessions_begin(const pg_uuid_t *user_id, SSRefreshToken *token);

/* The token as a client gets it. */
extern char *ss_sessions_encode(const SSRefreshToken *token);

/*
 * Uses a refresh token: if it is the present one of a session that goes on,
 * the token is the next one then. The one that was used last gives the same
 * next one once more, within refresh_grace_seconds. One that was used before
 * ends its session, whoever uses it. Locks the session until the transaction ends.
 */
extern SSSessionUse ss_sessions_rotate(SSRefreshToken *token, TimestampTz *expires_at);

/*
 * Ends the session that the token is of, used before or not, or all sessions of
 * its user; how many there were, 0 if that session had ended.
 */
extern uint64 ss_sessions_end_by_token(const SSRefreshToken *token, bool everywhere, const char *reason);

/* Ends one session of a user, or all of them; how many there were. */
extern uint64 ss_sessions_end(const pg_uuid_t *user_id, const pg_uuid_t *session_id, const char *reason);
extern uint64 ss_sessions_end_all(const pg_uuid_t *user_id, const char *reason);

#endif /* SS_SESSIONS_H */
