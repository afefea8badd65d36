/*
 * programme_schemas.c: schemas of campaigns, flags, A/B tests and analytics
 * (result_schemas.h). Constants; read by openapi().
 */
#include "postgres.h"

#include "routes/result_schemas.h"

#define PAGE                                                                                                           \
	"total: int 'exact up to 10,000', total_capped?: bool 'there are more', limit: int, offset: int, next_cursor: text?"
#define AFTER		"after: text 'the next_cursor of the page before'"
#define LIMITS		"page_size: int(1..100), page_offset: int(0..), " AFTER
#define STATUS		"text(draft|running|paused|completed|archived)"
#define TYPE		"text(LOCATION_DEAL|EMAIL_OFFER|SEASONAL|LOYALTY_BOOST|FLASH_SALE)"
#define OFFER_TYPE	"text(FIXED_DISCOUNT|PERCENTAGE|BOGO|FREE_SHIPPING|OTHER)"
#define AMOUNT		"number 'per cent, or in major units of the currency, by offer_type'"
#define METRIC		"text(conversion|buyers|orders|revenue|cost|bonus_points|net_revenue|average_order|refund_rate)"
#define TEST_STATUS "text(draft|running|paused|ended|archived)"
#define CATEGORY	"text(ui|advanced|experimental|rollout)"
#define AUDIENCE	"text(server|client|public)"
#define VALUE_TYPE	"text(boolean|string|number|json)"
#define INTERVAL	"[number?] 'its lower and its upper end'"

/* What only those see who work for the programme is optional. */
#define CAMPAIGN                                                                                                               \
	"campaign_id: text, name: text, campaign_type: " TYPE ", status: " STATUS                                                  \
	", description: text?, offer_type: " OFFER_TYPE ","                                                                        \
	" offer_amount: " AMOUNT                                                                                                   \
	"?, currency: text, start_date: time, end_date: time?, target_segment: text?, target_merchant_id: uuid?,"                  \
	" target_category: text?, per_user_limit: int?, daily_limit: int?, min_spend: money, max_discount: money?, priority: int," \
	" stackable: bool, points_multiplier: number, bonus_points: points, version: int, created_at: time, updated_at: time,"     \
	" launched_at: time?, paused_at: time?, completed_at: time?, archived_at: time?, budget?: money?, spent?: money,"          \
	" hold_out?: percent, impressions?: int, views?: int, clicks?: int, conversions?: int"

#define CHANGES_OF_CAMPAIGN                                                                                                       \
	"{name?: text, campaign_type?: " TYPE ", offer_amount?: " AMOUNT "?, offer_type?: " OFFER_TYPE                                \
	", start_date?: time,"                                                                                                        \
	" end_date?: time?, description?: text?, target_segment?: text?, target_merchant_id?: uuid?, target_category?: text?,"        \
	" budget?: money?, currency?: text?, per_user_limit?: int(1..)?, daily_limit?: int(1..)?, min_spend?: money?,"                \
	" max_discount?: money?, priority?: int?, stackable?: bool?, points_multiplier?: number(1..1000)?, bonus_points?: int(0..)?," \
	" hold_out?: number(0..100)? 'per cent', status?: " STATUS "}"

#define FIGURES                                                                                                               \
	"impressions: int, views: int, clicks: int, conversions: int, purchase_conversions: int, tracked_conversions: int,"       \
	" pending_conversions: int, tracked_value: number, revenue: money, revenue_primary: money, cost: money, discount: money," \
	" bonus_points: points, currency: text, other_currencies?: bool, rates: @Rates"

#define FLAG                                                                                                                        \
	"flag_key: text, name: text, description: text?, category: " CATEGORY ", value_type: " VALUE_TYPE                               \
	", default_value: any,"                                                                                                         \
	" value: any, targeting: object, rules: [object], prerequisites: [object], audience: " AUDIENCE                                 \
	", hash_attribute: text,"                                                                                                       \
	" seed: text, sticky: bool, owner: text?, version: int, created_at: time, updated_at: time, updated_by: uuid?, archived: bool," \
	" overrides: int, enabled: bool, rollout_percentage: percent, schedule: [@FlagStep],"                                           \
	" tests: [@FlagTest],"                                                                                                          \
	" document: {defaultValue?: any, rules?: [object]} 'what SDKs get of it'"

#define CHANGES_OF_FLAG                                                                                                \
	"{name?: text, description?: text?, category?: " CATEGORY                                                          \
	", default_value?: any, value?: any, targeting?: object,"                                                          \
	" rules?: [object], prerequisites?: [object], audience?: " AUDIENCE                                                \
	", hash_attribute?: text, sticky?: bool, owner?: text?,"                                                           \
	" reshuffle?: bool, version?: int 'refused if it is another one by now', enabled?: bool, rollout_percentage?: number(0..100) 'per cent'}"

#define TEST                                                                                                                       \
	"test_id: uuid, test_key: text, test_name: text, kind: text(campaign|flag), status: " TEST_STATUS                              \
	", hypothesis: text?,"                                                                                                         \
	" flag_key: text?, groups: [{group: int, name: text, campaign_id: text?, campaign_status: text?, value: any, weight: share}]," \
	" segment: text?, exposure: text(population|assignment), outside: text(control|none)?, seed: text, hash_version: int,"         \
	" bucket_version: int, coverage: share, namespace: [any]?, currency: text, scope: text(all|target), primary_metric: " METRIC   \
	","                                                                                                                            \
	" metrics: [" METRIC "], guardrails: [" METRIC                                                                                 \
	"], window_days: days?, covariate_days: days, confidence_level: share, power: share,"                                          \
	" minimum_effect_size: number, baseline: number?, target_sample_size: int?, sequential: bool, sequential_tuning: int?,"        \
	" minimum_days: days, minimum_conversions: int, version: int, created_at: time, created_by: uuid?, updated_at: time,"          \
	" started_at: time?, ended_at: time?, archived_at: time?, days_running: number, winner: text?, recommended: text?,"            \
	" end_reason: text?, pauses: [@Pause], document: object 'what an SDK is given'"

#define AUDIT                                                                                                                 \
	"{flag_key: text, entries: [{log_id: uuid, action: text, changed_at: time, actor_id: uuid?, reason: text?, version: int," \
	" before: object?, after: object?}]}"

#define COMPARED                                                                                                       \
	"difference: number?, improvement_percentage: percent?, p_value: number?, confidence_interval: " INTERVAL          \
	", is_significant: bool,"                                                                                          \
	" chance_to_win: share?"

#define DAYS "{start_date: date 'included', end_date: date 'included'}"

/* clang-format off */
const SSResultSchema ss_programme_schemas[] = {
	{"Campaign", "{" CAMPAIGN "}"},
	{"Period", "{start_date: date, end_date: date, days: days, timezone: text}"},
	{"Rates",
		"{click_through_rate: share?, view_rate: share?, conversion_rate: number?, redemption_rate: number?,"
		" revenue_per_impression: number?, cost_per_acquisition: number?, return_on_ad_spend: number?}"},
	{"FlagStep", "{starts_at: time, ends_at: time?, enabled: bool, from_percentage: percent, to_percentage: percent}"},
	{"FlagTest", "{test_id: uuid, status: " TEST_STATUS "}"},
	{"Flag", "{" FLAG "}"},
	{"Pause", "{paused_at: time, resumed_at: time?}"},
	{"Test", "{" TEST ", condition?: object 'of a test of a flag'}"},

	{"list_campaigns",
		"{campaigns: [{campaign_id: text, name: text, campaign_type: " TYPE ", status: " STATUS ", offer_type: " OFFER_TYPE ","
		" offer_amount: " AMOUNT "?, start_date: time, end_date: time?, created_at: time, budget?: money?, spent?: money}], " PAGE "}",
		"{" LIMITS ", status: " STATUS ", campaign_type: " TYPE "}"},
	{"create_campaign",
		"{campaign_id: text, name: text, status: " STATUS ", created_at: time, message: text}",
		"{campaign_type: " TYPE ", offer_type: " OFFER_TYPE ", offer_amount: " AMOUNT ", budget: money, per_user_limit: int(1..),"
		" daily_limit: int(1..), min_spend: money, max_discount: money, points_multiplier: number(1..1000), bonus_points: int(0..),"
		" hold_out: number(0..100) 'per cent'}", "404 409"},
	{"get_campaign", "@Campaign"},
	{"update_campaign", "{" CAMPAIGN ", message: text}", "{changes: " CHANGES_OF_CAMPAIGN "}", "409"},
	{"delete_campaign", "{campaign_id: text, status: " STATUS ", archived_at: time, message: text}"},
	{"launch_campaign",
		"{campaign_id: text, status: " STATUS ", launched_at: time, expected_conversions: int, expected_impressions: int?, message: text}",
		"{schedule: text(immediate|scheduled)}"},
	{"pause_campaign",
		"{campaign_id: text, status: " STATUS ", paused_at: time, message: text,"
		" metrics: {revenue_generated: money, conversions_before_pause: int, impressions_before_pause: int}}"},
	{"track_event",
		"{event_id: uuid, campaign_id: text, kind: text(impression|view|click|conversion), recorded_at: time, replayed: bool}",
		"{kind: text(impression|view|click|conversion), value: number 'what it was worth'}", "404 409"},
	{"track_events",
		"{recorded: int, replayed: int, errors: [{index: int 'from 0', code: text 'SQLSTATE', message: text, detail: text?}]}",
		"{events: [object] '1 to 10,000, with the keys of a single event'}"},

	{"list_flags",
		"{flags: [{flag_key: text, name: text, category: " CATEGORY ", value_type: " VALUE_TYPE ", audience: " AUDIENCE ","
		" owner: text?, updated_at: time, enabled: bool, rollout_percentage: percent}], " PAGE "}",
		"{" LIMITS ", status: text(on|off|archived), category: " CATEGORY "}"},
	{"create_flag", "{" FLAG ", message: text}",
		"{category: " CATEGORY ", value_type: " VALUE_TYPE ", audience: " AUDIENCE ", rollout_percentage: number(0..100) 'per cent',"
		" targeting: object, rules: [object], prerequisites: [object]}", "409"},
	{"get_flag", "@Flag"},
	{"update_flag", "{" FLAG ", message: text}", "{changes: " CHANGES_OF_FLAG "}", "409"},
	{"delete_flag", "{flag_key: text, archived_at: time?, message: text}"},
	{"evaluate_flag",
		"{flag_key: text, enabled: bool, value: any, source: text(cyclicPrerequisite|override|prerequisite|force|experiment|defaultValue|archived|kill_switch),"
		" rule_id: text?, variant: text?, experiment?: {key: any, bucket?: number, variation_id: int}}",
		"{attributes: object}"},
	{"get_flag_analytics",
		"{flag_key: text, as_of: time, estimated: bool, period: @Period, analytics: [{date: date, total_checks: int, enabled_count: int,"
		" disabled_count: int, total_users: int 'an estimate', batch_checks: int, variants: {*: int}}]}",
		"{days: int(1..90)}"},
	{"get_flag_audit", AUDIT, "{days: int(1..3650), page_size: int(1..500)}"},

	{"get_campaign_metrics", "{campaign_id: text, as_of: time, period: @Period, " FIGURES "}", DAYS},
	{"get_campaign_daily",
		"{campaign_id: text, as_of: time, period: @Period, days: [{date: date, updated_at: time?, provisional: bool, " FIGURES "}]}", DAYS},
	{"get_campaign_segments",
		"{campaign_id: text, as_of: time?, segments: [{segment: text? 'null: users in none', members: int, reached: int, converters: int,"
		" conversions: int, converter_rate: share?, revenue: money, cost: money, discount: money}]}"},
	{"list_segments",
		"{segments: [{name: text, description: text?, members: int, running_campaigns: int, created_at: time}]}"},
	{"run_custom_report",
		"{source: text, as_of: time, period: @Period, columns: [{name: text, kind: text(dimension|measure), type: text(date|int|text|decimal),"
		" unit: text?}], rows: [[any]] 'in the order of the columns', row_count: int, totals: [any]?, truncated: bool}",
		"{definition: {source: text(campaigns|purchases), measures: [text], dimensions?: [text], start_date: date, end_date: date,"
		" filters?: [{field: text, op: text(eq|ne|in|not_in), value: any}], having?: [{measure: text, op: text(eq|ne|gt|gte|lt|lte), value: number}],"
		" order_by?: [{field: text, direction?: text(asc|desc)}], limit?: int(1..), totals?: bool}}"},
	{"read_export", "text",
		"{dataset: text(campaigns|campaign_daily|report|segments|rfm|cohorts|churn|liability|ageing), format: text(csv|json)}", "404"},

	{"create_ab_test", "{" TEST ", message: text}",
		"{confidence_level: number, coverage: share, hold_out: share, power: share, exposure: text(population|assignment),"
		" outside: text(control|none), primary_metric: " METRIC ", metrics: [" METRIC "], guardrails: [" METRIC "], scope: text(all|target),"
		" namespace: [any] 'id, start and end', window_days: days, covariate_days: days, minimum_days: days,"
		" minimum_effect_size: number 'relative: 0.10 is from 10 % to 11 %'}", "404 409"},
	{"list_ab_tests",
		"{tests: [{test_id: uuid, test_name: text, kind: text(campaign|flag), status: " TEST_STATUS ", started_at: time?, ended_at: time?,"
		" control_campaign_id: text?, variant_campaign_ids: [text]?, users: int?, target_sample_size: int?, winner: text?}], " PAGE "}",
		"{" LIMITS ", status: " TEST_STATUS "}"},
	{"get_ab_test", "@Test"},
	{"delete_ab_test", "{test_id: uuid, status: " TEST_STATUS ", archived_at: time, message: text}"},
	{"assign_ab_test",
		"{test_id: uuid, user_id: uuid, status: " TEST_STATUS ", in_test: bool, group: int?, group_name: text?, campaign_id: text?,"
		" value: any, exposed_at: time?}"},
	{"get_ab_test_results",
		"{test_id: uuid, test_name: text, kind: text(campaign|flag), status: " TEST_STATUS ", as_of: time?, final: bool,"
		" period: {started_at: time?, ended_at: time?, days_running: number}, users: int, target_sample_size: int?, progress: share?,"
		" primary_metric: " METRIC ", confidence_level: share, sequential: bool, statistical_power: share?, required_sample_size: int?,"
		" estimated_days_left: days?, sample_ratio: {p_value: number?, warning: bool}, exposures: {multiple: int, share: share?},"
		" winner: text?, recommendation: text(not_started|no_data|invalid_sample_ratio|invalid_exposures|keep_running|guardrail_harmed|choose_variant|keep_control|no_difference),"
		" reason: text, warnings: [text(campaign_not_running|campaign_changed|budget_exhausted|population_too_small|low_power|guardrail|restarted|not_final)],"
		" groups: [{group: int, name: text, campaign_id: text?, users: int, reached: int, conversions: int?, conversion_rate: number?,"
		" buyers: int, orders: int, revenue: money, revenue_per_user: number?, cost: money?, net_revenue_per_user: number?, bonus_points: points?}],"
		" leading_group?: int, difference?: number?, improvement_percentage?: percent?, p_value?: number?, confidence_interval?: " INTERVAL ","
		" is_significant?: bool, chance_to_win?: share?,"
		" comparisons: [{group: int, name: text, metric: " METRIC ", role: text(primary|secondary|guardrail), " COMPARED ","
		" adjusted_p_value: number?, unadjusted: {control: number?, variant: number?},"
		" absolute: {difference: number?, standard_error: number?, p_value: number?, confidence_interval: " INTERVAL "},"
		" fixed: {p_value: number?, confidence_interval: " INTERVAL "}, risk: [number?], cuped: {theta: number?, used: bool}, harmed: bool,"
		" error: text?}],"
		" series: [{day: date, group: int, users: int, conversions: int?, revenue: money}], svg?: text 'a forest plot'}",
		"{format: text(json|svg), metric: " METRIC "}"},
	{NULL},
};
/* clang-format on */
