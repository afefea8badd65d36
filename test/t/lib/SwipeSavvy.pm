# What the TAP tests share: servers with the extension, and the few rows that a purchase needs.
#
# The first digit of a test says what it is about: 0 packaging and the database around us, 1 and 2 the engine, 3 audit and
# outbox, 4 signing in, 5 the server's settings and the API as a whole, 6 the worker, health and sinks, 7 feature flags and analytics.
# Two stand in another's hundred: 310_simulate and 350_totals are about campaigns.
package SwipeSavvy;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(new_node create_extension json add_user add_campaign fingerprints members catalogue pg_upgrade no_pg_upgrade);

# A running server. TEMP_CONFIG, which init() appends, tells it where the extension is.
sub new_node
{
    my ($name, @conf) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init;
    $node->append_conf('postgresql.conf', $_) for @conf;
    $node->start;
    return $node;
}

# A database of that name, with the extension in it.
sub create_extension
{
    my ($node, $db) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $db");
    $node->safe_psql($db, 'CREATE EXTENSION swipesavvy CASCADE');
    return;
}

# The document that a query of one jsonb value returns.
sub json
{
    my ($node, $db, $query) = @_;
    return decode_json($node->safe_psql($db, $query));
}

sub add_user
{
    my ($node, $db, $email) = @_;
    return json($node, $db, "SELECT swipesavvy.create_user(email => '$email', name => 'Test')")->{user_id};
}

# A launched campaign of ten per cent on everything, with the given budget.
sub add_campaign
{
    my ($node, $db, $id, $budget) = @_;
    $node->safe_psql(
        $db, qq{
        SELECT swipesavvy.create_campaign(campaign_id => '$id', name => '$id', campaign_type => 'SEASONAL',
            offer_amount => 10, offer_type => 'PERCENTAGE', start_date => '2020-01-01', budget => $budget,
            points_multiplier => 2);
        SELECT swipesavvy.launch_campaign('$id');
    });
    return;
}

# Every table that the extension owns, ordered by name.
sub members
{
    my ($node, $db) = @_;
    return split /\n/, $node->safe_psql($db, q{
        SELECT c.oid::regclass FROM pg_class c
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
        WHERE e.extname = 'swipesavvy' AND c.relkind IN ('r', 'p') ORDER BY c.oid::regclass::text COLLATE "C"});
}

# For each table (of the extension unless given) the count and a checksum of all its rows, whatever their order on disk:
# name => "count checksum".
sub fingerprints
{
    my ($node, $db, @tables) = @_;
    return {
        map {
            $_ => $node->safe_psql($db, qq{
                SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")), '-')
                FROM ONLY $_ t})
        } @tables ? @tables : members($node, $db)
    };
}

# What pg_dump says of every member: definitions, comments, rights. Of what numbers an object has it says nothing here.
sub catalogue
{
    my ($node, $db) = @_;
    my ($out) = run_command([ 'pg_dump', '--schema-only', '--binary-upgrade', '-h', $node->host, '-p', $node->port, $db ]);
    my @lines = grep { !/^(--|\s*$|SELECT pg_catalog\.binary_upgrade|\\(un)?restrict|SELECT binary_upgrade|SELECT pg_catalog\.setval)/ && !/relfrozenxid|ARRAY\[\d+|'\d+'::pg_catalog|WHERE oid =/ } split /\n/, $out;
    return join "\n", sort @lines;
}

sub configured { return `$ENV{PG_CONFIG} --$_[0]` =~ s/\n//r }

# Why pg_upgrade cannot be tried, or undef. It looks for "$libdir/swipesavvy" by LOAD, which does not search dynamic_library_path, where
# the tests have the library from 18 on.
sub no_pg_upgrade
{
    my ($libdir, $version) = (configured('pkglibdir'), configured('version'));
    return 'no pg_upgrade' if !-x configured('bindir') . '/pg_upgrade';
    return "pg_upgrade wants the library in $libdir: make install puts it there" if $version =~ /^PostgreSQL (\d+)/ && $1 >= 18 && !-e "$libdir/swipesavvy.so";
    return;
}

# The command that makes of one server, which is stopped, another, which has not started.
sub pg_upgrade
{
    my ($old, $new) = @_;
    my $bindir = configured('bindir');
    return [ "$bindir/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port ];
}

1;
