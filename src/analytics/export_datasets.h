/*
 * export_datasets.h: what export_analytics exports.
 */
#ifndef SS_EXPORT_DATASETS_H
#define SS_EXPORT_DATASETS_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "analytics/campaign_figures.h"
#include "analytics/export_records.h"
#include "analytics/period.h"
#include "analytics/state.h"

#define SS_EXPORT_DAYS		   30 /* of campaigns, unless said otherwise */
#define SS_EXPORT_DAYS_MAX	   1830
#define SS_EXPORT_REPORT_LIMIT 1000000

/* What is asked for, and where it goes. */
typedef struct SSExport
{
	SSExportFormat format;
	bool header;
	bool has_start;
	bool has_end;
	SSPeriod period;			 /* where the dataset has one */
	const SSFiguresOf *campaign; /* NULL: of all */
	Jsonb *definition;
	SSAnalyticsState state; /* where the dataset reads roll-ups */
	SSRecordsTarget target;
	SSRecords records;
} SSExport;

/* Each writes a dataset; export_campaigns.c */
extern void ss_export_campaigns(SSExport *export);
extern void ss_export_campaign_daily(SSExport *export);
extern void ss_export_segments(SSExport *export);

/* export_customers.c */
extern void ss_export_rfm(SSExport *export);
extern void ss_export_cohorts(SSExport *export);
extern void ss_export_churn(SSExport *export);
extern void ss_export_liability(SSExport *export);
extern void ss_export_ageing(SSExport *export);

#endif /* SS_EXPORT_DATASETS_H */
