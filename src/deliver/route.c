#include "deliver/route.h"

#include "conf/aliasfile.h"
#include "mail/address.h"
#include "mail/alias.h"
#include "mail/rewrite.h"

enum { SPEC_ROOM = 2 * ADDRESS_MAX + 600 };	/* octets, with a mailname */

void route_init(struct route *r, struct config *c, const char *mailname)
{
	*r = (struct route){ .config = c, .mailname = mailname };
}

struct local route_local(const struct route *r)
{
	return aliasfile_rules(r->config, r->mailname).local;
}

void route_sender(const struct route *r, struct str spec, struct buf *out)
{
	struct local local = route_local(r);

	rewrite_spec(&r->config->rewrite, &local, spec, out);
}

static bool has_local(const struct route *r, const struct roster *to)
{
	struct local local = route_local(r);

	for (size_t i = 0; i < to->n; i++) {
		struct str spec = str_of(roster_get(to, i));

		if (local_domain(&local, address_domain(spec)))
			return true;
	}
	return false;
}

/* What was collected takes the place of what was there. */
static void replace(struct roster *to, struct roster *fresh)
{
	roster_release(to);
	*to = *fresh;
	roster_init(fresh);
}

static int expand(struct route *r, struct roster *to, struct error *err)
{
	struct alias_rules rules = aliasfile_rules(r->config, r->mailname);
	struct roster out;
	int ret;

	if (!has_local(r, to))
		return 0;
	if (!r->loaded && aliasfile_load(r->config, err))
		return -1;
	r->loaded = true;
	if (!r->config->aliases.n)
		return 0;
	roster_init(&out);
	ret = aliases_expand(&r->config->aliases, &rules, to, &out, err);
	if (!ret && !out.n)
		ret = error_set(err, ERROR_DATA, "no recipients: the aliases "
				"leave nobody to send to");
	if (!ret)
		replace(to, &out);
	roster_release(&out);
	return ret;
}

static int rewrite_all(const struct route *r, struct roster *to,
		       struct error *err)
{
	struct roster out;
	struct buf spec;
	int ret = 0;

	roster_init(&out);
	buf_init(&spec, SPEC_ROOM);
	for (size_t i = 0; i < to->n && !ret; i++) {
		buf_reset(&spec);
		route_sender(r, str_of(roster_get(to, i)), &spec);
		ret = roster_add(&out, buf_str(&spec), err);
	}
	if (!ret)
		replace(to, &out);
	roster_release(&out);
	buf_release(&spec);
	return ret;
}

int route_recipients(struct route *r, struct roster *to, struct error *err)
{
	if (!to->n)
		return 0;
	if (expand(r, to, err))
		return -1;
	return r->config->rewrite.n ? rewrite_all(r, to, err) : 0;
}
