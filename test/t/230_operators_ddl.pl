# Whatever an operator does to the tables that the library uses past the executor: no crash, no point lost, nothing
# acknowledged that is not there, no row that breaks a valid condition, and both ways answer the same. The DDL is generated
# over the catalogue (lib/operators.sql) for every table that src/direct/tables.c names, and tried between calls, in the
# middle of an INSERT of several chunks and between the commits of an import.
#
# SWIPESAVVY_DDL (120; 0: all) of them between calls, SWIPESAVVY_DDL_LOADS (10) beside each kind of load, SWIPESAVVY_SEED.
use strict;
use warnings;

use FindBin;
use JSON::PP qw(decode_json);
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Sessions;
use SwipeSavvy qw(new_node create_extension);

my $seed = $ENV{SWIPESAVVY_SEED} || time;
my $between = $ENV{SWIPESAVVY_DDL} // '';
my $loads = $ENV{SWIPESAVVY_DDL_LOADS} || 10;
$between = 120 if $between eq '';

my $node = new_node('operators', 'deadlock_timeout = 100ms', 'max_prepared_transactions = 5');
my %names = map { $_ => 1 } slurp_file("$FindBin::RealBin/../../src/direct/tables.c") =~ /\.name = "(\w+)"/g;
my $tables = "'{" . join(',', sort keys %names) . "}'::text[]";
my $earned = "'{transactions,points_entries,reward_accounts,campaign_redemptions,campaign_slots}'::text[]";

create_extension($node, 'app');
$node->safe_psql('app', slurp_file("$FindBin::RealBin/lib/operators.sql"));
$node->safe_psql('app', "INSERT INTO ops.tables SELECT ('swipesavvy.' || n)::regclass, n = ANY ($earned) FROM unnest($tables) n");

# Cases of that many kinds, at random: [table, kind, DDL].
sub cases
{
    my ($from, $count) = @_;
    my $limit = $count ? "LIMIT $count" : '';
    my $rows = $node->safe_psql('app', "SELECT json_build_array(tab, kind, ddl) FROM $from ORDER BY md5('$seed' || tab || kind || ddl) $limit");
    return map { decode_json($_) } split /\n/, $rows;
}

# --- between calls ------------------------------------------------------------------------------------------------

{
    my ($all) = $node->safe_psql('app', "SELECT count(*) FROM ops.kinds($tables)");
    my @cases = cases("ops.kinds($tables)", $between);
    my ($tried, $applied, @faults) = (0, 0);

    # a session has at most so many: what it keeps between them is tried, too
    while (my @some = splice @cases, 0, 40)
    {
        my $script = "SET client_min_messages = error;\n";
        for (@some)
        {
            my ($tab, $kind, $ddl) = @$_;
            $script .= "SELECT \$q\$$tab, $kind\$q\$, applied, fault, answers FROM ops.try(\$q\$$ddl\$q\$) \\gset\n\\echo :applied :'fault'\n";
        }
        my ($out, $err) = ('', '');
        $script =~ s/SELECT \$q\$(.*?)\$q\$, applied, fault, answers/SELECT applied, replace(fault, E'\\n', ' ') AS fault/g;
        $node->psql('app', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
        my @lines = split /\n/, $out;
        for my $i (0 .. $#some)
        {
            my ($done, $fault) = ($lines[$i] // 'lost') =~ /^(\w) '(.*)'$/;
            push @faults, "$some[$i][0], $some[$i][1]: " . ($fault // "no answer: $err") if !defined $done || $fault ne '';
            $tried++;
            $applied++ if ($done // '') eq 't';
        }
    }
    is_deeply(\@faults, [], "between calls: $tried of $all kinds of DDL, of which $applied could be done (seed $seed)");
}

# --- beside loads --------------------------------------------------------------------------------------------------

# The statement of a load, and what it acknowledged.
my %ways = (
    'INSERT' => [
        'INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at, metadata) SELECT * FROM ops.load',
        sub { return $_[0] eq '00000' ? 18 : 0 }
    ],
    'import' => [
        q{CALL swipesavvy.import_purchases('ops.load', chunk_size => 6)},
        sub { return $node->safe_psql('load', 'SELECT coalesce(sum(rows_imported), 0) FROM swipesavvy.imports') }
    ]);

# Waits until a session has done what it was told, or waits for a lock.
sub settle
{
    my ($session, $name) = @_;
    for (1 .. 500)
    {
        Sessions::wait_for_some(0.01);
        return if !$session->busy;
        return if $node->safe_psql('postgres',
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$name' AND wait_event_type = 'Lock'") > 0;
    }
    die "$name neither ends nor waits";
}

sub beside
{
    my ($way, $ddl) = @_;
    my ($statement, $acknowledged) = @{ $ways{$way} };
    my %state = (loader => '', operator => '');

    $node->safe_psql('postgres', 'CREATE DATABASE load TEMPLATE app');
    my %session = map { $_ => Sessions->new($_, $node->connstr('load')) } qw(holder loader operator);
    $session{holder}->query('BEGIN', 'SELECT FROM swipesavvy.reward_accounts WHERE user_id = ops.two() FOR UPDATE');
    my $note = sub {
        my ($name) = @_;
        return sub {
            my ($results, $complete) = @_;
            $state{$name} = $complete ? $results->[-1]{state} : 'lost';
            $state{"$name says"} = join ' ', @{ ($results->[-1] // { lines => [] })->{lines} };
        };
    };
    $session{loader}->run(["SET work_mem = '64kB'", $statement], $note->('loader'));
    settle($session{loader}, 'loader');
    $session{operator}->run([$ddl], $note->('operator'));
    settle($session{operator}, 'operator');
    my $meanwhile = !$session{operator}->busy;
    $session{holder}->query('COMMIT');
    for (1 .. 3000)
    {
        last if !$session{loader}->busy && !$session{operator}->busy;
        Sessions::wait_for_some(0.01);
    }
    my $fault = $session{loader}->busy || $session{operator}->busy ? 'it hangs; ' : '';
    $_->quit for values %session;
    $fault .= "loader: $state{'loader says'}; " if $state{loader} =~ /^(lost|XX)/;
    $fault .= $node->safe_psql('load', 'SELECT ops.sound(1 + ' . $acknowledged->($state{loader}) . ') || ops.faults()');
    $node->safe_psql('postgres', 'DROP DATABASE load WITH (FORCE)');
    return ($fault, $meanwhile && $state{operator} eq '00000', $state{operator} eq '00000', $state{loader} eq '00000');
}

for my $way (sort keys %ways)
{
    my ($meanwhile, $applied, $loaded, @faults) = (0, 0, 0);
    my @cases = (cases("ops.kinds($tables)", int($loads / 2)), cases("ops.concurrent_kinds($earned)", $loads - int($loads / 2)));

    for (@cases)
    {
        my ($tab, $kind, $ddl) = @$_;
        my ($fault, $was_meanwhile, $was_applied, $was_loaded) = beside($way, $ddl);
        $meanwhile += $was_meanwhile;
        $applied += $was_applied;
        $loaded += $was_loaded;
        push @faults, "$tab, $kind: $fault" if $fault ne '';
    }
    is_deeply(\@faults, [], "$way: " . @cases . " kinds beside it, $applied done, $meanwhile of them in its middle; $loaded loads went through (seed $seed)");
}

unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no process of the server died');
$node->stop;
done_testing();
