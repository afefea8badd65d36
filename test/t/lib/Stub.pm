# An HTTP server for tests that records every request before it answers it, and misbehaves on demand. Core modules only.
#
#     my $stub = Stub->new;                                  # a process of its own on a free port of 127.0.0.1
#     my $url = $stub->url('/hook');                         # http://127.0.0.1:PORT/hook
#     $stub->on('/hook', { status => 503, times => 3 });     # the first three requests of that path; then 200 as always
#     $stub->wait_for(4, '/hook');                           # true when so many are there (within 30 s)
#     my ($first) = $stub->requests('/hook');                # { n, connection, in_flight, time, method, target, path, headers, body }
#
# A request is in the file $stub->record, one line of JSON, before the first byte of its answer is sent: what a client holds
# for delivered has been recorded. `headers` has the names in lower case (repeated ones joined by ", "); `body` and all else
# are bytes; `connection` numbers the connections, `in_flight` counts the requests not answered yet, this one included.
#
# on(PATH, BEHAVIOUR …) says how the requests of a path are answered, '*' those of paths without a line of their own. Each
# behaviour is for the next `times` requests, the last one for all others (if it has `times`, too: 200). Without any: 200 and no
# body. A path /do/KEY=VALUE,KEY=VALUE/… behaves so by itself, e.g. /do/status=503,retry_after=7/x. The keys:
#     status, headers (list of 'Name: value'), body     the answer; 200, none, ''
#     retry_after     the header; seconds or a date
#     redirect        that Location; 302 unless there is a status
#     delay           seconds before the answer
#     hang            no answer ever; the connection stays open
#     drip            seconds between two bytes of the answer, its head included
#     endless         a body that does not end, as fast as it is read
#     announce        that Content-Length, whatever is sent (then the connection stays open and silent)
#     huge_headers    that many bytes of headers more
#     interim         1xx for ever, as fast as they are read, and no answer
#     garbage         an answer that is not HTTP
#     close           'before' the answer, 'within' it (half of it is sent), 'after' it (says so), 'silently' after it (does not)
#     reset           closes by RST
#
#     $stub->forget                  requests() and count() begin anew
#     $stub->count($path)            how many requests there are
#     $stub->down; $stub->up         refuses connections, closing those there are; listens again, on the same port
#     my $front = $stub->tls(cert => F, key => F)     nginx with that certificate before it: $front->url('/x'), $front->stop; undef without nginx (Parts.pm)
#     $stub->stop                    done at the end of the test anyway, whatever happens: the process ends with its standard input
#
# Without a test: `perl test/t/lib/Stub.pm RECORD [PORT]` prints its port and takes ["on", "/path", {…}] and the like as lines of its input.
package Stub;

use strict;
use warnings;

use Errno qw(EAGAIN EINTR);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IPC::Open2 qw(open2);
use JSON::PP ();
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->latin1->canonical->allow_nonref;

# ---- the test's side ----

sub new
{
    my ($class, %options) = @_;
    my $dir = $options{dir} // tempdir(CLEANUP => 1);
    my $self = bless { record => $options{record} // "$dir/requests.jsonl", at => 0, seen => [], owner => $$ }, $class;
    $self->{pid} = open2($self->{out}, $self->{in}, $^X, __FILE__, $self->{record}, $options{port} // 0);
    $self->{in}->autoflush(1);
    $self->{port} = $self->answer;
    return $self;
}

# What the process says to a command. The test fails when there is no such process any more.
sub answer
{
    my ($self) = @_;
    my $line = readline $self->{out};
    die 'the stub is gone' unless defined $line;
    return $json->decode($line);
}

sub command
{
    my ($self, @words) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{in} } $json->encode(\@words), "\n";
    my $answer = $self->answer;
    die "stub: $answer" if $answer ne 'done';
    return $self;
}

sub port   { return $_[0]{port} }
sub record { return $_[0]{record} }
sub pid    { return $_[0]{pid} }
sub url    { my ($self, $path) = @_; return "http://127.0.0.1:$self->{port}" . ($path // '/') }
sub on     { my ($self, $path, @behaviours) = @_; return $self->command('on', $path, @behaviours) }
sub down   { return $_[0]->command('down') }
sub up     { return $_[0]->command('up') }

# Takes over what was recorded since the last look.
sub look
{
    my ($self) = @_;
    open my $file, '<', $self->{record} or die "$self->{record}: $!";
    seek $file, $self->{at}, 0;
    while (my $line = <$file>)
    {
        last if $line !~ /\n\z/;
        $self->{at} += length $line;
        push @{ $self->{seen} }, $line;
    }
    close $file;
    return;
}

# The lines of a path; requests are understood only when they are asked for.
sub lines
{
    my ($self, $path) = @_;
    $self->look;
    return @{ $self->{seen} } unless defined $path;
    my $start = qr/"path":\Q@{[ quoted($path) ]}\E,/;
    return grep { $_ =~ $start } @{ $self->{seen} };
}

# A line as take_requests() makes them; 20 times as fast as JSON::PP, for tests with many thousand.
sub understood
{
    my ($line) = @_;
    my %r;
    my $string = qr/"([^"]*)"/;
    (@r{qw(n connection in_flight time method target path)}, my $headers, $r{body}) =
      $line =~ /^\{"n":(\d+),"connection":(\d+),"in_flight":(\d+),"time":([\d.]+),"method":$string,"target":$string,"path":$string,"headers":\{(.*?)\},"body":$string\}$/
      or die "not a line of the record: $line";
    $_ += 0 for @r{qw(n connection in_flight time)};
    my %headers = $headers =~ /$string:$string/g;
    $r{headers} = \%headers;
    s/\\u(....)/chr hex $1/ge for @r{qw(method target path body)}, values %headers;
    return \%r;
}

sub count    { my ($self, $path) = @_; my @lines = $self->lines($path); return scalar @lines }
sub requests { my ($self, $path) = @_; return map { understood($_) } $self->lines($path) }
sub forget   { my ($self) = @_; $self->look; $self->{seen} = []; return $self }

sub wait_for
{
    my ($self, $count, $path, $seconds) = @_;
    my $until = time + ($seconds // 30);
    while ($self->count($path) < $count)
    {
        return 0 if time > $until;
        sleep 0.02;
    }
    return 1;
}

sub tls
{
    my ($self, %options) = @_;
    require Parts;
    return Parts::nginx(upstream => $self->{port}, %options);
}

sub stop
{
    my ($self) = @_;
    return if !$self->{pid} || $self->{owner} != $$;
    close $self->{in};
    local $?;
    waitpid delete $self->{pid}, 0;
    return;
}

sub DESTROY { $_[0]->stop; return }

# ---- the server's side ----

my %reason = (200 => 'OK', 201 => 'Created', 202 => 'Accepted', 204 => 'No Content', 302 => 'Found', 400 => 'Bad Request', 403 => 'Forbidden', 404 => 'Not Found',
    408 => 'Request Timeout', 410 => 'Gone', 413 => 'Content Too Large', 429 => 'Too Many Requests', 500 => 'Internal Server Error', 503 => 'Service Unavailable');
my (%behaviour, %connections, %timers, $listener, $record, @waiting);
my ($readers, $writers) = ('', '');
my ($connections, $requests, $in_flight, $unwritten) = (0, 0, 0, '');
my $port;

sub quoted
{
    my ($text) = @_;
    $text =~ s/([\x00-\x1f"\\\x7f-\xff])/sprintf '\\u%04x', ord $1/ge;
    return qq{"$text"};
}

sub start_listening
{
    $listener = IO::Socket::INET->new(Listen => 1024, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1, Blocking => 0) or die "port $port: $!";
    $port = $listener->sockport;
    vec($readers, fileno $listener, 1) = 1;
    return;
}

sub accept_connections
{
    while (my $handle = $listener->accept)
    {
        $handle->blocking(0);
        setsockopt $handle, IPPROTO_TCP, TCP_NODELAY, 1;
        my $fd = fileno $handle;
        $connections{$fd} = { handle => $handle, fd => $fd, number => ++$connections, in => '', out => '' };
        vec($readers, $fd, 1) = 1;
    }
    return;
}

sub drop
{
    my ($c, $reset) = @_;
    setsockopt $c->{handle}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $reset;
    vec($_, $c->{fd}, 1) = 0 for $readers, $writers;
    $in_flight-- if $c->{busy};
    delete $timers{ $c->{fd} };
    delete $connections{ $c->{fd} };
    $c->{gone} = 1;
    close $c->{handle};
    return;
}

# The next whole request of a connection's input: (head, body), or nothing yet.
sub cut_request
{
    my ($c) = @_;
    if (!defined $c->{head})
    {
        my $end = index $c->{in}, "\r\n\r\n";
        return if $end < 0;
        $c->{head} = substr $c->{in}, 0, $end;
        substr($c->{in}, 0, $end + 4) = '';
        $c->{length} = $c->{head} =~ /^content-length: *(\d+)/mi ? $1 : 0;
        $c->{chunked} = $c->{head} =~ /^transfer-encoding: *chunked/mi;
        $c->{out} .= "HTTP/1.1 100 Continue\r\n\r\n" if $c->{head} =~ /^expect: *100-continue/mi;
    }
    my $body = '';
    if ($c->{chunked})
    {
        my $at = 0;
        pos($c->{in}) = 0;
        while (1)
        {
            return unless $c->{in} =~ /\G([0-9a-f]+)[^\r\n]*\r\n/gci;
            my $size = hex $1;
            $at = pos $c->{in};
            return if length $c->{in} < $at + $size + 2;
            $body .= substr $c->{in}, $at, $size;
            pos($c->{in}) = $at + $size + 2;
            last if $size == 0;
        }
        substr($c->{in}, 0, pos $c->{in}) = '';
    }
    else
    {
        return if length $c->{in} < $c->{length};
        $body = substr $c->{in}, 0, $c->{length};
        substr($c->{in}, 0, $c->{length}) = '';
    }
    return (delete $c->{head}, $body);
}

# Notes the request that is now whole; it is answered when the notes are in the file.
sub take_requests
{
    my ($c) = @_;
    return if $c->{busy};
    my ($head, $body) = cut_request($c) or return;
    my ($first, @lines) = split /\r\n/, $head;
    my ($method, $target) = split / /, $first;
    return drop($c) unless defined $target;
    (my $path = $target) =~ s/\?.*//s;
    my %headers;
    for (@lines)
    {
        my ($name, $value) = /^([^:]*):[ \t]*(.*?)[ \t]*$/s or next;
        $name = lc $name;
        $headers{$name} = exists $headers{$name} ? "$headers{$name}, $value" : $value;
    }
    $c->{busy} = 1;
    $c->{path} = $path;
    $c->{last} = ($headers{connection} // '') =~ /close/i;
    $unwritten .= sprintf qq({"n":%d,"connection":%d,"in_flight":%d,"time":%.6f,"method":%s,"target":%s,"path":%s,"headers":{%s},"body":%s}\n),
      ++$requests, $c->{number}, ++$in_flight, time, quoted($method), quoted($target), quoted($path),
      join(',', map { quoted($_) . ':' . quoted($headers{$_}) } sort keys %headers), quoted($body);
    push @waiting, $c;
    return;
}

sub write_record
{
    while (length $unwritten)
    {
        my $written = syswrite $record, $unwritten;
        die "record: $!" unless defined $written || $!{EINTR};
        substr($unwritten, 0, $written // 0) = '';
    }
    return;
}

# The behaviour of the next request of a path.
sub behaviour_of
{
    my ($path) = @_;
    if ($path =~ m{^/do/([^/]*)})
    {
        return { map { /^(\w+)=(.*)$/ ? ($1 => $2) : ($_ => 1) } split /,/, $1 };
    }
    my $list = $behaviour{$path} // $behaviour{'*'} or return;
    while (my $b = $list->[0])
    {
        return $b unless exists $b->{times};
        return $b if $b->{times}-- > 0;
        shift @$list;
    }
    return;
}

sub head_of
{
    my ($b, $length, $last) = @_;
    my $status = $b->{status} // (defined $b->{redirect} ? 302 : 200);
    my $head = "HTTP/1.1 $status " . ($reason{$status} // 'Whatever') . "\r\n";
    $head .= "$_\r\n" for @{ $b->{headers} // [] };
    $head .= "Retry-After: $b->{retry_after}\r\n" if defined $b->{retry_after};
    $head .= "Location: $b->{redirect}\r\n" if defined $b->{redirect};
    if ($b->{huge_headers})
    {
        my $size = int $b->{huge_headers};
        for (my $n = 0; $size > 0; $size -= 1000) { $head .= sprintf "X-Huge-%06d: %s\r\n", $n++, 'h' x 983 }
    }
    $head .= "Connection: close\r\n" if $last;
    $head .= defined $length ? "Content-Length: $length\r\n" : "Transfer-Encoding: chunked\r\n";
    return "$head\r\n";
}

# Begins the answer of a connection. `source`, asked whenever all is sent, gives more and the seconds before it, or nothing at the end.
sub answer_request
{
    my ($c, $b) = @_;
    delete $timers{ $c->{fd} };
    return if $b->{hang};
    my $close = $b->{close} // '';
    return drop($c, $b->{reset}) if $close eq 'before' || ($b->{reset} && !$close);
    $c->{reset} = $b->{reset};
    if ($b->{interim})
    {
        my $some = "HTTP/1.1 102 Processing\r\n\r\n" x 100;
        $c->{source} = sub { return ($some, 0) };
    }
    elsif ($b->{garbage})
    {
        $c->{out} .= join '', map { chr(33 + $_ * 7919 % 90) } 1 .. 2000;
        $c->{last} = 1;
    }
    elsif ($b->{endless})
    {
        $c->{out} .= head_of($b, undef, 0);
        my $some = "10000\r\n" . 'e' x 65536 . "\r\n";
        $c->{source} = sub { return ($some, 0) };
    }
    else
    {
        my $body = $b->{body} // '';
        my $last = $c->{last} || $close eq 'after';
        my $all = head_of($b, $b->{announce} // length $body, $last) . $body;
        $all = substr $all, 0, length($all) / 2 if $close eq 'within';
        $c->{last} = $last || $close;
        $c->{silent} = defined $b->{announce} && $b->{announce} > length $body;
        if ($b->{drip})
        {
            my ($at, $seconds) = (0, $b->{drip});
            $c->{source} = sub { return $at < length $all ? (substr($all, $at++, 1), $seconds) : () };
        }
        else
        {
            $c->{out} .= $all;
        }
    }
    return send_some($c);
}

sub begin_answer
{
    my ($c) = @_;
    my $b = behaviour_of($c->{path});
    if (!$b)
    {
        $c->{out} .= $c->{last} ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        return send_some($c);
    }
    return answer_request($c, $b) unless $b->{delay};
    $timers{ $c->{fd} } = { at => time + $b->{delay}, do => sub { answer_request($c, $b) } };
    return;
}

# Sends what there is; at the end of the answer the next request has its turn.
sub send_some
{
    my ($c) = @_;
    while (1)
    {
        while (length $c->{out})
        {
            my $sent = syswrite $c->{handle}, $c->{out};
            if (!defined $sent)
            {
                next if $!{EINTR};
                return drop($c) unless $!{EAGAIN};
                vec($writers, $c->{fd}, 1) = 1;
                return;
            }
            substr($c->{out}, 0, $sent) = '';
        }
        vec($writers, $c->{fd}, 1) = 0;
        last unless $c->{source};
        my ($more, $seconds) = $c->{source}->();
        if (!defined $more)
        {
            delete $c->{source};
            last;
        }
        $c->{out} = $more;
        if ($seconds)
        {
            $timers{ $c->{fd} } = { at => time + $seconds, do => sub { delete $timers{ $c->{fd} }; send_some($c) } };
            return;
        }
        # one portion a turn: the others have theirs
        vec($writers, $c->{fd}, 1) = 1;
        return;
    }
    return if !$c->{busy} || $c->{silent};
    return drop($c, $c->{reset}) if $c->{last};
    $in_flight--;
    $c->{busy} = 0;
    take_requests($c);
    return;
}

sub read_some
{
    my ($c) = @_;
    my $got = sysread $c->{handle}, $c->{in}, 262144, length $c->{in};
    if (!defined $got)
    {
        return if $!{EAGAIN} || $!{EINTR};
        return drop($c);
    }
    return drop($c) if $got == 0;
    take_requests($c);
    if (length $c->{out} && !$c->{busy}) { send_some($c) }
    return;
}

sub obey
{
    my ($what, @words) = @_;
    if ($what eq 'on')
    {
        my ($path, @list) = @words;
        $behaviour{$path} = \@list;
        return 'done';
    }
    if ($what eq 'down')
    {
        drop($_) for values %connections;
        vec($readers, fileno $listener, 1) = 0;
        close $listener;
        return 'done';
    }
    if ($what eq 'up')
    {
        start_listening();
        return 'done';
    }
    return "what is $what?";
}

# Runs until its standard input ends.
sub serve
{
    my ($file, $wanted) = @_;
    my $orders = '';
    local $SIG{PIPE} = 'IGNORE';
    $port = $wanted // 0;
    open $record, '>>', $file or die "$file: $!";
    start_listening();
    STDOUT->autoflush(1);
    print "$port\n";
    STDIN->blocking(0);
    vec($readers, 0, 1) = 1;
    while (1)
    {
        my $soon = 60;
        if (%timers)
        {
            my $now = time;
            for (values %timers) { $soon = $_->{at} - $now if $_->{at} - $now < $soon }
            $soon = 0 if $soon < 0;
        }
        my ($readable, $writable) = ($readers, $writers);
        my $ready = select $readable, $writable, undef, @waiting ? 0 : $soon;
        next if $ready < 0;
        if (vec $readable, 0, 1)
        {
            my $got = sysread STDIN, $orders, 65536, length $orders;
            return if defined $got && $got == 0;
            while ($orders =~ s/^([^\n]*)\n//)
            {
                my $line = $1;
                my $words = eval { $json->decode($line) };
                print $json->encode(ref $words ? obey(@$words) : "not an order: $line"), "\n";
            }
        }
        for my $fd (keys %connections)
        {
            my $c = $connections{$fd} or next;
            if (vec $readable, $fd, 1) { read_some($c) }
            if (!$c->{gone} && vec $writable, $fd, 1) { send_some($c) }
        }
        if (fileno $listener && vec $readable, fileno $listener, 1) { accept_connections() }
        if (%timers)
        {
            my $now = time;
            for my $timer (grep { $_->{at} <= $now } values %timers) { $timer->{do}->() }
        }
        write_record();
        for my $c (splice @waiting) { begin_answer($c) unless $c->{gone} }
    }
    return;
}

serve(@ARGV) unless caller;

1;
