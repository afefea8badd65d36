/*
 * flag_plan.c: what is left of a flag's rules for a user, when what they name
 * of attributes is known (flag_plan.h).
 *
 * Called by flag_enabled and flag_users, which look at very many users: most
 * flags name a few attributes that many users share, or none, so that their
 * conditions need not be tested for each. No locks, no errors.
 */
#include "postgres.h"

#include "base/hash.h"
#include "flags/flag_plan.h"

/* --- what a condition asks for ----------------------------------------------------------------- */

static bool
begins_with(SSText text, SSText start)
{
	return text.length >= start.length && memcmp(text.data, start.data, start.length) == 0;
}

/* Does a test of the id ask for nothing but segments that the user is in? */
static bool
asks_for_groups(SSNode *test)
{
	static const char *const operators[] = {"$inGroup", "$notInGroup", NULL};
	SSNode *items;

	if (!ss_node_is(test, SS_NODE_OBJECT) || test->count == 0)
		return false;
	items = ss_node_items(test);
	for (int i = 0; i < test->count; i++)
	{
		bool negation = ss_text_equals(test->keys[i], SS_TEXT("$not"));

		if (negation ? !asks_for_groups(&items[i]) : !ss_text_is_one_of(test->keys[i], operators))
			return false;
	}
	return true;
}

static bool
names_more(SSText name, SSNode *test, int known)
{
	if (begins_with(name, SS_TEXT("id")) || begins_with(name, SS_TEXT("user_id")))
		return (known & SS_READS_SEGMENTS) == 0 || !asks_for_groups(test);
	return ss_flag_reads_of(name) == SS_READS_ACCOUNT && !begins_with(name, SS_TEXT("tier"));
}

/* Does the condition name the id, or more of what is stored of users than is known? */
static bool
asks_for_more(SSNode *condition, int known)
{
	SSNode *items;

	if (!ss_node_is(condition, SS_NODE_ARRAY) && !ss_node_is(condition, SS_NODE_OBJECT))
		return false;
	items = ss_node_items(condition);
	for (int i = 0; i < condition->count; i++)
	{
		if ((condition->kind == SS_NODE_OBJECT && names_more(condition->keys[i], &items[i], known)) ||
			asks_for_more(&items[i], known))
			return true;
	}
	return (ss_flag_reads(condition) & ~known) != 0;
}

/* --- rules ---------------------------------------------------------------------------------------- */

static bool
is_text(SSNode *node, SSText text)
{
	return ss_node_is(node, SS_NODE_STRING) && ss_text_equals(ss_node_string(node), text);
}

/* Does the rule force a value, by a condition that names nothing unknown, without prerequisites and filters? */
static bool
is_plain(SSNode *rule, int known)
{
	return ss_node_get(rule, SS_TEXT("force")) != NULL && ss_node_present(rule, SS_TEXT("parentConditions")) == NULL &&
		   ss_node_present(rule, SS_TEXT("filters")) == NULL &&
		   !asks_for_more(ss_node_present(rule, SS_TEXT("condition")), known);
}

/* 1 or 2; 0 for any other, which takes nobody. */
static int
version_of(const SSNode *version)
{
	if (!ss_node_is(version, SS_NODE_NUMBER) || (version->number != 1 && version->number != 2))
		return 0;
	return (int) version->number;
}

/* The buckets of a rule that forces a value, if nothing but them decides. */
static bool
read_buckets(SSNode *rule, SSText key, SSFlagShare *share)
{
	SSNode *range = ss_node_present(rule, SS_TEXT("range"));
	SSNode *coverage = ss_node_present(rule, SS_TEXT("coverage"));
	SSNode *attribute = ss_node_get(rule, SS_TEXT("hashAttribute"));
	SSNode *version = ss_node_get(rule, SS_TEXT("hashVersion"));

	memset(share, 0, sizeof(SSFlagShare));
	share->by_hash = range != NULL || coverage != NULL;
	if (!share->by_hash)
		return true;
	if (range != NULL || !ss_node_is(coverage, SS_NODE_NUMBER) ||
		(ss_node_truthy(attribute) && !is_text(attribute, SS_TEXT("id")) && !is_text(attribute, SS_TEXT("user_id"))))
		return false;
	share->version = ss_node_truthy(version) ? version_of(version) : 1;
	share->seed = ss_text_or(rule, SS_TEXT("seed"), key);
	share->to = coverage->number;
	share->seed_hash = ss_hash_begin(share->seed.data, share->seed.length);
	return share->version == 1 || share->version == 2;
}

bool
ss_flag_plan_fits(const SSFlag *flag, int known)
{
	SSFlagShare share;

	if (flag->is_archived)
		return true;
	for (int i = 0; i < flag->rules->count; i++)
	{
		if (!is_plain(&flag->rules->items[i], known) || !read_buckets(&flag->rules->items[i], flag->key, &share))
			return false;
	}
	return flag->rules->count <= SS_FLAG_SHARES_MAX;
}

/* A rule as a share; false if rows decide more than that. A rule that never holds makes none. */
static bool
add_share(SSFlagPlan *plan, const SSFlag *flag, SSNode *rule, const SSSubject *subject, int known)
{
	SSFlagShare *share = &plan->shares[plan->nshares];

	if (plan->nshares == SS_FLAG_SHARES_MAX || !is_plain(rule, known))
		return false;
	if (!ss_condition_holds(ss_node_present(rule, SS_TEXT("condition")), subject))
		return true;
	if (!read_buckets(rule, flag->key, share))
		return false;
	if (share->by_hash && share->to == 0)
		return true; /* a coverage of 0 takes nobody */
	share->value = ss_node_get(rule, SS_TEXT("force"));
	plan->nshares++;
	return true;
}

bool
ss_flag_plan_make(SSFlagPlan *plan, const SSFlagSet *set, const SSFlag *flag, const SSSubject *subject, int known)
{
	plan->otherwise = flag->default_value;
	plan->nshares = 0;
	if (flag->is_archived || set->killed)
		return true;
	for (int i = 0; i < flag->rules->count; i++)
	{
		if (!add_share(plan, flag, &flag->rules->items[i], subject, known))
			return false;
	}
	return true;
}

/* --- for each user --------------------------------------------------------------------------------- */

static bool
takes(const SSFlagShare *share, const pg_uuid_t *id)
{
	double n;

	if (!share->by_hash)
		return true;
	if (share->version == 2)
		n = ss_hash_v2_uuid(share->seed_hash, id) / 10000.0;
	else
		n = ss_hash_v1_uuid(share->seed.data, share->seed.length, id) / 1000.0;
	return n <= share->to;
}

SSNode *
ss_flag_plan_value(const SSFlagPlan *plan, const pg_uuid_t *id)
{
	for (int i = 0; i < plan->nshares; i++)
	{
		if (takes(&plan->shares[i], id))
			return plan->shares[i].value;
	}
	return plan->otherwise;
}
