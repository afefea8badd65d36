/*
 * shape_check.c: is a shape a polygon? (shape.h)
 *
 * Called when a fence is made or its polygon changed. All is decided on the plane
 * of the projection, in which edges are straight: two meet if they cross, or if
 * an end of one comes within a millimetre of the other. Within a part only
 * neighbours meet, at their vertex; different parts may touch, as those do that
 * were cut at the 180th meridian, but not overlap.
 */
#include "postgres.h"

#include <math.h>

#include "base/errors.h"
#include "places/shape.h"

/* A millimetre, on the plane near the centre. */
#define NEAR (1e-3 / SS_EARTH_RADIUS)

/* An edge: from a vertex of a ring to the next. */
typedef struct Edge
{
	const SSRing *ring;
	int n; /* of its vertex in the ring */
	SSPlanePoint a;
	SSPlanePoint b;
} Edge;

static Edge
edge_of(const SSShape *shape, const SSRing *ring, int n)
{
	return (Edge){ring, n, shape->plane[ring->first + n], shape->plane[ring->first + (n + 1) % ring->count]};
}

static double
distance(SSPlanePoint a, SSPlanePoint b)
{
	return hypot(b.u - a.u, b.v - a.v);
}

/* Twice the area of a, b, p: above 0 if p lies to the left. */
static double
side(SSPlanePoint a, SSPlanePoint b, SSPlanePoint p)
{
	return (b.u - a.u) * (p.v - a.v) - (b.v - a.v) * (p.u - a.u);
}

static double
distance_to_edge(const Edge *edge, SSPlanePoint p)
{
	double du = edge->b.u - edge->a.u;
	double dv = edge->b.v - edge->a.v;
	double along = ((p.u - edge->a.u) * du + (p.v - edge->a.v) * dv) / (du * du + dv * dv);

	along = Max(0.0, Min(along, 1.0));
	return distance(p, (SSPlanePoint){edge->a.u + along * du, edge->a.v + along * dv});
}

/* Do the edges cross, each with its ends on both sides of the other and further from it than a millimetre? */
static bool
cross(const Edge *x, const Edge *y)
{
	double slack_x = NEAR * distance(x->a, x->b);
	double slack_y = NEAR * distance(y->a, y->b);
	double x_a = side(y->a, y->b, x->a);
	double x_b = side(y->a, y->b, x->b);
	double y_a = side(x->a, x->b, y->a);
	double y_b = side(x->a, x->b, y->b);

	return ((x_a > slack_y && x_b < -slack_y) || (x_a < -slack_y && x_b > slack_y)) &&
		   ((y_a > slack_x && y_b < -slack_x) || (y_a < -slack_x && y_b > slack_x));
}

static bool
meet(const Edge *x, const Edge *y)
{
	return cross(x, y) || distance_to_edge(x, y->a) < NEAR || distance_to_edge(x, y->b) < NEAR ||
		   distance_to_edge(y, x->a) < NEAR || distance_to_edge(y, x->b) < NEAR;
}

pg_noreturn static void refuse(const SSShape *shape, const Edge *x, const Edge *y);

static void
refuse(const SSShape *shape, const Edge *x, const Edge *y)
{
	ss_bad_value("polygon", "The edge from ring %d, vertex %d meets the edge from ring %d, vertex %d.",
				 (int) (x->ring - shape->rings) + 1, x->n + 1, (int) (y->ring - shape->rings) + 1, y->n + 1);
}

/* Two edges of one part. */
static void
check_pair(const SSShape *shape, const Edge *x, const Edge *y)
{
	bool y_follows = x->ring == y->ring && y->n == (x->n + 1) % x->ring->count;
	bool x_follows = x->ring == y->ring && x->n == (y->n + 1) % x->ring->count;

	/* neighbours have a vertex in common, and neither turns back into the other */
	if (y_follows || x_follows)
	{
		const Edge *before = y_follows ? x : y;
		const Edge *behind = y_follows ? y : x;

		if (distance_to_edge(before, behind->b) < NEAR || distance_to_edge(behind, before->a) < NEAR)
			refuse(shape, x, y);
	}
	else if (meet(x, y))
		refuse(shape, x, y);
}

/* All pairs of edges of these rings, the second ones behind the first. */
static void
check_rings(const SSShape *shape, const SSRing *one, const SSRing *other)
{
	for (int i = 0; i < one->count; i++)
	{
		Edge x = edge_of(shape, one, i);

		for (int k = one == other ? i + 1 : 0; k < other->count; k++)
		{
			Edge y = edge_of(shape, other, k);

			if (one->part == other->part)
				check_pair(shape, &x, &y);
			else if (cross(&x, &y))
				refuse(shape, &x, &y);
		}
	}
}

static void
check_lengths(const SSShape *shape)
{
	for (int i = 0; i < shape->nrings; i++)
	{
		for (int k = 0; k < shape->rings[i].count; k++)
		{
			Edge edge = edge_of(shape, &shape->rings[i], k);

			if (distance(edge.a, edge.b) < NEAR)
				ss_bad_value("polygon", "The edge from ring %d, vertex %d has no length.", i + 1, k + 1);
		}
	}
}

/* Is the point inside the ring alone? */
static bool
ring_holds(const SSShape *shape, const SSRing *ring, SSPlanePoint p)
{
	SSRing alone = *ring;
	SSShape one = *shape;

	one.nrings = 1;
	one.rings = &alone;
	return ss_shape_plane_inside(&one, -1, p);
}

/* As no edges of a part meet, one vertex of a ring tells where all of it is. */
static void
check_holes(const SSShape *shape)
{
	const SSRing *outer = &shape->rings[0]; /* as of each part the first is */

	for (int i = 0; i < shape->nrings; i++)
	{
		const SSRing *ring = &shape->rings[i];

		if (ring->outer)
		{
			outer = ring;
			continue;
		}
		if (!ring_holds(shape, outer, shape->plane[ring->first]))
			ss_bad_value("polygon", "Ring %d, vertex 1 lies outside the outer ring of its part.", i + 1);
		for (int k = 0; k < shape->nrings; k++)
		{
			const SSRing *other = &shape->rings[k];

			if (k != i && other->part == ring->part && !other->outer &&
				ring_holds(shape, other, shape->plane[ring->first]))
				ss_bad_value("polygon", "Ring %d, vertex 1 lies inside the hole that is ring %d.", i + 1, k + 1);
		}
	}
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

/* A point inside the part and away from its edges: on the line midway between the two heights that lie furthest apart. */
static SSPlanePoint
inner_point(const SSShape *shape, int part)
{
	double *heights = palloc(shape->nvertices * sizeof(double));
	double *ends = palloc(shape->nvertices * sizeof(double));
	int count = 0;
	int widest = 1;
	SSPlanePoint p;

	for (int i = 0; i < shape->nrings; i++)
	{
		for (int k = 0; shape->rings[i].part == part && k < shape->rings[i].count; k++)
			heights[count++] = shape->plane[shape->rings[i].first + k].v;
	}
	qsort(heights, count, sizeof(double), compare);
	for (int i = 1; i < count; i++)
	{
		if (heights[i] - heights[i - 1] > heights[widest] - heights[widest - 1])
			widest = i;
	}
	p.v = (heights[widest] + heights[widest - 1]) / 2;
	count = 0;
	for (int i = 0; i < shape->nrings; i++)
	{
		for (int k = 0; shape->rings[i].part == part && k < shape->rings[i].count; k++)
		{
			Edge edge = edge_of(shape, &shape->rings[i], k);

			if ((edge.a.v <= p.v) != (edge.b.v <= p.v))
				ends[count++] = edge.a.u + (p.v - edge.a.v) * (edge.b.u - edge.a.u) / (edge.b.v - edge.a.v);
		}
	}
	qsort(ends, count, sizeof(double), compare);
	p.u = (ends[0] + ends[1]) / 2;
	return p;
}

/* Is the point inside another part, and further from its edges than a millimetre? */
static bool
overlaps(const SSShape *shape, int part, SSPlanePoint p)
{
	if (!ss_shape_plane_inside(shape, part, p))
		return false;
	for (int i = 0; i < shape->nrings; i++)
	{
		for (int k = 0; shape->rings[i].part == part && k < shape->rings[i].count; k++)
		{
			Edge edge = edge_of(shape, &shape->rings[i], k);

			if (distance_to_edge(&edge, p) < NEAR)
				return false;
		}
	}
	return true;
}

/* Edges of different parts do not cross: so parts overlap only if a vertex or an inner point of one lies inside the other. */
static void
check_parts(const SSShape *shape)
{
	int parts = shape->rings[shape->nrings - 1].part + 1;

	for (int other = 0; parts > 1 && other < parts; other++)
	{
		for (int part = 0; part < parts; part++)
		{
			if (part != other && overlaps(shape, other, inner_point(shape, part)))
				ss_bad_value("polygon", "Part %d overlaps part %d.", part + 1, other + 1);
		}
		for (int i = 0; i < shape->nrings; i++)
		{
			for (int k = 0; shape->rings[i].part != other && k < shape->rings[i].count; k++)
			{
				if (overlaps(shape, other, shape->plane[shape->rings[i].first + k]))
					ss_bad_value("polygon", "Ring %d, vertex %d lies inside part %d.", i + 1, k + 1, other + 1);
			}
		}
	}
}

void
ss_shape_check(const SSShape *shape)
{
	check_lengths(shape);
	for (int i = 0; i < shape->nrings; i++)
	{
		for (int k = i; k < shape->nrings; k++)
			check_rings(shape, &shape->rings[i], &shape->rings[k]);
	}
	check_holes(shape);
	check_parts(shape);
}
