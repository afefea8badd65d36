# After pg_upgrade, which makes another server and goes on with its transaction ids, the audit log is another installation's: its tail is
# sealed under the old one, and what a witness kept still fits. The background worker, which both servers are set up with, does nothing
# meanwhile, and goes on afterwards. A test that runs goes on, too: everybody stays in the group they were in, and keeps what a flag gave.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user fingerprints pg_upgrade no_pg_upgrade);
use Test::More;

plan skip_all => no_pg_upgrade() if no_pg_upgrade();

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
# an A/B test between campaigns and one between values of a flag, and a flag that keeps what it gave
my ($test, $values) = map { "00000000-0000-7000-8000-0000000000a$_" } 1, 2;
$old->safe_psql('app', qq{SET search_path = swipesavvy;
    SELECT count(create_user(format('u%s\@example.com', n), 'U', user_id => format('00000000-0000-7000-8000-0000000001%s', lpad(n::text, 2, '0'))::uuid)) FROM generate_series(1, 40) n;
    SELECT count(create_campaign(c, 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', campaign_id => c)) FROM unnest('{U-0,U-1}'::text[]) c;
    SELECT create_ab_test('Upgraded', 'U-0', '{U-1}', hold_out => 0.2, covariate_days => 0, test_id => '$test'); SELECT start_ab_test('$test');
    SELECT create_flag('tested', 'Tested', value_type => 'string', default_value => '"x"', value => '"y"', enabled => true);
    SELECT create_flag_test('Values', 'tested', '["a", "b", "c"]', test_id => '$values'); SELECT start_ab_test('$values');
    SELECT create_flag('kept', 'Kept', value_type => 'string', default_value => '"x"', value => '"y"', enabled => true, sticky => true,
        rules => '[{"id": "e", "variations": ["a", "b"], "weights": [1, 0], "meta": [{"key": "one"}, {"key": "two"}]}]');
    SELECT set_flag_override('tested', '$user', '"own"');
    SELECT count(record_transaction(user_id, 20)), count(assign_flag('tested', user_id)), count(assign_flag('kept', user_id)), count(evaluate_flag('dark_mode', user_id)) FROM users;
    SELECT flush_flag_usage(); SELECT refresh_ab_tests('$test')});
my $given = q{SELECT string_agg(concat_ws(' ', u.user_id, swipesavvy.assign_ab_test('%s', u.user_id) ->> 'group', swipesavvy.evaluate_flag('tested', u.user_id) ->> 'value', swipesavvy.evaluate_flag('kept', u.user_id) ->> 'value',
    (SELECT c.campaign_id FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c USING (campaign_no) JOIN swipesavvy.transactions t USING (user_id, transaction_id)
      WHERE r.user_id = u.user_id ORDER BY t.transaction_id DESC LIMIT 1)), ', ' ORDER BY u.user_id) FROM swipesavvy.users u};
my $was = $old->safe_psql('app', sprintf $given, $test);
like($was, qr/$_/, "somebody is given $_") for 'U-0', 'U-1', ' a a', ' b a', ' c a', ' own a', ' 2 [abc] a(,|$)';
my $last_xid = $old->safe_psql('app', 'SELECT max(xid::text::bigint) FROM swipesavvy.audit_logs');
$old->append_conf('postgresql.conf', "swipesavvy.databases = ''");
$old->restart;
my @own = map { "swipesavvy.$_" } qw(jobs health_samples health_minutes health_hours health_days health_alerts health_states health_thresholds ledger_check_days
    ab_tests ab_test_groups ab_test_pauses ab_test_exposures ab_test_sums ab_test_versions feature_flags feature_flag_rollouts feature_flag_overrides feature_flag_assignments
    feature_flag_usage feature_flag_analytics feature_flag_audit_log);
my $before = fingerprints($old, 'app', @own);
$old->append_conf('postgresql.conf', "swipesavvy.databases = 'app'");
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', $_) for @settings;
my $dir = PostgreSQL::Test::Utils::tempdir();
chdir $dir or die $!;
command_ok(pg_upgrade($old, $new), 'pg_upgrade');
$new->append_conf('postgresql.conf', "swipesavvy.databases = ''");
$new->start;
is_deeply(fingerprints($new, 'app', @own), $before, 'no job has run meanwhile, and all that was measured is there');
$new->append_conf('postgresql.conf', "swipesavvy.databases = 'app'");
$new->reload;
ok($new->poll_query_until('app', "SELECT swipesavvy.worker_status() ->> 'state' = 'running'"), 'then the worker of the new server goes on');
is($new->safe_psql('app', sprintf $given, $test), $was, 'everybody is in the group of before, and given what was given');
$new->safe_psql('app', q{SELECT swipesavvy.update_flag('kept', '{"rules": [{"id": "e", "variations": ["a", "b"], "weights": [0, 1], "meta": [{"key": "one"}, {"key": "two"}]}]}'),
    (SELECT count(swipesavvy.record_transaction(user_id, 30)) FROM swipesavvy.users)});
is($new->safe_psql('app', sprintf $given, $test), $was, 'also by purchases that follow, and when the rules of a sticky flag have changed');
is(json($new, 'app', "SELECT swipesavvy.get_ab_test_results('$test', refresh => true)")->{status}, 'running', 'the test goes on');
is($new->safe_psql('app', "SELECT sum(s) FROM swipesavvy.ab_test_sums JOIN swipesavvy.ab_tests USING (test_no) WHERE test_id = '$test' AND metric = 'orders'"),
    $new->safe_psql('app', 'SELECT count(*) FROM swipesavvy.transactions t WHERE occurred_at >= (SELECT started_at FROM swipesavvy.ab_tests WHERE test_id = $$' . $test . '$$)'), 'and counts purchases of both servers');
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
