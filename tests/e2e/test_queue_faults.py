"""The queue where the world is unkind: full and read-only file systems, wrong
directories, kill -9 at random, many at once, hostile files, clocks that jump.

POSTHASTE_FULL=1 runs the long rounds.
"""
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import cannot

from lib.program import HERE, SANITIZED, program
from lib.queue_relay import Recorder
from lib.queue_spool import QueueHome, image, new_id

ALICE, BOB, CAROL = "alice@example.org", "bob@example.net", "carol@example.net"
FULL = bool(os.environ.get("POSTHASTE_FULL"))


@pytest.fixture
def recorder(tmp):
    running = []

    def start(*words):
        running.append(Recorder(tmp, *words))
        return running[-1]

    yield start
    for r in running:
        r.stop()


def message(tmp, size=40):
    file = tmp / "message"
    file.write_bytes(b"From: alice@example.org\nTo: bob@example.net\n"
                     b"Subject: x\n\n" + b"0123456789abcde\n" * (size // 16))
    return file


# -- full and read-only file systems -------------------------------------------

def mounted(what, tmp, port):
    """The lines of lib/queue_full.py, run where it may mount."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    probe = subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", str(tmp)],
                           capture_output=True)
    if probe.returncode:
        cannot("nothing may be mounted here: %s" % probe.stderr.decode())
    done = subprocess.run(
        [*unshare, sys.executable, str(HERE / "queue_full.py"), what,
         str(tmp / "home"), str(port)], capture_output=True, text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("what", ["enqueue", "inodes"])
def test_53_full_at_every_block(tmp, what, record_property):
    rows = mounted(what, tmp, 1)
    statuses = []
    for row in rows:
        statuses.append(row["status"])
        assert row["bad"] is None, row
        if row["status"] == 0:
            assert row["entries"] == [{BOB: "P"}], row
        else:
            assert row["status"] == 75 and row["entries"] == [], row
            assert "No space left" in row["err"], row
            assert row["left"] == [], row
    record_property("figures", "%s: %d sizes, %d too small" % (
        what, len(rows), sum(map(bool, statuses))))
    assert set(statuses) == {0, 75}
    assert statuses == sorted(statuses, reverse=True)	# it is the size


def test_53_full_while_settling(tmp, recorder, record_property):
    """Statuses need no space; a notice that has none keeps the original."""
    relay = recorder("pipelining")
    rows = mounted("settle", tmp, relay.port)
    got, reports = relay.counts()
    kept = 0
    for row in rows:
        assert row["bad"] is None, row
        assert got.get((row["mid"], BOB)) == 1, (row, got)
        assert reports.get((row["mid"], "fail@example.net")) == 1, (
            row, reports)
        assert row["left"] == [], row
        if row["kept"]:
            assert "--queue-retry=" in row["err"], row
            kept += 1
    record_property("figures", "%d fillings, the notice found no room in %d" % (
        len(rows), kept))
    assert 0 < kept < len(rows)


def test_53_read_only(tmp, recorder):
    relay = recorder()
    run, enqueue, again = mounted("readonly", tmp, relay.port)
    assert "Read-only file system" in run["err"], run
    assert run["entries"] == [{BOB: "P"}]
    assert enqueue["status"] == 73 and "Read-only" in enqueue["err"], enqueue
    assert again["status"] == 0 and again["entries"] == [], again
    assert relay.counts()[0] == {("<ro@example.org>", BOB): 1}


@pytest.mark.parametrize("limit", [0, 1, 100, 4096, 20000, 40000])
def test_53_file_size_limit(tmp, limit):
    home = QueueHome(tmp / "home", 1)
    home.add()
    file = message(tmp, 40960)

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    status, err = home.quick("--queue=always", "-f", ALICE, BOB, stdin=file,
                             preexec_fn=limited)
    assert status == 75 and err.strip(), (status, err)
    assert len(home.entries()) == 1 and not home.names("t")


# -- directories that are not ours to use --------------------------------------

def open_to_all(home):
    home.spool.chmod(0o777)


def linked(home):
    home.spool.rename(home.dir / "elsewhere")
    home.spool.symlink_to(home.dir / "elsewhere")


def strange(home):
    os.chown(home.spool, 65534, 65534)


def a_file(home):
    shutil.rmtree(home.spool)
    home.spool.write_bytes(b"")


def a_fifo(home):
    shutil.rmtree(home.spool)
    os.mkfifo(home.spool)


@pytest.mark.parametrize("spoil", [open_to_all, linked, strange, a_file,
                                   a_fifo])
def test_53_wrong_spool(tmp, recorder, spoil):
    if spoil is strange and os.geteuid():
        cannot("only root gives files away")
    relay = recorder()
    home = QueueHome(tmp / "home", relay.port)
    home.add()
    spoil(home)
    file = message(tmp)
    for argv in (("--queue=always", "-f", ALICE, BOB), ("-qf",)):
        status, err = home.quick(*argv, stdin=file)
        assert status == 77, (argv, status, err)
        assert str(home.spool) in err and err.count("\n") == 1, err
    assert relay.counts() == ({}, {})


def test_53_no_place_for_the_spool(tmp):
    home = QueueHome(tmp / "home", 1, queue={"spool": "/proc/none/spool"})
    status, err = home.quick("--queue=always", "-f", ALICE, BOB,
                             stdin=message(tmp))
    assert status == 73 and "/proc/none" in err, (status, err)


# -- kill -9 -------------------------------------------------------------------

ROUNDS, MESSAGES, KILLS = (200, 500, 8) if FULL else (20, 100, 5)


def start(home, *argv):
    return subprocess.Popen([str(program()), *argv], env=home.env, cwd="/",
                            stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


LINE = 45		# octets of the relay's record of a message, or so


def one_round(home, relay, chance):
    """Kill the runner, or the relay, until enough is enough; the kills.  They
    come when the relay has a part of what is there."""
    kills = 0
    while kills < KILLS and home.names():
        enough = relay.log.stat().st_size + \
            chance.uniform(0, 0.8) * len(home.names()) * LINE
        run = start(home, "-qf")
        while run.poll() is None and relay.log.stat().st_size < enough:
            time.sleep(0.0002)
        kills += run.poll() is None
        if chance.random() < 0.6:
            run.send_signal(signal.SIGKILL)
        else:
            relay.stop()
            relay.start()
        run.wait(60)
    for _ in range(6):
        home.quick("-qf", timeout=120)
        if not home.names():
            break
    return kills


@pytest.mark.parametrize("size", [20, 14000])
@pytest.mark.parametrize("words", [("pipelining",),
                                   ("pipelining", "chunking")],
                         ids=["data", "chunking"])
def test_kill_9(tmp, recorder, record_property, words, size):
    """Each message arrives; twice only as many as may be in flight: 20
    messages, or 256 KiB of them."""
    relay = recorder(*words)
    home = QueueHome(tmp / "home", relay.port)
    chance = random.Random(56)
    window = max(20, (256 << 10) // (size + 200) + 1)
    kills = doubles = most = 0
    rounds = ROUNDS // 2
    for n in range(rounds):
        relay.clear()
        ids = home.fill(MESSAGES, body=(b"x" * 68 + b"\r\n") * (size // 70) +
                        b"end\r\n")
        killed = one_round(home, relay, chance)
        got, _ = relay.counts()
        assert home.names() == [] and home.inside("corrupt") == [] and \
            home.inside("failed") == [], (n, home.inside("corrupt"))
        assert {(m, BOB) for m in ids} == set(got), n
        double = sum(got.values()) - len(got)
        assert double <= window * killed, (n, double, killed)
        kills, doubles = kills + killed, doubles + double
        most = max(most, double)
    record_property("figures", "%d rounds of %d messages of %d octets: %d "
                    "kills, %d duplicates (at most %d a round), 0 lost" % (
                        rounds, MESSAGES, size, kills, doubles, most))
    assert kills >= rounds


# -- many at once --------------------------------------------------------------

def together(functions):
    errors = []

    def guarded(f):
        try:
            f()
        except BaseException as e:	# noqa: B036
            errors.append(e)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors


def test_20_producers(tmp, recorder):
    """With runners at it meanwhile: each message once, none lost."""
    relay = recorder("pipelining", "chunking")
    homes = [QueueHome(tmp / ("home%d" % i), relay.port,
                       queue={"spool": tmp / "home0/spool"})
             for i in range(20)]
    ids, done = [], threading.Event()

    def runner(home):
        while not done.is_set():
            status, err = home.quick("-q")
            assert status == 0 and not err, err

    def producers():
        try:
            together([lambda h=h: ids.extend(h.add(5)) for h in homes])
        finally:
            done.set()

    together([producers] + [lambda h=h: runner(h) for h in homes[:2]])
    status, err = homes[0].quick("-qf")
    assert status == 0 and err == ""
    got, _ = relay.counts()
    assert len(ids) == 100
    assert got == {(m, BOB): 1 for m in ids}
    assert homes[0].names() == homes[0].names("t") == []
    assert homes[0].inside("corrupt") == []


def test_55_two_runners_and_a_sender(tmp, recorder):
    relay = recorder("pipelining", "chunking")
    home = QueueHome(tmp / "home", relay.port, flush_on_send="yes")
    ids = home.fill(300)
    file = message(tmp)
    results = []
    together([lambda: results.append(home.quick("-q"))] * 2 +
             [lambda: results.append(home.quick(
                 "--queue=tempfail", "-f", ALICE, CAROL, stdin=file))])
    assert [r[0] for r in results] == [0, 0, 0], results
    home.quick("-q")
    got, _ = relay.counts()
    assert {k: n for k, n in got.items() if k[1] == BOB} == \
        {(m, BOB): 1 for m in ids}
    assert sum(n for k, n in got.items() if k[1] == CAROL) == 1
    assert home.names() == []


def test_55_killed_with_the_lock(tmp, peer):
    """A second runner leaves the entry alone and exits 0; killed, the first
    leaves no lock behind."""
    given = threading.Event()
    taken = []

    def serve(conn):
        conn.send(b"220 r.test\r\n")
        while True:
            line = conn.line()
            if not line:
                return
            if line.startswith(b"DATA"):
                given.set()
                if not taken:
                    taken.append("hang")
                    conn.drain()
                    return
                conn.send(b"354 go\r\n")
                conn.content()
                taken.append("message")
            conn.send(b"250 ok\r\n")

    home = QueueHome(tmp / "home", peer(serve).port, timeout_command=60,
                     timeout_data=60)
    home.fill(1)
    first = start(home, "-q")
    try:
        assert given.wait(10)
        status, err = home.quick("-q")
        assert (status, err) == (0, "") and len(home.entries()) == 1
    finally:
        first.kill()
        first.wait()
    assert taken == ["hang"]
    status, err = home.quick("-q")
    assert (status, err) == (0, "") and home.names() == []
    assert taken == ["hang", "message"]


# -- hostile files -------------------------------------------------------------

def patched(data, old, new):
    assert old in data
    return data.replace(old, new, 1)


GOOD = image("<bad@example.org>", body=b"SECRET-OF-OTHERS\r\n")
HOSTILE = {			# octets of the file, or a function of path, home
    "cut": GOOD[:-1],
    "cut in the message": GOOD[:200],
    "cut in the header": GOOD[:30],
    "a flipped bit": patched(GOOD, b"SECRET", b"SECREU"),
    "another recipient": patched(GOOD, b"P bob", b"P eve"),
    "a wrong checksum": GOOD[:-2] + (b"0" if GOOD[-2:-1] != b"0" else b"1") +
    b"\n",
    "nothing": b"",
    "no queue file": b"root:x:0:0:SECRET-OF-OTHERS\n" * 20,
    "a huge recipient": image("<bad@example.org>", to=("b" * 5000 + "@x.org",)),
    "no recipient": image("<bad@example.org>", to=()),
    "binary": os.urandom(5000),
    "lengths that overflow": re.sub(rb"end [0-9a-f]{16}",
                                    b"end fffffffffffffff0", GOOD),
    "growing": GOOD + b"more",
    "a fifo": lambda path, home: os.mkfifo(path),
    "a directory": lambda path, home: path.mkdir(),
    "a symbolic link": lambda path, home: path.symlink_to(home.foreign),
    "a hard link": lambda path, home: os.link(home.foreign, path),
    "a dangling link": lambda path, home: path.symlink_to("/nonexistent"),
}


def test_56_hostile_files(tmp, recorder):
    """Each is put aside and told of once; the others go; nothing leaks."""
    relay = recorder("pipelining", "chunking")
    home = QueueHome(tmp / "home", relay.port)
    home.foreign = tmp / "foreign"
    home.foreign.write_bytes(GOOD)
    ids = home.fill(2)
    bad = {}
    for name, what in HOSTILE.items():
        id_ = new_id()
        bad[name] = "m." + id_
        if callable(what):
            what(home.spool / ("m." + id_), home)
        else:
            home.put(what, id_=id_)
    if not os.geteuid():
        path = home.put(GOOD)
        os.chown(path, 65534, 65534)
        bad["another's"] = path.name
    os.mkfifo(home.spool / "m.x")
    bad["odd name"] = "m.x"
    future = home.put(GOOD.replace(b"posthaste 1", b"posthaste 2"))
    ids += home.fill(2)
    status, err = home.quick("-q")
    got, _ = relay.counts()
    assert got == {(m, BOB): 1 for m in ids}, (status, err)
    left = home.names()
    assert left == [future.name], {k for k, v in bad.items() if v in left}
    aside = home.inside("corrupt")
    for name, file in bad.items():
        assert sum(a.startswith(file + ".") for a in aside) == 1, name
        assert err.count(file) == 1, (name, err)
    assert "SECRET" not in err
    status, err = home.quick("-q")
    assert all(file not in err for file in bad.values()), err
    assert home.foreign.read_bytes() == GOOD
    assert relay.counts() == (got, {})


def test_56_growing(tmp, recorder):
    """A file that is written to while it is read."""
    relay = recorder("pipelining")
    home = QueueHome(tmp / "home", relay.port)
    (mid,) = home.fill(1)
    victim = home.put(image("<grow@example.org>", body=b"x" * 60 + b"\r\n"))
    done = threading.Event()

    def grow():
        with open(victim, "ab", 0) as f:
            while not done.is_set():
                f.write(b"y" * 4096)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        home.quick("-q")
    finally:
        done.set()
        thread.join()
    assert relay.counts() == ({(mid, BOB): 1}, {})
    assert len(home.inside("corrupt")) == 1


# -- clocks --------------------------------------------------------------------

@pytest.mark.parametrize("jumps", [
    ("+10y",), ("+10y", "+10y", "+0", "-1d", "+0"), ("-1d", "+0", "+10y"),
    ("+10y", "+20y", "+30y")])
def test_clock_jumps(tmp, recorder, jumps):
    """It is due, and tried, and does not expire."""
    if SANITIZED:
        pytest.skip("a sanitizer and libfaketime do not go together")
    if not shutil.which("faketime"):
        cannot("faketime is not installed")
    relay = recorder("pipelining")
    home = QueueHome(tmp / "home", relay.port, queue={"delay_notice": "0"})
    home.env["NO_FAKE_STAT"] = "1"
    home.add(to=("later@example.net", BOB))
    home.quick("-q")
    assert len(home.entries()) == 1
    relay.stop()			# of its own clock, and down
    for jump in jumps:
        before = os.stat(home.spool / home.names()[0]).st_mtime_ns
        status, err = home.quick("-q", before=("faketime", "-f", jump))
        (entry,) = home.entries()
        assert entry.status == {"later@example.net": "P", BOB: "D"}, jump
        after = os.stat(home.spool / home.names()[0]).st_mtime_ns
        assert after != before or jump == "+0", (jump, status, err)
    relay.start()
    status, err = home.quick("-q", before=("faketime", "-f", "+10y"))
    (entry,) = home.entries()
    assert entry.status == {"later@example.net": "P", BOB: "D"}
    assert relay.counts()[1] == {} and home.inside("failed") == []
