/*
 * tiers.c: what lifetime points make of a user.
 *
 * SQL entry points. update_tiers takes the table in SHARE ROW EXCLUSIVE mode,
 * so that two lists cannot mix; readers and purchases go on. A tier that is
 * not in the list is switched off and not deleted: users still hold it until
 * their points change, and a seeded row must stay for a dump to replace.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "call/call.h"

#define TIERS_MAX	 100
#define BENEFITS_MAX 100

PG_FUNCTION_INFO_V1(swipesavvy_list_tiers);
PG_FUNCTION_INFO_V1(swipesavvy_update_tiers);

/* An element of the list that update_tiers is given. */
typedef struct TierInput
{
	char *name;
	int64 threshold;
	int32 multiplier_milli;
	Jsonb *benefits; /* NULL = as they are */
} TierInput;

SS_QUERY(select_tiers, "SELECT tier, threshold, swipesavvy.minor_to_major(multiplier_milli, 3) AS multiplier, benefits"
					   "  FROM swipesavvy.tiers WHERE is_active ORDER BY threshold");

SS_QUERY(lock_tiers, "LOCK TABLE swipesavvy.tiers IN SHARE ROW EXCLUSIVE MODE");

SS_QUERY(switch_off, "UPDATE swipesavvy.tiers SET is_active = false WHERE is_active AND tier <> ALL ($1)",
		 TEXTARRAYOID);

SS_QUERY(update_tier,
		 "UPDATE swipesavvy.tiers"
		 "   SET threshold = $2, multiplier_milli = $3, benefits = coalesce($4, benefits), is_active = true"
		 " WHERE tier = $1",
		 TEXTOID, INT8OID, INT4OID, JSONBOID);

SS_QUERY(insert_tier,
		 "INSERT INTO swipesavvy.tiers (tier, threshold, multiplier_milli, benefits)"
		 " VALUES ($1, $2, $3, coalesce($4, '[]'))",
		 TEXTOID, INT8OID, INT4OID, JSONBOID);

/* Makes {"tiers": [...]} the result. */
static Datum
leave_with_tiers(SSCall *call, uint64 (*query)(SSQuery *, const Datum *, const bool *))
{
	SSJson json = {0};

	(void) query(&select_tiers, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "tiers");
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/*
 * list_tiers()
 */
Datum
swipesavvy_list_tiers(PG_FUNCTION_ARGS)
{
	SSCall call;

	ss_call_enter(&call, SS_CUSTOMER | SS_ADMIN);
	PG_RETURN_DATUM(leave_with_tiers(&call, ss_query_read));
}

/* All tiers in use, each under its name. */
static Jsonb *
tiers_document(void)
{
	SSJson json = {0};
	SSRows rows = ss_rows_write(&select_tiers, NULL, NULL);

	ss_json_open_object(&json, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ss_json_open_object(&json, ss_next_text(&row));
		ss_json_columns(&json, row);
		ss_json_close_object(&json);
	}
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

/* --- reading the list --------------------------------------------------------------- */

/* The benefits of a tier: a list of texts. */
static Jsonb *
read_benefits(JsonbValue *value)
{
	Jsonb *benefits = ss_json_as_jsonb(value);
	JsonbIterator *iterator;
	JsonbValue element;

	if (JB_ROOT_IS_SCALAR(benefits) || !JB_ROOT_IS_ARRAY(benefits))
		ss_bad_value("benefits", "It is not a JSON array.");
	if (JB_ROOT_COUNT(benefits) > BENEFITS_MAX)
		ss_bad_value("benefits", "It has more than %d elements.", BENEFITS_MAX);
	iterator = JsonbIteratorInit(&benefits->root);
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
		(void) ss_json_as_text(&element, "benefits", SS_NAME_MAX);
	return benefits;
}

/* One element: {"tier" or "name", "threshold", "multiplier", "benefits"}. */
static TierInput
read_tier(JsonbValue *element)
{
	static const char *const keys[] = {"tier", "name", "threshold", "multiplier", "benefits", NULL};
	Jsonb *document = ss_json_as_jsonb(element);
	const char *name_key;
	JsonbValue *benefits;
	TierInput tier = {0};

	if (JB_ROOT_IS_SCALAR(document) || !JB_ROOT_IS_OBJECT(document))
		ss_bad_value("tiers", "An element is not a JSON object.");
	ss_check_keys(document, "tiers", keys);
	name_key = ss_document_get(document, "name") != NULL ? "name" : "tier";
	if (ss_document_get(document, "tier") != NULL && strcmp(name_key, "name") == 0)
		ss_bad_value("tiers", "An element has both \"tier\" and \"name\".");
	tier.name = ss_json_as_text(ss_document_required(document, name_key), name_key, SS_NAME_MAX);
	tier.threshold = ss_json_as_int(ss_document_required(document, "threshold"), "threshold", 0, PG_INT64_MAX);
	tier.multiplier_milli =
		ss_scaled_from_numeric(ss_json_as_numeric(ss_document_required(document, "multiplier"), "multiplier"), 3, 0,
							   1000 * SS_MILLI, "multiplier");
	benefits = ss_document_get(document, "benefits");
	if (benefits != NULL)
		tier.benefits = read_benefits(benefits);
	return tier;
}

/* 22023 unless the names and thresholds are unique and one threshold is 0. */
static void
check_tiers(const TierInput *tiers, int count)
{
	bool has_lowest = false;

	for (int i = 0; i < count; i++)
	{
		has_lowest |= (tiers[i].threshold == 0);
		for (int j = 0; j < i; j++)
		{
			if (strcmp(tiers[i].name, tiers[j].name) == 0)
				ss_bad_value("tiers", "The name \"%s\" is used twice.", tiers[i].name);
			if (tiers[i].threshold == tiers[j].threshold)
				ss_bad_value("tiers", "The threshold " INT64_FORMAT " is used twice.", tiers[i].threshold);
		}
	}
	if (!has_lowest)
		ss_bad_value("tiers", "No tier has threshold 0.");
}

/* The whole list; *count gets its length. */
static TierInput *
read_tiers(Jsonb *document, int *count)
{
	JsonbIterator *iterator;
	JsonbValue element;
	TierInput *tiers;
	int n = 0;

	if (JB_ROOT_IS_SCALAR(document) || !JB_ROOT_IS_ARRAY(document))
		ss_bad_value("tiers", "It is not a JSON array.");
	*count = JB_ROOT_COUNT(document);
	if (*count > TIERS_MAX)
		ss_bad_value("tiers", "It has %d elements; at most %d are allowed.", *count, TIERS_MAX);
	tiers = palloc0(sizeof(TierInput) * Max(*count, 1));
	iterator = JsonbIteratorInit(&document->root);
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
		tiers[n++] = read_tier(&element);
	check_tiers(tiers, n);
	return tiers;
}

/* --- writing it ------------------------------------------------------------------------ */

static void
write_tier(const TierInput *tier)
{
	Datum values[4];
	bool nulls[4] = {false};

	ss_param_text(values, nulls, 0, tier->name);
	values[1] = Int64GetDatum(tier->threshold);
	values[2] = Int32GetDatum(tier->multiplier_milli);
	ss_param_pointer(values, nulls, 3, tier->benefits);
	if (ss_query_write(&update_tier, values, nulls) == 0)
		(void) ss_query_write(&insert_tier, values, nulls);
}

/*
 * update_tiers(tiers): the whole list of tiers
 */
Datum
swipesavvy_update_tiers(PG_FUNCTION_ARGS)
{
	SSCall call;
	TierInput *tiers;
	int count;
	Datum *names;
	Datum values[1];
	Jsonb *before;

	ss_call_enter(&call, SS_ADMIN);
	tiers = read_tiers(ss_arg_jsonb(fcinfo, 0, "tiers", true), &count);
	names = palloc(sizeof(Datum) * count);
	for (int i = 0; i < count; i++)
		names[i] = CStringGetTextDatum(tiers[i].name);
	values[0] = PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
	(void) ss_query_write(&lock_tiers, NULL, NULL);
	before = tiers_document();
	(void) ss_query_write(&switch_off, values, NULL);
	for (int i = 0; i < count; i++)
		write_tier(&tiers[i]);
	ss_audit_write(&call, &(SSAudit){.resource = "tiers", .action = "update"}, before, tiers_document());
	PG_RETURN_DATUM(leave_with_tiers(&call, ss_query_write));
}
