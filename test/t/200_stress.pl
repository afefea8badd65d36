# Many clients at every door of the award engine, on few users and tight campaigns, while statements are cancelled,
# backends terminated, campaigns changed, and the server is killed in the middle. Afterwards every purchase that was
# acknowledged is there exactly once and none that failed; no budget is overspent, no limit broken, nothing is left
# unspent where a purchase would fit; and no deadlock was between transactions of one purchase each.
#
# `make check` runs it for some seconds, `make stress` for minutes. SWIPESAVVY_STRESS_SECONDS and
# SWIPESAVVY_STRESS_CLIENTS say otherwise. SWIPESAVVY_SEED repeats the load of a run: what each client does follows
# from it, though not when.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP qw(decode_json encode_json);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use Sessions;
use SwipeSavvy qw(new_node create_extension json add_user);

my $SECONDS = $ENV{SWIPESAVVY_STRESS_SECONDS} || 14;
my $CLIENTS = $ENV{SWIPESAVVY_STRESS_CLIENTS} || 32;
my $SEED = $ENV{SWIPESAVVY_SEED} || int rand 1_000_000;
my $DAYS = 4;
my @OFFERS = (10, 20, 25, 50);

diag "seed $SEED: $CLIENTS clients, $SECONDS seconds";

my $node = new_node('stress', 'deadlock_timeout = 20ms', 'log_statement = none', 'max_connections = ' . ($CLIENTS + 30),
    'log_error_verbosity = verbose');
create_extension($node, 'app');
$node->safe_psql('app', 'SELECT swipesavvy.rebuild_analytics()');
my @users = map { add_user($node, 'app', "user$_\@example.com") } 1 .. 8;
my @merchants =
  map { json($node, 'app', "SELECT swipesavvy.create_merchant(name => 'M$_', category => 'Services')")->{merchant_id} } 1 .. 3;
my $files = PostgreSQL::Test::Utils::tempdir();

# What is known of each purchase, by key: it is new, recorded (acknowledged), absent (reported as failed, or rolled
# back), or in doubt (the connection was lost), until a repeat tells.
my %purchases;
my %class_of_backend;    # process id => single, several (purchases in one transaction), or change (of a campaign)
my (%states, %recorded_by, @unexpected);
my %count = map { $_ => 0 } qw(lost replays cancelled terminated changes);

# ---- chance: every decision of a client's nth job follows from the seed, the client and n ----

sub begin_chance
{
    my ($who, $n) = @_;
    srand(($SEED * 1_000_003 + $who * 70_001 + $n * 13) % 4_294_967_291);
    return;
}
sub pick { return $_[ rand @_ ] }
sub chance { return rand(100) < $_[0] }
sub between { return $_[0] + int rand($_[1] - $_[0] + 1) }

# ---- purchases ----

sub day { return sprintf '2024-03-%02d', $_[0] }

my $made = 0;

sub new_purchase
{
    my $p = {
        key => 'k' . ++$made, user => pick(@users), amount => between(1, 1500), merchant => pick(undef, @merchants),
        occurred => day(between(1, $DAYS)) . sprintf(' %02d:%02d:00+00', between(0, 23), between(0, 59)), state => 'new',
        status => chance(20) ? 'pending' : 'completed',
    };
    return $purchases{ $p->{key} } = $p;
}

sub quoted { return defined $_[0] ? "'$_[0]'" : 'NULL' }
sub major { return sprintf '%d.%02d', $_[0] / 100, $_[0] % 100 }

sub call_sql
{
    my ($p) = @_;
    return 'SELECT r ->> \'transaction_id\', r ->> \'replayed\' FROM swipesavvy.record_transaction(user_id => '
      . quoted($p->{user}) . ', amount => ' . major($p->{amount}) . ', merchant_id => ' . quoted($p->{merchant})
      . ", occurred_at => '$p->{occurred}', idempotency_key => '$p->{key}', status => '$p->{status}') r";
}

# The same by record_transactions(); the bad ones among them don't spoil the others.
sub calls_sql
{
    my (@purchases) = @_;
    my @documents = map {
        +{  user_id => $_->{user}, amount => major($_->{amount}), occurred_at => $_->{occurred}, idempotency_key => $_->{key},
            status => $_->{status},
            $_->{merchant} ? (merchant_id => $_->{merchant}) : () }
    } @purchases;
    $_->{amount} += 0 for @documents;
    return q{SELECT coalesce(e ->> 'transaction_id', 'error'), coalesce(e ->> 'replayed', e -> 'error' ->> 'code') FROM }
      . q{jsonb_array_elements(swipesavvy.record_transactions('} . encode_json(\@documents) . q{') -> 'results') e};
}

my $COLUMNS = 'user_id, amount_minor, merchant_id, occurred_at, idempotency_key, status';

sub insert_sql
{
    my ($table, @purchases) = @_;
    return "INSERT INTO $table ($COLUMNS) VALUES " . join ', ', map {
        '(' . join(', ', quoted($_->{user}), $_->{amount}, quoted($_->{merchant}), quoted($_->{occurred}), quoted($_->{key}), quoted($_->{status})) . ')'
    } @purchases;
}

sub copy_sql
{
    my ($client, @purchases) = @_;
    my $file = "$files/copy$client->{no}";
    open my $out, '>', $file or die "$file: $!";
    print $out join("\t", $_->{user}, $_->{amount}, $_->{merchant} // '\N', $_->{occurred}, $_->{key}, $_->{status}), "\n" for @purchases;
    close $out or die "$file: $!";
    return "\\copy swipesavvy.purchases ($COLUMNS) from '$file'";
}

# A purchase that is refused at every door.
sub bad_purchase
{
    my $p = new_purchase();
    $p->{user} = '00000000-0000-7000-8000-000000000000';
    $p->{state} = 'absent';
    return $p;
}

# ---- jobs: what a client sends at a time ----
# A job is a transaction (or an import, which is several): its statements, those of them that may fail without
# failing the job, the purchases it records if it succeeds, and the errors that are part of the game.

my @always = qw(57014 55P03 57P01 25P02 3B001);

sub one_purchase
{
    my ($client) = @_;
    my $p = new_purchase();
    my $door = pick(qw(call call insert copy block repeatable_read rolled_back));
    # a deadlock may be the fault of others; the server's log tells
    my %job = (door => $door, purchases => [$p], statements => [ call_sql($p) ], allowed => ['40P01']);

    $job{statements} = [ insert_sql('swipesavvy.purchases', $p) ] if $door eq 'insert';
    $job{statements} = [ copy_sql($client, $p) ] if $door eq 'copy';
    $job{statements} = [ 'BEGIN', pick(call_sql($p), insert_sql('swipesavvy.purchases', $p)), 'COMMIT' ] if $door eq 'block';
    if ($door eq 'repeatable_read')
    {
        $job{statements} = [ 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT count(*) FROM swipesavvy.campaigns', call_sql($p), 'COMMIT' ];
        push @{ $job{allowed} }, '40001';
    }
    if ($door eq 'rolled_back')
    {
        $job{statements} = [ 'BEGIN', call_sql($p), 'ROLLBACK' ];
        $job{purchases} = [];
        $p->{state} = 'absent';
    }
    return \%job;
}

sub several_purchases
{
    my ($client) = @_;
    my $door = pick(qw(calls calls block block savepoint insert copy import));
    my @p = map { new_purchase() } 1 .. between(2, $door eq 'block' || $door eq 'savepoint' ? 4 : 25);
    my %job = (door => "several_$door", purchases => \@p, allowed => ['40P01']);

    if ($door eq 'calls')
    {
        $job{bad} = chance(30);
        $job{statements} = [ calls_sql(@p, $job{bad} ? bad_purchase() : ()) ];
    }
    elsif ($door eq 'block')
    {
        $job{statements} = [ 'BEGIN', (map { pick(call_sql($_), insert_sql('swipesavvy.purchases', $_)) } @p), 'COMMIT' ];
    }
    elsif ($door eq 'savepoint')
    {
        my ($undone, $bad) = (new_purchase(), bad_purchase());
        $undone->{state} = 'absent';
        $job{statements} = [
            'BEGIN', call_sql($p[0]), 'SAVEPOINT s', pick(call_sql($undone), insert_sql('swipesavvy.purchases', $undone, $bad)),
            'ROLLBACK TO s', (map { call_sql($_) } @p[ 1 .. $#p ]), 'COMMIT' ];
        $job{may_fail} = { 3 => ['23503'] };
    }
    elsif ($door eq 'import')
    {
        my $table = "stage_$client->{no}_$client->{jobs}";
        $job{statements} = [
            'BEGIN', "CREATE TABLE IF NOT EXISTS $table (user_id uuid, amount_minor bigint, "
              . "merchant_id uuid, occurred_at timestamptz, idempotency_key text PRIMARY KEY, status text)",
            insert_sql($table, @p) . ' ON CONFLICT DO NOTHING',
            'COMMIT', "CALL swipesavvy.import_purchases('$table', " . between(2, 9) . ')' ];
        $job{import} = 1;
        push @{ $job{allowed} }, '42P01';    # when the table could not be made
    }
    else
    {
        my $fails = chance(10);
        my @rows = (@p, $fails ? bad_purchase() : ());
        $job{statements} = [ $door eq 'insert' ? insert_sql('swipesavvy.purchases', @rows) : copy_sql($client, @rows) ];
        push @{ $job{allowed} }, '23503' if $fails;
    }
    return \%job;
}

# What happens to a purchase later; a refund has a key of its own.
my (%refunds, %afterwards);

sub afterwards
{
    my ($p) = @_;
    my $what = pick(qw(settle decline refund refund refund));
    my $arguments = "transaction_id, user_id => user_id";
    my %job = (door => $what, afterwards => $what, purchases => [], allowed => [qw(PT400 PT409 40P01)]);

    if ($what eq 'refund')
    {
        $job{refund} = $refunds{ "r" . keys %refunds } = { state => 'new' };
        $arguments .= ', amount => ' . (chance(30) ? 'NULL' : major(between(1, $p->{amount}))) . ", idempotency_key => 'r" . (keys(%refunds) - 1) . "'";
    }
    my $call = "SELECT swipesavvy.${what}_transaction($arguments) IS NULL FROM swipesavvy.purchases WHERE user_id = '$p->{user}' AND idempotency_key = '$p->{key}'";
    $job{statements} = chance(30) ? [ 'BEGIN', $call, 'COMMIT' ] : [$call];
    return \%job;
}

# The same keys once more, by call: what was recorded is replayed, what was not is recorded now.
sub repeat
{
    my (@p) = @_;
    my $statement = @p == 1 ? call_sql($p[0]) : calls_sql(@p);
    return { door => 'repeat', purchases => \@p, statements => [$statement], allowed => ['40P01'],
        repeats => 1 };
}

sub next_job
{
    my ($client, $over) = @_;
    my $job = $client->{again};

    begin_chance($client->{no}, ++$client->{jobs});
    delete $client->{again};
    if (!$job)
    {
        return if $over;
        my @mine = @{ $client->{recorded} };
        $job =
            @mine && chance(8) ? repeat(pick(@mine))
          : @mine && $client->{class} eq 'single' && chance(40) ? afterwards(pick(@mine))
          : $client->{class} eq 'single' ? one_purchase($client)
          :                                several_purchases($client);
    }
    $job->{timeouts} = [ !$over && chance(6) ? between(1, 30) : 0, !$over && chance(6) ? between(1, 30) : 0 ];
    return $job;
}

# ---- what came of a job ----

sub unexpected
{
    my ($client, $job, $what) = @_;
    push @unexpected, "client $client->{no}, $job->{door}: $what" if @unexpected < 20;
    return;
}

# Did every statement do what it should? The SQLSTATEs of those that did not are counted.
sub succeeded
{
    my ($client, $job, $results) = @_;
    my $ok = 1;

    for my $i (2 .. $#$results)
    {
        my ($state, $lines) = @{ $results->[$i] }{qw(state lines)};
        my $may_fail = $job->{may_fail}{ $i - 2 };

        next if $state eq '00000';
        $states{$state}++;
        $ok = 0 unless $may_fail;
        unexpected($client, $job, "$state @$lines")
          unless grep { $_ eq $state } @always, @{ $job->{allowed} // [] }, @{ $may_fail // [] };
    }
    return $ok;
}

# Compares the answers of calls with what is known of the purchases.
sub check_calls
{
    my ($client, $job, $results) = @_;
    my @lines = map { @{ $_->{lines} } } @$results;
    my @answers = map { [split] } grep { /^[0-9a-f-]{36} / } @lines;
    my @p = @{ $job->{purchases} };
    my %seen;

    unexpected($client, $job, "@lines") if (grep { /^error/ } @lines) != ($job->{bad} ? 1 : 0);
    unexpected($client, $job, "@lines") if $job->{repeats} && @answers != @p;
    return if @answers != @p;    # some came by INSERT
    for my $i (0 .. $#answers)
    {
        my ($id, $replayed) = @{ $answers[$i] };
        my $p = $p[$i];

        $seen{$replayed}++;
        $count{replays}++ if $replayed eq 'true';
        unexpected($client, $job, "$p->{key} is $p->{state}, but replayed: $replayed")
          if $p->{state} ne 'doubt' && $replayed ne ($p->{state} eq 'recorded' ? 'true' : 'false');
        unexpected($client, $job, "$p->{key} has another id: $id") if $p->{id} && $p->{id} ne $id;
        $p->{id} = $id;
    }
    unexpected($client, $job, 'a transaction was recorded in part') if keys %seen > 1;
    return;
}

sub finish_job
{
    my ($client, $job, $results, $complete) = @_;
    my $ok = succeeded($client, $job, $results) && $complete;
    my @p = @{ $job->{purchases} };

    $count{lost}++ unless $complete;
    $afterwards{ $job->{afterwards} }++ if $job->{afterwards} && $ok;
    $job->{refund}{state} = $ok ? 'recorded' : $complete ? 'absent' : 'doubt' if $job->{refund};
    return unless @p;
    if ($ok)
    {
        check_calls($client, $job, $results);
        @$_{qw(state door)} = ('recorded', $_->{door} // $job->{door}) for @p;
        $recorded_by{ $job->{door} } += @p;
        push @{ $client->{recorded} }, $p[-1];
        return;
    }
    if ($job->{import})
    {
        $client->{again} = $job;    # goes on where it was stopped
        return;
    }
    for my $p (@p)
    {
        $p->{state} = 'doubt' if !$complete && $p->{state} ne 'recorded';
        $p->{state} = 'absent' if $complete && $p->{state} eq 'new';
    }
    $client->{again} = repeat(@p) if (grep { $_->{state} eq 'doubt' } @p) || chance(60);
    return;
}

sub start_job
{
    my ($client, $over) = @_;
    my $job = next_job($client, $over) or return 0;
    my ($statement, $lock) = @{ $job->{timeouts} };

    # an interrupted COMMIT leaves a transaction to be ended
    $client->{session}->run(
        [ 'ROLLBACK', "SET statement_timeout = $statement; SET lock_timeout = $lock", @{ $job->{statements} } ],
        sub { finish_job($client, $job, @_) });
    return 1;
}

# ---- who changes campaigns meanwhile ----
# Those with an even number may get other limits; those of the others hold for all purchases.

my @campaigns;

sub percent { return $OFFERS[ $_[0] % @OFFERS ] }
sub bonus { return $_[0] % 3 == 0 ? 5 : 0 }

sub new_campaign
{
    my $n = @campaigns + 1;
    my @arguments = (
        "campaign_id => 'CAMP-$n'", "name => 'Campaign $n'", "campaign_type => 'SEASONAL'", "offer_type => 'PERCENTAGE'",
        'offer_amount => ' . percent($n), 'bonus_points => ' . bonus($n), "start_date => '2024-01-01'", 'priority => ' . between(0, 3),
        'stackable => ' . (chance(70) ? 'true' : 'false'));

    push @arguments, 'budget => ' . major(between(100, 20_000)) if chance(85);
    push @arguments, 'daily_limit => ' . between(1, 60) if chance(40);
    push @arguments, 'per_user_limit => ' . between(1, 40) if chance(40);
    push @arguments, 'target_merchant_id => ' . quoted(pick(@merchants)) if chance(25);
    push @campaigns, "CAMP-$n";
    return (
        'SELECT swipesavvy.create_campaign(' . join(', ', @arguments) . ') IS NULL', "SELECT swipesavvy.launch_campaign('CAMP-$n') IS NULL");
}

# Makes purchases that are pending for longest older than they are, under the locks of whoever changes a purchase.
sub lapse
{
    my ($count) = @_;

    return qq{DO \$\$
        DECLARE
            who uuid[];
        BEGIN
            LOCK TABLE swipesavvy.campaign_redemptions IN ROW EXCLUSIVE MODE;
            SELECT array_agg(user_id) INTO who FROM (SELECT a.user_id FROM swipesavvy.reward_accounts a WHERE a.user_id IN
                (SELECT t.user_id FROM swipesavvy.transactions t WHERE t.status = 'pending' ORDER BY t.recorded_at LIMIT $count)
                ORDER BY a.user_id FOR NO KEY UPDATE) l;
            UPDATE swipesavvy.transactions SET recorded_at = recorded_at - interval '31 days' WHERE status = 'pending' AND user_id = ANY (who);
            PERFORM swipesavvy.lapse_transactions(page_size => $count);
        END \$\$};
}

sub change_of_campaign
{
    my ($n) = @_;
    my $last = @campaigns;
    my $number = between($last > 8 ? $last - 7 : 1, $last);
    my $id = "CAMP-$number";
    my $spent = "(SELECT (swipesavvy.get_campaign('$id') ->> 'spent')::numeric)";
    my $budget = pick("$spent + " . major(between(0, 3000)), $spent, major(between(1, 30_000)));
    my $update = sub { return "SELECT swipesavvy.update_campaign('$id', jsonb_build_object($_[0])) IS NULL" };

    return new_campaign() if $n % 6 == 0;
    return lapse(between(1, 30)) if $n % 6 == 3 && chance(50);
    # no more than eight run at a time
    return "SELECT swipesavvy.pause_campaign('CAMP-" . ($last - 8) . "') IS NULL" if $n % 6 == 1 && $last > 8;
    my $what = pick(qw(budget budget pause launch launch priority), $number % 2 ? () : qw(limits unlimited));
    return $update->("'budget', $budget") if $what eq 'budget';
    return "SELECT swipesavvy.${what}_campaign('$id') IS NULL" if $what eq 'pause' || $what eq 'launch';
    return $update->("'priority', " . between(0, 3)) if $what eq 'priority';
    return $update->(pick("'daily_limit', " . between(1, 80), "'per_user_limit', " . between(1, 60), "'budget', $budget")) if $what eq 'limits';
    return $update->(pick(map { "'$_', NULL" } qw(daily_limit per_user_limit budget)));
}

# ---- the run ----

my @clients = map {
    my $client = { no => $_, class => $_ * 5 > $CLIENTS * 3 ? 'several' : 'single', jobs => 0, recorded => [] };
    $client->{session} = Sessions->new("$client->{class} $_", $node->connstr('app'), sub {
        $client->{backend} = $_[0];
        $class_of_backend{ $_[0] } = $client->{class};
    });
    $client
} 1 .. $CLIENTS;
my $changer = { no => 0, session => Sessions->new('change', $node->connstr('app'), sub { $class_of_backend{ $_[0] } = 'change'; }) };
my $killer = Sessions->new('killer', $node->connstr('app'));

my ($changes, $kills, $next_change, $next_kill, $crashed) = (0, 0, 0, 0, 0);

sub change_something
{
    begin_chance(0, ++$changes);
    my $job = { door => 'change', allowed => [qw(PT400 PT404 PT409 23505 40P01)] };
    $changer->{session}->run(
        [ 'ROLLBACK', 'SET lock_timeout = ' . (chance(20) ? between(1, 50) : 0), change_of_campaign($changes) ],
        sub { $count{changes}++ if succeeded($changer, $job, $_[0]) && $_[1] });
    return;
}

sub kill_somebody
{
    begin_chance($CLIENTS + 1, ++$kills);
    my @victims = grep { $_->{session}->busy && $_->{backend} } @clients or return;
    my ($backend, $cancel) = (pick(@victims)->{backend}, chance(70));

    $killer->run([ $cancel ? "SELECT pg_cancel_backend($backend)" : "SELECT pg_terminate_backend($backend)" ],
        sub { $count{ $cancel ? 'cancelled' : 'terminated' }++ if $_[1] });
    return;
}

sub run_load
{
    my ($until, $over) = @_;

    while (1)
    {
        my $now = time;
        my $finished = $now >= $until;

        for my $client (@clients)
        {
            next if $client->{session}->busy;
            start_job($client, $finished || $over);
        }
        last if !grep { $_->{session}->busy } @clients, $changer or $finished && !$over;
        die "sessions hang:\n" . $node->safe_psql('app', 'SELECT pid, application_name, state, pg_blocking_pids(pid), query FROM pg_stat_activity')
          if $finished;
        if (!$over && !$changer->{session}->busy && $now >= $next_change)
        {
            change_something();
            $next_change = $now + 0.02;
        }
        if (!$over && !$killer->busy && $now >= $next_kill)
        {
            kill_somebody();
            $next_kill = $now + 0.03;
        }
        Sessions::wait_for_some(0.02);
    }
    return;
}

my $setup = Sessions->new('setup', $node->connstr('app'));
begin_chance(0, 0);
$setup->query(map { new_campaign() } 1 .. 4);
$setup->quit;

my $begun = time;
run_load($begun + $SECONDS / 2, 0);
$node->stop('immediate');
Sessions::wait_for_some(0.02) while $killer->busy || grep { $_->{session}->busy } @clients, $changer;
$node->start;
run_load(time + $SECONDS / 2, 0);
run_load(time + 120, 1);    # nobody is disturbed any more; what is in doubt is repeated
$_->{session}->quit for @clients, $changer;

# ---- what must be true afterwards ----

note join ', ', map { "$_ $count{$_}" } sort keys %count;
note 'recorded: ' . join ', ', map { "$_ $recorded_by{$_}" } sort keys %recorded_by;
note 'errors: ' . join ', ', map { "$_ $states{$_}" } sort keys %states;

is_deeply(\@unexpected, [], 'every answer was one of those that may come');
cmp_ok($recorded_by{$_} // 0, '>', 0, "purchases came in by $_")
  for qw(call insert copy block repeatable_read several_calls several_block several_savepoint several_insert several_copy several_import repeat);
cmp_ok($count{$_}, '>', 0, "the load was disturbed: $_") for qw(lost replays cancelled terminated changes);
cmp_ok($states{$_} // 0, '>', 0, "statements failed with $_") for qw(57014 55P03);

my %stored;
my @surplus;
for (split /\n/, $node->safe_psql('app', 'SELECT idempotency_key, transaction_id, user_id, amount_minor FROM swipesavvy.transactions'))
{
    my ($key, $id, $user, $amount) = split /\|/;
    my $p = $purchases{$key};
    push @surplus, $key if !$p || $stored{$key}++ || $p->{state} ne 'recorded' || $p->{user} ne $user || $p->{amount} != $amount
      || ($p->{id} // $id) ne $id;
}
is_deeply(\@surplus, [], 'every purchase that is there was acknowledged, is there once, and as it was sent');
is_deeply([ map { "$_->{key} by $_->{door}" } grep { $_->{state} eq 'recorded' && !$stored{ $_->{key} } } values %purchases ], [],
    'every acknowledged purchase is there');
my %stored_refunds = map { $_ => 1 } split /\n/, $node->safe_psql('app', 'SELECT idempotency_key FROM swipesavvy.refunds');
is_deeply([ grep { $refunds{$_}{state} eq 'recorded' && !$stored_refunds{$_} } sort keys %refunds ], [], 'every acknowledged refund is there');
is_deeply([ grep { $refunds{$_}{state} eq 'absent' } sort keys %stored_refunds ], [], 'and none that failed');
cmp_ok($afterwards{$_} // 0, '>', 0, "purchases came to an end by $_") for qw(settle decline refund);
note 'afterwards: ' . join ', ', map { "$_ $afterwards{$_}" } sort keys %afterwards;
is($node->safe_psql('app', 'SELECT source, code, message FROM swipesavvy.import_errors'), '', 'no purchase of an import was set aside');
is_deeply([ grep { $purchases{$_}{state} !~ /^(recorded|absent)$/ } sort keys %purchases ], [], 'none is in doubt');
cmp_ok(scalar(grep { $_->{state} eq 'absent' } values %purchases), '>', 0, 'some purchases failed and were given up');

my $ledger = json($node, 'app', 'SELECT swipesavvy.verify_ledger()');
is($ledger->{mismatches}, 0, 'verify_ledger() finds no mismatch') or diag explain $ledger;
my $figures = json($node, 'app', 'SELECT swipesavvy.verify_analytics()');
is($figures->{mismatches}, 0, 'nor does verify_analytics()') or diag explain $figures;

# The same once more, by other queries than verify_ledger()'s.
my %broken = (
    'no campaign is overspent' => q{
        SELECT c.campaign_id FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_redemptions r USING (campaign_no)
         GROUP BY c.campaign_no HAVING sum(r.cost_minor - r.cost_returned_minor) > c.budget},
    'no limit per user is broken' => q{
        SELECT c.campaign_id, r.user_id FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_redemptions r USING (campaign_no)
         WHERE right(c.campaign_id, 1) IN ('1', '3', '5', '7', '9') AND r.counts GROUP BY c.campaign_no, r.user_id HAVING count(*) > c.per_user_limit},
    'no daily limit is broken' => q{
        SELECT c.campaign_id, t.occurred_at::date FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_redemptions r USING (campaign_no)
          JOIN swipesavvy.transactions t USING (user_id, transaction_id)
         WHERE right(c.campaign_id, 1) IN ('1', '3', '5', '7', '9') AND r.counts GROUP BY c.campaign_no, 2 HAVING count(*) > c.daily_limit},
    'no campaign was awarded while it was not running' => q{
        SELECT r.transaction_id, r.campaign_no FROM swipesavvy.campaign_redemptions r
          JOIN swipesavvy.campaigns c USING (campaign_no)
          LEFT JOIN swipesavvy.campaign_versions v ON v.campaign_no = r.campaign_no AND v.version = r.campaign_version
         WHERE coalesce(v.campaign ->> 'status', c.status) <> 'running' OR r.campaign_version > c.version},
);
is($node->safe_psql('app', $broken{$_}), '', $_) for sort keys %broken;
cmp_ok($node->safe_psql('app', 'SELECT count(DISTINCT campaign_no) FROM swipesavvy.campaign_redemptions'), '>=', 3, 'several campaigns were awarded');

# ---- deadlocks ----

my $log = slurp_file($node->logfile);
my (@innocent, $deadlocks);
while ($log =~ /deadlock detected\n[^\n]*DETAIL:  ((?:[^\n]*blocked by process \d+\.\n\s*)+(?:Process [^\n]*\n\s*)*)/g)
{
    my $detail = $1;
    my @backends = $detail =~ /blocked by process (\d+)/g;
    $deadlocks++;
    push @innocent, $detail unless grep { ($class_of_backend{$_} // '') eq 'several' } @backends;
}
note 'deadlocks: ' . ($deadlocks // 0);
is($deadlocks // 0, () = $log =~ /ERROR:  40P01/g, 'the server log tells who took part in each deadlock');
is_deeply(\@innocent, [], 'no deadlock was without a transaction of several purchases');
is_deeply([ $log =~ /^([^\n]*(?:PANIC|XX000|terminated by signal)[^\n]*)/mg ], [], 'no crash but the intended one, and no internal error');

# ---- in a quiet moment the whole of every budget and limit can be had ----

my $probes = 0;

# Buys for a new or a given user, on a given day; whether the campaign was awarded, or why not.
sub probe
{
    my ($campaign, $user, $day, $amount) = @_;
    my $key = 'probe' . ++$probes;
    my $merchant = quoted($campaign->{target_merchant_id});
    my $result = ($setup->query(
        "SELECT swipesavvy.record_transaction(user_id => '$user', amount => " . major($amount) . ", merchant_id => $merchant,"
          . " occurred_at => '$day 12:00+00', idempotency_key => '$key')"))[0]{lines}[0];
    my $document = decode_json($result);
    return 'applied' if grep { $_->{campaign_id} eq $campaign->{campaign_id} } @{ $document->{awards} };
    my $why = decode_json(($setup->query("SELECT swipesavvy.explain_award('$document->{transaction_id}')"))[0]{lines}[0]);
    return (map { $_->{reason} } grep { $_->{campaign_id} eq $campaign->{campaign_id} } @{ $why->{candidates} })[0];
}

my @strangers = map { @{ $_->{lines} } } $setup->query(
    q{SELECT swipesavvy.create_user(email => 'stranger' || g || '@example.com', name => 'S') ->> 'user_id' FROM generate_series(1, 120) g});
my $other_days = 0;
sub another_day { return sprintf '2024-%02d-%02d', 4 + $other_days / 28 % 8, 1 + $other_days++ % 28 }
sub number { return ($setup->query("SELECT count(*) FROM swipesavvy.campaign_redemptions r WHERE r.counts AND $_[0]"))[0]{lines}[0] }

# Every cent of the budget, by purchases of two users who have none yet.
sub probe_budget
{
    my ($c) = @_;
    my ($number) = $c->{campaign_id} =~ /(\d+)/;
    my ($percent, $bonus) = (percent($number), bonus($number));
    my $left = $c->{budget} - $c->{spent};

    is(probe($c, $strangers[0], another_day(), ($left - $bonus) * 100 / $percent || 1), 'applied', "$c->{campaign_id}: the $left that are left can be had")
      if $left > $bonus || $left && $left == $bonus;
    is(probe($c, $strangers[1], another_day(), 100), 'budget', "$c->{campaign_id}: and no more");
    $setup->query("SELECT swipesavvy.update_campaign('$c->{campaign_id}', '{\"budget\": @{[ major($c->{budget} + 1_000_000) ]}}')");
    return;
}

# The campaign as often as a user may have it.
sub probe_user
{
    my ($c, $user) = @_;
    my $left = $c->{per_user_limit} - number("r.campaign_no = $c->{campaign_no} AND r.user_id = '$user'");
    my @answers = map { probe($c, $user, another_day(), 100) } 0 .. ($left > 0 ? $left : 0);

    is(pop @answers, 'per_user_limit', "$c->{campaign_id}: no more for a user who had it often enough");
    is_deeply([ grep { $_ ne 'applied' } @answers ], [], "$c->{campaign_id}: until then it was awarded");
    return;
}

# The campaign as often as it is to be had on a day, by users who had it never.
sub probe_day
{
    my ($c, $day) = @_;
    my $left = $c->{daily_limit} - number("r.campaign_no = $c->{campaign_no} AND r.day = '$day'");
    my @answers = map { probe($c, $strangers[ 2 + $_ ], $day, 100) } 0 .. ($left > 0 ? $left : 0);

    is(pop @answers, 'daily_limit', "$c->{campaign_id}: no more on a day when it was awarded often enough");
    is_deeply([ grep { $_ ne 'applied' } @answers ], [], "$c->{campaign_id}: until then it was awarded");
    return;
}

my @probed = map { decode_json($_) } @{ ($setup->query(q{
    SELECT to_jsonb(c) || jsonb_build_object('spent',
               (SELECT coalesce(sum(r.cost_minor - r.cost_returned_minor), 0) FROM swipesavvy.campaign_redemptions r WHERE r.campaign_no = c.campaign_no))
      FROM swipesavvy.campaigns c
     WHERE c.status IN ('running', 'paused') AND (c.budget IS NOT NULL OR c.daily_limit IS NOT NULL OR c.per_user_limit IS NOT NULL)
     ORDER BY c.status = 'running' DESC, c.campaign_no DESC LIMIT 8}))[0]{lines} };
cmp_ok(scalar @probed, '>=', 4, 'there are campaigns to be probed');
for my $c (@probed)
{
    my $id = $c->{campaign_id};
    $setup->query(
        "SELECT swipesavvy.pause_campaign(campaign_id) FROM swipesavvy.campaigns WHERE status = 'running' AND campaign_id <> '$id'",
        "SELECT swipesavvy.launch_campaign('$id') FROM swipesavvy.campaigns WHERE campaign_id = '$id' AND status = 'paused'");
    probe_budget($c) if defined $c->{budget};
    probe_user($c, $_) for defined $c->{per_user_limit} ? @users[ 0, 1 ] : ();
    probe_day($c, day(1)) if defined $c->{daily_limit};
}
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'and the ledger is sound after that too');
is(json($node, 'app', 'SELECT swipesavvy.verify_analytics()')->{mismatches}, 0, 'and so are the figures of campaigns');

done_testing();
