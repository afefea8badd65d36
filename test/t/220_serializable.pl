# Purchases in SERIALIZABLE transactions, from many sessions at once: the server refuses some (40001) and the client repeats
# them, as any client of that level must; what is recorded is exact: each purchase once, no budget overspent, none denied.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;

use SwipeSavvy qw(new_node create_extension json add_user add_campaign);

my $CLIENTS = 8;
my $CALLS = 25;
my $USERS = 5;

my $node = new_node('serializable', q{default_transaction_isolation = 'serializable'}, 'log_error_verbosity = verbose');
create_extension($node, 'app');
my @users = map { add_user($node, 'app', "user$_\@example.com") } 1 .. $USERS;
# 0.10 of a purchase of 1.00 and one point: enough for all calls but one
my $purchases = $CLIENTS * $CALLS;
add_campaign($node, 'app', 'HOT', ($purchases - 1) * 0.11);
$node->safe_psql('app', 'CREATE TABLE buyers (n integer PRIMARY KEY, user_id uuid)');
$node->safe_psql('app', "INSERT INTO buyers VALUES ($_, '$users[$_ - 1]')") for 1 .. $USERS;

sub run_clients
{
    my ($name, $transaction, @pgbench) = @_;
    my $script = $node->basedir . "/$name.sql";
    append_to_file($script, "\\set n random(1, $USERS)\n$transaction\n");
    my ($stdout, $stderr);
    my $ok = IPC::Run::run([ 'pgbench', '-n', '-c', $CLIENTS, '-j', 2, '--max-tries=10000', @pgbench, '-f', $script, $node->connstr('app') ],
        '>', \$stdout, '2>', \$stderr);
    ok($ok, "$name: all went through") or diag $stderr;
    my ($failed) = $stdout =~ /number of failed transactions: (\d+)/;
    is($failed, 0, "$name: none failed");
    my ($retried) = $stdout =~ /number of transactions retried: (\d+)/;
    return $retried // 0;
}

sub spent { return $node->safe_psql('app', q{SELECT sum(used) || ' of ' || sum(allotted) FROM swipesavvy.campaign_slots}) }
sub recorded { return $node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.transactions') }
sub mismatches { return json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches} }

my $retried = run_clients('call', 'SELECT swipesavvy.record_transaction((SELECT user_id FROM buyers WHERE n = :n), 1);', -t => $CALLS);
cmp_ok($retried, '>', 0, 'some were repeated');
is(recorded(), $purchases, 'each call is recorded once');
is(spent(), join(' of ', (($purchases - 1) * 11) x 2), 'the budget is spent, all of it and no more');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.campaign_redemptions'), $purchases - 1, 'one was too late');
is(mismatches(), 0, 'the ledger is sound');

add_campaign($node, 'app', 'BULK', 1000);
my $before = recorded();
run_clients('bulk', "INSERT INTO swipesavvy.purchases (user_id, amount_minor) SELECT user_id, 100 FROM buyers WHERE n <> :n;", -t => 10);
is(recorded() - $before, $CLIENTS * 10 * ($USERS - 1), 'each row of a statement is recorded once');
run_clients('several', "BEGIN;\nSELECT points_available FROM swipesavvy.reward_accounts JOIN buyers USING (user_id) WHERE n = :n;\n"
      . "SELECT swipesavvy.record_transaction((SELECT user_id FROM buyers WHERE n = :n), 1);\nCOMMIT;", -t => 10);
is(recorded() - $before, $CLIENTS * 10 * $USERS, 'and so is a purchase after a read');
is(mismatches(), 0, 'the ledger is sound');
my $states = join ' ', grep { $_ ne '40001' } PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ /(?:ERROR|FATAL|PANIC): +(\w{5}):/g;
is($states, '', 'nothing but 40001 was reported');

done_testing();
