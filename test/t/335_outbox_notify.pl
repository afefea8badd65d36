# Who listens hears of messages; commits in quick succession notify once a second, as those that notify wait for one another.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use Test::More;
use Time::HiRes qw(time);

my $node = new_node('notify');
create_extension($node, 'app');
$node->safe_psql('app', q{SELECT swipesavvy.create_campaign(campaign_id => 'C', name => 'C', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-09-01')});
my $listener = $node->background_psql('app');
$listener->query_safe('LISTEN swipesavvy_outbox');

# How many notifications come until one of this test's own, which comes last.
sub heard
{
    my ($end) = @_;
    my $heard = '';
    my $until = time + $PostgreSQL::Test::Utils::timeout_default;
    $node->safe_psql('app', "NOTIFY swipesavvy_outbox, '$end'");
    while ($heard !~ /"$end"/)
    {
        BAIL_OUT('no notification') if time > $until;
        $heard .= $listener->query('SELECT 1');
    }
    my $all = () = $heard =~ /Asynchronous notification "swipesavvy_outbox"/g;
    return $all - 1;
}

is(heard('nothing yet'), 0, 'nothing is told where nothing happened');
my $begun = time;
$node->safe_psql('app', join ';', ("SELECT swipesavvy.launch_campaign('C')", "SELECT swipesavvy.pause_campaign('C')") x 30);
my $took = time - $begun;
my $told = heard('end');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.outbox'), 60, 'a message for each of sixty commits');
cmp_ok($told, '>=', 1, 'the first is told');
cmp_ok($told, '<=', 1 + int $took, 'and no more than one a second');
$node->safe_psql('app', q{BEGIN; SELECT swipesavvy.launch_campaign('C'); ROLLBACK});
is(heard('rolled back'), 0, 'nothing of what was rolled back');
$node->safe_psql('app', q{SELECT swipesavvy.launch_campaign('C')});
is(heard('another'), 1, 'another session tells its own');
# what goes to sinks is the background worker's, and no deliverer's
$node->safe_psql('app', q{SELECT swipesavvy.set_sink_secret('key', 's3cret'), swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key', '{campaign.paused}', enabled => false)});
$node->safe_psql('app', q{SELECT swipesavvy.pause_campaign('C')});
is(heard('for a sink'), 0, 'nothing of what is for a sink');
$node->safe_psql('app', q{SELECT swipesavvy.launch_campaign('C')});
is(heard('for others'), 1, 'of the rest, as before');
$listener->quit;

done_testing();
