/*
 * sequence.h: numbers of rows that a dump or logical replication may bring.
 *
 * A logical copy brings rows and leaves their sequence where it is; a dump that
 * was refused has set it back all the same. So the next number is at least one
 * more than the greatest that is there, and the sequence is brought along. Two
 * that find it behind at the same moment may take the same number: then one
 * fails on the primary key.
 */
#ifndef SS_SEQUENCE_H
#define SS_SEQUENCE_H

#define SS_NEXT_NO(table, column, sequence)                                                                            \
	"(SELECT CASE WHEN n.no > m.no THEN n.no ELSE setval('swipesavvy." sequence "', m.no + 1) END::integer"            \
	" FROM nextval('swipesavvy." sequence "') n (no),"                                                                 \
	" (SELECT coalesce(max(x." column "), 0)::bigint AS no FROM swipesavvy." table " x) m)"

#endif /* SS_SEQUENCE_H */
