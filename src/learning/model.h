/*
 * model.h: a version of a model, as predictions use it.
 */
#ifndef SS_MODEL_H
#define SS_MODEL_H

#include "postgres.h"

#include "utils/uuid.h"

#include "base/compat.h"

#define SS_MODEL_AFFINITY	"affinity"
#define SS_MODEL_CHURN		"churn"
#define SS_MODEL_CONVERSION "conversion"
#define SS_MODEL_OFFER		"offer"

/* Those that can be trained, as a NULL-terminated list. */
extern const char *const ss_model_names[];

/* Why a user is not asked about. */
typedef enum SSProfiling
{
	SS_PROFILED,
	SS_ERASED,
	SS_REFUSED
} SSProfiling;

typedef struct SSModelFeature
{
	char *name;
	double mean;
	double deviation;
	double weight;	  /* 0 where it was left out */
	bool is_constant; /* it was left out, being the same for all; its deviation is 1 here */
} SSModelFeature;

typedef struct SSModel
{
	char *name;
	int32 version;
	int features;
	SSModelFeature *feature; /* by position, from 0 */
	double intercept;
	double platt_a;
	double platt_b;
	double threshold;
	double base_rate; /* the share of positives it was trained on */
} SSModel;

/* The active version; NULL if there is none. Good until the next call in this backend. */
extern const SSModel *ss_model_active(const char *name);

/* A version that has been trained, whatever its status. */
extern const SSModel *ss_model_get(const char *name, int32 version);

/*
 * What is to be known of a user before a model is asked, in one query: PT404 if
 * there is no such user. *version: of the active version, 0 if there is none.
 */
extern SSProfiling ss_model_ask_about(const char *name, const pg_uuid_t *user_id, int32 *version);

/* PT400 with the reason. */
pg_noreturn extern void ss_model_refuse(SSProfiling profiling, const pg_uuid_t *user_id);

/* Of the model offer: fills in the features beside the user's, for a type of offers. */
extern void ss_model_of_offer(const SSModel *model, int offer_type, double *values);

/* PT400: there is no active version. */
pg_noreturn extern void ss_model_refuse_none(const char *name);

/* The score of raw features. */
extern double ss_model_score(const SSModel *model, const double *values);
extern double ss_model_probability(const SSModel *model, double score);

#endif /* SS_MODEL_H */
