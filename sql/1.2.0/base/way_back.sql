-- way_back: what takes this step back, worked out from the catalogue before and after it: nothing of it is written by hand. The step
-- back (sql/back) runs it. Whatever the step did to an object of an earlier release, of a kind that is not known here, fails the step.

DO $$
DECLARE
    statements jsonb := '[]';
    o record;
    fingerprint text;
BEGIN
    FOR o IN
        SELECT coalesce(b.kind, a.kind) AS kind, coalesce(b.name, a.name) AS name, b.name IS NULL AS is_new, a.name IS NULL AS is_gone,
               b.made, b.made IS DISTINCT FROM a.made AS other, b.comment, b.comment IS DISTINCT FROM a.comment AS other_comment,
               b.grants, b.grants IS DISTINCT FROM a.grants AS other_grants, a.grants AS new_grants
          FROM pg_temp.step_before b FULL JOIN swipesavvy.step_catalogue() a USING (kind, name)
         WHERE (b.kind, b.name, b.made, b.comment, b.grants) IS DISTINCT FROM (a.kind, a.name, a.made, a.comment, a.grants)
           AND coalesce(b.name, a.name) NOT IN ('swipesavvy.step_catalogue()', 'pg_temp.step_before')
           -- what is part of a new table goes with it; but its triggers go before their functions, which may be younger than the table
           AND NOT (b.name IS NULL AND a.kind <> 'TRIGGER' AND a.part_of IS NOT NULL AND a.part_of NOT IN (SELECT t.name FROM pg_temp.step_before t WHERE t.kind = 'TABLE'))
         -- what is new goes first, the last one made before what it was made of
         ORDER BY b.name IS NULL DESC, a.no DESC, coalesce(b.kind, a.kind), coalesce(b.name, a.name)
    LOOP
        IF o.kind IN ('ROUTINE', 'VIEW', 'TABLE', 'SEQUENCE', 'OPERATOR CLASS', 'OPERATOR FAMILY', 'DOMAIN') THEN
            IF o.is_new OR (o.kind = 'VIEW' AND o.other AND NOT o.is_gone) THEN
                fingerprint := NULL;
                IF o.kind = 'TABLE' THEN
                    EXECUTE format('SELECT md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM ONLY %s t', o.name) INTO fingerprint;
                END IF;
                statements := statements || jsonb_build_object('tab', CASE o.kind WHEN 'TABLE' THEN o.name END, 'as_made', fingerprint, 'statement', format('ALTER EXTENSION swipesavvy DROP %s %s', o.kind, o.name))
                                         || jsonb_build_object('statement', format('DROP %s %s', o.kind, o.name));
            END IF;
            CONTINUE WHEN o.is_new;
            IF o.other THEN
                IF o.made IS NULL THEN
                    RAISE EXCEPTION 'there is no way back to %', o.name;
                END IF;
                statements := statements || jsonb_build_object('statement', o.made);
            END IF;
            IF o.other_comment OR o.is_gone OR o.kind = 'VIEW' THEN
                statements := statements || jsonb_build_object('statement', format('COMMENT ON %s %s IS %L', o.kind, o.name, o.comment));
            END IF;
            IF o.other_grants OR o.is_gone OR o.kind = 'VIEW' THEN
                statements := statements || coalesce((SELECT jsonb_agg(jsonb_build_object('statement', g)) FROM (
                    SELECT replace(replace(n, 'GRANT ', 'REVOKE '), ' TO ', ' FROM ') AS g FROM unnest(CASE WHEN o.is_gone THEN ARRAY[format('GRANT ALL ON %s %s TO PUBLIC', CASE o.kind WHEN 'VIEW' THEN 'TABLE' ELSE o.kind END, o.name)] ELSE o.new_grants END) n
                     UNION ALL SELECT unnest(o.grants)) v), '[]');
            END IF;
        ELSIF o.kind IN ('TRIGGER', 'INDEX', 'CONSTRAINT') OR (o.kind = 'COLUMN' AND o.is_new) THEN
            IF NOT o.is_gone THEN
                statements := statements || jsonb_build_object('statement', CASE o.kind
                    WHEN 'TRIGGER' THEN format('DROP TRIGGER %s', o.name) WHEN 'INDEX' THEN format('DROP INDEX %s', o.name)
                    ELSE regexp_replace(format('ALTER TABLE %s', o.name), ' ("(?:[^"]|"")*"|\S+)$', format(' DROP %s \1', o.kind)) END);
            END IF;
            IF NOT o.is_new THEN
                statements := statements || jsonb_build_object('statement', o.made);
            END IF;
        ELSIF o.kind = 'SETTING' AND o.is_new THEN
            statements := statements || jsonb_build_object('statement', format('DELETE FROM swipesavvy.system_settings WHERE setting = %s', o.name));
        ELSE
            RAISE EXCEPTION 'there is no way back from what this step does to % %', o.kind, o.name;
        END IF;
    END LOOP;
    DROP TABLE pg_temp.step_before;
    DROP FUNCTION swipesavvy.step_catalogue();
    statements := statements || '[{"statement": "ALTER EXTENSION swipesavvy DROP FUNCTION swipesavvy.way_back()"}, {"statement": "DROP FUNCTION swipesavvy.way_back()"}]';
    EXECUTE format('CREATE FUNCTION swipesavvy.way_back() RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS %L',
        format('SELECT %L::jsonb', statements));
END
$$;
CALL swipesavvy.grant_access(functions => '{}', triggers => ARRAY['way_back']);
COMMENT ON FUNCTION swipesavvy.way_back() IS
    'Part of the step back to the release before: its statements, each as an object; one that drops a table names it, with the checksum of the rows that it was made with.';
