-- recommendations: which merchants are bought at by the same people, which are bought at by most, and what users have said of suggestions.

CREATE TABLE swipesavvy.ml_neighbours (
    version integer NOT NULL,
    merchant_id uuid NOT NULL,
    neighbour_id uuid NOT NULL,
    similarity numeric(7, 6) NOT NULL,
    CONSTRAINT ml_neighbours_pkey PRIMARY KEY (version, merchant_id, neighbour_id),
    CONSTRAINT a_similarity_is_between_0_and_1 CHECK (similarity > 0 AND similarity < 1),
    CONSTRAINT a_merchant_is_not_its_own_neighbour CHECK (neighbour_id <> merchant_id)
);
COMMENT ON TABLE swipesavvy.ml_neighbours IS
    'Of each merchant those that most of the same users have bought at, 50 at most; of the active version of the model affinity, whose neighbours did better than popularity.';
COMMENT ON COLUMN swipesavvy.ml_neighbours.similarity IS 'n / sqrt(a * b) * n / (n + 10), where a and b users bought at each of the two and n at both.';

CREATE TABLE swipesavvy.ml_popularity (
    version integer NOT NULL,
    category_no smallint NOT NULL,
    merchant_id uuid NOT NULL,
    users integer NOT NULL,
    share numeric(7, 6) NOT NULL,
    CONSTRAINT ml_popularity_pkey PRIMARY KEY (version, merchant_id),
    CONSTRAINT somebody_has_bought_at_a_popular_merchant CHECK (users > 0)
);
COMMENT ON TABLE swipesavvy.ml_popularity IS 'How many users bought at each merchant within 90 days; of the active version of the model affinity.';
COMMENT ON COLUMN swipesavvy.ml_popularity.share IS 'Of the users who bought at any merchant within these days.';
CREATE INDEX ml_popularity_overall ON swipesavvy.ml_popularity (version, users DESC, merchant_id);
CREATE INDEX ml_popularity_in_category ON swipesavvy.ml_popularity (version, category_no, users DESC, merchant_id);

CREATE TABLE swipesavvy.ml_feedback (
    user_id uuid NOT NULL,
    feedback_id uuid NOT NULL,
    model_name text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    merchant_id uuid,
    campaign_no integer,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ml_feedback_pkey PRIMARY KEY (user_id, feedback_id),
    CONSTRAINT feedback_is_on_a_known_model CHECK (model_name IN ('conversion', 'churn', 'affinity', 'offer')),
    CONSTRAINT feedback_has_a_known_outcome CHECK (outcome IN ('accepted', 'dismissed', 'irrelevant', 'converted'))
);
COMMENT ON TABLE swipesavvy.ml_feedback IS 'What users said of what was suggested to them, or did about it. It hides merchants and is counted; nothing is learned of it.';
CREATE INDEX ml_feedback_hidden ON swipesavvy.ml_feedback (user_id, occurred_at) WHERE outcome IN ('dismissed', 'irrelevant') AND merchant_id IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_neighbours', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_popularity', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_feedback', '');

CREATE FUNCTION swipesavvy.get_recommendations(
    user_id uuid DEFAULT NULL, campaign_id text DEFAULT NULL, page_size integer DEFAULT 10, include_known boolean DEFAULT false) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_recommendations';
COMMENT ON FUNCTION swipesavvy.get_recommendations(uuid, text, integer, boolean) IS
    'Merchants that a user does not know yet and may like, and because of which others; or the users who are most likely to use a campaign.';

CREATE FUNCTION swipesavvy.record_ml_feedback(
    model_name text, user_id uuid, outcome text, merchant_id uuid DEFAULT NULL, campaign_id text DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL, feedback_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_record_ml_feedback';
COMMENT ON FUNCTION swipesavvy.record_ml_feedback(text, uuid, text, uuid, text, timestamptz, uuid) IS
    'What a user said of a suggestion, or did about it: a merchant that was dismissed or is irrelevant is not suggested for 90 days.';
