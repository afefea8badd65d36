-- list_users: order, filters, search, pages, totals beyond 10,000; what is refused, and who may. Nothing is left behind.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
BEGIN;
INSERT INTO swipesavvy.users (user_id, email, name, status, role, created_at, last_login_at, verification_status)
SELECT ('00000000-0000-7000-8000-0000000e000' || n)::uuid, email, name, status, role, '2100-01-01'::timestamptz + created * interval '1 day',
       CASE n WHEN 1 THEN '2100-02-01 12:00+00'::timestamptz END, CASE n WHEN 1 THEN 'verified' ELSE 'unverified' END
  FROM (VALUES (1, 'ada@list.test', 'Qx Ada Lovelace', 'active', 'customer', 5), (2, 'b_b%b@list.test', 'Qx Bob', 'inactive', 'customer', 4),
               (3, 'carol@qx.test', 'Carol', 'suspended', 'customer', 3), (4, 'dora@list.test', 'Qx Ðóra 100%', 'active', 'support', 3),
               (5, 'eve@list.test', 'Qx', 'inactive', 'admin', 1)) u (n, email, name, status, role, created);
INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency, transaction_count, spent_minor)
SELECT user_id, 'bronze', 'USD', 3, 1250 FROM swipesavvy.users WHERE user_id::text LIKE '00000000-0000-7000-8000-0000000e000_';
CREATE FUNCTION pg_temp.ids(page jsonb) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(right(u ->> 'user_id', 1), ' ' ORDER BY n) FROM jsonb_array_elements(page -> 'users') WITH ORDINALITY e (u, n)
             WHERE u ->> 'user_id' LIKE '00000000-0000-7000-8000-0000000e000_');

SELECT jsonb_pretty(swipesavvy.list_users(page_size => 1, search => 'lovelace')) AS page;
-- newest first, of the same instant the greater id
SELECT pg_temp.ids(swipesavvy.list_users(page_size => 5)) AS newest;
SELECT (swipesavvy.list_users() ->> 'total')::int = count(*) AS all_are_counted FROM swipesavvy.users;
SELECT s AS status, r AS role, pg_temp.ids(page) AS found, page ->> 'total' AS total
  FROM unnest('{NULL,active,inactive,suspended}'::text[]) s, unnest('{NULL,customer,support,analytics,admin}'::text[]) r,
       swipesavvy.list_users(search => 'qx', status => s, role => r) page;
SELECT s AS status, r AS role, pg_temp.ids(page) AS newest, (page ->> 'total')::bigint = (SELECT count(*) FROM swipesavvy.users u
        WHERE u.status = coalesce(s, u.status) AND u.role = coalesce(r, u.role)) AS all_are_counted
  FROM unnest('{NULL,active,inactive,suspended}'::text[]) s, unnest('{NULL,customer,support,admin}'::text[]) r,
       swipesavvy.list_users(2, 0, s, r) page WHERE r IS DISTINCT FROM 'admin' OR s IS DISTINCT FROM 'active';

-- search: any part of name or e-mail, whatever its case, taken literally, but not across the two
SELECT q AS search, pg_temp.ids(page) AS found, page ->> 'total' AS total
  FROM unnest('{QX,list.test,LIST.TEST,ovela,@qx,xqx,0%,b_b,b%b,b\\,ÐÓRA,x,zq,qxqx,Carolcarol,Carol carol}'::text[]) q,
       swipesavvy.list_users(search => q) page;
SELECT pg_temp.ids(page) AS found FROM swipesavvy.list_users(search => E'Carol\ncarol') page;

-- pages: by cursor and by offset, of lists and of searches of each kind
SELECT pg_temp.ids(page) AS page, page ->> 'next_cursor' AS cursor FROM swipesavvy.list_users(2, 1) page \gset
\echo :page
SELECT pg_temp.ids(page) AS page, right(page ->> 'next_cursor', 1) AS next_cursor FROM swipesavvy.list_users(1, after => :'cursor') page;
SELECT pg_temp.ids(page) AS page, page ->> 'total' AS total, page -> 'next_cursor' AS next_cursor FROM swipesavvy.list_users(2, 1, search => 'Qx', after => :'cursor') page;
SELECT pg_temp.ids(page) AS page, page ->> 'total' AS total, page -> 'next_cursor' AS next_cursor FROM swipesavvy.list_users(2, search => 'list', after => :'cursor') page;
SELECT pg_temp.ids(page) AS page, page ->> 'total' AS total FROM swipesavvy.list_users(2, 9, search => 'list') page;
SELECT pg_temp.ids(page) AS page, page ->> 'total' AS total FROM swipesavvy.list_users(2, 4, search => 'Qx') page;

-- many: totals end at 10,000, and the pages are right all the same
INSERT INTO swipesavvy.users (user_id, email, name, created_at)
SELECT ('00000000-0000-7000-8001-' || lpad(n::text, 12, '0'))::uuid, 'many' || n || '@list.test', CASE WHEN n <= 10000 THEN 'Manny' ELSE 'Other' END,
       '2099-01-01'::timestamptz + n * interval '1 second'
  FROM generate_series(1, 10050) n;
INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency)
SELECT user_id, 'bronze', 'USD' FROM swipesavvy.users WHERE user_id::text LIKE '00000000-0000-7000-8001%';
SELECT what, page ->> 'total' AS total, page -> 'total_capped' AS capped, page #>> '{users,0,email}' AS first, page #>> '{users,1,email}' AS second
  FROM (VALUES ('all', swipesavvy.list_users(2)), ('active', swipesavvy.list_users(2, status => 'active')),
               ('customers', swipesavvy.list_users(2, 3, role => 'customer')), ('found', swipesavvy.list_users(2, search => 'manny')),
               ('last', swipesavvy.list_users(2, 9998, search => 'manny')), ('one more', swipesavvy.list_users(2, search => 'many')),
               ('deep', swipesavvy.list_users(2, 10040, search => 'many')), ('short', swipesavvy.list_users(2, search => 'ma')),
               ('short and rare', swipesavvy.list_users(2, search => '%')), ('nobody', swipesavvy.list_users(2, status => 'suspended', search => 'manny'))) l (what, page);
SELECT page #>> '{users,0,email}' AS after_the_thousandth
  FROM swipesavvy.list_users(1, 999, search => 'manny') p, swipesavvy.list_users(1, search => 'manny', after => p ->> 'next_cursor') page;

-- what was spent is in the programme's currency
SELECT swipesavvy.update_system_settings('{"currency": "EUR"}') ->> 'status' AS status;
SELECT page #> '{users,0,total_spent}' AS spent FROM swipesavvy.list_users(1, search => 'lovelace') page;

-- what is refused
SELECT swipesavvy.list_users(0);
SELECT swipesavvy.list_users(101);
SELECT swipesavvy.list_users(page_offset => -1);
SELECT swipesavvy.list_users(status => 'Active');
SELECT swipesavvy.list_users(role => 'root');
SELECT swipesavvy.list_users(search => '');
SELECT swipesavvy.list_users(search => repeat('x', 201));
SELECT swipesavvy.list_users(after => 'x');
SELECT swipesavvy.list_users(after => '00000000-0000-7000-8000-0000000effff');
SET ROLE swipesavvy_support;
SELECT pg_temp.ids(swipesavvy.list_users(search => 'lovelace')) AS support_may;
SET ROLE swipesavvy_customer;
SELECT swipesavvy.list_users();
ROLLBACK;
