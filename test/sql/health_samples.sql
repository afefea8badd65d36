-- Samples of health: states that need two, alerts that open and resolve, thresholds, metrics. test/t/610_health.pl has the worker that measures.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
BEGIN;
DELETE FROM swipesavvy.outbox;
CREATE FUNCTION pg_temp.sample(figures jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', 'changed', r ->> 'changed', 'opened', r ->> 'opened')
      FROM swipesavvy.record_health('{"cpu_percent": null, "memory_percent": null}' || figures) r
$$;
CREATE VIEW pg_temp.open_alerts AS SELECT figure, severity, value, threshold FROM swipesavvy.health_alerts WHERE resolved_at IS NULL ORDER BY figure;

-- one sample over a threshold is none; two are; and one below, a third of another level or an unknown one between them begin again or say nothing
SELECT pg_temp.sample('{"disk_percent": 85, "commit_ms": 1}');
SELECT pg_temp.sample('{"disk_percent": 84.9}');
SELECT pg_temp.sample('{"disk_percent": 86}');
SELECT pg_temp.sample('{"commit_ms": 1}');
SELECT pg_temp.sample('{"disk_percent": 96}');
SELECT pg_temp.sample('{"disk_percent": 87}');
TABLE pg_temp.open_alerts;
SELECT pg_temp.sample('{"disk_percent": 88}');
TABLE pg_temp.open_alerts;
-- worse: the warning ends, what is critical begins; better; well again
SELECT pg_temp.sample('{"disk_percent": 95}');
SELECT pg_temp.sample('{"disk_percent": 99}');
TABLE pg_temp.open_alerts;
SELECT pg_temp.sample('{"disk_percent": 90}'), pg_temp.sample('{"disk_percent": 10}');
SELECT pg_temp.sample('{"disk_percent": 10}');
TABLE pg_temp.open_alerts;
SELECT event, version, order_key, body ->> 'severity' AS severity, body ->> 'value' AS value, body ->> 'threshold' AS threshold,
       body ->> 'resolved_at' IS NOT NULL AS resolved FROM swipesavvy.outbox ORDER BY message_id;
SELECT array_agg(k ORDER BY k) AS keys FROM swipesavvy.outbox, jsonb_object_keys(body) k GROUP BY message_id LIMIT 1;

-- what counts up becomes a difference, unless it began again; replicas that were there within the hour are missed
SELECT pg_temp.sample('{"deadlocks_total": 10, "replicas": 2}'), pg_temp.sample('{"deadlocks_total": 14, "replicas": 2}'),
       pg_temp.sample('{"deadlocks_total": 3, "replicas": 1}'), pg_temp.sample('{"deadlocks_total": 9, "replicas": 1}');
SELECT figures -> 'deadlocks_delta' AS deadlocks, figures -> 'replicas_lost' AS lost FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 4;
TABLE pg_temp.open_alerts;

-- what the library measures by itself; what is given counts instead
INSERT INTO swipesavvy.outbox (message_id, event, version, body, created_at, due_at, delivered_at, dead_at)
SELECT gen_random_uuid(), 'test', 1, '{}', now(), now() - due * interval '1 minute', now() - delivered * interval '1 minute', now() - dead * interval '1 minute'
  FROM (VALUES (16, NULL, NULL), (-5, NULL, NULL), (99, 1, NULL), (99, NULL, 59), (99, NULL, 61)) m (due, delivered, dead);
SELECT pg_temp.sample('{"replicas": null, "disk_percent": 1}');
SELECT figures -> 'outbox_queued' AS queued, (figures ->> 'outbox_oldest_seconds')::int BETWEEN 960 AND 1019 AS oldest, figures -> 'outbox_dead' AS dead,
       figures ? 'api_calls' AS calls FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 1;
SELECT pg_temp.sample('{"outbox_dead": 2}');
SELECT figure, severity, CASE figure WHEN 'outbox_oldest_seconds' THEN trunc(value, -2) ELSE value END AS value, threshold FROM pg_temp.open_alerts;
-- of each thing get_system_health() says once what is wrong: as it is now, or else that it has not been well for long enough
SELECT a ->> 'name' AS name, a ->> 'severity' AS severity, a ? 'opened_at' AS by_the_worker FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a ORDER BY 1;
DELETE FROM swipesavvy.outbox WHERE event = 'test';
SELECT a ->> 'name' AS name, a ->> 'severity' AS severity, a ? 'opened_at' AS by_the_worker FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a ORDER BY 1;
SELECT h #>> '{services,background_jobs,status}' AS jobs FROM swipesavvy.get_system_health() h;
SELECT pg_temp.sample('{}'), pg_temp.sample('{}');
TABLE pg_temp.open_alerts;
-- few calls say nothing, and that there are few now is well
SELECT pg_temp.sample('{"api_calls": 99, "api_error_percent": 99, "api_p99_ms": 9999}'), pg_temp.sample('{"api_calls": 99, "api_error_percent": 99, "api_p99_ms": 9999}');
SELECT pg_temp.sample('{"api_calls": 100, "api_error_percent": 1, "api_p99_ms": 5000}'), pg_temp.sample('{"api_calls": 100, "api_error_percent": 1, "api_p99_ms": 5000}');
SELECT figure, severity FROM pg_temp.open_alerts WHERE figure ~ 'api';
SELECT pg_temp.sample('{"api_calls": 1, "api_error_percent": 100, "api_p99_ms": 9999}'), pg_temp.sample('{"api_calls": 0}');
SELECT figure, severity FROM pg_temp.open_alerts WHERE figure ~ 'api';
-- the size of the database is not in each sample of the worker
SELECT pg_temp.sample('{"database_bytes": 12345}'), pg_temp.sample('{}');
SELECT figures -> 'database_bytes' AS bytes FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 1;

-- thresholds: what is null is the library's, infinity is never
SELECT swipesavvy.set_health_threshold('disk_percent', 50, 60, 1);
SELECT pg_temp.sample('{"disk_percent": 61}');
TABLE pg_temp.open_alerts;
SELECT swipesavvy.set_health_threshold('disk_percent', 'infinity', 'infinity', 1);
SELECT pg_temp.sample('{"disk_percent": 100}');
SELECT swipesavvy.set_health_threshold('disk_percent', samples => 3);
SELECT swipesavvy.set_health_threshold('disk_percent');
-- they hold for what is measured just now, too
INSERT INTO swipesavvy.outbox (message_id, event, version, body, due_at, dead_at) SELECT gen_random_uuid(), 'test', 1, '{}', now(), now() FROM generate_series(1, 3);
SELECT a - 'message' AS alert FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a WHERE a ->> 'name' ~ 'job';
SELECT swipesavvy.set_health_threshold('outbox_dead', 2, 3), swipesavvy.set_health_threshold('errors_last_hour', 10);
SELECT a - 'message' AS alert FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a WHERE a ->> 'name' ~ 'job';
SELECT swipesavvy.set_health_threshold('outbox_dead', 4);
SELECT a - 'message' AS alert FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a WHERE a ->> 'name' ~ 'job';
DELETE FROM swipesavvy.outbox WHERE event = 'test';
SELECT swipesavvy.set_health_threshold('outbox_dead');
SELECT details FROM swipesavvy.audit_logs WHERE event_type = 'health_threshold.update' ORDER BY log_id;

-- what get_system_health() has from the last sample: only if it is of now
SELECT pg_temp.sample('{"disk_percent": 97.25, "commit_ms": 250.5}'), pg_temp.sample('{"disk_percent": 97.25, "commit_ms": 250.5}');
SELECT h ->> 'status' AS status, h #>> '{services,database,status}' AS database, h #>> '{services,database,response_time_ms}' AS response,
       h #>> '{metrics,disk_usage_percent}' AS disk, (SELECT string_agg(concat_ws(' ', a ->> 'name', a ->> 'severity', a ->> 'value', a ->> 'threshold'), ', ') FROM
       jsonb_array_elements(h -> 'alerts') a WHERE a ? 'opened_at') AS alerts FROM swipesavvy.get_system_health() h;
SELECT regexp_replace(m, '(seconds|job_[a-z_]*\{[^ ]*) [0-9.]+$', '\1 …') AS metrics FROM string_to_table(swipesavvy.metrics(), E'\n') m WHERE m !~ 'job_|interval';
UPDATE swipesavvy.health_samples SET sampled_at = sampled_at - interval '31 seconds';
SELECT h #>> '{metrics,disk_usage_percent}' AS disk, h ->> 'uptime_percent' AS uptime,
       (SELECT count(*) FROM jsonb_array_elements(h -> 'alerts') a WHERE a ? 'opened_at') AS alerts FROM swipesavvy.get_system_health() h;

-- uptime: samples that follow one another within three intervals
DELETE FROM swipesavvy.health_days;
INSERT INTO swipesavvy.health_days VALUES ((now() AT TIME ZONE 'UTC')::date, clock_timestamp() - interval '100 seconds', clock_timestamp() - interval '20 seconds', 30);
SELECT pg_temp.sample('{}');
SELECT round((swipesavvy.get_system_health() ->> 'uptime_percent')::numeric) AS uptime;
UPDATE swipesavvy.health_days SET first_at = clock_timestamp() - interval '100 seconds', last_at = clock_timestamp() - interval '40 seconds', seconds_up = 50;
SELECT pg_temp.sample('{}');
SELECT round((swipesavvy.get_system_health() ->> 'uptime_percent')::numeric) AS uptime;

-- what is old goes
INSERT INTO swipesavvy.health_samples SELECT now() - interval '25 hours' - n * interval '1 second', '{}' FROM generate_series(1, 150) n;
INSERT INTO swipesavvy.health_days VALUES ('2020-01-01', '2020-01-01', '2020-01-01', 0);
INSERT INTO swipesavvy.health_alerts (figure, severity, value, threshold, opened_at, resolved_at) VALUES ('x', 'warning', 1, 1, '2020-01-01', '2020-01-02');
-- and so does what was measured by a clock that was ahead; the time that the server was up then is of today
INSERT INTO swipesavvy.health_samples VALUES (now() + interval '8 hours', '{"disk_percent": 99}');
INSERT INTO swipesavvy.health_minutes VALUES (now() + interval '8 hours', 1, '{}');
INSERT INTO swipesavvy.health_hours VALUES (now() + interval '8 hours', 1, '{}');
UPDATE swipesavvy.health_days SET last_at = now() + interval '8 hours', seconds_up = 100 WHERE day = (now() AT TIME ZONE 'UTC')::date;
INSERT INTO swipesavvy.health_days VALUES ((now() AT TIME ZONE 'UTC')::date + 1, now() + interval '1 day', now() + interval '1 day', 50);
SELECT swipesavvy.get_system_health() #> '{metrics,disk_usage_percent}' <> '99' AS not_that;
SELECT pg_temp.sample('{}');
SELECT (SELECT count(*) FROM swipesavvy.health_samples WHERE sampled_at > clock_timestamp()) AS samples, (SELECT count(*) FROM swipesavvy.health_minutes WHERE starts_at > now()) AS minutes,
       (SELECT count(*) FROM swipesavvy.health_hours WHERE starts_at > now()) AS hours, (SELECT count(*) FROM swipesavvy.health_days WHERE day > (now() AT TIME ZONE 'UTC')::date) AS days;
SELECT seconds_up BETWEEN 150 AND 160 AS kept, last_at <= clock_timestamp() AS not_ahead FROM swipesavvy.health_days WHERE day = (now() AT TIME ZONE 'UTC')::date;
SELECT count(*) AS old_samples, (SELECT count(*) FROM swipesavvy.health_days WHERE day < '2021-01-01') AS old_days,
       (SELECT count(*) FROM swipesavvy.health_alerts WHERE figure = 'x') AS old_alerts
  FROM swipesavvy.health_samples WHERE sampled_at < now() - interval '1 day';
ROLLBACK;

-- errors
SELECT swipesavvy.record_health(NULL);
SELECT swipesavvy.record_health('[]');
SELECT swipesavvy.record_health('{"deadlocks_total": "many"}');
SELECT swipesavvy.set_health_threshold('happiness', 1);
SELECT swipesavvy.set_health_threshold(NULL, 1);
SELECT swipesavvy.set_health_threshold('disk_percent', 'NaN');
SELECT swipesavvy.set_health_threshold('disk_percent', 0);
SELECT swipesavvy.set_health_threshold('disk_percent', 90, 80);
SELECT swipesavvy.set_health_threshold('disk_percent', 96);
SELECT swipesavvy.set_health_threshold('disk_percent', 90, samples => 0);
-- nothing was ever measured
SELECT swipesavvy.metrics() = '' AS empty, swipesavvy.get_system_health() #> '{metrics,disk_usage_percent}' AS disk;
