-- Segments, boosts and tiers: what campaigns and purchases refer to.
\set SHOW_CONTEXT never
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), false) = quote_ident(session_user) AS trusted;
\set ann 00000000-0000-7000-8000-0000000c0001
\set ben 00000000-0000-7000-8000-0000000c0002
\set always 00000000-0000-7000-8000-0000000c0011
\set over 00000000-0000-7000-8000-0000000c0012
\set nobody 00000000-0000-7000-8000-0000000cffff
SELECT swipesavvy.create_user('ann@catalogue.test', 'Ann', user_id => :'ann') ->> 'name' AS ann,
       swipesavvy.create_user('ben@catalogue.test', 'Ben', user_id => :'ben') ->> 'name' AS ben;

-- segments
SELECT swipesavvy.create_segment('cat-vip', 'Big spenders') - 'created_at' AS segment;
SELECT swipesavvy.create_segment('cat-empty') - 'created_at' AS segment;
SELECT swipesavvy.create_segment('cat-vip');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.create_segment(NULL);
SELECT swipesavvy.create_segment(E'a\x01b');
SELECT swipesavvy.add_segment_members('cat-vip', ARRAY[:'ann', :'ben', :'ann']::uuid[]);
SELECT swipesavvy.add_segment_members('cat-vip', ARRAY[:'ann']::uuid[]);
SELECT swipesavvy.add_segment_members('cat-vip', '{}');
SELECT swipesavvy.remove_segment_members('cat-vip', ARRAY[:'ben']::uuid[]);
SELECT swipesavvy.remove_segment_members('cat-vip', ARRAY[:'ben']::uuid[]);
SELECT s - 'created_at' AS segment FROM jsonb_array_elements(swipesavvy.list_segments() -> 'segments') s WHERE s ->> 'name' LIKE 'cat-%';
SELECT swipesavvy.add_segment_members('cat-vip', ARRAY[:'ben', :'nobody']::uuid[]);
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS nothing_added FROM swipesavvy.segment_members WHERE user_id = :'ben';
SELECT swipesavvy.add_segment_members('cat-none', ARRAY[:'ann']::uuid[]);
SELECT swipesavvy.add_segment_members('cat-vip', NULL);
SELECT swipesavvy.add_segment_members('cat-vip', ARRAY[:'ann', NULL]::uuid[]);
SELECT swipesavvy.add_segment_members('cat-vip', ARRAY[[:'ann']]::uuid[]);
SELECT swipesavvy.add_segment_members('cat-vip', array_fill(:'ann'::uuid, ARRAY[100001]));

-- boosts
SELECT swipesavvy.create_boost('Double', 2, boost_id => :'always') - '{created_at,starts_at}'::text[] AS boost;
SELECT swipesavvy.create_boost('Fuel week', 1.125, 'Gas Stations', '2020-01-01 00:00+00', '2020-01-08 00:00+00', :'over') - 'created_at' AS boost;
SELECT (b ->> 'starts_at')::timestamptz = now() AS starts_now FROM swipesavvy.create_boost('Now', 1) b;
SELECT swipesavvy.create_boost(NULL, 2);
SELECT swipesavvy.create_boost('X', NULL);
SELECT swipesavvy.create_boost('X', 0.999);
SELECT swipesavvy.create_boost('X', 1000.001);
SELECT swipesavvy.create_boost('X', 1.0001);
SELECT swipesavvy.create_boost('X', 'NaN');
SELECT swipesavvy.create_boost('X', 2, 'Space Travel');
SELECT swipesavvy.create_boost('X', 2, expires_at => '2020-01-01');
SELECT swipesavvy.create_boost('X', 2, starts_at => 'infinity');
SELECT swipesavvy.create_boost('X', 2, boost_id => :'over');
SELECT swipesavvy.activate_boost(:'ann', :'always');
SELECT swipesavvy.activate_boost(:'ann', :'always') -> 'active' AS still_active;
SELECT swipesavvy.deactivate_boost(:'ann', :'always') -> 'active' AS active;
SELECT swipesavvy.deactivate_boost(:'ann', :'always');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.activate_boost(:'ann', :'always') -> 'active' AS again;
SELECT boost_id, deactivated_at FROM swipesavvy.user_boosts WHERE user_id = :'ann';
-- whoever loads history activates boosts of the past
SELECT swipesavvy.activate_boost(:'ann', :'over') -> 'active' AS active;
SELECT swipesavvy.activate_boost(:'ann', :'nobody');
SELECT swipesavvy.activate_boost(:'nobody', :'always');
SELECT swipesavvy.activate_boost(:'ann', NULL);

-- tiers: the whole list; what is not in it is switched off, seeds stay seeds, benefits left out stay
BEGIN;
SELECT jsonb_pretty(swipesavvy.list_tiers());
SELECT swipesavvy.update_tiers('[{"tier": "gold", "threshold": 100, "multiplier": 3.125, "benefits": ["lounge"]},
                                 {"name": "base", "threshold": 0, "multiplier": 0.5, "benefits": ["none"]}]');
SELECT swipesavvy.list_tiers() = swipesavvy.update_tiers('[{"name": "base", "threshold": 0, "multiplier": 0.5},
                                                           {"tier": "gold", "threshold": 100, "multiplier": 3.125}]') AS same;
SELECT tier, threshold, multiplier_milli, is_active, is_seed FROM swipesavvy.tiers ORDER BY tier;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
-- thresholds change places, and a user created now has the lowest tier
SELECT t ->> 'tier' AS tier, t -> 'threshold' AS threshold
  FROM jsonb_array_elements(swipesavvy.update_tiers('[{"tier": "gold", "threshold": 0, "multiplier": 1}, {"tier": "base", "threshold": 100, "multiplier": 1},
                                                      {"tier": "bronze", "threshold": 1, "multiplier": 1000}]') -> 'tiers') t;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT swipesavvy.create_user('cyd@catalogue.test', 'Cyd') ->> 'user_id' AS cyd \gset
SELECT tier FROM swipesavvy.reward_accounts WHERE user_id = :'cyd';
ROLLBACK;
SELECT swipesavvy.update_tiers(NULL);
SELECT swipesavvy.update_tiers('{}');
SELECT swipesavvy.update_tiers('"gold"');
SELECT swipesavvy.update_tiers('[]');
SELECT swipesavvy.update_tiers('["gold"]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 1, "multiplier": 1}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0, "multiplier": 1, "colour": "red"}]');
SELECT swipesavvy.update_tiers('[{"threshold": 0, "multiplier": 1}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "name": "a", "threshold": 0, "multiplier": 1}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": -1, "multiplier": 1}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0.5, "multiplier": 1}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0, "multiplier": 1000.001}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0, "multiplier": 1.0001}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0, "multiplier": 1, "benefits": "many"}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0, "multiplier": 1, "benefits": [1]}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0, "multiplier": 1}, {"tier": "a", "threshold": 1, "multiplier": 1}]');
SELECT swipesavvy.update_tiers('[{"tier": "a", "threshold": 0, "multiplier": 1}, {"tier": "b", "threshold": 0, "multiplier": 1}]');

-- who may
SET ROLE swipesavvy_customer;
SET request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000c0001"}';
SELECT swipesavvy.activate_boost(:'ann', :'over');
\echo :LAST_ERROR_SQLSTATE
SELECT jsonb_array_length(swipesavvy.list_tiers() -> 'tiers') AS tiers;
SELECT swipesavvy.activate_boost(:'ann', :'always') -> 'active' AS own;
SELECT swipesavvy.activate_boost(:'ben', :'always');
SELECT swipesavvy.deactivate_boost(:'ben', :'always');
SELECT swipesavvy.update_tiers('[]');
SELECT swipesavvy.list_segments();
RESET request.jwt.claims;
SET ROLE swipesavvy_analytics;
SELECT swipesavvy.list_segments() -> 'segments' IS NOT NULL AS listed;
SELECT swipesavvy.create_segment('x');
SELECT swipesavvy.add_segment_members('cat-vip', '{}');
RESET ROLE;
