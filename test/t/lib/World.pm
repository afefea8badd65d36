# A random reward programme and random purchases for it, with the same seed always the same: the oracle's picture of it,
# the SQL that makes it in a database, and changes to both while purchases come in.
package World;

use strict;
use warnings;

use Oracle;

my %EXPONENT = (USD => 2, EUR => 2, JPY => 0, BHD => 3, CLF => 4);
our @CATEGORY = (
    'Restaurants & Cafes', 'Retail & Shopping', 'Grocery & Food', 'Gas Stations',
    'Hotels & Travel', 'Entertainment', 'Health & Wellness', 'Services');
my @OFFER = qw(FIXED_DISCOUNT PERCENTAGE BOGO FREE_SHIPPING OTHER);
my @TYPE = qw(LOCATION_DEAL EMAIL_OFFER SEASONAL LOYALTY_BOOST FLASH_SALE);
my @ZONE = qw(UTC America/New_York Europe/Berlin Asia/Kolkata Pacific/Apia America/Sao_Paulo);
# Year, month and day in the middle of a stream: a year's end, both changes of the clock, an ordinary week.
my @MIDDLE = ([ 2023, 12, 31 ], [ 2024, 3, 10 ], [ 2024, 3, 31 ], [ 2024, 11, 3 ], [ 2025, 6, 11 ]);
my $DAY = 86_400_000_000;

sub new
{
    my ($class, $seed, %size) = @_;
    srand($seed);
    my $self = bless { setup => [], count => 0, users => 25, merchants => 12, boosts => 5, campaigns => 24, %size }, $class;

    $self->{zone} = pick(@ZONE);
    my ($year, $month, $day) = @{ pick(@MIDDLE) };
    $self->{middle} = Oracle::day_begins($year, $month, $day, $self->{zone});
    $self->{midnights} = [ map { Oracle::day_begins($year, $month, $day + $_, $self->{zone}) } -4 .. 4 ];
    $self->{currency} = pick(qw(USD USD USD JPY BHD));
    $self->{currencies} = [ ($self->{currency}) x 6, pick(grep { $_ ne $self->{currency} } sort keys %EXPONENT) ];
    $self->{generated_ids} = chance(30);

    $self->{oracle} = Oracle->new(exponents => \%EXPONENT, map { $_ => {} } qw(merchants boosts segments campaigns));
    $self->make_settings;
    $self->make_tiers;
    $self->make_people;
    $self->make_boosts;
    $self->make_campaign($_) for 1 .. $self->{campaigns};
    return $self;
}

# ---- chance ----

sub pick { return $_[ rand @_ ] }
sub chance { return rand(100) < $_[0] }
sub between { return $_[0] + int rand($_[1] - $_[0] + 1) }

sub uuid
{
    return sprintf '%08x-%04x-4%03x-8%03x-%012x', between(0, 0xffffffff), between(0, 0xffff), between(0, 0xfff), between(0, 0xfff),
      between(0, 0xffffffff);
}

sub shuffled
{
    my @list = @_;
    for my $i (reverse 1 .. $#list)
    {
        my $j = between(0, $i);
        @list[ $i, $j ] = @list[ $j, $i ];
    }
    return @list;
}

# ---- how values are written ----

# 12345, 2 -> 123.45
sub decimal
{
    my ($integer, $places) = @_;
    return "$integer" if $places == 0;
    my $digits = sprintf '%0*s', $places + 1, "$integer";
    return substr($digits, 0, -$places) . '.' . substr($digits, -$places);
}

# As PostgreSQL's trim_scale() writes it.
sub trimmed
{
    my $text = decimal(@_);
    $text =~ s/\.?0+$// if $text =~ /\./;
    return $text;
}

sub places { return $EXPONENT{ $_[0] } }

sub instant
{
    my ($micros) = @_;
    my $below = $micros % 1_000_000;
    my @t = gmtime(($micros - $below) / 1_000_000);
    return sprintf '%04d-%02d-%02d %02d:%02d:%02d.%06d+00', $t[5] + 1900, $t[4] + 1, @t[ 3, 2, 1, 0 ], $below;
}

sub quoted
{
    my ($value) = @_;
    return 'NULL' unless defined $value;
    $value =~ s/'/''/g;
    return "'$value'";
}

# Named arguments in a fixed order; those undefined are left out.
sub call
{
    my ($function, @arguments) = @_;
    my @named;
    while (my ($name, $value) = splice @arguments, 0, 2)
    {
        push @named, "$name => " . quoted($value) if defined $value;
    }
    return "SELECT swipesavvy.$function(" . join(', ', @named) . ');';
}

sub major { return defined $_[0] ? decimal($_[0], places($_[1])) : undef }
sub json { return defined $_[0] ? $_[0] : 'null' }

# ---- the programme ----

sub make_settings
{
    my ($self) = @_;
    my $unit = 10**places($self->{currency});
    my $s = $self->{oracle}{settings} = {
        earn_rate => pick(1000, 1000, 10_000, 10_000, 1234, 500, 333, 1_000_000, 0),
        point_value_minor => pick(1, 1, 0, 2, 7),
        referral_bonus_points => pick(0, 25, between(1, 300)),
        timezone => $self->{zone},
        currency => $self->{currency},
        max_transaction_amount => chance(30) ? 400 * $unit : undef,
        daily_spending_limit => chance(40) ? between(6, 30) * 10 * $unit : undef,
    };
    push @{ $self->{setup} },
      call('update_system_settings', settings => qq({"currency": "$s->{currency}", "timezone": "$s->{timezone}"})), $self->settings_sql;
    return;
}

sub settings_sql
{
    my ($self) = @_;
    my $s = $self->{oracle}{settings};
    return call('update_system_settings', settings => sprintf(
        '{"earn_rate": %s, "point_value_minor": %s, "referral_bonus_points": %s, "max_transaction_amount": %s, "daily_spending_limit": %s}',
        decimal($s->{earn_rate}, 3), @$s{qw(point_value_minor referral_bonus_points)}, map { json(major($s->{$_}, $s->{currency})) }
          qw(max_transaction_amount daily_spending_limit)));
}

sub make_tiers
{
    my ($self) = @_;
    my $tiers = $self->{oracle}{tiers} = [
        { name => 'bronze', threshold => 0, milli => 1000 }, { name => 'silver', threshold => 2000, milli => 1250 },
        { name => 'gold', threshold => 5000, milli => 1500 }, { name => 'platinum', threshold => 10_000, milli => 2000 } ];
    return if chance(30);
    my $threshold = 0;
    @$tiers = map {
        my $tier = { name => "level $_", threshold => $threshold, milli => pick(1000, 1000, 2000, between(700, 3000)) };
        $threshold += pick(10, 20, between(1, 60) * 10);
        $tier
    } 1 .. between(1, 6);
    push @{ $self->{setup} }, $self->tiers_sql;
    return;
}

sub tiers_sql
{
    my ($self) = @_;
    return call('update_tiers', tiers => '[' . join(', ', map {
        sprintf '{"tier": "%s", "threshold": %s, "multiplier": %s}', $_->{name}, $_->{threshold}, decimal($_->{milli}, 3)
    } shuffled(@{ $self->{oracle}{tiers} })) . ']');
}

sub make_people
{
    my ($self) = @_;
    my $o = $self->{oracle};
    my $setup = $self->{setup};

    my $users = $self->{users};
    $self->{users} = [];
    push @$setup, $self->new_user for 1 .. $users;
    $self->{merchants} = [ map { uuid() } 1 .. $self->{merchants} ];
    for my $i (0 .. $#{ $self->{merchants} })
    {
        my $merchant = $self->{merchants}[$i];
        $o->{merchants}{$merchant} = { category => $CATEGORY[ $i % 8 ] };
        push @$setup, call('create_merchant', name => "Merchant $i", category => $CATEGORY[ $i % 8 ], merchant_id => $merchant);
    }
    for my $segment (qw(new loyal far))
    {
        my @members = grep { chance(40) } @{ $self->{users} };
        $o->{segments}{$segment} = { map { $_ => 1 } @members };
        push @$setup, call('create_segment', name => $segment),
          call('add_segment_members', name => $segment, user_ids => '{' . join(',', @members) . '}');
    }
    return;
}

# The call that makes one more user, perhaps brought by another.
sub new_user
{
    my ($self) = @_;
    my $user = uuid();
    my $brought_by = @{ $self->{users} } && chance(60) ? pick(@{ $self->{users} }) : undef;
    $self->{oracle}->add_user($user, $brought_by);
    push @{ $self->{users} }, $user;
    return call('create_user', email => "$user\@example.com", name => 'Somebody', user_id => $user, referred_by => $brought_by);
}

sub make_boosts
{
    my ($self) = @_;
    for (1 .. $self->{boosts})
    {
        my $id = uuid();
        my $boost = $self->{oracle}{boosts}{$id} = {
            milli => between(1000, 3500),
            category => chance(50) ? pick(@CATEGORY) : undef,
            starts => pick(@{ $self->{midnights} }[ 0 .. 3 ]),
            expires => pick(@{ $self->{midnights} }[ 4 .. 8 ]),
            users => {},
        };
        push @{ $self->{setup} }, call('create_boost', name => 'Boost', multiplier => decimal($boost->{milli}, 3),
            category => $boost->{category}, starts_at => instant($boost->{starts}), expires_at => instant($boost->{expires}),
            boost_id => $id);
        push @{ $self->{setup} }, $self->switch_boost($id, $_) for grep { chance(30) } @{ $self->{users} };
    }
    return;
}

sub switch_boost
{
    my ($self, $id, $user) = @_;
    my $users = $self->{oracle}{boosts}{$id}{users};
    my $function = $users->{$user} ? 'deactivate_boost' : 'activate_boost';
    $users->{$user} = !$users->{$user};
    return call($function, user_id => $user, boost_id => $id);
}

sub make_campaign
{
    my ($self, $number) = @_;
    my $id = 'CAMP-' . pick('a', 'A', 'b', 'Z', '_', '1') . pick('', '-', '_', '.') . $number;
    my $currency = pick(@{ $self->{currencies} });
    my $unit = 10**places($currency);
    my $offer = pick(@OFFER);
    my $c = $self->{oracle}{campaigns}{$id} = {
        currency => $currency,
        offer_type => $offer,
        offer_amount => $offer eq 'PERCENTAGE' ? pick(between(0, 100_000), 100_000, 12_500)
          : $offer =~ /^(BOGO|OTHER)$/ ? between(0, 9) * $unit : between(0, 25 * $unit),
        max_discount => chance(40) ? between(0, 20 * $unit) : undef,
        start => chance(60) ? $self->{midnights}[0] - 30 * $DAY : $self->near_midnight,
        end => chance(50) ? undef : chance(50) ? $self->near_midnight : $self->{midnights}[8] - between(0, 4 * $DAY),
        target_merchant => chance(12) ? pick(@{ $self->{merchants} }) : undef,
        target_category => chance(20) ? pick(@CATEGORY) : undef,
        target_segment => chance(20) ? pick(qw(new loyal far)) : undef,
        min_spend => chance(30) ? between(0, 60) * $unit : undef,
        per_user_limit => chance(30) ? between(1, 3) : undef,
        daily_limit => chance(25) ? between(1, 4) : undef,
        budget => pick(undef, undef, 0, between(1, 30) * $unit, between(30, 400) * $unit, between(30, 400) * $unit),
        priority => between(0, 3),
        stackable => chance(35) ? 1 : 0,
        points_multiplier => chance(50) ? 1000 : between(1000, 3000),
        bonus_points => chance(60) ? 0 : between(1, 300),
        hold_out => chance(70) ? 0 : between(1, 10_000),
        status => pick(('running') x 20, 'draft', 'paused', 'completed', 'archived'),
    };
    $c->{end} = $c->{start} + between(1, $DAY) if defined $c->{end} && $c->{end} <= $c->{start};
    # A budget that can be spent to the last cent.
    $c->{budget} = between(1, 4) * $c->{offer_amount} if $offer eq 'FIXED_DISCOUNT' && chance(50);
    push @{ $self->{setup} }, create_sql($id, $c), status_sql($id, $c->{status});
    return;
}

sub create_sql
{
    my ($id, $c) = @_;
    return call('create_campaign',
        name => "Campaign $id", campaign_type => pick(@TYPE), offer_type => $c->{offer_type},
        offer_amount => $c->{offer_type} =~ /DISCOUNT|SHIPPING/ ? major($c->{offer_amount}, $c->{currency}) : decimal($c->{offer_amount}, 3),
        start_date => instant($c->{start}), end_date => defined $c->{end} ? instant($c->{end}) : undef,
        target_segment => $c->{target_segment}, target_merchant_id => $c->{target_merchant}, target_category => $c->{target_category},
        budget => major($c->{budget}, $c->{currency}), currency => $c->{currency},
        per_user_limit => $c->{per_user_limit}, daily_limit => $c->{daily_limit},
        min_spend => major($c->{min_spend}, $c->{currency}), max_discount => major($c->{max_discount}, $c->{currency}),
        priority => $c->{priority}, stackable => $c->{stackable} ? 'true' : 'false',
        points_multiplier => decimal($c->{points_multiplier}, 3), bonus_points => $c->{bonus_points},
        hold_out => decimal($c->{hold_out}, 2), campaign_id => $id);
}

# From draft to that status.
sub status_sql
{
    my ($id, $status) = @_;
    my $launch = call('launch_campaign', campaign_id => $id, schedule => 'scheduled');
    return {
        draft => [],
        running => [$launch],
        paused => [ $launch, call('pause_campaign', campaign_id => $id) ],
        completed => [ $launch, call('update_campaign', campaign_id => $id, changes => '{"status": "completed"}') ],
        archived => [ call('delete_campaign', campaign_id => $id) ],
    }->{$status}->@*;
}

# ---- changes while purchases come in: SQL, the oracle's picture already changed ----

sub changes
{
    my ($self) = @_;
    my $o = $self->{oracle};
    my @sql;

    for my $id (sort keys %{ $o->{campaigns} })
    {
        push @sql, $self->change_campaign($id, $o->{campaigns}{$id}) if chance(30);
    }
    push @sql, $self->switch_boost(pick(sort keys %{ $o->{boosts} }), pick(@{ $self->{users} })) for 1 .. 10;
    for my $segment (sort keys %{ $o->{segments} })
    {
        my $user = pick(@{ $self->{users} });
        my $member = $o->{segments}{$segment}{$user};
        $o->{segments}{$segment}{$user} = !$member;
        push @sql, call($member ? 'remove_segment_members' : 'add_segment_members', name => $segment, user_ids => "{$user}");
    }
    my $merchant = pick(@{ $self->{merchants} });
    my $category = $o->{merchants}{$merchant}{category} = pick(@CATEGORY);
    push @sql, call('update_merchant', merchant_id => $merchant, changes => qq({"category": "$category"}));

    $o->{settings}{$_->[0]} = $_->[1] for [ earn_rate => between(0, 20_000) ], [ point_value_minor => between(0, 3) ],
      [ referral_bonus_points => pick(0, between(1, 300)) ];
    push @sql, $self->settings_sql;

    # Thresholds only sink: nobody's tier does then.
    for my $tier (@{ $o->{tiers} })
    {
        $tier->{threshold} -= int($tier->{threshold} / 3);
        $tier->{milli} = between(700, 3000);
    }
    push @sql, $self->tiers_sql;
    return @sql;
}

sub change_campaign
{
    my ($self, $id, $c) = @_;
    return () if $c->{status} eq 'archived';
    my $was = $c->{status};
    if ($was eq 'paused' || $was eq 'draft' || ($was eq 'running' && chance(15)))
    {
        $c->{status} = $was eq 'running' ? 'paused' : 'running';
        return $was eq 'running'
          ? call('pause_campaign', campaign_id => $id)
          : call('launch_campaign', campaign_id => $id, schedule => 'scheduled');
    }
    my $unit = 10**places($c->{currency});
    my ($key, $value, $written) = @{ pick(
        [ priority => map { $_, $_ } between(0, 5) ],
        [ bonus_points => map { $_, $_ } between(0, 100) ],
        [ per_user_limit => map { $_, $_ } between(1, 5) ],
        [ daily_limit => map { $_, $_ } between(1, 5) ],
        [ points_multiplier => map { $_, decimal($_, 3) } between(1000, 4000) ],
        [ hold_out => map { $_, decimal($_, 2) } between(0, 10_000) ],
        [ stackable => $c->{stackable} ? (0, 'false') : (1, 'true') ],
        [ min_spend => map { $_, major($_, $c->{currency}) } between(0, 40 * $unit) ],
        [ budget => map { $_, major($_, $c->{currency}) } $self->{oracle}->spent($id) + between(0, 50 * $unit) ],
    ) };
    $c->{$key} = $value;
    return call('update_campaign', campaign_id => $id, changes => qq({"$key": $written}));
}

# ---- purchases ----

# An instant around a midnight of the programme's time zone, often exactly one.
sub near_midnight
{
    my ($self) = @_;
    return pick(@{ $self->{midnights} }) + pick(0, 0, 1, -1, between(-3_600_000_000, 3_600_000_000));
}

# So many purchases, in the order in which the rules process those of one statement.
sub purchases
{
    my ($self, $count) = @_;
    my (@purchases, @instants);

    push @purchases, $self->purchase(\@instants) for 1 .. $count;
    # One that is beyond 64 bits in between; the first time with little room left below 64 bits in the end.
    pick(@purchases)->{amount} = '9' . join '', map { between(0, 1) } 1 .. ($self->{huge}++ ? pick(12, 15) : 18);
    return $self->in_order(@purchases);
}

# A purchase; perhaps at one of these instants, to which its own is added.
sub purchase
{
    my ($self, $instants) = @_;
    my $currency = pick(@{ $self->{currencies} });
    my $unit = 10**places($currency);
    my $occurred = @$instants && chance(25) ? pick(@$instants)
      : chance(50) ? $self->near_midnight : $self->{middle} + between(-4 * $DAY, 4 * $DAY);

    push @$instants, $occurred;
    return {
        key => 'p' . ++$self->{count},
        id => uuid(),
        user => pick(@{ $self->{users} }),
        merchant => chance(85) ? pick(@{ $self->{merchants} }) : undef,
        amount => pick(0, 1, between(1, 9), (map { between(1, 150 * $unit) } 1 .. 4), between(1, 60) * $unit,
            (map { between(1, 9) * 10 * $unit } 1 .. 3)),
        currency => $currency,
        occurred => $occurred,
        status => pick(('completed') x 16, ('pending') x 2, 'failed', 'cancelled'),
        shipping => chance(40) ? between(0, 12 * $unit) : undef,
    };
}

# ---- what happens to them later ----

# An amount to be refunded, often one that cannot be.
sub refund_amount
{
    my ($p) = @_;
    my $left = Math::BigInt->new($p->{amount}) - $p->{refunded};
    return pick(undef, undef, 0, 1, 1, 7, $left, $left + 1, $left - 1, map { Oracle::times_over($left, between(0, 100), 100) } 1 .. 6);
}

# Another amount to be settled, or the same: a tip, less than was held, much more, one that is none.
sub settled_amount
{
    my ($p) = @_;
    my $amount = Math::BigInt->new($p->{amount});
    my $settled = pick(0, 1, 7, $amount, $amount + 1, $amount + between(1, 500), map { Oracle::times_over($amount, between(1, 300), 100) } 1 .. 6);
    return "$settled";
}

# The next operation on a purchase that is there. Most of them can be done; some are repeated with the same key.
sub operation
{
    my ($self) = @_;
    my $o = $self->{oracle};
    return { %{ $self->{repeatable} } } if $self->{repeatable} && chance(15);
    my @purchases = map { $o->{by_key}{$_} } sort keys %{ $o->{by_key} };
    my @pending = grep { $_->{status} eq 'pending' } @purchases;
    my @completed = grep { $_->{status} eq 'completed' && $_->{refunded} < $_->{amount} } @purchases;
    my $op = { what => pick(('settle') x 4, qw(decline decline late nearly lapse expire), ('refund') x 12, ('redeem') x 4, ('adjust') x 3, 'donate', ('cancel') x 3) };
    my @likely = $op->{what} eq 'refund' ? @completed : @pending;
    my $p = @likely && chance(90) ? pick(@likely) : pick(@purchases);

    $op->{key} = $p->{key};
    return $self->spending($op, $p) if $op->{what} =~ /^(redeem|donate|adjust|expire|cancel)$/;
    @$op{qw(what amount)} = ('settle_for', settled_amount($p)) if $op->{what} eq 'settle' && chance(60);
    return $op if $op->{what} ne 'refund';
    my $amount = refund_amount($p);
    $op->{amount} = defined $amount ? "$amount" : undef;
    $op->{refund_key} = 'r' . between(1, 5) if chance(40);
    $self->{repeatable} = $op if defined $op->{refund_key};
    return $op;
}

# Points that are spent, given or taken, often too many; or what expires some months after a purchase.
sub spending
{
    my ($self, $op, $p) = @_;
    my $available = $self->{oracle}{users}{ $p->{user} }{available};

    if ($op->{what} eq 'expire')
    {
        $op->{months} = pick(0, 1, 1, 3, 12, 24);
        $op->{as_of} = $p->{occurred} + ($op->{months} * 30 + between(0, 62)) * 86_400_000_000;
        $op->{as_of} = $p->{occurred} if $op->{as_of} > (time() - 86_400) * 1_000_000;
        return $op;
    }
    if ($op->{what} eq 'cancel')
    {
        $op->{which} = between(0, scalar @{ $self->{oracle}{users}{ $p->{user} }{redemptions} // [] });
        return $op;
    }
    my $points = pick(0, 1, 1, 5, 20, $available, $available, $available + 1, Oracle::times_over($available, between(0, 100), 100));
    $points = -$points if $op->{what} eq 'adjust' && chance(50);
    $op->{amount} = "$points";
    $op->{refund_key} = 'r' . between(1, 5) if chance(40);
    $self->{repeatable} = $op if defined $op->{refund_key};
    return $op;
}

# The id of a purchase; one that was generated is looked up by the key.
sub id_sql
{
    my ($self, $key) = @_;
    return quoted($self->{oracle}{by_key}{$key}{id}) if !$self->{generated_ids};
    return "(SELECT transaction_id FROM swipesavvy.transactions WHERE idempotency_key = '$key')";
}

# As arguments of the function that does it in a database.
sub operation_sql
{
    my ($self, $op) = @_;
    return 'SELECT public.spend(' . join(', ', quoted($op->{what}), $self->id_sql($op->{key}), map { quoted($_) } @$op{qw(amount refund_key months)}, defined $op->{as_of} ? instant($op->{as_of}) : undef, $op->{which}) . ');'
      if $op->{what} =~ /^(redeem|donate|adjust|expire|cancel)$/;
    my $currency = $self->{oracle}{by_key}{ $op->{key} }{currency};
    my $amount = $op->{amount};
    my $sign = defined $amount && $amount =~ s/^-// ? '-' : '';
    return 'SELECT public.operate(' . join(', ', quoted($op->{what}), $self->id_sql($op->{key}), map { quoted($_) } defined $amount ? $sign . major($amount, $currency) : undef,
        $op->{refund_key}, places($currency)) . ');';
}

# Generated ids ascend in input order; then that breaks ties, and here it is the order of the list.
sub in_order
{
    my ($self, @purchases) = @_;
    return sort { $a->{occurred} <=> $b->{occurred} } @purchases if $self->{generated_ids};
    return sort { $a->{occurred} <=> $b->{occurred} || $a->{id} cmp $b->{id} } @purchases;
}

# The same purchases as a client may give them to one statement: in any order that is processed as given.
sub as_input
{
    my ($self, @purchases) = @_;
    return shuffled(@purchases) unless $self->{generated_ids};
    my %tied;
    push @{ $tied{ $_->{occurred} } }, $_ for @purchases;
    return map { shift @{ $tied{ $_->{occurred} } } } shuffled(@purchases);
}

# A purchase as name => value pairs: amounts in minor or major units, as the door wants them.
sub columns
{
    my ($self, $p, $amount) = @_;
    return (
        $self->{generated_ids} ? () : (transaction_id => $p->{id}),
        user_id => $p->{user},
        $amount eq 'amount' ? (amount => major($p->{amount}, $p->{currency})) : (amount_minor => $p->{amount}),
        currency => $p->{currency},
        merchant_id => $p->{merchant},
        occurred_at => defined $p->{occurred} ? instant($p->{occurred}) : undef,
        status => $p->{status},
        idempotency_key => $p->{key},
        metadata => defined $p->{shipping} ? sprintf('{"shipping_amount": %s}', major($p->{shipping}, $p->{currency})) : undef,
    );
}

1;
