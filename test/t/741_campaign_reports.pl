# Portfolio, ranking, view, segments and uplift against counts from the stored facts in plain SQL: after random lives of purchases
# (SWIPESAVVY_SEED), with folds and builds between them, and around changes of clocks in zones.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;

my $seed = $ENV{SWIPESAVVY_SEED} || time;
note("SWIPESAVVY_SEED=$seed");

my $node = new_node('campaign_reports');
create_extension($node, 'app');
sub sql { return $node->safe_psql('app', "SET search_path = swipesavvy, public; $_[0]") }

add_user($node, 'app', "user$_\@example.com") for 1 .. 24;
sql(q{
    SELECT create_merchant('Shop', 'Services', merchant_id => '00000000-0000-7000-8000-00000000aaaa'), create_merchant('Cafe', 'Restaurants & Cafes', merchant_id => '00000000-0000-7000-8000-00000000bbbb');
    SELECT create_segment(s) FROM unnest('{odd,few}'::text[]) s;
    SELECT create_campaign(campaign_id => id, name => id, campaign_type => type, offer_type => offer, offer_amount => amount, bonus_points => points, stackable => true, priority => n, budget => 100000, hold_out => held,
                           target_category => category, target_segment => segment, start_date => now() - interval '200 days')
      FROM (VALUES ('A', 'SEASONAL', 'PERCENTAGE', 10, 3, 1, 0, NULL, NULL), ('B', 'EMAIL_OFFER', 'PERCENTAGE', 3.7, 0, 2, 0, NULL, NULL), ('C', 'SEASONAL', 'FIXED_DISCOUNT', 2.5, 0, 3, 25, 'Services', NULL),
                   ('D', 'FLASH_SALE', 'BOGO', NULL, 0, 4, 0, 'Restaurants & Cafes', NULL), ('E', 'LOYALTY_BOOST', 'OTHER', NULL, 7, 0, 30, NULL, 'odd'), ('F', 'EMAIL_OFFER', 'OTHER', NULL, 0, 0, 0, NULL, NULL)) c (id, type, offer, amount, points, n, held, category, segment);
    UPDATE users SET created_at = now() - interval '1 year';
    SELECT add_segment_members('odd', (SELECT array_agg(user_id) FROM (SELECT user_id, row_number() OVER (ORDER BY user_id) AS n FROM users) u WHERE n % 2 = 1)), add_segment_members('few', (SELECT array_agg(user_id) FROM (SELECT user_id FROM users ORDER BY user_id LIMIT 4) u));
    UPDATE segment_members SET added_at = now() - interval '1 year';
    SELECT launch_campaign(id) FROM unnest('{A,B,C,D,E}'::text[]) id;
    SELECT rebuild_analytics()});

# Purchases are made, settled for this or that amount, declined, refunded in parts and wholly, some in another currency; events come.
sub live
{
    my ($n, $x) = @_;
    return sql(qq{
        SELECT setseed(($seed % 1000 + $x) / 1100.0);
        DO \$\$
        DECLARE
            t uuid;
            amount numeric;
            at timestamptz;
            kind int;
            who uuid;
            people uuid[] := ARRAY(SELECT user_id FROM users ORDER BY 1);
        BEGIN
            FOR i IN 1 .. $n LOOP
                kind := floor(random() * 10);
                who := people[1 + floor(random() * 20)::int];
                amount := (random() * 200 + 1)::numeric(8, 2);
                at := now() - random() * interval '210 days';
                t := record_transaction(who, amount, CASE WHEN random() < 0.1 THEN 'EUR' END, (ARRAY['00000000-0000-7000-8000-00000000aaaa', '00000000-0000-7000-8000-00000000bbbb', NULL])[1 + floor(random() * 3)::int]::uuid,
                    occurred_at => at, status => CASE WHEN kind < 5 THEN 'pending' WHEN kind = 9 THEN 'failed' ELSE 'completed' END) ->> 'transaction_id';
                IF kind = 0 THEN PERFORM decline_transaction(t);
                ELSIF kind = 1 THEN PERFORM settle_transaction(t);
                ELSIF kind = 2 THEN PERFORM settle_transaction(t, amount => (amount * (0.5 + random()::numeric))::numeric(8, 2)); PERFORM refund_transaction(t, 0.37);
                ELSIF kind = 5 THEN PERFORM refund_transaction(t);
                ELSIF kind = 6 THEN PERFORM refund_transaction(t, 0.99); PERFORM refund_transaction(t, 0.01); END IF;
                PERFORM track_event((ARRAY['A', 'B', 'C', 'D', 'E', 'F'])[1 + floor(random() * 6)::int], (ARRAY['impression', 'view', 'click', 'conversion'])[1 + floor(random() * 4)::int], who, 1.2345, at);
            END LOOP;
        END
        \$\$});
}

# What the facts say, by nothing that the extension has but its tables: each event and redemption with its day, money in the campaign's currency.
sql(q{
    CREATE VIEW facts AS
        SELECT c.campaign_no, c.campaign_id, c.name, c.campaign_type, c.offer_type, c.status, f.user_id, f.day, f.imp, f.vie, f.cli, f.conv + f.tracked AS conversions, f.conv, f.rev, f.prim, f.cost, f.discount, f.points
          FROM (SELECT r.campaign_no, r.user_id, (to_timestamp(floor(extract(epoch FROM t.occurred_at) / 900) * 900) AT TIME ZONE (SELECT zone FROM analytics_state))::date AS day, 0 AS imp, 0 AS vie, 0 AS cli, 0 AS tracked, r.counts::int AS conv,
                       CASE WHEN r.counts THEN t.amount_minor - t.refunded_minor ELSE 0 END AS rev, CASE WHEN r.counts AND r.position = 1 THEN t.amount_minor - t.refunded_minor ELSE 0 END AS prim, r.cost_minor - r.cost_returned_minor AS cost,
                       CASE WHEN r.counts THEN r.discount_minor - floor(r.discount_minor::numeric * t.refunded_minor / t.amount_minor) ELSE 0 END AS discount, CASE WHEN r.counts THEN r.points ELSE 0 END AS points
                  FROM campaign_redemptions r JOIN transactions t USING (user_id, transaction_id)
                UNION ALL
                SELECT e.campaign_no, e.user_id, (to_timestamp(floor(extract(epoch FROM e.occurred_at) / 900) * 900) AT TIME ZONE (SELECT zone FROM analytics_state))::date, (e.kind = 'impression')::int, (e.kind = 'view')::int, (e.kind = 'click')::int,
                       (e.kind = 'conversion')::int, 0, 0, 0, 0, 0, 0 FROM campaign_events e) f JOIN campaigns c USING (campaign_no);
    CREATE FUNCTION q(a numeric, b numeric, places int) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN b <> 0 THEN round(a / b, places) END $$;
    CREATE FUNCTION shown(m jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT concat_ws(' ', m ->> 'impressions', m ->> 'views', m ->> 'clicks', m ->> 'conversions', m ->> 'revenue', m ->> 'cost', m ->> 'discount', m ->> 'bonus_points',
               coalesce(m #>> '{rates,click_through_rate}', '-'), coalesce(m #>> '{rates,conversion_rate}', '-'), coalesce(m #>> '{rates,return_on_ad_spend}', '-'), coalesce(m #>> '{rates,cost_per_acquisition}', '-')) $$;
    CREATE FUNCTION counted(imp numeric, vie numeric, cli numeric, conversions numeric, rev numeric, cost numeric, discount numeric, points numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT concat_ws(' ', imp, vie, cli, conversions, round(rev / 100.0, 2), round(cost / 100.0, 2), round(discount / 100.0, 2), points,
               coalesce(q(cli, imp, 6)::text, '-'), coalesce(q(conversions, cli, 6)::text, '-'), coalesce(q(rev, cost, 6)::text, '-'), coalesce(q(cost / 100.0, conversions, 6)::text, '-')) $$});
my $sums = 'sum(imp), sum(vie), sum(cli), sum(conversions), sum(prim), sum(cost), sum(discount), sum(points)';
my ($ranked, $several) = (0, 0); # rankings, and those of several campaigns

sub agrees
{
    my ($what) = @_;
    my ($from, $to) = (sql(q{SELECT current_date - 100}), sql('SELECT current_date - 17'));
    my ($of, $before) = ("day BETWEEN '$from' AND '$to'", "day >= '$from'::date - ('$to'::date - '$from'::date + 1) AND day < '$from'");
    my $none = 'counted(0, 0, 0, 0, 0, 0, 0, 0)';

    is(sql("SELECT shown(get_campaign_portfolio('$from', '$to') -> k) FROM unnest('{totals,previous}'::text[]) k"),
        sql("SELECT coalesce((SELECT counted($sums) FROM facts WHERE $of), $none) UNION ALL SELECT coalesce((SELECT counted($sums) FROM facts WHERE $before), $none)"), "$what: all campaigns together, and before");
    for my $by (qw(campaign_type offer_type))
    {
        my $key = { campaign_type => 'by_type', offer_type => 'by_offer_type' }->{$by};
        is(sql("SELECT p ->> '$by', p -> 'campaigns', shown(p) FROM jsonb_array_elements(get_campaign_portfolio('$from', '$to') -> '$key') p ORDER BY 1"),
            sql("SELECT c.$by, count(*), coalesce((SELECT counted($sums) FROM facts f WHERE f.$by = c.$by AND $of), $none) FROM campaigns c GROUP BY 1 ORDER BY 1"), "$what: by $by");
    }
    is(sql("SELECT get_campaign_portfolio('$from', '$to') -> 'campaigns_with_facts'"), sql("SELECT count(*) FROM (SELECT 1 FROM facts WHERE $of GROUP BY campaign_no HAVING sum(imp + vie + cli + conversions) > 0 OR sum(cost) > 0) x"), "$what: campaigns with facts");
    my %value = (roas => 'q(sum(rev), sum(cost), 6)', conversion_rate => 'q(sum(conversions), sum(cli), 6)', revenue => 'round(sum(rev) / 100.0, 2)', efficiency => 'q(100 * sum(conversions), sum(cost) / 100.0, 6)');
    my %enough = (roas => 'sum(conversions) >= 3 AND sum(cost) > 0', conversion_rate => 'sum(cli) >= 2 AND sum(cli) > 0', revenue => 'sum(rev) > 0', efficiency => 'sum(conversions) >= 3 AND sum(cost) > 0');
    for my $metric (sort keys %value)
    {
        for my $direction ([ 'best', 'DESC' ], [ 'worst', 'ASC' ])
        {
            is(sql("SELECT c -> 'rank', c ->> 'campaign_id', c -> 'value' FROM jsonb_array_elements(get_top_campaigns('$metric', '$from', '$to', min_conversions => 3, min_clicks => 2, direction => '$direction->[0]') -> 'campaigns') c ORDER BY (c -> 'rank')::int"),
                sql("SELECT row_number() OVER (ORDER BY v $direction->[1], n DESC, campaign_id COLLATE \"C\"), campaign_id, v FROM (SELECT campaign_id, $value{$metric} AS v, sum(conversions) AS n FROM facts WHERE $of AND status <> 'draft' GROUP BY 1 HAVING $enough{$metric}) x ORDER BY 1"),
                "$what: the $direction->[0] by $metric");
        }
        $ranked++;
        $several += sql("SELECT jsonb_array_length(get_top_campaigns('$metric', '$from', '$to', min_conversions => 3, min_clicks => 2) -> 'campaigns') > 1") eq 't';
    }
    is(sql("SELECT campaign_id, impressions, views, clicks, conversions, revenue, cost, view_rate, click_through_rate, conversion_rate, cost_per_acquisition, return_on_ad_spend, last_fact_day, spent = cost FROM v_campaign_performance_summary ORDER BY 1"),
        sql("SELECT c.campaign_id, coalesce(sum(imp), 0), coalesce(sum(vie), 0), coalesce(sum(cli), 0), coalesce(sum(f.conversions), 0), round(coalesce(sum(rev), 0) / 100.0, 2), round(coalesce(sum(cost), 0) / 100.0, 2), q(sum(vie), sum(imp), 6), q(sum(cli), sum(imp), 6), q(sum(f.conversions), sum(cli), 6),
                q(sum(cost) / 100.0, sum(f.conversions), 6), q(sum(rev), sum(cost), 6), max(day) FILTER (WHERE imp + vie + cli + f.conversions + cost <> 0), true
               FROM campaigns c LEFT JOIN facts f USING (campaign_no) GROUP BY 1 ORDER BY 1"), "$what: the view");

    sql("SELECT refresh_campaign_segments(campaign_id), CASE WHEN hold_out > 0 THEN refresh_campaign_uplift(campaign_id) END FROM campaigns");
    is(sql("SELECT campaign_id, coalesce(s ->> 'segment', '-'), s -> 'members', s -> 'reached', s -> 'converters', s -> 'conversions', s -> 'revenue', s -> 'cost', s -> 'discount', s -> 'converter_rate' FROM campaigns, jsonb_array_elements(get_campaign_segments(campaign_id) -> 'segments') s ORDER BY 1, 2"),
        sql("WITH places AS (SELECT u.user_id, coalesce(s.name, '-') AS segment FROM users u LEFT JOIN segment_members m USING (user_id) LEFT JOIN segments s USING (segment_no))
             SELECT c.campaign_id, p.segment, count(*), count(*) FILTER (WHERE f.saw), count(*) FILTER (WHERE f.conv > 0), coalesce(sum(f.conv), 0), round(coalesce(sum(f.rev), 0) / 100.0, 2), round(coalesce(sum(f.cost), 0) / 100.0, 2), round(coalesce(sum(f.discount), 0) / 100.0, 2),
                    q(count(*) FILTER (WHERE f.conv > 0), count(*), 6)
               FROM campaigns c CROSS JOIN places p LEFT JOIN (SELECT campaign_no, user_id, sum(imp + vie) > 0 AS saw, sum(conv) AS conv, sum(rev) AS rev, sum(cost) AS cost, sum(discount) AS discount FROM facts GROUP BY 1, 2) f USING (campaign_no, user_id) GROUP BY 1, 2 ORDER BY 1, 2"), "$what: segments");
    is(sql("SELECT campaign_id, scope, u #> '{control,users}', u #> '{control,buyers}', u #> '{control,spend_per_user}', u #> '{exposed,users}', u #> '{exposed,buyers}', u #> '{exposed,spend_per_user}', u -> 'cost'
              FROM campaigns, unnest('{campaign,all}'::text[]) scope, LATERAL get_campaign_uplift(campaign_id, scope) u WHERE hold_out > 0 ORDER BY 1, 2"),
        sql("WITH units AS (SELECT c.campaign_no, c.campaign_id, scope, CASE WHEN round(flag_hash('holdout:' || c.campaign_id, u.user_id::text, 2) * 10000) < c.hold_out THEN 0 ELSE 1 END AS arm,
                                coalesce((SELECT sum(t.amount_minor - t.refunded_minor) FROM transactions t LEFT JOIN merchant_categories k USING (category_no) WHERE t.user_id = u.user_id AND t.status = 'completed' AND t.currency = 'USD' AND t.occurred_at >= c.start_date AND t.occurred_at < now()
                                             AND (scope = 'all' OR c.target_category IS NULL OR k.category = c.target_category)), 0) AS y
                           FROM campaigns c CROSS JOIN unnest('{campaign,all}'::text[]) scope CROSS JOIN users u WHERE c.hold_out > 0 AND (c.target_segment_no IS NULL OR EXISTS (SELECT FROM segment_members m WHERE m.user_id = u.user_id AND m.segment_no = c.target_segment_no)))
             SELECT campaign_id, scope, count(*) FILTER (WHERE arm = 0), count(*) FILTER (WHERE arm = 0 AND y > 0), round(sum(y) FILTER (WHERE arm = 0) / nullif(count(*) FILTER (WHERE arm = 0), 0) / 100, 4),
                    count(*) FILTER (WHERE arm = 1), count(*) FILTER (WHERE arm = 1 AND y > 0), round(sum(y) FILTER (WHERE arm = 1) / nullif(count(*) FILTER (WHERE arm = 1), 0) / 100, 4), (SELECT round(coalesce(sum(cost), 0) / 100.0, 2) FROM facts f WHERE f.campaign_no = u.campaign_no)
               FROM units u GROUP BY campaign_no, campaign_id, scope ORDER BY 1, 2"), "$what: hold-outs");
    return;
}

for my $round (1 .. 2)
{
    live(130, $round);
    agrees("round $round, not folded");
    sql('SELECT fold_analytics()');
    agrees("round $round, folded");
}
for my $zone (qw(Europe/Berlin America/New_York Australia/Lord_Howe Asia/Kolkata America/Santiago))
{
    sql(qq{SELECT update_system_settings('{"timezone": "$zone"}')});
    live(15, 50);
    sql('SELECT refresh_analytics()');
    agrees($zone);
}
# what one purchase of two campaigns brought is sold once
cmp_ok(sql("SELECT (get_campaign_portfolio('2020-01-01') #>> '{totals,revenue}')::numeric"), '<', sql('SELECT sum(revenue) FROM v_campaign_performance_summary'), 'campaigns stacked');

$node->stop;
cmp_ok($several, '>', $ranked / 2, "in $several of $ranked rankings there are several campaigns: chance leaves some with one");
done_testing();
