/*
 * flag_subject.c: what stored flags see of a user (flag_subject.h).
 *
 * Called by the functions that evaluate stored flags. Reads users,
 * reward_accounts and segment_members by key, past the executor where the tables
 * are plain (flag_user.h), and feature_flag_assignments; of those only what the
 * flags in question name. An attribute that is stored counts whatever the caller
 * says, so that everybody gets the same answer for a user, and a customer cannot
 * promote itself. No locks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/casing.h"
#include "base/errors.h"
#include "base/query.h"
#include "flags/flag_subject.h"
#include "flags/flag_user.h"

#define ATTRIBUTES_MAX		 100
#define ATTRIBUTES_MAX_BYTES 65536
#define ATTRIBUTES_OF_USER	 13

SS_QUERY(user_query,
		 "SELECT role, preferred_language, status, verification_status, email, created_at FROM swipesavvy.users"
		 " WHERE user_id = $1 AND erased_at IS NULL",
		 UUIDOID);
SS_QUERY(account_query,
		 "SELECT tier, lifetime_points, transaction_count FROM swipesavvy.reward_accounts r WHERE user_id = $1"
		 "   AND EXISTS (SELECT FROM swipesavvy.users u WHERE u.user_id = r.user_id AND u.erased_at IS NULL)",
		 UUIDOID);
SS_QUERY(segments_query,
		 "SELECT (SELECT array_agg(s.name ORDER BY s.name) FROM swipesavvy.segment_members m"
		 "  JOIN swipesavvy.segments s ON s.segment_no = m.segment_no WHERE m.user_id = $1)"
		 "  FROM swipesavvy.users u WHERE u.user_id = $1 AND u.erased_at IS NULL",
		 UUIDOID);
SS_QUERY(assignments_query,
		 "SELECT experiment_key || '__' || bucket_version, variation FROM swipesavvy.feature_flag_assignments"
		 " WHERE user_id = $1",
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

/* A text of the server that is not null, copied. */
static SSText
text_of(Datum value)
{
	text *copy = DatumGetTextPCopy(value);

	return ss_text_of_server(VARDATA_ANY(copy), VARSIZE_ANY_EXHDR(copy));
}

static void
set_text(SSFlagSubject *subject, SSText name, Datum value)
{
	ss_node_set_text(&subject->attributes, name, text_of(value));
}

static void
set_email_domain(SSFlagSubject *subject, Datum email)
{
	SSText domain = text_of(email);
	int at;

	for (at = domain.length; at > 0 && domain.data[at - 1] != '@';)
		at--;
	if (at == 0)
		return;
	domain.data = ss_lower_case(domain.data + at, domain.length - at, &domain.length);
	ss_node_set_text(&subject->attributes, SS_TEXT("email_domain"), domain);
}

static void
set_created_at(SSFlagSubject *subject, TimestampTz created_at)
{
	TimestampTz age = GetCurrentStatementStartTimestamp() - created_at;
	int64 days = age >= 0 ? age / USECS_PER_DAY : -((-age + USECS_PER_DAY - 1) / USECS_PER_DAY);
	char *text = iso_time(created_at);

	if (text != NULL)
		ss_node_set_text(&subject->attributes, SS_TEXT("created_at"), (SSText){text, strlen(text)});
	ss_node_set_number(&subject->attributes, SS_TEXT("account_age_days"), (double) days);
}

static void
set_user(SSFlagSubject *subject, const Datum *columns)
{
	set_text(subject, SS_TEXT("role"), columns[SS_FLAG_ROLE]);
	set_text(subject, SS_TEXT("preferred_language"), columns[SS_FLAG_LANGUAGE]);
	set_text(subject, SS_TEXT("account_status"), columns[SS_FLAG_STATUS]);
	set_text(subject, SS_TEXT("verification_status"), columns[SS_FLAG_VERIFICATION]);
	set_email_domain(subject, columns[SS_FLAG_EMAIL]);
	set_created_at(subject, DatumGetTimestampTz(columns[SS_FLAG_CREATED_AT]));
}

static void
set_account(SSFlagSubject *subject, const Datum *columns)
{
	set_text(subject, SS_TEXT("tier"), columns[SS_FLAG_TIER]);
	ss_node_set_number(&subject->attributes, SS_TEXT("lifetime_points"),
					   (double) DatumGetInt64(columns[SS_FLAG_POINTS]));
	ss_node_set_number(&subject->attributes, SS_TEXT("transaction_count"),
					   (double) DatumGetInt64(columns[SS_FLAG_TRANSACTIONS]));
}

void
ss_flag_subject_set_segments(SSFlagSubject *subject, const SSNode *names)
{
	subject->segments = *names;
	ss_node_set(&subject->attributes, SS_TEXT("segments"), &subject->segments);
}

/* The texts of an array; none of one that is null. */
static SSNode
texts_of(Datum array, bool isnull)
{
	Datum *values;
	int count = 0;
	SSNode texts;

	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &count);
	texts = ss_node_array(count);
	for (int i = 0; i < count; i++)
		texts.items[i] = ss_node_text(text_of(values[i]));
	return texts;
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

SSNode
ss_flag_attributes_of(Jsonb *given, bool of_user)
{
	SSNode attributes = *ss_node_read(given);

	(void) ss_node_items(&attributes);
	for (int i = 0; of_user && attributes.count > 0 && i < SS_FLAG_ATTRIBUTES; i++)
		ss_node_remove(&attributes, ss_flag_attributes[i].name);
	return attributes;
}

void
ss_flag_subject_begin(SSFlagSubject *subject, SSFlagSet *set, const pg_uuid_t *user_id, const SSNode *given)
{
	memset(subject, 0, sizeof(SSFlagSubject));
	subject->user_id = user_id;
	subject->attributes = ss_node_object_with_room(given, ATTRIBUTES_OF_USER);
	subject->segments = ss_node_array(0);
	subject->context.features = &set->features;
	subject->context.subject = (SSSubject){&subject->attributes, NULL, in_segment, subject};
	set_forced(subject, set);
	subject->context.forced_values = &subject->forced;
	if (user_id == NULL)
		return;
	ss_node_set_text(&subject->attributes, SS_TEXT("id"), (SSText){ss_uuid_text(user_id), 36});
	ss_node_set_text(&subject->attributes, SS_TEXT("user_id"), (SSText){ss_uuid_text(user_id), 36});
}

/* The document of what the user keeps; of no known user none is kept. */
static void
set_sticky(SSFlagSubject *subject, const SSNode *keys, const SSNode *variations)
{
	SSNode document = ss_node_object();
	SSNode assignments = ss_node_object();
	char *key;

	subject->sticky = ss_node_object();
	subject->context.sticky = &subject->sticky;
	if (subject->user_id == NULL)
		return;
	for (int i = 0; i < keys->count; i++)
		ss_node_set(&assignments, ss_node_string(&keys->items[i]), &variations->items[i]);
	key = psprintf("id||%s", ss_uuid_text(subject->user_id));
	ss_node_set_text(&document, SS_TEXT("attributeName"), SS_TEXT("id"));
	ss_node_set_text(&document, SS_TEXT("attributeValue"), (SSText){ss_uuid_text(subject->user_id), 36});
	ss_node_set(&document, SS_TEXT("assignments"), &assignments);
	ss_node_set(&subject->sticky, (SSText){key, strlen(key)}, &document);
}

/* Those that somebody's DDL let be null are refused. */
static void
check_columns(TupleTableSlot *row, int first, int last)
{
	for (int i = first; i <= last; i++)
		(void) ss_slot_value(row, i + 1);
}

void
ss_flag_subject_take(SSFlagSubject *subject, TupleTableSlot *row, int reads)
{
	const Datum *columns = row->tts_values;
	const bool *nulls = row->tts_isnull;

	slot_getallattrs(row);
	if ((reads & SS_READS_USER) != 0)
	{
		check_columns(row, SS_FLAG_ROLE, SS_FLAG_CREATED_AT);
		set_user(subject, columns);
	}
	if ((reads & SS_READS_ACCOUNT) != 0 && !nulls[SS_FLAG_ACCOUNT])
	{
		check_columns(row, SS_FLAG_TIER, SS_FLAG_TRANSACTIONS);
		set_account(subject, columns);
	}
	if ((reads & SS_READS_SEGMENTS) != 0)
	{
		SSNode names = texts_of(columns[SS_FLAG_SEGMENTS], nulls[SS_FLAG_SEGMENTS]);

		ss_flag_subject_set_segments(subject, &names);
	}
	if ((reads & SS_READS_STICKY) != 0)
	{
		SSNode keys = texts_of(columns[SS_FLAG_KEPT], nulls[SS_FLAG_KEPT]);
		SSNode variations = texts_of(columns[SS_FLAG_KEPT + 1], nulls[SS_FLAG_KEPT + 1]);

		set_sticky(subject, &keys, &variations);
	}
}

/* --- one user, directly --------------------------------------------------------------------------- */

static int
compare_places(const void *a, const void *b)
{
	return (*(SSFlagSegment *const *) a)->place - (*(SSFlagSegment *const *) b)->place;
}

/* Names are those of the set; a segment that was made after it is in none of its rules. */
static void
name_segments(SSFlagSubject *subject, const SSFlagSet *set, const SSFlagUser *user)
{
	const SSFlagSegment **segments = palloc(sizeof(SSFlagSegment *) * Max(user->nsegments, 1));
	int count = 0;
	SSNode names;

	for (int i = 0; i < user->nsegments; i++)
	{
		segments[count] = ss_flag_segment(set, user->segments[i]);
		count += segments[count] != NULL ? 1 : 0;
	}
	if (count > 1)
		qsort(segments, count, sizeof(SSFlagSegment *), compare_places);
	names = ss_node_array(count);
	for (int i = 0; i < count; i++)
		names.items[i] = ss_node_text(segments[i]->name);
	ss_flag_subject_set_segments(subject, &names);
}

/* False where a query must do it. */
static bool
read_directly(SSFlagSubject *subject, const SSFlagSet *set, const pg_uuid_t *user_id, int reads)
{
	const SSFlagUser *user = ss_flag_user_read(user_id, reads);

	if (user == NULL)
		return false;
	if ((reads & SS_READS_USER) != 0 && user->is_user)
		set_user(subject, user->columns);
	if ((reads & SS_READS_ACCOUNT) != 0 && user->has_account)
		set_account(subject, user->columns);
	if ((reads & SS_READS_SEGMENTS) != 0 && (user->nsegments > 0 || user->is_user))
		name_segments(subject, set, user);
	return true;
}

/* --- one user, by queries ---------------------------------------------------------------------------- */

static void
read_user_by_query(SSFlagSubject *subject, const Datum *id)
{
	Datum columns[SS_FLAG_COLUMNS];
	SSRows rows = ss_rows_read(&user_query, id, NULL);
	SSRow row;

	if (rows.count == 0)
		return;
	row = ss_row(rows, 0);
	columns[SS_FLAG_ROLE] = ss_next_value(&row, TEXTOID);
	columns[SS_FLAG_LANGUAGE] = ss_next_value(&row, TEXTOID);
	columns[SS_FLAG_STATUS] = ss_next_value(&row, TEXTOID);
	columns[SS_FLAG_VERIFICATION] = ss_next_value(&row, TEXTOID);
	columns[SS_FLAG_EMAIL] = ss_next_value(&row, TEXTOID);
	columns[SS_FLAG_CREATED_AT] = ss_next_value(&row, TIMESTAMPTZOID);
	set_user(subject, columns);
}

static void
read_account_by_query(SSFlagSubject *subject, const Datum *id)
{
	Datum columns[SS_FLAG_COLUMNS];
	SSRows rows = ss_rows_read(&account_query, id, NULL);
	SSRow row;

	if (rows.count == 0)
		return;
	row = ss_row(rows, 0);
	columns[SS_FLAG_TIER] = ss_next_value(&row, TEXTOID);
	columns[SS_FLAG_POINTS] = ss_next_value(&row, INT8OID);
	columns[SS_FLAG_TRANSACTIONS] = ss_next_value(&row, INT8OID);
	set_account(subject, columns);
}

static void
read_segments_by_query(SSFlagSubject *subject, const Datum *id)
{
	SSRows rows = ss_rows_read(&segments_query, id, NULL);
	SSRow row;
	bool isnull;
	Datum array;
	SSNode names;

	if (rows.count == 0)
		return;
	row = ss_row(rows, 0);
	array = ss_next_value_or_null(&row, TEXTARRAYOID, &isnull);
	names = texts_of(array, isnull);
	ss_flag_subject_set_segments(subject, &names);
}

/* What of a user that is known is kept. */
static void
read_kept(SSFlagSubject *subject, const Datum *id)
{
	SSRows rows = ss_rows_read(&assignments_query, id, NULL);
	SSNode keys = ss_node_array(rows.count);
	SSNode variations = ss_node_array(rows.count);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		keys.items[i] = ss_node_text(text_of(ss_next_value(&row, TEXTOID)));
		variations.items[i] = ss_node_text(text_of(ss_next_value(&row, TEXTOID)));
	}
	set_sticky(subject, &keys, &variations);
}

void
ss_flag_subject_read(SSFlagSubject *subject, SSFlagSet *set, const pg_uuid_t *user_id, Jsonb *given, int reads)
{
	SSNode attributes = ss_flag_attributes_of(given, user_id != NULL);
	Datum id = UUIDPGetDatum(user_id);
	int columns = reads & (SS_READS_USER | SS_READS_ACCOUNT | SS_READS_SEGMENTS);

	ss_flag_subject_begin(subject, set, user_id, &attributes);
	if (user_id == NULL)
	{
		if ((reads & SS_READS_STICKY) != 0)
			set_sticky(subject, NULL, NULL);
		return;
	}
	if (columns != 0 && !read_directly(subject, set, user_id, columns))
	{
		if ((columns & SS_READS_USER) != 0)
			read_user_by_query(subject, &id);
		if ((columns & SS_READS_ACCOUNT) != 0)
			read_account_by_query(subject, &id);
		if ((columns & SS_READS_SEGMENTS) != 0)
			read_segments_by_query(subject, &id);
	}
	if ((reads & SS_READS_STICKY) != 0)
		read_kept(subject, &id);
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
