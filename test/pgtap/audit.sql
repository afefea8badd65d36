-- The record of who did what: each audited function leaves its row, field by field; masking; whose word is believed.
\set QUIET on
BEGIN;
SELECT no_plan();
-- on a server with preload others' attempts may wait, and would come with the first row here
SELECT swipesavvy.record_refused_attempts() \g /dev/null

\set ada '00000000-0000-7000-8000-00000000000a'
\set staff '00000000-0000-7000-8000-0000000000ff'
CREATE TEMP VIEW logs AS
    SELECT log_id, xid, logged_at, event_type COLLATE "default" AS event_type, resource COLLATE "default" AS resource, resource_id,
           status COLLATE "default" AS status, user_id, actor_id, session_role, invoking_role, request_id, origin, origin_salt, origin_hash,
           details, details_salt, details_hash FROM swipesavvy.audit_logs;
-- the same rows, as text: columns of several collations cannot be compared otherwise
CREATE FUNCTION pg_temp.same(query text, wanted text, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    texts text[];
    one text;
    query_text text;
BEGIN
    FOREACH query_text IN ARRAY ARRAY[query, wanted] LOOP
        EXECUTE format('SELECT string_agg(t::text, E''\n'') FROM (%s) t', query_text) INTO one;
        texts := texts || coalesce(one, 'no row');
    END LOOP;
    RETURN NEXT is(texts[1], texts[2], what);
END
$$;
-- the rows that a statement leaves
CREATE FUNCTION pg_temp.left_by(statement text) RETURNS SETOF logs LANGUAGE plpgsql AS $$
DECLARE
    before uuid[] := ARRAY(SELECT log_id FROM logs);
BEGIN
    EXECUTE statement;
    RETURN QUERY SELECT * FROM logs WHERE log_id <> ALL (before);
END
$$;

-- --- field by field, through a gateway ----------------------------------------------------

SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true),
       set_config('request.jwt.claims', jsonb_build_object('sub', :'staff')::text, true),
       set_config('request.headers', '{"user-agent": "App/7 (ü)", "x-forwarded-for": "6.6.6.6, 203.0.113.9", "x-request-id": "r-1/a"}', true) \g /dev/null
CREATE TEMP TABLE made AS SELECT * FROM pg_temp.left_by(format(
    'SELECT swipesavvy.create_user(''ada@example.com'', ''Ada'', ''a secret of Ada'', ''+1 555 123 4567'', user_id => %L)', :'ada'));
SELECT pg_temp.same('SELECT xid, event_type, resource, resource_id, status, user_id, actor_id, session_role, invoking_role, request_id, origin::jsonb,
                          details::jsonb FROM made',
    format('VALUES (pg_current_xact_id(), ''user.create'', ''user'', %1$L, ''ok'', %1$L::uuid, %2$L::uuid,
                    session_user::text, current_user::text, ''r-1/a'', ''{"ip_address": "203.0.113.9", "user_agent": "App/7 (ü)"}''::jsonb,
                    ''{"after": {"email": "ada@example.com", "name": "Ada", "phone": "+1 555 123 4567", "role": "customer", "status": "active",
                                 "preferred_language": "en", "notification_preferences": {"email": true, "sms": true, "push": true}}}''::jsonb)',
           :'ada', :'staff'), 'create_user: every field of its row');
SELECT is(uuid_send(log_id) IS NOT NULL AND abs(extract(epoch FROM logged_at - clock_timestamp())) < 60, true, 'its time is now') FROM made;
SELECT is(origin_hash, sha256(origin_salt || convert_to(origin::text, 'UTF8')), 'origin_hash is of salt and origin') FROM made;
SELECT is(details_hash, sha256(details_salt || convert_to(details::text, 'UTF8')), 'details_hash is of salt and details') FROM made;
SELECT pg_temp.same('SELECT installation_no, system_identifier, database_oid FROM swipesavvy.audit_installations',
    'SELECT 1, system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()',
    'the installation was noted');

-- --- whose word is believed ------------------------------------------------------------------

CREATE TEMP TABLE headers (headers, request_id, origin) AS VALUES
    ('{"x-forwarded-for": "::1"}', NULL, '{"ip_address": "::1", "user_agent": null}'),
    ('{"x-real-ip": "10.0.0.7"}', NULL, '{"ip_address": "10.0.0.7", "user_agent": null}'),
    ('{"x-forwarded-for": "10.0.0.8,<script>"}', NULL, NULL), ('{"x-request-id": "a b"}', NULL, NULL),
    (jsonb_build_object('x-request-id', repeat('x', 129))::text, NULL, NULL),
    (jsonb_build_object('user-agent', repeat('ü', 300))::text, NULL, jsonb_build_object('ip_address', NULL, 'user-agent', NULL)::text),
    ('{"user-agent": 7, "x-request-id": ["a"]}', NULL, NULL), ('[]', NULL, NULL), ('', NULL, NULL);
CREATE FUNCTION pg_temp.with_headers(headers text) RETURNS SETOF logs LANGUAGE sql AS $$
    SELECT set_config('request.headers', headers, true);
    SELECT * FROM pg_temp.left_by('SELECT swipesavvy.update_user(''00000000-0000-7000-8000-00000000000a'', ''{}'')')
$$;
SELECT is(l.request_id, h.request_id, 'request id of ' || left(h.headers, 50)) FROM headers h, pg_temp.with_headers(h.headers) l;
SELECT is(l.origin::jsonb, h.origin::jsonb, 'origin of ' || h.headers) FROM headers h, pg_temp.with_headers(h.headers) l WHERE h.headers NOT LIKE '%ü%';
SELECT is(l.origin::jsonb ->> 'user_agent', repeat('ü', 128), 'an agent is cut at 256 bytes, between characters')
  FROM headers h, pg_temp.with_headers(h.headers) l WHERE h.headers LIKE '%ü%';
SELECT set_config('swipesavvy.trusted_gateways', '', true) \g /dev/null
SELECT pg_temp.same('SELECT actor_id, request_id, origin::text FROM pg_temp.with_headers(''{"user-agent": "x", "x-request-id": "y", "x-forwarded-for": "1.2.3.4"}'')',
    'VALUES (NULL::uuid, NULL::text, NULL::text)', 'an untrusted session''s claims and headers are nobody''s');
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true), set_config('request.headers', '', true) \g /dev/null

-- --- only the difference ------------------------------------------------------------------------

SELECT is(l.details::jsonb, w.details::jsonb, 'update_user: ' || w.changes)
  FROM (VALUES ('{"name": "Ada L."}', '{"before": {"name": "Ada"}, "after": {"name": "Ada L."}}'),
               ('{"phone": null}', '{"before": {"phone": "+1 555 123 4567"}, "after": {"phone": null}}'),
               ('{"name": "Ada L."}', '{"before": {}, "after": {}}'),
               ('{"notification_preferences": {"sms": false}}', '{"before": {"notification_preferences": {"email": true, "sms": true, "push": true}},
                 "after": {"notification_preferences": {"email": true, "sms": false, "push": true}}}')) w (changes, details),
       LATERAL pg_temp.left_by(format('SELECT swipesavvy.update_user(%L, %L)', :'ada', w.changes)) l;

-- --- masking --------------------------------------------------------------------------------------

SELECT is(l.details::jsonb #>> '{after,name}', w.masked, 'masked: ' || w.name)
  FROM (VALUES ('Card 4111 1111 1111 1111 of Ada', 'Card *** of Ada'), ('4111-1111-1111-1111', '***'), ('411111111111', '***'), ('41111111111', '41111111111'),
               ('a 4111.1111.1111.1111 b 5500000000000004', 'a *** b ***'), ('4111x1111x1111x1111', '4111x1111x1111x1111'),
               ('8e89d78689b39a940108221216df728b52a167c8886153bdf2073ba76ec4be45', '8e89d78689b39a940108221216df728b52a167c8886153bdf2073ba76ec4be45'),
               ('8e89d78689b39a940108221216df728b52a167c8886153bdf2073ba76ec4be4', '8e89d78689b39a***df728b52a167c8886153bdf2073ba76ec4be4'),
               ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-00000000000b')) w (name, masked),
       LATERAL pg_temp.left_by(format('SELECT swipesavvy.update_user(%L, %L)', :'ada', jsonb_build_object('name', w.name))) l;
SELECT is(l.details::jsonb #>> '{after,phone}', '+49 30 1234567890', 'a phone number stays')
  FROM pg_temp.left_by(format('SELECT swipesavvy.update_user(%L, %L)', :'ada', '{"phone": "+49 30 1234567890"}')) l;
SELECT is(l.details::jsonb, '{"before": {"token_lifetime_minutes": 15, "points_expiry_months": 24}, "after": {"token_lifetime_minutes": 20, "points_expiry_months": 12}}'::jsonb,
          'settings that sound like secrets are none')
  FROM pg_temp.left_by($$SELECT swipesavvy.update_system_settings('{"token_lifetime_minutes": 20, "points_expiry_months": 12}')$$) l;

-- --- state ------------------------------------------------------------------------------------------

SELECT pg_temp.same(format('SELECT event_type, resource_id, details::jsonb FROM pg_temp.left_by(%L)', format('SELECT swipesavvy.%s(%L, %L)', f, :'ada', f)),
    format('VALUES (%L, %L, jsonb_build_object(''before'', jsonb_build_object(''status'', %L, ''status_reason'', %L::text),
                    ''after'', jsonb_build_object(''status'', %L, ''status_reason'', %L)))', event, :'ada', was, reason, becomes, f), f)
  FROM (VALUES (1, 'suspend_user', 'user.suspend', 'active', NULL, 'suspended'), (2, 'reactivate_user', 'user.reactivate', 'suspended', 'suspend_user', 'active'),
               (3, 'deactivate_user', 'user.deactivate', 'active', 'reactivate_user', 'inactive')) w (n, f, event, was, reason, becomes) ORDER BY n;

-- --- campaigns: the row and the message ----------------------------------------------------------------

CREATE FUNCTION pg_temp.sent_by(statement text) RETURNS SETOF swipesavvy.outbox LANGUAGE plpgsql AS $$
DECLARE
    before uuid[] := ARRAY(SELECT message_id FROM swipesavvy.outbox);
BEGIN
    EXECUTE statement;
    RETURN QUERY SELECT * FROM swipesavvy.outbox WHERE message_id <> ALL (before);
END
$$;
SELECT pg_temp.same($$SELECT event_type, resource_id, user_id, actor_id, details::jsonb #>> '{after,status}', details::jsonb ? 'before' FROM pg_temp.left_by(
    'SELECT swipesavvy.create_campaign(campaign_id => ''C-1'', name => ''One'', campaign_type => ''SEASONAL'', offer_type => ''PERCENTAGE'', offer_amount => 10,
            start_date => ''2020-01-01'')')$$,
    format('VALUES (''campaign.create'', ''C-1'', NULL::uuid, %L::uuid, ''draft'', false)', :'staff'), 'create_campaign');
SELECT pg_temp.same(format('SELECT event COLLATE "default", version, order_key COLLATE "default", body - ''changed_at'', (SELECT s.secret FROM swipesavvy_private.outbox_secrets s WHERE s.message_id = m.message_id), attempts FROM pg_temp.sent_by(%L) m', w.statement),
    format('SELECT e::text, 1, ''campaign:C-1'', jsonb_build_object(''campaign_id'', ''C-1'', ''name'', ''One'', ''campaign_type'', ''SEASONAL'',
            ''status'', %L, ''previous_status'', %L, ''start_date'', ''2020-01-01T00:00:00Z'', ''end_date'', NULL), NULL::jsonb, 0
              FROM regexp_split_to_table(%L, '' '') e WHERE e <> ''''', w.status, w.was, w.event), 'message: ' || w.statement)
  FROM (VALUES (1, $$SELECT swipesavvy.launch_campaign('C-1')$$, 'draft', 'running', 'campaign.launched'),
               (2, $$SELECT swipesavvy.pause_campaign('C-1')$$, 'running', 'paused', 'campaign.paused'),
               (3, $$SELECT swipesavvy.update_campaign('C-1', '{"priority": 7}')$$, '', '', ''),
               (4, $$SELECT swipesavvy.update_campaign('C-1', '{"status": "running"}')$$, 'paused', 'running', 'campaign.launched'),
               (5, $$SELECT swipesavvy.update_campaign('C-1', '{"status": "completed"}')$$, 'running', 'completed', 'campaign.completed'),
               (6, $$SELECT swipesavvy.delete_campaign('C-1')$$, '', '', '')) w (n, statement, was, status, event) ORDER BY n;
SELECT pg_temp.same($$SELECT event_type, details::jsonb #>> '{before,status}', details::jsonb #>> '{after,status}', details::jsonb #>> '{after,priority}'
                      FROM logs WHERE resource_id = 'C-1' ORDER BY log_id$$,
    $$SELECT e, b, a, p FROM (VALUES ('campaign.create', NULL, 'draft', '0'), ('campaign.launch', 'draft', 'running', NULL), ('campaign.pause', 'running', 'paused', NULL),
             ('campaign.update', NULL, NULL, '7'), ('campaign.update', 'paused', 'running', NULL), ('campaign.update', 'running', 'completed', NULL),
             ('campaign.delete', 'completed', 'archived', NULL)) v (e, b, a, p)$$, 'a campaign''s rows');

-- --- what somebody adds to the table holds -----------------------------------------------------

SELECT set_config('swipesavvy.trusted_gateways', '', true) \g /dev/null
CREATE TEMP TABLE shipped (log_id uuid);
GRANT INSERT ON shipped TO swipesavvy_owner;
CREATE FUNCTION pg_temp.ship() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO pg_temp.shipped VALUES (NEW.log_id); RETURN NEW; END $$;
CREATE FUNCTION pg_temp.rows_with(addition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE addition;
    answer := (SELECT count(*) FROM pg_temp.left_by('SELECT swipesavvy.update_user(''00000000-0000-7000-8000-00000000000a'', ''{}'')'));
    RAISE SQLSTATE 'SS001' USING MESSAGE = answer || ' ' || (SELECT count(*) FROM shipped)
        || ' ' || (SELECT count(*) FROM swipesavvy.audit_logs WHERE event_type = 'nothing')
        || ' ' || (SELECT count(*) > 0 FROM swipesavvy.audit_logs WHERE lower(resource) = 'user');
EXCEPTION WHEN SQLSTATE 'SS001' THEN
    RETURN SQLERRM;
WHEN others THEN
    RETURN SQLSTATE;
END
$$;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT is(pg_temp.rows_with(w.addition), w.answer, w.addition)
  FROM (VALUES ('SELECT', '1 0 0 true'),
               ('CREATE INDEX planted ON swipesavvy.audit_logs (lower(resource))', '1 0 0 true'),
               ('CREATE INDEX planted ON swipesavvy.audit_logs (resource) WHERE event_type = ''nothing''', '1 0 0 true'),
               ('CREATE UNIQUE INDEX planted ON swipesavvy.audit_logs ((0)) WHERE event_type = ''nothing''', '1 0 0 true'),
               ('CREATE TRIGGER ship AFTER INSERT ON swipesavvy.audit_logs FOR EACH ROW EXECUTE FUNCTION pg_temp.ship()', '1 1 0 true'),
               ('ALTER TABLE swipesavvy.audit_logs ADD COLUMN seen boolean DEFAULT false', '1 0 0 true'),
               ('ALTER TABLE swipesavvy.audit_logs ADD CHECK (resource <> ''user'') NOT VALID', '23514'),
               ('ALTER TABLE swipesavvy.audit_logs ADD CHECK (actor_id IS NOT NULL) NOT VALID', '23514')) w (addition, answer);

SELECT * FROM finish();
ROLLBACK;
