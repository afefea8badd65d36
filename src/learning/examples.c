/*
 * examples.c: the table of examples (examples.h).
 *
 * Filled by churn_examples.c, used by fit.c and export_ml_data.c. It is made as
 * large as it can become, once: its size depends on nothing that is stored
 * beyond the bound. No locks.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/hash.h"
#include "base/uuid.h"
#include "learning/examples.h"

#define ALL_SHARES	 10000
#define DRAWN_SHARES INT64CONST(950000000) /* of as many examples: some fewer than the bound */
#define BLOCKS		 127

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
ss_examples_add(SSExamples *examples, const SSTraining *training, const pg_uuid_t *user_id, int block, bool positive)
{
	int i = examples->count;
	SSLearnValue *values = ss_example(examples, i);

	if (i == examples->room)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("there are too many examples"));
	for (int j = 0; j < examples->features; j++)
		values[j] = (SSLearnValue){j + 1, 0};
	values[examples->features] = (SSLearnValue){examples->features + 1, 1};
	values[examples->features + 1] = (SSLearnValue){-1, 0};
	examples->users[i] = *user_id;
	examples->positive[i] = positive;
	examples->blocks[i] = (int8) block;
	/* a user's examples come one after another */
	examples->folds[i] = i > 0 && ss_uuid_equal(&examples->users[i - 1], user_id)
							 ? examples->folds[i - 1]
							 : (int8) (draw("fold", training->seed, user_id) * SS_FOLDS / ALL_SHARES);
	examples->count++;
	return values;
}

void
ss_examples_end(SSExamples *examples)
{
	int starts[BLOCKS + 1] = {0};
	int start = 0;

	examples->train = examples->train_positives = examples->test = examples->test_positives = 0;
	for (int i = 0; i < examples->count; i++)
	{
		bool test = examples->blocks[i] == SS_TEST_BLOCK;

		starts[examples->blocks[i]]++;
		*(test ? &examples->test : &examples->train) += 1;
		*(test ? &examples->test_positives : &examples->train_positives) += examples->positive[i];
	}
	for (int block = BLOCKS; block >= 0; block--)
	{
		int count = starts[block];

		starts[block] = start;
		start += count;
	}
	for (int i = 0; i < examples->count; i++)
		examples->order[starts[examples->blocks[i]]++] = i;
}
