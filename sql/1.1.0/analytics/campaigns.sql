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

CREATE FUNCTION swipesavvy.get_campaign_portfolio(
    start_date date DEFAULT NULL,
    end_date date DEFAULT NULL,
    status text DEFAULT NULL,
    campaign_type text DEFAULT NULL,
    currency text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_campaign_portfolio';
COMMENT ON FUNCTION swipesavvy.get_campaign_portfolio(date, date, text, text, text) IS
    'What all campaigns in one currency (the programme''s) bring together, of the last 30 days unless given: totals, by type and offer, budgets, '
    'and the days before. Revenue has each purchase once. Archived campaigns only with that status.';

CREATE FUNCTION swipesavvy.get_top_campaigns(
    metric text DEFAULT 'roas',
    start_date date DEFAULT NULL,
    end_date date DEFAULT NULL,
    page_size integer DEFAULT 10,
    min_conversions integer DEFAULT 10,
    min_clicks integer DEFAULT 100,
    currency text DEFAULT NULL,
    campaign_type text DEFAULT NULL,
    direction text DEFAULT 'best') RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_top_campaigns';
COMMENT ON FUNCTION swipesavvy.get_top_campaigns(text, date, date, integer, integer, integer, text, text, text) IS
    'Campaigns ranked by roas, conversion_rate, revenue or efficiency (conversions per 100 of cost), the best or the worst first, of the last 30 days '
    'unless given; only those with enough conversions or clicks.';

CREATE FUNCTION swipesavvy.campaign_performance(
    OUT campaign_id text, OUT name text, OUT campaign_type text, OUT status text, OUT offer_type text, OUT currency text,
    OUT start_date timestamptz, OUT end_date timestamptz, OUT budget numeric, OUT spent numeric, OUT budget_remaining numeric,
    OUT impressions bigint, OUT views bigint, OUT clicks bigint, OUT conversions bigint, OUT revenue numeric, OUT cost numeric,
    OUT view_rate numeric, OUT click_through_rate numeric, OUT conversion_rate numeric, OUT cost_per_acquisition numeric,
    OUT return_on_ad_spend numeric, OUT last_fact_day date) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_campaign_performance';
COMMENT ON FUNCTION swipesavvy.campaign_performance() IS
    'What v_campaign_performance_summary shows.';

CREATE VIEW swipesavvy.v_campaign_performance_summary AS
SELECT p.campaign_id, p.name, p.campaign_type, p.status, p.offer_type, p.currency, p.start_date, p.end_date, p.budget, p.spent, p.budget_remaining,
       p.impressions, p.views, p.clicks, p.conversions, p.revenue, p.cost, p.view_rate, p.click_through_rate, p.conversion_rate, p.cost_per_acquisition,
       p.return_on_ad_spend, p.last_fact_day
  FROM swipesavvy.campaign_performance() p;
COMMENT ON VIEW swipesavvy.v_campaign_performance_summary IS
    'What each campaign has brought in all, drafts and archived ones included; money in major units of its currency.';
