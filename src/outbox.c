/*
 * outbox.c: puts messages for the world outside into the table outbox.
 *
 * ss_outbox_put is called by the domains, in the transaction that causes the
 * message. Nothing is locked. A commit with messages notifies the channel once,
 * whatever their number; it is asked for just before the commit, so that a
 * transaction with messages can be prepared (it then notifies nobody, and the
 * next poll finds them). Commits that notify wait for one another, so a session
 * does it at most once a second: purchases that change a tier, refunds and
 * redemptions would lose their group commit.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/async.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "outbox.h"
#include "query.h"
#include "uuid7.h"

#define NOTIFY_INTERVAL 1000	/* milliseconds */

/* This transaction has messages; means nothing once it has ended. */
static bool has_messages = false;
static TimestampTz last_notified = 0;

static SSQuery insert_message = {
	"INSERT INTO swipesavvy.outbox (message_id, event, version, order_key, body, secret)"
	" VALUES ($1, $2, $3, $4, $5, $6)", 6, {UUIDOID, TEXTOID, INT4OID, TEXTOID, JSONBOID, JSONBOID}, NULL};

void
ss_outbox_put(const char *event, int version, const char *order_key, Jsonb *body, Jsonb *secret)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	ss_param_pointer(values, nulls, 0, ss_uuid7_new());
	ss_param_text(values, nulls, 1, event);
	values[2] = Int32GetDatum(version);
	ss_param_text(values, nulls, 3, order_key);
	ss_param_pointer(values, nulls, 4, body);
	ss_param_pointer(values, nulls, 5, secret);
	(void) ss_query_write(&insert_message, values, nulls);
	ss_outbox_notify();
}

void
ss_outbox_notify(void)
{
	has_messages = true;
}

static void
notify_at_commit(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT && has_messages &&
		TimestampDifferenceExceeds(last_notified, GetCurrentTimestamp(), NOTIFY_INTERVAL))
	{
		Async_Notify(SS_OUTBOX_CHANNEL, NULL);
		last_notified = GetCurrentTimestamp();
	}
	if (event != XACT_EVENT_PARALLEL_PRE_COMMIT)
		has_messages = false;
}

void
ss_outbox_init(void)
{
	RegisterXactCallback(notify_at_commit, NULL);
}
