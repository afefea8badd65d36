# The texts of all queries in src/, as the preprocessor puts them together. Tables may one day be spread over several nodes by
# user_id, so each query on tables of users says whose rows it means, and one node has them all; the others are listed here with
# the reason why they need everybody's. A write calls no function in CASE or COALESCE that such a database refuses there, and
# rows that are only counted have a column, which it needs to pass the query on. What takes a few rows of many takes no more of them,
# whatever the plan.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

my $by_user = join '|', qw(users user_credentials user_sessions accounts reward_accounts transactions points_entries campaign_redemptions refunds
  reward_redemptions donations points_adjustments segment_members user_boosts campaign_events leaderboard_entries customer_figures rate_limits ledger_mismatches merchant_reviews);

# What each node would have of its own: work, samples, messages and what is made of them.
my $of_a_node = join '|', qw(jobs health_\w+ sinks sink_\w+ outbox audit_\w+ leaderboards leaderboard_marks ledger_check_days imports import_errors token_keys sign_in_failures);

# file, what the text has, why
my @exceptions = (
    [ 'src/ledger/verify.c', qr/./, 'proves the whole ledger' ],
    [ 'src/ledger/check_ledger.c', qr/./, 'draws accounts at random, and lists what was found of anybody' ],
    [ 'src/points/leaderboards.c', qr/./, 'ranks everybody' ],
    [ 'src/users/list_users.c', qr/./, 'lists everybody' ],
    [ 'src/analytics/rebuild.c', qr/./, 'counts what everybody bought' ],
    [ 'src/analytics/verify_analytics.c', qr/./, 'the same' ],
    [ 'src/health/figures.c', qr/ledger_mismatches/, 'counts what was found of anybody' ],
    [ 'src/operations/guard.c', qr/points_entries LIMIT 1/, 'asks whether there is a ledger at all' ],
    [ 'src/campaigns/campaigns.c', qr/ AS spent,/, 'what a campaign gave to everybody' ],
    [ 'src/campaigns/list_campaigns.c', qr/ AS spent /, 'the same' ],
    [ 'src/campaigns/lifecycle.c', qr/revenue_generated|count\(DISTINCT e\.campaign_no\)|campaign_redemptions r WHERE r\.campaign_no = \$1 LIMIT 1/, 'the same' ],
    [ 'src/campaigns/limits.c', qr/FROM swipesavvy\.campaign_redemptions r WHERE r\.campaign_no = \$1/, 'a new budget or limit counts what was given to everybody' ],
    [ 'src/campaigns/simulation.c', qr/segment_members m WHERE m\.segment_no = ANY/, 'replays everybody\'s purchases' ],
    [ 'src/engine/stored_purchases.c', qr/./, 'replays everybody\'s purchases' ],
    [ 'src/engine/engine.c', qr/transactions t WHERE t\.transaction_id = ANY/, 'a transaction_id is used once by anybody; asked only when the caller chose it' ],
    [ 'src/purchases/recorded.c', qr/^SELECT t\.user_id FROM .* WHERE t\.transaction_id = \$1$/, 'finds whose purchase it is when the caller does not say' ],
    [ 'src/points/cancel_redemption.c', qr/^SELECT user_id FROM .* UNION ALL SELECT user_id FROM /, 'finds whose redemption it is when the caller does not say' ],
    [ 'src/purchases/settlement.c', qr/t\.recorded_at < \$1 ORDER BY t\.recorded_at LIMIT/, 'finds what has lapsed of anybody' ],
    [ 'src/flags/flag_document.c', qr/s\.name = \$1 ORDER BY m\.user_id LIMIT/, 'server SDKs get the members of a segment' ],
    [ 'src/experiments/refresh.c', qr/ORDER BY \w\.user_id$/, 'adds up what everybody did' ],
    [ 'src/flags/flag_users.c', qr/./, 'evaluates a flag for everybody' ],
    [ 'src/learning/user_pass.c', qr/./, 'learns of everybody' ],
    [ 'src/learning/neighbours.c', qr/JOIN swipesavvy\.users u/, 'at which merchants the same users buy' ],
    [ 'src/learning/send_times.c', qr/JOIN swipesavvy\.users u/, 'the hours at which everybody is there' ],
    [ 'src/ledger/lots.c', qr/^SELECT u\.user_id FROM swipesavvy\.reward_accounts u/, 'finds whose points have expired' ],
    [ 'src/ledger/lots.c', qr/^SELECT d\.points FROM unnest/, 'user by user; one condition more for all of them would be looked at for each row' ],
    [ 'src/analytics/refresh_customers.c', qr/./, 'works out everybody\'s figures' ],
    [ 'src/analytics/campaign_segments.c', qr/./, 'works out what everybody in a segment did' ],
    [ 'src/analytics/refresh_uplift.c', qr/./, 'adds up what everybody spent' ],
    [ 'src/places/refresh_merchants.c', qr/./, 'counts the customers of merchants' ],
    [ 'src/places/merchant_analytics.c', qr/geofence_visits/, 'visits of anybody to a merchant' ],
    [ 'src/analytics/export_customers.c', qr/customer_figures/, 'lists all customers, and those who have fallen silent' ],
    [ 'src/analytics/export_campaigns.c', qr/campaign_redemptions/, 'what campaigns gave to everybody' ],
    [ 'src/analytics/customers.c', qr/customer_figures/, 'lists customers of a segment, and those who have fallen silent' ],
    [ 'src/places/reviews.c', qr/merchant_reviews r .*WHERE r\.(merchant_id = \$1 AND r\.comment_status|comment_status|review_id) /, 'what anybody thinks of a merchant' ],
    [ 'src/programme/boosts.c', qr/activation_limit|WHERE boost_id = \$1/, 'how many users may have a boost' ],
    [ 'src/programme/refresh_tiers.c', qr/ORDER BY a\.user_id LIMIT/, 'finds whose tier is over' ],
    [ 'src/programme/segments.c', qr/count\(\*\) FROM swipesavvy\.segment_members/, 'how many are in a segment' ],
    [ 'src/programme/segments.c', qr/unnest\(\$1\) m\(user_id\) WHERE NOT EXISTS/, 'the members are a list of users' ],
    [ 'src/signin/signin.c', qr/lower\(u\.email\)|email_key/, 'finds whose address it is' ],
    [ 'src/users/users.c', qr/lower\(email\)|email_key/, 'an address is used once by anybody' ],
);
my %used;

my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
chomp(my $server = `$pg_config --includedir-server`);
chomp(my $cc = `$pg_config --cc`);
my %queries;
for my $file (sort glob 'src/*.c src/*/*.c')
{
    my ($own, $mine) = (1, '');
    my $text = `$cc -E -Isrc -I$server $file`;
    $? == 0 or die "$file: cannot be preprocessed";
    for (split /\n/, $text)
    {
        if (/^# \d+ "([^"]*)"/) { $own = $1 !~ m{^/} }
        elsif ($own) { $mine .= "$_\n" }
    }
    my $literal = qr/"(?:[^"\\]|\\.)*"/;
    while ($mine =~ /($literal(?:\s*$literal)*)/g)
    {
        my $query = join '', map { s/\\(["\\])/$1/gr } $1 =~ /"((?:[^"\\]|\\.)*)"/g;
        $query =~ s/\s+/ /g;
        push @{ $queries{$file} }, $query if $query =~ /swipesavvy(?:_private)?\.\w/ && $query =~ /^\(?(?:SELECT|INSERT|UPDATE|DELETE|WITH|LOCK|MERGE)\b/;
    }
}
my $count = map { @$_ } values %queries;
cmp_ok($count, '>', 400, "$count queries in " . keys(%queries) . ' files');

# Does it name the user for each table: by a parameter for one of them, and the others by that one?
sub names_the_user
{
    my ($query) = @_;
    my $tables = () = $query =~ /\b(?:FROM|JOIN|UPDATE|,) (?:ONLY )?swipesavvy(?:_private)?\.(?:$by_user)\b/g;
    my $bound = () = $query =~ /\buser_id (?:= |= ANY \()\$\d/g;
    my $said = () = $query =~ /\buser_id =|= (?:\w+\.)?user_id\b/g;
    return $tables == 0 || ($bound > 0 && $said >= $tables);
}
ok(!names_the_user('SELECT 1 FROM swipesavvy.transactions t WHERE t.transaction_id = $1'), 'a query without the user is seen');
ok(!names_the_user('UPDATE swipesavvy.accounts a SET x = 1 FROM unnest($1) k (user_id) WHERE a.user_id = k.user_id'), 'so is one that has it from a list alone');
ok(!names_the_user('SELECT 1 FROM swipesavvy.refunds r JOIN swipesavvy.transactions t USING (transaction_id) WHERE r.user_id = $1'), 'and a second table without it');
ok(names_the_user('SELECT 1 FROM swipesavvy.refunds r JOIN swipesavvy.transactions t ON t.user_id = r.user_id WHERE r.user_id = $1'), 'one that has it passes');

for my $file (sort keys %queries)
{
    my @lacking;
    for my $query (grep { !names_the_user($_) } @{ $queries{$file} })
    {
        my ($exception) = grep { $_->[0] eq $file && $query =~ $_->[1] } @exceptions;
        if ($exception) { $used{$exception} = 1 }
        else { push @lacking, $query }
    }
    is_deeply(\@lacking, [], "$file: each query on tables of users names the user");

    my @mutable = grep {
        my $query = $_;
        $query =~ /\b(?:UPDATE|INSERT INTO|DELETE FROM) swipesavvy(?:_private)?\.(?!(?:$of_a_node)\b)/
          && grep { /\b(?:now|clock_timestamp|statement_timestamp|random|gen_random_uuid|uuid_v7|nextval|jsonb?_build_\w+|to_jsonb?|jsonb_strip_nulls|format|current_setting)\(/ }
          $query =~ /\bCASE .*? END\b|\bcoalesce(\((?:[^()]++|(?1))*\))/gi;
    } @{ $queries{$file} };
    is_deeply(\@mutable, [], "$file: no write calls a function in CASE or COALESCE whose result may change");
    is_deeply([ grep { /(?:FROM|LATERAL|ALL|JOIN) ?\(+SELECT FROM|\(\(SELECT FROM/ } @{ $queries{$file} } ], [], "$file: rows to be counted have a column");
    # the planner may ask again for each row, and FOR UPDATE SKIP LOCKED then answers with others: ARRAY(...) and MATERIALIZED are asked once
    is_deeply([ grep { /\bIN ?\(SELECT (?:[^()]|(\((?:[^()]++|(?1))*\)))*?\b(?:LIMIT|SKIP LOCKED)\b/ } @{ $queries{$file} } ], [], "$file: a part with a limit is asked once");
}
is_deeply([ map { "$_->[0] $_->[1]" } grep { !$used{$_} } @exceptions ], [], 'no exception is left over');

done_testing();
