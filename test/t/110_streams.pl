# Many small random streams (lib/Stream.pm) against the slow reading of the rules (lib/Oracle.pm): each answer, and all that
# a stream leaves behind, must be the oracle's, to the last point and cent. And one long stream.
#
# SWIPESAVVY_SEED repeats a run, SWIPESAVVY_STREAMS sets how many there are (240), SWIPESAVVY_EVENTS how many steps
# the long one has (400).
# Takes long: begun among the first.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;

use Answers;
use Sessions;
use Stream;
use SwipeSavvy qw(new_node create_extension);

my $SESSIONS = 2;

# Leaves a database as it was when the extension was created, but for what grows without being read (audit, outbox, versions
# of what there was before). Creating a database for each stream takes several times as long as the stream.
my $RESET = q{
    CREATE TABLE public.seeded_tiers AS TABLE swipesavvy.tiers;
    CREATE TABLE public.seeded_settings AS TABLE swipesavvy.system_settings;
    CREATE PROCEDURE public.reset() LANGUAGE plpgsql AS $$
    BEGIN
        ALTER TABLE swipesavvy.points_entries DISABLE TRIGGER USER;
        DELETE FROM swipesavvy.points_entries;
        ALTER TABLE swipesavvy.points_entries ENABLE ALWAYS TRIGGER the_ledger_is_append_only;
        ALTER TABLE swipesavvy.points_entries ENABLE ALWAYS TRIGGER the_ledger_is_not_truncated;
        DELETE FROM swipesavvy.refunds;
        DELETE FROM swipesavvy.settlements;
        DELETE FROM swipesavvy.redemption_returns;
        DELETE FROM swipesavvy.reward_redemptions;
        DELETE FROM swipesavvy.donations;
        DELETE FROM swipesavvy.points_adjustments;
        DELETE FROM swipesavvy.campaign_redemptions;
        DELETE FROM swipesavvy.campaign_slots;
        DELETE FROM swipesavvy.transactions;
        DELETE FROM swipesavvy.rollup_deltas;
        DELETE FROM swipesavvy.campaign_hours;
        DELETE FROM swipesavvy.campaign_days;
        DELETE FROM swipesavvy.merchant_days;
        DELETE FROM swipesavvy.campaign_versions;
        DELETE FROM swipesavvy.campaigns;
        DELETE FROM swipesavvy.user_boosts;
        DELETE FROM swipesavvy.boosts;
        DELETE FROM swipesavvy.segment_members;
        DELETE FROM swipesavvy.segments;
        DELETE FROM swipesavvy.merchants;
        DELETE FROM swipesavvy.reward_accounts;
        DELETE FROM swipesavvy.users;
        DELETE FROM swipesavvy_private.referred_emails; -- the next stream may have the same addresses
        DELETE FROM swipesavvy.tiers;
        INSERT INTO swipesavvy.tiers SELECT * FROM public.seeded_tiers;
        UPDATE swipesavvy.system_settings s SET value = b.value FROM public.seeded_settings b WHERE s.setting = b.setting AND s.value <> b.value;
    END
    $$;
};

my $node = new_node('streams', 'autovacuum_naptime = 1');
my $tmp = $PostgreSQL::Test::Utils::tmp_check;
my %did;
my $failed = 0;

# A session in a database of its own; every other one keeps generic plans.
sub open_session
{
    my ($number) = @_;
    my $db = "streams_$number";
    create_extension($node, $db);
    $node->safe_psql($db, $_) for 'SELECT swipesavvy.rebuild_analytics()', $Answers::ANSWER, $Answers::OPERATE, $Answers::DEFINITION, $RESET;
    $node->safe_psql('postgres', "ALTER DATABASE $db SET plan_cache_mode = " . ($number % 2 ? 'auto' : 'force_generic_plan'));
    return Sessions->new($db, $node->connstr($db));
}

# Says what differs in a stream, of the first few that do.
sub judge
{
    my ($stream, $lines) = @_;
    my @differences = $stream->differences(@$lines);

    $did{$_} += $stream->{did}{$_} for keys %{ $stream->{did} };
    return unless @differences;
    return if $failed++ >= 3;
    diag("stream $stream->{seed}, of $stream->{step} steps: to repeat, SWIPESAVVY_SEED=$stream->{seed} SWIPESAVVY_STREAMS=1");
    diag($_) for @differences > 12 ? (@differences[ 0 .. 11 ], 'and ' . (@differences - 12) . ' more') : @differences;
    return;
}

# Hands a stream to a session; when it is through, the next one, as long as next() has some. Streams are made while others run.
sub start
{
    my ($session, $next) = @_;
    my $stream = $next->() or return;
    my $file = "$tmp/$session->{name}.sql";

    open my $script, '>', $file or die "$file: $!";
    print $script "$_\n" for @{ $stream->{script} };
    close $script or die "$file: $!";
    $session->run([ "\\i $file", 'CALL public.reset()' ], sub {
        my ($results, $complete) = @_;
        $complete or die "the session was lost in stream $stream->{seed}: $session->{last_words}";
        die "stream $stream->{seed} could not be cleared away: @{ $results->[1]{lines} }" if $results->[1]{state} ne '00000';
        judge($stream, $results->[0]{lines});
        start($session, $next);
    });
    return;
}

sub run_streams
{
    my ($sessions, $next) = @_;
    start($_, $next) for @$sessions;
    Sessions::wait_for_some(1) while grep { $_->busy } @$sessions;
    return;
}

my $first = $ENV{SWIPESAVVY_SEED} || time() % 1_000_000_000;
my $streams = $ENV{SWIPESAVVY_STREAMS} || 240;
my $events = $ENV{SWIPESAVVY_EVENTS} || 400;
my @sessions = map { open_session($_) } 1 .. $SESSIONS;
note("SWIPESAVVY_SEED=$first SWIPESAVVY_STREAMS=$streams SWIPESAVVY_EVENTS=$events");

my $began = time;
my $seed = $first;
run_streams(\@sessions, sub { return $seed < $first + $streams ? Stream->new($seed++, 60) : undef });
is($failed, 0, "$streams streams from seed $first on");
note(join ' ', time - $began, 'seconds;', map { "$_ $did{$_}" } sort keys %did);
if ($streams >= 100)
{
    cmp_ok($did{$_} // 0, '>', 0, "something came of $_") for Stream::kinds();
}

my $long = [ Stream->new($first, $events) ];
run_streams([ $sessions[0] ], sub { return shift @$long });
is($failed, 0, "a stream of $events steps from seed $first");

$_->quit for @sessions;
$node->stop;
done_testing();
