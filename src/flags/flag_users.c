/*
 * flag_users.c: what a flag gives every user, in one pass.
 *
 * SQL entry point flag_users. Reads users joined to what the flag's rules name,
 * and nothing else of them, from one snapshot; rows go to a tuplestore, which
 * spills to disk. No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/args.h"
#include "base/query.h"
#include "flags/flag_call.h"
#include "flags/usage.h"

PG_FUNCTION_INFO_V1(swipesavvy_flag_users);

/* In the order of SS_FLAG_USER and the columns after it. */
#define NO_COLUMNS	 ", NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::timestamptz"
#define OF_USERS	 ", u.role, u.preferred_language, u.status, u.verification_status, u.email, u.created_at"
#define NO_ACCOUNT	 ", NULL::text, NULL::int8, NULL::int8"
#define OF_ACCOUNT	 ", r.tier, r.lifetime_points, r.transaction_count"
#define NO_SEGMENTS	 ", NULL::text[]"
#define OF_SEGMENTS	 ", m.names"
#define NONE_KEPT	 ", NULL::text[], NULL::text[]"
#define KEPT		 ", k.keys, k.variations"
#define JOIN_ACCOUNT " LEFT JOIN swipesavvy.reward_accounts r ON r.user_id = u.user_id"
#define JOIN_SEGMENTS                                                                                                  \
	" LEFT JOIN (SELECT m.user_id, array_agg(s.name ORDER BY s.name) FROM swipesavvy.segment_members m"                \
	"              JOIN swipesavvy.segments s ON s.segment_no = m.segment_no GROUP BY m.user_id) m (user_id, names)"   \
	" ON m.user_id = u.user_id"
#define JOIN_KEPT                                                                                                      \
	" LEFT JOIN (SELECT a.user_id, array_agg(a.experiment_key || '__' || a.bucket_version), array_agg(a.variation)"    \
	"              FROM swipesavvy.feature_flag_assignments a GROUP BY a.user_id) k (user_id, keys, variations)"       \
	" ON k.user_id = u.user_id"
#define EVERYBODY(columns, joins)                                                                                      \
	{                                                                                                                  \
		"SELECT u.user_id" columns " FROM swipesavvy.users u" joins " WHERE u.erased_at IS NULL", 0, {0}, NULL         \
	}
#define WITH_SEGMENTS(columns, joins)                                                                                  \
	EVERYBODY(columns NO_SEGMENTS NONE_KEPT, joins), EVERYBODY(columns OF_SEGMENTS NONE_KEPT, joins JOIN_SEGMENTS),    \
		EVERYBODY(columns NO_SEGMENTS KEPT, joins JOIN_KEPT),                                                          \
		EVERYBODY(columns OF_SEGMENTS KEPT, joins JOIN_SEGMENTS JOIN_KEPT)

/* By the bits of SS_READS_USER and so on. */
static SSQuery queries[] = {
	WITH_SEGMENTS(NO_COLUMNS NO_ACCOUNT, ""),
	WITH_SEGMENTS(OF_USERS NO_ACCOUNT, ""),
	WITH_SEGMENTS(NO_COLUMNS OF_ACCOUNT, JOIN_ACCOUNT),
	WITH_SEGMENTS(OF_USERS OF_ACCOUNT, JOIN_ACCOUNT),
};

static SSQuery *
query_of(int reads)
{
	int which = (reads & SS_READS_SEGMENTS) != 0 ? 1 : 0;

	which += (reads & SS_READS_STICKY) != 0 ? 2 : 0;
	which += (reads & SS_READS_USER) != 0 ? 4 : 0;
	which += (reads & SS_READS_ACCOUNT) != 0 ? 8 : 0;
	return &queries[which];
}

#define VALUES_KEPT 8

typedef struct Pass
{
	SSFlagSet *set;
	SSFlag *flag;
	SSNode attributes; /* that the caller gave */
	ReturnSetInfo *rsinfo;
	int64 rows;
	int nvalues; /* of the flag, as documents, that have been made so far */
	const SSNode *values[VALUES_KEPT];
	Datum documents[VALUES_KEPT];
	MemoryContext pass;
	MemoryContext row; /* for what is gone after each user */
} Pass;

/* What the flag gives as a document. A flag has few values, and each is made once; a user's own value is gone with the user. */
static Datum
document_of(Pass *pass, const SSFlagAnswer *answer)
{
	SSNode none = ss_node_null();
	MemoryContext row;

	if (answer->value == NULL || answer->result.source == SS_SOURCE_OVERRIDE)
		return JsonbPGetDatum(ss_node_as_jsonb(answer->value == NULL ? &none : answer->value));
	for (int i = 0; i < pass->nvalues; i++)
	{
		if (pass->values[i] == answer->value)
			return pass->documents[i];
	}
	if (pass->nvalues == VALUES_KEPT)
		return JsonbPGetDatum(ss_node_as_jsonb(answer->value));
	row = MemoryContextSwitchTo(pass->pass);
	pass->documents[pass->nvalues] = JsonbPGetDatum(ss_node_as_jsonb(answer->value));
	pass->values[pass->nvalues] = answer->value;
	MemoryContextSwitchTo(row);
	return pass->documents[pass->nvalues++];
}

static void
evaluate_row(TupleTableSlot *slot, void *state)
{
	Pass *pass = state;
	MemoryContext caller = MemoryContextSwitchTo(pass->row);
	pg_uuid_t user_id = *DatumGetUUIDP(ss_slot_value(slot, SS_FLAG_USER + 1));
	SSFlagSubject subject;
	SSFlagAnswer answer;
	Datum values[4];
	bool nulls[4] = {false, false, false, true};

	ss_flag_subject_begin(&subject, pass->set, &user_id, &pass->attributes);
	ss_flag_subject_take(&subject, slot, pass->flag->reads);
	ss_flag_answer(&subject, pass->set, pass->flag, &answer);
	values[0] = UUIDPGetDatum(&user_id);
	values[1] = BoolGetDatum(ss_node_truthy(answer.value));
	values[2] = document_of(pass, &answer);
	if (answer.result.source == SS_SOURCE_EXPERIMENT && answer.result.experiment.experiment != NULL)
	{
		SSNode variant = ss_variation_key(&answer.result.experiment);

		values[3] = ss_text_to_server(ss_node_to_text(&variant));
		nulls[3] = false;
	}
	pass->rows++;
	tuplestore_putvalues(pass->rsinfo->setResult, pass->rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(pass->row);
}

/*
 * flag_users(key, attributes)
 */
Datum
swipesavvy_flag_users(PG_FUNCTION_ARGS)
{
	SSCall call;
	Pass pass = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	Jsonb *attributes;

	InitMaterializedSRF(fcinfo, 0);
	ss_call_enter(&call, SS_FLAG_STAFF);
	attributes = ss_arg_jsonb(fcinfo, 1, "attributes", false);
	ss_flag_check_attributes(attributes);
	pass.set = ss_flag_set_get();
	pass.flag = ss_flag_require(&call, pass.set, ss_flag_key_arg(fcinfo, 0));
	pass.attributes = ss_flag_attributes_of(attributes, true);
	pass.pass = CurrentMemoryContext;
	pass.row = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy flag of a user", ALLOCSET_DEFAULT_SIZES);
	ss_query_each(query_of(pass.flag->reads), NULL, evaluate_row, &pass);
	ss_usage_count_rows(pass.flag->no, pass.rows);
	ss_call_leave(&call);
	PG_RETURN_NULL();
}
