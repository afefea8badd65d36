/*
 * audit.c: writes the record of who did what (audit.h), and keeps it from
 * being changed.
 *
 * Called by every domain that changes something, after ss_call_enter, in the
 * transaction of the change. Rows are only added (log_row.c), and nothing is
 * locked: writers wait for nobody, but for once after a restore, when the first
 * of them notes the new installation. The order in which rows became visible is
 * not the one of their ids; sealing goes by the transaction (seal.c).
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "audit/audit.h"
#include "audit/audit_internal.h"
#include "audit/log_row.h"
#include "audit/mask.h"
#include "base/query.h"
#include "base/random.h"
#include "base/uuid7.h"
#include "call/origin.h"
#include "call/refused.h"

#define SALT_LENGTH		16
#define REFUSED_AT_ONCE 16 /* refused attempts that one call writes down besides its own row */

PG_FUNCTION_INFO_V1(swipesavvy_audit_refuse_change);

/* What is being erased or retired; means nothing but inside of ss_audit_permitted(). */
static bool permitted = false;

/* --- commitments -------------------------------------------------------------------- */

void
ss_audit_commitment(pg_cryptohash_ctx *context, uint8 *digest, const bytea *salt, const text *content)
{
	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) VARDATA_ANY(salt), VARSIZE_ANY_EXHDR(salt)) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content)) < 0 ||
		pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not hash: %s", pg_cryptohash_error(context));
}

/* Sets three parameters from n on: the document, a new salt, and the hash of both; nulls without a document. */
static void
set_committed(Datum *values, bool *nulls, int n, Jsonb *document)
{
	text *content;
	bytea *salt;
	bytea *digest;
	pg_cryptohash_ctx *context;

	ss_param_pointer(values, nulls, n, NULL);
	ss_param_pointer(values, nulls, n + 1, NULL);
	ss_param_pointer(values, nulls, n + 2, NULL);
	if (document == NULL)
		return;
	content = cstring_to_text(JsonbToCString(NULL, &document->root, VARSIZE(document)));
	salt = palloc(VARHDRSZ + SALT_LENGTH);
	SET_VARSIZE(salt, VARHDRSZ + SALT_LENGTH);
	ss_random_fill(VARDATA(salt), SALT_LENGTH);
	digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	context = pg_cryptohash_create(PG_SHA256);
	ss_audit_commitment(context, (uint8 *) VARDATA(digest), salt, content);
	pg_cryptohash_free(context);
	ss_param_pointer(values, nulls, n, content);
	ss_param_pointer(values, nulls, n + 1, salt);
	ss_param_pointer(values, nulls, n + 2, digest);
}

/* --- the difference -------------------------------------------------------------------- */

static bool
is_same(JsonbValue *one, JsonbValue *other)
{
	if (one->type != other->type)
		return false;
	switch (one->type)
	{
		case jbvNull:
			return true;
		case jbvBool:
			return one->val.boolean == other->val.boolean;
		case jbvString:
			return one->val.string.len == other->val.string.len &&
				   memcmp(one->val.string.val, other->val.string.val, one->val.string.len) == 0;
		case jbvNumeric:
			return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(one->val.numeric),
													NumericGetDatum(other->val.numeric)));
		default:
			return compareJsonbContainers(one->val.binary.data, other->val.binary.data) == 0;
	}
}

/* Is it a column whose changes tell nothing, such as updated_at? */
static bool
is_noise(const char *name, int length)
{
	return length == 10 && memcmp(name, "updated_at", 10) == 0;
}

/* Pushes the object under the name with what it has and the other object has not, or has differently. */
static void
push_difference(JsonbParseState **state, const char *name, Jsonb *document, Jsonb *other)
{
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	JsonbValue key = {.type = jbvString};
	JsonbValue value;
	JsonbValue counterpart;
	JsonbIteratorToken token;

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	(void) pushJsonbValue(state, WJB_KEY, &key);
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_KEY)
			key = value;
		else if (token == WJB_VALUE && !is_noise(key.val.string.val, key.val.string.len) &&
				 (other == NULL ||
				  getKeyJsonValueFromContainer(&other->root, key.val.string.val, key.val.string.len, &counterpart) ==
					  NULL ||
				  !is_same(&value, &counterpart)))
			ss_audit_push_masked(state, &key, &value);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* {"before": {…}, "after": {…}}, NULL where neither was given. */
static Jsonb *
difference(Jsonb *before, Jsonb *after)
{
	JsonbParseState *state = NULL;

	if (before == NULL && after == NULL)
		return NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (before != NULL)
		push_difference(&state, "before", before, after);
	if (after != NULL)
		push_difference(&state, "after", after, before);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* --- writing ---------------------------------------------------------------------------- */

static Jsonb *
origin_document(const SSOrigin *origin)
{
	SSJson json = {0};

	if (origin->address[0] == '\0' && origin->agent[0] == '\0')
		return NULL;
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "ip_address", origin->address[0] == '\0' ? NULL : origin->address);
	ss_json_text(&json, "user_agent", origin->agent[0] == '\0' ? NULL : origin->agent);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

/* The name of a role, which may have been dropped since. */
static char *
role_name(Oid role)
{
	char *name = GetUserNameFromId(role, true);

	return name != NULL ? name : psprintf("dropped role %u", role);
}

void
ss_audit_insert(const SSAudit *audit, const SSAuditCircumstances *when, Jsonb *details)
{
	Datum values[LOG_COLUMNS];
	bool nulls[LOG_COLUMNS] = {false};

	PreventCommandIfReadOnly("INSERT"); /* what the executor would do */
	PreventCommandIfParallelMode("INSERT");
	values[LOG_INSTALLATION] = Int32GetDatum(ss_audit_installation());
	values[LOG_XID] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	values[LOG_ID] = UUIDPGetDatum(&when->log_id);
	values[LOG_TIME] = TimestampTzGetDatum(when->moment);
	ss_param_text(values, nulls, LOG_EVENT, psprintf("%s.%s", audit->resource, audit->action));
	ss_param_text(values, nulls, LOG_RESOURCE, audit->resource);
	ss_param_text(values, nulls, LOG_RESOURCE_ID, audit->resource_id);
	ss_param_text(values, nulls, LOG_STATUS, audit->refused ? "refused" : "ok");
	ss_param_pointer(values, nulls, LOG_USER, audit->user_id);
	ss_param_pointer(values, nulls, LOG_ACTOR, when->actor);
	ss_param_text(values, nulls, LOG_SESSION_ROLE, role_name(when->session_role));
	ss_param_text(values, nulls, LOG_INVOKING_ROLE, role_name(when->invoking_role));
	ss_param_text(values, nulls, LOG_REQUEST_ID, when->origin->id[0] == '\0' ? NULL : when->origin->id);
	set_committed(values, nulls, LOG_ORIGIN, origin_document(when->origin));
	set_committed(values, nulls, LOG_DETAILS, details);
	ss_audit_add_row(values, nulls);
}

void
ss_audit_write(SSCall *call, const SSAudit *audit, Jsonb *before, Jsonb *after)
{
	SSOrigin origin;
	SSAuditCircumstances when = {
		.moment = GetCurrentTimestamp(),
		.actor = call->has_identity ? &call->identity : NULL,
		.session_role = GetSessionUserId(),
		.invoking_role = call->caller,
		.origin = &origin,
	};

	ss_uuid7_make(&when.log_id);
	ss_origin_read(&origin);
	ss_audit_insert(audit, &when, difference(before, after));
	call->recorded = true;
	if (ss_refused_waiting())
		(void) ss_audit_drain(REFUSED_AT_ONCE);
}

SSAuditRow
ss_audit_row(void)
{
	return ss_row_of_last(0);
}

/* The columns of a row that are not the same in the other one, if there is one. */
static Jsonb *
changed_columns(SSAuditRow row, SSAuditRow other)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	for (int i = 0; i < row.desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(row.desc, i);
		bool isnull;
		bool other_null = true;
		Datum value = SPI_getbinval(row.tuple, row.desc, i + 1, &isnull);
		Datum other_value = (Datum) 0;

		if (other.tuple != NULL)
			other_value = SPI_getbinval(other.tuple, other.desc, i + 1, &other_null);
		if ((isnull && other_null) ||
			(!isnull && !other_null && datum_image_eq(value, other_value, column->attbyval, column->attlen)))
			continue;
		ss_json_datum(&json, NameStr(column->attname), value, isnull, column->atttypid);
	}
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

void
ss_audit_write_rows(SSCall *call, const SSAudit *audit, SSAuditRow before, SSAuditRow after)
{
	ss_audit_write(call, audit, before.tuple == NULL ? NULL : changed_columns(before, after),
				   after.tuple == NULL ? NULL : changed_columns(after, before));
}

void
ss_audit_none(SSCall *call)
{
	call->recorded = true;
}

/* --- only added to -------------------------------------------------------------------------- */

void
ss_audit_permitted(void (*change)(void *), void *argument)
{
	PG_TRY();
	{
		permitted = true;
		change(argument);
	}
	PG_FINALLY();
	{
		permitted = false;
	}
	PG_END_TRY();
}

/*
 * audit_refuse_change(): trigger of the audit log
 */
Datum
swipesavvy_audit_refuse_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "audit_refuse_change() was not called as a trigger");
	if (!permitted || TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("the audit log is append-only"),
				errdetail("Rows of table \"%s\" are neither changed nor deleted.",
						  RelationGetRelationName(trigger->tg_relation)));
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple);
}
