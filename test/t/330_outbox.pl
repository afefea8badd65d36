# Deliverers and the server are killed at random: each message is delivered at least once, none is lost, none is marked delivered that
# was not. SWIPESAVVY_MESSAGES says how many.
use strict;
use warnings;

use Fcntl qw(O_WRONLY O_APPEND O_CREAT);
use POSIX qw(_exit);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use Test::More;
use Time::HiRes qw(sleep time);

my $messages = $ENV{SWIPESAVVY_MESSAGES} || 500;
my $node = new_node('outbox', 'restart_after_crash = on', 'fsync = on');
create_extension($node, 'app');
my $file = PostgreSQL::Test::Utils::tempdir() . '/delivered';
my $seed = $ENV{SWIPESAVVY_SEED} || int(time) ^ $$;
srand $seed;
diag "SWIPESAVVY_SEED=$seed";

$node->safe_psql('app', 'CREATE ROLE mailer LOGIN IN ROLE swipesavvy_delivery');

sub put
{
    my ($from, $to) = @_;
    $node->safe_psql('app', qq{
        WITH m AS (INSERT INTO swipesavvy.outbox (message_id, event, version, order_key, body)
            SELECT swipesavvy.uuid_v7(), 'test', 1, CASE g % 3 WHEN 0 THEN 'key ' || g % 50 END, jsonb_build_object('n', g) FROM generate_series($from, $to) g RETURNING message_id)
        INSERT INTO swipesavvy_private.outbox_secrets SELECT message_id, '{"secret": 1}' FROM m});
}

# One turn: claim, deliver (a line in the file, at once on its way to the kernel), acknowledge. Any step may fail or never be reached.
sub turn
{
    my ($limit) = @_;
    my ($out, $err) = ('', '');
    my @psql = ('psql', '-XAtq', '-U', 'mailer', '-d', $node->connstr('app'), '-c');
    IPC::Run::run([ @psql, "SELECT m ->> 'message_id' FROM jsonb_array_elements(swipesavvy.claim_outbox($limit, 2) -> 'messages') m" ], '>', \$out, '2>', \$err) or return -1;
    my @ids = split /\n/, $out or return 0;
    sysopen my $fh, $file, O_WRONLY | O_APPEND | O_CREAT or die $!;
    for my $id (@ids) { syswrite $fh, "$id\n" }
    close $fh;
    IPC::Run::run([ @psql, sprintf "SELECT swipesavvy.acknowledge_outbox('{%s}')", join ',', @ids ], '>', \$out, '2>', \$err);
    return scalar @ids;
}

# Goes on until it is killed, or the test has ended, however.
my $test = $$;

sub deliverer
{
    my $pid = fork // die $!;
    return $pid if $pid;
    turn(1 + int rand 20) > 0 or sleep 0.05 while getppid == $test;
    _exit(0);
}

my %running = map { deliverer() => 1 } 1 .. 3;
my ($killed, $crashes) = (0, 0);
my $open = 'SELECT count(*) FROM swipesavvy.outbox WHERE delivered_at IS NULL';
my $until = time + 300 + $messages / 10;
# a third of the messages at a time; the server is stopped while the second and the last are on their way
for my $third (1 .. 3)
{
    put(1 + int($messages * ($third - 1) / 3), int($messages * $third / 3));
    if ($third > 1)
    {
        sleep rand 0.1;
        $node->stop('immediate');
        $node->start;
        $crashes++;
    }
    do
    {
        BAIL_OUT('too slow') if time > $until;
        sleep rand 0.15;
        my ($victim) = (keys %running)[ int rand keys %running ];
        kill 'KILL', $victim;
        waitpid $victim, 0;
        delete $running{$victim};
        $killed++;
        $running{ deliverer() } = 1;
    } while ($node->safe_psql('app', $open) > $messages / 10);
}
kill 'KILL', $_ for keys %running;
waitpid $_, 0 for keys %running;
cmp_ok($killed, '>=', 3, 'deliverers were killed');
is($crashes, 2, 'and the server, twice');
# what those have left is claimed again once their leases have ended
until ($node->safe_psql('app', $open) == 0)
{
    BAIL_OUT('messages do not come back') if time > $until;
    turn(20) > 0 or sleep 0.1;
}

my %delivered;
$delivered{$_}++ for split /\n/, slurp_file($file);
my @marked = split /\n/, $node->safe_psql('app', 'SELECT message_id FROM swipesavvy.outbox WHERE delivered_at IS NOT NULL');
is(scalar @marked, $messages, 'none is lost');
is(scalar(grep { !$delivered{$_} } @marked), 0, 'none is marked that was not delivered');
is(scalar keys %delivered, $messages, 'each was delivered');
is($node->safe_psql('app', 'SELECT (SELECT count(*) FROM swipesavvy_private.outbox_secrets) + (SELECT count(*) FROM swipesavvy.outbox WHERE dead_at IS NOT NULL)'), 0, 'no secret is left, and none was given up');
note sprintf '%d messages, %d deliveries, %d deliverers killed', $messages, eval { my $n = 0; $n += $_ for values %delivered; $n }, $killed;

done_testing();
