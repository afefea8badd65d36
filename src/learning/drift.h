/*
 * drift.h: whether users are still like those that a version was trained on.
 */
#ifndef SS_DRIFT_H
#define SS_DRIFT_H

#include "postgres.h"

#include "learning/examples.h"
#include "learning/model.h"

/* A feature whose index is above has drifted. */
#define SS_DRIFTED "0.25"

typedef struct SSDrift SSDrift;

/* Of churn's active version, with its week's check due: begins to count users; else NULL. */
extern SSDrift *ss_drift_begin(const SSTraining *training, const SSModel *model);

/* A user that the version is asked about, and the user's features. */
extern void ss_drift_add(SSDrift *drift, const double *values);

/* Writes how far each feature is from train; one that has drifted has a training queued. Returns how many were. */
extern uint64 ss_drift_end(SSDrift *drift);

/* How many models have an active version whose features have drifted; -1 where there are no models yet. */
extern int64 ss_drift_models(void);

#endif /* SS_DRIFT_H */
