# Churn on real purchases (test/demo: CDNOW), trained by the background worker: the figures are those of an independent program, and of
# scikit-learn where it is installed; so are those of conversion and offers, on campaigns that are made up. And what becomes of a training that is cancelled, takes too long, or whose worker or database goes.
# Purchases know nothing of it.
# Takes long: begun among the first.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use SwipeSavvy qw(new_node create_extension json);

my $demo = "$FindBin::RealBin/../demo";
my $as_of = '1998-07-01 00:00:00+00';
my $node = new_node('learning', "shared_preload_libraries = 'swipesavvy'", "swipesavvy.databases = 'app'", 'max_wal_size = 2GB');
create_extension($node, 'app');
sub sql { return $node->safe_psql('app', $_[0]) }
sub version_of { my ($n) = @_; return sql("SELECT concat_ws('|', status, reason, (SELECT count(*) FROM swipesavvy.ml_coefficients c WHERE (c.model_name, c.version) = (m.model_name, m.version))) FROM swipesavvy.ml_models m WHERE model_name = 'churn' AND version = $n") }

# --- the purchases ------------------------------------------------------------------------------

# Of so many users that no more examples would be drawn: those that the independent program drew by its ids, which are the customers' numbers.
system("gzip -dc '$demo/data/purchases_cdnow.csv.gz' > '${\ $node->basedir }/log.csv'") == 0 or die 'no purchases';
sql('CREATE TABLE log (line_no int, customer_id int, purchase_date date, cds int, amount_usd numeric(12,2));'
      . "COPY log FROM '${\ $node->basedir }/log.csv' WITH (FORMAT csv, HEADER);"
      . q{CREATE INDEX ON log (customer_id); CREATE TABLE who AS SELECT customer_id, ('00000000-0000-7000-8000-' || lpad(customer_id::text, 12, '0'))::uuid AS user_id
              FROM (SELECT DISTINCT customer_id FROM log) l WHERE round((swipesavvy.flag_hash('ml:sample:1', customer_id::text, 2) * 10000)::numeric) < 8153;
          INSERT INTO swipesavvy.users (user_id, email, name) SELECT user_id, customer_id || '@example.com', 'C' FROM who;
          INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency) SELECT user_id, 'bronze', 'USD' FROM who});
sql(q{INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at)
      SELECT w.user_id, (amount_usd * 100)::bigint, purchase_date AT TIME ZONE 'UTC' FROM log JOIN who w USING (customer_id) WHERE amount_usd > 0 ORDER BY line_no});
sql('VACUUM ANALYZE');
is(sql('SELECT count(*) FROM swipesavvy.transactions'), 56334, 'the purchases are there');

# --- trainings that come to nothing ------------------------------------------------------------------

sub begin_training
{
    my $version = json($node, 'app', "SELECT swipesavvy.train_ml_model('churn', '$as_of')")->{version};
    sql("SELECT swipesavvy.set_job('train_models', next_run_at => now())");
    $node->poll_query_until('app', "SELECT status = 'training' FROM swipesavvy.ml_models WHERE model_name = 'churn' AND version = $version") or die "version $version is not trained";
    # it has begun in earnest: examples are being read, or fitted
    $node->poll_query_until('app', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type LIKE 'swipesavvy%' AND query = 'train_models' AND state = 'active' AND xact_start < clock_timestamp() - interval '0.5 seconds'");
    return $version;
}
sub ends_as
{
    my ($version, $wanted, $what) = @_;
    $node->poll_query_until('app', "SELECT status NOT IN ('queued', 'training') FROM swipesavvy.ml_models WHERE model_name = 'churn' AND version = $version") or diag 'it goes on';
    is(version_of($version), $wanted, $what);
}

my $version = begin_training();
sql("SELECT swipesavvy.cancel_ml_training('churn')");
$node->poll_query_until('app', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query = 'train_models' AND state = 'active')") or diag 'it is trained still';
ends_as($version, 'failed|cancelled|0', 'cancelled: it ends within seconds, and has no coefficients');

# whatever a purchase needs, nobody who holds the tables of models can keep it waiting
my $holder = $node->background_psql('app', on_error_die => 1);
$holder->query_safe("BEGIN; LOCK TABLE " . sql("SELECT string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relnamespace = 'swipesavvy'::regnamespace AND relkind = 'r' AND relname LIKE 'ml\\_%'") . ' IN ACCESS EXCLUSIVE MODE');
my $user = sql('SELECT user_id FROM who ORDER BY 1 LIMIT 1');
is(sql("SET lock_timeout = '2s'; SELECT (swipesavvy.record_transaction('$user', 10, idempotency_key => 'x') ->> 'points_earned')::int > 0; SELECT swipesavvy.refund_transaction((swipesavvy.record_transaction('$user', 10, idempotency_key => 'x') ->> 'transaction_id')::uuid) IS NOT NULL"),
    "t\nt", 'purchases and refunds read none of the tables of models');
$holder->query_safe('ROLLBACK');
$holder->quit;
is(join(' ', grep { slurp_file($_) =~ /\bml_[a-z]+/ } map { glob "$FindBin::RealBin/../../src/$_/*.[ch]" } qw(direct rules ledger engine purchases points campaigns programme)), '',
    'nor does any query of what decides about awards, points, tiers and campaigns name one');

$version = begin_training();
my $pid = sql("SELECT pid FROM pg_stat_activity WHERE query = 'train_models' AND state = 'active'");
kill 'KILL', $pid;
# the server has ended with it
# the server has ended with it
my $waited = 0;
sleep 1 while -e $node->data_dir . '/postmaster.pid' && $waited++ < 60;
$node->stop('immediate', fail_ok => 1);
$node->start;
ends_as($version, 'failed|the process that trained it ended|0', 'a crash while it trains');

sql("SELECT swipesavvy.set_job('train_models', max_duration => '1 second')");
$version = begin_training();
ends_as($version, 'failed|canceling statement due to statement timeout|0', 'more than its time');
sql("SELECT swipesavvy.set_job('train_models', max_duration => '10 minutes')");

# --- the real one ------------------------------------------------------------------------------------------

$version = begin_training();
ends_as($version, 'active|better than a constant|15', 'trained');
my $model = json($node, 'app', 'SELECT to_jsonb(m) FROM swipesavvy.ml_models m WHERE model_name = \'churn\' AND status = \'active\'');
is_deeply([ @$model{qw(train_examples train_positives test_examples test_positives lambda)} ], [ 87180, 75223, 7254, 5487, 0.0001 ], 'the examples');
sub near { my ($got, $wanted, $within, $what) = @_; ok(abs($got - $wanted) <= $within, "$what: $wanted") or diag $got }
my $test = $model->{metrics}{test};
near($test->{auc}, 0.731774, 0.0005, 'AUC');
near($model->{metrics}{recency_auc}, 0.689531, 0.0000005, 'AUC of recency alone');
near($test->{log_loss}, 0.499833, 0.0005, 'log-loss');
near($test->{base_log_loss}, 0.595514, 0.0000005, 'log-loss of a constant');
near($test->{brier}, 0.159108, 0.0005, 'Brier');
near($test->{lift_10}, 1.183639, 0.0005, 'lift');
my @losses = map { $_->{log_loss} } @{ $model->{metrics}{out_of_fold} };
near($losses[$_], (0.380844, 0.328300, 0.325449, 0.325370, 0.325383)[$_], 0.0005, "out-of-fold log-loss $_") for 0 .. 4;
my @weights = split /\n/, sql("SELECT weight FROM swipesavvy.ml_coefficients WHERE model_name = 'churn' AND version = $version ORDER BY position");
my @known = (2.207956, 0.2303, 0.0471, -0.2097, -0.3935, 0.1267, -0.2492, 0.0391, 0.0451, 0.2389, 0.2581, -0.5977);
near($weights[$_], $known[$_], 0.001 * (abs $known[$_] > 0.1 ? 1 : 0.1), "weight $_") for 0 .. $#known;
is_deeply([ @weights[ 12 .. 14 ] ], [ (undef) x 3 ], 'no merchants and no campaigns are left out') if @weights > 12;

# --- conversion and offers, on campaigns that were shown to some of these users --------------------------------------

# (so many that their features do not determine one another)
sql(q{SELECT swipesavvy.create_campaign(campaign_id => 'C' || n, name => 'C', campaign_type => (ARRAY['SEASONAL', 'EMAIL_OFFER', 'FLASH_SALE', 'LOYALTY_BOOST', 'LOCATION_DEAL'])[1 + n / 2 % 5],
               offer_type => (ARRAY['PERCENTAGE', 'FIXED_DISCOUNT', 'BOGO', 'OTHER', 'FREE_SHIPPING'])[1 + n % 5], offer_amount => CASE WHEN n % 5 IN (2, 3) THEN NULL ELSE 1 + n * 7 % 31 END,
               start_date => '1997-01-01', min_spend => n * 13 % 29, bonus_points => n * 17 % 41, points_multiplier => 1 + n * 11 % 7)
        FROM generate_series(1, 40) n;
      CREATE TABLE pairs AS
      SELECT w.user_id, c.campaign_no, date '1997-12-20' + swipesavvy.flag_hash('shown' || c.campaign_id, w.customer_id::text, 2) * interval '175 days' AS at,
             swipesavvy.flag_hash('redeemed' || c.campaign_id, w.customer_id::text, 2) < (0.1 + c.campaign_no * 7 % 10 / 30.0 + CASE c.offer_type WHEN 'BOGO' THEN 0.1 ELSE 0 END) * CASE WHEN p.n > 3 THEN 1.8 ELSE 0.6 END AS redeemed
        FROM who w CROSS JOIN swipesavvy.campaigns c CROSS JOIN LATERAL (SELECT count(*) AS n FROM log l WHERE l.customer_id = w.customer_id) p WHERE w.customer_id % 64 = 1;
      INSERT INTO swipesavvy.campaign_events (user_id, campaign_no, kind, occurred_at) SELECT user_id, campaign_no, 'view', at FROM pairs;
      INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) SELECT user_id, 1000 + campaign_no, at + interval '1 day' FROM pairs WHERE redeemed;
      INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor, cost_minor, day, position)
      SELECT t.user_id, t.transaction_id, p.campaign_no, 1, 0, 0, 0, p.at::date, 1 FROM pairs p JOIN swipesavvy.transactions t ON t.user_id = p.user_id AND t.occurred_at = p.at + interval '1 day' AND t.amount_minor = 1000 + p.campaign_no;
      ANALYZE});
for my $name ('conversion', 'offer')
{
    my $number = json($node, 'app', "SELECT swipesavvy.train_ml_model('$name', '$as_of')")->{version};
    sql("SELECT swipesavvy.set_job('train_models', next_run_at => now())");
    $node->poll_query_until('app', "SELECT status NOT IN ('queued', 'training') FROM swipesavvy.ml_models WHERE model_name = '$name' AND version = $number") or diag 'it goes on';
    is(sql("SELECT concat_ws('|', status, reason, metrics ->> 'exposure') FROM swipesavvy.ml_models WHERE model_name = '$name'"), 'active|better than a constant|events', "$name: trained by the worker");
}

# --- scikit-learn, where it is ---------------------------------------------------------------------------

my ($python) = grep { -x $_ && system("$_ -c 'import sklearn' 2>/dev/null") == 0 } '/usr/bin/python3';
SKIP: {
    skip 'scikit-learn is not installed: apt install python3-sklearn', 3 unless $python;
    my $script = $node->basedir . '/check.py';
    append_to_file($script, <<'PYTHON');
import csv, sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler
rows = list(csv.reader(open(sys.argv[1])))[1:]
train = [r for r in rows if r[0] == 'train']
test = [r for r in rows if r[0] == 'test']
def table(some): return np.array([[float(v) for v in r[5:]] for r in some])
def labels(some): return np.array([int(r[3]) for r in some])
scaler = StandardScaler().fit(table(train))
x, y, folds = scaler.transform(table(train)), labels(train), np.array([int(r[2]) for r in train])
def fitted(rows): return LogisticRegression(solver='liblinear', C=1 / (float(sys.argv[2]) * rows.sum()), tol=1e-8, max_iter=1000).fit(x[rows], y[rows])
model = fitted(np.ones(len(y), bool))
f = np.zeros(len(y))
for k in range(5):
    f[folds == k] = fitted(folds != k).decision_function(x[folds == k])
from sklearn.calibration import _SigmoidCalibration
platt = _SigmoidCalibration().fit(f, y)
p = platt.predict(model.decision_function(scaler.transform(table(test))))
print(' '.join(map(repr, map(float, [roc_auc_score(labels(test), p), log_loss(labels(test), p), model.intercept_[0], *model.coef_[0]]))))
PYTHON
    for my $name ('churn', 'conversion', 'offer')
    {
        my $of = $name eq 'churn' ? $model : json($node, 'app', "SELECT to_jsonb(m) FROM swipesavvy.ml_models m WHERE model_name = '$name' AND status = 'active'");
        my @ours = split /\n/, sql("SELECT coalesce(weight, 0) FROM swipesavvy.ml_coefficients WHERE model_name = '$name' AND version = $of->{version} ORDER BY position");
        my $csv = $node->basedir . "/$name.csv";
        # of churn the purchases have changed since it was trained: those of campaigns are left out
        append_to_file($csv, sql(($name eq 'churn' ? "BEGIN; DELETE FROM swipesavvy.transactions t USING pairs p WHERE t.user_id = p.user_id AND t.occurred_at = p.at + interval '1 day';" : '')
              . "SELECT * FROM swipesavvy.export_ml_data('$name', '$as_of')" . ($name eq 'churn' ? '; ROLLBACK' : '')) . "\n");
        my ($out, $err) = run_command([ $python, $script, $csv, $of->{lambda} ]);
        my ($auc, $log_loss, @theirs) = split / /, $out;
        ok(defined $log_loss && abs($auc - $of->{metrics}{test}{auc}) < 0.001 && abs($log_loss - $of->{metrics}{test}{log_loss}) < 0.001 && @theirs == @ours
              && !(grep { abs($theirs[$_] - $ours[$_]) > 0.001 * abs($ours[$_]) + 0.00002 } 0 .. $#ours), "$name: scikit-learn says the same") or diag "$out\n$err\n@ours";
    }
}

# --- the database goes ------------------------------------------------------------------------------------

begin_training();
my $begun = time;
$node->safe_psql('postgres', 'DROP DATABASE app WITH (FORCE)');
cmp_ok(time - $begun, '<', 30, 'a database is dropped while a model is trained on it');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'app'"), 0, 'and is gone');

$node->stop;
done_testing();
