# What the background worker measures: each thing that goes wrong raises its alert, and resolves it after.
# Takes long: begun among the first.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(create_extension json);
use Test::More;
use Worker qw(watch sql wait_for);

my $node = PostgreSQL::Test::Cluster->new('health');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'swipesavvy'\nswipesavvy.databases = 'app'\nswipesavvy.health_interval = 1\nmax_connections = 20\nautovacuum = off");
watch($node)->start;
create_extension($node, 'app');
# What the machine is busy with beside this test is no matter of it; an alert that it has raised by now is counted.
my %earlier;
for my $figure (qw(cpu_percent memory_percent disk_percent))
{
    sql("INSERT INTO swipesavvy.health_thresholds VALUES ('$figure', 'infinity', 'infinity')"); # no call of the API yet: they are counted below
    wait_for("SELECT count(*) = 0 FROM swipesavvy.health_alerts WHERE figure = '$figure' AND resolved_at IS NULL", "$figure: there is no alert");
    $earlier{$figure} = sql("SELECT count(*) FROM swipesavvy.health_alerts WHERE figure = '$figure'");
}

my $count = 'SELECT count(*) FROM swipesavvy.health_samples';

# What is measured at each look has another name, and is said instead while it is wrong.
my %live = (connections_percent => 'connection_usage', api_error_percent => 'api_error_rate', outbox_oldest_seconds => 'oldest_job_seconds', outbox_dead => 'failed_jobs_last_hour');

# Beginning and end of an alert: how many samples over the threshold there were after the beginning. test/sql/health_samples.sql shows that
# one is not enough.
sub alert
{
    my ($figure, $begin, $end) = @_;
    my $times = ($earlier{$figure} // 0) + 1;
    $begin->();
    my $start = sql('SELECT clock_timestamp()');
    wait_for("SELECT count(*) = 1 FROM swipesavvy.health_alerts WHERE figure = '$figure' AND resolved_at IS NULL", "$figure: an alert opens");
    cmp_ok(sql("SELECT count(*) FROM swipesavvy.health_samples s, swipesavvy.health_alerts a WHERE a.figure = '$figure' AND a.resolved_at IS NULL
        AND s.sampled_at > '$start' AND s.sampled_at <= a.opened_at AND (s.figures ->> '$figure')::float8 >= a.threshold"), '<=', 2, "$figure: with the second sample");
    my $names = join "', '", $figure, $live{$figure} // ();
    is(sql("SELECT count(*) FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a WHERE a ->> 'name' IN ('$names')"), 1, "$figure: get_system_health() shows it, once");
    is(sql("SELECT count(*) FROM swipesavvy.outbox WHERE event = 'alert.opened' AND order_key = 'alert:$figure'"), $times, "$figure: somebody can be paged");
    $end->();
    wait_for("SELECT count(*) = $times FROM swipesavvy.outbox WHERE event = 'alert.resolved' AND order_key = 'alert:$figure'", "$figure: it is resolved");
    return;
}

wait_for("SELECT count(*) >= 3 FROM swipesavvy.health_samples", 'samples follow one another');
my $figures = json($node, 'app', 'SELECT figures FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 1');
cmp_ok($figures->{disk_percent}, '>', 0, 'disks');
cmp_ok($figures->{commit_ms}, '>', 0, 'commits');
wait_for("SELECT min((figures ->> 'connections')::int) = 2 FROM swipesavvy.health_samples", 'its own sessions, the two workers, while nobody else is there')
  or diag sql('SELECT pid, backend_type FROM pg_stat_activity');
is($figures->{api_calls}, 0, 'what the workers call is not of the API');
is($figures->{database_bytes}, sql("SELECT figures -> 'database_bytes' FROM swipesavvy.health_samples ORDER BY sampled_at LIMIT 1"), 'the size of the database, of the first sample');
cmp_ok(abs($figures->{database_bytes} / sql('SELECT pg_database_size(current_database())') - 1), '<', 0.2, 'as it is');
for my $percent (qw(cpu_percent memory_percent)) { ok($figures->{$percent} >= 0 && $figures->{$percent} <= 100, "$percent: $figures->{$percent}") }
my @df = split ' ', (split /\n/, `df --output=pcent @{[ $node->data_dir ]}`)[1];
cmp_ok(abs($figures->{disk_percent} - ($df[0] =~ s/%//r)), '<', 2, 'as df says it');
my $health = json($node, 'app', 'SELECT swipesavvy.get_system_health()');
cmp_ok($health->{uptime_percent}, '>', 0, 'uptime');
cmp_ok(abs($health->{metrics}{disk_usage_percent} - $figures->{disk_percent}), '<', 2, 'get_system_health() knows the disks');

alert('disk_percent', sub { sql("SELECT swipesavvy.set_health_threshold('disk_percent', 0.001, 1000)") }, sub { sql("SELECT swipesavvy.set_health_threshold('disk_percent')") });

alert($_, sub { sql("SELECT swipesavvy.set_health_threshold('$_', 0.0001, 1e18)") }, sub { sql("SELECT swipesavvy.set_health_threshold('$_', 'infinity', 'infinity')") }) for qw(cpu_percent memory_percent database_bytes);
my $message = sql("INSERT INTO swipesavvy.outbox (message_id, event, version, body, due_at) VALUES (gen_random_uuid(), 'test', 1, '{}', now() - interval '20 minutes') RETURNING message_id");
alert('outbox_oldest_seconds', sub { }, sub { sql("UPDATE swipesavvy.outbox SET dead_at = now() WHERE message_id = '$message'") });
alert('outbox_dead', sub { }, sub { sql("SELECT swipesavvy.replay_outbox(ARRAY['$message'::uuid])") });
# a table that is missing is the service's fault
my $lost = sub { $node->psql('app', "ALTER TABLE swipesavvy.merchants RENAME TO lost;\n" . "SELECT swipesavvy.list_merchants();\n" x 120 . "ALTER TABLE swipesavvy.lost RENAME TO merchants;\n", on_error_stop => 0) };
alert('api_error_percent', $lost, sub { sql("SELECT swipesavvy.set_health_threshold('api_error_percent', 'infinity', 'infinity')") });
alert('errors_last_hour', sub { }, sub { sql("SELECT swipesavvy.set_health_threshold('errors_last_hour', 'infinity')") });

my $session = $node->background_psql('app');
sql("SELECT swipesavvy.set_health_threshold('oldest_transaction_seconds', 2, 1000), swipesavvy.set_health_threshold('idle_transaction_seconds', 2, 1000)");
alert('oldest_transaction_seconds', sub { $session->query_safe('BEGIN; LOCK TABLE swipesavvy.charities') }, sub { $session->query_safe('ROLLBACK') });
wait_for("SELECT count(*) = 1 FROM swipesavvy.outbox WHERE event = 'alert.resolved' AND order_key = 'alert:idle_transaction_seconds'", 'it was idle, too, and another user\'s: pg_monitor sees it');
sql("SELECT swipesavvy.set_health_threshold('lock_wait_seconds', 1, 1000)");
my $waiter = $node->background_psql('app');
alert('lock_wait_seconds', sub { $session->query_safe('BEGIN; LOCK TABLE swipesavvy.charities'); $waiter->query_until(qr/begun/, "\\echo begun\nBEGIN; LOCK TABLE swipesavvy.charities; COMMIT;\n") }, sub { $session->query_safe('ROLLBACK') });
$_->quit for $session;
eval { $waiter->quit };

# 95 % of 20 connections
my @crowd;
alert('connections_percent', sub { push @crowd, $node->background_psql('app') for 1 .. 15; sql("SELECT swipesavvy.set_health_threshold('connections_percent', 70, 95)") },
    sub { $_->quit for splice @crowd });

# a replica that stops, and comes back
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
wait_for("SELECT (figures ->> 'replicas')::int = 1 FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 1", 'a replica');
is($standby->safe_psql('app', "SELECT swipesavvy.metrics() ~ 'swipesavvy_replicas [01]'"), 't', 'which answers, too');
alert('replicas_lost', sub { $standby->stop('immediate') }, sub { $standby->start });
$standby->stop;

# minutes are summed up while all this goes on
wait_for('SELECT count(*) > 0 FROM swipesavvy.health_minutes', 'minutes are summed up');
is(sql(q{SELECT count(*) FROM jsonb_to_recordset(swipesavvy.get_health_history('connections', resolution => 'minute') -> 'points') p (at timestamptz, min int, max int, samples int)
    WHERE NOT EXISTS (SELECT FROM swipesavvy.health_samples s WHERE s.sampled_at >= p.at AND s.sampled_at < p.at + interval '1 minute'
        HAVING (p.min, p.max, p.samples) = (min((s.figures ->> 'connections')::int), max((s.figures ->> 'connections')::int), count(*)))}), 0, 'as their samples were');

sql('SELECT swipesavvy.health()');
wait_for("SELECT (figures ->> 'api_calls')::int > 0 FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 1", 'what others call is');

SKIP: {
    skip 'promtool is not installed (Debian: prometheus)', 8 unless `sh -c 'command -v promtool'`;
    my ($out, $err) = ('', '');
    my $metrics = sql('SELECT swipesavvy.metrics()') . "\n";
    ok(IPC::Run::run([ 'promtool', 'check', 'metrics' ], '<', \$metrics, '>', \$out, '2>', \$err), 'promtool has nothing to say against the metrics');
    is("$out$err", '', 'at all');
    like($metrics, qr/^swipesavvy_$_$/m, 'units') for 'disk_ratio 0\.\d+', 'memory_ratio 0\.\d+', 'api_calls \d+', 'api_p99_seconds \d+\.\d+', 'outbox_oldest_seconds \d+', 'database_bytes \d+';
}
done_testing();
