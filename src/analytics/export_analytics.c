/*
 * export_analytics.c: figures as lines of a file, for spreadsheets and other
 * programs.
 *
 * SQL entry points: export_analytics() for callers that may write, read_export()
 * for those that may not (GET, replicas), whose export waits in memory for its
 * row of the audit log (call/refused.h). All rows are of the caller's snapshot and
 * are there before the call ends: a role that was switched to stays for no fetch
 * of the caller's. Nobody's name or address is in any dataset. Each export is in
 * the audit log, with a digest of the file. No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "analytics/custom_report.h"
#include "analytics/export_datasets.h"
#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/json.h"
#include "call/call.h"
#include "call/refused.h"

PG_FUNCTION_INFO_V1(swipesavvy_export_analytics);
PG_FUNCTION_INFO_V1(swipesavvy_read_export);

/* The arguments. */
enum
{
	ARG_DATASET,
	ARG_FORMAT,
	ARG_START,
	ARG_END,
	ARG_CAMPAIGN,
	ARG_DEFINITION,
	ARG_HEADER
};

static const char *const formats[] = {"csv", "json", NULL}; /* by SSExportFormat */

/* A dataset and what it takes. */
typedef struct Dataset
{
	const char *name;
	void (*put)(SSExport *export);
	int days; /* of its period unless given; 0: it has none; -1: all there are */
	bool campaign;
	bool definition;
	bool rollups;
} Dataset;

static void
put_report(SSExport *export)
{
	SSCustomReport *report = ss_custom_read(export->definition, SS_EXPORT_REPORT_LIMIT, SS_EXPORT_REPORT_LIMIT);
	int count = ss_custom_columns(report);
	const char **columns = palloc0((count + 1) * sizeof(char *));
	SSCustomRows *rows;

	for (int i = 0; i < count; i++)
		columns[i] = ss_custom_column_name(report, i);
	ss_records_begin(&export->records, export->format, columns, export->header, &export->target);
	rows = ss_custom_run(report, &export->state);
	while (ss_custom_next(rows))
	{
		for (int i = 0; i < count; i++)
		{
			bool isnull;
			Datum value = ss_custom_cell(rows, i, &isnull);

			ss_records_field(&export->records, value, isnull, ss_custom_column_type(report, i));
		}
		ss_records_end(&export->records);
	}
}

static const Dataset datasets[] = {
	{"campaigns", ss_export_campaigns, .days = SS_EXPORT_DAYS, .rollups = true},
	{"campaign_daily", ss_export_campaign_daily, .days = SS_EXPORT_DAYS, .campaign = true, .rollups = true},
	{"report", put_report, .definition = true, .rollups = true},
	{"segments", ss_export_segments, .campaign = true},
	{"rfm", ss_export_rfm},
	{"cohorts", ss_export_cohorts},
	{"churn", ss_export_churn},
	{"liability", ss_export_liability, .days = -1},
	{"ageing", ss_export_ageing},
};

static const Dataset *
find_dataset(const char *name)
{
	const char *names[lengthof(datasets) + 1] = {NULL};

	for (int i = 0; i < (int) lengthof(datasets); i++)
		names[i] = datasets[i].name;
	return &datasets[ss_check_choice(name, "dataset", names)];
}

static void
refuse_unused(FunctionCallInfo fcinfo, const Dataset *dataset)
{
	const struct
	{
		const char *name;
		int n;
		bool used;
	} arguments[] = {
		{"start_date", ARG_START, dataset->days != 0},
		{"end_date", ARG_END, dataset->days != 0},
		{"campaign_id", ARG_CAMPAIGN, dataset->campaign},
		{"definition", ARG_DEFINITION, dataset->definition},
	};

	for (int i = 0; i < (int) lengthof(arguments); i++)
	{
		if (!arguments[i].used && !PG_ARGISNULL(arguments[i].n))
			ss_bad_value(arguments[i].name, "The dataset \"%s\" has no such argument: it must be null.", dataset->name);
	}
}

static void
read_arguments(FunctionCallInfo fcinfo, const Dataset *dataset, SSExport *export, SSFiguresOf *campaign)
{
	export->format = (SSExportFormat) ss_check_choice(ss_arg_text(fcinfo, ARG_FORMAT, "format", SS_NAME_MAX, true),
													  "format", formats);
	export->header = ss_arg_bool(fcinfo, ARG_HEADER, true);
	refuse_unused(fcinfo, dataset);
	if (dataset->definition)
		export->definition = ss_arg_jsonb(fcinfo, ARG_DEFINITION, "definition", true);
	if (dataset->rollups)
		ss_analytics_require(&export->state);
	if (dataset->days > 0)
	{
		export->period = ss_period_last(&export->state, dataset->days);
		ss_period_args(fcinfo, ARG_START, SS_EXPORT_DAYS_MAX, &export->period);
	}
	else if (dataset->days < 0)
	{
		export->period = (SSPeriod){DATEVAL_NOBEGIN, DATEVAL_NOEND, 0};
		ss_period_args(fcinfo, ARG_START, 0, &export->period);
	}
	if (!PG_ARGISNULL(ARG_CAMPAIGN))
	{
		ss_figures_of(ss_arg_text(fcinfo, ARG_CAMPAIGN, "campaign_id", SS_KEY_MAX, true), campaign);
		export->campaign = campaign;
	}
}

static void
write_audit(SSCall *call, const Dataset *dataset, SSExport *export)
{
	SSAudit audit = {.resource = "analytics", .action = "export", .resource_id = dataset->name};
	SSJson after = {0};

	ss_json_open_object(&after, NULL);
	ss_json_text(&after, "dataset", dataset->name);
	ss_json_text(&after, "format", formats[export->format]);
	if (export->campaign != NULL)
		ss_json_text(&after, "campaign_id", export->campaign->campaign_id);
	ss_json_int(&after, "rows", export->records.count);
	ss_json_text(&after, "digest", ss_records_digest(&export->records));
	ss_json_close_object(&after);
	ss_audit_write(call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&after)));
}

/* Writes what the arguments ask for to the export's target; the dataset, which is in the audit log thereafter. */
static const Dataset *
put_dataset(FunctionCallInfo fcinfo, SSExport *export, SSFiguresOf *campaign)
{
	const Dataset *dataset = find_dataset(ss_arg_text(fcinfo, ARG_DATASET, "dataset", SS_NAME_MAX, true));

	read_arguments(fcinfo, dataset, export, campaign);
	dataset->put(export);
	return dataset;
}

/*
 * export_analytics(dataset, format, start_date, end_date, campaign_id, definition, header)
 */
Datum
swipesavvy_export_analytics(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSExport export = {.target = {.rows = (ReturnSetInfo *) fcinfo->resultinfo}};
	SSFiguresOf campaign;
	const Dataset *dataset;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	dataset = put_dataset(fcinfo, &export, &campaign);
	write_audit(&call, dataset, &export);
	ss_call_leave(&call);
	PG_RETURN_NULL();
}

/*
 * read_export(dataset, format, start_date, end_date, campaign_id, definition, header)
 */
Datum
swipesavvy_read_export(PG_FUNCTION_ARGS)
{
	SSCall call;
	StringInfoData file;
	SSExport export = {.target = {.file = &file}};
	SSFiguresOf campaign = {0};
	SSReadExport note = {0};
	text *result;

	initStringInfo(&file);
	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN | SS_NOT_CACHED);
	note.dataset = put_dataset(fcinfo, &export, &campaign)->name;
	note.format = formats[export.format];
	note.campaign_no = export.campaign == NULL ? 0 : campaign.campaign_no;
	note.rows = export.records.count;
	strlcpy(note.digest, ss_records_digest(&export.records), sizeof(note.digest));
	ss_refused_note_export(&note, call.caller, call.has_identity ? &call.identity : NULL);
	ss_call_leave(&call);
	result = cstring_to_text_with_len(file.data, file.len);
	PG_RETURN_TEXT_P(result);
}
