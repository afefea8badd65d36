/*
 * flag_record.h: one flag under lock, shown, and the record of its changes.
 */
#ifndef SS_FLAG_RECORD_H
#define SS_FLAG_RECORD_H

#include "postgres.h"

#include "call/call.h"
#include "flags/flag_set.h"

#define SS_FLAG_HIDDEN "is_seed" /* the column that no document of a flag's row has: it is for dumps */

/* A flag's row, locked by whoever changes the flag: changes of one flag follow one another. */
typedef struct SSFlagRow
{
	const char *key;
	int32 no;
	int32 version;
	bool is_archived;
	const char *value_type;
	Jsonb *document; /* all columns but SS_FLAG_HIDDEN */
} SSFlagRow;

/* Locks the flag FOR NO KEY UPDATE; PT404, and PT400 for an archived one unless those are let in. */
extern void ss_flag_lock(SSFlagRow *row, const char *key, bool archived_too);

/* The same without a lock; PT400 for an archived one. */
extern void ss_flag_read(SSFlagRow *row, const char *key);

/* PT400 for a flag in a running or paused A/B test. */
extern void ss_flag_check_untested(const SSFlagRow *row);

/* The hash attribute decides who is in: PT400 where some are and some are not, and in a running or paused test. */
extern void ss_flag_check_hash_attribute(const SSFlagRow *row, const char *wanted, int bp);

/* A change: to the flag's own log, the audit log and the outbox. `after` NULL: nothing is left. */
extern void ss_flag_record(SSCall *call, const SSFlagRow *row, const char *action, const char *reason, Jsonb *before,
						   Jsonb *after);

/*
 * 22023 for a rule of an A/B test that the flag of that key could not have, or
 * for the test's key, which is to be its id, where that is taken; PT404 or PT400
 * for the flag. Returns its number. Nothing is locked. (flags.c)
 */
extern int32 ss_flag_check_rule(const char *key, const char *test_key, Jsonb *rule);

/* Puts the rule of a test's winner behind those of a flag, as an update of it; PT400 where it has no room for that. (flags.c) */
extern void ss_flag_append_rule(SSCall *call, const char *key, Jsonb *rule, const char *reason);

/* The members of a flag, as it is now, in the object that is open. A reader's query must not see more than its snapshot. */
extern void ss_flag_show(SSJson *json, const char *key, bool reader);

/* The flag's time line with its row locked: where it stands now. */
typedef struct SSFlagState
{
	TimestampTz moment; /* at which a change that takes place now is written */
	TimestampTz since;	/* of the step that counts then; DT_NOBEGIN: none does */
	bool enabled;
	int bp;
} SSFlagState;

extern SSFlagState ss_flag_state(const SSFlagRow *row, TimestampTz moment);

/* Where it would stand at a moment without what is planned for that moment. */
extern SSFlagState ss_flag_state_before(const SSFlagRow *row, TimestampTz moment);
extern SSFlagState ss_flag_state_now(const SSFlagRow *row);

/* Writes a step; one of the same moment is replaced. */
extern void ss_flag_write_step(const SSCall *call, const SSFlagRow *row, const SSFlagStep *step, const char *reason);

/* The step as a document for the record. */
extern Jsonb *ss_flag_step_document(const SSFlagStep *step);

/* A percentage with at most two decimals as hundredths. */
extern int ss_flag_share_arg(FunctionCallInfo fcinfo, int n, const char *name, bool required, int when_null);

#endif /* SS_FLAG_RECORD_H */
