# run_custom_report against the same reports written as plain SQL over the stored facts: random definitions (SWIPESAVVY_SEED), in a new zone
# for each part, with and without deltas that wait. What is wrong with one is 22023 naming its path; damage at random is that or an answer.
# SWIPESAVVY_REPORTS says how many (2,000).
use strict;
use warnings;

use JSON::PP;
use List::Util qw(shuffle min);
use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;

my $seed = $ENV{SWIPESAVVY_SEED} || time;
my $wanted = $ENV{SWIPESAVVY_REPORTS} || 2000;
my $part = 4000;
my @zones = qw(Europe/Berlin America/New_York Australia/Lord_Howe Asia/Kolkata America/Santiago UTC);
note("SWIPESAVVY_SEED=$seed SWIPESAVVY_REPORTS=$wanted");
srand($seed);

my $node = new_node('reports');
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
create_extension($node, 'app');

sub sql { return $node->safe_psql('app', $_[0]) }
sub one_of { return $_[ int rand @_ ] }
sub some { my $n = shift; return (shuffle @_)[ 0 .. min($n, scalar @_) - 1 ] }
sub quoted { my $text = shift; return 'NULL' if !defined $text; $text =~ s/'/''/g; return "'$text'" }

# --- a programme: four currencies, names that sort in odd ways, targets of all kinds --------------------------------------------

my @currencies = qw(USD EUR JPY BHD);
add_user($node, 'app', "user$_\@example.com") for 1 .. 12;
my @shops = map { sprintf '00000000-0000-7000-8000-0000000000a%d', $_ } 1 .. 4;
sql(qq{
    SELECT swipesavvy.create_merchant(name, category, merchant_id => id::uuid) FROM (VALUES ('$shops[0]', 'Zebra', 'Services'), ('$shops[1]', 'apple', 'Grocery & Food'),
        ('$shops[2]', E'\\u00c9clair, "fin"', 'Services'), ('$shops[3]', E'\\uff1dSUM(A1)', 'Gas Stations')) v (id, name, category);
    SELECT swipesavvy.create_segment(name) FROM unnest('{vip,Vip,everyone else}'::text[]) name;
    SELECT swipesavvy.add_segment_members(name, ARRAY(SELECT user_id FROM swipesavvy.users WHERE random() < 0.7 ORDER BY 1)) FROM unnest('{vip,Vip}'::text[]) name;
    SELECT swipesavvy.create_campaign(campaign_id => 'C' || n, name => (ARRAY['alpha', 'Beta', E'\\u00e4pfel', 'beta', '=1+2', E'line\\nbreak', 'same', 'same'])[1 + n % 8],
               campaign_type => (ARRAY['SEASONAL', 'EMAIL_OFFER', 'FLASH_SALE', 'LOYALTY_BOOST'])[1 + n % 4], offer_type => (ARRAY['PERCENTAGE', 'FIXED_DISCOUNT', 'OTHER'])[1 + n % 3],
               offer_amount => CASE WHEN n % 3 < 2 THEN 3 + n % 7 END, start_date => '2020-01-01', currency => ('{USD,EUR,JPY,BHD}'::text[])[1 + n % 4], stackable => n % 2 = 0, bonus_points => n % 5,
               target_merchant_id => CASE WHEN n % 6 = 1 THEN '$shops[0]'::uuid WHEN n % 6 = 2 THEN '$shops[2]' END, target_category => CASE WHEN n % 6 = 3 THEN 'Grocery & Food' WHEN n = 4 THEN 'Services' END,
               target_segment => CASE WHEN n % 5 = 0 THEN 'vip' WHEN n % 5 = 1 THEN 'Vip' END, max_discount => NULL, priority => n % 3)
      FROM generate_series(1, 24) n;
    SELECT swipesavvy.launch_campaign(campaign_id) FROM swipesavvy.campaigns WHERE campaign_no % 12 <> 0;
    SELECT swipesavvy.rebuild_analytics()});

# Purchases of half a year, around the changes of clocks among others, settled, declined and refunded; and events.
sub live
{
    my ($purchases, $x) = @_;
    sql(sprintf(q{
        SELECT setseed(%f);
        DO $$
        DECLARE
            t uuid;
            money text;
            amount numeric;
            at timestamptz;
            kind int;
            users uuid[] := ARRAY(SELECT user_id FROM swipesavvy.users ORDER BY 1);
            shops uuid[] := ARRAY(SELECT merchant_id FROM swipesavvy.merchants ORDER BY 1);
        BEGIN
            FOR i IN 1 .. %d LOOP
                kind := floor(random() * 12);
                money := ('{USD,USD,USD,EUR,EUR,JPY,BHD}'::text[])[1 + floor(random() * 7)::int];
                amount := round((random() * 300 + 4)::numeric, CASE money WHEN 'JPY' THEN 0 WHEN 'BHD' THEN 3 ELSE 2 END);
                at := CASE WHEN random() < 0.3 THEN ('{2026-03-08 06:00Z,2026-03-29 00:00Z,2026-04-04 14:00Z,2026-04-05 02:00Z,2026-03-31 21:00Z}'::timestamptz[])[1 + floor(random() * 5)::int] + random() * interval '4 hours'
                           ELSE '2026-01-01Z'::timestamptz + random() * interval '180 days' END;
                t := swipesavvy.record_transaction(users[1 + i %% 12], amount, money, merchant_id => CASE WHEN random() < 0.8 THEN shops[1 + floor(random() * 4)::int] END,
                    occurred_at => at, status => CASE WHEN kind < 5 THEN 'pending' WHEN kind = 11 THEN 'failed' ELSE 'completed' END) ->> 'transaction_id';
                IF kind = 0 THEN PERFORM swipesavvy.decline_transaction(t);
                ELSIF kind = 1 THEN PERFORM swipesavvy.settle_transaction(t);
                ELSIF kind = 2 THEN PERFORM swipesavvy.settle_transaction(t, amount => amount + 1); PERFORM swipesavvy.refund_transaction(t, 1);
                ELSIF kind = 5 THEN PERFORM swipesavvy.refund_transaction(t);
                ELSIF kind = 6 THEN PERFORM swipesavvy.refund_transaction(t, 1); PERFORM swipesavvy.refund_transaction(t, 2); END IF;
                PERFORM swipesavvy.track_event('C' || 1 + floor(random() * 24)::int, (ARRAY['impression', 'impression', 'view', 'click', 'conversion'])[1 + floor(random() * 5)::int],
                    value => round(random()::numeric * 100, 4), occurred_at => at + random() * interval '2 hours');
            END LOOP;
        END
        $$}, ($x % 1000) / 1000, $purchases));
    return;
}

# The facts as the zone sees them, by nothing that the extension has but its tables. The hour of a quarter is the last one before it at which the
# clock showed a full one.
sub count_facts
{
    my ($zone) = @_;
    sql(qq{
        DROP TABLE IF EXISTS public.facts, public.buys;
        CREATE TEMP TABLE quarters AS SELECT q, (q AT TIME ZONE '$zone') AS local FROM generate_series('2025-12-30Z'::timestamptz, '2026-07-03Z', interval '15 minutes') q;
        CREATE INDEX ON quarters (q);
        CREATE TEMP TABLE clock AS
            SELECT q, local::date AS day, date_trunc('week', local)::date AS week, date_trunc('month', local)::date AS month, extract(isodow FROM local)::int AS weekday,
                   (SELECT extract(hour FROM h.local)::int FROM quarters h WHERE h.q <= m.q AND h.q > m.q - interval '3 hours' AND extract(minute FROM h.local) = 0 ORDER BY h.q DESC LIMIT 1) AS hour
              FROM quarters m WHERE q >= '2025-12-31Z';
        CREATE INDEX ON clock (q);
        CREATE TABLE public.facts AS
            SELECT c.campaign_id AS campaign, c.name COLLATE "C" AS campaign_name, c.campaign_type, c.offer_type, c.status, c.target_category, s.name AS target_segment, c.target_merchant_id AS target_merchant, c.currency::text AS currency,
                   k.day, k.week, k.month, k.weekday, k.hour, f.paid_in IS NOT NULL AND f.paid_in <> c.currency AS other, impressions, views, clicks, tracked, worth, conversions, pending,
                   CASE WHEN f.paid_in = c.currency THEN revenue ELSE 0 END AS revenue, CASE WHEN f.paid_in = c.currency THEN prim ELSE 0 END AS prim,
                   CASE WHEN f.paid_in = c.currency THEN cost ELSE 0 END AS cost, CASE WHEN f.paid_in = c.currency THEN discount ELSE 0 END AS discount, points
              FROM (SELECT r.campaign_no, t.occurred_at, t.currency AS paid_in, 0 AS impressions, 0 AS views, 0 AS clicks, 0 AS tracked, 0 AS worth, 1 AS conversions, (t.status = 'pending')::int AS pending, t.amount_minor - t.refunded_minor AS revenue,
                           CASE WHEN r.position = 1 THEN t.amount_minor - t.refunded_minor ELSE 0 END AS prim, r.cost_minor - r.cost_returned_minor AS cost,
                           r.discount_minor - floor(r.discount_minor::numeric * t.refunded_minor / t.amount_minor) AS discount, r.points
                      FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.transactions t USING (user_id, transaction_id) WHERE r.counts
                    UNION ALL
                    SELECT e.campaign_no, e.occurred_at, NULL, (e.kind = 'impression')::int, (e.kind = 'view')::int, (e.kind = 'click')::int, (e.kind = 'conversion')::int,
                           CASE e.kind WHEN 'conversion' THEN e.value ELSE 0 END, 0, 0, 0, 0, 0, 0, 0 FROM swipesavvy.campaign_events e) f
              JOIN swipesavvy.campaigns c USING (campaign_no) LEFT JOIN swipesavvy.segments s ON s.segment_no = c.target_segment_no
              JOIN clock k ON k.q = to_timestamp(floor(extract(epoch FROM f.occurred_at) / 900) * 900);
        CREATE TABLE public.buys AS
            SELECT t.merchant_id AS merchant, m.name COLLATE "C" AS merchant_name, k.category COLLATE "C" AS category, t.currency::text AS currency, c.day, c.week, c.month, c.weekday, false AS other,
                   (t.status = 'completed')::int AS purchases, (t.status = 'pending')::int AS pending, (t.status = 'completed' AND t.refunded_minor = t.amount_minor)::int AS undone,
                   CASE t.status WHEN 'completed' THEN t.amount_minor ELSE 0 END AS amount, CASE t.status WHEN 'completed' THEN t.refunded_minor ELSE 0 END AS refunded,
                   CASE t.status WHEN 'completed' THEN t.points_base + t.points_bonus - t.points_refunded ELSE 0 END AS points
              FROM swipesavvy.transactions t LEFT JOIN swipesavvy.merchants m USING (merchant_id) LEFT JOIN swipesavvy.merchant_categories k USING (category_no)
              JOIN clock c ON c.q = to_timestamp(floor(extract(epoch FROM t.occurred_at) / 900) * 900) WHERE t.status IN ('pending', 'completed');
        ANALYZE public.facts, public.buys});
    cmp_ok(sql('SELECT least((SELECT count(*) FROM public.facts), (SELECT count(*) FROM public.buys))'), '>', 100, "$zone: there are facts");
    return;
}

# --- what may be said, and how SQL says it ----------------------------------------------------------------------------------------

my $e = '(SELECT minor_unit FROM swipesavvy.currencies WHERE code = CURRENCY)';
my $major = "(10::numeric ^ $e)";
my %source = (
    campaigns => {
        table => 'public.facts',
        measures => {
            impressions => 'sum(impressions)', views => 'sum(views)', clicks => 'sum(clicks)', conversions => 'sum(conversions + tracked)', purchase_conversions => 'sum(conversions)', tracked_conversions => 'sum(tracked)',
            pending_conversions => 'sum(pending)', tracked_value => 'round(sum(worth), 4)', bonus_points => 'sum(points)',
            (map { ($_->[0] => "round(sum($_->[1]) / $major, $e)") } [ 'revenue', 'revenue' ], [ 'revenue_primary', 'prim' ], [ 'cost', 'cost' ], [ 'discount', 'discount' ]),
            (map { ($_->[0] => "round(sum($_->[1])::numeric / nullif(sum($_->[2]), 0), 6)") } [ 'view_rate', 'views', 'impressions' ], [ 'click_through_rate', 'clicks', 'impressions' ],
                [ 'conversion_rate', 'conversions + tracked', 'clicks' ], [ 'redemption_rate', 'conversions + tracked', 'impressions' ], [ 'return_on_ad_spend', 'revenue', 'cost' ]),
            revenue_per_impression => "round(sum(revenue) / $major / nullif(sum(impressions), 0), $e + 4)", cost_per_acquisition => "round(sum(cost) / $major / nullif(sum(conversions + tracked), 0), $e + 4)" },
        money => { map { $_ => 1 } qw(tracked_value revenue revenue_primary cost discount revenue_per_impression cost_per_acquisition return_on_ad_spend) },
        dimensions => [qw(campaign campaign_name campaign_type offer_type status target_category target_segment target_merchant currency day week month weekday hour)] },
    purchases => {
        table => 'public.buys',
        measures => { purchases => 'sum(purchases)', pending_purchases => 'sum(pending)', refunded_purchases => 'sum(undone)', points_earned => 'sum(points)', amount => "round(sum(amount) / $major, $e)", refunded => "round(sum(refunded) / $major, $e)",
            net_amount => "round(sum(amount - refunded) / $major, $e)", average_net => "round(sum(amount - refunded) / nullif(sum(purchases), 0) / $major, $e)" },
        money => { map { $_ => 1 } qw(amount refunded net_amount average_net) },
        dimensions => [qw(merchant merchant_name category currency day week month weekday)] });

my $no_id = '00000000-0000-0000-0000-000000000000';
my %values = (
    campaign => [ (map { "C$_" } 1 .. 24), 'C99', 'c1', '' ], campaign_name => [ 'alpha', 'Beta', 'beta', 'same', "line\nbreak", '=1+2', 'none such' ], campaign_type => [qw(SEASONAL EMAIL_OFFER FLASH_SALE LOYALTY_BOOST LOCATION_DEAL)],
    offer_type => [qw(PERCENTAGE FIXED_DISCOUNT OTHER BOGO)], status => [qw(draft running paused completed archived)], target_category => [ 'Services', 'Grocery & Food', 'Entertainment' ], target_segment => [ 'vip', 'Vip', 'everyone else' ],
    target_merchant => [ @shops, $no_id, uc $shops[1] ], currency => [ @currencies, 'GBP' ], merchant => [ @shops, $no_id, uc $shops[2] ], merchant_name => [ 'Zebra', 'zebra', 'apple', "'; DROP TABLE x; --" ], category => [ 'Services', 'Grocery & Food', 'Gas Stations' ],
    day => [ map { sprintf '2026-%02d-%02d', one_of(1 .. 6), one_of(1 .. 28) } 1 .. 60 ], week => [qw(2025-12-29 2026-01-05 2026-03-02 2026-03-23 2026-03-30 2026-04-06 2026-05-04)], month => [ map { "2026-0$_-01" } 1 .. 7 ], weekday => [ 1 .. 7 ], hour => [ 0 .. 23 ]);

sub value_of
{
    my ($field) = @_;
    my $value = one_of(@{ $values{$field} });
    return rand() < .12 ? undef : $field =~ /^(weekday|hour)$/ ? $value + 0 : $value;
}

sub condition
{
    my ($field, $op, $value) = @_;
    my @each = map { !defined $_ ? "$field IS NULL" : sprintf '%s IS NOT DISTINCT FROM %s%s', $field, $field =~ /merchant$/ ? 'lower' : '', $field =~ /merchant$/ ? '(' . quoted($_) . ')::uuid' : quoted($_) } ref $value ? @$value : $value;
    my $any = '(' . (@each ? join ' OR ', @each : 'false') . ')';
    return $op =~ /^n/ ? "NOT $any" : $any;
}

my %comparison = (eq => '=', ne => '<>', gt => '>', gte => '>=', lt => '<', lte => '<=');

# A definition, and the same report in SQL: its rows, totals, how many there are and whether there are other currencies, as text.
sub valid
{
    my $name = one_of('campaigns', 'campaigns', 'purchases');
    my $of = $source{$name};
    my %d = (source => $name, measures => [ some(1 + int rand 12, sort keys %{ $of->{measures} }) ]);
    my @dimensions = some(int rand 5, @{ $of->{dimensions} });
    my @filters = map {
        my $field = one_of(@{ $of->{dimensions} });
        my $op = one_of(qw(eq ne in not_in in not_in));
        $op = one_of('ne', 'not_in') if $field =~ /^(campaign|day|hour)$/ && rand() < .5;
        my %once;
        for my $value (map { value_of($field) } 1 .. int rand($field eq 'day' ? 40 : 5)) { my $text = $value // ''; $once{ lc $text } = $value }
        { field => $field, op => $op, value => $op =~ /in$/ ? [ values %once ] : value_of($field) }
    } 1 .. one_of(0, 0, 0, 1, 1, 2, 3);
    my %seen;
    @filters = grep { !$seen{ $json->encode($_) }++ } @filters;
    my @having = map { { measure => one_of(sort keys %{ $of->{measures} }), op => one_of(sort keys %comparison), value => one_of(0, 1, 3, 0.5, 12.34, -1, 1e3, 0.1250001) } } 1 .. one_of(0, 0, 0, 1, 2);
    %seen = ();
    @having = grep { !$seen{ $json->encode($_) }++ } @having;
    my @order = map { { field => $_, rand() < .8 ? (direction => one_of('asc', 'desc', 'desc')) : () } } some(one_of(0, 0, 1, 2, 6), @dimensions, sort keys %{ $of->{measures} });
    my $money = grep { $of->{money}{$_} } @{ $d{measures} }, (map { $_->{measure} } @having), (map { $_->{field} } @order);
    my ($currency) = map { $_->{value} } reverse grep { $_->{field} eq 'currency' && $_->{op} eq 'eq' && defined $_->{value} } @filters;
    if ($money && !$currency && !grep { $_ eq 'currency' } @dimensions)
    {
        if (rand() < .6) { $currency = one_of('USD', 'USD', 'EUR', 'JPY', 'BHD'); push @filters, { field => 'currency', op => 'eq', value => $currency } }
        elsif (@dimensions == 4) { my $gone = pop @dimensions; @order = grep { $_->{field} ne $gone } @order; push @dimensions, 'currency' }
        else { push @dimensions, 'currency' }
    }
    my $days = one_of(1, 3, 31, 60, 200, 365, 1830);
    @d{ 'start_date', 'end_date' } = period($days);
    $d{dimensions} = \@dimensions if @dimensions || rand() < .5;
    $d{filters} = \@filters if @filters || rand() < .2;
    $d{having} = \@having if @having || rand() < .2;
    $d{order_by} = \@order if @order || rand() < .2;
    my $limit = 100;
    $limit = $d{limit} = one_of(1, 2, 10, 1000, 10000) if rand() < .5;
    $d{totals} = one_of(JSON::PP::true, JSON::PP::true, JSON::PP::false) if rand() < .7;
    return (\%d, plain($of, \%d, \@dimensions, \@filters, \@having, \@order, $limit, $currency));
}

# In most cases days on which something was.
sub period
{
    my ($days) = @_;
    my $start = 1767225600 + 86400 * (int(rand 190) - ($days > 300 ? int rand $days : 0));
    return map { strftime('%Y-%m-%d', gmtime $_) } $start, $start + 86400 * ($days - 1);
}

sub plain
{
    my ($of, $d, $dimensions, $filters, $having, $order, $limit, $currency) = @_;
    my $by_currency = grep { $_ eq 'currency' } @$dimensions;
    my $code = $currency ? "'$currency'" : $by_currency ? 'max(currency)' : "'USD'";
    my $in = sub { my ($measure, $code) = @_; return $of->{measures}{$measure} =~ s/CURRENCY/$code/gr };
    my $grouped = join ', ', @$dimensions ? @$dimensions : '()';
    my @shown = (@$dimensions, map { "m_$_" } @{ $d->{measures} });
    my %all = map { $_ => 1 } @{ $d->{measures} }, map({ $_->{measure} } @$having), grep { $of->{measures}{$_} } map { $_->{field} } @$order;
    my $where = join ' AND ', "day BETWEEN '$d->{start_date}' AND '$d->{end_date}'", map { condition(@$_{qw(field op value)}) } @$filters;
    my $pass = join ' AND ', 'count(*) > 0', map { my $m = $in->($_->{measure}, $code); $_->{op} eq 'ne' ? "($m IS NULL OR $m <> $_->{value})" : "$m $comparison{$_->{op}} $_->{value}" } @$having;
    my $by = join ', ', (map { ($of->{measures}{ $_->{field} } ? "m_$_->{field}" : $_->{field}) . (($_->{direction} // 'asc') eq 'desc' ? ' DESC' : '') . ' NULLS LAST' } @$order), (map { "$_ NULLS LAST" } @$dimensions), '1';
    my $same = join ' AND ', 'true', map { "g.$_ IS NOT DISTINCT FROM f.$_" } @$dimensions;
    my @totals = ((map { 'NULL' } @$dimensions), map {
        my $m = $in->($_, $currency ? "'$currency'" : 'min(currency)');
        $m =~ s/sum\(([^()]*)\)/coalesce(sum($1), 0)/g;
        $of->{money}{$_} && !$currency ? "CASE WHEN min(currency) = max(currency) THEN $m END" : $m
    } @{ $d->{measures} });
    return "WITH f AS MATERIALIZED (SELECT * FROM $of->{table} WHERE $where),"
      . " g AS MATERIALIZED (SELECT " . join(', ', @$dimensions, map { $in->($_, $code) . " AS m_$_" } sort keys %all) . " FROM f GROUP BY $grouped HAVING $pass),"
      . " r AS MATERIALIZED (SELECT row_number() OVER (ORDER BY $by) AS n, * FROM g),"
      . " t AS MATERIALIZED (SELECT * FROM f WHERE EXISTS (SELECT FROM g WHERE $same))"
      . " SELECT concat_ws(' ', (SELECT coalesce(jsonb_agg(jsonb_build_array(" . join(', ', @shown) . ") ORDER BY n), '[]') FROM r WHERE n <= $limit)::text,"
      . ($d->{totals} ? " (SELECT jsonb_build_array(" . join(', ', @totals) . ") FROM t)::text," : " 'null',")
      . " (SELECT least(count(*), $limit) || CASE WHEN count(*) > $limit THEN ' true' ELSE ' false' END FROM r), CASE WHEN (SELECT bool_or(other) FROM t) THEN 'other' END)";
}

# --- what may not be said ----------------------------------------------------------------------------------------------------------

# Each damages a definition, and says the path that the message must name; undef: it does not apply.
my $copy = sub { return $json->decode($json->encode($_[0])) };
my @damages = (
    sub { $_[0]{colour} = 1; 'definition' },
    (map { my $key = $_; sub { delete $_[0]{$key}; $key } } qw(source measures start_date end_date)),
    (map { my $key = $_; sub { $_[0]{$key} = undef; $key } } qw(source measures dimensions start_date end_date filters having order_by limit totals)),
    (map { my $key = $_; sub { $_[0]{$key} = 'x'; $key } } qw(source measures dimensions start_date end_date filters having order_by limit totals)),
    (map { my $key = $_; sub { $_[0]{$key} = {}; $key } } qw(source measures dimensions start_date end_date filters having order_by limit totals)),
    sub { $_[0]{source} = one_of('campaign', 'Purchases', ''); 'source' },
    sub { $_[0]{measures} = []; 'measures' },
    sub { $_[0]{measures} = [ ('clicks') x 13 ]; 'measures' },
    sub { push @{ $_[0]{measures} }, $_[0]{measures}[0]; @{ $_[0]{measures} } > 12 ? 'measures' : 'measures[' . $#{ $_[0]{measures} } . ']' },
    sub { $_[0]{measures}[0] = one_of('currency', 'Clicks', 'rates', '', "x'; --"); 'measures[0]' },
    sub { $_[0]{measures}[0] = $_[0]{source} eq 'campaigns' ? 'net_amount' : 'clicks'; 'measures[0]' },
    sub { $_[0]{measures}[0] = 7; 'measures[0]' },
    sub { $_[0]{dimensions} = [qw(day week month weekday currency)]; 'dimensions' },
    sub { $_[0]{dimensions} = [qw(day day)]; delete $_[0]{order_by}; 'dimensions[1]' },
    sub { $_[0]{dimensions} = [ $_[0]{source} eq 'campaigns' ? 'merchant' : 'hour' ]; 'dimensions[0]' },
    sub { $_[0]{start_date} = one_of('2026-02-30', '2026-13-01', 'today', '2026-03-01T00:00:00Z', '01/03/2026', '2026-3-1', '', 'infinity', '0000-01-01', ' 2026-01-1'); 'start_date' },
    sub { $_[0]{start_date} = 20260301; 'start_date' },
    sub { @{ $_[0] }{ 'start_date', 'end_date' } = ('2026-03-02', '2026-03-01'); 'end_date' },
    sub { @{ $_[0] }{ 'start_date', 'end_date' } = ('2021-01-01', '2026-01-06'); 'end_date' },
    sub { $_[0]{limit} = one_of(0, -1, 10001, 1.5, '5', JSON::PP::true); 'limit' },
    sub { $_[0]{totals} = one_of(1, 'true', []); 'totals' },
    sub { $_[0]{filters} = [ map { { field => 'weekday', op => 'ne', value => 1 + $_ % 7 } } 1 .. 21 ]; 'filters' },
    sub { push @{ $_[0]{filters} }, { field => one_of('clicks', 'Day', 'target', undef), op => 'eq', value => 1 }; last_of($_[0], 'filters', 'field') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', op => one_of('gt', 'EQ', '=', 'like', 3), value => 1 }; last_of($_[0], 'filters', 'op') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', op => 'eq' }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { op => 'eq', value => 1 }; last_of($_[0], 'filters', 'field') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', value => 1 }; last_of($_[0], 'filters', 'op') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', op => 'eq', value => 1, not => 1 }; last_of($_[0], 'filters') },
    sub { push @{ $_[0]{filters} }, one_of('x', 1, undef, [ 1 ]); last_of($_[0], 'filters') },
    sub { push @{ $_[0]{filters} }, ({ field => 'day', op => 'ne', value => '2031-01-01' }) x 2; last_of($_[0], 'filters') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', op => one_of('in', 'not_in'), value => 1 }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', op => one_of('eq', 'ne'), value => one_of([1], {}, '1', JSON::PP::true, 0, 8, 1.5, 1e30) }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', op => 'in', value => [ 1, 2, one_of('1', 9, [], JSON::PP::false) ] }; last_of($_[0], 'filters', 'value[2]') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', op => 'in', value => [ 1, 2, 1 ] }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { field => 'weekday', op => 'in', value => [ undef, 2, undef ] }; last_of($_[0], 'filters', 'value[2]') },
    sub { push @{ $_[0]{filters} }, { field => 'day', op => 'in', value => [ map { '2026-01-01' } 1 .. 1001 ] }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { field => one_of('day', 'week', 'month'), op => 'ne', value => one_of('2026-02-30', 'now', 5, '2026-03-04T00:00', '') }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { field => 'week', op => 'eq', value => '2026-03-03' }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { field => 'month', op => 'eq', value => '2026-03-02' }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { field => 'currency', op => 'eq', value => one_of('usd', 'US', 'ZZZ', '', 840) }; last_of($_[0], 'filters', 'value') },
    sub { return if $_[0]{source} ne 'campaigns'; push @{ $_[0]{filters} }, { field => one_of('status', 'campaign_type', 'offer_type', 'target_category', 'target_segment'), op => 'ne', value => one_of('Running', 'x', '', 1) }; last_of($_[0], 'filters', 'value') },
    sub { return if $_[0]{source} ne 'campaigns'; push @{ $_[0]{filters} }, { field => 'hour', op => 'eq', value => one_of(24, -1, '0') }; last_of($_[0], 'filters', 'value') },
    sub { push @{ $_[0]{filters} }, { field => $_[0]{source} eq 'campaigns' ? 'target_merchant' : 'merchant', op => 'eq', value => one_of('x', '', '{00000000-0000-7000-8000-0000000000a1}', 1) }; last_of($_[0], 'filters', 'value') },
    sub { $_[0]{having} = [ map { { measure => $_[0]{measures}[0], op => 'ne', value => $_ } } 1 .. 11 ]; 'having' },
    sub { push @{ $_[0]{having} }, { measure => one_of('day', 'x', 4), op => 'eq', value => 1 }; last_of($_[0], 'having', 'measure') },
    sub { push @{ $_[0]{having} }, { measure => $_[0]{measures}[0], op => one_of('in', '<'), value => 1 }; last_of($_[0], 'having', 'op') },
    sub { push @{ $_[0]{having} }, { measure => $_[0]{measures}[0], op => 'gt', value => one_of('1', undef, [], JSON::PP::true) }; last_of($_[0], 'having', 'value') },
    sub { $_[0]{order_by} = [ map { { field => $_ } } some(7, $_[0]{source} eq 'campaigns' ? qw(clicks views impressions conversions bonus_points view_rate redemption_rate) : qw(purchases purchases purchases purchases purchases purchases purchases)) ]; 'order_by' },
    sub { $_[0]{order_by} = [ { field => one_of('x', 'Day', 1) } ]; 'order_by[0].field' },
    sub { $_[0]{order_by} = [ { field => $_[0]{measures}[0] }, { field => $_[0]{measures}[0], direction => 'desc' } ]; 'order_by[1].field' },
    sub { $_[0]{order_by} = [ { field => $_[0]{measures}[0], direction => one_of('up', 'ASC', 1, undef) } ]; 'order_by[0].direction' },
    sub { return if grep { $_ eq 'month' } @{ $_[0]{dimensions} // [] }; $_[0]{order_by} = [ { field => 'month' } ]; 'order_by[0].field' },
    sub { my $d = $_[0]; delete @$d{ 'filters', 'order_by' }; $d->{dimensions} = ['day']; $d->{measures} = [ $d->{source} eq 'campaigns' ? one_of('cost', 'tracked_value', 'return_on_ad_spend', 'cost_per_acquisition') : 'average_net' ]; 'measures[0]' },
    sub { my $d = $_[0]; $d->{filters} = [ { field => 'currency', op => 'in', value => ['USD'] } ]; delete $d->{order_by}; delete $d->{dimensions}; $d->{measures} = [ $d->{source} eq 'campaigns' ? 'cost' : 'amount' ]; 'measures[0]' },
    sub { my $d = $_[0]; delete @$d{ 'filters', 'dimensions', 'order_by' }; my $c = $d->{source} eq 'campaigns'; $d->{measures} = [ $c ? 'clicks' : 'purchases' ]; $d->{having} = [ { measure => $c ? 'revenue' : 'amount', op => 'gt', value => 0 } ]; 'having[0]' },
    sub { my $d = $_[0]; delete @$d{ 'filters', 'dimensions', 'having' }; my $c = $d->{source} eq 'campaigns'; $d->{measures} = [ $c ? 'clicks' : 'purchases' ]; $d->{order_by} = [ { field => $c ? 'revenue' : 'amount' } ]; 'order_by[0]' });

sub last_of
{
    my ($d, $list, $member) = @_;
    my $n = $#{ $d->{$list} };
    return defined $member ? "$list\[$n].$member" : "$list\[$n]";
}

sub invalid
{
    for (;;)
    {
        my ($d) = valid();
        $d = $copy->($d);
        # lists that are as long as they may be would be too long first
        splice @{ $d->{filters} }, 10 if $d->{filters};
        my $path = one_of(@damages)->($d);
        return ($d, $path) if defined $path;
    }
}

# Some value in it becomes another one, whatever that makes of it.
sub scrambled
{
    my ($d) = valid();
    $d = $copy->($d);
    for (1 .. 1 + int rand 3)
    {
        my ($at, $key) = ($d, one_of(sort keys %$d));
        while (ref $at->{$key} eq 'ARRAY' && @{ $at->{$key} } && rand() < .7)
        {
            my $i = int rand @{ $at->{$key} };
            if (ref $at->{$key}[$i] eq 'HASH' && rand() < .8) { $at = $at->{$key}[$i]; $key = one_of(sort keys %$at); last if !defined $key }
            else { $at->{$key}[$i] = garbage(); last }
        }
        $at->{$key} = garbage() if defined $key && rand() < .7;
    }
    return rand() < .02 ? garbage() : $d;
}

sub garbage
{
    return one_of(undef, 0, 1, -1, 1.5, 1e200, '', 'x', 'day', 'currency', 'USD', 'desc', 'in', 'eq', 'revenue', 'clicks', '2026-03-01', '9999-12-31', "'; DROP TABLE swipesavvy.users; --", "\x{ff1d}", 'x' x 3000,
        JSON::PP::true, JSON::PP::false, [], {}, [ [] ], [ 1, 'a', undef ], { field => 'day' }, [ { field => 'currency', op => 'eq', value => 'USD' } ], [ ('day') x 5 ], [ map { "$_" } 1 .. 50 ]);
}

# --- all of them ----------------------------------------------------------------------------------------------------------------------

# What is wrong with an answer; null: nothing.
sql(q{
    CREATE TABLE public.asked (n int, kind text, definition jsonb, plain text, path text, said text);
    CREATE FUNCTION public.said(kind text, definition jsonb, plain text, path text) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        r jsonb;
        answer text;
        wanted text;
    BEGIN
        BEGIN
            r := swipesavvy.run_custom_report(definition);
        EXCEPTION WHEN OTHERS THEN
            IF kind = 'scrambled' AND SQLSTATE IN ('22023', 'PT400') OR kind = 'invalid' AND SQLSTATE = '22023' AND SQLERRM = format('invalid value for argument "%s"', path) THEN
                RETURN NULL;
            END IF;
            RETURN concat_ws(' ', SQLSTATE, SQLERRM);
        END;
        IF kind <> 'valid' THEN
            RETURN CASE kind WHEN 'invalid' THEN 'answers' END;
        END IF;
        answer := concat_ws(' ', (r -> 'rows')::text, (r -> 'totals')::text, r ->> 'row_count', r ->> 'truncated', CASE WHEN r ? 'other_currencies' THEN 'other' END);
        EXECUTE plain INTO STRICT wanted;
        RETURN CASE WHEN answer IS DISTINCT FROM wanted THEN format(E'says    %s\nand not %s', left(answer, 1500), left(wanted, 1500)) END;
    END
    $$});

my %count = (valid => 0, invalid => 0, scrambled => 0);
my $wrong = 0;
for (my ($done, $n) = (0, 0); $done < $wanted && $wrong < 5; $n++)
{
    my $zone = $zones[ $n % @zones ];
    sql(qq{SELECT swipesavvy.update_system_settings('{"timezone": "$zone"}'), swipesavvy.refresh_analytics()});
    live($n == 0 ? 350 : 60, $seed + $n);
    sql('SELECT swipesavvy.fold_analytics()') if $n % 3 != 1;
    # what is set now counts; money that was paid in another currency does not
    if ($n == 0) { sql(q{UPDATE swipesavvy.campaigns SET currency = 'EUR' WHERE campaign_id = 'C4'; SELECT swipesavvy.pause_campaign('C7'), swipesavvy.delete_campaign('C9'), swipesavvy.update_merchant((SELECT merchant_id FROM swipesavvy.merchants WHERE name = 'apple'), '{"category": "Services"}')}) }
    live(20, $seed + $n + 500);
    count_facts($zone);
    my $size = min($part, $wanted - $done);
    my $rows = '';
    for my $i (1 .. $size)
    {
        my $kind = one_of('valid', 'valid', 'valid', 'valid', 'invalid', 'invalid', 'scrambled');
        my ($definition, $plain, $path);
        if ($kind eq 'valid') { ($definition, $plain) = valid() }
        elsif ($kind eq 'invalid') { ($definition, $path) = invalid() }
        else { $definition = scrambled() }
        $count{$kind}++;
        $rows .= join("\t", map { defined $_ ? s/\\/\\\\/gr =~ s/\n/\\n/gr =~ s/\t/\\t/gr : '\\N' } $i, $kind, $json->encode($definition), $plain, $path) . "\n";
    }
    my ($out, $err) = ('', '');
    my $script = "\\set ON_ERROR_STOP on\nTRUNCATE public.asked;\nCOPY public.asked (n, kind, definition, plain, path) FROM stdin;\n$rows\\.\nUPDATE public.asked SET said = public.said(kind, definition, plain, path);\n";
    IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr('app'), '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err) or BAIL_OUT("psql: $err");
    my $faults = sql(q{SELECT kind || ' ' || coalesce(path, '') || E'\n' || definition || E'\n' || said || E'\n' || coalesce(plain, '') FROM public.asked WHERE said IS NOT NULL ORDER BY n LIMIT 3});
    my $found = sql('SELECT count(*) FROM public.asked WHERE said IS NOT NULL');
    is($found, 0, "$zone: all $size reports are what plain SQL says, or refused by their path") or diag $faults;
    $wrong++ if $found > 0;
    cmp_ok(sql(q{SELECT count(*) FROM public.asked WHERE kind = 'valid' AND said IS NULL AND plain IS NOT NULL}), '>', $size / 4, "$zone: most could be compared");
    $done += $size;
}
note(join ', ', map { "$count{$_} $_" } sort keys %count);

# --- how much may be read: 1,000 days of a campaign, each as often as there are segments of one number ------------------------------

sql(q{
    ALTER TABLE swipesavvy.segments DROP CONSTRAINT segments_pkey CASCADE;
    INSERT INTO swipesavvy.segments (segment_no, name) SELECT 1000, 'copy ' || i FROM generate_series(1, 5000) i;
    INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, offer_type, offer_amount, currency, start_date, target_segment_no) VALUES ('MANY', 'Many', 'SEASONAL', 'OTHER', 0, 'USD', '2020-01-01', 1000);
    INSERT INTO swipesavvy.campaign_days SELECT c.campaign_no, '2020-01-01'::date + i, 'XXX', now(), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM swipesavvy.campaigns c, generate_series(0, 999) i WHERE campaign_id = 'MANY';
    ANALYZE swipesavvy.segments, swipesavvy.campaign_days});
my $large = '{"source": "campaigns", "measures": ["impressions"], "start_date": "2020-01-01", "end_date": "2022-12-31", "filters": [{"field": "target_segment", "op": "ne", "value": "vip"}]}';
is(sql("SELECT swipesavvy.run_custom_report('$large') #>> '{rows,0,0}'"), 5000000, '5,000,000 rows may be read');
sql(q{INSERT INTO swipesavvy.campaign_days SELECT campaign_no, day + 1000, currency, updated_at, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM swipesavvy.campaign_days WHERE day = '2020-01-01'});
my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\nSELECT swipesavvy.run_custom_report('$large')");
like($err, qr/PT400: report is too large\nDETAIL:  More than 5000000 rows.*\nHINT:  Ask for fewer days, or filter by more\./, 'and no more');
is(sql("SELECT swipesavvy.run_custom_report('$large'::jsonb || '{\"end_date\": \"2021-01-31\"}') #>> '{rows,0,0}'"), 397 * 5000, 'fewer days may');

$node->stop;
done_testing();
