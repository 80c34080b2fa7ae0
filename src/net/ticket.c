#include "net/ticket.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/host.h"
#include "sys/sha256.h"
#include "util/crc32c.h"
#include "util/xalloc.h"

enum { KEY_MAX = 256 << 10 };		/* octets */

_Static_assert((int)TICKET_NAME == (int)SHA256_HEX, "its name is a hash");

static const char magic[] = "posthaste TLS session 1\n";

/* ---- the file's octets: numbers are big-endian ---- */

void ticket_init(struct ticket *t)
{
	memset(t, 0, sizeof(*t));
	buf_init(&t->session, TICKET_MAX);
}

void ticket_release(struct ticket *t)
{
	buf_wipe(&t->session);
	buf_release(&t->session);
	free(t->cert.subject);
	free(t->cert.issuer);
	free(t->cert.names);
	free(t->cert.fingerprint);
	free(t->cert.pin);
	memset(&t->cert, 0, sizeof(t->cert));
}

static uint32_t sum(struct str s)
{
	struct crc32c c;

	crc32c_init(&c);
	crc32c_add(&c, s);
	return crc32c_value(&c);
}

static void put(struct buf *out, uint64_t n, unsigned octets)
{
	while (octets--)
		buf_addch(out, (char)(n >> 8 * octets));
}

static void put_text(struct buf *out, struct str s)
{
	put(out, s.n, 4);
	buf_add(out, s);
}

void ticket_format(struct buf *out, const struct ticket *t)
{
	const struct tls_cert *c = &t->cert;
	size_t start = out->len;

	buf_addz(out, magic);
	put(out, (uint64_t)t->judged, 8);
	put(out, (uint64_t)c->from, 8);
	put(out, (uint64_t)c->until, 8);
	put_text(out, str_of(c->subject));
	put_text(out, str_of(c->issuer));
	put_text(out, str_of(c->names));
	put_text(out, str_of(c->fingerprint));
	put_text(out, str_of(c->pin));
	put_text(out, buf_str(&t->session));
	if (!out->over)
		put(out, sum((struct str){ out->p + start, out->len - start }),
		    4);
}

/* False when fewer octets are left. */
static bool get(struct str *s, unsigned octets, uint64_t *n)
{
	*n = 0;
	if (s->n < octets)
		return false;
	while (octets--) {
		*n = *n << 8 | (unsigned char)*s->p++;
		s->n--;
	}
	return true;
}

static bool get_time(struct str *s, int64_t *when)
{
	uint64_t n;

	if (!get(s, 8, &n) || n > INT64_MAX)
		return false;
	*when = (int64_t)n;
	return true;
}

static bool get_bytes(struct str *s, struct str *out)
{
	uint64_t n;

	if (!get(s, 4, &n) || n > s->n)
		return false;
	*out = (struct str){ s->p, (size_t)n };
	s->p += n;
	s->n -= (size_t)n;
	return true;
}

static bool get_text(struct str *s, char **out)
{
	struct str text;

	if (!get_bytes(s, &text) || (text.n && memchr(text.p, '\0', text.n)))
		return false;
	*out = xstrndup(text.p, text.n);
	return true;
}

static bool parse(struct ticket *t, struct str s)
{
	struct tls_cert *c = &t->cert;
	struct str session;

	if (!get_time(&s, &t->judged) || !get_time(&s, &c->from) ||
	    !get_time(&s, &c->until) || !get_text(&s, &c->subject) ||
	    !get_text(&s, &c->issuer) || !get_text(&s, &c->names) ||
	    !get_text(&s, &c->fingerprint) || !get_text(&s, &c->pin) ||
	    !get_bytes(&s, &session) || s.n || !session.n)
		return false;
	buf_add(&t->session, session);
	return !t->session.over;
}

bool ticket_parse(struct ticket *t, struct str file)
{
	const size_t head = sizeof(magic) - 1;
	struct str end;
	uint64_t crc;

	if (file.n < head + 4 || file.n > TICKET_MAX ||
	    memcmp(file.p, magic, head))
		return false;
	end = (struct str){ file.p + file.n - 4, 4 };
	file.n -= 4;
	if (!get(&end, 4, &crc) || crc != sum(file))
		return false;
	file.p += head;
	file.n -= head;
	if (parse(t, file))
		return true;
	ticket_release(t);
	return false;
}

/* ---- the file's name ---- */

/* Lengths before texts: no two lists of them look alike. */
static void add(struct buf *key, const char *text)
{
	if (!text)
		text = "";
	buf_addf(key, "%zu:%s,", strlen(text), text);
}

static void add_file(struct buf *key, const char *path)
{
	struct stat st;

	add(key, path);
	if (path && *path && !stat(path, &st))
		buf_addf(key, "%llu.%llu.%lld.%lld.%ld.%lld.%ld,",
			 (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino,
			 (long long)st.st_size, (long long)st.st_mtim.tv_sec,
			 st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
			 st.st_ctim.tv_nsec);
}

/*
 * Where systems keep the authorities they trust, and what GnuTLS takes for
 * safe: most have one of these, and a few that matter are not files.
 */
static const char *const system_files[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/pki/ca-trust/source/blocklist",
	"/etc/ca-certificates/extracted/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
	"/usr/local/share/certs/ca-root-nss.crt",
	"/etc/gnutls/config",
};

void ticket_name(char name[TICKET_NAME], const struct tls_config *c)
{
	struct buf key;

	buf_init(&key, KEY_MAX);
	add(&key, magic);
	add(&key, gnutls_check_version(NULL));
	buf_addf(&key, "%lu,%u,%d,", (unsigned long)geteuid(), c->dane,
		 c->only_pins);
	add(&key, c->ticket_for);
	add(&key, c->known_as);
	add(&key, c->host);
	add(&key, c->domain);
	add(&key, c->priority);
	add(&key, c->pins);
	add(&key, c->fingerprints);
	add_file(&key, c->trust);
	add_file(&key, c->crl);
	add_file(&key, c->cert);
	add_file(&key, c->key);
	for (size_t i = 0; i < sizeof(system_files) / sizeof(*system_files);
	     i++)
		add_file(&key, system_files[i]);
	name[0] = '\0';
	if (!key.over)
		sha256_hex(buf_str(&key), name);
	buf_release(&key);
}

void ticket_directory(struct buf *out)
{
	if (host_directory("XDG_CACHE_HOME", "/.cache", out))
		buf_addz(out, "/posthaste/tls");
}

/* ---- the directory ---- */

/*
 * Make what is missing of `dir`, 0700, but only below what is ours: root with
 * a user's HOME must not leave a directory there that the user cannot use.
 */
static void make(const char *dir)
{
	char *path = xstrdup(dir);
	bool ours = false;
	struct stat st;

	for (char *p = path + 1; ; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (stat(path, &st) && (!ours || mkdir(path, 0700) ||
					stat(path, &st)))
			break;
		ours = st.st_uid == geteuid();
		*p = c;
		if (!c)
			break;
	}
	free(path);
}

static int open_directory(const char *dir)
{
	bool missing = false;
	struct error ignored;

	return dir_open(AT_FDCWD, dir, dir, &missing, &ignored);
}

/* A regular file of ours, closed to others and not too large; else -1. */
static int open_file(int dir, const char *name, size_t *size)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && !(st.st_mode & 077) &&
	    st.st_size > 0 && st.st_size <= TICKET_MAX) {
		*size = (size_t)st.st_size;
		return fd;
	}
	close(fd);
	return -1;
}

static bool read_file(struct ticket *t, int dir, const char *name)
{
	size_t size = 0;
	int fd = open_file(dir, name, &size);
	struct buf text;
	ssize_t n;
	bool ok;

	if (fd < 0)
		return false;
	buf_init(&text, TICKET_MAX);
	n = read(fd, buf_room(&text, size), size);
	close(fd);
	if (n > 0)
		buf_grew(&text, (size_t)n);
	ok = ticket_parse(t, buf_str(&text));
	buf_wipe(&text);
	buf_release(&text);
	return ok;
}

bool ticket_load(struct ticket *t, const char *dir, const char *name)
{
	int fd = open_directory(dir);
	bool ok;

	if (fd < 0)
		return false;
	ok = read_file(t, fd, name);
	if (!ok)
		unlinkat(fd, name, 0);
	close(fd);
	return ok;
}

void ticket_remove(const char *dir, const char *name)
{
	int fd = open_directory(dir);

	if (fd < 0)
		return;
	unlinkat(fd, name, 0);
	close(fd);
}

/* What there is; what has no room is removed unseen. */
struct listing {
	int dir;
	size_t n;
	struct kept_file {
		time_t when;
		char name[TICKET_NAME];
	} file[2 * TICKET_FILES];
};

static int list_one(void *ctx, const char *name, struct error *err)
{
	struct listing *l = ctx;
	struct stat st;

	(void)err;
	if (fstatat(l->dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	/* Others' half-written files are theirs for a minute. */
	if (strlen(name) != TICKET_NAME - 1) {
		if (st.st_mtime < clock_wall() - 60)
			unlinkat(l->dir, name, 0);
	} else if (l->n == sizeof(l->file) / sizeof(*l->file) ||
		   st.st_mtime < clock_wall() - TICKET_AGE) {
		unlinkat(l->dir, name, 0);
	} else {
		l->file[l->n].when = st.st_mtime;
		memcpy(l->file[l->n++].name, name, TICKET_NAME);
	}
	return 0;
}

static int newer(const void *a, const void *b)
{
	const struct kept_file *x = a, *y = b;

	return (x->when < y->when) - (x->when > y->when);
}

/* Make room for one more. */
static void prune(int dir)
{
	struct listing *l = xcalloc(1, sizeof(*l));
	struct error ignored;

	l->dir = dir;
	(void)dir_each(dir, "", list_one, l, &ignored);
	qsort(l->file, l->n, sizeof(*l->file), newer);
	while (l->n >= TICKET_FILES)
		unlinkat(dir, l->file[--l->n].name, 0);
	free(l);
}

static bool write_file(int dir, const char *name, struct str text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
			O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text.p, text.n) == (ssize_t)text.n;
	return !close(fd) && ok;
}

static void replace(int dir, const char *name, struct str text)
{
	char tmp[TICKET_NAME + 24];

	snprintf(tmp, sizeof(tmp), "%s.%ld", name, (long)getpid());
	unlinkat(dir, tmp, 0);		/* of a process that died */
	if (!write_file(dir, tmp, text) || renameat(dir, tmp, dir, name))
		unlinkat(dir, tmp, 0);
}

void ticket_save(const struct ticket *t, const char *dir, const char *name)
{
	struct stat st;
	struct buf text;
	int fd;

	buf_init(&text, TICKET_MAX);
	if (!buf_room(&text, TICKET_MAX))
		return;
	ticket_format(&text, t);
	fd = text.over ? -1 : open_directory(dir);
	if (fd < 0 && !text.over) {
		make(dir);
		fd = open_directory(dir);
	}
	if (fd >= 0) {
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
			prune(fd);
		replace(fd, name, buf_str(&text));
		close(fd);
	}
	buf_wipe(&text);
	buf_release(&text);
}
