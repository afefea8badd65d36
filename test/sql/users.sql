-- Users and their linked accounts: create, change, show, states; what is refused, and who may.
\set SHOW_CONTEXT never
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), false) = quote_ident(session_user) AS trusted;
\set ada 00000000-0000-7000-8000-0000000a0001
\set bob 00000000-0000-7000-8000-0000000a0002
\set eve 00000000-0000-7000-8000-0000000a0003
\set nobody 00000000-0000-7000-8000-0000000affff

-- create_user: everything given, and as little as possible
SELECT swipesavvy.create_user('Ada@users.test', 'Ada', password => 'correct horse', phone => '+1 (555) 010-0199',
    preferred_language => 'pt-BR', notification_preferences => '{"sms": false}', user_id => :'ada') - 'created_at' AS profile;
SELECT swipesavvy.create_user(email => 'bob@users.test', name => 'Bob', user_id => :'bob', referred_by => :'ada') - 'created_at' AS profile;
SELECT uuid_is_v7, (profile ->> 'created_at')::timestamptz = now() AS created_now, profile ->> 'created_at' LIKE '____-__-__T__:__:__%Z' AS in_utc
  FROM swipesavvy.create_user('carl@users.test', 'Carl') profile, LATERAL (SELECT substr(profile ->> 'user_id', 15, 1) = '7' AS uuid_is_v7) v;
SELECT u.email, u.role, u.referred_by, r.tier, r.points_available, r.spent_currency
  FROM swipesavvy.users u JOIN swipesavvy.reward_accounts r USING (user_id) WHERE email LIKE '%@users.test' ORDER BY lower(email);
SELECT user_id, password_hash ~ '^\$argon2id\$v=19\$m=19456,t=2,p=1\$' AS argon2id, must_change
  FROM swipesavvy_private.user_credentials WHERE user_id IN (:'ada', :'bob');

-- create_user: each rule
SELECT swipesavvy.create_user(NULL, 'X');
SELECT swipesavvy.create_user('x@users.test', '  ');
SELECT swipesavvy.create_user('no at sign', 'X');
SELECT swipesavvy.create_user('two@at@signs', 'X');
SELECT swipesavvy.create_user('x@users.test', repeat('x', 201));
SELECT swipesavvy.create_user('x@users.test', 'X', password => 'secret!');
SELECT swipesavvy.create_user('x@users.test', 'X', password => repeat('secret', 167));
SELECT swipesavvy.create_user('x@users.test', 'X', phone => '12-34');
SELECT swipesavvy.create_user('x@users.test', 'X', role => 'owner');
SELECT swipesavvy.create_user('x@users.test', 'X', preferred_language => 'english please');
SELECT swipesavvy.create_user('x@users.test', 'X', notification_preferences => '{"fax": true}');
SELECT swipesavvy.create_user('x@users.test', 'X', notification_preferences => '{"sms": "yes"}');
SELECT swipesavvy.create_user('x@users.test', 'X', notification_preferences => '[]');
SELECT swipesavvy.create_user('x@users.test', 'X', referred_by => :'nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.create_user('ADA@users.test', 'X');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.create_user('x@users.test', 'X', user_id => :'ada');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM swipesavvy.users WHERE email = 'x@users.test';

-- an address is one however it is written, is kept without the blanks around it, and has nothing in it that nobody sees
BEGIN;
CREATE FUNCTION pg_temp.code(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, substring(detail FROM 'in it: .*'));
END
$$;
SELECT swipesavvy.create_user(U&' \3000Zo\00EB.Stra\00DFe@users.test\00A0', 'Zoe') ->> 'email' AS kept;
SELECT swipesavvy.create_user(U&'Zoe\0301@users.test', 'Zoe') ->> 'email' = U&'Zo\00E9@users.test' AS composed;
SELECT what, pg_temp.code(format('SELECT swipesavvy.create_user(%L, ''X'')', email)) AS outcome FROM (VALUES
    (1, 'decomposed', U&'Zoe\0308.Stra\00DFe@users.test'), (2, 'in capitals', U&'ZO\00CB.STRASSE@USERS.TEST'), (3, 'blanks', U&'\2003zo\00EB.strasse@users.test '), (4, 'without the accent it is another', 'zoe.strasse@users.test'),
    (5, 'zero-width space', U&'zo\200Be@users.test'), (6, 'behind it', U&'zoe@users.test\200B'), (7, 'joiner', U&'zo\200De@users.test'), (8, 'soft hyphen', U&'zo\00ADe@users.test'), (9, 'byte order mark', U&'\FEFFzoe@users.test'),
    (10, 'from right to left', U&'zo\202Ee@users.test'), (11, 'Hangul filler', U&'zo\3164e@users.test'), (12, 'variation selector', U&'zo\FE0Fe@users.test'), (13, 'no-break space', U&'zo\00A0e@users.test'), (14, 'line separator', U&'zo\2028e@users.test'),
    (15, 'private', U&'zo\E000e@users.test'), (16, 'unassigned', U&'zo\0378e@users.test'), (17, 'noncharacter', U&'zo\FDD0e@users.test'), (18, 'tag', U&'zo\+0E0065e@users.test'), (19, 'invisible times', U&'zo\2062e@users.test'), (20, 'a blank', 'zo e@users.test'),
    (21, 'blanks alone', U&'\3000\00A0'), (22, 'letters of any script are fine', U&'\0434\0436@\C0AC\C6A9\C790.test')) v (n, what, email) ORDER BY n;
SELECT what, pg_temp.code(format('SELECT swipesavvy.update_user(%L, jsonb_build_object(''email'', %L::text))', :'bob', email)) AS outcome FROM (VALUES
    (1, 'taken, decomposed', U&'zoe\0301@users.test'), (2, 'invisible', U&'bo\200Bb@users.test'), (3, 'one''s own, in capitals', 'BOB@users.test '), (4, 'another', U&'B\00F6b@users.test')) v (n, what, email) ORDER BY n;
SELECT email FROM swipesavvy.users WHERE user_id = :'bob';
ROLLBACK;

-- get_user_profile: money in the programme's currency, also after that has changed
UPDATE swipesavvy.reward_accounts SET transaction_count = 3, spent_minor = 123450 WHERE user_id = :'bob';
SELECT swipesavvy.get_user_profile(:'bob') - 'created_at' AS profile;
BEGIN;
INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus,
                                     discount_minor, refunded_minor, status, currency, request, decision)
SELECT gen_random_uuid(), :'bob', amount, now(), now(), 0, 0, 0, refunded, status::swipesavvy.purchase_status, currency, 0, ''
  FROM (VALUES (12345, 345, 'completed', 'BHD'), (500, 0, 'pending', 'BHD'), (700, 0, 'failed', 'BHD'), (900, 0, 'completed', 'USD'))
       AS t(amount, refunded, status, currency);
UPDATE swipesavvy.system_settings SET value = '"BHD"' WHERE setting = 'currency';
SELECT swipesavvy.get_user_profile(:'bob') -> 'lifetime_value' AS lifetime_value;
ROLLBACK;
SELECT swipesavvy.get_user_profile(NULL);
SELECT swipesavvy.get_user_profile(:'nobody');

-- update_user
SELECT swipesavvy.update_user(:'ada', '{"name": "Ada L.", "phone": null, "notification_preferences": {"push": false}}') - 'created_at' AS profile;
SELECT swipesavvy.update_user(:'ada', '{"email": "ada.l@users.test", "role": "support", "preferred_language": "de"}') - 'created_at' AS profile;
SELECT role FROM swipesavvy.users WHERE user_id = :'ada';
SELECT swipesavvy.update_user(:'ada', '{}') ->> 'email' AS unchanged;
SELECT swipesavvy.update_user(:'ada', '{"shoe_size": 42}');
SELECT swipesavvy.update_user(:'ada', '{"name": null}');
SELECT swipesavvy.update_user(:'ada', '{"name": 7}');
SELECT swipesavvy.update_user(:'ada', '{"notification_preferences": null}');
SELECT swipesavvy.update_user(:'ada', '"name"');
SELECT swipesavvy.update_user(:'ada', NULL);
SELECT swipesavvy.update_user(:'ada', '{"email": "BOB@users.test"}');
SELECT swipesavvy.update_user(:'nobody', '{"name": "X"}');

-- states
SELECT swipesavvy.deactivate_user(:'bob', 'moved away') - 'updated_at' AS state;
SELECT swipesavvy.deactivate_user(:'bob');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.get_user_profile(:'bob') ->> 'account_status' AS account_status;
SELECT swipesavvy.suspend_user(:'bob', 'chargebacks') - 'updated_at' AS state;
SELECT swipesavvy.reactivate_user(:'bob') - 'updated_at' AS state;
SELECT swipesavvy.reactivate_user(:'bob');
SELECT swipesavvy.suspend_user(:'nobody');

-- link_account: the first one becomes the default
SELECT swipesavvy.link_account(:'bob', 'card', '4242', issuer => 'Visa', card_type => 'credit', token => 'tok_1', expiry_month => 12,
    expiry_year => 2030) - '{account_id,created_at}'::text[] AS account;
SELECT account - '{account_id,created_at}'::text[] AS account, account ->> 'account_id' AS bank
  FROM swipesavvy.link_account(:'bob', 'bank', '0001', bank_name => 'First Bank', account_type => 'checking') account \gset
\echo :account
SELECT account ->> 'is_default' AS is_default, account ->> 'account_id' AS wallet
  FROM swipesavvy.link_account(:'bob', 'wallet', '0002', is_default => true) account \gset
\echo :is_default
SELECT a ->> 'type' AS type, a -> 'is_default' AS is_default FROM jsonb_array_elements(swipesavvy.get_user_accounts(:'bob') -> 'accounts') a;
SELECT swipesavvy.get_user_accounts(:'ada');

-- link_account: each rule; a card number never comes back in an error
SELECT swipesavvy.link_account(:'bob', NULL, '4242');
SELECT swipesavvy.link_account(:'bob', 'cash', '4242');
SELECT swipesavvy.link_account(:'bob', '4242424242424242', '4242');
SELECT swipesavvy.link_account(:'bob', 'card', '4242424242424242');
SELECT swipesavvy.link_account(:'bob', 'card', '42a2');
SELECT swipesavvy.link_account(:'bob', 'card', '4242', token => '4242 4242-4242.4242');
SELECT swipesavvy.link_account(:'bob', 'card', '4242', issuer => 'Visa 424242424242');
SELECT swipesavvy.link_account(:'bob', 'card', '4242', card_type => '424242424242');
SELECT swipesavvy.link_account(:'bob', 'card', '4242', bank_name => '424242424242');
SELECT swipesavvy.link_account(:'bob', 'card', '4242', account_type => '424242424242');
SELECT swipesavvy.link_account(:'bob', 'card', '4242', expiry_month => 13, expiry_year => 2030);
SELECT swipesavvy.link_account(:'bob', 'card', '4242', expiry_month => 12, expiry_year => 30);
SELECT swipesavvy.link_account(:'bob', 'card', '4242', expiry_month => 12);
SELECT swipesavvy.link_account(:'nobody', 'card', '4242');
\set VERBOSITY terse
INSERT INTO swipesavvy.accounts (user_id, type, last_four, token) VALUES (:'bob', 'card', '4242', '4242 4242 4242 4242');
\set VERBOSITY default
SELECT swipesavvy.link_account(:'bob', 'card', '1111', token => '12345678901') ->> 'last_four' AS eleven_digits_are_no_card;

-- verify, default, unlink
SELECT a -> 'is_verified' AS verified, a -> 'is_default' AS is_default FROM swipesavvy.verify_account(:'bank') a;
SELECT a -> 'is_default' AS is_default FROM swipesavvy.set_default_account(:'bank', :'bob') a;
SELECT a -> 'is_default' AS is_default FROM swipesavvy.unlink_account(:'bank', :'bob') a;
SELECT a ->> 'type' AS type, a ->> 'last_four' AS last_four, a -> 'is_default' AS is_default
  FROM jsonb_array_elements(swipesavvy.get_user_accounts(:'bob') -> 'accounts') a;
SELECT swipesavvy.unlink_account(:'nobody');
SELECT swipesavvy.set_default_account(NULL);
\set VERBOSITY sqlstate
SELECT swipesavvy.verify_account(:'wallet', :'ada') IS NULL AS of_another_user;
\set VERBOSITY default
SELECT count(*) AS rows_stay FROM swipesavvy.accounts WHERE account_id = :'bank' AND unlinked_at IS NOT NULL;

-- who may: a customer itself only
SET ROLE swipesavvy_customer;
SELECT swipesavvy.get_user_profile(:'bob') IS NULL AS without_identity;
SET request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000a0002", "role": "admin"}';
SELECT swipesavvy.current_user_id();
SELECT swipesavvy.get_user_profile(:'bob') ->> 'name' AS name;
SELECT swipesavvy.get_user_profile(:'ada') IS NULL AS of_another;
SELECT swipesavvy.get_user_accounts(:'bob') ->> 'count' AS count;
SELECT swipesavvy.get_user_accounts(:'ada') IS NULL AS of_another;
SELECT swipesavvy.update_user(:'bob', '{"name": "Robert"}') ->> 'name' AS name;
SELECT swipesavvy.update_user(:'bob', '{"email": "robert@users.test"}');
SELECT swipesavvy.update_user(:'bob', '{"role": "admin"}');
SELECT swipesavvy.update_user(:'ada', '{"name": "X"}');
SELECT swipesavvy.link_account(:'ada', 'card', '4242');
SELECT swipesavvy.set_default_account(:'wallet') ->> 'type' AS own_account;
SELECT swipesavvy.set_default_account(:'wallet', :'ada');
SELECT swipesavvy.create_user('x@users.test', 'X');
SELECT swipesavvy.suspend_user(:'bob');
SELECT count(*) FROM swipesavvy.users;
SET request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000a0001"}';
\set VERBOSITY sqlstate
SELECT swipesavvy.unlink_account(:'wallet') IS NULL AS of_another;
\set VERBOSITY default
RESET request.jwt.claims;
SET ROLE swipesavvy_backend;
SELECT swipesavvy.create_user('eve@users.test', 'Eve', user_id => :'eve') ->> 'name' AS name;
SELECT swipesavvy.create_user('x@users.test', 'X', role => 'admin');
SET ROLE swipesavvy_support;
SELECT swipesavvy.update_user(:'eve', '{"phone": "5550100123"}') ->> 'phone' AS phone;
SELECT swipesavvy.update_user(:'eve', '{"email": "x@users.test"}');
SELECT swipesavvy.verify_account(:'wallet');
RESET ROLE;
-- what was made up of Bob's account stays for no other test
UPDATE swipesavvy.reward_accounts SET transaction_count = 0, spent_minor = 0 WHERE user_id = :'bob';
