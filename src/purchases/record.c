/*
 * record.c: the door for calls: record_transaction() for one purchase,
 * record_transactions() for several that do not spoil each other.
 *
 * Called by trusted services. Locks are the engine's.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/attempt.h"
#include "base/errors.h"
#include "base/money.h"
#include "call/call.h"
#include "engine/bisect.h"
#include "engine/engine.h"

#define MAX_PURCHASES 10000 /* of one call of record_transactions() */

PG_FUNCTION_INFO_V1(swipesavvy_record_transaction);
PG_FUNCTION_INFO_V1(swipesavvy_record_transactions);

/* The keys of the object that is open: what came of a purchase. */
static void
add_result(SSJson *json, const SSRules *rules, const SSPurchase *purchase)
{
	int exponent = ss_rules_exponent(rules, purchase->currency);

	ss_json_uuid(json, "transaction_id", &purchase->transaction_id);
	ss_json_text(json, "status", ss_status_names[purchase->present_status]);
	ss_json_int(json, "points_earned", purchase->points_base + purchase->points_bonus);
	ss_json_int(json, "points_balance", purchase->balance);
	ss_json_text(json, "tier", purchase->tier);
	ss_json_open_array(json, "awards");
	for (int i = 0; i < purchase->nawards; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_text(json, "campaign_id", purchase->awards[i].campaign_id);
		ss_json_int(json, "points", purchase->awards[i].points);
		ss_json_money(json, "discount", purchase->awards[i].discount, exponent);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
	ss_json_bool(json, "replayed", purchase->replayed);
}

/*
 * record_transaction(user_id, amount, currency, merchant_id, account_id,
 * occurred_at, status, idempotency_key, metadata, transaction_id)
 */
Datum
swipesavvy_record_transaction(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPurchaseInput input = {0};
	SSPurchase purchase;
	TimestampTz occurred_at;
	bool no_time;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* the ledger is its record */
	input.user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	input.amount = ss_arg_numeric(fcinfo, 1, "amount", true);
	input.currency = ss_arg_text(fcinfo, 2, "currency", 3, false);
	input.merchant_id = ss_arg_uuid(fcinfo, 3, "merchant_id", false);
	input.account_id = ss_arg_uuid(fcinfo, 4, "account_id", false);
	occurred_at = ss_arg_time(fcinfo, 5, "occurred_at", &no_time);
	input.occurred_at = no_time ? NULL : &occurred_at;
	input.status = ss_arg_text(fcinfo, 6, "status", SS_NAME_MAX, false);
	input.idempotency_key = ss_arg_text(fcinfo, 7, "idempotency_key", SS_KEY_MAX, false);
	input.metadata = ss_arg_jsonb(fcinfo, 8, "metadata", false);
	input.transaction_id = ss_arg_uuid(fcinfo, 9, "transaction_id", false);
	ss_purchase_make(ss_rules_get(), &input, &purchase);
	ss_engine_award(&purchase, 1, true, NULL);
	ss_json_open_object(&json, NULL);
	add_result(&json, ss_rules_get(), &purchase);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- several ------------------------------------------------------------------------- */

/* One element of the argument. */
typedef struct Element
{
	SSItem item; /* first */
	JsonbValue value;
} Element;

static pg_uuid_t *
get_uuid(Jsonb *document, const char *key)
{
	JsonbValue *value = ss_document_given(document, key);

	return value == NULL ? NULL : ss_json_as_uuid(value, key);
}

static char *
get_text(Jsonb *document, const char *key, int max_chars)
{
	JsonbValue *value = ss_document_given(document, key);

	return value == NULL ? NULL : ss_json_as_text(value, key, max_chars);
}

/* Reads one element: an object with the arguments of record_transaction() as keys. */
static void
read_item(void *argument)
{
	static const char *const keys[] = {"user_id",	 "amount",		   "currency", "merchant_id",
									   "account_id", "occurred_at",	   "status",   "idempotency_key",
									   "metadata",	 "transaction_id", NULL};
	Element *item = argument;
	SSPurchaseInput input = {0};
	TimestampTz occurred_at;
	JsonbValue *value;
	Jsonb *document;

	if (item->value.type != jbvBinary)
		ss_bad_value("purchases", "An element is not a JSON object.");
	document = ss_json_as_jsonb(&item->value);
	ss_check_keys(document, "purchases", keys);
	input.user_id = get_uuid(document, "user_id");
	value = ss_document_given(document, "amount");
	if (value == NULL)
		ss_missing_value("amount");
	input.amount = ss_json_as_numeric(value, "amount");
	input.currency = get_text(document, "currency", 3);
	input.merchant_id = get_uuid(document, "merchant_id");
	input.account_id = get_uuid(document, "account_id");
	value = ss_document_given(document, "occurred_at");
	if (value != NULL)
	{
		occurred_at = ss_json_as_time(value, "occurred_at", ss_rules_get()->settings.timezone);
		input.occurred_at = &occurred_at;
	}
	input.status = get_text(document, "status", SS_NAME_MAX);
	input.idempotency_key = get_text(document, "idempotency_key", SS_KEY_MAX);
	value = ss_document_given(document, "metadata");
	input.metadata = value == NULL ? NULL : ss_json_as_jsonb(value);
	input.transaction_id = get_uuid(document, "transaction_id");
	ss_purchase_make(ss_rules_get(), &input, &item->item.purchase);
}

/* The elements of the argument, read; those that cannot be have their error. */
static Element *
read_items(Jsonb *document, int *count)
{
	JsonbIterator *iterator;
	JsonbValue value;
	Element *items;
	int n = 0;

	if (!JB_ROOT_IS_ARRAY(document) || JB_ROOT_IS_SCALAR(document))
		ss_bad_value("purchases", "It is not a JSON array.");
	*count = JB_ROOT_COUNT(document);
	if (*count > MAX_PURCHASES)
		ss_bad_value("purchases", "It has %d elements; at most %d are allowed.", *count, MAX_PURCHASES);
	items = palloc0(Max(*count, 1) * sizeof(Element));
	iterator = JsonbIteratorInit(&document->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		items[n].value = value;
		items[n].item.error = ss_attempt(read_item, &items[n], false);
		n++;
	}
	return items;
}

/*
 * record_transactions(purchases): results in the order of the argument, each
 * as of record_transaction() or {error}.
 */
Datum
swipesavvy_record_transactions(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Element *items;
	SSItem **good;
	int count;
	int ngood = 0;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* the ledger is its record */
	items = read_items(ss_arg_jsonb(fcinfo, 0, "purchases", true), &count);
	good = palloc(Max(count, 1) * sizeof(SSItem *));
	for (int i = 0; i < count; i++)
	{
		if (items[i].item.error == NULL)
			good[ngood++] = &items[i].item;
	}
	ss_bisect_award(good, ngood, true);
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "results");
	for (int i = 0; i < count; i++)
	{
		ss_json_open_object(&json, NULL);
		if (items[i].item.error != NULL)
			ss_attempt_json(&json, "error", items[i].item.error);
		else
			add_result(&json, ss_rules_get(), &items[i].item.purchase);
		ss_json_close_object(&json);
	}
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
