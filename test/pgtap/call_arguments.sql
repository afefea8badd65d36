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
SELECT is_empty('SELECT oid::regprocedure, name FROM arguments WHERE name !~ ''^[a-z][a-z0-9_]*$'' OR quote_ident(name) <> name',
                'none needs quotes in SQL, or is a path for PostgREST');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'swipesavvy'::regnamespace AND pronargs > 0
                     AND (proargnames IS NULL OR '' = ANY (proargnames)) AND has_function_privilege('swipesavvy_admin', p.oid, 'EXECUTE')$$,
                'every argument that a client gives has a name');
SELECT is_empty($$SELECT oid::regprocedure, name FROM arguments WHERE name ~ 'limit|offset|page|size'
                     AND name NOT IN ('page_size', 'page_offset', 'chunk_size', 'daily_limit', 'per_user_limit', 'activation_limit')$$,
                'pages have one name for their size and one for where they begin');

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
