/*
 * usage.c: counts evaluations of flags in shared memory (usage.h).
 *
 * Called by the functions that evaluate flags. An evaluation is noted in this
 * process; notes go to shared memory when the transaction ends, however it
 * does, or when there are many. There each flag has a cell for each quarter of an
 * hour; cells are in groups, a lock each, which is held for a few additions. A
 * job takes the cells from there to a table (flag_usage.c). A cell that
 * nobody has taken for an hour is of a database that has no worker: it makes
 * room for others when there is none. A crash of the server loses what is here.
 *
 * On a replica, where nobody could write it down, nothing is counted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "lib/hyperloglog.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "flags/usage.h"

#define GROUPS	  64
#define CELLS	  16 /* of a group */
#define NOTES	  1000
#define ROW_NOTES 16
#define STALE	  USECS_PER_HOUR

/* --- notes of this process ------------------------------------------------------------------ */

typedef struct Note
{
	int32 flag_no;
	bool enabled;
	bool has_user;
	uint32 user; /* the hash of who it was */
	TimestampTz moment;
	char variant[SS_USAGE_VARIANT_MAX]; /* empty: none; of one byte that is no text: too long a name */
} Note;

typedef struct RowNote
{
	int32 flag_no;
	TimestampTz slot;
	int64 rows;
} RowNote;

static Note notes[NOTES];
static int nnotes = 0;
static RowNote row_notes[ROW_NOTES];
static int nrow_notes = 0;
static TimestampTz row_moment = DT_NOBEGIN; /* of the statement that added to the first one of these last */

/* What this transaction has taken. */
static SSUsage *taken = NULL;
static int ntaken = 0;
static int64 taken_room = 0;

/* --- cells ---------------------------------------------------------------------------------------- */

typedef struct Cell
{
	Oid database; /* InvalidOid: free */
	SSUsage usage;
} Cell;

typedef struct Group
{
	LWLock lock;
	Cell cells[CELLS];
} Group;

/* In shared memory; all but `lost` is under the locks of its group. */
typedef struct Area
{
	pg_atomic_uint64 lost;
	Group groups[GROUPS];
} Area;

void *ss_usage_area = NULL;

Size
ss_usage_size(void)
{
	return sizeof(Area);
}

void
ss_usage_fill(void *memory)
{
	Area *area = memory;
	int tranche = LWLockNewTrancheId();

	pg_atomic_init_u64(&area->lost, 0);
	for (int i = 0; i < GROUPS; i++)
		LWLockInitialize(&area->groups[i].lock, tranche);
	LWLockRegisterTranche(tranche, "swipesavvy"); /* children inherit it */
}

static bool
is_counting(void)
{
	return ss_usage_area != NULL && !RecoveryInProgress();
}

static TimestampTz
slot_of(TimestampTz moment)
{
	TimestampTz within = moment % SS_USAGE_SLOT;

	return moment - (within < 0 ? within + SS_USAGE_SLOT : within);
}

static void
take_cell(Cell *cell, int32 flag_no, TimestampTz slot)
{
	memset(cell, 0, sizeof(Cell));
	cell->database = MyDatabaseId;
	cell->usage.flag_no = flag_no;
	cell->usage.slot = slot;
	cell->usage.last_checked_at = DT_NOBEGIN;
}

/* The cell of the flag and slot in the group, or one for it; NULL if there is none. */
static Cell *
find_in_group(Group *group, int32 flag_no, TimestampTz slot, bool take_stale)
{
	Cell *room = NULL;

	for (int i = 0; i < CELLS; i++)
	{
		Cell *cell = &group->cells[i];

		if (cell->database == MyDatabaseId && cell->usage.flag_no == flag_no && cell->usage.slot == slot)
			return cell;
		if (room == NULL && (cell->database == InvalidOid || (take_stale && cell->usage.slot < slot - STALE)))
			room = cell;
	}
	if (room == NULL)
		return NULL;
	if (room->database != InvalidOid)
		pg_atomic_fetch_add_u64(&((Area *) ss_usage_area)->lost, room->usage.checks + room->usage.batch_checks);
	take_cell(room, flag_no, slot);
	return room;
}

/* The same in all groups, beginning with the flag's own; the lock of *group is held then. */
static Cell *
find_cell(int32 flag_no, TimestampTz slot, Group **group)
{
	Area *area = ss_usage_area;
	uint32 first = hash_combine(murmurhash32((uint32) flag_no), murmurhash32((uint32) (slot / SS_USAGE_SLOT)));

	first = hash_combine(first, murmurhash32(MyDatabaseId));
	for (uint32 i = 0; i < 2 * GROUPS; i++)
	{
		Cell *cell;

		*group = &area->groups[(first + i) % GROUPS];
		LWLockAcquire(&(*group)->lock, LW_EXCLUSIVE);
		cell = find_in_group(*group, flag_no, slot, i >= GROUPS);
		if (cell != NULL)
			return cell;
		LWLockRelease(&(*group)->lock);
	}
	return NULL;
}

static void
add_variant(SSUsage *usage, const char *name, int64 count)
{
	int n = 0;

	while (n < usage->nvariants && strcmp(usage->variants[n].name, name) != 0)
		n++;
	if (n == SS_USAGE_VARIANTS || name[0] == '\1')
	{
		usage->other_variants += count;
		return;
	}
	if (n == usage->nvariants)
	{
		strlcpy(usage->variants[n].name, name, SS_USAGE_VARIANT_MAX);
		usage->nvariants++;
	}
	usage->variants[n].count += count;
}

static void
add_note(SSUsage *usage, const Note *note)
{
	hyperLogLogState users = {.registerWidth = SS_USAGE_REGISTER_BITS,
							  .nRegisters = SS_USAGE_REGISTERS,
							  .hashesArr = usage->registers,
							  .arrSize = SS_USAGE_REGISTERS};

	usage->checks++;
	usage->enabled += note->enabled;
	usage->disabled += !note->enabled;
	usage->last_checked_at = Max(usage->last_checked_at, note->moment);
	if (note->has_user)
		addHyperLogLog(&users, note->user);
	if (note->variant[0] != '\0')
		add_variant(usage, note->variant, 1);
}

/* Adds what was taken from a cell to a cell again. */
static void
add_usage(SSUsage *to, const SSUsage *from)
{
	to->checks += from->checks;
	to->enabled += from->enabled;
	to->disabled += from->disabled;
	to->batch_checks += from->batch_checks;
	to->last_checked_at = Max(to->last_checked_at, from->last_checked_at);
	for (int i = 0; i < from->nvariants; i++)
		add_variant(to, from->variants[i].name, from->variants[i].count);
	to->other_variants += from->other_variants;
	for (int i = 0; i < SS_USAGE_REGISTERS; i++)
		to->registers[i] = Max(to->registers[i], from->registers[i]);
}

static void
lose(int64 evaluations)
{
	pg_atomic_fetch_add_u64(&((Area *) ss_usage_area)->lost, evaluations);
}

/* --- from notes to cells ----------------------------------------------------------------------------- */

static void
push_rows(void)
{
	for (int i = 0; i < nrow_notes; i++)
	{
		Group *group;
		Cell *cell = find_cell(row_notes[i].flag_no, row_notes[i].slot, &group);

		if (cell == NULL)
		{
			lose(row_notes[i].rows);
			continue;
		}
		cell->usage.batch_checks += row_notes[i].rows;
		LWLockRelease(&group->lock);
	}
	nrow_notes = 0;
}

/* Notes of one flag that follow one another need one look. */
static void
push_notes(void)
{
	for (int i = 0; i < nnotes;)
	{
		Group *group;
		int32 flag_no = notes[i].flag_no;
		TimestampTz slot = slot_of(notes[i].moment);
		Cell *cell = find_cell(flag_no, slot, &group);
		int begin = i;

		while (i < nnotes && notes[i].flag_no == flag_no && slot_of(notes[i].moment) == slot)
		{
			if (cell != NULL)
				add_note(&cell->usage, &notes[i]);
			i++;
		}
		if (cell == NULL)
			lose(i - begin);
		else
			LWLockRelease(&group->lock);
	}
	nnotes = 0;
}

/* --- counting ------------------------------------------------------------------------------------------ */

/* Who it was: the id, or what the flag hashes of somebody who is not known. */
static void
note_user(Note *note, const SSFlag *flag, const SSFlagSubject *subject)
{
	SSNode *attribute;

	note->has_user = true;
	if (subject->user_id != NULL)
	{
		note->user = DatumGetUInt32(hash_any(subject->user_id->data, UUID_LEN));
		return;
	}
	attribute = ss_node_get(unconstify(SSNode *, &subject->attributes), flag->hash_attribute);
	note->has_user = ss_node_truthy(attribute);
	if (note->has_user)
	{
		SSText text = ss_node_to_text(attribute);

		note->user = DatumGetUInt32(hash_any((const unsigned char *) text.data, text.length));
	}
}

static void
note_variant(Note *note, const SSFlagAnswer *answer)
{
	SSNode key;
	SSText name;

	note->variant[0] = '\0';
	if (answer->result.source != SS_SOURCE_EXPERIMENT || answer->result.experiment.experiment == NULL)
		return;
	key = ss_variation_key(&answer->result.experiment);
	name = ss_node_to_text(&key);
	if (name.length == 0 || name.length >= SS_USAGE_VARIANT_MAX)
		strcpy(note->variant, "\1");
	else
	{
		memcpy(note->variant, name.data, name.length);
		note->variant[name.length] = '\0';
	}
}

void
ss_usage_count(const SSFlag *flag, const SSFlagSubject *subject, const SSFlagAnswer *answer)
{
	Note *note;

	if (!is_counting())
		return;
	if (nnotes == NOTES)
		push_notes();
	note = &notes[nnotes];
	note->flag_no = flag->no;
	note->moment = GetCurrentStatementStartTimestamp();
	note->enabled = ss_node_truthy(answer->value);
	note_user(note, flag, subject);
	note_variant(note, answer);
	nnotes++;
}

void
ss_usage_count_rows(int32 flag_no, int64 rows)
{
	TimestampTz slot;
	RowNote *note = row_notes;

	if (!is_counting())
		return;
	/* the rows of one query, one after the other */
	if (nrow_notes > 0 && note->flag_no == flag_no && row_moment == GetCurrentStatementStartTimestamp())
	{
		note->rows += rows;
		return;
	}
	slot = slot_of(GetCurrentStatementStartTimestamp());
	while (note < row_notes + nrow_notes && (note->flag_no != flag_no || note->slot != slot))
		note++;
	if (note == row_notes + ROW_NOTES)
	{
		push_rows();
		note = row_notes;
	}
	if (note == row_notes + nrow_notes)
	{
		*note = (RowNote){.flag_no = flag_no, .slot = slot};
		nrow_notes++;
	}
	note->rows += rows;
	if (note == row_notes)
		row_moment = GetCurrentStatementStartTimestamp();
}

int64
ss_usage_lost(void)
{
	return ss_usage_area == NULL ? -1 : (int64) pg_atomic_read_u64(&((Area *) ss_usage_area)->lost);
}

/* --- taken ---------------------------------------------------------------------------------------------- */

static void
make_room(void)
{
	taken = ss_array_reserve_in(TopMemoryContext, taken, &taken_room, ntaken + CELLS, sizeof(SSUsage));
}

int
ss_usage_take(const SSUsage **usages)
{
	Area *area = ss_usage_area;
	int first = ntaken;

	*usages = NULL;
	if (!is_counting() || GetCurrentTransactionNestLevel() > 1)
		return 0;
	for (int i = 0; i < GROUPS; i++)
	{
		Group *group = &area->groups[i];

		make_room();
		LWLockAcquire(&group->lock, LW_EXCLUSIVE);
		for (int j = 0; j < CELLS; j++)
		{
			if (group->cells[j].database != MyDatabaseId)
				continue;
			taken[ntaken++] = group->cells[j].usage;
			group->cells[j].database = InvalidOid;
		}
		LWLockRelease(&group->lock);
	}
	*usages = taken + first;
	return ntaken - first;
}

/* Of a transaction that is prepared nobody knows what becomes: it counts as written. */
static void
settle(bool written)
{
	for (int i = 0; !written && i < ntaken; i++)
	{
		Group *group;
		Cell *cell = find_cell(taken[i].flag_no, taken[i].slot, &group);

		if (cell == NULL)
		{
			lose(taken[i].checks + taken[i].batch_checks);
			continue;
		}
		add_usage(&cell->usage, &taken[i]);
		LWLockRelease(&group->lock);
	}
	if (taken != NULL)
		pfree(taken);
	taken = NULL;
	ntaken = taken_room = 0;
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (nnotes > 0)
		push_notes();
	if (nrow_notes > 0)
		push_rows();
	if (taken != NULL)
		settle(event != XACT_EVENT_ABORT);
}

void
ss_usage_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
}
