# What the tests of the background worker share: the server whose worker is watched, what the worker is told to do now, and
# the sinks and messages that it delivers.
package Worker;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use SwipeSavvy qw(new_node create_extension json);
use Test::More;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(new_worker watch sql wait_for $running $all_well $open status job worker_pids health_pid run_now reload took
  set_key add_hook find_sink put_messages wait_until_delivered);

# Queries to wait for: there is a worker; each job has run, and well.
our $running = "SELECT swipesavvy.worker_status() ->> 'state' = 'running'";
our $all_well = "SELECT bool_and(j ->> 'state' = 'ok') FROM jsonb_array_elements(swipesavvy.worker_status() -> 'jobs') j";

# A message that is neither delivered nor given up
our $open = 'delivered_at IS NULL AND dead_at IS NULL';

my $node;

# A running server with a worker for the database app, which is watched. Settings that are given come after those.
sub new_worker
{
    my ($name, @conf) = @_;
    return watch(new_node($name, "shared_preload_libraries = 'swipesavvy'", "swipesavvy.databases = 'app'", @conf));
}

# From now on everything below speaks of this server, in the database app. Where $other can be given, it is another
# database of this server, or another server.
sub watch
{
    ($node) = @_;
    return $node;
}

sub place
{
    my ($other) = @_;
    return ref $other ? ($other, 'app') : ($node, $other // 'app');
}

sub sql
{
    my ($query, $other) = @_;
    my ($where, $db) = place($other);
    return $where->safe_psql($db, $query);
}

# A test that passes as soon as the query is true, and fails if it never is.
sub wait_for
{
    my ($query, $what, $other) = @_;
    my ($where, $db) = place($other);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($where->poll_query_until($db, $query), $what);
}

# --- the workers and their jobs ---

sub status { return json(place($_[0]), 'SELECT swipesavvy.worker_status()') }
sub job { my ($job, $other) = @_; return (grep { $_->{job} eq $job } @{ status($other)->{jobs} })[0] }
sub worker_pids { return map { $_->{pid} } @{ status($_[0])->{workers} } }

# Of the one that samples health and sends, of the database app
sub health_pid { return sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'swipesavvy health of app'") }

sub run_now { my ($job, $other) = @_; sql("SELECT swipesavvy.set_job('$job', next_run_at => clock_timestamp())", $other); return }

# Statements such as ALTER SYSTEM, and then the configuration read anew
sub reload { sql($_) for @_, 'SELECT pg_reload_conf()'; return }

# The seconds that something takes
sub took { my ($code) = @_; my $start = time; $code->(); return time - $start }

# --- deliveries ---

# The secret that webhooks are signed with
sub set_key { my ($value, $other) = @_; sql("SELECT swipesavvy.set_sink_secret('key', '$value')", $other); return }

# A webhook that gets no events, only what put_messages() has for it. Other arguments of create_sink, as SQL, by their names.
sub add_hook
{
    my ($name, $url, $other, %more) = @_;
    my %arguments = (url => "'$url'", secret => "'key'", events => "'{nothing.at_all}'", %more);
    sql("SELECT swipesavvy.create_sink('$name', 'webhook', " . join(', ', map { "$_ => $arguments{$_}" } sort keys %arguments) . ')', $other);
    return;
}

# The sink, as list_sinks() has it
sub find_sink { my ($name) = @_; return (grep { $_->{sink} eq $name } @{ json($node, 'app', 'SELECT swipesavvy.list_sinks()')->{sinks} })[0] }

# Messages 1 to $count for a sink: their bodies have the number as n, and more members, as SQL of the number g. Those of one
# key, SQL as well, come one after the other; without it all are on their own.
sub put_messages
{
    my ($name, $count, $other, %more) = @_;
    my $key = delete $more{order_key} // 'NULL';
    my $members = join '', map { ", '$_', $more{$_}" } sort keys %more;
    sql("INSERT INTO swipesavvy.outbox (message_id, event, version, order_key, body, sink)
         SELECT swipesavvy.uuid_v7(), 'test', 1, $key, jsonb_build_object('n', g$members), '$name' FROM generate_series(1, $count) g", $other);
    return;
}

sub wait_until_delivered
{
    my ($what, $sink, $other) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for("SELECT count(*) = 0 FROM swipesavvy.outbox WHERE $open AND sink = '$sink'", $what, $other);
}

1;
