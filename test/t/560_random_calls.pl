# Random calls of every function of the API as every role, from a seed (SWIPESAVVY_SEED): nulls, huge numbers, infinities,
# NaN, deep and empty JSON, a megabyte of text, invalid dates, misspelt choices, SQL in every text. Nothing crashes, nothing
# is an internal error, nothing of the ledger is lost. SWIPESAVVY_CALLS says how many (4,000; make stress: 100,000).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user add_campaign);
use Test::More;

my $seed = $ENV{SWIPESAVVY_SEED} || time;
my $calls = $ENV{SWIPESAVVY_CALLS} || 4000;
note("SWIPESAVVY_SEED=$seed SWIPESAVVY_CALLS=$calls");
srand($seed);

my $node = new_node('random', "shared_preload_libraries = 'swipesavvy'", "log_min_messages = warning", "statement_timeout = '60s'");
create_extension($node, 'app');
$node->safe_psql('app', 'SELECT swipesavvy.rebuild_analytics()');
my @users = map { add_user($node, 'app', "user$_\@example.com") } 1 .. 5;
add_campaign($node, 'app', 'CAMP-A', 50000);
add_campaign($node, 'app', 'CAMP-B', 1);
my $merchant = json($node, 'app', "SELECT swipesavvy.create_merchant('Cafe', 'Restaurants & Cafes')")->{merchant_id};
my $boost = json($node, 'app', "SELECT swipesavvy.create_boost('Double', 2)")->{boost_id};
my @accounts = map { json($node, 'app', "SELECT swipesavvy.link_account('$_', 'card', '4242')")->{account_id} } @users;
my @purchases = map { json($node, 'app', "SELECT swipesavvy.record_transaction('$users[$_ % 5]', 10)")->{transaction_id} } 1 .. 10;
$node->safe_psql('app', q{SELECT swipesavvy.set_sink_secret('key', 's3cret'), swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key', '{user.*}'),
    swipesavvy.create_sink('dog', 'datadog', secret => 'key')});
$node->safe_psql('app', "CREATE TABLE feed (user_id uuid, amount_minor bigint, currency text); CREATE TABLE public.\"x'; DROP TABLE swipesavvy.users; --\" (user_id int);"
      . "GRANT SELECT ON feed TO PUBLIC; ALTER DATABASE app SET swipesavvy.trusted_gateways = 'postgres'");

# what a client may call: name, types and names of its arguments, how many have no default
my @functions = map {
    my ($name, $kind, $required, $types, $names) = split /\|/;
    { name => $name, kind => $kind, required => $required, types => [ split /,/, $types ], names => [ split /,/, $names ] };
} split /\n/, $node->safe_psql('app', q{
    SELECT p.proname, p.prokind, p.pronargs - p.pronargdefaults, (SELECT string_agg(t::regtype::text, ',' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n)),
           coalesce(array_to_string(p.proargnames, ','), '')
      FROM pg_proc p WHERE p.pronamespace = 'swipesavvy'::regnamespace AND p.proname IN (SELECT function FROM swipesavvy.privileges) ORDER BY p.proname});
my @roles = map { "swipesavvy_$_" } qw(anon customer support analytics backend delivery admin admin);

# --- values ---------------------------------------------------------------------------------

sub one_of { return $_[ int rand @_ ] }
sub quoted { my $text = shift; $text =~ s/'/''/g; return "'$text'" }

my @words = ('', ' ', 'x', 'Ada', 'ada@example.com', 'CAMP-A', 'CAMP-B', 'running', 'Running', 'card', 'crad', 'SEASONAL', 'PERCENTAGE', 'FIXED_DISCOUNT', 'percantage',
    'USD', 'usd', 'JPY', 'XXX', 'completed', 'pending', 'view', 'veiw', 'immediate', 'scheduled', 'monthly', 'daily', 'bronze', '4242', '42424', 'password1', 'en', 'customer', 'admin',
    "'; DROP TABLE swipesavvy.users; --", "' OR '1'='1", '$1', '%', '_', '\\', '"; SELECT pg_sleep(10); --', "\$\$; DELETE FROM swipesavvy.points_entries; \$\$",
    '{}', '[]', 'null', "\x{c3}\x{a9}", "\x{f0}\x{9f}\x{8e}\x{81}", '../../etc/passwd', '<script>', "line\nbreak", "tab\t", 'Europe/Berlin', 'eyJhbGciOiJub25lIn0.e30.', '-1', '1e400', 'NaN',
    'hook', 'dog', 'key', 'webhook', 'pagerduty', 'cloudwatch', 'otlp', 'https://example.com/', 'http://[::1', 'https://a@b', 'user.*', 'alert.opened',
    'Restaurants & Cafes', 'Space', '5814', '00000000-0000-0000-0000-000000000000');
my @keys = qw(name email phone role status budget end_date start_date maintenance earn_rate currency user_id amount points offer_amount tier threshold multiplier benefits url secret events options max_per_second enabled tags region x);

sub json_value
{
    my ($depth) = @_;
    my $kind = int rand($depth > 3 ? 6 : 9);
    return 'null' if $kind == 0;
    return one_of('true', 'false') if $kind == 1;
    return one_of(0, 1, -1, 1.5, '1e30', '-1e-30', '9223372036854775808', '1e1000', 42, 100) if $kind == 2;
    return '"' . one_of(@users, $merchant, 'CAMP-A') . '"' if $kind == 3;
    if ($kind < 6) { my $word = one_of(@words); $word =~ s/([\\"])/\\$1/g; $word =~ s/\n/\\n/g; $word =~ s/\t/\\t/g; return "\"$word\"" }
    return '[' . join(',', map { json_value($depth + 1) } 1 .. int rand 4) . ']' if $kind == 6;
    return '{' . join(',', map { '"' . one_of(@keys) . '": ' . json_value($depth + 1) } 1 .. int rand 4) . '}';
}

my %of_type = (
    text => sub { my $n = rand; return $n < .01 ? "repeat('x', 1048576)" : $n < .02 ? "repeat('ab%_', 50)" : quoted(one_of(@words)) },
    uuid => sub { return quoted(one_of(@users, @users, @accounts, @purchases, $merchant, $boost, '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff')) . '::uuid' },
    jsonb => sub {
        my $n = rand;
        return "(repeat('[', 5000) || repeat(']', 5000))::jsonb" if $n < .01;
        return "jsonb_build_object('name', repeat('x', 1048576))" if $n < .02;
        return "(SELECT jsonb_agg(jsonb_build_object('user_id', '$users[0]', 'amount', i)) FROM generate_series(1, 50) i)" if $n < .04;
        return quoted(json_value(0)) . '::jsonb';
    },
    numeric => sub { return one_of(qw(0 1 -1 0.001 10 12.34 100000 1e30 -1e30 9223372036854775807 9223372036854775808), "'NaN'", "'Infinity'", "'-Infinity'", '1e-200') . '::numeric' },
    integer => sub { return one_of(qw(0 1 -1 2 7 20 100 101 500 501 2147483647), '(-2147483648)') },
    bigint => sub { return one_of(qw(0 1 -1 5 100 1000000 9223372036854775807), "'-9223372036854775808'") . '::bigint' },
    boolean => sub { return one_of(qw(true false)) },
    'timestamp with time zone' => sub { return quoted(one_of('now', 'infinity', '-infinity', '2020-01-01', '2026-12-31 23:59:60+14', '4713-01-01 BC', '294276-12-31', 'epoch', 'tomorrow', '2026-02-29')) . '::timestamptz' },
    'uuid[]' => sub { return one_of("'{}'", "'{NULL}'", "ARRAY['$users[0]', '$users[1]']", "'{{$users[0]},{$users[1]}}'", "(SELECT array_agg(gen_random_uuid()) FROM generate_series(1, 1000))") . '::uuid[]' },
    'bytea[]' => sub { return one_of("'{}'", "'{NULL}'", q{'{"\\\\x00"}'}, "ARRAY[decode(repeat('ff', 4096), 'hex')]", "ARRAY[decode(repeat('01', 4096), 'hex'), decode(repeat('07', 4096), 'hex')]") . '::bytea[]' },
    'double precision' => sub { return one_of(qw(0 1 -1 0.5 1e308 -1e308 1e-300), "'NaN'", "'Infinity'", "'-Infinity'") . '::double precision' },
    'double precision[]' => sub { return one_of("'{}'", "'{NULL}'", "'{0.5,0.5}'", "'{1e308,-1e308}'", "'{NaN,Infinity}'", "'{{0.1},{0.9}}'") . '::double precision[]' },
    date => sub { return quoted(one_of('now', 'infinity', '-infinity', '2020-01-01', '2026-12-31', '4713-01-01 BC', '5874897-12-31', 'epoch', 'tomorrow', '2026-02-28')) . '::date' },
    interval => sub { return quoted(one_of('0', '-1 day', '1 second', '1 month', '1 hour', '178000000 years', '-178000000 years')) . '::interval' },
    'numeric[]' => sub { return one_of("'{}'", "'{NULL}'", "'{0.5,0.5}'", "'{1}'", "'{0,0}'", "'{-1,2}'", "'{NaN,1}'", "'{Infinity}'", "'{1e-200,1}'", "'{{0.5},{0.5}}'", 'array_fill(0.001::numeric, ARRAY[1000])') . '::numeric[]' },
    'text[]' => sub { return one_of("'{}'", "'{NULL}'", "'{a,b}'", "'{user.*,*}'", "'{alert.*}'", "'{{a},{b}}'", "ARRAY[repeat('x', 1048576)]", "array_fill('a'::text, ARRAY[1000])") . '::text[]' },
    regclass => sub { return quoted(one_of('feed', 'pg_class', 'swipesavvy.users', 'swipesavvy.purchases', q{public."x'; DROP TABLE swipesavvy.users; --"})) . '::regclass' },
);

sub random_call
{
    my $function = one_of(@functions);
    my @arguments;
    for my $i (0 .. $#{ $function->{types} })
    {
        next if $i >= $function->{required} && rand() < .5;
        my $type = $function->{types}[$i] eq 'anyelement' ? 'text' : $function->{types}[$i];
        my $make = $of_type{$type} or die "no values of type $type for $function->{name}";
        push @arguments, (($function->{names}[$i] // '') eq '' ? '' : qq("$function->{names}[$i]" => )) . (rand() < .08 ? "NULL::$type" : $make->() . ($function->{types}[$i] eq 'anyelement' ? '::text' : ''));
    }
    return sprintf '%s swipesavvy.%s(%s)', $function->{kind} eq 'p' ? 'CALL' : 'SELECT', $function->{name}, join ', ', @arguments;
}

# --- calls ------------------------------------------------------------------------------------

my $pid = $node->safe_psql('app', "SELECT pg_read_file('postmaster.pid')");
my (%state, @wrong);
my $done = 0;
while ($done < $calls)
{
    # what an admin has set by chance must not turn everybody away for the rest of it
    $node->safe_psql('app', q{UPDATE swipesavvy.system_settings SET value = 'false' WHERE setting = 'maintenance_mode' AND value <> 'false';
        UPDATE swipesavvy.system_settings SET value = 'null' WHERE setting IN ('rate_limit_per_minute', 'max_transaction_amount', 'daily_spending_limit') AND value <> 'null'});
    my @batch = map { random_call() } 1 .. 500;
    my $script = "\\set VERBOSITY sqlstate\n\\set ON_ERROR_STOP off\n\\o /dev/null\n";
    for my $i (0 .. $#batch)
    {
        my $claims = one_of('', '{}', map { "{\"sub\": \"$_\"}" } @users[ 0, 1 ]);
        $script .= sprintf "SET ROLE %s; SET request.jwt.claims = '%s';\n%s;\n\\warn \@\@%d :SQLSTATE\n", one_of(@roles), $claims, $batch[$i], $i;
    }
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr('app'), '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
    my %seen;
    while ($err =~ /^\@\@(\d+) (\w{5})/mg)
    {
        $seen{$1} = 1;
        $state{$2}++;
        push @wrong, "$2: " . substr($batch[$1], 0, 300)
          unless $2 =~ /^(00000|22...|23...|PT4..|PT503|42501|0A000|54001|54000)$/;
    }
    push @wrong, grep { !$seen{$_} } map { "no answer: " . substr($batch[$_], 0, 300) } grep { !$seen{$_} } 0 .. $#batch;
    $done += @batch;
    last if @wrong > 50;
}

is_deeply(\@wrong, [], 'no call ends otherwise than with a result or with an error that the API knows') or diag join "\n", @wrong[ 0 .. ($#wrong > 20 ? 20 : $#wrong) ];
cmp_ok($done, '>=', $calls, 'all calls were made');
note(join ' ', map { "$_=$state{$_}" } sort keys %state);
cmp_ok($state{'00000'} // 0, '>', $calls / 20, 'a good part of them succeeds');
for my $code (qw(22023 42501 PT404)) { cmp_ok($state{$code} // 0, '>', 0, "and $code occurs") }
is($node->safe_psql('app', "SELECT pg_read_file('postmaster.pid')"), $pid, 'the server is the one that it was');
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|was terminated by signal|server process .* exited|TRAP:/, 'no process of it has ended');
unlike($log, qr/ERROR: +XX/, 'no internal error is in its log');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.users WHERE email LIKE \'user_@example.com\' OR erased_at IS NOT NULL') >= 5, 1, 'nobody is lost');
is(json($node, 'app', 'SELECT swipesavvy.verify_ledger()')->{mismatches}, 0, 'the ledger adds up');
is(json($node, 'app', 'SELECT swipesavvy.verify_analytics()')->{mismatches}, 0, 'so do the figures of campaigns');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.transactions WHERE transaction_id IN (' . join(',', map { "'$_'" } @purchases) . ')'), scalar @purchases, 'no purchase is lost');

done_testing();
