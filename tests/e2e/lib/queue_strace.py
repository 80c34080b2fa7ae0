"""Faults at system calls, by strace's injection, and traces of them."""
import collections
import os
import re
import shutil
import subprocess
import tempfile

ERRORS = ("ENOSPC", "EIO", "EINTR", "EDQUOT", "EMFILE")
# Cannot fail, or (close: it closes all the same) not in this way.
NEVER_FAIL = {"exit_group", "exit", "execve", "rt_sigreturn", "munmap",
              "close", "getuid", "geteuid", "getgid", "getegid", "getpid", "umask"}
Call = collections.namedtuple("Call", "name nth args result text")


def missing():
    if not shutil.which("strace"):
        return "strace is not installed"
    probe = subprocess.run(
        ["strace", "-o", "/dev/null", "-e", "inject=getppid:error=EIO:when=1",
         "true"], capture_output=True)
    return None if not probe.returncode else "strace may not trace here"


def parse(text):
    """The calls of a trace in order, each with its number among its kind."""
    calls, seen = [], collections.Counter()
    for line in text.splitlines():
        line = re.sub(r"^\d+ +", "", line)
        found = re.match(r"(\w+)\((.*)", line)
        if not found:
            continue
        seen[found[1]] += 1
        done = re.match(r"(\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)", line)
        calls.append(Call(found[1], seen[found[1]],
                          done[2] if done else found[2],
                          done[3] if done else "?", line))
    return calls


def tracer(output, *more):
    return ["strace", "-qq", "-y", "-s", "65536", "-o", str(output), *more]


def trace(run):
    """run(before) once under strace; its result and its calls."""
    with tempfile.NamedTemporaryFile() as f:
        result = run(tracer(f.name))
        return result, parse(f.read().decode("utf-8", "replace"))


def ours(calls):
    """Without what the loader and the libraries do before main()."""
    for i, call in enumerate(calls):
        if call.name == "fcntl" and call.args.startswith("0"):
            return calls[i:]
    raise AssertionError("main() was not found in the trace")


class Point(collections.namedtuple("Point", "index name nth fault")):
    """A call (by its index among ours), and what happens to it."""

    def before(self, output, all_calls=False):
        """What to put in front of the program; all_calls are in the trace,
        else only those of that name, which is quicker."""
        # With the filter strace is quicker, but delivers no signal.
        what, how = (("signal=KILL", []) if self.fault == "KILL" else
                     ("error=" + self.fault, ["--seccomp-bpf", "-f"]))
        if all_calls:
            how = []
        return ["strace", "-qq", "-o", str(output), *how, "-y", "-s", "65536",
                "-e", "trace=" + ("all" if all_calls else self.name), "-e",
                "inject=%s:%s:when=%d" % (self.name, what, self.nth)]

    def hit(self, output, status):
        if self.fault == "KILL":
            return status in (-9, 137)
        with open(output, errors="replace") as f:
            return "(INJECTED)" in f.read()


WEIGHTY = {"openat", "write", "pwrite64", "fsync", "fdatasync", "linkat",
           "unlinkat", "renameat", "renameat2", "mkdirat", "mkdir", "flock",
           "utimensat", "ftruncate", "sendto", "recvfrom", "exit_group"}


def weighty(call):
    """Does it change the spool, or speak to the relay?"""
    return call.name in WEIGHTY and (
        "/spool" in call.args or
        call.name in ("sendto", "recvfrom", "exit_group"))


def points(calls, stride=1):
    """Every call killed and failed in every way.  With a stride a sample: a
    weighty call is always killed, and fails in every fifth way; of the rest
    every stride-th."""
    found, n = [], 0
    for i, call in enumerate(calls):
        faults = ["KILL"]
        if call.name not in NEVER_FAIL:
            faults += ERRORS
        for fault in faults:
            n += 1
            often = weighty(call) and (fault == "KILL" or n % 5 == 0)
            if stride == 1 or often or n % stride == 0:
                found.append(Point(i, call.name, call.nth, fault))
    return found


def stride(default):
    """1 with POSTHASTE_FULL, which runs every point."""
    return 1 if os.environ.get("POSTHASTE_FULL") else default
