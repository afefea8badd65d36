/*
 * reset_password.c: a temporary password for a user who has lost theirs.
 *
 * SQL entry point for support and admins. The password is made up here and goes
 * into the outbox, as the message's secret, and nowhere else. Locks as signing
 * in does: the e-mail address, then the row of users, under which role and
 * state are read: a customer who is being made an admin is one or the other.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/secret.h"
#include "call/call.h"
#include "call/refusal.h"
#include "outbox/outbox.h"
#include "signin/lockout.h"
#include "signin/password.h"
#include "signin/sessions.h"

#define DEFAULT_HOURS 24
#define MAX_HOURS	  720

PG_FUNCTION_INFO_V1(swipesavvy_reset_user_password);

SS_QUERY(select_email, "SELECT email FROM swipesavvy.users WHERE user_id = $1", UUIDOID);

SS_QUERY(
	lock_user,
	"SELECT role, status, email, name, preferred_language FROM swipesavvy.users WHERE user_id = $1 FOR NO KEY UPDATE",
	UUIDOID);

SS_QUERY(
	store_password,
	"INSERT INTO swipesavvy_private.user_credentials (user_id, password_hash, must_change, valid_until, changed_at)"
	" VALUES ($1, $2, true, clock_timestamp() + make_interval(hours => $3), clock_timestamp())"
	" ON CONFLICT (user_id) DO UPDATE"
	"   SET password_hash = EXCLUDED.password_hash, must_change = true, valid_until = EXCLUDED.valid_until,"
	"       changed_at = EXCLUDED.changed_at"
	" RETURNING valid_until",
	UUIDOID, TEXTOID, INT4OID);

/* Who gets a temporary password. */
typedef struct Recipient
{
	const pg_uuid_t *user_id;
	char *role;
	char *status;
	char *email;
	char *name;
	char *language;
} Recipient;

/* The user, with its address and then its row locked; PT404 if there is none. */
static Recipient
lock_recipient(const pg_uuid_t *user_id, SSSignInTry *attempt)
{
	Datum id = UUIDPGetDatum(user_id);
	Recipient recipient = {.user_id = user_id};
	SSRows rows = ss_rows_latest(&select_email, &id, NULL);
	SSRow row;

	if (rows.count == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	ss_lockout_begin(ss_one_text(rows), attempt);
	rows = ss_rows_latest(&lock_user, &id, NULL);
	if (rows.count == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	row = ss_row(rows, 0);
	recipient.role = ss_next_text(&row);
	recipient.status = ss_next_text(&row);
	recipient.email = ss_next_text(&row);
	recipient.name = ss_next_text(&row);
	recipient.language = ss_next_text(&row);
	return recipient;
}

/* Stores the password's hash; returns until when it is good. */
static TimestampTz
store(const Recipient *recipient, const char *password, int hours)
{
	text *plain = cstring_to_text(password);
	Datum values[3] = {UUIDPGetDatum(recipient->user_id), 0, Int32GetDatum(hours)};

	values[1] = CStringGetTextDatum(ss_password_hash(plain, "password"));
	ss_secret_wipe(VARDATA(plain), strlen(password));
	return ss_one_time(ss_rows_latest(&store_password, values, NULL));
}

/* The message to the user, with the password as its secret. */
static void
announce(const Recipient *recipient, const char *password, TimestampTz valid_until, bool send_email)
{
	SSJson body = {0};
	SSJson secret = {0};
	Jsonb *document;

	ss_json_open_object(&body, NULL);
	ss_json_uuid(&body, "user_id", recipient->user_id);
	ss_json_text(&body, "email", recipient->email);
	ss_json_text(&body, "name", recipient->name);
	ss_json_text(&body, "preferred_language", recipient->language);
	ss_json_bool(&body, "send_email", send_email);
	ss_json_time(&body, "valid_until", valid_until);
	ss_json_close_object(&body);
	ss_json_open_object(&secret, NULL);
	ss_json_text(&secret, "temporary_password", password);
	ss_json_close_object(&secret);
	document = DatumGetJsonbP(ss_json_finish(&secret));
	ss_outbox_put("user.password_reset", 1, psprintf("user:%s", ss_uuid_text(recipient->user_id)),
				  DatumGetJsonbP(ss_json_finish(&body)), document);
	ss_secret_wipe(VARDATA(document), VARSIZE(document) - VARHDRSZ);
}

static void
build_result(SSJson *json, const Recipient *recipient, TimestampTz valid_until)
{
	ss_json_open_object(json, NULL);
	ss_json_text(json, "status", "success");
	ss_json_uuid(json, "user_id", recipient->user_id);
	ss_json_text(json, "message", "A temporary password is on its way to the user.");
	ss_json_bool(json, "temporary_password_generated", true);
	ss_json_time(json, "temp_password_valid_until", valid_until);
	ss_json_bool(json, "requires_change_on_next_login", true);
	ss_json_close_object(json);
}

/*
 * reset_user_password(user_id, send_email, temporary_password_valid_hours):
 * support may do so for customers only; whoever resets a password and reads the
 * mail is that user
 */
Datum
swipesavvy_reset_user_password(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSSignInTry attempt;
	SSAudit audit = {.resource = "user", .action = "reset_password"};
	Recipient recipient;
	char *password;
	TimestampTz valid_until;
	int64 hours;
	bool hours_absent;

	ss_call_enter(&call, SS_SUPPORT | SS_ADMIN);
	audit.user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	audit.resource_id = ss_uuid_text(audit.user_id);
	hours = ss_arg_int4(fcinfo, 2, "temporary_password_valid_hours", 1, MAX_HOURS, &hours_absent);
	recipient = lock_recipient(audit.user_id, &attempt);
	if (strcmp(recipient.role, "customer") != 0 && !ss_call_has(&call, SS_ADMIN))
		ss_not_allowed("permission denied", "Support may reset passwords of customers only.");
	if (strcmp(recipient.status, "active") != 0)
		ss_bad_state("user is not active", "The status of user \"%s\" is %s.", audit.resource_id, recipient.status);

	password = ss_password_make();
	valid_until = store(&recipient, password, hours_absent ? DEFAULT_HOURS : hours);
	announce(&recipient, password, valid_until, ss_arg_bool(fcinfo, 1, true));
	ss_secret_wipe(password, strlen(password));
	ss_lockout_clear(&attempt);
	(void) ss_sessions_end_all(recipient.user_id, SS_ENDED_RESET);
	ss_audit_write(&call, &audit, NULL, NULL);
	build_result(&json, &recipient, valid_until);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
