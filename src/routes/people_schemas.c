/*
 * people_schemas.c: schemas of users, signing in, purchases and points
 * (result_schemas.h). Constants; read by openapi().
 */
#include "postgres.h"

#include "routes/result_schemas.h"

#define PAGE			"total: int 'exact up to 10,000', total_capped?: bool 'there are more', limit: int, offset: int"
#define PAGE_TO			PAGE ", next_cursor: text?"
#define AFTER			"after: text 'the next_cursor of the page before'"
#define LIMITS			"page_size: int(1..100), page_offset: int(0..), " AFTER
#define ROLE			"text(customer|support|analytics|backend|admin)"
#define USER_STATUS		"text(active|inactive|suspended)"
#define PURCHASE_STATUS "text(pending|completed|failed|cancelled)"
#define KIND			"text(earn|bonus|settle|decline|refund|redeem|donate|return|expire|adjust|referral)"
#define KEY				"idempotency_key: text 'the same call under the same key is answered from the record'"

/* clang-format off */
const SSResultSchema ss_people_schemas[] = {
	{"Profile",
		"{user_id: uuid, email: text?, name: text?, phone: text?, account_status: " USER_STATUS ","
		" preferred_language: text, notification_preferences: {email: bool, sms: bool, push: bool},"
		" lifetime_value: money 'completed purchases in the currency of the programme', total_transactions: int, created_at: time}"},
	{"LinkedAccount",
		"{account_id: uuid, type: text(card|bank|wallet), last_four: text, issuer: text?, card_type: text?, bank_name: text?,"
		" account_type: text?, expiry_month: int?, expiry_year: int?, is_default: bool, is_verified: bool, created_at: time}"},
	{"Tokens",
		"{user_id: uuid, role: " ROLE ", access_token: text 'a JSON web token', token_type: text(Bearer), expires_in: seconds,"
		" refresh_token: text 'good for one use', session_ends_at: time, must_change_password: bool}"},
	{"Award", "{campaign_id: text, discount: money, points: points}"},
	{"Purchase",
		"{transaction_id: uuid, status: " PURCHASE_STATUS ", awards: [@Award], points_earned: points, points_balance: points,"
		" tier: text, replayed: bool 'answered from the record'}"},
	{"RowError", "{code: text 'SQLSTATE', message: text, detail: text?, hint: text?}"},
	{"Boost",
		"{boost_id: uuid, user_id: uuid, name: text, active: bool, category: text?, multiplier: number, expires_at: time?}"},

	{"create_user", "@Profile", "{role: " ROLE ", notification_preferences: {email?: bool, sms?: bool, push?: bool}}", "404 409"},
	{"get_user_profile", "@Profile"},
	{"get_user_accounts", "{user_id: uuid, count: int, accounts: [@LinkedAccount]}"},
	{"link_account", "@LinkedAccount", "{type: text(card|bank|wallet)}"},
	{"list_users",
		"{users: [{user_id: uuid, email: text?, name: text?, role: " ROLE ", status: " USER_STATUS ","
		" verification_status: text(unverified|pending|verified), total_spent: money, total_transactions: int,"
		" last_login: time?, created_at: time}], " PAGE_TO "}",
		"{" LIMITS ", status: " USER_STATUS ", role: " ROLE ", search: text 'any part of name or e-mail'}"},
	{"reset_user_password",
		"{user_id: uuid, status: text(success), message: text, temporary_password_generated: bool,"
		" temp_password_valid_until: time, requires_change_on_next_login: bool}",
		"{temporary_password_valid_hours: int(1..720)}"},

	{"sign_in", "@Tokens", NULL, "401"},
	{"refresh_session", "@Tokens", NULL, "401"},
	{"sign_out", "{status: text(signed_out), sessions_ended: int}", NULL, "401"},
	{"change_password", "@Tokens", NULL, "401 403"},

	{"get_user_transactions",
		"{transactions: [{transaction_id: uuid, timestamp: time, amount: money, currency: text, status: " PURCHASE_STATUS ","
		" merchant: text?, merchant_category: text?, payment_method: text?, points_earned: points,"
		" refunded_amount: money, refund_status: text(none|partial|full)}], " PAGE_TO "}",
		"{" LIMITS "}"},
	{"get_user_rewards",
		"{points_balance: points, points_pending: points, tier: text, tier_benefits: [text], next_tier: text?,"
		" next_tier_points_needed: points?, points_expiry_date: time?,"
		" active_boosts: [{boost_id: uuid, name: text, category: text?, multiplier: number, expires_at: time?}],"
		" recent_point_transactions: [{entry_id: uuid, kind: " KIND ", points: points, reason: text?, timestamp: time,"
		" transaction_id: uuid?}]}"},
	{"get_user_spending_analytics",
		"{analysis_date: time, period_days: days, total_spent: money, transaction_count: int, daily_average: money,"
		" average_transaction: money?, median_transaction: money?, min_transaction: money?, max_transaction: money?,"
		" spending_trend: text(up|down|stable), trend_percentage: percent?,"
		" spending_by_category: {*: {count: int, amount: money, percentage: percent}},"
		" top_merchants: [{name: text, amount: money, visit_count: int}],"
		" series: [{period: date 'its first day', amount: money, count: int}]}",
		"{days: int(1..365), granularity: text(daily|weekly|monthly)}"},
	{"get_points_history",
		"{entries: [{entry_id: uuid, kind: " KIND ", points: points 'negative when they leave the user', balance_change: points,"
		" pending_change: points, occurred_at: time, recorded_at: time, reason: text?, transaction_id: uuid?, merchant: text?,"
		" campaign_id: text?, campaign: text?, redemption_id: uuid?, confirmation_code: text?, reward: text?, charity: text?,"
		" cancelled_at: time?}], " PAGE_TO "}",
		"{page_size: int(1..100), " AFTER "}"},

	{"record_transaction", "@Purchase",
		"{amount: money 'before discounts', status: " PURCHASE_STATUS ", " KEY ", metadata: object}", "404 409"},
	{"record_transactions",
		"{results: [{transaction_id?: uuid, status?: " PURCHASE_STATUS ", awards?: [@Award], points_earned?: points,"
		" points_balance?: points, tier?: text, replayed?: bool, error?: @RowError}]} 'in the order of the purchases'",
		"{purchases: [object] '1 to 10,000, with the keys of a single purchase'}"},
	{"refund_transaction",
		"{transaction_id: uuid, refund_id: uuid, status: " PURCHASE_STATUS ", refunded: money 'by this refund', refunded_total: money,"
		" points_reversed: points, points_balance: points, tier: text, replayed: bool,"
		" returned: [{campaign_id: text, discount: money, cost: money}]}",
		"{amount: money 'all that is left unless given', " KEY "}", "409"},
	{"settle_transaction",
		"{transaction_id: uuid, status: " PURCHASE_STATUS ", amount: money, currency: text, awards: [@Award], points_earned: points,"
		" points_balance: points, points_pending: points, tier: text}",
		"{amount: money 'as recorded unless given'}"},
	{"decline_transaction",
		"{transaction_id: uuid, status: " PURCHASE_STATUS ", points_released: points, points_balance: points,"
		" points_pending: points, tier: text}"},
	{"explain_award",
		"{transaction_id: uuid, user_id: uuid, status: " PURCHASE_STATUS ", amount: money 'settled for', recorded_amount: money,"
		" currency: text, discount: money, points_base: points, points_bonus: points, occurred_at: time, recorded_at: time,"
		" candidate_count: int, candidates: [{campaign_id: text, name: text, version: int, applied: bool, reason: text?,"
		" recorded: bool, points?: points, discount?: money, recorded_points?: points, recorded_discount?: money}]}"},

	{"redeem_points",
		"{redemption_id: uuid, entry_id: uuid, points: points, points_balance: points, confirmation_code: text, replayed: bool}",
		"{points: int(1..) 'or a reward_id', " KEY "}", "409"},
	{"donate_points",
		"{donation_id: uuid, entry_id: uuid, points: points, points_balance: points, confirmation_code: text, replayed: bool}",
		"{points: int(1..), " KEY "}", "409"},
	{"activate_boost", "@Boost", NULL, "409"},
	{"deactivate_boost", "@Boost"},
	{"list_rewards",
		"{rewards: [{reward_id: uuid, name: text, description: text?, points: points, stock: int? 'null: no limit',"
		" starts_at: time, ends_at: time?, is_active: bool, created_at: time, updated_at: time}], " PAGE_TO "}",
		"{" LIMITS "}"},
	{"list_charities",
		"{charities: [{charity_id: uuid, name: text, description: text?, is_active: bool, created_at: time, updated_at: time}], "
		PAGE_TO "}",
		"{" LIMITS "}"},
	{"get_leaderboard",
		"{period: text(weekly|monthly|all_time), starts_at: time?, as_of: time?, limit: int,"
		" leaders: [{rank: int, name: text, points: points, tier: text, is_you: bool}], own: {rank: int, points: points}?}",
		"{period: text(weekly|monthly|all_time), page_size: int(1..100)}"},
	{"list_tiers", "{tiers: [{tier: text, threshold: points, multiplier: number, benefits: [text]}]}"},
	{"list_boosts",
		"{boosts: [{boost_id: uuid, name: text, category: text?, multiplier: number, starts_at: time, expires_at: time?, active: bool,"
		" activation_limit: int?, activations_left: int?}], " PAGE_TO "}",
		"{" LIMITS "}"},
	{NULL},
};
/* clang-format on */
