/*
 * location.c: a location of a merchant: checked, written, shown (location.h).
 *
 * Called by what adds, changes and imports locations, and by what lists them. A
 * new one shares its merchant's row (FOR SHARE) until it commits, so that a
 * change of the merchant's category or state, which its locations follow, comes
 * before it or after it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/uuid.h"
#include "base/zone.h"
#include "places/hours.h"
#include "places/location.h"

const SSLocationTextRule ss_location_texts[LOCATION_TEXTS] = {
	[LOCATION_NAME] = {"name", SS_NAME_MAX},
	[LOCATION_STREET] = {"street", SS_NAME_MAX},
	[LOCATION_CITY] = {"city", SS_NAME_MAX},
	[LOCATION_REGION] = {"region", SS_NAME_MAX},
	[LOCATION_POSTAL_CODE] = {"postal_code", 20},
	[LOCATION_COUNTRY] = {"country", 2},
	[LOCATION_PHONE] = {"phone", 50},
	[LOCATION_TIMEZONE] = {"timezone", SS_NAME_MAX},
};

SS_QUERY(share_merchant,
		 "SELECT m.is_active, c.category_no FROM swipesavvy.merchants m"
		 " JOIN swipesavvy.merchant_categories c ON c.category = m.category WHERE m.merchant_id = $1 FOR SHARE OF m",
		 UUIDOID);

SS_QUERY(
	insert_location,
	"INSERT INTO swipesavvy.merchant_locations AS l (location_id, merchant_id, category_no, name, street, city, region,"
	" postal_code, country, phone, timezone, hours, lat_e7, lon_e7, position)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, swipesavvy.place_position($15, $16, $17))"
	" ON CONFLICT (location_id) DO NOTHING RETURNING " SS_LOCATION_COLUMNS ", l.is_active, l.created_at, l.updated_at",
	UUIDOID, UUIDOID, INT2OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID,
	INT4OID, INT4OID, FLOAT8OID, FLOAT8OID, FLOAT8OID);

void
ss_location_check(SSLocation *location)
{
	const char *country = location->text[LOCATION_COUNTRY];

	if (country != NULL &&
		(strlen(country) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z'))
		ss_bad_value("country", "\"%s\" is not a country code of two capital letters such as DE.", country);
	if (location->text[LOCATION_TIMEZONE] != NULL)
		location->text[LOCATION_TIMEZONE] =
			pstrdup(pg_get_timezone_name(ss_zone_by_name(location->text[LOCATION_TIMEZONE], "timezone")));
	if (location->hours == NULL)
		return;
	(void) ss_hours_read(location->hours);
	if (location->text[LOCATION_TIMEZONE] == NULL)
		ss_bad_value("timezone", "It is null, and hours are on the clocks of a time zone.");
}

void
ss_location_overlay(SSLocation *location, Jsonb *document)
{
	JsonbValue *latitude = ss_document_get(document, "latitude");
	JsonbValue *longitude = ss_document_get(document, "longitude");
	JsonbValue *hours = ss_document_get(document, "hours");

	for (int i = 0; i < LOCATION_TEXTS; i++)
	{
		if (ss_document_has_null(document, ss_location_texts[i].name))
			location->text[i] = NULL;
		else if (ss_document_get(document, ss_location_texts[i].name) != NULL)
			location->text[i] = ss_document_text(document, ss_location_texts[i].name, ss_location_texts[i].max_chars);
	}
	if (latitude != NULL || longitude != NULL)
	{
		if (latitude == NULL)
			ss_missing_value("latitude");
		if (longitude == NULL)
			ss_missing_value("longitude");
		location->point = ss_sphere_point(ss_sphere_degrees(ss_json_as_numeric(latitude, "latitude")),
										  ss_sphere_degrees(ss_json_as_numeric(longitude, "longitude")));
	}
	if (hours != NULL)
		location->hours = hours->type == jbvNull ? NULL : ss_json_as_jsonb(hours);
}

void
ss_location_parameters(const SSLocation *location, Datum *values, bool *nulls, int first)
{
	SSVector vector = ss_sphere_vector(location->point);

	for (int i = 0; i < LOCATION_TEXTS; i++)
		ss_param_text(values, nulls, first + i, location->text[i]);
	ss_param_pointer(values, nulls, first + LOCATION_TEXTS, location->hours);
	values += first + LOCATION_TEXTS + 1;
	values[0] = Int32GetDatum(location->point.lat_e7);
	values[1] = Int32GetDatum(location->point.lon_e7);
	values[2] = Float8GetDatum(SS_EARTH_RADIUS * vector.x);
	values[3] = Float8GetDatum(SS_EARTH_RADIUS * vector.y);
	values[4] = Float8GetDatum(SS_EARTH_RADIUS * vector.z);
}

void
ss_location_insert(SSLocation *location)
{
	Datum values[17];
	bool nulls[17] = {false};
	SSRow row;
	SSRows rows;

	ss_param_pointer(values, nulls, 0, location->merchant_id);
	rows = ss_rows_latest(&share_merchant, values, NULL);
	if (rows.count == 0)
		ss_not_found("merchant", ss_uuid_text(location->merchant_id));
	row = ss_row(rows, 0);
	if (!ss_next_bool(&row))
		ss_bad_state("merchant is not active", "The merchant_id is \"%s\".", ss_uuid_text(location->merchant_id));
	values[2] = Int16GetDatum(ss_next_int16(&row));
	ss_param_pointer(values, nulls, 0, location->location_id);
	ss_param_pointer(values, nulls, 1, location->merchant_id);
	ss_location_parameters(location, values, nulls, 3);
	if (ss_query_write(&insert_location, values, nulls) == 0)
		ss_duplicate("a location with this location_id exists already", "The location_id is \"%s\".",
					 ss_uuid_text(location->location_id));
}

void
ss_location_degrees(SSJson *json, const char *key, int32 e7)
{
	ss_json_datum(json, key, NumericGetDatum(ss_money_to_major(e7, 7)), false, NUMERICOID);
}

void
ss_location_opening(SSJson *json, Jsonb *hours, const char *timezone, TimestampTz at)
{
	pg_tz *zone;
	SSHours *read;
	TimestampTz change;

	if (hours == NULL)
	{
		ss_json_null(json, "is_open");
		ss_json_null(json, "next_change");
		return;
	}
	zone = ss_zone_stored(timezone);
	read = ss_hours_read(hours);
	ss_json_bool(json, "is_open", ss_hours_open(read, zone, at));
	if (ss_hours_next_change(read, zone, at, &change))
		ss_json_time(json, "next_change", change);
	else
		ss_json_null(json, "next_change");
}
