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

#include "miscadmin.h"

#include "base/query.h"
#include "base/uuid.h"
#include "learning/examples.h"
#include "learning/exclusions.h"
#include "learning/features.h"

#define BLOCKS	   6
#define ROWS_AHEAD 1000

SS_QUERY(
	select_purchases,
	"SELECT t.user_id, t.occurred_at, t.transaction_id, t.amount_minor, t.refunded_minor, t.category_no, t.currency::text,"
	"       t.merchant_id"
	"  FROM swipesavvy.transactions t JOIN swipesavvy.users u ON u.user_id = t.user_id"
	" WHERE t.status = 'completed' AND t.occurred_at < $1 AND u.role = 'customer' AND u.erased_at IS NULL"
	"   AND NOT EXISTS (SELECT FROM swipesavvy.ml_profiling_refusals p WHERE p.user_id = t.user_id)"
	" ORDER BY t.user_id, t.occurred_at, t.transaction_id",
	TIMESTAMPTZOID);

SS_QUERY(select_redemptions, "SELECT r.user_id, r.transaction_id FROM swipesavvy.campaign_redemptions r WHERE r.counts"
							 " ORDER BY r.user_id, r.transaction_id");

/* Rows that are read one by one, some ahead. */
typedef struct Stream
{
	Portal cursor; /* NULL: they have come to their end */
	SSRows rows;
	uint64 next;
} Stream;

/* Both streams, where they have come to. */
typedef struct Pass
{
	const SSTraining *training;
	Stream purchases;
	Stream redemptions;
	bool has_row; /* a purchase that has been read and not used yet */
	pg_uuid_t user_id;
	SSPastInput row;
	pg_uuid_t row_merchant;
	bool has_redemption;
	pg_uuid_t redeemer;
	pg_uuid_t redeemed;
	pg_uuid_t *ids; /* of the user's redemptions */
	uint64 nids;
	uint64 ids_room;
	SSHistory *history;
} Pass;

/* --- streams ---------------------------------------------------------------------------------- */

static bool
next_row(Stream *stream, SSRow *row)
{
	if (stream->cursor == NULL)
		return false;
	if (stream->next == stream->rows.count)
	{
		if (stream->rows.table != NULL)
			ss_rows_free(&stream->rows);
		stream->rows = ss_rows_fetch(stream->cursor, ROWS_AHEAD);
		stream->next = 0;
		if (stream->rows.count == 0)
		{
			stream->cursor = NULL;
			return false;
		}
	}
	*row = ss_row(stream->rows, stream->next++);
	return true;
}

/* Reads the purchase that comes next. */
static void
read_purchase(Pass *pass)
{
	const char *currency = pass->training->rules->settings.currency;
	const pg_uuid_t *merchant;
	char *of;
	SSRow row;

	pass->has_row = next_row(&pass->purchases, &row);
	if (!pass->has_row)
		return;
	pass->user_id = *ss_next_uuid(&row);
	pass->row.at = ss_next_time(&row);
	pass->row.id = *ss_next_uuid(&row);
	pass->row.amount = ss_next_int64(&row);
	pass->row.refunded = ss_next_int64(&row);
	pass->row.category = ss_next_int16_or(&row, 0);
	of = ss_next_text(&row);
	pass->row.in_currency = strcmp(of, currency) == 0;
	pfree(of);
	merchant = ss_next_uuid_or_null(&row);
	pass->row.merchant = NULL;
	if (merchant != NULL)
	{
		pass->row_merchant = *merchant;
		pass->row.merchant = &pass->row_merchant;
	}
}

static void
read_redemption(Pass *pass)
{
	SSRow row;

	pass->has_redemption = next_row(&pass->redemptions, &row);
	if (!pass->has_redemption)
		return;
	pass->redeemer = *ss_next_uuid(&row);
	pass->redeemed = *ss_next_uuid(&row);
}

/* Gathers the user's redemptions, past those of users before. */
static void
read_redemptions(Pass *pass, const pg_uuid_t *user_id)
{
	pass->nids = 0;
	while (pass->has_redemption && ss_uuid_compare(&pass->redeemer, user_id) <= 0)
	{
		if (ss_uuid_equal(&pass->redeemer, user_id))
		{
			if (pass->nids == pass->ids_room)
			{
				pass->ids_room *= 2;
				pass->ids = repalloc_huge(pass->ids, pass->ids_room * sizeof(pg_uuid_t));
			}
			pass->ids[pass->nids++] = pass->redeemed;
		}
		read_redemption(pass);
	}
}

static void
begin_pass(Pass *pass, const SSTraining *training, bool redemptions)
{
	Datum as_of = TimestampTzGetDatum(training->as_of);

	memset(pass, 0, sizeof(Pass));
	pass->training = training;
	pass->history = ss_history_create(training->rules);
	pass->ids_room = 64;
	pass->ids = palloc(pass->ids_room * sizeof(pg_uuid_t));
	pass->purchases.cursor = ss_query_open(&select_purchases, &as_of, NULL);
	read_purchase(pass);
	if (!redemptions)
		return;
	pass->redemptions.cursor = ss_query_open(&select_redemptions, NULL, NULL);
	read_redemption(pass);
}

/* Makes the history that of the next user; false at the end. */
static bool
next_user(Pass *pass, pg_uuid_t *user_id)
{
	if (!pass->has_row)
		return false;
	pass->training->check();
	*user_id = pass->user_id;
	ss_history_clear(pass->history);
	while (pass->has_row && ss_uuid_equal(&pass->user_id, user_id))
	{
		ss_history_add(pass->history, &pass->row);
		read_purchase(pass);
	}
	ss_history_end(pass->history);
	read_redemptions(pass, user_id);
	ss_history_redeemed(pass->history, pass->ids, (int) pass->nids);
	return true;
}

static void
end_pass(Pass *pass)
{
	if (pass->redemptions.cursor != NULL)
		SPI_cursor_close(pass->redemptions.cursor);
	if (pass->redemptions.rows.table != NULL)
		ss_rows_free(&pass->redemptions.rows);
}

/* --- examples --------------------------------------------------------------------------------- */

/* Has the user made no purchase from the moment on, before `until`, that was not refunded as a whole? */
static bool
has_churned(const SSHistory *history, TimestampTz from, TimestampTz until)
{
	for (int i = ss_history_find(history, from); i < history->count && history->items[i].at < until; i++)
	{
		if (history->items[i].active)
			return false;
	}
	return true;
}

static void
add_examples(SSExamples *examples, const SSTraining *training, const pg_uuid_t *user_id, SSHistory *history,
			 const SSMoment *moments)
{
	for (int block = BLOCKS; block >= 1; block--)
	{
		double values[SS_USER_FEATURES];
		SSLearnValue *example;

		if (!ss_features(history, &moments[block], values))
			continue;
		example = ss_examples_add(examples, training, user_id, block,
								  has_churned(history, moments[block].at, moments[block - 1].at));
		for (int i = 0; i < SS_USER_FEATURES; i++)
			example[i].value = values[i];
	}
}

static int64
count_examples(const SSTraining *training, const SSMoment *moments)
{
	int64 found = 0;
	pg_uuid_t user_id;
	Pass pass;

	begin_pass(&pass, training, false);
	while (next_user(&pass, &user_id))
	{
		for (int block = BLOCKS; block >= 1; block--)
			found += ss_features_eligible(pass.history, &moments[block]);
	}
	end_pass(&pass);
	return found;
}

SSExamples *
ss_churn_examples(const SSTraining *training)
{
	const SSRules *rules = training->rules;
	DateADT today = ss_rules_day(rules, training->as_of);
	SSTraining until_today = *training;
	SSMoment moments[BLOCKS + 1];
	SSExamples *examples;
	pg_uuid_t user_id;
	Pass pass;

	ss_exclusions_get();
	ss_query_keep_order();
	for (int block = 0; block <= BLOCKS; block++)
		moments[block] = ss_moment(rules, ss_rules_day_start(rules, today - block * training->horizon));
	until_today.as_of = moments[0].at;
	examples = ss_examples_create(SS_USER_FEATURES, count_examples(&until_today, moments));
	begin_pass(&pass, &until_today, true);
	while (next_user(&pass, &user_id))
	{
		if (ss_examples_keep(examples, training, &user_id))
			add_examples(examples, training, &user_id, pass.history, moments);
	}
	end_pass(&pass);
	ss_examples_end(examples);
	return examples;
}
