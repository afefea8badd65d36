# Real servers for tests, started as this user on free ports of 127.0.0.1 and ended with the test, whatever happens. The programs
# are those on the PATH, where test/run/parts.sh has put what the machine lacks; a test skips what Parts::find does not find.
#
#     my $gateway = Parts::pushgateway() or skip 'no prometheus-pushgateway', 3;
#     $gateway->url('/metrics'); $gateway->port; $gateway->log (what it printed); $gateway->stop
#     Parts::alertmanager(config => TEXT)           without clustering
#     Parts::nginx(upstream => PORT, cert => F, key => F, http2 => 0 or 1, config => 'lines of the server block')    TLS before a port
#     Parts::proxy('nginx', TEXT, PORT), Parts::proxy('caddy', TEXT, PORT)      what TEXT says for 8080, before a port instead of 3000
#     my $ca = Parts::authority($dir);              a certification authority: $ca->{cert}
#     my $pair = Parts::certificate($ca, 'localhost', '127.0.0.1');       { cert, key } of these names and addresses, by that authority
package Parts;

use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use IPC::Open2 qw(open2);
use POSIX qw(WNOHANG);
use Stub ();
use Time::HiRes qw(sleep time);

# Runs a command until it ends or the input does.
my $watch = q{
    my $pid = fork // die $!;
    if (!$pid) { open STDIN, '<', '/dev/null'; exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!" }
    $SIG{CHLD} = sub { exit 1 };
    1 while sysread STDIN, my $nothing, 1;
    $SIG{CHLD} = 'DEFAULT';
    kill 'KILL', $pid;
    waitpid $pid, 0;
};

sub find
{
    my ($program) = @_;
    return (grep { -x } map { "$_/$program" } split /:/, $ENV{PATH})[0];
}

sub free_port
{
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
    return $socket->sockport;
}

# Starts a command, and waits until it takes connections.
sub start
{
    my ($port, $dir, $scheme, @command) = @_;
    my $self = bless { port => $port, dir => $dir, scheme => $scheme, owner => $$, logfile => "$dir/log" };
    my $quiet = 'open STDOUT, ">>", shift; open STDERR, ">&STDOUT";';
    $self->{pid} = open2($self->{out}, $self->{in}, $^X, '-e', $quiet . $watch, $self->{logfile}, @command);
    my $until = time + 30;
    until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port))
    {
        my $over = waitpid $self->{pid}, WNOHANG;
        delete $self->{pid} if $over;
        die "$command[0] does not answer: " . $self->log if $over || time > $until;
        sleep 0.05;
    }
    return $self;
}

sub port { return $_[0]{port} }
sub url  { my ($self, $path) = @_; return "$self->{scheme}://127.0.0.1:$self->{port}" . ($path // '/') }
sub log  { my ($self) = @_; open my $file, '<', $self->{logfile} or return ''; local $/; return scalar <$file> }

# As the stub: its process ends when its input does.
sub stop    { Stub::stop($_[0]); return }
sub DESTROY { $_[0]->stop; return }

sub put
{
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    return $path;
}

sub pushgateway
{
    my $program = find('prometheus-pushgateway') // find('pushgateway') // return;
    my ($port, $dir) = (free_port(), tempdir(CLEANUP => 1));
    return start($port, $dir, 'http', $program, "--web.listen-address=127.0.0.1:$port");
}

sub alertmanager
{
    my (%options) = @_;
    my $program = find('prometheus-alertmanager') // find('alertmanager') // return;
    my ($port, $dir) = (free_port(), tempdir(CLEANUP => 1));
    my $config = put("$dir/config.yml", $options{config} // "route:\n  receiver: nobody\nreceivers:\n- name: nobody\n");
    return start($port, $dir, 'http', $program, "--config.file=$config", "--storage.path=$dir/data", "--web.listen-address=127.0.0.1:$port", '--cluster.listen-address=');
}

sub nginx
{
    my (%options) = @_;
    my $program = find('nginx') // return;
    my ($port, $dir) = (free_port(), tempdir(CLEANUP => 1));
    my $temporary = join '', map { "  ${_}_temp_path $dir/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
    my $http2 = $options{http2} ? ' http2' : '';
    my $config = put("$dir/nginx.conf", qq(
daemon off;
master_process off;
pid $dir/pid;
error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
$temporary
  client_max_body_size 64m;
  upstream behind { server 127.0.0.1:$options{upstream}; keepalive 64; }
  server {
    listen 127.0.0.1:$port ssl$http2;
    ssl_certificate $options{cert};
    ssl_certificate_key $options{key};
    @{[ $options{config} // '' ]}
    location / {
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host \$http_host;
      proxy_set_header X-Protocol \$server_protocol;
    }
  }
}
));
    return start($port, $dir, 'https', $program, '-p', $dir, '-e', 'stderr', '-c', $config);
}

# The configuration of a page of ours, before another port and on one that is free: the lines of the http block, or a Caddyfile.
sub proxy
{
    my ($kind, $text, $upstream) = @_;
    my $program = find($kind) // return;
    my ($port, $dir) = (free_port(), tempdir(CLEANUP => 1));
    $text =~ s/\b8080\b/$port/g;
    $text =~ s/\b127\.0\.0\.1:3000\b/127.0.0.1:$upstream/g;
    local @ENV{qw(HOME XDG_DATA_HOME XDG_CONFIG_HOME)} = ($dir) x 3;
    return start($port, $dir, 'http', $program, 'run', '--adapter', 'caddyfile', '--config', put("$dir/Caddyfile", "{\n  admin off\n}\n$text")) if $kind eq 'caddy';
    my $temporary = join '', map { "  ${_}_temp_path $dir/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
    my $config = put("$dir/nginx.conf", "daemon off;\nmaster_process off;\npid $dir/pid;\nerror_log stderr;\nevents { worker_connections 1024; }\nhttp {\n  access_log off;\n$temporary\n$text\n}\n");
    return start($port, $dir, 'http', $program, '-p', $dir, '-e', 'stderr', '-c', $config);
}

sub openssl
{
    my ($dir, @arguments) = @_;
    my $log = "$dir/openssl.log";
    my $pid = fork // die $!;
    if (!$pid)
    {
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        exec 'openssl', @arguments or POSIX::_exit(1);
    }
    local $?;
    waitpid $pid, 0;
    die "openssl @arguments: see $log" if $? != 0;
    return;
}

my $serial = 0;

sub authority
{
    my ($dir) = @_;
    my $name = 'ca' . ++$serial;
    my %ca = (dir => $dir, cert => "$dir/$name.pem", key => "$dir/$name.key");
    openssl($dir, qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30), '-subj', "/CN=Test authority $serial", '-keyout', $ca{key}, '-out', $ca{cert},
        '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    return \%ca;
}

# The first of the names is the common name, too. Names of digits and dots are addresses.
sub certificate
{
    my ($ca, @names) = @_;
    my $base = "$ca->{dir}/cert" . ++$serial;
    my %pair = (cert => "$base.pem", key => "$base.key");
    my $extensions = put("$base.ext", 'subjectAltName=' . join(',', map { (/^[\d.]+$|:/ ? 'IP:' : 'DNS:') . $_ } @names) . "\nextendedKeyUsage=serverAuth\n");
    openssl($ca->{dir}, qw(req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes), '-subj', "/CN=$names[0]", '-keyout', $pair{key}, '-out', "$base.csr");
    openssl($ca->{dir}, qw(x509 -req -days 30 -in), "$base.csr", '-CA', $ca->{cert}, '-CAkey', $ca->{key}, '-set_serial', $serial, '-extfile', $extensions, '-out', $pair{cert});
    return \%pair;
}

1;
