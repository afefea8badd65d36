/*
 * usage.h: how often flags are evaluated, for how many users, and with what
 * result; counted without writing anything. Only when preloaded.
 */
#ifndef SS_USAGE_H
#define SS_USAGE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "flags/flag_subject.h"

#define SS_USAGE_REGISTERS	   4096 /* of a HyperLogLog, a byte each: a standard error of 1.6 % */
#define SS_USAGE_REGISTER_BITS 12
#define SS_USAGE_VARIANTS	   8
#define SS_USAGE_VARIANT_MAX   40 /* bytes of a name with its end */
#define SS_USAGE_SLOT		   (15 * USECS_PER_MINUTE)

/* How often a variation was given. */
typedef struct SSUsageVariant
{
	char name[SS_USAGE_VARIANT_MAX];
	int64 count;
} SSUsageVariant;

/* The evaluations of a flag in a slot: a quarter of an hour of UTC. */
typedef struct SSUsage
{
	int32 flag_no;
	TimestampTz slot;
	TimestampTz last_checked_at; /* DT_NOBEGIN: in queries over many alone */
	int64 checks;
	int64 enabled;
	int64 disabled;
	int64 batch_checks;
	int nvariants;
	SSUsageVariant variants[SS_USAGE_VARIANTS];
	int64 other_variants;
	uint8 registers[SS_USAGE_REGISTERS];
} SSUsage;

/* A flag was evaluated for somebody. */
extern void ss_usage_count(const SSFlag *flag, const SSFlagSubject *subject, const SSFlagAnswer *answer);

/* A flag was evaluated for so many rows of a query: that is a report, and no use. */
extern void ss_usage_count_rows(int32 flag_no, int64 rows);

/*
 * Takes what has been counted for this database, to be written down in the
 * present transaction: it is gone when that commits, and is counted again when it aborts. Only outside
 * of subtransactions. The array is there until the transaction ends.
 */
extern int ss_usage_take(const SSUsage **usages);

/* Lets go of some of what is no longer needed (flag_retention.c); is there more? */
extern bool ss_flag_usage_let_go(void);

/* Evaluations that found no room, since the server started; -1 without preload. */
extern int64 ss_usage_lost(void);

/* Called by _PG_init; for shmem.c. */
extern void ss_usage_init(void);
extern void *ss_usage_area;
extern Size ss_usage_size(void);
extern void ss_usage_fill(void *area);

#endif /* SS_USAGE_H */
