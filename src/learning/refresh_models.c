/*
 * refresh_models.c: what is made anew each day of everybody's purchases.
 *
 * SQL entry point refresh_models, the job: queues models that have become old
 * or whose users have changed, and neighbours of merchants each time; the job
 * train_models makes them. And it counts at which hours everybody is there, asks
 * models about everybody, and sees what came to pass of what they said before.
 * Called again it does the same again, but for what is done once in a month or
 * a week. It takes the lock on figures of customers: two calls follow one another, and
 * those who erase or refuse wait for it; purchases do not.
 */
#include "postgres.h"

#include "audit/audit.h"
#include "base/locks.h"
#include "base/query.h"
#include "call/call.h"
#include "learning/horizon.h"
#include "learning/scores.h"
#include "learning/send_times.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_refresh_models);

/* One that was tried and did not come to be asked is not tried again before its time. */
SS_QUERY(
	queue_old,
	"INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed)"
	" SELECT a.model_name, (SELECT max(m.version) + 1 FROM swipesavvy.ml_models m WHERE m.model_name = a.model_name),"
	"        'queued', now(), a.seed FROM swipesavvy.ml_models a"
	"  WHERE a.status = 'active' AND a.model_name <> 'affinity' AND $1 > 0 AND a.trained_at < now() - make_interval(days => $1)"
	"    AND NOT EXISTS (SELECT FROM swipesavvy.ml_models n WHERE n.model_name = a.model_name"
	"                       AND n.queued_at > now() - make_interval(days => $1))"
	" ON CONFLICT (model_name) WHERE status IN ('queued', 'training') DO NOTHING",
	INT4OID);

SS_QUERY(queue_affinity,
		 "INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed)"
		 " SELECT 'affinity', coalesce(max(m.version), 0) + 1, 'queued', now(), 1 FROM swipesavvy.ml_models m"
		 "  WHERE m.model_name = 'affinity'"
		 " ON CONFLICT (model_name) WHERE status IN ('queued', 'training') DO NOTHING");

/*
 * refresh_models(): {"queued": …, "more": false}
 */
Datum
swipesavvy_refresh_models(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	uint64 queued;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* versions are their own record, and the rest tells of nobody */
	ss_lock_take(SS_LOCK_CUSTOMER_ANALYTICS, 0);
	queued = ss_query_write(&queue_old, (Datum[]){Int32GetDatum(ss_retrain_days())}, NULL);
	queued += ss_query_write(&queue_affinity, NULL, NULL);
	ss_send_times_refresh(ss_rules_get());
	queued += ss_scores_refresh(ss_rules_get());
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "queued", (int64) queued);
	ss_json_bool(&json, "more", false);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
