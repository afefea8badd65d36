# Random conditions, features, experiments and regular expressions: the functions give what GrowthBook's JavaScript SDK gives, run as a
# client; and flags that are stored, with A/B tests on some of them, give 1,000 users what the SDK makes of their document. Needs Node and the
# SDK, which parts.sh fetches.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use StoredFlags qw(make_world make_flags stored_attributes);
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
# --- stored flags ---------------------------------------------------------------------------------------
create_extension($node, 'stored');
sub sql { return $node->safe_psql('stored', "SET search_path = swipesavvy, public;\n$_[0]") }
srand $seed;
make_world(\&sql, 1000);
make_flags(\&sql, 200, 10);
stored_attributes(\&sql);
sql(q{CREATE TABLE public.given AS SELECT user_id, jsonb_strip_nulls(jsonb_build_object('country', (ARRAY['de', 'fr', 'us', NULL])[1 + n % 4], 'app', (ARRAY['1.0.0', '2.0.0', '2.1.0', 'v2.1.0-rc.1', NULL])[1 + n % 5],
        'n', (ARRAY[0, 3, 5, 9, NULL])[1 + n / 3 % 5], 'device', (ARRAY['d1', 'd2', 'd3', NULL])[1 + n / 5 % 4], 'tags', (ARRAY['[]', '["x"]', '["x", "y"]', NULL])[1 + n / 7 % 4]::jsonb, 'a', (ARRAY['{"b": 1}', '{}', NULL])[1 + n / 11 % 3]::jsonb)) AS attributes
    FROM (SELECT user_id, row_number() OVER (ORDER BY user_id)::int AS n FROM users) u});
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/document", sql('SELECT get_flags_document()'));
append_to_file("$dir/users", sql(q{SELECT jsonb_build_object('user_id', user_id, 'attributes', g.attributes || stored(u, a)) FROM given g JOIN users u USING (user_id) JOIN reward_accounts a USING (user_id)}));
system("node test/t/lib/stored_flags_sdk.js '$sdk' '$dir/document' '$dir/users' > '$dir/answers'") == 0 or die 'node';
sql(qq{CREATE TABLE public.answers (d jsonb); COPY answers FROM '$dir/answers' WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02');
    CREATE TABLE public.sdk AS SELECT s.* FROM answers, jsonb_to_recordset(d) s (user_id uuid, key text, value jsonb, source text, rule_id text, variant text, variation_id int, bucket numeric);
    CREATE TABLE public.ours AS SELECT g.user_id, f.key, f.value AS d FROM given g, jsonb_each(evaluate_flags(g.user_id, g.attributes) -> 'flags') f});
my $flags = sql('SELECT count(*) FROM feature_flags');
is(sql('SELECT (SELECT count(*) FROM sdk), (SELECT count(*) FROM ours)'), join('|', (1000 * $flags) x 2), "1,000 users, $flags flags");
my $differ = q{sdk s FULL JOIN ours o USING (user_id, key)
    WHERE coalesce(s.value, 'null') IS DISTINCT FROM o.d -> 'value' OR s.source IS DISTINCT FROM o.d ->> 'source' OR s.rule_id IS DISTINCT FROM o.d ->> 'rule_id' OR s.variant IS DISTINCT FROM o.d ->> 'variant'
       OR s.variation_id IS DISTINCT FROM (o.d #>> '{experiment,variation_id}')::int OR s.bucket IS DISTINCT FROM (o.d #>> '{experiment,bucket}')::numeric};
is(sql("SELECT count(*) FROM $differ"), 0, 'the SDK makes of the document what evaluate_flags() gives') or diag sql("SELECT key, to_jsonb(s), o.d FROM $differ LIMIT 3");
cmp_ok(sql("SELECT count(DISTINCT key) FROM sdk JOIN ab_tests t ON t.test_key = rule_id WHERE source = 'experiment' AND variant ~ '^(control|variant_.)\$'"), '>=', 5, 'tests that run decide');
is(sql('SELECT string_agg(DISTINCT source, $$ $$ ORDER BY source) FROM sdk'), 'defaultValue experiment force prerequisite', 'and everything else that may');
$node->stop;

done_testing();
