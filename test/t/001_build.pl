# The build refuses SQL that nobody declared, and the check refuses a released folder that changed. Four libraries are
# installed, one of them alone needs libcurl, and another one GSL.
use strict;
use warnings;

use File::Temp;
use PostgreSQL::Test::Utils;
use Test::More;

my $make   = "make -s PG_CONFIG='" . ($ENV{PG_CONFIG} // 'pg_config') . "'";
my $script = 'build/swipesavvy--1.0.0.sql';

# A copy of what the build of the script and the check of the folders read.
sub copy_of_tree
{
    my $dir = File::Temp->newdir;
    system_or_bail('cp', '-r', 'Makefile', 'swipesavvy.control', 'CHANGELOG.md', 'sql', "$dir");
    system_or_bail('mkdir', '-p', "$dir/test");
    system_or_bail('cp', '-r', 'test/run', "$dir/test/run");
    return $dir;
}

sub sh
{
    my ($dir, $command) = @_;
    my $out = `cd '$dir' && unset MAKEFLAGS MAKELEVEL; $command 2>&1`;
    return ($? >> 8, $out);
}

my $dir = copy_of_tree();
my ($status, $out) = sh($dir, "$make $script");
is($status, 0, 'the script builds') or diag $out;
like(slurp_file("$dir/$script"), qr/\A\\echo Use "CREATE EXTENSION swipesavvy" .* \\quit\n/, 'psql cannot run it by mistake');
ok(!-e "$dir/swipesavvy--1.0.0.sql", 'nothing is generated at the top level');

append_to_file("$dir/sql/1.0.0/stray.sql", "-- nobody declared me\n");
utime 0, 0, "$dir/sql/1.0.0/stray.sql";
($status, $out) = sh($dir, "$make $script");
isnt($status, 0, 'a file that is not declared fails the build, even if it is old');
like($out, qr{not listed in SQL_1_0_0: sql/1\.0\.0/stray\.sql}, 'and is named');

$dir = copy_of_tree();
my ($first) = glob "$dir/sql/1.0.0/*/*.sql";
unlink $first;
($status, $out) = sh($dir, "$make $script");
isnt($status, 0, 'a declared file that is not there fails the build');
like($out, qr{there is no file: sql/1\.0\.0/}, 'and is named');

$dir = copy_of_tree();
my $changelog = slurp_file("$dir/CHANGELOG.md");
$changelog =~ s/^## 1\.0\.0 - .*$/## 1.0.0 - 2026-01-31/m;
unlink "$dir/CHANGELOG.md";
append_to_file("$dir/CHANGELOG.md", $changelog);
unlink "$dir/sql/FROZEN";
append_to_file("$dir/sql/FROZEN", "# none\n");
my $frozen = 'bash test/run/frozen.sh';
($status, $out) = sh($dir, $frozen);
isnt($status, 0, 'a released folder without a hash fails the check');
my @lines = $out =~ /add the line: (\d+\.\d+\.\d+ [0-9a-f]{64})$/mg;
ok(scalar(grep { /^1\.0\.0 / } @lines), 'which says what to add') or diag $out;

append_to_file("$dir/sql/FROZEN", join '', map { "$_\n" } @lines);
is((sh($dir, $frozen))[0], 0, 'with its hash it passes');
append_to_file("$dir/sql/1.0.0/users/users.sql", "-- one more line\n");
($status, $out) = sh($dir, $frozen);
isnt($status, 0, 'one line more in it fails the check');
like($out, qr{sql/1\.0\.0 is released and has changed}, 'and it says which');

# A database has any encoding, and the server reads these files in it.
is_deeply([ grep { slurp_file($_) =~ /[^\t\n -~]/ } 'swipesavvy.control', glob 'sql/*/*.sql sql/*/*/*.sql' ], [], 'ASCII alone in what the server reads');

# What the build misses is said in one line.
my $client = File::Temp->newdir;
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
append_to_file("$client/pg_config", "#!/bin/sh\ncase \$1 in --includedir-server) echo '$client' ;; *) exec '$pg_config' \"\$@\" ;; esac\n");
chmod 0755, "$client/pg_config";
($status, $out) = sh('.', "make -s all PG_CONFIG='$client/pg_config'");
isnt($status, 0, 'a client alone has no headers of the server');
like($out, qr{\A[^\n]*no postgres\.h in \Q$client\E: install postgresql-server-dev-\d+, or set PG_CONFIG[^\n]*\n\z}, 'which is said');
($status, $out) = sh('.', "$make all SERVERS='3 4'");
isnt($status, 0, 'a server that nobody has looked at');
like($out, qr{\A[^\n]*swipesavvy is for PostgreSQL 3 4, and \S+ builds for \d+[^\n]*\n\z}, 'is refused, and why');

my $root = File::Temp->newdir;
($status, $out) = sh('.', "$make install DESTDIR='$root'");
is($status, 0, 'installing') or diag $out;
my %library = map { m{/([^/]+)\.so$} ? ($1 => $_) : () } split /\n/, `find '$root' -name '*.so'`;
is_deeply([ sort keys %library ], [qw(swipesavvy swipesavvy_gsl swipesavvy_http swipesavvy_learn swipesavvy_worker)], 'the libraries');
is_deeply([ sort grep { `ldd '$library{$_}'` =~ /libcurl/ } keys %library ], ['swipesavvy_http'], 'what needs libcurl');
is_deeply([ sort grep { `ldd '$library{$_}'` =~ /libgsl/ } keys %library ], ['swipesavvy_gsl'], 'what needs GSL');
is_deeply([ sort grep { `ldd '$library{$_}'` =~ /liblinear/ } keys %library ], ['swipesavvy_learn'], 'what needs LIBLINEAR');
($status, $out) = sh('.', "$make uninstall DESTDIR='$root'");
is($status, 0, 'uninstalling') or diag $out;
is(`find '$root' -type f`, '', 'leaves nothing behind');

done_testing();
