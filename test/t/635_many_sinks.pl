# Many sinks that never answer: the worker has no more requests on their way than a process can have files open, others get theirs, and the
# server goes on. Databases whose encoding is not UTF-8: what is sent is. Claims that fail again and again: nothing is kept of them.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_base64);
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Stub;
use SwipeSavvy qw(create_extension);
use Test::More;
use Worker qw(new_worker sql wait_for health_pid set_key add_hook put_messages wait_until_delivered);

my $node = new_worker('many_sinks', "swipesavvy.databases = 'app,latin,bytes'", 'autovacuum = off', 'fsync = off',
    'max_files_per_process = 130', "swipesavvy.private_networks = '127.0.0.1'");
create_extension($node, 'app');
my $stub = Stub->new;
my $bad = Stub->new;
my $bytes = '0123456789abcdefghijklmnop';

# One or more messages with a text, which is SQL
sub put { my ($db, $sink, $count, $text) = @_; put_messages($sink, $count, $db, text => $text); return }

subtest 'many that hang' => sub {
    my $url = $bad->url('/do/hang=1/x');
    set_key($bytes);
    add_hook("hangs$_", $url) for 1 .. 12;
    add_hook('good', $stub->url('/good'));
    put('app', "hangs$_", 16, "'x'") for 1 .. 12;
    ok($bad->wait_for(1, '/do/hang=1/x'), 'they hang');
    my $pid = health_pid();
    put('app', 'good', 100, "'x'");
    wait_until_delivered('the good one gets its messages', 'good', 'app');
    my $sockets = grep { (readlink($_) // '') =~ /^socket:/ } glob "/proc/$pid/fd/*";
    cmp_ok($sockets, '<', 40, "$sockets sockets are open");
    cmp_ok($bad->count, '<', 192, 'not all at a time');
};

subtest 'encodings' => sub {
    for my $case ([ 'latin', 'LATIN1', 'caf\351', "caf\303\251" ], [ 'bytes', 'SQL_ASCII', 'caf\303\251', "caf\303\251" ])
    {
        my ($db, $encoding, $escaped, $sent) = @$case;
        $node->safe_psql('postgres', "CREATE DATABASE $db ENCODING '$encoding' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
        $node->safe_psql($db, 'CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS cube; CREATE EXTENSION IF NOT EXISTS btree_gist; CREATE EXTENSION swipesavvy');
        set_key($bytes, $db);
        add_hook('hook', $stub->url("/$db"), $db);
        put($db, 'hook', 1, "convert_from('$escaped'::bytea, '$encoding')");
        wait_until_delivered("$encoding: a message", 'hook', $db);
        my ($request) = $stub->requests("/$db");
        like($request->{body}, qr/\Q$sent\E"/, 'is sent as UTF-8');
        my %headers = map { lc($_) => $request->{headers}{$_} } keys %{ $request->{headers} };
        is($headers{'webhook-signature'}, 'v1,' . hmac_sha256_base64("$headers{'webhook-id'}.$headers{'webhook-timestamp'}.$request->{body}", $bytes) . '=', 'and signed as such');
    }
    # bytes that are no text of any kind
    put('bytes', 'hook', 1, q{convert_from('caf\351'::bytea, 'SQL_ASCII')});
    wait_for("SELECT count(*) = 1 FROM swipesavvy.outbox WHERE last_error LIKE 'invalid byte sequence%'", 'what cannot be UTF-8 has failed', 'bytes');
    put('bytes', 'hook', 1, "'after'");
    wait_for("SELECT count(*) = 2 FROM swipesavvy.outbox WHERE delivered_at IS NOT NULL", 'and keeps no other from being sent', 'bytes');
};

subtest 'claims that fail' => sub {
    my $from = -s $node->logfile;
    sql(q{
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused by a test'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON swipesavvy.outbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()}, 'latin');
    put('latin', 'hook', 300, "'x'");
    ok($node->wait_for_log(qr/(deliveries have to wait: P0001: refused by a test.*){4}/s, $from), 'a claim fails four times when it commits');
    $node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts(pid) FROM pg_stat_activity WHERE application_name = 'swipesavvy health of latin'");
    ok($node->wait_for_log(qr/swipesavvy deliveries: .* used/, $from), 'the worker tells of its memory');
    my ($used) = slurp_file($node->logfile, $from) =~ /swipesavvy deliveries: .*; (\d+) used/;
    cmp_ok($used, '<', 8192, "it keeps nothing of what it could not claim: $used bytes");
    sql('DROP TRIGGER refuse ON swipesavvy.outbox', 'latin');
    wait_until_delivered('then all is delivered', 'hook', 'latin');
    is(scalar(my @all = $stub->requests('/latin')), 301, 'once each');
};

unlike(slurp_file($node->logfile), qr/PANIC|too many open files|was terminated/i, 'the server never ran out of files');

done_testing();
