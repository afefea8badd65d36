# Random conditions, features, experiments and regular expressions: the functions give what GrowthBook's JavaScript SDK gives, run as a
# client. Needs Node and the SDK, which parts.sh fetches.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use Test::More;

my ($sdk) = grep { -d $_ } map { "$_/growthbook/node_modules/\@growthbook/growthbook" } grep { defined } $ENV{SWIPESAVVY_PARTS}, map { "$_/.." } split /:/, $ENV{PATH};
plan skip_all => 'no Node' if system('node --version >/dev/null 2>&1') != 0;
plan skip_all => 'no GrowthBook SDK' unless $sdk;

my $seed  = $ENV{SWIPESAVVY_SEED}  || int rand 2**31;
my $count = $ENV{SWIPESAVVY_CALLS} || 100_000;
diag "draws: seed $seed";
my $drawn = PostgreSQL::Test::Utils::tempdir() . '/drawn';
system("node test/t/lib/flags_sdk.js '$sdk' $seed $count > '$drawn'") == 0 or die 'node';

my $node = new_node('main');
create_extension($node, 'app');
$node->safe_psql('app', qq{CREATE TABLE drawn (line int GENERATED ALWAYS AS IDENTITY, d jsonb);
    COPY drawn (d) FROM '$drawn' WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')});
$node->safe_psql('app', q{CREATE TABLE answered AS SELECT line, d, CASE d ->> 'kind'
        WHEN 'condition' THEN to_jsonb(swipesavvy.flag_condition_matches(d -> 'a', d -> 'b', d -> 'c'))
        WHEN 'feature' THEN swipesavvy.flag_evaluate_document(d -> 'a', d ->> 'b', d -> 'c')
        ELSE swipesavvy.experiment_run_document(d -> 'a', d -> 'c') END AS ours FROM drawn});
is($node->safe_psql('app', 'SELECT count(*) FROM answered'), $count, "$count draws");
is($node->safe_psql('app', q{SELECT count(*) FROM answered WHERE ours IS DISTINCT FROM d -> 'expected'}), 0, 'all as the SDK has it')
    or diag $node->safe_psql('app', q{SELECT line, d, ours FROM answered WHERE ours IS DISTINCT FROM d -> 'expected' ORDER BY length(d::text) LIMIT 3});
for my $some ([ 'experiments decide', q{d #>> '{expected,source}' = 'experiment'} ], [ 'rules force', q{d #>> '{expected,source}' = 'force'} ], [ 'conditions hold', q{d -> 'expected' = 'true'} ],
    [ 'cycles', q{d #>> '{expected,source}' = 'cyclicPrerequisite'} ], [ 'gates', q{d #>> '{expected,source}' = 'prerequisite'} ], [ 'variations kept', q{d #> '{expected,stickyBucketUsed}' = 'true' OR d #> '{expected,experimentResult,stickyBucketUsed}' = 'true'} ])
{
    cmp_ok($node->safe_psql('app', "SELECT count(*) FROM answered WHERE $some->[1]"), '>', $count / 50_000, "often enough: $some->[0]");
}
$node->stop;

done_testing();
