-- Rows per second of one verification, which must find the log as it was sealed.
CREATE TEMP TABLE verified AS
SELECT begun, v, clock_timestamp() AS ended FROM (SELECT clock_timestamp() AS begun OFFSET 0) b, LATERAL (SELECT swipesavvy.verify_audit_log() AS v, b.begun IS NULL OFFSET 0) x;
SELECT round(CASE WHEN v ->> 'status' = 'intact' THEN (v ->> 'rows_checked')::numeric END / extract(epoch FROM ended - begun)) FROM verified;
