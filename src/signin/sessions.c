/*
 * sessions.c: sessions of users (sessions.h).
 *
 * Called by signin.c, reset_password.c and users.c. A session is a row; a refresh token
 * is the way to it and two secrets. The first is the session's own: whoever
 * knows it has, or had, a token of it. The second is new at every use, so a
 * token with the first and another second has been used before: somebody else
 * has it, and the session ends. Only SHA-256 digests of both are stored.
 *
 * Two tabs of one browser may use their token at the same moment, and a client
 * may not get the answer. So the token just used is good once more for
 * refresh_grace_seconds, and the answer is the same: the next second secret is
 * made of the one before and of a key of the session that nobody else knows. A
 * thief who is that quick is on the same line of tokens as the owner, and is
 * found out at the next use.
 *
 * Who uses a token holds SS_LOCK_SESSION of its session until the transaction
 * ends, so of two that use it at once one is the first. Ending sessions locks
 * their rows only, and reads them under the latest snapshot.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/locks.h"
#include "base/query.h"
#include "base/secret.h"
#include "base/uuid7.h"
#include "call/origin.h"
#include "signin/sessions.h"

#define TOKEN_LENGTH 128 /* sizeof(SSRefreshToken) in base64 */

SS_QUERY(insert_session,
		 "INSERT INTO swipesavvy_private.user_sessions"
		 "       (user_id, session_id, family_hash, token_hash, expires_at, user_agent, ip_address, rotation_key)"
		 " SELECT $1, $2, $3, $4, clock_timestamp() + make_interval(days => s.value::integer), $5, $6, $7"
		 "   FROM swipesavvy.system_settings s WHERE s.setting = 'session_lifetime_days'"
		 " RETURNING expires_at",
		 UUIDOID, UUIDOID, BYTEAOID, BYTEAOID, TEXTOID, TEXTOID, BYTEAOID);

/* What has ended long ago is of no use to anybody. */
SS_QUERY(delete_old,
		 "DELETE FROM swipesavvy_private.user_sessions"
		 " WHERE user_id = $1 AND least(expires_at, ended_at) < clock_timestamp() - interval '30 days'",
		 UUIDOID);

/* A clock that was set back is no grace: then nobody knows how long ago the token was used. */
SS_QUERY(select_session,
		 "SELECT family_hash, token_hash,"
		 "       CASE WHEN clock_timestamp() BETWEEN last_used_at AND last_used_at"
		 "                 + make_interval(secs => (SELECT value::float8 FROM swipesavvy.system_settings"
		 "                                           WHERE setting = 'refresh_grace_seconds')) THEN previous_hash END,"
		 "       rotation_key"
		 "  FROM swipesavvy_private.user_sessions"
		 " WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL AND expires_at > clock_timestamp()",
		 UUIDOID, UUIDOID);

/* A session that began by a clock that was ahead ends as much earlier. */
SS_QUERY(
	update_token,
	"UPDATE swipesavvy_private.user_sessions"
	"   SET token_hash = $3, previous_hash = token_hash, last_used_at = clock_timestamp(), use_count = use_count + 1,"
	"       expires_at = expires_at - greatest(created_at - clock_timestamp(), interval '0'),"
	"       created_at = least(created_at, clock_timestamp())"
	" WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL RETURNING expires_at",
	UUIDOID, UUIDOID, BYTEAOID);

SS_QUERY(note_repeat,
		 "UPDATE swipesavvy_private.user_sessions SET previous_hash = NULL, use_count = use_count + 1"
		 " WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL RETURNING expires_at",
		 UUIDOID, UUIDOID);

SS_QUERY(end_session,
		 "UPDATE swipesavvy_private.user_sessions SET ended_at = clock_timestamp(), ended_for = $3"
		 " WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL AND expires_at > clock_timestamp()",
		 UUIDOID, UUIDOID, TEXTOID);

/* In order, so that two who do it at once wait for each other one way only. */
SS_QUERY(end_sessions,
		 "WITH going_on AS ("
		 "     SELECT session_id FROM swipesavvy_private.user_sessions"
		 "      WHERE user_id = $1 AND ended_at IS NULL AND expires_at > clock_timestamp()"
		 "      ORDER BY session_id FOR NO KEY UPDATE)"
		 " UPDATE swipesavvy_private.user_sessions s SET ended_at = clock_timestamp(), ended_for = $2"
		 "   FROM going_on g WHERE s.user_id = $1 AND s.session_id = g.session_id",
		 UUIDOID, TEXTOID);

/* --- tokens --------------------------------------------------------------------------- */

bool
ss_sessions_parse(const text *token, SSRefreshToken *parsed)
{
	int length;
	uint8 *bytes;

	StaticAssertStmt(sizeof(SSRefreshToken) * 4 == TOKEN_LENGTH * 3, "a refresh token has no padding");
	if (VARSIZE_ANY_EXHDR(token) != TOKEN_LENGTH)
		return false;
	bytes = ss_secret_decode(VARDATA_ANY(token), TOKEN_LENGTH, &length);
	if (bytes == NULL)
		return false;
	memcpy(parsed, bytes, sizeof(SSRefreshToken));
	ss_secret_wipe(bytes, sizeof(SSRefreshToken));
	return true;
}

char *
ss_sessions_encode(const SSRefreshToken *token)
{
	return ss_secret_encode(token, sizeof(SSRefreshToken));
}

static Datum
digest_of(const uint8 *secret)
{
	uint8 digest[SS_DIGEST_BYTES];

	ss_secret_digest(secret, 32, digest);
	return ss_secret_bytea(digest, SS_DIGEST_BYTES);
}

/* Is it the secret of the digest? Of none if that is NULL. */
static bool
secret_fits(const uint8 *secret, const bytea *stored)
{
	uint8 digest[SS_DIGEST_BYTES];

	if (stored == NULL)
		return false;
	ss_secret_digest(secret, 32, digest);
	return ss_secret_equal(digest, (uint8 *) VARDATA_ANY(stored), SS_DIGEST_BYTES);
}

/* --- their use ---------------------------------------------------------------------------- */

TimestampTz
ss_sessions_begin(const pg_uuid_t *user_id, SSRefreshToken *token)
{
	SSOrigin origin;
	uint8 rotation_key[SS_DIGEST_BYTES];
	Datum values[7];
	bool nulls[7] = {0};
	SSRows rows;

	ss_origin_read(&origin);
	token->user_id = *user_id;
	ss_uuid7_make(&token->session_id);
	ss_secret_random(token->family, sizeof(token->family));
	ss_secret_random(token->secret, sizeof(token->secret));

	ss_param_pointer(values, nulls, 0, &token->user_id);
	(void) ss_query_latest(&delete_old, values, nulls);
	ss_param_pointer(values, nulls, 1, &token->session_id);
	values[2] = digest_of(token->family);
	values[3] = digest_of(token->secret);
	ss_param_text(values, nulls, 4, origin.agent[0] == '\0' ? NULL : origin.agent);
	ss_param_text(values, nulls, 5, origin.address[0] == '\0' ? NULL : origin.address);
	ss_secret_random(rotation_key, sizeof(rotation_key));
	values[6] = ss_secret_bytea(rotation_key, sizeof(rotation_key));
	rows = ss_rows_latest(&insert_session, values, nulls);
	if (rows.count == 0)
		elog(ERROR, "setting session_lifetime_days is missing");
	return ss_one_time(rows);
}

/* The token that follows this one in its session. */
static void
make_next(SSRefreshToken *token, const bytea *rotation_key)
{
	uint8 next[SS_DIGEST_BYTES];

	StaticAssertStmt(sizeof(token->secret) == SS_DIGEST_BYTES, "a secret is an HMAC");
	ss_secret_hmac((const uint8 *) VARDATA_ANY(rotation_key), VARSIZE_ANY_EXHDR(rotation_key), token->secret,
				   sizeof(token->secret), next);
	memcpy(token->secret, next, sizeof(next));
	ss_secret_wipe(next, sizeof(next));
}

/*
 * Finds the session of a token under its lock, and reads as far as the token's
 * family; false if there is none, it has ended, or the token is not of it.
 */
static bool
find_session(const SSRefreshToken *token, SSRow *session)
{
	Datum values[] = {UUIDPGetDatum(&token->user_id), UUIDPGetDatum(&token->session_id)};
	uint64 key;
	SSRows rows;

	/* the last bytes are the random ones */
	memcpy(&key, token->session_id.data + 8, sizeof(key));
	ss_lock_take(SS_LOCK_SESSION, key);
	rows = ss_rows_latest(&select_session, values, NULL);
	if (rows.count == 0)
		return false;
	*session = ss_row(rows, 0);
	return secret_fits(token->family, ss_next_bytea(session));
}

SSSessionUse
ss_sessions_rotate(SSRefreshToken *token, TimestampTz *expires_at)
{
	Datum values[3] = {UUIDPGetDatum(&token->user_id), UUIDPGetDatum(&token->session_id)};
	const bytea *current;
	const bytea *previous;
	SSQuery *update;
	SSRow session;
	SSRows updated;

	if (!find_session(token, &session))
		return SS_SESSION_NONE;
	current = ss_next_bytea(&session);
	previous = ss_next_bytea_or_null(&session);
	update = secret_fits(token->secret, current)	? &update_token
			 : secret_fits(token->secret, previous) ? &note_repeat
													: NULL;
	if (update == NULL)
	{
		(void) ss_sessions_end(&token->user_id, &token->session_id, SS_ENDED_REUSE);
		return SS_SESSION_REUSED;
	}
	make_next(token, ss_next_bytea(&session));
	values[2] = digest_of(token->secret);
	updated = ss_rows_latest(update, values, NULL);
	if (updated.count == 0)
		return SS_SESSION_NONE;
	*expires_at = ss_one_time(updated);
	return SS_SESSION_GOES_ON;
}

/* --- their end ------------------------------------------------------------------------------ */

uint64
ss_sessions_end(const pg_uuid_t *user_id, const pg_uuid_t *session_id, const char *reason)
{
	Datum values[] = {UUIDPGetDatum(user_id), UUIDPGetDatum(session_id), CStringGetTextDatum(reason)};

	return ss_query_latest(&end_session, values, NULL);
}

uint64
ss_sessions_end_by_token(const SSRefreshToken *token, bool everywhere, const char *reason)
{
	SSRow session;

	if (!find_session(token, &session))
		return 0;
	if (everywhere)
		return ss_sessions_end_all(&token->user_id, reason);
	return ss_sessions_end(&token->user_id, &token->session_id, reason);
}

uint64
ss_sessions_end_all(const pg_uuid_t *user_id, const char *reason)
{
	Datum values[] = {UUIDPGetDatum(user_id), CStringGetTextDatum(reason)};

	return ss_query_latest(&end_sessions, values, NULL);
}
