-- scores: what models think of everybody, once a day.

CREATE TABLE swipesavvy.ml_scores (
    user_id uuid NOT NULL,
    model_name text COLLATE "C" NOT NULL,
    campaign_no integer NOT NULL,
    version integer NOT NULL,
    as_of timestamptz NOT NULL,
    probability numeric(7, 6) NOT NULL,
    CONSTRAINT ml_scores_pkey PRIMARY KEY (user_id, model_name, campaign_no),
    CONSTRAINT a_probability_is_between_0_and_1 CHECK (probability BETWEEN 0 AND 1)
);
COMMENT ON TABLE swipesavvy.ml_scores IS
    'How probable it is that a user is lost, and for each running campaign the thousand users who are most likely to use it, as of the last refresh.';
COMMENT ON COLUMN swipesavvy.ml_scores.campaign_no IS '0: the model is not about campaigns.';
CREATE INDEX ml_scores_of_campaign ON swipesavvy.ml_scores (model_name, campaign_no, probability DESC, user_id);

CREATE TABLE swipesavvy.ml_scored (
    model_name text COLLATE "C" NOT NULL,
    campaign_no integer NOT NULL,
    version integer NOT NULL,
    as_of timestamptz NOT NULL,
    users bigint NOT NULL,
    CONSTRAINT ml_scored_pkey PRIMARY KEY (model_name, campaign_no)
);
COMMENT ON TABLE swipesavvy.ml_scored IS 'When a model was last asked about everybody, by which version, and of how many users, those who are not kept included.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_scores', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_scored', '');
