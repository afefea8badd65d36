/*
 * replay.c: recognises repeated purchases (replay.h).
 *
 * Called by the engine under the locks on the users' accounts: whoever used a
 * key before us has committed by then, or never will.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid.h"
#include "engine/replay.h"
#include "ledger/tier.h"

static SSQuery known_keys_query = {
	"SELECT t.user_id, t.idempotency_key, t.transaction_id, coalesce(s.recorded_amount_minor, t.amount_minor), t.currency,"
	"       t.occurred_at, t.request, t.merchant_id, t.account_id, t.metadata, t.status::text,"
	"       coalesce(s.recorded_points_base, t.points_base), coalesce(s.recorded_points_bonus, t.points_bonus),"
	"       coalesce(s.recorded_discount_minor, t.discount_minor)"
	"  FROM swipesavvy.transactions t"
	"  LEFT JOIN swipesavvy.settlements s ON s.user_id = t.user_id AND s.transaction_id = t.transaction_id"
	" WHERE t.user_id = ANY ($1) AND t.idempotency_key = ANY ($2)",
	2,
	{UUIDARRAYOID, TEXTARRAYOID},
	NULL};
/* As they were recorded: one that was settled for another amount gives others since. */
static SSQuery awards_query = {
	"SELECT r.campaign_no, r.campaign_version, c.campaign_id, coalesce((a.award ->> 'points')::bigint, r.points),"
	"       coalesce((a.award ->> 'discount_minor')::bigint, r.discount_minor),"
	"       coalesce((a.award ->> 'cost_minor')::bigint, r.cost_minor)"
	"  FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c ON c.campaign_no = r.campaign_no"
	"  LEFT JOIN swipesavvy.settlements s ON s.user_id = r.user_id AND s.transaction_id = r.transaction_id"
	" CROSS JOIN LATERAL (SELECT s.recorded_awards -> (r.position - 1) AS award) a"
	" WHERE r.user_id = $1 AND r.transaction_id = $2 ORDER BY r.position",
	2,
	{UUIDOID, UUIDOID},
	NULL};

/* Is the id in a column the same as the one given, or are there none? */
static bool
same_id(uint64 row, int column, bool given, const pg_uuid_t *id)
{
	bool isnull;
	Datum value = ss_value(row, column, &isnull);

	if (isnull || !given)
		return isnull && !given;
	return ss_uuid_equal(DatumGetUUIDP(value), id);
}

static bool
same_metadata(uint64 row, int column, Jsonb *metadata)
{
	bool isnull;
	Datum value = ss_value(row, column, &isnull);

	if (isnull || metadata == NULL)
		return isnull && metadata == NULL;
	return compareJsonbContainers(&DatumGetJsonbP(value)->root, &metadata->root) == 0;
}

/* Amounts by value; where no currency was passed either time, the programme's may have changed in between. */
static bool
same_amount(const SSRules *rules, uint64 row, const SSPurchase *purchase, int16 first_given)
{
	char *currency = ss_value_text(row, 5);
	int128 stored = ss_value_int64(row, 4, 0);
	int128 given = purchase->amount;

	if (strcmp(currency, purchase->currency) != 0 && ((first_given | purchase->given) & SS_GIVEN_CURRENCY) != 0)
		return false;
	stored *= ss_minor_per_major(ss_rules_exponent(rules, purchase->currency));
	given *= ss_minor_per_major(ss_rules_exponent(rules, currency));
	return stored == given;
}

/* Was this purchase passed with the same arguments before? */
static bool
same_payload(const SSRules *rules, uint64 row, const SSPurchase *purchase)
{
	int16 first_given = DatumGetInt16(ss_value_not_null(row, 7));
	int16 differing = first_given ^ purchase->given;

	if ((differing & (SS_GIVEN_STATUS | SS_GIVEN_ID)) != 0)
		return false;
	if ((first_given & SS_GIVEN_ID) != 0 && !same_id(row, 3, true, &purchase->transaction_id))
		return false;
	if ((purchase->given & SS_GIVEN_TIME) != 0 &&
		DatumGetTimestampTz(ss_value_not_null(row, 6)) != purchase->occurred_at)
		return false;
	return same_amount(rules, row, purchase, first_given) &&
		   same_id(row, 8, purchase->has_merchant, &purchase->merchant_id) &&
		   same_id(row, 9, purchase->has_account, &purchase->account_id) && same_metadata(row, 10, purchase->metadata);
}

/* Takes over what was recorded. The awards are read later: this query's rows are still in use. */
static void
take_over(uint64 row, SSPurchase *purchase)
{
	purchase->replayed = true;
	purchase->transaction_id = *DatumGetUUIDP(ss_value_not_null(row, 3));
	purchase->present_status = (SSStatus) ss_check_choice(ss_value_text(row, 11), "status", ss_status_names);
	purchase->points_base = ss_value_int64(row, 12, 0);
	purchase->points_bonus = ss_value_int64(row, 13, 0);
	purchase->discount = ss_value_int64(row, 14, 0);
}

static void
read_awards(SSPurchase *purchase)
{
	Datum values[2] = {UUIDPGetDatum(&purchase->user_id), UUIDPGetDatum(&purchase->transaction_id)};

	purchase->nawards = (int) ss_query_latest(&awards_query, values, NULL);
	purchase->awards = palloc(Max(purchase->nawards, 1) * sizeof(SSAward));
	for (int i = 0; i < purchase->nawards; i++)
	{
		SSAward *award = &purchase->awards[i];

		award->campaign_no = DatumGetInt32(ss_value_not_null(i, 1));
		award->campaign_version = DatumGetInt32(ss_value_not_null(i, 2));
		award->campaign_id = ss_value_text(i, 3);
		award->points = ss_value_int64(i, 4, 0);
		award->discount = ss_value_int64(i, 5, 0);
		award->cost = ss_value_int64(i, 6, 0);
	}
}

/* The keys of the chunk as an array; NULL when no purchase has one. */
static ArrayType *
keys_of(const SSChunk *chunk)
{
	Datum *keys = palloc(chunk->count * sizeof(Datum));
	int n = 0;

	for (int i = 0; i < chunk->count; i++)
	{
		if (chunk->purchases[i].idempotency_key != NULL)
			keys[n++] = CStringGetTextDatum(chunk->purchases[i].idempotency_key);
	}
	return n == 0 ? NULL : construct_array(keys, n, TEXTOID, -1, false, 'i');
}

/* Without the executor: is any of the keys known at all? Repeats are rare. */
static bool
any_known(const SSChunk *chunk)
{
	for (int i = 0; i < chunk->count; i++)
	{
		const SSPurchase *purchase = &chunk->purchases[i];
		Datum keys[2];

		if (purchase->idempotency_key == NULL)
			continue;
		keys[0] = UUIDPGetDatum(&purchase->user_id);
		keys[1] = CStringGetTextDatum(purchase->idempotency_key);
		if (ss_direct_exists(chunk->direct, SS_TRANSACTION_KEYS, 2, keys))
			return true;
	}
	return false;
}

int
ss_replay_find(SSChunk *chunk)
{
	ArrayType *keys;
	const SSRules *rules = ss_rules_get();
	TimestampTz now = GetCurrentTimestamp();
	Datum values[2];
	uint64 rows;
	int found = 0;

	if (chunk->direct != NULL && !any_known(chunk))
		return 0;
	keys = keys_of(chunk);
	if (keys == NULL)
		return 0;
	ss_query_avoid_scans();
	values[0] = ss_uuid_array(&chunk->accounts[0].id, chunk->naccounts, sizeof(SSAccount));
	values[1] = PointerGetDatum(keys);
	rows = ss_query_latest(&known_keys_query, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t *user_id = DatumGetUUIDP(ss_value_not_null(row, 1));
		char *key = ss_value_text(row, 2);

		for (int i = 0; i < chunk->count; i++)
		{
			SSPurchase *purchase = &chunk->purchases[i];

			if (purchase->idempotency_key == NULL || strcmp(purchase->idempotency_key, key) != 0 ||
				!ss_uuid_equal(&purchase->user_id, user_id))
				continue;
			if (!same_payload(rules, row, purchase))
				ss_duplicate("idempotency_key was used with other arguments", "The key is \"%s\".", key);
			take_over(row, purchase);
			found++;
		}
	}
	for (int i = 0; i < chunk->count; i++)
	{
		SSPurchase *purchase = &chunk->purchases[i];

		if (!purchase->replayed)
			continue;
		read_awards(purchase);
		purchase->balance = chunk->buyers[i]->available;
		purchase->tier = pstrdup(ss_tier_held(rules, chunk->buyers[i], now)->name);
	}
	return found;
}
