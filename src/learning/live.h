/*
 * live.h: how good a model is on what came after it was asked.
 */
#ifndef SS_LIVE_H
#define SS_LIVE_H

#include "postgres.h"

#include "learning/examples.h"
#include "learning/model.h"

typedef struct SSLive SSLive;

/* Of churn's active version: begins to keep what it thinks of some users; NULL if that has been done in this month. */
extern SSLive *ss_live_begin(const SSTraining *training, const SSModel *model);

/* A user that it is asked about. Whether the user is kept shows at the end. */
extern void ss_live_add(SSLive *live, const pg_uuid_t *user_id, double probability);

/* Writes those that are kept. */
extern void ss_live_end(SSLive *live);

/* Of each month whose horizon is over: how good the version was; what it thought of users is deleted. ss_exclusions_get() has been called. */
extern void ss_live_work_out(const SSTraining *training);

#endif /* SS_LIVE_H */
