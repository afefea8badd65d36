/*
 * neighbours.h: merchants that are bought at by the same users, and those that
 * are bought at by most.
 */
#ifndef SS_NEIGHBOURS_H
#define SS_NEIGHBOURS_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "learning/examples.h"

/* Purchases of so many days make neighbours; of a user the merchants it was at last, so many; of a merchant the nearest, so many. */
#define SS_NEIGHBOUR_DAYS	 365
#define SS_VISITED_MAX		 100
#define SS_NEIGHBOURS_OF_ONE 50

/* Purchases of so many days make a merchant popular. */
#define SS_POPULAR_DAYS 90

/* A user with fewer merchants is suggested what is popular. */
#define SS_MERCHANTS_LEAST 3

/* Neighbours are made of what came before the cut; whom they are tried with is found by what came from then on, before the end. */
typedef struct SSNeighbourTimes
{
	TimestampTz from;
	TimestampTz popular_from;
	TimestampTz cut;
	TimestampTz end;
} SSNeighbourTimes;

/* Users to try neighbours with, by their hash and then by id. */
#define SS_TRIED_MAX 10000

typedef struct SSTriedUser
{
	uint32 hash;
	pg_uuid_t id;
} SSTriedUser;

typedef struct SSTriedUsers
{
	int count;
	SSTriedUser *users; /* room for twice as many as are kept */
} SSTriedUsers;

/*
 * Writes the neighbours, if they are wanted, and what is popular as those of
 * this version of the model affinity, in which there are none yet. Finds users
 * to try them with, unless `tried` is NULL. ss_exclusions_get() has been called.
 * Returns how many users it has read.
 */
extern int64 ss_neighbours_make(const SSTraining *training, int32 version, const SSNeighbourTimes *times,
								bool neighbours, SSTriedUsers *tried);

/* Takes away what is written of a version, or of all others. */
extern void ss_neighbours_clear(int32 version, bool others);

#endif /* SS_NEIGHBOURS_H */
