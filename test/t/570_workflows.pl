# The three workflows of the app from end to end, each step under the role that makes it and the identity that it has, with
# what one step leaves seen by the others; and every error case: 400, 401 (as 42501 of nobody), 403, 404, 409, 429, 503.
use strict;
use warnings;

use JSON::PP qw(decode_json encode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use Test::More;

my $node = new_node('workflows', "shared_preload_libraries = 'swipesavvy'");
create_extension($node, 'app');
$node->safe_psql('app', q{
    CREATE ROLE gateway LOGIN NOINHERIT IN ROLE swipesavvy_anon, swipesavvy_customer, swipesavvy_support, swipesavvy_analytics, swipesavvy_backend, swipesavvy_admin;
    ALTER ROLE gateway SET swipesavvy.trusted_gateways = 'gateway';
});

# One call as a role, for a user or for nobody, in a session of its own, as a pooler may give it: the document, or the SQLSTATE.
sub as
{
    my ($role, $user, $call) = @_;
    my $claims = defined $user ? qq({"sub": "$user"}) : '';
    my ($out, $err) = ('', '');
    $node->psql('app', "\\set VERBOSITY verbose\nBEGIN;\nSET LOCAL ROLE swipesavvy_$role;\nSET LOCAL request.jwt.claims = '$claims';\nSELECT swipesavvy.$call;\nCOMMIT;",
        stdout => \$out, stderr => \$err, on_error_stop => 1, extra_params => [ '-U', 'gateway' ]);
    return $1 if $err =~ /ERROR: +(\w{5})/;
    return $out =~ /^[{\[]/ ? decode_json($out) : $out;
}

sub refused
{
    my ($role, $user, $call, $state, $what) = @_;
    is(as($role, $user, $call), $state, $what);
    return;
}

# --- who there is ---------------------------------------------------------------------------

my $root = '00000000-0000-7000-8000-0000000000aa';
my $made = as('admin', undef, "create_user('root\@example.com', 'Root', role => 'admin', user_id => '$root')");
is($made->{user_id}, $root, 'an admin');
my $ada = as('backend', undef, "create_user('ada\@example.com', 'Ada', phone => '+44 20 7946 0000')")->{user_id};
my $bob = as('backend', undef, "create_user('bob\@example.com', 'Bob')")->{user_id};
my $merchant = as('admin', $root, "create_merchant('Corner Coffee', 'Restaurants & Cafes')")->{merchant_id};

subtest campaign => sub {
    my $create = "create_campaign('Coffee week', 'SEASONAL', 10, 'PERCENTAGE', '2026-01-01', budget => 100, target_merchant_id => '$merchant')";
    my $id = as('admin', $root, $create)->{campaign_id};
    like($id, qr/\S/, 'created');
    is(as('admin', $root, "get_campaign('$id')")->{status}, 'draft', 'it is a draft');
    is(as('customer', $ada, 'list_campaigns()')->{total}, 0, 'which no customer sees');
    refused('customer', $ada, "get_campaign('$id')", 'PT404', 'nor reads (404)');
    is((grep { $_->{campaign_id} eq $id } @{ as('analytics', undef, "list_campaigns(status => 'draft')")->{campaigns} }), 1, 'analysts see it');
    is(as('admin', $root, "update_campaign('$id', '{\"name\": \"Coffee month\", \"budget\": 200}')")->{name}, 'Coffee month', 'updated');
    refused('admin', $root, "pause_campaign('$id')", 'PT400', 'a draft is not paused (400)');
    is(as('admin', $root, "launch_campaign('$id')")->{status}, 'running', 'launched');
    refused('admin', $root, "launch_campaign('$id')", 'PT400', 'not twice (400)');
    my $seen = as('customer', $ada, 'list_campaigns()');
    is($seen->{campaigns}[0]{name}, 'Coffee month', 'now a customer sees it');
    ok(!exists $seen->{campaigns}[0]{budget}, 'without its budget');
    is(as('customer', $ada, "track_event('$id', 'view')")->{campaign_id} // $id, $id, 'and has viewed it');

    my $purchase = as('backend', undef, "record_transaction('$ada', 50, merchant_id => '$merchant')");
    is($purchase->{awards}[0]{campaign_id}, $id, 'a purchase there is awarded by it');
    is($purchase->{awards}[0]{discount} + 0, 5, 'ten per cent');
    my $after = as('admin', $root, "get_campaign('$id')");
    is($after->{spent} + 0, 5, 'which its budget has spent');
    is("$after->{views} $after->{conversions}", '1 1', 'with a view and a conversion');
    my $explained = as('support', undef, "explain_award('$purchase->{transaction_id}')");
    is_deeply([ map { $_->{campaign_id} } grep { $_->{applied} } @{ $explained->{candidates} } ], [$id], 'support can explain it');
    refused('admin', $root, "update_campaign('$id', '{\"budget\": 1}')", 'PT409', 'a budget below what is spent (409)');

    is(as('admin', $root, "pause_campaign('$id')")->{metrics}{conversions_before_pause}, 1, 'paused, with what it had done');
    is_deeply(as('backend', undef, "record_transaction('$ada', 50, merchant_id => '$merchant')")->{awards}, [], 'then it awards nothing');
    is(as('admin', $root, "launch_campaign('$id')")->{status}, 'running', 'launched again');
    is(as('admin', $root, "delete_campaign('$id')")->{status}, 'archived', 'deleted');
    refused('admin', $root, "launch_campaign('$id')", 'PT400', 'nothing leaves the archive (400)');
    is(as('customer', $ada, 'list_campaigns()')->{total}, 0, 'no customer sees it');
    is(as('admin', $root, "get_campaign('$id')")->{spent} + 0, 5, 'its history stays');
    refused('admin', $root, "get_campaign('CAMP-NONE')", 'PT404', 'no such campaign (404)');
    refused('admin', $root, "create_campaign('X', 'SALE', 10, 'PERCENTAGE', now())", '22023', 'no such type (400)');
    refused('support', undef, $create, '42501', 'support makes none (403)');
    refused('anon', undef, 'list_campaigns()', '42501', 'visitors see none (401)');
};

subtest user => sub {
    my $profile = as('customer', $ada, "get_user_profile('$ada')");
    is("$profile->{email} $profile->{total_transactions}", 'ada@example.com 2', 'the profile knows the purchases of the other workflow');
    is($profile->{lifetime_value} + 0, 100, 'and their sum');
    my $card = as('customer', $ada, "link_account('$ada', 'card', '4242', issuer => 'Visa')")->{account_id};
    my $accounts = as('customer', $ada, "get_user_accounts('$ada')");
    is("$accounts->{count} $accounts->{accounts}[0]{last_four}", '1 4242', 'a card is linked');
    is(as('backend', undef, "verify_account('$card', '$ada')")->{is_verified}, JSON::PP::true, 'and verified by a service');
    refused('customer', $ada, "verify_account('$card', '$ada')", '42501', 'not by its owner (403)');
    refused('customer', $ada, "link_account('$ada', 'card', '4242424242424242')", '22023', 'a whole number of a card is refused (400)');

    my $purchase = as('backend', undef, "record_transaction('$ada', 20, account_id => '$card', idempotency_key => 'till-1')");
    is(as('backend', undef, "record_transaction('$ada', 20, account_id => '$card', idempotency_key => 'till-1')")->{transaction_id}, $purchase->{transaction_id}, 'repeated, it is the same');
    refused('backend', undef, "record_transaction('$ada', 21, account_id => '$card', idempotency_key => 'till-1')", '23505', 'with another amount a duplicate (409)');
    refused('backend', undef, "record_transaction('$bob', 20, account_id => '$card')", 'PT404', 'another\'s card is none (404)');
    my $transactions = as('customer', $ada, "get_user_transactions('$ada', 2)");
    is("$transactions->{total} $transactions->{transactions}[0]{transaction_id}", "3 $purchase->{transaction_id}", 'the newest is the first of three');
    my $rest = as('customer', $ada, "get_user_transactions('$ada', 2, after => '$transactions->{next_cursor}')");
    is(scalar @{ $rest->{transactions} }, 1, 'and the next page has the last');
    my $rewards = as('customer', $ada, "get_user_rewards('$ada')");
    is($rewards->{points_balance}, $purchase->{points_balance}, 'the balance is that of the last purchase');
    my $spending = as('customer', $ada, "get_user_spending_analytics('$ada')");
    is("$spending->{transaction_count} " . ($spending->{total_spent} + 0), '3 120', 'and the analysis counts the same');
    is(as('support', undef, "get_user_profile('$ada')")->{lifetime_value} + 0, 120, 'support sees it, too');

    for my $call ("get_user_profile('$ada')", "get_user_accounts('$ada')", "get_user_transactions('$ada')", "get_user_rewards('$ada')", "get_user_spending_analytics('$ada')")
    {
        refused('customer', $bob, $call, '42501', "another customer: $call (403)");
        refused('customer', undef, $call, '42501', "nobody: $call (401)");
        refused('anon', undef, $call, '42501', "a visitor: $call (401)");
    }
    refused('support', undef, "get_user_profile('00000000-0000-7000-8000-0000000000ff')", 'PT404', 'no such user (404)');
    refused('customer', $ada, "get_user_spending_analytics('$ada', 0)", '22023', 'no days (400)');
};

subtest admin => sub {
    my $users = as('admin', $root, "list_users(search => 'ADA')");
    is("$users->{total} $users->{users}[0]{user_id}", "1 $ada", 'a user is found');
    is("$users->{users}[0]{total_transactions} " . ($users->{users}[0]{total_spent} + 0), '3 120', 'with the figures of the user workflow');
    is(as('support', undef, "list_users(role => 'admin')")->{users}[0]{user_id}, $root, 'support lists, too');
    refused('analytics', undef, 'list_users()', '42501', 'analysts do not (403)');

    my $logs = as('admin', $root, "get_audit_logs(user_id => '$ada', page_size => 500)");
    cmp_ok(scalar(grep { $_->{resource} eq 'account' } @{ $logs->{logs} }), '>=', 2, 'the audit log has the card of the user workflow') or diag explain [ map { $_->{event_type} } @{ $logs->{logs} } ];
    my $campaign_logs = as('admin', $root, "get_audit_logs(resource => 'campaign', page_size => 500)");
    is((grep { ($_->{actor_id} // '') ne $root } grep { $_->{event_type} =~ /launch/ } @{ $campaign_logs->{logs} }), 0, 'and who launched the campaign');
    refused('support', undef, 'get_audit_logs()', '42501', 'which support does not read (403)');

    is(as('admin', $root, "suspend_user('$bob', 'test')")->{account_status}, 'suspended', 'a user is suspended');
    refused('backend', undef, "record_transaction('$bob', 1)", 'PT400', 'and buys nothing (400)');
    refused('admin', $root, "suspend_user('$bob')", 'PT400', 'once (400)');
    is(as('admin', $root, "list_users(status => 'suspended')")->{users}[0]{user_id}, $bob, 'the list shows it');
    is(as('admin', $root, "reactivate_user('$bob')")->{account_status}, 'active', 'and active again');

    my $reset = as('support', undef, "reset_user_password('$ada')");
    is($reset->{requires_change_on_next_login}, JSON::PP::true, 'support resets a password');
    unlike(encode_json($reset), qr/"(password|temporary_password|secret)"/, 'which nobody is told here');
    refused('customer', $ada, "reset_user_password('$ada')", '42501', 'a customer does not (403)');
    refused('admin', $root, "reset_user_password('00000000-0000-7000-8000-0000000000ff')", 'PT404', 'nobody\'s (404)');

    my $settings = as('admin', $root, q{update_system_settings('{"max_transaction_amount": 100}')});
    is("$settings->{updated_by} " . ($settings->{updated_settings}{max_transaction_amount} + 0), "$root 100", 'a limit is set');
    refused('backend', undef, "record_transaction('$ada', 100.01)", 'PT409', 'over which nothing is bought (409)');
    refused('admin', $root, q{update_system_settings('{"no_such": 1}')}, '22023', 'no such setting (400)');
    refused('backend', undef, q{update_system_settings('{}')}, '42501', 'a service sets none (403)');
    as('admin', $root, q{update_system_settings('{"max_transaction_amount": null}')});

    $node->poll_query_until('app', 'SELECT extract(second FROM clock_timestamp()) < 40') or die;
    as('admin', undef, q{update_system_settings('{"rate_limit_per_minute": 1}')});
    is(as('customer', $bob, "get_user_profile('$bob')")->{name}, 'Bob', 'one call a minute');
    refused('customer', $bob, "get_user_profile('$bob')", 'PT429', 'and not two (429)');
    as('admin', undef, q{update_system_settings('{"rate_limit_per_minute": null, "maintenance_mode": true}')});
    refused('customer', $bob, "get_user_profile('$bob')", 'PT503', 'nor any under maintenance (503)');
    refused('backend', undef, "record_transaction('$ada', 1)", 'PT503', 'by no service either (503)');
    my $health = as('admin', $root, 'get_system_health()');
    is_deeply([ grep { $_ eq 'maintenance_mode' } map { $_->{name} } @{ $health->{alerts} } ], ['maintenance_mode'], 'health says so to an admin');
    cmp_ok($health->{services}{api}{requests_per_second}, '>', 0, 'and that calls were made');
    is(as('anon', undef, 'health()')->{status}, $health->{status}, 'everybody may ask for the status');
    as('admin', $root, q{update_system_settings('{"maintenance_mode": false}')});
    is(as('customer', $bob, "get_user_profile('$bob')")->{name}, 'Bob', 'and all goes on');
};

my $ledger = as('analytics', undef, 'verify_ledger()');
is("$ledger->{mismatches}", 0, 'after all this the ledger adds up');
done_testing();
