/*
 * audit.c: writes the record of who did what (audit.h), and keeps it from
 * being changed.
 *
 * Called by every domain that changes something, after ss_call_enter, in the
 * transaction of the change. Rows are only added, and nothing is locked:
 * writers wait for nobody, but for once after a restore, when the first of them
 * notes the new installation. The order in which rows became visible is not the
 * one of their ids; sealing goes by the transaction (audit_seal.c).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_namespace.h"
#include "commands/trigger.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "audit.h"
#include "audit_mask.h"
#include "audit_permit.h"
#include "query.h"
#include "refused.h"
#include "request.h"
#include "uuid7.h"

#define SALT_LENGTH		16
#define REFUSED_AT_ONCE 16		/* refused attempts that one call writes down besides its own row */

PG_FUNCTION_INFO_V1(swipesavvy_audit_refuse_change);

/* The columns of the table, in their order. */
enum
{
	LOG_INSTALLATION, LOG_XID, LOG_ID, LOG_TIME, LOG_EVENT, LOG_RESOURCE, LOG_RESOURCE_ID, LOG_STATUS, LOG_USER, LOG_ACTOR,
	LOG_SESSION_ROLE, LOG_INVOKING_ROLE, LOG_REQUEST_ID, LOG_ORIGIN, LOG_ORIGIN_SALT, LOG_ORIGIN_HASH, LOG_DETAILS,
	LOG_DETAILS_SALT, LOG_DETAILS_HASH, LOG_COLUMNS
};

/* What is being erased or retired; means nothing but inside of ss_audit_permitted(). */
static bool permitted = false;

static bool
is_never_null(int column)
{
	return column <= LOG_RESOURCE || column == LOG_STATUS || column == LOG_SESSION_ROLE || column == LOG_INVOKING_ROLE;
}

/* Of all columns, in their order. */
static SSQuery insert_log = {
	"INSERT INTO swipesavvy.audit_logs (installation_no, xid, log_id, logged_at, event_type, resource, resource_id, status,"
	"       user_id, actor_id, session_role, invoking_role, request_id, origin, origin_salt, origin_hash,"
	"       details, details_salt, details_hash)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)", LOG_COLUMNS,
	{INT4OID, XID8OID, UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, UUIDOID, TEXTOID,
	 TEXTOID, TEXTOID, JSONOID, BYTEAOID, BYTEAOID, JSONOID, BYTEAOID, BYTEAOID}, NULL};

static SSQuery find_installation = {
	"SELECT installation_no FROM (SELECT installation_no, system_identifier, database_oid"
	"          FROM swipesavvy.audit_installations ORDER BY installation_no DESC LIMIT 1) i"
	" WHERE i.system_identifier = $1 AND i.database_oid = $2", 2, {INT8OID, OIDOID}, NULL};

/* Whoever comes second waits for the first's end, and finds its row. */
static SSQuery insert_installation = {
	"INSERT INTO swipesavvy.audit_installations (installation_no, installation_id, system_identifier, database_oid)"
	" SELECT coalesce(max(installation_no), 0) + 1, $3, $1, $2 FROM swipesavvy.audit_installations"
	" ON CONFLICT DO NOTHING", 3, {INT8OID, OIDOID, UUIDOID}, NULL};

/* --- the installation ------------------------------------------------------------- */

/* Transaction ids start again with another server, and go on with another database: both make another installation. */
static void
set_installation(Datum *values)
{
	values[0] = Int64GetDatum((int64) GetSystemIdentifier());
	values[1] = ObjectIdGetDatum(MyDatabaseId);
}

static void
note_installation(void)
{
	Datum		values[3];

	set_installation(values);
	values[2] = UUIDPGetDatum(ss_uuid7_new());
	(void) ss_query_latest(&insert_installation, values, NULL);
}

int32
ss_audit_installation(void)
{
	Datum		values[2];

	set_installation(values);
	while (ss_query_latest(&find_installation, values, NULL) == 0)
		note_installation();
	return DatumGetInt32(ss_value_not_null(0, 1));
}

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
	text	   *content;
	bytea	   *salt;
	bytea	   *digest;
	pg_cryptohash_ctx *context;

	ss_param_pointer(values, nulls, n, NULL);
	ss_param_pointer(values, nulls, n + 1, NULL);
	ss_param_pointer(values, nulls, n + 2, NULL);
	if (document == NULL)
		return;
	content = cstring_to_text(JsonbToCString(NULL, &document->root, VARSIZE(document)));
	salt = palloc(VARHDRSZ + SALT_LENGTH);
	SET_VARSIZE(salt, VARHDRSZ + SALT_LENGTH);
	if (!pg_strong_random(VARDATA(salt), SALT_LENGTH))
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values"));
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

/* Would nobody ask about a change of this? */
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
	JsonbValue	key = {.type = jbvString};
	JsonbValue	value;
	JsonbValue	counterpart;
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
				  getKeyJsonValueFromContainer(&other->root, key.val.string.val, key.val.string.len, &counterpart) == NULL ||
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
origin_of(const SSRequest *request)
{
	SSJson		json = {0};

	if (request->address[0] == '\0' && request->agent[0] == '\0')
		return NULL;
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "ip_address", request->address[0] == '\0' ? NULL : request->address);
	ss_json_text(&json, "user_agent", request->agent[0] == '\0' ? NULL : request->agent);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

/* The name of a role, which may have been dropped since. */
static char *
role_name(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	return name != NULL ? name : psprintf("dropped role %u", role);
}

static Relation
open_table(const char *name, LOCKMODE mode)
{
	return table_open(get_relname_relid(name, get_namespace_oid("swipesavvy", false)), mode);
}

/*
 * The number of this installation as the latest snapshot shows it, 0 if the
 * last one is another. The table has a row or two: it is read as it lies.
 */
static int32
present_installation(void)
{
	Relation	table = open_table("audit_installations", AccessShareLock);
	TupleTableSlot *slot = table_slot_create(table, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(table, snapshot, 0, NULL);
	int32		last = 0;
	bool		is_this = false;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		int32		number = DatumGetInt32(slot_getattr(slot, 1, &isnull));

		if (number < last)
			continue;
		last = number;
		is_this = DatumGetInt64(slot_getattr(slot, 3, &isnull)) == (int64) GetSystemIdentifier() &&
			DatumGetObjectId(slot_getattr(slot, 4, &isnull)) == MyDatabaseId;
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(table, NoLock);
	return is_this ? last : 0;
}

/* Is there more to an insertion into the table than its row and entries of plain indexes? It must be as the extension made it. */
static bool
is_plain(Relation table)
{
	TupleDesc	desc = RelationGetDescr(table);
	TriggerDesc *triggers = table->trigdesc;

	if (table->rd_rel->relkind != RELKIND_RELATION || table->rd_rel->relam != HEAP_TABLE_AM_OID ||
		table->rd_rules != NULL || table->rd_rel->relrowsecurity || table->rd_rel->relispartition ||
		table->rd_rel->relhassubclass || desc->natts != LOG_COLUMNS)
		return false;
	if (triggers != NULL && (triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
							 triggers->trig_insert_before_statement || triggers->trig_insert_after_statement))
		return false;
	if (desc->constr != NULL && (desc->constr->num_check > 0 || desc->constr->has_generated_stored))
		return false;
	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->attisdropped || TupleDescAttr(desc, i)->attnotnull != is_never_null(i))
			return false;
	/* Citus keeps ordinary tables in front of its shards */
	return !OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE));
}

/* Are all indexes over columns, all rows and by the server's functions? */
static bool
are_plain(CatalogIndexState indexes)
{
	for (int i = 0; i < indexes->ri_NumIndices; i++)
	{
		Relation	index = indexes->ri_IndexRelationDescs[i];
		IndexInfo  *info = indexes->ri_IndexRelationInfo[i];

		if (info->ii_Expressions != NIL || info->ii_Predicate != NIL || info->ii_ExclusionOps != NULL)
			return false;
		for (int j = 0; j < IndexRelationGetNumberOfKeyAttributes(index); j++)
			if (index->rd_opfamily[j] >= FirstNormalObjectId)
				return false;
	}
	return true;
}

/*
 * Adds the row and its index entries without the executor, as every change by
 * the API pays for it; with the executor where somebody has added something to
 * the table.
 */
static void
insert_row(Datum *values, bool *nulls)
{
	Relation	table = open_table("audit_logs", RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(table);
	bool		plain = is_plain(table) && are_plain(indexes);

	if (plain)
	{
		HeapTuple	row = heap_form_tuple(RelationGetDescr(table), values, nulls);

		CatalogTupleInsertWithInfo(table, row, indexes);
		heap_freetuple(row);
	}
	CatalogCloseIndexes(indexes);
	table_close(table, NoLock);
	if (!plain)
		(void) ss_query_latest(&insert_log, values, nulls);
}

void
ss_audit_insert(const SSAudit *audit, const SSAuditCircumstances *when, Jsonb *details)
{
	Datum		values[LOG_COLUMNS];
	bool		nulls[LOG_COLUMNS] = {false};
	int32		installation_no;

	PreventCommandIfReadOnly("INSERT");	/* what the executor would do */
	PreventCommandIfParallelMode("INSERT");
	installation_no = present_installation();
	while (installation_no == 0)
	{
		note_installation();
		installation_no = present_installation();
	}
	values[LOG_INSTALLATION] = Int32GetDatum(installation_no);
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
	ss_param_text(values, nulls, LOG_REQUEST_ID, when->request->id[0] == '\0' ? NULL : when->request->id);
	set_committed(values, nulls, LOG_ORIGIN, origin_of(when->request));
	set_committed(values, nulls, LOG_DETAILS, details);
	insert_row(values, nulls);
}

void
ss_audit_write(SSCall *call, const SSAudit *audit, Jsonb *before, Jsonb *after)
{
	SSRequest	request;
	SSAuditCircumstances when = {
		.moment = GetCurrentTimestamp(),
		.actor = call->has_identity ? &call->identity : NULL,
		.session_role = GetSessionUserId(),
		.invoking_role = call->caller,
		.request = &request,
	};

	ss_uuid7_make(&when.log_id);
	ss_request_read(&request);
	ss_audit_insert(audit, &when, difference(before, after));
	call->recorded = true;
	if (ss_refused_waiting())
		(void) ss_audit_drain(REFUSED_AT_ONCE);
}

SSAuditRow
ss_audit_row(void)
{
	return (SSAuditRow){SPI_tuptable->vals[0], SPI_tuptable->tupdesc};
}

/* The columns of a row that are not the same in the other one, if there is one. */
static Jsonb *
changed_columns(SSAuditRow row, SSAuditRow other)
{
	SSJson		json = {0};

	ss_json_open_object(&json, NULL);
	for (int i = 0; i < row.desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(row.desc, i);
		bool		isnull;
		bool		other_null = true;
		Datum		value = SPI_getbinval(row.tuple, row.desc, i + 1, &isnull);
		Datum		other_value = (Datum) 0;

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
ss_audit_permitted(void (*change) (void *), void *argument)
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
