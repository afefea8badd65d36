/*
 * rating_rank.c: which merchants may have a rating, by an index (rating_rank.h).
 *
 * Called by lists of merchants that ask for a rating, which would otherwise look at that
 * of each merchant. Locks nothing.
 *
 * No index can have ratings: they lean on a mean that changes each day, with a weight
 * that is a setting. So there is one of ranks: averages that lean on a mean of 3 with the
 * weight of 5 ratings, which never change. Whoever has the rating that is asked for has a
 * certain rank at least. Let a rating be b or more, before it is rounded, where it leans
 * on the mean m with weight w:
 *
 *		sum >= b * (w + n) - w * m	for n ratings; and sum <= 5 * n, so that
 *		n   >= w * (b - m) / (5 - b)	if b is above m.
 *
 * The rank is then at least (15 + b * (w + n) - w * m) / (5 + n). That goes up or down
 * with n all the way to b, so its least value is that of the fewest ratings, or b.
 */
#include "postgres.h"

#include <math.h>

#include "base/query.h"
#include "merchants/rating_rank.h"

#define BEST		 5.0
#define RANK_SCALE	 10000
#define RANK_RATINGS 5.0
#define RANK_SUM	 15.0 /* of these, of 3 each */

SS_QUERY(read_prior,
		 "SELECT (SELECT (s.value #>> '{}')::integer FROM swipesavvy.system_settings s"
		 "         WHERE s.setting = 'rating_prior_weight'),"
		 "       coalesce((SELECT p.mean_hundredths FROM swipesavvy.rating_prior p WHERE p.prior_no = 1), 300)");

SSRatingPrior
ss_rating_prior(void)
{
	SSRow row = ss_row(ss_rows_read(&read_prior, NULL, NULL), 0);
	SSRatingPrior prior;

	prior.weight = ss_next_int32(&row);
	prior.mean = ss_next_int32(&row);
	return prior;
}

int64
ss_rating_least_rank(SSRatingPrior prior, int64 hundredths)
{
	double rating = ((double) hundredths - 0.5) / 100; /* which is rounded up */
	double mean = prior.mean / 100.0;
	double fewest = Max(1.0, prior.weight * (rating - mean) / (BEST - rating));
	double rank = (RANK_SUM + rating * (prior.weight + fewest) - prior.weight * mean) / (RANK_RATINGS + fewest);

	return (int64) floor(Min(rank, rating) * RANK_SCALE) - 1; /* one less: doubles are not exact */
}
