/*
 * examples.h: what a model is trained on and tested with: features, and what
 * came to pass.
 */
#ifndef SS_EXAMPLES_H
#define SS_EXAMPLES_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/learn.h"
#include "learning/purchase_history.h"
#include "rules/rules.h"

/* Beyond so many examples users are drawn by their hash; more than the second number are never kept. */
#define SS_EXAMPLES_BOUND 100000
#define SS_EXAMPLES_MAX	  110000

#define SS_FOLDS 5

/* The block that models are tested with; those it is trained on have higher numbers. */
#define SS_TEST_BLOCK 1

typedef struct SSExamples
{
	int features;
	int count;
	int room;
	SSLearnValue *values; /* features + 2 of each: the features, the constant, and the end */
	pg_uuid_t *users;
	bool *positive;
	int8 *blocks;
	int8 *folds;
	TimestampTz *moments;
	const char **campaigns; /* their ids; NULL: examples are not about campaigns */
	int8 *offer_types;		/* of these */
	const char *exposure;	/* what made them examples; NULL likewise */
	int *order;				/* of train, then of test; once ss_examples_end() was called */
	int train;
	int train_positives;
	int test;
	int test_positives;
	int64 found;   /* before users were drawn */
	int threshold; /* users below it were, in ten-thousandths; 10,000 = all */
} SSExamples;

/* Is called between users and between fits: looks for interrupts, and whether anybody still wants it. */
typedef void (*SSTrainingCheck)(void);

/* Whom an example is about, when, and what. */
typedef struct SSExampleKey
{
	pg_uuid_t user_id;
	int block;
	TimestampTz at;
	const char *campaign_id; /* NULL: no campaign */
	int offer_type;
} SSExampleKey;

/* What is asked for. */
typedef struct SSTraining
{
	const SSRules *rules;
	TimestampTz as_of;
	int32 seed;
	int32 horizon; /* days, of churn */
	SSTrainingCheck check;
} SSTraining;

/* Room for examples; lives in the current memory context. */
extern SSExamples *ss_examples_create(int features, int64 found);

/* Would this user be kept? */
extern bool ss_examples_keep(const SSExamples *examples, const SSTraining *training, const pg_uuid_t *user_id);

/* Adds an example, of a user that does not come before the last one's; returns where its features go. 54000 if there are too many. */
extern SSLearnValue *ss_examples_add(SSExamples *examples, const SSTraining *training, const SSExampleKey *key,
									 bool positive);

/* Puts them in their order: train, then test, each by time, then as they came. */
extern void ss_examples_end(SSExamples *examples);

/* The features of example i. */
static inline SSLearnValue *
ss_example(const SSExamples *examples, int i)
{
	return &examples->values[(Size) i * (examples->features + 2)];
}

/* Has the user made no purchase from that moment on, before `until`, that was not refunded as a whole? The label of churn. */
extern bool ss_has_churned(const SSHistory *history, TimestampTz from, TimestampTz until);

/* The examples of churn: users at six moments, a horizon apart. */
extern SSExamples *ss_churn_examples(const SSTraining *training);

/* Those of conversion: campaigns that were shown to users, or that they could have; and the same for types of offers. */
extern SSExamples *ss_conversion_examples(const SSTraining *training);
extern SSExamples *ss_offer_examples(const SSTraining *training);

/* A user converts who redeems a campaign within so many days. */
#define SS_CONVERSION_DAYS 14

#endif /* SS_EXAMPLES_H */
