\set u 1000000000000000000 + random(:first_user, :last_user)
SELECT jsonb_build_object('transactions', coalesce(jsonb_agg(jsonb_build_object('transaction_id', t.transaction_id, 'merchant', m.name,
               'merchant_category', c.category, 'amount', round(t.amount_minor / 100.0, 2), 'currency', t.currency,
               'timestamp', to_char(t.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"'), 'status', t.status,
               'payment_method', a.type || ' ' || a.issuer || ' ' || a.card_type || ' ' || a.last_four, 'points_earned', t.points_base + t.points_bonus)
               ORDER BY t.occurred_at DESC, t.transaction_id DESC) FILTER (WHERE t.n <= 20), '[]'),
           'total', (SELECT transaction_count FROM swipesavvy.reward_accounts WHERE user_id = ('c000000040008' || :u)::uuid),
           'limit', 20, 'offset', 0, 'next_cursor', CASE WHEN count(*) > 20 THEN (array_agg(t.transaction_id ORDER BY t.n))[20] END)
  FROM (SELECT *, row_number() OVER (ORDER BY occurred_at DESC, transaction_id DESC) AS n FROM swipesavvy.transactions
         WHERE user_id = ('c000000040008' || :u)::uuid ORDER BY occurred_at DESC, transaction_id DESC LIMIT 21) AS t
  LEFT JOIN swipesavvy.merchants AS m USING (merchant_id)
  LEFT JOIN swipesavvy.merchant_categories AS c ON c.category_no = t.category_no
  LEFT JOIN swipesavvy.accounts AS a ON a.user_id = t.user_id AND a.account_id = t.account_id;
