#include "mail/elapsed.h"

#include <stdio.h>
#include <string.h>

#include "util/str.h"

enum { BY_MAX = 999999999, DAY = 86400 };	/* seconds; RFC 2852 s4 */

/* "N;MODE".  False if it is nothing of the kind. */
static bool read_by(const char *text, uint64_t *seconds, struct str *mode)
{
	*mode = str_of(text);
	return str_u64(str_cut(mode, ';'), BY_MAX, seconds) && mode->n;
}

static bool returns(struct str mode)
{
	return mode.p[0] == 'R' || mode.p[0] == 'r';
}

static void age_by(struct elapsed *e, struct envelope *env, uint64_t age)
{
	struct str mode;
	uint64_t seconds;
	int64_t left;

	if (!read_by(env->deliver_by, &seconds, &mode))
		return;
	left = age < BY_MAX ? (int64_t)seconds - (int64_t)age : -BY_MAX;
	if (left < 1 && returns(mode))
		left = 1;
	snprintf(e->by, sizeof(e->by), "%lld;%.4s", (long long)left, mode.p);
	env->deliver_by = e->by;
}

/* Decimal digits at p, which are known to be some. */
static int number(const char *p, size_t n)
{
	int v = 0;

	while (n--)
		v = 10 * v + (*p++ - '0');
	return v;
}

/* Days since 1970-01-01 of a date of our calendar. */
static int64_t days(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;	/* years begin in March */
	int64_t m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day -
	       719469;
}

/* "2030-01-31T08:00:00Z", or with "+01:00", as seconds since 1970. */
static bool read_time(struct str s, int64_t *seconds)
{
	static const char shape[] = "9999-99-99T99:99:99";
	static const char zone[] = "x99:99";
	int64_t t;

	if (s.n != 20 && s.n != 25)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char want = i < 19 ? shape[i] : s.n == 20 ? 'x' : zone[i - 19];

		if (want == '9' ? s.p[i] < '0' || s.p[i] > '9' :
		    want != 'x' && s.p[i] != want)
			return false;
	}
	t = days(number(s.p, 4), number(s.p + 5, 2), number(s.p + 8, 2)) * DAY +
	    number(s.p + 11, 2) * 3600 + number(s.p + 14, 2) * 60 +
	    number(s.p + 17, 2);
	if (s.n == 25)
		t -= (s.p[19] == '-' ? -60 : 60) *
		     (number(s.p + 20, 2) * 60 + number(s.p + 23, 2));
	*seconds = t;
	return true;
}

static void age_hold(struct elapsed *e, struct envelope *env, uint64_t age,
		     int64_t now)
{
	struct str value = str_of(env->hold);
	struct str key = str_cut(&value, '=');
	uint64_t seconds;
	int64_t until;

	if (str_eq(key, STR("HOLDFOR")) &&
	    str_u64(value, UINT64_MAX, &seconds)) {
		snprintf(e->hold, sizeof(e->hold), "HOLDFOR=%llu",
			 (unsigned long long)(seconds - age));
		env->hold = seconds > age ? e->hold : "";
	} else if (str_eq(key, STR("HOLDUNTIL")) && read_time(value, &until) &&
		   until <= now) {
		env->hold = "";
	}
}

void elapsed_apply(struct elapsed *e, struct envelope *env, uint64_t age,
		   int64_t now)
{
	e->given_by = env->deliver_by;
	age_by(e, env, age);
	age_hold(e, env, age, now);
}

bool elapsed_overdue(const struct elapsed *e, uint64_t age)
{
	struct str mode;
	uint64_t seconds;

	return read_by(e->given_by, &seconds, &mode) && returns(mode) &&
	       age >= seconds;
}
