# src/base/made_columns.c is what CREATE EXTENSION makes: by it the library refuses to read a column as what it is not.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use SwipeSavvy qw(new_node create_extension);

my $node = new_node('made');
create_extension($node, 'app');
my $made = join "\n", map { entry(split /\|/) } split /\n/, $node->safe_psql('app', q[
    SELECT n.nspname || '.' || c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, NULL), ', ' ORDER BY a.attname COLLATE "C")
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('swipesavvy', 'swipesavvy_private') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
       AND (SELECT typnamespace::regnamespace::text FROM pg_type t WHERE t.oid = a.atttypid) IN ('pg_catalog', 'swipesavvy', 'swipesavvy_private') -- types of other extensions are not read
     GROUP BY 1 ORDER BY (n.nspname || '.' || c.relname) COLLATE "C"]);
my ($known) = slurp_file("$FindBin::RealBin/../../src/base/made_columns.c") =~ /ss_made_tables\[\] = \{\n(.*?)\n\};/s;
ok($known eq $made, 'made_columns.c has the columns that there are') or diag("It should be:\n$made");
$node->stop;
done_testing();

# A table and its columns as made_columns.c writes them, in lines of at most 120
sub entry
{
    my ($table, $columns) = @_;
    my @lines = ('');
    for my $column (split /(?<=, )/, $columns)
    {
        push @lines, '' if length($lines[-1]) + length($column) > 105;
        $lines[-1] .= $column;
    }
    return "\t{\"$table\",\n" . join("\n", map { "\t \"$_\"" } @lines) . '},';
}
