# A crash under load loses no purchase that was acknowledged, records none twice, and the ledger is sound after it.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign);
use Test::More;

my $clients = 4;

my $node = new_node('crash', 'synchronous_commit = on');
create_extension($node, 'app');
$node->safe_psql('app', 'SELECT swipesavvy.rebuild_analytics()');
my @users = map { add_user($node, 'app', "user$_\@example.com") } 1 .. 3;
add_campaign($node, 'app', 'CAMP-CRASH', 25);

# A client records purchases until the server is gone, and prints each key once its commit is acknowledged.
my $script = PostgreSQL::Test::Utils::tempdir() . '/client.sql';
append_to_file($script, join '', map {
    my $user = $users[ $_ % @users ];
    "SELECT swipesavvy.record_transaction(user_id => '$user', amount => 1.25, idempotency_key => :'client' || '-$_') \\g /dev/null\n"
      . "\\echo acknowledged :client-$_\n"
} 1 .. 20_000);

my (@handles, @out, @err);
for my $client (1 .. $clients)
{
    push @handles,
      start [ 'psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-v', "client=c$client", '-d', $node->connstr('app'), '-f', $script ],
      '>', \$out[$client], '2>', \$err[$client];
}

ok($node->poll_query_until('app', 'SELECT count(*) >= 400 FROM swipesavvy.transactions'), 'the load is running');
$node->stop('immediate');
for my $handle (@handles)
{
    finish $handle;
}
like($err[$_], qr/server closed the connection|connection to server was lost|terminating connection/, "client $_ was cut off in the middle")
  for 1 .. $clients;

$node->start;
my %recorded = map { split /\|/ } split /\n/,
  $node->safe_psql('app', 'SELECT idempotency_key, count(*) FROM swipesavvy.transactions GROUP BY 1');
my @acknowledged = map { /^acknowledged (\S+)$/mg } @out[ 1 .. $clients ];
cmp_ok(scalar @acknowledged, '>=', 300, 'purchases were acknowledged before the crash');
is_deeply([ grep { !$recorded{$_} } @acknowledged ], [], 'none of them is lost');
is_deeply([ grep { $recorded{$_} > 1 } keys %recorded ], [], 'none was recorded twice');
cmp_ok(scalar keys %recorded, '<=', @acknowledged + $clients, 'at most one per client was in flight');

is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');
is(json($node, 'app', 'SELECT swipesavvy.verify_analytics()')->{mismatches}, 0, 'and so are the figures of campaigns');
cmp_ok(json($node, 'app', "SELECT swipesavvy.get_campaign('CAMP-CRASH')")->{spent}, '<=', 25, 'the budget is not overspent');

# The clients try again what they do not know about: each is there once at the end.
my $in_doubt = 'c1-' . (1 + grep { /^c1-/ } @acknowledged);
my $user = $users[ ($in_doubt =~ /-(\d+)$/)[0] % @users ];
my $call = "SELECT swipesavvy.record_transaction(user_id => '$user', amount => 1.25, idempotency_key => '$in_doubt')";
is(json($node, 'app', $call)->{replayed} ? 1 : 0, $recorded{$in_doubt} ? 1 : 0, 'a purchase in doubt is repeated safely');
ok(json($node, 'app', $call)->{replayed}, 'and then it is known');
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is still sound');
is(json($node, 'app', 'SELECT swipesavvy.verify_analytics()')->{mismatches}, 0, 'and so are the figures of campaigns');

done_testing();
