"""posthaste as its callers see it: argv and stdin in; streams and status out.

Every run is held to what must always be true: stderr is printable, one
`posthaste: ` or `sendmail: ` line a fact; no secret is on either stream in any
encoding; the peak memory stays under 32 MiB; it ends within its deadline.
"""
import base64
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[2]
SANITIZED = "SAN" in os.environ and os.environ["SAN"] != ""
OBJ = SOURCE / "obj"

USER = "alice@example.org"
PASSWORD = "Open-Sesame-4711"
TOKEN = "ya29.a0AfH6SMBx-tOkEn-9F"
FROM = "alice@example.org"
MAILNAME = "host.example.net"
RSS_MAX = 32 << 20
MESSAGE = (b"From: Alice <alice@example.org>\nTo: bob@example.net\n"
           b"Subject: hello\n\nhello, world\n")
# Marks a line of the -v dialogue; anything else must carry our name.
TRACE = ("C: ", "S: ", "> ", "< ", "*: ", "-- ", "  ")


def root():
    """The DESTDIR tree that `make install install-sendmail` made."""
    if os.environ.get("POSTHASTE_ROOT"):
        return pathlib.Path(os.environ["POSTHASTE_ROOT"])
    return OBJ / "root"


def program():
    return root() / "usr/local/bin/posthaste"


def sendmail():
    return root() / "usr/local/sbin/sendmail"


def forms(secret, user=USER):
    """Every way in which a secret could be shown, as bytes to look for."""
    if not secret:
        return []
    raw = secret.encode() if isinstance(secret, str) else secret
    found = {raw, base64.b64encode(raw), raw.hex().encode(),
             raw.hex().upper().encode(),
             base64.b64encode(b"\0" + user.encode() + b"\0" + raw)}
    for pad in range(3):	# inside any longer base64, at each alignment
        coded = base64.b64encode(b"x" * pad + raw).rstrip(b"=")
        found.add(coded[4 if pad else 0:-2])
    return [f for f in found if len(f) >= 6]


class Run:
    """What became of one run."""

    def __init__(self):
        self.argv, self.stdout, self.stderr = [], b"", b""
        self.status, self.rss, self.cpu, self.elapsed = None, 0, 0.0, 0.0
        self.pid = None
        self.writer = None	# signal or error that hit whoever fed stdin

    @property
    def err(self):
        return self.stderr.decode("utf-8", "replace")

    @property
    def out(self):
        return self.stdout.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.stdout)

    def lines(self):
        """stderr without the dialogue."""
        return [line for line in self.err.splitlines()
                if not line.startswith(TRACE)]

    def __repr__(self):
        return "%s\nstatus %s after %.2f s\nstdout: %r\nstderr: %s" % (
            " ".join(map(repr, self.argv))[:600], self.status, self.elapsed,
            self.stdout[:3000], self.err[:3000])


def check_printable(run):
    text = run.stderr.decode("utf-8")	# must be UTF-8 at all
    for c in text:
        assert c in "\n\t" or (ord(c) >= 0x20 and not 0x7f <= ord(c) < 0xa0 and
                               not 0x202a <= ord(c) <= 0x202e and
                               not 0x2066 <= ord(c) <= 0x2069), (c, run)
    for line in run.lines():
        assert line.startswith(("posthaste: ", "sendmail: ", "mailq: ",
                                "newaliases: ")), (line, run)


def check_secrets(run, secrets):
    for secret in secrets:
        for form in forms(secret):
            assert form not in run.stdout, (form, run)
            assert form not in run.stderr, (form, run)


class Feeder(threading.Thread):
    """Writes stdin, in pieces with pauses, as a caller would; learns of EPIPE."""

    def __init__(self, fd, pieces):
        super().__init__(daemon=True)
        self.fd, self.pieces, self.error = fd, pieces, None

    def run(self):
        try:
            for piece in self.pieces:
                if isinstance(piece, (int, float)):
                    time.sleep(piece)
                    continue
                view = memoryview(piece)
                while view:
                    view = view[os.write(self.fd, view[:1 << 20]):]
        except OSError as e:
            self.error = e
        finally:
            os.close(self.fd)


class Drain(threading.Thread):
    def __init__(self, fd):
        super().__init__(daemon=True)
        self.fd, self.got = fd, bytearray()

    def run(self):
        while True:
            piece = os.read(self.fd, 1 << 16)
            if not piece:
                break
            self.got += piece
        os.close(self.fd)


class Started:
    """A running program.  finish() waits for it and checks it."""

    def __init__(self, argv, exe, env, **more):
        stdin = more.get("stdin", b"")
        self.seconds = more.get("seconds", 30)
        self.secrets = more.get("secrets", ())
        self.rss_max = more.get("rss_max", RSS_MAX)
        self.run = Run()
        self.run.argv = list(argv)
        job = {"argv": [a if isinstance(a, str) and a.isascii() else
                        (a.encode() if isinstance(a, str) else a)
                        .decode("latin-1") for a in argv],
               "exe": str(exe), "cwd": str(more.get("cwd", "/")),
               "env": {k: v.encode().decode("latin-1")
                       for k, v in env.items()},
               "close": list(more.get("close", ())),
               "limits": more.get("limits", {}),
               "uid": more.get("uid"), "gid": more.get("gid")}
        self.start = time.monotonic()
        self._spawn(job, stdin, list(more.get("fds", ())))

    def _spawn(self, job, stdin, fds):
        self.feeder = None
        job_r, job_w = os.pipe()
        status_r, status_w = os.pipe()
        out_r, out_w = os.pipe()
        err_r, err_w = os.pipe()
        if isinstance(stdin, (bytes, bytearray)):
            stdin = [stdin]
        if isinstance(stdin, (list, tuple)):
            in_r, in_w = os.pipe()
            self.feeder = Feeder(in_w, stdin)
        else:
            in_r = os.dup(stdin if isinstance(stdin, int) else stdin.fileno())
        self.launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", str(HERE / "launch.py"),
             str(job_r), str(status_w)],
            stdin=subprocess.DEVNULL, stdout=out_w, stderr=err_w,
            pass_fds=[job_r, status_w, in_r, *fds], cwd="/")
        for fd in (in_r, out_w, err_w, status_w, job_r):
            os.close(fd)
        job["stdin"] = in_r
        with os.fdopen(job_w, "wb") as f:
            f.write(json.dumps(job).encode())
        self.out, self.err = Drain(out_r), Drain(err_r)
        self.out.start()
        self.err.start()
        self.status = os.fdopen(status_r, "rb")
        self.run.pid = self.pid = json.loads(self.status.readline())["pid"]
        if self.feeder:
            self.feeder.start()

    def signal(self, sig):
        os.kill(self.pid, sig)

    def alive(self):
        return not select.select([self.status], [], [], 0)[0]

    def finish(self, check=True):
        run = self.run
        left = self.start + self.seconds - time.monotonic()
        ready = select.select([self.status], [], [], max(left, 0))[0]
        if not ready:
            os.kill(self.pid, signal.SIGKILL)
        result = json.loads(self.status.readline())
        self.status.close()
        self.launcher.wait()
        run.elapsed = time.monotonic() - self.start
        for drain in (self.out, self.err):
            drain.join(5)
        run.stdout, run.stderr = bytes(self.out.got), bytes(self.err.got)
        # A build that counts lines says so when another user may not write.
        run.stderr = re.sub(rb"(?m)^profiling:.*\n", b"", run.stderr)
        run.status, run.rss, run.cpu = (result["status"], result["rss"],
                                        result["cpu"])
        if self.feeder:
            self.feeder.join(5)
            run.writer = self.feeder.error
        assert ready, ("still running after %s s" % self.seconds, run)
        if check:
            self._check()
        return run

    def _check(self):
        run = self.run
        assert run.status >= 0, ("killed by signal", run)
        assert run.status != 125, ("could not be run", run)
        assert "Sanitizer" not in run.err and "runtime error" not in run.err, run
        check_printable(run)
        check_secrets(run, self.secrets)
        if not SANITIZED and self.rss_max:
            assert run.rss <= self.rss_max, ("%d KiB resident" %
                                             (run.rss >> 10), run)


class Home:
    """A caller's home: a configuration, and the program run with it."""

    def __init__(self, directory, port=None, **settings):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.config = self.dir / "config/posthaste/config"
        self.config.parent.mkdir(parents=True)
        self.spool = self.dir / "spool"
        self.state = self.dir / "state"
        self.state.mkdir()
        self.secrets = [PASSWORD, TOKEN]
        self.general = {"mailname": MAILNAME}
        self.settings = {
            "host": "127.0.0.1", "port": port, "tls": "none", "auth": "none",
            "timeout_connect": 5, "timeout_tls": 5, "timeout_command": 5,
            "timeout_data": 5, "timeout_end": 5, "queue": "never"}
        self.env = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.dir),
            "XDG_CONFIG_HOME": str(self.dir / "config"),
            "XDG_STATE_HOME": str(self.state)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
                     "LLVM_PROFILE_FILE", "GCOV_PREFIX"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.set(**settings)

    def set(self, **settings):
        """Change account settings (None removes one) and write the file."""
        for key, value in settings.items():
            self.settings[key] = value
        self.write(self.text())
        return self

    def text(self):
        lines = ["[posthaste]"]
        lines += ["%s = %s" % kv for kv in self.general.items()]
        lines += ["[account test]"]
        lines += ["%s = %s" % kv for kv in self.settings.items()
                  if kv[1] is not None]
        return "\n".join(lines) + "\n"

    def write(self, text, mode=0o600):
        if isinstance(text, str):
            if text.startswith("[posthaste]\n") and "[queue]" not in text:
                # Nothing of root's goes to the machine's own spool.
                text += "[queue]\nspool = %s\n" % self.spool
            text = text.encode()
        self.config.write_bytes(text)
        self.config.chmod(mode)
        return self

    def login(self, relay_dir=None, password=PASSWORD, **settings):
        """Settings for TLS by the tests' CA and AUTH."""
        more = {"auth": "auto", "user": USER, "password": password,
                "from": FROM}
        more.update(settings)
        return self.set(**more)

    def start(self, *argv, stdin=MESSAGE, exe=None, name=None, env=None,
              **more):
        exe = exe or program()
        environ = dict(self.env)
        environ.update(env or {})
        environ = {k: v for k, v in environ.items() if v is not None}
        more.setdefault("secrets", self.secrets)
        return Started([name or str(exe), *argv], exe, environ, stdin=stdin,
                       **more)

    def run(self, *argv, check=True, **more):
        return self.start(*argv, **more).finish(check)

    def sendmail(self, *argv, **more):
        """Run as the installed sendmail link."""
        more.setdefault("exe", sendmail())
        return self.run(*argv, **more)

    def report(self, *argv, **more):
        """Run with --report=json; the run, whose .json is the report."""
        return self.run("--report=json", *argv, **more)


def workdir():
    """A directory that other users may enter, unlike pytest's own."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="posthaste-e2e-"))
    path.chmod(0o755)
    return path
