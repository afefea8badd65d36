-- schema: it may be there already, and whoever owns it could put functions beside ours and drop everything.

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
