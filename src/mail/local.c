#include "mail/local.h"

#include "mail/address.h"

static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

bool local_domain(const struct local *local, struct str domain)
{
	struct str rest = local->domains;

	if (!domain.n || str_caseeq(domain, str_of(local->mailname)) ||
	    str_caseeq(domain, STR("localhost")))
		return true;
	while (rest.n) {
		struct str word = rest;

		for (word.n = 0; word.n < rest.n && !is_gap(rest.p[word.n]);)
			word.n++;
		if (str_caseeq(word, domain))
			return true;
		rest.p += word.n;
		rest.n -= word.n;
		while (rest.n && is_gap(*rest.p))
			rest.p++, rest.n--;
	}
	return false;
}

struct str local_part_of(struct str spec)
{
	size_t n = address_domain(spec).n;

	if (n)
		spec.n -= n + 1;
	return spec;
}
