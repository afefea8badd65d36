# Every function of the catalogue that may run in a parallel plan answers there as it does without: in a new session, whose
# caches are empty, with each of its arguments given in turn.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign);
use Test::More;

my $node = new_node('parallel', "shared_preload_libraries = 'swipesavvy'");
create_extension($node, 'app');
my $user = add_user($node, 'app', 'ada@example.com');
add_campaign($node, 'app', 'CAMP-A', 50000);
$node->safe_psql('app', q{
    SELECT swipesavvy.create_merchant('Cafe', 'Services', merchant_id => '00000000-0000-7000-8000-00000000aaaa');
    SELECT swipesavvy.create_reward('Mug', 10, reward_id => '00000000-0000-7000-8000-00000000aaab'), swipesavvy.create_boost('Double', 2), swipesavvy.create_charity('Trees');
    SELECT swipesavvy.set_sink_secret('key', 's3cret'), swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key', '{user.*}');
    SELECT swipesavvy.record_transaction(user_id, 10), swipesavvy.seal_audit_log() FROM swipesavvy.users;
    ALTER DATABASE app SET swipesavvy.trusted_gateways = 'postgres'});

# A value for each argument, by its name; for others by its type.
my %named = (
    user_id => "'$user'", campaign_id => "'CAMP-A'", merchant_id => "'00000000-0000-7000-8000-00000000aaaa'", category => "'Services'", search => "'a'",
    status => "'running'", campaign_type => "'SEASONAL'", period => "'monthly'", sink => "'hook'", event => "'user.created'", definition => q('{"source": "purchases", "measures": ["purchases"], "dimensions": ["day"], "start_date": "2026-01-01", "end_date": "2030-12-31"}'), figure => "'commits_total'",
    resolution => "'minute'", granularity => "'weekly'", segment => "'loyal'", event_type => "'user.create'", resource => "'user'", after => "'00000000-0000-7000-8000-00000000aaab'", jwt => "'e30.e30.x'", seal_no => '1', key => "'dark_mode'", role => "'customer'");
my %typed = (integer => 1, bigint => 1, boolean => 'true', uuid => "'$user'", 'timestamp with time zone' => "'2026-01-01Z'", text => "'x'", bytea => "'\\x00'", numeric => 1, 'uuid[]' => "'{}'", 'bytea[]' => "'{}'", jsonb => "'{}'",
    'double precision' => '0.5', 'double precision[]' => "'{0.5,0.5}'", 'numeric[]' => "'{0.5,0.5}'", 'text[]' => "'{dark_mode}'", date => "'2026-01-01'", anyelement => 1);
my %cursor = (list_campaigns => "'CAMP-A'", list_merchants => "'00000000-0000-7000-8000-00000000aaaa'");

my @functions = map { my ($name, $required, $arguments) = split /\|/; { name => $name, required => $required, arguments => [ map { [ split /:/ ] } split /,/, $arguments // '' ] } }
  split /\n/, $node->safe_psql('app', q{
    SELECT p.proname, p.pronargs - p.pronargdefaults,
           (SELECT string_agg(a.name || ':' || a.type::regtype, ',' ORDER BY n) FROM unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY a (name, type, n))
      FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'swipesavvy'
     WHERE p.proparallel <> 'u' AND p.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype) ORDER BY 1});
cmp_ok(@functions, '>', 25, scalar(@functions) . ' functions may run in a parallel plan');

sub call
{
    my ($function, @given) = @_;
    my @arguments = @{ $function->{arguments} };
    return "swipesavvy.$function->{name}(" . join(', ', map {
            my ($name, $type) = @{ $arguments[$_] };
            my $value = $name eq 'after' && $cursor{ $function->{name} } || $named{$name} // $typed{$type} // die "no value for $name of type $type";
            "\"$name\" => $value" } @given) . ')';
}

# Whether the call succeeds, and else with which error, in a session that has done nothing before; $sql comes first.
sub outcome
{
    my ($call, $sql) = @_;
    my ($code, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$sql;\nSELECT $call IS NOT NULL");
    return $code == 0 ? "answers $out" : $err =~ /ERROR:  (.*)/ ? $1 : $err;
}

my $setting = $node->safe_psql('app', q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
my $customer = qq{SELECT set_config('role', 'swipesavvy_customer', false), set_config('request.jwt.claims', '{"sub": "$user"}', false)};
my $calls = 0;
for my $function (@functions)
{
    my @required = 0 .. $function->{required} - 1;
    my @sets = ([@required], map { [ @required, $_ ] } $function->{required} .. $#{ $function->{arguments} });
    for my $call (map { call($function, @$_) } @sets)
    {
        for my $who ('SELECT 1', $customer)
        {
            my ($plain, $parallel) = map { outcome($call, "$who; SET $setting = $_") } qw(off on);
            $calls++;
            is($parallel, $plain, "$call" . ($who eq $customer ? ' by a customer' : ''));
        }
    }
}
note("$calls calls");

# and where the server decides so: beside a scan that workers share
$node->safe_psql('app', 'CREATE TABLE big AS SELECT g FROM generate_series(1, 20000) g; ANALYZE big');
my $eager = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2';
like($node->safe_psql('app', "$eager; EXPLAIN SELECT count(*), swipesavvy.list_merchants(category => 'Services') FROM big"), qr/Gather/, 'the plan is parallel');
is($node->safe_psql('app', "$eager; SELECT swipesavvy.list_merchants(category => 'Services') -> 'total' FROM big GROUP BY 1 HAVING count(*) = 20000"), 1, 'and answers');

done_testing();
