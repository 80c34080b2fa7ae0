"""fallback = ACCOUNT, ...: another relay, as long as nothing was sent."""
import json

import pytest

from lib.check import BOB
from lib.program import FROM, MESSAGE
from lib.relay import CHUNKING, auth, tls
from lib.servers import free_ports
from lib.spool import Queue

A, B = "a@example.net", "b@example.net"
FALLBACK = "\n[account second]\nhost = 127.0.0.1\nport = %d\ntls = none\n" \
    "auth = none\n"


@pytest.fixture
def home(home):
    """As ever, with `test` as the account among several."""
    def make(port=None, **settings):
        h = home(port, **settings)
        h.general["default_account"] = "test"
        return h.set()
    return make


def add(h, port, more="", settings=None):
    """Give h's account a fallback by the name of second."""
    h.set(fallback="second", **(settings or {}))
    extra = FALLBACK % port + "timeout_connect = 5\n" + more
    return h.write(h.text() + extra)


def verdicts(report):
    return {r["address"]: r["outcome"] for r in report["recipients"]}


def reject_port():
    return free_ports(1)[0]


# What is wrong with the first relay, and the status that it alone would give.
FAULTS = [
    ("refused", None, {}, 75),
    ("greeting 421", ["--reply=GREETING=421 4.3.2 busy"], {}, 21),
    ("greeting 554", ["--reply=GREETING=554 5.3.2 no"], {}, 214),
    ("closed", ["--reply=GREETING=!close"], {}, 75),
    ("silent", ["--reply=GREETING=!silence"], {"timeout_command": 1}, 75),
    ("ehlo", ["--reply=EHLO=421 4.3.2 busy"], {}, 21),
    ("no starttls", [], {"tls": "starttls"}, 76),
    ("no auth", [], {"tls": "starttls"}, 76),
    ("mail 451", ["--reply=MAIL=451 4.3.0 later"], {}, 51),
    ("mail lost", ["--reply=MAIL=!close"], {}, 75),
    ("rcpt 450", ["--reply=RCPT=450 4.2.0 grey"], {}, 50),
    ("rcpt 421", ["--reply=RCPT=421 4.3.2 busy"], {}, 21),
    ("data 451", ["--reply=DATA=451 4.3.0 later"], {}, 51),
    ("data 421", ["--reply=DATA=421 4.3.2 busy"], {}, 21),
    ("data lost", ["--reply=DATA=!close"], {}, 75),
]
IDS = [f[0] for f in FAULTS]


@pytest.mark.parametrize("name,options,settings,status", FAULTS, ids=IDS)
def test_moves_on(relay, home, name, options, settings, status):
    """Before content was sent: the other relay gets it; alone, the first's
    word is the status."""
    first = relay(*options) if options is not None else None
    second = relay()
    port = first.port if first else reject_port()
    h = home(port, **settings)
    run = h.run("-f", FROM, BOB)
    assert run.status == status, run
    add(h, second.port)
    run = h.report("-f", FROM, BOB)
    report = run.json
    assert run.status == 0 and report["result"] == "sent", run
    assert report["account"] == "second"
    assert report["relay"] == "127.0.0.1:%d" % second.port
    assert [(t["account"], t["relay"]) for t in report["tried"]] == [
        ("test", "127.0.0.1:%d" % port)]
    assert report["tried"][0]["error"]
    lines = run.lines()
    assert len(lines) == 1 and lines[0].startswith(
        "posthaste: 127.0.0.1:%d: " % port), run
    assert lines[0].endswith("; trying account 'second'"), run
    assert len(second.messages(1)) == 1
    assert not first or not first.messages()


@pytest.mark.parametrize("options,status", [
    (["--reply=MAIL=550 5.7.1 no"], 210),
    (["--reply=RCPT=550 5.1.1 no"], 210),
    (["--reply=DOT=451 4.3.0 later"], 51),
    (["--reply=DOT=554 5.6.0 no"], 214),
    (["--reply=DOT=!close"], 75),
    (["--reply=DOT=!silence"], 75),
    (["--fault=content:20:!close"], 75),
    (["--fault=content:20:reply 421 4.3.2 bye"], 21)])
def test_stays(relay, home, options, status):
    """What was refused for good, or began to be sent, goes nowhere else."""
    first, second = relay(*options), relay()
    h = add(home(first.port, timeout_end=1), second.port)
    run = h.report("-f", FROM, BOB)
    assert run.status == status, run
    assert not second.connected() and "tried" not in run.json
    assert run.json["account"] == "test"


def test_tls_and_login(relay, home, certs, secure):
    """A certificate that is no good, or a login refused, is the relay's
    trouble as well; the second account has its own secret."""
    second = relay(*tls(certs), *auth())
    more = "tls = implicit\ntls_trust = %s\nauth = auto\nuser = alice@example.org" \
        "\npassword = Open-Sesame-4711\n" % (certs / "ca.pem")
    section = "\n[account second]\nhost = 127.0.0.1\nport = %d\n" % \
        second.port + more
    for cert, password in (("expired", "Open-Sesame-4711"), ("good", "wrong-1")):
        first, h = secure(cert=cert, password=password)
        h.general["default_account"] = "test"
        h.set(fallback="second")
        h.write(h.text() + section)
        run = h.report(BOB)
        assert run.status == 0 and run.json["account"] == "second", run
        assert not first.messages()
    assert len(second.messages(2)) == 2


def test_extension_is_missing(relay, home):
    first, second = relay(), relay(caps="PIPELINING,DELIVERBY")
    h = add(home(first.port), second.port)
    run = h.report("-f", FROM, "--deliver-by=3600", BOB)
    assert run.status == 0 and run.json["account"] == "second", run
    assert not first.said("MAIL")


@pytest.mark.parametrize("caps", [None, CHUNKING])
def test_each_recipient_for_himself(relay, home, caps):
    """a is put off and goes by the second relay; b was refused for good."""
    more = {"caps": caps} if caps else {}
    first = relay("--reply=RCPT@a@*=450 4.2.0 grey",
                  "--reply=RCPT@b@*=550 5.1.1 no", **more)
    second = relay()
    h = add(home(first.port), second.port)
    run = h.report("-f", FROM, A, B)
    report = run.json
    assert run.status == 210 and report["result"] == "partial", run
    assert verdicts(report) == {A: "sent", B: "failed"}
    by = {r["address"]: (r["account"], r["relay"])
          for r in report["recipients"]}
    assert by == {A: ("second", "127.0.0.1:%d" % second.port),
                  B: ("test", "127.0.0.1:%d" % first.port)}
    assert "127.0.0.1:%d: RCPT TO:<%s>: 550" % (first.port, B) in run.err, run
    assert [r["address"] for r in second.messages(1)[0]["rcpts"]] == [A]


def test_a_word_at_data_spares_the_refused(relay, home):
    """a 250, b 550, 421 at DATA: b stays refused, a goes on."""
    first = relay("--reply=RCPT@b@*=550 5.1.1 no", "--reply=DATA=421 4.3.2 bye")
    second = relay()
    h = add(home(first.port), second.port)
    run = h.report("-f", FROM, A, B)
    assert verdicts(run.json) == {A: "sent", B: "failed"}, run
    assert [r["address"] for r in second.messages(1)[0]["rcpts"]] == [A]


def test_one_was_sent(relay, home):
    """The relay has the message for a: b waits for this relay."""
    first, second = relay("--reply=RCPT@b@*=450 4.2.0 grey"), relay()
    h = add(home(first.port), second.port)
    run = h.report("-f", FROM, A, B)
    assert verdicts(run.json) == {A: "sent", B: "deferred"}, run
    assert not second.connected()


def test_second_refuses(relay, home):
    """Its word is final too."""
    second = relay("--reply=RCPT=550 5.1.1 no")
    h = add(home(reject_port()), second.port)
    run = h.run("-f", FROM, BOB)
    assert run.status == 210, run
    assert "127.0.0.1:%d: RCPT TO" % second.port in run.err


@pytest.mark.parametrize("options,status", [
    (None, 75), (["--reply=RCPT=450 4.2.0 grey"], 50)])
def test_all_fail(relay, home, options, status):
    """Then all is as if there were no fallback, but the others are told of."""
    first = relay(*options) if options else None
    port = first.port if first else reject_port()
    second = relay("--reply=GREETING=554 5.3.2 no")
    h = add(home(port), second.port)
    run = h.report("-f", FROM, BOB)
    report = run.json
    assert run.status == status, run
    assert [t["account"] for t in report["tried"]] == ["test", "second"]
    assert report["recipients"][0]["relay"] == "127.0.0.1:%d" % port
    assert "127.0.0.1:%d: greeting: 554" % second.port in run.err, run
    run = h.run("-f", FROM, "--queue=tempfail", BOB)
    assert run.status == 0 and "queued as" in run.err, run


def test_order_and_no_further(relay, home):
    """Each in turn; the fallbacks of a fallback are not followed."""
    third, fourth = relay(), relay()
    h = home(reject_port(), fallback="second, third")
    h.write(h.text() + FALLBACK % reject_port() + "fallback = fourth\n" +
            (FALLBACK % third.port).replace("second", "third") +
            (FALLBACK % fourth.port).replace("second", "fourth"))
    run = h.report("-f", FROM, BOB)
    assert run.status == 0 and run.json["account"] == "third", run
    assert [t["account"] for t in run.json["tried"]] == ["test", "second"]
    assert not fourth.connected()


def test_sendmail_is_silent(relay, home, tmp):
    second = relay()
    log = tmp / "log"
    h = add(home(reject_port(), log=log), second.port)
    run = h.sendmail("-f", FROM, BOB)
    assert run.status == 0 and run.err == "" and run.out == "", run
    text = log.read_text()
    assert "trying account 'second'" in text
    assert "account=second" in text and \
        "relay=127.0.0.1:%d" % second.port in text
    assert "trying account" in h.sendmail("-v", "-f", FROM, BOB).err


def test_deadline_covers_all(relay, home):
    first, second = relay("--reply=GREETING=!silence"), relay()
    h = add(home(first.port, timeout_command=30, deadline=1), second.port)
    run = h.run("-f", FROM, BOB)
    assert run.status == 75 and run.elapsed < 8, run
    assert not second.connected()


def test_all_or_nothing(relay, home):
    first = relay("--reply=RCPT@a@*=450 4.2.0 grey")
    second = relay()
    h = add(home(first.port, all_or_nothing="yes"), second.port)
    run = h.report("-f", FROM, A, B)
    assert verdicts(run.json) == {A: "sent", B: "sent"}, run
    worse = relay("--reply=RCPT@a@*=450 4.2.0 grey",
                  "--reply=RCPT@b@*=550 5.1.1 no")
    h = add(home(worse.port, all_or_nothing="yes"), second.port)
    run = h.report("-f", FROM, A, B)
    assert "sent" not in verdicts(run.json).values(), run


def test_password_fd_is_not_for_others(relay, home, certs, tmp):
    """The descriptor's password is the chosen account's: the second relay
    must not hear it."""
    second = relay(*tls(certs), *auth())
    h = home(reject_port(), tls="implicit", tls_trust=certs / "ca.pem",
             auth="auto", user="alice@example.org", fallback="second")
    h.write(h.text() + "\n[account second]\nhost = 127.0.0.1\nport = %d\n"
            "tls_trust = %s\nauth = auto\nuser = alice@example.org\n"
            "password_command = printf other-1\n" % (second.port,
                                                     certs / "ca.pem"))
    with open(tmp / "pw", "wb+", 0) as f:
        f.write(b"Open-Sesame-4711\n")
        f.seek(0)
        run = h.run("--password-fd=%d" % f.fileno(), "-f", FROM, BOB,
                    fds=[f.fileno()])
    assert run.status == 75, run
    got = second.events("auth")
    assert got and not got[0]["ok"]


@pytest.mark.parametrize("fallback,word", [
    ("secnd", "did you mean 'second'?"), ("test", "the account itself"),
    ("second, second", "twice"), ("second, SECOND", "twice"),
    ("second, nobody", "'nobody'")])
def test_names_that_will_not_do(home, relay, fallback, word):
    r = relay()
    h = home(r.port)
    add(h, r.port)
    h.settings["fallback"] = fallback
    h.write(h.text() + FALLBACK % r.port)
    for argv in (["--check-config"], ["-a", "test", "-f", FROM, BOB]):
        run = h.run(*argv)
        assert run.status == 78 and word in run.err, run
    assert not r.connected()


def test_serverinfo_asks_one(relay, home):
    second = relay()
    h = add(home(reject_port()), second.port)
    assert h.run("--serverinfo").status == 75
    assert not second.connected()


def client(relay_of=None, *lines):
    return b"".join(line + b"\r\n" for line in lines)


def test_bs(relay, home, tmp):
    """-bs connects to whichever will do."""
    second = relay()
    log = tmp / "log"
    h = add(home(reject_port(), log=log), second.port)
    run = h.sendmail("-bs", stdin=client(
        None, b"EHLO me.test", b"MAIL FROM:<alice@example.org>",
        b"RCPT TO:<bob@example.net>", b"DATA",
        MESSAGE.replace(b"\n", b"\r\n") + b".", b"QUIT"))
    assert run.status == 0, run
    assert b"\r\n354 " in run.stdout and len(second.messages(1)) == 1, run
    assert "account=second" in log.read_text()


def test_bs_all_down(home):
    h = add(home(reject_port()), reject_port())
    run = h.sendmail("-bs", stdin=client(
        None, b"EHLO me.test", b"MAIL FROM:<alice@example.org>", b"QUIT"))
    assert "\r\n4" in run.out, run


# ---- the queue ----

@pytest.fixture
def queue(tmp):
    def make(port, **settings):
        h = Queue(tmp / "queue", port, **settings)
        h.general["default_account"] = "test"
        return h.set()
    return make


def fill(h, n, *argv):
    for _ in range(n):
        assert h.run("-f", FROM, "--queue=always", *argv, BOB).status == 0


def test_queue_goes_by_the_second(relay, queue, tmp):
    """All that is due, over one connection; it stays the first's mail."""
    second = relay(caps=CHUNKING)
    log = tmp / "log"
    port = reject_port()
    h = add(queue(port, log=log), second.port)
    fill(h, 5, "-a", "test")
    run = h.run("-q")
    assert run.status == 75, run
    assert run.err.count("connection refused") == 1, run
    assert "; trying account 'second'" in run.err
    assert len(second.messages(5)) == 5 and second.connected() == 1
    assert not h.entries()
    assert log.read_text().count("account=second") == 5


def test_queue_tries_each_relay_once(relay, queue):
    """Both down: each was tried once; the mail waits, for both accounts."""
    first = relay("--reply=GREETING=421 4.3.2 busy")
    second = relay("--reply=GREETING=421 4.3.2 busy")
    h = add(queue(first.port), second.port, "fallback = test\n")
    fill(h, 3, "-a", "test")
    fill(h, 3, "-a", "second")
    run = h.run("-q")
    assert run.status == 21, run
    assert (first.connected(), second.connected()) == (1, 1)
    assert len(h.entries()) == 6


@pytest.mark.parametrize("reply", [
    "MAIL=421 4.3.2 busy", "MAIL=451 4.3.0 later", "RCPT=450 4.2.0 grey",
    "DATA=421 4.3.2 busy", "DATA=!close", "MAIL=!close"])
def test_queue_amid_a_connection(relay, queue, reply):
    """The relay is there and takes nothing."""
    first, second = relay("--reply=" + reply), relay()
    h = add(queue(first.port), second.port)
    fill(h, 4, "-a", "test")
    h.run("-q")
    assert len(second.messages(4)) == 4, h.entries()
    assert not h.entries() and not first.messages()


@pytest.mark.parametrize("second_takes", [True, False])
def test_queue_first_dies_between_connections(relay, queue, second_takes):
    """What it put off while it was there goes on, too, or waits as the rest."""
    first = relay("--reply=MAIL%1=451 4.3.0 later",
                  "--reply=GREETING#2+=421 4.3.2 busy")
    second = relay(*([] if second_takes else
                     ["--reply=GREETING=421 4.3.2 busy"]))
    h = add(queue(first.port, max_messages_per_connection=1), second.port)
    fill(h, 4, "-a", "test")
    h.run("-q")
    assert first.connected() == 2
    if second_takes:
        assert len(second.messages(4)) == 4 and not h.entries()
    else:
        assert len(h.entries()) == 4
        h.run("-q")		# nothing is due
        assert first.connected() == 2, h.entries()


def test_queue_each_recipient(relay, queue):
    """A refusal is written down where it was said; the other waits."""
    first = relay("--reply=RCPT@a@*=450 4.2.0 grey",
                  "--reply=RCPT@b@*=550 5.1.1 no")
    second = relay()
    h = add(queue(first.port), second.port)
    assert h.run("-f", "", "-a", "test", "--queue=always", A, B).status == 0
    h.run("-q")
    assert not [m for m in second.messages()
                if any(r["address"] == B for r in m["rcpts"])]
    assert len(h.entries()) == 1


def test_flush_is_for_its_own_relay(relay, queue):
    """Nobody else's mail goes over a fallback's connection."""
    second = relay()
    h = queue(reject_port(), flush_on_send="yes")
    h.settings["queue"] = "tempfail"
    add(h, second.port)
    fill(h, 2, "-a", "test")
    assert h.run("-f", FROM, "-a", "test", BOB).status == 0
    assert len(second.messages(1)) == 1
    assert len(h.entries()) == 2


@pytest.mark.parametrize("options,left", [
    ([], 0), (["--reply=DOT=!close"], 1), (["--reply=DOT=451 4.3.0 later"], 1),
    (["--reply=RCPT=550 5.1.1 no"], 0)])
def test_queue_stays(relay, queue, options, left):
    """What was sent, or may have been, or was refused for good, is the first
    relay's matter."""
    first, second = relay(*options), relay()
    h = add(queue(first.port), second.port)
    assert h.run("-f", "", "-a", "test", "--queue=always", BOB).status == 0
    run = h.run("-v", "-q")
    assert len(h.entries()) == left, run
    assert not second.connected()
