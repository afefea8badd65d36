# Every setting of the programme does what it says: the table below names the proof of each, and a setting without one
# fails. Maintenance, rate limit and caching are proved here, through gateway sessions as PostgREST opens them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension add_user);
use Test::More;

# setting => the subtest of this file, or the other file whose lines with the setting in them show its effect
my %proof = (
    maintenance_mode       => 'maintenance',
    rate_limit_per_minute  => 'rate limit',
    cache_ttl_seconds      => 'caching',
    max_transaction_amount => 'test/sql/purchases.sql',
    daily_spending_limit   => 'test/specs/rules_race.spec',
    currency               => 'test/sql/users_list.sql',
    timezone               => 'test/sql/purchases.sql',
    earn_rate              => 'test/sql/purchases.sql',
    point_value_minor      => 'test/sql/purchases.sql',
    log_retention_days     => 'test/t/300_audit.pl',
    points_expiry_months   => 'test/sql/points_spending.sql',
    pending_expiry_days    => 'test/sql/purchases_settlement.sql',
    referral_bonus_points  => 'test/sql/ledger_referral.sql',
    token_lifetime_minutes => 'test/t/400_signin.pl',
    session_lifetime_days  => 'test/t/400_signin.pl',
    privacy_threshold      => 'test/sql/places_partners.sql',
    rating_prior_weight    => 'test/sql/places_ratings.sql',
    review_moderation      => 'test/sql/places_ratings.sql',
    position_retention_hours => 'test/sql/places_reports.sql',
    visit_retention_days => 'test/sql/places_reports.sql',
    refresh_grace_seconds  => 'test/sql/signin.sql',
    late_posting_days      => 'test/sql/operations_jobs.sql',
    rfm_segments           => 'test/sql/analytics_customers.sql',
    churn_horizon_days     => 'test/sql/learning_churn.sql',
    ml_retrain_days        => 'test/sql/learning_churn.sql',
    quiet_hours_start      => 'test/sql/learning_affinity.sql',
    quiet_hours_end        => 'test/sql/learning_affinity.sql',
    feature_flags_enabled  => 'test/sql/flags_stored.sql',
    event_retention_days   => 'test/sql/analytics_rollups.sql',
);

# What is stored without effect: doc/api.md says so of each.
my %waiting;

my $node = new_node('settings');
create_extension($node, 'app');
my $ada = add_user($node, 'app', 'ada@example.com');
my $bob = add_user($node, 'app', 'bob@example.com');
my $merchant = $node->safe_psql('app', "SELECT swipesavvy.create_merchant('Cafe', 'Services') ->> 'merchant_id'");
$node->safe_psql('app', q{
    CREATE ROLE gateway LOGIN NOINHERIT IN ROLE swipesavvy_anon, swipesavvy_customer, swipesavvy_support, swipesavvy_analytics, swipesavvy_backend,
        swipesavvy_delivery, swipesavvy_admin;
    CREATE ROLE root LOGIN SUPERUSER;
    ALTER DATABASE app SET swipesavvy.trusted_gateways = 'gateway';
    CREATE TABLE feed (transaction_id uuid DEFAULT gen_random_uuid(), user_id uuid, amount_minor bigint, currency text DEFAULT 'USD', occurred_at timestamptz DEFAULT now());
    GRANT SELECT ON feed TO swipesavvy_backend;
});
$node->safe_psql('app', "INSERT INTO feed (user_id, amount_minor) SELECT '$ada', 1 FROM generate_series(1, 5)");
my $connstr = $node->connstr('app');

# What a script prints, and the SQLSTATEs of its errors, as that role with that identity, in one session of the gateway.
sub call
{
    my ($role, $user, $script, $user_name) = @_;
    my $claims = defined $user ? qq({"sub": "$user"}) : '';
    my ($out, $err) = ('', '');
    $node->psql('app', "SET ROLE $role;\nSET request.jwt.claims = '$claims';\n\\set VERBOSITY sqlstate\n$script",
        stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', $user_name // 'gateway' ]);
    return join ' ', grep { length } $out, $err =~ /ERROR: +(\w{5})/g;
}

sub settings { $node->safe_psql('app', "SELECT swipesavvy.update_system_settings('$_[0]')"); return }

my $profile  = "SELECT 'answer' FROM swipesavvy.get_user_profile('$ada');";
my $rename   = "SELECT 'answer' FROM swipesavvy.update_user('$ada', '{\"name\": \"Ada\"}');";
my $list     = "SELECT 'answer' FROM swipesavvy.list_merchants();";
my $insert   = "INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('$ada', 100) RETURNING 'answer';";
my $record   = "SELECT 'answer' FROM swipesavvy.record_transaction('$ada', 1);";
my $import   = "CALL swipesavvy.import_purchases('feed', 2);";
my $campaign = "SELECT 'answer' FROM swipesavvy.list_campaigns();";

subtest maintenance => sub {
    my @everybody = (
        [ 'swipesavvy_anon', undef, $list ], [ 'swipesavvy_customer', $ada, $profile ], [ 'swipesavvy_support', undef, $profile ],
        [ 'swipesavvy_analytics', undef, $campaign ], [ 'swipesavvy_backend', undef, $record ], [ 'swipesavvy_backend', undef, $insert ],
        [ 'swipesavvy_delivery', undef, $list ]);

    is(call(@$_), 'answer', "before: $_->[0] $_->[2]") for @everybody;
    settings('{"maintenance_mode": true}');
    is(call(@$_), 'PT503', "$_->[0] is refused $_->[2]") for @everybody, [ 'swipesavvy_backend', undef, $import ];
    is(call('swipesavvy_backend', undef, "COPY swipesavvy.purchases (user_id, amount_minor) FROM stdin;\n$ada\t100\n\\.\n"), 'PT503', 'so is COPY');
    is(call('swipesavvy_customer', $bob, $profile), 'PT503', 'it is said before anything about the arguments');
    is(call('swipesavvy_anon', undef, $profile), '42501', 'but not before the role');
    is(call('swipesavvy_admin', undef, "$_"), 'answer', "an admin works on: $_") for $list, $profile, $record, $insert, $campaign;
    is(call('none', undef, $profile, 'root'), 'answer', 'and a superuser');
    is(call('swipesavvy_backend', undef, "SELECT 'read' FROM swipesavvy.purchases LIMIT 1;"), 'read', 'the view is no call: it can be read');
    settings('{"maintenance_mode": false}');
    is(call(@$_), 'answer', "after: $_->[0] $_->[2]") for @everybody;

    # another session's change, with the connection and its caches already there; in REPEATABLE READ too
    my $switch = sub { "\\! psql -qXAt -d \"$connstr\" -o /dev/null -c \"SELECT swipesavvy.update_system_settings('{\\\"maintenance_mode\\\": $_[0]}')\"\n" };
    is(call('swipesavvy_customer', $ada, "$profile\n" . $switch->('true') . "$profile\n" . $switch->('false') . $profile),
        "answer\nanswer PT503", 'a session that is there sees both changes');
    is(call('swipesavvy_customer', $ada, "BEGIN ISOLATION LEVEL REPEATABLE READ;\n$profile\n" . $switch->('true') . "$profile\nROLLBACK;\n" . $switch->('false')),
        'answer PT503', 'also from an old snapshot');
    is($node->safe_psql('app', "BEGIN; SELECT swipesavvy.update_system_settings('{\"maintenance_mode\": true}') IS NULL; ROLLBACK;\nSET ROLE swipesavvy_anon;\n$list"),
        "f\nanswer", 'a change that is rolled back is forgotten');

    # an import that runs is stopped between two chunks, and resumes
    $node->safe_psql('app', q{
        CREATE FUNCTION start_maintenance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            PERFORM swipesavvy.update_system_settings('{"maintenance_mode": true}');
            RETURN NULL;
        END $$;
        CREATE TRIGGER start_maintenance AFTER INSERT OR UPDATE ON swipesavvy.imports FOR EACH ROW EXECUTE FUNCTION start_maintenance();
    });
    is(call('swipesavvy_backend', undef, $import), 'PT503', 'an import ends when maintenance begins');
    $node->safe_psql('app', 'DROP TRIGGER start_maintenance ON swipesavvy.imports');
    cmp_ok($node->safe_psql('app', "SELECT count(*) FROM swipesavvy.transactions t JOIN feed f USING (transaction_id)"), '<', 5, 'and is not complete');
    settings('{"maintenance_mode": false}');
    is(call('swipesavvy_backend', undef, $import), '', 'and resumes after it');
    is($node->safe_psql('app', "SELECT count(*) FROM swipesavvy.transactions t JOIN feed f USING (transaction_id)"), 5, 'with nothing lost');
};

# A minute must not end in the middle of what is counted.
sub wait_for_room_in_minute
{
    $node->poll_query_until('app', 'SELECT extract(second FROM clock_timestamp()) < 40') or die 'no minute begins';
    return;
}

subtest 'rate limit' => sub {
    settings('{"rate_limit_per_minute": 3}');
    wait_for_room_in_minute();
    is(call('swipesavvy_customer', $ada, "$rename\n" x 5), "answer\nanswer\nanswer PT429 PT429", 'the fourth call of a user is refused');
    is(call('swipesavvy_customer', $ada, $rename), 'PT429', 'in another session too');
    is(call('swipesavvy_customer', $bob, "SELECT 'answer' FROM swipesavvy.update_user('$bob', '{}');"), 'answer', 'another user is another count');
    is(call('swipesavvy_customer', undef, "$rename\n" x 5), '42501 42501 42501 42501 42501', 'who is nobody is not counted');
    is(call('swipesavvy_backend', undef, "$record\n" x 5), "answer\nanswer\nanswer\nanswer\nanswer", 'nor is a service without an identity');
    is(call('swipesavvy_backend', $ada, $insert), 'PT429', 'a statement on the view is a call');
    is(call('swipesavvy_backend', $ada, $import), 'PT429', 'so is an import');
    is(call('swipesavvy_admin', $ada, $rename), 'PT429', 'an admin is a user');
    is(call('swipesavvy_customer', $ada, $profile), 'answer', 'without preload readers are not counted');
    $node->safe_psql('app', "UPDATE swipesavvy.rate_limits SET minute = minute - interval '1 minute'");
    is(call('swipesavvy_customer', $ada, $rename), 'answer', 'the next minute begins anew');
    settings('{"rate_limit_per_minute": null}');
    is(call('swipesavvy_customer', $ada, "$rename\n" x 5), "answer\nanswer\nanswer\nanswer\nanswer", 'without a limit nothing is refused');
    is($node->safe_psql('app', "SELECT calls FROM swipesavvy.rate_limits WHERE user_id = '$ada'"), 1, 'nor counted');
};

# The header of the answer to a request of that method, by what is called.
sub header
{
    my ($method, $role, $user, $query, $begin) = @_;
    my $header = call($role, $user, ($begin // 'BEGIN READ ONLY') . ";\nSELECT set_config('request.method', '$method', true) IS NULL \\g /dev/null\n"
          . "$query \\g /dev/null\nSELECT current_setting('response.headers', true);\nCOMMIT;");
    return $header;
}

subtest caching => sub {
    (my $profile_query = $profile) =~ s/;$//;
    (my $list_query = $list) =~ s/;$//;
    settings('{"cache_ttl_seconds": 45}');
    is(header('GET', 'swipesavvy_customer', $ada, $profile_query), '[{"Cache-Control": "private, no-cache"}, {"Vary": "Authorization"}]', 'one\'s own data are asked for again each time');
    is(header('GET', 'swipesavvy_anon', undef, $list_query), '[{"Cache-Control": "public, max-age=45"}, {"Vary": "Authorization"}]', 'what everybody may read by all');
    is(header('HEAD', 'swipesavvy_anon', undef, $list_query), '[{"Cache-Control": "public, max-age=45"}, {"Vary": "Authorization"}]', 'HEAD is as GET');
    is(header('GET', $_->[0], $_->[1], $_->[2]), '[{"Cache-Control": "no-store"}, {"Vary": "Authorization"}]', "in no cache at all: $_->[2]")
      for [ 'swipesavvy_customer', $ada, "SELECT swipesavvy.export_user_data('$ada')" ], [ 'swipesavvy_admin', undef, 'SELECT swipesavvy.list_users()' ], [ 'swipesavvy_admin', undef, 'SELECT swipesavvy.get_audit_logs()' ];
    my $offers = "SELECT swipesavvy.get_merchant_offers('$merchant')";
    is(header('GET', 'swipesavvy_anon', undef, $offers), '[{"Cache-Control": "public, max-age=45"}, {"Vary": "Authorization"}]', 'offers for nobody in particular by all');
    is(header('GET', 'swipesavvy_customer', $ada, $_), '[{"Cache-Control": "private, no-cache"}, {"Vary": "Authorization"}]', "one's own: $_")
      for $offers, "SELECT swipesavvy.get_merchant('$merchant')", 'SELECT swipesavvy.get_nearby_merchants(1, 2)';
    is(header('POST', 'swipesavvy_anon', undef, $list_query), '', 'nothing for POST');
    is(header('GET', 'swipesavvy_anon', undef, $list_query, 'BEGIN'), '', 'nor in a transaction that may write');
    is(header('GET', 'swipesavvy_anon', undef, "SELECT set_config('response.headers', '[{\"X\": \"1\"}]', true), swipesavvy.list_merchants()"), '[{"X": "1"}]', 'what the app said stays');
    is(header('GET', 'swipesavvy_customer', $bob, $profile_query), '42501 25P02', 'nothing for an error');
    settings('{"cache_ttl_seconds": 0}');
    is(header('GET', 'swipesavvy_anon', undef, $list_query), '[{"Cache-Control": "no-store"}, {"Vary": "Authorization"}]', '0 is not at all');
    settings('{"cache_ttl_seconds": 300}');
};

# --- the table ------------------------------------------------------------------------------

my @settings = split /\n/, $node->safe_psql('app', 'SELECT setting FROM swipesavvy.system_settings');
is_deeply([ sort @settings ], [ sort(keys %proof, keys %waiting) ], 'every setting is proved, or waits');
for my $setting (sort keys %proof)
{
    my $file = $proof{$setting} =~ m{/} ? $proof{$setting} : $0;
    my $text = slurp_file($file);
    like($text, $proof{$setting} =~ m{/} ? qr/\b$setting\b/ : qr/subtest '?\Q$proof{$setting}\E/, "$setting: $proof{$setting}");
}
my ($section) = slurp_file('doc/api.md') =~ /^### `update_system_settings`\n(.*?)^### /ms;
for my $setting (sort keys %waiting)
{
    like($section, qr/^\|[^|]*`$setting`.*without effect/m, "doc/api.md says that $setting has no effect yet");
}

done_testing();
