/*
 * purchase_history.h: the completed purchases of one user, in the order of time.
 */
#ifndef SS_PURCHASE_HISTORY_H
#define SS_PURCHASE_HISTORY_H

#include "postgres.h"

#include "utils/date.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "learning/local_days.h"
#include "rules/rules.h"

/* At most so many purchases of a user are looked at, the newest. */
#define SS_HISTORY_MAX 10000

typedef struct SSPast
{
	pg_uuid_t id;
	TimestampTz at;
	DateADT day;
	int32 merchant;	   /* index in merchants; -1 = none, or one that is excluded */
	int16 category;	   /* 0 = none, or of an excluded merchant */
	bool counts;	   /* in features: an amount in the programme's currency */
	bool active;	   /* not refunded as a whole */
	int32 redemptions; /* campaigns that it was awarded and that count */
	int64 amount;	   /* minor units, gross of refunds */
	int64 refunded;
} SSPast;

struct past_merchants_hash;

typedef struct SSHistory
{
	const SSRules *rules;
	SSLocalDays days;
	MemoryContext context;
	int count;
	int64 room;
	SSPast *items;
	bool has_first;
	DateADT first_day; /* of the first purchase ever that counts */
	int nmerchants;
	pg_uuid_t *merchants;
	int *stamps; /* of merchants, for counting different ones */
	int stamp;
	struct past_merchants_hash *index;
} SSHistory;

/* What a purchase is made of, as the index transactions_user has it. */
typedef struct SSPastInput
{
	pg_uuid_t id;
	TimestampTz at;
	int64 amount;
	int64 refunded;
	int16 category; /* 0 = none */
	bool in_currency;
	const pg_uuid_t *merchant; /* NULL = none */
} SSPastInput;

/* An empty history; it lives in the current memory context. ss_exclusions_get() has been called. */
extern SSHistory *ss_history_create(const SSRules *rules);

/* Makes it the empty history of another user. */
extern void ss_history_clear(SSHistory *history);

/* Adds a completed purchase that is not before the last one added. */
extern void ss_history_add(SSHistory *history, const SSPastInput *input);

/* When all have been added: only the newest of them stay. */
extern void ss_history_end(SSHistory *history);

/* The purchases of the user's redemptions that count, in the order of their ids, once for each. */
extern void ss_history_redeemed(SSHistory *history, const pg_uuid_t *ids, int count);

/*
 * Reads the purchases of a user in [from, until), by the index alone where
 * that can be done, and the day of the first one ever before `until`.
 */
extern void ss_history_read(SSHistory *history, const pg_uuid_t *user_id, TimestampTz from, TimestampTz until);

/* The same with the redemptions of these purchases. */
extern void ss_history_read_redemptions(SSHistory *history, const pg_uuid_t *user_id);

/* The number of a merchant in the history; -1 if it is not in it, or nothing is learned of it. */
extern int32 ss_history_merchant(const SSHistory *history, const pg_uuid_t *id);

/* The first item not before a moment, count if there is none. */
extern int ss_history_find(const SSHistory *history, TimestampTz moment);

/* The next purchase that counts, from number *at on and before the moment; NULL when there is none any more. */
static inline const SSPast *
ss_history_next(const SSHistory *history, TimestampTz before, int *at)
{
	while (*at < history->count && history->items[*at].at < before)
	{
		const SSPast *past = &history->items[(*at)++];

		if (past->counts)
			return past;
	}
	return NULL;
}

#endif /* SS_PURCHASE_HISTORY_H */
