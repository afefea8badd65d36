# What a database answers, and what a stream leaves in it, as lines; and the same lines of the oracle's (Oracle.pm). The
# SQL functions go into the database once: $ANSWER, $OPERATE, $DEFINITION.
package Answers;

use strict;
use warnings;

use Oracle;
use World;

# What record_transaction() answers, on a line; and the same of the oracle's.
our $ANSWER = q{
    CREATE FUNCTION public.answer(r jsonb) RETURNS text LANGUAGE sql IMMUTABLE RETURN
        concat_ws(' ', r->>'status', r->>'points_earned', r->>'points_balance', r->>'tier', r->>'replayed', (
            SELECT string_agg(concat_ws(':', a->>'campaign_id', a->>'points', trim_scale((a->>'discount')::numeric)), ' ' ORDER BY n)
            FROM jsonb_array_elements(r->'awards') WITH ORDINALITY AS t(a, n)));
};

sub answer
{
    my ($p, $replayed) = @_;
    return join ' ', @$p{qw(status points balance_after tier_after)}, $replayed // $p->{replayed} // 'false',
      map { join ':', $_->{campaign}, $_->{points}, World::trimmed($_->{discount}, World::places($p->{currency})) } @{ $p->{awards} };
}

# Does an operation, and says what came of it like the oracle.
our $OPERATE = q{
    CREATE FUNCTION public.operate(what text, which uuid, amount numeric, refund_key text, places int) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        t swipesavvy.transactions;
        r jsonb;
    BEGIN
        SELECT * INTO STRICT t FROM swipesavvy.transactions WHERE transaction_id = which;
        IF what IN ('late', 'lapse', 'nearly') THEN
            UPDATE swipesavvy.transactions
            SET recorded_at = now() + CASE what WHEN 'nearly' THEN interval '2 minutes' ELSE interval '-1 second' END - (
                SELECT make_interval(hours => 24 * value::int) FROM swipesavvy.system_settings WHERE setting = 'pending_expiry_days')
            WHERE transaction_id = t.transaction_id;
        END IF;
        IF what = 'lapse' THEN
            r := swipesavvy.lapse_transactions();
        END IF;
        BEGIN
            IF what = 'late' THEN
                r := swipesavvy.settle_transaction(t.transaction_id);
            END IF;
        EXCEPTION WHEN SQLSTATE 'PT400' THEN
            r := '{"lapsed": "PT400"}';
        END;
        IF what IN ('late', 'lapse') THEN
            UPDATE swipesavvy.transactions SET recorded_at = t.recorded_at WHERE transaction_id = t.transaction_id;
            RETURN r ->> 'lapsed';
        END IF;
        BEGIN
            r := CASE what WHEN 'decline' THEN swipesavvy.decline_transaction(t.transaction_id) WHEN 'refund' THEN swipesavvy.refund_transaction(t.transaction_id, amount, refund_key, t.user_id)
                           ELSE swipesavvy.settle_transaction(t.transaction_id, amount => amount) END;
            UPDATE swipesavvy.transactions SET recorded_at = t.recorded_at WHERE what = 'nearly' AND transaction_id = t.transaction_id;
        EXCEPTION WHEN OTHERS THEN
            UPDATE swipesavvy.transactions SET recorded_at = t.recorded_at WHERE what = 'nearly' AND transaction_id = t.transaction_id;
            RETURN SQLSTATE;
        END;
        RETURN concat_ws(' ', CASE WHEN what <> 'refund' THEN concat_ws(' ', r ->> 'status', coalesce(r ->> 'points_earned', r ->> 'points_released'))
            ELSE concat_ws(' ', minor(r -> 'refunded', places), minor(r -> 'refunded_total', places), r ->> 'points_reversed',
                (SELECT string_agg(concat_ws(':', a ->> 'campaign_id', minor(a -> 'discount', places), minor(a -> 'cost', places)), ' ' ORDER BY n)
                   FROM jsonb_array_elements(r -> 'returned') WITH ORDINALITY e (a, n)), r ->> 'replayed') END,
            r ->> 'points_balance', (SELECT a.points_pending FROM swipesavvy.reward_accounts a WHERE a.user_id = t.user_id), r ->> 'tier');
    END
    $$;
    -- The same for points that are spent, given, taken or expire.
    CREATE FUNCTION public.spend(what text, which uuid, points bigint, spend_key text, months int, as_of timestamptz, nth int) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        who uuid;
        r jsonb;
    BEGIN
        SELECT user_id INTO STRICT who FROM swipesavvy.transactions WHERE transaction_id = which;
        IF what = 'expire' THEN
            PERFORM swipesavvy.update_system_settings(jsonb_build_object('points_expiry_months', months));
            r := swipesavvy.expire_points(as_of);
            RETURN concat_ws(' ', r ->> 'users', r ->> 'points');
        END IF;
        IF what = 'cancel' THEN
            -- ids ascend with time
            r := swipesavvy.cancel_redemption(coalesce((
                SELECT entry_id FROM (SELECT entry_id FROM swipesavvy.reward_redemptions WHERE user_id = who
                                       UNION ALL SELECT entry_id FROM swipesavvy.donations WHERE user_id = who) e
                ORDER BY entry_id LIMIT 1 OFFSET nth), gen_random_uuid()), 'oracle');
            RETURN concat_ws(' ', r ->> 'points_returned', r ->> 'status', r ->> 'points_balance',
                (SELECT a.points_pending FROM swipesavvy.reward_accounts a WHERE a.user_id = who));
        END IF;
        INSERT INTO swipesavvy.charities (charity_id, name) VALUES ('00000000-0000-7000-8000-0000000000c0', 'Trees') ON CONFLICT DO NOTHING;
        r := CASE what WHEN 'adjust' THEN swipesavvy.adjust_points(who, points, 'oracle', spend_key)
                       WHEN 'donate' THEN swipesavvy.donate_points(who, points, '00000000-0000-7000-8000-0000000000c0', spend_key)
                       ELSE swipesavvy.redeem_points(who, points => points, idempotency_key => spend_key) END;
        RETURN concat_ws(' ', r ->> 'points', r ->> 'replayed', r ->> 'points_balance',
            (SELECT a.points_pending FROM swipesavvy.reward_accounts a WHERE a.user_id = who));
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE;
    END
    $$;
    -- The time is over for which a user's tier was kept.
    CREATE FUNCTION public.end_tier(who uuid) RETURNS text LANGUAGE sql AS $$
        UPDATE swipesavvy.reward_accounts SET tier_until = now() - interval '1 hour' WHERE user_id = who AND tier_until > '-infinity';
        SELECT 'done';
    $$;
    CREATE FUNCTION public.minor(amount jsonb, places int) RETURNS text LANGUAGE sql IMMUTABLE RETURN trim_scale(amount::numeric * 10::numeric ^ places)::text;
};

# Everything a stream leaves behind, a line each; purchases by their idempotency keys.
our $STATE = q{
    SELECT concat_ws(' ', 'account', user_id, points_available, points_pending, lifetime_points, tier, spent_minor,
                     CASE WHEN referral_for IS NOT NULL THEN 'due' ELSE '-' END) FROM swipesavvy.reward_accounts;
    SELECT concat_ws(' ', 'purchase', coalesce(idempotency_key, '-'), status, amount_minor, points_base, points_bonus, points_earned, discount_minor, refunded_minor)
    FROM swipesavvy.purchases;
    SELECT concat_ws(' ', 'award', coalesce(p.idempotency_key, '-'), row_number() OVER (PARTITION BY transaction_id ORDER BY r.position),
                     campaign_id, r.points, r.discount_minor, r.cost_minor, r.cost_returned_minor, r.counts)
    FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c USING (campaign_no) JOIN swipesavvy.purchases p USING (transaction_id);
    SELECT concat_ws(' ', 'campaign', campaign_id, trim_scale((swipesavvy.get_campaign(campaign_id)->>'spent')::numeric),
                     (SELECT count(*) FROM swipesavvy.campaign_redemptions r WHERE r.campaign_no = c.campaign_no))
    FROM swipesavvy.campaigns c;
    SELECT concat_ws(' ', 'entries', user_id, kind, coalesce(campaign_id, '-'), sum(points))
    FROM swipesavvy.points_entries LEFT JOIN swipesavvy.campaigns USING (campaign_no) GROUP BY user_id, kind, campaign_id;
    SELECT concat_ws(' ', 'mismatches', swipesavvy.verify_ledger()->>'mismatches', swipesavvy.verify_analytics()->>'mismatches');
};

# Keys of erased users are gone.
sub key_now { return $_[0]{users}{ $_[1]{user} }{erased} ? '-' : $_[1]{key} }

sub state
{
    my ($o) = @_;
    my @lines = 'mismatches 0 0';
    my %redemptions;

    for my $p (values %{ $o->{purchases} })
    {
        push @lines, join ' ', 'purchase', key_now($o, $p), @$p{qw(status amount base bonus points discount refunded)};
        my $position = 0;
        for my $award (@{ $p->{awards} })
        {
            push @lines, join ' ', 'award', key_now($o, $p), ++$position, @$award{qw(campaign points discount cost)}, $o->redeemed($p, $award);
            $redemptions{ $award->{campaign} }++;
        }
    }
    push @lines, map { "entries $_ $o->{entries}{$_}" } keys %{ $o->{entries} };
    push @lines, map { my $u = $o->{users}{$_}; join ' ', 'account', $_, @$u{qw(available pending lifetime tier)}, $o->total($_), defined $u->{brought_by} ? 'due' : '-' } keys %{ $o->{users} };
    push @lines, map {
        join ' ', 'campaign', $_, World::trimmed($o->spent($_), World::places($o->{campaigns}{$_}{currency})), $redemptions{$_} // 0
    } keys %{ $o->{campaigns} };
    return sort @lines;
}

our $REASONS = q{
    SELECT concat_ws(' ', p.idempotency_key, c.campaign_id, CASE WHEN c.applied THEN 'applied' ELSE coalesce(c.reason, 'unknown') END, c.recorded)
    FROM swipesavvy.purchases p,
         jsonb_to_recordset(swipesavvy.explain_award(p.transaction_id)->'candidates')
             AS c(campaign_id text, applied boolean, reason text, recorded boolean)
    -- those that were recorded as completed or pending, whatever became of them
    WHERE p.idempotency_key IS NOT NULL AND (SELECT t.request & 3 < 2 FROM swipesavvy.transactions t WHERE t.transaction_id = p.transaction_id);
};

# What one list of lines has and the other has not.
sub differences
{
    my ($got, $expected) = @_;
    my %count;
    $count{$_}++ for @$expected;
    $count{$_}-- for @$got;
    return map { ($count{$_} > 0 ? 'expected: ' : '     got: ') . $_ } sort grep { $count{$_} != 0 } keys %count;
}

# Lines of $REASONS that are not the oracle's; what applied must be on record.
sub wrong_reasons
{
    my ($o, @lines) = @_;
    my (@got, %expected);
    for my $p (grep { !$o->{users}{ $_->{user} }{erased} } values %{ $o->{purchases} })
    {
        $expected{"$p->{key} $_"} = $p->{reasons}{$_} // 'applied' for keys %{ $p->{reasons} };
    }
    for (@lines)
    {
        my ($key, $campaign, $reason, $recorded) = split / /;
        my $expected = delete $expected{"$key $campaign"} // 'nothing';
        push @got, "$key $campaign $reason (expected $expected)" if $reason ne $expected;
        push @got, "$key $campaign applied, but not on record" if $reason eq 'applied' && $recorded ne 't';
    }
    return @got, map { "$_ $expected{$_} is not explained" } sort keys %expected;
}

# ---- simulations ----

# A campaign as simulate_campaign takes it.
our $DEFINITION = q{
    CREATE FUNCTION public.definition(campaign text) RETURNS jsonb LANGUAGE sql STABLE RETURN (
        SELECT jsonb_object_agg(key, value)
        FROM jsonb_each(swipesavvy.get_campaign(campaign)),
             (SELECT proargnames FROM pg_proc WHERE oid = 'swipesavvy.create_campaign'::regproc) AS f
        WHERE key = ANY (proargnames));
};

# The oracle's redemptions when these campaigns run past those purchases, with the base points that are stored.
sub replayed
{
    my ($o, $campaigns, @purchases) = @_;
    my $fresh = Oracle->new(%$o, purchases => {}, redemptions => {},
        campaigns => { map { $_ => { %{ $o->{campaigns}{$_} }, status => 'running' } } @$campaigns });
    for my $given (@purchases)
    {
        my $p = { %$given, status => 'completed', refunded => 0, day => Oracle::day_of($given->{occurred}, $o->{settings}{timezone}) };
        ($p->{awards}, $p->{reasons}) = $fresh->choose($p, $p->{base});
        $fresh->{purchases}{ $p->{key} } = $p;
        push @{ $fresh->{redemptions}{ $_->{campaign} } }, $p->{key} for @{ $p->{awards} };
    }
    return $fresh;
}

# What it says of one of them, as a line.
sub told
{
    my ($o, $id) = @_;
    my (%days, %users, %why);
    my @sum = (0, 0, 0);
    for my $p (map { $o->{purchases}{$_} } sort keys %{ $o->{purchases} })
    {
        $why{ $p->{reasons}{$id} }++ if defined $p->{reasons}{$id};
        for my $award (grep { $_->{campaign} eq $id } @{ $p->{awards} })
        {
            $days{ $p->{day} }{ $p->{user} }++;
            $users{ $p->{user} }++;
            $sum[0] += $award->{points};
            $sum[1] += $award->{discount};
            $sum[2] += $award->{cost};
        }
    }
    my $places = World::places($o->{campaigns}{$id}{currency});
    my $count = 0;
    $count += $_ for values %users;
    return join ' ', $id, $count, scalar keys %users, $sum[0], World::trimmed($sum[1], $places), World::trimmed($sum[2], $places),
      (map { my $d = $days{$_}; my $n = 0; $n += $_ for values %$d; "$_:$n:" . keys %$d } sort keys %days),
      map { "$_=$why{$_}" } sort keys %why;
}

our $TOLD = q{
    SELECT concat_ws(' ', c, s->>'redemptions', s->>'users', s->>'points', trim_scale((s->>'discount')::numeric), trim_scale((s->>'cost')::numeric),
        (SELECT string_agg(concat_ws(':', d->>'day', d->>'redemptions', d->>'users'), ' ' ORDER BY n)
         FROM jsonb_array_elements(s->'days') WITH ORDINALITY AS t(d, n)),
        (SELECT string_agg(key || '=' || value, ' ' ORDER BY key COLLATE "C") FROM jsonb_each_text(s->'not_applied')))
    FROM (SELECT c, swipesavvy.simulate_campaign(definition(c), '2000-01-01', '2030-01-01') -> 'SCENE' AS s FROM unnest(ARRAY[IDS]) AS c) AS t
    ORDER BY c COLLATE "C"};

# What others would have given, without the campaign and with it, of those for which that differs.
sub told_changed
{
    my ($without, $with, @others) = @_;
    my @changed;
    for my $id (sort @others)
    {
        my @both = map { my $o = $_; figures($o, $id) } $without, $with;
        push @changed, "$id $both[0] $both[1]" if $both[0] ne $both[1];
    }
    return join ' | ', 'changed', @changed;
}

sub figures
{
    my ($o, $id) = @_;
    my @awards = grep { $_->{campaign} eq $id } map { @{ $_->{awards} } } values %{ $o->{purchases} };
    my %sum = map { $_ => Math::BigInt->new(0) } qw(points discount cost);
    for my $award (@awards)
    {
        $sum{$_} += $award->{$_} for keys %sum;
    }
    my $places = World::places($o->{campaigns}{$id}{currency});
    return join ' ', scalar @awards, $sum{points}, map { World::trimmed($sum{$_}, $places) } qw(discount cost);
}

our $CHANGED = q{
    SELECT concat_ws(' | ', 'changed', (
        SELECT string_agg(concat_ws(' ', c->>'campaign_id',
                   s->>'redemptions', s->>'points', trim_scale((s->>'discount')::numeric), trim_scale((s->>'cost')::numeric),
                   t->>'redemptions', t->>'points', trim_scale((t->>'discount')::numeric), trim_scale((t->>'cost')::numeric)),
               ' | ' ORDER BY c->>'campaign_id' COLLATE "C")
        FROM jsonb_array_elements(swipesavvy.simulate_campaign(definition(ID), '2000-01-01', '2030-01-01') -> 'changed') AS c,
             LATERAL (SELECT c -> 'without', c -> 'with') AS f(s, t)))};

# The query that lets simulate_campaign tell of one of them.
sub told_sql
{
    my ($scene, $id) = @_;
    my $ids = World::quoted($id);
    return $TOLD =~ s/SCENE/$scene/r =~ s/IDS/$ids/r;
}

1;
