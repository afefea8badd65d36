-- verify: the proof that balances, budgets and limits are what their entries make them.

CREATE FUNCTION swipesavvy.verify_ledger() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_verify_ledger';
COMMENT ON FUNCTION swipesavvy.verify_ledger() IS
    'Recomputes every balance, budget and limit from the ledger; mismatches is 0 on a sound one.';

CREATE TABLE swipesavvy.ledger_mismatches (
    user_id uuid NOT NULL,
    checks text[] NOT NULL,
    found_at timestamptz NOT NULL,
    checked_at timestamptz NOT NULL,
    CONSTRAINT ledger_mismatches_pkey PRIMARY KEY (user_id)
);
COMMENT ON TABLE swipesavvy.ledger_mismatches IS
    'Accounts that check_ledger() found wrong, until it finds them right. No foreign key: what is wrong may be that there is no such user.';
COMMENT ON COLUMN swipesavvy.ledger_mismatches.checks IS 'Which of the checks of verify_ledger() disagree.';

CREATE TABLE swipesavvy.ledger_check_days (
    day date NOT NULL,
    accounts bigint NOT NULL,
    mismatches bigint NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT ledger_check_days_pkey PRIMARY KEY (day)
);
COMMENT ON TABLE swipesavvy.ledger_check_days IS 'How many accounts check_ledger() looked at each day (UTC), and how many of these were wrong, for 400 days.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ledger_mismatches', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ledger_check_days', '');

CREATE FUNCTION swipesavvy.check_ledger(accounts integer DEFAULT 25) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_check_ledger';
COMMENT ON FUNCTION swipesavvy.check_ledger(integer) IS
    'Verifies some accounts at random, and again those that were found wrong; what it finds raises an alert.';
