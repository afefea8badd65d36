/*
 * custom_report.h: a report that the caller defines: what it may say, what it
 * says, and its rows.
 *
 * report_words.c has the words, report_definition.c reads a definition by them,
 * report_rows.c works it out. run_custom_report and export_analytics call them
 * in this order.
 */
#ifndef SS_CUSTOM_REPORT_H
#define SS_CUSTOM_REPORT_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/tuplesort.h"

#include "analytics/period.h"
#include "analytics/state.h"
#include "engine/deltas.h"

#define SS_CUSTOM_DAYS_MAX		 1830
#define SS_CUSTOM_MEASURES_MAX	 12
#define SS_CUSTOM_DIMENSIONS_MAX 4
#define SS_CUSTOM_FILTERS_MAX	 20
#define SS_CUSTOM_VALUES_MAX	 1000
#define SS_CUSTOM_HAVING_MAX	 10
#define SS_CUSTOM_ORDER_MAX		 6
#define SS_CUSTOM_LIMIT			 100
#define SS_CUSTOM_LIMIT_MAX		 10000
#define SS_CUSTOM_ROLLUP_ROWS	 5000000

/* --- words ----------------------------------------------------------------------------- */

/* What measures are made of: the sums of deltas.h, and two more. */
#define SS_SUM_CONVERSIONS SS_MEASURES
#define SS_SUM_NET		   (SS_MEASURES + 1)
#define SS_CUSTOM_SUMS	   (SS_MEASURES + 2)

typedef enum SSCustomUnit
{
	SS_UNIT_NONE,
	SS_UNIT_POINTS,
	SS_UNIT_RATIO,
	SS_UNIT_MONEY
} SSCustomUnit;

/* A sum, or the quotient of two times 10^shift; so many digits of it stand after the point. */
typedef struct SSCustomMeasure
{
	const char *name;
	SSCustomUnit unit;
	bool is_money; /* means nothing over several currencies */
	int sum;
	int divisor; /* -1: none */
	int shift;
	int places;
	bool exponent; /* and as many places as the currency has */
} SSCustomMeasure;

/* What values a dimension has. */
typedef enum SSCustomValues
{
	SS_VALUES_TEXT,		/* any: what is unknown matches nothing */
	SS_VALUES_CHOICE,	/* one of a list */
	SS_VALUES_CATEGORY, /* of merchants */
	SS_VALUES_SEGMENT,
	SS_VALUES_CURRENCY,
	SS_VALUES_UUID,
	SS_VALUES_NUMBER, /* in bounds */
	SS_VALUES_DAY,
	SS_VALUES_WEEK, /* its Monday */
	SS_VALUES_MONTH /* its first day */
} SSCustomValues;

typedef struct SSCustomDimension
{
	const char *name;
	SSCustomValues values;
	const char *const *choices;
	int minimum;
	int maximum;
} SSCustomDimension;

#define SS_CUSTOM_DIMENSIONS 14 /* of the source that has most */

typedef struct SSCustomSource
{
	const char *name;
	int nmeasures;
	const SSCustomMeasure *measures;
	int ndimensions;
	const SSCustomDimension *dimensions; /* in the order of the columns of its query */
	int currency;						 /* which dimension that is */
	int hour;							 /* the same; -1: none */
} SSCustomSource;

extern const SSCustomSource *const ss_custom_sources[]; /* NULL-terminated */

/* The type of a dimension's values in the result, and in the parameters of the query. */
extern Oid ss_custom_value_type(const SSCustomDimension *dimension);
extern Oid ss_custom_parameter_type(const SSCustomDimension *dimension);

/* Is it a whole number in every currency? */
extern bool ss_custom_measure_is_int(const SSCustomMeasure *measure);

/* --- a definition ---------------------------------------------------------------------- */

typedef enum SSCustomMode
{
	SS_MODE_ANY,
	SS_MODE_IN,
	SS_MODE_NOT_IN
} SSCustomMode;

/* All filters on a dimension together. */
typedef struct SSCustomFilter
{
	SSCustomMode mode;
	bool has_null;
	Datum values; /* an array of ss_custom_parameter_type() */
} SSCustomFilter;

typedef enum SSCustomOperator
{
	SS_OP_EQ,
	SS_OP_NE,
	SS_OP_GT,
	SS_OP_GTE,
	SS_OP_LT,
	SS_OP_LTE
} SSCustomOperator;

typedef struct SSCustomHaving
{
	int measure;
	SSCustomOperator op;
	Numeric value;
} SSCustomHaving;

typedef struct SSCustomOrder
{
	bool is_dimension;
	int field; /* which of the source */
	bool descending;
} SSCustomOrder;

typedef struct SSCustomReport
{
	const SSCustomSource *source;
	SSPeriod period;
	int nmeasures;
	int measures[SS_CUSTOM_MEASURES_MAX];
	int ndimensions;
	int dimensions[SS_CUSTOM_DIMENSIONS_MAX];
	SSCustomFilter filters[SS_CUSTOM_DIMENSIONS];
	int nhaving;
	SSCustomHaving having[SS_CUSTOM_HAVING_MAX];
	int norder;
	SSCustomOrder order[SS_CUSTOM_ORDER_MAX];
	int64 limit;
	bool totals;
	char currency[4]; /* that a filter names; empty: none */
} SSCustomReport;

/* The report that the document defines; 22023 naming the path of what is wrong. Its limit is at most `most`. */
extern SSCustomReport *ss_custom_read(Jsonb *definition, int64 most, int64 unless_given);

/* --- values -------------------------------------------------------------------------- */

/* The value of a measure: an integer with so many digits after the point. */
typedef struct SSCustomValue
{
	bool isnull;
	int128 value;
	int places;
} SSCustomValue;

extern SSCustomValue ss_custom_value(const SSCustomMeasure *measure, const int128 *sums, int exponent);

/* The sums (of SS_CUSTOM_SUMS) of a row that has `count` of them from a column (from 0) on, of which the first is that one; the others are 0. */
extern void ss_custom_read_sums(TupleTableSlot *row, int column, int first, int count, int128 *sums);

/* --- its rows -------------------------------------------------------------------------- */

typedef struct SSCustomRows
{
	const SSCustomReport *report;
	int64 count;		   /* groups that are not filtered out */
	int64 shown;		   /* rows so far; `limit` of them at most */
	bool other_currencies; /* campaigns were redeemed in another currency than theirs */
	/* over these groups */
	int128 totals[SS_CUSTOM_SUMS];
	char currency[4]; /* of all of them; empty: there are several, or there is none */
	Tuplesortstate *sort;
	TupleTableSlot *slot;
} SSCustomRows;

/* Works the report out: PT400 where it would read too much. */
extern SSCustomRows *ss_custom_run(const SSCustomReport *report, const SSAnalyticsState *state);

/* Goes to the next row, the first one to begin with; false after the last, when the rows are gone. */
extern bool ss_custom_next(SSCustomRows *rows);

/* The columns, which are the dimensions and then the measures, each in the order of the definition. */
extern int ss_custom_columns(const SSCustomReport *report);
extern const char *ss_custom_column_name(const SSCustomReport *report, int column);
extern Oid ss_custom_column_type(const SSCustomReport *report, int column);

/* The value of the row in that column (from 0), good until the next row. */
extern Datum ss_custom_cell(const SSCustomRows *rows, int column, bool *isnull);

/* The total of a measure of the report. */
extern SSCustomValue ss_custom_total(const SSCustomRows *rows, int measure);

#endif /* SS_CUSTOM_REPORT_H */
