/*
 * performance.h: how good a version was when it was tested, as a document.
 */
#ifndef SS_PERFORMANCE_H
#define SS_PERFORMANCE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "learning/examples.h"
#include "learning/fit.h"

/* What is kept in ml_models.metrics; active_loss: of the version before on the same examples, or NULL. */
extern Jsonb *ss_performance_document(const SSFit *fit, const SSExamples *examples, const double *active_loss);

#endif /* SS_PERFORMANCE_H */
