-- health: how the service is, as far as the database can tell.

CREATE FUNCTION swipesavvy.get_system_health() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_system_health';
COMMENT ON FUNCTION swipesavvy.get_system_health() IS
    'How the service is: database, cache, API, background jobs, the host, and alerts. Measured now; null where it cannot be.';

CREATE FUNCTION swipesavvy.health() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_health';
COMMENT ON FUNCTION swipesavvy.health() IS
    'healthy, degraded or unhealthy, for everybody and under maintenance too.';

CREATE TABLE swipesavvy.health_samples (
    sampled_at timestamptz NOT NULL,
    figures jsonb NOT NULL,
    CONSTRAINT health_samples_pkey PRIMARY KEY (sampled_at),
    CONSTRAINT health_figures_are_an_object CHECK (jsonb_typeof(figures) = 'object')
);
COMMENT ON TABLE swipesavvy.health_samples IS
    'What the background worker measured, a row each swipesavvy.health_interval, for a day. Not part of a dump: it is of another server.';
COMMENT ON COLUMN swipesavvy.health_samples.figures IS
    'Numbers; those that end in _total count from when the server''s statistics began, those in _delta since the sample before.';

CREATE TABLE swipesavvy.health_days (
    day date NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    seconds_up numeric NOT NULL DEFAULT 0,
    CONSTRAINT health_days_pkey PRIMARY KEY (day)
);
COMMENT ON TABLE swipesavvy.health_days IS 'How long of each day (UTC) samples followed one another, for 400 days: what uptime is made of. Not part of a dump.';

CREATE TABLE swipesavvy.health_minutes (
    starts_at timestamptz NOT NULL,
    samples integer NOT NULL,
    figures jsonb NOT NULL,
    CONSTRAINT health_minutes_pkey PRIMARY KEY (starts_at)
);
COMMENT ON TABLE swipesavvy.health_minutes IS 'Samples summed up by the minute, for a week. Not part of a dump.';
COMMENT ON COLUMN swipesavvy.health_minutes.figures IS
    'Of each figure least, sum, greatest and number of its values, to three decimals; or one number, which each sample had. Counters, _total, are left out.';

CREATE TABLE swipesavvy.health_hours (
    starts_at timestamptz NOT NULL,
    samples integer NOT NULL,
    figures jsonb NOT NULL,
    CONSTRAINT health_hours_pkey PRIMARY KEY (starts_at)
);
COMMENT ON TABLE swipesavvy.health_hours IS 'The same by the hour, for 400 days. Not part of a dump.';

CREATE TABLE swipesavvy.health_thresholds (
    figure text COLLATE "C" NOT NULL,
    warning numeric,
    critical numeric,
    samples integer,
    CONSTRAINT health_thresholds_pkey PRIMARY KEY (figure),
    CONSTRAINT a_state_takes_from_1_to_100_samples CHECK (samples BETWEEN 1 AND 100)
);
COMMENT ON TABLE swipesavvy.health_thresholds IS 'Thresholds that were set by set_health_threshold(); the others are the library''s.';
COMMENT ON COLUMN swipesavvy.health_thresholds.warning IS 'From which value on it warns; null: as the library says; infinity: never.';
COMMENT ON COLUMN swipesavvy.health_thresholds.samples IS 'How many samples in a row change the state.';

CREATE TABLE swipesavvy.health_states (
    figure text COLLATE "C" NOT NULL,
    level integer NOT NULL DEFAULT 0,
    seen integer NOT NULL,
    in_a_row integer NOT NULL,
    CONSTRAINT health_states_pkey PRIMARY KEY (figure),
    CONSTRAINT a_level_is_from_0_to_2 CHECK (level BETWEEN 0 AND 2 AND seen BETWEEN 0 AND 2)
);
COMMENT ON TABLE swipesavvy.health_states IS 'Of each figure that was ever over a threshold, the state and what the last samples saw.';

CREATE TABLE swipesavvy.health_alerts (
    alert_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    figure text COLLATE "C" NOT NULL,
    severity text NOT NULL,
    value numeric NOT NULL,
    threshold numeric NOT NULL,
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text,
    CONSTRAINT health_alerts_pkey PRIMARY KEY (alert_id),
    CONSTRAINT an_alert_is_a_warning_or_critical CHECK (severity IN ('warning', 'critical')),
    CONSTRAINT an_alert_ends_after_it_opens CHECK (resolved_at >= opened_at),
    CONSTRAINT somebody_acknowledges_an_alert CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
COMMENT ON TABLE swipesavvy.health_alerts IS 'Alerts, open ones and those that were resolved in the last 400 days.';
COMMENT ON COLUMN swipesavvy.health_alerts.acknowledged_by IS 'The user''s id, or the role of a session in which no user is signed in.';
CREATE UNIQUE INDEX health_alerts_open ON swipesavvy.health_alerts (figure) WHERE resolved_at IS NULL;
CREATE INDEX health_alerts_opened_at ON swipesavvy.health_alerts (opened_at);
CREATE INDEX health_alerts_resolved_at ON swipesavvy.health_alerts (resolved_at);

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.health_thresholds', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.health_states', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.health_alerts', '');

CREATE FUNCTION swipesavvy.record_health(figures jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_record_health';
COMMENT ON FUNCTION swipesavvy.record_health(jsonb) IS
    'For the background worker: keeps a sample, and opens and resolves alerts by it.';

CREATE FUNCTION swipesavvy.set_health_threshold(
    figure text,
    warning double precision DEFAULT NULL,
    critical double precision DEFAULT NULL,
    samples integer DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_health_threshold';
COMMENT ON FUNCTION swipesavvy.set_health_threshold(text, double precision, double precision, integer) IS
    'From which value of a figure on there is a warning or a critical alert, and after how many samples in a row; null: as the library says.';

CREATE FUNCTION swipesavvy.list_alerts(
    open boolean DEFAULT NULL,
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_alerts';
COMMENT ON FUNCTION swipesavvy.list_alerts(boolean, integer, integer) IS
    'Alerts of the background worker, the newest first: open ones, resolved ones, or both.';

CREATE FUNCTION swipesavvy.acknowledge_alert(alert_id uuid, note text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_acknowledge_alert';
COMMENT ON FUNCTION swipesavvy.acknowledge_alert(uuid, text) IS
    'Somebody looks after an open alert; the first one who says so counts.';

CREATE FUNCTION swipesavvy.roll_up_health() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_roll_up_health';
COMMENT ON FUNCTION swipesavvy.roll_up_health() IS
    'Sums samples up by the minute and minutes by the hour, and deletes old ones: at most an hour of samples a call.';

CREATE FUNCTION swipesavvy.get_health_history(
    figure text,
    start_date timestamptz DEFAULT NULL,
    end_date timestamptz DEFAULT NULL,
    resolution text DEFAULT 'auto') RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_health_history';
COMMENT ON FUNCTION swipesavvy.get_health_history(text, timestamptz, timestamptz, text) IS
    'How a figure went: least, mean and greatest value by the sample, minute or hour. A day, unless said otherwise.';

CREATE FUNCTION swipesavvy.metrics() RETURNS text
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_metrics';
COMMENT ON FUNCTION swipesavvy.metrics() IS
    'The newest sample, open alerts, jobs and sinks in the text format of Prometheus.';
