# A hot standby answers: every function that only reads says there what it says on the primary, with the library preloaded
# and without; what writes is refused as the server refuses it (25006), and nothing crashes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign);
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
create_extension($primary, 'app');
my ($ada, $bob) = map { add_user($primary, 'app', "$_\@example.com") } qw(ada bob);
add_campaign($primary, 'app', 'TEN', 50000);
my $merchant = json($primary, 'app', "SELECT swipesavvy.create_merchant('Cafe', 'Restaurants & Cafes')")->{merchant_id};
my $boost = json($primary, 'app', "SELECT swipesavvy.create_boost('Double', 2)")->{boost_id};
my $card = json($primary, 'app', "SELECT swipesavvy.link_account('$ada', 'card', '4242', issuer => 'Visa')")->{account_id};
$primary->safe_psql('app', qq{
    SELECT swipesavvy.activate_boost('$ada', '$boost'), swipesavvy.add_merchant_location('$merchant', 1, 2), swipesavvy.set_partnership('$merchant', 'trial', 2.5), swipesavvy.create_geofence('Gate', 1, 2, 100);
    SELECT swipesavvy.record_transaction('$ada', 5, NULL, '$merchant', occurred_at => now() - interval '200 hours'), swipesavvy.rate_merchant('$ada', '$merchant', 4, 'Good');
    SELECT swipesavvy.add_merchant_offer('$merchant', 'Cake');
    SELECT swipesavvy.moderate_review(review_id, 'approved') FROM swipesavvy.merchant_reviews;
    SELECT swipesavvy.set_sink_secret('key', 's3cret');
    SELECT swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key', '{points.*}');
    SELECT count(swipesavvy.record_transaction('$ada', 10 + n, NULL, '$merchant', '$card', now() - interval '1 hour' * n)) FROM generate_series(1, 150) n;
    SELECT swipesavvy.record_transaction('$bob', 30, occurred_at => '2020-01-05');
    SELECT swipesavvy.adjust_points('$ada', 12, 'sorry');
    SELECT swipesavvy.redeem_points('$ada', points => 40);
    SELECT swipesavvy.create_reward('Mug', 100), swipesavvy.create_charity('Trees'), swipesavvy.create_segment('some');
    SELECT swipesavvy.set_health_threshold('disk_percent', 1, samples => 1), swipesavvy.record_health('{"disk_percent": 5}');
    SELECT swipesavvy.rotate_token_key();
    SELECT swipesavvy.create_campaign('T', 'SEASONAL', NULL, 'OTHER', now(), campaign_id => c) FROM unnest('{AB-1,AB-2}'::text[]) c;
    SELECT swipesavvy.create_ab_test('T', 'AB-1', '{AB-2}', exposure => 'assignment', test_key => 'runs', test_id => '00000000-0000-7000-8000-0000000000e3');
    SELECT swipesavvy.start_ab_test('00000000-0000-7000-8000-0000000000e3');
    SELECT swipesavvy.refresh_ab_tests();
    SELECT swipesavvy.seal_audit_log();
    SELECT swipesavvy.refresh_leaderboards(), swipesavvy.rebuild_analytics(), swipesavvy.refresh_customer_analytics(), swipesavvy.refresh_merchant_analytics(), swipesavvy.refresh_campaign_segments();
    SELECT swipesavvy.create_campaign('T', 'SEASONAL', NULL, 'OTHER', now(), campaign_id => 'HELD', hold_out => 10);
    SELECT swipesavvy.launch_campaign('HELD'), swipesavvy.refresh_campaign_uplift('HELD');
    SELECT swipesavvy.train_ml_model('affinity'), swipesavvy.train_models();
    SELECT swipesavvy.track_event('TEN', 'view')});
my $purchase = $primary->safe_psql('app', "SELECT transaction_id FROM swipesavvy.transactions WHERE user_id = '$ada' ORDER BY occurred_at LIMIT 1");
my $redemption = $primary->safe_psql('app', "SELECT entry_id FROM swipesavvy.reward_redemptions WHERE user_id = '$ada'");
my ($first, $last) = split /\|/, $primary->safe_psql('app', 'SELECT min(occurred_at), max(occurred_at) FROM swipesavvy.transactions');
my $draft = q{'{"campaign_type": "SEASONAL", "offer_type": "PERCENTAGE", "offer_amount": 5, "name": "What if", "start_date": "2020-01-01"}'::jsonb};

# What is asked, by function; what changes with the clock or the server is taken out of the answer.
my %questions = (
    analytics_day => "('2026-03-29 01:00Z', 'Europe/Berlin')",
    analytics_hour => "('2026-03-29 01:20Z', 'Europe/Berlin')",
    current_user_id => '()',
    email_key => q{(U&' Zo\\00CB@x.io')},
    evaluate_flag => "('dark_mode', '$ada')",
    get_merchant_affinity => "('$ada')",
    get_ml_performance => '()',
    get_recommendations => "('$ada')",
    get_send_times => "('$ada')",
    list_ml_models => '()',
    predict => "('churn', '$ada', as_of => '2026-01-01')",
    evaluate_flags => "('$ada')",
    experiment_run_document => q{('{"key": "e", "variations": [0, 1]}', '{"attributes": {"id": "u"}}')},
    explain_award => "('$purchase')",
    export_user_data => "('$ada') - 'exported_at'",
    flag_bucket_ranges => '(2, 1, NULL)',
    flag_choose_variation => q{(0.5, '[[0, 1]]')},
    flag_condition_matches => q{('{}', '{}')},
    flag_enabled => "('dark_mode', '$ada')",
    flag_evaluate_document => q{('{}', 'f', '{}')},
    flag_hash => "('s', 'u', 2)",
    flag_in_namespace => q{('u', '["n", 0, 1]')},
    flag_usage_users => q{(ARRAY[decode(repeat('01', 4096), 'hex')])},
    flag_users => "('dark_mode')",
    rating_average => '(14, 3, 5, 300)',
    get_merchant_offers => "('$merchant')",
    get_merchant_reviews => "('$merchant')",
    list_reviews_to_moderate => '()',
    geofences_near => '(6366160, 222312, 111190, 50000)',
    get_audit_logs => '()',
    get_campaign => "('TEN')",
    get_campaign_daily => "('TEN') #- '{as_of}' #- '{days,29,updated_at}'",
    get_campaign_metrics => "('TEN') - 'as_of'",
    campaign_performance => '()',
    get_campaign_portfolio => '()',
    get_campaign_roi => "('TEN') - 'as_of'",
    get_campaign_segments => "('TEN')",
    get_campaign_uplift => "('HELD')",
    hold_out_bucket => "('HELD', '$ada')",
    get_top_campaigns => '(min_conversions => 1)',
    get_campaign_trends => "('TEN') - 'as_of'",
    get_churn_list => '(0)',
    get_cohort_retention => '()',
    get_flag => "('dark_mode')",
    get_flag_analytics => "('dark_mode') - 'as_of'",
    get_flag_audit => "('dark_mode')",
    get_flags_document => "('$ada')",
    get_health_history => "('disk_percent', resolution => 'sample') -> 'points'",
    get_leaderboard => "('all_time')",
    get_merchant_locations => "('$merchant')",
    get_nearby_merchants => '(1, 2)',
    locations_near => '(6366160, 222312, 111190, 50000)',
    get_merchant => "('$merchant')",
    way_back => '()',
    merchant_network_figures => '()',
    get_partnership => "('$merchant')",
    get_points_ageing => '()',
    get_points_history => "('$ada')",
    get_points_liability => '()',
    get_rfm_segments => '()',
    get_system_health => "() ? 'status'",
    get_user_accounts => "('$ada')",
    get_user_profile => "('$ada')",
    get_user_rewards => "('$ada')",
    get_user_spending_analytics => "('$ada') - 'analysis_date'",
    get_user_transactions => "('$ada', after => '$purchase'), swipesavvy.get_user_transactions('$ada', 100, 3)",
    health => '() IS NOT NULL',
    latest_audit_seal => '()',
    list_alerts => '()',
    list_boosts => '()',
    list_campaigns => '()',
    list_charities => '()',
    list_flag_overrides => "('dark_mode')",
    list_flags => '()',
    list_geofences => '()',
    plan_ab_test => '(0.1, 0.1)',
    get_ab_test => "('00000000-0000-7000-8000-0000000000e3')",
    get_ab_test_results => "('00000000-0000-7000-8000-0000000000e3')",
    list_ab_tests => '()',
    list_merchant_categories => '()',
    list_merchants => '()',
    list_rewards => '()',
    list_rfm_users => "('loyal')",
    http_read => q{() WHERE set_config('request.headers', '{"x-original-method": "GET", "x-original-uri": "/api/merchants/categories"}', true) IS NOT NULL},
    list_routes => '()',
    console => '()',
    list_segments => '()',
    list_sink_secrets => '()',
    list_sinks => '()',
    list_tiers => '()',
    list_token_keys => '()',
    openapi => '()',
    list_users => "(search => 'ad')",
    metrics => '() IS NOT NULL',
    minor_to_major => '(1234, 2)',
    place_distance => '(0, 0, 0, 1)',
    place_box => '(1, 2, 3, 4)',
    place_position => '(1, 2, 3)',
    preview_sink => "('hook', 'points.redeemed') - 'headers'",
    purchases_computed => "('points_earned', 0)",
    read_export => "('rfm')",
    run_custom_report => q{('{"source": "campaigns", "measures": ["impressions", "conversions"], "dimensions": ["campaign", "hour"], "start_date": "2026-01-01", "end_date": "2030-12-31", "totals": true}') - 'as_of'},
    search_key => q{(U&'Zo\\00CB')},
    simulate_campaign => "($draft, '$first', '$last')",
    unfolded_days => q{(NULL, 'UTC')},
    unfolded_deltas => '(NULL)',
    verify_analytics => '()',
    verify_audit_log => '()',
    verify_ledger => '()',
    verify_token => q{('nonsense')},
    worker_status => '() IS NOT NULL',
);

# The answer of a query, or the error's code.
sub ask
{
    my ($node, $query) = @_;
    my ($out, $err) = ('', '');
    $node->psql('app', "\\set VERBOSITY sqlstate\nSET timezone = 'UTC';\n$query", stdout => \$out, stderr => \$err, on_error_stop => 0);
    return $err =~ /ERROR: +(\w{5})/ ? $1 : $out;
}

my @readers = split /\n/, $primary->safe_psql('app', q{
    SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'swipesavvy'::regnamespace AND provolatile <> 'v' AND prorettype <> 'internal'::regtype ORDER BY 1});
is_deeply([ sort keys %questions ], \@readers, 'every function that only reads is asked');

my %writers = (
    create_user => "('eve\@example.com', 'Eve')",
    update_user => qq{('$ada', '{"name": "Ada"}')},
    record_transaction => "('$ada', 5)",
    record_transactions => qq{('[{"user_id": "$ada", "amount": 5}]')},
    settle_transaction => "('$purchase')",
    refund_transaction => "('$purchase')",
    redeem_points => "('$ada', points => 1)",
    cancel_redemption => "('$redemption', 'why')",
    adjust_points => "('$ada', 1, 'more')",
    expire_points => '()',
    activate_boost => "('$bob', '$boost')",
    launch_campaign => "('TEN')",
    update_system_settings => q{('{"earn_rate": 2}')},
    track_event => "('TEN', 'view', '$ada')",
    track_events => q{('[{"campaign_id": "TEN", "kind": "view"}]')},
    export_analytics => "('rfm')",
    fold_analytics => '()',
    rebuild_analytics => '()',
    seal_audit_log => '()',
    claim_outbox => '()',
    create_sink => "('two', 'webhook', 'https://example.com/', 'key')",
    test_sink => "('hook')",
    set_sink_secret => "('key', 'another')",
    toggle_flag => "('dark_mode')",
    pause_ab_test => "('00000000-0000-7000-8000-0000000000e3')",
    assign_ab_test => "('00000000-0000-7000-8000-0000000000e3', '$ada')",
    refresh_ab_tests => '()',
    train_ml_model => "('churn')",
    refresh_models => '()',
    record_ml_feedback => "('affinity', '$ada', 'accepted')",
);

$primary->backup('base');
for my $preload ('', 'swipesavvy')
{
    my $name = $preload ? 'preloaded' : 'plain';
    my $standby = PostgreSQL::Test::Cluster->new($name);
    $standby->init_from_backup($primary, 'base', has_streaming => 1);
    $standby->append_conf('postgresql.conf', "shared_preload_libraries = '$preload'");
    $standby->start;
    $primary->wait_for_catchup($standby);
    is($standby->safe_psql('app', 'SELECT pg_is_in_recovery()'), 't', "$name: it is a standby");

    my %differ = map { $_ => 1 } grep { ask($primary, "SELECT swipesavvy.$_$questions{$_}") ne ask($standby, "SELECT swipesavvy.$_$questions{$_}") } @readers;
    is_deeply([ sort keys %differ ], [], "$name: every reader says the same");
    my @mute = grep { ask($standby, "SELECT swipesavvy.$_$questions{$_}") =~ /^(?:\w{5})?$/ } @readers;
    is_deeply(\@mute, [ 'current_user_id', 'predict', 'purchases_computed' ], "$name: with an answer, where there is one");
    my %code = map { $_ => ask($standby, "SELECT swipesavvy.$_$writers{$_}") } keys %writers;
    is_deeply(\%code, { map { $_ => '25006' } keys %writers }, "$name: what writes is refused as the server does it");
    is(ask($standby, "INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('$ada', 5)"), '25006', "$name: the view's rows too");

    # one session goes on while rules and rows change: answers follow
    my $session = $standby->background_psql('app');
    $session->query_safe("SELECT swipesavvy.get_user_rewards('$bob'), swipesavvy.get_user_transactions('$bob')");
    $primary->safe_psql('app', qq{SELECT swipesavvy.record_transaction('$bob', 3), swipesavvy.update_merchant('$merchant', '{"name": "Bar $name"}'),
        swipesavvy.update_tiers((SELECT jsonb_agg(jsonb_build_object('tier', t ->> 'tier', 'threshold', t -> 'threshold', 'multiplier', t -> 'multiplier', 'benefits', '["$name"]'::jsonb))
          FROM jsonb_array_elements(swipesavvy.list_tiers() -> 'tiers') t))});
    $primary->wait_for_catchup($standby);
    for my $query ("SELECT swipesavvy.get_user_rewards('$bob')", "SELECT swipesavvy.get_user_transactions('$bob')", "SELECT swipesavvy.get_user_transactions('$ada')")
    {
        is($session->query_safe($query), $primary->safe_psql('app', $query), "$name: $query after a change");
    }
    like($session->query_safe("SELECT swipesavvy.get_user_rewards('$bob')"), qr/"$name"/, "$name: which it was");
    $session->quit;
    $standby->stop;
    unlike(slurp_file($standby->logfile), qr/PANIC|was terminated by signal|ERROR: +XX/, "$name: no process has ended, no internal error");
}

done_testing();
