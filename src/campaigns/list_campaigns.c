/*
 * list_campaigns.c: list_campaigns.
 *
 * Everything is read from the caller's snapshot; nothing is locked. A page of
 * all campaigns is one query, and its total without filters is counted page by
 * page of the table (tally.h). For a customer the campaigns that run for it are
 * found first, because who is held out is decided by a hash that only C knows;
 * nothing tells it of others, its cursor included.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/hash.h"
#include "base/page.h"
#include "base/rows.h"
#include "call/call.h"
#include "campaigns/campaigns.h"
#include "campaigns/input.h"
#include "direct/tally.h"

PG_FUNCTION_INFO_V1(swipesavvy_list_campaigns);

#define MAX_LIMIT	  100
#define DEFAULT_LIMIT 20

/* The filters of a list, as the first arguments of its queries. */
enum
{
	ARG_STATUS,
	ARG_TYPE,
	ARG_PATTERN,
	FILTER_ARGS
};

typedef struct Filters
{
	Datum value[FILTER_ARGS];
	bool isnull[FILTER_ARGS];
} Filters;

/* The campaigns of a customer's page, newest first, and how many there are in all. */
typedef struct Found
{
	int count;
	Datum keys[MAX_LIMIT];
	int64 total;
	bool more; /* there are further ones behind the page */
} Found;

/* what was deleted is listed only when asked for */
#define FILTER_SQL                                                                                                     \
	"CASE WHEN $1 IS NULL THEN c.status <> 'archived' ELSE c.status = $1 END"                                          \
	" AND ($2 IS NULL OR c.campaign_type = $2) AND ($3 IS NULL OR swipesavvy.search_key(c.name) LIKE $3)"

static SSPageBeyond beyond; /* of all campaigns but archived ones */
static SSTally listed = {.table = SS_CAMPAIGNS, .column = CAMPAIGN_STATUS, .but = "archived"}; /* these, too */

/* without filters */
SS_QUERY(
	count_listed,
	"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.campaigns WHERE status IN ('draft', 'running', 'paused', 'completed')"
	" LIMIT $1) one_too_many",
	INT8OID);

SS_QUERY(count_all,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.campaigns c WHERE " FILTER_SQL " LIMIT $4) one_too_many",
		 TEXTOID, TEXTOID, TEXTOID, INT8OID);

/* what runs now for the user $4, those who are held out included */
SS_QUERY(find_eligible,
		 "SELECT c.campaign_no, c.campaign_id, c.hold_out FROM swipesavvy.campaigns c WHERE " FILTER_SQL
		 " AND " SS_CAMPAIGN_RUNS_SQL " AND " SS_CAMPAIGN_AIMED_SQL("$4") " ORDER BY c.campaign_no DESC",
		 TEXTOID, TEXTOID, TEXTOID, UUIDOID);

#define ROW_SQL                                                                                                        \
	"SELECT c.campaign_id, c.name, c.campaign_type, c.status, " SS_CAMPAIGN_OFFER_SQL " AS offer_amount,"              \
	" c.offer_type, c.start_date, c.end_date, c.created_at"
#define CURRENCY_SQL " JOIN swipesavvy.currencies k ON k.code = c.currency"
#define NEWEST_FIRST " ORDER BY c.campaign_no DESC"

/* a page with what customers don't see: found and read in one go */
SS_QUERY(read_page,
		 ROW_SQL ", swipesavvy.minor_to_major(c.budget, k.minor_unit) AS budget, " SS_CAMPAIGN_SPENT_SQL
				 " AS spent FROM (SELECT * FROM swipesavvy.campaigns c WHERE " FILTER_SQL
				 " AND ($4 IS NULL OR c.campaign_no < $4)" NEWEST_FIRST
				 " OFFSET $5 LIMIT $6) c" CURRENCY_SQL NEWEST_FIRST,
		 TEXTOID, TEXTOID, TEXTOID, INT4OID, INT8OID, INT8OID);

SS_QUERY(read_rows_for_customer,
		 ROW_SQL " FROM swipesavvy.campaigns c" CURRENCY_SQL " WHERE c.campaign_no = ANY ($1)" NEWEST_FIRST,
		 INT4ARRAYOID);

/* The first three arguments: status, campaign_type, search. */
static void
read_filters(FunctionCallInfo fcinfo, Filters *filters)
{
	char *text[FILTER_ARGS];

	text[ARG_STATUS] = ss_arg_text(fcinfo, 0, "status", SS_KEY_MAX, false);
	text[ARG_TYPE] = ss_arg_text(fcinfo, 1, "campaign_type", SS_KEY_MAX, false);
	text[ARG_PATTERN] = ss_arg_text(fcinfo, 2, "search", SS_NAME_MAX, false);
	if (text[ARG_STATUS] != NULL)
		(void) ss_check_choice(text[ARG_STATUS], "status", ss_campaign_statuses);
	if (text[ARG_TYPE] != NULL)
		(void) ss_check_choice(text[ARG_TYPE], "campaign_type", ss_campaign_types);
	if (text[ARG_PATTERN] != NULL)
		text[ARG_PATTERN] = ss_page_pattern(text[ARG_PATTERN]);
	for (int i = 0; i < FILTER_ARGS; i++)
	{
		filters->isnull[i] = (text[i] == NULL);
		filters->value[i] = filters->isnull[i] ? (Datum) 0 : CStringGetTextDatum(text[i]);
	}
}

/*
 * The number of the campaign that the cursor names, 0 without a cursor. For a
 * customer it is one that it could have been given, if only in the past.
 */
static int32
cursor_no(const SSPage *page, const pg_uuid_t *customer)
{
	int32 no;

	if (page->after == NULL)
		return 0;
	no = customer != NULL ? ss_campaign_shown(page->after, customer, false) : ss_campaign_find(page->after);
	if (no == 0)
		ss_bad_value("after", "It is not a cursor that list_campaigns gave.");
	return no;
}

/* How many campaigns there are with these filters, one too many at most. */
static int64
count_with(const Filters *filters)
{
	Datum values[FILTER_ARGS + 1];
	bool nulls[FILTER_ARGS + 1] = {false};
	Datum most = Int64GetDatum(SS_PAGE_TOTAL_MAX + 1);
	int64 counted;

	memcpy(values, filters->value, sizeof(filters->value));
	memcpy(nulls, filters->isnull, sizeof(filters->isnull));
	values[FILTER_ARGS] = most;
	if (!nulls[ARG_STATUS] || !nulls[ARG_TYPE] || !nulls[ARG_PATTERN])
		return ss_one_int64(ss_rows_read(&count_all, values, nulls));
	if (ss_page_is_beyond(&beyond))
		return SS_PAGE_TOTAL_MAX + 1;
	counted = ss_tally_count(&listed);
	if (counted < 0)
		counted = ss_one_int64(ss_rows_read(&count_listed, &most, NULL));
	ss_page_remember(&beyond, counted);
	return counted;
}

/* Adds a page of all campaigns to the object that is open. */
static void
add_all(SSJson *json, const Filters *filters, const SSPage *wanted)
{
	int32 after = cursor_no(wanted, NULL);
	Datum values[FILTER_ARGS + 3];
	bool nulls[FILTER_ARGS + 3] = {false};
	int64 total;

	ss_query_avoid_scans();
	ss_query_plan_once();
	total = count_with(filters);
	memcpy(values, filters->value, sizeof(filters->value));
	memcpy(nulls, filters->isnull, sizeof(filters->isnull));
	values[FILTER_ARGS] = Int32GetDatum(after);
	nulls[FILTER_ARGS] = (after == 0);
	values[FILTER_ARGS + 1] = Int64GetDatum(wanted->offset);
	values[FILTER_ARGS + 2] = Int64GetDatum(SS_PAGE_ROWS(wanted));
	(void) ss_query_read(&read_page, values, nulls);
	ss_page_add(json, "campaigns", wanted, total, "campaign_id");
}

/* A page of those that the user could use now. */
static void
find_for_customer(const Filters *filters, const pg_uuid_t *user_id, const SSPage *wanted, Found *page)
{
	int32 after = cursor_no(wanted, user_id);
	int64 position = 0; /* among those behind the cursor */
	SSRows found;
	Datum values[FILTER_ARGS + 1];
	bool nulls[FILTER_ARGS + 1] = {false};

	memcpy(values, filters->value, sizeof(filters->value));
	memcpy(nulls, filters->isnull, sizeof(filters->isnull));
	values[FILTER_ARGS] = UUIDPGetDatum(user_id);
	found = ss_rows_read(&find_eligible, values, nulls);
	memset(page, 0, sizeof(*page));
	for (uint64 i = 0; i < found.count; i++)
	{
		SSRow row = ss_row(found, i);
		int32 no = ss_next_int32(&row);
		char *id = ss_next_text(&row);
		int hold_out = ss_next_int32(&row);

		if ((hold_out > 0 && ss_held_out(id, user_id, hold_out)) || !ss_campaign_served(no, user_id))
			continue;
		page->total++;
		if ((after != 0 && no >= after) || position++ < wanted->offset)
			continue;
		if (page->count < wanted->limit)
			page->keys[page->count++] = Int32GetDatum(no);
		else
			page->more = true;
	}
}

/* Adds a page for the user to the object that is open. */
static void
add_for_customer(SSJson *json, const Filters *filters, const pg_uuid_t *user_id, const SSPage *wanted)
{
	Found page;
	Datum keys;
	SSRows rows;
	const char *next_cursor = NULL;

	find_for_customer(filters, user_id, wanted, &page);
	keys = PointerGetDatum(construct_array(page.keys, page.count, INT4OID, 4, true, TYPALIGN_INT));
	rows = ss_rows_read(&read_rows_for_customer, &keys, NULL);
	ss_json_rows(json, "campaigns");
	if (page.more)
	{
		SSRow last = ss_row(rows, page.count - 1);

		next_cursor = ss_next_text(&last);
	}
	ss_page_end(json, wanted, page.total, false, next_cursor);
}

/*
 * list_campaigns(status, campaign_type, search, page_size, page_offset, after): a
 * page of campaigns, newest first; for a customer those it could use now.
 */
Datum
swipesavvy_list_campaigns(PG_FUNCTION_ARGS)
{
	SSCall call;
	Filters filters;
	SSPage wanted;
	SSJson json = {0};

	ss_call_enter(&call, SS_CUSTOMER | SS_ANALYTICS | SS_ADMIN);
	read_filters(fcinfo, &filters);
	wanted = ss_arg_page(fcinfo, 3, 4, 5, MAX_LIMIT, DEFAULT_LIMIT);
	ss_json_open_object(&json, NULL);
	if (ss_call_has(&call, SS_ANALYTICS | SS_ADMIN))
		add_all(&json, &filters, &wanted);
	else
		add_for_customer(&json, &filters, ss_campaign_customer(&call), &wanted);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
