-- leaderboards: who earned most. Filled by a job, so that purchases write nothing for it and readers do not add up the ledger.

CREATE TABLE swipesavvy.leaderboards (
    period text COLLATE "C" NOT NULL,
    starts_at timestamptz NOT NULL,
    as_of timestamptz NOT NULL,
    CONSTRAINT leaderboards_pkey PRIMARY KEY (period),
    CONSTRAINT a_leaderboard_has_a_known_period CHECK (period IN ('weekly', 'monthly', 'all_time'))
);
COMMENT ON TABLE swipesavvy.leaderboards IS 'When each leaderboard was last refreshed.';
COMMENT ON COLUMN swipesavvy.leaderboards.starts_at IS 'First moment of its week or month; -infinity for all time.';

CREATE TABLE swipesavvy.leaderboard_entries (
    user_id uuid NOT NULL,
    period text COLLATE "C" NOT NULL,
    points bigint NOT NULL,
    CONSTRAINT leaderboard_entries_pkey PRIMARY KEY (user_id, period),
    CONSTRAINT a_leader_has_points CHECK (points > 0)
);
COMMENT ON TABLE swipesavvy.leaderboard_entries IS
    'What each active user earned by the purchases made in a period, net of refunds, as of the last refresh.';
CREATE INDEX leaderboard_entries_points ON swipesavvy.leaderboard_entries (period, points DESC, user_id);

CREATE TABLE swipesavvy.leaderboard_marks (
    period text COLLATE "C" NOT NULL,
    points bigint NOT NULL,
    at_least bigint NOT NULL,
    CONSTRAINT leaderboard_marks_pkey PRIMARY KEY (period, points)
);
COMMENT ON TABLE swipesavvy.leaderboard_marks IS 'About every thousandth row of a leaderboard: from there a rank is counted.';
COMMENT ON COLUMN swipesavvy.leaderboard_marks.at_least IS 'How many users have so many points or more.';

CREATE INDEX transactions_occurred_at ON swipesavvy.transactions USING brin (occurred_at);
COMMENT ON INDEX swipesavvy.transactions_occurred_at IS 'The purchases of a week or month, for leaderboards.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.leaderboards', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.leaderboard_entries', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.leaderboard_marks', '');

CREATE FUNCTION swipesavvy.refresh_leaderboards() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_leaderboards';
COMMENT ON FUNCTION swipesavvy.refresh_leaderboards() IS
    'Brings the leaderboards up to date; for a job.';

CREATE FUNCTION swipesavvy.get_leaderboard(period text DEFAULT 'monthly', page_size integer DEFAULT 20) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_leaderboard';
COMMENT ON FUNCTION swipesavvy.get_leaderboard(text, integer) IS
    'Who earned most this week (from Monday), this month or ever, by first name and initial; and the caller''s own rank.';
