# export_analytics: CSV with every sign that begins a formula, and with whatever a field must be quoted for, read back by a parser of RFC 4180 (and by
# python3's, where there is one); NDJSON; each dataset is what its function says; the audit log has the digest of the file.
use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256_hex);
use Encode qw(encode_utf8 decode_utf8);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json add_user);
use Test::More;

my $node = new_node('exports');
my $json = JSON::PP->new->canonical->allow_nonref->allow_bignum;
create_extension($node, 'app');

sub sql { return $node->safe_psql('app', encode_utf8($_[0])) }
sub quoted { my $text = shift; $text =~ s/'/''/g; return "'$text'" }

# --- a parser of RFC 4180, which takes nothing else ------------------------------------------------------------------------------

# Records of fields [value, quoted]; dies of a quote in a field without quotes, of what follows a closing one, and of CR or LF alone outside of quotes.
sub parse_csv
{
    my ($file) = @_;
    my (@records, @record);
    pos($file) = 0;
    for (;;)
    {
        if ($file =~ /\G"((?:[^"]|"")*)"/gc) { push @record, [ $1 =~ s/""/"/gr, 1 ] }
        else { $file =~ /\G([^",\r\n]*)/gc; push @record, [ $1, 0 ] }
        next if $file =~ /\G,/gc;
        push @records, [ splice @record ];
        last if pos($file) == length $file;
        $file =~ /\G\r\n/gc or die 'no end of a field or record at ' . pos($file) . ': ' . substr($file, pos($file), 20);
    }
    return @records;
}
is_deeply([ parse_csv(qq{a,"b ""c"",\r\n",\r\n,"",}) ], [ [ [ 'a', 0 ], [ qq{b "c",\r\n}, 1 ], [ '', 0 ] ], [ [ '', 0 ], [ '', 1 ], [ '', 0 ] ] ], 'the parser parses');
ok(!eval { parse_csv($_->[1]); 1 }, "it refuses $_->[0]") for [ 'a quote in a field', 'a"b' ], [ 'more behind a quoted field', '"a"b' ], [ 'a line feed in a field', "a\nb" ], [ 'a quote without another', '"a' ];

# The rows of an export, as they are.
sub export
{
    my ($arguments, $db) = @_;
    my $rows = $node->safe_psql($db // 'app', encode_utf8("SELECT coalesce(jsonb_agg(r), '[]') FROM swipesavvy.export_analytics($arguments) r"));
    return @{ JSON::PP->new->utf8->decode($rows) };
}
sub hashes { my @records = parse_csv(join "\r\n", @_); my @names = map { $_->[0] } @{ shift @records }; return map { my $r = $_; +{ map { $names[$_] => $r->[$_][0] } 0 .. $#names } } @records }

# --- names ---------------------------------------------------------------------------------------------------------------------

my @signs = ('=', '+', '-', '@', "\t", "\r", "\n", "\x{FF1D}", "\x{FF0B}", "\x{FF0D}", "\x{FF20}");
my @names = ((map { "${_}1+1" } @signs), (map { "$_\"x\",\r\n" . 'y' } @signs), 'plain', 'a,b', 'say "x"', '"', "line\nbreak", "cr\rx", ' front', 'back ', "'=1", 'x=1', "\x{c9}clair", "\x{1F381}", '0', '-', '1e5', '007', "\x{FF1C}x");
my $id = 0;
my %name = map { sprintf('N%02d', $id++) => $_ } @names;
sql('SELECT swipesavvy.rebuild_analytics() IS NOT NULL');
sql(join '', map { "SELECT swipesavvy.create_campaign(campaign_id => '$_', name => " . quoted($name{$_}) . ", campaign_type => 'SEASONAL', offer_type => 'OTHER', start_date => '2020-01-01');\n" } sort keys %name);

my @rows = export(q{'campaigns', start_date => '2026-01-01', end_date => '2026-01-31'});
my @records = parse_csv(join "\r\n", @rows);
my %column = map { $records[0][$_][0] => $_ } 0 .. $#{ $records[0] };
is(scalar(@records), @names + 1, 'a header, and a record for each campaign');
is(scalar(grep { @$_ == keys %column } @records), scalar(@records), 'of as many fields each');
my %formula = map { $_ => 1 } @signs;
for my $record (@records[ 1 .. $#records ])
{
    my ($id, $field) = ($record->[0][0], $record->[ $column{name} ]);
    my $name = $name{$id};
    my $sign = $formula{ substr $name, 0, 1 };
    (my $shown = $json->ascii->encode($name)) =~ s/#/\\#/g;
    is($field->[0], ($sign ? "'" : '') . $name, "$shown is read back" . ($sign ? ' behind an apostrophe' : ''));
    is($field->[1] ? 1 : 0, $sign || $name =~ /[",\r\n]|^ | $/ ? 1 : 0, "$shown is " . ($field->[1] ? 'quoted' : 'not quoted'));
}
is_deeply([ @{ $records[1] }[ $column{budget}, $column{end_date} ] ], [ [ '', 0 ], [ '', 0 ] ], 'null is empty, without quotes');
is_deeply([ map { $records[1][ $column{$_} ][0] } qw(start_date impressions revenue other_currencies) ], [ '2020-01-01T00:00:00Z', '0', '0.00', 'false' ], 'times, numbers, truth');
is_deeply([ map { $_->[0][0] } @records[ 1 .. $#records ] ], [ sort keys %name ], 'in the order of their ids');
is_deeply([ export(q{'campaigns', start_date => '2026-01-01', end_date => '2026-01-31', header => false}) ], [ @rows[ 1 .. $#rows ] ], 'without a header');

my @objects = export(q{'campaigns', 'json', start_date => '2026-01-01', end_date => '2026-01-31'});
is_deeply({ map { my $o = $json->ascii(0)->decode($_); $o->{campaign_id} => $o->{name} } @objects }, \%name, 'JSON has the names as they are');
is(join(',', $objects[0] =~ /[{,]"(\w+)":/g), $rows[0], 'and the members in the order of the header');
is(scalar(grep { /[\r\n]/ } @objects), 0, 'each is one line');
is(scalar(grep { /\\u(?!00[01])/ } @objects), 0, 'nothing is escaped but what must be');

# the same file by another parser
my $file = PostgreSQL::Test::Utils::tempdir() . '/campaigns.csv';
open my $out, '>:raw', $file or die;
print $out encode_utf8(join "\r\n", @rows);
close $out;
SKIP:
{
    my $python = `python3 -c 'import csv, json' 2>&1`;
    skip 'no python3: its csv module reads nothing here', 1 if $? != 0;
    my $read = `python3 -c 'import csv, json, sys; print(json.dumps(list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True))))' $file`;
    is_deeply(JSON::PP->new->utf8->decode($read), [ map { [ map { $_->[0] } @$_ ] } @records ], 'python3 reads the same fields');
}

# in another encoding of the server
$node->safe_psql('postgres', "CREATE DATABASE japan TEMPLATE template0 ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C'");
$node->safe_psql('japan', 'CREATE EXTENSION swipesavvy CASCADE; SELECT swipesavvy.rebuild_analytics() IS NOT NULL');
$node->safe_psql('japan', encode_utf8("SET client_encoding = 'UTF8'; SELECT swipesavvy.create_campaign(campaign_id => 'J' || n, name => name, campaign_type => 'SEASONAL', offer_type => 'OTHER', start_date => '2020-01-01') IS NOT NULL
    FROM unnest(ARRAY['\x{FF1D}1', '\x{FF20}x', '\x{65E5}\x{672C}']) WITH ORDINALITY v (name, n)"));
is(decode_utf8($node->safe_psql('japan', q{SET client_encoding = 'UTF8'; SELECT string_agg(split_part(r, ',', 2), ' ') FROM swipesavvy.export_analytics('campaigns', header => false) r})),
    "\"'\x{FF1D}1\" \"'\x{FF20}x\" \x{65E5}\x{672C}", 'signs of formulas are known in EUC_JP');

# --- every dataset is what its function says ----------------------------------------------------------------------------------------

sql(q{
    SELECT swipesavvy.create_user('zoe.quick' || n || '@secret.example', 'Zoe Quick' || n, phone => '+4930555' || 1000 + n) IS NOT NULL FROM generate_series(1, 12) n;
    SELECT swipesavvy.create_merchant('@shop', 'Services', merchant_id => '00000000-0000-7000-8000-0000000000a1') IS NOT NULL;
    SELECT swipesavvy.create_segment('=vip'), swipesavvy.create_campaign(campaign_id => 'TEN', name => 'Ten', campaign_type => 'FLASH_SALE', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-01-01') IS NOT NULL;
    SELECT swipesavvy.launch_campaign('TEN') IS NOT NULL;
    SELECT swipesavvy.add_segment_members('=vip', ARRAY(SELECT user_id FROM swipesavvy.users ORDER BY 1 LIMIT 5)) IS NOT NULL;
    SELECT count(swipesavvy.record_transaction(u.user_id, 10 + k, merchant_id => CASE WHEN k % 2 = 0 THEN '00000000-0000-7000-8000-0000000000a1'::uuid END, occurred_at => now() - make_interval(days => (k * n)::int % 400, hours => 1), status => CASE WHEN k = 5 THEN 'pending' ELSE 'completed' END))
      FROM (SELECT user_id, row_number() OVER (ORDER BY user_id) AS n FROM swipesavvy.users) u, generate_series(3, 8) k;
    SELECT count(swipesavvy.refund_transaction(transaction_id, 1)) FROM (SELECT transaction_id FROM swipesavvy.transactions WHERE status = 'completed' ORDER BY 1 LIMIT 9) t;
    SELECT count(swipesavvy.track_event('TEN', kind, occurred_at => now() - n * interval '1 day')) FROM unnest('{impression,view,click,conversion}'::text[]) kind, generate_series(0, 40) n;
    SELECT swipesavvy.fold_analytics(), swipesavvy.refresh_customer_analytics(), swipesavvy.refresh_campaign_segments('TEN');
    SELECT swipesavvy.record_transaction(user_id, 7) IS NOT NULL FROM swipesavvy.users});

# A record as text, key by key; rates are members of their own in the answers.
sub line { my ($r, @keys) = @_; return join ' | ', map { my $v = exists $r->{$_} ? $r->{$_} : $r->{rates}{$_}; "$_ " . (!defined $v ? '' : ref $v ? ($v ? 'true' : 'false') : $v) } @keys }
sub answer { my $doc = $node->safe_psql('app', encode_utf8("SELECT swipesavvy.$_[0]")); return JSON::PP->new->utf8->allow_bignum->decode($doc) }
my @measures = qw(impressions views clicks conversions purchase_conversions tracked_conversions pending_conversions tracked_value revenue revenue_primary cost discount bonus_points
  view_rate click_through_rate conversion_rate redemption_rate revenue_per_impression cost_per_acquisition return_on_ad_spend);
# as printed, not as numbers
sub printed
{
    my ($query) = @_;
    return map { JSON::PP->new->utf8->decode($_) } split /\n/, $node->safe_psql('app', encode_utf8(qq{
        SELECT (SELECT jsonb_object_agg(k, CASE jsonb_typeof(v) WHEN 'number' THEN to_jsonb(v::text) WHEN 'boolean' THEN to_jsonb(v::text) ELSE v END) FROM jsonb_each(r - 'rates' || coalesce(r -> 'rates', '{}')) e (k, v)) FROM ($query) q (r)}));
}

my ($metrics) = printed(q{SELECT swipesavvy.get_campaign_metrics('TEN', current_date - 29, current_date)});
my ($given) = grep { $_->{campaign_id} eq 'TEN' } hashes(export(q{'campaigns'}));
is(line($given, 'campaign_id', 'currency', @measures), line($metrics, 'campaign_id', 'currency', @measures), 'campaigns: the last 30 days, with the figures of get_campaign_metrics');

my @daily = printed(q{SELECT d || '{"campaign_id": "TEN"}' FROM jsonb_array_elements(swipesavvy.get_campaign_daily('TEN') -> 'days') d});
my @exported = hashes(export(q{'campaign_daily', campaign_id => 'TEN'}));
my @shown = ('campaign_id', 'date', 'currency', @measures, 'provisional');
is_deeply([ map { line($_, @shown) } @exported ], [ map { line($_, @shown) } @daily ], 'campaign_daily: get_campaign_daily of a campaign');
is(scalar(grep { ($_->{updated_at} eq '') != ($_->{impressions} eq '0' && $_->{conversions} eq '0') } @exported), 0, 'with when each day has changed');
is_deeply([ hashes(export(q{'campaign_daily'})) ]->[0] && [ map { line($_, @shown) } hashes(export(q{'campaign_daily'})) ], [ map { line($_, @shown) } @daily ], 'of all: those that brought something');
is_deeply([ map { "$_->{date} $_->{conversions}" } hashes(export(q{'campaign_daily', campaign_id => 'N00', start_date => '2026-01-01', end_date => '2026-01-03'})) ], [ map { "2026-01-0$_ 0" } 1 .. 3 ], 'a campaign that brought nothing has its days, too');

my @segments = printed(q{SELECT s FROM jsonb_array_elements(swipesavvy.get_campaign_segments('TEN') -> 'segments') s ORDER BY s ->> 'segment' NULLS LAST});
my @keys = qw(segment members reached converters conversions revenue cost discount converter_rate);
is_deeply([ map { $_->{segment} =~ s/^'//; line($_, @keys) } hashes(export(q{'segments', campaign_id => 'TEN'})) ], [ map { line($_, @keys) } @segments ], 'segments: get_campaign_segments');
cmp_ok(scalar(@segments), '==', 2, 'of two segments');
is_deeply([ export(q{'segments'}) ], [ export(q{'segments', campaign_id => 'TEN'}) ], 'of all that were worked out');

@keys = qw(user_id segment r f m recency_days frequency monetary);
my @rfm = printed(q{SELECT u FROM (VALUES ('champion'), ('loyal'), ('potential_loyalist'), ('promising'), ('new'), ('needs_attention'), ('about_to_sleep'), ('at_risk'), ('cannot_lose'), ('hibernating'), ('lost'), ('inactive')) s (s), jsonb_array_elements(swipesavvy.list_rfm_users(s, 100) -> 'users') u ORDER BY u ->> 'user_id'});
is_deeply([ map { line($_, @keys) } hashes(export(q{'rfm'})) ], [ map { line($_, @keys) } @rfm ], 'rfm: list_rfm_users of all segments');
cmp_ok(scalar(@rfm), '>', 8, 'there are customers');
@keys = qw(user_id last_purchase_date days_since typical_gap_days ratio purchases net_amount_365);
my @churn = printed(q{SELECT u FROM jsonb_array_elements(swipesavvy.get_churn_list(page_size => 100) -> 'users') u ORDER BY u ->> 'user_id'});
is_deeply([ map { line($_, @keys) } hashes(export(q{'churn'})) ], [ map { line($_, @keys) } @churn ], 'churn: get_churn_list');
cmp_ok(scalar(@churn), '>', 0, 'somebody has fallen silent');
for my $granularity (qw(monthly weekly))
{
    my @cells = split /\n/, sql(qq{
        SELECT concat_ws(' ', c ->> 'cohort', k - 1, c -> 'size', c -> 'active' -> (k - 1), c -> 'retention' -> (k - 1), c -> 'net_amount' -> (k - 1))
          FROM jsonb_array_elements(swipesavvy.get_cohort_retention('$granularity', 60, 60) -> 'cohorts') c, generate_series(1, 60) k WHERE c -> 'active' -> (k - 1) <> 'null' ORDER BY c ->> 'cohort', k});
    is_deeply([ map { join ' ', @$_{qw(cohort period size active retention net_amount)} } grep { $_->{granularity} eq $granularity && $_->{period} < 60 } hashes(export(q{'cohorts'})) ], \@cells, "cohorts: $granularity, what has ended of get_cohort_retention");
    cmp_ok(scalar(@cells), '>=', 3, 'there are some');
}
@keys = qw(points_available points_overdrawn points_pending value breakage_rate expected_breakage_points expected_liability);
my ($liability) = printed(q{SELECT swipesavvy.get_points_liability() - 'history'});
is_deeply([ map { line($_, @keys) } hashes(export(q{'liability'})) ], [ line($liability, @keys) ], 'liability: get_points_liability');
is(scalar(export(q{'liability', end_date => '2020-01-01', header => false})), 0, 'of the days that are asked for');
@keys = qw(month credited remaining expires_at value);
is_deeply([ map { line($_, @keys) } hashes(export(q{'ageing'})) ], [ map { line($_, @keys) } printed(q{SELECT b FROM jsonb_array_elements(swipesavvy.get_points_ageing() -> 'buckets') b}) ], 'ageing: get_points_ageing');

my $report = '{"source": "purchases", "measures": ["net_amount", "average_net", "purchases"], "dimensions": ["merchant_name", "month", "currency"], "start_date": "2024-01-01", "end_date": "2028-12-31"}';
my @of_report = split /\n/, sql(qq{SELECT (SELECT string_agg(coalesce(v, ''), ' | ' ORDER BY n) FROM jsonb_array_elements_text(r) WITH ORDINALITY e (v, n)) FROM jsonb_array_elements(swipesavvy.run_custom_report('$report') -> 'rows') r});
my @report = parse_csv(join "\r\n", export("'report', definition => '$report'"));
is(join(',', map { $_->[0] } @{ shift @report }), 'merchant_name,month,currency,net_amount,average_net,purchases', 'report: the header is the words of the definition');
is_deeply([ map { join ' | ', map { $_->[0] =~ s/^'\@/@/r } @$_ } @report ], \@of_report, 'and the records are the rows of run_custom_report');

# nobody's name or address, and ids of users where they are told
my %with_users = (rfm => 1, churn => 1);
my $users = join '|', split /\n/, sql('SELECT user_id FROM swipesavvy.users');
for my $dataset (qw(campaigns campaign_daily segments rfm cohorts churn liability ageing))
{
    my $text = join "\n", export("'$dataset'"), export("'$dataset', 'json'");
    unlike($text, qr/zoe|quick|secret\.example|4930555/i, "$dataset: nobody's name, e-mail or phone");
    is($text =~ /$users/ ? 1 : 0, $with_users{$dataset} // 0, "$dataset: " . ($with_users{$dataset} ? 'ids of users' : 'no ids of users'));
}

# --- the audit log ---------------------------------------------------------------------------------------------------------------------

for my $format ([ 'csv', "\r\n" ], [ 'json', "\n" ])
{
    my @lines = export("'campaign_daily', '$format->[0]', campaign_id => 'TEN'");
    my $entry = json($node, 'app', q{SELECT details -> 'after' FROM swipesavvy.audit_logs WHERE event_type = 'analytics.export' ORDER BY log_id DESC LIMIT 1});
    my $digest = sha256_hex(encode_utf8(join '', map { $_ . $format->[1] } @lines));
    is_deeply($entry, { dataset => 'campaign_daily', format => $format->[0], campaign_id => 'TEN', rows => 30, digest => $digest }, "$format->[0]: what was exported, with the digest of the file");
}

sql("SELECT count(*) FROM swipesavvy.export_analytics('campaigns', start_date => '2026-01-$_', end_date => '2026-01-$_')") for 10 .. 30;
is(sql(q{SELECT count(*) FILTER (WHERE details #>> '{after,digest}' !~ '^[0-9a-f]{64}$') FROM swipesavvy.audit_logs WHERE event_type = 'analytics.export'}), 0, 'no digest is taken for the number of a card');

# --- sizes -------------------------------------------------------------------------------------------------------------------------------

sql(q{INSERT INTO swipesavvy.merchant_days SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, '2023-05-01', 0, 'USD', now(), 1, 0, 0, n, 0, n FROM generate_series(1, 12000) n});
my $many = '{"source": "purchases", "measures": ["purchases"], "dimensions": ["merchant"], "start_date": "2023-05-01", "end_date": "2023-05-01"';
is(sql("SELECT count(*) || ' ' || count(DISTINCT r) FROM swipesavvy.export_analytics('report', definition => '$many}', header => false) r"), '12000 12000', 'a report without a limit is exported whole');
is(sql("SELECT count(*) FROM swipesavvy.export_analytics('report', definition => '$many, \"limit\": 11000}', header => false) r"), 11000, 'with one it is cut');
is(sql("SET work_mem = '64kB'; SELECT count(*) FROM swipesavvy.export_analytics('report', definition => '$many, \"limit\": 1000000}', header => false) r"), 12000, 'on disk, too');
my (undef, undef, $err) = $node->psql('app', "SELECT swipesavvy.export_analytics('report', definition => '$many, \"limit\": 1000001}')");
like($err, qr/invalid value for argument "limit"\nDETAIL:  1000001 is not between 1 and 1000000\./, 'a million is the most');

$node->stop;
done_testing();
