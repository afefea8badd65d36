# A/B tests against slow readings of the same rules: who gets which campaign, by the SDKs' functions of flags; what is added up,
# by queries over the purchases; and the statistics, by tests in which nothing is to be found, or something is.
#
# SWIPESAVVY_AA says how many tests of nothing there are (300); SWIPESAVVY_USERS how many users the engine serves (20,000).
# Takes long: begun among the first.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json);
use Test::More;

my $users = $ENV{SWIPESAVVY_USERS} || 20000;
my $node = new_node('tests', "max_wal_size = '2GB'");
create_extension($node, 'app');
sub sql { return $node->safe_psql('app', $_[0]) }

# --- a world: campaigns of a test with two variants and a hold-out on four fifths of the users, and one outside of it ------

my $id = '00000000-0000-7000-8000-0000000000ab';
sql(qq{
    CREATE FUNCTION public.u(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;
    SELECT count(swipesavvy.create_user(format('u%s\@example.com', n), 'U', user_id => public.u(n))) FROM generate_series(1, $users) n;
    SELECT count(swipesavvy.create_campaign(c, 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', campaign_id => c, stackable => true, points_multiplier => 2))
      FROM unnest('{C-0,C-1,C-2,OTHER}'::text[]) c;
    SELECT swipesavvy.update_campaign('C-2', '{"min_spend": 50}');
    SELECT swipesavvy.launch_campaign('OTHER');
    SELECT swipesavvy.create_ab_test('Three', 'C-0', '{C-1,C-2}', hold_out => 0.1, coverage => 0.8, seed => 'three', test_key => 'three', test_id => '$id',
        metrics => '{buyers,orders,revenue,cost,bonus_points,net_revenue,average_order,refund_rate}', guardrails => '{}');
    SELECT swipesavvy.start_ab_test('$id');
    -- what the specification says of each user: the SDKs' functions
    CREATE TABLE public.expected AS
        SELECT public.u(n) AS user_id, n, g AS group_no, CASE g WHEN -1 THEN 'C-0' WHEN 3 THEN NULL ELSE 'C-' || g END AS campaign_id
          FROM generate_series(1, $users) n,
               LATERAL swipesavvy.flag_choose_variation(swipesavvy.flag_hash('three', public.u(n)::text, 2), swipesavvy.flag_bucket_ranges(4, 0.8, '{0.3,0.3,0.3,0.1}')) g;
    CREATE TABLE public.feed AS SELECT user_id, 6000 AS amount_minor, 'USD' AS currency, 'i' || n AS idempotency_key FROM public.expected WHERE n % 3 = 2;
    GRANT SELECT ON public.feed TO PUBLIC;
    GRANT SELECT, DELETE ON public.feed TO swipesavvy_owner});

# --- the three doors --------------------------------------------------------------------------------------------------------

sql(q{SELECT count(swipesavvy.record_transaction(user_id, 60)) FROM public.expected WHERE n % 3 = 0});
my $file = $node->basedir . '/purchases.copy';
sql(qq{COPY (SELECT user_id, 6000 FROM public.expected WHERE n % 3 = 1) TO '$file'});
sql(qq{COPY swipesavvy.purchases (user_id, amount_minor) FROM '$file'});
sql(q{CALL swipesavvy.import_purchases('public.feed')});
is(sql('SELECT count(*) FROM swipesavvy.transactions'), $users, "$users purchases, by call, COPY and import");
my $wrong = q{
    SELECT count(*) FROM public.expected e JOIN swipesavvy.transactions t USING (user_id)
     WHERE (SELECT array_agg(c.campaign_id ORDER BY c.campaign_id COLLATE "C") FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c USING (campaign_no)
             WHERE r.user_id = t.user_id AND r.transaction_id = t.transaction_id)
           IS DISTINCT FROM array_remove(ARRAY[e.campaign_id, 'OTHER'], NULL)};
is(sql($wrong), 0, 'each user got the campaign of its group, and the one that is in no test');
is(sql(q{SELECT count(*) FROM public.expected WHERE group_no = 3 AND campaign_id IS NULL}) > 0, 1, 'some are held out');
my @sizes = split /\|/, sql('SELECT ' . join(', ', map { "count(*) FILTER (WHERE group_no = $_)" } -1 .. 3) . ' FROM public.expected');
cmp_ok(abs($sizes[0] / $users - 0.2), '<', 0.02, 'a fifth is outside');
is(sql(q{SELECT count(*) FROM (SELECT user_id FROM public.expected ORDER BY n LIMIT 500) u, LATERAL (SELECT group_no FROM public.expected e WHERE e.user_id = u.user_id) e
          WHERE coalesce((swipesavvy.assign_ab_test('} . $id . q{', u.user_id) ->> 'group')::int, -1) <> e.group_no}), 0, 'assign_ab_test says the same');
is(sql(q{SELECT string_agg(DISTINCT format('%s %s', coalesce(c ->> 'campaign_id' = e.campaign_id, false) OR c ->> 'campaign_id' = 'OTHER', c ->> 'reason'), ', ')
           FROM (SELECT * FROM public.expected ORDER BY n LIMIT 300) e JOIN swipesavvy.transactions t USING (user_id),
                jsonb_array_elements(swipesavvy.explain_award(t.transaction_id) -> 'candidates') c}), 'f ab_group, t ', 'every other candidate says why');
sql(q{CREATE TABLE public.small AS SELECT (swipesavvy.record_transaction(user_id, 10) ->> 'transaction_id')::uuid AS id FROM (SELECT user_id FROM public.expected WHERE group_no = 0 ORDER BY n LIMIT 5) e});
is(sql(q{SELECT string_agg(DISTINCT c ->> 'reason', ', ') FROM public.small, jsonb_array_elements(swipesavvy.explain_award(id) -> 'candidates') c WHERE c ->> 'campaign_id' = 'C-2'}),
    'min_spend', 'what was spent is asked first');

# A simulation of the period, in which the test ran throughout.
is(sql(q{SELECT (swipesavvy.simulate_campaign((SELECT to_jsonb(c) FROM (SELECT campaign_id, name, campaign_type, offer_type, 10 AS offer_amount, start_date, 2 AS points_multiplier, stackable
              FROM swipesavvy.campaigns WHERE campaign_id = 'C-1') c), now() - interval '1 hour', now() + interval '1 hour') #>> '{alone,redemptions}')::int}),
    sql(q{SELECT count(*) FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c USING (campaign_no) WHERE c.campaign_id = 'C-1'}), 'a simulation gives what the engine gave');

# --- sums against the facts ------------------------------------------------------------------------------------------------------

# The facts of the present moment, by queries that know nothing of the library's pass: of the units (user_id, group_no, u0) of a test.
sub facts
{
    my ($key, $units) = @_;
    return qq{
    SET jit = off; SET enable_nestloop = off; -- nothing is known of how many rows these come to
    WITH test AS MATERIALIZED (SELECT t.*, greatest(t.started_at, (SELECT max(c.start_date) FROM swipesavvy.ab_test_groups g JOIN swipesavvy.campaigns c USING (campaign_no) WHERE g.test_no = t.test_no)) AS s,
                         least(t.ended_at, (SELECT max(as_of) FROM swipesavvy.ab_test_sums z WHERE z.test_no = t.test_no)) AS e FROM swipesavvy.ab_tests t WHERE test_key = '$key'),
    unit AS MATERIALIZED (SELECT x.user_id, x.group_no, x.u0, test.* FROM test CROSS JOIN LATERAL ($units) x
              WHERE (test.window_days IS NULL OR x.u0 + test.window_days * interval '24 hours' <= test.e)),
    buys AS (SELECT n.user_id, n.group_no, n.test_no, t.transaction_id, t.status, t.amount_minor AS a, t.refunded_minor AS r, t.occurred_at FROM unit n JOIN swipesavvy.transactions t USING (user_id)
              WHERE t.occurred_at >= n.u0 AND t.occurred_at < n.e AND (n.window_days IS NULL OR t.occurred_at < n.u0 + n.window_days * interval '24 hours')
                AND NOT EXISTS (SELECT FROM swipesavvy.ab_test_pauses p WHERE p.test_no = n.test_no AND t.occurred_at >= p.paused_at AND t.occurred_at < coalesce(p.resumed_at, 'infinity'))),
    before AS (SELECT n.user_id, count(*) FILTER (WHERE t.refunded_minor < t.amount_minor) AS orders, sum(t.amount_minor - t.refunded_minor) AS revenue FROM unit n JOIN swipesavvy.transactions t USING (user_id)
                WHERE t.status = 'completed' AND t.occurred_at >= n.s - make_interval(days => n.covariate_days) AND t.occurred_at < n.s GROUP BY 1),
    bought AS (SELECT user_id, count(*) FILTER (WHERE r < a) AS orders, sum(a - r) AS revenue, sum(r) AS refunded, sum(a) AS amount FROM buys WHERE status = 'completed' GROUP BY 1),
    given AS (SELECT b.user_id, sum(k.cost_minor - k.cost_returned_minor) AS cost, sum(k.points) FILTER (WHERE k.counts) AS points,
                     bool_or(k.counts AND g.group_no = b.group_no) AS converted
                FROM buys b JOIN swipesavvy.campaign_redemptions k USING (user_id, transaction_id) JOIN swipesavvy.ab_test_groups g USING (campaign_no, test_no) GROUP BY 1),
    y AS (SELECT n.group_no, coalesce(o.orders, 0) AS orders, coalesce(o.revenue, 0) AS revenue, coalesce(o.refunded, 0) AS refunded, coalesce(o.amount, 0) AS amount, coalesce(g.cost, 0) AS cost,
                 coalesce(g.points, 0) AS points, coalesce(g.converted, false) AS converted, coalesce(f.orders, 0) AS orders_before, coalesce(f.revenue, 0) AS revenue_before
            FROM unit n LEFT JOIN bought o USING (user_id) LEFT JOIN given g USING (user_id) LEFT JOIN before f USING (user_id)),
    m AS (SELECT group_no, v.* FROM y, LATERAL (VALUES
        ('conversion', converted::int::numeric, 0::numeric, (orders_before > 0)::int::numeric), ('buyers', (orders > 0)::int, 0, (orders_before > 0)::int), ('orders', orders, 0, orders_before),
        ('revenue', revenue, 0, revenue_before), ('cost', cost, 0, 0), ('bonus_points', points, 0, 0), ('net_revenue', revenue - cost, 0, revenue_before),
        ('average_order', revenue, orders, 0), ('refund_rate', refunded, amount, 0)) v (metric, y, d, x))
    SELECT metric, group_no, count(*), sum(y), sum(y * y), sum(d), sum(d * d), sum(y * d), sum(x), sum(x * x), sum(x * y) FROM m GROUP BY 1, 2 ORDER BY metric COLLATE "C", 2};
}
my $customer = q{v.role = 'customer' AND v.erased_at IS NULL AND v.created_at < test.e};
my $facts = facts('three', "SELECT x.user_id, x.group_no, greatest(test.s, v.created_at) AS u0 FROM public.expected x JOIN swipesavvy.users v USING (user_id) WHERE x.group_no >= 0 AND $customer");
sub stored { return qq{SELECT metric, group_no, n, s, q, s_d, q_d, s_md, s_x, q_x, s_yx FROM swipesavvy.ab_test_sums s JOIN swipesavvy.ab_tests t USING (test_no)
    WHERE t.test_key = '$_[0]' AND metric NOT IN ('reached', 'exposures', 'recent_exposures') AND day = (SELECT max(day) FROM swipesavvy.ab_test_sums) ORDER BY metric COLLATE "C", 2} }
my $stored = stored('three');
sub agrees
{
    my ($what) = @_;
    sql("SELECT swipesavvy.refresh_ab_tests('$id')");
    my ($is, $should) = (sql($stored), sql($facts));
    is($is, $should, "sums agree with the facts: $what");
    return $is;
}
# purchases from before the test, too
sql(q{UPDATE swipesavvy.ab_tests SET started_at = started_at - interval '10 days'; UPDATE swipesavvy.users SET created_at = created_at - interval '30 days'});
sql(q{SELECT count(swipesavvy.record_transaction(user_id, 5 + n % 50, occurred_at => now() - interval '20 days')) FROM public.expected WHERE n % 7 = 0});
my $first = agrees('as they are');
like($first, qr/^revenue\|2\|\d+\|[1-9]/m, 'which is something');
sql(q{SELECT count(swipesavvy.record_transaction(user_id, 60 + n % 9, occurred_at => now() - interval '5 days')) FROM public.expected WHERE n % 11 = 0});
sql(q{SELECT count(swipesavvy.record_transaction(user_id, 70, status => 'pending', idempotency_key => 'p')) FROM public.expected WHERE n % 13 = 0});
isnt(agrees('late postings, and pending ones'), $first, 'which are counted');
sql(q{SELECT count(swipesavvy.refund_transaction(t.transaction_id, amount => CASE WHEN e.n % 2 = 0 THEN 7.5 END, user_id => t.user_id))
        FROM (SELECT DISTINCT ON (user_id) user_id, transaction_id FROM swipesavvy.transactions WHERE status = 'completed' ORDER BY user_id, transaction_id) t JOIN public.expected e USING (user_id) WHERE e.n % 5 = 0});
agrees('refunds, in part and in full');
sql(q{SELECT count(swipesavvy.decline_transaction(transaction_id)) FROM swipesavvy.transactions t JOIN public.expected e USING (user_id) WHERE t.status = 'pending' AND e.n % 2 = 0;
      UPDATE swipesavvy.transactions SET recorded_at = recorded_at - interval '60 days' WHERE status = 'pending' AND transaction_id IN (SELECT transaction_id FROM swipesavvy.transactions WHERE status = 'pending' ORDER BY 1 LIMIT 100);
      SELECT swipesavvy.lapse_transactions()});
agrees('declined and lapsed');
sql(qq{SELECT swipesavvy.pause_ab_test('$id')});
sql(q{SELECT count(swipesavvy.record_transaction(user_id, 33)) FROM public.expected WHERE n % 17 = 0});
sql(qq{SELECT swipesavvy.start_ab_test('$id')});
agrees('a pause');
my $r = json($node, 'app', "SELECT swipesavvy.get_ab_test_results('$id')");
is($r->{sample_ratio}{warning}, JSON::PP::false, 'the groups are as large as they should be');
sql(q{SELECT count(swipesavvy.erase_user(user_id)) FROM (SELECT user_id FROM public.expected WHERE group_no = 1 ORDER BY n LIMIT 900) e});
agrees('erasures');
$r = json($node, 'app', "SELECT swipesavvy.get_ab_test_results('$id')");
is_deeply([ $r->{sample_ratio}{warning}, $r->{recommendation} ], [ JSON::PP::true, 'invalid_sample_ratio' ], 'when users of one group are gone, the alarm goes off');
my $read = 'SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_xact_all_tables WHERE relname = ';
my @reads = split /\n/, sql(qq{BEGIN; SELECT swipesavvy.get_ab_test_results('$id') \\g /dev/null
    $read 'transactions'; $read 'ab_test_exposures'; $read 'ab_test_sums'; SELECT count(*) FROM swipesavvy.transactions \\g /dev/null
    $read 'transactions'; COMMIT});
is_deeply([ @reads[ 0, 1 ], map { $_ > 0 } @reads[ 2, 3 ] ], [ 0, 0, 1, 1 ], 'results are read from the sums, not from users or purchases') or diag "@reads";

# --- windows, a segment, a namespace; and users who count from when they are told ---------------------------------------------------

# Purchases of 25 days around the tests' ten, at hours that have nothing to do with anything.
create_extension($node, 'more');
sub more { return $node->safe_psql('more', $_[0]) }
my $all = q{'{buyers,orders,revenue,cost,bonus_points,net_revenue,average_order,refund_rate}'};
more(qq{SET search_path = swipesavvy, public;
    CREATE FUNCTION public.u(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;
    SELECT count(create_user(format('u%s\@example.com', n), 'U', user_id => public.u(n))) FROM generate_series(1, 3000) n;
    UPDATE users SET created_at = now() - interval '40 days'; UPDATE users SET created_at = now() - interval '4 days' WHERE right(user_id::text, 1) = '7'; UPDATE users SET role = 'support' WHERE right(user_id::text, 2) = '42';
    SELECT create_segment('some'), add_segment_members('some', (SELECT array_agg(public.u(n)) FROM generate_series(2, 3000, 2) n));
    UPDATE segment_members SET added_at = now() - (right(user_id::text, 4)::int * 37 % 360) * interval '1 hour';
    SELECT count(create_campaign(c, 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', campaign_id => c, stackable => true, points_multiplier => 2, target_segment => CASE WHEN c < 'W' THEN NULL ELSE 'some' END)) FROM unnest('{W-0,W-1,A-0,A-1,A-2}'::text[]) c;
    SELECT create_ab_test('Window', 'W-0', '{W-1}', segment => 'some', window_days => 3, coverage => 0.9, namespace => '["w", 0.1, 0.8]', test_key => 'window', metrics => $all, guardrails => '{}'),
           create_ab_test('Told', 'A-0', '{A-1,A-2}', exposure => 'assignment', window_days => 2, weights => '{0.5,0.2,0.3}', test_key => 'told', metrics => $all, guardrails => '{}'),
           create_ab_test('Long', 'A-0', '{A-1}', test_key => 'unused');
    SELECT count(start_ab_test(test_id)) FROM ab_tests WHERE test_key <> 'unused';
    SELECT count(record_transaction(public.u(n), 20 + n % 60, occurred_at => now() - ((n * 7919 + k * 104729) % 600) * interval '1 hour' - interval '1 minute')) FROM generate_series(1, 3000) n, generate_series(1, 3) k WHERE (n + k) % 4 > 0;
    SELECT count(refund_transaction(transaction_id, amount => CASE WHEN get_byte(uuid_send(transaction_id), 15) % 2 = 0 THEN 5 END, user_id => user_id)) FROM transactions WHERE get_byte(uuid_send(transaction_id), 15) % 6 = 0;
    SELECT count(assign_ab_test(t.test_id, public.u(n))) FROM generate_series(1, 3000) n, ab_tests t WHERE t.test_key = 'told' AND n % 3 > 0;
    SELECT track_exposures((SELECT jsonb_agg(jsonb_build_object('test_key', 'told', 'user_id', user_id, 'variation', (group_no + 1) % 3, 'occurred_at', now())) FROM ab_test_exposures WHERE right(user_id::text, 2) = '11')) -> 'errors';
    UPDATE ab_test_exposures SET first_at = now() - (right(user_id::text, 4)::int * 31 % 300) * interval '1 hour';
    UPDATE ab_tests SET started_at = now() - interval '10 days' WHERE status = 'running';
    INSERT INTO ab_test_pauses SELECT test_no, now() - interval '100 hours', now() - interval '80 hours' FROM ab_tests WHERE status = 'running';
    SELECT refresh_ab_tests()});
is(more(q{SELECT count(*) FROM swipesavvy.ab_test_exposures e JOIN swipesavvy.ab_tests t USING (test_no)
     WHERE e.group_no <> swipesavvy.flag_choose_variation(swipesavvy.flag_hash(t.seed, e.user_id::text, 2), swipesavvy.flag_bucket_ranges(3, 1, '{0.5,0.2,0.3}'))}), 0, 'who is told is told the group of the hash');
is(more(q{SELECT count(*) FILTER (WHERE multiple) > 10, count(*) > 1500 FROM swipesavvy.ab_test_exposures}), 't|t', 'some of them of two groups');
my %units = (
    window => qq{SELECT m.user_id, g AS group_no, greatest(test.s, v.created_at, m.added_at) AS u0 FROM swipesavvy.segment_members m JOIN swipesavvy.users v USING (user_id),
        LATERAL swipesavvy.flag_choose_variation(swipesavvy.flag_hash(test.seed, m.user_id::text, 2), swipesavvy.flag_bucket_ranges(2, 0.9, '{0.5,0.5}')) g
        WHERE m.segment_no = test.segment_no AND g >= 0 AND m.added_at < test.e AND swipesavvy.flag_in_namespace(m.user_id::text, '["w", 0.1, 0.8]') AND $customer},
    # whoever was told, customer or not
    told => q{SELECT x.user_id, x.group_no::int, x.first_at AS u0 FROM swipesavvy.ab_test_exposures x WHERE x.test_no = test.test_no AND NOT x.multiple AND x.first_at >= test.s AND x.first_at < test.e});
for my $key (sort keys %units)
{
    my ($is, $should) = (more(stored($key)), more(facts($key, $units{$key})));
    is($is, $should, "sums agree with the facts: $key");
    like($is, qr/^conversion\|1\|\d{2,}\|[1-9]\d*\|/m, 'which are some');
}
# a window that has not ended yet makes no unit of anybody
cmp_ok(more(q{SELECT sum(n) FROM swipesavvy.ab_test_sums JOIN swipesavvy.ab_tests USING (test_no) WHERE test_key = 'told' AND metric = 'buyers'}), '<',
    more(q{SELECT count(*) FROM swipesavvy.ab_test_exposures WHERE NOT multiple AND first_at >= now() - interval '10 days'}), 'who was told yesterday is not counted yet');

# --- a dump with a running test --------------------------------------------------------------------------------------------------

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('app') ], 'a dump while the test runs');
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('again'), $dump ], 'is restored');
is($node->safe_psql('again', $stored), sql($stored), 'with its sums');
$node->safe_psql('again', q{SELECT count(swipesavvy.record_transaction(user_id, 61, idempotency_key => 'again')) FROM public.expected e JOIN swipesavvy.users USING (user_id) WHERE erased_at IS NULL AND n % 40 = 0});
is($node->safe_psql('again', q{SELECT count(*) FROM public.expected e JOIN swipesavvy.transactions t USING (user_id) WHERE t.idempotency_key = 'again'
     AND (SELECT array_agg(c.campaign_id ORDER BY c.campaign_id COLLATE "C") FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c USING (campaign_no) WHERE r.user_id = t.user_id AND r.transaction_id = t.transaction_id)
         IS DISTINCT FROM array_remove(ARRAY[e.campaign_id, 'OTHER'], NULL)}), 0, 'and the engine obeys it there as well');

# --- a repeat after the end, and what is settled then -----------------------------------------------------------------------------

my $buyer = sql(q{SELECT user_id FROM public.expected WHERE group_no = 2 ORDER BY n LIMIT 1});
my $award = q{SELECT swipesavvy.record_transaction('} . $buyer . q{', 80, status => 'pending', idempotency_key => 'kept') -> 'awards'};
my $then = sql($award);
like($then, qr/"C-2"/, 'a purchase of the second variant');
sql(qq{SELECT swipesavvy.end_ab_test('$id', 'C-1')});
is(sql($award), $then, 'its repeat after the end says what was given then');
is(sql(q{SELECT jsonb_path_query_array(swipesavvy.settle_transaction(transaction_id, user_id) -> 'awards', '$[*].campaign_id') @> '["C-2"]' FROM swipesavvy.transactions WHERE idempotency_key = 'kept'}), 't', 'and settling keeps it');
is(sql(q{SELECT jsonb_path_query_array(swipesavvy.record_transaction('} . $buyer . q{', 80) -> 'awards', '$[*].campaign_id')}), '["C-1", "OTHER"]', 'a new one gets the winner');
is(json($node, 'app', q{SELECT swipesavvy.verify_ledger()})->{mismatches}, 0, 'the ledger is sound');

# --- starts and ends while people buy ---------------------------------------------------------------------------------------------

create_extension($node, 'race');
$node->safe_psql('race', q{
    CREATE FUNCTION public.u(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;
    SELECT count(swipesavvy.create_user(format('u%s@example.com', n), 'U', user_id => public.u(n))) FROM generate_series(1, 200) n;
    SELECT count(swipesavvy.create_campaign(c, 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', campaign_id => c, stackable => true)) FROM unnest('{R-0,R-1}'::text[]) c});
my $script = PostgreSQL::Test::Utils::tempdir() . '/buy.sql';
append_to_file($script, "\\set n random(1, 200)\nSELECT swipesavvy.record_transaction(public.u(:n), 10);\n");
my $buying = IPC::Run::start([ 'pgbench', '-n', '-c', 8, '-j', 2, '-T', 12, '-f', $script, $node->connstr('race') ], '>', \my $out, '2>', \my $err);
for my $round (1 .. 4)
{
    my $test = $node->safe_psql('race', "SELECT swipesavvy.create_ab_test('R$round', 'R-0', '{R-1}', hold_out => 0.2) ->> 'test_id'");
    $node->safe_psql('race', "SELECT swipesavvy.start_ab_test('$test'); SELECT pg_sleep(0.5); SELECT swipesavvy.pause_ab_test('$test'); SELECT pg_sleep(0.3); SELECT swipesavvy.start_ab_test('$test'); SELECT pg_sleep(0.5);"
          . " SELECT swipesavvy.pause_ab_test('$test'); SELECT swipesavvy.end_ab_test('$test', campaigns => 'leave')");
}
ok(IPC::Run::finish($buying), 'eight clients buy while tests start, pause and end') or diag $err;
cmp_ok($node->safe_psql('race', 'SELECT count(*) FROM swipesavvy.campaign_redemptions'), '>', 20, 'and get something');
is($node->safe_psql('race', 'SELECT count(*) FROM (SELECT FROM swipesavvy.campaign_redemptions GROUP BY user_id, transaction_id HAVING count(*) > 1) twice'), 0, 'no purchase has campaigns of two groups');
is($node->safe_psql('race', q{SELECT count(*) FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.transactions t USING (user_id, transaction_id) JOIN swipesavvy.campaigns c USING (campaign_no)
      JOIN swipesavvy.ab_tests s ON t.recorded_at >= s.started_at AND t.recorded_at < s.ended_at
     WHERE swipesavvy.assign_ab_test(s.test_id, r.user_id) ->> 'campaign_id' IS DISTINCT FROM c.campaign_id AND NOT EXISTS (SELECT FROM swipesavvy.ab_test_pauses p WHERE p.test_no = s.test_no AND t.recorded_at >= p.paused_at AND t.recorded_at < p.resumed_at)}),
    0, 'and none another one than its group has');

# --- statistics: tests of nothing, looked at daily for four weeks ------------------------------------------------------------------

my $tests = $ENV{SWIPESAVVY_AA} || 300;
my $found = $node->safe_psql('race', qq{
    SELECT setseed(0.42);
    SELECT count(swipesavvy.create_campaign(c, 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', campaign_id => c)) FROM unnest('{S-0,S-1,F-0,F-1,P-0,P-1}'::text[]) c;
    SELECT swipesavvy.create_ab_test('Sequential', 'S-0', '{S-1}', metrics => '{}', guardrails => '{}', covariate_days => 0, test_id => '00000000-0000-7000-8000-0000000000a1');
    SELECT swipesavvy.create_ab_test('Fixed', 'F-0', '{F-1}', metrics => '{}', guardrails => '{}', covariate_days => 0, sequential => false, test_id => '00000000-0000-7000-8000-0000000000a2');
    SELECT swipesavvy.create_ab_test('Power', 'P-0', '{P-1}', metrics => '{}', guardrails => '{}', covariate_days => 0, sequential => false, test_id => '00000000-0000-7000-8000-0000000000a3');
    SELECT count(swipesavvy.start_ab_test(('00000000-0000-7000-8000-0000000000a' || n)::uuid)) FROM generate_series(1, 3) n;
    CREATE FUNCTION public.put(n int, users numeric, a numeric, b numeric) RETURNS void LANGUAGE sql AS \$\$
        INSERT INTO swipesavvy.ab_test_sums (test_no, day, metric, group_no, as_of, n, s, q)
        SELECT t.test_no, '2026-01-01', m, g, now(), \$2, v, v FROM swipesavvy.ab_tests t, (VALUES (0, \$3), (1, \$4)) g (g, v), unnest('{conversion,buyers}'::text[]) m
         WHERE t.test_id = ('00000000-0000-7000-8000-0000000000a' || \$1)::uuid
        ON CONFLICT (test_no, day, metric, group_no) DO UPDATE SET n = excluded.n, s = excluded.s, q = excluded.q;
    \$\$;
    CREATE FUNCTION public.finds(n int) RETURNS boolean LANGUAGE sql AS \$\$ SELECT (swipesavvy.get_ab_test_results(('00000000-0000-7000-8000-0000000000a' || \$1)::uuid) ->> 'is_significant')::boolean; \$\$;
    -- a transaction each, lest the versions of its rows pile up
    CREATE PROCEDURE public.nothing(INOUT sequential int DEFAULT 0, INOUT fixed int DEFAULT 0) LANGUAGE plpgsql AS \$\$
    DECLARE a numeric; b numeric; found_s boolean; found_f boolean;
    BEGIN
        sequential := 0; fixed := 0;
        FOR i IN 1 .. $tests LOOP
            a := 0; b := 0; found_s := false; found_f := false;
            FOR day IN 1 .. 28 LOOP
                SELECT a + count(*) FILTER (WHERE r < 0.1), b + count(*) FILTER (WHERE q < 0.1) INTO a, b FROM (SELECT random() AS r, random() AS q FROM generate_series(1, 400)) d;
                IF NOT found_s THEN
                    PERFORM public.put(1, 400 * day, a, b); found_s := public.finds(1);
                END IF;
                IF NOT found_f THEN
                    PERFORM public.put(2, 400 * day, a, b); found_f := public.finds(2);
                END IF;
            END LOOP;
            sequential := sequential + found_s::int; fixed := fixed + found_f::int;
            COMMIT;
        END LOOP;
    END \$\$;
    CALL public.nothing()});
my ($sequential, $fixed) = split /\|/, (split /\n/, $found)[-1];
note("of $tests tests of nothing: sequential ones find something in $sequential, fixed ones in $fixed");
cmp_ok($sequential, '<=', 0.05 * $tests, 'looked at daily, sequential tests find nothing where nothing is, but for a few');
cmp_ok($fixed, '>', 0.2 * $tests, 'and those that may be looked at once find a lot: the test can fail');

# The size that plan_ab_test names finds what it says in four fifths of all tests.
my $share = (split /\n/, $node->safe_psql('race', q{
    SELECT setseed(0.17);
    CREATE FUNCTION public.binomial(n numeric, p numeric) RETURNS numeric LANGUAGE sql VOLATILE RETURN
        round(n * p + sqrt(n * p * (1 - p)) * (sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::numeric);
    CREATE PROCEDURE public.share(INOUT share numeric DEFAULT 0) LANGUAGE plpgsql AS $$
    DECLARE hits int := 0;
    BEGIN
        FOR i IN 1 .. 3000 LOOP
            PERFORM public.put(3, 14749, public.binomial(14749, 0.10), public.binomial(14749, 0.11));
            hits := hits + public.finds(3)::int;
            COMMIT;
        END LOOP;
        share := hits / 3000.0;
    END $$;
    CALL public.share()}))[-1];
note("power at the planned size: $share");
cmp_ok(abs($share - 0.80), '<', 0.02, 'the planned size has the planned power');

$node->stop;
done_testing();
