#include "sasl/kerberos.h"

#include <stdlib.h>

#if HAVE_GSSAPI		/* absent where libgsasl, too, was built without */

#include <gssapi/gssapi.h>
#include <stdio.h>
#include <string.h>

#include "sys/aside.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum {
	NAME_SIZE = 512,		/* octets of a principal, or "smtp@host" */
	LAYER_NONE = 1			/* bit of RFC 4752 s3.3 */
};

/*
 * What the minor status means is the mechanism's own affair; these are
 * Kerberos's (krb5_err.et), the same in MIT's and Heimdal's.
 */
static const int32_t unreachable[] = {
	-1765328228,			/* KRB5_KDC_UNREACH */
	-1765328230,			/* KRB5_REALM_UNKNOWN */
	-1765328164,			/* KRB5_REALM_CANT_RESOLVE */
	-1765328355			/* KRB5KDC_ERR_SVC_UNAVAILABLE */
};
static const int32_t ticketless[] = {
	-1765328189,			/* KRB5_FCC_NOFILE */
	-1765328243,			/* KRB5_CC_NOTFOUND */
	-1765328352,			/* KRB5KRB_AP_ERR_TKT_EXPIRED */
	-1765328383			/* KRB5KDC_ERR_NAME_EXP */
};

/* 1.2.840.113554.1.2.2, RFC 4121 s4.1: RFC 4752 is for no other. */
static gss_OID_desc krb5 = {
	9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
};

/*
 * The first token is made in a thread: the KDC may be asked for it, and its
 * library keeps time as it likes.
 */
struct kerberos {
	bool failed;
	struct error error;
	gss_name_t service;
	gss_cred_id_t cred;
	gss_ctx_id_t context;
	gss_buffer_desc token;		/* the first */
	bool established;
	char host[NAME_SIZE], user[NAME_SIZE], authzid[NAME_SIZE];
};

bool kerberos_available(void)
{
	return true;
}

void kerberos_free(struct kerberos *k)
{
	OM_uint32 minor;

	if (!k)
		return;
	if (k->token.value)
		gss_release_buffer(&minor, &k->token);
	if (k->context != GSS_C_NO_CONTEXT)
		gss_delete_sec_context(&minor, &k->context, GSS_C_NO_BUFFER);
	if (k->cred != GSS_C_NO_CREDENTIAL)
		gss_release_cred(&minor, &k->cred);
	if (k->service != GSS_C_NO_NAME)
		gss_release_name(&minor, &k->service);
	free(k);
}

/* ---- what went wrong ---- */

/* The library's words for a status. */
static void add_status(struct buf *text, OM_uint32 status, int type)
{
	OM_uint32 more = 0;
	OM_uint32 minor;

	do {
		gss_buffer_desc s = GSS_C_EMPTY_BUFFER;

		if (GSS_ERROR(gss_display_status(&minor, status, type, &krb5,
						 &more, &s)))
			return;
		if (text->len)
			buf_addz(text, ": ");
		utf8_escape(text, (struct str){ s.value, s.length });
		gss_release_buffer(&minor, &s);
	} while (more);
}

/* The major status only repeats where the minor one explains. */
static void add_reason(struct buf *text, OM_uint32 major, OM_uint32 minor)
{
	if (minor)
		add_status(text, minor, GSS_C_MECH_CODE);
	if (!text->len)
		add_status(text, major, GSS_C_GSS_CODE);
}

static bool among(const int32_t *codes, size_t n, OM_uint32 minor)
{
	for (size_t i = 0; i < n; i++)
		if ((OM_uint32)codes[i] == minor)
			return true;
	return false;
}

static int explain(const struct kerberos *k, OM_uint32 major, OM_uint32 minor,
		   struct error *err)
{
	struct buf text;
	OM_uint32 what = GSS_ROUTINE_ERROR(major);

	buf_init(&text, 400);
	add_reason(&text, major, minor);
	if (among(unreachable, sizeof(unreachable) / sizeof(*unreachable),
		  minor))
		error_set(err, ERROR_NET, "GSSAPI: no Kerberos ticket for the "
			  "relay: %s", buf_cstr(&text));
	else if (what == GSS_S_NO_CRED || what == GSS_S_CREDENTIALS_EXPIRED ||
		 among(ticketless, sizeof(ticketless) / sizeof(*ticketless),
		       minor))
		error_set(err, ERROR_AUTH, "GSSAPI: no valid Kerberos ticket%s%s"
			  "%s; run kinit: %s", *k->user ? " of '" : "",
			  k->user, *k->user ? "'" : "", buf_cstr(&text));
	else
		error_set(err, ERROR_AUTH, "GSSAPI: no ticket for smtp/%s: %s",
			  k->host, buf_cstr(&text));
	buf_release(&text);
	return -1;
}

/* ---- the first token, in its thread ---- */

static OM_uint32 import(OM_uint32 *minor, const char *text, gss_OID type,
			gss_name_t *name)
{
	gss_buffer_desc b = { strlen(text), (void *)text };

	return gss_import_name(minor, &b, type, name);
}

static OM_uint32 find_ticket(struct kerberos *k, OM_uint32 *minor)
{
	gss_OID_set_desc set = { 1, &krb5 };
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 major, ignored;

	if (!*k->user)
		return GSS_S_COMPLETE;
	major = import(minor, k->user, GSS_C_NT_USER_NAME, &name);
	if (!GSS_ERROR(major)) {
		major = gss_acquire_cred(minor, name, GSS_C_INDEFINITE, &set,
					 GSS_C_INITIATE, &k->cred, NULL, NULL);
		gss_release_name(&ignored, &name);
	}
	return major;
}

static OM_uint32 init_context(struct kerberos *k, OM_uint32 *minor,
			      gss_buffer_t in, gss_buffer_t out)
{
	OM_uint32 flags = 0;
	OM_uint32 major = gss_init_sec_context(minor, k->cred, &k->context,
		k->service, &krb5, GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG |
		GSS_C_SEQUENCE_FLAG, 0, GSS_C_NO_CHANNEL_BINDINGS, in, NULL,
		out, &flags, NULL);

	k->established = major == GSS_S_COMPLETE &&
		(flags & (GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG)) ==
		(GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG);
	return major;
}

static void first_token(struct kerberos *k)
{
	char service[NAME_SIZE + 8];
	OM_uint32 minor = 0;
	OM_uint32 major;

	snprintf(service, sizeof(service), "smtp@%s", k->host);
	major = import(&minor, service, GSS_C_NT_HOSTBASED_SERVICE,
		       &k->service);
	if (!GSS_ERROR(major))
		major = find_ticket(k, &minor);
	if (!GSS_ERROR(major))
		major = init_context(k, &minor, GSS_C_NO_BUFFER, &k->token);
	/* The library keeps its words by thread: they are asked for here. */
	if (GSS_ERROR(major))
		k->failed = explain(k, major, minor, &k->error);
}

static void run(void *ctx)
{
	first_token(ctx);
}

static void release(void *ctx)
{
	kerberos_free(ctx);
}

static struct kerberos *make(const struct kerberos_config *config)
{
	struct kerberos *k = xcalloc(1, sizeof(*k));

	snprintf(k->host, NAME_SIZE, "%s", config->host);
	snprintf(k->user, NAME_SIZE, "%s", config->user);
	snprintf(k->authzid, NAME_SIZE, "%s", config->authzid);
	return k;
}

struct kerberos *kerberos_start(const struct kerberos_config *config,
				struct buf *out, struct error *err)
{
	struct aside_work work;
	struct kerberos *k;

	if (strlen(config->host) >= NAME_SIZE ||
	    strlen(config->user) >= NAME_SIZE ||
	    strlen(config->authzid) >= NAME_SIZE) {
		error_set(err, ERROR_CONFIG, "GSSAPI: host, user or authzid is "
			  "longer than %d octets", NAME_SIZE - 1);
		return NULL;
	}
	k = make(config);
	work = (struct aside_work){ run, release, k };
	if (!aside_wait(aside_start(&work), config->deadline)) {
		error_set(err, ERROR_NET, "GSSAPI: timed out waiting for the "
			  "Kerberos KDC");
		return NULL;
	}
	if (k->failed) {
		*err = k->error;
		kerberos_free(k);
		return NULL;
	}
	buf_add(out, (struct str){ k->token.value, k->token.length });
	return k;
}

/* ---- the rest, which is arithmetic ---- */

static int refuse(OM_uint32 major, OM_uint32 minor, struct error *err)
{
	struct buf text;

	buf_init(&text, 400);
	add_reason(&text, major, minor);
	error_set(err, ERROR_AUTH, "GSSAPI: the relay did not prove who it is: "
		  "%s", buf_cstr(&text));
	buf_release(&text);
	return -1;
}

static int go_on(struct kerberos *k, struct str in, struct buf *out,
		 struct error *err)
{
	gss_buffer_desc theirs = { in.n, (void *)in.p };
	gss_buffer_desc ours = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor = 0;
	OM_uint32 major = init_context(k, &minor, &theirs, &ours);

	if (ours.value)
		buf_add(out, (struct str){ ours.value, ours.length });
	if (GSS_ERROR(major)) {
		refuse(major, minor, err);
		gss_release_buffer(&minor, &ours);
		return -1;
	}
	gss_release_buffer(&minor, &ours);
	if (major == GSS_S_COMPLETE && !k->established)
		return error_set(err, ERROR_AUTH, "GSSAPI: the relay did not "
				 "prove who it is");
	return 0;
}

/* Our choice of security layer, none, and whom to act as (RFC 4752 s3.1). */
static int wrap_choice(struct kerberos *k, struct buf *out, struct error *err)
{
	char plain[4 + NAME_SIZE] = { LAYER_NONE, 0, 0, 0 };
	size_t n = strlen(k->authzid);
	gss_buffer_desc choice = { 4 + n, plain };
	gss_buffer_desc wrapped = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor = 0;
	OM_uint32 major;

	memcpy(plain + 4, k->authzid, n);
	major = gss_wrap(&minor, k->context, 0, GSS_C_QOP_DEFAULT, &choice,
			 NULL, &wrapped);
	if (GSS_ERROR(major))
		return refuse(major, minor, err);
	buf_add(out, (struct str){ wrapped.value, wrapped.length });
	gss_release_buffer(&minor, &wrapped);
	return 0;
}

static int choose_layer(struct kerberos *k, struct str in, struct buf *out,
			struct error *err)
{
	gss_buffer_desc theirs = { in.n, (void *)in.p };
	gss_buffer_desc plain = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor = 0;
	OM_uint32 major = gss_unwrap(&minor, k->context, &theirs, &plain, NULL,
				     NULL);
	bool sound, none;

	if (GSS_ERROR(major))
		return refuse(major, minor, err);
	sound = plain.length == 4;
	none = sound && *(const unsigned char *)plain.value & LAYER_NONE;
	gss_release_buffer(&minor, &plain);
	if (!sound)
		return error_set(err, ERROR_PROTOCOL, "GSSAPI: the relay's list "
				 "of security layers makes no sense");
	if (!none)
		return error_set(err, ERROR_AUTH, "GSSAPI: the relay insists on "
				 "a security layer besides TLS");
	return wrap_choice(k, out, err);
}

int kerberos_step(struct kerberos *k, struct str in, struct buf *out,
		  bool *done, struct error *err)
{
	if (!k->established)
		return go_on(k, in, out, err);
	if (choose_layer(k, in, out, err))
		return -1;
	*done = true;
	return 0;
}

#else

bool kerberos_available(void)
{
	return false;
}

struct kerberos *kerberos_start(const struct kerberos_config *config,
				struct buf *out, struct error *err)
{
	(void)config;
	(void)out;
	error_set(err, ERROR_AUTH, "GSSAPI: not in this build");
	return NULL;
}

int kerberos_step(struct kerberos *k, struct str in, struct buf *out,
		  bool *done, struct error *err)
{
	(void)k;
	(void)in;
	(void)out;
	(void)done;
	return error_set(err, ERROR_AUTH, "GSSAPI: not in this build");
}

void kerberos_free(struct kerberos *k)
{
	free(k);
}

#endif
