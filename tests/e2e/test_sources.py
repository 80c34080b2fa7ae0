"""Where secrets come from: a real keyring, credentials, a person at a terminal.
"""
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import termios
import time

import pytest

from conftest import cannot
from lib.check import BOB, silent
from lib.program import FROM, MESSAGE, PASSWORD, forms, program, sendmail

class Keyring:
    """gnome-keyring on a session bus of its own, unlocked; .env finds it."""

    def __init__(self, directory, locked=False):
        self.dir = directory
        for name in ("run", "data"):
            (directory / name).mkdir(parents=True)
        (directory / "run").chmod(0o700)
        self.env = {"HOME": str(directory), "PATH": "/usr/bin:/bin",
                    "XDG_RUNTIME_DIR": str(directory / "run"),
                    "XDG_DATA_HOME": str(directory / "data")}
        self.bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.env)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = \
            self.bus.stdout.readline().decode().strip()
        self.daemon = None
        if not locked:
            self.unlock()

    def unlock(self):
        self.daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock",
             "--components=secrets"], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.env)
        self.daemon.stdin.write(b"of the keyring")
        self.daemon.stdin.close()
        return self

    def store(self, secret, *attributes):
        subprocess.run(["secret-tool", "store", "--label=test", *attributes],
                       input=secret.encode(), env=self.env, check=True,
                       timeout=20, stderr=subprocess.DEVNULL)

    def stop(self):
        for proc in (self.daemon, self.bus):
            if proc:
                proc.terminate()
                proc.wait(10)
        self.bus.stdout.close()


@pytest.fixture
def keyring(tmp):
    for tool in ("secret-tool", "gnome-keyring-daemon", "dbus-daemon"):
        if not shutil.which(tool):
            cannot("%s is missing" % tool)
    ring = Keyring(tmp / "keyring")
    yield ring
    ring.stop()


def test_keyring(secure, keyring):
    """The password out of a real keyring, under the names that msmtp uses."""
    r, h = secure(password="keyring")
    h.env.update({k: keyring.env[k] for k in
                  ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")})
    h.config.chmod(0o644)		# it holds no secret
    run = h.run("-f", FROM, BOB)
    assert run.status == 78, run
    assert len(run.lines()) == 1 and "secret-tool store" in run.err, run
    assert r.connected() <= 1 and not r.said("MAIL"), r.commands()
    # What it says to do is what helps.
    words = re.search(r'store it by "secret-tool store --label=posthaste '
                      r'(host .*)"', run.err).group(1)
    keyring.store(PASSWORD, *shlex.split(words))
    silent(h.run("-f", FROM, BOB))
    assert r.events("auth")[-1]["ok"]
    run = h.set(password=None).run("--password=keyring", "-f", FROM, BOB)
    assert run.status == 0, run


def test_keyring_not_there(secure, tmp):
    """No bus, no secret-tool, one that hangs: one line that says what to do."""
    r, h = secure(password="keyring")
    run = h.run("-f", FROM, BOB, env={"XDG_RUNTIME_DIR": None})
    assert run.status == 78 and "session bus" in run.err, run
    assert len(run.lines()) == 1, run
    run = h.run("-f", FROM, BOB, env={"PATH": str(tmp)})
    assert run.status == 78 and "libsecret-tools" in run.err, run
    tool = tmp / "secret-tool"
    tool.write_text("#!/bin/sh\nexec sleep 100\n")
    tool.chmod(0o755)
    h.set(timeout_command=1)
    run = h.run("-f", FROM, BOB, env={"PATH": "%s:/usr/bin:/bin" % tmp})
    assert run.status == 75 and "locked" in run.err, run
    assert run.elapsed < 8, run


def test_credential(secure, tmp):
    """password_file = credential:NAME is what the service manager has put."""
    r, h = secure(password=None, password_file="credential:relay")
    creds = tmp / "credentials"
    creds.mkdir()
    (creds / "relay").write_text(PASSWORD)
    (creds / "relay").chmod(0o440)	# as systemd's access list looks
    env = {"CREDENTIALS_DIRECTORY": str(creds)}
    silent(h.run("-f", FROM, BOB, env=env))
    assert r.events("auth")[-1]["ok"]
    run = h.run("-f", FROM, BOB)
    assert run.status == 78 and "LoadCredential=relay:" in run.err, run
    assert h.run("--check-config").status == 0	# by whom is no service
    assert h.run("--check-config", env=env).status == 0
    (creds / "relay").rename(creds / "other")
    for argv in (["-f", FROM, BOB], ["--check-config"]):
        run = h.run(*argv, env=env)
        assert run.status == 78 and "no credential 'relay'" in run.err, run
    for name in ("../relay", "", "..", "a/b"):
        run = h.set(password_file="credential:" + name).run(
            "-f", FROM, BOB, env=env)
        assert run.status == 78 and "name of a credential" in run.err, run


class Terminal:
    """Run the program on a terminal of its own, with stdin from elsewhere."""

    def __init__(self, h, *argv, exe=None, stdin=MESSAGE):
        self.master, slave = pty.openpty()
        self.h, self.shown = h, b""
        name = os.ttyname(slave)
        r, w = os.pipe()
        os.write(w, stdin)
        os.close(w)
        self.out = tempfile.TemporaryFile()

        def become_its_owner():
            os.setsid()
            fd = os.open(name, os.O_RDWR)	# the controlling terminal
            os.close(fd)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.proc = subprocess.Popen(
            [str(exe or program()), *argv], stdin=r, stdout=self.out,
            stderr=subprocess.STDOUT, env=h.env, cwd="/",
            preexec_fn=become_its_owner)
        os.close(r)
        self.slave = slave		# kept, or it would hang up

    def wait_for(self, text, seconds=10):
        end = time.monotonic() + seconds
        while text not in self.shown and time.monotonic() < end:
            if select.select([self.master], [], [], 0.1)[0]:
                self.shown += os.read(self.master, 4096)
        return text in self.shown

    def type(self, keys):
        os.write(self.master, keys)

    def finish(self):
        status = self.proc.wait(20)
        self.wait_for(b"\0", 0.2)
        echo = termios.tcgetattr(self.slave)[3] & termios.ECHO
        os.close(self.slave)
        os.close(self.master)
        self.out.seek(0)
        text = self.out.read()
        self.out.close()
        assert echo, "the terminal is left without echo"
        for shown in (self.shown, text):
            for form in forms(PASSWORD):
                assert form not in shown, shown
        return status, text.decode()


QUESTION = b"Password for alice@example.org at 127.0.0.1: "


@pytest.mark.parametrize("password", ["prompt", None])
def test_prompt(secure, password):
    """Asked at the terminal before anything is connected to; the message is
    on stdin."""
    r, h = secure(password=password)
    h.env["TERM"] = "dumb"
    t = Terminal(h, "-f", FROM, BOB)
    assert t.wait_for(QUESTION), t.finish()
    time.sleep(0.3)
    assert r.connected() == 0
    t.type(PASSWORD.encode() + b"\n")
    status, text = t.finish()
    assert status == 0 and not text, (status, text)
    assert r.events("auth")[0]["ok"]
    assert t.shown == QUESTION + b"\r\n"
    # A wrong one is refused as any other, and not asked for again.
    t = Terminal(h, "-v", "-f", FROM, BOB)
    assert t.wait_for(QUESTION)
    t.type(b"wrong\n")
    status, text = t.finish()
    assert status == 195 and t.shown.count(QUESTION) == 1, (status, text)


def test_prompt_given_up(secure):
    """Ctrl-C, an empty answer, a deadline: nothing is sent, echo is back."""
    r, h = secure(password="prompt")
    for keys, want in ((b"abc\x03", -signal.SIGINT), (b"\n", 77),
                       (b"\x04", 77)):
        t = Terminal(h, "-f", FROM, BOB)
        assert t.wait_for(QUESTION), t.finish()
        t.type(keys)
        status, text = t.finish()
        assert status == want, (keys, status, text)
        assert (want < 0) != ("nothing was typed" in text), text
    t = Terminal(h, "--deadline=1", "-f", FROM, BOB)
    assert t.wait_for(QUESTION)
    status, text = t.finish()
    assert status == 75 and "nobody answered" in text, (status, text)
    t = Terminal(h, "-f", FROM, BOB)
    assert t.wait_for(QUESTION)
    os.kill(t.proc.pid, signal.SIGTERM)
    status, text = t.finish()
    assert status == 75 and "nothing was sent" in text, (status, text)
    assert r.connected() == 0


def test_nobody_to_ask(secure):
    """Without a terminal, as sendmail, and by a run over the queue."""
    r, h = secure(password="prompt")
    run = h.run("-f", FROM, BOB)
    assert run.status == 78 and "no terminal" in run.err, run
    t = Terminal(h, "--queue=tempfail", "-f", FROM, BOB)
    assert t.wait_for(QUESTION)
    t.type(b"\n")
    status, text = t.finish()
    assert status == 0 and "queued as" in text, (status, text)
    for argv in (["-qf"], ["-qf", "-v"]):
        t = Terminal(h, *argv, stdin=b"")
        status, text = t.finish()
        assert QUESTION not in t.shown, t.shown
        assert "nobody is asked" in text or "-v" not in argv, text
        assert BOB in h.run("-bp").out	# it waits, and is not returned
    t = Terminal(h, "-f", FROM, BOB, exe=sendmail())
    status, text = t.finish()
    assert QUESTION not in t.shown and status == 78, (status, text)
    assert "nobody is asked" in text, text
    h.set(password=None)
    t = Terminal(h, "-odi", "-f", FROM, BOB, exe=sendmail())
    status, text = t.finish()
    assert QUESTION not in t.shown, (status, text)
    assert not r.said("AUTH")


def test_source_of_the_command_line(secure, tmp):
    """It takes the place of the file's; two in the file are one too many."""
    r, h = secure(password=None, password_command="echo wrong")
    path = tmp / "pw"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    silent(h.run("--password-file=%s" % path, "-f", FROM, BOB))
    run = h.set(password_file=path).run("-f", FROM, BOB)
    assert run.status == 78 and "more than one" in run.err, run
