# What evaluate_flag() gives is what flag_evaluate_document() gives over get_flags_document(): random flags, with rules, experiments,
# prerequisites, ramps, shares and segments, for random users and attributes. SWIPESAVVY_DRAWS: how often.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use StoredFlags qw(make_world make_flags stored_attributes);
use Test::More;

my $draws = $ENV{SWIPESAVVY_DRAWS} // 5_000;
my $seed = $ENV{SWIPESAVVY_SEED} // int rand 1e9;
srand $seed;
note "SWIPESAVVY_SEED=$seed";

my $node = new_node('generated');
create_extension($node, 'app');
sub sql { return $node->safe_psql('app', "SET search_path = swipesavvy, public;\n$_[0]") }
make_world(\&sql, 200);
my @flags = make_flags(\&sql, 60, 0);
sql("SELECT toggle_flag('flag1', false)");

stored_attributes(\&sql);

# --- draws ----------------------------------------------------------------------------------------
# Both in one statement, so that it is the same moment: a flag, a user that is stored, known by an id alone or not known, and attributes.
my $wrong = sql(qq{
    SELECT setseed(@{[ ($seed % 1000) / 1000 ]});
    CREATE TEMP TABLE draws AS SELECT n, 'flag' || 1 + floor(random() * 60) AS key, CASE WHEN random() < .8 THEN (SELECT array_agg(user_id ORDER BY user_id) FROM users) [1 + floor(random() * 200)] WHEN random() < .5 THEN uuid_v7() END AS user_id,
           jsonb_strip_nulls(jsonb_build_object('country', (ARRAY['de', 'fr', 'us', NULL])[1 + floor(random() * 4)], 'app', (ARRAY['1.0.0', '2.0.0', '2.1.0', 'v2.1.0-rc.1', NULL])[1 + floor(random() * 5)], 'n', (ARRAY[0, 3, 5, 9, NULL])[1 + floor(random() * 5)],
               'device', (ARRAY['d1', 'd2', 'd3', NULL])[1 + floor(random() * 4)], 'tags', (ARRAY['[]', '["x"]', '["x", "y"]', NULL])[1 + floor(random() * 4)]::jsonb, 'a', (ARRAY['{"b": 1}', '{}', NULL])[1 + floor(random() * 3)]::jsonb)) AS attributes
      FROM generate_series(1, $draws) n;
    CREATE TEMP TABLE answers AS
    SELECT d.*, evaluate_flag(d.key, d.user_id, d.attributes) AS stored,
           flag_evaluate_document(g.document -> 'features', d.key, jsonb_build_object('attributes', d.attributes || CASE WHEN d.user_id IS NULL THEN '{}' ELSE jsonb_build_object('id', d.user_id, 'user_id', d.user_id) END
               || CASE WHEN u.user_id IS NULL THEN '{}' ELSE stored(u, a) END, 'savedGroups', g.document -> 'savedGroups')) AS document
      FROM draws d LEFT JOIN users u USING (user_id) LEFT JOIN reward_accounts a USING (user_id), (SELECT get_flags_document() AS document OFFSET 0) g;
    SELECT count(*) FROM answers;
    SELECT string_agg(DISTINCT stored ->> 'source', ' ' ORDER BY stored ->> 'source') FROM answers;
    SELECT jsonb_build_object('key', key, 'user_id', user_id, 'attributes', attributes, 'stored', stored, 'document', document) FROM answers
     WHERE stored -> 'value' IS DISTINCT FROM document -> 'value' OR stored -> 'enabled' IS DISTINCT FROM document -> 'on' OR stored ->> 'source' IS DISTINCT FROM document ->> 'source'
        OR coalesce(stored ->> 'rule_id', '') IS DISTINCT FROM document ->> 'ruleId' OR stored #> '{experiment,variation_id}' IS DISTINCT FROM document #> '{experimentResult,variationId}'
        OR stored ->> 'variant' IS DISTINCT FROM document #>> '{experimentResult,key}' OR stored #> '{experiment,bucket}' IS DISTINCT FROM document #> '{experimentResult,bucket}' LIMIT 3});
my @lines = grep { length } split /\n/, $wrong;
my ($count, $sources, @differences) = @lines;
is($count, $draws, "$draws draws");
is($sources, 'defaultValue experiment force prerequisite', 'of every kind');
is_deeply(\@differences, [], 'what is stored is what its document is');
# the set-wise function, and the one for queries
is(sql("SELECT count(*) FROM unnest(ARRAY['@{[ join q{','}, @flags ]}']) k, LATERAL flag_users(k, '{\"country\": \"de\", \"n\": 3}') u WHERE u.value IS DISTINCT FROM evaluate_flag(k, u.user_id, '{\"country\": \"de\", \"n\": 3}') -> 'value'
    OR u.enabled IS DISTINCT FROM flag_enabled(k, u.user_id, '{\"country\": \"de\", \"n\": 3}')"), 0, 'flag_users() and flag_enabled() say the same of 60 flags and 200 users');

# --- many users --------------------------------------------------------------------------------------
# More than maintenance_work_mem holds are done in parts, and with more sets of segments than are kept, or tiers, a query does it.
sql(q{INSERT INTO users (user_id, email, name) SELECT uuid_v7(), 'many' || n || '@x.test', 'M' FROM generate_series(1, 30000) n;
    INSERT INTO reward_accounts (user_id, tier, spent_currency) SELECT user_id, (ARRAY['gold', 'gold', 'gold', 'gold', 'silver'])[1 + get_byte(uuid_send(user_id), 15) % 5], 'USD' FROM users WHERE email LIKE 'many%';
    SELECT create_segment('many' || n) FROM generate_series(0, 10) n;
    INSERT INTO segment_members (segment_no, user_id) SELECT segment_no, user_id FROM (SELECT segment_no, substr(name, 5)::int AS bit FROM segments WHERE name LIKE 'many%') s,
        (SELECT user_id, substr(split_part(email, '@', 1), 5)::int AS n FROM users WHERE email LIKE 'many%') u WHERE n >> bit & 1 = 1;
    SELECT create_flag('many.gold', 'G', enabled => true, rollout_percentage => 70, targeting => '{"tier": "gold"}'), create_flag('many.three', 'T', enabled => true, rollout_percentage => 80, targeting => '{"segments": {"$size": 3}}'),
        create_flag('many.both', 'B', enabled => true, targeting => '{"tier": "gold", "id": {"$inGroup": "many3"}}')});
sub scans
{
    my ($flag, $before) = @_;
    my $count = join ' || $$ $$ || ', map { "pg_stat_get_xact_numscans('swipesavvy.$_'::regclass)" } qw(users reward_accounts segment_members);
    return sql("BEGIN; $before SET LOCAL max_parallel_workers_per_gather = 0; CREATE TEMP TABLE got AS SELECT * FROM flag_users('$flag'); SELECT $count; COMMIT;
        SELECT (SELECT count(*) FROM got), (SELECT count(*) FROM got WHERE enabled) > 1000, (SELECT count(*) FROM got g JOIN users USING (user_id) WHERE g.value IS DISTINCT FROM evaluate_flag('$flag', user_id) -> 'value'); DROP TABLE got");
}
my $all = sql('SELECT count(*) FROM users');
is(scans('many.gold', ''), "1 1 0\n$all|t|0", 'one pass');
is(scans('many.gold', q{SET LOCAL maintenance_work_mem = '1MB';}), "2 2 0\n$all|t|0", 'in two parts');
like(scans('many.three', ''), qr/^1 0 2\n$all\|t\|0$/, 'too many sets of segments: by a query');
sql(q{DELETE FROM segment_members WHERE segment_no IN (SELECT segment_no FROM segments WHERE name ~ '^many[5-9]|^many10')});
is(scans('many.both', q{SET LOCAL maintenance_work_mem = '1MB';}), "2 2 2\n$all|t|0", 'tier and segments in two parts');
sql(q{UPDATE reward_accounts SET tier = 'tier' || get_byte(uuid_send(user_id), 15) % 70 WHERE user_id IN (SELECT user_id FROM users WHERE email LIKE 'many%'); SELECT create_flag('many.tiers', 'T', enabled => true, targeting => '{"tier": {"$regex": "[0-4]$"}}')});
like(scans('many.tiers', ''), qr/^1 [12] 0\n$all\|t\|0$/, 'too many tiers: by a query, as it is planned');
$node->stop;

done_testing();
