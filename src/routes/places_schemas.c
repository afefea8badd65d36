/*
 * places_schemas.c: schemas of merchants, where they are, and fences
 * (result_schemas.h). Constants; read by openapi().
 */
#include "postgres.h"

#include "routes/result_schemas.h"

#define PAGE                                                                                                           \
	"total: int 'exact up to 10,000', total_capped?: bool 'there are more', limit: int, offset: int, next_cursor: text?"
#define AFTER	   "after: text 'the next_cursor of the page before'"
#define TIER	   "text(premium|standard|trial)"
#define OFFER_TYPE "text(FIXED_DISCOUNT|PERCENTAGE|BOGO|FREE_SHIPPING|OTHER)"
#define PLACE                                                                                                               \
	"location_id: uuid, merchant_id: uuid, name: text?, latitude: degrees, longitude: degrees, street: text?, city: text?," \
	" region: text?, postal_code: text?, country: text?, phone: text?, timezone: text?, hours: @Hours?"
#define OFFER                                                                                                             \
	"offer_id: uuid, title: text, description: text?, terms: text?, starts_at: time, ends_at: time?, campaign_id: text?," \
	" offer_type: " OFFER_TYPE "?, offer_amount: number?, currency: text?"
#define MERCHANT                                                                                                        \
	"merchant_id: uuid, name: text, category: text, mcc: text?, description: text?, metadata: object, is_active: bool," \
	" created_at: time, updated_at: time"
#define RATED  "rating: number? 'null without any', rating_count: int"
#define AGREED "tier: " TIER ", commission_rate: percent, starts_on: date, ends_on: date?, notes: text?, version: int"

/* clang-format off */
const SSResultSchema ss_places_schemas[] = {
	{"Merchant", "{" MERCHANT "}"},
	{"Hours",
		"{mon?: [[text]] 'from and to, as 09:00', tue?: [[text]], wed?: [[text]], thu?: [[text]], fri?: [[text]], sat?: [[text]],"
		" sun?: [[text]], exceptions?: object 'the same by dates'}"},
	{"Geofence",
		"{geofence_id: uuid, name: text, kind: text(circle|polygon), latitude: degrees?, longitude: degrees?, radius_meters: meters?,"
		" polygon: object? 'GeoJSON', merchant_id: uuid?, location_id: uuid?, campaign_id: text?, dwell_seconds: seconds,"
		" max_accuracy_meters: int 'metres', starts_at: time?, ends_at: time?, is_active: bool, created_at: time, updated_at: time}"},

	{"list_merchants",
		"{merchants: [{merchant_id: uuid, name: text, category: text, mcc: text?, description: text?, " RATED ", created_at: time}], "
		PAGE "}",
		"{page_size: int(1..100), page_offset: int(0..), " AFTER ", rating_min: number(1..5), search: text 'any part of the name'}"},
	{"create_merchant", "@Merchant", "{metadata: object}", "409"},
	{"get_merchant", "{" MERCHANT ", " RATED ", locations: int, offers: int}"},
	{"update_merchant", "@Merchant",
		"{changes: {name?: text, category?: text, mcc?: text?, description?: text?, metadata?: object, is_active?: bool}}"},
	{"delete_merchant", "{merchant_id: uuid, is_active: bool, message: text}"},
	{"list_merchant_categories", "{categories: [{category: text, description: text}]}"},
	{"get_nearby_merchants",
		"{latitude: degrees, longitude: degrees, radius_meters: meters, count: int, more: bool 'there is more within the radius',"
		" merchants: [{merchant_id: uuid, name: text, category: text, " RATED ", offers: int, distance_meters: meters,"
		" is_open: bool? 'null: hours are not known', location_id: uuid, location_name: text?, street: text?, city: text?,"
		" latitude: degrees, longitude: degrees}]}",
		"{latitude: number(-90..90), longitude: number(-180..180), radius_meters: number(1..50000), page_size: int(1..100),"
		" rating_min: number(1..5)}"},
	{"get_merchant_locations",
		"{locations: [{" PLACE ", is_open: bool?, next_change: time?}], " PAGE "}",
		"{page_size: int(1..100), " AFTER "}"},
	{"add_merchant_location", "{" PLACE ", is_active: bool, created_at: time, updated_at: time}",
		"{latitude: number(-90..90), longitude: number(-180..180), hours: @Hours}", "409"},
	{"get_merchant_offers", "{offers: [{" OFFER "}], " PAGE "}", "{page_size: int(1..100), " AFTER "}"},
	{"add_merchant_offer", "{" OFFER ", merchant_id: uuid, is_active: bool, created_at: time, updated_at: time}", NULL, "409"},
	{"get_merchant_analytics",
		"{merchant_id: uuid, currency: text, as_of: time, period: @Period, suppressed: bool 'figures of too few users are null',"
		" purchases: int?, refunded_purchases: int?, amount: money?, refunded: money?, net_amount: money?, average_net: money?,"
		" commission: money?, " RATED ", previous: {purchases: int?, net_amount: money?, percent: percent?},"
		" days: [{date: date, purchases: int?, net_amount: money?}],"
		" customers: {as_of: time?, last_30_days: int?, last_90_days: int?, last_365_days: int?, new_30_days: int?, returning_30_days: int?},"
		" campaigns: [{campaign_id: text, name: text, conversions: int?, revenue: money?, cost: money?}],"
		" visits: {entered: int?, dwelt: int?, converted_24h: int?}}"},
	{"rate_merchant",
		"{merchant_id: uuid, rating: int(1..5), comment_status: text(pending|approved|rejected|removed)?, merchant: {" RATED "},"
		" created_at: time, updated_at: time}",
		"{rating: int(1..5)}"},
	{"get_merchant_reviews",
		"{merchant_id: uuid, " RATED ", histogram: [int] 'how often one to five was given',"
		" reviews: [{review_id: uuid, rating: int(1..5), comment: text?, author: text, created_at: time, updated_at: time}], " PAGE "}",
		"{page_size: int(1..100), " AFTER "}"},
	{"get_partnership",
		"{merchant_id: uuid, on_date: date, tier: " TIER "?, commission_rate: percent?, starts_on: date?, ends_on: date?, notes: text?,"
		" version: int?, history: [{" AGREED ", replaced_on: date?, created_at: time}]}"},
	{"set_partnership", "{merchant_id: uuid, " AGREED ", created_at: time}",
		"{tier: " TIER ", commission_rate: number(0..100) 'per cent'}"},

	{"list_geofences",
		"{geofences: [{geofence_id: uuid, name: text, kind: text(circle|polygon), latitude: degrees?, longitude: degrees?,"
		" radius_meters: meters?, polygon: object?, merchant_id: uuid?, dwell_seconds: seconds}], " PAGE "}",
		"{latitude: number(-90..90), longitude: number(-180..180), radius_meters: number(1..100000), page_size: int(1..100), " AFTER "}"},
	{"create_geofence", "@Geofence",
		"{latitude: number(-90..90), longitude: number(-180..180), radius_meters: number(20..100000), polygon: object 'GeoJSON',"
		" dwell_seconds: int(0..86400), max_accuracy_meters: int(1..5000)}", "404 409"},
	{"update_geofence", "@Geofence",
		"{changes: {name?: text, latitude?: degrees, longitude?: degrees, radius_meters?: meters, polygon?: object?, merchant_id?: uuid?,"
		" location_id?: uuid?, campaign_id?: text?, dwell_seconds?: seconds, max_accuracy_meters?: int, starts_at?: time?, ends_at?: time?}}"},
	{"delete_geofence", "@Geofence"},
	{"report_location",
		"{accepted: bool, ignored: text(accuracy|late|speed)?,"
		" zones: [{geofence_id: uuid, name: text, event: text(exited|entered|dwelt|inside), merchant_id: uuid?, since: time}],"
		" campaigns_triggered: [{campaign_id: text, name: text, offer_type: " OFFER_TYPE ", offer_amount: number, merchant_id: uuid?,"
		" geofence_id: uuid}]}",
		"{latitude: number(-90..90), longitude: number(-180..180), accuracy_meters: number 'of 68 % confidence'}", "404"},
	{NULL},
};
/* clang-format on */
