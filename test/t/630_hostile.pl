# Sinks that do everything wrong, names that lead elsewhere and certificates that are none: no request harms the database, the worker or the
# other sinks, and none goes where it may not. Names are looked up by a library of the test's own.
# Takes long: begun among the first.
use strict;
use warnings;

use File::Temp qw(tempdir);
use MIME::Base64 qw(encode_base64);
use Parts;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Stub;
use SwipeSavvy qw(create_extension);
use Test::More;
use Time::HiRes qw(sleep time);
use Worker qw(watch sql wait_for $open health_pid add_hook put_messages wait_until_delivered);

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
append_to_file("$dir/names.c", <<'END');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[][2] = {
	{"loop.test", "127.0.0.1"}, {"ten.test", "10.1.2.3"}, {"meta.test", "169.254.169.254"}, {"six.test", "fd00::1"},
	{"mapped.test", "::ffff:192.168.7.7"}, {"public.test", "93.184.216.34"}, {"none.test", NULL}, {"slow.test", "127.0.0.1"}};

/* Says in a file if a signal of the server's could arrive in the thread that looks up a name. */
static void
look_at_signals(void)
{
	sigset_t	set;
	FILE	   *file = fopen(getenv("NAMES_LOG"), "a");

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	fprintf(file, "%s\n", sigismember(&set, SIGTERM) && sigismember(&set, SIGUSR1) && sigismember(&set, SIGALRM) && sigismember(&set, SIGQUIT) ? "blocked" : "open");
	fclose(file);
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	int			(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");

	for (size_t i = 0; node != NULL && i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strcmp(node, names[i][0]) != 0)
			continue;
		look_at_signals();
		if (strcmp(node, "slow.test") == 0)
			sleep(25);
		return names[i][1] == NULL ? EAI_NONAME : real(names[i][1], service, hints, result);
	}
	return real(node, service, hints, result);
}
END
system_or_bail('cc', '-shared', '-fPIC', '-o', "$dir/names.so", "$dir/names.c", '-ldl');

my $node = watch(PostgreSQL::Test::Cluster->new('hostile'));
$node->init;
$node->append_conf('postgresql.conf', $_) for "shared_preload_libraries = 'swipesavvy'", "swipesavvy.databases = 'app'", 'autovacuum = off',
  'swipesavvy.health_interval = 1', "swipesavvy.private_networks = '127.0.0.1'";
{
    local $ENV{LD_PRELOAD} = "$dir/names.so";
    local $ENV{NAMES_LOG} = "$dir/names.log";
    $node->start;
}
create_extension($node, 'app');

my $stub = Stub->new;
my $bad = Stub->new;
my $loud = Stub->new;		# what sends without end keeps it busy
sub error_of { my ($name) = @_; return sql("SELECT last_error FROM swipesavvy.sink_states WHERE sink = '$name'") }
sub memory { my ($pid) = @_; return slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m ? $1 / 1024 : die }
sub descriptors { my ($pid) = @_; my @list = glob "/proc/$pid/fd/*"; return scalar @list }
sub threads { my ($pid) = @_; my @list = glob "/proc/$pid/task/*"; return scalar @list }

# Messages to the good sink, as many a second as it got
sub rate
{
    my ($count) = @_;
    $stub->forget;
    put_messages('good', $count);
    wait_until_delivered("$count messages for the good one", 'good');
    my @times = map { $_->{time} } $stub->requests('/good');
    return (@times - 1) / ($times[-1] - $times[0]);
}

sql("SELECT swipesavvy.set_sink_secret('key', 'whsec_" . encode_base64('0123456789abcdefghijklmnop', '') . "')");
add_hook('good', $stub->url('/good'));
rate(100);
my $pid = health_pid();

$bad->on('/redirects', { redirect => 'http://10.1.2.3/' })->on('/elsewhere', { status => 307, redirect => $stub->url('/led') });

# sink => [ its URL, what comes of it ]
my %hostile = (
    hangs => [ $bad->url('/do/hang=1/x'), qr/^Operation timed out after 15\d\d\d milliseconds/ ],
    drips => [ $bad->url('/do/drip=1/x'), qr/^Operation timed out after 15\d\d\d milliseconds/ ],
    endless => [ $loud->url('/do/endless=1/x'), qr/^the answer is too long$/ ],
    announces => [ $loud->url('/do/announce=4294967296,endless=1/x'), qr/^the answer is too long$/ ],
    stalls => [ $bad->url('/do/announce=4294967296/x'), qr/^Operation timed out after 15\d\d\d milliseconds/ ],
    heads => [ $loud->url('/do/huge_headers=1000000/x'), qr/^the answer is too long$/ ],
    interim => [ $loud->url('/do/interim=1/x'), qr/^the answer is too long$/ ],
    garbage => [ $bad->url('/do/garbage=1/x'), qr/^\w[\w ]+$/ ],
    closes => [ $bad->url('/do/close=before/x'), qr/^Server returned nothing/ ],
    resets => [ $bad->url('/do/reset=1/x'), qr/^Failure when receiving data/ ],
    fails => [ $bad->url('/do/status=500/x'), qr/^HTTP 500$/ ],
    redirects => [ $bad->url('/redirects'), qr/^HTTP 302$/ ],
    elsewhere => [ $bad->url('/elsewhere'), qr/^HTTP 307$/ ],
    refuses => [ 'http://127.0.0.1:' . Parts::free_port() . '/', qr/^Failed to connect to 127\.0\.0\.1/ ],
    unknown => [ 'https://none.test/', qr/^(?:Could not resolve host: none\.test|Resolving timed out after \d+ milliseconds)$/ ], # a thread that does it may get no processor
    unanswered => [ 'https://slow.test/', qr/^Resolving timed out after 5\d\d\d milliseconds/ ]);

# one that takes four seconds for each, and has 200 waiting: looked at in the end
$bad->on('/slowly', { delay => 4 });
add_hook('slowly', $bad->url('/slowly'));
sql(q{SELECT swipesavvy.update_sink('slowly', '{"max_in_flight": 1}')});
put_messages('slowly', 200);
my $begun = time;

subtest 'a good sink among bad ones' => sub {
    my $alone = rate(3000);
    my ($memory, $descriptors) = (memory($pid), descriptors($pid));
    for my $name (sort keys %hostile)
    {
        add_hook($name, $hostile{$name}[0]);
        put_messages($name, 300);
    }
    ok($bad->wait_for(1, '/do/hang=1/x'), 'it begins');
    my $beside = rate(3000);
    note sprintf '%.0f a second alone, %.0f beside %d others at their worst', $alone, $beside, scalar keys %hostile;
    cmp_ok($beside, '>', $alone / 4, 'the good one gets its messages all the while');
    my $samples = sql('SELECT count(*) FROM swipesavvy.health_samples');
    my $start = time;
    my $longest = 0;
    while (time < $start + 22)
    {
        my $begun = time;
        put_messages('good', 20);
        $node->poll_query_until('app', "SELECT count(*) = 0 FROM swipesavvy.outbox WHERE $open AND sink = 'good'") or last;
        my $took = time - $begun;
        $longest = $took if $took > $longest;
    }
    cmp_ok($longest, '<', 4, sprintf 'none of them waits long: %.1f s', $longest);
    cmp_ok(sql("SELECT count(*) - $samples FROM swipesavvy.health_samples"), '>=', 11, 'and samples are taken');
    for my $name (sort keys %hostile)
    {
        wait_for("SELECT last_error IS NOT NULL FROM swipesavvy.sink_states WHERE sink = '$name'", "$name: tried");
        like(error_of($name), $hostile{$name}[1], "$name: what came of it");
        is(sql("SELECT count(*) FROM swipesavvy.outbox WHERE sink = '$name' AND (delivered_at IS NOT NULL OR dead_at IS NOT NULL)"), 0, "$name: every message is still there");
        cmp_ok(sql("SELECT sum(attempts) FROM swipesavvy.outbox WHERE sink = '$name'"), '<=', 60, "$name: it was left alone soon");
    }
    is(health_pid(), $pid, 'the worker has survived all of that');
    cmp_ok(memory($pid) - $memory, '<', 16, sprintf 'and has not grown: %.1f MB before, %.1f now', $memory, memory($pid));
    is($stub->count('/led'), 0, 'nobody was led elsewhere');
    sql("SELECT swipesavvy.delete_sink('$_')") for sort keys %hostile;
    ok($node->poll_query_until('app', "SELECT count(*) = 0 FROM swipesavvy.outbox WHERE leased AND sink <> 'slowly'"), 'nothing is left of them');
    my $left;
    for (1 .. 300) { last if ($left = descriptors($pid)) <= $descriptors + 40 && threads($pid) == 1; sleep 0.3 }
    cmp_ok($left, '<=', $descriptors + 40, 'descriptors are given back, but for connections that are kept');
    is(threads($pid), 1, 'and threads are gone');
};

# What an address is, in whatever notation; `public` is one that may be reached by https.
subtest 'where requests may go' => sub {
    my $port = $bad->port;
    my $private = 'neither public nor in swipesavvy\.private_networks';
    my %to = (
        'http://10.1.2.3/' => "10.1.2.3 is $private", 'https://10.1.2.3/' => "10.1.2.3 is $private", 'https://172.16.0.1/' => "172.16.0.1 is $private",
        'https://192.168.1.1/' => "192.168.1.1 is $private", 'http://169.254.169.254/latest/meta-data/' => "169.254.169.254 is $private",
        'https://100.64.0.1/' => "100.64.0.1 is $private", 'https://198.18.0.1/' => "198.18.0.1 is $private", 'https://192.0.2.1/' => "192.0.2.1 is $private",
        'https://224.0.0.1/' => "224.0.0.1 is $private", 'https://255.255.255.255/' => "255.255.255.255 is $private", 'https://240.0.0.1/' => "240.0.0.1 is $private",
        "http://0.0.0.0:$port/" => "0.0.0.0 is $private", "http://0:$port/" => "0.0.0.0 is $private", "http://127.0.0.2:$port/" => "127.0.0.2 is $private",
        'http://167838211/' => "10.1.2.3 is $private", 'http://0x0a010203/' => "10.1.2.3 is $private", 'http://0xa.1.0x2.3/' => "10.1.2.3 is $private",
        'http://012.1.2.3/' => "10.1.2.3 is $private", 'http://10.66051/' => "10.1.2.3 is $private",
        "https://[::1]:$port/" => "::1 is $private", 'https://[::]/' => ":: is $private", 'https://[fe80::1]/' => "fe80::1 is $private", 'https://[fd00::1]/' => "fd00::1 is $private",
        'https://[::ffff:10.1.2.3]/' => "::ffff:10.1.2.3 is $private", 'https://[::ffff:a9fe:a9fe]/' => "::ffff:169.254.169.254 is $private",
        'https://[::10.1.2.3]/' => "::10.1.2.3 is $private", 'https://[64:ff9b::a01:203]/' => "64:ff9b::a01:203 is $private",
        'https://[2002:a01:203::]/' => "2002:a01:203:: is $private", 'https://[2001:0:4136:e378::]/' => "2001:0:4136:e378:: is $private",
        'https://[2001:db8::1]/' => "2001:db8::1 is $private", 'https://[ff02::1]/' => "ff02::1 is $private",
        'https://ten.test/' => "10.1.2.3 is $private", 'http://ten.test/' => "10.1.2.3 is $private", 'https://meta.test/' => "169.254.169.254 is $private",
        'https://six.test/' => "fd00::1 is $private", 'https://mapped.test/' => "(?:::ffff:)?192.168.7.7 is $private",
        'http://93.184.216.34/' => 'without TLS to the address 93.184.216.34', 'http://public.test/' => 'without TLS to the address 93.184.216.34',
        'http://[2606:2800:220:1::1]/' => 'without TLS to the address 2606:2800:220:1::1');
    my $n = 0;
    my %sink = map { $_ => 'to' . ++$n } sort keys %to;
    for my $url (sort keys %to)
    {
        add_hook($sink{$url}, $url);
        put_messages($sink{$url}, 1);
    }
    wait_for("SELECT count(*) = 0 FROM swipesavvy.outbox WHERE attempts = 0 AND sink ~ '^to'", 'all are tried');
    wait_for("SELECT count(*) = 0 FROM swipesavvy.outbox WHERE leased AND sink ~ '^to'", 'and come back');
    like(error_of($sink{$_}), qr/address $to{$_}|$to{$_}/, $_) for sort keys %to;
    $bad->forget;
    my %allowed = map { $_ => 'may' . ++$n } "http://127.0.0.1:$port/may", "http://2130706433:$port/may", "http://0x7f.1:$port/may", "http://loop.test:$port/may", "http://[::ffff:127.0.0.1]:$port/may";
    for my $url (sort keys %allowed)
    {
        add_hook($allowed{$url}, $url);
        put_messages($allowed{$url}, 1);
    }
    wait_until_delivered($_, $allowed{$_}) for sort keys %allowed;
    is($bad->count('/may'), 5, 'what is allowed is so in any notation');
    is(health_pid(), $pid, 'by the same worker');
};

subtest 'signals' => sub {
    my %seen = map { $_ => 1 } split /\n/, slurp_file("$dir/names.log");
    is_deeply([ keys %seen ], ['blocked'], 'in the threads that look up names no signal of the server\'s arrives');
};

SKIP: {
    skip 'nginx is not installed', 1 unless Parts::find('nginx');
    subtest 'certificates' => sub {
        my ($ca, $stranger) = map { Parts::authority($dir) } 1 .. 2;
        chmod 0644, $ca->{cert};
        my %pair = (
            valid => Parts::certificate($ca, '127.0.0.1'), other => Parts::certificate($ca, 'example.com'), stranger => Parts::certificate($stranger, '127.0.0.1'),
            named => Parts::certificate($ca, 'loop.test'), self => self_signed(), expired => expired($ca));
        my %front = map { $_ => $stub->tls(%{ $pair{$_} }) } sort keys %pair;
        my $untrusted = qr/^SSL certificate (?:problem|OpenSSL verify result): /;    # of older and newer libcurl
        my %error = (
            other => qr/^SSL: no alternative certificate subject name matches target/, stranger => $untrusted, self => qr/${untrusted}self.signed/,
            expired => qr/${untrusted}certificate has expired/);
        sql("ALTER SYSTEM SET swipesavvy.http_ca_file = '$ca->{cert}'");
        sql('SELECT pg_reload_conf()');
        for my $name (sort keys %pair)
        {
            my $url = $front{$name}->url("/tls-$name");
            $url =~ s/127\.0\.0\.1/loop.test/ if $name eq 'named';
            add_hook("tls-$name", $url);
            put_messages("tls-$name", 20);
        }
        wait_until_delivered("$_: trusted", "tls-$_") for qw(valid named);
        is($stub->count('/tls-valid'), 20, 'each arrives');
        my $answered = "last_error IS NOT NULL AND last_error !~ 'timeout'";    # which a busy machine may bring first
        for my $name (sort keys %error)
        {
            wait_for("SELECT $answered FROM swipesavvy.sink_states WHERE sink = 'tls-$name'", "$name: tried");
            like(error_of("tls-$name"), $error{$name}, "$name: refused");
            is($stub->count("/tls-$name"), 0, "$name: nothing was sent");
        }
        # a file that is not there; the system's authorities do not know ours
        for my $file ('/nonexistent.pem', '')
        {
            sql("ALTER SYSTEM SET swipesavvy.http_ca_file = '$file'");
            sql('SELECT pg_reload_conf()');
            sql("UPDATE swipesavvy.sink_states SET last_error = NULL, not_before = NULL, failures_in_a_row = 0");
            put_messages('tls-valid', 1);
            wait_for("SELECT $answered FROM swipesavvy.sink_states WHERE sink = 'tls-valid'", "swipesavvy.http_ca_file = '$file'");
            like(error_of('tls-valid'), $file eq '' ? $untrusted : qr/^error (?:setting certificate|adding trust anchors)/, 'it cannot be trusted then');
        }
        sql("ALTER SYSTEM SET swipesavvy.http_ca_file = '$ca->{cert}'");
        sql('SELECT pg_reload_conf()');
        sql("UPDATE swipesavvy.sink_states SET not_before = NULL, failures_in_a_row = 0; UPDATE swipesavvy.outbox SET due_at = now() WHERE sink = 'tls-valid' AND $open");
        wait_until_delivered('with its authority it is', 'tls-valid');
        is(health_pid(), $pid, 'by the same worker');
    };
}

sub self_signed
{
    Parts::openssl($dir, qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1),
        '-keyout', "$dir/self.key", '-out', "$dir/self.pem");
    return { cert => "$dir/self.pem", key => "$dir/self.key" };
}

# A certificate of 127.0.0.1 that is over
sub expired
{
    my ($ca) = @_;
    my $pair = Parts::certificate($ca, '127.0.0.1');
    append_to_file("$dir/over.cnf", "[ca]\ndefault_ca=c\n[c]\ndatabase=$dir/over.txt\nnew_certs_dir=$dir\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n");
    append_to_file("$dir/over.txt", '');
    append_to_file("$dir/over.ext", 'subjectAltName=IP:127.0.0.1');
    Parts::openssl($dir, qw(req -new -subj /CN=127.0.0.1 -key), $pair->{key}, '-out', "$dir/over.csr");
    Parts::openssl($dir, qw(ca -batch -notext -startdate 20200101000000Z -enddate 20210101000000Z -config), "$dir/over.cnf", '-cert', $ca->{cert}, '-keyfile', $ca->{key},
        '-in', "$dir/over.csr", '-extfile', "$dir/over.ext", '-out', "$dir/over.pem");
    return { cert => "$dir/over.pem", key => $pair->{key} };
}

subtest 'one that is slow' => sub {
    sleep 0.5 while time < $begun + 50;
    is(sql("SELECT count(*) FROM swipesavvy.outbox WHERE sink = 'slowly' AND leased AND due_at < now() + interval '300 s' - interval '40 s'"), 0, 'none of its messages waits in the worker until its lease ends');
    cmp_ok(sql("SELECT count(*) FROM swipesavvy.outbox WHERE sink = 'slowly' AND delivered_at IS NOT NULL"), '>=', 10, 'it gets one after the other');
    is(sql("SELECT max(attempts) FROM swipesavvy.outbox WHERE sink = 'slowly'"), 1, 'each once: what only waited was no attempt');
};

subtest 'a lookup that takes for ever' => sub {
    add_hook('slow', 'https://slow.test/');
    put_messages('slow', 2);
    wait_for("SELECT attempts > 0 FROM swipesavvy.outbox WHERE sink = 'slow' LIMIT 1", 'begins');
    my $start = time;
    $node->stop('fast');
    cmp_ok(time - $start, '<', 5, 'and does not keep the server from stopping');
};

done_testing();
