-- What 230_operators_ddl.pl runs in its database: DDL generated over the catalogue, and the proof that after it nothing is lost.
CREATE EXTENSION amcheck;
CREATE SCHEMA ops;
GRANT USAGE ON SCHEMA ops TO PUBLIC;

CREATE FUNCTION ops.one() RETURNS uuid LANGUAGE sql IMMUTABLE RETURN '00000000-0000-7000-8000-0000a3000001'::uuid;
CREATE FUNCTION ops.two() RETURNS uuid LANGUAGE sql IMMUTABLE RETURN '00000000-0000-7000-8000-0000a3000002'::uuid;
CREATE FUNCTION ops.shop() RETURNS uuid LANGUAGE sql IMMUTABLE RETURN '00000000-0000-7000-8000-0000a3000010'::uuid;
CREATE FUNCTION ops.boost() RETURNS uuid LANGUAGE sql IMMUTABLE RETURN '00000000-0000-7000-8000-0000a3000030'::uuid;

-- the world: two users, one of whom has all that purchases are looked up in; campaigns with each kind of limit
SELECT swipesavvy.create_user('one@operators.test', 'One', user_id => ops.one()), swipesavvy.create_user('two@operators.test', 'Two', user_id => ops.two()),
       swipesavvy.create_merchant('Operators', 'Services', merchant_id => ops.shop()), swipesavvy.create_boost('Twice', 2, starts_at => '2026-01-01', boost_id => ops.boost()),
       swipesavvy.create_segment('Operators');
CREATE TABLE ops.cards AS SELECT (swipesavvy.link_account(ops.one(), 'card', '1234') ->> 'account_id')::uuid AS account_id;
GRANT SELECT ON ops.cards TO PUBLIC;
CREATE FUNCTION ops.card() RETURNS uuid LANGUAGE sql STABLE RETURN (SELECT account_id FROM ops.cards);
SELECT swipesavvy.activate_boost(ops.one(), ops.boost()), swipesavvy.add_segment_members('Operators', ARRAY[ops.one()]);
SELECT swipesavvy.create_campaign('Budget', 'LOYALTY_BOOST', 0, 'FIXED_DISCOUNT', '2020-01-01', campaign_id => 'BUDGET', budget => 1000, bonus_points => 1, stackable => true),
       swipesavvy.create_campaign('Day', 'LOYALTY_BOOST', 0, 'FIXED_DISCOUNT', '2020-01-01', campaign_id => 'DAY', daily_limit => 1000, bonus_points => 2, stackable => true),
       swipesavvy.create_campaign('Twice', 'LOYALTY_BOOST', 0, 'FIXED_DISCOUNT', '2020-01-01', campaign_id => 'TWICE', per_user_limit => 2, bonus_points => 4, stackable => true),
       swipesavvy.create_campaign('Segment', 'LOYALTY_BOOST', 0, 'FIXED_DISCOUNT', '2020-01-01', campaign_id => 'SEGMENT', target_segment => 'Operators', bonus_points => 8, stackable => true);
SELECT swipesavvy.launch_campaign(campaign_id) FROM swipesavvy.campaigns;
SELECT swipesavvy.record_transaction(ops.one(), 10, merchant_id => ops.shop(), account_id => ops.card(), idempotency_key => 'known', occurred_at => '2026-03-01');
SELECT swipesavvy.adjust_points(ops.one(), 5, 'Welcome');

CREATE FUNCTION ops.always(anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
CREATE FUNCTION ops.same(anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1; END $$;
CREATE FUNCTION ops.let_through() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END $$;
CREATE FUNCTION ops.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION ops.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused' USING ERRCODE = '23514'; END $$;

-- --- the kinds of DDL, over the catalogue -------------------------------------------------------------------------

CREATE VIEW ops.indexes AS
    SELECT x.indrelid::regclass AS tab, x.indexrelid, n.nspname AS schema, i.relname AS name, x.indisunique AS is_unique, con.conname AS con, con.contype,
           pg_get_indexdef(x.indexrelid) AS def, pg_get_expr(x.indpred, x.indrelid) AS predicate,
           ARRAY(SELECT pg_get_indexdef(x.indexrelid, k, true) FROM generate_series(1, x.indnkeyatts) k) AS keys,
           ARRAY(SELECT a.atttypid::regtype FROM pg_attribute a WHERE a.attrelid = x.indexrelid AND a.attnum <= x.indnkeyatts ORDER BY a.attnum) AS types
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
      LEFT JOIN pg_constraint con ON con.conindid = x.indexrelid AND con.conrelid = x.indrelid AND con.contype IN ('p', 'u', 'x');

-- how an index is taken away, and its key columns
CREATE FUNCTION ops.dropped(i ops.indexes) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN i.con IS NULL THEN format('DROP INDEX %I.%I', i.schema, i.name) ELSE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', i.tab, i.con) END $$;
CREATE FUNCTION ops.made(i ops.indexes, keys text[], rest text DEFAULT '', is_unique boolean DEFAULT NULL, method text DEFAULT 'btree') RETURNS text LANGUAGE sql AS $$
    SELECT format('CREATE %sINDEX %I ON %s USING %s (%s) %s', CASE WHEN coalesce(is_unique, i.is_unique) THEN 'UNIQUE ' END, i.name, i.tab, method, array_to_string(keys, ', '), rest) $$;

CREATE FUNCTION ops.index_kinds(i ops.indexes) RETURNS TABLE (kind text, ddl text) LANGUAGE sql AS $$
    SELECT k.kind || ' ' || i.name, k.ddl FROM (VALUES
        ('rename index', format('ALTER INDEX %I.%I RENAME TO operators_index', i.schema, i.name)),
        ('drop index', ops.dropped(i)),
        ('index without its key', ops.dropped(i) || '; ' || ops.made(i, i.keys, CASE WHEN i.predicate IS NOT NULL THEN 'WHERE ' || i.predicate ELSE '' END, false)),
        ('index made again', ops.dropped(i) || '; ' || i.def),
        ('index turned round', CASE WHEN cardinality(i.keys) > 1 THEN ops.dropped(i) || '; ' || ops.made(i, (SELECT array_agg(k ORDER BY n DESC) FROM unnest(i.keys) WITH ORDINALITY u (k, n))) END),
        ('index of its first column', CASE WHEN cardinality(i.keys) > 1 THEN ops.dropped(i) || '; ' || ops.made(i, i.keys[1:1], '', false) END),
        ('index downwards', ops.dropped(i) || '; ' || ops.made(i, ARRAY(SELECT k || ' DESC' FROM unnest(i.keys) k))),
        ('partial index', ops.dropped(i) || '; ' || ops.made(i, i.keys, format('WHERE %s IS NULL', i.keys[1]))),
        ('index of an expression', ops.dropped(i) || '; ' || ops.made(i, ARRAY(SELECT format('((%s)::text)', k) FROM unnest(i.keys[1:1]) k) || i.keys[2:], '', false)),
        ('index by a function', ops.dropped(i) || '; ' || ops.made(i, ARRAY[format('(ops.same(%s))', i.keys[1])] || i.keys[2:], '', false)),
        ('hash index', ops.dropped(i) || '; ' || ops.made(i, i.keys[1:1], '', false, 'hash')),
        ('brin index', ops.dropped(i) || '; ' || ops.made(i, i.keys[1:1], '', false, 'brin')),
        ('index with another class', CASE WHEN 'text'::regtype = ANY (i.types) THEN ops.dropped(i) || '; ' ||
            ops.made(i, ARRAY(SELECT k || CASE WHEN t = 'text'::regtype THEN ' text_pattern_ops' ELSE '' END FROM unnest(i.keys, i.types) u (k, t))) END),
        ('nulls not distinct', ops.dropped(i) || '; ' || ops.made(i, i.keys, 'NULLS NOT DISTINCT', true)),
        ('index with a column more', ops.dropped(i) || '; ' || ops.made(i, i.keys, 'INCLUDE (' || (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = i.tab AND attnum = 2) || ')')),
        ('deferrable key', CASE WHEN i.is_unique AND i.predicate IS NULL AND i.def !~ '\(\(|lower\(' THEN ops.dropped(i) || '; ' ||
            format('ALTER TABLE %s ADD CONSTRAINT %I UNIQUE (%s) DEFERRABLE INITIALLY DEFERRED', i.tab, i.name, array_to_string(i.keys, ', ')) END),
        ('exclusion', CASE WHEN i.is_unique AND i.predicate IS NULL AND i.def !~ '\(\(|lower\(' THEN ops.dropped(i) || '; ' ||
            format('ALTER TABLE %s ADD CONSTRAINT %I EXCLUDE USING btree (%s)', i.tab, i.name, (SELECT string_agg(k || ' WITH =', ', ') FROM unnest(i.keys) k)) END),
        ('reindex', format('REINDEX INDEX %I.%I', i.schema, i.name))) k (kind, ddl) WHERE k.ddl IS NOT NULL $$;

CREATE FUNCTION ops.condition_kinds(tab regclass) RETURNS TABLE (kind text, ddl text) LANGUAGE sql AS $$
    SELECT k.kind || ' ' || c.conname, k.ddl FROM pg_constraint c, LATERAL (VALUES
        ('drop', format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', tab, c.conname)),
        ('rename', format('ALTER TABLE %s RENAME CONSTRAINT %I TO operators_constraint', tab, c.conname)),
        ('stricter', format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE, ADD CONSTRAINT %I CHECK (false) NOT VALID', tab, c.conname, c.conname)),
        ('by a function', format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE, ADD CONSTRAINT %I CHECK (ops.always(%I)) NOT VALID', tab, c.conname, c.conname,
            (SELECT attname FROM pg_attribute WHERE attrelid = tab AND attnum = 1)))) k (kind, ddl)
     WHERE c.conrelid = tab AND c.contype IN ('c', 'f') $$;

CREATE FUNCTION ops.column_kinds(tab regclass, a pg_attribute) RETURNS TABLE (kind text, ddl text) LANGUAGE sql AS $$
    SELECT k.kind || ' ' || a.attname, format('ALTER TABLE %s %s', tab, format(k.change, a.attname)) FROM (VALUES
        ('type text', CASE WHEN a.atttypid <> 'text'::regtype THEN 'ALTER %1$I DROP DEFAULT, ALTER %1$I TYPE text USING %1$I::text' END),
        ('type varchar', CASE WHEN a.atttypid = 'text'::regtype THEN 'ALTER %1$I TYPE varchar(500)' END),
        ('collation', CASE WHEN a.atttypid = 'text'::regtype THEN 'ALTER %1$I TYPE text COLLATE "POSIX"' END),
        ('type numeric', CASE WHEN a.atttypid IN ('bigint'::regtype, 'integer'::regtype, 'smallint'::regtype) THEN 'ALTER %1$I TYPE numeric' END),
        ('type bigint', CASE WHEN a.atttypid IN ('integer'::regtype, 'smallint'::regtype) THEN 'ALTER %1$I TYPE bigint' END),
        ('length', CASE WHEN a.atttypid = 'bpchar'::regtype THEN 'ALTER %1$I TYPE char(5)' END),
        ('precision', CASE WHEN a.atttypid = 'timestamptz'::regtype THEN 'ALTER %1$I TYPE timestamptz(0)' END),
        ('type timestamp', CASE WHEN a.atttypid = 'timestamptz'::regtype THEN 'ALTER %1$I TYPE timestamp' END),
        ('type jsonb', CASE WHEN a.atttypid = 'json'::regtype THEN 'ALTER %1$I TYPE jsonb USING %1$I::jsonb' END),
        ('type json', CASE WHEN a.atttypid = 'jsonb'::regtype THEN 'ALTER %1$I TYPE json USING %1$I::json' END),
        ('not null', CASE WHEN NOT a.attnotnull THEN 'ADD CONSTRAINT operators_not_null CHECK (%1$I IS NOT NULL) NOT VALID' END),
        ('null', CASE WHEN a.attnotnull THEN 'ALTER %1$I DROP NOT NULL' END),
        ('default', 'ALTER %1$I SET DEFAULT ' || CASE WHEN a.atttypid IN ('bigint'::regtype, 'integer'::regtype, 'smallint'::regtype) THEN '7' ELSE 'NULL' END),
        ('no default', 'ALTER %1$I DROP DEFAULT'),
        ('identity', CASE WHEN a.attnotnull AND a.atttypid IN ('bigint'::regtype, 'integer'::regtype, 'smallint'::regtype)
                          THEN 'ALTER %1$I DROP DEFAULT, ALTER %1$I ADD GENERATED ALWAYS AS IDENTITY' END),
        ('rename', 'RENAME %1$I TO operators_column'),
        ('drop', 'DROP %1$I CASCADE'),
        ('drop and add', format('DROP %%1$I CASCADE, ADD operators_column %s', format_type(a.atttypid, a.atttypmod))),
        ('statistics', 'ALTER %1$I SET STATISTICS 10'),
        ('storage', CASE WHEN a.attlen = -1 THEN 'ALTER %1$I SET STORAGE PLAIN' END)) k (kind, change) WHERE k.change IS NOT NULL $$;

CREATE FUNCTION ops.table_kinds(tab regclass, first text, owner text) RETURNS TABLE (kind text, ddl text) LANGUAGE sql AS $$
    SELECT k.kind, format(k.ddl, tab, first, owner) FROM (VALUES
        ('add column', 'ALTER TABLE %1$s ADD operators_column text'),
        ('add column with default', 'ALTER TABLE %1$s ADD operators_column text NOT NULL DEFAULT ''none'''),
        ('add volatile column', 'ALTER TABLE %1$s ADD operators_column uuid NOT NULL DEFAULT gen_random_uuid()'),
        ('add generated column', 'ALTER TABLE %1$s ADD operators_column text GENERATED ALWAYS AS (md5(''x'')) STORED'),
        ('add and drop column', 'ALTER TABLE %1$s ADD operators_column text; ALTER TABLE %1$s DROP operators_column'),
        ('add condition', 'ALTER TABLE %1$s ADD CHECK (%2$I IS NOT NULL)'),
        ('add condition by a function', 'ALTER TABLE %1$s ADD CHECK (ops.always(%2$I))'),
        ('add impossible condition', 'ALTER TABLE %1$s ADD CHECK (false) NOT VALID'),
        ('add index', 'CREATE INDEX operators_index ON %1$s (%2$I)'),
        ('add unique index', 'CREATE UNIQUE INDEX operators_index ON %1$s (%2$I)'),
        ('add gin index', 'CREATE INDEX operators_index ON %1$s USING gin ((ARRAY[%2$I::text]))'),
        ('add foreign key', 'CREATE TABLE ops.other AS SELECT DISTINCT %2$I FROM %1$s; ALTER TABLE ops.other ADD PRIMARY KEY (%2$I); GRANT SELECT ON ops.other TO PUBLIC; ALTER TABLE %1$s ADD FOREIGN KEY (%2$I) REFERENCES ops.other'),
        ('before row', 'CREATE TRIGGER operators BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION ops.let_through()'),
        ('before row, swallowing', 'CREATE TRIGGER operators BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION ops.swallow()'),
        ('before row, refusing', 'CREATE TRIGGER operators BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION ops.refuse()'),
        ('after row', 'CREATE TRIGGER operators AFTER INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION ops.let_through()'),
        ('after row, refusing at the end', 'CREATE CONSTRAINT TRIGGER operators AFTER INSERT OR UPDATE ON %1$s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ops.refuse()'),
        ('after statement', 'CREATE TRIGGER operators AFTER INSERT OR UPDATE ON %1$s REFERENCING NEW TABLE AS n EXECUTE FUNCTION ops.let_through()'),
        ('statements', 'CREATE TRIGGER operators AFTER INSERT ON %1$s REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION ops.let_through()'),
        ('disabled trigger', 'CREATE TRIGGER operators BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION ops.refuse(); ALTER TABLE %1$s DISABLE TRIGGER operators'),
        ('no triggers', 'ALTER TABLE %1$s DISABLE TRIGGER ALL'),
        ('rule also', 'CREATE RULE operators AS ON INSERT TO %1$s DO ALSO SELECT 1'),
        ('rule nothing', 'CREATE RULE operators AS ON INSERT TO %1$s DO INSTEAD NOTHING'),
        ('rule nothing on update', 'CREATE RULE operators AS ON UPDATE TO %1$s DO INSTEAD NOTHING'),
        ('row security', 'ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY'),
        ('forced row security', 'ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY operators ON %1$s USING (true)'),
        ('rows to read only', 'ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY; CREATE POLICY operators ON %1$s FOR SELECT USING (true)'),
        ('child', 'CREATE TABLE ops.child () INHERITS (%1$s)'),
        ('parent', 'CREATE TABLE ops.parent (LIKE %1$s); ALTER TABLE %1$s INHERIT ops.parent'),
        ('unlogged', 'ALTER TABLE %1$s SET UNLOGGED'),
        ('all as identity', 'ALTER TABLE %1$s REPLICA IDENTITY FULL'),
        ('no identity', 'ALTER TABLE %1$s REPLICA IDENTITY NOTHING'),
        ('published', 'CREATE PUBLICATION operators FOR TABLE %1$s'),
        ('published without identity', 'ALTER TABLE %1$s REPLICA IDENTITY NOTHING; CREATE PUBLICATION operators FOR TABLE %1$s'),
        ('published in part', 'CREATE PUBLICATION operators FOR TABLE %1$s WHERE (false)'),
        ('published columns', 'CREATE PUBLICATION operators FOR TABLE %1$s (%2$I)'),
        ('tablespace', 'ALTER TABLE %1$s SET TABLESPACE operators'),
        ('fill factor', 'ALTER TABLE %1$s SET (fillfactor = 50)'),
        ('no autovacuum', 'ALTER TABLE %1$s SET (autovacuum_enabled = off, parallel_workers = 0)'),
        ('statistics', 'CREATE STATISTICS ops.statistics (ndistinct) ON %2$I, ctid FROM %1$s'),
        ('statistics of an expression', 'CREATE STATISTICS ops.statistics ON (%2$I::text) FROM %1$s'),
        ('comment', 'COMMENT ON TABLE %1$s IS ''operators'''),
        ('rename table', 'ALTER TABLE %1$s RENAME TO operators_table'),
        ('other schema', 'ALTER TABLE %1$s SET SCHEMA ops'),
        ('view in its place', 'DO $d$ DECLARE n text := (SELECT relname FROM pg_class WHERE oid = ''%1$s''::regclass); BEGIN ALTER TABLE %1$s RENAME TO operators_table; EXECUTE format(''CREATE VIEW swipesavvy.%%I AS TABLE swipesavvy.operators_table; GRANT ALL ON swipesavvy.%%I TO %3$I'', n, n); END $d$'),
        ('copy in its place', 'DO $d$ DECLARE n text := (SELECT relname FROM pg_class WHERE oid = ''%1$s''::regclass); BEGIN ALTER TABLE %1$s RENAME TO operators_table; EXECUTE format(''CREATE TABLE swipesavvy.%%I AS TABLE swipesavvy.operators_table; GRANT ALL ON swipesavvy.%%I TO %3$I'', n, n); END $d$'),
        ('other owner', 'ALTER TABLE %1$s OWNER TO swipesavvy_admin'),
        ('no reading', 'REVOKE SELECT ON %1$s FROM %3$I'),
        ('no adding', 'REVOKE INSERT ON %1$s FROM %3$I'),
        ('no changing', 'REVOKE UPDATE ON %1$s FROM %3$I'),
        ('analyze', 'ANALYZE %1$s'),
        ('no truth', 'ALTER TABLE %1$s ADD operators_column boolean DEFAULT true; ALTER TABLE %1$s ADD CHECK (operators_column)')) k (kind, ddl) $$;

-- the tables in question, which keep their numbers whatever their names become
CREATE TABLE ops.tables (oid regclass PRIMARY KEY, earned boolean NOT NULL);
GRANT SELECT ON ops.tables TO PUBLIC;

-- every kind for every table of these
CREATE FUNCTION ops.kinds(tables text[]) RETURNS TABLE (tab text, kind text, ddl text) LANGUAGE sql AS $$
    SELECT t.tab::text, k.kind, k.ddl FROM unnest(tables) n, LATERAL (SELECT ('swipesavvy.' || n)::regclass) t (tab), LATERAL (
        SELECT x.* FROM ops.indexes i, ops.index_kinds(i) x WHERE i.tab = t.tab
        UNION ALL SELECT x.* FROM ops.condition_kinds(t.tab) x
        UNION ALL SELECT x.* FROM pg_attribute a, ops.column_kinds(t.tab, a) x WHERE a.attrelid = t.tab AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT x.* FROM pg_attribute a, ops.table_kinds(t.tab, a.attname, 'swipesavvy_owner') x WHERE a.attrelid = t.tab AND a.attnum = 1) k (kind, ddl) $$;

-- those that wait for whoever uses the table, and can only be tried beside a load
CREATE FUNCTION ops.concurrent_kinds(tables text[]) RETURNS TABLE (tab text, kind text, ddl text) LANGUAGE sql AS $$
    SELECT i.tab::text, k.kind || ' ' || i.name, k.ddl FROM unnest(tables) n, ops.indexes i, LATERAL (VALUES
        ('reindex concurrently', format('REINDEX INDEX CONCURRENTLY %I.%I', i.schema, i.name)),
        ('drop concurrently', CASE WHEN i.con IS NULL THEN format('DROP INDEX CONCURRENTLY %I.%I', i.schema, i.name) END),
        ('create concurrently', format('CREATE INDEX CONCURRENTLY operators_index ON %s (%s)', i.tab, array_to_string(i.keys[1:1], ', '))),
        ('create unique concurrently', format('CREATE UNIQUE INDEX CONCURRENTLY operators_index ON %s (%s)', i.tab, array_to_string(i.keys[1:1], ', ')))) k (kind, ddl)
     WHERE i.tab = ('swipesavvy.' || n)::regclass AND i.def !~ 'gin' AND k.ddl IS NOT NULL $$;

-- what a load loads: three chunks, by their size, of which the second needs the account of another user
CREATE TABLE ops.load AS SELECT CASE WHEN n BETWEEN 7 AND 12 THEN ops.two() ELSE ops.one() END AS user_id, ops.shop() AS merchant_id, 1000 AS amount_minor,
        '2026-03-03 00:00+00'::timestamptz + n * interval '1 minute' AS occurred_at, jsonb_build_object('n', n, 'x', repeat('x', 3000)) AS metadata FROM generate_series(1, 18) n;

-- --- what is done then ------------------------------------------------------------------------------------------------

-- one call as a text without what each run makes anew; or its error
CREATE FUNCTION ops.answer(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r text;
    what text;
BEGIN
    EXECUTE 'SELECT (' || call || ')::text' INTO r;
    RETURN regexp_replace(r, '"(transaction_id|entry_id|analysis_date|recorded_at|request_id|created_at|updated_at|after|log_id|time|timestamp|cursor|next)": ("[^"]*"|null)(, )?', '', 'g');
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS what = MESSAGE_TEXT;
    RETURN SQLSTATE || ' ' || what;
END $$;

-- one statement of purchases: how many, or its error
CREATE FUNCTION ops.insert(id uuid, n integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
    what text;
BEGIN
    INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) SELECT id, ops.shop(), 1000, '2026-03-02' FROM generate_series(1, n);
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS what = MESSAGE_TEXT;
    RETURN SQLSTATE || ' ' || what;
END $$;

-- what is stored, by whatever name it goes now, without ids and times of the run
CREATE FUNCTION ops.stored() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t regclass;
    part text;
    result text := '';
BEGIN
    FOREACH t IN ARRAY ARRAY(SELECT oid FROM ops.tables WHERE earned) LOOP
        EXECUTE format('SELECT count(*) || '' '' || md5(coalesce(string_agg(r, ''|'' ORDER BY r COLLATE "C"), '''')) FROM (SELECT (to_jsonb(t) - ''{transaction_id,entry_id,recorded_at,decision,lot_at,tier_until,operators_column}''::text[])::text AS r FROM ONLY %s t) s', t) INTO part;
        result := result || t::text || ' ' || part || E'\n';
    END LOOP;
    RETURN result;
END $$;

-- what is wrong now: unsound ledgers, rows that cannot be read or break a valid condition, indexes without their rows
CREATE FUNCTION ops.faults() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c record;
    n bigint;
    result text := '';
BEGIN
    FOR c IN SELECT conrelid::regclass AS tab, conname, pg_get_expr(conbin, conrelid) AS condition FROM pg_constraint JOIN ops.tables t ON t.oid = conrelid WHERE contype = 'c' AND convalidated LOOP
        EXECUTE format('SELECT count(*) FROM ONLY %s WHERE NOT (%s)', c.tab, c.condition) INTO n;
        IF n > 0 THEN result := result || format('%s rows break %s; ', n, c.conname); END IF;
    END LOOP;
    FOR c IN SELECT attrelid::regclass AS tab, attname FROM pg_attribute JOIN ops.tables t ON t.oid = attrelid WHERE attnotnull AND attnum > 0 AND NOT attisdropped LOOP
        EXECUTE format('SELECT count(*) FROM ONLY %s WHERE %I IS NULL', c.tab, c.attname) INTO n;
        IF n > 0 THEN result := result || format('%s rows have no %s; ', n, c.attname); END IF;
    END LOOP;
    FOR c IN SELECT indexrelid::regclass AS index FROM pg_index JOIN ops.tables t ON t.oid = indrelid JOIN pg_class i ON i.oid = indexrelid JOIN pg_am a ON a.oid = i.relam
              WHERE a.amname = 'btree' AND indisvalid LOOP
        BEGIN
            PERFORM public.bt_index_check(c.index, true);
        EXCEPTION WHEN insufficient_privilege THEN NULL; -- another owner may not run the function of an expression
        END;
    END LOOP;
    RETURN result;
EXCEPTION WHEN others THEN
    RETURN result || SQLSTATE || ' ' || SQLERRM;
END $$;

-- the figures that must fit, from the tables themselves: what was acknowledged is there, points are those of the ledger
CREATE FUNCTION ops.sound(acknowledged bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text := '';
    r record;
    check_answer text := ops.answer('swipesavvy.verify_ledger() -> ''mismatches''');
BEGIN
    IF check_answer !~ '^(0|42P01|42703|42501|42883|55000|42809|42804|22P02|21000|42846|42725|0A000|42P13|42601)'
        -- rows that row security hides are missing to the library
        AND NOT EXISTS (SELECT FROM pg_class c JOIN ops.tables t ON t.oid = c.oid WHERE c.relrowsecurity AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
    THEN result := result || 'mismatches ' || check_answer || '; '; END IF;
    SELECT t.n, t.points = e.points AS entered, a.points = e.points AS held, a.n = t.n AS counted INTO r FROM
        (SELECT count(*) AS n, sum(points_base + points_bonus) AS points FROM swipesavvy.transactions) t,
        (SELECT sum(points) AS points FROM swipesavvy.points_entries WHERE kind::text IN ('earn', 'bonus')) e,
        (SELECT sum(points_available) - (SELECT coalesce(sum(points), 0) FROM swipesavvy.points_entries WHERE kind::text = 'adjust') AS points, sum(transaction_count) AS n FROM swipesavvy.reward_accounts) a;
    IF r.n <> acknowledged THEN result := result || format('%s purchases of %s; ', r.n, acknowledged); END IF;
    IF NOT (r.entered AND r.held AND r.counted) THEN result := result || format('entered %s, held %s, counted %s; ', r.entered, r.held, r.counted); END IF;
    RETURN result;
EXCEPTION WHEN undefined_column OR undefined_table OR undefined_function OR insufficient_privilege THEN
    RETURN result; -- of a column or table that the DDL took away: nothing was recorded since
END $$;

-- the calls by one way
CREATE FUNCTION ops.calls(direct text, OUT answers text, OUT acknowledged bigint) LANGUAGE plpgsql AS $$
DECLARE
    a text;
    call text;
BEGIN
    PERFORM set_config('swipesavvy.direct_tables', direct, true);
    acknowledged := 0;
    answers := '';
    FOREACH call IN ARRAY ARRAY[
        $c$swipesavvy.record_transaction(ops.one(), 10, merchant_id => ops.shop(), account_id => ops.card(), occurred_at => '2026-03-01', idempotency_key => 'new', metadata => '{"a": 1}')$c$,
        $c$swipesavvy.record_transaction(ops.one(), 20)$c$,
        $c$swipesavvy.record_transaction(ops.two(), 30, transaction_id => '00000000-0000-7000-8000-0000a3000040')$c$] LOOP
        a := ops.answer(call);
        answers := answers || a || E'\n';
        acknowledged := acknowledged + (a ~ '^\{')::integer;
    END LOOP;
    answers := answers || ops.answer($c$swipesavvy.record_transaction(ops.one(), 10, merchant_id => ops.shop(), account_id => ops.card(), idempotency_key => 'known', occurred_at => '2026-03-01') -> 'replayed'$c$) || E'\n';
    a := ops.insert(ops.one(), 3);
    answers := answers || a || E'\n';
    acknowledged := acknowledged + CASE WHEN a ~ '^\d$' THEN a::bigint ELSE 0 END;
    FOREACH call IN ARRAY ARRAY[
        $c$swipesavvy.record_transaction(ops.one(), 10, transaction_id => '00000000-0000-7000-8000-0000a3000040')$c$,
        $c$swipesavvy.get_user_transactions(ops.one())$c$, $c$swipesavvy.get_user_rewards(ops.one())$c$, $c$swipesavvy.get_user_spending_analytics(ops.one())$c$,
        $c$swipesavvy.get_user_profile(ops.one())$c$, $c$swipesavvy.list_campaigns()$c$, $c$swipesavvy.create_user('three@operators.test', 'Three', user_id => '00000000-0000-7000-8000-0000a3000003') -> 'email'$c$,
        $c$swipesavvy.get_audit_logs(page_size => 2) -> 'total'$c$, $c$swipesavvy.adjust_points(ops.two(), 3, 'More')$c$] LOOP
        a := ops.answer(call);
        answers := answers || a || E'\n';
        acknowledged := acknowledged + (call ~ 'record_transaction' AND a ~ '^\{')::integer; -- with the id of one that was refused
    END LOOP;
END $$;

-- one kind between calls: both ways from the same state, and the DDL is undone
CREATE FUNCTION ops.try(ddl text, OUT applied boolean, OUT fault text, OUT answers text) LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT count(*) FROM swipesavvy.transactions);
    c record;
    by_way text[];
    stored text[];
    found text;
    way text;
BEGIN
    applied := false;
    fault := '';
    BEGIN
        EXECUTE ddl;
        applied := true;
        FOREACH way IN ARRAY ARRAY['on', 'off'] LOOP
            BEGIN
                SELECT * INTO c FROM ops.calls(way);
                by_way := by_way || c.answers;
                found := ops.sound(before + c.acknowledged) || ops.faults();
                stored := stored || ops.stored();
                IF found <> '' THEN fault := fault || way || ': ' || found; END IF;
                RAISE 'undone' USING ERRCODE = 'ZZ001';
            EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
            END;
        END LOOP;
        answers := by_way[1];
        -- a query names more than is looked up: what is gone may only be missed by one of them when a user reads
        found := (SELECT string_agg(left(a, 300) || ' <> ' || left(b, 300), '; ') FROM unnest(string_to_array(by_way[1], E'\n'), string_to_array(by_way[2], E'\n')) WITH ORDINALITY u (a, b, n)
                   WHERE a <> b AND (n <= 6 OR n > 11 OR NOT (a ~ '^(42|55)' OR b ~ '^(42|55)')));
        IF found <> '' THEN
            fault := fault || 'ways differ: ' || found;
        ELSIF stored[1] <> stored[2] THEN
            fault := fault || 'rows differ: ' || (SELECT string_agg(left(a, 300) || ' <> ' || left(b, 300), '; ') FROM unnest(string_to_array(stored[1], E'\n'), string_to_array(stored[2], E'\n')) u (a, b) WHERE a <> b);
        END IF;
        IF by_way[1] || by_way[2] ~ '(^|\n)XX' THEN fault := fault || 'internal error'; END IF;
        RAISE 'undone' USING ERRCODE = 'ZZ002';
    EXCEPTION WHEN SQLSTATE 'ZZ002' THEN NULL;
        WHEN others THEN
            IF applied THEN fault := fault || 'failed: ' || SQLSTATE || ' ' || SQLERRM; ELSE answers := SQLSTATE || ' ' || SQLERRM; END IF;
    END;
END $$;
