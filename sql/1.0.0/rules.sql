-- rules: what tells every session that the compiled rules of the award engine are out of date.

CREATE TABLE swipesavvy.rule_sentinel ();
COMMENT ON TABLE swipesavvy.rule_sentinel IS
    'Always empty: an invalidation of this table tells every session to compile the rules again.';

CREATE FUNCTION swipesavvy.rules_changed() RETURNS trigger
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'swipesavvy_rules_changed';
COMMENT ON FUNCTION swipesavvy.rules_changed() IS
    'Trigger of the tables that rules are compiled from: marks the compiled rules of every session as out of date.';

-- ALWAYS: a subscriber's apply and a session in replica mode change rules too. The triggers write nothing.
DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['campaigns', 'tiers', 'boosts', 'system_settings', 'merchant_categories', 'currencies']
    LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER rules_changed AFTER INSERT OR UPDATE OR DELETE ON swipesavvy.%I
                                       FOR EACH ROW EXECUTE FUNCTION swipesavvy.rules_changed()', table_name);
        EXECUTE pg_catalog.format('CREATE TRIGGER rules_truncated AFTER TRUNCATE ON swipesavvy.%I
                                       FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.rules_changed()', table_name);
        EXECUTE pg_catalog.format('ALTER TABLE swipesavvy.%I ENABLE ALWAYS TRIGGER rules_changed', table_name);
        EXECUTE pg_catalog.format('ALTER TABLE swipesavvy.%I ENABLE ALWAYS TRIGGER rules_truncated', table_name);
    END LOOP;
END
$$;

CREATE FUNCTION swipesavvy.rule_cache_status() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_rule_cache_status';
COMMENT ON FUNCTION swipesavvy.rule_cache_status() IS
    'What this session holds of the compiled rules: campaigns, bytes, generation, builds, last build time.';
