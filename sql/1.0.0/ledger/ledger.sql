-- points: purchases and everything they earn. Only the award engine writes these tables.

CREATE TABLE swipesavvy.reward_accounts (
    user_id uuid NOT NULL,
    points_available bigint NOT NULL DEFAULT 0,
    points_pending bigint NOT NULL DEFAULT 0,
    lifetime_points bigint NOT NULL DEFAULT 0,
    tier text COLLATE "C" NOT NULL,
    tier_until timestamptz,
    transaction_count bigint NOT NULL DEFAULT 0,
    spent_minor bigint NOT NULL DEFAULT 0,
    spent_currency char(3) NOT NULL,
    points_debited bigint NOT NULL DEFAULT 0,
    lot_at timestamptz NOT NULL DEFAULT '-infinity',
    lot_before bigint NOT NULL DEFAULT 0,
    referral_for uuid,
    CONSTRAINT reward_accounts_pkey PRIMARY KEY (user_id),
    CONSTRAINT a_reward_account_belongs_to_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT pending_points_are_not_negative CHECK (points_pending >= 0),
    CONSTRAINT lifetime_points_are_not_negative CHECK (lifetime_points >= 0),
    CONSTRAINT points_before_a_lot_are_used_up CHECK (lot_before BETWEEN 0 AND points_debited)
) WITH (fillfactor = 70);
COMMENT ON TABLE swipesavvy.reward_accounts IS 'Points, tier and totals of each user; its row is the lock under which a user''s purchases are processed.';
COMMENT ON COLUMN swipesavvy.reward_accounts.points_available IS 'Points the user can use; a refund may take it below zero.';
COMMENT ON COLUMN swipesavvy.reward_accounts.points_pending IS 'Points of purchases that are not settled yet.';
COMMENT ON COLUMN swipesavvy.reward_accounts.lifetime_points IS 'All points earned and not refunded; the tier goes by it.';
COMMENT ON COLUMN swipesavvy.reward_accounts.tier_until IS 'Until then refunds do not lower the tier.';
COMMENT ON COLUMN swipesavvy.reward_accounts.transaction_count IS 'Purchases recorded, of any status.';
COMMENT ON COLUMN swipesavvy.reward_accounts.spent_minor IS 'Amount of completed purchases in spent_currency, net of refunds.';
COMMENT ON COLUMN swipesavvy.reward_accounts.spent_currency IS 'The programme''s currency when spent_minor was last brought up to date.';

COMMENT ON COLUMN swipesavvy.reward_accounts.points_debited IS 'All points ever taken from those available; the oldest first.';
COMMENT ON COLUMN swipesavvy.reward_accounts.lot_at IS 'Points credited for times before this are used up; those from here on may be.';
COMMENT ON COLUMN swipesavvy.reward_accounts.lot_before IS 'Sum of the points credited for times before lot_at.';
COMMENT ON COLUMN swipesavvy.reward_accounts.referral_for IS
    'The user who brought this one, until both have got their bonus: with this one''s first completed purchase.';

CREATE TABLE swipesavvy.transactions (
    transaction_id uuid NOT NULL,
    user_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    points_base bigint NOT NULL,
    points_bonus bigint NOT NULL,
    discount_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL DEFAULT 0,
    points_refunded bigint NOT NULL DEFAULT 0,
    status swipesavvy.purchase_status NOT NULL,
    currency char(3) NOT NULL,
    category_no smallint,
    request smallint NOT NULL,
    merchant_id uuid,
    account_id uuid,
    idempotency_key text COLLATE "C",
    metadata jsonb,
    decision bytea NOT NULL,
    base_rate bigint,
    CONSTRAINT transactions_pkey PRIMARY KEY (transaction_id, user_id),
    CONSTRAINT transaction_amounts_are_not_negative CHECK (amount_minor >= 0 AND points_base >= 0 AND points_bonus >= 0),
    CONSTRAINT a_discount_is_part_of_the_amount CHECK (discount_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT a_refund_is_part_of_the_amount CHECK (refunded_minor BETWEEN 0 AND amount_minor)
);
COMMENT ON TABLE swipesavvy.transactions IS
    'Purchases with what they earned. No foreign keys: the engine checks the references under its locks, verify_ledger() proves them.';
COMMENT ON COLUMN swipesavvy.transactions.amount_minor IS 'Amount before discounts, in minor units.';
COMMENT ON COLUMN swipesavvy.transactions.occurred_at IS 'When the purchase was made; dates of campaigns and limits of a day go by it.';
COMMENT ON COLUMN swipesavvy.transactions.recorded_at IS 'When it was processed.';
COMMENT ON COLUMN swipesavvy.transactions.points_base IS 'Points by rate, tier and boost; held while the purchase is pending.';
COMMENT ON COLUMN swipesavvy.transactions.points_bonus IS 'Points of all campaigns.';
COMMENT ON COLUMN swipesavvy.transactions.discount_minor IS 'Discounts of all campaigns, in minor units.';
COMMENT ON COLUMN swipesavvy.transactions.refunded_minor IS 'Amount refunded so far, in minor units.';
COMMENT ON COLUMN swipesavvy.transactions.points_refunded IS 'Points that refunds took back so far.';
COMMENT ON COLUMN swipesavvy.transactions.idempotency_key IS 'The caller''s key, unique per user: a repeated call is recognised by it.';
COMMENT ON COLUMN swipesavvy.transactions.metadata IS 'The caller''s object; shipping_amount in it has a meaning for FREE_SHIPPING.';
COMMENT ON COLUMN swipesavvy.transactions.base_rate IS
    'Of a purchase recorded as pending: earn rate, tier and boost multiplier of then, each in thousandths, as one product; settling for another amount goes by it.';
COMMENT ON COLUMN swipesavvy.transactions.category_no IS 'The merchant''s category when the purchase was processed.';
COMMENT ON COLUMN swipesavvy.transactions.request IS
    'What the caller left out and the status first passed, as bits: needed to recognise a repeat.';
COMMENT ON COLUMN swipesavvy.transactions.decision IS 'The campaigns looked at and why each did or did not apply; explain_award() shows it.';
-- With all that sums of a user's spending need: they are read from the index alone.
CREATE INDEX transactions_user ON swipesavvy.transactions (user_id, occurred_at, transaction_id)
    INCLUDE (amount_minor, refunded_minor, status, category_no, currency, merchant_id);
CREATE UNIQUE INDEX an_idempotency_key_is_used_once_per_user ON swipesavvy.transactions (user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE TABLE swipesavvy.points_entries (
    user_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    points bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    kind swipesavvy.entry_kind NOT NULL,
    debit_account swipesavvy.ledger_account NOT NULL,
    credit_account swipesavvy.ledger_account NOT NULL,
    campaign_no integer,
    transaction_id uuid,
    reason text,
    CONSTRAINT points_entries_pkey PRIMARY KEY (user_id, entry_id),
    CONSTRAINT an_entry_moves_points CHECK (points > 0),
    CONSTRAINT an_entry_has_two_accounts CHECK (debit_account <> credit_account)
);
COMMENT ON TABLE swipesavvy.points_entries IS 'The ledger: every change of points is one entry, never changed or deleted.';
COMMENT ON COLUMN swipesavvy.points_entries.points IS 'Points moved from the debit to the credit account.';
COMMENT ON COLUMN swipesavvy.points_entries.transaction_id IS 'The purchase that it belongs to, if any.';
COMMENT ON COLUMN swipesavvy.points_entries.campaign_no IS 'The campaign of a bonus.';
CREATE TRIGGER the_ledger_is_append_only BEFORE UPDATE OR DELETE ON swipesavvy.points_entries
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.refuse_change();
CREATE TRIGGER the_ledger_is_not_truncated BEFORE TRUNCATE ON swipesavvy.points_entries
    FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.refuse_change();
ALTER TABLE swipesavvy.points_entries ENABLE ALWAYS TRIGGER the_ledger_is_append_only;
ALTER TABLE swipesavvy.points_entries ENABLE ALWAYS TRIGGER the_ledger_is_not_truncated;

CREATE TABLE swipesavvy.campaign_redemptions (
    user_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    campaign_no integer NOT NULL,
    campaign_version integer NOT NULL,
    points bigint NOT NULL,
    discount_minor bigint NOT NULL,
    cost_minor bigint NOT NULL,
    cost_returned_minor bigint NOT NULL DEFAULT 0,
    day date NOT NULL,
    position smallint NOT NULL,
    counts boolean NOT NULL DEFAULT true,
    CONSTRAINT campaign_redemptions_pkey PRIMARY KEY (user_id, transaction_id, campaign_no),
    CONSTRAINT redemption_amounts_are_not_negative CHECK (points >= 0 AND discount_minor >= 0 AND cost_minor >= 0),
    CONSTRAINT a_returned_cost_is_part_of_the_cost CHECK (cost_returned_minor BETWEEN 0 AND cost_minor)
);
COMMENT ON TABLE swipesavvy.campaign_redemptions IS 'One row per campaign that a purchase was awarded.';
COMMENT ON COLUMN swipesavvy.campaign_redemptions.campaign_version IS 'The version of the campaign that was applied.';
COMMENT ON COLUMN swipesavvy.campaign_redemptions.points IS 'Bonus points.';
COMMENT ON COLUMN swipesavvy.campaign_redemptions.discount_minor IS 'Discount after cutting, in minor units.';
COMMENT ON COLUMN swipesavvy.campaign_redemptions.cost_returned_minor IS 'Cost that refunds gave back to the budget, in minor units.';
COMMENT ON COLUMN swipesavvy.campaign_redemptions.day IS 'Calendar day of the purchase in the time zone of the programme; daily_limit counts by it.';
COMMENT ON COLUMN swipesavvy.campaign_redemptions.position IS 'Order in which the purchase''s campaigns were applied, from 1.';
COMMENT ON COLUMN swipesavvy.campaign_redemptions.cost_minor IS 'Discount plus the value of the bonus points, in minor units.';
COMMENT ON COLUMN swipesavvy.campaign_redemptions.counts IS 'Counts against limits; false after a decline or a full refund.';
CREATE INDEX campaign_redemptions_campaign ON swipesavvy.campaign_redemptions (campaign_no, user_id)
    INCLUDE (day, cost_minor, cost_returned_minor, counts);

CREATE TABLE swipesavvy.campaign_slots (
    slot_key uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    campaign_no integer NOT NULL,
    day date NOT NULL,
    slot integer NOT NULL,
    used bigint NOT NULL DEFAULT 0,
    allotted bigint NOT NULL,
    CONSTRAINT campaign_slots_pkey PRIMARY KEY (slot_key, campaign_no, day, slot),
    CONSTRAINT a_slot_is_never_overspent CHECK (used BETWEEN 0 AND allotted)
) WITH (fillfactor = 50);
COMMENT ON TABLE swipesavvy.campaign_slots IS
    'Shares of the budgets and daily limits of campaigns; a share is the lock under which it is spent. No foreign key: a
REPEATABLE READ transaction makes slots of campaigns newer than its snapshot; verify_ledger() proves the reference.';
COMMENT ON COLUMN swipesavvy.campaign_slots.slot_key IS
    'Where the share is kept: on one node always the nil UUID; tables that are distributed by user have others.';
COMMENT ON COLUMN swipesavvy.campaign_slots.day IS 'Calendar day for a daily limit; -infinity for the budget.';
COMMENT ON COLUMN swipesavvy.campaign_slots.allotted IS 'What may be used of it, in the unit of used.';
COMMENT ON COLUMN swipesavvy.campaign_slots.used IS 'Minor units spent of a budget, redemptions of a day.';

CREATE INDEX points_entries_credits ON swipesavvy.points_entries (user_id, recorded_at, points)
    WHERE kind IN ('adjust', 'referral') AND credit_account = 'available';
COMMENT ON INDEX swipesavvy.points_entries_credits IS 'Credits that no purchase made: with the purchases'' own they tell how old points are.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.reward_accounts', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.transactions', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.points_entries', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_redemptions', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_slots', '');
