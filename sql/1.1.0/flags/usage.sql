-- usage: how often each flag was evaluated, for how many users, and with what result.

CREATE TABLE swipesavvy.feature_flag_usage (
    flag_no integer NOT NULL,
    slot timestamptz NOT NULL,
    checks bigint NOT NULL,
    enabled_count bigint NOT NULL,
    disabled_count bigint NOT NULL,
    batch_checks bigint NOT NULL,
    variants jsonb NOT NULL DEFAULT '{}',
    registers bytea NOT NULL,
    last_checked_at timestamptz,
    CONSTRAINT registers_have_4096_bytes CHECK (octet_length(registers) = 4096)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE swipesavvy.feature_flag_usage IS 'Evaluations that are not summed yet.';
COMMENT ON COLUMN swipesavvy.feature_flag_usage.slot IS 'The quarter of an hour, of UTC.';
COMMENT ON COLUMN swipesavvy.feature_flag_usage.checks IS 'Evaluations for one user; enabled_count and disabled_count are parts of it.';
COMMENT ON COLUMN swipesavvy.feature_flag_usage.batch_checks IS 'Evaluations in queries over many users.';
COMMENT ON COLUMN swipesavvy.feature_flag_usage.registers IS 'A HyperLogLog of the users of checks.';

CREATE TABLE swipesavvy.feature_flag_analytics (
    flag_no integer NOT NULL,
    day date NOT NULL,
    checks bigint NOT NULL,
    enabled_count bigint NOT NULL,
    disabled_count bigint NOT NULL,
    batch_checks bigint NOT NULL,
    variants jsonb NOT NULL DEFAULT '{}',
    registers bytea,
    last_checked_at timestamptz,
    CONSTRAINT feature_flag_analytics_pkey PRIMARY KEY (flag_no, day),
    CONSTRAINT usage_is_of_a_flag FOREIGN KEY (flag_no) REFERENCES swipesavvy.feature_flags,
    CONSTRAINT registers_of_a_day_have_4096_bytes CHECK (octet_length(registers) = 4096)
);
COMMENT ON TABLE swipesavvy.feature_flag_analytics IS 'Evaluations of each flag by day; users are an estimate.';
COMMENT ON COLUMN swipesavvy.feature_flag_analytics.registers IS 'A HyperLogLog of the users of checks, for 90 days; the counts stay.';
COMMENT ON COLUMN swipesavvy.feature_flag_analytics.day IS 'In the programme''s time zone when it was summed.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.feature_flag_usage', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.feature_flag_analytics', '');

CREATE FUNCTION swipesavvy.flush_flag_usage() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flush_flag_usage';
COMMENT ON FUNCTION swipesavvy.flush_flag_usage() IS
    'Writes down the evaluations of flags that are counted in shared memory, which is there when the library is preloaded. A job.';

CREATE FUNCTION swipesavvy.fold_flag_usage() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_fold_flag_usage';
COMMENT ON FUNCTION swipesavvy.fold_flag_usage() IS 'Sums evaluations of flags by day, and lets go of what flags need no longer. A job.';

CREATE FUNCTION swipesavvy.get_flag_analytics(key text, days integer DEFAULT 30) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_flag_analytics';
COMMENT ON FUNCTION swipesavvy.get_flag_analytics(text, integer) IS
    'How often a flag was evaluated on each of the last days, for how many users, and with what result.';

CREATE FUNCTION swipesavvy.flag_usage_users(registers bytea[]) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_usage_users';
COMMENT ON FUNCTION swipesavvy.flag_usage_users(bytea[]) IS
    'How many users the registers of feature_flag_usage or feature_flag_analytics have seen together: an estimate, for reports.';

CREATE VIEW swipesavvy.v_feature_flag_usage_summary AS
SELECT f.flag_key, f.category,
       coalesce(s.checks_7_days, 0) AS checks_7_days, swipesavvy.flag_usage_users(coalesce(s.registers_7_days, '{}')) AS users_7_days,
       coalesce(s.enabled_7_days, 0) AS enabled_7_days,
       round(s.enabled_7_days::numeric / nullif(s.enabled_7_days + s.disabled_7_days, 0), 6) AS enabled_share,
       coalesce(s.checks_30_days, 0) AS checks_30_days, swipesavvy.flag_usage_users(coalesce(s.registers_30_days, '{}')) AS users_30_days,
       s.last_checked_at
  FROM swipesavvy.feature_flags f
  LEFT JOIN (
    SELECT u.flag_no, sum(u.checks) FILTER (WHERE u.day > n.today - 7)::bigint AS checks_7_days, array_agg(u.registers) FILTER (WHERE u.day > n.today - 7) AS registers_7_days,
           sum(u.enabled_count) FILTER (WHERE u.day > n.today - 7)::bigint AS enabled_7_days, sum(u.disabled_count) FILTER (WHERE u.day > n.today - 7)::bigint AS disabled_7_days,
           sum(u.checks) FILTER (WHERE u.day > n.today - 30)::bigint AS checks_30_days, array_agg(u.registers) FILTER (WHERE u.day > n.today - 30) AS registers_30_days,
           max(u.last_checked_at) AS last_checked_at
      FROM (SELECT (statement_timestamp() AT TIME ZONE (SELECT s.value #>> '{}' FROM swipesavvy.system_settings s WHERE s.setting = 'timezone'))::date) n (today)
     CROSS JOIN LATERAL (
        SELECT a.flag_no, a.day, a.checks, a.enabled_count, a.disabled_count, a.registers, a.last_checked_at FROM swipesavvy.feature_flag_analytics a
        UNION ALL
        SELECT t.flag_no, (t.slot AT TIME ZONE (SELECT s.value #>> '{}' FROM swipesavvy.system_settings s WHERE s.setting = 'timezone'))::date,
               t.checks, t.enabled_count, t.disabled_count, t.registers, t.last_checked_at FROM swipesavvy.feature_flag_usage t) u
     GROUP BY u.flag_no) s USING (flag_no);
COMMENT ON VIEW swipesavvy.v_feature_flag_usage_summary IS
    'How often flags were evaluated in the last 7 and 30 days, what is not summed yet included; users are an estimate.';
