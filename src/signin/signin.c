/*
 * signin.c: signing in and out, and the change of a password.
 *
 * SQL entry points. A refusal is a result like any other, with the HTTP status
 * set through PostgREST's response.status: an error would roll back what it
 * leaves behind, the count of failures or the end of a session. It is the same
 * for every cause, after the same work.
 *
 * Locks, in this order: the e-mail address or the session (locks.h), then rows:
 * users, credentials, sessions. A place to hash at is held while hashing only.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/secret.h"
#include "call/call.h"
#include "call/gate.h"
#include "call/identity.h"
#include "call/refusal.h"
#include "outbox/outbox.h"
#include "signin/lockout.h"
#include "signin/password.h"
#include "signin/sessions.h"
#include "signin/tokens.h"

#define EMAIL_MAX 320

PG_FUNCTION_INFO_V1(swipesavvy_sign_in);
PG_FUNCTION_INFO_V1(swipesavvy_refresh_session);
PG_FUNCTION_INFO_V1(swipesavvy_sign_out);
PG_FUNCTION_INFO_V1(swipesavvy_change_password);

#define ACCOUNT                                                                                                           \
	"SELECT u.user_id, c.password_hash, c.must_change,"                                                                   \
	"       u.status = 'active' AND u.erased_at IS NULL AND (c.valid_until IS NULL OR c.valid_until > clock_timestamp())" \
	"  FROM swipesavvy.users u JOIN swipesavvy_private.user_credentials c ON c.user_id = u.user_id"

SS_QUERY(select_by_email, ACCOUNT " WHERE swipesavvy.email_key(u.email) = swipesavvy.email_key($1)", TEXTOID);
SS_QUERY(select_by_id, ACCOUNT " WHERE u.user_id = $1", UUIDOID);

SS_QUERY(select_email, "SELECT email FROM swipesavvy.users WHERE user_id = $1", UUIDOID);

/* Whom a message about a lock-out goes to: nobody who cannot sign in anyway. */
SS_QUERY(select_recipient,
		 "SELECT user_id, email, name, preferred_language FROM swipesavvy.users"
		 " WHERE user_id = $1 AND status = 'active' AND erased_at IS NULL",
		 UUIDOID);

/* Waits for a deactivation that is under way, and is 0 rows then. */
SS_QUERY(note_sign_in,
		 "UPDATE swipesavvy.users SET last_login_at = clock_timestamp()"
		 " WHERE user_id = $1 AND status = 'active' AND erased_at IS NULL RETURNING role",
		 UUIDOID);

SS_QUERY(select_refresher,
		 "SELECT u.role, coalesce(c.must_change, false)"
		 "  FROM swipesavvy.users u LEFT JOIN swipesavvy_private.user_credentials c ON c.user_id = u.user_id"
		 " WHERE u.user_id = $1 AND u.status = 'active' AND u.erased_at IS NULL"
		 "   AND (c.valid_until IS NULL OR c.valid_until > clock_timestamp())",
		 UUIDOID);

SS_QUERY(update_password,
		 "UPDATE swipesavvy_private.user_credentials"
		 "   SET password_hash = $2, must_change = false, valid_until = NULL, changed_at = clock_timestamp()"
		 " WHERE user_id = $1",
		 UUIDOID, TEXTOID);

/* Who wants to sign in, and what is known of them. */
typedef struct Account
{
	bool exists;
	pg_uuid_t user_id;
	char *password_hash; /* NULL if there is none */
	bool must_change;
	bool may_sign_in; /* active, and the password not run out */
} Account;

/* --- results ------------------------------------------------------------------------------ */

/* Refuses: a document like any other, which commits. Its code is what an error of that status has. */
static Datum
leave_refused(SSCall *call, const char *error, const char *message, const char *http_status)
{
	SSJson json = {0};
	Datum result;

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "error", error);
	ss_json_text(&json, "code", psprintf("PT%s", http_status));
	ss_json_text(&json, "message", message);
	ss_json_close_object(&json);
	result = ss_call_leave_json(call, &json);
	ss_gate_respond("response.status", http_status);
	return result;
}

static Datum
leave_not_signed_in(SSCall *call)
{
	return leave_refused(call, "invalid_credentials",
						 "E-mail or password is wrong, or there were too many attempts; try again later.", "401");
}

/* The tokens of a session; they are overwritten here once they are in the result. */
static Datum
leave_signed_in(SSCall *call, SSRefreshToken *token, TimestampTz session_ends, const char *role, bool must_change)
{
	MemoryContext spi = MemoryContextSwitchTo(call->context);
	SSJson json = {0};
	int64 lifetime;
	char *access = ss_tokens_issue(&token->user_id, role, &token->session_id, must_change, &lifetime);
	char *refresh = ss_sessions_encode(token);
	Datum result;

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "access_token", access);
	ss_json_text(&json, "token_type", "Bearer");
	ss_json_int(&json, "expires_in", lifetime);
	ss_json_text(&json, "refresh_token", refresh);
	ss_json_time(&json, "session_ends_at", session_ends);
	ss_json_uuid(&json, "user_id", &token->user_id);
	ss_json_text(&json, "role", role);
	ss_json_bool(&json, "must_change_password", must_change);
	ss_json_close_object(&json);
	MemoryContextSwitchTo(spi);
	result = ss_call_leave_json(call, &json);
	ss_secret_wipe(access, strlen(access));
	ss_secret_wipe(refresh, strlen(refresh));
	ss_secret_wipe(token, sizeof(SSRefreshToken));
	return result;
}

/* --- the audit log ------------------------------------------------------------------------------ */

/*
 * Writes down what was done, or tried, with a session or a user of that id
 * (NULL = none that we know), on behalf of a user (likewise). Who signs in is
 * the actor.
 */
static void
record(SSCall *call, const char *resource, const char *action, const pg_uuid_t *user_id, const pg_uuid_t *id,
	   bool refused)
{
	SSAudit audit = {
		.resource = resource,
		.action = action,
		.resource_id = id == NULL ? NULL : ss_uuid_text(id),
		.user_id = user_id,
		.refused = refused,
	};

	if (user_id != NULL && !refused)
	{
		call->has_identity = true;
		call->identity = *user_id;
	}
	ss_audit_write(call, &audit, NULL, NULL);
}

/* Tells the user that somebody has tried too often. */
static void
announce_lockout(const pg_uuid_t *user_id, const SSLockout *lockout)
{
	SSJson body = {0};
	Datum id = UUIDPGetDatum(user_id);
	SSRows recipient = ss_rows_latest(&select_recipient, &id, NULL);

	if (recipient.count != 1)
		return;
	ss_json_open_object(&body, NULL);
	ss_json_columns(&body, ss_row(recipient, 0));
	ss_json_int(&body, "failures", lockout->failures);
	ss_json_time(&body, "locked_until", lockout->until);
	ss_json_close_object(&body);
	ss_outbox_put("user.locked_out", 1, psprintf("user:%s", ss_uuid_text(user_id)),
				  DatumGetJsonbP(ss_json_finish(&body)), NULL);
}

/* Counts and writes down a wrong password, given to this action. */
static void
note_failure(SSCall *call, const SSSignInTry *attempt, const char *resource, const char *action, const Account *account)
{
	const pg_uuid_t *user_id = account->exists ? &account->user_id : NULL;
	SSLockout lockout;

	if (ss_lockout_failed(attempt, &lockout))
	{
		action = "lock_out";
		if (user_id != NULL)
			announce_lockout(user_id, &lockout);
	}
	record(call, resource, action, user_id, strcmp(resource, "user") == 0 ? user_id : NULL, true);
}

/* --- sign_in --------------------------------------------------------------------------------- */

static Account
read_account(SSQuery *query, Datum key)
{
	Account account = {0};
	SSRows rows = ss_rows_latest(query, &key, NULL);
	SSRow row;

	if (rows.count != 1)
		return account;
	row = ss_row(rows, 0);
	account.exists = true;
	account.user_id = *ss_next_uuid(&row);
	account.password_hash = ss_next_text(&row);
	account.must_change = ss_next_bool(&row);
	account.may_sign_in = ss_next_bool(&row);
	return account;
}

/* Is it the account's password, and one that is good? The same work whatever the answer. */
static bool
password_is_right(const Account *account, const SSSignInTry *attempt, const text *password)
{
	bool same = ss_password_verify(password, account->password_hash);

	return same && account->may_sign_in && !attempt->locked;
}

/*
 * sign_in(email, password)
 */
Datum
swipesavvy_sign_in(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSSignInTry attempt;
	Account account;
	SSRefreshToken token;
	TimestampTz session_ends;
	char *email;
	text *password;
	SSRows role;
	bool right;

	ss_call_enter(&call, SS_SIGN_IN);
	PreventCommandIfReadOnly("sign_in()");
	email = ss_arg_text(fcinfo, 0, "email", EMAIL_MAX, true);
	password = ss_secret_arg(fcinfo, 1, "password", SS_SECRET_MAX);
	ss_lockout_begin(email, &attempt);
	account = read_account(&select_by_email, CStringGetTextDatum(email));
	right = password_is_right(&account, &attempt, password);
	ss_secret_forget(fcinfo, 1, password);
	if (!right)
	{
		note_failure(&call, &attempt, "session", "sign_in", &account);
		return leave_not_signed_in(&call);
	}
	role = ss_rows_latest(&note_sign_in, (Datum[]){UUIDPGetDatum(&account.user_id)}, NULL);
	if (role.count == 0)
		return leave_not_signed_in(&call);
	ss_lockout_clear(&attempt);
	session_ends = ss_sessions_begin(&account.user_id, &token);
	record(&call, "session", "sign_in", &token.user_id, &token.session_id, false);
	PG_RETURN_DATUM(leave_signed_in(&call, &token, session_ends, ss_one_text(role), account.must_change));
}

/* --- refresh_session, sign_out ------------------------------------------------------------------ */

/* The refresh token in argument 0; false if it is none. */
static bool
read_refresh_token(FunctionCallInfo fcinfo, SSRefreshToken *token)
{
	text *argument = ss_secret_arg(fcinfo, 0, "refresh_token", SS_SECRET_MAX);
	bool parsed = ss_sessions_parse(argument, token);

	ss_secret_forget(fcinfo, 0, argument);
	return parsed;
}

/*
 * refresh_session(refresh_token)
 */
Datum
swipesavvy_refresh_session(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSRefreshToken token;
	SSSessionUse use = SS_SESSION_NONE;
	TimestampTz session_ends;

	ss_call_enter(&call, SS_SIGN_IN);
	PreventCommandIfReadOnly("refresh_session()");
	if (read_refresh_token(fcinfo, &token))
		use = ss_sessions_rotate(&token, &session_ends);
	if (use == SS_SESSION_REUSED)
		record(&call, "session", "reuse", &token.user_id, &token.session_id, true);
	else
		ss_audit_none(&call); /* the session itself counts how often it was used */
	if (use == SS_SESSION_GOES_ON)
	{
		SSRows rows = ss_rows_latest(&select_refresher, (Datum[]){UUIDPGetDatum(&token.user_id)}, NULL);

		if (rows.count > 0)
		{
			SSRow row = ss_row(rows, 0);
			char *role = ss_next_text(&row);

			PG_RETURN_DATUM(leave_signed_in(&call, &token, session_ends, role, ss_next_bool(&row)));
		}
	}
	PG_RETURN_DATUM(leave_refused(&call, "invalid_refresh_token",
								  "The refresh token is not, or no longer, good; sign in again.", "401"));
}

/*
 * sign_out(refresh_token, everywhere): of the token, or without one of the
 * identity. Who has a session's token may end it.
 */
Datum
swipesavvy_sign_out(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSIdentity identity = {0};
	bool everywhere;
	uint64 ended = 0;

	ss_call_enter(&call, SS_SIGN_IN);
	PreventCommandIfReadOnly("sign_out()");
	everywhere = ss_arg_bool(fcinfo, 1, false);
	if (!PG_ARGISNULL(0))
	{
		SSRefreshToken token;

		if (read_refresh_token(fcinfo, &token))
		{
			ended = ss_sessions_end_by_token(&token, everywhere, SS_ENDED_SIGN_OUT);
			if (ended > 0)
				record(&call, "session", "sign_out", &token.user_id, everywhere ? NULL : &token.session_id, false);
			ss_secret_wipe(&token, sizeof(token));
		}
	}
	else if (!ss_identity_get(&identity))
		ss_not_allowed("permission denied", "Nobody is signed in, and no refresh token was given.");
	else
	{
		if (everywhere)
			ended = ss_sessions_end_all(&identity.user_id, SS_ENDED_SIGN_OUT);
		else if (identity.has_session)
			ended = ss_sessions_end(&identity.user_id, &identity.session, SS_ENDED_SIGN_OUT);
		if (ended > 0)
			record(&call, "session", "sign_out", &identity.user_id, everywhere ? NULL : &identity.session, false);
	}

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "status", "signed_out");
	ss_json_int(&json, "sessions_ended", ended);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- change_password ------------------------------------------------------------------------------ */

/* The account of the identity, with its e-mail address locked as for signing in. */
static Account
lock_own_account(const SSCall *call, SSSignInTry *attempt)
{
	Datum id = UUIDPGetDatum(&call->identity);
	SSRows email = ss_rows_latest(&select_email, &id, NULL);

	if (email.count == 0)
		ss_not_found("user", ss_uuid_text(&call->identity));
	ss_lockout_begin(ss_one_text(email), attempt);
	return read_account(&select_by_id, id);
}

/*
 * change_password(old_password, new_password): of who is signed in; ends all
 * sessions and begins a new one
 */
Datum
swipesavvy_change_password(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSSignInTry attempt;
	Account account;
	SSRefreshToken token;
	TimestampTz session_ends;
	text *old_password;
	text *new_password;
	Datum values[2];
	SSRows role;

	ss_call_enter(&call, SS_SIGN_IN);
	PreventCommandIfReadOnly("change_password()");
	if (!call.has_identity)
		ss_not_allowed("permission denied", "Nobody is signed in.");
	old_password = ss_secret_arg(fcinfo, 0, "old_password", SS_SECRET_MAX);
	new_password = ss_secret_arg(fcinfo, 1, "new_password", SS_SECRET_MAX);
	if (ss_password_equal(old_password, new_password))
		ss_bad_value("new_password", "It is the old one.");
	account = lock_own_account(&call, &attempt);
	if (!password_is_right(&account, &attempt, old_password))
	{
		note_failure(&call, &attempt, "user", "change_password", &account);
		ss_secret_forget(fcinfo, 0, old_password);
		ss_secret_forget(fcinfo, 1, new_password);
		return leave_refused(&call, "invalid_credentials",
							 "The old password is wrong, or there were too many attempts; try again later.", "403");
	}
	values[0] = UUIDPGetDatum(&account.user_id);
	values[1] = CStringGetTextDatum(ss_password_hash(new_password, "new_password"));
	ss_secret_forget(fcinfo, 0, old_password);
	ss_secret_forget(fcinfo, 1, new_password);
	role = ss_rows_latest(&note_sign_in, values, NULL);
	if (role.count == 0)
		return leave_not_signed_in(&call);
	(void) ss_query_latest(&update_password, values, NULL);
	ss_lockout_clear(&attempt);
	(void) ss_sessions_end_all(&account.user_id, SS_ENDED_PASSWORD);
	session_ends = ss_sessions_begin(&account.user_id, &token);
	record(&call, "user", "change_password", &token.user_id, &token.user_id, false);
	PG_RETURN_DATUM(leave_signed_in(&call, &token, session_ends, ss_one_text(role), false));
}
