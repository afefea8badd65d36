/*
 * tier.c: which tier a user holds (tier.h).
 *
 * Called by the award engine under the lock on the user's reward account.
 */
#include "postgres.h"

#include "ledger/tier.h"

/* Position of the highest tier whose threshold the points reach. */
static int
tier_by_points(const SSRules *rules, int64 lifetime)
{
	int tier = 0;

	while (tier + 1 < rules->ntiers && rules->tiers[tier + 1].threshold <= lifetime)
		tier++;
	return tier;
}

/* Position of the tier held; one that is gone, or whose time is over, gives way to what the points make. */
static int
held(const SSRules *rules, const SSAccount *account, TimestampTz now)
{
	int by_points = tier_by_points(rules, account->lifetime);

	for (int i = 0; i < rules->ntiers; i++)
	{
		if (strcmp(rules->tiers[i].name, account->tier) != 0)
			continue;
		if (i > by_points && account->tier_until != DT_NOBEGIN && now >= account->tier_until)
			return by_points;
		return i;
	}
	return by_points;
}

const SSTier *
ss_tier_held(const SSRules *rules, const SSAccount *account, TimestampTz now)
{
	return &rules->tiers[held(rules, account, now)];
}

void
ss_tier_set_lifetime(const SSRules *rules, SSAccount *account, int64 lifetime, TimestampTz now)
{
	int before = held(rules, account, now);
	int after = tier_by_points(rules, lifetime);

	account->lifetime = lifetime;
	if (after > before)
		account->tier_until = ss_rules_tier_end(rules, now);
	else if (after < before && account->tier_until != DT_NOBEGIN && now < account->tier_until)
		after = before;
	account->tier = pstrdup(rules->tiers[after].name);
}
