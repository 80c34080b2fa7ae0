"""The test relay (tests/relay) as a fixture: start it, and read what it saw."""
import json
import os
import pathlib
import subprocess
import threading
import time

from .program import OBJ, PASSWORD, TOKEN, USER

CAPS = "PIPELINING,8BITMIME,SIZE 300000000,DSN,ENHANCEDSTATUSCODES,SMTPUTF8"
CHUNKING = CAPS + ",CHUNKING"
# CALLERS.md section 5's relay.
CALLERS_CAPS = "PIPELINING,SIZE 10485760,8BITMIME,DSN,ENHANCEDSTATUSCODES"
MECHS = ("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS "
         "SCRAM-SHA-256-PLUS XOAUTH2 OAUTHBEARER")


def binary():
    if os.environ.get("RELAY"):
        return pathlib.Path(os.environ["RELAY"])
    return OBJ / "tests/relay/relay"


def make_certs(directory):
    subprocess.run([str(binary()), "--make-certs=%s" % directory], check=True,
                   stdin=subprocess.DEVNULL, timeout=60)
    return pathlib.Path(directory)


class Relay:
    """One relay process.  .port, .ports, .unix; events(); messages()."""

    count = 0

    def __init__(self, directory, *options, listen=("127.0.0.1:0",),
                 caps=CAPS, store=True, raw=True, prefix=()):
        Relay.count += 1
        self.dir = pathlib.Path(directory) / ("relay%d" % Relay.count)
        for sub in ("store", "raw"):
            (self.dir / sub).mkdir(parents=True)
        argv = [*prefix, str(binary()), "--log=%s" % (self.dir / "log")]
        argv += ["--raw=%s" % (self.dir / "raw")] if raw else []
        argv += ["--listen=%s" % where for where in listen]
        argv += ["--store=%s" % (self.dir / "store")] if store else []
        argv += ["--caps=%s" % caps] if caps is not None else []
        self.argv = argv + list(options)
        self.stderr = open(self.dir / "stderr", "wb")
        self.proc = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE,
                                     stderr=self.stderr)
        self.ports, self.proxies = [], []
        self._ready()

    def _ready(self):
        guard = threading.Timer(15, self.proc.kill)
        guard.start()
        try:
            for line in self.proc.stdout:
                words = line.decode().split()
                if words[:1] == ["listening"] and ":" in words[1] and \
                        not words[1].startswith("unix:"):
                    self.ports.append(int(words[1].rsplit(":", 1)[1]))
                if words[:1] == ["ready"]:
                    return
        finally:
            guard.cancel()
        raise AssertionError("the relay did not start: %s\n%s" % (
            self.argv, (self.dir / "stderr").read_text()))

    @property
    def port(self):
        return self.ports[0]

    def all_events(self):
        text = (self.dir / "log").read_text() if \
            (self.dir / "log").exists() else ""
        return [json.loads(line) for line in text.splitlines(True)
                if line.endswith("\n") and line.strip()]

    def events(self, kind):
        return [e for e in self.all_events() if e["event"] == kind]

    def wait(self, kind, n=1, seconds=5):
        """The events of a kind, once there are n of them."""
        end = time.monotonic() + seconds
        while True:
            got = self.events(kind)
            if len(got) >= n or time.monotonic() > end:
                return got
            time.sleep(0.01)

    def connected(self):
        return len(self.events("connect"))

    def commands(self, verb=None):
        """Command lines as received, all connections in order."""
        got = [e.get("line", e.get("command", "")) for e in
               self.events("command")]
        if verb is None:
            return got
        return [c for c in got if c.upper().startswith(verb.upper())]

    def said(self, verb):
        return bool(self.commands(verb))

    def settled(self, seconds=5):
        """Wait until every connection has ended; returns the events."""
        self.wait("end", self.connected(), seconds)
        return self.all_events()

    def messages(self, n=None):
        if n is not None:
            self.wait("message", n)
        return self.events("message")

    def stored(self, n=1):
        """The octets of message n (from 1), dots unstuffed."""
        self.wait("message", n)
        return (self.dir / "store" / ("%d.eml" % n)).read_bytes()

    def raw(self):
        """Every octet a client sent, by file name."""
        self.settled()
        return {f.name: f.read_bytes()
                for f in sorted((self.dir / "raw").iterdir())}

    def stop(self):
        self.proc.terminate()
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc.stdout.close()
        self.stderr.close()
        text = (self.dir / "stderr").read_text(errors="replace")
        assert "Sanitizer" not in text, text


def tls(certs, cert="good", mode="implicit"):
    return ["--tls=%s" % mode, "--certs=%s" % certs, "--cert=%s" % cert]


def auth(mechs=MECHS):
    return ["--auth=%s" % mechs, "--user=%s" % USER,
            "--password=%s" % PASSWORD, "--token=%s" % TOKEN, "--require-auth"]
