-- The result of the test, and its picture: a line for each measure, the interval and in it the effect.
CREATE FUNCTION demo.line(low numeric, effect numeric, high numeric, ends numeric, plain boolean) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN (SELECT string_agg(CASE WHEN place = at_effect THEN CASE WHEN plain THEN 'o' ELSE '●' END
                                   WHEN place BETWEEN at_low AND at_high THEN CASE WHEN plain THEN '=' ELSE '━' END
                                   WHEN place = 0 THEN CASE WHEN plain THEN '|' ELSE '│' END ELSE ' ' END, '' ORDER BY place)
            FROM generate_series(-24, 24) AS place,
                 (SELECT round(24 * low / ends), round(24 * effect / ends), round(24 * high / ends)) AS t(at_low, at_effect, at_high));

CREATE VIEW demo.ab_groups AS
SELECT g.* FROM demo.ab_result, jsonb_to_recordset(r->'groups')
    AS g("group" int, name text, campaign_id text, users numeric, conversions numeric, buyers numeric, revenue numeric, cost numeric);
CREATE VIEW demo.ab_comparisons AS
SELECT CASE name WHEN 'hold_out' THEN 'nothing' ELSE 'five off' END || ': ' || CASE metric WHEN 'conversion' THEN 'who redeemed it' ELSE metric END AS what,
       place, is_significant, improvement_percentage AS effect, confidence_interval[1] AS low, confidence_interval[2] AS high
FROM demo.ab_result, ROWS FROM (jsonb_to_recordset(r->'comparisons') AS (name text, metric text, is_significant boolean, error text,
         improvement_percentage numeric, confidence_interval numeric[])) WITH ORDINALITY AS c(name, metric, is_significant, error, improvement_percentage, confidence_interval, place)
WHERE error IS NULL;

\echo
\echo 'Two offers tested on the purchases of October to December 1997: a tenth off from 20.00, or five off from 30.00'
\echo
SELECT format('  %-28s %9s %9s %15s %9s %14s %12s', 'offer', 'users', 'bought', 'redeemed it', '', 'revenue', 'it cost');
SELECT format('  %-28s %9s %9s %15s %9s %14s %12s', CASE name WHEN 'control' THEN 'a tenth off (the control)' WHEN 'hold_out' THEN 'nothing (held out)' ELSE 'five off' END,
              demo.number(users), demo.number(buyers), coalesce(demo.number(conversions), '-'),
              coalesce(to_char(100 * conversions / users, 'FM990.00') || ' %', ''), demo.money(100 * revenue), coalesce(demo.money(100 * cost), '-'))
FROM demo.ab_groups ORDER BY "group";
\echo
SELECT format('  %-28s %9s   %-49s', 'against a tenth off', 'percent', format('%s%21s%26s', -ends, 0, '+' || ends))
FROM (SELECT min(step) AS ends FROM unnest('{1,2,5,10,20,50,100,200,500,1000}'::int[]) AS step
      WHERE step >= (SELECT max(greatest(abs(low), abs(high))) FROM demo.ab_comparisons)) AS d;
SELECT rtrim(format('  %-28s %9s   %s  %s', what, to_char(effect, 'S990.00'), demo.line(low, effect, high, ends, :'full' = '#'), CASE WHEN is_significant THEN 'significant' ELSE '' END))
FROM demo.ab_comparisons, (SELECT min(step) AS ends FROM unnest('{1,2,5,10,20,50,100,200,500,1000}'::int[]) AS step
      WHERE step >= (SELECT max(greatest(abs(low), abs(high))) FROM demo.ab_comparisons)) AS d ORDER BY place;
\echo
SELECT format('  %s: %s', r->>'recommendation', r->>'reason') FROM demo.ab_result;
\echo '  (The purchases were made long before the offers: nobody buys more or less for them. Who qualifies differs, and what it costs.)'
