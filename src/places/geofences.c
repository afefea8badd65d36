/*
 * geofences.c: create_geofence, update_geofence, delete_geofence, list_geofences.
 *
 * SQL entry points. A fence of a merchant shares the merchant's row (FOR SHARE), a
 * change locks the fence. A deleted fence keeps its row: visits are of it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/array.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/page.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "campaigns/campaigns.h"
#include "merchants/merchants.h"
#include "places/fence.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_geofence);
PG_FUNCTION_INFO_V1(swipesavvy_update_geofence);
PG_FUNCTION_INFO_V1(swipesavvy_delete_geofence);
PG_FUNCTION_INFO_V1(swipesavvy_list_geofences);

#define DEFAULT_DWELL	 300
#define DEFAULT_ACCURACY 100
#define DEFAULT_RADIUS	 5000
#define MIN_RADIUS_MM	 INT64CONST(20000)
#define MAX_RADIUS_MM	 INT64CONST(100000000)

/* What is said of a fence; NULL or 0: not said. */
typedef struct FenceInput
{
	pg_uuid_t *geofence_id;
	char *name;
	bool has_point;
	SSPoint point;
	int32 radius_mm;
	Jsonb *polygon;
	pg_uuid_t *merchant_id;
	pg_uuid_t *location_id;
	char *campaign_id;
	int32 campaign_no;
	int32 dwell_seconds;
	int32 max_accuracy;
	TimestampTz starts_at; /* DT_NOBEGIN: at once */
	TimestampTz ends_at;   /* DT_NOEND: never */
} FenceInput;

#define SHOWN_COLUMNS                                                                                                  \
	"f.geofence_id, f.name, CASE WHEN f.polygon IS NULL THEN 'circle' ELSE 'polygon' END AS kind,"                     \
	" round(f.lat_e7 / 10000000.0, 7) AS latitude, round(f.lon_e7 / 10000000.0, 7) AS longitude,"                      \
	" trim_scale(f.radius_mm / 1000.0) AS radius_meters, f.polygon, f.merchant_id, f.dwell_seconds"
#define WRITTEN_COLUMNS                                                                                                \
	SHOWN_COLUMNS                                                                                                      \
	", f.location_id,"                                                                                                 \
	" (SELECT c.campaign_id FROM swipesavvy.campaigns c WHERE c.campaign_no = f.campaign_no) AS campaign_id,"          \
	" f.max_accuracy_meters, f.starts_at, f.ends_at, f.is_active, f.created_at, f.updated_at"

SS_QUERY(find_location,
		 "SELECT l.merchant_id, l.lat_e7, l.lon_e7 FROM swipesavvy.merchant_locations l WHERE l.location_id = $1",
		 UUIDOID);

#define FENCE_TYPES                                                                                                    \
	UUIDOID, TEXTOID, INT4OID, INT4OID, INT4OID, JSONBOID, INT4ARRAYOID, UUIDOID, UUIDOID, INT4OID, INT4OID, INT4OID,  \
		TIMESTAMPTZOID, TIMESTAMPTZOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID
#define FENCE_VALUES 18

SS_QUERY(
	insert_fence,
	"INSERT INTO swipesavvy.geofences AS f (geofence_id, name, lat_e7, lon_e7, radius_mm, polygon, shape, merchant_id,"
	" location_id, campaign_no, dwell_seconds, max_accuracy_meters, starts_at, ends_at, bounds)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, swipesavvy.place_box($15, $16, $17, $18))"
	" ON CONFLICT (geofence_id) DO NOTHING RETURNING " WRITTEN_COLUMNS,
	FENCE_TYPES);

SS_QUERY(lock_fence,
		 "SELECT " WRITTEN_COLUMNS " FROM swipesavvy.geofences f WHERE f.geofence_id = $1 FOR NO KEY UPDATE OF f",
		 UUIDOID);

SS_QUERY(
	read_fence,
	"SELECT f.name, f.lat_e7, f.lon_e7, f.radius_mm, f.polygon, f.merchant_id, f.location_id, f.campaign_no,"
	" f.dwell_seconds, f.max_accuracy_meters, f.starts_at, f.ends_at FROM swipesavvy.geofences f WHERE f.geofence_id = $1",
	UUIDOID);

SS_QUERY(
	update_fence,
	"UPDATE swipesavvy.geofences f SET name = $2, lat_e7 = $3, lon_e7 = $4, radius_mm = $5, polygon = $6, shape = $7,"
	" merchant_id = $8, location_id = $9, campaign_no = $10, dwell_seconds = $11, max_accuracy_meters = $12,"
	" starts_at = $13, ends_at = $14, bounds = swipesavvy.place_box($15, $16, $17, $18), updated_at = now()"
	" WHERE f.geofence_id = $1 RETURNING " WRITTEN_COLUMNS,
	FENCE_TYPES);

SS_QUERY(delete_fence,
		 "UPDATE swipesavvy.geofences f SET is_active = false, updated_at = now() WHERE f.geofence_id = $1"
		 " RETURNING " WRITTEN_COLUMNS,
		 UUIDOID);

#define LISTED_SQL " ($1::uuid IS NULL OR f.merchant_id = $1) AND " SS_FENCE_HOLDS_SQL("now()")

SS_QUERY(count_fences,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.geofences f WHERE" LISTED_SQL SS_PAGE_COUNT_LIMIT ") c",
		 UUIDOID);

SS_QUERY(list_fences,
		 "SELECT " SHOWN_COLUMNS " FROM swipesavvy.geofences f WHERE" LISTED_SQL
		 " AND f.geofence_id > $2 ORDER BY f.geofence_id LIMIT $3",
		 UUIDOID, UUIDOID, INT8OID);

SS_QUERY(find_near, "SELECT " SS_FENCE_GEOMETRY " FROM swipesavvy.geofences_near($2, $3, $4, $5) f WHERE" LISTED_SQL,
		 UUIDOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID);

SS_QUERY(read_shown,
		 "SELECT " SHOWN_COLUMNS " FROM unnest($1) WITH ORDINALITY u (geofence_id, n)"
		 " JOIN swipesavvy.geofences f ON f.geofence_id = u.geofence_id ORDER BY u.n",
		 UUIDARRAYOID);

/* --- what is said of a fence ---------------------------------------------------------- */

static int32
radius_mm(Numeric radius)
{
	return (int32) ss_scaled_from_numeric(radius, 3, MIN_RADIUS_MM, MAX_RADIUS_MM, "radius_meters");
}

/* A location has coordinates and a merchant; a campaign has a number. PT404 for what is not there. */
static void
look_up(FenceInput *input)
{
	Datum value;

	if (input->location_id != NULL)
	{
		SSRows rows;
		SSRow row;

		value = UUIDPGetDatum(input->location_id);
		rows = ss_rows_read(&find_location, &value, NULL);
		if (rows.count == 0)
			ss_not_found("location", ss_uuid_text(input->location_id));
		row = ss_row(rows, 0);
		if (input->merchant_id == NULL)
			input->merchant_id = unconstify(pg_uuid_t *, ss_next_uuid(&row));
		else if (!ss_uuid_equal(input->merchant_id, ss_next_uuid(&row)))
			ss_bad_value("location_id", "The location is another merchant's.");
		if (!input->has_point && input->polygon == NULL)
		{
			input->point.lat_e7 = ss_next_int32(&row);
			input->point.lon_e7 = ss_next_int32(&row);
			input->has_point = true;
		}
	}
	if (input->campaign_id != NULL)
	{
		input->campaign_no = ss_campaign_find(input->campaign_id);
		if (input->campaign_no == 0)
			ss_not_found("campaign", input->campaign_id);
	}
}

static void
check_input(const FenceInput *input)
{
	if (input->polygon != NULL && (input->has_point || input->radius_mm != 0))
		ss_bad_value("polygon", "A fence is either a polygon or a circle with latitude, longitude and radius_meters.");
	if (input->polygon == NULL && !input->has_point)
		ss_missing_value("latitude");
	if (input->polygon == NULL && input->radius_mm == 0)
		ss_missing_value("radius_meters");
	if (input->ends_at <= input->starts_at)
		ss_bad_value("ends_at", "It is not after starts_at.");
}

static void
set_parameters(const FenceInput *input, Datum *values, bool *nulls)
{
	SSVector centre;
	double radius;

	memset(nulls, false, FENCE_VALUES * sizeof(bool));
	if (input->polygon == NULL)
	{
		centre = ss_sphere_vector(input->point);
		radius = input->radius_mm / 1000.0;
		nulls[6] = true;
	}
	else
	{
		SSShape *shape = ss_shape_read(input->polygon);

		centre = shape->centre;
		radius = shape->radius;
		values[6] = ss_shape_store(shape);
		nulls[2] = nulls[3] = nulls[4] = true;
	}
	ss_param_pointer(values, nulls, 0, input->geofence_id);
	ss_param_text(values, nulls, 1, input->name);
	values[2] = Int32GetDatum(input->point.lat_e7);
	values[3] = Int32GetDatum(input->point.lon_e7);
	values[4] = Int32GetDatum(input->radius_mm);
	ss_param_pointer(values, nulls, 5, input->polygon);
	ss_param_pointer(values, nulls, 7, input->merchant_id);
	ss_param_pointer(values, nulls, 8, input->location_id);
	values[9] = Int32GetDatum(input->campaign_no);
	nulls[9] = input->campaign_no == 0;
	values[10] = Int32GetDatum(input->dwell_seconds);
	values[11] = Int32GetDatum(input->max_accuracy);
	values[12] = TimestampTzGetDatum(input->starts_at);
	nulls[12] = input->starts_at == DT_NOBEGIN;
	values[13] = TimestampTzGetDatum(input->ends_at);
	nulls[13] = input->ends_at == DT_NOEND;
	values[14] = Float8GetDatum(SS_EARTH_RADIUS * centre.x);
	values[15] = Float8GetDatum(SS_EARTH_RADIUS * centre.y);
	values[16] = Float8GetDatum(SS_EARTH_RADIUS * centre.z);
	values[17] = Float8GetDatum(ss_sphere_side(radius));
}

/* Writes down the row of the last query; without `before` it is new. */
static void
record(SSCall *call, const char *action, const pg_uuid_t *geofence_id, SSAuditRow before)
{
	SSAudit audit = {.resource = "geofence", .action = action, .resource_id = ss_uuid_text(geofence_id)};

	ss_audit_write_rows(call, &audit, before, ss_audit_row());
}

/* --- creating ------------------------------------------------------------------------------ */

static void
read_circle(FunctionCallInfo fcinfo, FenceInput *input)
{
	Numeric radius = ss_arg_numeric(fcinfo, 3, "radius_meters", false);

	if (!PG_ARGISNULL(1) || !PG_ARGISNULL(2))
	{
		input->point = ss_sphere_arg(fcinfo, 1, 2);
		input->has_point = true;
	}
	if (radius != NULL)
		input->radius_mm = radius_mm(radius);
}

static int32
int_or(FunctionCallInfo fcinfo, int n, const char *name, int minimum, int maximum, int when_null)
{
	bool isnull;
	int64 value = ss_arg_int4(fcinfo, n, name, minimum, maximum, &isnull);

	return isnull ? when_null : (int32) value;
}

static TimestampTz
time_or(FunctionCallInfo fcinfo, int n, const char *name, TimestampTz when_null)
{
	bool isnull;
	TimestampTz value = ss_arg_time(fcinfo, n, name, &isnull);

	return isnull ? when_null : value;
}

/*
 * create_geofence(name, latitude, longitude, radius_meters, polygon, merchant_id,
 * location_id, campaign_id, dwell_seconds, max_accuracy_meters, starts_at,
 * ends_at, geofence_id)
 */
Datum
swipesavvy_create_geofence(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	FenceInput input = {0};
	Datum values[FENCE_VALUES];
	bool nulls[FENCE_VALUES];

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	input.name = ss_arg_text(fcinfo, 0, "name", SS_NAME_MAX, true);
	read_circle(fcinfo, &input);
	input.polygon = ss_arg_jsonb(fcinfo, 4, "polygon", false);
	input.merchant_id = ss_arg_uuid(fcinfo, 5, "merchant_id", false);
	input.location_id = ss_arg_uuid(fcinfo, 6, "location_id", false);
	input.campaign_id = ss_arg_text(fcinfo, 7, "campaign_id", SS_KEY_MAX, false);
	input.dwell_seconds = int_or(fcinfo, 8, "dwell_seconds", 0, 86400, DEFAULT_DWELL);
	input.max_accuracy = int_or(fcinfo, 9, "max_accuracy_meters", 1, 5000, DEFAULT_ACCURACY);
	input.starts_at = time_or(fcinfo, 10, "starts_at", DT_NOBEGIN);
	input.ends_at = time_or(fcinfo, 11, "ends_at", DT_NOEND);
	input.geofence_id = ss_arg_uuid(fcinfo, 12, "geofence_id", false);
	if (input.geofence_id == NULL)
		input.geofence_id = ss_uuid7_new();
	look_up(&input);
	check_input(&input);
	if (input.merchant_id != NULL)
		ss_merchant_share_active(input.merchant_id);
	set_parameters(&input, values, nulls);
	if (ss_query_write(&insert_fence, values, nulls) == 0)
		ss_duplicate("a fence with this geofence_id exists already", "The geofence_id is \"%s\".",
					 ss_uuid_text(input.geofence_id));
	ss_json_row(&json, NULL);
	record(&call, "create", input.geofence_id, (SSAuditRow){0});
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- changing ------------------------------------------------------------------------------ */

/* The fence as it is stored. */
static FenceInput
stored_input(pg_uuid_t *geofence_id)
{
	Datum value = UUIDPGetDatum(geofence_id);
	SSRows rows = ss_rows_latest(&read_fence, &value, NULL);
	SSRow row = ss_row(rows, 0);
	FenceInput input = {.geofence_id = geofence_id};

	input.name = ss_next_text(&row);
	input.point.lat_e7 = ss_next_int32_or(&row, 0);
	input.point.lon_e7 = ss_next_int32_or(&row, 0);
	input.radius_mm = ss_next_int32_or(&row, 0);
	input.polygon = ss_next_jsonb_or_null(&row);
	input.has_point = input.polygon == NULL;
	input.merchant_id = unconstify(pg_uuid_t *, ss_next_uuid_or_null(&row));
	input.location_id = unconstify(pg_uuid_t *, ss_next_uuid_or_null(&row));
	input.campaign_no = ss_next_int32_or(&row, 0);
	input.dwell_seconds = ss_next_int32(&row);
	input.max_accuracy = ss_next_int32(&row);
	input.starts_at = ss_next_time_or(&row, DT_NOBEGIN);
	input.ends_at = ss_next_time_or(&row, DT_NOEND);
	return input;
}

/* Another geometry takes the place of the one there was. */
static void
overlay_geometry(FenceInput *input, Jsonb *changes)
{
	JsonbValue *latitude = ss_document_given(changes, "latitude");
	JsonbValue *longitude = ss_document_given(changes, "longitude");
	JsonbValue *radius = ss_document_given(changes, "radius_meters");
	JsonbValue *polygon = ss_document_given(changes, "polygon");

	if (polygon != NULL)
	{
		input->polygon = ss_json_as_jsonb(polygon);
		input->has_point = false;
		input->radius_mm = 0;
	}
	else if (ss_document_has_null(changes, "polygon"))
		input->polygon = NULL;
	if (latitude != NULL || longitude != NULL)
	{
		if (latitude == NULL)
			ss_missing_value("latitude");
		if (longitude == NULL)
			ss_missing_value("longitude");
		input->point = ss_sphere_point(ss_sphere_degrees(ss_json_as_numeric(latitude, "latitude")),
									   ss_sphere_degrees(ss_json_as_numeric(longitude, "longitude")));
		input->has_point = true;
	}
	if (radius != NULL)
		input->radius_mm = radius_mm(ss_json_as_numeric(radius, "radius_meters"));
}

static void
overlay_references(FenceInput *input, Jsonb *changes)
{
	JsonbValue *merchant = ss_document_given(changes, "merchant_id");
	JsonbValue *location = ss_document_given(changes, "location_id");

	if (merchant != NULL)
		input->merchant_id = ss_json_as_uuid(merchant, "merchant_id");
	else if (ss_document_has_null(changes, "merchant_id"))
		input->merchant_id = NULL;
	if (location != NULL)
		input->location_id = ss_json_as_uuid(location, "location_id");
	else if (ss_document_has_null(changes, "location_id"))
		input->location_id = NULL;
	if (ss_document_given(changes, "campaign_id") != NULL)
		input->campaign_id = ss_document_text(changes, "campaign_id", SS_KEY_MAX);
	else if (ss_document_has_null(changes, "campaign_id"))
		input->campaign_no = 0;
}

static void
overlay(FenceInput *input, Jsonb *changes)
{
	pg_tz *zone = ss_rules_get()->settings.timezone;
	JsonbValue *value;

	if (ss_document_get(changes, "name") != NULL)
		input->name = ss_document_text(changes, "name", SS_NAME_MAX);
	overlay_geometry(input, changes);
	overlay_references(input, changes);
	value = ss_document_get(changes, "dwell_seconds");
	if (value != NULL)
		input->dwell_seconds = (int32) ss_json_as_int(value, "dwell_seconds", 0, 86400);
	value = ss_document_get(changes, "max_accuracy_meters");
	if (value != NULL)
		input->max_accuracy = (int32) ss_json_as_int(value, "max_accuracy_meters", 1, 5000);
	value = ss_document_given(changes, "starts_at");
	if (value != NULL)
		input->starts_at = ss_json_as_time(value, "starts_at", zone);
	else if (ss_document_has_null(changes, "starts_at"))
		input->starts_at = DT_NOBEGIN;
	value = ss_document_given(changes, "ends_at");
	if (value != NULL)
		input->ends_at = ss_json_as_time(value, "ends_at", zone);
	else if (ss_document_has_null(changes, "ends_at"))
		input->ends_at = DT_NOEND;
}

/* Locks the fence; its row is then the last query's. PT404. */
static void
lock(pg_uuid_t *geofence_id)
{
	Datum value = UUIDPGetDatum(geofence_id);

	if (ss_query_latest(&lock_fence, &value, NULL) == 0)
		ss_not_found("fence", ss_uuid_text(geofence_id));
}

/*
 * update_geofence(geofence_id, changes)
 */
Datum
swipesavvy_update_geofence(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {
		"name",		   "latitude",		"longitude",		   "radius_meters", "polygon", "merchant_id", "location_id",
		"campaign_id", "dwell_seconds", "max_accuracy_meters", "starts_at",		"ends_at", NULL};
	SSCall call;
	SSJson json = {0};
	FenceInput input;
	pg_uuid_t *geofence_id;
	Jsonb *changes;
	SSAuditRow before;
	Datum values[FENCE_VALUES];
	bool nulls[FENCE_VALUES];

	ss_call_enter(&call, SS_ADMIN);
	geofence_id = ss_arg_uuid(fcinfo, 0, "geofence_id", true);
	changes = ss_arg_jsonb(fcinfo, 1, "changes", true);
	ss_check_keys(changes, "changes", keys);
	lock(geofence_id);
	before = ss_audit_row();
	input = stored_input(geofence_id);
	overlay(&input, changes);
	look_up(&input);
	check_input(&input);
	if (input.merchant_id != NULL)
		ss_merchant_share_active(input.merchant_id);
	set_parameters(&input, values, nulls);
	ss_query_latest_rows(&update_fence, values, nulls, 1);
	ss_json_row(&json, NULL);
	record(&call, "update", geofence_id, before);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * delete_geofence(geofence_id): its row is kept, for visits are of it
 */
Datum
swipesavvy_delete_geofence(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *geofence_id;
	Datum value;
	SSAuditRow before;

	ss_call_enter(&call, SS_ADMIN);
	geofence_id = ss_arg_uuid(fcinfo, 0, "geofence_id", true);
	lock(geofence_id);
	before = ss_audit_row();
	value = UUIDPGetDatum(geofence_id);
	ss_query_latest_rows(&delete_fence, &value, NULL, 1);
	ss_json_row(&json, NULL);
	record(&call, "delete", geofence_id, before);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- listing ------------------------------------------------------------------------------ */

static void
list_by_id(SSJson *json, Datum merchant_id, bool any, const SSPage *page)
{
	static const pg_uuid_t first = {{0}};
	Datum values[3] = {merchant_id,
					   UUIDPGetDatum(page->after == NULL ? &first : ss_uuid_from_text(page->after, "after")),
					   Int64GetDatum(SS_PAGE_ROWS(page))};
	bool nulls[3] = {any, false, false};
	int64 counted = ss_one_int64(ss_rows_read(&count_fences, values, nulls));

	(void) ss_query_read(&list_fences, values, nulls);
	ss_page_add(json, "geofences", page, counted, "geofence_id");
}

static int
compare_edges(const void *a, const void *b)
{
	const SSFence *x = a;
	const SSFence *y = b;
	double x_edge = x->signed_metres < 0 ? -x->signed_metres : x->signed_metres;
	double y_edge = y->signed_metres < 0 ? -y->signed_metres : y->signed_metres;

	if (x_edge != y_edge)
		return x_edge < y_edge ? -1 : 1;
	return ss_uuid_compare(&x->geofence_id, &y->geofence_id);
}

/* Those within the radius, nearest edge first: what an app has its phone watch. */
static void
list_near(SSJson *json, Datum merchant_id, bool any, SSPoint point, double radius, const SSPage *page)
{
	SSVector p = ss_sphere_vector(point);
	Datum values[5] = {merchant_id, Float8GetDatum(SS_EARTH_RADIUS * p.x), Float8GetDatum(SS_EARTH_RADIUS * p.y),
					   Float8GetDatum(SS_EARTH_RADIUS * p.z), Float8GetDatum(ss_sphere_side(radius))};
	bool nulls[5] = {any};
	SSRows rows = ss_rows_read(&find_near, values, nulls);
	SSFence *fences = palloc0(Max(rows.count, 1) * sizeof(SSFence));
	int count = 0;
	Datum ids;

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ss_fence_next(&row, point, &fences[count]);
		if (fences[count].signed_metres <= radius)
			count++;
	}
	qsort(fences, count, sizeof(SSFence), compare_edges);
	ids = ss_uuid_array(fences, Min(count, (int) page->limit), sizeof(SSFence));
	(void) ss_query_read(&read_shown, &ids, NULL);
	ss_json_rows(json, "geofences");
	ss_page_end(json, page, count, true, NULL);
}

/*
 * list_geofences(merchant_id, latitude, longitude, radius_meters, page_size,
 * after): those in force
 */
Datum
swipesavvy_list_geofences(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Datum merchant_id;
	Numeric radius;
	SSPage page;
	bool near;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	merchant_id = PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0);
	near = !PG_ARGISNULL(1) || !PG_ARGISNULL(2);
	radius = ss_arg_numeric(fcinfo, 3, "radius_meters", false);
	page = ss_arg_page(fcinfo, 4, -1, 5, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	if (near && page.after != NULL)
		ss_bad_value("after", "What is near is one page.");
	if (radius != NULL && !near)
		ss_missing_value("latitude");
	ss_json_open_object(&json, NULL);
	if (near)
	{
		SSPoint point = ss_sphere_arg(fcinfo, 1, 2);
		double metres = radius == NULL
							? DEFAULT_RADIUS
							: ss_scaled_from_numeric(radius, 3, 1000, MAX_RADIUS_MM, "radius_meters") / 1000.0;

		list_near(&json, merchant_id, PG_ARGISNULL(0), point, metres, &page);
	}
	else
		list_by_id(&json, merchant_id, PG_ARGISNULL(0), &page);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
