/*
 * well_rated.c: merchants with so good a rating, where they are few (well_rated.h).
 *
 * Called by get_nearby_merchants, which would otherwise pass over all that is near and
 * not good enough. Those who may have the rating are found by their ranks
 * (merchants/rating_rank.h), and the rating itself decides. Locks nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/query.h"
#include "merchants/rating_rank.h"
#include "places/well_rated.h"

#define MERCHANTS_MAX 500 /* that are few */
#define LOCATIONS_MAX 2000

/* $1 the least rank, $2 how many are too many, $3 and $4 what ratings lean on, $5 the rating in hundredths. */
SS_QUERY(
	find_few,
	"WITH few AS MATERIALIZED (SELECT q.merchant_id, q.rating_sum, q.rating_count FROM swipesavvy.merchant_ratings q"
	"  WHERE q.rating_count > 0 AND " SS_RATING_RANK_SQL " >= $1 LIMIT $2)"
	" SELECT (SELECT count(*) FROM few), ARRAY (SELECT f.merchant_id FROM few f"
	"  WHERE 100 * swipesavvy.rating_average(f.rating_sum, f.rating_count, $3, $4) >= $5)",
	INT8OID, INT8OID, INT4OID, INT4OID, INT8OID);

SS_QUERY(
	count_locations,
	"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.merchant_locations l WHERE l.merchant_id = ANY ($1) LIMIT $2) l",
	UUIDARRAYOID, INT8OID);

bool
ss_well_rated_few(int64 hundredths, Datum *merchants)
{
	SSRatingPrior prior = ss_rating_prior();
	Datum values[] = {Int64GetDatum(ss_rating_least_rank(prior, hundredths)), Int64GetDatum(MERCHANTS_MAX + 1),
					  Int32GetDatum(prior.weight), Int32GetDatum(prior.mean), Int64GetDatum(hundredths)};
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
