# Random flags, as create_flag() takes them: rules that force values or are experiments, conditions, prerequisites, shares, segments. The
# draws are those of rand, which the test seeds.
package StoredFlags;
use strict;
use warnings;

use Exporter 'import';
use JSON::PP;

our @EXPORT_OK = qw(make_world make_flags stored_attributes);

my $json = JSON::PP->new->allow_nonref->canonical;
sub one_of { return $_[ int rand @_ ] }
sub maybe { return rand() < $_[0] }
sub min { return $_[0] < $_[1] ? $_[0] : $_[1] }
sub quoted { my $t = $json->encode($_[0]); $t =~ s/'/''/g; return "'$t'" }

# So many users, some of them in segments and some in a higher tier. $sql runs a statement in the schema of the extension.
sub make_world
{
    my ($sql, $users) = @_;
    $sql->(qq{SELECT count(create_user('u' || n || '\@' || (ARRAY['a.test', 'b.test'])[1 + n % 2], 'U', preferred_language => (ARRAY['en', 'de'])[1 + n % 2])) FROM generate_series(1, $users) n});
    $sql->(q{SELECT create_segment('vip'), create_segment('new'); SELECT add_segment_members('vip', (SELECT array_agg(user_id) FROM users WHERE get_byte(uuid_send(user_id), 15) % 3 = 0)),
        add_segment_members('new', (SELECT array_agg(user_id) FROM users WHERE get_byte(uuid_send(user_id), 15) % 4 = 0));
        UPDATE reward_accounts SET tier = 'gold', lifetime_points = 5000 WHERE get_byte(uuid_send(user_id), 15) % 5 = 0});
    return;
}

# A function stored(users, reward_accounts) that says which attributes flags see of a user, worked out by SQL.
sub stored_attributes
{
    my ($sql) = @_;
    $sql->(q{CREATE FUNCTION public.stored(u users, a reward_accounts) RETURNS jsonb LANGUAGE sql AS $$
        SELECT jsonb_build_object('id', u.user_id, 'user_id', u.user_id, 'role', u.role, 'preferred_language', u.preferred_language, 'account_status', u.status, 'verification_status', u.verification_status,
            'created_at', to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'account_age_days', floor(extract(epoch FROM statement_timestamp() - u.created_at) / 86400),
            'email_domain', split_part(u.email, '@', 2), 'tier', a.tier, 'lifetime_points', a.lifetime_points, 'transaction_count', a.transaction_count,
            'segments', coalesce((SELECT jsonb_agg(s.name ORDER BY s.name COLLATE "C") FROM segment_members m JOIN segments s USING (segment_no) WHERE m.user_id = u.user_id), '[]')) $$});
    return;
}

# The attributes that callers give, and those that are stored.
sub condition
{
    my ($depth) = @_;
    my @leaves = (
        { app => { '$vgte' => one_of(qw(1.0.0 2.0.0 2.1.0-rc.1)) } }, { country => { one_of('$in', '$nin') => [ 'de', 'fr' ] } }, { n => { one_of('$lt', '$gte', '$ne', '$eq') => int rand 10 } },
        { tags => { '$all' => ['x'] } }, { tags => { '$size' => int rand 3 } }, { 'a.b' => { '$exists' => one_of($JSON::PP::true, $JSON::PP::false) } }, { country => { '$regex' => one_of('^d', 'r$', '[a-e]') } },
        { preferred_language => 'de' }, { tier => one_of('gold', 'bronze') }, { lifetime_points => { '$gt' => 100 } }, { segments => { '$in' => ['vip'] } }, { id => { one_of('$inGroup', '$notInGroup') => one_of('vip', 'new') } },
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

# flag1 and so on, which may need up to 16 of the earlier ones; of every $tested-th a test runs (0: of none). Returns their keys.
sub make_flags
{
    my ($sql, $count, $tested) = @_;
    my @flags;
    for my $n (1 .. $count)
    {
        my $type = one_of(qw(boolean boolean string number json));
        my @parents = map { { id => $_, maybe(.5) ? (condition => { value => { '$ne' => 'zzz' } }) : () } } maybe(.2) && @flags ? one_of(@flags[ 0 .. min(15, $#flags) ]) : ();
        my @rules = map { rule($type, [ @flags[ 0 .. min(15, $#flags) ] ]) } 1 .. int rand 4;
        $sql->(sprintf q{SELECT create_flag('flag%d', 'Flag', value_type => '%s', default_value => %s, value => %s, enabled => %s, rollout_percentage => %s, targeting => %s, rules => %s, prerequisites => %s, hash_attribute => '%s') IS NOT NULL},
            $n, $type, quoted(value($type)), quoted(value($type)), one_of('true', 'true', 'true', 'false'), one_of(0, 12.5, 50, 99.99, 100), quoted(maybe(.4) ? condition(0) : {}), quoted(\@rules), quoted(\@parents), one_of('id', 'id', 'id', 'device'));
        push @flags, "flag$n";
        next if !$tested || $n % $tested != 0;
        my $variations = 2 + int rand 3;
        $sql->(sprintf q{SELECT start_ab_test((create_flag_test('Test', 'flag%d', %s, condition => %s, coverage => %s, namespace => %s) ->> 'test_id')::uuid) IS NOT NULL},
            $n, quoted([ map { value($type) } 1 .. $variations ]), quoted(maybe(.5) ? condition(0) : {}), one_of(1, .5, .8), maybe(.3) ? quoted([ "flag$n", .1, .9 ]) : 'NULL');
    }
    return @flags;
}

1;
