/*
 * locations.c: add_merchant_location, update_merchant_location,
 * remove_merchant_location, import_merchant_locations, get_merchant_locations.
 *
 * SQL entry points. A change locks the location's merchant (FOR SHARE), then the
 * location's row; an import locks the merchants of its rows in their order, each
 * row in a subtransaction of its own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/attempt.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "merchants/merchants.h"
#include "places/location.h"

PG_FUNCTION_INFO_V1(swipesavvy_add_merchant_location);
PG_FUNCTION_INFO_V1(swipesavvy_update_merchant_location);
PG_FUNCTION_INFO_V1(swipesavvy_remove_merchant_location);
PG_FUNCTION_INFO_V1(swipesavvy_import_merchant_locations);
PG_FUNCTION_INFO_V1(swipesavvy_get_merchant_locations);

#define MAX_IMPORT 10000

#define WRITTEN_COLUMNS SS_LOCATION_COLUMNS ", l.is_active, l.created_at, l.updated_at"

SS_QUERY(find_merchant_of, "SELECT l.merchant_id FROM swipesavvy.merchant_locations l WHERE l.location_id = $1",
		 UUIDOID);

SS_QUERY(lock_location,
		 "SELECT " WRITTEN_COLUMNS " FROM swipesavvy.merchant_locations l WHERE l.location_id = $1"
		 " FOR NO KEY UPDATE",
		 UUIDOID);

SS_QUERY(update_location,
		 "UPDATE swipesavvy.merchant_locations l SET name = $2, street = $3, city = $4, region = $5, postal_code = $6,"
		 " country = $7, phone = $8, timezone = $9, hours = $10, lat_e7 = $11, lon_e7 = $12,"
		 " position = swipesavvy.place_position($13, $14, $15), is_active = $16, updated_at = now()"
		 " WHERE l.location_id = $1 RETURNING " WRITTEN_COLUMNS,
		 UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, INT4OID, INT4OID,
		 FLOAT8OID, FLOAT8OID, FLOAT8OID, BOOLOID);

SS_QUERY(remove_location,
		 "UPDATE swipesavvy.merchant_locations l SET is_active = false, updated_at = now() WHERE l.location_id = $1"
		 " RETURNING " WRITTEN_COLUMNS,
		 UUIDOID);

SS_QUERY(
	count_locations,
	"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.merchant_locations l WHERE l.merchant_id = $1 AND l.is_active" SS_PAGE_COUNT_LIMIT
	") c",
	UUIDOID);

SS_QUERY(list_locations,
		 "SELECT " SS_LOCATION_COLUMNS " FROM swipesavvy.merchant_locations l"
		 " WHERE l.merchant_id = $1 AND l.is_active AND l.location_id > $2 ORDER BY l.location_id LIMIT $3",
		 UUIDOID, UUIDOID, INT8OID);

/* Writes down the row of the last query; without `before` it is new. */
static void
record(SSCall *call, const char *action, const pg_uuid_t *location_id, SSAuditRow before)
{
	SSAudit audit = {.resource = "location", .action = action, .resource_id = ss_uuid_text(location_id)};

	ss_audit_write_rows(call, &audit, before, ss_audit_row());
}

/*
 * add_merchant_location(merchant_id, latitude, longitude, name, street, city,
 * region, postal_code, country, phone, timezone, hours, location_id)
 */
Datum
swipesavvy_add_merchant_location(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSLocation location = {0};

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	location.merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	location.point = ss_sphere_arg(fcinfo, 1, 2);
	for (int i = 0; i < LOCATION_TEXTS; i++)
		location.text[i] = ss_arg_text(fcinfo, 3 + i, ss_location_texts[i].name, ss_location_texts[i].max_chars, false);
	location.hours = ss_arg_jsonb(fcinfo, 11, "hours", false);
	location.location_id = ss_arg_uuid(fcinfo, 12, "location_id", false);
	if (location.location_id == NULL)
		location.location_id = ss_uuid7_new();
	ss_location_check(&location);
	ss_location_insert(&location);
	ss_json_row(&json, NULL);
	record(&call, "add", location.location_id, (SSAuditRow){0});
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* Locks the location after its merchant, and reads it; says whether the merchant is active. PT404. */
static bool
lock(pg_uuid_t *location_id, SSLocation *location)
{
	Datum key = UUIDPGetDatum(location_id);
	bool merchant_is_active;
	double latitude;
	SSRows rows = ss_rows_latest(&find_merchant_of, &key, NULL);
	SSRow row;

	if (rows.count == 0)
		ss_not_found("location", ss_uuid_text(location_id));
	row = ss_row(rows, 0);
	merchant_is_active = ss_merchant_share(ss_next_uuid(&row));
	rows = ss_rows_latest(&lock_location, &key, NULL);
	row = ss_row(rows, 0);
	location->location_id = location_id;
	ss_next_skip(&row, 2);
	for (int i = 0; i < LOCATION_TIMEZONE; i++)
		location->text[i] = ss_next_text_or_null(&row);
	latitude = ss_sphere_degrees(DatumGetNumeric(ss_next_value(&row, NUMERICOID)));
	location->point = ss_sphere_point(latitude, ss_sphere_degrees(DatumGetNumeric(ss_next_value(&row, NUMERICOID))));
	location->text[LOCATION_TIMEZONE] = ss_next_text_or_null(&row);
	location->hours = ss_next_jsonb_or_null(&row);
	location->is_active = ss_next_bool(&row);
	return merchant_is_active;
}

static void
update(const SSLocation *location)
{
	Datum values[16];
	bool nulls[16] = {false};

	ss_param_pointer(values, nulls, 0, location->location_id);
	ss_location_parameters(location, values, nulls, 1);
	values[15] = BoolGetDatum(location->is_active);
	ss_query_latest_rows(&update_location, values, nulls, 1);
}

/*
 * update_merchant_location(location_id, changes)
 */
Datum
swipesavvy_update_merchant_location(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"latitude", "longitude",	  "name",	 "street", "city",
									   "region",   "postal_code", "country", "phone",  "timezone",
									   "hours",	   "is_active",	  NULL};
	SSCall call;
	SSJson json = {0};
	SSLocation location = {0};
	pg_uuid_t *location_id;
	Jsonb *changes;
	JsonbValue *is_active;
	SSAuditRow before;
	bool merchant_is_active;

	ss_call_enter(&call, SS_ADMIN);
	location_id = ss_arg_uuid(fcinfo, 0, "location_id", true);
	changes = ss_arg_jsonb(fcinfo, 1, "changes", true);
	ss_check_keys(changes, "changes", keys);
	merchant_is_active = lock(location_id, &location);
	before = ss_audit_row();
	ss_location_overlay(&location, changes);
	is_active = ss_document_get(changes, "is_active");
	if (is_active != NULL)
		location.is_active = ss_json_as_bool(is_active, "is_active");
	ss_location_check(&location);
	if (location.is_active && !merchant_is_active)
		ss_bad_state("merchant is not active", "So its location \"%s\" is not, either.", ss_uuid_text(location_id));
	update(&location);
	ss_json_row(&json, NULL);
	record(&call, "update", location_id, before);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * remove_merchant_location(location_id): it is kept, and not shown any more
 */
Datum
swipesavvy_remove_merchant_location(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSLocation location = {0};
	pg_uuid_t *location_id;
	Datum value;
	SSAuditRow before;

	ss_call_enter(&call, SS_ADMIN);
	location_id = ss_arg_uuid(fcinfo, 0, "location_id", true);
	(void) lock(location_id, &location);
	before = ss_audit_row();
	value = UUIDPGetDatum(location_id);
	ss_query_latest_rows(&remove_location, &value, NULL, 1);
	ss_json_row(&json, NULL);
	record(&call, "remove", location_id, before);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- import -------------------------------------------------------------------------------- */

static void
import_one(void *argument)
{
	static const char *const keys[] = {"location_id", "merchant_id", "latitude", "longitude",	"name",
									   "street",	  "city",		 "region",	 "postal_code", "country",
									   "phone",		  "timezone",	 "hours",	 NULL};
	Jsonb *document = argument;
	SSLocation location = {0};
	JsonbValue *id;

	ss_check_keys(document, "locations", keys);
	location.merchant_id = ss_json_as_uuid(ss_document_required(document, "merchant_id"), "merchant_id");
	id = ss_document_given(document, "location_id");
	location.location_id = id == NULL ? ss_uuid7_new() : ss_json_as_uuid(id, "location_id");
	if (ss_document_get(document, "latitude") == NULL)
		ss_missing_value("latitude");
	ss_location_overlay(&location, document);
	ss_location_check(&location);
	ss_location_insert(&location);
}

static void
add_error(SSJson *errors, int index, const ErrorData *error)
{
	ss_json_open_object(errors, NULL);
	ss_json_int(errors, "index", index);
	ss_attempt_json_members(errors, error);
	ss_json_close_object(errors);
}

/*
 * import_merchant_locations(locations): new locations; a bad one does not keep
 * the others out
 */
Datum
swipesavvy_import_merchant_locations(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSJson errors = {0};
	SSAudit audit = {.resource = "location", .action = "import"};
	SSJson details = {0};
	Jsonb *locations;
	int count;
	int imported = 0;
	MemoryContext whole = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(whole, "swipesavvy location", ALLOCSET_DEFAULT_SIZES);

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	locations = ss_arg_jsonb(fcinfo, 0, "locations", true);
	if (!JB_ROOT_IS_ARRAY(locations) || JB_ROOT_IS_SCALAR(locations))
		ss_bad_value("locations", "It is not a JSON array.");
	count = JB_ROOT_COUNT(locations);
	if (count > MAX_IMPORT)
		ss_bad_value("locations", "It has %d elements; at most %d are taken at once.", count, MAX_IMPORT);
	ss_json_open_array(&errors, NULL);
	for (int i = 0; i < count; i++)
	{
		ErrorData *error;

		MemoryContextSwitchTo(each);
		error = ss_attempt(import_one, ss_json_as_jsonb(getIthJsonbValueFromContainer(&locations->root, i)), false);
		MemoryContextSwitchTo(whole);
		if (error == NULL)
		{
			imported++;
			MemoryContextReset(each);
		}
		else
			add_error(&errors, i, error); /* which is kept with what it says */
	}
	ss_json_close_array(&errors);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "imported", imported);
	ss_json_jsonb(&json, "errors", DatumGetJsonbP(ss_json_finish(&errors)));
	ss_json_close_object(&json);
	ss_json_open_object(&details, NULL);
	ss_json_int(&details, "imported", imported);
	ss_json_int(&details, "refused", count - imported);
	ss_json_close_object(&details);
	ss_audit_write(&call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&details)));
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- reading -------------------------------------------------------------------------------- */

/* Adds a row of list_locations. */
static const pg_uuid_t *
add_location(SSJson *json, SSRow row, TimestampTz at)
{
	const pg_uuid_t *location_id = ss_next_uuid(&row);
	char *timezone;
	Jsonb *hours;

	ss_next_skip(&row, 10);
	timezone = ss_next_text_or_null(&row);
	hours = ss_next_jsonb_or_null(&row);
	ss_json_open_object(json, NULL);
	ss_json_columns(json, row);
	ss_location_opening(json, hours, timezone, at);
	ss_json_close_object(json);
	return location_id;
}

/*
 * get_merchant_locations(merchant_id, at, page_size, after): the active ones, and
 * whether they are open at that moment
 */
Datum
swipesavvy_get_merchant_locations(PG_FUNCTION_ARGS)
{
	static const pg_uuid_t first = {{0}};
	SSCall call;
	SSJson json = {0};
	Datum values[3];
	SSPage page;
	TimestampTz at;
	bool isnull;
	int64 total;
	SSRows rows;
	const pg_uuid_t *last = NULL;

	ss_call_enter(&call, SS_ANYONE);
	values[0] = UUIDPGetDatum(ss_arg_uuid(fcinfo, 0, "merchant_id", true));
	at = ss_arg_time(fcinfo, 1, "at", &isnull);
	if (isnull)
		at = GetCurrentTransactionStartTimestamp();
	page = ss_arg_page(fcinfo, 2, -1, 3, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	values[1] = UUIDPGetDatum(page.after == NULL ? &first : ss_uuid_from_text(page.after, "after"));
	values[2] = Int64GetDatum(SS_PAGE_ROWS(&page));
	ss_merchant_require(DatumGetUUIDP(values[0]));
	total = ss_one_int64(ss_rows_read(&count_locations, values, NULL));
	rows = ss_rows_read(&list_locations, values, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "locations");
	for (uint64 i = 0; i < Min(rows.count, (uint64) page.limit); i++)
		last = add_location(&json, ss_row(rows, i), at);
	ss_json_close_array(&json);
	ss_page_end(&json, &page, total, false, rows.count > (uint64) page.limit ? ss_uuid_text(last) : NULL);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
