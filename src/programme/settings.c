/*
 * settings.c: the settings of the programme.
 *
 * SQL entry point. update_system_settings locks all rows of the table, so that
 * updates are checked against each other; purchases read the compiled rules
 * and wait for nobody.
 */
#include "postgres.h"

#include "access/xact.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/zone.h"
#include "call/call.h"
#include "rules/rules.h"

#define DECIMAL_PLACES 3

PG_FUNCTION_INFO_V1(swipesavvy_update_system_settings);

/* A row of system_settings. */
typedef struct Setting
{
	char *name;
	char *type;
	Numeric minimum; /* NULL = none */
	Numeric maximum;
	bool nullable;
	Jsonb *value;
	Jsonb *before;
} Setting;

SS_QUERY(lock_settings, "SELECT setting, value_type, minimum, maximum, nullable, value FROM swipesavvy.system_settings"
						" ORDER BY setting FOR NO KEY UPDATE");

static SSSweep update_setting =
	SS_SWEEP_UPDATE("swipesavvy.system_settings", "value = $2, updated_at = now(), updated_by = $3",
					"setting = $1 AND value <> $2", TEXTOID, JSONBOID, UUIDOID);

/* --- the stored settings ------------------------------------------------------------ */

/* Locks and reads all settings; returns their number. */
static int
read_settings(Setting **settings)
{
	SSRows rows = ss_rows_write(&lock_settings, NULL, NULL);

	*settings = palloc0(sizeof(Setting) * rows.count);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		Setting *setting = &(*settings)[i];

		setting->name = ss_next_text(&row);
		setting->type = ss_next_text(&row);
		setting->minimum = ss_next_numeric_or_null(&row);
		setting->maximum = ss_next_numeric_or_null(&row);
		setting->nullable = ss_next_bool(&row);
		setting->value = setting->before = ss_next_jsonb(&row);
	}
	return (int) rows.count;
}

/* 22023 for keys that are no settings. */
static void
check_names(Jsonb *document, const Setting *settings, int count)
{
	const char **names = palloc0(sizeof(char *) * (count + 1));

	for (int i = 0; i < count; i++)
		names[i] = settings[i].name;
	ss_check_keys(document, "settings", names);
}

/* --- checking values ------------------------------------------------------------------ */

/* The number in units of 10^-decimals, within the setting's bounds. */
static int64
scaled_value(const Setting *setting, const JsonbValue *value, int decimals)
{
	const char *name = setting->name;
	int64 minimum = PG_INT64_MIN;
	int64 maximum = PG_INT64_MAX;

	if (setting->minimum != NULL)
		minimum = ss_scaled_from_numeric(setting->minimum, decimals, minimum, maximum, name);
	if (setting->maximum != NULL)
		maximum = ss_scaled_from_numeric(setting->maximum, decimals, minimum, maximum, name);
	return ss_scaled_from_numeric(ss_json_as_numeric(value, name), decimals, minimum, maximum, name);
}

/* A number with that many decimals as it is stored: 10 as 10.000. */
static Jsonb *
stored_number(const Setting *setting, const JsonbValue *value, int decimals)
{
	JsonbValue stored = {.type = jbvNumeric};

	stored.val.numeric = ss_money_to_major(scaled_value(setting, value, decimals), decimals);
	return ss_json_as_jsonb(&stored);
}

static Jsonb *
stored_text(const char *text)
{
	JsonbValue stored = {.type = jbvString};

	stored.val.string.val = pstrdup(text);
	stored.val.string.len = strlen(text);
	return ss_json_as_jsonb(&stored);
}

/* The time zone's own spelling. */
static Jsonb *
stored_timezone(const Setting *setting, const JsonbValue *value)
{
	return stored_text(
		pg_get_timezone_name(ss_zone_by_name(ss_json_as_text(value, setting->name, SS_NAME_MAX), setting->name)));
}

/*
 * The value as it is stored; 22023 naming the setting if it is not one that it
 * may have. `exponent` is of the currency that the programme will have.
 */
static Jsonb *
checked_value(const Setting *setting, JsonbValue *value, int exponent)
{
	if (value->type == jbvNull)
	{
		if (!setting->nullable)
			ss_missing_value(setting->name);
		return ss_json_as_jsonb(value);
	}
	if (strcmp(setting->type, "bool") == 0)
		(void) ss_json_as_bool(value, setting->name);
	else if (strcmp(setting->type, "int") == 0)
		return stored_number(setting, value, 0);
	else if (strcmp(setting->type, "decimal") == 0)
		return stored_number(setting, value, DECIMAL_PLACES);
	else if (strcmp(setting->type, "money") == 0)
		return stored_number(setting, value, exponent);
	else if (strcmp(setting->type, "timezone") == 0)
		return stored_timezone(setting, value);
	else if (strcmp(setting->type, "currency") == 0)
		(void) ss_rules_exponent_of(ss_rules_get(), ss_json_as_text(value, setting->name, SS_NAME_MAX), setting->name);
	else
		elog(ERROR, "setting \"%s\" has an unknown type \"%s\"", setting->name, setting->type);
	return ss_json_as_jsonb(value);
}

/* The scalar in a stored document. */
static JsonbValue
scalar_of(Jsonb *document)
{
	JsonbValue value;

	if (!JB_ROOT_IS_SCALAR(document) || !JsonbExtractScalar(&document->root, &value))
		elog(ERROR, "a setting is no scalar");
	return value;
}

/* Decimal places of the programme's currency once the document is applied. */
static int
exponent_after(Jsonb *document)
{
	const SSRules *rules = ss_rules_get();
	JsonbValue *currency = ss_document_get(document, "currency");

	if (currency == NULL)
		return rules->settings.exponent;
	if (currency->type == jbvNull)
		ss_missing_value("currency");
	return ss_rules_exponent_of(rules, ss_json_as_text(currency, "currency", SS_NAME_MAX), "currency");
}

/*
 * Puts the values of the document, as they are stored, into the settings. The
 * money that stays as it is must be an amount of the new currency too.
 */
static void
apply_document(Jsonb *document, Setting *settings, int count)
{
	int exponent = exponent_after(document);

	for (int i = 0; i < count; i++)
	{
		JsonbValue *given = ss_document_get(document, settings[i].name);
		JsonbValue present = scalar_of(settings[i].value);

		if (given != NULL || strcmp(settings[i].type, "money") == 0)
			settings[i].value = checked_value(&settings[i], given != NULL ? given : &present, exponent);
	}
}

/* Writes down which settings have another value. */
static void
record(SSCall *call, const Setting *settings, int count)
{
	SSAudit audit = {.resource = "settings", .action = "update"};
	SSJson before = {0};
	SSJson after = {0};

	ss_json_open_object(&before, NULL);
	ss_json_open_object(&after, NULL);
	for (int i = 0; i < count; i++)
	{
		ss_json_jsonb(&before, settings[i].name, settings[i].before);
		ss_json_jsonb(&after, settings[i].name, settings[i].value);
	}
	ss_json_close_object(&before);
	ss_json_close_object(&after);
	ss_audit_write(call, &audit, DatumGetJsonbP(ss_json_finish(&before)), DatumGetJsonbP(ss_json_finish(&after)));
}

/* --- the call ---------------------------------------------------------------------------- */

/*
 * update_system_settings(settings): all of the document or nothing
 */
Datum
swipesavvy_update_system_settings(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Jsonb *document;
	Setting *settings;
	int count;
	const pg_uuid_t *updated_by;

	ss_call_enter(&call, SS_ADMIN);
	document = ss_arg_jsonb(fcinfo, 0, "settings", true);
	updated_by = call.has_identity ? &call.identity : NULL;
	count = read_settings(&settings);
	check_names(document, settings, count);
	apply_document(document, settings, count);

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "status", "success");
	ss_json_open_object(&json, "updated_settings");
	for (int i = 0; i < count; i++)
	{
		Datum values[3];
		bool nulls[3];

		ss_param_text(values, nulls, 0, settings[i].name);
		ss_param_pointer(values, nulls, 1, settings[i].value);
		ss_param_pointer(values, nulls, 2, updated_by);
		(void) ss_query_sweep(&update_setting, values, nulls);
		ss_json_jsonb(&json, settings[i].name, settings[i].value);
	}
	ss_json_close_object(&json);
	record(&call, settings, count);
	ss_json_time(&json, "updated_at", GetCurrentTransactionStartTimestamp());
	ss_json_uuid(&json, "updated_by", updated_by);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
