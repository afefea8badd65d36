/*
 * flag_document.c: the document that the SDKs of feature flags load.
 *
 * SQL entry point get_flags_document. Public flags go out with their rules, and
 * phones evaluate them; of others a customer gets what they give it, and
 * nothing of why. The answer has an ETag: a phone that asks again with it gets
 * 304 and no body. Writes nothing, locks nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/etag.h"
#include "call/gate.h"
#include "flags/flag_call.h"
#include "flags/usage.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_flags_document);

#define GROUP_MAX 100000

SS_QUERY(group_members,
		 "SELECT m.user_id FROM swipesavvy.segment_members m JOIN swipesavvy.segments s ON s.segment_no = m.segment_no"
		 " WHERE s.name = $1 ORDER BY m.user_id LIMIT $2",
		 TEXTOID, INT8OID);

/* What is being made, and for whom. */
typedef struct Making
{
	SSCall *call;
	SSFlagSet *set;
	SSFlagSubject subject;
	bool for_server; /* every flag as it is */
	bool with_groups;
	bool for_customer; /* what flags of clients give; else public ones alone */
	SSNode features;
	SSNode groups;
	uint32 named_attributes; /* those that public flags name: bits of ss_flag_names() */
	SSNode named_segments;	 /* a member for each segment that public flags look for by its name */
	bool shows_segments;	 /* a public flag asks something else of the user's segments */
} Making;

/* --- features -------------------------------------------------------------------------------- */

/* Who has a value of its own gets it before any rule. */
static void
put_own_value_first(SSNode *feature, SSNode *own)
{
	SSNode *rules = ss_node_get(feature, SS_TEXT("rules"));
	int count = rules == NULL ? 0 : rules->count;
	SSNode with_own = ss_node_array(count + 1);

	with_own.items[0] = ss_node_object();
	ss_node_set_text(&with_own.items[0], SS_TEXT("id"), SS_TEXT("override"));
	ss_node_set(&with_own.items[0], SS_TEXT("force"), own);
	for (int i = 0; i < count; i++)
		with_own.items[i + 1] = rules->items[i];
	ss_node_set(feature, SS_TEXT("rules"), &with_own);
}

/* Does a test of the segments depend on those alone that it names? */
static bool
tests_names(SSNode *test)
{
	static const char *const operators[] = {"$in", "$nin", NULL};

	if (!ss_node_is(test, SS_NODE_OBJECT))
		return false;
	(void) ss_node_items(test);
	for (int i = 0; i < test->count; i++)
	{
		if (!ss_text_is_one_of(test->keys[i], operators))
			return false;
	}
	return test->count > 0;
}

/* Notes the names in a test of the segments. */
static void
note_names(Making *making, SSNode *value)
{
	SSNode *items = ss_node_is(value, SS_NODE_ARRAY) || ss_node_is(value, SS_NODE_OBJECT) ? ss_node_items(value) : NULL;

	if (ss_node_is(value, SS_NODE_STRING))
		ss_node_set_bool(&making->named_segments, ss_node_string(value), true);
	for (int i = 0; items != NULL && i < value->count; i++)
		note_names(making, &items[i]);
}

/* Notes what the rules of a public flag ask of the user's segments. */
static void
note_segments(Making *making, SSNode *value)
{
	SSNode *items;

	if (ss_node_is(value, SS_NODE_STRING) && ss_text_equals(ss_node_string(value), SS_TEXT("segments")))
		making->shows_segments = true; /* they are hashed */
	if (!ss_node_is(value, SS_NODE_ARRAY) && !ss_node_is(value, SS_NODE_OBJECT))
		return;
	items = ss_node_items(value);
	for (int i = 0; i < value->count; i++)
	{
		if (value->kind == SS_NODE_OBJECT && ss_text_equals(value->keys[i], SS_TEXT("segments")) &&
			tests_names(&items[i]))
			note_names(making, &items[i]);
		else
		{
			if (value->kind == SS_NODE_OBJECT && (ss_flag_reads_of(value->keys[i]) & SS_READS_SEGMENTS) != 0)
				making->shows_segments = true;
			note_segments(making, &items[i]);
		}
	}
}

static SSNode
public_feature(Making *making, const SSFlag *flag)
{
	SSNode feature = ss_flag_feature(making->set, flag);
	SSNode *own =
		making->set->killed ? NULL : ss_flag_override_of(flag, making->subject.user_id, making->set->arranged_at);

	if (own != NULL)
		put_own_value_first(&feature, own);
	if (ss_node_get(&feature, SS_TEXT("rules")) != NULL)
		making->named_attributes |= flag->names;
	if ((flag->reads & SS_READS_SEGMENTS) != 0)
		note_segments(making, ss_node_get(&feature, SS_TEXT("rules")));
	return feature;
}

/* The experiment that decided, so that the SDK reports who saw what, and shows nothing of the rules. */
static SSNode
tracking_rules(const SSFlagAnswer *answer)
{
	SSNode rules = ss_node_array(1);
	SSNode tracks = ss_node_array(1);
	SSNode experiment = ss_node_object();
	SSNode result = ss_experiment_result_value(&answer->result.experiment);
	SSNode variations = ss_node_array(0);
	SSNode none = ss_node_null();

	ss_node_set(&experiment, SS_TEXT("key"), ss_node_get(answer->result.experiment.experiment, SS_TEXT("key")));
	ss_node_set(&experiment, SS_TEXT("variations"), &variations);
	tracks.items[0] = ss_node_object();
	ss_node_set(&tracks.items[0], SS_TEXT("experiment"), &experiment);
	ss_node_set(&tracks.items[0], SS_TEXT("result"), &result);
	rules.items[0] = ss_node_object();
	ss_node_set(&rules.items[0], SS_TEXT("force"), answer->value == NULL ? &none : answer->value);
	ss_node_set(&rules.items[0], SS_TEXT("tracks"), &tracks);
	return rules;
}

static SSNode
evaluated_feature(Making *making, const SSFlag *flag)
{
	SSNode feature = ss_node_object();
	SSNode none = ss_node_null();
	SSFlagAnswer answer;

	ss_flag_answer(&making->subject, making->set, flag, &answer);
	ss_usage_count(flag, &making->subject, &answer);
	if (answer.result.source == SS_SOURCE_EXPERIMENT && answer.result.experiment.experiment != NULL)
	{
		SSNode rules = tracking_rules(&answer);

		ss_node_set(&feature, SS_TEXT("defaultValue"), flag->default_value);
		ss_node_set(&feature, SS_TEXT("rules"), &rules);
	}
	else
		ss_node_set(&feature, SS_TEXT("defaultValue"), answer.value == NULL ? &none : answer.value);
	return feature;
}

/* --- segments that server SDKs need ------------------------------------------------------------ */

static void
add_group(Making *making, SSText name)
{
	Datum values[2] = {ss_text_to_server(name), Int64GetDatum(GROUP_MAX + 1)};
	SSRows rows;
	SSNode ids;

	if (ss_node_get(&making->groups, name) != NULL)
		return;
	rows = ss_rows_read(&group_members, values, NULL);
	if (rows.count > GROUP_MAX)
		ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("a segment is too large for a document"),
				errdetail("Segment \"%.*s\" has more than %d members.", name.length, name.data, GROUP_MAX),
				errhint("Name it by the attribute \"segments\"."));
	ids = ss_node_array(rows.count);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		char *id = ss_uuid_text(ss_next_uuid(&row));

		ids.items[i] = ss_node_text((SSText){id, strlen(id)});
	}
	ss_node_set(&making->groups, name, &ids);
}

/* The groups that any condition within the value names. */
static void
add_groups(Making *making, SSNode *value)
{
	SSNode *items;

	if (!ss_node_is(value, SS_NODE_ARRAY) && !ss_node_is(value, SS_NODE_OBJECT))
		return;
	items = ss_node_items(value);
	for (int i = 0; i < value->count; i++)
	{
		bool group = value->kind == SS_NODE_OBJECT && items[i].kind == SS_NODE_STRING &&
					 (ss_text_equals(value->keys[i], SS_TEXT("$inGroup")) ||
					  ss_text_equals(value->keys[i], SS_TEXT("$notInGroup")));

		if (group)
			add_group(making, ss_node_string(&items[i]));
		else
			add_groups(making, &items[i]);
	}
}

/* --- the document -------------------------------------------------------------------------------- */

static void
add_features(Making *making)
{
	SSFlagSet *set = making->set;

	making->features = ss_node_object();
	making->features.items = palloc(sizeof(SSNode) * Max(set->nflags, 1));
	making->features.keys = palloc(sizeof(SSText) * Max(set->nflags, 1));
	for (int i = 0; i < set->nflags; i++)
	{
		SSFlag *flag = &set->flags[i];
		SSNode feature;

		if (flag->is_archived)
			continue;
		if (making->for_server)
			feature = ss_flag_feature(set, flag);
		else if (flag->audience == SS_AUDIENCE_PUBLIC)
			feature = public_feature(making, flag);
		else if (flag->audience == SS_AUDIENCE_CLIENT && making->for_customer)
			feature = evaluated_feature(making, flag);
		else
			continue;
		if (making->for_server && making->with_groups)
			add_groups(making, &feature);
		making->features.keys[making->features.count] = flag->key;
		making->features.items[making->features.count++] = feature;
	}
}

/* The user's segments that public flags name: it learns of no other. */
static SSNode
shown_segments(Making *making)
{
	const SSNode *all = &making->subject.segments;
	SSNode shown = ss_node_array(all->count);

	shown.count = 0;
	for (int i = 0; i < all->count; i++)
	{
		if (making->shows_segments || ss_node_get(&making->named_segments, ss_node_string(&all->items[i])) != NULL)
			shown.items[shown.count++] = all->items[i];
	}
	return shown;
}

/* Of what SDKs hash and test: the id, and what public flags name. */
static SSNode
shown_attributes(Making *making)
{
	SSNode shown = ss_node_object();

	ss_node_set(&shown, SS_TEXT("id"), ss_node_get(&making->subject.attributes, SS_TEXT("id")));
	for (int i = 0; i < SS_FLAG_ATTRIBUTES; i++)
	{
		SSText name = ss_flag_attributes[i].name;

		if ((making->named_attributes & (UINT32_C(1) << i)) != 0)
			ss_node_set(&shown, name, ss_node_get(&making->subject.attributes, name));
	}
	if (ss_node_get(&shown, SS_TEXT("segments")) != NULL)
	{
		SSNode segments = shown_segments(making);

		ss_node_set(&shown, SS_TEXT("segments"), &segments);
	}
	return shown;
}

/* When the step that counts now changed anything last: where it began, or, of a ramp, the share of the users by itself. */
static TimestampTz
last_change(const SSFlagStep *step, TimestampTz now)
{
	int64 way = step->to_bp > step->from_bp ? step->to_bp - step->from_bp : step->from_bp - step->to_bp;
	int64 done = ss_flag_share_at(step, now) - step->from_bp;
	int128 span;

	if (step->ends_at == DT_NOEND)
		return step->starts_at;
	if (step->ends_at <= now)
		return step->ends_at;
	if (way == 0)
		return step->starts_at;
	/* the first microsecond at which as much was done */
	span = (int128) (done < 0 ? -done : done) * (step->ends_at - step->starts_at);
	return step->starts_at + (TimestampTz) ((span + way - 1) / way);
}

/* When the flags that are shown changed last, and the first moment at which they may change by themselves. */
static void
find_times(const Making *making, TimestampTz *changed, TimestampTz *next)
{
	TimestampTz now = making->set->arranged_at;

	*changed = DT_NOBEGIN;
	*next = DT_NOEND;
	for (int i = 0; i < making->set->nflags; i++)
	{
		const SSFlag *flag = &making->set->flags[i];
		const SSFlagStep *present = ss_flag_step_at(flag->steps, flag->nsteps, now);

		if (ss_node_get(unconstify(SSNode *, &making->features), flag->key) == NULL)
			continue;
		*changed = Max(*changed, flag->updated_at);
		if (present != NULL)
			*changed = Max(*changed, last_change(present, now));
		for (int j = 0; j < flag->nsteps; j++)
		{
			if (flag->steps[j].starts_at > now)
				*next = Min(*next, flag->steps[j].starts_at);
		}
	}
}

/* --- the answer over HTTP ------------------------------------------------------------------------------ */

/* The tag of a document: what it is, without the time of its last change. */
static char *
tag_of(Jsonb *document)
{
	return ss_etag_make(JsonbToCString(NULL, &document->root, VARSIZE(document)));
}

static void
answer(const Making *making, const char *tag, TimestampTz next, bool not_modified)
{
	bool for_everybody = !making->for_customer && !making->for_server;
	int64 seconds = ss_gate_get()->cache_ttl;

	if (next != DT_NOEND)
		seconds = Min(seconds, (next - making->set->arranged_at) / USECS_PER_SEC);
	ss_gate_respond("response.headers", "");
	ss_gate_add_header("ETag", tag);
	ss_gate_add_header("Cache-Control",
					   psprintf("%s, max-age=%d", for_everybody ? "public" : "private", (int) Max(seconds, 1)));
	ss_gate_add_header("Vary", "Authorization");
	if (not_modified)
		ss_gate_respond("response.status", "304");
}

/* --- the call ------------------------------------------------------------------------------------------- */

/* Values that an SDK forces: an object, or the pairs that it sends. */
static void
force_values(Making *making, Jsonb *forced)
{
	SSNode *given = ss_node_read(forced);

	if (!ss_node_is(given, SS_NODE_OBJECT) && !ss_node_is(given, SS_NODE_ARRAY))
		ss_bad_value("forcedFeatures", "It is neither an object nor an array of pairs.");
	for (int i = 0; forced != NULL && i < given->count; i++)
	{
		SSNode *item = &ss_node_items(given)[i];

		if (given->kind == SS_NODE_OBJECT)
			ss_node_set(&making->subject.forced, given->keys[i], item);
		else if (ss_node_is(item, SS_NODE_ARRAY) && item->count == 2 &&
				 ss_node_is(&ss_node_items(item)[0], SS_NODE_STRING))
			ss_node_set(&making->subject.forced, ss_node_string(&item->items[0]), &item->items[1]);
	}
}

static void
read_subject(Making *making, FunctionCallInfo fcinfo)
{
	const pg_uuid_t *user_id = ss_flag_user(making->call, ss_arg_uuid(fcinfo, 0, "user_id", false));
	Jsonb *attributes = ss_arg_jsonb(fcinfo, 1, "attributes", false);
	bool staff = ss_call_has(making->call, SS_FLAG_STAFF);
	int reads = 0;

	ss_flag_check_attributes(attributes);
	making->for_server = staff && user_id == NULL;
	making->with_groups = ss_call_has(making->call, SS_BACKEND | SS_ADMIN);
	making->for_customer = !making->for_server && (staff || ss_call_has(making->call, SS_CUSTOMER));
	for (int i = 0; i < making->set->nflags && !making->for_server; i++)
		reads |= making->set->flags[i].audience == SS_AUDIENCE_SERVER ? 0 : making->set->flags[i].reads;
	ss_flag_subject_read(&making->subject, making->set, user_id, attributes, reads);
	if (!ss_call_has(making->call, SS_BACKEND | SS_ADMIN))
		return;
	making->subject.context.forced_variations = ss_node_read(ss_arg_jsonb(fcinfo, 2, "forcedVariations", false));
	force_values(making, ss_arg_jsonb(fcinfo, 3, "forcedFeatures", false));
	if (!PG_ARGISNULL(4))
	{
		SSNode *url = palloc(sizeof(SSNode));
		char *address = text_to_cstring(PG_GETARG_TEXT_PP(4));

		*url = ss_node_text((SSText){address, strlen(address)});
		making->subject.context.url = url;
	}
}

/*
 * get_flags_document(user_id, attributes, forcedVariations, forcedFeatures, url)
 */
Datum
swipesavvy_get_flags_document(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Making making = {.call = &call, .set = NULL};
	SSNode document = ss_node_object();
	TimestampTz changed;
	TimestampTz next;
	char *tag;
	bool not_modified;

	ss_call_enter(&call, SS_ANYONE);
	making.set = ss_flag_set_get();
	making.groups = ss_node_object();
	making.named_segments = ss_node_object();
	read_subject(&making, fcinfo);
	add_features(&making);
	ss_node_set_number(&document, SS_TEXT("status"), 200);
	ss_node_set(&document, SS_TEXT("features"), &making.features);
	if (making.for_server && making.with_groups)
		ss_node_set(&document, SS_TEXT("savedGroups"), &making.groups);
	/* what is stored of a person is for itself and for services, and not for analysts */
	if (making.for_customer && making.subject.user_id != NULL &&
		ss_call_has(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN))
	{
		SSNode attributes = shown_attributes(&making);

		ss_node_set(&document, SS_TEXT("attributes"), &attributes);
	}
	find_times(&making, &changed, &next);
	tag = tag_of(ss_node_to_jsonb(&document));
	not_modified = ss_etag_is_known(tag);
	answer(&making, tag, next, not_modified);
	if (not_modified)
	{
		ss_call_leave(&call);
		PG_RETURN_NULL();
	}
	ss_json_open_object(&json, NULL);
	for (int i = 0; i < document.count; i++)
		ss_node_push(&json.state, &document.keys[i], &document.items[i], &json.result);
	if (changed == DT_NOBEGIN)
		ss_json_null(&json, "dateUpdated");
	else
		ss_json_time(&json, "dateUpdated", changed);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
