/*
 * linked_accounts.c: the cards, bank accounts and wallets that users link.
 *
 * SQL entry points. Whoever changes a user's accounts first takes the user's
 * reward account FOR NO KEY UPDATE: that orders changes of the default account,
 * and no purchase is recorded with an account that is just being unlinked.
 */
#include "postgres.h"

#include "access/xact.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "call/refusal.h"
#include "users/users.h"

/* So many digits in a row may be a card number. */
#define CARD_NUMBER_DIGITS 12

PG_FUNCTION_INFO_V1(swipesavvy_link_account);
PG_FUNCTION_INFO_V1(swipesavvy_get_user_accounts);
PG_FUNCTION_INFO_V1(swipesavvy_verify_account);
PG_FUNCTION_INFO_V1(swipesavvy_set_default_account);
PG_FUNCTION_INFO_V1(swipesavvy_unlink_account);

#define ACCOUNT_COLUMNS                                                                                                \
	"account_id, type, card_type, issuer, bank_name, account_type, last_four, expiry_month, expiry_year,"              \
	" is_default, is_verified, created_at"

SS_QUERY(select_accounts,
		 "SELECT " ACCOUNT_COLUMNS " FROM swipesavvy.accounts"
		 " WHERE user_id = $1 AND unlinked_at IS NULL ORDER BY created_at, account_id",
		 UUIDOID);

SS_QUERY(select_account,
		 "SELECT " ACCOUNT_COLUMNS " FROM swipesavvy.accounts"
		 " WHERE user_id = $1 AND account_id = $2 AND unlinked_at IS NULL",
		 UUIDOID, UUIDOID);

SS_QUERY(find_default, "SELECT FROM swipesavvy.accounts WHERE user_id = $1 AND is_default", UUIDOID);

SS_QUERY(clear_default,
		 "UPDATE swipesavvy.accounts SET is_default = false WHERE user_id = $1 AND is_default AND account_id <> $2",
		 UUIDOID, UUIDOID);

SS_QUERY(insert_account,
		 "INSERT INTO swipesavvy.accounts (user_id, account_id, is_default, type, last_four, issuer, card_type,"
		 "       bank_name, account_type, token, expiry_month, expiry_year)"
		 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING " ACCOUNT_COLUMNS,
		 UUIDOID, UUIDOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID);

SS_QUERY(find_account,
		 "SELECT user_id FROM swipesavvy.accounts"
		 " WHERE account_id = $2 AND ($1 IS NULL OR user_id = $1) AND unlinked_at IS NULL",
		 UUIDOID, UUIDOID);

SS_QUERY(verify_account,
		 "UPDATE swipesavvy.accounts SET is_verified = true, verified_at = coalesce(verified_at, $3)"
		 " WHERE user_id = $1 AND account_id = $2 AND unlinked_at IS NULL RETURNING " ACCOUNT_COLUMNS,
		 UUIDOID, UUIDOID, TIMESTAMPTZOID);

SS_QUERY(set_default,
		 "UPDATE swipesavvy.accounts SET is_default = true"
		 " WHERE user_id = $1 AND account_id = $2 AND unlinked_at IS NULL RETURNING " ACCOUNT_COLUMNS,
		 UUIDOID, UUIDOID);

SS_QUERY(unlink_account,
		 "UPDATE swipesavvy.accounts SET is_default = false, unlinked_at = now()"
		 " WHERE user_id = $1 AND account_id = $2 AND unlinked_at IS NULL RETURNING " ACCOUNT_COLUMNS,
		 UUIDOID, UUIDOID);

SS_QUERY(promote_oldest,
		 "UPDATE swipesavvy.accounts SET is_default = true"
		 " WHERE user_id = $1"
		 "   AND account_id = (SELECT a.account_id FROM swipesavvy.accounts a"
		 "                      WHERE a.user_id = $1 AND a.unlinked_at IS NULL"
		 "                      ORDER BY a.created_at, a.account_id LIMIT 1)"
		 "   AND NOT EXISTS (SELECT FROM swipesavvy.accounts d WHERE d.user_id = $1 AND d.is_default)",
		 UUIDOID);

/* --- reading arguments ----------------------------------------------------------- */

/* 22023, without the number, where a text holds as many digits in a row as a card number has. */
static void
refuse_card_number(const char *value, const char *name)
{
	int digits = 0;

	for (const char *p = value; *p != '\0'; p++)
	{
		if (*p == ' ' || *p == '.' || *p == '-')
			continue;
		digits = (*p >= '0' && *p <= '9') ? digits + 1 : 0;
		if (digits == CARD_NUMBER_DIGITS)
			ss_bad_value(name, "It holds %d digits in a row; full card numbers are refused.", digits);
	}
}

/* A text argument that holds no card number. */
static char *
arg_safe_text(FunctionCallInfo fcinfo, int n, const char *name, bool required)
{
	char *value = ss_arg_text(fcinfo, n, name, SS_NAME_MAX, required);

	if (value != NULL)
		refuse_card_number(value, name);
	return value;
}

/* The last four digits, which are never repeated in an error: they may be more than four. */
static char *
arg_last_four(FunctionCallInfo fcinfo, int n)
{
	char *value = ss_arg_text(fcinfo, n, "last_four", SS_NAME_MAX, true);

	if (strlen(value) != 4 || strspn(value, "0123456789") != 4)
		ss_bad_value("last_four", "It is not four digits.");
	return value;
}

/* Month and year of expiry into parameters 10 and 11: both or none. */
static void
read_expiry(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	values[10] = Int32GetDatum(ss_arg_int4(fcinfo, 8, "expiry_month", 1, 12, &nulls[10]));
	values[11] = Int32GetDatum(ss_arg_int4(fcinfo, 9, "expiry_year", 1990, 2200, &nulls[11]));
	if (nulls[10] != nulls[11])
		ss_bad_value(nulls[10] ? "expiry_month" : "expiry_year",
					 "Month and year of expiry are given together or not at all.");
}

/* Writes down what became of the account of parameters (user_id, account_id); without `before` it is new. */
static void
record(SSCall *call, const char *action, const Datum *values, SSAuditRow before)
{
	SSAudit audit = {.resource = "account",
					 .action = action,
					 .user_id = DatumGetUUIDP(values[0]),
					 .resource_id = ss_uuid_text(DatumGetUUIDP(values[1]))};

	ss_audit_write_rows(call, &audit, before, ss_audit_row());
}

/* --- linking and listing ----------------------------------------------------------- */

/*
 * link_account(user_id, type, last_four, issuer, card_type, bank_name,
 * account_type, token, expiry_month, expiry_year, is_default): the first
 * account of a user is the default one whatever is_default says.
 */
Datum
swipesavvy_link_account(PG_FUNCTION_ARGS)
{
	static const char *const types[] = {"card", "bank", "wallet", NULL};
	static const char *const names[] = {"issuer", "card_type", "bank_name", "account_type", "token"};
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *user_id;
	char *type;
	bool is_default = ss_arg_bool(fcinfo, 10, false);
	Datum values[12];
	bool nulls[12];

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, user_id);
	type = arg_safe_text(fcinfo, 1, "type", true);
	(void) ss_check_choice(type, "type", types);
	ss_param_pointer(values, nulls, 0, user_id);
	ss_param_pointer(values, nulls, 1, ss_uuid7_new());
	ss_param_text(values, nulls, 3, type);
	ss_param_text(values, nulls, 4, arg_last_four(fcinfo, 2));
	for (size_t i = 0; i < lengthof(names); i++)
		ss_param_text(values, nulls, 5 + i, arg_safe_text(fcinfo, 3 + i, names[i], false));
	read_expiry(fcinfo, values, nulls);

	ss_users_lock(user_id);
	ss_users_refuse_erased(user_id);
	if (is_default)
		(void) ss_query_write(&clear_default, values, nulls);
	else
		is_default = (ss_query_write(&find_default, values, nulls) == 0);
	values[2] = BoolGetDatum(is_default);
	nulls[2] = false;
	(void) ss_query_write(&insert_account, values, nulls);
	ss_json_row(&json, NULL);
	record(&call, "link", values, (SSAuditRow){0});
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * get_user_accounts(user_id): those that are linked, oldest first
 */
Datum
swipesavvy_get_user_accounts(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *user_id;
	Datum values[1];
	uint64 count;

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_SUPPORT | SS_ADMIN, user_id);
	values[0] = UUIDPGetDatum(user_id);
	ss_users_require(user_id);
	count = ss_query_read(&select_accounts, values, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "user_id", user_id);
	ss_json_rows(&json, "accounts");
	ss_json_int(&json, "count", count);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- changing one account -------------------------------------------------------------- */

/*
 * Finds the linked account of arguments (account_id, user_id), locks its user
 * and sets parameters (user_id, account_id). A customer has its own accounts
 * only; the others of the allowed roles may leave user_id out.
 */
static void
find_and_lock(FunctionCallInfo fcinfo, const SSCall *call, Datum *values, bool *nulls)
{
	pg_uuid_t *account_id = ss_arg_uuid(fcinfo, 0, "account_id", true);
	const pg_uuid_t *user_id = ss_arg_uuid(fcinfo, 1, "user_id", false);
	SSRows found;

	if (user_id == NULL && !ss_call_has(call, SS_BACKEND | SS_ADMIN))
	{
		if (!call->has_identity)
			ss_not_allowed("permission denied", "Nobody is signed in.");
		user_id = &call->identity;
	}
	if (user_id != NULL)
		ss_call_require_user(call, SS_BACKEND | SS_ADMIN, user_id);
	ss_param_pointer(values, nulls, 0, user_id);
	ss_param_pointer(values, nulls, 1, account_id);
	found = ss_rows_write(&find_account, values, nulls);
	if (found.count == 0)
		ss_not_found("account", ss_uuid_text(account_id));
	user_id = ss_one_uuid(found);
	ss_param_pointer(values, nulls, 0, user_id);
	ss_users_lock(user_id);
}

/* Runs a query that changes the account, makes it the result and writes it down; PT404 if it was unlinked meanwhile. */
static void
change_account(SSCall *call, const char *action, SSJson *json, SSQuery *query, const Datum *values, const bool *nulls)
{
	SSAuditRow before;

	if (ss_query_write(&select_account, values, nulls) == 0)
		ss_not_found("account", ss_uuid_text(DatumGetUUIDP(values[1])));
	before = ss_audit_row();
	(void) ss_query_write(query, values, nulls);
	ss_json_row(json, NULL);
	record(call, action, values, before);
}

/*
 * verify_account(account_id, user_id)
 */
Datum
swipesavvy_verify_account(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Datum values[3];
	bool nulls[3];

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	find_and_lock(fcinfo, &call, values, nulls);
	values[2] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[2] = false;
	change_account(&call, "verify", &json, &verify_account, values, nulls);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * set_default_account(account_id, user_id)
 */
Datum
swipesavvy_set_default_account(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Datum values[2];
	bool nulls[2];

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	find_and_lock(fcinfo, &call, values, nulls);
	(void) ss_query_write(&clear_default, values, nulls);
	change_account(&call, "set_default", &json, &set_default, values, nulls);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * unlink_account(account_id, user_id): the row stays for the purchases made
 * with it; the oldest of those left takes over as the default one
 */
Datum
swipesavvy_unlink_account(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Datum values[2];
	bool nulls[2];

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	find_and_lock(fcinfo, &call, values, nulls);
	change_account(&call, "unlink", &json, &unlink_account, values, nulls);
	(void) ss_query_write(&promote_oldest, values, nulls);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
