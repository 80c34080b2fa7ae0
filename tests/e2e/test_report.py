"""What the caller is told: reports, -v, --explain and the other modes."""
import json
import re
import socket
import subprocess

import pytest

from lib.check import BOB, both, silent, status_of, values
from lib.peer import smtp
from lib.program import FROM, MAILNAME, MESSAGE, SOURCE, program
from lib.relay import CHUNKING

FIELDS = {"message_id", "account", "relay", "tls", "tls_resumed", "sasl", "result",
          "exit_status", "queue_id", "reply", "bytes", "elapsed_ms",
          "round_trips", "recipients", "error"}
A, B, C = "a@example.net", "b@example.net", "c@example.net"


def test_json_fields(secure):
    """All fields of DESIGN section 3, on one line."""
    r, h = secure(caps=CHUNKING, auth="plain")
    run = h.report("-f", FROM, A, B)
    assert run.status == 0 and run.stderr == b"", run
    assert run.stdout.count(b"\n") == 1 and run.stdout.endswith(b"\n")
    got = run.json
    assert set(got) == FIELDS, got
    data = r.stored()
    assert got["message_id"] == values(data, "Message-ID")[0].decode()
    assert got["account"] == "test"
    assert got["relay"] == "127.0.0.1:%d" % r.port
    assert got["tls"] == r.events("tls")[0]["version"] == "TLS1.3"
    assert got["sasl"] == r.events("auth")[0]["mechanism"]
    assert got["result"] == "sent" and got["exit_status"] == 0
    assert got["queue_id"] is None and got["error"] is None
    assert got["reply"]["code"] == 250
    assert got["bytes"] == len(data) == r.messages(1)[0]["size"]
    assert 0 <= got["elapsed_ms"] <= run.elapsed * 1000
    assert got["round_trips"] == 6, got
    for rcpt, address in zip(got["recipients"], (A, B)):
        assert rcpt["address"] == address and rcpt["outcome"] == "sent"
        assert set(rcpt) == {"address", "outcome", "stage", "code",
                             "enhanced", "text"}
        assert rcpt["code"] == 250


def test_json_failures(home, relay, peer):
    """Where it failed, with what code and words."""
    r = relay("--reply=RCPT@b@*=550-5.1.1 no\\n550 5.1.1 such \"user\"",
              "--reply=RCPT@c@*=451 4.3.0 later")
    run = home(r.port).report("-f", FROM, A, B, C)
    got = run.json
    assert got["result"] == "partial" and got["exit_status"] == run.status
    assert run.status == status_of(550)
    b, c = got["recipients"][1:]
    assert (b["outcome"], b["code"], b["enhanced"]) == ("failed", 550, "5.1.1")
    assert "no" in b["text"] and 'such "user"' in b["text"]
    assert (c["outcome"], c["code"]) == ("deferred", 451)
    assert "RCPT" in b["stage"]
    stages = {}
    for verb in ("GREETING", "EHLO", "MAIL", "DATA", "DOT"):
        p = peer(smtp({verb: b"554 5.0.0 no\r\n" if verb != "EHLO" else
                       b"421 4.0.0 no\r\n"}))
        run = home(p.port).report("-f", FROM, A)
        stages[verb] = run.json["recipients"][0]["stage"]
        assert run.json["result"] == "failed", run
        assert run.json["recipients"][0]["code"] in (554, 421), run
    assert len(set(stages.values())) == 5, stages


def test_json_no_reply(home):
    """Without a reply the code is null, and the reason is there."""
    run = home(1).report("-f", FROM, A)
    got = run.json
    assert run.status == got["exit_status"] == 75
    assert got["recipients"][0]["code"] is None
    assert "refused" in got["recipients"][0]["text"]
    assert got["tls"] is None and got["sasl"] is None and got["reply"] is None


def test_json_odd_text(home, relay):
    """Addresses and reply text that JSON must escape."""
    r = relay("--reply=RCPT=550 5.1.1 \\xff \"q\" \\\\ tab\\x09 end")
    run = home(r.port).report("-f", FROM, '"a\\"b c"@example.net',
                              "jörg@example.net")
    got = [x["address"] for x in run.json["recipients"]]
    assert got == ['"a\\"b c"@example.net', "jörg@example.net"], run
    assert "end" in run.json["recipients"][0]["text"]


def test_text_report(home, relay):
    """--report=text: a line on the message and one a recipient."""
    r = relay("--reply=RCPT@b@*=550 5.1.1 no such user")
    run = home(r.port).run("--report=text", "-f", FROM, A, B)
    lines = run.out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("partial"), run
    assert A in lines[1] and lines[1].startswith("sent"), run
    assert B in lines[2] and "550 5.1.1 no such user" in lines[2], run


def test_no_report(home, relay):
    """--report=none is the default: nothing on stdout."""
    r = relay()
    silent(home(r.port).run("-f", FROM, A))
    silent(home(r.port).run("--report=none", "-f", FROM, A))
    run = home(r.port).run("--report=xml", "-f", FROM, A)
    assert run.status == 64 and len(r.messages(2)) == 2, run


@pytest.fixture(scope="module")
def explained():
    """What --explain says of each status, by one shell for all of them."""
    loop = 'n=0; while [ $n -lt 256 ]; do "$0" --explain=$n || exit 1; ' \
        "n=$((n + 1)); done"
    done = subprocess.run(["sh", "-c", loop, str(program())], text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 0 and done.stderr == "", done
    lines = done.stdout.splitlines()
    assert len(lines) == 256, lines
    return lines


@pytest.mark.parametrize("status", range(256))
def test_explain(explained, status):
    """--explain of every status says what DESIGN section 3 does."""
    line = explained[status]
    assert line.startswith("%d: " % status), line
    if 1 <= status <= 59:
        assert "4%02d" % status in line, line
    elif 160 <= status <= 219:
        assert "5%02d" % (status - 160) in line, line
    elif status not in (0, *range(64, 79)) and not 128 < status < 160:
        assert "never" in line or "no meaning" in line, line


@pytest.mark.parametrize("value", ["", "x", "-1", "256", "1000", "1x"])
def test_explain_what(home, value):
    run = home().run("--explain=" + value)
    assert run.status == 64 and run.stdout == b"", run


@pytest.mark.parametrize("reply", [
    (b"%d" % code, status_of(code), sysexits) for code, sysexits in (
        (421, 75), (450, 75), (451, 75), (452, 75), (455, 75), (459, 75),
        (460, 75), (499, 75), (500, 69), (521, 69), (550, 67), (551, 67),
        (553, 67), (555, 69), (559, 69), (560, 69), (599, 69))],
    ids=lambda r: r[0].decode())
def test_status_in_both_schemes(home, peer, reply):
    """Every kind of code to RCPT, and its status in either scheme."""
    code, by_reply, by_sysexits = reply
    p = peer(smtp({"RCPT": code + b" x\r\n"}))
    h = home(p.port)
    run = h.run("--exit-status=reply", "-f", FROM, A)
    assert run.status == by_reply, run
    run = h.run("--exit-status=sysexits", "-f", FROM, A)
    assert run.status == by_sysexits, run


def test_enhanced_decides(home, peer):
    """5.1.x names the address, whatever the code."""
    p = peer(smtp({"RCPT": b"554 5.1.1 nobody\r\n"}))
    both(home(p.port), sysexits=67, reply=554)


def test_transcript(secure):
    """-v: the dialogue on stderr, in order, without content."""
    r, h = secure()
    run = h.run("-v", "-f", FROM, BOB)
    assert run.status == 0 and run.stdout == b"", run
    for word in ("220 ", "EHLO ", "AUTH ", "235", "MAIL FROM:<%s>" % FROM,
                 "RCPT TO:<%s>" % BOB, "250", "QUIT"):
        assert word in run.err, (word, run)
    assert run.err.index("EHLO") < run.err.index("AUTH") < \
        run.err.index("MAIL FROM")
    assert "hello, world" not in run.err


def test_transcript_of_failure(home, relay):
    """-v does not change the status or the words about a failure."""
    r = relay("--reply=RCPT=550 5.1.1 no such user")
    run = home(r.port).run("-v", "-f", FROM, BOB)
    assert run.status == 210, run
    assert any("550 5.1.1 no such user" in line and
               line.startswith("posthaste: ") for line in run.lines()), run


def test_dry_run_of_many(home):
    """However many recipients: all are printed."""
    n = 500000
    head = ",\n ".join("a%d@b" % i for i in range(n))
    run = home(25).run("--dry-run", "-t", "-f", FROM, rss_max=128 << 20,
                       stdin=b"To: %s\n\nx\n" % head.encode())
    assert run.status == 0 and run.out.count("RCPT TO:<a") == n, run.err


def test_dry_run(home, relay):
    """--dry-run: envelope and message, and nothing is sent."""
    r = relay()
    h = home(r.port)
    run = h.run("--dry-run", "-t", "-f", FROM, "extra@example.net",
                stdin=b"To: bob@example.net\nBcc: c@example.net\n"
                b"Subject: s\n\none\n.\ntwo\n")
    assert run.status == 0 and run.stderr == b"", run
    for word in (FROM, BOB, "c@example.net", "extra@example.net",
                 "Subject: s", "Message-ID: <", "Date: ", "one"):
        assert word in run.out, (word, run)
    assert "Bcc" not in run.out
    assert r.connected() == 0
    run = h.run("--dry-run", "-f", FROM, stdin=MESSAGE)
    assert run.status == 64, run


def test_serverinfo(secure):
    """--serverinfo: certificate, TLS, EHLO, mechanisms; no login needed."""
    r, h = secure()
    run = h.run("--serverinfo", stdin=b"")
    assert run.status == 0, run
    for word in ("TLS1.3", "sha256:", "relay.test", "SIZE", "PIPELINING",
                 "SCRAM-SHA-256", "XOAUTH2"):
        assert word in run.out, (word, run)
    assert not r.said("AUTH") and not r.said("MAIL")


@pytest.mark.parametrize("cert,word", [("expired", "expired"),
                                       ("selfsigned", "self"),
                                       ("wronghost", "127.0.0.1")])
def test_serverinfo_of_bad(secure, cert, word):
    """What is wrong with a certificate is told, not refused."""
    r, h = secure(cert=cert)
    run = h.run("--serverinfo", stdin=b"")
    assert "sha256:" in run.out and word in run.out + run.err, run


def test_serverinfo_starttls(secure):
    r, h = secure(mode="starttls")
    run = h.run("--serverinfo", stdin=b"")
    assert run.status == 0 and "TLS1.3" in run.out, run


def test_serverinfo_down(home):
    run = home(1).run("--serverinfo", stdin=b"")
    assert run.status == 75 and "refused" in run.err, run


def test_help_and_version(home):
    """--version is NEWS's; --help lists every option of the table."""
    h = home()
    run = h.run("--version", stdin=b"")
    assert run.status == 0 and run.stderr == b"", run
    news = (SOURCE / "NEWS").read_text().split()
    assert any(word in run.out for word in news[:4]), run
    run = h.run("--help", stdin=b"")
    assert run.status == 0 and run.stderr == b"", run
    for line in run.out.splitlines():
        assert len(line) <= 100, line


def long_options(home):
    text = home().run("--help", stdin=b"").out
    return sorted(set(re.findall(r"--([a-z][a-z0-9-]+)", text)))


def test_every_option_is_taken(home):
    """What --help lists is known; what it does not list is not."""
    h = home()
    found = long_options(home)
    assert len(found) > 40, found
    for word in found:
        run = h.run("--%s" % word, "--explain=0", stdin=b"")
        assert "unknown option" not in run.err, run
    for word in ("nonsense", "host-name", "tlss", "pass"):
        run = h.run("--%s=x" % word, stdin=b"")
        assert run.status == 64 and "unknown option" in run.err, run


def test_setting_for_every_option(home):
    """Every setting that --print-config shows for an account is a long option."""
    h = home(25)
    text = h.run("--print-config", stdin=b"").out
    text = text[text.index("[account test]"):].split("\n[")[0]
    keys = re.findall(r"(?m)^;?\s*([a-z0-9_]+) =", text)
    assert {"host", "port", "tls", "timeout_end"} <= set(keys), text
    found = long_options(home)
    for key in set(keys) - {"password", "from"}:
        assert key.replace("_", "-") in found, key


@pytest.mark.parametrize("argv", [
    ["--report=json", "--bogus"], ["--priority=99", "--report=json"],
    [b"--b\xffd\x1b\"", "--report", "json", BOB], ["--report=json", "-f"],
    ["--report=json", BOB, "-t"]], ids=str)
def test_json_of_a_bad_command_line(home, argv):
    run = home(25).run(*argv, stdin=b"")
    got = json.loads(run.stdout)
    assert run.status == got["exit_status"] == 64 and got["error"], run
    assert got["result"] == "failed" and got["recipients"] == []
    run = home(25).run("-Z", "--report=none", stdin=b"")
    assert run.status == 64 and run.stdout == b"", run


SETTINGS = [("--host", "127.0.0.1"), ("--tls", "none"), ("--auth", "none"),
            ("--helo", "hi.example.org"), ("--timeout-connect", "7"),
            ("--timeout-command", "7"), ("--timeout-data", "7"),
            ("--timeout-end", "7"), ("--timeout-tls", "7"),
            ("--deadline", "20"), ("--queue", "never"), ("--strict", "yes"),
            ("--all-or-nothing", "yes"), ("--max-message-size", "10M"),
            ("--protocol", "smtp"), ("--dsn-notify", "failure"),
            ("--dsn-return", "hdrs"), ("--from-name", "A B"),
            ("--source", "127.0.0.1"), ("--log", "none"),
            ("--tls-priority", "NORMAL"), ("--tls-trust", "system"),
            ("--tls-name", "relay.test"), ("--user", "u"),
            ("--authzid", "z"), ("--ignore-extensions", "DSN, CHUNKING")]


@pytest.mark.parametrize("word,value", SETTINGS, ids=lambda v: v)
def test_long_options(home, relay, word, value):
    """Every account setting as a long option, in both forms, and by --set."""
    r = relay()
    h = home(r.port)
    key = word[2:].replace("-", "_")
    forms = [[word + "=" + value], ["--set=%s=%s" % (key, value)]]
    if word != "--all-or-nothing" and word != "--strict":
        forms.append([word, value])
    for form in forms:	# --host without an account means none of them
        silent(h.run("-a", "test", *form, "-f", FROM, BOB))
    assert len(r.messages(len(forms))) == len(forms)
    if word == "--helo":
        assert r.commands("EHLO")[0] == "EHLO hi.example.org"
    if word == "--dsn-notify":
        assert "NOTIFY=FAILURE" in r.commands("RCPT")[0]


def test_without_a_file(home, relay, tmp):
    """--host and friends need no configuration."""
    r = relay()
    h = home(r.port)
    h.config.unlink()
    silent(h.run("--host=127.0.0.1", "--port=%d" % r.port, "--tls=none",
                 "--auth=none", "-f", FROM, BOB))
    run = h.run("-f", FROM, BOB)
    assert run.status == 78 and str(h.config) in run.err, run


@pytest.mark.parametrize("host", ["host=", "HOST=", "host =", " Host\t= "])
def test_another_host_gets_no_password(home, relay, host):
    """However --host is spelled: without --account it is nobody's relay, and
    what an account knows is not for it."""
    h = home(relay().port, password_command="false", user="u")
    run = h.run("--set=%s127.0.0.1" % host, "--print-config", stdin=b"")
    assert run.status == 0, run
    text = run.out.split("[account command-line]")[1]
    assert re.search(r"(?m)^host = 127\.0\.0\.1$", text), text
    assert "password_command = false" not in text


def test_extensions_asked_for(home, relay):
    """REQUIRETLS, DELIVERBY, FUTURERELEASE, MT-PRIORITY: asked for where
    offered, an error before MAIL where not."""
    wanted = [["--require-tls"], ["--deliver-by=60;N"], ["--hold-for=60"],
              ["--hold-until=2030-01-31T08:00:00Z"], ["--priority=3"]]
    r = relay(caps="PIPELINING,DELIVERBY,FUTURERELEASE 100000 "
              "2031-01-31T08:00:00Z,MT-PRIORITY")
    for argv in wanted[1:]:
        silent(home(r.port).run(*argv, "-f", FROM, BOB))
    said = " ".join(r.commands("MAIL"))
    for word in ("BY=60;N", "HOLDFOR=60", "HOLDUNTIL=2030-01-31T08:00:00Z",
                 "MT-PRIORITY=3"):
        assert word in said, said
    r2 = relay(caps="PIPELINING,8BITMIME")
    for argv in wanted:
        run = home(r2.port).run("--exit-status=sysexits", *argv, "-f", FROM,
                                BOB)
        assert run.status == 76, run
    assert not r2.said("MAIL")


def test_require_tls(secure):
    """REQUIRETLS goes out over TLS to a relay that offers it."""
    r, h = secure(caps="PIPELINING,REQUIRETLS")
    silent(h.run("--require-tls", "-f", FROM, BOB))
    assert "REQUIRETLS" in r.commands("MAIL")[0]


def test_message_file(home, relay, tmp):
    """--message=FILE, and what is wrong with one."""
    r = relay()
    path = tmp / "mail"
    path.write_bytes(MESSAGE)
    silent(home(r.port).run("--message=%s" % path, "-f", FROM, BOB,
                            stdin=b"not this"))
    assert b"hello, world" in r.stored()
    run = home(r.port).run("--message=/nonexistent", "-f", FROM, BOB)
    assert run.status == 66 and "/nonexistent" in run.err, run
    run = home(r.port).run("--message=/", "-f", FROM, BOB)
    assert run.status in (66, 74), run


def test_read_envelope_from(home, relay):
    """--read-envelope-from takes the sender from From."""
    r = relay()
    silent(home(r.port).run("--read-envelope-from", BOB))
    assert r.messages(1)[0]["from"].strip("<>") == "alice@example.org"


def test_unix_socket(home, relay, tmp):
    """host = /path: a socket, with SMTP and with LMTP."""
    for protocol, more in (("smtp", []), ("lmtp", ["--lmtp"])):
        path = tmp / ("s-" + protocol)
        r = relay(*more, listen=("unix:%s" % path,))
        h = home(None, host=path, protocol=protocol, tls=None)
        silent(h.run("-f", FROM, A, B))
        assert len(r.messages(1)) == 1, r.all_events()
        hello = "LHLO" if protocol == "lmtp" else "EHLO"
        assert r.said(hello), r.commands()


def test_lmtp_replies(home, relay, tmp):
    """LMTP: a verdict for each recipient after the content."""
    path = tmp / "s"
    r = relay("--lmtp", "--reply=DOT@b@*=550 5.2.1 off",
              "--reply=DOT@c@*=452 4.2.2 full", listen=("unix:%s" % path,))
    h = home(None, host=path, protocol="lmtp", tls=None)
    run = h.report("-f", FROM, A, B, C)
    assert [x["outcome"] for x in run.json["recipients"]] == [
        "sent", "failed", "deferred"], run
    assert run.status == 210 and r.messages(1), run


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


if has_ipv6():	# many containers have none
    def test_ipv6(home, relay):
        """An IPv6 address as host."""
        r = relay(listen=("[::1]:0",))
        silent(home(r.port, host="::1").run("-f", FROM, BOB))


def test_full_stdout(home, relay):
    """A report that cannot be written does not lose the verdict."""
    r = relay()
    started = home(r.port).start("--report=json", "-f", FROM, BOB)
    started.finish()
    h = home(r.port)
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(program()), "--report=json", "-f", FROM,
                               BOB], input=MESSAGE, stdout=full, env=h.env,
                              stderr=subprocess.PIPE, timeout=20)
    assert done.returncode in (0, 74), done
    if done.returncode:
        assert b"posthaste: " in done.stderr, done


def test_report_of_usage(home):
    """An error before there is a message prints no half object."""
    run = home(25).run("--report=json", "-f", FROM)
    assert run.status == 64, run
    if run.stdout:
        json.loads(run.stdout)


def test_mailname(home, relay):
    """Bare names are completed with mailname, Message-ID is at it."""
    r = relay()
    silent(home(r.port).run("-f", "alice", "bob"))
    assert r.messages(1)[0]["from"].strip("<>") == "alice@" + MAILNAME
    assert r.messages()[0]["rcpts"][0]["address"] == "bob@" + MAILNAME
    assert values(r.stored(), "Message-ID")[0].endswith(
        b"@%s>" % MAILNAME.encode())
