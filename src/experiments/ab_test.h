/*
 * ab_test.h: an A/B test as it is described, stored and read.
 *
 * A description is one jsonb object with the arguments of create_ab_test() or
 * create_flag_test() as keys, wherever it comes from: the arguments of a call,
 * changes laid over what a draft was, or a stored row. One function checks it.
 */
#ifndef SS_AB_TEST_H
#define SS_AB_TEST_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/json.h"
#include "call/call.h"
#include "experiments/measures.h"
#include "rules/ab_tests.h"

typedef enum SSTestStatus
{
	SS_TEST_DRAFT,
	SS_TEST_RUNNING,
	SS_TEST_PAUSED,
	SS_TEST_ENDED,
	SS_TEST_ARCHIVED
} SSTestStatus;

extern const char *const ss_test_statuses[];

typedef struct SSTestGroup
{
	char *name;
	int32 campaign_no; /* 0 = none: the hold-out, or a test of a flag */
	char *campaign_id; /* NULL likewise */
	char *campaign_status;
	Jsonb *value;			/* of a test of a flag */
	int32 weight;			/* in ten-thousandths */
	int32 version_at_start; /* of the campaign; 0 before the start */
	int32 version;			/* that it has now */
	bool exhausted;			/* its budget is used up */
} SSTestGroup;

typedef struct SSTestPause
{
	TimestampTz from;
	TimestampTz to; /* DT_NOEND: it is paused */
} SSTestPause;

typedef struct SSTest
{
	int32 no; /* 0 = not stored yet */
	pg_uuid_t id;
	char *key;
	int32 version;
	bool of_flag;
	char *name;
	char *hypothesis; /* NULL = none */
	SSTestStatus status;
	int32 flag_no;
	char *flag_key;
	Jsonb *condition; /* of a test of a flag */
	int32 segment_no; /* 0 = every user */
	char *segment;
	bool by_assignment; /* who is counted: who was told its group, or else the population */
	bool control_outside;
	char *seed;
	int32 coverage;		   /* in ten-thousandths */
	char *namespace_id;	   /* NULL = in none */
	int32 namespace_start; /* in thousandths */
	int32 namespace_end;
	int32 bucket_version;
	char currency[4];
	int exponent;	  /* of the currency */
	bool target_only; /* scope */
	SSMetric primary;
	SSMetricSet metrics; /* secondary ones */
	SSMetricSet guardrails;
	int32 window_days; /* 0 = to the end */
	int32 covariate_days;
	int32 confidence; /* in hundredths */
	int32 power;	  /* in hundredths */
	Numeric minimum_effect;
	Numeric baseline;		  /* NULL = what is observed */
	int64 target_sample_size; /* 0 = the required one */
	bool sequential;
	int32 sequential_tuning; /* 0 = not fixed yet */
	int32 minimum_days;
	int32 minimum_conversions;
	TimestampTz created_at;
	bool has_creator;
	pg_uuid_t created_by;
	TimestampTz updated_at;
	TimestampTz started_at; /* DT_NOEND = never */
	TimestampTz ended_at;	/* DT_NOEND = not yet */
	TimestampTz archived_at;
	int winner; /* group; -1 = none */
	int recommended;
	char *end_reason;
	int ngroups;
	bool has_hold_out; /* the last group is it */
	SSTestGroup groups[SS_AB_GROUPS_MAX];
	int npauses;
	SSTestPause *pauses;
} SSTest;

/* --- descriptions (describe.c) ------------------------------------------------- */

/* The arguments of the call as a description; null ones are left out. */
extern Jsonb *ss_test_describe_call(FunctionCallInfo fcinfo, bool of_flag);

/* The description of a draft. */
extern Jsonb *ss_test_describe(const SSTest *test);

/* What the changes make of it: the arguments of the call, only those that may change in the test's state. */
extern Jsonb *ss_test_change(const SSTest *test, Jsonb *changes);

/*
 * Checks a description and fills the test: everything but number, version,
 * status and times. 22023 naming the argument, PT404 and PT400 for what it
 * refers to. Needs an SPI connection.
 */
extern void ss_test_check(Jsonb *description, bool of_flag, SSTest *test);

/* The same for a test that has started: its campaigns may be in states that a new test could not have. */
extern void ss_test_check_started(Jsonb *description, SSTest *test);

/* --- stored tests (store.c) ---------------------------------------------------- */

/* PT404 if there is no such test. */
extern void ss_test_require(const pg_uuid_t *id);

/* Reads a test with its groups and pauses; PT404 if there is none. */
extern void ss_test_read(const pg_uuid_t *id, SSTest *test);

/* Locks the row first (FOR NO KEY UPDATE), after the campaigns of its groups by their numbers. */
extern void ss_test_lock(const pg_uuid_t *id, SSTest *test);

/* Inserts a checked test and its groups; 23505 if the id or the key is taken. */
extern void ss_test_insert(SSTest *test, const SSCall *call);

/* Writes a locked test back, with its groups, and keeps the version before. */
extern void ss_test_update(SSTest *test, const SSCall *call);

/*
 * The audit row, and, for "start", "pause" and "end", the message. `before` is the row as it was, NULL for a new one;
 * `reason` stands in the audit row alone, NULL for none.
 */
extern void ss_test_record(SSCall *call, const SSTest *test, const char *action, const char *reason, Jsonb *before);

/* A group as callers are told it: by its campaign, of a test of a flag by its name; NULL for none (-1). */
extern const char *ss_test_group_said(const SSTest *test, int group);

/* The row of ab_tests as a document. */
extern Jsonb *ss_test_row(int32 test_no);

/* The keys of get_ab_test() into the open object. */
extern void ss_test_write(SSJson *json, const SSTest *test);

/* The keys of the experiment that an SDK is given into the open object. */
extern void ss_test_write_experiment(SSJson *json, const SSTest *test);

/* Days that the test ran until `moment`, without pauses. */
extern double ss_test_days_running(const SSTest *test, TimestampTz moment);

/* As the award engine has it. */
extern void ss_test_compile(const SSTest *test, SSAbTest *compiled);

#endif /* SS_AB_TEST_H */
