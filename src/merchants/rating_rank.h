/*
 * rating_rank.h: which merchants may have a rating, by an index (release 1.2.0).
 */
#ifndef SS_RATING_RANK_H
#define SS_RATING_RANK_H

#include "postgres.h"

/* The rank of merchant_ratings `q`, for texts of queries, as the index merchant_ratings_rank has it: of those without ratings, too. */
#define SS_RATING_RANK_SQL "((q.rating_sum + 15) * 10000 / (q.rating_count + 5))"

/* What ratings lean on. */
typedef struct SSRatingPrior
{
	int32 weight; /* as so many ratings … */
	int32 mean;	  /* of so many hundredths each */
} SSRatingPrior;

extern SSRatingPrior ss_rating_prior(void);

/* The least rank of a merchant with that rating or a better one, in hundredths: others may have it, too. */
extern int64 ss_rating_least_rank(SSRatingPrior prior, int64 hundredths);

#endif /* SS_RATING_RANK_H */
