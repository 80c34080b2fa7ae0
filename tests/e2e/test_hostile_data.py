"""HOSTILE.md 43-52: the data phase."""
import hashlib
import os
import re
import socket
import struct
import time

import pytest

from lib.check import BOB, body, both, canonical, header, silent, status_of
from lib.check import values
from lib.peer import context, smtp
from lib.program import FROM, MESSAGE, SANITIZED
from lib.relay import CAPS, CHUNKING

LINE = b"The quick brown fox jumps over the lazy dog, again and again.\n"
HEAD = b"From: a@example.org\nTo: bob@example.net\nSubject: big\n\n"
KINDS = pytest.mark.parametrize("caps", [CAPS, CHUNKING],
                                ids=["DATA", "BDAT"])


def text(size):
    return LINE * (size // len(LINE))


def incomplete(r):
    """The relay never saw the end of a message."""
    r.settled()
    assert not [m for m in r.messages() if m.get("complete", True)], \
        r.messages()


@KINDS
@pytest.mark.parametrize("fault,code", [
    ("reply 421 4.3.2 shutting down", 421),
    ("reply 552 5.3.4 too big after all", 552), ("!reset", None),
    ("!close", None)], ids=["421", "552", "reset", "close"])
def test_43_mid_data(home, relay, caps, fault, code):
    """43: `421` or RST in the middle of DATA (20 MB body) -> 75; the
    `421`/`552` text reported if readable; no dot seen."""
    r = relay("--fault=content:3000000:" + fault, caps=caps, store=False)
    if code:
        sysexits = 75 if code < 500 else (69, 75)
        runs = both(home(r.port), sysexits=sysexits, reply=code,
                    stdin=HEAD + text(20 << 20))
        for run in runs:
            assert ("shutting down" in run.err or "too big" in run.err), run
    else:
        both(home(r.port), sysexits=75, stdin=HEAD + text(20 << 20))
    incomplete(r)


def test_43_reset_tls(secure):
    """43: the same under TLS."""
    r, h = secure("--fault=content:3000000:!reset")
    both(h, sysexits=75, stdin=HEAD + text(20 << 20))
    incomplete(r)


@KINDS
def test_44_stops_reading(home, relay, caps):
    """44: server stops reading during DATA -> 75 at the data-block timeout."""
    r = relay("--fault=content:1000000:!stop-reading", "--window=65536",
              caps=caps, store=False)
    h = home(r.port, timeout_data=1, timeout_end=1)
    for run in both(h, sysexits=75, stdin=HEAD + text(20 << 20)):
        assert run.elapsed < 5, run
        assert "timed out" in run.err, run


def message_id(run):
    found = re.findall(r"<([^<>\s]+@[^<>\s]+)>", run.err)
    return found[-1].encode() if found else None


@KINDS
@pytest.mark.parametrize("fault", ["!close", "!reset", "!silence"])
def test_45_unknown(home, relay, caps, fault):
    """45: client sends all -> close without reply -> 75, outcome `unknown`,
    Message-ID shown."""
    r = relay("--reply=DOT=%s" % fault, caps=caps)
    h = home(r.port, timeout_end=1, timeout_data=1)
    stdin = MESSAGE.replace(b"To:", b"Message-ID: <m1@example.org>\nTo:", 1)
    for run in both(h, sysexits=75, stdin=stdin):
        assert "<m1@example.org>" in run.err, run
        assert "unknown" in run.err or "may have" in run.err, run
    run = h.report("-f", FROM, BOB, stdin=stdin)
    assert run.status == 75 and run.json["result"] == "unknown", run
    assert run.json["recipients"][0]["outcome"] == "unknown", run
    assert "m1@example.org" in run.json["message_id"], run


def test_45_generated_id(home, relay):
    """45: and the Message-ID that is shown is the one that was sent."""
    r = relay("--reply=DOT=!close")
    run = home(r.port).run("-f", FROM, BOB)
    assert run.status == 75, run
    sent = b"".join(r.raw().values())
    assert message_id(run) and b"<" + message_id(run) + b">" in sent, run


@pytest.mark.parametrize("code,sysexits", [
    (451, 75), (450, 75), (421, 75), (552, 69), (554, 69), (550, 69)])
@KINDS
def test_46_final_reply(home, relay, caps, code, sysexits):
    """46: reply to dot `451`, `552`, `554` -> 75 / 69 / 69."""
    r = relay("--reply=DOT=%d %d.0.0 because" % (code, code // 100),
              caps=caps)
    for run in both(home(r.port), sysexits=sysexits, reply=code):
        assert "because" in run.err, run


def test_46_cut_reply(home, peer):
    """46: `250-a` then EOF -> 75 unknown."""
    def cut(conn, line):
        conn.send(b"250-a\r\n")
        return False
    p = peer(smtp({"DOT": cut}))
    h = home(p.port)
    both(h, sysexits=75)
    assert h.report("-f", FROM, BOB).json["result"] == "unknown"


@pytest.mark.parametrize("reply", [b"2 garbage\r\n", b"hello\r\n", b"\xff\r\n",
                                   b"250-a\r\n550 b\r\n"])
def test_46_broken_reply(home, peer, reply):
    """46, of its kind: an answer to the dot that nobody can read is not
    "sent", and not a reason to think it refused."""
    p = peer(smtp({"DOT": reply}))
    h = home(p.port)
    both(h, sysexits=(75, 76))
    assert h.report("-f", FROM, BOB).json["result"] == "unknown"


@KINDS
def test_47_late_verdict(home, relay, caps):
    """47: dot answered long after other commands would have timed out -> 0."""
    r = relay("--delay=DOT:2500", caps=caps)
    h = home(r.port, timeout_command=1, timeout_data=1, timeout_end=10)
    run = h.run("-f", FROM, BOB)
    silent(run)
    assert run.elapsed > 2, run


# What is piped in, what must arrive, and what arrives where a lone dot ends
# the message (as sendmail, without -i); None: the same.
DOTS = {
    "LF dot LF": (b"one\n.\ntwo\n", b"one\r\n.\r\ntwo\r\n", b"one\r\n"),
    "CRLF dot CRLF": (b"one\r\n.\r\ntwo\r\n", b"one\r\n.\r\ntwo\r\n",
                      b"one\r\n"),
    "CR dot CR": (b"one\r.\rtwo\n", b"one\r\n.\r\ntwo\r\n", None),
    "LF dot CRLF": (b"one\n.\r\ntwo\n", b"one\r\n.\r\ntwo\r\n", b"one\r\n"),
    "NUL before dot": (b"one\r\n\0.\r\ntwo\r\n", b"one\r\n.\r\ntwo\r\n", None),
    "NUL after dot": (b"one\n.\0\ntwo\n", b"one\r\n.\r\ntwo\r\n", None),
    "CR before dot": (b"one\n\r.\ntwo\n", b"one\r\n\r\n.\r\ntwo\r\n", None),
    "CRCR": (b"one\r\r\n.\r\r\ntwo\n", b"one\r\n.\r\ntwo\r\n", None),
    "two dots": (b"..one\n..\n...\n", b"..one\r\n..\r\n...\r\n", None),
    "no newline": (b"one\ntwo", b"one\r\ntwo\r\n", None),
    "dot at end": (b"one\n.", b"one\r\n.\r\n", b"one\r\n"),
    "dot and LF at end": (b"one\n.\n", b"one\r\n.\r\n", b"one\r\n"),
    "only a dot": (b".\n", b".\r\n", b""),
    "dot blank": (b"one\n. \n", b"one\r\n. \r\n", None),
}


def message_with(text_):
    return b"From: a@example.org\nTo: bob@example.net\nSubject: s\n\n" + text_


@pytest.mark.parametrize("name", DOTS)
@KINDS
def test_48_dots(home, relay, caps, name):
    """48: bodies with dots: received octets equal the canonical form; exactly
    one message arrives.  As posthaste, as sendmail with -i and without."""
    given, kept, ended = DOTS[name]
    r = relay(caps=caps)
    h = home(r.port)
    silent(h.run("-f", FROM, BOB, stdin=message_with(given)))
    silent(h.sendmail("-i", "-f", FROM, BOB, stdin=message_with(given)))
    silent(h.sendmail("-f", FROM, BOB, stdin=message_with(given)))
    r.settled()
    assert len(r.messages(3)) == 3
    wanted = [kept, kept, kept if ended is None else ended]
    assert [body(r.stored(n)) for n in (1, 2, 3)] == wanted


@pytest.mark.parametrize("at", [1022, 1023, 1024, 4095, 4096, 16384, 65536,
                                262144])
@KINDS
def test_48_dot_at_edges(home, relay, caps, at):
    """48: a dot that begins a line at the edge of a buffer."""
    r = relay(caps=caps)
    lines = text(at)
    lines += b"x" * (at - len(lines) - 1) + b"\n.\n..x\nend\n"
    silent(home(r.port).run("-f", FROM, BOB, stdin=message_with(lines)))
    assert body(r.stored()) == lines.replace(b"\n", b"\r\n")


def test_48_smuggling(home, peer):
    """48: on the wire there is one end of data, whatever the input."""
    p = peer(smtp())
    for given, _, _ in DOTS.values():
        silent(home(p.port).run("-f", FROM, BOB, stdin=message_with(
            given + b"\nMAIL FROM:<evil@example.org>\n")))
    for got in p.got:
        content = bytes(got).partition(b"DATA\r\n")[2]
        assert content.count(b"\r\n.\r\n") == 1, content
        assert not re.search(rb"[^\r]\n|\r[^\n]|\0", content), content


def test_49_nul_in_header(home, relay):
    """49: NUL in header start then Bcc -> Bcc never leaks."""
    r = relay()
    for given in (b"\0Bcc: hidden@example.net\nFrom: a@example.org\n\nx\n",
                  b"From: a@example.org\nB\0cc: hidden@example.net\n\nx\n",
                  b"From: a@example.org\nBcc\0: hidden@example.net\n\nx\n",
                  b"From: a@example.org\nBcc:\0 hidden@example.net\n\nx\n",
                  b"From: a@example.org\nBcc: \0hidden@example.net\n\nx\n",
                  b"From: a@example.org\n\0\nBcc: hidden@example.net\n\nx\n",
                  b"From: a@example.org\rBcc: hidden@example.net\n\nx\n"):
        run = home(r.port).run("-f", FROM, BOB, stdin=given)
        assert run.status in (0, 65), run
    r.settled()
    for n in range(1, len(r.messages()) + 1):
        for name, value in header(r.stored(n)):
            assert name.lower() != "bcc", r.stored(n)


def test_49_long_header_line(home, relay):
    """49: header line 1 MB -> sent in lines that fit, or 65."""
    r = relay()
    run = home(r.port).run("-f", FROM, BOB, stdin=b"From: a@example.org\n"
                           b"X-Long: " + b"word " * 200000 + b"\n\nx\n")
    assert run.status in (0, 65), run
    assert run.elapsed < 5, run
    if run.status == 0:
        canonical(r.stored())


def test_49_many_fields(home, relay):
    """49: 100 000 header fields -> sent or 65; never slow, never big."""
    r = relay()
    run = home(r.port).run(
        "-f", FROM, BOB, stdin=b"From: a@example.org\n" +
        b"".join(b"X-%d: y\n" % n for n in range(100000)) + b"\nx\n")
    assert run.status in (0, 65), run
    assert run.elapsed < 5, run


def test_49_huge_header(home, relay):
    """49: caps -> 65 (a header block of 12 MB)."""
    r = relay()
    run = home(r.port).run("-f", FROM, BOB, stdin=b"From: a@example.org\n" +
                           b"X-Y: " + b"z" * 900 + b"\n" + b"X: y\n" * 2400000)
    assert run.status == 65, run
    assert r.connected() == 0


def test_49_no_blank_line(home, relay):
    """49: no blank line: the text begins at the first line that is no
    header."""
    r = relay()
    silent(home(r.port).run("-f", FROM, BOB, stdin=b"Subject: s\nhello there\n"
                            b"Bcc: text@example.net\n"))
    canonical(r.stored())
    assert body(r.stored()) == b"hello there\r\nBcc: text@example.net\r\n"


def test_49_from_line(home, relay):
    """49: `From ` line first: dropped."""
    r = relay()
    silent(home(r.port).run("-f", FROM, BOB, stdin=b"From x Mon Sep 17\n" +
                            MESSAGE))
    assert b"Sep 17" not in r.stored()
    assert body(r.stored()) == b"hello, world\r\n"


def test_49_utf16(home, relay):
    """49: UTF-16 input: sent as text or refused with 65, no crash."""
    r = relay()
    for order in ("utf-16", "utf-16-le", "utf-16-be"):
        run = home(r.port).run("-f", FROM, BOB,
                               stdin=MESSAGE.decode().encode(order))
        assert run.status in (0, 65), run
    r.settled()
    for n in range(1, len(r.messages()) + 1):
        canonical(r.stored(n))


def test_49_empty(home, relay):
    """49: 0-byte input: sent with generated headers."""
    r = relay()
    silent(home(r.port).run("-f", FROM, BOB, stdin=b""))
    canonical(r.stored())
    assert body(r.stored()) == b""


@pytest.mark.parametrize("given,status", [(b"nu\0l\n", 65), (b"c\rr\n", 65),
                                          (b"fine\n", 0)])
def test_49_strict(home, relay, given, status):
    """49: `strict = yes` refuses NUL and bare CR with 65."""
    r = relay()
    run = home(r.port, strict="yes").run("-f", FROM, BOB,
                                         stdin=message_with(given))
    assert run.status == status, run
    r.settled()
    assert len(r.messages()) == (status == 0)


def test_50_one_gigabyte(secure):
    """50: 1 GB of stdin, RLIMIT_AS 64 MB -> 0; RSS <= 32 MB."""
    r, h = secure(caps=CHUNKING.replace("300000000", "3000000000"))
    size = 200 << 20 if SANITIZED else 1 << 30
    piece = text(1 << 20)
    limits = {} if SANITIZED else {"RLIMIT_AS": 64 << 20}
    run = h.run("-f", FROM, BOB, seconds=120, limits=limits,
                stdin=[HEAD] + [piece] * (size // len(piece)))
    silent(run)
    n = size // len(piece)
    sent = r.messages(1)[0]
    lines = len(piece) // len(LINE) * n
    assert sent["size"] > n * len(piece) + lines, sent


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("size", [300 << 10, 5 << 20, 50 << 20],
                         ids=lambda n: "%dk" % (n >> 10))
@KINDS
def test_50_content_intact(home, relay, secure, caps, size, tls):
    """50: what is sent from memory or file arrives octet by octet."""
    given = HEAD + text(size) + b".\n..\n" + os.urandom(400).hex().encode()
    if tls:
        r, h = secure(caps=caps)
    else:
        r = relay(caps=caps)
        h = home(r.port)
    silent(h.run("-f", FROM, BOB, stdin=given))
    got = hashlib.sha256(body(r.stored())).digest()
    want = given.partition(b"\n\n")[2].replace(b"\n", b"\r\n") + b"\r\n"
    assert got == hashlib.sha256(want).digest()


def test_51_size(home, relay):
    """51: SIZE 10 MB announced, message 11 MB -> 65 (5.3.4), refused before
    MAIL, both sizes named."""
    r = relay(caps="PIPELINING,SIZE 10485760,CHUNKING")
    given = HEAD + text(11 << 20)
    for run in both(home(r.port), sysexits=65, stdin=given):
        assert "10485760" in run.err or "10 MB" in run.err or \
            "10.0" in run.err, run
        numbers = [int(n) for n in re.findall(r"\d{7,}", run.err)]
        assert any(11 << 20 > n > len(given) - 200 or n >= len(given)
                   for n in numbers), run
    assert not r.said("MAIL"), r.commands()


def test_51_own_limit(home, relay):
    """51: max_message_size is checked before anything is sent."""
    r = relay()
    run = home(r.port, max_message_size="1M").run(
        "--exit-status=sysexits", "-f", FROM, BOB, stdin=HEAD + text(2 << 20))
    assert run.status == 65, run
    assert r.connected() == 0 or not r.said("MAIL")


def mime(kind):
    top = (b"From: a@example.org\nTo: bob@example.net\nSubject: s\n"
           b"MIME-Version: 1.0\n")
    if kind == "unterminated":
        return top + b'Content-Type: multipart/mixed; boundary="b"\n\n' \
            b"--b\n\none\n--b\nContent-Type: text/plain\n"
    if kind == "long boundary":
        return top + b'Content-Type: multipart/mixed; boundary="' + \
            b"b" * 200 + b'"\n\n--' + b"b" * 200 + b"\n\nx\n"
    if kind == "recursive":
        parts = [b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" %
                 (n, n) for n in range(10000)]
        return top + b"".join(parts) + b"\nx\n"
    if kind == "lying encoding":
        return top + b"Content-Type: text/plain\n" \
            b"Content-Transfer-Encoding: base64\n\n!!! this is not base64\n"
    if kind == "mixed newlines":
        return top + b"\none\r\ntwo\nthree\r\n\nfour\n\r\n"
    return top + b"Content-Type: text/plain; charset\n" \
        b'Content-Type: multipart/mixed; boundary="\n\n--\n--\n\n'


@pytest.mark.parametrize("kind", ["unterminated", "long boundary", "recursive",
                                  "lying encoding", "mixed newlines",
                                  "no boundary"])
def test_52_malformed_mime(home, relay, kind):
    """52: malformed MIME passed through -> byte-identical body, no crash,
    no O(n^2)."""
    r = relay()
    given = mime(kind)
    run = home(r.port).run("-f", FROM, BOB, stdin=given)
    silent(run)
    assert run.elapsed < 3, run
    want = given.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    assert body(r.stored()) == want.replace(b"\n", b"\r\n")
    canonical(r.stored())


def test_large_waits_for_verdict(home, peer):
    """Messages over 256 KiB wait for the verdict on MAIL and RCPT first."""
    for caps in (("PIPELINING",), ("PIPELINING", "CHUNKING")):
        p = peer(smtp({"RCPT": b"550 5.1.1 no\r\n"}, caps=caps))
        run = home(p.port).run("-f", FROM, BOB, stdin=HEAD + text(1 << 20))
        assert run.status == status_of(550), run
        assert b"quick brown" not in p.got[0]


def test_quit_unanswered(home, peer):
    """QUIT is sent after the verdict and its reply not waited for."""
    def never(conn, line):
        conn.drain()
        return False
    p = peer(smtp({"QUIT": never}))
    run = home(p.port).run("-f", FROM, BOB)
    silent(run)
    assert run.elapsed < 2, run
    p.threads[0].join(5)
    assert p.got[0].endswith(b"QUIT\r\n")


@pytest.mark.parametrize("code,sysexits", [(554, 69), (451, 75), (421, 75)])
def test_data_refused(home, peer, code, sysexits):
    """A refusal of DATA itself, in lockstep and pipelined."""
    for caps in ((), ("PIPELINING",)):
        p = peer(smtp({"DATA": b"%d x.0.0 no\r\n" % code}, caps=caps))
        both(home(p.port), sysexits=sysexits, reply=code)
        assert not any(b"hello" in got for got in p.got)


def test_unasked_reply(home, peer):
    """A reply that nothing was asked for ends the session."""
    def twice(conn, line):
        return conn.send(b"250 ok\r\n250 and again\r\n250 and again\r\n")
    p = peer(smtp({"RCPT": twice}))
    run = home(p.port).run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status in (75, 76), run


def test_relay_gone_while_reading(home, relay):
    """stdin is read before connecting: a slow writer meets no timeout."""
    r = relay()
    h = home(r.port, timeout_command=1)
    run = h.run("-f", FROM, BOB, stdin=[MESSAGE, 1.3, b"more\n"])
    silent(run)
    assert body(r.stored()) == b"hello, world\r\nmore\r\n"
    assert r.events("connect")


def test_stdin_error(home, relay):
    """A read error is never the end of a message."""
    r = relay()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    theirs = socket.create_connection(listener.getsockname())
    ours = listener.accept()[0]
    ours.sendall(MESSAGE)
    started = home(r.port).start("-f", FROM, BOB, stdin=theirs)
    theirs.close()
    time.sleep(0.1)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    ours.close()	# with linger 0 the reader gets ECONNRESET
    listener.close()
    assert started.finish().status == 74, started.run
    fd = os.open("/", os.O_RDONLY)
    run = home(r.port).run("-f", FROM, BOB, stdin=fd)
    os.close(fd)
    assert run.status == 74, run
    assert r.connected() == 0


def test_parallel(secure):
    """Ten at once neither wait for nor disturb each other."""
    r, h = secure()
    for started in [h.start("-f", FROM, BOB) for _ in range(10)]:
        silent(started.finish())
    assert len(r.messages(10)) == 10
    ids = {values(r.stored(n), "Message-ID")[0] for n in range(1, 11)}
    assert len(ids) == 10


def test_tls_peer_resets_after_verdict(home, peer, certs):
    """A reset after the verdict changes nothing."""
    def taken(conn, line):
        conn.send(b"250 taken\r\n")
        time.sleep(0.05)
        return False
    p = peer(smtp({"DOT": taken}, tls=context(certs)))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem")
    silent(h.run("-f", FROM, BOB))
