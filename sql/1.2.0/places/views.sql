-- views: merchants for BI tools, which read relations: how they fare, who likes them, and where they are.

CREATE FUNCTION swipesavvy.merchant_network_figures(
    OUT merchant_id uuid, OUT tier text, OUT commission_rate numeric, OUT currency text,
    OUT purchases_30_days bigint, OUT net_amount_30_days numeric, OUT average_net_30_days numeric, OUT commission_30_days numeric,
    OUT purchases_365_days bigint, OUT net_amount_365_days numeric, OUT last_purchase_day date) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1000
    AS 'MODULE_PATHNAME', 'swipesavvy_merchant_network_figures';
COMMENT ON FUNCTION swipesavvy.merchant_network_figures() IS
    'The figures of all merchants, a row for each currency of their last 365 days; for the view merchant_network_performance.';

CREATE VIEW swipesavvy.merchant_network_performance AS
SELECT m.merchant_id, m.name, m.category, m.is_active,
       (SELECT count(*) FROM swipesavvy.merchant_locations l WHERE l.merchant_id = m.merchant_id AND l.is_active) AS locations,
       f.tier, f.commission_rate, f.currency, f.purchases_30_days, f.net_amount_30_days, f.average_net_30_days, f.commission_30_days,
       f.purchases_365_days, f.net_amount_365_days, r.rating, coalesce(r.rating_count, 0) AS rating_count,
       (SELECT count(*) FROM swipesavvy.campaigns c WHERE c.target_merchant_id = m.merchant_id AND c.status = 'running') AS running_campaigns,
       f.last_purchase_day
  FROM swipesavvy.merchant_network_figures() f
  JOIN swipesavvy.merchants m ON m.merchant_id = f.merchant_id
  LEFT JOIN swipesavvy.merchant_rating_averages r ON r.merchant_id = m.merchant_id;
COMMENT ON VIEW swipesavvy.merchant_network_performance IS
    'How each merchant fares: a row for each currency of its completed purchases of the last 365 days, or one with zeros. Money is net of refunds.';

CREATE VIEW swipesavvy.user_favorite_merchants_view AS
SELECT t.user_id, t.merchant_id, m.name, m.category, t.visits, round(t.net_minor / 10::numeric ^ k.minor_unit, k.minor_unit) AS net_amount, t.currency, t.last_visit_at,
       r.rating AS user_rating, row_number() OVER (PARTITION BY t.user_id ORDER BY t.visits DESC, t.net_minor / 10::numeric ^ k.minor_unit DESC, t.merchant_id, t.currency) AS rank
  FROM (SELECT p.user_id, p.merchant_id, p.currency, count(*) AS visits, sum(p.amount_minor - p.refunded_minor) AS net_minor, max(p.occurred_at) AS last_visit_at
          FROM swipesavvy.transactions p WHERE p.status = 'completed' AND p.refunded_minor < p.amount_minor AND p.merchant_id IS NOT NULL
         GROUP BY p.user_id, p.merchant_id, p.currency) t
  JOIN swipesavvy.merchants m ON m.merchant_id = t.merchant_id
  JOIN swipesavvy.currencies k ON k.code = t.currency
  LEFT JOIN swipesavvy.merchant_reviews r ON r.user_id = t.user_id AND r.merchant_id = t.merchant_id AND r.comment_status IS DISTINCT FROM 'removed';
COMMENT ON VIEW swipesavvy.user_favorite_merchants_view IS
    'Where each user has bought how often: a row for each merchant and currency, of completed purchases that are not wholly refunded. Ask for a user: then only that user''s purchases are read.';

CREATE VIEW swipesavvy.nearby_merchants_view AS
SELECT l.location_id, l.merchant_id, m.name, m.category, l.name AS location_name, round(l.lat_e7 / 10000000.0, 7) AS latitude, round(l.lon_e7 / 10000000.0, 7) AS longitude,
       l.position, l.city, l.country, r.rating, coalesce(r.rating_count, 0) AS rating_count, l.is_active
  FROM swipesavvy.merchant_locations l
  JOIN swipesavvy.merchants m ON m.merchant_id = l.merchant_id
  LEFT JOIN swipesavvy.merchant_rating_averages r ON r.merchant_id = l.merchant_id;
COMMENT ON VIEW swipesavvy.nearby_merchants_view IS
    'Where merchants are, for queries of one''s own: WHERE is_active ORDER BY position <-> a point in metres from the centre of the earth is answered from the index.';
