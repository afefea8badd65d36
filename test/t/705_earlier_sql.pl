# The library serves SQL of 1.0.0: everything that the regression tests ask of 1.0.0's domains is answered there as it was. A file of
# test/sql is of 1.0.0 unless its domain came with a later release, as a folder of sql/ says, or its first line has "(since X.Y.Z)";
# what 1.0.0 prints otherwise than the newest release stands in test/earlier/1.0.0.
use strict;
use warnings;

use File::Basename qw(basename);
use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node);
use Test::More;

my ($release, $db) = ('1.0.0', 'earlier');
my $tree = $ENV{TESTDATADIR} =~ s{/tmp_check$}{}r;
my %later = map { basename($_) => 1 } grep { -d } glob "$tree/sql/*/*";
delete @later{ map { basename($_) } glob "$tree/sql/$release/*" };
my @tests = map { basename($_, '.sql') } sort grep { basename($_) =~ /^([a-z]+)/ && !$later{$1} && (split /\n/, slurp_file($_))[0] !~ /\(since \d/ } glob "$tree/test/sql/*.sql";
cmp_ok(scalar @tests, '>=', 40, 'most regression tests are of 1.0.0');

# their files, with what is printed otherwise
my $dir = PostgreSQL::Test::Utils::tempdir();
mkdir "$dir/$_" or die $! for qw(sql expected);
for my $test (@tests)
{
    copy("$tree/test/sql/$test.sql", "$dir/sql/") or die $!;
    copy($_, "$dir/expected/") or die $! for glob "$tree/expected/$test.out $tree/expected/${test}_?.out";
}
copy($_, "$dir/expected/") or die $! for glob "$tree/test/earlier/$release/*.out";

my $node = new_node('earlier');
$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
# as pg_regress does with a database of its own
$node->safe_psql('postgres', "ALTER DATABASE $db SET $_") for "lc_messages TO 'C'", "lc_monetary TO 'C'", "lc_numeric TO 'C'", "lc_time TO 'C'", "bytea_output TO 'hex'", "timezone_abbreviations TO 'Default'";
$node->safe_psql($db, "CREATE EXTENSION pg_trgm; CREATE EXTENSION swipesavvy VERSION '$release'");
is($node->safe_psql($db, "SELECT to_regclass('swipesavvy.feature_flags') IS NULL"), 't', 'nothing of later releases is there');

my @command = ($ENV{PG_REGRESS}, '--use-existing', "--dbname=$db", '--host=' . $node->host, '--port=' . $node->port, "--inputdir=$dir", "--outputdir=$dir", "--dlpath=$dir",
    $node->pg_version >= 16 ? "--expecteddir=$dir" : (), @tests);    # 15 looks for it where the input is
my $ok = PostgreSQL::Test::Utils::run_log(\@command);
ok($ok, scalar(@tests) . ' regression tests at SQL of 1.0.0') or diag -s "$dir/regression.diffs" ? slurp_file("$dir/regression.diffs") : 'no differences';
# the workers are given the jobs of that release, and no other; sample_health they do themselves
$node->safe_psql($db, 'CREATE TABLE claimed AS SELECT swipesavvy.claim_job(lane) AS c FROM generate_series(1, 40), unnest(ARRAY[$$jobs$$, $$health$$]) lane');
is($node->safe_psql($db, q{SELECT count(*) FILTER (WHERE c ? 'job') > 5, count(*) FILTER (WHERE to_regproc('swipesavvy.' || (c ->> 'job')) IS NULL AND c ->> 'job' <> 'sample_health') FROM claimed}), 't|0', 'jobs whose functions are there')
    or diag $node->safe_psql($db, q{SELECT DISTINCT c ->> 'job' FROM claimed WHERE c ? 'job'});
is($node->safe_psql($db, q{SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'}), $release, 'where it has stayed');
$node->stop;

done_testing();
