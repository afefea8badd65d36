# A dump comes into a new database only: where one is in use, a restore changes no row of any table.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign fingerprints);
use Test::More;

my $node = new_node('node');
my $dir = PostgreSQL::Test::Utils::tempdir();
my $mismatches = 'SELECT swipesavvy.verify_ledger()';

# A programme with something in it, and its dumps.
sub begin_programme
{
    my ($db) = @_;
    create_extension($node, $db);
    my $user = add_user($node, $db, "$db\@example.com");
    add_campaign($node, $db, 'TEN', 50);
    $node->safe_psql($db, qq{
        SELECT swipesavvy.record_transaction('$user', 40), swipesavvy.redeem_points('$user', points => 5), swipesavvy.seal_audit_log();
        SELECT swipesavvy.set_sink_secret('key', 's3cret'), swipesavvy.update_system_settings('{"timezone": "Europe/Vienna"}');
        SELECT swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key', '{points.*}');
        DELETE FROM swipesavvy.sink_states});
    $node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$db.dump", $node->connstr($db) ], "$db: custom dump");
    $node->command_ok([ 'pg_dump', '-f', "$dir/$db.sql", $node->connstr($db) ], "$db: plain dump");
    $node->command_ok([ 'pg_dump', '--data-only', '--inserts', '-f', "$dir/$db.inserts.sql", $node->connstr($db) ], "$db: dump of INSERTs");
    return $user;
}

# Runs a command that fails, and returns what it says.
sub refused
{
    my ($what, @command) = @_;
    my ($out, $err) = ('', '');
    local %ENV = $node->_get_env;
    IPC::Run::run(\@command, '>', \$out, '2>', \$err);
    like($err, qr/a dump cannot be restored into a database that is in use/, "$what: it says so");
    return;
}

my $user = begin_programme('live');
begin_programme('other');

# Days later: other settings and tiers, a message that was delivered and is gone, a sink that was deleted, old seals retired.
$node->safe_psql('live', qq{
    SELECT swipesavvy.create_campaign('More', 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01'), swipesavvy.create_segment('more'),
           swipesavvy.update_system_settings('{"earn_rate": 3, "rate_limit_per_minute": 100}'),
           swipesavvy.update_tiers('[{"tier": "bronze", "threshold": 0, "multiplier": 1}, {"tier": "silver", "threshold": 900, "multiplier": 1.1}]'),
           swipesavvy.delete_sink('hook'), swipesavvy.record_transaction('$user', 1);
    DELETE FROM swipesavvy.outbox});
my $before = fingerprints($node, 'live');

for my $dump (qw(live other))
{
    refused("pg_restore --clean of $dump", 'pg_restore', '--clean', '--if-exists', '-d', $node->connstr('live'), "$dir/$dump.dump");
    is_deeply(fingerprints($node, 'live'), $before, 'and no row of any table has changed');
    refused("psql of $dump", 'psql', '-qX', '-d', $node->connstr('live'), '-f', "$dir/$dump.sql");
    is_deeply(fingerprints($node, 'live'), $before, 'nor by a plain dump');
    refused("INSERTs of $dump", 'psql', '-qX', '-d', $node->connstr('live'), '-f', "$dir/$dump.inserts.sql");
    is_deeply(fingerprints($node, 'live'), $before, 'nor by single INSERTs');
}

# What everybody else does in such a database goes on, with the settings of a restore or without.
$node->safe_psql('live', qq{
    SET check_function_bodies = off;
    SELECT swipesavvy.record_transaction('$user', 2);
    INSERT INTO swipesavvy.purchases (user_id, amount_minor) SELECT '$user', 100 FROM generate_series(1, 3)});
is(json($node, 'live', $mismatches)->{mismatches}, 0, 'purchases are recorded as ever');
is($node->safe_psql('live', q{SELECT count(*) FROM pg_trigger WHERE tgname = 'refuse_restore' AND tgrelid = 'swipesavvy.transactions'::regclass}), 1,
    'the trigger stands on the tables that the engine writes');

add_campaign($node, 'live', 'NEXT', 50);
$node->safe_psql('live', q{SELECT swipesavvy.create_segment('next')});
pass('a dump that set the sequences back is in nobody\'s way');

# Meant all the same: one table of another programme.
{
    local $ENV{PGOPTIONS} = '-c swipesavvy.allow_restore=on';
    $node->command_ok([ 'pg_restore', '--data-only', '--table=sinks', '-d', $node->connstr('live'), "$dir/other.dump" ], 'allow_restore lets the rows in');
    is($node->safe_psql('live', 'SELECT count(*) FROM swipesavvy.sinks'), 1, 'and they are there');
}

# Into a database that has just the extension; into one whose extension was dropped and comes with the dump.
$before = do { create_extension($node, 'fresh'); $node->command_ok([ 'pg_restore', '--data-only', '--exit-on-error', '-d', $node->connstr('fresh'), "$dir/other.dump" ],
        'the rows alone, into the extension as it was created'); fingerprints($node, 'other') };
is_deeply(fingerprints($node, 'fresh'), $before, 'all are there');
refused('once more', 'psql', '-qX', '-d', $node->connstr('fresh'), '-c', 'SELECT swipesavvy.rotate_token_key() IS NOT NULL', '-f', "$dir/other.sql");
$node->safe_psql('other', 'SET swipesavvy.allow_drop = on; DROP EXTENSION swipesavvy; DROP SCHEMA swipesavvy');
$node->command_ok([ 'pg_restore', '-j2', '--exit-on-error', '-d', $node->connstr('other'), "$dir/other.dump" ], 'into the database that the dump is of, after the extension was dropped');
is($node->safe_psql('other', 'SELECT database_oid FROM swipesavvy.audit_installations'), 0, 'what was noted there was another life of it');
delete $_->{'swipesavvy.audit_installations'} for $before, my $after = fingerprints($node, 'other');
is_deeply($after, $before, 'every row of the other tables is back');
$node->safe_psql('other', 'SELECT swipesavvy.rotate_token_key(), swipesavvy.seal_audit_log()');
is(json($node, 'other', 'SELECT swipesavvy.verify_audit_log()')->{status}, 'intact', 'and the audit log goes on');

done_testing();
