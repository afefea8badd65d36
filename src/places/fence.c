/*
 * fence.c: how far it is to a fence (fence.h).
 *
 * Called by what lists fences and by reports of locations. No lock.
 */
#include "postgres.h"

#include "utils/array.h"

#include "places/fence.h"

void
ss_fence_next(SSRow *row, SSPoint from, SSFence *fence)
{
	Datum shape;
	bool is_circle;

	fence->geofence_id = *ss_next_uuid(row);
	fence->name = ss_next_text(row);
	fence->point.lat_e7 = ss_next_int32_or(row, 0);
	fence->point.lon_e7 = ss_next_int32_or(row, 0);
	fence->radius_mm = ss_next_int32_or(row, 0);
	shape = ss_next_value_or_null(row, INT4ARRAYOID, &is_circle);
	if (is_circle)
	{
		fence->signed_metres = ss_sphere_distance(from, fence->point) - fence->radius_mm / 1000.0;
		return;
	}
	fence->shape = ss_shape_stored(DatumGetArrayTypeP(shape));
	fence->signed_metres = ss_shape_distance(fence->shape, from);
}
