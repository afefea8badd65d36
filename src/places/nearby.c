/*
 * nearby.c: get_nearby_merchants.
 *
 * SQL entry point; reads one snapshot, locks nothing. The index gives locations
 * by their chord to the caller's point, nearest first, within a box that holds
 * the radius; the distance on the sphere then decides, and orders what the
 * rounding of chords may have swapped. Rows are taken until the page is full, one more
 * is known of, and nothing that could still come may be nearer. What is shown of
 * those on the page is read afterwards, under the same snapshot, from where each row is: so
 * that no other index has to be searched for it. Where few merchants have the rating that is
 * asked for, it goes from these to their locations instead (well_rated.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/args.h"
#include "base/array.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/zone.h"
#include "call/call.h"
#include "places/hours.h"
#include "places/location.h"
#include "places/offers.h"
#include "places/well_rated.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_nearby_merchants);

#define DEFAULT_RADIUS 5000
#define MAX_RADIUS	   50000
#define DEFAULT_ROWS   20
#define MAX_ROWS	   100

/* What is looked for. */
typedef struct Wanted
{
	SSPoint point;
	Numeric radius;
	double metres;		/* the same */
	int16 category_no;	/* 0: any */
	Numeric rating_min; /* NULL: any, and those without ratings */
	int64 hundredths;	/* the same */
	int rows;
	bool open_only;
	TimestampTz open_at;
	bool distinct;
	MemoryContext passing; /* where open_only: for the hours of one place, of all that are passed over */
} Wanted;

/* A location that is near enough. */
typedef struct Found
{
	ItemPointerData place; /* of its row */
	pg_uuid_t location_id;
	SSOffering merchant;
	double distance;
} Found;

/* Those that were found, and how many merchants, or locations unless they are to be distinct, these are. */
typedef struct Near
{
	Found *found;
	int count;
	int things;
	double enough; /* the chord at which there was one more than the page shows */
} Near;

SS_QUERY(find_category, "SELECT c.category_no FROM swipesavvy.merchant_categories c WHERE c.category = $1", TEXTOID);

#define NEAR_SQL                                                                                                       \
	"SELECT n.place, n.location_id, n.merchant_id, n.category_no, n.lat_e7, n.lon_e7, n.chord, n.timezone, n.hours"    \
	" FROM swipesavvy.locations_near($1, $2, $3, $4) n"
#define IN_CATEGORY "n.category_no = $5"
#define RATED_JOIN	" JOIN swipesavvy.merchant_rating_averages a ON a.merchant_id = n.merchant_id"
#define WELL_RATED	"a.rating >= $6"
#define FIND(rest)                                                                                                     \
	SS_QUERY_OF(NEAR_SQL rest " ORDER BY n.chord", FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT2OID, NUMERICOID)

/* by [rating_min given][category given] */
static SSQuery find_queries[2][2] = {
	{FIND(""), FIND(" WHERE " IN_CATEGORY)},
	{FIND(RATED_JOIN " WHERE " WELL_RATED), FIND(RATED_JOIN " WHERE " IN_CATEGORY " AND " WELL_RATED)}};

/* Locations of some merchants, in no order; with the category if it is given. */
#define FIND_OF(rest)                                                                                                  \
	SS_QUERY_OF(NEAR_SQL " WHERE n.merchant_id = ANY ($6)" rest, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT2OID,  \
				UUIDARRAYOID)
static SSQuery few_queries[2] = {FIND_OF(""), FIND_OF(" AND " IN_CATEGORY)};

SS_QUERY(read_shown,
		 "SELECT l.merchant_id, l.location_id, m.name, m.category, l.name AS location_name, l.street, l.city, l.lat_e7,"
		 " l.lon_e7, a.rating, a.rating_count, l.timezone, l.hours FROM unnest($1) WITH ORDINALITY u (place, n)"
		 " JOIN swipesavvy.merchant_locations l ON l.ctid = u.place"
		 " JOIN swipesavvy.merchants m ON m.merchant_id = l.merchant_id"
		 " LEFT JOIN swipesavvy.merchant_rating_averages a ON a.merchant_id = l.merchant_id ORDER BY u.n",
		 TIDARRAYOID);

/* --- what is near ----------------------------------------------------------------------- */

static bool
has_merchant(const Near *near, const pg_uuid_t *merchant_id)
{
	for (int i = 0; i < near->count; i++)
	{
		if (ss_uuid_equal(&near->found[i].merchant.merchant_id, merchant_id))
			return true;
	}
	return false;
}

/* Is the place open then? The rest of its row has its hours. Nothing of them is kept: very many may be passed over. */
static bool
open_then(const Wanted *wanted, SSRow row)
{
	MemoryContext before = MemoryContextSwitchTo(wanted->passing);
	char *timezone = ss_next_text_or_null(&row);
	Jsonb *hours = ss_next_jsonb_or_null(&row);
	bool open = hours != NULL && ss_hours_stored_open(hours, ss_zone_stored(timezone), wanted->open_at);

	MemoryContextSwitchTo(before);
	MemoryContextReset(wanted->passing);
	return open;
}

/* Takes a row of the index if it is within the radius, and open if it must be. */
static void
take(const Wanted *wanted, SSRow row, Near *near)
{
	Found found;
	SSPoint point;
	double chord;

	found.place = *(ItemPointer) DatumGetPointer(ss_next_value(&row, TIDOID));
	found.location_id = *ss_next_uuid(&row);
	found.merchant = (SSOffering){.merchant_id = *ss_next_uuid(&row)};
	found.merchant.category_no = ss_next_int16(&row);
	point.lat_e7 = ss_next_int32(&row);
	point.lon_e7 = ss_next_int32(&row);
	chord = ss_next_float8(&row);
	found.distance = ss_sphere_distance(wanted->point, point);
	if (found.distance > wanted->metres)
		return;
	if (wanted->open_only && !open_then(wanted, row))
		return;
	if (!wanted->distinct || !has_merchant(near, &found.merchant.merchant_id))
	{
		if (++near->things == wanted->rows + 1)
			near->enough = chord;
	}
	near->found = ss_array_grow(near->found, near->count, sizeof(Found));
	near->found[near->count++] = found;
}

static double
chord_of(SSRow row)
{
	ss_next_skip(&row, 6);
	return ss_next_float8(&row);
}

/* Takes those of few merchants with so good a rating: all, wherever they are in the box. False where these are not few. */
static bool
find_of_few(const Wanted *wanted, const Datum *box, Near *near)
{
	Datum values[6] = {box[0], box[1], box[2], box[3], box[4]};
	SSRows rows;

	if (!ss_well_rated_few(wanted->hundredths, &values[5]))
		return false;
	rows = ss_rows_read(&few_queries[wanted->category_no != 0], values, NULL);
	for (uint64 i = 0; i < rows.count; i++)
		take(wanted, ss_row(rows, i), near);
	return true;
}

static void
find(const Wanted *wanted, Near *near)
{
	SSVector q = ss_sphere_vector(wanted->point);
	Datum values[6] = {Float8GetDatum(SS_EARTH_RADIUS * q.x), Float8GetDatum(SS_EARTH_RADIUS * q.y),
					   Float8GetDatum(SS_EARTH_RADIUS * q.z), Float8GetDatum(ss_sphere_side(wanted->metres)),
					   Int16GetDatum(wanted->category_no),	  NumericGetDatum(wanted->rating_min)};
	bool nulls[6] = {false, false, false, false, false, wanted->rating_min == NULL};
	Portal cursor;
	bool done = false;

	if (wanted->rating_min != NULL && find_of_few(wanted, values, near))
		return;
	ss_query_plan_once();
	ss_query_avoid_sorts();
	cursor = ss_query_open(&find_queries[wanted->rating_min != NULL][wanted->category_no != 0], values, nulls);
	while (!done)
	{
		SSRows rows = ss_rows_fetch(cursor, wanted->rows + 2);

		for (uint64 i = 0; i < rows.count && !done; i++)
		{
			SSRow row = ss_row(rows, i);

			done = near->things > wanted->rows && chord_of(row) > near->enough + SS_CHORD_SLACK;
			if (!done)
				take(wanted, row, near);
		}
		if (rows.count == 0)
			return; /* which closes the cursor */
		ss_rows_free(&rows);
	}
	SPI_cursor_close(cursor);
}

static int
compare(const void *a, const void *b)
{
	const Found *x = a;
	const Found *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return ss_uuid_compare(&x->location_id, &y->location_id);
}

/* Sorts them, and leaves the nearest location of each merchant if they are to be distinct. */
static void
sort(const Wanted *wanted, Near *near)
{
	Near kept = {near->found, 0, 0, 0};

	if (near->count == 0)
		return;
	qsort(near->found, near->count, sizeof(Found), compare);
	for (int i = 0; i < near->count; i++)
	{
		if (!wanted->distinct || !has_merchant(&kept, &near->found[i].merchant.merchant_id))
			kept.found[kept.count++] = near->found[i];
	}
	near->count = kept.count;
}

/* --- what is shown of it ------------------------------------------------------------------- */

static void
add_is_open(SSJson *json, Jsonb *hours, const char *timezone, TimestampTz at)
{
	if (hours == NULL)
		ss_json_null(json, "is_open");
	else
		ss_json_bool(json, "is_open", ss_hours_stored_open(hours, ss_zone_stored(timezone), at));
}

static void
add_merchant(SSJson *json, SSRow row, const Found *found, int offers, TimestampTz at)
{
	char *timezone;
	Datum rating;
	bool isnull;

	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "merchant_id", ss_next_uuid(&row));
	ss_json_uuid(json, "location_id", ss_next_uuid(&row));
	ss_json_text(json, "name", ss_next_text(&row));
	ss_json_text(json, "category", ss_next_text(&row));
	ss_json_text(json, "location_name", ss_next_text_or_null(&row));
	ss_json_text(json, "street", ss_next_text_or_null(&row));
	ss_json_text(json, "city", ss_next_text_or_null(&row));
	ss_location_degrees(json, "latitude", ss_next_int32(&row));
	ss_location_degrees(json, "longitude", ss_next_int32(&row));
	ss_json_datum(json, "distance_meters", NumericGetDatum(ss_money_to_major(ss_sphere_decimetres(found->distance), 1)),
				  false, NUMERICOID);
	rating = ss_next_value_or_null(&row, NUMERICOID, &isnull);
	ss_json_datum(json, "rating", rating, isnull, NUMERICOID);
	ss_json_int(json, "rating_count", ss_next_int64_or(&row, 0));
	ss_json_int(json, "offers", offers);
	timezone = ss_next_text_or_null(&row);
	add_is_open(json, ss_next_jsonb_or_null(&row), timezone, at);
	ss_json_close_object(json);
}

/* The rows that are shown, by where they are. */
static Datum
places_of(const Near *near, int shown)
{
	Datum *places = palloc(Max(shown, 1) * sizeof(Datum));

	for (int i = 0; i < shown; i++)
		places[i] = PointerGetDatum(&near->found[i].place);
	return PointerGetDatum(construct_array(places, shown, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT));
}

/* How many offers their merchants have. */
static SSOffering *
offers_of(SSCall *call, const Near *near, int shown)
{
	SSOffering *merchants = palloc(Max(shown, 1) * sizeof(SSOffering));
	SSProspect prospect;

	for (int i = 0; i < shown; i++)
		merchants[i] = near->found[i].merchant;
	ss_offers_begin(&prospect, call, GetCurrentTransactionStartTimestamp());
	ss_offers_count(&prospect, merchants, shown);
	return merchants;
}

static void
add_merchants(SSJson *json, SSCall *call, const Wanted *wanted, const Near *near)
{
	int shown = Min(near->count, wanted->rows);
	TimestampTz at = wanted->open_only ? wanted->open_at : GetCurrentTransactionStartTimestamp();
	Datum places = places_of(near, shown);
	SSOffering *merchants = offers_of(call, near, shown);
	SSRows rows = ss_rows_read(&read_shown, &places, NULL);

	ss_json_open_array(json, "merchants");
	for (int i = 0; i < shown && i < (int) rows.count; i++)
		add_merchant(json, ss_row(rows, i), &near->found[i], merchants[i].offers, at);
	ss_json_close_array(json);
	ss_json_int(json, "count", shown);
	ss_json_bool(json, "more", near->count > shown);
}

/* --- the call -------------------------------------------------------------------------------- */

static int16
category_no_of(const char *category)
{
	Datum value = CStringGetTextDatum(category);
	SSRows rows = ss_rows_read(&find_category, &value, NULL);
	SSRow row;

	if (rows.count == 0)
		ss_bad_value("category", "There is no merchant category \"%s\".", category);
	row = ss_row(rows, 0);
	return ss_next_int16(&row);
}

static void
read_radius(FunctionCallInfo fcinfo, int n, Wanted *wanted)
{
	wanted->radius = ss_arg_numeric(fcinfo, n, "radius_meters", false);
	if (wanted->radius == NULL)
		wanted->radius = int64_to_numeric(DEFAULT_RADIUS);
	(void) ss_scaled_from_numeric(wanted->radius, 3, 1000, MAX_RADIUS * INT64CONST(1000), "radius_meters");
	wanted->metres = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(wanted->radius)));
}

/*
 * get_nearby_merchants(latitude, longitude, radius_meters, category, page_size,
 * rating_min, open_at, distinct_merchants)
 */
Datum
swipesavvy_get_nearby_merchants(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Wanted wanted = {.rows = DEFAULT_ROWS};
	Near near = {0};
	char *category;
	bool isnull;

	ss_call_enter(&call, SS_ANYONE);
	wanted.point = ss_sphere_arg(fcinfo, 0, 1);
	read_radius(fcinfo, 2, &wanted);
	category = ss_arg_text(fcinfo, 3, "category", SS_NAME_MAX, false);
	if (category != NULL)
		wanted.category_no = category_no_of(category);
	wanted.rows = (int) ss_arg_page(fcinfo, 4, -1, -1, MAX_ROWS, DEFAULT_ROWS).limit;
	wanted.rating_min = ss_arg_numeric(fcinfo, 5, "rating_min", false);
	if (wanted.rating_min != NULL)
		wanted.hundredths = ss_scaled_from_numeric(wanted.rating_min, 2, 100, 500, "rating_min");
	wanted.open_at = ss_arg_time(fcinfo, 6, "open_at", &isnull);
	wanted.open_only = !isnull;
	wanted.distinct = ss_arg_bool(fcinfo, 7, true);
	if (wanted.open_only)
		wanted.passing = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy hours", ALLOCSET_DEFAULT_SIZES);
	find(&wanted, &near);
	sort(&wanted, &near);
	ss_json_open_object(&json, NULL);
	ss_location_degrees(&json, "latitude", wanted.point.lat_e7);
	ss_location_degrees(&json, "longitude", wanted.point.lon_e7);
	ss_json_datum(&json, "radius_meters", NumericGetDatum(wanted.radius), false, NUMERICOID);
	add_merchants(&json, &call, &wanted, &near);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
