# What the library can do only with shared memory: rate limits that count readers and calls that fail, and the figures of
# the API and the log in get_system_health(). Also over a restart.
# Takes long: begun among the first.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension add_user json);
use Test::More;

my $node = new_node('preloaded', "shared_preload_libraries = 'swipesavvy'", "max_connections = 20");
create_extension($node, 'app');
create_extension($node, 'other');

# A second copy, found in another directory, is refused, and says where the first one is.
my $library = $node->safe_psql('postgres', q{SELECT regexp_replace(current_setting('dynamic_library_path'), '[:$].*', '')});
$library = $node->safe_psql('postgres', q{SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'}) if $library eq '';
my $copy = PostgreSQL::Test::Utils::tempdir() . '/swipesavvy.so';
PostgreSQL::Test::Utils::system_or_bail('cp', "$library/swipesavvy.so", $copy);
my ($status, $out, $err) = $node->psql('postgres', "LOAD '$copy'");
like($err, qr/another copy of the library swipesavvy is loaded already\nDETAIL:  It is "\Q$library\E\/swipesavvy\.so", and this one is "\Q$copy\E"\.\nHINT: /,
    'a second copy of the library');
is($node->safe_psql('postgres', "LOAD 'swipesavvy'; SELECT 1"), 1, 'the first one again');

my $ada = add_user($node, 'app', 'ada@example.com');
my $bob = add_user($node, 'app', 'bob@example.com');
$node->safe_psql('app', q{
    CREATE ROLE gateway LOGIN NOINHERIT IN ROLE swipesavvy_anon, swipesavvy_customer;
    ALTER ROLE gateway SET swipesavvy.trusted_gateways = 'gateway';
});

sub call
{
    my ($user, $script, $db) = @_;
    my ($out, $err) = ('', '');
    $node->psql($db // 'app', "SET ROLE swipesavvy_customer;\nSET request.jwt.claims = '{\"sub\": \"$user\"}';\n\\set VERBOSITY sqlstate\n$script",
        stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', 'gateway' ]);
    return join ' ', (grep { length } split /\n/, $out), $err =~ /ERROR: +(\w{5})/g;
}

sub settings { $node->safe_psql($_[1] // 'app', "SELECT swipesavvy.update_system_settings('$_[0]')"); return }
sub health { return json($node, 'app', 'SELECT swipesavvy.get_system_health()') }

my $profile = "SELECT 'answer' FROM swipesavvy.get_user_profile('$ada');\n";
my $merchants = "SELECT 'answer' FROM swipesavvy.list_merchants();\n";

sub wait_for_room_in_minute
{
    $node->poll_query_until('app', 'SELECT extract(second FROM clock_timestamp()) < 40') or die 'no minute begins';
    return;
}

subtest 'rate limit' => sub {
    settings('{"rate_limit_per_minute": 3}', $_) for 'app', 'other';
    wait_for_room_in_minute();
    is(call($ada, $profile x 5), 'answer answer answer PT429 PT429', 'readers are counted');
    is(call($ada, "BEGIN READ ONLY;\n${profile}ROLLBACK;\n"), 'PT429', 'in read-only transactions too');
    is(call($ada, $merchants, 'other'), 'answer', 'in another database it is another programme');
    is(call($bob, $profile x 5), '42501 42501 42501 PT429 PT429', 'calls that fail are calls');
    is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.rate_limits'), 0, 'nothing is written');
    my $second = $node->safe_psql('app', 'SELECT extract(minute FROM clock_timestamp())');
    $node->poll_query_until('app', "SELECT extract(minute FROM clock_timestamp()) <> $second") or die 'the minute does not end';
    is(call($ada, $profile), 'answer', 'the next minute begins anew');
    settings('{"rate_limit_per_minute": null}', $_) for 'app', 'other';
    is(call($ada, $profile x 5), 'answer answer answer answer answer', 'without a limit nothing is refused');

    # many users at once: more than there is room for. Nobody who calls often is let off.
    settings('{"rate_limit_per_minute": 2}');
    my $eve = '00000000-0000-7000-8000-0000000000ee';
    my $crowd = q{DO $$ BEGIN FOR i IN 1 .. 40000 LOOP
        PERFORM set_config('request.jwt.claims', format('{"sub": "00000000-0000-7000-8001-%s"}', lpad(to_hex(i), 12, '0')), false);
        PERFORM swipesavvy.list_merchants();
    END LOOP; END $$;};
    my $out;
    for my $attempt (1 .. 10)
    {
        # on a busy machine the crowd may need more than what is left of the minute
        $node->poll_query_until('app', 'SELECT extract(second FROM clock_timestamp()) < 5') or die 'no minute begins';
        my $minute = "SELECT date_trunc('minute', clock_timestamp())";
        my $begun = $node->safe_psql('app', $minute);
        $out = call($eve, $merchants x 2 . "$crowd\nSET request.jwt.claims = '{\"sub\": \"$eve\"}';\n$merchants");
        last if $node->safe_psql('app', $minute) eq $begun;
    }
    is($out, 'answer answer PT429', 'among 40,000 users of a minute who called often is not forgotten');
    settings('{"rate_limit_per_minute": null}');
};

subtest 'API figures' => sub {
    $node->restart;
    my $before = health();
    is($before->{services}{api}{requests_per_second} + 0, 0, 'a server that has just started has answered nothing');
    is($before->{services}{api}{p99_latency_ms}, undef, 'so no time is known');
    is($before->{metrics}{errors_last_hour}, 0, 'and logged no error');

    call($ada, $merchants x 200);
    my $after = health();
    cmp_ok($after->{services}{api}{requests_per_second}, '>', 200 / 75, 'calls are counted');
    is($after->{services}{api}{error_rate} + 0, 0, 'none failed');
    my $p99 = $after->{services}{api}{p99_latency_ms};
    cmp_ok($p99, '>', 0, 'and their time is known');

    # five slow calls of two hundred
    $node->safe_psql('app', q{
        CREATE FUNCTION slow() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN true; END $$;
        GRANT EXECUTE ON FUNCTION slow() TO swipesavvy_owner;
        CREATE POLICY slow ON swipesavvy.merchant_categories USING (public.slow());
        ALTER TABLE swipesavvy.merchant_categories ENABLE ROW LEVEL SECURITY;
    });
    call($ada, "SELECT swipesavvy.list_merchant_categories() \\g /dev/null\n" x 5);
    $node->safe_psql('app', 'ALTER TABLE swipesavvy.merchant_categories DISABLE ROW LEVEL SECURITY');
    my $slow = health();
    cmp_ok($slow->{services}{api}{p99_latency_ms}, '>=', 300, 'slow calls show') or diag explain $slow->{services};

    # what is the caller's fault is no error of the service
    call($bob, $profile x 10);
    call($ada, "SELECT swipesavvy.get_user_profile('x');\nSELECT swipesavvy.get_user_profile(NULL);\n");
    is(health()->{services}{api}{error_rate} + 0, 0, 'refusals and bad values are the caller\'s');
    is(health()->{metrics}{errors_last_hour}, 0, 'in the log, too');
    $node->safe_psql('app', 'ALTER TABLE swipesavvy.merchants RENAME TO lost');
    call($ada, $merchants x 50);
    $node->safe_psql('app', 'ALTER TABLE swipesavvy.lost RENAME TO merchants');
    my $failed = health();
    cmp_ok($failed->{services}{api}{error_rate}, '>', 0.10, 'a missing table is the service\'s');
    is($failed->{metrics}{errors_last_hour}, 50, 'and the log has it');
    is($failed->{services}{api}{status}, 'unhealthy', 'that is unhealthy');
    is_deeply([ map { "$_->{name} $_->{severity}" } grep { $_->{name} eq 'api_error_rate' } @{ $failed->{alerts} } ], ['api_error_rate critical'], 'and an alert');
    is(json($node, 'app', 'SELECT swipesavvy.health()')->{status}, 'unhealthy', 'which everybody sees');
    $node->safe_psql('app', q{DO $$ BEGIN RAISE WARNING 'careful'; END $$});
    is(health()->{metrics}{warnings_last_hour}, 1, 'warnings are counted');
    my $caught = "DO \$\$ BEGIN PERFORM swipesavvy.get_user_profile('$bob'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$;\n";
    call($ada, $caught);
    is(health()->{metrics}{errors_last_hour}, 50, 'an error that is caught is none');
};

subtest 'processors and connections' => sub {
    $node->poll_query_until('app', "SELECT swipesavvy.get_system_health() #> '{metrics,cpu_percent}' <> 'null'") or die 'no sample';
    my $cpu = health()->{metrics}{cpu_percent};
    ok($cpu >= 0 && $cpu <= 100, "processors: $cpu %");
    PostgreSQL::Test::Utils::append_to_file($node->basedir . '/sleep.sql', "SELECT pg_sleep(60)\n");
    my $crowd = IPC::Run::start([ 'pgbench', '-n', '-c', 17, '-t', 1, '-f', $node->basedir . '/sleep.sql', '-d', $node->connstr('app') ], '>', '/dev/null', '2>', '/dev/null');
    $node->poll_query_until('app', "SELECT (swipesavvy.get_system_health() #>> '{services,database,active_connections}')::int >= 17") or die 'they do not connect';
    my $full = health();
    is($full->{services}{database}{status}, 'degraded', 'few connections are left');
    is(scalar(grep { $_->{name} eq 'connection_usage' } @{ $full->{alerts} }), 1, 'which is an alert');
    $crowd->kill_kill;
};

done_testing();
