-- campaigns: what a campaign brings, in a period, day by day, over time, and what it earned.

CREATE FUNCTION swipesavvy.get_campaign_metrics(
    campaign_id text,
    start_date date DEFAULT NULL,
    end_date date DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_campaign_metrics';
COMMENT ON FUNCTION swipesavvy.get_campaign_metrics(text, date, date) IS
    'The figures of a campaign from start_date (the first day with a fact) to end_date (today), both included, with their rates.';

CREATE FUNCTION swipesavvy.get_campaign_daily(
    campaign_id text,
    start_date date DEFAULT NULL,
    end_date date DEFAULT NULL,
    changed_since timestamptz DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_campaign_daily';
COMMENT ON FUNCTION swipesavvy.get_campaign_daily(text, date, date, timestamptz) IS
    'The figures of each day, of the last 30 unless given, at most 366; with changed_since only of days that have changed since then.';

CREATE FUNCTION swipesavvy.get_campaign_trends(
    campaign_id text,
    granularity text DEFAULT 'daily',
    start_date date DEFAULT NULL,
    end_date date DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_campaign_trends';
COMMENT ON FUNCTION swipesavvy.get_campaign_trends(text, text, date, date) IS
    'The figures of a campaign by hour, day, week or month (hourly, daily, weekly, monthly), and how the period differs from as many days before it.';

CREATE FUNCTION swipesavvy.get_campaign_roi(
    campaign_id text,
    start_date date DEFAULT NULL,
    end_date date DEFAULT NULL,
    margin_percent numeric DEFAULT 100,
    fixed_cost numeric DEFAULT 0) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_campaign_roi';
COMMENT ON FUNCTION swipesavvy.get_campaign_roi(text, date, date, numeric, numeric) IS
    'What a campaign earned: its revenue at a margin of so many per cent, less its cost and a fixed cost; and where it breaks even.';
