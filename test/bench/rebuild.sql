-- What compiling the rules takes (ms) and holds (bytes), a line each: first in a new session, then after changes.
\pset fieldsep ' '
SELECT s->>'last_build_ms', s->>'bytes' FROM swipesavvy.rule_cache_status() AS s;
SELECT $$UPDATE swipesavvy.campaigns SET priority = priority WHERE campaign_no = 1;
SELECT s->>'last_build_ms', s->>'bytes' FROM swipesavvy.rule_cache_status() AS s$$ FROM generate_series(1, 21) \gexec
