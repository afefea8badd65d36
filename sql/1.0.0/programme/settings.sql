-- settings: what an admin of the programme sets while it runs.

CREATE TABLE swipesavvy.system_settings (
    setting text COLLATE "C" NOT NULL,
    value jsonb NOT NULL,
    value_type text NOT NULL,
    minimum numeric,
    maximum numeric,
    nullable boolean NOT NULL DEFAULT false,
    description text NOT NULL,
    is_seed boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid,
    CONSTRAINT system_settings_pkey PRIMARY KEY (setting),
    CONSTRAINT a_setting_has_a_known_type
        CHECK (value_type IN ('bool', 'int', 'decimal', 'money', 'currency', 'timezone')),
    CONSTRAINT only_a_nullable_setting_is_null CHECK (nullable OR value <> 'null'::jsonb)
);
COMMENT ON TABLE swipesavvy.system_settings IS
    'Settings of the programme, one row each; change them with update_system_settings().';
COMMENT ON COLUMN swipesavvy.system_settings.value IS 'The value as JSON; money in major units of the setting "currency".';
COMMENT ON COLUMN swipesavvy.system_settings.value_type IS 'bool, int, decimal (at most three places), money, currency or timezone.';
COMMENT ON COLUMN swipesavvy.system_settings.is_seed IS
    'Came with the extension; a row of a dump takes its place when it is restored.';

INSERT INTO swipesavvy.system_settings (setting, value, value_type, minimum, maximum, nullable, description, is_seed) VALUES
    ('maintenance_mode', 'false', 'bool', NULL, NULL, false, 'Only admins may call', true),
    ('feature_flags_enabled', 'true', 'bool', NULL, NULL, false, 'Feature flags are evaluated', true),
    ('rate_limit_per_minute', 'null', 'int', 1, 1000000, true, 'Calls a user may make in a minute', true),
    ('cache_ttl_seconds', '300', 'int', 0, 31536000, false, 'Sent as Cache-Control on GET', true),
    ('log_retention_days', '90', 'int', 1, 36500, false, 'How long the audit log is kept', true),
    ('max_transaction_amount', 'null', 'money', 0, NULL, true, 'The largest purchase in the programme''s currency', true),
    ('daily_spending_limit', 'null', 'money', 0, NULL, true, 'What a user may spend in a calendar day', true),
    ('currency', '"USD"', 'currency', NULL, NULL, false, 'Currency of the programme', true),
    ('timezone', '"UTC"', 'timezone', NULL, NULL, false, 'Where calendar days begin', true),
    ('earn_rate', '1.000', 'decimal', 0, 1000, false, 'Points per major unit', true),
    ('point_value_minor', '1', 'int', 0, 1000000, false, 'What a point costs, in minor units of the campaign''s currency', true),
    ('points_expiry_months', '24', 'int', 0, 1200, false, 'Months after which points expire; 0 = never', true),
    ('pending_expiry_days', '30', 'int', 1, 3650, false, 'Days after which a pending purchase lapses', true),
    ('late_posting_days', '3', 'int', 0, 3650, false, 'Days after its end, or its last launch, that a campaign still takes late postings', true),
    ('referral_bonus_points', '0', 'int', 0, 2147483647, false, 'Points for both sides of a referral', true),
    ('refresh_grace_seconds', '10', 'int', 0, 60, false, 'How long a refresh token that was just used is good once more', true),
    ('token_lifetime_minutes', '15', 'int', 1, 1440, false, 'How long an access token is good for', true),
    ('session_lifetime_days', '30', 'int', 1, 365, false, 'How long after signing in a session can be refreshed', true);

CREATE FUNCTION swipesavvy.restore_system_settings() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE swipesavvy.system_settings s
       SET value = NEW.value, value_type = NEW.value_type, minimum = NEW.minimum, maximum = NEW.maximum, nullable = NEW.nullable,
           description = NEW.description, is_seed = NEW.is_seed, updated_at = NEW.updated_at, updated_by = NEW.updated_by
     WHERE s.setting = NEW.setting AND s.is_seed;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION swipesavvy.restore_system_settings() IS 'Trigger: a restored row takes the place of the seeded one.';

CREATE TRIGGER restore_over_seed BEFORE INSERT ON swipesavvy.system_settings
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.restore_system_settings();

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.system_settings', '');

CREATE UNLOGGED TABLE swipesavvy.rate_limits (
    user_id uuid NOT NULL,
    minute timestamptz NOT NULL,
    calls integer NOT NULL,
    CONSTRAINT rate_limits_pkey PRIMARY KEY (user_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE swipesavvy.rate_limits IS
    'Calls of users in their last minute, while rate_limit_per_minute is set and the library is not preloaded. Not part of a dump.';

CREATE FUNCTION swipesavvy.update_system_settings(settings jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_system_settings';
COMMENT ON FUNCTION swipesavvy.update_system_settings(jsonb) IS
    'Changes settings of the programme, all that are given or none, and returns all of them.';
