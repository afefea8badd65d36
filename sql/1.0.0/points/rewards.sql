-- rewards: what points are spent on, and what became of them once they were earned.

CREATE TABLE swipesavvy.rewards (
    reward_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    name text NOT NULL,
    description text,
    points bigint NOT NULL,
    stock integer,
    stocked bigint NOT NULL DEFAULT 0,
    starts_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT rewards_pkey PRIMARY KEY (reward_id),
    CONSTRAINT a_reward_has_a_name CHECK (name ~ '\S' AND length(name) <= 200),
    CONSTRAINT a_reward_costs_points CHECK (points > 0),
    CONSTRAINT a_stock_is_not_negative CHECK (stock >= 0),
    CONSTRAINT a_reward_ends_after_it_starts CHECK (ends_at > starts_at)
) WITH (fillfactor = 70);
COMMENT ON TABLE swipesavvy.rewards IS 'What points can be redeemed for.';
COMMENT ON COLUMN swipesavvy.rewards.points IS 'What one costs.';
COMMENT ON COLUMN swipesavvy.rewards.stock IS 'Pieces left; null = unlimited.';
COMMENT ON COLUMN swipesavvy.rewards.stocked IS 'All pieces ever put in stock, less those taken out unredeemed: those left plus those redeemed from it and not returned.';
COMMENT ON COLUMN swipesavvy.rewards.starts_at IS 'First moment at which it can be redeemed.';
COMMENT ON COLUMN swipesavvy.rewards.ends_at IS 'First moment at which it no longer can; null = never.';
COMMENT ON COLUMN swipesavvy.rewards.is_active IS 'False: withdrawn, neither listed nor redeemed.';
CREATE INDEX rewards_points ON swipesavvy.rewards (points, reward_id);

CREATE TABLE swipesavvy.charities (
    charity_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    name text NOT NULL,
    description text,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT charities_pkey PRIMARY KEY (charity_id),
    CONSTRAINT a_charity_has_a_name CHECK (name ~ '\S' AND length(name) <= 200)
);
COMMENT ON TABLE swipesavvy.charities IS 'To whom points can be donated.';
COMMENT ON COLUMN swipesavvy.charities.is_active IS 'False: neither listed nor donated to.';
CREATE INDEX charities_name ON swipesavvy.charities (name, charity_id);

-- Each row below has exactly one entry of the ledger and shares its id. Confirmation codes have 80 random bits and are
-- looked up before they are given out; the index has the user in its key so that the tables can be distributed by it.

CREATE TABLE swipesavvy.reward_redemptions (
    user_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    points bigint NOT NULL,
    reward_id uuid,
    from_stock boolean NOT NULL,
    confirmation_code text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C",
    redeemed_at timestamptz NOT NULL,
    CONSTRAINT reward_redemptions_pkey PRIMARY KEY (user_id, entry_id),
    CONSTRAINT points_are_redeemed_by_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT points_are_redeemed_for_a_reward FOREIGN KEY (reward_id) REFERENCES swipesavvy.rewards,
    CONSTRAINT a_redemption_takes_points CHECK (points > 0),
    CONSTRAINT only_a_reward_comes_from_stock CHECK (reward_id IS NOT NULL OR NOT from_stock)
);
COMMENT ON TABLE swipesavvy.reward_redemptions IS 'Points that users redeemed, for a reward or for their value.';
COMMENT ON COLUMN swipesavvy.reward_redemptions.entry_id IS 'The redemption''s entry in the ledger.';
COMMENT ON COLUMN swipesavvy.reward_redemptions.reward_id IS 'The reward; null when points were redeemed without one.';
COMMENT ON COLUMN swipesavvy.reward_redemptions.from_stock IS 'The reward''s stock was limited, and this is one less.';
COMMENT ON COLUMN swipesavvy.reward_redemptions.confirmation_code IS 'What the user shows.';
COMMENT ON COLUMN swipesavvy.reward_redemptions.idempotency_key IS 'The caller''s key, unique per user.';
CREATE UNIQUE INDEX a_redemption_key_is_used_once_per_user ON swipesavvy.reward_redemptions (user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX reward_redemptions_code ON swipesavvy.reward_redemptions (confirmation_code, user_id);
CREATE INDEX reward_redemptions_entry ON swipesavvy.reward_redemptions (entry_id);
CREATE INDEX reward_redemptions_reward ON swipesavvy.reward_redemptions (reward_id) WHERE reward_id IS NOT NULL;

CREATE TABLE swipesavvy.donations (
    user_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    points bigint NOT NULL,
    charity_id uuid NOT NULL,
    confirmation_code text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C",
    donated_at timestamptz NOT NULL,
    CONSTRAINT donations_pkey PRIMARY KEY (user_id, entry_id),
    CONSTRAINT points_are_donated_by_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT points_are_donated_to_a_charity FOREIGN KEY (charity_id) REFERENCES swipesavvy.charities,
    CONSTRAINT a_donation_takes_points CHECK (points > 0)
);
COMMENT ON TABLE swipesavvy.donations IS 'Points that users donated.';
COMMENT ON COLUMN swipesavvy.donations.entry_id IS 'The donation''s entry in the ledger.';
COMMENT ON COLUMN swipesavvy.donations.confirmation_code IS 'What the user shows.';
COMMENT ON COLUMN swipesavvy.donations.idempotency_key IS 'The caller''s key, unique per user.';
CREATE UNIQUE INDEX a_donation_key_is_used_once_per_user ON swipesavvy.donations (user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX donations_code ON swipesavvy.donations (confirmation_code, user_id);
CREATE INDEX donations_entry ON swipesavvy.donations (entry_id);
CREATE INDEX donations_charity ON swipesavvy.donations (charity_id);

CREATE TABLE swipesavvy.redemption_returns (
    user_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    redemption_id uuid NOT NULL,
    points bigint NOT NULL,
    reason text NOT NULL,
    returned_at timestamptz NOT NULL,
    CONSTRAINT redemption_returns_pkey PRIMARY KEY (user_id, entry_id),
    CONSTRAINT points_are_returned_to_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT a_redemption_is_cancelled_once UNIQUE (user_id, redemption_id),
    CONSTRAINT a_return_gives_points CHECK (points > 0),
    CONSTRAINT a_return_has_a_reason CHECK (reason ~ '\S')
);
COMMENT ON TABLE swipesavvy.redemption_returns IS 'Redemptions and donations that were cancelled: their points went back.';
COMMENT ON COLUMN swipesavvy.redemption_returns.entry_id IS 'The return''s entry in the ledger.';
COMMENT ON COLUMN swipesavvy.redemption_returns.redemption_id IS 'The entry_id of the row of reward_redemptions or donations.';
COMMENT ON COLUMN swipesavvy.redemption_returns.reason IS 'Why; here and not in the ledger, so that it can be erased.';

CREATE TABLE swipesavvy.points_adjustments (
    user_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    points bigint NOT NULL,
    reason text NOT NULL,
    idempotency_key text COLLATE "C",
    adjusted_at timestamptz NOT NULL,
    CONSTRAINT points_adjustments_pkey PRIMARY KEY (user_id, entry_id),
    CONSTRAINT points_are_adjusted_of_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT an_adjustment_changes_points CHECK (points <> 0),
    CONSTRAINT an_adjustment_has_a_reason CHECK (reason ~ '\S')
);
COMMENT ON TABLE swipesavvy.points_adjustments IS 'Points that an admin gave or took.';
COMMENT ON COLUMN swipesavvy.points_adjustments.entry_id IS 'The adjustment''s entry in the ledger.';
COMMENT ON COLUMN swipesavvy.points_adjustments.points IS 'Given, or taken when negative.';
COMMENT ON COLUMN swipesavvy.points_adjustments.reason IS 'Why; here and not in the ledger, so that it can be erased.';
COMMENT ON COLUMN swipesavvy.points_adjustments.idempotency_key IS 'The caller''s key, unique per user.';
CREATE UNIQUE INDEX an_adjustment_key_is_used_once_per_user ON swipesavvy.points_adjustments (user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.rewards', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.charities', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.reward_redemptions', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.donations', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.redemption_returns', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.points_adjustments', '');

-- the catalogue

CREATE FUNCTION swipesavvy.create_reward(
    name text,
    points bigint,
    stock integer DEFAULT NULL,
    description text DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL,
    ends_at timestamptz DEFAULT NULL,
    reward_id uuid DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_reward';
COMMENT ON FUNCTION swipesavvy.create_reward(text, bigint, integer, text, timestamptz, timestamptz, uuid) IS
    'Creates a reward that costs so many points, with a stock of so many pieces, or without limit.';

CREATE FUNCTION swipesavvy.update_reward(reward_id uuid, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_reward';
COMMENT ON FUNCTION swipesavvy.update_reward(uuid, jsonb) IS
    'Changes name, points, description, stock and ends_at (null clears these three), starts_at and is_active.';

CREATE FUNCTION swipesavvy.list_rewards(
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_rewards';
COMMENT ON FUNCTION swipesavvy.list_rewards(integer, integer, text) IS
    'Rewards, the cheapest first: those that can be redeemed now, for admins all of them.';

CREATE FUNCTION swipesavvy.create_charity(name text, description text DEFAULT NULL, charity_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_charity';
COMMENT ON FUNCTION swipesavvy.create_charity(text, text, uuid) IS 'Creates a charity that points can be donated to.';

CREATE FUNCTION swipesavvy.update_charity(charity_id uuid, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_charity';
COMMENT ON FUNCTION swipesavvy.update_charity(uuid, jsonb) IS
    'Changes name, description (null clears it) and is_active.';

CREATE FUNCTION swipesavvy.list_charities(
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_charities';
COMMENT ON FUNCTION swipesavvy.list_charities(integer, integer, text) IS
    'Charities by name: the active ones, for admins all of them.';

-- spending

CREATE FUNCTION swipesavvy.redeem_points(
    user_id uuid,
    reward_id uuid DEFAULT NULL,
    points bigint DEFAULT NULL,
    idempotency_key text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_redeem_points';
COMMENT ON FUNCTION swipesavvy.redeem_points(uuid, uuid, bigint, text) IS
    'Takes available points for a reward, or so many points without one, and gives a confirmation code.';

CREATE FUNCTION swipesavvy.donate_points(
    user_id uuid,
    points bigint,
    charity_id uuid,
    idempotency_key text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_donate_points';
COMMENT ON FUNCTION swipesavvy.donate_points(uuid, bigint, uuid, text) IS
    'Takes available points for a charity, and gives a confirmation code.';

CREATE FUNCTION swipesavvy.cancel_redemption(redemption_id uuid, reason text DEFAULT 'No reason given', user_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_cancel_redemption';
COMMENT ON FUNCTION swipesavvy.cancel_redemption(uuid, text, uuid) IS
    'Undoes a redemption, or as an admin a donation, once: its points are available again, as old as they were, and the piece is back in stock. user_id, if given, saves a look-up.';

CREATE FUNCTION swipesavvy.adjust_points(
    user_id uuid,
    points bigint,
    reason text,
    idempotency_key text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_adjust_points';
COMMENT ON FUNCTION swipesavvy.adjust_points(uuid, bigint, text, text) IS
    'Gives points, or takes available ones when negative; lifetime points and tier stay.';

CREATE FUNCTION swipesavvy.expire_points(as_of timestamptz DEFAULT now()) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_expire_points';
COMMENT ON FUNCTION swipesavvy.expire_points(timestamptz) IS
    'Takes what points_expiry_months say has expired by then from every user who has such points.';

CREATE FUNCTION swipesavvy.get_points_history(
    user_id uuid,
    page_size integer DEFAULT 20,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_points_history';
COMMENT ON FUNCTION swipesavvy.get_points_history(uuid, integer, text) IS
    'All that changed a user''s points, the newest first.';

CREATE FUNCTION swipesavvy.get_user_rewards(user_id uuid) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_user_rewards';
COMMENT ON FUNCTION swipesavvy.get_user_rewards(uuid) IS
    'Points, tier, active boosts and the ten newest entries of a user.';
