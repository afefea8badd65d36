-- What all campaigns bring together, which bring most, and each of them in the view; and what is refused.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SET timezone = 'UTC';
SET request.jwt.claims = '';
\set ada '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8e01'
\set ben '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8e02'
SELECT create_user('ada@portfolio.test', 'Ada', user_id => :'ada') IS NOT NULL AS made, create_user('ben@portfolio.test', 'Ben', user_id => :'ben') IS NOT NULL AS made_too,
       update_system_settings('{"currency": "BHD"}') IS NOT NULL AS set \gset
-- a currency of its own, so that nobody else's campaigns count; three decimals
SELECT count(create_campaign(campaign_id => id, name => 'Name of ' || id, campaign_type => type, offer_type => offer, offer_amount => amount, stackable => true, priority => n, budget => budget, min_spend => least, start_date => '2020-01-01'))
  FROM (VALUES ('AP-A', 'SEASONAL', 'PERCENTAGE', 10, 3, 100, 0), ('AP-B', 'EMAIL_OFFER', 'PERCENTAGE', 5, 2, NULL, 0), ('AP-C', 'SEASONAL', 'FIXED_DISCOUNT', 1, 1, 20, 50), ('AP-D', 'FLASH_SALE', 'BOGO', NULL, 0, NULL, 0)) v (id, type, offer, amount, n, budget, least);
SELECT count(launch_campaign(id)) FROM unnest('{AP-A,AP-B,AP-C}'::text[]) id;
SELECT get_campaign_portfolio();
SELECT get_top_campaigns();
SELECT * FROM v_campaign_performance_summary;
SELECT rebuild_analytics() IS NOT NULL AS built \gset
SELECT count(record_transaction(u, a, occurred_at => at::timestamptz, status => s, transaction_id => t::uuid))
  FROM (VALUES (:'ada'::uuid, 100.005, '2026-03-02 12:00', 'completed', '018f3c2a-7b10-7c4d-9e21-0000000000a1'), (:'ada', 40, '2026-03-03 12:00', 'completed', '018f3c2a-7b10-7c4d-9e21-0000000000a2'),
               (:'ben', 60, '2026-03-04 12:00', 'pending', '018f3c2a-7b10-7c4d-9e21-0000000000a3'), (:'ben', 30, '2026-02-20 12:00', 'completed', '018f3c2a-7b10-7c4d-9e21-0000000000a4'),
               (:'ben', 70, '2026-03-05 12:00', 'completed', '018f3c2a-7b10-7c4d-9e21-0000000000a5')) p (u, a, at, s, t);
SELECT refund_transaction('018f3c2a-7b10-7c4d-9e21-0000000000a2', 10) IS NOT NULL AS in_part, refund_transaction('018f3c2a-7b10-7c4d-9e21-0000000000a5') IS NOT NULL AS wholly \gset
SELECT (track_events(jsonb_agg(jsonb_build_object('campaign_id', id, 'kind', kind, 'occurred_at', '2026-03-02T12:00:00Z'))) ->> 'recorded')::int AS events
  FROM (SELECT 'AP-A', 'impression' FROM generate_series(1, 20) UNION ALL SELECT 'AP-A', 'click' FROM generate_series(1, 5) UNION ALL SELECT 'AP-B', 'click' FROM generate_series(1, 2) UNION ALL SELECT 'AP-D', 'view') e (id, kind);

-- --- all of them: each purchase sold once, however many campaigns stacked ----------------------------------------
SELECT jsonb_pretty(get_campaign_portfolio('2026-03-01', '2026-03-10'));
CREATE TEMP VIEW answers AS SELECT get_campaign_portfolio('2026-03-01', '2026-03-10') AS p, get_top_campaigns('revenue', '2026-03-01', '2026-03-10') AS t, (SELECT jsonb_agg(v ORDER BY v.campaign_id) FROM v_campaign_performance_summary v WHERE campaign_id LIKE 'AP-%') AS v;
CREATE TEMP TABLE unfolded AS TABLE answers;
SELECT fold_analytics() ->> 'folded' <> '0' AS folded;
SELECT a.p = u.p AS same_portfolio, a.t = u.t AS same_ranking, a.v = u.v AS same_view FROM unfolded u, answers a;
SELECT p #> '{campaigns,total}' AS of_type, p #> '{campaigns,by_status}' AS by_status, p #> '{totals,conversions}' AS conversions, p #> '{budget}' AS budget, p -> 'campaigns_with_facts' AS with_facts
  FROM get_campaign_portfolio('2026-03-01', '2026-03-10', status => 'running', campaign_type => 'SEASONAL') p;
SELECT p #> '{totals,revenue}' AS revenue, p #> '{previous,revenue}' AS previous, p #> '{period,days}' AS days FROM get_campaign_portfolio('2026-02-19', '2026-02-21') p;
SELECT p -> 'currency' AS currency, p #> '{campaigns,total}' AS campaigns, p #> '{totals,cost}' AS cost, p #> '{budget,utilisation}' AS utilisation, p -> 'by_type' AS by_type FROM get_campaign_portfolio(currency => 'CLF') p;
SELECT get_campaign_portfolio() #> '{period,days}' AS days, (get_campaign_portfolio() #>> '{period,end_date}')::date = now()::date AS until_today;

-- --- the best and the worst ---------------------------------------------------------------------------------
SELECT m.metric, d.direction, c ->> 'rank' AS rank, c ->> 'campaign_id' AS campaign_id, c ->> 'value' AS value, c ->> 'conversions' AS conversions
  FROM unnest('{roas,conversion_rate,revenue,efficiency}'::text[]) WITH ORDINALITY m (metric, n) CROSS JOIN unnest('{best,worst}'::text[]) d (direction)
 CROSS JOIN LATERAL jsonb_array_elements(get_top_campaigns(m.metric, '2026-03-01', '2026-03-10', min_conversions => 1, min_clicks => 1, direction => d.direction) -> 'campaigns') c ORDER BY m.n, d.direction, (c ->> 'rank')::int;
SELECT jsonb_pretty(get_top_campaigns('roas', '2026-03-01', '2026-03-10', page_size => 1, min_conversions => 2));
SELECT jsonb_array_length(get_top_campaigns('roas', '2026-03-01', '2026-03-10') -> 'campaigns') AS by_ten_conversions, jsonb_array_length(get_top_campaigns('conversion_rate', '2026-03-01', '2026-03-10', min_clicks => 3) -> 'campaigns') AS by_three_clicks,
       jsonb_array_length(get_top_campaigns('conversion_rate', '2026-03-01', '2026-03-10', min_clicks => 0) -> 'campaigns') AS without_clicks_there_is_no_rate, jsonb_array_length(get_top_campaigns('revenue', '2026-03-01', '2026-03-10', campaign_type => 'EMAIL_OFFER') -> 'campaigns') AS of_type;
-- equal values: by conversions, then by id; what is archived still ranks, a draft never did
SELECT delete_campaign('AP-B') IS NOT NULL AS archived \gset
SELECT string_agg(c ->> 'campaign_id' || ' ' || (c ->> 'status'), ', ' ORDER BY (c ->> 'rank')::int) AS ranked FROM jsonb_array_elements(get_top_campaigns('revenue', '2026-03-01', '2026-03-10') -> 'campaigns') c;
SELECT get_campaign_portfolio('2026-03-01', '2026-03-10') #> '{campaigns,by_status}' AS by_status, get_campaign_portfolio('2026-03-01', '2026-03-10', 'archived') #> '{campaigns,by_status}' AS archived;

-- --- the view -------------------------------------------------------------------------------------------------
\x
SELECT * FROM v_campaign_performance_summary WHERE campaign_id LIKE 'AP-%' ORDER BY campaign_id;
\x
SELECT count(*) AS differences FROM v_campaign_performance_summary v, LATERAL get_campaign_metrics(v.campaign_id) m
 WHERE v.campaign_id LIKE 'AP-%' AND (v.impressions::text, v.views::text, v.clicks::text, v.conversions::text, v.revenue::text, v.cost::text, v.view_rate::text, v.click_through_rate::text, v.conversion_rate::text, v.cost_per_acquisition::text, v.return_on_ad_spend::text)
       IS DISTINCT FROM (m ->> 'impressions', m ->> 'views', m ->> 'clicks', m ->> 'conversions', m ->> 'revenue', m ->> 'cost', m #>> '{rates,view_rate}', m #>> '{rates,click_through_rate}', m #>> '{rates,conversion_rate}', m #>> '{rates,cost_per_acquisition}', m #>> '{rates,return_on_ad_spend}');
SET ROLE swipesavvy_analytics;
SELECT count(*) AS analytics_reads FROM v_campaign_performance_summary WHERE campaign_id LIKE 'AP-%';
SET ROLE swipesavvy_support;
SELECT count(*) FROM v_campaign_performance_summary;
RESET ROLE;

-- --- what is refused --------------------------------------------------------------------------------------------
SELECT get_campaign_portfolio('2026-03-02', '2026-03-01');
SELECT get_campaign_portfolio(status => 'gone');
SELECT get_campaign_portfolio(campaign_type => 'SALE');
SELECT get_campaign_portfolio(currency => 'usd');
SELECT get_top_campaigns('fame');
SELECT get_top_campaigns(NULL);
SELECT get_top_campaigns(page_size => 101);
SELECT get_top_campaigns(min_conversions => -1);
SELECT get_top_campaigns(min_clicks => NULL);
SELECT get_top_campaigns(direction => 'up');
SELECT get_top_campaigns(campaign_type => '');
ROLLBACK;
