/*
 * flag_users.c: what a flag gives every user, in one pass.
 *
 * SQL entry point flag_users. Reads users and what the flag's rules name, and
 * nothing else of them, from one snapshot: past the executor where rules ask for
 * no more than tier and segments (flag_pass.h), else by a query that joins them.
 * Rows go to a tuplestore, which spills to disk: a function in FROM has one
 * anyway. No locks.
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
#include "flags/flag_pass.h"
#include "flags/flag_plan.h"
#include "flags/usage.h"

PG_FUNCTION_INFO_V1(swipesavvy_flag_users);

/* In the order of SS_FLAG_USER and the columns after it. */
#define NO_COLUMNS	 ", NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::timestamptz"
#define OF_USERS	 ", u.role, u.preferred_language, u.status, u.verification_status, u.email, u.created_at"
#define NO_ACCOUNT	 ", NULL::uuid, NULL::text, NULL::int8, NULL::int8"
#define OF_ACCOUNT	 ", r.user_id, r.tier, r.lifetime_points, r.transaction_count"
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

#define ROWS_KEPT (SS_FLAG_SHARES_MAX + 1)

/* The row of whoever gets a value: a tuple but for the user's id, which comes first in it. */
typedef struct Row
{
	const SSNode *value;
	TupleTableSlot *slot;
	pg_uuid_t *user_id; /* in the slot's tuple */
	Datum document;
} Row;

typedef struct Pass
{
	SSFlagSet *set;
	SSFlag *flag;
	SSNode attributes; /* that the caller gave */
	ReturnSetInfo *rsinfo;
	int64 rows;
	int nkept;
	Row kept[ROWS_KEPT]; /* of the flag's values, those made so far */
	MemoryContext pass;
	MemoryContext row; /* for what is gone after each user */
} Pass;

static Datum
as_document(const SSNode *value)
{
	SSNode none = ss_node_null();

	return JsonbPGetDatum(ss_node_as_jsonb(value == NULL ? &none : value));
}

static void
make_row(Pass *pass, Row *row, const SSNode *value)
{
	MemoryContext caller = MemoryContextSwitchTo(pass->pass);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(pass->rsinfo->setDesc, &TTSOpsVirtual);
	static const pg_uuid_t nobody;
	MinimalTuple tuple;

	row->value = value;
	row->document = as_document(value);
	slot->tts_values[0] = UUIDPGetDatum(&nobody);
	slot->tts_values[1] = BoolGetDatum(ss_node_truthy(value));
	slot->tts_values[2] = row->document;
	slot->tts_isnull[0] = slot->tts_isnull[1] = slot->tts_isnull[2] = false;
	slot->tts_isnull[3] = true;
	ExecStoreVirtualTuple(slot);
	tuple = ExecCopySlotMinimalTuple(slot);
	ExecDropSingleTupleTableSlot(slot);
	row->user_id = (pg_uuid_t *) ((char *) tuple - MINIMAL_TUPLE_OFFSET + tuple->t_hoff);
	row->slot = MakeSingleTupleTableSlot(pass->rsinfo->setDesc, &TTSOpsMinimalTuple);
	ExecStoreMinimalTuple(tuple, row->slot, false);
	MemoryContextSwitchTo(caller);
}

/* A flag has few values, and each one's row is made once; NULL if there are too many. */
static Row *
row_of(Pass *pass, const SSNode *value)
{
	for (int i = 0; i < pass->nkept; i++)
	{
		if (pass->kept[i].value == value)
			return &pass->kept[i];
	}
	if (pass->nkept == ROWS_KEPT)
		return NULL;
	make_row(pass, &pass->kept[pass->nkept], value);
	return &pass->kept[pass->nkept++];
}

/* What a flag gives by a plan. A user's own value is gone with the user. */
static void
put_user(void *state, const pg_uuid_t *user_id, const SSNode *value, bool own)
{
	Pass *pass = state;
	Row *row = own ? NULL : row_of(pass, value);

	pass->rows++;
	if (row != NULL)
	{
		*row->user_id = *user_id;
		tuplestore_puttupleslot(pass->rsinfo->setResult, row->slot);
	}
	else
	{
		MemoryContext caller = MemoryContextSwitchTo(pass->row);
		Datum values[4] = {UUIDPGetDatum(user_id), BoolGetDatum(ss_node_truthy(value)), as_document(value)};
		bool nulls[4] = {false, false, false, true};

		tuplestore_putvalues(pass->rsinfo->setResult, pass->rsinfo->setDesc, values, nulls);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(pass->row);
	}
}

/* --- by a query ------------------------------------------------------------------------------ */

/* The document of what the flag gives, made once for each of its values. */
static Datum
document_of(Pass *pass, const SSFlagAnswer *answer)
{
	Row *row = answer->result.source == SS_SOURCE_OVERRIDE ? NULL : row_of(pass, answer->value);

	return row == NULL ? as_document(answer->value) : row->document;
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
	if (!ss_flag_pass(pass.set, pass.flag, &pass.attributes, put_user, &pass))
	{
		tuplestore_clear(pass.rsinfo->setResult);
		pass.rows = 0;
		ss_query_each(query_of(pass.flag->reads), NULL, evaluate_row, &pass);
	}
	ss_usage_count_rows(pass.flag->no, pass.rows);
	ss_call_leave(&call);
	PG_RETURN_NULL();
}
