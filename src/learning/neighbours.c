/*
 * neighbours.c: merchants that are bought at by the same users, and those that
 * are bought at by most (neighbours.h).
 *
 * Called by the training of the model affinity. The purchases of all customers
 * are read in the order of users, from one snapshot; one user's merchants are in
 * memory at a time. Pairs of merchants go through a tuplesort, and so do the
 * similarities of those that have any: both take work_mem, however many they are.
 * What grows is a row for each merchant, of some 100 bytes. No locks.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_operator.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "base/array.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/hash.h"
#include "base/query.h"
#include "base/uuid.h"
#include "learning/exclusions.h"
#include "learning/neighbours.h"

#define USERS_LEAST	 5	/* of a merchant that has neighbours */
#define SHRINKAGE	 10 /* so many users in common count half */
#define MILLION		 1000000
#define ROWS_AT_ONCE 1000
#define CHECK_EVERY	 100000

/* A similarity as one number: merchant, how far from 1, neighbour. */
#define PLACE_BITS	  21
#define DISTANCE_BITS 20
#define PLACES_MAX	  (1 << PLACE_BITS)

SS_QUERY(select_purchases,
		 "SELECT t.user_id, t.merchant_id, t.occurred_at"
		 "  FROM swipesavvy.transactions t JOIN swipesavvy.users u ON u.user_id = t.user_id"
		 " WHERE t.status = 'completed' AND t.refunded_minor < t.amount_minor AND t.merchant_id IS NOT NULL"
		 "   AND t.occurred_at >= $1 AND t.occurred_at < $2 AND u.role = 'customer' AND u.erased_at IS NULL"
		 "   AND NOT EXISTS (SELECT FROM swipesavvy.ml_profiling_refusals p WHERE p.user_id = t.user_id)"
		 " ORDER BY t.user_id",
		 TIMESTAMPTZOID, TIMESTAMPTZOID);

SS_QUERY(
	insert_neighbours,
	"INSERT INTO swipesavvy.ml_neighbours (version, merchant_id, neighbour_id, similarity)"
	" SELECT $4, k.merchant_id, k.neighbour_id, k.similarity * 0.000001 FROM unnest($1, $2, $3) k (merchant_id, neighbour_id, similarity)",
	UUIDARRAYOID, UUIDARRAYOID, INT4ARRAYOID, INT4OID);

/* $4: users who bought anywhere. The category is the merchant's present one. */
SS_QUERY(insert_popular,
		 "INSERT INTO swipesavvy.ml_popularity (version, category_no, merchant_id, users, share)"
		 " SELECT $3, c.category_no, k.merchant_id, k.users, round(k.users::numeric / $4, 6)"
		 "   FROM unnest($1, $2) k (merchant_id, users) JOIN swipesavvy.merchants m ON m.merchant_id = k.merchant_id"
		 "   JOIN swipesavvy.merchant_categories c ON c.category = m.category",
		 UUIDARRAYOID, INT4ARRAYOID, INT4OID, INT8OID);

SS_QUERY(clear_neighbours, "DELETE FROM swipesavvy.ml_neighbours WHERE (version = $1) <> $2", INT4OID, BOOLOID);
SS_QUERY(clear_popular, "DELETE FROM swipesavvy.ml_popularity WHERE (version = $1) <> $2", INT4OID, BOOLOID);

/* The number of a merchant; -1: nothing is learned of it. */
typedef struct Numbered
{
	pg_uuid_t id;
	int32 no;
} Numbered;

typedef struct Merchant
{
	pg_uuid_t id;
	int32 users;   /* who have it among those they were at last */
	int32 buyers;  /* who bought there while it counts for popularity */
	int32 place;   /* in the order of ids, of those with enough users; -1 = it is not one of them */
	int32 visited; /* where it is in the list of the user that is being read */
	int64 reader;  /* which user that is; 0 = none */
} Merchant;

/* A merchant of the user that is being read. */
typedef struct Visited
{
	int32 no;
	bool after;			 /* was the user there from the cut on? */
	TimestampTz last;	 /* before the cut; DT_NOBEGIN = never */
	const pg_uuid_t *id; /* while they are sorted */
} Visited;

typedef struct Making
{
	const SSTraining *training;
	const SSNeighbourTimes *times;
	int32 version;
	MemoryContext context;
	struct HTAB *numbers;
	int nmerchants;
	Merchant *merchants;
	int32 *by_place; /* merchants by their places */
	int64 reader;	 /* users so far */
	int64 users;	 /* of them, who were at a merchant that is not excluded */
	int64 buyers;	 /* of them, who bought anywhere while it counts for popularity */
	int nvisited;
	int room;
	Visited *visited;
	Tuplesortstate *pairs; /* NULL: no neighbours are wanted */
	Tuplesortstate *similar;
	SSTriedUsers *tried;
	uint32 tried_hash;
	int64 steps;
} Making;

/* Looks for interrupts, and whether anybody still wants it, now and then. */
static void
step(Making *making)
{
	if (++making->steps % CHECK_EVERY == 0)
		making->training->check();
}

/* --- users -------------------------------------------------------------------------------------- */

static int32
number_merchant(Making *making, const pg_uuid_t *id)
{
	bool found;
	Numbered *numbered = hash_search(making->numbers, id, HASH_ENTER, &found);

	if (found)
		return numbered->no;
	if (ss_exclusions_have(id))
		return numbered->no = -1;
	making->merchants = ss_array_grow_in(making->context, making->merchants, making->nmerchants, sizeof(Merchant));
	making->merchants[making->nmerchants] = (Merchant){.id = *id, .place = -1};
	return numbered->no = making->nmerchants++;
}

static void
add_visit(Making *making, const pg_uuid_t *merchant_id, TimestampTz at)
{
	int32 no = number_merchant(making, merchant_id);
	Merchant *merchant;
	Visited *visited;

	if (no < 0)
		return;
	merchant = &making->merchants[no];
	if (merchant->reader != making->reader)
	{
		making->visited = ss_array_grow_in(making->context, making->visited, making->nvisited, sizeof(Visited));
		merchant->reader = making->reader;
		merchant->visited = making->nvisited++;
		making->visited[merchant->visited] = (Visited){.no = no, .last = DT_NOBEGIN};
	}
	visited = &making->visited[merchant->visited];
	if (at >= making->times->cut)
		visited->after = true;
	else if (at > visited->last)
		visited->last = at;
}

/* The last visited first, then by id. */
static int
compare_visited(const void *a, const void *b)
{
	const Visited *x = a;
	const Visited *y = b;

	if (x->last != y->last)
		return x->last > y->last ? -1 : 1;
	return ss_uuid_compare(x->id, y->id);
}

static int
compare_tried(const void *a, const void *b)
{
	const SSTriedUser *x = a;
	const SSTriedUser *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return ss_uuid_compare(&x->id, &y->id);
}

static void
keep_tried(SSTriedUsers *tried)
{
	qsort(tried->users, tried->count, sizeof(SSTriedUser), compare_tried);
	tried->count = Min(tried->count, SS_TRIED_MAX);
}

static void
add_tried(Making *making, const pg_uuid_t *user_id)
{
	SSTriedUsers *tried = making->tried;

	if (tried->count == 2 * SS_TRIED_MAX)
		keep_tried(tried);
	tried->users[tried->count++] = (SSTriedUser){ss_hash_v2_uuid(making->tried_hash, user_id), *user_id};
}

/* Counts the user's merchants, which are sorted, and their pairs. */
static void
count_pairs(Making *making, int count)
{
	for (int i = 0; i < count; i++)
	{
		int32 a = making->visited[i].no;

		making->merchants[a].users++;
		for (int j = 0; making->pairs != NULL && j < i; j++)
		{
			int32 b = making->visited[j].no;
			int64 pair = ((int64) Min(a, b) << 32) | Max(a, b);

			tuplesort_putdatum(making->pairs, Int64GetDatum(pair), false);
			step(making);
		}
	}
}

/* The purchases of a user have been read. */
static void
end_user(Making *making, const pg_uuid_t *user_id)
{
	int known = 0;
	bool is_new = false;
	bool buyer = false;

	for (int i = 0; i < making->nvisited; i++)
	{
		Visited *visited = &making->visited[i];

		visited->id = &making->merchants[visited->no].id;
		known += visited->last != DT_NOBEGIN;
		is_new |= visited->after && visited->last == DT_NOBEGIN;
		if (visited->last >= making->times->popular_from)
		{
			making->merchants[visited->no].buyers++;
			buyer = true;
		}
	}
	making->buyers += buyer;
	making->users += known > 0;
	qsort(making->visited, making->nvisited, sizeof(Visited), compare_visited);
	count_pairs(making, Min(known, SS_VISITED_MAX));
	if (making->tried != NULL && known >= SS_MERCHANTS_LEAST && is_new)
		add_tried(making, user_id);
	making->nvisited = 0;
}

static void
read_users(Making *making)
{
	Portal cursor = ss_query_open(
		&select_purchases, (Datum[]){TimestampTzGetDatum(making->times->from), TimestampTzGetDatum(making->times->end)},
		NULL);
	pg_uuid_t user_id = {{0}};
	SSRows rows;

	while ((rows = ss_rows_fetch(cursor, ROWS_AT_ONCE)).count > 0)
	{
		making->training->check();
		for (uint64 i = 0; i < rows.count; i++)
		{
			SSRow row = ss_row(rows, i);
			const pg_uuid_t *buyer = ss_next_uuid(&row);
			const pg_uuid_t *merchant = ss_next_uuid(&row);

			if (making->reader == 0 || !ss_uuid_equal(buyer, &user_id))
			{
				if (making->reader > 0)
					end_user(making, &user_id);
				user_id = *buyer;
				making->reader++;
			}
			add_visit(making, merchant, ss_next_time(&row));
		}
		ss_rows_free(&rows);
	}
	if (making->reader > 0)
		end_user(making, &user_id);
}

/* --- similarities ------------------------------------------------------------------------------- */

/* The order of their ids is that of their places. */
static void
give_places(Making *making)
{
	pg_uuid_t *ids = MemoryContextAllocHuge(making->context, (making->nmerchants + 1) * sizeof(pg_uuid_t));
	int count = 0;

	for (int i = 0; i < making->nmerchants; i++)
	{
		if (making->merchants[i].users >= USERS_LEAST)
			ids[count++] = making->merchants[i].id;
	}
	if (count > PLACES_MAX)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("there are too many merchants"));
	qsort(ids, count, sizeof(pg_uuid_t), ss_uuid_order);
	making->by_place = MemoryContextAllocHuge(making->context, (count + 1) * sizeof(int32));
	for (int place = 0; place < count; place++)
	{
		int32 no = number_merchant(making, &ids[place]);

		making->merchants[no].place = place;
		making->by_place[place] = no;
	}
	pfree(ids);
}

static void
put_similar(Making *making, int32 merchant, int32 neighbour, int32 similarity)
{
	int64 key =
		((int64) merchant << (DISTANCE_BITS + PLACE_BITS)) | ((int64) (MILLION - similarity) << PLACE_BITS) | neighbour;

	tuplesort_putdatum(making->similar, Int64GetDatum(key), false);
}

/* So many users have bought at both merchants of a pair. */
static void
add_similarity(Making *making, int64 pair, int64 common)
{
	const Merchant *a = &making->merchants[pair >> 32];
	const Merchant *b = &making->merchants[pair & 0xffffffff];
	double both = (double) common;
	int32 similarity;

	if (a->place < 0 || b->place < 0)
		return;
	similarity = (int32) llround(both / sqrt((double) a->users * b->users) * (both / (both + SHRINKAGE)) * MILLION);
	if (similarity == 0)
		return;
	put_similar(making, a->place, b->place, similarity);
	put_similar(making, b->place, a->place, similarity);
}

static bool
next_number(Tuplesortstate *sort, int64 *number)
{
	Datum value;
	bool isnull;

	if (!ss_compat_get_datum(sort, &value, &isnull))
		return false;
	*number = DatumGetInt64(value);
	return true;
}

static void
count_common(Making *making)
{
	int64 pair = 0;
	int64 common = 0;
	int64 next;

	tuplesort_performsort(making->pairs);
	while (next_number(making->pairs, &next))
	{
		if (common > 0 && next != pair)
		{
			add_similarity(making, pair, common);
			common = 0;
		}
		pair = next;
		common++;
		step(making);
	}
	if (common > 0)
		add_similarity(making, pair, common);
	tuplesort_end(making->pairs);
}

/* --- writing ------------------------------------------------------------------------------------ */

static void
write_neighbours_now(Making *making, SSColumns *columns)
{
	Datum values[4];

	if (columns->nrows == 0)
		return;
	ss_columns_arrays(columns, values);
	values[3] = Int32GetDatum(making->version);
	ss_query_latest_rows(&insert_neighbours, values, NULL, columns->nrows);
	making->training->check();
}

static void
write_neighbours(Making *making)
{
	static const Oid types[] = {UUIDOID, UUIDOID, INT4OID};
	MemoryContext batch = AllocSetContextCreate(making->context, "swipesavvy neighbours", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(batch);
	SSColumns columns;
	int32 of_merchant = -1;
	int written = 0;
	int64 key;

	tuplesort_performsort(making->similar);
	ss_columns_init(&columns, lengthof(types), types, ROWS_AT_ONCE);
	while (next_number(making->similar, &key))
	{
		int32 merchant = (int32) (key >> (DISTANCE_BITS + PLACE_BITS));
		int32 neighbour = (int32) (key & (PLACES_MAX - 1));

		step(making);
		if (merchant != of_merchant)
			written = 0;
		of_merchant = merchant;
		if (written++ >= SS_NEIGHBOURS_OF_ONE)
			continue;
		if (columns.nrows == ROWS_AT_ONCE)
		{
			write_neighbours_now(making, &columns);
			MemoryContextReset(batch);
			ss_columns_init(&columns, lengthof(types), types, ROWS_AT_ONCE);
		}
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, UUIDPGetDatum(&making->merchants[making->by_place[merchant]].id));
		ss_columns_set(&columns, 1, UUIDPGetDatum(&making->merchants[making->by_place[neighbour]].id));
		ss_columns_set(&columns, 2,
					   Int32GetDatum(MILLION - ((int32) (key >> PLACE_BITS) & ((1 << DISTANCE_BITS) - 1))));
	}
	write_neighbours_now(making, &columns);
	tuplesort_end(making->similar);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(batch);
}

static void
write_popular(Making *making)
{
	static const Oid types[] = {UUIDOID, INT4OID};
	SSColumns columns;
	Datum values[4];

	ss_columns_init(&columns, lengthof(types), types, ROWS_AT_ONCE);
	for (int i = 0; i < making->nmerchants; i++)
	{
		if (making->merchants[i].buyers == 0)
			continue;
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, UUIDPGetDatum(&making->merchants[i].id));
		ss_columns_set(&columns, 1, Int32GetDatum(making->merchants[i].buyers));
	}
	if (columns.nrows == 0)
		return;
	ss_columns_arrays(&columns, values);
	values[2] = Int32GetDatum(making->version);
	values[3] = Int64GetDatum(making->buyers);
	ss_query_latest_rows(&insert_popular, values, NULL, columns.nrows);
}

/* --- all of it ---------------------------------------------------------------------------------- */

static Tuplesortstate *
sort_numbers(void)
{
	return tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false, work_mem, NULL, TUPLESORT_NONE);
}

int64
ss_neighbours_make(const SSTraining *training, int32 version, const SSNeighbourTimes *times, bool neighbours,
				   SSTriedUsers *tried)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "swipesavvy merchants and neighbours", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	HASHCTL control = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(Numbered), .hcxt = context};
	Making making = {.training = training, .times = times, .version = version, .context = context, .tried = tried};

	making.numbers = hash_create("swipesavvy merchants", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	making.merchants = palloc(sizeof(Merchant));
	making.visited = palloc(sizeof(Visited));
	making.tried_hash = ss_hash_begin("ml:rec", strlen("ml:rec"));
	if (neighbours)
	{
		making.pairs = sort_numbers();
		making.similar = sort_numbers();
	}
	read_users(&making);
	if (neighbours)
	{
		give_places(&making);
		count_common(&making);
		write_neighbours(&making);
	}
	write_popular(&making);
	if (tried != NULL)
		keep_tried(tried);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return making.users;
}

void
ss_neighbours_clear(int32 version, bool others)
{
	Datum values[2] = {Int32GetDatum(version), BoolGetDatum(others)};

	(void) ss_query_latest(&clear_neighbours, values, NULL);
	(void) ss_query_latest(&clear_popular, values, NULL);
}
