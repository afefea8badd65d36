-- Each message of doc/events.md as it is documented: its version, its key, and its body field by field.
\set QUIET on
BEGIN;
SELECT no_plan();

\set ada '00000000-0000-7000-8000-0000000000aa'
\set purchase '00000000-0000-7000-8000-0000000000a1'
\set charity '00000000-0000-7000-8000-0000000000a2'
\set reward '00000000-0000-7000-8000-0000000000a3'
DELETE FROM swipesavvy.outbox;
SELECT swipesavvy.create_user('ada@events.test', 'Ada', 'a secret of Ada', user_id => :'ada', preferred_language => 'de'),
       swipesavvy.create_charity('Trees', charity_id => :'charity'), swipesavvy.create_reward('Mug', 20, reward_id => :'reward') \g /dev/null
-- what causes them, each in its turn
CREATE TEMP TABLE results (n serial, result jsonb);
INSERT INTO results (result) SELECT swipesavvy.create_campaign(campaign_id => 'C-EVENTS', name => 'Fall', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10,
    start_date => '2020-09-01', end_date => '2199-01-01');
INSERT INTO results (result) SELECT swipesavvy.launch_campaign('C-EVENTS');
INSERT INTO results (result) SELECT swipesavvy.pause_campaign('C-EVENTS');
INSERT INTO results (result) SELECT swipesavvy.update_campaign('C-EVENTS', '{"status": "completed"}');
INSERT INTO results (result) SELECT swipesavvy.record_transaction(:'ada', 2000, transaction_id => :'purchase');
INSERT INTO results (result) SELECT swipesavvy.redeem_points(:'ada', :'reward');
INSERT INTO results (result) SELECT swipesavvy.redeem_points(:'ada', points => 30);
INSERT INTO results (result) SELECT swipesavvy.donate_points(:'ada', 10, :'charity');
SELECT swipesavvy.cancel_redemption(entry_id, 'broken') FROM swipesavvy.reward_redemptions WHERE user_id = :'ada' AND points = 20 \g /dev/null
SELECT swipesavvy.cancel_redemption(entry_id, 'by mistake') FROM swipesavvy.donations WHERE user_id = :'ada' \g /dev/null
INSERT INTO results (result) SELECT swipesavvy.refund_transaction(:'purchase', 12.50);
INSERT INTO results (result) SELECT swipesavvy.sign_in('Ada@events.test', 'wrong') FROM generate_series(1, 5);
INSERT INTO results (result) SELECT swipesavvy.sign_in('nobody@events.test', 'wrong') FROM generate_series(1, 5);
UPDATE swipesavvy_private.sign_in_failures SET locked_until = clock_timestamp() - interval '1 second';
INSERT INTO results (result) SELECT swipesavvy.sign_in('ada@events.test', 'wrong');
INSERT INTO results (result) SELECT swipesavvy.sign_in('ada@events.test', 'wrong, and not counted');
INSERT INTO results (result) SELECT swipesavvy.reset_user_password(:'ada', send_email => false, temporary_password_valid_hours => 3);
SELECT swipesavvy.suspend_user(:'ada') \g /dev/null
UPDATE swipesavvy_private.sign_in_failures SET locked_until = clock_timestamp() - interval '1 second';
INSERT INTO results (result) SELECT swipesavvy.sign_in('ada@events.test', 'wrong') FROM generate_series(1, 6);

-- what must be there; "*" is a value that is looked at below
CREATE TEMP TABLE wanted (n serial, event text, order_key text, body jsonb, secret text);
INSERT INTO wanted (event, order_key, body, secret)
SELECT 'campaign.' || w.event, 'campaign:C-EVENTS', jsonb_build_object('campaign_id', 'C-EVENTS', 'name', 'Fall', 'campaign_type', 'SEASONAL', 'status', w.status,
       'previous_status', w.was, 'start_date', '2020-09-01T00:00:00Z', 'end_date', '2199-01-01T00:00:00Z', 'changed_at', '*'), NULL
  FROM (VALUES ('launched', 'running', 'draft'), ('paused', 'paused', 'running'), ('completed', 'completed', 'paused')) w (event, status, was);
INSERT INTO wanted (event, order_key, body, secret) SELECT v.event, 'user:' || :'ada', v.body::jsonb || jsonb_build_object('user_id', :'ada'), v.secret FROM (VALUES
    ('user.tier_changed', '{"tier": "silver", "previous_tier": "bronze", "lifetime_points": 2000, "changed_at": "*"}', NULL),
    ('points.redeemed', '{"redemption_id": "*", "points": 20, "reward_id": "00000000-0000-7000-8000-0000000000a3", "confirmation_code": "*", "occurred_at": "*"}', NULL),
    ('points.redeemed', '{"redemption_id": "*", "points": 30, "reward_id": null, "confirmation_code": "*", "occurred_at": "*"}', NULL),
    ('points.donated', '{"donation_id": "*", "points": 10, "charity_id": "00000000-0000-7000-8000-0000000000a2", "confirmation_code": "*", "occurred_at": "*"}', NULL),
    ('points.returned', '{"redemption_id": "*", "points": 20, "reward_id": "00000000-0000-7000-8000-0000000000a3", "confirmation_code": "*", "occurred_at": "*"}', NULL),
    ('points.returned', '{"donation_id": "*", "points": 10, "charity_id": "00000000-0000-7000-8000-0000000000a2", "confirmation_code": "*", "occurred_at": "*"}', NULL),
    ('purchase.refunded', '{"refund_id": "*", "transaction_id": "00000000-0000-7000-8000-0000000000a1", "currency": "USD", "refunded": 12.50, "refunded_total": 12.50,
      "points_reversed": 12, "points_balance": 1958, "refunded_at": "*"}', NULL),
    ('user.locked_out', '{"email": "ada@events.test", "name": "Ada", "preferred_language": "de", "failures": 5, "locked_until": "*"}', NULL),
    ('user.locked_out', '{"email": "ada@events.test", "name": "Ada", "preferred_language": "de", "failures": 6, "locked_until": "*"}', NULL),
    ('user.password_reset', '{"email": "ada@events.test", "name": "Ada", "preferred_language": "de", "send_email": false, "valid_until": "*"}', 'temporary_password')) v (event, body, secret);
CREATE TEMP TABLE sent AS SELECT row_number() OVER (ORDER BY message_id) AS n, * FROM swipesavvy.outbox LEFT JOIN swipesavvy_private.outbox_secrets USING (message_id);

SELECT is((SELECT count(*) FROM sent), (SELECT count(*) FROM wanted), 'as many messages as are due');
SELECT is(s.event::text || ' ' || s.version || ' ' || s.order_key, w.event || ' 1 ' || w.order_key, w.event || ': event, version, order_key') FROM wanted w LEFT JOIN sent s USING (n) ORDER BY n;
SELECT is((SELECT jsonb_object_agg(k, CASE WHEN w.body -> k = '"*"' THEN '"*"' ELSE s.body -> k END) FROM jsonb_object_keys(s.body) k), w.body, w.event || ': the body')
  FROM wanted w LEFT JOIN sent s USING (n) ORDER BY n;
SELECT is((SELECT string_agg(k, ' ') FROM jsonb_object_keys(s.secret) k), w.secret, w.event || ': the secret') FROM wanted w LEFT JOIN sent s USING (n) ORDER BY n;
SELECT is_empty($$SELECT event, k, s.body ->> k FROM wanted w JOIN sent s USING (n, event), jsonb_object_keys(w.body) k WHERE w.body -> k = '"*"' AND NOT CASE k
    WHEN 'changed_at' THEN s.body ->> k ~ 'Z$' AND abs(extract(epoch FROM (s.body ->> k)::timestamptz - clock_timestamp())) < 60
    WHEN 'occurred_at' THEN s.body ->> k ~ 'Z$' AND abs(extract(epoch FROM (s.body ->> k)::timestamptz - clock_timestamp())) < 60
    WHEN 'refunded_at' THEN s.body ->> k ~ 'Z$' AND abs(extract(epoch FROM (s.body ->> k)::timestamptz - clock_timestamp())) < 60
    WHEN 'valid_until' THEN s.body ->> k ~ 'Z$' AND abs(extract(epoch FROM (s.body ->> k)::timestamptz - clock_timestamp()) - 10800) < 60
    WHEN 'locked_until' THEN s.body ->> k ~ 'Z$' AND abs(extract(epoch FROM (s.body ->> k)::timestamptz - clock_timestamp()) - 60 * ((s.body ->> 'failures')::integer - 4)) < 60
    ELSE (SELECT count(*) FROM results WHERE result ->> k = s.body ->> k) = 1 END$$,
    'times are when it was, or will be; ids and codes are those that the caller got');

SELECT * FROM finish();
ROLLBACK;
