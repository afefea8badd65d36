-- privileges: who may call what the routes add. The function behind a route checks its caller itself.

-- grant_access takes names that are not overloaded: of http_write() it takes away what default privileges gave, and the rest is here
CALL swipesavvy.grant_access(functions => ARRAY['http_read A', 'list_routes A', 'console A', 'openapi A', 'read_export N'], triggers => ARRAY['http_write']);
GRANT EXECUTE ON FUNCTION swipesavvy.http_write(jsonb), swipesavvy.http_write()
    TO swipesavvy_anon, swipesavvy_customer, swipesavvy_support, swipesavvy_analytics, swipesavvy_backend, swipesavvy_delivery, swipesavvy_admin;
