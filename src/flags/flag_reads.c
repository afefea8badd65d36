/*
 * flag_reads.c: what conditions of flags ask of the attributes that are stored
 * of users (flag_set.h).
 *
 * Called where flags are compiled, and for conditions of A/B tests. Pure; no
 * locks.
 */
#include "postgres.h"

#include "flags/flag_set.h"

const SSFlagAttribute ss_flag_attributes[SS_FLAG_ATTRIBUTES] = {
	{{"role", 4}, SS_READS_USER},
	{{"preferred_language", 18}, SS_READS_USER},
	{{"account_status", 14}, SS_READS_USER},
	{{"verification_status", 19}, SS_READS_USER},
	{{"created_at", 10}, SS_READS_USER},
	{{"account_age_days", 16}, SS_READS_USER},
	{{"email_domain", 12}, SS_READS_USER},
	{{"tier", 4}, SS_READS_ACCOUNT},
	{{"lifetime_points", 15}, SS_READS_ACCOUNT},
	{{"transaction_count", 17}, SS_READS_ACCOUNT},
	{{"segments", 8}, SS_READS_SEGMENTS},
	{{"user_id", 7}, 0},
};

/* Which one a name is, of which only the part before the first point counts; -1 for none. */
static int
attribute_of(SSText name)
{
	for (int i = 0; i < name.length; i++)
	{
		if (name.data[i] == '.')
			name.length = i;
	}
	for (int i = 0; i < SS_FLAG_ATTRIBUTES; i++)
	{
		if (ss_text_equals(name, ss_flag_attributes[i].name))
			return i;
	}
	return -1;
}

int
ss_flag_reads_of(SSText name)
{
	int attribute = attribute_of(name);

	return attribute < 0 ? 0 : ss_flag_attributes[attribute].reads;
}

static uint32
bit_of(SSText name)
{
	int attribute = attribute_of(name);

	return attribute < 0 ? 0 : UINT32_C(1) << attribute;
}

uint32
ss_flag_names(SSNode *value)
{
	SSNode *items;
	uint32 names = 0;

	if (ss_node_is(value, SS_NODE_STRING))
		return bit_of(ss_node_string(value));
	if (!ss_node_is(value, SS_NODE_ARRAY) && !ss_node_is(value, SS_NODE_OBJECT))
		return 0;
	items = ss_node_items(value);
	for (int i = 0; i < value->count; i++)
	{
		if (value->kind == SS_NODE_OBJECT)
			names |= bit_of(value->keys[i]);
		names |= ss_flag_names(&items[i]);
	}
	return names;
}

/* Does the operator $inGroup or its negation occur anywhere in the value? */
static bool
names_group(SSNode *value)
{
	SSNode *items;

	if (!ss_node_is(value, SS_NODE_ARRAY) && !ss_node_is(value, SS_NODE_OBJECT))
		return false;
	items = ss_node_items(value);
	for (int i = 0; i < value->count; i++)
	{
		if (value->kind == SS_NODE_OBJECT && (ss_text_equals(value->keys[i], SS_TEXT("$inGroup")) ||
											  ss_text_equals(value->keys[i], SS_TEXT("$notInGroup"))))
			return true;
		if (names_group(&items[i]))
			return true;
	}
	return false;
}

int
ss_flag_reads(SSNode *condition)
{
	SSNode *items;
	int reads = 0;

	if (ss_node_is(condition, SS_NODE_ARRAY))
	{
		items = ss_node_items(condition);
		for (int i = 0; i < condition->count; i++)
			reads |= ss_flag_reads(&items[i]);
	}
	if (!ss_node_is(condition, SS_NODE_OBJECT))
		return reads;
	items = ss_node_items(condition);
	for (int i = 0; i < condition->count; i++)
	{
		SSText key = condition->keys[i];

		if (key.length > 0 && key.data[0] == '$')
			reads |= ss_flag_reads(&items[i]);
		else
			reads |= ss_flag_reads_of(key) | (names_group(&items[i]) ? SS_READS_SEGMENTS : 0);
	}
	return reads;
}
