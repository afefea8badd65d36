/*
 * hours.c: opening hours (hours.h).
 *
 * Called for what is stored of a location and for what is shown of it. Hours are
 * on the wall clock: in an hour that clocks show twice a place is open both
 * times, and one that they leave out does not occur. So the next change is
 * looked for among the moments at which clocks, by each offset that is in force
 * these days, show when something begins or ends, and those at which they are
 * changed. Pure: no query, no state.
 */
#include "postgres.h"

#include <ctype.h>

#include "datatype/timestamp.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "base/json.h"
#include "places/hours.h"

#define DAY_MINUTES	   (24 * 60)
#define WEEK_DAYS	   7
#define MAX_INTERVALS  10
#define MAX_EXCEPTIONS 366
#define LOOK_AHEAD	   8 /* days */
#define MAX_OFFSETS	   8 /* that are in force within them, in any zone */

/* From and to, in minutes of the day on which it begins; `to` lies beyond its end when it runs over midnight. */
typedef struct OpenTime
{
	int from;
	int to;
} OpenTime;

typedef struct Day
{
	int count;
	OpenTime intervals[MAX_INTERVALS]; /* by `from` */
} Day;

typedef struct ExceptionDay
{
	int date; /* Julian day */
	Day day;
} ExceptionDay;

struct SSHours
{
	Day week[WEEK_DAYS]; /* from Monday on */
	int count;
	ExceptionDay *exceptions;
};

/* A moment as clocks show it. */
typedef struct Local
{
	int date;		 /* Julian day */
	int64 time_usec; /* since midnight */
} Local;

static const char *const week_days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* --- reading ------------------------------------------------------------------------ */

/* HH:MM in minutes, 24:00 where it is an end; -1 for anything else. */
static int
minutes_of(const JsonbValue *value, bool end)
{
	const char *text = value->val.string.val;
	int minutes;

	if (value->type != jbvString || value->val.string.len != 5 || text[2] != ':' || !isdigit((unsigned char) text[0]) ||
		!isdigit((unsigned char) text[1]) || !isdigit((unsigned char) text[3]) || !isdigit((unsigned char) text[4]) ||
		text[3] > '5')
		return -1;
	minutes = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
	return minutes < DAY_MINUTES || (end && minutes == DAY_MINUTES) ? minutes : -1;
}

static int
compare_intervals(const void *a, const void *b)
{
	return ((const OpenTime *) a)->from - ((const OpenTime *) b)->from;
}

static OpenTime
read_interval(JsonbValue *value, const char *path, int n)
{
	JsonbContainer *pair = value->val.binary.data;
	OpenTime interval;

	if (value->type != jbvBinary || !JsonContainerIsArray(pair) || JsonContainerSize(pair) != 2)
		ss_bad_value("hours", "%s[%d] is not a pair of times such as [\"09:00\", \"18:00\"].", path, n);
	interval.from = minutes_of(getIthJsonbValueFromContainer(pair, 0), false);
	interval.to = minutes_of(getIthJsonbValueFromContainer(pair, 1), true);
	if (interval.from < 0 || interval.to < 0)
		ss_bad_value("hours", "%s[%d][%d] is not a time from 00:00 to %s.", path, n, interval.from < 0 ? 0 : 1,
					 interval.from < 0 ? "23:59" : "24:00");
	if (interval.to <= interval.from)
		interval.to += DAY_MINUTES;
	return interval;
}

static void
read_day(JsonbValue *value, const char *path, Day *day)
{
	JsonbContainer *list = value->val.binary.data;

	if (value->type != jbvBinary || !JsonContainerIsArray(list))
		ss_bad_value("hours", "%s is not a list.", path);
	if (JsonContainerSize(list) > MAX_INTERVALS)
		ss_bad_value("hours", "%s has more than %d intervals.", path, MAX_INTERVALS);
	day->count = JsonContainerSize(list);
	for (int i = 0; i < day->count; i++)
		day->intervals[i] = read_interval(getIthJsonbValueFromContainer(list, i), path, i);
	qsort(day->intervals, day->count, sizeof(OpenTime), compare_intervals);
	for (int i = 1; i < day->count; i++)
	{
		if (day->intervals[i].from < day->intervals[i - 1].to)
			ss_bad_value("hours", "%s has intervals that overlap.", path);
	}
}

/* YYYY-MM-DD as a Julian day; -1 for anything else. */
static int
date_of(const char *text, int length)
{
	int year;
	int month;
	int day;

	for (int i = 0; i < length; i++)
	{
		if (i == 4 || i == 7 ? text[i] != '-' : !isdigit((unsigned char) text[i]))
			return -1;
	}
	if (length != 10)
		return -1;
	year = (int) strtol(text, NULL, 10);
	month = (int) strtol(text + 5, NULL, 10);
	day = (int) strtol(text + 8, NULL, 10);
	if (year == 0 || month < 1 || month > MONTHS_PER_YEAR || day < 1 || day > day_tab[isleap(year)][month - 1])
		return -1;
	return date2j(year, month, day);
}

/* The exceptions of the document by their dates, NULL where it has none. */
static JsonbContainer *
exceptions_of(Jsonb *document)
{
	JsonbValue *value = ss_document_get(document, "exceptions");

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		ss_bad_value("hours", "exceptions is not an object.");
	return value->val.binary.data;
}

static void
read_exceptions(JsonbContainer *exceptions, SSHours *hours)
{
	JsonbIterator *iterator;
	JsonbValue key;
	JsonbValue list;

	if (JsonContainerSize(exceptions) > MAX_EXCEPTIONS)
		ss_bad_value("hours", "exceptions has more than %d dates.", MAX_EXCEPTIONS);
	iterator = JsonbIteratorInit(exceptions);
	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		char *date = pnstrdup(key.val.string.val, key.val.string.len);
		ExceptionDay *exception;

		(void) JsonbIteratorNext(&iterator, &list, true);
		hours->exceptions = ss_array_grow(hours->exceptions, hours->count, sizeof(ExceptionDay));
		exception = &hours->exceptions[hours->count++];
		exception->date = date_of(date, key.val.string.len);
		if (exception->date < 0)
			ss_bad_value("hours", "exceptions.%s is not a date such as 2026-12-25.", date);
		read_day(&list, psprintf("exceptions.%s", date), &exception->day);
	}
}

SSHours *
ss_hours_read(Jsonb *document)
{
	static const char *const keys[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", "exceptions", NULL};
	SSHours *hours = palloc0(sizeof(SSHours));
	JsonbContainer *exceptions;

	ss_check_keys(document, "hours", keys);
	for (int i = 0; i < WEEK_DAYS; i++)
	{
		JsonbValue *list = ss_document_get(document, week_days[i]);

		if (list != NULL)
			read_day(list, week_days[i], &hours->week[i]);
	}
	exceptions = exceptions_of(document);
	if (exceptions != NULL)
		read_exceptions(exceptions, hours);
	return hours;
}

/* --- open or not ---------------------------------------------------------------------- */

/* From Monday on; j2day has Sunday as 0. */
static int
week_day(int date)
{
	return (j2day(date) + 6) % WEEK_DAYS;
}

static const Day *
day_of(const SSHours *hours, int date)
{
	for (int i = 0; i < hours->count; i++)
	{
		if (hours->exceptions[i].date == date)
			return &hours->exceptions[i].day;
	}
	return &hours->week[week_day(date)];
}

static Local
local_at(pg_tz *zone, TimestampTz at)
{
	struct pg_tm tm;
	fsec_t fsec;
	int offset;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
		ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"));
	return (Local){date2j(tm.tm_year, tm.tm_mon, tm.tm_mday),
				   ((int64) tm.tm_hour * SECS_PER_HOUR + tm.tm_min * SECS_PER_MINUTE + tm.tm_sec) * USECS_PER_SEC +
					   fsec};
}

/* Has the day an interval that is open at that time, in microseconds since its midnight? */
static bool
day_open(const Day *day, int64 time_usec)
{
	for (int i = 0; i < day->count; i++)
	{
		if (time_usec >= day->intervals[i].from * (int64) USECS_PER_MINUTE &&
			time_usec < day->intervals[i].to * (int64) USECS_PER_MINUTE)
			return true;
	}
	return false;
}

bool
ss_hours_open(const SSHours *hours, pg_tz *zone, TimestampTz at)
{
	Local local = local_at(zone, at);

	return day_open(day_of(hours, local.date), local.time_usec) ||
		   day_open(day_of(hours, local.date - 1), local.time_usec + USECS_PER_DAY);
}

/* The same as day_of, of the document. */
static Day
stored_day(Jsonb *document, int date)
{
	JsonbContainer *exceptions = exceptions_of(document);
	const char *name = week_days[week_day(date)];
	JsonbValue *list = NULL;
	Day day = {0};

	if (exceptions != NULL)
	{
		const char *text = ss_json_date_text(date - POSTGRES_EPOCH_JDATE);

		list = getKeyJsonValueFromContainer(exceptions, text, strlen(text), NULL);
		if (list != NULL)
			name = text;
	}
	if (list == NULL)
		list = ss_document_get(document, name);
	if (list != NULL)
		read_day(list, name, &day);
	return day;
}

bool
ss_hours_stored_open(Jsonb *document, pg_tz *zone, TimestampTz at)
{
	Local local = local_at(zone, at);
	Day today = stored_day(document, local.date);
	Day yesterday;

	if (day_open(&today, local.time_usec))
		return true;
	yesterday = stored_day(document, local.date - 1);
	return day_open(&yesterday, local.time_usec + USECS_PER_DAY);
}

/* --- the next change ---------------------------------------------------------------------- */

/* The earliest moment found so far at which it is the other way round. */
typedef struct Search
{
	const SSHours *hours;
	pg_tz *zone;
	TimestampTz at;
	bool open; /* then */
	TimestampTz earliest;
	int noffsets;
	long offsets[MAX_OFFSETS]; /* seconds east of Greenwich */
} Search;

static void
try_moment(Search *search, TimestampTz moment)
{
	if (moment > search->at && moment < search->earliest &&
		ss_hours_open(search->hours, search->zone, moment) != search->open)
		search->earliest = moment;
}

static void
add_offset(Search *search, long offset)
{
	for (int i = 0; i < search->noffsets; i++)
	{
		if (search->offsets[i] == offset)
			return;
	}
	if (search->noffsets == MAX_OFFSETS)
		elog(ERROR, "a time zone changes its offset too often");
	search->offsets[search->noffsets++] = offset;
}

/* Which offsets are in force in these days; each moment at which another one comes is tried at once. */
static void
find_offsets(Search *search)
{
	pg_time_t from = timestamptz_to_time_t(search->at - USECS_PER_DAY);
	pg_time_t until = timestamptz_to_time_t(search->at + (LOOK_AHEAD + 1) * USECS_PER_DAY);

	for (;;)
	{
		long before;
		long after;
		int before_dst;
		int after_dst;
		pg_time_t boundary;
		int found = pg_next_dst_boundary(&from, &before, &before_dst, &boundary, &after, &after_dst, search->zone);

		if (found < 0)
			elog(ERROR, "could not look into a time zone");
		add_offset(search, before);
		if (found == 0 || boundary > until)
			return;
		add_offset(search, after);
		try_moment(search, time_t_to_timestamptz(boundary));
		from = boundary;
	}
}

/* Tries the moments at which clocks show that minute of the day. */
static void
try_minute(Search *search, int date, int minute)
{
	int64 local = (date - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY + minute * (int64) USECS_PER_MINUTE;

	for (int i = 0; i < search->noffsets; i++)
		try_moment(search, local - search->offsets[i] * USECS_PER_SEC);
}

bool
ss_hours_next_change(const SSHours *hours, pg_tz *zone, TimestampTz at, TimestampTz *change)
{
	TimestampTz end = at + LOOK_AHEAD * USECS_PER_DAY + 1;
	Search search = {hours, zone, at, ss_hours_open(hours, zone, at), end, 0, {0}};
	int today = local_at(zone, at).date;

	find_offsets(&search);
	for (int date = today - 1; date <= today + LOOK_AHEAD + 1; date++)
	{
		const Day *day = day_of(hours, date);

		try_minute(&search, date, 0); /* what is an exception, and what is not, changes at midnight */
		for (int i = 0; i < day->count; i++)
		{
			try_minute(&search, date, day->intervals[i].from);
			try_minute(&search, date, day->intervals[i].to);
		}
		/* nothing of a later day comes before its midnight, in any zone */
		if (search.earliest < (date + 1 - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY - MAX_TZDISP_HOUR * USECS_PER_HOUR)
			break;
	}
	*change = search.earliest;
	return search.earliest < end;
}
