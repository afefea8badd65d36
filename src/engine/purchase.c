/*
 * purchase.c: makes a purchase of what a door has read, and puts purchases in
 * order (purchase.h).
 *
 * Called by the three doors, before any lock is taken, and by simulations.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/typcache.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/uuid7.h"
#include "engine/purchase.h"

const char *const ss_status_names[] = {"pending", "completed", "failed", "cancelled", NULL};

static void
set_amount(const SSPurchaseInput *input, int exponent, SSPurchase *purchase)
{
	if (input->amount != NULL)
		purchase->amount = ss_scaled_from_numeric(input->amount, exponent, 0, PG_INT64_MAX, "amount");
	else if (input->amount_minor == NULL)
		ss_missing_value("amount_minor");
	else if (*input->amount_minor < 0)
		ss_bad_value("amount_minor", INT64_FORMAT " is negative.", *input->amount_minor);
	else
		purchase->amount = *input->amount_minor;
}

static void
set_time(const SSPurchaseInput *input, SSPurchase *purchase)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	purchase->occurred_at = now;
	if (input->occurred_at == NULL)
		return;
	ss_check_time(*input->occurred_at, "occurred_at");
	if (*input->occurred_at > TimestampTzPlusMilliseconds(now, INT64CONST(86400000)))
		ss_bad_value("occurred_at", "It is more than a day ahead.");
	purchase->occurred_at = *input->occurred_at;
	purchase->given |= SS_GIVEN_TIME;
}

void
ss_purchase_read_shipping(const SSRules *rules, SSPurchase *purchase)
{
	JsonbValue *value;

	if (purchase->metadata == NULL)
		return;
	value = ss_document_get(purchase->metadata, "shipping_amount");
	if (value == NULL)
		return;
	purchase->has_shipping = true;
	purchase->shipping = ss_scaled_from_numeric(ss_json_as_numeric(value, "metadata.shipping_amount"),
												ss_rules_exponent(rules, purchase->currency), 0, PG_INT64_MAX,
												"metadata.shipping_amount");
}

static void
check_metadata(Jsonb *metadata)
{
	if (!JB_ROOT_IS_OBJECT(metadata))
		ss_bad_value("metadata", "It is not a JSON object.");
	if (VARSIZE(metadata) > SS_METADATA_MAX)
		ss_bad_value("metadata", "It takes %d bytes; at most %d are allowed.", (int) VARSIZE(metadata),
					 SS_METADATA_MAX);
}

void
ss_purchase_make(const SSRules *rules, const SSPurchaseInput *input, SSPurchase *purchase)
{
	const char *currency = input->currency;

	memset(purchase, 0, sizeof(*purchase));
	if (input->user_id == NULL)
		ss_missing_value("user_id");
	purchase->user_id = *input->user_id;
	if (currency == NULL)
		currency = rules->settings.currency;
	else
		purchase->given |= SS_GIVEN_CURRENCY;
	set_amount(input, ss_rules_exponent_of(rules, currency, "currency"), purchase);
	strlcpy(purchase->currency, currency, sizeof(purchase->currency));
	set_time(input, purchase);
	purchase->status = SS_COMPLETED;
	if (input->status != NULL)
		purchase->status = (SSStatus) ss_check_choice(input->status, "status", ss_status_names);
	purchase->given |= (int16) purchase->status;
	if (input->idempotency_key != NULL)
		ss_check_text(input->idempotency_key, "idempotency_key", SS_KEY_MAX);
	purchase->idempotency_key = unconstify(char *, input->idempotency_key);
	purchase->metadata = input->metadata;
	if (input->metadata != NULL)
		check_metadata(input->metadata);
	ss_purchase_read_shipping(rules, purchase);
	purchase->has_merchant = input->merchant_id != NULL;
	if (purchase->has_merchant)
		purchase->merchant_id = *input->merchant_id;
	purchase->has_account = input->account_id != NULL;
	if (purchase->has_account)
		purchase->account_id = *input->account_id;
	if (input->transaction_id != NULL)
	{
		purchase->transaction_id = *input->transaction_id;
		purchase->given |= SS_GIVEN_ID;
	}
	else
		ss_uuid7_make(&purchase->transaction_id);
}

Tuplesortstate *
ss_purchase_sort(TupleDesc desc)
{
	AttrNumber keys[2] = {SS_SORT_OCCURRED_AT + 1, SS_SORT_TRANSACTION_ID + 1};
	Oid operators[2];
	Oid collations[2] = {InvalidOid, InvalidOid};
	bool nulls_first[2] = {false, false};

	for (int i = 0; i < 2; i++)
		operators[i] = lookup_type_cache(TupleDescAttr(desc, keys[i] - 1)->atttypid, TYPECACHE_LT_OPR)->lt_opr;
	return tuplesort_begin_heap(desc, 2, keys, operators, collations, nulls_first, work_mem, NULL, TUPLESORT_NONE);
}
