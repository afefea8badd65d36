/*
 * referred_emails.c: one referral bonus for one address (referred_emails.h).
 *
 * Called by users.c and erase_user.c. While a user has an address nobody else
 * can. What is kept when it leaves is a digest with a secret salt: it tells
 * whether an address comes back, and names nobody. The salt is made when the
 * first is kept. Locks nothing but what it inserts.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/query.h"
#include "users/referred_emails.h"

SS_QUERY(make_salt, "INSERT INTO swipesavvy_private.referral_salts (salt)"
					" SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())"
					"  WHERE NOT EXISTS (SELECT FROM swipesavvy_private.referral_salts)"
					" ON CONFLICT DO NOTHING");

SS_QUERY(keep_email,
		 "INSERT INTO swipesavvy_private.referred_emails (email_digest)"
		 " SELECT sha256(s.salt || swipesavvy.email_key(u.email))"
		 "   FROM swipesavvy.users u JOIN swipesavvy.reward_accounts r ON r.user_id = u.user_id"
		 "  CROSS JOIN swipesavvy_private.referral_salts s"
		 "  WHERE u.user_id = $1 AND u.referred_by IS NOT NULL AND r.referral_for IS NULL AND u.erased_at IS NULL"
		 " ON CONFLICT DO NOTHING",
		 UUIDOID);

SS_QUERY(find_email,
		 "SELECT FROM swipesavvy_private.referral_salts s JOIN swipesavvy_private.referred_emails e"
		 "    ON e.email_digest = sha256(s.salt || swipesavvy.email_key($1))",
		 TEXTOID);

void
ss_referred_emails_keep(const pg_uuid_t *user_id)
{
	Datum id = UUIDPGetDatum(user_id);

	(void) ss_query_latest(&make_salt, NULL, NULL);
	(void) ss_query_latest(&keep_email, &id, NULL);
}

bool
ss_referred_emails_has(const char *email)
{
	Datum value = CStringGetTextDatum(email);

	return ss_query_latest(&find_email, &value, NULL) > 0;
}
