# The library serves SQL of each released version (sql/FROZEN): everything that the regression tests ask of its domains is answered
# there as it was. A file of test/sql is of a release unless its domain came with a later one, as the folders of sql/ say, or its first
# line has "(since X.Y.Z)" of a later one; what a release prints otherwise than the newest one stands in test/earlier/X.Y.Z.
use strict;
use warnings;

use File::Basename qw(basename);
use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node);
use Test::More;

my $tree = $ENV{TESTDATADIR} =~ s{/tmp_check$}{}r;
my @releases = slurp_file("$tree/sql/FROZEN") =~ /^(\d+\.\d+\.\d+) /mg;
my $node = new_node('earlier');

sub number { my ($major, $minor, $patch) = split /\./, $_[0]; return ($major * 1000 + $minor) * 1000 + $patch }
sub is_later { my ($a, $b) = @_; return number($a) > number($b) }

# The release that a domain came with.
my %came;
for my $release (sort { number($a) <=> number($b) } map { basename($_) } glob "$tree/sql/*.*.*")
{
    $came{ basename($_) } //= $release for grep { -d } glob "$tree/sql/$release/*";
}

sub is_of
{
    my ($file, $release) = @_;
    my ($domain) = basename($file) =~ /^([a-z]+)/;
    my ($since) = (split /\n/, slurp_file($file))[0] =~ /\(since (\d+\.\d+\.\d+)\)/;
    return !grep { defined && is_later($_, $release) } $since, $came{$domain};
}

sub serves
{
    my ($release) = @_;
    my $db = "earlier_$release" =~ tr/./_/r;
    my @tests = map { basename($_, '.sql') } grep { is_of($_, $release) } sort glob "$tree/test/sql/*.sql";
    cmp_ok(scalar @tests, '>=', 40, 'most regression tests are of it');

    # their files, with what is printed otherwise
    my $dir = PostgreSQL::Test::Utils::tempdir();
    mkdir "$dir/$_" or die $! for qw(sql expected);
    for my $test (@tests)
    {
        copy("$tree/test/sql/$test.sql", "$dir/sql/") or die $!;
        copy($_, "$dir/expected/") or die $! for glob "$tree/expected/$test.out $tree/expected/${test}_?.out";
    }
    copy($_, "$dir/expected/") or die $! for glob "$tree/test/earlier/$release/*.out";

    $node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
    # as pg_regress does with a database of its own
    $node->safe_psql('postgres', "ALTER DATABASE $db SET $_")
      for "lc_messages TO 'C'", "lc_monetary TO 'C'", "lc_numeric TO 'C'", "lc_time TO 'C'", "bytea_output TO 'hex'", "timezone_abbreviations TO 'Default'";
    $node->safe_psql($db, "CREATE EXTENSION pg_trgm; CREATE EXTENSION swipesavvy VERSION '$release'");
    my @command = ($ENV{PG_REGRESS}, '--use-existing', "--dbname=$db", '--host=' . $node->host, '--port=' . $node->port, "--inputdir=$dir", "--outputdir=$dir", "--dlpath=$dir",
        $node->pg_version >= 16 ? "--expecteddir=$dir" : (), @tests);    # 15 looks for it where the input is
    ok(PostgreSQL::Test::Utils::run_log(\@command), scalar(@tests) . ' regression tests')
      or diag -s "$dir/regression.diffs" ? slurp_file("$dir/regression.diffs") : 'no differences';
    # the workers are given the jobs of that release, and no other; sample_health they do themselves
    $node->safe_psql($db, 'CREATE TABLE claimed AS SELECT swipesavvy.claim_job(lane) AS c FROM generate_series(1, 40), unnest(ARRAY[$$jobs$$, $$health$$]) lane');
    is($node->safe_psql($db, q{SELECT count(*) FILTER (WHERE c ? 'job') > 5, count(*) FILTER (WHERE to_regproc('swipesavvy.' || (c ->> 'job')) IS NULL AND c ->> 'job' <> 'sample_health') FROM claimed}), 't|0', 'jobs whose functions are there')
      or diag $node->safe_psql($db, q{SELECT DISTINCT c ->> 'job' FROM claimed WHERE c ? 'job'});
    is($node->safe_psql($db, q{SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'}), $release, 'where it has stayed');
    return;
}

for my $release (@releases)
{
    subtest "SQL of $release" => sub { serves($release) };
}
is($node->safe_psql('earlier_1_0_0', "SELECT to_regclass('swipesavvy.feature_flags') IS NULL"), 't', 'nothing of later releases is there');
$node->stop;

done_testing();
