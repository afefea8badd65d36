/*
 * run_custom_report.c: a report that the caller defines, as one document.
 *
 * SQL entry point. No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "analytics/campaign_figures.h"
#include "analytics/custom_report.h"
#include "base/args.h"
#include "base/json.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_run_custom_report);

static const char *
type_name(const SSCustomReport *report, int column)
{
	Oid type = ss_custom_column_type(report, column);

	if (column >= report->ndimensions)
		return ss_custom_measure_is_int(&report->source->measures[report->measures[column - report->ndimensions]])
				   ? "int"
				   : "decimal";
	return type == DATEOID ? "date" : type == INT4OID ? "int" : "text";
}

/* Money has its currency; it is null where that is a column of the report. */
static const char *
unit_name(const SSCustomReport *report, int column)
{
	if (column < report->ndimensions)
		return NULL;
	switch (report->source->measures[report->measures[column - report->ndimensions]].unit)
	{
		case SS_UNIT_POINTS:
			return "points";
		case SS_UNIT_RATIO:
			return "ratio";
		case SS_UNIT_MONEY:
			return report->currency[0] == '\0' ? NULL : report->currency;
		default:
			return NULL;
	}
}

static void
add_columns(SSJson *json, const SSCustomReport *report)
{
	ss_json_open_array(json, "columns");
	for (int i = 0; i < ss_custom_columns(report); i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_text(json, "name", ss_custom_column_name(report, i));
		ss_json_text(json, "kind", i < report->ndimensions ? "dimension" : "measure");
		ss_json_text(json, "type", type_name(report, i));
		ss_json_text(json, "unit", unit_name(report, i));
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

/* What a document points to must outlive the row. */
static void
add_cell(SSJson *json, const SSCustomReport *report, SSCustomRows *rows, int column)
{
	Oid type = ss_custom_column_type(report, column);
	bool isnull;
	Datum value = ss_custom_cell(rows, column, &isnull);

	if (!isnull && type == NUMERICOID)
		value = datumCopy(value, false, -1);
	ss_json_datum(json, NULL, value, isnull, type);
}

static void
add_rows(SSJson *json, const SSCustomReport *report, SSCustomRows *rows)
{
	ss_json_open_array(json, "rows");
	while (ss_custom_next(rows))
	{
		ss_json_open_array(json, NULL);
		for (int i = 0; i < ss_custom_columns(report); i++)
			add_cell(json, report, rows, i);
		ss_json_close_array(json);
	}
	ss_json_close_array(json);
}

/* In the order of the columns; dimensions have no total. */
static void
add_totals(SSJson *json, const SSCustomReport *report, const SSCustomRows *rows)
{
	if (!report->totals)
	{
		ss_json_null(json, "totals");
		return;
	}
	ss_json_open_array(json, "totals");
	for (int i = 0; i < report->ndimensions; i++)
		ss_json_null(json, NULL);
	for (int i = 0; i < report->nmeasures; i++)
	{
		SSCustomValue total = ss_custom_total(rows, i);

		if (total.isnull)
			ss_json_null(json, NULL);
		else
			ss_json_decimal(json, NULL, total.value, total.places);
	}
	ss_json_close_array(json);
}

/*
 * run_custom_report(definition)
 */
Datum
swipesavvy_run_custom_report(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAnalyticsState state;
	SSCustomReport *report;
	SSCustomRows *rows;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	report = ss_custom_read(ss_arg_jsonb(fcinfo, 0, "definition", true), SS_CUSTOM_LIMIT_MAX, SS_CUSTOM_LIMIT);
	ss_analytics_require(&state);
	rows = ss_custom_run(report, &state);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "source", report->source->name);
	ss_period_json(&json, &report->period, &state);
	add_columns(&json, report);
	add_rows(&json, report, rows);
	add_totals(&json, report, rows);
	ss_json_int(&json, "row_count", rows->shown);
	ss_json_bool(&json, "truncated", rows->count > rows->shown);
	if (rows->other_currencies)
		ss_json_bool(&json, "other_currencies", true);
	ss_json_time(&json, "as_of", GetCurrentStatementStartTimestamp());
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
