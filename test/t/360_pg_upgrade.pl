# After pg_upgrade, which makes another server and goes on with its transaction ids, the audit log is another installation's: its tail is
# sealed under the old one, and what a witness kept still fits.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;

my $bindir = `$ENV{PG_CONFIG} --bindir`;
chomp $bindir;
plan skip_all => 'no pg_upgrade' unless -x "$bindir/pg_upgrade";

my $old = new_node('old');
create_extension($old, 'app');
my $user = add_user($old, 'app', 'ada@example.com');
$old->safe_psql('app', "SELECT swipesavvy.record_transaction('$user', 12)");
my $witness = json($old, 'app', 'SELECT swipesavvy.seal_audit_log()')->{latest_seal};
$old->safe_psql('app', "SELECT swipesavvy.update_user('$user', '{\"name\": \"Before\"}')");
my $last_xid = $old->safe_psql('app', 'SELECT max(xid::text::bigint) FROM swipesavvy.audit_logs');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $dir = PostgreSQL::Test::Utils::tempdir();
chdir $dir or die $!;
command_ok([ "$bindir/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port ],
    'pg_upgrade');
$new->start;
is(json($new, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger is there');
$new->safe_psql('app', "SELECT swipesavvy.update_user('$user', '{\"name\": \"After\"}')");
is($new->safe_psql('app', q{SELECT string_agg(installation_no || ' ' || coalesce(details::jsonb #>> '{after,name}', ''), ', ' ORDER BY xid) FROM swipesavvy.audit_logs WHERE event_type = 'user.update'}),
    '1 Before, 2 After', 'it is another installation');
cmp_ok($new->safe_psql('app', 'SELECT max(xid::text::bigint) FROM swipesavvy.audit_logs'), '>', $last_xid, 'whose transaction ids go on');
is(json($new, 'app', 'SELECT swipesavvy.seal_audit_log()')->{new_seals}, 2, 'a seal for the tail of the old one, and one for the new one');
my $verified = json($new, 'app', "SELECT swipesavvy.verify_audit_log($witness->{seal_no}, '$witness->{digest}')");
is_deeply([ @$verified{qw(status rows_unsealed)} ], [ 'intact', 0 ], 'which fit with what a witness kept');
$new->stop;

done_testing();
