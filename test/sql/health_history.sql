-- Samples summed up by the minute and the hour, how a figure went, and alerts that somebody looks after.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
BEGIN;
-- as it is in a zone whose hours begin at other minutes
SET LOCAL timezone = 'Asia/Kathmandu';
CREATE FUNCTION pg_temp.points(figure text, start_date timestamptz DEFAULT NULL, end_date timestamptz DEFAULT NULL, resolution text DEFAULT 'auto')
RETURNS TABLE (resolution text, at text, min numeric, avg numeric, max numeric, samples int) LANGUAGE sql AS $$
    SELECT h ->> 'resolution', ((p ->> 'at')::timestamptz - date_bin('1 hour', now(), '2000-01-01Z'))::text, (p ->> 'min')::numeric, (p ->> 'avg')::numeric,
           (p ->> 'max')::numeric, (p ->> 'samples')::int
      FROM swipesavvy.get_health_history(figure, start_date, end_date, resolution) h, jsonb_array_elements(h -> 'points') p
$$;
-- times are told from the beginning of this hour; three hours ago, six samples of each of three minutes, of which one misses something
INSERT INTO swipesavvy.health_samples
SELECT date_bin('1 hour', now(), '2000-01-01Z') - interval '3 hours' + n * interval '10 seconds',
       CASE WHEN n = 7 THEN '{"steady": 7}' ELSE jsonb_build_object('steady', 7, 'disk_percent', n + 0.1234, 'deadlocks_total', n, 'deadlocks_delta', n % 2, 'odd', 'text', 'none', NULL) END
  FROM generate_series(0, 17) n;
-- two hours ago: two samples, in one minute; and now
INSERT INTO swipesavvy.health_samples SELECT date_bin('1 hour', now(), '2000-01-01Z') - interval '2 hours' + n, jsonb_build_object('steady', 8, 'disk_percent', 1e30)
  FROM unnest('{1 minute,119.999 seconds}'::interval[]) n;
INSERT INTO swipesavvy.health_samples VALUES (clock_timestamp(), '{"steady": 9, "disk_percent": 50}');
-- an hour's minutes a call, the next of what there is; and when all is done nothing
SELECT swipesavvy.roll_up_health() FROM generate_series(1, 4);
SELECT starts_at - date_bin('1 hour', now(), '2000-01-01Z') AS minute, samples, figures FROM swipesavvy.health_minutes ORDER BY starts_at;
SELECT starts_at - date_bin('1 hour', now(), '2000-01-01Z') AS hour, samples, figures FROM swipesavvy.health_hours ORDER BY starts_at;
-- done again, it is the same
CREATE TEMP TABLE before AS SELECT * FROM swipesavvy.health_minutes UNION ALL SELECT * FROM swipesavvy.health_hours;
DELETE FROM swipesavvy.health_minutes WHERE starts_at > (SELECT min(starts_at) FROM swipesavvy.health_minutes);
DELETE FROM swipesavvy.health_hours;
SELECT swipesavvy.roll_up_health() FROM generate_series(1, 3);
SELECT count(*) AS differ FROM (SELECT * FROM swipesavvy.health_minutes UNION ALL SELECT * FROM swipesavvy.health_hours EXCEPT TABLE before) d;
SELECT count(*) AS differ FROM (TABLE before EXCEPT (SELECT * FROM swipesavvy.health_minutes UNION ALL SELECT * FROM swipesavvy.health_hours)) d;

-- a minute that is not over is left for later; a clock that was ahead for a while holds up nothing
DELETE FROM swipesavvy.health_minutes;
INSERT INTO swipesavvy.health_minutes VALUES (now() + interval '1 year', 1, '{}');
DELETE FROM swipesavvy.health_samples WHERE sampled_at < date_bin('1 hour', now(), '2000-01-01Z') - interval '2 hours';
SELECT r -> 'minutes' AS minutes FROM swipesavvy.roll_up_health() r;
DELETE FROM swipesavvy.health_minutes WHERE starts_at > now();

-- each resolution; the mean is that of the samples
SELECT * FROM pg_temp.points('disk_percent', resolution => 'minute');
SELECT * FROM pg_temp.points('disk_percent', resolution => 'hour');
SELECT * FROM pg_temp.points('deadlocks_delta', resolution => 'hour');
SELECT * FROM pg_temp.points('steady', now() - interval '4 hours', date_bin('1 hour', now(), '2000-01-01Z') - interval '2 hours', 'hour');
SELECT resolution, at, min FROM pg_temp.points('steady', end_date => date_bin('1 hour', now(), '2000-01-01Z'), resolution => 'sample');
SELECT h - 'points' - 'start_date' - 'end_date' AS answer, (h ->> 'end_date')::timestamptz - (h ->> 'start_date')::timestamptz AS long, jsonb_array_length(h -> 'points') AS points
  FROM swipesavvy.get_health_history('disk_percent') h;
SELECT swipesavvy.get_health_history('disk_percent', '2020-01-01', '2020-01-02');
-- known, and never measured
SELECT swipesavvy.get_health_history('replicas_lost', resolution => 'hour') -> 'points' AS points;

-- auto: the finest one that reaches back so far and has not too many points
SELECT a AS ago, l AS long, swipesavvy.get_health_history('disk_percent', now() - a, now() - a + l) ->> 'resolution' AS resolution
  FROM (VALUES (interval '4 hours', interval '4 hours'), ('5 hours', '5 hours'), ('23 hours', '1 hour'), ('25 hours', '1 hour'), ('25 hours', '25 hours'), ('26 hours', '26 hours'),
               ('6 days', '1 hour'), ('8 days', '1 hour'), ('400 days', '400 days'), ('400 days', '9999 days')) v (a, l);
-- more points than are told
INSERT INTO swipesavvy.health_samples SELECT clock_timestamp() - interval '1 hour' + n * interval '0.1 seconds', '{"steady": 1}' FROM generate_series(1, 10001) n;
SELECT h ->> 'resolution' AS resolution FROM swipesavvy.get_health_history('steady', now() - interval '2 hours') h;
SAVEPOINT s;
SELECT swipesavvy.get_health_history('steady', now() - interval '2 hours', resolution => 'sample');
ROLLBACK TO s;

-- what is old goes, a few at a time
INSERT INTO swipesavvy.health_minutes SELECT date_trunc('minute', now()) - interval '7 days' - n * interval '1 minute', 1, '{}' FROM generate_series(1, 150) n;
INSERT INTO swipesavvy.health_hours SELECT date_bin('1 hour', now(), '2000-01-01Z') - interval '400 days' - n * interval '1 hour', 1, '{}' FROM generate_series(1, 150) n;
DELETE FROM swipesavvy.health_samples;
SELECT swipesavvy.roll_up_health();
SELECT count(*) AS minutes, (SELECT count(*) FROM swipesavvy.health_hours WHERE starts_at < now() - interval '400 days') AS hours
  FROM swipesavvy.health_minutes WHERE starts_at < now() - interval '7 days';
ROLLBACK;

-- alerts: the newest first; open, resolved, or both
BEGIN;
DELETE FROM swipesavvy.outbox;
SET LOCAL swipesavvy.trusted_gateways = '';
INSERT INTO swipesavvy.health_alerts (alert_id, figure, severity, value, threshold, opened_at, resolved_at)
SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'figure_' || n, 'warning', n, 1, '2026-01-01 00:00+00'::timestamptz + n * interval '1 hour', CASE WHEN n % 2 = 0 THEN '2026-01-02 00:00+00'::timestamptz END
  FROM generate_series(1, 5) n;
SELECT o AS open, (SELECT string_agg(a ->> 'figure', ' ') FROM jsonb_array_elements(l -> 'alerts') a) AS alerts, l - 'alerts' AS page
  FROM unnest('{NULL,true,false}'::boolean[]) o, swipesavvy.list_alerts(o) l;
SELECT swipesavvy.list_alerts(true, 1, 2);
-- somebody looks after one: the first who says so; the world outside hears of it
SELECT a - 'acknowledged_at' - 'acknowledged_by' AS alert, a ->> 'acknowledged_by' = session_user AS by_me FROM swipesavvy.acknowledge_alert('00000000-0000-7000-8000-000000000001', 'on it') a;
SELECT swipesavvy.acknowledge_alert('00000000-0000-7000-8000-000000000001', 'me, too') ->> 'note' AS note;
SELECT event, version, order_key, body ->> 'note' AS note, body = swipesavvy.list_alerts(true) #> '{alerts,2}' AS as_listed FROM swipesavvy.outbox;
SELECT event_type, resource_id, details #>> '{after,note}' AS note FROM swipesavvy.audit_logs WHERE resource = 'alert';
-- once it is resolved, that is still so; another one cannot be any more
UPDATE swipesavvy.health_alerts SET resolved_at = now() WHERE figure = 'figure_1';
SELECT swipesavvy.acknowledge_alert('00000000-0000-7000-8000-000000000001') ->> 'note' AS note;
SAVEPOINT s;
SELECT swipesavvy.acknowledge_alert('00000000-0000-7000-8000-000000000002');
ROLLBACK TO s;
-- a user who is signed in is named
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) <> '' AS trusted \gset
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000000aa"}';
SELECT a ->> 'acknowledged_by' AS by, a -> 'note' AS note FROM swipesavvy.acknowledge_alert('00000000-0000-7000-8000-000000000003') a;
ROLLBACK;

-- errors
SELECT swipesavvy.get_health_history(NULL);
SELECT swipesavvy.get_health_history('happiness');
SELECT swipesavvy.get_health_history('deadlocks_total');
SELECT swipesavvy.get_health_history('disk_percent', '2026-01-02', '2026-01-01');
SELECT swipesavvy.get_health_history('disk_percent', '-infinity');
SELECT swipesavvy.get_health_history('disk_percent', resolution => 'second');
SELECT swipesavvy.list_alerts(page_size => 101);
SELECT swipesavvy.acknowledge_alert(NULL);
SELECT swipesavvy.acknowledge_alert('00000000-0000-7000-8000-000000000009');
SELECT swipesavvy.acknowledge_alert('00000000-0000-7000-8000-000000000009', repeat('x', 4001));
