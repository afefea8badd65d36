-- verify: the proof that balances, budgets and limits are what their entries make them.

CREATE FUNCTION swipesavvy.verify_ledger() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_verify_ledger';
COMMENT ON FUNCTION swipesavvy.verify_ledger() IS
    'Recomputes every balance, budget and limit from the ledger; mismatches is 0 on a sound one.';
