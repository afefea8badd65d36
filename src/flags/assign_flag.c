/*
 * assign_flag.c: gives a user what a flag gives, and keeps it (assign_flag.h).
 *
 * SQL entry point assign_flag. Of sticky flags the variation is kept in
 * feature_flag_assignments, and whoever counts an experiment by who was shown it is told. A repeat
 * writes nothing. Two calls for one user at a time: the second one waits for the
 * first one's row, and gives what that says. Before anything is written the
 * user's row is locked FOR SHARE, so that nothing of somebody who is being
 * erased is written.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/query.h"
#include "flags/assign_flag.h"
#include "flags/flag_call.h"
#include "flags/usage.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_assign_flag);

SSFlagExposure ss_flag_exposure = NULL;

/* $5: the variation that was kept so far. */
SS_QUERY(keep_assignment,
		 "INSERT INTO swipesavvy.feature_flag_assignments AS a (user_id, experiment_key, bucket_version, variation)"
		 " VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, experiment_key, bucket_version) DO UPDATE"
		 "    SET variation = $4, assigned_at = now() WHERE a.variation = $5",
		 UUIDOID, TEXTOID, INT4OID, TEXTOID, TEXTOID);

typedef struct Assigning
{
	const pg_uuid_t *user_id;
	Jsonb *attributes;
	SSFlagSubject subject;
	SSFlagAnswer answer;
	SSNode kept; /* what was kept before, by experiment and version */
	bool recorded;
} Assigning;

/* What is kept for the user, or is to be. */
static SSNode *
assignments_of(Assigning *assigning)
{
	char *key = psprintf("id||%s", ss_uuid_text(assigning->user_id));

	return ss_node_get(ss_node_get(assigning->subject.context.sticky, (SSText){key, strlen(key)}),
					   SS_TEXT("assignments"));
}

/* Evaluates the flag with what is kept at this moment. */
static void
evaluate(Assigning *assigning, SSFlagSet *set, const SSFlag *flag)
{
	SSNode *kept;

	PushActiveSnapshot(GetLatestSnapshot());
	ss_flag_subject_read(&assigning->subject, set, assigning->user_id, assigning->attributes, flag->reads);
	PopActiveSnapshot();
	kept = assignments_of(assigning);
	assigning->kept = ss_node_object(); /* a copy: evaluating changes the other */
	for (int i = 0; kept != NULL && i < kept->count; i++)
		ss_node_set(&assigning->kept, kept->keys[i], &kept->items[i]);
	ss_flag_answer(&assigning->subject, set, flag, &assigning->answer);
}

/* "experiment__version" taken apart. */
static int
version_of(SSText *key)
{
	int length = key->length;
	char *version;

	while (length > 2 && (key->data[length - 1] != '_' || key->data[length - 2] != '_'))
		length--;
	version = pnstrdup(key->data + length, key->length - length);
	key->length = length - 2;
	return pg_strtoint32(version);
}

/* Keeps one assignment; false if somebody else has kept another one meanwhile. */
static bool
keep(Assigning *assigning, SSText key, SSNode *variation)
{
	SSNode *before = ss_node_get(&assigning->kept, key);
	Datum values[5];
	bool nulls[5] = {false};

	values[0] = UUIDPGetDatum(assigning->user_id);
	values[2] = Int32GetDatum(version_of(&key));
	values[1] = ss_text_to_server(key);
	values[3] = ss_text_to_server(ss_node_to_text(variation));
	nulls[4] = before == NULL;
	values[4] = before == NULL ? (Datum) 0 : ss_text_to_server(ss_node_to_text(before));
	return ss_query_latest(&keep_assignment, values, nulls) > 0;
}

/* Keeps what evaluating has added; false if it is to be evaluated again. */
static bool
keep_all(Assigning *assigning)
{
	SSNode *assignments = assignments_of(assigning);

	for (int i = 0; assignments != NULL && i < assignments->count; i++)
	{
		SSNode *before = ss_node_get(&assigning->kept, assignments->keys[i]);

		if (before != NULL && ss_node_strictly_equal(before, &assignments->items[i]))
			continue;
		if (ss_users_is_erased(assigning->user_id))
			return true;
		if (!keep(assigning, assignments->keys[i], &assignments->items[i]))
			return false;
		assigning->recorded = true;
	}
	return true;
}

static void
expose(Assigning *assigning, const SSFlag *flag)
{
	const SSFeatureResult *result = &assigning->answer.result;

	if (ss_flag_exposure == NULL || result->source != SS_SOURCE_EXPERIMENT || result->experiment.experiment == NULL ||
		!ss_node_is(result->rule_id, SS_NODE_STRING))
		return;
	assigning->recorded |=
		ss_flag_exposure(flag, ss_node_string(result->rule_id), assigning->user_id, result->experiment.variation);
}

static void
assign(Assigning *assigning, SSFlagSet *set, const SSFlag *flag)
{
	do
		evaluate(assigning, set, flag);
	while (!keep_all(assigning));
	expose(assigning, flag);
}

/*
 * assign_flag(key, user_id, attributes)
 */
Datum
swipesavvy_assign_flag(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSFlagSet *set;
	SSFlag *flag;
	Assigning assigning = {.recorded = false};
	char *key;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* what is shown to whom is no change of the programme */
	key = ss_flag_key_arg(fcinfo, 0);
	assigning.user_id = ss_arg_uuid(fcinfo, 1, "user_id", true);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, assigning.user_id);
	assigning.attributes = ss_arg_jsonb(fcinfo, 2, "attributes", false);
	ss_flag_check_attributes(assigning.attributes);
	set = ss_flag_set_get();
	flag = ss_flag_require(&call, set, key);
	assign(&assigning, set, flag);
	ss_usage_count(flag, &assigning.subject, &assigning.answer);
	ss_json_open_object(&json, NULL);
	ss_flag_add_answer(&json, key, &assigning.answer);
	ss_json_bool(&json, "recorded", assigning.recorded);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
