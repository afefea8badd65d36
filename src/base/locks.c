/*
 * locks.c: advisory locks of classes of our own (locks.h).
 *
 * Called by sign-in, rivals.c, analytics and the training of models. Nothing is kept here: the server's lock table knows all.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "base/locks.h"

static LOCKTAG
tag_of(Oid database, SSLockClass class, uint64 key)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, database, (uint32) (key >> 32), (uint32) key, class);
	return tag;
}

void
ss_lock_take(SSLockClass class, uint64 key)
{
	LOCKTAG tag = tag_of(MyDatabaseId, class, key);

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

bool
ss_lock_try(SSLockClass class, uint64 key)
{
	LOCKTAG tag = tag_of(MyDatabaseId, class, key);

	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
ss_lock_share(SSLockClass class, uint64 key)
{
	LOCKTAG tag = tag_of(MyDatabaseId, class, key);

	(void) LockAcquire(&tag, ShareLock, false, false);
}

void
ss_lock_release(SSLockClass class, uint64 key)
{
	LOCKTAG tag = tag_of(MyDatabaseId, class, key);

	(void) LockRelease(&tag, ExclusiveLock, false);
}

int
ss_lock_enter(SSLockClass class, int count)
{
	int first = MyProcPid % count;
	int place = first;
	LOCKTAG tag;

	do
	{
		tag = tag_of(InvalidOid, class, place);
		if (LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
			return place;
		place = (place + 1) % count;
	} while (place != first);
	tag = tag_of(InvalidOid, class, first);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	return first;
}

void
ss_lock_leave(SSLockClass class, int place)
{
	LOCKTAG tag = tag_of(InvalidOid, class, place);

	(void) LockRelease(&tag, ExclusiveLock, false);
}
