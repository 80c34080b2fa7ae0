#include "net/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

static char dir[] = "/tmp/test-resume.XXXXXX";
static char ca_file[64], tickets[64];
static struct ident ca, good;
static gnutls_datum_t ticket_key;

static struct tls_config config(void)
{
	return (struct tls_config){
		.host = "mail.test", .trust = ca_file, .priority = "",
		.known_file = "", .known_as = "mail.test:465",
		.ticket_dir = tickets, .ticket_for = "alice", .verify = true
	};
}

/* Move what each says to the other until neither has more to say. */
static int shake(struct tls *t, struct peer *p, struct error *err)
{
	int r = tls_handshake(t, err);

	for (int idle = 0; idle < 3 && r >= 0; idle++) {
		struct buf *out = tls_out(t);

		if (out->len) {
			buf_add(&p->in, buf_str(out));
			buf_reset(out);
			idle = 0;
		}
		peer_step(p);
		if (p->out.len) {
			tls_feed(t, buf_str(&p->out));
			buf_reset(&p->out);
			r = tls_handshake(t, err);
			idle = 0;
		}
	}
	return r;
}

/* The peer says something, which is when tickets are read. */
static void hear(struct tls *t, struct peer *p)
{
	struct error err = { 0 };
	char got[8];
	ptrdiff_t n = TLS_AGAIN;

	assert_int_equal(gnutls_record_send(p->session, "220 ok\r\n", 8), 8);
	tls_feed(t, buf_str(&p->out));
	buf_reset(&p->out);
	for (int i = 0; i < 4 && n == TLS_AGAIN; i++)
		n = tls_read(t, got, sizeof(got), &err);
	assert_int_equal(n, 8);
}

struct turn {
	bool resumed;
	bool keep;			/* tls_keep() is called */
	bool hear;			/* the relay says something */
};

static void meet(const struct tls_config *c, const char *version,
		 struct turn turn)
{
	struct error err = { 0 };
	struct peer p;
	struct tls *t;

	peer_init(&p, &good, version);
	must(gnutls_session_ticket_enable_server(p.session, &ticket_key),
	     "tickets");
	t = tls_new(c, &err);
	assert_non_null(t);
	assert_int_equal(shake(t, &p, &err), 1);
	assert_true(p.up);
	assert_int_equal(gnutls_session_is_resumed(p.session), turn.resumed);
	assert_int_equal(tls_info(t)->resumed, turn.resumed);
	assert_string_equal(tls_info(t)->cert.subject, "CN=mail.test");
	assert_string_equal(tls_info(t)->trouble, "");
	assert_int_equal(tls_soured(t), turn.resumed);
	if (turn.hear) {
		hear(t, &p);
		assert_false(tls_soured(t));
	}
	if (turn.keep)
		tls_keep(t);
	tls_free(t);
	peer_release(&p);
}

static void empty(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", tickets);
	assert_int_equal(system(command), 0);
}

static void test_resumed(void **state)
{
	static const char *const versions[] = { TLS12, TLS13 };
	struct tls_config c = config();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		empty();
		meet(&c, versions[i], (struct turn){ false, true, true });
		meet(&c, versions[i], (struct turn){ true, true, true });
		meet(&c, versions[i], (struct turn){ true, false, true });
		meet(&c, versions[i], (struct turn){ true, true, true });
	}
}

/* Only what tls_keep() was called for is kept. */
static void test_not_kept(void **state)
{
	struct tls_config c = config();

	(void)state;
	empty();
	meet(&c, TLS13, (struct turn){ false, false, true });
	meet(&c, TLS13, (struct turn){ false, false, true });
	assert_int_equal(access(tickets, F_OK), -1);
	c.verify = false;
	meet(&c, TLS13, (struct turn){ false, true, true });
	assert_int_equal(access(tickets, F_OK), -1);
}

/* TLS 1.3: without a ticket there is nothing, and no wait for one. */
static void test_no_wait(void **state)
{
	struct tls_config c = config();

	(void)state;
	empty();
	meet(&c, TLS13, (struct turn){ false, true, false });
	assert_int_equal(access(tickets, F_OK), -1);
}

/* A session after which the relay says nothing is not offered again. */
static void test_led_to_nothing(void **state)
{
	struct tls_config c = config();

	(void)state;
	empty();
	meet(&c, TLS13, (struct turn){ false, true, true });
	meet(&c, TLS13, (struct turn){ true, false, false });
	meet(&c, TLS13, (struct turn){ false, true, true });
	meet(&c, TLS13, (struct turn){ true, false, true });
	c.ticket_fresh = true;
	meet(&c, TLS13, (struct turn){ false, false, true });
	c.ticket_fresh = false;
	meet(&c, TLS13, (struct turn){ true, true, true });
}

static void test_wanted(void **state)
{
	struct tls_config c = config();

	(void)state;
	empty();
	meet(&c, TLS13, (struct turn){ false, true, true });
	c.dane = 1;
	meet(&c, TLS13, (struct turn){ false, true, true });
	meet(&c, TLS13, (struct turn){ false, true, true });
	c.dane = 0;
	c.ticket_for = "bob";
	meet(&c, TLS13, (struct turn){ false, true, true });
	meet(&c, TLS13, (struct turn){ true, true, true });
	c.ticket_dir = "";
	meet(&c, TLS13, (struct turn){ false, true, true });
}

/* The trust store is not loaded with a session in hand. */
static void test_prepare(void **state)
{
	struct tls_config c = config();
	struct error err = { 0 };
	struct tls *t;

	(void)state;
	empty();
	c.trust = "/nonexistent/ca.pem";
	t = tls_new(&c, &err);
	assert_int_equal(tls_prepare(t, &err), -1);
	tls_free(t);
	c = config();
	meet(&c, TLS13, (struct turn){ false, true, true });
	t = tls_new(&c, &err);
	assert_int_equal(unlink(ca_file), 0);
	assert_int_equal(tls_prepare(t, &err), 0);
	tls_free(t);
	ident_save(&ca, ca_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_not_kept),
		cmocka_unit_test(test_no_wait),
		cmocka_unit_test(test_led_to_nothing),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_prepare),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
	snprintf(tickets, sizeof(tickets), "%s/tickets", dir);
	ca = ident_new(&(struct ident_spec){ .cn = "Test CA", .ca = true });
	good = ident_new(&(struct ident_spec){ .cn = "mail.test",
		.dns = { "mail.test" }, .issuer = &ca });
	ident_save(&ca, ca_file);
	must(gnutls_session_ticket_key_generate(&ticket_key), "ticket key");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	empty();
	unlink(ca_file);
	rmdir(dir);
	gnutls_free(ticket_key.data);
	ident_free(&good);
	ident_free(&ca);
	return failed;
}
