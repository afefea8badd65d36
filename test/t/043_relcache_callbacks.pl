# A backend has ten places for relcache callbacks, and ends when an eleventh is asked for. The server takes some and so do
# other extensions; this library takes one, whatever of its caches a session uses.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use SwipeSavvy qw(create_extension add_user);

my $node = PostgreSQL::Test::Cluster->new('callbacks');
$node->init;
$node->start;
create_extension($node, 'app');
my $user     = add_user($node, 'app', 'user@example.com');
my $merchant = $node->safe_psql('app', q{SELECT swipesavvy.create_merchant('Corner', 'Services') ->> 'merchant_id'});

# Stands for other extensions: registers that many callbacks when it is loaded.
sub other_extension
{
    my ($callbacks) = @_;
    my ($dir, $pg_config) = (PostgreSQL::Test::Utils::tempdir(), $ENV{PG_CONFIG} // 'pg_config');
    open my $file, '>', "$dir/other.c" or die $!;
    print $file <<"END";
#include "postgres.h"
#include "fmgr.h"
#include "utils/inval.h"
PG_MODULE_MAGIC;
void _PG_init(void);
static void changed(Datum arg, Oid relid) {}
void _PG_init(void) { for (int i = 0; i < $callbacks; i++) CacheRegisterRelcacheCallback(changed, (Datum) 0); }
END
    close $file;
    my $include = `'$pg_config' --includedir-server`;
    chomp $include;
    system_or_bail('cc', '-shared', '-fPIC', '-I', $include, '-o', "$dir/other.so", "$dir/other.c");
    return "$dir/other.so";
}

# A session that uses every cache of the library: of rules, merchants, the engine's tables and the audit log.
sub session_beside
{
    my ($callbacks) = @_;
    my ($stdout, $stderr);
    my $status = $node->psql('app', <<"END", stdout => \$stdout, stderr => \$stderr);
LOAD '@{[ other_extension($callbacks) ]}';
SELECT swipesavvy.update_user('$user', '{"name": "Somebody"}') IS NOT NULL;
SELECT swipesavvy.record_transaction('$user', 10, merchant_id => '$merchant') ->> 'points_earned';
SELECT swipesavvy.get_user_rewards('$user') ->> 'points_balance';
END
    return ($status, $stdout, $stderr);
}

my ($status, $stdout, $stderr) = session_beside(5);
is($stdout, "t\n10\n10", 'a session works beside extensions that take five places');
is($stderr, '', 'and says nothing');

($status, $stdout, $stderr) = session_beside(10);
like($stderr, qr/out of relcache_callback_list slots/, 'extensions that take all places end it: the test can fail');

done_testing();
