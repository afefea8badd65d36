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
my $made = $node->safe_psql('app', q[
    SELECT format(E'\t{"%s.%s", "%s", "%s"},', n.nspname, c.relname, a.attname, format_type(a.atttypid, NULL))
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('swipesavvy', 'swipesavvy_private') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
       AND (SELECT typnamespace::regnamespace::text FROM pg_type t WHERE t.oid = a.atttypid) IN ('pg_catalog', 'swipesavvy', 'swipesavvy_private') -- types of other extensions are not read
     ORDER BY (n.nspname || '.' || c.relname) COLLATE "C", a.attname COLLATE "C"]);
my ($known) = slurp_file("$FindBin::RealBin/../../src/base/made_columns.c") =~ /ss_made_columns\[\] = \{\n(.*?)\n\};/s;
ok($known eq $made, 'made_columns.c has the columns that there are') or diag("It should be:\n$made");
$node->stop;
done_testing();
