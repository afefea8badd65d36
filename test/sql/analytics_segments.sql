-- What a campaign brings in each segment, by the members of one moment; when the job works it out anew; and what is refused.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SET timezone = 'UTC';
SET request.jwt.claims = '';
SELECT count(create_user(n || '@segments.test', n, user_id => ('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8f0' || i)::uuid)) AS users FROM unnest('{Ann,Ben,Cyd,Dan,Eve}'::text[]) WITH ORDINALITY u (n, i);
CREATE FUNCTION pg_temp.of(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8f0' || n)::uuid $$;
SELECT create_segment('AS-big') IS NOT NULL AS big, create_segment('AS-small') IS NOT NULL AS small, create_segment('AS-empty') IS NOT NULL AS empty,
       add_segment_members('AS-big', ARRAY[pg_temp.of(1), pg_temp.of(2), pg_temp.of(3)]) IS NOT NULL AS members, add_segment_members('AS-small', ARRAY[pg_temp.of(1)]) IS NOT NULL AS member \gset
SELECT create_campaign(campaign_id => 'AS-TEN', name => 'Ten', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-01-01') IS NOT NULL AS made,
       create_campaign(campaign_id => 'AS-BIG', name => 'Big', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 20, target_segment => 'AS-small', stackable => true, start_date => '2020-01-01') IS NOT NULL AS made_too \gset
SELECT count(launch_campaign(id)) AS launched FROM unnest('{AS-TEN,AS-BIG}'::text[]) id;
SELECT s ->> 'name' AS name, s -> 'members' AS members, s -> 'running_campaigns' AS running_campaigns FROM jsonb_array_elements(list_segments() -> 'segments') s WHERE s ->> 'name' LIKE 'AS-%';
SELECT get_campaign_segments('AS-TEN');
SELECT refresh_campaign_segments('AS-TEN');
SELECT rebuild_analytics() IS NOT NULL AS built \gset
SELECT get_campaign_segments('AS-TEN');

-- Ann bought twice, Ben had half refunded, Cyd all of it, Dan's is pending, Eve only looked; Ann and Cyd were shown it, too
SELECT count(record_transaction(pg_temp.of(n), a, status => s, transaction_id => ('018f3c2a-7b10-7c4d-9e21-0000000000b' || i)::uuid))
  FROM (VALUES (1, 1, 10, 'completed'), (2, 1, 20, 'completed'), (3, 2, 40, 'completed'), (4, 3, 70, 'completed'), (5, 4, 5.55, 'pending')) p (i, n, a, s);
SELECT refund_transaction('018f3c2a-7b10-7c4d-9e21-0000000000b3', 20) IS NOT NULL AS half, refund_transaction('018f3c2a-7b10-7c4d-9e21-0000000000b4') IS NOT NULL AS whole \gset
SELECT track_events(jsonb_agg(jsonb_build_object('campaign_id', 'AS-TEN', 'kind', k, 'user_id', pg_temp.of(n), 'value', 3))) AS events FROM (VALUES (1, 'impression'), (1, 'view'), (3, 'view'), (5, 'impression'), (2, 'click'), (2, 'conversion')) e (n, k);
SELECT (refresh_campaign_segments('AS-TEN') - 'as_of') AS refreshed;
CREATE TEMP VIEW shown AS SELECT s.* FROM jsonb_to_recordset(get_campaign_segments('AS-TEN') -> 'segments') s (segment text, members bigint, reached bigint, converters bigint, conversions bigint, revenue numeric, cost numeric, discount numeric, converter_rate numeric)
    WHERE s.segment LIKE 'AS-%' OR s.segment IS NULL;
-- in no segment there are others, too
SELECT segment, CASE WHEN segment IS NOT NULL THEN members END AS members, reached, converters, conversions, revenue, cost, discount, CASE WHEN segment IS NOT NULL THEN converter_rate END AS rate FROM shown;
SELECT members = (SELECT count(*) FROM users u WHERE erased_at IS NULL AND NOT EXISTS (SELECT FROM segment_members m WHERE m.user_id = u.user_id)) AS everybody_else, converter_rate = round(converters::numeric / members, 6) AS rate FROM shown WHERE segment IS NULL;
SELECT (get_campaign_segments('AS-TEN') ->> 'as_of')::timestamptz BETWEEN now() AND clock_timestamp() AS as_of, get_campaign_segments('AS-BIG') AS never;

-- --- the job: what never was, what has a fact since, what has a new member since; on Mondays all ------------------------
CREATE FUNCTION pg_temp.job() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    done jsonb := swipesavvy.refresh_campaign_segments();
BEGIN
    RETURN (SELECT coalesce(string_agg(c.campaign_id, ', ' ORDER BY c.campaign_id), 'nothing') FROM swipesavvy.campaign_segments g JOIN swipesavvy.campaigns c USING (campaign_no)
             WHERE g.segment_no = 0 AND g.as_of = (done ->> 'as_of')::timestamptz AND c.campaign_id LIKE 'AS-%');
END $$;
SELECT fold_analytics() IS NOT NULL AS folded \gset
CREATE FUNCTION pg_temp.earlier(text) RETURNS void LANGUAGE sql AS $$
    UPDATE swipesavvy.campaign_segments g SET as_of = $1::timestamptz FROM swipesavvy.campaigns c WHERE c.campaign_no = g.campaign_no AND c.campaign_id LIKE 'AS-%' $$;
UPDATE segment_members SET added_at = '2020-01-01';
UPDATE campaign_days SET updated_at = '2020-01-01';
SELECT pg_temp.job() AS at_first;
SELECT pg_temp.job() AS nothing_new;
SELECT record_transaction(pg_temp.of(5), 1) IS NOT NULL AS bought \gset
SELECT pg_temp.job() AS one_has_a_fact_that_is_not_folded;
SELECT fold_analytics() IS NOT NULL AS folded \gset
UPDATE campaign_days d SET updated_at = clock_timestamp() FROM campaigns c WHERE c.campaign_no = d.campaign_no AND c.campaign_id = 'AS-TEN';
SELECT pg_temp.job() AS one_has_a_fact;
UPDATE campaign_days SET updated_at = '2020-01-01';
SELECT pg_temp.job() AS and_no_more;
-- who left a segment leaves no trace
SELECT pg_temp.earlier('2020-01-02') IS NOT NULL AS long_ago \gset
SELECT pg_temp.job() = CASE WHEN extract(isodow FROM now()) = 1 THEN 'AS-BIG, AS-TEN' ELSE 'nothing' END AS all_on_mondays;
SELECT add_segment_members('AS-small', ARRAY[pg_temp.of(4)]) -> 'added' AS added;
SELECT pg_temp.job() AS a_member_came;
SELECT segment, reached, converters, conversions, revenue FROM shown WHERE segment IS NOT NULL;
SELECT erase_user(pg_temp.of(1)) IS NOT NULL AS erased, refresh_campaign_segments('AS-TEN') IS NOT NULL AS refreshed \gset
SELECT segment, reached, converters, conversions, revenue FROM shown WHERE segment IS NOT NULL;
-- a draft is shown to people, and has a row once it was
SELECT create_campaign(campaign_id => 'AS-DRAFT', name => 'Draft', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-01-01') ->> 'status' AS status;
SELECT pg_temp.job() AS nothing_of_it_yet;
SELECT track_event('AS-DRAFT', 'view', pg_temp.of(2)) IS NOT NULL AS seen;
SELECT pg_temp.job() AS the_draft;
SELECT s ->> 'segment' AS segment, s -> 'reached' AS reached FROM jsonb_array_elements(get_campaign_segments('AS-DRAFT') -> 'segments') s WHERE s ->> 'segment' LIKE 'AS-%';

-- --- what is refused --------------------------------------------------------------------------------------------
SELECT get_campaign_segments('AS-NONE');
SELECT get_campaign_segments(NULL);
SELECT refresh_campaign_segments('AS-NONE');
SET ROLE swipesavvy_analytics;
SELECT get_campaign_segments('AS-TEN') IS NOT NULL AS shown;
SELECT refresh_campaign_segments('AS-TEN');
RESET ROLE;
ROLLBACK;
