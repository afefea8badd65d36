/*
 * churn_examples.c: the examples of churn: whether a user who has bought within
 * a year buys nothing for a horizon.
 *
 * Called by training and by export_ml_data. Two passes over the purchases of
 * all customers in the order of users, from one snapshot: the first counts, the
 * second makes the examples of the users that are kept. One user's purchases
 * are in memory at a time. No locks.
 *
 * The test's labels end where the data do; no label of train reaches into the
 * time of the test's labels, for each block ends where the next begins.
 */
#include "postgres.h"

#include "base/query.h"
#include "learning/examples.h"
#include "learning/exclusions.h"
#include "learning/features.h"
#include "learning/user_pass.h"

#define BLOCKS 6

bool
ss_has_churned(const SSHistory *history, TimestampTz from, TimestampTz until)
{
	for (int i = ss_history_find(history, from); i < history->count && history->items[i].at < until; i++)
	{
		if (history->items[i].active)
			return false;
	}
	return true;
}

static void
add_examples(SSExamples *examples, const SSTraining *training, const SSUserPass *pass, const SSMoment *moments)
{
	SSHistory *history = pass->history;

	for (int block = BLOCKS; block >= 1; block--)
	{
		double values[SS_USER_FEATURES];
		SSLearnValue *example;

		if (!ss_features(history, &moments[block], values))
			continue;
		example = ss_examples_add(examples, training,
								  &(SSExampleKey){.user_id = pass->user_id, .block = block, .at = moments[block].at},
								  ss_has_churned(history, moments[block].at, moments[block - 1].at));
		for (int i = 0; i < SS_USER_FEATURES; i++)
			example[i].value = values[i];
	}
}

static int64
count_examples(const SSTraining *training, const SSMoment *moments)
{
	int64 found = 0;
	SSUserPass pass;

	ss_user_pass_begin(&pass, training, SS_PASS_PURCHASES, moments[0].at, 0);
	while (ss_user_pass_next(&pass, false))
	{
		for (int block = BLOCKS; block >= 1; block--)
			found += ss_features_eligible(pass.history, &moments[block]);
	}
	ss_user_pass_end(&pass);
	return found;
}

SSExamples *
ss_churn_examples(const SSTraining *training)
{
	const SSRules *rules = training->rules;
	DateADT today = ss_rules_day(rules, training->as_of);
	SSMoment moments[BLOCKS + 1];
	SSExamples *examples;
	SSUserPass pass;

	ss_exclusions_get();
	ss_query_keep_order();
	for (int block = 0; block <= BLOCKS; block++)
		moments[block] = ss_moment(rules, ss_rules_day_start(rules, today - block * training->horizon));
	examples = ss_examples_create(SS_USER_FEATURES, count_examples(training, moments));
	ss_user_pass_begin(&pass, training, SS_PASS_PURCHASES | SS_PASS_REDEMPTIONS, moments[0].at, 0);
	while (ss_user_pass_next(&pass, false))
	{
		if (ss_examples_keep(examples, training, &pass.user_id))
			add_examples(examples, training, &pass, moments);
	}
	ss_user_pass_end(&pass);
	ss_examples_end(examples);
	return examples;
}
