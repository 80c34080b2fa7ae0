#include "mail/date.h"

#include <stdio.h>

enum { DAY = 86400, ZONE_MAX = 24 * 60 - 1 };

static const int64_t first = -2208988800;	/* 1900-01-01 00:00:00 */
static const int64_t last = 253402300799;	/* 9999-12-31 23:59:59 */

static int64_t within(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

struct civil {
	int year, month, day;	/* month from 1 */
};

/*
 * Days since 1970-01-01 to a date.  Years are counted from March, so that the
 * day a leap year adds is the last, and months from March have a pattern of
 * five: 31 30 31 30 31, again, and 31 and what is left.
 */
static struct civil civil_of(int64_t days)
{
	int64_t d = days + 719468;		/* since 0000-03-01 */
	int64_t era = d / 146097;		/* of 400 years */
	int64_t in_era = d % 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 -
			in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t m = (5 * in_year + 2) / 153;	/* 0 is March */
	struct civil c;

	c.day = (int)(in_year - (153 * m + 2) / 5 + 1);
	c.month = (int)(m < 10 ? m + 3 : m - 9);
	c.year = (int)(era * 400 + year + (c.month <= 2 ? 1 : 0));
	return c;
}

void date_format(char out[DATE_MAX], int64_t seconds, int zone)
{
	static const char *const weekdays[] = { "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat", "Sun" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
		"May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int minutes = (int)within(zone, -ZONE_MAX, ZONE_MAX);
	int off = minutes < 0 ? -minutes : minutes;
	/* Shifted to 1900-01-01, a Monday, so that division rounds down. */
	int64_t t = within(within(seconds, first, last) + minutes * 60,
			   first, last) - first;
	struct civil c = civil_of(t / DAY + first / DAY);
	int s = (int)(t % DAY);

	snprintf(out, DATE_MAX, "%s, %d %s %d %02d:%02d:%02d %c%02d%02d",
		 weekdays[t / DAY % 7], c.day, months[c.month - 1], c.year,
		 s / 3600, s / 60 % 60, s % 60, minutes < 0 ? '-' : '+',
		 off / 60, off % 60);
}
