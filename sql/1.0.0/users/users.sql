-- users: people, their credentials, and the cards, banks and wallets they have linked.

CREATE TABLE swipesavvy.users (
    user_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    email text NOT NULL,
    name text NOT NULL,
    phone text,
    role text NOT NULL DEFAULT 'customer',
    status text NOT NULL DEFAULT 'active',
    status_reason text,
    preferred_language text NOT NULL DEFAULT 'en',
    notification_preferences jsonb NOT NULL DEFAULT '{"email": true, "sms": true, "push": true}',
    verification_status text NOT NULL DEFAULT 'unverified',
    referred_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz,
    erased_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT a_user_has_a_known_role CHECK (role IN ('customer', 'support', 'analytics', 'backend', 'admin')),
    CONSTRAINT a_user_has_a_known_status CHECK (status IN ('active', 'inactive', 'suspended')),
    CONSTRAINT a_user_has_a_known_verification_status CHECK (verification_status IN ('unverified', 'pending', 'verified')),
    CONSTRAINT an_email_has_one_at_sign CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 320),
    CONSTRAINT a_name_is_not_empty CHECK (name ~ '\S' AND length(name) <= 200),
    CONSTRAINT preferences_are_an_object CHECK (jsonb_typeof(notification_preferences) = 'object'),
    CONSTRAINT nobody_refers_themselves CHECK (referred_by <> user_id)
);
COMMENT ON TABLE swipesavvy.users IS 'People: customers and staff.';
COMMENT ON COLUMN swipesavvy.users.role IS 'The role that sign-in gives: customer, support, analytics, backend or admin.';
COMMENT ON COLUMN swipesavvy.users.status IS 'active, inactive or suspended; only an active user''s purchases are recorded.';
COMMENT ON COLUMN swipesavvy.users.status_reason IS 'What was said when the status was changed.';
COMMENT ON COLUMN swipesavvy.users.referred_by IS 'The user who brought this one; no foreign key, so that users can be distributed.';
COMMENT ON COLUMN swipesavvy.users.erased_at IS 'When the personal data were erased.';
-- An index and not a table of keys: one truth. Where users are distributed by user_id no index can keep this, and a table
-- user_emails (email_key, user_id), distributed by the key, is filled from here.
CREATE UNIQUE INDEX an_email_is_used_once ON swipesavvy.users (swipesavvy.email_key(email));
CREATE INDEX users_created_at ON swipesavvy.users (created_at, user_id);
CREATE INDEX users_status_role ON swipesavvy.users (status, role, created_at, user_id);
CREATE INDEX users_referred_by ON swipesavvy.users (referred_by) WHERE referred_by IS NOT NULL;

CREATE TABLE swipesavvy_private.user_credentials (
    user_id uuid NOT NULL,
    password_hash text NOT NULL,
    must_change boolean NOT NULL DEFAULT false,
    valid_until timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_credentials_pkey PRIMARY KEY (user_id),
    CONSTRAINT credentials_belong_to_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users ON DELETE CASCADE,
    CONSTRAINT a_password_is_stored_as_argon2id CHECK (password_hash LIKE '$argon2id$%'),
    CONSTRAINT only_a_temporary_password_runs_out CHECK (must_change OR valid_until IS NULL)
);
COMMENT ON TABLE swipesavvy_private.user_credentials IS 'Argon2id hashes of passwords; read by nobody but sign-in.';
COMMENT ON COLUMN swipesavvy_private.user_credentials.must_change IS 'The password is a temporary one.';
COMMENT ON COLUMN swipesavvy_private.user_credentials.valid_until IS 'When a temporary password runs out.';

CREATE TABLE swipesavvy.accounts (
    user_id uuid NOT NULL,
    account_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    type text NOT NULL,
    last_four text NOT NULL,
    card_type text,
    issuer text,
    bank_name text,
    account_type text,
    token text,
    expiry_month integer,
    expiry_year integer,
    is_default boolean NOT NULL DEFAULT false,
    is_verified boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    verified_at timestamptz,
    unlinked_at timestamptz,
    CONSTRAINT accounts_pkey PRIMARY KEY (user_id, account_id),
    CONSTRAINT an_account_belongs_to_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT an_account_is_a_card_bank_or_wallet CHECK (type IN ('card', 'bank', 'wallet')),
    CONSTRAINT only_the_last_four_digits_are_kept CHECK (last_four ~ '^[0-9]{4}$'),
    CONSTRAINT a_full_card_number_is_refused CHECK (
        regexp_replace(concat_ws('|', token, issuer, bank_name, card_type, account_type), '[ .-]', '', 'g') !~ '[0-9]{12,}'),
    CONSTRAINT an_expiry_is_a_month_of_a_year CHECK (
        (expiry_month IS NULL) = (expiry_year IS NULL) AND expiry_month BETWEEN 1 AND 12 AND expiry_year BETWEEN 1990 AND 2200),
    CONSTRAINT an_unlinked_account_is_no_default CHECK (NOT (is_default AND unlinked_at IS NOT NULL))
);
COMMENT ON TABLE swipesavvy.accounts IS 'Cards, bank accounts and wallets that users have linked.';
COMMENT ON COLUMN swipesavvy.accounts.token IS 'The payment provider''s token; never a card number.';
COMMENT ON COLUMN swipesavvy.accounts.unlinked_at IS 'When it was unlinked; the row stays for the purchases made with it.';
CREATE INDEX accounts_account_id ON swipesavvy.accounts (account_id);
CREATE UNIQUE INDEX a_user_has_one_default_account ON swipesavvy.accounts (user_id) WHERE is_default;

CREATE TABLE swipesavvy_private.referral_salts (
    salt bytea NOT NULL,
    CONSTRAINT referral_salts_pkey PRIMARY KEY (salt),
    CONSTRAINT a_salt_has_32_bytes CHECK (octet_length(salt) = 32)
);
COMMENT ON TABLE swipesavvy_private.referral_salts IS 'The salt of referred_emails, one row once there are any. Whoever knows it can try addresses.';
CREATE UNIQUE INDEX there_is_one_salt ON swipesavvy_private.referral_salts ((true));

CREATE TABLE swipesavvy_private.referred_emails (
    email_digest bytea NOT NULL,
    CONSTRAINT referred_emails_pkey PRIMARY KEY (email_digest),
    CONSTRAINT an_email_is_kept_as_a_salted_digest CHECK (octet_length(email_digest) = 32)
);
COMMENT ON TABLE swipesavvy_private.referred_emails IS
    'Addresses of users who were brought, whose bonus was paid, and who have another address now or were erased: each brings one bonus.';
COMMENT ON COLUMN swipesavvy_private.referred_emails.email_digest IS 'SHA-256 of the salt and the key of the address (email_key).';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.users', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy_private.user_credentials', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy_private.referral_salts', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy_private.referred_emails', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.accounts', '');

CREATE FUNCTION swipesavvy.current_user_id() RETURNS uuid
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_current_user_id';
COMMENT ON FUNCTION swipesavvy.current_user_id() IS 'The user that this session acts for; null for nobody.';

CREATE FUNCTION swipesavvy.create_user(
    email text,
    name text,
    password text DEFAULT NULL,
    phone text DEFAULT NULL,
    role text DEFAULT 'customer',
    preferred_language text DEFAULT 'en',
    notification_preferences jsonb DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    referred_by uuid DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_user';
COMMENT ON FUNCTION swipesavvy.create_user(text, text, text, text, text, text, jsonb, uuid, uuid) IS
    'Creates a user and returns the profile. Only an admin creates others than customers; e-mails are unique whatever their case.';

CREATE FUNCTION swipesavvy.update_user(user_id uuid, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_user';
COMMENT ON FUNCTION swipesavvy.update_user(uuid, jsonb) IS
    'Changes name, phone (null clears it), preferred_language and notification_preferences (merged); '
    'an admin also email and role. Returns the profile.';

CREATE FUNCTION swipesavvy.get_user_profile(user_id uuid) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_user_profile';
COMMENT ON FUNCTION swipesavvy.get_user_profile(uuid) IS
    'The profile of a user; lifetime_value is the net amount of completed purchases in the programme''s currency.';

CREATE FUNCTION swipesavvy.list_users(
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    status text DEFAULT NULL,
    role text DEFAULT NULL,
    search text DEFAULT NULL,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_list_users';
COMMENT ON FUNCTION swipesavvy.list_users(integer, integer, text, text, text, text) IS
    'Users, newest first; those of a status or role, or with a text anywhere in their name or e-mail.';

CREATE FUNCTION swipesavvy.deactivate_user(user_id uuid, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_deactivate_user';
COMMENT ON FUNCTION swipesavvy.deactivate_user(uuid, text) IS
    'Makes a user inactive: sessions end, sign-in and purchases are refused until reactivate_user().';

CREATE FUNCTION swipesavvy.suspend_user(user_id uuid, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_suspend_user';
COMMENT ON FUNCTION swipesavvy.suspend_user(uuid, text) IS
    'Suspends a user: sessions end, sign-in and purchases are refused until reactivate_user().';

CREATE FUNCTION swipesavvy.reactivate_user(user_id uuid, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_reactivate_user';
COMMENT ON FUNCTION swipesavvy.reactivate_user(uuid, text) IS
    'Makes an inactive or suspended user active again.';

CREATE FUNCTION swipesavvy.link_account(
    user_id uuid,
    type text,
    last_four text,
    issuer text DEFAULT NULL,
    card_type text DEFAULT NULL,
    bank_name text DEFAULT NULL,
    account_type text DEFAULT NULL,
    token text DEFAULT NULL,
    expiry_month integer DEFAULT NULL,
    expiry_year integer DEFAULT NULL,
    is_default boolean DEFAULT false
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_link_account';
COMMENT ON FUNCTION swipesavvy.link_account(uuid, text, text, text, text, text, text, text, integer, integer, boolean) IS
    'Links a card, bank account or wallet. Only the last four digits and a token are kept: a full card number is refused. '
    'A user''s first account becomes the default one.';

CREATE FUNCTION swipesavvy.get_user_accounts(user_id uuid) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_user_accounts';
COMMENT ON FUNCTION swipesavvy.get_user_accounts(uuid) IS
    'The linked accounts of a user, oldest first.';

CREATE FUNCTION swipesavvy.verify_account(account_id uuid, user_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_verify_account';
COMMENT ON FUNCTION swipesavvy.verify_account(uuid, uuid) IS
    'Marks a linked account as verified.';

CREATE FUNCTION swipesavvy.set_default_account(account_id uuid, user_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_default_account';
COMMENT ON FUNCTION swipesavvy.set_default_account(uuid, uuid) IS
    'Makes a linked account its user''s default one.';

CREATE FUNCTION swipesavvy.unlink_account(account_id uuid, user_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_unlink_account';
COMMENT ON FUNCTION swipesavvy.unlink_account(uuid, uuid) IS
    'Unlinks an account; the oldest of those left takes over as the default one. Purchases made with it stay.';
