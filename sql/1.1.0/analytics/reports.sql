-- reports: figures in the shape that a caller defines, and figures for other programs.

CREATE FUNCTION swipesavvy.run_custom_report(definition jsonb) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_run_custom_report';
COMMENT ON FUNCTION swipesavvy.run_custom_report(jsonb) IS
    'A report of campaigns or purchases: measures by dimensions, filtered, ordered and cut, as definition says. At most 10,000 rows over at most 1,830 days.';
