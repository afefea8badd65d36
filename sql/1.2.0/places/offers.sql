-- offers: what merchants announce. An offer awards nothing; one with a campaign says what the campaign gives, and is shown as long as it gives it.

CREATE TABLE swipesavvy.merchant_offers (
    offer_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    merchant_id uuid NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    title text NOT NULL,
    description text,
    terms text,
    starts_at timestamptz,
    ends_at timestamptz,
    campaign_no integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT merchant_offers_pkey PRIMARY KEY (offer_id),
    CONSTRAINT an_offer_is_of_a_merchant FOREIGN KEY (merchant_id) REFERENCES swipesavvy.merchants,
    CONSTRAINT an_offer_is_of_a_campaign FOREIGN KEY (campaign_no) REFERENCES swipesavvy.campaigns,
    CONSTRAINT an_offer_has_a_title CHECK (title ~ '\S' AND length(title) <= 200),
    CONSTRAINT the_dates_of_an_offer_are_its_own_or_its_campaigns CHECK (CASE WHEN campaign_no IS NULL THEN starts_at IS NOT NULL ELSE starts_at IS NULL AND ends_at IS NULL END),
    CONSTRAINT an_offer_ends_after_it_starts CHECK (ends_at > starts_at)
);
COMMENT ON TABLE swipesavvy.merchant_offers IS 'What merchants announce.';
COMMENT ON COLUMN swipesavvy.merchant_offers.is_active IS 'False: removed.';
COMMENT ON COLUMN swipesavvy.merchant_offers.campaign_no IS 'The campaign that gives what is offered; type, amount and dates are then those of the campaign.';
CREATE INDEX merchant_offers_merchant_id ON swipesavvy.merchant_offers (merchant_id, offer_id);
CREATE INDEX merchant_offers_campaign_no ON swipesavvy.merchant_offers (campaign_no) WHERE campaign_no IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_offers', '');

CREATE FUNCTION swipesavvy.add_merchant_offer(
    merchant_id uuid,
    title text,
    description text DEFAULT NULL,
    terms text DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL,
    ends_at timestamptz DEFAULT NULL,
    campaign_id text DEFAULT NULL,
    offer_id uuid DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_add_merchant_offer';
COMMENT ON FUNCTION swipesavvy.add_merchant_offer(uuid, text, text, text, timestamptz, timestamptz, text, uuid) IS
    'Announces an offer of an active merchant; with a campaign, which must be aimed at the merchant or its category, that one gives it.';

CREATE FUNCTION swipesavvy.update_merchant_offer(offer_id uuid, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_merchant_offer';
COMMENT ON FUNCTION swipesavvy.update_merchant_offer(uuid, jsonb) IS
    'Changes what add_merchant_offer took, and is_active; null takes a text, an end or the campaign away.';

CREATE FUNCTION swipesavvy.remove_merchant_offer(offer_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_remove_merchant_offer';
COMMENT ON FUNCTION swipesavvy.remove_merchant_offer(uuid) IS
    'Takes an offer out of every list; its row is kept.';

CREATE FUNCTION swipesavvy.get_merchant_offers(
    merchant_id uuid,
    at timestamptz DEFAULT NULL,
    page_size integer DEFAULT 20,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_merchant_offers';
COMMENT ON FUNCTION swipesavvy.get_merchant_offers(uuid, timestamptz, integer, text) IS
    'The offers of a merchant at that moment (now, unless told); of campaigns those from which the customer who calls can earn.';
