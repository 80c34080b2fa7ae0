"""No secret in any output, in any mode; nothing on the wire before TLS.

The runner looks for the password and the token in every encoding, whole and
inside longer base64, on both streams of every run of every test; here are the
runs that would show one.
"""
import base64
import itertools
import os
import re

import pytest

from lib.check import BOB, silent
from lib.peer import context, smtp
from lib.program import FROM, PASSWORD, TOKEN, USER, forms
from lib.relay import auth, tls

MECHS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
         "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER"]
number = itertools.count(1)


def token_settings(mech):
    if mech in ("XOAUTH2", "OAUTHBEARER"):
        return {"password": None, "token_command": "echo " + TOKEN}
    return {}


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("mech", MECHS)
def test_mechanisms(secure, mode, mech):
    """Each mechanism logs in; neither -v nor a report shows how."""
    r, h = secure(mode=mode, auth=mech.lower(), **token_settings(mech))
    run = h.run("-v", "--report=json", "-f", FROM, BOB)
    assert run.status == 0, run
    assert run.json["sasl"] == mech, run
    assert "AUTH " + mech in run.err, run
    assert r.events("auth")[0]["mechanism"] == mech
    assert r.events("auth")[0]["ok"], r.events("auth")
    silent(h.run("-f", FROM, BOB))
    run = h.run("-v", "--report=text", "-f", FROM, BOB)
    assert run.status == 0 and mech in run.out, run
    for name, got in r.raw().items():
        if name.endswith(".plain"):
            for form in forms(PASSWORD) + forms(TOKEN):
                assert form not in got, (name, form)
            assert b"AUTH" not in got, got


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("mech", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"])
def test_channel_binding(secure, mech, version):
    """-PLUS binds to the TLS that is there, in both versions."""
    r, h = secure("--tls-priority=NORMAL:-VERS-ALL:+VERS-TLS" + version,
                  auth=mech.lower())
    silent(h.run("-f", FROM, BOB))
    event = r.events("auth")[0]
    assert event["ok"] and event["cb"], event
    if version == "1.3":
        assert event["cb"] == "tls-exporter", event


def test_strongest(secure):
    """auto takes the strongest offered, and the next when it is not."""
    for offered, taken in (
            ("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 "
             "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS"),
            ("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256",
             "SCRAM-SHA-256"),
            ("LOGIN PLAIN SCRAM-SHA-1 CRAM-MD5", "SCRAM-SHA-1"),
            ("LOGIN PLAIN XOAUTH2", "PLAIN")):
        r, h = secure(mechs=offered)
        silent(h.run("-f", FROM, BOB))
        assert r.events("auth")[0]["mechanism"] == taken, offered


def echoes(line):
    """What a relay that is careless, or worse, would say back."""
    word = line.split()[-1]
    try:
        plain = base64.b64decode(word)
    except ValueError:
        plain = word
    return [line.strip(), word, plain.replace(b"\0", b" "),
            plain.replace(b"\0", b" ").split(b" ")[-1], plain.hex().encode(),
            base64.b64encode(b"xx" + plain), word[4:], word[::1].lower()]


@pytest.mark.parametrize("code", [b"535 5.7.8", b"454 4.7.0", b"235 2.7.0"])
def test_relay_echoes(home, peer, certs, code):
    """A relay that echoes the AUTH response: not by -v, an error or a
    report."""
    for mech in ("PLAIN", "XOAUTH2"):
        for i in range(7):
            def reply(conn, line, i=i):
                return conn.send(code + b" bad: " + echoes(line)[i] + b"\r\n")
            p = peer(smtp({"AUTH": reply}, caps=["AUTH " + mech],
                          tls=context(certs)))
            h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem")
            h.login(auth=mech.lower(), **token_settings(mech))
            run = h.run("-v", "--report=json", "-f", FROM, BOB)
            assert (run.status == 0) == code.startswith(b"2"), run


def test_relay_echoes_later(home, peer, certs):
    """... nor when it does so later, in any reply."""
    secret = [b""]

    def auth_(conn, line):
        secret[0] = line.split()[-1]
        return conn.send(b"235 in\r\n")

    def later(code):
        return lambda conn, line: conn.send(
            b"%s you said %s, that is %s\r\n" % (
                code, secret[0],
                base64.b64decode(secret[0]).replace(b"\0", b" ")))
    for verb, code in (("MAIL", b"550"), ("RCPT", b"450"), ("DATA", b"554"),
                       ("DOT", b"550"), ("DOT", b"250")):
        p = peer(smtp({"AUTH": auth_, verb: later(code)}, caps=["AUTH PLAIN"],
                      tls=context(certs)))
        h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem").login()
        run = h.run("-v", "--report=json", "-f", FROM, BOB)
        assert (run.status == 0) == (code == b"250"), run


def test_login_echo(home, peer, certs):
    """LOGIN: the password alone on its line, and sent back."""
    def reply(conn, line):
        conn.send(b"334 VXNlcm5hbWU6\r\n")
        conn.line()
        conn.send(b"334 UGFzc3dvcmQ6\r\n")
        word = conn.line().strip()
        return conn.send(b"535-no such %s\r\n535 nor %s\r\n" %
                         (word, base64.b64decode(word)))
    p = peer(smtp({"AUTH": reply}, caps=["AUTH LOGIN"], tls=context(certs)))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem").login()
    for argv in (["-v"], ["--report=json"], []):
        run = h.run(*argv, "-f", FROM, BOB)
        assert run.status == 195, run


@pytest.mark.parametrize("argv", [["--print-config"], ["--check-config"],
                                  ["--dry-run", BOB], ["--serverinfo"],
                                  ["--print-config", "-a", "test"]],
                         ids=" ".join)
def test_modes(secure, argv):
    """Every other mode with a password in the file."""
    r, h = secure()
    run = h.run(*argv)
    assert run.status == 0, run
    if argv[0] == "--print-config":
        assert re.search(r"(?m)^password = \*+$", run.out), run
    assert not r.said("AUTH"), r.commands()


@pytest.mark.parametrize("argv", [
    ["--password=" + PASSWORD], ["--set=password=" + PASSWORD],
    ["--set", "password=" + PASSWORD]])
def test_never_from_argv(secure, argv):
    """A password in the arguments is refused, and not repeated."""
    r, h = secure(password=None)
    run = h.run(*argv, "-f", FROM, BOB)
    assert run.status == 64, run
    assert "password_command" in run.err or "password-command" in run.err, run
    assert r.connected() == 0


@pytest.mark.parametrize("line", [
    "password = %s;x", "password = %s #x", "passwrod = %s",
    "password = %s\npassword = again", "password %s", "password = \"%s",
    "password = '%s'\n[account test]\nhost = x",
    "password = %s" + "y" * 1100, "password = %s\x01"])
def test_errors_in_the_file(home, line):
    """An error on the password's line does not show the line."""
    h = home(25)
    h.write("[account test]\nhost = 127.0.0.1\nuser = u\n" +
            line % PASSWORD + "\n")
    for argv in (["-f", FROM, BOB], ["--check-config"], ["--print-config"]):
        run = h.run(*argv)
        assert run.status == 78, run


def test_wrong_place(home, relay):
    """A password file that is anything else: not shown either."""
    r = relay()
    h = home(r.port, tls="implicit", auth="plain", user=USER)
    path = h.dir / "secret"
    path.write_bytes(PASSWORD.encode() * 8000)
    path.chmod(0o600)
    run = h.set(password_file=path).run("-f", FROM, BOB)
    assert run.status in (75, 76, 77, 78), run
    h.config.chmod(0o600)
    path.write_text("machine 127.0.0.1 login %s passwrod %s\n" %
                    (USER, PASSWORD))
    run = h.set(password_file=None, netrc=path).run("-f", FROM, BOB)
    assert run.status == 78, run


def test_command_output(home, relay):
    """What a password command prints when it fails is not shown."""
    r = relay()
    for command in ("echo %s; exit 1", "printf '%s\\0x'",
                    "echo %s; kill -9 $$"):
        h = home(r.port, tls="implicit", auth="plain", user=USER,
                 password_command=command % PASSWORD)
        run = h.run("-v", "-f", FROM, BOB)
        assert run.status in (75, 76, 78), run


def test_before_tls(home, relay, certs):
    """Before TLS there is nothing on the wire but EHLO and STARTTLS."""
    r = relay(*tls(certs, mode="starttls"), *auth(), "--auth-plaintext")
    h = home(r.port, tls="starttls", tls_trust=certs / "ca.pem").login()
    silent(h.run("-f", FROM, BOB))
    plain = [got for name, got in r.raw().items() if name.endswith(".plain")]
    assert re.fullmatch(rb"EHLO \S+\r\nSTARTTLS\r\n", plain[0]), plain


def test_log(secure, tmp):
    """The log has no secret either."""
    r, h = secure()
    log = h.dir / "log"
    h.set(log=log)
    silent(h.run("-f", FROM, BOB))
    bad = h.set(password="entirely-wrong").run("-f", FROM, BOB)
    assert bad.status == 195, bad
    text = log.read_bytes()
    assert text
    for form in forms(PASSWORD) + forms("entirely-wrong"):
        assert form not in text


def test_process_list(secure):
    """While it runs, /proc shows no secret in arguments or environment."""
    r, h = secure("--delay=DOT:700", password=None,
                  password_command="echo " + PASSWORD[::-1] + " | rev")
    started = h.start("-f", FROM, BOB)
    r.wait("message", seconds=5)
    for name in ("cmdline", "environ"):
        with open("/proc/%d/%s" % (started.pid, name), "rb") as f:
            text = f.read()
        for form in forms(PASSWORD):
            assert form not in text
    if os.geteuid() != 0:
        assert not os.access("/proc/%d/mem" % started.pid, os.R_OK)
    run = started.finish()
    assert run.status in (0, 195), run


def test_no_core(secure):
    """It takes no part in core dumps."""
    r, h = secure("--delay=DOT:500")
    started = h.start("-f", FROM, BOB)
    r.wait("message", seconds=5)
    with open("/proc/%d/limits" % started.pid) as f:
        core = [line for line in f if line.startswith("Max core file size")]
    dumpable = os.stat("/proc/%d/mem" % started.pid).st_uid
    started.finish()
    assert core[0].split()[4] == "0" or dumpable == 0, core
