/*
 * flag_pass.c: what a flag gives all users, past the executor (flag_pass.h).
 *
 * Called by flag_users. Users are many and the tiers and sets of segments that
 * flags name are few, so that conditions are tested once for each of these: a
 * plan (flag_plan.h), which leaves no more than a hash of the id to each user.
 * Tables are read from the first page to the last under the active snapshot:
 * first who is in segments and has an account, which is kept in a hash table by
 * user, then users. If there are more users than maintenance_work_mem holds,
 * those with one hash are done after those with another: each part reads the
 * tables again, and nothing is spilled. No locks.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/uuid.h"
#include "direct/direct.h"
#include "flags/flag_pass.h"
#include "flags/flag_plan.h"
#include "flags/flag_subject.h"

#define TIERS_MAX 64
#define SETS_MAX  1000
#define PARTS_MAX 256

/* A user of whom something is known. */
typedef struct Member
{
	pg_uuid_t user_id;
	int32 set;
	int16 tier; /* 0: no account */
	char status;
} Member;

#define SH_PREFIX			 members
#define SH_ELEMENT_TYPE		 Member
#define SH_KEY_TYPE			 pg_uuid_t
#define SH_KEY				 user_id
#define SH_HASH_KEY(tb, key) ss_uuid_hash(key)
#define SH_EQUAL(tb, a, b)	 (ss_uuid_equal(&(a), &(b)))
#define SH_SCOPE			 static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

/* Segments that somebody is in together, in the order of their names; and a plan for each tier of those who are. */
typedef struct Set
{
	int count;
	const SSFlagSegment **segments;
	SSFlagPlan *plans[TIERS_MAX + 1];
} Set;

/* The set that another one becomes with one more segment. */
typedef struct Move
{
	struct
	{
		int32 set;
		int32 segment;
	} from;
	int32 to;
} Move;

typedef struct Pass
{
	SSFlagSet *set;
	SSFlag *flag;
	const SSNode *given;
	int reads; /* SS_READS_ACCOUNT, SS_READS_SEGMENTS */
	SSDirect *direct;
	MemoryContext context; /* of sets, tiers and plans */
	members_hash *members;
	uint64 room; /* members that there is memory for */
	uint32 parts;
	uint32 part;
	int ntiers;
	int tier; /* the one found last */
	SSText tiers[TIERS_MAX + 1];
	int nsets;
	Set *sets[SETS_MAX];
	HTAB *moves;
	Move move; /* the one made last */
} Pass;

/* --- who is known -------------------------------------------------------------------------------- */

static inline bool
is_of_part(const Pass *pass, const pg_uuid_t *id)
{
	return pass->parts == 1 || (ss_uuid_hash(*id) >> 24) % pass->parts == pass->part;
}

/* Keeps half of the members: those of the first of twice as many parts. */
static void
part_members(Pass *pass)
{
	members_hash *all = pass->members;
	members_iterator iterator;
	Member *member;
	bool found;

	pass->parts *= 2;
	pass->members = members_create(pass->context, 1024, NULL);
	members_start_iterate(all, &iterator);
	while ((member = members_iterate(all, &iterator)) != NULL)
	{
		Member *kept =
			is_of_part(pass, &member->user_id) ? members_insert(pass->members, member->user_id, &found) : NULL;

		if (kept != NULL)
		{
			kept->set = member->set;
			kept->tier = member->tier;
		}
	}
	members_destroy(all);
}

/* The user among those of whom something is known; NULL if it is of another part. */
static Member *
member_of(Pass *pass, const pg_uuid_t *id)
{
	Member *member;
	bool found;

	if (pass->members->members >= pass->room && pass->part == 0 && pass->parts < PARTS_MAX)
		part_members(pass);
	if (!is_of_part(pass, id))
		return NULL;
	member = members_insert(pass->members, *id, &found);
	if (!found)
	{
		member->set = 0;
		member->tier = 0;
	}
	return member;
}

/* --- sets of segments ------------------------------------------------------------------------------ */

static Set *
add_set(Pass *pass, int count)
{
	Set *set = MemoryContextAllocZero(pass->context, sizeof(Set));

	set->count = count;
	set->segments = MemoryContextAlloc(pass->context, sizeof(SSFlagSegment *) * Max(count, 1));
	pass->sets[pass->nsets++] = set;
	return set;
}

/* The set that has the one's segments and this one; -1 if there are too many sets. */
static int
find_joined(Pass *pass, int from, const SSFlagSegment *segment)
{
	const Set *old = pass->sets[from];
	Set *joined;
	int at = 0;

	if (pass->nsets == SETS_MAX)
		return -1;
	while (at < old->count && old->segments[at]->place <= segment->place)
		at++;
	joined = add_set(pass, old->count + 1);
	memcpy(joined->segments, old->segments, sizeof(SSFlagSegment *) * at);
	joined->segments[at] = segment;
	memcpy(joined->segments + at + 1, old->segments + at, sizeof(SSFlagSegment *) * (old->count - at));
	for (int i = 0; i < pass->nsets - 1; i++)
	{
		if (pass->sets[i]->count == joined->count &&
			memcmp(pass->sets[i]->segments, joined->segments, sizeof(SSFlagSegment *) * joined->count) == 0)
		{
			pass->nsets--;
			return i;
		}
	}
	return pass->nsets - 1;
}

static int
joined(Pass *pass, int set, const SSFlagSegment *segment)
{
	Move wanted = {{set, segment->no}, 0};
	Move *move;
	bool found;

	if (memcmp(&pass->move.from, &wanted.from, sizeof(wanted.from)) == 0)
		return pass->move.to;
	move = hash_search(pass->moves, &wanted.from, HASH_ENTER, &found);
	if (!found)
		move->to = find_joined(pass, set, segment);
	pass->move = *move;
	return move->to;
}

/* Segments that were made after the flags were compiled are in none of their rules. False if there are too many sets. */
static bool
read_segments(Pass *pass)
{
	SSScanAll scan = ss_direct_scan_all(pass->direct, SS_SEGMENT_MEMBERS);
	const SSFlagSegment *segment = NULL;
	bool done = true;

	while (done && ss_direct_next_of_all(&scan))
	{
		int32 no = DatumGetInt32(ss_direct_get(pass->direct, SS_SEGMENT_MEMBERS, scan.slot, MEMBER_SEGMENT_NO));
		Datum id = ss_direct_get(pass->direct, SS_SEGMENT_MEMBERS, scan.slot, MEMBER_USER_ID);
		Member *member;

		CHECK_FOR_INTERRUPTS();
		if (segment == NULL || segment->no != no)
			segment = ss_flag_segment(pass->set, no);
		member = segment == NULL ? NULL : member_of(pass, DatumGetUUIDP(id));
		if (member != NULL)
			member->set = joined(pass, member->set, segment);
		done = member == NULL || member->set >= 0;
	}
	ss_direct_close_all(&scan);
	return done;
}

/* --- plans -------------------------------------------------------------------------------------------- */

static SSFlagPlan *
plan_of(Pass *pass, int set_no, int tier)
{
	Set *set = pass->sets[set_no];
	MemoryContext caller;
	SSFlagSubject subject;
	SSNode names;

	if (set->plans[tier] != NULL)
		return set->plans[tier];
	caller = MemoryContextSwitchTo(pass->context);
	names = ss_node_array(set->count);
	for (int i = 0; i < set->count; i++)
		names.items[i] = ss_node_text(set->segments[i]->name);
	ss_flag_subject_begin(&subject, pass->set, NULL, pass->given);
	if (tier > 0)
		ss_node_set_text(&subject.attributes, SS_TEXT("tier"),
						 ss_text_of_server(pass->tiers[tier].data, pass->tiers[tier].length));
	if ((pass->reads & SS_READS_SEGMENTS) != 0)
		ss_flag_subject_set_segments(&subject, &names);
	set->plans[tier] = palloc0(sizeof(SSFlagPlan));
	if (!ss_flag_plan_make(set->plans[tier], pass->set, pass->flag, &subject.context.subject, pass->reads))
		elog(ERROR, "flag \"%s\" has no plan", pass->flag->key.data);
	MemoryContextSwitchTo(caller);
	return set->plans[tier];
}

static bool
plans_agree(const SSFlagPlan *a, const SSFlagPlan *b)
{
	return a->otherwise == b->otherwise && a->nshares == b->nshares &&
		   memcmp(a->shares, b->shares, sizeof(SSFlagShare) * a->nshares) == 0;
}

/* --- accounts -------------------------------------------------------------------------------------------- */

/* The number of a tier; -1 if there are too many. */
static int
tier_of(Pass *pass, Datum value)
{
	text *name = DatumGetTextPP(value);
	SSText tier = {VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)};

	if (pass->tier > 0 && ss_text_equals(pass->tiers[pass->tier], tier))
		return pass->tier;
	for (pass->tier = 1; pass->tier <= pass->ntiers; pass->tier++)
	{
		if (ss_text_equals(pass->tiers[pass->tier], tier))
			return pass->tier;
	}
	if (pass->ntiers == TIERS_MAX)
		return -1;
	pass->tiers[++pass->ntiers] =
		(SSText){memcpy(MemoryContextAlloc(pass->context, tier.length + 1), tier.data, tier.length), tier.length};
	return pass->tier;
}

/* Whoever looks a user up reads all three. */
static Datum
tier_in(const Pass *pass, TupleTableSlot *slot)
{
	static const int columns[] = {ACCOUNT_TIER, ACCOUNT_LIFETIME, ACCOUNT_TRANSACTIONS};

	for (size_t i = 0; i < lengthof(columns); i++)
	{
		if (ss_direct_is_null(pass->direct, SS_REWARD_ACCOUNTS, slot, columns[i]))
			(void) ss_direct_get(pass->direct, SS_REWARD_ACCOUNTS, slot, columns[i]);
	}
	return ss_direct_get(pass->direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TIER);
}

/* A user whose tier makes no difference need not be known, unless segments may make one. False if there are too many tiers. */
static bool
read_accounts(Pass *pass)
{
	SSScanAll scan = ss_direct_scan_all(pass->direct, SS_REWARD_ACCOUNTS);
	bool alone = (pass->reads & SS_READS_SEGMENTS) == 0;
	int tier = 0;

	while (tier >= 0 && ss_direct_next_of_all(&scan))
	{
		Datum id = ss_direct_get(pass->direct, SS_REWARD_ACCOUNTS, scan.slot, ACCOUNT_USER_ID);
		Member *member = NULL;

		CHECK_FOR_INTERRUPTS();
		tier = tier_of(pass, tier_in(pass, scan.slot));
		if (tier >= 0 && (!alone || !plans_agree(plan_of(pass, 0, 0), plan_of(pass, 0, tier))))
			member = member_of(pass, DatumGetUUIDP(id));
		if (member != NULL)
			member->tier = (int16) tier;
	}
	ss_direct_close_all(&scan);
	return tier >= 0;
}

/* --- users ------------------------------------------------------------------------------------------------- */

static void
read_users(Pass *pass, SSFlagTake take, void *state)
{
	SSScanAll scan = ss_direct_scan_all(pass->direct, SS_USERS);
	bool overrides = pass->flag->overrides != NULL && !pass->flag->is_archived && !pass->set->killed;
	SSFlagPlan *nothing_known = plan_of(pass, 0, 0);

	while (ss_direct_next_of_all(&scan))
	{
		const pg_uuid_t *id = DatumGetUUIDP(ss_direct_get(pass->direct, SS_USERS, scan.slot, USER_ID));
		const SSFlagPlan *plan = nothing_known;
		const SSNode *own;
		Member *member;

		CHECK_FOR_INTERRUPTS();
		if (!ss_direct_is_null(pass->direct, SS_USERS, scan.slot, USER_ERASED_AT) || !is_of_part(pass, id))
			continue;
		member = pass->members->members == 0 ? NULL : members_lookup(pass->members, *id);
		if (member != NULL)
			plan = plan_of(pass, member->set, member->tier);
		own = overrides ? ss_flag_override_of(pass->flag, id, pass->set->arranged_at) : NULL;
		take(state, id, own != NULL ? own : ss_flag_plan_value(plan, id), own != NULL);
	}
	ss_direct_close_all(&scan);
}

static bool
read_part(Pass *pass, SSFlagTake take, void *state)
{
	pass->members = members_create(pass->context, 1024, NULL);
	if (((pass->reads & SS_READS_SEGMENTS) != 0 && !read_segments(pass)) ||
		((pass->reads & SS_READS_ACCOUNT) != 0 && !read_accounts(pass)))
		return false;
	read_users(pass, take, state);
	members_destroy(pass->members);
	return true;
}

static void
begin(Pass *pass)
{
	HASHCTL control = {.keysize = sizeof(pass->move.from), .entrysize = sizeof(Move)};
	int64 bytes = maintenance_work_mem * INT64CONST(1024);

	pass->context = control.hcxt =
		AllocSetContextCreate(CurrentMemoryContext, "swipesavvy flag of all users", ALLOCSET_DEFAULT_SIZES);
	pass->moves = hash_create("swipesavvy sets of segments", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	pass->move.from.set = -1;
	pass->room = bytes / (2 * sizeof(Member)); /* as many places are empty at worst */
	pass->parts = 1;
	add_set(pass, 0);
}

bool
ss_flag_pass(SSFlagSet *set, SSFlag *flag, const SSNode *given, SSFlagTake take, void *state)
{
	Pass *pass;
	uint32 tables = SS_ONE_TABLE(SS_USERS);
	bool done = true;
	bool ruled = !flag->is_archived && flag->rules->count > 0;
	int reads = ruled ? flag->reads & (SS_READS_ACCOUNT | SS_READS_SEGMENTS) : 0;

	if (!ss_flag_plan_fits(flag, reads))
		return false;
	tables |= (reads & SS_READS_ACCOUNT) != 0 ? SS_ONE_TABLE(SS_REWARD_ACCOUNTS) : 0;
	tables |= (reads & SS_READS_SEGMENTS) != 0 ? SS_ONE_TABLE(SS_SEGMENT_MEMBERS) : 0;
	pass = palloc0(sizeof(Pass));
	*pass = (Pass){.set = set, .flag = flag, .given = given, .reads = reads};
	pass->direct = ss_direct_begin_reading(tables);
	if (pass->direct == NULL)
		return false;
	begin(pass);
	for (pass->part = 0; done && pass->part < pass->parts; pass->part++)
		done = read_part(pass, take, state);
	ss_direct_end_reading(pass->direct);
	MemoryContextDelete(pass->context);
	return done;
}
