# Deliveries by the background worker: messages reach a webhook signed, in order, as fast as the sink takes them and no faster, when it wants
# them; what fails is tried again. libcurl is in the one process that sends, and only once it does.
# Takes long: begun among the first.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_base64);
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64 encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Stub;
use SwipeSavvy qw(create_extension add_campaign);
use Test::More;
use Time::HiRes qw(time);
use Worker qw(new_worker sql wait_for $open reload took add_hook find_sink put_messages wait_until_delivered);

my $node = new_worker('deliveries', "swipesavvy.databases = 'app, other'", 'autovacuum = off');
create_extension($node, 'app');
my $stub = Stub->new;

my $key = 'A key of which nobody hears, ever';
sub update { my ($name, $changes) = @_; sql("SELECT swipesavvy.update_sink('$name', '$changes')"); return }
sub processes { my ($type) = @_; return split /\n/, sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'swipesavvy worker' AND application_name ~ '$type'") }
sub has_curl { my ($pid) = @_; return scalar slurp_file("/proc/$pid/maps") =~ /libcurl|swipesavvy_http/ }

# A webhook at a path of the stub
sub hook
{
    my ($name, %options) = @_;
    add_hook($name, $options{url} // $stub->url("/$name"), undef, $options{events} ? (events => "'$options{events}'") : ());
    update($name, $options{with}) if $options{with};
    return;
}

# Messages 1 to $count for a sink, spread over that many keys
sub put
{
    my ($name, $count, $keys) = @_;
    put_messages($name, $count, undef, order_key => "'key ' || g % $keys", key => "g % $keys");
    return;
}
sub numbers { my ($path) = @_; return map { decode_json($_->{body})->{data}{n} } $stub->requests($path) }

subtest 'nothing is loaded before it is needed' => sub {
    my ($health) = processes('health of app');
    ok($node->poll_query_until('app', q{SELECT count(*) > 0 FROM swipesavvy.health_samples}), 'the worker works');
    sql(sprintf "SELECT swipesavvy.set_sink_secret('key', 'whsec_%s')", encode_base64($key, ''));
    reload("ALTER SYSTEM SET swipesavvy.private_networks = '127.0.0.0/8'");
    my @others = (processes('jobs'), sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'swipesavvy launcher'}));
    is(scalar @others, 2, 'the other processes');
    ok(!has_curl($_), 'no libcurl') for $health, @others;
    hook('first');
    sql(q{SELECT swipesavvy.test_sink('first')});
    wait_until_delivered('a test arrives', 'first');
    is((processes('health of app'))[0], $health, 'sent by the worker that measures');
    ok(has_curl($health), 'which has libcurl now');
    ok(!has_curl($_), 'the others have not') for @others;
    is(sql("SELECT pg_read_file('/proc/self/maps') ~ 'libcurl|swipesavvy_http', swipesavvy.list_sinks() IS NULL"), 'f|f', 'nor has a session that uses the functions of sinks');
    like(slurp_file("/proc/$health/status"), qr/^Threads:\s+1$/m, 'nor does it keep threads');
};

subtest 'what a webhook gets' => sub {
    my ($request) = $stub->requests('/first');
    my $body = decode_json($request->{body});
    is($request->{method}, 'POST', 'a POST');
    is($body->{type}, 'sink.test', 'with the event');
    my $headers = $request->{headers};
    is($headers->{'webhook-id'}, sql(q{SELECT message_id FROM swipesavvy.outbox WHERE event = 'sink.test'}), 'its id');
    cmp_ok(abs($headers->{'webhook-timestamp'} - time), '<', 60, 'the time');
    (my $signature = hmac_sha256_base64("$headers->{'webhook-id'}.$headers->{'webhook-timestamp'}.$request->{body}", $key)) .= '=';
    is($headers->{'webhook-signature'}, "v1,$signature", 'and a signature that holds');
    is($headers->{$_}, undef, "no header $_") for qw(expect cookie proxy-connection);

    hook('events', events => '{campaign.*}');
    add_campaign($node, 'app', 'TEN', 1000);
    wait_until_delivered('a campaign is launched', 'events');
    is(decode_json(($stub->requests('/events'))[0]{body})->{type}, 'campaign.launched', 'and the sink hears of it');
    is($stub->count('/first'), 1, 'the one that did not ask does not');
};

subtest 'order' => sub {
    # the third request fails once: those with its key wait, the others do not
    $stub->on('/order', { times => 2 }, { status => 503, times => 1 }, {});
    hook('order');
    put('order', 300, 10);
    wait_for("SELECT count(*) = 1 FROM swipesavvy.outbox WHERE last_error = 'HTTP 503'", 'one fails');
    wait_for("SELECT count(*) = 0 FROM swipesavvy.outbox WHERE $open AND sink = 'order' AND order_key <> (SELECT order_key FROM swipesavvy.outbox WHERE sink = 'order' AND last_error IS NOT NULL)", 'the others are delivered');
    is(sql("SELECT count(*) FROM swipesavvy.outbox WHERE $open AND sink = 'order'"), 30, 'and all of its key wait for it');
    sql("UPDATE swipesavvy.outbox SET due_at = now() WHERE last_error IS NOT NULL");
    wait_until_delivered('all are delivered', 'order');
    my %last;
    my @late = grep { my $key = $_ % 10; my $late = $_ < ($last{$key} // 0); $last{$key} = $_; $late } numbers('/order');
    is_deeply(\@late, [], 'each key in its order');
    is($stub->count('/order'), 301, 'and none twice but that one');
};

subtest 'as many at a time as it takes' => sub {
    $stub->on('/wide', { delay => 0.02 });
    hook('wide', with => '{"max_in_flight": 4}');
    put('wide', 200, 200);
    wait_until_delivered('all are delivered', 'wide');
    my @requests = $stub->requests('/wide');
    my ($widest) = sort { $b <=> $a } map { $_->{in_flight} } @requests;
    is($widest, 4, 'four at a time');
    my %connections = map { $_->{connection} => 1 } @requests;
    cmp_ok(scalar keys %connections, '<=', 5, 'over connections that are kept');
    update('wide', '{"max_in_flight": 1}');
    $stub->forget;
    put('wide', 30, 30);
    wait_until_delivered('with one at a time', 'wide');
    is((sort { $b <=> $a } map { $_->{in_flight} } $stub->requests('/wide'))[0], 1, 'there is one');
};

subtest 'as fast as it may' => sub {
    hook('rate', with => '{"max_per_second": 5}');
    put('rate', 20, 20);
    wait_until_delivered('all are delivered', 'rate');
    my @times = map { $_->{time} } $stub->requests('/rate');
    my $most = 0;
    for my $i (0 .. $#times) { my $n = grep { $_ >= $times[$i] && $_ < $times[$i] + 0.9 } @times; $most = $n if $n > $most }
    cmp_ok($most, '<=', 10, 'never more than a bucket and a second\'s worth');
    cmp_ok($times[-1] - $times[0], '>', 2.4, 'five a second');
};

subtest 'Retry-After' => sub {
    $stub->on('/later', { status => 429, retry_after => 3, times => 1 }, {});
    hook('later', with => '{"max_in_flight": 1}');
    put('later', 5, 5);
    wait_for(q{SELECT s ->> 'state' = 'held' FROM jsonb_array_elements(swipesavvy.list_sinks() -> 'sinks') s WHERE s ->> 'sink' = 'later'}, 'the sink is held');
    is(find_sink('later')->{last_error}, 'HTTP 429', 'it says why');
    is(sql("SELECT count(*) FROM swipesavvy.outbox WHERE sink = 'later' AND $open AND attempts = 0"), 4, 'what was not sent has gone back');
    wait_for("SELECT count(*) = 1 FROM swipesavvy.outbox WHERE $open AND sink = 'later'", 'then the others are sent');
    my @times = map { $_->{time} } $stub->requests('/later');
    cmp_ok($times[1] - $times[0], '>=', 2.5, 'when it wants them');
    sql("UPDATE swipesavvy.outbox SET due_at = now() WHERE sink = 'later' AND $open");
    wait_until_delivered('and that one too', 'later');
    is(find_sink('later')->{state}, 'ok', 'all is well again');
};

subtest 'a sink that is broken' => sub {
    $stub->on('/broken', { status => 500 });
    hook('broken');
    put('broken', 200, 200);
    wait_for(q{SELECT (s ->> 'failures_in_a_row')::int >= 5 AND s ->> 'not_before' IS NOT NULL FROM jsonb_array_elements(swipesavvy.list_sinks() -> 'sinks') s WHERE s ->> 'sink' = 'broken'}, 'is left alone');
    my $before = $stub->count('/broken');
    cmp_ok($before, '<=', 21, "after $before requests, those that were on their way included");
    is(find_sink('broken')->{state}, 'failing', 'and said to be failing');
    hook('beside');
    put('beside', 100, 100);
    wait_until_delivered('others are not', 'beside');
    sql("UPDATE swipesavvy.sink_states SET not_before = now() WHERE sink = 'broken'");
    ok($stub->wait_for($before + 1, '/broken'), 'then one request is sent to see');
    wait_for(q{SELECT (s ->> 'failures_in_a_row')::int = 6 AND s ->> 'not_before' IS NOT NULL FROM jsonb_array_elements(swipesavvy.list_sinks() -> 'sinks') s WHERE s ->> 'sink' = 'broken'}, 'which fails');
    is($stub->count('/broken'), $before + 1, 'only one');
    $stub->on('/broken', {});
    sql("UPDATE swipesavvy.sink_states SET not_before = now() WHERE sink = 'broken'; UPDATE swipesavvy.outbox SET due_at = now() WHERE sink = 'broken' AND $open");
    wait_until_delivered('it is well again, and gets all', 'broken');
    is(find_sink('broken')->{state}, 'ok', 'and says so');
    is(find_sink('broken')->{failures_in_a_row}, 0, 'nothing is held against it');
    is(sql("SELECT count(*) FROM swipesavvy.outbox WHERE sink = 'broken' AND delivered_at IS NOT NULL"), 200, 'none was lost');
};

subtest 'switched off, and gone' => sub {
    $stub->on('/off', { delay => 0.05 });
    hook('off', with => '{"max_in_flight": 2}');
    put('off', 200, 200);
    ok($stub->wait_for(10, '/off'), 'deliveries are under way');
    update('off', '{"enabled": false}');
    wait_for("SELECT count(*) = 0 FROM swipesavvy.outbox WHERE sink = 'off' AND leased", 'disabled, it gets what is on its way, and the rest goes back');
    my $count = $stub->count('/off');
    cmp_ok($count, '<', 200, "after $count of 200");
    put('beside', 10, 10);
    wait_until_delivered('others go on', 'beside');
    is($stub->count('/off'), $count, 'it gets nothing');
    is(find_sink('off')->{state}, 'disabled', 'and says so');
    update('off', '{"enabled": true}');
    wait_until_delivered('enabled again, it gets them', 'off');
    is($stub->count('/off'), 200, 'each once');

    $stub->on('/gone', { delay => 0.05 });
    hook('gone', with => '{"max_in_flight": 2}');
    put('gone', 200, 200);
    ok($stub->wait_for(10, '/gone'), 'deliveries are under way');
    sql(q{SELECT swipesavvy.delete_sink('gone')});
    wait_for("SELECT count(*) = 0 FROM swipesavvy.outbox WHERE sink = 'gone' AND ($open OR leased)", 'of a sink that is deleted nothing is left open');
    put('beside', 10, 10);
    wait_until_delivered('and the others go on', 'beside');
    cmp_ok($stub->count('/gone'), '<', 200, 'it does not get all');
};

subtest 'the settings' => sub {
    my ($pid) = processes('health of app');
    hook('local');
    reload("ALTER SYSTEM RESET swipesavvy.private_networks");
    put('local', 1, 1);
    wait_for("SELECT last_error = 'the address 127.0.0.1 is neither public nor in swipesavvy.private_networks' FROM swipesavvy.outbox WHERE sink = 'local'", 'without its network nothing goes there');
    $stub->on('/hanging', { hang => 1 });
    reload("ALTER SYSTEM SET swipesavvy.private_networks = '10.0.0.0/8, 127.0.0.1/32, ::1'");
    sql("UPDATE swipesavvy.outbox SET due_at = now() WHERE sink = 'local'");
    wait_until_delivered('with it there, it does', 'local');
    hook('hanging');
    put('hanging', 3, 3);
    ok($stub->wait_for(3, '/hanging'), 'requests hang');
    $stub->on('/hanging', {});
    reload("ALTER SYSTEM SET swipesavvy.private_networks = '127.0.0.1'");
    wait_until_delivered('what was on its way is sent again with the new settings', 'hanging');
    is(sql("SELECT sum(attempts) FROM swipesavvy.outbox WHERE sink = 'hanging'"), 3, 'which is no attempt more');
    is((processes('health of app'))[0], $pid, 'by the same process');
    for my $wrong ('10.0.0.1/8', '10.0.0.0/33', 'localhost', '10.0.0', '1::2::3', '"x')
    {
        my ($rc, $out, $err) = $node->psql('app', "ALTER SYSTEM SET swipesavvy.private_networks = '::1, $wrong'");
        like($err, qr/invalid value for parameter "swipesavvy.private_networks"/, "$wrong is refused");
    }
    my ($rc, $out, $err) = $node->psql('app', "SET swipesavvy.private_networks = '';\nSET swipesavvy.http_ca_file = ''", on_error_stop => 0);
    like($err, qr/"swipesavvy.$_" cannot be changed now/, "$_ is for the configuration file") for qw(private_networks http_ca_file);
    reload("ALTER SYSTEM SET swipesavvy.private_networks = '127.0.0.0/8'");
};

subtest 'in nobody\'s way' => sub {
    $stub->on('/stuck', { hang => 1 });
    create_extension($node, 'other');
    sql(sprintf("SELECT swipesavvy.set_sink_secret('key', 'whsec_%s')", encode_base64($key, '')), 'other');
    sql("SELECT swipesavvy.create_sink('stuck', 'webhook', '@{[ $stub->url('/stuck') ]}', secret => 'key'); SELECT swipesavvy.test_sink('stuck')", 'other');
    ok($stub->wait_for(1, '/stuck'), 'a request hangs');
    cmp_ok(took(sub { sql('DROP DATABASE other', 'postgres') }), '<', 5, 'its database is dropped all the same');

    # the tables cannot be read for a while: samples go on, and so do deliveries afterwards
    reload('ALTER SYSTEM SET swipesavvy.health_interval = 1');
    my $lock = $node->background_psql('app');
    $lock->query_safe('BEGIN; LOCK TABLE swipesavvy_private.sink_secrets');
    ok($node->wait_for_log(qr/deliveries have to wait: 55P03: /), 'a claim that cannot be had is given up');
    my $samples = sql('SELECT count(*) FROM swipesavvy.health_samples');
    wait_for("SELECT count(*) >= $samples + 3 FROM swipesavvy.health_samples", 'and samples are taken meanwhile');
    $lock->query_safe('ROLLBACK');
    $lock->quit;
    put('first', 1, 1);
    wait_until_delivered('then it goes on', 'first');

    my ($pid) = processes('health of app');
    $stub->forget->on('/first', { hang => 1 });
    put('first', 3, 3);
    ok($stub->wait_for(3, '/first'), 'three requests hang');
    $stub->on('/first', {}); # those that come now do not: the next worker may be quick
    cmp_ok(took(sub { sql("SELECT pg_terminate_backend($pid, 10000)") }), '<', 2, 'a worker with requests on their way ends at once');
    wait_until_delivered('the next one sends them', 'first');
    is(sql("SELECT max(attempts) FROM swipesavvy.outbox WHERE sink = 'first'"), 2, 'once more');
    $stub->forget->on('/first', { hang => 1 });
    put('first', 1, 1);
    ok($stub->wait_for(1, '/first'), 'one hangs');
    cmp_ok(took(sub { $node->stop('fast') }), '<', 5, 'nor is the server kept from stopping');
    $stub->on('/first', {});
    $node->start;
    wait_until_delivered('after which it is sent', 'first');
};

subtest 'the extension, in the middle of it' => sub {
    $stub->forget->on('/first', { delay => 0.2 });
    put('first', 200, 200);
    ok($stub->wait_for(20, '/first'), 'deliveries are under way');
    my ($pid) = processes('health of app');
    sql('SET swipesavvy.allow_drop = on; DROP EXTENSION swipesavvy');
    ok($node->poll_query_until('app', "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $pid"), 'is dropped');
    sql('CREATE EXTENSION swipesavvy');
    sql(sprintf "SELECT swipesavvy.set_sink_secret('key', 'whsec_%s')", encode_base64($key, ''));
    hook('anew');
    put('anew', 100, 100);
    wait_until_delivered('one that is made anew has its deliveries', 'anew');
    is($stub->count('/anew'), 100, 'each once');
    is((processes('health of app'))[0], $pid, 'by the same process');
};

# Whatever is switched on, no secret is in the log: neither of a sink, nor of a message, nor what comes of them.
subtest 'nothing secret is logged' => sub {
    my $secret = 'A password that is in one message';
    $node->append_conf('postgresql.conf', "shared_preload_libraries = 'swipesavvy, auto_explain'");
    $node->append_conf('postgresql.conf', $_) for 'log_min_messages = debug5', 'log_error_verbosity = verbose', 'log_statement = all', 'log_min_duration_statement = 0',
      'log_duration = on', 'debug_print_plan = on', 'debug_print_rewritten = on', 'debug_print_parse = on', 'log_parameter_max_length_on_error = -1',
      'auto_explain.log_min_duration = 0', 'auto_explain.log_nested_statements = on', 'auto_explain.log_analyze = on', 'auto_explain.log_verbose = on';
    # put before all is logged
    update('anew', '{"enabled": false}');
    sql("WITH m AS (INSERT INTO swipesavvy.outbox (message_id, event, version, body, sink)
             SELECT swipesavvy.uuid_v7(), 'password.reset', 1, '{}', 'anew' FROM generate_series(1, 5) RETURNING message_id)
         INSERT INTO swipesavvy_private.outbox_secrets SELECT message_id, '{\"password\": \"$secret\"}' FROM m");
    $stub->forget->on('/anew', { status => 500, body => "$secret $key", times => 1 }, { garbage => 1, times => 1 }, { status => 403, headers => ["X-Echo: $secret"], times => 1 }, { hang => 1 });
    $node->restart;
    my $start = -s $node->logfile;
    update('anew', '{"enabled": true}');
    ok($stub->wait_for(5, '/anew'), 'messages with a secret are sent');
    $stub->on('/anew', {});
    $node->psql('app', 'ALTER TABLE swipesavvy.sink_states ADD CONSTRAINT never CHECK (last_success_at IS NULL) NOT VALID; UPDATE swipesavvy.outbox SET due_at = now()');
    ok($node->wait_for_log(qr/deliveries have to wait: 23514: /, $start), 'results that cannot be recorded');
    sql('ALTER TABLE swipesavvy.sink_states DROP CONSTRAINT never');
    sql("UPDATE swipesavvy.sink_states SET not_before = NULL, failures_in_a_row = 0; UPDATE swipesavvy.outbox SET due_at = now() WHERE $open");
    wait_until_delivered('are recorded when they can be', 'anew');
    my ($request) = $stub->requests('/anew');
    like($request->{body}, qr/\Q$secret\E/, 'the sink has seen the secret');
    my $log = substr slurp_file($node->logfile), $start;
    like($log, qr/record_results/, 'the log has the statements');
    my @signatures = map { $_->{headers}{'webhook-signature'} =~ s/^v1,//r } $stub->requests('/anew');
    my @found = grep { index($log, $_) >= 0 } $secret, $key, encode_base64($key, ''), unpack('H*', $key), unpack('H*', $secret), @signatures;
    is_deeply(\@found, [], 'and none of ' . (5 + @signatures) . ' secrets and signatures');
};

done_testing();
