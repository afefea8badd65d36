/*
 * evaluate_flag.c: what stored flags give one user.
 *
 * SQL entry points evaluate_flag and evaluate_flags; and who may ask for which
 * flags (flag_call.h). They write nothing and lock nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "flags/flag_call.h"
#include "flags/flag_check.h"
#include "flags/usage.h"

PG_FUNCTION_INFO_V1(swipesavvy_evaluate_flag);
PG_FUNCTION_INFO_V1(swipesavvy_evaluate_flags);

#define KEYS_MAX 1000

/* --- who may ask --------------------------------------------------------------------------- */

bool
ss_flag_is_visible(const SSCall *call, const SSFlag *flag)
{
	if (ss_call_has(call, SS_FLAG_STAFF))
		return true;
	if (ss_call_has(call, SS_CUSTOMER))
		return flag->audience != SS_AUDIENCE_SERVER;
	return flag->audience == SS_AUDIENCE_PUBLIC;
}

SSFlag *
ss_flag_require(const SSCall *call, const SSFlagSet *set, const char *key)
{
	SSFlag *flag = ss_flag_find(set, (SSText){key, strlen(key)});

	if (flag == NULL || !ss_flag_is_visible(call, flag))
		ss_not_found("flag", key);
	return flag;
}

const pg_uuid_t *
ss_flag_user(const SSCall *call, const pg_uuid_t *given)
{
	if (ss_call_has(call, SS_FLAG_STAFF))
		return given;
	if (ss_call_has(call, SS_CUSTOMER) && given == NULL)
		return call->has_identity ? &call->identity : NULL;
	if (given != NULL)
		ss_call_require_user(call, 0, given);
	return given;
}

char *
ss_flag_key_arg(FunctionCallInfo fcinfo, int n)
{
	return ss_arg_text(fcinfo, n, "key", SS_FLAG_KEY_MAX, true);
}

/* --- answers -------------------------------------------------------------------------------- */

static void
push_node(SSJson *json, const char *key, const SSNode *node)
{
	SSText name = {key, strlen(key)};

	ss_node_push(&json->state, &name, node, &json->result);
}

static void
push_text(SSJson *json, const char *key, SSNode *node)
{
	if (ss_node_truthy(node))
	{
		SSNode text = ss_node_text(ss_node_to_text(node));

		push_node(json, key, &text);
	}
	else
		ss_json_null(json, key);
}

/* Which experiment gave which variation. */
static void
add_experiment(SSJson *json, const SSExperimentResult *experiment)
{
	ss_json_open_object(json, "experiment");
	push_node(json, "key", ss_node_get(experiment->experiment, SS_TEXT("key")));
	if (experiment->has_bucket)
	{
		SSNode bucket = ss_node_number(experiment->bucket);

		push_node(json, "bucket", &bucket);
	}
	ss_json_int(json, "variation_id", experiment->variation);
	ss_json_close_object(json);
}

void
ss_flag_add_answer(SSJson *json, const char *key, const SSFlagAnswer *answer)
{
	bool experiment = answer->result.source == SS_SOURCE_EXPERIMENT && answer->result.experiment.experiment != NULL;
	SSNode variant = experiment ? ss_variation_key(&answer->result.experiment) : ss_node_null();

	/* in the order in which jsonb keeps them: it need not be sorted */
	push_node(json, "value", answer->value);
	ss_json_text(json, "source", answer->source);
	ss_json_bool(json, "enabled", ss_node_truthy(answer->value));
	push_text(json, "rule_id", answer->result.rule_id);
	push_text(json, "variant", &variant);
	if (key != NULL)
		ss_json_text(json, "flag_key", key);
	if (experiment)
		add_experiment(json, &answer->result.experiment);
}

/*
 * evaluate_flag(key, user_id, attributes)
 */
Datum
swipesavvy_evaluate_flag(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSFlagSet *set;
	SSFlag *flag;
	SSFlagSubject subject;
	SSFlagAnswer answer;
	char *key;
	const pg_uuid_t *user_id;
	Jsonb *attributes;

	ss_call_enter(&call, SS_ANYONE);
	key = ss_flag_key_arg(fcinfo, 0);
	user_id = ss_flag_user(&call, ss_arg_uuid(fcinfo, 1, "user_id", false));
	attributes = ss_arg_jsonb(fcinfo, 2, "attributes", false);
	ss_flag_check_attributes(attributes);
	set = ss_flag_set_get();
	flag = ss_flag_require(&call, set, key);
	ss_flag_subject_read(&subject, set, user_id, attributes, ss_flag_reads_for(flag, user_id));
	ss_flag_answer(&subject, set, flag, &answer);
	ss_usage_count(flag, &subject, &answer);
	ss_json_open_object(&json, NULL);
	ss_flag_add_answer(&json, key, &answer);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* The flags that are asked for, a bit each; all that the caller sees without keys. */
static bool *
wanted_flags(FunctionCallInfo fcinfo, const SSCall *call, const SSFlagSet *set)
{
	bool *wanted = palloc0(sizeof(bool) * Max(set->nflags, 1));
	Datum *keys;
	bool *nulls;
	int count;

	if (PG_ARGISNULL(2))
	{
		for (int i = 0; i < set->nflags; i++)
			wanted[i] = true;
	}
	else
	{
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &keys, &nulls, &count);
		if (count > KEYS_MAX)
			ss_bad_value("keys", "There are more than %d.", KEYS_MAX);
		for (int i = 0; i < count; i++)
		{
			char *key = nulls[i] ? NULL : TextDatumGetCString(keys[i]);
			SSFlag *flag = key == NULL ? NULL : ss_flag_find(set, (SSText){key, strlen(key)});

			if (flag != NULL)
				wanted[flag - set->flags] = true;
		}
	}
	for (int i = 0; i < set->nflags; i++)
		wanted[i] &= !set->flags[i].is_archived && ss_flag_is_visible(call, &set->flags[i]);
	return wanted;
}

/*
 * evaluate_flags(user_id, attributes, keys)
 */
Datum
swipesavvy_evaluate_flags(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSFlagSet *set;
	SSFlagSubject subject;
	const pg_uuid_t *user_id;
	Jsonb *attributes;
	bool *wanted;
	int reads = 0;
	int count = 0;

	ss_call_enter(&call, SS_ANYONE);
	user_id = ss_flag_user(&call, ss_arg_uuid(fcinfo, 0, "user_id", false));
	attributes = ss_arg_jsonb(fcinfo, 1, "attributes", false);
	ss_flag_check_attributes(attributes);
	set = ss_flag_set_get();
	wanted = wanted_flags(fcinfo, &call, set);
	for (int i = 0; i < set->nflags; i++)
		reads |= wanted[i] ? set->flags[i].reads : 0;
	ss_flag_subject_read(&subject, set, user_id, attributes, reads);
	ss_json_open_object(&json, NULL);
	ss_json_open_object(&json, "flags");
	for (int i = 0; i < set->nflags; i++)
	{
		SSFlagAnswer answer;

		if (!wanted[i])
			continue;
		ss_flag_answer(&subject, set, &set->flags[i], &answer);
		ss_usage_count(&set->flags[i], &subject, &answer);
		ss_json_open_object(&json, set->flags[i].key.data);
		ss_flag_add_answer(&json, NULL, &answer);
		ss_json_close_object(&json);
		count++;
	}
	ss_json_close_object(&json);
	ss_json_int(&json, "count", count);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
