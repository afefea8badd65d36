# What may happen to a database while its workers run: the extension is updated and made again under load, the server is started with wrong
# settings or is promoted. They go on, and what they do stays right.
# Takes long: begun among the first.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(create_extension json add_user add_campaign);
use Test::More;
use Worker qw(watch sql wait_for $running $all_well worker_pids);

my $node = PostgreSQL::Test::Cluster->new('life');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'swipesavvy'\nswipesavvy.databases = 'app'\nswipesavvy.health_interval = 1\nmax_connections = 40");
watch($node)->start;
create_extension($node, 'app');

sub pids { return join ' ', worker_pids(@_) }
sub load { my ($seconds, $script) = @_;
    my $file = $node->basedir . '/load' . int(rand(1e9)) . '.sql';
    PostgreSQL::Test::Utils::append_to_file($file, $script);
    my $run = { err => '' };
    $run->{process} = IPC::Run::start([ 'pgbench', '-n', '-c', 3, '-T', $seconds, '-f', $file, '-d', $node->connstr('app') ], '>', '/dev/null', '2>', \$run->{err});
    return $run;
}

my $sampling = q{SELECT count(*) >= 3 FROM swipesavvy.health_samples WHERE sampled_at > '%s'};
# every job each second, so that something is always under way
my $busy = q{SELECT swipesavvy.set_job(j ->> 'job', every => '1 second') FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j};
sub now { return sql('SELECT clock_timestamp()', $_[0]) }

wait_for($all_well, 'all jobs are done');
my @users = map { add_user($node, 'app', "user$_\@example.com") } 1 .. 20;
add_campaign($node, 'app', 'TEN', 50000);
sql($busy);
my $buy = qq{SELECT swipesavvy.record_transaction((ARRAY['@{[ join "','", @users ]}'])[1 + (random() * 19)::int]::uuid, 10);\n};

# Where this server looks for the files of extensions, if that can be written to.
my $directory = sql(q{SELECT coalesce(nullif(split_part(current_setting('extension_control_path', true), ':', 1), '$system'),
    nullif(current_setting('extension_destdir', true), '') || setting, setting) || '/extension' FROM pg_config WHERE name = 'SHAREDIR'});
SKIP: {
    skip 'files of extensions cannot be added here', 9 unless -w $directory;
    subtest 'an update' => sub {
        my $file = "$directory/swipesavvy--1.2.0--1.2.0.test.sql";
        # what a release does: columns (tables in the order in which purchases lock them), functions that are other ones, and that are no more
        PostgreSQL::Test::Utils::append_to_file($file, <<'SQL');
ALTER TABLE swipesavvy.transactions ADD COLUMN later bigint;
ALTER TABLE swipesavvy.reward_accounts ADD COLUMN later bigint;
ALTER TABLE swipesavvy.outbox ADD COLUMN later integer;
ALTER TABLE swipesavvy.jobs ADD COLUMN later text;
ALTER TABLE swipesavvy.health_samples ADD COLUMN later text DEFAULT 'x';
DROP FUNCTION swipesavvy.check_ledger(integer);
CREATE FUNCTION swipesavvy.check_ledger(accounts integer DEFAULT 7) RETURNS jsonb LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'swipesavvy_check_ledger';
REVOKE ALL ON FUNCTION swipesavvy.check_ledger(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION swipesavvy.check_ledger(integer) TO swipesavvy_admin;
DROP FUNCTION swipesavvy.refresh_tiers;
SQL
        my ($pids, $start) = (pids(), now());
        my $load = load(6, $buy);
        wait_for("SELECT count(*) > 20 FROM swipesavvy.transactions", 'there are purchases');
        my ($rc, $out, $err);
        for my $try (1 .. 10)
        {
            ($rc, $out, $err) = $node->psql('app', "SELECT swipesavvy.set_job('refresh_tiers', enabled => false); ALTER EXTENSION swipesavvy UPDATE TO '1.2.0.test'");
            last if $err !~ /deadlock detected/;    # with a job that was quicker: nothing has been done then
        }
        unlink $file;
        is($rc, 0, 'succeeds while purchases and jobs are under way') or diag $err;
        my ($version, $updated) = split /\|/, sql("SELECT extversion, clock_timestamp() FROM pg_extension WHERE extname = 'swipesavvy'");
        is($version, '1.2.0.test', 'the version');
        ok($load->{process}->finish, 'no purchase failed') or diag $load->{err};
        wait_for("SELECT count(*) > 20 FROM swipesavvy.transactions WHERE recorded_at > '$updated'", 'and there were more after it');
        wait_for(sprintf($sampling, $updated), 'samples go on');
        wait_for("SELECT count(*) >= 10 AND bool_and(succeeded_at > '$updated') FROM swipesavvy.jobs WHERE enabled", 'and all the jobs that there are');
        is(pids(), $pids, 'by the same processes');
        is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');
        is(sql('SELECT count(*) FROM swipesavvy.ledger_mismatches'), 0, 'and was never found otherwise');
    };
}

subtest 'made again under load' => sub {
    my $pids = pids();
    my $deadlocks = 0;
    # whoever calls just then may find no function; what matters here is what comes of the workers
    my $load = load(300, "SELECT 1 AS x \\gset\nSELECT pg_sleep(0.001) FROM pg_extension WHERE extname = 'swipesavvy';\n");
    for my $round (1 .. 6)
    {
        my $done = 0;
        for my $try (1 .. 10)
        {
            my ($rc, $out, $err) = $node->psql('app', 'BEGIN; SET LOCAL swipesavvy.allow_drop = on; DROP EXTENSION swipesavvy; CREATE EXTENSION swipesavvy; COMMIT', on_error_stop => 1);
            last if $done = $rc == 0;
            $deadlocks++;
            like($err, qr/deadlock detected/, 'the one thing that may come between') or last;
        }
        ok($done, "round $round: dropped and made again in one transaction");
        wait_for('SELECT count(*) >= 1 FROM swipesavvy.health_samples', 'it is sampled');
        sql($busy);
    }
    note("$deadlocks deadlocks");
    $load->{process}->kill_kill;
    wait_for($all_well, 'all jobs are done');
    is(pids(), $pids, 'by the same processes');
    # dropped, away for a while, and back
    for my $round (1, 2)
    {
        sql('SET swipesavvy.allow_drop = on; DROP EXTENSION swipesavvy');
        my $start = now();
        ok($node->poll_query_until('app', "SELECT count(*) = 2 AND bool_and(state = 'idle' AND state_change > '$start') FROM pg_stat_activity WHERE backend_type = 'swipesavvy worker'"), 'without it they look and wait');
        sql('CREATE EXTENSION swipesavvy');
        wait_for($all_well, 'until it is back');
        is(pids(), $pids, 'by the same processes');
    }
    unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated by signal|ERROR: +XX000/, 'no process has ended, no internal error');
};

subtest 'what a database or a role has set' => sub {
    my %settings = (default_transaction_isolation => 'serializable', default_transaction_read_only => 'on', default_transaction_deferrable => 'on', statement_timeout => '1ms', lock_timeout => '1ms',
        search_path => 'planted, pg_catalog', session_replication_role => 'replica', row_security => 'on', synchronous_commit => 'remote_apply', timezone => 'Pacific/Kiritimati',
        datestyle => 'German', intervalstyle => 'sql_standard', extra_float_digits => -15, bytea_output => 'escape', standard_conforming_strings => 'off', jit_above_cost => 0,
        enable_indexscan => 'off', plan_cache_mode => 'force_custom_plan', lc_messages => 'C', idle_in_transaction_session_timeout => '1ms', log_statement => 'all', role => 'nobody_much');
    sql('CREATE ROLE nobody_much; CREATE SCHEMA planted; CREATE FUNCTION planted.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT $q$1999-01-01$q$::timestamptz $$;
        CREATE FUNCTION planted.jsonb_build_object(VARIADIC "any") RETURNS jsonb LANGUAGE internal AS $$jsonb_build_array$$');
    for my $name (sort keys %settings)
    {
        my $value = $name eq 'search_path' ? $settings{$name} : "'$settings{$name}'";
        $node->safe_psql('postgres', "ALTER DATABASE app SET $name = $value") if $name ne 'role';
        $node->safe_psql('postgres', "ALTER ROLE CURRENT_USER IN DATABASE app SET $name = $value") if $name =~ /^(?:role|search_path|default_transaction_read_only)$/;
    }
    # those that would end our own session before it says that they are not for it
    local $ENV{PGOPTIONS} = '-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0';
    my $quiet = 'SET role = none; SET default_transaction_read_only = off; SET search_path = pg_catalog; SET session_replication_role = origin; BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = local;';
    my $start = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
    $node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'swipesavvy worker'});
    my ($done, $state);
    for (1 .. 600)
    {
        $state = sql("$quiet SELECT swipesavvy.set_job(j ->> 'job', next_run_at => '2000-01-01') IS NULL FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j WHERE j ->> 'job' = 'none';
            SELECT jsonb_agg(concat_ws(' ', j ->> 'job', j ->> 'state', j ->> 'last_error')) FILTER (WHERE (j ->> 'state') <> 'ok' OR (j ->> 'last_success_at')::timestamptz < '$start') FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j; COMMIT");
        last if $done = $state eq '';
        sql("$quiet SELECT count(swipesavvy.set_job(j ->> 'job', every => '1 second')) FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j; COMMIT") if $_ == 1;
        select undef, undef, undef, 0.1;
    }
    ok($done, 'changes nothing of the jobs') or diag $state;
    is(sql("$quiet SELECT count(*) FROM swipesavvy.health_samples WHERE sampled_at > '$start' AND jsonb_typeof(figures) = 'object' AND figures ? 'disk_percent'; COMMIT") > 0, 1, 'or of the samples');
    $node->safe_psql('postgres', "ALTER DATABASE app RESET $_") for grep { $_ ne 'role' } keys %settings;
    $node->safe_psql('postgres', "ALTER ROLE CURRENT_USER IN DATABASE app RESET ALL");
    wait_for($running, 'without it they run, too');
};

subtest 'wrong settings' => sub {
    $node->append_conf('postgresql.conf', "swipesavvy.databases = 'app, \"x'\nswipesavvy.health_interval = 0");
    $node->restart;
    my $log = slurp_file($node->logfile);
    like($log, qr/invalid value for parameter "swipesavvy.databases"/, 'a list that is none: the server starts, and says so');
    like($log, qr/0 s is outside the valid range for parameter "swipesavvy.health_interval"/, 'an interval that is none, the same');
    is(sql("SELECT concat_ws(' ', current_setting('swipesavvy.databases'), current_setting('swipesavvy.health_interval'), swipesavvy.worker_status() ->> 'state', swipesavvy.worker_status() ->> 'listed')"),
        ' 10s stopped false', 'these are as if they were not set');
    # listed twice, and a name that is too long
    my $long = 'x' x 80;
    $node->append_conf('postgresql.conf', "swipesavvy.databases = 'app, \"app\", APP, $long'\nswipesavvy.health_interval = 1");
    $node->reload;
    wait_for($running, 'once they are right, no restart is needed');
    is(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'swipesavvy worker'"), 2, 'a database that is listed twice has its workers once');
    my $cut = substr $long, 0, 63;
    ok($node->wait_for_log(qr/database "$cut" of swipesavvy.databases does not exist/), 'a name has at most 63 bytes');
    $node->append_conf('postgresql.conf', "swipesavvy.databases = 'app'\nswipesavvy.health_interval = 3600");
    $node->reload;
    sql("UPDATE swipesavvy.jobs SET every_seconds = NULL WHERE job = 'sample_health'");
    wait_for("SELECT next_run_at > now() + interval '50 minutes' FROM swipesavvy.jobs WHERE job = 'sample_health'", 'the interval changes with a reload');
    $node->append_conf('postgresql.conf', 'swipesavvy.health_interval = 1');
    $node->reload;
    my $start = now();
    sql("SELECT swipesavvy.set_job('sample_health', next_run_at => clock_timestamp())");
    wait_for(sprintf($sampling, $start), 'a shorter one with the sample that is due');
    wait_for($all_well, 'and all is well');

    # without preload nobody starts anything, and the status says so
    $node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
    $node->restart;
    is(sql("SELECT concat_ws(' ', swipesavvy.worker_status() ->> 'state', swipesavvy.worker_status() ->> 'listed')"), 'stopped true', 'without preload it is listed, and nothing runs');
    $node->append_conf('postgresql.conf', "shared_preload_libraries = 'swipesavvy'");
    $node->restart;
    wait_for($running, 'with it they do');
};

subtest 'a replica that is promoted' => sub {
    # an alert that is open, and another that nobody sees come to its end
    sql("SELECT swipesavvy.set_health_threshold('database_bytes', 1), swipesavvy.set_health_threshold('disk_percent', 0.001, 1000)");
    wait_for(q{SELECT count(*) = 2 FROM swipesavvy.health_alerts WHERE resolved_at IS NULL AND figure IN ('database_bytes', 'disk_percent')}, 'alerts are open');
    $node->backup('copy');
    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $standby->init_from_backup($node, 'copy', has_streaming => 1);
    $standby->start;
    $node->wait_for_catchup($standby);
    is(sql("SELECT concat_ws(' ', swipesavvy.worker_status() ->> 'state', swipesavvy.worker_status() ->> 'listed')", $standby), 'stopped true', 'a replica has no worker');
    is(sql(q{SELECT count(*) FROM jsonb_array_elements(swipesavvy.list_alerts(true) -> 'alerts') a WHERE a ->> 'figure' IN ('database_bytes', 'disk_percent')}, $standby), 2, 'it shows the alerts of its primary');
    is(sql(q{SELECT jsonb_array_length(swipesavvy.get_health_history('connections', resolution => 'sample') -> 'points') > 0}, $standby), 't', 'and its samples');
    sql("SELECT swipesavvy.set_health_threshold('disk_percent', 'infinity', 'infinity')");
    $node->stop('immediate');
    $standby->promote;
    my $start = now($standby);
    wait_for($running, 'once it is promoted they run', $standby);
    wait_for(sprintf($sampling, $start), 'it is sampled', $standby);
    wait_for("SELECT bool_and((j ->> 'last_success_at')::timestamptz > '$start') FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j", 'every job is done', $standby) if sql($busy, $standby);
    is(sql(q{SELECT string_agg(figure, ' ') FROM swipesavvy.health_alerts WHERE resolved_at IS NULL AND figure IN ('database_bytes', 'disk_percent')}, $standby), 'database_bytes', 'alerts go on where they were');
    sql("SELECT swipesavvy.acknowledge_alert(alert_id, 'failed over') FROM swipesavvy.health_alerts WHERE resolved_at IS NULL AND figure = 'database_bytes'; SELECT swipesavvy.set_health_threshold('database_bytes')", $standby);
    wait_for(q{SELECT count(*) = 1 FROM swipesavvy.health_alerts WHERE resolved_at IS NOT NULL AND acknowledged_at IS NOT NULL AND figure = 'database_bytes'}, 'and to their end', $standby);
    is(sql(q{SELECT string_agg(event, ' ' ORDER BY message_id) FROM swipesavvy.outbox WHERE order_key = 'alert:database_bytes'}, $standby), 'alert.opened alert.acknowledged alert.resolved', 'as it is told');
    unlike(slurp_file($standby->logfile), qr/PANIC|TRAP|was terminated by signal|ERROR: +XX/, 'no internal error');
    $standby->stop;
};

done_testing();
