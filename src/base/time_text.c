/*
 * time_text.c: times that callers write as text, in documents (time_text.h).
 *
 * The server's own input takes words such as "tomorrow", months before days or
 * after them as DateStyle says, and the session's zone where there is none: the
 * same document would mean another moment in another session. Here a text has
 * one meaning. No state.
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/datetime.h"

#include "base/time_text.h"

bool
ss_time_from_local(struct pg_tm *local, fsec_t microseconds, pg_tz *zone, TimestampTz *result)
{
	struct pg_tm before;
	struct pg_tm there;
	TimestampTz earlier;
	fsec_t fsec;
	int offset = DetermineTimeZoneOffset(local, zone);
	int ignored;

	if (tm2timestamp(local, microseconds, &offset, result) != 0)
		return false;
	/* of two moments the server takes the later one; the other is found by what clocks showed a day before */
	if (timestamp2tm(*result - USECS_PER_DAY, &ignored, &before, &fsec, NULL, zone) != 0)
		return true;
	earlier = *result - (offset + before.tm_gmtoff) * USECS_PER_SEC;
	if (earlier < *result && timestamp2tm(earlier, &ignored, &there, &fsec, NULL, zone) == 0 &&
		there.tm_gmtoff == before.tm_gmtoff)
		*result = earlier;
	return true;
}

/* Takes `count` digits from the text; false if they are not there. */
static bool
take_digits(const char **text, int count, int *value)
{
	*value = 0;
	for (int i = 0; i < count; i++)
	{
		if (!isdigit((unsigned char) **text))
			return false;
		*value = *value * 10 + *(*text)++ - '0';
	}
	return true;
}

static bool
take_char(const char **text, const char *choices)
{
	if (**text == '\0' || strchr(choices, **text) == NULL)
		return false;
	(*text)++;
	return true;
}

/* YYYY-MM-DD */
static bool
take_date(const char **text, struct pg_tm *tm)
{
	return take_digits(text, 4, &tm->tm_year) && take_char(text, "-") && take_digits(text, 2, &tm->tm_mon) &&
		   take_char(text, "-") && take_digits(text, 2, &tm->tm_mday) && tm->tm_year > 0 && tm->tm_mon >= 1 &&
		   tm->tm_mon <= MONTHS_PER_YEAR && tm->tm_mday >= 1 &&
		   tm->tm_mday <= day_tab[isleap(tm->tm_year)][tm->tm_mon - 1];
}

/* Digits behind the point, rounded to microseconds. */
static bool
take_fraction(const char **text, fsec_t *microseconds)
{
	int unit = USECS_PER_SEC;

	if (!isdigit((unsigned char) **text))
		return false;
	for (; isdigit((unsigned char) **text); (*text)++)
	{
		if (unit == 1 && **text >= '5')
			(*microseconds)++;
		unit /= 10;
		*microseconds += (**text - '0') * unit;
	}
	return true;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.ffffff; 24:00 is the end of the day, and a second may be a leap one. */
static bool
take_time(const char **text, struct pg_tm *tm, fsec_t *microseconds)
{
	if (!take_digits(text, 2, &tm->tm_hour) || !take_char(text, ":") || !take_digits(text, 2, &tm->tm_min))
		return false;
	if (take_char(text, ":"))
	{
		if (!take_digits(text, 2, &tm->tm_sec) || (take_char(text, ".,") && !take_fraction(text, microseconds)))
			return false;
	}
	if (tm->tm_hour == HOURS_PER_DAY)
		return tm->tm_min == 0 && tm->tm_sec == 0 && *microseconds == 0;
	return tm->tm_hour < HOURS_PER_DAY && tm->tm_min < MINS_PER_HOUR && tm->tm_sec <= SECS_PER_MINUTE;
}

/* Z, +HH, +HHMM or +HH:MM; the offset is in seconds west of Greenwich. */
static bool
take_offset(const char **text, int *offset)
{
	bool west = **text == '-';
	int hours;
	int minutes = 0;

	*offset = 0;
	if (take_char(text, "Zz"))
		return true;
	if (!take_char(text, "+-") || !take_digits(text, 2, &hours))
		return false;
	if (take_char(text, ":") || isdigit((unsigned char) **text))
	{
		if (!take_digits(text, 2, &minutes))
			return false;
	}
	*offset = (hours * MINS_PER_HOUR + minutes) * SECS_PER_MINUTE * (west ? 1 : -1);
	return hours <= MAX_TZDISP_HOUR && minutes < MINS_PER_HOUR;
}

bool
ss_time_from_text(const char *text, pg_tz *zone, TimestampTz *result)
{
	struct pg_tm tm = {0};
	fsec_t microseconds = 0;
	int offset;

	if (!take_date(&text, &tm))
		return false;
	if (*text != '\0' && (!take_char(&text, "Tt ") || !take_time(&text, &tm, &microseconds)))
		return false;
	if (*text == '\0')
		return ss_time_from_local(&tm, microseconds, zone, result);
	return take_offset(&text, &offset) && *text == '\0' && tm2timestamp(&tm, microseconds, &offset, result) == 0;
}
