/*
 * figures.h: the figures of health: which are watched, and those that
 * the library measures by itself.
 */
#ifndef SS_FIGURES_H
#define SS_FIGURES_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Fewer calls in the last minute than these say nothing about how many fail or how long they take. */
#define SS_HEALTH_ENOUGH_CALLS 100

/* A figure that is watched, and from which value on it warns and is critical unless set_health_threshold() says otherwise; infinity: never. */
typedef struct SSHealthFigure
{
	const char *name;
	double warning;
	double critical;
} SSHealthFigure;

extern const SSHealthFigure ss_health_figures[];
extern const int ss_health_figures_count;

/* The number of a figure, from 0; -1 if none of that name is watched. */
extern int ss_health_find_figure(const char *name);

/* Of the outbox; the counts end at 10,000. */
typedef struct SSHealthOutbox
{
	int64 queued;
	int64 completed; /* in the last hour, as are the dead */
	int64 dead;
	int64 oldest_seconds; /* for how long the message that has waited longest could have been claimed */
} SSHealthOutbox;

extern void ss_health_outbox(SSHealthOutbox *outbox);

/*
 * An object of what the library measures by itself, for a sample; what cannot
 * be known is not in it. The use of processors is that since this session last
 * asked.
 */
extern Jsonb *ss_health_own_figures(void);

#endif /* SS_FIGURES_H */
