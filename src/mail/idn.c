#include "mail/idn.h"

#include <idn2.h>
#include <stdint.h>
#include <stdlib.h>

#include "mail/address.h"
#include "util/utf8.h"
#include "util/xalloc.h"

static int refuse(struct str domain, const char *why, struct error *err)
{
	struct buf shown;

	buf_init(&shown, 300);
	utf8_escape(&shown, domain);
	error_set(err, ERROR_DATA, "domain '%s' cannot be written in ASCII: %s",
		  shown.over ? "..." : buf_cstr(&shown), why);
	buf_release(&shown);
	return -1;
}

/*
 * What makes ASCII of other characters makes ">", "@" and blanks as well, out
 * of their full-width forms: none of that may come where syntax is.
 */
static bool is_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return s.n > 0;
}

int idn_domain(struct buf *out, struct str domain, struct error *err)
{
	uint8_t *ascii = NULL;
	char *text;
	int status;

	if (!str_has_8bit(domain)) {
		buf_add(out, domain);
		return 0;
	}
	if (str_has_ctl(domain) || !utf8_valid(domain))
		return refuse(domain, "it is not UTF-8 text", err);
	text = xstrndup(domain.p, domain.n);
	status = idn2_lookup_u8((const uint8_t *)text, &ascii,
				IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	free(text);
	if (status != IDN2_OK)
		return refuse(domain, idn2_strerror(status), err);
	if (!is_host(str_of((const char *)ascii))) {
		idn2_free(ascii);
		return refuse(domain, "it has characters that stand for "
			      "what no domain has", err);
	}
	buf_addz(out, (const char *)ascii);
	idn2_free(ascii);
	return 0;
}

int idn_address(struct buf *out, struct str addr, struct error *err)
{
	struct str domain = address_domain(addr);
	size_t len = out->len;

	buf_add(out, (struct str){ addr.p, addr.n - domain.n });
	if (!idn_domain(out, domain, err))
		return 0;
	if (out->len > len) {
		out->len = len;
		out->p[len] = '\0';
	}
	return -1;
}
