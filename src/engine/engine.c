/*
 * engine.c: the award engine (engine.h): what a purchase earns, decided and
 * written in the purchase's own transaction.
 *
 * Called by the three doors: record.c (one call), view.c (INSERT and COPY
 * into the view) and import.c (loads of millions).
 *
 * A chunk of purchases goes through these steps:
 *
 *	1. take the lock that writing campaign_redemptions takes anyway: a change of
 *	   a campaign that must not overlap any purchase (limits.c) waits for
 *	   us, or we for it. Lock the users' reward accounts FOR NO KEY UPDATE, by
 *	   user_id: from here on nobody else changes what these users hold or have
 *	   redeemed. With a user whose referral bonus may fall due goes the account of
 *	   whoever brought it;
 *	2. by call only: recognise repeats by their idempotency keys (replay.c);
 *	3. with the compiled rules (rules.c), find each purchase's candidates and
 *	   test what needs no counts (match.c); count redemptions; if there are
 *	   several purchases, lock the slots of every budget and daily limit that
 *	   could be taken from (slots.c). If the rules changed while waiting for a
 *	   lock, let the slots go and begin step 3 again;
 *	4. purchase by purchase, in order: base points, choice of campaigns
 *	   (choose.c), points and tier (tier.c), all in memory. A single purchase
 *	   takes from slots without waiting for anybody; if it cannot, it goes back
 *	   to step 3 and locks them like the others;
 *	5. write each table once (write.c), and last what that adds to the figures of
 *	   analytics (deltas.c).
 *
 * Tables are read and written by their access methods (direct.c); where one of
 * them is not the plain table that the extension made, through saved plans.
 *
 * The order of locks is the same for everybody: the table, accounts by user_id,
 * the turn with an id that a caller chose (rivals.h), slots by (campaign, day,
 * slot). One purchase per transaction never deadlocks.
 * All queries run under the latest snapshot, also in REPEATABLE READ: what is
 * under lock is what counts.
 *
 * Compiled rules may be replaced by whatever runs inside our writes, so
 * nothing of them is used after step 4.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/args.h"
#include "base/attempt.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid.h"
#include "direct/rivals.h"
#include "engine/choose.h"
#include "engine/chunk.h"
#include "engine/deltas.h"
#include "engine/engine.h"
#include "engine/match.h"
#include "engine/replay.h"
#include "engine/slots.h"
#include "engine/statement.h"
#include "engine/write.h"
#include "ledger/account_lock.h"
#include "ledger/earn.h"
#include "ledger/referral.h"
#include "ledger/tier.h"

SS_QUERY(known_ids_query,
		 "SELECT t.transaction_id FROM swipesavvy.transactions t WHERE t.transaction_id = ANY ($1) LIMIT 1",
		 UUIDARRAYOID);

static void
refuse_id(const pg_uuid_t *id)
{
	ss_duplicate("transaction_id is already used", "There is a transaction \"%s\".", ss_uuid_text(id));
}

/*
 * An id that the caller chose must be new, for any user: the primary key alone
 * would allow two users to have the same. What others are about to record is
 * looked for when our own rows are there (check_rivals).
 */
static void
check_given_ids(const SSChunk *chunk)
{
	pg_uuid_t *ids = palloc(chunk->count * sizeof(pg_uuid_t));
	const pg_uuid_t *known = NULL;
	int n = 0;
	Datum array;

	for (int i = 0; i < chunk->count; i++)
	{
		if (chunk->purchases[i].given & SS_GIVEN_ID)
			ids[n++] = chunk->purchases[i].transaction_id;
	}
	if (n == 0)
		return;
	qsort(ids, n, sizeof(pg_uuid_t), ss_uuid_order);
	for (int i = 1; i < n && known == NULL; i++)
	{
		if (ss_uuid_equal(&ids[i], &ids[i - 1]))
			known = &ids[i];
	}
	for (int i = 0; i < n && known == NULL && chunk->direct != NULL; i++)
	{
		Datum key = UUIDPGetDatum(&ids[i]);

		if (ss_direct_exists(chunk->direct, SS_TRANSACTIONS, 1, &key))
			known = &ids[i];
	}
	array = ss_uuid_array(ids, n, sizeof(pg_uuid_t));
	if (known == NULL && chunk->direct == NULL)
	{
		SSRows rows = ss_rows_latest(&known_ids_query, &array, NULL);

		if (rows.count > 0)
		{
			SSRow row = ss_row(rows, 0);

			known = ss_next_uuid(&row);
		}
	}
	if (known != NULL)
		refuse_id(known);
}

static void
check_rivals(const SSChunk *chunk)
{
	for (int i = 0; i < chunk->count; i++)
	{
		const SSPurchase *purchase = &chunk->purchases[i];

		if ((purchase->given & SS_GIVEN_ID) == 0)
			continue;
		if (chunk->direct != NULL ? ss_direct_has_rival(chunk->direct, &purchase->transaction_id, &purchase->user_id)
								  : ss_rivals_find(&purchase->transaction_id, &purchase->user_id))
			refuse_id(&purchase->transaction_id);
	}
}

/* A single purchase whose id was chosen: rivals wait until its row is there, and find that (rivals.h). */
static bool
begin_turn(const SSChunk *chunk)
{
	if (chunk->count != 1 || (chunk->purchases[0].given & SS_GIVEN_ID) == 0)
		return false;
	ss_rivals_begin_turn(&chunk->purchases[0].transaction_id);
	check_rivals(chunk);
	if (chunk->direct != NULL)
		ss_direct_refresh(chunk->direct);
	return true;
}

/* Finds the campaigns that match a purchase as far as no counts are needed. */
static void
match_purchase(SSChunk *chunk, int position)
{
	SSPurchase *purchase = &chunk->purchases[position];

	memset(&purchase->decision, 0, sizeof(purchase->decision));
	memset(&chunk->open[position], 0, sizeof(SSOpen));
	purchase->points_bonus = 0;
	purchase->discount = 0;
	purchase->nawards = 0;
	purchase->day = ss_rules_day(chunk->rules, purchase->occurred_at);
	if (ss_status_earns(purchase->status))
		ss_match_candidates(chunk->rules, purchase, ss_chunk_known(chunk, chunk->buyers[position]),
							&chunk->open[position]);
}

/* The keys of all slots that the chunk's open campaigns may take from, sorted, each once. */
static int
wanted_slots(const SSChunk *chunk, SSSlotKey **keys)
{
	int n = 0;

	for (int i = 0; i < chunk->count; i++)
		n += 2 * chunk->open[i].count;
	*keys = palloc(Max(n, 1) * sizeof(SSSlotKey));
	n = 0;
	for (int i = 0; i < chunk->count; i++)
	{
		for (int j = 0; j < chunk->open[i].count; j++)
		{
			const SSCampaign *campaign = &chunk->rules->campaigns[chunk->open[i].items[j]];

			if (campaign->has_budget)
				(*keys)[n++] = (SSSlotKey){campaign->no, SS_BUDGET_DAY};
			if (campaign->daily_limit > 0)
				(*keys)[n++] = (SSSlotKey){campaign->no, chunk->purchases[i].day};
		}
	}
	return ss_slots_sort_keys(*keys, n);
}

/* False when the rules changed while waiting for slots. */
static bool
lock_slots(void *argument)
{
	SSChunk *chunk = argument;
	SSSlotKey *keys;
	int count = wanted_slots(chunk, &keys);

	ss_slots_lock_all(&chunk->slots, keys, count);
	return !ss_rules_stale();
}

/*
 * Step 3: all that is known before anything is decided, under rules that are
 * current when all locks are held. When they changed, the slots are let go (a
 * subtransaction is rolled back): by the new rules, some that come earlier in
 * the order may have to be locked. The snapshot is never older than the rules,
 * or a campaign that was just launched would seem to have no slots.
 */
static void
prepare(SSChunk *chunk)
{
	bool current;

	do
	{
		chunk->rules = ss_rules_get();
		if (chunk->direct != NULL)
			ss_direct_refresh(chunk->direct);
		ss_chunk_load_references(chunk);
		for (int i = 0; i < chunk->count; i++)
			match_purchase(chunk, i);
		ss_chunk_load_redemptions(chunk);
		chunk->slots.rules = chunk->rules;
		ss_slots_reset(&chunk->slots);
		current = chunk->slots.locked ? ss_attempt_or_undo(lock_slots, chunk) : !ss_rules_stale();
	} while (!current);
	if (chunk->slots.locked && chunk->direct != NULL)
		ss_direct_refresh(chunk->direct);
}

/* Refuses a purchase over the programme's limits; counts it against the day's. */
static void
check_spending(SSChunk *chunk, const SSPurchase *purchase, const SSAccount *account)
{
	const SSSettings *settings = &chunk->rules->settings;
	int64 *spent;

	if (!ss_status_earns(purchase->status) || strcmp(purchase->currency, settings->currency) != 0)
		return;
	if (settings->max_transaction_minor >= 0 && purchase->amount > settings->max_transaction_minor)
		ss_exhausted("amount is over max_transaction_amount",
					 "The amount is " INT64_FORMAT " and at most " INT64_FORMAT " is allowed, in minor units.",
					 purchase->amount, settings->max_transaction_minor);
	if (settings->daily_spending_minor < 0)
		return;
	spent = ss_chunk_spent_on_day(chunk, account, purchase->day);
	if (purchase->amount > settings->daily_spending_minor - *spent)
		ss_exhausted("amount is over what is left of daily_spending_limit",
					 "The amount is " INT64_FORMAT ", of " INT64_FORMAT " a day " INT64_FORMAT
					 " are spent, in minor units.",
					 purchase->amount, settings->daily_spending_minor, *spent);
	*spent += purchase->amount;
}

/* The stock of choose.h for a purchase of the chunk: counts of the user, and slots. */
typedef struct ChunkStock
{
	SSChunk *chunk;
	const SSAccount *account;
} ChunkStock;

static int64
stock_redemptions(void *state, const SSCampaign *campaign)
{
	ChunkStock *stock = state;

	return ss_chunk_redemptions(stock->chunk, stock->account, campaign->no, 0);
}

static bool
stock_day_covers(void *state, const SSCampaign *campaign, DateADT day)
{
	return ss_slots_cover(&((ChunkStock *) state)->chunk->slots, campaign, day, 1);
}

static bool
stock_budget_covers(void *state, const SSCampaign *campaign, int128 cost)
{
	return ss_slots_cover(&((ChunkStock *) state)->chunk->slots, campaign, SS_BUDGET_DAY, cost);
}

/* Takes one redemption from the limits and its cost from the budget. */
static void
stock_take(void *state, const SSCampaign *campaign, const SSPurchase *purchase, const SSAward *award)
{
	ChunkStock *stock = state;

	if (campaign->per_user_limit > 0)
		(void) ss_chunk_redemptions(stock->chunk, stock->account, campaign->no, 1);
	if (campaign->daily_limit > 0)
		ss_slots_take(&stock->chunk->slots, campaign, purchase->day, 1);
	if (campaign->has_budget)
		ss_slots_take(&stock->chunk->slots, campaign, SS_BUDGET_DAY, award->cost);
}

/* Chooses among the purchase's open campaigns; the awards and the rest of the decision record outlive the rules. */
static void
choose_awards(SSChunk *chunk, int position)
{
	SSPurchase *purchase = &chunk->purchases[position];
	const SSOpen *open = &chunk->open[position];
	ChunkStock state = {chunk, chunk->buyers[position]};
	SSStock stock = {&state, stock_redemptions, stock_day_covers, stock_budget_covers, stock_take};
	SSContender *contenders = palloc(Max(open->count, 1) * sizeof(SSContender));

	for (int i = 0; i < open->count; i++)
	{
		contenders[i].campaign = &chunk->rules->campaigns[open->items[i]];
		contenders[i].gift = ss_match_gift(chunk->rules, contenders[i].campaign, purchase, purchase->points_base);
	}
	purchase->awards = palloc(Max(open->count, 1) * sizeof(SSAward));
	ss_choose(contenders, open->count, purchase, &stock);
	for (int i = 0; i < open->count; i++)
		ss_decision_add(&purchase->decision, contenders[i].campaign->no, contenders[i].campaign->version,
						contenders[i].reason);
	for (int i = 0; i < purchase->nawards; i++)
		purchase->awards[i].campaign_id = pstrdup(purchase->awards[i].campaign_id);
	pfree(contenders);
}

/* The first completed purchase of a user whom another one brought. */
static void
pay_referral(SSChunk *chunk, SSPurchase *purchase, SSAccount *account)
{
	SSAccount *referrer = ss_chunk_find_account(chunk, &account->referrer);

	purchase->referrer = account->referrer;
	purchase->referral_points =
		ss_referral_pay(chunk->rules, account, referrer, purchase->recorded_at, &purchase->referrer_paid);
}

/* Moves what the purchase earned into the user's account, in memory. */
static void
credit(SSChunk *chunk, SSPurchase *purchase, SSAccount *account)
{
	int64 points = ss_add(purchase->points_base, purchase->points_bonus, "points");

	account->changed = true;
	account->transactions++;
	if (purchase->status == SS_PENDING)
		account->pending = ss_add(account->pending, points, "pending points");
	if (purchase->status != SS_COMPLETED)
		return;
	if (strcmp(purchase->currency, account->spent_currency) == 0)
		account->spent = ss_add(account->spent, purchase->amount, "spent amount");
	ss_earn_points(chunk->rules, account, points, purchase->occurred_at, purchase->recorded_at);
	if (account->has_referrer)
		pay_referral(chunk, purchase, account);
}

/* Step 4 for one purchase; false when it must be prepared again, with nothing changed. */
static bool
process(SSChunk *chunk, int position, TimestampTz now)
{
	SSPurchase *purchase = &chunk->purchases[position];
	SSAccount *account = chunk->buyers[position];

	if (!account->active)
		ss_bad_state("user is not active", "Purchases of user \"%s\" are not recorded.", ss_uuid_text(&account->id));
	check_spending(chunk, purchase, account);
	purchase->recorded_at = now;
	if (ss_status_earns(purchase->status))
	{
		SSBuyer *buyer = ss_chunk_known(chunk, account);

		buyer->tier_milli = ss_tier_held(chunk->rules, account, now)->multiplier_milli;
		purchase->base_rate = ss_match_rate(chunk->rules, purchase, buyer);
		purchase->points_base = ss_match_base(chunk->rules, purchase);
		choose_awards(chunk, position);
		if (!ss_slots_settle(&chunk->slots))
			return false;
	}
	credit(chunk, purchase, account);
	purchase->balance = account->available;
	purchase->tier = pstrdup(ss_tier_held(chunk->rules, account, now)->name);
	purchase->present_status = purchase->status;
	return true;
}

/* The key of the chunk that the server's own words say is used twice; NULL when it does not say. */
static const char *
key_named_in(const SSChunk *chunk, const char *detail)
{
	for (int i = 0; i < chunk->count && detail != NULL; i++)
	{
		const SSPurchase *purchase = &chunk->purchases[i];

		if (purchase->idempotency_key != NULL &&
			strstr(detail, psprintf("=(%s, %s)", ss_uuid_text(&purchase->user_id), purchase->idempotency_key)) != NULL)
			return purchase->idempotency_key;
	}
	return NULL;
}

/*
 * Steps 3 to 5 for purchases none of which is a repeat. A single one tries to do
 * without locks on slots first, and is prepared again if it cannot; only
 * process() of a first purchase can fail, so nothing has happened then.
 */
static void
award_new(SSChunk *chunk)
{
	TimestampTz now;
	int done;
	bool in_turn = begin_turn(chunk);

	check_given_ids(chunk);
	chunk->open = palloc0(chunk->count * sizeof(SSOpen));
	/* slots that the statement has taken from but not written must not be read */
	chunk->slots.locked =
		chunk->direct == NULL || chunk->count > 1 || (chunk->statement != NULL && chunk->statement->nshares > 0);
	do
	{
		prepare(chunk);
		now = GetCurrentTimestamp();
		for (done = 0; done < chunk->count; done++)
		{
			if (!process(chunk, done, now))
				break;
		}
	} while (done < chunk->count);
	ss_slots_write(&chunk->slots);
	ss_write_chunk(chunk);
	check_rivals(chunk);
	if (in_turn)
		ss_rivals_end_turn(&chunk->purchases[0].transaction_id);
	if (chunk->statement != NULL)
		ss_statement_keep_accounts(chunk->statement, chunk);
}

/* Processes those that are no repeats side by side; then they go back to their places. */
static void
award_rest(SSChunk *chunk)
{
	SSPurchase *all = chunk->purchases;
	SSAccount **buyers = chunk->buyers;
	int *places = palloc(chunk->count * sizeof(int));
	int fresh = 0;

	chunk->purchases = palloc(chunk->count * sizeof(SSPurchase));
	chunk->buyers = palloc(chunk->count * sizeof(SSAccount *));
	for (int i = 0; i < chunk->count; i++)
	{
		if (all[i].replayed)
			continue;
		places[fresh] = i;
		chunk->buyers[fresh] = buyers[i];
		chunk->purchases[fresh++] = all[i];
	}
	chunk->count = fresh;
	if (fresh > 0)
		award_new(chunk);
	for (int i = 0; i < fresh; i++)
		all[places[i]] = chunk->purchases[i];
}

/* All steps. What is written without the executor is only sure to be in the indexes at the end. */
static void
award(SSChunk *chunk)
{
	ss_chunk_lock_accounts(chunk);
	if (chunk->by_call && ss_replay_find(chunk) > 0)
		award_rest(chunk);
	else
		award_new(chunk);
	if (chunk->direct != NULL)
		ss_direct_end(chunk->direct);
	ss_deltas_of_purchases(chunk->purchases, chunk->count, chunk->statement);
}

/*
 * The same in bulk, where it is the index that finds a key that was used before: to look for each one first would
 * cost every load. Its words are made ours.
 */
static void
award_bulk(SSChunk *chunk)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		award(chunk);
	}
	PG_CATCH();
	{
		ErrorData *error;
		const char *key;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		key = error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION ? key_named_in(chunk, error->detail) : NULL;
		if (key == NULL)
			PG_RE_THROW();
		FlushErrorState();
		ss_duplicate("idempotency_key is already used", "The key is \"%s\".", key);
	}
	PG_END_TRY();
}

void
ss_engine_award(SSPurchase *purchases, int count, bool by_call, SSStatement *statement)
{
	SSChunk chunk = {.by_call = by_call, .count = count, .purchases = purchases};
	int settings;

	if (count == 0)
		return;
	PreventCommandIfReadOnly("INSERT");
	PreventCommandIfParallelMode("INSERT");
	settings = NewGUCNestLevel();
	chunk.direct = ss_direct_begin(); /* locks the tables that are written */
	if (chunk.direct == NULL)
		ss_account_lock_out_changes();
	/* plans are kept from when the tables were small: what a load fills must not be read as a whole for each chunk */
	if (chunk.direct == NULL || count > 1)
		ss_query_avoid_scans();
	/* where there can be triggers, nothing may be left unwritten while they run */
	if (chunk.direct == NULL && statement != NULL)
		ss_statement_write(statement);
	chunk.statement = chunk.direct == NULL ? NULL : statement;
	chunk.slots.direct = chunk.direct;
	chunk.slots.statement = chunk.statement;
	if (by_call)
		award(&chunk);
	else
		award_bulk(&chunk);
	AtEOXact_GUC(true, settings);
}
