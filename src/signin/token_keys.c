/*
 * token_keys.c: the keys that tokens are signed with (token_keys.h).
 *
 * SQL entry points for admins; the rest is called by tokens.c. The one key that
 * is not to retire signs; older ones verify until they retire. Whoever makes a
 * key takes SS_LOCK_TOKEN_KEYS, so that there is one. Readers wait for nobody.
 * No key is kept in memory beyond the call.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/query.h"
#include "base/secret.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "signin/jwt.h"
#include "signin/token_keys.h"

#define KEY_ID_MAX 64

PG_FUNCTION_INFO_V1(swipesavvy_rotate_token_key);
PG_FUNCTION_INFO_V1(swipesavvy_add_token_key);
PG_FUNCTION_INFO_V1(swipesavvy_list_token_keys);

SS_QUERY(select_current, "SELECT kid, secret FROM swipesavvy_private.token_keys WHERE retires_at IS NULL");

SS_QUERY(select_by_id,
		 "SELECT kid, secret FROM swipesavvy_private.token_keys"
		 " WHERE kid = $1 AND (retires_at IS NULL OR retires_at > statement_timestamp())",
		 TEXTOID);

SS_QUERY(find_key, "SELECT FROM swipesavvy_private.token_keys WHERE kid = $1", TEXTOID);

SS_QUERY(retire_keys, "UPDATE swipesavvy_private.token_keys SET retires_at = least(retires_at, clock_timestamp() + $1)",
		 INTERVALOID);

SS_QUERY(delete_retired,
		 "DELETE FROM swipesavvy_private.token_keys WHERE retires_at < clock_timestamp() - interval '1 day'");

SS_QUERY(insert_key, "INSERT INTO swipesavvy_private.token_keys (kid, secret, is_imported) VALUES ($1, $2, $3)",
		 TEXTOID, BYTEAOID, BOOLOID);

SS_QUERY(select_keys,
		 "SELECT kid, created_at, retires_at, is_imported, retires_at IS NULL AS signs"
		 "  FROM swipesavvy_private.token_keys WHERE retires_at IS NULL OR retires_at > statement_timestamp()"
		 " ORDER BY created_at DESC, kid");

SS_QUERY(select_imported, "SELECT kid FROM swipesavvy_private.token_keys WHERE retires_at IS NULL AND is_imported");

/* Without an overlap they go at once: a key that got out must not come back when the clock is set right. */
SS_QUERY(delete_keys, "DELETE FROM swipesavvy_private.token_keys WHERE $1 = interval '0'", INTERVALOID);

SS_QUERY(check_overlap, "SELECT $1 >= interval '0' AND $1 <= interval '366 days'", INTERVALOID);

/* --- for tokens.c --------------------------------------------------------------------- */

/* The key, in memory of its own; what SPI holds of it is overwritten. */
static void
read_key(SSRow row, SSTokenKey *key)
{
	bytea *secret;

	key->key_id = ss_next_text(&row);
	secret = ss_next_bytea(&row);
	key->length = VARSIZE_ANY_EXHDR(secret);
	key->secret = palloc(key->length);
	memcpy(key->secret, VARDATA_ANY(secret), key->length);
	ss_secret_wipe(VARDATA_ANY(secret), key->length);
}

void
ss_token_keys_forget(SSTokenKey *key)
{
	ss_secret_wipe(key->secret, key->length);
	pfree(key->secret);
}

bool
ss_token_keys_find(const char *key_id, SSTokenKey *key)
{
	Datum values[] = {CStringGetTextDatum(key_id)};
	SSRows rows;

	if (strlen(key_id) > KEY_ID_MAX)
		return false;
	rows = ss_rows_read(&select_by_id, values, NULL);
	if (rows.count == 0)
		return false;
	read_key(ss_row(rows, 0), key);
	return true;
}

/* Adds a key and overwrites the secret. */
static void
add_key(const char *key_id, uint8 *secret, int length, bool imported)
{
	Datum values[] = {CStringGetTextDatum(key_id), ss_secret_bytea(secret, length), BoolGetDatum(imported)};

	ss_secret_wipe(secret, length);
	(void) ss_query_latest(&insert_key, values, NULL);
	ss_secret_wipe(VARDATA(DatumGetPointer(values[1])), length);
}

/* Returns its id. */
static const char *
make_key(void)
{
	const char *key_id = ss_uuid_text(ss_uuid7_new());
	uint8 secret[SS_JWT_SECRET_MIN];

	ss_secret_random(secret, sizeof(secret));
	add_key(key_id, secret, sizeof(secret), false);
	return key_id;
}

void
ss_token_keys_current(SSTokenKey *key)
{
	SSRows rows = ss_rows_latest(&select_current, NULL, NULL);

	if (rows.count == 0)
	{
		ss_lock_take(SS_LOCK_TOKEN_KEYS, 0);
		rows = ss_rows_latest(&select_current, NULL, NULL);
	}
	if (rows.count == 0)
	{
		(void) make_key();
		rows = ss_rows_latest(&select_current, NULL, NULL);
	}
	read_key(ss_row(rows, 0), key);
}

/* --- for admins --------------------------------------------------------------------------- */

/* The overlap as a datum; 22023 unless it is from nothing to a year. */
static Datum
read_overlap(FunctionCallInfo fcinfo, int n)
{
	Datum overlap;

	if (PG_ARGISNULL(n))
		ss_missing_value("overlap");
	overlap = PG_GETARG_DATUM(n);
	if (!ss_one_bool(ss_rows_write(&check_overlap, &overlap, NULL)))
		ss_bad_value("overlap", "It is %s; 0 to 366 days are allowed.",
					 DatumGetCString(DirectFunctionCall1(interval_out, overlap)));
	return overlap;
}

/* All keys there are retire after the overlap, and those that have long retired go. Under SS_LOCK_TOKEN_KEYS. */
static void
retire_others(Datum overlap)
{
	(void) ss_query_latest(&delete_keys, &overlap, NULL);
	(void) ss_query_latest(&retire_keys, &overlap, NULL);
	(void) ss_query_latest(&delete_retired, NULL, NULL);
}

/* The keys whose tokens are good, newest first, without their secrets. */
static Datum
leave_with_list(SSCall *call, uint64 (*query)(SSQuery *, const Datum *, const bool *))
{
	SSJson json = {0};

	(void) query(&select_keys, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "token_keys");
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/* Writes down that there is a key that signs from now on. */
static void
record(SSCall *call, const char *action, const char *key_id)
{
	SSAudit audit = {.resource = "token_key", .action = action, .resource_id = key_id};

	ss_audit_write(call, &audit, NULL, NULL);
}

/* A key that a gateway has, too, is not replaced by one that it has not: it would refuse everybody. */
static void
refuse_if_imported(void)
{
	SSRows imported = ss_rows_latest(&select_imported, NULL, NULL);

	if (imported.count > 0)
		ereport(
			ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("the key that signs tokens is shared with a gateway"),
			errdetail("Key \"%s\" came by add_token_key(); the gateway would refuse tokens of a key that is made here.",
					  ss_one_text(imported)),
			errhint("Give the gateway a new key beside this one, then call add_token_key() with it. "
					"If no gateway verifies tokens any more, pass force => true."));
}

/*
 * rotate_token_key(overlap, force)
 */
Datum
swipesavvy_rotate_token_key(PG_FUNCTION_ARGS)
{
	SSCall call;
	Datum overlap;

	ss_call_enter(&call, SS_ADMIN);
	overlap = read_overlap(fcinfo, 0);
	ss_lock_take(SS_LOCK_TOKEN_KEYS, 0);
	if (!ss_arg_bool(fcinfo, 1, false))
		refuse_if_imported();
	retire_others(overlap);
	record(&call, "rotate", make_key());
	PG_RETURN_DATUM(leave_with_list(&call, ss_query_latest));
}

/* The bytes of the secret, palloc'd; 22023 without them if they are too few or no base64. */
static uint8 *
read_secret(FunctionCallInfo fcinfo, bool is_base64, int *length)
{
	text *argument = ss_secret_arg(fcinfo, 1, "secret", SS_SECRET_MAX);
	int bytes = VARSIZE_ANY_EXHDR(argument);
	uint8 *secret = NULL;

	*length = bytes;
	if (!is_base64)
	{
		secret = palloc(bytes);
		memcpy(secret, VARDATA_ANY(argument), bytes);
	}
	else
	{
		char *url = pnstrdup(VARDATA_ANY(argument), bytes);

		/* either alphabet, with or without padding */
		while (bytes > 0 && url[bytes - 1] == '=')
			bytes--;
		for (int i = 0; i < bytes; i++)
			url[i] = url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i];
		secret = ss_secret_decode(url, bytes, length);
		ss_secret_wipe(url, strlen(url));
	}
	ss_secret_forget(fcinfo, 1, argument);
	if (secret == NULL)
		ss_bad_value("secret", "It is not base64.");
	if (*length < SS_JWT_SECRET_MIN)
	{
		ss_secret_wipe(secret, *length);
		ss_bad_value("secret", "It has %d bytes; at least %d are needed.", *length, SS_JWT_SECRET_MIN);
	}
	return secret;
}

/*
 * add_token_key(kid, secret, is_base64, overlap): a secret that a gateway knows
 * becomes the key that signs
 */
Datum
swipesavvy_add_token_key(PG_FUNCTION_ARGS)
{
	SSCall call;
	char *key_id;
	uint8 *secret;
	int length;
	Datum overlap;
	Datum id;

	ss_call_enter(&call, SS_ADMIN);
	key_id = ss_arg_text(fcinfo, 0, "kid", KEY_ID_MAX, true);
	if (strspn(key_id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(key_id))
		ss_bad_value("kid", "\"%s\" has other characters than letters, digits, dot, dash and underscore.", key_id);
	overlap = read_overlap(fcinfo, 3);
	secret = read_secret(fcinfo, ss_arg_bool(fcinfo, 2, false), &length);
	ss_lock_take(SS_LOCK_TOKEN_KEYS, 0);
	retire_others(overlap);
	id = CStringGetTextDatum(key_id);
	if (ss_query_latest(&find_key, &id, NULL) > 0)
	{
		ss_secret_wipe(secret, length);
		ss_duplicate("a token key with this kid exists already", "The kid is \"%s\".", key_id);
	}
	add_key(key_id, secret, length, true);
	record(&call, "add", key_id);
	PG_RETURN_DATUM(leave_with_list(&call, ss_query_latest));
}

/*
 * list_token_keys()
 */
Datum
swipesavvy_list_token_keys(PG_FUNCTION_ARGS)
{
	SSCall call;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	PG_RETURN_DATUM(leave_with_list(&call, ss_query_read));
}
