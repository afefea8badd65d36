/*
 * routes.c: the table of routes (routes.h).
 *
 * Read by the two functions that PostgREST calls (http_entry.c), by list_routes()
 * and by openapi(). A new route is a line. Touches no state; no locks.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "routes/routes.h"

/* a line each */
/* clang-format off */
const SSRoute ss_routes[] = {
	{"GET", "/api/health", "health", .status = 200},
	{"GET", "/api/campaigns", "list_campaigns", .status = 200},
	{"POST", "/api/campaigns", "create_campaign", .location = "/api/campaigns/{campaign_id}", .status = 201},
	{"GET", "/api/campaigns/{campaign_id}", "get_campaign", .status = 200},
	{"PUT", "/api/campaigns/{campaign_id}", "update_campaign", .whole_body = "changes", .status = 200},
	{"DELETE", "/api/campaigns/{campaign_id}", "delete_campaign", .status = 200},
	{"POST", "/api/campaigns/{campaign_id}/launch", "launch_campaign", .status = 200},
	{"POST", "/api/campaigns/{campaign_id}/pause", "pause_campaign", .status = 200},
	{"POST", "/api/users", "create_user", .location = "/api/users/{user_id}", .status = 201},
	{"GET", "/api/users/{user_id}", "get_user_profile", .status = 200},
	{"GET", "/api/users/{user_id}/accounts", "get_user_accounts", .status = 200},
	{"POST", "/api/users/{user_id}/accounts", "link_account", .location = "/api/users/{user_id}/accounts", .status = 201},
	{"GET", "/api/users/{user_id}/transactions", "get_user_transactions", .status = 200},
	{"GET", "/api/users/{user_id}/rewards", "get_user_rewards", .status = 200},
	{"GET", "/api/users/{user_id}/analytics/spending", "get_user_spending_analytics", .status = 200},
	{"GET", "/api/users/{user_id}/points", "get_points_history", .status = 200},
	{"POST", "/api/users/{user_id}/redeem", "redeem_points", .status = 200},
	{"POST", "/api/users/{user_id}/donate", "donate_points", .status = 200},
	{"POST", "/api/users/{user_id}/boosts/{boost_id}", "activate_boost", .status = 200},
	{"DELETE", "/api/users/{user_id}/boosts/{boost_id}", "deactivate_boost", .status = 200},
	{"GET", "/api/admin/users", "list_users", .status = 200},
	{"GET", "/api/admin/audit-logs", "get_audit_logs", .status = 200},
	{"GET", "/api/admin/health", "get_system_health", .status = 200},
	{"POST", "/api/admin/settings", "update_system_settings", .whole_body = "settings", .status = 200},
	{"POST", "/api/admin/users/{user_id}/reset-password", "reset_user_password", .status = 200},
	{"GET", "/api/flags", "list_flags", .status = 200, .tagged = true},
	{"POST", "/api/flags", "create_flag", .location = "/api/flags/{flag_key}", .status = 201},
	{"GET", "/api/flags/{flag_key}", "get_flag", .status = 200, .tagged = true},
	{"PUT", "/api/flags/{flag_key}", "update_flag", .whole_body = "changes", .status = 200},
	{"DELETE", "/api/flags/{flag_key}", "delete_flag", .status = 200},
	{"POST", "/api/flags/{flag_key}/evaluate", "evaluate_flag", .status = 200},
	{"GET", "/api/flags/{flag_key}/analytics", "get_flag_analytics", .status = 200},
	{"GET", "/api/flags/{flag_key}/audit", "get_flag_audit", .status = 200},
	{"POST", "/api/flags/{flag_key}/audit", "get_flag_audit", .status = 200},
	{"GET", "/api/analytics/campaigns/{campaign_id}/metrics", "get_campaign_metrics", .status = 200},
	{"GET", "/api/analytics/campaigns/{campaign_id}/daily", "get_campaign_daily", .status = 200},
	{"GET", "/api/analytics/campaigns/{campaign_id}/segment", "get_campaign_segments", .status = 200},
	{"GET", "/api/analytics/segments", "list_segments", .status = 200},
	{"POST", "/api/analytics/custom-report", "run_custom_report", .whole_body = "definition", .status = 200},
	{"GET", "/api/analytics/export", "read_export", .status = 200, .answer = SS_ROUTE_FILE},
	{"POST", "/api/ab-tests", "create_ab_test", .location = "/api/ab-tests/{test_id}", .status = 201},
	{"GET", "/api/ab-tests", "list_ab_tests", .status = 200},
	{"GET", "/api/ab-tests/{test_id}", "get_ab_test", .status = 200},
	{"DELETE", "/api/ab-tests/{test_id}", "delete_ab_test", .status = 200},
	{"POST", "/api/ab-tests/{test_id}/assignments", "assign_ab_test", .status = 200},
	{"GET", "/api/ab-tests/{test_id}/results", "get_ab_test_results", .status = 200},
	{"GET", "/api/ml/models", "list_ml_models", .status = 200},
	{"GET", "/api/ml/performance", "get_ml_performance", .status = 200},
	{"GET", "/api/ml/send-times/{user_id}", "get_send_times", .status = 200},
	{"GET", "/api/ml/affinity/{user_id}", "get_merchant_affinity", .status = 200},
	{"GET", "/api/ml/recommendations/{user_id}", "get_recommendations", .left_out = "campaign_id", .status = 200},
	{"POST", "/api/ml/predict", "predict", .status = 200},
	{"POST", "/api/ml/train", "train_ml_model", .status = 202},
	{"POST", "/api/ml/feedback", "record_ml_feedback", .status = 201},
	{"GET", "/api/merchants", "list_merchants", .status = 200, .tagged = true},
	{"POST", "/api/merchants", "create_merchant", .location = "/api/merchants/{merchant_id}", .status = 201},
	{"GET", "/api/merchants/categories", "list_merchant_categories", .status = 200, .tagged = true},
	{"GET", "/api/merchants/nearby", "get_nearby_merchants", .status = 200, .tagged = true},
	{"GET", "/api/merchants/{merchant_id}", "get_merchant", .status = 200, .tagged = true},
	{"PUT", "/api/merchants/{merchant_id}", "update_merchant", .whole_body = "changes", .status = 200},
	{"DELETE", "/api/merchants/{merchant_id}", "delete_merchant", .status = 200},
	{"GET", "/api/merchants/{merchant_id}/locations", "get_merchant_locations", .status = 200, .tagged = true},
	{"POST", "/api/merchants/{merchant_id}/locations", "add_merchant_location", .location = "/api/merchants/{merchant_id}/locations", .status = 201},
	{"GET", "/api/merchants/{merchant_id}/offers", "get_merchant_offers", .status = 200, .tagged = true},
	{"POST", "/api/merchants/{merchant_id}/offers", "add_merchant_offer", .location = "/api/merchants/{merchant_id}/offers", .status = 201},
	{"GET", "/api/merchants/{merchant_id}/analytics", "get_merchant_analytics", .left_out = "suppress", .status = 200},
	{"POST", "/api/merchants/{merchant_id}/rating", "rate_merchant", .status = 200},
	{"GET", "/api/merchants/{merchant_id}/reviews", "get_merchant_reviews", .status = 200, .tagged = true},
	{"GET", "/api/merchants/{merchant_id}/partnership", "get_partnership", .status = 200},
	{"PUT", "/api/merchants/{merchant_id}/partnership", "set_partnership", .status = 200},
	{"GET", "/api/geofences", "list_geofences", .status = 200},
	{"POST", "/api/geofences", "create_geofence", .location = "/api/geofences/{geofence_id}", .status = 201},
	{"PUT", "/api/geofences/{geofence_id}", "update_geofence", .whole_body = "changes", .status = 200},
	{"DELETE", "/api/geofences/{geofence_id}", "delete_geofence", .status = 200},
	{"POST", "/api/locations/report", "report_location", .status = 200},
	{"POST", "/api/auth/sign-in", "sign_in", .status = 200},
	{"POST", "/api/auth/refresh", "refresh_session", .status = 200},
	{"POST", "/api/auth/sign-out", "sign_out", .status = 200},
	{"POST", "/api/auth/change-password", "change_password", .status = 200},
	{"POST", "/api/transactions", "record_transaction", .location = "/api/transactions/{transaction_id}/explain", .status = 201},
	{"POST", "/api/transactions/batch", "record_transactions", .array_argument = "purchases", .status = 200},
	{"POST", "/api/transactions/{transaction_id}/refund", "refund_transaction", .status = 200},
	{"POST", "/api/transactions/{transaction_id}/settle", "settle_transaction", .status = 200},
	{"POST", "/api/transactions/{transaction_id}/decline", "decline_transaction", .status = 200},
	{"GET", "/api/transactions/{transaction_id}/explain", "explain_award", .status = 200},
	{"GET", "/api/rewards", "list_rewards", .status = 200},
	{"GET", "/api/charities", "list_charities", .status = 200},
	{"GET", "/api/leaderboard", "get_leaderboard", .status = 200},
	{"GET", "/api/tiers", "list_tiers", .status = 200},
	{"GET", "/api/boosts", "list_boosts", .status = 200},
	{"POST", "/api/events", "track_event", .array_argument = "events", .array_function = "track_events", .status = 201},
	{"GET", "/api/openapi.json", "openapi", .status = 200, .tagged = true},
	{"GET", "/console", "console", .status = 200, .answer = SS_ROUTE_PAGE, .tagged = true},
};
/* clang-format on */
const int ss_routes_count = lengthof(ss_routes);

/* Names that clients of the service use; `always` where a gateway reserves ours, or a path has the other one. */
static const struct
{
	const char *other;
	const char *argument;
	bool always;
} other_names[] = {
	{"limit", "page_size", true}, {"offset", "page_offset", true}, {"flag_key", "key", true},
	{"lat", "latitude", false},	  {"lng", "longitude", false},	   {"radius", "radius_meters", false},
};

const char *
ss_route_shown_name(const char *argument)
{
	for (size_t i = 0; i < lengthof(other_names); i++)
	{
		if (other_names[i].always && strcmp(other_names[i].argument, argument) == 0)
			return other_names[i].other;
	}
	return argument;
}

const char *
ss_route_argument_of(const char *other_name)
{
	for (size_t i = 0; i < lengthof(other_names); i++)
	{
		if (strcmp(other_names[i].other, other_name) == 0)
			return other_names[i].argument;
	}
	return NULL;
}

/* --- matching ------------------------------------------------------------------------------------ */

bool
ss_route_next_segment(SSRouteSegment *segment)
{
	if (*segment->next != '/')
		return false;
	segment->n++;
	segment->text = segment->next + 1;
	segment->length = strcspn(segment->text, "/");
	segment->next = segment->text + segment->length;
	segment->name = segment->text[0] == '{' ? pnstrdup(segment->text + 1, segment->length - 2) : NULL;
	return true;
}

/* Are these the segments of the path? What stands for an argument is anything but nothing. */
static bool
is_path(const char *path, char *const *segments, int count)
{
	for (int i = 0; i < count; i++)
	{
		size_t length;

		if (*path != '/')
			return false;
		path++;
		length = strcspn(path, "/");
		if (*path == '{' ? segments[i][0] == '\0'
						 : strlen(segments[i]) != length || strncmp(segments[i], path, length) != 0)
			return false;
		path += length;
	}
	return *path == '\0';
}

/* The path that these segments are: the first one, which has an argument only where no other path has a word. */
static const char *
find_path(char *const *segments, int count)
{
	for (int i = 0; i < ss_routes_count; i++)
	{
		if (is_path(ss_routes[i].path, segments, count))
			return ss_routes[i].path;
	}
	return NULL;
}

const SSRoute *
ss_route_find(const char *method, char *const *segments, int count, bool *path_known)
{
	const char *path = find_path(segments, count);

	*path_known = path != NULL;
	for (int i = 0; path != NULL && i < ss_routes_count; i++)
	{
		if (strcmp(ss_routes[i].path, path) == 0 && strcmp(ss_routes[i].method, method) == 0)
			return &ss_routes[i];
	}
	return NULL;
}

char *
ss_route_allowed(char *const *segments, int count)
{
	const char *path = find_path(segments, count);
	StringInfoData allowed;

	initStringInfo(&allowed);
	for (int i = 0; path != NULL && i < ss_routes_count; i++)
	{
		if (strcmp(ss_routes[i].path, path) != 0)
			continue;
		appendStringInfo(&allowed, "%s%s", allowed.len > 0 ? ", " : "", ss_routes[i].method);
		if (strcmp(ss_routes[i].method, "GET") == 0)
			appendStringInfoString(&allowed, ", HEAD");
	}
	return allowed.data;
}
