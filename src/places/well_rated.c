/*
 * well_rated.c: merchants with so good a rating, where they are few (well_rated.h).
 *
 * Called by get_nearby_merchants, which would otherwise pass over all that is near and
 * not good enough. Locks nothing.
 *
 * No index can have ratings: they lean on a mean that changes each day, with a weight
 * that is a setting. So there is one of averages that lean on a mean of 3 with the
 * weight of 5 ratings, which never change; and whoever has the rating that is asked for
 * has a certain average there at least. Let a rating be b or more, before it is rounded,
 * where it leans on the mean m with weight w:
 *
 *		sum >= b * (w + n) - w * m	for n ratings; and sum <= 5 * n, so that
 *		n   >= w * (b - m) / (5 - b)	if b is above m.
 *
 * The other average is then at least (15 + b * (w + n) - w * m) / (5 + n). That goes up
 * or down with n all the way to b, so its least value is that of the fewest ratings, or b.
 * Of those that have it at least the rating itself decides.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"

#include "base/query.h"
#include "places/well_rated.h"

#define MERCHANTS_MAX 500 /* that are few */
#define LOCATIONS_MAX 2000

#define BEST		 5.0
#define RANK_SCALE	 10000
#define RANK_RATINGS 5.0
#define RANK_SUM	 15.0													/* of these, of 3 each */
#define RANK_SQL	 "((r.rating_sum + 15) * 10000 / (r.rating_count + 5))" /* as the index merchant_ratings_rank has it */

SS_QUERY(read_prior,
		 "SELECT (SELECT (s.value #>> '{}')::integer FROM swipesavvy.system_settings s"
		 "         WHERE s.setting = 'rating_prior_weight'),"
		 "       coalesce((SELECT p.mean_hundredths FROM swipesavvy.rating_prior p WHERE p.prior_no = 1), 300)");

/* $1 the least rank, $2 how many are too many, $3 and $4 what ratings lean on, $5 the rating in hundredths. */
SS_QUERY(
	find_few,
	"WITH few AS MATERIALIZED (SELECT r.merchant_id, r.rating_sum, r.rating_count FROM swipesavvy.merchant_ratings r"
	"  WHERE r.rating_count > 0 AND " RANK_SQL " >= $1 LIMIT $2)"
	" SELECT (SELECT count(*) FROM few), ARRAY (SELECT f.merchant_id FROM few f"
	"  WHERE 100 * swipesavvy.rating_average(f.rating_sum, f.rating_count, $3, $4) >= $5)",
	INT8OID, INT8OID, INT4OID, INT4OID, INT8OID);

SS_QUERY(count_locations,
		 "SELECT count(*) FROM (SELECT FROM swipesavvy.merchant_locations l WHERE l.merchant_id = ANY ($1) LIMIT $2) l",
		 UUIDARRAYOID, INT8OID);

/* The least rank of who has that rating. */
static int64
least_rank(int64 hundredths, int32 weight, int32 mean_hundredths)
{
	double rating = ((double) hundredths - 0.5) / 100; /* which is rounded up */
	double mean = mean_hundredths / 100.0;
	double fewest = Max(1.0, weight * (rating - mean) / (BEST - rating));
	double rank = (RANK_SUM + rating * (weight + fewest) - weight * mean) / (RANK_RATINGS + fewest);

	return (int64) floor(Min(rank, rating) * RANK_SCALE) - 1; /* one less: doubles are not exact */
}

bool
ss_well_rated_few(int64 hundredths, Datum *merchants)
{
	SSRow prior = ss_row(ss_rows_read(&read_prior, NULL, NULL), 0);
	int32 weight = ss_next_int32(&prior);
	int32 mean = ss_next_int32(&prior);
	Datum values[] = {Int64GetDatum(least_rank(hundredths, weight, mean)), Int64GetDatum(MERCHANTS_MAX + 1),
					  Int32GetDatum(weight), Int32GetDatum(mean), Int64GetDatum(hundredths)};
	Datum of_these[2];
	SSRow few;

	ss_query_plan_once();
	ss_query_keep_order(); /* a bitmap would have all of an index before the first row */
	few = ss_row(ss_rows_read(&find_few, values, NULL), 0);
	if (ss_next_int64(&few) > MERCHANTS_MAX)
		return false;
	*merchants = ss_next_value(&few, UUIDARRAYOID);
	of_these[0] = *merchants;
	of_these[1] = Int64GetDatum(LOCATIONS_MAX + 1);
	return ss_one_int64(ss_rows_read(&count_locations, of_these, NULL)) <= LOCATIONS_MAX;
}
