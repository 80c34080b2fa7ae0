"""A crash or a fault at any system call: nothing that was accepted is lost.

POSTHASTE_FULL=1 runs every point; otherwise there is a kill at every call
that changes the spool or speaks to the relay, and of the rest a sample.  The
figures are printed.
"""
import os
import re
import shutil
import subprocess
import time

import pytest
from conftest import cannot

from lib import queue_strace as strace
from lib.program import SANITIZED, sendmail
from lib.queue_relay import Recorder
from lib.queue_spool import Bad, QueueHome

BOB, CAROL = "bob@example.net", "carol@example.net"
ALICE = "alice@example.org"


@pytest.fixture
def tracing():
    if SANITIZED:
        pytest.skip("a sanitizer's calls are not ours")
    reason = strace.missing()
    if reason:
        cannot(reason)


@pytest.fixture
def recorder(tmp):
    running = []

    def start(*words):
        running.append(Recorder(tmp, *words))
        return running[-1]

    yield start
    for r in running:
        r.stop()


def figures(record_property, **found):
    record_property("figures", ", ".join(
        "%s %s" % (k.replace("_", " "), v) for k, v in found.items()))


def empty(directory):
    shutil.rmtree(directory, ignore_errors=True)


# -- the enqueue ---------------------------------------------------------------

def message(tmp, size):
    file = tmp / "message"
    file.write_bytes(b"From: alice@example.org\nTo: bob@example.net\n"
                     b"Subject: x\n\n" + b"0123456789abcde\n" * (size // 16))
    return file


WAYS = {
    "always": (None, ("--queue=always", "-f", ALICE, BOB, CAROL), 40),
    "tempfail": (sendmail, ("-oi", "-f", ALICE, BOB, CAROL), 300 << 10),
}


# Memory and chance: without them the C library ends the process itself.
LIBRARY = {"brk", "mmap", "getrandom"}


def judge_enqueue(home, point, status, err, linked):
    """None if all is well, else what is not."""
    try:
        entries = home.entries()
    except Bad as e:
        return "an incomplete entry is visible: %s" % e
    if len(entries) > 1:
        return "%d entries" % len(entries)
    for e in entries:
        if sorted(e.status) != [BOB, CAROL] or \
                set(e.status.values()) != {"P"}:
            return "recipients: %r" % e.status
    if status == 0:
        return None if entries else "status 0, and nothing is queued"
    if point.fault == "KILL":
        return "queued before it was linked" if entries and \
            point.index <= linked else None
    if entries:
        return "status %d, and it is queued" % status
    if status < 0 and point.name in LIBRARY:
        return None
    if not 64 <= status <= 78:
        return "status %d" % status
    return None if err.strip() or point.name == "fcntl" else \
        "status %d without a word" % status


@pytest.mark.parametrize("way", WAYS)
def test_enqueue_sweep(tracing, tmp, record_property, way):
    """HOSTILE 53, 54: exit 0 is one whole entry, anything else none."""
    exe, argv, size = WAYS[way]
    exe = exe and exe()
    home = QueueHome(tmp / "home", 1)
    file = message(tmp, size)
    out = tmp / "trace"

    def run(before):
        return home.quick(*argv, stdin=file, before=before, exe=exe)

    run(())			# the spool exists: the usual case
    for name in home.names():
        (home.spool / name).unlink()
    (status, err), calls = strace.trace(run)
    assert status == 0 and len(home.entries()) == 1, err
    calls = strace.ours(calls)
    linked = [i for i, c in enumerate(calls) if c.name == "linkat"][-1]
    tried = missed = committed = left = 0
    violations = []
    for point in strace.points(calls, strace.stride(4)):
        for name in os.listdir(home.spool):
            if name[1] == ".":
                (home.spool / name).unlink()
        status, err = run(point.before(out))
        tried += 1
        missed += not point.hit(out, status)
        left += len(home.names("t"))
        committed += status != 0 and bool(home.names())
        wrong = judge_enqueue(home, point, status, err, linked)
        if wrong:
            violations.append((point, status, wrong, err))
    figures(record_property, calls=len(calls), points=tried,
            not_reached=missed, killed_after_the_link=committed,
            t_left=left, violations=len(violations))
    assert not violations, "\n" + "\n".join(map(str, violations[:20]))
    assert missed < tried / 20


def test_enqueue_sweep_new_spool(tracing, tmp, record_property):
    """The same where the spool has yet to be made."""
    home = QueueHome(tmp / "home", 1, queue={
        "spool": tmp / "home/a/b/spool"})
    home.spool = tmp / "home/a/b/spool"
    file = message(tmp, 40)
    out = tmp / "trace"

    def run(before):
        return home.quick("--queue=always", "-f", ALICE, BOB, CAROL,
                          stdin=file, before=before)

    (status, err), calls = strace.trace(run)
    assert status == 0, err
    calls = strace.ours(calls)
    linked = [i for i, c in enumerate(calls) if c.name == "linkat"][-1]
    first = [i for i, c in enumerate(calls) if "/a/b/spool" in c.args][0]
    violations, tried = [], 0
    for point in strace.points(calls, strace.stride(4)):
        if point.index < first:
            continue
        empty(tmp / "home/a")
        status, err = run(point.before(out))
        tried += 1
        wrong = judge_enqueue(home, point, status, err, linked)
        if wrong:
            violations.append((point, status, wrong, err))
        elif status:		# and it does not stay broken
            again, err = run(())
            if again:
                violations.append((point, status, "cannot be repeated", err))
    figures(record_property, points=tried, violations=len(violations))
    assert not violations, "\n" + "\n".join(map(str, violations[:20]))


def test_remains_are_swept(tmp):
    """A t. of a day ago goes with the next run; one that is new, or locked,
    and an m. that has its t. still, stay."""
    home = QueueHome(tmp / "home", 1)
    home.add()
    (name,) = home.names()
    old = time.time() - 2 * 86400
    for i, age in ((1, old), (2, time.time())):
        t = home.spool / ("t.00000000000000000%d" % i)
        t.write_bytes(b"posthaste 1 ")
        t.chmod(0o600)
        os.utime(t, (age, age))
    home.quick("-q")
    assert home.names("t") == ["t.000000000000000002"]
    assert home.names() == [name]


# -- what is on the disk at exit 0 ---------------------------------------------

def unsynced(calls):
    """What is not on the disk at the end of a trace of an enqueue, as text."""
    dirty, linked, dir_synced, wrong = {}, False, True, []
    for c in calls:
        if c.result.startswith("-"):
            continue
        file = re.match(r"\d+<(.*?)>", c.args)
        path = re.sub(r"\(deleted\)$", "", file[1]) if file else ""
        base = os.path.basename(path)
        if c.name in ("write", "pwrite64", "ftruncate", "writev") and \
                base[:2] in ("t.", "m."):
            dirty[base[2:]] = True
            if linked:
                wrong.append("written after the link: " + c.text)
        elif c.name in ("fsync", "fdatasync") and base[:2] in ("t.", "m."):
            dirty[base[2:]] = False
        elif c.name == "linkat":
            id_ = re.search(r'"m\.(\w+)"', c.args)[1]
            if dirty.get(id_, True):
                wrong.append("linked before its data were synced")
            linked, dir_synced = True, False
        elif c.name == "fsync" and path.endswith("/spool"):
            dir_synced = True
        elif c.name in ("mkdir", "mkdirat") and "failed" not in c.args and \
                "corrupt" not in c.args:
            wrong.append(("made", re.search(r'"(.*?)"', c.args)[1]))
        elif c.name == "fsync":
            wrong = [w for w in wrong if not (isinstance(w, tuple) and
                     os.path.dirname(w[1]) == path)]
        elif c.name in ("write", "sendto") and linked and not dir_synced:
            wrong.append("said before the directory was synced: " + c.text)
    if not linked:
        wrong.append("never linked")
    if not dir_synced:
        wrong.append("the directory was not synced")
    return wrong + [k for k, v in dirty.items() if v]


@pytest.mark.parametrize("way", WAYS)
def test_trace_is_synced(tracing, tmp, way):
    """At exit 0 neither data nor names are unsynced, the spool's own too."""
    exe, argv, size = WAYS[way]
    home = QueueHome(tmp / "home", 1)
    file = message(tmp, size)
    for _ in range(2):		# once with a new spool, once with an old one
        (status, err), calls = strace.trace(lambda before: home.quick(
            *argv, stdin=file, before=before, exe=exe and exe()))
        assert status == 0, err
        assert unsynced(calls) == []
        # The check itself must see each sync.
        for i, c in enumerate(calls):
            if c.name == "fsync" and ("/spool/t." in c.args or
                                      i > len(calls) - 12):
                assert unsynced(calls[:i] + calls[i + 1:])


# -- the runner ----------------------------------------------------------------

MAIL = (		# recipients, and what is to become of them
    ((BOB,), {}),
    ((BOB, CAROL), {}),
    ((BOB, "fail@example.net"), {"fail@example.net"}),
    (("fail@example.net",), {"fail@example.net"}),
    (("later@example.net", CAROL), set()),
)


class RunnerSweep:
    def __init__(self, tmp, relay):
        self.tmp, self.relay = tmp, relay
        self.home = QueueHome(tmp / "home", relay.port)
        self.fill = tmp / "fill"
        self.ids = []
        for rcpts, _ in MAIL:
            self.ids += self.home.add(to=rcpts)
        shutil.copytree(self.home.spool, self.fill)
        self.fill.chmod(0o700)
        self.owed = {(mid, a) for mid, (rcpts, failing) in zip(self.ids, MAIL)
                     for a in rcpts if a not in failing and
                     not a.startswith("later")}
        self.failing = {(mid, a) for mid, (_, failing) in zip(self.ids, MAIL)
                        for a in failing}

    def reset(self):
        empty(self.home.spool)
        shutil.copytree(self.fill, self.home.spool)
        self.relay.clear()

    def run(self, before=()):
        return self.home.quick("-qf", before=before)

    def final(self):
        """Run until nothing changes, and nothing but `later` may be left."""
        for _ in range(3):
            self.run()
            entries = self.home.entries()
            left = {a for e in entries for a, s in e.status.items()
                    if s in "PU"}
            if left <= {"later@example.net"} and len(entries) <= 1:
                break
        return entries

    def judge(self, point, calls):
        """None, else what is wrong."""
        try:
            entries = self.home.entries()
        except Bad as e:
            return "an entry is damaged: %s" % e
        before = {(e.message_id(), a): s for e in entries
                  for a, s in e.status.items()}
        got_before, _ = self.relay.counts()
        kept = self.home.inside("failed")
        if kept and (point is None or point.fault == "KILL"):
            return "in failed/ without a fault: %r" % kept
        self.kept += bool(kept)
        if kept:
            status, err = self.home.quick("--queue-retry=all")
            if status:
                return "failed/ cannot be queued again: %s" % err
        try:
            entries = self.final()
        except Bad as e:
            return "an entry is damaged later: %s" % e
        got, reports = self.relay.counts()
        lost = self.owed - set(got)
        if lost or self.home.inside("failed") or self.home.inside("corrupt"):
            return "lost: %r failed/: %r corrupt/: %r" % (
                lost, self.home.inside("failed"), self.home.inside("corrupt"))
        if len(entries) != 1 or "later@example.net" not in entries[0].status:
            return "left: %r" % [(e.id, e.status) for e in entries]
        if set(reports) != self.failing:
            return "reports %r of %r" % (reports, self.failing)
        if max(got_before.values(), default=1) > 1:
            return "sent twice in one run: %r" % got_before
        double = {k for k, n in [*got.items(), *reports.items()] if n > 1}
        self.doubles += len(double)
        if max([*got.values(), *reports.values()]) > 2:
            return "came more than twice: %r %r" % (got, reports)
        for key in double:
            if before.get(key) in ("D", "F"):
                return "%r was recorded, and came again" % (key,)
            if point is None or not in_window(calls, key[0], self.file[key[0]],
                                              key in reports):
                return "%r came twice, outside the window" % (key,)
        return None

    def trace(self):
        """The calls of a run without a fault, which goes well."""
        self.reset()
        self.file = {e.message_id(): "m." + e.id for e in self.home.entries()}
        (_, err), calls = strace.trace(self.run)
        calls = strace.ours(calls)
        wrong = self.judge(None, calls)
        assert wrong is None and self.doubles == 0, (wrong, err)
        return calls

    def sweep(self, stride):
        self.doubles = self.kept = 0
        violations = []
        # How often a reply is read depends on the machine's load: the points
        # are those of the shortest of a few runs, which all of them reach.
        calls = min((self.trace() for _ in range(3)), key=len)
        out = self.tmp / "trace"
        points = strace.points(calls, stride)
        missed = spared = 0
        for point in points:
            self.reset()
            doubles = self.doubles
            try:
                status, err = self.run(point.before(out, True))
                missed += not point.hit(out, status)
                wrong = self.judge(point, strace.parse(
                    out.read_text(errors="replace")))
            except subprocess.TimeoutExpired:
                wrong = "does not end"
            spared += self.doubles > doubles
            if wrong:
                violations.append((point, wrong, err))
        return dict(calls=len(calls), points=len(points), not_reached=missed,
                    points_with_a_duplicate=spared, kept_in_failed=self.kept,
                    violations=len(violations)), violations


def in_window(calls, mid, file, report):
    """Did the fault of this trace fall between what gave a message (or linked
    its report) and the record of that?"""
    given = recorded = False
    for c in calls:
        if "(INJECTED)" in c.text or "killed by" in c.text or c is calls[-1]:
            return given and not recorded or (
                # The call that was hit may be the very one that gives it.
                not report and c.name == "sendto" and mid in c.text)
        if c.name == "linkat" if report else \
                c.name == "sendto" and mid in c.text:
            given, recorded = True, False
        if c.name in ("unlinkat", "fdatasync") and file in c.text:
            recorded = True
    return False


@pytest.mark.parametrize("words", [("pipelining",),
                                   ("pipelining", "chunking")],
                         ids=["data", "chunking"])
def test_runner_sweep(tracing, tmp, recorder, record_property, words):
    """HOSTILE 54 over -q: nothing is lost; twice only in the window."""
    sweep = RunnerSweep(tmp, recorder(*words))
    found, violations = sweep.sweep(strace.stride(8))
    figures(record_property, **found)
    assert not violations, "\n" + "\n".join(map(str, violations[:20]))
    assert found["not_reached"] < found["points"] / 10
