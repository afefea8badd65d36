# Live figures of churn by a clock on the wall that this test sets (lib/wall_clock.c; needs a C compiler): when months begin in a zone whose clocks are
# set, what follows when the job was off, and when a horizon is over. A dump carries what is not known yet. And what becomes of a refresh
# that is cancelled in the middle, or whose worker or database goes: nothing half-written, and purchases wait for none of it.
use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(create_extension json fingerprints);
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
plan skip_all => 'no C compiler, or none for this system: the clock cannot be set'
    if system('cc', '-shared', '-fPIC', '-O1', '-o', "$dir/wall_clock.so", dirname(__FILE__) . '/lib/wall_clock.c') != 0;
append_to_file("$dir/ahead", pack 'q', 0);

my $node = PostgreSQL::Test::Cluster->new('live');
$node->init;
$node->append_conf('postgresql.conf', $_) for "shared_preload_libraries = 'swipesavvy'", "swipesavvy.databases = 'app'", 'autovacuum = off';
sub start
{
    local @ENV{qw(LD_PRELOAD WALL_CLOCK)} = ("$dir/wall_clock.so", "$dir/ahead");
    return $node->start;
}
start();
my $db = 'months';
sub sql { return $node->safe_psql($db, $_[0]) }

# Sets the clock of every process of the server to that local time of the programme.
sub set_clock
{
    my ($local) = @_;
    my $seconds = $node->safe_psql('postgres', "SELECT ceil(extract(epoch FROM timestamp '$local' AT TIME ZONE 'Europe/Berlin'))") - time;
    open my $file, '+<', "$dir/ahead" or die "ahead: $!";
    binmode $file;
    print {$file} pack 'q', $seconds;
    close $file or die "ahead: $!";
    return;
}

# So many customers with a purchase each, and a version of churn that somebody has made by hand.
sub set_up
{
    my ($users, $bought) = @_;
    create_extension($node, $db);
    sql(qq{SELECT swipesavvy.update_system_settings('{"timezone": "Europe/Berlin"}');
        INSERT INTO swipesavvy.users (user_id, email, name) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n || '\@example.com', 'L' FROM generate_series(1, $users) n;
        INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency) SELECT user_id, 'bronze', 'USD' FROM swipesavvy.users;
        INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) SELECT user_id, 1000, timestamptz '$bought' - n * interval '1 hour'
          FROM (SELECT user_id, row_number() OVER (ORDER BY user_id) AS n FROM swipesavvy.users) u;
        INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, trained_at, horizon_days, train_examples, train_positives, platt_a, platt_b, threshold)
        VALUES ('churn', 1, 'active', now(), 1, now() + interval '100 years', 60, 200, 100, -1, 0.1, 0.5);
        INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, mean, deviation, weight)
        SELECT 'churn', 1, p, 'f' || p, CASE WHEN p > 0 THEN 1 END, CASE WHEN p > 0 THEN 2 END, sin(p + 5) / 3 FROM generate_series(0, 14) p});
    return;
}
# month, as of when and until when in the programme's zone, and whether it is known what came to pass
sub months
{
    return sql(q{SELECT concat_ws(' ', month, to_char(as_of AT TIME ZONE zone, 'MM-DD HH24:MI'), to_char(until AT TIME ZONE zone, 'MM-DD HH24:MI'), examples, positives) FROM swipesavvy.ml_live_months ORDER BY month});
}
sub refresh { return sql('SELECT swipesavvy.refresh_models() IS NOT NULL') }

# --- months ---------------------------------------------------------------------------------------------

set_clock('2031-02-28 23:50');
set_up(300, '2031-02-20 12:00+01');
refresh();
is(months(), '2031-02-01 02-28 23:50 04-29 23:50', 'the first run in a month keeps it, on whatever day that is');
set_clock('2031-03-01 00:10');
refresh();
my $march = '2031-03-01 03-01 00:10 04-30 00:10';
is(months(), "2031-02-01 02-28 23:50 04-29 23:50\n$march", 'a month begins at midnight there, while in UTC it is February still; clocks are set in its horizon');
set_clock('2031-03-17 04:00');
refresh();
is(months(), "2031-02-01 02-28 23:50 04-29 23:50\n$march", 'nothing more in this month');
set_clock('2031-04-09 04:00');
refresh();
my $april = '2031-04-01 04-09 04:00 06-08 04:00';
is(months(), "2031-02-01 02-28 23:50 04-29 23:50\n$march\n$april", 'the job was off on the first: the month is dated by when it ran');

# An hour less than sixty times 24 hours are over at `until`.
sub buy
{
    my ($n, $at) = @_;
    return sql("INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES ('00000000-0000-7000-8000-00000000000$n', 500, timestamp '$at' AT TIME ZONE 'Europe/Berlin')");
}
set_clock('2031-04-30 00:09');
refresh();
is(months(), "2031-02-01 02-28 23:50 04-29 23:50 300 300\n$march\n$april", 'February is worked out, in which nobody came back; March is not over yet');
is(sql('SELECT month, count(*) FROM swipesavvy.ml_live GROUP BY 1 ORDER BY 1'), "2031-03-01|300\n2031-04-01|300", 'what was thought of users in February is gone');
set_clock('2031-04-30 00:30');
buy(1, '2031-04-30 00:09:59');
buy(2, '2031-04-30 00:10:00');
buy(3, '2031-03-01 00:09:59');
buy(4, '2031-04-30 00:11:00');

# --- a dump ----------------------------------------------------------------------------------------------

my @tables = map { "swipesavvy.$_" } qw(ml_live ml_live_months ml_drift);
sql(q{INSERT INTO swipesavvy.ml_drift (model_name, version, position, feature, psi, as_of, users) VALUES ('churn', 1, 1, 'recency', 0.3000000000000001, now(), 300)});
my $before = fingerprints($node, $db, @tables);
my $dump = "$dir/live.dump";
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $db ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'restored', $dump ], 'restored');
is_deeply(fingerprints($node, 'restored', @tables), $before, 'live rows, months and drift are back, to the last bit');
for my $where ($db, 'restored')
{
    $db = $where;
    refresh();
    is(months(), "2031-02-01 02-28 23:50 04-29 23:50 300 300\n$march 300 298\n$april", "$where: March is worked out: who bought at its ends, by local time, is told apart");
}
is(sql("SELECT l ->> 'month' || ' ' || (l ->> 'examples') FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn') -> 'versions') v, jsonb_array_elements(v -> 'live') l"), "2031-03-01 300\n2031-02-01 300", 'and shown, the newest first');
is(sql("SELECT m -> 'drift' FROM jsonb_array_elements(swipesavvy.list_ml_models() -> 'models') m WHERE m ->> 'model_name' = 'churn'"), 'true', 'as is drift');

# --- a refresh that comes to nothing ---------------------------------------------------------------------------

$db = 'app';
set_up(400, '2031-04-28 12:00+02');
sql("SELECT swipesavvy.set_job('train_models', enabled => false)");
$node->poll_query_until($db, "SELECT j ->> 'state' = 'ok' FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j WHERE j ->> 'job' = 'refresh_models'") or die 'it does not run';
sql("DELETE FROM swipesavvy.ml_live; DELETE FROM swipesavvy.ml_live_months; SELECT swipesavvy.set_job('refresh_models', next_run_at => now())");
$node->poll_query_until($db, 'SELECT count(*) = 400 FROM swipesavvy.ml_live') or die 'nothing is kept';
sql("SELECT swipesavvy.set_job('refresh_models', enabled => false)"); # when the clock is set, it would be due
# another month: all scores have been written anew when it wants to keep some of them, and is kept waiting
set_clock('2031-05-01 00:05');
my @of_refresh = map { "swipesavvy.$_" } qw(ml_live ml_live_months ml_drift ml_scores ml_scored ml_send_prior ml_models);
my $was;

# Has the worker begin, and stops it where it begins the month.
sub begin_refresh
{
    $was = fingerprints($node, $db, @of_refresh);
    sql(q{CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
        CREATE TRIGGER stop_here BEFORE INSERT ON swipesavvy.ml_live_months FOR EACH ROW EXECUTE FUNCTION stop_here();
        SELECT swipesavvy.set_job('refresh_models', enabled => true, next_run_at => now())});
    $node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'refresh_models' AND wait_event = 'PgSleep'}) or die 'it does not get there';
    return sql(q{SELECT pid FROM pg_stat_activity WHERE query = 'refresh_models' AND state = 'active'});
}
sub let_go { return sql('DROP TRIGGER stop_here ON swipesavvy.ml_live_months; DROP FUNCTION stop_here()') }

my $pid = begin_refresh();
my $user = '00000000-0000-7000-8000-000000000009';
is(sql("SET lock_timeout = '2s'; SELECT swipesavvy.record_transaction('$user', 5, idempotency_key => 'r') ->> 'status'; SELECT swipesavvy.refund_transaction((swipesavvy.record_transaction('$user', 5, idempotency_key => 'r') ->> 'transaction_id')::uuid) IS NOT NULL"),
    "completed\nt", 'purchases and refunds go on in the middle of a refresh');
is(sql("SET lock_timeout = '2s'; SELECT count(*) FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn') -> 'versions')"), 1, 'and so do readers');
sql("SELECT pg_cancel_backend($pid)");
$node->poll_query_until($db, "SELECT j ->> 'last_error' LIKE '57014:%' FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j WHERE j ->> 'job' = 'refresh_models'") or diag 'it is not cancelled';
sql("SELECT swipesavvy.set_job('refresh_models', enabled => false)");
let_go();
is_deeply(fingerprints($node, $db, @of_refresh), $was, 'cancelled: nothing of it is there');

$pid = begin_refresh();
kill 'KILL', $pid;
my $waited = 0;
sleep 1 while -e $node->data_dir . '/postmaster.pid' && $waited++ < 60;
$node->stop('immediate', fail_ok => 1);
start();
sql("SELECT swipesavvy.set_job('refresh_models', enabled => false)");
is_deeply(fingerprints($node, $db, @of_refresh), $was, 'killed: nothing of it is there, either');
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE query = 'refresh_models' AND state = 'active'});
let_go();
sql("SELECT swipesavvy.set_job('refresh_models', enabled => true, next_run_at => now())");
ok($node->poll_query_until($db, q{SELECT count(*) = 400 FROM swipesavvy.ml_live WHERE month = '2031-05-01'}), 'the next run does it all');
sql("SELECT swipesavvy.set_job('refresh_models', enabled => false)");

set_clock('2031-06-01 00:05');
begin_refresh();
my $begun = time;
$node->safe_psql('postgres', "DROP DATABASE $db WITH (FORCE)");
cmp_ok(time - $begun, '<', 30, 'a database is dropped in the middle of it');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = '$db'"), 0, 'and is gone');

$node->stop;
done_testing();
