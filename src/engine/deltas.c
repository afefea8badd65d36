/*
 * deltas.c: deltas of figures, packed and written (deltas.h).
 *
 * Called by the engine when a chunk of purchases is written, by those who
 * change a purchase later (fact_changes.c) and by track_event.c. Rows are
 * appended, so nobody waits for anybody.
 *
 * Every purchase pays for its deltas, so a row is as cheap as a row can be: one
 * column, which holds all deltas of a call, and of a bulk load those of as many
 * purchases as fit. A record is how many bytes it has besides this one, so that who
 * looks for a campaign passes over others, the campaign, the slot in quarters of an
 * hour, which measures follow (bits), the currency, the merchant and the category
 * where there are any, and the measures that are not 0; integers by groups of 7 bits,
 * signed ones zigzag. Like rows of the audit log they go past the executor as long as
 * the table is as the extension made it (survey.h).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "port/pg_bitutils.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/money.h"
#include "base/query.h"
#include "direct/survey.h"
#include "engine/deltas.h"

#define SLOT_USECS (15 * USECS_PER_MINUTE)

#define VARINT_MAX	10												/* bytes */
#define RECORD_MAX	(VARINT_MAX * (SS_MEASURES + 4) + UUID_LEN + 3) /* after the byte that says how long it is */
#define ROW_MAX		1800											/* some rows fit into a page */
#define CODE_LENGTH 3												/* of a currency */

#define ALL_MEASURES ((1u << SS_MEASURES) - 1)
#define HAS_MERCHANT (1u << SS_MEASURES)
#define HAS_CATEGORY (2u << SS_MEASURES)

StaticAssertDecl(RECORD_MAX <= 0xff, "a record is longer than a byte can say");

/* For a table that is not the plain one. */
SS_QUERY(insert_row, "INSERT INTO swipesavvy.rollup_deltas (records) VALUES ($1)", BYTEAOID);

typedef struct Packer
{
	SSStatement *statement; /* to be written before anything else may run; or NULL */
	char *at;
	char row[VARHDRSZ + ROW_MAX + 1 + RECORD_MAX];
} Packer;

TimestampTz
ss_delta_slot(TimestampTz moment)
{
	int64 rest = moment % SLOT_USECS;

	return moment - rest - (rest < 0 ? SLOT_USECS : 0);
}

void
ss_delta_init(SSDelta *delta, TimestampTz occurred_at, const char *currency)
{
	memset(delta, 0, sizeof(*delta));
	delta->key.slot = ss_delta_slot(occurred_at);
	strlcpy(delta->key.currency, currency, sizeof(delta->key.currency));
}

/* --- packing ------------------------------------------------------------------------------- */

static char *
put_varint(char *at, uint64 value)
{
	while (value >= 0x80)
	{
		*at++ = (char) (value | 0x80);
		value >>= 7;
	}
	*at++ = (char) value;
	return at;
}

static char *
put_signed(char *at, int64 value)
{
	return put_varint(at, ((uint64) value << 1) ^ (uint64) (value >> 63));
}

static char *
pack(char *record, const SSDelta *delta)
{
	const SSDeltaKey *key = &delta->key;
	uint32 bits = (key->has_merchant ? HAS_MERCHANT : 0) | (key->category_no != 0 ? HAS_CATEGORY : 0);
	char *at = record + 1;

	for (int i = 0; i < SS_MEASURES; i++)
		bits |= (uint32) (delta->measures[i] != 0) << i;
	at = put_varint(at, (uint32) key->campaign_no);
	at = put_signed(at, key->slot / SLOT_USECS);
	at = put_varint(at, bits);
	memcpy(at, key->currency, CODE_LENGTH);
	at += CODE_LENGTH;
	if (key->has_merchant)
	{
		memcpy(at, key->merchant_id.data, UUID_LEN);
		at += UUID_LEN;
	}
	if (key->category_no != 0)
		at = put_varint(at, (uint16) key->category_no);
	for (int i = 0; i < SS_MEASURES; i++)
	{
		if (delta->measures[i] != 0)
			at = put_signed(at, delta->measures[i]);
	}
	*record = (char) (at - record - 1);
	return at;
}

static inline uint64
get_varint(const unsigned char **at, const unsigned char *end)
{
	uint64 value = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		unsigned char byte;

		if (*at >= end)
			elog(ERROR, "a row of rollup_deltas ends within a record");
		byte = *(*at)++;
		value |= (uint64) (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	elog(ERROR, "a row of rollup_deltas holds no record");
}

static int64
get_signed(const unsigned char **at, const unsigned char *end)
{
	uint64 value = get_varint(at, end);

	return (int64) (value >> 1) ^ -(int64) (value & 1);
}

static void
get_bytes(const unsigned char **at, const unsigned char *end, void *bytes, int count)
{
	if (end - *at < count)
		elog(ERROR, "a row of rollup_deltas ends within a record");
	memcpy(bytes, *at, count);
	*at += count;
}

/* The record there begins with how many bytes follow: returns where they end. */
static const unsigned char *
record_end(const unsigned char **at, const unsigned char *end)
{
	unsigned char length = *(*at)++;

	if (end - *at < length)
		elog(ERROR, "a row of rollup_deltas ends within a record");
	return *at + length;
}

/* From the campaign on to the end of the record. */
static void
unpack(const unsigned char *at, const unsigned char *end, SSDelta *delta)
{
	uint32 bits;

	memset(delta, 0, sizeof(*delta));
	delta->key.campaign_no = (int32) get_varint(&at, end);
	delta->key.slot = get_signed(&at, end) * SLOT_USECS;
	bits = (uint32) get_varint(&at, end);
	get_bytes(&at, end, delta->key.currency, CODE_LENGTH);
	delta->key.has_merchant = (bits & HAS_MERCHANT) != 0;
	if (delta->key.has_merchant)
		get_bytes(&at, end, delta->key.merchant_id.data, UUID_LEN);
	if ((bits & HAS_CATEGORY) != 0)
		delta->key.category_no = (int16) get_varint(&at, end);
	for (uint32 left = bits & ALL_MEASURES; left != 0; left &= left - 1)
		delta->measures[pg_rightmost_one_pos32(left)] = get_signed(&at, end);
	if (at != end)
		elog(ERROR, "a record of rollup_deltas is longer than it should be");
}

const unsigned char *
ss_delta_unpack(const unsigned char *at, const unsigned char *end, SSDelta *delta)
{
	const unsigned char *next = record_end(&at, end);

	unpack(at, next, delta);
	return next;
}

bool
ss_delta_find(const unsigned char **at, const unsigned char *end, int32 campaign_no, SSDelta *delta)
{
	while (*at < end)
	{
		const unsigned char *next = record_end(at, end);
		const unsigned char *start = *at;
		int32 found = (int32) get_varint(at, next);

		*at = next;
		if (campaign_no == SS_ANY_CAMPAIGN ? found != 0 : found == campaign_no)
		{
			unpack(start, next, delta);
			return true;
		}
	}
	return false;
}

/* Writes the row, and begins the next one. */
static void
flush(Packer *packer)
{
	const uint32 deltas = SS_ONE_TABLE(SS_DELTAS);
	Datum value = PointerGetDatum(packer->row);
	bool isnull = false;
	Relation table;
	HeapTuple row;

	SET_VARSIZE(packer->row, packer->at - packer->row);
	packer->at = packer->row + VARHDRSZ;
	if (VARSIZE(packer->row) == VARHDRSZ)
		return;
	if (!ss_survey_lock(deltas, deltas, RowExclusiveLock))
	{
		if (packer->statement != NULL)
			ss_statement_write(packer->statement);
		(void) ss_query_latest(&insert_row, &value, NULL);
		return;
	}
	table = table_open(ss_survey.tables[SS_DELTAS].relid, NoLock);
	row = heap_form_tuple(RelationGetDescr(table), &value, &isnull);
	simple_heap_insert(table, row);
	heap_freetuple(row);
	table_close(table, NoLock);
}

static void
add(Packer *packer, const SSDelta *delta)
{
	packer->at = pack(packer->at, delta);
	if (packer->at - packer->row > VARHDRSZ + ROW_MAX)
		flush(packer);
}

void
ss_deltas_write(const SSDelta *deltas, int count)
{
	Packer packer = {.at = packer.row + VARHDRSZ};

	if (count == 0 || !ss_survey_has_deltas())
		return;
	for (int i = 0; i < count; i++)
		add(&packer, &deltas[i]);
	flush(&packer);
}

/* --- of purchases ------------------------------------------------------------------------------ */

static void
add_purchase(Packer *packer, const SSPurchase *purchase)
{
	SSDelta delta;
	bool pending = purchase->status == SS_PENDING;

	ss_delta_init(&delta, purchase->occurred_at, purchase->currency);
	delta.key.category_no = purchase->category_no;
	delta.key.has_merchant = purchase->has_merchant;
	delta.key.merchant_id = purchase->merchant_id;
	delta.measures[pending ? SS_PURCHASES_PENDING : SS_PURCHASES_COMPLETED] = 1;
	if (!pending)
	{
		delta.measures[SS_AMOUNT] = purchase->amount;
		delta.measures[SS_POINTS_EARNED] = ss_add(purchase->points_base, purchase->points_bonus, "points");
	}
	add(packer, &delta);
	ss_delta_init(&delta, purchase->occurred_at, purchase->currency);
	delta.measures[SS_PURCHASE_CONVERSIONS] = 1;
	delta.measures[SS_PENDING_CONVERSIONS] = pending ? 1 : 0;
	delta.measures[SS_REVENUE] = purchase->amount;
	for (int i = 0; i < purchase->nawards; i++)
	{
		const SSAward *award = &purchase->awards[i];

		delta.key.campaign_no = award->campaign_no;
		delta.measures[SS_REVENUE_PRIMARY] = i == 0 ? purchase->amount : 0;
		delta.measures[SS_COST] = award->cost;
		delta.measures[SS_DISCOUNT] = award->discount;
		delta.measures[SS_BONUS_POINTS] = award->points;
		add(packer, &delta);
	}
}

void
ss_deltas_of_purchases(const SSPurchase *purchases, int count, SSStatement *statement)
{
	Packer packer;

	if (!ss_survey_has_deltas())
		return;
	packer.statement = statement;
	packer.at = packer.row + VARHDRSZ;
	for (int i = 0; i < count; i++)
	{
		if (ss_status_earns(purchases[i].status))
			add_purchase(&packer, &purchases[i]);
	}
	flush(&packer);
}
