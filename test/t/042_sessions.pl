# What an ordinary session can set makes it nobody else, and takes no check away: seen on fresh connections, in which the
# library is not loaded yet and its settings are mere names.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension add_user);
use Test::More;

my $node = new_node('sessions');
create_extension($node, 'app');
my $ada = add_user($node, 'app', 'ada@example.com');
$node->safe_psql('postgres', 'CREATE ROLE gateway LOGIN; CREATE ROLE mallory LOGIN; GRANT swipesavvy_customer TO gateway, mallory');

my $claims = qq{SET request.jwt.claims = '{"sub": "$ada"}';\n};
my $ask    = "SELECT swipesavvy.get_user_profile('$ada') ->> 'name'";

sub as
{
    my ($role, $script, $options) = @_;
    local $ENV{PGOPTIONS} = $options // '';
    return $node->psql('app', "\\set VERBOSITY sqlstate\n$script", extra_params => [ '-U', $role ]);
}

# --- trusted_gateways -------------------------------------------------------------------

my ($status, $out, $err) = as('gateway', "SELECT swipesavvy.current_user_id() IS NULL;\n$claims$ask");
like($out, qr/\At$/m, 'without claims a session is nobody');
like($err, qr/ERROR:  42501/, 'the claims of a session that nobody trusts are nobody\'s');

($status, $out, $err) = as('mallory', "SET swipesavvy.trusted_gateways = 'mallory';\nSHOW swipesavvy.trusted_gateways;\n$claims$ask");
like($out, qr/\Amallory$/m, 'before the library is loaded the name can be set');
like($err, qr/ERROR:  42501/, 'but it is forgotten when the library comes');
($status, $out, $err) = as('mallory', "SET swipesavvy.trusted_gateways = 'mallory';\n$claims$ask;\nSHOW swipesavvy.trusted_gateways");
is($out, '', 'and shows so');
my $local = "SET LOCAL swipesavvy.trusted_gateways = 'mallory'";
($status, $out, $err) = as('mallory', "BEGIN; $local;\nSAVEPOINT s; $local;\n$claims$ask");
like($err, qr/ERROR:  42501/, 'nor does SET LOCAL stay');
($status, $out, $err) = as('mallory', $claims . $ask, '-c swipesavvy.trusted_gateways=mallory');
unlike($out, qr/Test/, 'nor the options of the connection');
($status, $out, $err) = as('mallory', "ALTER ROLE mallory SET swipesavvy.trusted_gateways = 'mallory'");
like($err, qr/ERROR:  42501/, 'nobody may give itself the setting');
($status, $out, $err) = as('mallory', $claims . $ask);
like($err, qr/ERROR:  42501/, 'and has not');
$node->safe_psql('app', 'CREATE SCHEMA m AUTHORIZATION mallory');
($status, $out, $err) = as('mallory', "CREATE FUNCTION m.wrap() RETURNS text LANGUAGE sql
    SET swipesavvy.trusted_gateways = 'mallory' AS \$\$$ask\$\$;\n${claims}SELECT m.wrap()");
unlike($out, qr/Test/, 'a setting of a function of one\'s own does not help');

$node->safe_psql('postgres', "ALTER DATABASE app SET swipesavvy.trusted_gateways = 'gateway'");
($status, $out, $err) = as('gateway', $claims . $ask);
is($out, 'Test', 'a superuser\'s setting is there on a fresh connection') or diag $err;
($status, $out, $err) = as('gateway', "SET ROLE swipesavvy_customer;\n$claims$ask");
is($out, 'Test', 'a gateway stays one whatever role it sets');
($status, $out, $err) = as('mallory', $claims . $ask);
like($err, qr/ERROR:  42501/, 'others do not become one');
($status, $out, $err) = as('mallory', "SET ROLE gateway");
like($err, qr/ERROR:  42501/, 'and cannot');

# --- the restore's leave of absence ---------------------------------------------------------

# Both marks of a restore can be set by anybody; what a superuser's function inserts is checked all the same.
$node->safe_psql(
    'app', q{
    CREATE FUNCTION public.join_in(who uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        PERFORM pg_catalog.set_config('search_path', '', true);
        INSERT INTO swipesavvy.user_boosts (user_id, boost_id) VALUES (who, '00000000-0000-7000-8000-00000000000b');
    END $$;
});
for my $bodies (qw(on off))
{
    ($status, $out, $err) = as('mallory', "SET check_function_bodies = $bodies;\nSELECT public.join_in('$ada')");
    like($err, qr/ERROR:  23503/, "check_function_bodies $bodies: a foreign key is checked in a superuser's function");
}
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.user_boosts'), 0, 'nothing came in');
($status, $out, $err) = $node->psql('app', "SET check_function_bodies = off; SET search_path = '';
    INSERT INTO swipesavvy.user_boosts (user_id, boost_id) VALUES ('$ada', '00000000-0000-7000-8000-00000000000b')");
like($err, qr/violates foreign key/, 'an empty path that was not made by set_config is no restore');
$node->safe_psql('app', "SELECT pg_catalog.set_config('search_path', '', false); SET check_function_bodies = off; SET swipesavvy.allow_restore = on; BEGIN;
    INSERT INTO swipesavvy.user_boosts (user_id, boost_id) VALUES ('$ada', '00000000-0000-7000-8000-00000000000b'); ROLLBACK");
pass('a superuser\'s restore may bring rows before those they refer to');
($status, $out, $err) = $node->psql('app', "SELECT pg_catalog.set_config('search_path', '', false); SET check_function_bodies = off; SET swipesavvy.allow_restore = on;
    BEGIN; INSERT INTO swipesavvy.user_boosts (user_id, boost_id) VALUES ('$ada', '00000000-0000-7000-8000-00000000000b');
    SELECT pg_catalog.current_setting('session_replication_role');
    SET check_function_bodies = on;
    INSERT INTO swipesavvy.user_boosts (user_id, boost_id) VALUES ('$ada', '00000000-0000-7000-8000-00000000000c')");
like($out, qr/^origin$/m, 'after the statement everything is as before');
like($err, qr/violates foreign key/, 'and checked again');

done_testing();
