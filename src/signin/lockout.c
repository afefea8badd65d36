/*
 * lockout.c: counting wrong passwords (lockout.h).
 *
 * Called by signin.c and reset_password.c. The first four failures cost nothing; from
 * the fifth on the address is locked out for one minute, then two, four and so
 * on up to an hour. A day without an attempt, a right password or a reset
 * forgets them. An address is kept as a digest: what people mistype here is
 * not ours to know.
 *
 * SS_LOCK_EMAIL is held from ss_lockout_begin to the end of the transaction.
 * Times are of the clock, not of the transaction: one that began long ago must
 * not be let in by that.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/back_off.h"
#include "base/locks.h"
#include "base/query.h"
#include "base/text_keys.h"
#include "signin/lockout.h"

/*
 * Of an attempt in the future the clock was ahead and has been set right since.
 * It counts as made now: what was left of the lock-out then is left now.
 */
SS_QUERY(
	set_clock_right,
	"UPDATE swipesavvy_private.sign_in_failures"
	"   SET locked_until = clock_timestamp() + (locked_until - last_attempt_at), last_attempt_at = clock_timestamp()"
	" WHERE email_hash = $1 AND last_attempt_at > clock_timestamp()",
	BYTEAOID);

SS_QUERY(select_lock,
		 "SELECT FROM swipesavvy_private.sign_in_failures WHERE email_hash = $1 AND locked_until > clock_timestamp()",
		 BYTEAOID);

/* After the fifth failure for a minute, and twice as long each time, up to an hour. */
#define LOCKED_FOR SS_BACK_OFF_INTERVAL("60", "3600", "f.failures - 3")

/* $2: locked out already */
SS_QUERY(
	count_failure,
	"INSERT INTO swipesavvy_private.sign_in_failures AS f (email_hash, failures) VALUES ($1, 1)"
	" ON CONFLICT (email_hash) DO UPDATE"
	"   SET last_attempt_at = clock_timestamp(),"
	"       failures = CASE WHEN $2 THEN f.failures"
	"                       WHEN f.last_attempt_at < clock_timestamp() - interval '1 day' THEN 1"
	"                       ELSE f.failures + 1 END,"
	"       locked_until = CASE WHEN $2 THEN f.locked_until"
	"                           WHEN f.last_attempt_at < clock_timestamp() - interval '1 day' OR f.failures < 4 THEN NULL"
	"                           ELSE clock_timestamp()"
	"                                + " LOCKED_FOR " END"
	" RETURNING NOT $2 AND locked_until IS NOT NULL, failures, locked_until",
	BYTEAOID, BOOLOID);

/* A few that are out of date, at every failure: what strangers try does not pile up. */
SS_QUERY(delete_old,
		 "DELETE FROM swipesavvy_private.sign_in_failures WHERE email_hash = ANY"
		 " (ARRAY(SELECT email_hash FROM swipesavvy_private.sign_in_failures"
		 "         WHERE last_attempt_at < clock_timestamp() - interval '1 day' ORDER BY last_attempt_at LIMIT 10"
		 "           FOR UPDATE SKIP LOCKED))");

SS_QUERY(delete_failures, "DELETE FROM swipesavvy_private.sign_in_failures WHERE email_hash = $1", BYTEAOID);

void
ss_lockout_begin(const char *email, SSSignInTry *attempt)
{
	size_t length;
	char *email_key = ss_key_of_email(email, strlen(email), &length);
	uint64 key;
	Datum digest;

	ss_secret_digest(email_key, length, attempt->email);
	memcpy(&key, attempt->email, sizeof(key));
	ss_lock_take(SS_LOCK_EMAIL, key);
	digest = ss_secret_bytea(attempt->email, SS_DIGEST_BYTES);
	(void) ss_query_latest(&set_clock_right, &digest, NULL);
	attempt->locked = ss_query_latest(&select_lock, &digest, NULL) > 0;
}

bool
ss_lockout_failed(const SSSignInTry *attempt, SSLockout *lockout)
{
	Datum values[] = {ss_secret_bytea(attempt->email, SS_DIGEST_BYTES), BoolGetDatum(attempt->locked)};
	SSRow row;

	(void) ss_query_latest(&delete_old, NULL, NULL);
	row = ss_row(ss_rows_latest(&count_failure, values, NULL), 0);
	if (!ss_next_bool(&row))
		return false;
	lockout->failures = ss_next_int32(&row);
	lockout->until = ss_next_time(&row);
	return true;
}

void
ss_lockout_clear(const SSSignInTry *attempt)
{
	Datum digest = ss_secret_bytea(attempt->email, SS_DIGEST_BYTES);

	(void) ss_query_latest(&delete_failures, &digest, NULL);
}
