-- :people users who never bought anything, with names of three and of two syllables: 960 first and 300 last ones.
\set ON_ERROR_STOP on
CREATE EXTENSION swipesavvy CASCADE;
GRANT swipesavvy_support TO bench_service;
GRANT SELECT ON swipesavvy.users, swipesavvy.reward_accounts TO bench_service;
CREATE SCHEMA bench;
CREATE FUNCTION bench.user_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;
CREATE FUNCTION bench.pick(list text[], n bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN list[1 + abs(hashint8extended(n, salt) % cardinality(list))];

INSERT INTO swipesavvy.users (user_id, email, name, created_at)
SELECT bench.user_id(n), lower(first || '.' || last) || n || '@' || bench.pick('{mail,post,inbox,web,corp}', n, 6) || '.example', first || ' ' || last,
       '2020-01-01'::timestamptz + n * interval '1 minute'
  FROM generate_series(1, :people) n,
       LATERAL (SELECT initcap(bench.pick('{ka,lo,mi,ra,te,su,vo,ne,bi,da}', n, 1) ||
                               bench.pick('{rin,lan,mel,tor,sha,vin,nor,bel,gus,dra,li,na}', n, 2) || bench.pick('{a,o,e,us,is,ar,en,y}', n, 3)) AS first,
                       initcap(bench.pick('{hart,gold,stein,black,wood,stone,mill,fair,long,ash,brook,field,wat,john,ander,peter,wil,rob,mac,fitz}', n, 4) ||
                               bench.pick('{son,man,er,ley,ton,ford,well,worth,by,berg,ski,ez,ov,a,i}', n, 5)) AS last) x;
INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency) SELECT user_id, 'bronze', 'USD' FROM swipesavvy.users;
VACUUM ANALYZE;
