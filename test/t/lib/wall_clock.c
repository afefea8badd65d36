/*
 * wall_clock.c: a clock on the wall that a test can set, for a whole server.
 *
 * Preloaded (LD_PRELOAD) into a server, its workers included. The time of day
 * is the machine's plus so many seconds as the file that WALL_CLOCK names
 * holds, eight bytes, mapped by every process. The monotonic clock goes on as
 * it does when an administrator sets the time. libfaketime would do, but that
 * its select() leaves processes unfaked that a server before PostgreSQL 16
 * forks in the middle of it, as it does with background workers.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead;

__attribute__((constructor)) static void
find_file(void)
{
	const char *name = getenv("WALL_CLOCK");
	int file = name == NULL ? -1 : open(name, O_RDONLY);
	void *map = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, file, 0);

	if (map == MAP_FAILED)
		abort();
	ahead = map;
	close(file);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int) syscall(SYS_clock_gettime, clock, now);

	if (result == 0 && ahead != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += *ahead;
	return result;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	(void) zone;
	clock_gettime(CLOCK_REALTIME, &precise);
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *now)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	if (now != NULL)
		*now = precise.tv_sec;
	return precise.tv_sec;
}
