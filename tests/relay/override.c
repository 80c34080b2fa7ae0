#include "relay/override.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

static const struct {
	const char *word;
	enum act act;
} acts[] = {
	{ "!close-after", ACT_CLOSE_AFTER },
	{ "!close", ACT_CLOSE },
	{ "!reset", ACT_RESET },
	{ "!silence", ACT_SILENCE },
	{ "!stop-reading", ACT_STOP },
	{ "!tls-garbage", ACT_GARBAGE },
	{ "!byte-by-byte", ACT_BYTES },
	{ "!repeat", ACT_REPEAT },
	{ "reply", ACT_REPLY },
};

static int hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, ascii_lower(c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* One escape at p (after the backslash); returns how much it took. */
static size_t escape(struct buf *b, const char *p)
{
	switch (*p) {
	case 'n':
		buf_addz(b, "\r\n");
		return 1;
	case 'r':
		buf_addch(b, '\r');
		return 1;
	case '0':
		buf_addch(b, '\0');
		return 1;
	case '\0':
		buf_addch(b, '\\');
		return 0;
	case 'x':
		if (hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			buf_addch(b, (char)(hex(p[1]) * 16 + hex(p[2])));
			return 3;
		}
		break;
	}
	buf_addch(b, *p);
	return 1;
}

/* Undo the escapes and end the last line, unless it ends in \c. */
static struct str reply_text(const char *p)
{
	struct buf b;
	struct str s;
	bool open = false;

	buf_init(&b, (size_t)1 << 20);
	while (*p) {
		if (*p != '\\') {
			buf_addch(&b, *p++);
			continue;
		}
		if (p[1] == 'c' && !p[2]) {
			open = true;
			break;
		}
		p++;
		p += escape(&b, p);
	}
	if (!open && b.len && b.p[b.len - 1] != '\n')
		buf_addz(&b, "\r\n");
	s = (struct str){ xstrndup(buf_cstr(&b), b.len), b.len };
	buf_release(&b);
	return s;
}

static int action(struct override *o, const char *p)
{
	o->act = ACT_REPLY;
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		size_t n = strlen(acts[i].word);

		if (strncmp(p, acts[i].word, n) || (p[n] && p[n] != ' '))
			continue;
		o->act = acts[i].act;
		p += n + (p[n] == ' ');
		break;
	}
	if (o->act == ACT_REPEAT) {
		char *end;

		o->times = strtoull(p, &end, 10);
		if (end == p || *end != ' ')
			return -1;
		p = end + 1;
	} else if (*p == '!') {
		return -1;
	}
	o->text = reply_text(p);
	return 0;
}

/* VERB[%conn][#n[+]] at *p, which is moved behind it. */
static int selector(struct override *o, const char **p)
{
	const char *at = *p;
	size_t n = 0;
	char *end;

	while (isalpha((unsigned char)*at) && n < sizeof(o->verb) - 1)
		o->verb[n++] = (char)toupper((unsigned char)*at++);
	if (!n)
		return -1;
	if (*at == '%') {
		o->conn = (unsigned)strtoul(at + 1, &end, 10);
		at = end;
	}
	if (*at == '#') {
		o->nth = (unsigned)strtoul(at + 1, &end, 10);
		at = end;
		o->onward = *at == '+';
		at += o->onward;
	}
	*p = at;
	return 0;
}

int override_add(struct config *conf, const char *text)
{
	struct override o = { .verb = "" };
	const char *p = text;
	const char *eq;

	if (conf->noverrides == OVERRIDES_MAX || selector(&o, &p))
		return -1;
	eq = strchr(p, '=');
	if (!eq || (*p != '@' && p != eq))
		return -1;
	if (*p == '@')
		o.glob = xstrndup(p + 1, (size_t)(eq - p - 1));
	if (action(&o, eq + 1)) {
		free(o.glob);
		return -1;
	}
	conf->overrides[conf->noverrides++] = o;
	return 0;
}

int fault_add(struct config *conf, const char *text)
{
	struct override o = { .verb = "" };
	const char *p = text;
	char *end;

	if (conf->nfaults == OVERRIDES_MAX || selector(&o, &p) ||
	    strcmp(o.verb, "CONTENT") || *p != ':')
		return -1;
	o.at = strtoull(p + 1, &end, 10);
	if (*end != ':' || action(&o, end + 1))
		return -1;
	conf->faults[conf->nfaults++] = o;
	return 0;
}

int delay_add(struct config *conf, const char *text)
{
	struct override o = { .verb = "" };
	struct delay *d = &conf->delays[conf->ndelays];

	if (conf->ndelays == DELAYS_MAX || selector(&o, &text) || *text != ':')
		return -1;
	memcpy(d->verb, o.verb, sizeof(d->verb));
	d->ms = (unsigned)strtoul(text + 1, NULL, 10);
	conf->ndelays++;
	return 0;
}

const struct override *override_find(const struct config *conf, const char *verb,
				     unsigned conn, unsigned nth, const char *arg)
{
	for (size_t i = 0; i < conf->noverrides; i++) {
		const struct override *o = &conf->overrides[i];

		if (strcmp(o->verb, verb) || (o->conn && o->conn != conn))
			continue;
		if (o->nth && (o->onward ? nth < o->nth : nth != o->nth))
			continue;
		if (o->glob && fnmatch(o->glob, arg, 0))
			continue;
		return o;
	}
	return NULL;
}

void override_release(struct override *o)
{
	free(o->glob);
	free((char *)o->text.p);
}
