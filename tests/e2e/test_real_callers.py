"""Real programs send their mail through the installed `sendmail`.

Each is run twice: told where sendmail is, and left to find it where it was
compiled to look.  For that the installed copy is put over the machine's own,
in a mount namespace that ends with the program, so the machine stays as it is.
"""
import email
import email.policy
import functools
import os
import shutil
import signal
import subprocess
import sys

import pytest

from conftest import cannot
from lib.check import body, canonical, values
from lib.program import MAILNAME, root, sendmail

ME, A, B, C, D = ("me@example.net", "a@example.org", "b@example.org",
                  "c@example.org", "d@example.org")
TEXT = "first\n.\n..two\nFrom here\n\nlast, in Tōkyō\n"
PACKAGES = {"mutt": "mutt", "s-nail": "s-nail", "bsd-mailx": "bsd-mailx",
            "/usr/sbin/cron": "cron", "php": "php-cli", "git": "git",
            "perl": "libemail-sender-perl"}


def need(name, *probe):
    """Without the program there is nothing to test."""
    if not shutil.which(name) or probe and subprocess.run(
            probe, stdin=subprocess.DEVNULL, capture_output=True).returncode:
        cannot("%s is missing (Debian: %s)" % (
            probe[-1] if probe else name, PACKAGES.get(name, name)))


@functools.lru_cache(None)
def private_mounts():
    if os.geteuid() != 0:
        return "a mount namespace needs root"
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    return None if done.returncode == 0 else done.stderr.decode()


def installed(directory, mounts=()):
    """An argv prefix: run what follows where `make install-sendmail` was done.

    mounts are (what, where) to be put in place as well; what is copied into
    directory/sbin beforehand is found in /usr/sbin.
    """
    if private_mounts():
        cannot(private_mounts())
    sbin = directory / "sbin"
    sbin.mkdir(exist_ok=True)
    (sbin / "sendmail").symlink_to("/usr/local/sbin/sendmail")
    local = root() / "usr/local"
    pairs = [(local / "bin", "/usr/local/bin"),
             (local / "sbin", "/usr/local/sbin"), (sbin, "/usr/sbin"),
             *mounts]
    script = "".join("mount --bind '%s' '%s'\n" % pair for pair in pairs)
    return ["unshare", "-m", "sh", "-ec", script + 'exec "$@"', "sh"]


class Mail:
    def __init__(self, event, data):
        canonical(data)
        self.data, self.body = data, body(data)
        self.sender = event["from"].strip("<>")
        self.rcpts = [r["address"] for r in event["rcpts"]]
        self.params = str(event["params"])
        self.rcpt_params = str([r["params"] for r in event["rcpts"]])
        self.parsed = email.message_from_bytes(data,
                                               policy=email.policy.SMTP)

    def __getitem__(self, name):
        return values(self.data, name)

    def text(self):
        """The text part, decoded."""
        return self.parsed.get_body(("plain",)).get_content().replace(
            "\r\n", "\n")

    def attached(self):
        return [(part.get_filename(), part.get_payload(decode=True))
                for part in self.parsed.iter_attachments()]


class Caller:
    """A program's surroundings: .sendmail is its path, or None if it has to
    be found; run() starts a program, mail(n) is the nth that arrived."""

    def __init__(self, relay, home, directory, told):
        self.relay, self.home, self.dir = relay, home, directory
        self.sendmail = str(sendmail()) if told else None
        self.prefix = [] if told else installed(directory)
        self.env = dict(home.env, LANG="C.UTF-8", LC_ALL="C.UTF-8",
                        TERM="dumb", EMAIL=ME, GIT_CONFIG_NOSYSTEM="1")

    def run(self, *argv, stdin="", status=0, env=None, **more):
        done = subprocess.run(
            [*self.prefix, *map(str, argv)], input=stdin.encode(),
            capture_output=True, timeout=60, env={**self.env, **(env or {})},
            cwd=str(more.pop("cwd", self.dir)), **more)
        if status is not None:
            assert done.returncode == status, done
        return done

    def mail(self, n=1):
        return Mail(self.relay.messages(n)[n - 1], self.relay.stored(n))

    def only(self):
        mail = self.mail()
        self.relay.settled()
        assert len(self.relay.messages()) == self.relay.connected() == 1
        return mail

    def file(self, name, data):
        path = self.dir / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path


@pytest.fixture(params=["told", "installed"])
def caller(request, relay, home, tmp):
    r = relay()
    return Caller(r, home(r.port), tmp, request.param == "told")


@pytest.fixture
def refusing(relay, home, tmp, request):
    r = relay("--reply=RCPT=%s" % request.param)
    return Caller(r, home(r.port), tmp, True)


# -- user agents ----------------------------------------------------------------

def mutt(c, *argv, **more):
    need("mutt")
    rc = ["set copy=no", "set from='%s'" % ME, "set use_envelope_from=yes",
          "set realname='Jane, Doe'", "set charset=utf-8",
          "set dsn_notify='failure,delay'", "set dsn_return=hdrs"]
    if c.sendmail:
        rc.append("set sendmail='%s -oem -oi'" % c.sendmail)
    return c.run("mutt", "-n", "-F", c.file("muttrc", "\n".join(rc) + "\n"),
                 *argv, stdin=TEXT, **more)


def s_nail(c, *argv, **more):
    need("s-nail")
    told = ["-S", "mta=%s" % c.sendmail] if c.sendmail else []
    return c.run("s-nail", "-:/", "-S", "v15-compat", "-S", "sendwait",
                 "-S", "ttycharset=utf-8", *told, "-r", ME, *argv,
                 stdin=TEXT, **more)


def bsd_mailx(c, *argv, **more):
    need("bsd-mailx")
    rc = c.file("mailrc", "set sendmail=%s\n" % c.sendmail if c.sendmail
                else "set ask\n")
    return c.run("bsd-mailx", "-n", *argv, stdin=TEXT,
                 env={"MAILRC": str(rc)}, **more)


def test_mutt(caller):
    blob = bytes(range(256)) * 300
    done = mutt(caller, "-s", "Grüße", "-a", caller.file("b.bin", blob),
                "-c", C, "-b", B, "--", A)
    assert done.stderr == b"" and done.stdout == b"", done
    m = caller.only()
    assert m.sender == ME and sorted(m.rcpts) == [A, B, C]
    assert "RET=HDRS" in m.params and "NOTIFY=FAILURE,DELAY" in m.rcpt_params
    assert m.parsed["subject"] == "Grüße"
    assert m.parsed["from"].addresses[0].display_name == "Jane, Doe"
    assert m.text() == TEXT
    assert m.attached() == [("b.bin", blob)]


def test_s_nail(caller):
    blob = os.urandom(5000)
    done = s_nail(caller, "-s", "Grüße", "-a", caller.file("b.bin", blob),
                  "-c", C, "-b", B, A)
    assert done.stderr == b"" and done.stdout == b"", done
    m = caller.only()
    assert m.sender == ME and sorted(m.rcpts) == [A, B, C]
    assert m.parsed["subject"] == "Grüße"
    assert m.text() == TEXT
    assert m.attached() == [("b.bin", blob)]


def test_bsd_mailx(caller):
    """It writes neither From nor Date nor Message-ID itself."""
    done = bsd_mailx(caller, "-s", "subject", "-r", ME, "-c", C, "-b", B, A)
    assert done.stderr == b"" and done.stdout == b"", done
    m = caller.only()
    assert m.sender == ME and sorted(m.rcpts) == [A, B, C]
    assert m["To"] == [A.encode()] and m["Cc"] == [C.encode()]
    assert m["From"][0].endswith(b"<%s>" % ME.encode()) or \
        m["From"] == [ME.encode()]
    assert m.text() == TEXT


def test_smartd(caller):
    """smartd's runner hands a report to mail(1)."""
    bsd_mailx(caller, "-s", "SMART error (FailedOpenDevice)", A, B)
    m = caller.only()
    assert m.rcpts == [A, B]
    assert m.sender.endswith("@" + MAILNAME)
    assert m.text() == TEXT


# -- git ------------------------------------------------------------------------

def git(c, *argv, **more):
    return c.run("git", "-c", "user.name=Jane Doe", "-c", "user.email=" + ME,
                 *argv, **more)


def repository(c):
    """Two commits on top of a root, as a series of patches; their bodies."""
    need("git", "git", "send-email", "--dump-aliases")
    where = c.dir / "repo"
    where.mkdir()
    git(c, "init", "-q", cwd=where)
    for i, text in enumerate(("one\n", "one\n.\n\ttwo\n", "dréi\n.\n")):
        (where / "file").write_text(text)
        git(c, "add", "file", cwd=where)
        git(c, "commit", "-q", "-m",
            "change %d\n\nCc: Cee <%s>\nSigned-off-by: Dé <%s>" % (i, C, D),
            cwd=where)
    git(c, "format-patch", "-q", "-o", "out", "--root", "-2", cwd=where)
    return where, [body(p.read_bytes().replace(b"\n", b"\r\n"))
                   for p in sorted((where / "out").iterdir())]


@pytest.mark.parametrize("how", ["--sendmail-cmd", "smtpServer"])
def test_git_send_email(caller, how):
    where, bodies = repository(caller)
    told = []
    if caller.sendmail and how == "smtpServer":
        git(caller, "config", "sendemail.smtpServer", caller.sendmail,
            cwd=where)
    elif how == "--sendmail-cmd":
        told = ["--sendmail-cmd=%s -i" % (caller.sendmail or "sendmail")]
    git(caller, "send-email", *told, "--confirm=never", "--to=" + A,
        "--bcc=" + B, "--envelope-sender=bounce@example.net", "out", cwd=where,
        env={"PATH": "/usr/sbin:/usr/bin:/bin"})
    for n in (1, 2):
        m = caller.mail(n)
        assert m.sender == "bounce@example.net"
        assert set(m.rcpts) == {A, B, C, D, ME}
        assert m["Subject"] == [b"[PATCH %d/2] change %d" % (n, n)]
        assert m["From"] == [b"Jane Doe <%s>" % ME.encode()]
        assert m.body == bodies[n - 1]
    assert caller.mail(2)["In-Reply-To"] == caller.mail(1)["Message-Id"]


# -- languages ------------------------------------------------------------------

PHP = r"""
$headers = "From: Jane <%s>\r\nCc: %s\r\nBcc: %s\r\n" .
    "Content-Type: text/plain; charset=utf-8\r\nX-Mixed: yes";
echo mail('%s', 'a subject', "%s", $headers, '-f%s') ? 'sent' : 'failed';
"""


def php(c, **more):
    need("php")
    told = ["-d", "sendmail_path=%s -t -i" % c.sendmail] if c.sendmail else []
    code = PHP % (ME, C, B, A, TEXT.replace("\n", "\\n"), ME)
    return c.run("php", "-n", *told, "-r", code, **more)


def test_php_mail(caller):
    """CRLF ends the header lines and LF those of the text."""
    done = php(caller)
    assert done.stdout == b"sent" and done.stderr == b"", done
    m = caller.only()
    assert m.sender == ME and sorted(m.rcpts) == [A, B, C]
    assert m["From"] == [b"Jane <%s>" % ME.encode()]
    assert m["X-Mixed"] == [b"yes"]
    assert m.text().rstrip("\n") == TEXT.rstrip("\n")


PYTHON = """
import email.message, subprocess, sys
m = email.message.EmailMessage()
m["From"], m["To"], m["Cc"], m["Bcc"] = "{0}", "{1}, {1}", "{2}", "{3}"
m["Subject"] = "Grüße"
m.set_content({4!r})
m.add_attachment(bytes(range(256)), maintype="application",
                 subtype="octet-stream", filename="データ.bin")
done = subprocess.run([sys.argv[1], "-t", "-oi"], input=m.as_bytes())
sys.exit(done.returncode)
"""


def python(c, **more):
    code = PYTHON.format(ME, A, C, B, TEXT)
    return c.run(sys.executable, "-I", "-c", code,
                 c.sendmail or "/usr/sbin/sendmail", **more)


def test_python_subprocess(caller):
    done = python(caller)
    assert done.stdout == b"" and done.stderr == b"", done
    m = caller.only()
    assert sorted(m.rcpts) == [A, B, C]
    assert m.parsed["subject"] == "Grüße"
    assert m.text() == TEXT
    assert m.attached() == [("データ.bin", bytes(range(256)))]


PERL = r"""
use strict; use Email::Simple; use Email::Sender::Simple qw(try_to_sendmail);
use Email::Sender::Transport::Sendmail;
my ($path, $from, @to) = @ARGV;
my $mail = Email::Simple->create(
    header => [From => $from, To => $to[0], Subject => 'from perl'],
    body => "one\n.\n..two\n");
my $by = Email::Sender::Transport::Sendmail->new($path ? { sendmail => $path }
    : {});
exit(try_to_sendmail($mail, { from => $from, to => \@to, transport => $by })
    ? 0 : 1);
"""


def perl(c, **more):
    need("perl", "perl", "-MEmail::Sender::Transport::Sendmail", "-e", "1")
    return c.run("perl", "-e", PERL, c.sendmail or "", ME, A, B,
                 env={"PATH": "/usr/sbin:/usr/bin:/bin"}, **more)


def test_email_sender(caller):
    done = perl(caller)
    assert done.stdout == b"" and done.stderr == b"", done
    m = caller.only()
    assert m.sender == ME and m.rcpts == [A, B]
    assert m["Subject"] == [b"from perl"] and m["To"] == [A.encode()]
    assert m.body == b"one\r\n.\r\n..two\r\n"


# -- pipelines ------------------------------------------------------------------

MDADM = """\
From: mdadm monitoring <root@%s>
To: %s
Subject: DegradedArray event on /dev/md0:web1

This is an automatically generated mail message
P.S. The /proc/mdstat file currently contains the following:

Personalities : [raid1]
md0 : active raid1 sda1[0]
      1 blocks [2/1] [U_]
""" % (MAILNAME, A)


def test_mdadm(caller):
    """A shell's pipe into sendmail -t, as mdadm's popen() makes it."""
    caller.run("sh", "-c", "printf '%s' \"$1\" | " +
               (caller.sendmail or "/usr/sbin/sendmail") + " -t", "sh", MDADM)
    m = caller.only()
    assert m.rcpts == [A]
    assert m["From"] == [b"mdadm monitoring <root@%s>" % MAILNAME.encode()]
    assert m["Subject"] == [b"DegradedArray event on /dev/md0:web1"]
    assert m.body == MDADM.split("\n\n", 1)[1].replace(
        "\n", "\r\n").encode()


def test_slow_pipeline(caller):
    """logwatch keeps the pipe open while it works: nothing is connected to
    until it is done."""
    script = ("{ printf 'To: %s\\nTo: %s\\nFrom: Logwatch <%s>\\n"
              "Subject: Logwatch\\n\\n'; sleep 1; echo report; } | " %
              (A, B, ME))
    caller.home.set(timeout_command=1, timeout_data=1)
    caller.run("sh", "-c", script + (caller.sendmail or "/usr/sbin/sendmail") +
               " -t")
    m = caller.only()
    assert m.rcpts == [A, B]
    assert m.body == b"report\r\n"


# -- cron -----------------------------------------------------------------------

CRONTAB = """\
MAILTO={to}
LC_CTYPE=C.UTF-8
@reboot printf 'working\\r50\\%\\%\\r100\\%\\%\\ncaf\\303\\251\\n.\\nno space\\n' >&2; exit 3
"""
PAM = "auth sufficient pam_permit.so\naccount required pam_permit.so\n" \
    "session required pam_permit.so\n"


@pytest.fixture
def crond(relay, home, tmp):
    """crond(mailto) runs cron with a job that fails; the relay."""
    need("/usr/sbin/cron")
    running = []

    def start(to, more=""):
        r = relay()
        h = home(r.port)
        h.write(h.text() + more)
        (h.dir / ".config").symlink_to("config")
        for name in ("sbin", "run", "cron.d", "spool/crontabs"):
            (tmp / name).mkdir(parents=True)
        shutil.copy2("/usr/sbin/cron", tmp / "sbin/cron")
        tab = tmp / "spool/crontabs/root"
        tab.write_text(CRONTAB.format(to=to))
        tab.chmod(0o600)
        (tmp / "pam").write_text(PAM)
        (tmp / "crontab").write_text("")
        prefix = installed(tmp, [
            (tmp / "spool", "/var/spool/cron"), (tmp / "run", "/run"),
            (tmp / "cron.d", "/etc/cron.d"), (tmp / "crontab", "/etc/crontab"),
            (tmp / "pam", "/etc/pam.d/cron")])
        running.append(subprocess.Popen(
            [*prefix, "/usr/sbin/cron", "-f"],
            env={"PATH": "/usr/bin:/bin", "HOME": str(h.dir)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT))
        return r

    yield start
    for proc in running:
        proc.send_signal(signal.SIGTERM)
        proc.wait(10)


CRON_BODY = b"working\r\n50%\r\n100%\r\ncaf\xc3\xa9\r\n.\r\nno space\r\n"


def test_cron(crond):
    """A failing job's output, carriage returns and all, comes to MAILTO."""
    r = crond("%s,%s" % (A, B))
    r.wait("message", 1, 30)
    m = Mail(r.messages(1)[0], r.stored(1))
    assert m.rcpts == [A, B]
    assert m.sender == "root@" + MAILNAME
    assert m["From"][0].startswith(b"root") and b"Cron Daemon" in m["From"][0]
    assert m["Subject"][0].startswith(b"Cron <root@")
    assert m["X-Cron-Env"]
    assert m.body == CRON_BODY


REAL = """
[aliases]
root = ops@example.org
[rewrite]
root = web1-root@example.org
"""


@pytest.mark.parametrize("more,rcpt,sender", [
    ("", "root@" + MAILNAME, "root@" + MAILNAME),
    (REAL, "ops@example.org", "web1-root@example.org")],
    ids=["qualified", "aliases"])
def test_cron_root(crond, more, rcpt, sender):
    """The addresses it uses unless told otherwise are made real ones, in the
    envelope and in the header, and names are kept."""
    r = crond("root", more)
    r.wait("message", 1, 30)
    m = Mail(r.messages(1)[0], r.stored(1))
    assert m.rcpts == [rcpt] and m.sender == sender
    author = m.parsed["from"].addresses[0].addr_spec
    assert author == sender, m["From"]
    assert b"Cron Daemon" in m["From"][0]
    assert m.parsed["to"].addresses[0].addr_spec in (rcpt, sender,
                                                     "root@" + MAILNAME)
    assert m.body == CRON_BODY


# -- they all notice -------------------------------------------------------------

@pytest.mark.parametrize("refusing", ["550 5.1.1 no such user",
                                      "450 4.2.0 not now"], indirect=True)
@pytest.mark.parametrize("program", ["mutt", "s-nail", "bsd-mailx", "php",
                                     "python", "perl", "git"])
def test_refusal_is_noticed(refusing, program):
    """What the relay refuses, no caller takes for sent."""
    c = refusing
    if program == "git":
        where, _ = repository(c)
        done = git(c, "send-email", "--sendmail-cmd=" + c.sendmail,
                   "--confirm=never", "--to=" + A, "out", cwd=where,
                   status=None)
    else:
        run, argv = {"mutt": (mutt, [A]), "s-nail": (s_nail, [A]),
                     "bsd-mailx": (bsd_mailx, ["-s", "x", A]),
                     "php": (php, []), "python": (python, []),
                     "perl": (perl, [])}[program]
        done = run(c, *argv, status=None)
    if program == "php":
        assert done.stdout == b"failed", done
    else:
        assert done.returncode != 0, done
    assert not c.relay.messages()
