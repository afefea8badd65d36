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

/* DecodeDateTime tells more about its errors from 16 on; nothing that we pass on */
#if PG_VERSION_NUM >= 160000
#define ss_decode_time(field, ftype, nf, dtype, tm, fsec, tzp) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tzp, &(DateTimeErrorExtra) {0})
#else
#define ss_decode_time(field, ftype, nf, dtype, tm, fsec, tzp) DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tzp)
#endif

#endif							/* SS_COMPAT_H */
