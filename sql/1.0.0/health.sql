-- health: how the service is, as far as the database can tell.

CREATE FUNCTION swipesavvy.get_system_health() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_system_health';
COMMENT ON FUNCTION swipesavvy.get_system_health() IS
    'How the service is: database, cache, API, background jobs, the host, and alerts. Measured now; null where it cannot be.';

CREATE FUNCTION swipesavvy.health() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_health';
COMMENT ON FUNCTION swipesavvy.health() IS
    'healthy, degraded or unhealthy, for everybody and under maintenance too.';
