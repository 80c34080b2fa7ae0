#include "conf/option.h"

#include "conf/check.h"
#include "conf/nearest.h"
#include "conf/profile.h"
#include "conf/proxyurl.h"
#include "util/utf8.h"

enum { DAY = 86400, WEEK = 7 * DAY, YEAR = 365 * DAY };	/* seconds */

/* Each in the order of its enum in conf/account.h. */
static const char *const protocols[] = { "smtp", "lmtp", NULL };
static const char *const tls_modes[] = { "implicit", "starttls", "none", NULL };
static const char *const queue_modes[] = {
	"default", "never", "tempfail", "always", NULL
};
static const char *const log_formats[] = { "text", "json", NULL };
static const char *const dane_modes[] = { "off", "on", "require", NULL };
static const char *const stores[] = { "file", "keyring", NULL };
static const char *const unknown_modes[] = { "retry", "hold", NULL };
/* Words that a path may be. */
static const char *const trust_words[] = { "system", "tofu", NULL };
/* Words that a secret may be: where it comes from. */
static const char *const secret_words[] = { "keyring", "prompt", NULL };
static const char *const log_words[] = { "syslog", "none", NULL };

#define AT(field) offsetof(struct account, field)
#define AT_GENERAL(field) offsetof(struct general, field)
#define AT_QUEUE(field) offsetof(struct queue_settings, field)
#define AT_OAUTH2(field) offsetof(struct oauth2_profile, field)

static const struct option options[] = {
	{ .key = "host", .type = OPTION_TEXT, .at = AT(host), .fallback = "",
	  .flags = OPTION_REQUIRED, .check = check_host, .arg = "HOST",
	  .help = "the relay: a name, an address, a socket's /path, srv:DOMAIN" },
	{ .key = "port", .type = OPTION_COUNT, .at = AT(port), .fallback = "",
	  .min = 1, .max = 65535, .arg = "PORT",
	  .help = "TCP port; 465, 587 with starttls, 25 without TLS, 24 for LMTP" },
	{ .key = "protocol", .type = OPTION_CHOICE, .at = AT(protocol),
	  .fallback = "smtp", .choice = protocols, .arg = "PROTOCOL",
	  .help = "what the relay speaks: smtp or lmtp" },
	{ .key = "tls", .type = OPTION_CHOICE, .at = AT(tls),
	  .fallback = "implicit", .choice = tls_modes, .arg = "MODE",
	  .help = "implicit, starttls or none; for a socket, none" },
	{ .key = "tls_trust", .type = OPTION_PATH, .at = AT(tls_trust),
	  .fallback = "system", .flags = OPTION_REQUIRED,
	  .choice = trust_words, .arg = "FILE",
	  .help = "whom to believe: system, tofu, or a PEM file of authorities" },
	{ .key = "tls_name", .type = OPTION_TEXT, .at = AT(tls_name),
	  .fallback = "", .check = check_word, .arg = "NAME",
	  .help = "name the certificate must have, if not the host's" },
	{ .key = "tls_priority", .type = OPTION_TEXT, .at = AT(tls_priority),
	  .fallback = "", .arg = "STRING", .help = "GnuTLS priority string" },
	{ .key = "tls_pin", .type = OPTION_LIST, .at = AT(tls_pin),
	  .fallback = "", .check = check_pins, .arg = "PINS",
	  .help = "keys that the relay may have: sha256:BASE64, ..." },
	{ .key = "tls_fingerprint", .type = OPTION_LIST,
	  .at = AT(tls_fingerprint), .fallback = "",
	  .check = check_fingerprints, .arg = "FINGERPRINTS",
	  .help = "certificates that the relay may have: sha256:HEX, ..." },
	{ .key = "tls_crl", .type = OPTION_PATH, .at = AT(tls_crl),
	  .fallback = "", .arg = "FILE",
	  .help = "PEM file of certificate revocation lists" },
	{ .key = "tls_cert", .type = OPTION_PATH, .at = AT(tls_cert),
	  .fallback = "", .check = check_own_cert, .scheme = "pkcs11:",
	  .arg = "FILE",
	  .help = "our certificate: a PEM file or a pkcs11: URI" },
	{ .key = "tls_key", .type = OPTION_PATH, .at = AT(tls_key),
	  .fallback = "", .check = check_own_cert, .scheme = "pkcs11:",
	  .arg = "FILE",
	  .help = "its private key, if that is elsewhere" },
	{ .key = "tls_key_password", .type = OPTION_TEXT,
	  .at = AT(tls_key_password), .fallback = "", .flags = OPTION_SECRET,
	  .choice = secret_words, .arg = "keyring|prompt",
	  .help = "its password, or the token's PIN; itself in a file only" },
	{ .key = "tls_key_password_file", .type = OPTION_PATH,
	  .at = AT(tls_key_password_file), .fallback = "",
	  .check = check_secret_file, .scheme = "credential:", .arg = "FILE",
	  .help = "private file that holds it, or credential:NAME" },
	{ .key = "tls_key_password_command", .type = OPTION_TEXT,
	  .at = AT(tls_key_password_command), .fallback = "",
	  .flags = OPTION_COMMAND, .arg = "COMMAND",
	  .help = "shell command that prints it" },
	{ .key = "tls_resume", .type = OPTION_BOOL, .at = AT(tls_resume),
	  .fallback = "yes", .arg = "YES|NO",
	  .help = "keep TLS sessions for the next process" },
	{ .key = "tls_dane", .type = OPTION_CHOICE, .at = AT(tls_dane),
	  .fallback = "off", .choice = dane_modes, .arg = "MODE",
	  .help = "believe the relay's TLSA records: off, on or require" },
	{ .key = "auth", .type = OPTION_LIST, .at = AT(auth),
	  .fallback = "auto", .flags = OPTION_REQUIRED, .check = check_auth,
	  .arg = "MECHANISMS",
	  .help = "auto, none, or a list of SASL mechanisms" },
	{ .key = "user", .type = OPTION_TEXT, .at = AT(user), .fallback = "",
	  .arg = "USER", .help = "login name at the relay" },
	{ .key = "authzid", .type = OPTION_TEXT, .at = AT(authzid),
	  .fallback = "", .arg = "USER",
	  .help = "identity to act as, if not the user's own" },
	{ .key = "password", .type = OPTION_TEXT, .at = AT(password),
	  .fallback = "", .flags = OPTION_SECRET, .choice = secret_words,
	  .arg = "keyring|prompt",
	  .help = "where the password is; itself in a private file only" },
	{ .key = "password_file", .type = OPTION_PATH, .at = AT(password_file),
	  .fallback = "", .check = check_secret_file, .scheme = "credential:",
	  .arg = "FILE",
	  .help = "private file that holds the password, or credential:NAME" },
	{ .key = "password_command", .type = OPTION_TEXT,
	  .at = AT(password_command), .fallback = "",
	  .flags = OPTION_COMMAND, .arg = "COMMAND",
	  .help = "shell command that prints the password" },
	{ .key = "token_command", .type = OPTION_TEXT, .at = AT(token_command),
	  .fallback = "", .flags = OPTION_COMMAND, .arg = "COMMAND",
	  .help = "shell command that prints an OAuth 2 access token" },
	{ .key = "oauth2", .type = OPTION_TEXT, .at = AT(oauth2),
	  .fallback = "", .check = check_word, .arg = "PROFILE",
	  .help = "OAuth 2 profile that logs in: see --oauth2-login" },
	{ .key = "netrc", .type = OPTION_PATH, .at = AT(netrc), .fallback = "",
	  .arg = "FILE", .help = "netrc file with the relay's login and password" },
	{ .key = "from", .type = OPTION_LIST, .at = AT(from), .fallback = "",
	  .check = check_from, .arg = "ADDRESSES",
	  .help = "sender addresses of this account; * and ? match any" },
	{ .key = "from_name", .type = OPTION_TEXT, .at = AT(from_name),
	  .fallback = "", .arg = "NAME",
	  .help = "full name for a From that has to be made" },
	{ .key = "helo", .type = OPTION_TEXT, .at = AT(helo), .fallback = "",
	  .check = check_helo, .arg = "DOMAIN",
	  .help = "how to introduce ourselves, if not by the host's name" },
	{ .key = "ignore_extensions", .type = OPTION_LIST,
	  .at = AT(ignore_extensions), .fallback = "", .arg = "KEYWORDS",
	  .help = "EHLO keywords to overlook, for a relay that has them wrong" },
	{ .key = "source", .type = OPTION_TEXT, .at = AT(source),
	  .fallback = "", .check = check_word, .arg = "ADDRESS",
	  .help = "local address or interface to connect from" },
	{ .key = "proxy", .type = OPTION_TEXT, .at = AT(proxy),
	  .fallback = "", .check = proxyurl_check,
	  .is_secret = proxyurl_is_secret, .mask = proxyurl_mask,
	  .arg = "URL",
	  .help = "connect through socks5:// or http://[USER[:PASSWORD]@]HOST:PORT" },
	{ .key = "fallback", .type = OPTION_LIST, .at = AT(fallback),
	  .fallback = "", .arg = "ACCOUNTS",
	  .help = "accounts to send by when this one's relay is of no use" },
	{ .key = "dsn_notify", .type = OPTION_LIST, .at = AT(dsn_notify),
	  .fallback = "", .check = check_notify, .arg = "WHEN",
	  .help = "ask for notices: never, or success, failure, delay" },
	{ .key = "dsn_return", .type = OPTION_TEXT, .at = AT(dsn_return),
	  .fallback = "", .check = check_return, .arg = "WHAT",
	  .help = "what a notice is to carry: full or hdrs" },
	{ .key = "timeout_connect", .type = OPTION_SECONDS,
	  .at = AT(timeout_connect), .fallback = "30", .min = 1, .max = DAY,
	  .arg = "SECONDS", .help = "limit for connecting to one address" },
	{ .key = "timeout_tls", .type = OPTION_SECONDS, .at = AT(timeout_tls),
	  .fallback = "1m", .min = 1, .max = DAY, .arg = "SECONDS",
	  .help = "limit for the TLS handshake" },
	{ .key = "timeout_command", .type = OPTION_SECONDS,
	  .at = AT(timeout_command), .fallback = "5m", .min = 1, .max = DAY,
	  .arg = "SECONDS", .help = "limit for the greeting and each command" },
	{ .key = "timeout_data", .type = OPTION_SECONDS,
	  .at = AT(timeout_data), .fallback = "3m", .min = 1, .max = DAY,
	  .arg = "SECONDS", .help = "limit for each block of the message" },
	{ .key = "timeout_end", .type = OPTION_SECONDS, .at = AT(timeout_end),
	  .fallback = "10m", .min = 1, .max = DAY, .arg = "SECONDS",
	  .help = "limit for the verdict after the message" },
	{ .key = "deadline", .type = OPTION_SECONDS, .at = AT(deadline),
	  .fallback = "0", .min = 0, .max = WEEK, .arg = "SECONDS",
	  .help = "limit for all of it; 0 is none" },
	{ .key = "queue", .type = OPTION_CHOICE, .at = AT(queue),
	  .fallback = "default", .choice = queue_modes, .arg = "WHEN",
	  .help = "when to queue: never, tempfail or always" },
	{ .key = "unknown", .type = OPTION_CHOICE, .at = AT(unknown),
	  .fallback = "retry", .choice = unknown_modes, .arg = "WHAT",
	  .help = "queued mail that may have been sent: retry it or hold it" },
	{ .key = "flush_on_send", .type = OPTION_BOOL, .at = AT(flush_on_send),
	  .fallback = "yes", .arg = "YES|NO",
	  .help = "send due queued mail on the same connection" },
	{ .key = "max_messages_per_connection", .type = OPTION_COUNT,
	  .at = AT(max_messages), .fallback = "1000", .min = 0,
	  .max = 1000000, .arg = "NUMBER",
	  .help = "connect anew after so many messages; 0 is no limit" },
	{ .key = "rate", .type = OPTION_COUNT, .at = AT(rate),
	  .fallback = "0", .min = 0, .max = 1000000, .arg = "NUMBER",
	  .help = "queued messages to send in a minute; 0 is no limit" },
	{ .key = "strict", .type = OPTION_BOOL, .at = AT(strict),
	  .fallback = "no", .arg = "YES|NO",
	  .help = "refuse NUL and bare CR in a message, do not repair them" },
	{ .key = "all_or_nothing", .type = OPTION_BOOL,
	  .at = AT(all_or_nothing), .fallback = "no", .arg = "YES|NO",
	  .help = "send only if the relay accepts every recipient" },
	{ .key = "max_message_size", .type = OPTION_SIZE,
	  .at = AT(max_message_size), .fallback = "0", .min = 0,
	  .max = INT64_MAX, .arg = "SIZE",
	  .help = "refuse larger messages; 0 is no limit" },
	{ .key = "max_attachments", .type = OPTION_COUNT,
	  .at = AT(max_attachments), .fallback = "0", .min = 0, .max = 10000,
	  .arg = "NUMBER", .help = "refuse more attachments; 0 is no limit" },
	{ .key = "max_attachment_size", .type = OPTION_SIZE,
	  .at = AT(max_attachment_size), .fallback = "0", .min = 0,
	  .max = INT64_MAX, .arg = "SIZE",
	  .help = "refuse larger attachments; 0 is no limit" },
	{ .key = "log", .type = OPTION_PATH, .at = AT(log),
	  .fallback = "syslog", .flags = OPTION_REQUIRED, .choice = log_words,
	  .arg = "FILE", .help = "where to log: syslog, none, or a file" },
	{ .key = "log_format", .type = OPTION_CHOICE, .at = AT(log_format),
	  .fallback = "text", .choice = log_formats, .arg = "FORMAT",
	  .help = "lines of the log: text (key=value) or json" },
	{ .key = "default_account", .type = OPTION_TEXT,
	  .at = AT_GENERAL(default_account), .fallback = "",
	  .flags = OPTION_GENERAL, .check = check_word, .arg = "NAME",
	  .help = "account for senders that no 'from' matches" },
	{ .key = "mailname", .type = OPTION_TEXT, .at = AT_GENERAL(mailname),
	  .fallback = "", .flags = OPTION_GENERAL, .check = check_mailname,
	  .arg = "DOMAIN", .help = "domain for addresses that have none" },
	{ .key = "ignore_dots", .type = OPTION_BOOL,
	  .at = AT_GENERAL(ignore_dots), .fallback = "no",
	  .flags = OPTION_GENERAL, .arg = "YES|NO",
	  .help = "as sendmail: a lone dot does not end the message" },
	{ .key = "local_domains", .type = OPTION_LIST,
	  .at = AT_GENERAL(local_domains), .fallback = "",
	  .flags = OPTION_GENERAL, .check = check_domains, .arg = "DOMAINS",
	  .help = "domains whose addresses have aliases, besides mailname" },
	{ .key = "aliases", .type = OPTION_PATH, .at = AT_GENERAL(aliases),
	  .fallback = "", .flags = OPTION_GENERAL, .arg = "FILE",
	  .help = "file of aliases, as /etc/aliases" },
	{ .key = "aliases_unsafe", .type = OPTION_BOOL,
	  .at = AT_GENERAL(aliases_unsafe), .fallback = "no",
	  .flags = OPTION_GENERAL, .arg = "YES|NO",
	  .help = "let an aliases file of root's include lists" },
	{ .key = "spool", .type = OPTION_PATH, .at = AT_QUEUE(spool),
	  .fallback = "", .flags = OPTION_QUEUE, .arg = "DIRECTORY",
	  .help = "where queued mail is kept" },
	{ .key = "retry", .type = OPTION_LIST, .at = AT_QUEUE(retry),
	  .fallback = "1m, 5m, 15m, 30m, 1h", .flags = OPTION_QUEUE,
	  .check = check_retry, .arg = "DURATIONS",
	  .help = "how long to wait after the first attempts" },
	{ .key = "retry_max", .type = OPTION_SECONDS,
	  .at = AT_QUEUE(retry_max), .fallback = "4h", .min = 1, .max = DAY,
	  .flags = OPTION_QUEUE, .arg = "DURATION",
	  .help = "then the wait doubles up to this" },
	{ .key = "jitter", .type = OPTION_COUNT, .at = AT_QUEUE(jitter),
	  .fallback = "10", .min = 0, .max = 50, .flags = OPTION_QUEUE,
	  .arg = "PERCENT", .help = "make each wait longer or shorter by chance" },
	{ .key = "lifetime", .type = OPTION_SECONDS, .at = AT_QUEUE(lifetime),
	  .fallback = "5d", .min = 1, .max = YEAR, .flags = OPTION_QUEUE,
	  .arg = "DURATION", .help = "return what was tried for so long" },
	{ .key = "delay_notice", .type = OPTION_SECONDS,
	  .at = AT_QUEUE(delay_notice), .fallback = "4h", .min = 0,
	  .max = YEAR, .flags = OPTION_QUEUE, .arg = "DURATION",
	  .help = "tell the sender of such a delay; 0 is never" },
	{ .key = "unknown_wait", .type = OPTION_SECONDS,
	  .at = AT_QUEUE(unknown_wait), .fallback = "15m", .min = 1,
	  .max = DAY, .flags = OPTION_QUEUE, .arg = "DURATION",
	  .help = "least wait for what may have been sent" },
	{ .key = "bounces_per_sender", .type = OPTION_COUNT,
	  .at = AT_QUEUE(bounces_per_sender), .fallback = "20", .min = 0,
	  .max = 1000000, .flags = OPTION_QUEUE, .arg = "NUMBER",
	  .help = "notifications that a sender gets in an hour; 0 is none" },
	{ .key = "bounces_per_hour", .type = OPTION_COUNT,
	  .at = AT_QUEUE(bounces_per_hour), .fallback = "100", .min = 0,
	  .max = 1000000, .flags = OPTION_QUEUE, .arg = "NUMBER",
	  .help = "notifications in an hour, all together; 0 is none" },
	{ .key = "bounce_return", .type = OPTION_SIZE,
	  .at = AT_QUEUE(bounce_return), .fallback = "64k", .min = 0,
	  .max = INT64_MAX, .flags = OPTION_QUEUE, .arg = "SIZE",
	  .help = "of larger messages return the header only" },
	{ .key = "provider", .type = OPTION_TEXT, .at = AT_OAUTH2(provider),
	  .fallback = "", .flags = OPTION_OAUTH2, .check = check_provider,
	  .arg = "NAME",
	  .help = "google, microsoft, yahoo or fastmail: their endpoints" },
	{ .key = "client_id", .type = OPTION_TEXT, .at = AT_OAUTH2(client_id),
	  .fallback = "", .flags = OPTION_OAUTH2, .arg = "ID",
	  .help = "what the provider knows this program by" },
	{ .key = "client_secret", .type = OPTION_TEXT,
	  .at = AT_OAUTH2(client_secret), .fallback = "",
	  .flags = OPTION_OAUTH2 | OPTION_SECRET, .arg = "SECRET",
	  .help = "and proves it by, where the provider wants that" },
	{ .key = "scope", .type = OPTION_TEXT, .at = AT_OAUTH2(scope),
	  .fallback = "", .flags = OPTION_OAUTH2, .arg = "SCOPES",
	  .help = "what to ask for, with blanks between" },
	{ .key = "issuer", .type = OPTION_TEXT, .at = AT_OAUTH2(issuer),
	  .fallback = "", .flags = OPTION_OAUTH2, .check = check_endpoint,
	  .arg = "URL", .help = "whose metadata (RFC 8414) name the endpoints" },
	{ .key = "auth_endpoint", .type = OPTION_TEXT,
	  .at = AT_OAUTH2(auth_endpoint), .fallback = "",
	  .flags = OPTION_OAUTH2, .check = check_endpoint, .arg = "URL",
	  .help = "where a browser logs in" },
	{ .key = "token_endpoint", .type = OPTION_TEXT,
	  .at = AT_OAUTH2(token_endpoint), .fallback = "",
	  .flags = OPTION_OAUTH2, .check = check_endpoint, .arg = "URL",
	  .help = "where tokens come from" },
	{ .key = "device_endpoint", .type = OPTION_TEXT,
	  .at = AT_OAUTH2(device_endpoint), .fallback = "",
	  .flags = OPTION_OAUTH2, .check = check_endpoint, .arg = "URL",
	  .help = "where a login without a browser begins (RFC 8628)" },
	{ .key = "redirect_uri", .type = OPTION_TEXT,
	  .at = AT_OAUTH2(redirect_uri), .fallback = "",
	  .flags = OPTION_OAUTH2, .arg = "URL",
	  .help = "where the browser goes then: http://127.0.0.1/ or as agreed" },
	{ .key = "redirect_port", .type = OPTION_COUNT,
	  .at = AT_OAUTH2(redirect_port), .fallback = "0", .min = 0,
	  .max = 65535, .flags = OPTION_OAUTH2, .arg = "PORT",
	  .help = "port of this host that the browser comes back to; 0 is any" },
	{ .key = "store", .type = OPTION_CHOICE, .at = AT_OAUTH2(store),
	  .fallback = "file", .choice = stores, .flags = OPTION_OAUTH2,
	  .arg = "WHERE", .help = "where tokens are kept: file or keyring" },
	{ .key = "ca_file", .type = OPTION_PATH, .at = AT_OAUTH2(ca_file),
	  .fallback = "", .flags = OPTION_OAUTH2, .arg = "FILE",
	  .help = "PEM file of authorities for the provider" },
};

enum { OPTIONS = sizeof(options) / sizeof(*options) };
_Static_assert((int)OPTIONS <= 64 * GIVEN_WORDS, "`given` has a bit for each");

size_t option_count(void)
{
	return OPTIONS;
}

const struct option *option_at(size_t i)
{
	return &options[i];
}

static bool same_key(struct str a, const char *key)
{
	size_t i;

	for (i = 0; i < a.n; i++) {
		char c = a.p[i] == '-' ? '_' : ascii_lower(a.p[i]);

		if (!key[i] || c != key[i])
			return false;
	}
	return !key[i];
}

const struct option *option_find(struct str key)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (same_key(key, options[i].key))
			return &options[i];
	return NULL;
}

const char *option_nearest(struct str key)
{
	struct nearest best = { 0 };

	for (size_t i = 0; i < OPTIONS; i++)
		nearest_try(&best, key, options[i].key);
	return best.name;
}

/* Say that key is unknown, and what may have been meant. */
static void unknown(struct str key, struct error *err)
{
	const char *near = option_nearest(key);
	struct buf shown;

	buf_init(&shown, 400);
	utf8_escape(&shown, (struct str){ key.p, key.n > 64 ? 64 : key.n });
	if (near)
		error_set(err, ERROR_CONFIG, "unknown setting '%s': did you "
			  "mean '%s'?", buf_cstr(&shown), near);
	else
		error_set(err, ERROR_CONFIG, "unknown setting '%s'",
			  buf_cstr(&shown));
	buf_release(&shown);
}

const struct option *option_lookup(struct str key, struct error *err)
{
	const struct option *o = option_find(key);

	if (o)
		return o;
	unknown(key, err);
	return NULL;
}
