# Refused attempts survive the rollback of the call: in shared memory when preloaded, written down by the next call that writes; in the
# server's log otherwise. Nothing of what the caller says goes with them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;

my $node = new_node('refused', "shared_preload_libraries = 'swipesavvy'", "swipesavvy.trusted_gateways = 'gateway'", 'max_prepared_transactions = 2', 'wal_level = replica', 'max_wal_senders = 2');
create_extension($node, 'app');
create_extension($node, 'other');
my $ada = add_user($node, 'app', 'ada@example.com');
my $bob = add_user($node, 'app', 'bob@example.com');
$node->safe_psql('app', 'CREATE ROLE gateway LOGIN IN ROLE swipesavvy_customer; CREATE TABLE public.users (); CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS \'SELECT 1\';
    REVOKE ALL ON FUNCTION public.mine() FROM PUBLIC');

# Runs as a role; what comes of it is an error.
sub refused
{
    my ($statement, %o) = @_;
    my $claims = $o{sub} ? qq(SET request.jwt.claims = '{"sub": "$o{sub}"}'; SET request.headers = '{"user-agent": "App", "x-forwarded-for": "9.9.9.9", "x-request-id": "r1"}';) : '';
    my ($rc, $out, $err) = $node->psql('app', "$claims SET ROLE " . ($o{role} // 'swipesavvy_customer') . "; $statement", extra_params => [ '-U', $o{login} // 'postgres' ]);
    like($err, qr/permission denied/, "refused: $statement") or diag $err;
    return;
}
sub waiting { return json($node, $_[0] // 'app', 'SELECT swipesavvy.record_refused_attempts()')->{recorded} }
sub rows
{
    return [ split /\n/, $node->safe_psql('app', q{SELECT concat_ws(' ', event_type, resource_id, coalesce(user_id::text, '-'), coalesce(actor_id::text, '-'), session_role, invoking_role,
        coalesce(request_id, '-'), coalesce(origin ->> 'ip_address', '-'), coalesce(details::text, '-')) FROM swipesavvy.audit_logs WHERE status = 'refused' ORDER BY log_id}) ];
}
my $super = $node->safe_psql('app', 'SELECT session_user');

# each kind: another's data, nobody signed in, a right within a function, no grant on a function, a procedure, a table, a view
refused("SELECT swipesavvy.get_user_profile('$bob')", sub => $ada, login => 'gateway');
refused("SELECT swipesavvy.get_user_profile('$bob')");
refused(qq(SELECT swipesavvy.update_user('$ada', '{"role": "admin", "name": "free text"}')), sub => $ada, login => 'gateway');
refused("SELECT swipesavvy.update_system_settings('{}')", sub => $ada, login => 'gateway');
refused("CALL swipesavvy.import_purchases('public.users')");
refused('SELECT * FROM swipesavvy.users');
refused('SELECT * FROM swipesavvy.purchases');
refused('SELECT mine()', role => 'swipesavvy_support');
refused('SELECT * FROM swipesavvy_private.user_credentials', role => 'swipesavvy_admin');
$node->safe_psql('app', 'GRANT EXECUTE ON FUNCTION swipesavvy.verify_ledger() TO swipesavvy_customer');
refused('SELECT swipesavvy.verify_ledger()');
is_deeply(rows(), [], 'their transactions were rolled back');
is(waiting('other'), 0, 'they are none of another database');
add_user($node, 'app', 'eve@example.com');
my $expected = [
    "function.refuse get_user_profile $bob $ada gateway swipesavvy_customer r1 9.9.9.9 -",
    "function.refuse get_user_profile $bob - $super swipesavvy_customer - - -",
    "function.refuse update_user - $ada gateway swipesavvy_customer r1 9.9.9.9 -",
    "function.refuse update_system_settings - $ada gateway swipesavvy_customer r1 9.9.9.9 -",
    "function.refuse import_purchases - - $super swipesavvy_customer - - -",
    "table.refuse users - - $super swipesavvy_customer - - -",
    "table.refuse purchases - - $super swipesavvy_customer - - -",
    "schema.refuse swipesavvy_private - - $super swipesavvy_admin - - -",
    "function.refuse verify_ledger - - $super swipesavvy_customer - - -" ];
is_deeply(rows(), $expected, 'the next call that writes writes them down; not what is none of ours');
is(waiting(), 0, 'once');

# written down and rolled back, they wait again
refused('SELECT swipesavvy.verify_ledger()');
$node->safe_psql('app', qq{BEGIN; SELECT swipesavvy.update_user('$ada', '{}'); DO 'BEGIN ASSERT (SELECT count(*) FROM swipesavvy.audit_logs WHERE status = ''refused'') = 10; END'; ROLLBACK});
is(scalar @{ rows() }, 9, 'rolled back');
is(waiting(), 1, 'still there');
refused('SELECT swipesavvy.verify_ledger()');
$node->safe_psql('app', qq{BEGIN; SAVEPOINT a; SELECT swipesavvy.update_user('$ada', '{}'); ROLLBACK TO a; COMMIT});
is(waiting(), 1, 'not in a subtransaction, which may be rolled back by itself');
refused('SELECT swipesavvy.verify_ledger()');
$node->psql('app', "BEGIN; SELECT swipesavvy.record_refused_attempts(); SELECT pg_terminate_backend(pg_backend_pid())");
ok($node->poll_query_until('app', 'SELECT (swipesavvy.record_refused_attempts() ->> \'recorded\')::int = 1'), 'whose session ends while it writes gives them back');
refused('SELECT swipesavvy.verify_ledger()');
$node->safe_psql('app', "BEGIN; SELECT swipesavvy.record_refused_attempts(); PREPARE TRANSACTION 'p'");
is(waiting(), 1, 'what a prepared transaction has written waits still: it may be rolled back');
is(scalar @{ rows() }, 13, 'and is written');
$node->safe_psql('app', "ROLLBACK PREPARED 'p'");
refused('SELECT swipesavvy.verify_ledger()');
$node->safe_psql('app', "BEGIN; SELECT swipesavvy.record_refused_attempts(); PREPARE TRANSACTION 'p'");
is(waiting(), 1, 'beside the prepared one');
$node->safe_psql('app', "COMMIT PREPARED 'p'");
my $before = @{ rows() };
is($before, 15, 'which brings it a second time');

# caught errors are attempts as well; a read-only transaction leaves the queue alone
$node->safe_psql('app', q{DO $$ BEGIN SET LOCAL ROLE swipesavvy_customer; PERFORM swipesavvy.verify_ledger(); EXCEPTION WHEN insufficient_privilege THEN END $$});
my ($rc, $out, $err) = $node->psql('app', 'BEGIN READ ONLY; SELECT swipesavvy.record_refused_attempts()');
like($err, qr/read-only transaction/, 'nothing is written in a read-only transaction');
is(waiting(), 1, 'and nothing lost');

# what a gateway says in bad JSON hides nothing; a character that texts cannot have does not either
for my $headers ('{', '[]', '{"user-agent": "App"', '{"a": "\u0000", "user-agent": "B\u0000t", "x-forwarded-for": "9.9.9.9"}')
{
    for my $statement ('SELECT * FROM swipesavvy.users', "SELECT swipesavvy.get_user_profile('$bob')")
    {
        my ($rc, $out, $err) = $node->psql('app', "SET request.jwt.claims = '{\"sub\": \"$ada\"}'; SET request.headers = '$headers'; SET ROLE swipesavvy_customer; $statement", extra_params => [ '-U', 'gateway' ]);
        like($err, qr/permission denied/, "$statement with $headers");
        is(waiting(), 1, 'is recorded');
        like(rows()->[-1], $headers =~ /9/ ? qr/ $ada gateway swipesavvy_customer - 9\.9\.9\.9 -$/ : qr/ $ada gateway swipesavvy_customer - - -$/, 'with what is known');
    }
}
($rc, $out, $err) = $node->psql('app', "SET request.jwt.claims = '{\"sub\":'; SET ROLE swipesavvy_customer; SELECT * FROM swipesavvy.users", extra_params => [ '-U', 'gateway' ]);
like($err, qr/permission denied/, 'claims that are no JSON');
is(waiting(), 1, 'hide nothing either');
like(rows()->[-1], qr/^table\.refuse users - - gateway/, 'they are nobody\'s');

# who must change a temporary password is refused the function that was called, not the one that was let in before
$node->psql('app', "SET request.jwt.claims = '{\"sub\": \"$ada\", \"must_change_password\": true}'; SET ROLE swipesavvy_customer; SELECT swipesavvy.verify_token('x'); SELECT swipesavvy.current_user_id()", extra_params => [ '-U', 'gateway' ]);
is(waiting(), 1, 'a temporary password');
like(rows()->[-1], qr/^function\.refuse current_user_id - $ada gateway/, 'is refused current_user_id');

# a database without the extension leaves nothing in the queue, and one that nobody looks after does not fill it for the others
$node->safe_psql('postgres', 'CREATE TABLE private (); CREATE ROLE stranger');
my $script = "SET ROLE stranger;\n" . "SELECT * FROM private;\n" x 1100;
$node->psql('postgres', $script, on_error_stop => 0);
refused('SELECT swipesavvy.verify_ledger()');
is(waiting(), 1, 'refusals in a database without the extension take no room');
my $flood = q{DO $$ BEGIN SET LOCAL ROLE swipesavvy_customer; FOR i IN 1 .. 1024 LOOP BEGIN PERFORM swipesavvy.verify_ledger();
    EXCEPTION WHEN insufficient_privilege THEN END; END LOOP; END $$};
$node->safe_psql('other', 'GRANT EXECUTE ON FUNCTION swipesavvy.verify_ledger() TO swipesavvy_customer');
$node->safe_psql('other', $flood);
refused('SELECT swipesavvy.verify_ledger()') for 1 .. 3;
is(waiting(), 3, 'there is room beside a database that has filled the queue');
is(waiting('other'), 1021, 'for its oldest ones');
is($node->safe_psql('app', q{SELECT details::jsonb #>> '{dropped}' FROM swipesavvy.audit_logs WHERE event_type = 'audit_log.drop_refused'}), '3', 'which are counted');

# a role without any right fills the queue, and keeps nobody's attempts out
$node->safe_psql('app', 'CREATE ROLE flooder LOGIN');
$node->psql('app', "SELECT swipesavvy.health();\n" x 1100, extra_params => [ '-U', 'flooder' ], on_error_stop => 0);
refused("SELECT swipesavvy.get_user_profile('$bob')", sub => $ada, login => 'gateway') for 1 .. 3;
refused("SELECT swipesavvy.get_user_profile('$ada')", sub => $bob, login => 'gateway');
is(waiting(), 1024, 'the queue is full');
is_deeply([ map { s/ r1 .*//r } grep { /gateway/ } @{ rows() }[ -1024 .. -1 ] ],
    [ ("function.refuse get_user_profile $bob $ada gateway swipesavvy_customer") x 3, "function.refuse get_user_profile $ada $bob gateway swipesavvy_customer" ], 'of one role that floods it, and of four real attempts');
is($node->safe_psql('app', q{SELECT details::jsonb #>> '{dropped}' FROM swipesavvy.audit_logs WHERE event_type = 'audit_log.drop_refused' ORDER BY log_id DESC LIMIT 1}), '80', 'what had no room is counted');

# bounded
$node->safe_psql('app', q{DO $$ BEGIN SET LOCAL ROLE swipesavvy_customer; FOR i IN 1 .. 1100 LOOP BEGIN PERFORM swipesavvy.verify_ledger();
    EXCEPTION WHEN insufficient_privilege THEN END; END LOOP; END $$});
is(waiting(), 1024, 'so many fit');
is($node->safe_psql('app', q{SELECT details::jsonb #>> '{dropped}' FROM swipesavvy.audit_logs WHERE event_type = 'audit_log.drop_refused' ORDER BY log_id DESC LIMIT 1}), '76', 'the others are counted');
is(json($node, 'app', 'SELECT swipesavvy.verify_audit_log()')->{status}, 'intact', 'the log verifies');
unlike($node->safe_psql('app', 'SELECT string_agg(l::text, E\'\n\') FROM swipesavvy.audit_logs l WHERE status = \'refused\''), qr/free text/, 'nothing of what was said');
# on a replica, where nothing is written, it is a line in its log
$node->backup('copy');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, 'copy', has_streaming => 1);
$replica->start;
$replica->psql('app', "SET request.jwt.claims = '{\"sub\": \"$ada\"}'; SET ROLE swipesavvy_customer; SELECT swipesavvy.get_user_profile('$bob')", extra_params => [ '-U', 'gateway' ]);
like(slurp_file($replica->logfile), qr/refused a call of function "get_user_profile"\n.*DETAIL:  Session role "gateway", invoking role "swipesavvy_customer", signed in $ada, about $bob\./, 'a replica logs it');
$replica->stop;
$node->stop;

# ---- without preload: a line in the server's log ----

$node = new_node('plain', "swipesavvy.trusted_gateways = 'gateway'");
create_extension($node, 'app');
$ada = add_user($node, 'app', 'ada@example.com');
$bob = add_user($node, 'app', 'bob@example.com');
$node->safe_psql('app', 'CREATE ROLE gateway LOGIN IN ROLE swipesavvy_customer');
$node->append_conf('postgresql.conf', "log_min_error_statement = panic\nlog_statement = none");
$node->reload;
refused(qq(SELECT swipesavvy.update_user('$ada', '{"role": "admin", "name": "free text"}')), sub => $ada, login => 'gateway');
refused("SELECT swipesavvy.get_user_profile('$bob')", sub => $ada, login => 'gateway');
my $log = slurp_file($node->logfile);
like($log, qr/LOG:  refused a call of function "update_user"/, 'a line in the log');
like($log, qr/refused a call of function "get_user_profile"\n.*DETAIL:  Session role "gateway", invoking role "swipesavvy_customer", signed in $ada, about $bob\./, 'with who and whom');
unlike($log, qr/free text/, 'and nothing that was said');
is(json($node, 'app', 'SELECT swipesavvy.record_refused_attempts()')->{recorded}, 0, 'no queue');

done_testing();
