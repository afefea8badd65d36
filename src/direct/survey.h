/*
 * survey.h: what direct.c must know of the engine's tables: how it uses
 * them, where they are, and whether it may.
 */
#ifndef SS_SURVEY_H
#define SS_SURVEY_H

#include "postgres.h"

#include "direct/direct.h"

#define SS_SURVEY_COLUMNS 20
#define SS_SURVEY_KEYS	  4
#define SS_SURVEY_ENTRY	  9 /* columns of an index */
#define SS_SURVEY_CHECKS  3

/* What we do with a table. */
typedef enum SSUse
{
	SS_USE_READ,
	SS_USE_INSERT,
	SS_USE_UPDATE
} SSUse;

typedef struct SSTableSpec
{
	const char *name;
	SSUse use;
	const char *index;					  /* NULL: never looked up */
	RegProcedure equal[SS_SURVEY_KEYS];	  /* of the index's columns */
	const char *checks[SS_SURVEY_CHECKS]; /* CHECK constraints of ours */
	int ncolumns;
	const char *columns[SS_SURVEY_COLUMNS];
	SSTable heap;						/* if not 0: the table whose rows are found by this index */
	const char *entry[SS_SURVEY_ENTRY]; /* the columns that the index must begin with */
	bool partial;						/* it is for some rows only */
} SSTableSpec;

/* Those that the engine needs. */
#define SS_ENGINE_TABLES (SS_ONE_TABLE(SS_SLOTS + 1) - 1)

extern const SSTableSpec ss_table_specs[SS_TABLES];

/* What is known of the tables; dropped by any relcache invalidation of one of them. */
typedef struct SSSurvey
{
	bool complete;	/* false: an error ended it */
	uint64 seen;	/* how often the tables had changed when it began */
	uint32 usable;	/* the tables that are, as bits */
	bool runs_code; /* writing runs functions of somebody else's */
	Oid relids[SS_TABLES];
	Oid indexes[SS_TABLES];
	AttrNumber columns[SS_TABLES][SS_SURVEY_COLUMNS];
	bool checks[SS_TABLES]; /* constraints to evaluate */
	Oid labels[SS_LABELS];
} SSSurvey;

extern SSSurvey ss_survey;

/* Is the survey there, and has nothing changed since it began? */
extern bool ss_survey_is_known(void);

/* Takes stock of the tables. An invalidation or an error meanwhile leaves it unknown. */
extern void ss_survey_take(void);

#endif /* SS_SURVEY_H */
