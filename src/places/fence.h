/*
 * fence.h: a fence: a circle or a polygon in which users arrive, stay and leave.
 */
#ifndef SS_FENCE_H
#define SS_FENCE_H

#include "postgres.h"

#include "base/json.h"
#include "base/query.h"
#include "places/shape.h"

/* Columns of fence `f` by which it is measured, for texts of queries; read by ss_fence_next. */
#define SS_FENCE_GEOMETRY "f.geofence_id, f.name, f.lat_e7, f.lon_e7, f.radius_mm, f.shape"

/* Is fence `f` in force at that moment (a parameter)? */
#define SS_FENCE_HOLDS_SQL(at)                                                                                         \
	"(f.is_active AND (f.starts_at IS NULL OR f.starts_at <= " at ") AND (f.ends_at IS NULL OR " at " < f.ends_at))"

typedef struct SSFence
{
	pg_uuid_t geofence_id;
	char *name;
	SSPoint point;		  /* of a circle */
	int32 radius_mm;	  /* of a circle; 0: it is a polygon */
	SSShape *shape;		  /* of a polygon */
	double signed_metres; /* from a point to its edge, negative inside, once measured */
} SSFence;

/* Reads the columns of SS_FENCE_GEOMETRY, and measures from the point. */
extern void ss_fence_next(SSRow *row, SSPoint from, SSFence *fence);

#endif /* SS_FENCE_H */
