-- rules: what tells every session that the compiled rules of the award engine are out of date.

CREATE TABLE swipesavvy.rule_sentinel ();
COMMENT ON TABLE swipesavvy.rule_sentinel IS
    'Always empty: an invalidation of this table tells every session to compile the rules again.';

CREATE FUNCTION swipesavvy.rules_changed() RETURNS trigger
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'swipesavvy_rules_changed';
COMMENT ON FUNCTION swipesavvy.rules_changed() IS
    'Trigger of the tables that rules are compiled from: marks the compiled rules of every session as out of date.';

-- ALWAYS: a subscriber's apply and a session in replica mode change rules too. The triggers write nothing. Of campaigns only
-- those that run are rules: a draft says nothing to anybody.
DO $$
DECLARE
    table_name text;
    change text;
    condition text;
    name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['campaigns', 'tiers', 'boosts', 'system_settings', 'merchant_categories', 'currencies']
    LOOP
        FOREACH change IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']
        LOOP
            name := pg_catalog.format('rules_after_%s', pg_catalog.lower(change));
            condition := CASE WHEN table_name = 'campaigns' THEN
                CASE change WHEN 'INSERT' THEN $c$WHEN (NEW.status = 'running')$c$ WHEN 'DELETE' THEN $c$WHEN (OLD.status = 'running')$c$
                            WHEN 'UPDATE' THEN $c$WHEN (OLD.status = 'running' OR NEW.status = 'running')$c$ END END;
            EXECUTE pg_catalog.format('CREATE TRIGGER %I AFTER %s ON swipesavvy.%I FOR EACH %s %s EXECUTE FUNCTION swipesavvy.rules_changed()',
                                      name, change, table_name, CASE change WHEN 'TRUNCATE' THEN 'STATEMENT' ELSE 'ROW' END, condition);
            EXECUTE pg_catalog.format('ALTER TABLE swipesavvy.%I ENABLE ALWAYS TRIGGER %I', table_name, name);
        END LOOP;
    END LOOP;
END
$$;

-- What a session keeps of merchants is their categories; a new merchant is not among it.
CREATE TABLE swipesavvy.merchant_sentinel ();
COMMENT ON TABLE swipesavvy.merchant_sentinel IS
    'Always empty: an invalidation of this table tells every session to look up the categories of merchants again.';
CREATE TRIGGER merchant_after_update AFTER UPDATE ON swipesavvy.merchants FOR EACH ROW
    WHEN (OLD.category <> NEW.category OR OLD.merchant_id <> NEW.merchant_id) EXECUTE FUNCTION swipesavvy.rules_changed('merchant_sentinel');
CREATE TRIGGER merchant_after_delete AFTER DELETE ON swipesavvy.merchants FOR EACH ROW
    EXECUTE FUNCTION swipesavvy.rules_changed('merchant_sentinel');
CREATE TRIGGER merchants_after_truncate AFTER TRUNCATE ON swipesavvy.merchants FOR EACH STATEMENT
    EXECUTE FUNCTION swipesavvy.rules_changed('merchant_sentinel');
ALTER TABLE swipesavvy.merchants ENABLE ALWAYS TRIGGER merchant_after_update, ENABLE ALWAYS TRIGGER merchant_after_delete,
    ENABLE ALWAYS TRIGGER merchants_after_truncate;

CREATE FUNCTION swipesavvy.rule_cache_status() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_rule_cache_status';
COMMENT ON FUNCTION swipesavvy.rule_cache_status() IS
    'What this session holds of the compiled rules: campaigns, bytes, generation, builds, last build time.';
