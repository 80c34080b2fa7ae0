"""HOSTILE.md 1-15: connection, greeting, EHLO."""
import socket
import threading
import time

import pytest

from lib.check import BOB, both, resolver, silent, status_of
from lib.peer import smtp
from lib.program import FROM, MESSAGE
from lib.servers import free_ports


def greeting(data, then=None):
    """A handler that sends `data` first and then waits for the end."""
    def serve(conn):
        for piece in data if isinstance(data, list) else [data]:
            if not conn.send(piece):
                return
        if then != "close":
            conn.drain()
    return serve


def closed_port():
    return free_ports(1)[0]


def test_01_port_closed(home, tmp):
    """1: port closed on all addresses -> 75, "connection refused" each."""
    port = closed_port()
    env = resolver(tmp, {"two.test": ["127.0.0.1", "127.0.0.2"]})
    h = home(port, host="two.test")
    for run in both(h, sysexits=75, env=env):
        assert run.err.lower().count("refused") >= 1, run
        assert "127.0.0.1" in run.err and "127.0.0.2" in run.err, run


def test_01_port_closed_one_address(home):
    """1: the same with an address as host."""
    for run in both(home(closed_port()), sysexits=75):
        assert "refused" in run.err, run


@pytest.mark.parametrize("fault,status", [("!NONAME", 68), ("!AGAIN", 75)])
def test_02_name(home, tmp, fault, status):
    """2: NXDOMAIN -> 68, SERVFAIL -> 75."""
    env = resolver(tmp, {"gone.test": fault})
    for run in both(home(25, host="gone.test"), sysexits=status, env=env):
        assert "gone.test" in run.err, run


def test_03_first_address_silent(home, peer, tmp):
    """3: first address never answers (full backlog), second works -> 0
    within a second (RFC 8305)."""
    good = peer(smtp())
    deaf = socket.socket()
    deaf.bind(("127.0.0.2", good.port))
    deaf.listen(0)
    fill = []
    for _ in range(4):	# beyond the backlog a SYN gets no answer
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.2", good.port))
        fill.append(s)
    try:
        env = resolver(tmp, {"two.test": ["127.0.0.2", "127.0.0.1"]})
        h = home(good.port, host="two.test", timeout_connect=20)
        run = h.run("-f", FROM, BOB, env=env)
        silent(run)
        assert run.elapsed < 1.5, run
    finally:
        for s in [deaf, *fill]:
            s.close()


def test_04_silence(home, peer):
    """4: accept, then silence -> 75 after the banner timeout, "waiting for
    greeting"."""
    p = peer(lambda conn: conn.drain())
    for run in both(home(p.port, timeout_command=1), sysexits=75, seconds=5):
        assert "greeting" in run.err, run
        assert run.elapsed < 3, run
    assert all(not got for got in p.got), p.got


def test_05_late_greeting(home, peer):
    """5: banner delayed but within the timeout -> 0."""
    def late(conn, line):
        time.sleep(1.5)
        return conn.send(b"220 r.test at last\r\n")
    p = peer(smtp({"GREETING": late}))
    silent(home(p.port, timeout_command=10).run("-f", FROM, BOB))


def test_06_greeting_554(home, peer):
    """6: banner `554 5.3.2 no` -> 69."""
    p = peer(smtp({"GREETING": b"554 5.3.2 no\r\n"}))
    for run in both(home(p.port), sysexits=69, reply=554):
        assert "5.3.2 no" in run.err, run
    assert not any(b"EHLO" in got or b"MAIL" in got for got in p.got), p.got


def test_07_greeting_421(home, peer):
    """7: banner `421 4.7.0 busy` then close -> 75."""
    p = peer(greeting(b"421 4.7.0 busy\r\n", "close"))
    for run in both(home(p.port), sysexits=75, reply=421):
        assert "4.7.0 busy" in run.err, run


def test_08_greeting_without_end(home, peer):
    """8: banner 10 MB without CRLF -> 76 within 1 s, memory flat."""
    p = peer(greeting([b"2" * 65536] * 160))
    for run in both(home(p.port), sysexits=76, rss_max=20 << 20):
        assert run.elapsed < 1.5, run


def test_09_greeting_for_ever(home, peer):
    """9: banner `220-` lines for ever -> 76 after the cap."""
    def forever(conn):
        while conn.send(b"220-and another thing\r\n" * 50):
            pass
    p = peer(forever)
    for run in both(home(p.port), sysexits=76):
        assert run.elapsed < 2, run


@pytest.mark.parametrize("banner", [
    b"22 hi\r\n", b"2200 x\r\n", b"+OK ready\r\n",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x03\x00\x05hello\r\n",
    b"hello there\r\n", b"-220 x\r\n", b"999 x\r\n", b"000 x\r\n"],
    ids=lambda b: repr(b[:12]))
def test_10_not_smtp(home, peer, banner):
    """10: `22 hi`, `2200 x`, `+OK`, TLS record bytes, HTTP -> 76 "not an
    SMTP server"."""
    p = peer(greeting(banner))
    for run in both(home(p.port), sysexits=76):
        assert "SMTP" in run.err, run
    assert not any(b"MAIL" in got for got in p.got), p.got


def test_10_tls_alert(home, peer):
    """10: a TLS alert (0x15 0x03) as greeting -> 76 with a hint at the TLS
    port."""
    p = peer(greeting(b"\x15\x03\x01\x00\x02\x02\x46", "close"))
    for run in both(home(p.port), sysexits=76):
        assert "TLS" in run.err and "implicit" in run.err, run


def test_11_ehlo_close(home, peer):
    """11: EHLO -> close: 75."""
    p = peer(smtp({"EHLO": lambda conn, line: False}))
    both(home(p.port), sysexits=75)
    assert not any(b"HELO " in g.replace(b"EHLO ", b"") for g in p.got), p.got


def test_12_ehlo_421(home, peer):
    """12: EHLO -> `421`: 75, no HELO retry."""
    p = peer(smtp({"EHLO": b"421 4.3.2 going down\r\n"}))
    for run in both(home(p.port), sysexits=75, reply=421):
        assert "going down" in run.err, run
    for got in p.got:
        assert b"HELO" not in got and b"MAIL" not in got, got


def test_13_ehlo_502(home, peer):
    """13: EHLO -> `502`, TLS required: 76 "does not offer STARTTLS"; no
    HELO and MAIL."""
    p = peer(smtp({"EHLO": b"502 5.5.1 what?\r\n"}))
    for run in both(home(p.port, tls="starttls"), sysexits=76, reply=502):
        assert "STARTTLS" in run.err, run
    for got in p.got:
        assert b"MAIL" not in got, got


def test_13_ehlo_502_plain(home, peer):
    """13, its other half: where nothing is lost by it HELO will do."""
    p = peer(smtp({"EHLO": b"502 5.5.1 what?\r\n"}))
    silent(home(p.port).run("-f", FROM, BOB))
    assert b"\r\nHELO " in p.got[0]


def test_14_ehlo_odd(home, peer, certs):
    """14: lower-case keywords, `AUTH=LOGIN PLAIN`, trailing blanks, unknown
    keywords, 100 lines -> parsed, 0."""
    from lib.peer import context
    from lib.program import PASSWORD, USER
    import base64
    seen = []

    def auth(conn, line):
        seen.append(line)
        return conn.send(b"235 in\r\n")
    caps = (["pipelining  ", "8bitmime ", "size 1000000 ", "AUTH=LOGIN PLAIN",
             "X-UNKNOWN 1 2 3", "-", "", "size"] +
            ["XJUNK%d a=b" % i for i in range(88)] + ["auth PLAIN", "dsn"])
    p = peer(smtp({"AUTH": auth}, caps=caps, tls=context(certs)))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem").login()
    silent(h.run("-f", FROM, "-N", "failure", BOB))
    mech, initial = seen[0].split()[1:]
    assert mech == b"PLAIN"
    assert base64.b64decode(initial) == b"\0%s\0%s" % (USER.encode(),
                                                      PASSWORD.encode())
    assert b"NOTIFY=FAILURE" in p.got[0] and b" SIZE=" in p.got[0], p.got


def test_15_bare_lf(home, peer):
    """15: reply lines with bare LF are tolerated on input."""
    p = peer(smtp({"GREETING": b"220-r.test\n220 hello\n",
                   "EHLO": b"250-r.test\n250 PIPELINING\n",
                   "MAIL": b"250 ok\n"}))
    silent(home(p.port).run("-f", FROM, BOB))


@pytest.mark.parametrize("reply", [b"250-r.test\r\n250 PIPE\0LINING\r\n",
                                   b"250-r.test\r\n550 x\r\n",
                                   b"250-r.test\r\n250+x\r\n"],
                         ids=["NUL", "mixed codes", "odd separator"])
def test_15_broken_reply(home, peer, reply):
    """15: NUL -> 76, mixed codes `250-`/`550 ` in one reply -> 76."""
    p = peer(smtp({"EHLO": reply}))
    both(home(p.port), sysexits=76)
    assert not any(b"MAIL" in got for got in p.got), p.got


TERMINAL = b"554 5.7.1 \x1b[31mred\x9b31m \xe2\x80\xae\x07 \xc2\x9b \xff end"


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA",
                                  "DOT"])
def test_terminal(home, peer, verb):
    """Extra: reply `554 \\x1b[31m\\x9b31m\\u202e\\x07` -> escaped text only."""
    p = peer(smtp({verb: TERMINAL + b"\r\n"}))
    h = home(p.port)
    for argv in (["-f", FROM, BOB], ["-v", "-f", FROM, BOB]):
        run = h.run(*argv)	# the runner asserts that stderr is printable
        assert run.status == status_of(554), run
        assert "end" in run.err, run


@pytest.mark.parametrize("report", ["json", "text"])
def test_terminal_report(home, peer, report):
    """Extra: the same on stdout, in either report."""
    p = peer(smtp({"RCPT": TERMINAL + b"\r\n"}))
    run = home(p.port).run("--report=" + report, "-f", FROM, BOB)
    assert run.status == status_of(554), run
    for c in run.stdout.decode("utf-8"):
        assert c == "\n" or (ord(c) >= 32 and not 0x7f <= ord(c) < 0xa0 and
                             ord(c) != 0x202e), (c, run)


def test_deadline_over_all(home, peer):
    """The overall deadline ends a relay that is merely slow everywhere."""
    def slow(conn, line):
        time.sleep(0.4)
        return conn.send(b"250 ok\r\n")
    p = peer(smtp({v: slow for v in ("EHLO", "MAIL", "RCPT")}))
    run = home(p.port, timeout_command=30, deadline=1).run("-f", FROM, BOB)
    assert run.status == 75, run
    assert run.elapsed < 2.5, run


def test_drip(home, peer):
    """Of the kind of 4 and 9: one octet at a time does not extend a
    command's deadline."""
    stop = threading.Event()

    def drip(conn):
        while not stop.wait(0.2) and conn.send(b"2"):
            pass
    p = peer(drip)
    run = home(p.port, timeout_command=1).run("-f", FROM, BOB, stdin=MESSAGE)
    stop.set()
    assert run.status == 75, run
    assert run.elapsed < 3, run
