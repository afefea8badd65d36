-- outbox: messages for the world outside, written in the transaction that causes them.

CREATE TABLE swipesavvy.outbox (
    message_id uuid NOT NULL,
    event text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    order_key text COLLATE "C",
    body jsonb NOT NULL,
    secret jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    delivered_at timestamptz,
    dead_at timestamptz,
    CONSTRAINT outbox_pkey PRIMARY KEY (message_id),
    CONSTRAINT a_message_is_an_object CHECK (jsonb_typeof(body) = 'object'),
    CONSTRAINT a_message_is_delivered_or_dead_or_open CHECK (delivered_at IS NULL OR dead_at IS NULL),
    CONSTRAINT a_delivered_message_has_no_secret CHECK (delivered_at IS NULL OR secret IS NULL)
);
COMMENT ON TABLE swipesavvy.outbox IS 'Messages to be delivered: mails, webhooks. claim_outbox() hands them out, at least once each.';
COMMENT ON COLUMN swipesavvy.outbox.version IS 'Of the shape of the body of this event.';
COMMENT ON COLUMN swipesavvy.outbox.order_key IS 'Messages of one key are delivered one after the other; null: in any order.';
COMMENT ON COLUMN swipesavvy.outbox.secret IS 'Part of the message that is deleted when it is delivered.';
COMMENT ON COLUMN swipesavvy.outbox.due_at IS 'When it may be claimed: at once, when its lease ends, or when it is tried again.';
COMMENT ON COLUMN swipesavvy.outbox.attempts IS 'How often it was claimed.';
COMMENT ON COLUMN swipesavvy.outbox.dead_at IS 'When it was given up; replay_outbox() opens it again.';
CREATE INDEX outbox_due ON swipesavvy.outbox (due_at, message_id) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_order ON swipesavvy.outbox (order_key, message_id)
    WHERE delivered_at IS NULL AND dead_at IS NULL AND order_key IS NOT NULL;
CREATE INDEX outbox_delivered ON swipesavvy.outbox (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX outbox_dead ON swipesavvy.outbox (dead_at) WHERE dead_at IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.outbox', '');
