/*
 * report_definition.c: reads the definition of a custom report.
 *
 * Called by run_custom_report and export_analytics. Whatever is wrong is 22023
 * with the path of it in the message ("filters[2].op") and what is allowed in
 * the detail. Nothing of a definition becomes text of a query: words become
 * numbers of our own lists, and values become parameters. No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "analytics/custom_report.h"
#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/time_text.h"
#include "base/uuid.h"
#include "rules/rules.h"

SS_QUERY(find_segment, "SELECT FROM swipesavvy.segments s WHERE s.name = $1", TEXTOID);

static const char *const keys[] = {"source", "measures", "dimensions", "start_date", "end_date", "filters",
								   "having", "order_by", "limit",	   "totals",	 NULL};
static const char *const filter_keys[] = {"field", "op", "value", NULL};
static const char *const having_keys[] = {"measure", "op", "value", NULL};
static const char *const order_keys[] = {"field", "direction", NULL};
static const char *const filter_ops[] = {"eq", "ne", "in", "not_in", NULL};
static const char *const having_ops[] = {"eq", "ne", "gt", "gte", "lt", "lte", NULL};
static const char *const directions[] = {"asc", "desc", NULL};

/* In the order of filter_ops. */
enum
{
	FILTER_EQ,
	FILTER_NE,
	FILTER_IN,
	FILTER_NOT_IN
};

/* --- JSON by path ------------------------------------------------------------------------- */

/* An array of the definition. */
typedef struct Items
{
	const char *key;
	JsonbContainer *items;
	int count;
} Items;

static JsonbContainer *
as_array(const JsonbValue *value, const char *path)
{
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		ss_bad_value(path, "It is not a JSON array.");
	return value->val.binary.data;
}

static JsonbContainer *
array_within(const JsonbValue *value, const char *path, int least, int most)
{
	JsonbContainer *items = as_array(value, path);
	int count = JsonContainerSize(items);

	if (count < least || count > most)
		ss_bad_value(path, "It has %d elements; %d to %d are allowed.", count, least, most);
	return items;
}

/* The value under a key that must be there. */
static JsonbValue *
required(Jsonb *object, const char *key, const char *path)
{
	JsonbValue *value = ss_document_get(object, key);

	if (value == NULL)
		ss_bad_value(path, "It must be given.");
	return value;
}

/* An array under a key; where it may have no elements it may be absent, too. */
static Items
items_of(Jsonb *definition, const char *key, int least, int most)
{
	Items list = {.key = key};
	JsonbValue *value = least > 0 ? required(definition, key, key) : ss_document_get(definition, key);

	if (value == NULL)
		return list;
	list.items = array_within(value, key, least, most);
	list.count = JsonContainerSize(list.items);
	return list;
}

static char *
item_path(const Items *list, int i)
{
	return psprintf("%s[%d]", list->key, i);
}

static char *
member_path(const Items *list, int i, const char *key)
{
	return psprintf("%s[%d].%s", list->key, i, key);
}

static JsonbValue *
item_of(const Items *list, int i)
{
	return getIthJsonbValueFromContainer(list->items, i);
}

static void
refuse_repeated(const Items *list, int i, int before)
{
	ss_bad_value(item_path(list, i), "It is the same as %s.", item_path(list, before));
}

/* An element that must be an object with no other keys. */
static Jsonb *
object_of(const Items *list, int i, const char *const *allowed)
{
	Jsonb *object = ss_json_as_jsonb(item_of(list, i));

	ss_check_keys(object, item_path(list, i), allowed);
	for (int before = 0; before < i; before++)
	{
		JsonbValue *other = item_of(list, before);

		if (other->type == jbvBinary && compareJsonbContainers(other->val.binary.data, &object->root) == 0)
			refuse_repeated(list, i, before);
	}
	return object;
}

/* Any string; those that must be one of some words are checked by these. */
static char *
string_of(const JsonbValue *value, const char *path)
{
	if (value->type != jbvString)
		ss_bad_value(path, "It is not a JSON string.");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static int
word_of(const JsonbValue *value, const char *path, const char *const *words)
{
	return ss_check_choice(string_of(value, path), path, words);
}

/* --- names of the source -------------------------------------------------------------------- */

/* The names of its dimensions and measures, or of one kind. */
static const char **
names_of(const SSCustomSource *source, bool dimensions, bool measures)
{
	const char **names = palloc((source->ndimensions + source->nmeasures + 1) * sizeof(char *));
	int count = 0;

	for (int i = 0; dimensions && i < source->ndimensions; i++)
		names[count++] = source->dimensions[i].name;
	for (int i = 0; measures && i < source->nmeasures; i++)
		names[count++] = source->measures[i].name;
	names[count] = NULL;
	return names;
}

/* The words of an array, each once. */
static int
read_words(const Items *list, const char *const *words, int *numbers)
{
	for (int i = 0; i < list->count; i++)
	{
		numbers[i] = word_of(item_of(list, i), item_path(list, i), words);
		for (int before = 0; before < i; before++)
		{
			if (numbers[before] == numbers[i])
				refuse_repeated(list, i, before);
		}
	}
	return list->count;
}

/* --- values of dimensions -------------------------------------------------------------------- */

/* YYYY-MM-DD and nothing else. */
static DateADT
date_of(const JsonbValue *value, const char *path)
{
	char *text = string_of(value, path);
	TimestampTz moment;

	if (strlen(text) != strlen("YYYY-MM-DD") || !ss_time_from_text(text, pg_tzset("GMT"), &moment))
		ss_bad_value(path, "\"%s\" is not a day such as 2026-03-01.", text);
	return (DateADT) (moment / USECS_PER_DAY);
}

static char *
day_value(const JsonbValue *value, const char *path, SSCustomValues values)
{
	DateADT day = date_of(value, path);
	char *text = string_of(value, path);

	if (values == SS_VALUES_WEEK && j2day(day + POSTGRES_EPOCH_JDATE) != 1)
		ss_bad_value(path, "\"%s\" is not a Monday, which weeks are named by.", text);
	if (values == SS_VALUES_MONTH && strcmp(text + strlen("YYYY-MM-"), "01") != 0)
		ss_bad_value(path, "\"%s\" is not the first of a month, which months are named by.", text);
	return text;
}

static void
check_segment(const char *name, const char *path)
{
	Datum value = CStringGetTextDatum(name);

	if (ss_query_read(&find_segment, &value, NULL) == 0)
		ss_bad_value(path, "There is no segment \"%s\".", name);
}

/* A value as the text that it is compared by here; NULL for null. */
static char *
value_of(const JsonbValue *value, const char *path, const SSCustomDimension *dimension)
{
	char *text;

	if (value->type == jbvNull)
		return NULL;
	switch (dimension->values)
	{
		case SS_VALUES_NUMBER:
			return psprintf("%d", (int) ss_json_as_int(value, path, dimension->minimum, dimension->maximum));
		case SS_VALUES_DAY:
		case SS_VALUES_WEEK:
		case SS_VALUES_MONTH:
			return day_value(value, path, dimension->values);
		case SS_VALUES_UUID:
			return ss_uuid_text(ss_uuid_from_text(string_of(value, path), path));
		default:
			break;
	}
	text = string_of(value, path);
	if (dimension->values == SS_VALUES_CHOICE)
		(void) ss_check_choice(text, path, dimension->choices);
	else if (dimension->values == SS_VALUES_CATEGORY && ss_rules_category(ss_rules_get(), text) == 0)
		ss_bad_value(path, "There is no category \"%s\".", text);
	else if (dimension->values == SS_VALUES_SEGMENT)
		check_segment(text, path);
	else if (dimension->values == SS_VALUES_CURRENCY)
		(void) ss_rules_exponent_of(ss_rules_get(), text, path);
	return text;
}

/* --- sets of values ---------------------------------------------------------------------------- */

/* Values in order, each once. */
typedef struct Set
{
	bool given;
	bool has_null;
	int count;
	char **values;
} Set;

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* What only the one has, what both have, or what only the other has, as asked for. */
static Set
merge(const Set *a, const Set *b, bool only_a, bool both, bool only_b)
{
	Set set = {.given = true, .values = palloc((a->count + b->count + 1) * sizeof(char *))};
	int i = 0;
	int j = 0;

	set.has_null = a->has_null ? (b->has_null ? both : only_a) : b->has_null && only_b;
	while (i < a->count || j < b->count)
	{
		int order = i >= a->count ? 1 : j >= b->count ? -1 : strcmp(a->values[i], b->values[j]);

		if (order < 0 ? only_a : order == 0 ? both : only_b)
			set.values[set.count++] = order > 0 ? b->values[j] : a->values[i];
		if (order <= 0)
			i++;
		if (order >= 0)
			j++;
	}
	return set;
}

/* The values of a filter, all different. */
static Set
read_set(const JsonbValue *value, const char *path, const SSCustomDimension *dimension)
{
	JsonbContainer *items = array_within(value, path, 0, SS_CUSTOM_VALUES_MAX);
	int count = JsonContainerSize(items);
	Set set = {.given = true, .values = palloc((count + 1) * sizeof(char *))};

	for (int i = 0; i < count; i++)
	{
		char *value_path = psprintf("%s[%d]", path, i);
		char *item = value_of(getIthJsonbValueFromContainer(items, i), value_path, dimension);

		if (item == NULL && set.has_null)
			ss_bad_value(value_path, "There is a null before it.");
		if (item == NULL)
			set.has_null = true;
		else
			set.values[set.count++] = item;
	}
	qsort(set.values, set.count, sizeof(char *), by_bytes);
	for (int i = 1; i < set.count; i++)
	{
		if (strcmp(set.values[i - 1], set.values[i]) == 0)
			ss_bad_value(path, "\"%s\" is there twice.", set.values[i]);
	}
	return set;
}

static Set
single(char *value)
{
	Set set = {
		.given = true, .has_null = value == NULL, .count = value == NULL ? 0 : 1, .values = palloc(sizeof(char *))};

	set.values[0] = value;
	return set;
}

/* The set as an array for the query. */
static Datum
array_of(const Set *set, Oid type)
{
	Datum *values = palloc((set->count + 1) * sizeof(Datum));
	int16 length;
	bool by_value;
	char align;

	for (int i = 0; i < set->count; i++)
	{
		char *text = set->values[i];

		if (type == TEXTOID)
			values[i] = CStringGetTextDatum(text);
		else if (type == UUIDOID)
			values[i] = UUIDPGetDatum(ss_uuid_from_text(text, "value"));
		else if (type == INT4OID)
			values[i] = Int32GetDatum(pg_strtoint32(text));
		else
		{
			TimestampTz moment = 0;

			(void) ss_time_from_text(text, pg_tzset("GMT"), &moment);
			values[i] = DateADTGetDatum((DateADT) (moment / USECS_PER_DAY));
		}
	}
	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(values, set->count, type, length, by_value, align));
}

/* --- filters ---------------------------------------------------------------------------------- */

/* One filter goes into the sets of its dimension. Only with eq and in must a value be among them. */
static void
read_filter(SSCustomReport *report, const Items *list, int i, const char *const *names, Set *allowed, Set *refused)
{
	Jsonb *object = object_of(list, i, filter_keys);
	char *path = member_path(list, i, "field");
	int field = word_of(required(object, "field", path), path, names);
	const SSCustomDimension *dimension = &report->source->dimensions[field];
	JsonbValue *value;
	int op;
	Set set;

	path = member_path(list, i, "op");
	op = word_of(required(object, "op", path), path, filter_ops);
	path = member_path(list, i, "value");
	value = required(object, "value", path);
	if (op == FILTER_IN || op == FILTER_NOT_IN)
		set = read_set(value, path, dimension);
	else
		set = single(value_of(value, path, dimension));
	if (op == FILTER_NE || op == FILTER_NOT_IN)
		refused[field] = merge(&refused[field], &set, true, true, true);
	else
		allowed[field] = allowed[field].given ? merge(&allowed[field], &set, false, true, false) : set;
	if (field == report->source->currency && op == FILTER_EQ && set.count == 1)
		strlcpy(report->currency, set.values[0], sizeof(report->currency));
}

static void
read_filters(SSCustomReport *report, Jsonb *definition)
{
	Items list = items_of(definition, "filters", 0, SS_CUSTOM_FILTERS_MAX);
	const char **names = names_of(report->source, true, false);
	Set allowed[SS_CUSTOM_DIMENSIONS] = {{false}};
	Set refused[SS_CUSTOM_DIMENSIONS] = {{false}};

	for (int i = 0; i < list.count; i++)
		read_filter(report, &list, i, names, allowed, refused);
	for (int i = 0; i < report->source->ndimensions; i++)
	{
		SSCustomFilter *filter = &report->filters[i];
		Set set = allowed[i].given ? merge(&allowed[i], &refused[i], true, false, false) : refused[i];

		filter->mode = allowed[i].given ? SS_MODE_IN : refused[i].given ? SS_MODE_NOT_IN : SS_MODE_ANY;
		filter->has_null = set.has_null;
		filter->values = array_of(&set, ss_custom_parameter_type(&report->source->dimensions[i]));
	}
}

/* --- having and order ----------------------------------------------------------------------- */

static void
read_having(SSCustomReport *report, Jsonb *definition)
{
	Items list = items_of(definition, "having", 0, SS_CUSTOM_HAVING_MAX);
	const char **names = names_of(report->source, false, true);

	for (int i = 0; i < list.count; i++)
	{
		SSCustomHaving *having = &report->having[i];
		Jsonb *object = object_of(&list, i, having_keys);
		char *path = member_path(&list, i, "measure");

		having->measure = word_of(required(object, "measure", path), path, names);
		path = member_path(&list, i, "op");
		having->op = (SSCustomOperator) word_of(required(object, "op", path), path, having_ops);
		path = member_path(&list, i, "value");
		having->value = ss_json_as_numeric(required(object, "value", path), path);
	}
	report->nhaving = list.count;
}

static bool
has_dimension(const SSCustomReport *report, int dimension)
{
	for (int i = 0; i < report->ndimensions; i++)
	{
		if (report->dimensions[i] == dimension)
			return true;
	}
	return false;
}

/* By any measure, and by those dimensions that the report has: the others have no one value in a group. */
static void
read_order(SSCustomReport *report, Jsonb *definition)
{
	Items list = items_of(definition, "order_by", 0, SS_CUSTOM_ORDER_MAX);
	const SSCustomSource *source = report->source;
	const char **names = names_of(source, true, true);

	for (int i = 0; i < list.count; i++)
	{
		SSCustomOrder *order = &report->order[i];
		Jsonb *object = object_of(&list, i, order_keys);
		char *path = member_path(&list, i, "field");
		int name = word_of(required(object, "field", path), path, names);
		JsonbValue *direction = ss_document_get(object, "direction");

		order->is_dimension = name < source->ndimensions;
		order->field = order->is_dimension ? name : name - source->ndimensions;
		if (order->is_dimension && !has_dimension(report, name))
			ss_bad_value(path, "\"%s\" is not one of the report's dimensions.", names[name]);
		for (int before = 0; before < i; before++)
		{
			if (report->order[before].field == order->field &&
				report->order[before].is_dimension == order->is_dimension)
				ss_bad_value(path, "\"%s\" is in %s, too.", names[name], item_path(&list, before));
		}
		path = member_path(&list, i, "direction");
		order->descending = direction != NULL && word_of(direction, path, directions) == 1;
	}
	report->norder = list.count;
}

/* --- the whole --------------------------------------------------------------------------------- */

static void
read_period(SSCustomReport *report, Jsonb *definition)
{
	SSPeriod *period = &report->period;

	period->start = date_of(required(definition, "start_date", "start_date"), "start_date");
	period->end = date_of(required(definition, "end_date", "end_date"), "end_date");
	period->days = period->end - period->start + 1;
	if (period->days < 1)
		ss_bad_value("end_date", "It is before start_date.");
	if (period->days > SS_CUSTOM_DAYS_MAX)
		ss_bad_value("end_date", "The period has %d days; at most %d are allowed.", period->days, SS_CUSTOM_DAYS_MAX);
}

/* Money of several currencies is never added. */
static void
check_currency(const SSCustomReport *report, const char *list, int i, int measure)
{
	const SSCustomMeasure *money = &report->source->measures[measure];

	if (money->is_money)
		ss_bad_value(psprintf("%s[%d]", list, i),
					 "\"%s\" is about money: currency must be one of the dimensions, or in a filter with eq.",
					 money->name);
}

static void
check_currencies(const SSCustomReport *report)
{
	if (report->currency[0] != '\0' || has_dimension(report, report->source->currency))
		return;
	for (int i = 0; i < report->nmeasures; i++)
		check_currency(report, "measures", i, report->measures[i]);
	for (int i = 0; i < report->nhaving; i++)
		check_currency(report, "having", i, report->having[i].measure);
	for (int i = 0; i < report->norder; i++)
	{
		if (!report->order[i].is_dimension)
			check_currency(report, "order_by", i, report->order[i].field);
	}
}

static const SSCustomSource *
read_source(Jsonb *definition)
{
	const char *names[] = {ss_custom_sources[0]->name, ss_custom_sources[1]->name, NULL};

	return ss_custom_sources[word_of(required(definition, "source", "source"), "source", names)];
}

SSCustomReport *
ss_custom_read(Jsonb *definition, int64 most, int64 unless_given)
{
	SSCustomReport *report = palloc0(sizeof(SSCustomReport));
	JsonbValue *value;
	Items list;

	ss_check_keys(definition, "definition", keys);
	report->source = read_source(definition);
	list = items_of(definition, "measures", 1, SS_CUSTOM_MEASURES_MAX);
	report->nmeasures = read_words(&list, names_of(report->source, false, true), report->measures);
	list = items_of(definition, "dimensions", 0, SS_CUSTOM_DIMENSIONS_MAX);
	report->ndimensions = read_words(&list, names_of(report->source, true, false), report->dimensions);
	read_period(report, definition);
	read_filters(report, definition);
	read_having(report, definition);
	read_order(report, definition);
	value = ss_document_get(definition, "limit");
	report->limit = value == NULL ? unless_given : ss_json_as_int(value, "limit", 1, most);
	value = ss_document_get(definition, "totals");
	report->totals = value != NULL && ss_json_as_bool(value, "totals");
	check_currencies(report);
	return report;
}
