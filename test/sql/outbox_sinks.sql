-- Sinks: who gets which message, what is checked, what is shown. test/t/625_requests.pl shows what is sent.
SET TIME ZONE UTC;
-- nothing of this machine alerts meanwhile
SELECT count(swipesavvy.set_health_threshold(f, 'infinity', 'infinity')) AS quiet FROM unnest('{cpu_percent,memory_percent}'::text[]) f;

-- secrets: kept by name, shown nowhere
SELECT swipesavvy.set_sink_secret('key', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') - '{created_at,updated_at}'::text[] AS kept;
SELECT swipesavvy.set_sink_secret('plain', 'S3CRET') ->> 'secret' AS kept;
SELECT k - '{created_at,updated_at}'::text[] AS secret FROM jsonb_array_elements(swipesavvy.list_sink_secrets() -> 'secrets') k;

-- kinds, and what each is unless told
BEGIN;
SELECT c - '{created_at,updated_at}'::text[] AS sink FROM swipesavvy.create_sink('hook', 'webhook', 'https://example.com/hook?a=b', 'key') c;
SELECT c ->> 'events' AS events, c ->> 'url' AS url FROM swipesavvy.create_sink('pager', 'pagerduty', secret => 'plain', options => '{"component": "db"}') c;
SELECT c ->> 'events' AS events, c ->> 'queued' AS queued FROM swipesavvy.create_sink('dog', 'datadog', secret => 'plain', options => '{"tags": ["env:prod"]}', enabled => false) c;
SELECT swipesavvy.set_sink_secret('aws', 'AKIDEXAMPLE:wJalrXUtnFEMI') ->> 'secret' AS secret;
SELECT c ->> 'kind' AS kind FROM swipesavvy.create_sink('cloud', 'cloudwatch', secret => 'aws', options => '{"region": "eu-west-1"}') c;
SELECT swipesavvy.create_sink(v.kind, v.kind, v.url) ->> 'state' AS state FROM (VALUES ('otlp', 'http://10.0.0.1:4318'), ('pushgateway', 'https://[::1]:9091/'), ('alertmanager', 'HTTPS://a')) v (kind, url);
SELECT s ->> 'sink' AS sink, s ->> 'kind' AS kind, s ->> 'state' AS state, s ->> 'secret' AS secret FROM jsonb_array_elements(swipesavvy.list_sinks() -> 'sinks') s;
SELECT count(*) AS states FROM swipesavvy.sink_states;
SELECT (SELECT count(*) FROM swipesavvy.sinks WHERE secret = 'plain') AS users, k ->> 'sinks' AS sinks FROM jsonb_array_elements(swipesavvy.list_sink_secrets() -> 'secrets') k WHERE k ->> 'secret' = 'plain';
ROLLBACK;

-- a row for each sink that asks for the event, or one for claim_outbox()
BEGIN;
DELETE FROM swipesavvy.outbox;
SELECT swipesavvy.create_user('ada@example.com', 'Ada', user_id => '00000000-0000-7000-8000-00000000000a') ->> 'name' AS name;
SELECT swipesavvy.create_campaign('Ten', 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', campaign_id => 'TEN') ->> 'status' AS status;
SELECT swipesavvy.launch_campaign('TEN') ->> 'status' AS status;
SELECT swipesavvy.create_sink('all', 'webhook', 'https://example.com/', 'key') ->> 'state' AS state;
SELECT swipesavvy.create_sink('users', 'webhook', 'https://example.com/', 'key', '{user.*,campaign.launched}', enabled => false) ->> 'state' AS state;
SELECT swipesavvy.create_sink('campaigns', 'webhook', 'https://example.com/', 'key', '{campaign.*}') ->> 'state' AS state;
SELECT swipesavvy.create_sink('exact', 'webhook', 'https://example.com/', 'key', '{user,campaign.pause,campaign.paused.*,campaign.paused}') ->> 'state' AS state;
SELECT swipesavvy.create_sink('pager', 'pagerduty', secret => 'plain') ->> 'state' AS state;
SELECT swipesavvy.create_sink('dog', 'datadog', secret => 'plain') ->> 'state' AS state;
SELECT swipesavvy.pause_campaign('TEN') ->> 'status' AS status;
SELECT swipesavvy.launch_campaign('TEN') ->> 'status' AS status;
SELECT swipesavvy.reset_user_password('00000000-0000-7000-8000-00000000000a') ->> 'status' AS status;
SELECT count(swipesavvy.record_health('{"disk_percent": 99, "cpu_percent": null, "memory_percent": null}')) AS samples FROM generate_series(1, 2);
SELECT event, coalesce(sink, '-') AS sink, order_key, secret IS NOT NULL AS secret FROM swipesavvy.outbox LEFT JOIN swipesavvy_private.outbox_secrets USING (message_id) ORDER BY event, sink, message_id;
SELECT count(DISTINCT message_id) = count(*) AS ids FROM swipesavvy.outbox;
SELECT m ->> 'event' AS event FROM jsonb_array_elements(swipesavvy.claim_outbox(100) -> 'messages') m;
SELECT s ->> 'sink' AS sink, s ->> 'queued' AS queued FROM jsonb_array_elements(swipesavvy.list_sinks() -> 'sinks') s;
-- what is a sink's is no deliverer's
SELECT swipesavvy.acknowledge_outbox(ARRAY(SELECT message_id FROM swipesavvy.outbox)) AS counts;
\set VERBOSITY terse
SELECT swipesavvy.fail_outbox((SELECT message_id FROM swipesavvy.outbox WHERE sink = 'users' LIMIT 1), 'no');
\set VERBOSITY default
ROLLBACK;

-- messages of a deleted sink are given up, and can be replayed to claim_outbox(), or to a sink of that name
BEGIN;
DELETE FROM swipesavvy.outbox;
SELECT swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key') ->> 'state' AS state;
SELECT swipesavvy.test_sink('hook') - 'message_ids' AS test, swipesavvy.test_sink('hook') - 'message_ids' AS another;
SELECT event, sink, order_key, body ->> 'sink' AS names FROM swipesavvy.outbox;
SELECT swipesavvy.delete_sink('hook');
SELECT swipesavvy.delete_sink('hook');
ROLLBACK;
BEGIN;
DELETE FROM swipesavvy.outbox;
SELECT swipesavvy.create_sink(s, 'webhook', 'https://example.com/', 'key') ->> 'state' AS state FROM unnest('{gone,stays}'::text[]) s;
SELECT swipesavvy.test_sink(s) ->> 'enabled' AS enabled FROM unnest('{gone,gone,stays}'::text[]) s;
UPDATE swipesavvy.outbox SET leased = true WHERE sink = 'gone' AND message_id = (SELECT message_id FROM swipesavvy.outbox WHERE sink = 'gone' ORDER BY 1 LIMIT 1);
SELECT swipesavvy.delete_sink('gone');
SELECT swipesavvy.get_system_health() #>> '{services,background_jobs,failed_jobs_last_hour}' AS failed;
SELECT sink, dead_at IS NOT NULL AS dead, last_error, leased FROM swipesavvy.outbox ORDER BY message_id;
SELECT count(*) AS states FROM swipesavvy.sink_states;
SELECT swipesavvy.create_sink('gone', 'webhook', 'https://example.com/', 'key') ->> 'queued' AS queued;
SELECT swipesavvy.replay_outbox(ARRAY[message_id]) AS counts FROM (SELECT message_id FROM swipesavvy.outbox WHERE dead_at IS NOT NULL ORDER BY 1 LIMIT 1) m;
SELECT swipesavvy.delete_sink('gone') -> 'given_up_messages' AS given_up;
SELECT swipesavvy.replay_outbox(ARRAY(SELECT message_id FROM swipesavvy.outbox)) AS counts;
SELECT sink, dead_at IS NOT NULL AS dead, attempts FROM swipesavvy.outbox ORDER BY message_id;
SELECT jsonb_array_length(swipesavvy.claim_outbox() -> 'messages') AS claimed;
-- what was put while a sink was being deleted is given up later
INSERT INTO swipesavvy.outbox (message_id, event, version, sink, body, leased) SELECT gen_random_uuid(), 'test.stray', 1, s, '{}', true FROM unnest('{gone,gone,nobody,stays,zzz}'::text[]) s;
SELECT swipesavvy.apply_outbox_retention() AS counts;
SELECT sink, dead_at IS NOT NULL AS dead, last_error, leased FROM swipesavvy.outbox WHERE event = 'test.stray' ORDER BY sink;
ROLLBACK;

-- changes
BEGIN;
SELECT swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key', '{user.*}', max_per_second => 1.5, max_in_flight => 4) ->> 'state' AS state;
UPDATE swipesavvy.sink_states SET failures_in_a_row = 7, not_before = now() + interval '1 hour', last_error = 'HTTP 503';
SELECT s ->> 'state' AS state, s ->> 'not_before' IS NOT NULL AS held FROM jsonb_array_elements(swipesavvy.list_sinks() -> 'sinks') s;
UPDATE swipesavvy.sink_states SET failures_in_a_row = 0;
SELECT s ->> 'state' AS state FROM jsonb_array_elements(swipesavvy.list_sinks() -> 'sinks') s;
UPDATE swipesavvy.sink_states SET not_before = now() - interval '1 hour';
SELECT s ->> 'state' AS state, s -> 'not_before' AS not_before FROM jsonb_array_elements(swipesavvy.list_sinks() -> 'sinks') s;
UPDATE swipesavvy.sink_states SET failures_in_a_row = 7, not_before = now() + interval '1 hour';
SELECT u - '{created_at,updated_at}'::text[] AS sink FROM swipesavvy.update_sink('hook', '{"url": "https://example.org/", "events": ["*", "points.*"], "max_per_second": null, "max_in_flight": 32, "secret": "plain"}') u;
SELECT u ->> 'events' AS events FROM swipesavvy.update_sink('hook', '{"events": null}') u;
UPDATE swipesavvy.sink_states SET not_before = now() + interval '1 hour';
SELECT swipesavvy.set_sink_secret('plain', 'another') ->> 'secret' AS secret;
SELECT not_before FROM swipesavvy.sink_states;
SELECT swipesavvy.update_sink('hook', '{"enabled": false}') ->> 'state' AS state;
SELECT swipesavvy.delete_sink_secret('plain');
ROLLBACK;
BEGIN;
SELECT swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key') ->> 'state' AS state;
SELECT swipesavvy.update_sink('hook', '{"secret": "plain", "enabled": false}') ->> 'state' AS state, swipesavvy.delete_sink_secret('key') ->> 'status' AS status;
SELECT event_type, resource_id, details FROM swipesavvy.audit_logs WHERE resource IN ('sink', 'sink_secret') ORDER BY log_id;
SELECT count(*) AS said FROM swipesavvy.audit_logs WHERE details::text ~ 'MfKQ9r8G|S3CRET';
ROLLBACK;

-- previews: everything but the secrets
BEGIN;
SELECT swipesavvy.create_user('ada@example.com', 'Ada', user_id => '00000000-0000-7000-8000-00000000000a') ->> 'name' AS name;
SELECT swipesavvy.reset_user_password('00000000-0000-7000-8000-00000000000a') ->> 'status' AS status;
SELECT swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key') ->> 'state' AS state, swipesavvy.create_sink('pager', 'pagerduty', secret => 'plain') ->> 'state' AS pager,
       swipesavvy.create_sink('dog', 'datadog', secret => 'plain') ->> 'state' AS dog, swipesavvy.create_sink('am', 'alertmanager', 'https://a', 'plain') ->> 'state' AS am;
SELECT p ->> 'method' AS method, p ->> 'url' AS url, (p ->> 'body')::jsonb - 'timestamp' #- '{data,valid_until}' AS body, p #>> '{headers,4}' AS signature
  FROM swipesavvy.preview_sink('hook', 'user.password_reset') p;
SELECT (p ->> 'body')::jsonb - 'timestamp' #- '{data,tested_at}' AS body FROM swipesavvy.preview_sink('hook') p;
SELECT (p ->> 'body')::jsonb -> 'data' ->> 'figure' AS figure FROM swipesavvy.preview_sink('hook', 'alert.resolved') p;
SELECT p ->> 'url' AS url, (p ->> 'body')::jsonb - '{payload,dedup_key}'::text[] AS body FROM swipesavvy.preview_sink('pager') p;
SELECT (p ->> 'body')::jsonb - '{payload,dedup_key}'::text[] AS body FROM swipesavvy.preview_sink('pager', 'alert.resolved') p;
SAVEPOINT s;
SELECT swipesavvy.preview_sink('dog');
ROLLBACK TO s;
SELECT swipesavvy.preview_sink('am');
ROLLBACK TO s;
SELECT count(swipesavvy.record_health('{"disk_percent": 99, "cpu_percent": null, "memory_percent": null}')) AS samples FROM generate_series(1, 2);
SELECT p ->> 'headers' AS headers, jsonb_path_query_array((p ->> 'body')::jsonb, '$.series[*] ? (@.metric == "swipesavvy.disk_percent").points[*].value') AS body FROM swipesavvy.preview_sink('dog') p;
SELECT p ->> 'headers' AS headers, (p ->> 'body')::jsonb #>> '{0,labels,figure}' AS figure FROM swipesavvy.preview_sink('am') p;
SELECT swipesavvy.preview_sink('dog', 'user.created');
ROLLBACK TO s;
SELECT swipesavvy.preview_sink('pager', 'user.created');
ROLLBACK TO s;
SELECT swipesavvy.preview_sink('hook', 'user.*');
ROLLBACK;

-- a test: of alerts a pair, of reports the newest sample again; what was held is not
BEGIN;
DELETE FROM swipesavvy.outbox;
SELECT swipesavvy.create_sink('pager', 'pagerduty', secret => 'plain', enabled => false) ->> 'state' AS pager, swipesavvy.create_sink('dog', 'datadog', secret => 'plain') ->> 'state' AS dog,
       swipesavvy.create_sink('am', 'alertmanager', 'https://a') ->> 'state' AS am;
SELECT count(swipesavvy.record_health('{"disk_percent": 9, "cpu_percent": null, "memory_percent": null}')) AS samples FROM generate_series(1, 3);
UPDATE swipesavvy.sink_states SET sent_through = now(), not_before = now() + interval '1 hour', failures_in_a_row = 3;
SELECT t - 'message_ids' AS test, jsonb_array_length(t -> 'message_ids') AS messages FROM unnest('{pager,dog,am}'::text[]) s, swipesavvy.test_sink(s) t;
SELECT event, order_key, body - '{alert_id,opened_at,resolved_at}'::text[] AS body, body ->> 'resolved_at' IS NOT NULL AS resolved FROM swipesavvy.outbox ORDER BY message_id;
SELECT count(DISTINCT body ->> 'alert_id') AS alerts FROM swipesavvy.outbox;
SELECT sink, not_before, failures_in_a_row, (SELECT count(*) FROM swipesavvy.health_samples h WHERE h.sampled_at > t.sent_through) AS to_be_sent FROM swipesavvy.sink_states t ORDER BY sink;
ROLLBACK;

-- what waits for a sink that is disabled alerts nobody; a sink that fails does
BEGIN;
DELETE FROM swipesavvy.outbox;
SELECT swipesavvy.create_sink('off', 'webhook', 'https://example.com/', 'key', enabled => false) ->> 'state' AS off, swipesavvy.create_sink('on', 'webhook', 'https://example.com/', 'key') ->> 'state' AS on;
INSERT INTO swipesavvy.outbox (message_id, event, version, sink, body, due_at) VALUES (gen_random_uuid(), 'test', 1, 'off', '{}', now() - interval '1 day'), (gen_random_uuid(), 'test', 1, NULL, '{}', now());
SELECT h #>> '{services,background_jobs,queued_jobs}' AS queued, (h #>> '{services,background_jobs,oldest_job_seconds}')::int < 60 AS young FROM swipesavvy.get_system_health() h;
INSERT INTO swipesavvy.outbox (message_id, event, version, sink, body, due_at) VALUES (gen_random_uuid(), 'test', 1, 'on', '{}', now() - interval '2 hours');
SELECT h #>> '{services,background_jobs,queued_jobs}' AS queued, (h #>> '{services,background_jobs,oldest_job_seconds}')::int BETWEEN 7200 AND 7260 AS oldest FROM swipesavvy.get_system_health() h;
UPDATE swipesavvy.sink_states SET failures_in_a_row = 5;
SELECT count(swipesavvy.record_health('{"cpu_percent": null, "memory_percent": null}')) AS samples FROM generate_series(1, 2);
SELECT figure, severity, value FROM swipesavvy.health_alerts WHERE figure = 'sinks_failing' AND resolved_at IS NULL;
UPDATE swipesavvy.sink_states SET last_success_at = '2020-01-01' WHERE sink = 'on';
SELECT m AS metrics FROM string_to_table(swipesavvy.metrics(), E'\n') m WHERE m ~ 'sink';
UPDATE swipesavvy.sink_states SET failures_in_a_row = 4;
SELECT count(swipesavvy.record_health('{"cpu_percent": null, "memory_percent": null}')) AS samples FROM generate_series(1, 2);
SELECT figure, resolved_at IS NOT NULL AS resolved FROM swipesavvy.health_alerts WHERE figure = 'sinks_failing';
ROLLBACK;

-- errors: secrets
SELECT swipesavvy.set_sink_secret(NULL, 'x');
SELECT swipesavvy.set_sink_secret('Key', 'x');
SELECT swipesavvy.set_sink_secret(repeat('k', 64), 'x');
SELECT swipesavvy.set_sink_secret('key', NULL);
SELECT swipesavvy.set_sink_secret('key', '');
SELECT swipesavvy.set_sink_secret('key', repeat('x', 4097));
SELECT swipesavvy.delete_sink_secret('none');
SELECT swipesavvy.delete_sink_secret(NULL);
BEGIN;
SELECT swipesavvy.create_sink('dog', 'datadog', secret => 'plain') ->> 'state' AS state;
SELECT swipesavvy.set_sink_secret('plain', E'two\nlines');
ROLLBACK;

-- errors: sinks
SELECT swipesavvy.create_sink(NULL, 'webhook', 'https://a', 'key');
SELECT swipesavvy.create_sink('-x', 'webhook', 'https://a', 'key');
SELECT swipesavvy.create_sink('x', NULL, 'https://a', 'key');
SELECT swipesavvy.create_sink('x', 'slack', 'https://a', 'key');
SELECT swipesavvy.create_sink('x', 'webhook', NULL, 'key');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'none');
DO $$
DECLARE
    u text;
    message text;
    detail text;
BEGIN
    FOREACH u IN ARRAY ARRAY['ftp://a', 'a.example', 'file:///etc/passwd', 'https://', 'https:///x', 'https://:80/', 'https://u:p@a/', 'https://u@a', 'https://a:0/', 'https://a:65536', 'https://a:8x', 'https://a b', 'https://a\b',
                             'https://ä', E'https://a/\nX: y', 'https://a/#f', 'https://[::1', 'https://[]/', 'https://[::1]x/', '//a', 'javascript://a', 'https://a/' || repeat('x', 2000)] LOOP
        BEGIN
            PERFORM swipesavvy.create_sink('x', 'webhook', u, 'key');
            RAISE NOTICE '% is taken', left(u, 30);
        EXCEPTION WHEN invalid_parameter_value THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
            RAISE NOTICE '%: %: %', replace(left(u, 30), E'\n', '\n'), message, detail;
        END;
    END LOOP;
END
$$;
SELECT swipesavvy.create_sink('x', 'otlp', 'https://a/?x=y');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', '{}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', '{NULL}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', '{{a},{b}}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', '{user*}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', '{User.created}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', '{*.created}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', '{user.}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', ARRAY['']);
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', ARRAY[repeat('x', 101)]);
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', array_fill('a'::text, ARRAY[51]));
SELECT swipesavvy.create_sink('x', 'pagerduty', secret => 'plain', events => '{user.*}');
SELECT swipesavvy.create_sink('x', 'pagerduty', secret => 'plain', events => '{*}');
SELECT swipesavvy.create_sink('x', 'datadog', secret => 'plain', events => '{alert.*}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', options => '{"tags": []}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', options => '[]');
SELECT swipesavvy.create_sink('x', 'cloudwatch', secret => 'plain');
SELECT swipesavvy.create_sink('x', 'cloudwatch', secret => 'plain', options => '{"region": "eu-west-1"}');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', max_per_second => 0);
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', max_per_second => 'NaN');
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', max_per_second => 0.0005);
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', max_in_flight => 0);
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', max_in_flight => 257);
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key', enabled => false) ->> 'state' AS state;
SELECT swipesavvy.create_sink('x', 'webhook', 'https://a', 'key');
SELECT swipesavvy.update_sink('x', NULL);
SELECT swipesavvy.update_sink('none', '{}');
SELECT swipesavvy.update_sink('x', '[]');
SELECT swipesavvy.update_sink('x', '{"kind": "otlp"}');
SELECT swipesavvy.update_sink('x', '{"url": null}');
SELECT swipesavvy.update_sink('x', '{"secret": null}');
SELECT swipesavvy.update_sink('x', '{"secret": "none"}');
SELECT swipesavvy.update_sink('x', '{"url": "http://u:p@a"}');
SELECT swipesavvy.update_sink('x', '{"events": "user.*"}');
SELECT swipesavvy.update_sink('x', '{"events": []}');
SELECT swipesavvy.update_sink('x', '{"events": [1]}');
SELECT swipesavvy.update_sink('x', '{"events": [["a"]]}');
SELECT swipesavvy.update_sink('x', jsonb_build_object('events', array_fill('a'::text, ARRAY[51])));
SELECT swipesavvy.update_sink('x', '{"options": null}');
SELECT swipesavvy.update_sink('x', '{"max_per_second": "1"}');
SELECT swipesavvy.update_sink('x', '{"max_in_flight": 1.5}');
SELECT swipesavvy.update_sink('x', '{"enabled": null}');
SELECT swipesavvy.preview_sink('none');
SELECT swipesavvy.preview_sink(NULL);
SELECT swipesavvy.test_sink('none');
SELECT swipesavvy.delete_sink('x') ->> 'status' AS status;

-- the worker's own
SELECT swipesavvy.claim_requests();
SELECT swipesavvy.claim_requests('{"x": 1}');
SELECT swipesavvy.record_results('[]');
SELECT swipesavvy.release_requests();

SELECT swipesavvy.delete_sink_secret('key') ->> 'status' AS status, swipesavvy.delete_sink_secret('plain') ->> 'status' AS other;
SELECT count(*) AS left_over FROM swipesavvy.outbox WHERE sink IS NOT NULL;
DELETE FROM swipesavvy.health_thresholds;
