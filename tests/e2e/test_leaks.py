"""No output in any mode holds a secret, also if the relay repeats it.

A relay of our own logs the client in, or refuses it, and says back what it was
told and what it knows: in every encoding, in every reply from there on.  Then
everything the program has written anywhere is searched for it.
"""
import base64
import hashlib
import itertools
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.parse

import pytest

from lib.check import BOB
from lib.peer import context, smtp
from lib.program import FROM, USER
from lib.scram import Scram
from lib.spool import Queue, until

SECRETS = {
    "plain": "Open-Sesame-4711",
    "utf-8": "Pässwört-€-Ωmega",
    "odd": "a b\"c'd%41\\e\\\\f %s;#`$(x)",
    "short": "q7Z",
    "long": "Lx" * 20 + "".join("%03x" % (i * 37 % 4096) for i in range(320)),
}
MECHS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1",
         "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
         "XOAUTH2", "OAUTHBEARER"]


def b64(data):
    return base64.b64encode(data)


class Login:
    """The relay's side of a mechanism; .words is what the client has said."""

    def __init__(self, conn, line, secret):
        self.conn, self.secret, self.words = conn, secret, []
        _, self.mech, *initial = line.decode().split()
        self.initial = initial[0].encode() if initial else None

    def ask(self, challenge=b""):
        """The client's next word, decoded."""
        word, self.initial = self.initial, None
        if word is None:
            self.conn.send(b"334 " + b64(challenge) + b"\r\n")
            word = self.conn.line().strip()
        self.words.append(word)
        return base64.b64decode(word)

    def run(self):
        name = self.mech.replace("-", "_").lower()
        if name.startswith("scram"):
            self.do_scram("sha1" if "SHA-1" in self.mech else "sha256")
        else:
            getattr(self, "do_" + name)()
        return self

    def do_plain(self):
        self.ask()

    do_xoauth2 = do_oauthbearer = do_plain

    def do_login(self):
        self.ask(b"Username:")
        self.ask(b"Password:")

    def do_cram_md5(self):
        self.ask(b"<1896.697170952@r.test>")

    def do_digest_md5(self):
        said = self.ask(b'realm="r.test",nonce="OA6MG9tEQGm2hh",qop="auth",'
                        b'algorithm=md5-sess,charset=utf-8')
        f = {k: a or b for k, a, b in
             re.findall(rb'([\w-]+)=(?:"([^"]*)"|([^",]*))', said)}

        def h(*parts):
            return hashlib.md5(b":".join(parts)).hexdigest().encode()
        key = hashlib.md5(b":".join([f[b"username"], f[b"realm"],
                                     self.secret.encode()])).digest()
        proof = h(h(key, f[b"nonce"], f[b"cnonce"]), f[b"nonce"], f[b"nc"],
                  f[b"cnonce"], b"auth", h(b"", f[b"digest-uri"]))
        self.conn.send(b"334 " + b64(b"rspauth=" + proof) + b"\r\n")
        self.conn.line()

    def do_scram(self, name):
        """-PLUS, too: what the client says it is bound to is believed."""
        scram = Scram(self.secret, name=name)
        last = self.ask(scram.first(self.ask()))
        final = scram.final(last)
        self.conn.send(b"334 " + b64(final) + b"\r\n")
        self.conn.line()

    def telling(self):
        """What must not come back: responses and what in them tells."""
        word = self.words[-1]
        plain = base64.b64decode(word)
        found = [word]
        if self.mech.startswith("SCRAM"):
            found.append(plain.rpartition(b",p=")[2])
        elif self.mech == "CRAM-MD5":
            found.append(plain.split()[-1])
        elif self.mech == "DIGEST-MD5":
            found.append(re.search(rb"response=(\w+)", plain).group(1))
        return found


def halves(data):
    """Over two lines of a reply."""
    return data[:len(data) // 2] + b"\n" + data[len(data) // 2:]


def echoes(login):
    """Each thing that the relay may say of it; a LF begins a new line."""
    secret = login.secret.encode()
    word = login.words[-1]
    plain = base64.b64decode(word)
    shown = re.sub(rb"[\0\1\r\n]", b" ", plain)
    texts = [b"AUTH " + login.mech.encode() + b" " + word, word, shown,
             shown.split(b" ")[-1] if b" " in shown else shown,
             plain.hex().encode(), urllib.parse.quote(plain).encode(),
             base64.urlsafe_b64encode(plain), b64(b"xx" + plain),
             b64(b"x" + secret), b64(secret), secret, secret.hex().encode(),
             secret.hex().upper().encode(),
             urllib.parse.quote(secret, safe="").encode(),
             urllib.parse.quote_plus(secret).encode(),
             "".join("%%%02X" % c for c in secret).encode(),
             b"password '" + secret + b"' is wrong", secret * 2]
    texts += [b"not " + halves(t) for t in (secret, word, b64(secret),
                                            secret.hex().encode())]
    return texts


def forbidden(login):
    secret = login.secret.encode()
    found = [secret, secret.hex().encode(), secret.hex().upper().encode(),
             urllib.parse.quote(secret, safe="").encode(), *login.telling()]
    for pad in range(3):	# within any longer base64, as far as it is its own
        coded = b64(b"x" * pad + secret).rstrip(b"=")
        found.append(coded[4 if pad else 0:-1])
    if len(secret) > 12:
        found += [secret[:len(secret) // 2], secret[len(secret) // 2:]]
    # A few octets of base64 are found in anything.
    return {f for f in found if len(f) > 4 or f == secret}


def reply(code, text):
    """A reply of as many lines as text has, none too long."""
    lines = []
    for line in text.split(b"\n"):
        lines += [line[i:i + 1500] for i in range(0, len(line), 1500)] or [b""]
    return b"".join(b"%s%s%s\r\n" % (code, b"-" if i < len(lines) - 1 else
                                     b" ", line)
                    for i, line in enumerate(lines))


class Echo:
    """A relay that says the nth echo with `code` in answer to `verb`."""

    def __init__(self, peer, certs, secret):
        self.secret, self.login, self.mail = secret, None, b""
        self.n, self.verb, self.code = 0, "AUTH", b"535"
        self.mechs = []
        self.peer = peer(self.serve)
        self.context = context(certs)
        self.port = self.peer.port

    def text(self):
        texts = echoes(self.login)
        return texts[self.n % len(texts)]

    def say(self, conn, verb, good):
        if self.login and verb == self.verb:
            return conn.send(reply(self.code, self.text()))
        return conn.send(good)

    def auth(self, conn, line):
        self.login = Login(conn, line, self.secret).run()
        return self.say(conn, "AUTH", b"235 in\r\n")

    def data(self, conn, line):
        if self.verb == "DATA":
            return self.say(conn, "DATA", b"")
        conn.send(b"354 go\r\n")
        before = len(self.peer.got[-1])
        if not conn.content():
            return False
        self.mail = bytes(self.peer.got[-1][before:])
        return self.say(conn, "DOT", b"250 taken\r\n")

    def serve(self, conn):
        handler = smtp({
            "AUTH": self.auth, "DATA": self.data,
            **{verb: lambda conn, line, verb=verb: self.say(
                conn, verb, b"250 ok\r\n") for verb in ("MAIL", "RCPT")},
            "QUIT": lambda conn, line: self.say(conn, "QUIT", b"221 bye\r\n"),
        }, caps=["AUTH " + " ".join(self.mechs), "SMTPUTF8", "8BITMIME"],
            tls=self.context)
        handler(conn)


def is_token(mech):
    return "OAUTH" in mech


def make(directory, certs, relay, mech, secret):
    """A caller whose secret is in a private file."""
    h = Queue(directory, relay.port, tls="implicit",
              tls_trust=certs / "ca.pem", auth=mech.lower(), user=USER,
              log=pathlib.Path(directory) / "log", log_format="json")
    h.env["TZ"] = "UTC"
    path = h.dir / "pw"
    path.write_text(secret + "\n")
    path.chmod(0o600)
    h.set(**({"token_command": "cat %s" % path} if is_token(mech) else
             {"password_file": path}))
    h.secrets = []		# searched for here, and more thoroughly
    relay.mechs = [mech]
    return h


def written(h, *runs):
    """Every octet the program has put anywhere, by where."""
    found = {}
    for run in runs:
        found["stdout of %s" % run.argv[1:]] = run.stdout
        found["stderr of %s" % run.argv[1:]] = run.stderr
    for path in h.dir.rglob("*"):
        if path.is_file() and path.name not in ("pw", "config"):
            found[str(path)] = path.read_bytes()
    return found


def search(relay, h, *runs):
    assert relay.login, runs
    for where, data in written(h, *runs).items():
        # A JSON string or an address in a queue file is the same text.
        for text in (data, data.replace(b"\\\"", b"\"")
                     .replace(b"\\\\", b"\\")):
            for form in forbidden(relay.login):
                assert form not in text, (where, form, relay.text(),
                                          data[:3000])


def pairs():
    """Every mechanism with the plain secret, and PLAIN with every secret."""
    for mech in MECHS:
        yield mech, "plain"
    for name in SECRETS:
        yield "PLAIN", name
    for mech, name in (("LOGIN", "odd"), ("LOGIN", "long"),
                       ("CRAM-MD5", "utf-8"), ("SCRAM-SHA-256", "utf-8"),
                       ("SCRAM-SHA-1", "odd"), ("SCRAM-SHA-256-PLUS", "long"),
                       ("XOAUTH2", "long"), ("OAUTHBEARER", "short")):
        yield mech, name


@pytest.fixture
def echo(peer, certs, tmp):
    number = itertools.count(1)

    def start(mech, name):
        relay = Echo(peer, certs, SECRETS[name])
        return relay, make(tmp / ("leak%d" % next(number)), certs, relay, mech,
                           SECRETS[name])
    return start


MODES = [[], ["-v"], ["-v", "-v", "--report=json"], ["--report=text"]]


@pytest.mark.parametrize("mech,name", list(dict.fromkeys(pairs())))
def test_login_echoed(echo, mech, name):
    """The login is refused, or deferred, with what was said."""
    relay, h = echo(mech, name)
    for n in range(len(echoes(probe(mech, name)))):
        relay.n, relay.login = n, None
        relay.code = (b"535", b"454", b"235")[n % 3]
        run = h.run(*MODES[n % 4], "--queue=never", "-f", FROM, BOB)
        assert (run.status == 0) == (relay.code == b"235"), (n, run)
        search(relay, h, run)


def probe(mech, name):
    """A login without a client, to know how many echoes there are."""
    login = Login(None, b"AUTH " + mech.encode(), SECRETS[name])
    login.words = [b64(b"xx")]
    return login


@pytest.mark.parametrize("mech,name", [
    ("PLAIN", "plain"), ("PLAIN", "odd"), ("LOGIN", "utf-8"),
    ("SCRAM-SHA-256", "plain"), ("SCRAM-SHA-1-PLUS", "plain"),
    ("XOAUTH2", "plain"), ("PLAIN", "short")])
@pytest.mark.parametrize("verb,code", [
    ("MAIL", b"550"), ("MAIL", b"250"), ("RCPT", b"450"), ("RCPT", b"550"),
    ("DATA", b"451"), ("DOT", b"554"), ("DOT", b"451"), ("DOT", b"250"),
    ("QUIT", b"221")])
def test_later_replies(echo, mech, name, verb, code):
    """... and in any reply after it: nor in the queue, its log, a listing, or
    a notification to the sender."""
    relay, h = echo(mech, name)
    relay.verb, relay.code = verb, code
    for n in (2, 10, 13, 16, 18, 20):
        relay.n, relay.verb, relay.login = n, verb, None
        direct = h.run(*MODES[n // 2 % 4], "--queue=never", "-f", FROM, BOB)
        search(relay, h, direct)
        queued = h.sendmail("-f", FROM, BOB)
        assert queued.status in (0, 65, 67, 69, 75), queued
        runs = [direct, queued, h.go("-qf", "-v"), h.run("-bp"),
                h.run("--queue-list", "--report=json")]
        runs += [h.run("--queue-show=" + e.id) for e in h.entries()]
        search(relay, h, *runs)
        # What it was given is a message, and perhaps a bounce.
        relay.verb = "none"
        runs = [h.go("-qf", "-v", "-v")]
        search(relay, h, *runs)
        for form in forbidden(relay.login):
            assert form not in relay.mail, (form, relay.mail)
        for e in h.entries():
            h.run("--queue-remove=" + e.id)


@pytest.mark.parametrize("code", [b"550", b"451"])
def test_smtp_on_stdin(echo, code):
    """-bs hands the relay's words on, but not these."""
    relay, h = echo("PLAIN", "plain")
    talk = (b"EHLO me\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n"
            b"Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n" %
            (FROM.encode(), BOB.encode()))
    for verb in ("AUTH", "MAIL", "RCPT", "DOT"):
        for n in (0, 1, 9, 10, 18):
            relay.verb, relay.n, relay.login = verb, n, None
            relay.code = b"535" if verb == "AUTH" else code
            search(relay, h, h.run("-bs", stdin=talk),
                   h.run("-bs", "-v", stdin=talk))


def test_other_modes(echo):
    """What logs in, or does not, and prints something else."""
    relay, h = echo("PLAIN", "odd")
    path = h.dir / "pw"
    logged_in = h.run("-f", FROM, BOB)
    assert relay.login, logged_in
    quoted = 'a b"c%41e f%s;#`$(x)'
    h.set(password_file=None, password="'%s'" % quoted)
    relay.login.secret = relay.secret = quoted
    path.unlink()
    h.env["PAGER"] = "cat"
    runs = [h.run(*argv) for argv in (
        ["--print-config"], ["--check-config"], ["--dry-run", BOB],
        ["--serverinfo"], ["--serverinfo", "-v"], ["-bv", BOB], ["-bp"],
        ["--set=user=other", "--print-config"], ["--help"])]
    for run in runs:
        assert run.status == 0, run
    search(relay, h, *runs, logged_in)


@pytest.fixture(scope="session")
def syslog(base):
    """A library by which syslog is a file."""
    library = base / "syslog.so"
    source = pathlib.Path(__file__).parent / "lib/syslog.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library),
                    str(source)], check=True)
    return {"LD_PRELOAD": str(library),
            "ASAN_OPTIONS": "verify_asan_link_order=0"}


@pytest.mark.parametrize("mech,name", [
    ("PLAIN", "plain"), ("PLAIN", "odd"), ("LOGIN", "short"),
    ("SCRAM-SHA-1-PLUS", "plain"), ("XOAUTH2", "plain")])
@pytest.mark.parametrize("where", ["text", "json", "file"])
def test_syslog(echo, syslog, mech, name, where):
    """What root's tools read: syslog in both formats, and a text file."""
    relay, h = echo(mech, name)
    lines = h.dir / "log" if where == "file" else h.dir / "lines"
    h.env.update(syslog, SYSLOG_FILE=str(lines))
    h.set(log=lines if where == "file" else "syslog",
          log_format="json" if where == "json" else "text")
    for n, verb, code in itertools.product(
            (2, 9, 16), ("AUTH", "DOT"), (b"451", b"550")):
        relay.n, relay.verb, relay.login = n, verb, None
        relay.code = b"535" if verb == "AUTH" else code
        had = lines.stat().st_size if lines.exists() else 0
        runs = [h.run("--queue=never", "-f", FROM, BOB),
                h.sendmail("-f", FROM, BOB)]
        assert lines.stat().st_size > had, runs
        search(relay, h, *runs)
    for e in h.entries():
        h.run("--queue-remove=" + e.id)


def processes(h):
    """argv and environment of everything that our program has started."""
    found = []
    for proc in pathlib.Path("/proc").iterdir():
        if not proc.name.isdigit():
            continue
        try:
            text = (proc / "cmdline").read_bytes()
            environ = (proc / "environ").read_bytes()
            if str(h.dir).encode() in environ:
                found += [text, environ]
        except OSError:
            continue
    return found


def test_argv_and_environment(echo, tmp):
    """Nor do others see it: not in our arguments, not in a command's."""
    relay, h = echo("PLAIN", "plain")
    secret = SECRETS["plain"].encode()
    h.set(password_file=None, timeout_command=30,
          password='"%s"' % SECRETS["plain"])
    relay.verb, relay.code = "MAIL", b"250"
    hold = [True]

    def slow(conn, line):
        while hold[0]:
            time.sleep(0.02)
        return conn.send(b"250 ok\r\n")

    relay.data = slow
    started = h.start("-f", FROM, BOB)
    assert until(lambda: relay.login, 20)
    seen = processes(h)
    assert seen
    hold[0] = False
    started.signal(signal.SIGTERM)
    started.finish(check=False)
    for text in seen:
        assert secret not in text, text


@pytest.mark.parametrize("setting", ["password_command", "token_command"])
def test_environment_of_a_command(echo, tmp, setting):
    """What one command gives, the next is not handed: not in its environment,
    its arguments or a descriptor."""
    relay, h = echo("XOAUTH2" if setting == "token_command" else "PLAIN",
                    "plain")
    seen = tmp / "seen"
    script = h.dir / "command"
    script.write_text(
        "#!/bin/sh\n{ cat /proc/$PPID/cmdline; env; tr '\\0' '\\n' "
        "</proc/$$/environ; tr '\\0' '\\n' </proc/$$/cmdline; "
        "readlink /proc/$$/fd/*; } >>%s 2>/dev/null\ncat %s\n"
        % (seen, h.dir / "pw"))
    script.chmod(0o700)
    h.set(**{"password_file": None, "token_command": None, setting: script,
             "tls_key_password": '"%s"' % SECRETS["odd"].replace('"', "")})
    relay.verb = "none"
    run = h.run("-f", FROM, BOB)
    assert run.status == 0, run
    text = seen.read_bytes()
    for secret in (SECRETS["plain"], SECRETS["odd"].replace('"', "")):
        assert secret.encode() not in text, text
        assert b64(secret.encode()) not in text, text
    # Nothing of ours is open in it but what it answers through.
    assert re.search(rb"(?m)^pipe:", text), text
    assert not re.search(rb"(?m)^(socket:|/memfd:|/.*/(config|pw)$)", text), \
        text


@pytest.mark.skipif("SAN" in os.environ and os.environ["SAN"] != "",
                    reason="the sanitizer's own handler")
def test_no_core(echo, tmp):
    """A crash leaves no core file, whatever the caller's limit says."""
    relay, h = echo("PLAIN", "plain")
    hold = [True]

    def slow(conn, line):
        while hold[0]:
            time.sleep(0.02)
        return False

    relay.data = slow
    h.set(timeout_command=30)
    relay.verb = "none"
    where = tmp / "cores"
    where.mkdir()
    started = h.start("-f", FROM, BOB, cwd=where)
    assert until(lambda: relay.login, 20) and started.alive(), started.finish(check=False)
    limits = pathlib.Path("/proc/%d/limits" % started.pid).read_text()
    assert re.search(r"(?m)^Max core file size +0 +0 ", limits), limits
    if os.getuid():
        with pytest.raises(PermissionError):
            pathlib.Path("/proc/%d/environ" % started.pid).read_bytes()
    else:	# not dumpable: its files in /proc are root's
        assert os.stat("/proc/%d/mem" % started.pid).st_uid == 0
    started.signal(signal.SIGSEGV)
    run = started.finish(check=False)
    hold[0] = False
    assert run.status == -signal.SIGSEGV, run
    assert not list(where.iterdir()), list(where.iterdir())
