# The extension is the same in a database of any encoding: what it is made of is ASCII.
use strict;
use warnings;

use SwipeSavvy qw(new_node);
use Test::More;

my $node = new_node('encodings');

# The comments, the bodies of functions and the rows that it comes with.
my $content = q{
    SELECT md5(string_agg(t, E'\n' ORDER BY t COLLATE "C")) FROM (
        SELECT obj_description(objid, classid::regclass::name) FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'swipesavvy')
        UNION ALL SELECT prosrc FROM pg_proc WHERE pronamespace = 'swipesavvy'::regnamespace
        UNION ALL SELECT concat_ws(E'\t', category, description) FROM swipesavvy.merchant_categories
        UNION ALL SELECT name FROM swipesavvy.currencies) c (t)};

my %content;
for my $encoding (qw(UTF8 LATIN1 EUC_JP WIN1251 SQL_ASCII))
{
    $node->safe_psql('postgres', "CREATE DATABASE e TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
    my ($status, $out, $err) = $node->psql('e', 'CREATE EXTENSION swipesavvy CASCADE');
    is($status, 0, "installed in $encoding") or diag $err;
    $content{$encoding} = $node->safe_psql('e', $content);
    $out = $node->safe_psql('e', q{
        SELECT swipesavvy.create_user(email => 'ada@example.com', name => 'Ada', user_id => '00000000-0000-7000-8000-000000000ada') ->> 'name';
        SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-000000000ada', 12.50) ->> 'points_earned'});
    is($out, "Ada\n12", "and works in $encoding");
    $node->safe_psql('postgres', 'DROP DATABASE e WITH (FORCE)');
}
is_deeply([ grep { $content{$_} ne $content{UTF8} } sort keys %content ], [], 'with the same content in each');

done_testing();
