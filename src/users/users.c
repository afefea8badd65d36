/*
 * users.c: people: creating, changing and showing them, and their state.
 *
 * SQL entry points; ss_users_lock is for the other domains. A change of state
 * takes the user's reward account FOR NO KEY UPDATE first, so that purchases
 * see it wholly or not at all. Uniqueness of an e-mail is left to the index.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/text_keys.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "call/refusal.h"
#include "direct/direct.h"
#include "rules/rules.h"
#include "signin/password.h"
#include "signin/sessions.h"
#include "users/referred_emails.h"
#include "users/users.h"

#define EMAIL_MAX	 320
#define PHONE_MAX	 32
#define LANGUAGE_MAX 35

PG_FUNCTION_INFO_V1(swipesavvy_create_user);
PG_FUNCTION_INFO_V1(swipesavvy_update_user);
PG_FUNCTION_INFO_V1(swipesavvy_get_user_profile);
PG_FUNCTION_INFO_V1(swipesavvy_deactivate_user);
PG_FUNCTION_INFO_V1(swipesavvy_suspend_user);
PG_FUNCTION_INFO_V1(swipesavvy_reactivate_user);

const char *const ss_users_roles[] = {"customer", "support", "analytics", "backend", "admin", NULL};
const char *const ss_users_statuses[] = {"active", "inactive", "suspended", NULL};

/* What is said about a user; NULL = not said. */
typedef struct UserInput
{
	char *email;
	char *name;
	char *phone;
	char *role;
	char *language;
	Jsonb *preferences;
	bool clear_phone; /* an explicit null */
} UserInput;

SS_QUERY(find_user, "SELECT FROM swipesavvy.users WHERE user_id = $1", UUIDOID);

SS_QUERY(find_erased, "SELECT FROM swipesavvy.users WHERE user_id = $1 AND erased_at IS NOT NULL", UUIDOID);

SS_QUERY(find_email,
		 "SELECT FROM swipesavvy.users WHERE swipesavvy.email_key(email) = swipesavvy.email_key($1) AND user_id <> $2",
		 TEXTOID, UUIDOID);

/* those whose changes are recorded */
#define USER_COLUMNS                                                                                                   \
	"email, name, phone, role, preferred_language, notification_preferences, referred_by, status, status_reason"

SS_QUERY(insert_user,
		 "INSERT INTO swipesavvy.users"
		 "       (user_id, email, name, phone, role, preferred_language, notification_preferences, referred_by)"
		 " VALUES ($1, $2, $3, $4, coalesce($5, 'customer'), coalesce($6, 'en'),"
		 "         '{\"email\": true, \"sms\": true, \"push\": true}'::jsonb || coalesce($7, '{}'), $8)"
		 " ON CONFLICT DO NOTHING RETURNING " USER_COLUMNS,
		 UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, UUIDOID);

SS_QUERY(lock_user, "SELECT " USER_COLUMNS " FROM swipesavvy.users WHERE user_id = $1 FOR NO KEY UPDATE", UUIDOID);

SS_QUERY(insert_reward_account,
		 "INSERT INTO swipesavvy.reward_accounts (user_id, points_available, points_pending, lifetime_points, tier,"
		 "       transaction_count, spent_minor, spent_currency, points_debited, lot_at, lot_before, referral_for)"
		 " VALUES ($1, 0, 0, 0, $2, 0, 0, $3, 0, '-infinity', 0, $4)",
		 UUIDOID, TEXTOID, BPCHAROID, UUIDOID);

SS_QUERY(insert_credentials, "INSERT INTO swipesavvy_private.user_credentials (user_id, password_hash) VALUES ($1, $2)",
		 UUIDOID, TEXTOID);

SS_QUERY(update_user,
		 "UPDATE swipesavvy.users"
		 "   SET email = coalesce($2, email), name = coalesce($3, name),"
		 "       phone = CASE WHEN $8 THEN NULL ELSE coalesce($4, phone) END,"
		 "       role = coalesce($5, role), preferred_language = coalesce($6, preferred_language),"
		 "       notification_preferences = notification_preferences || coalesce($7, '{}'), updated_at = now()"
		 " WHERE user_id = $1 RETURNING " USER_COLUMNS,
		 UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID);

SS_QUERY(select_profile,
		 "SELECT u.user_id, u.email, u.name, u.phone, u.created_at, u.status AS account_status,"
		 "       r.transaction_count AS total_transactions, " SS_USERS_SPENT_SQL " AS lifetime_value,"
		 "       u.preferred_language, u.notification_preferences"
		 "  FROM swipesavvy.users u"
		 "  JOIN swipesavvy.reward_accounts r ON r.user_id = u.user_id"
		 " WHERE u.user_id = $1",
		 UUIDOID, BPCHAROID, INT4OID);

SS_QUERY(is_erased, "SELECT u.erased_at IS NOT NULL FROM swipesavvy.users u WHERE u.user_id = $1 FOR SHARE", UUIDOID);

SS_QUERY(lock_reward_account, "SELECT FROM swipesavvy.reward_accounts WHERE user_id = $1 FOR NO KEY UPDATE", UUIDOID);

SS_QUERY(update_status,
		 "UPDATE swipesavvy.users SET status = $2, status_reason = $3, updated_at = now()"
		 " WHERE user_id = $1 AND status <> $2"
		 " RETURNING user_id, status AS account_status, status_reason AS reason, updated_at",
		 UUIDOID, TEXTOID, TEXTOID);

void
ss_users_require(const pg_uuid_t *user_id)
{
	Datum values[] = {UUIDPGetDatum(user_id)};

	if (ss_query_read(&find_user, values, NULL) == 0)
		ss_not_found("user", ss_uuid_text(user_id));
}

void
ss_users_lock(const pg_uuid_t *user_id)
{
	Datum values[] = {UUIDPGetDatum(user_id)};

	if (ss_query_write(&lock_reward_account, values, NULL) == 0)
		ss_not_found("user", ss_uuid_text(user_id));
}

bool
ss_users_is_erased(const pg_uuid_t *user_id)
{
	Datum value = UUIDPGetDatum(user_id);
	SSRows rows = ss_rows_latest(&is_erased, &value, NULL);

	return rows.count > 0 && ss_one_bool(rows);
}

void
ss_users_refuse_erased(const pg_uuid_t *user_id)
{
	Datum values[] = {UUIDPGetDatum(user_id)};

	if (ss_query_latest(&find_erased, values, NULL) > 0)
		ss_bad_state("the user's data were erased", "User \"%s\" stays inactive and nameless.", ss_uuid_text(user_id));
}

/* --- what is said about a user ------------------------------------------------- */

/* 22023 unless the regular expression matches the whole value; `what` says what it should have been. */
static void
check_form(const char *value, const char *name, const char *pattern, const char *what)
{
	if (!DatumGetBool(DirectFunctionCall2Coll(textregexeq, DEFAULT_COLLATION_OID, CStringGetTextDatum(value),
											  CStringGetTextDatum(pattern))))
		ss_bad_value(name, "\"%s\" is not %s.", value, what);
}

static void
check_preferences(Jsonb *preferences)
{
	static const char *const keys[] = {"email", "sms", "push", NULL};

	ss_check_keys(preferences, "notification_preferences", keys);
	for (int i = 0; keys[i] != NULL; i++)
	{
		JsonbValue *value = ss_document_get(preferences, keys[i]);

		if (value != NULL && value->type != jbvBool)
			ss_bad_value("notification_preferences", "The value of \"%s\" is neither true nor false.", keys[i]);
	}
}

static void
check_input(UserInput *input)
{
	if (input->email != NULL)
	{
		input->email = ss_key_clean_email(input->email, "email");
		check_form(input->email, "email", "^[^@]+@[^@]+$", "an e-mail address");
	}
	if (input->phone != NULL)
		check_form(input->phone, "phone", "^\\+?\\(?[0-9]([ ().-]{0,2}[0-9]){6,14}$",
				   "a phone number of 7 to 15 digits");
	if (input->role != NULL)
		(void) ss_check_choice(input->role, "role", ss_users_roles);
	if (input->language != NULL)
		check_form(input->language, "preferred_language", "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
				   "a language tag such as en or pt-BR");
	if (input->preferences != NULL)
		check_preferences(input->preferences);
}

/* Reads the changes of update_user; e-mail and role are for admins. */
static UserInput
read_changes(Jsonb *changes, bool by_admin)
{
	static const char *const keys[] = {"name", "phone", "preferred_language", "notification_preferences", "email",
									   "role", NULL};
	UserInput input = {0};
	JsonbValue *value;

	ss_check_keys(changes, "changes", keys);
	if (!by_admin && (ss_document_get(changes, "email") != NULL || ss_document_get(changes, "role") != NULL))
		ss_not_allowed("permission denied", "Only an admin may change an e-mail or a role.");
	input.name = ss_document_text(changes, "name", SS_NAME_MAX);
	input.language = ss_document_text(changes, "preferred_language", LANGUAGE_MAX);
	input.email = ss_document_text(changes, "email", EMAIL_MAX);
	input.role = ss_document_text(changes, "role", SS_NAME_MAX);
	input.clear_phone = ss_document_has_null(changes, "phone");
	if (!input.clear_phone)
		input.phone = ss_document_text(changes, "phone", PHONE_MAX);
	if (ss_document_has_null(changes, "notification_preferences"))
		ss_missing_value("notification_preferences");
	value = ss_document_get(changes, "notification_preferences");
	if (value != NULL)
		input.preferences = ss_json_as_jsonb(value);
	check_input(&input);
	return input;
}

/* Sets parameters 0 to 6 of insert_user and update_user. */
static void
set_parameters(Datum *values, bool *nulls, const pg_uuid_t *user_id, const UserInput *input)
{
	ss_param_pointer(values, nulls, 0, user_id);
	ss_param_text(values, nulls, 1, input->email);
	ss_param_text(values, nulls, 2, input->name);
	ss_param_text(values, nulls, 3, input->phone);
	ss_param_text(values, nulls, 4, input->role);
	ss_param_text(values, nulls, 5, input->language);
	ss_param_pointer(values, nulls, 6, input->preferences);
}

/* Does another user than this one have the e-mail? 23505 if so. */
static void
refuse_taken_email(const char *email, const pg_uuid_t *user_id)
{
	Datum values[] = {CStringGetTextDatum(email), UUIDPGetDatum(user_id)};

	if (ss_query_write(&find_email, values, NULL) > 0)
		ss_duplicate("a user with this email exists already", "The e-mail is \"%s\".", email);
}

/* --- the profile ----------------------------------------------------------------- */

/* What is read directly, where that can be done (direct.h). */
#define TABLES (SS_ONE_TABLE(SS_USERS) | SS_ONE_TABLE(SS_REWARD_ACCOUNTS))

static void
add_text(SSJson *json, const char *key, SSDirect *direct, const TupleTableSlot *row, int column)
{
	bool isnull;
	Datum value = ss_direct_get_or_null(direct, SS_USERS, row, column, &isnull);

	ss_json_text(json, key, isnull ? NULL : TextDatumGetCString(value));
}

/* The row of a user in that table; the scan is at its end if there is none. */
static SSScan
find_row(SSDirect *direct, SSTable table, const pg_uuid_t *user_id)
{
	Datum key = UUIDPGetDatum(user_id);
	SSScan scan = ss_direct_scan(direct, table, 1, &key);

	(void) ss_direct_next(&scan);
	return scan;
}

/* The profile of a user, with rows read directly; the account's sum is in the programme's currency. */
static void
add_profile(SSJson *json, SSDirect *direct, const TupleTableSlot *user, const TupleTableSlot *account,
			const pg_uuid_t *user_id, int exponent)
{
#define GET(table, row, column) ss_direct_get(direct, table, row, column)
	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "user_id", user_id);
	add_text(json, "email", direct, user, USER_EMAIL);
	add_text(json, "name", direct, user, USER_NAME);
	add_text(json, "phone", direct, user, USER_PHONE);
	ss_json_time(json, "created_at", DatumGetTimestampTz(GET(SS_USERS, user, USER_CREATED_AT)));
	add_text(json, "account_status", direct, user, USER_STATUS);
	ss_json_int(json, "total_transactions", DatumGetInt64(GET(SS_REWARD_ACCOUNTS, account, ACCOUNT_TRANSACTIONS)));
	ss_json_money(json, "lifetime_value", DatumGetInt64(GET(SS_REWARD_ACCOUNTS, account, ACCOUNT_SPENT)), exponent);
	add_text(json, "preferred_language", direct, user, USER_LANGUAGE);
	ss_json_jsonb(json, "notification_preferences", DatumGetJsonbPCopy(GET(SS_USERS, user, USER_PREFERENCES)));
	ss_json_close_object(json);
#undef GET
}

/* Makes the profile the result; false where a query must: purchases are added up in another currency than the account's sum. */
static bool
read_profile(SSJson *json, const pg_uuid_t *user_id)
{
	const SSSettings *settings = &ss_rules_get()->settings;
	SSDirect *direct = ss_direct_begin_reading(TABLES);
	SSScan user;
	SSScan account;
	bool done;

	if (direct == NULL)
		return false;
	user = find_row(direct, SS_USERS, user_id);
	account = find_row(direct, SS_REWARD_ACCOUNTS, user_id);
	if (TTS_EMPTY(user.slot) || TTS_EMPTY(account.slot))
		ss_not_found("user", ss_uuid_text(user_id));
	done = memcmp(VARDATA_ANY(
					  DatumGetPointer(ss_direct_get(direct, SS_REWARD_ACCOUNTS, account.slot, ACCOUNT_SPENT_CURRENCY))),
				  settings->currency, 3) == 0;
	if (done)
		add_profile(json, direct, user.slot, account.slot, user_id, settings->exponent);
	ss_direct_close(&user);
	ss_direct_close(&account);
	ss_direct_end_reading(direct);
	return done;
}

/*
 * Makes the profile the result. `query` is ss_query_read or, for a writer that
 * must see its own changes, ss_query_write; PT404 when there is no such user.
 */
static void
build_profile(SSJson *json, const pg_uuid_t *user_id, uint64 (*query)(SSQuery *, const Datum *, const bool *))
{
	const SSSettings *settings = &ss_rules_get()->settings;
	Datum values[] = {UUIDPGetDatum(user_id), CStringGetTextDatum(settings->currency),
					  Int32GetDatum(settings->exponent)};

	if (query(&select_profile, values, NULL) == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	ss_json_row(json, NULL);
}

/*
 * get_user_profile(user_id)
 */
Datum
swipesavvy_get_user_profile(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *user_id;

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_SUPPORT | SS_ADMIN, user_id);
	if (!read_profile(&json, user_id))
		build_profile(&json, user_id, ss_query_read);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- creating and changing --------------------------------------------------------- */

/* Writes down what became of the user; without `before` it is new. */
static void
record(SSCall *call, const char *action, const pg_uuid_t *user_id, SSAuditRow before, SSAuditRow after)
{
	SSAudit audit = {.resource = "user", .action = action, .resource_id = ss_uuid_text(user_id), .user_id = user_id};

	ss_audit_write_rows(call, &audit, before, after);
}

/* The row of users; PT404 for an unknown referrer, 23505 for an id or e-mail in use. */
static SSAuditRow
add_user(const pg_uuid_t *user_id, const UserInput *input, const pg_uuid_t *referred_by)
{
	Datum values[8];
	bool nulls[8];
	Datum id = UUIDPGetDatum(user_id);
	Datum referrer = UUIDPGetDatum(referred_by);

	if (referred_by != NULL && ss_query_write(&find_user, &referrer, NULL) == 0)
		ss_not_found("user", ss_uuid_text(referred_by));
	set_parameters(values, nulls, user_id, input);
	ss_param_pointer(values, nulls, 7, referred_by);
	if (ss_query_write(&insert_user, values, nulls) == 1)
		return ss_audit_row();
	if (ss_query_write(&find_user, &id, NULL) > 0)
		ss_duplicate("a user with this user_id exists already", "The user_id is \"%s\".", ss_uuid_text(user_id));
	refuse_taken_email(input->email, user_id);
	ss_query_refuse_loss(0, 1);
}

static void
add_reward_account(const pg_uuid_t *user_id, const pg_uuid_t *referred_by)
{
	const SSRules *rules = ss_rules_get();
	Datum values[4];
	bool nulls[4];

	ss_param_pointer(values, nulls, 0, user_id);
	ss_param_text(values, nulls, 1, rules->tiers[0].name);
	ss_param_text(values, nulls, 2, rules->settings.currency);
	ss_param_pointer(values, nulls, 3, referred_by);
	(void) ss_query_write(&insert_reward_account, values, nulls);
}

/*
 * create_user(email, name, password, phone, role, preferred_language,
 * notification_preferences, user_id, referred_by): only an admin makes others
 * than customers.
 */
Datum
swipesavvy_create_user(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	UserInput input = {0};
	pg_uuid_t *user_id;
	pg_uuid_t *referred_by;
	SSAuditRow row;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN | SS_CREATES);
	input.email = ss_arg_text(fcinfo, 0, "email", EMAIL_MAX, true);
	input.name = ss_arg_text(fcinfo, 1, "name", SS_NAME_MAX, true);
	input.phone = ss_arg_text(fcinfo, 3, "phone", PHONE_MAX, false);
	input.role = ss_arg_text(fcinfo, 4, "role", SS_NAME_MAX, false);
	input.language = ss_arg_text(fcinfo, 5, "preferred_language", LANGUAGE_MAX, false);
	input.preferences = ss_arg_jsonb(fcinfo, 6, "notification_preferences", false);
	check_input(&input);
	if (input.role != NULL && strcmp(input.role, "customer") != 0 && !ss_call_has(&call, SS_ADMIN))
		ss_not_allowed("permission denied", "Only an admin may create users who are not customers.");
	user_id = ss_arg_uuid(fcinfo, 7, "user_id", false);
	if (user_id == NULL)
		user_id = ss_uuid7_new();

	referred_by = ss_arg_uuid(fcinfo, 8, "referred_by", false);
	row = add_user(user_id, &input, referred_by);
	/* who comes back was brought all the same, but brings no bonus again */
	add_reward_account(user_id, referred_by != NULL && ss_referred_emails_has(input.email) ? NULL : referred_by);
	if (!PG_ARGISNULL(2))
	{
		Datum values[] = {UUIDPGetDatum(user_id),
						  CStringGetTextDatum(ss_password_hash(PG_GETARG_TEXT_PP(2), "password"))};

		(void) ss_query_write(&insert_credentials, values, NULL);
	}
	record(&call, "create", user_id, (SSAuditRow){0}, row);
	build_profile(&json, user_id, ss_query_write);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * update_user(user_id, changes)
 */
Datum
swipesavvy_update_user(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *user_id;
	UserInput input;
	SSAuditRow before;
	Datum values[8];
	bool nulls[8];

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_SUPPORT | SS_ADMIN, user_id);
	input = read_changes(ss_arg_jsonb(fcinfo, 1, "changes", true), ss_call_has(&call, SS_ADMIN));
	if (input.email != NULL)
		refuse_taken_email(input.email, user_id);
	set_parameters(values, nulls, user_id, &input);
	values[7] = BoolGetDatum(input.clear_phone);
	nulls[7] = false;
	if (ss_query_write(&lock_user, values, nulls) == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	before = ss_audit_row();
	ss_users_refuse_erased(user_id);
	if (input.email != NULL)
		ss_referred_emails_keep(user_id);
	(void) ss_query_write(&update_user, values, nulls);
	record(&call, "update", user_id, before, ss_audit_row());
	build_profile(&json, user_id, ss_query_write);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- state --------------------------------------------------------------------------- */

/* Gives the user of argument 0 the status, for the reason of argument 1; PT400 if it has it already. */
static Datum
change_status(FunctionCallInfo fcinfo, const char *action, const char *status)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *user_id;
	SSAuditRow before;
	Datum values[3];
	bool nulls[3];

	ss_call_enter(&call, SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_param_pointer(values, nulls, 0, user_id);
	ss_param_text(values, nulls, 1, status);
	ss_param_text(values, nulls, 2, ss_arg_text(fcinfo, 1, "reason", SS_TEXT_MAX, false));
	ss_users_lock(user_id);
	(void) ss_query_write(&lock_user, values, nulls);
	before = ss_audit_row();
	ss_users_refuse_erased(user_id);
	if (ss_query_write(&update_status, values, nulls) == 0)
		ss_bad_state("the user has this status already", "The status of user \"%s\" is %s.", ss_uuid_text(user_id),
					 status);
	ss_json_row(&json, NULL);
	(void) ss_query_write(&lock_user, values, nulls);
	record(&call, action, user_id, before, ss_audit_row());
	if (strcmp(status, "active") != 0)
		(void) ss_sessions_end_all(user_id, SS_ENDED_DEACTIVATION);
	return ss_call_leave_json(&call, &json);
}

/*
 * deactivate_user(user_id, reason), suspend_user, reactivate_user
 */
Datum
swipesavvy_deactivate_user(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(change_status(fcinfo, "deactivate", "inactive"));
}

Datum
swipesavvy_suspend_user(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(change_status(fcinfo, "suspend", "suspended"));
}

Datum
swipesavvy_reactivate_user(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(change_status(fcinfo, "reactivate", "active"));
}
