-- types: the words of the ledger, and small functions that columns, indexes and queries need.

CREATE TYPE swipesavvy.purchase_status AS ENUM ('pending', 'completed', 'failed', 'cancelled');
COMMENT ON TYPE swipesavvy.purchase_status IS 'State of a purchase; only pending and completed ones earn.';

CREATE TYPE swipesavvy.entry_kind AS ENUM
    ('earn', 'bonus', 'settle', 'decline', 'refund', 'redeem', 'donate', 'return', 'expire', 'adjust', 'referral');
COMMENT ON TYPE swipesavvy.entry_kind IS 'What a ledger entry is for.';

CREATE TYPE swipesavvy.ledger_account AS ENUM ('available', 'pending', 'issuance', 'redemption', 'donation', 'expiry');
COMMENT ON TYPE swipesavvy.ledger_account IS
    'Accounts of the ledger: available and pending are the user''s of the entry, the others the programme''s.';

CREATE FUNCTION swipesavvy.uuid_v7() RETURNS uuid
    LANGUAGE C VOLATILE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_uuid_v7';
COMMENT ON FUNCTION swipesavvy.uuid_v7() IS 'A new UUID version 7; those made by one session ascend.';

CREATE FUNCTION swipesavvy.minor_to_major(amount bigint, minor_unit integer) RETURNS numeric
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_minor_to_major';
COMMENT ON FUNCTION swipesavvy.minor_to_major(bigint, integer) IS
    'An amount in minor units as a decimal number with minor_unit places.';

CREATE FUNCTION swipesavvy.email_key(email text) RETURNS bytea
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_email_key';
COMMENT ON FUNCTION swipesavvy.email_key(text) IS
    'What addresses are compared by: blanks around them, case and composition of letters do not count, whatever the locale. UTF-8.';

CREATE FUNCTION swipesavvy.search_key(value text) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_search_key';
COMMENT ON FUNCTION swipesavvy.search_key(text) IS
    'What texts are searched by: accents, case and forms of letters do not count, whatever the locale.';

CREATE FUNCTION swipesavvy.refuse_change() RETURNS trigger
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'swipesavvy_refuse_change';
COMMENT ON FUNCTION swipesavvy.refuse_change() IS 'Trigger of append-only tables: refuses UPDATE, DELETE and TRUNCATE.';
