-- settlement: what happens to a purchase after it was recorded: settled, declined, lapsed, refunded.

CREATE TABLE swipesavvy.refunds (
    user_id uuid NOT NULL,
    refund_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    refunded_before_minor bigint NOT NULL,
    points bigint NOT NULL,
    amount_was_given boolean NOT NULL,
    idempotency_key text COLLATE "C",
    recorded_at timestamptz NOT NULL,
    CONSTRAINT refunds_pkey PRIMARY KEY (user_id, refund_id),
    CONSTRAINT a_refund_is_of_an_amount CHECK (amount_minor > 0),
    CONSTRAINT refund_amounts_are_not_negative CHECK (refunded_before_minor >= 0 AND points >= 0)
);
COMMENT ON TABLE swipesavvy.refunds IS
    'Refunds of purchases. No foreign keys, as for the purchases: they are made under the lock on the user''s account; verify_ledger() proves them.';
COMMENT ON COLUMN swipesavvy.refunds.amount_minor IS 'Amount refunded, in minor units of the purchase''s currency.';
COMMENT ON COLUMN swipesavvy.refunds.refunded_before_minor IS 'What refunds of the purchase before this one amounted to.';
COMMENT ON COLUMN swipesavvy.refunds.points IS 'Points taken back: base and bonuses, as one sum.';
COMMENT ON COLUMN swipesavvy.refunds.amount_was_given IS 'False: the caller asked for all that is left; needed to recognise a repeat.';
COMMENT ON COLUMN swipesavvy.refunds.idempotency_key IS 'The caller''s key, unique per user: a repeated call is recognised by it.';
CREATE UNIQUE INDEX a_refund_key_is_used_once_per_user ON swipesavvy.refunds (user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.refunds', '');

CREATE TABLE swipesavvy.settlements (
    user_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    recorded_amount_minor bigint NOT NULL,
    recorded_points_base bigint NOT NULL,
    recorded_points_bonus bigint NOT NULL,
    recorded_discount_minor bigint NOT NULL,
    recorded_awards jsonb NOT NULL,
    settled_at timestamptz NOT NULL,
    CONSTRAINT settlements_pkey PRIMARY KEY (user_id, transaction_id),
    CONSTRAINT recorded_amounts_are_not_negative CHECK (recorded_amount_minor >= 0 AND recorded_points_base >= 0
        AND recorded_points_bonus >= 0 AND recorded_discount_minor BETWEEN 0 AND recorded_amount_minor)
);
COMMENT ON TABLE swipesavvy.settlements IS
    'Purchases that were settled for another amount, as they were recorded. No foreign keys, as for the purchases; verify_ledger() proves them.';
COMMENT ON COLUMN swipesavvy.settlements.recorded_amount_minor IS 'Amount while it was pending, in minor units of the purchase''s currency; the settled one is the purchase''s.';
COMMENT ON COLUMN swipesavvy.settlements.recorded_points_base IS 'Base points that were held for it.';
COMMENT ON COLUMN swipesavvy.settlements.recorded_points_bonus IS 'Points of all campaigns that were held for it.';
COMMENT ON COLUMN swipesavvy.settlements.recorded_discount_minor IS 'Discounts of all campaigns of then, in minor units.';
COMMENT ON COLUMN swipesavvy.settlements.recorded_awards IS
    'What each campaign gave then, in the order applied: campaign_id, points, discount_minor, cost_minor. A repeat is answered by it.';
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.settlements', '');

CREATE INDEX transactions_pending ON swipesavvy.transactions (recorded_at) WHERE status = 'pending';
COMMENT ON INDEX swipesavvy.transactions_pending IS 'Purchases that may lapse.';

CREATE FUNCTION swipesavvy.settle_transaction(transaction_id uuid, user_id uuid DEFAULT NULL, amount numeric DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_settle_transaction';
COMMENT ON FUNCTION swipesavvy.settle_transaction(uuid, uuid, numeric) IS
    'Completes a pending purchase, for the amount it was recorded with or another one in major units: its points become available. user_id, if given, saves a look-up.';

CREATE FUNCTION swipesavvy.decline_transaction(transaction_id uuid, user_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_decline_transaction';
COMMENT ON FUNCTION swipesavvy.decline_transaction(uuid, uuid) IS
    'Fails a pending purchase: its points are gone, budgets and limits have back what it held of them.';

CREATE FUNCTION swipesavvy.refund_transaction(
    transaction_id uuid, amount numeric DEFAULT NULL, idempotency_key text DEFAULT NULL, user_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refund_transaction';
COMMENT ON FUNCTION swipesavvy.refund_transaction(uuid, numeric, text, uuid) IS
    'Refunds a completed purchase, wholly or an amount in major units of it: takes points back and gives back to budgets in proportion.';

CREATE FUNCTION swipesavvy.lapse_transactions(as_of timestamptz DEFAULT now(), page_size integer DEFAULT 1000) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_lapse_transactions';
COMMENT ON FUNCTION swipesavvy.lapse_transactions(timestamptz, integer) IS
    'Declines purchases that were pending for longer than the setting pending_expiry_days, at most so many; more tells whether to call it again.';
