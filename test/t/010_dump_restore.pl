# A dump brings back every row of every table exactly, edited seeds included, and no award is made twice.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign fingerprints);
use Test::More;

my $old = new_node('old');
create_extension($old, 'app');

# Some of everything that earns, spends or waits.
my @users = map { add_user($old, 'app', "user$_\@example.com") } 1 .. 3;
add_campaign($old, 'app', 'CAMP-TEN', 3);
$old->safe_psql(
    'app', qq{
    SELECT swipesavvy.update_system_settings('{"earn_rate": 10, "late_posting_days": 5}');
    SELECT swipesavvy.record_transaction(user_id => u.id, amount => g + 0.5, idempotency_key => 'k' || g,
        status => CASE g % 5 WHEN 0 THEN 'pending' ELSE 'completed' END, metadata => '{"note": "a\\\\tb \\"c\\" ü"}')
    FROM unnest('{@{[join ',', @users]}}'::uuid[]) AS u(id), generate_series(1, 20) g;
    INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency)
    SELECT u.id, 990, 'USD' FROM unnest('{@{[join ',', @users]}}'::uuid[]) AS u(id);
});
$old->safe_psql(
    'app', qq{
    SELECT swipesavvy.set_sink_secret('key', 's3cret'), swipesavvy.set_sink_secret('spare', 'another'), swipesavvy.add_currency('QQQ', 3, 'Quid');
    SELECT swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key', '{points.*}', max_per_second => 2.5),
        swipesavvy.create_sink('pd', 'pagerduty', secret => 'key', options => '{"component": "db"}', enabled => false);
    DELETE FROM swipesavvy.sink_states;
    SELECT swipesavvy.create_reward('Mug', 3, 5, reward_id => '$users[0]'), swipesavvy.create_charity('Trees', charity_id => '$users[0]');
    SELECT swipesavvy.redeem_points(u.id, '$users[0]', idempotency_key => 'mug') FROM unnest('{@{[join ',', @users]}}'::uuid[]) AS u(id);
    SELECT swipesavvy.redeem_points('$users[1]', points => 2), swipesavvy.donate_points('$users[1]', 2, '$users[0]', 'k'),
        swipesavvy.adjust_points('$users[1]', 7, 'sorry', 'k');
    SELECT swipesavvy.adjust_points('$users[1]', -1, 'oops'), swipesavvy.refresh_leaderboards(), swipesavvy.refresh_customer_analytics(), swipesavvy.refresh_merchant_analytics(), swipesavvy.refresh_campaign_segments(), swipesavvy.refresh_campaign_uplift(), swipesavvy.check_ledger();
    SELECT swipesavvy.set_health_threshold('disk_percent', 70), swipesavvy.record_health('{"disk_percent": 80}'), swipesavvy.record_health('{"disk_percent": 80}');
    DELETE FROM swipesavvy.health_samples; DELETE FROM swipesavvy.health_days;
    SELECT swipesavvy.set_job('expire_points', every => '1 hour'), swipesavvy.finish_job(swipesavvy.claim_job('jobs') ->> 'job', 'XX000: no');
});

# Somebody who signs in and refreshes, a stranger who tries, and keys.
$old->safe_psql(
    'app', q{
    SELECT swipesavvy.create_user('in@example.com', 'In', 'correct horse');
    SELECT swipesavvy.refresh_session(swipesavvy.sign_in('in@example.com', 'correct horse') ->> 'refresh_token');
    SELECT swipesavvy.rotate_token_key();
    SELECT swipesavvy.sign_in('stranger@example.com', 'correct horse');
});
add_user($old, 'app', 'reset@example.com');
$old->safe_psql('app', q{SELECT swipesavvy.reset_user_password(user_id) FROM swipesavvy.users WHERE email = 'reset@example.com'});
my $token = json($old, 'app', "SELECT swipesavvy.sign_in('in\@example.com', 'correct horse')")->{access_token};

$old->safe_psql(
    'app', qq{
    SELECT swipesavvy.settle_transaction(transaction_id) FROM swipesavvy.purchases WHERE user_id = '$users[0]' AND idempotency_key = 'k5';
    SELECT swipesavvy.settle_transaction(transaction_id, amount => 12.34) FROM swipesavvy.purchases WHERE user_id = '$users[0]' AND idempotency_key = 'k10';
    SELECT swipesavvy.cancel_redemption(entry_id, 'it broke') FROM swipesavvy.reward_redemptions WHERE user_id = '$users[0]';
    SELECT swipesavvy.decline_transaction(transaction_id) FROM swipesavvy.purchases WHERE user_id = '$users[1]' AND idempotency_key = 'k5';
    SELECT swipesavvy.refund_transaction(transaction_id, 0.7, 'refund') FROM swipesavvy.purchases WHERE user_id = '$users[0]' AND idempotency_key = 'k1';
    SELECT swipesavvy.refund_transaction(transaction_id) FROM swipesavvy.purchases WHERE user_id = '$users[0]' AND idempotency_key = 'k2';
});

# Flags: one of their own and the ones that come with the extension, changed, planned and with values of single users.
$old->safe_psql(
    'app', qq{
    SELECT swipesavvy.create_flag('mine', 'Mine', enabled => true, rollout_percentage => 12.5, prerequisites => '[{"id": "dark_mode"}]');
    SELECT swipesavvy.toggle_flag('dark_mode'), swipesavvy.update_flag('social_sharing', '{"name": "Share", "targeting": {"tier": "gold"}}'), swipesavvy.delete_flag('community_feed');
    SELECT swipesavvy.schedule_flag('dark_mode', now() + interval '1 day', true), swipesavvy.set_flag_override('mine', '$users[0]', 'true');
    UPDATE swipesavvy.feature_flag_rollouts SET reason = 'edited' WHERE flag_no = 1;
    INSERT INTO swipesavvy.feature_flag_assignments VALUES ('$users[0]', 'test', 0, 'a');
    INSERT INTO swipesavvy.feature_flag_usage SELECT 5, now(), 3, 2, 1, 4, '{"a": 2}', decode(repeat('0102', 2048), 'hex'), now() FROM generate_series(1, 2);
    SELECT swipesavvy.fold_flag_usage();
    INSERT INTO swipesavvy.feature_flag_usage SELECT 5, now(), 3, 2, 1, 4, '{"a": 2}', decode(repeat('0102', 2048), 'hex'), now();
});

# Seeds that the programme changed: each must come back as changed.
$old->safe_psql(
    'app', q{
    UPDATE swipesavvy.tiers SET multiplier_milli = 1300 WHERE tier = 'silver';
    UPDATE swipesavvy.merchant_categories SET description = 'edited' WHERE category = 'Services';
    UPDATE swipesavvy.mcc_codes SET description = 'edited' WHERE mcc = '5812';
});
is(json($old, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound before');

my $before = fingerprints($old, 'app');
my @filled = grep { $before->{$_} !~ /^0 / } keys %$before;
cmp_ok(scalar @filled, '>=', 10, 'many tables hold rows');
isnt((split / /, $before->{"swipesavvy.$_"} // $before->{$_})[0], 0, "among them $_") for qw(settlements redemption_returns);
isnt((split / /, $before->{"swipesavvy_private.$_"})[0], 0, "among them $_") for qw(outbox_secrets sign_in_failures sink_secrets token_keys user_credentials user_sessions);

my $dir = PostgreSQL::Test::Utils::tempdir();
$old->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", $old->connstr('app') ], 'plain dump');
$old->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom.dump", $old->connstr('app') ], 'custom dump');

# Into an empty server, which has none of the roles yet.
my $new = new_node('new');
$new->safe_psql('postgres', 'CREATE DATABASE plain');
$new->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-d', $new->connstr('plain'), '-f', "$dir/plain.sql" ],
    'psql restores the plain dump without an error');
$new->safe_psql('postgres', 'CREATE DATABASE custom');
$new->command_ok([ 'pg_restore', '-j2', '--exit-on-error', '-d', $new->connstr('custom'), "$dir/custom.dump" ],
    'pg_restore -j2 restores the custom dump without an error');

for my $db (qw(plain custom))
{
    is_deeply(fingerprints($new, $db), $before, "$db: every row of every table is back, and not one more");
    is(json($new, $db, 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, "$db: the ledger is sound");

    is(json($new, $db, "SELECT swipesavvy.verify_token('$token')")->{reason}, undef, "$db: who was signed in still is");

    my $again = json($new, $db,
        "SELECT swipesavvy.record_transaction(user_id => '$users[0]', amount => 1.5, idempotency_key => 'k1',"
          . qq{ metadata => '{"note": "a\\\\tb \\"c\\" ü"}')});
    ok($again->{replayed}, "$db: a key used before the dump still replays");
    is_deeply(fingerprints($new, $db), $before, "$db: and changes nothing");
    ok(json($new, $db, "SELECT swipesavvy.refund_transaction(transaction_id, 0.7, 'refund') FROM swipesavvy.purchases"
          . " WHERE user_id = '$users[0]' AND idempotency_key = 'k1'")->{replayed}, "$db: also that of a refund");
    is_deeply(fingerprints($new, $db), $before, "$db: which changes nothing either");

    my $fresh = json($new, $db,
        "SELECT swipesavvy.record_transaction(user_id => '$users[0]', amount => 2, idempotency_key => 'fresh')");
    cmp_ok($fresh->{points_earned}, '>=', 20, "$db: a new purchase earns by the restored settings");
    is(json($new, $db, 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, "$db: and the ledger stays sound");
}

# A second dump, of the restored database, is the dump of the first with nothing lost on the way.
$new->command_ok([ 'pg_dump', '--schema-only', '-f', "$dir/schema.sql", $new->connstr('plain') ], 'dump of the restored');
unlike(slurp_file("$dir/schema.sql"), qr/CREATE TABLE swipesavvy\./, 'the tables belong to the extension still');

# For a dump that leaves the house: no secret is in it.
$old->command_ok([ 'pg_dump', '--exclude-schema=swipesavvy_private', '-f', "$dir/open.sql", $old->connstr('app') ], 'dump without the schema of secrets');
my $open = slurp_file("$dir/open.sql");
unlike($open, qr/argon2id|temporary_password|@{[ unpack 'H*', 's3cret' ]}/, 'has none of them');
$new->safe_psql('postgres', 'CREATE DATABASE open');
$new->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-d', $new->connstr('open'), '-f', "$dir/open.sql" ], 'it is restored, too');
is($new->safe_psql('open', 'SELECT count(*) FROM swipesavvy.sinks WHERE secret IS NOT NULL'), 2, 'with sinks whose secret is missing');
is(json($new, 'open', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'and a sound ledger');

done_testing();
