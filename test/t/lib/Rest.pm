# What PostgREST 12.2 does with a call of a function, done without it: whom a token names; the role, the claims, the method and the headers
# set for the transaction, which is read-only for GET; arguments by name from a query or from JSON; the one unnamed argument that gets the
# body as it is; status, headers and type of the answer.
#
#     my $api = Rest->new($node, 'app', $secret);
#     $api->answer(method => 'POST', function => 'health', claims => {...} or undef, body => TEXT or query => [[name, value], ...], headers => {...})
#         { status, body (TEXT), headers => [[name, value], ...], code and message of an error }
#     Rest::token($secret, sub => ..., role => ...)        a token that both take
#     my $server = Rest::serve($node, 'app', $secret);     the same over HTTP, on a port of its own: $server->port, ->url, ->stop (Parts.pm)
package Rest;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP;
use MIME::Base64 qw(decode_base64url encode_base64url);
use Parts ();

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub connect_to
{
    my ($connstr, $secret) = @_;
    my $self = bless { connstr => $connstr, secret => $secret };
    my $functions = $self->psql('postgres', q{
        SELECT json_build_object('name', p.proname, 'names', coalesce(p.proargnames[1:p.pronargs], array_fill(''::text, ARRAY[p.pronargs])), 'types', ARRAY(SELECT t::regtype FROM unnest(p.proargtypes) t),
                                 'required', p.pronargs - p.pronargdefaults, 'volatile', p.provolatile = 'v', 'any_type', p.prorettype::regtype::text ~ '"\*/\*"$')
          FROM pg_proc p WHERE p.pronamespace = 'swipesavvy'::regnamespace});
    for (split /\n/, $functions->{out}) { my $f = $json->decode($_); push @{ $self->{functions}{ $f->{name} } }, $f }
    return $self;
}

sub new
{
    my ($class, $node, $db, $secret) = @_;
    return connect_to($node->connstr($db), $secret);
}

sub psql
{
    my ($self, $user, $script) = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-U', $user, '-d', $self->{connstr}, '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
    return { out => $out, err => $err };
}

sub literal { my $text = shift; $text =~ s/'/''/g; return "'$text'" }

sub status_of
{
    my ($state, $anonymous) = @_;
    return $1 if $state =~ /^PT([1-5]\d\d)$/;
    return $anonymous ? 401 : 403 if $state eq '42501';
    return { 23503 => 409, 23505 => 409, 25006 => 405, 42883 => 404, P0001 => 400 }->{$state} if $state =~ /^(23503|23505|25006|42883|P0001)$/;
    return 400 if $state =~ /^2[123]/;
    return 503 if $state =~ /^(08|53)/;
    return $state =~ /^(0L|0P|28)/ ? 403 : $state =~ /^(09|25|2D|38|39|3B|40|54|55|57|58|F0|HV|XX)/ ? 500 : 400;
}

sub failed
{
    my ($status, $code, $message, %more) = @_;
    my %body = (code => $code, message => $message, details => $more{details}, hint => $more{hint});
    return { status => $status, code => $code, message => $message, body => $json->encode(\%body),
        headers => [ [ 'Content-Type', 'application/json; charset=utf-8' ], $status == 401 ? [ 'WWW-Authenticate', 'Bearer' ] : () ] };
}

# Of a query, reserved keys are about the rows of an answer, a key with a dot or a value that begins like an operator is a filter of them,
# and only the others are arguments. Returns these, and whether there is a filter.
sub arguments_of_query
{
    my (%query) = @_;
    my $operators = qr/^(?:(?:eq|gte?|lte?|neq|i?like|i?match|cs|cd|ov|s[lr]|nx[rl]|adj|is|in|isdistinct|(?:pl|ph|w)?fts)(?:\.|\z)|not\.|(?:pl|ph|w)?fts\(|\w+\((?:any|all)\)\.)/;
    delete @query{ grep { /^(?:select|columns|on_conflict)\z|(?:^|\.)(?:order|limit|offset|and|or)\z/ } keys %query };
    my @filters = grep { /\./ || (!ref $query{$_} && $query{$_} =~ $operators) } keys %query;
    delete @query{@filters};
    return \%query, scalar @filters;
}

# The keys of a body: of an object, or of the objects of an array, which must be alike. Undef for what is refused.
sub keys_of_body
{
    my ($body) = @_;
    return [] if $body eq '';
    my $value = eval { $json->decode($body) };
    return if $@;
    return [ sort keys %$value ] if ref $value eq 'HASH';
    return [] unless ref $value eq 'ARRAY' && @$value;
    my @alike = map { ref eq 'HASH' ? join "\0", sort keys %$_ : return } @$value;
    return (grep { $_ ne $alike[0] } @alike) ? undef : [ split /\0/, $alike[0] ];
}

# The function that has these arguments, or else the one whose only argument is unnamed and gets the body of a POST.
sub find_function
{
    my ($self, $name, $names, $posted) = @_;
    my %given = map { $_ => 1 } @$names;
    my (@named, @unnamed);
    for my $f (@{ $self->{functions}{$name} })
    {
        my @known = @{ $f->{names} };
        my %known = map { $_ => 1 } @known;
        if (!(grep { !$known{$_} } @$names) && !(grep { !$given{$_} } @known[ 0 .. $f->{required} - 1 ])) { push @named, $f }
        elsif ($posted && @known == 1 && $known[0] eq '' && $f->{types}[0] =~ /^jsonb?$/) { push @unnamed, $f }
    }
    return $named[0] // $unnamed[0];
}

sub answer
{
    my ($self, %request) = @_;
    my ($method, $claims, $body) = @request{qw(method claims body)};
    my $reads = $method ne 'POST';
    my ($query, $filtered) = $reads ? arguments_of_query(map { @$_ } @{ $request{query} // [] }) : ({}, 0);
    my $names = $reads ? [ sort keys %$query ] : keys_of_body($body // '');
    return failed(400, 'PGRST102', 'All object keys must match') unless $names;
    my $function = $self->find_function($request{function}, $names, !$reads);
    return failed(404, 'PGRST202', "Could not find the function swipesavvy.$request{function} in the schema cache") unless $function;
    return failed(400, '42703', 'column does not exist') if $filtered;

    my $role = $claims ? $claims->{role} : 'swipesavvy_anon';
    my ($payload, $call) = ('', 'swipesavvy.' . $function->{name});
    if (@{ $function->{names} } == 1 && $function->{names}[0] eq '') { $call .= '(' . literal($body) . '::jsonb)' }
    elsif (!@$names) { $call .= '()' }
    else
    {
        my %type;
        @type{ @{ $function->{names} } } = @{ $function->{types} };
        $payload = sprintf '(SELECT %s::json AS data) payload, LATERAL (SELECT * FROM json_to_record(payload.data) AS _(%s)) body, LATERAL ',
          literal($reads ? $json->encode($query) : $body), join(', ', map { "\"$_\" $type{$_}" } @$names);
        $call .= '(' . join(', ', map { "\"$_\" := body.\"$_\"" } @$names) . ')';
    }
    my %headers = ('user-agent' => 'test', 'x-forwarded-for' => '192.0.2.7', %{ $request{headers} // {} });
    my $script = sprintf(q{\set VERBOSITY verbose
BEGIN ISOLATION LEVEL READ COMMITTED READ %s;
SELECT set_config('search_path', '"swipesavvy"', true), set_config('role', %s, true), set_config('request.jwt.claims', %s, true),
       set_config('request.method', '%s', true), set_config('request.path', '/rpc/%s', true), set_config('request.headers', %s, true),
       set_config('request.cookies', '{}', true) \g /dev/null
SELECT json_build_object('body', %s, 'headers', nullif(current_setting('response.headers', true), ''), 'status', nullif(current_setting('response.status', true), '')) FROM %s(SELECT %s AS result) call;
COMMIT;
}, $reads || !$function->{volatile} ? 'ONLY' : 'WRITE', literal($role), literal($claims ? $json->encode($claims) : ''), $method, $function->{name}, literal($json->encode(\%headers)),
        $function->{any_type} ? 'call.result::text' : 'to_json(call.result)::text', $payload, $call);
    my $run = $self->psql('authenticator', $script);
    if ($run->{err} =~ /ERROR: +(\w{5}): (.*)/)
    {
        my ($code, $message) = ($1, $2);
        my ($details) = $run->{err} =~ /^DETAIL: +(.*)/m;
        my ($hint) = $run->{err} =~ /^HINT: +(.*)/m;
        return failed(status_of($code, $role eq 'swipesavvy_anon'), $code, $message, details => $details, hint => $hint);
    }
    my $answer = $json->decode($run->{out});
    my @set = map { [%$_] } @{ $json->decode($answer->{headers} // '[]') };
    my $type = $function->{any_type} ? 'application/octet-stream' : 'application/json; charset=utf-8';
    my $text = $answer->{body} // ($function->{any_type} ? '' : 'null');
    utf8::encode($text);
    return { status => $answer->{status} // 200, body => $text, headers => [ (grep { lc $_->[0] eq 'content-type' } @set) ? () : [ 'Content-Type', $type ], @set ] };
}

# The claims of a token, undef for none; dies with an answer for one that is not valid.
sub claims_of
{
    my ($self, $authorization) = @_;
    my ($token) = ($authorization // '') =~ /^Bearer +(\S+)$/ or return;
    my ($head, $claims, $signature) = split /\./, $token;
    die failed(401, 'PGRST301', 'JWSError JWSInvalidSignature') unless defined $signature && encode_base64url(hmac_sha256("$head.$claims", $self->{secret})) eq $signature;
    $claims = $json->decode(decode_base64url($claims));
    die failed(401, 'PGRST301', 'JWT expired') if defined $claims->{exp} && $claims->{exp} < time - 30;
    die failed(401, 'PGRST301', 'JWT not in audience') if defined $claims->{aud} && $claims->{aud} ne 'swipesavvy';
    return $claims;
}

# A token with these claims, as sign_in() makes them.
sub token
{
    my ($secret, %claims) = @_;
    my $text = join '.', map { encode_base64url($json->encode($_)) } { alg => 'HS256', typ => 'JWT', kid => 'postgrest-1' }, { aud => 'swipesavvy', exp => time + 600, iat => time, %claims };
    return "$text." . encode_base64url(hmac_sha256($text, $secret));
}

# --- over HTTP ------------------------------------------------------------------------------------------------------

sub unescaped { my $text = shift; $text =~ tr/+/ /; $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge; utf8::decode($text); return $text }

sub read_request
{
    my ($socket) = @_;
    my $first = <$socket> // return;
    my ($method, $target) = $first =~ m{^(\S+) (\S+) HTTP/1\.[01]\r?\n$} or return;
    my %headers;
    while (defined(my $line = <$socket>))
    {
        $line =~ s/\r?\n$//;
        last if $line eq '';
        my ($name, $value) = split /: */, $line, 2;
        $headers{ lc $name } = $value;
    }
    my $body = '';
    read $socket, $body, $headers{'content-length'} if $headers{'content-length'};
    return { method => $method, target => $target, headers => \%headers, body => $body };
}

sub answer_request
{
    my ($self, $request) = @_;
    my ($path, $query) = split /\?/, $request->{target}, 2;
    my ($function) = $path =~ m{^/rpc/(\w+)$} or return failed(404, 'PGRST125', 'Invalid path specified in request URL');
    return { status => 200, body => '', headers => [ [ 'Access-Control-Allow-Origin', '*' ] ] } if $request->{method} eq 'OPTIONS';
    return failed(405, 'PGRST101', 'Cannot use the method on RPC') unless $request->{method} =~ /^(?:GET|HEAD|POST)$/;
    my $claims = eval { $self->claims_of($request->{headers}{authorization}) };
    return $@ if ref $@;
    die $@ if $@;
    my @query = map { [ map { unescaped($_) } (split(/=/, $_, 2), '')[ 0, 1 ] ] } split /&/, $query // '';
    return $self->answer(method => $request->{method}, function => $function, claims => $claims, query => \@query, body => $request->{body}, headers => $request->{headers});
}

sub handle_connection
{
    my ($self, $socket) = @_;
    my $request = read_request($socket) or return;
    my $answer = $self->answer_request($request);
    my $body = $request->{method} eq 'HEAD' || $answer->{status} == 304 ? '' : $answer->{body};
    print {$socket} "HTTP/1.1 $answer->{status} Answer\r\n", (map { "$_->[0]: $_->[1]\r\n" } @{ $answer->{headers} }),
      $answer->{status} == 304 ? () : 'Content-Length: ' . length($answer->{body}) . "\r\n", "Connection: close\r\n\r\n", $body;
    return;
}

# The program that serve() starts: a process for each connection.
sub run_server
{
    my ($connstr, $secret, $port) = @_;
    my $self = connect_to($connstr, $secret);
    my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1) or die $!;
    local $SIG{CHLD} = 'IGNORE';
    while (1)
    {
        my $socket = $listener->accept or next;
        my $pid = fork // die $!;
        if (!$pid)
        {
            $SIG{CHLD} = 'DEFAULT';
            eval { $self->handle_connection($socket); 1 } or print STDERR $@;
            close $socket;
            exit 0;
        }
        close $socket;
    }
    return;
}

sub serve
{
    my ($node, $db, $secret) = @_;
    my $port = Parts::free_port();
    return Parts::start($port, tempdir(CLEANUP => 1), 'http', $^X, '-I', dirname(__FILE__), '-MRest', '-e', 'Rest::run_server(@ARGV)', $node->connstr($db), $secret, $port);
}

1;
