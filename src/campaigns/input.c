/*
 * input.c: what a campaign may be (input.h).
 *
 * Called by the functions that create, change and simulate campaigns. One
 * table says for every field what it is called, of what kind it is and which
 * values it may have; arguments and documents go through the same checks. It
 * reads the tables that a campaign may be aimed at; nothing is locked.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "campaigns/input.h"
#include "merchants/merchants.h"
#include "rules/rules.h"

typedef enum FieldKind
{
	FIELD_TEXT,	  /* maximum: characters */
	FIELD_CHOICE, /* one of choices */
	FIELD_TIME,
	FIELD_UUID,
	FIELD_BOOL,
	FIELD_INT,
	FIELD_MONEY,  /* in the campaign's currency; bigint in the table */
	FIELD_OFFER,  /* money or thousandths, by offer type; bigint in the table */
	FIELD_DECIMAL /* with `decimals` places; integer in the table */
} FieldKind;

typedef struct Field
{
	const char *name;
	FieldKind kind;
	bool required;
	bool has_default; /* null becomes when_null, in the table's units */
	int64 when_null;
	int64 minimum; /* in the table's units */
	int64 maximum;
	int decimals;
	const char *const *choices;
} Field;

const char *const ss_campaign_types[] = {"LOCATION_DEAL", "EMAIL_OFFER", "SEASONAL",
										 "LOYALTY_BOOST", "FLASH_SALE",	 NULL};
const char *const ss_campaign_statuses[] = {"draft", "running", "paused", "completed", "archived", NULL};

/* in the order of SSOffer */
const char *const ss_offer_types[] = {"FIXED_DISCOUNT", "PERCENTAGE", "BOGO", "FREE_SHIPPING", "OTHER", NULL};

#define REQUIRED	.required = true
#define DEFAULT(n)	.has_default = true, .when_null = (n)
#define RANGE(a, b) .minimum = (a), .maximum = (b)

static const Field fields[SS_CAMPAIGN_FIELDS] = {
	[SS_CAMPAIGN_NAME] = {"name", FIELD_TEXT, REQUIRED, RANGE(1, SS_NAME_MAX)},
	[SS_CAMPAIGN_TYPE] = {"campaign_type", FIELD_CHOICE, REQUIRED, .choices = ss_campaign_types},
	[SS_CAMPAIGN_OFFER_AMOUNT] = {"offer_amount", FIELD_OFFER, RANGE(0, PG_INT64_MAX)},
	[SS_CAMPAIGN_OFFER_TYPE] = {"offer_type", FIELD_CHOICE, REQUIRED, .choices = ss_offer_types},
	[SS_CAMPAIGN_START_DATE] = {"start_date", FIELD_TIME, REQUIRED},
	[SS_CAMPAIGN_END_DATE] = {"end_date", FIELD_TIME},
	[SS_CAMPAIGN_DESCRIPTION] = {"description", FIELD_TEXT, RANGE(1, SS_TEXT_MAX)},
	[SS_CAMPAIGN_SEGMENT] = {"target_segment", FIELD_TEXT, RANGE(1, SS_NAME_MAX)},
	[SS_CAMPAIGN_MERCHANT] = {"target_merchant_id", FIELD_UUID},
	[SS_CAMPAIGN_CATEGORY] = {"target_category", FIELD_TEXT, RANGE(1, SS_NAME_MAX)},
	[SS_CAMPAIGN_BUDGET] = {"budget", FIELD_MONEY, RANGE(0, PG_INT64_MAX)},
	[SS_CAMPAIGN_CURRENCY] = {"currency", FIELD_TEXT, RANGE(1, SS_NAME_MAX)},
	[SS_CAMPAIGN_PER_USER_LIMIT] = {"per_user_limit", FIELD_INT, RANGE(1, PG_INT32_MAX)},
	[SS_CAMPAIGN_DAILY_LIMIT] = {"daily_limit", FIELD_INT, RANGE(1, PG_INT32_MAX)},
	[SS_CAMPAIGN_MIN_SPEND] = {"min_spend", FIELD_MONEY, DEFAULT(0), RANGE(0, PG_INT64_MAX)},
	[SS_CAMPAIGN_MAX_DISCOUNT] = {"max_discount", FIELD_MONEY, RANGE(0, PG_INT64_MAX)},
	[SS_CAMPAIGN_PRIORITY] = {"priority", FIELD_INT, DEFAULT(0), RANGE(PG_INT32_MIN, PG_INT32_MAX)},
	[SS_CAMPAIGN_STACKABLE] = {"stackable", FIELD_BOOL, DEFAULT(false)},
	[SS_CAMPAIGN_MULTIPLIER] = {"points_multiplier", FIELD_DECIMAL, DEFAULT(SS_MILLI), RANGE(SS_MILLI, 1000 * SS_MILLI),
								.decimals = 3},
	[SS_CAMPAIGN_BONUS_POINTS] = {"bonus_points", FIELD_INT, DEFAULT(0), RANGE(0, PG_INT32_MAX)},
	[SS_CAMPAIGN_HOLD_OUT] = {"hold_out", FIELD_DECIMAL, DEFAULT(0), RANGE(0, 10000), .decimals = 2},
	[SS_CAMPAIGN_ID] = {"campaign_id", FIELD_TEXT, RANGE(1, 100)},
};

SS_QUERY(find_segment, "SELECT s.segment_no FROM swipesavvy.segments s WHERE s.name = $1", TEXTOID);

SS_QUERY(find_category, "SELECT FROM swipesavvy.merchant_categories k WHERE k.category = $1", TEXTOID);

/* --- where values come from ------------------------------------------------------ */

void
ss_campaign_input_from_args(SSCampaignInput *input, FunctionCallInfo fcinfo)
{
	for (int i = 0; i < SS_CAMPAIGN_FIELDS; i++)
	{
		input->isnull[i] = PG_ARGISNULL(i);
		input->value[i] = PG_GETARG_DATUM(i);
	}
}

/* A JSON value as the SQL value that the argument of that name would have. */
static Datum
from_json(const Field *field, const JsonbValue *value)
{
	switch (field->kind)
	{
		case FIELD_TEXT:
			return CStringGetTextDatum(ss_json_as_text(value, field->name, field->maximum));
		case FIELD_CHOICE:
			return CStringGetTextDatum(ss_json_as_text(value, field->name, SS_NAME_MAX));
		case FIELD_TIME:
			return TimestampTzGetDatum(ss_json_as_time(value, field->name, ss_rules_get()->settings.timezone));
		case FIELD_UUID:
			return UUIDPGetDatum(ss_json_as_uuid(value, field->name));
		case FIELD_BOOL:
			return BoolGetDatum(ss_json_as_bool(value, field->name));
		case FIELD_INT:
			return Int32GetDatum(ss_json_as_int(value, field->name, field->minimum, field->maximum));
		case FIELD_MONEY:
		case FIELD_OFFER:
		case FIELD_DECIMAL:
			return NumericGetDatum(ss_json_as_numeric(value, field->name));
	}
	pg_unreachable();
}

/* Takes over the first `count` fields as far as the document has them; any other key than these and "status" is an error. */
static void
take_document(SSCampaignInput *input, Jsonb *document, const char *argument, int count)
{
	const char *allowed[SS_CAMPAIGN_FIELDS + 2];

	for (int i = 0; i < count; i++)
		allowed[i] = fields[i].name;
	allowed[count] = "status";
	allowed[count + 1] = NULL;
	ss_check_keys(document, argument, allowed);
	for (int i = 0; i < count; i++)
	{
		JsonbValue *value = ss_document_get(document, fields[i].name);

		if (value == NULL)
			continue;
		input->isnull[i] = (value->type == jbvNull);
		if (!input->isnull[i])
			input->value[i] = from_json(&fields[i], value);
	}
}

void
ss_campaign_input_change(SSCampaignInput *input, Jsonb *changes, const char *argument)
{
	take_document(input, changes, argument, SS_CAMPAIGN_CHANGEABLE);
}

void
ss_campaign_input_from_document(SSCampaignInput *input, Jsonb *document, const char *argument)
{
	JsonbValue *status;

	memset(input->isnull, true, sizeof(input->isnull));
	take_document(input, document, argument, SS_CAMPAIGN_FIELDS);
	status = ss_document_given(document, "status");
	if (status != NULL)
		(void) ss_check_choice(ss_json_as_text(status, "status", SS_KEY_MAX), "status", ss_campaign_statuses);
}

/* --- what they must be ------------------------------------------------------------ */

/* Is the id one that fits into a URL and a log line? The table has the same rule. */
static void
check_id(const char *id)
{
	for (const char *p = id; *p != '\0'; p++)
	{
		bool plain = isalnum((unsigned char) *p) && !IS_HIGHBIT_SET(*p);

		if (!plain && (p == id || strchr("_.:-", *p) == NULL))
			ss_bad_value("campaign_id",
						 "\"%.*s\" is not made of letters, digits and \"_.:-\" with a letter or digit first.",
						 pg_mbcliplen(id, strlen(id), 100), id);
	}
	if (ss_text_is_filter(id))
		ss_bad_value("campaign_id", "\"%s\" begins like a filter of PostgREST, so it could not be asked for over HTTP.",
					 id);
}

/*
 * The amount of an offer: money, or a decimal with three places. BOGO and
 * OTHER ignore it, so there it may be missing.
 */
static void
check_offer(const SSCampaignInput *input, SSCampaignRow *row)
{
	const int n = SS_CAMPAIGN_OFFER_AMOUNT;
	int offer =
		ss_check_choice(TextDatumGetCString(input->value[SS_CAMPAIGN_OFFER_TYPE]), "offer_type", ss_offer_types);
	bool is_money = (offer == SS_OFFER_FIXED_DISCOUNT || offer == SS_OFFER_FREE_SHIPPING);
	int64 maximum = (offer == SS_OFFER_PERCENTAGE) ? 100 * SS_MILLI : fields[n].maximum;
	int64 amount = 0;

	if (!input->isnull[n])
		amount = ss_scaled_from_numeric(DatumGetNumeric(input->value[n]), is_money ? row->exponent : 3,
										fields[n].minimum, maximum, fields[n].name);
	else if (is_money || offer == SS_OFFER_PERCENTAGE)
		ss_missing_value(fields[n].name);
	row->value[n] = Int64GetDatum(amount);
	row->isnull[n] = false;
}

/* A value that is there, in the table's units. */
static Datum
check_value(const Field *field, Datum value, int exponent)
{
	switch (field->kind)
	{
		case FIELD_TEXT:
			ss_check_text(TextDatumGetCString(value), field->name, field->maximum);
			return value;
		case FIELD_CHOICE:
			(void) ss_check_choice(TextDatumGetCString(value), field->name, field->choices);
			return value;
		case FIELD_TIME:
			ss_check_time(DatumGetTimestampTz(value), field->name);
			return value;
		case FIELD_UUID:
		case FIELD_BOOL:
			return value;
		case FIELD_INT:
			return Int32GetDatum(ss_scaled_from_numeric(int64_to_numeric(DatumGetInt32(value)), 0, field->minimum,
														field->maximum, field->name));
		case FIELD_MONEY:
			return Int64GetDatum(
				ss_scaled_from_numeric(DatumGetNumeric(value), exponent, field->minimum, field->maximum, field->name));
		case FIELD_DECIMAL:
			return Int32GetDatum(ss_scaled_from_numeric(DatumGetNumeric(value), field->decimals, field->minimum,
														field->maximum, field->name));
		case FIELD_OFFER:
			break; /* check_offer */
	}
	pg_unreachable();
}

/* The value of a field that is null: its default, or none. */
static void
fill_null(const Field *field, Datum *value, bool *isnull)
{
	if (field->required)
		ss_missing_value(field->name);
	*isnull = !field->has_default;
	if (!field->has_default)
		return;
	switch (field->kind)
	{
		case FIELD_MONEY:
			*value = Int64GetDatum(field->when_null);
			break;
		case FIELD_BOOL:
			*value = BoolGetDatum(field->when_null != 0);
			break;
		default:
			*value = Int32GetDatum(field->when_null);
	}
}

/* The campaign's currency, by default the programme's, and its decimal places. */
static void
check_currency(const SSCampaignInput *input, const SSRules *rules, SSCampaignRow *row)
{
	const int n = SS_CAMPAIGN_CURRENCY;
	const char *code = input->isnull[n] ? rules->settings.currency : TextDatumGetCString(input->value[n]);

	row->exponent = ss_rules_exponent_of(rules, code, fields[n].name);
	row->value[n] = CStringGetTextDatum(code);
	row->isnull[n] = false;
}

/* What the campaign is aimed at exists; the segment's name becomes its number. */
static void
check_targets(SSCampaignRow *row)
{
	Datum *segment = &row->value[SS_CAMPAIGN_SEGMENT];
	Datum *category = &row->value[SS_CAMPAIGN_CATEGORY];

	if (!row->isnull[SS_CAMPAIGN_SEGMENT])
	{
		SSRows found = ss_rows_read(&find_segment, segment, NULL);

		if (found.count == 0)
			ss_not_found("segment", TextDatumGetCString(*segment));
		*segment = Int32GetDatum(ss_one_int32(found));
	}
	if (!row->isnull[SS_CAMPAIGN_MERCHANT])
		ss_merchant_require(DatumGetUUIDP(row->value[SS_CAMPAIGN_MERCHANT]));
	if (!row->isnull[SS_CAMPAIGN_CATEGORY] && ss_query_read(&find_category, category, NULL) == 0)
		ss_not_found("category", TextDatumGetCString(*category));
}

void
ss_campaign_input_check(const SSCampaignInput *input, const SSRules *rules, SSCampaignRow *row)
{
	check_currency(input, rules, row);
	for (int i = 0; i < SS_CAMPAIGN_FIELDS; i++)
	{
		if (i == SS_CAMPAIGN_CURRENCY || i == SS_CAMPAIGN_OFFER_AMOUNT)
			continue;
		row->isnull[i] = input->isnull[i];
		if (input->isnull[i])
			fill_null(&fields[i], &row->value[i], &row->isnull[i]);
		else
			row->value[i] = check_value(&fields[i], input->value[i], row->exponent);
	}
	check_offer(input, row);
	if (!row->isnull[SS_CAMPAIGN_ID])
		check_id(TextDatumGetCString(row->value[SS_CAMPAIGN_ID]));
	if (!row->isnull[SS_CAMPAIGN_END_DATE] && DatumGetTimestampTz(row->value[SS_CAMPAIGN_END_DATE]) <=
												  DatumGetTimestampTz(row->value[SS_CAMPAIGN_START_DATE]))
		ss_bad_value("end_date", "It is not after start_date.");
	check_targets(row);
}

static int64
int64_or(const SSCampaignRow *row, SSCampaignField field, int64 when_null)
{
	return row->isnull[field] ? when_null : DatumGetInt64(row->value[field]);
}

static int32
int32_or(const SSCampaignRow *row, SSCampaignField field, int32 when_null)
{
	return row->isnull[field] ? when_null : DatumGetInt32(row->value[field]);
}

void
ss_campaign_row_compile(const SSCampaignRow *row, const SSRules *rules, const char *id, SSCampaign *campaign)
{
	const Datum *value = row->value;

	memset(campaign, 0, sizeof(*campaign));
	campaign->id = row->isnull[SS_CAMPAIGN_ID] ? pstrdup(id) : TextDatumGetCString(value[SS_CAMPAIGN_ID]);
	campaign->offer =
		(SSOffer) ss_check_choice(TextDatumGetCString(value[SS_CAMPAIGN_OFFER_TYPE]), "offer_type", ss_offer_types);
	campaign->offer_amount = DatumGetInt64(value[SS_CAMPAIGN_OFFER_AMOUNT]);
	strlcpy(campaign->currency, TextDatumGetCString(value[SS_CAMPAIGN_CURRENCY]), sizeof(campaign->currency));
	campaign->start_date = DatumGetTimestampTz(value[SS_CAMPAIGN_START_DATE]);
	campaign->end_date = int64_or(row, SS_CAMPAIGN_END_DATE, DT_NOEND);
	campaign->segment_no = int32_or(row, SS_CAMPAIGN_SEGMENT, 0);
	campaign->has_merchant = !row->isnull[SS_CAMPAIGN_MERCHANT];
	if (campaign->has_merchant)
		campaign->merchant_id = *DatumGetUUIDP(value[SS_CAMPAIGN_MERCHANT]);
	if (!row->isnull[SS_CAMPAIGN_CATEGORY])
		campaign->category_no = ss_rules_category(rules, TextDatumGetCString(value[SS_CAMPAIGN_CATEGORY]));
	campaign->has_budget = !row->isnull[SS_CAMPAIGN_BUDGET];
	campaign->budget = int64_or(row, SS_CAMPAIGN_BUDGET, -1);
	campaign->per_user_limit = int32_or(row, SS_CAMPAIGN_PER_USER_LIMIT, 0);
	campaign->daily_limit = int32_or(row, SS_CAMPAIGN_DAILY_LIMIT, 0);
	campaign->min_spend = DatumGetInt64(value[SS_CAMPAIGN_MIN_SPEND]);
	campaign->max_discount = int64_or(row, SS_CAMPAIGN_MAX_DISCOUNT, -1);
	campaign->priority = DatumGetInt32(value[SS_CAMPAIGN_PRIORITY]);
	campaign->stackable = DatumGetBool(value[SS_CAMPAIGN_STACKABLE]);
	campaign->multiplier_milli = DatumGetInt32(value[SS_CAMPAIGN_MULTIPLIER]);
	campaign->bonus_points = DatumGetInt32(value[SS_CAMPAIGN_BONUS_POINTS]);
	campaign->hold_out = DatumGetInt32(value[SS_CAMPAIGN_HOLD_OUT]);
}
