/*
 * service_schemas.c: schemas of models, administration and the service itself
 * (result_schemas.h). Constants; read by openapi().
 */
#include "postgres.h"

#include "routes/result_schemas.h"

#define PAGE                                                                                                           \
	"total: int 'exact up to 10,000', total_capped?: bool 'there are more', limit: int, offset: int, next_cursor: text?"
#define AFTER		   "after: text 'the next_cursor of the page before'"
#define HEALTH		   "text(healthy|degraded|unhealthy)"
#define MODEL		   "text(affinity|churn|conversion|offer)"
#define VERSION_STATUS "text(queued|training|active|held|retired|rejected|failed)"
#define OFFER_TYPE	   "text(FIXED_DISCOUNT|PERCENTAGE|BOGO|FREE_SHIPPING|OTHER)"
#define LEVEL		   "text(high|medium|low)"
#define COUNT		   "int(1..100)"
#define COMPONENTS	   "{visits: share, average_value: share, recency: share, rating: share, category: share}"

/* Each setting, and whether it may be null: of an answer all are there, of a request those that change. */
#define SETTINGS(mark)                                                                                                 \
	"{currency" mark ": text, timezone" mark ": text, earn_rate" mark ": number 'points per major unit',"              \
	" point_value_minor" mark ": int 'minor units', max_transaction_amount" mark ": money?, daily_spending_limit" mark \
	": money?,"                                                                                                        \
	" maintenance_mode" mark ": bool, rate_limit_per_minute" mark ": int? 'calls', cache_ttl_seconds" mark             \
	": seconds,"                                                                                                       \
	" pending_expiry_days" mark ": days, referral_bonus_points" mark ": points, late_posting_days" mark ": days,"      \
	" log_retention_days" mark ": days, points_expiry_months" mark ": int 'months', rfm_segments" mark ": bool,"       \
	" position_retention_hours" mark ": int 'hours', visit_retention_days" mark ": days, rating_prior_weight" mark     \
	": int 'ratings',"                                                                                                 \
	" review_moderation" mark ": bool, privacy_threshold" mark ": int 'users', feature_flags_enabled" mark ": bool,"   \
	" event_retention_days" mark ": days?, token_lifetime_minutes" mark ": int 'minutes', session_lifetime_days" mark  \
	": days,"                                                                                                          \
	" churn_horizon_days" mark ": days, ml_retrain_days" mark ": days?, quiet_hours_start" mark ": int(0..23) 'hour'," \
	" quiet_hours_end" mark ": int(0..23) 'hour', refresh_grace_seconds" mark ": seconds}"

/* clang-format off */
const SSResultSchema ss_service_schemas[] = {
	{"health", "{status: " HEALTH ", timestamp: time}"},
	{"get_system_health",
		"{status: " HEALTH ", timestamp: time, uptime_percent: percent?, services: {"
		"database: {status: " HEALTH ", response_time_ms: ms?, active_connections: int, max_connections: int,"
		" connection_pool_usage: share?, transaction_age: int 'transactions', last_check: time},"
		" cache: {status: " HEALTH ", hit_rate: share?},"
		" api: {status: " HEALTH ", requests_per_second: number?, error_rate: share?, p99_latency_ms: ms?},"
		" background_jobs: {status: " HEALTH ", queued_jobs: int, completed_jobs_last_hour: int, failed_jobs_last_hour: int,"
		" oldest_job_seconds: seconds}},"
		" metrics: {cpu_percent: percent?, memory_percent: percent?, disk_usage_percent: percent?, errors_last_hour: int?,"
		" warnings_last_hour: int?},"
		" alerts: [{name: text, severity: text(warning|critical), message: text, value: number?, threshold: number?,"
		" opened_at?: time, grants?: [text]}]}"},
	{"update_system_settings",
		"{status: text(success), updated_at: time, updated_by: uuid?, updated_settings: " SETTINGS("") "}",
		"{settings: " SETTINGS("?") "}"},
	{"get_audit_logs",
		"{logs: [{log_id: uuid, timestamp: time, event_type: text, resource: text, action: text, resource_id: text?, status: text,"
		" user_id: uuid? 'whose data it was about', actor_id: uuid? 'who was signed in', invoking_role: text?, session_role: text?,"
		" ip_address: text?, user_agent: text?, request_id: text?, details: object?}], " PAGE "}",
		"{page_size: int(1..500), page_offset: int(0..), " AFTER "}"},

	{"list_ml_models",
		"{models: [{model_name: " MODEL ", kind: text(neighbours|logistic), description: text, active_version: int?,"
		" status: " VERSION_STATUS "?, trained_at: time?, as_of: time?, examples: int?, metrics: object?, next_training_at: time?,"
		" drift: bool?}]}"},
	{"get_ml_performance",
		"{versions: [{model_name: " MODEL ", version: int, status: " VERSION_STATUS ", reason: text?, queued_at: time, trained_at: time?,"
		" as_of: time?, seed: int, zone: text?, horizon_days: days?, duration_ms: ms?, examples: {train: int?, test: int?},"
		" positives: {train: int?, test: int?}, lambda: number?, test: {auc: number?, auc_interval: [number?], log_loss: number?,"
		" base_log_loss: number?, brier: number?, ece: number?, lift_10: number?, calibration: [{mean_p: share?, observed: share?, examples: int}]}?,"
		" recency_auc: number?, out_of_fold: [{lambda: number, log_loss: number?}]?, previous_log_loss: number?,"
		" exposure: text(events|launch)?, recommendations: object?,"
		" live: [{month: date, examples: int, positives: int, auc: number?, log_loss: number?, brier: number?, as_of: time, until: time}],"
		" drift: [{feature: text, psi: number}], drift_as_of: time?}],"
		" feedback: [{model_name: " MODEL ", month: date, accepted: int, dismissed: int, irrelevant: int, converted: int}]}",
		"{model_name: " MODEL "}", "404"},
	{"get_send_times",
		"{user_id: uuid, timezone: text, hours: [share] 'of each of 24', weekdays: [share] 'Monday first',"
		" best_hours: [{hour: int(0..23), share: share}], best_weekday: int(1..7) 'Monday is 1', events: int, confidence: share,"
		" source: text(user|programme)}",
		"{page_size: int(1..24)}"},
	{"get_merchant_affinity",
		"{user_id: uuid, as_of: time, total: int, merchants: [{merchant_id: uuid, name: text, category: text, score: share,"
		" components: " COMPONENTS ", visits: int, net_amount: money, last_visit_at: time}]}",
		"{page_size: " COUNT "}"},
	{"get_recommendations",
		"{user_id: uuid, as_of: time?, merchants: [{merchant_id: uuid, name: text, category: text, score: number,"
		" source: text(neighbours|popularity), because: [uuid]}]}",
		"{page_size: " COUNT "}"},
	{"predict",
		"{model_name: " MODEL ", user_id: uuid, as_of: time, cold_start: bool, version?: int, campaign_id?: text, probability?: share,"
		" threshold?: share, decision?: bool, level?: " LEVEL ", offers?: [{offer_type: " OFFER_TYPE ", probability: share}],"
		" explanation?: {base?: number 'of the logarithm of the odds', contributions: [{feature: text, value: number, contribution: number}]},"
		" merchant_id?: uuid, name?: text, category?: text, score?: share, components?: " COMPONENTS ", visits?: int,"
		" net_amount?: money, last_visit_at?: time}",
		"{model_name: " MODEL "}", "404"},
	{"train_ml_model",
		"{model_name: " MODEL ", version: int, status: " VERSION_STATUS ", queued_at: time, position: int, already_queued?: bool}",
		"{model_name: " MODEL ", seed: int(0..)}"},
	{"record_ml_feedback",
		"{feedback_id: uuid, recorded_at: time, replayed: bool}",
		"{model_name: " MODEL ", outcome: text(accepted|dismissed|irrelevant|converted)}", "404 409"},

	{"openapi", "object 'this document'"},
	{"console", "text 'one HTML document'"},
	{NULL},
};
/* clang-format on */
