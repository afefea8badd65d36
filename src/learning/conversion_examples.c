/*
 * conversion_examples.c: the examples of conversion: whether a user to whom a
 * campaign was shown redeems it within two weeks; and of offers, which are the
 * same with the type of the offer in place of the campaign.
 *
 * Called by training and by export_ml_data. Two passes over what users have
 * done, from one snapshot: the first counts, the second makes the examples of
 * the users that are kept. Where too little has been shown, what is counted is
 * that a campaign could be had. No locks.
 *
 * Held-out users are no examples, as they could not convert. What lies between
 * train and test is left out: its labels reach into the time of the test.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "base/array.h"
#include "base/hash.h"
#include "base/query.h"
#include "base/uuid.h"
#include "learning/campaign_features.h"
#include "learning/campaign_terms.h"
#include "learning/examples.h"
#include "learning/exclusions.h"
#include "learning/features.h"
#include "learning/fit.h"
#include "learning/user_pass.h"

#define LABEL_DAYS	180 /* moments of examples reach back so far */
#define TEST_DAYS	45	/* of them */
#define SHOWN_LEAST 1000
#define TRAIN_BLOCK (SS_TEST_BLOCK + 1)

/* A campaign that the user could have had from a moment on. */
typedef struct Candidate
{
	int campaign; /* position in the terms: the order of ids */
	TimestampTz at;
} Candidate;

/* An example of a user that had not bought for a year: what compares with its mean amount is filled in at the end. */
typedef struct Unknown
{
	int example;
	const SSTerms *terms;
} Unknown;

typedef struct Conversions
{
	const SSTraining *training;
	SSTermsOfAll *terms;
	SSMoment *launches; /* of each campaign: when it could be had first */
	Datum segments;		/* those that campaigns were aimed at */
	bool shown;			/* examples are campaigns that were shown, not that could be had */
	TimestampTz from;
	TimestampTz test;
	TimestampTz until;
	int room;
	Candidate *candidates; /* of one user */
	SSExamples *examples;
	double *averages; /* of examples; 0 = there is none */
	int nunknown;
	Unknown *unknown;
} Conversions;

/* --- who could have had what, from when on ------------------------------------------------------------ */

static TimestampTz
label_end(const Conversions *conversions, TimestampTz at)
{
	return ss_days_before(conversions->training->rules->settings.timezone, at, -SS_CONVERSION_DAYS);
}

/* The block of an example at that moment; 0: it is left out. */
static int
block_of(const Conversions *conversions, TimestampTz at)
{
	if (at >= conversions->test)
		return SS_TEST_BLOCK;
	return label_end(conversions, at) <= conversions->test ? TRAIN_BLOCK : 0;
}

static bool
is_in_range(const Conversions *conversions, TimestampTz at)
{
	return at >= conversions->from && at < conversions->until;
}

static bool
is_held_out(const SSTerms *terms, const pg_uuid_t *user_id)
{
	return ss_held_out(terms->campaign_id, user_id, terms->hold_out);
}

/* Is the user in the segment that the campaign was aimed at, and was then? */
static bool
is_aimed_at(const SSTerms *terms, const SSUserPass *pass, TimestampTz at)
{
	if (terms->segment_no == 0)
		return true;
	for (int i = 0; i < pass->nmemberships; i++)
	{
		if (pass->memberships[i].segment_no == terms->segment_no && pass->memberships[i].added_at <= at)
			return true;
	}
	return false;
}

/* Campaigns that were shown to the user for the first time. */
static int
find_shown(Conversions *conversions, const SSUserPass *pass)
{
	int found = 0;

	for (int i = 0; i < pass->first_shown.count; i++)
	{
		const SSResponse *first = &pass->first_shown.items[i];
		int campaign = ss_terms_find(conversions->terms, first->campaign_no);

		if (campaign < 0 || !is_in_range(conversions, first->at) ||
			is_held_out(ss_terms_at(&conversions->terms->campaigns[campaign], first->at), &pass->user_id))
			continue;
		conversions->candidates[found++] = (Candidate){campaign, first->at};
	}
	return found;
}

/* Campaigns that the user could have. */
static int
find_launched(Conversions *conversions, const SSUserPass *pass)
{
	int found = 0;

	for (int i = 0; i < conversions->terms->count; i++)
	{
		const SSTermsOfCampaign *campaign = &conversions->terms->campaigns[i];
		const SSTerms *terms;

		if (!is_in_range(conversions, campaign->launched))
			continue;
		terms = ss_terms_at(campaign, campaign->launched);
		if (!is_held_out(terms, &pass->user_id) && is_aimed_at(terms, pass, campaign->launched) &&
			ss_features_eligible(pass->history, &conversions->launches[i]))
			conversions->candidates[found++] = (Candidate){i, campaign->launched};
	}
	return found;
}

static int
compare_candidates(const void *a, const void *b)
{
	return ((const Candidate *) a)->campaign - ((const Candidate *) b)->campaign;
}

/* The user's candidates in the order of ids of campaigns. */
static int
find_candidates(Conversions *conversions, const SSUserPass *pass)
{
	int found = conversions->shown ? find_shown(conversions, pass) : find_launched(conversions, pass);

	qsort(conversions->candidates, found, sizeof(Candidate), compare_candidates);
	return found;
}

/* --- counting ------------------------------------------------------------------------------------------- */

/* How many examples there would be; *found: of train and test. */
static int64
count_examples(Conversions *conversions, int64 *found)
{
	int64 all = 0;
	SSUserPass pass;

	*found = 0;
	ss_user_pass_begin(&pass, conversions->training,
					   conversions->shown ? SS_PASS_SHOWN : SS_PASS_PURCHASES | SS_PASS_MEMBERS, conversions->until,
					   conversions->segments);
	while (ss_user_pass_next(&pass, conversions->shown))
	{
		int candidates = find_candidates(conversions, &pass);

		all += candidates;
		for (int i = 0; i < candidates; i++)
			*found += block_of(conversions, conversions->candidates[i].at) != 0;
	}
	ss_user_pass_end(&pass);
	return all;
}

/* --- examples --------------------------------------------------------------------------------------------- */

static bool
has_converted(const SSResponses *redeemed, int32 campaign_no, TimestampTz from, TimestampTz until)
{
	for (int i = 0; i < redeemed->count; i++)
	{
		const SSResponse *response = &redeemed->items[i];

		if (response->campaign_no == campaign_no && response->at >= from && response->at < until)
			return true;
	}
	return false;
}

/* What is known of the user and the campaign; returns the user's mean amount, 0 if nothing is known of it. */
static double
fill_in(const Conversions *conversions, const SSUserPass *pass, const SSTerms *terms, TimestampTz at, double *values)
{
	const SSRules *rules = conversions->training->rules;
	SSMoment moment = ss_moment(rules, at);
	TimestampTz since = ss_days_before(rules->settings.timezone, at, SS_RESPONSE_DAYS);

	if (!ss_features(pass->history, &moment, values))
		ss_features_of_lapsed(pass->history, &moment, values);
	return ss_conversion_features(terms, pass->history, &moment,
								  ss_responses_to_others(&pass->redeemed, terms->campaign_no, since, at),
								  ss_responses_to_others(&pass->shown, terms->campaign_no, since, at), values);
}

static void
add_example(Conversions *conversions, const SSUserPass *pass, const Candidate *candidate, int block)
{
	SSExamples *examples = conversions->examples;
	const SSTermsOfCampaign *campaign = &conversions->terms->campaigns[candidate->campaign];
	const SSTerms *terms = ss_terms_at(campaign, candidate->at);
	double values[SS_CONVERSION_FEATURES];
	double average = fill_in(conversions, pass, terms, candidate->at, values);
	int features = examples->features == SS_CONVERSION_FEATURES ? SS_CONVERSION_FEATURES : SS_USER_FEATURES;
	bool converted =
		has_converted(&pass->redeemed, campaign->campaign_no, candidate->at, label_end(conversions, candidate->at));
	SSLearnValue *example = ss_examples_add(
		examples, conversions->training,
		&(SSExampleKey){pass->user_id, block, candidate->at, campaign->campaign_id, terms->offer_type}, converted);
	int number = examples->count - 1;

	conversions->averages[number] = average;
	for (int i = 0; i < features; i++)
		example[i].value = values[i];
	if (average > 0)
		return;
	conversions->unknown = ss_array_grow(conversions->unknown, conversions->nunknown, sizeof(Unknown));
	conversions->unknown[conversions->nunknown++] = (Unknown){number, terms};
}

/* Of whose mean amount nothing is known it is taken to be that of train. */
static void
fill_in_unknown(Conversions *conversions)
{
	const SSExamples *examples = conversions->examples;
	double sum = 0;
	int count = 0;

	for (int i = 0; i < examples->train; i++)
	{
		double average = conversions->averages[examples->order[i]];

		sum += average;
		count += average > 0;
	}
	for (int i = 0; i < conversions->nunknown; i++)
	{
		const Unknown *unknown = &conversions->unknown[i];
		SSLearnValue *example = ss_example(examples, unknown->example);
		double values[SS_CONVERSION_FEATURES];

		ss_conversion_amounts(unknown->terms, count == 0 ? 0 : sum / count, values);
		example[SS_DEPTH - 1].value = values[SS_DEPTH - 1];
		example[SS_MIN_SPEND - 1].value = values[SS_MIN_SPEND - 1];
	}
}

static void
make_examples(Conversions *conversions, int features, int64 found)
{
	SSUserPass pass;

	conversions->examples = ss_examples_create(features, found);
	conversions->examples->exposure = conversions->shown ? "events" : "launch";
	conversions->averages = palloc(Max(conversions->examples->room, 1) * sizeof(double));
	ss_user_pass_begin(&pass, conversions->training,
					   SS_PASS_PURCHASES | SS_PASS_REDEMPTIONS | SS_PASS_REDEEMED | SS_PASS_SHOWN | SS_PASS_MEMBERS,
					   label_end(conversions, conversions->until), conversions->segments);
	while (ss_user_pass_next(&pass, conversions->shown))
	{
		int candidates;

		if (!ss_examples_keep(conversions->examples, conversions->training, &pass.user_id))
			continue;
		candidates = find_candidates(conversions, &pass);
		for (int i = 0; i < candidates; i++)
		{
			int block = block_of(conversions, conversions->candidates[i].at);

			if (block != 0)
				add_example(conversions, &pass, &conversions->candidates[i], block);
		}
	}
	ss_user_pass_end(&pass);
	ss_examples_end(conversions->examples);
}

/* --- both models ------------------------------------------------------------------------------------------------ */

static Datum
array_of_segments(const SSTermsOfAll *terms)
{
	int room = 0;
	int count = 0;
	Datum *segments;

	for (int i = 0; i < terms->count; i++)
		room += terms->campaigns[i].count;
	segments = palloc((room + 1) * sizeof(Datum));
	for (int i = 0; i < terms->count; i++)
	{
		for (int j = 0; j < terms->campaigns[i].count; j++)
		{
			if (terms->campaigns[i].terms[j].segment_no > 0)
				segments[count++] = Int32GetDatum(terms->campaigns[i].terms[j].segment_no);
		}
	}
	return PointerGetDatum(construct_array(segments, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
begin(Conversions *conversions, const SSTraining *training)
{
	const SSRules *rules = training->rules;
	DateADT last = ss_rules_day(rules, training->as_of) - SS_CONVERSION_DAYS;

	memset(conversions, 0, sizeof(Conversions));
	conversions->training = training;
	conversions->from = ss_rules_day_start(rules, last - LABEL_DAYS);
	conversions->test = ss_rules_day_start(rules, last - TEST_DAYS);
	conversions->until = ss_rules_day_start(rules, last);
	conversions->terms = ss_terms_load(conversions->from);
	conversions->segments = array_of_segments(conversions->terms);
	conversions->candidates = palloc((conversions->terms->count + 1) * sizeof(Candidate));
	conversions->launches = palloc((conversions->terms->count + 1) * sizeof(SSMoment));
	for (int i = 0; i < conversions->terms->count; i++)
	{
		if (is_in_range(conversions, conversions->terms->campaigns[i].launched))
			conversions->launches[i] = ss_moment(rules, conversions->terms->campaigns[i].launched);
	}
}

static SSExamples *
examples_of(const SSTraining *training, int features)
{
	Conversions conversions;
	int64 found;

	ss_exclusions_get();
	begin(&conversions, training);
	conversions.shown = true;
	if (count_examples(&conversions, &found) < SHOWN_LEAST)
	{
		conversions.shown = false;
		(void) count_examples(&conversions, &found);
	}
	make_examples(&conversions, features, found);
	if (features == SS_CONVERSION_FEATURES)
		fill_in_unknown(&conversions);
	return conversions.examples;
}

SSExamples *
ss_conversion_examples(const SSTraining *training)
{
	return examples_of(training, SS_CONVERSION_FEATURES);
}

SSExamples *
ss_offer_examples(const SSTraining *training)
{
	SSExamples *examples = examples_of(training, SS_OFFER_FEATURES);
	double mean[SS_USER_FEATURES] = {0};
	double deviation[SS_USER_FEATURES] = {0};
	double values[SS_OFFER_FEATURES];

	for (int i = 0; i < SS_USER_FEATURES && examples->train > 0; i++)
		ss_mean_and_deviation(examples, i, &mean[i], &deviation[i]);
	for (int i = 0; i < examples->count; i++)
	{
		SSLearnValue *example = ss_example(examples, i);

		for (int j = 0; j < SS_USER_FEATURES; j++)
			values[j] = example[j].value;
		ss_offer_features(examples->offer_types[i], mean, deviation, values);
		for (int j = SS_USER_FEATURES; j < SS_OFFER_FEATURES; j++)
			example[j].value = values[j];
	}
	return examples;
}
