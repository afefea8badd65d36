/*
 * flag_subject.c: what stored flags see of a user (flag_subject.h).
 *
 * Called by the functions that evaluate stored flags. Reads users,
 * reward_accounts, segment_members and feature_flag_assignments by key, and of
 * those only what the flags in question name. An attribute that is stored counts
 * whatever the caller says, so that everybody gets the same answer for a user,
 * and a customer cannot promote itself. No locks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "flags/flag_subject.h"

#define ATTRIBUTES_MAX		 100
#define ATTRIBUTES_MAX_BYTES 65536

SS_QUERY(user_query,
		 "SELECT role, preferred_language, status, verification_status, email, created_at FROM swipesavvy.users"
		 " WHERE user_id = $1 AND erased_at IS NULL",
		 UUIDOID);
SS_QUERY(account_query,
		 "SELECT tier, lifetime_points, transaction_count FROM swipesavvy.reward_accounts r WHERE user_id = $1"
		 "   AND EXISTS (SELECT FROM swipesavvy.users u WHERE u.user_id = r.user_id AND u.erased_at IS NULL)",
		 UUIDOID);
SS_QUERY(segments_query,
		 "SELECT array_agg(s.name ORDER BY s.name) FROM swipesavvy.segment_members m"
		 "  JOIN swipesavvy.segments s ON s.segment_no = m.segment_no WHERE m.user_id = $1",
		 UUIDOID);
SS_QUERY(assignments_query,
		 "SELECT experiment_key || '__' || bucket_version, variation FROM swipesavvy.feature_flag_assignments"
		 " WHERE user_id = $1 ORDER BY 1",
		 UUIDOID);

void
ss_flag_check_attributes(Jsonb *attributes)
{
	if (attributes == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(attributes))
		ss_bad_value("attributes", "It is not an object.");
	if (JB_ROOT_COUNT(attributes) > ATTRIBUTES_MAX)
		ss_bad_value("attributes", "There are more than %d.", ATTRIBUTES_MAX);
	if (VARSIZE(attributes) > ATTRIBUTES_MAX_BYTES)
		ss_bad_value("attributes", "They take more than %d bytes.", ATTRIBUTES_MAX_BYTES);
}

static SSText
text_of(const char *text)
{
	return (SSText){text, strlen(text)};
}

static void
set_text(SSNode *object, const char *key, const char *value)
{
	if (value != NULL)
		ss_node_set_text(object, text_of(key), text_of(value));
}

/* YYYY-MM-DDTHH:MM:SS.UUUUUUZ, so that the order of texts is that of times. */
static char *
iso_time(TimestampTz moment)
{
	struct pg_tm tm;
	fsec_t fsec;

	if (timestamp2tm(moment, NULL, &tm, &fsec, NULL, NULL) != 0)
		return NULL;
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
					tm.tm_sec, fsec);
}

static void
set_user(SSNode *attributes, const SSFlagUser *user)
{
	const char *at = user->email == NULL ? NULL : strrchr(user->email, '@');
	TimestampTz age = GetCurrentStatementStartTimestamp() - user->created_at;
	int64 days;

	set_text(attributes, "role", user->role);
	set_text(attributes, "preferred_language", user->preferred_language);
	set_text(attributes, "account_status", user->account_status);
	set_text(attributes, "verification_status", user->verification_status);
	set_text(attributes, "created_at", iso_time(user->created_at));
	days = age >= 0 ? age / USECS_PER_DAY : -((-age + USECS_PER_DAY - 1) / USECS_PER_DAY);
	ss_node_set_number(attributes, SS_TEXT("account_age_days"), (double) days);
	if (at != NULL)
		set_text(attributes, "email_domain", asc_tolower(at + 1, strlen(at + 1)));
}

/* The names of an array of texts as an array of strings. */
static SSNode
names_of(ArrayType *array)
{
	Datum *values;
	int count = 0;
	SSNode names;

	if (array != NULL)
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &count);
	names = ss_node_array(count);
	for (int i = 0; i < count; i++)
		names.items[i] = ss_node_text(text_of(TextDatumGetCString(values[i])));
	return names;
}

static bool
in_segment(SSText name, void *state)
{
	const SSNode *segments = &((SSFlagSubject *) state)->segments;

	for (int i = 0; i < segments->count; i++)
	{
		if (ss_text_equals(ss_node_string(&segments->items[i]), name))
			return true;
	}
	return false;
}

/* Values that the user has of its own, of whatever flag. */
static void
set_forced(SSFlagSubject *subject, const SSFlagSet *set)
{
	subject->forced = ss_node_object();
	if (set->noverrides == 0 || set->killed || subject->user_id == NULL)
		return;
	for (int i = 0; i < set->nflags; i++)
		ss_node_set(&subject->forced, set->flags[i].key,
					ss_flag_override_of(&set->flags[i], subject->user_id, set->arranged_at));
}

static void
begin(SSFlagSubject *subject, SSFlagSet *set, const pg_uuid_t *user_id, Jsonb *given)
{
	static const SSText stored[] = {{"role", 4},
									{"preferred_language", 18},
									{"account_status", 14},
									{"verification_status", 19},
									{"created_at", 10},
									{"account_age_days", 16},
									{"email_domain", 12},
									{"tier", 4},
									{"lifetime_points", 15},
									{"transaction_count", 17},
									{"segments", 8}};

	memset(subject, 0, sizeof(SSFlagSubject));
	subject->user_id = user_id;
	subject->attributes = *ss_node_read(given);
	subject->segments = ss_node_array(0);
	subject->context.features = &set->features;
	subject->context.subject = (SSSubject){&subject->attributes, NULL, in_segment, subject};
	set_forced(subject, set);
	subject->context.forced_values = &subject->forced;
	if (user_id == NULL)
		return;
	for (size_t i = 0; given != NULL && JB_ROOT_COUNT(given) > 0 && i < lengthof(stored); i++)
		ss_node_remove(&subject->attributes, stored[i]);
	set_text(&subject->attributes, "id", ss_uuid_text(user_id));
	set_text(&subject->attributes, "user_id", ss_uuid_text(user_id));
}

void
ss_flag_subject_set(SSFlagSubject *subject, SSFlagSet *set, const pg_uuid_t *user_id, Jsonb *given,
					const SSFlagUser *user)
{
	begin(subject, set, user_id, given);
	if (!user->exists)
		return;
	set_user(&subject->attributes, user);
	if (user->has_account)
	{
		set_text(&subject->attributes, "tier", user->tier);
		ss_node_set_number(&subject->attributes, SS_TEXT("lifetime_points"), user->lifetime_points);
		ss_node_set_number(&subject->attributes, SS_TEXT("transaction_count"), user->transaction_count);
	}
	subject->segments = names_of(user->segments);
	ss_node_set(&subject->attributes, SS_TEXT("segments"), &subject->segments);
}

/* --- by key -------------------------------------------------------------------------------------- */

static void
read_user(SSFlagSubject *subject, const Datum *id)
{
	SSFlagUser user = {.exists = true};

	if (ss_query_read(&user_query, id, NULL) == 0)
		return;
	user.role = ss_value_text(0, 1);
	user.preferred_language = ss_value_text(0, 2);
	user.account_status = ss_value_text(0, 3);
	user.verification_status = ss_value_text(0, 4);
	user.email = ss_value_text(0, 5);
	user.created_at = ss_value_time(0, 6);
	set_user(&subject->attributes, &user);
}

static void
read_account(SSFlagSubject *subject, const Datum *id)
{
	if (ss_query_read(&account_query, id, NULL) == 0)
		return;
	set_text(&subject->attributes, "tier", ss_value_text(0, 1));
	ss_node_set_number(&subject->attributes, SS_TEXT("lifetime_points"), ss_value_int64(0, 2, 0));
	ss_node_set_number(&subject->attributes, SS_TEXT("transaction_count"), ss_value_int64(0, 3, 0));
}

static void
read_segments(SSFlagSubject *subject, const Datum *id)
{
	bool isnull;
	Datum names;

	(void) ss_query_read(&segments_query, id, NULL);
	names = ss_value_or_null(0, 1, TEXTARRAYOID, &isnull);
	if (!isnull)
		subject->segments = names_of(DatumGetArrayTypeP(names));
	ss_node_set(&subject->attributes, SS_TEXT("segments"), &subject->segments);
}

/* The document of what the user keeps; of no known user none is kept. */
static void
read_assignments(SSFlagSubject *subject, const Datum *id)
{
	SSNode document = ss_node_object();
	SSNode assignments = ss_node_object();
	char *key;
	uint64 rows;

	subject->sticky = ss_node_object();
	subject->context.sticky = &subject->sticky;
	if (subject->user_id == NULL)
		return;
	rows = ss_query_read(&assignments_query, id, NULL);
	for (uint64 i = 0; i < rows; i++)
		set_text(&assignments, ss_value_text(i, 1), ss_value_text(i, 2));
	set_text(&document, "attributeName", "id");
	set_text(&document, "attributeValue", ss_uuid_text(subject->user_id));
	ss_node_set(&document, SS_TEXT("assignments"), &assignments);
	key = psprintf("id||%s", ss_uuid_text(subject->user_id));
	ss_node_set(&subject->sticky, text_of(key), &document);
}

void
ss_flag_subject_read(SSFlagSubject *subject, SSFlagSet *set, const pg_uuid_t *user_id, Jsonb *given, int reads)
{
	Datum id = UUIDPGetDatum(user_id);

	begin(subject, set, user_id, given);
	if (user_id != NULL && (reads & SS_READS_USER) != 0)
		read_user(subject, &id);
	if (user_id != NULL && (reads & SS_READS_ACCOUNT) != 0)
		read_account(subject, &id);
	if (user_id != NULL && (reads & SS_READS_SEGMENTS) != 0)
		read_segments(subject, &id);
	if ((reads & SS_READS_STICKY) != 0)
		read_assignments(subject, &id);
}

/* --- evaluating ------------------------------------------------------------------------------------ */

void
ss_flag_answer(SSFlagSubject *subject, const SSFlagSet *set, const SSFlag *flag, SSFlagAnswer *answer)
{
	memset(answer, 0, sizeof(SSFlagAnswer));
	answer->value = flag->default_value;
	if (flag->is_archived)
		answer->source = "archived";
	else if (set->killed)
		answer->source = "kill_switch";
	else
	{
		ss_feature_evaluate_found(&subject->context, flag->key, flag->feature, NULL, &answer->result);
		answer->source = ss_source_name(answer->result.source);
		answer->value = answer->result.value;
	}
}
