-- audit: who did what, when and to whose data; one row per change, written by the functions of the API in the transaction of the
-- change. No trigger writes rows: a restore would repeat them.

CREATE TABLE swipesavvy.audit_installations (
    installation_no integer NOT NULL,
    installation_id uuid NOT NULL,
    system_identifier bigint NOT NULL,
    database_oid oid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_installations_pkey PRIMARY KEY (installation_no)
);
COMMENT ON TABLE swipesavvy.audit_installations IS
    'Databases that the audit log was written in. A restored one is another, and its transaction ids start again.';
COMMENT ON COLUMN swipesavvy.audit_installations.system_identifier IS 'Of the server, as in pg_control_system().';

CREATE TABLE swipesavvy.audit_logs (
    installation_no integer NOT NULL,
    xid xid8 NOT NULL,
    log_id uuid NOT NULL,
    logged_at timestamptz NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    resource_id text,
    status text COLLATE "C" NOT NULL,
    user_id uuid,
    actor_id uuid,
    session_role text NOT NULL,
    invoking_role text NOT NULL,
    request_id text,
    origin json,
    origin_salt bytea,
    origin_hash bytea,
    details json,
    details_salt bytea,
    details_hash bytea,
    CONSTRAINT audit_logs_pkey PRIMARY KEY (installation_no, xid, log_id)
);
COMMENT ON TABLE swipesavvy.audit_logs IS
    'Every change by a function of the API and every refused attempt, never changed. Only erasing a person clears origin and details; '
    'their hashes stay, so that the seals still fit. No CHECK constraints: only the library writes it, and each row would pay for them.';
COMMENT ON COLUMN swipesavvy.audit_logs.xid IS 'The transaction; seals go by it, because rows become visible in the order of commits.';
COMMENT ON COLUMN swipesavvy.audit_logs.user_id IS 'Whose data it was about.';
COMMENT ON COLUMN swipesavvy.audit_logs.actor_id IS 'Who did it: the user that was signed in.';
COMMENT ON COLUMN swipesavvy.audit_logs.session_role IS 'The role that had logged in.';
COMMENT ON COLUMN swipesavvy.audit_logs.invoking_role IS 'The role that called.';
COMMENT ON COLUMN swipesavvy.audit_logs.request_id IS 'X-Request-Id, of a trusted gateway''s request.';
COMMENT ON COLUMN swipesavvy.audit_logs.origin IS 'ip_address and user_agent; the actor''s personal data.';
COMMENT ON COLUMN swipesavvy.audit_logs.origin_hash IS 'SHA-256 of origin_salt and origin; stays when these are erased.';
COMMENT ON COLUMN swipesavvy.audit_logs.details IS 'What changed, {"before": {...}, "after": {...}}, secrets masked; the user''s personal data.';
COMMENT ON COLUMN swipesavvy.audit_logs.details_hash IS 'SHA-256 of details_salt and details; stays when these are erased.';
CREATE INDEX audit_logs_user ON swipesavvy.audit_logs (user_id, log_id);
CREATE INDEX audit_logs_event ON swipesavvy.audit_logs (event_type, log_id);

CREATE FUNCTION swipesavvy.audit_refuse_change() RETURNS trigger
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'swipesavvy_audit_refuse_change';
COMMENT ON FUNCTION swipesavvy.audit_refuse_change() IS
    'Trigger of the audit log: refuses UPDATE, DELETE and TRUNCATE, but for what the library itself erases or retires.';
CREATE TRIGGER the_audit_log_is_append_only BEFORE UPDATE OR DELETE ON swipesavvy.audit_logs
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.audit_refuse_change();
CREATE TRIGGER the_audit_log_is_not_truncated BEFORE TRUNCATE ON swipesavvy.audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.audit_refuse_change();
ALTER TABLE swipesavvy.audit_logs ENABLE ALWAYS TRIGGER the_audit_log_is_append_only;
ALTER TABLE swipesavvy.audit_logs ENABLE ALWAYS TRIGGER the_audit_log_is_not_truncated;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.audit_installations', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.audit_logs', '');

CREATE FUNCTION swipesavvy.get_audit_logs(
    event_type text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    resource text DEFAULT NULL,
    page_size integer DEFAULT 100,
    page_offset integer DEFAULT 0,
    start_date timestamptz DEFAULT NULL,
    end_date timestamptz DEFAULT NULL,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_audit_logs';
COMMENT ON FUNCTION swipesavvy.get_audit_logs(text, uuid, text, integer, integer, timestamptz, timestamptz, text) IS
    'The audit log, newest first: by event type, by whose data it was about, by kind of resource, by time.';

CREATE TABLE swipesavvy.audit_seals (
    seal_no bigint NOT NULL,
    sealed_at timestamptz NOT NULL,
    installation_no integer NOT NULL,
    last_xid xid8 NOT NULL,
    last_log_id uuid NOT NULL,
    row_count bigint NOT NULL,
    leaves bytea,
    leaves_hash bytea NOT NULL,
    previous bytea NOT NULL,
    digest bytea NOT NULL,
    retired_at timestamptz,
    CONSTRAINT audit_seals_pkey PRIMARY KEY (seal_no),
    CONSTRAINT a_seal_has_leaves_until_it_is_retired CHECK ((leaves IS NULL) = (retired_at IS NOT NULL))
);
ALTER TABLE swipesavvy.audit_seals ALTER leaves SET STORAGE EXTERNAL;
COMMENT ON TABLE swipesavvy.audit_seals IS
    'Seals over the audit log: each holds the rows up to its last one, and by the digest before it all seals before.';
COMMENT ON COLUMN swipesavvy.audit_seals.last_xid IS 'Transaction of the last row that it covers.';
COMMENT ON COLUMN swipesavvy.audit_seals.leaves IS 'Id and SHA-256 of each row, 48 bytes each, in the order of (xid, log_id); none once they are retired.';
COMMENT ON COLUMN swipesavvy.audit_seals.leaves_hash IS 'SHA-256 of the leaves.';
COMMENT ON COLUMN swipesavvy.audit_seals.previous IS 'Digest of the seal before; 32 zero bytes for the first.';
COMMENT ON COLUMN swipesavvy.audit_seals.digest IS 'SHA-256 of the seal''s own figures, leaves_hash and previous: what an outside witness keeps.';
COMMENT ON COLUMN swipesavvy.audit_seals.retired_at IS 'When retention dropped its rows.';
CREATE TRIGGER the_seals_are_append_only BEFORE UPDATE OR DELETE ON swipesavvy.audit_seals
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.audit_refuse_change();
CREATE TRIGGER the_seals_are_not_truncated BEFORE TRUNCATE ON swipesavvy.audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.audit_refuse_change();
ALTER TABLE swipesavvy.audit_seals ENABLE ALWAYS TRIGGER the_seals_are_append_only;
ALTER TABLE swipesavvy.audit_seals ENABLE ALWAYS TRIGGER the_seals_are_not_truncated;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.audit_seals', '');

CREATE FUNCTION swipesavvy.seal_audit_log() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_seal_audit_log';
COMMENT ON FUNCTION swipesavvy.seal_audit_log() IS
    'Seals all rows of the audit log whose transactions have ended, and returns the latest seal: keep its digest outside.';

CREATE FUNCTION swipesavvy.latest_audit_seal() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_latest_audit_seal';
COMMENT ON FUNCTION swipesavvy.latest_audit_seal() IS 'The latest seal of the audit log: what an outside witness keeps.';

CREATE FUNCTION swipesavvy.verify_audit_log(seal_no bigint DEFAULT NULL, digest text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_verify_audit_log';
COMMENT ON FUNCTION swipesavvy.verify_audit_log(bigint, text) IS
    'Compares the audit log with its seals, and the seals with one that was kept outside; names the first row that was altered, '
    'deleted or inserted.';

CREATE FUNCTION swipesavvy.apply_audit_retention() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_apply_audit_retention';
COMMENT ON FUNCTION swipesavvy.apply_audit_retention() IS
    'Deletes the rows of seals older than log_retention_days, whole seals only; the seals stay, so that the log verifies as before.';

CREATE FUNCTION swipesavvy.record_refused_attempts() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_record_refused_attempts';
COMMENT ON FUNCTION swipesavvy.record_refused_attempts() IS
    'Writes refused attempts that wait in shared memory into the audit log; calls that write do so by and by, too.';
