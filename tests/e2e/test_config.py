"""The configuration through the binary: files, errors, selection."""
import os
import stat

import pytest

from lib.check import BOB, silent
from lib.program import FROM, PASSWORD

# text after a good [account test] host line; what the error must name
BAD = {
    "unknown key": ("hots = x", ["hots", "host"]),
    "duplicate key": ("port = 25\nport = 26", ["port"]),
    "duplicate section": ("[account test]\nhost = y", ["test"]),
    "unknown section": ("[acount b]\nhost = x", ["acount"]),
    "port range": ("port = 70000", ["port", "70000"]),
    "port word": ("port = smtp", ["port"]),
    "port sign": ("port = -1", ["port"]),
    "tls word": ("tls = maybe", ["tls", "starttls"]),
    "bool word": ("strict = perhaps", ["strict"]),
    "timeout zero": ("timeout_connect = 0", ["timeout_connect"]),
    "timeout huge": ("timeout_connect = 99999999999", ["timeout_connect"]),
    "size word": ("max_message_size = 10X", ["max_message_size"]),
    "cut value": ("helo = a;b", ["helo"]),
    "cut by hash": ("user = a#b", ["user"]),
    "empty host": ("[account b]\nhost =", ["host"]),
    "long line": ("user = " + "x" * 1100, ["line"]),
    "no equals": ("this is not a setting", ["line"]),
    "no bracket": ("[account b\nhost = x", ["line"]),
    "NUL": ("user = a\0b", ["line"]),
    "control": ("user = a\x01b", ["line"]),
    "nameless account": ("[account ]\nhost = x", ["account"]),
    "default account": ("[posthaste]\ndefault_account = tset", ["tset",
                                                                "test"]),
    "notify": ("dsn_notify = sometimes", ["dsn_notify"]),
    "mechanism": ("auth = rot13", ["rot13"]),
    "queue mode": ("queue = sometimes", ["queue", "tempfail"]),
    "queue key": ("[queue]\nretyr = 1m", ["[queue]", "retyr", "retry"]),
    "queue value": ("[queue]\nlifetime = 5w", ["[queue]", "lifetime"]),
    "queue section": ("lifetime = 5d", ["lifetime", "[queue]"]),
}
def config(home, text):
    h = home(25)
    return h.write("[account test]\nhost = 127.0.0.1\n" + text + "\n")


@pytest.mark.parametrize("name", BAD)
def test_bad(home, name):
    """An error names file, line, section or key, and the nearest one."""
    text, words = BAD[name]
    h = config(home, text)
    for argv in (["--check-config"], ["-f", FROM, BOB]):
        run = h.run(*argv)
        assert run.status == 78, run
        if name != "default account":	# which no single file need say
            assert str(h.config) in run.err, run
        for word in words:
            assert word in run.err, (word, run)
        assert len(run.err.splitlines()) == 1, run


def test_sendmail_face(home):
    """The same error under the other name."""
    h = config(home, "hots = x")
    run = h.sendmail(BOB)
    assert run.status == 78 and run.err.startswith("sendmail: "), run


def test_comments(home, relay):
    """A `;` or `#` after a blank begins a comment; CRLF files are read."""
    r = relay()
    h = home(r.port)
    h.write("# top\r\n; more\r\n[account test]\r\n"
            "host = 127.0.0.1 ; and here\r\nport = %d # there\r\n"
            "tls = none\r\nauth=none\r\n  helo  =  me.example.org  \r\n"
            % r.port)
    silent(h.run("-f", FROM, BOB))
    assert r.commands("EHLO") == ["EHLO me.example.org"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become others")
def test_unreadable(home, relay):
    """Unreadable is said to be unreadable, not missing; -> 77."""
    r = relay()
    h = home(r.port)
    os.chown(h.dir / "config", 54321, 54321)
    for argv in ([], ["-C", str(h.config)]):
        run = h.run(*argv, "-f", FROM, BOB, uid=54321, gid=54321)
        assert run.status == 77, run
        assert str(h.config) in run.err and "read" in run.err, run
    assert r.connected() == 0


@pytest.mark.parametrize("mode,status", [(0o600, 0), (0o400, 0), (0o640, 77),
                                         (0o604, 77), (0o644, 77),
                                         (0o666, 77)])
def test_permissions(secure, mode, status):
    """A file with a password must be closed to group and others."""
    r, h = secure()
    h.config.chmod(mode)
    run = h.run("-f", FROM, BOB)
    assert run.status == status, run
    if status:
        assert "chmod" in run.err and "%o" % mode in run.err, run
        assert r.connected() == 0


def test_permissions_without_secret(home, relay):
    """Without a secret it may be read by anybody."""
    r = relay()
    h = home(r.port)
    h.config.chmod(0o644)
    silent(h.run("-f", FROM, BOB))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give away")
def test_foreign_owner(secure):
    """A file with a password that belongs to somebody else -> 77."""
    r, h = secure()
    os.chown(h.config, 54321, 54321)
    run = h.run("-f", FROM, BOB)
    assert run.status == 77 and r.connected() == 0, run


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give away")
def test_foreign_command(secure, tmp):
    """A command is run for nobody who is not the caller or root."""
    ran = tmp / "ran"
    r, h = secure(password=None, password_command="touch %s" % ran)
    os.chown(h.config, 54321, 54321)
    run = h.run("-f", FROM, BOB)
    assert run.status == 77 and "chown" in run.err and r.connected() == 0, run
    assert not ran.exists()


def test_missing(home):
    """No configuration at all -> 78, and where it was looked for."""
    h = home(25)
    h.config.unlink()
    run = h.run("-f", FROM, BOB)
    assert run.status == 78 and str(h.config) in run.err, run
    run = h.run("-C", "/nonexistent", "-f", FROM, BOB)
    assert run.status in (66, 78) and "/nonexistent" in run.err, run


@pytest.mark.parametrize("kind", ["directory", "fifo", "device", "big"])
def test_not_a_file(home, tmp, kind):
    """A directory, a FIFO, a device, 2 MB: an error, and no waiting."""
    path = tmp / "odd"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "device":
        path = "/dev/zero"
    else:
        path.write_bytes(b"# x\n" * (1 << 19))
    run = home(25).run("-C", str(path), "-f", FROM, BOB)
    assert run.status in (66, 77, 78), run
    assert run.elapsed < 2, run


def two(home, one, other, general=""):
    h = home(25)
    text = "[posthaste]\nmailname = host.example.net\n%s" % general
    for name, port, who in (("one", one.port, "a@example.org, *@x.example"),
                            ("two", other.port, "b@example.org")):
        text += ("[account %s]\nhost = 127.0.0.1\nport = %d\ntls = none\n"
                 "auth = none\nfrom = %s\n" % (name, port, who))
    return h.write(text)


def test_selection(home, relay):
    """--account; the first whose from matches; default_account; else an
    error that lists the names."""
    one, other = relay(), relay()
    h = two(home, one, other)
    silent(h.run("-f", "a@example.org", BOB))
    silent(h.run("-f", "any@X.example", BOB))
    assert (one.connected(), other.connected()) == (2, 0)
    silent(h.run("-f", "B@Example.Org", BOB))
    silent(h.run("-a", "two", "-f", "a@example.org", BOB))
    silent(h.run("--account=two", BOB))
    assert (one.connected(), other.connected()) == (2, 3)
    assert other.messages(3)[2]["from"].strip("<>") == "b@example.org"
    run = h.run("-f", "nobody@example.org", BOB)
    assert run.status == 78 and "one" in run.err and "two" in run.err, run
    run = h.run("-a", "tow", "-f", FROM, BOB)
    assert run.status in (64, 78) and "two" in run.err, run
    h = two(home, one, other, "default_account = two\n")
    silent(h.run("-f", "nobody@example.org", BOB))
    assert other.connected() == 4


def test_print_config(home, relay):
    """What --print-config prints can be read back and means the same."""
    r = relay()
    h = home(r.port, helo="me.example.org", max_message_size="20M")
    run = h.run("--print-config", stdin=b"")
    assert run.status == 0 and run.stderr == b"", run
    again = home(1)
    again.write(run.stdout)
    silent(again.run("-f", FROM, BOB))
    assert r.commands("EHLO") == ["EHLO me.example.org"]
    second = again.run("--print-config", stdin=b"")
    assert settings(second) == settings(run) != []


def settings(run):
    return [line for line in run.out.splitlines() if line[:1] != ";"]


def test_check_config(home):
    """--check-config says that all is well, with 0."""
    run = home(25).run("--check-config", stdin=b"")
    assert run.status == 0 and run.stderr == b"", run


@pytest.mark.parametrize("settings,word", [
    ({"auth": "plain", "tls": "none", "user": "u", "password": PASSWORD},
     "tls"),
    ({"auth": "plain", "tls": "implicit", "password": PASSWORD}, "user"),
    ({"auth": "plain", "tls": "implicit", "user": "u", "password": PASSWORD,
      "password_command": "true"}, "password_command")])
def test_cross_checks(home, settings, word):
    """What cannot work together is found before anything is sent."""
    h = home(25, **settings)
    run = h.run("--check-config", stdin=b"")
    assert run.status == 78 and word in run.err, run


def test_set_overrides(home, relay):
    """--set wins over the file; a bad one is named."""
    r = relay()
    h = home(1)
    silent(h.run("--set=port=%d" % r.port, "-f", FROM, BOB))
    for bad in ("port=x", "prot=1", "port", "=1", ""):
        run = h.run("--set=" + bad, "-f", FROM, BOB)
        assert run.status in (64, 78), run


def test_mode_is_kept(home, relay):
    """Running writes nothing into the configuration's directory."""
    r = relay()
    h = home(r.port)
    before = sorted(os.listdir(h.config.parent))
    silent(h.run("-f", FROM, BOB))
    assert sorted(os.listdir(h.config.parent)) == before
    assert stat.S_IMODE(h.config.stat().st_mode) == 0o600
    assert os.listdir(h.state) == []
