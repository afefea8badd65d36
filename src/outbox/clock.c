/*
 * clock.c: what a clock that was ahead has left in the outbox (clock.h).
 *
 * Called by each claim. A message that was never tried is due from the moment
 * it was put there; one that was claimed or has failed waits for LONGEST at
 * most. So a message that is due later was put there, or tried, by a clock that
 * was ahead. One that a claim finds so is due now; at worst it is tried sooner
 * than it would have been, or by a second deliverer: at least once is what is
 * promised. Whether to look at all is told by the newest id, which has the time
 * when it was made, and by the message that is due last. Rows that others have
 * locked are left to the next claim.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/back_off.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "outbox/clock.h"
#include "outbox/outbox.h"

#define SLACK USECS_PER_SEC /* ids of a session ascend, be there ever so many in a moment */

/* A lease, or the longest back-off and a quarter of it */
#define LONGEST "make_interval(secs => " CppAsString2(SS_OUTBOX_BACK_OFF_MAX) " * " SS_BACK_OFF_SPREAD_MAX ")"

/* $1 now, $2 the least id of later; the end of an index each */
#define NEWEST_IS_AHEAD                                                                                                \
	"coalesce((SELECT m.message_id FROM swipesavvy.outbox m ORDER BY m.message_id DESC LIMIT 1) > $2, false)"

SS_QUERY(was_ahead,
		 "SELECT " NEWEST_IS_AHEAD " OR coalesce((SELECT m.due_at FROM swipesavvy.outbox m WHERE " SS_OUTBOX_IS_OPEN(
			 "m") " AND m.sink IS NULL"
				  "               ORDER BY m.due_at DESC, m.message_id DESC LIMIT 1) > $1 + " LONGEST ", false)",
		 TIMESTAMPTZOID, UUIDOID);
SS_QUERY(was_ahead_for_sinks,
		 "SELECT " NEWEST_IS_AHEAD " OR EXISTS (SELECT FROM swipesavvy.sinks s"
		 "             WHERE (SELECT m.due_at FROM swipesavvy.outbox m WHERE " SS_OUTBOX_IS_OPEN(
			 "m") " AND m.sink = s.sink AND m.sink IS NOT NULL"
				  "                     ORDER BY m.sink DESC, m.due_at DESC, m.message_id DESC LIMIT 1) > $1 + " LONGEST
				  ")",
		 TIMESTAMPTZOID, UUIDOID);

/* $1 now. What the worker has on its way stays there. */
#define SET_RIGHT(which)                                                                                               \
	"UPDATE swipesavvy.outbox m SET due_at = $1 FROM"                                                                  \
	" (SELECT o.message_id FROM swipesavvy.outbox o WHERE " SS_OUTBOX_IS_OPEN(                                         \
		"o") " AND o.sink " which                                                                                      \
			 "     AND o.due_at > $1 AND NOT o.leased AND (o.attempts = 0 OR o.due_at > $1 + " LONGEST ")"             \
			 "   FOR NO KEY UPDATE SKIP LOCKED) l WHERE m.message_id = l.message_id"

SS_QUERY(set_right, SET_RIGHT("IS NULL"), TIMESTAMPTZOID);
SS_QUERY(set_right_for_sinks, SET_RIGHT("IS NOT NULL"), TIMESTAMPTZOID);

/* Whatever has a sink left alone is a failure, which has a time. */
SS_QUERY(set_sinks_right,
		 "UPDATE swipesavvy.sink_states SET not_before = NULL WHERE not_before > $1 AND last_failure_at > $1",
		 TIMESTAMPTZOID);

static void
set_messages_right(TimestampTz now, SSQuery *ahead, SSQuery *set)
{
	pg_uuid_t later;
	Datum values[2] = {TimestampTzGetDatum(now)};

	ss_uuid7_least(&later, now + SLACK);
	values[1] = UUIDPGetDatum(&later);
	if (ss_one_bool(ss_rows_write(ahead, values, NULL)))
		(void) ss_query_write(set, values, NULL);
}

void
ss_outbox_set_right(TimestampTz now)
{
	set_messages_right(now, &was_ahead, &set_right);
}

void
ss_outbox_set_sinks_right(TimestampTz now)
{
	Datum value = TimestampTzGetDatum(now);

	(void) ss_query_write(&set_sinks_right, &value, NULL);
	set_messages_right(now, &was_ahead_for_sinks, &set_right_for_sinks);
}
