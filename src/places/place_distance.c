/*
 * place_distance.c: place_distance: metres between two points on the sphere.
 *
 * SQL entry point, for queries over places; pure, as it reads nothing and asks
 * nobody: the grant decides who may call it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/numeric.h"

#include "base/money.h"
#include "places/sphere.h"

PG_FUNCTION_INFO_V1(swipesavvy_place_distance);

/*
 * place_distance(latitude, longitude, to_latitude, to_longitude): null if one of
 * them is
 */
Datum
swipesavvy_place_distance(PG_FUNCTION_ARGS)
{
	SSPoint from = ss_sphere_point(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1));
	SSPoint to = ss_sphere_point(PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));

	PG_RETURN_NUMERIC(ss_money_to_major(ss_sphere_decimetres(ss_sphere_distance(from, to)), 1));
}
