#include "sys/clock.h"

#include <limits.h>
#include <poll.h>
#include <time.h>

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_after(unsigned seconds)
{
	return seconds ? clock_ms() + (int64_t)seconds * 1000 : CLOCK_NEVER;
}

int clock_left(int64_t deadline)
{
	int64_t left;

	if (deadline == CLOCK_NEVER)
		return -1;
	left = deadline - clock_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

void clock_sleep(int64_t until)
{
	(void)poll(NULL, 0, clock_left(until));
}

int64_t clock_wall(void)
{
	return (int64_t)time(NULL);
}

int clock_zone(int64_t wall)
{
	time_t t = (time_t)wall;
	struct tm tm;

	return localtime_r(&t, &tm) ? (int)(tm.tm_gmtoff / 60) : 0;
}
