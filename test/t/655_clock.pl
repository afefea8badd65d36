# The clock was eight hours ahead for a while and was set right: nothing rests until it is eight hours later. The whole server,
# worker included, has a clock on the wall that this test sets (lib/wall_clock.c); needs a C compiler.
# Takes long: begun among the first.
use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Stub;
use SwipeSavvy qw(create_extension json add_user);
use Test::More;
use Worker qw(watch sql wait_for $all_well run_now set_key add_hook);

my $dir = PostgreSQL::Test::Utils::tempdir();
plan skip_all => 'no C compiler, or none for this system: the clock cannot be set'
    if system('cc', '-shared', '-fPIC', '-O1', '-o', "$dir/wall_clock.so", dirname(__FILE__) . '/lib/wall_clock.c') != 0;

# Moves the clock of every process of the server at once.
sub set_clock
{
    my ($hours) = @_;
    open my $file, '+<', "$dir/ahead" or die "ahead: $!";
    binmode $file;
    print {$file} pack 'q', 3600 * $hours;
    close $file or die "ahead: $!";
    return;
}
append_to_file("$dir/ahead", pack 'q', 0);

my $node = watch(PostgreSQL::Test::Cluster->new('clock'));
$node->init;
$node->append_conf('postgresql.conf', $_) for "shared_preload_libraries = 'swipesavvy'", "swipesavvy.databases = 'app'",
    'swipesavvy.health_interval = 1s', "swipesavvy.private_networks = '127.0.0.0/8'", 'autovacuum = off';
{
    local @ENV{qw(LD_PRELOAD WALL_CLOCK)} = ("$dir/wall_clock.so", "$dir/ahead");
    $node->start;
}
create_extension($node, 'app');
my $stub = Stub->new;

sub fails { my (undef, undef, $err) = $node->psql('app', "\\set VERBOSITY sqlstate\n$_[0]"); return $err =~ /ERROR:\s+(\w{5})/ ? $1 : 'done' }
sub claimed { return grep { defined } map { $_->{body}{n} } @{ json($node, 'app', "SELECT swipesavvy.claim_outbox(lease_seconds => 3000)")->{messages} } }
sub put
{
    my ($n, $sink) = @_;
    my $to = defined $sink ? "'$sink'" : 'NULL';
    return sql("INSERT INTO swipesavvy.outbox (message_id, event, version, body, sink) VALUES (swipesavvy.uuid_v7(), 'test', 1, '{\"n\": $n}', $to) RETURNING message_id");
}

my $user = add_user($node, 'app', 'ada@example.com');
sql("SELECT swipesavvy.create_user('bob\@example.com', 'Bob', 'correct horse'), swipesavvy.create_user('cyd\@example.com', 'Cyd', 'correct horse')");
my $before = json($node, 'app', "SELECT swipesavvy.sign_in('bob\@example.com', 'correct horse')");
my $then;    # a session of when the clock was ahead
sql(qq{SELECT swipesavvy.update_system_settings('{"rate_limit_per_minute": 3}'),
    swipesavvy.create_sink('report', 'pushgateway', '@{[$stub->url('/report')]}')});
set_key('s3cret-and-long');
add_hook($_, $stub->url("/$_")) for 'hook', 'down';
wait_for($all_well, 'each job has run');
wait_for('SELECT count(*) >= 3 FROM swipesavvy.health_samples', 'there are samples');
my @workers = sort split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'swipesavvy worker'});
my $uptime = sql('SELECT sum(seconds_up) FROM swipesavvy.health_days');
my $old = put(1);

# A call of a customer, of which three are allowed in a minute
my $call = "BEGIN; SET LOCAL swipesavvy.trusted_gateways = 'postgres'; SELECT set_config('request.jwt.claims', '{\"sub\": \"$user\"}', true) IS NULL;"
    . " SET LOCAL ROLE swipesavvy_customer; SELECT swipesavvy.get_user_profile('$user') IS NULL; COMMIT";

subtest 'eight hours ahead' => sub {
    set_clock(8);
    wait_for("SELECT clock_timestamp() > localtimestamp AT TIME ZONE 'UTC' - interval '1 second' AND max(sampled_at) > clock_timestamp() - interval '3 seconds' FROM swipesavvy.health_samples",
        'samples are taken then');
    wait_for("SELECT bool_and(next_run_at > clock_timestamp() - interval '1 minute') FROM swipesavvy.jobs", 'what was due in between is done');
    # a message that was never claimed, one that is claimed, one that has failed, and those of sinks
    is_deeply([ claimed() ], [1], 'one of before is claimed');
    my $failed = put(2);
    is_deeply([ claimed() ], [2], 'and one of then');
    sql("SELECT swipesavvy.fail_outbox('$failed', 'no')");
    put(3);
    $stub->on('/down', { status => 503 });
    put($_, 'down') for 1 .. 6;
    wait_for("SELECT failures_in_a_row >= 5 AND not_before > clock_timestamp() FROM swipesavvy.sink_states WHERE sink = 'down'", 'a sink that fails is left alone');
    put(7, 'hook');
    wait_for("SELECT count(*) = 1 FROM swipesavvy.outbox WHERE sink = 'hook' AND delivered_at IS NOT NULL", 'another one gets its message');
    wait_for("SELECT sent_through > clock_timestamp() - interval '10 seconds' FROM swipesavvy.sink_states WHERE sink = 'report'", 'and reports go out');
    # hundreds of calls of a user
    is(fails($call), 'done', "call $_ is one of three in this minute") for 1 .. 3;
    ok((grep { $_ eq 'PT429' } map { fails($call) } 1 .. 4), 'then the user has to wait');
    # somebody signs in, and somebody is locked out
    $then = json($node, 'app', "SELECT swipesavvy.sign_in('bob\@example.com', 'correct horse')");
    sql("SELECT swipesavvy.sign_in('cyd\@example.com', 'wrong horse')") for 1 .. 5;
    is(json($node, 'app', "SELECT swipesavvy.sign_in('cyd\@example.com', 'correct horse')")->{access_token}, undef, 'who guessed five times is locked out');
    sql("SELECT swipesavvy.set_job('refresh_tiers', every => '1 hour'), swipesavvy.set_job('expire_points', next_run_at => now() + interval '30 days')");
    set_clock(8.02);
    run_now('roll_up_health');
    wait_for("SELECT count(*) >= 1 FROM swipesavvy.health_minutes WHERE starts_at > clock_timestamp() - interval '5 minutes'", 'and samples are summed up');
};

my $back = sql("SELECT clock_timestamp() - interval '8 hours'");
put(8, 'hook');
set_clock(0);
$stub->on('/down', { status => 200 });

subtest 'set right' => sub {
    wait_for('SELECT count(*) = 0 AND (SELECT count(*) FROM swipesavvy.health_samples WHERE sampled_at > now() - interval \'3 seconds\') > 0 FROM swipesavvy.health_samples WHERE sampled_at > clock_timestamp() + interval \'2 seconds\'',
        'samples go on, and none lies ahead');
    is(sql(q{SELECT (swipesavvy.get_system_health() #>> '{metrics,disk_usage_percent}') IS NOT NULL}), 't', 'what the worker measures is known');
    is(sql(q{SELECT (SELECT count(*) FROM swipesavvy.health_minutes WHERE starts_at > now()) + (SELECT count(*) FROM swipesavvy.health_days WHERE last_at > clock_timestamp() + interval '2 seconds')}), 0, 'no minute or day lies ahead');
    cmp_ok(sql('SELECT sum(seconds_up) FROM swipesavvy.health_days'), '>=', $uptime, 'the uptime of before is kept');
    cmp_ok(sql(q{SELECT (swipesavvy.get_system_health() ->> 'uptime_percent')::numeric <= 100}), 'eq', 't', 'and is no more than all');

    wait_for("SELECT bool_and(started_at <= clock_timestamp() AND started_at >= '$back') FROM swipesavvy.jobs WHERE job IN ('complete_campaigns', 'sample_health', 'record_refused_attempts', 'roll_up_health', 'lapse_transactions')",
        'jobs of each minute run within a minute');
    is(sql("SELECT string_agg(job, ' ') FROM swipesavvy.jobs WHERE job <> 'expire_points' AND next_run_at > now() + make_interval(secs => coalesce(every_seconds, 86400))"), '',
        'none waits for longer than its interval');
    is(sql("SELECT next_run_at > now() + interval '29 days' FROM swipesavvy.jobs WHERE job = 'expire_points'"), 't', 'but for the one that an admin has postponed');

    is_deeply([ sort { $a <=> $b } claimed() ], [ 1, 2, 3 ], 'messages that were claimed, had failed or were new then are handed out');
    is_deeply([ claimed() ], [], 'once');
    wait_for("SELECT count(*) = 2 FROM swipesavvy.outbox WHERE sink = 'hook' AND delivered_at IS NOT NULL", 'a sink gets what was put there then');
    wait_for("SELECT count(*) = 6 FROM swipesavvy.outbox WHERE sink = 'down' AND delivered_at IS NOT NULL", 'one that was left alone gets all, once it answers');
    wait_for("SELECT sent_through BETWEEN '$back' AND clock_timestamp() FROM swipesavvy.sink_states WHERE sink = 'report'", 'reports go on');

    ok((grep { fails($call) eq 'done' } 1 .. 2), 'the user may call again');
    for my $session ($before, $then)
    {
        my $next = json($node, 'app', "SELECT swipesavvy.refresh_session('$session->{refresh_token}')");
        is(json($node, 'app', "SELECT swipesavvy.verify_token('$next->{access_token}')")->{valid}, JSON::PP::true, 'a session goes on, of before or of then');
    }
    is(json($node, 'app', "SELECT swipesavvy.verify_token('$then->{access_token}')")->{valid}, JSON::PP::false, 'an access token of then has to be refreshed');
    sql("SELECT swipesavvy.sign_in('cyd\@example.com', 'wrong horse')");
    cmp_ok(sql('SELECT extract(epoch FROM max(locked_until) - clock_timestamp()) FROM swipesavvy_private.sign_in_failures'), '<=', 60, 'a lock-out has left what it had left then');
    is_deeply([ sort split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'swipesavvy worker'}) ], \@workers, 'by the same workers as ever');
    is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');
    is(json($node, 'app', 'SELECT swipesavvy.verify_audit_log()')->{status}, 'intact', 'and the audit log intact');
};

done_testing();
