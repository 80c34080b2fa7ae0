#include "smtp/ehlo.h"

#include <string.h>

enum { AUTH_MAX = 4096 };		/* octets of mechanism names kept */

void ehlo_init(struct ehlo *e)
{
	*e = (struct ehlo){ .caps = 0 };
	buf_init(&e->auth, AUTH_MAX);
}

void ehlo_release(struct ehlo *e)
{
	buf_release(&e->auth);
}

static void size_arg(struct ehlo *e, struct str arg)
{
	if (!str_u64(str_trim(arg), INT64_MAX, &e->size_max))
		e->size_max = 0;
}

/* Relays of the old school say AUTH twice, or "AUTH=": names add up. */
static void auth_arg(struct ehlo *e, struct str arg)
{
	while (arg.n) {
		struct str name = str_trim(str_cut(&arg, ' '));

		if (!name.n || str_has_ctl(name))
			continue;
		if (e->auth.len)
			buf_addch(&e->auth, ' ');
		buf_add(&e->auth, name);
	}
}

static void limits_arg(struct ehlo *e, struct str arg)
{
	while (arg.n) {
		struct str value = str_cut(&arg, ' ');
		struct str name = str_cut(&value, '=');
		uint64_t n;

		if (!str_u64(value, UINT32_MAX, &n) || !n)
			continue;
		if (str_caseeq(name, STR("RCPTMAX")))
			e->rcpt_max = n;
		if (str_caseeq(name, STR("MAILMAX")))
			e->mail_max = n;
	}
}

static void hold_arg(struct ehlo *e, struct str arg)
{
	if (!str_u64(str_cut(&arg, ' '), UINT32_MAX, &e->hold_max))
		e->hold_max = 0;
}

static void by_arg(struct ehlo *e, struct str arg)
{
	if (!str_u64(str_cut(&arg, ' '), UINT32_MAX, &e->by_min))
		e->by_min = 0;
}

/* To learn an extension, add a line here and a bit in ehlo.h. */
static const struct {
	const char *keyword;
	enum ehlo_cap cap;
	void (*arg)(struct ehlo *e, struct str arg);
} keywords[] = {
	{ "STARTTLS",            CAP_STARTTLS,   NULL },
	{ "PIPELINING",          CAP_PIPELINING, NULL },
	{ "SIZE",                CAP_SIZE,       size_arg },
	{ "8BITMIME",            CAP_8BITMIME,   NULL },
	{ "SMTPUTF8",            CAP_SMTPUTF8,   NULL },
	{ "DSN",                 CAP_DSN,        NULL },
	{ "AUTH",                CAP_AUTH,       auth_arg },
	{ "CHUNKING",            CAP_CHUNKING,   NULL },
	{ "BINARYMIME",          CAP_BINARYMIME, NULL },
	{ "ENHANCEDSTATUSCODES", CAP_ENHANCED,   NULL },
	{ "LIMITS",              CAP_LIMITS,     limits_arg },
	{ "REQUIRETLS",          CAP_REQUIRETLS, NULL },
	{ "DELIVERBY",           CAP_DELIVERBY,  by_arg },
	{ "FUTURERELEASE",       CAP_HOLD,       hold_arg },
	{ "MT-PRIORITY",         CAP_PRIORITY,   NULL },
};

static void one_line(struct ehlo *e, struct str line)
{
	struct str word = str_cut(&line, ' ');

	/* "AUTH=LOGIN PLAIN", as Exchange once said it. */
	if (str_casestarts(word, STR("AUTH="))) {
		auth_arg(e, (struct str){ word.p + 5, word.n - 5 });
		word.n = 4;
	}
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		if (!str_caseeq(word, str_of(keywords[i].keyword)))
			continue;
		e->caps |= keywords[i].cap;
		if (keywords[i].arg)
			keywords[i].arg(e, line);
	}
}

void ehlo_parse(struct ehlo *e, struct str text)
{
	struct buf auth = e->auth;

	buf_reset(&auth);
	*e = (struct ehlo){ .auth = auth };
	str_cut(&text, '\n');	/* the first line greets us */
	for (int i = 0; text.n && i < EHLO_LINES_MAX; i++)
		one_line(e, str_trim(str_cut(&text, '\n')));
}

void ehlo_ignore(struct ehlo *e, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, ", \t");
		struct str word = { list, n };

		for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
			if (str_caseeq(word, str_of(keywords[i].keyword)))
				e->caps &= ~(unsigned)keywords[i].cap;
		list += n + (list[n] != '\0');
	}
}

const char *ehlo_keyword(enum ehlo_cap cap)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (keywords[i].cap == cap)
			return keywords[i].keyword;
	return "";
}
