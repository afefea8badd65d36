# What evaluate_flag() gives is what flag_evaluate_document() gives over get_flags_document(): random flags, with rules, experiments,
# prerequisites, ramps, shares and segments, for random users and attributes. SWIPESAVVY_DRAWS: how often.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use JSON::PP;
use Test::More;

my $draws = $ENV{SWIPESAVVY_DRAWS} // 5_000;
my $seed = $ENV{SWIPESAVVY_SEED} // int rand 1e9;
srand $seed;
note "SWIPESAVVY_SEED=$seed";
my $json = JSON::PP->new->allow_nonref->canonical;
sub one_of { return $_[ int rand @_ ] }
sub maybe { return rand() < $_[0] }

my $node = new_node('generated');
create_extension($node, 'app');
sub sql { return $node->safe_psql('app', "SET search_path = swipesavvy, public;\n$_[0]") }
sql(q{SELECT count(create_user('u' || n || '@' || (ARRAY['a.test', 'b.test'])[1 + n % 2], 'U', preferred_language => (ARRAY['en', 'de'])[1 + n % 2])) FROM generate_series(1, 200) n;
    SELECT create_segment('vip'), create_segment('new'); SELECT add_segment_members('vip', (SELECT array_agg(user_id) FROM users WHERE get_byte(uuid_send(user_id), 15) % 3 = 0)),
    add_segment_members('new', (SELECT array_agg(user_id) FROM users WHERE get_byte(uuid_send(user_id), 15) % 4 = 0));
    UPDATE reward_accounts SET tier = 'gold', lifetime_points = 5000 WHERE get_byte(uuid_send(user_id), 15) % 5 = 0});

# --- flags --------------------------------------------------------------------------------------
# the attributes that callers give; those that are stored are put into the context of the document as well
sub condition
{
    my ($depth) = @_;
    my @leaves = (
        { app => { '$vgte' => one_of(qw(1.0.0 2.0.0 2.1.0-rc.1)) } }, { country => { one_of('$in', '$nin') => [ 'de', 'fr' ] } }, { n => { one_of('$lt', '$gte', '$ne', '$eq') => int rand 10 } },
        { tags => { '$all' => ['x'] } }, { tags => { '$size' => int rand 3 } }, { 'a.b' => { '$exists' => one_of($JSON::PP::true, $JSON::PP::false) } }, { country => { '$regex' => one_of('^d', 'r$', '[a-e]') } },
        { preferred_language => 'de' }, { tier => one_of('gold', 'bronze') }, { lifetime_points => { '$gt' => 100 } }, { segments => { '$in' => [ 'vip' ] } }, { id => { one_of('$inGroup', '$notInGroup') => one_of('vip', 'new') } },
        { email_domain => 'a.test' }, { role => 'customer' }, { transaction_count => 0 }, { tags => { '$elemMatch' => { '$eq' => 'y' } } }, { account_age_days => { '$lt' => 1 } });
    return one_of(@leaves) if $depth > 2 || maybe(.6);
    my $key = one_of('$or', '$and', '$nor', '$not');
    return { $key => $key eq '$not' ? condition($depth + 1) : [ map { condition($depth + 1) } 1 .. 1 + int rand 3 ] };
}

sub value { my ($type) = @_; return $type eq 'boolean' ? one_of($JSON::PP::true, $JSON::PP::false) : $type eq 'string' ? one_of('a', 'b', '') : $type eq 'number' ? one_of(0, 1, 2.5) : one_of({ a => 1 }, [], [ 1, { b => undef } ], 'x') }

sub rule
{
    my ($type, $keys) = @_;
    my %rule;
    $rule{condition} = condition(0) if maybe(.6);
    $rule{parentConditions} = [ { id => one_of(@$keys), condition => one_of({ value => { '$exists' => $JSON::PP::true } }, { value => $JSON::PP::true }), maybe(.2) ? (gate => $JSON::PP::true) : () } ] if @$keys && maybe(.2);
    $rule{seed} = 's' . int rand 5 if maybe(.5);
    $rule{hashVersion} = one_of(1, 2) if maybe(.7);
    $rule{hashAttribute} = one_of('id', 'device') if maybe(.3);
    $rule{filters} = [ { seed => 'f', ranges => [ [ 0, .5 ] ] } ] if maybe(.1);
    if (maybe(.5))
    {
        $rule{force} = value($type);
        $rule{coverage} = int(rand 101) / 100 if maybe(.5);
        $rule{range} = [ .1, .8 ] if maybe(.1);
        return \%rule;
    }
    my $n = 2 + int rand 3;
    $rule{variations} = [ map { value($type) } 1 .. $n ];
    $rule{weights} = $n == 2 ? [ .3, .7 ] : $n == 3 ? [ .2, .3, .5 ] : [ .25, .25, .25, .25 ] if maybe(.6);
    $rule{coverage} = int(rand 101) / 100 if maybe(.4);
    $rule{meta} = [ map { { key => "v$_", maybe(.1) ? (passthrough => $JSON::PP::true) : () } } 1 .. $n ] if maybe(.5);
    $rule{namespace} = [ 'ns', .2, .7 ] if maybe(.1);
    return \%rule;
}

my $quoted = sub { my $t = $json->encode($_[0]); $t =~ s/'/''/g; return "'$t'" };
my @flags;
for my $n (1 .. 60)
{
    my $type = one_of(qw(boolean boolean string number json));
    my @parents = map { { id => $_, maybe(.5) ? (condition => { value => { '$ne' => 'zzz' } }) : () } } maybe(.2) && @flags ? one_of(@flags[ 0 .. min(15, $#flags) ]) : ();
    my @rules = map { rule($type, [ @flags[ 0 .. min(15, $#flags) ] ]) } 1 .. int rand 4;
    sql(sprintf q{SELECT create_flag('flag%d', 'Flag', value_type => '%s', default_value => %s, value => %s, enabled => %s, rollout_percentage => %s, targeting => %s, rules => %s, prerequisites => %s, hash_attribute => '%s') IS NOT NULL},
        $n, $type, $quoted->(value($type)), $quoted->(value($type)), one_of('true', 'true', 'true', 'false'), one_of(0, 12.5, 50, 99.99, 100), $quoted->(maybe(.4) ? condition(0) : {}), $quoted->(\@rules), $quoted->(\@parents), one_of('id', 'id', 'id', 'device'));
    push @flags, "flag$n";
}
sub min { return $_[0] < $_[1] ? $_[0] : $_[1] }
sql("SELECT toggle_flag('flag1', false)");

# --- draws ----------------------------------------------------------------------------------------
# Both in one statement, so that it is the same moment: a flag, a user that is stored, known by an id alone or not known, and attributes.
my $wrong = sql(qq{
    SELECT setseed(@{[ ($seed % 1000) / 1000 ]});
    CREATE TEMP TABLE draws AS SELECT n, 'flag' || 1 + floor(random() * 60) AS key, CASE WHEN random() < .8 THEN (SELECT array_agg(user_id ORDER BY user_id) FROM users) [1 + floor(random() * 200)] WHEN random() < .5 THEN uuid_v7() END AS user_id,
           jsonb_strip_nulls(jsonb_build_object('country', (ARRAY['de', 'fr', 'us', NULL])[1 + floor(random() * 4)], 'app', (ARRAY['1.0.0', '2.0.0', '2.1.0', 'v2.1.0-rc.1', NULL])[1 + floor(random() * 5)], 'n', (ARRAY[0, 3, 5, 9, NULL])[1 + floor(random() * 5)],
               'device', (ARRAY['d1', 'd2', 'd3', NULL])[1 + floor(random() * 4)], 'tags', (ARRAY['[]', '["x"]', '["x", "y"]', NULL])[1 + floor(random() * 4)]::jsonb, 'a', (ARRAY['{"b": 1}', '{}', NULL])[1 + floor(random() * 3)]::jsonb)) AS attributes
      FROM generate_series(1, $draws) n;
    CREATE FUNCTION stored(u users, a reward_accounts) RETURNS jsonb LANGUAGE sql AS \$\$
        SELECT jsonb_build_object('role', u.role, 'preferred_language', u.preferred_language, 'account_status', u.status, 'verification_status', u.verification_status,
            'account_age_days', floor(extract(epoch FROM statement_timestamp() - u.created_at) / 86400), 'email_domain', split_part(u.email, '\@', 2), 'tier', a.tier, 'lifetime_points', a.lifetime_points, 'transaction_count', a.transaction_count,
            'segments', coalesce((SELECT jsonb_agg(s.name ORDER BY s.name COLLATE "C") FROM segment_members m JOIN segments s USING (segment_no) WHERE m.user_id = u.user_id), '[]')) \$\$;
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
$node->stop;

done_testing();
