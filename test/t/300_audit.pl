# The seals of the audit log: what was altered, deleted or inserted is found and named, a witness finds the rest; sealing goes on after a
# restore; retention drops whole seals and verification stays.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;

my $node = new_node('audit');
create_extension($node, 'app');
my $user = add_user($node, 'app', 'ada@example.com');

# Who noted the installation rolls back: the next one notes it again.
my $fresh = new_node('fresh');
create_extension($fresh, 'app');
$fresh->safe_psql('app', q{
    BEGIN;
    SELECT swipesavvy.create_user('one@example.com', 'One');
    SELECT swipesavvy.create_user('two@example.com', 'Two');
    ROLLBACK;
    SELECT swipesavvy.create_user('three@example.com', 'Three')});
is($fresh->safe_psql('app', q{SELECT i.installation_no, l.details::jsonb #>> '{after,name}'
    FROM swipesavvy.audit_logs l LEFT JOIN swipesavvy.audit_installations i USING (installation_no)}), '1|Three', 'its rows name what is there');
$fresh->stop;

# 20,000 changes in transactions of 100.
$node->safe_psql(
    'app', qq{
    DO \$\$
    BEGIN
        FOR i IN 1 .. 200 LOOP
            PERFORM swipesavvy.update_user('$user', jsonb_build_object('name', format('Ada %s %s', i, j))) FROM generate_series(1, 100) j;
            COMMIT;
        END LOOP;
    END \$\$});
my $sealed = json($node, 'app', 'SELECT swipesavvy.seal_audit_log()');
is($sealed->{new_rows}, 20001, 'every row is sealed');
is($sealed->{new_seals}, 3, 'under seals of ten thousand');
is(json($node, 'app', 'SELECT swipesavvy.seal_audit_log()')->{new_seals}, 0, 'once');
my $verified = json($node, 'app', 'SELECT swipesavvy.verify_audit_log()');
is($verified->{status}, 'intact', 'the log is what was sealed');
is($verified->{rows_checked}, 20001, 'all of it');
my $witness = json($node, 'app', 'SELECT swipesavvy.latest_audit_seal()');
is_deeply($witness, $sealed->{latest_seal}, 'the latest seal is the one that sealing returned');

# What verification says after a statement of somebody who may do anything. Nothing of it stays.
sub after
{
    my ($statement, $verify) = @_;
    $verify //= 'verify_audit_log()';
    my $out = $node->safe_psql('app', qq{
        BEGIN;
        ALTER TABLE swipesavvy.audit_logs DISABLE TRIGGER ALL;
        ALTER TABLE swipesavvy.audit_seals DISABLE TRIGGER ALL;
        $statement;
        SELECT swipesavvy.$verify;
        ROLLBACK});
    return JSON::PP::decode_json($out);
}

my ($id, $other) = map { $node->safe_psql('app', "SELECT log_id FROM swipesavvy.audit_logs ORDER BY xid, log_id OFFSET $_ LIMIT 1") } 12345, 4321;
my $update = 'UPDATE swipesavvy.audit_logs SET';
my @alterations = (
    "$update invoking_role = overlay(invoking_role placing 'X' from 1 for 1)", "$update logged_at = logged_at + interval '1 microsecond'",
    "$update event_type = 'user.suspend'", "$update status = 'refused'", "$update resource_id = 'x'", "$update resource_id = NULL",
    "$update user_id = NULL", "$update actor_id = user_id", "$update request_id = ''", "$update session_role = session_role || ' '",
    "$update details = replace(details::text, 'Ada 124', 'Ada 125')::json", "$update details_salt = sha256(details_salt)",
    "$update details_hash = sha256(details_hash)", "$update details = NULL, details_salt = NULL, details_hash = NULL",
    "$update origin = '{}', origin_salt = 'x', origin_hash = sha256('x{}')",
    "$update details = '{}', details_salt = 'x', details_hash = sha256('x{}')");
for my $alteration (@alterations)
{
    my $found = after("$alteration WHERE log_id = '$id'");
    is_deeply([ $found->{status}, $found->{altered_rows}, $found->{missing_rows} + $found->{inserted_rows} + $found->{broken_seals},
            $found->{first_problem}{problem}, $found->{first_problem}{log_id} ], [ 'broken', 1, 0, 'altered_row', $id ], "found and named: $alteration");
}
my $found = after("DELETE FROM swipesavvy.audit_logs WHERE log_id = '$id'");
is_deeply([ @$found{qw(status missing_rows)}, @{ $found->{first_problem} }{qw(problem log_id seal_no)} ], [ 'broken', 1, 'missing_row', $id, 2 ], 'a deleted row');
$found = after("DELETE FROM swipesavvy.audit_logs WHERE log_id IN ('$id', '$other')");
is_deeply([ @$found{qw(status missing_rows)}, @{ $found->{first_problem} }{qw(problem log_id seal_no)} ], [ 'broken', 2, 'missing_row', $other, 1 ], 'two: the first is named');
my $new = '00000000-0000-7000-8000-000000000001';
my $insert = "INSERT INTO swipesavvy.audit_logs SELECT installation_no, xid, '$new', logged_at, event_type, resource, resource_id, status, user_id, actor_id, session_role,
    invoking_role, request_id, origin, origin_salt, origin_hash, details, details_salt, details_hash FROM swipesavvy.audit_logs WHERE log_id = '$id'";
$found = after($insert);
is_deeply([ @$found{qw(status inserted_rows altered_rows missing_rows)}, @{ $found->{first_problem} }{qw(problem log_id)} ],
    [ 'broken', 1, 0, 0, 'inserted_row', $new ], 'an inserted row');
$found = after("UPDATE swipesavvy.audit_logs SET xid = (SELECT max(xid) FROM swipesavvy.audit_logs) WHERE log_id = '$id'");
is_deeply([ @$found{qw(status missing_rows inserted_rows)} ], [ 'broken', 1, 1 ], 'a row that was moved to another place');
$found = after('DELETE FROM swipesavvy.audit_logs');
is($found->{missing_rows}, 20001, 'all of them gone');
$found = after('TRUNCATE swipesavvy.audit_logs, swipesavvy.audit_seals', "verify_audit_log($witness->{seal_no}, '$witness->{digest}')");
is($found->{first_problem}{problem}, 'missing_seal', 'all and the seals: the witness misses one');

for my $seal (2, 3)
{
    for my $alteration ('sealed_at = now()', 'row_count = row_count - 1', 'leaves = substr(leaves, 49)', 'leaves_hash = sha256(leaves_hash)', "previous = sha256('x')",
        "digest = sha256('x')", "digest = 'x'", "last_log_id = '$new'", 'leaves = NULL, retired_at = now()')
    {
        $found = after("UPDATE swipesavvy.audit_seals SET $alteration WHERE seal_no = $seal");
        is($found->{status}, 'broken', "seal $seal: $alteration");
    }
}
$found = after('DELETE FROM swipesavvy.audit_seals WHERE seal_no = 2');
is_deeply([ @{ $found->{first_problem} }{qw(problem seal_no)} ], [ 'missing_seal', 2 ], 'a deleted seal');

# Somebody rewrites the row and makes the seals anew: consistent in itself, and not what the witness holds.
my $forge = "UPDATE swipesavvy.audit_logs SET status = 'refused' WHERE log_id = '$id'; DELETE FROM swipesavvy.audit_seals WHERE seal_no > 1;
    SELECT FROM swipesavvy.seal_audit_log()";
$found = after($forge);
is($found->{status}, 'intact', 'seals made anew over a forged row fit');
$found = after($forge, "verify_audit_log($witness->{seal_no}, '$witness->{digest}')");
is_deeply([ $found->{status}, @{ $found->{first_problem} }{qw(problem seal_no)} ], [ 'broken', 'witness_differs', 3 ], 'but not with the one that was kept outside');
is(json($node, 'app', "SELECT swipesavvy.verify_audit_log($witness->{seal_no}, '$witness->{digest}')")->{status}, 'intact', 'the true log fits with it');

for my $case ([ "0, '" . 'a' x 64 . "'", '22023' ], [ "1, 'x'", '22023' ], [ "1, '" . 'A' x 64 . "'", '22023' ], [ '1', '22023' ], [ "NULL, '" . 'a' x 64 . "'", '22023' ])
{
    my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\nSELECT swipesavvy.verify_audit_log($case->[0])");
    like($err, qr/ERROR:  $case->[1]/, "verify_audit_log($case->[0])");
}

for my $statement ('UPDATE swipesavvy.audit_seals SET digest = digest', 'DELETE FROM swipesavvy.audit_seals', 'TRUNCATE swipesavvy.audit_seals')
{
    my ($rc, $out, $err) = $node->psql('app', $statement);
    like($err, qr/the audit log is append-only/, "refused: $statement");
}

# The digest is what doc/security.md says, computed without the library; so seals can be dated back, for what comes next.
$node->safe_psql(
    'app', q{
    CREATE FUNCTION leaf(l swipesavvy.audit_logs) RETURNS bytea LANGUAGE sql AS $$
        SELECT sha256(string_agg(coalesce(int4send(length(b)) || b, int4send(-1)), '' ORDER BY n))
          FROM unnest(ARRAY[int4send(l.installation_no), int8send(l.xid::text::bigint), uuid_send(l.log_id), timestamptz_send(l.logged_at),
               convert_to(l.event_type, 'UTF8'), convert_to(l.resource, 'UTF8'), convert_to(l.resource_id, 'UTF8'), convert_to(l.status, 'UTF8'),
               uuid_send(l.user_id), uuid_send(l.actor_id), convert_to(l.session_role, 'UTF8'), convert_to(l.invoking_role, 'UTF8'),
               convert_to(l.request_id, 'UTF8'), l.origin_hash, l.details_hash]) WITH ORDINALITY u (b, n)
    $$;
    CREATE FUNCTION digest(s swipesavvy.audit_seals, sealed timestamptz, previous bytea) RETURNS bytea LANGUAGE sql AS $$
        SELECT sha256(convert_to('swipesavvy audit seal 1', 'UTF8') || int8send(s.seal_no) || timestamptz_send(sealed) || uuid_send(i.installation_id)
               || int4send(s.installation_no) || int8send(s.last_xid::text::bigint) || uuid_send(s.last_log_id) || int8send(s.row_count)
               || sha256(s.leaves) || previous)
          FROM swipesavvy.audit_installations i WHERE i.installation_no = s.installation_no
    $$});
is($node->safe_psql('app', 'SELECT bool_and(digest(s, sealed_at, previous) = s.digest) FROM swipesavvy.audit_seals s'), 't', 'digests are as documented');
is($node->safe_psql('app', q{
    WITH l AS (SELECT l.log_id, leaf(l) AS leaf, row_number() OVER (ORDER BY xid, log_id) - 1 AS n FROM swipesavvy.audit_logs l)
    SELECT count(*) FROM l JOIN swipesavvy.audit_seals s ON s.seal_no = n / 10000 + 1
     WHERE substr(s.leaves, (n % 10000)::int * 48 + 1, 48) = uuid_send(l.log_id) || l.leaf}), 20001, 'leaves, too');

# ---- a restore: another installation, whose tail is sealed first ----

$node->safe_psql('app', "SELECT swipesavvy.update_user('$user', '{\"name\": \"unsealed\"}')");
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/dump", $node->connstr('app') ], 'dumped with an unsealed row');
my $restored = new_node('restored');
$restored->safe_psql('postgres', 'CREATE DATABASE app');
$restored->command_ok([ 'pg_restore', '-j2', '--exit-on-error', '-d', $restored->connstr('app'), "$dir/dump" ], 'restored');
$verified = json($restored, 'app', "SELECT swipesavvy.verify_audit_log($witness->{seal_no}, '$witness->{digest}')");
is_deeply([ @$verified{qw(status rows_checked rows_unsealed)} ], [ 'intact', 20001, 1 ], 'what was restored is what was sealed');
cmp_ok($restored->safe_psql('app', "SELECT pg_current_xact_id()::text::bigint < min(last_xid::text::bigint) FROM swipesavvy.audit_seals"), 'eq', 't',
    'transaction ids have started again');
$restored->safe_psql('app', "SELECT swipesavvy.update_user('$user', '{\"name\": \"after the restore\"}')");
is($restored->safe_psql('app', 'SELECT string_agg(installation_no::text, \',\' ORDER BY log_id DESC) FROM (SELECT * FROM swipesavvy.audit_logs ORDER BY log_id DESC LIMIT 2) l'),
    '2,1', 'what is written now is of another installation');
$sealed = json($restored, 'app', 'SELECT swipesavvy.seal_audit_log()');
is_deeply([ @$sealed{qw(new_seals new_rows)} ], [ 2, 2 ], 'the tail and the new row, under a seal each');
is($restored->safe_psql('app', 'SELECT string_agg(installation_no::text, \',\' ORDER BY seal_no) FROM swipesavvy.audit_seals'), '1,1,1,1,2', 'the tail first');
isnt($sealed->{latest_seal}{installation_id}, $witness->{installation_id}, 'the new seal names the new installation');
is(json($restored, 'app', "SELECT swipesavvy.verify_audit_log($witness->{seal_no}, '$witness->{digest}')")->{status}, 'intact', 'and all of it verifies');
$restored->stop;

# ---- a transaction that is under way is sealed later, and is not behind the seal ----

my $late = $node->background_psql('app');
$late->query_safe("BEGIN; SELECT swipesavvy.update_user('$user', '{\"name\": \"late\"}')");
my $second = add_user($node, 'app', 'bob@example.com');
$sealed = json($node, 'app', 'SELECT swipesavvy.seal_audit_log()');
is($sealed->{new_rows}, 1, 'only what came before the open transaction');
is(json($node, 'app', 'SELECT swipesavvy.verify_audit_log()')->{rows_unsealed}, 1, 'what came after it waits');
$late->query_safe('COMMIT');
$late->quit;
is(json($node, 'app', 'SELECT swipesavvy.seal_audit_log()')->{new_rows}, 2, 'then both');
is(json($node, 'app', 'SELECT swipesavvy.verify_audit_log()')->{status}, 'intact', 'and the log verifies');

# ---- retention: whole seals, those that fit ----

is_deeply(json($node, 'app', 'SELECT swipesavvy.apply_audit_retention()'), { retired_seals => 0, deleted_rows => 0, more => JSON::PP::false }, 'nothing is old enough');
$node->safe_psql(
    'app', q{
    SELECT swipesavvy.update_system_settings('{"log_retention_days": 1}');
    BEGIN;
    ALTER TABLE swipesavvy.audit_seals DISABLE TRIGGER ALL;
    DO $$
    DECLARE
        s swipesavvy.audit_seals;
        before bytea := decode(repeat('00', 32), 'hex');
    BEGIN
        FOR s IN SELECT * FROM swipesavvy.audit_seals ORDER BY seal_no LOOP
            UPDATE swipesavvy.audit_seals a SET previous = before, sealed_at = a.sealed_at - CASE WHEN a.seal_no <= 2 THEN interval '25 hours' ELSE '0' END
             WHERE a.seal_no = s.seal_no;
            UPDATE swipesavvy.audit_seals a SET digest = digest(a, a.sealed_at, a.previous) WHERE a.seal_no = s.seal_no RETURNING digest INTO before;
        END LOOP;
    END
    $$;
    ALTER TABLE swipesavvy.audit_seals ENABLE ALWAYS TRIGGER the_seals_are_append_only;
    ALTER TABLE swipesavvy.audit_seals ENABLE ALWAYS TRIGGER the_seals_are_not_truncated;
    COMMIT});
is(json($node, 'app', 'SELECT swipesavvy.verify_audit_log()')->{status}, 'intact', 'two seals are dated back, for the test');
$found = after("UPDATE swipesavvy.audit_logs SET status = 'refused' WHERE log_id = '$id'; DO 'BEGIN PERFORM swipesavvy.apply_audit_retention();
    RAISE EXCEPTION ''retired all the same''; EXCEPTION WHEN SQLSTATE ''PT400'' THEN END'");
is_deeply([ @$found{qw(altered_rows seals_retired)} ], [ 1, 0 ], 'a seal that does not fit is kept: it is evidence');
is_deeply(json($node, 'app', 'SELECT swipesavvy.apply_audit_retention()'), { retired_seals => 2, deleted_rows => 20000, more => JSON::PP::false }, 'two seals are retired');
is(json($node, 'app', 'SELECT swipesavvy.apply_audit_retention()')->{retired_seals}, 0, 'once');
$verified = json($node, 'app', 'SELECT swipesavvy.verify_audit_log()');
is_deeply([ @$verified{qw(status seals_retired)} ], [ 'intact', 2 ], 'and what is left verifies');
is($node->safe_psql('app', q{SELECT details::jsonb -> 'after' FROM swipesavvy.audit_logs WHERE event_type = 'audit_log.retire'}),
    '{"more": false, "deleted_rows": 20000, "retired_seals": 2}', 'retiring is in the log itself');
$found = after("INSERT INTO swipesavvy.audit_logs SELECT installation_no, '3', '$new', logged_at, event_type, resource, resource_id, status, user_id, actor_id, session_role,
    invoking_role FROM swipesavvy.audit_logs LIMIT 1");
is_deeply([ $found->{inserted_rows}, $found->{first_problem}{log_id} ], [ 1, $new ], 'nothing can be put where rows were retired');
my ($rc, $out, $err) = $node->psql('app', 'DELETE FROM swipesavvy.audit_logs');
like($err, qr/the audit log is append-only/, 'after retention the log is append-only again');

done_testing();
