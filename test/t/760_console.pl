# The operators' page: that it is whole, small and strict, and, where there is Chromium, a day with it.
use strict;
use warnings;

use Digest::SHA qw(sha256_base64);
use HTTP::Tiny;
use JSON::PP;
use Parts;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Rest;
use SwipeSavvy qw(new_node create_extension json);
use Test::More;

my $secret = 'put 32 or more random characters here';
my $node = new_node('console', "shared_preload_libraries = 'swipesavvy'");
create_extension($node, 'app');
my ($roles) = slurp_file('doc/postgrest.md') =~ /^```sql\n(CREATE ROLE authenticator.*?)^```/ms or die 'the page makes no role';
$node->safe_psql('app', $roles . "SELECT swipesavvy.add_token_key('postgrest-1', '$secret')");
my $behind = Rest::serve($node, 'app', $secret);
my ($nginx) = slurp_file('doc/http.md') =~ /^```nginx\n(.*?)^```/ms or die 'the page has no configuration of nginx';
my $proxy = Parts::proxy('nginx', $nginx, $behind->port);

# --- the document ---------------------------------------------------------------------------------------------------------

my $page = $node->safe_psql('app', 'SET ROLE swipesavvy_anon; SELECT swipesavvy.console()');
cmp_ok(length $page, '<', 300_000, 'the page is small: ' . length($page) . ' bytes');
cmp_ok(length $page, '>', 50_000, 'and there');
unlike($page, qr/[^\x20-\x7e\n]/, 'it is the same in every encoding');
like($page, qr{\A<!doctype html>\n<html lang="en">.*</html>\z}s, 'it is one document');
my @style = $page =~ m{<style>(.*?)</style>}gs;
my @script = $page =~ m{<script type="module">(.*?)</script>}gs;
is(scalar(@style) . ' ' . scalar(() = $page =~ /<style/g), '1 1', 'with one style');
is(scalar(@script) . ' ' . scalar(() = $page =~ /<script/g), '1 1', 'and one script');
my $frame = $page =~ s{<(style|script)[^>]*>.*?</\1>}{}gsr;
unlike($frame, qr/\s(?:on\w+|style)\s*=/i, 'no handler and no style stands in the document itself');
is_deeply([ grep { !m{^http://www\.w3\.org/2000/svg$} } $page =~ m{(\w+://[^\s'"`)]+)}g ], [], 'nothing names another host');
unlike($script[0], qr/\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function)\b/, 'and no text becomes markup or code');

# every element that begins ends, in its order
sub open_elements
{
    my ($html) = @_;
    my @open;
    while ($html =~ m{<(/?)([a-z][a-z0-9]*)\b[^>]*>}g)
    {
        my ($ends, $name) = ($1, $2);
        next if $name =~ /^(?:meta|link|br|img|input)$/;
        if (!$ends) { push @open, $name }
        elsif (!@open || pop @open ne $name) { return "</$name> ends nothing" }
    }
    return "@open";
}
is(open_elements($frame), '', 'every element ends');
is(open_elements('<p><b></p>'), '</p> ends nothing', 'where one did not, this would say so');

# --- its headers ----------------------------------------------------------------------------------------------------------

my $http = HTTP::Tiny->new(timeout => 60);
sub ask
{
    my ($method, %headers) = @_;
    return $http->request($method, $proxy->url('/console'), { headers => \%headers }) if $proxy;
    return $http->request($method, $behind->url('/rpc/http_read'), { headers => { %headers, 'X-Original-Method' => $method, 'X-Original-URI' => '/console' } });
}
note('skipped: no nginx') unless $proxy;
my $answer = ask('GET');
is($answer->{status}, 200, 'everybody gets it');
is($answer->{content}, $page, 'as the function gives it');
my %header = %{ $answer->{headers} };
is($header{'content-type'}, 'text/html; charset=utf-8', 'as HTML');
my ($style, $script) = map { 'sha256-' . sha256_base64($_) . '=' } $style[0], $script[0];
is($header{'content-security-policy'}, "default-src 'none'; connect-src 'self'; script-src '$script'; style-src '$style'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'a browser runs and shows these two blocks alone');
is("$header{'x-content-type-options'} $header{'referrer-policy'} $header{'cache-control'}", 'nosniff no-referrer no-cache', 'and is told the rest');
my $again = ask('GET', 'If-None-Match' => $header{etag});
is("$again->{status} [$again->{content}]", '304 []', 'once a browser has it, it is not sent again');
is(ask('HEAD')->{status}, 200, 'HEAD');
is($http->request('GET', $behind->url('/rpc/console'))->{headers}{'content-security-policy'}, $header{'content-security-policy'}, 'a call by name has the same policy');
$node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"maintenance_mode": true}')});
is(ask('GET')->{status}, 200, 'under maintenance it is there, for whoever ends that');
$node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"maintenance_mode": false}')});
my $latin1 = 'latin1';
$node->safe_psql('postgres', "CREATE DATABASE $latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$node->safe_psql($latin1, 'CREATE EXTENSION swipesavvy CASCADE');
is($node->safe_psql($latin1, 'SELECT swipesavvy.console()'), $page, 'a database of another encoding has the same');

# Each function that the script calls by name is there, with those arguments' names.
my %there = map { $_ => 1 } split /\n/, $node->safe_psql('app', q{SELECT proname FROM pg_proc WHERE pronamespace = 'swipesavvy'::regnamespace});
my @called = $script[0] =~ /\brpc\('(\w+)'/g;
cmp_ok(scalar @called, '>', 30, 'functions are called by name');
is_deeply([ grep { !$there{$_} } @called ], [], 'and all of them are there');

# --- a browser ------------------------------------------------------------------------------------------------------------

my $chromium = Parts::find('chromium') // Parts::find('chromium-browser');
my $js = Parts::find('node');
my ($modules) = grep { -d "$_/playwright-core" && -d "$_/axe-core" } map { "$_/console/node_modules" } grep { defined } $ENV{SWIPESAVVY_PARTS}, map { "$_/.." } split /:/, $ENV{PATH};
SKIP:
{
    my $missing = !$chromium ? 'Chromium' : !$js ? 'node' : !$modules ? 'playwright-core and axe-core' : !$proxy ? 'nginx' : undef;
    skip "skipped: no $missing", 1 if $missing;
    $node->safe_psql('app', <<'SQL');
SET search_path = swipesavvy;
SELECT create_user(r || '@example.com', initcap(r), 'correct horse battery', role => CASE r WHEN 'root' THEN 'admin' ELSE r END) FROM unnest('{root,support,analytics,customer}'::text[]) r;
SELECT create_user('celine@example.com', 'Céline Dupont', user_id => '00000000-0000-7000-8000-000000000ce1');
SELECT create_user('u' || g || '@example.com', 'User ' || g) FROM generate_series(1, 40) g;
SELECT create_merchant('Corner Coffee', 'Restaurants & Cafes', merchant_id => '00000000-0000-7000-8000-00000000cafe');
SELECT add_merchant_location('00000000-0000-7000-8000-00000000cafe', 52.5163, 13.3777, 'At the gate', city => 'Berlin'), add_merchant_location('00000000-0000-7000-8000-00000000cafe', 52.53, 13.40, 'Uphill');
SELECT set_partnership('00000000-0000-7000-8000-00000000cafe', 'premium', 3.5);
SELECT create_segment('founders', 'bought in the first week');
SELECT create_campaign('Spring', 'SEASONAL', 10, 'PERCENTAGE', start_date => '2026-01-01', budget => 100, campaign_id => 'SPRING');
SELECT create_campaign(id, 'FLASH_SALE', 5, 'PERCENTAGE', start_date => '2026-01-01', campaign_id => id) FROM unnest('{ONE,OTHER}'::text[]) id;
SELECT launch_campaign('SPRING');
SELECT create_ab_test('Five or ten', 'ONE', '{OTHER}', test_id => '00000000-0000-7000-8000-0000000000e5');
SELECT start_ab_test('00000000-0000-7000-8000-0000000000e5');
SELECT create_flag('new_home', 'New home screen');
SELECT rebuild_analytics();
SELECT record_transaction('00000000-0000-7000-8000-000000000ce1', 10 * g, merchant_id => '00000000-0000-7000-8000-00000000cafe') FROM generate_series(1, 3) g;
SELECT record_transaction(user_id, 5 + right(name, 1)::int, merchant_id => '00000000-0000-7000-8000-00000000cafe') FROM users WHERE name LIKE 'User %';
SELECT rate_merchant('00000000-0000-7000-8000-000000000ce1', '00000000-0000-7000-8000-00000000cafe', 5, 'Good coffee');
SELECT refresh_campaign_segments(), refresh_customer_analytics(), refresh_ab_tests(), refresh_merchant_analytics();
SELECT set_health_threshold('disk_percent', warning => 10, samples => 1), record_health('{"disk_percent": 62.5, "cpu_percent": 31, "memory_percent": 47}');
SELECT set_sink_secret('crm-key', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), create_sink('crm', 'webhook', 'https://crm.example.com/hooks/rewards', 'crm-key');
SELECT seal_audit_log();
SQL
    my $directory = $ENV{SWIPESAVVY_SCREENSHOTS} // ''; # somewhere to write pictures to, for whoever changes the page
    local $ENV{HOME} = PostgreSQL::Test::Utils::tempdir();
    open my $browser, '-|', $js, 'test/t/lib/console_page.js', $modules, $chromium, $proxy->url('/console'), $directory or die $!;
    while (my $line = <$browser>)
    {
        my $said = eval { decode_json($line) } // { ok => 0, name => $line };
        ok($said->{ok}, $said->{name}) or diag(($said->{note} // '') =~ s/[^\x20-\x7e\n]/?/gr);
    }
    close $browser;
    is($?, 0, 'the browser went through all of it');
    is($node->safe_psql('app', q{SELECT (c ->> 'status') || ' ' || (c ->> 'budget') FROM swipesavvy.get_campaign('AUTUMN') c}), 'running 500.00', 'what was created and launched is in the database');
    is($node->safe_psql('app', q{SELECT f ->> 'enabled' || ' ' || (f ->> 'rollout_percentage') FROM swipesavvy.get_flag('new_home') f}), 'true 25.00', 'so is the flag');
    is($node->safe_psql('app', q{SELECT a #>> '{alerts,0,note}' FROM swipesavvy.list_alerts() a}), 'a disk is on its way', 'and the note');
}
done_testing();
