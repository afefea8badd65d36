-- openapi(): who may call it, what it is made of, and that it follows the catalogue.
\set VERBOSITY terse
SELECT r.rolname, has_function_privilege(r.rolname, 'swipesavvy.openapi()', 'execute') AS may
  FROM pg_roles r WHERE r.rolname LIKE 'swipesavvy\_%' AND r.rolname <> 'swipesavvy_owner' ORDER BY r.rolname COLLATE "C";
SELECT jsonb_object_keys(d) AS key FROM swipesavvy.openapi() d;
SELECT jsonb_object_keys(d -> 'components') AS component FROM swipesavvy.openapi() d;
SELECT string_agg(t ->> 'name', ', ' ORDER BY n) AS tags FROM jsonb_array_elements(swipesavvy.openapi() -> 'tags') WITH ORDINALITY k (t, n);
-- every route is an operation, by another name each
SELECT count(*) = jsonb_array_length(swipesavvy.list_routes() -> 'routes') AS all_of_them, count(DISTINCT o ->> 'operationId') = count(*) AS unique
  FROM jsonb_each(swipesavvy.openapi() -> 'paths') p, jsonb_each(p.value) m (method, o) WHERE m.method NOT LIKE 'x-%';
-- one operation, whole but for its example
SELECT jsonb_pretty(d -> 'paths' -> '/api/campaigns/{campaign_id}' -> 'get' #- '{responses,200,content,application/json,example}') AS operation FROM swipesavvy.openapi() d;
SELECT o ->> 'type' AS type, o #>> '{items,type}' AS items, (SELECT string_agg(k, ', ') FROM jsonb_object_keys(o -> 'properties') k) AS keys, o -> 'required' AS required
  FROM jsonb_array_elements(swipesavvy.openapi() #> '{paths,/api/events,post,requestBody,content,application/json,schema,oneOf}') o;
SELECT d #> '{components,schemas,Error}' AS error, d #> '{components,responses,TooManyRequests}' AS response FROM swipesavvy.openapi() d;
-- what the catalogue says now
BEGIN;
COMMENT ON FUNCTION swipesavvy.list_tiers() IS 'Tiers, as a test calls them. And more of it.';
REVOKE EXECUTE ON FUNCTION swipesavvy.list_tiers() FROM swipesavvy_customer;
SELECT o -> 'summary' AS summary, o -> 'description' AS description, o -> 'x-roles' AS roles FROM swipesavvy.openapi() d, LATERAL (SELECT d #> '{paths,/api/tiers,get}') k (o);
ROLLBACK;
