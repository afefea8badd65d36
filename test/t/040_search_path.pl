# A caller's search_path, with operators, functions and types of its own in front, changes no result.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign);
use Test::More;

my $node = new_node('path');

# Everything here lies, or raises an error, when it is called. The trap stands in a schema that the caller puts first.
my $trap = q{
CREATE SCHEMA trap;
CREATE TABLE trap.calls (what text);
};
my @types = qw(integer bigint numeric text uuid boolean timestamptz jsonb);
for my $type (@types)
{
    for my $op ([ '=', 'boolean', 'false' ], [ '<>', 'boolean', 'true' ], [ '<', 'boolean', 'true' ], [ '>=', 'boolean', 'false' ],
        [ '+', $type, '$1' ], [ '-', $type, '$1' ], [ '*', $type, '$1' ], [ '||', $type, '$1' ])
    {
        my ($sign, $result, $value) = @$op;
        my $name = 'trap.op_' . join('_', map { sprintf '%02x', ord } split //, $sign) . "_$type";
        $trap .= "CREATE FUNCTION $name($type, $type) RETURNS $result LANGUAGE sql AS 'SELECT $value';\n"
          . "CREATE OPERATOR trap.$sign (LEFTARG = $type, RIGHTARG = $type, FUNCTION = $name);\n";
    }
    for my $function (qw(lower upper abs floor round length btrim date_trunc to_jsonb hashtext))
    {
        $trap .= "CREATE FUNCTION trap.$function($type) RETURNS $type LANGUAGE plpgsql AS 'BEGIN RAISE ''trap $function($type)''; END';\n";
    }
    $trap .= "CREATE FUNCTION trap.first_$type($type, $type) RETURNS $type LANGUAGE sql AS 'SELECT coalesce(\$1, \$2)';\n";
    $trap .= "CREATE AGGREGATE trap.$_($type) (SFUNC = trap.first_$type, STYPE = $type);\n" for qw(sum max min);
    $trap .= "CREATE FUNCTION trap.zero_$type(bigint, $type) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';\n"
      . "CREATE AGGREGATE trap.count($type) (SFUNC = trap.zero_$type, STYPE = bigint, INITCOND = '0');\n";
}
$trap .= join '', map { "CREATE FUNCTION trap.$_() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''1999-01-01''::timestamptz';\n" }
  qw(now clock_timestamp statement_timestamp);
# tables and types with the names of ours and the server's
$trap .= "CREATE TABLE trap.$_ (LIKE trap.calls);\n" for qw(users transactions points_entries campaigns system_settings tiers pg_class pg_proc);
$trap .= "CREATE DOMAIN trap.money_minor AS bigint CHECK (false);\n";

# The same story in two databases; only the second has the trap in its path.
my $script = q{
SELECT swipesavvy.create_user(email => 'a@Example.com', name => 'A', user_id => '00000000-0000-7000-8000-000000000001') IS NOT NULL;
SELECT swipesavvy.create_campaign(campaign_id => 'CAMP-PATH', name => 'P', campaign_type => 'SEASONAL', offer_amount => 10,
    offer_type => 'PERCENTAGE', start_date => '2020-01-01', budget => 5, points_multiplier => 2) ->> 'campaign_id';
SELECT swipesavvy.launch_campaign('CAMP-PATH') ->> 'status';
SELECT (r ->> 'points_earned') || '/' || (r ->> 'points_balance') || '/' || (r ->> 'tier') || '/' || (r ->> 'awards')
FROM pg_catalog.generate_series(1, 6) g,
    LATERAL swipesavvy.record_transaction(user_id => '00000000-0000-7000-8000-000000000001',
        amount => (g OPERATOR(pg_catalog.*) 7.25)::numeric, idempotency_key => 'k' OPERATOR(pg_catalog.||) g::text) r;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency)
VALUES ('00000000-0000-7000-8000-000000000001', 1234, 'USD'), ('00000000-0000-7000-8000-000000000001', 4321, 'USD');
SELECT swipesavvy.record_transaction(user_id => '00000000-0000-7000-8000-000000000001', amount => 7.25, idempotency_key => 'k1') ->> 'replayed';
SELECT swipesavvy.get_campaign('CAMP-PATH') ->> 'spent';
SELECT swipesavvy.list_campaigns(search => 'p') ->> 'total';
SELECT swipesavvy.verify_ledger();
};
# The script's own expressions mean pg_catalog in both runs.
$script =~ s/ ->> '/ OPERATOR(pg_catalog.->>) '/g;
$script =~ s{\) \|\| '/' \|\| \(}{) OPERATOR(pg_catalog.||) '/' OPERATOR(pg_catalog.||) (}g;

my %story;
for my $db (qw(honest hostile))
{
    create_extension($node, $db);
    my $path = '';
    if ($db eq 'hostile')
    {
        $node->safe_psql($db, $trap);
        $path = "SET search_path = trap, pg_catalog, swipesavvy;\n";
        isnt($node->safe_psql($db, "$path SELECT 1 = 1"), 't', 'the trap works: 1 is not 1 in this path');
        is($node->safe_psql($db, "$path SELECT sum(g) FROM (VALUES (1), (2), (3)) AS v(g)"), '1', 'the trap works: sum is not a sum');
    }
    my ($status, $out, $err) = $node->psql($db, $path . $script, on_error_stop => 1);
    is($status, 0, "$db: the story runs") or diag $err;
    $story{$db} = $out;
}
like($story{honest}, qr/"mismatches": 0/, 'the ledger is sound');
is($story{hostile}, $story{honest}, 'the path makes no difference');
is($node->safe_psql($_, 'SELECT count(*) FROM swipesavvy.transactions'), 8, "$_: every purchase is there") for qw(honest hostile);

# What was created under the hostile path is ours alone too: the trap's schema can go, and nothing depends on it.
$node->safe_psql('postgres', 'CREATE DATABASE planted');
$node->safe_psql('planted', "CREATE EXTENSION pg_trgm; CREATE EXTENSION cube; CREATE EXTENSION btree_gist; $trap ALTER DATABASE planted SET search_path = trap, pg_catalog, public");
$node->safe_psql('planted', 'CREATE EXTENSION swipesavvy');
$node->safe_psql('planted', 'DROP SCHEMA trap CASCADE');
is($node->safe_psql('planted', "SELECT swipesavvy.verify_ledger() ->> 'mismatches'"), 0, 'created under the hostile path, it stands without it');

done_testing();
