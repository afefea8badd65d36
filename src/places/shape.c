/*
 * shape.c: polygons on the sphere (shape.h).
 *
 * Called for fences, when they are made and when somebody is near. A shape is
 * made of its stored points each time: cheaper than what it would cost to keep it
 * true.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "base/errors.h"
#include "places/shape.h"

/* The centre is the mean of the outer vertices; a mean shorter than this points nowhere. */
#define NO_DIRECTION 1e-6

static SSVector
mean_of_outer(const SSShape *shape)
{
	SSVector sum = {0, 0, 0};

	for (int i = 0; i < shape->nrings; i++)
	{
		const SSRing *ring = &shape->rings[i];

		for (int k = ring->first; ring->outer && k < ring->first + ring->count; k++)
			sum = (SSVector){sum.x + shape->vectors[k].x, sum.y + shape->vectors[k].y, sum.z + shape->vectors[k].z};
	}
	if (ss_length(sum) < NO_DIRECTION)
		ss_bad_value("polygon", "It is larger than a cap of %d km.", (int) (SS_SHAPE_RADIUS_MAX / 1000));
	return ss_normalised(sum);
}

SSShape *
ss_shape_make(int nrings, SSRing *rings, int nvertices, SSPoint *points)
{
	static const SSVector x_axis = {1, 0, 0};
	static const SSVector z_axis = {0, 0, 1};
	SSShape *shape = palloc0(sizeof(SSShape));

	shape->nrings = nrings;
	shape->rings = rings;
	shape->nvertices = nvertices;
	shape->points = points;
	shape->vectors = palloc(Max(nvertices, 1) * sizeof(SSVector));
	shape->plane = palloc(Max(nvertices, 1) * sizeof(SSPlanePoint));
	for (int i = 0; i < nvertices; i++)
		shape->vectors[i] = ss_sphere_vector(points[i]);
	shape->centre = mean_of_outer(shape);
	for (int i = 0; i < nvertices; i++)
		shape->radius = Max(shape->radius, SS_EARTH_RADIUS * ss_sphere_angle(shape->centre, shape->vectors[i]));
	if (shape->radius > SS_SHAPE_RADIUS_MAX)
		ss_bad_value("polygon", "A vertex lies %.0f km from its centre; at most %d are allowed.", shape->radius / 1000,
					 (int) (SS_SHAPE_RADIUS_MAX / 1000));
	shape->e1 = ss_normalised(ss_cross(fabs(shape->centre.z) > 0.9 ? x_axis : z_axis, shape->centre));
	shape->e2 = ss_cross(shape->centre, shape->e1);
	for (int i = 0; i < nvertices; i++)
	{
		double height = ss_dot(shape->vectors[i], shape->centre);

		shape->plane[i].u = ss_dot(shape->vectors[i], shape->e1) / height;
		shape->plane[i].v = ss_dot(shape->vectors[i], shape->e2) / height;
	}
	return shape;
}

/* --- as it is stored ------------------------------------------------------------------ */

Datum
ss_shape_store(const SSShape *shape)
{
	int count = 3 * shape->nrings + 2 * shape->nvertices;
	Datum *values = palloc(count * sizeof(Datum));
	int n = 0;

	for (int i = 0; i < shape->nrings; i++)
	{
		const SSRing *ring = &shape->rings[i];

		values[n++] = Int32GetDatum(ring->part);
		values[n++] = Int32GetDatum(ring->outer ? 1 : 0);
		values[n++] = Int32GetDatum(ring->count);
		for (int k = ring->first; k < ring->first + ring->count; k++)
		{
			values[n++] = Int32GetDatum(shape->points[k].lat_e7);
			values[n++] = Int32GetDatum(shape->points[k].lon_e7);
		}
	}
	return PointerGetDatum(construct_array(values, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

SSShape *
ss_shape_stored(ArrayType *stored)
{
	const int32 *numbers = (const int32 *) ARR_DATA_PTR(stored);
	int count = ArrayGetNItems(ARR_NDIM(stored), ARR_DIMS(stored));
	SSRing *rings =
		palloc(Max(Min(count / 9, SS_SHAPE_RINGS_MAX), 1) * sizeof(SSRing)); /* three, and of three points */
	SSPoint *points = palloc(Max(count / 2, 1) * sizeof(SSPoint)); /* two numbers each, beside those of rings */
	int nrings = 0;
	int nvertices = 0;

	for (int n = 0; n + 3 <= count; n += 3 + 2 * numbers[n + 2])
	{
		if (nrings == SS_SHAPE_RINGS_MAX || numbers[n + 2] < 3 || numbers[n + 2] > SS_SHAPE_VERTICES_MAX - nvertices ||
			n + 3 + 2 * numbers[n + 2] > count)
			elog(ERROR, "a fence has a shape that is none");
		rings[nrings++] = (SSRing){nvertices, numbers[n + 2], numbers[n], numbers[n + 1] != 0};
		for (int k = 0; k < numbers[n + 2]; k++)
			points[nvertices++] = (SSPoint){numbers[n + 3 + 2 * k], numbers[n + 4 + 2 * k]};
	}
	return ss_shape_make(nrings, rings, nvertices, points);
}

/* --- inside, and how far from the edge ----------------------------------------------------- */

/* How often does a ray from the point cross the ring? A vertex belongs to one of its edges. */
static int
crossings(const SSShape *shape, const SSRing *ring, SSPlanePoint p)
{
	int count = 0;

	for (int i = 0; i < ring->count; i++)
	{
		SSPlanePoint a = shape->plane[ring->first + i];
		SSPlanePoint b = shape->plane[ring->first + (i + 1) % ring->count];

		if (((a.v <= p.v && p.v < b.v) || (b.v <= p.v && p.v < a.v)) &&
			p.u < a.u + (p.v - a.v) * (b.u - a.u) / (b.v - a.v))
			count++;
	}
	return count;
}

bool
ss_shape_plane_inside(const SSShape *shape, int part, SSPlanePoint p)
{
	int count = 0;

	for (int i = 0; i < shape->nrings; i++)
	{
		if (part < 0 || shape->rings[i].part == part)
			count += crossings(shape, &shape->rings[i], p);
	}
	return count % 2 == 1;
}

bool
ss_shape_even_odd(const SSShape *shape, SSVector point)
{
	double height = ss_dot(point, shape->centre);

	if (height <= 0)
		return false;
	return ss_shape_plane_inside(shape, -1,
								 (SSPlanePoint){ss_dot(point, shape->e1) / height, ss_dot(point, shape->e2) / height});
}

/* Radians from the point to the arc from a to b: to the foot of the perpendicular if that lies on it, else to the nearer end. */
static double
arc_angle(SSVector a, SSVector b, SSVector p)
{
	SSVector n = ss_normalised(ss_cross(a, b));

	if (ss_dot(ss_cross(n, a), p) >= 0 && ss_dot(ss_cross(b, n), p) >= 0)
	{
		double sine = ss_dot(p, n);

		return fabs(asin(Max(-1.0, Min(sine, 1.0))));
	}
	return Min(ss_sphere_angle(a, p), ss_sphere_angle(b, p));
}

double
ss_shape_edge_distance(const SSShape *shape, SSVector point)
{
	double least = M_PI;

	for (int i = 0; i < shape->nrings; i++)
	{
		const SSRing *ring = &shape->rings[i];

		for (int k = 0; k < ring->count; k++)
		{
			double angle =
				arc_angle(shape->vectors[ring->first + k], shape->vectors[ring->first + (k + 1) % ring->count], point);

			least = Min(least, angle);
		}
	}
	return SS_EARTH_RADIUS * least;
}

double
ss_shape_distance(const SSShape *shape, SSPoint point)
{
	SSVector vector = ss_sphere_vector(point);
	double edge = ss_shape_edge_distance(shape, vector);

	return edge <= SS_SHAPE_EDGE || ss_shape_even_odd(shape, vector) ? -edge : edge;
}
