/*
 * ratings.h: what users think of merchants.
 *
 * Where it is read, by this domain and others:
 *
 * - the rating of a merchant, as everything shows it: the view
 *   swipesavvy.merchant_rating_averages (merchant_id, rating, rating_count). A merchant
 *   without a rating that counts has no row.
 * - what a user thinks of a merchant: swipesavvy.merchant_reviews (user_id, merchant_id,
 *   rating), where SS_REVIEW_COUNTS_SQL holds.
 *
 * merchant_ratings has the sums that the averages are of. They change in the
 * transaction of the rating, under the lock on their row, which is the last one that is
 * taken: after the user's reward account and the review.
 */
#ifndef SS_RATINGS_H
#define SS_RATINGS_H

#include "postgres.h"

#include "utils/numeric.h"
#include "utils/uuid.h"

#include "base/json.h"

/* Review `r`, for texts of queries: does its rating count? */
#define SS_REVIEW_COUNTS_SQL "r.comment_status IS DISTINCT FROM 'removed'"

/* The average of ratings and a prior mean in hundredths that weighs as so many of them: in hundredths, half away from zero. */
extern int64 ss_rating_hundredths(int64 sum, int64 count, int32 weight, int32 mean_hundredths);

/* What is shown of a merchant: rating (null without any) and rating_count, into the object that is open. */
extern void ss_rating_add(SSJson *json, const pg_uuid_t *merchant_id, bool fresh);

/* A rating of the merchant (0: none) takes the place of another one (0: none). */
extern void ss_rating_change(const pg_uuid_t *merchant_id, int taken, int added);

#endif /* SS_RATINGS_H */
