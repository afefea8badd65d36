/*
 * sphere.c: points on earth, and how far they lie apart (sphere.h).
 *
 * Called by whatever in this folder looks for something near. The haversine of
 * a distance is well-conditioned for points that are near, and its arc tangent
 * for points that are opposite; an arc sine would not be.
 */
#include "postgres.h"

#include <math.h>

#include "base/errors.h"
#include "places/sphere.h"

#define E7		1e7
#define RADIANS (M_PI / 180.0)

static int32
degrees_e7(double value, const char *argument, int limit)
{
	if (!(value >= -limit && value <= limit)) /* false for NaN, too */
		ss_bad_value(argument, "%.15g is not between -%d and %d.", value, limit, limit);
	return (int32) round(value * E7);
}

SSPoint
ss_sphere_point(double latitude, double longitude)
{
	SSPoint point;

	point.lat_e7 = degrees_e7(latitude, "latitude", 90);
	point.lon_e7 = degrees_e7(longitude, "longitude", 180);
	if (point.lon_e7 == 1800000000)
		point.lon_e7 = -1800000000;
	return point;
}

SSPoint
ss_sphere_arg(FunctionCallInfo fcinfo, int latitude_n, int longitude_n)
{
	if (PG_ARGISNULL(latitude_n))
		ss_missing_value("latitude");
	if (PG_ARGISNULL(longitude_n))
		ss_missing_value("longitude");
	return ss_sphere_point(PG_GETARG_FLOAT8(latitude_n), PG_GETARG_FLOAT8(longitude_n));
}

double
ss_sphere_degrees(Numeric value)
{
	return strtod(numeric_normalize(value), NULL);
}

static double
radians(int64 e7)
{
	return e7 / E7 * RADIANS;
}

SSVector
ss_sphere_vector(SSPoint point)
{
	double phi = radians(point.lat_e7);
	double lambda = radians(point.lon_e7);

	return (SSVector){cos(phi) * cos(lambda), cos(phi) * sin(lambda), sin(phi)};
}

double
ss_sphere_distance(SSPoint a, SSPoint b)
{
	double phi_a = radians(a.lat_e7);
	double phi_b = radians(b.lat_e7);
	/* differences of whole numbers: what lies as far to one side as to the other is as far */
	double south = sin(radians((int64) b.lat_e7 - a.lat_e7) / 2);
	double east = sin(radians((int64) b.lon_e7 - a.lon_e7) / 2);
	double h = south * south + cos(phi_a) * cos(phi_b) * east * east;

	h = Max(0.0, Min(h, 1.0));
	return 2 * SS_EARTH_RADIUS * atan2(sqrt(h), sqrt(1 - h));
}

double
ss_sphere_angle(SSVector a, SSVector b)
{
	return atan2(ss_length(ss_cross(a, b)), ss_dot(a, b));
}

double
ss_sphere_side(double radius)
{
	double half_angle = Min(radius / (2 * SS_EARTH_RADIUS), M_PI / 2);

	return 2 * SS_EARTH_RADIUS * sin(half_angle) * (1 + 1e-9) + SS_CHORD_SLACK;
}

int64
ss_sphere_decimetres(double metres)
{
	return (int64) round(metres * 10);
}

double
ss_length(SSVector v)
{
	return sqrt(ss_dot(v, v));
}

SSVector
ss_normalised(SSVector v)
{
	double length = ss_length(v);

	return (SSVector){v.x / length, v.y / length, v.z / length};
}
