-- before: what the catalogue has before this step. base/way_back.sql, with which the step ends, compares it with what there is then.

CREATE FUNCTION swipesavvy.step_catalogue() RETURNS TABLE (no oid, kind text, name text, part_of text, made text, comment text, grants text[])
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH members AS (
        SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
         WHERE e.extname = 'swipesavvy' AND d.deptype = 'e'),
    relations AS (
        SELECT c.*, c.oid::regclass::text AS name FROM pg_class c JOIN members m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
         WHERE c.relpersistence <> 't'),
    objects AS (
        SELECT p.oid AS no, 'ROUTINE' AS kind, p.oid::regprocedure::text AS name, NULL AS part_of, pg_get_functiondef(p.oid) AS made,
               obj_description(p.oid, 'pg_proc') AS comment, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl, p.proowner AS owner
          FROM pg_proc p JOIN members m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
        UNION ALL
        SELECT r.oid, CASE r.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, r.name, NULL,
               CASE r.relkind WHEN 'v' THEN format('CREATE VIEW %s AS %s', r.name, pg_get_viewdef(r.oid)) END,
               obj_description(r.oid, 'pg_class'), coalesce(r.relacl, acldefault(CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", r.relowner)), r.relowner
          FROM relations r
        UNION ALL
        SELECT t.oid, 'TRIGGER', format('%I ON %s', t.tgname, r.name), r.name,
               concat_ws('; ', pg_get_triggerdef(t.oid),
                   CASE t.tgenabled WHEN 'A' THEN format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', r.name, t.tgname) WHEN 'R' THEN format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', r.name, t.tgname)
                                    WHEN 'D' THEN format('ALTER TABLE %s DISABLE TRIGGER %I', r.name, t.tgname) END), NULL, NULL, NULL
          FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
        UNION ALL
        SELECT i.indexrelid, 'INDEX', i.indexrelid::regclass::text, r.name, pg_get_indexdef(i.indexrelid), NULL, NULL, NULL
          FROM pg_index i JOIN relations r ON r.oid = i.indrelid WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid)
        UNION ALL
        SELECT k.oid, 'CONSTRAINT', format('%s %I', r.name, k.conname), r.name, format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.name, k.conname, pg_get_constraintdef(k.oid)), NULL, NULL, NULL
          FROM pg_constraint k JOIN relations r ON r.oid = k.conrelid WHERE k.contype NOT IN ('t', 'n') -- columns say whether they are null
        UNION ALL
        SELECT r.oid, 'COLUMN', format('%s %I', r.name, a.attname), r.name, format('%s %s', format_type(a.atttypid, a.atttypmod), a.attnotnull), col_description(r.oid, a.attnum), NULL, NULL
          FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid WHERE r.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT m.objid, upper(i.type), i.identity, NULL, NULL, obj_description(m.objid, m.classid::regclass::name), NULL, NULL
          FROM members m CROSS JOIN pg_identify_object(m.classid, m.objid, 0) i WHERE m.classid IN ('pg_opclass'::regclass, 'pg_opfamily'::regclass)
        UNION ALL
        SELECT t.oid, 'DOMAIN', t.oid::regtype::text, NULL, NULL, obj_description(t.oid, 'pg_type'), NULL, NULL
          FROM pg_type t JOIN members m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid WHERE t.typtype = 'd'
        UNION ALL
        SELECT m.objid, 'other', pg_describe_object(m.classid, m.objid, 0), NULL, NULL, NULL, NULL, NULL
          FROM members m WHERE m.classid NOT IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass)
           -- types of rows and their arrays, which are members from PostgreSQL 17 on, go with their tables
           AND NOT EXISTS (SELECT FROM pg_depend i WHERE m.classid = 'pg_type'::regclass AND i.classid = m.classid AND i.objid = m.objid AND i.deptype = 'i')
           AND NOT EXISTS (SELECT FROM pg_type t WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid AND t.typtype = 'd')
        UNION ALL
        SELECT 0, 'SETTING', quote_literal(s.setting), NULL, NULL, NULL, NULL, NULL FROM swipesavvy.system_settings s)
    SELECT o.no, o.kind, o.name, o.part_of, o.made, o.comment,
           ARRAY(SELECT format('GRANT %s ON %s %s TO %s', a.privilege_type, CASE o.kind WHEN 'VIEW' THEN 'TABLE' ELSE o.kind END, o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
                   FROM aclexplode(o.acl) WITH ORDINALITY a (grantor, grantee, privilege_type, is_grantable, n) WHERE a.grantee <> o.owner ORDER BY a.n)
      FROM objects o
$$;
CREATE TEMPORARY TABLE step_before AS SELECT * FROM swipesavvy.step_catalogue();
