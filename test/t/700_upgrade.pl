# From 1.0.0 to 1.2.0: the upgraded catalogue is that of a fresh installation, no row is lost, a database that stays at 1.0.0 goes on under
# the new library, and a dump of it is restored into the new release.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign fingerprints members catalogue);
use Test::More;

my $node = new_node('main');
create_extension($node, 'fresh');
is($node->safe_psql('fresh', q{SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'}), '1.2.0', 'a fresh installation is of the newest release');

$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', q{CREATE EXTENSION pg_trgm; CREATE EXTENSION swipesavvy VERSION '1.0.0'});

# --- a database at 1.0.0 under the new library ---------------------------------------------------
my $user = add_user($node, 'old', 'ada@example.com');
my $gone = add_user($node, 'old', 'gone@example.com');
add_campaign($node, 'old', 'CAMP-TEN', 100);
my $bought = json($node, 'old', "SELECT swipesavvy.record_transaction('$user', 25, idempotency_key => 'k')");
is(scalar @{ $bought->{awards} }, 1, 'a purchase earns');
$node->safe_psql('old', qq{SELECT swipesavvy.create_segment('Friends'), swipesavvy.add_segment_members('Friends', '{$user}');
    SELECT swipesavvy.update_system_settings('{"feature_flags_enabled": false, "earn_rate": 2}'), swipesavvy.update_tiers('[{"name": "only", "threshold": 0, "multiplier": 2}]'),
        swipesavvy.erase_user('$gone'), swipesavvy.export_user_data('$user'), swipesavvy.refresh_leaderboards(), swipesavvy.refresh_tiers(), swipesavvy.check_ledger(), swipesavvy.metrics()});
is(json($node, 'old', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');

my @tables = grep { $_ ne 'swipesavvy.system_settings' } members($node, 'old');
my $settings = $node->safe_psql('old', q{SELECT string_agg(quote_literal(setting), ', ') FROM swipesavvy.system_settings});

# What 1.0.0 has; new settings come beside its own.
sub of_1_0_0
{
    my ($db) = @_;
    my $rows = $node->safe_psql($db, "SELECT s::text FROM swipesavvy.system_settings s WHERE setting IN ($settings) ORDER BY setting");
    return { %{ fingerprints($node, $db, @tables) }, settings => $rows };
}
my $before = of_1_0_0('old');

# --- a dump of it ------------------------------------------------------------------------------------
my $dump = PostgreSQL::Test::Utils::tempdir() . '/old.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'old' ], 'a dump of 1.0.0');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_fails_like([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], qr/required extension "cube" is not installed/, 'needs what the newest release needs');
$node->safe_psql('postgres', 'DROP DATABASE restored');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->safe_psql('restored', 'CREATE EXTENSION cube; CREATE EXTENSION btree_gist');
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'is restored');
is($node->safe_psql('restored', q{SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'}), '1.2.0', 'into the newest release');
is_deeply(of_1_0_0('restored'), $before, 'with every row');

# --- the upgrade ---------------------------------------------------------------------------------------
my $session = $node->background_psql('old');
$session->query_safe("SELECT swipesavvy.record_transaction('$user', 1)");
$session->query_safe("SELECT swipesavvy.rule_cache_status()");
$before = of_1_0_0('old');
my (undef, undef, $refused) = $node->psql('old', 'ALTER EXTENSION swipesavvy UPDATE');
like($refused, qr/required extension "cube" is not installed/, 'an upgrade creates no other extension by itself');
$node->safe_psql('old', 'CREATE EXTENSION cube; CREATE EXTENSION btree_gist; ALTER EXTENSION swipesavvy UPDATE');
is($node->safe_psql('old', q{SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'}), '1.2.0', 'upgraded');
is_deeply(of_1_0_0('old'), $before, 'no row of 1.0.0 has changed');
like($session->query_safe("SELECT swipesavvy.record_transaction('$user', 1)"), qr/points_earned/, 'a session that was there before goes on');
$session->quit;
# what was before the upgrade is not counted before it is asked for; the session that was there has written its delta
is($node->safe_psql('old', 'SELECT purchases FROM swipesavvy.unfolded_deltas(0)'), 1, 'and counts what it does');
my ($rc, $out, $err) = $node->psql('old', 'SELECT swipesavvy.verify_analytics()');
like($err, qr/analytics are being built/, 'the figures are not there yet');
is(json($node, 'old', 'SELECT swipesavvy.refresh_analytics()')->{rebuilt}, JSON::PP::true, 'then they are');
is_deeply(json($node, 'old', 'SELECT swipesavvy.verify_analytics()'), { campaigns_checked => 1, days_checked => 2, mismatches => 0 }, 'with what was before');
is(json($node, 'restored', 'SELECT swipesavvy.refresh_analytics()')->{rebuilt}, JSON::PP::true, 'also in the restored one');
is(json($node, 'old', "SELECT swipesavvy.record_transaction('$user', 25, idempotency_key => 'k')")->{replayed}, JSON::PP::true, 'a repeat is recognised');

my ($fresh, $upgraded) = (catalogue($node, 'fresh'), catalogue($node, 'old'));
cmp_ok(length $fresh, '>', 50_000, 'a catalogue');
ok($fresh eq $upgraded, 'the upgraded catalogue is that of a fresh installation') or do {
    my %seen = map { $_ => 1 } split /\n/, $fresh;
    diag join "\n", 'in the upgraded one alone:', grep { !$seen{$_} } split /\n/, $upgraded;
};
for my $what ([ 'rights', 'SELECT proname, proacl FROM pg_proc WHERE pronamespace = $1::regnamespace UNION ALL SELECT relname, relacl FROM pg_class WHERE relnamespace = $1::regnamespace' ],
    [ 'registered tables', q{SELECT c::regclass::text, w FROM pg_extension, unnest(extconfig, extcondition) u (c, w) WHERE extname = 'swipesavvy' AND $1 <> ''} ],
    [ 'comments', 'SELECT objoid::regclass::text, description FROM pg_description WHERE classoid = $$pg_class$$::regclass AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = $1::regnamespace)' ])
{
    my ($name, $query) = @$what;
    $query =~ s/\$1/'swipesavvy'/g;
    my ($one, $other) = map { $node->safe_psql($_, "SELECT t::text COLLATE \"C\" FROM ($query) t ORDER BY 1") } qw(fresh old);
    is($other, $one, "the same $name");
}
$node->stop;

done_testing();
