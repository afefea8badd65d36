# What PostgREST does for a request, done without it (Rest.pm). The same requests to the real program where it is on the PATH, with the configuration of doc/postgrest.md.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Rest;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign);
use Test::More;

my $secret = 'put 32 or more random characters here';
my $page   = slurp_file('doc/postgrest.md');
my $node   = new_node('postgrest', "shared_preload_libraries = 'swipesavvy'");
create_extension($node, 'app');
my ($roles) = $page =~ /^```sql\n(CREATE ROLE authenticator.*?)^```/ms or die 'the page makes no role';
$node->safe_psql('app', $roles . "SELECT swipesavvy.add_token_key('postgrest-1', '$secret')");
my $ada = add_user($node, 'app', 'ada@example.com');
my $bob = add_user($node, 'app', 'bob@example.com');
add_campaign($node, 'app', 'CAMP-A', 50000);
$node->safe_psql('app', q{SELECT swipesavvy.create_merchant('Corner Café', 'Restaurants & Cafes'); SELECT swipesavvy.create_user('eve@example.com', 'Eve', 'correct horse battery')});

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $api = Rest->new($node, 'app', $secret);

sub by_hand
{
    my ($method, $function, $claims, $arguments) = @_;
    my $answer = $api->answer(method => $method, function => $function, claims => $claims, query => [ map { [ $_, $arguments->{$_} ] } keys %$arguments ], body => $json->encode($arguments));
    my ($cache) = map { $_->[1] } grep { $_->[0] eq 'Cache-Control' } @{ $answer->{headers} };
    return { %$answer, body => $json->decode($answer->{body}), cache => $cache };
}

# --- with the program ------------------------------------------------------------------------

my ($program) = grep { -x } map { "$_/postgrest" } split /:/, $ENV{PATH};
my ($port, $process);
if ($program)
{
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
    $port = $socket->sockport;
    close $socket;
    my ($config) = $page =~ /^```ini\n(.*?)^```/ms or die 'the page has no configuration';
    my $uri = sprintf 'postgres://authenticator@/app?host=%s&port=%d', $node->host, $node->port;
    $config =~ s/^db-uri = .*/db-uri = "$uri"/m;
    $config =~ s/^server-port = .*/server-port = $port/m;
    append_to_file($node->basedir . '/postgrest.conf', $config);
    $process = IPC::Run::start([ $program, $node->basedir . '/postgrest.conf' ], '>', $node->basedir . '/postgrest.log', '2>&1');
}

sub by_program
{
    my ($method, $function, $claims, $arguments) = @_;
    my $url = "http://127.0.0.1:$port/rpc/$function";
    my %options = (headers => { $claims ? (Authorization => 'Bearer ' . Rest::token($secret, %$claims)) : () });
    if ($method eq 'GET') { $url .= '?' . HTTP::Tiny->new->www_form_urlencode({ map { my $v = ref $arguments->{$_} ? $json->encode($arguments->{$_}) : $arguments->{$_}; utf8::encode($v) if utf8::is_utf8($v); ($_ => $v) } keys %$arguments }) if %$arguments }
    else { $options{content} = $json->encode($arguments); $options{headers}{'Content-Type'} = 'application/json' }
    my $response = HTTP::Tiny->new(timeout => 30)->request($method, $url, \%options);
    my $body = eval { $json->decode($response->{content}) };
    return { status => $response->{status}, body => $body, code => ref $body eq 'HASH' ? $body->{code} : undef, cache => $response->{headers}{'cache-control'} };
}

if ($program)
{
    my $up = 0;
    for (1 .. 300) { $up = by_program('GET', 'health', undef, {})->{status} == 200 and last; select undef, undef, undef, 0.1 }
    $up or die slurp_file($node->basedir . '/postgrest.log');
}

# --- the requests -----------------------------------------------------------------------------

my %is_ada = (sub => $ada, role => 'swipesavvy_customer');
my %is_bob = (sub => $bob, role => 'swipesavvy_customer');
my %is_service = (role => 'swipesavvy_backend');
my %is_admin = (sub => $bob, role => 'swipesavvy_admin');
my $key = 'key';

# method, function, claims, arguments => status, what else must hold
sub requests
{
    my ($transport) = @_;
    my @cases = (
        [ 'GET', 'health', undef, {}, 200, sub { $_[0]{body}{status} && $_[0]{cache} eq 'no-store' }, 'health for anybody, not for caches' ],
        [ 'GET', 'list_merchants', undef, { search => "caf\x{e9}", page_size => 5 }, 200, sub { $_[0]{body}{total} == 1 && $_[0]{cache} eq 'public, max-age=300' }, 'merchants by GET' ],
        [ 'GET', 'list_merchants', undef, { limit => 1 }, 200, sub { $_[0]{body}{limit} == 20 }, 'a reserved key is no argument' ],
        [ 'GET', 'list_merchants', undef, { search => 'is.it' }, 400, undef, 'a value like an operator is a filter' ],
        [ 'POST', 'list_merchants', undef, { search => 'is.it' }, 200, sub { $_[0]{body}{total} == 0 }, 'but by POST free text is free' ],
        [ 'POST', 'create_campaign', \%is_admin, { name => 'N', campaign_type => 'SEASONAL', offer_type => 'OTHER', start_date => '2026-01-01T00:00:00Z', campaign_id => 'eq.1' },
            400, sub { $_[0]{code} eq '22023' }, 'so no campaign has such an id' ],
        [ 'POST', 'list_merchants', undef, { search => 'caf', page_size => 5 }, 200, sub { $_[0]{body}{total} == 1 && !$_[0]{cache} }, 'and by POST, uncached' ],
        [ 'GET', 'get_user_profile', \%is_ada, { user_id => $ada }, 200, sub { $_[0]{body}{email} eq 'ada@example.com' && $_[0]{cache} eq 'private, no-cache' }, 'one\'s own profile' ],
        [ 'GET', 'get_user_profile', \%is_bob, { user_id => $ada }, 403, sub { $_[0]{code} eq '42501' }, 'not another\'s' ],
        [ 'GET', 'get_user_profile', undef, { user_id => $ada }, 401, undef, 'nor anybody\'s without a token' ],
        [ 'POST', 'update_user', \%is_ada, { user_id => $ada, changes => { name => 'Ada L.' } }, 200, sub { $_[0]{body}{name} eq 'Ada L.' }, 'jsonb arguments' ],
        [ 'GET', 'update_user', \%is_ada, { user_id => $ada, changes => {} }, 405, sub { $_[0]{code} eq '25006' }, 'GET does not write' ],
        [ 'POST', 'record_transaction', \%is_service, { user_id => $ada, amount => 12.5, idempotency_key => "$transport$key" }, 200, sub { $_[0]{body}{status} eq 'completed' && !$_[0]{body}{replayed} }, 'a purchase' ],
        [ 'POST', 'record_transaction', \%is_service, { user_id => $ada, amount => 12.5, idempotency_key => "$transport$key" }, 200, sub { $_[0]{body}{replayed} }, 'a second time' ],
        [ 'POST', 'record_transaction', \%is_service, { user_id => $ada, amount => 13, idempotency_key => "$transport$key" }, 409, sub { $_[0]{code} eq '23505' }, 'another with its key' ],
        [ 'POST', 'record_transaction', \%is_ada, { user_id => $ada, amount => 1 }, 403, undef, 'not by a customer' ],
        [ 'POST', 'record_transaction', \%is_service, { user_id => $ada, amount => -1 }, 400, sub { $_[0]{code} eq '22023' }, 'a bad value' ],
        [ 'POST', 'record_transaction', \%is_service, { user_id => 'x', amount => 1 }, 400, sub { $_[0]{code} eq '22P02' }, 'no uuid' ],
        [ 'POST', 'record_transaction', \%is_service, { user_id => '00000000-0000-7000-8000-0000000000ff', amount => 1 }, 404, sub { $_[0]{code} eq 'PT404' }, 'no such user' ],
        [ 'POST', 'record_transaction', \%is_service, { user_id => $ada, amounts => 1 }, 404, undef, 'no such argument' ],
        [ 'GET', 'get_campaign', \%is_ada, { campaign_id => "CAMP\r\nX-Evil: 1" }, 404, sub { ($_[0]{message} // 'campaign not found') eq 'campaign not found' }, 'a header is not injected' ],
        [ 'POST', 'launch_campaign', \%is_admin, { campaign_id => 'CAMP-A' }, 400, sub { $_[0]{code} eq 'PT400' }, 'not in this state' ],
        [ 'GET', 'list_users', \%is_admin, { search => 'example', page_size => 2, page_offset => 1 }, 200, sub { @{ $_[0]{body}{users} } == 2 && $_[0]{body}{total} == 3 && $_[0]{body}{offset} == 1 }, 'a page of an admin\'s list' ],
        [ 'POST', 'create_campaign', \%is_admin, { name => 'N', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 5, start_date => '2026-01-01T00:00:00Z' }, 201, sub { $_[0]{body}{status} eq 'draft' }, 'numbers and times' ],
        [ 'POST', 'sign_in', undef, { email => 'eve@example.com', password => 'wrong' }, 401, sub { $_[0]{body}{error} eq 'invalid_credentials' }, 'a wrong password has a status of its own' ],
        [ 'POST', 'sign_in', undef, { email => 'eve@example.com', password => 'correct horse battery' }, 200, sub { $_[0]{body}{access_token} }, 'a right one gives a token' ],
        [ 'POST', 'current_user_id', \%is_ada, {}, 200, sub { $_[0]{body} eq $ada }, 'a result that is no document' ],
    );
    my $send = $transport eq 'program' ? \&by_program : \&by_hand;
    for (@cases)
    {
        my ($method, $function, $claims, $arguments, $status, $holds, $what) = @$_;
        my $answer = $send->($method, $function, $claims, $arguments);
        is($answer->{status}, $status, "$transport: $what: $method $function") or diag explain $answer;
        ok($holds->($answer), "$transport: $what: as it should be") or diag explain $answer if $holds;
    }

    # settings of the programme
    my $set = sub { is($send->('POST', 'update_system_settings', \%is_admin, { settings => $_[0] })->{status}, 200, "$transport: an admin sets " . join ', ', keys %{ $_[0] }) };
    $set->({ maintenance_mode => JSON::PP::true });
    is($send->('GET', 'get_user_profile', \%is_ada, { user_id => $ada })->{status}, 503, "$transport: under maintenance");
    is($send->('GET', 'health', undef, {})->{status}, 200, "$transport: health answers");
    $set->({ maintenance_mode => JSON::PP::false, cache_ttl_seconds => 7 });
    is($send->('GET', 'list_merchants', undef, {})->{cache}, 'public, max-age=7', "$transport: caching is as it was set");
    $node->poll_query_until('app', 'SELECT extract(second FROM clock_timestamp()) < 40') or die;
    $set->({ rate_limit_per_minute => 2, cache_ttl_seconds => 300 });
    my @statuses = map { $send->('GET', 'get_user_profile', \%is_ada, { user_id => $ada })->{status} } 1 .. 3;
    is_deeply(\@statuses, [ 200, 200, 429 ], "$transport: too many calls");
    $node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"rate_limit_per_minute": null}')});
    return;
}

requests('by hand');

# A token made by sign_in says what PostgREST asks for; it is signed with the shared secret.
my $signed_in = by_hand('POST', 'sign_in', undef, { email => 'eve@example.com', password => 'correct horse battery' })->{body};
my ($head, $claims, $signature) = split /\./, $signed_in->{access_token};
is($signature, encode_base64url(hmac_sha256("$head.$claims", $secret)), 'a token of ours is signed with the secret of the key set');
my $decoded = $json->decode(MIME::Base64::decode_base64url($claims));
is($decoded->{role}, 'swipesavvy_customer', 'it names the role');
is($decoded->{aud}, 'swipesavvy', 'and the audience of the configuration');
is($json->decode(MIME::Base64::decode_base64url($head))->{kid}, 'postgrest-1', 'and the key');
is(by_hand('GET', 'get_user_profile', $decoded, { user_id => $signed_in->{user_id} })->{status}, 200, 'who signed in is known by it');
my ($k) = $page =~ /\\"k\\": \\"([^\\]+)\\"/;
is($k, encode_base64url($secret), 'the key set of the page has the secret of the page');

SKIP:
{
    skip 'no postgrest', 1 unless $program;
    requests('program');
    is(by_program('GET', 'get_user_profile', { %is_ada, exp => time - 60 }, { user_id => $ada })->{status}, 401, 'program: a token that has ended');
    is(by_program('GET', 'get_user_profile', { %is_ada, aud => 'others' }, { user_id => $ada })->{status}, 401, 'program: a token for others');
    is(HTTP::Tiny->new->get("http://127.0.0.1:$port/rpc/get_user_profile?user_id=$signed_in->{user_id}", { headers => { Authorization => "Bearer $signed_in->{access_token}" } })->{status},
        200, 'program: a token of sign_in');
}
note('skipped: no postgrest') unless $program;
$process->kill_kill if $process;

done_testing();
