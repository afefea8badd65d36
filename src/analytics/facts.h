/*
 * facts.h: SQL of what stored facts count for, for the texts of queries that
 * build the roll-ups or check them.
 */
#ifndef SS_FACTS_H
#define SS_FACTS_H

/* The measures of campaigns in the order of the columns of campaign_hours and campaign_days. */
#define SS_CAMPAIGN_MEASURES                                                                                           \
	"impressions, views, clicks, tracked_conversions, purchase_conversions, pending_conversions, tracked_value,"       \
	" revenue, revenue_primary, cost, discount, bonus_points"
#define SS_CAMPAIGN_SUMS                                                                                               \
	"sum(f.impressions)::bigint AS impressions, sum(f.views)::bigint AS views, sum(f.clicks)::bigint AS clicks,"       \
	" sum(f.tracked_conversions)::bigint AS tracked_conversions,"                                                      \
	" sum(f.purchase_conversions)::bigint AS purchase_conversions,"                                                    \
	" sum(f.pending_conversions)::bigint AS pending_conversions, sum(f.tracked_value)::numeric AS tracked_value,"      \
	" sum(f.revenue)::numeric AS revenue, sum(f.revenue_primary)::numeric AS revenue_primary,"                         \
	" sum(f.cost)::numeric AS cost, sum(f.discount)::numeric AS discount, sum(f.bonus_points)::numeric AS bonus_points"

/* Those of purchases, in the order of the columns of merchant_days. */
#define SS_PURCHASE_MEASURES "purchases, pending_purchases, refunded_purchases, amount, refunded, points_earned"
#define SS_PURCHASE_SUMS                                                                                               \
	"sum(f.purchases)::bigint AS purchases, sum(f.pending_purchases)::bigint AS pending_purchases,"                    \
	" sum(f.refunded_purchases)::bigint AS refunded_purchases, sum(f.amount)::numeric AS amount,"                      \
	" sum(f.refunded)::numeric AS refunded, sum(f.points_earned)::numeric AS points_earned"

/* Of each redemption `r` of a purchase `t`: campaign_no, occurred_at, currency and the measures. */
#define SS_REDEMPTION_COLUMNS                                                                                            \
	"r.campaign_no, t.occurred_at, t.currency, 0::bigint AS impressions, 0::bigint AS views,"                            \
	"       0::bigint AS clicks, 0::bigint AS tracked_conversions, r.counts::integer::bigint AS purchase_conversions,"   \
	"       (r.counts AND t.status = 'pending')::integer::bigint AS pending_conversions, 0::bigint AS tracked_value,"    \
	"       CASE WHEN r.counts THEN t.amount_minor - t.refunded_minor ELSE 0 END AS revenue,"                            \
	"       CASE WHEN r.counts AND r.position = 1 THEN t.amount_minor - t.refunded_minor ELSE 0 END AS revenue_primary," \
	"       r.cost_minor - r.cost_returned_minor AS cost,"                                                               \
	"       CASE WHEN NOT r.counts THEN 0 WHEN t.refunded_minor = 0 THEN r.discount_minor"                               \
	"            ELSE r.discount_minor - div(r.discount_minor::numeric * t.refunded_minor, t.amount_minor)::bigint END"  \
	"       AS discount,"                                                                                                \
	"       CASE WHEN r.counts THEN r.points ELSE 0 END AS bonus_points"
#define SS_REDEMPTION_FROM                                                                                             \
	" FROM swipesavvy.campaign_redemptions r"                                                                          \
	" JOIN swipesavvy.transactions t ON t.transaction_id = r.transaction_id AND t.user_id = r.user_id"
#define SS_REDEMPTION_FACTS "SELECT " SS_REDEMPTION_COLUMNS SS_REDEMPTION_FROM

/* The same of each event. */
#define SS_EVENT_FACTS                                                                                                   \
	"SELECT e.campaign_no, e.occurred_at, 'XXX'::bpchar, (e.kind = 'impression')::integer::bigint,"                      \
	"       (e.kind = 'view')::integer::bigint, (e.kind = 'click')::integer::bigint,"                                    \
	"       (e.kind = 'conversion')::integer::bigint, 0::bigint, 0::bigint,"                                             \
	"       CASE WHEN e.kind = 'conversion' THEN coalesce(e.value * 10000, 0) ELSE 0 END::bigint, 0::bigint, 0::bigint," \
	"       0::bigint, 0::bigint, 0::bigint"                                                                             \
	"  FROM swipesavvy.campaign_events e"

/* The same of what is not folded yet, of one campaign or, of a null, of all. */
#define SS_TAIL_FACTS(campaign)                                                                                        \
	"SELECT d.campaign_no, d.slot AS occurred_at, d.currency::bpchar AS currency, d.impressions, d.views, d.clicks,"   \
	"       d.tracked_conversions, d.purchase_conversions, d.pending_conversions, d.tracked_value, d.revenue,"         \
	"       d.revenue_primary, d.cost, d.discount, d.bonus_points"                                                     \
	"  FROM swipesavvy.unfolded_deltas(" campaign ") d WHERE d.campaign_no <> 0"

/* The same by days of the zone: campaign_no, day, currency and the measures. */
#define SS_TAIL_DAYS(campaign, zone)                                                                                   \
	"SELECT d.campaign_no, d.day, d.currency, " SS_CAMPAIGN_MEASURES "  FROM swipesavvy.unfolded_days(" campaign       \
	", " zone ") d"

/* Of each purchase: merchant_id, occurred_at, category_no, currency and the measures. */
#define SS_PURCHASE_FACTS                                                                                              \
	"SELECT coalesce(t.merchant_id, '00000000-0000-0000-0000-000000000000') AS merchant_id, t.occurred_at,"            \
	"       coalesce(t.category_no, 0::smallint) AS category_no, t.currency,"                                          \
	"       (t.status = 'completed')::integer::bigint AS purchases,"                                                   \
	"       (t.status = 'pending')::integer::bigint AS pending_purchases,"                                             \
	"       (t.status = 'completed' AND t.refunded_minor > 0 AND t.refunded_minor = t.amount_minor)::integer::bigint"  \
	"       AS refunded_purchases,"                                                                                    \
	"       CASE WHEN t.status = 'completed' THEN t.amount_minor ELSE 0 END AS amount,"                                \
	"       CASE WHEN t.status = 'completed' THEN t.refunded_minor ELSE 0 END AS refunded,"                            \
	"       CASE WHEN t.status = 'completed' THEN t.points_base + t.points_bonus - t.points_refunded ELSE 0 END"       \
	"       AS points_earned"                                                                                          \
	"  FROM swipesavvy.transactions t WHERE t.status IN ('pending', 'completed')"

/* Is any measure of the group of f not 0? */
#define SS_CAMPAIGN_ANY                                                                                                \
	"(sum(f.impressions) <> 0 OR sum(f.views) <> 0 OR sum(f.clicks) <> 0 OR sum(f.tracked_conversions) <> 0"           \
	" OR sum(f.purchase_conversions) <> 0 OR sum(f.cost) <> 0)"
#define SS_PURCHASE_ANY "(sum(f.purchases) <> 0 OR sum(f.pending_purchases) <> 0)"

#endif /* SS_FACTS_H */
