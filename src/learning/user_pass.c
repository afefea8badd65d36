/*
 * user_pass.c: goes through what users have done (user_pass.h).
 *
 * Called by whatever makes examples. Each kind of row is read from a cursor of
 * its own in the order of users, and the streams are merged here: nothing that
 * is stored is held but one user's. All of it under one snapshot; no locks.
 */
#include "postgres.h"

#include "base/array.h"
#include "base/query.h"
#include "base/uuid.h"
#include "learning/user_pass.h"

#define ROWS_AHEAD 1000

/* Whoever may be learned of. */
#define OF_USERS(rows)                                                                                                 \
	" JOIN swipesavvy.users u ON u.user_id = " rows ".user_id AND u.role = 'customer' AND u.erased_at IS NULL"         \
	"  AND NOT EXISTS (SELECT FROM swipesavvy.ml_profiling_refusals p WHERE p.user_id = " rows ".user_id)"

SS_QUERY(select_purchases,
		 "SELECT t.user_id, t.occurred_at, t.transaction_id, t.amount_minor, t.refunded_minor, t.category_no,"
		 "       t.currency::text, t.merchant_id"
		 "  FROM swipesavvy.transactions t" OF_USERS("t") " WHERE t.status = 'completed' AND t.occurred_at < $1"
														  " ORDER BY t.user_id, t.occurred_at, t.transaction_id",
		 TIMESTAMPTZOID);

SS_QUERY(select_redemptions, "SELECT r.user_id, r.transaction_id FROM swipesavvy.campaign_redemptions r WHERE r.counts"
							 " ORDER BY r.user_id, r.transaction_id");

SS_QUERY(select_redeemed,
		 "SELECT r.user_id, t.occurred_at, r.campaign_no FROM swipesavvy.campaign_redemptions r"
		 "  JOIN swipesavvy.transactions t ON t.user_id = r.user_id AND t.transaction_id = r.transaction_id"
		 " WHERE r.counts AND t.occurred_at < $1 ORDER BY r.user_id, t.occurred_at, r.campaign_no",
		 TIMESTAMPTZOID);

SS_QUERY(select_shown,
		 "SELECT e.user_id, e.occurred_at, e.campaign_no"
		 "  FROM swipesavvy.campaign_events e" OF_USERS("e") " WHERE e.kind IN ('impression', 'view', 'click')"
															 "   AND e.occurred_at < $1"
															 " ORDER BY e.user_id, e.occurred_at, e.campaign_no",
		 TIMESTAMPTZOID);

SS_QUERY(select_members,
		 "SELECT m.user_id, m.segment_no, m.added_at FROM swipesavvy.segment_members m WHERE m.segment_no = ANY ($1)"
		 " ORDER BY m.user_id",
		 INT4ARRAYOID);

/* --- streams ---------------------------------------------------------------------------------- */

/* Reads the user of the row that comes next; the last one has been used. */
static void
advance(SSUserStream *stream)
{
	stream->has_row = false;
	if (stream->cursor == NULL)
		return;
	if (stream->next == stream->rows.count)
	{
		if (stream->rows.table != NULL)
			ss_rows_free(&stream->rows);
		stream->rows = ss_rows_fetch(stream->cursor, ROWS_AHEAD);
		stream->next = 0;
		if (stream->rows.count == 0)
		{
			stream->cursor = NULL;
			return;
		}
	}
	stream->row = ss_row(stream->rows, stream->next++);
	stream->user_id = *ss_next_uuid(&stream->row);
	stream->has_row = true;
}

static void
begin_stream(SSUserStream *stream, SSQuery *query, Datum value)
{
	stream->cursor = ss_query_open(query, &value, NULL);
	advance(stream);
}

/* What a row of the user whose turn it is comes to. */
typedef void (*UseRow)(SSUserPass *pass, SSRow *row);

/* Uses the rows of the user, and goes past those of users before. */
static void
use_rows(SSUserPass *pass, SSUserStream *stream, UseRow use)
{
	while (stream->has_row)
	{
		int order = ss_uuid_compare(&stream->user_id, &pass->user_id);

		if (order > 0)
			return;
		if (order == 0)
			use(pass, &stream->row);
		advance(stream);
	}
}

/* --- rows --------------------------------------------------------------------------------------- */

static void
use_purchase(SSUserPass *pass, SSRow *row)
{
	SSPastInput input;
	char *currency;

	input.at = ss_next_time(row);
	input.id = *ss_next_uuid(row);
	input.amount = ss_next_int64(row);
	input.refunded = ss_next_int64(row);
	input.category = ss_next_int16_or(row, 0);
	currency = ss_next_text(row);
	input.in_currency = strcmp(currency, pass->training->rules->settings.currency) == 0;
	pfree(currency);
	input.merchant = ss_next_uuid_or_null(row);
	ss_history_add(pass->history, &input);
}

static void
use_redemption(SSUserPass *pass, SSRow *row)
{
	pass->ids = ss_array_reserve(pass->ids, &pass->ids_room, pass->nids + 1, sizeof(pg_uuid_t));
	pass->ids[pass->nids++] = *ss_next_uuid(row);
}

static SSResponses
make_responses(void)
{
	return (SSResponses){0, palloc(2 * SS_RESPONSES_MAX * sizeof(SSResponse))};
}

/* Of twice as many as are looked at the older half goes. */
static void
add_response(SSResponses *responses, SSResponse response)
{
	if (responses->count == 2 * SS_RESPONSES_MAX)
	{
		memmove(responses->items, responses->items + SS_RESPONSES_MAX, SS_RESPONSES_MAX * sizeof(SSResponse));
		responses->count = SS_RESPONSES_MAX;
	}
	responses->items[responses->count++] = response;
}

/* When all have been added: only the newest stay. */
static void
end_responses(SSResponses *responses)
{
	int surplus = responses->count - SS_RESPONSES_MAX;

	if (surplus <= 0)
		return;
	memmove(responses->items, responses->items + surplus, SS_RESPONSES_MAX * sizeof(SSResponse));
	responses->count = SS_RESPONSES_MAX;
}

static SSResponse
next_response(SSRow *row)
{
	SSResponse response;

	response.at = ss_next_time(row);
	response.campaign_no = ss_next_int32(row);
	return response;
}

static void
use_redeemed(SSUserPass *pass, SSRow *row)
{
	add_response(&pass->redeemed, next_response(row));
}

static void
use_shown(SSUserPass *pass, SSRow *row)
{
	SSResponses *first = &pass->first_shown;
	SSResponse response = next_response(row);

	add_response(&pass->shown, response);
	for (int i = 0; i < first->count; i++)
	{
		if (first->items[i].campaign_no == response.campaign_no)
			return;
	}
	first->items = ss_array_grow(first->items, first->count, sizeof(SSResponse));
	first->items[first->count++] = response;
}

static void
use_member(SSUserPass *pass, SSRow *row)
{
	SSMembership membership;

	membership.segment_no = ss_next_int32(row);
	membership.added_at = ss_next_time(row);
	pass->memberships = ss_array_grow(pass->memberships, pass->nmemberships, sizeof(SSMembership));
	pass->memberships[pass->nmemberships++] = membership;
}

/* --- the pass ------------------------------------------------------------------------------------- */

void
ss_user_pass_begin(SSUserPass *pass, const SSTraining *training, int what, TimestampTz until, Datum segments)
{
	Datum before = TimestampTzGetDatum(until);

	memset(pass, 0, sizeof(SSUserPass));
	pass->training = training;
	pass->history = ss_history_create(training->rules);
	pass->ids = ss_array_reserve(NULL, &pass->ids_room, 64, sizeof(pg_uuid_t));
	if ((what & SS_PASS_PURCHASES) != 0)
		begin_stream(&pass->purchases, &select_purchases, before);
	if ((what & SS_PASS_REDEMPTIONS) != 0)
		begin_stream(&pass->redemptions, &select_redemptions, 0);
	if ((what & SS_PASS_REDEEMED) != 0)
	{
		pass->redeemed = make_responses();
		begin_stream(&pass->redeeming, &select_redeemed, before);
	}
	if ((what & SS_PASS_SHOWN) != 0)
	{
		pass->shown = make_responses();
		begin_stream(&pass->showing, &select_shown, before);
	}
	if ((what & SS_PASS_MEMBERS) != 0)
		begin_stream(&pass->members, &select_members, segments);
}

bool
ss_user_pass_next(SSUserPass *pass, bool shown)
{
	const SSUserStream *leading = shown ? &pass->showing : &pass->purchases;

	if (!leading->has_row)
		return false;
	pass->training->check();
	pass->user_id = leading->user_id;
	ss_history_clear(pass->history);
	use_rows(pass, &pass->purchases, use_purchase);
	ss_history_end(pass->history);
	pass->nids = 0;
	use_rows(pass, &pass->redemptions, use_redemption);
	ss_history_redeemed(pass->history, pass->ids, (int) pass->nids);
	pass->redeemed.count = pass->shown.count = pass->first_shown.count = pass->nmemberships = 0;
	use_rows(pass, &pass->redeeming, use_redeemed);
	end_responses(&pass->redeemed);
	use_rows(pass, &pass->showing, use_shown);
	end_responses(&pass->shown);
	use_rows(pass, &pass->members, use_member);
	return true;
}

static void
end_stream(SSUserStream *stream)
{
	if (stream->cursor != NULL)
		SPI_cursor_close(stream->cursor);
	if (stream->rows.table != NULL)
		ss_rows_free(&stream->rows);
}

void
ss_user_pass_end(SSUserPass *pass)
{
	end_stream(&pass->purchases);
	end_stream(&pass->redemptions);
	end_stream(&pass->redeeming);
	end_stream(&pass->showing);
	end_stream(&pass->members);
}

int64
ss_responses_to_others(const SSResponses *responses, int32 campaign_no, TimestampTz from, TimestampTz until)
{
	int64 count = 0;

	for (int i = 0; i < responses->count; i++)
	{
		const SSResponse *response = &responses->items[i];

		count += response->campaign_no != campaign_no && response->at >= from && response->at < until;
	}
	return count;
}
