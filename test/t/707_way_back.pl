# From 1.2.0 back to 1.1.0: the catalogue is that of a fresh 1.1.0, every row of 1.1.0 stays, what an operator has made stays, and rows of 1.2.0
# are lost only where swipesavvy.allow_drop says so. Then forward again.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign fingerprints members catalogue);
use Test::More;

my $node = new_node('main');
my $back = q{ALTER EXTENSION swipesavvy UPDATE TO '1.1.0'};
sub sql { my ($db, $query) = @_; return $node->safe_psql($db, $query) }
sub version { return sql($_[0], q{SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'}) }

# What is equal beside the catalogue: rights, registered tables, comments, and what else the extension needs.
sub rest
{
    my ($db) = @_;
    return sql($db, q{SELECT t::text COLLATE "C" FROM (
        SELECT proname::text, proacl::text FROM pg_proc WHERE pronamespace = 'swipesavvy'::regnamespace
        UNION ALL SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'swipesavvy'::regnamespace AND relkind <> 'i'
        UNION ALL SELECT 'registered ' || c::regclass, w FROM pg_extension, unnest(extconfig, extcondition) u (c, w) WHERE extname = 'swipesavvy'
        UNION ALL SELECT 'needs ' || r.extname, '' FROM pg_depend d JOIN pg_extension e ON d.classid = 'pg_extension'::regclass AND d.objid = e.oid JOIN pg_extension r ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = r.oid WHERE e.extname = 'swipesavvy'
        UNION ALL SELECT setting, value_type FROM swipesavvy.system_settings) t ORDER BY 1});
}

sub same
{
    my ($one, $other, $name) = @_;
    my ($fresh, $real) = map { catalogue($node, $_) } $one, $other;
    cmp_ok(length $fresh, '>', 50_000, 'a catalogue');
    ok($real eq $fresh, $name) or do {
        my %seen = map { $_ => 1 } split /\n/, $fresh;
        my %real = map { $_ => 1 } split /\n/, $real;
        diag join "\n", "alone in $other:", (grep { !$seen{$_} } split /\n/, $real), "alone in $one:", grep { !$real{$_} } split /\n/, $fresh;
    };
    is(rest($other), rest($one), 'the same rights, registered tables, needs and settings');
    return;
}

# --- a fresh 1.1.0 and a fresh 1.2.0, and a 1.1.0 in use -----------------------------------------
for my $db (qw(fresh app))
{
    $node->safe_psql('postgres', "CREATE DATABASE $db");
    sql($db, q{CREATE EXTENSION pg_trgm; CREATE EXTENSION swipesavvy VERSION '1.1.0'});
}
create_extension($node, 'newest');
is(version('newest'), '1.2.0', 'the newest release');
my @tables = grep { $_ ne 'swipesavvy.system_settings' } members($node, 'fresh');
my $settings = sql('fresh', q{SELECT string_agg(quote_literal(setting), ', ') FROM swipesavvy.system_settings});
sub of_1_1_0
{
    my ($db) = @_;
    return { %{ fingerprints($node, $db, @tables) }, settings => sql($db, "SELECT s::text FROM swipesavvy.system_settings s WHERE setting IN ($settings) ORDER BY setting") };
}

my $ada = add_user($node, 'app', 'ada@example.com');
my $bob = add_user($node, 'app', 'bob@example.com');
add_campaign($node, 'app', 'TEN', 100);
my $shop = json($node, 'app', q{SELECT swipesavvy.create_merchant('Shop', 'Services', '5814')})->{merchant_id};
sql('app', qq{SELECT swipesavvy.record_transaction('$ada', 25, merchant_id => '$shop', idempotency_key => 'k'), swipesavvy.create_flag('mine', 'Mine'), swipesavvy.toggle_flag('mine'),
    swipesavvy.update_system_settings('{"earn_rate": 2}'), swipesavvy.rebuild_analytics(), swipesavvy.refresh_customer_analytics()});

# --- at 1.2.0, with rows in its tables ----------------------------------------------------------------
my $before = of_1_1_0('app');
sql('app', q{CREATE EXTENSION cube; CREATE EXTENSION btree_gist; ALTER EXTENSION swipesavvy UPDATE});
is(version('app'), '1.2.0', 'upgraded');
is_deeply(of_1_1_0('app'), $before, 'no row of 1.1.0 has changed');
sql('app', qq{SELECT swipesavvy.add_merchant_location('$shop', 1, 2), swipesavvy.set_partnership('$shop', 'trial', 2.5), swipesavvy.create_geofence('Gate', 1, 2, 100, dwell_seconds => 0, campaign_id => 'TEN'),
    swipesavvy.set_location_consent('$ada', true), swipesavvy.rate_merchant('$ada', '$shop', 5, 'Good'), swipesavvy.refresh_merchant_analytics(), swipesavvy.set_profiling_consent('$bob', false),
    swipesavvy.update_system_settings('{"privacy_threshold": 5, "earn_rate": 3}')});
sql('app', "SELECT swipesavvy.report_location('$ada', 1, 2)");
# what an operator makes on tables of 1.1.0 is no part of the step
sql('app', q{CREATE INDEX mine ON swipesavvy.merchants (created_at); CREATE VIEW public.shops AS SELECT merchant_id, name FROM swipesavvy.merchants;
    CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER zz_mine BEFORE UPDATE ON swipesavvy.merchants FOR EACH ROW EXECUTE FUNCTION public.note()});
$before = of_1_1_0('app');

my (undef, undef, $refused) = $node->psql('app', "\\set VERBOSITY verbose\n$back");
like($refused, qr/PT400: tables that 1\.1\.0 does not have hold rows/, 'rows of 1.2.0 are not dropped by accident');
for my $table (qw(merchant_locations merchant_partnerships geofences geofence_visits user_positions location_consents merchant_reviews ml_profiling_refusals))
{
    like($refused, qr/They would be lost: .*\bswipesavvy\.$table \(1\)/, "$table is named");
}
unlike($refused, qr/ml_excluded_mccs/, 'what the step itself has put into its tables is no loss');
is(version('app'), '1.2.0', 'it is still 1.2.0');

# something of somebody else's depends on a table of 1.2.0: nothing is lost, nothing is dropped with it
sql('app', 'CREATE VIEW public.places AS SELECT location_id, city FROM swipesavvy.merchant_locations');
(undef, undef, $refused) = $node->psql('app', "SET swipesavvy.allow_drop = on; $back");
like($refused, qr/cannot drop table swipesavvy\.merchant_locations because other objects depend on it.*view public\.places depends/s, 'what an operator has built on it is in the way');
is(version('app'), '1.2.0', 'it is still 1.2.0');
sql('app', 'DROP VIEW public.places');

# --- back, with a session that stays ----------------------------------------------------------------
my $session = $node->background_psql('app', on_error_stop => 0);
$session->query_safe("SELECT swipesavvy.record_transaction('$ada', 1, merchant_id => '$shop'); SELECT swipesavvy.get_nearby_merchants(1, 2)");
$before = of_1_1_0('app');
sql('app', "SET swipesavvy.allow_drop = on; $back");
is(version('app'), '1.1.0', 'back');
is_deeply(of_1_1_0('app'), $before, 'with every row of 1.1.0');
is(sql('app', q{SELECT (SELECT count(*) FROM pg_class WHERE relname = 'mine'), (SELECT count(*) FROM pg_trigger WHERE tgname = 'zz_mine'), (SELECT count(*) FROM public.shops)}), '1|1|1', 'and what the operator has made');
sql('app', 'DROP INDEX swipesavvy.mine; DROP VIEW public.shops; DROP TRIGGER zz_mine ON swipesavvy.merchants; DROP FUNCTION public.note(); DROP EXTENSION btree_gist; DROP EXTENSION cube');
same('fresh', 'app', 'the catalogue is that of a fresh 1.1.0');

like($session->query_safe("SELECT swipesavvy.record_transaction('$ada', 2, merchant_id => '$shop')"), qr/points_earned/, 'the session goes on');
like($session->query_safe("SELECT swipesavvy.update_merchant('$shop', '{\"is_active\": false}')"), qr/"is_active": false/, 'and changes merchants, which have no places now');
$session->query('SELECT swipesavvy.get_nearby_merchants(1, 2)');
like($session->{stderr}, qr/function swipesavvy\.get_nearby_merchants\(integer, integer\) does not exist/, 'what is gone is gone');
$session->quit;
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');
is(json($node, 'app', 'SELECT swipesavvy.verify_analytics()')->{mismatches}, 0, 'so are the figures');
is(json($node, 'app', "SELECT swipesavvy.record_transaction('$ada', 25, merchant_id => '$shop', idempotency_key => 'k')")->{replayed}, JSON::PP::true, 'a repeat is recognised');
like(sql('app', "SELECT swipesavvy.export_user_data('$ada'), swipesavvy.erase_user('$bob')"), qr/ada\@example.com/, 'users are exported and erased');

# --- forward again ----------------------------------------------------------------------------------
sql('app', 'CREATE EXTENSION cube; CREATE EXTENSION btree_gist; ALTER EXTENSION swipesavvy UPDATE');
same('newest', 'app', 'forward again, the catalogue is that of a fresh 1.2.0');
is(sql('app', 'SELECT count(*) FROM swipesavvy.merchant_locations'), 0, 'without what was lost');

# --- unused, and unused but restored from a dump: nothing is lost, and nothing need be said ----------
my $dump = PostgreSQL::Test::Utils::tempdir() . '/newest.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'newest' ], 'a dump of 1.2.0');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'is restored');
for my $db (qw(newest restored))
{
    sql($db, $back);
    sql($db, 'DROP EXTENSION btree_gist; DROP EXTENSION cube');
    same('fresh', $db, "$db, unused, is a fresh 1.1.0 after the step back");
}
$node->stop;

done_testing();
