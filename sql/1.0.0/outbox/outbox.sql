-- outbox: messages for the world outside, written in the transaction that causes them.

CREATE TABLE swipesavvy.outbox (
    message_id uuid NOT NULL,
    event text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    order_key text COLLATE "C",
    sink text COLLATE "C",
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    leased boolean NOT NULL DEFAULT false,
    last_error text,
    delivered_at timestamptz,
    dead_at timestamptz,
    CONSTRAINT outbox_pkey PRIMARY KEY (message_id),
    CONSTRAINT a_message_is_an_object CHECK (jsonb_typeof(body) = 'object'),
    CONSTRAINT a_message_is_delivered_or_dead_or_open CHECK (delivered_at IS NULL OR dead_at IS NULL)
);
COMMENT ON TABLE swipesavvy.outbox IS
    'Messages to be delivered at least once each: to sinks by the background worker, a row for each, and others by whoever calls claim_outbox().';
COMMENT ON COLUMN swipesavvy.outbox.version IS 'Of the shape of the body of this event.';
COMMENT ON COLUMN swipesavvy.outbox.order_key IS 'Messages of one key are delivered one after the other; null: in any order.';
COMMENT ON COLUMN swipesavvy.outbox.sink IS 'To whom; null: for claim_outbox(). The sink may be gone.';
COMMENT ON COLUMN swipesavvy.outbox.due_at IS 'When it may be claimed: at once, when its lease ends, or when it is tried again.';
COMMENT ON COLUMN swipesavvy.outbox.attempts IS 'How often it was claimed.';
COMMENT ON COLUMN swipesavvy.outbox.leased IS 'The background worker has it now.';
COMMENT ON COLUMN swipesavvy.outbox.dead_at IS 'When it was given up; replay_outbox() opens it again.';
CREATE INDEX outbox_due ON swipesavvy.outbox (due_at, message_id) WHERE delivered_at IS NULL AND dead_at IS NULL AND sink IS NULL;
CREATE INDEX outbox_order ON swipesavvy.outbox (order_key, message_id)
    WHERE delivered_at IS NULL AND dead_at IS NULL AND sink IS NULL AND order_key IS NOT NULL;
CREATE INDEX outbox_sink_due ON swipesavvy.outbox (sink, due_at, message_id)
    WHERE delivered_at IS NULL AND dead_at IS NULL AND sink IS NOT NULL;
CREATE INDEX outbox_sink_order ON swipesavvy.outbox (sink, order_key, message_id)
    WHERE delivered_at IS NULL AND dead_at IS NULL AND sink IS NOT NULL AND order_key IS NOT NULL;
CREATE INDEX outbox_delivered ON swipesavvy.outbox (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX outbox_dead ON swipesavvy.outbox (dead_at) WHERE dead_at IS NOT NULL;

CREATE TABLE swipesavvy_private.outbox_secrets (
    message_id uuid NOT NULL,
    secret jsonb NOT NULL,
    CONSTRAINT outbox_secrets_pkey PRIMARY KEY (message_id),
    CONSTRAINT a_secret_belongs_to_a_message FOREIGN KEY (message_id) REFERENCES swipesavvy.outbox ON DELETE CASCADE,
    CONSTRAINT a_secret_is_an_object CHECK (jsonb_typeof(secret) = 'object')
);
COMMENT ON TABLE swipesavvy_private.outbox_secrets IS
    'The secret part of messages, such as a temporary password: handed out with its message, deleted when that is delivered.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.outbox', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy_private.outbox_secrets', '');

CREATE FUNCTION swipesavvy.claim_outbox(page_size integer DEFAULT 10, lease_seconds integer DEFAULT 60) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_claim_outbox';
COMMENT ON FUNCTION swipesavvy.claim_outbox(integer, integer) IS
    'Hands out messages that are due, to this caller alone until the lease ends; of one order_key only the first that is not done.';

CREATE FUNCTION swipesavvy.acknowledge_outbox(ids uuid[]) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_acknowledge_outbox';
COMMENT ON FUNCTION swipesavvy.acknowledge_outbox(uuid[]) IS
    'Notes that claimed messages were delivered; their secrets are gone then.';

CREATE FUNCTION swipesavvy.fail_outbox(id uuid, error text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_fail_outbox';
COMMENT ON FUNCTION swipesavvy.fail_outbox(uuid, text) IS
    'Notes that a claimed message could not be delivered: it is tried again, later each time, and given up after 15 attempts.';

CREATE FUNCTION swipesavvy.replay_outbox(ids uuid[]) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_replay_outbox';
COMMENT ON FUNCTION swipesavvy.replay_outbox(uuid[]) IS 
    'Opens messages again that were given up: for their sink, or for claim_outbox() if that is gone.';

CREATE FUNCTION swipesavvy.apply_outbox_retention() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_apply_outbox_retention';
COMMENT ON FUNCTION swipesavvy.apply_outbox_retention() IS
    'Deletes messages that were delivered or given up more than log_retention_days ago, at most 10,000 of each a call.';
