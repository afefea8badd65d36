# The worker is killed at random moments while it delivers, and the server with it: each message arrives at least once and in its order, none is
# lost, none is marked delivered that did not arrive. SWIPESAVVY_MESSAGES says how many.
use strict;
use warnings;

use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Stub;
use SwipeSavvy qw(create_extension);
use Test::More;
use Time::HiRes qw(sleep time);
use Worker qw(new_worker set_key add_hook put_messages);

my $messages = $ENV{SWIPESAVVY_MESSAGES} || 500;
my $seed = $ENV{SWIPESAVVY_SEED} || int(time) ^ $$;
srand $seed;
diag "SWIPESAVVY_SEED=$seed";

my $node = new_worker('delivery_crash', 'restart_after_crash = on', 'fsync = on', "swipesavvy.private_networks = '127.0.0.1'");
create_extension($node, 'app');
my $stub = Stub->new;

# What a query says, or nothing while the server restarts
sub ask
{
    my ($query) = @_;
    my ($out, $err) = ('', '');
    return IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('app'), '-c', $query ], '>', \$out, '2>', \$err) && $? == 0 ? $out =~ s/\n\z//r : undef;
}
sub try_to { my ($query) = @_; for (1 .. 200) { return if defined ask($query); sleep 0.1 } BAIL_OUT("cannot: $query") }

set_key('whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3A=');
add_hook('hook', $stub->url('/hook'), undef, max_in_flight => 16, enabled => 'false');
put_messages('hook', $messages, undef, order_key => "CASE WHEN g % 3 = 0 THEN 'key ' || g % 50 END");
# slow enough to be caught in the middle, and not always well
$stub->on('/hook', map { ({ delay => 0.02, times => 80 }, { status => 503, times => 1 }, { delay => 0.01, times => 60 }, { close => 'before', times => 1 }) } 1 .. 100);
try_to(q{SELECT swipesavvy.update_sink('hook', '{"enabled": true}')});

my $kills = 0;
my $open = "SELECT count(*) FROM swipesavvy.outbox WHERE delivered_at IS NULL";
my $until = time + 60 + $messages / 20;
while (($kills < 4 || $stub->count < $messages * 0.9) && time < $until)
{
    my $before = $stub->count;
    my $pid;
    # it has begun to send: then at any moment
    for (1 .. 300)
    {
        $pid ||= ask(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'swipesavvy health of app'}) if $_ % 5 == 1;
        last if $pid && $stub->count > $before;
        my $left = $_ % 20 == 0 ? ask($open) : undef;
        last if defined $left && $left eq '0';
        try_to('UPDATE swipesavvy.sink_states SET not_before = NULL, failures_in_a_row = 0') if $_ % 20 == 0;
        sleep 0.02;
    }
    # on a busy machine it takes its time; with nothing left to send there is nothing to kill it in
    if (!$pid || $stub->count == $before) { last if (ask($open) // '') eq '0'; next }
    sleep rand 0.6;
    kill('KILL', $pid) and $kills++;
    # not the one that is just gone
    for (1 .. 300) { my $now = ask(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'swipesavvy health of app'}); last if $now && $now ne $pid; sleep 0.05 }
}
cmp_ok($kills, '>=', 3, "the worker was killed $kills times");
while (time < $until)
{
    last if (ask($open) // '') eq '0';
    try_to('UPDATE swipesavvy.sink_states SET not_before = NULL, failures_in_a_row = 0');
    try_to('UPDATE swipesavvy.outbox SET due_at = now() WHERE delivered_at IS NULL AND NOT leased');
    sleep 0.3;
}

# first what is marked, then what arrived: what comes in between is no message marked too early
my @marked = split /\n/, $node->safe_psql('app', 'SELECT message_id FROM swipesavvy.outbox WHERE delivered_at IS NOT NULL');
my %arrived;
my (%last, @late);
for my $request ($stub->requests('/hook'))
{
    $arrived{ $request->{headers}{'webhook-id'} }++;
    my $n = decode_json($request->{body})->{data}{n};
    next if $n % 3 != 0;
    push @late, $n if $n < ($last{ $n % 50 } // 0);
    $last{ $n % 50 } = $n;
}
is(scalar @marked, $messages, 'none is lost');
is(scalar(grep { !$arrived{$_} } @marked), 0, 'none is marked that did not arrive');
is(scalar keys %arrived, $messages, 'each arrived');
is_deeply(\@late, [], 'those of a key in their order');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.outbox WHERE leased OR dead_at IS NOT NULL OR last_error IS NOT NULL'), 0, 'and nothing is left to do');
my $sent = 0;
$sent += $_ for values %arrived;
cmp_ok($sent, '<', $messages * 1.5 + $kills * 300, 'no more than was on its way is sent again');
note "$messages messages, $sent requests, $kills kills";
done_testing();
