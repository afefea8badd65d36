/*
 * outbox.c: puts messages for the world outside into the table outbox.
 *
 * ss_outbox_put is called by the domains, in the transaction that causes the
 * message. Each sink that wants it gets a row of its own; a message that no sink
 * wants is for claim_outbox(). Nothing is locked, the sinks neither: a row may
 * be for one that is gone by then (see apply_outbox_retention).
 *
 * A commit with messages for claim_outbox() notifies the channel once, whatever
 * their number; it is asked for just before the commit, so that a transaction
 * with messages can be prepared (it then notifies nobody, and the next poll
 * finds them). Commits that notify wait for one another, so a session does it
 * at most once a second: purchases that change a tier, refunds and redemptions
 * would lose their group commit. What is for sinks notifies nobody: their
 * worker looks each second.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/async.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/query.h"
#include "base/uuid7.h"
#include "outbox/outbox.h"
#include "outbox/sinks.h"

#define NOTIFY_INTERVAL 1000 /* milliseconds */
#define PATTERNS_MAX	8

/* This transaction has messages; means nothing once it has ended. */
static bool has_messages = false;
static TimestampTz last_notified = 0;

SS_QUERY(insert_message,
		 "INSERT INTO swipesavvy.outbox (message_id, event, version, order_key, body, sink)"
		 " VALUES ($1, $2, $3, $4, $5, $6)",
		 UUIDOID, TEXTOID, INT4OID, TEXTOID, JSONBOID, TEXTOID);

SS_QUERY(insert_secret, "INSERT INTO swipesavvy_private.outbox_secrets (message_id, secret) VALUES ($1, $2)", UUIDOID,
		 JSONBOID);

SS_QUERY(delete_secrets,
		 "DELETE FROM swipesavvy_private.outbox_secrets k USING swipesavvy.outbox m"
		 " WHERE k.message_id = ANY ($1) AND m.message_id = k.message_id AND m.delivered_at IS NOT NULL",
		 UUIDARRAYOID);

/* $1: the event and whatever stands for it */
SS_QUERY(find_sinks, "SELECT s.sink FROM swipesavvy.sinks s WHERE s.events && $1 ORDER BY s.sink", TEXTARRAYOID);

/* All patterns that an event fits: "*", "user.*", "user.created". */
static Datum
patterns_of(const char *event)
{
	Datum patterns[PATTERNS_MAX];
	int count = 0;

	patterns[count++] = CStringGetTextDatum("*");
	patterns[count++] = CStringGetTextDatum(event);
	for (const char *dot = strchr(event, '.'); dot != NULL && count < PATTERNS_MAX; dot = strchr(dot + 1, '.'))
		patterns[count++] = CStringGetTextDatum(psprintf("%.*s*", (int) (dot + 1 - event), event));
	return PointerGetDatum(construct_array(patterns, count, TEXTOID, -1, false, TYPALIGN_INT));
}

pg_uuid_t *
ss_outbox_put_for(const char *sink, const char *event, int version, const char *order_key, Jsonb *body, Jsonb *secret)
{
	Datum values[6];
	bool nulls[6] = {false};
	pg_uuid_t *id = ss_uuid7_new();

	ss_param_pointer(values, nulls, 0, id);
	ss_param_text(values, nulls, 1, event);
	values[2] = Int32GetDatum(version);
	ss_param_text(values, nulls, 3, order_key);
	ss_param_pointer(values, nulls, 4, body);
	ss_param_text(values, nulls, 5, sink);
	(void) ss_query_write(&insert_message, values, nulls);
	if (secret != NULL)
	{
		values[1] = JsonbPGetDatum(secret);
		(void) ss_query_write(&insert_secret, values, NULL);
	}
	return id;
}

void
ss_outbox_forget_secrets(Datum ids)
{
	(void) ss_query_write(&delete_secrets, &ids, NULL);
}

void
ss_outbox_put(const char *event, int version, const char *order_key, Jsonb *body, Jsonb *secret)
{
	SSRows sinks = {NULL, 0};

	if (ss_sinks_exist())
	{
		Datum patterns = patterns_of(event);

		sinks = ss_rows_latest(&find_sinks, &patterns, NULL);
	}
	if (sinks.count == 0)
	{
		(void) ss_outbox_put_for(NULL, event, version, order_key, body, secret);
		ss_outbox_notify();
		return;
	}
	for (uint64 i = 0; i < sinks.count; i++)
	{
		SSRow row = ss_row(sinks, i);

		(void) ss_outbox_put_for(ss_next_text(&row), event, version, order_key, body, secret);
	}
}

void
ss_outbox_notify(void)
{
	has_messages = true;
}

static void
notify_at_commit(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT && has_messages)
	{
		TimestampTz now = GetCurrentTimestamp();

		/* a clock that was set back is no reason to be silent */
		if (now < last_notified || TimestampDifferenceExceeds(last_notified, now, NOTIFY_INTERVAL))
		{
			Async_Notify(SS_OUTBOX_CHANNEL, NULL);
			last_notified = now;
		}
	}
	if (event != XACT_EVENT_PARALLEL_PRE_COMMIT)
		has_messages = false;
}

void
ss_outbox_init(void)
{
	RegisterXactCallback(notify_at_commit, NULL);
}
