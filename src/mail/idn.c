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
