/*
 * list_users.c: list_users.
 *
 * SQL entry point; reads under the caller's snapshot and locks nothing. First
 * the keys of a page and the total are found, then the rows of the page are
 * read. How they are found depends on what is asked, so that nothing costs
 * more than it must among millions of users:
 *
 * - Without a search: one short range of the index (status, role, created_at)
 *   for each combination of status and role that is asked for.
 * - A search with three letters or digits in a row: the trigram index finds
 *   all matches, 10,001 at most; they are counted and sorted.
 * - A search that finds more than that, that most of the newest users match,
 *   or that is too short for the trigram index: users are read from the
 *   newest to the oldest until the page is full. Only the search that is both
 *   short and rare reads them all.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/query.h"
#include "call/call.h"
#include "rules/rules.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_list_users);

/* A search is one for many when this share of the newest users matches. */
#define SAMPLE		   32
#define SAMPLE_IS_MANY 8

/* The index is asked for so many pieces of a search at most. */
#define INDEX_PIECES 6

/* The arguments of all queries below but read_page. */
enum
{
	ARG_STATUSES,
	ARG_ROLES,
	ARG_CREATED_AT, /* go on after the user created then */
	ARG_USER_ID,	/* with that id */
	ARG_ROWS,
	ARG_OFFSET,
	ARG_PATTERN,
	ARG_PIECES,
	LIST_ARGS
};

/* A page: the ids are those of the last query's first column. */
typedef struct Found
{
	int64 total;
	int count;
	Datum ids[SS_PAGE_MAX + 1];
} Found;

#define LIST_ARG_TYPES		 TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, UUIDOID, INT8OID, INT8OID, TEXTOID, TEXTOID
#define EACH_STATUS_AND_ROLE "unnest($1) s (status) CROSS JOIN unnest($2) r (role)"
#define FILTERS				 "u.status = ANY ($1) AND u.role = ANY ($2)"
#define BEHIND_CURSOR		 "(u.created_at, u.user_id) < ($3, $4)"
#define NEWEST_FIRST		 "u.created_at DESC, u.user_id DESC"

/* What the trigram index finds has the pieces of the search, in name and e-mail together. */
#define IS_IN_INDEX "swipesavvy.search_key(u.name || E'\n' || u.email) LIKE $8"
#define MATCHES		"(textlike(swipesavvy.search_key(u.name), $7) OR textlike(swipesavvy.search_key(u.email), $7))"

SS_QUERY(count_all, "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.users" SS_PAGE_COUNT_LIMIT ") n");

SS_QUERY(find_all,
		 "SELECT u.user_id FROM swipesavvy.users u WHERE " BEHIND_CURSOR " ORDER BY " NEWEST_FIRST
		 " LIMIT $5 OFFSET $6",
		 LIST_ARG_TYPES);

static SSPageBeyond beyond; /* of all users */

SS_QUERY(count_users,
		 "SELECT count(*) FROM (SELECT 1 FROM " EACH_STATUS_AND_ROLE
		 " CROSS JOIN LATERAL (SELECT 1 FROM swipesavvy.users u"
		 " WHERE u.status = s.status AND u.role = r.role" SS_PAGE_COUNT_LIMIT ") u" SS_PAGE_COUNT_LIMIT ") n",
		 LIST_ARG_TYPES);

SS_QUERY(find_users,
		 "SELECT u.user_id FROM " EACH_STATUS_AND_ROLE " CROSS JOIN LATERAL (SELECT u.user_id, u.created_at"
		 " FROM swipesavvy.users u WHERE u.status = s.status AND u.role = r.role AND " BEHIND_CURSOR
		 " ORDER BY " NEWEST_FIRST " LIMIT $5 + $6) u ORDER BY " NEWEST_FIRST " LIMIT $5 OFFSET $6",
		 LIST_ARG_TYPES);

/* how many of the newest users match */
SS_QUERY(sample_users,
		 "SELECT count(*) FROM (SELECT u.name, u.email FROM swipesavvy.users u ORDER BY " NEWEST_FIRST " LIMIT $5) u"
		 " WHERE " MATCHES,
		 LIST_ARG_TYPES);

/* the page, each row with the total; one row without an id where the page is empty */
SS_QUERY(search_index,
		 "WITH found AS MATERIALIZED (SELECT u.user_id, u.created_at FROM swipesavvy.users u WHERE " IS_IN_INDEX
		 " AND " MATCHES " AND " FILTERS SS_PAGE_COUNT_LIMIT ")"
		 " SELECT p.user_id, n.total FROM (SELECT count(*) AS total FROM found) n LEFT JOIN"
		 " (SELECT u.user_id, u.created_at FROM found u WHERE " BEHIND_CURSOR " ORDER BY " NEWEST_FIRST
		 " LIMIT $5 OFFSET $6) p ON true ORDER BY p.created_at DESC, p.user_id DESC",
		 LIST_ARG_TYPES);

SS_QUERY(count_row_by_row,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.users u WHERE " MATCHES " AND " FILTERS SS_PAGE_COUNT_LIMIT
		 ") n",
		 LIST_ARG_TYPES);

SS_QUERY(search_row_by_row,
		 "SELECT u.user_id FROM swipesavvy.users u WHERE " MATCHES " AND " FILTERS " AND " BEHIND_CURSOR
		 " ORDER BY " NEWEST_FIRST " LIMIT $5 OFFSET $6",
		 LIST_ARG_TYPES);

SS_QUERY(find_cursor, "SELECT created_at FROM swipesavvy.users WHERE user_id = $1", UUIDOID);

SS_QUERY(read_page,
		 "SELECT u.user_id, u.email, u.name, u.status, u.role, u.created_at, u.last_login_at AS last_login,"
		 "       r.transaction_count AS total_transactions, " SS_USERS_SPENT_SQL
		 " AS total_spent, u.verification_status"
		 "  FROM swipesavvy.users u JOIN swipesavvy.reward_accounts r ON r.user_id = u.user_id"
		 " WHERE u.user_id = ANY ($1) ORDER BY " NEWEST_FIRST,
		 UUIDARRAYOID, BPCHAROID, INT4OID);

/* --- arguments ------------------------------------------------------------------------- */

/* The choice that was made, or all of them, as an array. */
static Datum
choices_array(const char *chosen, const char *const *choices)
{
	Datum items[8];
	int count = 0;

	if (chosen != NULL)
		items[count++] = CStringGetTextDatum(chosen);
	for (int i = 0; chosen == NULL && choices[i] != NULL; i++)
		items[count++] = CStringGetTextDatum(choices[i]);
	return PointerGetDatum(construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Sets what the list goes on after: from the newest on when there is no cursor. */
static void
set_cursor(Datum *values, const char *after)
{
	pg_uuid_t *user_id = palloc0(sizeof(pg_uuid_t));
	TimestampTz created_at = DT_NOEND;

	if (after != NULL)
	{
		Datum value;
		SSRows cursor;

		user_id = ss_uuid_from_text(after, "after");
		value = UUIDPGetDatum(user_id);
		cursor = ss_rows_read(&find_cursor, &value, NULL);
		if (cursor.count == 0)
			ss_bad_value("after", "There is no user \"%s\".", after);
		created_at = ss_one_time(cursor);
	}
	values[ARG_CREATED_AT] = TimestampTzGetDatum(created_at);
	values[ARG_USER_ID] = UUIDPGetDatum(user_id);
}

/*
 * What the trigram index is asked for: the search cut into pieces of three
 * letters or digits, '%ada%lov%ela%' for "Ada Lovelace"; NULL where it has
 * none. Every trigram of it would say little more, and each costs a walk
 * through all users who have it.
 */
static char *
index_pattern(const char *search)
{
	StringInfoData pattern;
	const char *piece = search; /* where the run, or what is left of it, begins */
	int run = 0;
	int pieces = 0;

	initStringInfo(&pattern);
	for (const char *p = search; *p != '\0' && pieces < INDEX_PIECES;)
	{
		int length = pg_mblen(p);

		if (run == 0)
			piece = p;
		run = (IS_HIGHBIT_SET(*p) || isalnum((unsigned char) *p)) ? run + 1 : 0;
		p += length;
		if (run < 3)
			continue;
		appendStringInfoChar(&pattern, '%');
		appendBinaryStringInfo(&pattern, piece, (int) (p - piece));
		run = 0;
		pieces++;
	}
	appendStringInfoChar(&pattern, '%');
	return pieces == 0 ? NULL : pattern.data;
}

/* --- finding ----------------------------------------------------------------------------- */

static int64
count_with(SSQuery *query, const Datum *values, const bool *nulls)
{
	return ss_one_int64(ss_rows_read(query, values, nulls));
}

/* Takes the ids of the last query, whose first column they are. */
static void
take_ids(Found *found, SSRows rows)
{
	found->count = 0;
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		const pg_uuid_t *id = ss_next_uuid_or_null(&row);

		if (id != NULL)
			found->ids[found->count++] = UUIDPGetDatum(id);
	}
}

static bool
most_match(Datum *values, const bool *nulls)
{
	Datum rows = values[ARG_ROWS];
	int64 matches;

	values[ARG_ROWS] = Int64GetDatum(SAMPLE);
	matches = count_with(&sample_users, values, nulls);
	values[ARG_ROWS] = rows;
	return matches >= SAMPLE_IS_MANY;
}

/* The page and the total of a search. */
static void
search_users(const char *search, Datum *values, bool *nulls, Found *found)
{
	found->total = 0;
	ss_param_text(values, nulls, ARG_PIECES, index_pattern(ss_page_search_key(search)));
	if (!nulls[ARG_PIECES] && !most_match(values, nulls))
	{
		SSRows rows = ss_rows_read(&search_index, values, nulls);
		SSRow row = ss_row(rows, 0);

		take_ids(found, rows);
		ss_next_skip(&row, 1);
		found->total = ss_next_int64(&row);
		if (found->total <= SS_PAGE_TOTAL_MAX)
			return;
	}
	if (found->total == 0)
		found->total = count_with(&count_row_by_row, values, nulls);
	take_ids(found, ss_rows_read(&search_row_by_row, values, nulls));
}

/* The page and the total of all users. */
static void
list_all(Datum *values, const bool *nulls, Found *found)
{
	found->total = SS_PAGE_TOTAL_MAX + 1;
	if (!ss_page_is_beyond(&beyond))
	{
		found->total = count_with(&count_all, values, nulls);
		ss_page_remember(&beyond, found->total);
	}
	take_ids(found, ss_rows_read(&find_all, values, nulls));
}

/* Reads the rows of the page, and one more if there is one. */
static void
read_rows(Found *found)
{
	const SSSettings *settings = &ss_rules_get()->settings;
	Datum values[] = {
		PointerGetDatum(construct_array(found->ids, found->count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR)),
		CStringGetTextDatum(settings->currency), Int32GetDatum(settings->exponent)};

	(void) ss_query_read(&read_page, values, NULL);
}

/*
 * list_users(page_size, page_offset, status, role, search, after): newest first
 */
Datum
swipesavvy_list_users(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	char *status;
	char *role;
	char *search;
	Found *found;
	Datum values[LIST_ARGS];
	bool nulls[LIST_ARGS] = {false};

	ss_call_enter(&call, SS_SUPPORT | SS_ADMIN | SS_NOT_CACHED);
	page = ss_arg_page(fcinfo, 0, 1, 5, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	status = ss_arg_text(fcinfo, 2, "status", SS_NAME_MAX, false);
	role = ss_arg_text(fcinfo, 3, "role", SS_NAME_MAX, false);
	search = ss_arg_text(fcinfo, 4, "search", SS_NAME_MAX, false);
	if (status != NULL)
		(void) ss_check_choice(status, "status", ss_users_statuses);
	if (role != NULL)
		(void) ss_check_choice(role, "role", ss_users_roles);
	ss_query_avoid_scans();
	ss_query_plan_once();
	values[ARG_STATUSES] = choices_array(status, ss_users_statuses);
	values[ARG_ROLES] = choices_array(role, ss_users_roles);
	set_cursor(values, page.after);
	values[ARG_ROWS] = Int64GetDatum(SS_PAGE_ROWS(&page));
	values[ARG_OFFSET] = Int64GetDatum(page.offset);
	ss_param_text(values, nulls, ARG_PATTERN, search == NULL ? NULL : ss_page_pattern(search));
	ss_param_text(values, nulls, ARG_PIECES, NULL);

	found = palloc(sizeof(Found));
	if (search != NULL)
		search_users(search, values, nulls, found);
	else if (status == NULL && role == NULL)
		list_all(values, nulls, found);
	else
	{
		found->total = count_with(&count_users, values, nulls);
		take_ids(found, ss_rows_read(&find_users, values, nulls));
	}
	read_rows(found);
	ss_json_open_object(&json, NULL);
	ss_page_add(&json, "users", &page, found->total, "user_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
