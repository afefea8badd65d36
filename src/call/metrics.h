/*
 * metrics.h: how many calls of the API there are, how long they take, and what
 * the server's log says. Only when preloaded.
 */
#ifndef SS_METRICS_H
#define SS_METRICS_H

#include "postgres.h"

/* Of the API, background workers aside: the last minute, as far as the server has run for one. */
typedef struct SSApiMetrics
{
	int64 calls;	/* ended */
	int64 errors;	/* of these, by errors that are not the caller's */
	double seconds; /* that were looked at */
	int64 p99_us;	/* -1 = there were no calls */
} SSApiMetrics;

/* Of the server's log: the last hour. */
typedef struct SSLogMetrics
{
	int64 errors;
	int64 warnings;
} SSLogMetrics;

/* Follows the transactions and the log; by _PG_init. */
extern void ss_metrics_init(void);

/* A call begins, a call ends; by call.c. */
extern void ss_metrics_begin(void);
extern void ss_metrics_end(void);

/* The call that the subtransaction before was in ends by an error of the caller's that is answered, and so is in no log. */
extern void ss_metrics_end_answered(void);

/* False without preload. */
extern bool ss_metrics_api(SSApiMetrics *metrics);
extern bool ss_metrics_log(SSLogMetrics *metrics);

/*
 * How much of its processors the machine, or this container, used between the
 * last two times that somebody asked and that were a second or more apart; -1
 * where that is not known. Samples are shared when preloaded, else this
 * session's.
 */
extern double ss_metrics_cpu_percent(void);

/* For shmem.c. */
extern void *ss_metrics_area;
extern Size ss_metrics_size(void);
extern void ss_metrics_fill(void *area);

#endif /* SS_METRICS_H */
