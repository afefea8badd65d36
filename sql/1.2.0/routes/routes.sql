-- routes: the REST routes of the service that this extension replaces. A proxy sends every path under /api to one of two functions (doc/http.md).

-- PostgREST's name for "any media type": the two say themselves what they answer with.
CREATE DOMAIN swipesavvy."*/*" AS text;
COMMENT ON DOMAIN swipesavvy."*/*" IS 'The body of an answer over HTTP; its type is in the header Content-Type.';

CREATE FUNCTION swipesavvy.http_read() RETURNS swipesavvy."*/*"
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_http_read';
COMMENT ON FUNCTION swipesavvy.http_read() IS
    'Answers GET and HEAD of the route that the headers X-Original-Method and X-Original-URI name, as the function behind it does for this caller. An error is an answer, too: {code, message, details, hint, error} with its status.';

CREATE FUNCTION swipesavvy.http_write(jsonb) RETURNS swipesavvy."*/*"
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_http_write';
COMMENT ON FUNCTION swipesavvy.http_write(jsonb) IS
    'The same for every other method; its argument is the body, a JSON object (for batches and events an array may stand for it).';

CREATE FUNCTION swipesavvy.http_write() RETURNS swipesavvy."*/*"
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_http_write';
COMMENT ON FUNCTION swipesavvy.http_write() IS
    'The same for a request without a body, which PostgREST sends to a function without arguments.';

CREATE FUNCTION swipesavvy.list_routes() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_routes';
COMMENT ON FUNCTION swipesavvy.list_routes() IS
    'All routes: method, path, function, arguments with where each comes from (path, query, body), status of success, and the roles that may call.';

CREATE FUNCTION swipesavvy.read_export(dataset text, format text DEFAULT 'csv', start_date date DEFAULT NULL, end_date date DEFAULT NULL, campaign_id text DEFAULT NULL, definition jsonb DEFAULT NULL, header boolean DEFAULT true) RETURNS text
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_read_export';
COMMENT ON FUNCTION swipesavvy.read_export(text, text, date, date, text, jsonb, boolean) IS
    'The file that export_analytics() makes, in one text, for callers that may not write: GET over HTTP, replicas. It is recorded as refused attempts are: with the next call that writes, or in the server''s log.';

-- PostgREST answers with a function that returns a domain of this name where a client asks for this media type.
CREATE DOMAIN swipesavvy."text/html" AS text;
COMMENT ON DOMAIN swipesavvy."text/html" IS 'A page, for whoever asks PostgREST for text/html.';

CREATE FUNCTION swipesavvy.console() RETURNS swipesavvy."text/html"
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_console';
COMMENT ON FUNCTION swipesavvy.console() IS
    'The operators'' page: one HTML document that signs in and shows by the functions of the API what the role of who signs in may see.';

CREATE FUNCTION swipesavvy.openapi() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_openapi';
COMMENT ON FUNCTION swipesavvy.openapi() IS
    'All routes as a document of OpenAPI 3.1: parameters, bodies, answers with their units, errors, an example of each, and the roles that may call.';
