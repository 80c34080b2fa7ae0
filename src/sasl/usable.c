#include "sasl/usable.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "sasl/kerberos.h"
#include "sasl/mechs.h"
#include "util/str.h"

uint32_t usable_mechs(Gsasl *lib)
{
	uint32_t have = 0;

	for (size_t i = 0; mechs_at(i); i++) {
		const struct mech *m = mechs_at(i);
		bool there = m->flags & MECH_TOKEN ||
			(strcmp(m->name, "GSSAPI") ?
			 gsasl_client_support_p(lib, m->name) :
			 kerberos_available());

		have |= (uint32_t)there << i;
	}
	return have;
}

int usable_have(const char *mechs, uint32_t have, struct error *err)
{
	const struct mech *first = NULL;

	if (mechs_any(mechs, have, &first))
		return 0;
	return error_set(err, ERROR_CONFIG, "SASL mechanism '%s' is not in the "
			 "libraries of this build: name another with auth",
			 first->name);
}

static int check_secret(const struct sasl_config *c, struct error *err)
{
	const char *what = c->is_token ? "token" : "password";

	if (memchr(c->secret.p, '\0', c->secret.n))
		return error_set(err, ERROR_CONFIG, "the %s has a NUL in it",
				 what);
	if (c->is_token && (str_has_ctl(c->secret) || str_has_8bit(c->secret)))
		return error_set(err, ERROR_CONFIG, "the token has characters "
				 "that no token has (RFC 6750 s2.1)");
	return 0;
}

int usable_config(const struct sasl_config *c, struct error *err)
{
	struct str user = str_of(c->user);
	unsigned allows;

	if (mechs_check(c->mechs, err))
		return -1;
	/* They would end a field in the OAuth mechanisms and in PLAIN. */
	if (str_has_ctl(user) || str_has_ctl(str_of(c->authzid)))
		return error_set(err, ERROR_CONFIG,
				 "user or authzid has a control character");
	if (c->secret.n && check_secret(c, err))
		return -1;
	allows = sasl_allows(c->mechs);
	if (allows & SASL_FREE || (allows & SASL_CERT && c->has_cert))
		return 0;
	if (!(allows & SASL_SECRET))
		return error_set(err, ERROR_CONFIG, "EXTERNAL needs a client "
				 "certificate: set tls_cert");
	if (!user.n)
		return error_set(err, ERROR_CONFIG,
				 "authentication needs a user name; set user");
	if (!c->secret.n)
		return error_set(err, ERROR_CONFIG, "the %s is empty",
				 c->is_token ? "token" : "password");
	return 0;
}

int sasl_check_mechs(const char *mechs, struct error *err)
{
	uint32_t sure = 0;
	Gsasl *lib;
	int ret;

	if (mechs_check(mechs, err))
		return -1;
	for (size_t i = 0; mechs_at(i); i++)
		if (!(mechs_at(i)->flags & MECH_MAYBE))
			sure |= (uint32_t)1 << i;
	/* The usual ones need no library to be started for the question. */
	if (str_caseeq(str_trim(str_of(mechs)), STR("none")) ||
	    mechs_any(mechs, sure, NULL))
		return 0;
	if (gsasl_init(&lib) != GSASL_OK)
		return error_set(err, ERROR_OS, "cannot start libgsasl");
	ret = usable_have(mechs, usable_mechs(lib), err);
	gsasl_done(lib);
	return ret;
}
