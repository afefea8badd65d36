-- privileges: who may call what. Last, so that it speaks of everything there is.

CREATE VIEW swipesavvy.privileges AS
SELECT p.proname AS function, pg_catalog.pg_get_function_arguments(p.oid) AS arguments,
       pg_catalog.array_agg(coalesce(r.rolname, 'PUBLIC') ORDER BY coalesce(r.rolname, 'PUBLIC') COLLATE "C") AS roles
  FROM pg_catalog.pg_proc p
 CROSS JOIN pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
 WHERE p.pronamespace = 'swipesavvy'::regnamespace AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner
 GROUP BY p.oid, p.proname;
COMMENT ON VIEW swipesavvy.privileges IS 'Which roles may call which function, as the catalogue says it now; superusers may call everything.';

-- ALTER DEFAULT PRIVILEGES of the role that creates the extension have granted what is made here to others by now: to reporting roles,
-- most often. Nothing is anybody's but by the grants below. (The schema swipesavvy may be older than the extension: grants on it stay.)
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT pg_catalog.format('REVOKE ALL ON %s %s FROM %s', o.kind, o.name, pg_catalog.string_agg(DISTINCT
                   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, ', '))
          FROM (SELECT 'pg_class'::regclass AS catalog, c.oid, c.relowner AS owner, c.relacl AS acl,
                       CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name
                  FROM pg_catalog.pg_class c
                 UNION ALL
                SELECT 'pg_proc'::regclass, p.oid, p.proowner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)),
                       'ROUTINE', p.oid::regprocedure::text FROM pg_catalog.pg_proc p
                 UNION ALL
                SELECT 'pg_namespace'::regclass, n.oid, n.nspowner, n.nspacl, 'SCHEMA', n.oid::regnamespace::text
                  FROM pg_catalog.pg_namespace n) o
          JOIN pg_catalog.pg_depend d ON d.classid = o.catalog AND d.objid = o.oid AND d.objsubid = 0 AND d.deptype = 'e'
                                     AND d.refclassid = 'pg_extension'::regclass
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'swipesavvy'
         CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) a
         WHERE a.grantee <> o.owner
         GROUP BY o.kind, o.name
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA swipesavvy TO swipesavvy_anon, swipesavvy_customer, swipesavvy_support, swipesavvy_analytics,
    swipesavvy_backend, swipesavvy_delivery, swipesavvy_admin, swipesavvy_owner;

-- The library switches to swipesavvy_owner for its own work. It may not change the ledger either.
GRANT USAGE ON SCHEMA swipesavvy_private TO swipesavvy_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA swipesavvy, swipesavvy_private TO swipesavvy_owner;
REVOKE UPDATE, DELETE ON swipesavvy.points_entries FROM swipesavvy_owner;
REVOKE ALL ON swipesavvy.purchases, swipesavvy.purchases_door, swipesavvy.privileges FROM swipesavvy_owner;
GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA swipesavvy TO swipesavvy_owner;

GRANT EXECUTE ON FUNCTION swipesavvy.uuid_v7(), swipesavvy.minor_to_major(bigint, integer), swipesavvy.email_key(text), swipesavvy.search_key(text) TO swipesavvy_owner;

DO $$
DECLARE
    -- each function (by name: none is overloaded) and the roles that may call it besides admin:
    -- A = all, C = customer, S = support, N = analytics, B = backend, D = delivery
    matrix CONSTANT text[] := ARRAY[
        'sign_in A', 'refresh_session A', 'sign_out A', 'change_password A', 'verify_token A', 'authenticate A',
        'reset_user_password S', 'rotate_token_key', 'add_token_key', 'list_token_keys',
        'current_user_id A', 'health A', 'get_system_health', 'get_merchant A', 'list_merchants A', 'list_merchant_categories A',
        'create_campaign', 'get_campaign CN', 'list_campaigns CN', 'update_campaign', 'launch_campaign', 'pause_campaign',
        'delete_campaign', 'complete_campaigns', 'track_event CB',
        'record_transaction B', 'record_transactions B', 'import_purchases B', 'purchases_computed B', 'explain_award CS', 'verify_ledger N', 'check_ledger',
        'settle_transaction B', 'decline_transaction B', 'refund_transaction B', 'lapse_transactions', 'refresh_tiers',
        'simulate_campaign N',
        'rule_cache_status',
        'create_user B', 'update_user CS', 'get_user_profile CS', 'get_user_accounts CS', 'list_users S', 'get_user_transactions CS',
        'get_user_rewards CS', 'get_user_spending_analytics C', 'export_user_data C', 'erase_user', 'deactivate_user', 'suspend_user',
        'reactivate_user', 'link_account CB', 'verify_account B', 'set_default_account CB', 'unlink_account CB',
        'create_merchant', 'update_merchant', 'create_segment', 'add_segment_members', 'remove_segment_members',
        'list_segments N', 'create_boost', 'activate_boost CB', 'deactivate_boost CB', 'list_boosts C', 'list_tiers C', 'update_tiers', 'add_currency',
        'create_reward', 'update_reward', 'list_rewards C', 'create_charity', 'update_charity', 'list_charities C',
        'redeem_points CB', 'donate_points CB', 'cancel_redemption B', 'adjust_points', 'expire_points', 'get_points_history CS',
        'refresh_leaderboards', 'get_leaderboard CN',
        'get_audit_logs', 'seal_audit_log', 'verify_audit_log', 'latest_audit_seal', 'apply_audit_retention', 'record_refused_attempts',
        'claim_outbox D', 'acknowledge_outbox D', 'fail_outbox D', 'replay_outbox D', 'apply_outbox_retention',
        'create_sink', 'update_sink', 'delete_sink', 'list_sinks', 'preview_sink', 'test_sink',
        'set_sink_secret', 'delete_sink_secret', 'list_sink_secrets', 'claim_requests', 'record_results', 'release_requests',
        'claim_job', 'finish_job', 'set_job', 'worker_status', 'record_health', 'set_health_threshold', 'list_alerts', 'acknowledge_alert', 'roll_up_health',
        'get_health_history', 'metrics',
        'update_system_settings'];
    line text;
    letters text;
    function_name text;
    role_name text;
    granted integer;
BEGIN
    FOREACH line IN ARRAY matrix LOOP
        function_name := pg_catalog.split_part(line, ' ', 1);
        letters := pg_catalog.replace(pg_catalog.split_part(line, ' ', 2), 'A', 'ACSNBD') || 'M';
        granted := 0;
        FOR role_name IN
            SELECT 'swipesavvy_' || r.name
              FROM (VALUES ('A', 'anon'), ('C', 'customer'), ('S', 'support'), ('N', 'analytics'), ('B', 'backend'),
                           ('D', 'delivery'), ('M', 'admin')) r (letter, name)
             WHERE pg_catalog.strpos(letters, r.letter) > 0
        LOOP
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE swipesavvy.%I TO %I', function_name, role_name);
            granted := granted + 1;
        END LOOP;
        ASSERT granted > 0;
    END LOOP;
END
$$;

GRANT SELECT, INSERT ON swipesavvy.purchases TO swipesavvy_backend, swipesavvy_admin;
GRANT SELECT ON swipesavvy.purchases TO swipesavvy_analytics;
GRANT SELECT ON swipesavvy.imports, swipesavvy.import_errors TO swipesavvy_backend, swipesavvy_admin;

GRANT SELECT ON swipesavvy.privileges TO swipesavvy_admin;
