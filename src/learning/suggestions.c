/*
 * suggestions.c: which merchants a user may like, and because of which others
 * (suggestions.h).
 *
 * Called by get_recommendations, and by the test of neighbours before they are
 * asked: so what is tested is what users get. Reads one snapshot; no locks.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/array.h"
#include "base/columns.h"
#include "base/query.h"
#include "base/uuid.h"
#include "learning/neighbours.h"
#include "learning/suggestions.h"

#define HALF_LIFE 90.0 /* days */

/*
 * The merchant of that id as `m`, if it may be suggested. A limit keeps the
 * planner from turning joins around: it knows little of tables that are written
 * anew each day.
 */
#define ALLOWED(id)                                                                                                    \
	"LATERAL (SELECT a.name, a.category FROM swipesavvy.merchants a WHERE a.merchant_id = " id " AND a.is_active"      \
	"    AND NOT EXISTS (SELECT FROM swipesavvy.ml_excluded_mccs x WHERE x.mcc = a.mcc AND x.excluded) LIMIT 1) m"

#define TERM "w.weight * n.similarity::float8"

/* $1 version, $2 and $3 merchants of the user and how much they count, $4 those left out, $5 rows */
SS_QUERY(
	select_neighbours,
	"SELECT s.neighbour_id, s.score, m.name, m.category, s.because"
	"  FROM (SELECT n.neighbour_id, round((sum(" TERM " ORDER BY " TERM " DESC, w.merchant_id))::numeric, 6) AS score,"
	"               (array_agg(w.merchant_id ORDER BY " TERM " DESC, w.merchant_id))[:3] AS because"
	"          FROM unnest($2, $3) w (merchant_id, weight) CROSS JOIN LATERAL"
	"               (SELECT o.neighbour_id, o.similarity FROM swipesavvy.ml_neighbours o"
	"                 WHERE o.version = $1 AND o.merchant_id = w.merchant_id LIMIT 50) n"
	"         WHERE n.neighbour_id <> ALL ($4) GROUP BY n.neighbour_id OFFSET 0) s"
	"  CROSS JOIN " ALLOWED(
		"s.neighbour_id") "  LEFT JOIN LATERAL (SELECT q.users FROM swipesavvy.ml_popularity q"
						  "                      WHERE q.version = $1 AND q.merchant_id = s.neighbour_id LIMIT 1) p ON true"
						  " ORDER BY s.score DESC, coalesce(p.users, 0) DESC, s.neighbour_id LIMIT $5",
	INT4OID, UUIDARRAYOID, FLOAT8ARRAYOID, UUIDARRAYOID, INT4OID);

/* $1 version, $2 those left out, $3 rows, $4 categories, the first first */
SS_QUERY(
	select_in_categories,
	"SELECT p.merchant_id, p.share, p.name, p.category FROM unnest($4) WITH ORDINALITY w (category_no, place) CROSS JOIN LATERAL"
	" (SELECT q.merchant_id, q.users, q.share, m.name, m.category FROM swipesavvy.ml_popularity q CROSS JOIN " ALLOWED(
		"q.merchant_id") "   WHERE q.version = $1 AND q.category_no = w.category_no AND q.merchant_id <> ALL ($2)"
						 "   ORDER BY q.users DESC, q.merchant_id LIMIT $3) p"
						 " ORDER BY w.place, p.users DESC, p.merchant_id LIMIT $3",
	INT4OID, UUIDARRAYOID, INT4OID, INT2ARRAYOID);

SS_QUERY(select_popular,
		 "SELECT q.merchant_id, q.share, m.name, m.category FROM swipesavvy.ml_popularity q CROSS JOIN " ALLOWED(
			 "q.merchant_id") " WHERE q.version = $1 AND q.merchant_id <> ALL ($2)"
							  " ORDER BY q.users DESC, q.merchant_id LIMIT $3",
		 INT4OID, UUIDARRAYOID, INT4OID);

/* A category of the user's, and how often it was at a merchant of that one. */
typedef struct Taste
{
	int16 category_no;
	int64 visits;
} Taste;

/* --- what the user knows ----------------------------------------------------------------------- */

static int
compare_known(const void *a, const void *b)
{
	const SSKnown *x = a;
	const SSKnown *y = b;

	if (x->last != y->last)
		return x->last > y->last ? -1 : 1;
	return ss_uuid_compare(&x->id, &y->id);
}

static int
compare_tastes(const void *a, const void *b)
{
	const Taste *x = a;
	const Taste *y = b;

	if (x->visits != y->visits)
		return x->visits > y->visits ? -1 : 1;
	return x->category_no - y->category_no;
}

/* The merchants, each with the last of its visits, which come in the order of time. */
static void
read_known(SSSuggesting *suggesting, const SSHistory *history)
{
	SSKnown *known = palloc((history->nmerchants + 1) * sizeof(SSKnown));

	for (int i = 0; i < history->nmerchants; i++)
		known[i].last = DT_NOBEGIN;
	for (int i = 0; i < history->count; i++)
	{
		const SSPast *past = &history->items[i];

		if (past->merchant >= 0 && past->active)
			known[past->merchant] = (SSKnown){history->merchants[past->merchant], past->day, past->at};
	}
	for (int i = 0; i < history->nmerchants; i++)
	{
		if (known[i].last != DT_NOBEGIN)
			known[suggesting->nknown++] = known[i];
	}
	qsort(known, suggesting->nknown, sizeof(SSKnown), compare_known);
	suggesting->known = known;
}

static void
read_categories(SSSuggesting *suggesting, const SSHistory *history)
{
	Taste *tastes = NULL;
	int count = 0;

	for (int i = 0; i < history->count; i++)
	{
		const SSPast *past = &history->items[i];
		int n = 0;

		if (past->category == 0 || !past->active)
			continue;
		while (n < count && tastes[n].category_no != past->category)
			n++;
		if (n == count)
		{
			tastes = ss_array_grow(tastes, count, sizeof(Taste));
			tastes[count++] = (Taste){past->category, 0};
		}
		tastes[n].visits++;
	}
	if (count > 0)
		qsort(tastes, count, sizeof(Taste), compare_tastes);
	suggesting->categories = palloc((count + 1) * sizeof(int16));
	for (int i = 0; i < count; i++)
		suggesting->categories[i] = tastes[i].category_no;
	suggesting->ncategories = count;
}

void
ss_suggesting_begin(SSSuggesting *suggesting, const SSHistory *history, int32 version, int limit)
{
	*suggesting = (SSSuggesting){.version = version, .limit = limit};
	suggesting->suggestions = palloc(limit * sizeof(SSSuggestion));
	if (history == NULL)
		return;
	read_known(suggesting, history);
	read_categories(suggesting, history);
}

void
ss_suggesting_leave_out(SSSuggesting *suggesting, const pg_uuid_t *merchant_id)
{
	suggesting->left_out = ss_array_grow(suggesting->left_out, suggesting->nleft_out, sizeof(pg_uuid_t));
	suggesting->left_out[suggesting->nleft_out++] = *merchant_id;
}

void
ss_suggesting_leave_out_known(SSSuggesting *suggesting)
{
	for (int i = 0; i < suggesting->nknown; i++)
		ss_suggesting_leave_out(suggesting, &suggesting->known[i].id);
}

/* --- suggesting ---------------------------------------------------------------------------------- */

static SSRows
read_rows(const SSSuggesting *suggesting, SSQuery *query, const Datum *values)
{
	ss_query_avoid_scans();
	return suggesting->latest ? ss_rows_latest(query, values, NULL) : ss_rows_read(query, values, NULL);
}

/* The first columns: id, score, name and category. No other suggestion is that merchant then. */
static SSSuggestion *
add_suggestion(SSSuggesting *suggesting, SSRow *row)
{
	SSSuggestion *suggestion = &suggesting->suggestions[suggesting->count++];

	memset(suggestion, 0, sizeof(SSSuggestion));
	suggestion->merchant_id = *ss_next_uuid(row);
	suggestion->score = DatumGetNumericCopy(ss_next_value(row, NUMERICOID));
	suggestion->name = pstrdup(ss_next_text(row));
	suggestion->category = pstrdup(ss_next_text(row));
	ss_suggesting_leave_out(suggesting, &suggestion->merchant_id);
	return suggestion;
}

static void
add_because(SSSuggestion *suggestion, SSRow *row)
{
	ArrayType *array = DatumGetArrayTypeP(ss_next_value(row, UUIDARRAYOID));
	Datum *ids;
	bool *nulls;
	int count;

	deconstruct_array(array, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids, &nulls, &count);
	suggestion->nbecause = Min(count, SS_BECAUSE_MAX);
	for (int i = 0; i < suggestion->nbecause; i++)
		suggestion->because[i] = *DatumGetUUIDP(ids[i]);
}

void
ss_suggest_neighbours(SSSuggesting *suggesting, DateADT today)
{
	int count = Min(suggesting->nknown, SS_VISITED_MAX);
	Datum *weights = palloc((count + 1) * sizeof(Datum));
	Datum values[5];
	SSRows rows;

	if (suggesting->nknown < SS_MERCHANTS_LEAST)
		return;
	for (int i = 0; i < count; i++)
		weights[i] = Float8GetDatum(exp2(-(today - suggesting->known[i].day) / HALF_LIFE));
	values[0] = Int32GetDatum(suggesting->version);
	values[1] = ss_uuid_array(suggesting->known, count, sizeof(SSKnown));
	values[2] =
		PointerGetDatum(construct_array(weights, count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[3] = ss_uuid_array(suggesting->left_out, suggesting->nleft_out, sizeof(pg_uuid_t));
	values[4] = Int32GetDatum(suggesting->limit - suggesting->count);
	rows = read_rows(suggesting, &select_neighbours, values);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSSuggestion *suggestion = add_suggestion(suggesting, &row);

		suggestion->of_neighbours = true;
		add_because(suggestion, &row);
	}
	ss_rows_free(&rows);
}

static Datum
array_of_categories(const SSSuggesting *suggesting)
{
	Datum *items = palloc((suggesting->ncategories + 1) * sizeof(Datum));

	for (int i = 0; i < suggesting->ncategories; i++)
		items[i] = Int16GetDatum(suggesting->categories[i]);
	return PointerGetDatum(
		construct_array(items, suggesting->ncategories, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
}

static void
add_popular(SSSuggesting *suggesting, SSQuery *query)
{
	Datum values[4];
	SSRows rows;

	if (suggesting->count == suggesting->limit)
		return;
	values[0] = Int32GetDatum(suggesting->version);
	values[1] = ss_uuid_array(suggesting->left_out, suggesting->nleft_out, sizeof(pg_uuid_t));
	values[2] = Int32GetDatum(suggesting->limit - suggesting->count);
	values[3] = array_of_categories(suggesting);
	rows = read_rows(suggesting, query, values);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		(void) add_suggestion(suggesting, &row);
	}
	ss_rows_free(&rows);
}

void
ss_suggest_popular(SSSuggesting *suggesting)
{
	if (suggesting->ncategories > 0)
		add_popular(suggesting, &select_in_categories);
	add_popular(suggesting, &select_popular);
}
