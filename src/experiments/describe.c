/*
 * describe.c: what an A/B test may be.
 *
 * Called by the functions that create and change tests. The arguments of a
 * call, or changes over what a draft is, become one jsonb description, and one
 * function checks it; so a draft that is changed obeys the rules of a new one.
 * Reads the campaigns, the flag and the segment that a test names; what could
 * change until a test starts is looked at again then (test_lifecycle.c), under
 * locks. Nothing is locked here.
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "access/genam.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/rows.h"
#include "base/uuid.h"
#include "base/uuid7.h"
#include "experiments/ab_test.h"
#include "experiments/flag_values.h"
#include "rules/rules.h"

#define SHARE			   10000 /* ten-thousandths of 1 */
#define VARIANTS_MAX	   8
#define VARIATIONS_MAX	   9
#define KEY_LENGTH_MAX	   100
#define EFFECT_MIN		   0.001
#define EFFECT_MAX		   10.0
#define BASELINE_MIN	   1e-9
#define BASELINE_MAX	   1e12
#define SAMPLE_MAX		   1000000000000LL
#define DEFAULT_POWER	   80
#define DEFAULT_EFFECT	   "0.10"
#define DEFAULT_CONFIDENCE 95
#define DEFAULT_COVARIATE  28
#define DEFAULT_DAYS	   14
#define DEFAULT_MINIMUM	   100

const char *const ss_test_statuses[] = {"draft", "running", "paused", "ended", "archived", NULL};

static const char *const exposures[] = {"population", "assignment", NULL};
static const char *const outsides[] = {"control", "none", NULL};
static const char *const scopes[] = {"all", "target", NULL};

/* The arguments of create_ab_test and create_flag_test, in their order */
#define OF_ITS_SIZE                                                                                                    \
	"target_sample_size", "confidence_level", "minimum_effect_size", "hypothesis", "weights", "hold_out", "coverage"
#define OF_ITS_PLAN                                                                                                    \
	"namespace", "exposure", "outside", "primary_metric", "metrics", "guardrails", "scope", "window_days",             \
		"covariate_days", "power", "baseline", "sequential", "sequential_tuning", "minimum_days",                      \
		"minimum_conversions", "test_key", "seed", "test_id"
static const char *const campaign_arguments[] = {
	"test_name", "control_campaign_id", "variant_campaign_ids", OF_ITS_SIZE, "segment", OF_ITS_PLAN, NULL};
static const char *const flag_arguments[] = {"test_name", "flag_key",  "variations", OF_ITS_SIZE,
											 "condition", OF_ITS_PLAN, NULL};

/* What a test that has started may still become */
static const char *const started_arguments[] = {"test_name",  "hypothesis",	  "coverage",			"metrics",
												"guardrails", "minimum_days", "target_sample_size", NULL};

SS_QUERY(find_campaign,
		 "SELECT c.campaign_no, c.status, c.currency::text, k.minor_unit::integer, c.hold_out > 0, c.target_segment_no,"
		 "c.target_merchant_id, c.target_category"
		 " FROM swipesavvy.campaigns c JOIN swipesavvy.currencies k ON k.code = c.currency WHERE c.campaign_id = $1",
		 TEXTOID);

SS_QUERY(find_segment, "SELECT s.segment_no FROM swipesavvy.segments s WHERE s.name = $1", TEXTOID);

static const char *const *
arguments_of(bool of_flag)
{
	return of_flag ? flag_arguments : campaign_arguments;
}

/* --- descriptions -------------------------------------------------------------------------- */

static void
add_array(SSJson *json, const char *key, ArrayType *array)
{
	Oid type = ARR_ELEMTYPE(array);
	int16 length;
	bool by_value;
	char align;
	Datum *elements;
	bool *nulls;
	int count;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, &nulls, &count);
	ss_json_open_array(json, key);
	for (int i = 0; i < count; i++)
		ss_json_datum(json, NULL, elements[i], nulls[i], type);
	ss_json_close_array(json);
}

Jsonb *
ss_test_describe_call(FunctionCallInfo fcinfo, bool of_flag)
{
	const char *const *names = arguments_of(of_flag);
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	for (int i = 0; names[i] != NULL; i++)
	{
		Oid type = get_fn_expr_argtype(fcinfo->flinfo, i);

		if (PG_ARGISNULL(i))
			continue;
		if (type_is_array(type))
			add_array(&json, names[i], PG_GETARG_ARRAYTYPE_P(i));
		else
			ss_json_datum(&json, names[i], PG_GETARG_DATUM(i), false, type);
	}
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

static void
add_share(SSJson *json, const char *key, int64 value, int decimals)
{
	ss_json_money(json, key, value, decimals);
}

/* Equal weights have four decimals; what is missing to the whole goes to the first. */
static int32
equal_weight(int group, int variants, int32 whole)
{
	return whole / variants + (group == 0 ? whole % variants : 0);
}

/* Those that a test has by itself: with other groups, or another hold-out, they are others. */
static bool
has_equal_weights(const SSTest *test, int variants)
{
	int32 whole = SHARE - (test->has_hold_out ? test->groups[variants].weight : 0);

	for (int i = 0; i < variants; i++)
	{
		if (test->groups[i].weight != equal_weight(i, variants, whole))
			return false;
	}
	return true;
}

/* What the groups of a test get, by the arguments that said so. */
static void
describe_groups(SSJson *json, const SSTest *test)
{
	int variants = test->ngroups - (test->has_hold_out ? 1 : 0);

	if (test->of_flag)
	{
		ss_json_text(json, "flag_key", test->flag_key);
		ss_json_open_array(json, "variations");
		for (int i = 0; i < variants; i++)
			ss_json_jsonb(json, NULL, test->groups[i].value);
		ss_json_close_array(json);
		ss_json_jsonb(json, "condition", test->condition);
	}
	else
	{
		ss_json_text(json, "control_campaign_id", test->groups[0].campaign_id);
		ss_json_open_array(json, "variant_campaign_ids");
		for (int i = 1; i < variants; i++)
			ss_json_text(json, NULL, test->groups[i].campaign_id);
		ss_json_close_array(json);
		if (test->segment != NULL)
			ss_json_text(json, "segment", test->segment);
	}
	if (!has_equal_weights(test, variants))
	{
		ss_json_open_array(json, "weights");
		for (int i = 0; i < variants; i++)
			add_share(json, NULL, test->groups[i].weight, 4);
		ss_json_close_array(json);
	}
	add_share(json, "hold_out", test->has_hold_out ? test->groups[variants].weight : 0, 4);
}

Jsonb *
ss_test_describe(const SSTest *test)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "test_name", test->name);
	describe_groups(&json, test);
	if (test->target_sample_size > 0)
		ss_json_int(&json, "target_sample_size", test->target_sample_size);
	add_share(&json, "confidence_level", test->confidence, 2);
	ss_json_datum(&json, "minimum_effect_size", NumericGetDatum(test->minimum_effect), false, NUMERICOID);
	if (test->hypothesis != NULL)
		ss_json_text(&json, "hypothesis", test->hypothesis);
	add_share(&json, "coverage", test->coverage, 4);
	if (test->namespace_id != NULL)
	{
		ss_json_open_array(&json, "namespace");
		ss_json_text(&json, NULL, test->namespace_id);
		add_share(&json, NULL, test->namespace_start, 3);
		add_share(&json, NULL, test->namespace_end, 3);
		ss_json_close_array(&json);
	}
	ss_json_text(&json, "exposure", exposures[test->by_assignment]);
	if (!test->of_flag)
		ss_json_text(&json, "outside", outsides[!test->control_outside]);
	ss_json_text(&json, "primary_metric", ss_metric_specs[test->primary].name);
	ss_metrics_add(&json, "metrics", test->metrics);
	ss_metrics_add(&json, "guardrails", test->guardrails);
	ss_json_text(&json, "scope", scopes[test->target_only]);
	if (test->window_days > 0)
		ss_json_int(&json, "window_days", test->window_days);
	ss_json_int(&json, "covariate_days", test->covariate_days);
	add_share(&json, "power", test->power, 2);
	if (test->baseline != NULL)
		ss_json_datum(&json, "baseline", NumericGetDatum(test->baseline), false, NUMERICOID);
	ss_json_bool(&json, "sequential", test->sequential);
	if (test->sequential_tuning > 0)
		ss_json_int(&json, "sequential_tuning", test->sequential_tuning);
	ss_json_int(&json, "minimum_days", test->minimum_days);
	ss_json_int(&json, "minimum_conversions", test->minimum_conversions);
	ss_json_text(&json, "test_key", test->key);
	if (strcmp(test->seed, test->key) != 0) /* else it is the key, which may change */
		ss_json_text(&json, "seed", test->seed);
	ss_json_uuid(&json, "test_id", &test->id);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

/* PT400 for an argument that is fixed once a test has started. */
static void
check_may_change(Jsonb *changes, bool of_flag)
{
	const char *const *names = arguments_of(of_flag);

	ss_check_keys(changes, "changes", names);
	for (int i = 0; names[i] != NULL; i++)
	{
		bool may = false;

		for (int j = 0; started_arguments[j] != NULL; j++)
			may |= strcmp(names[i], started_arguments[j]) == 0;
		if (!may && ss_document_get(changes, names[i]) != NULL)
			ss_bad_state("argument is fixed once a test has started", "\"%s\" is.", names[i]);
	}
}

Jsonb *
ss_test_change(const SSTest *test, Jsonb *changes)
{
	Jsonb *described = ss_test_describe(test);

	if (test->status == SS_TEST_DRAFT)
	{
		ss_check_keys(changes, "changes", arguments_of(test->of_flag));
		if (ss_document_get(changes, "test_id") != NULL)
			ss_bad_value("changes", "The id of a test stays.");
	}
	else if (test->status == SS_TEST_RUNNING || test->status == SS_TEST_PAUSED)
		check_may_change(changes, test->of_flag);
	else
		ss_bad_state("test is over", "It is %s.", ss_test_statuses[test->status]);
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(described), JsonbPGetDatum(changes)));
}

/* --- values of a description ------------------------------------------------------------------- */

static char *
get_text(Jsonb *description, const char *name, int max_chars)
{
	JsonbValue *value = ss_document_given(description, name);

	return value == NULL ? NULL : ss_json_as_text(value, name, max_chars);
}

static int64
get_int(Jsonb *description, const char *name, int64 minimum, int64 maximum, int64 when_null)
{
	JsonbValue *value = ss_document_given(description, name);

	return value == NULL ? when_null : ss_json_as_int(value, name, minimum, maximum);
}

static int64
get_scaled(Jsonb *description, const char *name, int decimals, int64 minimum, int64 maximum, int64 when_null)
{
	JsonbValue *value = ss_document_given(description, name);

	return value == NULL ? when_null
						 : ss_scaled_from_numeric(ss_json_as_numeric(value, name), decimals, minimum, maximum, name);
}

static int
get_choice(Jsonb *description, const char *name, const char *const *choices, int when_null)
{
	JsonbValue *value = ss_document_given(description, name);

	return value == NULL ? when_null : ss_check_choice(ss_json_as_text(value, name, SS_KEY_MAX), name, choices);
}

/* The elements of an array of that name; 22023 unless there are `minimum` to `maximum`. */
static JsonbValue *
elements_of(JsonbValue *value, const char *name, int minimum, int maximum, int *count)
{
	JsonbValue *items;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerIsScalar(value->val.binary.data))
		ss_bad_value(name, "It is not an array.");
	*count = JsonContainerSize(value->val.binary.data);
	if (*count < minimum || *count > maximum)
		ss_bad_value(name, "It has %d elements, not %d to %d.", *count, minimum, maximum);
	items = palloc(Max(*count, 1) * sizeof(JsonbValue));
	for (int i = 0; i < *count; i++)
		items[i] = *getIthJsonbValueFromContainer(value->val.binary.data, i);
	return items;
}

static SSMetricSet
get_metrics(Jsonb *description, const char *name, SSMetricSet when_null)
{
	JsonbValue *value = ss_document_given(description, name);
	SSMetricSet set = 0;
	JsonbValue *items;
	int count;

	if (value == NULL)
		return when_null;
	items = elements_of(value, name, 0, SS_METRICS, &count);
	for (int i = 0; i < count; i++)
		set |= SS_METRIC_BIT(ss_check_choice(ss_json_as_text(&items[i], name, SS_KEY_MAX), name, ss_metric_names));
	return set;
}

/* --- the parts of a test ------------------------------------------------------------------------- */

static void
check_key(const char *key, const char *name)
{
	if (strlen(key) > KEY_LENGTH_MAX)
		ss_bad_value(name, "It is longer than %d characters.", KEY_LENGTH_MAX);
	for (const char *p = key; *p != '\0'; p++)
	{
		bool plain = isalnum((unsigned char) *p) && !IS_HIGHBIT_SET(*p);

		if (!plain && (p == key || strchr("_.:|-", *p) == NULL))
			ss_bad_value(name, "It is not made of letters, digits and \"_.:|-\" with a letter or digit first.");
	}
	if (ss_text_is_filter(key))
		ss_bad_value(name, "It begins like a filter of PostgREST, so it could not be asked for over HTTP.");
}

static void
take_names(Jsonb *description, SSTest *test)
{
	JsonbValue *id = ss_document_given(description, "test_id");

	test->name = get_text(description, "test_name", SS_NAME_MAX);
	if (test->name == NULL)
		ss_missing_value("test_name");
	test->hypothesis = get_text(description, "hypothesis", SS_TEXT_MAX);
	if (id != NULL)
		test->id = *ss_json_as_uuid(id, "test_id");
	else
		ss_uuid7_make(&test->id);
	test->key = get_text(description, "test_key", KEY_LENGTH_MAX);
	if (test->key == NULL)
		test->key = ss_uuid_text(&test->id);
	check_key(test->key, "test_key");
	test->seed = get_text(description, "seed", SS_KEY_MAX);
	if (test->seed == NULL)
		test->seed = test->key;
}

static void
take_namespace(Jsonb *description, SSTest *test)
{
	JsonbValue *value = ss_document_given(description, "namespace");
	JsonbValue *items;
	int count;

	test->namespace_id = NULL;
	if (value == NULL)
		return;
	items = elements_of(value, "namespace", 3, 3, &count);
	test->namespace_id = ss_json_as_text(&items[0], "namespace", SS_KEY_MAX);
	test->namespace_start = ss_scaled_from_numeric(ss_json_as_numeric(&items[1], "namespace"), 3, 0, 1000, "namespace");
	test->namespace_end = ss_scaled_from_numeric(ss_json_as_numeric(&items[2], "namespace"), 3, 0, 1000, "namespace");
	if (test->namespace_start >= test->namespace_end)
		ss_bad_value("namespace", "Its range is empty.");
}

static void
take_weights(Jsonb *description, SSTest *test, int variants)
{
	JsonbValue *value = ss_document_given(description, "weights");
	int32 hold_out = get_scaled(description, "hold_out", 4, 0, SHARE / 2, 0);
	int32 whole = SHARE - hold_out;
	int32 sum = 0;
	JsonbValue *items;
	int count;

	test->ngroups = variants;
	for (int i = 0; value == NULL && i < variants; i++)
		test->groups[i].weight = equal_weight(i, variants, whole);
	if (value != NULL)
	{
		items = elements_of(value, "weights", variants, variants, &count);
		for (int i = 0; i < variants; i++)
		{
			test->groups[i].weight =
				ss_scaled_from_numeric(ss_json_as_numeric(&items[i], "weights"), 4, 1, SHARE, "weights");
			sum += test->groups[i].weight;
		}
		if (sum != whole)
			ss_bad_value("weights", "They come to %d.%04d, not to %d.%04d, the whole without the hold-out.",
						 sum / SHARE, sum % SHARE, whole / SHARE, whole % SHARE);
	}
	test->has_hold_out = hold_out > 0;
	if (test->has_hold_out)
		test->groups[test->ngroups++] = (SSTestGroup){.name = "hold_out", .weight = hold_out};
}

static char *
group_name(int group)
{
	return group == 0 ? "control" : psprintf("variant_%d", group);
}

static int32
take_segment(Jsonb *description, SSTest *test)
{
	Datum key;
	SSRows rows;
	SSRow row;

	test->segment = get_text(description, "segment", SS_NAME_MAX);
	if (test->segment == NULL)
		return 0;
	if (strncmp(test->segment, "rfm:", 4) == 0)
		ss_bad_value("segment", "Purchases move users in and out of \"%s\".", test->segment);
	key = CStringGetTextDatum(test->segment);
	rows = ss_rows_read(&find_segment, &key, NULL);
	if (rows.count == 0)
		ss_not_found("segment", test->segment);
	row = ss_row(rows, 0);
	return ss_next_int32(&row);
}

/* --- campaigns ---------------------------------------------------------------------------------------- */

/* What all campaigns of a test must have in common. */
typedef struct Target
{
	int32 segment_no;
	bool has_merchant;
	pg_uuid_t merchant_id;
	char *category;
} Target;

static Target
next_target(SSRow *row)
{
	Target target = {.segment_no = ss_next_int32_or(row, 0)};
	const pg_uuid_t *merchant = ss_next_uuid_or_null(row);

	target.has_merchant = merchant != NULL;
	if (merchant != NULL)
		target.merchant_id = *merchant;
	target.category = ss_next_text_or_null(row);
	return target;
}

static bool
same_target(const Target *a, const Target *b)
{
	return a->has_merchant == b->has_merchant &&
		   (!a->has_merchant || ss_uuid_equal(&a->merchant_id, &b->merchant_id)) &&
		   (a->category == NULL) == (b->category == NULL) &&
		   (a->category == NULL || strcmp(a->category, b->category) == 0);
}

/* The campaign of a group, which must go together with the control's. */
static void
take_campaign(SSTest *test, int group, char *id, const char *argument, Target *common)
{
	Datum key = CStringGetTextDatum(id);
	SSRows rows = ss_rows_read(&find_campaign, &key, NULL);
	SSRow row;
	Target target;
	char currency[4];
	int exponent;

	if (rows.count == 0)
		ss_not_found("campaign", id);
	for (int i = 0; i < group; i++)
	{
		if (strcmp(test->groups[i].campaign_id, id) == 0)
			ss_bad_value(argument, "Campaign \"%s\" is there twice.", id);
	}
	row = ss_row(rows, 0);
	test->groups[group].name = group_name(group);
	test->groups[group].campaign_no = ss_next_int32(&row);
	test->groups[group].campaign_id = id;
	test->groups[group].campaign_status = ss_next_text(&row);
	if (strcmp(test->groups[group].campaign_status, "archived") == 0)
		ss_bad_state("campaign is archived", "Campaign \"%s\" is.", id);
	strlcpy(currency, ss_next_text(&row), sizeof(currency));
	exponent = ss_next_int32(&row);
	if (ss_next_bool(&row))
		ss_bad_state("campaign has a hold-out of its own", "Campaign \"%s\" has: a test draws its own.", id);

	target = next_target(&row);
	if (group == 0)
	{
		strlcpy(test->currency, currency, sizeof(test->currency));
		test->exponent = exponent;
		*common = target;
	}
	if (strcmp(test->currency, currency) != 0)
		ss_bad_state("campaigns of a test have one currency", "\"%s\" is not in %s.", id, test->currency);
	if (target.segment_no != 0 && target.segment_no != test->segment_no)
		ss_bad_state("campaign has another segment than the test", "The target of \"%s\" must be the test's segment.",
					 id);
	if (target.segment_no != common->segment_no)
		ss_bad_state("campaigns of a test share their segment", "\"%s\" has another one than the control.", id);
	if (test->target_only && (!same_target(&target, common) || (!target.has_merchant && target.category == NULL)))
		ss_bad_state("campaigns of a test share their target",
					 "Scope \"target\" needs one merchant or category of all; \"%s\" has another, or none.", id);
}

static void
take_campaigns(Jsonb *description, SSTest *test)
{
	char *control = get_text(description, "control_campaign_id", SS_KEY_MAX);
	JsonbValue *variants = ss_document_given(description, "variant_campaign_ids");
	Target common = {0};
	JsonbValue *items;
	int count;

	if (control == NULL)
		ss_missing_value("control_campaign_id");
	if (variants == NULL)
		ss_missing_value("variant_campaign_ids");
	items = elements_of(variants, "variant_campaign_ids", 1, VARIANTS_MAX, &count);
	take_campaign(test, 0, control, "control_campaign_id", &common);
	for (int i = 0; i < count; i++)
		take_campaign(test, i + 1, ss_json_as_text(&items[i], "variant_campaign_ids", SS_KEY_MAX),
					  "variant_campaign_ids", &common);
	take_weights(description, test, count + 1);
}

/* --- values of a flag -------------------------------------------------------------------------------------- */

static void
take_variations(Jsonb *description, SSTest *test)
{
	JsonbValue *variations = ss_document_given(description, "variations");
	JsonbValue *condition = ss_document_given(description, "condition");
	JsonbValue *items;
	int count;

	test->flag_key = get_text(description, "flag_key", KEY_LENGTH_MAX);
	if (test->flag_key == NULL)
		ss_missing_value("flag_key");
	if (variations == NULL)
		ss_missing_value("variations");
	items = elements_of(variations, "variations", 2, VARIATIONS_MAX, &count);
	for (int i = 0; i < count; i++)
		test->groups[i] = (SSTestGroup){.name = group_name(i), .value = ss_json_as_jsonb(&items[i])};
	take_weights(description, test, count);
	if (test->has_hold_out)
		ss_bad_value("hold_out", "A test of a flag has none.");
	test->condition = condition == NULL ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")))
										: ss_json_as_jsonb(condition);
	ss_flag_values_check(test);
}

/* --- all together ---------------------------------------------------------------------------------------- */

static void
take_measures(Jsonb *description, SSTest *test)
{
	const SSMetricSet usual = SS_METRIC_BIT(SS_METRIC_BUYERS) | SS_METRIC_BIT(SS_METRIC_REVENUE) |
							  SS_METRIC_BIT(SS_METRIC_NET_REVENUE) | SS_METRIC_BIT(SS_METRIC_COST);

	test->primary = (SSMetric) get_choice(description, "primary_metric", ss_metric_names,
										  test->of_flag ? SS_METRIC_BUYERS : SS_METRIC_CONVERSION);
	test->metrics = get_metrics(description, "metrics", usual) & ~SS_METRIC_BIT(test->primary);
	test->guardrails = get_metrics(description, "guardrails", SS_METRIC_BIT(SS_METRIC_REFUND_RATE));
	test->window_days = get_int(description, "window_days", 1, 365, 0);
	test->covariate_days = get_int(description, "covariate_days", 0, 90, DEFAULT_COVARIATE);
	test->minimum_days = get_int(description, "minimum_days", 1, 365, DEFAULT_DAYS);
	test->minimum_conversions = get_int(description, "minimum_conversions", 0, PG_INT32_MAX, DEFAULT_MINIMUM);
}

static double
double_of(Numeric number)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
}

/* A number within bounds, with all its decimals. */
static Numeric
get_numeric(Jsonb *description, const char *name, double minimum, double maximum)
{
	JsonbValue *value = ss_document_given(description, name);
	Numeric number;
	double size;

	if (value == NULL)
		return NULL;
	number = ss_json_as_numeric(value, name);
	size = double_of(number);
	if (!(size >= minimum && size <= maximum))
		ss_bad_value(name, "It is not between %g and %g.", minimum, maximum);
	return number;
}

static void
take_statistics(Jsonb *description, SSTest *test)
{
	JsonbValue *sequential = ss_document_given(description, "sequential");

	test->target_sample_size = get_int(description, "target_sample_size", 1, SAMPLE_MAX, 0);
	test->confidence = get_scaled(description, "confidence_level", 2, 90, 99, DEFAULT_CONFIDENCE);
	if (test->confidence != 90 && test->confidence != 95 && test->confidence != 99)
		ss_bad_value("confidence_level", "It is none of 0.90, 0.95, 0.99.");
	test->power = get_scaled(description, "power", 2, 50, 99, DEFAULT_POWER);
	test->minimum_effect = get_numeric(description, "minimum_effect_size", EFFECT_MIN, EFFECT_MAX);
	if (test->minimum_effect == NULL)
		test->minimum_effect = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(DEFAULT_EFFECT),
																   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	test->baseline = get_numeric(description, "baseline", -BASELINE_MAX, BASELINE_MAX);
	test->sequential = sequential == NULL || ss_json_as_bool(sequential, "sequential");
	test->sequential_tuning = get_int(description, "sequential_tuning", 1, PG_INT32_MAX, 0);
}

/*
 * A share of users that the effect would take to the whole leaves nothing to
 * find. A mean may be below 0.
 */
static void
check_baseline(const SSTest *test)
{
	bool is_share = ss_metric_specs[test->primary].type == SS_PROPORTION;
	double baseline = test->baseline == NULL ? BASELINE_MIN : double_of(test->baseline);

	if (is_share && baseline < BASELINE_MIN)
		ss_bad_value("baseline", "It is not between %g and %g.", BASELINE_MIN, BASELINE_MAX);
	if (fabs(baseline) < BASELINE_MIN)
		ss_bad_value("baseline", "It is nearer to 0 than %g.", BASELINE_MIN);
	if (test->baseline != NULL && is_share && baseline * (1 + double_of(test->minimum_effect)) >= 1)
		ss_bad_value("baseline", "With minimum_effect_size the share of users would not be below 1.");
}

/* What a test of a flag does not choose. */
static void
check_fixed_for_flags(Jsonb *description, SSTest *test)
{
	test->by_assignment = true;
	test->control_outside = false;
	if (get_choice(description, "exposure", exposures, 1) != 1)
		ss_bad_value("exposure", "A test of a flag counts who was told its variation: \"assignment\".");
	if (ss_document_given(description, "outside") != NULL)
		ss_bad_value("outside", "Outside of a test of a flag its other rules decide.");
	if (test->target_only)
		ss_bad_value("scope", "A test of a flag has no target.");
}

void
ss_test_check(Jsonb *description, bool of_flag, SSTest *test)
{
	const SSRules *rules = ss_rules_get();

	test->of_flag = of_flag;
	take_names(description, test);
	test->coverage = get_scaled(description, "coverage", 4, 1, SHARE, SHARE);
	take_namespace(description, test);
	test->by_assignment = get_choice(description, "exposure", exposures, 0) == 1;
	test->control_outside = get_choice(description, "outside", outsides, 0) == 0;
	test->target_only = get_choice(description, "scope", scopes, 0) == 1;
	test->segment_no = of_flag ? 0 : take_segment(description, test);
	if (of_flag)
	{
		strlcpy(test->currency, rules->settings.currency, sizeof(test->currency));
		test->exponent = rules->settings.exponent;
		check_fixed_for_flags(description, test);
		take_variations(description, test);
	}
	else
		take_campaigns(description, test);
	take_measures(description, test);
	take_statistics(description, test);
	check_baseline(test);
}

void
ss_test_check_started(Jsonb *description, SSTest *test)
{
	take_names(description, test);
	test->coverage = get_scaled(description, "coverage", 4, 1, SHARE, SHARE);
	take_measures(description, test);
	take_statistics(description, test);
}
