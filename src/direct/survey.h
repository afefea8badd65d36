/*
 * survey.h: whether our tables are as the extension made them, so that they
 * may be read or written past the executor, and where everything is in them.
 *
 * A name proves nothing: columns are told by name and type, an index by its
 * columns, a constraint by its condition. What is not known here is left to
 * the executor.
 */
#ifndef SS_SURVEY_H
#define SS_SURVEY_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/rel.h"

#include "direct/tables.h"

/* Those that the engine needs. */
#define SS_ENGINE_TABLES (SS_ONE_TABLE(SS_SLOTS + 1) - 1)

typedef struct SSSurveyedTable
{
	Oid relid;
	Oid index;	 /* the one that the specification asks for */
	bool checks; /* there are constraints to evaluate, on rows that are written */
	AttrNumber columns[SS_TABLE_COLUMNS];
} SSSurveyedTable;

/* What was found. */
typedef struct SSSurvey
{
	uint32 usable; /* the tables that may be used past the executor, as bits */
	SSSurveyedTable tables[SS_TABLES];
	Oid labels[SS_LABELS];
} SSSurvey;

extern SSSurvey ss_survey;

/*
 * Looks at those of the tables that are not known, and says whether all can be
 * used. 55000 when one has lost a column of ours, or has it in another type:
 * no query of ours could read that either. The user is swipesavvy_owner.
 */
extern bool ss_survey_take(uint32 tables);

/*
 * The same, and locks those of `locked`, unless it says no: from then on nobody
 * changes these, and what others did change is known.
 */
extern bool ss_survey_lock(uint32 tables, uint32 locked, LOCKMODE mode);

/* Has the database the table of deltas? It came with release 1.1.0, and whoever holds a lock that the upgrade waits for knows. */
extern bool ss_survey_has_deltas(void);

/* Where the table is now; 42P01, as by a query, when there is none of that name. */
extern Oid ss_survey_relid(SSTable table);

/* A valid btree index of that shape, ordered as the server orders its types; InvalidOid when there is none. */
extern Oid ss_survey_find_index(Relation rel, const SSIndexSpec *shape);

/* Has the table the index that its specification asks for, whatever else it has? For those who use the executor. */
extern bool ss_survey_has_index(SSTable table);

/* Is the table the one that holds the rows? Citus leaves an empty one in the place of a table that it distributes. */
extern bool ss_survey_has_rows(Oid relid);

#endif /* SS_SURVEY_H */
