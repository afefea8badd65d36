-- Custom reports: what they say of campaigns by day and by hour and of purchases, how they are ordered and cut, and what is refused; exports.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SET timezone = 'UTC';
\set ada '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'
\set cafe '018f3c2a-7b10-7c4d-9e21-0000000000c1'
SELECT run_custom_report('{"source": "campaigns", "measures": ["clicks"], "start_date": "2026-03-01", "end_date": "2026-03-31"}');
SELECT export_analytics('campaigns');
SELECT create_user('ada@reports.test', 'Ada', user_id => :'ada') IS NOT NULL AS made, create_merchant('Cafe "Zoe"', 'Restaurants & Cafes', merchant_id => :'cafe') IS NOT NULL AS merchant, create_segment('vip') IS NOT NULL AS segment \gset
SELECT create_campaign(campaign_id => 'AR-TEN', name => 'Ten', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-01-01', target_merchant_id => :'cafe') IS NOT NULL AS ten,
       create_campaign(campaign_id => 'AR-YEN', name => 'ten', campaign_type => 'FLASH_SALE', offer_type => 'FIXED_DISCOUNT', offer_amount => 100, currency => 'JPY', start_date => '2020-01-01', target_category => 'Restaurants & Cafes') IS NOT NULL AS yen,
       create_campaign(campaign_id => 'AR-NONE', name => 'Nobody', campaign_type => 'SEASONAL', offer_type => 'OTHER', start_date => '2020-01-01', target_segment => 'vip') IS NOT NULL AS none \gset
SELECT launch_campaign('AR-TEN') IS NOT NULL AND launch_campaign('AR-YEN') IS NOT NULL AS launched, rebuild_analytics() IS NOT NULL AS built \gset
SELECT track_events(jsonb_agg(jsonb_build_object('campaign_id', 'AR-TEN', 'kind', kind, 'occurred_at', '2026-03-02T12:10:00Z'))) AS events
  FROM (SELECT 'impression' AS kind FROM generate_series(1, 100) UNION ALL SELECT 'click' FROM generate_series(1, 8)) e;
SELECT record_transaction(:'ada', 100, merchant_id => :'cafe', occurred_at => '2026-03-02 12:40Z') IS NOT NULL AS first,
       record_transaction(:'ada', 50, merchant_id => :'cafe', occurred_at => '2026-03-04 08:00Z', transaction_id => '018f3c2a-7b10-7c4d-9e21-0000000000f3') IS NOT NULL AS second,
       record_transaction(:'ada', 80, merchant_id => :'cafe', occurred_at => '2026-03-09 23:00Z', status => 'pending') IS NOT NULL AS third,
       record_transaction(:'ada', 1500, 'JPY', :'cafe', occurred_at => '2026-03-04 09:00Z') IS NOT NULL AS in_yen, record_transaction(:'ada', 12.5, occurred_at => '2026-04-01 00:00Z') IS NOT NULL AS without_merchant \gset
SELECT fold_analytics() IS NOT NULL AS folded, refund_transaction('018f3c2a-7b10-7c4d-9e21-0000000000f3', 20) IS NOT NULL AS refunded \gset

-- A report of these days; what is given beside them.
CREATE FUNCTION pg_temp.report(given jsonb) RETURNS jsonb LANGUAGE sql RETURN
    run_custom_report('{"source": "campaigns", "measures": ["clicks"], "start_date": "2026-03-01", "end_date": "2026-04-30"}'::jsonb || given) - 'as_of';
CREATE FUNCTION pg_temp.lines(given jsonb) RETURNS SETOF text LANGUAGE sql RETURN jsonb_array_elements(pg_temp.report(given) -> 'rows')::text;

SELECT jsonb_pretty(pg_temp.report('{"dimensions": ["campaign"], "measures": ["impressions", "conversions", "revenue", "cost", "bonus_points", "click_through_rate", "cost_per_acquisition", "return_on_ad_spend"], "filters": [{"field": "currency", "op": "eq", "value": "USD"}], "totals": true}'));
\echo by everything that a campaign has
SELECT pg_temp.lines('{"dimensions": ["campaign", "campaign_name", "campaign_type", "offer_type"]}');
SELECT pg_temp.lines('{"dimensions": ["status", "target_category", "target_segment", "target_merchant"]}');
\echo by day, week, month and weekday, and by hour
SELECT pg_temp.lines('{"dimensions": ["day", "week", "month", "weekday"], "measures": ["conversions"]}');
SELECT pg_temp.lines('{"dimensions": ["hour", "campaign"], "measures": ["impressions", "conversions"]}');
\echo money has the decimals of its currency, and totals of two currencies are none
SELECT pg_temp.report('{"dimensions": ["currency"], "measures": ["conversions", "revenue", "tracked_value", "revenue_per_impression"], "totals": true}') - '{period,columns}'::text[];
SELECT pg_temp.report('{"dimensions": ["currency"], "measures": ["conversions", "revenue"], "having": [{"measure": "revenue", "op": "gt", "value": 500}], "totals": true}') - '{period,columns}'::text[];
SELECT pg_temp.report('{"measures": ["conversions", "revenue", "conversion_rate"], "filters": [{"field": "currency", "op": "eq", "value": "EUR"}], "totals": true}') - 'period';
\echo purchases
SELECT pg_temp.lines('{"source": "purchases", "dimensions": ["merchant", "merchant_name", "category", "currency"], "measures": ["purchases", "pending_purchases", "refunded_purchases", "amount", "refunded", "net_amount", "points_earned", "average_net"]}');
SELECT pg_temp.lines('{"source": "purchases", "dimensions": ["month", "weekday"], "measures": ["purchases", "pending_purchases"], "order_by": [{"field": "purchases", "direction": "desc"}]}');
\echo filters: nulls are matched by null alone, and what negates is all else
SELECT pg_temp.lines('{"source": "purchases", "dimensions": ["merchant_name"], "measures": ["purchases"], "filters": [{"field": "merchant", "op": "eq", "value": null}]}');
SELECT pg_temp.lines('{"source": "purchases", "dimensions": ["merchant_name"], "measures": ["purchases"], "filters": [{"field": "merchant", "op": "ne", "value": null}]}');
SELECT pg_temp.lines('{"dimensions": ["campaign"], "measures": ["conversions"], "filters": [{"field": "target_category", "op": "not_in", "value": ["Services"]}]}');
SELECT pg_temp.lines('{"dimensions": ["campaign"], "measures": ["conversions"], "filters": [{"field": "target_category", "op": "in", "value": ["Services", null]}]}');
SELECT pg_temp.lines('{"dimensions": ["campaign"], "measures": ["conversions"], "filters": [{"field": "campaign", "op": "in", "value": ["AR-TEN", "AR-YEN"]}, {"field": "campaign", "op": "ne", "value": "AR-YEN"}, {"field": "hour", "op": "in", "value": [8, 23]}]}');
SELECT pg_temp.report('{"filters": [{"field": "campaign", "op": "eq", "value": "AR-UNKNOWN"}], "dimensions": ["day"]}') -> 'row_count' AS unknown, pg_temp.report('{"filters": [{"field": "campaign", "op": "in", "value": []}], "dimensions": ["day"]}') -> 'row_count' AS in_nothing,
       pg_temp.report('{"filters": [{"field": "campaign", "op": "not_in", "value": []}], "dimensions": ["day"]}') -> 'row_count' AS not_in_nothing;
\echo order and limit: nulls last in both directions, text by bytes
SELECT pg_temp.lines('{"dimensions": ["campaign_name"], "measures": ["conversion_rate"], "order_by": [{"field": "conversion_rate", "direction": "desc"}]}');
SELECT pg_temp.lines('{"dimensions": ["campaign_name"], "measures": ["conversion_rate"], "order_by": [{"field": "conversion_rate"}]}');
SELECT pg_temp.lines('{"dimensions": ["campaign_name"], "measures": ["clicks"], "order_by": [{"field": "campaign_name", "direction": "desc"}]}');
SELECT pg_temp.report('{"dimensions": ["day"], "measures": ["conversions"], "order_by": [{"field": "impressions", "direction": "desc"}, {"field": "day", "direction": "desc"}], "limit": 2, "totals": true}') - '{period,columns}'::text[] AS cut;
\echo having: a null is unequal to everything
SELECT pg_temp.lines('{"dimensions": ["campaign"], "measures": ["conversion_rate"], "having": [{"measure": "conversion_rate", "op": "ne", "value": 1}]}');
SELECT pg_temp.lines('{"dimensions": ["campaign"], "measures": ["conversion_rate"], "having": [{"measure": "conversion_rate", "op": "lte", "value": 1}]}');
\echo a purchase in another currency than its campaign has now counts, and in no money
SAVEPOINT other;
UPDATE campaigns SET currency = 'EUR' WHERE campaign_id = 'AR-TEN';
SELECT pg_temp.report('{"dimensions": ["campaign", "currency"], "measures": ["conversions", "revenue", "cost"], "filters": [{"field": "campaign", "op": "eq", "value": "AR-TEN"}]}') - '{period,columns}'::text[];
ROLLBACK TO other;

-- --- what is refused ----------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.refused(given jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM pg_temp.report(given);
    RETURN 'answered';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail);
END $$;
SELECT run_custom_report(NULL);
SELECT run_custom_report('[]');
SELECT run_custom_report('"x"');
SELECT run_custom_report('{}');
SELECT pg_temp.refused(given) FROM unnest(ARRAY[
    '{"colour": 1}', '{"source": "users"}', '{"source": null}', '{"measures": []}', '{"measures": "clicks"}', '{"measures": ["clicks", "clicks"]}', '{"measures": ["currency"]}', '{"measures": [1]}', '{"measures": ["net_amount"]}',
    '{"source": "purchases", "measures": ["purchases"], "dimensions": ["hour"]}', '{"dimensions": ["day", "week", "month", "hour", "weekday"]}', '{"dimensions": ["day", "day"]}', '{"dimensions": null}',
    '{"start_date": "2026-02-30"}', '{"start_date": "today"}', '{"start_date": "2026-03-01T00:00:00Z"}', '{"start_date": 20260301}', '{"end_date": "2026-02-28"}', '{"start_date": "2021-04-26", "end_date": "2026-04-30"}',
    '{"filters": {}}', '{"filters": [1]}', '{"filters": [{"op": "eq", "value": 1}]}', '{"filters": [{"field": "clicks", "op": "eq", "value": 1}]}', '{"filters": [{"field": "day", "op": "like", "value": "2026-03-01"}]}', '{"filters": [{"field": "day", "op": "eq"}]}',
    '{"filters": [{"field": "day", "op": "eq", "value": "2026-03-01", "not": true}]}', '{"filters": [{"field": "day", "op": "eq", "value": ["2026-03-01"]}]}', '{"filters": [{"field": "day", "op": "in", "value": "2026-03-01"}]}',
    '{"filters": [{"field": "day", "op": "in", "value": ["2026-03-01", "2026-03-01"]}]}', '{"filters": [{"field": "day", "op": "in", "value": [null, "2026-03-01", null]}]}', '{"filters": [{"field": "day", "op": "eq", "value": "01.03.2026"}]}',
    '{"filters": [{"field": "week", "op": "eq", "value": "2026-03-03"}]}', '{"filters": [{"field": "month", "op": "eq", "value": "2026-03-02"}]}', '{"filters": [{"field": "weekday", "op": "eq", "value": 8}]}', '{"filters": [{"field": "hour", "op": "in", "value": [0, 0.5]}]}',
    '{"filters": [{"field": "hour", "op": "eq", "value": "12"}]}', '{"filters": [{"field": "campaign", "op": "eq", "value": 1}]}', '{"filters": [{"field": "status", "op": "ne", "value": "started"}]}', '{"filters": [{"field": "campaign_type", "op": "ne", "value": "seasonal"}]}',
    '{"filters": [{"field": "offer_type", "op": "ne", "value": "GIFT"}]}', '{"filters": [{"field": "target_category", "op": "eq", "value": "Spaceships"}]}', '{"filters": [{"field": "target_segment", "op": "eq", "value": "VIP"}]}', '{"filters": [{"field": "target_merchant", "op": "eq", "value": "cafe"}]}',
    '{"filters": [{"field": "currency", "op": "eq", "value": "usd"}]}', '{"filters": [{"field": "weekday", "op": "ne", "value": 1}, {"value": 1, "op": "ne", "field": "weekday"}]}',
    '{"having": [{"measure": "day", "op": "eq", "value": 1}]}', '{"having": [{"measure": "clicks", "op": "in", "value": 1}]}', '{"having": [{"measure": "clicks", "op": "eq", "value": "1"}]}', '{"having": [{"measure": "clicks", "op": "eq"}]}',
    '{"order_by": [{"field": "day"}]}', '{"order_by": [{"field": "clicks", "direction": "up"}]}', '{"order_by": [{"field": "clicks"}, {"field": "clicks", "direction": "desc"}]}', '{"order_by": [{"field": "x"}]}',
    '{"limit": 0}', '{"limit": 10001}', '{"limit": "10"}', '{"limit": 1.5}', '{"totals": 1}',
    '{"measures": ["clicks", "cost"]}', '{"measures": ["return_on_ad_spend"], "filters": [{"field": "currency", "op": "in", "value": ["USD"]}]}', '{"having": [{"measure": "revenue", "op": "gt", "value": 0}]}', '{"order_by": [{"field": "revenue"}]}']::jsonb[]) given;
SELECT pg_temp.refused(jsonb_build_object('measures', (SELECT jsonb_agg('clicks'::text) FROM generate_series(1, 13)))) AS measures,
       pg_temp.refused(jsonb_build_object('filters', (SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 21)))) AS filters,
       pg_temp.refused(jsonb_build_object('having', (SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 11)))) AS having,
       pg_temp.refused(jsonb_build_object('order_by', (SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 7)))) AS order_by,
       pg_temp.refused(jsonb_build_object('filters', jsonb_build_array(jsonb_build_object('field', 'campaign', 'op', 'in', 'value', (SELECT jsonb_agg('C' || i) FROM generate_series(1, 1001) i))))) AS "values" \gx

-- --- exports: every dataset is compared with its function in test/t/743_exports.pl ---------------------------------
SELECT update_campaign('AR-YEN', '{"name": "=ten, \"so\""}') IS NOT NULL AS named, create_segment('@home') IS NOT NULL AS segment \gset
SELECT export_analytics('report', definition => '{"source": "campaigns", "measures": ["conversions", "revenue", "conversion_rate"], "dimensions": ["campaign_name", "currency", "month"], "start_date": "2026-03-01", "end_date": "2026-04-30"}') AS csv;
SELECT export_analytics('report', 'json', definition => '{"source": "campaigns", "measures": ["conversions", "revenue", "conversion_rate"], "dimensions": ["campaign_name", "currency", "month"], "start_date": "2026-03-01", "end_date": "2026-04-30"}', header => NULL) AS json;
SELECT export_analytics('campaign_daily', start_date => '2026-03-04', end_date => '2026-03-05', campaign_id => 'AR-YEN', header => false) ~ '^AR-YEN,2026-03-0[45],JPY,0,0,0,[01],[01],0,0,0.0000,(1500|0),(1500|0),(100|0),(100|0),0,,,,,,(100.0000)?,(15.000000)?,false,' AS daily;
SELECT event_type, resource_id, details #>> '{after,format}' AS format, details #>> '{after,rows}' AS rows, details #>> '{after,digest}' AS digest FROM audit_logs WHERE event_type = 'analytics.export' AND resource_id = 'report';
SELECT export_analytics(NULL);
SELECT export_analytics('users');
SELECT export_analytics('rfm', NULL);
SELECT export_analytics('rfm', 'xlsx');
SELECT export_analytics('rfm', start_date => '2026-01-01');
SELECT export_analytics('ageing', end_date => '2026-01-01');
SELECT export_analytics('campaigns', campaign_id => 'AR-TEN');
SELECT export_analytics('churn', definition => '{}');
SELECT export_analytics('report');
SELECT export_analytics('report', definition => '{"source": "campaigns"}');
SELECT export_analytics('report', start_date => '2026-01-01', definition => '{}');
SELECT export_analytics('campaign_daily', campaign_id => 'AR-NOT');
SELECT export_analytics('campaigns', start_date => '2026-01-02', end_date => '2026-01-01');
SELECT export_analytics('campaigns', start_date => '2020-01-01', end_date => '2025-01-05');
SELECT export_analytics('liability', start_date => 'infinity');
ROLLBACK;
