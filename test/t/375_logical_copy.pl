# Logical replication: a whole programme to another server, and merchants alone to another programme. Rows that both sides
# came with are no obstacle, and nothing earns twice.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign fingerprints);
use Test::More;

my $from = new_node('from', 'wal_level = logical', 'max_wal_senders = 10');
create_extension($from, 'app');
my $user = add_user($from, 'app', 'ada@example.com');
add_campaign($from, 'app', 'TEN', 50);
$from->safe_psql('app', qq{
    SELECT swipesavvy.update_system_settings('{"earn_rate": 2, "timezone": "Europe/Vienna"}');
    SELECT swipesavvy.update_tiers('[{"tier": "bronze", "threshold": 0, "multiplier": 1}, {"tier": "silver", "threshold": 900, "multiplier": 1.1}]');
    UPDATE swipesavvy.merchant_categories SET description = 'edited' WHERE category = 'Services';
    UPDATE swipesavvy.mcc_codes SET description = 'edited' WHERE mcc = '5812';
    INSERT INTO swipesavvy.currencies (code, numeric_code, minor_unit, is_fund, name) VALUES ('QQQ', '001', 1, false, 'Ours');
    SELECT swipesavvy.create_merchant('Cafe', 'Restaurants & Cafes', '5812');
    SELECT swipesavvy.record_transaction('$user', i) FROM generate_series(1, 5) i;
    CREATE PUBLICATION everything FOR ALL TABLES;
    CREATE PUBLICATION merchants FOR TABLE swipesavvy.merchant_categories, swipesavvy.mcc_codes, swipesavvy.merchants});

my $connection = $from->connstr('app') =~ s/'//gr;

# Waits until each table of the subscription is copied and what has happened since is there, too.
sub wait_for_copy
{
    my ($to, $db, $name) = @_;
    $to->wait_for_subscription_sync($from, $name, $db);
    $from->wait_for_catchup($name);
    return;
}

my $to = new_node('to');
create_extension($to, 'app');
$to->safe_psql('app', qq{CREATE SUBSCRIPTION whole CONNECTION '$connection application_name=whole' PUBLICATION everything});
wait_for_copy($to, 'app', 'whole');
is_deeply(fingerprints($to, 'app'), fingerprints($from, 'app'), 'every row of every table is there, seeds that were edited included');
is($to->safe_psql('app', q{SELECT count(*), count(*) FILTER (WHERE srsubstate = 'r') FROM pg_subscription_rel}) =~ /^(\d+)\|\1$/, 1, 'every table is ready');

# What happens later, on seeds above all
$from->safe_psql('app', qq{
    SELECT swipesavvy.update_system_settings('{"earn_rate": 3}'), swipesavvy.record_transaction('$user', 100);
    UPDATE swipesavvy.currencies SET name = 'Theirs' WHERE code = 'QQQ';
    INSERT INTO swipesavvy.currencies (code, numeric_code, minor_unit, is_fund, name) VALUES ('QQZ', '002', 1, false, 'New')});
wait_for_copy($to, 'app', 'whole');
is_deeply(fingerprints($to, 'app'), fingerprints($from, 'app'), 'and so are later changes');
is(json($to, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger there is sound');

# Moving over: the copy goes on alone, by the rules that came with it.
$to->safe_psql('app', q{DROP SUBSCRIPTION whole});
is(json($to, 'app', "SELECT swipesavvy.record_transaction('$user', 10)")->{points_earned}, 60, 'it earns by the settings and the campaign that were copied');
add_campaign($to, 'app', $_, 50) for qw(NEXT AFTER);
is($to->safe_psql('app', 'SELECT campaign_id, campaign_no FROM swipesavvy.campaigns ORDER BY 2'), "TEN|1\nNEXT|2\nAFTER|3", 'campaigns are numbered on');
is(json($to, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'and stays sound');

# Merchants alone, into a programme of its own
create_extension($to, 'shop');
my $other = add_user($to, 'shop', 'bob@example.com');
$to->safe_psql('shop', qq{CREATE SUBSCRIPTION shops CONNECTION '$connection application_name=shops' PUBLICATION merchants});
wait_for_copy($to, 'shop', 'shops');
my @shared = map {"swipesavvy.$_"} qw(merchant_categories mcc_codes merchants);
is_deeply(fingerprints($to, 'shop', @shared), fingerprints($from, 'app', @shared), 'merchants, categories and codes are copied');
my $merchant = $to->safe_psql('shop', 'SELECT merchant_id FROM swipesavvy.merchants');
$to->safe_psql('shop', "SELECT swipesavvy.record_transaction('$other', 5, merchant_id => '$merchant')");
$from->safe_psql('app', "SELECT swipesavvy.update_merchant('$merchant', '{\"category\": \"Services\"}'), swipesavvy.create_merchant('Pub', 'Restaurants & Cafes')");
wait_for_copy($to, 'shop', 'shops');
is_deeply(fingerprints($to, 'shop', @shared), fingerprints($from, 'app', @shared), 'and follow');
is($to->safe_psql('shop', q{SELECT value FROM swipesavvy.system_settings WHERE setting = 'earn_rate'}), '1.000', 'the settings there are its own');
is(json($to, 'shop', "SELECT swipesavvy.record_transaction('$other', 7, merchant_id => '$merchant')")->{points_earned}, 7, 'purchases go on');
$to->safe_psql('shop', 'DROP SUBSCRIPTION shops');

done_testing();
