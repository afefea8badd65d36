# Whoever owns a database, but is no superuser, gains nothing when a superuser creates the extension in it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node);
use Test::More;

my $node = new_node('planted');
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE DATABASE hers OWNER mallory; CREATE DATABASE taken OWNER mallory');

# pg_trgm is trusted: she creates it, in a schema of hers, with functions that fit better than the server's beside it.
$node->safe_psql(
    'hers', q{
    CREATE EXTENSION pg_trgm;
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

done_testing();
