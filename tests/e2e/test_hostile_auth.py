"""HOSTILE.md 26-33: AUTH."""
import base64
import os
import stat

import pytest

from lib.check import BOB, both, silent
from lib.peer import context, smtp
from lib.program import FROM, PASSWORD, TOKEN, USER
from lib.scram import Scram


def b64(data):
    return base64.b64encode(data)


@pytest.fixture
def asked(home, peer, certs):
    """asked(reply, mechs): a TLS peer whose AUTH is `reply`."""
    def make(reply, mechs="PLAIN", caps=(), **settings):
        replies = {"AUTH": reply}
        p = peer(smtp(replies, caps=["AUTH " + mechs, *caps],
                      tls=context(certs)))
        h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem")
        return p, h.login(**settings)
    return make


def not_mailed(p):
    for got in p.got:
        assert b"MAIL" not in got and b"DATA" not in got, bytes(got)


def test_26_login_only(secure):
    """26: only `AUTH LOGIN` offered, auth=auto -> LOGIN under TLS; 0."""
    r, h = secure(mechs="LOGIN")
    silent(h.run("-f", FROM, BOB))
    assert r.events("auth")[0]["mechanism"] == "LOGIN"


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
def test_26_scram_wanted(secure, mode):
    """26: and with a SCRAM mechanism configured -> 77."""
    r, h = secure(mechs="LOGIN", mode=mode,
                  auth="scram-sha-256 scram-sha-1")
    for run in both(h, sysexits=77):
        assert "LOGIN" in run.err, run
    assert not r.said("AUTH"), r.commands()


def challenge(text, rounds=10 ** 6):
    """Challenges without end; counts what was answered."""
    def reply(conn, line):
        reply.rounds.append(0)
        for _ in range(rounds):
            if not conn.send(b"334 " + text + b"\r\n"):
                return False
            answer = conn.line()
            reply.answers.append(answer)
            if not answer:
                return False
            reply.rounds[-1] += 1
            if answer == b"*\r\n":
                return conn.send(b"501 5.7.0 cancelled\r\n")
        return conn.send(b"535 5.7.8 enough\r\n")
    reply.rounds, reply.answers = [], []
    return reply


@pytest.mark.parametrize("mech", ["plain", "login", "cram-md5",
                                  "scram-sha-256", "scram-sha-1"])
@pytest.mark.parametrize("text", [b"!!! not base64 !!!", b"AAA", b"=",
                                  b"eA==eA==", b"\xff\xfe"],
                         ids=["text", "short", "pad", "inner pad", "8bit"])
def test_27_not_base64(asked, mech, text):
    """27: challenge not base64 -> `*` sent, 76."""
    reply = challenge(text)
    p, h = asked(reply, mech.upper(), auth=mech)
    both(h, sysexits=76)
    assert b"*\r\n" in reply.answers, reply.answers
    not_mailed(p)


def test_27_megabyte(asked):
    """27: a challenge of 1 MB -> 76."""
    def reply(conn, line):
        conn.send(b"334 " + b"QUJD" * 262144 + b"\r\n")
        conn.line()
        return False
    p, h = asked(reply, "CRAM-MD5")
    both(h, sysexits=76)
    not_mailed(p)


@pytest.mark.parametrize("mech,text", [
    ("login", b"VXNlcm5hbWU6"), ("login", b""), ("cram-md5", b"PDEuMkBhPg=="),
    ("plain", b""), ("scram-sha-256", b"")])
def test_27_for_ever(asked, mech, text):
    """27: 50 rounds / empty 334 for ever -> `*` sent, 76; <= 10 rounds."""
    reply = challenge(text)
    p, h = asked(reply, mech.upper(), auth=mech)
    both(h, sysexits=76)
    assert max(reply.rounds) <= 11, reply.rounds
    assert b"*\r\n" in reply.answers, reply.answers
    not_mailed(p)


class ScramReply:
    """An AUTH handler that plays a SCRAM server with one fault."""

    def __init__(self, fault):
        self.fault, self.servers = fault, []

    def __call__(self, conn, line):
        server = Scram(PASSWORD, self.fault)
        self.servers.append(server)
        first = base64.b64decode(line.split()[2])
        if self.fault == "early":
            return conn.send(b"235 2.7.0 welcome\r\n")
        answer = server.first(first)
        if self.fault == "garbage":
            answer = b"\xff\0garbage,,,==="
        conn.send(b"334 " + b64(answer) + b"\r\n")
        reply = conn.line()
        if reply in (b"", b"*\r\n"):
            return bool(reply) and conn.send(b"501 cancelled\r\n")
        if server.rounds > 10 ** 7:
            return False	# we would not work on that ourselves
        last = server.final(base64.b64decode(reply))
        if self.fault == "no signature":
            return conn.send(b"235 2.7.0 welcome\r\n")
        conn.send(b"334 " + b64(last) + b"\r\n")
        if conn.line() == b"*\r\n":
            return conn.send(b"501 cancelled\r\n")
        return conn.send(b"235 2.7.0 welcome\r\n")


def test_28_scram_good(asked):
    """28, the good end: this server's SCRAM is right without a fault."""
    reply = ScramReply(None)
    p, h = asked(reply, "SCRAM-SHA-256")
    silent(h.run("-f", FROM, BOB))
    assert reply.servers[0].verified


@pytest.mark.parametrize("fault", ["signature", "no signature", "early",
                                   "nonce", "huge iterations",
                                   "one iteration", "garbage", "error"])
def test_28_scram(asked, fault):
    """28: SCRAM server signature wrong; iteration count 2^31; iteration 1;
    nonce not extended; `235` early -> 77/76; bounded CPU."""
    p, h = asked(ScramReply(fault), "SCRAM-SHA-256", timeout_command=20)
    for run in both(h, sysexits=(76, 77)):
        assert run.cpu < 3, run
        assert run.elapsed < 5, run
    not_mailed(p)


def test_29_refused(asked):
    """29: `535 5.7.8` -> 77, no fallback to a weaker mechanism, message not
    sent."""
    p, h = asked(b"535 5.7.8 bad credentials\r\n",
                 "SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN")
    # The reply comes at once, without any challenge.
    for run in both(h, sysexits=77, reply=535):
        assert "5.7.8" in run.err, run
    for got in p.got:
        assert got.count(b"AUTH ") == 1, bytes(got)
        assert b"AUTH SCRAM-SHA-256" in got, bytes(got)
    not_mailed(p)


def test_29_relay(secure):
    """29: the same with a real mechanism and a wrong password."""
    r, h = secure(password="not-the-right-one")
    h.secrets.append("not-the-right-one")
    both(h, sysexits=77, reply=535)
    assert len(r.commands("AUTH")) == 2 and not r.said("MAIL"), r.commands()


@pytest.mark.parametrize("code,sysexits", [
    (454, 75), (432, 75), (421, 75), (534, 77), (538, 77), (530, 77),
    (535, 77)])
def test_30_codes(asked, code, sysexits):
    """30: `454 4.7.0` to AUTH -> 75; MAIL not sent.  And its relatives."""
    p, h = asked(b"%d x.7.0 not now\r\n" % code)
    both(h, sysexits=sysexits, reply=code)
    not_mailed(p)


@pytest.mark.parametrize("caps", [("PIPELINING",), ("AUTH",), ("AUTHX PLAIN",)])
def test_31_auth_gone(home, peer, certs, caps):
    """31: `AUTH` disappears with auth configured -> 76; MAIL not sent."""
    p = peer(smtp(caps=caps, tls=context(certs)))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem").login()
    both(h, sysexits=(76, 77) if caps == ("AUTH",) else 76)
    not_mailed(p)
    assert not any(b"AUTH" in got for got in p.got), p.got


def test_32_xoauth2(asked):
    """32: XOAUTH2: `334 eyJzdGF0dXMiOiI0MDEi...` -> empty line sent, 535
    read, 77, token not printed."""
    seen = []

    def reply(conn, line):
        seen.append(line)
        conn.send(b"334 " + b64(b'{"status":"401","schemes":"bearer",'
                                b'"scope":"https://mail.example/"}') + b"\r\n")
        seen.append(conn.line())
        return conn.send(b"535 5.7.8 token refused\r\n")
    p, h = asked(reply, "XOAUTH2 PLAIN", auth="xoauth2", password=None,
                 token_command="echo " + TOKEN)
    both(h, sysexits=77, reply=535)
    run = h.run("-v", "-f", FROM, BOB)
    assert run.status == 195, run
    initial = base64.b64decode(seen[0].split()[2])
    assert initial == b"user=%s\1auth=Bearer %s\1\1" % (USER.encode(),
                                                       TOKEN.encode())
    assert seen.count(b"\r\n") == 3 and len(seen) == 6, seen
    not_mailed(p)


def test_32_good_token(secure):
    """32, the good end: both OAuth mechanisms log in with the token."""
    for mech in ("xoauth2", "oauthbearer"):
        r, h = secure(mechs="XOAUTH2 OAUTHBEARER", auth=mech, password=None,
                      token_command="echo " + TOKEN)
        silent(h.run("-f", FROM, BOB))
        assert r.events("auth")[0]["mechanism"].lower() == mech


class Plain:
    """Takes any AUTH PLAIN and remembers its octets."""

    def __init__(self):
        self.seen = []

    def __call__(self, conn, line):
        if len(line.split()) < 3:	# too long for one line of a command
            conn.send(b"334 \r\n")
            line = b"AUTH PLAIN " + conn.line()
        self.seen.append(base64.b64decode(line.split()[2]))
        return conn.send(b"235 in\r\n")


SECRETS = {"utf8": "Grüße-πάντα-密碼", "semicolon": "semi;colon;word",
           "hash": "hash#and # more", "quotes": "\"double\" 'single' \\back",
           "blanks": "  leading and trailing  ", "percent": "100%s%n$HOME",
           "long": "0123456789abcdef" * 60}


# netrc cannot say what has blanks and quotes in it: its words end at blanks.
@pytest.mark.parametrize("source,name", [
    (source, name) for source in ("command", "file", "fd", "netrc")
    for name in SECRETS
    if source != "netrc" or name not in ("blanks", "quotes")])
def test_33_exact_bytes(asked, source, name):
    """33: password with UTF-8, `;`, `#` by command, file, descriptor, netrc
    -> exact bytes used (one trailing LF stripped)."""
    secret = SECRETS[name]
    reply = Plain()
    p, h = asked(reply, auth="plain", password=None)
    h.secrets.append(secret)
    path = h.dir / "secret"
    path.write_bytes(secret.encode() + b"\n")
    path.chmod(0o600)
    argv, more = ["-f", FROM, BOB], {}
    if source == "command":
        h.set(password_command="cat %s" % path)
    elif source == "file":
        h.set(password_file=path)
    elif source == "netrc":
        word = '"%s"' % secret if " " in secret else secret
        path.write_text("machine other login x password y\n"
                        "machine 127.0.0.1 login %s password %s\n" %
                        (USER, word))
        h.set(netrc=path)
    else:
        fd = os.open(path, os.O_RDONLY)
        argv = ["--password-fd=%d" % fd] + argv
        more["fds"] = [fd]
    run = h.run(*argv, **more)
    if source == "fd":
        os.close(fd)
    silent(run)
    assert reply.seen == [b"\0" + USER.encode() + b"\0" + secret.encode()]


def ended_by(asked, end):
    reply = Plain()
    p, h = asked(reply, auth="plain", password=None)
    path = h.dir / "secret"
    path.write_bytes(PASSWORD.encode() + end)
    path.chmod(0o600)
    return h.set(password_file=path), reply


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"],
                         ids=["none", "LF", "CRLF"])
def test_33_one_newline(asked, end):
    """33: one trailing newline is not part of the password."""
    h, reply = ended_by(asked, end)
    silent(h.run("-f", FROM, BOB))
    assert reply.seen == [b"\0%s\0%s" % (USER.encode(), PASSWORD.encode())]


@pytest.mark.parametrize("end", [b"\n\n", b"\nmore\n"])
def test_33_two_lines(asked, end):
    """33: what has a second line is no password: 78, never cut."""
    h, reply = ended_by(asked, end)
    both(h, sysexits=78)
    assert not reply.seen


@pytest.mark.parametrize("source", ["command", "file"])
def test_33_nul(asked, source):
    """33: NUL in the password -> 78, nothing sent."""
    p, h = asked(Plain(), auth="plain", password=None)
    path = h.dir / "secret"
    path.write_bytes(b"before\0after\n")
    path.chmod(0o600)
    h.secrets += ["before\0after"]
    if source == "command":
        h.set(password_command="cat %s" % path)
    else:
        h.set(password_file=path)
    both(h, sysexits=78)
    assert not any(b"AUTH" in got for got in p.got)


@pytest.mark.parametrize("value", ["semi;colon-4711", "hash#tag-4711",
                                   "blank ;comment-4711"])
def test_33_ini(asked, value):
    """33: a password that the file format would cut -> 78 that names the key,
    never a shorter password."""
    p, h = asked(Plain(), auth="plain")
    h.secrets += [value]
    h.set(password=value)
    for run in both(h, sysexits=78):
        assert "password" in run.err, run
    assert not any(p.got), p.got


def test_33_ini_utf8(asked):
    """33: UTF-8 in the file is fine."""
    reply = Plain()
    p, h = asked(reply, auth="plain", password=SECRETS["utf8"])
    h.secrets.append(SECRETS["utf8"])
    silent(h.run("-f", FROM, BOB))
    assert reply.seen[0].endswith(b"\0" + SECRETS["utf8"].encode())


def test_command_fails(asked):
    """A password command's exit status is honoured, and its output kept."""
    p, h = asked(Plain(), auth="plain", password=None,
                 password_command="echo %s && exit 3" % PASSWORD)
    for run in both(h, sysexits=78):
        assert "3" in run.err, run
    assert not any(b"AUTH" in got for got in p.got)


def test_command_hangs(asked):
    """... and it has a deadline, after which nothing of it is left."""
    p, h = asked(Plain(), auth="plain", password=None, deadline=1)
    h.set(password_command="echo $$ >>%s/pids && sleep 600 && true" % h.dir)
    for run in both(h, sysexits=(75, 78), seconds=10):
        assert run.elapsed < 6, run
    pids = (h.dir / "pids").read_text().split()
    assert len(pids) == 2
    for pid in pids:
        assert not os.path.exists("/proc/" + pid), pid


def test_command_reads_stdin(asked):
    """A password command that reads stdin does not eat the message."""
    reply = Plain()
    p, h = asked(reply, auth="plain", password=None,
                 password_command="cat >/dev/null && echo " + PASSWORD)
    silent(h.run("-f", FROM, BOB))
    assert b"hello, world\r\n" in p.got[0]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
@pytest.mark.parametrize("kind", ["config", "file", "netrc"])
def test_open_secret_file(asked, kind, mode):
    """A file that holds a secret and is open to others -> 77, with the mode
    that would do (DESIGN section 4)."""
    p, h = asked(Plain(), auth="plain")
    if kind == "config":
        h.config.chmod(mode)
        path = h.config
    else:
        path = h.dir / "secret"
        path.write_text("machine 127.0.0.1 login %s password %s\n" %
                        (USER, PASSWORD) if kind == "netrc" else PASSWORD)
        h.set(password=None,
              **{"netrc" if kind == "netrc" else "password_file": path})
        path.chmod(mode)
    for run in both(h, sysexits=77):
        assert str(path) in run.err and "chmod" in run.err, run
    assert not any(b"AUTH" in got for got in p.got)
    assert stat.S_IMODE(path.stat().st_mode) == mode
