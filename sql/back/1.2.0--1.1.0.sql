-- From 1.2.0 back to 1.1.0. What 1.2.0 added goes: its tables only if they have no rows but those they were made with, or if
-- swipesavvy.allow_drop is on; settings of 1.2.0 with their values in any case. All rows of 1.1.0 stay. doc/upgrading.md tells more.

DO $$
DECLARE
    -- read first: the function that has them goes, too
    steps CONSTANT jsonb := swipesavvy.way_back();
    step jsonb;
    fingerprint text;
    many bigint;
    filled text[] := '{}';
BEGIN
    -- what the tables that go refer to, in the order in which purchases lock it: in another one they might wait for one another
    LOCK TABLE swipesavvy.campaigns, swipesavvy.users, swipesavvy.merchants IN ACCESS EXCLUSIVE MODE;
    FOR step IN SELECT s FROM jsonb_array_elements(steps) s WHERE s ->> 'tab' IS NOT NULL LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', step ->> 'tab');
        EXECUTE format('SELECT count(*) FROM ONLY %s', step ->> 'tab') INTO many;
        IF many > 0 AND step ->> 'as_made' IS NOT NULL THEN
            EXECUTE format('SELECT md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM ONLY %s t', step ->> 'tab') INTO fingerprint;
        END IF;
        IF many > 0 AND coalesce(fingerprint <> step ->> 'as_made', true) THEN
            filled := filled || format('%s (%s)', step ->> 'tab', many);
        END IF;
        fingerprint := NULL;
    END LOOP;
    IF filled <> '{}' AND NOT coalesce(current_setting('swipesavvy.allow_drop', true), 'off')::boolean THEN
        RAISE EXCEPTION 'tables that 1.1.0 does not have hold rows'
            USING ERRCODE = 'PT400', DETAIL = format('They would be lost: %s.', array_to_string(filled, ', ')),
                  HINT = 'Set swipesavvy.allow_drop to on to lose them.';
    END IF;
    FOR step IN SELECT s FROM jsonb_array_elements(steps) WITH ORDINALITY w (s, n) ORDER BY n LOOP
        EXECUTE step ->> 'statement';
    END LOOP;
END
$$;
