-- (since 1.2.0) All that is held on a person: handed out whole, and erased so that nothing of it is left in any table. Everything is
-- rolled back.
\set SHOW_CONTEXT never
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), false) = quote_ident(session_user) AS trusted;
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
\set ada 00000000-0000-7000-8000-0000000ee001
\set bob 00000000-0000-7000-8000-0000000ee002
-- Ada's data hold the word everywhere that a word can be; Bob's are about him alone.
SELECT swipesavvy.create_user('planted@persons.test', 'Planted Ada', password => 'planted secret', phone => '+1 555 010 7731', preferred_language => 'pt-BR',
    notification_preferences => '{"sms": false}', user_id => :'ada', role => 'support') ->> 'name' AS name,
       swipesavvy.create_user('bob@persons.test', 'Bob', password => 'another secret', user_id => :'bob', referred_by => :'ada') ->> 'name' AS name;
SELECT swipesavvy.update_user(:'ada', '{"name": "Planted A. Lovelace"}') ->> 'name' AS name, swipesavvy.suspend_user(:'ada', 'planted reason') ->> 'account_status' AS suspended,
       swipesavvy.reactivate_user(:'ada', 'planted again') ->> 'account_status' AS active;
SELECT set_config('request.headers', '{"user-agent": "planted agent", "x-forwarded-for": "192.0.2.77"}', true) IS NOT NULL AS said;
SELECT s ->> 'token_type' AS in, s ->> 'access_token' AS access FROM swipesavvy.sign_in('planted@persons.test', 'planted secret') s \gset
SELECT swipesavvy.sign_in('PLANTED@persons.test', 'wrong') ->> 'error' AS wrong, set_config('request.headers', '', true) = '' AS unsaid;
UPDATE swipesavvy.users SET last_login_at = '2026-01-01 00:00', verification_status = 'verified' WHERE user_id = :'ada';
SELECT swipesavvy.link_account(u, 'card', '7731', issuer => issuer, card_type => kind, bank_name => bank, account_type => kind, token => 'tok_' || kind,
                               expiry_month => 12, expiry_year => 2031) ->> 'account_id' AS account FROM (VALUES (:'bob'::uuid, 'Visa', 'credit', 'First')) v (u, issuer, kind, bank) \gset bob_
SELECT swipesavvy.link_account(:'ada', 'card', '7731', issuer => 'Planted Visa', card_type => 'planted credit', bank_name => 'Planted Bank', account_type => 'planted',
                               token => 'tok_planted', expiry_month => 12, expiry_year => 2031) ->> 'account_id' AS account \gset ada_
SELECT swipesavvy.create_merchant('Shop', 'Services', merchant_id => :'ada') ->> 'name' AS merchant, swipesavvy.create_segment('persons') ->> 'name' AS segment,
       swipesavvy.create_boost('Double', 2, boost_id => :'ada') ->> 'name' AS boost,
       swipesavvy.create_campaign('Offer', 'SEASONAL', 5, 'FREE_SHIPPING', '2020-01-01', budget => 1000, bonus_points => 3, campaign_id => 'PERSONS') ->> 'status' AS campaign;
SELECT swipesavvy.launch_campaign('PERSONS') ->> 'status' AS status, swipesavvy.add_segment_members('persons', ARRAY[:'ada', :'bob']::uuid[]) -> 'added' AS added,
       swipesavvy.activate_boost(:'ada', :'ada') -> 'active' AS active, swipesavvy.activate_boost(:'bob', :'ada') -> 'active' AS active,
       swipesavvy.track_event('PERSONS', 'view', :'ada', 1.5) ->> 'kind' AS event, swipesavvy.track_event('PERSONS', 'click', :'bob') ->> 'kind' AS event;
SELECT r -> 'points_earned' AS points, r -> 'awards' AS awards FROM (VALUES (:'ada'::uuid, :'ada_account'::uuid, 'planted'), (:'bob', :'bob_account', 'own')) v (u, a, word),
       LATERAL swipesavvy.record_transaction(u, 20, merchant_id => :'ada', account_id => a, occurred_at => '2026-05-01', idempotency_key => word || ' key',
           metadata => jsonb_build_object('note', word || ' note', 'shipping_amount', 4.5)) r;
SELECT swipesavvy.refund_transaction(transaction_id, 5, 'planted refund', user_id) -> 'points_reversed' AS reversed
  FROM swipesavvy.transactions WHERE user_id = :'ada';
SELECT swipesavvy.record_transaction(:'ada', 1, status => 'pending', occurred_at => '2026-05-02', metadata => '{"planted": true}') ->> 'status' AS status;
SELECT swipesavvy.create_reward('Mug', 2, reward_id => :'ada') -> 'points' AS points, swipesavvy.create_charity('Trees', charity_id => :'ada') -> 'is_active' AS active;
SELECT swipesavvy.redeem_points(u, :'ada', idempotency_key => word || ' key') -> 'points' AS redeemed, swipesavvy.donate_points(u, 1, :'ada', word || ' key') -> 'points' AS donated,
       swipesavvy.adjust_points(u, 3, word || ' reason', word || ' key') -> 'points' AS adjusted FROM (VALUES (:'ada'::uuid, 'planted'), (:'bob', 'own')) v (u, word);
SELECT count(swipesavvy.refresh_leaderboards()) + count(swipesavvy.refresh_customer_analytics()) AS refreshed;
INSERT INTO swipesavvy.import_errors (source, row_id, purchase, code, message, detail)
VALUES ('public.staged', '(0,1)', jsonb_build_object('user_id', upper(:'ada'), 'amount_minor', 5, 'idempotency_key', 'planted key', 'metadata', '{"a": "planted"}'::jsonb), '23505', 'x', 'The key is "planted key".'),
       ('public.staged', '(0,2)', jsonb_build_object('user_id', :'bob', 'amount_minor', 5, 'idempotency_key', 'own key'), '23505', 'x', 'The key is "own key".');
INSERT INTO swipesavvy.outbox (message_id, event, version, body)
VALUES (:'ada', 'user.password_reset', 1, jsonb_build_object('user_id', :'ada', 'email', 'planted@persons.test')),
       (:'bob', 'user.password_reset', 1, jsonb_build_object('user_id', :'bob', 'email', 'bob@persons.test'));
INSERT INTO swipesavvy_private.outbox_secrets VALUES (:'ada', '{"password": "planted"}'), (:'bob', '{"password": "own note"}');

-- every table in which the word, or digits of the phone and the card, can be found
-- the number of a transaction may be that of the card
CREATE FUNCTION pg_temp.places(pattern text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    place regclass;
    found bigint;
    places text[] := '{}';
BEGIN
    FOR place IN SELECT oid FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'swipesavvy%' AND relkind IN ('r', 'p') ORDER BY relname COLLATE "C" LOOP
        EXECUTE format('SELECT count(*) FROM %s t WHERE (to_jsonb(t) - ''xid'')::text ~* $1', place) INTO found USING pattern;
        IF found > 0 THEN
            places := places || format('%s (%s)', split_part(place::text, '.', 2), found);
        END IF;
    END LOOP;
    RETURN array_to_string(places, ', ');
END
$$;
SELECT pg_temp.places('planted|[ "]7731"') AS planted;

-- --- export_user_data --------------------------------------------------------------------------

SELECT swipesavvy.export_user_data(:'ada') AS all_ada \gset
SELECT key, CASE jsonb_typeof(value) WHEN 'array' THEN jsonb_array_length(value)::text || ' rows' ELSE jsonb_typeof(value) END AS holds
  FROM jsonb_each(:'all_ada'::jsonb) ORDER BY key;
SELECT key, value FROM jsonb_each(:'all_ada'::jsonb -> 'user') WHERE key !~ '_at$' OR key = 'last_login_at' ORDER BY key;
SELECT (:'all_ada'::jsonb -> 'credentials') - 'changed_at' AS credentials, :'all_ada'::jsonb -> 'reward_account' AS reward_account;
SELECT p - '{transaction_id,recorded_at,account_id}'::text[] AS purchase FROM jsonb_array_elements(:'all_ada'::jsonb -> 'purchases') p;
SELECT string_agg(p ->> 'transaction_id', ' ') = (SELECT string_agg(transaction_id::text, ' ' ORDER BY occurred_at) FROM swipesavvy.transactions WHERE user_id = :'ada') AS by_time,
       min(p ->> 'account_id') = :'ada_account' AS account FROM jsonb_array_elements(:'all_ada'::jsonb -> 'purchases') p;
SELECT key, value - '{account_id,refund_id,entry_id,transaction_id,confirmation_code,redeemed_at,donated_at,adjusted_at,added_at,activated_at,recorded_at,created_at,occurred_at,logged_at}'::text[]
           #- '{body,refund_id}' #- '{body,transaction_id}' #- '{body,refunded_at}' AS row
  FROM unnest(ARRAY['accounts', 'refunds', 'points_entries', 'campaign_redemptions', 'reward_redemptions', 'donations', 'points_adjustments', 'leaderboard_entries', 'segments', 'boosts', 'campaign_events', 'refused_imports', 'messages']) key,
       jsonb_array_elements(:'all_ada'::jsonb -> key) WHERE coalesce(value ->> 'event', '') !~ '^points';
SELECT value - '{session_id,created_at,last_used_at,expires_at}'::text[] AS session FROM jsonb_array_elements(:'all_ada'::jsonb -> 'sessions');
SELECT l ->> 'event_type' AS event, l -> 'details' ? 'after' AS details FROM jsonb_array_elements(:'all_ada'::jsonb -> 'audit_logs') l;
-- no hash, no token, no secret; and nobody else's
SELECT :'all_ada' ~ 'argon2id|tok_planted|"password"|hash' AS secrets, :'all_ada' ~ 'Bob|bob@|own key|own note' AS of_others;
SELECT swipesavvy.create_user('new@persons.test', 'New', user_id => '00000000-0000-7000-8000-0000000ee003') ->> 'name' AS name;
SELECT swipesavvy.export_user_data('00000000-0000-7000-8000-0000000ee003') - '{exported_at,user,audit_logs,reward_account}'::text[] AS new;
SELECT swipesavvy.export_user_data(NULL);
SELECT swipesavvy.export_user_data('00000000-0000-7000-8000-0000000eefff');

-- Every table with rows of users has its place in the export. One that is missing here belongs into src/users/export_user_data.c and src/users/erase_user.c.
SELECT t.relname AS table, e.key, :'all_ada'::jsonb ? e.key AS exported
  FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'user_id' AND t.relkind IN ('r', 'p') AND t.relnamespace::regnamespace::text LIKE 'swipesavvy%'
  LEFT JOIN (VALUES ('ab_test_exposures', 'ab_test_exposures'), ('accounts', 'accounts'), ('audit_logs', 'audit_logs'), ('campaign_events', 'campaign_events'), ('campaign_redemptions', 'campaign_redemptions'), ('customer_figures', 'customer_figures'),
                    ('donations', 'donations'), ('feature_flag_assignments', 'flag_assignments'), ('feature_flag_overrides', 'flag_overrides'), ('leaderboard_entries', 'leaderboard_entries'), ('ml_profiling_refusals', 'profiling_refusals'), ('ml_feedback', 'ml_feedback'), ('ml_scores', 'ml_scores'), ('ml_live', 'ml_live'), ('ledger_mismatches', 'ledger_mismatch'), ('points_adjustments', 'points_adjustments'), ('reward_redemptions', 'reward_redemptions'),
                    ('points_entries', 'points_entries'), ('rate_limits', 'rate_limit'), ('refunds', 'refunds'), ('reward_accounts', 'reward_account'), ('segment_members', 'segments'), ('transactions', 'purchases'),
                    ('location_consents', 'location_consents'), ('merchant_reviews', 'reviews'), ('user_positions', 'positions'), ('geofence_states', 'geofence_states'), ('geofence_visits', 'geofence_visits'), ('geofence_triggers', 'geofence_triggers'),
                    ('user_boosts', 'boosts'), ('user_credentials', 'credentials'), ('user_sessions', 'sessions'), ('users', 'user')) e (name, key) ON e.name = t.relname
 ORDER BY t.relname COLLATE "C";

-- --- erase_user -----------------------------------------------------------------------------------

CREATE TEMP TABLE books AS SELECT r.*, (SELECT jsonb_agg(to_jsonb(e) ORDER BY entry_id) FROM swipesavvy.points_entries e WHERE e.user_id = r.user_id) AS entries,
    (SELECT jsonb_agg(to_jsonb(t) - '{idempotency_key,metadata}'::text[] ORDER BY transaction_id) FROM swipesavvy.transactions t WHERE t.user_id = r.user_id) AS purchases,
    (SELECT jsonb_agg(to_jsonb(c) ORDER BY transaction_id) FROM swipesavvy.campaign_redemptions c WHERE c.user_id = r.user_id) AS redemptions
  FROM swipesavvy.reward_accounts r WHERE user_id IN (:'ada', :'bob');
SELECT swipesavvy.get_campaign('PERSONS') AS campaign \gset
SELECT swipesavvy.export_user_data(:'bob') - 'exported_at' AS all_bob \gset

SELECT swipesavvy.erase_user(:'ada', 'asked for it') - 'erased_at' AS erased, swipesavvy.erase_user(:'ada', 'asked again') ->> 'reason' AS again;
SELECT count(*) AS sessions_and_failures FROM (SELECT user_id::text FROM swipesavvy_private.user_sessions UNION ALL SELECT email_hash::text FROM swipesavvy_private.sign_in_failures) s;
SELECT pg_temp.places('planted|[ "]7731"') AS bob_has_the_same_card, pg_temp.places('planted') AS planted, pg_temp.places('own (key|note)') AS bobs;
SELECT key, value FROM (SELECT to_jsonb(u) AS row FROM swipesavvy.users u WHERE user_id = :'ada') u, jsonb_each(row) WHERE key !~ '_at$' OR key = 'last_login_at' ORDER BY key;
SELECT erased_at = now() AS erased FROM swipesavvy.users WHERE user_id = :'ada';
SELECT to_jsonb(a) - '{user_id,account_id,created_at,unlinked_at}'::text[] AS account, unlinked_at = now() AS unlinked FROM swipesavvy.accounts a WHERE user_id = :'ada';
SELECT occurred_at, idempotency_key, metadata FROM swipesavvy.transactions WHERE user_id = :'ada' ORDER BY occurred_at;
SELECT event_type, details IS NULL AS no_details, origin IS NULL AS no_origin FROM swipesavvy.audit_logs WHERE user_id = :'ada' ORDER BY log_id;
-- the books and everybody else are as before
SELECT count(*) AS accounts,
       bool_and(to_jsonb(b) - '{entries,purchases,redemptions}'::text[] = to_jsonb(r)) AS same_accounts,
       bool_and(b.entries = (SELECT jsonb_agg(to_jsonb(e) ORDER BY entry_id) FROM swipesavvy.points_entries e WHERE e.user_id = r.user_id)) AS same_entries,
       bool_and(b.purchases = (SELECT jsonb_agg(to_jsonb(t) - '{idempotency_key,metadata}'::text[] ORDER BY transaction_id) FROM swipesavvy.transactions t WHERE t.user_id = r.user_id)) AS same_purchases,
       bool_and(b.redemptions = (SELECT jsonb_agg(to_jsonb(c) ORDER BY transaction_id) FROM swipesavvy.campaign_redemptions c WHERE c.user_id = r.user_id)) AS same_redemptions
  FROM books b JOIN swipesavvy.reward_accounts r USING (user_id);
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches, swipesavvy.get_campaign('PERSONS') = :'campaign' AS same_campaign,
       swipesavvy.export_user_data(:'bob') - 'exported_at' = :'all_bob' AS same_bob;
SELECT swipesavvy.export_user_data(:'ada') -> 'credentials' AS credentials, swipesavvy.get_user_transactions(:'ada') #>> '{transactions,1,payment_method}' AS paid_with;

-- what an erased user can do: nothing
SELECT swipesavvy.verify_token(:'access') ->> 'reason' AS token, swipesavvy.sign_in('planted@persons.test', 'planted secret') ->> 'error' AS sign_in;
DELETE FROM swipesavvy_private.sign_in_failures;
SELECT swipesavvy.record_transaction(:'ada', 5);
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.record_transaction(:'ada', 20, merchant_id => :'ada', account_id => :'ada_account', idempotency_key => 'planted key');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency) VALUES (:'ada', 5, 'USD');
SELECT swipesavvy.reactivate_user(:'ada');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.suspend_user(:'ada');
SELECT swipesavvy.deactivate_user(:'ada');
SELECT swipesavvy.update_user(:'ada', '{"name": "Ada"}');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.link_account(:'ada', 'card', '4242');
\echo :LAST_ERROR_SQLSTATE
-- its e-mail is free
SELECT swipesavvy.create_user('planted@persons.test', 'Somebody else') ->> 'email' AS email;
SELECT swipesavvy.erase_user(NULL);
SELECT swipesavvy.erase_user('00000000-0000-7000-8000-0000000eefff');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.erase_user(:'bob', repeat('x', 4001));

-- --- who may -----------------------------------------------------------------------------------------

SET LOCAL ROLE swipesavvy_customer;
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000ee002"}';
SELECT swipesavvy.export_user_data(:'bob') #>> '{user,name}' AS own;
SELECT swipesavvy.export_user_data(:'ada');
SELECT swipesavvy.erase_user(:'bob');
RESET ROLE;
ROLLBACK;
