#include "net/tlsa.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

enum {
	CERT = 0, SPKI = 1,		/* selectors, RFC 6698 s2.1.2 */
	FULL = 0, SHA256 = 1, SHA512 = 2,	/* matching types, s2.1.3 */
	WHY_MAX = 200, DIGEST_MAX = 64
};

void tlsa_init(struct tlsa *t)
{
	memset(t, 0, sizeof(*t));
	buf_init(&t->data, TLSA_ANSWER_MAX);
	buf_init(&t->why, WHY_MAX);
}

void tlsa_release(struct tlsa *t)
{
	buf_release(&t->data);
	buf_release(&t->why);
	t->n = 0;
}

/* ---- reading ---- */

static bool get_number(struct str *line, unsigned *out)
{
	uint64_t n;

	if (!str_u64(str_cut(line, ' '), 255, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

static bool get_hex(struct str hex, struct buf *out)
{
	if (!hex.n || hex.n % 2)
		return false;
	for (; hex.n; hex.p += 2, hex.n -= 2) {
		int octet = str_hex(hex);

		if (octet < 0)
			return false;
		buf_addch(out, (char)octet);
	}
	return !out->over;
}

static bool usable(const struct tlsa_record *r)
{
	return r->usage <= TLSA_DANE_EE && r->selector <= SPKI &&
	       (r->matching == FULL || (r->matching == SHA256 && r->n == 32) ||
		(r->matching == SHA512 && r->n == 64));
}

static bool get_record(struct tlsa *t, struct str line)
{
	struct tlsa_record r = { .at = t->data.len };

	if (!get_number(&line, &r.usage) || !get_number(&line, &r.selector) ||
	    !get_number(&line, &r.matching) || !get_hex(line, &t->data))
		return false;
	r.n = t->data.len - r.at;
	if (usable(&r) && t->n < TLSA_RECORDS)
		t->record[t->n++] = r;
	return true;
}

static bool parse(struct tlsa *t, struct str answer)
{
	static const char *const words[] = {
		[TLSA_NONE] = "none", [TLSA_SECURE] = "secure",
		[TLSA_BOGUS] = "bogus", [TLSA_FAILED] = "failed"
	};
	struct str line = str_cut(&answer, '\n');
	struct str word = str_cut(&line, ' ');
	size_t state = 0;

	while (state < 4 && !str_eq(word, str_of(words[state])))
		state++;
	if (state == 4 || str_has_ctl(line) || line.n > WHY_MAX)
		return false;
	t->state = (enum tlsa_state)state;
	buf_add(&t->why, line);
	if (t->state != TLSA_SECURE)
		return !answer.n;
	while (answer.n)
		if (!get_record(t, str_cut(&answer, '\n')))
			return false;
	if (!t->n) {
		t->state = TLSA_NONE;
		buf_addz(&t->why, "none of them can be used");
	}
	return true;
}

bool tlsa_parse(struct tlsa *t, struct str answer)
{
	/* An answer that was cut short could lack the record that matters. */
	if (answer.n && answer.p[answer.n - 1] == '\n' && parse(t, answer))
		return true;
	tlsa_release(t);
	return false;
}

/* ---- comparing ---- */

static int export_key(gnutls_x509_crt_t crt, gnutls_datum_t *out)
{
	gnutls_pubkey_t key;
	int r = gnutls_pubkey_init(&key);

	if (r)
		return r;
	r = gnutls_pubkey_import_x509(key, crt, 0);
	if (!r)
		r = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, out);
	gnutls_pubkey_deinit(key);
	return r;
}

static bool same(const void *p, size_t n, struct str data)
{
	return n == data.n && !memcmp(p, data.p, n);
}

bool tlsa_matches(const struct tlsa *t, size_t i, gnutls_x509_crt_t crt)
{
	const struct tlsa_record *r = &t->record[i];
	struct str data = { t->data.p + r->at, r->n };
	gnutls_datum_t der = { NULL, 0 };
	unsigned char sum[DIGEST_MAX];
	bool ok;

	if (r->selector == CERT ?
	    gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) :
	    export_key(crt, &der))
		return false;
	if (r->matching == FULL)
		ok = same(der.data, der.size, data);
	else
		ok = !gnutls_hash_fast(r->matching == SHA256 ?
				       GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512,
				       der.data, der.size, sum) &&
		     same(sum, r->n, data);
	gnutls_free(der.data);
	return ok;
}
