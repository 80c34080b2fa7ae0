/*
 * The least that a durable commit can cost: files written, synced, linked to
 * their name, and the directory synced, by hand.  commit [DIR [FILES [OCTETS]]]
 * prints the seconds; tests/bench/queue compares the program with it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 200, OCTETS = 2048, MOST = 1 << 20 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int commit(int dir, unsigned i, const char *text, size_t n)
{
	char from[32], to[32];
	int fd, bad;

	snprintf(from, sizeof(from), "t.%u", i);
	snprintf(to, sizeof(to), "m.%u", i);
	fd = openat(dir, from, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	bad = write(fd, text, n) != (ssize_t)n || fsync(fd) ||
		linkat(dir, from, dir, to, 0) || fsync(dir) ||
		unlinkat(dir, from, 0);
	close(fd);
	return bad ? -1 : 0;
}

static int commit_all(const char *path, unsigned files, size_t n)
{
	char *text = calloc(n + 1, 1);
	int dir = open(path, O_RDONLY | O_DIRECTORY);
	double start = now();
	int bad = !text || dir < 0;

	if (text)
		memset(text, 'x', n);
	for (unsigned i = 0; i < files && !bad; i++)
		bad = commit(dir, i, text, n);
	if (bad)
		perror(path);
	else
		printf("%u files of %zu octets: %.4f s\n", files, n,
		       now() - start);
	free(text);
	if (dir >= 0)
		close(dir);
	return bad;
}

static void clean(const char *path, unsigned files)
{
	char name[64];
	int dir = open(path, O_RDONLY | O_DIRECTORY);

	for (unsigned i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "m.%u", i);
		unlinkat(dir, name, 0);
	}
	close(dir);
	rmdir(path);
}

int main(int argc, char **argv)
{
	char own[] = "/tmp/posthaste-commit.XXXXXX";
	const char *path = argc > 1 ? argv[1] : mkdtemp(own);
	unsigned long files = argc > 2 ? strtoul(argv[2], NULL, 10) : FILES;
	unsigned long octets = argc > 3 ? strtoul(argv[3], NULL, 10) : OCTETS;
	int bad;

	if (!path || files > MOST || octets > MOST)
		return 2;
	bad = commit_all(path, (unsigned)files, octets);
	if (path == own)
		clean(path, (unsigned)files);
	return bad;
}
