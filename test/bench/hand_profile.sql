\set u 1000000000000000000 + random(:first_user, :last_user)
SELECT jsonb_build_object('user_id', u.user_id, 'email', u.email, 'name', u.name, 'phone', u.phone,
           'created_at', to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"'), 'account_status', u.status,
           'total_transactions', r.transaction_count, 'lifetime_value', round(r.spent_minor / 100.0, 2),
           'preferred_language', u.preferred_language, 'notification_preferences', u.notification_preferences)
  FROM swipesavvy.users AS u JOIN swipesavvy.reward_accounts AS r USING (user_id) WHERE u.user_id = ('c000000040008' || :u)::uuid;
