/*
 * host.h: what the operating system says about processors and memory: of the
 * container where cgroup v2 tells, else of the machine (/proc). Elsewhere
 * nothing is known.
 */
#ifndef SS_HOST_H
#define SS_HOST_H

#include "postgres.h"

/* A moment's count of processor time. */
typedef struct SSHostCpu
{
	double used;	 /* microseconds or ticks */
	double possible; /* in the same unit, by the same moment; 0 = no sample */
} SSHostCpu;

/* False where it cannot be known. */
extern bool ss_host_cpu(SSHostCpu *sample);

/* Share of the time between two samples that was used; -1 without two. */
extern double ss_host_cpu_percent(const SSHostCpu *before, const SSHostCpu *now);

/* Share of the memory that is in use and could not be given away; -1 where it cannot be known. */
extern double ss_host_memory_percent(void);

#endif /* SS_HOST_H */
