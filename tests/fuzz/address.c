/* An address that was taken is safe in a path, and reads as itself. */
#include "mail/address.h"

#include <stdint.h>
#include <stdlib.h>

#include "mail/idn.h"
#include "mail/roster.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* `text` is one address, and `spec` is how it is written. */
static void reads_as(struct str text, struct str spec)
{
	struct address_iter it;
	struct address a;
	struct error err;

	address_begin(&it, text);
	require(address_next(&it, &a));
	require(str_eq(a.spec, spec));
	require(!address_next(&it, &a));
	require(!address_end(&it, &err));
}

static void check(const struct address *a)
{
	struct roster to;
	struct error err;
	struct buf out;

	require(a->spec.n <= ADDRESS_MAX);
	require(!str_has_ctl(a->spec) && utf8_valid(a->spec));
	if (!a->spec.n)
		return;
	reads_as(a->spec, a->spec);
	reads_as(a->source, a->spec);
	require(address_same(a->spec, a->spec));

	roster_init(&to);
	require(!roster_add(&to, a->spec, &err));
	require(!roster_add(&to, a->spec, &err));
	require(to.n == 1 && str_eq(str_of(roster_get(&to, 0)), a->spec));
	roster_release(&to);

	buf_init(&out, 4096);
	address_qualify(&out, a->spec, "host.example");
	require(address_domain(buf_str(&out)).n > 0);
	reads_as(buf_str(&out), buf_str(&out));
	buf_reset(&out);
	if (!idn_address(&out, a->spec, &err))
		require(!str_has_8bit(address_domain(buf_str(&out))));
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct error err = { ERROR_NONE, "" };
	struct address_iter it;
	struct address a;
	struct buf one;
	int bad;

	address_begin(&it, text);
	while (address_next(&it, &a)) {
		require(a.source.p >= text.p &&
			a.source.p + a.source.n <= text.p + text.n);
		check(&a);
	}
	bad = address_end(&it, &err);
	require(!bad || (err.kind == ERROR_DATA && !str_has_ctl(str_of(err.text))));

	buf_init(&one, 4096);
	if (!address_one(&one, text, &err))
		require(!bad && !str_has_ctl(text));
	buf_release(&one);
	return 0;
}
