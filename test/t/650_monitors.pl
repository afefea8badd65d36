# Each kind of sinks from end to end: what arrives is what the kind's vendor publishes, and what the database holds. Datadog, CloudWatch, OpenTelemetry,
# PagerDuty and webhooks are the stub's; Pushgateway, Alertmanager and nginx are the real programs.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_base64 hmac_sha256_hex sha256_hex);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use JSON::PP;
use List::Util qw(max min);
use MIME::Base64 qw(decode_base64 encode_base64);
use Parts;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Stub;
use SwipeSavvy qw(create_extension json add_user);
use Test::More;
use Time::HiRes qw(sleep time);
use Worker qw(watch sql wait_for find_sink);

my $interval = 3;
my $host = do { chomp(my $name = `hostname`); $name };
my $codec = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(timeout => 10);
my $stub = Stub->new;
my $dir = tempdir(CLEANUP => 1);
my $have_tls = Parts::find('nginx') && Parts::find('openssl');
my $ca = $have_tls ? Parts::authority($dir) : undef;

my $node = watch(PostgreSQL::Test::Cluster->new('monitors'));
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'swipesavvy'\nswipesavvy.databases = 'app'\nswipesavvy.health_interval = $interval\n"
      . "swipesavvy.private_networks = '127.0.0.0/8'\nautovacuum = off\n" . ($ca ? "swipesavvy.http_ca_file = '$ca->{cert}'\n" : ''));
$node->start;
create_extension($node, 'app');
# a busy machine pages nobody here
my @watched = slurp_file('src/health/figures.c') =~ /^\t\{"(\w+)", [\d.e]+, /mg;
cmp_ok(scalar @watched, '>', 15, 'figures that are watched');
$node->safe_psql('app', join ';', map { "SELECT swipesavvy.set_health_threshold('$_', 'infinity', 'infinity')" } grep { $_ ne 'disk_percent' } @watched);

sub quoted { my ($text) = @_; return 'NULL' unless defined $text; $text =~ s/'/''/g; return "'$text'" }

# A sink, with a secret of its own if there is one.
sub add_sink
{
    my ($name, $kind, %s) = @_;
    sql('SELECT swipesavvy.set_sink_secret(' . quoted($name) . ', ' . quoted($s{secret}) . ')') if defined $s{secret};
    return json($node, 'app', sprintf 'SELECT swipesavvy.create_sink(%s, %s, url => %s, secret => %s, events => %s, options => %s)', quoted($name), quoted($kind), quoted($s{url}),
        defined $s{secret} ? quoted($name) : 'NULL', quoted($s{events}), quoted($s{options} && $codec->encode($s{options})));
}
sub answer { my ($url) = @_; my $r = $http->get($url); die "$url: $r->{status} $r->{content}" unless $r->{success}; return $codec->decode($r->{content}) }

# What was sampled up to a moment (microseconds): { moment => { figure => number } }; with the alerts that were open then.
sub samples
{
    my ($through) = @_;
    my %samples;
    for (split /\n/, sql("SELECT (extract(epoch FROM sampled_at) * 1000000)::bigint, figures || jsonb_build_object('alerts_warning', (SELECT count(*) FROM swipesavvy.health_alerts a
          WHERE severity = 'warning' AND opened_at <= sampled_at AND coalesce(resolved_at > sampled_at, true)), 'alerts_critical', (SELECT count(*) FROM swipesavvy.health_alerts a
          WHERE severity = 'critical' AND opened_at <= sampled_at AND coalesce(resolved_at > sampled_at, true))) FROM swipesavvy.health_samples"))
    {
        my ($moment, $figures) = split /\|/, $_, 2;
        my $all = $codec->decode($figures);
        $samples{$moment} = { map { $_ => 0 + $all->{$_} } grep { defined $all->{$_} && !ref $all->{$_} } keys %$all } if $moment <= $through;
    }
    return \%samples;
}

# The same as lines, with the moments and the figures as a format has them.
sub lines_of
{
    my ($samples, $moment, $figure) = @_;
    return sort map { my $at = $_; map { my $name = $figure->($_); defined $name ? join ' ', $moment->($at), $name, $samples->{$at}{$_} : () } keys %{ $samples->{$at} } } keys %$samples;
}

# What has been reported is what was sampled: nothing is missing, twice or another.
sub is_all
{
    my ($reported, $moment, $figure, $what, $per_second) = @_;
    my $last = max map { (split / /)[0] } @$reported;
    my @expected = lines_of(samples($per_second ? ($last + 1) * 1e6 - 1 : $last), $moment, $figure);
    cmp_ok(scalar @expected, '>', 3 * 20, "$what: several samples");
    return is_deeply([ sort @$reported ], \@expected, "$what: all that was sampled, each once");
}
my $to_second = sub { return int($_[0] / 1e6) };
my $of_period = sub { my ($f) = @_; return $f =~ /_total$/ ? undef : $f =~ s/_delta$//r };
my $of_all_time = sub { my ($f) = @_; return $f =~ /_delta$/ ? undef : $f };

# --- what each sink is told ----------------------------------------------------------------

# keys as the documentation of each vendor shows them, and no real ones
my %secret = (
    hook => 'whsec_' . encode_base64('k' x 32, ''),
    pager => '0123456789abcdef0123456789abcdef',
    datadog => 'fedcba9876543210fedcba9876543210',
    cloudwatch => 'AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    otlp => 'Bearer otlp-token',
    pushgateway => 'Basic cHVzaDpnYXRl',
    alerts => 'Bearer alert-token',
);
$stub->on('*', { status => 202, body => '{"status": "success"}', headers => ['Content-Type: application/json'] });
add_sink('hook', 'webhook', url => $stub->url('/hook?token=abc'), secret => $secret{hook}, events => '{user.*}');
add_sink('pager', 'pagerduty', url => $stub->url, secret => $secret{pager}, options => { source => 'db1.example.com', client_url => 'https://example.com/runbook' });
add_sink('datadog', 'datadog', url => $stub->url('/'), secret => $secret{datadog}, options => { host => 'db1', tags => [ 'env:test', 'team:rewards' ] });
add_sink('cloudwatch', 'cloudwatch', url => $stub->url('/cloudwatch'), secret => $secret{cloudwatch}, options => { region => 'eu-west-1', namespace => 'Rewards/Test' });
add_sink('otlp', 'otlp', url => $stub->url, secret => $secret{otlp}, options => { resource => { 'deployment.environment.name' => 'test', 'service.name' => 'rewards' } });
add_sink('push-stub', 'pushgateway', url => $stub->url('/gateway'), secret => $secret{pushgateway}, options => { job => 'a/b', grouping => { database => '..', team => "\x{e9} 1" } });
add_sink('alerts-stub', 'alertmanager', url => $stub->url('/am'), secret => $secret{alerts}, options => { labels => { team => 'rewards', instance => 'db1:5432', severity => 'none' } });

my $gateway = Parts::pushgateway();
add_sink('gateway', 'pushgateway', url => $gateway->url) if $gateway;
my $alertmanager = Parts::alertmanager(config => "route:\n  receiver: stub\n  group_by: [alertname]\n  group_wait: 0s\n  group_interval: 1s\nreceivers:\n- name: stub\n  webhook_configs:\n"
      . "  - url: @{[ $stub->url('/notified') ]}\n    send_resolved: true\n");
add_sink('alertmanager', 'alertmanager', url => $alertmanager->url) if $alertmanager;

# The receivers of doc/monitoring.md take what is genuine, and nothing else.
sub verify_as_documented
{
    my ($r, $rotated, $next, $sign) = @_;
    my %case = (
        genuine => [ $r, $secret{hook} ],
        'of the old of two secrets' => [ $rotated, $secret{hook} ],
        'of the new of two secrets' => [ $rotated, 'whsec_' . encode_base64($next, '') ],
        'another body' => [ { %$r, body => $r->{body} . ' ' }, $secret{hook} ],
        'another id' => [ { %$r, headers => { %{ $r->{headers} }, 'webhook-id' => 'x' } }, $secret{hook} ],
        'another secret' => [ $r, 'whsec_' . encode_base64('x' x 32, '') ],
        'too old' => [ { %$r, headers => { %{ $r->{headers} }, 'webhook-timestamp' => $r->{headers}{'webhook-timestamp'} - 400 } }, $secret{hook} ],
    );
    # it is signed, and still too old
    $case{'too old'}[0]{headers}{'webhook-signature'} = $sign->('k' x 32, $case{'too old'}[0]);
    my $page = slurp_file('doc/monitoring.md');
    my %harness = (
        python3 => [ python => q{
import sys
for line in sys.stdin:
    c = json.loads(line)
    try: print(c["name"], receive(c["headers"], base64.b64decode(c["body"]), c["secret"])["type"])
    except Exception as e: print(c["name"], "refused")
} ],
        node => [ js => q{
for (const line of require('fs').readFileSync(0, 'utf8').trim().split('\n')) {
  const c = JSON.parse(line);
  try { console.log(c.name, receive(c.headers, Buffer.from(c.body, 'base64'), c.secret).type); }
  catch (e) { console.log(c.name, 'refused'); }
}
} ]);
    for my $program (sort keys %harness)
    {
        my ($language, $rest) = @{ $harness{$program} };
        SKIP: {
            skip "no $program", 1 unless Parts::find($program);
            my ($code) = $page =~ /^```$language\n(.*?)^```/ms or die "the page has no $language";
            my $script = Parts::put("$dir/receive.$language", "$code$rest");
            my $in = join '', map { $codec->encode({ name => $_, headers => $case{$_}[0]{headers}, body => encode_base64($case{$_}[0]{body}, ''), secret => $case{$_}[1] }) . "\n" } sort keys %case;
            my ($out, $err) = ('', '');
            IPC::Run::run([ $program, $script ], '<', \$in, '>', \$out, '2>', \$err);
            is($out . $err, join('', map { "$_ " . (/^(?:genuine|of )/ ? 'user.password_reset' : 'refused') . "\n" } sort keys %case), "the receiver in $language");
        }
    }
    return;
}

subtest 'webhook' => sub {
    my $ada = add_user($node, 'app', 'ada@example.com');
    my $bob = add_user($node, 'app', 'bob@example.com');
    sql("SELECT swipesavvy.reset_user_password('$ada')");
    ok($stub->wait_for(1, '/hook'), 'a message arrives');
    my ($r) = $stub->requests('/hook');
    my $h = $r->{headers};
    is("$r->{method} $r->{target}", 'POST /hook?token=abc', 'at the whole URL');
    is($h->{'content-type'}, 'application/json', 'as JSON');
    my ($row) = sql("SELECT message_id || ' ' || (delivered_at IS NOT NULL) FROM swipesavvy.outbox WHERE event = 'user.password_reset' AND sink = 'hook'");
    like($row, qr/^\Q$h->{'webhook-id'}\E /, 'webhook-id is the message\'s');
    like($h->{'webhook-timestamp'}, qr/^\d+$/, 'webhook-timestamp in seconds');
    cmp_ok(abs($h->{'webhook-timestamp'} - $r->{time}), '<', 10, 'of now');
    my $sign = sub { my ($key, $r) = @_; return 'v1,' . encode_base64(hmac_sha256("$r->{headers}{'webhook-id'}.$r->{headers}{'webhook-timestamp'}.$r->{body}", $key), '') };
    is($h->{'webhook-signature'}, $sign->('k' x 32, $r), 'webhook-signature is the HMAC of id, timestamp and body with the decoded secret');
    my $body = $codec->decode($r->{body});
    is_deeply([ sort keys %$body ], [qw(data secret timestamp type version)], 'the keys of the body');
    is_deeply([ @$body{qw(type version)} ], [ 'user.password_reset', 1 ], 'type and version');
    is_deeply($body->{data}, json($node, 'app', "SELECT body FROM swipesavvy.outbox WHERE message_id = '$h->{'webhook-id'}'"), 'data is the body of the message');
    is($body->{data}{email}, 'ada@example.com', 'which is Ada\'s');
    ok(length $body->{secret}{temporary_password}, 'with its secret part');
    like($body->{timestamp}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z$/, 'timestamp in ISO 8601');
    wait_for("SELECT delivered_at IS NOT NULL AND NOT EXISTS (SELECT FROM swipesavvy_private.outbox_secrets s WHERE s.message_id = m.message_id) FROM swipesavvy.outbox m WHERE message_id = '$h->{'webhook-id'}'", 'once delivered, the secret part is gone');

    my $next = 'n' x 24;
    sql('SELECT swipesavvy.set_sink_secret(' . quoted('hook') . ', ' . quoted('whsec_' . encode_base64($next, '') . " $secret{hook}") . ')');
    sql("SELECT swipesavvy.reset_user_password('$bob')");
    ok($stub->wait_for(2, '/hook'), 'another message, with two secrets');
    my $second = ($stub->requests('/hook'))[1];
    is($second->{headers}{'webhook-signature'}, join(' ', $sign->($next, $second), $sign->('k' x 32, $second)), 'is signed with each');
    for my $bad ('whsec_AAAA', 'whsec_' . encode_base64('s' x 23, ''), 'whsec_????' . 'A' x 40, "$secret{hook} plain")
    {
        my ($code, undef, $err) = $node->psql('app', "\\set VERBOSITY verbose\nSELECT swipesavvy.set_sink_secret('hook', '$bad')");
        like($err, qr/ERROR:  22023: .*\nDETAIL:  It is not "whsec_" and at least 24 bytes in base64/, 'what is no secret of the standard is refused');
        unlike($err, qr/\Q$bad/, 'and not told') if length $bad > 12;
    }
    verify_as_documented($r, $second, $next, $sign);

    my $plain = 'plain bytes as a secret, 32 long';
    sql('SELECT swipesavvy.set_sink_secret(' . quoted('hook') . ', ' . quoted($plain) . ')');
    sql("SELECT swipesavvy.test_sink('hook')");
    ok($stub->wait_for(3, '/hook'), 'test_sink() sends one, too');
    my $third = ($stub->requests('/hook'))[2];
    is($codec->decode($third->{body})->{type}, 'sink.test', 'sink.test');
    is($third->{headers}{'webhook-signature'}, $sign->($plain, $third), 'signed with the bytes of a secret without whsec_');
};

subtest 'PagerDuty, and Alertmanager, within two intervals' => sub {
    my $start = time;
    sql("SELECT swipesavvy.set_health_threshold('disk_percent', 0.001, 1000)");
    ok($stub->wait_for(1, '/v2/enqueue'), 'somebody is paged');
    my ($trigger) = $stub->requests('/v2/enqueue');
    my $alert = json($node, 'app', "SELECT to_jsonb(a) FROM swipesavvy.health_alerts a WHERE figure = 'disk_percent'");
    my $first = sql("SELECT extract(epoch FROM min(sampled_at)) FROM swipesavvy.health_samples WHERE extract(epoch FROM sampled_at) >= $start");
    cmp_ok($trigger->{time} - $first, '<', 2 * $interval, 'within two intervals of the first sample over the threshold');
    my $event = $codec->decode($trigger->{body});
    is_deeply([ sort keys %$event ], [qw(client client_url dedup_key event_action payload routing_key)], 'the keys of the event');
    is_deeply([ @$event{qw(routing_key event_action dedup_key client client_url)} ], [ $secret{pager}, 'trigger', $alert->{alert_id}, 'swipesavvy', 'https://example.com/runbook' ], 'their values');
    my $payload = $event->{payload};
    is_deeply([ sort keys %$payload ], [qw(class component custom_details group severity source summary timestamp)], 'the keys of the payload');
    is_deeply([ @$payload{qw(source severity component group class)} ], [ 'db1.example.com', 'warning', 'postgresql', 'app', 'disk_percent' ], 'their values');
    like($payload->{summary}, qr/^disk_percent is [\d.]+ \(warning from 0\.001 on\) in database app of db1\.example\.com$/, 'the summary');
    like($payload->{timestamp}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z$/, 'the timestamp');
    is_deeply([ @{ $payload->{custom_details} }{qw(alert_id figure threshold)} ], [ @$alert{qw(alert_id figure)}, 0.001 ], 'custom_details are the alert');

    ok($stub->wait_for(1, '/am/api/v2/alerts'), 'an Alertmanager is told');
    my ($told) = $stub->requests('/am/api/v2/alerts');
    is_deeply([ $told->{method}, @{ $told->{headers} }{qw(content-type authorization)} ], [ 'POST', 'application/json', $secret{alerts} ], 'how');
    my ($posted, @others) = @{ $codec->decode($told->{body}) };
    is_deeply(\@others, [], 'of one alert');
    is_deeply([ sort keys %$posted ], [qw(annotations endsAt labels startsAt)], 'with the keys of a postable alert');
    is_deeply($posted->{labels}, { alertname => 'swipesavvy_disk_percent', figure => 'disk_percent', severity => 'warning', database => 'app', instance => 'db1:5432', team => 'rewards' },
        'its labels: an option may name the instance, and not the severity');
    my $moment = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
    ok($posted->{startsAt} =~ $moment && $posted->{endsAt} =~ $moment && $posted->{endsAt} gt $posted->{startsAt}, 'it begins before it ends') or diag $told->{body};

    SKIP: {
        skip 'no prometheus-alertmanager', 6 unless $alertmanager;
        ok($stub->wait_for(1, '/notified'), 'the real one notifies its receiver');
        my $notice = $codec->decode(($stub->requests('/notified'))[0]{body});
        is_deeply([ $notice->{status}, map { $_->{labels}{alertname} } @{ $notice->{alerts} } ], [ 'firing', 'swipesavvy_disk_percent' ], 'of what fires');
        cmp_ok(($stub->requests('/notified'))[0]{time} - $first, '<', 2 * $interval, 'within two intervals');
        my ($shown) = @{ answer($alertmanager->url('/api/v2/alerts')) };
        is($shown->{status}{state}, 'active', 'its API shows it');
        is_deeply($shown->{labels}, { alertname => 'swipesavvy_disk_percent', figure => 'disk_percent', severity => 'warning', database => 'app', instance => $host }, 'with its labels');
        is($shown->{startsAt} =~ s/\.\d+Z//r, sql("SELECT to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') FROM swipesavvy.health_alerts WHERE resolved_at IS NULL"),
            'and since when');
    }

    sql("SELECT swipesavvy.acknowledge_alert('$alert->{alert_id}', 'a disk is on its way')");
    ok($stub->wait_for(2, '/v2/enqueue'), 'it is acknowledged');
    is_deeply($codec->decode(($stub->requests('/v2/enqueue'))[1]{body}), { routing_key => $secret{pager}, event_action => 'acknowledge', dedup_key => $alert->{alert_id} }, 'with the same dedup_key');

    my $end = time;
    sql("SELECT swipesavvy.set_health_threshold('disk_percent')");
    ok($stub->wait_for(3, '/v2/enqueue'), 'it is resolved');
    my $resolve = ($stub->requests('/v2/enqueue'))[2];
    $first = sql("SELECT extract(epoch FROM min(sampled_at)) FROM swipesavvy.health_samples WHERE extract(epoch FROM sampled_at) >= $end");
    cmp_ok($resolve->{time} - $first, '<', 2 * $interval, 'within two intervals');
    is_deeply($codec->decode($resolve->{body}), { routing_key => $secret{pager}, event_action => 'resolve', dedup_key => $alert->{alert_id} }, 'with the same dedup_key');
    SKIP: {
        skip 'no prometheus-alertmanager', 3 unless $alertmanager;
        ok($stub->wait_for(2, '/notified'), 'the real one tells that, too');
        my $notice = $codec->decode(($stub->requests('/notified'))[-1]{body});
        is($notice->{status}, 'resolved', 'as resolved');
        is_deeply(answer($alertmanager->url('/api/v2/alerts')), [], 'and shows no alert any more');
    }
    wait_for("SELECT count(*) FILTER (WHERE delivered_at IS NULL) = 0 AND count(*) = 3 FROM swipesavvy.outbox WHERE sink = 'pager'", 'all are delivered, once each');
    is($stub->count('/v2/enqueue'), 3, 'and no more was sent');
    sql("SELECT swipesavvy.test_sink('pager')");
    ok($stub->wait_for(5, '/v2/enqueue'), 'test_sink() pages and resolves');
    my @test = map { $codec->decode($_->{body}) } ($stub->requests('/v2/enqueue'))[ 3, 4 ];
    is_deeply([ map { $_->{event_action} } @test ], [qw(trigger resolve)], 'in that order');
    is($test[0]{dedup_key}, $test[1]{dedup_key}, 'one incident');
};

subtest 'Datadog' => sub {
    my @requests = $stub->requests('/api/v2/series');
    is_deeply([ map { @{ $requests[0] }{qw(method)}, @{ $requests[0]{headers} }{qw(content-type dd-api-key)} } 1 ], [ 'POST', 'application/json', $secret{datadog} ], 'how');
    my @reported;
    my %shapes;
    for my $series (map { @{ $codec->decode($_->{body})->{series} } } @requests)
    {
        my $figure = $series->{metric} =~ s/^swipesavvy\.//r;
        my $shape = "$figure: " . $codec->encode({ map { $_ => $_ eq 'points' || $_ eq 'interval' ? 0 : $series->{$_} } keys %$series });
        $shapes{$shape} = 1;
        cmp_ok($series->{interval}, '==', int $series->{interval}, "$figure: a whole interval") if exists $series->{interval};
        push @reported, map { "$_->{timestamp} $figure $_->{value}" } @{ $series->{points} };
    }
    is_all(\@reported, $to_second, $of_period, 'points', 1);
    my %common = (points => 0, resources => [ { name => 'db1', type => 'host' } ], tags => [ 'env:test', 'team:rewards', 'database:app' ]);
    for (
        [ disk_percent => { type => 3, unit => 'percent' } ], [ commit_ms => { type => 3, unit => 'millisecond' } ], [ connections => { type => 3 } ],
        [ oldest_transaction_seconds => { type => 3, unit => 'second' } ], [ commits => { type => 1, interval => 0 } ], [ wal_bytes => { type => 1, interval => 0, unit => 'byte' } ])
    {
        my ($figure, $own) = @$_;
        ok($shapes{"$figure: " . $codec->encode({ metric => "swipesavvy.$figure", %common, %$own })}, "$figure as it should be") or diag grep { /^$figure: / } keys %shapes;
    }
};

subtest 'OpenTelemetry' => sub {
    my @requests = $stub->requests('/v1/metrics');
    is_deeply([ @{ $requests[0]{headers} }{qw(content-type authorization)} ], [ 'application/json', $secret{otlp} ], 'how');
    my (@reported, %metric);
    for my $body (map { $codec->decode($_->{body}) } @requests)
    {
        is_deeply([ keys %$body, scalar @{ $body->{resourceMetrics} } ], [ 'resourceMetrics', 1 ], 'one resource');
        my $resource = $body->{resourceMetrics}[0];
        is_deeply({ map { $_->{key} => $_->{value}{stringValue} } @{ $resource->{resource}{attributes} } },
            { 'service.name' => 'rewards', 'host.name' => $host, 'db.system.name' => 'postgresql', 'db.namespace' => 'app', 'deployment.environment.name' => 'test' }, 'its attributes');
        is_deeply([ map { $_->{scope}{name} } @{ $resource->{scopeMetrics} } ], ['swipesavvy'], 'one scope');
        for my $metric (@{ $resource->{scopeMetrics}[0]{metrics} })
        {
            my $figure = $metric->{name} =~ s/^swipesavvy\.//r;
            my ($kind) = grep { $metric->{$_} } qw(gauge sum);
            $metric{$figure} = "$kind $metric->{unit}" . ($kind eq 'sum' ? " $metric->{sum}{aggregationTemporality} $metric->{sum}{isMonotonic}" : '');
            push @reported, map { die 'not a string' if $codec->encode([ $_->{timeUnixNano} ]) !~ /"/; $_->{timeUnixNano} / 1000 . " $figure" . ($kind eq 'sum' ? '_total' : '') . " $_->{asDouble}" }
              @{ $metric->{$kind}{dataPoints} };
        }
    }
    is_all(\@reported, sub { $_[0] }, $of_all_time, 'points');
    is_deeply([ @metric{qw(disk_percent commit_ms connections commits wal_bytes oldest_transaction_seconds)} ], [ 'gauge %', 'gauge ms', 'gauge 1', 'sum 1 2 1', 'sum By 2 1', 'gauge s' ], 'kinds and units');
};

# The signature as Amazon documents it, from the request as it arrived.
sub aws_signature
{
    my ($r, $key, $secret) = @_;
    my ($credential, $names, $signature) = $r->{headers}{authorization} =~ /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/ or return ('no signature', '');
    my ($id, $scope) = split m{/}, $credential, 2;
    my ($day, $region, $service) = split m{/}, $scope;
    my ($path, $query) = split /\?/, $r->{target}, 2;
    my $canonical = join "\n", $r->{method}, $path, $query // '', (map { "$_:" . ($r->{headers}{$_} =~ s/\s+/ /gr) } split /;/, $names), '', $names, sha256_hex($r->{body});
    my $to_sign = join "\n", 'AWS4-HMAC-SHA256', $r->{headers}{'x-amz-date'}, $scope, sha256_hex($canonical);
    my $signing = hmac_sha256('aws4_request', hmac_sha256($service, hmac_sha256($region, hmac_sha256($day, "AWS4$secret"))));
    return ("$id $region $service $signature", "$key eu-west-1 monitoring " . hmac_sha256_hex($to_sign, $signing), $names);
}

subtest 'CloudWatch' => sub {
    my @requests = $stub->requests('/cloudwatch');
    my ($key, $secret) = split /:/, $secret{cloudwatch};
    my @reported;
    my %shapes;
    for my $r (@requests)
    {
        my ($got, $expected, $names) = aws_signature($r, $key, $secret);
        is($got, $expected, 'the signature');
        like(";$names;", qr/;host;.*x-amz-date;/, 'of the host and the time');
        my %form = map { my ($name, $value) = split /=/; ($name => $value =~ s/%(..)/chr hex $1/ger) } split /&/, $r->{body};
        is_deeply([ delete @form{qw(Action Version Namespace)} ], [ 'PutMetricData', '2010-08-01', 'Rewards/Test' ], 'the action');
        my @data;
        for my $field (keys %form)
        {
            my ($n, $name) = $field =~ /^MetricData\.member\.(\d+)\.(.*)$/ or die "what is $field?";
            $data[ $n - 1 ]{$name} = $form{$field};
        }
        cmp_ok(scalar @data, '<=', 1000, 'no more data than it takes');
        for my $datum (@data)
        {
            my ($y, $mo, $d, $h, $m, $s) = $datum->{Timestamp} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)Z$/ or die $datum->{Timestamp};
            require Time::Local;
            push @reported, join ' ', Time::Local::timegm_modern($s, $m, $h, $d, $mo - 1, $y), $datum->{MetricName}, 0 + $datum->{Value};
            delete @$datum{qw(Timestamp Value)};
            $shapes{ delete $datum->{MetricName} } = $datum;
        }
    }
    is_all(\@reported, $to_second, $of_period, 'data', 1);
    my %dimensions = ('Dimensions.member.1.Name' => 'Database', 'Dimensions.member.1.Value' => 'app', 'Dimensions.member.2.Name' => 'Host', 'Dimensions.member.2.Value' => $host);
    is_deeply($shapes{ $_->[0] }, { Unit => $_->[1], %dimensions }, "$_->[0] in $_->[1]")
      for [ disk_percent => 'Percent' ], [ commit_ms => 'Milliseconds' ], [ oldest_transaction_seconds => 'Seconds' ], [ wal_bytes => 'Bytes' ], [ commits => 'Count' ];
};

# A metric's lines as { 'name{labels}' => value }.
sub exposition { my ($text) = @_; return { map { /^([^#].*) (\S+)$/ ? ($1 => $2) : () } split /\n/, $text } }

# What a sample's figures are in Prometheus' units.
sub in_prometheus
{
    my ($figures) = @_;
    return { map { my ($name, $value) = ($_, $figures->{$_}); $name =~ s/_percent$/_ratio/ and $value /= 100; $name =~ s/_ms$/_seconds/ and $value /= 1000; ("swipesavvy_$name" => $value) }
          grep { !/_delta$|^alerts_/ } keys %$figures };
}

subtest 'Pushgateway' => sub {
    my ($r) = grep { $_->{path} =~ m{^/gateway/} } $stub->requests;
    my $base64 = sub { encode_base64($_[0], '') =~ tr{+/=}{-_}dr };
    is("$r->{method} $r->{path}", 'PUT /gateway/metrics/job@base64/' . $base64->('a/b') . "/instance/$host/team/%C3%A9%201/database\@base64/" . $base64->('..'), 'the group is the path');
    is_deeply([ @{ $r->{headers} }{qw(content-type authorization)} ], [ 'text/plain; version=0.0.4; charset=utf-8', $secret{pushgateway} ], 'how');
    SKIP: {
        skip 'no prometheus-pushgateway', 7 unless $gateway;
        my $until = time + 60;
        my ($group, $metrics);
        do { sleep 0.2; ($group) = grep { $_->{labels}{job} eq 'swipesavvy' } @{ answer($gateway->url('/api/v1/metrics'))->{data} } } while !$group && time < $until;
        is_deeply($group->{labels}, { database => 'app', instance => $host, job => 'swipesavvy' }, 'the real one has a group') or diag explain find_sink('gateway');
        ok($group->{last_push_successful}, 'whose last push was good');
        $metrics = exposition($http->get($gateway->url('/metrics'))->{content});
        my $labels = qq({database="app",instance="$host",job="swipesavvy"});
        my $at = sprintf '%.0f', $metrics->{"swipesavvy_sample_timestamp_seconds$labels"} * 1e6;
        my ($moment) = grep { abs($_ - $at) < 5 } keys %{ samples(9e18) };
        my $expected = in_prometheus(samples(9e18)->{$moment});
        my %got = map { my $name = $_; s/\Q$labels\E$// ? ($_ => $metrics->{$name}) : () } my @names = grep { /^swipesavvy_/ && !/sample_timestamp|[{,]name=/ } keys %$metrics;
        is_deeply([ sort keys %got ], [ sort keys %$expected ], 'all figures of the newest sample');
        is_deeply([ grep { abs($got{$_} - $expected->{$_}) > 1e-9 * abs $expected->{$_} } keys %got ], [], 'with their values');
        ok(exists $metrics->{qq(swipesavvy_job_runs_total{database="app",instance="$host",job="swipesavvy",name="sample_health"})}, 'the jobs are told apart')
          or diag grep { /job_runs/ } keys %$metrics;
        my $families = $group->{push_failure_time_seconds}{metrics}[0]{value};
        cmp_ok($families, '==', 0, 'no push failed');
        sql("SELECT swipesavvy.create_sink('gateway2', 'pushgateway', url => '@{[ $gateway->url ]}', options => '{\"job\": \"a/b\", \"grouping\": {\"database\": \"..\", \"team\": \"é 1\"}}')");
        do { sleep 0.2; ($group) = grep { ($_->{labels}{team} // '') ne '' } @{ answer($gateway->url('/api/v1/metrics'))->{data} } } while !$group && time < $until;
        is_deeply($group->{labels}, { job => 'a/b', database => '..', instance => $host, team => "\x{e9} 1" }, 'labels of any characters');
    }
};

subtest 'HTTPS' => sub {
    plan skip_all => 'no nginx or openssl' unless $have_tls;
    my $good = $stub->tls(%{ Parts::certificate($ca, 'localhost', '127.0.0.1') }, http2 => 1);
    my $other = $stub->tls(%{ Parts::certificate(Parts::authority($dir), 'localhost', '127.0.0.1') });
    my $named = $stub->tls(%{ Parts::certificate($ca, 'other.example') });
    my %front = (good => $good, other => $other, named => $named);
    add_sink("tls-$_", 'webhook', url => $front{$_}->url("/tls-$_"), secret => $secret{hook}, events => '{none.*}') for sort keys %front;
    sql("SELECT swipesavvy.test_sink('tls-$_')") for sort keys %front;
    ok($stub->wait_for(1, '/tls-good'), 'a certificate of swipesavvy.http_ca_file is good');
    for my $bad (qw(other named))
    {
        wait_for("SELECT last_failure_at IS NOT NULL FROM swipesavvy.sink_states WHERE sink = 'tls-$bad'", "tls-$bad: refused");
        like(find_sink("tls-$bad")->{last_error}, qr/certificate|SSL/i, 'for its certificate');
        is($stub->count("/tls-$bad"), 0, 'nothing was sent');
    }
};

# As after a dump that was restored without them.
subtest 'a secret that is gone' => sub {
    my %count = map { $_ => $stub->count($_) } my @paths = ('/hook', '/api/v2/series');
    sql("SET session_replication_role = replica; DELETE FROM swipesavvy_private.sink_secrets WHERE secret IN ('hook', 'datadog')");
    sql("SELECT swipesavvy.test_sink('hook')");
    wait_for("SELECT count(*) = 2 FROM swipesavvy.sink_states WHERE last_error = 'the secret of the sink is gone' AND sink IN ('hook', 'datadog')", 'is an error of its own');
    sql("INSERT INTO swipesavvy_private.sink_secrets (secret, value) VALUES ('hook', 'whsec_by hand')");
    sql("SELECT swipesavvy.test_sink('hook')");
    wait_for("SELECT last_error = 'the secret of the sink is not one' FROM swipesavvy.sink_states WHERE sink = 'hook'", 'so is one that was written by hand and is none');
    sql("SELECT swipesavvy.set_sink_secret('hook', 'and another one'), swipesavvy.set_sink_secret('datadog', '$secret{datadog}')");
    sql("SELECT swipesavvy.test_sink('hook'), swipesavvy.test_sink('datadog')");
    ok($stub->wait_for($count{'/hook'} + 1, '/hook') && $stub->wait_for($count{'/api/v2/series'} + 1, '/api/v2/series'), 'a new one, and on it goes');
    is_deeply([ grep { ($_->{headers}{'webhook-signature'} // $_->{headers}{'dd-api-key'}) =~ /\*/ } map { $stub->requests($_) } @paths ], [], 'nothing was sent without');
    wait_for("SELECT bool_and(failures_in_a_row = 0 AND last_success_at > last_failure_at) FROM swipesavvy.sink_states WHERE sink IN ('hook', 'datadog')", 'all is well again');
};

# An altered table stands for a defect of ours in one format.
subtest 'a format that fails' => sub {
    my $before = $stub->count('/hook');
    sql('ALTER TABLE swipesavvy.health_alerts RENAME COLUMN threshold TO other');
    sql("SELECT swipesavvy.test_sink('alerts-stub')");
    wait_for("SELECT failures_in_a_row > 0 AND last_error LIKE '%does not exist' FROM swipesavvy.sink_states WHERE sink = 'alerts-stub'", 'is that sink\'s trouble');
    sql("SELECT swipesavvy.test_sink('hook')");
    ok($stub->wait_for($before + 1, '/hook'), 'and no other\'s');
    sql('ALTER TABLE swipesavvy.health_alerts RENAME COLUMN other TO threshold');
    sql("SELECT swipesavvy.test_sink('alerts-stub')");
    wait_for("SELECT failures_in_a_row = 0 AND last_success_at > last_failure_at FROM swipesavvy.sink_states WHERE sink = 'alerts-stub'", 'until it is mended');
};

subtest 'what formats cannot take' => sub {
    my $db = "m\xc3\xbcnchen 1";
    $node->safe_psql('postgres', qq(CREATE DATABASE "$db"));
    $node->safe_psql($db, 'CREATE EXTENSION swipesavvy CASCADE');
    my $preview = sub { my ($name) = @_; return json($node, $db, "SELECT swipesavvy.preview_sink('$name')") };
    my $refused = sub {
        my ($arguments, $detail, $what) = @_;
        my (undef, undef, $err) = $node->psql($db, "\\set VERBOSITY verbose\nSELECT swipesavvy.create_sink('x', $arguments)");
        return like($err, qr/ERROR:  22023: .*\nDETAIL:  $detail/, $what);
    };
    $node->safe_psql($db, q{SELECT swipesavvy.record_health('{"disk_percent": 50}'), swipesavvy.set_sink_secret('s', 'a:b');
        SELECT swipesavvy.create_sink('cloudwatch', 'cloudwatch', secret => 's', options => '{"region": "eu-west-1"}'), swipesavvy.create_sink('push', 'pushgateway', url => 'https://example.com')});
    like($preview->('cloudwatch')->{body}, qr/\.Name=Database&MetricData\.member\.1\.Dimensions\.member\.1\.Value=m%3F%3Fnchen%201&/, 'dimensions of CloudWatch are ASCII');
    like($preview->('push')->{url}, qr{/database/m%C3%BCnchen%201/}, 'those of a Pushgateway are not');
    $refused->(qq('cloudwatch', secret => 's', options => '{"region": "eu-west-1", "namespace": "$_"}'), qr/"\Q$_\E" is not a namespace/, "no namespace: $_") for 'AWS/EC2', 'a:b', "\xc3\xbc";
    for ([ pagerduty => '/v2/enqueue' ], [ datadog => '/api/v2/series' ], [ otlp => '/v1/metrics' ], [ alertmanager => '/api/v2/alerts' ])
    {
        my ($kind, $path) = @$_;
        $node->safe_psql($db, q{INSERT INTO swipesavvy.health_alerts (figure, severity, value, threshold, opened_at) VALUES ('disk_percent', 'warning', 1, 1, now()) ON CONFLICT DO NOTHING});
        my %url = ("$kind-1" => 'https://x.example.com', "$kind-2" => 'https://x.example.com/', "$kind-3" => "https://x.example.com$path", "$kind-4" => "https://x.example.com$path/");
        $node->safe_psql($db, "SELECT swipesavvy.create_sink('$_', '$kind', url => '$url{$_}', secret => 's')") for keys %url;
        is_deeply([ map { $preview->($_)->{url} } sort keys %url ], [ ("https://x.example.com$path") x 4 ], "$kind: the path is added to a URL that has it not");
    }
};

subtest 'all of them' => sub {
    my @sinks = @{ json($node, 'app', "SELECT swipesavvy.list_sinks() -> 'sinks'") };
    is_deeply([ grep { $_->{sink} !~ /^tls-(?:other|named)$/ && ($_->{state} ne 'ok' || $_->{failures_in_a_row} || !$_->{last_success_at}) } @sinks ], [], 'go well side by side');
    my %secrets = (%secret, key => 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', raw => 'plain bytes as a secret, 32 long');
    for my $sink (grep { $_->{sink} !~ /^tls/ } @sinks)
    {
        my $preview = json($node, 'app', "SELECT swipesavvy.preview_sink('$sink->{sink}')");
        is_deeply([ grep { ref $preview->{$_} && !@{ $preview->{$_} } || !defined $preview->{$_} } qw(method url headers body) ], [], "preview of $sink->{sink}");
        is_deeply([ grep { index($codec->encode($preview), $secrets{$_}) >= 0 } keys %secrets ], [], 'shows no secret');
    }
    my $log = slurp_file($node->logfile);
    my $audit = sql("SELECT string_agg(a::text, ' ') FROM swipesavvy.audit_logs a");
    my $rows = $codec->encode(\@sinks);
    is_deeply([ grep { my $s = $secrets{$_}; index($audit, $s) >= 0 || index($rows, $s) >= 0 } keys %secrets ], [], 'neither audit log nor list shows one');
    unlike($log, qr/(?:FATAL|PANIC):  |server process .* terminated/, 'nothing broke');
};

$node->stop;
done_testing();
