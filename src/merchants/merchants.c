/*
 * merchants.c: merchants and their categories.
 *
 * SQL entry points; the readers are open to everyone. Lists are ordered by
 * (name, merchant_id) and go on after a merchant, whose name is looked up
 * first: the row comparison is then one range of an index.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/page.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "merchants/merchants.h"
#include "merchants/rating_rank.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_merchant);
PG_FUNCTION_INFO_V1(swipesavvy_update_merchant);
PG_FUNCTION_INFO_V1(swipesavvy_get_merchant);
PG_FUNCTION_INFO_V1(swipesavvy_list_merchants);
PG_FUNCTION_INFO_V1(swipesavvy_list_merchants_1_2);
PG_FUNCTION_INFO_V1(swipesavvy_delete_merchant);
PG_FUNCTION_INFO_V1(swipesavvy_list_merchant_categories);

/* What is said about a merchant; NULL = not said. */
typedef struct MerchantInput
{
	char *name;
	char *category;
	char *mcc;
	char *description;
	Jsonb *metadata;
	bool clear_mcc; /* explicit nulls */
	bool clear_description;
} MerchantInput;

SS_QUERY(find_mcc, "SELECT category FROM swipesavvy.mcc_codes WHERE mcc = $1", BPCHAROID);

SS_QUERY(find_category, "SELECT 1 FROM swipesavvy.merchant_categories WHERE category = $1", TEXTOID);

SS_QUERY(insert_merchant,
		 "INSERT INTO swipesavvy.merchants (merchant_id, name, category, mcc, description, metadata)"
		 " VALUES ($1, $2, $3, $4, $5, coalesce($6, '{}'))"
		 " ON CONFLICT (merchant_id) DO NOTHING RETURNING " SS_MERCHANT_COLUMNS,
		 UUIDOID, TEXTOID, TEXTOID, BPCHAROID, TEXTOID, JSONBOID);

SS_QUERY(update_merchant,
		 "UPDATE swipesavvy.merchants"
		 "   SET name = coalesce($2, name), category = coalesce($3, category),"
		 "       mcc = CASE WHEN $7 THEN NULL ELSE coalesce($4, mcc) END,"
		 "       description = CASE WHEN $8 THEN NULL ELSE coalesce($5, description) END,"
		 "       metadata = coalesce($6, metadata), is_active = coalesce($9, is_active), updated_at = now()"
		 " WHERE merchant_id = $1 RETURNING " SS_MERCHANT_COLUMNS,
		 UUIDOID, TEXTOID, TEXTOID, BPCHAROID, TEXTOID, JSONBOID, BOOLOID, BOOLOID, BOOLOID);

/* Of tables that are not there while the extension is at 1.1.0: what is a merchant's follows it, and does not come back with it. */
#define CATEGORY_NO                                                                                                    \
	"(SELECT c.category_no FROM swipesavvy.merchants m"                                                                \
	" JOIN swipesavvy.merchant_categories c ON c.category = m.category WHERE m.merchant_id = $1)"
#define OF_INACTIVE                                                                                                    \
	"merchant_id = $1 AND is_active"                                                                                   \
	" AND NOT (SELECT m.is_active FROM swipesavvy.merchants m WHERE m.merchant_id = $1)"

static SSSweep places[] = {
	SS_SWEEP_UPDATE("swipesavvy.merchant_locations", "category_no = " CATEGORY_NO,
					"merchant_id = $1 AND category_no <> " CATEGORY_NO, UUIDOID),
	SS_SWEEP_UPDATE("swipesavvy.merchant_locations", "is_active = false", OF_INACTIVE, UUIDOID),
	SS_SWEEP_UPDATE("swipesavvy.geofences", "is_active = false", OF_INACTIVE, UUIDOID),
};

SS_QUERY(select_merchant, "SELECT " SS_MERCHANT_COLUMNS " FROM swipesavvy.merchants WHERE merchant_id = $1", UUIDOID);

SS_QUERY(lock_merchant,
		 "SELECT " SS_MERCHANT_COLUMNS " FROM swipesavvy.merchants WHERE merchant_id = $1 FOR NO KEY UPDATE", UUIDOID);

SS_QUERY(find_merchant, "SELECT FROM swipesavvy.merchants m WHERE m.merchant_id = $1", UUIDOID);
SS_QUERY(share_merchant, "SELECT m.is_active FROM swipesavvy.merchants m WHERE m.merchant_id = $1 FOR SHARE", UUIDOID);

SS_QUERY(select_categories,
		 "SELECT category, description FROM swipesavvy.merchant_categories WHERE is_active ORDER BY category_no");

SS_QUERY(find_cursor, "SELECT name FROM swipesavvy.merchants WHERE merchant_id = $1", UUIDOID);

/*
 * The lists: a condition left out is another query, so that each has the plan
 * of its own. $1 category, $2 pattern, $3 and $4 name and id to go on after,
 * $5 rows, $6 offset.
 */
#define BY_CATEGORY " AND category = $1"
#define BY_NAME		" AND swipesavvy.search_key(name) LIKE $2"
#define LIST(conditions)                                                                                               \
	SS_QUERY_OF("SELECT merchant_id, name, category, mcc, description, created_at FROM swipesavvy.merchants"           \
				" WHERE is_active AND (name, merchant_id) > ($3, $4)" conditions                                       \
				" ORDER BY name, merchant_id LIMIT $5 OFFSET $6",                                                      \
				TEXTOID, TEXTOID, TEXTOID, UUIDOID, INT8OID, INT8OID)
#define COUNT(conditions)                                                                                              \
	SS_QUERY_OF(                                                                                                       \
		"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.merchants WHERE is_active" conditions SS_PAGE_COUNT_LIMIT      \
		") m",                                                                                                         \
		TEXTOID, TEXTOID)

/* by [category given][search given] */
static SSQuery list_queries[2][2] = {{LIST(""), LIST(BY_NAME)}, {LIST(BY_CATEGORY), LIST(BY_CATEGORY BY_NAME)}};
static SSQuery count_queries[2][2] = {{COUNT(""), COUNT(BY_NAME)}, {COUNT(BY_CATEGORY), COUNT(BY_CATEGORY BY_NAME)}};

/*
 * The same with ratings, of 1.2.0. $7 is the least; what ratings lean on, $8 and $9, and the rank of who may have it, $10,
 * are given so that not every merchant is looked at.
 */
#define ANY_RATING " FROM swipesavvy.merchants m LEFT JOIN swipesavvy.merchant_rating_averages r USING (merchant_id)"
#define WELL_RATED                                                                                                     \
	" FROM swipesavvy.merchants m JOIN (SELECT q.merchant_id, q.rating_count,"                                         \
	" swipesavvy.rating_average(q.rating_sum, q.rating_count, $8, $9) AS rating FROM swipesavvy.merchant_ratings q"    \
	" WHERE q.rating_count > 0 AND " SS_RATING_RANK_SQL " >= $10) r USING (merchant_id)"
#define BY_RATING	" AND r.rating >= $7"
#define RATED_TYPES TEXTOID, TEXTOID, TEXTOID, UUIDOID, INT8OID, INT8OID, NUMERICOID, INT4OID, INT4OID, INT8OID
#define LIST_RATED(rated, conditions)                                                                                  \
	SS_QUERY_OF("SELECT merchant_id, name, category, mcc, description, created_at, r.rating,"                          \
				" coalesce(r.rating_count, 0) AS rating_count" rated                                                   \
				" WHERE is_active AND (name, merchant_id) > ($3, $4)" conditions                                       \
				" ORDER BY name, merchant_id LIMIT $5 OFFSET $6",                                                      \
				RATED_TYPES)
#define COUNT_RATED(conditions)                                                                                        \
	SS_QUERY_OF("SELECT count(*) FROM (SELECT 1" WELL_RATED                                                            \
				" WHERE is_active" conditions BY_RATING SS_PAGE_COUNT_LIMIT ") m",                                     \
				RATED_TYPES)

/* by [rating_min given][category given][search given]; merchants of any rating are counted as above */
static SSQuery list_rated_queries[2][2][2] = {
	{{LIST_RATED(ANY_RATING, ""), LIST_RATED(ANY_RATING, BY_NAME)},
	 {LIST_RATED(ANY_RATING, BY_CATEGORY), LIST_RATED(ANY_RATING, BY_CATEGORY BY_NAME)}},
	{{LIST_RATED(WELL_RATED, BY_RATING), LIST_RATED(WELL_RATED, BY_NAME BY_RATING)},
	 {LIST_RATED(WELL_RATED, BY_CATEGORY BY_RATING), LIST_RATED(WELL_RATED, BY_CATEGORY BY_NAME BY_RATING)}}};
static SSQuery count_rated_queries[2][2] = {{COUNT_RATED(""), COUNT_RATED(BY_NAME)},
											{COUNT_RATED(BY_CATEGORY), COUNT_RATED(BY_CATEGORY BY_NAME)}};

/* --- for other domains ------------------------------------------------------------------ */

void
ss_merchant_require(const pg_uuid_t *merchant_id)
{
	Datum value = UUIDPGetDatum(merchant_id);

	if (ss_query_read(&find_merchant, &value, NULL) == 0)
		ss_not_found("merchant", ss_uuid_text(merchant_id));
}

bool
ss_merchant_share(const pg_uuid_t *merchant_id)
{
	Datum value = UUIDPGetDatum(merchant_id);
	SSRows rows = ss_rows_latest(&share_merchant, &value, NULL);

	if (rows.count == 0)
		ss_not_found("merchant", ss_uuid_text(merchant_id));
	return ss_one_bool(rows);
}

void
ss_merchant_share_active(const pg_uuid_t *merchant_id)
{
	if (!ss_merchant_share(merchant_id))
		ss_bad_state("merchant is not active", "The merchant_id is \"%s\".", ss_uuid_text(merchant_id));
}

/* --- what is said about a merchant -------------------------------------------------- */

/* By a query and not by the rules: a reader may run in a parallel plan, in which rules cannot be compiled. */
static void
check_category(const char *category)
{
	Datum value = CStringGetTextDatum(category);

	if (ss_query_read(&find_category, &value, NULL) == 0)
		ss_bad_value("category", "There is no merchant category \"%s\".", category);
}

/* The category of a merchant category code; 22023 if the code is unknown. */
static char *
category_of_mcc(const char *mcc)
{
	Datum values[] = {CStringGetTextDatum(mcc)};
	SSRows rows = ss_rows_write(&find_mcc, values, NULL);

	if (rows.count == 0)
		ss_bad_value("mcc", "There is no merchant category code \"%s\".", mcc);
	return ss_one_text(rows);
}

static void
check_metadata(Jsonb *metadata)
{
	if (!JB_ROOT_IS_OBJECT(metadata))
		ss_bad_value("metadata", "It is not a JSON object.");
	if (VARSIZE(metadata) > SS_METADATA_MAX)
		ss_bad_value("metadata", "It is longer than %d bytes.", SS_METADATA_MAX);
}

/* Sets parameters 0 to 5 of insert_merchant and update_merchant. */
static void
set_parameters(Datum *values, bool *nulls, const pg_uuid_t *merchant_id, const MerchantInput *input)
{
	ss_param_pointer(values, nulls, 0, merchant_id);
	ss_param_text(values, nulls, 1, input->name);
	ss_param_text(values, nulls, 2, input->category);
	ss_param_text(values, nulls, 3, input->mcc);
	ss_param_text(values, nulls, 4, input->description);
	ss_param_pointer(values, nulls, 5, input->metadata);
}

/* Writes down the row of the last query; without `before` it is new. */
static void
record(SSCall *call, const char *action, const pg_uuid_t *merchant_id, SSAuditRow before)
{
	SSAudit audit = {.resource = "merchant", .action = action, .resource_id = ss_uuid_text(merchant_id)};

	ss_audit_write_rows(call, &audit, before, ss_audit_row());
}

/* --- creating and changing ------------------------------------------------------------ */

/*
 * create_merchant(name, category, mcc, description, metadata, merchant_id): a
 * null category is that of the mcc
 */
Datum
swipesavvy_create_merchant(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	MerchantInput input = {0};
	pg_uuid_t *merchant_id;
	Datum values[6];
	bool nulls[6];

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	input.name = ss_arg_text(fcinfo, 0, "name", SS_NAME_MAX, true);
	input.category = ss_arg_text(fcinfo, 1, "category", SS_NAME_MAX, PG_ARGISNULL(2));
	input.mcc = ss_arg_text(fcinfo, 2, "mcc", SS_NAME_MAX, false);
	input.description = ss_arg_text(fcinfo, 3, "description", SS_TEXT_MAX, false);
	input.metadata = ss_arg_jsonb(fcinfo, 4, "metadata", false);
	merchant_id = ss_arg_uuid(fcinfo, 5, "merchant_id", false);
	if (merchant_id == NULL)
		merchant_id = ss_uuid7_new();
	if (input.category != NULL)
		check_category(input.category);
	if (input.mcc != NULL)
	{
		char *category = category_of_mcc(input.mcc);

		if (input.category == NULL)
			input.category = category;
	}
	if (input.metadata != NULL)
		check_metadata(input.metadata);

	set_parameters(values, nulls, merchant_id, &input);
	if (ss_query_write(&insert_merchant, values, nulls) == 0)
		ss_duplicate("a merchant with this merchant_id exists already", "The merchant_id is \"%s\".",
					 ss_uuid_text(merchant_id));
	ss_json_row(&json, NULL);
	record(&call, "create", merchant_id, (SSAuditRow){0});
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* What is a merchant's follows it. */
static void
update_places(const Datum *merchant_id)
{
	for (int i = 0; i < (int) lengthof(places); i++)
		(void) ss_query_sweep(&places[i], merchant_id, NULL);
}

static MerchantInput
read_changes(Jsonb *changes)
{
	static const char *const keys[] = {"name", "category", "mcc", "description", "metadata", "is_active", NULL};
	MerchantInput input = {0};
	JsonbValue *metadata;

	ss_check_keys(changes, "changes", keys);
	input.name = ss_document_text(changes, "name", SS_NAME_MAX);
	input.category = ss_document_text(changes, "category", SS_NAME_MAX);
	if (input.category != NULL)
		check_category(input.category);
	input.clear_mcc = ss_document_has_null(changes, "mcc");
	if (!input.clear_mcc)
		input.mcc = ss_document_text(changes, "mcc", SS_NAME_MAX);
	if (input.mcc != NULL)
		(void) category_of_mcc(input.mcc);
	input.clear_description = ss_document_has_null(changes, "description");
	if (!input.clear_description)
		input.description = ss_document_text(changes, "description", SS_TEXT_MAX);
	metadata = ss_document_get(changes, "metadata");
	if (metadata != NULL)
	{
		input.metadata = ss_json_as_jsonb(metadata);
		check_metadata(input.metadata);
	}
	return input;
}

/*
 * update_merchant(merchant_id, changes)
 */
Datum
swipesavvy_update_merchant(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *merchant_id;
	Jsonb *changes;
	JsonbValue *is_active;
	MerchantInput input;
	SSAuditRow before;
	Datum values[9];
	bool nulls[9];

	ss_call_enter(&call, SS_ADMIN);
	merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	changes = ss_arg_jsonb(fcinfo, 1, "changes", true);
	input = read_changes(changes);
	set_parameters(values, nulls, merchant_id, &input);
	values[6] = BoolGetDatum(input.clear_mcc);
	values[7] = BoolGetDatum(input.clear_description);
	nulls[6] = nulls[7] = false;
	is_active = ss_document_get(changes, "is_active");
	nulls[8] = (is_active == NULL);
	values[8] = BoolGetDatum(is_active != NULL && ss_json_as_bool(is_active, "is_active"));
	if (ss_query_write(&lock_merchant, values, nulls) == 0)
		ss_not_found("merchant", ss_uuid_text(merchant_id));
	before = ss_audit_row();
	(void) ss_query_write(&update_merchant, values, nulls);
	ss_json_row(&json, NULL);
	record(&call, "update", merchant_id, before);
	if (OidIsValid(get_relname_relid("merchant_locations", get_namespace_oid("swipesavvy", false))))
		update_places(values);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- deleting ------------------------------------------------------------------------------ */

/*
 * Campaigns are locked so that none of them is launched meanwhile; the merchant's own lock keeps out those that are being
 * created for it.
 */
SS_QUERY(lock_merchant_wholly,
		 "SELECT " SS_MERCHANT_COLUMNS " FROM swipesavvy.merchants WHERE merchant_id = $1 FOR UPDATE", UUIDOID);
SS_QUERY(lock_campaigns,
		 "SELECT c.campaign_id, c.status IN ('running', 'paused') FROM swipesavvy.campaigns c"
		 " WHERE c.target_merchant_id = $1 AND c.status <> 'archived' ORDER BY c.campaign_no FOR SHARE",
		 UUIDOID);
SS_QUERY(end_merchant,
		 "UPDATE swipesavvy.merchants SET is_active = false, updated_at = now() WHERE merchant_id = $1"
		 " RETURNING " SS_MERCHANT_COLUMNS,
		 UUIDOID);

/*
 * delete_merchant(merchant_id): it is kept, and not active any more
 */
Datum
swipesavvy_delete_merchant(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *merchant_id;
	SSAuditRow before;
	SSRows campaigns;
	Datum value;

	ss_call_enter(&call, SS_ADMIN);
	merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	value = UUIDPGetDatum(merchant_id);
	if (ss_query_latest(&lock_merchant_wholly, &value, NULL) == 0)
		ss_not_found("merchant", ss_uuid_text(merchant_id));
	before = ss_audit_row();
	campaigns = ss_rows_latest(&lock_campaigns, &value, NULL);
	for (uint64 i = 0; i < campaigns.count; i++)
	{
		SSRow row = ss_row(campaigns, i);
		char *campaign_id = ss_next_text(&row);

		if (ss_next_bool(&row))
			ss_bad_state("a campaign that runs or is paused is aimed at the merchant", "The campaign_id is \"%s\".",
						 campaign_id);
	}
	ss_query_latest_rows(&end_merchant, &value, NULL, 1);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "merchant_id", merchant_id);
	ss_json_bool(&json, "is_active", false);
	ss_json_text(&json, "message", "The merchant is not shown any more; its purchases and history stay.");
	ss_json_close_object(&json);
	record(&call, "delete", merchant_id, before);
	update_places(&value);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- reading ------------------------------------------------------------------------------ */

/*
 * get_merchant(merchant_id)
 */
Datum
swipesavvy_get_merchant(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *merchant_id;
	Datum values[1];

	ss_call_enter(&call, SS_ANYONE);
	merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	values[0] = UUIDPGetDatum(merchant_id);
	if (ss_query_read(&select_merchant, values, NULL) == 0)
		ss_not_found("merchant", ss_uuid_text(merchant_id));
	ss_json_row(&json, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* Sets parameters 2 and 3, what the list goes on after: before every name when there is no cursor. */
static void
set_cursor(Datum *values, bool *nulls, const char *after)
{
	pg_uuid_t *merchant_id = palloc0(sizeof(pg_uuid_t));
	const char *name = "";

	if (after != NULL)
	{
		Datum value;
		SSRows cursor;

		merchant_id = ss_uuid_from_text(after, "after");
		value = UUIDPGetDatum(merchant_id);
		cursor = ss_rows_read(&find_cursor, &value, NULL);
		if (cursor.count == 0)
			ss_bad_value("after", "There is no merchant \"%s\".", after);
		name = ss_one_text(cursor);
	}
	ss_param_text(values, nulls, 2, name);
	ss_param_pointer(values, nulls, 3, merchant_id);
}

/* Parameters 6 to 9. */
static void
set_rating(Datum *values, bool *nulls, Numeric rating_min, int64 hundredths)
{
	SSRatingPrior prior = {0};

	ss_param_pointer(values, nulls, 6, rating_min);
	nulls[7] = nulls[8] = nulls[9] = rating_min == NULL;
	if (rating_min == NULL)
		return;
	prior = ss_rating_prior();
	values[7] = Int32GetDatum(prior.weight);
	values[8] = Int32GetDatum(prior.mean);
	values[9] = Int64GetDatum(ss_rating_least_rank(prior, hundredths));
}

/*
 * What a list is asked for, by the arguments of the same positions: category, search, page_size, page_offset, after. With
 * ratings if `rated`, of at least so many hundredths (0: any) if rating_min is given.
 */
static void
list(FunctionCallInfo fcinfo, SSJson *json, Numeric rating_min, int64 hundredths, bool rated)
{
	char *category = ss_arg_text(fcinfo, 0, "category", SS_NAME_MAX, false);
	char *search = ss_arg_text(fcinfo, 1, "search", SS_NAME_MAX, false);
	SSPage page = ss_arg_page(fcinfo, 2, 3, 4, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	bool by_category = category != NULL;
	bool by_name = search != NULL;
	int64 counted;
	Datum values[10] = {0};
	bool nulls[10] = {false};

	if (by_category)
		check_category(category);
	ss_param_text(values, nulls, 0, category);
	ss_param_text(values, nulls, 1, by_name ? ss_page_pattern(search) : NULL);
	set_cursor(values, nulls, page.after);
	values[4] = Int64GetDatum(SS_PAGE_ROWS(&page));
	values[5] = Int64GetDatum(page.offset);
	set_rating(values, nulls, rating_min, hundredths);

	counted = ss_one_int64(ss_rows_read(rating_min != NULL ? &count_rated_queries[by_category][by_name]
														   : &count_queries[by_category][by_name],
										values, nulls));
	(void) ss_query_read(rated ? &list_rated_queries[rating_min != NULL][by_category][by_name]
							   : &list_queries[by_category][by_name],
						 values, nulls);
	ss_json_open_object(json, NULL);
	ss_page_add(json, "merchants", &page, counted, "merchant_id");
	ss_json_close_object(json);
}

/*
 * list_merchants(category, search, page_size, page_offset, after): the active ones; until 1.1.0
 */
Datum
swipesavvy_list_merchants(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ANYONE);
	list(fcinfo, &json, NULL, 0, false);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * list_merchants(category, search, page_size, page_offset, after, rating_min)
 */
Datum
swipesavvy_list_merchants_1_2(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Numeric rating_min;
	int64 hundredths = 0;

	ss_call_enter(&call, SS_ANYONE);
	rating_min = ss_arg_numeric(fcinfo, 5, "rating_min", false);
	if (rating_min != NULL)
		hundredths = ss_scaled_from_numeric(rating_min, 2, 100, 500, "rating_min");
	list(fcinfo, &json, rating_min, hundredths, true);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * list_merchant_categories()
 */
Datum
swipesavvy_list_merchant_categories(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ANYONE);
	(void) ss_query_read(&select_categories, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "categories");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
