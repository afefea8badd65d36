/*
 * people_examples.c: examples of users, signing in, purchases and points
 * (route_examples.h). test/t/755_openapi.pl sends them in turn.
 */
#include "postgres.h"

#include "routes/route_examples.h"

/* clang-format off */
const SSRouteExample ss_people_examples[] = {
	{"POST", "/api/users",
		"/api/users",
		"{'email': 'ada@example.com', 'name': 'Ada', 'phone': '+44 20 7946 0000', 'user_id': "
		"'00000000-0000-7000-8000-000000000ada'}",
		"{'name': 'Ada', 'email': 'ada@example.com', 'phone': '+44 20 7946 0000', 'user_id': "
		"'00000000-0000-7000-8000-000000000ada', 'created_at': '2026-11-30T22:14:16.150537Z', 'account_status': "
		"'active', 'lifetime_value': 0.00, 'preferred_language': 'en', 'total_transactions': 0, "
		"'notification_preferences': {'sms': true, 'push': true, 'email': true}}"},
	{"GET", "/api/users/{user_id}",
		"/api/users/00000000-0000-7000-8000-000000000ada",
		NULL,
		"{'name': 'Ada', 'email': 'ada@example.com', 'phone': '+44 20 7946 0000', 'user_id': "
		"'00000000-0000-7000-8000-000000000ada', 'created_at': '2026-11-30T22:14:16.150537Z', 'account_status': "
		"'active', 'lifetime_value': 0.00, 'preferred_language': 'en', 'total_transactions': 0, "
		"'notification_preferences': {'sms': true, 'push': true, 'email': true}}"},
	{"POST", "/api/users/{user_id}/accounts",
		"/api/users/00000000-0000-7000-8000-000000000ada/accounts",
		"{'issuer': 'Visa', 'last_four': '4242', 'token': 'tok_visa', 'type': 'card'}",
		"{'type': 'card', 'issuer': 'Visa', 'bank_name': null, 'card_type': null, 'last_four': '4242', "
		"'account_id': '01a22e85-e40b-70af-8f6c-47ba6e156793', 'created_at': '2026-11-30T22:14:16.325949Z', "
		"'is_default': true, 'expiry_year': null, 'is_verified': false, 'account_type': null, 'expiry_month': "
		"null}"},
	{"GET", "/api/users/{user_id}/accounts",
		"/api/users/00000000-0000-7000-8000-000000000ada/accounts",
		NULL,
		"{'count': 1, 'user_id': '00000000-0000-7000-8000-000000000ada', 'accounts': [{'type': 'card', 'issuer': "
		"'Visa', 'bank_name': null, 'card_type': null, 'last_four': '4242', 'account_id': "
		"'01a22e85-e40b-70af-8f6c-47ba6e156793', 'created_at': '2026-11-30T22:14:16.325949Z', 'is_default': "
		"true, 'expiry_year': null, 'is_verified': false, 'account_type': null, 'expiry_month': null}]}"},
	{"GET", "/api/admin/users",
		"/api/admin/users?search=ada",
		NULL,
		"{'limit': 20, 'total': 1, 'users': [{'name': 'Ada', 'role': 'customer', 'email': 'ada@example.com', "
		"'status': 'active', 'user_id': '00000000-0000-7000-8000-000000000ada', 'created_at': "
		"'2026-11-30T22:14:16.150537Z', 'last_login': null, 'total_spent': 0.00, 'total_transactions': 0, "
		"'verification_status': 'unverified'}], 'offset': 0, 'next_cursor': null}"},
	{"POST", "/api/auth/sign-in",
		"/api/auth/sign-in",
		"{'email': 'eve@example.com', 'password': 'correct horse battery'}",
		"{'role': 'customer', 'user_id': '00000000-0000-7000-8000-000000000e7e', 'expires_in': 900, "
		"'token_type': 'Bearer', 'access_token': "
		"'eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxYTIifQ.eyJzdWIiOiIwMDAwMDAwMCJ9.c2lnbmF0dXJl', 'refresh_token': "
		"'AAAAHh0Q9Zq2bV7mFzqk3w', 'session_ends_at': '2026-12-30T22:14:16.517542Z', 'must_change_password': "
		"false}"},
	{"POST", "/api/auth/refresh",
		"/api/auth/refresh",
		"{'refresh_token': 'AAAAHh0Q9Zq2bV7mFzqk3w'}",
		"{'role': 'customer', 'user_id': '00000000-0000-7000-8000-000000000e7e', 'expires_in': 900, "
		"'token_type': 'Bearer', 'access_token': "
		"'eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxYTIifQ.eyJzdWIiOiIwMDAwMDAwMCJ9.c2lnbmF0dXJl', 'refresh_token': "
		"'AAAAHh0Q9Zq2bV7mFzqk3w', 'session_ends_at': '2026-12-30T22:14:16.517542Z', 'must_change_password': "
		"false}"},
	{"POST", "/api/auth/sign-out",
		"/api/auth/sign-out",
		"{'refresh_token': 'AAAAHh0Q9Zq2bV7mFzqk3w'}",
		"{'status': 'signed_out', 'sessions_ended': 1}"},
	{"POST", "/api/auth/change-password",
		"/api/auth/change-password",
		"{'new_password': 'staple of a new kind', 'old_password': 'correct horse battery'}",
		"{'role': 'customer', 'user_id': '00000000-0000-7000-8000-000000000e7e', 'expires_in': 900, "
		"'token_type': 'Bearer', 'access_token': "
		"'eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxYTIifQ.eyJzdWIiOiIwMDAwMDAwMCJ9.c2lnbmF0dXJl', 'refresh_token': "
		"'AAAAHh0Q9Zq2bV7mFzqk3w', 'session_ends_at': '2026-12-30T22:14:16.696857Z', 'must_change_password': "
		"false}"},
	{"POST", "/api/admin/users/{user_id}/reset-password",
		"/api/admin/users/00000000-0000-7000-8000-000000000ada/reset-password",
		"{}",
		"{'status': 'success', 'message': 'A temporary password is on its way to the user.', 'user_id': "
		"'00000000-0000-7000-8000-000000000ada', 'temp_password_valid_until': '2026-12-01T22:14:16.765576Z', "
		"'temporary_password_generated': true, 'requires_change_on_next_login': true}"},
	{"POST", "/api/transactions",
		"/api/transactions",
		"{'amount': 12.5, 'idempotency_key': 'till-7-0001', 'merchant_id': "
		"'00000000-0000-7000-8000-00000000cafe', 'occurred_at': '2026-06-01T12:00:00Z', 'transaction_id': "
		"'00000000-0000-7000-8000-000000000001', 'user_id': '00000000-0000-7000-8000-000000000ada'}",
		"{'tier': 'bronze', 'awards': [{'points': 0, 'discount': 1.25, 'campaign_id': 'CAMP-TEN'}], 'status': "
		"'completed', 'replayed': false, 'points_earned': 12, 'points_balance': 12, 'transaction_id': "
		"'00000000-0000-7000-8000-000000000001'}"},
	{"POST", "/api/transactions/batch",
		"/api/transactions/batch",
		"{'purchases': [{'amount': 5, 'user_id': '00000000-0000-7000-8000-000000000ada'}, {'amount': -5, "
		"'user_id': '00000000-0000-7000-8000-000000000ada'}]}",
		"{'results': [{'tier': 'bronze', 'awards': [], 'status': 'completed', 'replayed': false, "
		"'points_earned': 5, 'points_balance': 17, 'transaction_id': '01a22e85-ece0-78ac-a85d-3d4db1297765'}, "
		"{'error': {'code': '22023', 'hint': null, 'detail': '-5 is not between 0 and 92233720368547758.07.', "
		"'message': 'invalid value for argument \\\"amount\\\"'}}]}"},
	{"POST", "/api/transactions/{transaction_id}/settle",
		"/api/transactions/00000000-0000-7000-8000-00000000000a/settle",
		"{}",
		"{'tier': 'bronze', 'amount': 8.00, 'awards': [], 'status': 'completed', 'currency': 'USD', "
		"'points_earned': 8, 'points_balance': 25, 'points_pending': 9, 'transaction_id': "
		"'00000000-0000-7000-8000-00000000000a'}"},
	{"POST", "/api/transactions/{transaction_id}/decline",
		"/api/transactions/00000000-0000-7000-8000-00000000000b/decline",
		"{}",
		"{'tier': 'bronze', 'status': 'failed', 'points_balance': 25, 'points_pending': 0, 'transaction_id': "
		"'00000000-0000-7000-8000-00000000000b', 'points_released': 9}"},
	{"POST", "/api/transactions/{transaction_id}/refund",
		"/api/transactions/00000000-0000-7000-8000-000000000001/refund",
		"{'amount': 4.5, 'idempotency_key': 'return-17'}",
		"{'tier': 'bronze', 'status': 'completed', 'refunded': 4.50, 'replayed': false, 'returned': [{'cost': "
		"0.45, 'discount': 0.45, 'campaign_id': 'CAMP-TEN'}], 'refund_id': "
		"'01a22e85-ee1d-7843-9349-73f483eff181', 'points_balance': 21, 'refunded_total': 4.50, 'transaction_id': "
		"'00000000-0000-7000-8000-000000000001', 'points_reversed': 4}"},
	{"GET", "/api/transactions/{transaction_id}/explain",
		"/api/transactions/00000000-0000-7000-8000-000000000001/explain",
		NULL,
		"{'amount': 12.50, 'status': 'completed', 'user_id': '00000000-0000-7000-8000-000000000ada', 'currency': "
		"'USD', 'discount': 1.25, 'candidates': [{'name': 'Ten per cent', 'points': 0, 'reason': null, "
		"'applied': true, 'version': 5, 'discount': 1.25, 'recorded': true, 'campaign_id': 'CAMP-TEN'}, {'name': "
		"'A mistake', 'reason': 'status', 'applied': false, 'version': 2, 'recorded': false, 'campaign_id': "
		"'CAMP-OOPS'}], 'occurred_at': '2026-06-01T12:00:00Z', 'points_base': 12, 'recorded_at': "
		"'2026-11-30T22:14:18.518094Z', 'points_bonus': 0, 'transaction_id': "
		"'00000000-0000-7000-8000-000000000001', 'candidate_count': 1, 'recorded_amount': 12.50}"},
	{"GET", "/api/rewards",
		"/api/rewards",
		NULL,
		"{'limit': 20, 'total': 1, 'offset': 0, 'rewards': [{'name': 'Mug', 'stock': 100, 'points': 30, "
		"'ends_at': null, 'is_active': true, 'reward_id': '00000000-0000-7000-8000-0000000000e1', 'starts_at': "
		"'2026-11-30T22:14:19.211583Z', 'created_at': '2026-11-30T22:14:19.211583Z', 'updated_at': "
		"'2026-11-30T22:14:19.211583Z', 'description': null}], 'next_cursor': null}"},
	{"GET", "/api/charities",
		"/api/charities",
		NULL,
		"{'limit': 20, 'total': 1, 'offset': 0, 'charities': [{'name': 'Trees', 'is_active': true, 'charity_id': "
		"'00000000-0000-7000-8000-0000000000c1', 'created_at': '2026-11-30T22:14:19.211583Z', 'updated_at': "
		"'2026-11-30T22:14:19.211583Z', 'description': null}], 'next_cursor': null}"},
	{"POST", "/api/users/{user_id}/redeem",
		"/api/users/00000000-0000-7000-8000-000000000ada/redeem",
		"{'idempotency_key': 'mug-1', 'reward_id': '00000000-0000-7000-8000-0000000000e1'}",
		"{'points': 30, 'entry_id': '01a22e85-efe5-7806-ae73-e267e2597a99', 'replayed': false, 'redemption_id': "
		"'01a22e85-efe5-7806-ae73-e267e2597a99', 'points_balance': 91, 'confirmation_code': "
		"'B26K-34V0-VPEJ-VJ19'}"},
	{"POST", "/api/users/{user_id}/donate",
		"/api/users/00000000-0000-7000-8000-000000000ada/donate",
		"{'charity_id': '00000000-0000-7000-8000-0000000000c1', 'points': 20}",
		"{'points': 20, 'entry_id': '01a22e85-f022-7b11-94be-38f8a7250376', 'replayed': false, 'donation_id': "
		"'01a22e85-f022-7b11-94be-38f8a7250376', 'points_balance': 71, 'confirmation_code': "
		"'WYYS-YKTM-WHNR-5GZS'}"},
	{"GET", "/api/users/{user_id}/points",
		"/api/users/00000000-0000-7000-8000-000000000ada/points?limit=1",
		NULL,
		"{'limit': 1, 'total': 10, 'offset': 0, 'entries': [{'kind': 'donate', 'points': -20, 'reason': null, "
		"'reward': null, 'charity': 'Trees', 'campaign': null, 'entry_id': "
		"'01a22e85-f022-7b11-94be-38f8a7250376', 'merchant': null, 'campaign_id': null, 'occurred_at': "
		"'2026-11-30T22:14:19.425779Z', 'recorded_at': '2026-11-30T22:14:19.425779Z', 'cancelled_at': null, "
		"'redemption_id': '01a22e85-f022-7b11-94be-38f8a7250376', 'balance_change': -20, 'pending_change': 0, "
		"'transaction_id': null, 'confirmation_code': 'WYYS-YKTM-WHNR-5GZS'}], 'next_cursor': "
		"'01a22e85-f022-7b11-94be-38f8a7250376'}"},
	{"GET", "/api/boosts",
		"/api/boosts",
		NULL,
		"{'limit': 20, 'total': 1, 'boosts': [{'name': 'Double coffee', 'active': false, 'boost_id': "
		"'00000000-0000-7000-8000-00000000b005', 'category': 'Restaurants & Cafes', 'starts_at': "
		"'2026-11-30T22:14:19.211583Z', 'expires_at': null, 'multiplier': 2.000, 'activation_limit': null, "
		"'activations_left': null}], 'offset': 0, 'next_cursor': null}"},
	{"POST", "/api/users/{user_id}/boosts/{boost_id}",
		"/api/users/00000000-0000-7000-8000-000000000ada/boosts/00000000-0000-7000-8000-00000000b005",
		NULL,
		"{'name': 'Double coffee', 'active': true, 'user_id': '00000000-0000-7000-8000-000000000ada', "
		"'boost_id': '00000000-0000-7000-8000-00000000b005', 'category': 'Restaurants & Cafes', 'expires_at': "
		"null, 'multiplier': 2.000}"},
	{"GET", "/api/users/{user_id}/rewards",
		"/api/users/00000000-0000-7000-8000-000000000ada/rewards",
		NULL,
		"{'tier': 'bronze', 'next_tier': 'silver', 'active_boosts': [{'name': 'Double coffee', 'boost_id': "
		"'00000000-0000-7000-8000-00000000b005', 'category': 'Restaurants & Cafes', 'expires_at': null, "
		"'multiplier': 2.000}], 'tier_benefits': ['1 x points'], 'points_balance': 71, 'points_pending': 0, "
		"'points_expiry_date': '2028-12-01T00:00:00Z', 'next_tier_points_needed': 1979, "
		"'recent_point_transactions': [{'kind': 'donate', 'points': -20, 'reason': null, 'entry_id': "
		"'01a22e85-f022-7b11-94be-38f8a7250376', 'timestamp': '2026-11-30T22:14:19.425779Z', 'transaction_id': "
		"null}, {'kind': 'redeem', 'points': -30, 'reason': null, 'entry_id': "
		"'01a22e85-efe5-7806-ae73-e267e2597a99', 'timestamp': '2026-11-30T22:14:19.363417Z', 'transaction_id': "
		"null}, {'kind': 'adjust', 'points': 100, 'reason': 'Welcome back', 'entry_id': "
		"'01a22e85-ef56-7ebb-a60c-426120a5dc2c', 'timestamp': '2026-11-30T22:14:19.222676Z', 'transaction_id': "
		"null}, {'kind': 'refund', 'points': -4, 'reason': null, 'entry_id': "
		"'01a22e85-ee20-7955-b059-8cb1774614f3', 'timestamp': '2026-11-30T22:14:18.908976Z', 'transaction_id': "
		"'00000000-0000-7000-8000-000000000001'}, {'kind': 'decline', 'points': -9, 'reason': null, 'entry_id': "
		"'01a22e85-edc7-75d5-bf72-950b51869016', 'timestamp': '2026-11-30T22:14:18.822035Z', 'transaction_id': "
		"'00000000-0000-7000-8000-00000000000b'}, {'kind': 'settle', 'points': 8, 'reason': null, 'entry_id': "
		"'01a22e85-ed6f-7f46-8d80-d25160199e69', 'timestamp': '2026-11-30T22:14:18.734265Z', 'transaction_id': "
		"'00000000-0000-7000-8000-00000000000a'}, {'kind': 'earn', 'points': 9, 'reason': null, 'entry_id': "
		"'01a22e85-ed2d-7982-92e1-a025f04d5e34', 'timestamp': '2026-11-30T22:14:18.669591Z', 'transaction_id': "
		"'00000000-0000-7000-8000-00000000000b'}, {'kind': 'earn', 'points': 8, 'reason': null, 'entry_id': "
		"'01a22e85-ed2d-7167-b8f9-f5586ec5755a', 'timestamp': '2026-11-30T22:14:18.669078Z', 'transaction_id': "
		"'00000000-0000-7000-8000-00000000000a'}, {'kind': 'earn', 'points': 5, 'reason': null, 'entry_id': "
		"'01a22e85-ece3-73aa-9ade-6d9f59e44390', 'timestamp': '2026-11-30T22:14:18.595219Z', 'transaction_id': "
		"'01a22e85-ece0-78ac-a85d-3d4db1297765'}, {'kind': 'earn', 'points': 12, 'reason': null, 'entry_id': "
		"'01a22e85-ec96-72b8-a67d-597b78a21506', 'timestamp': '2026-11-30T22:14:18.518094Z', 'transaction_id': "
		"'00000000-0000-7000-8000-000000000001'}]}"},
	{"DELETE", "/api/users/{user_id}/boosts/{boost_id}",
		"/api/users/00000000-0000-7000-8000-000000000ada/boosts/00000000-0000-7000-8000-00000000b005",
		NULL,
		"{'name': 'Double coffee', 'active': false, 'user_id': '00000000-0000-7000-8000-000000000ada', "
		"'boost_id': '00000000-0000-7000-8000-00000000b005', 'category': 'Restaurants & Cafes', 'expires_at': "
		"null, 'multiplier': 2.000}"},
	{"GET", "/api/tiers",
		"/api/tiers",
		NULL,
		"{'tiers': [{'tier': 'bronze', 'benefits': [], 'threshold': 0, 'multiplier': 1.000}, {'tier': 'silver', "
		"'benefits': [], 'threshold': 2000, 'multiplier': 1.250}, {'tier': 'gold', 'benefits': [], 'threshold': "
		"5000, 'multiplier': 1.500}, {'tier': 'platinum', 'benefits': [], 'threshold': 10000, 'multiplier': "
		"2.000}]}"},
	{"GET", "/api/users/{user_id}/transactions",
		"/api/users/00000000-0000-7000-8000-000000000ada/transactions?limit=1",
		NULL,
		"{'limit': 1, 'total': 4, 'offset': 0, 'next_cursor': '01a22e85-ece0-78ac-a85d-3d4db1297765', "
		"'transactions': [{'amount': 5.00, 'status': 'completed', 'currency': 'USD', 'merchant': null, "
		"'timestamp': '2026-11-30T22:14:18.582748Z', 'points_earned': 5, 'refund_status': 'none', "
		"'payment_method': null, 'transaction_id': '01a22e85-ece0-78ac-a85d-3d4db1297765', 'refunded_amount': "
		"0.00, 'merchant_category': null}]}"},
	{"GET", "/api/users/{user_id}/analytics/spending",
		"/api/users/00000000-0000-7000-8000-000000000ada/analytics/spending?days=1",
		NULL,
		"{'series': [{'count': 1, 'amount': 5.00, 'period': '2026-11-30'}], 'period_days': 1, 'total_spent': "
		"5.00, 'analysis_date': '2026-11-30T22:14:19.78599Z', 'daily_average': 5.00, 'top_merchants': [], "
		"'spending_trend': 'up', 'max_transaction': 5.00, 'min_transaction': 5.00, 'trend_percentage': null, "
		"'transaction_count': 1, 'median_transaction': 5.00, 'average_transaction': 5.00, "
		"'spending_by_category': {'Uncategorized': {'count': 1, 'amount': 5.00, 'percentage': 100.00}}}"},
	{"GET", "/api/leaderboard",
		"/api/leaderboard?period=all_time",
		NULL,
		"{'own': {'rank': 1, 'points': 21}, 'as_of': '2026-11-30T22:14:19.837337Z', 'limit': 20, 'period': "
		"'all_time', 'leaders': [{'name': 'A.', 'rank': 1, 'tier': 'bronze', 'is_you': true, 'points': 21}], "
		"'starts_at': null}"},
	{NULL},
};
/* clang-format on */
