/*
 * places_examples.c: examples of merchants, where they are, and fences
 * (route_examples.h). test/t/755_openapi.pl sends them in turn.
 */
#include "postgres.h"

#include "routes/route_examples.h"

/* clang-format off */
const SSRouteExample ss_places_examples[] = {
	{"POST", "/api/merchants",
		"/api/merchants",
		"{'mcc': '5814', 'merchant_id': '00000000-0000-7000-8000-00000000cafe', 'name': 'Corner Coffee'}",
		"{'mcc': '5814', 'name': 'Corner Coffee', 'category': 'Restaurants & Cafes', 'metadata': {}, "
		"'is_active': true, 'created_at': '2026-11-30T22:14:16.824682Z', 'updated_at': "
		"'2026-11-30T22:14:16.824682Z', 'description': null, 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe'}"},
	{"PUT", "/api/merchants/{merchant_id}",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe",
		"{'description': 'On the corner'}",
		"{'mcc': '5814', 'name': 'Corner Coffee', 'category': 'Restaurants & Cafes', 'metadata': {}, "
		"'is_active': true, 'created_at': '2026-11-30T22:14:16.824682Z', 'updated_at': "
		"'2026-11-30T22:14:16.89273Z', 'description': 'On the corner', 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe'}"},
	{"POST", "/api/merchants/{merchant_id}/locations",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/locations",
		"{'city': 'Berlin', 'country': 'DE', 'hours': {'mon': [['09:00', '18:00']]}, 'latitude': 52.5163, "
		"'location_id': '00000000-0000-7000-8000-0000000010ca', 'longitude': 13.3777, 'name': 'At the gate', "
		"'timezone': 'Europe/Berlin'}",
		"{'city': 'Berlin', 'name': 'At the gate', 'hours': {'mon': [['09:00', '18:00']]}, 'phone': null, "
		"'region': null, 'street': null, 'country': 'DE', 'latitude': 52.5163000, 'timezone': 'Europe/Berlin', "
		"'is_active': true, 'longitude': 13.3777000, 'created_at': '2026-11-30T22:14:16.941839Z', 'updated_at': "
		"'2026-11-30T22:14:16.941839Z', 'location_id': '00000000-0000-7000-8000-0000000010ca', 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'postal_code': null}"},
	{"GET", "/api/merchants/{merchant_id}/locations",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/locations?at=2026-11-30T09:00:00Z",
		NULL,
		"{'limit': 20, 'total': 1, 'offset': 0, 'locations': [{'city': 'Berlin', 'name': 'At the gate', 'hours': "
		"{'mon': [['09:00', '18:00']]}, 'phone': null, 'region': null, 'street': null, 'country': 'DE', "
		"'is_open': true, 'latitude': 52.5163000, 'timezone': 'Europe/Berlin', 'longitude': 13.3777000, "
		"'location_id': '00000000-0000-7000-8000-0000000010ca', 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'next_change': '2026-11-30T17:00:00Z', 'postal_code': null}], "
		"'next_cursor': null}"},
	{"POST", "/api/merchants/{merchant_id}/offers",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/offers",
		"{'description': 'With each coffee', 'offer_id': '00000000-0000-7000-8000-00000000ca4e', 'starts_at': "
		"'2026-01-01T00:00:00Z', 'title': 'Free cake'}",
		"{'terms': null, 'title': 'Free cake', 'ends_at': null, 'currency': null, 'offer_id': "
		"'00000000-0000-7000-8000-00000000ca4e', 'is_active': true, 'starts_at': '2026-01-01T00:00:00Z', "
		"'created_at': '2026-11-30T22:14:17.102496Z', 'offer_type': null, 'updated_at': "
		"'2026-11-30T22:14:17.102496Z', 'campaign_id': null, 'description': 'With each coffee', 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'offer_amount': null}"},
	{"GET", "/api/merchants/{merchant_id}/offers",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/offers",
		NULL,
		"{'limit': 20, 'total': 1, 'offers': [{'terms': null, 'title': 'Free cake', 'ends_at': null, 'currency': "
		"null, 'offer_id': '00000000-0000-7000-8000-00000000ca4e', 'starts_at': '2026-01-01T00:00:00Z', "
		"'offer_type': null, 'campaign_id': null, 'description': 'With each coffee', 'offer_amount': null}], "
		"'offset': 0, 'next_cursor': null}"},
	{"GET", "/api/merchants",
		"/api/merchants?search=coff",
		NULL,
		"{'limit': 20, 'total': 1, 'offset': 0, 'merchants': [{'mcc': '5814', 'name': 'Corner Coffee', 'rating': "
		"null, 'category': 'Restaurants & Cafes', 'created_at': '2026-11-30T22:14:16.824682Z', 'description': "
		"'On the corner', 'merchant_id': '00000000-0000-7000-8000-00000000cafe', 'rating_count': 0}], "
		"'next_cursor': null}"},
	{"GET", "/api/merchants/categories",
		"/api/merchants/categories",
		NULL,
		"{'categories': [{'category': 'Restaurants & Cafes', 'description': 'Restaurants, cafes, bars, fast food "
		"and caterers'}, {'category': 'Retail & Shopping', 'description': 'Shops of every kind, wholesale "
		"included'}, {'category': 'Grocery & Food', 'description': 'Supermarkets, bakeries, butchers, wine and "
		"food shops'}, {'category': 'Gas Stations', 'description': 'Fuel and charging'}, {'category': 'Hotels & "
		"Travel', 'description': 'Lodging, airlines, trains, taxis, car hire and travel agencies'}, {'category': "
		"'Entertainment', 'description': 'Cinema, theatre, music, games, sport to watch and betting'}, "
		"{'category': 'Health & Wellness', 'description': 'Pharmacies, doctors, fitness, cosmetics and beauty'}, "
		"{'category': 'Services', 'description': 'Trades, repairs, telecommunication, finance, education and "
		"government'}]}"},
	{"GET", "/api/merchants/nearby",
		"/api/merchants/nearby?latitude=52.52&longitude=13.38&radius_meters=1000",
		NULL,
		"{'more': false, 'count': 1, 'latitude': 52.5200000, 'longitude': 13.3800000, 'merchants': [{'city': "
		"'Berlin', 'name': 'Corner Coffee', 'offers': 1, 'rating': null, 'street': null, 'is_open': false, "
		"'category': 'Restaurants & Cafes', 'latitude': 52.5163000, 'longitude': 13.3777000, 'location_id': "
		"'00000000-0000-7000-8000-0000000010ca', 'merchant_id': '00000000-0000-7000-8000-00000000cafe', "
		"'rating_count': 0, 'location_name': 'At the gate', 'distance_meters': 439.9}], 'radius_meters': 1000}"},
	{"GET", "/api/merchants/{merchant_id}",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe",
		NULL,
		"{'mcc': '5814', 'name': 'Corner Coffee', 'offers': 1, 'rating': null, 'category': 'Restaurants & "
		"Cafes', 'metadata': {}, 'is_active': true, 'locations': 1, 'created_at': '2026-11-30T22:14:16.824682Z', "
		"'updated_at': '2026-11-30T22:14:16.89273Z', 'description': 'On the corner', 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'rating_count': 0}"},
	{"POST", "/api/geofences",
		"/api/geofences",
		"{'geofence_id': '00000000-0000-7000-8000-00000000fe9c', 'latitude': 52.5163, 'longitude': 13.3777, "
		"'name': 'Around the gate', 'radius_meters': 100}",
		"{'kind': 'circle', 'name': 'Around the gate', 'ends_at': null, 'polygon': null, 'latitude': 52.5163000, "
		"'is_active': true, 'longitude': 13.3777000, 'starts_at': null, 'created_at': "
		"'2026-11-30T22:14:17.473829Z', 'updated_at': '2026-11-30T22:14:17.473829Z', 'campaign_id': null, "
		"'geofence_id': '00000000-0000-7000-8000-00000000fe9c', 'location_id': null, 'merchant_id': null, "
		"'dwell_seconds': 300, 'radius_meters': 100, 'max_accuracy_meters': 100}"},
	{"GET", "/api/geofences",
		"/api/geofences?latitude=52.52&longitude=13.38",
		NULL,
		"{'limit': 20, 'total': 1, 'offset': 0, 'geofences': [{'kind': 'circle', 'name': 'Around the gate', "
		"'polygon': null, 'latitude': 52.5163000, 'longitude': 13.3777000, 'geofence_id': "
		"'00000000-0000-7000-8000-00000000fe9c', 'merchant_id': null, 'dwell_seconds': 300, 'radius_meters': "
		"100}], 'next_cursor': null}"},
	{"PUT", "/api/geofences/{geofence_id}",
		"/api/geofences/00000000-0000-7000-8000-00000000fe9c",
		"{'dwell_seconds': 120}",
		"{'kind': 'circle', 'name': 'Around the gate', 'ends_at': null, 'polygon': null, 'latitude': 52.5163000, "
		"'is_active': true, 'longitude': 13.3777000, 'starts_at': null, 'created_at': "
		"'2026-11-30T22:14:17.473829Z', 'updated_at': '2026-11-30T22:14:17.583184Z', 'campaign_id': null, "
		"'geofence_id': '00000000-0000-7000-8000-00000000fe9c', 'location_id': null, 'merchant_id': null, "
		"'dwell_seconds': 120, 'radius_meters': 100, 'max_accuracy_meters': 100}"},
	{"POST", "/api/locations/report",
		"/api/locations/report",
		"{'accuracy_meters': 8, 'latitude': 52.5164, 'longitude': 13.3777, 'user_id': "
		"'00000000-0000-7000-8000-000000000ada'}",
		"{'zones': [{'name': 'Around the gate', 'event': 'entered', 'since': '2026-11-30T22:14:17.68871Z', "
		"'geofence_id': '00000000-0000-7000-8000-00000000fe9c', 'merchant_id': null}], 'ignored': null, "
		"'accepted': true, 'campaigns_triggered': []}"},
	{"DELETE", "/api/geofences/{geofence_id}",
		"/api/geofences/00000000-0000-7000-8000-00000000fe9c",
		NULL,
		"{'kind': 'circle', 'name': 'Around the gate', 'ends_at': null, 'polygon': null, 'latitude': 52.5163000, "
		"'is_active': false, 'longitude': 13.3777000, 'starts_at': null, 'created_at': "
		"'2026-11-30T22:14:17.473829Z', 'updated_at': '2026-11-30T22:14:17.736595Z', 'campaign_id': null, "
		"'geofence_id': '00000000-0000-7000-8000-00000000fe9c', 'location_id': null, 'merchant_id': null, "
		"'dwell_seconds': 120, 'radius_meters': 100, 'max_accuracy_meters': 100}"},
	{"PUT", "/api/merchants/{merchant_id}/partnership",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/partnership",
		"{'commission_rate': 2.5, 'notes': 'by letter', 'starts_on': '2100-01-01', 'tier': 'standard'}",
		"{'tier': 'standard', 'notes': 'by letter', 'ends_on': null, 'version': 1, 'starts_on': '2100-01-01', "
		"'created_at': '2026-11-30T22:14:17.787217Z', 'merchant_id': '00000000-0000-7000-8000-00000000cafe', "
		"'commission_rate': 2.500}"},
	{"GET", "/api/merchants/{merchant_id}/partnership",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/partnership?on_date=2100-02-01",
		NULL,
		"{'tier': 'standard', 'notes': 'by letter', 'ends_on': null, 'history': [{'tier': 'standard', 'notes': "
		"'by letter', 'ends_on': null, 'version': 1, 'starts_on': '2100-01-01', 'created_at': "
		"'2026-11-30T22:14:17.787217Z', 'replaced_on': null, 'commission_rate': 2.500}], 'on_date': "
		"'2100-02-01', 'version': 1, 'starts_on': '2100-01-01', 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'commission_rate': 2.500}"},
	{"POST", "/api/merchants/{merchant_id}/rating",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/rating",
		"{'comment': 'Good coffee', 'rating': 5, 'user_id': '00000000-0000-7000-8000-000000000ada'}",
		"{'rating': 5, 'merchant': {'rating': 3.33, 'rating_count': 1}, 'created_at': "
		"'2026-11-30T22:14:19.036364Z', 'updated_at': '2026-11-30T22:14:19.036364Z', 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'comment_status': 'pending'}"},
	{"GET", "/api/merchants/{merchant_id}/reviews",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/reviews",
		NULL,
		"{'limit': 20, 'total': 1, 'offset': 0, 'rating': 3.33, 'reviews': [{'author': 'A.', 'rating': 5, "
		"'comment': 'Good coffee', 'review_id': '01a22e85-eea4-7f11-aae9-a9507c7cb71f', 'created_at': "
		"'2026-11-30T22:14:19.036364Z', 'updated_at': '2026-11-30T22:14:19.036364Z'}], 'histogram': [0, 0, 0, 0, "
		"1], 'merchant_id': '00000000-0000-7000-8000-00000000cafe', 'next_cursor': null, 'rating_count': 1}"},
	{"GET", "/api/merchants/{merchant_id}/analytics",
		"/api/merchants/00000000-0000-7000-8000-00000000cafe/analytics?start_date=2026-06-01&end_date=2026-06-02",
		NULL,
		"{'days': [{'date': '2026-06-01', 'purchases': null, 'net_amount': null}, {'date': '2026-06-02', "
		"'purchases': null, 'net_amount': null}], 'as_of': '2026-11-30T22:14:20.558838Z', 'amount': null, "
		"'period': {'days': 2, 'end_date': '2026-06-02', 'timezone': 'UTC', 'start_date': '2026-06-01'}, "
		"'rating': 3.33, 'visits': {'dwelt': null, 'entered': null, 'converted_24h': null}, 'currency': 'USD', "
		"'previous': {'percent': null, 'purchases': null, 'net_amount': null}, 'refunded': null, 'campaigns': "
		"[], 'customers': {'as_of': null, 'new_30_days': null, 'last_30_days': null, 'last_90_days': null, "
		"'last_365_days': null, 'returning_30_days': null}, 'purchases': null, 'commission': null, 'net_amount': "
		"null, 'suppressed': true, 'average_net': null, 'merchant_id': '00000000-0000-7000-8000-00000000cafe', "
		"'rating_count': 1, 'refunded_purchases': null}"},
	{"DELETE", "/api/merchants/{merchant_id}",
		"/api/merchants/00000000-0000-7000-8000-00000000d1e5",
		NULL,
		"{'message': 'The merchant is not shown any more; its purchases and history stay.', 'is_active': false, "
		"'merchant_id': '00000000-0000-7000-8000-00000000d1e5'}"},
	{NULL},
};
/* clang-format on */
