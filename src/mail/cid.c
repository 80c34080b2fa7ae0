#include "mail/cid.h"

#include <string.h>

#include "util/utf8.h"

enum {
	CID_MAX = 200,		/* octets of a Content-ID */
	CID_NAME_MAX = 40,	/* of a file's name in an id of ours */
	CID_URL_MAX = 1000	/* of a reference, after "cid:" */
};

static void decode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		struct str after = { s.p + i + 1, s.n - i - 1 };
		int octet = s.p[i] == '%' ? str_hex(after) : -1;

		if (octet >= 0) {
			buf_addch(out, (char)octet);
			i += 2;
		} else {
			buf_addch(out, s.p[i]);
		}
	}
}

/*
 * The URL after "cid:" at s: to the quote it stands in, or what ends a URL
 * that stands in none.
 */
static size_t url_len(struct str s, char before)
{
	const char *ends = before == '"' ? "\"<>" : before == '\'' ? "'<>" :
			   "\"'<>()& \t;";
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] >= ' ' &&
	       !strchr(ends, s.p[n]))
		n++;
	return n <= CID_URL_MAX ? n : 0;
}

static struct cid *find(struct str url, struct cid *cid, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(cid[i].id, url))
			return &cid[i];
	for (size_t i = 0; i < n; i++)
		if (cid[i].name.n && str_eq(cid[i].name, url))
			return &cid[i];
	return NULL;
}

/* Where the next reference begins, after its "cid:"; or the end. */
static size_t next_ref(struct str html, size_t at)
{
	while (at < html.n) {
		const char *colon = memchr(html.p + at, ':', html.n - at);
		size_t n = colon ? (size_t)(colon - html.p) : html.n;

		if (!colon)
			break;
		at = n + 1;
		if (n >= 4 && strchr("\"'(=;", html.p[n - 4]) &&
		    str_caseeq((struct str){ colon - 3, 3 }, STR("cid")))
			return at;
	}
	return html.n;
}

void cid_resolve(struct buf *out, struct str html, struct cid *cid, size_t n,
		 struct roster *missing)
{
	size_t done = 0, at = 0;

	while ((at = next_ref(html, at)) < html.n) {
		struct str url = { html.p + at, 0 };
		struct error ignored;
		struct cid *part;
		struct buf id;

		url.n = url_len((struct str){ url.p, html.n - at },
				html.p[at - 5]);
		if (!url.n)
			continue;
		buf_init(&id, url.n);
		decode(&id, url);
		part = find(buf_str(&id), cid, n);
		if (!part) {
			roster_add(missing, url, &ignored);
		} else {
			part->shown = true;
			if (!str_eq(part->id, buf_str(&id))) {
				buf_add(out, (struct str){ html.p + done,
							   at - done });
				buf_add(out, part->id);
				done = at + url.n;
			}
		}
		at += url.n;
		buf_release(&id);
	}
	buf_add(out, (struct str){ html.p + done, html.n - done });
}

static bool plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

void cid_make(struct buf *out, struct str name, size_t i, const char *unique,
	      const char *mailname)
{
	struct str host = str_of(mailname);

	for (size_t k = 0; k < name.n && k < CID_NAME_MAX; k++)
		if (plain(name.p[k]))
			buf_addch(out, name.p[k]);
		else if (name.p[k] == '.' && out->len &&
			 out->p[out->len - 1] != '.')
			buf_addch(out, '.');
	if (out->len && out->p[out->len - 1] != '.')
		buf_addch(out, '.');
	buf_addf(out, "%zu.%s@", i + 1, unique);
	if (host.n && host.n <= 64 && !str_has_8bit(host))
		buf_add(out, host);
	else
		buf_addz(out, "mail");
}

int cid_check(struct buf *out, struct str given, struct error *err)
{
	struct str id = given;
	bool good;

	if (id.n >= 2 && *id.p == '<' && id.p[id.n - 1] == '>') {
		id.p++;
		id.n -= 2;
	}
	good = id.n && id.n <= CID_MAX;
	for (size_t i = 0; i < id.n && good; i++)
		good = id.p[i] > ' ' && id.p[i] < 127 &&
		       !strchr("<>\"'()&%;", id.p[i]);
	if (!good) {
		struct buf shown;

		buf_init(&shown, 200);
		utf8_escape(&shown, given);
		error_set(err, ERROR_DATA, "cid '%s' is no content id: up to "
			  "%d letters, digits and such", buf_cstr(&shown),
			  CID_MAX);
		buf_release(&shown);
		return -1;
	}
	buf_add(out, id);
	return 0;
}
