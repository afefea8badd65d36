-- ratings: what customers think of merchants, from one to five, with a comment that is shown once somebody has read it.

CREATE TABLE swipesavvy.merchant_reviews (
    user_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    review_id uuid NOT NULL,
    rating smallint NOT NULL,
    comment text,
    comment_status text,
    status_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    moderated_at timestamptz,
    CONSTRAINT merchant_reviews_pkey PRIMARY KEY (user_id, merchant_id),
    CONSTRAINT a_review_is_a_users FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT a_review_is_of_a_merchant FOREIGN KEY (merchant_id) REFERENCES swipesavvy.merchants,
    CONSTRAINT a_rating_is_one_to_five CHECK (rating BETWEEN 1 AND 5),
    CONSTRAINT a_comment_has_2000_characters CHECK (length(comment) <= 2000),
    CONSTRAINT a_comment_has_a_status CHECK (comment_status IN ('pending', 'approved', 'rejected', 'removed') AND (comment IS NULL OR comment_status IS NOT NULL))
);
COMMENT ON TABLE swipesavvy.merchant_reviews IS 'What users think of merchants: one row for each user and merchant. It counts unless its comment_status is removed.';
COMMENT ON COLUMN swipesavvy.merchant_reviews.comment_status IS 'Null: there never was a comment. Only approved ones are shown. A review that is removed does not count, whether it has a comment or not.';
COMMENT ON COLUMN swipesavvy.merchant_reviews.status_reason IS 'Why it was moderated so.';
CREATE INDEX merchant_reviews_shown ON swipesavvy.merchant_reviews (merchant_id, review_id) WHERE comment_status = 'approved';
CREATE INDEX merchant_reviews_merchant_id ON swipesavvy.merchant_reviews (merchant_id);
CREATE INDEX merchant_reviews_review_id ON swipesavvy.merchant_reviews (review_id);
CREATE INDEX merchant_reviews_pending ON swipesavvy.merchant_reviews (review_id) WHERE comment_status = 'pending';

CREATE TABLE swipesavvy.merchant_ratings (
    merchant_id uuid NOT NULL,
    rating_sum bigint NOT NULL DEFAULT 0,
    rating_count bigint NOT NULL DEFAULT 0,
    ones bigint NOT NULL DEFAULT 0,
    twos bigint NOT NULL DEFAULT 0,
    threes bigint NOT NULL DEFAULT 0,
    fours bigint NOT NULL DEFAULT 0,
    fives bigint NOT NULL DEFAULT 0,
    CONSTRAINT merchant_ratings_pkey PRIMARY KEY (merchant_id),
    CONSTRAINT a_sum_of_ratings_is_of_a_merchant FOREIGN KEY (merchant_id) REFERENCES swipesavvy.merchants,
    CONSTRAINT no_rating_counts_less_than_nothing CHECK (least(ones, twos, threes, fours, fives) >= 0),
    CONSTRAINT ratings_add_up CHECK (rating_count = ones + twos + threes + fours + fives AND rating_sum = ones + 2 * twos + 3 * threes + 4 * fours + 5 * fives)
) WITH (fillfactor = 70);
-- Averages that lean on a mean that never changes, in ten-thousandths: by them src/merchants/rating_rank.c finds ratings, which lean on one that does.
-- Of all rows, for of a part of them the planner would not use what it knows of its values.
CREATE INDEX merchant_ratings_rank ON swipesavvy.merchant_ratings (((rating_sum + 15) * 10000 / (rating_count + 5)));
COMMENT ON TABLE swipesavvy.merchant_ratings IS 'Of each merchant that was ever rated the sum and the number of ratings that count, and how many there are of each.';

CREATE TABLE swipesavvy.rating_prior (
    prior_no integer NOT NULL DEFAULT 1,
    mean_hundredths integer NOT NULL,
    rating_count bigint NOT NULL,
    refreshed_at timestamptz NOT NULL,
    CONSTRAINT rating_prior_pkey PRIMARY KEY (prior_no),
    CONSTRAINT there_is_one_prior CHECK (prior_no = 1),
    CONSTRAINT a_mean_is_one_to_five CHECK (mean_hundredths BETWEEN 100 AND 500)
);
COMMENT ON TABLE swipesavvy.rating_prior IS 'The mean of all ratings, as of the last refresh_rating_prior(): one row, or none before the first. Averages of merchants lean on it.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_reviews', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_ratings', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.rating_prior', '');

INSERT INTO swipesavvy.system_settings (setting, value, value_type, minimum, maximum, nullable, description, is_seed) VALUES
    ('rating_prior_weight', '5', 'int', 0, 1000, false, 'How many ratings the mean of all merchants weighs in the average of each', true),
    ('review_moderation', 'true', 'bool', NULL, NULL, false, 'Comments on merchants are shown once they are approved', true);

CREATE FUNCTION swipesavvy.rating_average(rating_sum bigint, rating_count bigint, prior_weight integer, prior_mean_hundredths integer) RETURNS numeric
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_rating_average';
COMMENT ON FUNCTION swipesavvy.rating_average(bigint, bigint, integer, integer) IS
    'The average of ratings together with a prior mean that weighs as so many of them, with two decimals; null without a rating.';

CREATE VIEW swipesavvy.merchant_rating_averages AS
SELECT r.merchant_id,
       swipesavvy.rating_average(r.rating_sum, r.rating_count,
                                 (SELECT (s.value #>> '{}')::integer FROM swipesavvy.system_settings s WHERE s.setting = 'rating_prior_weight'),
                                 coalesce((SELECT p.mean_hundredths FROM swipesavvy.rating_prior p WHERE p.prior_no = 1), 300)) AS rating,
       r.rating_count
  FROM swipesavvy.merchant_ratings r
 WHERE r.rating_count > 0;
COMMENT ON VIEW swipesavvy.merchant_rating_averages IS 'The rating of each merchant that has one, as everything shows it, and how many ratings it is of.';

CREATE FUNCTION swipesavvy.rate_merchant(user_id uuid, merchant_id uuid, rating integer, comment text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_rate_merchant';
COMMENT ON FUNCTION swipesavvy.rate_merchant(uuid, uuid, integer, text) IS
    'A user who has bought there rates a merchant from 1 to 5; again replaces rating and comment.';

CREATE FUNCTION swipesavvy.delete_rating(user_id uuid, merchant_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_delete_rating';
COMMENT ON FUNCTION swipesavvy.delete_rating(uuid, uuid) IS
    'Takes the rating of a user away, comment included.';

CREATE FUNCTION swipesavvy.get_merchant_reviews(merchant_id uuid, page_size integer DEFAULT 20, after text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_merchant_reviews';
COMMENT ON FUNCTION swipesavvy.get_merchant_reviews(uuid, integer, text) IS
    'The rating of a merchant, how often each was given, and approved reviews, newest first.';

CREATE FUNCTION swipesavvy.moderate_review(review_id uuid, status text, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_moderate_review';
COMMENT ON FUNCTION swipesavvy.moderate_review(uuid, text, text) IS
    'approved: the comment is shown; rejected: it is not, and the rating counts; removed: neither.';

CREATE FUNCTION swipesavvy.list_reviews_to_moderate(page_size integer DEFAULT 20, after text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_reviews_to_moderate';
COMMENT ON FUNCTION swipesavvy.list_reviews_to_moderate(integer, text) IS
    'Reviews whose comments wait for approval, oldest first.';

CREATE FUNCTION swipesavvy.refresh_rating_prior() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_rating_prior';
COMMENT ON FUNCTION swipesavvy.refresh_rating_prior() IS
    'Works out the mean of all ratings that count, on which the average of each merchant leans.';
