/* CURLOPT_PROTOCOLS is old, and all versions of libcurl have it. */
#define CURL_DISABLE_DEPRECATION

#include "oauth2/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "oauth2/url.h"
#include "oauth2/wiped.h"
#include "sys/locked.h"
#include "util/xalloc.h"

struct http {
	CURL *curl;
	struct curl_slist *headers, *for_proxy;
	char error[CURL_ERROR_SIZE];
};

static size_t on_body(char *p, size_t size, size_t n, void *to)
{
	struct buf *body = to;

	buf_add(body, (struct str){ p, size * n });
	return body->over ? 0 : size * n;
}

/* What never changes from one request to the next. */
static CURLcode set_up(struct http *h, const char *ca_file, unsigned timeout)
{
	CURL *c = h->curl;
	CURLcode e = CURLE_OK;
	long seconds = timeout ? (long)timeout : HTTP_TIMEOUT;

	h->headers = curl_slist_append(NULL, "Accept: application/json");
	/* A proxy need not know who we are. */
	h->for_proxy = curl_slist_append(NULL, "User-Agent:");
	if (h->for_proxy)
		curl_slist_append(h->for_proxy, "Proxy-Connection:");
	if (!h->headers || !h->for_proxy)
		return CURLE_OUT_OF_MEMORY;
	e = e ? e : curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers);
	e = e ? e : curl_easy_setopt(c, CURLOPT_HEADEROPT,
				     (long)CURLHEADER_SEPARATE);
	e = e ? e : curl_easy_setopt(c, CURLOPT_PROXYHEADER, h->for_proxy);
	e = e ? e : curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	e = e ? e : curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	e = e ? e : curl_easy_setopt(c, CURLOPT_PROTOCOLS,
				     (long)(CURLPROTO_HTTPS | CURLPROTO_HTTP));
	e = e ? e : curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	e = e ? e : curl_easy_setopt(c, CURLOPT_NETRC,
				     (long)CURL_NETRC_IGNORED);
	e = e ? e : curl_easy_setopt(c, CURLOPT_SSLVERSION,
				     (long)CURL_SSLVERSION_TLSv1_2);
	e = e ? e : curl_easy_setopt(c, CURLOPT_USERAGENT,
				     "posthaste-oauth2/" VERSION);
	e = e ? e : curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT,
				     (long)HTTP_CONNECT);
	e = e ? e : curl_easy_setopt(c, CURLOPT_TIMEOUT, seconds);
	e = e ? e : curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	if (*ca_file) {
		e = e ? e : curl_easy_setopt(c, CURLOPT_CAINFO, ca_file);
		e = e ? e : curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	return e;
}

struct http *http_open(const char *ca_file, unsigned timeout,
		       struct error *err)
{
	struct http *h = xcalloc(1, sizeof(*h));

	/* Who set this variable would get the keys of the connections. */
	unsetenv("SSLKEYLOGFILE");
	if (!curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_alloc, wiped_free,
				  wiped_realloc, wiped_strdup, wiped_calloc))
		h->curl = curl_easy_init();
	if (!h->curl || set_up(h, ca_file, timeout)) {
		error_set(err, ERROR_OS, "libcurl cannot be used: it is built "
			  "without HTTPS, or there is no memory");
		http_close(h);
		return NULL;
	}
	return h;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->for_proxy);
	curl_global_cleanup();
	free(h);
}

static int failed(const struct http *h, CURLcode e, const char *url,
		  const struct http_answer *a, struct error *err)
{
	const char *why = *h->error ? h->error : curl_easy_strerror(e);
	struct url parts;
	struct str o = STR("the provider");

	if (url_split(str_of(url), &parts))
		o = parts.origin;
	if (a->body.over)
		return error_set(err, ERROR_PROTOCOL, "%.*s answers with more "
				 "than %d octets", (int)o.n, o.p,
				 HTTP_BODY_MAX);
	switch (e) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return error_set(err, ERROR_CERT, "the certificate of %.*s is "
				 "not to be trusted: %s", (int)o.n, o.p, why);
	case CURLE_SSL_CACERT_BADFILE:
		return error_set(err, ERROR_CONFIG, "the ca_file cannot be "
				 "used: %s", why);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return error_set(err, ERROR_PROTOCOL, "%.*s does not speak "
				 "HTTP: %s", (int)o.n, o.p, why);
	default:
		return error_set(err, ERROR_NET, "cannot ask %.*s: %s",
				 (int)o.n, o.p, why);
	}
}

static long retry_after(CURL *c)
{
	curl_off_t seconds = 0;

	if (curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &seconds))
		return 0;
	return seconds > 0 && seconds < 1000000 ? (long)seconds : 0;
}

static int perform(struct http *h, const char *url, struct http_answer *a,
		   struct error *err)
{
	CURL *c = h->curl;
	struct url parts;
	CURLcode e = CURLE_OK;

	locked_buf(&a->body, HTTP_BODY_MAX);
	*h->error = '\0';
	/* What is not encrypted goes to this host, not to a proxy. */
	if (url_split(str_of(url), &parts) && !parts.https)
		e = curl_easy_setopt(c, CURLOPT_PROXY, "");
	e = e ? e : curl_easy_setopt(c, CURLOPT_URL, url);
	e = e ? e : curl_easy_setopt(c, CURLOPT_WRITEDATA, &a->body);
	e = e ? e : curl_easy_perform(c);
	if (e)
		return failed(h, e, url, a, err);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
	a->retry_after = retry_after(c);
	return 0;
}

int http_get(struct http *h, const char *url, struct http_answer *a,
	     struct error *err)
{
	*a = (struct http_answer){ 0 };
	curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(h->curl, CURLOPT_USERNAME, NULL);
	curl_easy_setopt(h->curl, CURLOPT_PASSWORD, NULL);
	return perform(h, url, a, err);
}

int http_post(struct http *h, const char *url, struct str form,
	      const char *const basic[2], struct http_answer *a,
	      struct error *err)
{
	CURL *c = h->curl;
	CURLcode e;

	*a = (struct http_answer){ 0 };
	e = curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)form.n);
	e = e ? e : curl_easy_setopt(c, CURLOPT_POSTFIELDS, form.p);
	e = e ? e : curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	e = e ? e : curl_easy_setopt(c, CURLOPT_USERNAME,
				     basic ? basic[0] : NULL);
	e = e ? e : curl_easy_setopt(c, CURLOPT_PASSWORD,
				     basic ? basic[1] : NULL);
	if (e)
		return failed(h, e, url, a, err);
	return perform(h, url, a, err);
}

void http_answer_release(struct http_answer *a)
{
	locked_buf_release(&a->body);
}
