-- tiers: what lifetime points make of a user.

CREATE TABLE swipesavvy.tiers (
    tier text COLLATE "C" NOT NULL,
    threshold bigint NOT NULL,
    multiplier_milli integer NOT NULL,
    benefits jsonb NOT NULL DEFAULT '[]',
    is_active boolean NOT NULL DEFAULT true,
    is_seed boolean NOT NULL DEFAULT false,
    CONSTRAINT tiers_pkey PRIMARY KEY (tier),
    CONSTRAINT a_threshold_is_used_once EXCLUDE USING btree (threshold WITH =) WHERE (is_active) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT a_threshold_is_not_negative CHECK (threshold >= 0),
    CONSTRAINT a_tier_multiplier_is_at_most_1000 CHECK (multiplier_milli BETWEEN 0 AND 1000000),
    CONSTRAINT tier_benefits_are_a_list CHECK (jsonb_typeof(benefits) = 'array')
);
COMMENT ON TABLE swipesavvy.tiers IS 'Tiers by the lifetime points they need; change them with update_tiers().';
COMMENT ON COLUMN swipesavvy.tiers.threshold IS 'Lifetime points from which a user has the tier; one active tier has 0.';
COMMENT ON COLUMN swipesavvy.tiers.multiplier_milli IS 'What base points are multiplied with, in thousandths.';
COMMENT ON COLUMN swipesavvy.tiers.benefits IS 'What the tier gives besides its multiplier, in words.';
COMMENT ON COLUMN swipesavvy.tiers.is_active IS 'False: no longer one of the tiers (a seeded row is switched off, not deleted).';
COMMENT ON COLUMN swipesavvy.tiers.is_seed IS
    'Came with the extension; a row of a dump takes its place when it is restored.';

INSERT INTO swipesavvy.tiers (tier, threshold, multiplier_milli, benefits, is_seed) VALUES
    ('bronze', 0, 1000, '[]', true),
    ('silver', 2000, 1250, '[]', true),
    ('gold', 5000, 1500, '[]', true),
    ('platinum', 10000, 2000, '[]', true);

CREATE FUNCTION swipesavvy.restore_tiers() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE swipesavvy.tiers t
       SET threshold = NEW.threshold, multiplier_milli = NEW.multiplier_milli, benefits = NEW.benefits, is_active = NEW.is_active,
           is_seed = NEW.is_seed
     WHERE t.tier = NEW.tier AND t.is_seed;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION swipesavvy.restore_tiers() IS 'Trigger: a restored row takes the place of the seeded one.';

CREATE TRIGGER restore_over_seed BEFORE INSERT ON swipesavvy.tiers
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.restore_tiers();

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.tiers', '');

CREATE FUNCTION swipesavvy.list_tiers() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_tiers';
COMMENT ON FUNCTION swipesavvy.list_tiers() IS
    'The tiers by the lifetime points they need.';

CREATE FUNCTION swipesavvy.update_tiers(tiers jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_tiers';
COMMENT ON FUNCTION swipesavvy.update_tiers(jsonb) IS
    'Takes the whole list of tiers, [{"tier", "threshold", "multiplier", "benefits"}]; those not in it are switched off. '
    'One has threshold 0. Benefits left out stay as they are.';

CREATE FUNCTION swipesavvy.refresh_tiers(as_of timestamptz DEFAULT now(), page_size integer DEFAULT 10000) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_tiers';
COMMENT ON FUNCTION swipesavvy.refresh_tiers(timestamptz, integer) IS
    'Writes down the tiers of users whose time to keep a higher one is over, at most so many; more tells whether to call it again.';
