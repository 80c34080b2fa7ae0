#include "spool/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sys/dir.h"
#include "sys/entropy.h"
#include "sys/host.h"
#include "util/xalloc.h"

enum { DAY = 24 * 60 * 60 };

static const char failed[] = "failed", corrupt[] = "corrupt";

static enum error_kind kind_of(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOLCK:
		return ERROR_SPACE;
	case EACCES:
	case EPERM:
		return ERROR_PERM;
	case ENOENT:
	case ENOTDIR:
	case EROFS:
		return ERROR_CREATE;
	}
	return ERROR_IO;
}

int store_error(const struct store *s, const char *what, const char *name,
		struct error *err)
{
	int error = errno;

	return error_set(err, kind_of(error), "the queue cannot %s '%s/%s': "
			 "%s", what, s->path, name, strerror(error));
}

/* ---- opening ---- */

void store_default(struct buf *out)
{
	const char *state = getenv("XDG_STATE_HOME");

	if (!geteuid()) {
		buf_addz(out, LOCALSTATEDIR "/spool/posthaste");
		return;
	}
	if (state && *state == '/') {
		buf_addz(out, state);
	} else {
		host_home(out);
		buf_addz(out, "/.local/state");
	}
	buf_addz(out, "/posthaste/spool");
}

/* Without the slashes at the end, which would follow a link. */
static char *without_slashes(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return xstrndup(path, n);
}

static int create(struct store *s, struct error *err)
{
	bool missing;

	if (dir_make(s->path, err))
		return -1;
	s->fd = dir_open(AT_FDCWD, s->path, s->path, &missing, err);
	if (s->fd < 0)
		return missing ? error_set(err, ERROR_CREATE, "the spool '%s' "
					   "went away again", s->path) : -1;
	/* Made while there is space; who needs them tries again. */
	mkdirat(s->fd, failed, 0700);
	mkdirat(s->fd, corrupt, 0700);
	fsync(s->fd);
	return 0;
}

int store_open(struct store *s, const char *path, bool make,
	       struct error *err)
{
	bool missing;

	*s = (struct store){ .path = without_slashes(path) };
	s->fd = dir_open(AT_FDCWD, s->path, s->path, &missing, err);
	if (s->fd < 0 && !missing)
		return error_wrap(err, "the spool");
	if (s->fd < 0 && !make)
		return 0;
	if (s->fd < 0 && create(s, err))
		return error_wrap(err, "the spool");
	s->in_memory = dir_volatile(s->fd);
	return 0;
}

void store_close(struct store *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	*s = (struct store){ .fd = -1 };
}

/* ---- ids ---- */

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	"abcdefghijklmnopqrstuvwxyz";	/* in the order of ASCII */

enum { BASE = sizeof(alphabet) - 1, HALF = STORE_ID / 2 };

static void spell(char *to, uint64_t n)
{
	for (size_t i = HALF; i--; n /= BASE)
		to[i] = alphabet[n % BASE];
}

/* Nine characters of microseconds last until 2398. */
void store_id(char id[STORE_ID_ROOM])
{
	struct timespec t;
	struct buf hex;

	clock_gettime(CLOCK_REALTIME, &t);
	buf_init(&hex, 16);
	entropy_hex(&hex, 8);
	spell(id, (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
	spell(id + HALF, strtoull(buf_cstr(&hex), NULL, 16));
	id[STORE_ID] = '\0';
	buf_release(&hex);
}

bool store_id_valid(struct str id)
{
	if (id.n < STORE_ID_MIN || id.n > STORE_ID_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (!id.p[i] || !strchr(alphabet, id.p[i]))
			return false;
	return true;
}

void store_name(char name[STORE_NAME_ROOM], char kind, const char *id)
{
	snprintf(name, STORE_NAME_ROOM, "%c.%.*s", kind, STORE_ID_MAX, id);
}

/* ---- listing ---- */

/*
 * False if it is gone.  What cannot be looked at now may be a good one all
 * the same: who opens it learns why.
 */
static bool look(int dir, const char *name, struct store_item *item)
{
	struct stat st;

	*item = (struct store_item){ .name = name };
	if (store_id_valid(str_of(name + 2)))
		snprintf(item->id, sizeof(item->id), "%s", name + 2);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno != ENOENT && *item->id;
	item->due = st.st_mtim.tv_sec;
	item->planned = st.st_ctim.tv_sec;
	item->size = (uint64_t)st.st_size;
	/* Two names: its writer's, or a stranger's, which entry_open tells. */
	item->odd = !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		    st.st_nlink > 2 || !*item->id;
	return true;
}

struct listing {
	int dir;
	int (*each)(void *ctx, const struct store_item *item,
		    struct error *err);
	void *ctx;
};

static int list_one(void *ctx, const char *name, struct error *err)
{
	struct listing *l = ctx;
	struct store_item item;

	if (name[0] != 'm' || name[1] != '.' || !look(l->dir, name, &item))
		return 0;
	return l->each(l->ctx, &item, err);
}

int store_each(const struct store *s,
	       int (*each)(void *ctx, const struct store_item *item,
			   struct error *err),
	       void *ctx, struct error *err)
{
	struct listing l = { s->fd, each, ctx };

	return s->fd < 0 ? 0 : dir_each(s->fd, s->path, list_one, &l, err);
}

bool store_look(const struct store *s, const char *id,
		struct store_item *item)
{
	char name[STORE_NAME_ROOM];

	if (s->fd < 0 || !store_id_valid(str_of(id)))
		return false;
	store_name(name, 'm', id);
	if (!look(s->fd, name, item))
		return false;
	item->name = id;	/* name ends with this function */
	return true;
}

bool store_due(const struct store_item *item, const struct retry_policy *p,
	       int64_t now)
{
	return item->due != STORE_HELD &&
	       retry_due(item->planned, item->due, now, p);
}

/* ---- sweeping ---- */

struct sweep {
	const struct store *s;
	int64_t now;
	size_t gone;
};

static bool stale(const struct sweep *w, const char *name)
{
	struct stat st;

	return !fstatat(w->s->fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode) && st.st_mtim.tv_sec < w->now - DAY;
}

/* A writer that lives holds the lock, whatever the clock says of its file. */
static bool abandoned(const struct sweep *w, const char *name)
{
	int fd;
	bool ours;

	if (!stale(w, name))
		return false;
	fd = openat(w->s->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		    O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ours = !flock(fd, LOCK_EX | LOCK_NB);
	close(fd);
	return ours;
}

static bool orphan(const struct sweep *w, const char *id)
{
	char name[STORE_NAME_ROOM];
	struct stat st;

	store_name(name, 'm', id);
	return fstatat(w->s->fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       errno == ENOENT;
}

static int sweep_one(void *ctx, const char *name, struct error *err)
{
	struct sweep *w = ctx;
	size_t n = strlen(name);
	bool drop = false;

	(void)err;
	if (n < 3 || name[1] != '.')
		return 0;
	if (name[n - 1] == '~')		/* of state_save() */
		drop = name[0] == 's' && stale(w, name);
	else if (!store_id_valid(str_of(name + 2)))
		return 0;
	else if (name[0] == 't')
		drop = abandoned(w, name);
	else if (name[0] == 's')
		drop = orphan(w, name + 2);
	if (drop && !unlinkat(w->s->fd, name, 0))
		w->gone++;
	return 0;
}

size_t store_sweep(const struct store *s, int64_t now)
{
	struct sweep w = { s, now, 0 };
	struct error ignored;

	if (s->fd >= 0)
		dir_each(s->fd, s->path, sweep_one, &w, &ignored);
	return w.gone;
}

/* ---- changes ---- */

int store_plan(const struct store *s, const char *id, int64_t due,
	       struct error *err)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT }, { .tv_sec = due }
	};
	char name[STORE_NAME_ROOM];

	store_name(name, 'm', id);
	if (utimensat(s->fd, name, times, AT_SYMLINK_NOFOLLOW))
		return store_error(s, "set the time of", name, err);
	return 0;
}

/* Remove m.ID and s.ID of a directory. */
static int remove_from(const struct store *s, int dir, const char *id,
		       struct error *err)
{
	char name[STORE_NAME_ROOM];

	store_name(name, 'm', id);
	if (unlinkat(dir, name, 0) && errno != ENOENT)
		return store_error(s, "remove", name, err);
	store_name(name, 's', id);
	unlinkat(dir, name, 0);
	return 0;
}

int store_remove(const struct store *s, const char *id, struct error *err)
{
	return remove_from(s, s->fd, id, err);
}

int store_sync(const struct store *s, struct error *err)
{
	int ret;

	do
		ret = fsync(s->fd);
	while (ret && errno == EINTR);
	return ret ? store_error(s, "write the directory", "", err) : 0;
}

/* Open a directory inside, made if it is missing; the caller closes. */
static int inside(const struct store *s, const char *name, struct error *err)
{
	char shown[600];
	bool missing;
	int fd;

	snprintf(shown, sizeof(shown), "%s/%s", s->path, name);
	if (mkdirat(s->fd, name, 0700) && errno != EEXIST)
		return store_error(s, "create", name, err);
	fd = dir_open(s->fd, name, shown, &missing, err);
	if (fd < 0 && missing)
		return error_set(err, ERROR_CREATE, "'%s' went away again",
				 shown);
	return fd;
}

/* Move an entry from one directory to the other, and have it there. */
static int move(const struct store *s, int from, int to, const char *id,
		struct error *err)
{
	char name[STORE_NAME_ROOM], state[STORE_NAME_ROOM];

	store_name(name, 'm', id);
	store_name(state, 's', id);
	if (renameat(from, name, to, name))
		return store_error(s, "move", name, err);
	if (to == s->fd)
		unlinkat(from, state, 0);
	else
		renameat(from, state, to, state);
	/* First where it is now, or a crash could leave it nowhere. */
	if (fsync(to) || fsync(from))
		return store_error(s, "write the directory of", name, err);
	return 0;
}

int store_fail(const struct store *s, const char *id, struct error *err)
{
	int dir = inside(s, failed, err);
	int ret;

	if (dir < 0)
		return -1;
	ret = move(s, s->fd, dir, id, err);
	close(dir);
	return ret;
}

int store_unfail(const struct store *s, const char *id, struct error *err)
{
	const struct timespec now[2] = {
		{ .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW }
	};
	char name[STORE_NAME_ROOM];
	int dir = inside(s, failed, err);
	int ret;

	if (dir < 0)
		return -1;
	store_name(name, 'm', id);
	utimensat(dir, name, now, AT_SYMLINK_NOFOLLOW);
	ret = move(s, dir, s->fd, id, err);
	close(dir);
	return ret;
}

int store_remove_failed(const struct store *s, const char *id,
			struct error *err)
{
	int dir = inside(s, failed, err);
	int ret;

	if (dir < 0)
		return -1;
	ret = remove_from(s, dir, id, err);
	if (!ret && fsync(dir))
		ret = store_error(s, "write the directory", failed, err);
	close(dir);
	return ret;
}

int store_each_failed(const struct store *s,
		      int (*each)(void *ctx, const struct store_item *item,
				  struct error *err),
		      void *ctx, struct error *err)
{
	struct listing l = { -1, each, ctx };
	bool missing = true;
	int ret = 0;

	if (s->fd >= 0)
		l.dir = dir_open(s->fd, failed, failed, &missing, err);
	if (l.dir < 0)
		return missing ? 0 : -1;
	ret = dir_each(l.dir, failed, list_one, &l, err);
	close(l.dir);
	return ret;
}

/*
 * A new name each time: were the same file there already, rename(2) would
 * leave both names and say that it is done.
 */
int store_quarantine(const struct store *s, const char *name,
		     struct error *err)
{
	char id[STORE_ID_ROOM], to[400];
	int dir = inside(s, corrupt, err);
	int ret = 0;

	if (dir < 0)
		return -1;
	store_id(id);
	snprintf(to, sizeof(to), "%.300s.%s", name, id);
	if (strchr(name, '/') || renameat(s->fd, name, dir, to))
		ret = store_error(s, "move to corrupt/", name, err);
	close(dir);
	return ret;
}
