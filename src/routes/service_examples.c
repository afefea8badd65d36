/*
 * service_examples.c: examples of models, administration and the service itself
 * (route_examples.h). test/t/755_openapi.pl sends them in turn.
 */
#include "postgres.h"

#include "routes/route_examples.h"

/* clang-format off */
const SSRouteExample ss_service_examples[] = {
	{"POST", "/api/ml/train",
		"/api/ml/train",
		"{'model_name': 'churn'}",
		"{'status': 'queued', 'version': 1, 'position': 1, 'queued_at': '2026-11-30T22:14:21.528797Z', "
		"'model_name': 'churn'}"},
	{"POST", "/api/ml/predict",
		"/api/ml/predict",
		"{'merchant_id': '00000000-0000-7000-8000-00000000cafe', 'model_name': 'affinity', 'user_id': "
		"'00000000-0000-7000-8000-000000000b0b'}",
		"{'name': 'Corner Coffee', 'as_of': '2026-11-30T22:14:21.702989Z', 'score': 0.9161, 'visits': 3, "
		"'user_id': '00000000-0000-7000-8000-000000000b0b', 'category': 'Restaurants & Cafes', 'cold_start': "
		"false, 'components': {'rating': 0.666000, 'visits': 1.000000, 'recency': 0.831238, 'category': "
		"1.000000, 'average_value': 1.000000}, 'model_name': 'affinity', 'net_amount': 30.00, 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'last_visit_at': '2026-11-22T12:00:00Z'}"},
	{"GET", "/api/ml/affinity/{user_id}",
		"/api/ml/affinity/00000000-0000-7000-8000-000000000b0b",
		NULL,
		"{'as_of': '2026-11-30T00:00:00Z', 'total': 1, 'user_id': '00000000-0000-7000-8000-000000000b0b', "
		"'merchants': [{'name': 'Corner Coffee', 'score': 0.9161, 'visits': 3, 'category': 'Restaurants & "
		"Cafes', 'components': {'rating': 0.666000, 'visits': 1.000000, 'recency': 0.831238, 'category': "
		"1.000000, 'average_value': 1.000000}, 'net_amount': 30.00, 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'last_visit_at': '2026-11-22T12:00:00Z'}]}"},
	{"GET", "/api/ml/send-times/{user_id}",
		"/api/ml/send-times/00000000-0000-7000-8000-000000000b0b?limit=1",
		NULL,
		"{'hours': [0.033333, 0.033333, 0.033333, 0.033333, 0.033333, 0.033333, 0.033333, 0.033333, 0.033333, "
		"0.033333, 0.045833, 0.083333, 0.108333, 0.083333, 0.045833, 0.033333, 0.033333, 0.033333, 0.033333, "
		"0.033333, 0.033333, 0.033333, 0.033333, 0.033333], 'events': 3, 'source': 'user', 'user_id': "
		"'00000000-0000-7000-8000-000000000b0b', 'timezone': 'UTC', 'weekdays': [0.100000, 0.100000, 0.100000, "
		"0.100000, 0.100000, 0.100000, 0.400000], 'best_hours': [{'hour': 12, 'share': 0.108333}], 'confidence': "
		"0.2000, 'best_weekday': 7}"},
	{"GET", "/api/ml/recommendations/{user_id}",
		"/api/ml/recommendations/00000000-0000-7000-8000-000000000b0b?limit=3",
		NULL,
		"{'as_of': '2026-06-01T00:00:00Z', 'user_id': '00000000-0000-7000-8000-000000000b0b', 'merchants': "
		"[{'name': 'Bakery', 'score': 0.500000, 'source': 'popularity', 'because': [], 'category': 'Grocery & "
		"Food', 'merchant_id': '00000000-0000-7000-8000-00000000ba4e'}]}"},
	{"POST", "/api/ml/feedback",
		"/api/ml/feedback",
		"{'merchant_id': '00000000-0000-7000-8000-00000000cafe', 'model_name': 'affinity', 'outcome': "
		"'accepted', 'user_id': '00000000-0000-7000-8000-000000000b0b'}",
		"{'replayed': false, 'feedback_id': '01a22e85-fa6c-7f92-a93f-70a4d952fa7d', 'recorded_at': "
		"'2026-11-30T22:14:22.055597Z'}"},
	{"GET", "/api/ml/models",
		"/api/ml/models",
		NULL,
		"{'models': [{'kind': 'neighbours', 'as_of': '2026-06-01T00:00:00Z', 'drift': null, 'status': 'active', "
		"'metrics': null, 'examples': null, 'model_name': 'affinity', 'trained_at': null, 'description': "
		"'Merchants that are bought at by the same users; the affinity of users to merchants has fixed weights', "
		"'active_version': 1, 'next_training_at': null}, {'kind': 'logistic', 'as_of': '2026-06-01T00:00:00Z', "
		"'drift': null, 'status': 'active', 'metrics': {'auc': null, 'brier': null, 'lift_10': null, 'log_loss': "
		"null}, 'examples': null, 'model_name': 'churn', 'trained_at': null, 'description': 'Whether a user who "
		"has bought within a year buys nothing for the next churn_horizon_days', 'active_version': 2, "
		"'next_training_at': null}, {'kind': 'logistic', 'as_of': null, 'drift': null, 'status': null, "
		"'metrics': {'auc': null, 'brier': null, 'lift_10': null, 'log_loss': null}, 'examples': null, "
		"'model_name': 'conversion', 'trained_at': null, 'description': 'Whether a user to whom a campaign is "
		"shown redeems it within two weeks', 'active_version': null, 'next_training_at': null}, {'kind': "
		"'logistic', 'as_of': null, 'drift': null, 'status': null, 'metrics': {'auc': null, 'brier': null, "
		"'lift_10': null, 'log_loss': null}, 'examples': null, 'model_name': 'offer', 'trained_at': null, "
		"'description': 'Which type of offers a user is most likely to redeem within two weeks', "
		"'active_version': null, 'next_training_at': null}]}"},
	{"GET", "/api/ml/performance",
		"/api/ml/performance?model_name=churn",
		NULL,
		"{'feedback': [], 'versions': [{'live': [], 'seed': 1, 'test': null, 'zone': null, 'as_of': "
		"'2026-06-01T00:00:00Z', 'drift': [], 'lambda': null, 'reason': null, 'status': 'active', 'version': 2, "
		"'examples': {'test': null, 'train': 200}, 'exposure': null, 'positives': {'test': null, 'train': 100}, "
		"'queued_at': '2026-11-30T22:14:21.57923Z', 'model_name': 'churn', 'trained_at': null, 'drift_as_of': "
		"null, 'duration_ms': null, 'out_of_fold': null, 'recency_auc': null, 'horizon_days': null, "
		"'recommendations': null, 'previous_log_loss': null}, {'live': [], 'seed': 1, 'test': null, 'zone': "
		"null, 'as_of': '2026-11-30T22:14:21.532875Z', 'drift': [], 'lambda': null, 'reason': null, 'status': "
		"'queued', 'version': 1, 'examples': {'test': null, 'train': null}, 'exposure': null, 'positives': "
		"{'test': null, 'train': null}, 'queued_at': '2026-11-30T22:14:21.528797Z', 'model_name': 'churn', "
		"'trained_at': null, 'drift_as_of': null, 'duration_ms': null, 'out_of_fold': null, 'recency_auc': null, "
		"'horizon_days': null, 'recommendations': null, 'previous_log_loss': null}]}"},
	{"GET", "/api/admin/audit-logs",
		"/api/admin/audit-logs?resource=campaign&limit=1",
		NULL,
		"{'logs': [{'action': 'complete', 'log_id': '01a22e85-f7cf-752b-89e8-903323d71644', 'status': 'ok', "
		"'details': {'after': {'status': 'completed', 'version': 3, 'completed_at': "
		"'2026-11-30T22:14:21.377675Z'}, 'before': {'status': 'running', 'version': 2, 'completed_at': null}}, "
		"'user_id': null, 'actor_id': null, 'resource': 'campaign', 'timestamp': '2026-11-30T22:14:21.391322Z', "
		"'event_type': 'campaign.complete', 'ip_address': null, 'request_id': null, 'user_agent': null, "
		"'resource_id': 'CAMP-CAKE', 'session_role': 'postgres', 'invoking_role': 'postgres'}], 'limit': 1, "
		"'total': 12, 'offset': 0, 'next_cursor': '01a22e85-f7cf-752b-89e8-903323d71644'}"},
	{"GET", "/api/admin/health",
		"/api/admin/health",
		NULL,
		"{'alerts': [], 'status': 'healthy', 'metrics': {'cpu_percent': null, 'memory_percent': 5.509, "
		"'errors_last_hour': null, 'disk_usage_percent': null, 'warnings_last_hour': null}, 'services': {'api': "
		"{'status': 'healthy', 'error_rate': null, 'p99_latency_ms': null, 'requests_per_second': null}, "
		"'cache': {'status': 'healthy', 'hit_rate': 0.998}, 'database': {'status': 'healthy', 'last_check': "
		"'2026-11-30T22:14:22.333113Z', 'max_connections': 100, 'transaction_age': 772, 'response_time_ms': "
		"0.003, 'active_connections': 1, 'connection_pool_usage': 0.010}, 'background_jobs': {'status': "
		"'healthy', 'queued_jobs': 15, 'oldest_job_seconds': 6, 'failed_jobs_last_hour': 0, "
		"'completed_jobs_last_hour': 0}}, 'timestamp': '2026-11-30T22:14:22.333108Z', 'uptime_percent': null}"},
	{"POST", "/api/admin/settings",
		"/api/admin/settings",
		"{'daily_spending_limit': 1000, 'earn_rate': 2.5}",
		"{'status': 'success', 'updated_at': '2026-11-30T22:14:22.380082Z', 'updated_by': null, "
		"'updated_settings': {'currency': 'USD', 'timezone': 'UTC', 'earn_rate': 2.500, 'rfm_segments': false, "
		"'ml_retrain_days': 30, 'quiet_hours_end': 8, 'maintenance_mode': false, 'cache_ttl_seconds': 300, "
		"'late_posting_days': 3, 'point_value_minor': 1, 'privacy_threshold': 10, 'quiet_hours_start': 21, "
		"'review_moderation': true, 'churn_horizon_days': 60, 'log_retention_days': 90, 'pending_expiry_days': "
		"30, 'rating_prior_weight': 5, 'daily_spending_limit': 1000.00, 'event_retention_days': null, "
		"'points_expiry_months': 24, 'visit_retention_days': 90, 'feature_flags_enabled': true, "
		"'rate_limit_per_minute': null, 'referral_bonus_points': 0, 'refresh_grace_seconds': 10, "
		"'session_lifetime_days': 30, 'max_transaction_amount': null, 'token_lifetime_minutes': 15, "
		"'position_retention_hours': 24}}"},
	{"GET", "/api/health",
		"/api/health",
		NULL,
		"{'status': 'healthy', 'timestamp': '2026-11-30T22:14:22.438033Z'}"},
	{NULL},
};
/* clang-format on */
