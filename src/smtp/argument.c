#include "smtp/argument.h"

#include "mail/address.h"
#include "mail/xtext.h"

enum {
	PATH_MAX_OCTETS = ADDRESS_MAX + 16,
	ORCPT_MAX = 500		/* octets, RFC 3461 s4.2 */
};

static const char *const no_utf8 =
	"553 5.6.7 an address that is not ASCII needs SMTPUTF8";

void mail_argument_init(struct mail_argument *m)
{
	*m = (struct mail_argument){ .ret = "" };
	buf_init(&m->from, PATH_MAX_OCTETS);
	buf_init(&m->envid, XTEXT_ENVID_MAX);
}

void mail_argument_release(struct mail_argument *m)
{
	buf_release(&m->from);
	buf_release(&m->envid);
}

void rcpt_argument_init(struct rcpt_argument *r)
{
	*r = (struct rcpt_argument){ .notify = "" };
	buf_init(&r->addr, PATH_MAX_OCTETS);
	buf_init(&r->orcpt, ORCPT_MAX);
}

void rcpt_argument_release(struct rcpt_argument *r)
{
	buf_release(&r->addr);
	buf_release(&r->orcpt);
}

static struct str skip_blanks(struct str s)
{
	while (s.n && *s.p == ' ') {
		s.p++;
		s.n--;
	}
	return s;
}

/* The length of the path s begins with; a ">" in quotes does not end it. */
static size_t path_len(struct str s)
{
	bool brackets = s.n && *s.p == '<';
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && brackets && s.p[i] == '>')
			return i + 1;
		else if (!quoted && !brackets && s.p[i] == ' ')
			return i;
	}
	return quoted || brackets ? 0 : s.n;
}

/* Take "FROM:" or "TO:" and the path off *text; false if it is none. */
static bool take_path(struct str *text, struct str word, struct buf *path)
{
	struct error err;
	size_t n;

	if (!str_casestarts(*text, word))
		return false;
	*text = skip_blanks((struct str){ text->p + word.n,
			    text->n - word.n });
	n = path_len(*text);
	if (!n || address_one(path, (struct str){ text->p, n }, &err) ||
	    path->over)
		return false;
	text->p += n;
	text->n -= n;
	/* "<a@b>SIZE=1" is nothing we should guess about. */
	return !text->n || *text->p == ' ';
}

/* ---- parameters ---- */

static const char *mail_size(void *to, struct str value)
{
	struct mail_argument *m = to;

	return str_u64(value, INT64_MAX, &m->size) ? NULL :
		"501 5.5.4 SIZE takes a number of octets";
}

static const char *mail_body(void *to, struct str value)
{
	struct mail_argument *m = to;

	m->body = str_caseeq(value, STR("8BITMIME")) ? BODY_8BIT : BODY_7BIT;
	return m->body == BODY_8BIT || str_caseeq(value, STR("7BIT")) ? NULL :
		"501 5.5.4 BODY is 7BIT or 8BITMIME";
}

static const char *mail_utf8(void *to, struct str value)
{
	struct mail_argument *m = to;

	m->utf8 = true;
	return value.n ? "501 5.5.4 SMTPUTF8 takes no value" : NULL;
}

static const char *mail_ret(void *to, struct str value)
{
	struct mail_argument *m = to;
	struct error err;

	return xtext_ret(value, &m->ret, &err) ?
		"501 5.5.4 RET is FULL or HDRS" : NULL;
}

static const char *mail_envid(void *to, struct str value)
{
	struct mail_argument *m = to;
	struct error err;

	if (xtext_envid(value, &err))
		return "501 5.5.4 ENVID is xtext of at most 100 characters";
	buf_add(&m->envid, value);
	return NULL;
}

/* RFC 4954 s5: who was first to submit it; nobody we need to believe. */
static const char *mail_auth(void *to, struct str value)
{
	(void)to;
	return str_eq(value, STR("<>")) || xtext_valid(value) ? NULL :
		"501 5.5.4 AUTH is <> or xtext";
}

static const char *rcpt_notify(void *to, struct str value)
{
	struct rcpt_argument *r = to;
	struct error err;

	return xtext_notify(value, &r->notify, &err) ?
		"501 5.5.4 NOTIFY is NEVER or a list of SUCCESS, FAILURE, "
		"DELAY" : NULL;
}

static const char *rcpt_orcpt(void *to, struct str value)
{
	struct rcpt_argument *r = to;
	struct str rest = value;
	struct str type = str_cut(&rest, ';');

	if (value.n > ORCPT_MAX || !xtext_valid(type) || !xtext_valid(rest))
		return "501 5.5.4 ORCPT is a type, ';' and xtext";
	buf_add(&r->orcpt, value);
	return NULL;
}

struct parameter {
	struct str word;
	bool valued;
	const char *(*apply)(void *to, struct str value);
};

static const struct parameter mail_parameters[] = {
	{ { "SIZE", 4 },     true,  mail_size },	/* RFC 1870 */
	{ { "BODY", 4 },     true,  mail_body },	/* RFC 6152 */
	{ { "SMTPUTF8", 8 }, false, mail_utf8 },	/* RFC 6531 */
	{ { "RET", 3 },      true,  mail_ret },		/* RFC 3461 */
	{ { "ENVID", 5 },    true,  mail_envid },
	{ { "AUTH", 4 },     true,  mail_auth },	/* RFC 4954 */
	{ { NULL, 0 },       false, NULL }
};

static const struct parameter rcpt_parameters[] = {
	{ { "NOTIFY", 6 }, true,  rcpt_notify },	/* RFC 3461 */
	{ { "ORCPT", 5 },  true,  rcpt_orcpt },
	{ { NULL, 0 },     false, NULL }
};

/* Apply each parameter of text to `to`; each may be given once. */
static const char *parameters(const struct parameter *known, void *to,
			      struct str text)
{
	unsigned seen = 0;
	const char *wrong;

	while ((text = skip_blanks(text)).n) {
		struct str item = str_cut(&text, ' ');
		struct str value = item;
		struct str word = str_cut(&value, '=');
		bool equals = word.n < item.n;
		size_t i = 0;

		while (known[i].apply && !str_caseeq(known[i].word, word))
			i++;
		if (!known[i].apply)
			return "555 5.5.4 a parameter is not known here";
		if (seen & 1u << i ||
		    (!value.n && (known[i].valued || equals)))
			return "501 5.5.4 a parameter is there twice, or "
				"without its value";
		seen |= 1u << i;
		wrong = known[i].apply(to, value);
		if (wrong)
			return wrong;
	}
	return NULL;
}

const char *mail_argument_parse(struct mail_argument *m, struct str text)
{
	const char *wrong;

	mail_argument_release(m);
	mail_argument_init(m);
	if (!take_path(&text, STR("FROM:"), &m->from))
		return "501 5.1.7 it is MAIL FROM:<address>";
	wrong = parameters(mail_parameters, m, text);
	if (!wrong && !m->utf8 && str_has_8bit(buf_str(&m->from)))
		return no_utf8;
	return wrong;
}

const char *rcpt_argument_parse(struct rcpt_argument *r, struct str text,
				bool utf8)
{
	rcpt_argument_release(r);
	rcpt_argument_init(r);
	if (!take_path(&text, STR("TO:"), &r->addr) || !r->addr.len)
		return "501 5.1.3 it is RCPT TO:<address>";
	if (!utf8 && str_has_8bit(buf_str(&r->addr)))
		return no_utf8;
	return parameters(rcpt_parameters, r, text);
}
