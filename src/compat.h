/*
 * compat.h: the only place that knows one PostgreSQL version from another.
 *
 * Included by whoever needs one of these names; the oldest server we build on
 * is 15.
 */
#ifndef SS_COMPAT_H
#define SS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "swipesavvy needs PostgreSQL 15 or later"
#endif

/* variadic marks of varatt.h moved there in 16 */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* the local id of this backend's transaction, a member of PGPROC, moved in 17 */
#if PG_VERSION_NUM >= 170000
#define SS_MY_LXID (MyProc->vxid.lxid)
#else
#define SS_MY_LXID (MyProc->lxid)
#endif

#endif							/* SS_COMPAT_H */
