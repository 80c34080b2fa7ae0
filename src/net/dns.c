#include "net/dns.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	HEADER = 12,			/* octets */
	LABEL_MAX = 63,
	POINTERS_MAX = 32,		/* in one name */
	ALIASES_MAX = 8,		/* CNAMEs, one after the other */
	TYPE_CNAME = 5, TYPE_SRV = 33, CLASS_IN = 1,
	FLAG_ANSWER = 0x8000, FLAG_OPCODE = 0x7800, FLAG_CUT = 0x0200,
	RCODE = 0x000f, NXDOMAIN = 3
};

/* A reader of the message; past its end everything is 0 and `bad`. */
struct cursor {
	struct str all;
	size_t at;
	bool bad;
};

/* A name as text; `odd` if it has octets that no host's name has. */
struct name {
	char text[DNS_NAME_MAX + 1];
	size_t n;
	bool odd;
};

struct record {
	struct name owner;
	unsigned type, class;
	size_t data, end;		/* where its data begin and end */
};

static unsigned get8(struct cursor *c)
{
	if (c->at >= c->all.n) {
		c->bad = true;
		return 0;
	}
	return (unsigned char)c->all.p[c->at++];
}

static unsigned get16(struct cursor *c)
{
	unsigned high = get8(c);

	return high << 8 | get8(c);
}

static void skip(struct cursor *c, size_t n)
{
	if (n > c->all.n - c->at)
		c->bad = true;
	else
		c->at += n;
}

static bool host_char(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		c == '_';
}

static void add_label(struct cursor *c, struct name *name, size_t n)
{
	if (n > LABEL_MAX || name->n + n + 1 > DNS_NAME_MAX) {
		c->bad = true;
		return;
	}
	if (name->n)
		name->text[name->n++] = '.';
	for (; n && !c->bad; n--) {
		char octet = (char)get8(c);

		if (!host_char(octet)) {
			name->odd = true;
			octet = '?';
		}
		name->text[name->n++] = octet;
	}
}

/* Each pointer has to lead further back than the last, so they end. */
static void get_name(struct cursor *c, struct name *name)
{
	size_t after = 0, back = c->at;
	unsigned pointers = 0;
	unsigned n;

	*name = (struct name){ .n = 0 };
	while ((n = get8(c)) && !c->bad) {
		if (n < 0xc0) {
			add_label(c, name, n);
			continue;
		}
		n = (n & 0x3f) << 8 | get8(c);
		if (!after)
			after = c->at;
		if (n >= back || ++pointers > POINTERS_MAX)
			c->bad = true;
		else
			c->at = back = n;
	}
	if (after)
		c->at = after;
	name->text[name->n] = '\0';
}

static void get_record(struct cursor *c, struct record *r)
{
	size_t n;

	get_name(c, &r->owner);
	r->type = get16(c);
	r->class = get16(c);
	skip(c, 4);			/* how long it may be kept */
	n = get16(c);
	r->data = c->at;
	skip(c, n);
	r->end = c->at;
}

static bool same_name(const struct name *a, const struct name *b)
{
	return !a->odd && !b->odd && str_caseeq((struct str){ a->text, a->n },
						(struct str){ b->text, b->n });
}

static bool is_about(const struct record *r, unsigned type,
		     const struct name *owner)
{
	return r->type == type && r->class == CLASS_IN &&
		same_name(&r->owner, owner);
}

/* Its data are to end where its name does. */
static void get_target(struct cursor *c, const struct record *r,
		       struct name *target)
{
	get_name(c, target);
	c->bad |= c->at != r->end;
}

/* "10.0.0.1" would be taken for an address. */
static bool like_address(const struct name *name)
{
	for (size_t i = name->n; i && name->text[i - 1] != '.'; i--)
		if (name->text[i - 1] < '0' || name->text[i - 1] > '9')
			return false;
	return name->n;
}

static void get_srv(struct cursor *c, const struct record *r,
		    struct dns_srv *srv, bool *good)
{
	struct name target;

	c->at = r->data;
	srv->priority = get16(c);
	srv->weight = get16(c);
	srv->port = get16(c);
	get_target(c, r, &target);
	memcpy(srv->target, target.text, sizeof(srv->target));
	*good = !target.odd && !like_address(&target) &&
		(srv->port || !target.n);
}

/* Follow one alias of *name; false if it is none. */
static bool follow(struct cursor c, unsigned records, struct name *name,
		   bool *bad)
{
	struct record r;

	while (records-- && !c.bad) {
		get_record(&c, &r);
		if (c.bad || !is_about(&r, TYPE_CNAME, name))
			continue;
		c.at = r.data;
		get_target(&c, &r, name);
		*bad |= c.bad || name->odd;
		return true;
	}
	*bad |= c.bad;
	return false;
}

static void collect(struct cursor *c, unsigned records,
		    const struct name *owner, struct dns_srv *out, size_t max,
		    size_t *n)
{
	struct record r;
	bool good;

	while (records-- && !c->bad && *n < max) {
		get_record(c, &r);
		if (c->bad || !is_about(&r, TYPE_SRV, owner))
			continue;
		get_srv(c, &r, &out[*n], &good);
		*n += good;
		c->at = r.end;
	}
}

/* The header and the question, which has to be ours. */
static enum dns_result get_header(struct cursor *c, const struct name *name,
				  unsigned *records)
{
	struct name asked;
	unsigned flags, questions;

	skip(c, 2);
	flags = get16(c);
	questions = get16(c);
	*records = get16(c);
	skip(c, 4);
	get_name(c, &asked);
	if (c->bad || !(flags & FLAG_ANSWER) || flags & FLAG_OPCODE ||
	    questions != 1 || !same_name(&asked, name) ||
	    get16(c) != TYPE_SRV || get16(c) != CLASS_IN || c->bad)
		return DNS_BAD;
	if ((flags & RCODE) == NXDOMAIN)
		return DNS_NONE;
	return flags & (RCODE | FLAG_CUT) ? DNS_FAILED : DNS_RECORDS;
}

enum dns_result dns_read_srv(struct str message, const char *name,
			     struct dns_srv *out, size_t max, size_t *n)
{
	struct cursor c = { .all = message };
	struct name owner = { .n = strlen(name) };
	unsigned records, aliases = 0;
	enum dns_result result;
	bool bad = false;

	*n = 0;
	if (owner.n > DNS_NAME_MAX)
		return DNS_BAD;
	memcpy(owner.text, name, owner.n);
	result = get_header(&c, &owner, &records);
	if (result != DNS_RECORDS)
		return result;
	while (follow(c, records, &owner, &bad))
		if (bad || ++aliases > ALIASES_MAX)
			return DNS_BAD;
	if (bad)
		return DNS_BAD;
	collect(&c, records, &owner, out, max, n);
	if (c.bad) {
		*n = 0;
		return DNS_BAD;
	}
	return *n ? DNS_RECORDS : DNS_NONE;
}
