# Evaluations of flags are counted in shared memory and cost no write; what is told of them is what there was, over rollbacks,
# a crash, two databases and a table without room. SWIPESAVVY_USERS: of how many users the largest estimate is.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;

my $users = $ENV{SWIPESAVVY_USERS} || 1_000_000;

# --- without preload nothing is counted ------------------------------------------------------------
my $node = new_node('usage', 'autovacuum = off');
create_extension($node, $_) for qw(app other);
sub sql { return $node->safe_psql($_[1] // 'app', "SET search_path = swipesavvy;\n$_[0]") }
sub evaluate { my ($flag, $count, $db) = @_; return sql("SELECT count(evaluate_flag('$flag', uuid_v7())) FROM generate_series(1, $count)", $db) }
sub flush { return json($node, $_[0] // 'app', 'SELECT swipesavvy.flush_flag_usage()')->{flushed} }

# of today: checks, enabled, disabled, batch_checks, and by variation
sub told
{
    my ($flag, $db) = @_;
    my $today = json($node, $db // 'app', "SELECT swipesavvy.get_flag_analytics('$flag', 2)")->{analytics};
    my %sum = (v => {});
    for my $day (@$today) # midnight may pass
    {
        $sum{$_} += $day->{$_} for qw(total_users total_checks enabled_count disabled_count batch_checks);
        $sum{v}{$_} += $day->{variants}{$_} for keys %{ $day->{variants} };
    }
    return \%sum;
}
sub figures { my $t = told(@_); return join ' ', @$t{qw(total_checks enabled_count disabled_count batch_checks)}, map { "$_=$t->{v}{$_}" } sort keys %{ $t->{v} } }

evaluate('dark_mode', 10);
sql("SELECT count(*) FROM generate_series(1, 10) WHERE flag_enabled('dark_mode', uuid_v7())");
is(flush(), 0, 'without preload there is nothing to write down');
is(figures('dark_mode'), '0 0 0 0', 'and nothing to tell');
is(sql("SELECT bool_and(last_checked_at IS NULL AND checks_30_days = 0 AND users_7_days = 0 AND enabled_share IS NULL) FROM v_feature_flag_usage_summary"), 't', 'nor in the view');
unlike(sql('SELECT metrics()'), qr/flag_evaluations_lost/, 'nor a figure of what was lost');

# --- with preload -------------------------------------------------------------------------------------
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'swipesavvy'");
$node->restart;
sql(q{SELECT create_flag('tested', 'Tested', value_type => 'string', default_value => '""', value => '"y"', enabled => true,
    rules => '[{"id": "e", "variations": ["a", "b"], "weights": [1, 0], "meta": [{"key": "one"}, {"key": "two"}]}]')});
my $ada = add_user($node, 'app', 'ada@example.com');

evaluate('dark_mode', 2500);
evaluate('community_feed', 3);
evaluate('tested', 5);
evaluate('dark_mode', 7, 'other');
sql("SELECT evaluate_flags('$ada'); SELECT count(flag_enabled('dark_mode', uuid_v7())) FROM generate_series(1, 100000); SELECT count(*) FROM flag_users('tested')");
sql("BEGIN; SELECT evaluate_flag('dark_mode', '$ada'); ROLLBACK");
$node->psql('app', "BEGIN; SELECT swipesavvy.evaluate_flag('dark_mode', '$ada'); SELECT 1 / 0");
$node->psql('app', "BEGIN; SAVEPOINT s; SELECT swipesavvy.evaluate_flag('dark_mode', '$ada'); ROLLBACK TO s; COMMIT");
is(figures('dark_mode'), '0 0 0 0', 'before it is written down nobody is told');

# a flush that is rolled back has taken nothing, nor one in a subtransaction
sql('BEGIN; SELECT flush_flag_usage(); ROLLBACK');
is(sql(q{DO $$ BEGIN PERFORM swipesavvy.flush_flag_usage(); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$; SELECT count(*) FROM feature_flag_usage}), 0, 'nor one in a subtransaction');
is(flush(), 11, 'a row for each flag');
is(flush(), 0, 'once');
is(figures('dark_mode'), '2504 2504 0 100000', 'every evaluation is counted, also of transactions that were rolled back; queries apart');
is(figures('community_feed'), '4 0 4 0', 'and of flags that are off');
is(figures('tested'), '6 6 0 1 one=6', 'by variation');
is(figures('dark_mode', 'other'), '0 0 0 0', 'another database has its own');
is(flush('other'), 1, 'which waits there');
is(figures('dark_mode', 'other'), '7 7 0 0', 'to be counted');
is(sql("SELECT concat_ws(' ', checks_7_days, enabled_7_days, enabled_share, checks_30_days, last_checked_at > now() - interval '1 hour') FROM v_feature_flag_usage_summary WHERE flag_key = 'dark_mode'"),
    '2504 2504 1.000000 2504 t', 'the view says so, too');

# what is folded is told as before, also while it is
my $before = join '|', map { figures($_) } qw(dark_mode community_feed tested);
my $open = $node->background_psql('app');
$open->query_safe('BEGIN; SELECT swipesavvy.fold_flag_usage()');
is(join('|', map { figures($_) } qw(dark_mode community_feed tested)), $before, 'during a fold the sums are the same');
$open->query_safe('COMMIT');
$open->quit;
is(sql('SELECT count(*) FROM feature_flag_usage'), 0, 'folded');
is(join('|', map { figures($_) } qw(dark_mode community_feed tested)), $before, 'and after it');
is(sql('SELECT fold_flag_usage()'), '{"more": false, "folded": 0}', 'a second fold has nothing to do');

# eight variations by name, the rest together; names that are too long are of the rest
sql(q{SELECT create_flag('many', 'Many', value_type => 'number', default_value => '0', value => '0', enabled => true, rules => jsonb_build_array(jsonb_build_object('id', 'e',
    'variations', (SELECT jsonb_agg(n) FROM generate_series(1, 10) n), 'meta', (SELECT jsonb_agg(jsonb_build_object('key', CASE n WHEN 1 THEN repeat('x', 40) ELSE 'v' || n END)) FROM generate_series(1, 10) n))))});
evaluate('many', 2000);
flush();
my $many = told('many');
is(scalar keys %{ $many->{v} }, 9, 'eight variations have names');
my $sum = 0;
$sum += $_ for values %{ $many->{v} };
is($sum, 2000, 'none is lost');
cmp_ok($many->{v}{other}, '>', 100, 'the others are together');

# --- no write ------------------------------------------------------------------------------------------------
my $plan = sql("SELECT count(evaluate_flag('dark_mode', uuid_v7())) FROM generate_series(1, 10);\nEXPLAIN (ANALYZE, WAL, BUFFERS, COSTS OFF, TIMING OFF)\n"
      . "SELECT count(evaluate_flag('dark_mode', '$ada', '{\"a\": 1}')), count(evaluate_flags('$ada')), count(get_flags_document('$ada')), count(*) FILTER (WHERE flag_enabled('tested', '$ada')) FROM generate_series(1, 3000)");
unlike($plan, qr/WAL|dirtied|written/, '12,000 evaluations write no WAL and dirty no page');
my $rows = "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = 'app'";
my ($rows_before) = sql("SELECT pg_stat_force_next_flush(); $rows") =~ /(\d+)\s*$/;
my $xid = sql("BEGIN; SELECT count(evaluate_flag('dark_mode', uuid_v7())) FROM generate_series(1, 1000); SELECT txid_current_if_assigned() IS NULL; SELECT pg_stat_force_next_flush(); COMMIT");
like($xid, qr/^t$/m, 'nor do they need a transaction id');
my ($rows_after) = sql("SELECT pg_stat_force_next_flush(); $rows") =~ /(\d+)\s*$/;
is($rows_after, $rows_before, 'nor a row of any table');

# --- estimates --------------------------------------------------------------------------------------------------
for my $n (100, 10_000, $users)
{
    sql("SELECT create_flag('users$n', 'Users', enabled => true)");
    # always the same ones: of random ones the estimate is beyond 5 % once in five hundred times
    sql("SELECT count(evaluate_flag('users$n', md5('user' || n)::uuid)) FROM generate_series(1, $n) n");
    # seen again, they are the same
    sql("SELECT count(evaluate_flag('users$n', '$ada')) FROM generate_series(1, 1000)");
    flush();
    my $told = told("users$n");
    is($told->{total_checks}, $n + 1000, "$n users: every evaluation");
    cmp_ok(abs($told->{total_users} - $n - 1), '<=', 0.05 * $n + 1, "of $told->{total_users} users, which is within 5 %");
    my $same = sql("SELECT users_30_days FROM v_feature_flag_usage_summary WHERE flag_key = 'users$n'");
    cmp_ok(abs($same - $told->{total_users}), '<=', 0.05 * $n, 'as the view says');
}
# The registers are those of the server's hash of the id; and the estimate's error is that of 4,096 registers, 1.04 / 64 = 1.6 %, or
# less, at every number of users: also about 10,000, where the server's own estimate changes its formula and errs by 3 %.
sql(q{CREATE FUNCTION public.seen(seed text, counts int[]) RETURNS TABLE (n int, registers bytea) LANGUAGE sql SET work_mem = '64MB' AS $$
    WITH hashes AS (
        SELECT i, (h >> 20)::int AS register, (h & 1048575)::int::bit(20) AS rest
          FROM generate_series(1, (SELECT max(k) FROM unnest(counts) k)) i, LATERAL (SELECT uuid_hash(md5(seed || i)::uuid)::bigint & 4294967295 AS h) x),
    firsts AS (SELECT register, coalesce(nullif(position(B'1' IN rest), 0), 21) AS value, min(i) AS i FROM hashes GROUP BY 1, 2),
    seen AS (SELECT c, register, max(value) FILTER (WHERE i <= c) AS value FROM unnest(counts) c CROSS JOIN firsts GROUP BY 1, 2)
    SELECT k.n, decode(string_agg(lpad(to_hex(coalesce(s.value, 0)), 2, '0'), '' ORDER BY r), 'hex') FROM unnest(counts) k (n) CROSS JOIN generate_series(0, 4095) r
      LEFT JOIN seen s ON s.c = k.n AND s.register = r GROUP BY k.n $$});
sql("SELECT create_flag('seen', 'Seen', enabled => true); SELECT count(evaluate_flag('seen', md5('some' || n)::uuid)) FROM generate_series(1, 5000) n");
flush();
is(sql("SELECT u.registers = s.registers FROM feature_flag_usage u JOIN feature_flags f USING (flag_no), public.seen('some', '{5000}') s WHERE f.flag_key = 'seen'"), 't', 'registers of the hash of each id');
for my $draw ([ 40, '{100,1000,5000,8000,10000,12000,20000}', 1.3 ], [ 4, "{$users}", 1.7 ])
{
    my ($seeds, $counts, $room) = @$draw;
    my @rows = split /\n/, sql(qq{SELECT n, round(100 * avg(e), 2), round(100 * sqrt(avg(e * e)), 2), round(100 * max(abs(e)), 2)
        FROM (SELECT n, flag_usage_users(ARRAY[registers])::numeric / n - 1 AS e FROM generate_series(1, $seeds) s, LATERAL public.seen('seed ' || s || ' ', '$counts')) x GROUP BY n ORDER BY n});
    for my $row (@rows)
    {
        my ($n, $bias, $error, $most) = split /\|/, $row;
        cmp_ok($error, '<=', 1.625 * $room, "$n users, $seeds times: the error is $error %, at most $most %");
        cmp_ok(abs($bias), '<=', 3.5 * 1.625 / sqrt($seeds), "of which $bias % on average");
    }
}
is(sql("SELECT concat_ws(' ', flag_usage_users('{}'), flag_usage_users(ARRAY[r.registers]) > 10 ^ 10, flag_usage_users(ARRAY[s.registers, s.registers]) = flag_usage_users(ARRAY[s.registers]))
    FROM (SELECT decode(repeat('ff', 4096), 'hex')) r (registers), public.seen('x', '{500}') s"), '0 t t', 'of nobody, of more than there can be, and of the same twice');
# users without a user: by what the flag hashes
sql(q{SELECT create_flag('devices', 'Devices', enabled => true, hash_attribute => 'device'); SELECT count(evaluate_flag('devices', NULL, jsonb_build_object('device', 'd' || n % 10))) FROM generate_series(1, 100) n;
    SELECT evaluate_flag('devices')});
flush();
is(told('devices')->{total_checks}, 101, 'who is nobody known counts');
cmp_ok(abs(told('devices')->{total_users} - 10), '<=', 1, 'as what the flag hashes');

# --- a crash ----------------------------------------------------------------------------------------------------------
evaluate('dark_mode', 100);
flush();
$before = figures('dark_mode');
evaluate('dark_mode', 50);
$open = $node->background_psql('app');
$open->query_safe('BEGIN; SELECT swipesavvy.fold_flag_usage()');
$node->stop('immediate');
eval { $open->quit };
$node->start;
is(figures('dark_mode'), $before, 'a crash between flush and fold loses nothing that was written down');
is(flush(), 0, 'and all that was not');
sql('SELECT fold_flag_usage()');
is(figures('dark_mode'), $before, 'the next fold sums it once');

# --- no room: more flags than cells ---------------------------------------------------------------------------------------
sql(q{SELECT import_flags_document(jsonb_build_object('features', (SELECT jsonb_object_agg('f' || n, '{"defaultValue": true}'::jsonb) FROM generate_series(p * 600 + 1, p * 600 + 600) n))) FROM generate_series(0, 1) p});
my $flags = sql('SELECT count(*) FROM feature_flags');
sql('SELECT count(evaluate_flags(uuid_v7()))');
is(flush(), 1024, '1,024 flags have room');
sql(q{SELECT record_health('{"disk_percent": null, "cpu_percent": null, "memory_percent": null}')});
like(sql('SELECT metrics()'), qr/^swipesavvy_flag_evaluations_lost @{[ $flags - 1024 ]}$/m, 'the others are told to be lost');

# --- the worker --------------------------------------------------------------------------------------------------------------
$node->append_conf('postgresql.conf', "swipesavvy.databases = 'app'");
$node->restart;
$before = told('dark_mode')->{total_checks};
sql("SELECT set_job('flush_flag_usage', every => '1 second'), set_job('fold_flag_usage', every => '1 second')");
evaluate('dark_mode', 10);
ok($node->poll_query_until('app', "SELECT sum(checks) = $before + 10 FROM swipesavvy.feature_flag_analytics JOIN swipesavvy.feature_flags USING (flag_no) WHERE flag_key = 'dark_mode'"),
    'the worker writes down and sums by itself');
$node->stop;

done_testing();
