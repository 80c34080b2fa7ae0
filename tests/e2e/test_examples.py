"""Every example in README and the manual pages works as it is printed.

They are taken from the text: commands are run by a shell, with an account at
the test relay and with the files they name; configurations are checked, and
each of their accounts then sends a message.  The names of relays lead here.
"""
import pathlib
import re
import shlex
import shutil
import subprocess
import threading
import time

import pytest

from conftest import cannot
from lib.check import resolver
from lib.program import PASSWORD, SOURCE, TOKEN, program, sendmail
from lib.provider import Provider
from lib.relay import CAPS, MECHS
from lib.spool import until
from lib.trust import pin

PAGES = ["README", *("man/" + p.name for p in
                     sorted((SOURCE / "man").glob("posthaste.*")))]
COMMAND = re.compile(r"(^|[|;&(]\s*)(posthaste|sendmail|mailq|newaliases|"
                     r"secret-tool)( |$)")
SETTING = re.compile(r"[a-z_@*.][\w@*.+-]* *=|[;#]|\[|$")
ROFF = [("\\e", "\\"), ("\\-", "-"), ("\\(aq", "'"), ("\\(dq", '"'),
        ("\\&", ""), ("\\(ti", "~"), ("\\(ha", "^")]
# Stand-ins for what is not part of posthaste, by name: what they print.
STUBS = {"secret-tool": PASSWORD, "pg_dump": "CREATE TABLE t (i int);",
         "mysqldump": "CREATE TABLE t (i int);"}
STUB = "printf '%%s\\n' %s"
HOSTS = re.compile(r"(?:host *=|--host=) *([\w.-]+\.[\w.-]+)")
FILE = re.compile(r"--(?:attach|inline|text|html|calendar|message)="
                  r"'?([^\s;'|]+)|< *([\w./-]+)")
SOME = {".ics": b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n",
        ".html": b"<p>Hello <img src='cid:logo.png'></p>\n",
        "": b"From: alice@example.org\nTo: bob@example.org\nSubject: s\n\n"
            b"text\n"}


def joined(lines):
    """Lines that end in a backslash go on in the next one."""
    out = []
    for line in lines:
        if out and out[-1].endswith("\\"):
            out[-1] = out[-1][:-1] + line.strip()
        else:
            out.append(line)
    return out


def from_readme(text):
    """Blocks indented by four: commands one a line, and configurations; and
    commands within sentences."""
    commands, configs = re.findall(r"`(posthaste [^`\n]+)`", text), []
    for block in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", text, re.M):
        lines = [line[4:] for line in block.splitlines()]
        if any(line.startswith("[") and "]" in line and
               "OPTION" not in line for line in lines):
            configs.append("\n".join(lines) + "\n")
            continue
        for line in joined(lines):
            command = re.sub(r"^\$ ", "", line)
            if line != command or COMMAND.search(line):
                # What follows after three blanks explains it.
                commands.append(re.split(r" {3,}", command)[0])
    return commands, configs


def from_manual(text):
    """.Dl lines and literal displays."""
    for code, char in ROFF:
        text = text.replace(code, char)
    commands = re.findall(r"^\.Dl (.*)", text, re.M)
    configs = []
    for block in re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed", text, re.M):
        if block.startswith("[Service]"):
            continue		# a unit's lines, for systemd
        if all(SETTING.match(line) for line in block.splitlines()):
            configs.append(block)
        else:
            commands.append(block)
    return [re.sub(r"^\$ ", "", c, flags=re.M) for c in commands], configs


def examples():
    found = ([], [])
    for page in PAGES:
        text = (SOURCE / page).read_text()
        both = (from_readme if page == "README" else from_manual)(text)
        for kind in (0, 1):
            found[kind].extend((page, e) for e in both[kind])
    return found


COMMANDS, CONFIGS = examples()


def label(example):
    return example if example in PAGES else \
        re.sub(r"\W+", " ", example).strip()[:50]


def test_found():
    """So that a change in the texts' form does not lose their examples."""
    assert {page for page, _ in COMMANDS} >= {"README", "man/posthaste.1"}
    assert {page for page, _ in CONFIGS} >= {"README", "man/posthaste.5"}
    assert len(COMMANDS) >= 9 and len(CONFIGS) >= 8


class Place:
    """Where examples run: a home, stand-ins, and one relay for each mode."""

    def __init__(self, directory, certs, relay, home):
        self.dir, self.certs, self.start, self.relays = (
            directory, certs, relay, {})
        self.home = home()
        self.bin = directory / "bin"
        self.bin.mkdir()
        for name, text in STUBS.items():
            self.script(name, STUB % shlex.quote(text))
        for name in ("sendmail", "mailq", "newaliases"):
            (self.bin / name).symlink_to(sendmail())
        private = self.home.dir / ".config/posthaste"
        private.parent.mkdir()
        private.symlink_to(self.home.config.parent)

    def script(self, name, text):
        path = self.bin / name
        path.write_text("#!/bin/sh\n%s\n" % text)
        path.chmod(0o755)

    def relay(self, mode, user="alice@example.org"):
        """One that wants TLS in that mode, and this user or (None) nobody."""
        options = ["--tls=" + mode, "--certs=%s" % self.certs]
        if user:
            options += ["--auth=" + MECHS, "--user=" + user, "--require-auth",
                        "--password=" + PASSWORD, "--token=" + TOKEN]
        if (mode, user) not in self.relays:
            self.relays[mode, user] = self.start(*options, caps=CAPS)
        return self.relays[mode, user]

    def lead(self, relay):
        """posthaste on the PATH goes to that relay, whatever its name."""
        self.script("posthaste", "exec %s --port=%d --tls-trust=%s/ca.pem "
                    "--tls-name=localhost \"$@\"" % (
                        program(), relay.port, self.certs))

    def token(self, name):
        """As if somebody had logged in for that profile."""
        file = self.home.state / "posthaste/oauth2" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.parent.chmod(0o700)
        file.write_text("posthaste-token 1\naccess %s\nexpires %d\n"
                        "lifetime 3600\nend\n" % (TOKEN, time.time() + 3600))
        file.chmod(0o600)

    def run(self, text, hosts):
        env = dict(self.home.env, PATH="%s:/usr/bin:/bin" % self.bin,
                   **resolver(self.dir, dict.fromkeys(hosts, ["127.0.0.1"])))
        for name in FILE.findall(text):
            path = self.home.dir / pathlib.Path("".join(name)).name
            path.write_bytes(SOME.get(path.suffix, SOME[""]))
        with open(self.home.dir / "message", "wb") as f:
            f.write(SOME[""])
        with open(self.home.dir / "message", "rb") as stdin:
            done = subprocess.run(["sh", "-c", text], env=env, stdin=stdin,
                                  capture_output=True, timeout=60,
                                  cwd=self.home.dir)
        assert b"not found" not in done.stderr, done
        return done


@pytest.fixture
def place(tmp, certs, relay, home):
    return Place(tmp, certs, relay, home)


ACCOUNT = """\
[account work]
host = smtp.example.org
port = %d
tls_trust = %s/ca.pem
tls_name = localhost
user = alice@example.org
password_command = secret-tool lookup mail work
from = alice@example.org
"""


def logs_in(place, text, profile):
    """A person agrees, at a provider of the tests' own."""
    provider = Provider()
    place.home.write(ACCOUNT % (1, place.certs) + "[oauth2 %s]\n" % profile +
                     "".join("%s = %s\n" % kv for kv in
                             provider.settings().items()))
    agree = threading.Thread(target=lambda: until(
        lambda: provider.devices and provider.agree() is None, 20))
    agree.start()
    try:
        done = place.run(text, [])
    finally:
        agree.join()
        provider.stop()
    assert done.returncode == 0, done
    assert (place.home.state / "posthaste/oauth2" / profile).exists()


@pytest.mark.parametrize("page,text", COMMANDS, ids=label)
def test_command(place, page, text):
    """It ends well, says nothing of an error, and what sends has sent."""
    if re.search(r"\bjq\b", text) and not shutil.which("jq"):
        cannot("jq is not installed")
    r = place.relay("implicit")
    place.lead(r)
    login = re.search(r"^posthaste --oauth2-login=(\S+)$", text)
    if login:
        place.script("posthaste", "exec %s \"$@\"" % program())
        logs_in(place, text, login[1])
        return
    place.home.write(ACCOUNT % (r.port, place.certs))
    text = text.replace("=ID", "=all")	# of the queue, which is empty
    shutil.copy(place.certs / "good.pem", place.home.dir / "cert.pem")
    done = place.run(text, ["smtp.example.org", *HOSTS.findall(text)])
    assert done.returncode == 0, done
    assert b"posthaste: " not in done.stderr, done
    sends = COMMAND.search(text) and "secret-tool store" not in text and \
        not re.search(r"--(check-config|serverinfo|explain|print-config|"
                      r"dry-run|help|version|queue-)|-b[pivs]|mailq|newaliases|"
                      r"^posthaste -q", text)
    assert bool(r.messages(1 if sends else 0)) == bool(sends), done


def ours(text, certs):
    """The tests' own key, certificate and token, which is a file here."""
    text = re.sub(r"(tls_pin *=).*", lambda m: "%s %s" % (
        m[1], pin(certs / "good.pem")), text)
    text = re.sub(r"(tls_cert *=).*", r"\1 %s" % (certs / "client.pem"), text)
    text = re.sub(r"tls_key *=.*\n", "", text)
    return re.sub(r"(tls_cert *=.*\n)", r"\1tls_key = %s\n" % (
        certs / "client.key"), text)


@pytest.mark.parametrize("page,text", CONFIGS, ids=label)
def test_config(place, page, text):
    """It is a good configuration, and each account can send with it."""
    text = re.sub(r"= *(/\S+\.pem)", "= %s/ca.pem" % place.certs, text)
    text = ours(text, place.certs)
    text = re.sub(r"(password_file *=) */", r"\1 ~/", text)
    if "[account " not in text:
        text += ACCOUNT % (1, place.certs)
    place.home.write(text)
    for name in re.findall(r"^password_file *= *~/(\S+)", text, re.M):
        secret = place.home.dir / name
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
    for kind, name in re.findall(r"^(password|token)_command *= *([\w-]+)",
                                 text, re.M):
        place.script(name, STUB % {"password": PASSWORD, "token": TOKEN}[kind])
    for name in re.findall(r"^oauth2 *= *(\S+)", text, re.M):
        place.token(name)
    done = place.run("exec %s --check-config" % program(), [])
    assert done.returncode == 0 and not done.stderr, done
    # Nobody here has SRV records for it; test_srv.py has a name server.
    text = re.sub(r"(?m)^(host *= *)srv:", r"\1", text)
    place.home.write(text)
    sections = re.split(r"^\[account (\S+)\]\n", text, flags=re.M)[1:]
    for account, body in zip(sections[::2], sections[1::2]):
        settings = dict(re.findall(r"^(\w+) *= *(.*)", body, re.M))
        user = settings.get("user")
        sender = settings.get("from", user or "x@example.org").split(",")[0]
        r = place.relay(settings.get("tls", "implicit").split()[0], user)
        place.lead(r)
        n = len(r.messages())
        done = place.run("posthaste -a %s -f %s bob@example.net" % (
            account, sender.replace("*", "someone")), HOSTS.findall(body))
        assert done.returncode == 0 and not done.stderr, done
        assert len(r.messages(n + 1)) == n + 1
