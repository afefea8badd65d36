-- Campaigns: what each function returns and leaves behind. Everything is rolled back: no campaign of this test ever
-- meets a purchase of another one.
SET timezone = 'UTC';
BEGIN;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) IS NOT NULL AS trusted;
DELETE FROM swipesavvy.campaign_events;

INSERT INTO swipesavvy.users (user_id, email, name) VALUES
    ('00000000-0000-7000-8000-00000000ca01', 'ann@campaigns.test', 'Ann'),
    ('00000000-0000-7000-8000-00000000ca02', 'bob@campaigns.test', 'Bob');
INSERT INTO swipesavvy.merchants (merchant_id, name, category) VALUES
    ('00000000-0000-7000-8000-00000000ca0a', 'Campaign Corner', 'Entertainment');
INSERT INTO swipesavvy.segments (name) VALUES ('campaign-fans');
INSERT INTO swipesavvy.segment_members (user_id, segment_no)
    SELECT '00000000-0000-7000-8000-00000000ca01', segment_no FROM swipesavvy.segments WHERE name = 'campaign-fans';

-- A purchase with its award, as the engine leaves them.
CREATE FUNCTION pg_temp.purchase(user_no integer, days_ago integer, amount bigint, campaign text, refunded bigint DEFAULT 0,
                                 state text DEFAULT 'completed') RETURNS void LANGUAGE sql AS $$
    WITH bought AS (
        INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base,
                points_bonus, discount_minor, refunded_minor, status, currency, category_no, request, merchant_id, decision)
            SELECT swipesavvy.uuid_v7(), ('00000000-0000-7000-8000-00000000ca0' || user_no)::uuid, amount,
                   now() - make_interval(days => days_ago), now(), 0, 0, 0, refunded, state::swipesavvy.purchase_status, 'USD', 6, 0,
                   '00000000-0000-7000-8000-00000000ca0a', ''
            RETURNING *)
    INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points,
            discount_minor, cost_minor, cost_returned_minor, day, position, counts)
        SELECT user_id, transaction_id, campaign_no, 1, 0, 300, 300, 300 * refunded_minor / amount_minor,
               (occurred_at AT TIME ZONE 'UTC')::date, 1, refunded_minor < amount_minor
          FROM bought, swipesavvy.campaigns WHERE campaign_id = campaign
$$;
CREATE FUNCTION pg_temp.slots(campaign text) RETURNS TABLE (days_ago text, slot integer, used bigint, allotted bigint)
    LANGUAGE sql AS $$
    SELECT CASE WHEN s.day = '-infinity' THEN 'budget' ELSE ((now() AT TIME ZONE 'UTC')::date - s.day)::text END,
           s.slot, s.used, s.allotted
      FROM swipesavvy.campaign_slots s JOIN swipesavvy.campaigns c USING (campaign_no)
     WHERE c.campaign_id = campaign ORDER BY s.day, s.slot
$$;

-- create_campaign ----------------------------------------------------------------------------------------------------
SET LOCAL ROLE swipesavvy_admin;
SELECT swipesavvy.create_campaign('Zebra minimal', 'SEASONAL', 5, 'FIXED_DISCOUNT', '2026-03-01', campaign_id => 'T-MINIMAL')
       - 'created_at';
SELECT (swipesavvy.create_campaign('Zebra now', 'SEASONAL', NULL, 'BOGO', '2026-03-01', campaign_id => 'T-NOW')
        ->> 'created_at')::timestamptz = now() AS created_now;
SELECT jsonb_pretty(swipesavvy.get_campaign('T-MINIMAL') - '{created_at,updated_at}'::text[]);
SELECT swipesavvy.create_campaign(name => 'Zebra 100%_full', campaign_type => 'LOYALTY_BOOST', offer_amount => 12.345,
    offer_type => 'PERCENTAGE', start_date => '2026-03-01 00:00+00', end_date => '2026-04-01 00:00+00',
    description => E'Two\nlines', target_segment => 'campaign-fans', target_merchant_id => '00000000-0000-7000-8000-00000000ca0a',
    target_category => 'Entertainment', budget => 50000, currency => 'BHD', per_user_limit => 1, daily_limit => 2,
    min_spend => 0.125, max_discount => 7.5, priority => -3, stackable => true, points_multiplier => 1000,
    bonus_points => 2147483647, hold_out => 99.99, campaign_id => 'T-FULL') ->> 'status' AS status;
SELECT jsonb_pretty(swipesavvy.get_campaign('T-FULL') - '{created_at,updated_at}'::text[]);
RESET ROLE;
SELECT * FROM pg_temp.slots('T-FULL');
SELECT * FROM pg_temp.slots('T-MINIMAL');

-- generated ids: unique, and they sort by the time they were made
WITH made AS MATERIALIZED (
    SELECT n, swipesavvy.create_campaign('Generated', 'FLASH_SALE', 0, 'OTHER', now()) ->> 'campaign_id' AS id
      FROM generate_series(1, 200) n)
SELECT count(DISTINCT id) AS distinct_ids, bool_and(id ~ '^CAMP-[0-9A-HJKMNP-TV-Z]{16}$') AS well_formed,
       array_agg(id ORDER BY n) = array_agg(id ORDER BY id COLLATE "C") AS sorted
  FROM made;

-- the programme's currency is the default one
UPDATE swipesavvy.system_settings SET value = '"JPY"' WHERE setting = 'currency';
SELECT swipesavvy.create_campaign('Zebra yen', 'SEASONAL', 500, 'FREE_SHIPPING', '2026-03-01', campaign_id => 'T-YEN') ->> 'status';
SELECT swipesavvy.get_campaign('T-YEN') -> 'currency' AS currency, swipesavvy.get_campaign('T-YEN') -> 'offer_amount' AS offer_amount;
UPDATE swipesavvy.system_settings SET value = '"USD"' WHERE setting = 'currency';

-- launch_campaign ------------------------------------------------------------------------------------------------------
SELECT swipesavvy.create_campaign('Zebra launch', 'EMAIL_OFFER', 3, 'FIXED_DISCOUNT', now() + interval '1 day',
    end_date => now() + interval '2 days', target_merchant_id => '00000000-0000-7000-8000-00000000ca0a', min_spend => 10,
    campaign_id => 'T-LAUNCH') ->> 'status' AS status;
SELECT swipesavvy.create_campaign('Zebra other', 'EMAIL_OFFER', 3, 'FIXED_DISCOUNT', now() - interval '1 day',
    campaign_id => 'T-OTHER') ->> 'status' AS status;
SELECT swipesavvy.launch_campaign('T-LAUNCH', 'scheduled') - 'launched_at' AS launched;
SELECT swipesavvy.get_campaign('T-LAUNCH') ->> 'start_date' = to_json(now() AT TIME ZONE 'UTC' + interval '1 day') #>> '{}' || 'Z' AS start_kept;
SELECT swipesavvy.pause_campaign('T-LAUNCH') - 'paused_at' AS paused;

-- three campaigns of the type, two of them with impressions (3 and 2): 2.5 is rounded up
SELECT count(swipesavvy.track_event('T-OTHER', 'impression')) FROM generate_series(1, 3);
SELECT count(swipesavvy.track_event('T-LAUNCH', 'impression')) FROM generate_series(1, 7);
SELECT swipesavvy.create_campaign('Zebra third', 'EMAIL_OFFER', 3, 'FIXED_DISCOUNT', now(), campaign_id => 'T-THIRD') ->> 'status' AS status;
SELECT count(swipesavvy.track_event('T-THIRD', 'impression')) FROM generate_series(1, 2);
SELECT count(swipesavvy.track_event('T-MINIMAL', 'impression')) FROM generate_series(1, 90);
-- Ann: twice today, once yesterday, one declined, one too small, one of 31 days ago; Bob: once today, once pending
-- (no award: no campaign is named)
SELECT pg_temp.purchase(1, 0, 1000, NULL), pg_temp.purchase(1, 0, 1001, NULL), pg_temp.purchase(1, 1, 5000, NULL),
       pg_temp.purchase(1, 1, 5000, NULL, 0, 'failed'), pg_temp.purchase(1, 1, 999, NULL), pg_temp.purchase(1, 31, 5000, NULL),
       pg_temp.purchase(2, 0, 2000, NULL), pg_temp.purchase(2, 1, 2000, NULL, 0, 'pending');
SELECT swipesavvy.launch_campaign('T-LAUNCH') - 'launched_at' AS launched;
SELECT (swipesavvy.get_campaign('T-LAUNCH') ->> 'start_date')::timestamptz = now() AS starts_now,
       (swipesavvy.get_campaign('T-LAUNCH') ->> 'launched_at')::timestamptz = now() AS launched_now,
       (swipesavvy.get_campaign('T-LAUNCH') ->> 'paused_at')::timestamptz = now() AS paused_now;
-- with a limit per user, per day, and for a segment
CREATE FUNCTION pg_temp.expected(changes jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM swipesavvy.pause_campaign('T-LAUNCH'), swipesavvy.update_campaign('T-LAUNCH', changes);
    RETURN swipesavvy.launch_campaign('T-LAUNCH', 'scheduled') -> 'expected_conversions';
END
$$;
SELECT pg_temp.expected('{"per_user_limit": 1}') AS one_each, pg_temp.expected('{"per_user_limit": 2}') AS two_each,
       pg_temp.expected('{"per_user_limit": null, "daily_limit": 1}') AS one_a_day,
       pg_temp.expected('{"daily_limit": null, "target_segment": "campaign-fans"}') AS anns,
       pg_temp.expected('{"target_segment": null, "target_category": "Entertainment"}') AS of_category,
       pg_temp.expected('{"target_category": "Services"}') AS of_another_category,
       pg_temp.expected('{"target_category": null, "currency": "EUR"}') AS in_another_currency,
       pg_temp.expected('{"currency": "USD", "min_spend": 10.01}') AS larger;

-- pause_campaign: metrics net of refunds, without fully refunded purchases ------------------------------------------------
SELECT pg_temp.purchase(1, 0, 10000, 'T-LAUNCH'), pg_temp.purchase(1, 1, 10000, 'T-LAUNCH', 2500),
       pg_temp.purchase(2, 1, 4000, 'T-LAUNCH', 4000);
SELECT swipesavvy.track_event('T-LAUNCH', 'conversion', value => 12.5) ->> 'kind' AS kind;
SELECT swipesavvy.track_event('T-LAUNCH', kind) ->> 'kind' AS kind FROM unnest(ARRAY['view', 'view', 'click']) kind;
SELECT swipesavvy.pause_campaign('T-LAUNCH') - 'paused_at' AS paused;
SELECT key, value FROM jsonb_each(swipesavvy.get_campaign('T-LAUNCH'))
    WHERE key IN ('status', 'spent', 'budget', 'impressions', 'views', 'clicks', 'conversions', 'version') ORDER BY key;

-- update_campaign ------------------------------------------------------------------------------------------------------
-- a budget added late knows what was spent without one: 3.00 + 2.25 + 0.00
SELECT swipesavvy.update_campaign('T-LAUNCH', '{"budget": 5.25}') -> 'spent' AS spent;
SELECT * FROM pg_temp.slots('T-LAUNCH');
SELECT swipesavvy.update_campaign('T-LAUNCH', '{"budget": 1000.50}') -> 'budget' AS budget;
SELECT * FROM pg_temp.slots('T-LAUNCH');
-- and a daily limit what was redeemed on each day; a day over it is full
SELECT swipesavvy.update_campaign('T-LAUNCH', '{"daily_limit": 3}') -> 'daily_limit' AS daily_limit;
SELECT * FROM pg_temp.slots('T-LAUNCH');
UPDATE swipesavvy.campaign_slots SET used = 3 WHERE allotted = 3;
SELECT swipesavvy.update_campaign('T-LAUNCH', '{"daily_limit": 2}') -> 'daily_limit' AS daily_limit;
SELECT * FROM pg_temp.slots('T-LAUNCH');
SELECT swipesavvy.update_campaign('T-LAUNCH', '{"daily_limit": 4, "budget": 6}') -> 'daily_limit' AS daily_limit;
SELECT * FROM pg_temp.slots('T-LAUNCH');
SELECT swipesavvy.update_campaign('T-LAUNCH', '{"daily_limit": null, "budget": null}') -> 'spent' AS spent;
SELECT * FROM pg_temp.slots('T-LAUNCH');

-- nothing changed: no version. What did: the row before is kept
SELECT swipesavvy.update_campaign('T-NOW', '{}') -> 'message' AS message;
SELECT swipesavvy.update_campaign('T-NOW', '{"name": "Zebra now", "status": "draft", "points_multiplier": 1.0, "description": null}')
    -> 'message' AS message;
SELECT swipesavvy.update_campaign('T-NOW', '{"name": "Zebra later", "offer_type": "PERCENTAGE", "offer_amount": 10, "max_discount": 3}')
       @> '{"name": "Zebra later", "offer_type": "PERCENTAGE", "offer_amount": 10, "max_discount": 3, "min_spend": 0, "version": 2,
            "status": "draft", "spent": 0, "conversions": 0, "message": "The campaign was changed."}' AS changed;
SELECT swipesavvy.update_campaign('T-NOW', '{"max_discount": null, "min_spend": null, "end_date": "2026-03-02T00:00:00Z"}')
       @> '{"max_discount": null, "min_spend": 0, "end_date": "2026-03-02T00:00:00Z", "version": 3}' AS changed;
SELECT v.version, v.valid_until >= now() AS closed, v.campaign ->> 'name' AS name, v.campaign ->> 'offer_type' AS offer_type,
       v.campaign ->> 'offer_amount' AS offer_amount, v.campaign ->> 'version' AS own_version
  FROM swipesavvy.campaign_versions v JOIN swipesavvy.campaigns c USING (campaign_no)
 WHERE c.campaign_id = 'T-NOW' ORDER BY v.version;
-- amounts keep their number in another currency
SELECT swipesavvy.update_campaign('T-FULL', '{"currency": "USD", "min_spend": 0.12}') -> 'version' AS version;
SELECT c ->> 'currency' AS currency, c -> 'budget' AS budget, c -> 'min_spend' AS min_spend, c -> 'max_discount' AS max_discount,
       c -> 'offer_amount' AS offer_amount
  FROM swipesavvy.get_campaign('T-FULL') c;
SELECT * FROM pg_temp.slots('T-FULL');

-- each way through the states
CREATE FUNCTION pg_temp.may_become(before text, after text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, offer_type, offer_amount, currency, start_date, status)
        VALUES ('T-' || before || '-' || after, 'Way', 'SEASONAL', 'OTHER', 0, 'USD', now(), before);
    PERFORM swipesavvy.update_campaign('T-' || before || '-' || after, jsonb_build_object('status', after));
    RETURN true;
EXCEPTION WHEN sqlstate 'PT400' THEN
    RETURN false;
END
$$;
SELECT from_status, array_agg(to_status) FILTER (WHERE allowed) AS may_become FROM (
    SELECT f.status AS from_status, t.status AS to_status, t.n, f.n AS m,
           pg_temp.may_become(f.status, t.status) AS allowed
      FROM unnest(ARRAY['draft', 'running', 'paused', 'completed', 'archived']) WITH ORDINALITY f (status, n),
           unnest(ARRAY['draft', 'running', 'paused', 'completed', 'archived']) WITH ORDINALITY t (status, n)
     WHERE f.status <> t.status) ways
 GROUP BY from_status, m ORDER BY m;

-- delete_campaign ---------------------------------------------------------------------------------------------------------
SELECT swipesavvy.delete_campaign('T-THIRD') - 'archived_at' AS deleted;
SELECT (c ->> 'archived_at')::timestamptz = now() AS archived_now, c -> 'status' AS status, c -> 'impressions' AS impressions
  FROM swipesavvy.get_campaign('T-THIRD') c;

-- list_campaigns: newest first, deleted ones only if asked for ------------------------------------------------------------
CREATE FUNCTION pg_temp.ids(list jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(c ->> 'campaign_id', ' ' ORDER BY n), '') || ' | '
           || (list - 'campaigns')::text FROM jsonb_array_elements(list -> 'campaigns') WITH ORDINALITY e (c, n)
$$;
SELECT jsonb_pretty(jsonb_set(swipesavvy.list_campaigns(search => 'zebra min'), '{campaigns,0,created_at}', '"now"'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'ZEBRA'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'zebra', status => 'archived'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'zebra', status => 'draft', campaign_type => 'SEASONAL'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => '100%_f'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => '%'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'zebra_'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => '\'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'zebra', page_size => 2));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'zebra', page_size => 2, after => 'T-LAUNCH'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'zebra', page_size => 2, after => 'T-FULL'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'zebra', page_size => 2, page_offset => 5));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'nothing of this name'));
-- exact up to 10,000, capped beyond
INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, offer_type, offer_amount, currency, start_date)
    SELECT 'T-MANY-' || n, 'Giraffe', 'SEASONAL', 'OTHER', 0, 'USD', now() FROM generate_series(1, 10000) n;
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'giraffe', page_size => 1));
INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, offer_type, offer_amount, currency, start_date)
    VALUES ('T-MANY-0', 'Giraffe', 'SEASONAL', 'OTHER', 0, 'USD', now());
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'giraffe', page_size => 1));

-- what a customer sees; of T-SOME-1 Ann is held out and Bob is not ------------------------------------------------------
INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, offer_type, offer_amount, currency, start_date, end_date,
        status, hold_out, budget, target_segment_no)
    SELECT id, 'Okapi', 'SEASONAL', 'OTHER', 0, 'USD', now() + from_now::interval, now() + to_now::interval, state, held, 5,
           CASE WHEN aimed THEN (SELECT segment_no FROM swipesavvy.segments WHERE name = 'campaign-fans') END
      FROM (VALUES ('T-OPEN', '-1 day', NULL, 'running', 0, false),
                   ('T-FANS', '-1 day', '1 day', 'running', 0, true),
                   ('T-NOBODY', '-1 day', NULL, 'running', 10000, false),
                   ('T-SOME-1', '-1 day', NULL, 'running', 5000, false),
                   ('T-AHEAD', '1 day', NULL, 'running', 0, false),
                   ('T-OVER', '-1 day', '0', 'running', 0, false),
                   ('T-PAUSED', '-1 day', NULL, 'paused', 0, false)) v (id, from_now, to_now, state, held, aimed);
SET LOCAL ROLE swipesavvy_customer;
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-00000000ca01"}';
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'okapi'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'okapi', page_size => 1));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'okapi', page_size => 1, after => 'T-FANS'));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'okapi', page_offset => 1));
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'okapi', status => 'paused'));
SELECT (swipesavvy.list_campaigns(search => 'okapi', page_size => 1) #> '{campaigns,0}') - '{created_at,start_date,end_date}'::text[];
SELECT jsonb_pretty(swipesavvy.get_campaign('T-OPEN') - '{created_at,updated_at,start_date}'::text[]);
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-00000000ca02"}';
SELECT pg_temp.ids(swipesavvy.list_campaigns(search => 'okapi'));

-- track_event: a customer's are its own; a trusted service may name anybody, or nobody ------------------------------------
SELECT swipesavvy.track_event('T-OPEN', 'view') - '{event_id,recorded_at}'::text[] AS tracked;
SELECT swipesavvy.track_event('T-OPEN', 'click', '00000000-0000-7000-8000-00000000ca02') ->> 'kind' AS kind;
SET LOCAL ROLE swipesavvy_backend;
SELECT swipesavvy.track_event('T-OPEN', 'impression', '00000000-0000-7000-8000-00000000ca01', 1.2345, '2026-01-02 03:04Z') ->> 'kind' AS kind;
SELECT swipesavvy.track_event('T-OPEN', 'conversion') ->> 'kind' AS kind;
SET LOCAL ROLE swipesavvy_analytics;
SELECT c -> 'impressions' AS impressions, c -> 'views' AS views, c -> 'clicks' AS clicks, c -> 'conversions' AS conversions,
       c -> 'budget' AS budget
  FROM swipesavvy.get_campaign('T-OPEN') c;
RESET ROLE;
SELECT e.kind, right(e.user_id::text, 4) AS user_id, e.value, CASE WHEN e.occurred_at = now() THEN 'now' ELSE e.occurred_at::text END AS occurred_at
  FROM swipesavvy.campaign_events e JOIN swipesavvy.campaigns c USING (campaign_no)
 WHERE c.campaign_id = 'T-OPEN' ORDER BY e.kind;
ROLLBACK;
