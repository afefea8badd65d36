/*
 * tally.c: counts the rows of a table page by page (tally.h).
 *
 * Called by lists that show a total, under the snapshot of their statement. A
 * count that a table of counters keeps would make writers wait for one another;
 * one that is remembered until somebody changes the table would be wrong for
 * whoever has an older snapshot. What is remembered here is true of a page as
 * long as the page is what it was: its count holds for each snapshot to which
 * all transactions that the page knows had ended, and whatever is done to its
 * rows gives the page another LSN (hint bits do not, or need not, and change
 * no count). So only the pages are counted again to which rows were added, and
 * looking at one that was not changed costs a pin. Nothing has to be
 * invalidated, and it is the same on a replica.
 *
 * A backend's own memory; the only locks are those of reading: the table's, and
 * a page's content lock in share mode while it is counted. A serializable
 * transaction must have what it read noted by the server, so it asks by query,
 * as does everybody where the table is not the plain one that the extension
 * made, or is so large that the pins would cost more than a page of the list.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/guc.h"
#include "direct/survey.h"
#include "direct/tally.h"

#define MAX_PAGES 1024 /* of the table */

struct SSTallyPage
{
	XLogRecPtr lsn;		  /* as it was when it was counted; invalid = the count holds for nobody else */
	TransactionId newest; /* that it knows; invalid = none but frozen ones */
	int32 count;
};

/* Can the rows be told from the pages, and are these few enough? */
static bool
is_countable(Relation rel)
{
	return RelationNeedsWAL(rel) && RelationGetNumberOfBlocks(rel) <= MAX_PAGES;
}

/* Room for the pages, with nothing known of them where they are another table's, or the same one's written anew. */
static void
make_room(SSTally *tally, Relation rel, uint32 npages)
{
	if (tally->pages == NULL)
		tally->pages = MemoryContextAllocZero(TopMemoryContext, MAX_PAGES * sizeof(struct SSTallyPage));
	if (tally->relid != RelationGetRelid(rel) || tally->storage != SS_REL_STORAGE(rel))
	{
		memset(tally->pages, 0, MAX_PAGES * sizeof(struct SSTallyPage));
		tally->relid = RelationGetRelid(rel);
		tally->storage = SS_REL_STORAGE(rel);
	}
	else if (npages < tally->npages)
		memset(tally->pages + npages, 0, (tally->npages - npages) * sizeof(struct SSTallyPage));
	tally->npages = npages;
}

static void
note_xid(struct SSTallyPage *page, TransactionId xid)
{
	if (TransactionIdIsNormal(xid) && (!TransactionIdIsValid(page->newest) || TransactionIdPrecedes(page->newest, xid)))
		page->newest = xid;
}

/*
 * Will each snapshot that is not older see of the row what this one sees? Notes
 * the transactions on which that rests. In doubt no: then it is looked at again.
 */
static bool
is_settled(HeapTupleHeader row, bool visible, Snapshot snapshot, struct SSTallyPage *page)
{
	bool has_end = (row->t_infomask & HEAP_XMAX_INVALID) == 0 && !HEAP_XMAX_IS_LOCKED_ONLY(row->t_infomask);
	TransactionId begin = HeapTupleHeaderGetXmin(row); /* the frozen one where it is frozen */

	if (!visible && HeapTupleHeaderXminInvalid(row))
		return true;
	if (TransactionIdIsNormal(begin) && !TransactionIdPrecedes(begin, snapshot->xmin))
		return false;
	note_xid(page, begin);
	if (!has_end)
		return visible;
	if (visible || (row->t_infomask & HEAP_XMAX_IS_MULTI) != 0 || (row->t_infomask & HEAP_XMAX_COMMITTED) == 0 ||
		!TransactionIdPrecedes(HeapTupleHeaderGetRawXmax(row), snapshot->xmin))
		return false;
	note_xid(page, HeapTupleHeaderGetRawXmax(row));
	return true;
}

static bool
is_counted(const SSTally *tally, HeapTuple row, AttrNumber column, TupleDesc desc)
{
	bool isnull;
	Datum value = heap_getattr(row, column, desc, &isnull);
	text *content = (text *) DatumGetPointer(value);

	/* what is stored apart or packed is longer than that */
	return isnull || VARATT_IS_EXTERNAL(content) || VARATT_IS_COMPRESSED(content) ||
		   VARSIZE_ANY_EXHDR(content) != strlen(tally->but) ||
		   memcmp(VARDATA_ANY(content), tally->but, strlen(tally->but)) != 0;
}

/* Counts the rows of a page that is pinned, and remembers what may be. */
static int32
count_page(const SSTally *tally, Relation rel, Buffer buffer, Snapshot snapshot, AttrNumber column,
		   struct SSTallyPage *known)
{
	struct SSTallyPage counted = {0};
	bool settled = true;
	Page page = BufferGetPage(buffer);
	int last;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	last = (int) PageGetMaxOffsetNumber(page);
	for (int i = FirstOffsetNumber; i <= last; i++)
	{
		ItemId item = PageGetItemId(page, (OffsetNumber) i);
		HeapTupleData row;
		bool visible;

		if (!ItemIdIsNormal(item))
			continue;
		row.t_data = (HeapTupleHeader) PageGetItem(page, item);
		row.t_len = ItemIdGetLength(item);
		row.t_tableOid = RelationGetRelid(rel);
		ItemPointerSet(&row.t_self, BufferGetBlockNumber(buffer), (OffsetNumber) i);
		visible = HeapTupleSatisfiesVisibility(&row, snapshot, buffer);
		if (visible && is_counted(tally, &row, column, RelationGetDescr(rel)))
			counted.count++;
		if (!is_settled(row.t_data, visible, snapshot, &counted))
			settled = false;
	}
	counted.lsn = settled ? PageGetLSN(page) : InvalidXLogRecPtr;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	*known = counted;
	return counted.count;
}

/*
 * Does what is known of the page hold for the snapshot? The LSN is read without
 * the lock: what had committed when the snapshot was taken had set it before,
 * and half of a new one is not the old one either.
 */
static bool
holds(const struct SSTallyPage *known, Buffer buffer, Snapshot snapshot)
{
	return !XLogRecPtrIsInvalid(known->lsn) && known->lsn == PageGetLSN(BufferGetPage(buffer)) &&
		   (!TransactionIdIsValid(known->newest) || TransactionIdPrecedes(known->newest, snapshot->xmin));
}

int64
ss_tally_count(SSTally *tally)
{
	Snapshot snapshot = GetActiveSnapshot();
	Relation rel;
	AttrNumber column;
	int64 total = 0;

	if (!ss_survey_take(SS_ONE_TABLE(tally->table)) || !ss_direct_tables || IsolationIsSerializable() ||
		!IsMVCCSnapshot(snapshot) ||
		!ss_survey_lock(SS_ONE_TABLE(tally->table), SS_ONE_TABLE(tally->table), AccessShareLock))
		return -1;
	rel = table_open(ss_survey.tables[tally->table].relid, NoLock);
	column = ss_survey.tables[tally->table].columns[tally->column];
	if (!is_countable(rel))
	{
		table_close(rel, NoLock);
		return -1;
	}
	make_room(tally, rel, RelationGetNumberOfBlocks(rel));
	for (BlockNumber block = 0; block < tally->npages; block++)
	{
		Buffer buffer = ReadBuffer(rel, block);
		struct SSTallyPage *known = &tally->pages[block];

		total +=
			holds(known, buffer, snapshot) ? known->count : count_page(tally, rel, buffer, snapshot, column, known);
		ReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
	table_close(rel, NoLock);
	return total;
}
