-- :size audit rows: copies of those that there are, with ids of their own, in transactions of ten thousand; and their seals.
\set ON_ERROR_STOP on
CREATE TEMP TABLE pattern AS SELECT row_number() OVER (ORDER BY log_id) - 1 AS n, l.* FROM swipesavvy.audit_logs l;
CREATE PROCEDURE pg_temp.fill(size integer) LANGUAGE plpgsql AS $$
DECLARE
    patterns CONSTANT bigint := (SELECT count(*) FROM pattern);
BEGIN
    FOR part IN 1 .. (size - patterns + 9999) / 10000 LOOP
        INSERT INTO swipesavvy.audit_logs
        SELECT p.installation_no, pg_current_xact_id(), swipesavvy.uuid_v7(), clock_timestamp(), p.event_type, p.resource, p.resource_id, p.status,
               p.user_id, p.actor_id, p.session_role, p.invoking_role, p.request_id, p.origin, p.origin_salt, p.origin_hash, p.details,
               p.details_salt, p.details_hash
          FROM generate_series(1, least(10000, size - patterns - (part - 1) * 10000)) g JOIN pattern p ON p.n = (part * 10000 + g) % patterns;
        COMMIT;
    END LOOP;
END
$$;
CALL pg_temp.fill(:size);
SELECT swipesavvy.seal_audit_log();
