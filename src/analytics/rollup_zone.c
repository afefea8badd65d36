/*
 * rollup_zone.c: hours and days of roll-ups (rollup_zone.h).
 *
 * SQL entry points analytics_hour and analytics_day, for the library's own
 * queries. No state.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "analytics/rollup_zone.h"
#include "base/errors.h"
#include "base/time_text.h"
#include "engine/deltas.h"

PG_FUNCTION_INFO_V1(swipesavvy_analytics_hour);
PG_FUNCTION_INFO_V1(swipesavvy_analytics_day);

#define EPOCH_SECS ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY)

pg_tz *
ss_zone(const char *name)
{
	pg_tz *zone = pg_tzset(name);

	if (zone == NULL)
		ss_bad_state("time zone of the figures is unknown", "The server has no time zone \"%s\".", name);
	return zone;
}

/* Slots are whole seconds. */
static pg_time_t
to_unix(TimestampTz slot)
{
	return slot / USECS_PER_SEC + EPOCH_SECS;
}

/* The last moment after `from` and not after `until` at which the clock is moved; false if it is not. */
static bool
last_change(pg_tz *zone, pg_time_t from, pg_time_t until, pg_time_t *change)
{
	bool found = false;
	pg_time_t at = from;
	pg_time_t boundary;
	long int before;
	long int after;
	int before_dst;
	int after_dst;

	while (pg_next_dst_boundary(&at, &before, &before_dst, &boundary, &after, &after_dst, zone) == 1 &&
		   boundary <= until)
	{
		if (before != after)
		{
			*change = boundary;
			found = true;
		}
		at = boundary;
	}
	return found;
}

TimestampTz
ss_zone_hour(pg_tz *zone, TimestampTz slot)
{
	pg_time_t at = to_unix(slot);
	TimestampTz result;

	for (;;)
	{
		const struct pg_tm *tm = pg_localtime(&at, zone);
		pg_time_t since = tm->tm_min * SECS_PER_MINUTE + tm->tm_sec;
		pg_time_t change;

		if (!last_change(zone, at - since, at, &change))
		{
			result = (at - since - EPOCH_SECS) * USECS_PER_SEC;
			break;
		}
		at = change - 1;
	}
	return IS_VALID_TIMESTAMP(result) ? result : slot;
}

DateADT
ss_zone_day(pg_tz *zone, TimestampTz slot)
{
	pg_time_t at = to_unix(slot);
	const struct pg_tm *tm = pg_localtime(&at, zone);
	DateADT day = date2j(tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday) - POSTGRES_EPOCH_JDATE;

	return Max(day, DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE);
}

TimestampTz
ss_zone_day_start(pg_tz *zone, DateADT day)
{
	struct pg_tm tm = {0};
	TimestampTz result;

	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	if (!ss_time_from_local(&tm, 0, zone, &result))
		ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"));
	return result;
}

/* --- for queries ------------------------------------------------------------------------ */

#define MEMORY_SLOTS 4096 /* 42 days in a row have places of their own */

/* What a query has looked up at one place, by the number of the slot: rows come again and again to the same ones. */
typedef struct ZoneMemory
{
	pg_tz *zone; /* of the last row; NULL before there was one */
	char name[TZ_STRLEN_MAX + 1];
	struct
	{
		TimestampTz after; /* the slot and one more: 0 is none */
		pg_tz *zone;
		int64 result;
	} slots[MEMORY_SLOTS];
} ZoneMemory;

/* The memory of this place, for the zone of the row: each row may have another one. */
static ZoneMemory *
memory_of(FunctionCallInfo fcinfo)
{
	ZoneMemory *memory = fcinfo->flinfo->fn_extra;
	const text *name = PG_GETARG_TEXT_PP(1);
	size_t length = VARSIZE_ANY_EXHDR(name);

	if (memory == NULL)
		memory = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ZoneMemory));
	if (memory->zone == NULL || strlen(memory->name) != length || memcmp(memory->name, VARDATA_ANY(name), length) != 0)
	{
		char *wanted = text_to_cstring(name);

		memory->zone = ss_zone(wanted); /* whose name is not too long, or there would be none */
		strlcpy(memory->name, wanted, sizeof(memory->name));
	}
	return memory;
}

/* Where the result for the slot is, or belongs; *known tells which. */
static int64 *
recall(ZoneMemory *memory, TimestampTz slot, bool *known)
{
	uint64 number = (uint64) (slot / SS_SLOT_USECS) % MEMORY_SLOTS;

	*known = memory->slots[number].after == slot + 1 && memory->slots[number].zone == memory->zone;
	memory->slots[number].after = slot + 1;
	memory->slots[number].zone = memory->zone;
	return &memory->slots[number].result;
}

/*
 * analytics_hour(moment, zone)
 */
Datum
swipesavvy_analytics_hour(PG_FUNCTION_ARGS)
{
	TimestampTz moment = PG_GETARG_TIMESTAMPTZ(0);
	ZoneMemory *memory;
	TimestampTz slot;
	int64 *hour;
	bool known;

	if (TIMESTAMP_NOT_FINITE(moment))
		PG_RETURN_TIMESTAMPTZ(moment);
	memory = memory_of(fcinfo);
	slot = ss_delta_slot(moment);
	hour = recall(memory, slot, &known);
	if (!known)
		*hour = ss_zone_hour(memory->zone, slot);
	PG_RETURN_TIMESTAMPTZ(*hour);
}

/*
 * analytics_day(moment, zone)
 */
Datum
swipesavvy_analytics_day(PG_FUNCTION_ARGS)
{
	TimestampTz moment = PG_GETARG_TIMESTAMPTZ(0);
	ZoneMemory *memory;
	TimestampTz slot;
	DateADT endless;
	int64 *day;
	bool known;

	if (TIMESTAMP_NOT_FINITE(moment))
	{
		if (TIMESTAMP_IS_NOBEGIN(moment))
			DATE_NOBEGIN(endless);
		else
			DATE_NOEND(endless);
		PG_RETURN_DATEADT(endless);
	}
	memory = memory_of(fcinfo);
	slot = ss_delta_slot(moment);
	day = recall(memory, slot, &known);
	if (!known)
		*day = ss_zone_day(memory->zone, slot);
	PG_RETURN_DATEADT((DateADT) *day);
}
