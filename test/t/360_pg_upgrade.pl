# After pg_upgrade, which makes another server and goes on with its transaction ids, the audit log is another installation's: its tail is
# sealed under the old one, and what a witness kept still fits. The background worker, which both servers are set up with, does nothing
# meanwhile, and goes on afterwards.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user fingerprints);
use Test::More;

my $bindir = `$ENV{PG_CONFIG} --bindir`;
chomp $bindir;
plan skip_all => 'no pg_upgrade' unless -x "$bindir/pg_upgrade";

my @settings = ("shared_preload_libraries = 'swipesavvy'", "swipesavvy.databases = 'app'", 'swipesavvy.health_interval = 1');
my $old = new_node('old', @settings);
create_extension($old, 'app');
my $all_well = "SELECT bool_and(j ->> 'state' = 'ok') FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j";
my $measured = 'SELECT count(*) >= 3 FROM swipesavvy.health_samples';
ok($old->poll_query_until('app', $_), 'the worker of the old server') for $all_well, $measured;
$old->safe_psql('app', q{SELECT swipesavvy.set_health_threshold('database_bytes', 1), swipesavvy.set_job(job, enabled => false) FROM (VALUES ('seal_audit_log'), ('apply_audit_retention')) j (job)});
ok($old->poll_query_until('app', "SELECT count(*) = 1 FROM swipesavvy.health_alerts WHERE figure = 'database_bytes' AND resolved_at IS NULL"), 'an alert is open');
# an hour of its history
$old->safe_psql('app', q{SELECT swipesavvy.set_job('sample_health', enabled => false);
    INSERT INTO swipesavvy.health_samples SELECT now() - interval '2 hours' + n * interval '1 minute', '{"connections": 5}' FROM generate_series(1, 60) n; SELECT swipesavvy.roll_up_health()});
my $user = add_user($old, 'app', 'ada@example.com');
$old->safe_psql('app', "SELECT swipesavvy.record_transaction('$user', 12)");
my $witness = json($old, 'app', 'SELECT swipesavvy.seal_audit_log()')->{latest_seal};
$old->safe_psql('app', "SELECT swipesavvy.update_user('$user', '{\"name\": \"Before\"}')");
my $last_xid = $old->safe_psql('app', 'SELECT max(xid::text::bigint) FROM swipesavvy.audit_logs');
$old->append_conf('postgresql.conf', "swipesavvy.databases = ''");
$old->restart;
my @own = map { "swipesavvy.$_" } qw(jobs health_samples health_minutes health_hours health_days health_alerts health_states health_thresholds ledger_check_days);
my $before = fingerprints($old, 'app', @own);
$old->append_conf('postgresql.conf', "swipesavvy.databases = 'app'");
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', $_) for @settings;
my $dir = PostgreSQL::Test::Utils::tempdir();
chdir $dir or die $!;
command_ok([ "$bindir/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port ],
    'pg_upgrade');
$new->append_conf('postgresql.conf', "swipesavvy.databases = ''");
$new->start;
is_deeply(fingerprints($new, 'app', @own), $before, 'no job has run meanwhile, and all that was measured is there');
$new->append_conf('postgresql.conf', "swipesavvy.databases = 'app'");
$new->reload;
ok($new->poll_query_until('app', "SELECT swipesavvy.worker_status() ->> 'state' = 'running'"), 'then the worker of the new server goes on');
my $start = $new->safe_psql('app', 'SELECT clock_timestamp()');
$new->safe_psql('app', q{SELECT swipesavvy.set_job('sample_health', enabled => true), swipesavvy.set_health_threshold('database_bytes'); SELECT swipesavvy.set_job(job, next_run_at => clock_timestamp()) FROM swipesavvy.jobs WHERE enabled});
ok($new->poll_query_until('app', "SELECT bool_and(succeeded_at > '$start') FROM swipesavvy.jobs WHERE enabled"), 'with every job');
ok($new->poll_query_until('app', "SELECT count(*) = 1 FROM swipesavvy.outbox WHERE event = 'alert.resolved' AND order_key = 'alert:database_bytes'"), 'and resolves the alert that was open');
is($new->safe_psql('app', q{SELECT sum((p ->> 'samples')::int) >= 59 FROM jsonb_array_elements(swipesavvy.get_health_history('connections', resolution => 'minute') -> 'points') p}), 't', 'history goes on');
is(json($new, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is there');
$new->safe_psql('app', "SELECT swipesavvy.update_user('$user', '{\"name\": \"After\"}')");
is($new->safe_psql('app', q{SELECT string_agg(installation_no || ' ' || coalesce(details::jsonb #>> '{after,name}', ''), ', ' ORDER BY xid) FROM swipesavvy.audit_logs WHERE event_type = 'user.update'}),
    '1 Before, 2 After', 'it is another installation');
cmp_ok($new->safe_psql('app', 'SELECT max(xid::text::bigint) FROM swipesavvy.audit_logs'), '>', $last_xid, 'whose transaction ids go on');
is(json($new, 'app', 'SELECT swipesavvy.seal_audit_log()')->{new_seals}, 2, 'a seal for the tail of the old one, and one for the new one');
my $verified = json($new, 'app', "SELECT swipesavvy.verify_audit_log($witness->{seal_no}, '$witness->{digest}')");
is_deeply([ @$verified{qw(status rows_unsealed)} ], [ 'intact', 0 ], 'which fit with what a witness kept');
$new->stop;

done_testing();
