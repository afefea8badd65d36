/*
 * examples.c: the table of examples (examples.h).
 *
 * Filled by churn_examples.c and conversion_examples.c, used by fit.c and
 * export_ml_data.c. It is made as large as it can become, once: its size depends
 * on nothing that is stored beyond the bound. No locks.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/hash.h"
#include "base/uuid.h"
#include "learning/examples.h"

#define ALL_SHARES	 10000
#define DRAWN_SHARES INT64CONST(950000000) /* of as many examples: some fewer than the bound */

SSExamples *
ss_examples_create(int features, int64 found)
{
	SSExamples *examples = palloc0(sizeof(SSExamples));
	Size room = (Size) Min(found, SS_EXAMPLES_MAX);

	examples->features = features;
	examples->found = found;
	examples->threshold = found > SS_EXAMPLES_BOUND ? (int) (DRAWN_SHARES / found) : ALL_SHARES;
	examples->room = (int) room;
	room = Max(room, 1);
	examples->values = MemoryContextAllocHuge(CurrentMemoryContext, room * (features + 2) * sizeof(SSLearnValue));
	examples->users = palloc(room * sizeof(pg_uuid_t));
	examples->positive = palloc(room * sizeof(bool));
	examples->blocks = palloc(room);
	examples->folds = palloc(room);
	examples->moments = palloc(room * sizeof(TimestampTz));
	examples->campaigns = palloc(room * sizeof(char *));
	examples->offer_types = palloc(room);
	examples->order = palloc(room * sizeof(int));
	return examples;
}

/* The hash of a user, in ten-thousandths. */
static uint32
draw(const char *purpose, int32 seed, const pg_uuid_t *user_id)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "ml:%s:%d", purpose, seed);
	char *user = ss_uuid_text(user_id);
	uint32 drawn = ss_hash_v2(text, length, user, SS_UUID_CHARS);

	pfree(user);
	return drawn;
}

bool
ss_examples_keep(const SSExamples *examples, const SSTraining *training, const pg_uuid_t *user_id)
{
	return examples->threshold == ALL_SHARES || draw("sample", training->seed, user_id) < (uint32) examples->threshold;
}

SSLearnValue *
ss_examples_add(SSExamples *examples, const SSTraining *training, const SSExampleKey *key, bool positive)
{
	int i = examples->count;
	SSLearnValue *values = ss_example(examples, i);

	if (i == examples->room)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("there are too many examples"));
	for (int j = 0; j < examples->features; j++)
		values[j] = (SSLearnValue){j + 1, 0};
	values[examples->features] = (SSLearnValue){examples->features + 1, 1};
	values[examples->features + 1] = (SSLearnValue){-1, 0};
	examples->users[i] = key->user_id;
	examples->positive[i] = positive;
	examples->blocks[i] = (int8) key->block;
	examples->moments[i] = key->at;
	examples->campaigns[i] = key->campaign_id;
	examples->offer_types[i] = (int8) key->offer_type;
	/* a user's examples come one after another */
	examples->folds[i] = i > 0 && ss_uuid_equal(&examples->users[i - 1], &key->user_id)
							 ? examples->folds[i - 1]
							 : (int8) (draw("fold", training->seed, &key->user_id) * SS_FOLDS / ALL_SHARES);
	examples->count++;
	return values;
}

static int
compare_examples(const void *a, const void *b, void *examples)
{
	const SSExamples *of = examples;
	int x = *(const int *) a;
	int y = *(const int *) b;
	bool x_tests = of->blocks[x] == SS_TEST_BLOCK;
	bool y_tests = of->blocks[y] == SS_TEST_BLOCK;

	if (x_tests != y_tests)
		return x_tests ? 1 : -1;
	if (of->moments[x] != of->moments[y])
		return of->moments[x] < of->moments[y] ? -1 : 1;
	return x - y;
}

void
ss_examples_end(SSExamples *examples)
{
	examples->train = examples->train_positives = examples->test = examples->test_positives = 0;
	for (int i = 0; i < examples->count; i++)
	{
		bool test = examples->blocks[i] == SS_TEST_BLOCK;

		*(test ? &examples->test : &examples->train) += 1;
		*(test ? &examples->test_positives : &examples->train_positives) += examples->positive[i];
		examples->order[i] = i;
	}
	qsort_arg(examples->order, examples->count, sizeof(int), compare_examples, examples);
}
