/*
 * place_split.c: how the indexes of places split a page that is full: place_split, of
 * the operator class place_ops, whose other functions are those of cube.
 *
 * Called by GiST alone. The split of cube begins with the two boxes that waste most
 * together, and of points which do not overlap none do: then it begins with the first
 * two, and where points come one behind the other along a line it leaves one of them on
 * its page and moves the rest, with each point that comes. Here the boxes are sorted
 * along the axis on which they are spread out furthest, and halved: whatever comes,
 * pages are at least half full. Pure: no query, no state.
 */
#include "postgres.h"

#include "access/gist.h"
#include "fmgr.h"

#include "base/compat.h"

PG_FUNCTION_INFO_V1(swipesavvy_place_split);

#define AXES 3 /* of all that is indexed here */

/* A cube as that extension keeps it: one corner of a point, two opposite ones of a box. */
typedef struct PlaceBox
{
	int32 vl_len_;
	uint32 header; /* the number of axes, and this for a point: */
	double x[FLEXIBLE_ARRAY_MEMBER];
} PlaceBox;

#define IS_POINT 0x80000000u

typedef struct PlaceEntry
{
	OffsetNumber n; /* among those of the page */
	double low[AXES];
	double high[AXES];
	double key; /* by which they are sorted */
} PlaceEntry;

static PlaceEntry
read_entry(Datum datum, OffsetNumber n)
{
	PlaceBox *box = (PlaceBox *) PG_DETOAST_DATUM(datum);
	const double *other = (box->header & IS_POINT) != 0 ? box->x : box->x + AXES;
	PlaceEntry entry = {.n = n};

	if ((box->header & ~IS_POINT) != AXES)
		elog(ERROR, "a place has other than %d axes", AXES);
	for (int axis = 0; axis < AXES; axis++)
	{
		entry.low[axis] = Min(box->x[axis], other[axis]);
		entry.high[axis] = Max(box->x[axis], other[axis]);
	}
	return entry;
}

static double
twice_middle(const PlaceEntry *entry, int axis)
{
	return entry->low[axis] + entry->high[axis];
}

/* The axis on which the middles of the entries lie furthest apart. */
static int
widest_axis(const PlaceEntry *entries, int count)
{
	int widest = 0;
	double width = -1;

	for (int axis = 0; axis < AXES; axis++)
	{
		double low = twice_middle(&entries[0], axis);
		double high = low;

		for (int i = 1; i < count; i++)
		{
			low = Min(low, twice_middle(&entries[i], axis));
			high = Max(high, twice_middle(&entries[i], axis));
		}
		if (high - low > width)
		{
			widest = axis;
			width = high - low;
		}
	}
	return widest;
}

static int
compare(const void *a, const void *b)
{
	const PlaceEntry *x = a;
	const PlaceEntry *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n ? 1 : 0;
}

/* Puts the entries on a page: their numbers there; returns the box around them all. */
static Datum
put(const PlaceEntry *entries, int count, OffsetNumber **numbers, int *put_count)
{
	Size size = offsetof(PlaceBox, x) + 2 * AXES * sizeof(double);
	PlaceBox *all = palloc0(size);

	SET_VARSIZE(all, size);
	all->header = AXES;
	*numbers = palloc((count + 1) * sizeof(OffsetNumber));
	*put_count = count;
	for (int i = 0; i < count; i++)
	{
		(*numbers)[i] = entries[i].n;
		for (int axis = 0; axis < AXES; axis++)
		{
			all->x[axis] = i == 0 ? entries[i].low[axis] : Min(all->x[axis], entries[i].low[axis]);
			all->x[AXES + axis] = i == 0 ? entries[i].high[axis] : Max(all->x[AXES + axis], entries[i].high[axis]);
		}
	}
	return PointerGetDatum(all);
}

/*
 * place_split(entries, where they go): the picksplit function of GiST
 */
Datum
swipesavvy_place_split(PG_FUNCTION_ARGS)
{
	GistEntryVector *vector = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *split = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	int count = vector->n - 1; /* the first of the vector is not used */
	PlaceEntry *entries = palloc(count * sizeof(PlaceEntry));
	int axis;

	for (int i = 0; i < count; i++)
		entries[i] = read_entry(vector->vector[i + 1].key, i + 1);
	axis = widest_axis(entries, count);
	for (int i = 0; i < count; i++)
		entries[i].key = twice_middle(&entries[i], axis);
	qsort(entries, count, sizeof(PlaceEntry), compare);
	split->spl_ldatum = put(entries, count / 2, &split->spl_left, &split->spl_nleft);
	split->spl_rdatum = put(entries + count / 2, count - count / 2, &split->spl_right, &split->spl_nright);
	PG_RETURN_POINTER(split);
}
