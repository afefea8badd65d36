/*
 * rules.c: compiles the programme's rules for this backend (rules.h).
 *
 * Called by the award engine once per chunk of purchases and by whoever needs
 * a setting, a currency or a category.
 *
 * The compiled rules are a cache: one memory context, replaced as a whole,
 * dropped at any time. What tells that they are out of date is a relcache
 * invalidation of the empty table rule_sentinel, which row triggers of the
 * tables below send (swipesavvy_rules_changed). The callback only marks; the
 * next ss_rules_get() compiles again, under the latest snapshot: a session in
 * REPEATABLE READ that compiled from its old one would stay out of date for
 * good. A change that arrives while compiling marks again, so compiling is a
 * loop on a counter. New rules are made in a context of the caller's, which an
 * error frees, and take the old ones' place only when complete.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/sentinel.h"
#include "base/time_text.h"
#include "call/call.h"
#include "rules/load.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_rules_changed);
PG_FUNCTION_INFO_V1(swipesavvy_rule_cache_status);

static SSRules *current = NULL; /* NULL until first compiled */
static uint64 compiled = 0;		/* count of ss_rule_sentinel that `current` belongs to */
static bool provisional;		/* compiled in a parallel statement, under its snapshot: for such statements only */

static uint64 builds = 0; /* for rule_cache_status() only */
static int64 last_build_us = 0;

static Oid
find_sentinel(const char *name)
{
	return get_relname_relid(name, get_namespace_oid("swipesavvy", false));
}

/*
 * A new set of rules in a context under the caller's, read under the latest
 * snapshot; beside parallel workers, where none may be taken, under the
 * statement's own.
 */
static SSRules *
compile(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy rules", ALLOCSET_DEFAULT_SIZES);
	SSRules *rules = MemoryContextAllocZero(context, sizeof(SSRules));

	rules->context = context;
	PushActiveSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
	ss_query_connect();
	ss_rules_load(rules);
	ss_query_disconnect();
	PopActiveSnapshot();
	return rules;
}

bool
ss_rules_stale(void)
{
	return compiled != ss_sentinel_changes(&ss_rule_sentinel) || (provisional && !IsInParallelMode());
}

const SSRules *
ss_rules_get(void)
{
	while (ss_rules_stale())
	{
		instr_time start;
		instr_time took;
		uint64 begun;
		SSRules *fresh;

		INSTR_TIME_SET_CURRENT(start);
		begun = ss_sentinel_watch(&ss_rule_sentinel, "rule_sentinel");
		fresh = compile();
		MemoryContextSetParent(fresh->context, CacheMemoryContext);
		if (current != NULL)
			MemoryContextDelete(current->context);
		current = fresh;
		fresh->generation = compiled = begun;
		provisional = IsInParallelMode();
		INSTR_TIME_SET_CURRENT(took);
		INSTR_TIME_SUBTRACT(took, start);
		last_build_us = INSTR_TIME_GET_MICROSEC(took);
		builds++;
	}
	return current;
}

/* --- look-ups ---------------------------------------------------------------------- */

static const void *
look_up(struct HTAB *table, const void *key)
{
	return table == NULL ? NULL : hash_search(table, key, HASH_FIND, NULL);
}

int
ss_rules_exponent(const SSRules *rules, const char *code)
{
	char key[4] = {0};
	const SSCurrencyEntry *entry;

	if (strlen(code) != 3)
		return -1;
	memcpy(key, code, 3);
	entry = look_up(rules->currencies, key);
	return entry == NULL ? -1 : entry->exponent;
}

int
ss_rules_exponent_of(const SSRules *rules, const char *code, const char *argument)
{
	int exponent = ss_rules_exponent(rules, code);

	if (exponent < 0)
		ss_bad_value(argument, "\"%.20s\" is not an ISO 4217 code of a currency with minor units.", code);
	return exponent;
}

int16
ss_rules_category(const SSRules *rules, const char *name)
{
	const SSCategoryEntry *entry;

	if (strlen(name) >= SS_CATEGORY_KEY)
		return 0;
	entry = look_up(rules->categories, name);
	return entry == NULL ? 0 : entry->category_no;
}

const char *
ss_rules_category_name(const SSRules *rules, int16 category_no)
{
	if (category_no < 0 || category_no >= rules->ncategory_names)
		return NULL;
	return rules->category_names[category_no];
}

static bool
boosted(const SSRules *rules, int category_no, TimestampTz occurred_at)
{
	return category_no < rules->nboost_times && occurred_at >= rules->boost_times[category_no].from &&
		   occurred_at < rules->boost_times[category_no].until;
}

bool
ss_rules_boosted(const SSRules *rules, int16 category_no, TimestampTz occurred_at)
{
	return boosted(rules, 0, occurred_at) || (category_no > 0 && boosted(rules, category_no, occurred_at));
}

const SSBoost *
ss_rules_boost(const SSRules *rules, const pg_uuid_t *id)
{
	return look_up(rules->boosts, id);
}

SSCampaign *
ss_rules_campaign(const SSRules *rules, int32 campaign_no)
{
	int low = 0;
	int high = rules->ncampaigns;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (rules->campaigns[middle].no < campaign_no)
			low = middle + 1;
		else
			high = middle;
	}
	return low < rules->ncampaigns && rules->campaigns[low].no == campaign_no ? &rules->campaigns[low] : NULL;
}

const SSCampaignList *
ss_rules_by_merchant(const SSRules *rules, const pg_uuid_t *merchant_id)
{
	const SSMerchantEntry *entry = look_up(rules->by_merchant, merchant_id);

	return entry == NULL ? NULL : &entry->list;
}

const SSCampaignList *
ss_rules_by_category(const SSRules *rules, int16 category_no)
{
	int32 key = category_no;
	const SSNumberEntry *entry = look_up(rules->by_category, &key);

	return entry == NULL ? NULL : &entry->list;
}

const SSCampaignList *
ss_rules_by_segment(const SSRules *rules, int32 segment_no)
{
	const SSNumberEntry *entry = look_up(rules->by_segment, &segment_no);

	return entry == NULL ? NULL : &entry->list;
}

/* The local calendar of a moment in the programme's time zone. */
static void
local_calendar(const SSRules *rules, TimestampTz moment, struct pg_tm *tm)
{
	fsec_t fsec;
	int offset;

	if (timestamp2tm(moment, &offset, tm, &fsec, NULL, rules->settings.timezone) != 0)
		ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"));
}

DateADT
ss_rules_day(const SSRules *rules, TimestampTz moment)
{
	struct pg_tm tm;

	local_calendar(rules, moment, &tm);
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

/* The first instant of year, month and day in the programme's time zone. */
static TimestampTz
midnight(const SSRules *rules, struct pg_tm *tm)
{
	TimestampTz result;

	tm->tm_hour = tm->tm_min = tm->tm_sec = 0;
	if (!ss_time_from_local(tm, 0, rules->settings.timezone, &result))
		ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"));
	return result;
}

TimestampTz
ss_rules_day_start(const SSRules *rules, DateADT day)
{
	struct pg_tm tm = {0};

	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	return midnight(rules, &tm);
}

TimestampTz
ss_rules_tier_end(const SSRules *rules, TimestampTz moment)
{
	struct pg_tm tm;

	local_calendar(rules, moment, &tm);
	tm.tm_year += 2;
	tm.tm_mon = 1;
	tm.tm_mday = 1;
	return midnight(rules, &tm);
}

TimestampTz
ss_rules_expiry(const SSRules *rules, TimestampTz moment)
{
	struct pg_tm tm;
	int months = rules->settings.points_expiry_months;

	if (months == 0)
		return DT_NOEND;
	local_calendar(rules, moment, &tm);
	months += tm.tm_mon; /* from January of that year to the month after the last one */
	tm.tm_year += months / 12;
	tm.tm_mon = months % 12 + 1;
	tm.tm_mday = 1;
	return midnight(rules, &tm);
}

TimestampTz
ss_rules_month_start(const SSRules *rules, TimestampTz moment, int months_before)
{
	struct pg_tm tm;
	int months;

	local_calendar(rules, moment, &tm);
	months = tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1 - months_before;
	tm.tm_year = months / MONTHS_PER_YEAR - (months % MONTHS_PER_YEAR < 0 ? 1 : 0);
	tm.tm_mon = months - tm.tm_year * MONTHS_PER_YEAR + 1;
	tm.tm_mday = 1;
	return midnight(rules, &tm);
}

/* --- SQL ---------------------------------------------------------------------------- */

/*
 * Row and TRUNCATE trigger of the tables that rules are compiled from: sends
 * the invalidation with the transaction's commit (and to this backend at once).
 * The argument is the sentinel, rule_sentinel unless given.
 */
Datum
swipesavvy_rules_changed(PG_FUNCTION_ARGS)
{
	const Trigger *trigger;
	Oid relid;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("rules_changed is a trigger function"));
	trigger = ((TriggerData *) fcinfo->context)->tg_trigger;
	relid = find_sentinel(trigger->tgnargs == 0 ? "rule_sentinel" : trigger->tgargs[0]);
	if (OidIsValid(relid))
		CacheInvalidateRelcacheByRelid(relid);
	PG_RETURN_POINTER(NULL);
}

/*
 * rule_cache_status(): what this backend holds.
 */
Datum
swipesavvy_rule_cache_status(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;

	ss_call_enter(&call, SS_ADMIN);
	rules = ss_rules_get();
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "campaigns", rules->ncampaigns);
	ss_json_int(&json, "bytes", MemoryContextMemAllocated(rules->context, true));
	ss_json_int(&json, "generation", compiled);
	ss_json_int(&json, "builds", builds);
	ss_json_money(&json, "last_build_ms", last_build_us, 3);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
