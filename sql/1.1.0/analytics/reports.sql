-- reports: figures in the shape that a caller defines, and figures for other programs.

CREATE FUNCTION swipesavvy.run_custom_report(definition jsonb) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_run_custom_report';
COMMENT ON FUNCTION swipesavvy.run_custom_report(jsonb) IS
    'A report of campaigns or purchases: measures by dimensions, filtered, ordered and cut, as definition says. At most 10,000 rows over at most 1,830 days.';

CREATE FUNCTION swipesavvy.export_analytics(
    dataset text,
    format text DEFAULT 'csv',
    start_date date DEFAULT NULL,
    end_date date DEFAULT NULL,
    campaign_id text DEFAULT NULL,
    definition jsonb DEFAULT NULL,
    header boolean DEFAULT true) RETURNS SETOF text
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_export_analytics';
COMMENT ON FUNCTION swipesavvy.export_analytics(text, text, date, date, text, jsonb, boolean) IS
    'The records of a dataset (campaigns, campaign_daily, report, segments, rfm, cohorts, churn, liability, ageing) as csv, without line ends, or json, an object each. Each call is in the audit log.';
