#include "sys/host.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "sys/file.h"
#include "util/str.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum { SMALL_FILE = 256 << 10, NAME_MAX_HOST = 255 };	/* octets */

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v ? v : "";
}

bool host_is_name(struct str s)
{
	if (!s.n || s.n > NAME_MAX_HOST || s.p[0] == '.' ||
	    s.p[s.n - 1] == '.' || str_has_ctl(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" @<>()[]\\,;:\"/", s.p[i]))
			return false;
	return !str_caseeq(s, STR("localhost")) &&
	       !str_casestarts(s, STR("localhost."));
}

/* Whole text of a small file; nothing if it cannot be had. */
static void slurp(const char *path, struct buf *text)
{
	struct file_facts facts;
	struct error ignored;

	buf_init(text, SMALL_FILE);
	if (file_slurp(path, text, &facts, &ignored))
		buf_reset(text);
}

static bool from_mailname(struct buf *out)
{
	struct buf text;
	struct str rest, line;
	bool found;

	slurp("/etc/mailname", &text);
	rest = buf_str(&text);
	line = str_trim(str_cut(&rest, '\n'));
	found = host_is_name(line);
	if (found)
		buf_add(out, line);
	buf_release(&text);
	return found;
}

/* The name with a dot on a line of /etc/hosts that also names `host`. */
static struct str line_name(struct str line, struct str host)
{
	struct str full = STR("");
	bool ours = false;
	struct str w;

	line = str_cut(&line, '#');
	str_word(&line, " \t");			/* the address */
	while ((w = str_word(&line, " \t")).n) {
		if (str_caseeq(w, host))
			ours = true;
		if (!full.n && memchr(w.p, '.', w.n) && host_is_name(w))
			full = w;
	}
	return ours ? full : STR("");
}

struct str host_in_hosts(struct str hosts, struct str host)
{
	struct str full = STR("");

	while (hosts.n && !full.n)
		full = line_name(str_cut(&hosts, '\n'), host);
	return full;
}

static bool from_hosts(struct str host, struct buf *out)
{
	struct buf text;
	struct str full;

	slurp("/etc/hosts", &text);
	full = host_in_hosts(buf_str(&text), host);
	buf_add(out, full);
	buf_release(&text);
	return full.n;
}

void host_mailname(const char *configured, struct buf *out)
{
	char name[NAME_MAX_HOST + 1];
	struct str host;

	if (*configured) {
		buf_addz(out, configured);
		return;
	}
	if (from_mailname(out))
		return;
	if (gethostname(name, sizeof(name)))
		name[0] = '\0';
	name[NAME_MAX_HOST] = '\0';
	host = str_of(name);
	if (!host_is_name(host))
		host = STR("unknown");
	else if (memchr(host.p, '.', host.n)) {
		buf_add(out, host);
		return;
	} else if (from_hosts(host, out))
		return;
	buf_add(out, host);
	buf_addz(out, ".localdomain");
}

/* The real uid's passwd entry; caller frees *mem. */
static bool find_user(struct passwd *pw, char **mem)
{
	struct passwd *found = NULL;
	size_t n = 1024;
	int no;

	do {
		n *= 2;
		*mem = xrealloc(n > 2048 ? *mem : NULL, n, 1);
		no = getpwuid_r(getuid(), pw, *mem, n, &found);
	} while (no == ERANGE && n < (1 << 20));
	return !no && found;
}

/* Could this be a login name?  The environment may hold anything. */
static bool is_login(struct str s)
{
	return s.n && s.n <= 64 && !str_has_ctl(s) && utf8_valid(s) &&
	       !strpbrk(s.p, " \t@<>,;:\"");
}

static void add_login(const struct passwd *pw, struct buf *out)
{
	if (pw && *pw->pw_name)
		buf_addz(out, pw->pw_name);
	else if (is_login(str_of(env("LOGNAME"))))
		buf_addz(out, env("LOGNAME"));
	else if (is_login(str_of(env("USER"))))
		buf_addz(out, env("USER"));
	else
		buf_addf(out, "uid%lu", (unsigned long)getuid());
}

void host_login(struct buf *out)
{
	struct passwd pw;
	char *mem = NULL;

	add_login(find_user(&pw, &mem) ? &pw : NULL, out);
	free(mem);
}

void host_gecos(const char *gecos, const char *login, struct buf *out)
{
	struct str rest = str_of(gecos);
	struct str name = str_trim(str_cut(&rest, ','));
	char first = login[0];

	if (str_has_ctl(name))
		return;
	if (first >= 'a' && first <= 'z')
		first = (char)(first - 'a' + 'A');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] != '&') {
			buf_addch(out, name.p[i]);
		} else if (first) {
			buf_addch(out, first);
			buf_addz(out, login + 1);
		}
	}
}

void host_full_name(struct buf *out)
{
	struct str name = str_trim(str_of(env("NAME")));
	struct passwd pw;
	char *mem = NULL;

	if (name.n && !str_has_ctl(name)) {
		buf_add(out, name);
		return;
	}
	if (find_user(&pw, &mem) && pw.pw_gecos)
		host_gecos(pw.pw_gecos, pw.pw_name, out);
	free(mem);
}

void host_home(struct buf *out)
{
	struct passwd pw;
	char *mem = NULL;

	if (*env("HOME")) {
		buf_addz(out, env("HOME"));
		return;
	}
	if (find_user(&pw, &mem) && pw.pw_dir)
		buf_addz(out, pw.pw_dir);
	free(mem);
}

bool host_directory(const char *variable, const char *below, struct buf *out)
{
	const char *dir = getenv(variable);
	struct buf home;
	bool whole;

	if (dir && *dir == '/') {
		buf_addz(out, dir);
		return true;
	}
	buf_init(&home, out->max);
	host_home(&home);
	whole = *buf_cstr(&home) == '/';
	if (whole)
		buf_addf(out, "%s%s", buf_cstr(&home), below);
	buf_release(&home);
	return whole;
}
