# Figures of campaigns against an independent count from the stored facts: after random lives of purchases (SWIPESAVVY_SEED), with folds and builds
# between them, in five zones, while others buy and fold, after a crash within a fold, and after a dump was restored.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign);
use Test::More;

my $seed = $ENV{SWIPESAVVY_SEED} || time;
note("SWIPESAVVY_SEED=$seed");

my $node = new_node('analytics');
create_extension($node, 'app');
add_user($node, 'app', "user$_\@example.com") for 1 .. 5;
$node->safe_psql('app', q{SELECT swipesavvy.create_merchant('Shop', 'Services', merchant_id => '00000000-0000-7000-8000-00000000aaaa'), swipesavvy.rebuild_analytics()});
add_campaign($node, 'app', $_, 100000) for qw(CAMP-A CAMP-B);
$node->safe_psql('app', q{SELECT swipesavvy.update_campaign('CAMP-A', '{"stackable": true, "priority": 5, "bonus_points": 3}'), swipesavvy.update_campaign('CAMP-B', '{"stackable": true, "offer_amount": 3.7}')});

# Purchases are made, settled for this or that amount, declined, refunded in parts and wholly; events come; days lie up to 300 back.
sub live
{
    my ($db, $n, $x) = @_;
    $node->safe_psql($db, qq{
        SELECT setseed(($seed % 1000 + $x) / 1100.0);
        DO \$\$
        DECLARE
            t uuid;
            amount numeric;
            at timestamptz;
            kind int;
            users uuid[] := ARRAY(SELECT user_id FROM swipesavvy.users ORDER BY 1);
        BEGIN
            FOR i IN 1 .. $n LOOP
                kind := floor(random() * 10);
                amount := (random() * 200 + 1)::numeric(8, 2);
                at := date_trunc('day', now()) - random() * interval '300 days';
                t := swipesavvy.record_transaction(users[1 + i % 5], amount, merchant_id => CASE WHEN random() < 0.5 THEN '00000000-0000-7000-8000-00000000aaaa'::uuid END,
                    occurred_at => at, status => CASE WHEN kind < 5 THEN 'pending' WHEN kind = 9 THEN 'failed' ELSE 'completed' END) ->> 'transaction_id';
                IF kind = 0 THEN PERFORM swipesavvy.decline_transaction(t);
                ELSIF kind = 1 THEN PERFORM swipesavvy.settle_transaction(t);
                ELSIF kind = 2 THEN PERFORM swipesavvy.settle_transaction(t, amount => (amount * (0.5 + random()::numeric))::numeric(8, 2)); PERFORM swipesavvy.refund_transaction(t, 0.37);
                ELSIF kind = 5 THEN PERFORM swipesavvy.refund_transaction(t);
                ELSIF kind = 6 THEN PERFORM swipesavvy.refund_transaction(t, 0.99); PERFORM swipesavvy.refund_transaction(t, 0.01); END IF;
                PERFORM swipesavvy.track_event(CASE WHEN random() < 0.5 THEN 'CAMP-A' ELSE 'CAMP-B' END, (ARRAY['impression', 'view', 'click', 'conversion'])[1 + floor(random() * 4)::int], value => 1.2345, occurred_at => at);
            END LOOP;
        END
        \$\$});
    return;
}

# What the facts say of a day, by nothing that the extension has but its tables.
my $from_facts = q{
    SELECT c.campaign_id, f.day, sum(f.impressions)::bigint, sum(f.views)::bigint, sum(f.clicks)::bigint, sum(f.tracked)::bigint, sum(f.worth)::numeric, sum(f.conversions)::bigint, sum(f.pending)::bigint,
           sum(f.revenue)::numeric, sum(f.prim)::numeric, sum(f.cost)::numeric, sum(f.discount)::numeric, sum(f.points)::bigint
      FROM (SELECT r.campaign_no, (to_timestamp(floor(extract(epoch FROM t.occurred_at) / 900) * 900) AT TIME ZONE 'ZONE')::date AS day, 0 AS impressions, 0 AS views, 0 AS clicks, 0 AS tracked, 0 AS worth,
                   CASE WHEN r.counts THEN 1 ELSE 0 END AS conversions, CASE WHEN r.counts AND t.status = 'pending' THEN 1 ELSE 0 END AS pending, CASE WHEN r.counts THEN (t.amount_minor - t.refunded_minor) / 100.0 ELSE 0 END AS revenue,
                   CASE WHEN r.counts AND r.position = 1 THEN (t.amount_minor - t.refunded_minor) / 100.0 ELSE 0 END AS prim, (r.cost_minor - r.cost_returned_minor) / 100.0 AS cost,
                   CASE WHEN r.counts THEN (r.discount_minor - floor(r.discount_minor::numeric * t.refunded_minor / t.amount_minor)) / 100.0 ELSE 0 END AS discount, CASE WHEN r.counts THEN r.points ELSE 0 END AS points
              FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.transactions t USING (user_id, transaction_id)
            UNION ALL
            SELECT e.campaign_no, (to_timestamp(floor(extract(epoch FROM e.occurred_at) / 900) * 900) AT TIME ZONE 'ZONE')::date, (e.kind = 'impression')::int, (e.kind = 'view')::int, (e.kind = 'click')::int, (e.kind = 'conversion')::int,
                   CASE e.kind WHEN 'conversion' THEN e.value ELSE 0 END, 0, 0, 0, 0, 0, 0, 0 FROM swipesavvy.campaign_events e) f JOIN swipesavvy.campaigns c USING (campaign_no) GROUP BY 1, 2};
my $from_figures = q{
    SELECT campaign_id, (d ->> 'date')::date, (d ->> 'impressions')::bigint, (d ->> 'views')::bigint, (d ->> 'clicks')::bigint, (d ->> 'tracked_conversions')::bigint, (d ->> 'tracked_value')::numeric,
           (d ->> 'purchase_conversions')::bigint, (d ->> 'pending_conversions')::bigint, (d ->> 'revenue')::numeric, (d ->> 'revenue_primary')::numeric, (d ->> 'cost')::numeric, (d ->> 'discount')::numeric, (d ->> 'bonus_points')::bigint
      FROM unnest('{CAMP-A,CAMP-B}'::text[]) campaign_id, jsonb_array_elements(swipesavvy.get_campaign_daily(campaign_id, current_date - 320, current_date + 2) -> 'days') d
     WHERE (d ->> 'impressions', d ->> 'views', d ->> 'clicks', d ->> 'conversions', d ->> 'cost') <> ('0', '0', '0', '0', '0.00')};

sub agrees
{
    my ($db, $what) = @_;
    my $zone = $node->safe_psql($db, 'SELECT zone FROM swipesavvy.analytics_state');
    my $facts = $from_facts =~ s/ZONE'/$zone'/gr;
    $facts = "SELECT * FROM ($facts) x (campaign_id, day, i, v, c, tc, tv, pc, p, rev, prim, cost, disc, bonus) WHERE (i, v, c, tc, pc, cost) <> (0, 0, 0, 0, 0, 0)";
    is($node->safe_psql($db, "SELECT count(*) FROM (($facts EXCEPT ALL $from_figures) UNION ALL ($from_figures EXCEPT ALL $facts)) x"), 0, "$what: each day is what the facts say");
    is(json($node, $db, 'SELECT swipesavvy.verify_analytics()')->{mismatches}, 0, "$what: and so are hours and merchants");
    is($node->safe_psql($db, q{SELECT bool_and((swipesavvy.get_campaign(campaign_id) ->> 'spent')::numeric = (swipesavvy.get_campaign_metrics(campaign_id) ->> 'cost')::numeric) FROM swipesavvy.campaigns}), 't', "$what: costs are what was spent");
    return;
}

for my $round (1 .. 3)
{
    live('app', 150, $round);
    agrees('app', "round $round, not folded");
    $node->safe_psql('app', 'SELECT swipesavvy.fold_analytics()');
    agrees('app', "round $round, folded");
}
for my $zone (qw(Europe/Berlin America/New_York Australia/Lord_Howe Asia/Kolkata America/Santiago))
{
    $node->safe_psql('app', qq{SELECT swipesavvy.update_system_settings('{"timezone": "$zone"}')});
    live('app', 10, 50);
    agrees('app', "$zone, set and not built");
    is(json($node, 'app', 'SELECT swipesavvy.refresh_analytics()')->{rebuilt} ? 1 : 0, 1, "$zone is built");
    agrees('app', $zone);
}

# --- others buy, fold and build meanwhile: each single statement sees as many conversions as there are redemptions ---------------
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/buy.sql", "SELECT swipesavvy.record_transaction(user_id, 5) FROM swipesavvy.users \\g /dev/null\n" x 60);
append_to_file("$dir/fold.sql", "SELECT swipesavvy.fold_analytics() \\g /dev/null\n" x 60 . "SELECT swipesavvy.rebuild_analytics() \\g /dev/null\n" x 3);
append_to_file("$dir/read.sql", q{SELECT (swipesavvy.get_campaign_metrics('CAMP-A') ->> 'purchase_conversions')::bigint - (SELECT count(*) FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c USING (campaign_no) WHERE c.campaign_id = 'CAMP-A' AND r.counts);
} x 80);
my (@handles, @out, @err);
for my $script (qw(buy fold read))
{
    push @handles, start [ 'psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('app'), '-f', "$dir/$script.sql" ], '>', \$out[@handles], '2>', \$err[@handles];
}
finish $_ for @handles;
is(join('', map { $_ // '' } @err), '', 'nobody failed');
is(join(',', sort { $a cmp $b } keys %{ { map { $_ => 1 } split /\n/, $out[2] } }), '0', 'every reader saw one total');
agrees('app', 'afterwards');

# --- a crash between a fold and its commit --------------------------------------------------------------------------------
live('app', 20, 60);
my $session = $node->background_psql('app');
$session->query_safe('BEGIN');
like($session->query_safe('SELECT swipesavvy.fold_analytics()'), qr/"folded": [1-9]/, 'a fold is under way');
$node->stop('immediate');
eval { $session->quit };
$node->start;
agrees('app', 'after the crash');

# --- dumped and restored ---------------------------------------------------------------------------------------------------------
live('app', 20, 70);
$node->command_ok([ 'pg_dump', '-f', "$dir/dump.sql", 'app' ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', "$dir/dump.sql" ], 'is restored');
agrees('restored', 'restored');
live('restored', 20, 80);
$node->safe_psql('restored', 'SELECT swipesavvy.fold_analytics()');
agrees('restored', 'and goes on');

$node->stop;
done_testing();
