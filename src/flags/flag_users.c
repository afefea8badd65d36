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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/args.h"
#include "base/query.h"
#include "flags/flag_call.h"
#include "flags/usage.h"

PG_FUNCTION_INFO_V1(swipesavvy_flag_users);

#define USER_COLUMNS                                                                                                   \
	"SELECT u.user_id, u.role, u.preferred_language, u.status, u.verification_status, u.email, u.created_at"
#define NO_ACCOUNT	 ", NULL::text, NULL::int8, NULL::int8"
#define OF_ACCOUNT	 ", r.tier, r.lifetime_points, r.transaction_count::int8"
#define NO_SEGMENTS	 ", NULL::text[]"
#define OF_SEGMENTS	 ", m.names"
#define FROM_USERS	 " FROM swipesavvy.users u"
#define JOIN_ACCOUNT " LEFT JOIN swipesavvy.reward_accounts r ON r.user_id = u.user_id"
#define JOIN_SEGMENTS                                                                                                  \
	" LEFT JOIN (SELECT m.user_id, array_agg(s.name ORDER BY s.name) FROM swipesavvy.segment_members m"                \
	"              JOIN swipesavvy.segments s ON s.segment_no = m.segment_no GROUP BY m.user_id) m (user_id, names)"   \
	" ON m.user_id = u.user_id"
#define NOT_ERASED " WHERE u.erased_at IS NULL"

/* Without and with accounts (1), segments (2). */
static SSQuery queries[] = {
	{USER_COLUMNS NO_ACCOUNT NO_SEGMENTS FROM_USERS NOT_ERASED, 0, {0}, NULL},
	{USER_COLUMNS OF_ACCOUNT NO_SEGMENTS FROM_USERS JOIN_ACCOUNT NOT_ERASED, 0, {0}, NULL},
	{USER_COLUMNS NO_ACCOUNT OF_SEGMENTS FROM_USERS JOIN_SEGMENTS NOT_ERASED, 0, {0}, NULL},
	{USER_COLUMNS OF_ACCOUNT OF_SEGMENTS FROM_USERS JOIN_ACCOUNT JOIN_SEGMENTS NOT_ERASED, 0, {0}, NULL},
};

typedef struct Pass
{
	SSFlagSet *set;
	SSFlag *flag;
	Jsonb *attributes;
	ReturnSetInfo *rsinfo;
	int64 rows;
	MemoryContext row; /* for what is gone after each user */
} Pass;

static char *
column_text(TupleTableSlot *slot, int column)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static int64
column_int(TupleTableSlot *slot, int column)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static void
read_row(TupleTableSlot *slot, const Pass *pass, SSFlagUser *user)
{
	bool isnull;
	Datum segments = slot_getattr(slot, 11, &isnull);

	memset(user, 0, sizeof(SSFlagUser));
	user->segments = isnull ? NULL : DatumGetArrayTypeP(segments);
	user->exists = (pass->flag->reads & ~SS_READS_STICKY) != 0;
	if (!user->exists)
		return;
	user->created_at = DatumGetTimestampTz(slot_getattr(slot, 7, &isnull));
	if ((pass->flag->reads & SS_READS_USER) != 0)
	{
		user->role = column_text(slot, 2);
		user->preferred_language = column_text(slot, 3);
		user->account_status = column_text(slot, 4);
		user->verification_status = column_text(slot, 5);
		user->email = column_text(slot, 6);
	}
	user->tier = column_text(slot, 8);
	user->has_account = user->tier != NULL;
	user->lifetime_points = column_int(slot, 9);
	user->transaction_count = column_int(slot, 10);
}

static void
evaluate_row(TupleTableSlot *slot, void *state)
{
	Pass *pass = state;
	MemoryContext caller = MemoryContextSwitchTo(pass->row);
	bool isnull;
	pg_uuid_t user_id = *DatumGetUUIDP(slot_getattr(slot, 1, &isnull));
	bool sticky = (pass->flag->reads & SS_READS_STICKY) != 0;
	SSFlagUser user;
	SSFlagSubject subject;
	SSFlagAnswer answer;
	Datum values[4];
	bool nulls[4] = {false, false, false, true};
	SSNode none = ss_node_null();

	/* where variations are kept they are looked up user by user, by queries within the one that is running */
	if (sticky && SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	read_row(slot, pass, &user);
	if (sticky)
		ss_flag_subject_read(&subject, pass->set, &user_id, pass->attributes, pass->flag->reads);
	else
		ss_flag_subject_set(&subject, pass->set, &user_id, pass->attributes, &user);
	ss_flag_answer(&subject, pass->set, pass->flag, &answer);
	values[0] = UUIDPGetDatum(&user_id);
	values[1] = BoolGetDatum(ss_node_truthy(answer.value));
	values[2] = JsonbPGetDatum(ss_node_as_jsonb(answer.value == NULL ? &none : answer.value));
	if (answer.result.source == SS_SOURCE_EXPERIMENT && answer.result.experiment.experiment != NULL)
	{
		SSNode variant = ss_variation_key(&answer.result.experiment);
		SSText text = ss_node_to_text(&variant);

		values[3] = PointerGetDatum(cstring_to_text_with_len(text.data, text.length));
		nulls[3] = false;
	}
	pass->rows++;
	tuplestore_putvalues(pass->rsinfo->setResult, pass->rsinfo->setDesc, values, nulls);
	if (sticky && SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
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
	int which;

	InitMaterializedSRF(fcinfo, 0);
	ss_call_enter(&call, SS_FLAG_STAFF);
	pass.attributes = ss_arg_jsonb(fcinfo, 1, "attributes", false);
	ss_flag_check_attributes(pass.attributes);
	pass.set = ss_flag_set_get();
	pass.flag = ss_flag_require(&call, pass.set, ss_flag_key_arg(fcinfo, 0));
	pass.row = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy flag of a user", ALLOCSET_DEFAULT_SIZES);
	which =
		((pass.flag->reads & SS_READS_ACCOUNT) != 0 ? 1 : 0) | ((pass.flag->reads & SS_READS_SEGMENTS) != 0 ? 2 : 0);
	ss_query_each(&queries[which], NULL, evaluate_row, &pass);
	ss_usage_count_rows(pass.flag->no, pass.rows);
	ss_call_leave(&call);
	PG_RETURN_NULL();
}
