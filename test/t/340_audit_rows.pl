# Among many sealed rows one altered byte, one deleted and one inserted row are each found and named; a standby that is promoted goes on
# under the same installation. SWIPESAVVY_AUDIT_ROWS says how many rows.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;
use Time::HiRes qw(time);

my $rows = $ENV{SWIPESAVVY_AUDIT_ROWS} || 30000;
my $node = PostgreSQL::Test::Cluster->new('rows');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', 'max_parallel_workers_per_gather = 0');
$node->start;
create_extension($node, 'app');
my $user = add_user($node, 'app', 'ada@example.com');
$node->safe_psql('app', "SELECT count(swipesavvy.update_user('$user', jsonb_build_object('name', format('Ada %s', g)))) FROM generate_series(1, 999) g");
$node->command_ok([ 'psql', '-XAtq', '-v', "size=$rows", '-o', '/dev/null', '-d', $node->connstr('app'), '-f', 'test/bench/audit_rows.sql' ], 'made of real rows, and sealed');
$node->safe_psql('app', 'VACUUM ANALYZE swipesavvy.audit_logs');

sub verify
{
    my ($what) = @_;
    my $begun = time;
    my $verified = json($node, 'app', 'SELECT swipesavvy.verify_audit_log()');
    diag sprintf '%s: %d rows verified, %.0f a second', $what, $verified->{rows_checked}, $verified->{rows_checked} / (time - $begun);
    return $verified;
}
my $verified = verify('as sealed');
is_deeply([ @$verified{qw(status rows_checked rows_unsealed)} ], [ 'intact', $rows, 0 ], 'all are as they were sealed');

sub change
{
    my ($statement) = @_;
    $node->safe_psql('app', "BEGIN; ALTER TABLE swipesavvy.audit_logs DISABLE TRIGGER ALL; $statement; ALTER TABLE swipesavvy.audit_logs ENABLE ALWAYS TRIGGER the_audit_log_is_append_only;
        ALTER TABLE swipesavvy.audit_logs ENABLE ALWAYS TRIGGER the_audit_log_is_not_truncated; COMMIT");
    return;
}
my $at = int $rows * 0.7;
my $id = $node->safe_psql('app', "SELECT log_id FROM swipesavvy.audit_logs ORDER BY installation_no, xid, log_id OFFSET $at LIMIT 1");
my $new = '00000000-0000-7000-8000-000000000001';
my $columns = 'installation_no, xid, log_id, logged_at, event_type, resource, resource_id, status, user_id, actor_id, session_role, invoking_role, request_id,
    origin, origin_salt, origin_hash, details, details_salt, details_hash';
$node->safe_psql('app', "CREATE TABLE kept AS SELECT * FROM swipesavvy.audit_logs WHERE log_id = '$id'");
my @names = qw(status altered_rows missing_rows inserted_rows);

change("UPDATE swipesavvy.audit_logs SET details = overlay(details::text placing chr(ascii(substr(details::text, 22, 1)) + 1) from 22 for 1)::json WHERE log_id = '$id'");
$verified = verify('one byte altered');
is_deeply([ @$verified{@names}, @{ $verified->{first_problem} }{qw(problem log_id)} ], [ 'broken', 1, 0, 0, 'altered_row', $id ], 'one altered byte');
is($node->safe_psql('app', "SELECT count(*) FROM kept k JOIN swipesavvy.audit_logs l USING (log_id) WHERE length(k.details::text) = length(l.details::text) AND k.details::text <> l.details::text"), 1, 'it was one byte');
change("DELETE FROM swipesavvy.audit_logs WHERE log_id = '$id'");
$verified = verify('one row deleted');
is_deeply([ @$verified{@names}, @{ $verified->{first_problem} }{qw(problem log_id)} ], [ 'broken', 0, 1, 0, 'missing_row', $id ], 'one deleted row');
change("INSERT INTO swipesavvy.audit_logs ($columns) SELECT $columns FROM kept");
is(verify('put back')->{status}, 'intact', 'put back as it was');
change("INSERT INTO swipesavvy.audit_logs ($columns) SELECT " . $columns =~ s/log_id/'$new'/r . ' FROM kept');
$verified = verify('one row inserted');
is_deeply([ @$verified{@names}, @{ $verified->{first_problem} }{qw(problem log_id)} ], [ 'broken', 0, 0, 1, 'inserted_row', $new ], 'one inserted row');
change("DELETE FROM swipesavvy.audit_logs WHERE log_id = '$new'");
my $witness = json($node, 'app', 'SELECT swipesavvy.latest_audit_seal()');

# ---- a standby: reads, and goes on where the other one ended ----

$node->backup('standby');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'standby', has_streaming => 1);
$standby->start;
$node->safe_psql('app', "SELECT swipesavvy.update_user('$user', '{\"name\": \"Unsealed\"}')");
$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
my ($digest, $seal_no) = @$witness{qw(digest seal_no)};
my $there = json($standby, 'app', "SELECT swipesavvy.verify_audit_log($seal_no, '$digest')");
is_deeply([ @$there{qw(status rows_checked rows_unsealed)} ], [ 'intact', $rows, 1 ], 'a standby verifies');
my (undef, undef, $error) = $standby->psql('app', 'SELECT swipesavvy.seal_audit_log()');
like($error, qr/read-only|recovery/, 'and does not seal');
$node->stop('immediate');
$standby->promote;
$standby->safe_psql('app', "SELECT swipesavvy.update_user('$user', '{\"name\": \"Promoted\"}')");
is($standby->safe_psql('app', 'SELECT count(*) FROM swipesavvy.audit_installations'), 1, 'promoted it is the same installation');
is($standby->safe_psql('app', "SELECT string_agg(details::jsonb #>> '{after,name}', ' ' ORDER BY xid) FROM swipesavvy.audit_logs WHERE details::jsonb #>> '{after,name}' IN ('Unsealed', 'Promoted')"),
    'Unsealed Promoted', 'whose transactions come after the ones before');
is(json($standby, 'app', 'SELECT swipesavvy.seal_audit_log()')->{new_rows}, 2, 'both are sealed');
$there = json($standby, 'app', "SELECT swipesavvy.verify_audit_log($seal_no, '$digest')");
is_deeply([ @$there{qw(status rows_checked rows_unsealed)} ], [ 'intact', $rows + 2, 0 ], 'and verified, with what a witness kept of the first server');
$standby->stop;

done_testing();
