-- What holds for the names of all arguments: clients write them in JSON, in the query of a URL and as name => value.
\set QUIET on
BEGIN;
SELECT no_plan();

CREATE TEMP VIEW arguments AS
    SELECT p.proname, p.oid, a.name FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'swipesavvy'
     CROSS JOIN unnest(p.proargnames) a (name);

SELECT cmp_ok((SELECT count(*) FROM arguments), '>', 200::bigint, 'there are arguments to look at');
SELECT is_empty($$SELECT oid::regprocedure, name FROM arguments WHERE name IN ('select', 'order', 'limit', 'offset', 'columns', 'and', 'or', 'not', 'on_conflict')$$,
                'none has a name that PostgREST keeps for itself: a GET would never pass it');
SELECT is_empty('SELECT oid::regprocedure, name FROM arguments WHERE name !~ ''^[a-z][a-z0-9_]*$'' OR quote_ident(name) <> name
                 EXCEPT VALUES (''swipesavvy.get_flags_document(uuid,jsonb,jsonb,jsonb,text)''::regprocedure, ''forcedVariations''), (''swipesavvy.get_flags_document(uuid,jsonb,jsonb,jsonb,text)'', ''forcedFeatures'')',
                'none needs quotes in SQL, or is a path for PostgREST, but for two that SDKs send so');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'swipesavvy'::regnamespace AND pronargs > 0
                     AND (proargnames IS NULL OR '' = ANY (proargnames)) AND p.oid <> 'swipesavvy.http_write(jsonb)'::regprocedure AND has_function_privilege('swipesavvy_admin', p.oid, 'EXECUTE')$$,
                'every argument that a client gives has a name, but a whole body');
SELECT is_empty($$SELECT oid::regprocedure, name FROM arguments WHERE name ~ 'limit|offset|page|size'
                     AND name NOT IN ('page_size', 'page_offset', 'chunk_size', 'daily_limit', 'per_user_limit', 'activation_limit', 'minimum_effect_size', 'target_sample_size')$$,
                'pages have one name for their size and one for where they begin');

-- A page is 1 to 100 long and 20 unless told, and begins at 0; the audit log has longer ones, a day has 24 hours, and jobs do as much as they are told.
CREATE TEMP VIEW paged AS
    SELECT p.oid, p.proname, a.name, pg_get_function_arg_default(p.oid, a.n::int) AS value, p.pronargs - p.pronargdefaults AS required
      FROM pg_proc p CROSS JOIN unnest(p.proargnames) WITH ORDINALITY a (name, n)
     WHERE p.pronamespace = 'swipesavvy'::regnamespace AND a.name IN ('page_size', 'page_offset');
SELECT set_eq($$SELECT proname::text, value FROM paged WHERE value IS DISTINCT FROM CASE name WHEN 'page_size' THEN '20' ELSE '0' END$$,
              $$VALUES ('get_audit_logs', '100'), ('claim_outbox', '10'), ('lapse_transactions', '1000'), ('refresh_tiers', '10000'), ('get_flag_audit', '50'), ('get_merchant_affinity', '10'), ('get_send_times', '3'), ('get_top_campaigns', '10'), ('get_recommendations', '10')$$, 'the defaults of pages');
SELECT cmp_ok((SELECT count(*) FROM paged WHERE name = 'page_size'), '>=', 14::bigint, 'there are lists');
CREATE FUNCTION pg_temp.refused(call text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN 'answered';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $f$;
SELECT swipesavvy.create_user('ada@arguments.test', 'Ada', user_id => '00000000-0000-7000-8000-0000000000aa') \g /dev/null
SELECT swipesavvy.create_merchant('Arguments', 'Services', merchant_id => '00000000-0000-7000-8000-0000000000aa') \g /dev/null
SELECT swipesavvy.rebuild_analytics() \g /dev/null
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed) VALUES ('affinity', 1, 'active', now(), 1);
CREATE TEMP VIEW pages AS
    SELECT oid, v.value, name, pg_temp.refused(format('%s(%s%I => %s)', oid::regproc, CASE CASE proname WHEN 'get_recommendations' THEN 1 ELSE required END WHEN 2 THEN '1, 2, ' WHEN 1 THEN CASE WHEN proname LIKE '%flag%' THEN '''dark_mode'', ' WHEN proname = 'list_rfm_users' THEN '''loyal'', ' ELSE '''00000000-0000-7000-8000-0000000000aa'', ' END ELSE '' END, name, v.value)) AS answer
      FROM paged CROSS JOIN (VALUES (-2147483648), (-1), (0), (1), (20), (100), (101), (501), (2147483647)) v (value);
SELECT is_empty($$SELECT oid::regproc, name, value, answer FROM pages WHERE oid::regproc::text NOT IN ('swipesavvy.lapse_transactions', 'swipesavvy.refresh_tiers')
        AND answer <> CASE WHEN CASE name WHEN 'page_offset' THEN value >= 0 ELSE value BETWEEN 1 AND CASE WHEN oid::regproc::text IN ('swipesavvy.get_audit_logs', 'swipesavvy.get_flag_audit') THEN 500 WHEN oid::regproc::text = 'swipesavvy.get_send_times' THEN 24 ELSE 100 END END
                           THEN 'answered' ELSE format('22023 invalid value for argument "%s"', name) END$$, 'every list takes the same pages, and names the argument that is none');

-- Ids that a client chooses are values of a query, too: none that PostgREST takes for a filter.
CREATE FUNCTION pg_temp.created(id text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM swipesavvy.create_campaign('Filter', 'SEASONAL', offer_type => 'OTHER', start_date => '2026-01-01', campaign_id => id);
    RETURN 'created';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $f$;
CREATE FUNCTION pg_temp.inserted(id text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE violated text;
BEGIN
    INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, offer_type, offer_amount, currency, start_date)
    VALUES (id, 'Filter', 'SEASONAL', 'OTHER', 0, 'USD', '2026-01-01');
    RETURN 'inserted';
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
    RETURN violated;
END $f$;
CREATE TEMP TABLE operators (o) AS
    SELECT unnest('{eq,neq,gt,gte,lt,lte,like,ilike,match,imatch,in,is,isdistinct,fts,plfts,phfts,wfts,cs,cd,ov,sl,sr,nxr,nxl,adj,not}'::text[]);
SELECT is_empty($$SELECT o || suffix FROM operators, (VALUES ('.1'), ('')) s (suffix)
                   WHERE pg_temp.created(o || suffix) <> '22023' OR pg_temp.inserted(o || suffix) <> 'a_campaign_id_is_no_filter_of_postgrest'$$,
                'no campaign has an id that is an operator or begins with one and a dot, by call or by hand');
SELECT is_empty($$SELECT o || suffix FROM operators, (VALUES ('1'), ('-.'), ('_'), ('z.x'), (':.')) s (suffix) WHERE pg_temp.created(o || suffix) <> 'created'$$,
                'others may begin with the same letters');
SELECT is_empty($$SELECT o FROM operators WHERE pg_temp.created(upper(o) || '.1') <> 'created' OR pg_temp.created('a.' || o || '.1') <> 'created'$$,
                'or have them in capitals, or further on');

SELECT * FROM finish();
ROLLBACK;
