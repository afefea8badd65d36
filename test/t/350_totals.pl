# The total of list_campaigns is what count(*) says under the same snapshot, whatever several sessions have done and not yet
# committed, and whatever was vacuumed meanwhile: it is counted page by page, and pages are remembered (src/base/tally.c). At
# random, from a seed (SWIPESAVVY_SEED); then the ways that must not trust what is remembered.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Sessions;
use SwipeSavvy qw(create_extension);

my $seed = $ENV{SWIPESAVVY_SEED} || time;
note("SWIPESAVVY_SEED=$seed");
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('totals');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "max_prepared_transactions = 5\nautovacuum = off");
$node->start;
create_extension($node, 'app');

my $shown = "(SELECT (l ->> 'total')::int FROM swipesavvy.list_campaigns(page_size => 1) l)";
my $counted = "(SELECT count(*) FROM swipesavvy.campaigns WHERE status <> 'archived')";
my $ids = 0;

sub insert_sql
{
    my ($rows, $status) = @_;
    my $from = $ids + 1;
    $ids += $rows;
    return "INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, status, offer_type, offer_amount, currency, start_date)"
      . " SELECT 'C' || n, 'Campaign ' || n, 'SEASONAL', '$status', 'PERCENTAGE', 10, 'USD', '2026-01-01' FROM generate_series($from, $ids) n";
}

# some rows of any age
sub some { return 'campaign_no % 37 = ' . int(rand 37) . ' AND campaign_no > ' . int(rand($ids + 1)) }

my @steps = (
    [ 8, sub { insert_sql(1 + int rand 60, rand() < .2 ? 'archived' : 'draft') } ],
    [ 4, sub { "UPDATE swipesavvy.campaigns SET status = 'archived' WHERE " . some() } ],
    [ 3, sub { "UPDATE swipesavvy.campaigns SET status = 'draft' WHERE status = 'archived' AND " . some() } ],
    [ 3, sub { "UPDATE swipesavvy.campaigns SET name = name || 'x' WHERE " . some() } ],
    [ 2, sub { 'DELETE FROM swipesavvy.campaigns WHERE ' . some() } ],
    [ 2, sub { 'SELECT FROM swipesavvy.campaigns WHERE ' . some() . ' ' . ('FOR UPDATE', 'FOR SHARE')[ rand 2 ] } ],
    [ 3, sub { 'BEGIN' } ],
    [ 2, sub { 'BEGIN ISOLATION LEVEL REPEATABLE READ' } ],
    [ 1, sub { 'BEGIN ISOLATION LEVEL SERIALIZABLE' } ],
    [ 3, sub { 'SAVEPOINT s' } ],
    [ 2, sub { 'ROLLBACK TO s' } ],
    [ 4, sub { 'COMMIT' } ],
    [ 3, sub { 'ROLLBACK' } ],
    [ 2, sub { 'VACUUM swipesavvy.campaigns' } ],
    [ 1, sub { 'VACUUM (FREEZE) swipesavvy.campaigns' } ],
    [ 1, sub { 'VACUUM FULL swipesavvy.campaigns' } ],
);
my @drawn = map { ($_->[1]) x $_->[0] } @steps;

my @sessions = map { Sessions->new("s$_", $node->connstr('app')) } 1 .. 4;
for (@sessions) { $_->query("SET lock_timeout = '20ms'", "SET client_min_messages = error") }
$sessions[0]->query(insert_sql(500, 'draft'));

my (@wrong, %ended);
my $checks = 0;
for my $step (1 .. 600)
{
    my ($one, $other) = @sessions[ int rand @sessions, int rand @sessions ];
    my $sql = $drawn[ rand @drawn ]->();
    my ($result) = $one->query($sql);
    $ended{ $result->{state} }++;
    for my $session ($one, $other)
    {
        my ($answer) = $session->query("SELECT $shown, $counted");
        next if $answer->{state} =~ /^(25P02|40001)$/;    # its transaction has failed
        my ($total, $count) = split ' ', $answer->{lines}[0] // 'nothing nothing';
        $checks++;
        push @wrong, "step $step, $sql: $total instead of $count" if $total ne $count;
    }
}
$_->quit for @sessions;
is_deeply(\@wrong, [], 'at each of 600 steps of four sessions the total is what count(*) says');
cmp_ok($checks, '>', 600, 'and it was looked at');
note(join ' ', map { "$_=$ended{$_}" } sort keys %ended);
cmp_ok($ended{'00000'}, '>', 300, 'most steps were made');

# --- one by one -------------------------------------------------------------------------------

my $session = Sessions->new('one', $node->connstr('app'));
my $rival = Sessions->new('rival', $node->connstr('app'));

sub totals
{
    my ($who, $what) = @_;
    my @results = $who->query($what, "SELECT $shown, $counted");
    is($results[0]{state}, '00000', $what) or diag "@{ $results[0]{lines} }";
    my ($total, $count) = split ' ', $results[1]{lines}[0];
    is($total, $count, "after: $what");
    return $total;
}

totals($rival, 'SELECT 1');
my $before = totals($session, 'SELECT 1');
is(totals($session, 'BEGIN; ' . insert_sql(3, 'draft')), $before + 3, 'what the transaction added is counted');
is(totals($rival, 'SELECT 1'), $before, 'and by nobody else');
totals($session, "PREPARE TRANSACTION 'p'");
is(totals($rival, 'SELECT 1'), $before, 'nor is it while it is prepared');
totals($rival, "COMMIT PREPARED 'p'");
is(totals($rival, 'SELECT 1'), $before + 3, 'but after its commit');
totals($session, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM swipesavvy.campaigns');
is(totals($rival, "UPDATE swipesavvy.campaigns SET status = 'archived' WHERE campaign_id = 'C$ids'"), $before + 2, 'what is archived is not counted');
is(totals($session, 'SELECT 1'), $before + 3, 'but by whoever has an older snapshot');
is(totals($session, 'COMMIT'), $before + 2, 'until it ends');
for my $way ("SET swipesavvy.direct_tables = off", 'BEGIN ISOLATION LEVEL SERIALIZABLE') { is(totals($session, $way), $before + 2, "the same by query: $way") }
totals($session, 'ROLLBACK');
totals($session, 'RESET swipesavvy.direct_tables');
totals($session, 'CREATE TABLE public.more () INHERITS (swipesavvy.campaigns)');
is(totals($session, "INSERT INTO public.more SELECT * FROM ONLY swipesavvy.campaigns WHERE campaign_id = 'C" . ($ids - 1) . "'"), $before + 3, 'rows of a child table count');
totals($session, $_) for 'DROP TABLE public.more', 'ANALYZE swipesavvy.campaigns';    # which notices that there are no children any more
is($node->safe_psql('app', "SELECT relhassubclass FROM pg_class WHERE oid = 'swipesavvy.campaigns'::regclass"), 'f', 'pages are counted again');
totals($session, "BEGIN; DECLARE c CURSOR FOR SELECT $shown, $counted");
totals($rival, insert_sql(1, 'draft'));
is(totals($session, 'SELECT 1'), $before + 3, 'a later statement of a transaction counts what was added');
is(($session->query('FETCH c'))[0]{lines}[0], join(' ', ($before + 2) x 2), 'and a cursor opened before it does not');
totals($session, 'COMMIT');
my @serializable = $session->query('BEGIN ISOLATION LEVEL SERIALIZABLE', 'SELECT swipesavvy.list_campaigns() IS NOT NULL',
    "SELECT count(*) > 0 FROM pg_locks WHERE mode = 'SIReadLock' AND relation IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'swipesavvy.campaigns'::regclass"
      . " AND indexrelid <> 'swipesavvy.campaigns_pkey'::regclass)", 'ROLLBACK');
is($serializable[2]{lines}[0], 't', 'the server knows what a serializable transaction has counted');
$session->quit;
$rival->quit;

# --- on a replica -----------------------------------------------------------------------------

$node->backup('copy');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, 'copy', has_streaming => 1);
$replica->start;
my $reader = Sessions->new('reader', $replica->connstr('app'));
for my $change (insert_sql(100, 'draft'), "UPDATE swipesavvy.campaigns SET status = 'archived' WHERE campaign_no % 3 = 0", 'VACUUM swipesavvy.campaigns', insert_sql(1, 'draft'))
{
    $node->safe_psql('app', $change);
    $node->wait_for_catchup($replica);
    my ($answer) = $reader->query("SELECT $shown, $counted");
    my ($total, $count) = split ' ', $answer->{lines}[0];
    is($total, $count, "a replica after: $change");
}
$reader->quit;

done_testing();
