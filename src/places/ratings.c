/*
 * ratings.c: rate_merchant, delete_rating, rating_average, refresh_rating_prior
 * (ratings.h).
 *
 * SQL entry points. A rating locks the user's reward account, so that refunds and the
 * erasure of the user come before it or after it, then the review, which moderation locks,
 * too, and last the sums of the merchant: users who rate one merchant at the same time wait
 * for each other there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "places/ratings.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_rate_merchant);
PG_FUNCTION_INFO_V1(swipesavvy_delete_rating);
PG_FUNCTION_INFO_V1(swipesavvy_rating_average);
PG_FUNCTION_INFO_V1(swipesavvy_refresh_rating_prior);

#define MAX_COMMENT 2000

#define REVIEW_COLUMNS "r.rating, r.comment, r.comment_status, r.review_id, r.merchant_id, r.created_at, r.updated_at"

SS_QUERY(find_merchant, "SELECT FROM swipesavvy.merchants m WHERE m.merchant_id = $1", UUIDOID);

/* Has the user bought something there that was not given back? The index on purchases of users has all that is asked. */
SS_QUERY(find_purchase,
		 "SELECT FROM swipesavvy.transactions t WHERE t.user_id = $1 AND t.merchant_id = $2 AND t.status = 'completed'"
		 " AND t.refunded_minor < t.amount_minor LIMIT 1",
		 UUIDOID, UUIDOID);

SS_QUERY(lock_review,
		 "SELECT " REVIEW_COLUMNS " FROM swipesavvy.merchant_reviews r WHERE r.user_id = $1 AND r.merchant_id = $2"
		 " FOR UPDATE",
		 UUIDOID, UUIDOID);

SS_QUERY(
	write_review,
	"INSERT INTO swipesavvy.merchant_reviews AS r (user_id, merchant_id, review_id, rating, comment, comment_status,"
	" created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"
	" ON CONFLICT (user_id, merchant_id) DO UPDATE SET rating = excluded.rating, comment = excluded.comment,"
	" comment_status = excluded.comment_status, updated_at = excluded.updated_at, status_reason ="
	" CASE WHEN r.comment_status = excluded.comment_status THEN r.status_reason END RETURNING " REVIEW_COLUMNS,
	UUIDOID, UUIDOID, UUIDOID, INT2OID, TEXTOID, TEXTOID, TIMESTAMPTZOID);

SS_QUERY(delete_review, "DELETE FROM swipesavvy.merchant_reviews r WHERE r.user_id = $1 AND r.merchant_id = $2",
		 UUIDOID, UUIDOID);

SS_QUERY(read_moderation,
		 "SELECT (s.value #>> '{}')::boolean FROM swipesavvy.system_settings s WHERE s.setting = 'review_moderation'");

SS_QUERY(begin_sums,
		 "INSERT INTO swipesavvy.merchant_ratings (merchant_id) VALUES ($1) ON CONFLICT (merchant_id) DO NOTHING",
		 UUIDOID);

SS_QUERY(
	change_sums,
	"UPDATE swipesavvy.merchant_ratings r SET rating_sum = r.rating_sum + $3 - $2,"
	" rating_count = r.rating_count + ($3 > 0)::int - ($2 > 0)::int, ones = r.ones + ($3 = 1)::int - ($2 = 1)::int,"
	" twos = r.twos + ($3 = 2)::int - ($2 = 2)::int, threes = r.threes + ($3 = 3)::int - ($2 = 3)::int,"
	" fours = r.fours + ($3 = 4)::int - ($2 = 4)::int, fives = r.fives + ($3 = 5)::int - ($2 = 5)::int"
	" WHERE r.merchant_id = $1",
	UUIDOID, INT4OID, INT4OID);

SS_QUERY(read_average,
		 "SELECT a.rating, a.rating_count FROM swipesavvy.merchant_rating_averages a WHERE a.merchant_id = $1",
		 UUIDOID);

/* Mean of all merchants, and how many ratings that is of. */
SS_QUERY(add_up, "SELECT coalesce(sum(r.rating_sum), 0)::bigint, coalesce(sum(r.rating_count), 0)::bigint"
				 " FROM swipesavvy.merchant_ratings r");

SS_QUERY(write_prior,
		 "INSERT INTO swipesavvy.rating_prior AS p (mean_hundredths, rating_count, refreshed_at) VALUES ($1, $2, $3)"
		 " ON CONFLICT (prior_no) DO UPDATE SET mean_hundredths = excluded.mean_hundredths,"
		 " rating_count = excluded.rating_count, refreshed_at = excluded.refreshed_at",
		 INT4OID, INT8OID, TIMESTAMPTZOID);

#define MEAN_WITHOUT_RATINGS 300 /* hundredths; the view merchant_rating_averages has it, too */

/* --- averages ------------------------------------------------------------------------------ */

int64
ss_rating_hundredths(int64 sum, int64 count, int32 weight, int32 mean_hundredths)
{
	int128 weighed = (int128) weight * mean_hundredths + (int128) sum * 100;
	int128 ratings = (int128) weight + count;

	return ss_narrow((2 * weighed + ratings) / (2 * ratings), "rating");
}

/*
 * rating_average(rating_sum, rating_count, prior_weight, prior_mean_hundredths)
 */
Datum
swipesavvy_rating_average(PG_FUNCTION_ARGS)
{
	int64 sum = PG_GETARG_INT64(0);
	int64 count = PG_GETARG_INT64(1);
	int32 weight = PG_GETARG_INT32(2);
	int32 mean = PG_GETARG_INT32(3);

	if (sum < 0)
		ss_bad_value("rating_sum", "It is below 0.");
	if (count < 0)
		ss_bad_value("rating_count", "It is below 0.");
	if (weight < 0)
		ss_bad_value("prior_weight", "It is below 0.");
	if (mean < 0)
		ss_bad_value("prior_mean_hundredths", "It is below 0.");
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(ss_money_to_major(ss_rating_hundredths(sum, count, weight, mean), 2));
}

void
ss_rating_add(SSJson *json, const pg_uuid_t *merchant_id, bool fresh)
{
	Datum value = UUIDPGetDatum(merchant_id);
	SSRows rows = fresh ? ss_rows_latest(&read_average, &value, NULL) : ss_rows_read(&read_average, &value, NULL);

	if (rows.count == 0)
	{
		ss_json_null(json, "rating");
		ss_json_int(json, "rating_count", 0);
	}
	else
	{
		SSRow row = ss_row(rows, 0);

		ss_json_datum(json, "rating", ss_next_value(&row, NUMERICOID), false, NUMERICOID);
		ss_json_int(json, "rating_count", ss_next_int64(&row));
	}
}

void
ss_rating_change(const pg_uuid_t *merchant_id, int taken, int added)
{
	Datum values[3] = {UUIDPGetDatum(merchant_id), Int32GetDatum(taken), Int32GetDatum(added)};

	if (taken == added)
		return;
	(void) ss_query_latest(&begin_sums, values, NULL);
	ss_query_latest_rows(&change_sums, values, NULL, 1);
}

/*
 * refresh_rating_prior(): the mean of all ratings
 */
Datum
swipesavvy_refresh_rating_prior(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz now = GetCurrentTimestamp();
	int64 sum;
	int64 count;
	int64 mean;
	Datum values[3];
	SSRow row;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call);
	row = ss_row(ss_rows_latest(&add_up, NULL, NULL), 0);
	sum = ss_next_int64(&row);
	count = ss_next_int64(&row);
	mean = count == 0 ? MEAN_WITHOUT_RATINGS : ss_rating_hundredths(sum, count, 0, 0);
	values[0] = Int32GetDatum((int32) mean);
	values[1] = Int64GetDatum(count);
	values[2] = TimestampTzGetDatum(now);
	ss_query_latest_rows(&write_prior, values, NULL, 1);
	ss_json_open_object(&json, NULL);
	ss_json_money(&json, "mean", mean, 2);
	ss_json_int(&json, "rating_count", count);
	ss_json_time(&json, "refreshed_at", now);
	ss_json_bool(&json, "more", false);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- rating --------------------------------------------------------------------------------- */

/* A review as it was. */
typedef struct Review
{
	bool exists;
	int rating;
	char *comment;
	char *status;
	SSAuditRow row;
} Review;

static bool
is_removed(const Review *review)
{
	return review->status != NULL && strcmp(review->status, "removed") == 0;
}

/* Locks and reads the review of the user $1 of the merchant $2. */
static Review
lock(const Datum *values)
{
	Review review = {0};
	SSRows rows = ss_rows_latest(&lock_review, values, NULL);
	SSRow row;

	if (rows.count == 0)
		return review;
	row = ss_row(rows, 0);
	review.exists = true;
	review.row = ss_audit_row();
	review.rating = ss_next_int16(&row);
	review.comment = ss_next_text_or_null(&row);
	review.status = ss_next_text_or_null(&row);
	return review;
}

/* What becomes of a comment: one that stays as it is has been read; NULL: there is none. */
static const char *
status_of(const char *comment, const Review *before)
{
	if (comment == NULL)
		return NULL;
	if (before->comment != NULL && strcmp(comment, before->comment) == 0 && strcmp(before->status, "pending") != 0)
		return before->status;
	return ss_one_bool(ss_rows_read(&read_moderation, NULL, NULL)) ? "pending" : "approved";
}

static void
require_customer_of(const pg_uuid_t *merchant_id, const Datum *values)
{
	Datum merchant = UUIDPGetDatum(merchant_id);

	if (ss_query_latest(&find_merchant, &merchant, NULL) == 0)
		ss_not_found("merchant", ss_uuid_text(merchant_id));
	if (ss_query_latest(&find_purchase, values, NULL) == 0)
		ss_bad_state("user has bought nothing at this merchant",
					 "It takes a completed purchase at \"%s\" that was not refunded in full.",
					 ss_uuid_text(merchant_id));
}

/* The merchant after a change, as an object. */
static void
add_merchant(SSJson *json, const pg_uuid_t *merchant_id)
{
	ss_json_open_object(json, "merchant");
	ss_rating_add(json, merchant_id, true);
	ss_json_close_object(json);
}

/*
 * rate_merchant(user_id, merchant_id, rating, comment)
 */
Datum
swipesavvy_rate_merchant(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit = {.resource = "review", .action = "rate"};
	pg_uuid_t *merchant_id;
	int rating;
	char *comment;
	const char *status;
	Review before;
	Datum values[7];
	bool nulls[7] = {false};
	SSAuditRow after;
	SSRow row;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	audit.user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	merchant_id = ss_arg_uuid(fcinfo, 1, "merchant_id", true);
	rating = (int) ss_arg_int4(fcinfo, 2, "rating", 1, 5, NULL);
	comment = ss_arg_text(fcinfo, 3, "comment", MAX_COMMENT, false);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, audit.user_id);
	values[0] = UUIDPGetDatum(audit.user_id);
	values[1] = UUIDPGetDatum(merchant_id);
	ss_users_lock(audit.user_id);
	ss_users_refuse_erased(audit.user_id);
	require_customer_of(merchant_id, values);
	before = lock(values);
	if (is_removed(&before))
		ss_bad_state("rating was removed", "Moderation took the rating of \"%s\" away.", ss_uuid_text(merchant_id));
	status = status_of(comment, &before);
	values[2] = UUIDPGetDatum(ss_uuid7_new());
	values[3] = Int16GetDatum(rating);
	ss_param_text(values, nulls, 4, comment);
	ss_param_text(values, nulls, 5, status);
	values[6] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	ss_query_latest_rows(&write_review, values, nulls, 1);
	after = ss_audit_row();
	row = ss_row_of_last(0);
	ss_next_skip(&row, 3);
	audit.resource_id = ss_uuid_text(ss_next_uuid(&row));
	ss_next_skip(&row, 1);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "merchant_id", merchant_id);
	ss_json_int(&json, "rating", rating);
	ss_json_text(&json, "comment_status", status);
	ss_json_time(&json, "created_at", ss_next_time(&row));
	ss_json_time(&json, "updated_at", ss_next_time(&row));
	ss_rating_change(merchant_id, before.rating, rating);
	add_merchant(&json, merchant_id);
	ss_json_close_object(&json);
	ss_audit_write_rows(&call, &audit, before.row, after);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * delete_rating(user_id, merchant_id)
 */
Datum
swipesavvy_delete_rating(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit = {.resource = "review", .action = "delete"};
	pg_uuid_t *merchant_id;
	Review before;
	Datum values[2];
	SSRow row;

	ss_call_enter(&call, SS_CUSTOMER | SS_ADMIN);
	audit.user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	merchant_id = ss_arg_uuid(fcinfo, 1, "merchant_id", true);
	ss_call_require_user(&call, SS_ADMIN, audit.user_id);
	values[0] = UUIDPGetDatum(audit.user_id);
	values[1] = UUIDPGetDatum(merchant_id);
	ss_users_lock(audit.user_id);
	before = lock(values);
	if (!before.exists)
		ss_not_found("rating", ss_uuid_text(merchant_id));
	if (is_removed(&before) && !ss_call_has(&call, SS_ADMIN))
		ss_bad_state("rating was removed", "Moderation took the rating of \"%s\" away.", ss_uuid_text(merchant_id));
	row = ss_row_of_last(0);
	ss_next_skip(&row, 3);
	audit.resource_id = ss_uuid_text(ss_next_uuid(&row));
	ss_query_latest_rows(&delete_review, values, NULL, 1);
	if (!is_removed(&before))
		ss_rating_change(merchant_id, before.rating, 0);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "merchant_id", merchant_id);
	ss_json_bool(&json, "deleted", true);
	add_merchant(&json, merchant_id);
	ss_json_close_object(&json);
	ss_audit_write_rows(&call, &audit, before.row, (SSAuditRow){0});
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
