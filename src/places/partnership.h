/*
 * partnership.h: which version of a partnership is in force on which days.
 *
 * Versions are never changed: a later one stands in the place of all earlier ones
 * from its first day on, also after its last.
 */
#ifndef SS_PARTNERSHIP_H
#define SS_PARTNERSHIP_H

/* Of a rate in rate_milli: 100 per cent. */
#define SS_RATE_SCALE 100000

/* The versions of those partnerships p that the condition picks, with the day from which on a later one stands in the place of each. */
#define SS_PARTNERSHIPS_SQL(condition)                                                                                 \
	"SELECT p.merchant_id, p.version, p.tier, p.rate_milli, p.starts_on, p.ends_on, p.notes, p.created_at,"            \
	"       min(p.starts_on) OVER (PARTITION BY p.merchant_id ORDER BY p.version"                                      \
	"                              ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS replaced_on"                   \
	"  FROM swipesavvy.merchant_partnerships p WHERE " condition

/* Is the version v of them in force on that day? At most one of a merchant is. */
#define SS_IN_FORCE_SQL(day)                                                                                           \
	"(v.starts_on <= " day " AND coalesce(v.ends_on, 'infinity') >= " day                                              \
	" AND coalesce(v.replaced_on, 'infinity') > " day ")"

#endif /* SS_PARTNERSHIP_H */
