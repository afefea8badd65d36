/*
 * users.h: what other domains need of users.
 */
#ifndef SS_USERS_H
#define SS_USERS_H

#include "postgres.h"

#include "utils/uuid.h"

/* What a user may be, as NULL-terminated lists. */
extern const char *const ss_users_roles[];
extern const char *const ss_users_statuses[];

/*
 * What user u with reward account r has spent, in major units of the currency
 * $2 with $3 decimal places. The account's own sum is in one currency; after a
 * change of the programme's the purchases are added up.
 */
#define SS_USERS_SPENT_SQL                                                                                             \
	"swipesavvy.minor_to_major("                                                                                       \
	"    CASE WHEN r.spent_currency = $2 THEN r.spent_minor"                                                           \
	"         ELSE (SELECT coalesce(sum(t.amount_minor - t.refunded_minor), 0)::bigint"                                \
	"                 FROM swipesavvy.transactions t"                                                                  \
	"                WHERE t.user_id = u.user_id AND t.status = 'completed' AND t.currency = $2) END, $3)"

/* PT404 when there is no such user. For readers. */
extern void ss_users_require(const pg_uuid_t *user_id);

/*
 * Locks the user's reward account, as everything does that a purchase of the
 * user must not overlap; PT404 when there is no such user.
 */
extern void ss_users_lock(const pg_uuid_t *user_id);

/*
 * Were the data of this user erased? The user's row is shared until the end of the transaction, so that they are not
 * meanwhile. False for an id that is no user yet.
 */
extern bool ss_users_is_erased(const pg_uuid_t *user_id);

/* PT400 when the user's data were erased: nothing is added to them. Under a lock on the user or its reward account. */
extern void ss_users_refuse_erased(const pg_uuid_t *user_id);

#endif /* SS_USERS_H */
