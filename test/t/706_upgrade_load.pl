# Each step, from 1.0.0 to 1.1.0, on to 1.2.0 and back, while purchases are made, and the first one after pg_upgrade: nobody waits for a
# lock for a second, no purchase fails, and no row is lost or changed. SWIPESAVVY_PURCHASES: how many are stored before.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node json add_user add_campaign fingerprints members pg_upgrade no_pg_upgrade);
use Test::More;
use Time::HiRes qw(time);

my $stored = $ENV{SWIPESAVVY_PURCHASES} // 5_000;

# Whoever waits for a lock for a second is in the log.
my $node = new_node('load', 'log_lock_waits = on', 'deadlock_timeout = 1s', 'log_statement = none', 'max_connections = 30');
sub sql { return $node->safe_psql('app', $_[0]) }

$node->safe_psql('postgres', 'CREATE DATABASE app');
sql("CREATE EXTENSION pg_trgm; CREATE EXTENSION swipesavvy VERSION '1.0.0'");
my @users = map { add_user($node, 'app', "user$_\@example.com") } 1 .. 50;
add_campaign($node, 'app', 'TEN', 5_000_000);
add_campaign($node, 'app', 'SMALL', 10);
my $array = "(ARRAY['" . join("','", @users) . "'])";
sql("INSERT INTO swipesavvy.purchases (user_id, amount_minor) SELECT ${array}[1 + n % 50]::uuid, 100 + n % 900 FROM generate_series(1, $stored) n");
sql("SELECT count(swipesavvy.track_event('TEN', 'view', '$users[0]')) FROM generate_series(1, 500)");
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger of 1.0.0 is sound');
sql("SELECT swipesavvy.create_merchant('Shop ' || n, 'Services', merchant_id => ('00000000-0000-7000-8000-00000000000' || n)::uuid) FROM generate_series(1, 9) n");

my $dir = PostgreSQL::Test::Utils::tempdir();
PostgreSQL::Test::Utils::append_to_file("$dir/buy.sql", "\\set n random(1, 50)\n\\set m random(1, 9)\n\\set a random(1, 100)\n"
      . "SELECT swipesavvy.record_transaction(${array}[:n]::uuid, :a, merchant_id => '00000000-0000-7000-8000-00000000000:m');\n"
      . "INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (${array}[51 - :n]::uuid, :a);\nSELECT swipesavvy.track_event('TEN', 'view', ${array}[:n]::uuid);\n");

# A step to a release while four sessions buy.
sub step
{
    my ($release, $set) = @_;
    my $before = sql('SELECT count(*) FROM swipesavvy.transactions');
    my $views = sql("SELECT count(*) FROM swipesavvy.campaign_events WHERE kind = 'view'");
    my $load = IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-T', 10, '-f', "$dir/buy.sql", '-d', $node->connstr('app') ], '>', "$dir/out.$release", '2>', "$dir/err.$release");
    $node->poll_query_until('app', "SELECT count(*) > $before + 100 FROM swipesavvy.transactions") or die 'no purchases: ' . slurp_file("$dir/err.$release");
    my $begun = time;
    sql("SET lock_timeout = '5s'; $set; ALTER EXTENSION swipesavvy UPDATE TO '$release'");
    my $took = time - $begun;
    my $then = sql('SELECT count(*) FROM swipesavvy.transactions');
    ok($node->poll_query_until('app', "SELECT count(*) > $then + 20 FROM swipesavvy.transactions"), "$release: purchases go on in the sessions that were there");
    ok($load->finish, 'none has failed') or diag slurp_file("$dir/err.$release");
    diag sprintf 'the step to %s took %.0f ms', $release, 1000 * $took;
    my ($done) = slurp_file("$dir/out.$release") =~ /transactions actually processed: (\d+)/;
    is(sql('SELECT count(*) FROM swipesavvy.transactions'), $before + 2 * $done, 'each is there');
    is(sql("SELECT count(*) FROM swipesavvy.campaign_events WHERE kind = 'view'"), $views + $done, 'and every event');
    unlike(slurp_file($node->logfile), qr/still waiting for/, 'nobody has waited for a lock for a second');
    is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');
    is(sql("SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'"), $release, "of $release");
    return;
}

step('1.1.0', '');
like(sql("SELECT swipesavvy.evaluate_flag('dark_mode', '$users[0]')"), qr/"enabled": true/, 'which has flags');
sql('SELECT swipesavvy.rebuild_analytics()');
sql('CREATE EXTENSION cube; CREATE EXTENSION btree_gist');
step('1.2.0', '');
sql("SELECT swipesavvy.add_merchant_location('00000000-0000-7000-8000-000000000001', 1, 2)");
like(sql('SELECT swipesavvy.get_nearby_merchants(1, 2)'), qr/"count": 1/, 'which has places');
step('1.1.0', 'SET swipesavvy.allow_drop = on');
is(json($node, 'app', 'SELECT swipesavvy.verify_analytics()')->{mismatches}, 0, 'the figures counted all the while');

# --- after pg_upgrade ----------------------------------------------------------------------------------
SKIP:
{
    skip no_pg_upgrade(), 6 if no_pg_upgrade();
    $node->safe_psql('postgres', $_) for 'DROP DATABASE app', 'CREATE DATABASE app';
    sql("CREATE EXTENSION pg_trgm; CREATE EXTENSION swipesavvy VERSION '1.0.0'");
    my $ada = add_user($node, 'app', 'ada@example.com');
    add_campaign($node, 'app', 'TEN', 500);
    sql("SELECT swipesavvy.record_transaction('$ada', 12, idempotency_key => 'k'); SELECT swipesavvy.create_segment('Friends'), swipesavvy.add_segment_members('Friends', '{$ada}'), swipesavvy.seal_audit_log()");
    # releases add settings, and change none
    my @tables = grep { $_ ne 'swipesavvy.system_settings' } members($node, 'app');
    my $settings = sql(q{SELECT string_agg(quote_literal(setting), ', ') FROM swipesavvy.system_settings});
    my $rows_of = sub { return { %{ fingerprints($_[0], 'app', @tables) }, settings => $_[0]->safe_psql('app', "SELECT s::text FROM swipesavvy.system_settings s WHERE setting IN ($settings) ORDER BY setting") } };
    my $rows = $rows_of->($node);
    $node->stop;
    my $new = PostgreSQL::Test::Cluster->new('new');
    $new->init;
    chdir $dir or die $!;
    command_ok(pg_upgrade($node, $new), 'pg_upgrade of 1.0.0');
    $new->start;
    is($new->safe_psql('app', "SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'"), '1.0.0', 'which stays what it was');
    is_deeply($rows_of->($new), $rows, 'with every row');
    $new->safe_psql('app', "ALTER EXTENSION swipesavvy UPDATE TO '1.1.0'");
    is_deeply($rows_of->($new), $rows, 'also at 1.1.0');
    my $again = json($new, 'app', "SELECT swipesavvy.record_transaction('$ada', 12, idempotency_key => 'k')");
    ok($again->{replayed}, 'a repeat is recognised');
    like($new->safe_psql('app', "SELECT swipesavvy.evaluate_flag('dark_mode', '$ada')"), qr/"enabled": true/, 'and flags are there');
    $new->stop;
}

done_testing();
