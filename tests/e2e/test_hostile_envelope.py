"""HOSTILE.md 34-42: the envelope."""
import collections
import re
import threading
import time

import pytest

from lib.check import BOB, body, both, header, silent, status_of, values
from lib.peer import smtp
from lib.program import FROM, MESSAGE
from lib.relay import CAPS, CHUNKING, tls

A, B, C, D, E = ("%s@example.net" % c for c in "abcde")
KINDS = [CAPS, CHUNKING, "8BITMIME,SIZE 100000000"]
KIND_IDS = ["DATA", "BDAT", "lockstep"]


def accepted(message):
    """The recipients a transaction was taken for, in order."""
    return [r["address"] for r in message["rcpts"]
            if 200 <= r["code"] < 300]


def outcomes(run):
    return {r["address"]: r["outcome"] for r in run.json["recipients"]}


@pytest.mark.parametrize("caps", KINDS, ids=KIND_IDS)
def test_34_one_of_three(home, relay, caps):
    """34: 3 rcpts: 250, `550 5.1.1`, 250 -> delivered to two, one message;
    67; the report names the refused one with its code."""
    r = relay("--reply=RCPT@b@*=550 5.1.1 no such user", caps=caps)
    for run in both(home(r.port), A, B, C, sysexits=67, reply=550):
        assert B in run.err and "5.1.1 no such user" in run.err, run
        assert A not in run.err and C not in run.err, run
    assert [accepted(m) for m in r.messages(2)] == [[A, C]] * 2
    run = home(r.port).report("-f", FROM, A, B, C)
    assert run.json["result"] == "partial", run
    assert outcomes(run) == {A: "sent", B: "failed", C: "sent"}


@pytest.mark.parametrize("caps", KINDS, ids=KIND_IDS)
def test_34_all_or_nothing(home, relay, caps):
    """34: `--all-or-nothing`: nothing sent, 67."""
    r = relay("--reply=RCPT@b@*=550 5.1.1 no such user", caps=caps)
    both(home(r.port), "--all-or-nothing", A, B, C, sysexits=67, reply=550)
    r.settled()
    assert not r.messages(), r.messages()
    run = home(r.port).report("--all-or-nothing", "-f", FROM, A, B, C)
    assert run.json["result"] == "failed", run
    assert "sent" not in outcomes(run).values(), run


@pytest.mark.parametrize("caps", KINDS, ids=KIND_IDS)
def test_35_452_then_taken(home, relay, caps):
    """35: `452` on the 3rd of 5 -> two delivered, the rest at once in a
    further transaction on the same connection."""
    r = relay("--rcpt-limit=2", caps=caps)
    silent(home(r.port).run("-f", FROM, A, B, C, D, E))
    r.settled()
    got = [accepted(m) for m in r.messages(3)]
    assert sorted(sum(got, [])) == [A, B, C, D, E], got
    assert max(map(len, got)) == 2, got
    assert r.connected() == 1
    bodies = {body(r.stored(n)) for n in range(1, len(got) + 1)}
    assert bodies == {b"hello, world\r\n"}


@pytest.mark.parametrize("caps", KINDS, ids=KIND_IDS)
def test_35_452_for_ever(home, relay, caps):
    """35: those still refused: 75 and named."""
    r = relay("--reply=RCPT@c@*=452 4.5.3 too many", caps=caps)
    for run in both(home(r.port), A, B, C, D, E, sysexits=75, reply=452,
                    seconds=10):
        assert C in run.err and A not in run.err, run
    got = sum([accepted(m) for m in r.messages(2)], [])
    assert sorted(got) == sorted([A, B, D, E] * 2), got


@pytest.mark.parametrize("options,caps", [
    (["--rcpt-limit=100"], CAPS),
    (["--rcpt-limit=100"], CAPS + ",LIMITS RCPTMAX=100"),
    (["--rcpt-limit=100"], CHUNKING + ",LIMITS RCPTMAX=100"),
    (["--rcpt-limit=100"], CHUNKING)],
    ids=["452", "LIMITS", "LIMITS BDAT", "452 BDAT"])
def test_36_ten_thousand(home, relay, options, caps):
    """36: 10 000 rcpts, server limit 100 (`452`) or LIMITS RCPTMAX=100 -> 100
    transactions, each rcpt exactly once; RSS <= 32 MB; < 20 s."""
    r = relay(*options, caps=caps, store=False)
    rcpts = ["r%05d@example.net" % n for n in range(10000)]
    run = home(r.port).run("-f", FROM, *rcpts, seconds=40)
    silent(run)
    assert run.elapsed < 20, run
    r.settled()
    got = [accepted(m) for m in r.messages(100)]
    assert len(got) <= 101, len(got)
    counts = collections.Counter(sum(got, []))
    assert set(counts) == set(rcpts) and max(counts.values()) == 1
    if "LIMITS" in caps:
        assert len(got) == 100 and max(map(len, got)) == 100


def test_36_header(home, relay):
    """36: the same 10 000 from a header, by -t."""
    r = relay("--rcpt-limit=1000", caps=CHUNKING, store=False)
    to = b",\n ".join(b"r%05d@example.net" % n for n in range(10000))
    run = home(r.port).run("-t", "-f", FROM, seconds=40,
                           stdin=b"To: " + to + b"\nSubject: s\n\nx\n")
    silent(run)
    r.settled()
    got = sum((accepted(m) for m in r.messages(10)), [])
    assert len(got) == len(set(got)) == 10000


def test_37_byte_by_byte(home, peer):
    """37: PIPELINING, server answers byte by byte and stops reading -> no
    deadlock."""
    def dribble(conn):
        out, lock, done = bytearray(), threading.Condition(), []

        def writer():
            while True:
                with lock:
                    while not out and not done:
                        lock.wait()
                    if not out:
                        return
                    piece, out[:] = bytes(out), b""
                for i in range(0, len(piece), 1):
                    if not conn.send(piece[i:i + 1]):
                        return
        thread = threading.Thread(target=writer, daemon=True)
        thread.start()

        def say(text):
            with lock:
                out.extend(text)
                lock.notify()
        say(b"220 r.test\r\n")
        data = False
        n = 0
        while True:
            line = conn.line()
            n += 1
            if n % 100 == 0:
                time.sleep(0.02)	# stops reading for a while
            if not line:
                break
            if data:
                if line == b".\r\n":
                    data = False
                    say(b"250 taken\r\n")
                continue
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-r.test\r\n250 PIPELINING\r\n")
            elif verb == b"DATA":
                data = True
                say(b"354 go\r\n")
            elif verb == b"QUIT":
                say(b"221 bye\r\n")
                break
            else:
                say(b"250 ok, and a long text to fill the window with " +
                    b"x" * 300 + b"\r\n")
        with lock:
            done.append(1)
            lock.notify()
        thread.join(5)
    p = peer(dribble, rcvbuf=2304)
    rcpts = ["r%04d@example.net" % n for n in range(900)]
    silent(home(p.port, timeout_command=20).run("-f", FROM, *rcpts))
    assert p.got[0].count(b"RCPT TO:") == 900


def test_37_never_reads(home, peer):
    """37: a server that answers nothing and reads nothing -> 75 in time."""
    stop = threading.Event()

    def deaf(conn):
        conn.send(b"220 r.test\r\n")
        conn.line()
        conn.send(b"250-r.test\r\n250 PIPELINING\r\n")
        stop.wait(10)
    p = peer(deaf, rcvbuf=2304)
    rcpts = ["r%05d@example.net" % n for n in range(9000)]
    run = home(p.port, timeout_command=1).run("-f", FROM, *rcpts)
    stop.set()
    assert run.status == 75, run
    assert run.elapsed < 4, run


@pytest.mark.parametrize("caps", [("PIPELINING",), ()])
@pytest.mark.parametrize("dot", [b"554 no valid recipients\r\n",
                                 b"250 taken?\r\n"])
def test_38_none_valid_but_354(home, peer, caps, dot):
    """38: PIPELINING, all RCPT 5xx but DATA `354` -> lone dot or disconnect;
    not "sent"."""
    p = peer(smtp({"RCPT": b"550 5.1.1 no\r\n", "DOT": dot}, caps=caps))
    for run in both(home(p.port), A, B, sysexits=67, reply=550):
        assert A in run.err and B in run.err, run
    for got in p.got:
        assert b"hello" not in got and b"Subject" not in got, bytes(got)


INJECTIONS = {
    "from": ["-f", "a@b>\r\nRCPT TO:<evil@x", BOB],
    "from LF": ["-f", "a@b\nRSET", BOB],
    "long from": ["--from=a@b>\r\nRCPT TO:<evil@x", BOB],
    "rcpt": ["-f", FROM, "b@c> NOTIFY=NEVER"],
    "rcpt CRLF": ["-f", FROM, "b@c\r\nRCPT TO:<evil@x>"],
    "rcpt LF": ["-f", FROM, "b@c\nRCPT TO:<evil@x>"],
    "name": ["-f", FROM, "-F", "x\r\nBcc: e@x", BOB],
    "long name": ["-f", FROM, "--from-name=x\nBcc: e@x", BOB],
    "envid": ["-f", FROM, "-V", "a b\r\nRSET", BOB],
    "notify": ["-f", FROM, "-N", "failure\r\nRSET", BOB],
    "ret": ["-f", FROM, "-R", "hdrs\r\nRSET", BOB],
    "helo": ["-f", FROM, "--helo=me\r\nRSET", BOB],
    "user": ["-f", FROM, "--set=user=a\r\nb", BOB],
    "host": ["-f", FROM, "--host=127.0.0.1\r\nx", BOB],
}


@pytest.mark.parametrize("name", INJECTIONS)
def test_39_injection(home, relay, name):
    """39: `-f $'a@b>\\r\\nRCPT TO:<evil@x'`, rcpt `b@c> NOTIFY=NEVER`,
    `-F $'x\\r\\nBcc: e@x'` ... -> 64/65, server connection never opened."""
    r = relay()
    for run in both(home(r.port), *INJECTIONS[name],
                    sysexits=(64, 65, 78)):
        assert run.status != 78 or name in ("helo", "user", "host"), run
    assert r.connected() == 0, r.all_events()


def test_39_full_width(home, relay):
    """39: what IDNA makes a '>', a blank or an '@' of stays out of commands,
    where the relay lacks SMTPUTF8 and the domain has to be ASCII."""
    r = relay(caps="PIPELINING,8BITMIME,DSN")
    for to in ("b@c\uff1e\u3000NOTIFY\uff1dNEVER", "b@c\uff20evil.example"):
        run = home(r.port).run("-f", FROM, to)
        assert run.status == 65 and "ASCII" in run.err, run
    assert not r.commands("RCPT"), r.all_events()


def test_39_compose_injection(home, relay):
    """39: Subject with CRLF -> 64/65, server connection never opened."""
    r = relay()
    run = home(r.port).run("-f", FROM, "-s", "x\r\nBcc: e@x", BOB)
    assert run.status in (64, 65), run
    assert r.connected() == 0


@pytest.mark.parametrize("argv,stdin", [
    ([], MESSAGE),
    (["-t"], b"From: a@example.org\nSubject: s\n\nx\n"),
    (["-t"], b"To: \nCc:\n\nx\n"),
    (["-t"], b"To: undisclosed-recipients:;\n\nx\n"),
    (["-t"], b"To: (nobody), ()\n\nx\n"), (["-t"], b"")],
    ids=["none", "no field", "empty fields", "group", "comments", "empty"])
def test_40_no_recipients(home, relay, argv, stdin):
    """40: empty recipient list; `-t` without recipients; group syntax
    `undisclosed-recipients:;` -> 64 for none."""
    r = relay()
    h = home(r.port)
    run = h.run("-f", FROM, *argv, stdin=stdin)
    assert run.status in (64, 65) if b"(" in stdin else run.status == 64, run
    assert r.connected() == 0


def test_40_bcc_only(home, relay):
    """40: only Bcc -> Bcc delivered and removed from the header."""
    r = relay()
    silent(home(r.port).run("-t", "-f", FROM, stdin=b"From: a@example.org\n"
                            b"Bcc: b@example.net,\n c@example.net\n"
                            b"To: undisclosed-recipients:;\n"
                            b"Subject: s\n\nx\n"))
    assert accepted(r.messages(1)[0]) == [B, C]
    assert b"bcc" not in r.stored().lower()
    assert b"c@example.net" not in r.stored()


@pytest.mark.parametrize("name", [
    b"Bcc", b"bcc", b"BCC", b"Bcc ", b"bCc\t", b"Bcc \t ", b"Resent-Bcc",
    b"resent-bcc "])
def test_40_bcc_spellings(home, relay, name):
    """40: in every spelling the obsolete grammar allows."""
    r = relay()
    silent(home(r.port).run(
        "-f", FROM, BOB, stdin=b"From: a@example.org\n" + name +
        b": hidden@example.net,\n\t(folded)\n hidden2@example.net\n"
        b"Subject: s\n\nx\n"))
    assert b"hidden" not in r.stored() and b"folded" not in r.stored()
    assert values(r.stored(), "Subject") == [b"s"]


def test_40_nested_comments(home, relay):
    """40: nested comments, quoted strings, groups, routes."""
    r = relay()
    silent(home(r.port).run(
        "-t", "-f", FROM,
        stdin=b'To: (a (b (c \\) d)) e) a@example.net (x),\n'
              b' "Q, \\"x\\"" <b@example.net>, friends: c@example.net,\n'
              b'  D <d@example.net>;, e . f @ example.net\nSubject: s\n\nx\n'))
    assert accepted(r.messages(1)[0]) == [A, B, C, D, "e.f@example.net"]


def test_40_deep_comments(home, relay):
    """40: 10 000 nested comments neither crash nor take long."""
    r = relay()
    for text in (b"(" * 10000 + b")" * 10000, b"(" * 10000,
                 b'"' + b"\\" * 9999, b"<" * 10000, b"a:" * 10000):
        run = home(r.port).run("-t", "-f", FROM, stdin=b"To: " + text +
                               b" a@example.net\nSubject: s\n\nx\n")
        assert run.status in (0, 64, 65), run
        assert run.elapsed < 3, run


def test_40_two_thousand_folded(home, relay):
    """40: 2000-address folded To."""
    r = relay()
    to = b",\r\n\t".join(b"R %d <r%d@example.net>" % (n, n)
                         for n in range(2000))
    silent(home(r.port).run("-t", "-f", FROM, stdin=b"To: " + to +
                            b"\r\nSubject: s\r\n\r\nx\r\n"))
    r.settled()
    got = sum((accepted(m) for m in r.messages(1)), [])
    assert got == ["r%d@example.net" % n for n in range(2000)]


def test_41_utf8_local_part(home, relay):
    """41: UTF-8 local part, server without SMTPUTF8 -> 65."""
    r = relay(caps="PIPELINING,8BITMIME")
    for run in both(home(r.port), "jörg@example.net", sysexits=65):
        assert "SMTPUTF8" in run.err, run
    assert not r.messages() and not r.said("MAIL"), r.commands()


def test_41_utf8_sender(home, relay):
    """41: the same of the sender."""
    r = relay(caps="PIPELINING,8BITMIME")
    run = home(r.port).run("--exit-status=sysexits", "-f", "jörg@example.org",
                           BOB)
    assert run.status == 65, run
    assert not r.messages()


@pytest.mark.parametrize("caps", ["PIPELINING,8BITMIME", CAPS])
def test_41_utf8_domain(home, relay, caps):
    """41: UTF-8 domain only -> IDNA-encoded and 0."""
    r = relay(caps=caps)
    silent(home(r.port).run("-f", FROM, "bob@bücher.example"))
    line = r.commands("RCPT")[0]
    if "SMTPUTF8" not in caps:
        assert "<bob@xn--bcher-kva.example>" in line, line
        assert "SMTPUTF8" not in r.commands("MAIL")[0]
    else:
        assert "bcher-kva" in line or "bücher" in line, line


def test_41_smtputf8(home, relay):
    """41, the good end: SMTPUTF8 is asked for where it is offered."""
    r = relay()
    silent(home(r.port).run("-f", FROM, "jörg@example.net"))
    assert "SMTPUTF8" in r.commands("MAIL")[0], r.commands()


@pytest.mark.parametrize("text", [b"530 5.7.0 Must issue STARTTLS first\r\n",
                                  b"530 5.7.1 Authentication required\r\n"])
def test_42_mail_530(home, peer, text):
    """42: `MAIL` -> `530 5.7.0 Must issue STARTTLS`/auth required -> 77/76."""
    p = peer(smtp({"MAIL": text}))
    both(home(p.port), sysexits=(76, 77), reply=530)
    assert not any(b"DATA" in got for got in p.got)


def test_worst_of_many(home, relay):
    """If recipients differ: permanent before temporary, then the first."""
    r = relay("--reply=RCPT@a@*=450 4.2.1 later",
              "--reply=RCPT@b@*=553 5.1.3 bad name",
              "--reply=RCPT@c@*=550 5.1.1 no")
    h = home(r.port)
    run = h.run("-f", FROM, A, B, C, D)
    assert run.status == status_of(553), run
    run = h.run("-f", FROM, A, D)
    assert run.status == status_of(450), run
    run = h.report("-f", FROM, A, B, C, D)
    assert outcomes(run) == {A: "deferred", B: "failed", C: "failed",
                             D: "sent"}
    assert [m["from"].strip("<>") for m in r.messages(3)] == [FROM] * 3
    names = [n for n, _ in header(r.stored())]
    assert len(re.findall("(?i)subject", " ".join(names))) == 1


def test_helo_and_tls(home, relay, certs):
    """Over STARTTLS the second EHLO says the same name as the first."""
    r = relay(*tls(certs, mode="starttls"))
    h = home(r.port, tls="starttls", tls_trust=certs / "ca.pem",
             helo="me.example.org")
    silent(h.run("-f", FROM, BOB))
    assert r.commands("EHLO") == ["EHLO me.example.org"] * 2, r.commands()
