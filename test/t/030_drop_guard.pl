# A ledger with entries cannot be dropped by accident, by whatever name it is reached; an empty one can.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;

my $node = new_node('guard');
create_extension($node, 'app');

# Without entries: dropped and made again in one session, and the functions work with the new objects.
my $user_call = q{SELECT swipesavvy.create_user(email => 'a@example.com', name => 'A', user_id => '00000000-0000-7000-8000-000000000001')};
my $purchase_call = q{SELECT swipesavvy.record_transaction(user_id => '00000000-0000-7000-8000-000000000001', amount => 12.50)};
my $calls = "$user_call; $purchase_call;";
my $verify = q{SELECT 'mismatches ' || (swipesavvy.verify_ledger() ->> 'mismatches');};
my ($status, $out, $err) = $node->psql('app', "$user_call; $verify DROP EXTENSION swipesavvy; CREATE EXTENSION swipesavvy; $calls $verify",
    on_error_stop => 1);
is($status, 0, 'dropped while empty of entries, and created again, in one session') or diag $err;
is(() = $out =~ /^mismatches 0$/mg, 2, 'the functions work before and after');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.transactions'), 1, 'the purchase is in the new table');

# The same with entries in the first life, allowed.
($status, $out, $err) = $node->psql('app',
    "$purchase_call; SET swipesavvy.allow_drop = on; DROP EXTENSION swipesavvy;"
      . " CREATE ROLE installer SUPERUSER; SET ROLE installer; CREATE EXTENSION swipesavvy; RESET ROLE; $calls $verify",
    on_error_stop => 1);
is($status, 0, 'dropped with entries where that is allowed, and created again, in one session') or diag $err;
like($out, qr/^mismatches 0$/m, 'the functions work after');

cmp_ok($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.points_entries'), '>', 0, 'there are entries');
my %ways = (
    'the extension'              => 'DROP EXTENSION swipesavvy',
    'the extension with cascade' => 'DROP EXTENSION swipesavvy CASCADE',
    'its schema'                 => 'DROP SCHEMA swipesavvy CASCADE',
    'what it depends on'         => 'DROP EXTENSION pg_trgm CASCADE',
    'what its owner owns'        => 'DROP OWNED BY installer CASCADE',
);
for my $way (sort keys %ways)
{
    ($status, $out, $err) = $node->psql('app', "BEGIN; $ways{$way}; ROLLBACK", on_error_stop => 1);
    isnt($status, 0, "dropping $way is refused");
    like($err, qr/swipesavvy/, "dropping $way: the message names the extension");
}
like(($node->psql('app', 'DROP EXTENSION swipesavvy'))[2], qr/swipesavvy\.allow_drop/, 'the hint names the setting');

# Other things may be dropped, also in this database.
($status, $out, $err) = $node->psql('app', 'CREATE TABLE other (); DROP TABLE other; CREATE EXTENSION citext; DROP EXTENSION citext',
    on_error_stop => 1);
is($status, 0, 'the guard minds only its own') or diag $err;

for my $way ('DROP SCHEMA swipesavvy CASCADE', 'DROP EXTENSION pg_trgm CASCADE', 'DROP EXTENSION swipesavvy')
{
    ($status, $out, $err) = $node->psql('app',
        "BEGIN; SET LOCAL swipesavvy.allow_drop = on; $way; ROLLBACK", on_error_stop => 1);
    is($status, 0, "allowed: $way") or diag $err;
}
$node->safe_psql('app', 'SET swipesavvy.allow_drop = on; DROP EXTENSION swipesavvy');
is($node->safe_psql('app', "SELECT count(*) FROM pg_event_trigger"), 0, 'the guard goes with what it guards');

done_testing();
