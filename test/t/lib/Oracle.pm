# A second, slow reading of the rules of the award engine: what each purchase earns, computed from the rules alone, to
# hold the database against. Nothing here is shared with the extension; every count is a loop over what was recorded.
#
# Money is in minor units, multipliers, rates and percentages in thousandths, instants in microseconds since 1970; all
# are integers (Perl's own when they come in, Math::BigInt once they are multiplied or summed).
package Oracle;

use strict;
use warnings;

use Math::BigInt;
use POSIX ();

our $MAX = Math::BigInt->new('9223372036854775807');

# settings: earn_rate, point_value_minor, referral_bonus_points, timezone, currency, max_transaction_amount, daily_spending_limit
# tiers: [{name, threshold, milli}]; merchants: id => {category}; boosts: id => {milli, category, starts, expires, users => {}}
# segments: name => {user => 1}; campaigns: id => {status, currency, offer_type, offer_amount, ...}; exponents: currency => places
sub new
{
    my ($class, %world) = @_;
    return bless { users => {}, purchases => {}, redemptions => {}, entries => {}, refunds => {}, spent => {}, known => {}, by_key => {}, %world }, $class;
}

sub add_user
{
    my ($self, $id, $brought_by) = @_;
    my ($lowest) = grep { $_->{threshold} == 0 } @{ $self->{tiers} };
    $self->{users}{$id} = {
        available => Math::BigInt->new(0),
        pending => Math::BigInt->new(0),
        lifetime => Math::BigInt->new(0),
        tier => $lowest->{name},
        active => 1,
        brought_by => $brought_by,
    };
    return;
}

# a × b / c, rounded down; the arguments stay as they are.
sub times_over
{
    my ($a, $b, $c) = @_;
    return scalar Math::BigInt->new($a)->bmul($b)->bdiv($c);
}

# ---- days ----

# The calendar day of an instant in a time zone, as YYYY-MM-DD.
sub day_of
{
    my ($micros, $zone) = @_;
    my @local = in_zone($zone, sub { localtime(($micros - $micros % 1_000_000) / 1_000_000) });
    return sprintf '%04d-%02d-%02d', $local[5] + 1900, $local[4] + 1, $local[3];
}

# The instant at which a calendar day (year, month 1-12, day) begins in a time zone.
sub day_begins
{
    my ($year, $month, $day, $zone) = @_;
    my ($begin) = in_zone($zone, sub { POSIX::mktime(0, 0, 0, $day, $month - 1, $year - 1900, 0, 0, -1) });
    return $begin * 1_000_000;
}

sub in_zone
{
    my ($zone, $code) = @_;
    my @result;
    {
        local $ENV{TZ} = $zone;
        POSIX::tzset();
        @result = $code->();
    }
    POSIX::tzset();
    return @result;
}

# ---- hashing of held-out users ----

sub fnv
{
    my ($text) = @_;
    my $h = 2166136261;
    $h = (($h ^ ord $_) * 16777619) % 4294967296 for split //, $text;
    return $h;
}

# flag_hash, version 2, as ten-thousandths; ids are ASCII.
sub bucket
{
    my ($seed, $value) = @_;
    return fnv(fnv($seed . $value)) % 10000;
}

# ---- §1 base points ----

# The highest tier that so many lifetime points reach.
sub reached
{
    my ($self, $lifetime) = @_;
    my ($reached) = grep { $lifetime >= $_->{threshold} } sort { $b->{threshold} <=> $a->{threshold} } @{ $self->{tiers} };
    return $reached;
}

# The tier that a user holds: the one given last, unless it is gone, or the time is over for which it was kept.
sub held
{
    my ($self, $user, $now) = @_;
    my ($held) = grep { $_->{name} eq $user->{tier} } @{ $self->{tiers} };
    my $reached = $self->reached($user->{lifetime});

    return $reached if !$held;
    return $reached if $held->{threshold} > $reached->{threshold} && defined $user->{kept_until} && $now >= $user->{kept_until};
    return $held;
}

sub boost_milli
{
    my ($self, $p) = @_;
    my $best = 1000;
    for my $boost (values %{ $self->{boosts} })
    {
        next unless $boost->{users}{ $p->{user} };
        next unless $boost->{starts} <= $p->{occurred};
        next if defined $boost->{expires} && $p->{occurred} >= $boost->{expires};
        next if defined $boost->{category} && $boost->{category} ne ($self->category($p) // '');
        $best = $boost->{milli} if $boost->{milli} > $best;
    }
    return $best;
}

# Earn rate, tier and boost multiplier as one product.
sub rate
{
    my ($self, $p, $now) = @_;
    my $rate = Math::BigInt->new($self->{settings}{earn_rate});
    return $rate->bmul($self->held($self->{users}{ $p->{user} }, $now)->{milli})->bmul($self->boost_milli($p));
}

sub base_points
{
    my ($self, $p) = @_;
    return times_over($p->{amount}, $p->{rate}, Math::BigInt->new(10)->bpow(9 + $self->{exponents}{ $p->{currency} }));
}

sub category
{
    my ($self, $p) = @_;
    return $p->{category} if exists $p->{category};
    return defined $p->{merchant} ? $self->{merchants}{ $p->{merchant} }{category} : undef;
}

# ---- §2 which campaigns match ----

# Redemptions that count against limits: pending, or completed and not fully refunded.
sub counting
{
    my ($self, $id) = @_;
    return grep {
        my $p = $_;
        $p->{status} eq 'pending' || ($p->{status} eq 'completed' && $p->{refunded} < $p->{amount})
    } map { $self->{purchases}{$_} } @{ $self->{redemptions}{$id} // [] };
}

sub differs
{
    my ($target, $value) = @_;
    return defined $target && (!defined $value || $value ne $target);
}

# The first rule before those of choosing that keeps a campaign from a purchase; undef when it matches.
sub excluded
{
    my ($self, $id, $p) = @_;
    my $c = $self->{campaigns}{$id};

    return 'status' if $c->{status} ne 'running';
    return 'amount' if $p->{amount} <= 0;
    return 'start_date' if $p->{occurred} < $c->{start};
    return 'end_date' if defined $c->{end} && $p->{occurred} >= $c->{end};
    return 'currency' if $c->{currency} ne $p->{currency};
    return 'merchant' if differs($c->{target_merchant}, $p->{merchant});
    return 'category' if differs($c->{target_category}, $self->category($p));
    return 'segment' if defined $c->{target_segment} && !$self->{segments}{ $c->{target_segment} }{ $p->{user} };
    return 'min_spend' if defined $c->{min_spend} && $p->{amount} < $c->{min_spend};
    return 'hold_out' if $c->{hold_out} > 0 && bucket("holdout:$id", $p->{user}) < $c->{hold_out};

    my @counting = $self->counting($id);
    return 'per_user_limit'
      if defined $c->{per_user_limit} && (grep { $_->{user} eq $p->{user} } @counting) >= $c->{per_user_limit};
    return 'daily_limit'
      if defined $c->{daily_limit} && (grep { $_->{day} eq $p->{day} } @counting) >= $c->{daily_limit};
    return undef;
}

# ---- §3 what a matching campaign gives ----

sub least
{
    my ($least, @others) = @_;
    for my $other (@others)
    {
        $least = Math::BigInt->new($other) if defined $other && $least > $other;
    }
    return $least;
}

sub uncut_discount
{
    my ($self, $c, $p) = @_;
    my $amount = Math::BigInt->new($p->{amount});

    return least($amount, $c->{offer_amount}) if $c->{offer_type} eq 'FIXED_DISCOUNT';
    return least(times_over($amount, $c->{offer_amount}, 100_000), $c->{max_discount}) if $c->{offer_type} eq 'PERCENTAGE';
    return least(times_over($amount, 1, 2), $c->{max_discount}) if $c->{offer_type} eq 'BOGO';
    return least($amount, $c->{offer_amount}, $p->{shipping}) if $c->{offer_type} eq 'FREE_SHIPPING';
    return Math::BigInt->new(0);
}

sub bonus_points
{
    my ($c, $base) = @_;
    return times_over($base, $c->{points_multiplier} - 1000, 1000) + $c->{bonus_points};
}

# ---- §4 choosing ----

sub spent
{
    my ($self, $id) = @_;
    my $spent = Math::BigInt->new(0);
    for my $p (map { $self->{purchases}{$_} } @{ $self->{redemptions}{$id} // [] })
    {
        next unless $p->{status} eq 'pending' || $p->{status} eq 'completed';
        $spent += $_->{cost} - $_->{cost_back} for grep { $_->{campaign} eq $id } @{ $p->{awards} };
    }
    return $spent;
}

# Tries one campaign: the award it gives, or why it gives none.
sub try_campaign
{
    my ($self, $id, $p, $base, $given) = @_;
    my $c = $self->{campaigns}{$id};
    my $discount = least($self->uncut_discount($c, $p), Math::BigInt->new($p->{amount}) - $given);
    my $bonus = bonus_points($c, $base);

    return (undef, 'no_gain') if $discount == 0 && $bonus == 0 && $c->{offer_type} ne 'OTHER';
    my $cost = $discount + $bonus * $self->{settings}{point_value_minor};
    return (undef, 'budget') if defined $c->{budget} && $self->spent($id) + $cost > $c->{budget};
    return { campaign => $id, points => $bonus, discount => $discount, cost => $cost, cost_back => 0, discount_back => 0, terms => {%$c} };
}

# The awards in the order applied, and for every campaign the reason why not (undef = applied).
sub choose
{
    my ($self, $p, $base) = @_;
    my $campaigns = $self->{campaigns};
    my (%reasons, %uncut, @awards);
    my $given = Math::BigInt->new(0);

    for my $id (keys %$campaigns)
    {
        $reasons{$id} = $self->excluded($id, $p);
        $uncut{$id} = $self->uncut_discount($campaigns->{$id}, $p)
          + bonus_points($campaigns->{$id}, $base) * $self->{settings}{point_value_minor};
    }
    my @matching = grep { !defined $reasons{$_} } keys %$campaigns;
    my @one = sort {
        $campaigns->{$b}{priority} <=> $campaigns->{$a}{priority} || $uncut{$b} <=> $uncut{$a} || $a cmp $b
    } grep { !$campaigns->{$_}{stackable} } @matching;
    my @all = sort { $campaigns->{$b}{priority} <=> $campaigns->{$a}{priority} || $a cmp $b }
      grep { $campaigns->{$_}{stackable} } @matching;

    for my $id (@one, @all)
    {
        if (@awards && !$campaigns->{$id}{stackable})
        {
            $reasons{$id} = 'exclusive';
            next;
        }
        my ($award, $reason) = $self->try_campaign($id, $p, $base, $given);
        $reasons{$id} = $reason;
        next unless $award;
        push @awards, $award;
        $given += $award->{discount};
    }
    return (\@awards, \%reasons);
}

# ---- §5 when points count ----

sub at_limits
{
    my ($self, $p) = @_;
    my $s = $self->{settings};

    return 0 if $p->{currency} ne $s->{currency};
    return 1 if defined $s->{max_transaction_amount} && $p->{amount} > $s->{max_transaction_amount};
    return 0 unless defined $s->{daily_spending_limit};
    my $total = Math::BigInt->new($p->{amount});
    for my $other (values %{ $self->{purchases} })
    {
        next unless $other->{user} eq $p->{user} && $other->{currency} eq $s->{currency};
        next unless day_of($other->{occurred}, $s->{timezone}) eq $p->{day};
        $total += $other->{amount} - $other->{refunded} if $other->{status} eq 'completed' || $other->{status} eq 'pending';
    }
    return $total > $s->{daily_spending_limit};
}

# Lifetime points change, and with them the tier; now is the clock's time.
sub set_lifetime
{
    my ($self, $user, $points, $now) = @_;
    my $held = $self->held($user, $now);
    my $reached = $self->reached($points);

    $user->{lifetime} = $points;
    if ($reached->{threshold} > $held->{threshold})
    {
        my ($year) = day_of($now, $self->{settings}{timezone}) =~ /^(\d+)/;
        $user->{kept_until} = day_begins($year + 2, 1, 1, $self->{settings}{timezone});
    }
    elsif ($reached->{threshold} < $held->{threshold})
    {
        $reached = $held if defined $user->{kept_until} && $now < $user->{kept_until};
    }
    $user->{tier} = $reached->{name};
    return;
}

# An entry of the ledger: the sums by user, kind and campaign are all that is compared.
sub book
{
    my ($self, $user, $kind, $points, $campaign) = @_;
    my $line = join ' ', $user, $kind, $campaign // '-';
    $self->{entries}{$line} = ($self->{entries}{$line} // Math::BigInt->new(0)) + $points if $points != 0;
    return;
}

# Points that count from now on (or, negative, no longer).
sub count_points
{
    my ($self, $user, $points, $now) = @_;
    return if $points == 0;
    $user->{available} += $points;
    $self->set_lifetime($user, $user->{lifetime} + $points, $now);
    return;
}

# Points for both when a purchase of that user is completed, the first time; who else gets them.
sub referral
{
    my ($self, $id) = @_;
    my $points = Math::BigInt->new($self->{settings}{referral_bonus_points} // 0);
    my $brought_by = $self->{users}{$id}{brought_by};
    return defined $brought_by ? ($points, $brought_by) : (Math::BigInt->new(0));
}

# The points of a purchase become available.
sub complete
{
    my ($self, $p, $now) = @_;
    my ($bonus, $brought_by) = $self->referral($p->{user});

    $self->count_points($self->{users}{ $p->{user} }, $p->{points}, $now);
    delete $self->{users}{ $p->{user} }{brought_by};
    return unless defined $brought_by;
    for my $id ($p->{user}, grep { !$self->{users}{$_}{erased} } $brought_by)
    {
        $self->count_points($self->{users}{$id}, $bonus, $now);
        $self->book($id, 'referral', $bonus);
    }
    return;
}

# What would not fit into 64 bits if a purchase became completed: points, and the user's total.
sub too_much
{
    my ($self, $p) = @_;
    my ($bonus, $brought_by) = $self->referral($p->{user});
    my @stored = map { $self->{users}{ $p->{user} }{$_} + $p->{points} + $bonus } qw(available lifetime);
    push @stored, map { $self->{users}{$brought_by}{$_} + $bonus } qw(available lifetime) if defined $brought_by;
    push @stored, $self->total($p->{user}) + $p->{amount} if $p->{currency} eq $self->{settings}{currency};
    return grep { $_ > $MAX } @stored;
}

# Records a purchase {id, user, merchant, amount, currency, occurred, status, shipping}. Returns the purchase as recorded
# (points, discount, awards, reasons, tier ...); when it is refused, {refused => {SQLSTATE => 1, ...}} and nothing changes.
sub record
{
    my ($self, $given, $now) = @_;
    $now //= time() * 1_000_000;
    my $p = { %$given, day => day_of($given->{occurred}, $self->{settings}{timezone}), refunded => 0, awards => [], reasons => {} };
    my $user = $self->{users}{ $p->{user} };
    my $counts = $p->{status} eq 'completed' || $p->{status} eq 'pending';
    my %refused;

    $p->{category} = $self->category($p);
    $p->{asked} = $p->{status};
    $refused{PT400} = 1 if !$user->{active};

    $p->{base} = Math::BigInt->new(0);
    if ($counts)
    {
        $refused{PT409} = 1 if $self->at_limits($p);
        $p->{rate} = $self->rate($p, $now);
        $p->{base} = $self->base_points($p);
        ($p->{awards}, $p->{reasons}) = $self->choose($p, $p->{base});
    }
    $p->{bonus} = Math::BigInt->new(0);
    $p->{bonus} += $_->{points} for @{ $p->{awards} };
    $p->{discount} = Math::BigInt->new(0);
    $p->{discount} += $_->{discount} for @{ $p->{awards} };
    $p->{points} = $p->{base} + $p->{bonus};
    $p->{points_back} = Math::BigInt->new(0);

    my @stored = ($p->{points});
    push @stored, $user->{pending} + $p->{points} if $p->{status} eq 'pending';
    push @stored, $self->too_much($p) if $p->{status} eq 'completed';
    push @stored, $_->{cost}, $self->spent($_->{campaign}) + $_->{cost} for @{ $p->{awards} };
    $refused{22003} = 1 if grep { $_ > $MAX } @stored;
    return { refused => \%refused } if %refused;

    $self->{purchases}{ $p->{id} } = $p;
    $self->{by_key}{ $p->{key} } = $p if defined $p->{key};
    $self->{known}{"$p->{user} $p->{key}"} = $p if defined $p->{key};
    push @{ $self->{redemptions}{ $_->{campaign} } }, $p->{id} for @{ $p->{awards} };
    $self->book($p->{user}, 'earn', $p->{base});
    $self->book($p->{user}, 'bonus', $_->{points}, $_->{campaign}) for @{ $p->{awards} };
    $user->{pending} += $p->{points} if $p->{status} eq 'pending';
    $self->complete($p, $now) if $p->{status} eq 'completed';
    $p->{balance_after} = $user->{available}->copy;
    $p->{tier_after} = $self->held($user, $now)->{name};
    return $p;
}

# The purchase becomes completed; what it was while pending may have been other points.
sub settle
{
    my ($self, $id, $now, $held) = @_;
    my $p = $self->{purchases}{$id};
    $p->{status} = 'completed';
    $self->{users}{ $p->{user} }{pending} -= $held // $p->{points};
    $self->book($p->{user}, 'settle', $p->{points});
    $self->complete($p, $now);
    return;
}

# What a pending purchase becomes when it is settled for another amount: by the rate kept with it, and for each award by
# the terms of then, cut in the order of then. Where a budget does not cover what it costs more, the award stays.
sub settled_for
{
    my ($self, $p, $amount) = @_;
    my $new = { %$p, amount => $amount, awards => [] };
    my $left = Math::BigInt->new($amount);

    $new->{base} = $self->base_points($new);
    @$new{qw(bonus discount)} = map { Math::BigInt->new(0) } 1 .. 2;
    for my $award (@{ $p->{awards} })
    {
        my $budget = $self->{campaigns}{ $award->{campaign} }{budget};
        my %becomes = (%$award, discount => least($self->uncut_discount($award->{terms}, $new), $left), points => bonus_points($award->{terms}, $new->{base}));

        $becomes{cost} = $becomes{discount} + $becomes{points} * $self->{settings}{point_value_minor};
        if ($becomes{cost} > $award->{cost} && defined $budget && $self->spent($award->{campaign}) + $becomes{cost} - $award->{cost} > $budget)
        {
            my $discount = least(Math::BigInt->new($award->{discount}), $left);
            %becomes = (%$award, discount => $discount, cost => $award->{cost} - $award->{discount} + $discount);
        }
        push @{ $new->{awards} }, \%becomes;
        $left = $left - $becomes{discount};
        $new->{bonus} += $becomes{points};
        $new->{discount} += $becomes{discount};
    }
    $new->{points} = $new->{base} + $new->{bonus};
    return $new;
}

# More points than before are earned, fewer are declined.
sub book_difference
{
    my ($self, $user, $kind, $before, $after, $campaign) = @_;
    $self->book($user, $after > $before ? $kind : 'decline', ($after - $before)->babs, $campaign);
    return;
}

sub become
{
    my ($self, $p, $new) = @_;
    $self->book_difference($p->{user}, 'earn', $p->{base}, $new->{base});
    for my $i (0 .. $#{ $p->{awards} })
    {
        my ($before, $after) = ($p->{awards}[$i], $new->{awards}[$i]);
        $self->book_difference($p->{user}, 'bonus', $before->{points}, $after->{points}, $before->{campaign});
    }
    # a repeat is answered as then
    $p->{recorded} = { map { $_ => $p->{$_} } qw(amount points awards) };
    @$p{qw(amount base bonus discount points awards)} = @$new{qw(amount base bonus discount points awards)};
    return;
}

sub decline
{
    my ($self, $id) = @_;
    my $p = $self->{purchases}{$id};
    $p->{status} = 'failed';
    $self->{users}{ $p->{user} }{pending} -= $p->{points};
    $self->book($p->{user}, 'decline', $p->{points});
    return;
}

# Does the redemption of that purchase count against limits, and what of its cost is back?
sub redeemed
{
    my ($self, $p, $award) = @_;
    my ($counts) = grep { $_ eq $p } $self->counting($award->{campaign});
    return ($p->{status} eq 'failed' ? $award->{cost} : $award->{cost_back}, $counts ? 't' : 'f');
}

# What a user's completed purchases in the programme's currency come to, less refunds.
sub total
{
    my ($self, $id) = @_;
    my $total = Math::BigInt->new(0);
    for my $p (values %{ $self->{purchases} })
    {
        $total += Math::BigInt->new($p->{amount}) - $p->{refunded}
          if $p->{user} eq $id && $p->{status} eq 'completed' && $p->{currency} eq $self->{settings}{currency};
    }
    return $total;
}

# ---- §6 refunds: the points taken back by this one ----

sub refund
{
    my ($self, $id, $amount, $now) = @_;
    my $p = $self->{purchases}{$id};
    my $share = sub { times_over($_[0], $p->{refunded}, $p->{amount}) };

    $p->{refunded} = Math::BigInt->new(defined $amount ? $p->{refunded} + Math::BigInt->new($amount) : $p->{amount});
    my $back = $share->($p->{points}) - $p->{points_back};
    $p->{points_back} += $back;
    for my $award (@{ $p->{awards} })
    {
        $award->{cost_back} = $share->($award->{cost});
        $award->{discount_back} = $share->($award->{discount});
    }
    $self->count_points($self->{users}{ $p->{user} }, -$back, $now);
    $self->book($p->{user}, 'refund', $back);
    return $back;
}

# ---- what happens to a purchase later, as a caller sees it ----
# An operation is {what, key, amount, ...} of the purchase with that key; its answer is a line, or the SQLSTATE of its
# refusal. What another kind of operation answers is a method of that name, `do_WHAT`.

sub operate
{
    my ($self, $op, $now) = @_;
    my $method = "do_$op->{what}";
    return $self->$method($op, $self->{by_key}{ $op->{key} }, $now // time() * 1_000_000);
}

sub after
{
    my ($self, $p, $now, @words) = @_;
    my $user = $self->{users}{ $p->{user} };
    return join ' ', @words, @$user{qw(available pending)}, $self->held($user, $now)->{name};
}

sub do_settle
{
    my ($self, $op, $p, $now) = @_;
    my $amount = Math::BigInt->new($op->{amount} // $p->{amount});
    my $held = $p->{points};

    return '22023' if defined $op->{amount} && ($amount <= 0 || $amount > $MAX);
    return 'PT400' if $p->{status} ne 'pending';
    my $new = $amount == $p->{amount} ? $p : $self->settled_for($p, $amount);
    return '22003' if $self->too_much($new) || grep { $_ > $MAX } $new->{base}, $new->{points}, map { $_->{cost} } @{ $new->{awards} };
    $self->become($p, $new) if $new != $p;
    $self->settle($p->{id}, $now, $held);
    return $self->after($p, $now, 'completed', $p->{points});
}

# For an amount that is named.
sub do_settle_for { goto &do_settle }

sub do_decline
{
    my ($self, $op, $p, $now) = @_;
    return 'PT400' if $p->{status} ne 'pending';
    $self->decline($p->{id});
    return $self->after($p, $now, 'failed', $p->{points});
}

# It has been pending for too long, and somebody tries to settle it.
sub do_late { return 'PT400' }

# It has been pending for almost too long.
sub do_nearly { goto &do_settle }

# It has been pending for too long, and all that have are looked for.
sub do_lapse
{
    my ($self, $op, $p) = @_;
    return 0 if $p->{status} ne 'pending';
    $self->decline($p->{id});
    return 1;
}

sub do_refund
{
    my ($self, $op, $p, $now) = @_;
    my $amount = defined $op->{amount} ? Math::BigInt->new($op->{amount}) : undef;
    my $known = defined $op->{refund_key} ? $self->{refunds}{"$p->{user} $op->{refund_key}"} : undef;

    return '22023' if defined $amount && $amount <= 0;
    if ($known)
    {
        return '23505' if $known->{key} ne $op->{key} || ($known->{amount} // '-') ne ($amount // '-');
        return $self->after($p, $now, @{ $known->{words} }, 'true');
    }
    return 'PT400' if $p->{status} ne 'completed';
    my $left = Math::BigInt->new($p->{amount}) - $p->{refunded};
    return 'PT409' if $left == 0 || (defined $amount && $amount > $left);

    return '22003' if $self->takes_too_much($p->{user}, times_over($p->{points}, $p->{refunded} + ($amount // $left), $p->{amount}) - $p->{points_back});
    my @before = map { [ $_->{discount_back}, $_->{cost_back} ] } @{ $p->{awards} };
    my $back = $self->refund($p->{id}, $amount, $now);
    my @words = ($amount // $left, $p->{refunded}, $back, map {
        my ($award, $was) = ($p->{awards}[$_], $before[$_]);
        join ':', $award->{campaign}, $award->{discount_back} - $was->[0], $award->{cost_back} - $was->[1]
    } 0 .. $#before);
    $self->{refunds}{"$p->{user} $op->{refund_key}"} = { key => $op->{key}, amount => $amount, words => \@words }
      if defined $op->{refund_key};
    return $self->after($p, $now, @words, 'false');
}

# ---- §5 to §7 spending: what is taken, and what is due by age ----

# All points ever taken from those that were available.
sub taken
{
    my ($self, $user) = @_;
    my $sum = Math::BigInt->new($self->{users}{$user}{adjusted_away} // 0);
    $sum += $self->{entries}{"$user $_ -"} // 0 for qw(refund redeem donate expire);
    return $sum - ($self->{entries}{"$user return -"} // 0);
}

# The sum is stored, so that it has an end.
sub takes_too_much { my ($self, $user, $points) = @_; return $self->taken($user) + $points > $MAX }

# The last redemption (or donation) of that user is undone: nothing was ever taken for it. A stranger's is not found.
sub do_cancel
{
    my ($self, $op, $p) = @_;
    my $user = $self->{users}{ $p->{user} };
    my $redemption = $user->{redemptions}[$op->{which}] or return 'PT404';
    return 'PT400' if $redemption->{cancelled};
    return '22003' if $user->{available} + $redemption->{points} > $MAX;
    $redemption->{cancelled} = 1;
    $user->{available} += $redemption->{points};
    $self->book($p->{user}, 'return', $redemption->{points});
    return $self->after_spending($p, $redemption->{points}, 'cancelled');
}

# Credits of months that, with so many after them, have ended by then, less all that was taken. What was given by hand or
# for a referral is of now, and never due.
sub due
{
    my ($self, $user, $months, $as_of) = @_;
    my $month = sub { my ($y, $m) = split /-/, day_of($_[0], $self->{settings}{timezone}); return 12 * $y + $m };
    my $until = $month->($as_of);
    my $sum = Math::BigInt->new(0);

    for my $p (values %{ $self->{purchases} })
    {
        $sum += $p->{points} if $p->{user} eq $user && $p->{status} eq 'completed' && $month->($p->{occurred}) + $months + 1 <= $until;
    }
    $sum -= $self->taken($user);
    return $sum > 0 ? $sum : Math::BigInt->new(0);
}

# A key of one kind of operation was used before: the line of then, or a refusal.
sub repeated
{
    my ($self, $op, $p) = @_;
    my $known = defined $op->{refund_key} ? $self->{spent}{"$p->{user} $op->{what} $op->{refund_key}"} : undef;
    return undef if !$known;
    return $known eq $op->{amount} ? $self->after_spending($p, $op->{amount}, 'true') : '23505';
}

sub after_spending
{
    my ($self, $p, @words) = @_;
    return join ' ', @words, @{ $self->{users}{ $p->{user} } }{qw(available pending)};
}

sub spend
{
    my ($self, $op, $p, $points) = @_;
    $self->{users}{ $p->{user} }{available} -= $points;
    $self->book($p->{user}, $op->{what}, $points->copy->babs);
    push @{ $self->{users}{ $p->{user} }{redemptions} }, { points => $points } if $op->{what} ne 'adjust';
    $self->{spent}{"$p->{user} $op->{what} $op->{refund_key}"} = $op->{amount} if defined $op->{refund_key};
    return $self->after_spending($p, $op->{amount}, 'false');
}

sub do_redeem
{
    my ($self, $op, $p) = @_;
    my $points = Math::BigInt->new($op->{amount});
    my $user = $self->{users}{ $p->{user} };
    return '22023' if $points <= 0;
    my $again = $self->repeated($op, $p);
    return $again if defined $again;
    return 'PT400' if !$user->{active};
    return 'PT409' if $points > $user->{available};
    return '22003' if $self->takes_too_much($p->{user}, $points);
    return $self->spend($op, $p, $points);
}

sub do_donate { goto &do_redeem }

sub do_adjust
{
    my ($self, $op, $p) = @_;
    my $points = Math::BigInt->new($op->{amount});
    my $user = $self->{users}{ $p->{user} };
    return '22023' if $points == 0;
    my $again = $self->repeated($op, $p);
    return $again if defined $again;
    return '22003' if $points > 0 && $user->{available} + $points > $MAX;
    return 'PT409' if $points < 0 && $user->{available} + $points < 0;
    return '22003' if $points < 0 && $self->takes_too_much($p->{user}, -$points);
    $user->{adjusted_away} = ($user->{adjusted_away} // Math::BigInt->new(0)) - $points if $points < 0;
    return $self->spend($op, $p, -$points);
}

sub do_expire
{
    my ($self, $op) = @_;
    my ($users, $points) = (0, Math::BigInt->new(0));
    for my $user (keys %{ $self->{users} })
    {
        my $due = $op->{months} ? $self->due($user, $op->{months}, $op->{as_of}) : 0;
        next if $due == 0;
        $users++;
        $points += $due;
        $self->{users}{$user}{available} -= $due;
        $self->book($user, 'expire', $due);
    }
    return "$users $points";
}

# ---- §8 repeats, and what becomes of users ----

my @PAYLOAD = qw(id merchant amount currency shipping);

# The same key again, by call: what was recorded then, or undef for a refusal. An instant left out matches.
sub again
{
    my ($self, $given) = @_;
    my $known = $self->{known}{"$given->{user} $given->{key}"} or return $self->record($given);
    $known = { %$known, %{ $known->{recorded} // {} } };
    return { refused => { 23505 => 1 } } if $known->{asked} ne $given->{status};
    for my $name (@PAYLOAD, defined $given->{occurred} ? 'occurred' : ())
    {
        return { refused => { 23505 => 1 } } if ($known->{$name} // '-') ne ($given->{$name} // '-');
    }
    my $user = $self->{users}{ $given->{user} };
    return {
        %$known, replayed => 'true', balance_after => $user->{available},
        tier_after => $self->held($user, time() * 1_000_000)->{name}
    };
}

# Nobody is known by keys any more, nor in a segment, nor has boosts.
sub erase_user
{
    my ($self, $id) = @_;
    @{ $self->{users}{$id} }{qw(erased active)} = (1, 0);
    delete $_->{users}{$id} for values %{ $self->{boosts} };
    delete $_->{$id} for values %{ $self->{segments} };
    for my $keys (@$self{qw(known refunds spent)})
    {
        delete @$keys{ grep { /^\Q$id\E / } keys %$keys };
    }
    return;
}

# Users whose tier is written down anew, as they hold another by now.
sub refresh_tiers
{
    my ($self, $now) = @_;
    my $refreshed = 0;
    for my $user (values %{ $self->{users} })
    {
        next unless defined $user->{kept_until} && $now >= $user->{kept_until};
        my $held = $self->held($user, $now)->{name};
        $refreshed++ if $held ne $user->{tier};
        $user->{tier} = $held;
    }
    return $refreshed;
}

1;
