/*
 * chunk_direct.c: what a chunk of purchases needs, read without the executor
 * (chunk_direct.h).
 *
 * Called by chunk.c, under the locks on the accounts. No locks of its own.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "utils/builtins.h"

#include "engine/chunk_direct.h"

char *
ss_direct_merchant_category(SSDirect *direct, const pg_uuid_t *merchant_id, bool *committed)
{
	Datum key = UUIDPGetDatum(merchant_id);
	SSScan scan = ss_direct_scan(direct, SS_MERCHANTS, 1, &key);
	char *category = NULL;

	*committed = false;
	if (ss_direct_next(&scan))
	{
		bool isnull;
		Datum xmin = slot_getsysattr(scan.slot, MinTransactionIdAttributeNumber, &isnull);

		*committed = !TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
		category = TextDatumGetCString(ss_direct_get(direct, SS_MERCHANTS, scan.slot, MERCHANT_CATEGORY));
	}
	ss_direct_close(&scan);
	return category;
}

bool
ss_direct_owns_account(SSDirect *direct, const pg_uuid_t *user_id, const pg_uuid_t *account_id)
{
	Datum keys[2] = {UUIDPGetDatum(user_id), UUIDPGetDatum(account_id)};

	return ss_direct_exists(direct, SS_ACCOUNTS, 2, keys);
}

static void
load_segments(SSDirect *direct, const Datum *user_id, SSBuyer *buyer)
{
	SSScan scan = ss_direct_scan(direct, SS_SEGMENT_MEMBERS, 1, user_id);

	while (ss_direct_next(&scan))
		ss_chunk_add_segment(buyer,
							 DatumGetInt32(ss_direct_get(direct, SS_SEGMENT_MEMBERS, scan.slot, MEMBER_SEGMENT_NO)));
	ss_direct_close(&scan);
}

static void
load_boosts(SSDirect *direct, const SSRules *rules, const Datum *user_id, SSBuyer *buyer)
{
	SSScan scan = ss_direct_scan(direct, SS_USER_BOOSTS, 1, user_id);

	while (ss_direct_next(&scan))
	{
		bool activated;

		(void) ss_direct_get_or_null(direct, SS_USER_BOOSTS, scan.slot, USER_BOOST_DEACTIVATED_AT, &activated);
		if (activated)
			ss_chunk_add_boost(buyer, ss_rules_boost(rules, DatumGetUUIDP(ss_direct_get(direct, SS_USER_BOOSTS,
																						scan.slot, USER_BOOST_ID))));
	}
	ss_direct_close(&scan);
}

void
ss_direct_load_buyer(SSDirect *direct, const SSRules *rules, const pg_uuid_t *id, SSBuyer *buyer)
{
	Datum user_id = UUIDPGetDatum(id);

	if (rules->has_segments)
		load_segments(direct, &user_id, buyer);
	if (buyer->boosted)
		load_boosts(direct, rules, &user_id, buyer);
}

int64
ss_direct_redemptions(SSDirect *direct, const pg_uuid_t *user_id, int32 campaign_no)
{
	Datum keys[2] = {Int32GetDatum(campaign_no), UUIDPGetDatum(user_id)};
	SSScan scan = ss_direct_scan(direct, SS_REDEMPTIONS, 2, keys);
	int64 count = 0;

	while (ss_direct_next(&scan))
		count += DatumGetBool(ss_direct_get(direct, SS_REDEMPTIONS, scan.slot, REDEMPTION_COUNTS)) ? 1 : 0;
	ss_direct_close(&scan);
	return count;
}
