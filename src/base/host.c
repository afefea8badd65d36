/*
 * host.c: processors and memory as the operating system tells (host.h).
 *
 * Called by metrics.c and health.c. Reads small files of /proc and
 * /sys/fs/cgroup, which cost microseconds; no state, no locks.
 */
#include "postgres.h"

#include <unistd.h>

#include "storage/fd.h"
#include "utils/timestamp.h"

#include "base/host.h"

/* Reads a small file; false if there is none. */
static bool
read_text(const char *path, char *text, size_t size)
{
	FILE *file = AllocateFile(path, "r");
	size_t length;

	if (file == NULL)
		return false;
	length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	FreeFile(file);
	return length > 0;
}

/* The number after a key at the beginning of a line; -1 if the key is not there. */
static double
number_after(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line != NULL; line = strchr(line, '\n'))
	{
		if (*line == '\n')
			line++;
		if (strncmp(line, key, length) == 0)
			return strtod(line + length, NULL);
	}
	return -1;
}

/* A file of this process' own group in cgroup v2; false where there is none. */
static bool
read_cgroup(const char *name, char *text, size_t size)
{
	char groups[4096];
	char path[MAXPGPATH];
	const char *group;

	if (!read_text("/proc/self/cgroup", groups, sizeof(groups)))
		return false;
	group = strncmp(groups, "0::", 3) == 0 ? groups : strstr(groups, "\n0::");
	if (group == NULL)
		return false;
	group = strchr(group, '/');
	if (group == NULL)
		return false;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s/%s", (int) strcspn(group, "\n"), group, name);
	return read_text(path, text, size);
}

/* Processors that this container may use, or that there are. */
static double
processors(void)
{
	char text[256];
	double quota;
	char *period;
	double count = (double) sysconf(_SC_NPROCESSORS_ONLN);

	if (!read_cgroup("cpu.max", text, sizeof(text)) || strncmp(text, "max", 3) == 0)
		return count;
	quota = strtod(text, &period);
	return Min(count, quota / Max(strtod(period, NULL), 1));
}

bool
ss_host_cpu(SSHostCpu *sample)
{
	char text[4096];
	double ticks[8] = {0};
	char *at = text + strlen("cpu ");

	if (read_cgroup("cpu.stat", text, sizeof(text)) && number_after(text, "usage_usec ") >= 0)
	{
		sample->used = number_after(text, "usage_usec ");
		sample->possible = (double) GetCurrentTimestamp() * processors();
		return true;
	}
	if (!read_text("/proc/stat", text, sizeof(text)) || strncmp(text, "cpu ", 4) != 0)
		return false;
	/* user, nice, system, idle, iowait, irq, softirq, steal */
	sample->possible = 0;
	for (size_t i = 0; i < lengthof(ticks); i++)
	{
		ticks[i] = strtod(at, &at);
		sample->possible += ticks[i];
	}
	sample->used = sample->possible - ticks[3] - ticks[4];
	return true;
}

double
ss_host_cpu_percent(const SSHostCpu *before, const SSHostCpu *now)
{
	double possible = now->possible - before->possible;

	if (before->possible <= 0 || possible <= 0)
		return -1;
	return Min(Max(100.0 * (now->used - before->used) / possible, 0.0), 100.0);
}

double
ss_host_memory_percent(void)
{
	char text[8192];
	char limit[64];
	double total;
	double unused;

	if (read_cgroup("memory.max", limit, sizeof(limit)) && strncmp(limit, "max", 3) != 0 &&
		read_cgroup("memory.current", text, sizeof(text)))
	{
		double used = strtod(text, NULL);

		/* what is cached of files and not in use is given away when it is asked for */
		if (read_cgroup("memory.stat", text, sizeof(text)))
			used -= Max(number_after(text, "inactive_file "), 0);
		return Min(Max(100.0 * used / Max(strtod(limit, NULL), 1), 0.0), 100.0);
	}
	if (!read_text("/proc/meminfo", text, sizeof(text)))
		return -1;
	total = number_after(text, "MemTotal:");
	unused = number_after(text, "MemAvailable:");
	if (total <= 0 || unused < 0)
		return -1;
	return 100.0 * (total - unused) / total;
}
