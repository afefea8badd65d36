-- Stores purchases :from to :to (of a year, in order of time) with what they earned, set-wise but as the engine would have
-- left them: the merchant's campaign from 20.00, else the one for everybody; verify_ledger() finds no fault. Users at random,
-- or by :user_no, an expression in n; who has an account pays with it.
\set ON_ERROR_STOP on
\if :{?user_no}
\else
\set user_no '1 + floor(random() * ':users')::bigint'
\endif
SELECT count(*) AS at_merchants FROM swipesavvy.campaigns WHERE target_merchant_id IS NOT NULL \gset

CREATE UNLOGGED TABLE bench.stock AS
SELECT n, bench.user_id(user_no) AS user_id, merchant_no, amount, merchant_no % 8 + 1 AS category_no, moment,
       lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '70008' || lpad(n::text, 14, '0') AS id,
       amount / 10 AS base, c.campaign_no,
       CASE WHEN amount < 2000 THEN 50 ELSE least(500, amount * (5 + merchant_no % 11) / 100) END AS discount,
       CASE WHEN amount < 2000 THEN 0 ELSE amount / 10 / 2 END AS bonus
FROM (SELECT n, :user_no AS user_no, 1 + floor(random() * :at_merchants)::int AS merchant_no,
             100 + floor(random() * 9901)::bigint AS amount, now() - interval '366 days' + interval '31 seconds' * (n % 1000000)
             + interval '0.003 seconds' * (n / 1000000) AS moment
      FROM generate_series(:from, :to) AS n) AS p
JOIN swipesavvy.campaigns AS c ON c.campaign_id = CASE WHEN amount < 2000 THEN 'EVERYBODY' ELSE format('MERCHANT-%s', merchant_no) END
ORDER BY n;

INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus,
    discount_minor, status, currency, category_no, request, merchant_id, account_id, idempotency_key, decision)
SELECT (id || '0')::uuid, s.user_id, amount, moment, moment, base, bonus, discount, 'completed', 'USD', category_no, 1,
       bench.merchant_id(merchant_no), a.account_id, 'stock-' || n,
       decode('0101' || to_hex((campaign_no & 127 | 128) * 256 + (campaign_no >> 7)) || '0100', 'hex')
FROM bench.stock AS s LEFT JOIN swipesavvy.accounts AS a ON a.user_id = s.user_id
ORDER BY n;
INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account, campaign_no,
    transaction_id)
SELECT user_id, (id || e.nth)::uuid, e.points, moment, e.kind::swipesavvy.entry_kind, 'issuance', 'available', e.campaign_no,
       (id || '0')::uuid
FROM bench.stock, LATERAL (VALUES (1, 'earn', base, NULL), (2, 'bonus', bonus, campaign_no)) AS e(nth, kind, points, campaign_no)
WHERE e.points > 0;
INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor,
    cost_minor, day, position)
SELECT user_id, (id || '0')::uuid, campaign_no, 1, bonus, discount, discount + bonus, (moment AT TIME ZONE 'UTC')::date, 1
FROM bench.stock;

UPDATE swipesavvy.reward_accounts AS a
SET points_available = points_available + points, lifetime_points = lifetime_points + points, spent_minor = spent_minor + amount,
    transaction_count = transaction_count + purchases,
    tier = (SELECT tier FROM swipesavvy.tiers AS t WHERE t.threshold <= lifetime_points + points ORDER BY threshold DESC LIMIT 1)
FROM (SELECT user_id, sum(base + bonus) AS points, sum(amount) AS amount, count(*) AS purchases FROM bench.stock GROUP BY user_id) AS s
WHERE a.user_id = s.user_id;
UPDATE swipesavvy.campaign_slots AS c SET used = used + cost
FROM (SELECT campaign_no, sum(discount + bonus) AS cost FROM bench.stock GROUP BY campaign_no) AS s
WHERE c.slot_key = '00000000-0000-0000-0000-000000000000' AND c.campaign_no = s.campaign_no AND slot = 0 AND day = '-infinity';
DROP TABLE bench.stock;
VACUUM ANALYZE;
