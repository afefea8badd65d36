/*
 * sink_results.h: the results of requests to sinks are noted.
 */
#ifndef SS_SINK_RESULTS_H
#define SS_SINK_RESULTS_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Refuses whoever is not the background worker: it alone may claim requests and tell how they went. */
extern void ss_sink_require_worker(void);

/* Notes an array of results, with the messages and the sinks; also those of requests that could not be made. */
extern void ss_sink_results_record(Jsonb *results);

#endif /* SS_SINK_RESULTS_H */
