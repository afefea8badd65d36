-- What the functions of campaigns refuse: one case per rule, with SQLSTATE, message and detail. Everything is rolled back.
SET timezone = 'UTC';
BEGIN;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) IS NOT NULL AS trusted;

-- Runs a call as an admin, or as somebody else, and says how it failed.
CREATE FUNCTION pg_temp.refused(call text, caller text DEFAULT 'swipesavvy_admin',
                                OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', caller, true);
    EXECUTE 'SELECT swipesavvy.' || call;
    PERFORM set_config('role', 'none', true);
    message := 'NOT REFUSED';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;
-- The same for create_campaign: some arguments are laid over good ones.
CREATE FUNCTION pg_temp.create_refused(changed jsonb, OUT state text, OUT message text, OUT detail text) LANGUAGE sql AS $$
    SELECT r.* FROM (
        SELECT string_agg(format('%I => %L', key, value), ', ') AS arguments
          FROM jsonb_each_text('{"name": "Gnu", "campaign_type": "SEASONAL", "offer_amount": 5, "offer_type": "FIXED_DISCOUNT",
                                 "start_date": "2026-03-01", "campaign_id": "E-NEW"}' || changed)) a,
        pg_temp.refused('create_campaign(' || arguments || ')') r
$$;
-- The same for update_campaign on a draft.
CREATE FUNCTION pg_temp.update_refused(changes jsonb, campaign text DEFAULT 'E-DRAFT',
                                       OUT state text, OUT message text, OUT detail text) LANGUAGE sql AS $$
    SELECT * FROM pg_temp.refused(format('update_campaign(%L, %L)', campaign, changes))
$$;

INSERT INTO swipesavvy.users (user_id, email, name) VALUES
    ('00000000-0000-7000-8000-00000000ce01', 'ann@errors.test', 'Ann'),
    ('00000000-0000-7000-8000-00000000ce02', 'bob@errors.test', 'Bob');
INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, offer_type, offer_amount, currency, start_date, status, budget)
    SELECT 'E-' || upper(state), 'Gnu', 'SEASONAL', 'FIXED_DISCOUNT', 500, 'USD', '2026-03-01', state,
           CASE state WHEN 'running' THEN 1000 END
      FROM unnest(ARRAY['draft', 'running', 'paused', 'completed', 'archived']) state;

-- create_campaign: what must be given --------------------------------------------------------------------------------
SELECT v.*, r.* FROM (VALUES ('{"name": null}'::jsonb), ('{"campaign_type": null}'), ('{"offer_type": null}'), ('{"offer_amount": null}'),
        ('{"offer_type": "PERCENTAGE", "offer_amount": null}'), ('{"start_date": null}')) v (given), pg_temp.create_refused(given) r;
-- text
SELECT v.*, r.* FROM (VALUES ('{"name": ""}'::jsonb), ('{"name": " \t"}'), ('{"name": "a\u0001b"}'), ('{"description": ""}'),
        ('{"campaign_type": "seasonal"}'), ('{"offer_type": "GIFT"}'), ('{"campaign_id": "a b"}'), ('{"campaign_id": "-a"}'), ('{"campaign_id": "eq.1"}'),
        ('{"campaign_id": "é"}'), ('{"campaign_id": ""}'), ('{"currency": "usd"}'), ('{"currency": "XXX"}'), ('{"currency": "XAU"}'))
    v (given), pg_temp.create_refused(given) r;
SELECT r.* FROM pg_temp.create_refused(jsonb_build_object('name', repeat('x', 201))) r
UNION ALL SELECT r.* FROM pg_temp.create_refused(jsonb_build_object('description', repeat('x', 4001))) r
UNION ALL SELECT r.* FROM pg_temp.create_refused(jsonb_build_object('campaign_id', repeat('x', 101))) r;
-- money: decimals of the currency, no negative amount, within bigint
SELECT v.*, r.* FROM (VALUES ('{"offer_amount": 5.001}'::jsonb), ('{"offer_amount": -0.01}'), ('{"offer_amount": "NaN"}'),
        ('{"offer_amount": "Infinity"}'), ('{"budget": 0.001}'), ('{"budget": -1}'), ('{"budget": 92233720368547758.08}'),
        ('{"budget": 1e30}'), ('{"currency": "JPY", "budget": 0.5}'), ('{"currency": "BHD", "budget": 0.0005}'),
        ('{"min_spend": -1}'), ('{"min_spend": 1.234}'), ('{"max_discount": -1}'), ('{"max_discount": 1.234}'))
    v (given), pg_temp.create_refused(given) r;
-- other numbers
SELECT v.*, r.* FROM (VALUES ('{"offer_type": "PERCENTAGE", "offer_amount": 100.001}'::jsonb),
        ('{"offer_type": "PERCENTAGE", "offer_amount": 1.0001}'), ('{"offer_type": "BOGO", "offer_amount": -1}'),
        ('{"points_multiplier": 0.999}'), ('{"points_multiplier": 1000.001}'), ('{"points_multiplier": 1.0001}'),
        ('{"hold_out": -0.01}'), ('{"hold_out": 100.01}'), ('{"hold_out": 0.001}'), ('{"per_user_limit": 0}'), ('{"daily_limit": 0}'),
        ('{"bonus_points": -1}'), ('{"bonus_points": 2147483648}'))
    v (given), pg_temp.create_refused(given) r;
-- dates
SELECT v.*, r.* FROM (VALUES ('{"start_date": "infinity"}'::jsonb), ('{"end_date": "infinity"}'), ('{"end_date": "2026-03-01"}'),
        ('{"end_date": "2026-02-28"}')) v (given), pg_temp.create_refused(given) r;
-- what does not exist, or does already
SELECT v.*, r.* FROM (VALUES ('{"target_segment": "gnus"}'::jsonb), ('{"target_merchant_id": "00000000-0000-7000-8000-00000000ce0f"}'),
        ('{"target_category": "Gnus"}'), ('{"campaign_id": "E-DRAFT"}')) v (given), pg_temp.create_refused(given) r;

-- update_campaign: the same rules by another way in, and those of a document ------------------------------------------------
SELECT v.*, r.* FROM (VALUES ('{"name": null}'::jsonb), ('{"name": 5}'), ('{"name": ""}'), ('{"offer_amount": "5"}'), ('{"offer_amount": 0.001}'),
        ('{"offer_amount": null}'), ('{"offer_type": "PERCENTAGE", "offer_amount": 101}'), ('{"currency": "JPY", "offer_amount": 1.5}'),
        ('{"stackable": 1}'), ('{"priority": 1.5}'), ('{"priority": 2147483648}'), ('{"per_user_limit": 0}'), ('{"start_date": "soon"}'),
        ('{"start_date": 5}'), ('{"end_date": "2026-02-01"}'), ('{"start_date": "infinity"}'), ('{"target_merchant_id": "gnu"}'),
        ('{"target_segment": "gnus"}'), ('{"campaign_id": "E-OTHER"}'), ('{"spent": 0}'), ('{"status": "live"}'), ('{"status": null}'),
        ('[]'), ('null')) v (changes), pg_temp.update_refused(changes) r;
SELECT * FROM pg_temp.refused('update_campaign(''E-DRAFT'', NULL)');
SELECT * FROM pg_temp.refused('update_campaign(NULL, ''{}'')');
SELECT * FROM pg_temp.update_refused('{}', 'E-NONE');
SELECT * FROM pg_temp.update_refused('{}', 'E-ARCHIVED');
SELECT * FROM pg_temp.update_refused('{"status": "running"}', 'E-ARCHIVED');
SELECT * FROM pg_temp.update_refused('{"status": "paused"}', 'E-DRAFT');
SELECT * FROM pg_temp.update_refused('{"status": "running"}', 'E-COMPLETED');
-- a budget below what is spent: in slots, and when it is the first one; a currency once there are redemptions
INSERT INTO swipesavvy.campaign_slots (campaign_no, day, slot, used, allotted)
    SELECT campaign_no, '-infinity', n, 200 * n, 400 + 100 * n FROM swipesavvy.campaigns, generate_series(0, 1) n WHERE campaign_id = 'E-RUNNING';
INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor, cost_minor,
        cost_returned_minor, day, position)
    SELECT '00000000-0000-7000-8000-00000000ce01', swipesavvy.uuid_v7(), campaign_no, 1, 0, 500, 500, 50, '2026-03-01', 1
      FROM swipesavvy.campaigns WHERE campaign_id = 'E-PAUSED';
SELECT * FROM pg_temp.update_refused('{"budget": 1.99}', 'E-RUNNING');
SELECT swipesavvy.update_campaign('E-RUNNING', '{"budget": 2}') -> 'spent' AS spent;
SELECT * FROM pg_temp.update_refused('{"budget": 4.49}', 'E-PAUSED');
SELECT * FROM pg_temp.update_refused('{"currency": "EUR"}', 'E-PAUSED');
SELECT s.slot, s.used, s.allotted FROM swipesavvy.campaign_slots s JOIN swipesavvy.campaigns c USING (campaign_no)
    WHERE c.campaign_id = 'E-RUNNING' ORDER BY s.slot;

-- launch, pause, delete, get --------------------------------------------------------------------------------------------
SELECT v.*, r.* FROM (VALUES ('launch_campaign(''E-RUNNING'')'), ('launch_campaign(''E-COMPLETED'')'), ('launch_campaign(''E-ARCHIVED'')'),
        ('launch_campaign(''E-DRAFT'', ''later'')'), ('launch_campaign(''E-DRAFT'', NULL)'), ('launch_campaign(''E-NONE'')'),
        ('launch_campaign(NULL)'), ('pause_campaign(''E-DRAFT'')'), ('pause_campaign(''E-PAUSED'')'), ('pause_campaign(''E-NONE'')'),
        ('delete_campaign(''E-ARCHIVED'')'), ('delete_campaign(''E-NONE'')'), ('get_campaign(''E-NONE'')'), ('get_campaign('''')'))
    v (call), pg_temp.refused(call) r;

-- list_campaigns --------------------------------------------------------------------------------------------------------
SELECT v.*, r.* FROM (VALUES ('page_size => 0'), ('page_size => 101'), ('page_offset => -1'), ('status => ''live'''), ('campaign_type => ''X'''),
        ('search => '''''), ('after => ''E-NONE''')) v (arguments), pg_temp.refused('list_campaigns(' || arguments || ')') r;

-- track_event -----------------------------------------------------------------------------------------------------------
SELECT v.*, r.* FROM (VALUES ('''E-NONE'', ''view'''), ('''E-DRAFT'', ''look'''), ('''E-DRAFT'', NULL'), ('NULL, ''view'''),
        ('''E-DRAFT'', ''view'', ''00000000-0000-7000-8000-00000000ce0f'''), ('''E-DRAFT'', ''view'', value => -0.01'),
        ('''E-DRAFT'', ''view'', value => ''NaN'''), ('''E-DRAFT'', ''view'', value => ''Infinity'''),
        ('''E-DRAFT'', ''view'', value => 0.00001'), ('''E-DRAFT'', ''view'', occurred_at => ''infinity'''))
    v (arguments), pg_temp.refused('track_event(' || arguments || ')', 'swipesavvy_backend') r;
SELECT * FROM pg_temp.refused('track_event(''E-DRAFT'', ''view'', occurred_at => now() + interval ''1 day 1 second'')');

-- who may -----------------------------------------------------------------------------------------------------------------
-- a customer who is not signed in, one who names another, and what no customer sees
SELECT v.*, r.* FROM (VALUES ('list_campaigns()'), ('track_event(''E-RUNNING'', ''view'')')) v (call), pg_temp.refused(call, 'swipesavvy_customer') r;
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-00000000ce01"}';
SELECT v.*, r.* FROM (VALUES ('track_event(''E-RUNNING'', ''view'', ''00000000-0000-7000-8000-00000000ce02'')'), ('get_campaign(''E-DRAFT'')'),
        ('get_campaign(''E-PAUSED'')'), ('get_campaign(''E-RUNNING'')')) v (call), pg_temp.refused(call, 'swipesavvy_customer') r;
-- the claims of a session that is no gateway's are nobody's
SET LOCAL swipesavvy.trusted_gateways = 'somebody_else';
SELECT * FROM pg_temp.refused('list_campaigns()', 'swipesavvy_customer');
ROLLBACK;
