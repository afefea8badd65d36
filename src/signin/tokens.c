/*
 * tokens.c: access tokens of this programme (tokens.h), and the two functions
 * that believe one.
 *
 * Called by signin.c; verify_token() and authenticate() are SQL entry points.
 * They read only, so they answer on a replica too. Nothing is locked. Besides
 * signature and times it counts that the session goes on and the user is
 * active: who verifies elsewhere, as PostgREST does, does not know that, and
 * believes a token until it expires.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/secret.h"
#include "call/call.h"
#include "call/identity.h"
#include "signin/jwt.h"
#include "signin/token_keys.h"
#include "signin/tokens.h"

PG_FUNCTION_INFO_V1(swipesavvy_verify_token);
PG_FUNCTION_INFO_V1(swipesavvy_authenticate);

SS_QUERY(select_lifetime,
		 "SELECT value::bigint * 60 FROM swipesavvy.system_settings WHERE setting = 'token_lifetime_minutes'");

SS_QUERY(select_standing,
		 "SELECT FROM swipesavvy.users u"
		 " WHERE u.user_id = $1 AND u.status = 'active' AND u.erased_at IS NULL"
		 "   AND ($2 IS NULL OR EXISTS (SELECT FROM swipesavvy_private.user_sessions s"
		 "                               WHERE s.user_id = $1 AND s.session_id = $2 AND s.ended_at IS NULL))",
		 UUIDOID, UUIDOID);

static int64
to_unix(TimestampTz time)
{
	return time / USECS_PER_SEC + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

static TimestampTz
from_unix(int64 seconds)
{
	return (seconds - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) * USECS_PER_SEC;
}

char *
ss_tokens_issue(const pg_uuid_t *user_id, const char *role, const pg_uuid_t *session_id, bool must_change,
				int64 *lifetime)
{
	int64 now = to_unix(GetCurrentTimestamp());
	SSClaims claims = {
		.user_id = *user_id,
		.role = must_change ? "swipesavvy_anon" : psprintf("swipesavvy_%s", role),
		.issued_at = now,
		.not_before = now,
		.has_session = true,
		.session = *session_id,
		.must_change = must_change,
	};
	SSTokenKey key;
	char *token;
	SSRows setting = ss_rows_latest(&select_lifetime, NULL, NULL);

	if (setting.count == 0)
		elog(ERROR, "setting token_lifetime_minutes is missing");
	*lifetime = ss_one_int64(setting);
	claims.expires_at = now + *lifetime;
	ss_token_keys_current(&key);
	token = ss_jwt_make(&claims, key.key_id, key.secret, key.length);
	ss_token_keys_forget(&key);
	return token;
}

/* Does the user stand, and the session that the token is of? */
static bool
is_in_good_standing(const SSClaims *claims)
{
	Datum values[2];
	bool nulls[2];

	ss_param_pointer(values, nulls, 0, &claims->user_id);
	ss_param_pointer(values, nulls, 1, claims->has_session ? &claims->session : NULL);
	return ss_query_read(&select_standing, values, nulls) == 1;
}

/* NULL and the claims of the token in argument 0, or why it is refused: those of jwt.h, unknown_key and revoked. */
static const char *
check_token(FunctionCallInfo fcinfo, SSClaims *claims)
{
	text *token;
	SSJwt jwt;
	SSTokenKey key;
	const char *refused;

	if (PG_ARGISNULL(0))
		ss_missing_value("jwt");
	token = PG_GETARG_TEXT_PP(0);
	refused = ss_jwt_split(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token), &jwt);
	if (refused != NULL)
		return refused;
	if (!ss_token_keys_find(jwt.key_id, &key))
		return "unknown_key";
	refused = ss_jwt_verify(&jwt, key.secret, key.length, to_unix(GetCurrentStatementStartTimestamp()), claims);
	ss_token_keys_forget(&key);
	if (refused != NULL)
		return refused;
	return is_in_good_standing(claims) ? NULL : "revoked";
}

static void
add_claims(SSJson *json, const SSClaims *claims)
{
	ss_json_uuid(json, "user_id", &claims->user_id);
	ss_json_text(json, "role", claims->role);
	ss_json_time(json, "expires_at", from_unix(claims->expires_at));
	ss_json_uuid(json, "session_id", claims->has_session ? &claims->session : NULL);
	ss_json_bool(json, "must_change_password", claims->must_change);
}

/*
 * verify_token(jwt)
 */
Datum
swipesavvy_verify_token(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSClaims claims;
	const char *refused;

	ss_call_enter(&call, SS_SIGN_IN);
	refused = check_token(fcinfo, &claims);
	ss_json_open_object(&json, NULL);
	ss_json_bool(&json, "valid", refused == NULL);
	if (refused == NULL)
		add_claims(&json, &claims);
	else
		ss_json_text(&json, "reason", refused);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * authenticate(jwt): the session acts for the token's user until the
 * transaction ends; PT401 for a token that is refused
 */
Datum
swipesavvy_authenticate(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSClaims claims;
	SSIdentity identity;
	const char *refused;

	ss_call_enter(&call, SS_SIGN_IN);
	refused = check_token(fcinfo, &claims);
	if (refused != NULL)
		ss_unauthenticated("the token is not valid", psprintf("The reason is \"%s\".", refused));
	ss_json_open_object(&json, NULL);
	add_claims(&json, &claims);
	ss_json_close_object(&json);
	identity = (SSIdentity){
		.user_id = claims.user_id,
		.must_change = claims.must_change,
		.has_session = claims.has_session,
		.session = claims.session,
	};
	ss_identity_set(&identity);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
