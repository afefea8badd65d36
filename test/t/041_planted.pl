# Whoever owns a database, but is no superuser, gains nothing when a superuser creates the extension in it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node);
use Test::More;

my $node = new_node('planted');
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE DATABASE hers OWNER mallory; CREATE DATABASE taken OWNER mallory');

# What it needs is trusted: she creates it, in a schema of hers, with functions that fit better than the server's beside it.
$node->safe_psql(
    'hers', q{
    CREATE EXTENSION pg_trgm;
    CREATE EXTENSION cube;
    CREATE EXTENSION btree_gist;
    CREATE TABLE public.loot (what text);
    GRANT ALL ON public.loot TO PUBLIC;
    CREATE FUNCTION public.seize(bpchar, bpchar) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.loot VALUES ('~ as ' || current_user);
        RETURN true;
    END $$;
    CREATE OPERATOR public.~ (LEFTARG = bpchar, RIGHTARG = bpchar, FUNCTION = public.seize);
    CREATE FUNCTION public.nextval(text) RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.loot VALUES ('nextval as ' || current_user);
        RETURN 4711;
    END $$;
    CREATE FUNCTION public.concat_ws(text, text, text, text, text, text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.loot VALUES ('concat_ws as ' || current_user);
        RETURN '';
    END $$;
}, extra_params => [ '-U', 'mallory' ]);
is($node->safe_psql('hers', q{SELECT 'a'::char(1) ~ 'b'::char(1); SELECT what FROM public.loot}), "t\n~ as " . $node->safe_psql('hers', 'SELECT current_user'),
    'the trap works');
$node->safe_psql('hers', 'TRUNCATE public.loot');
$node->safe_psql(
    'hers', q{
    CREATE EXTENSION swipesavvy;
    SELECT swipesavvy.create_user('a@example.com', 'A', user_id => '00000000-0000-7000-8000-00000000000a');
    SELECT swipesavvy.link_account('00000000-0000-7000-8000-00000000000a', 'card', '4242');
    SELECT swipesavvy.create_segment('all');
    SELECT swipesavvy.create_merchant('M', mcc => '5812');
    SELECT swipesavvy.create_campaign(name => 'C', campaign_type => 'SEASONAL', offer_type => 'OTHER', start_date => now());
    SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-00000000000a', 5);
    SELECT swipesavvy.list_merchants(search => 'M');
});
is($node->safe_psql('hers', 'SELECT DISTINCT what FROM public.loot'), '', 'nothing of hers ran, neither as the superuser nor as the library\'s role');
is($node->safe_psql('hers', q{SELECT count(*) FROM pg_index WHERE indrelid::regclass::text LIKE 'swipesavvy.%' AND indclass::text ~
    (SELECT oid::text FROM pg_opclass WHERE opcname = 'gin_trgm_ops')}), 3, 'the trigram indexes are there');

# She makes the schema first.
$node->safe_psql('taken', 'CREATE SCHEMA swipesavvy', extra_params => [ '-U', 'mallory' ]);
my ($status, $out, $err) = $node->psql('taken', 'CREATE EXTENSION swipesavvy CASCADE');
isnt($status, 0, 'a schema of hers is not taken over');
like($err, qr/schema "swipesavvy" belongs to somebody else/, 'and that is said');
$node->safe_psql('taken', 'ALTER SCHEMA swipesavvy OWNER TO CURRENT_USER; CREATE EXTENSION swipesavvy CASCADE');
pass('given to the superuser, it is');

# Nor is the schema of secrets, whoever has made it.
for my $maker ('mallory', $node->safe_psql('postgres', 'SELECT current_user'))
{
    $node->safe_psql('postgres', 'DROP DATABASE IF EXISTS readable; CREATE DATABASE readable OWNER mallory');
    $node->safe_psql('readable', 'CREATE SCHEMA swipesavvy_private', extra_params => [ '-U', $maker ]);
    ($status, $out, $err) = $node->psql('readable', 'CREATE EXTENSION swipesavvy CASCADE');
    isnt($status, 0, "a schema of secrets that $maker made is not taken over");
    like($err, qr/schema "swipesavvy_private" already exists.*HINT:  Drop it, or rename it\./s, 'and what to do is said');
    is($node->safe_psql('readable', "SELECT count(*) FROM pg_namespace WHERE nspname = 'swipesavvy'"), 0, 'nothing is left of it');
}
$node->safe_psql('readable', 'DROP SCHEMA swipesavvy_private; CREATE EXTENSION swipesavvy CASCADE; DROP EXTENSION swipesavvy');
is($node->safe_psql('readable', "SELECT count(*) FROM pg_namespace WHERE nspname = 'swipesavvy_private'"), 0, 'it goes with the extension');
$node->safe_psql('readable', 'DROP SCHEMA swipesavvy; CREATE EXTENSION swipesavvy');
pass('which can be created again');

# Default privileges of the superuser, as sites have them for reporting roles, open nothing of the extension.
$node->safe_psql(
    'postgres', q{
    CREATE ROLE reporting LOGIN;
    CREATE ROLE "Odd ""role""" LOGIN;
    CREATE DATABASE habit;
});
$node->safe_psql(
    'habit', q{
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO reporting, "Odd ""role""" WITH GRANT OPTION;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC, swipesavvy_analytics, swipesavvy_customer;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO reporting, PUBLIC;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO reporting, swipesavvy_anon;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO reporting, swipesavvy_anon;
    CREATE EXTENSION swipesavvy CASCADE;
    GRANT swipesavvy_analytics TO reporting;
    SELECT swipesavvy.create_user('a@example.com', 'A', 's3cretpassword') IS NOT NULL, swipesavvy.rotate_token_key() IS NOT NULL;
});
my $rights = q{
    SELECT o.name, string_agg(DISTINCT coalesce(r.rolname, 'PUBLIC') || ' ' || a.privilege_type, ', ') FROM (
        SELECT c.oid::regclass::text AS name, c.relacl AS acl, c.relowner AS owner FROM pg_class c WHERE c.relnamespace::regnamespace::text LIKE 'swipesavvy%'
         UNION ALL SELECT p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner FROM pg_proc p WHERE p.pronamespace::regnamespace::text LIKE 'swipesavvy%'
         UNION ALL SELECT nspname, nspacl, nspowner FROM pg_namespace WHERE nspname = 'swipesavvy_private') o
     CROSS JOIN LATERAL aclexplode(o.acl) a LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE a.grantee <> o.owner GROUP BY 1 ORDER BY 1};
is($node->safe_psql('habit', $rights), $node->safe_psql('hers', $rights), 'who may do what is the same with default privileges and without');
for my $secret (qw(token_keys user_credentials user_sessions sink_secrets outbox_secrets sign_in_failures referral_salts referred_emails))
{
    ($status, $out, $err) = $node->psql('habit', "SELECT * FROM swipesavvy_private.$secret", extra_params => [ '-U', 'reporting' ]);
    like($err, qr/permission denied for schema swipesavvy_private/, "reporting does not read $secret");
}
($status, $out, $err) = $node->psql('habit', 'SELECT * FROM swipesavvy.users', extra_params => [ '-U', 'reporting' ]);
like($err, qr/permission denied for table users/, 'nor persons');

# What somebody grants afterwards does not reach the secrets, and is said.
my $grants = q{SELECT a ->> 'value', a -> 'grants' FROM jsonb_array_elements(swipesavvy.get_system_health() -> 'alerts') a WHERE a ->> 'name' = 'foreign_grants'};
is($node->safe_psql('habit', $grants), '', 'nothing is said about what the extension grants');
my $well = q{SELECT swipesavvy.get_system_health() ->> 'status'};
my $before = $node->safe_psql('habit', $well);
$node->safe_psql('habit', 'GRANT SELECT ON swipesavvy.merchants TO "Odd ""role"""; GRANT SELECT (email) ON swipesavvy.users TO reporting;
    GRANT USAGE ON SCHEMA swipesavvy_private TO PUBLIC; GRANT swipesavvy_owner TO reporting');
is($node->safe_psql('habit', $grants), '4|["schema swipesavvy_private to PUBLIC", "swipesavvy.merchants to Odd \"role\"", "swipesavvy.users.email to reporting", "swipesavvy_owner to reporting"]',
    'each grant since is named');
is($node->safe_psql('habit', $well), $before, 'which makes nothing ill');
$node->safe_psql('habit', 'REVOKE SELECT ON swipesavvy.merchants FROM "Odd ""role"""; REVOKE SELECT (email) ON swipesavvy.users FROM reporting;
    REVOKE USAGE ON SCHEMA swipesavvy_private FROM PUBLIC; REVOKE swipesavvy_owner FROM reporting; GRANT SELECT ON ALL TABLES IN SCHEMA swipesavvy TO reporting');
($status, $out, $err) = $node->psql('habit', 'SELECT * FROM swipesavvy_private.token_keys', extra_params => [ '-U', 'reporting' ]);
like($err, qr/permission denied for schema swipesavvy_private/, 'a grant on all tables of the schema shows no key');
cmp_ok((split /\|/, $node->safe_psql('habit', $grants))[0], '>', 40, 'and is said, too');

done_testing();
