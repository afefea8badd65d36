# openapi(): the document is one of OpenAPI 3.1 and has exactly the routes; every example, sent, gets the answer that stands beside it; every
# answer of a rich world fits its schema, and every key of every schema has been seen; words and bounds are those that the functions name
# when they refuse; errors come where they are announced.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use JSON::PP qw(decode_json);
use JsonSchema;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use Test::More;
use Time::HiRes qw(time);

my ($ada, $eve, $bob, $cafe) = map { "00000000-0000-7000-8000-00000000$_" } qw(0ada 0e7e 0b0b cafe);
my $writer = JSON::PP->new->canonical->allow_nonref;
my $node = new_node('openapi', "shared_preload_libraries = 'swipesavvy'");
create_extension($node, 'app');
$node->safe_psql('app', q{
    CREATE ROLE authenticator LOGIN NOINHERIT IN ROLE swipesavvy_anon, swipesavvy_customer, swipesavvy_support, swipesavvy_analytics, swipesavvy_backend, swipesavvy_admin;
    ALTER ROLE authenticator SET swipesavvy.trusted_gateways = 'authenticator';
});

# A request as PostgREST makes it of what the proxy hands on, in a session of its own: status, headers, body.
sub ask
{
    my ($who, $method, $uri, $body) = @_;
    my ($role, $user) = ref $who ? @$who : $who;
    my $claims = defined $user ? qq({"sub": "$user"}) : '';
    my $headers = $writer->encode({ 'x-original-method' => $method, 'x-original-uri' => $uri }) =~ s/'/''/gr;
    my $reads = $method eq 'GET';
    my $call = $reads ? 'http_read()' : defined $body ? "http_write(\$body\$$body\$body\$)" : 'http_write()';
    my ($out, $err) = ('', '');
    $node->psql('app', sprintf(q{BEGIN %s; SET LOCAL ROLE swipesavvy_%s; SET LOCAL request.jwt.claims = '%s'; SET LOCAL request.method = '%s'; SET LOCAL request.headers = '%s';
            SELECT swipesavvy.%s; SELECT chr(30), current_setting('response.status', true), chr(30), current_setting('response.headers', true); COMMIT;},
            $reads ? 'READ ONLY' : 'READ WRITE', $role, $claims, $reads ? 'GET' : 'POST', $headers, $call),
        stdout => \$out, stderr => \$err, on_error_stop => 1, extra_params => [ '-U', 'authenticator', '-F', '' ]);
    return { status => 500, body => $err } if $err ne '';
    my ($text, $status, $sent) = split /\n?\x1e/, $out;
    return { status => $status || 200, headers => { map { %$_ } @{ decode_json($sent || '[]') } }, body => $text };
}

my $begun = time;
my $text = $node->safe_psql('app', 'SELECT swipesavvy.openapi()');
my $document = decode_json($text);
my $schemas = JsonSchema->new($document);
note sprintf 'openapi(): %d bytes, %.1f ms', length $text, 1000 * (time - $begun);
my $milliseconds = $node->safe_psql('app', q{
    CREATE TEMP TABLE took AS SELECT clock_timestamp() AS begun; DO 'BEGIN FOR i IN 1..5 LOOP PERFORM swipesavvy.openapi(); END LOOP; END';
    SELECT round(extract(epoch FROM clock_timestamp() - begun)::numeric * 200, 1) FROM took});
note "a call takes $milliseconds ms";
cmp_ok($milliseconds, '<', 500, 'it is made in no time');

# --- the document itself -------------------------------------------------------------------------

# A page and this document, which are no examples of themselves.
my %is_shown = ('GET /api/openapi.json' => 1, 'GET /console' => 1);
my %operation;
for my $path (keys %{ $document->{paths} })
{
    $operation{"\U$_\E $path"} = $document->{paths}{$path}{$_} for grep { !/^x-/ } keys %{ $document->{paths}{$path} };
}
my $routes = decode_json($node->safe_psql('app', 'SELECT swipesavvy.list_routes()'))->{routes};
my %route = map { ("$_->{method} $_->{path}" => $_) } @$routes;
is_deeply([ sort keys %operation ], [ sort keys %route ], 'it has exactly the routes');

# A reference to anything that is there, and every part that is there referred to.
sub references { my ($at) = @_; return ref $at eq 'ARRAY' ? map { references($_) } @$at : ref $at eq 'HASH' ? map { $_ eq '$ref' ? $at->{$_} : references($at->{$_}) } sort keys %$at : () }
my %referred = map { $_ => 1 } references($document);
my @there = map { my $kind = $_; map { "#/components/$kind/$_" } keys %{ $document->{components}{$kind} } } grep { $_ ne 'securitySchemes' } keys %{ $document->{components} };
is_deeply([ sort keys %referred ], [ sort @there ], 'what is referred to is there, and what is there is referred to');

subtest structure => sub {
    is($document->{openapi}, '3.1.0', 'OpenAPI 3.1');
    is($document->{info}{version}, $node->safe_psql('app', q{SELECT extversion FROM pg_extension WHERE extname = 'swipesavvy'}), 'of this release');
    my (%ids, %used);
    my %tag = map { $_->{name} => 1 } @{ $document->{tags} };
    for my $name (sort keys %operation)
    {
        my ($o, $r) = ($operation{$name}, $route{$name});
        my %parameter = map { ("$_->{in} $_->{name}" => $_) } map { $schemas->resolve($_) } @{ $o->{parameters} };
        my %wanted = map { ("$_->{in} $_->{name}" => $_) } @{ $r->{arguments} };
        my $content = $o->{requestBody}{content}{'application/json'}{schema};
        my ($keys) = grep { defined && ($_->{properties}) } $content, @{ $content->{oneOf} // [] };
        my ($whole) = grep { $_->{whole_body} } @{ $r->{arguments} };
        my @faults;
        push @faults, 'its id is used' if $ids{ $o->{operationId} }++;
        push @faults, 'it has no summary' if !$o->{summary};
        push @faults, 'its tag is not known' if grep { $used{$_}++; !$tag{$_} } @{ $o->{tags} };
        push @faults, 'its path has other names' if join(' ', sort $name =~ /\{(\w+)\}/g) ne join(' ', sort map { /^path (.*)/ } keys %parameter);
        push @faults, 'its parameters are others' if join(' ', sort grep { !/^header/ } keys %parameter) ne join(' ', sort grep { !/^body/ } keys %wanted);
        push @faults, "$_ is wrongly required or not" for grep { $wanted{$_} && !!$parameter{$_}{required} != !!$wanted{$_}{required} } keys %parameter;
        push @faults, 'its body has other keys' if !$whole && join(' ', sort map { /^body (.*)/ } keys %wanted) ne join(' ', sort keys %{ $keys->{properties} // {} });
        push @faults, 'other keys of its body are required' if !$whole && join(' ', sort map { $_->{name} } grep { $_->{in} eq 'body' && $_->{required} } @{ $r->{arguments} }) ne join(' ', sort @{ $keys->{required} // [] });
        for my $argument (grep { defined $_->{default} } @{ $r->{arguments} })
        {
            my $schema = $argument->{in} eq 'body' ? $keys->{properties}{ $argument->{name} } : $parameter{"$argument->{in} $argument->{name}"}{schema} // $parameter{"$argument->{in} $argument->{name}"}{content}{'application/json'}{schema};
            push @faults, "$argument->{name} has another default" if $writer->encode($schema->{default}) ne $writer->encode($argument->{default});
            push @faults, $schemas->faults($schema, $schema->{default}, "default of $argument->{name}");
        }
        push @faults, map { $schemas->faults($_->{schema}, $_->{example}, "example of $_->{name}") } grep { exists $_->{example} && $_->{schema} } values %parameter;
        push @faults, 'its success is another' if !$o->{responses}{ $r->{status} };
        push @faults, 'other roles may call' if "@{ $o->{'x-roles'} }" ne "@{ $r->{roles} }";
        my $for_all = grep { $_ eq 'swipesavvy_anon' } @{ $r->{roles} };
        push @faults, 'whether a token is needed is wrong' if !!$for_all != !!(grep { !%$_ } @{ $o->{security} });
        push @faults, 'it has no example' if !keys_of_example($o) && !$is_shown{$name};
        is_deeply(\@faults, [], $name);
    }
    is_deeply([ sort keys %used ], [ sort keys %tag ], 'every tag is used');
};

sub success { my ($o) = @_; my ($status) = grep { /^2/ } sort keys %{ $o->{responses} }; return ($status, $o->{responses}{$status}) }
sub keys_of_example { my ($o) = @_; my (undef, $answer) = success($o); return grep { exists $_->{example} } values %{ $answer->{content} } }

# --- a world, and the documented requests in it -------------------------------------------------------

# Setup in SQL; a documented request, as whom; or as whom and a request that only has to fit its schema.
my @story = (
    qq{SELECT swipesavvy.create_user('root\@example.com', 'Root', role => 'admin', user_id => '00000000-0000-7000-8000-0000000000aa')},
    [ 'backend', 'POST /api/users' ],
    qq{SELECT swipesavvy.create_user('eve\@example.com', 'Eve', 'correct horse battery', user_id => '$eve')},
    [ [ customer => $ada ], 'GET /api/users/{user_id}' ],
    [ [ customer => $ada ], 'POST /api/users/{user_id}/accounts' ],
    [ [ customer => $ada ], 'GET /api/users/{user_id}/accounts' ],
    [ 'support', 'GET /api/admin/users' ],
    [ 'anon', 'POST /api/auth/sign-in' ],
    [ 'anon', 'POST /api/auth/refresh' ],
    [ 'anon', 'POST /api/auth/sign-out' ],
    [ [ customer => $eve ], 'POST /api/auth/change-password' ],
    [ 'support', 'POST /api/admin/users/{user_id}/reset-password' ],
    [ 'admin', 'POST /api/merchants' ],
    [ 'admin', 'PUT /api/merchants/{merchant_id}' ],
    [ 'admin', 'POST /api/merchants/{merchant_id}/locations' ],
    [ 'anon', 'GET /api/merchants/{merchant_id}/locations' ],
    [ 'admin', 'POST /api/merchants/{merchant_id}/offers' ],
    [ 'anon', 'GET /api/merchants/{merchant_id}/offers' ],
    [ 'anon', 'GET /api/merchants' ],
    [ 'anon', 'GET /api/merchants/categories' ],
    [ 'anon', 'GET /api/merchants/nearby' ],
    [ 'anon', 'GET /api/merchants/{merchant_id}' ],
    [ 'admin', 'POST /api/geofences' ],
    [ [ customer => $ada ], 'GET /api/geofences' ],
    [ 'admin', 'PUT /api/geofences/{geofence_id}' ],
    qq{SELECT swipesavvy.set_location_consent('$ada', true)},
    [ [ customer => $ada ], 'POST /api/locations/report' ],
    [ 'admin', 'DELETE /api/geofences/{geofence_id}' ],
    [ 'admin', 'PUT /api/merchants/{merchant_id}/partnership' ],
    [ 'admin', 'GET /api/merchants/{merchant_id}/partnership' ],
    [ 'admin', 'POST /api/campaigns' ],
    [ 'admin', 'POST /api/campaigns/{campaign_id}/launch' ],
    [ 'admin', 'GET /api/campaigns/{campaign_id}' ],
    [ 'admin', 'GET /api/campaigns' ],
    [ 'admin', 'PUT /api/campaigns/{campaign_id}' ],
    [ 'admin', 'POST /api/campaigns/{campaign_id}/pause' ],
    qq{SELECT swipesavvy.launch_campaign('CAMP-TEN'), swipesavvy.create_campaign('A mistake', 'FLASH_SALE', offer_type => 'BOGO', start_date => now(), campaign_id => 'CAMP-OOPS')},
    [ 'admin', 'DELETE /api/campaigns/{campaign_id}' ],
    [ 'backend', 'POST /api/events' ],
    [ 'backend', 'POST /api/transactions' ],
    [ 'backend', 'POST /api/transactions/batch' ],
    qq{SELECT swipesavvy.record_transaction('$ada', 8, status => 'pending', occurred_at => '2026-06-03 12:00+00', transaction_id => '00000000-0000-7000-8000-00000000000a'), swipesavvy.record_transaction('$ada', 9, status => 'pending', occurred_at => '2026-06-03 12:00+00', transaction_id => '00000000-0000-7000-8000-00000000000b')},
    [ 'backend', 'POST /api/transactions/{transaction_id}/settle' ],
    [ 'backend', 'POST /api/transactions/{transaction_id}/decline' ],
    [ 'backend', 'POST /api/transactions/{transaction_id}/refund' ],
    [ 'support', 'GET /api/transactions/{transaction_id}/explain' ],
    [ [ customer => $ada ], 'POST /api/merchants/{merchant_id}/rating' ],
    qq{SELECT m FROM swipesavvy.list_reviews_to_moderate() l, swipesavvy.moderate_review((l #>> '{reviews,0,review_id}')::uuid, 'approved') m},
    [ 'anon', 'GET /api/merchants/{merchant_id}/reviews' ],
    qq{SELECT swipesavvy.adjust_points('$ada', 100, 'Welcome back', 'welcome-1'), swipesavvy.create_reward('Mug', 30, stock => 100, reward_id => '00000000-0000-7000-8000-0000000000e1'), swipesavvy.create_charity('Trees', charity_id => '00000000-0000-7000-8000-0000000000c1'), swipesavvy.create_boost('Double coffee', 2, 'Restaurants & Cafes', boost_id => '00000000-0000-7000-8000-00000000b005')},
    [ [ customer => $ada ], 'GET /api/rewards' ],
    [ [ customer => $ada ], 'GET /api/charities' ],
    [ [ customer => $ada ], 'POST /api/users/{user_id}/redeem' ],
    [ [ customer => $ada ], 'POST /api/users/{user_id}/donate' ],
    [ [ customer => $ada ], 'GET /api/users/{user_id}/points' ],
    [ [ customer => $ada ], 'GET /api/boosts' ],
    [ [ customer => $ada ], 'POST /api/users/{user_id}/boosts/{boost_id}' ],
    [ [ customer => $ada ], 'GET /api/users/{user_id}/rewards' ],
    [ [ customer => $ada ], 'DELETE /api/users/{user_id}/boosts/{boost_id}' ],
    [ [ customer => $ada ], 'GET /api/tiers' ],
    [ [ customer => $ada ], 'GET /api/users/{user_id}/transactions' ],
    [ [ customer => $ada ], 'GET /api/users/{user_id}/analytics/spending' ],
    qq{SELECT swipesavvy.refresh_leaderboards(), swipesavvy.create_segment('founders', 'bought in the first week'), swipesavvy.add_segment_members('founders', ARRAY['$ada']::uuid[]), swipesavvy.rebuild_analytics()},
    [ [ customer => $ada ], 'GET /api/leaderboard' ],
    [ 'analytics', 'GET /api/analytics/segments' ],
    [ 'analytics', 'GET /api/analytics/campaigns/{campaign_id}/metrics' ],
    [ 'analytics', 'GET /api/analytics/campaigns/{campaign_id}/daily' ],
    qq{SELECT swipesavvy.refresh_campaign_segments('CAMP-TEN')},
    [ 'analytics', 'GET /api/analytics/campaigns/{campaign_id}/segment' ],
    [ 'analytics', 'POST /api/analytics/custom-report' ],
    [ 'analytics', 'GET /api/analytics/export' ],
    [ 'analytics', 'GET /api/merchants/{merchant_id}/analytics' ],
    [ 'admin', 'POST /api/flags' ],
    [ 'admin', 'GET /api/flags/{flag_key}' ],
    [ 'admin', 'PUT /api/flags/{flag_key}' ],
    [ 'admin', 'GET /api/flags' ],
    [ [ customer => $ada ], 'POST /api/flags/{flag_key}/evaluate' ],
    [ 'admin', 'GET /api/flags/{flag_key}/analytics' ],
    [ 'admin', 'GET /api/flags/{flag_key}/audit' ],
    [ 'admin', 'POST /api/flags/{flag_key}/audit' ],
    [ 'admin', 'DELETE /api/flags/{flag_key}' ],
    qq{SELECT swipesavvy.create_campaign('Half price cake', 'SEASONAL', 50, 'PERCENTAGE', start_date => '2026-01-01', campaign_id => 'CAMP-CAKE'), swipesavvy.create_campaign('Old offer', 'SEASONAL', 5, 'PERCENTAGE', start_date => '2026-01-01', campaign_id => 'CAMP-OLD')},
    [ 'admin', 'POST /api/ab-tests' ],
    qq{SELECT swipesavvy.start_ab_test('00000000-0000-7000-8000-0000000000ab')},
    [ [ customer => $ada ], 'POST /api/ab-tests/{test_id}/assignments' ],
    [ 'analytics', 'GET /api/ab-tests' ],
    [ 'analytics', 'GET /api/ab-tests/{test_id}' ],
    qq{SELECT swipesavvy.refresh_ab_tests('00000000-0000-7000-8000-0000000000ab')},
    [ 'analytics', 'GET /api/ab-tests/{test_id}/results' ],
    qq{SELECT swipesavvy.end_ab_test('00000000-0000-7000-8000-0000000000ab')},
    [ 'admin', 'DELETE /api/ab-tests/{test_id}' ],
    qq{SELECT swipesavvy.create_user('bob\@example.com', 'Bob', user_id => '$bob')},
    [ 'admin', 'POST /api/ml/train' ],
    qq{INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, train_examples, train_positives, platt_a, platt_b, threshold) VALUES ('churn', 2, 'active', '2026-06-01', 1, 200, 100, -1, 0.1, 0.5)},
    qq{INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, mean, deviation, weight) SELECT 'churn', 2, p, 'f' || p, CASE WHEN p > 0 THEN 1 END, CASE WHEN p > 0 THEN 2 END, sin(p + 5) / 3 FROM generate_series(0, 14) p},
    qq{SELECT swipesavvy.record_transaction('$bob', 10, merchant_id => '$cafe', occurred_at => date_trunc('day', now()) - make_interval(days => g * 7, hours => 12)) FROM generate_series(1, 3) g},
    [ 'analytics', 'POST /api/ml/predict' ],
    [ [ customer => $bob ], 'GET /api/ml/affinity/{user_id}' ],
    [ [ customer => $bob ], 'GET /api/ml/send-times/{user_id}' ],
    qq{INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed) VALUES ('affinity', 1, 'active', '2026-06-01', 1)},
    qq{SELECT swipesavvy.create_merchant('Bakery', 'Grocery & Food', '5462', merchant_id => '00000000-0000-7000-8000-00000000ba4e')},
    qq{INSERT INTO swipesavvy.ml_popularity (version, category_no, merchant_id, users, share) SELECT 1, category_no, '00000000-0000-7000-8000-00000000ba4e', 5, 0.5 FROM swipesavvy.merchant_categories WHERE category = 'Grocery & Food'},
    [ [ customer => $bob ], 'GET /api/ml/recommendations/{user_id}' ],
    [ [ customer => $bob ], 'POST /api/ml/feedback' ],
    [ 'analytics', 'GET /api/ml/models' ],
    [ 'analytics', 'GET /api/ml/performance' ],
    [ 'admin', 'GET /api/admin/audit-logs' ],
    [ 'admin', 'GET /api/admin/health' ],
    [ 'admin', 'POST /api/admin/settings' ],
    [ 'anon', 'GET /api/health' ],
    [ 'anon', 'GET /api/openapi.json' ],
    qq{SELECT swipesavvy.create_merchant('Gone', 'Services', merchant_id => '00000000-0000-7000-8000-00000000d1e5')},
    [ 'admin', 'DELETE /api/merchants/{merchant_id}' ],

    # --- what the examples have not shown
    qq{SELECT swipesavvy.update_system_settings('{"daily_spending_limit": null}'), swipesavvy.create_campaign('Both', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'CAMP-BOTH', stackable => true, budget => 5, target_merchant_id => '$cafe')},
    qq{SELECT swipesavvy.launch_campaign('CAMP-BOTH')},
    [ [ customer => $ada ], 'GET', '/api/campaigns' ],
    [ [ customer => $ada ], 'GET', '/api/campaigns/CAMP-BOTH' ],
    [ 'backend', 'POST', '/api/events', '[{"campaign_id": "CAMP-TEN", "kind": "view"}, {"campaign_id": "CAMP-TEN", "kind": "glance"}]' ],
    [ 'backend', 'POST', '/api/transactions/batch', qq{[{"user_id": "$ada", "amount": 3, "merchant_id": "$cafe"}]} ],
    qq{SELECT swipesavvy.record_transaction('$ada', 30, status => 'pending', merchant_id => '$cafe', transaction_id => '00000000-0000-7000-8000-00000000000c')},
    [ 'backend', 'POST', '/api/transactions/00000000-0000-7000-8000-00000000000c/settle', '{"amount": 40}' ],
    [ [ customer => $ada ], 'GET', '/api/transactions/00000000-0000-7000-8000-00000000000c/explain' ],
    [ [ customer => $ada ], 'GET', "/api/users/$ada/transactions" ],
    [ [ customer => $ada ], 'GET', "/api/users/$ada/points?limit=100" ],
    [ [ customer => $ada ], 'GET', "/api/users/$ada/analytics/spending?days=365&granularity=monthly" ],
    [ 'support', 'GET', "/api/users/$ada/rewards" ],
    qq{SELECT swipesavvy.add_merchant_location('$cafe', 52.4, 13.3, timezone => 'Europe/Berlin', hours => '{"mon": [], "tue": [["09:00", "18:00"]], "wed": [], "thu": [], "fri": [], "sat": [], "sun": [], "exceptions": {"2026-12-24": []}}')},
    [ 'anon', 'GET', "/api/merchants/$cafe/locations" ],
    qq{SELECT swipesavvy.add_merchant_offer('$cafe', 'Off one', campaign_id => 'CAMP-BOTH')},
    [ [ customer => $ada ], 'GET', "/api/merchants/$cafe/offers" ],
    [ 'admin', 'POST', '/api/geofences', qq{{"name": "Block", "merchant_id": "$cafe", "campaign_id": "CAMP-BOTH", "dwell_seconds": 0, "polygon": {"type": "Polygon", "coordinates": [[[13.2, 52.3], [13.4, 52.3], [13.4, 52.5], [13.2, 52.5], [13.2, 52.3]]]}}} ],
    [ 'backend', 'GET', '/api/geofences' ],
    qq{SELECT swipesavvy.set_location_consent('$bob', true)},
    [ [ customer => $bob ], 'POST', '/api/locations/report', qq{{"user_id": "$bob", "latitude": 52.4, "longitude": 13.3, "accuracy_meters": 5}} ],
    [ [ customer => $bob ], 'POST', '/api/locations/report', qq{{"user_id": "$bob", "latitude": 52.4, "longitude": 13.3, "accuracy_meters": 5000}} ],
    qq{SELECT swipesavvy.update_system_settings('{"privacy_threshold": 1}'), swipesavvy.refresh_merchant_analytics()},
    [ 'analytics', 'GET', "/api/merchants/$cafe/analytics" ],
    qq{SELECT swipesavvy.update_campaign('CAMP-BOTH', '{"target_merchant_id": null}')},
    q{UPDATE swipesavvy.campaigns SET currency = 'EUR' WHERE campaign_id = 'CAMP-BOTH'},
    [ 'analytics', 'GET', '/api/analytics/campaigns/CAMP-BOTH/metrics' ],
    [ 'analytics', 'GET', '/api/analytics/campaigns/CAMP-BOTH/daily' ],
    [ 'analytics', 'POST', '/api/analytics/custom-report', '{"source": "campaigns", "measures": ["revenue"], "dimensions": ["day", "currency"], "start_date": "2026-06-01", "end_date": "2026-06-30", "totals": true}' ],
    [ 'analytics', 'GET', '/api/analytics/export?dataset=rfm&format=json' ],
    # a flag with an experiment, a plan and a test
    [ 'admin', 'POST', '/api/flags', '{"key": "button", "name": "Button", "value_type": "string", "default_value": "grey", "value": "grey", "enabled": true, "audience": "public", "rules": [{"id": "try", "key": "try", "variations": ["red", "blue"], "weights": [0.5, 0.5], "coverage": 1, "hashVersion": 2, "hashAttribute": "id", "seed": "try", "meta": [{"key": "r"}, {"key": "b"}]}]}' ],
    [ [ customer => $ada ], 'POST', '/api/flags/button/evaluate', qq{{"user_id": "$ada"}} ],
    qq{SELECT swipesavvy.schedule_flag('button', now() + interval '1 day', percentage => 50, until => now() + interval '2 days')},
    qq{SELECT swipesavvy.create_flag_test('Colours', 'button', '["grey", "green"]', test_id => '00000000-0000-7000-8000-0000000000ac', condition => '{"tier": "gold"}', namespace => '["n", 0, 0.5]')},
    [ 'admin', 'GET', '/api/flags/button' ],
    qq{SELECT swipesavvy.start_ab_test('00000000-0000-7000-8000-0000000000ac')},
    qq{SELECT swipesavvy.pause_ab_test('00000000-0000-7000-8000-0000000000ac')},
    [ 'analytics', 'GET', '/api/ab-tests/00000000-0000-7000-8000-0000000000ac' ],
    [ 'analytics', 'GET', '/api/ab-tests' ],
    # a test with figures that were put in by hand
    qq{SELECT swipesavvy.create_campaign('Left', 'SEASONAL', 5, 'PERCENTAGE', '2026-01-01', campaign_id => 'CAMP-L'), swipesavvy.create_campaign('Right', 'SEASONAL', 6, 'PERCENTAGE', '2026-01-01', campaign_id => 'CAMP-R')},
    qq{SELECT swipesavvy.create_ab_test('By hand', 'CAMP-L', '{CAMP-R}', test_id => '00000000-0000-7000-8000-0000000000ad', covariate_days => 0), swipesavvy.start_ab_test('00000000-0000-7000-8000-0000000000ad')},
    q{UPDATE swipesavvy.ab_tests SET started_at = now() - interval '30 days' WHERE test_name = 'By hand'},
    q{INSERT INTO swipesavvy.ab_test_sums (test_no, day, metric, group_no, as_of, n, s, q) SELECT test_no, '2026-06-01', m, g, now(), 1200 - 20 * g, 180 + 32 * g, 180 + 32 * g FROM swipesavvy.ab_tests, unnest('{conversion,buyers,orders}'::text[]) m, generate_series(0, 1) g WHERE test_name = 'By hand'},
    [ 'analytics', 'GET', '/api/ab-tests/00000000-0000-7000-8000-0000000000ad/results?format=svg' ],
    # models that were made by hand
    q{INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, train_examples, train_positives, platt_a, platt_b, threshold) VALUES ('conversion', 1, 'active', now(), 1, 200, 100, -1, 0.2, 0.4), ('offer', 1, 'active', now(), 1, 200, 100, -1, 0.2, 0.4)},
    q{INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, mean, deviation, weight) SELECT m, 1, p, 'f' || p, CASE WHEN p > 0 THEN 1 END, CASE WHEN p > 0 THEN 2 END, sin(p + length(m)) / 3 FROM (VALUES ('conversion', 33), ('offer', 39)) k (m, last) CROSS JOIN LATERAL generate_series(0, last) p},
    [ 'analytics', 'POST', '/api/ml/predict', qq{{"model_name": "churn", "user_id": "$bob"}} ],
    [ 'analytics', 'POST', '/api/ml/predict', qq{{"model_name": "conversion", "user_id": "$bob", "campaign_id": "CAMP-TEN"}} ],
    [ 'analytics', 'POST', '/api/ml/predict', qq{{"model_name": "offer", "user_id": "$bob"}} ],
    [ 'analytics', 'POST', '/api/ml/predict', qq{{"model_name": "affinity", "user_id": "$eve", "merchant_id": "$cafe"}} ],
    [ 'admin', 'POST', '/api/ml/train', '{"model_name": "churn"}' ],
    q{SELECT swipesavvy.refresh_models()},
    [ 'admin', 'GET', '/api/ml/models' ],
    q{INSERT INTO swipesavvy.ml_drift (model_name, version, position, feature, psi, as_of, users) VALUES ('churn', 2, 1, 'f1', 0.3, now(), 10)},
    q{INSERT INTO swipesavvy.ml_live_months (model_name, month, version, as_of, until, zone, users, worked_out_at, examples, positives, auc, log_loss, brier) VALUES ('churn', '2026-06-01', 2, '2026-06-01', '2026-08-01', 'UTC', 9, now(), 9, 3, 0.7, 0.5, 0.2)},
    q{UPDATE swipesavvy.ml_models SET metrics = '{"test": {"auc": 0.8, "auc_interval": [0.7, 0.9], "log_loss": 0.5, "base_log_loss": 0.6, "brier": 0.2, "ece": 0.01, "lift_10": 2, "calibration": [{"mean_p": 0.1, "observed": 0.1, "examples": 10}]}, "out_of_fold": [{"lambda": 0.1, "log_loss": 0.5}]}' WHERE model_name = 'churn' AND version = 2},
    [ 'analytics', 'GET', '/api/ml/performance' ],
    # an alert of the worker, and a table that somebody has opened
    q{GRANT SELECT ON swipesavvy.users TO PUBLIC},
    q{SELECT swipesavvy.set_health_threshold('disk_percent', warning => 10, samples => 1), swipesavvy.record_health('{"disk_percent": 12.5}')},
    [ 'admin', 'GET', '/api/admin/health' ],
    q{REVOKE SELECT ON swipesavvy.users FROM PUBLIC},
);

# What of an answer says when, which or by chance, and what depends on the machine: it is there, and of the same type.
my %by_chance = map { $_ => 1 } qw(access_token refresh_token confirmation_code next_cursor is_open weekdays best_weekday services metrics uptime_percent);

# The differences between what is documented and what was answered.
sub differences
{
    my ($shown, $real, $where) = @_;
    return () if $by_chance{ $where =~ s/.*\.//r };
    return JsonSchema::type_of($shown) eq JsonSchema::type_of($real) || !ref $shown && !ref $real ? () : "$where is of another type" if ref $shown ne ref $real;
    if (ref $shown eq 'HASH')
    {
        return map { exists $shown->{$_} && exists $real->{$_} ? differences($shown->{$_}, $real->{$_}, "$where.$_") : "$where.$_ is only in " . (exists $shown->{$_} ? 'the document' : 'the answer') }
          sort keys %{ { %$shown, %$real } };
    }
    if (ref $shown eq 'ARRAY')
    {
        return "$where has another length" if @$shown != @$real;
        return map { differences($shown->[$_], $real->[$_], "$where\[$_]") } 0 .. $#$shown;
    }
    my ($s, $r) = map { $writer->encode($_) =~ s/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/<id>/gr =~ s/\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?/<when>/gr =~ s/(?:\\[rn])+"?$//r } $shown, $real;
    return $s eq $r ? () : "$where: $s is documented, $r is answered";
}

# The request that an operation documents: its path and query with the examples of their parameters, and its body.
sub documented_request
{
    my ($name) = @_;
    my ($method, $uri) = split / /, $name;
    my @query;
    for my $parameter (map { $schemas->resolve($_) } @{ $operation{$name}{parameters} })
    {
        next if !exists $parameter->{example};
        my $value = ref $parameter->{example} ? $writer->encode($parameter->{example}) : $parameter->{example};
        $parameter->{in} eq 'path' ? $uri =~ s/\{$parameter->{name}\}/$value/ : push @query, "$parameter->{name}=$value";
    }
    my $content = $operation{$name}{requestBody}{content}{'application/json'} // {};
    return ($method, join('?', $uri, @query ? join '&', @query : ()), exists $content->{example} ? $content : undef);
}

# The operation that a request is one of.
sub operation_of
{
    my ($method, $uri) = @_;
    my $path = $uri =~ s/\?.*//r;
    for my $name (sort { ($a =~ tr/{//) <=> ($b =~ tr/{//) } keys %operation)
    {
        my $pattern = join '/', map { /^\{/ ? '[^/]+' : quotemeta } split m{/}, $name =~ s/^\w+ //r;
        return $name if $name =~ /^$method / && $path =~ m{^$pattern$};
    }
    return die "no operation for $method $uri";
}

# What an answer says that its operation does not.
sub faults_of_answer
{
    my ($name, $answer) = @_;
    my $response = $operation{$name}{responses}{ $answer->{status} } or return "status $answer->{status} is not documented: $answer->{body}";
    $response = $schemas->resolve($response);
    my ($type) = split /;/, $answer->{headers}{'Content-Type'} // 'none';
    my $content = $response->{content}{$type} or return "type $type is not documented";
    my @missing = map { "has no header $_" } grep { !defined $answer->{headers}{$_} } keys %{ $response->{headers} };
    return (@missing, $schemas->faults($content->{schema}, $type eq 'application/json' ? decode_json($answer->{body}) : $answer->{body}));
}

my (%sent, $refresh_token);
for my $step (@story)
{
    if (!ref $step)
    {
        my $err = '';
        $node->psql('app', $step, stderr => \$err);
        is($err, '', 'the world goes on') or diag $step;
        next;
    }
    my ($who, $name, $uri, $body) = @$step;
    my $documented = !defined $uri;
    my ($method, $content) = $name;
    ($method, $uri, $content) = documented_request($name) if $documented;
    $name = operation_of($method, $uri) if !$documented;
    my @faults = $documented && $content ? $schemas->faults($content->{schema}, $content->{example}, 'body') : ();
    if ($content)
    {
        local $content->{example}{refresh_token} = $refresh_token if $content->{example}{refresh_token};
        $body = $writer->encode($content->{example});
    }
    my $answer = ask($who, $method, $uri, $body);
    push @faults, faults_of_answer($name, $answer);
    push @faults, "answers $answer->{status}" if $answer->{status} >= 300;
    if ($documented)
    {
        my (undef, $response) = success($operation{$name});
        my ($type) = split /;/, $answer->{headers}{'Content-Type'} // '';
        my $shown = ($response->{content}{$type} // {})->{example};
        push @faults, differences($shown, $type eq 'application/json' ? decode_json($answer->{body}) : $answer->{body}, '') if defined $shown;
        $sent{$name}++;
    }
    $refresh_token = $1 if ($answer->{body} // '') =~ /"refresh_token": "([^"]+)"/;
    is_deeply(\@faults, [], ($documented ? 'as documented: ' : 'fits: ') . "$method $uri") or diag $answer->{body};
}
is_deeply([ grep { !$sent{$_} && !$is_shown{$_} } sort keys %operation ], [], 'every example was sent');
is_deeply([ faults_of_answer($_, ask('anon', split / /)) ], [], "itself: $_") for sort keys %is_shown;

# What 10,000 rows would take.
my @unseen = (grep { !/\.total_capped$/ } map { $schemas->unseen($document->{components}{schemas}{$_}, $_) } grep { $_ ne 'Error' } sort keys %{ $document->{components}{schemas} });
is("@unseen", '', 'every key of every schema was answered');

# --- what is refused -------------------------------------------------------------------------------

# An answer that is an error: documented for the operation, with its headers, and of the common schema.
sub refused
{
    my ($status, $who, $name, $what, %other) = @_;
    my ($method, $uri, $content) = documented_request($name);
    my $body = exists $other{body} ? $other{body} : $content ? $writer->encode($content->{example}) : undef;
    my $answer = ask($who, $method, $other{uri} // $uri, $body);
    my @faults = $answer->{status} == $status ? faults_of_answer($name, $answer) : "answers $answer->{status}: $answer->{body}";
    is_deeply(\@faults, [], "$status, $what: $name");
    return $answer;
}
sub announces { my ($name, $status) = @_; return exists $operation{$name}{responses}{$status} }

my @roles = qw(customer support analytics backend admin);
my $nobody = '00000000-0000-7000-8000-00000000ffff';
subtest 'who may not' => sub {
    for my $name (sort keys %operation)
    {
        my %may = map { s/^swipesavvy_//r => 1 } @{ $operation{$name}{'x-roles'} };
        refused(401, 'anon', $name, 'nobody') if !$may{anon};
        my ($not) = grep { !$may{$_} } @roles;
        refused(403, [ $not => $ada ], $name, $not) if defined $not;
        is(announces($name, 401) || $may{anon} ? 1 : 0, 1, "announced: $name");
    }
};
refused(401, 'anon', 'POST /api/auth/sign-in', 'a wrong password', body => '{"email": "eve@example.com", "password": "wrong"}');
refused(401, 'anon', 'POST /api/auth/refresh', 'a token that is none', body => '{"refresh_token": "AAAA"}');
refused(403, [ customer => $eve ], 'POST /api/auth/change-password', 'a wrong password', body => '{"old_password": "wrong", "new_password": "another long one"}');
refused(401, 'anon', "POST /api/auth/$_", 'nobody', body => $_ eq 'sign-out' ? '{}' : '{"old_password": "wrong", "new_password": "another long one"}') for 'sign-out', 'change-password';
subtest 'what there is not' => sub {
    for my $name (grep { announces($_, 404) } sort keys %operation)
    {
        my ($role) = map { s/^swipesavvy_//r } $operation{$name}{'x-roles'}[-1];
        my ($method, $uri, $content) = documented_request($name);
        my $body = $content && { %{ $content->{example} } };
        if ($name =~ /\{/)
        {
            my $path = $name =~ s/^\w+ //r;
            my ($before) = split /\{/, $path;
            (my $other = $uri) =~ s{^\Q$before\E[^/?]+}{$before$nobody};
            delete $body->{user_id} if $body && $path =~ /user_id/;
            refused(404, $role, $name, 'an unknown thing', uri => $other, body => $body && $writer->encode($body));
            next;
        }
        my ($key) = grep { exists $body->{$_} } qw(user_id merchant_id campaign_id control_campaign_id);
        my %unknown = (
            'GET /api/ml/performance' => [ uri => '/api/ml/performance?model_name=churn&version=99' ],
            'GET /api/analytics/export' => [ uri => '/api/analytics/export?dataset=segments&campaign_id=NONE' ],
            'POST /api/users' => [ body => qq{{"email": "x\@example.com", "name": "X", "referred_by": "$nobody"}} ],
            'POST /api/campaigns' => [ body => '{"name": "X", "campaign_type": "SEASONAL", "offer_type": "BOGO", "start_date": "2026-01-01", "target_segment": "none"}' ],
            'POST /api/geofences' => [ body => qq{{"name": "X", "merchant_id": "$nobody", "latitude": 1, "longitude": 1, "radius_meters": 100}} ]);
        refused(404, $role, $name, 'an unknown thing', $unknown{$name} ? @{ $unknown{$name} } : (body => $writer->encode({ %$body, $key => $nobody })));
    }
};
subtest 'what is used already' => sub {
    # Sent again, or with other arguments.
    my %again = (
        'POST /api/events' => qq{{"campaign_id": "CAMP-TEN", "kind": "view", "user_id": "$ada", "event_id": "00000000-0000-7000-8000-0000000e7e47"}},
        'POST /api/ml/feedback' => qq{{"model_name": "affinity", "user_id": "$bob", "outcome": "accepted", "feedback_id": "00000000-0000-7000-8000-0000000feed0"}},
        'PUT /api/campaigns/{campaign_id}' => '{"budget": 0.01}', 'POST /api/users/{user_id}/donate' => qq{{"points": 1000000, "charity_id": "00000000-0000-7000-8000-0000000000c1"}},
        'POST /api/users/{user_id}/redeem' => '{"points": 1000000}', 'POST /api/transactions/{transaction_id}/refund' => '{"amount": 1000}',
        'POST /api/transactions' => qq{{"user_id": "$ada", "amount": 1, "idempotency_key": "till-7-0001"}});
    $node->safe_psql('app', qq{SELECT swipesavvy.track_event('CAMP-TEN', 'click', '$ada', event_id => '00000000-0000-7000-8000-0000000e7e47'), swipesavvy.record_ml_feedback('affinity', '$bob', 'dismissed', feedback_id => '00000000-0000-7000-8000-0000000feed0'),
        swipesavvy.create_boost('One', 2, boost_id => '00000000-0000-7000-8000-00000000b0a1', activation_limit => 1), swipesavvy.activate_boost('$bob', '00000000-0000-7000-8000-00000000b0a1'), swipesavvy.restore_flag('new_home'),
        swipesavvy.create_merchant('Gate', 'Services', merchant_id => '00000000-0000-7000-8000-00000000fe9d')});
    for my $name (grep { announces($_, 409) } sort keys %operation)
    {
        my ($role) = map { s/^swipesavvy_//r } $operation{$name}{'x-roles'}[-1];
        my %other = $again{$name} ? (body => $again{$name})
          : $name =~ /boosts/ ? (uri => "/api/users/$ada/boosts/00000000-0000-7000-8000-00000000b0a1")
          : $name =~ m{PUT /api/flags} ? (body => '{"version": 1, "name": "X"}') : ();
        refused(409, $role, $name, 'a conflict', %other);
    }
};
subtest 'a method that the path has not' => sub {
    for my $path (sort keys %{ $document->{paths} })
    {
        my $item = $document->{paths}{$path};
        my $answer = ask('admin', 'PATCH', $path =~ s/\{\w+\}/$ada/gr, '{}');
        my $response = $schemas->resolve($item->{'x-other-methods'});
        my @allowed = sort map { uc, $_ eq 'get' ? 'HEAD' : () } grep { !/^x-/ } keys %$item;
        is("$answer->{status} " . join(' ', sort split /, /, $answer->{headers}{Allow} // ''), "405 @allowed", $path);
        is_deeply([ $schemas->faults($response->{content}{'application/json'}{schema}, decode_json($answer->{body})) ], [], 'and the error is as any other');
    }
};

# Each schema of a value that a request gives, with how the request gives it.
sub given
{
    my ($name) = @_;
    my @given = map { { name => $_->{name}, query => 1, schema => $_->{schema} } } grep { $_->{in} eq 'query' && $_->{schema} } map { $schemas->resolve($_) } @{ $operation{$name}{parameters} };
    my $body = $operation{$name}{requestBody}{content}{'application/json'}{schema} // {};
    ($body) = grep { $_->{properties} } @{ $body->{oneOf} } if $body->{oneOf};
    push @given, map { { name => $_, schema => $body->{properties}{$_} } } sort keys %{ $body->{properties} // {} };
    return @given;
}

# The operation with that value in the place of the example's, or beside it.
sub ask_with
{
    my ($name, $given, $value) = @_;
    my ($role) = map { s/^swipesavvy_//r } $operation{$name}{'x-roles'}[-1];
    my ($method, $uri, $content) = documented_request($name);
    my %body = $content ? %{ $content->{example} } : ();
    delete $body{location_id};
    if ($given->{query})
    {
        $uri =~ s/([?&])\Q$given->{name}\E=[^&]*/$1/;
        $uri .= ($uri =~ /\?/ ? '&' : '?') . "$given->{name}=$value";
    }
    else { $body{ $given->{name} } = $value }
    return ask($role, $method, $uri, $method eq 'GET' || $method eq 'DELETE' ? undef : $writer->encode(\%body));
}

subtest 'words and bounds' => sub {
    my $words = 0;
    my $bounds = 0;
    for my $name (sort keys %operation)
    {
        for my $given (given($name))
        {
            my $schema = $given->{schema};
            my @enum = grep { defined } @{ $schema->{enum} // [] };
            if (@enum)
            {
                my $details = decode_json(ask_with($name, $given, 'nonsense')->{body})->{details} // '';
                my ($known) = $details =~ /is none of: (.*)\./;
                is(join(' ', sort split /, /, $known // $details), join(' ', sort @enum), "$given->{name} of $name");
                $words++;
            }
            if (defined $schema->{minimum} && defined $schema->{maximum})
            {
                for my $beyond ($schema->{minimum} - 1, $schema->{maximum} + 1)
                {
                    my $details = decode_json(ask_with($name, $given, $beyond)->{body})->{details} // '';
                    my ($least, $most) = $details =~ /(?:is not between|must be between|between) (-?[\d.]+) and (-?[\d.]+)/;
                    is(join(' ', map { defined ? $_ + 0 : $details } $least, $most), "$schema->{minimum} $schema->{maximum}", "$given->{name} = $beyond of $name");
                }
                $bounds++;
            }
        }
    }
    for my $name (grep { my ($whole) = grep { $_->{whole_body} } @{ $route{$_}{arguments} }; $whole } sort keys %operation)
    {
        my ($method, $uri) = documented_request($name);
        my $properties = $operation{$name}{requestBody}{content}{'application/json'}{schema}{properties};
        my ($known) = decode_json(ask('admin', $method, $uri, '{"nonsense": 1}')->{body})->{details} =~ /is none of: (.*)\./;
        is(join(' ', sort split /, /, $known), join(' ', sort keys %$properties), "the keys of the body of $name");
        $words++;
    }
    cmp_ok($words, '>', 30, 'there are many words');
    cmp_ok($bounds, '>', 30, 'and many bounds');
};

subtest 'maintenance, and too many calls' => sub {
    $node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"maintenance_mode": true}')});
    my @answers;
    for my $name (sort keys %operation)
    {
        my ($role) = grep { $_ ne 'admin' } map { s/^swipesavvy_//r } @{ $operation{$name}{'x-roles'} };
        next if !defined $role;
        if ($name =~ m{^POST /api/auth|^GET (?:/api/health|/console)}) { push @answers, $name }
        else { refused(503, [ $role => $ada ], $name, 'maintenance') }
    }
    is_deeply([ map { my ($method, $uri, $content) = documented_request($_); ask([ customer => $eve ], $method, $uri, $content && $writer->encode($content->{example}))->{status} } @answers ],
        [ map { /health|console|sign-out/ ? 200 : /change/ ? 403 : 401 } @answers ], 'who is to sign in may, and the state can be asked for');
    $node->poll_query_until('app', 'SELECT extract(second FROM clock_timestamp()) < 50') or die;
    $node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"maintenance_mode": false, "rate_limit_per_minute": 1}')});
    ask([ customer => $ada ], 'GET', '/api/tiers');
    refused(429, [ customer => $ada ], $_, 'too many') for 'GET /api/tiers', 'GET /api/users/{user_id}', 'POST /api/users/{user_id}/redeem';
    $node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"rate_limit_per_minute": null}')});
};

# --- the official schema of OpenAPI 3.1, by a validator that test/run/parts.sh fetches where there is npm ------------------------------------

SKIP:
{
    my ($parts) = grep { -d "$_/node_modules/\@seriousme/openapi-schema-validator" } map { "$_/openapi" } grep { defined } $ENV{SWIPESAVVY_PARTS}, map { "$_/.." } split /:/, $ENV{PATH};
    skip 'skipped: no npm', 1 if !defined $parts;
    my ($out, $err) = ('', '');
    my $folder = PostgreSQL::Test::Utils::tempdir();
    symlink "$parts/node_modules", "$folder/node_modules" or die $!;
    PostgreSQL::Test::Utils::append_to_file("$folder/openapi.json", $text);
    PostgreSQL::Test::Utils::append_to_file("$folder/check.mjs", q{
        import { readFileSync } from 'node:fs';
        import { Validator } from '@seriousme/openapi-schema-validator';
        const answer = await new Validator().validate(JSON.parse(readFileSync(new URL('openapi.json', import.meta.url))));
        console.log(answer.valid ? 'valid' : JSON.stringify(answer.errors).slice(0, 4000));
    });
    IPC::Run::run([ 'node', "$folder/check.mjs" ], '>', \$out, '2>', \$err);
    is($out . $err, "valid\n", 'it is valid by the official schema of OpenAPI 3.1');
}
done_testing();
