-- schema: two of them. The public one may be there already, and whoever owns it could put functions beside ours and drop everything.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
                    WHERE n.nspname = 'swipesavvy' AND (r.rolsuper OR r.rolname = current_user)) THEN
        RAISE EXCEPTION 'schema "swipesavvy" belongs to somebody else'
            USING ERRCODE = 'insufficient_privilege', DETAIL = 'Its owner is neither a superuser nor the role that creates the extension.',
                  HINT = 'Give it to the role that creates the extension, or drop it.';
    END IF;
END
$$;

-- What is secret stands apart, so that neither "GRANT ... ON ALL TABLES IN SCHEMA swipesavvy" nor a grant on one table shows it. The
-- schema is a member of the extension and must not be there: whoever made it could read on.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = 'swipesavvy_private') THEN
        RAISE EXCEPTION 'schema "swipesavvy_private" already exists'
            USING ERRCODE = 'duplicate_schema', DETAIL = 'The extension makes it and keeps its secrets in it.',
                  HINT = 'Drop it, or rename it.';
    END IF;
END
$$;
CREATE SCHEMA swipesavvy_private;
COMMENT ON SCHEMA swipesavvy_private IS 'Secrets: keys, password hashes, sessions. Nobody but swipesavvy_owner needs anything in here.';
