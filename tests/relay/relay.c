#include "relay/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "relay/conn.h"
#include "relay/log.h"
#include "relay/smtp.h"

int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void pause_ms(unsigned ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (ms && nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	struct relay *r = c->relay;

	if (r->conf.script)
		script_run(c, r->conf.script);
	else
		smtp_run(c);
	conn_free(c);
	atomic_fetch_sub(&r->open, 1);
	return NULL;
}

static void log_connect(struct relay *r, unsigned id, const struct listener *l)
{
	static const char *const modes[] =
		{ "none", "starttls", "implicit", "" };
	struct buf b;

	log_begin(r, &b, id, "connect");
	log_str(&b, "listener", str_of(l->name));
	log_str(&b, "tls", str_of(modes[l->tls]));
	log_end(r, &b);
}

static void accept_one(struct relay *r, const struct listener *l, unsigned id)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	pthread_attr_t attr;
	pthread_t thread;
	struct conn *c;

	if (fd < 0)
		return;
	log_connect(r, id, l);
	c = conn_new(r, fd, id, l->tls);
	atomic_fetch_add(&r->open, 1);
	atomic_store(&r->activity, now_us());
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, serve, c)) {
		conn_free(c);
		atomic_fetch_sub(&r->open, 1);
	}
	pthread_attr_destroy(&attr);
}

/* SIGTERM as something to read, so that the relay can end in good order. */
static int term_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/*
 * Until SIGTERM, or --max-connections have come and gone, or nothing has
 * happened for long.
 */
static void run(struct relay *r, int term)
{
	struct config *conf = &r->conf;
	struct pollfd pfd[LISTENERS_MAX + 1];
	unsigned id = 0;

	for (;;) {
		bool more = !conf->max_connections || id < conf->max_connections;
		int64_t idle = now_us() - atomic_load(&r->activity);

		if (idle > (int64_t)conf->idle_exit * 1000000)
			return;
		if (!more && !atomic_load(&r->open))
			return;
		for (size_t i = 0; i < conf->nlisteners; i++)
			pfd[i] = (struct pollfd){ more ? conf->listeners[i].fd : -1,
						  POLLIN, 0 };
		pfd[conf->nlisteners] = (struct pollfd){ term, POLLIN, 0 };
		if (poll(pfd, conf->nlisteners + 1, more ? 200 : 5) <= 0)
			continue;
		if (pfd[conf->nlisteners].revents)
			return;
		for (size_t i = 0; i < conf->nlisteners; i++)
			if (pfd[i].revents && (!conf->max_connections ||
					       id < conf->max_connections))
				accept_one(r, &conf->listeners[i], ++id);
	}
}

static int relay_start(struct relay *r)
{
	r->log_fd = -1;
	r->started = now_us();
	atomic_store(&r->activity, r->started);
	if (pthread_mutex_init(&r->log_lock, NULL))
		return -1;
	if (r->conf.log)
		r->log_fd = open(r->conf.log, O_WRONLY | O_CREAT | O_APPEND |
				 O_CLOEXEC, 0600);
	if (r->conf.log && r->log_fd < 0) {
		fprintf(stderr, "relay: cannot open '%s': %m\n", r->conf.log);
		return -1;
	}
	return tls_setup(r) || listen_all(&r->conf) ? -1 : 0;
}

static void relay_stop(struct relay *r)
{
	for (size_t i = 0; i < r->conf.nlisteners; i++) {
		const char *name = r->conf.listeners[i].name;

		if (r->conf.listeners[i].fd >= 0)
			close(r->conf.listeners[i].fd);
		if (!strncmp(name, "unix:", 5))
			unlink(name + 5);
	}
	/* Connections that hang still use the rest. */
	if (atomic_load(&r->open))
		_exit(0);
	tls_release(r);
	if (r->log_fd >= 0)
		close(r->log_fd);
	options_release(&r->conf);
}

int main(int argc, char **argv)
{
	static struct relay r;
	int ret = 0;
	int term;

	signal(SIGPIPE, SIG_IGN);
	if (options_parse(&r.conf, argc, argv))
		return 64;
	if (r.conf.make_certs)
		return certs_make(r.conf.make_certs) ? 73 : 0;
	if (r.conf.proxy)
		return proxy_run(r.conf.proxy, r.conf.proxy_delay,
				 r.conf.idle_exit);
	if (!r.conf.nlisteners) {
		fprintf(stderr, "relay: --listen is needed; see tests/relay/README\n");
		return 64;
	}
	term = term_fd();
	if (term < 0 || relay_start(&r))
		ret = 71;
	else
		run(&r, term);
	if (term >= 0)
		close(term);
	relay_stop(&r);
	return ret;
}
