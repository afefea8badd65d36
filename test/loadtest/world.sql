-- :users users and :campaigns campaigns, half of them running; and the same in plain tables, for the same mix in plain SQL.
\set ON_ERROR_STOP on
CREATE EXTENSION swipesavvy CASCADE;
CREATE ROLE load_app LOGIN IN ROLE swipesavvy_admin;
-- pgbench makes numbers only: 13 fixed digits and a number of 19 make a UUID.
CREATE FUNCTION public.load_user(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;

INSERT INTO swipesavvy.users (user_id, email, name, created_at)
SELECT load_user(n), 'user' || n || '@example.com', 'User ' || n, '2024-01-01'::timestamptz + n * interval '1 minute'
  FROM generate_series(1, :users) n;
INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency) SELECT user_id, 'bronze', 'USD' FROM swipesavvy.users;
SELECT count(swipesavvy.create_campaign(campaign_id => 'LOAD-' || n, name => 'Campaign ' || n, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE',
                                        offer_amount => 10, start_date => now() - interval '1 day', budget => 1000)) FROM generate_series(1, :campaigns) n;
SELECT count(swipesavvy.launch_campaign('LOAD-' || n)) FROM generate_series(1, :campaigns, 2) n;

CREATE SCHEMA plain;
CREATE TABLE plain.users AS
    SELECT u.user_id, u.email, u.name, u.phone, u.status, u.role, u.preferred_language, u.notification_preferences, u.verification_status, u.created_at,
           u.last_login_at, 0::bigint AS transaction_count, 0::bigint AS spent_minor FROM swipesavvy.users u;
ALTER TABLE plain.users ADD PRIMARY KEY (user_id);
CREATE INDEX ON plain.users (created_at, user_id);
CREATE TABLE plain.campaigns AS
    SELECT campaign_no, campaign_id, name, campaign_type, status, offer_amount, offer_type, start_date, end_date, budget, 0::bigint AS spent, created_at
      FROM swipesavvy.campaigns;
ALTER TABLE plain.campaigns ADD PRIMARY KEY (campaign_no), ALTER campaign_no ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('plain.campaigns', 'campaign_no'), max(campaign_no)) FROM plain.campaigns;
CREATE UNIQUE INDEX ON plain.campaigns (campaign_id);
CREATE INDEX ON plain.campaigns (status);
CREATE TABLE plain.counters (name text PRIMARY KEY, n bigint NOT NULL);
INSERT INTO plain.counters SELECT 'users', count(*) FROM plain.users UNION ALL SELECT 'campaigns', count(*) FROM plain.campaigns;
GRANT USAGE ON SCHEMA plain TO load_app;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA plain TO load_app;
VACUUM ANALYZE;
