/*
 * reviews.c: get_merchant_reviews, moderate_review, list_reviews_to_moderate: what
 * others see of reviews, and who decides about that.
 *
 * SQL entry points. Moderation locks the review, then the sums of its merchant, as a
 * rating does (ratings.c). Readers read one snapshot and lock nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/query.h"
#include "call/call.h"
#include "merchants/merchants.h"
#include "places/ratings.h"
#include "users/shown_name.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_merchant_reviews);
PG_FUNCTION_INFO_V1(swipesavvy_moderate_review);
PG_FUNCTION_INFO_V1(swipesavvy_list_reviews_to_moderate);

static const char *const decisions[] = {"approved", "rejected", "removed", NULL};

SS_QUERY(
	read_histogram,
	"SELECT r.ones, r.twos, r.threes, r.fours, r.fives FROM swipesavvy.merchant_ratings r WHERE r.merchant_id = $1",
	UUIDOID);

SS_QUERY(
	count_reviews,
	"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.merchant_reviews r WHERE r.merchant_id = $1 AND r.comment_status = 'approved'" SS_PAGE_COUNT_LIMIT
	") c",
	UUIDOID);

/* An approved review whose user was erased since has lost its comment, and stays. */
SS_QUERY(
	list_reviews,
	"SELECT r.review_id, r.rating, r.comment, CASE WHEN u.erased_at IS NULL THEN u.name END, r.created_at, r.updated_at"
	" FROM swipesavvy.merchant_reviews r JOIN swipesavvy.users u ON u.user_id = r.user_id"
	" WHERE r.merchant_id = $1 AND r.comment_status = 'approved' AND ($2 IS NULL OR r.review_id < $2)"
	" ORDER BY r.review_id DESC LIMIT $3",
	UUIDOID, UUIDOID, INT8OID);

SS_QUERY(
	count_pending,
	"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.merchant_reviews r WHERE r.comment_status = 'pending'" SS_PAGE_COUNT_LIMIT
	") c");

SS_QUERY(
	list_pending,
	"SELECT r.review_id, r.user_id, r.merchant_id, m.name AS merchant, r.rating, r.comment, r.created_at, r.updated_at"
	" FROM swipesavvy.merchant_reviews r JOIN swipesavvy.merchants m ON m.merchant_id = r.merchant_id"
	" WHERE r.comment_status = 'pending' AND ($1 IS NULL OR r.review_id > $1) ORDER BY r.review_id LIMIT $2",
	UUIDOID, INT8OID);

#define MODERATED_COLUMNS                                                                                              \
	"r.review_id, r.user_id, r.merchant_id, r.rating, r.comment, r.comment_status, r.status_reason AS reason,"         \
	" r.created_at, r.updated_at, r.moderated_at"

SS_QUERY(lock_review,
		 "SELECT " MODERATED_COLUMNS " FROM swipesavvy.merchant_reviews r WHERE r.review_id = $1 FOR UPDATE", UUIDOID);

SS_QUERY(write_status,
		 "UPDATE swipesavvy.merchant_reviews r SET comment_status = $3, status_reason = $4, moderated_at = $5"
		 " WHERE r.user_id = $1 AND r.merchant_id = $2 RETURNING " MODERATED_COLUMNS,
		 UUIDOID, UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID);

/* The cursor of a page as the next parameter; null without one. */
static void
set_cursor(Datum *values, bool *nulls, int n, const SSPage *page)
{
	ss_param_pointer(values, nulls, n, page->after == NULL ? NULL : ss_uuid_from_text(page->after, "after"));
}

/* --- what everybody sees -------------------------------------------------------------------- */

static void
add_histogram(SSJson *json, const Datum *merchant_id)
{
	SSRows rows = ss_rows_read(&read_histogram, merchant_id, NULL);
	SSRow row = {0};

	if (rows.count > 0)
		row = ss_row(rows, 0);
	ss_json_open_array(json, "histogram");
	for (int i = 0; i < 5; i++)
		ss_json_int(json, NULL, rows.count > 0 ? ss_next_int64(&row) : 0);
	ss_json_close_array(json);
}

/* Returns the id of the review. */
static const pg_uuid_t *
add_review(SSJson *json, SSRow row)
{
	const pg_uuid_t *review_id = ss_next_uuid(&row);
	char *name;

	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "review_id", review_id);
	ss_json_int(json, "rating", ss_next_int16(&row));
	ss_json_text(json, "comment", ss_next_text_or_null(&row));
	name = ss_next_text_or_null(&row);
	ss_json_text(json, "author", name == NULL ? "Former customer" : ss_users_shown_name(name));
	ss_json_time(json, "created_at", ss_next_time(&row));
	ss_json_time(json, "updated_at", ss_next_time(&row));
	ss_json_close_object(json);
	return review_id;
}

/*
 * get_merchant_reviews(merchant_id, page_size, after)
 */
Datum
swipesavvy_get_merchant_reviews(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *merchant_id;
	SSPage page;
	const pg_uuid_t *last = NULL;
	int64 counted;
	Datum values[3];
	bool nulls[3] = {false};
	SSRows rows;

	ss_call_enter(&call, SS_ANYONE);
	merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	page = ss_arg_page(fcinfo, 1, -1, 2, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	values[0] = UUIDPGetDatum(merchant_id);
	set_cursor(values, nulls, 1, &page);
	values[2] = Int64GetDatum(SS_PAGE_ROWS(&page));
	ss_merchant_require(merchant_id);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "merchant_id", merchant_id);
	ss_rating_add(&json, merchant_id, false);
	add_histogram(&json, values);
	counted = ss_one_int64(ss_rows_read(&count_reviews, values, NULL));
	rows = ss_rows_read(&list_reviews, values, nulls);
	ss_json_open_array(&json, "reviews");
	for (int64 i = 0; i < Min((int64) rows.count, page.limit); i++)
		last = add_review(&json, ss_row(rows, i));
	ss_json_close_array(&json);
	ss_page_end(&json, &page, counted, false, (int64) rows.count > page.limit ? ss_uuid_text(last) : NULL);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- moderation ------------------------------------------------------------------------------- */

/*
 * list_reviews_to_moderate(page_size, after)
 */
Datum
swipesavvy_list_reviews_to_moderate(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	int64 counted;
	Datum values[2];
	bool nulls[2] = {false};

	ss_call_enter(&call, SS_SUPPORT | SS_ADMIN | SS_NOT_CACHED);
	page = ss_arg_page(fcinfo, 0, -1, 1, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	set_cursor(values, nulls, 0, &page);
	values[1] = Int64GetDatum(SS_PAGE_ROWS(&page));
	counted = ss_one_int64(ss_rows_read(&count_pending, NULL, NULL));
	(void) ss_query_read(&list_pending, values, nulls);
	ss_json_open_object(&json, NULL);
	ss_page_add(&json, "reviews", &page, counted, "review_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* A review under moderation. */
typedef struct Moderated
{
	const pg_uuid_t *user_id;
	const pg_uuid_t *merchant_id;
	int rating;
	bool has_comment;
	const char *status; /* NULL: there never was a comment */
	SSAuditRow row;
} Moderated;

static Moderated
lock(pg_uuid_t *review_id)
{
	Datum value = UUIDPGetDatum(review_id);
	SSRows rows = ss_rows_latest(&lock_review, &value, NULL);
	Moderated review = {0};
	SSRow row;

	if (rows.count == 0)
		ss_not_found("review", ss_uuid_text(review_id));
	review.row = ss_audit_row();
	row = ss_row(rows, 0);
	ss_next_skip(&row, 1);
	review.user_id = ss_next_uuid(&row);
	review.merchant_id = ss_next_uuid(&row);
	review.rating = ss_next_int16(&row);
	review.has_comment = ss_next_text_or_null(&row) != NULL;
	review.status = ss_next_text_or_null(&row);
	return review;
}

static bool
is_removed(const char *status)
{
	return status != NULL && strcmp(status, "removed") == 0;
}

/* The status that a decision brings. Without a comment all there is to decide is whether the rating counts. */
static const char *
decide(const Moderated *review, const char *decision, const pg_uuid_t *review_id)
{
	if (review->has_comment || is_removed(decision))
		return decision;
	if (review->status == NULL)
		ss_bad_state("review has no comment", "Of the review \"%s\" only the rating could be removed.",
					 ss_uuid_text(review_id));
	return strcmp(review->status, "approved") == 0 && strcmp(decision, "approved") == 0 ? decision : NULL;
}

/*
 * moderate_review(review_id, status, reason)
 */
Datum
swipesavvy_moderate_review(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit = {.resource = "review", .action = "moderate"};
	pg_uuid_t *review_id;
	char *decision;
	char *reason;
	Moderated before;
	const char *status;
	Datum values[5];
	bool nulls[5] = {false};
	SSAuditRow after;

	ss_call_enter(&call, SS_SUPPORT | SS_ADMIN);
	review_id = ss_arg_uuid(fcinfo, 0, "review_id", true);
	decision = ss_arg_text(fcinfo, 1, "status", SS_KEY_MAX, true);
	(void) ss_check_choice(decision, "status", decisions);
	reason = ss_arg_text(fcinfo, 2, "reason", SS_TEXT_MAX, false);
	before = lock(review_id);
	status = decide(&before, decision, review_id);
	values[0] = UUIDPGetDatum(before.user_id);
	values[1] = UUIDPGetDatum(before.merchant_id);
	ss_param_text(values, nulls, 2, status);
	ss_param_text(values, nulls, 3, reason);
	values[4] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	ss_query_latest_rows(&write_status, values, nulls, 1);
	after = ss_audit_row();
	ss_json_open_object(&json, NULL);
	ss_json_columns(&json, after);
	ss_rating_change(before.merchant_id, is_removed(before.status) ? 0 : before.rating,
					 is_removed(status) ? 0 : before.rating);
	ss_json_open_object(&json, "merchant");
	ss_rating_add(&json, before.merchant_id, true);
	ss_json_close_object(&json);
	ss_json_close_object(&json);
	audit.resource_id = ss_uuid_text(review_id);
	audit.user_id = before.user_id;
	ss_audit_write_rows(&call, &audit, before.row, after);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
