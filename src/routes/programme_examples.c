/*
 * programme_examples.c: examples of campaigns, flags, A/B tests and analytics
 * (route_examples.h). test/t/755_openapi.pl sends them in turn.
 */
#include "postgres.h"

#include "routes/route_examples.h"

/* clang-format off */
const SSRouteExample ss_programme_examples[] = {
	{"POST", "/api/campaigns",
		"/api/campaigns",
		"{'budget': 50000, 'campaign_id': 'CAMP-TEN', 'campaign_type': 'SEASONAL', 'max_discount': 20, 'name': "
		"'Ten per cent', 'offer_amount': 10, 'offer_type': 'PERCENTAGE', 'start_date': '2026-01-01T00:00:00Z', "
		"'target_category': 'Restaurants & Cafes'}",
		"{'name': 'Ten per cent', 'status': 'draft', 'message': 'The campaign was created as a draft; "
		"launch_campaign() starts it.', 'created_at': '2026-11-30T22:14:17.895944Z', 'campaign_id': 'CAMP-TEN'}"},
	{"POST", "/api/campaigns/{campaign_id}/launch",
		"/api/campaigns/CAMP-TEN/launch",
		"{}",
		"{'status': 'running', 'message': 'The campaign is running.', 'campaign_id': 'CAMP-TEN', 'launched_at': "
		"'2026-11-30T22:14:17.951552Z', 'expected_conversions': 0, 'expected_impressions': null}"},
	{"GET", "/api/campaigns/{campaign_id}",
		"/api/campaigns/CAMP-TEN",
		NULL,
		"{'name': 'Ten per cent', 'spent': 0.00, 'views': 0, 'budget': 50000.00, 'clicks': 0, 'status': "
		"'running', 'version': 2, 'currency': 'USD', 'end_date': null, 'hold_out': 0.00, 'priority': 0, "
		"'min_spend': 0.00, 'paused_at': null, 'stackable': false, 'created_at': '2026-11-30T22:14:17.895944Z', "
		"'offer_type': 'PERCENTAGE', 'start_date': '2026-01-01T00:00:00Z', 'updated_at': "
		"'2026-11-30T22:14:17.951552Z', 'archived_at': null, 'campaign_id': 'CAMP-TEN', 'conversions': 0, "
		"'daily_limit': null, 'description': null, 'impressions': 0, 'launched_at': "
		"'2026-11-30T22:14:17.951552Z', 'bonus_points': 0, 'completed_at': null, 'max_discount': 20.00, "
		"'offer_amount': 10.000, 'campaign_type': 'SEASONAL', 'per_user_limit': null, 'target_segment': null, "
		"'target_category': 'Restaurants & Cafes', 'points_multiplier': 1.000, 'target_merchant_id': null}"},
	{"GET", "/api/campaigns",
		"/api/campaigns?status=running&limit=1",
		NULL,
		"{'limit': 1, 'total': 1, 'offset': 0, 'campaigns': [{'name': 'Ten per cent', 'spent': 0.00, 'budget': "
		"50000.00, 'status': 'running', 'end_date': null, 'created_at': '2026-11-30T22:14:17.895944Z', "
		"'offer_type': 'PERCENTAGE', 'start_date': '2026-01-01T00:00:00Z', 'campaign_id': 'CAMP-TEN', "
		"'offer_amount': 10.000, 'campaign_type': 'SEASONAL'}], 'next_cursor': null}"},
	{"PUT", "/api/campaigns/{campaign_id}",
		"/api/campaigns/CAMP-TEN",
		"{'end_date': null, 'max_discount': 5}",
		"{'name': 'Ten per cent', 'spent': 0.00, 'views': 0, 'budget': 50000.00, 'clicks': 0, 'status': "
		"'running', 'message': 'The campaign was changed.', 'version': 3, 'currency': 'USD', 'end_date': null, "
		"'hold_out': 0.00, 'priority': 0, 'min_spend': 0.00, 'paused_at': null, 'stackable': false, "
		"'created_at': '2026-11-30T22:14:17.895944Z', 'offer_type': 'PERCENTAGE', 'start_date': "
		"'2026-01-01T00:00:00Z', 'updated_at': '2026-11-30T22:14:18.118581Z', 'archived_at': null, "
		"'campaign_id': 'CAMP-TEN', 'conversions': 0, 'daily_limit': null, 'description': null, 'impressions': "
		"0, 'launched_at': '2026-11-30T22:14:17.951552Z', 'bonus_points': 0, 'completed_at': null, "
		"'max_discount': 5.00, 'offer_amount': 10.000, 'campaign_type': 'SEASONAL', 'per_user_limit': null, "
		"'target_segment': null, 'target_category': 'Restaurants & Cafes', 'points_multiplier': 1.000, "
		"'target_merchant_id': null}"},
	{"POST", "/api/campaigns/{campaign_id}/pause",
		"/api/campaigns/CAMP-TEN/pause",
		NULL,
		"{'status': 'paused', 'message': 'The campaign is paused; launch_campaign() resumes it.', 'metrics': "
		"{'revenue_generated': 0.00, 'conversions_before_pause': 0, 'impressions_before_pause': 0}, 'paused_at': "
		"'2026-11-30T22:14:18.17903Z', 'campaign_id': 'CAMP-TEN'}"},
	{"DELETE", "/api/campaigns/{campaign_id}",
		"/api/campaigns/CAMP-OOPS",
		NULL,
		"{'status': 'archived', 'message': 'The campaign is archived; its history stays.', 'archived_at': "
		"'2026-11-30T22:14:18.312303Z', 'campaign_id': 'CAMP-OOPS'}"},
	{"POST", "/api/events",
		"/api/events",
		"{'campaign_id': 'CAMP-TEN', 'kind': 'click', 'user_id': '00000000-0000-7000-8000-000000000ada', "
		"'value': 0.25}",
		"{'kind': 'click', 'event_id': '01a22e85-ec20-70b4-a786-df499c9db0ff', 'replayed': false, 'campaign_id': "
		"'CAMP-TEN', 'recorded_at': '2026-11-30T22:14:18.395857Z'}"},
	{"GET", "/api/analytics/segments",
		"/api/analytics/segments",
		NULL,
		"{'segments': [{'name': 'founders', 'members': 1, 'created_at': '2026-11-30T22:14:19.832037Z', "
		"'description': 'bought in the first week', 'running_campaigns': 0}]}"},
	{"GET", "/api/analytics/campaigns/{campaign_id}/metrics",
		"/api/analytics/campaigns/CAMP-TEN/metrics?start_date=2026-06-01&end_date=2026-06-30",
		NULL,
		"{'cost': 0.80, 'as_of': '2026-11-30T22:14:20.059133Z', 'rates': {'view_rate': null, 'conversion_rate': "
		"null, 'redemption_rate': null, 'click_through_rate': null, 'return_on_ad_spend': 10.000000, "
		"'cost_per_acquisition': 0.800000, 'revenue_per_impression': null}, 'views': 0, 'clicks': 0, 'period': "
		"{'days': 30, 'end_date': '2026-06-30', 'timezone': 'UTC', 'start_date': '2026-06-01'}, 'revenue': 8.00, "
		"'currency': 'USD', 'discount': 0.80, 'campaign_id': 'CAMP-TEN', 'conversions': 1, 'impressions': 0, "
		"'bonus_points': 0, 'tracked_value': 0.0000, 'revenue_primary': 8.00, 'pending_conversions': 0, "
		"'tracked_conversions': 0, 'purchase_conversions': 1}"},
	{"GET", "/api/analytics/campaigns/{campaign_id}/daily",
		"/api/analytics/campaigns/CAMP-TEN/daily?start_date=2026-06-01&end_date=2026-06-01",
		NULL,
		"{'days': [{'cost': 0.80, 'date': '2026-06-01', 'rates': {'view_rate': null, 'conversion_rate': null, "
		"'redemption_rate': null, 'click_through_rate': null, 'return_on_ad_spend': 10.000000, "
		"'cost_per_acquisition': 0.800000, 'revenue_per_impression': null}, 'views': 0, 'clicks': 0, 'revenue': "
		"8.00, 'currency': 'USD', 'discount': 0.80, 'updated_at': '2026-11-30T22:14:19.851611Z', 'conversions': "
		"1, 'impressions': 0, 'provisional': false, 'bonus_points': 0, 'tracked_value': 0.0000, "
		"'revenue_primary': 8.00, 'pending_conversions': 0, 'tracked_conversions': 0, 'purchase_conversions': "
		"1}], 'as_of': '2026-11-30T22:14:20.24108Z', 'period': {'days': 1, 'end_date': '2026-06-01', 'timezone': "
		"'UTC', 'start_date': '2026-06-01'}, 'campaign_id': 'CAMP-TEN'}"},
	{"GET", "/api/analytics/campaigns/{campaign_id}/segment",
		"/api/analytics/campaigns/CAMP-TEN/segment",
		NULL,
		"{'as_of': '2026-11-30T22:14:20.373453Z', 'segments': [{'cost': 0.80, 'members': 1, 'reached': 0, "
		"'revenue': 8.00, 'segment': 'founders', 'discount': 0.80, 'converters': 1, 'conversions': 1, "
		"'converter_rate': 1.000000}, {'cost': 0.00, 'members': 2, 'reached': 0, 'revenue': 0.00, 'segment': "
		"null, 'discount': 0.00, 'converters': 0, 'conversions': 0, 'converter_rate': 0.000000}], 'campaign_id': "
		"'CAMP-TEN'}"},
	{"POST", "/api/analytics/custom-report",
		"/api/analytics/custom-report",
		"{'dimensions': ['campaign_type'], 'end_date': '2030-12-31', 'measures': ['impressions', 'conversions'], "
		"'source': 'campaigns', 'start_date': '2026-01-01'}",
		"{'rows': [['SEASONAL', 0, 1]], 'as_of': '2026-11-30T22:14:20.460387Z', 'period': {'days': 1826, "
		"'end_date': '2030-12-31', 'timezone': 'UTC', 'start_date': '2026-01-01'}, 'source': 'campaigns', "
		"'totals': null, 'columns': [{'kind': 'dimension', 'name': 'campaign_type', 'type': 'text', 'unit': "
		"null}, {'kind': 'measure', 'name': 'impressions', 'type': 'int', 'unit': null}, {'kind': 'measure', "
		"'name': 'conversions', 'type': 'int', 'unit': null}], 'row_count': 1, 'truncated': false}"},
	{"GET", "/api/analytics/export",
		"/api/analytics/export?dataset=segments&campaign_id=CAMP-TEN",
		NULL,
		"campaign_id,segment,as_of,currency,members,reached,converters,conversions,revenue,cost,discount,converter_rate\r\nCAMP-TEN,founders,2026-11-30T22:14:20.373453Z,USD,1,0,1,1,8.00,0.80,0.80,1.000000\r\nCAMP-TEN,,2026-11-30T22:14:20.373453Z,USD,2,0,0,0,0.00,0.00,0.00,0.000000\r\n"},
	{"POST", "/api/flags",
		"/api/flags",
		"{'enabled': true, 'flag_key': 'new_home', 'name': 'New home screen', 'rollout_percentage': 25, "
		"'targeting': {'preferred_language': 'en'}}",
		"{'name': 'New home screen', 'seed': 'new_home', 'owner': null, 'rules': [], 'tests': [], 'value': true, "
		"'sticky': false, 'enabled': true, 'message': 'The flag has been created.', 'version': 1, 'archived': "
		"false, 'audience': 'client', 'category': 'experimental', 'document': {'rules': [{'id': 'rollout', "
		"'seed': 'new_home', 'force': true, 'coverage': 0.25, 'condition': {'preferred_language': 'en'}, "
		"'hashVersion': 2, 'hashAttribute': 'id', 'disableStickyBucketing': true}], 'defaultValue': false}, "
		"'flag_key': 'new_home', 'schedule': [], 'overrides': 0, 'targeting': {'preferred_language': 'en'}, "
		"'created_at': '2026-11-30T22:14:20.604892Z', 'updated_at': '2026-11-30T22:14:20.604892Z', 'updated_by': "
		"null, 'value_type': 'boolean', 'description': null, 'default_value': false, 'prerequisites': [], "
		"'hash_attribute': 'id', 'rollout_percentage': 25.00}"},
	{"GET", "/api/flags/{flag_key}",
		"/api/flags/new_home",
		NULL,
		"{'name': 'New home screen', 'seed': 'new_home', 'owner': null, 'rules': [], 'tests': [], 'value': true, "
		"'sticky': false, 'enabled': true, 'version': 1, 'archived': false, 'audience': 'client', 'category': "
		"'experimental', 'document': {'rules': [{'id': 'rollout', 'seed': 'new_home', 'force': true, 'coverage': "
		"0.25, 'condition': {'preferred_language': 'en'}, 'hashVersion': 2, 'hashAttribute': 'id', "
		"'disableStickyBucketing': true}], 'defaultValue': false}, 'flag_key': 'new_home', 'schedule': [], "
		"'overrides': 0, 'targeting': {'preferred_language': 'en'}, 'created_at': '2026-11-30T22:14:20.604892Z', "
		"'updated_at': '2026-11-30T22:14:20.604892Z', 'updated_by': null, 'value_type': 'boolean', "
		"'description': null, 'default_value': false, 'prerequisites': [], 'hash_attribute': 'id', "
		"'rollout_percentage': 25.00}"},
	{"PUT", "/api/flags/{flag_key}",
		"/api/flags/new_home",
		"{'rollout_percentage': 100}",
		"{'name': 'New home screen', 'seed': 'new_home', 'owner': null, 'rules': [], 'tests': [], 'value': true, "
		"'sticky': false, 'enabled': true, 'message': 'The flag has been updated.', 'version': 1, 'archived': "
		"false, 'audience': 'client', 'category': 'experimental', 'document': {'rules': [{'id': 'rollout', "
		"'force': true, 'condition': {'preferred_language': 'en'}, 'disableStickyBucketing': true}], "
		"'defaultValue': false}, 'flag_key': 'new_home', 'schedule': [], 'overrides': 0, 'targeting': "
		"{'preferred_language': 'en'}, 'created_at': '2026-11-30T22:14:20.604892Z', 'updated_at': "
		"'2026-11-30T22:14:20.604892Z', 'updated_by': null, 'value_type': 'boolean', 'description': null, "
		"'default_value': false, 'prerequisites': [], 'hash_attribute': 'id', 'rollout_percentage': 100.00}"},
	{"GET", "/api/flags",
		"/api/flags?search=home",
		NULL,
		"{'flags': [{'name': 'New home screen', 'owner': null, 'enabled': true, 'audience': 'client', "
		"'category': 'experimental', 'flag_key': 'new_home', 'updated_at': '2026-11-30T22:14:20.604892Z', "
		"'value_type': 'boolean', 'rollout_percentage': 100.00}], 'limit': 20, 'total': 1, 'offset': 0, "
		"'next_cursor': null}"},
	{"POST", "/api/flags/{flag_key}/evaluate",
		"/api/flags/new_home/evaluate",
		"{'user_id': '00000000-0000-7000-8000-000000000ada'}",
		"{'value': true, 'source': 'force', 'enabled': true, 'rule_id': 'rollout', 'variant': null, 'flag_key': "
		"'new_home'}"},
	{"GET", "/api/flags/{flag_key}/analytics",
		"/api/flags/new_home/analytics?days=1",
		NULL,
		"{'as_of': '2026-11-30T22:14:20.824168Z', 'period': {'days': 1, 'end_date': '2026-11-30', 'timezone': "
		"'UTC', 'start_date': '2026-11-30'}, 'flag_key': 'new_home', 'analytics': [{'date': '2026-11-30', "
		"'variants': {}, 'total_users': 0, 'batch_checks': 0, 'total_checks': 0, 'enabled_count': 0, "
		"'disabled_count': 0}], 'estimated': true}"},
	{"GET", "/api/flags/{flag_key}/audit",
		"/api/flags/new_home/audit?limit=1",
		NULL,
		"{'entries': [{'after': {'enabled': true, 'ends_at': null, 'starts_at': '2026-11-30T22:14:20.695951Z', "
		"'from_percentage': 100.00, 'rollout_percentage': 100.00}, 'action': 'rollout', 'before': {'enabled': "
		"true, 'ends_at': null, 'starts_at': '2026-11-30T22:14:20.695951Z', 'from_percentage': 25.00, "
		"'rollout_percentage': 25.00}, 'log_id': '01a22e85-f51c-7e0d-b220-083856d7a86e', 'reason': null, "
		"'version': 1, 'actor_id': null, 'changed_at': '2026-11-30T22:14:20.70091Z'}], 'flag_key': 'new_home'}"},
	{"POST", "/api/flags/{flag_key}/audit",
		"/api/flags/new_home/audit",
		"{'limit': 1}",
		"{'entries': [{'after': {'enabled': true, 'ends_at': null, 'starts_at': '2026-11-30T22:14:20.695951Z', "
		"'from_percentage': 100.00, 'rollout_percentage': 100.00}, 'action': 'rollout', 'before': {'enabled': "
		"true, 'ends_at': null, 'starts_at': '2026-11-30T22:14:20.695951Z', 'from_percentage': 25.00, "
		"'rollout_percentage': 25.00}, 'log_id': '01a22e85-f51c-7e0d-b220-083856d7a86e', 'reason': null, "
		"'version': 1, 'actor_id': null, 'changed_at': '2026-11-30T22:14:20.70091Z'}], 'flag_key': 'new_home'}"},
	{"DELETE", "/api/flags/{flag_key}",
		"/api/flags/new_home",
		NULL,
		"{'message': 'The flag has been archived; it gives its default.', 'flag_key': 'new_home', 'archived_at': "
		"'2026-11-30T22:14:20.946019Z'}"},
	{"POST", "/api/ab-tests",
		"/api/ab-tests",
		"{'control_campaign_id': 'CAMP-OLD', 'seed': 'cake', 'target_sample_size': 1000, 'test_id': "
		"'00000000-0000-7000-8000-0000000000ab', 'test_key': 'cake', 'test_name': 'Cake or not', "
		"'variant_campaign_ids': ['CAMP-CAKE']}",
		"{'kind': 'campaign', 'seed': 'cake', 'power': 0.80, 'scope': 'all', 'groups': [{'name': 'control', "
		"'group': 0, 'value': null, 'weight': 0.5000, 'campaign_id': 'CAMP-OLD', 'campaign_status': 'draft'}, "
		"{'name': 'variant_1', 'group': 1, 'value': null, 'weight': 0.5000, 'campaign_id': 'CAMP-CAKE', "
		"'campaign_status': 'draft'}], 'pauses': [], 'status': 'draft', 'winner': null, 'message': 'The test was "
		"created as a draft; start_ab_test() starts it.', 'metrics': ['buyers', 'revenue', 'cost', "
		"'net_revenue'], 'outside': 'control', 'segment': null, 'test_id': "
		"'00000000-0000-7000-8000-0000000000ab', 'version': 1, 'baseline': null, 'coverage': 1.0000, 'currency': "
		"'USD', 'document': {'key': 'cake', 'meta': [{'key': 'control'}, {'key': 'variant_1'}], 'seed': 'cake', "
		"'weights': [0.5, 0.5], 'coverage': 1, 'variations': ['CAMP-OLD', 'CAMP-CAKE'], 'hashVersion': 2, "
		"'hashAttribute': 'id'}, 'ended_at': null, 'exposure': 'population', 'flag_key': null, 'test_key': "
		"'cake', 'namespace': null, 'test_name': 'Cake or not', 'created_at': '2026-11-30T22:14:21.039129Z', "
		"'created_by': null, 'end_reason': null, 'guardrails': ['refund_rate'], 'hypothesis': null, "
		"'sequential': true, 'started_at': null, 'updated_at': '2026-11-30T22:14:21.039129Z', 'archived_at': "
		"null, 'recommended': null, 'window_days': null, 'days_running': 0.00, 'hash_version': 2, "
		"'minimum_days': 14, 'bucket_version': 0, 'covariate_days': 28, 'primary_metric': 'conversion', "
		"'confidence_level': 0.95, 'sequential_tuning': null, 'target_sample_size': 1000, 'minimum_conversions': "
		"100, 'minimum_effect_size': 0.10}"},
	{"POST", "/api/ab-tests/{test_id}/assignments",
		"/api/ab-tests/00000000-0000-7000-8000-0000000000ab/assignments",
		"{'user_id': '00000000-0000-7000-8000-000000000ada'}",
		"{'group': 1, 'value': null, 'status': 'running', 'in_test': true, 'test_id': "
		"'00000000-0000-7000-8000-0000000000ab', 'user_id': '00000000-0000-7000-8000-000000000ada', "
		"'exposed_at': null, 'group_name': 'variant_1', 'campaign_id': 'CAMP-CAKE'}"},
	{"GET", "/api/ab-tests",
		"/api/ab-tests?limit=1",
		NULL,
		"{'limit': 1, 'tests': [{'kind': 'campaign', 'users': null, 'status': 'running', 'winner': null, "
		"'test_id': '00000000-0000-7000-8000-0000000000ab', 'ended_at': null, 'test_name': 'Cake or not', "
		"'started_at': '2026-11-30T22:14:21.10548Z', 'target_sample_size': 1000, 'control_campaign_id': "
		"'CAMP-OLD', 'variant_campaign_ids': ['CAMP-CAKE']}], 'total': 1, 'offset': 0, 'next_cursor': null}"},
	{"GET", "/api/ab-tests/{test_id}",
		"/api/ab-tests/00000000-0000-7000-8000-0000000000ab",
		NULL,
		"{'kind': 'campaign', 'seed': 'cake', 'power': 0.80, 'scope': 'all', 'groups': [{'name': 'control', "
		"'group': 0, 'value': null, 'weight': 0.5000, 'campaign_id': 'CAMP-OLD', 'campaign_status': 'running'}, "
		"{'name': 'variant_1', 'group': 1, 'value': null, 'weight': 0.5000, 'campaign_id': 'CAMP-CAKE', "
		"'campaign_status': 'running'}], 'pauses': [], 'status': 'running', 'winner': null, 'metrics': "
		"['buyers', 'revenue', 'cost', 'net_revenue'], 'outside': 'control', 'segment': null, 'test_id': "
		"'00000000-0000-7000-8000-0000000000ab', 'version': 2, 'baseline': null, 'coverage': 1.0000, 'currency': "
		"'USD', 'document': {'key': 'cake', 'meta': [{'key': 'control'}, {'key': 'variant_1'}], 'seed': 'cake', "
		"'weights': [0.5, 0.5], 'coverage': 1, 'variations': ['CAMP-OLD', 'CAMP-CAKE'], 'hashVersion': 2, "
		"'hashAttribute': 'id'}, 'ended_at': null, 'exposure': 'population', 'flag_key': null, 'test_key': "
		"'cake', 'namespace': null, 'test_name': 'Cake or not', 'created_at': '2026-11-30T22:14:21.039129Z', "
		"'created_by': null, 'end_reason': null, 'guardrails': ['refund_rate'], 'hypothesis': null, "
		"'sequential': true, 'started_at': '2026-11-30T22:14:21.10548Z', 'updated_at': "
		"'2026-11-30T22:14:21.110027Z', 'archived_at': null, 'recommended': null, 'window_days': null, "
		"'days_running': 0.00, 'hash_version': 2, 'minimum_days': 14, 'bucket_version': 0, 'covariate_days': 28, "
		"'primary_metric': 'conversion', 'confidence_level': 0.95, 'sequential_tuning': 1000, "
		"'target_sample_size': 1000, 'minimum_conversions': 100, 'minimum_effect_size': 0.10}"},
	{"GET", "/api/ab-tests/{test_id}/results",
		"/api/ab-tests/00000000-0000-7000-8000-0000000000ab/results",
		NULL,
		"{'kind': 'campaign', 'as_of': '2026-11-30T22:14:21.285516Z', 'final': false, 'users': 2, 'groups': "
		"[{'cost': 0.00, 'name': 'control', 'group': 0, 'users': 0, 'buyers': 0, 'orders': 0, 'reached': 0, "
		"'revenue': 0.00, 'campaign_id': 'CAMP-OLD', 'conversions': 0, 'bonus_points': 0, 'conversion_rate': "
		"null, 'revenue_per_user': null, 'net_revenue_per_user': null}, {'cost': 0.00, 'name': 'variant_1', "
		"'group': 1, 'users': 2, 'buyers': 0, 'orders': 0, 'reached': 0, 'revenue': 0.00, 'campaign_id': "
		"'CAMP-CAKE', 'conversions': 0, 'bonus_points': 0, 'conversion_rate': 0.000000, 'revenue_per_user': "
		"0.0000, 'net_revenue_per_user': 0.0000}], 'period': {'ended_at': null, 'started_at': "
		"'2026-11-30T22:14:21.10548Z', 'days_running': 0.00}, 'reason': 'The control or a variant has no "
		"users.', 'series': [{'day': '2026-11-30', 'group': 0, 'users': 0, 'revenue': 0.00, 'conversions': 0}, "
		"{'day': '2026-11-30', 'group': 1, 'users': 2, 'revenue': 0.00, 'conversions': 0}], 'status': 'running', "
		"'winner': null, 'p_value': 1, 'test_id': '00000000-0000-7000-8000-0000000000ab', 'progress': 0.002000, "
		"'warnings': ['population_too_small'], 'exposures': {'share': null, 'multiple': 0}, 'test_name': 'Cake "
		"or not', 'difference': 0, 'sequential': true, 'comparisons': [{'name': 'variant_1', 'risk': [0, 0], "
		"'role': 'primary', 'cuped': {'used': false, 'theta': 0}, 'error': 'ZERO_NEGATIVE_VARIANCE', 'fixed': "
		"{'p_value': 1, 'confidence_interval': [0, 0]}, 'group': 1, 'harmed': false, 'metric': 'conversion', "
		"'p_value': 1, 'absolute': {'p_value': 1, 'difference': 0, 'standard_error': 0, 'confidence_interval': "
		"[0, 0]}, 'difference': 0, 'unadjusted': {'control': 0, 'variant': 0}, 'chance_to_win': 0.5, "
		"'is_significant': false, 'adjusted_p_value': 1, 'confidence_interval': [0, 0], "
		"'improvement_percentage': 0}, {'name': 'variant_1', 'risk': [0, 0], 'role': 'secondary', 'cuped': "
		"{'used': false, 'theta': 0}, 'error': 'ZERO_NEGATIVE_VARIANCE', 'fixed': {'p_value': 1, "
		"'confidence_interval': [0, 0]}, 'group': 1, 'harmed': false, 'metric': 'buyers', 'p_value': 1, "
		"'absolute': {'p_value': 1, 'difference': 0, 'standard_error': 0, 'confidence_interval': [0, 0]}, "
		"'difference': 0, 'unadjusted': {'control': 0, 'variant': 0}, 'chance_to_win': 0.5, 'is_significant': "
		"false, 'adjusted_p_value': 1, 'confidence_interval': [0, 0], 'improvement_percentage': 0}, {'name': "
		"'variant_1', 'risk': [0, 0], 'role': 'secondary', 'cuped': {'used': false, 'theta': 0}, 'error': "
		"'ZERO_NEGATIVE_VARIANCE', 'fixed': {'p_value': 1, 'confidence_interval': [0, 0]}, 'group': 1, 'harmed': "
		"false, 'metric': 'revenue', 'p_value': 1, 'absolute': {'p_value': 1, 'difference': 0, 'standard_error': "
		"0, 'confidence_interval': [0, 0]}, 'difference': 0, 'unadjusted': {'control': 0, 'variant': 0}, "
		"'chance_to_win': 0.5, 'is_significant': false, 'adjusted_p_value': 1, 'confidence_interval': [0, 0], "
		"'improvement_percentage': 0}, {'name': 'variant_1', 'risk': [0, 0], 'role': 'secondary', 'cuped': "
		"{'used': false, 'theta': 0}, 'error': 'ZERO_NEGATIVE_VARIANCE', 'fixed': {'p_value': 1, "
		"'confidence_interval': [0, 0]}, 'group': 1, 'harmed': false, 'metric': 'cost', 'p_value': 1, "
		"'absolute': {'p_value': 1, 'difference': 0, 'standard_error': 0, 'confidence_interval': [0, 0]}, "
		"'difference': 0, 'unadjusted': {'control': 0, 'variant': 0}, 'chance_to_win': 0.5, 'is_significant': "
		"false, 'adjusted_p_value': 1, 'confidence_interval': [0, 0], 'improvement_percentage': 0}, {'name': "
		"'variant_1', 'risk': [0, 0], 'role': 'secondary', 'cuped': {'used': false, 'theta': 0}, 'error': "
		"'ZERO_NEGATIVE_VARIANCE', 'fixed': {'p_value': 1, 'confidence_interval': [0, 0]}, 'group': 1, 'harmed': "
		"false, 'metric': 'net_revenue', 'p_value': 1, 'absolute': {'p_value': 1, 'difference': 0, "
		"'standard_error': 0, 'confidence_interval': [0, 0]}, 'difference': 0, 'unadjusted': {'control': 0, "
		"'variant': 0}, 'chance_to_win': 0.5, 'is_significant': false, 'adjusted_p_value': 1, "
		"'confidence_interval': [0, 0], 'improvement_percentage': 0}, {'name': 'variant_1', 'risk': [0, 0], "
		"'role': 'guardrail', 'cuped': {'used': false, 'theta': 0}, 'error': 'ZERO_NEGATIVE_VARIANCE', 'fixed': "
		"{'p_value': 1, 'confidence_interval': [0, 0]}, 'group': 1, 'harmed': false, 'metric': 'refund_rate', "
		"'p_value': 1, 'absolute': {'p_value': 1, 'difference': 0, 'standard_error': 0, 'confidence_interval': "
		"[0, 0]}, 'difference': 0, 'unadjusted': {'control': 0, 'variant': 0}, 'chance_to_win': 0.5, "
		"'is_significant': false, 'adjusted_p_value': 1, 'confidence_interval': [0, 0], "
		"'improvement_percentage': 0}], 'sample_ratio': {'p_value': 1, 'warning': false}, 'chance_to_win': 0.5, "
		"'leading_group': 1, 'is_significant': false, 'primary_metric': 'conversion', 'recommendation': "
		"'no_data', 'confidence_level': 0.95, 'statistical_power': null, 'target_sample_size': 1000, "
		"'confidence_interval': [0, 0], 'estimated_days_left': null, 'required_sample_size': null, "
		"'improvement_percentage': 0}"},
	{"DELETE", "/api/ab-tests/{test_id}",
		"/api/ab-tests/00000000-0000-7000-8000-0000000000ab",
		NULL,
		"{'status': 'archived', 'message': 'The test is archived; its rows stay.', 'test_id': "
		"'00000000-0000-7000-8000-0000000000ab', 'archived_at': '2026-11-30T22:14:21.439874Z'}"},
	{NULL},
};
/* clang-format on */
