/*
 * location.h: a location of a merchant, as it is stored and as it is shown.
 */
#ifndef SS_LOCATION_H
#define SS_LOCATION_H

#include "postgres.h"

#include "base/json.h"
#include "base/query.h"
#include "places/sphere.h"

/* Columns of location `l`, for texts of queries: those that are shown as they are. */
#define SS_LOCATION_COLUMNS                                                                                            \
	"l.location_id, l.merchant_id, l.name, l.street, l.city, l.region, l.postal_code, l.country, l.phone,"             \
	" round(l.lat_e7 / 10000000.0, 7) AS latitude, round(l.lon_e7 / 10000000.0, 7) AS longitude, l.timezone, l.hours"

/* What is kept as text, in the order of those columns. */
typedef enum SSLocationText
{
	LOCATION_NAME,
	LOCATION_STREET,
	LOCATION_CITY,
	LOCATION_REGION,
	LOCATION_POSTAL_CODE,
	LOCATION_COUNTRY,
	LOCATION_PHONE,
	LOCATION_TIMEZONE,
	LOCATION_TEXTS
} SSLocationText;

typedef struct SSLocation
{
	pg_uuid_t *location_id;
	pg_uuid_t *merchant_id;
	bool is_active;
	SSPoint point;
	char *text[LOCATION_TEXTS]; /* NULL: not known */
	Jsonb *hours;				/* NULL: not known */
} SSLocation;

typedef struct SSLocationTextRule
{
	const char *name;
	int max_chars;
} SSLocationTextRule;

extern const SSLocationTextRule ss_location_texts[LOCATION_TEXTS];

/* Checks what is not checked while it is read: country, time zone, hours; the time zone gets its own spelling. */
extern void ss_location_check(SSLocation *location);

/*
 * Puts what the document says (its keys are known to be ours) over what the
 * location has; null takes a text or the hours away.
 */
extern void ss_location_overlay(SSLocation *location, Jsonb *document);

/* Sets the parameters of a query from `first` on: the texts, hours, latitude, longitude, and three of the position. */
extern void ss_location_parameters(const SSLocation *location, Datum *values, bool *nulls, int first);

/*
 * Inserts a new location of an active merchant, whose row is held until the end
 * of the transaction. PT404 merchant, PT400, 23505. Its row is then the last query's.
 */
extern void ss_location_insert(SSLocation *location);

/* latitude or longitude, with seven decimals */
extern void ss_location_degrees(SSJson *json, const char *key, int32 e7);

/* is_open and next_change at that moment, into the object that is open; of a place whose hours are not known both are null. */
extern void ss_location_opening(SSJson *json, Jsonb *hours, const char *timezone, TimestampTz at);

#endif /* SS_LOCATION_H */
