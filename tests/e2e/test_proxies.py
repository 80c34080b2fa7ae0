"""Ways to the relay: SOCKS5 and HTTP CONNECT proxies, and what they do wrong;
real ones from the distribution; and the queue behind a proxy that is down."""
import os
import time

import pytest

from conftest import cannot
from lib import socks
from lib.check import BOB, both, silent
from lib.peer import smtp
from lib.program import FROM, PASSWORD
from lib.relay import auth, tls
from lib.servers import free_ports
from lib.socks import Proxy, Real
from lib.spool import Queue

KINDS = ["socks5", "http"]
USER, SECRET = "pröxy us@r", "P@ss/w:rd %4711"
CODED = ("pr%C3%B6xy%20us%40r", "P%40ss%2fw%3Ard%20%254711")
# A name that nobody here knows, but the certificate "good" has.
NAME = "relay.test"


@pytest.fixture
def proxy():
    """proxy(kind, routes, ...) starts one; all end with the test."""
    running = []

    def start(kind, routes, **more):
        running.append(Proxy(kind, routes, **more))
        return running[-1]

    yield start
    for p in running:
        p.stop()


def through(home, relay, p, *login, **settings):
    """A home whose only way to the relay, by its name, is the proxy."""
    h = home(relay.port, host=NAME, proxy=p.url(*login), **settings)
    h.secrets.append(SECRET)
    return h


# ---- it works ----

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["implicit", "starttls", "none"])
def test_sent(home, relay, certs, proxy, kind, mode):
    """TLS and login are with the relay, whose name only the proxy knows."""
    r = relay(*(tls(certs, "good", mode) + auth() if mode != "none" else []))
    p = proxy(kind, {NAME: r.port})
    h = through(home, r, p, tls=mode, tls_trust=certs / "ca.pem")
    if mode != "none":
        h.login()
    silent(h.run("-f", FROM, BOB))
    assert p.asked == [(NAME, r.port)]
    assert len(r.messages(1)) == 1
    assert not p.logins
    if mode != "none":
        assert PASSWORD.encode() not in p.got[0]


@pytest.mark.parametrize("kind", KINDS)
def test_login(home, relay, proxy, kind):
    """A user with a password beyond ASCII; the relay sees neither."""
    r = relay()
    p = proxy(kind, {NAME: r.port}, login=(USER, SECRET))
    h = through(home, r, p, *CODED)
    run = h.run("-v", "-f", FROM, BOB)
    assert run.status == 0, run
    assert p.logins == [(USER, SECRET)]
    for octets in r.raw().values():
        assert SECRET.encode() not in octets and b"CONNECT" not in octets
    assert ("*: connected to %s:%d via 127.0.0.1:%d" %
            (NAME, r.port, p.port)) in run.err, run


@pytest.mark.parametrize("kind", KINDS)
def test_user_without_password(home, relay, proxy, kind):
    r = relay()
    p = proxy(kind, {NAME: r.port}, login=("joe", ""))
    silent(through(home, r, p, "joe").run("-f", FROM, BOB))
    assert p.logins == [("joe", "")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["192.0.2.25", "2001:db8::25"])
def test_address(home, relay, proxy, kind, host):
    """An address goes to the proxy as one."""
    r = relay()
    p = proxy(kind, {host: r.port})
    h = through(home, r, p)
    h.set(host=host)
    silent(h.run("-f", FROM, BOB))
    assert p.asked == [(host, r.port)]


@pytest.mark.parametrize("kind,more", [
    ("socks5", {}), ("http", {}),
    ("socks5", {"bound": b"\x03\x09some.host\x00\x01"}),
    ("socks5", {"bound": b"\x04" + bytes(16) + b"\x00\x01"}),
    ("http", {"answer": b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n"
                        b"HTTP/1.0 200\r\nContent-Length: 7\r\n\r\n"})])
def test_greeting_in_one_segment(home, relay, proxy, kind, more):
    """What follows on the proxy's answer is the relay's."""
    r = relay()
    p = proxy(kind, {NAME: r.port}, glue=True, **more)
    silent(through(home, r, p).run("-f", FROM, BOB))
    assert len(r.messages(1)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_certificate_is_the_relays(home, relay, certs, proxy, kind):
    """A certificate for the proxy's address does not do for the relay."""
    r = relay(*tls(certs, "wronghost"), *auth())
    p = proxy(kind, {NAME: r.port})
    h = through(home, r, p, tls="implicit", tls_trust=certs / "ca.pem").login()
    for run in both(h, sysexits=77):
        assert NAME in run.err, run
    assert not r.said("AUTH")


def test_large(home, relay, proxy):
    """A message that does not fit into any buffer on the way."""
    r = relay(caps="SIZE 300000000,CHUNKING,PIPELINING")
    p = proxy("socks5", {NAME: r.port})
    body = b"Subject: big\n\n" + (b"x" * 75 + b"\n") * 100000
    silent(through(home, r, p).run("-f", FROM, BOB, stdin=body))
    assert len(r.stored()) > 7600000


def test_serverinfo(home, relay, certs, proxy):
    r = relay(*tls(certs))
    p = proxy("http", {NAME: r.port})
    h = through(home, r, p, tls="implicit", tls_trust=certs / "ca.pem")
    run = h.run("--serverinfo", stdin=b"")
    assert run.status == 0, run
    assert "%s:%d via 127.0.0.1:%d" % (NAME, r.port, p.port) in run.out, run


def test_report_counts_round_trips(home, relay, proxy):
    """What the proxy costs is in the count."""
    r = relay()
    trips = {}
    for kind in (None, *KINDS):
        p = proxy(kind, {NAME: r.port}) if kind else None
        h = through(home, r, p) if p else home(r.port)
        run = h.report("-f", FROM, BOB)
        assert run.status == 0, run
        trips[kind] = run.json["round_trips"]
    assert trips["socks5"] == trips[None] + 2, trips
    assert trips["http"] == trips[None] + 1, trips


def test_environment_is_not_heeded(home, relay):
    """Mail does not go another way because of who calls."""
    r = relay()
    dead = "socks5://127.0.0.1:%d" % free_ports(1)[0]
    env = {k: dead for k in ("ALL_PROXY", "all_proxy", "HTTP_PROXY",
                             "http_proxy", "HTTPS_PROXY", "https_proxy",
                             "SOCKS_SERVER")}
    silent(home(r.port).run("-f", FROM, BOB, env=env))


# ---- what proxies do ----

def say(data, then="drain"):
    def serve(conn):
        conn.send(data)
        if then == "drain":
            conn.drain()
    return serve


def silence(conn):
    conn.drain()


def close(conn):
    pass


def reset(conn):
    conn.recv()
    conn.reset()


def dribble(data):
    """An octet every tenth of a second, for ever."""
    def serve(conn):
        while conn.send(data):
            time.sleep(0.1)
    return serve


def flood(data):
    def serve(conn):
        for _ in range(10 << 20 >> 12):
            if not conn.send(data * (4096 // len(data))):
                return
    return serve


# kind, stage, what it does, status, what is said of it
FAULTS = {
    "socks silent": ("socks5", "start", silence, 75,
                     "timed out waiting for the answer to our greeting"),
    "socks silent later": ("socks5", "request", silence, 75,
                           "timed out waiting for the connection"),
    "socks silent login": ("socks5", "login", silence, 75,
                           "timed out waiting for the answer to the login"),
    "socks closes": ("socks5", "start", close, 75, "before the answer to our"),
    "socks closes login": ("socks5", "login", close, 75, "the login"),
    "socks closes later": ("socks5", "request", close, 75, "to the relay"),
    "socks resets": ("socks5", "start", reset, 75, "broke"),
    "socks is http": ("socks5", "start", say(b"HTTP/1.1 400 Bad\r\n\r\n"), 76,
                      "try http://"),
    "socks is smtp": ("socks5", "start", say(b"220 mx ESMTP\r\n"), 76,
                      "as a mail server does"),
    "socks is socks4": ("socks5", "start", say(b"\0\x5b\0\0\0\0\0\0"), 76,
                        "SOCKS4"),
    "socks flood": ("socks5", "start", flood(b"garbage!"), 76, "SOCKS5"),
    "socks bad method": ("socks5", "start", say(b"\x05\x01"), 76, "offered"),
    "socks wants gssapi": ("socks5", "start", say(b"\x05\xff"), 77, "GSSAPI"),
    "socks refuses login": ("socks5", "login", say(b"\x01\x01"), 77,
                            "refused the user or the password"),
    "socks echoes": ("socks5", "login", say(SECRET.encode()), 76, "broke"),
    "socks general": ("socks5", "request", 1, 75, "general failure"),
    "socks ruleset": ("socks5", "request", 2, 77, "rules"),
    "socks network": ("socks5", "request", 3, 75, "network is unreachable"),
    "socks host": ("socks5", "request", 4, 75, "host is unreachable"),
    "socks refused": ("socks5", "request", 5, 75, "connection refused"),
    "socks ttl": ("socks5", "request", 6, 75, "TTL"),
    "socks command": ("socks5", "request", 7, 76, "CONNECT"),
    "socks address": ("socks5", "request", 8, 76, "kind of address"),
    "socks unknown": ("socks5", "request", 99, 75, "reply 99"),
    "socks odd type": ("socks5", "request", say(b"\x05\0\0\x02"), 76,
                       "unknown type 2"),
    "http silent": ("http", "start", silence, 75, "timed out waiting"),
    "http dribbles": ("http", "start", dribble(b"HTTP/1.1 100 x\r\n\r\n"), 75,
                      "timed out waiting"),
    "http dribbles octets": ("http", "request",
                             lambda conn: (conn.send(b"HTTP/1.1 200 "),
                                           dribble(b"x")(conn)), 75,
                             "timed out waiting"),
    "http closes": ("http", "start", close, 75, "connection"),
    "http closes later": ("http", "request",
                          say(b"HTTP/1.1 200 ok\r\nA: b\r\n", "close"), 75,
                          "closed the connection"),
    "http resets": ("http", "start", reset, 75, "broke"),
    "http is socks": ("http", "start", say(b"\x05\xff"), 76, "try socks5://"),
    "http is smtp": ("http", "start", say(b"220 mx\r\n"), 76, "mail server"),
    "http is tls": ("http", "start", say(b"\x15\x03\x01\0\x02\x02\x46"), 76,
                    "TLS"),
    "http flood": ("http", "start", flood(b"garbage!"), 76, "HTTP/1.1"),
    "http long line": ("http", "request",
                       lambda conn: (conn.send(b"HTTP/1.1 200 "),
                                     flood(b"x")(conn)), 76, "16384 octets"),
    "http many lines": ("http", "request",
                        lambda conn: (conn.send(b"HTTP/1.1 200 x\r\n"),
                                      flood(b"a:b\r\n...")(conn)), 76,
                        "more than 100 lines"),
    "http many 1xx": ("http", "request",
                      flood(b"HTTP/1.1 100 on\r\n\r\n   "[:19]), 76,
                      "more than 100 lines"),
    "http 2": ("http", "request", say(b"HTTP/2 200\r\n\r\n"), 76, "HTTP/1.1"),
    "http bad field": ("http", "request",
                       say(b"HTTP/1.1 200 x\r\nwhat\r\n\r\n"), 76, "field"),
    "http 407": ("http", "request",
                 say(b"HTTP/1.1 407 " + SECRET.encode() +
                     b"\r\nProxy-Authenticate: NTLM, Negotiate\r\n\r\n"), 77,
                 "NTLM, Negotiate: only Basic"),
    "http refuses login": ("http", "request",
                           say(b"HTTP/1.1 407 no\r\nProxy-Authenticate: "
                               b"Basic realm=x\r\n\r\n"), 77,
                           "refused the user or the password"),
    "http 403": ("http", "request", 403, 77, "rules"),
    "http 405": ("http", "request", 405, 77, "rules do not allow CONNECT"),
    "http 400": ("http", "request", 400, 76, "400"),
    "http 500": ("http", "request", 500, 75, "500"),
    "http 502": ("http", "request", 502, 75, "502"),
    "http 503": ("http", "request", 503, 75, "503"),
    "http 504": ("http", "request", 504, 75, "504"),
    "http 302": ("http", "request", 302, 76, "302"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(home, relay, certs, proxy, name):
    """Each fault ends in time, in little memory, with its own word; the relay
    hears nothing; and the secrets of neither login get out."""
    kind, stage, fault, status, text = FAULTS[name]
    r = relay(*tls(certs), *auth())
    p = proxy(kind, {NAME: r.port}, login=(USER, SECRET), fault=fault,
              stage=stage)
    h = through(home, r, p, *CODED, tls="implicit", timeout_connect=1,
                tls_trust=certs / "ca.pem").login()
    for run in both(h, "-v", BOB, sysexits=status):
        assert text in run.err, run
        assert "proxy '127.0.0.1:%d': " % p.port in run.err, run
        assert run.elapsed < 6, run
    assert r.connected() == 0
    for got in p.got:
        assert PASSWORD.encode() not in got and b"EHLO" not in got


@pytest.mark.parametrize("kind", KINDS)
def test_login_is_wanted(home, relay, proxy, kind):
    """Without a user the settings say what to do; with a wrong one, that."""
    r = relay()
    p = proxy(kind, {NAME: r.port}, login=(USER, SECRET))
    for run in both(through(home, r, p), sysexits=77):
        assert "wants a login" in run.err, run
        assert "%s://USER:PASSWORD@" % kind in run.err, run
    h = through(home, r, p, "joe", "Wr0ng-Secret")
    h.secrets.append("Wr0ng-Secret")
    for run in both(h, sysexits=77):
        assert "refused the user or the password" in run.err, run
    assert r.connected() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_proxy_is_not_there(home, kind):
    port, = free_ports(1)
    h = home(25, host=NAME, proxy="%s://127.0.0.1:%d" % (kind, port))
    for run in both(h, sysexits=75):
        assert "proxy '127.0.0.1:%d': " % port in run.err, run
        assert "connection refused" in run.err, run
    h.set(proxy="%s://nowhere.invalid:1" % kind)
    for run in both(h, sysexits=(68, 75)):
        assert "proxy 'nowhere.invalid:1'" in run.err, run


def test_deadline(home, relay, proxy):
    """The deadline for everything holds for the proxy, too."""
    r = relay()
    p = proxy("socks5", {}, fault=silence, stage="start")
    h = through(home, r, p, deadline=1, timeout_connect=30)
    run = h.run("-f", FROM, BOB)
    assert run.status == 75 and run.elapsed < 4, run


@pytest.mark.parametrize("kind", KINDS)
def test_relay_behind_it_fails(home, peer, proxy, kind):
    """Once connected, it is the relay that is spoken of."""
    deaf = peer(smtp({"GREETING": b"554 5.3.2 no\r\n"}))
    p = proxy(kind, {NAME: deaf.port})
    h = through(home, deaf, p)
    for run in both(h, sysexits=69, reply=554):
        assert "%s:%d: " % (NAME, deaf.port) in run.err, run
        assert "proxy '" not in run.err, run


# ---- the settings ----

def test_url_is_a_secret(home, relay, proxy):
    r = relay()
    p = proxy("socks5", {NAME: r.port}, login=(USER, SECRET))
    h = through(home, r, p, *CODED)
    h.secrets.append(CODED[1])
    run = h.run("--print-config", stdin=b"")
    assert run.status == 0, run
    assert "proxy = socks5://%s:********@127.0.0.1:%d\n" % (
        CODED[0], p.port) in run.out, run
    h.config.chmod(0o644)
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 77 and "chmod" in run.err, run
    h.set(proxy=p.url("joe"))
    h.config.chmod(0o644)
    run = h.run("--check-config", stdin=b"")
    assert run.status == 0, run
    h.set(proxy=None)
    for option in (["--proxy=" + p.url(*CODED)],
                   ["--set=proxy=" + p.url(*CODED)],
                   ["--proxy", p.url(*CODED) + "x"]):
        run = h.run(*option, "-f", FROM, BOB)
        assert run.status == 64, run
    assert r.connected() == 0
    silent(h.run("--proxy=" + proxy("socks5", {NAME: r.port}).url(), "-f",
                 FROM, BOB))


@pytest.mark.parametrize("url", [
    "socks4://127.0.0.1:1", "https://u:{0}@h:1", "u:{0}@h:1",
    "socks5://u:{0}@h:x", "socks5://u:{0}%@h", "http://u:{0}@h",
    "socks5://u:{0}@h/path", "{0}", "socks5://u:{0}"])
def test_bad_url(home, url):
    """78, says what is known, and nothing of the password."""
    secret = "Hidden-Word-99"
    h = home(25, proxy=url.format(secret))
    h.secrets.append(secret)
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 78 and "'proxy'" in run.err, run
    assert "line " in run.err, run


def test_socket_without_proxy(home, tmp):
    h = home(None, host=tmp / "socket", proxy="socks5://127.0.0.1:1")
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 78 and "'proxy'" in run.err, run


def test_link_local_is_not_for_a_proxy(home, proxy):
    p = proxy("socks5", {})
    h = home(25, host="fe80::1%lo", proxy=p.url())
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 78 and "link-local" in run.err, run


# ---- the queue ----

def test_queue_waits_for_the_proxy(tmp, relay, proxy):
    """A proxy that is down, or refuses, defers; then it goes."""
    r = relay()
    port, = free_ports(1)
    q = Queue(tmp / "q", r.port, host=NAME,
              proxy="socks5://127.0.0.1:%d" % port)
    run = q.run("-f", FROM, BOB)
    assert run.status == 0 and "queued as" in run.err, run
    refusing = proxy("http", {NAME: r.port}, fault=403)
    q.set(proxy=refusing.url())
    run = q.go()
    assert q.only().open() == [BOB], run
    wanting = proxy("socks5", {NAME: r.port}, login=("joe", "s3cret-word"))
    q.set(proxy=wanting.url())
    q.go()
    assert q.only().open() == [BOB]
    q.set(proxy=wanting.url("joe", "s3cret-word"))
    run = q.go()
    assert run.status == 0 and not q.entries(), run
    assert len(r.messages(1)) == 1


# ---- real ones ----

@pytest.fixture
def real(tmp):
    running = []

    def start(name, **more):
        if not socks.find(name):
            cannot("%s is not installed" % name)
        running.append(Real(name, tmp / ("real%d" % len(running)), **more))
        return running[-1]

    yield start
    for p in running:
        p.stop()


def behind(home, certs, r, url):
    """The proxy resolves "localhost" by itself."""
    h = home(r.port, host="localhost", proxy=url, tls="implicit",
             tls_trust=certs / "ca.pem").login()
    h.secrets.append("s3cret-word")
    return h


@pytest.mark.parametrize("login", [None, ("joe", "s3cret-word")])
def test_microsocks(home, relay, certs, real, login):
    r = relay(*tls(certs), *auth(), listen=("127.0.0.1:0",))
    p = real(socks.MICROSOCKS, **(dict(zip(("user", "password"), login))
                                  if login else {}))
    who = "joe:s3cret-word@" if login else ""
    h = behind(home, certs, r, "socks5://%s127.0.0.1:%d" % (who, p.port))
    h.set(host="127.0.0.1")
    silent(h.run("-f", FROM, BOB))
    if login:
        h.set(proxy="socks5://joe:wrong@127.0.0.1:%d" % p.port)
        for run in both(h, sysexits=77):
            assert "refused the user or the password" in run.err, run
        h.set(proxy="socks5://127.0.0.1:%d" % p.port)
        for run in both(h, sysexits=77):
            assert "wants a login" in run.err, run


def test_dante(home, relay, certs, real):
    r = relay(*tls(certs), *auth())
    p = real(socks.DANTED)
    h = behind(home, certs, r, "socks5h://127.0.0.1:%d" % p.port)
    silent(h.run("-f", FROM, BOB))
    h.set(port=9)
    for run in both(h, sysexits=77):
        assert "rules" in run.err, run
    h.set(port=free_ports(1)[0])
    for run in both(h, sysexits=75):
        assert "connection refused" in run.err, run


def test_tinyproxy(home, relay, certs, real):
    r = relay(*tls(certs), *auth())
    p = real(socks.TINYPROXY, user="joe", password="s3cret-word",
             allowed=r.port)
    h = behind(home, certs, r, "http://joe:s3cret-word@127.0.0.1:%d" % p.port)
    silent(h.run("-f", FROM, BOB))
    h.set(port=9)
    for run in both(h, sysexits=77):
        assert "rules" in run.err and "403" in run.err, run
    h.set(port=r.port, proxy="http://joe:wrong@127.0.0.1:%d" % p.port)
    for run in both(h, sysexits=77):
        assert "refused the user or the password" in run.err, run
