-- search: trigram indexes for names and e-mail addresses, by their search keys. pg_trgm may be in any schema: it is named, not put into the search_path.

DO $$
DECLARE
    trgm name;
BEGIN
    SELECT n.nspname INTO STRICT trgm
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    EXECUTE format('CREATE INDEX users_name_trgm ON swipesavvy.users USING gin (swipesavvy.search_key(name || E''\n'' || email) %I.gin_trgm_ops)', trgm);
    EXECUTE format('CREATE INDEX campaigns_name_trgm ON swipesavvy.campaigns USING gin (swipesavvy.search_key(name) %I.gin_trgm_ops)', trgm);
    EXECUTE format('CREATE INDEX merchants_name_trgm ON swipesavvy.merchants USING gin (swipesavvy.search_key(name) %I.gin_trgm_ops)', trgm);
END
$$;
