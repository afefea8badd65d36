# A small random stream, with the same seed always the same: a programme of a few users and campaigns (World.pm), and one
# step after the other, each an SQL script and the line that it must print. Purchases by every door, what becomes of them,
# points that are spent, changes of everything the rules read, repeats with equal and with other arguments, and
# transactions and savepoints that are rolled back. Steps are made against the oracle (Oracle.pm), not the database: so the
# whole stream is one script.
package Stream;

use strict;
use warnings;

use Storable qw(dclone);

use Answers;
use Oracle;
use World;

*pick = \&World::pick;
*chance = \&World::chance;
*between = \&World::between;
*call = \&World::call;

# What may happen, and how often.
my @STEP = (('purchase') x 26, ('operation') x 26, ('many') x 5, ('repeat') x 8, ('rolled_back') x 4, ('change') x 24);
my @CHANGE = (
    ('campaign') x 12, ('campaign_status') x 3, ('campaign_currency') x 2, ('setting') x 6, ('tiers') x 2, ('tier_over') x 3, 'refresh', ('boost') x 3,
    ('segment') x 3, ('merchant') x 2, ('user_status') x 4, 'erase', 'user');
# Calendar days in these zones differ for an instant, so another one in between moves purchases from day to day.
my @ZONE = qw(UTC America/New_York Asia/Kolkata Pacific/Apia);

# All that something may come of.
sub kinds
{
    return qw(purchase repeat insert copy list rolled_back settle settle_for nearly decline lapse refund redeem donate cancel adjust expire alone together changed), map {
        $_ eq 'setting' ? qw(earn_rate point_value_minor referral_bonus_points pending_expiry_days max_transaction_amount daily_spending_limit timezone) : $_
    } keys %{ { map { $_ => 1 } @CHANGE } };
}

sub new
{
    my ($class, $seed, $steps) = @_;
    srand($seed);    # the sizes are drawn before World does the same
    my $world = World->new($seed, users => between(2, 5), merchants => 4, boosts => 2, campaigns => between(3, 8));
    my $self = bless {
        seed => $seed, world => $world, script => [], expected => {}, step => 0, given => [], instants => [], did => {}, one => chance(20)
    }, $class;

    $world->{huge} = 1;
    $_->{launched} = $_->{status} =~ /^(running|paused|completed)$/ for values %{ $self->o->{campaigns} };
    push @{ $self->{script} }, $self->{one} ? ('BEGIN;', '\set ON_ERROR_ROLLBACK on') : (),
      'SET swipesavvy.direct_tables = ' . (chance(30) ? 'off' : 'on') . ';', '\set VERBOSITY sqlstate', '\o /dev/null', @{ $world->{setup} }, '\o', '\echo set up';
    for (1 .. $steps)
    {
        $self->any_step;
        $self->look if chance(120 / $steps);
    }
    $self->look;
    $self->explain;
    $self->simulate($_) for (World::shuffled(sort keys %{ $self->o->{campaigns} }))[ 0, 1 ];
    push @{ $self->{script} }, $self->{one} ? ('ROLLBACK;', '\set ON_ERROR_ROLLBACK off') : ();
    return $self;
}

sub o { return $_[0]{world}{oracle} }

# A step: a query of one text, or what prints it otherwise; and the lines expected, any of which will do.
sub step
{
    my ($self, $kind, $sql, @expected) = @_;
    my $n = ++$self->{step};
    $self->{expected}{$n} = \@expected;
    $self->{what}{$n} = $sql;
    $self->{did}{$kind}++ if $expected[0] !~ /^(PT\d{3}|\d{5}|refused)$/;
    $sql =~ s/(^|\n)SELECT (.*);$/$1SELECT $n || ' ' || ($2);/s;
    push @{ $self->{script} }, $sql, "\\if :ERROR\n\\echo $n :SQLSTATE";
    push @{ $self->{script} }, "\\else\n\\echo $n done" if $sql =~ /^INSERT/;
    push @{ $self->{script} }, '\endif';
    return;
}

# A call of which only matters whether it is refused.
sub made
{
    my ($self, $kind, $sql, @refusals) = @_;
    $sql =~ s/^SELECT (.*);$/SELECT CASE WHEN $1 IS NOT NULL THEN 'done' END;/s;
    return $self->step($kind, $sql, @refusals ? @refusals : 'done');
}

sub any_step
{
    my ($self) = @_;
    my $kind = pick(@STEP);
    $kind = 'purchase' if !%{ $self->o->{by_key} };
    my $method = "step_$kind";
    return $self->$method;
}

# ---- purchases ----

sub refusals { return sort keys %{ $_[0]{refused} } }

sub purchase
{
    my ($self) = @_;
    my $p = $self->{world}->purchase($self->{instants});
    splice @{ $self->{instants} }, 0, -6;
    $p->{status} = 'pending' if chance(12);
    $p->{amount} = '9' . join '', map { between(0, 1) } 1 .. 17 if chance(0.3);
    push @{ $self->{given} }, $p;
    return $p;
}

sub step_purchase
{
    my ($self) = @_;
    return $self->by_call('purchase', $self->purchase);
}

sub by_call
{
    my ($self, $kind, $p) = @_;
    my $r = $self->o->again($p);
    my $sql = call('record_transaction', $self->{world}->columns($p, 'amount')) =~ s/^SELECT (.*);$/SELECT public.answer($1);/sr;
    return $self->step($kind, $sql, $r->{refused} ? refusals($r) : Answers::answer($r));
}

# A purchase again, as it was given or with something else.
sub step_repeat
{
    my ($self) = @_;
    my $p = { %{ pick(@{ $self->{given} }) } };
    my $other = pick(qw(none none none occurred amount status merchant shipping omitted));

    return $self->step_purchase if $self->o->{users}{ $p->{user} }{erased};
    # what was refused before is not known yet, and would need an instant
    $p->{occurred} = undef if $other eq 'omitted' && $self->o->{known}{"$p->{user} $p->{key}"};
    $p->{occurred}++ if $other eq 'occurred';
    $p->{amount} .= '0' if $other eq 'amount' && $p->{amount} > 0 && length $p->{amount} < 15;
    $p->{status} = $p->{status} eq 'pending' ? 'completed' : 'pending' if $other eq 'status';
    $p->{merchant} = pick(undef, @{ $self->{world}{merchants} }) if $other eq 'merchant';
    $p->{shipping} = 1 if $other eq 'shipping';
    return $self->by_call('repeat', $p);
}

# Several in one statement, perhaps with one that is there already: rows, COPY, or a list that sets aside what is refused.
sub step_many
{
    my ($self) = @_;
    my $world = $self->{world};
    my @purchases = $world->in_order(map { $self->purchase } 1 .. between(2, 8));
    my $door = pick(qw(insert copy list));
    my $before = $self->o;

    if ($door eq 'list')
    {
        my %result = map { $_->{key} => $self->o->record($_) } @purchases;
        my @given = $world->as_input(@purchases);
        my $json = join ', ', map { document($world->columns($_, 'amount')) } @given;
        my $line = join ' | ', map { my $r = $result{ $_->{key} }; $r->{refused} ? 'refused' : Answers::answer($r) } @given;
        return $self->step('list', "SELECT (SELECT string_agg(CASE WHEN r ? 'error' THEN 'refused' ELSE public.answer(r) END, ' | ' ORDER BY n)
            FROM jsonb_array_elements(swipesavvy.record_transactions('[$json]')->'results') WITH ORDINALITY AS t(r, n));", $line);
    }
    $world->{oracle} = dclone($before);
    my %codes = map { $_ => 1 } map { keys %{ $self->o->record($_)->{refused} // {} } } @purchases;
    $world->{oracle} = $before if %codes;
    my @given = $world->as_input(@purchases);
    my @rows = map { { $world->columns($_, 'amount_minor') } } @given;
    my @columns = sort keys %{ $rows[0] };
    my $list = join ', ', @columns;
    if ($door eq 'insert')
    {
        my $rows = join ",\n", map { my $r = $_; '(' . join(', ', map { World::quoted($r->{$_}) } @columns) . ')' } @rows;
        return $self->step($door, "INSERT INTO swipesavvy.purchases ($list) VALUES $rows;", %codes ? sort keys %codes : 'done');
    }
    # psql does not say whether COPY was refused
    my $rows = join "\n", map { my $r = $_; join "\t", map { $r->{$_} // '\N' } @columns } @rows;
    return $self->step($door, "COPY swipesavvy.purchases ($list) FROM STDIN;\n$rows\n\\.\n"
        . "SELECT CASE WHEN EXISTS (SELECT FROM swipesavvy.purchases WHERE idempotency_key = '$given[0]{key}') THEN 'done' ELSE 'refused' END;",
        %codes ? 'refused' : 'done');
}

sub document
{
    my %row = @_;
    return '{' . join(', ', map { qq("$_": ) . (/^(amount|metadata)$/ ? $row{$_} : qq("$row{$_}")) } grep { defined $row{$_} } sort keys %row) . '}';
}

# ---- what becomes of them ----

sub step_operation
{
    my ($self) = @_;
    my $o = $self->o;
    my $op = $self->{world}->operation;

    # erased users' keys are gone, and where ids were generated nothing else tells which one it was
    return $self->step_purchase if $o->{users}{ $o->{by_key}{ $op->{key} }{user} }{erased} && $self->{world}{generated_ids};
    $o->{settings}{points_expiry_months} = $op->{months} if defined $op->{months};
    return $self->step($op->{what}, $self->{world}->operation_sql($op), $o->operate($op));
}

# Some steps that are undone.
sub step_rolled_back
{
    my ($self) = @_;
    my $world = $self->{world};
    my $kept = dclone($world->{oracle});
    my ($users, $repeatable) = ([ @{ $world->{users} } ], $world->{repeatable});
    my $script = $self->{script};
    my $nested = $self->{one} || $self->{inside};

    return $self->step_purchase if $self->{inside};
    local $self->{inside} = 1;
    push @$script, $nested ? 'SAVEPOINT before;' : ('BEGIN' . pick('', ' ISOLATION LEVEL REPEATABLE READ') . ';', '\set ON_ERROR_ROLLBACK on');
    $self->any_step for 1 .. between(1, 6);
    push @$script, $nested ? 'ROLLBACK TO before;' : ('ROLLBACK;', '\set ON_ERROR_ROLLBACK off');
    $world->{oracle} = $kept;
    @$world{qw(users repeatable)} = ($users, $repeatable);
    # what was given in there may be given again: nothing knows of it
    $self->{given} = [ grep { $kept->{users}{ $_->{user} } } @{ $self->{given} } ];
    $self->{did}{rolled_back}++;
    return;
}

# ---- changes ----

sub step_change
{
    my ($self) = @_;
    my $method = 'change_' . pick(@CHANGE);
    return $self->$method;
}

sub campaign
{
    my ($self) = @_;
    my $id = pick(sort keys %{ $self->o->{campaigns} });
    return ($id, $self->o->{campaigns}{$id});
}

sub change_campaign
{
    my ($self) = @_;
    my ($id, $c) = $self->campaign;
    my $unit = 10**World::places($c->{currency});
    my $spent = $self->o->spent($id);
    my $money = sub { return ($_[0], World::json(World::major($_[0], $c->{currency}))) };
    my ($key, $value, $written, $name) = @{ pick(
        [ budget => $money->($spent + between(0, 30 * $unit)) ], [ budget => $money->($spent + between(0, 30 * $unit)) ], [ budget => $money->($spent) ],
        [ budget => undef, 'null' ], [ budget => $money->($spent > 0 ? $spent - 1 : 0) ],
        [ daily_limit => map { $_, $_ } between(1, 3) ], [ daily_limit => undef, 'null' ],
        [ per_user_limit => map { $_, $_ } between(1, 3) ], [ per_user_limit => undef, 'null' ],
        [ priority => map { $_, $_ } between(0, 3) ], [ bonus_points => map { $_, $_ } between(0, 100) ],
        [ points_multiplier => map { $_, World::decimal($_, 3) } between(1000, 3000) ], [ hold_out => map { $_, World::decimal($_, 2) } between(0, 6000) ],
        [ stackable => $c->{stackable} ? (0, 'false') : (1, 'true') ], [ min_spend => $money->(between(0, 40 * $unit)) ], [ max_discount => $money->(between(0, 20 * $unit)) ],
        [ start => map { $_, '"' . World::instant($_) . '"' } $self->{world}{midnights}[0] - between(0, 9) ],
        [ target_category => map { $_, qq("$_") } pick(@World::CATEGORY) ], [ target_category => undef, 'null' ],
        [ target_segment => map { $_, qq("$_") } pick(qw(new loyal far)) ], [ target_segment => undef, 'null' ]) };
    my $sql = call('update_campaign', campaign_id => $id, changes => sprintf '{"%s": %s}', $key eq 'start' ? 'start_date' : $key, $written);
    my @refusals = $c->{status} eq 'archived' ? 'PT400' : $key eq 'budget' && defined $value && $value < $spent ? 'PT409'
      : $key eq 'start' && defined $c->{end} && $c->{end} <= $value ? '22023' : ();
    $c->{$key} = $value if !@refusals;
    return $self->made('campaign', $sql, @refusals);
}

# To another status by any of the functions, also where there is no way.
sub change_campaign_status
{
    my ($self) = @_;
    my ($id, $c) = $self->campaign;
    my $to = pick(qw(running running running paused completed archived));
    my %from = (running => 'draft paused', paused => 'running', completed => 'running paused', archived => 'draft running paused completed');
    my @call = $to eq 'running' ? ('launch_campaign', schedule => 'scheduled') : $to eq 'paused' ? 'pause_campaign' : $to eq 'archived' ? 'delete_campaign'
      : ('update_campaign', changes => qq({"status": "$to"}));
    my $may = grep { $_ eq $c->{status} } split / /, $from{$to};
    # said again, it is no change
    $may = 1 if $to eq 'completed' && $c->{status} eq $to;
    my $sql = call($call[0], campaign_id => $id, @call[ 1 .. $#call ]);
    $c->{launched} = 1 if $may && $to eq 'running';
    $c->{status} = $to if $may;
    return $self->made('campaign_status', $sql, $may ? () : 'PT400');
}

# Amounts stay what they are in major units, so not every one exists in the other currency; and what was redeemed stays.
sub change_campaign_currency
{
    my ($self) = @_;
    my ($id, $c) = $self->campaign;
    my $to = pick(@{ $self->{world}{currencies} });
    my %refused;

    $refused{PT400} = 1 if $c->{status} eq 'archived';
    $refused{PT409} = 1 if $to ne $c->{currency} && @{ $self->o->{redemptions}{$id} // [] };
    my %moved = map { $_ => $c->{$_} } grep { defined $c->{$_} } qw(min_spend max_discount budget), $c->{offer_type} =~ /DISCOUNT|SHIPPING/ ? 'offer_amount' : ();
    my $shift = World::places($to) - World::places($c->{currency});
    for my $amount (values %moved)
    {
        $refused{22023} = 1 if $shift < 0 && $amount % 10**-$shift != 0;
        $amount = $shift < 0 ? int($amount / 10**-$shift) : $amount * 10**$shift;
    }
    %$c = (%$c, %moved, currency => $to) if !%refused;
    return $self->made('campaign_currency', call('update_campaign', campaign_id => $id, changes => qq({"currency": "$to"})), sort keys %refused);
}

sub change_setting
{
    my ($self) = @_;
    my $s = $self->o->{settings};
    my $unit = 10**World::places($s->{currency});
    my ($key, $value, $written) = @{ pick(
        [ earn_rate => map { $_, World::decimal($_, 3) } pick(0, 1, 999, 1000, between(0, 20_000)) ], [ point_value_minor => map { $_, $_ } between(0, 5) ],
        [ referral_bonus_points => map { $_, $_ } between(0, 200) ], [ pending_expiry_days => map { $_, $_ } pick(1, 2, 30, 400) ],
        [ max_transaction_amount => map { $_, World::json(World::major($_, $s->{currency})) } pick(undef, between(20, 150) * $unit) ],
        [ daily_spending_limit => map { $_, World::json(World::major($_, $s->{currency})) } pick(undef, between(3, 30) * 10 * $unit) ],
        [ timezone => map { $_, qq("$_") } pick(@ZONE) ]) };
    $s->{$key} = $value;
    return $self->made($key, call('update_system_settings', settings => qq({"$key": $written})));
}

sub change_tiers
{
    my ($self) = @_;
    my %used = (0 => 1);
    my $tiers = $self->o->{tiers};
    if (chance(50))
    {
        # some go, others come
        @$tiers = grep { $_->{threshold} == 0 || chance(70) } @$tiers;
        push @$tiers, { name => 'tier ' . between(1, 4), threshold => 1 } if @$tiers < 6;
        my %names;
        @$tiers = grep { !$names{ $_->{name} }++ } @$tiers;
    }
    for my $tier (@$tiers)
    {
        next if $tier->{threshold} == 0 && ($tier->{milli} = between(700, 3000));
        my $threshold = between(1, 50) * 10;
        $threshold++ while $used{$threshold}++;
        @$tier{qw(threshold milli)} = ($threshold, between(700, 3000));
    }
    return $self->made('tiers', $self->{world}->tiers_sql);
}

# The time is over for which tiers were kept.
sub change_tier_over
{
    my ($self) = @_;
    my $user = pick(@{ $self->{world}{users} });
    my $o = $self->o;
    my $past = (time() - 3600) * 1_000_000;
    $o->{users}{$user}{kept_until} = $past if defined $o->{users}{$user}{kept_until};
    return $self->step('tier_over', "SELECT public.end_tier('$user');", 'done');
}

sub change_refresh
{
    my ($self) = @_;
    return $self->step('refresh', "SELECT swipesavvy.refresh_tiers() ->> 'refreshed';", $self->o->refresh_tiers(time() * 1_000_000));
}

sub change_boost
{
    my ($self) = @_;
    my $user = $self->user or return $self->step_purchase;
    return $self->made('boost', $self->{world}->switch_boost(pick(sort keys %{ $self->o->{boosts} }), $user));
}

sub change_segment
{
    my ($self) = @_;
    my $user = $self->user or return $self->step_purchase;
    my $segment = pick(qw(new loyal far));
    my $member = $self->o->{segments}{$segment}{$user};
    $self->o->{segments}{$segment}{$user} = !$member;
    return $self->made('segment', call($member ? 'remove_segment_members' : 'add_segment_members', name => $segment, user_ids => "{$user}"));
}

sub change_merchant
{
    my ($self) = @_;
    my $merchant = pick(@{ $self->{world}{merchants} });
    my $category = $self->o->{merchants}{$merchant}{category} = pick(@World::CATEGORY);
    return $self->made('merchant', call('update_merchant', merchant_id => $merchant, changes => qq({"category": "$category"})));
}

# A user whose data are still there.
sub user
{
    my ($self) = @_;
    my @there = grep { !$self->o->{users}{$_}{erased} } @{ $self->{world}{users} };
    return @there ? pick(@there) : undef;
}

sub change_user_status
{
    my ($self) = @_;
    my $id = pick(@{ $self->{world}{users} });
    my $user = $self->o->{users}{$id};
    $user->{status} //= 'active';
    my ($function, $status) = @{ pick([ deactivate_user => 'inactive' ], [ suspend_user => 'suspended' ], ([ reactivate_user => 'active' ]) x 4) };
    my $refused = $user->{erased} || $status eq $user->{status};
    @$user{qw(status active)} = ($status, $status eq 'active') if !$refused;
    return $self->made('user_status', call($function, user_id => $id), $refused ? 'PT400' : ());
}

sub change_erase
{
    my ($self) = @_;
    my $id = $self->user or return $self->step_purchase;
    $self->o->erase_user($id);
    delete $self->{world}{repeatable};
    return $self->made('erase', call('erase_user', user_id => $id, reason => 'asked'));
}

sub change_user
{
    my ($self) = @_;
    return $self->made('user', $self->{world}->new_user);
}

# ---- looking ----

# Everything that the stream has left so far.
sub look
{
    my ($self) = @_;
    my $n = ++$self->{step};
    push @{ $self->{script} }, "\\echo look $n", $Answers::STATE, "\\echo looked $n";
    $self->{looks}{$n} = [ Answers::state($self->o) ];
    return;
}

sub explain
{
    my ($self) = @_;
    my $n = ++$self->{step};
    push @{ $self->{script} }, "\\echo look $n", $Answers::REASONS, "\\echo looked $n";
    $self->{reasons} = $n;
    return;
}

# What a campaign would have given, alone and beside those that ran.
sub simulate
{
    my ($self, $id) = @_;
    my $o = $self->o;
    my @stored = $self->{world}->in_order(grep { $_->{status} eq 'completed' || $_->{status} eq 'pending' } values %{ $o->{purchases} });
    my @ran = grep { $_ ne $id && $o->{campaigns}{$_}{launched} } keys %{ $o->{campaigns} };

    return if $self->{world}{generated_ids} || grep { length $_->{amount} > 15 } @stored;
    my $with = Answers::replayed($o, [ $id, @ran ], @stored);
    $self->step('alone', 'SELECT (' . Answers::told_sql(alone => $id) . ');', Answers::told(Answers::replayed($o, [$id], @stored), $id));
    $self->step('together', 'SELECT (' . Answers::told_sql(together => $id) . ');', Answers::told($with, $id));
    my $changed = Answers::told_changed(Answers::replayed($o, \@ran, @stored), $with, @ran);
    my $quoted = World::quoted($id);
    $self->step($changed =~ / \| / ? 'changed' : 'unchanged', 'SELECT (' . ($Answers::CHANGED =~ s/ID/$quoted/r) . ');', $changed);
    return;
}

# ---- comparing ----

# The differences between what a run of the script printed and what it should have.
sub differences
{
    my ($self, @printed) = @_;
    my (%got, %looked, $look, $ready, @differences);

    for (@printed)
    {
        # refusals show up as lines of their steps; while the programme is made there are none
        next if /^psql:\S+ ERROR:/ && $ready;
        if (/^set up$/) { $ready = 1 }
        elsif (/^look (\d+)$/) { $look = $1 }
        elsif (/^looked /) { undef $look }
        elsif (defined $look) { push @{ $looked{$look} }, $_ }
        elsif (/^(\d+) (.*)$/) { push @{ $got{$1} }, $2 }
        else { push @differences, "not expected: $_" }
    }
    for my $n (sort { $a <=> $b } keys %{ $self->{expected} })
    {
        my $got = join ' AND ', @{ $got{$n} // ['nothing'] };
        my $expected = $self->{expected}{$n};
        push @differences, "step $n: $got, expected: " . join(' or ', @$expected) . "\n    $self->{what}{$n}" if !grep { $_ eq $got } @$expected;
    }
    for my $n (sort { $a <=> $b } keys %{ $self->{looks} })
    {
        push @differences, map { "after step $n: $_" } Answers::differences($looked{$n} // [], $self->{looks}{$n});
    }
    push @differences, Answers::wrong_reasons($self->o, @{ $looked{ $self->{reasons} } // [] });
    return @differences;
}

1;
