/*
 * sphere.h: points on earth, and how far they lie apart.
 *
 * Points are degrees of WGS 84 in ten-millionths; the earth is a sphere of its
 * mean radius, and the geodetic latitude counts as that of the sphere.
 * doc/places.md says how far that is from the ellipsoid. Pure: no query, no state.
 */
#ifndef SS_SPHERE_H
#define SS_SPHERE_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/numeric.h"

/* (2a + b) / 3 of WGS 84, metres */
#define SS_EARTH_RADIUS 6371008.771415059

/* Chords computed here and by the index differ by less; so do two computations of one. */
#define SS_CHORD_SLACK 0.01

typedef struct SSPoint
{
	int32 lat_e7;
	int32 lon_e7;
} SSPoint;

typedef struct SSVector
{
	double x;
	double y;
	double z;
} SSVector;

/* The point at that latitude and longitude in degrees; 22023 naming the argument for anything else. 180 is -180. */
extern SSPoint ss_sphere_point(double latitude, double longitude);

/* The same for the arguments latitude and longitude at these positions, which must be given. */
extern SSPoint ss_sphere_arg(FunctionCallInfo fcinfo, int latitude_n, int longitude_n);

/* Degrees of a document; what a double cannot hold is infinite, and no latitude. */
extern double ss_sphere_degrees(Numeric value);

/* As a vector of length 1. */
extern SSVector ss_sphere_vector(SSPoint point);

/* Metres along the great circle. */
extern double ss_sphere_distance(SSPoint a, SSPoint b);
extern double ss_sphere_angle(SSVector a, SSVector b); /* of vectors, in radians */

/* Half the side of a box around a point that holds whatever is that near, in metres along the chord. */
extern double ss_sphere_side(double radius);

/* Metres in tenths, rounded half away from zero, as results have them. */
extern int64 ss_sphere_decimetres(double metres);

static inline double
ss_dot(SSVector a, SSVector b)
{
	return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline SSVector
ss_cross(SSVector a, SSVector b)
{
	return (SSVector){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

/* The vector of length 1 in the same direction, which must have one. */
extern SSVector ss_normalised(SSVector v);
extern double ss_length(SSVector v);

#endif /* SS_SPHERE_H */
