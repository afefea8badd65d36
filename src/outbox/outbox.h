/*
 * outbox.h: messages for the world outside: mails, webhooks.
 */
#ifndef SS_OUTBOX_H
#define SS_OUTBOX_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

/* The channel on which commits with new messages notify, each session at most once a second. */
#define SS_OUTBOX_CHANNEL "swipesavvy_outbox"

/* How often a message is tried, whoever delivers it, and the seconds until it is tried again, the first time and at most. */
#define SS_OUTBOX_ATTEMPTS_MAX		15
#define SS_OUTBOX_ATTEMPTS_MAX_TEXT CppAsString2(SS_OUTBOX_ATTEMPTS_MAX)
#define SS_OUTBOX_BACK_OFF_FIRST	10
#define SS_OUTBOX_BACK_OFF_MAX		3600

/*
 * Adds a message in the present transaction, for each sink that wants it or
 * else for claim_outbox(), with the owner's rights and SPI connected (after
 * ss_call_enter). `event` is a name of doc/events.md such as
 * "user.password_reset"; `order_key` (NULL = none) makes messages of one key
 * follow one another; `body` is an object, documented and versioned there;
 * `secret` (NULL = none) is handed out with it and gone once it is delivered.
 */
extern void ss_outbox_put(const char *event, int version, const char *order_key, Jsonb *body, Jsonb *secret);

/*
 * Adds it for one sink, whatever that asks for, or with NULL for
 * claim_outbox(), and notifies nobody. Returns its id.
 */
extern pg_uuid_t *ss_outbox_put_for(const char *sink, const char *event, int version, const char *order_key,
									Jsonb *body, Jsonb *secret);

/* Deletes the secrets of those of these messages (an array of ids) that are delivered. */
extern void ss_outbox_forget_secrets(Datum ids);

/* Is message `m` of a query neither delivered nor given up? And is it for claim_outbox(), too? For a sink: SS_SINK_IS_OPEN. */
#define SS_OUTBOX_IS_OPEN(m)	  m ".delivered_at IS NULL AND " m ".dead_at IS NULL"
#define SS_OUTBOX_IS_CLAIMABLE(m) SS_OUTBOX_IS_OPEN(m) " AND " m ".sink IS NULL"

/* The secret of message `m` of a query. */
#define SS_OUTBOX_SECRET(m)                                                                                            \
	"(SELECT k.secret FROM swipesavvy_private.outbox_secrets k WHERE k.message_id = " m ".message_id)"

/* This commit has messages for claim_outbox(); ss_outbox_put sees to it by itself. */
extern void ss_outbox_notify(void);

/* Called by _PG_init. */
extern void ss_outbox_init(void);

#endif /* SS_OUTBOX_H */
