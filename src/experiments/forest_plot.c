/*
 * forest_plot.c: a test's primary metric as one SVG element: each variant's
 * effect and interval in percent, beside a line for no effect.
 *
 * Called by get_ab_test_results(). Geometry, classes and texts are part of the
 * API: pages style them. Nothing in it is executed, loaded or linked.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"

#include "experiments/results.h"

#define WIDTH		640
#define HEAD		56 /* y of the first row */
#define ROW			32
#define FOOT		72	/* height beside the rows */
#define MIDDLE		390 /* x of no effect */
#define HALF		170 /* to the end of the domain */
#define PERCENT		100
#define LABEL_X		8
#define VALUE_X		568
#define TEXT_OFFSET 4 /* of a base line below the middle of its row */

/* With what XML would read otherwise escaped. */
static void
append_text(StringInfo svg, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
	{
		switch (*p)
		{
			case '&':
				appendStringInfoString(svg, "&amp;");
				break;
			case '<':
				appendStringInfoString(svg, "&lt;");
				break;
			case '>':
				appendStringInfoString(svg, "&gt;");
				break;
			case '"':
				appendStringInfoString(svg, "&quot;");
				break;
			default:
				appendStringInfoChar(svg, *p);
		}
	}
}

static bool
is_drawn(const SSTest *test, const SSComparison *comparison)
{
	return comparison->role == SS_ROLE_PRIMARY && comparison->metric == test->primary;
}

static void
widen(double *most, double value)
{
	if (!isinf(value) && !isnan(value))
		*most = Max(*most, fabs(value) * PERCENT);
}

/* The least of 1, 2 and 5 times a power of ten that holds every finite bound; 1 where there is none. */
static double
domain_of(const SSTest *test, const SSTestResults *results)
{
	static const double steps[] = {1, 2, 5};
	double most = 0;

	for (int i = 0; i < results->count; i++)
	{
		const SSComparison *comparison = &results->comparisons[i];

		if (!is_drawn(test, comparison) || comparison->relative.error != NULL)
			continue;
		widen(&most, comparison->relative.difference);
		widen(&most, comparison->verdict.lower);
		widen(&most, comparison->verdict.upper);
	}
	if (most == 0)
		return 1;
	for (int power = (int) floor(log10(most)) - 1;; power++)
	{
		for (size_t i = 0; i < lengthof(steps); i++)
		{
			if (steps[i] * pow(10, power) >= most)
				return steps[i] * pow(10, power);
		}
	}
}

/* Half away from zero, as text is read; printf would round to even. */
static double
to_hundredths(double value)
{
	return (value < 0 ? ceil(value * 100 - 0.5) : floor(value * 100 + 0.5)) / 100;
}

static double
x_of(double percent, double domain)
{
	return to_hundredths(MIDDLE + HALF * percent / domain);
}

static void
append_bound(StringInfo svg, const char *name, double bound, double domain, double open_x)
{
	appendStringInfo(svg, " %s=\"%.2f\"", name, isinf(bound) ? open_x : x_of(bound * PERCENT, domain));
}

static void
append_interval(StringInfo svg, const SSComparison *comparison, double domain, int y)
{
	const SSVerdict *verdict = &comparison->verdict;
	bool open = isinf(verdict->lower) || isinf(verdict->upper);

	appendStringInfo(svg, "<line class=\"interval%s\"", open ? " open" : "");
	append_bound(svg, "x1", verdict->lower, domain, MIDDLE - HALF);
	append_bound(svg, "x2", verdict->upper, domain, MIDDLE + HALF);
	appendStringInfo(svg, " y1=\"%d\" y2=\"%d\" stroke=\"currentColor\"/>", y, y);
	appendStringInfo(svg, "<circle class=\"effect\" cx=\"%.2f\" cy=\"%d\" r=\"4\" fill=\"currentColor\"/>",
					 x_of(comparison->relative.difference * PERCENT, domain), y);
}

static void
append_row(StringInfo svg, const SSTest *test, const SSComparison *comparison, double domain, int y)
{
	const char *error = comparison->relative.error;

	appendStringInfo(svg, "<text class=\"name\" x=\"%d\" y=\"%d\">", LABEL_X, y + TEXT_OFFSET);
	append_text(svg, test->groups[comparison->group].name);
	appendStringInfoString(svg, "</text>");
	if (error == NULL)
		append_interval(svg, comparison, domain, y);
	appendStringInfo(svg, "<text class=\"value\" x=\"%d\" y=\"%d\">", VALUE_X, y + TEXT_OFFSET);
	if (error != NULL)
		appendStringInfoString(svg, error);
	else
		appendStringInfo(svg, "%+.2f%%", to_hundredths(comparison->relative.difference * PERCENT));
	appendStringInfoString(svg, "</text>");
}

static void
append_axis(StringInfo svg, double domain, int height)
{
	const struct
	{
		int x;
		double value;
	} marks[] = {{MIDDLE - HALF, -domain}, {MIDDLE, 0}, {MIDDLE + HALF, domain}};

	appendStringInfo(svg, "<line class=\"zero\" x1=\"%d\" x2=\"%d\" y1=\"36\" y2=\"%d\" stroke=\"currentColor\"/>",
					 MIDDLE, MIDDLE, height - 28);
	for (size_t i = 0; i < lengthof(marks); i++)
		appendStringInfo(svg, "<text class=\"axis\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%g%s</text>", marks[i].x,
						 height - 8, marks[i].value, marks[i].value == 0 ? "" : "%");
}

char *
ss_test_forest_plot(const SSTest *test, const SSTestResults *results)
{
	double domain = domain_of(test, results);
	int rows = 0;
	int height;
	StringInfoData svg;

	for (int i = 0; i < results->count; i++)
		rows += is_drawn(test, &results->comparisons[i]) ? 1 : 0;
	height = FOOT + ROW * rows;
	initStringInfo(&svg);
	appendStringInfo(&svg,
					 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\""
					 " role=\"img\" font-family=\"sans-serif\" font-size=\"13\" aria-label=\"",
					 WIDTH, height, WIDTH, height);
	append_text(&svg, test->name);
	appendStringInfo(&svg, "\"><text class=\"title\" x=\"%d\" y=\"20\" font-weight=\"bold\">", LABEL_X);
	append_text(&svg, test->name);
	appendStringInfoString(&svg, "</text>");
	append_axis(&svg, domain, height);
	rows = 0;
	for (int i = 0; i < results->count; i++)
	{
		if (is_drawn(test, &results->comparisons[i]))
			append_row(&svg, test, &results->comparisons[i], domain, HEAD + ROW * rows++);
	}
	appendStringInfoString(&svg, "</svg>");
	return svg.data;
}
