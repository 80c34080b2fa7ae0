"""The queue's operators: -bp, mailq and --queue-*.

The entries are written here, byte by byte as spool/format.h has them, so that
reader and writer are not the same code.
"""
import fcntl
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from conftest import cannot
from lib.program import SANITIZED, program, sendmail

EMPTY = b"Mail queue is empty\n"
HEADER = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------"
THEN = 1763757332	# 2025-11-21T20:35:32Z
HELD = 2147483647
MESSAGE = (b"From: a@example.org\r\nSubject: s\r\n\r\n"
           b"one\r\n.\r\n\x1b[31mred\xff\r\n")
DEFERRED, UNKNOWN, CONNECT, RCPT = 2, 4, 1, 8	# mail/envelope.h


def crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for octet in data:
        crc = crc >> 8 ^ TABLE[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF


def xtext(text):
    return "".join(chr(c) if 33 <= c <= 126 and c not in b"+=" else
                   "+%02X" % c for c in text.encode())


def entry(rcpts, sender="a@example.org", message=MESSAGE, account="test",
          created=THEN, statuses=None, more="", version=1, crc=True):
    head = message.index(b"\r\n\r\n") + 2
    body = message[head + 2:]
    lines = body.split(b"\r\n")[:-1]
    longest = max([len(line) for line in lines], default=0)
    text = "posthaste %d %d %d %s\n" % (version, created, os.geteuid(),
                                        xtext(account))
    text += "F %s head=%d lines=%d longest=%d,%d body=8bit eightbit=1%s\n" % (
        xtext(sender), head, len(lines), longest, 1, more)
    text += "".join("P %s\n" % xtext(r) for r in rcpts) + "\n"
    header = text.encode()
    end = b"\nend %016x %016x %08x " % (len(header), len(message), len(rcpts))
    # Each line that begins as a status does, the sender's too, counts as P.
    summed = header.replace(b"\nF ", b"\nP ", 1) + message + end
    end += b"%08x\n" % (crc32c(summed) if crc else 0)
    data = bytearray(header + message + end)
    at = header.index(b"\n", header.index(b"\nF ") + 1) + 1
    for r, status in zip(rcpts, statuses or ""):
        data[at] = ord(status)
        at += len(xtext(r)) + 3
    return bytes(data)


class Spool:
    def __init__(self, home):
        self.home = home
        self.path = home.dir / "spool"
        self.config()
        self.env = {"TZ": "UTC"}

    def config(self):
        self.home.write(self.home.text() + "[queue]\nspool = %s\n" % self.path)

    def make(self):
        for path in (self.path, self.path / "failed", self.path / "corrupt"):
            path.mkdir(mode=0o700, exist_ok=True)

    def put(self, n, *rcpts, due=THEN, failed=False, data=None, state=None,
            **more):
        """An entry numbered n; its id."""
        self.make()
        ident = "%018d" % n
        where = self.path / "failed" if failed else self.path
        path = where / ("m." + ident)
        path.write_bytes(entry(rcpts, **more) if data is None else data)
        path.chmod(0o600)
        os.utime(path, (due, due))
        if state:
            text = "state 1 3 2 %d %d 100 100 0\n%send\n" % (
                THEN, THEN + 60, "".join(
                    "R %d %d %d %d 0 %d %s %s\n" %
                    (*s[:5], s[5], xtext(s[6])) for s in state))
            (where / ("s." + ident)).write_text(text)
        return ident

    def file(self, ident, failed=False):
        return self.path / ("failed" if failed else ".") / ("m." + ident)

    def due(self, ident):
        return int(self.file(ident).stat().st_mtime)

    def run(self, *argv, status=0, **more):
        run = self.home.run(*argv, stdin=b"", env=self.env, **more)
        assert run.status == status, run
        assert bool(run.stderr) == bool(status), run
        return run

    def list(self, **more):
        return self.run("--queue-list", **more).out.splitlines()

    def json(self, **more):
        out = self.run("--queue-list", "--report=json", **more).out
        return {o["id"]: o for o in map(json.loads, out.splitlines())}


@pytest.fixture
def spool(home):
    return Spool(home())


def now():
    return int(time.time())


def lock(path, how=fcntl.LOCK_EX):
    f = open(path, "rb")
    fcntl.flock(f, how)
    return f


# ---- the list ----

@pytest.mark.parametrize("made", [False, True])
def test_empty(spool, made):
    if made:
        spool.make()
    assert spool.run("--queue-list").stdout == EMPTY
    assert spool.run("-bp").stdout == EMPTY
    assert spool.run("--queue-list", "--report=json").stdout == b""
    for argv in (["-bp"], ["-v", "-bp"], ["-bp", "a@example.org"]):
        run = spool.home.sendmail(*argv, stdin=b"")
        assert run.status == 0 and run.stdout == EMPTY, run
        assert not run.stderr, run
    run = spool.home.sendmail(name="/usr/bin/mailq", stdin=b"")
    assert run.status == 0 and run.stdout == EMPTY and not run.stderr, run
    assert spool.path.exists() == made


def test_layout(spool):
    """The lines that readers of mailq(1) know, to the letter."""
    a = spool.put(1, "b@example.net", "c@example.net")
    assert spool.list() == [
        HEADER, a + "        54 Fri Nov 21 20:35:32 a@example.org",
        " " * 49 + "b@example.net", " " * 49 + "c@example.net", "",
        "-- 1 Kbytes in 1 Request."]
    assert re.fullmatch(rb"-Queue ID-.*\n(.*\n)*-- 1 Kbytes in 1 Request\.\n",
                        spool.home.sendmail("-bp", stdin=b"").stdout)
    spool.put(2, "b@example.net", sender="", message=MESSAGE + b"x" * 98 +
              b"\r\n")
    lines = spool.list()
    assert sum(line.endswith(" MAILER-DAEMON") for line in lines) == 1, lines
    assert lines[-1] == "-- 1 Kbytes in 2 Requests.", lines


def test_reasons(spool):
    """The last reply once, above those it was said of; who is settled is not
    there."""
    spool.put(1, *["r%d@example.net" % i for i in range(7)],
              statuses="PPPDFUP", state=[
                  (0, 2, DEFERRED, RCPT, 450, "4.2.0", "4.2.0 full"),
                  (2, 6, DEFERRED, CONNECT, 0, "", "connection refused")])
    lines = [line.strip() for line in spool.list()][2:-2]
    assert lines == ["(RCPT TO: 450 4.2.0 full)", "r0@example.net",
                     "r1@example.net", "(connection refused)",
                     "r2@example.net", "(outcome unknown: connection refused)",
                     "r5@example.net", "r6@example.net"]


def test_marks(spool):
    held = spool.put(1, "b@example.net", due=HELD)
    busy = spool.put(2, "b@example.net")
    given_up = spool.put(3, "b@example.net", failed=True, statuses="F")
    plain = spool.put(4, "b@example.net")
    with lock(spool.file(busy)):
        lines, objects = spool.list(), spool.json()
    for ident, mark in ((held, "!"), (busy, "*"), (given_up, "#"),
                        (plain, " ")):
        assert sum(line.startswith(ident + mark + " ") for line in lines) == \
            1, (mark, lines)
        o = objects[ident]
        assert (o["held"], o["active"], o["failed"]) == (
            mark == "!", mark == "*", mark == "#"), o
    # Nobody's mail is hidden, nor counted as settled, for being given up.
    assert lines.count(" " * 49 + "b@example.net") == 4
    assert lines[-1] == "-- 1 Kbytes in 4 Requests."


def test_listing_keeps_off(spool):
    """Looking neither changes an entry nor leaves it locked."""
    a = spool.put(1, "b@example.net", state=[
        (0, 1, DEFERRED, RCPT, 450, "4.2.0", "full")])
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns, p.stat().st_ctime_ns)
              for p in spool.path.glob("*.*")}
    spool.list()
    spool.json()
    spool.run("--queue-show=" + a)
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns,
                          p.stat().st_ctime_ns)
                      for p in spool.path.glob("*.*")}


def test_json(spool):
    a = spool.put(1, "b@example.net", "ä@example.net", statuses="PD",
                  due=THEN + 90, sender='"q\\"s"@example.org', state=[
                      (0, 1, DEFERRED, RCPT, 450, "4.2.0", 'a "b"\\c ü')])
    b = spool.put(2, "b@example.net", sender="", account="x y", due=HELD)
    got = spool.json()
    assert got[a] == {
        "id": a, "size": len(MESSAGE), "arrival": "2025-11-21T20:35:32Z",
        "sender": '"q\\"s"@example.org', "account": "test", "attempts": 3,
        "due": "2025-11-21T20:37:02Z", "held": False, "active": False,
        "failed": False, "error": None, "recipients": [
            {"address": "b@example.net", "status": "pending", "code": 450,
             "enhanced": "4.2.0", "text": 'a "b"\\c ü'},
            {"address": "ä@example.net", "status": "delivered", "code": None,
             "enhanced": None, "text": None}]}
    assert got[b]["due"] is None and got[b]["held"] and got[b]["sender"] == ""
    assert got[b]["account"] == "x y" and got[b]["attempts"] == 0


def test_hostile_text(spool):
    """What an address or a relay says moves no cursor."""
    spool.put(1, "x\u202ey@example.net", sender="\u200b\u009b2J@x",
              state=[(0, 1, DEFERRED, RCPT, 450, "", "\u202eevil\u0085")])
    out = "\n".join(spool.list())
    assert "x\\xe2\\x80\\xaey@example.net" in out and "evil" in out, out
    for c in "\u202e\u200b\u009b\u0085\x1b":
        assert c not in out, out
        assert c not in spool.run("--queue-list", "--report=json").out
        assert c not in spool.run("--queue-show=%018d" % 1).stdout.split(
            b"\n\n", 1)[0].decode()


def damage(spool):
    """Files that are no entries, under names of entries."""
    good = entry(["b@example.net"])
    spool.put(11, data=good[:-1])
    spool.put(12, data=b"")
    spool.put(13, data=os.urandom(5000))
    spool.put(14, data=entry(["b@example.net"], version=9))
    spool.put(15, data=good.replace(b"\nP ", b"\nX ", 1))
    (spool.path / "m.000000000000000016").mkdir()
    (spool.path / "m.000000000000000017").symlink_to("/etc/passwd")
    os.mkfifo(spool.path / "m.000000000000000018", 0o600)
    (spool.path / "m.\x1b[31mred").write_bytes(good)
    (spool.path / "m.").write_bytes(good)
    return ["%018d" % n for n in range(11, 19)]


def test_damaged(spool):
    """What is damaged is named, and hides nothing else."""
    a, b = spool.put(1, "b@example.net"), spool.put(99, "c@example.net")
    bad = damage(spool)
    lines, objects = spool.list(), spool.json()
    for ident in bad:
        line = [line for line in lines if line.startswith(ident)]
        assert len(line) == 1 and line[0].endswith(")"), (ident, lines)
        assert objects[ident]["error"], objects[ident]
        assert objects[ident]["recipients"] == [], objects[ident]
    assert "later version" in objects["%018d" % 14]["error"]
    assert sum(line.startswith("m.") for line in lines) == 2, lines
    assert objects[a]["error"] is None and objects[b]["error"] is None
    assert lines[-1] == "-- 1 Kbytes in 2 Requests.", lines
    assert len(objects) == 12


def test_only_damaged(spool):
    spool.put(1, data=b"x")
    lines = spool.list()
    assert lines[0] == HEADER and lines[-1] == "-- 0 Kbytes in 0 Requests."


def test_damaged_state(spool):
    """A damaged s. file is as none."""
    a = spool.put(1, "b@example.net")
    for text in (b"", b"state 1\nend\n", os.urandom(300), b"\0" * 100):
        (spool.path / ("s." + a)).write_bytes(text)
        assert spool.json()[a]["attempts"] == 0


def test_absurd_time(spool):
    a = spool.put(1, "b@example.net", created=2 ** 62)
    assert any(a in line for line in spool.list())
    assert spool.json()[a]["arrival"]


def test_spool_of_others(spool):
    """A spool that others can read is refused, and how to mend it said."""
    spool.put(1, "b@example.net")
    spool.path.chmod(0o755)
    for argv in (["--queue-list"], ["--queue-remove=all"]):
        assert "chmod 700" in spool.run(*argv, status=77).err
    assert spool.file("%018d" % 1).exists()


def test_default_spool(spool, tmp):
    """Without a setting it is below XDG_STATE_HOME (root has another, and so
    becomes somebody else)."""
    spool.path = spool.home.state / "posthaste/spool"
    spool.home.write("# no [queue]\n" + spool.home.text())
    spool.path.parent.mkdir()
    a = spool.put(1, "b@example.net")
    other = {}
    if not os.geteuid():
        other = {"uid": 65534, "gid": 65534}
        for path in [spool.home.dir, *spool.home.dir.rglob("*")]:
            os.chown(path, 65534, 65534)
    assert spool.json(**other)[a]["size"] == len(MESSAGE)


def test_closed_output(spool):
    """A list that cannot be printed is no success."""
    spool.put(1, "b@example.net")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(program()), "--queue-list"], stdout=full,
                              stderr=subprocess.PIPE, env=spool.home.env)
    assert done.returncode == 74 and b"standard output" in done.stderr, done


def test_hundred_thousand(spool):
    """In constant memory (run() looks), and in time that grows no faster."""
    spool.make()
    data = entry(["b@example.net", "c@example.net"])
    for n in range(100000):
        fd = os.open(spool.path / ("m.%018d" % n),
                     os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, data)
        os.close(fd)
    run = spool.run("--queue-list", seconds=60)
    assert run.out.count("Nov 21") == 100000
    assert run.out.endswith("\n-- %d Kbytes in 100000 Requests.\n" %
                            ((len(MESSAGE) * 100000 + 1023) // 1024))
    run = spool.run("--queue-hold=all", seconds=60)
    assert not run.stdout
    assert spool.due("%018d" % 4711) == HELD
    spool.run("--queue-remove=all", seconds=60)
    assert spool.run("--queue-list").stdout == EMPTY


def test_many_recipients(spool):
    a = spool.put(1, *["r%d@example.net" % n for n in range(50000)],
                  crc=False)
    assert sum("@example.net" in line for line in spool.list()) == 50000
    assert len(spool.json()[a]["recipients"]) == 50000


# ---- one entry ----

def test_show(spool):
    a = spool.put(1, "b@example.net", "c@example.net", "d@example.net",
                  statuses="PDU", more=" requiretls=1 ret=HDRS envid=e+2B1",
                  state=[(0, 1, DEFERRED, RCPT, 450, "4.2.0", "4.2.0 full")])
    run = spool.run("--queue-show", a)
    head, message = run.stdout.split(b"\n\n", 1)
    assert message == MESSAGE
    lines = head.decode().splitlines()
    for line in ("id: " + a, "account: test", "size: %d" % len(MESSAGE),
                 "arrival: Fri, 21 Nov 2025 20:35:32 +0000",
                 "due: Fri, 21 Nov 2025 20:35:32 +0000", "attempts: 3",
                 "last attempt: Fri, 21 Nov 2025 20:36:32 +0000",
                 "sender: a@example.org", "dsn return: HDRS",
                 "require tls: yes",
                 "recipient: pending: b@example.net: RCPT TO: 450 4.2.0 full",
                 "recipient: delivered: c@example.net",
                 "recipient: unknown: d@example.net"):
        assert line in lines, (line, lines)
    assert spool.run("--queue-show=" + a, "--report=json").json == \
        spool.json()[a]


def test_show_state(spool):
    held = spool.put(1, "b@example.net", due=HELD, sender="")
    failed = spool.put(2, "b@example.net", failed=True)
    busy = spool.put(3, "b@example.net")
    assert "state: held\n" in spool.run("--queue-show=" + held).stdout.decode(
        "latin-1")
    assert "\nsender: <>\n" in spool.run(
        "--queue-show=" + held).stdout.decode("latin-1")
    out = spool.run("--queue-show=" + failed).stdout
    assert b"state: failed" in out and out.endswith(b"\n\n" + MESSAGE)
    with lock(spool.file(busy)):
        assert b"state: being delivered\n" in spool.run(
            "--queue-show=" + busy).stdout


def test_show_big(spool):
    body = b"".join(b"%d\r\n" % n for n in range(200000))
    message = b"Subject: s\r\n\r\n" + body
    a = spool.put(1, "b@example.net", message=message, crc=False)
    assert spool.run("--queue-show=" + a).stdout.split(
        b"\n\n", 1)[1] == message


def test_show_damaged(spool):
    for ident in damage(spool):
        run = spool.run("--queue-show=" + ident, status=65)
        assert ident in run.err and run.stdout == b"", run


OPERATIONS = ["show", "remove", "hold", "release", "retry"]


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("ident", [
    "0" * 18, "", "x", "../" * 5 + "etc/passwd", "0" * 17 + "/", "m." +
    "0" * 18, "\x1b[31m", "0" * 300])
def test_unknown(spool, op, ident):
    """66, naming the id; and without a spool as well."""
    for _ in range(2):
        run = spool.run("--queue-%s=%s" % (op, ident), status=66)
        assert "is not in the queue" in run.err and run.stdout == b"", run
        spool.put(5, "b@example.net")
    assert len(list(spool.path.glob("m.*"))) == 1


def test_remove(spool):
    idents = [spool.put(n, "b@example.net", state=[
        (0, 1, DEFERRED, RCPT, 450, "4.2.0", "full")]) for n in range(4)]
    assert not spool.run("--queue-remove=" + idents[1]).stdout
    assert sorted(spool.json()) == [idents[0], *idents[2:]]
    assert not (spool.path / ("s." + idents[1])).exists()
    spool.run("--queue-remove", idents[0], "--queue-remove", idents[3])
    assert sorted(spool.json()) == [idents[2]]
    failed = spool.put(8, "b@example.net", failed=True)
    spool.run("--queue-remove=" + failed)
    assert not spool.file(failed, failed=True).exists()
    assert sorted(spool.json()) == [idents[2]]


def test_remove_damaged(spool):
    """What cannot be delivered can be removed; a directory cannot."""
    for ident in damage(spool):
        path = spool.file(ident)
        status = 0 if path.is_symlink() or not path.is_dir() else None
        run = spool.home.run("--queue-remove=" + ident, stdin=b"")
        if status == 0:
            assert run.status == 0 and not os.path.lexists(path), run
        else:
            assert run.status and path.is_dir() and run.err, run
    assert os.path.exists("/etc/passwd")


def test_remove_all(spool):
    for n in range(50):
        spool.put(n, "b@example.net", due=HELD if n % 2 else THEN,
                  failed=n % 5 == 0)
    spool.run("--queue-remove=all")
    assert spool.run("--queue-list").stdout == EMPTY


def test_hold_release(spool):
    a, b = spool.put(1, "b@example.net"), spool.put(2, "b@example.net",
                                                    due=THEN + 5)
    spool.run("--queue-hold=" + a)
    assert spool.due(a) == HELD and spool.due(b) == THEN + 5
    spool.run("--queue-hold=" + a)
    # Release is for what is held: another's time stays.
    spool.run("--queue-release=" + b)
    assert spool.due(b) == THEN + 5
    spool.run("--queue-release=" + a)
    assert abs(spool.due(a) - now()) < 60
    spool.run("--queue-hold=all")
    assert spool.due(a) == spool.due(b) == HELD
    spool.run("--queue-retry=all")
    assert spool.due(a) == spool.due(b) == HELD
    spool.run("--queue-release=all")
    assert HELD not in (spool.due(a), spool.due(b))


def test_hold_failed(spool):
    """What was given up is not held but put back."""
    a = spool.put(1, "b@example.net", failed=True)
    for op in ("hold", "release"):
        run = spool.run("--queue-%s=%s" % (op, a), status=66)
        assert "--queue-retry" in run.err, run
    assert spool.file(a, failed=True).exists()


def test_retry(spool):
    late = spool.put(1, "b@example.net", due=now() + 9999)
    held = spool.put(2, "b@example.net", due=HELD)
    other = spool.put(3, "b@example.net", due=now() + 9999)
    spool.run("--queue-retry=" + late, "--queue-retry=" + held)
    assert spool.due(late) <= now() and spool.due(held) <= now()
    assert spool.due(other) > now()
    spool.run("--queue-retry=all")
    assert spool.due(other) <= now()


@pytest.mark.parametrize("which", ["one", "all"])
def test_retry_failed(spool, which):
    """Back to the queue, to those who did not get it, due at once."""
    a = spool.put(1, "b@example.net", "c@example.net", "d@example.net",
                  failed=True, statuses="FDU",
                  state=[(0, 1, DEFERRED, RCPT, 550, "", "no")])
    spool.run("--queue-retry=" + (a if which == "one" else "all"))
    assert not spool.file(a, failed=True).exists()
    o = spool.json()[a]
    assert not o["failed"] and [r["status"] for r in o["recipients"]] == [
        "pending", "delivered", "pending"], o
    assert o["attempts"] == 0 and spool.due(a) <= now()


@pytest.mark.parametrize("op", OPERATIONS[1:])
def test_busy(spool, op):
    """What is being delivered is left alone, and that is said, with 75."""
    a, b = spool.put(1, "b@example.net"), spool.put(2, "b@example.net",
                                                    due=HELD)
    with lock(spool.file(a)):
        run = spool.run("--queue-%s=%s" % (op, a), status=75)
        assert "is being delivered; try again" in run.err and a in run.err
        # One that is tried right now needs no other word.
        if op == "retry":
            spool.run("--queue-retry=all")
        else:
            run = spool.run("--queue-%s=all" % op, status=75)
            assert "being delivered: 1" in run.err, run
    assert spool.file(a).exists() and spool.due(a) == THEN
    assert spool.file(b).exists() == (op != "remove")
    failed = spool.put(3, "b@example.net", failed=True)
    with lock(spool.file(failed, failed=True)):
        if op in ("remove", "retry"):
            spool.run("--queue-%s=%s" % (op, failed), status=75)
    assert spool.file(failed, failed=True).exists()


@pytest.mark.parametrize("op", OPERATIONS[2:])
def test_damaged_stays(spool, op):
    """All but removing leaves it, says so, and goes on to the others."""
    bad = spool.put(1, data=entry(["b@example.net"])[:-3])
    good = [spool.put(n, "b@example.net", due=HELD if op == "release" else
                      now() + 9999) for n in (2, 3)]
    run = spool.run("--queue-%s=%s" % (op, bad), status=65)
    assert bad in run.err, run
    run = spool.run("--queue-%s=all" % op, status=65)
    assert len(run.err.splitlines()) == 1, run
    for ident in good:
        assert (spool.due(ident) == HELD) == (op == "hold")
        assert spool.due(ident) <= now() or op == "hold"
    assert spool.file(bad).exists()


def test_one_of_several_fails(spool):
    """The others are done; the status is of what went wrong first."""
    a, c = spool.put(1, "b@example.net"), spool.put(3, "b@example.net")
    run = spool.run("--queue-remove=" + a, "--queue-remove=" + "0" * 18,
                    "--queue-remove=" + c, status=66)
    assert len(run.err.splitlines()) == 1, run
    assert spool.run("--queue-list").stdout == EMPTY
    a = spool.put(1, "b@example.net")
    with lock(spool.file(a)):
        for status, idents in ((66, ["0" * 18, a]), (75, [a, "0" * 18])):
            run = spool.run(*["--queue-remove=" + i for i in idents],
                            status=status)
            assert len(run.err.splitlines()) == 2, run


@pytest.mark.skipif(SANITIZED, reason="leaks cannot be looked for under strace")
def test_remove_is_synced(spool, tmp):
    """What was removed does not come back after a loss of power."""
    if not shutil.which("strace"):
        cannot("strace is not installed")
    spool.put(1, "b@example.net")
    spool.put(2, "b@example.net", failed=True)
    trace = tmp / "trace"
    run = spool.run("-o", str(trace), "-y", "-e", "trace=unlinkat,fsync",
                    str(program()), "--queue-remove=all",
                    exe=shutil.which("strace"), name="strace", rss_max=None)
    calls = re.findall(r"^(\w+)\(\d+<(.*?)>.*= 0$", trace.read_text(), re.M)
    for path in (str(spool.path), str(spool.path / "failed")):
        mine = [name for name, where in calls if where == path]
        assert "unlinkat" in mine and mine[-1] == "fsync", (calls, run)


USAGE = [["--queue-remove"], ["--queue-remove=x", "y"],
         ["--queue-show=x", "--queue-show=y"],
         ["--queue-hold=x", "--queue-remove=x"],
         ["--dry-run", "--queue-remove=x"], ["-bp", "--queue-remove=x"]]


@pytest.mark.parametrize("argv", USAGE, ids=" ".join)
def test_usage(spool, argv):
    spool.put(1, "b@example.net")
    argv = [a.replace("x", "%018d" % 1) if "queue" in a else a for a in argv]
    run = spool.run(*argv, status=64)
    assert run.stdout == b"" and len(run.err.splitlines()) == 1, run
    assert spool.due("%018d" % 1) == THEN


def test_sendmail_has_none(spool):
    """Under the old name there is the list and no more."""
    a = spool.put(1, "b@example.net")
    run = spool.home.sendmail("--queue-remove=" + a, stdin=b"", exe=sendmail())
    assert run.status == 64 and spool.file(a).exists(), run
