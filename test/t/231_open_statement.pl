# A statement on the view purchases that is not run to its end never records what it returned: languages with a limit of
# rows (PL/Perl, PL/Python, PL/Tcl) stop it so. Its transaction, or its savepoint, is refused then. A small library of our own
# stands for such a language.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use SwipeSavvy qw(new_node create_extension add_user);

my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/limited.c", <<'END');
#include "postgres.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(run_limited);
extern Datum run_limited(PG_FUNCTION_ARGS);
Datum
run_limited(PG_FUNCTION_ARGS)
{
	SPI_connect();
	SPI_execute(text_to_cstring(PG_GETARG_TEXT_PP(0)), false, PG_GETARG_INT32(1));
	SPI_finish();
	PG_RETURN_VOID();
}
END
my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
chomp(my $include = `$pg_config --includedir-server`);
system_or_bail('cc', '-O1', '-fPIC', '-shared', "-I$include", "$dir/limited.c", '-o', "$dir/limited.so");

my $node = new_node('open', 'max_prepared_transactions = 1');
create_extension($node, 'app');
my $user = add_user($node, 'app', 'user@example.com');
$node->safe_psql('app', "CREATE FUNCTION run_limited(text, integer) RETURNS void LANGUAGE c AS '$dir/limited.so', 'run_limited'");

# The SQLSTATE of some statements, and how many purchases there are then.
sub outcome
{
    my ($script) = @_;
    my ($out, $err) = ('', '');
    $node->psql('app', "\\set VERBOSITY verbose\n$script", stdout => \$out, stderr => \$err, on_error_stop => 0);
    my ($state) = $err =~ /ERROR:  (\w{5}):/;
    return ($state // '00000') . ' ' . $node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.transactions');
}

my $insert = "INSERT INTO swipesavvy.purchases (user_id, amount_minor) SELECT '$user', 100 FROM generate_series(1, 3) RETURNING transaction_id";

is(outcome("SELECT run_limited(\$\$$insert\$\$, 0);"), '00000 3', 'without a limit all are recorded');
is(outcome("SELECT run_limited(\$\$$insert\$\$, 2);"), '55000 3', 'stopped: the transaction is refused');
is(outcome("SELECT run_limited(\$\$$insert\$\$, 3);"), '55000 3', 'stopped after the last row: it does not know that it was the last');
is(outcome("BEGIN; SELECT run_limited(\$\$$insert\$\$, 1); INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('$user', 1); COMMIT;"),
    '55000 3', 'a whole statement after it changes nothing');
is(outcome("BEGIN; SAVEPOINT s; SELECT run_limited(\$\$$insert\$\$, 1); RELEASE s; COMMIT;"), '55000 3', 'refused with the savepoint');
is(outcome("BEGIN; SAVEPOINT s; SELECT run_limited(\$\$$insert\$\$, 1); ROLLBACK TO s; $insert; COMMIT;"), '00000 6', 'what is rolled back is forgotten');
is(outcome("BEGIN; SELECT run_limited(\$\$$insert\$\$, 1); PREPARE TRANSACTION 'p';"), '55000 6', 'nor is it prepared');
$node->stop;
done_testing();
