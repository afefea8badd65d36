-- Health: who may see what; what the database measures by itself; what is null without preload and without a worker.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
BEGIN;
-- every key, and the type of its value
SELECT path, jsonb_typeof(h #> string_to_array(path, '.')) AS type
  FROM (SELECT swipesavvy.get_system_health() AS h OFFSET 0) s,
       LATERAL (SELECT k AS path FROM jsonb_object_keys(h) k WHERE k NOT IN ('services', 'metrics')
                UNION ALL SELECT 'metrics.' || k FROM jsonb_object_keys(h -> 'metrics') k
                UNION ALL SELECT format('services.%s.%s', e.key, k) FROM jsonb_each(h -> 'services') e, jsonb_object_keys(e.value) k) p
 WHERE path NOT IN ('metrics.cpu_percent') ORDER BY path COLLATE "C";
SELECT (h #>> '{services,database,max_connections}')::int = current_setting('max_connections')::int AS max_connections,
       (h #>> '{services,database,active_connections}')::int >= 1 AS connections,
       (h #>> '{services,database,connection_pool_usage}')::numeric = round((h #>> '{services,database,active_connections}')::numeric / current_setting('max_connections')::int, 3) AS usage,
       (h #>> '{services,database,transaction_age}')::int = age(datfrozenxid) AS transaction_age,
       (h #>> '{services,database,response_time_ms}')::numeric > 0 AS response_time,
       (h #>> '{services,cache,hit_rate}')::numeric BETWEEN 0 AND 1 AS hit_rate,
       (h #>> '{metrics,memory_percent}')::numeric BETWEEN 0.001 AND 100 AS memory,
       (h ->> 'timestamp')::timestamptz BETWEEN now() AND clock_timestamp() AS now
  FROM swipesavvy.get_system_health() h, pg_database WHERE datname = current_database();

-- the outbox
DELETE FROM swipesavvy.outbox;
INSERT INTO swipesavvy.outbox (message_id, event, version, body, due_at, delivered_at, dead_at)
SELECT gen_random_uuid(), 'test', 1, '{}', now() - due * interval '1 minute', now() - delivered * interval '1 minute', now() - dead * interval '1 minute'
  FROM (VALUES (1, NULL, NULL), (14, NULL, NULL), (-5, NULL, NULL), (99, 59, NULL), (99, 61, NULL), (99, NULL, 61)) m (due, delivered, dead);
SELECT (h #> '{services,background_jobs}') - 'oldest_job_seconds' AS jobs, (h #>> '{services,background_jobs,oldest_job_seconds}')::int BETWEEN 840 AND 899 AS oldest
  FROM swipesavvy.get_system_health() h;
SELECT a - 'value' AS alert FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a WHERE a ->> 'name' ~ 'job';
INSERT INTO swipesavvy.outbox (message_id, event, version, body, due_at, dead_at) VALUES (gen_random_uuid(), 'test', 1, '{}', now(), now());
UPDATE swipesavvy.outbox SET due_at = now() - interval '20 minutes' WHERE delivered_at IS NULL AND dead_at IS NULL;
SELECT h #>> '{services,background_jobs,status}' AS jobs, a - 'value' AS alert, swipesavvy.health() ->> 'status' = h ->> 'status' AS same
  FROM swipesavvy.get_system_health() h, jsonb_array_elements(h -> 'alerts') a WHERE a ->> 'name' ~ 'job';
UPDATE swipesavvy.outbox SET due_at = now() - interval '61 minutes' WHERE delivered_at IS NULL AND dead_at IS NULL;
SELECT h ->> 'status' AS status, h #>> '{services,background_jobs,status}' AS jobs, a - 'value' AS alert, swipesavvy.health() ->> 'status' AS everybody_sees
  FROM swipesavvy.get_system_health() h, jsonb_array_elements(h -> 'alerts') a WHERE a ->> 'name' ~ 'oldest';

-- under maintenance: an alert for admins, and health() answers all
SELECT swipesavvy.update_system_settings('{"maintenance_mode": true}') ->> 'status' AS status;
SELECT a AS alert FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a WHERE a ->> 'name' = 'maintenance_mode';
SET ROLE swipesavvy_anon;
SELECT k AS key FROM jsonb_object_keys(swipesavvy.health()) k ORDER BY k;
SELECT swipesavvy.get_system_health();
SET ROLE swipesavvy_support;
SELECT swipesavvy.health() ->> 'status' AS status;
SELECT swipesavvy.get_system_health();
RESET ROLE;
ROLLBACK;

-- an answer about now is not for caches
BEGIN READ ONLY;
SET LOCAL request.method = 'GET';
SELECT swipesavvy.health() IS NOT NULL AS answered;
SHOW response.headers;
ROLLBACK;
