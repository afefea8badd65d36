-- readers: what a customer and a support agent see of a user.

CREATE FUNCTION swipesavvy.get_user_transactions(
    user_id uuid,
    "limit" integer DEFAULT 20,
    "offset" integer DEFAULT 0,
    start_date timestamptz DEFAULT NULL,
    end_date timestamptz DEFAULT NULL,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_user_transactions';
COMMENT ON FUNCTION swipesavvy.get_user_transactions(uuid, integer, integer, timestamptz, timestamptz, text) IS
    'The purchases of a user, newest first: those from start_date on and before end_date. after takes the next_cursor of the page before.';

CREATE FUNCTION swipesavvy.get_user_rewards(user_id uuid) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_user_rewards';
COMMENT ON FUNCTION swipesavvy.get_user_rewards(uuid) IS
    'Points, tier, active boosts and the ten newest entries of a user.';

CREATE FUNCTION swipesavvy.get_user_spending_analytics(
    user_id uuid,
    days integer DEFAULT 30,
    granularity text DEFAULT 'daily'
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_user_spending_analytics';
COMMENT ON FUNCTION swipesavvy.get_user_spending_analytics(uuid, integer, text) IS
    'What a user spent in the last days (1 to 365, today included), by category, merchant and day, week or month; completed purchases '
    'in the programme''s currency, net of refunds.';
