-- campaigns: what a purchase may earn beyond its base points, and every version a campaign ever had.

CREATE SEQUENCE swipesavvy.campaigns_campaign_no_seq AS integer;

CREATE TABLE swipesavvy.campaigns (
    campaign_no integer NOT NULL DEFAULT nextval('swipesavvy.campaigns_campaign_no_seq'),
    campaign_id text COLLATE "C" NOT NULL,
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL,
    description text,
    campaign_type text NOT NULL,
    status text NOT NULL DEFAULT 'draft',
    offer_type text NOT NULL,
    offer_amount bigint NOT NULL,
    currency char(3) NOT NULL,
    start_date timestamptz NOT NULL,
    end_date timestamptz,
    target_segment_no integer,
    target_merchant_id uuid,
    target_category text,
    budget bigint,
    per_user_limit integer,
    daily_limit integer,
    min_spend bigint NOT NULL DEFAULT 0,
    max_discount bigint,
    priority integer NOT NULL DEFAULT 0,
    stackable boolean NOT NULL DEFAULT false,
    points_multiplier_milli integer NOT NULL DEFAULT 1000,
    bonus_points integer NOT NULL DEFAULT 0,
    hold_out integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    launched_at timestamptz,
    paused_at timestamptz,
    completed_at timestamptz,
    archived_at timestamptz,
    CONSTRAINT campaigns_pkey PRIMARY KEY (campaign_no),
    CONSTRAINT a_campaign_id_is_used_once UNIQUE (campaign_id),
    CONSTRAINT a_campaign_id_is_short_and_plain CHECK (campaign_id ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$'),
    CONSTRAINT a_campaign_id_is_no_filter_of_postgrest
        CHECK (campaign_id !~ '^(eq|neq|gt|gte|lt|lte|like|ilike|match|imatch|in|is|isdistinct|fts|plfts|phfts|wfts|cs|cd|ov|sl|sr|nxr|nxl|adj|not)(\.|$)'),
    CONSTRAINT a_campaign_has_a_name CHECK (name ~ '\S' AND length(name) <= 200),
    CONSTRAINT a_campaign_has_a_known_type
        CHECK (campaign_type IN ('LOCATION_DEAL', 'EMAIL_OFFER', 'SEASONAL', 'LOYALTY_BOOST', 'FLASH_SALE')),
    CONSTRAINT a_campaign_has_a_known_status CHECK (status IN ('draft', 'running', 'paused', 'completed', 'archived')),
    CONSTRAINT a_campaign_has_a_known_offer
        CHECK (offer_type IN ('FIXED_DISCOUNT', 'PERCENTAGE', 'BOGO', 'FREE_SHIPPING', 'OTHER')),
    CONSTRAINT an_offer_is_not_negative CHECK (offer_amount >= 0),
    CONSTRAINT a_percentage_is_at_most_100 CHECK (offer_type <> 'PERCENTAGE' OR offer_amount <= 100000),
    CONSTRAINT a_campaign_has_a_known_currency FOREIGN KEY (currency) REFERENCES swipesavvy.currencies,
    CONSTRAINT a_campaign_ends_after_it_starts CHECK (end_date > start_date),
    CONSTRAINT campaign_dates_are_finite CHECK (isfinite(start_date) AND (end_date IS NULL OR isfinite(end_date))),
    CONSTRAINT a_campaign_is_aimed_at_a_known_segment FOREIGN KEY (target_segment_no) REFERENCES swipesavvy.segments,
    CONSTRAINT a_campaign_is_aimed_at_a_known_merchant FOREIGN KEY (target_merchant_id) REFERENCES swipesavvy.merchants,
    CONSTRAINT a_campaign_is_aimed_at_a_known_category FOREIGN KEY (target_category) REFERENCES swipesavvy.merchant_categories,
    CONSTRAINT a_budget_is_not_negative CHECK (budget >= 0),
    CONSTRAINT campaign_limits_are_at_least_1 CHECK (per_user_limit >= 1 AND daily_limit >= 1),
    CONSTRAINT campaign_amounts_are_not_negative CHECK (min_spend >= 0 AND max_discount >= 0),
    CONSTRAINT a_points_multiplier_is_from_1_to_1000 CHECK (points_multiplier_milli BETWEEN 1000 AND 1000000),
    CONSTRAINT bonus_points_are_not_negative CHECK (bonus_points >= 0),
    CONSTRAINT a_hold_out_is_a_percentage CHECK (hold_out BETWEEN 0 AND 10000)
);
COMMENT ON TABLE swipesavvy.campaigns IS 'Campaigns as they are now; money in minor units of their currency.';
COMMENT ON COLUMN swipesavvy.campaigns.campaign_no IS 'The short key inside the database; campaign_id is the one for people.';
COMMENT ON COLUMN swipesavvy.campaigns.version IS 'Counts the changes; what was before is in campaign_versions.';
COMMENT ON COLUMN swipesavvy.campaigns.offer_amount IS
    'Minor units for FIXED_DISCOUNT and FREE_SHIPPING, thousandths (of a percent) for the other offer types.';
COMMENT ON COLUMN swipesavvy.campaigns.end_date IS 'First moment at which a purchase no longer matches; null = none.';
COMMENT ON COLUMN swipesavvy.campaigns.budget IS 'What all awards may cost together; null = unlimited.';
COMMENT ON COLUMN swipesavvy.campaigns.per_user_limit IS 'Redemptions per user; null = unlimited.';
COMMENT ON COLUMN swipesavvy.campaigns.daily_limit IS 'Redemptions by all users per calendar day of the purchases; null = unlimited.';
COMMENT ON COLUMN swipesavvy.campaigns.points_multiplier_milli IS 'What base points are multiplied with, in thousandths.';
COMMENT ON COLUMN swipesavvy.campaigns.min_spend IS 'Smallest purchase that matches, in minor units.';
COMMENT ON COLUMN swipesavvy.campaigns.max_discount IS 'Largest discount of PERCENTAGE and BOGO, in minor units; null = none.';
COMMENT ON COLUMN swipesavvy.campaigns.priority IS 'Of matching campaigns the highest is tried first.';
COMMENT ON COLUMN swipesavvy.campaigns.stackable IS 'Applies besides others; of those that are not, one applies to a purchase.';
COMMENT ON COLUMN swipesavvy.campaigns.bonus_points IS 'Points on top, for each redemption.';
COMMENT ON COLUMN swipesavvy.campaigns.hold_out IS 'Share of users who never get it, in hundredths of a percent.';
ALTER SEQUENCE swipesavvy.campaigns_campaign_no_seq OWNED BY swipesavvy.campaigns.campaign_no;
COMMENT ON COLUMN swipesavvy.campaigns.launched_at IS 'When it last became running; it is completed no sooner than late_posting_days after that.';
CREATE INDEX campaigns_status ON swipesavvy.campaigns (status, campaign_no);
CREATE INDEX campaigns_currency ON swipesavvy.campaigns (currency);
CREATE INDEX campaigns_target_segment_no ON swipesavvy.campaigns (target_segment_no);
CREATE INDEX campaigns_target_merchant_id ON swipesavvy.campaigns (target_merchant_id);
CREATE INDEX campaigns_target_category ON swipesavvy.campaigns (target_category);

CREATE TABLE swipesavvy.campaign_versions (
    campaign_no integer NOT NULL,
    version integer NOT NULL,
    valid_until timestamptz NOT NULL,
    changed_by uuid,
    campaign jsonb NOT NULL,
    CONSTRAINT campaign_versions_pkey PRIMARY KEY (campaign_no, version),
    CONSTRAINT a_version_belongs_to_a_campaign FOREIGN KEY (campaign_no) REFERENCES swipesavvy.campaigns
);
COMMENT ON TABLE swipesavvy.campaign_versions IS 'Campaigns as they were before each change.';
COMMENT ON COLUMN swipesavvy.campaign_versions.valid_until IS 'When the next version took its place.';
COMMENT ON COLUMN swipesavvy.campaign_versions.campaign IS 'The row of campaigns as it was, its columns as keys.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaigns', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaigns_campaign_no_seq', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_versions', '');

CREATE FUNCTION swipesavvy.create_campaign(
    name text,
    campaign_type text,
    offer_amount numeric DEFAULT NULL,
    offer_type text DEFAULT NULL,
    start_date timestamptz DEFAULT NULL,
    end_date timestamptz DEFAULT NULL,
    description text DEFAULT NULL,
    target_segment text DEFAULT NULL,
    target_merchant_id uuid DEFAULT NULL,
    target_category text DEFAULT NULL,
    budget numeric DEFAULT NULL,
    currency text DEFAULT NULL,
    per_user_limit integer DEFAULT NULL,
    daily_limit integer DEFAULT NULL,
    min_spend numeric DEFAULT NULL,
    max_discount numeric DEFAULT NULL,
    priority integer DEFAULT NULL,
    stackable boolean DEFAULT NULL,
    points_multiplier numeric DEFAULT NULL,
    bonus_points integer DEFAULT NULL,
    hold_out numeric DEFAULT NULL,
    campaign_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_campaign';
COMMENT ON FUNCTION swipesavvy.create_campaign(
    text, text, numeric, text, timestamptz, timestamptz, text, text, uuid, text, numeric, text, integer, integer, numeric,
    numeric, integer, boolean, numeric, integer, numeric, text) IS
    'Creates a campaign as a draft. Required: name, campaign_type, offer_type, start_date, and offer_amount unless the offer '
    'is BOGO or OTHER. Money is in major units of the campaign''s currency (the programme''s unless given); a campaign_id is made '
    'unless given.';

CREATE FUNCTION swipesavvy.get_campaign(campaign_id text) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_campaign';
COMMENT ON FUNCTION swipesavvy.get_campaign(text) IS
    'One campaign with what it has spent and its impressions, views, clicks and conversions. A customer sees running campaigns '
    'only, without budget, spent, hold_out and counters.';

CREATE FUNCTION swipesavvy.list_campaigns(
    status text DEFAULT NULL,
    campaign_type text DEFAULT NULL,
    search text DEFAULT NULL,
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    after text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_campaigns';
COMMENT ON FUNCTION swipesavvy.list_campaigns(text, text, text, integer, integer, text) IS
    'Campaigns, newest first; deleted ones only with status "archived". search finds a part of the name; limit is 20 unless '
    'given, at most 100; after takes the next_cursor of the page before. A customer sees the running ones it is eligible for.';

CREATE FUNCTION swipesavvy.update_campaign(campaign_id text, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_campaign';
COMMENT ON FUNCTION swipesavvy.update_campaign(text, jsonb) IS
    'Changes a campaign; the keys are the arguments of create_campaign but campaign_id, and status; null takes a value away. '
    'It applies to purchases processed after the commit, and the version before is kept. Adding or removing a budget, or changing '
    'the daily limit or the currency, waits for the purchases under way and lets later ones wait for its commit.';

CREATE FUNCTION swipesavvy.launch_campaign(campaign_id text, schedule text DEFAULT 'immediate') RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_launch_campaign';
COMMENT ON FUNCTION swipesavvy.launch_campaign(text, text) IS
    'Makes a draft or paused campaign running. schedule "immediate" brings a start_date that lies ahead to now, "scheduled" '
    'keeps it. expected_conversions counts the purchases of the last 30 days that it would have matched, held-out users included.';

CREATE FUNCTION swipesavvy.pause_campaign(campaign_id text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_pause_campaign';
COMMENT ON FUNCTION swipesavvy.pause_campaign(text) IS
    'Pauses a running campaign; launch_campaign resumes it. revenue_generated is the amount, net of refunds, of the purchases '
    'it was awarded to.';

CREATE FUNCTION swipesavvy.delete_campaign(campaign_id text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_delete_campaign';
COMMENT ON FUNCTION swipesavvy.delete_campaign(text) IS
    'Archives a campaign, for good; its redemptions, events and versions stay.';

CREATE FUNCTION swipesavvy.complete_campaigns(as_of timestamptz DEFAULT now()) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_complete_campaigns';
COMMENT ON FUNCTION swipesavvy.complete_campaigns(timestamptz) IS
    'Completes campaigns late_posting_days after the later of their end and their last launch, at most 100; more tells whether to call '
    'it again.';
