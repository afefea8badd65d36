# simulate_campaign against what happened: real purchases (test/demo) go through the engine, and for each campaign that ran
# the simulation over the stored purchases must tell what it gave, in all and day by day. Then random programmes
# (lib/World.pm) against the oracle's slow reading of the same rules (lib/Oracle.pm).
#
# SWIPESAVVY_SEED repeats a run.
# Takes long: begun among the first.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;

use Answers;
use Oracle;
use SwipeSavvy qw(new_node create_extension json);
use World;

my $seed = $ENV{SWIPESAVVY_SEED} || time;
my $demo = "$FindBin::RealBin/../demo";
my $node = new_node('simulate', 'max_wal_size = 2GB');
$node->safe_psql('postgres', "CREATE DATABASE app TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");

# What a test needs besides: what a campaign really gave, as simulate_campaign tells it.
my $TOOLS = $Answers::DEFINITION . q{
    CREATE FUNCTION public.given(campaign text) RETURNS jsonb LANGUAGE sql STABLE RETURN (
        WITH r AS (
            SELECT r.*, power(10::numeric, minor_unit) AS unit
            FROM swipesavvy.campaign_redemptions AS r JOIN swipesavvy.campaigns AS c USING (campaign_no)
            JOIN swipesavvy.currencies ON code = c.currency
            WHERE campaign_id = campaign
        ), d AS (
            SELECT jsonb_build_object('day', day::text, 'redemptions', count(*), 'users', count(DISTINCT user_id), 'points', sum(points),
                       'discount', sum(discount_minor / unit), 'cost', sum(cost_minor / unit)) AS line
            FROM r GROUP BY day
        )
        SELECT jsonb_build_object('redemptions', count(*), 'users', count(DISTINCT user_id), 'points', coalesce(sum(points), 0),
                   'discount', coalesce(sum(discount_minor / unit), 0), 'cost', coalesce(sum(cost_minor / unit), 0),
                   'days', (SELECT coalesce(jsonb_agg(line ORDER BY line->>'day'), '[]') FROM d))
        FROM r);

    -- Is what was given told, in these scenes?
    CREATE FUNCTION public.told(campaign text, scenes text[], since timestamptz, until timestamptz) RETURNS boolean LANGUAGE sql STABLE RETURN (
        SELECT bool_and((s -> scene) - 'not_applied' - 'budget_left' - 'budget_short_on' = g)
        FROM swipesavvy.simulate_campaign(definition(campaign), since, until) AS s, given(campaign) AS g, unnest(scenes) AS scene);
};

sub run { my ($sql, %more) = @_; return $node->safe_psql('app', $sql, %more) }

# ---- real purchases ----

run(slurp_file("$demo/stage.sql"));
my $csv = "$PostgreSQL::Test::Utils::tmp_check/cdnow.csv";
system_or_bail("gzip -dc '$demo/data/purchases_cdnow.csv.gz' > '$csv'");
run("COPY demo.log FROM '$csv' WITH (FORMAT csv, HEADER); COPY demo.merchants FROM '$demo/data/merchants.csv' WITH (FORMAT csv, HEADER)");
run(slurp_file("$demo/world.sql") . slurp_file("$demo/campaigns.sql"), extra_params => [ '-v', 'first=69659' ]);
run($TOOLS);

my $INPUT = q{
    INSERT INTO swipesavvy.purchases (transaction_id, user_id, merchant_id, amount_minor, currency, occurred_at, status, idempotency_key, metadata)
    SELECT * FROM demo.input ORDER BY occurred_at, transaction_id LIMIT };
my $PERIOD = "'1997-01-01', '1998-07-02'";

subtest 'ten campaigns that ran together' => sub {
    # one whose budget runs out, and one that has money for what others leave
    run(q{SELECT swipesavvy.update_campaign('CAMP-DINNER', '{"budget": 300}'), swipesavvy.update_campaign('CAMP-NEW-YEAR', '{"budget": 50000}')});
    run("$INPUT 25000");
    run(qq{ANALYZE;
           CREATE TABLE public.together AS
           SELECT campaign_id, swipesavvy.simulate_campaign(definition(campaign_id), $PERIOD) AS s, given(campaign_id) AS g
           FROM swipesavvy.campaigns});
    is(run(q{SELECT string_agg(campaign_id, ' ') FROM public.together
             WHERE (s -> 'together') - 'not_applied' - 'budget_left' - 'budget_short_on' <> g}), '', 'each is told as it was');
    is(run(q{SELECT count(*), count(*) FILTER (WHERE o -> 'with' = r.g - 'users' - 'days'), count(*) FILTER (WHERE o -> 'with' = o -> 'without')
             FROM public.together AS t, jsonb_array_elements(t.s -> 'changed') AS o JOIN public.together AS r ON r.campaign_id = o ->> 'campaign_id'})
        =~ s/^([1-9]\d*)\|\1\|0$/all/r, 'all', 'and so are the others that it changed');
};

# Clears the purchases and campaigns, for other ones.
my $CLEAR = q{
    ALTER TABLE swipesavvy.points_entries DISABLE TRIGGER USER;
    TRUNCATE swipesavvy.transactions, swipesavvy.points_entries, swipesavvy.campaign_redemptions, swipesavvy.campaign_slots;
    ALTER TABLE swipesavvy.points_entries ENABLE ALWAYS TRIGGER the_ledger_is_append_only;
    ALTER TABLE swipesavvy.points_entries ENABLE ALWAYS TRIGGER the_ledger_is_not_truncated;
    DELETE FROM swipesavvy.campaign_versions;
    DELETE FROM swipesavvy.campaigns;
    UPDATE swipesavvy.reward_accounts SET points_available = 0, lifetime_points = 0, tier = 'bronze', tier_until = NULL,
        transaction_count = 0, spent_minor = 0;
};

# Stackable ones whose discounts leave room for each other: each gives what it would give alone.
my @ALONE = (
    q{'PERCENTAGE', 'SEASONAL', 10, 'PERCENTAGE', '1997-01-01', max_discount => 5.00},
    q{'BUDGET', 'SEASONAL', 1.50, 'FIXED_DISCOUNT', '1997-01-01', min_spend => 10, budget => 5000},
    q{'DAILY', 'SEASONAL', 1, 'FIXED_DISCOUNT', '1997-01-05', '1998-01-01', min_spend => 10, daily_limit => 15},
    q{'USER', 'SEASONAL', 0, 'BOGO', '1997-01-01', min_spend => 20, max_discount => 3, per_user_limit => 2},
    q{'HELD-OUT', 'SEASONAL', 3, 'PERCENTAGE', '1997-01-01', hold_out => 25.5},
    q{'POINTS', 'LOYALTY_BOOST', 0, 'OTHER', '1997-01-01', points_multiplier => 1.5, bonus_points => 20, budget => 20000},
    q{'SEGMENT', 'LOYALTY_BOOST', 0, 'OTHER', '1997-01-01', target_segment => 'founders', points_multiplier => 2},
    q{'SHIPPING', 'SEASONAL', 4, 'FREE_SHIPPING', '1997-02-01', target_category => 'Retail & Shopping', min_spend => 20, bonus_points => 3},
    q{'ALL', 'SEASONAL', 0.333, 'PERCENTAGE', '1997-01-02', hold_out => 5, daily_limit => 40, per_user_limit => 3, bonus_points => 11,
      budget => 900, target_category => 'Entertainment'});

subtest 'campaigns that ran alone' => sub {
    run($CLEAR);
    # midnights of the log are evenings there
    run(q{SELECT swipesavvy.update_system_settings('{"timezone": "America/New_York", "point_value_minor": 2}')});
    for my $campaign (@ALONE)
    {
        my ($id) = $campaign =~ /'(.*?)'/;
        run("SELECT swipesavvy.create_campaign($campaign, stackable => true, campaign_id => '$id'), swipesavvy.launch_campaign('$id', 'scheduled')");
    }
    run("$INPUT 69659; ANALYZE");
    for my $campaign (@ALONE)
    {
        my ($id) = $campaign =~ /'(.*?)'/;
        my $given = json($node, 'app', "SELECT given('$id')");
        cmp_ok($given->{redemptions}, '>', 100, "$id: $given->{redemptions} redemptions on " . @{ $given->{days} } . ' days');
        is(run("SELECT told('$id', '{alone,together}', $PERIOD)"), 't', 'told exactly');
    }
    is(run("SET swipesavvy.direct_tables = off; SELECT told('ALL', '{alone,together}', $PERIOD)"), 't', 'through a cursor');
    is(run("SET work_mem = 64; SELECT told('ALL', '{alone,together}', $PERIOD)"), 't', 'with little memory');
    my $budget = json($node, 'app', "SELECT swipesavvy.simulate_campaign(definition('BUDGET'), $PERIOD) -> 'alone'");
    is($budget->{budget_left} * 100 % 150, $budget->{budget_left} * 100, 'what is left of a budget covers no more');
    is($budget->{budget_short_on}, $budget->{days}[-1]{day}, 'and that is told');
    # refunds, later segments and categories change nothing but what they are said to
    is(run("BEGIN; UPDATE swipesavvy.transactions SET refunded_minor = amount_minor; SELECT told('ALL', '{alone}', $PERIOD); ROLLBACK"),
        't', 'gross of refunds');
};

subtest 'it can be cancelled, and locks nothing' => sub {
    my ($result, $out, $error) = $node->psql('app', "SET statement_timeout = 2; SELECT swipesavvy.simulate_campaign(definition('ALL'), $PERIOD)");
    like($error, qr/canceling statement due to statement timeout/, 'cancelled');
    is(run(qq{BEGIN; SELECT swipesavvy.simulate_campaign(definition('ALL'), $PERIOD) IS NOT NULL;
              SELECT string_agg(DISTINCT mode, ' ') FROM pg_locks WHERE pid = pg_backend_pid() AND relation >= 16384; COMMIT}),
        "t\nAccessShareLock", 'no lock that a purchase would wait for');
};

# One after the other, none of them stackable, on the first purchases, with the rules' chance.
subtest "random campaigns that ran alone (seed $seed)" => sub {
    srand($seed);
    my $pick = sub { return $_[ rand @_ ] };
    for my $n (1 .. 5)
    {
        my $campaign = join ', ', "'RANDOM', 'SEASONAL'",
          $pick->("0, 'BOGO'", "0, 'OTHER'", (1 + int rand 99) . ", 'PERCENTAGE'", (1 + int rand 9) . ".25, 'FIXED_DISCOUNT'", "3, 'FREE_SHIPPING'"),
          "'1997-01-0" . (1 + int rand 3) . "'",
          (rand > 0.5 ? 'max_discount => ' . int rand 9 : ()), (rand > 0.5 ? 'budget => ' . int rand 3000 : ()),
          (rand > 0.5 ? 'daily_limit => ' . (1 + int rand 90) : ()), (rand > 0.5 ? 'per_user_limit => ' . (1 + int rand 3) : ()),
          (rand > 0.5 ? 'min_spend => ' . int rand 30 : ()), (rand > 0.5 ? 'hold_out => ' . int rand 60 : ()),
          (rand > 0.5 ? 'bonus_points => ' . int rand 50 : ()), (rand > 0.5 ? 'points_multiplier => 1.' . int rand 999 : ());
        is(run(qq{
            SET client_min_messages = error;
            BEGIN; $CLEAR
            SELECT swipesavvy.create_campaign($campaign, campaign_id => 'RANDOM'), swipesavvy.launch_campaign('RANDOM', 'scheduled') \\g /dev/null
            $INPUT 3000;
            SELECT told('RANDOM', '{alone,together}', $PERIOD);
            ROLLBACK}), 't', $campaign);
    }
};

# ---- random programmes against the oracle ----

for my $n (1, 2)
{
    my $world = World->new($seed + $n);
    my $o = $world->{oracle};
    my @stored;
    my @input;
    for my $p ($world->purchases(70))
    {
        next if length $p->{amount} > 15;
        my $recorded = $o->record($p);
        next if $recorded->{refused};
        push @input, $p;
        push @stored, $recorded if $recorded->{status} eq 'completed' || $recorded->{status} eq 'pending';
    }
    create_extension($node, "world$n");
    $node->safe_psql("world$n", join "\n", $TOOLS, 'CREATE EXTENSION IF NOT EXISTS swipesavvy;', @{ $world->{setup} });
    $node->safe_psql("world$n", 'SELECT swipesavvy.record_transactions(' . World::quoted('[' . join(',', map {
        my @columns = $world->columns($_, 'amount');
        my @pairs;
        while (my ($name, $value) = splice @columns, 0, 2)
        {
            next unless defined $value;
            push @pairs, qq("$name": ) . ($name eq 'metadata' || $name eq 'amount' ? $value : qq("$value"));
        }
        '{' . join(', ', @pairs) . '}'
    } @input) . ']') . ')');
    is($node->safe_psql("world$n", 'SELECT count(*) FROM swipesavvy.transactions'), scalar @input, 'the purchases are stored');

    my @all = sort keys %{ $o->{campaigns} };
    my @ids = @all[ 0 .. 11 ];
    my $ids = join ',', map { World::quoted($_) } @ids;
    my ($alone, $together) = map { $Answers::TOLD =~ s/SCENE/$_/r =~ s/IDS/$ids/r } qw(alone together);
    is($node->safe_psql("world$n", $alone), join("\n", map { Answers::told(Answers::replayed($o, [$_], @stored), $_) } @ids), "world $n: each campaign alone");

    # those that ever ran, and whichever is proposed
    my @ran = grep { $o->{campaigns}{$_}{status} !~ /^(draft|archived)$/ } @all;
    is($node->safe_psql("world$n", $together), join("\n", map { my $id = $_; Answers::told(Answers::replayed($o, [ $id, grep { $_ ne $id } @ran ], @stored), $id) } @ids),
        "world $n: each together with those that ran");
}

$node->stop;
done_testing();
