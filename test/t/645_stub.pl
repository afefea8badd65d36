# The servers that other tests send to (Stub.pm, Parts.pm) do what they say: whoever trusts them trusts this.
use strict;
use warnings;

use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use Parts;
use Stub;
use Test::More;
use Time::HiRes qw(sleep time);

my $stub = Stub->new;
my $http = HTTP::Tiny->new(timeout => 10, keep_alive => 1, max_redirect => 0);

sub post { my ($path, $body, %headers) = @_; return $http->post($stub->url($path), { content => $body // '', headers => \%headers }) }

# What arrives within so many seconds, or until the end, or so many bytes; and whether it was the end.
sub raw
{
    my ($path, $seconds, $enough) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $stub->port) or die $!;
    print {$socket} "GET $path HTTP/1.1\r\nHost: x\r\n\r\n";
    my ($got, $until, $in) = ('', time + $seconds, '');
    vec($in, fileno $socket, 1) = 1;
    while ((my $left = $until - time) > 0 && length $got < ($enough // 1e6))
    {
        my $ready = $in;
        next unless select $ready, undef, undef, $left;
        my $n = sysread $socket, $got, 65536, length $got;
        return ($got, defined $n ? 'closed' : 'reset') unless $n;
    }
    return ($got, 'open');
}

subtest 'the record' => sub {
    my $body = join '', map { chr } 0 .. 255;
    $stub->on('/hook', { status => 503, retry_after => 7, body => 'busy', times => 2 }, { status => 202, times => 1 });
    my @answers = map { post('/hook?a=1', $body, 'X-Odd' => "q\"\\") } 1 .. 4;
    is_deeply([ map { $_->{status} } @answers ], [ 503, 503, 202, 200 ], 'the first fail, then one is as told, then as always');
    is_deeply([ $answers[0]{headers}{'retry-after'}, $answers[0]{content} ], [ 7, 'busy' ], 'an answer with its headers and body');
    is($stub->count('/hook'), 4, 'all are on record once they are answered');
    my @r = $stub->requests('/hook');
    is_deeply([ @{ $r[0] }{qw(n method target path body)}, $r[0]{headers}{'x-odd'} ], [ 1, 'POST', '/hook?a=1', '/hook', $body, "q\"\\" ], 'to the byte');
    is_deeply([ map { $_->{connection} } @r ], [ 1, 1, 1, 1 ], 'over one connection');
    my ($line) = $stub->lines;
    my $decoded = JSON::PP->new->latin1->decode($line);
    is_deeply($decoded, $r[0], 'each is a line of JSON');
    post('/other');
    is($stub->count, 5, 'other paths');
    $stub->forget;
    is_deeply([ $stub->requests ], [], 'forgotten');
    post('/hook');
    is($stub->count, 1, 'and on');
    my $chunked = $http->request('POST', $stub->url('/chunked'), { content => do { my @parts = ('ab', 'c' x 70000); sub { shift @parts } } });
    is(($stub->requests('/chunked'))[0]{body}, 'ab' . 'c' x 70000, 'a body in chunks');
};

subtest 'behaviours' => sub {
    my ($got, $end);
    $stub->forget;
    is(post('/do/status=429,retry_after=3/x')->{headers}{'retry-after'}, 3, 'by the path itself');
    is(post('/do/redirect=y/x')->{status}, 302, 'redirect');
    my $start = time;
    post('/do/delay=0.3/x');
    cmp_ok(time - $start, '>=', 0.3, 'delay');
    is_deeply([ raw('/do/hang/x', 0.3) ], [ '', 'open' ], 'hang');
    $stub->on('/drip', { drip => 0.05, body => 'x' });
    ($got, $end) = raw('/drip', 0.5);
    cmp_ok(length $got, '<', 12, 'drip');
    ($got) = raw('/do/endless/x', 10, 2e6);
    like($got, qr/\AHTTP\/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\ne+\r\n10000\r\n/, 'endless');
    is_deeply([ raw('/do/announce=4294967296/x', 0.2) ], [ "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n", 'open' ], 'announce');
    ($got) = raw('/do/huge_headers=300000/x', 1, 300_000);
    cmp_ok(length $got, '>=', 300_000, 'huge headers');
    unlike($got, qr/[^\r]\n./, 'which are headers');
    ($got) = raw('/do/interim/x', 5, 100_000);
    like($got, qr/\A(?:HTTP\/1.1 102 Processing\r\n\r\n)+/, '1xx for ever');
    ($got, $end) = raw('/do/garbage/x', 5);
    ok($end eq 'closed' && $got !~ /HTTP/, 'garbage');
    is_deeply([ raw('/do/close=before/x', 5) ], [ '', 'closed' ], 'closes before');
    is_deeply([ raw('/do/close=silently/x', 5) ], [ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 'closed' ], 'closes without a word');
    is_deeply([ raw('/do/close=after/x', 5) ], [ "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 'closed' ], 'closes and says so');
    $stub->on('/half', { close => 'within', body => 'x' x 1000 });
    ($got, $end) = raw('/half', 5);
    ok($end eq 'closed' && length $got > 400 && length $got < 600, 'closes halfway') or diag length $got;
    is_deeply([ raw('/do/reset/x', 5) ], [ '', 'reset' ], 'reset');
    is($stub->count('/do/reset/x'), 1, 'all on record');
    is(post('/y')->{status}, 200, 'and it lives');
    $stub->down;
    is(post('/y')->{status}, 599, 'down');
    $stub->up;
    is(post('/y')->{status}, 200, 'up again');
    ok(!eval { $stub->command('fly'); 1 }, 'what it does not know it says');
};

subtest 'it ends with the test' => sub {
    my $perl = q{use Stub; my $s = Stub->new(dir => shift); print $s->pid, "\n"; close STDOUT; kill 'KILL', $$};
    my $dir = tempdir(CLEANUP => 1);
    open my $out, '-|', $^X, (map { "-I$_" } @INC), '-e', $perl, $dir or die $!;
    my $pid = readline $out;
    close $out;
    chomp $pid;
    my $until = time + 10;
    sleep 0.05 while kill(0, $pid) && time < $until;
    ok(!kill(0, $pid), 'even by SIGKILL');
};

SKIP: {
    skip 'no nginx', 3 unless Parts::find('nginx');
    skip 'no curl', 3 unless Parts::find('curl');
    my $ca = Parts::authority(my $dir = tempdir(CLEANUP => 1));
    my $front = $stub->tls(%{ Parts::certificate($ca, 'localhost', '127.0.0.1') }, http2 => 1);
    my $url = $front->url('/do/status=202/tls');
    is(`curl -s --cacert $ca->{cert} -d secret -o /dev/null -w '%{http_code}' $url`, 202, 'nginx with a certificate of our own');
    is(($stub->requests('/do/status=202/tls'))[0]{body}, 'secret', 'is before the stub');
    my $other = Parts::authority($dir);
    is(`curl -s --cacert $other->{cert} -o /dev/null -w '%{http_code}' $url`, '000', 'which others do not vouch for');
}

done_testing();
