-- What a list must do at least: a look-up by primary key, and the 20 rows of a page.
\set i random(1, :people)
SELECT user_id, created_at FROM swipesavvy.users WHERE user_id = ('c000000040008' || (1000000000000000000 + :i))::uuid;
SELECT u.user_id, u.email, u.name, u.status, u.role, u.created_at, u.last_login_at, r.transaction_count, r.spent_minor, u.verification_status
  FROM swipesavvy.users u JOIN swipesavvy.reward_accounts r ON r.user_id = u.user_id
 WHERE u.user_id = ANY (ARRAY(SELECT ('c000000040008' || (1000000000000000000 + greatest(:i::bigint - k, 1)))::uuid FROM generate_series(1, 20) k));
