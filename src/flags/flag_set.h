/*
 * flag_set.h: the stored flags, compiled for this backend.
 */
#ifndef SS_FLAG_SET_H
#define SS_FLAG_SET_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "flags/evaluation.h"

#define SS_EVERYBODY_BP 10000 /* a share in hundredths of a percent */

/* What rules of a flag read of a user, beside its id. */
#define SS_READS_USER	  0x01
#define SS_READS_ACCOUNT  0x02
#define SS_READS_SEGMENTS 0x04
#define SS_READS_STICKY	  0x08

typedef enum SSAudience
{
	SS_AUDIENCE_SERVER,
	SS_AUDIENCE_CLIENT,
	SS_AUDIENCE_PUBLIC
} SSAudience;

/* From its start on a flag is on or off, for a share that may grow or shrink until the end. */
typedef struct SSFlagStep
{
	TimestampTz starts_at;
	TimestampTz ends_at; /* DT_NOEND: it does neither */
	bool enabled;
	int from_bp;
	int to_bp;
} SSFlagStep;

typedef struct SSFlagOverride
{
	pg_uuid_t user_id;
	TimestampTz expires_at; /* DT_NOEND: never */
	SSNode value;
} SSFlagOverride;

typedef struct SSFlag
{
	int32 no;
	SSText key; /* terminated, too */
	SSAudience audience;
	SSText hash_attribute;
	bool is_archived;
	bool is_sticky;
	int reads;		  /* with all that its prerequisites read */
	int stored_reads; /* the same without the roll-out */
	uint32 names;	  /* the attributes that its own rules name: bits of ss_flag_names() */
	bool by_id;		  /* the roll-out to a share goes by the id, and needs no prerequisites */
	uint32 seed_hash; /* of the roll-out */
	SSNode *feature;  /* of the set's; NULL if archived */
	SSNode *default_value;
	SSNode *rules;	/* of the feature; as many as apply at the moment it is arranged for */
	int nstored;	/* of them, those of tests included, without the roll-out */
	SSNode whole;	/* the roll-out to everybody */
	SSNode partial; /* the roll-out to a share */
	SSFlagStep *steps;
	int nsteps;
	struct HTAB *overrides; /* NULL: none */
	TimestampTz updated_at;

	/* as it is arranged, until then */
	bool enabled;
	int bp;
	TimestampTz changes_at;
} SSFlag;

/* A segment's name, which is its place among all names in the order of bytes. */
typedef struct SSFlagSegment
{
	int32 no;
	int place;
	SSText name;
} SSFlagSegment;

typedef struct SSFlagSet
{
	MemoryContext context;
	uint64 serial; /* another one for each set */
	bool killed;   /* feature_flags_enabled is off */
	SSNode features;
	SSFlag *flags; /* ordered by key, as the members of `features` */
	int nflags;
	int64 noverrides;
	SSFlagSegment *segments; /* ordered by number */
	int nsegments;
	TimestampTz arranged_at;
	TimestampTz changes_at; /* the first of the flags */
} SSFlagSet;

/* The flags as they are now, arranged for the present statement; valid until the next call of this function. */
extern SSFlagSet *ss_flag_set_get(void);

/* The number of the set that is compiled at present, whether or not it is up to date. */
extern uint64 ss_flag_set_serial(void);

extern SSFlag *ss_flag_find(const SSFlagSet *set, SSText key);

/* The segment of that number; NULL if there is none. */
extern const SSFlagSegment *ss_flag_segment(const SSFlagSet *set, int32 no);

/* The value that a user has of its own at the moment; NULL if none. */
extern SSNode *ss_flag_override_of(const SSFlag *flag, const pg_uuid_t *user_id, TimestampTz moment);

/* The step of a timeline that counts at a moment, NULL before the first; and the share then. */
extern const SSFlagStep *ss_flag_step_at(const SSFlagStep *steps, int nsteps, TimestampTz moment);
extern int ss_flag_share_at(const SSFlagStep *step, TimestampTz moment);

/* The feature as SDKs get it: with rules only while there may be some. */
extern SSNode ss_flag_feature(const SSFlagSet *set, const SSFlag *flag);

/* What the flag must know of a user (SS_READS_…): whoever has no part in the roll-out need not be read for its condition. */
extern int ss_flag_reads_for(const SSFlag *flag, const pg_uuid_t *user_id);

/* The attributes that are stored of users, but for the id, which every document has. */
typedef struct SSFlagAttribute
{
	SSText name;
	int reads; /* SS_READS_… */
} SSFlagAttribute;

#define SS_FLAG_ATTRIBUTES 12
extern const SSFlagAttribute ss_flag_attributes[SS_FLAG_ATTRIBUTES];

/* Those that occur in a rule in any place, a bit each. (flag_reads.c) */
extern uint32 ss_flag_names(SSNode *value);

/* What an attribute's name, or all names in a condition, read of users: SS_READS_…. (flag_reads.c) */
extern int ss_flag_reads_of(SSText name);
extern int ss_flag_reads(SSNode *condition);

#endif /* SS_FLAG_SET_H */
