/*
 * simulation.c: replays stored purchases past a campaign that does not exist
 * (simulation.h).
 *
 * Called by simulate_campaign and launch_campaign. Matching and choosing are
 * the engine's own code (match.c, choose.c); here are only the counts that it
 * goes by, in memory and from zero.
 *
 * First the purchases are read in no order (stored_purchases.h), and those that the
 * proposed campaign matches, or all of them if there are other campaigns, go
 * into a tuplesort. Then they are played in order, in up to three scenes: the
 * proposed campaign alone, the others without it, and all together. Memory is
 * work_mem for the sort, some 60 bytes for each user concerned, and what the
 * limits of campaigns have to count.
 *
 * No locks. Interrupts are served for every purchase.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "base/array.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid.h"
#include "campaigns/simulation.h"
#include "engine/choose.h"
#include "engine/chunk.h"
#include "engine/match.h"
#include "engine/stored_purchases.h"

#define FETCH_MEMBERS 10000

/* Users get numbers, in the order in which they are met. */
typedef struct NumberEntry
{
	pg_uuid_t id; /* key */
	int32 number;
	char status;
} NumberEntry;

#define SH_PREFIX				numbers
#define SH_ELEMENT_TYPE			NumberEntry
#define SH_KEY_TYPE				pg_uuid_t
#define SH_KEY					id
#define SH_HASH_KEY(table, key) hash_bytes((key).data, sizeof(pg_uuid_t))
#define SH_EQUAL(table, a, b)	(ss_uuid_equal(&(a), &(b)))
#define SH_SCOPE				static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

/* What a user had of the proposed campaign. Days repeat in one hour a year at most, so two are enough to know them. */
typedef struct Seen
{
	int32 redemptions;
	DateADT last_day;
	DateADT day_before; /* the one before that, in the order of the replay */
} Seen;

/* How often one of the others was redeemed by a user, or on a day. */
typedef struct CountKey
{
	int32 campaign; /* position */
	int32 what;		/* number of the user, or the day */
} CountKey;

typedef struct CountEntry
{
	CountKey key;
	int64 count;
} CountEntry;

/* One of the worlds in which the purchases are replayed. */
typedef struct Scene
{
	const SSCampaign *proposed; /* NULL: it takes no part */
	const SSCampaign *first;	/* of the others */
	SSFigures *others;			/* by position; NULL: they take no part */
	struct HTAB *by_user;		/* CountEntry */
	struct HTAB *by_day;
	SSOutcome *outcome;	 /* of the proposed campaign */
	Seen *seen;			 /* by number of the user */
	struct HTAB *days;	 /* SSDayFigures */
	SSDayFigures *today; /* the last one asked for */
	int32 user;			 /* whose purchase is being played */
} Scene;

/* Columns of a purchase in the sort; ss_purchase_sort knows the first two. */
enum
{
	ROW_OCCURRED_AT = SS_SORT_OCCURRED_AT,
	ROW_TRANSACTION_ID = SS_SORT_TRANSACTION_ID,
	ROW_USER,	 /* its number */
	ROW_MATCHES, /* the proposed campaign does */
	ROW_AMOUNT,
	ROW_BASE,
	ROW_SHIPPING,
	ROW_USER_ID, /* this and the rest only if there are others, to match them */
	ROW_MERCHANT_ID,
	ROW_CATEGORY_NO,
	ROW_CURRENCY, /* three letters in an integer */
	ROW_COLUMNS
};

static const Oid row_types[ROW_COLUMNS] = {TIMESTAMPTZOID, UUIDOID, INT4OID, BOOLOID, INT8OID, INT8OID,
										   INT8OID,		   UUIDOID, UUIDOID, INT2OID, INT4OID};

typedef struct Replay
{
	const SSRules *rules;
	const SSCampaign *proposed;
	const SSRules *others; /* NULL: there are none */
	SSSimulation *result;
	numbers_hash *numbers;
	int32 naccounts;
	int32 nbuyers; /* members of segments that matter have the first numbers */
	SSBuyer *buyers;
	TupleDesc desc;
	Tuplesortstate *sort;
	SSContender *contenders; /* room for all */
	SSAward *awards;
	int nscenes;
	Scene scenes[3];
} Replay;

static const SSBuyer nobody; /* in no segment */

SS_QUERY(members_query,
		 "SELECT m.user_id, m.segment_no FROM swipesavvy.segment_members m WHERE m.segment_no = ANY ($1)",
		 INT4ARRAYOID);

/* --- users ------------------------------------------------------------------------------ */

static int32
number_of(Replay *replay, const pg_uuid_t *user_id)
{
	bool found;
	NumberEntry *entry = numbers_insert(replay->numbers, *user_id, &found);

	if (!found)
		entry->number = replay->naccounts++;
	return entry->number;
}

/* What matching must know of a user: its segments, as they are now. */
static const SSBuyer *
buyer_of(const Replay *replay, const pg_uuid_t *user_id)
{
	const NumberEntry *entry;

	if (replay->nbuyers == 0)
		return &nobody;
	entry = numbers_lookup(replay->numbers, *user_id);
	return entry != NULL && entry->number < replay->nbuyers ? &replay->buyers[entry->number] : &nobody;
}

/* The segments that campaigns and their tests are aimed at; one may be there several times. */
static Datum
segments_that_matter(const Replay *replay)
{
	int others = replay->others == NULL ? 0 : replay->others->ncampaigns;
	Datum *numbers = palloc(2 * (others + 1) * sizeof(Datum));
	int n = 0;

	for (int i = -1; i < others; i++)
	{
		const SSCampaign *campaign = i < 0 ? replay->proposed : &replay->others->campaigns[i];

		if (campaign->segment_no != 0)
			numbers[n++] = Int32GetDatum(campaign->segment_no);
		if (campaign->ab_test != NULL && campaign->ab_test->segment_no != 0)
			numbers[n++] = Int32GetDatum(campaign->ab_test->segment_no);
	}
	if (n == 0)
		return (Datum) 0;
	return PointerGetDatum(construct_array(numbers, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
load_members(Replay *replay)
{
	Datum segments = segments_that_matter(replay);
	Portal cursor;
	SSRows rows;

	if (segments == (Datum) 0)
		return;
	cursor = ss_query_open(&members_query, &segments, NULL);
	while ((rows = ss_rows_fetch(cursor, FETCH_MEMBERS)).count > 0)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint64 i = 0; i < rows.count; i++)
		{
			SSRow row = ss_row(rows, i);
			int32 number = number_of(replay, ss_next_uuid(&row));

			if (number == replay->nbuyers)
			{
				replay->buyers = ss_array_grow(replay->buyers, replay->nbuyers, sizeof(SSBuyer));
				replay->buyers[replay->nbuyers++] = nobody;
			}
			ss_chunk_add_segment(&replay->buyers[number], ss_next_int32(&row));
		}
		ss_rows_free(&rows);
	}
}

/* --- reading ------------------------------------------------------------------------------ */

static bool
offers_shipping(const Replay *replay)
{
	bool any = replay->proposed->offer == SS_OFFER_FREE_SHIPPING;

	for (int i = 0; replay->others != NULL && i < replay->others->ncampaigns; i++)
		any |= replay->others->campaigns[i].offer == SS_OFFER_FREE_SHIPPING;
	return any;
}

static int32
currency_as_int(const char *currency)
{
	return currency[0] << 16 | currency[1] << 8 | currency[2];
}

static void
put_purchase(Replay *replay, TupleTableSlot *slot, const SSPurchase *purchase, bool matches)
{
	Datum *values = slot->tts_values;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, ROW_COLUMNS * sizeof(bool));
	values[ROW_OCCURRED_AT] = TimestampTzGetDatum(purchase->occurred_at);
	values[ROW_TRANSACTION_ID] = UUIDPGetDatum(&purchase->transaction_id);
	values[ROW_USER] = Int32GetDatum(number_of(replay, &purchase->user_id));
	values[ROW_MATCHES] = BoolGetDatum(matches);
	values[ROW_AMOUNT] = Int64GetDatum(purchase->amount);
	values[ROW_BASE] = Int64GetDatum(purchase->points_base);
	values[ROW_SHIPPING] = Int64GetDatum(purchase->shipping);
	slot->tts_isnull[ROW_SHIPPING] = !purchase->has_shipping;
	values[ROW_USER_ID] = UUIDPGetDatum(&purchase->user_id);
	values[ROW_MERCHANT_ID] = UUIDPGetDatum(&purchase->merchant_id);
	values[ROW_CATEGORY_NO] = Int16GetDatum(purchase->category_no);
	values[ROW_CURRENCY] = Int32GetDatum(currency_as_int(purchase->currency));
	for (int i = ROW_USER_ID; i < ROW_COLUMNS; i++)
		slot->tts_isnull[i] = replay->others == NULL;
	slot->tts_isnull[ROW_MERCHANT_ID] |= !purchase->has_merchant;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(replay->sort, slot);
}

/* Reads the purchases, and keeps those that may concern a campaign. */
static void
read_purchases(Replay *replay, TimestampTz from, TimestampTz until)
{
	SSPast *past = ss_stored_purchases_begin(replay->rules, from, until, offers_shipping(replay));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy match", ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot;
	SSPurchase purchase = {0};

	replay->desc = CreateTemplateTupleDesc(ROW_COLUMNS);
	for (int i = 0; i < ROW_COLUMNS; i++)
		TupleDescInitEntry(replay->desc, (AttrNumber) (i + 1), NULL, row_types[i], -1, 0);
	slot = MakeSingleTupleTableSlot(replay->desc, &TTSOpsVirtual);
	replay->sort = ss_purchase_sort(replay->desc);
	while (ss_stored_purchases_next(past, &purchase))
	{
		MemoryContext caller = MemoryContextSwitchTo(context);
		SSReason reason = ss_match_campaign(replay->proposed, &purchase, buyer_of(replay, &purchase.user_id));

		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		replay->result->purchases++;
		if (reason != SS_APPLIED)
			replay->result->alone.reasons[reason]++;
		if (reason == SS_APPLIED || replay->others != NULL)
			put_purchase(replay, slot, &purchase, reason == SS_APPLIED);
	}
	ss_stored_purchases_end(past);
	MemoryContextDelete(context);
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_performsort(replay->sort);
}

/* --- the stock of choose.h ------------------------------------------------------------------ */

static int64 *
count_of(struct HTAB *table, int32 campaign, int32 what)
{
	CountKey key = {campaign, what};
	bool found;
	CountEntry *entry = hash_search(table, &key, HASH_ENTER, &found);

	if (!found)
		entry->count = 0;
	return &entry->count;
}

static SSFigures *
figures_of_day(Scene *scene, DateADT day)
{
	bool found;

	if (scene->today != NULL && scene->today->day == day)
		return &scene->today->figures;
	scene->today = hash_search(scene->days, &day, HASH_ENTER, &found);
	if (!found)
		memset(&scene->today->figures, 0, sizeof(SSFigures));
	return &scene->today->figures;
}

static int32
position_of(const Scene *scene, const SSCampaign *campaign)
{
	return (int32) (campaign - scene->first);
}

static int64
stock_redemptions(void *state, const SSCampaign *campaign)
{
	Scene *scene = state;

	if (campaign == scene->proposed)
		return scene->seen[scene->user].redemptions;
	return *count_of(scene->by_user, position_of(scene, campaign), scene->user);
}

static bool
stock_day_covers(void *state, const SSCampaign *campaign, DateADT day)
{
	Scene *scene = state;

	if (campaign == scene->proposed)
		return figures_of_day(scene, day)->redemptions < campaign->daily_limit;
	return *count_of(scene->by_day, position_of(scene, campaign), day) < campaign->daily_limit;
}

static bool
stock_budget_covers(void *state, const SSCampaign *campaign, int128 cost)
{
	Scene *scene = state;
	const SSFigures *figures =
		campaign == scene->proposed ? &scene->outcome->total : &scene->others[position_of(scene, campaign)];

	return cost <= (int128) campaign->budget - figures->cost;
}

static void
add_award(SSFigures *figures, const SSAward *award)
{
	figures->redemptions++;
	figures->discount = ss_add(figures->discount, award->discount, "discount");
	figures->points = ss_add(figures->points, award->points, "points");
	figures->cost = ss_add(figures->cost, award->cost, "cost");
}

/* The proposed campaign is redeemed. */
static void
redeem(Scene *scene, const SSPurchase *purchase, const SSAward *award)
{
	Seen *seen = &scene->seen[scene->user];
	SSFigures *day = figures_of_day(scene, purchase->day);

	add_award(&scene->outcome->total, award);
	add_award(day, award);
	if (seen->redemptions == 0)
		scene->outcome->total.users++;
	if (seen->redemptions == 0 || (seen->last_day != purchase->day && seen->day_before != purchase->day))
		day->users++;
	if (seen->redemptions == 0)
		seen->day_before = purchase->day;
	else if (seen->last_day != purchase->day)
		seen->day_before = seen->last_day;
	seen->last_day = purchase->day;
	seen->redemptions++;
}

static void
stock_take(void *state, const SSCampaign *campaign, const SSPurchase *purchase, const SSAward *award)
{
	Scene *scene = state;

	if (campaign == scene->proposed)
	{
		redeem(scene, purchase, award);
		return;
	}
	add_award(&scene->others[position_of(scene, campaign)], award);
	if (campaign->per_user_limit > 0)
		(*count_of(scene->by_user, position_of(scene, campaign), scene->user))++;
	if (campaign->daily_limit > 0)
		(*count_of(scene->by_day, position_of(scene, campaign), purchase->day))++;
}

/* --- playing --------------------------------------------------------------------------------- */

static struct HTAB *
make_table(const char *name, Size keysize, Size entrysize)
{
	HASHCTL control = {.keysize = keysize, .entrysize = entrysize, .hcxt = CurrentMemoryContext};

	return hash_create(name, 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
add_scene(Replay *replay, const SSCampaign *proposed, SSOutcome *outcome, SSFigures *others)
{
	Scene *scene = &replay->scenes[replay->nscenes++];

	scene->proposed = proposed;
	scene->outcome = outcome;
	if (proposed != NULL)
	{
		scene->seen = MemoryContextAllocExtended(CurrentMemoryContext, Max(replay->naccounts, 1) * sizeof(Seen),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		scene->days = make_table("swipesavvy simulated days", sizeof(DateADT), sizeof(SSDayFigures));
	}
	scene->others = others;
	if (others != NULL)
	{
		scene->first = replay->others->campaigns;
		scene->by_user = make_table("swipesavvy simulated users", sizeof(CountKey), sizeof(CountEntry));
		scene->by_day = make_table("swipesavvy simulated limits", sizeof(CountKey), sizeof(CountEntry));
	}
}

static void
set_stage(Replay *replay)
{
	SSSimulation *result = replay->result;
	int others = replay->others == NULL ? 0 : replay->others->ncampaigns;

	replay->contenders = palloc((others + 1) * sizeof(SSContender));
	replay->awards = palloc((others + 1) * sizeof(SSAward));
	memcpy(result->together.reasons, result->alone.reasons, sizeof(result->alone.reasons));
	result->alone.short_on = result->together.short_on = DATEVAL_NOEND;
	add_scene(replay, replay->proposed, &result->alone, NULL);
	if (others == 0)
		return;
	result->without = palloc0(others * sizeof(SSFigures));
	result->with = palloc0(others * sizeof(SSFigures));
	add_scene(replay, NULL, NULL, result->without);
	add_scene(replay, replay->proposed, &result->together, result->with);
}

/* A purchase comes in, and is awarded what the scene has for it. */
static void
play(Replay *replay, Scene *scene, SSPurchase *purchase, int32 user, bool matches, const SSOpen *open)
{
	SSStock stock = {scene, stock_redemptions, stock_day_covers, stock_budget_covers, stock_take};
	SSContender *contenders = replay->contenders;
	int n = 0;

	if (matches && scene->proposed != NULL)
		contenders[n++].campaign = scene->proposed;
	for (int i = 0; i < open->count && scene->others != NULL; i++)
		contenders[n++].campaign = &replay->others->campaigns[open->items[i]];
	for (int i = 0; i < n; i++)
		contenders[i].gift = ss_match_gift(replay->rules, contenders[i].campaign, purchase, purchase->points_base);
	purchase->awards = replay->awards;
	purchase->nawards = 0;
	purchase->points_bonus = purchase->discount = 0;
	scene->user = user;
	ss_choose(contenders, n, purchase, &stock);
	for (int i = 0; i < n && scene->proposed != NULL; i++)
	{
		if (contenders[i].campaign != scene->proposed)
			continue;
		scene->outcome->reasons[contenders[i].reason]++;
		if (contenders[i].reason == SS_NOT_BUDGET && scene->outcome->short_on == DATEVAL_NOEND)
			scene->outcome->short_on = purchase->day;
	}
}

/* A purchase from the sort: what giving looks at, */
static void
take_purchase(const TupleTableSlot *slot, SSPurchase *purchase)
{
	const Datum *values = slot->tts_values;

	purchase->occurred_at = DatumGetTimestampTz(values[ROW_OCCURRED_AT]);
	purchase->amount = DatumGetInt64(values[ROW_AMOUNT]);
	purchase->points_base = DatumGetInt64(values[ROW_BASE]);
	purchase->has_shipping = !slot->tts_isnull[ROW_SHIPPING];
	purchase->shipping = purchase->has_shipping ? DatumGetInt64(values[ROW_SHIPPING]) : 0;
}

/* and what matching looks at. */
static void
take_attributes(const TupleTableSlot *slot, SSPurchase *purchase)
{
	const Datum *values = slot->tts_values;
	int32 currency = DatumGetInt32(values[ROW_CURRENCY]);

	purchase->user_id = *DatumGetUUIDP(values[ROW_USER_ID]);
	for (int i = 0; i < 3; i++)
		purchase->currency[i] = (char) (currency >> (16 - 8 * i) & 0x7f);
	purchase->has_merchant = !slot->tts_isnull[ROW_MERCHANT_ID];
	if (purchase->has_merchant)
		purchase->merchant_id = *DatumGetUUIDP(values[ROW_MERCHANT_ID]);
	purchase->category_no = DatumGetInt16(values[ROW_CATEGORY_NO]);
	memset(&purchase->decision, 0, sizeof(purchase->decision));
}

static void
play_purchases(Replay *replay)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(replay->desc, &TTSOpsMinimalTuple);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy purchase", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	SSPurchase purchase = {0};

	while (tuplesort_gettupleslot(replay->sort, true, false, slot, NULL))
	{
		SSOpen open = {0};
		int32 user;
		bool matches;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		take_purchase(slot, &purchase);
		user = DatumGetInt32(slot->tts_values[ROW_USER]);
		matches = DatumGetBool(slot->tts_values[ROW_MATCHES]);
		purchase.day = ss_rules_day(replay->rules, purchase.occurred_at);
		if (replay->others != NULL)
		{
			MemoryContextReset(context);
			take_attributes(slot, &purchase);
			ss_match_candidates(replay->others, &purchase, user < replay->nbuyers ? &replay->buyers[user] : &nobody,
								&open);
		}
		for (int i = 0; i < replay->nscenes; i++)
			play(replay, &replay->scenes[i], &purchase, user, matches, &open);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	ExecDropSingleTupleTableSlot(slot);
}

/* --- the result ---------------------------------------------------------------------------------- */

static int
compare_days(const void *a, const void *b)
{
	DateADT x = ((const SSDayFigures *) a)->day;
	DateADT y = ((const SSDayFigures *) b)->day;

	return (x > y) - (x < y);
}

/* The days on which the proposed campaign was redeemed, in order. */
static void
collect_days(const Scene *scene)
{
	SSOutcome *outcome = scene->outcome;
	HASH_SEQ_STATUS days;
	const SSDayFigures *entry;

	outcome->days = palloc(Max(hash_get_num_entries(scene->days), 1) * sizeof(SSDayFigures));
	hash_seq_init(&days, scene->days);
	while ((entry = hash_seq_search(&days)) != NULL)
	{
		if (entry->figures.redemptions > 0)
			outcome->days[outcome->ndays++] = *entry;
	}
	qsort(outcome->days, outcome->ndays, sizeof(SSDayFigures), compare_days);
}

void
ss_simulate(const SSRules *rules, const SSCampaign *proposed, const SSRules *others, TimestampTz from,
			TimestampTz until, SSSimulation *result)
{
	Replay replay = {.rules = rules, .proposed = proposed, .result = result};

	memset(result, 0, sizeof(*result));
	if (others != NULL && others->ncampaigns > 0)
		replay.others = others;
	replay.numbers = numbers_create(CurrentMemoryContext, 1024, NULL);
	load_members(&replay);
	read_purchases(&replay, from, until);
	set_stage(&replay);
	play_purchases(&replay);
	tuplesort_end(replay.sort);
	for (int i = 0; i < replay.nscenes; i++)
	{
		if (replay.scenes[i].proposed != NULL)
			collect_days(&replay.scenes[i]);
	}
	if (replay.others == NULL)
		result->together = result->alone;
}
