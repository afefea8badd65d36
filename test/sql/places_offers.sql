-- Offers of merchants: announced, changed, removed, and shown to those whom the engine would give them; each error that a caller can cause.
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
BEGIN;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) \g /dev/null
CREATE FUNCTION pg_temp.try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call INTO result;
    RETURN result - '{created_at,updated_at,offer_id,merchant_id}'::text[];
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
\set cafe '\'00000000-0000-7000-8000-00000000cafe\''
SELECT count(swipesavvy.create_merchant(name, category, merchant_id => id)) FROM (VALUES ('Corner Coffee', 'Restaurants & Cafes', :cafe::uuid), ('Shop', 'Services', '00000000-0000-7000-8000-000000005409'), ('Closed', 'Services', '00000000-0000-7000-8000-00000000c105')) v (name, category, id);
SELECT swipesavvy.update_merchant('00000000-0000-7000-8000-00000000c105', '{"is_active": false}') ->> 'is_active', swipesavvy.add_merchant_location(:cafe, 52.5, 13.4) ->> 'latitude';
SELECT count(swipesavvy.create_user(n || '@example.com', 'User ' || n, user_id => ('00000000-0000-7000-8000-00000000000' || n)::uuid)) FROM generate_series(1, 3) n;
SELECT swipesavvy.create_segment('Friends') ->> 'name', swipesavvy.add_segment_members('Friends', ARRAY['00000000-0000-7000-8000-000000000001'::uuid]) ->> 'added';
CREATE FUNCTION pg_temp.campaign(id text, category text DEFAULT NULL, changes jsonb DEFAULT '{}', launch boolean DEFAULT true) RETURNS text LANGUAGE sql AS $$
    SELECT swipesavvy.create_campaign(id, 'SEASONAL', 10, 'PERCENTAGE', '2026-01-01', campaign_id => id, target_category => category, target_merchant_id => CASE WHEN category IS NULL THEN '00000000-0000-7000-8000-00000000cafe'::uuid END, stackable => true) ->> 'status';
    SELECT swipesavvy.update_campaign(id, changes) ->> 'status';
    SELECT CASE WHEN launch THEN swipesavvy.launch_campaign(id) ->> 'status' ELSE 'draft' END;
$$;
-- What is shown, as that user of the app (0: nobody, NULL: staff): the titles, and the numbers that get_merchant and get_nearby_merchants tell.
CREATE FUNCTION pg_temp.shown(who int, at timestamptz DEFAULT NULL, merchant uuid DEFAULT '00000000-0000-7000-8000-00000000cafe') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    role_before text := current_setting('role');
BEGIN
    IF who IS NOT NULL THEN
        PERFORM set_config('request.jwt.claims', CASE WHEN who > 0 THEN jsonb_build_object('sub', '00000000-0000-7000-8000-00000000000' || who)::text ELSE '' END, true),
                set_config('role', CASE WHEN who > 0 THEN 'swipesavvy_customer' ELSE 'swipesavvy_anon' END, true);
    END IF;
    SELECT concat_ws(' ', coalesce((SELECT string_agg(o ->> 'title', ', ') FROM jsonb_array_elements(r -> 'offers') o), 'none'), 'of', r ->> 'total',
                     CASE WHEN at IS NULL THEN swipesavvy.get_merchant(merchant) ->> 'offers' END,
                     CASE WHEN at IS NULL THEN (SELECT m ->> 'offers' FROM jsonb_array_elements(swipesavvy.get_nearby_merchants(52.5, 13.4) -> 'merchants') m WHERE (m ->> 'merchant_id')::uuid = merchant) END)
      INTO result FROM swipesavvy.get_merchant_offers(merchant, at) r;
    PERFORM set_config('role', role_before, true), set_config('request.jwt.claims', '', true);
    RETURN result;
END
$$;
CREATE FUNCTION pg_temp.everybody() RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' | ', pg_temp.shown(NULL), pg_temp.shown(0), pg_temp.shown(1), pg_temp.shown(2)) $$;

-- a notice has dates of its own
SELECT pg_temp.shown(NULL);
SELECT pg_temp.try($$add_merchant_offer('00000000-0000-7000-8000-00000000cafe', 'Free cake', 'With each coffee', 'While it lasts', '2026-01-01', '2026-03-01', offer_id => '00000000-0000-7000-8000-0000000000f1')$$);
SELECT pg_temp.try($$add_merchant_offer('00000000-0000-7000-8000-00000000cafe', 'New')$$)::jsonb - 'starts_at';
SELECT pg_temp.shown(NULL), pg_temp.shown(0), pg_temp.shown(2, '2026-01-01'), pg_temp.shown(2, '2026-02-28 23:59:59.999999'), pg_temp.shown(2, '2026-03-01'), pg_temp.shown(2, '2025-12-31');
-- one with a campaign has the campaign's, and is shown as long as that runs
SELECT pg_temp.campaign('TEN', launch => false);
SELECT pg_temp.try($$add_merchant_offer('00000000-0000-7000-8000-00000000cafe', 'Ten percent', campaign_id => 'TEN', offer_id => '00000000-0000-7000-8000-0000000000f2')$$);
SELECT pg_temp.everybody();
SELECT swipesavvy.launch_campaign('TEN') ->> 'status', pg_temp.everybody();
SELECT swipesavvy.pause_campaign('TEN') ->> 'status', pg_temp.everybody();
SELECT swipesavvy.launch_campaign('TEN') ->> 'status', swipesavvy.update_campaign('TEN', '{"end_date": "2027-12-01"}') ->> 'end_date', pg_temp.shown(1, '2027-11-30 23:00+00'), pg_temp.shown(1, '2027-12-01 00:00+00');
SELECT jsonb_path_query(r, '$.offers[*] ? (@.campaign_id == "TEN")') - 'offer_id' FROM swipesavvy.get_merchant_offers(:cafe) r;
-- errors
SELECT pg_temp.campaign('SERVICES', 'Services'), pg_temp.campaign('RESTAURANTS', 'Restaurants & Cafes'), pg_temp.campaign('EVERYWHERE', 'Services', '{"target_category": null}'),
       pg_temp.campaign('BOTH', 'Services', jsonb_build_object('target_merchant_id', :cafe));
SELECT pg_temp.try(format('add_merchant_offer(%s)', a)) FROM (VALUES ($$NULL, 'X'$$), ($$'00000000-0000-7000-8000-00000000dead', 'X'$$), ($$'00000000-0000-7000-8000-00000000c105', 'X'$$), ($$'00000000-0000-7000-8000-00000000cafe', NULL$$),
    ($$'00000000-0000-7000-8000-00000000cafe', ' '$$), ($$'00000000-0000-7000-8000-00000000cafe', repeat('x', 201)$$), ($$'00000000-0000-7000-8000-00000000cafe', 'X', repeat('x', 4001)$$), ($$'00000000-0000-7000-8000-00000000cafe', 'X', terms => ''$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 'X', starts_at => '2026-02-01', ends_at => '2026-02-01'$$), ($$'00000000-0000-7000-8000-00000000cafe', 'X', ends_at => '2020-01-01'$$), ($$'00000000-0000-7000-8000-00000000cafe', 'X', starts_at => 'infinity'$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 'X', campaign_id => 'NONE'$$), ($$'00000000-0000-7000-8000-00000000cafe', 'X', campaign_id => 'SERVICES'$$), ($$'00000000-0000-7000-8000-00000000cafe', 'X', campaign_id => 'EVERYWHERE'$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 'X', campaign_id => 'BOTH'$$), ($$'00000000-0000-7000-8000-00000000cafe', 'X', starts_at => now(), campaign_id => 'TEN'$$), ($$'00000000-0000-7000-8000-00000000cafe', 'X', ends_at => '2030-01-01', campaign_id => 'TEN'$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 'X', offer_id => '00000000-0000-7000-8000-0000000000f1'$$)) v (a);
SELECT pg_temp.try(format('get_merchant_offers(%s)', a)) FROM (VALUES ('NULL'), ($$'00000000-0000-7000-8000-00000000dead'$$), ($$'00000000-0000-7000-8000-00000000cafe', 'infinity'$$), ($$'00000000-0000-7000-8000-00000000cafe', page_size => 0$$), ($$'00000000-0000-7000-8000-00000000cafe', after => 'x'$$)) v (a);
-- changes
SELECT pg_temp.try($$update_merchant_offer('00000000-0000-7000-8000-0000000000f1', '{"title": "Cake", "description": null, "ends_at": null}')$$);
SELECT pg_temp.try($$update_merchant_offer('00000000-0000-7000-8000-0000000000f1', '{"campaign_id": "RESTAURANTS"}')$$);
SELECT pg_temp.try($$update_merchant_offer('00000000-0000-7000-8000-0000000000f1', '{"starts_at": "2026-01-01"}')$$);
SELECT pg_temp.try($$update_merchant_offer('00000000-0000-7000-8000-0000000000f1', '{"campaign_id": null, "starts_at": "2026-05-01T00:00:00Z"}')$$);
SELECT pg_temp.try(format('update_merchant_offer(%s)', a)) FROM (VALUES ($$NULL, '{}'$$), ($$'00000000-0000-7000-8000-00000000dead', '{}'$$), ($$'00000000-0000-7000-8000-0000000000f1', NULL$$), ($$'00000000-0000-7000-8000-0000000000f1', '{"merchant_id": null}'$$),
    ($$'00000000-0000-7000-8000-0000000000f1', '{"title": null}'$$), ($$'00000000-0000-7000-8000-0000000000f1', '{"ends_at": "2026-04-01"}'$$), ($$'00000000-0000-7000-8000-0000000000f1', '{"campaign_id": "SERVICES"}'$$), ($$'00000000-0000-7000-8000-0000000000f1', '{"is_active": 1}'$$)) v (a);
SELECT pg_temp.try($$remove_merchant_offer('00000000-0000-7000-8000-0000000000f1')$$)::jsonb -> 'is_active', pg_temp.shown(NULL), pg_temp.try($$remove_merchant_offer('00000000-0000-7000-8000-00000000dead')$$);
SELECT pg_temp.try($$update_merchant_offer('00000000-0000-7000-8000-0000000000f1', '{"is_active": true}')$$)::jsonb -> 'is_active', pg_temp.shown(NULL);
-- pages
SELECT jsonb_path_query_array(r, '$.offers[*].title'), r ->> 'total', r ->> 'next_cursor' FROM swipesavvy.get_merchant_offers(:cafe, page_size => 2) r;
SELECT jsonb_path_query_array(r, '$.offers[*].title'), r ->> 'total', r ->> 'next_cursor' FROM swipesavvy.get_merchant_offers(:cafe, page_size => 2, after => '00000000-0000-7000-8000-0000000000f2') r;

-- whom the engine would not give it does not see it: segment, hold-out, limits, budget, test, another campaign, another category
SELECT swipesavvy.update_merchant_offer('00000000-0000-7000-8000-0000000000f2', '{"title": "Ten"}') ->> 'title';
SAVEPOINT ten;
SELECT swipesavvy.update_campaign('TEN', '{"target_segment": "Friends"}') ->> 'target_segment', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.update_campaign('TEN', '{"hold_out": 100}') ->> 'hold_out', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.update_campaign('TEN', '{"per_user_limit": 1}') ->> 'per_user_limit', swipesavvy.record_transaction('00000000-0000-7000-8000-000000000001', 10, NULL, :cafe) -> 'awards' -> 0 ->> 'campaign_id', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.update_campaign('TEN', '{"daily_limit": 1}') ->> 'daily_limit', swipesavvy.record_transaction('00000000-0000-7000-8000-000000000001', 10, NULL, :cafe) -> 'awards' -> 0 ->> 'campaign_id', pg_temp.everybody(), pg_temp.shown(2, now() + interval '2 days');
ROLLBACK TO ten;
SELECT swipesavvy.update_campaign('TEN', '{"budget": 1.00}') ->> 'budget', swipesavvy.record_transaction('00000000-0000-7000-8000-000000000001', 9.90, NULL, :cafe) -> 'awards' -> 0 ->> 'discount', pg_temp.everybody();
SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-000000000001', 0.10, NULL, :cafe) -> 'awards' -> 0 ->> 'discount', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.update_campaign('TEN', '{"offer_amount": 0}') ->> 'offer_amount', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.update_system_settings('{"max_transaction_amount": 50}') ->> 'status', swipesavvy.update_campaign('TEN', '{"min_spend": 50.01}') ->> 'min_spend', pg_temp.everybody();
ROLLBACK TO ten;
-- what is left of a day's spending must be enough for it; a refund gives it back, another day has its own, and so has another currency
SELECT swipesavvy.update_system_settings('{"daily_spending_limit": 50}') ->> 'status', swipesavvy.update_campaign('TEN', '{"min_spend": 30}') ->> 'min_spend', pg_temp.everybody();
SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-000000000001', 20, NULL, :cafe, transaction_id => '00000000-0000-7000-8000-0000000000d1') ->> 'status', pg_temp.everybody();
SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-000000000001', 0.01, NULL, :cafe, status => 'pending') ->> 'status', pg_temp.everybody(), pg_temp.shown(1, now() + interval '2 days');
SELECT swipesavvy.refund_transaction('00000000-0000-7000-8000-0000000000d1', 0.01) ->> 'status', pg_temp.everybody();
SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-000000000001', 30, NULL, :cafe) -> 'awards' -> 0 ->> 'campaign_id', pg_temp.everybody();
SELECT pg_temp.campaign('EURO', changes => '{"currency": "EUR"}'), swipesavvy.add_merchant_offer(:cafe, 'Euro', campaign_id => 'EURO') ->> 'title', pg_temp.everybody();
ROLLBACK TO ten;
-- of 1.5 % of the least amounts nothing is left but of the whole rest of the day
SELECT swipesavvy.update_system_settings('{"daily_spending_limit": 0.70}') ->> 'status', swipesavvy.update_campaign('TEN', '{"offer_amount": 1.5}') ->> 'offer_amount', pg_temp.everybody();
SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-000000000001', 0.04, NULL, :cafe) -> 'awards', pg_temp.everybody();
SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-000000000002', 0.70, NULL, :cafe) -> 'awards' -> 0 ->> 'campaign_id', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.update_system_settings('{"daily_spending_limit": 0}') ->> 'status', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.suspend_user('00000000-0000-7000-8000-000000000002') ->> 'account_status', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.update_campaign('TEN', '{"target_merchant_id": "00000000-0000-7000-8000-000000005409"}') ->> 'target_merchant_id', pg_temp.everybody();
ROLLBACK TO ten;
SELECT swipesavvy.update_campaign('TEN', '{"target_category": "Restaurants & Cafes"}') ->> 'target_category', pg_temp.everybody();
SELECT swipesavvy.update_merchant(:cafe, '{"category": "Services"}') ->> 'category', pg_temp.everybody();
ROLLBACK TO ten;
-- of two that are not stackable one is given
SELECT swipesavvy.update_campaign('TEN', '{"stackable": false}') ->> 'stackable', pg_temp.campaign('TWENTY', changes => '{"offer_amount": 20, "stackable": false, "target_segment": "Friends"}'), swipesavvy.add_merchant_offer(:cafe, 'Twenty', campaign_id => 'TWENTY') ->> 'title', pg_temp.everybody();
SELECT swipesavvy.update_campaign('TWENTY', '{"max_discount": 5}') ->> 'max_discount', pg_temp.shown(1), swipesavvy.update_campaign('TWENTY', '{"priority": 1}') ->> 'priority', pg_temp.shown(1);
ROLLBACK TO ten;
-- a test gives each user one arm; who is nobody is in none
SELECT pg_temp.campaign('OTHER'), swipesavvy.add_merchant_offer(:cafe, 'Other', campaign_id => 'OTHER') ->> 'title';
SELECT swipesavvy.create_ab_test('T', 'TEN', '{OTHER}', exposure => 'assignment', test_id => '00000000-0000-7000-8000-0000000000e3') ->> 'status';
SELECT swipesavvy.start_ab_test('00000000-0000-7000-8000-0000000000e3') ->> 'status';
SELECT pg_temp.shown(NULL), pg_temp.shown(0);
SELECT count(*) FILTER (WHERE s ~ 'Ten') + count(*) FILTER (WHERE s ~ 'Other') = 3, count(*) FILTER (WHERE s ~ 'Ten.*Other') FROM (SELECT pg_temp.shown(n) AS s FROM generate_series(1, 3) n) u;
ROLLBACK TO ten;
-- a merchant that is gone offers nothing; its offers come back with it
SELECT swipesavvy.update_merchant(:cafe, '{"is_active": false}') ->> 'is_active', pg_temp.everybody();
SELECT swipesavvy.update_merchant(:cafe, '{"is_active": true}') ->> 'is_active', pg_temp.everybody();
ROLLBACK TO ten;

-- The engine is asked: some purchase of the user earns what is shown to it, and of what is not shown none does.
DO $$
DECLARE
    types CONSTANT text[] := '{PERCENTAGE,FIXED_DISCOUNT,BOGO,OTHER}';
    kind text;
BEGIN
    PERFORM setseed(0.25);
    FOR n IN 1 .. 24 LOOP
        kind := types[1 + floor(random() * 4)::int];
        PERFORM swipesavvy.create_campaign('R' || n, 'SEASONAL', CASE kind WHEN 'PERCENTAGE' THEN floor(random() * 30)::int WHEN 'FIXED_DISCOUNT' THEN floor(random() * 8)::int END, kind, now() - interval '1 day', campaign_id => 'R' || n,
            end_date => CASE WHEN random() < 0.2 THEN now() + (random() - 0.3) * interval '1 hour' END, target_merchant_id => CASE WHEN n % 3 > 0 THEN '00000000-0000-7000-8000-00000000cafe'::uuid END,
            target_category => CASE WHEN n % 3 = 0 THEN 'Restaurants & Cafes' END, target_segment => CASE WHEN random() < 0.3 THEN 'Friends' END, budget => CASE WHEN random() < 0.4 THEN (random() * 4)::numeric(9, 2) END,
            per_user_limit => CASE WHEN random() < 0.3 THEN 1 END, daily_limit => CASE WHEN random() < 0.3 THEN 2 END, min_spend => CASE WHEN random() < 0.4 THEN (random() * 20)::numeric(9, 2) END,
            priority => floor(random() * 3)::int, stackable => random() < 0.5, bonus_points => CASE WHEN random() < 0.2 THEN 3 ELSE 0 END, points_multiplier => CASE WHEN random() < 0.2 THEN 2 ELSE 1 END, hold_out => floor(random() * 3)::int * 25);
        IF random() < 0.9 THEN
            PERFORM swipesavvy.launch_campaign('R' || n, 'scheduled');
        END IF;
        PERFORM swipesavvy.add_merchant_offer('00000000-0000-7000-8000-00000000cafe', 'R' || n, campaign_id => 'R' || n);
    END LOOP;
END
$$;
CREATE FUNCTION pg_temp.buy(n int, amount numeric) RETURNS jsonb LANGUAGE sql AS $$ SELECT swipesavvy.record_transaction(('00000000-0000-7000-8000-00000000000' || n)::uuid, amount, NULL, '00000000-0000-7000-8000-00000000cafe') $$;
-- what purchases of these amounts earn that are taken back
CREATE FUNCTION pg_temp.earns(n int, smallest numeric) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    earned text[] := '{}';
    purchase jsonb;
    ids text[];
BEGIN
    FOR step IN 0 .. 6 LOOP
        BEGIN
            purchase := pg_temp.buy(n, (smallest * 10 ^ step::numeric)::numeric(20, 2));
            SELECT array_agg(a ->> 'campaign_id') INTO ids FROM jsonb_array_elements(purchase -> 'awards') a;
            RAISE 'undone' USING ERRCODE = 'ZZ001';
        EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
            earned := earned || ids;
        END;
    END LOOP;
    RETURN earned;
END
$$;
CREATE TEMP TABLE outcome (round int, n int, id text, shown boolean, earns boolean);
DO $$
BEGIN
    FOR round IN 1 .. 2 LOOP
        INSERT INTO outcome
        WITH asked AS MATERIALIZED (SELECT n, string_to_array(split_part(pg_temp.shown(n), ' of ', 1), ', ') AS ids FROM generate_series(1, 3) n),
             bought AS MATERIALIZED (SELECT n, smallest, pg_temp.earns(n, smallest) AS ids FROM generate_series(1, 3) n, (SELECT DISTINCT greatest(min_spend, 1) / 100.0 AS smallest FROM swipesavvy.campaigns WHERE campaign_id ~ '^R[0-9]+$') c)
        SELECT round, n, c.campaign_id, a.ids @> ARRAY[c.campaign_id], b.ids @> ARRAY[c.campaign_id]
          FROM swipesavvy.campaigns c JOIN bought b ON b.smallest = greatest(c.min_spend, 1) / 100.0 JOIN asked a USING (n) WHERE c.campaign_id ~ '^R[0-9]+$';
        PERFORM pg_temp.buy(n, (4 + random() * 20)::numeric(9, 2)) FROM generate_series(1, 3) n, generate_series(1, 2);
    END LOOP;
END
$$;
SELECT count(*), count(*) FILTER (WHERE shown) > 30 AS shown, count(*) FILTER (WHERE NOT shown) > 60 AS hidden, count(*) FILTER (WHERE shown <> earns) AS otherwise FROM outcome;
SELECT * FROM outcome WHERE shown <> earns;
-- what one of these purchases earned was shown before, and explain_award says that it applied; simulations give it, too
SELECT pg_temp.shown(1) AS shown \gset
SELECT pg_temp.buy(1, 12) ->> 'transaction_id' AS purchase \gset
SELECT count(*) > 1 AS some, bool_and(:'shown' LIKE '%' || (c ->> 'campaign_id') || '%') AS shown FROM jsonb_array_elements(swipesavvy.explain_award(:'purchase') -> 'candidates') c WHERE (c -> 'applied')::boolean AND c ->> 'campaign_id' ~ '^R[0-9]+$';
SELECT count(*) > 2 AS some, min((r #>> '{alone,redemptions}')::int) > 0 AS each_is_given
  FROM (SELECT DISTINCT id FROM outcome WHERE round = 2 AND shown) o JOIN swipesavvy.campaigns c ON c.campaign_id = o.id
 CROSS JOIN LATERAL swipesavvy.simulate_campaign(jsonb_build_object('name', 'R', 'campaign_type', 'SEASONAL', 'offer_type', c.offer_type, 'offer_amount', CASE c.offer_type WHEN 'PERCENTAGE' THEN c.offer_amount / 1000 WHEN 'FIXED_DISCOUNT' THEN c.offer_amount / 100 END,
     'start_date', c.start_date, 'target_merchant_id', c.target_merchant_id, 'target_category', c.target_category, 'min_spend', c.min_spend / 100.0, 'bonus_points', c.bonus_points), '2000-01-01', now() + interval '1 day') r;
ROLLBACK;
