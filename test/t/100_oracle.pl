# The award engine against a second, slow reading of the same rules (lib/Oracle.pm): random programmes and purchases
# (lib/World.pm) go through the three doors in three databases, and points, discounts, awards, tiers, balances, budgets
# and the recorded reasons must be the oracle's, to the last point and cent.
#
# SWIPESAVVY_SEED repeats a run, SWIPESAVVY_PROGRAMMES sets how many programmes are tried (default 4).
# Takes long: begun among the first.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;

use Answers;
use Oracle;
use SwipeSavvy qw(new_node create_extension);
use World;

# ---- the oracle itself, on cases computed by hand ----

my $MIDNIGHT = 1_704_067_200_000_000;    # 2024-01-01 00:00 UTC
my $SECOND = 1_000_000;

sub programme
{
    my (%campaigns) = @_;
    my $o = Oracle->new(
        settings => { earn_rate => 1000, point_value_minor => 1, timezone => 'UTC', currency => 'USD' },
        exponents => { USD => 2, JPY => 0, BHD => 3 },
        tiers => [ { name => 'low', threshold => 0, milli => 1000 }, { name => 'high', threshold => 100, milli => 1250 } ],
        merchants => { cafe => { category => 'Restaurants & Cafes' } },
        boosts => {}, segments => {}, campaigns => {});
    $o->add_user($_) for qw(ann bob);
    $o->{campaigns}{$_} = {
        status => 'running', currency => 'USD', offer_type => 'OTHER', offer_amount => 0, start => 0, priority => 0,
        stackable => 0, points_multiplier => 1000, bonus_points => 0, hold_out => 0, %{ $campaigns{$_} }
    } for keys %campaigns;
    return $o;
}

my $recorded = 0;

sub buy
{
    my ($o, $amount, %more) = @_;
    return $o->record({
        id => ++$recorded, user => 'ann', amount => $amount, currency => 'USD', status => 'completed', occurred => $MIDNIGHT, %more
    }, delete $more{now});
}

# The awards in order, as campaign:points:discount:cost.
sub awards
{
    my ($p) = @_;
    return join ' ', map { "$_->{campaign}:$_->{points}:$_->{discount}:$_->{cost}" } @{ $p->{awards} };
}

sub refused
{
    my ($p) = @_;
    return join ' ', sort keys %{ $p->{refused} };
}

subtest 'by hand: base points' => sub {
    my $o = programme();
    $o->{settings}{earn_rate} = 1500;
    $o->{tiers}[0]{milli} = 1250;
    $o->{boosts}{b} = { milli => 1333, starts => 0, users => { ann => 1 } };
    # 1234 x 1500 x 1250 x 1333 = 3,084,228,750,000
    is(buy($o, 1234)->{base}, 30, '12.34 dollars');
    is(buy($o, 1234, currency => 'JPY', user => 'bob')->{base}, 2313, '1234 yen without the boost');
    is(buy($o, 1234, currency => 'BHD')->{base}, 3, '1.234 dinars');

    $o = programme();
    $o->{settings}{earn_rate} = 1_000_000;
    is(buy($o, '922337203685477580')->{base}, '9223372036854775800', '1000 points a dollar, almost 64 bits');
    is(refused(buy($o, 100, user => 'ann')), '22003', 'a balance beyond 64 bits');
    is(refused(buy($o, '922337203685477581', user => 'bob')), '22003', 'points beyond 64 bits');
};

subtest 'by hand: boosts' => sub {
    my $o = programme();
    my $boost = sub { return { milli => $_[0], starts => $MIDNIGHT, expires => $MIDNIGHT + 10, users => { ann => 1 }, @_[ 1 .. $#_ ] } };
    $o->{boosts} = {
        a => $boost->(2000), b => $boost->(3000, category => 'Restaurants & Cafes'), c => $boost->(9000, users => {}) };
    is(buy($o, 100, occurred => $MIDNIGHT - 1)->{base}, 1, 'before');
    is(buy($o, 100)->{base}, 2, 'from the first instant; without a merchant no category');
    is(buy($o, 100, merchant => 'cafe')->{base}, 3, 'the largest, not the product');
    is(buy($o, 100, occurred => $MIDNIGHT + 10)->{base}, 1, 'not in the last instant');
};

subtest 'by hand: what a campaign gives' => sub {
    my @cases = (
        [ FIXED_DISCOUNT => 1200, undef, undef, 999 ], [ FIXED_DISCOUNT => 500, 100, undef, 500 ],
        [ PERCENTAGE => 12_500, undef, undef, 124 ], [ PERCENTAGE => 12_500, 100, undef, 100 ],
        [ PERCENTAGE => 100_000, undef, undef, 999 ], [ BOGO => 1, undef, undef, 499 ], [ BOGO => 1, 300, undef, 300 ],
        [ FREE_SHIPPING => 600, 100, undef, 600 ], [ FREE_SHIPPING => 600, undef, 499, 499 ], [ FREE_SHIPPING => 2000, undef, 1500, 999 ],
        [ OTHER => 700, undef, 300, 0 ]);
    for (@cases)
    {
        my ($type, $amount, $max, $shipping, $discount) = @$_;
        my $o = programme(C => { offer_type => $type, offer_amount => $amount, max_discount => $max });
        is(awards(buy($o, 999, shipping => $shipping)), "C:0:$discount:$discount", join ' ', $type, map { $_ // '-' } $amount, $max, $shipping);
    }
    my $o = programme(C => { points_multiplier => 1500, bonus_points => 5 }, D => { points_multiplier => 3000, stackable => 1 });
    $o->{settings}{point_value_minor} = 2;
    # base 33: floor(16.5) + 5 = 21; 2 x 33 = 66, on the base alone
    is(awards(buy($o, 3399)), 'C:21:0:42 D:66:0:132', 'bonuses on the base');
};

subtest 'by hand: who matches' => sub {
    my %why = (
        status => { status => 'paused' }, start_date => { start => $MIDNIGHT + 1 }, end_date => { end => $MIDNIGHT },
        currency => { currency => 'JPY' }, merchant => { target_merchant => 'bar' }, category => { target_category => 'Services' },
        segment => { target_segment => 'few' }, min_spend => { min_spend => 1001 });
    my $o = programme(%why, first => { start => $MIDNIGHT, end => $MIDNIGHT + 1, min_spend => 1000, target_merchant => 'cafe',
        target_category => 'Restaurants & Cafes', target_segment => 'many' });
    $o->{segments} = { few => { bob => 1 }, many => { ann => 1 } };
    my $p = buy($o, 1000, merchant => 'cafe');
    is($p->{reasons}{$_}, $_, "excluded by $_") for sort keys %why;
    is(awards($p), 'first:0:0:0', 'on every border, and a redemption of nothing');
    is(buy($o, 0, merchant => 'cafe')->{reasons}{first}, 'amount', 'a purchase of nothing');
    is(buy($o, 1000, status => 'failed')->{points} + 0, 0, 'a failed purchase');

    # The values of the hash are published ones; 1312 of 10,000 are below 13.13 per cent and not below 13.12.
    is(Oracle::bucket('checkout-copy', 'user-1001'), 1312, 'the hash');
    is(Oracle::bucket("holdout:C", 'ann'), 4508, 'the hash of a held-out user');
    is(buy(programme(C => { hold_out => 4508 }), 1)->{reasons}{C}, undef, 'at the border');
    is(buy(programme(C => { hold_out => 4509 }), 1)->{reasons}{C}, 'hold_out', 'held out');
};

subtest 'by hand: limits' => sub {
    my $o = programme(C => { per_user_limit => 1 });
    my $first = buy($o, 100, status => 'pending');
    is(buy($o, 100)->{reasons}{C}, 'per_user_limit', 'a pending purchase counts');
    is(awards(buy($o, 100, user => 'bob')), 'C:0:0:0', 'for its user');
    $o->decline($first->{id});
    my $next = buy($o, 100);
    is(awards($next), 'C:0:0:0', 'a declined one does not');
    $o->refund($next->{id}, 99, $MIDNIGHT);
    is(buy($o, 100)->{reasons}{C}, 'per_user_limit', 'a partly refunded one counts');
    $o->refund($next->{id}, undef, $MIDNIGHT);
    is(awards(buy($o, 100)), 'C:0:0:0', 'a fully refunded one does not');

    $o = programme(C => { daily_limit => 1 });
    $o->{settings}{timezone} = 'America/New_York';
    my $night = $MIDNIGHT + 5 * 3600 * $SECOND;
    is(awards(buy($o, 100, occurred => $night - 1)), 'C:0:0:0', 'the last instant of a day in New York');
    is(buy($o, 100, occurred => $night - 86_400 * $SECOND, user => 'bob')->{reasons}{C}, 'daily_limit', 'its first, another user');
    is(awards(buy($o, 100, occurred => $night)), 'C:0:0:0', 'the next day');

    $o = programme();
    $o->{settings} = { %{ $o->{settings} }, max_transaction_amount => 500, daily_spending_limit => 800 };
    is(refused(buy($o, 501)), 'PT409', 'over the largest amount');
    is(refused(buy($o, 501, currency => 'BHD')), '', 'in another currency');
    buy($o, 500, status => 'pending');
    is(refused(buy($o, 301)), 'PT409', 'over the total of the day');
    is(refused(buy($o, 301, status => 'cancelled')), '', 'a cancelled one');
    is(refused(buy($o, 300)), '', 'reaching both limits');
    is(refused(buy($o, 1, occurred => $MIDNIGHT + 86_400 * $SECOND)), '', 'the next day');
};

subtest 'by hand: choosing' => sub {
    my $fixed = sub { return { offer_type => 'FIXED_DISCOUNT', offer_amount => $_[0], @_[ 1 .. $#_ ] } };
    my $o = programme(
        a => $fixed->(300), B => $fixed->(300), A => $fixed->(299), high => $fixed->(200, priority => 1, budget => 199));
    my $p = buy($o, 1000);
    is(awards($p), 'B:0:300:300', 'the larger cost, then byte order');
    is_deeply($p->{reasons}, { a => 'exclusive', B => undef, A => 'exclusive', high => 'budget' }, 'why the others do not');
    $o->{campaigns}{high}{budget} = 200;
    is(awards(buy($o, 1000)), 'high:0:200:200', 'the budget to the last cent');
    is(awards(buy($o, 1000)), 'B:0:300:300', 'and then it is gone');

    $o = programme(
        base => $fixed->(700), s1 => $fixed->(500, stackable => 1, priority => 9), s2 => $fixed->(500, stackable => 1),
        s3 => $fixed->(500, stackable => 1, bonus_points => 10), s4 => { stackable => 1, budget => 0 },
        s5 => { offer_type => 'BOGO', stackable => 1, max_discount => 0, priority => 10 });
    $p = buy($o, 1000);
    is(awards($p), 'base:0:700:700 s1:0:300:300 s3:10:0:10 s4:0:0:0', 'cut to what is left; whole bonus');
    is("$p->{reasons}{s2} $p->{reasons}{s5}", 'no_gain no_gain', 'nothing left to give');
    is("$p->{discount} $p->{bonus} $p->{points}", '1000 10 20', 'in sum');

    $o = programme(none => $fixed->(0, priority => 5), next => $fixed->(100, priority => 4), last => $fixed->(0, priority => 3));
    $p = buy($o, 1000);
    is(awards($p), 'next:0:100:100', 'after one that gives nothing');
    is("$p->{reasons}{none} $p->{reasons}{last}", 'no_gain exclusive', 'the reason depends on whether it was tried');

    $o = programme(C => $fixed->(100, budget => 100));
    my $held = buy($o, 1000, status => 'pending');
    is(buy($o, 1000)->{reasons}{C}, 'budget', 'a pending purchase reserves');
    $o->decline($held->{id});
    $p = buy($o, 1000);
    $o->refund($p->{id}, 333, $MIDNIGHT);
    is($o->spent('C'), 67, 'floor(100 x 333 / 1000) came back');
    is_deeply([ buy($o, 34)->{reasons}{C}, buy($o, 33)->{reasons}{C} ], [ 'budget', undef ], 'and can be spent again');
};

subtest 'by hand: points, tiers, refunds' => sub {
    my $o = programme();
    my $ann = $o->{users}{ann};
    my $pending = buy($o, 9900, status => 'pending', now => $MIDNIGHT);
    is("$ann->{available} $ann->{pending} $ann->{lifetime} $ann->{tier}", '0 99 0 low', 'held while pending');
    $o->settle($pending->{id}, $MIDNIGHT);
    is("$ann->{available} $ann->{pending} $ann->{lifetime} $ann->{tier}", '99 0 99 low', 'settled');
    is(buy($o, 199, now => $MIDNIGHT)->{tier_after}, 'high', 'the threshold itself is enough');
    my $p = buy($o, 2679, now => $MIDNIGHT);
    is($p->{points}, 33, 'at the new tier: floor(33.4875)');
    # 33 x 893 / 2679 = 11 exactly; 33 x 1785 / 2679 = 21.98
    is_deeply([ map { "$_" } map { $o->refund($p->{id}, $_, $MIDNIGHT) } 893, 892, undef ], [ 11, 10, 12 ], 'refunds in parts');
    $o->refund($pending->{id}, undef, $MIDNIGHT);
    is("$ann->{available} $ann->{lifetime} $ann->{tier}", '1 1 high', 'the tier is kept');
    my $until = Oracle::day_begins(2026, 1, 1, 'UTC');
    $o->refund(buy($o, 100, now => $until - 1)->{id}, undef, $until - 1);
    is($ann->{tier}, 'high', 'to the end of the year after');
    is(buy($o, 100, now => $until)->{tier_after}, 'low', 'and no longer');
};

subtest 'by hand: settled for another amount' => sub {
    my $fixed = sub { return { offer_type => 'FIXED_DISCOUNT', offer_amount => $_[0], stackable => 1, @_[ 1 .. $#_ ] } };
    my $o = programme(a => $fixed->(300, budget => 1000), b => $fixed->(300, points_multiplier => 2000));
    my $ann = $o->{users}{ann};
    my $p = buy($o, 400, status => 'pending', now => $MIDNIGHT);
    my $settle = sub { return $o->do_settle({ amount => $_[1] }, $_[0], $MIDNIGHT) };
    is(awards($p), 'a:0:300:300 b:4:100:104', 'as recorded');
    @{ $o->{settings} }{qw(earn_rate)} = 7000;
    $o->{campaigns}{b} = $fixed->(50, status => 'paused');
    is($settle->($p, 1000), 'completed 20 20 0 low', 'by the rate and the terms of then');
    is(awards($p), 'a:0:300:300 b:10:300:310', 'cut anew');
    is("$p->{amount} $p->{base} $p->{discount} $ann->{pending} " . $o->total('ann'), '1000 10 600 0 1000', 'everything is of the new amount');
    is($settle->($p, 500), 'PT400', 'once');

    $o = programme(c => { offer_type => 'PERCENTAGE', offer_amount => 10_000, budget => 110 });
    $p = buy($o, 1000, status => 'pending');
    is($settle->($p, 0), '22023', 'not for nothing');
    is($settle->($p, 1110), 'completed 11 11 0 low', 'a cent more than the budget has');
    is(awards($p), 'c:0:100:100', 'keeps the award');
    $o->{campaigns}{c}{budget} = 211;
    $p = buy($o, 1000, status => 'pending');
    $settle->($p, 1119);
    is(awards($p) . ' ' . $o->spent('c'), 'c:0:111:111 211', 'to the last cent');
    $p = buy($o, 0, status => 'pending');
    $o->{settings}{point_value_minor} = 500;
    is($settle->($p, 100), 'completed 1 23 0 low', 'of nothing something');
};

# ---- the database, through three doors ----

# Equal lists of lines, or the first differences and no more.
sub same_lines
{
    my ($got, $expected, $name) = @_;
    my @differences = Answers::differences($got, $expected);

    return pass("$name (" . @$expected . ')') unless @differences;
    fail($name);
    diag($_) for splice @differences, 0, 12;
    diag('and ' . @differences . ' more differences') if @differences;
    return;
}

# What a script prints; it must succeed, and when it does not, the server's words are worth more than the script.
sub run
{
    my ($node, $db, @script) = @_;
    my $status = $node->psql($db, join("\n", @script), stdout => \my $out, stderr => \my $errors);
    die "$db: $errors" if $status != 0;
    return $out;
}

sub lines { return [ sort split /\n/, run(@_) ] }

# One call each; every eighth is repeated, with the same key, and must answer the same.
sub by_call
{
    my ($node, $db, $world, $purchases, $results) = @_;
    my ($script, @expected) = ('');

    for my $i (0 .. $#$purchases)
    {
        my ($p, $r) = ($purchases->[$i], $results->[$i]);
        my $call = World::call('record_transaction', $world->columns($p, 'amount'));
        $call =~ s/^SELECT (.*);$/SELECT '$p->{key} ' || answer($1);\n\\if :ERROR\n\\echo $p->{key} refused :SQLSTATE\n\\endif\n/;
        push @expected, $r->{refused} ? "$p->{key} refused " . refused($r) : "$p->{key} " . Answers::answer($r);
        $script .= $call;
        next if $i % 8 || $r->{refused};
        push @expected, "$p->{key} " . Answers::answer($r, 'true');
        $script .= $call;
    }
    $node->psql($db, $script, stdout => \my $out, stderr => \my $errors, on_error_stop => 0);
    # Where a purchase breaks two rules, either may be named.
    my %either = map { $_ => 1 } grep { /refused \S+ \S/ } @expected;
    for my $line (split /\n/, $out)
    {
        my ($key, $code) = $line =~ /^(\S+) refused (\S+)$/ or next;
        my ($both) = grep { /^$key refused .*\b$code\b/ } keys %either or next;
        $out =~ s/^\Q$line\E$/$both/m;
    }
    same_lines([ split /\n/, $out ], \@expected, 'the answers of record_transaction');
    return;
}

# Purchases into a new table public.given, in this order; the list of its columns.
sub give
{
    my ($node, $db, $world, @purchases) = @_;
    my @rows = map { { $world->columns($_, 'amount_minor') } } @purchases;
    my @columns = sort keys %{ $rows[0] };
    my $list = join ', ', @columns;
    my $values = join ",\n", map { my $row = $_; '(' . join(', ', map { World::quoted($row->{$_}) } @columns) . ')' } @rows;
    run($node, $db, qq{
        DROP TABLE IF EXISTS public.given;
        CREATE TABLE public.given AS SELECT $list FROM swipesavvy.purchases LIMIT 0;
        INSERT INTO public.given ($list) VALUES $values});
    return $list;
}

# One statement, in one of three ways; it fails as a whole with one purchase that is refused, so those are left out then.
sub by_view
{
    my ($node, $db, $world, $purchases, $results, $way) = @_;
    my @taken = $world->as_input(map { $purchases->[$_] } grep { !$results->[$_]{refused} } 0 .. $#$purchases);
    my %codes = map { $_ => 1 } map { keys %{ $_->{refused} // {} } } @$results;

    if (%codes)
    {
        my $list = give($node, $db, $world, @$purchases);
        $node->psql($db, "INSERT INTO swipesavvy.purchases ($list) SELECT $list FROM public.given;\n\\echo :SQLSTATE",
            stdout => \my $code, stderr => \my $error, on_error_stop => 0);
        ok($codes{$code}, "a statement with refused purchases fails with $code");
    }
    my $list = give($node, $db, $world, @taken);
    if ($way == 0)
    {
        my $text = run($node, $db, "COPY public.given ($list) TO STDOUT");
        run($node, $db, "COPY swipesavvy.purchases ($list) FROM STDIN;\n$text\n\\.\n");
        return;
    }
    run($node, $db, $way == 1
        ? "INSERT INTO swipesavvy.purchases ($list) SELECT $list FROM public.given"
        : "WITH moved AS (DELETE FROM public.given RETURNING *), done AS (INSERT INTO swipesavvy.purchases ($list)
           SELECT $list FROM moved RETURNING 1) SELECT count(*) FROM done");
    return;
}

# Lists of 40, or the import of a table; both set aside what is refused.
sub by_list
{
    my ($node, $db, $world, $purchases, $results, $way) = @_;
    if ($way == 1)
    {
        # The name of a table that was imported is taken: its import is over.
        give($node, $db, $world, $world->as_input(@$purchases));
        run($node, $db, "ALTER TABLE public.given RENAME TO $purchases->[0]{key};",
            "CALL swipesavvy.import_purchases('public.$purchases->[0]{key}', 30)");
        return;
    }
    my %result = map { $purchases->[$_]{key} => $results->[$_] } 0 .. $#$purchases;
    my (@got, @expected);
    for (my $from = 0; $from < @$purchases; $from += 40)
    {
        my $to = $from + 39 < $#$purchases ? $from + 39 : $#$purchases;
        my @batch = $world->as_input(@$purchases[ $from .. $to ]);
        my $json = join ', ', map {
            my %row = $world->columns($_, 'amount');
            '{' . join(', ', map { qq("$_": ) . (/^(amount|metadata)$/ ? $row{$_} : qq("$row{$_}")) } grep { defined $row{$_} } sort keys %row) . '}'
        } @batch;
        push @expected, map {
            my $r = $result{ $_->{key} };
            $r->{refused} ? 'refused' : Answers::answer($r)
        } @batch;
        push @got, split /\n/, run($node, $db, qq{
            SELECT CASE WHEN r ? 'error' THEN 'refused' ELSE answer(r) END
            FROM jsonb_array_elements(swipesavvy.record_transactions('[$json]')->'results') WITH ORDINALITY AS t(r, n) ORDER BY n});
    }
    is(join("\n", @got), join("\n", @expected), 'the answers of record_transactions, in input order');
    return;
}

# Every campaign's reason, also the reasons worked out afterwards.
sub same_reasons
{
    my ($node, $db, $o, $name) = @_;
    same_lines([ Answers::wrong_reasons($o, @{ lines($node, $db, $Answers::REASONS) }) ], [], "reasons, $name");
    return;
}

# How often something came of each kind of operation, in all streams.
my %done;

sub try_stream
{
    my ($node, $seed, $phases, $count) = @_;
    my $world = World->new($seed);
    my $o = $world->{oracle};
    my @doors = (calls => \&by_call, view => \&by_view, lists => \&by_list);
    my %db = map { $_ => "${_}_$seed" } qw(calls view lists);

    for my $name (sort keys %db)
    {
        run($node, 'postgres', "CREATE DATABASE $db{$name} TEMPLATE prepared");
        run($node, $db{$name}, @{ $world->{setup} });
    }
    # one of the three goes through the executor, as it must where a table is not the plain one of the extension
    my $planned = $db{ (sort keys %db)[ $seed % 3 ] };
    run($node, 'postgres', "ALTER DATABASE $planned SET swipesavvy.direct_tables = off");
    for my $phase (0 .. $phases - 1)
    {
        my @purchases = $world->purchases($count);
        my @results = map { my $r = $o->record($_); $r->{refused} ? $r : { %$r } } @purchases;
        by_call($node, $db{calls}, $world, \@purchases, \@results);
        by_view($node, $db{view}, $world, \@purchases, \@results, ($phase + $seed) % 3);
        by_list($node, $db{lists}, $world, \@purchases, \@results, $phase % 2);
        my @state = Answers::state($o);
        same_lines(lines($node, $db{$_}, $Answers::STATE), \@state, "state after part $phase, $_") for sort keys %db;
        my (@operations, @answers);
        for (1 .. $count)
        {
            push @operations, $world->operation;
            push @answers, "$_ " . $o->operate($operations[-1]);
            $done{ $operations[-1]{what} }++ if $answers[-1] !~ / (PT\d{3}|\d{5}|0 0)$/;
        }
        for my $name (sort keys %db)
        {
            my @got = split /\n/, run($node, $db{$name}, map { $world->operation_sql($_) } @operations);
            same_lines([ map { $_ + 1 . " $got[$_]" } 0 .. $#got ], \@answers, "what came of operations after part $phase, $name");
        }
        @state = Answers::state($o);
        same_lines(lines($node, $db{$_}, $Answers::STATE), \@state, "state after them, $_") for sort keys %db;
        my @changes = $world->changes;
        run($node, $_, @changes) for map { $db{$_} } sort keys %db;
    }
    same_reasons($node, $db{$_}, $o, $_) for sort keys %db;
    run($node, 'postgres', "DROP DATABASE $db{$_}") for sort keys %db;
    return;
}

my $node = new_node('oracle');
create_extension($node, 'prepared');
run($node, 'prepared', 'SELECT swipesavvy.rebuild_analytics()');
run($node, 'prepared', $Answers::ANSWER);
run($node, 'prepared', $Answers::OPERATE);

my $first = $ENV{SWIPESAVVY_SEED} || time() % 1_000_000_000;
my $streams = $ENV{SWIPESAVVY_PROGRAMMES} || 4;
note("SWIPESAVVY_SEED=$first SWIPESAVVY_PROGRAMMES=$streams");
for my $seed ($first .. $first + $streams - 1)
{
    subtest "random programme $seed" => sub { try_stream($node, $seed, 4, 80) };
    diag("to repeat: SWIPESAVVY_SEED=$seed SWIPESAVVY_PROGRAMMES=1") if !Test::More->builder->is_passing;
}
cmp_ok($done{$_} // 0, '>', 0, "something came of $_") for qw(settle settle_for decline refund redeem donate cancel adjust expire);

$node->stop;
done_testing();
