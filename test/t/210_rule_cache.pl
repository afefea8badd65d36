# The compiled rules of a session are never out of date, whatever way a rule was changed: each way has its test here. A
# session that lives through the whole test buys the same thing again and again, and what it earns tells which rules it has.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Sessions;
use SwipeSavvy qw(create_extension json add_user fingerprints);

my $node = PostgreSQL::Test::Cluster->new('rules');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->start;
create_extension($node, 'app');

sub session { return Sessions->new($_[0], ($_[1] // $node)->connstr('app')) }

# The first line that the last of some statements printed; all must succeed.
sub answer
{
    my ($session, @statements) = @_;
    my @results = $session->query(@statements);
    $_->{state} eq '00000' or die "$_->{state} @{ $_->{lines} }" for @results;
    return $results[-1]{lines}[0] // '';
}

my ($long, $other) = (session('long'), session('other'));
my $user = add_user($node, 'app', 'user@example.com');

# What ten dollars earn: points, then the campaigns in alphabetical order.
sub buy_sql
{
    my ($more) = @_;
    return "SELECT concat_ws(' ', r ->> 'points_earned', (SELECT string_agg(a ->> 'campaign_id', ' ' ORDER BY a ->> 'campaign_id')"
      . " FROM jsonb_array_elements(r -> 'awards') a)) FROM swipesavvy.record_transaction(user_id => '$user', amount => 10"
      . ($more // '') . ') r';
}
sub buy { return answer($_[0], buy_sql($_[1])) }
sub builds { return answer($_[0], q{SELECT swipesavvy.rule_cache_status() ->> 'builds'}) }

# Another session changes something: the long one earns by it from the next purchase on, and compiles once.
sub changed_by_other
{
    my ($what, $change, $earned, $times, $more) = @_;
    my $before = builds($long);
    answer($other, ref $change ? @$change : $change);
    is(buy($long, $more), $earned, $what);
    is(buy($long, $more), $earned, "$what: and again") unless ($more // '') =~ /occurred/;
    is(builds($long) - $before, $times // 1, "$what: compiled as often as needed");
    return;
}

sub campaign_sql
{
    my ($id, $bonus, $more) = @_;
    return "SELECT swipesavvy.create_campaign(campaign_id => '$id', name => '$id', campaign_type => 'SEASONAL', offer_type => 'OTHER',"
      . " start_date => '2020-01-01', stackable => true, bonus_points => $bonus" . ($more // '') . ')';
}
sub launch { return "SELECT swipesavvy.launch_campaign('$_[0]')" }
sub pause { return "SELECT swipesavvy.pause_campaign('$_[0]')" }

# one tier, so that what was earned before changes nothing
answer($other, q{SELECT swipesavvy.update_tiers('[{"tier": "base", "threshold": 0, "multiplier": 1}]')});

# ---- what a session shows of its rules ----

my $status = json($node, 'app', 'SELECT swipesavvy.rule_cache_status()');
is_deeply([ sort keys %$status ], [qw(builds bytes campaigns generation last_build_ms)], 'rule_cache_status() has its fields');
is($status->{builds}, 1, 'a new session has compiled once');
is($status->{campaigns}, 0, 'no campaign is running');
cmp_ok($status->{bytes}, '>', 1000, 'what it holds has a size');
cmp_ok($status->{last_build_ms}, '>', 0, 'and took time');

is(buy($long), '10', 'without campaigns: base points');
is(builds($long), 1, 'compiled once');
buy($long) for 1 .. 5;
is(builds($long), 1, 'purchases compile nothing');
is(answer($long, q{SELECT count(*) FROM swipesavvy.rule_sentinel}), 0, 'the sentinel is empty');

# ---- another session ----

changed_by_other('a campaign is created and launched', [ campaign_sql(A => 100), launch('A') ], '110 A');
is(json($node, 'app', 'SELECT swipesavvy.rule_cache_status()')->{campaigns}, 1, 'one campaign is running');
changed_by_other('a campaign is updated', q{SELECT swipesavvy.update_campaign('A', '{"bonus_points": 200}')}, '210 A');
changed_by_other('a campaign is paused', pause('A'), '10');
changed_by_other('a campaign is resumed', launch('A'), '210 A');
changed_by_other('a campaign is deleted', q{SELECT swipesavvy.delete_campaign('A')}, '10');
changed_by_other('many campaigns at once',
    [ (map { campaign_sql("M$_" => $_) } 1 .. 9), q{UPDATE swipesavvy.campaigns SET status = 'running' WHERE campaign_id LIKE 'M%'} ],
    '55 M1 M2 M3 M4 M5 M6 M7 M8 M9');
changed_by_other('rows are updated directly', q{UPDATE swipesavvy.campaigns SET status = 'archived' WHERE campaign_id LIKE 'M%'}, '10');
changed_by_other('a setting', q{SELECT swipesavvy.update_system_settings('{"earn_rate": 3}')}, '30');
changed_by_other('a setting, directly', q{UPDATE swipesavvy.system_settings SET value = '1' WHERE setting = 'earn_rate'}, '10');
changed_by_other('the tiers', q{SELECT swipesavvy.update_tiers('[{"tier": "base", "threshold": 0, "multiplier": 2}]')}, '20');
changed_by_other('the tiers, directly', q{UPDATE swipesavvy.tiers SET multiplier_milli = 1000 WHERE tier = 'base'}, '10');
changed_by_other('a rolled back change', [ 'BEGIN', q{UPDATE swipesavvy.system_settings SET value = '7' WHERE setting = 'earn_rate'}, 'ROLLBACK' ], '10', 0);

# A session in replica mode, as a restore or the apply of a subscriber is.
changed_by_other('a session in replica mode',
    [ 'SET session_replication_role = replica', q{UPDATE swipesavvy.system_settings SET value = '4' WHERE setting = 'earn_rate'},
        'RESET session_replication_role' ], '40');
changed_by_other('and back', q{SELECT swipesavvy.update_system_settings('{"earn_rate": 1}')}, '10');

# ---- boosts; activating one is the user's affair and compiles nothing ----

my $boost = '00000000-0000-7000-8000-0000000000b0';
changed_by_other('a boost that nobody activated', "SELECT swipesavvy.create_boost(name => 'B', multiplier => 2, boost_id => '$boost')", '10');
changed_by_other('a boost is activated', "SELECT swipesavvy.activate_boost('$user', '$boost')", '20', 0);
changed_by_other('a boost is updated directly', 'UPDATE swipesavvy.boosts SET multiplier_milli = 5000', '50');
changed_by_other('a boost is deactivated', "SELECT swipesavvy.deactivate_boost('$user', '$boost')", '10', 0);
changed_by_other('a boost is activated again', "SELECT swipesavvy.activate_boost('$user', '$boost')", '50', 0);
changed_by_other('the boosts are truncated', 'TRUNCATE swipesavvy.boosts CASCADE', '10');

# ---- who is in a segment and where a merchant belongs is read with each purchase ----

changed_by_other('a campaign for a segment',
    [ q{SELECT swipesavvy.create_segment('few')}, campaign_sql(S => 3, ", target_segment => 'few'"), launch('S') ], '10');
changed_by_other('a user joins it', "SELECT swipesavvy.add_segment_members('few', ARRAY['$user'::uuid])", '13 S', 0);
changed_by_other('a user leaves it', "SELECT swipesavvy.remove_segment_members('few', ARRAY['$user'::uuid])", '10', 0);

my $shop = '00000000-0000-7000-8000-0000000000c0';
answer($other, "SELECT swipesavvy.create_merchant(name => 'Shop', category => 'Services', merchant_id => '$shop')");
my $at_shop = ", merchant_id => '$shop'";
changed_by_other('a campaign for a category', [ campaign_sql(K => 4, ", target_category => 'Entertainment'"), launch('K') ], '10', 1, $at_shop);
changed_by_other('a merchant comes into it', "SELECT swipesavvy.update_merchant('$shop', '{\"category\": \"Entertainment\"}')", '14 K', 0, $at_shop);
changed_by_other('a merchant leaves it', "SELECT swipesavvy.update_merchant('$shop', '{\"category\": \"Services\"}')", '10', 0, $at_shop);
# What the session knows of merchants, it forgets with each way of changing one.
my $to = sub { return "UPDATE swipesavvy.merchants SET category = '$_[0]'" };
changed_by_other('a merchant, directly', $to->('Entertainment'), '14 K', 0, $at_shop);
changed_by_other('a rolled back change of a merchant', [ 'BEGIN', $to->('Services'), 'ROLLBACK' ], '14 K', 0, $at_shop);
changed_by_other('a merchant, in replica mode', [ 'SET session_replication_role = replica', $to->('Services'), 'RESET session_replication_role' ], '10', 0, $at_shop);
is(answer($long, 'BEGIN', $to->('Entertainment'), buy_sql($at_shop)), '14 K', 'a merchant, in the own transaction');
is(answer($long, 'SAVEPOINT s', $to->('Services'), buy_sql($at_shop)), '10', 'and again');
is(answer($long, 'ROLLBACK TO s', buy_sql($at_shop)), '14 K', 'which is rolled back');
is(answer($long, 'ROLLBACK', buy_sql($at_shop)), '10', 'and so is the first');
my $new = '00000000-0000-7000-8000-0000000000c1';
my $create = "SELECT swipesavvy.create_merchant(name => 'New', category => 'Entertainment', merchant_id => '$new')";
my $at_new = ", merchant_id => '$new'";
is(answer($long, 'BEGIN', $create, buy_sql($at_new)), '14 K', 'a merchant of the own transaction');
answer($long, 'ROLLBACK');
my ($gone) = $long->query(buy_sql($at_new));
is($gone->{state}, 'PT404', 'which never was');
answer($other, $create);
is(buy($long, $at_new), '14 K', 'and now is');
is(answer($long, 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT 1', buy_sql($at_new)), '14 K', 'in REPEATABLE READ');
answer($other, "UPDATE swipesavvy.merchants SET category = 'Services' WHERE merchant_id = '$new'");
is(answer($long, buy_sql($at_new)), '10', 'a change by another session meanwhile');
answer($long, 'COMMIT');
for my $end (['DELETE', "DELETE FROM swipesavvy.merchants WHERE merchant_id = '$new'"], ['TRUNCATE', 'TRUNCATE swipesavvy.merchants CASCADE'])
{
    answer($long, 'BEGIN', $end->[1]);
    ($gone) = $long->query(buy_sql($at_new));
    is($gone->{state}, 'PT404', "after $end->[0] it is gone");
    answer($long, 'ROLLBACK');
    is(buy($long, $at_new), '10', 'and back');
}
# The numbers of two categories are exchanged: the campaign's is found by name.
changed_by_other('the numbers of categories',
    q{UPDATE swipesavvy.merchant_categories SET category_no = 14 - category_no WHERE category IN ('Entertainment', 'Services')},
    '10', 1, $at_shop);
changed_by_other('a currency', q{UPDATE swipesavvy.currencies SET minor_unit = 0 WHERE code = 'EUR'}, '10');
is(($long->query(buy_sql(", currency => 'EUR'") =~ s/amount => 10/amount => 10.5/r))[0]{state}, '22023', 'the currency has no cents any more');
changed_by_other('and back', q{UPDATE swipesavvy.currencies SET minor_unit = 2 WHERE code = 'EUR'}, '10');

# ---- the calendar and the currency of the programme ----

my $evening = ", occurred_at => '2024-01-01 22:00+00'";
changed_by_other('once a day', [ campaign_sql(D => 5, ', daily_limit => 1'), launch('D') ], '15 D', 1, $evening);
is(buy($long, $evening), '10', 'not twice on a day');
changed_by_other('another time zone', q{SELECT swipesavvy.update_system_settings('{"timezone": "Asia/Tokyo"}')}, '15 D', 1, $evening);
answer($other, q{SELECT swipesavvy.update_system_settings('{"timezone": "UTC"}')}, q{SELECT swipesavvy.delete_campaign('D')});

changed_by_other('a campaign in dollars', [ campaign_sql(U => 6, ", currency => 'USD'"), launch('U') ], '16 U');
changed_by_other('another currency of the programme', q{SELECT swipesavvy.update_system_settings('{"currency": "EUR"}')}, '10');
changed_by_other('and back', [ q{SELECT swipesavvy.update_system_settings('{"currency": "USD"}')}, q{SELECT swipesavvy.delete_campaign('U')} ], '10');

# ---- in the own transaction ----

answer($other, campaign_sql(T => 8));
answer($long, 'BEGIN', launch('T'));
is(buy($long), '18 T', 'own change: seen at once');
answer($long, 'ROLLBACK');
is(buy($long), '10', 'ROLLBACK: forgotten');

answer($long, 'BEGIN', 'SAVEPOINT a', launch('T'));
is(buy($long), '18 T', 'after a savepoint: seen');
answer($long, 'ROLLBACK TO a');
is(buy($long), '10', 'ROLLBACK TO: forgotten');
answer($long, launch('T'), 'RELEASE a', 'SAVEPOINT b', pause('T'));
is(buy($long), '10', 'the next savepoint: seen');
answer($long, 'ROLLBACK TO b');
is(buy($long), '18 T', 'ROLLBACK TO: only what came after it is forgotten');
answer($long, 'ROLLBACK');
is(buy($long), '10', 'ROLLBACK of all that');

answer($long, 'BEGIN', 'SAVEPOINT a', launch('T'));
is(($long->query('SELECT 1 / 0'))[0]{state}, '22012', 'an error');
answer($long, 'ROLLBACK TO a');
is(buy($long), '10', 'after an error: forgotten');
answer($long, 'COMMIT');

# TRUNCATE goes as far as foreign keys reach; the ledger refuses it.
is(($long->query('TRUNCATE swipesavvy.points_entries'))[0]{state} =~ /^00000$/ ? 'truncated' : 'refused', 'refused', 'TRUNCATE of the ledger');
is(($long->query('TRUNCATE swipesavvy.campaigns'))[0]{state}, '0A000', 'TRUNCATE of campaigns alone is refused');
answer($other, launch('T'));
for my $table (qw(campaigns merchant_categories currencies))
{
    is(buy($long), '18 T', "before TRUNCATE $table");
    answer($long, 'BEGIN', "TRUNCATE swipesavvy.$table CASCADE");
    # without its currency a purchase is refused
    my $result = ($long->query(buy_sql()))[0];
    is($table eq 'currencies' ? $result->{state} : $result->{lines}[0], $table eq 'currencies' ? '55000' : '10', "TRUNCATE $table CASCADE: seen");
    answer($long, 'ROLLBACK');
}
for my $table (qw(tiers system_settings))
{
    answer($long, 'BEGIN', "TRUNCATE swipesavvy.$table CASCADE");
    isnt(($long->query(buy_sql()))[0]{state}, '00000', "TRUNCATE $table: no purchase by the rules of before");
    answer($long, 'ROLLBACK');
}
is(buy($long), '18 T', 'ROLLBACK of TRUNCATE');
is(buy($other), '18 T', 'the other session, which had its own rules all the time');
answer($other, pause('T'));

# ---- prepared transactions ----

for my $end ('COMMIT', 'ROLLBACK')
{
    is(buy($long), '10', "before PREPARE and $end");
    answer($long, 'BEGIN', launch('T'), buy_sql(), 'ROLLBACK');
    answer($long, 'BEGIN', launch('T'));
    is(answer($long, q{SELECT swipesavvy.get_campaign('T') ->> 'status'}), 'running', 'launched');
    answer($long, buy_sql(", idempotency_key => 'not here'") =~ s/\Q$user\E/@{[ add_user($node, 'app', "$end\@example.com") ]}/r);
    answer($long, q{PREPARE TRANSACTION 'change'});
    is(buy($long), '10', 'PREPARE TRANSACTION: not committed, so not seen any more');
    is(buy($other), '10', 'nor by others');
    changed_by_other("$end PREPARED", "$end PREPARED 'change'", $end eq 'COMMIT' ? '18 T' : '10', $end eq 'COMMIT' ? 1 : 0);
    answer($other, pause('T')) if $end eq 'COMMIT';
}

# ---- old snapshots ----

for my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
    my $id = 'R' . length $level;
    answer($long, "BEGIN ISOLATION LEVEL $level", 'SELECT count(*) FROM swipesavvy.campaigns');
    # a day's slot is made by the first purchase
    answer($other, campaign_sql($id => 9, ', daily_limit => 100, budget => 100'), launch($id));
    is(buy($long), "19 $id", "$level: a campaign that is newer than the snapshot");
    is(answer($long, "SELECT count(*) FROM swipesavvy.campaigns WHERE campaign_id = '$id'"), 0, "$level: which the snapshot does not show");
    answer($other, "SELECT swipesavvy.update_campaign('$id', '{\"bonus_points\": 11}')");
    is(buy($long), "21 $id", "$level: changed once more");
    answer($long, 'COMMIT');
    is(buy($long), "21 $id", "$level: the rules stay the latest after it");
    changed_by_other("$level: and can be changed after it", pause($id), '10');
}

# ---- what must not matter ----

is(answer($long, 'DISCARD ALL', buy_sql()), '10', 'DISCARD ALL');
answer($other, 'CREATE TABLE public.unrelated (a int)');
changed_by_other('changes of other tables',
    [ 'ALTER TABLE public.unrelated ADD b int', 'INSERT INTO public.unrelated VALUES (1)', 'ANALYZE public.unrelated' ], '10', 0);
changed_by_other('new users, events, merchants',
    [ q{SELECT swipesavvy.create_user(email => 'new@example.com', name => 'N')}, q{SELECT swipesavvy.track_event('T', 'click')},
        q{SELECT swipesavvy.create_merchant(name => 'N', category => 'Services')} ], '10', 0);
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');

# ---- a streaming replica: readers answer there, with the rules of the primary ----

my $backup = 'base';
$node->backup($backup);
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, $backup, has_streaming => 1);
$replica->start;
my $reader = session('reader', $replica);

sub on_replica { return json($replica, 'app', $_[0]) }

my $bought = answer($long, launch('T'), buy_sql(", idempotency_key => 'replicated'"));
$node->wait_for_catchup($replica);
my $id = $node->safe_psql('app', q{SELECT transaction_id FROM swipesavvy.transactions WHERE idempotency_key = 'replicated'});
is_deeply([ map { $_->{campaign_id} } grep { $_->{applied} } @{ on_replica("SELECT swipesavvy.explain_award('$id')")->{candidates} } ], ['T'],
    'replica: explain_award answers');
is(on_replica('SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'replica: verify_ledger answers');
is(on_replica(q{SELECT swipesavvy.get_campaign('T')})->{status}, 'running', 'replica: get_campaign answers');
is(on_replica(q{SELECT swipesavvy.list_campaigns(status => 'running')})->{campaigns}[0]{campaign_id}, 'T', 'replica: list_campaigns answers');
is(on_replica("SELECT swipesavvy.get_user_profile('$user')")->{email}, 'user@example.com', 'replica: get_user_profile answers');
$node->safe_psql('app', "CREATE TABLE stage AS SELECT '$user'::uuid AS user_id, 100::bigint AS amount_minor");
$node->wait_for_catchup($replica);
for my $door (
    buy_sql(), qq{SELECT swipesavvy.record_transactions('[{"user_id": "$user", "amount": 1}]')},
    "INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('$user', 100)", q{CALL swipesavvy.import_purchases('stage')},
    pause('T'))
{
    my ($result) = $reader->query($door);
    like("$result->{state} @{ $result->{lines} }", qr/^25006 .*read-only transaction/, 'replica: refused as read-only: ' . substr $door, 0, 40);
}
my $running = q{SELECT swipesavvy.rule_cache_status() ->> 'campaigns'};
is(answer($reader, $running), '3', 'replica: the rules of the primary');    # K, S, T
my $before = builds($reader);
answer($other, pause('T'));
$node->wait_for_catchup($replica);
is(answer($reader, $running), '2', 'replica: a campaign paused on the primary');
is(builds($reader) - $before, 1, 'replica: compiled once');
$replica->promote;
is(buy($reader), '10', 'promoted: purchases are recorded');
is(answer($reader, buy_sql(", idempotency_key => 'replicated'")), $bought, 'promoted: a key from before is replayed');
is(answer($reader, launch('T'), buy_sql()), '18 T', 'promoted: and campaigns changed');
is(json($replica, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'promoted: the ledger is sound');
$reader->quit;
$replica->stop;

# ---- a logical subscriber: what is applied changes the rules there, and earns nothing again ----

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->append_conf('postgresql.conf', 'wal_retrieve_retry_interval = 100ms');
$subscriber->start;
create_extension($subscriber, 'app');
my $far = session('far', $subscriber);
my @tables = map { "swipesavvy.$_" }
  qw(system_settings tiers merchant_categories merchants segments segment_members users reward_accounts campaigns campaign_versions
  campaign_slots transactions points_entries campaign_redemptions);
is(builds($far), 1, 'subscriber: a session with rules');
is(answer($far, $running), '0', 'subscriber: no campaigns yet');

$node->safe_psql('app', 'CREATE PUBLICATION rewards FOR TABLE ' . join ', ', @tables);
my $publisher = $node->connstr('app') =~ s/'/''/gr;
$subscriber->safe_psql('app', "CREATE SUBSCRIPTION rewards CONNECTION '$publisher' PUBLICATION rewards");
$subscriber->wait_for_subscription_sync($node, 'rewards', 'app');

# The rows of the tables in the publication, on both sides.
sub both_equal
{
    my ($what) = @_;
    my ($here, $there) = map { fingerprints($_, 'app', @tables) } $node, $subscriber;
    is_deeply($there, $here, "subscriber: $what, and nothing is there twice");
    is(json($subscriber, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, "subscriber: $what, and the ledger is sound");
    return;
}

both_equal('all was copied');
is(answer($far, $running), '2', 'subscriber: the copied campaigns are its rules');
$before = builds($far);
buy($long) for 1 .. 3;
answer($long, "INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('$user', 100), ('$user', 200)");
$node->wait_for_catchup('rewards');
both_equal('purchases were applied');
is(builds($far) - $before, 0, 'subscriber: which compiles nothing');
answer($other, launch('T'));
is(buy($long), '18 T', 'a purchase of the publisher');
$node->wait_for_catchup('rewards');
both_equal('a campaign and its award were applied');
is(answer($far, $running), '3', 'subscriber: the applied campaign is among its rules');
is(builds($far) - $before, 1, 'subscriber: compiled once');
answer($other, q{SELECT swipesavvy.update_system_settings('{"earn_rate": 2}')});
$node->wait_for_catchup('rewards');
answer($other, 'DROP PUBLICATION rewards');
$subscriber->safe_psql('app', 'ALTER SUBSCRIPTION rewards DISABLE; ALTER SUBSCRIPTION rewards SET (slot_name = NONE); DROP SUBSCRIPTION rewards');
is(buy($far), '28 T', 'subscriber: on its own it awards by the applied rules');
$far->quit;

# ---- the extension is dropped and created in another session ----

my $again = [
    'SET swipesavvy.allow_drop = on', 'DROP EXTENSION swipesavvy', 'CREATE EXTENSION swipesavvy',
    "SELECT swipesavvy.create_user(email => 'user\@example.com', name => 'U', user_id => '$user')", campaign_sql(N => 12), launch('N') ];
is(buy($long), '28 T', 'before DROP EXTENSION');
answer($other, @$again);
is(buy($long), '22 N', 'DROP and CREATE EXTENSION by another session');
is(buy($other), '22 N', 'and for that session');
changed_by_other('a change after it', pause('N'), '10');
answer($long, @$again);
is(buy($long), '22 N', 'DROP and CREATE EXTENSION in the own session');
is(buy($other), '22 N', 'and for the other one');
changed_by_other('a change after that', pause('N'), '10');
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is sound');
$_->quit for $long, $other;

done_testing();
