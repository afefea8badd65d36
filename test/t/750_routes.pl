# The REST routes through a proxy set up as doc/http.md prints it, and PostgREST or what stands in for it: every route with a request that
# its function answers, every kind of bad path, query and body, forged headers, HEAD, 304, and the three workflows of the original.
use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;
use Parts;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Rest;
use SwipeSavvy qw(new_node create_extension json);
use Test::More;

my $secret = 'put 32 or more random characters here';
my $page   = slurp_file('doc/http.md');
my $node   = new_node('routes', "shared_preload_libraries = 'swipesavvy'");
create_extension($node, 'app');
my ($roles) = slurp_file('doc/postgrest.md') =~ /^```sql\n(CREATE ROLE authenticator.*?)^```/ms or die 'the page makes no role';
$node->safe_psql('app', $roles . "SELECT swipesavvy.add_token_key('postgrest-1', '$secret')");
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# --- who there is -------------------------------------------------------------------------------------------------------

my $root = json($node, 'app', q{SELECT swipesavvy.create_user('root@example.com', 'Root', 'correct horse battery', role => 'admin')})->{user_id};
my %is = (
    anon => undef,
    admin => { sub => $root, role => 'swipesavvy_admin' },
    support => { role => 'swipesavvy_support' },
    analytics => { role => 'swipesavvy_analytics' },
    backend => { role => 'swipesavvy_backend' },
);

# --- how it is reached: PostgREST where there is one --------------------------------------------------------------------

my ($postgrest) = Parts::find('postgrest');
my $behind = $postgrest ? start_postgrest() : Rest::serve($node, 'app', $secret);
note($postgrest ? 'with PostgREST' : 'skipped: no postgrest; Rest.pm stands in for it');

sub start_postgrest
{
    my ($config) = slurp_file('doc/postgrest.md') =~ /^```ini\n(.*?)^```/ms or die 'the page has no configuration';
    my $port = Parts::free_port();
    my $uri = sprintf 'postgres://authenticator@/app?host=%s&port=%d', $node->host, $node->port;
    $config =~ s/^db-uri = .*/db-uri = "$uri"/m;
    $config =~ s/^server-port = .*/server-port = $port/m;
    my $dir = PostgreSQL::Test::Utils::tempdir();
    return Parts::start($port, $dir, 'http', $postgrest, Parts::put("$dir/postgrest.conf", $config));
}

my ($nginx_text) = $page =~ /^```nginx\n(.*?)^```/ms or die 'the page has no configuration of nginx';
my ($caddy_text) = $page =~ /^```caddy\n(.*?)^```/ms or die 'the page has no configuration of Caddy';
my %proxies = (nginx => Parts::proxy('nginx', $nginx_text, $behind->port), caddy => Parts::proxy('caddy', $caddy_text, $behind->port));
note("skipped: no $_") for grep { !$proxies{$_} } sort keys %proxies;
my $proxy = $proxies{nginx} // $proxies{caddy}; # none: ask() does what they do
my $http = HTTP::Tiny->new(timeout => 60, max_redirect => 0);

# A request as one of these, by that proxy: its status, headers, and the document or the text of the body.
sub ask
{
    my ($who, $method, $path, $body, %headers) = @_;
    my $claims = ref $who ? $who : $is{$who};
    $headers{Authorization} = 'Bearer ' . Rest::token($secret, %$claims) if $claims;
    $headers{'Content-Type'} = 'application/json' if defined $body;
    my ($url, $sent) = $proxy ? ($proxy->url($path), $method) : ($behind->url('/rpc/http_' . ($method =~ /^(?:GET|HEAD)$/ ? 'read' : 'write')), $method =~ /^(?:GET|HEAD)$/ ? 'GET' : 'POST');
    @headers{qw(X-Original-Method X-Original-URI)} = ($method, $path) unless $proxy;
    my $response = $http->request($sent, $url, { headers => \%headers, defined $body ? (content => ref $body ? $json->encode($body) : $body) : () });
    my $document = eval { $json->decode($response->{content}) };
    return { status => $response->{status}, headers => $response->{headers}, text => $response->{content}, document => $document, ref $document eq 'HASH' ? %{$document}{ grep { !/^(?:status|headers|text|document)$/ } keys %$document } : () };
}

# --- every route ----------------------------------------------------------------------------------------------------------

my %id;
my $customer;
my %asked;

# A request of the route, and what must hold; a {name} of its path is the id of that name.
sub route
{
    my ($who, $method, $template, $status, %more) = @_;
    (my $path = $template) =~ s/\{(\w+)\}/$id{$1} \/\/ die "no $1 yet"/ge;
    my $answer = ask($who eq 'customer' ? $customer : $who, $method, $path . ($more{query} ? "?$more{query}" : ''), $more{body}, %{ $more{headers} // {} });
    my $ok = $answer->{status} == $status && (!$more{holds} || $more{holds}->($answer));
    ok($ok, "$method $template" . ($more{query} ? "?$more{query}" : '') . " by $who") or diag "$answer->{status} " . substr $answer->{text}, 0, 400;
    if ($more{location})
    {
        (my $location = $more{location}) =~ s/\{(\w+)\}/$answer->{$1} \/\/ $id{$1}/ge;
        is($answer->{headers}{location}, $location, "its Location");
    }
    $asked{"$method $template"}++;
    return $answer;
}

my $half = sub { my ($key, $value) = @_; return sub { ($_[0]{$key} // '') eq $value } };
my $has = sub { my @keys = @_; return sub { my $answer = shift; !grep { !exists $answer->{document}{$_} } @keys } };

route('anon', 'GET', '/api/health', 200, holds => sub { $_[0]{document}{status} && $_[0]{headers}{'cache-control'} eq 'no-store' && $_[0]{headers}{'content-type'} eq 'application/json; charset=utf-8' });
$id{user_id} = route('backend', 'POST', '/api/users', 201, body => { email => 'ada@example.com', name => "Ad\x{e1}", password => 'correct horse battery' }, location => '/api/users/{user_id}')->{user_id};
$customer = { sub => $id{user_id}, role => 'swipesavvy_customer' };
route('customer', 'GET', '/api/users/{user_id}', 200, holds => sub { $_[0]{name} eq "Ad\x{e1}" && $_[0]{headers}{'cache-control'} eq 'private, no-cache' });
route('customer', 'POST', '/api/users/{user_id}/accounts', 201, body => { type => 'card', last_four => '4242' }, location => '/api/users/{user_id}/accounts');
route('customer', 'GET', '/api/users/{user_id}/accounts', 200, holds => $half->('count', 1));

$node->safe_psql('app', 'SELECT swipesavvy.refresh_analytics()');
$id{merchant_id} = route('admin', 'POST', '/api/merchants', 201, body => { name => 'Corner Coffee', category => 'Restaurants & Cafes' }, location => '/api/merchants/{merchant_id}')->{merchant_id};
my $location = route('admin', 'POST', '/api/merchants/{merchant_id}/locations', 201, body => { latitude => 52.52, longitude => 13.405, timezone => 'Europe/Berlin' }, location => '/api/merchants/{merchant_id}/locations');
route('anon', 'GET', '/api/merchants', 200, query => 'search=corner+coff&limit=1&offset=0', holds => $half->('total', 1));
route('anon', 'GET', '/api/merchants/categories', 200, holds => sub { @{ $_[0]{categories} } == 8 });
route('anon', 'GET', '/api/merchants/nearby', 200, query => 'lat=52.5201&lng=13.4049&radius=500', holds => sub { @{ $_[0]{merchants} } == 1 });
route('anon', 'GET', '/api/merchants/{merchant_id}', 200, holds => $half->('name', 'Corner Coffee'));
route('admin', 'PUT', '/api/merchants/{merchant_id}', 200, body => { name => 'Corner Cafe', merchant_id => $id{merchant_id} }, holds => $half->('name', 'Corner Cafe'));
route('anon', 'GET', '/api/merchants/{merchant_id}/locations', 200, holds => sub { $_[0]{locations}[0]{location_id} eq $location->{location_id} });
route('admin', 'POST', '/api/merchants/{merchant_id}/offers', 201, body => { title => 'Two for one' }, location => '/api/merchants/{merchant_id}/offers');
route('anon', 'GET', '/api/merchants/{merchant_id}/offers', 200, holds => sub { $_[0]{offers}[0]{title} eq 'Two for one' });
route('admin', 'PUT', '/api/merchants/{merchant_id}/partnership', 200, body => { tier => 'premium', commission_rate => 5 }, holds => $half->('tier', 'premium'));
route('analytics', 'GET', '/api/merchants/{merchant_id}/partnership', 200, holds => $half->('tier', 'premium'));
route('analytics', 'GET', '/api/merchants/{merchant_id}/analytics', 200);

$id{campaign_id} = route('admin', 'POST', '/api/campaigns', 201, body => { name => 'Week', campaign_type => 'SEASONAL', offer_amount => 10, offer_type => 'PERCENTAGE', start_date => '2026-01-01T00:00:00Z', budget => 1000.5 }, location => '/api/campaigns/{campaign_id}')->{campaign_id};
route('analytics', 'GET', '/api/campaigns', 200, query => 'status=draft&limit=5', holds => sub { $_[0]{limit} == 5 && $_[0]{campaigns}[0]{campaign_id} eq $id{campaign_id} });
route('admin', 'GET', '/api/campaigns/{campaign_id}', 200, holds => sub { $_[0]{budget} == 1000.5 && $_[0]{document}{status} eq 'draft' });
route('admin', 'PUT', '/api/campaigns/{campaign_id}', 200, body => { name => 'Month' }, holds => $half->('name', 'Month'));
route('admin', 'POST', '/api/campaigns/{campaign_id}/launch', 200, body => { schedule => 'immediate' }, holds => sub { $_[0]{document}{status} eq 'running' });
route('anon', 'POST', '/api/auth/sign-in', 401, body => { email => 'ada@example.com', password => 'wrong' }, holds => sub { $_[0]{code} eq 'PT401' && $_[0]{headers}{'www-authenticate'} eq 'Bearer' });
my $session = route('anon', 'POST', '/api/auth/sign-in', 200, body => { email => 'ada@example.com', password => 'correct horse battery' }, holds => $has->('access_token'));
my $refreshed = route('anon', 'POST', '/api/auth/refresh', 200, body => { refresh_token => $session->{refresh_token} }, holds => $has->('access_token'));
is(ask('anon', 'GET', "/api/users/$id{user_id}", undef, Authorization => "Bearer $refreshed->{access_token}")->{status}, 200, 'a token of the routes is good for them');
route('customer', 'POST', '/api/auth/change-password', 200, body => { old_password => 'correct horse battery', new_password => 'staple battery horse' });

my $purchase = route('backend', 'POST', '/api/transactions', 201, body => { user_id => $id{user_id}, amount => 50, merchant_id => $id{merchant_id}, idempotency_key => 'k1' }, holds => sub { $_[0]{awards}[0]{discount} == 5 }, location => '/api/transactions/{transaction_id}/explain');
$id{transaction_id} = $purchase->{transaction_id};
is(ask('backend', 'POST', '/api/transactions', { user_id => $id{user_id}, amount => 50, merchant_id => $id{merchant_id}, idempotency_key => 'k1' })->{transaction_id}, $id{transaction_id}, 'a repeat is the same purchase');
route('support', 'GET', '/api/transactions/{transaction_id}/explain', 200, holds => sub { $_[0]{candidates}[0]{applied} });
route('backend', 'POST', '/api/transactions/{transaction_id}/refund', 200, body => { amount => 10 }, holds => $has->('points_reversed'));
my $batch = route('backend', 'POST', '/api/transactions/batch', 200, body => [ map { +{ user_id => $id{user_id}, amount => $_, status => 'pending' } } 4000, 2 ], holds => sub { @{ $_[0]{results} } == 2 });
is(@{ ask('backend', 'POST', '/api/transactions/batch', { purchases => [ { user_id => $id{user_id}, amount => 3 }, { user_id => $id{user_id}, amount => 'x', metadata => {} } ] })->{results} }, 2, 'a batch as an object, with other keys in each');
$id{transaction_id} = $batch->{results}[0]{transaction_id};
route('backend', 'POST', '/api/transactions/{transaction_id}/settle', 200, body => {}, holds => sub { $_[0]{document}{status} eq 'completed' });
$id{transaction_id} = $batch->{results}[1]{transaction_id};
route('backend', 'POST', '/api/transactions/{transaction_id}/decline', 200, holds => sub { $_[0]{document}{status} eq 'failed' });
route('customer', 'GET', '/api/users/{user_id}/transactions', 200, query => 'limit=1&start_date=2020-01-01T00:00:00Z', holds => sub { @{ $_[0]{transactions} } == 1 && $_[0]{limit} == 1 });
route('customer', 'GET', '/api/users/{user_id}/rewards', 200, holds => $has->('points_balance', 'tier'));
route('customer', 'GET', '/api/users/{user_id}/points', 200, query => 'limit=2');
route('customer', 'GET', '/api/users/{user_id}/analytics/spending', 200, query => 'days=7', holds => $half->('period_days', 7));
$node->safe_psql('app', q{SELECT swipesavvy.create_charity('Trees'); SELECT swipesavvy.create_boost('Double', 2)});
my $charity = route('customer', 'GET', '/api/charities', 200)->{charities}[0]{charity_id};
route('customer', 'POST', '/api/users/{user_id}/redeem', 200, body => { points => 10, idempotency_key => 'r1' }, holds => $has->('confirmation_code'));
route('customer', 'POST', '/api/users/{user_id}/donate', 200, body => { points => 5, charity_id => $charity }, holds => $has->('points_balance'));
$id{boost_id} = route('customer', 'GET', '/api/boosts', 200)->{boosts}[0]{boost_id};
route('customer', 'POST', '/api/users/{user_id}/boosts/{boost_id}', 200);
route('customer', 'DELETE', '/api/users/{user_id}/boosts/{boost_id}', 200);
route('customer', 'GET', '/api/rewards', 200);
route('customer', 'GET', '/api/leaderboard', 200, query => 'period=monthly&limit=3');
route('customer', 'GET', '/api/tiers', 200);
route('customer', 'POST', '/api/merchants/{merchant_id}/rating', 200, body => { user_id => $id{user_id}, rating => 5, comment => 'Good' });
route('anon', 'GET', '/api/merchants/{merchant_id}/reviews', 200);

route('customer', 'POST', '/api/events', 201, body => { campaign_id => $id{campaign_id}, kind => 'view' });
route('backend', 'POST', '/api/events', 201, body => [ map { +{ campaign_id => $id{campaign_id}, kind => $_, user_id => $id{user_id} } } qw(impression click) ]);
is(ask('backend', 'POST', '/api/events', { events => [ { campaign_id => $id{campaign_id}, kind => 'click' } ] })->{status}, 400, 'a single event has no such key');

$node->safe_psql('app', q{SELECT swipesavvy.refresh_analytics(); SELECT swipesavvy.refresh_campaign_segments()});
route('analytics', 'GET', '/api/analytics/campaigns/{campaign_id}/metrics', 200);
route('analytics', 'GET', '/api/analytics/campaigns/{campaign_id}/daily', 200, query => 'start_date=2026-01-01&end_date=2026-12-31');
route('analytics', 'GET', '/api/analytics/campaigns/{campaign_id}/segment', 200);
route('analytics', 'GET', '/api/analytics/segments', 200);
route('analytics', 'POST', '/api/analytics/custom-report', 200, body => { source => 'campaigns', measures => ['conversions'], dimensions => ['campaign'], start_date => '2026-01-01', end_date => '2026-12-31' }, holds => $has->('rows'));
my $file = route('analytics', 'GET', '/api/analytics/export', 200, query => 'dataset=campaigns', holds => sub { $_[0]{headers}{'content-type'} eq 'text/csv; charset=utf-8' && $_[0]{headers}{'cache-control'} eq 'no-store' });
is($file->{headers}{'content-disposition'}, 'attachment; filename="campaigns.csv"', 'an export has the name of a file');
my ($export) = run_command([ 'psql', '-XAt', '-d', $node->connstr('app'), '-c', q{SELECT string_agg(l || E'\r\n', '') FROM swipesavvy.export_analytics('campaigns') l} ]);
is($file->{text} =~ s/\r//gr, $export =~ s/\r//gr, 'which is that of export_analytics()');
like($file->{text}, qr/\AC?campaign_id,.*\r\n\S.*\r\n\z/, 'in lines that end as RFC 4180 says');
route('analytics', 'GET', '/api/analytics/export', 200, query => 'dataset=rfm&format=json', holds => sub { $_[0]{headers}{'content-type'} eq 'application/x-ndjson' });

$id{flag_key} = route('admin', 'POST', '/api/flags', 201, body => { key => 'new_home', name => 'New home', enabled => JSON::PP::true }, location => '/api/flags/{flag_key}')->{flag_key};
my $flags = route('admin', 'GET', '/api/flags', 200, query => 'search=new_home');
route('admin', 'GET', '/api/flags/{flag_key}', 200, holds => $half->('flag_key', 'new_home'));
route('admin', 'PUT', '/api/flags/{flag_key}', 200, body => { description => 'The new one' }, query => 'reason=told+so');
route('customer', 'POST', '/api/flags/{flag_key}/evaluate', 200, body => { user_id => $id{user_id}, attributes => { country => 'DE' } }, holds => $has->('value'));
route('analytics', 'GET', '/api/flags/{flag_key}/analytics', 200, query => 'days=7');
route('admin', 'GET', '/api/flags/{flag_key}/audit', 200, holds => sub { $_[0]{text} =~ /told so/ });
route('admin', 'POST', '/api/flags/{flag_key}/audit', 200, body => { days => 3, limit => 1 });
route('admin', 'DELETE', '/api/flags/{flag_key}', 200);

my $other = ask('admin', 'POST', '/api/campaigns', { name => 'Other', campaign_type => 'SEASONAL', offer_amount => 5, offer_type => 'PERCENTAGE', start_date => '2026-01-01' })->{campaign_id};
my $control = ask('admin', 'POST', '/api/campaigns', { name => 'Control', campaign_type => 'SEASONAL', offer_amount => 5, offer_type => 'PERCENTAGE', start_date => '2026-01-01' })->{campaign_id};
$id{test_id} = route('admin', 'POST', '/api/ab-tests', 201, body => { test_name => 'Five or six', control_campaign_id => $control, variant_campaign_ids => [$other] }, location => '/api/ab-tests/{test_id}')->{test_id};
route('analytics', 'GET', '/api/ab-tests', 200);
route('analytics', 'GET', '/api/ab-tests/{test_id}', 200, holds => $half->('test_name', 'Five or six'));
$node->safe_psql('app', "SELECT swipesavvy.start_ab_test('$id{test_id}')");
route('backend', 'POST', '/api/ab-tests/{test_id}/assignments', 200, body => { user_id => $id{user_id} });
$node->safe_psql('app', "SELECT swipesavvy.refresh_ab_tests('$id{test_id}')");
route('analytics', 'GET', '/api/ab-tests/{test_id}/results', 200);
$node->safe_psql('app', "SELECT swipesavvy.end_ab_test('$id{test_id}')");
route('admin', 'DELETE', '/api/ab-tests/{test_id}', 200);

route('analytics', 'GET', '/api/ml/models', 200);
route('analytics', 'GET', '/api/ml/performance', 200);
route('admin', 'GET', '/api/ml/send-times/{user_id}', 200);
route('admin', 'GET', '/api/ml/affinity/{user_id}', 200);
route('admin', 'GET', '/api/ml/recommendations/{user_id}', 400, query => 'limit=3', holds => $half->('message', 'no active version'));
route('admin', 'POST', '/api/ml/predict', 400, body => { model_name => 'churn', user_id => $id{user_id} }, holds => $half->('message', 'no active version'));
route('admin', 'POST', '/api/ml/train', 202, body => { model_name => 'churn' });
route('backend', 'POST', '/api/ml/feedback', 201, body => { model_name => 'churn', user_id => $id{user_id}, outcome => 'accepted' });

$id{geofence_id} = route('admin', 'POST', '/api/geofences', 201, body => { name => 'Square', latitude => 52.52, longitude => 13.405, radius_meters => 200 }, location => '/api/geofences/{geofence_id}')->{geofence_id};
route('customer', 'GET', '/api/geofences', 200);
route('admin', 'PUT', '/api/geofences/{geofence_id}', 200, body => { name => 'The square' }, holds => $half->('name', 'The square'));
$node->safe_psql('app', "SELECT swipesavvy.set_location_consent('$id{user_id}', true)");
route('customer', 'POST', '/api/locations/report', 200, body => { user_id => $id{user_id}, latitude => 52.52, longitude => 13.405, accuracy_meters => 10 });
route('admin', 'DELETE', '/api/geofences/{geofence_id}', 200);

route('support', 'GET', '/api/admin/users', 200, query => 'search=ada&limit=1', holds => $half->('total', 1));
route('admin', 'GET', '/api/admin/audit-logs', 200, query => 'limit=200&event_type=analytics.export', holds => sub { @{ $_[0]{logs} } >= 1 });
route('admin', 'GET', '/api/admin/health', 200);
route('admin', 'POST', '/api/admin/settings', 200, body => { cache_ttl_seconds => 60 });
is(ask('admin', 'POST', '/api/admin/settings', {})->{updated_settings}{cache_ttl_seconds}, 60, 'an empty object is one, though PostgREST hands it on as no body');
route('support', 'POST', '/api/admin/users/{user_id}/reset-password', 200);
route('admin', 'POST', '/api/campaigns/{campaign_id}/pause', 200, holds => sub { $_[0]{document}{status} eq 'paused' });
route('admin', 'DELETE', '/api/campaigns/{campaign_id}', 200, holds => sub { $_[0]{document}{status} eq 'archived' });
route('admin', 'DELETE', '/api/merchants/{merchant_id}', 200);
route('customer', 'POST', '/api/auth/sign-out', 200, body => { refresh_token => $refreshed->{refresh_token} });

route('anon', 'GET', '/console', 200, holds => sub { $_[0]{headers}{'content-type'} eq 'text/html; charset=utf-8' && $_[0]{text} =~ /\A<!doctype html>/ });
route('anon', 'GET', '/api/openapi.json', 200, holds => sub { $_[0]{document}{openapi} eq '3.1.0' });

my @all = @{ ask('anon', 'POST', '/rpc/list_routes', {})->{routes} };
my @not_asked = grep { !$asked{$_} } map { "$_->{method} $_->{path}" } @all;
is("@not_asked", '', 'no route is left out here');
is_deeply([ grep { $asked{$_} && !{ map { ("$_->{method} $_->{path}" => 1) } @all }->{$_} } sort keys %asked ], [], 'and list_routes() leaves none out');

# --- what is not right ------------------------------------------------------------------------------------------------------

# Who, method, path, body, headers => status, code, and what else must hold.
sub wrong
{
    my ($what, $request, $status, $code, $holds) = @_;
    my ($who, $method, $path, $body, %headers) = @$request;
    my $answer = ask($who, $method, $path, $body, %headers);
    my $document = $answer->{document};
    my $whole = ref $document eq 'HASH' && join(' ', sort keys %$document) eq 'code details error hint message' && $document->{error} eq $document->{message};
    ok($answer->{status} == $status && $document->{code} eq $code && $whole && (!$holds || $holds->($answer)), $what) or diag "$answer->{status} " . substr $answer->{text}, 0, 400;
    return $answer;
}
my $allow = sub { my $allowed = shift; return sub { $_[0]{headers}{allow} eq $allowed } };
my $nobody = '00000000-0000-7000-8000-0000000000ff';

wrong('no such path', [ 'admin', 'GET', '/api/campaign' ], 404, 'PT404');
wrong('nor one with a slash at its end', [ 'admin', 'GET', '/api/campaigns/' ], 404, 'PT404');
wrong('nor with two', [ 'admin', 'GET', '/api//campaigns' ], 404, 'PT404');
wrong('nor one that is long', [ 'admin', 'GET', '/api/a/b/c/d/e/f/g/h/i' ], 404, 'PT404');
wrong('nor one in capitals', [ 'admin', 'GET', '/api/Campaigns' ], 404, 'PT404');
wrong('another method', [ 'admin', 'PATCH', '/api/campaigns' ], 405, 'PT405', $allow->('GET, HEAD, POST'));
wrong('another method of a path with an id', [ 'admin', 'POST', "/api/merchants/$nobody" ], 405, 'PT405', $allow->('GET, HEAD, PUT, DELETE'));
wrong('a word of ours is no id', [ 'admin', 'PUT', '/api/merchants/nearby', {} ], 405, 'PT405', $allow->('GET, HEAD'));
wrong('an id that is none', [ 'anon', 'GET', '/api/merchants/12' ], 404, 'PT404', $half->('message', 'merchant not found'));
wrong('an id in another form', [ 'anon', 'GET', '/api/merchants/%7B00000000-0000-7000-8000-0000000000ff%7D' ], 404, 'PT404');
wrong('an id of nothing', [ 'anon', 'GET', "/api/merchants/$nobody" ], 404, 'PT404');
wrong('a path is decoded once', [ 'admin', 'GET', '/api/campaigns/A%2541' ], 404, 'PT404', sub { $_[0]{details} =~ /"A%41"/ });
wrong('and a slash in it is a character', [ 'admin', 'GET', '/api/campaigns/A%2Fmetrics' ], 404, 'PT404', sub { $_[0]{details} =~ m{"A/metrics"} });
wrong('a path that is badly encoded', [ 'admin', 'GET', '/api/campaigns/A%C3%28' ], 400, '22021');
wrong('a query that is badly encoded', [ 'anon', 'GET', '/api/merchants?search=%zz' ], 400, '22023');
wrong('a NUL', [ 'anon', 'GET', '/api/merchants?search=a%00b' ], 400, '22023');
wrong('an unknown parameter is named', [ 'anon', 'GET', '/api/merchants?limits=1' ], 400, '22023', sub { $_[0]{details} =~ /"limits"/ && $_[0]{hint} =~ /limit, offset/ });
wrong('a parameter given twice', [ 'anon', 'GET', '/api/merchants?search=a&search=a' ], 400, '22023', sub { $_[0]{message} =~ /"search"/ });
wrong('by two names', [ 'anon', 'GET', '/api/merchants?limit=1&page_size=1' ], 400, '22023', sub { $_[0]{message} =~ /"page_size"/ });
wrong('a value that is no number', [ 'anon', 'GET', '/api/merchants?limit=x' ], 400, '22P02', sub { $_[0]{message} eq 'invalid value for argument "page_size"' && $_[0]{details} =~ /"x"/ });
wrong('a value beyond its bounds', [ 'anon', 'GET', '/api/merchants?limit=101' ], 400, '22023');
wrong('a parameter that only a call by name has', [ 'admin', 'GET', "/api/merchants/$id{merchant_id}/analytics?suppress=false" ], 400, '22023');
wrong('a body with an unknown key', [ 'admin', 'POST', '/api/campaigns', { nam => 'x' } ], 400, '22023', sub { $_[0]{details} =~ /"nam"/ });
wrong('a body without what must be there', [ 'admin', 'POST', '/api/merchants', {} ], 400, '22023', sub { $_[0]{message} =~ /"name"/ });
wrong('no body', [ 'admin', 'POST', '/api/merchants' ], 400, '22023', sub { $_[0]{message} =~ /"name"/ });
wrong('an array where none can be', [ 'admin', 'POST', '/api/merchants', [ { name => 'x' } ] ], 400, '22023', sub { $_[0]{message} =~ /"body"/ });
wrong('a value of another type', [ 'backend', 'POST', '/api/transactions', { user_id => 'x', amount => 1 } ], 400, '22P02', sub { $_[0]{message} =~ /"user_id"/ });
wrong('a body that says another id than the path', [ 'admin', 'PUT', "/api/merchants/$id{merchant_id}", { merchant_id => $nobody, name => 'x' } ], 400, '22023', sub { $_[0]{message} =~ /"merchant_id"/ });
wrong('and a key of it', [ 'backend', 'POST', "/api/users/$id{user_id}/redeem", { user_id => $nobody, points => 1 } ], 400, '22023', sub { $_[0]{message} =~ /"user_id"/ });
wrong('a query that does', [ 'support', 'GET', "/api/users/$id{user_id}?user_id=$nobody" ], 400, '22023');
is(ask('support', 'GET', "/api/users/$id{user_id}?user_id=" . uc $id{user_id})->{status}, 200, 'the same in other letters is the same');
wrong('without a token', [ 'anon', 'GET', '/api/campaigns' ], 401, '42501', sub { $_[0]{headers}{'www-authenticate'} eq 'Bearer' && $_[0]{headers}{'cache-control'} eq 'no-store' });
wrong('before anything is said of the arguments', [ 'anon', 'POST', '/api/campaigns', { nam => 1 } ], 401, '42501');
wrong('without the role', [ 'support', 'POST', '/api/campaigns', { name => 'x' } ], 403, '42501', sub { !$_[0]{headers}{'www-authenticate'} });
wrong('another user', [ { sub => $nobody, role => 'swipesavvy_customer' }, 'GET', "/api/users/$id{user_id}" ], 403, '42501');
wrong('a duplicate', [ 'backend', 'POST', '/api/users', { email => 'ADA@example.com', name => 'x' } ], 409, '23505');
wrong('too few points', [ 'backend', 'POST', "/api/users/$id{user_id}/redeem", { points => 100000000 } ], 409, 'PT409');
is(ask('anon', 'GET', '/api/health', undef, Authorization => 'Bearer ' . Rest::token($secret, role => 'swipesavvy_customer', exp => time - 60))->{status}, 401, 'a token that has ended is the gateway\'s to refuse');

# forged headers: the proxy sets them itself, and whoever reaches the gateway chooses among what may be called anyway
my %forged = ('X-Original-Method' => 'GET', 'X-Original-URI' => '/api/health');
is(ask('anon', 'GET', '/api/campaigns', undef, %forged)->{status}, 401, 'what a client says of its route does not count');
my $direct = $behind->url('/rpc/');
sub direct { my ($method, $function, $headers, $content) = @_; return $http->request($method, $direct . $function, { headers => { 'Content-Type' => 'application/json', %$headers }, defined $content ? (content => $content) : () }) }
is(direct('GET', 'http_read', {})->{status}, 400, 'without the headers there is no route');
is(direct('GET', 'http_read', { 'X-Original-Method' => 'DELETE', 'X-Original-URI' => "/api/campaigns/$control" })->{status}, 405, 'a route that writes is not read');
is(direct('POST', 'http_write', { 'X-Original-Method' => 'GET', 'X-Original-URI' => '/api/health' }, '{}')->{status}, 405, 'nor the other way round');
is(direct('POST', 'http_write', { 'X-Original-Method' => 'DELETE', 'X-Original-URI' => "/api/campaigns/$control" }, '{}')->{status}, 401, 'and the function checks who calls');
is(direct('POST', 'http_write', { 'X-Original-Method' => 'GET;', 'X-Original-URI' => '/api/health' }, '{}')->{status}, 405, 'a method that is none');

# --- HEAD, ETag, caches -------------------------------------------------------------------------------------------------------

my $head = ask('anon', 'HEAD', '/api/merchants');
is("$head->{status} [" . ($proxy ? $head->{text} : '') . ']', '200 []', 'HEAD has no body');
like($head->{headers}{'cache-control'}, qr/^public, max-age=60$/, 'and the headers of GET');
for my $path ('/api/merchants?limit=3', '/api/merchants/categories', "/api/merchants/$id{merchant_id}/locations")
{
    my $first = ask('anon', 'GET', $path);
    like($first->{headers}{etag}, qr{^W/"[0-9a-f]{32}"$}, "$path has a weak tag");
    my $again = ask('anon', 'GET', $path, undef, 'If-None-Match' => $first->{headers}{etag});
    is("$again->{status} [$again->{text}] $again->{headers}{etag}", "304 [] $first->{headers}{etag}", 'with which it is 304');
    is(ask('anon', 'GET', $path, undef, 'If-None-Match' => 'W/"00000000000000000000000000000000"')->{status}, 200, 'and with another it is not');
}
my $before = ask('admin', 'GET', '/api/flags');
ask('admin', 'POST', '/api/flags', { key => 'late', name => 'Late' });
is(ask('admin', 'GET', '/api/flags', undef, 'If-None-Match' => $before->{headers}{etag})->{status}, 200, 'what has changed is sent again');
is(ask('admin', 'GET', '/api/flags/late')->{headers}{'vary'}, 'Authorization', 'and caches know that it depends on who asks');

# --- the workflows of the original --------------------------------------------------------------------------------------------

my $shop = ask('admin', 'POST', '/api/merchants', { name => 'Workflow', category => 'Restaurants & Cafes' })->{merchant_id};
my ($eve, $bob) = map { ask('backend', 'POST', '/api/users', { email => "$_\@example.com", name => ucfirst })->{user_id} } qw(eve bob);
my ($is_eve, $is_bob) = map { +{ sub => $_, role => 'swipesavvy_customer' } } $eve, $bob;

subtest campaign => sub {
    my $id = ask('admin', 'POST', '/api/campaigns', { name => 'Coffee week', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2026-01-01', budget => 100, target_merchant_id => $shop })->{campaign_id};
    is(ask($is_eve, 'GET', "/api/campaigns/$id")->{status}, 404, 'a draft is nothing to a customer');
    is(ask('admin', 'PUT', "/api/campaigns/$id", { name => 'Coffee month', budget => 200 })->{name}, 'Coffee month', 'changed');
    is(ask('admin', 'POST', "/api/campaigns/$id/pause")->{status}, 400, 'a draft is not paused');
    is(ask('admin', 'POST', "/api/campaigns/$id/launch")->{document}{status}, 'running', 'launched, without a body');
    is(ask('admin', 'POST', "/api/campaigns/$id/launch", {})->{status}, 400, 'not twice');
    is(ask($is_eve, 'GET', '/api/campaigns')->{campaigns}[0]{name}, 'Coffee month', 'customers see it');
    is(ask($is_eve, 'POST', '/api/events', { campaign_id => $id, kind => 'view' })->{status}, 201, 'and view it');
    my $bought = ask('backend', 'POST', '/api/transactions', { user_id => $eve, amount => 50, merchant_id => $shop });
    is_deeply([ map { [ $_->{campaign_id}, $_->{discount} + 0 ] } @{ $bought->{awards} } ], [ [ $id, 5 ] ], 'a purchase earns by it');
    is(ask('admin', 'GET', "/api/campaigns/$id")->{spent} + 0, 5, 'and it has spent that');
    is(ask('admin', 'PUT', "/api/campaigns/$id", { budget => 1 })->{status}, 409, 'below which its budget cannot be');
    is(ask('admin', 'POST', "/api/campaigns/$id/pause", {})->{metrics}{conversions_before_pause}, 1, 'paused');
    is((grep { $_->{campaign_id} eq $id } @{ ask('backend', 'POST', '/api/transactions', { user_id => $eve, amount => 50, merchant_id => $shop })->{awards} }), 0, 'then it gives nothing');
    is(ask('admin', 'DELETE', "/api/campaigns/$id")->{document}{status}, 'archived', 'archived');
    is(ask('admin', 'POST', "/api/campaigns/$id/launch", {})->{status}, 400, 'for good');
};

subtest user => sub {
    my $profile = ask($is_eve, 'GET', "/api/users/$eve");
    is("$profile->{total_transactions} " . ($profile->{lifetime_value} + 0), '2 100', 'the profile');
    my $card = ask($is_eve, 'POST', "/api/users/$eve/accounts", { type => 'card', last_four => '4242', issuer => 'Visa' })->{account_id};
    is(ask($is_eve, 'GET', "/api/users/$eve/accounts")->{accounts}[0]{account_id}, $card, 'a card is linked');
    ask('backend', 'POST', '/api/transactions', { user_id => $eve, amount => 20, account_id => $card });
    my $first = ask($is_eve, 'GET', "/api/users/$eve/transactions?limit=2");
    is("$first->{total} " . @{ $first->{transactions} }, '3 2', 'a page of purchases');
    is(scalar @{ ask($is_eve, 'GET', "/api/users/$eve/transactions?limit=2&after=$first->{next_cursor}")->{transactions} }, 1, 'and the next one');
    is(ask($is_eve, 'GET', "/api/users/$eve/analytics/spending?days=30&granularity=weekly")->{total_spent} + 0, 120, 'what was spent');
    cmp_ok(ask($is_eve, 'GET', "/api/users/$eve/rewards")->{points_balance}, '>', 0, 'and earned');
    for my $path ('', '/accounts', '/transactions', '/rewards', '/analytics/spending')
    {
        is(ask($is_bob, 'GET', "/api/users/$eve$path")->{status}, 403, "not another customer: $path");
        is(ask('anon', 'GET', "/api/users/$eve$path")->{status}, 401, "nor nobody: $path");
        is(ask('support', 'GET', "/api/users/$nobody$path")->{status}, $path =~ /spending/ ? 403 : 404, "nor of nobody: $path");
    }
};

subtest admin => sub {
    my $users = ask('support', 'GET', '/api/admin/users?search=EVE');
    is("$users->{total} $users->{users}[0]{user_id}", "1 $eve", 'a user is found');
    is(ask('analytics', 'GET', '/api/admin/users')->{status}, 403, 'not by analysts');
    my $refused = sub { scalar grep { $_->{resource_id} eq 'list_users' } @{ ask('admin', 'GET', '/api/admin/audit-logs?event_type=function.refuse&limit=500')->{logs} } };
    $node->safe_psql('app', 'SELECT swipesavvy.record_refused_attempts()');
    cmp_ok($refused->(), '>=', 1, 'and the refused attempt is in the audit log, under the name of the function');
    is(ask('support', 'POST', "/api/admin/users/$eve/reset-password", { send_email => JSON::PP::true })->{requires_change_on_next_login}, JSON::PP::true, 'a password is reset');
    is(ask('admin', 'POST', '/api/admin/settings', { max_transaction_amount => 100 })->{updated_settings}{max_transaction_amount} + 0, 100, 'a limit is set');
    is(ask('backend', 'POST', '/api/transactions', { user_id => $eve, amount => 101 })->{status}, 409, 'beyond which nobody buys');
    is(ask('admin', 'POST', '/api/admin/settings', { no_such => 1 })->{status}, 400, 'no such setting');
    ask('admin', 'POST', '/api/admin/settings', { max_transaction_amount => undef });
    $node->poll_query_until('app', 'SELECT extract(second FROM clock_timestamp()) < 40') or die;
    $node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"rate_limit_per_minute": 2}')});
    is_deeply([ map { ask($is_bob, 'GET', "/api/users/$bob")->{status} } 1 .. 2 ], [ 200, 200 ], 'two calls a minute');
    my $late = wrong('and not three', [ $is_bob, 'GET', "/api/users/$bob" ], 429, 'PT429', sub { $_[0]{headers}{'retry-after'} =~ /^\d+$/ });
    cmp_ok($late->{headers}{'retry-after'}, '<=', 60, 'until the next minute');
    $node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"rate_limit_per_minute": null, "maintenance_mode": true}')});
    wrong('maintenance', [ 'backend', 'POST', '/api/transactions', { user_id => $eve, amount => 1 } ], 503, 'PT503', sub { $_[0]{headers}{'retry-after'} == 60 });
    is(ask('anon', 'GET', '/api/health')->{status}, 200, 'but health answers');
    my $health = ask('admin', 'GET', '/api/admin/health');
    cmp_ok($health->{services}{api}{requests_per_second}, '>', 0, 'and says that there were calls');
    $node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"maintenance_mode": false}')});
};

# A refused call leaves nothing behind though its request commits, and counts as a call.
my $balance = ask('backend', 'GET', "/api/users/$eve/rewards");
my $rows = $node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.transactions');
is(ask('backend', 'POST', '/api/transactions', { user_id => $eve, amount => 10, account_id => $nobody })->{status}, 404, 'a purchase with an account that is not there');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.transactions'), $rows, 'is not there afterwards');
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'and the ledger adds up');

# --- through the other proxy --------------------------------------------------------------------------------------------------

SKIP:
{
    skip 'no Caddy', 5 unless $proxies{caddy} && $proxies{nginx};
    $proxy = $proxies{caddy};
    is(ask('anon', 'GET', '/api/merchants?search=corner&limit=1')->{limit}, 1, 'Caddy: GET');
    is(ask('backend', 'POST', '/api/transactions', { user_id => $eve, amount => 1 })->{status}, 201, 'Caddy: POST');
    is(ask('admin', 'DELETE', "/api/campaigns/$other")->{document}{status}, 'archived', 'Caddy: DELETE without a body');
    is(ask('anon', 'PUT', '/api/health', {}, %forged)->{headers}{allow}, 'GET, HEAD', 'Caddy: forged headers');
    is(ask('anon', 'HEAD', '/api/merchants')->{status}, 200, 'Caddy: HEAD');
}

done_testing();
