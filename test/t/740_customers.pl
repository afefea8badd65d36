# Figures of customers against what plain SQL makes of the facts, once more and otherwise: random purchases of every fate around
# the changes of clocks, in zones that have them at odd hours, with points earned, spent, refunded, returned and expired.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json);
use Test::More;

my $seed = $ENV{SWIPESAVVY_SEED} || time;
note("SWIPESAVVY_SEED=$seed");
my $node = new_node('customers', "shared_preload_libraries = 'swipesavvy'", "swipesavvy.databases = 'app'", 'autovacuum = off');
create_extension($node, 'app');
sub sql { return $node->safe_psql('app', $_[0]) }
# the worker's jobs are run here, each at its moment, until it is the worker's turn
sql(q{SELECT swipesavvy.set_job(j ->> 'job', enabled => false) FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j}); # the table has those that have run
$node->poll_query_until('app', q{SELECT NOT EXISTS (SELECT FROM swipesavvy.jobs WHERE started_at > coalesce(finished_at, '-infinity'))}) or die 'a job does not end';

my @zones = ('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/Asuncion', 'Pacific/Kiritimati');

# --- what there is ---------------------------------------------------------------------------

# Half of the purchases lie within an hour of some zone's midnight, a third of these on a day on which its clock moves.
sql(sprintf q{
    SELECT setseed(%f);
    CREATE TABLE public.zones AS SELECT unnest('{%s}'::text[]) AS zone;
    CREATE TABLE public.moments (n serial, at timestamptz);
    INSERT INTO public.moments (at) SELECT now() - random() * interval '900 days' FROM generate_series(1, 500);
    INSERT INTO public.moments (at)
    SELECT (d AT TIME ZONE zone) + (random() * 2 - 1) * interval '1 hour'
      FROM (SELECT zone, current_date - (random() * 800)::int AS d FROM public.zones, generate_series(1, 60)) r;
    INSERT INTO public.moments (at)
    SELECT (d::timestamp AT TIME ZONE zone) + (random() * 26) * interval '1 hour'
      FROM (SELECT zone, d::date AS d FROM public.zones, generate_series(current_date - 800, current_date - 2, interval '1 day') d
             WHERE (d::timestamp + interval '1 day') AT TIME ZONE zone - d::timestamp AT TIME ZONE zone <> interval '24 hours') r, generate_series(1, 15);
    DELETE FROM public.moments WHERE at > now();
    INSERT INTO public.moments (at) SELECT now() - interval '1 minute' FROM generate_series(1, 10);
    CREATE TABLE public.people AS SELECT row_number() OVER () AS n, (swipesavvy.create_user('p' || i || '@customers.test', 'P ' || i) ->> 'user_id')::uuid AS user_id FROM generate_series(1, 70) i;
}, ($seed % 1000) / 1000, join ',', @zones);
cmp_ok(sql('SELECT count(*) FROM public.moments'), '>', 900, 'there are moments');
# some buy often, some once
sql(q{
    SELECT setseed(0.25);
    SELECT swipesavvy.update_system_settings('{"points_expiry_months": 3, "point_value_minor": 3, "referral_bonus_points": 11}');
    INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, currency, occurred_at, status)
    SELECT swipesavvy.uuid_v7(), p.user_id, CASE WHEN random() < 0.03 THEN 0 ELSE (random() * 20000)::bigint END, CASE WHEN random() < 0.1 THEN 'EUR' ELSE 'USD' END, m.at,
           (CASE WHEN random() < 0.15 THEN 'pending' WHEN random() < 0.05 THEN 'failed' ELSE 'completed' END)::swipesavvy.purchase_status
      FROM (SELECT m.at, 1 + floor(70 * power(random(), 2))::int AS n FROM public.moments m) m JOIN public.people p USING (n);
});
sql(q{
    SELECT setseed(0.5);
    SELECT count(swipesavvy.settle_transaction(transaction_id, user_id, CASE WHEN random() < 0.5 THEN amount_minor * 0.01 + 1 END)) FROM swipesavvy.transactions WHERE status = 'pending' AND amount_minor > 0 AND random() < 0.5;
    SELECT count(swipesavvy.decline_transaction(transaction_id, user_id => user_id)) FROM swipesavvy.transactions WHERE status = 'pending' AND random() < 0.3;
    SELECT count(swipesavvy.adjust_points(user_id, 1 + (random() * 500)::int, 'a gift')) FROM public.people WHERE random() < 0.5;
    SELECT count(swipesavvy.redeem_points(user_id, points => 1 + points_available / 2)) FROM swipesavvy.reward_accounts WHERE points_available > 5 AND random() < 0.7;
    SELECT count(swipesavvy.cancel_redemption(entry_id, 'it broke', user_id)) FROM swipesavvy.reward_redemptions WHERE random() < 0.2;
    SELECT count(swipesavvy.refund_transaction(transaction_id, CASE WHEN random() < 0.5 THEN (1 + (amount_minor - 1) / 2) * 0.01 END, user_id => user_id)) FROM swipesavvy.transactions WHERE status = 'completed' AND amount_minor > 1 AND random() < 0.15;
    SELECT count(swipesavvy.redeem_points(user_id, points => points_available)) FROM public.people JOIN swipesavvy.reward_accounts USING (user_id) WHERE n IN (10, 20, 30) AND points_available > 0;
    SELECT count(swipesavvy.refund_transaction(transaction_id, user_id => user_id)) FROM public.people JOIN swipesavvy.transactions USING (user_id) WHERE n IN (10, 20, 30) AND status = 'completed' AND refunded_minor < amount_minor;
    SELECT count(swipesavvy.update_user(user_id, '{"role": "support"}')) FROM public.people WHERE n IN (3, 40);
    SELECT swipesavvy.erase_user(user_id) FROM public.people WHERE n IN (2, 50);
});
cmp_ok(sql("SELECT count(*) FROM swipesavvy.transactions WHERE status = 'completed' AND refunded_minor > 0"), '>', 20, 'some of it was refunded');
cmp_ok(sql('SELECT count(*) FROM swipesavvy.reward_accounts WHERE points_available < 0'), '>', 0, 'somebody owes points');

# --- what it makes, in plain SQL ------------------------------------------------------------------

# The facts as a zone sees them: days before today with purchases that count.
sql(q{
    CREATE TABLE public.setting (zone text);
    CREATE VIEW public.today AS SELECT (c.as_of AT TIME ZONE s.zone)::date AS t, s.zone FROM swipesavvy.customer_analytics c, public.setting s;
    CREATE VIEW public.facts AS
        SELECT p.user_id, (p.occurred_at AT TIME ZONE x.zone)::date AS day, p.amount_minor - p.refunded_minor AS net
          FROM swipesavvy.transactions p JOIN swipesavvy.users u USING (user_id), public.today x
         WHERE p.status = 'completed' AND p.refunded_minor <> p.amount_minor AND p.currency = 'USD' AND u.role = 'customer' AND u.erased_at IS NULL
           AND (p.occurred_at AT TIME ZONE x.zone)::date < x.t;
    CREATE TABLE public.active AS SELECT * FROM public.facts;
    CREATE TABLE public.names (r int, fm int, segment text);
    INSERT INTO public.names VALUES (5, 1, 'new'), (5, 2, 'promising'), (5, 3, 'potential_loyalist'), (5, 4, 'champion'), (5, 5, 'champion'),
        (4, 1, 'promising'), (4, 2, 'promising'), (4, 3, 'potential_loyalist'), (4, 4, 'loyal'), (4, 5, 'champion'),
        (3, 1, 'about_to_sleep'), (3, 2, 'about_to_sleep'), (3, 3, 'needs_attention'), (3, 4, 'loyal'), (3, 5, 'loyal'),
        (2, 1, 'hibernating'), (2, 2, 'hibernating'), (2, 3, 'at_risk'), (2, 4, 'at_risk'), (2, 5, 'cannot_lose'),
        (1, 1, 'lost'), (1, 2, 'hibernating'), (1, 3, 'at_risk'), (1, 4, 'cannot_lose'), (1, 5, 'cannot_lose');
    CREATE TABLE public.window_of (user_id uuid, recency int, frequency bigint, monetary numeric);
    CREATE VIEW public.windows AS
        SELECT a.user_id, x.t - max(a.day) AS recency, count(*) AS frequency, sum(a.net) AS monetary FROM public.active a, public.today x WHERE a.day >= x.t - 365 GROUP BY a.user_id, x.t;
    CREATE VIEW public.scores AS
        SELECT w.*, 1 + floor(5.0 * (SELECT count(*) FROM public.window_of o WHERE o.recency > w.recency) / n) AS r,
               1 + floor(5.0 * (SELECT count(*) FROM public.window_of o WHERE o.frequency < w.frequency) / n) AS f,
               1 + floor(5.0 * (SELECT count(*) FROM public.window_of o WHERE o.monetary < w.monetary) / n) AS m
          FROM public.window_of w, (SELECT count(*) AS n FROM public.window_of) c;
    CREATE TABLE public.scored AS SELECT * FROM public.scores;
});

# Each question: what the functions say, and what plain SQL says, as rows of text.
my $users = q{
    WITH RECURSIVE pages AS (
        SELECT s, swipesavvy.list_rfm_users(s, 7) AS page FROM (SELECT segment FROM public.names UNION SELECT 'inactive') n (s)
         UNION ALL SELECT s, swipesavvy.list_rfm_users(s, 7, page ->> 'next_cursor') FROM pages WHERE page ->> 'next_cursor' IS NOT NULL)
    SELECT u FROM pages, jsonb_array_elements(page -> 'users') u};
my %questions = (
    'RFM: users' => [
        qq{SELECT concat_ws(' ', u ->> 'user_id', u ->> 'segment', u -> 'r', u -> 'f', u -> 'm', u -> 'recency_days', u -> 'frequency', u -> 'monetary') FROM ($users) v},
        q{SELECT concat_ws(' ', s.user_id, n.segment, r, f, m, recency, frequency, round(monetary * 0.01, 2)) FROM public.scored s JOIN public.names n USING (r) WHERE n.fm = floor((s.f + s.m + 1) / 2)
           UNION ALL SELECT concat_ws(' ', user_id, 'inactive null null null', (SELECT t FROM public.today) - max(day), '0 0.00') FROM public.active WHERE user_id NOT IN (SELECT user_id FROM public.scored) GROUP BY user_id} ],
    'RFM: segments' => [
        q{SELECT s - 'segment' || jsonb_build_object('segment', s -> 'segment', 'population', r -> 'population') FROM swipesavvy.get_rfm_segments() r, jsonb_array_elements(r -> 'segments') s WHERE (s -> 'users')::int > 0 AND s ->> 'segment' <> 'inactive'},
        q{SELECT jsonb_build_object('segment', n.segment, 'users', count(*), 'share', round(count(*)::numeric / p.n, 6), 'average_recency_days', round(avg(recency), 2), 'average_frequency', round(avg(frequency), 2),
                 'average_monetary', round(round(avg(monetary)) * 0.01, 2), 'total_monetary', round(sum(monetary) * 0.01, 2), 'population', p.n)
            FROM public.scored s JOIN public.names n USING (r), (SELECT count(*) AS n FROM public.scored) p WHERE n.fm = floor((s.f + s.m + 1) / 2) GROUP BY n.segment, p.n} ],
    'RFM: scores' => [
        q{SELECT s FROM jsonb_array_elements(swipesavvy.get_rfm_segments() -> 'scores') s},
        q{SELECT jsonb_build_object('r', r, 'f', f, 'm', m, 'users', count(*)) FROM public.scored GROUP BY r, f, m} ],
    'silence' => [
        q{WITH RECURSIVE pages AS (SELECT 1 AS n, swipesavvy.get_churn_list(0.5, 7) AS page UNION ALL SELECT n + 1, swipesavvy.get_churn_list(0.5, 7, page ->> 'next_cursor') FROM pages WHERE page ->> 'next_cursor' IS NOT NULL)
          SELECT concat_ws(' ', row_number() OVER (ORDER BY n, i), page -> 'total', u) FROM pages, jsonb_array_elements(page -> 'users') WITH ORDINALITY e (u, i)},
        q{WITH days AS (SELECT DISTINCT user_id, day FROM public.active),
               gaps AS (SELECT user_id, day - (SELECT max(o.day) FROM days o WHERE o.user_id = d.user_id AND o.day < d.day) AS gap FROM days d),
               usual AS (SELECT user_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY gap)::numeric AS gap FROM gaps WHERE gap IS NOT NULL GROUP BY user_id HAVING count(*) >= 2),
               silent AS (SELECT u.user_id, u.gap, max(a.day) AS last, x.t - max(a.day) AS since, round((x.t - max(a.day)) / greatest(u.gap, 1), 2) AS ratio, count(*) AS n, coalesce(sum(a.net) FILTER (WHERE a.day >= x.t - 365), 0) AS net
                            FROM usual u JOIN public.active a USING (user_id), public.today x GROUP BY u.user_id, u.gap, x.t)
          SELECT concat_ws(' ', row_number() OVER (ORDER BY ratio DESC, user_id), count(*) OVER (), jsonb_build_object('user_id', user_id, 'last_purchase_date', last, 'days_since', since,
                 'typical_gap_days', round(gap, 1), 'ratio', ratio, 'purchases', n, 'net_amount_365', round(net * 0.01, 2), 'churn_probability', NULL)) FROM silent WHERE ratio >= 0.5} ],
    'liability' => [
        q{SELECT concat_ws(' ', l -> 'points_available', l -> 'points_overdrawn', l -> 'points_pending', l -> 'value') FROM swipesavvy.get_points_liability() l},
        q{WITH balances AS (SELECT user_id, side, sum(points) AS points FROM (SELECT user_id, credit_account AS side, points FROM swipesavvy.points_entries UNION ALL SELECT user_id, debit_account, -points FROM swipesavvy.points_entries) e GROUP BY 1, 2)
          SELECT concat_ws(' ', sum(points) FILTER (WHERE side = 'available' AND points > 0), coalesce(-sum(points) FILTER (WHERE side = 'available' AND points < 0), 0),
                 coalesce(sum(points) FILTER (WHERE side = 'pending'), 0), round(sum(points) FILTER (WHERE side = 'available' AND points > 0) * 0.03, 2)) FROM balances} ],
    'ageing' => [
        q{SELECT concat_ws(' ', b ->> 'month', b -> 'credited', b -> 'remaining', (b ->> 'expires_at')::timestamptz, b -> 'value') FROM jsonb_array_elements(swipesavvy.get_points_ageing() -> 'buckets') b},
        q{SELECT concat_ws(' ', month, sum(credited), sum(remaining), (month + interval '4 months') AT TIME ZONE (SELECT zone FROM public.today), round(sum(remaining) * 0.03, 2)) FROM public.aged() GROUP BY month} ],
    'breakage' => [
        q{SELECT coalesce(swipesavvy.get_points_liability() ->> 'breakage_rate', 'null')},
        q{SELECT coalesce(CASE WHEN (SELECT min(month) FROM public.credits) <= last - interval '11 months' THEN
                 round((SELECT coalesce(sum(e.points), 0) FROM swipesavvy.points_entries e WHERE e.kind = 'expire' AND date_trunc('month', e.recorded_at AT TIME ZONE zone) BETWEEN last - interval '11 months' + interval '4 months' AND last + interval '4 months')
                     / nullif((SELECT sum(c.points) FROM public.credits c WHERE c.month BETWEEN last - interval '11 months' AND last), 0), 6) END::text, 'null')
            FROM (SELECT zone, date_trunc('month', t::timestamp) - interval '5 months' AS last FROM public.today) x} ]);
for my $unit ([ 'monthly', '1 month', 'month' ], [ 'weekly', '7 days', 'week' ])
{
    my ($granularity, $step, $trunc) = @$unit;
    $questions{"cohorts: $granularity"} = [
        qq{SELECT c FROM jsonb_array_elements(swipesavvy.get_cohort_retention('$granularity', 60, 20) -> 'cohorts') c},
        qq{WITH first AS (SELECT user_id, date_trunc('$trunc', min(day)::timestamp)::date AS cohort FROM public.active GROUP BY user_id),
                newest AS (SELECT cohort, count(*) AS size FROM first GROUP BY cohort ORDER BY cohort DESC LIMIT 60),
                cells AS (SELECT n.cohort, n.size, k, (n.cohort + k * interval '$step')::date AS from_day, (n.cohort + (k + 1) * interval '$step')::date AS to_day FROM newest n, generate_series(0, 19) k),
                counted AS (SELECT c.*, c.to_day <= (SELECT t FROM public.today) AS ended,
                                   (SELECT count(DISTINCT a.user_id) FROM public.active a JOIN first f USING (user_id) WHERE f.cohort = c.cohort AND a.day >= c.from_day AND a.day < c.to_day) AS active,
                                   (SELECT coalesce(sum(a.net), 0) FROM public.active a JOIN first f USING (user_id) WHERE f.cohort = c.cohort AND a.day >= c.from_day AND a.day < c.to_day) AS net FROM cells c)
           SELECT jsonb_build_object('cohort', cohort, 'size', size, 'active', jsonb_agg(CASE WHEN ended THEN active END ORDER BY k), 'retention', jsonb_agg(CASE WHEN ended THEN round(active::numeric / size, 6) END ORDER BY k),
                  'net_amount', jsonb_agg(CASE WHEN ended THEN round(net * 0.01, 2) END ORDER BY k)) FROM counted GROUP BY cohort, size} ];
}

# Credits by the entries of the ledger and not by the purchases; the oldest are used up one after another.
sql(q{
    CREATE VIEW public.credits AS
        SELECT e.user_id, date_trunc('month', coalesce(t.occurred_at, e.recorded_at) AT TIME ZONE (SELECT zone FROM public.setting))::date AS month, sum(e.points) AS points
          FROM swipesavvy.points_entries e LEFT JOIN swipesavvy.transactions t ON t.transaction_id = e.transaction_id AND e.kind IN ('earn', 'bonus', 'settle')
         WHERE e.credit_account = 'available' AND e.kind <> 'return' GROUP BY 1, 2;
    CREATE FUNCTION public.aged(OUT month date, OUT credited numeric, OUT remaining numeric) RETURNS SETOF record LANGUAGE plpgsql AS $$
    DECLARE
        who uuid;
        spent numeric;
    BEGIN
        FOR who, spent IN SELECT user_id, coalesce(sum(CASE WHEN debit_account = 'available' THEN points WHEN kind = 'return' THEN -points ELSE 0 END), 0) FROM swipesavvy.points_entries GROUP BY 1 LOOP
            FOR month, credited IN SELECT c.month, c.points FROM public.credits c WHERE c.user_id = who ORDER BY 1 LOOP
                remaining := greatest(credited - spent, 0);
                spent := greatest(spent - credited, 0);
                RETURN NEXT;
            END LOOP;
        END LOOP;
    END
    $$;
});

sub compare
{
    my ($what) = @_;
    sql('TRUNCATE public.active; INSERT INTO public.active SELECT * FROM public.facts; ANALYZE public.active;
        TRUNCATE public.window_of, public.scored; INSERT INTO public.window_of SELECT * FROM public.windows; INSERT INTO public.scored SELECT * FROM public.scores');
    for my $question (sort keys %questions)
    {
        my ($given, $plain) = @{ $questions{$question} };
        my ($rows, $differ) = split /\n/, sql(qq{
            CREATE TEMP TABLE given AS SELECT * FROM ($given) g (row);
            CREATE TEMP TABLE plain AS SELECT * FROM ($plain) p (row);
            SELECT count(*) FROM plain;
            SELECT v FROM (SELECT '+ ' || row::text AS v FROM (SELECT * FROM given EXCEPT ALL SELECT * FROM plain) g
                 UNION ALL SELECT '- ' || row::text FROM (SELECT * FROM plain EXCEPT ALL SELECT * FROM given) p) d}), 2;
        ok($rows > 0 && !defined $differ, "$what: $question ($rows rows)") or diag $differ;
    }
    return;
}

# --- in every zone ----------------------------------------------------------------------------

my $expired = 0;
for my $zone (@zones)
{
    sql(qq{SELECT swipesavvy.update_system_settings('{"timezone": "$zone"}'); DELETE FROM public.setting; INSERT INTO public.setting VALUES ('$zone')});
    if (!$expired++)
    {
        # what has expired did so over the last year and a half
        cmp_ok(json($node, 'app', 'SELECT swipesavvy.expire_points()')->{users}, '>', 2, 'points expire');
        sql(q{ALTER TABLE swipesavvy.points_entries DISABLE TRIGGER the_ledger_is_append_only;
            UPDATE swipesavvy.points_entries SET recorded_at = recorded_at - random() * interval '500 days' WHERE kind = 'expire';
            ALTER TABLE swipesavvy.points_entries ENABLE ALWAYS TRIGGER the_ledger_is_append_only});
    }
    sql('SELECT swipesavvy.refresh_customer_analytics()');
    compare($zone);
}
isnt(json($node, 'app', 'SELECT swipesavvy.get_points_liability()')->{breakage_rate}, undef, 'there is a rate of breakage');
is(sql("SELECT (a -> 'total_remaining')::numeric - (a -> 'points_overdrawn')::numeric - (SELECT sum(points_available) FROM swipesavvy.reward_accounts) FROM swipesavvy.get_points_ageing() a"), 0,
    'what remains of all months less what is owed is what there is');
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');

# More happens: rows of users change, come and go, and the second refresh is as good as a first one.
sql(q{
    SELECT count(swipesavvy.refund_transaction(transaction_id, user_id => user_id)) FROM swipesavvy.transactions WHERE status = 'completed' AND refunded_minor < amount_minor AND random() < 0.2;
    INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency, occurred_at) SELECT p.user_id, 777, 'USD', now() - n * interval '10 days' FROM public.people p WHERE n NOT IN (2, 50) AND random() < 0.4;
    SELECT swipesavvy.erase_user(user_id) FROM public.people WHERE n IN (5, 6);
    SELECT count(swipesavvy.update_user(user_id, '{"role": "customer"}')) FROM public.people WHERE n = 3});
my $second = json($node, 'app', 'SELECT swipesavvy.refresh_customer_analytics()');
cmp_ok($second->{written}, '>', 10, 'a second refresh writes what changed');
compare('after more');

# --- the worker, and whoever ends it --------------------------------------------------------------

my $asked = sql(q{SELECT swipesavvy.set_job('refresh_customer_analytics', enabled => true, next_run_at => clock_timestamp()) IS NOT NULL; SELECT clock_timestamp()});
$asked =~ s/.*\n//;
ok($node->poll_query_until('app', "SELECT succeeded_at > '$asked' FROM swipesavvy.jobs WHERE job = 'refresh_customer_analytics'"), 'the worker does it');
sql(q{SELECT swipesavvy.set_job('refresh_customer_analytics', next_run_at => now() + interval '1 day')});
my $before = sql('SELECT md5(string_agg(f::text, E\'\n\' ORDER BY user_id)) || (SELECT as_of FROM swipesavvy.customer_analytics) FROM swipesavvy.customer_figures f');
my ($code, $out, $err) = $node->psql('app', q{SET statement_timeout = '1ms'; SELECT swipesavvy.refresh_customer_analytics()});
like($err, qr/canceling statement due to statement timeout/, 'it can be cancelled');
is(sql('SELECT md5(string_agg(f::text, E\'\n\' ORDER BY user_id)) || (SELECT as_of FROM swipesavvy.customer_analytics) FROM swipesavvy.customer_figures f'), $before, 'and leaves what was there');
my $keeper = $node->background_psql('app');
$keeper->query_safe('BEGIN; SELECT swipesavvy.refresh_customer_analytics()');
sql(q{SELECT swipesavvy.set_job('refresh_customer_analytics', next_run_at => clock_timestamp())});
ok($node->poll_query_until('app', q{SELECT last_error ~ '^55P03: ' FROM swipesavvy.jobs WHERE job = 'refresh_customer_analytics'}), 'the worker does not wait long for another one');
$keeper->quit;
ok($node->poll_query_until('app', q{SELECT succeeded_at > failed_at FROM swipesavvy.jobs WHERE job = 'refresh_customer_analytics'}), 'and comes again');
$node->safe_psql('postgres', 'DROP DATABASE app');
pass('DROP DATABASE goes through');

$node->stop;
done_testing();
