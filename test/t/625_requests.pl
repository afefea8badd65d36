# What is due to sinks and how it went: the three functions that are the background worker's alone, called in its process and by
# nothing else: by a trigger on what it writes when it claims a job. Sinks are enabled within that transaction only, so that nobody
# sends anything.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_base64);
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(create_extension);
use Test::More;
use Worker qw(new_worker sql run_now reload);

my $node = new_worker('requests', 'autovacuum = off', 'fsync = off');
create_extension($node, 'app');
$node->safe_psql('app', q{
    CREATE TABLE public.calls (n serial, sinks text[], call text, result jsonb, error text);
    CREATE FUNCTION public.in_the_worker() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        c public.calls;
    BEGIN
        IF (SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid()) <> 'swipesavvy worker' THEN
            RETURN NULL;
        END IF;
        FOR c IN SELECT * FROM public.calls WHERE result IS NULL AND error IS NULL ORDER BY n LOOP
            BEGIN
                UPDATE swipesavvy.sinks SET enabled = true WHERE sink = ANY (c.sinks);
                EXECUTE 'SELECT ' || c.call INTO c.result;
                UPDATE swipesavvy.sinks SET enabled = false;
            EXCEPTION WHEN OTHERS THEN
                c.error := SQLSTATE || ': ' || SQLERRM;
            END;
            UPDATE public.calls SET result = c.result, error = c.error WHERE n = c.n;
        END LOOP;
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER in_the_worker AFTER INSERT OR UPDATE ON swipesavvy.jobs FOR EACH ROW WHEN (NEW.job = 'record_refused_attempts')
        EXECUTE FUNCTION public.in_the_worker();
    -- messages as the library writes them, with ids that ascend
    CREATE FUNCTION public.id(n integer) RETURNS uuid LANGUAGE sql RETURN ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid;
    CREATE FUNCTION public.put(n integer, sink text, key text DEFAULT NULL, secret jsonb DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
        INSERT INTO swipesavvy.outbox (message_id, event, version, order_key, sink, body) VALUES (public.id(n), 'test.happened', 1, key, sink, jsonb_build_object('n', n));
        INSERT INTO swipesavvy_private.outbox_secrets SELECT public.id(n), secret WHERE secret IS NOT NULL $$;
    CREATE FUNCTION public.claim_soon(name text) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE swipesavvy.sink_states SET not_before = clock_timestamp() + interval '300 ms' WHERE sink = name;
        RETURN swipesavvy.claim_requests();
    END
    $$;
    SELECT swipesavvy.set_job('sample_health', enabled => false);
    SELECT swipesavvy.set_health_threshold(f, 'infinity', 'infinity')
      FROM unnest('{api_error_percent,api_p99_ms,cpu_percent,errors_last_hour,memory_percent,outbox_dead,outbox_oldest_seconds}'::text[]) f;
});


# What the worker gets that calls this with these sinks enabled.
sub worker
{
    my ($sinks, $call) = @_;
    $call =~ s/'/''/g;
    my $n = sql("INSERT INTO public.calls (sinks, call) VALUES ('{$sinks}', '$call') RETURNING n");
    run_now('record_refused_attempts');
    reload();    # which wakes the worker
    $node->poll_query_until('app', "SELECT result IS NOT NULL OR error IS NOT NULL FROM public.calls WHERE n = $n") or BAIL_OUT('the worker does not answer');
    my $result = sql("SELECT coalesce(error, result::text) FROM public.calls WHERE n = $n");
    return $result =~ /^\w{5}: / ? $result : decode_json($result);
}

sub claim { my ($sinks, $unfinished) = @_; return worker($sinks, 'swipesavvy.claim_requests(' . ($unfinished // '') . ')') }
# The numbers of the messages in a claim; a report is its sink.
sub numbers { return join ' ', map { $_->{id} ? 0 + substr $_->{id}, -12 : $_->{sink} } @{ $_[0]{requests} } }
# Results: sink, number of the message or undef, status, and what else there is.
sub result { my ($sink, $n, $status, %more) = @_; return { sink => $sink, id => defined $n ? sprintf('00000000-0000-7000-8000-%012d', $n) : undef, status => $status, error => undef, retry_after => undef, %more } }
sub record { my ($sinks, @results) = @_; my $json = JSON::PP->new->canonical->encode(\@results); return worker($sinks, "swipesavvy.record_results('$json')") }
sub message { my ($n) = @_; return sql("SELECT concat_ws(' ', CASE WHEN delivered_at IS NOT NULL THEN 'delivered' WHEN dead_at IS NOT NULL THEN 'dead' WHEN leased THEN 'leased' ELSE 'open' END, attempts, last_error) FROM swipesavvy.outbox WHERE message_id = public.id($n)") }
# After how many seconds a message is due, or a sink gets the next one.
sub due { my ($n) = @_; return sql("SELECT round(extract(epoch FROM due_at - clock_timestamp())::numeric, 1) FROM swipesavvy.outbox WHERE message_id = public.id($n)") }
sub held { my ($sink) = @_; return sql("SELECT coalesce(round(extract(epoch FROM not_before - clock_timestamp())::numeric, 1)::text, 'no') FROM swipesavvy.sink_states WHERE sink = '$sink'") }
sub state { my ($sink) = @_; return sql("SELECT concat_ws(' ', failures_in_a_row, last_error) FROM swipesavvy.sink_states WHERE sink = '$sink'") }
sub between { my ($value, $from, $to, $what) = @_; return ok($value ne 'no' && $value >= $from && $value <= $to, "$what: $value is from $from to $to") }
sub anew { sql('DELETE FROM swipesavvy.outbox; UPDATE swipesavvy.sink_states SET failures_in_a_row = 0, not_before = NULL, last_error = NULL, tokens = NULL, tokens_at = NULL'); return }

my $key = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

subtest 'nothing to do' => sub {
    is_deeply(claim(''), { requests => [], wait_ms => 1000 }, 'without sinks');
    is_deeply(worker('', "swipesavvy.record_results('[]')"), { held => [] }, 'nothing to record');
    is_deeply(worker('', 'swipesavvy.release_requests()'), { released => 0 }, 'nothing to release');
    is(worker('', "swipesavvy.record_results('{}')"), '22023: invalid value for argument "results"', 'results are an array');
    is(worker('', 'swipesavvy.record_results(NULL)'), '22023: argument "results" must be given', 'which must be there');
};

sql(qq{
    SELECT swipesavvy.set_sink_secret('key', 'whsec_$key'), swipesavvy.set_sink_secret('plain', 'S3CRET');
    SELECT swipesavvy.create_sink(s, 'webhook', 'https://example.com/' || s, 'key', max_in_flight => 5, enabled => false) FROM unnest('{one,two}'::text[]) s;
    SELECT swipesavvy.create_sink('pager', 'pagerduty', secret => 'plain', enabled => false);
    SELECT swipesavvy.create_sink('dog', 'datadog', secret => 'plain', enabled => false), swipesavvy.create_sink('am', 'alertmanager', 'https://am.example.com', enabled => false);
});

subtest 'claiming' => sub {
    sql(q{SELECT public.put(1, 'one', 'a', '{"password": "p"}'), public.put(2, 'one', 'a'), public.put(3, 'one'), public.put(4, 'two', 'a'), public.put(5, NULL, 'a'), public.put(6, 'one', 'b')});
    is(numbers(claim('')), '', 'of sinks that are disabled nothing is handed out');
    my $claim = claim('one,two');
    is(numbers($claim), '1 3 6 4', 'of each sink and key the first');
    is($claim->{wait_ms}, 1000, 'there is no more for now');
    my $request = $claim->{requests}[0];
    my %headers = map { /^(.*?): (.*)/ } @{ $request->{headers} };
    is_deeply([ @$request{qw(sink kind id through method url aws_sigv4 user max_in_flight timeout_ms)} ],
        [ 'one', 'webhook', '00000000-0000-7000-8000-000000000001', undef, 'POST', 'https://example.com/one', undef, undef, 5, 15000 ], 'all of a request');
    is($headers{'webhook-signature'}, 'v1,' . hmac_sha256_base64("$headers{'webhook-id'}.$headers{'webhook-timestamp'}.$request->{body}", decode_base64($key)) . '=', 'its signature');
    is_deeply(decode_json($request->{body})->{secret}, { password => 'p' }, 'its secret');
    is(join(', ', map { message($_) } 1 .. 6), 'leased 1, open 0, leased 1, leased 1, open 0, leased 1', 'they are leased');
    between(due(1), 240, 300, 'for five minutes');
    is(numbers(claim('one,two')), '', 'and not handed out again');
    is_deeply(record('one,two', result('one', 1, 204)), { held => [] }, 'one is delivered');
    is(sql('SELECT NOT leased AND NOT EXISTS (SELECT FROM swipesavvy_private.outbox_secrets s WHERE s.message_id = m.message_id) FROM swipesavvy.outbox m WHERE message_id = public.id(1)'), 't', 'its secret is gone');
    is(numbers(claim('one,two')), '2', 'then the next of its key, of that sink');
    is(sql("SELECT jsonb_array_length(swipesavvy.claim_outbox() -> 'messages')"), 1, 'a deliverer gets what is for no sink');
    is_deeply(worker('', 'swipesavvy.release_requests()'), { released => 4 }, 'a worker that starts releases what another had');
    is(numbers(claim('one,two')), '2 3 6 4', 'it is due at once');
    is(message(2), 'leased 2', 'as the second attempt');
    is(message(5), 'open 1', 'and nothing of a deliverer was released');
};

subtest 'room' => sub {
    anew();
    sql("SELECT public.put(n, 'one') FROM generate_series(1, 600) n");
    my $claim = claim('one');
    is(scalar @{ $claim->{requests} }, 256, 'so many at a time');
    is($claim->{wait_ms}, 0, 'and more are due');
    $claim = claim('one', q{'{"one": 250, "two": 256}'});
    is(numbers($claim), join(' ', 257 .. 262), 'no more than there is room for');
    is($claim->{wait_ms}, 0, 'and more are due');
    $claim = claim('one', q{'{"one": 256}'});
    is(numbers($claim), '', 'none when there is none');
    is($claim->{wait_ms}, 50, 'but soon');
    is(claim('one', q{'{"one": -1}'}), '22023: invalid value for argument "unfinished"', 'a count is not negative');
    is(claim('one', q{'{"one": "x"}'}), '22023: invalid value for argument "unfinished"', 'nor a text');

    # the first of a key waits, and many behind it
    anew();
    sql("SELECT public.put(n, 'one', CASE WHEN n < 5000 THEN 'first' WHEN n < 5010 THEN 'other' END) FROM generate_series(1, 5012) n;
         UPDATE swipesavvy.outbox SET due_at = now() + interval '1 hour' WHERE message_id = public.id(1)");
    is(numbers(claim('one')), '5000 5010 5011 5012', 'what is due behind thousands that wait is found');
    is(numbers(claim('one')), '', 'and then nothing');
    sql("UPDATE swipesavvy.outbox SET due_at = '2020-01-01' WHERE message_id = public.id(1)");
    is(numbers(claim('one')), '1', 'until the first is due');
};

subtest 'room of all' => sub {
    anew();
    my $many = join ',', map { "m$_" } 1 .. 9;
    sql("SELECT swipesavvy.create_sink(s, 'webhook', 'https://example.com/' || s, 'key', enabled => false) FROM unnest('{$many}'::text[]) s;
         SELECT public.put(1000 * s + n, 'm' || s) FROM generate_series(1, 9) s, generate_series(1, 300) n");
    my $claim = claim($many);
    is(scalar @{ $claim->{requests} }, 2048, 'of all sinks together so many at a time');
    is($claim->{wait_ms}, 50, 'and soon again');
    $claim = claim($many);
    is($claim->{requests}[0]{sink}, 'm9', 'which begins where there was no room');
    is(scalar @{ $claim->{requests} }, 256 + 8 * 44, 'and has the rest');
    sql("SELECT swipesavvy.delete_sink(s) FROM unnest('{$many}'::text[]) s");
};

subtest 'results' => sub {
    anew();
    sql("SELECT public.put(n, 'one') FROM generate_series(1, 12) n");
    claim('one');
    is_deeply(record('one', result('one', 1, 200), result('one', 2, 500), result('one', 3, 404), result('one', 4, 0, error => 'could not connect'), result('one', 5, 301),
            result('one', 6, 429), result('one', 7, 0, returned => JSON::PP::true)), { held => [] }, 'a batch');
    is(join(', ', map { message($_) } 1 .. 8), 'delivered 1, open 1 HTTP 500, open 1 HTTP 404, open 1 could not connect, open 1 HTTP 301, open 1 HTTP 429, open 0, leased 1', 'each as it went');
    between(due($_), 5, 12.5, "message $_ is tried again after ten seconds") for 2 .. 6;
    between(due(7), -60, 0, 'what was not sent is due');
    is(state('one'), '3 HTTP 429', 'failures since the last answer');
    is(sql("SELECT last_success_at IS NOT NULL AND last_failure_at IS NOT NULL FROM swipesavvy.sink_states WHERE sink = 'one'"), 't', 'when it last succeeded and failed');
    is(sql("SELECT string_agg(due_at::text, ' ' ORDER BY message_id) FROM swipesavvy.outbox") eq do { record('one', map { result('one', $_, 500) } 1 .. 6); sql("SELECT string_agg(due_at::text, ' ' ORDER BY message_id) FROM swipesavvy.outbox") },
        1, 'what is not the worker\'s any more does not change');
    record('one', result('one', 2, 200));
    is(message(2), 'delivered 1', 'but for what was delivered after all');
    is(state('one'), '0 HTTP 500', 'an answer ends the row of failures');

    # deleted, replayed, another sink, unknown
    sql("DELETE FROM swipesavvy.outbox WHERE message_id = public.id(8); UPDATE swipesavvy.outbox SET dead_at = now(), leased = false WHERE message_id IN (public.id(9), public.id(10));
         SELECT swipesavvy.replay_outbox(ARRAY[public.id(9)])");
    is_deeply(record('one', result('one', 8, 500), result('one', 9, 500), result('one', 10, 200), result('two', 11, 200), result('one', 999, 200), result('nobody', 12, 200)), { held => [ 'nobody', 'two' ] },
        'sinks that are gone or disabled get no more');
    is(join(', ', map { message($_) } 9 .. 12), 'open 0, delivered 1, leased 1, leased 1', 'a replayed one stays, a dead one was delivered, and only by its own sink');
    is_deeply(record('one', result('one', 11, 0, returned => JSON::PP::true), result('one', 11, 0, returned => JSON::PP::true)), { held => [] }, 'twice in a batch');
    is(message(11), 'open 0', 'is once');

    # attempts end; those that failed at first are not due again, however long it took to come here
    sql("UPDATE swipesavvy.outbox SET due_at = now() + interval '1 hour' WHERE message_id IN (SELECT public.id(n) FROM generate_series(2, 6) n);
         UPDATE swipesavvy.outbox SET attempts = CASE message_id WHEN public.id(11) THEN 14 ELSE 15 END, due_at = now() - interval '1 s' WHERE message_id IN (public.id(11), public.id(12))");
    is(numbers(claim('one')), '7 9 11', 'one for the last time');
    is(message(12), 'dead 15 the worker ended while it was sent', 'the other was tried often enough');
    record('one', result('one', 11, 503));
    is(message(11), 'dead 15 HTTP 503', 'then it is given up');
    record('one', result('one', 9, 503, error => 'x' x 1000));
    is(length message(9), length('open 1 ') + 500, 'an error is cut');
    sql("UPDATE swipesavvy.outbox SET attempts = $_, leased = true WHERE message_id = public.id(9)"), record('one', result('one', 9, 400)), between(due(9), 0.7 * 10 * 2**($_ - 1), 1.25 * 10 * 2**($_ - 1), "after $_ attempts") for 2, 5, 9;
    sql("UPDATE swipesavvy.outbox SET attempts = 14, leased = true WHERE message_id = public.id(9)");
    record('one', result('one', 9, 400));
    between(due(9), 2600, 4500, 'after an hour at most');
};

subtest 'a sink that fails' => sub {
    anew();
    sql("SELECT public.put(n, 'one') FROM generate_series(1, 40) n");
    claim('one');
    record('one', map { result('one', $_, 503) } 1 .. 4);
    is(state('one') . held('one'), '4 HTTP 503no', 'four failures are no reason to leave it alone');
    is_deeply(record('one', map { result('one', $_, 503) } 5 .. 20), { held => ['one'] }, 'the worker gives back what it has');
    is(state('one'), '5 HTTP 503', 'a batch opens the breaker and no more');
    between(held('one'), 5, 12.5, 'for ten seconds');
    my $until = sql("SELECT not_before FROM swipesavvy.sink_states WHERE sink = 'one'");
    record('one', map { result('one', $_, 502) } 21 .. 30);
    is(state('one') . sql("SELECT not_before FROM swipesavvy.sink_states WHERE sink = 'one'"), "5 HTTP 502$until", 'what comes in meanwhile makes it no worse');
    record('one', map { result('one', $_, 0, returned => JSON::PP::true) } 31 .. 40);
    my $claim = claim('one');
    is(numbers($claim), '', 'nothing is handed out');
    between(worker('one', "public.claim_soon('one')")->{wait_ms}, 200, 300, 'until it is time');
    sql("UPDATE swipesavvy.sink_states SET not_before = now() + interval '1 minute' WHERE sink = 'one'");
    is(claim('one')->{wait_ms}, 1000, 'a second at most');
    my $probe = 30;
    for my $wait (20, 40, 80, 160, 300, 300)
    {
        sql("UPDATE swipesavvy.sink_states SET not_before = now() WHERE sink = 'one'");
        $claim = claim('one');
        is(numbers($claim), ++$probe, 'then one, to see');
        is(numbers(claim('one', q{'{"one": 1}'})), '', 'and no other meanwhile');
        record('one', result('one', $probe, 503));
        between(held('one'), 0.7 * $wait, 1.25 * $wait, 'longer each time');
    }
    is(state('one'), '11 HTTP 503', 'failures in a row');
    sql("UPDATE swipesavvy.sink_states SET failures_in_a_row = 2000, not_before = now() WHERE sink IN ('one', 'dog')");
    is_deeply(record('one,dog', result('one', 36, 503), result('dog', undef, 503)), { held => [ 'dog', 'one' ] }, 'after a week of failures there is one more');
    between(held($_), 210, 375, "$_ is left alone no longer for it") for 'one', 'dog';
    sql("UPDATE swipesavvy.sink_states SET failures_in_a_row = CASE sink WHEN 'one' THEN 11 ELSE 0 END WHERE sink IN ('one', 'dog')");
    sql("SELECT swipesavvy.record_health('{}')");
    is(sql("SELECT figures -> 'sinks_failing' FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 1"), 0, 'a disabled one does not count');
    sql("UPDATE swipesavvy.sink_states SET not_before = now() WHERE sink = 'one'");
    is(numbers(claim('one')), 37, 'one more');
    record('one', result('one', 37, 400));
    is(state('one') . held('one'), '0 HTTP 400no', 'it answers: it is back');
    sql("UPDATE swipesavvy.outbox SET due_at = now() + interval '1 hour' WHERE message_id < public.id(38)");
    is(numbers(claim('one')), '38 39 40', 'and gets all');

    # a mixed batch: what came last counts
    record('one', result('one', 38, 503), result('one', 39, 200));
    is(state('one'), '0 HTTP 503', 'a failure, then a success');
    sql("UPDATE swipesavvy.sink_states SET failures_in_a_row = 4 WHERE sink = 'one'; UPDATE swipesavvy.outbox SET leased = true WHERE delivered_at IS NULL");
    record('one', result('one', 38, 200), result('one', 40, 503));
    is(state('one'), '1 HTTP 503', 'a success, then a failure');

    for my $status (401, 408, 410, 425, 429, 302, 500)
    {
        sql("UPDATE swipesavvy.sink_states SET failures_in_a_row = 1 WHERE sink = 'one'");
        record('one', result('one', 40, $status));
        is(state('one'), "2 HTTP $status", "$status is the sink's fault");
    }

    # asked to wait
    for my $case ([ 30, 25, 30 ], [ 86400, 3590, 3600 ])
    {
        sql("UPDATE swipesavvy.sink_states SET failures_in_a_row = 0, not_before = NULL WHERE sink = 'one'");
        record('one', result('one', 40, 429, retry_after => $case->[0]));
        between(held('one'), $case->[1], $case->[2], "Retry-After $case->[0]");
    }
    for my $seconds (-5, 0)
    {
        sql("UPDATE swipesavvy.sink_states SET failures_in_a_row = 0, not_before = NULL WHERE sink = 'one'");
        record('one', result('one', 40, 429, retry_after => $seconds));
        is(held('one'), 'no', "Retry-After $seconds");
    }
    record('one', result('one', 40, 403, retry_after => 30));
    between(held('one'), 25, 30, 'whatever the failure');
    record('one', result('one', 40, 200, retry_after => 300));
    between(held('one'), 20, 30, 'not after a success, which does not end the wait either');
    sql("UPDATE swipesavvy.sink_states SET failures_in_a_row = 7 WHERE sink = 'one'");
    is(sql(q{SELECT swipesavvy.update_sink('one', '{"max_in_flight": 6}') ->> 'state'}) . state('one') . held('one'), 'disabled0 HTTP 403no', 'an update begins anew');
};

subtest 'limits' => sub {
    anew();
    sql(q{SELECT public.put(n, 'two') FROM generate_series(1, 30) n; SELECT swipesavvy.update_sink('two', '{"max_per_second": 4}')});
    my $claim = claim('two');
    is(numbers($claim), '1 2 3 4', 'a second\'s worth');
    between($claim->{wait_ms}, 1, 250, 'the next is a quarter of a second away');
    sql("UPDATE swipesavvy.sink_states SET tokens = -1000 WHERE sink = 'two'");
    is(numbers(claim('two')), '', 'not before');
    sql("UPDATE swipesavvy.sink_states SET tokens = 0, tokens_at = clock_timestamp() - interval '501 ms' WHERE sink = 'two'");
    like(numbers(claim('two')), qr/^5 6\b/, 'after half a second two');
    sql(q{UPDATE swipesavvy.sink_states SET tokens = 0, tokens_at = clock_timestamp() - interval '1 day' WHERE sink = 'two'});
    is(scalar @{ claim('two')->{requests} }, 4, 'what was not used up is lost');
    sql(q{UPDATE swipesavvy.sink_states SET tokens = 0, tokens_at = clock_timestamp() + interval '1 day' WHERE sink = 'two'});
    is(scalar @{ claim('two')->{requests} }, 4, 'a clock that was set back stops nothing');
    sql(q{SELECT swipesavvy.update_sink('two', '{"max_per_second": 0.5}')});
    is(scalar @{ claim('two')->{requests} }, 1, 'less than one a second begins with one');
    sql(q{SELECT swipesavvy.update_sink('two', '{"max_per_second": null}')});
};

subtest 'reports' => sub {
    anew();
    sql('DELETE FROM swipesavvy.health_samples; DELETE FROM swipesavvy.health_alerts');
    is(numbers(claim('dog,am')), '', 'without samples and alerts there is nothing to report');
    sql(q{SELECT swipesavvy.record_health('{"disk_percent": 10}')});
    my $claim = claim('dog,am');
    is(numbers($claim), 'dog', 'a sample, no alert');
    my $request = $claim->{requests}[0];
    is_deeply([ grep { /DD-API-KEY/ } @{ $request->{headers} } ], ['DD-API-KEY: S3CRET'], 'with its key');
    is($request->{id}, undef, 'no message');
    is(sql("SELECT '$request->{through}'::timestamptz = max(sampled_at) FROM swipesavvy.health_samples"), 't', 'through that sample');
    is(numbers(claim('dog,am', q{'{"dog": 1}'})), '', 'not while the worker still has it');
    is_deeply(record('dog', result('dog', undef, 403)), { held => ['dog'] }, 'a report that is refused');
    between(held('dog'), 5, 12.5, 'is made anew later');
    is(state('dog'), '1 HTTP 403', 'it is a failure');
    sql("UPDATE swipesavvy.sink_states SET not_before = NULL");
    record('dog', result('dog', undef, 503));
    between(held('dog'), 12, 25, 'later each time');
    sql("UPDATE swipesavvy.sink_states SET not_before = NULL");
    is(numbers(claim('dog')), 'dog', 'it comes again');
    is_deeply(record('dog', result('dog', undef, 202, through => $request->{through})), { held => [] }, 'taken');
    is(state('dog') . held('dog'), '0 HTTP 503no', 'all is well');
    is(numbers(claim('dog')), '', 'nothing new');
    sql(q{SELECT swipesavvy.record_health('{"disk_percent": 99}') FROM generate_series(1, 2)});
    $claim = claim('dog,am');
    is(numbers($claim), 'am dog', 'new samples, and an alert');
    record('dog,am', map { result($_->{sink}, undef, 200, through => $_->{through}) } @{ $claim->{requests} });
    is(numbers(claim('dog,am')), '', 'told');
    is(numbers(claim('am')), '', 'once a minute');
    sql("UPDATE swipesavvy.sink_states SET sent_through = sent_through - interval '61 s' WHERE sink = 'am'");
    is(numbers(claim('am')), 'am', 'and then again');
    sql("UPDATE swipesavvy.sink_states SET sent_through = sent_through + interval '1 day' WHERE sink = 'am'");
    my $back = claim('am');
    is(numbers($back), 'am', 'and at once where the clock was set back');
    record('am', result('am', undef, 200, through => $back->{requests}[0]{through}));
    is(numbers(claim('am')), '', 'but once');
    record('am', result('am', undef, 200, through => $claim->{requests}[0]{through}));
    sql(q{SELECT swipesavvy.record_health('{"disk_percent": 9}') FROM generate_series(1, 2)});
    is(numbers(claim('am')), 'am', 'at once when something has changed');
    sql("UPDATE swipesavvy.health_alerts SET opened_at = now() - interval '3 hours', resolved_at = now() - interval '2 hours'; UPDATE swipesavvy.sink_states SET sent_through = NULL");
    is(numbers(claim('am')), '', 'of alerts long resolved nothing is told');
    sql("UPDATE swipesavvy.health_samples SET sampled_at = sampled_at - interval '2 hours'");
    is(numbers(claim('dog')), '', 'nor of samples of long ago');
};

subtest 'what cannot be made' => sub {
    anew();
    sql(q{SELECT public.put(1, 'one'); UPDATE swipesavvy.sinks SET options = '{"source": 5}' WHERE sink = 'pager'; SELECT swipesavvy.test_sink('pager');
          UPDATE swipesavvy.outbox SET message_id = public.id(2) WHERE event = 'alert.opened'});
    is(numbers(claim('one,pager')), '1', 'a message of which no request can be made keeps no other from being sent');
    is(message(2), 'open 1 invalid value for argument "source"', 'it has failed');
    is(state('pager'), '1 invalid value for argument "source"', 'by its sink\'s fault');
    between(due(2), 5, 12.5, 'and is tried again');
    sql("DELETE FROM swipesavvy.sink_states");
    sql("SELECT public.put(3, 'one')");
    is(numbers(claim('one')), '3', 'a sink without a state, as a dump restores it, gets one');
    record('one', result('one', 3, 500));
    is(state('one'), '1 HTTP 500', 'and keeps it');
};

# a sink is deleted while the worker has its messages
subtest 'deleted' => sub {
    anew();
    sql("SELECT public.put(n, 'two') FROM generate_series(1, 3) n");
    is(numbers(claim('two')), '1 2 3', 'claimed');
    sql("SELECT swipesavvy.delete_sink('two')");
    is(message(1), 'dead 1 the sink was deleted', 'given up');
    is_deeply(record('two', result('two', 1, 200), result('two', 2, 500), result('two', 3, 0, returned => JSON::PP::true)), { held => ['two'] }, 'the results come');
    is(join(', ', map { message($_) } 1 .. 3), 'delivered 1, dead 1 the sink was deleted, dead 1 the sink was deleted', 'one was delivered');
};

unlike(slurp_file($node->logfile), qr/S3CRET.*S3CRET|webhook-signature/, 'no secret of a sink is in the log but by the statement that set it here');
unlike(slurp_file($node->logfile), qr/ERROR: +XX/, 'no internal error');

done_testing();
