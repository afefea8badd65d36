-- sinks: who outside hears from the database, and the secrets for that. The background worker sends.

CREATE TABLE swipesavvy_private.sink_secrets (
    secret text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT sink_secrets_pkey PRIMARY KEY (secret),
    CONSTRAINT a_secret_has_a_short_plain_name CHECK (secret ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT a_secret_is_not_empty CHECK (octet_length(value) > 0)
);
COMMENT ON TABLE swipesavvy_private.sink_secrets IS 'Keys that requests to sinks are signed or authorized with, by name. A dump contains them.';
COMMENT ON COLUMN swipesavvy_private.sink_secrets.value IS 'Whoever knows it can write to the sink, or sign as this database does.';

CREATE TABLE swipesavvy.sinks (
    sink text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    url text,
    secret text COLLATE "C",
    events text[],
    options jsonb NOT NULL DEFAULT '{}',
    max_per_second numeric,
    max_in_flight integer NOT NULL DEFAULT 16,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT sinks_pkey PRIMARY KEY (sink),
    CONSTRAINT a_sink_has_a_known_secret FOREIGN KEY (secret) REFERENCES swipesavvy_private.sink_secrets,
    CONSTRAINT a_sink_has_a_short_plain_name CHECK (sink ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT a_sink_has_a_known_kind
        CHECK (kind IN ('alertmanager', 'cloudwatch', 'datadog', 'otlp', 'pagerduty', 'pushgateway', 'webhook')),
    CONSTRAINT only_sinks_of_messages_have_events CHECK ((events IS NOT NULL) = (kind IN ('pagerduty', 'webhook'))),
    CONSTRAINT sink_options_are_an_object CHECK (jsonb_typeof(options) = 'object'),
    CONSTRAINT a_sink_gets_more_than_nothing CHECK (max_per_second > 0 AND max_in_flight >= 1)
);
COMMENT ON TABLE swipesavvy.sinks IS 'Who is told what happens: webhooks, monitoring systems. Change them with create_sink(), update_sink() and delete_sink().';
COMMENT ON COLUMN swipesavvy.sinks.url IS 'Null: the one that the kind has.';
COMMENT ON COLUMN swipesavvy.sinks.secret IS 'The name of its secret; null: none.';
COMMENT ON COLUMN swipesavvy.sinks.events IS 'Which messages it gets: names of events, or their beginnings with ".*"; "*" is all. Null: it gets reports on samples.';
COMMENT ON COLUMN swipesavvy.sinks.options IS 'What the kind can be told, see doc/monitoring.md.';
COMMENT ON COLUMN swipesavvy.sinks.max_per_second IS 'Messages a second; null: as many as it takes.';
COMMENT ON COLUMN swipesavvy.sinks.max_in_flight IS 'Requests at a time.';
COMMENT ON COLUMN swipesavvy.sinks.enabled IS 'False: nothing is sent; its messages wait.';
CREATE INDEX sinks_secret ON swipesavvy.sinks (secret);

CREATE TABLE swipesavvy.sink_states (
    sink text COLLATE "C" NOT NULL,
    failures_in_a_row integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    last_error text,
    sent_through timestamptz,
    tokens numeric,
    tokens_at timestamptz,
    CONSTRAINT sink_states_pkey PRIMARY KEY (sink),
    CONSTRAINT a_state_is_of_a_sink FOREIGN KEY (sink) REFERENCES swipesavvy.sinks ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON TABLE swipesavvy.sink_states IS 'How sending to each sink goes. Not part of a dump: another server begins anew.';
COMMENT ON COLUMN swipesavvy.sink_states.failures_in_a_row IS 'Requests that the sink did not take, for its own fault, since it last took or refused one.';
COMMENT ON COLUMN swipesavvy.sink_states.not_before IS 'Nothing is sent until then.';
COMMENT ON COLUMN swipesavvy.sink_states.sent_through IS 'Of reports: the last sample that was sent.';
COMMENT ON COLUMN swipesavvy.sink_states.tokens IS 'Requests that max_per_second allowed at tokens_at.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy_private.sink_secrets', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.sinks', '');

CREATE FUNCTION swipesavvy.create_sink(
    sink text,
    kind text,
    url text DEFAULT NULL,
    secret text DEFAULT NULL,
    events text[] DEFAULT NULL,
    options jsonb DEFAULT NULL,
    max_per_second numeric DEFAULT NULL,
    max_in_flight integer DEFAULT NULL,
    enabled boolean DEFAULT true) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_sink';
COMMENT ON FUNCTION swipesavvy.create_sink(text, text, text, text, text[], jsonb, numeric, integer, boolean) IS
    'Adds a sink: a webhook or a monitoring system that the background worker tells of messages or samples from now on.';

CREATE FUNCTION swipesavvy.update_sink(sink text, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_sink';
COMMENT ON FUNCTION swipesavvy.update_sink(text, jsonb) IS
    'Changes what is given of a sink; one that was failing is tried again at once. Disabled, it keeps collecting its messages.';

CREATE FUNCTION swipesavvy.delete_sink(sink text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_delete_sink';
COMMENT ON FUNCTION swipesavvy.delete_sink(text) IS
    'Deletes a sink; messages that still wait for it are given up.';

CREATE FUNCTION swipesavvy.list_sinks() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_sinks';
COMMENT ON FUNCTION swipesavvy.list_sinks() IS
    'The sinks and how sending to each goes, without their secrets.';

CREATE FUNCTION swipesavvy.preview_sink(sink text, event text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_preview_sink';
COMMENT ON FUNCTION swipesavvy.preview_sink(text, text) IS
    'A request as it would be sent to a sink, with *** for whatever is secret.';

CREATE FUNCTION swipesavvy.test_sink(sink text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_test_sink';
COMMENT ON FUNCTION swipesavvy.test_sink(text) IS
    'Has the background worker send something to a sink at once: a test message, a test alert that is resolved, or the newest sample.';

CREATE FUNCTION swipesavvy.set_sink_secret(secret text, value text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_sink_secret';
COMMENT ON FUNCTION swipesavvy.set_sink_secret(text, text) IS
    'Keeps a secret for sinks under a name, in place of the one that had the name.';

CREATE FUNCTION swipesavvy.delete_sink_secret(secret text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_delete_sink_secret';
COMMENT ON FUNCTION swipesavvy.delete_sink_secret(text) IS 'Deletes a secret that no sink uses.';

CREATE FUNCTION swipesavvy.list_sink_secrets() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_sink_secrets';
COMMENT ON FUNCTION swipesavvy.list_sink_secrets() IS
    'The names of the secrets for sinks, since when there are, and which sinks use them.';

CREATE FUNCTION swipesavvy.claim_requests(unfinished jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_claim_requests';
COMMENT ON FUNCTION swipesavvy.claim_requests(jsonb) IS
    'For the background worker alone: the requests to sinks that are due, or how long to wait.';

CREATE FUNCTION swipesavvy.record_results(results jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_record_results';
COMMENT ON FUNCTION swipesavvy.record_results(jsonb) IS
    'For the background worker alone: how requests went, and which sinks are to get no more for now.';

CREATE FUNCTION swipesavvy.release_requests() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_release_requests';
COMMENT ON FUNCTION swipesavvy.release_requests() IS
    'For the background worker alone: messages that a worker before it had taken are due again.';
