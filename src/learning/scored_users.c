/*
 * scored_users.c: the users who are most likely to use a campaign
 * (scored_users.h).
 *
 * Called by get_recommendations. Reads what the job has written, under one
 * snapshot; no locks.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/errors.h"
#include "base/query.h"
#include "call/refusal.h"
#include "campaigns/campaigns.h"
#include "learning/model.h"
#include "learning/scored_users.h"

SS_QUERY(
	find_scored,
	"SELECT s.as_of, s.users, s.version FROM swipesavvy.ml_scored s WHERE s.model_name = $1 AND s.campaign_no = $2",
	TEXTOID, INT4OID);

SS_QUERY(
	list_scored,
	"SELECT s.user_id, s.probability, CASE WHEN s.probability >= round(m.threshold::numeric, 6) THEN 'high'"
	"            WHEN s.probability >= round(m.threshold::numeric / 2, 6) THEN 'medium' ELSE 'low' END AS level"
	"  FROM swipesavvy.ml_scores s JOIN swipesavvy.ml_models m ON m.model_name = s.model_name AND m.version = s.version"
	" WHERE s.model_name = $1 AND s.campaign_no = $2 ORDER BY s.probability DESC, s.user_id LIMIT $3",
	TEXTOID, INT4OID, INT4OID);

void
ss_scored_users_add(SSCall *call, SSJson *json, const char *campaign_id, int limit)
{
	Datum values[3];
	SSRows rows;

	if (!ss_call_has(call, SS_BACKEND | SS_ANALYTICS | SS_ADMIN))
		ss_not_allowed("permission denied", "Customers are not shown who uses a campaign.");
	values[0] = CStringGetTextDatum(SS_MODEL_CONVERSION);
	values[1] = Int32GetDatum(ss_campaign_find(campaign_id));
	values[2] = Int32GetDatum(limit);
	if (DatumGetInt32(values[1]) == 0)
		ss_not_found("campaign", campaign_id);
	if (ss_model_active(SS_MODEL_CONVERSION) == NULL)
		ss_model_refuse_none(SS_MODEL_CONVERSION);
	ss_json_text(json, "campaign_id", campaign_id);
	rows = ss_rows_read(&find_scored, values, NULL);
	if (rows.count == 0)
	{
		ss_json_null(json, "as_of");
		ss_json_int(json, "eligible_users", 0);
	}
	else
	{
		SSRow row = ss_row(rows, 0);

		ss_json_time(json, "as_of", ss_next_time(&row));
		ss_json_int(json, "eligible_users", ss_next_int64(&row));
	}
	(void) ss_query_read(&list_scored, values, NULL);
	ss_json_rows(json, "users");
}
