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
#include "base/rows.h"
#include "base/uuid.h"
#include "engine/replay.h"
#include "ledger/tier.h"

SS_QUERY(
	known_keys_query,
	"SELECT t.user_id, t.idempotency_key, t.transaction_id, coalesce(s.recorded_amount_minor, t.amount_minor), t.currency,"
	"       t.occurred_at, t.request, t.merchant_id, t.account_id, t.metadata, t.status::text,"
	"       coalesce(s.recorded_points_base, t.points_base), coalesce(s.recorded_points_bonus, t.points_bonus),"
	"       coalesce(s.recorded_discount_minor, t.discount_minor)"
	"  FROM swipesavvy.transactions t"
	"  LEFT JOIN swipesavvy.settlements s ON s.user_id = t.user_id AND s.transaction_id = t.transaction_id"
	" WHERE t.user_id = ANY ($1) AND t.idempotency_key = ANY ($2)",
	UUIDARRAYOID, TEXTARRAYOID);
/* As they were recorded: one that was settled for another amount gives others since. */
SS_QUERY(awards_query,
		 "SELECT r.campaign_no, r.campaign_version, c.campaign_id, coalesce((a.award ->> 'points')::bigint, r.points),"
		 "       coalesce((a.award ->> 'discount_minor')::bigint, r.discount_minor),"
		 "       coalesce((a.award ->> 'cost_minor')::bigint, r.cost_minor)"
		 "  FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c ON c.campaign_no = r.campaign_no"
		 "  LEFT JOIN swipesavvy.settlements s ON s.user_id = r.user_id AND s.transaction_id = r.transaction_id"
		 " CROSS JOIN LATERAL (SELECT s.recorded_awards -> (r.position - 1) AS award) a"
		 " WHERE r.user_id = $1 AND r.transaction_id = $2 ORDER BY r.position",
		 UUIDOID, UUIDOID);

/* A recorded purchase whose key is one of the chunk's. */
typedef struct Known
{
	const pg_uuid_t *user_id;
	char *key;
	const pg_uuid_t *transaction_id;
	int64 amount;
	char *currency;
	TimestampTz occurred_at;
	int16 given;
	const pg_uuid_t *merchant_id; /* or NULL */
	const pg_uuid_t *account_id;  /* or NULL */
	Jsonb *metadata;			  /* or NULL */
	char *status;
	int64 points_base;
	int64 points_bonus;
	int64 discount;
} Known;

static void
read_known(SSRow row, Known *known)
{
	known->user_id = ss_next_uuid(&row);
	known->key = ss_next_text(&row);
	known->transaction_id = ss_next_uuid(&row);
	known->amount = ss_next_int64(&row);
	known->currency = ss_next_text(&row);
	known->occurred_at = ss_next_time(&row);
	known->given = ss_next_int16(&row);
	known->merchant_id = ss_next_uuid_or_null(&row);
	known->account_id = ss_next_uuid_or_null(&row);
	known->metadata = ss_next_jsonb_or_null(&row);
	known->status = ss_next_text(&row);
	known->points_base = ss_next_int64(&row);
	known->points_bonus = ss_next_int64(&row);
	known->discount = ss_next_int64(&row);
}

/* Is the id the same as the one given, or are there none? */
static bool
same_id(const pg_uuid_t *known, bool given, const pg_uuid_t *id)
{
	if (known == NULL || !given)
		return known == NULL && !given;
	return ss_uuid_equal(known, id);
}

static bool
same_metadata(Jsonb *known, Jsonb *metadata)
{
	if (known == NULL || metadata == NULL)
		return known == NULL && metadata == NULL;
	return compareJsonbContainers(&known->root, &metadata->root) == 0;
}

/* Amounts by value; where no currency was passed either time, the programme's may have changed in between. */
static bool
same_amount(const SSRules *rules, const Known *known, const SSPurchase *purchase)
{
	int128 stored = known->amount;
	int128 given = purchase->amount;

	if (strcmp(known->currency, purchase->currency) != 0 && ((known->given | purchase->given) & SS_GIVEN_CURRENCY) != 0)
		return false;
	stored *= ss_minor_per_major(ss_rules_exponent(rules, purchase->currency));
	given *= ss_minor_per_major(ss_rules_exponent(rules, known->currency));
	return stored == given;
}

/* Was this purchase passed with the same arguments before? */
static bool
same_payload(const SSRules *rules, const Known *known, const SSPurchase *purchase)
{
	int16 differing = known->given ^ purchase->given;

	if ((differing & (SS_GIVEN_STATUS | SS_GIVEN_ID)) != 0)
		return false;
	if ((known->given & SS_GIVEN_ID) != 0 && !ss_uuid_equal(known->transaction_id, &purchase->transaction_id))
		return false;
	if ((purchase->given & SS_GIVEN_TIME) != 0 && known->occurred_at != purchase->occurred_at)
		return false;
	return same_amount(rules, known, purchase) &&
		   same_id(known->merchant_id, purchase->has_merchant, &purchase->merchant_id) &&
		   same_id(known->account_id, purchase->has_account, &purchase->account_id) &&
		   same_metadata(known->metadata, purchase->metadata);
}

/* Takes over what was recorded, but for the awards. */
static void
take_over(const Known *known, SSPurchase *purchase)
{
	purchase->replayed = true;
	purchase->transaction_id = *known->transaction_id;
	purchase->present_status = (SSStatus) ss_check_choice(known->status, "status", ss_status_names);
	purchase->points_base = known->points_base;
	purchase->points_bonus = known->points_bonus;
	purchase->discount = known->discount;
}

static void
read_awards(SSPurchase *purchase)
{
	Datum values[2] = {UUIDPGetDatum(&purchase->user_id), UUIDPGetDatum(&purchase->transaction_id)};
	SSRows rows = ss_rows_latest(&awards_query, values, NULL);

	purchase->nawards = (int) rows.count;
	purchase->awards = palloc(Max(rows.count, 1) * sizeof(SSAward));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSAward *award = &purchase->awards[i];

		award->campaign_no = ss_next_int32(&row);
		award->campaign_version = ss_next_int32(&row);
		award->campaign_id = ss_next_text(&row);
		award->points = ss_next_int64(&row);
		award->discount = ss_next_int64(&row);
		award->cost = ss_next_int64(&row);
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
	SSRows rows;
	int found = 0;

	if (chunk->direct != NULL && !any_known(chunk))
		return 0;
	keys = keys_of(chunk);
	if (keys == NULL)
		return 0;
	ss_query_avoid_scans();
	values[0] = ss_uuid_array(&chunk->accounts[0].id, chunk->naccounts, sizeof(SSAccount));
	values[1] = PointerGetDatum(keys);
	rows = ss_rows_latest(&known_keys_query, values, NULL);
	for (uint64 row = 0; row < rows.count; row++)
	{
		Known known;

		read_known(ss_row(rows, row), &known);
		for (int i = 0; i < chunk->count; i++)
		{
			SSPurchase *purchase = &chunk->purchases[i];

			if (purchase->idempotency_key == NULL || strcmp(purchase->idempotency_key, known.key) != 0 ||
				!ss_uuid_equal(&purchase->user_id, known.user_id))
				continue;
			if (!same_payload(rules, &known, purchase))
				ss_duplicate("idempotency_key was used with other arguments", "The key is \"%s\".", known.key);
			take_over(&known, purchase);
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
