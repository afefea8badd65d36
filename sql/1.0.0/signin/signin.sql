-- signin: sessions, the keys of tokens, and the count of wrong passwords.

CREATE TABLE swipesavvy_private.token_keys (
    kid text COLLATE "C" NOT NULL,
    secret bytea NOT NULL,
    is_imported boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retires_at timestamptz,
    CONSTRAINT token_keys_pkey PRIMARY KEY (kid),
    CONSTRAINT a_key_id_is_short_and_plain CHECK (kid ~ '^[A-Za-z0-9._-]{1,64}$'),
    CONSTRAINT a_key_has_at_least_32_bytes CHECK (octet_length(secret) >= 32)
);
COMMENT ON TABLE swipesavvy_private.token_keys IS 'Keys that access tokens are signed with (HS256). A dump contains them.';
COMMENT ON COLUMN swipesavvy_private.token_keys.secret IS 'Whoever knows it can be anybody.';
COMMENT ON COLUMN swipesavvy_private.token_keys.is_imported IS 'Came by add_token_key(): a gateway knows it too.';
COMMENT ON COLUMN swipesavvy_private.token_keys.retires_at IS 'When its tokens are no longer good; null for the one key that signs.';
CREATE UNIQUE INDEX one_key_signs ON swipesavvy_private.token_keys ((true)) WHERE retires_at IS NULL;

CREATE TABLE swipesavvy_private.user_sessions (
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    family_hash bytea NOT NULL,
    token_hash bytea NOT NULL,
    rotation_key bytea NOT NULL,
    previous_hash bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    use_count integer NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_for text,
    user_agent text,
    ip_address text,
    CONSTRAINT user_sessions_pkey PRIMARY KEY (user_id, session_id),
    CONSTRAINT a_session_belongs_to_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users ON DELETE CASCADE,
    CONSTRAINT only_digests_of_tokens_are_kept CHECK (octet_length(family_hash) = 32 AND octet_length(token_hash) = 32
        AND octet_length(previous_hash) = 32),
    CONSTRAINT a_rotation_key_has_32_bytes CHECK (octet_length(rotation_key) = 32),
    CONSTRAINT a_session_ends_for_a_known_reason CHECK (
        (ended_at IS NULL) = (ended_for IS NULL) AND
        ended_for IN ('sign_out', 'reuse', 'password_change', 'password_reset', 'deactivation'))
);
COMMENT ON TABLE swipesavvy_private.user_sessions IS 'What refresh tokens stand for: a row for each sign-in.';
COMMENT ON COLUMN swipesavvy_private.user_sessions.family_hash IS 'SHA-256 of what all refresh tokens of the session share.';
COMMENT ON COLUMN swipesavvy_private.user_sessions.token_hash IS 'SHA-256 of what only the present refresh token has.';
COMMENT ON COLUMN swipesavvy_private.user_sessions.rotation_key IS
    'Makes the next refresh token of each one: the same, if that is used once more.';
COMMENT ON COLUMN swipesavvy_private.user_sessions.previous_hash IS
    'SHA-256 of the refresh token used at last_used_at, which is good once more for refresh_grace_seconds; null once that was done.';
COMMENT ON COLUMN swipesavvy_private.user_sessions.ended_for IS
    'sign_out, reuse (a refresh token was used twice), password_change, password_reset or deactivation.';
COMMENT ON COLUMN swipesavvy_private.user_sessions.ip_address IS 'What the gateway saw, when it said so at sign-in.';

CREATE TABLE swipesavvy_private.sign_in_failures (
    email_hash bytea NOT NULL,
    failures integer NOT NULL,
    last_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    locked_until timestamptz,
    CONSTRAINT sign_in_failures_pkey PRIMARY KEY (email_hash),
    CONSTRAINT an_email_is_kept_as_a_digest CHECK (octet_length(email_hash) = 32),
    CONSTRAINT failures_are_at_least_1 CHECK (failures >= 1)
);
COMMENT ON TABLE swipesavvy_private.sign_in_failures IS
    'Wrong passwords in a row, by e-mail address, whether somebody has it or not; gone after a day without.';
COMMENT ON COLUMN swipesavvy_private.sign_in_failures.email_hash IS 'SHA-256 of the key of the address (email_key).';
CREATE INDEX sign_in_failures_last_attempt_at ON swipesavvy_private.sign_in_failures (last_attempt_at);

SELECT pg_catalog.pg_extension_config_dump('swipesavvy_private.token_keys', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy_private.user_sessions', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy_private.sign_in_failures', '');

CREATE FUNCTION swipesavvy.sign_in(email text, password text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_sign_in';
COMMENT ON FUNCTION swipesavvy.sign_in(text, text) IS
    'Signs in: an access token and a refresh token, or an error document and HTTP status 401, the same for every cause.';

CREATE FUNCTION swipesavvy.refresh_session(refresh_token text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_session';
COMMENT ON FUNCTION swipesavvy.refresh_session(text) IS
    'New tokens for a refresh token, which is good for one use; a second use ends the session.';

CREATE FUNCTION swipesavvy.sign_out(refresh_token text DEFAULT NULL, everywhere boolean DEFAULT false) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_sign_out';
COMMENT ON FUNCTION swipesavvy.sign_out(text, boolean) IS
    'Ends the session of the refresh token or, without one, of the access token; everywhere: all sessions of the user.';

CREATE FUNCTION swipesavvy.change_password(old_password text, new_password text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_change_password';
COMMENT ON FUNCTION swipesavvy.change_password(text, text) IS
    'Changes the password of the user who is signed in, ends all sessions and returns the tokens of a new one.';

CREATE FUNCTION swipesavvy.verify_token(jwt text) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_verify_token';
COMMENT ON FUNCTION swipesavvy.verify_token(text) IS
    'Whether an access token is valid, and whose it is or why it is refused.';

CREATE FUNCTION swipesavvy.authenticate(jwt text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_authenticate';
COMMENT ON FUNCTION swipesavvy.authenticate(text) IS
    'Makes the user of an access token the one that this transaction acts for. The role of the database stays.';

CREATE FUNCTION swipesavvy.rotate_token_key("overlap" interval DEFAULT '1 hour', force boolean DEFAULT false) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_rotate_token_key';
COMMENT ON FUNCTION swipesavvy.rotate_token_key(interval, boolean) IS
    'Makes a new key that signs tokens; those of the other keys stay good for the overlap. Not in place of an imported key, unless forced.';

CREATE FUNCTION swipesavvy.add_token_key(
    kid text,
    secret text,
    is_base64 boolean DEFAULT false,
    "overlap" interval DEFAULT '1 hour'
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_add_token_key';
COMMENT ON FUNCTION swipesavvy.add_token_key(text, text, boolean, interval) IS
    'Makes a secret that a gateway has too the key that signs tokens; those of the other keys stay good for the overlap.';

CREATE FUNCTION swipesavvy.list_token_keys() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_token_keys';
COMMENT ON FUNCTION swipesavvy.list_token_keys() IS 'The keys whose tokens are good, newest first, without their secrets.';

CREATE FUNCTION swipesavvy.reset_user_password(
    user_id uuid,
    send_email boolean DEFAULT true,
    temporary_password_valid_hours integer DEFAULT 24
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_reset_user_password';
COMMENT ON FUNCTION swipesavvy.reset_user_password(uuid, boolean, integer) IS
    'Gives a user a temporary password, which goes out through the outbox only and must be changed. Support: customers only.';
