"""TLS sessions that outlive the process: kept, resumed, and never trusted for
more than was verified."""
import os
import pathlib
import pwd
import re
import shutil
import ssl
import struct
import subprocess
import time

import pytest

from lib.check import BOB, silent
from lib.peer import context, smtp
from lib.program import FROM, program
from lib.queue_spool import crc32c
from lib.queue_strace import missing
from lib.relay import Relay, auth, tls
from lib.spool import Queue
from conftest import cannot

MAGIC = b"posthaste TLS session 1\n"
VERSIONS = ("1.2", "1.3")
MODES = ("implicit", "starttls")
SYSTEM = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def only(version):
    return "--tls-priority=NORMAL:-VERS-ALL:+VERS-TLS" + version


def cache(home):
    return pathlib.Path(home.env.get("XDG_CACHE_HOME") or
                        home.dir / ".cache") / "posthaste/tls"


def kept(home):
    where = cache(home)
    return sorted(where.iterdir()) if where.is_dir() else []


def entry(home):
    found = kept(home)
    assert len(found) == 1, found
    return found[0]


def resumed(relay):
    """For each handshake, in order, what the relay says of it."""
    relay.settled()
    return [e.get("resumed") for e in relay.events("tls")]


def send(home, expect=None, **more):
    """One message, of which nobody has a word to say; the report."""
    run = home.report("-f", FROM, BOB, **more)
    assert run.status == 0 and not run.stderr, run
    if expect is not None:
        assert run.json["tls_resumed"] is expect, run
    return run.json


class Entry:
    """The file, read and written without the program's help."""

    def __init__(self, data):
        assert data.startswith(MAGIC), data[:40]
        assert crc32c(data[:-4]) == struct.unpack(">I", data[-4:])[0]
        at = len(MAGIC)
        self.judged, self.start, self.end = struct.unpack(">qqq",
                                                          data[at:at + 24])
        self.texts, at = [], at + 24
        for _ in range(6):
            n, = struct.unpack(">I", data[at:at + 4])
            self.texts.append(data[at + 4:at + 4 + n])
            at += 4 + n
        assert at == len(data) - 4

    def image(self):
        data = MAGIC + struct.pack(">qqq", self.judged, self.start, self.end)
        for text in self.texts:
            data += struct.pack(">I", len(text)) + text
        return data + struct.pack(">I", crc32c(data))


def edit(home, **changes):
    path = entry(home)
    e = Entry(path.read_bytes())
    for key, value in changes.items():
        setattr(e, key, value)
    path.write_bytes(e.image())


# ---- it works ----

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mech", ["SCRAM-SHA-256-PLUS", "PLAIN"])
def test_resumed(secure, version, mode, mech):
    """The relay confirms it; the login, bound to the channel, works over it."""
    r, h = secure(only(version), mode=mode, mechs=mech)
    trips = [send(h, n > 0)["round_trips"] for n in range(3)]
    assert resumed(r) == [False, True, True]
    logins = r.events("auth")
    assert [e["ok"] for e in logins] == [True] * 3, logins
    if mech.endswith("PLUS"):
        assert all(e["cb"] for e in logins), logins
    assert len(r.messages(3)) == 3
    # Before TLS 1.3 a turn is saved, too.
    assert trips[1] == trips[2] == trips[0] - (version == "1.2"), trips


def test_said(secure):
    """-v and --report=text say it."""
    r, h = secure()
    first = h.run("-v", "-f", FROM, BOB)
    assert re.search(r"(?m)^\*: .*TLS1\.3", first.err), first
    assert "resumed" not in first.err, first
    again = h.run("-v", "--report=text", "-f", FROM, BOB)
    assert re.search(r"(?m)^\*: .*TLS1\.3.*resumed", again.err), again
    assert "TLS1.3 resumed" in again.out, again


def test_private(secure):
    """Nobody else can read it, and it is nowhere else."""
    r, h = secure()
    send(h)
    path = entry(h)
    assert path.stat().st_mode & 0o7777 == 0o600
    assert re.fullmatch("[0-9a-f]{64}", path.name)
    assert path.parent.stat().st_mode & 0o7777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_size <= 32768
    assert Entry(path.read_bytes()).texts[2] == \
        b"localhost, relay.test, 127.0.0.1, ::1"


def test_xdg(secure, tmp):
    r, h = secure()
    h.env["XDG_CACHE_HOME"] = str(tmp / "elsewhere")
    send(h, False)
    entry(h)
    assert not (h.dir / ".cache").exists()
    send(h, True)
    h.env["XDG_CACHE_HOME"] = "elsewhere"	# no whole path: not used
    send(h, False)
    assert (h.dir / ".cache/posthaste/tls").is_dir()


def traced(home, log):
    return strace(home, log, "-e", "trace=open,openat")


@pytest.mark.parametrize("mode", MODES)
def test_no_trust_store(secure, tmp, certs, mode):
    """The authorities are read for a full handshake, and not to resume."""
    bundle = tmp / "ca-certificates.crt"
    shutil.copy(certs / "ca.pem", bundle)
    r, h = secure(mode=mode)
    h.set(tls_trust=bundle)
    assert bundle.name in traced(h, tmp / "first")
    assert bundle.name not in traced(h, tmp / "second")
    assert resumed(r) == [False, True]


def test_no_system_trust_store(secure, tmp, certs):
    """The same for the system's own, with our CA put into it for us alone."""
    if not SYSTEM.exists() or os.geteuid():
        cannot("needs root and " + str(SYSTEM))
    bundle = tmp / "bundle"
    bundle.write_bytes(SYSTEM.read_bytes() + (certs / "ca.pem").read_bytes())
    script = tmp / "inside"
    script.write_text("#!/bin/sh\nmount --bind %s %s && exec strace -f -qq "
                      "-e trace=open,openat -o \"$TRACE\" %s -f %s %s\n" % (
                          bundle, SYSTEM, program(), FROM, BOB))
    if subprocess.run(["unshare", "-m", "true"]).returncode or missing():
        cannot("needs mount namespaces and strace")
    r, h = secure(tls_trust="system")
    for n, name in enumerate(("first", "second")):
        run = h.run("-m", "/bin/sh", str(script), exe="/usr/bin/unshare",
                    env={"TRACE": str(tmp / name),
                         "ASAN_OPTIONS": "detect_leaks=0"}, rss_max=0)
        silent(run)
        assert (SYSTEM.name in (tmp / name).read_text()) is (n == 0)
    assert resumed(r) == [False, True]


def test_queue_run(tmp, certs, relay):
    """A run resumes what an earlier run kept."""
    r = relay(*tls(certs), *auth())
    q = Queue(tmp / "q", r.port, tls="implicit", tls_trust=certs / "ca.pem",
              flush_on_send="no")
    q.login()
    for _ in range(2):
        for _ in range(3):
            q.put()
        silent(q.go())
    assert not q.entries()
    assert resumed(r) == [False, True]
    assert len(r.messages(6)) == 6


def test_smtp_on_stdin(secure):
    """-bs, too."""
    r, h = secure()
    talk = (b"EHLO x\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n"
            b"From: %s\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n" % (
                FROM.encode(), BOB.encode(), FROM.encode()))
    for _ in range(2):
        run = h.run("-bs", stdin=talk)
        assert run.status == 0, run
    assert resumed(r) == [False, True]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("tickets", [True, False])
def test_openssl(home, peer, certs, version, tickets):
    """Another implementation; without tickets, sessions by their number."""
    seen = []
    ctx = context(certs, minimum_version=ssl.TLSVersion[version],
                  maximum_version=ssl.TLSVersion[version])
    if not tickets:
        ctx.options |= ssl.OP_NO_TICKET
    def note(conn, line):
        seen.append(conn.sock.session_reused)
        return conn.send(b"250 ok\r\n")

    def bye(conn, line):	# without that OpenSSL forgets the session
        conn.send(b"221 bye\r\n")
        conn.sock.unwrap()
        return False
    p = peer(smtp({"MAIL": note, "QUIT": bye}, tls=ctx))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem")
    for _ in range(3):
        send(h)
    assert seen == [False, True, True], seen


# ---- who does not share ----

CHANGES = {
    "user": lambda h, c, t: h.set(user="bob@example.org"),
    "authzid": lambda h, c, t: h.set(authzid="bob@example.org"),
    "name": lambda h, c, t: h.set(tls_name="relay.test"),
    "host": lambda h, c, t: h.set(host="localhost"),
    "priority": lambda h, c, t: h.set(
        tls_priority="NORMAL:-VERS-ALL:+VERS-TLS1.3"),
    "same authorities elsewhere": lambda h, c, t: h.set(
        tls_trust=shutil.copy(c / "ca.pem", t / "other.pem")),
    "file touched": lambda h, c, t: os.utime(t / "ca.pem", (1, 1)),
    "file replaced": lambda h, c, t: os.replace(
        shutil.copy2(t / "ca.pem", t / "new.pem"), t / "ca.pem"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_full_handshake(secure, certs, tmp, change):
    """What decides who is believed is the same, or all begins anew."""
    r, h = secure(only("1.3"), mechs="PLAIN")
    shutil.copy(certs / "ca.pem", tmp / "ca.pem")
    h.set(tls_trust=tmp / "ca.pem")
    send(h, False)
    send(h, True)
    CHANGES[change](h, certs, tmp)
    run = h.report("-f", FROM, BOB)	# another user may be refused
    assert run.json["tls_resumed"] is False, run
    assert resumed(r) == [False, True, False]


def same_size_and_time(h, certs, tmp):
    """Written in place, by whoever then sets the clock of the file back."""
    path = tmp / "ca.pem"
    was = path.stat()
    other = (certs / "other-ca.pem").read_bytes()[:was.st_size]
    with path.open("r+b") as f:
        f.write(other.ljust(was.st_size))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


REFUSED = {
    "same size and time": same_size_and_time,
    "other authorities": lambda h, c, t: shutil.copy(c / "other-ca.pem",
                                                     t / "ca.pem"),
    "no authorities": lambda h, c, t: os.unlink(t / "ca.pem"),
    "other name": lambda h, c, t: h.set(tls_name="other.test"),
    "no revocation list": lambda h, c, t: h.set(tls_crl="/nonexistent"),
    "pin": lambda h, c, t: h.set(tls_pin="sha256:" + "A" * 43 + "="),
    "fingerprint": lambda h, c, t: h.set(
        tls_fingerprint="sha256:" + "00" * 32),
}


@pytest.mark.parametrize("change", REFUSED)
def test_not_around_a_refusal(secure, certs, tmp, change):
    """A session is no way to a relay that is not trusted any more."""
    r, h = secure()
    shutil.copy(certs / "ca.pem", tmp / "ca.pem")
    h.set(tls_trust=tmp / "ca.pem")
    send(h, False)
    send(h, True)
    REFUSED[change](h, certs, tmp)
    run = h.run("-f", FROM, BOB)
    assert run.status in (77, 78), run
    assert len(r.messages()) == 2


def test_forgotten_by_known_relays(secure):
    """tofu: whoever takes the relay out of the file is asked again."""
    import hashlib
    r, h = secure(cert="selfsigned", tls_trust="tofu")
    pem = pathlib.Path(r.argv[[a.startswith("--certs=") for a in r.argv].index(
        True)].split("=")[1], "selfsigned.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[:pem.index("-----END") + 26])
    known = h.state / "posthaste/known_relays"
    known.parent.mkdir(exist_ok=True)
    line = "127.0.0.1:%d sha256:%s\n" % (r.port,
                                         hashlib.sha256(der).hexdigest())
    known.write_text(line)
    known.chmod(0o600)
    send(h, False)
    send(h, True)
    known.write_text("# " + line)
    run = h.run("-f", FROM, BOB)
    assert run.status == 77 and "not seen before" in run.err, run
    known.write_text(line)
    send(h, False)		# it was not kept over that
    send(h, True)


def test_two_accounts(secure):
    """Each user has a session of his own."""
    r, h = secure(mechs="PLAIN")
    r2, h2 = secure(mechs="PLAIN")
    h2.env["HOME"] = h.env["HOME"]
    h2.set(port=r.port, user=h.settings["user"] + "x")
    send(h, False)
    run = h2.report("-f", FROM, BOB)	# this one's login is refused
    assert run.json["tls_resumed"] is False, run
    assert len(kept(h)) == 1		# and leaves nothing
    send(h, True)


@pytest.mark.parametrize("age,taken", [(0, True), (86300, True),
                                       (86500, False), (-100, False)])
def test_age(secure, age, taken):
    """After a day the relay has to show its certificate again."""
    r, h = secure()
    send(h, False)
    edit(h, judged=int(time.time()) - age)
    send(h, taken)


def test_age_goes_on(secure):
    """Resuming does not make a verification any younger."""
    r, h = secure()
    send(h, False)
    then = int(time.time()) - 80000
    edit(h, judged=then)
    for _ in range(3):
        send(h, True)
    assert Entry(entry(h).read_bytes()).judged == then
    assert Entry(entry(h).read_bytes()).texts[5] != b""


@pytest.mark.parametrize("change", [{"end": 86400}, {"start": 1 << 33}])
def test_expired(secure, change):
    """The certificate that was shown has expired since."""
    r, h = secure()
    send(h, False)
    edit(h, **change)
    send(h, False)
    send(h, True)


def test_off(secure):
    """tls_resume = no, and the option for it."""
    r, h = secure(tls_resume="no")
    for _ in range(2):
        send(h, False)
    assert not kept(h) and not (h.dir / ".cache").exists()
    h.set(tls_resume="yes")
    send(h, False)
    send(h, True)
    run = h.report("--tls-resume=no", "-f", FROM, BOB)
    assert run.status == 0 and run.json["tls_resumed"] is False, run
    assert resumed(r) == [False, False, False, True, False]


def test_relay_without_tickets(secure):
    r, h = secure("--tickets=off", only("1.3"))
    for _ in range(2):
        send(h, False)
    assert not kept(h)


def test_without_extended_master_secret(secure):
    """TLS 1.2 without RFC 7627: such a session is not worth keeping."""
    r, h = secure(only("1.2") + ":%NO_SESSION_HASH", mechs="PLAIN")
    for _ in range(2):
        send(h, False)
    assert not kept(h)


# ---- what is not kept ----

def test_refused_login(secure):
    r, h = secure()
    h.set(password="wrong-but-long")
    run = h.run("-f", FROM, BOB)
    assert run.status in (77, 195), run
    assert not kept(h)


def test_serverinfo(secure):
    """Who only looks has not verified anything, and sees it all each time."""
    r, h = secure()
    for _ in range(2):
        run = h.run("--serverinfo", stdin=b"")
        assert run.status == 0 and "names" in run.out, run
    assert not kept(h)
    send(h)
    before = entry(h).read_bytes()
    run = h.run("--serverinfo", stdin=b"")
    assert run.status == 0 and "relay.test" in run.out, run
    assert entry(h).read_bytes() == before
    assert resumed(r) == [False] * 4


# ---- caches that are no good ----

def make_fifo(path):
    path.unlink()
    os.mkfifo(path, 0o600)


def make_dir(path):
    path.unlink()
    path.mkdir(0o700)


def make_link(path):
    shutil.copy2(path, path.parent.parent / "aside")
    path.unlink()
    path.symlink_to(path.parent.parent / "aside")


def flip(at):
    def change(path):
        data = bytearray(path.read_bytes())
        data[at if at >= 0 else len(data) + at] ^= 0x40
        path.write_bytes(data)
    return change


def junk_session(path):
    """All is in order but what GnuTLS is to read."""
    e = Entry(path.read_bytes())
    e.texts[5] = os.urandom(len(e.texts[5]))
    path.write_bytes(e.image())


def cut_session(path):
    e = Entry(path.read_bytes())
    e.texts[5] = e.texts[5][:len(e.texts[5]) // 2]
    path.write_bytes(e.image())


SPOILED = {
    "empty": lambda p: p.write_bytes(b""),
    "half": lambda p: p.write_bytes(p.read_bytes()[:600]),
    "one short": lambda p: p.write_bytes(p.read_bytes()[:-1]),
    "one more": lambda p: p.write_bytes(p.read_bytes() + b"\0"),
    "junk": lambda p: p.write_bytes(os.urandom(2000)),
    "huge": lambda p: os.truncate(p, 1 << 40),
    "a bit at the start": flip(0), "a bit of the time": flip(27),
    "a bit within": flip(300), "a bit of the sum": flip(-1),
    "readable": lambda p: p.chmod(0o640),
    "writable": lambda p: p.chmod(0o602),
    "closed": lambda p: p.chmod(0),
    "fifo": make_fifo, "directory": make_dir, "link": make_link,
    "junk for GnuTLS": junk_session, "half of GnuTLS's": cut_session,
}


@pytest.mark.parametrize("how", SPOILED)
def test_spoiled(secure, how):
    """A spoiled cache is none: no error, no wait, and a good one afterwards."""
    r, h = secure()
    send(h)
    SPOILED[how](entry(h))
    # Root may read it all the same.
    send(h, False if how != "closed" else None, seconds=5)
    if how == "directory":		# which is not ours to remove
        return
    send(h, True)
    assert entry(h).stat().st_mode & 0o7777 == 0o600
    assert not entry(h).is_symlink()


def test_foreign(secure):
    """What belongs to another could have been put there by him."""
    if os.geteuid():
        cannot("needs root")
    r, h = secure()
    send(h)
    os.chown(entry(h), 65534, -1)
    send(h, False)
    assert entry(h).stat().st_uid == 0
    send(h, True)
    os.chown(cache(h), 65534, -1)
    before = entry(h).read_bytes()
    for _ in range(2):
        send(h, False)
    assert entry(h).read_bytes() == before


@pytest.mark.parametrize("how", ["open", "link", "file"])
def test_directory(secure, tmp, how):
    """A directory that others can look into is left alone."""
    r, h = secure()
    where = cache(h)
    where.parent.mkdir(parents=True)
    if how == "open":
        where.mkdir()
        where.chmod(0o755)
    elif how == "link":
        (tmp / "aside").mkdir(0o700)
        where.symlink_to(tmp / "aside")
    else:
        where.write_bytes(b"")
    for _ in range(2):
        send(h, False)
    assert how == "file" or not list(where.iterdir())


@pytest.mark.parametrize("value", [None, "", "/nonexistent/home", "relative",
                                   "/proc", "/dev/null"])
def test_nowhere(secure, value):
    """Without a place for it all works as ever."""
    r, h = secure()
    h.env["HOME"] = value or ""
    if value is None:
        del h.env["HOME"]
    h.env["XDG_CACHE_HOME"] = "/nonexistent" if not value else ""
    for _ in range(2):
        send(h, False)
    assert not pathlib.Path("/nonexistent").exists()


def strace(home, log, *options):
    """A run under strace, where the leak sanitizer cannot work."""
    if missing():
        cannot(missing())
    run = home.run("-f", "-qq", "-y", "-o", str(log), *options,
                   str(program()), "-f", FROM, BOB, exe="/usr/bin/strace",
                   rss_max=0, env={"ASAN_OPTIONS": "detect_leaks=0"})
    silent(run)
    return log.read_text()


@pytest.mark.parametrize("call", ["write", "rename"])
def test_full_disk(secure, call):
    """No room to write it: the mail goes out, and nothing is left half."""
    r, h = secure()
    send(h)
    before = entry(h).read_bytes()
    log = h.dir / "trace"
    nth = 1
    if call == "write":
        lines = strace(h, log, "-e", "trace=write").splitlines()
        nth = 1 + [str(cache(h)) in line for line in lines].index(True)
        before = entry(h).read_bytes()
    calls = "write" if call == "write" else "/rename"
    text = strace(h, log, "-e", "inject=%s:error=ENOSPC:when=%d" % (calls,
                                                                  nth))
    assert "INJECTED" in text
    assert entry(h).read_bytes() == before
    send(h, True)


def test_root_with_the_home_of_another(secure, tmp):
    """sudo keeps HOME: root leaves no directory there that the user could
    not use himself."""
    if os.geteuid():
        cannot("needs root")
    r, h = secure()
    other = tmp / "nobody"
    other.mkdir()
    os.chown(other, pwd.getpwnam("nobody").pw_uid, -1)
    h.env["HOME"] = str(other)
    for _ in range(2):
        send(h, False)
    assert not list(other.iterdir())
    (other / ".cache").mkdir()
    os.chown(other / ".cache", pwd.getpwnam("nobody").pw_uid, -1)
    send(h, False)
    assert not list((other / ".cache").iterdir())


def test_bound(secure):
    """64 sessions, of which the oldest go; and none that is too old."""
    r, h = secure()
    send(h)
    keep = entry(h)
    now = time.time()
    for n in range(100):
        name = keep.parent / ("%064x" % n)
        name.write_bytes(b"x")
        name.chmod(0o600)
        os.utime(name, (now - 1000 - n, now - 1000 - n))
    os.utime(keep.parent / ("%064x" % 0), (now - 90000, now - 90000))
    for name, age in (("half.1", 4000), ("half.2", 1)):
        (keep.parent / name).write_bytes(b"x")
        os.utime(keep.parent / name, (now - age, now - age))
    h.set(tls_name="relay.test")		# a session of another name
    send(h, False)
    left = {p.name for p in kept(h)}
    assert len(left - {"half.2"}) == 64, len(left)
    assert keep.name in left and "half.2" in left and "half.1" not in left
    assert "%064x" % 1 in left and "%064x" % 0 not in left
    assert "%064x" % 99 not in left
    send(h, True)


def test_crowd(secure):
    """Ten at once: all get through, and leave one whole file."""
    r, h = secure()
    for _ in range(2):
        started = [h.start("--report=json", "-f", FROM, BOB)
                   for _ in range(10)]
        for one in started:
            run = one.finish()
            assert run.status == 0 and not run.stderr, run
    Entry(entry(h).read_bytes())
    assert resumed(r)[10:] == [True] * 10
    assert len(r.messages(20)) == 20


def test_killed(secure):
    """What a process that died half-way has left is no hindrance."""
    r, h = secure()
    send(h)
    path = entry(h)
    for pid in range(2):
        half = path.parent / ("%s.%d" % (path.name, pid))
        half.write_bytes(path.read_bytes()[:100])
        half.chmod(0o600)
    send(h, True)


# ---- relays that change their mind ----

def test_other_ticket_key(tmp, certs, home):
    """A relay that was restarted declines, and gives a new ticket."""
    for version in VERSIONS:
        first = Relay(tmp, *tls(certs), *auth(), only(version))
        h = home(first.port, tls="implicit", tls_trust=certs / "ca.pem")
        h.login()
        send(h, False)
        send(h, True)
        first.stop()
        second = Relay(tmp, *tls(certs), *auth(), only(version),
                       listen=("127.0.0.1:%d" % first.port,))
        try:
            send(h, False)
            send(h, True)
            assert resumed(second) == [False, True]
        finally:
            second.stop()


def test_declined_and_bad(tmp, certs, home):
    """Declined by a relay that is now another: refused, and nothing said."""
    first = Relay(tmp, *tls(certs), *auth())
    h = home(first.port, tls="implicit", tls_trust=certs / "ca.pem").login()
    send(h)
    first.stop()
    second = Relay(tmp, *tls(certs, "unknownca"), *auth(),
                   listen=("127.0.0.1:%d" % first.port,))
    try:
        run = h.run("-f", FROM, BOB)
        assert run.status == 77, run
        assert second.connected() == 1
        assert not second.said("AUTH")
    finally:
        second.stop()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("act", ["alert", "close", "reset", "garbage", "late"])
def test_relay_that_hates_it(secure, act, version, mode):
    """One that breaks off over the offer is asked again without, and nobody
    need know."""
    r, h = secure(only(version), "--on-resume=" + act, mode=mode)
    for n in range(3):
        before = r.connected()
        run = h.run("-f", FROM, BOB)
        silent(run)
        assert r.connected() - before == (1 if n == 0 else 2)
        assert len(kept(h)) == 1
    r.settled()
    assert len(r.messages(3)) == 3
    assert sum(e["ok"] for e in r.events("tls")) == 3


def test_relay_that_hates_it_asks_for_the_password_once(secure, tmp):
    r, h = secure("--on-resume=close")
    count = tmp / "count"
    h.set(password=None, password_command='"echo x >>%s; echo %s"' % (
        count, h.secrets[0]))
    for _ in range(2):
        silent(h.run("-f", FROM, BOB))
    assert count.read_text().count("x") == 2


def test_relay_that_falls_silent(secure):
    """A wait is not doubled; but the next time goes well."""
    r, h = secure("--on-resume=silence", timeout_tls=1)
    send(h, False)
    run = h.run("-f", FROM, BOB)
    assert run.status == 75 and "timed out" in run.err, run
    assert run.elapsed < 4 and r.connected() == 2, run
    assert not kept(h)
    send(h, False)


def test_busy_relay(secure):
    """A 421 in a resumed session is the relay's word, and costs no session."""
    r, h = secure("--reply=GREETING%2=421 4.3.2 busy")
    send(h, False)
    run = h.run("-f", FROM, BOB)
    assert run.status == 21, run
    assert r.connected() == 2
    send(h, True)


@pytest.mark.parametrize("then", ["reset", "close"])
def test_relay_that_is_gone(secure, peer, then):
    """If it breaks off without the session too, that is the relay's fault."""
    r, h = secure()
    send(h)

    def serve(conn):
        conn.recv(1)
        conn.reset() if then == "reset" else conn.close()
    p = peer(serve)
    name = entry(h).name
    h.set(port=p.port)
    run = h.run("-f", FROM, BOB)
    assert run.status == 75 and len(p.got) == 1, run
    assert [e.name for e in kept(h)] == [name]
