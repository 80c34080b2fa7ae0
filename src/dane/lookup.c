/*
 * posthaste-dane: asks for the TLSA records of a relay (RFC 6698) and proves
 * them by DNSSEC.  A program of its own, so that libunbound and what it stands
 * on are in no sender, and a lookup ends when its process is ended.
 *
 *	posthaste-dane HOST PORT [SRV-NAME]
 *
 * says on stdout one of
 *
 *	none			there are none, and that is proved; or the zone
 *				is not signed, so that whatever there is counts
 *				for nothing
 *	bogus WHY		somebody has been at them, or the zone is broken
 *	failed WHY		nobody could be asked
 *	secure			then a line each: USAGE SELECTOR MATCHING HEX
 *
 * With SRV-NAME, the SRV records that led to HOST are to be proved as well
 * (RFC 7673 s3.1).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unbound.h>
#include <unistd.h>

enum {
	SRV = 33, TLSA = 52, IN = 1,	/* RFC 2782, RFC 6698, RFC 1035 */
	NAME_ROOM = 1024,
	SRV_HEAD = 6,			/* octets before an SRV's target */
	RECORDS_MAX = 32		/* more are of no use to anybody */
};

/* Where systems keep the key of the root, first one first. */
static const char *const anchors[] = {
	"/usr/share/dns/root.key", "/var/lib/unbound/root.key",
	"/etc/unbound/root.key", "/etc/trusted-key.key",
	"/usr/share/dnssec-root/trusted-key.key",
};

/* IANA's, of 2017 and 2024, for systems that have none. */
static const char *const keys[] = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC68345710"
	"4237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF4"
	"44A4C0FB2B16",
};

/* One line, whatever a name server has put into it. */
static int answer(const char *word, const char *why)
{
	printf("%s ", word);
	for (; *why; why++)
		putchar(*why >= ' ' && *why <= '~' ? *why : '?');
	putchar('\n');
	return 0;
}

static void add_anchors(struct ub_ctx *ctx)
{
	for (size_t i = 0; i < sizeof(anchors) / sizeof(*anchors); i++)
		if (!access(anchors[i], R_OK)) {
			ub_ctx_add_ta_file(ctx, anchors[i]);
			return;
		}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		ub_ctx_add_ta(ctx, keys[i]);
}

static struct ub_ctx *set_up(void)
{
	struct ub_ctx *ctx = ub_ctx_create();

	if (!ctx)
		return NULL;
	/* Without name servers of its own, it asks from the root down. */
	(void)ub_ctx_resolvconf(ctx, NULL);
	/* Many systems have theirs on loopback. */
	(void)ub_ctx_set_option(ctx, "do-not-query-localhost:", "no");
	(void)ub_ctx_debuglevel(ctx, 0);
	add_anchors(ctx);
	return ctx;
}

/* Records that count: true.  Else *done has been said. */
static bool ask(struct ub_ctx *ctx, const char *name, int type,
		struct ub_result **r)
{
	char why[64];
	int bad = ub_resolve(ctx, name, type, IN, r);

	if (bad) {
		answer("failed", ub_strerror(bad));
		return false;
	}
	if ((*r)->bogus) {
		answer("bogus", (*r)->why_bogus ? (*r)->why_bogus :
		       "the answer does not verify");
		return false;
	}
	if ((*r)->havedata && (*r)->secure)
		return true;
	if ((*r)->havedata || (*r)->rcode == 0 || (*r)->nxdomain) {
		puts("none");
		return false;
	}
	snprintf(why, sizeof(why), "the name servers answer with code %d",
		 (*r)->rcode);
	answer("failed", why);
	return false;
}

/* A name as DNS has it, in text without its final dot.  False if it is odd. */
static bool read_name(const char *p, int n, char *out, size_t room)
{
	size_t used = 0;

	while (n > 0 && *p) {
		int label = (unsigned char)*p++;

		if (label > 63 || label >= n || used + label + 2 > room)
			return false;
		if (used)
			out[used++] = '.';
		memcpy(out + used, p, (size_t)label);
		used += (size_t)label;
		p += label;
		n -= label + 1;
	}
	out[used] = '\0';
	return n == 1;
}

static bool leads_to(const struct ub_result *r, const char *host,
		     unsigned port)
{
	char target[NAME_ROOM];

	for (int i = 0; r->data[i]; i++) {
		const unsigned char *p = (unsigned char *)r->data[i];

		if (r->len[i] > SRV_HEAD &&
		    (p[4] << 8 | p[5]) == (int)port &&
		    read_name(r->data[i] + SRV_HEAD, r->len[i] - SRV_HEAD,
			      target, sizeof(target)) &&
		    !strcasecmp(target, host))
			return true;
	}
	return false;
}

static void show(const struct ub_result *r)
{
	puts("secure");
	for (int i = 0; r->data[i] && i < RECORDS_MAX; i++) {
		const unsigned char *p = (unsigned char *)r->data[i];

		if (r->len[i] < 4)
			continue;
		printf("%u %u %u ", p[0], p[1], p[2]);
		for (int k = 3; k < r->len[i]; k++)
			printf("%02x", p[k]);
		putchar('\n');
	}
}

static void look_up(struct ub_ctx *ctx, const char *host, unsigned port,
		    const char *srv)
{
	struct ub_result *r = NULL;
	char name[NAME_ROOM];

	if (srv && !ask(ctx, srv, SRV, &r))
		goto out;
	if (srv && !leads_to(r, host, port)) {
		answer("bogus", "the SRV records that are proved lead elsewhere");
		goto out;
	}
	ub_resolve_free(r);
	r = NULL;
	snprintf(name, sizeof(name), "_%u._tcp.%s", port, host);
	if (ask(ctx, name, TLSA, &r))
		show(r);
out:
	ub_resolve_free(r);
}

int main(int argc, char **argv)
{
	struct ub_ctx *ctx;
	unsigned long port = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	size_t n = argc > 1 ? strlen(argv[1]) : 0;

	if (argc < 3 || argc > 4 || !n || n > 255 || !port || port > 65535) {
		fputs("usage: posthaste-dane HOST PORT [SRV-NAME]\n", stderr);
		return 64;
	}
	if (argv[1][n - 1] == '.')
		argv[1][n - 1] = '\0';
	ctx = set_up();
	if (!ctx)
		return answer("failed", "no memory");
	look_up(ctx, argv[1], (unsigned)port, argv[3]);
	ub_ctx_delete(ctx);
	return fflush(stdout) ? 74 : 0;
}
