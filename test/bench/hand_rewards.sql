\set u 1000000000000000000 + random(:first_user, :last_user)
SELECT jsonb_build_object('points_balance', r.points_available, 'points_pending', r.points_pending, 'tier', r.tier,
           'tier_benefits', jsonb_build_array(trim_scale(t.multiplier_milli / 1000.0)::text || ' x points') || t.benefits,
           'next_tier', n.tier, 'next_tier_points_needed', CASE WHEN n.tier IS NOT NULL THEN greatest(n.threshold - r.lifetime_points, 0) END,
           'points_expiry_date', (SELECT to_char(date_trunc('month', p.occurred_at AT TIME ZONE 'UTC') + interval '25 months', 'YYYY-MM-DD"T"HH24":"MI":"SS"Z"')
               FROM (SELECT occurred_at, sum(points_base + points_bonus) OVER (ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS points
                       FROM swipesavvy.transactions WHERE user_id = r.user_id AND occurred_at >= r.lot_at AND status = 'completed'
                      ORDER BY occurred_at) AS p
              WHERE p.points > r.points_debited - r.lot_before LIMIT 1),
           'active_boosts', (SELECT coalesce(jsonb_agg(jsonb_build_object('boost_id', b.boost_id, 'name', b.name, 'multiplier', round(b.multiplier_milli / 1000.0, 3),
                   'category', b.category, 'expires_at', to_char(b.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"'))
                   ORDER BY b.multiplier_milli DESC, b.boost_id), '[]')
               FROM swipesavvy.user_boosts AS ub JOIN swipesavvy.boosts AS b USING (boost_id)
              WHERE ub.user_id = r.user_id AND ub.deactivated_at IS NULL AND b.starts_at <= now() AND (b.expires_at IS NULL OR b.expires_at > now())),
           'recent_point_transactions', (SELECT coalesce(jsonb_agg(jsonb_build_object('entry_id', e.entry_id, 'kind', e.kind,
                   'points', CASE WHEN e.credit_account IN ('available', 'pending') THEN e.points ELSE -e.points END, 'transaction_id', e.transaction_id,
                   'reason', e.reason, 'timestamp', to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"')) ORDER BY e.entry_id DESC), '[]')
               FROM (SELECT * FROM swipesavvy.points_entries WHERE user_id = r.user_id ORDER BY entry_id DESC LIMIT 10) AS e))
  FROM swipesavvy.reward_accounts AS r
  JOIN swipesavvy.tiers AS t ON t.tier = r.tier
  LEFT JOIN LATERAL (SELECT tier, threshold FROM swipesavvy.tiers WHERE is_active AND threshold > t.threshold ORDER BY threshold LIMIT 1) AS n ON true
 WHERE r.user_id = ('c000000040008' || :u)::uuid;
