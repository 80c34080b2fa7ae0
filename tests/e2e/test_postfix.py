"""A real Postfix with Dovecot SASL: the mechanisms, sizes and refusals."""
import hashlib
import itertools

import pytest

from lib.check import BOB, status_of
from lib.program import Home
from lib.spool import until

MECHS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]
number = itertools.count(1)


@pytest.fixture
def user(postfix, tmp, certs):
    """user(mode, **settings): who may send through the server."""
    def make(mode="implicit", **settings):
        h = Home(tmp / ("user%d" % next(number)), getattr(postfix, mode),
                 tls="starttls" if mode == "starttls" else "implicit",
                 tls_trust=certs / "ca.pem", user=postfix.user, auth="auto",
                 timeout_end=120, timeout_data=60, timeout_command=30)
        path = h.dir / "secret"
        path.write_text(postfix.password + "\n")
        path.chmod(0o600)
        h.set(password_file=path, **{"from": "alice@example.test"})
        h.secrets.append(postfix.password)
        return h.set(**settings)
    return make


def message(mark, text=b"hello\n", more=b""):
    return (b"From: alice@example.test\nTo: bob@example.test\nSubject: " +
            mark.encode() + b"\n" + more + b"\n" + text)


def fresh():
    return "mark-%d-end" % next(number)


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("mech", MECHS)
def test_mechanism(postfix, user, mode, mech):
    """Each mechanism, on 465's way and on 587's."""
    mark = fresh()
    run = user(mode, auth=mech).report("bob@example.test",
                                       stdin=message(mark))
    assert run.status == 0, run
    assert run.json["result"] == "sent"
    assert run.json["sasl"] == mech, run
    mails = postfix.delivered(mark)
    assert len(mails) == 1
    text = mails[0].read_bytes()
    assert text.endswith(b"\n\nhello\n"), text
    assert postfix.mechanisms()[-1] == mech


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
def test_auto(postfix, user, mode):
    """auth = auto takes the strongest that is offered."""
    mark = fresh()
    assert user(mode).run("bob@example.test",
                          stdin=message(mark)).status == 0
    assert postfix.delivered(mark)
    assert postfix.mechanisms()[-1] == "SCRAM-SHA-256"


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_resumed(postfix, user, mode, version):
    """Postfix says itself that the second process goes on with a session."""
    h = user(mode, tls_priority="NORMAL:-VERS-ALL:+VERS-TLS" + version)
    before = len(postfix.handshakes())
    for n in range(3):
        run = h.report("bob@example.test", stdin=message(fresh()))
        assert run.json["tls_resumed"] is (n > 0), run
    until(lambda: len(postfix.handshakes()) >= before + 3)
    assert postfix.handshakes()[before:] == [False, True, True]


@pytest.mark.parametrize("mech", MECHS)
def test_wrong_password(postfix, user, mech):
    """A wrong password: 77 or the reply's 535; nothing is sent."""
    h = user(auth=mech, password_file=None, password="wrong-wrong-wrong")
    h.secrets.append("wrong-wrong-wrong")
    mark = fresh()
    run = h.run("--exit-status=sysexits", "bob@example.test",
                stdin=message(mark))
    assert run.status == 77, run
    run = h.report("bob@example.test", stdin=message(mark))
    assert run.status == status_of(535), run
    assert run.json["result"] == "failed", run
    assert run.json["recipients"][0]["code"] == 535, run
    assert run.json["recipients"][0]["stage"] == "AUTH", run
    assert not postfix.delivered(mark, seconds=0.2)


def test_thousand_recipients(postfix, user):
    """1,000 recipients in one go, each exactly once."""
    tag = "t%d" % next(number)
    rcpts = ["%s-%04d@many.test" % (tag, n) for n in range(1000)]
    run = user().report(*rcpts, stdin=message(fresh()), seconds=60)
    assert run.status == 0, run
    assert len(run.json["recipients"]) == 1000
    assert {r["outcome"] for r in run.json["recipients"]} == {"sent"}
    got = postfix.sent_to(tag + r"-\d+@many\.test", 1000)
    assert sorted(got) == rcpts


def test_more_than_the_limit(postfix, user):
    """1,200 recipients where the server's limit is 1,000 a transaction."""
    tag = "t%d" % next(number)
    rcpts = ["%s-%04d@many.test" % (tag, n) for n in range(1200)]
    run = user("starttls").run(*rcpts, stdin=message(fresh()), seconds=60)
    assert run.status == 0, run
    assert sorted(postfix.sent_to(tag + r"-\d+@many\.test", 1200)) == rcpts


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("text", [b"x", b"", b".", b".\n..\n.x\n"],
                         ids=["one octet", "empty", "dot", "dots"])
def test_small(postfix, user, mode, text):
    """1 octet, none, and dots, octet by octet."""
    mark = fresh()
    run = user(mode).run("bob@example.test", stdin=message(mark, text))
    assert run.status == 0, run
    got = postfix.delivered(mark)[0].read_bytes().partition(b"\n\n")[2]
    wanted = text + b"\n" if text and not text.endswith(b"\n") else text
    assert got == wanted


def test_200_megabytes(postfix, user):
    """200 MB, compared by its digest."""
    mark = fresh()
    line = b"All work and no play makes for a long file, a very long one.\n"
    piece = line * (1048576 // len(line))
    n = 200 * 1048576 // len(piece) + 1
    run = user().run("bob@example.test", seconds=120,
                     stdin=[message(mark, b"")] + [piece] * n)
    assert run.status == 0, run
    mail = postfix.delivered(mark, seconds=60)[0]
    digest, size = hashlib.sha256(), 0
    with open(mail, "rb") as f:
        while f.readline() not in (b"\n", b""):
            pass
        while block := f.read(1 << 20):
            digest.update(block)
            size += len(block)
    wanted = hashlib.sha256()
    for _ in range(n):
        wanted.update(piece)
    mail.unlink()
    assert size == n * len(piece)
    assert digest.digest() == wanted.digest()


# recipients, sysexits status, reply status, result, outcomes
MIXES = {
    "refused": (["refused"], 67, 210, "failed", ["failed"]),
    "moved": (["moved"], 67, 211, "failed", ["failed"]),
    "deferred": (["later"], 75, 50, "failed", ["deferred"]),
    "one refused": (["bob", "refused", "carol"], 67, 210, "partial",
                    ["sent", "failed", "sent"]),
    "one deferred": (["bob", "later"], 75, 50, "partial",
                     ["sent", "deferred"]),
    "of each": (["later", "bob", "refused"], 67, 210, "partial",
                ["deferred", "sent", "failed"]),
    "none taken": (["later", "refused"], 67, 210, "failed",
                   ["deferred", "failed"]),
}


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("name", MIXES)
def test_recipients(postfix, user, mode, name):
    """Refused, deferred and mixed recipients: status and report."""
    who, sysexits, reply, result, outcomes = MIXES[name]
    rcpts = ["%s@example.test" % w for w in who]
    h, mark = user(mode), fresh()
    run = h.report(*rcpts, stdin=message(mark))
    assert run.status == reply, run
    assert run.json["result"] == result, run
    assert run.json["exit_status"] == reply, run
    assert [r["address"] for r in run.json["recipients"]] == rcpts
    assert [r["outcome"] for r in run.json["recipients"]] == outcomes, run
    for r in run.json["recipients"]:
        if r["address"].startswith("refused"):
            assert r["code"] == 550 and r["enhanced"] == "5.1.1", run
            assert "no such user" in r["text"], run
    taken = outcomes.count("sent")
    assert len(postfix.delivered(mark, taken)) == taken
    mark = fresh()
    run = h.run("--exit-status=sysexits", *rcpts, stdin=message(mark))
    assert run.status == sysexits, run
    for r, outcome in zip(rcpts, outcomes):
        assert (r in run.err) == (outcome != "sent"), run
    run = h.run("--all-or-nothing", "--exit-status=sysexits", *rcpts,
                stdin=message(fresh() + " nothing"))
    assert run.status == sysexits, run


def test_sender_refused(user):
    """MAIL or RCPT refused for the sender: 65 or 67 by sysexits."""
    h = user()
    run = h.run("--exit-status=sysexits", "-f", "banned@example.test",
                "bob@example.test", stdin=message(fresh()))
    assert run.status in (65, 67), run
    assert "you may not send" in run.err, run


def test_size_limit(postfix, user):
    """Larger than the SIZE announced: refused before MAIL, 65."""
    big = b"x" * 70 + b"\n"
    mark = fresh()
    for scheme in ("reply", "sysexits"):
        run = user("small").run("--exit-status=" + scheme, "bob@example.test",
                                stdin=message(mark, big * 1600))
        assert run.status == 65, run
        assert "100000" in run.err, run
    assert user("small").run("bob@example.test",
                             stdin=message(mark, big * 1200)).status == 0
    assert len(postfix.delivered(mark)) == 1


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
def test_content_refused(postfix, user, mode):
    """Refused after the content: 69 and the reply's status."""
    h, mark = user(mode), fresh()
    refused = message(mark, more=b"X-Refuse: yes\n")
    run = h.report("bob@example.test", "carol@example.test", stdin=refused)
    assert 200 < run.status < 220, run
    code = run.json["reply"]["code"]
    assert code in (550, 554) and run.status == status_of(code), run
    assert [r["outcome"] for r in run.json["recipients"]] == ["failed"] * 2
    assert "we do not want this" in run.json["reply"]["text"], run
    run = h.run("--exit-status=sysexits", "bob@example.test", stdin=refused)
    assert run.status == 69, run
    assert "we do not want this" in run.err, run
    assert not postfix.delivered(mark, seconds=0.2)


def test_relaying_without_login(postfix, user):
    """Without AUTH the server takes nothing, and says so."""
    run = user(auth="none").run("--exit-status=sysexits", BOB,
                                stdin=message(fresh()))
    assert run.status in (67, 69, 77), run


def test_serverinfo(user):
    """--serverinfo of a real server."""
    for mode in ("implicit", "starttls"):
        run = user(mode).run("--serverinfo", stdin=b"")
        assert run.status == 0, run
        for word in ("TLS1.3", "SCRAM-SHA-256", "PIPELINING", "CHUNKING",
                     "sha256:"):
            assert word in run.out, (word, run)
