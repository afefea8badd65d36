# The worker verifies accounts at random: nothing is wrong while the ledger is written from all sides, in whatever isolation, and what is wrong
# is found, pages somebody, and is over when it is mended.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(create_extension json add_campaign);
use Test::More;
use Worker qw(new_worker sql wait_for);

my $node = new_worker('ledger', "swipesavvy.databases = 'quiet'", 'swipesavvy.health_interval = 1', 'max_connections = 50');
create_extension($node, $_) for 'app', 'quiet';

sql($_, 'app'), sql($_, 'quiet') for q{SELECT count(swipesavvy.create_user('u' || n || '@example.com', 'U', user_id => ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid)) FROM generate_series(1, 300) n;
    SELECT count(swipesavvy.adjust_points(user_id, 100000, 'start')) FROM swipesavvy.users;
    SELECT swipesavvy.create_charity('Trees', charity_id => '00000000-0000-7000-8000-00000000c0de')};
add_campaign($node, 'app', 'TEN', 50000);

# everything that moves points, of a few users and of many
my $script = $node->basedir . '/calls.sql';
PostgreSQL::Test::Utils::append_to_file($script, <<'SQL');
\set hot random(1, 3)
\set many random(1, 300)
\set what random(1, 10)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(CASE WHEN :what % 2 = 0 THEN :hot ELSE :many END), 12, '0')) AS who \gset
\if :what < 6
SELECT swipesavvy.record_transaction(':who', :what * 10.0, status => CASE WHEN :what = 1 THEN 'pending' ELSE 'completed' END) ->> 'transaction_id' AS id \gset
\if :what = 1
SELECT swipesavvy.settle_transaction(':id');
\elif :what = 2
SELECT swipesavvy.refund_transaction(':id', 7);
\endif
\elif :what = 6
INSERT INTO swipesavvy.purchases (user_id, amount_minor) SELECT ':who', 100 * n FROM generate_series(1, 20) n;
\elif :what = 7
SELECT swipesavvy.redeem_points(':who', points => 3);
\elif :what = 8
SELECT swipesavvy.donate_points(':who', 2, '00000000-0000-7000-8000-00000000c0de');
\elif :what = 9
SELECT swipesavvy.adjust_points(':who', -1, 'oops');
\else
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT swipesavvy.record_transaction(':who', 5);
COMMIT;
\endif
SQL
my $checks = $node->basedir . '/checks.sql';
PostgreSQL::Test::Utils::append_to_file($checks, <<'SQL');
SELECT swipesavvy.check_ledger(300);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM swipesavvy.users;
SELECT swipesavvy.check_ledger(20);
COMMIT;
SQL
my ($out, $err) = ('', '');
my @options = ('-n', '-T', 12, '--max-tries', 20, '-d', $node->connstr('app'));
my $load = IPC::Run::start([ 'pgbench', '-c', 6, '-j', 2, '-f', $script, @options ], '>', \$out, '2>', \$err);
my ($checked, $complaints) = ('', '');
my $check = IPC::Run::start([ 'pgbench', '-c', 1, '-f', $checks, @options ], '>', \$checked, '2>', \$complaints);
ok($load->finish, 'all of the calls succeed') or diag $err;
ok($check->finish, 'all checks, too') or diag $complaints;
note($out =~ /(number of transactions actually processed: \d+)/);
my ($accounts, $wrong) = split /\|/, sql('SELECT sum(accounts), sum(mismatches) FROM swipesavvy.ledger_check_days');
cmp_ok(sql('SELECT count(*) FROM swipesavvy.transactions'), '>', 300, 'there were purchases');
cmp_ok($accounts, '>', 500, "$accounts accounts were looked at meanwhile");
is($wrong, 0, 'and none was found wrong');
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'as none is');

# one of three hundred, each of them with a purchase; the worker looks at 25 at a time
sql('SELECT count(swipesavvy.record_transaction(user_id, 10)) FROM swipesavvy.users', 'quiet');
sql("SELECT swipesavvy.set_job('check_ledger', every => '1 second')", 'quiet');
my $victim = '00000000-0000-7000-8000-000000000100';
my $known = 'SELECT count(*) FROM swipesavvy.ledger_mismatches';
sql("UPDATE swipesavvy.reward_accounts SET points_available = points_available + 1 WHERE user_id = '$victim'", 'quiet');
wait_for("SELECT count(*) = 1 AND bool_and(user_id = '$victim' AND checks = '{balances}') FROM swipesavvy.ledger_mismatches", 'what is wrong is found', 'quiet');
wait_for("SELECT count(*) = 1 FROM swipesavvy.outbox WHERE event = 'alert.opened' AND body ->> 'figure' = 'ledger_mismatches' AND body ->> 'severity' = 'critical'", 'somebody can be paged', 'quiet');
my $runs = sql("SELECT runs FROM swipesavvy.jobs WHERE job = 'check_ledger'", 'quiet');
wait_for("SELECT runs > $runs + 2 FROM swipesavvy.jobs WHERE job = 'check_ledger'", 'the checks go on', 'quiet');
is(sql($known, 'quiet'), 1, 'and it is known still');
sql("UPDATE swipesavvy.reward_accounts SET points_available = points_available - 1 WHERE user_id = '$victim'", 'quiet');
wait_for("SELECT count(*) = 1 FROM swipesavvy.outbox WHERE event = 'alert.resolved' AND body ->> 'figure' = 'ledger_mismatches'", 'when it is mended, that is over', 'quiet');
is(sql($known, 'quiet'), 0, 'and forgotten');

done_testing();
