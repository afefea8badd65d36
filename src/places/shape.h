/*
 * shape.h: polygons on the sphere: their edges are arcs of great circles.
 *
 * A shape has parts, each with an outer ring and holes. It fits into a cap of
 * SS_SHAPE_RADIUS_MAX around its centre, so that inside is the side away from
 * the centre's antipode, and a gnomonic projection from the centre, in which
 * arcs are straight, shows all of it. Pure: no query, no state.
 */
#ifndef SS_SHAPE_H
#define SS_SHAPE_H

#include "postgres.h"

#include "utils/array.h"
#include "utils/jsonb.h"

#include "places/sphere.h"

#define SS_SHAPE_RADIUS_MAX	  500000.0 /* metres */
#define SS_SHAPE_VERTICES_MAX 1000
#define SS_SHAPE_RINGS_MAX	  50

/* A point so near to an edge is inside: the fence is closed. */
#define SS_SHAPE_EDGE 0.01

/* On the plane of the projection. */
typedef struct SSPlanePoint
{
	double u;
	double v;
} SSPlanePoint;

typedef struct SSRing
{
	int first; /* of its vertices, among those of the shape */
	int count;
	int part;	/* from 0 */
	bool outer; /* the first of its part; the others are holes */
} SSRing;

typedef struct SSShape
{
	int nrings;
	SSRing *rings;
	int nvertices;
	SSPoint *points;
	SSVector *vectors;
	SSPlanePoint *plane;
	SSVector centre;
	SSVector e1; /* tangents at the centre: the axes of the plane */
	SSVector e2;
	double radius; /* of the cap, in metres */
} SSShape;

/* A shape of rings and points that it is given, which it keeps. 22023 naming "polygon" if it does not fit into the cap. */
extern SSShape *ss_shape_make(int nrings, SSRing *rings, int nvertices, SSPoint *points);

/* Reads a GeoJSON Polygon or MultiPolygon and checks that it is one; 22023 naming "polygon", with ring and vertex. */
extern SSShape *ss_shape_read(Jsonb *polygon);

/* As it is stored: for each ring part, 1 for an outer one, count, and then latitude and longitude of each vertex. */
extern Datum ss_shape_store(const SSShape *shape);
extern SSShape *ss_shape_stored(ArrayType *stored);

/* Is the point inside? By the even-odd rule, over all rings or those of one part; what lies on an edge is either. */
extern bool ss_shape_even_odd(const SSShape *shape, SSVector point);
extern bool ss_shape_plane_inside(const SSShape *shape, int part, SSPlanePoint p);

/* Metres to the nearest edge. */
extern double ss_shape_edge_distance(const SSShape *shape, SSVector point);

/* The same, negative inside; not above 0 within SS_SHAPE_EDGE of an edge. */
extern double ss_shape_distance(const SSShape *shape, SSPoint point);

/* 22023 unless edges meet only at the vertices of neighbours, holes lie in their outer ring, and parts are disjoint. */
extern void ss_shape_check(const SSShape *shape);

#endif /* SS_SHAPE_H */
