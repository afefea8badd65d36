/*
 * shape_read.c: a polygon out of GeoJSON (shape.h).
 *
 * Called when a fence is made or its polygon changed. Coordinates are longitude
 * and latitude; rings are closed or not, and their orientation says nothing.
 */
#include "postgres.h"

#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "places/shape.h"

/* What has been read so far. */
typedef struct Reader
{
	int nrings;
	SSRing *rings;
	int nvertices;
	SSPoint *points;
	int part;
} Reader;

/* The array that a value is, NULL if it is none. */
static JsonbContainer *
array_of(const JsonbValue *value)
{
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		return NULL;
	return value->val.binary.data;
}

static double
degrees_of(JsonbContainer *position, int n)
{
	return ss_sphere_degrees(getIthJsonbValueFromContainer(position, n)->val.numeric);
}

static SSPoint
read_position(const JsonbValue *value, int ring, int vertex)
{
	JsonbContainer *position = array_of(value);
	double latitude;
	double longitude;

	if (position == NULL || JsonContainerSize(position) != 2 ||
		getIthJsonbValueFromContainer(position, 0)->type != jbvNumeric ||
		getIthJsonbValueFromContainer(position, 1)->type != jbvNumeric)
		ss_bad_value("polygon", "Ring %d, vertex %d is not a pair of longitude and latitude.", ring, vertex);
	longitude = degrees_of(position, 0);
	latitude = degrees_of(position, 1);
	if (!(latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180))
		ss_bad_value("polygon", "Ring %d, vertex %d lies beyond longitude 180 or latitude 90.", ring, vertex);
	return ss_sphere_point(latitude, longitude);
}

static void
read_ring(Reader *reader, const JsonbValue *value, bool outer)
{
	JsonbContainer *positions = array_of(value);
	int number = reader->nrings + 1;
	SSRing ring = {reader->nvertices, 0, reader->part, outer};
	const SSPoint *first;
	const SSPoint *last;

	if (positions == NULL)
		ss_bad_value("polygon", "Ring %d is not a list of positions.", number);
	if (number > SS_SHAPE_RINGS_MAX)
		ss_bad_value("polygon", "It has more than %d rings.", SS_SHAPE_RINGS_MAX);
	ring.count = JsonContainerSize(positions);
	for (int i = 0; i < ring.count; i++)
	{
		/* one more each, as rings may be closed */
		if (reader->nvertices == SS_SHAPE_VERTICES_MAX + SS_SHAPE_RINGS_MAX)
			ss_bad_value("polygon", "It has more than %d vertices.", SS_SHAPE_VERTICES_MAX);
		reader->points = ss_array_grow(reader->points, reader->nvertices, sizeof(SSPoint));
		reader->points[reader->nvertices++] = read_position(getIthJsonbValueFromContainer(positions, i), number, i + 1);
	}
	first = &reader->points[ring.first];
	last = &reader->points[reader->nvertices - 1];
	if (ring.count > 1 && first->lat_e7 == last->lat_e7 && first->lon_e7 == last->lon_e7)
	{
		ring.count--;
		reader->nvertices--;
	}
	if (ring.count < 3)
		ss_bad_value("polygon", "Ring %d has %d vertices; a ring has at least 3.", number, ring.count);
	reader->rings = ss_array_grow(reader->rings, reader->nrings, sizeof(SSRing));
	reader->rings[reader->nrings++] = ring;
}

static void
read_part(Reader *reader, const JsonbValue *value)
{
	JsonbContainer *rings = array_of(value);

	if (rings == NULL || JsonContainerSize(rings) == 0)
		ss_bad_value("polygon", "Part %d is not a list of rings.", reader->part + 1);
	for (uint32 i = 0; i < JsonContainerSize(rings); i++)
		read_ring(reader, getIthJsonbValueFromContainer(rings, i), i == 0);
	reader->part++;
}

SSShape *
ss_shape_read(Jsonb *polygon)
{
	static const char *const keys[] = {"type", "coordinates", NULL};
	static const char *const types[] = {"Polygon", "MultiPolygon", NULL};
	Reader reader = {0};
	SSShape *shape;
	JsonbValue *coordinates;
	char *type;
	bool multi;

	ss_check_keys(polygon, "polygon", keys);
	type = ss_document_text(polygon, "type", SS_KEY_MAX);
	coordinates = ss_document_get(polygon, "coordinates");
	if (type == NULL || coordinates == NULL)
		ss_bad_value("polygon", "It has no type, or no coordinates.");
	multi = ss_check_choice(type, "polygon", types) == 1;
	if (array_of(coordinates) == NULL || (multi && JsonContainerSize(array_of(coordinates)) == 0))
		ss_bad_value("polygon", "Its coordinates are not a list.");
	if (multi)
	{
		for (uint32 i = 0; i < JsonContainerSize(array_of(coordinates)); i++)
			read_part(&reader, getIthJsonbValueFromContainer(array_of(coordinates), i));
	}
	else
		read_part(&reader, coordinates);
	if (reader.nvertices > SS_SHAPE_VERTICES_MAX)
		ss_bad_value("polygon", "It has %d vertices; at most %d are allowed.", reader.nvertices, SS_SHAPE_VERTICES_MAX);
	shape = ss_shape_make(reader.nrings, reader.rings, reader.nvertices, reader.points);
	ss_shape_check(shape);
	return shape;
}
