/*
 * horizon.h: the settings of the programme that this domain reads.
 */
#ifndef SS_HORIZON_H
#define SS_HORIZON_H

#include "postgres.h"

/* Days without a purchase after which a user counts as lost */
extern int32 ss_churn_horizon(void);

/* Days after which a model is trained anew; 0 = never */
extern int32 ss_retrain_days(void);

/* The hours between which nobody is to be sent anything; the same twice: none */
extern int32 ss_quiet_hours_start(void);
extern int32 ss_quiet_hours_end(void);

#endif /* SS_HORIZON_H */
