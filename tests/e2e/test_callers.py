"""What real programs expect of a `sendmail`, in forty numbered cases.

Run through the installed sendmail link.  The number is in the test's name:

     1  Debian's cron           test_aliases.py  test_01_debian_cron
     2  cronie                  test_aliases.py  test_02_cronie
     3  bsd-mailx               here             test_03_bsd_mailx
     4  s-nail                  here             test_04_s_nail
     5  mutt, DSN               here             test_05_mutt_dsn
     6  DSN not offered         here             test_06_dsn_not_offered
     7  PHP mail()              here             test_07_php
     8  nodemailer              here             test_08_nodemailer
     9  MIME::Lite              here             test_09_mime_lite
    10  logwatch                test_aliases.py  test_10_logwatch
    11  fail2ban                test_aliases.py  test_11_fail2ban
    12  a lone dot              here             test_12_*
    13  -i in all its forms     here             test_13_i_variants
    14  leading dots            here             test_14_leading_dots
    15  no header               here             test_15_no_header
    16  junk in the header      here             test_16_junk_in_header
    17  header only             here             test_17_header_only
    18  mbox From_              here             test_18_mbox
    19  empty input             here             test_19_empty
    20  -t without recipients   here             test_20_t_without_recipients
    21  no recipients at all    here             test_21_no_recipients
    22  -t and arguments        here             test_22_t_and_args
    23  duplicates              here             test_23_dedup
    24  Bcc only, folded        here             test_24_bcc_only
    25  empty group and Bcc     here             test_25_empty_group
    26  Resent                  here             test_26_resent
    27  null sender             here             test_27_null_sender
    28  forms of a sender       here             test_28_sender_forms
    29  full name               here             test_29_*
    30  CR and NUL              here             test_30_cr_nul
    31  long lines              here             test_31_long_lines
    32  8-bit                   here             test_32_*
    33  address syntax          here             test_33_address_syntax
    34  injection               here             test_34_injection
    35  every harmless option   here             test_35_*
    36  refused, and drained    here             test_36_*
    37  modes and names         here             test_37_*
    38  -bs                     test_bs.py       test_case_38
    39  reply to status         here             test_39_*
    40  environment and I/O     here             test_40a to test_40l
"""
import base64
import os
import pwd
import quopri
import re
import signal
import time

import pytest

from lib.check import body, canonical, header, silent, values
from lib.peer import context, smtp
from lib.program import MAILNAME, PASSWORD, SANITIZED
from lib.relay import CALLERS_CAPS
from lib.servers import free_ports

A, B, C = "a@example.org", "b@example.org", "c@example.org"
X = b"Subject: s\n\nx\n"
MEGABYTE = b"x\n" * (1 << 19)


def me():
    """Login and full name of who runs the tests."""
    entry = pwd.getpwuid(os.geteuid())
    name = entry.pw_gecos.split(",")[0].replace("&",
                                                entry.pw_name.capitalize())
    return entry.pw_name, name


class Caller:
    def __init__(self, relay, home):
        self.relay, self.home = relay, home

    def __call__(self, *argv, **more):
        more.setdefault("stdin", X)
        more.setdefault("env", {"HOME": None, "PATH": "/usr/bin:/bin"})
        return self.home.sendmail(*argv, **more)

    def ok(self, *argv, **more):
        """The run is OK0; its transaction and its data."""
        before = len(self.relay.messages())
        connected = self.relay.connected()
        run = self(*argv, **more)
        silent(run)
        assert run.writer is None, run
        self.relay.settled()
        mail = self.relay.messages()[before:]
        assert len(mail) == 1, mail
        assert self.relay.connected() == connected + 1
        assert self.relay.events("end")[-1]["quit"], run
        data = self.relay.stored(before + 1)
        canonical(data)
        return Mail(self.relay, mail[0], data)

    def refused(self, *argv, status=64, **more):
        """Refused before any connection, with a word and no more."""
        connected = self.relay.connected()
        run = self(*argv, **more)
        wanted = status if isinstance(status, tuple) else (status,)
        assert run.status in wanted, run
        assert run.stdout == b"" and run.err.strip(), run
        assert run.err.startswith("sendmail: "), run
        assert run.writer is None, run
        assert self.relay.connected() == connected, run
        return run


class Mail:
    def __init__(self, relay, event, data):
        self.data = data
        self.sender = event["from"].strip("<>")
        self.params = event["params"]
        if not isinstance(self.params, str):
            self.params = " ".join(self.params)
        self.rcpts = [r["address"] for r in event["rcpts"]]
        self.rcpt_params = [r["params"] if isinstance(r["params"], str) else
                            " ".join(r["params"]) for r in event["rcpts"]]
        self.body = body(data)

    def __getitem__(self, name):
        return values(self.data, name)


@pytest.fixture
def call(relay, home):
    """The fixture of section 5: relay, configuration, caller."""
    r = relay(caps=CALLERS_CAPS)
    return Caller(r, home(r.port))


def test_03_bsd_mailx(call):
    m = call.ok("-i", "-t", "-f", "from@example.org",
                stdin=b"From: from@example.org\nTo: a@example.org\n"
                b"Subject: subj\nCc: c@example.org\nBcc: b@example.org\n\n"
                b"hello\n")
    assert m.sender == "from@example.org"
    assert sorted(m.rcpts) == [A, B, C]
    assert m.body == b"hello\r\n"


def test_04_s_nail(call):
    login, name = me()
    m = call.ok("-i", "--", A,
                stdin=b"Date: Sat, 21 Nov 2026 19:21:29 +0000\n"
                b"To: a@example.org\nSubject: s\n\nhello\n.\nafter\n")
    address = ("%s@%s" % (login, MAILNAME)).encode()
    assert m["From"] in ([b"%s <%s>" % (name.encode(), address)], [address])
    assert name.encode() in m["From"][0]
    assert m["Date"] == [b"Sat, 21 Nov 2026 19:21:29 +0000"]
    assert m.body == b"hello\r\n.\r\nafter\r\n"
    assert m.sender == address.decode()


MUTT = ["-oem", "-oi", "-B8BITMIME", "-f", "me@example.net", "-N",
        "failure,delay", "-R", "hdrs"]
MUTT_TEXT = (b"From: me@example.net\nTo: a@example.org, -dash@example.org\n"
             b"Subject: s\n\nx")


def test_05_mutt_dsn(call):
    m = call.ok(*MUTT, "--", A, "-dash@example.org", stdin=MUTT_TEXT)
    assert m.sender == "me@example.net"
    assert "RET=HDRS" in m.params
    assert m.rcpts == [A, "-dash@example.org"]
    for params in m.rcpt_params:
        notify = re.search(r"NOTIFY=(\S+)", params).group(1)
        assert set(notify.split(",")) == {"FAILURE", "DELAY"}
    assert m.body == b"x\r\n"


def test_06_dsn_not_offered(relay, home):
    r = relay(caps="PIPELINING,SIZE 10485760,8BITMIME")
    m = Caller(r, home(r.port)).ok(*MUTT, "-V", "env1", "--", A,
                                   "-dash@example.org", stdin=MUTT_TEXT)
    both = m.params + " ".join(m.rcpt_params)
    for word in ("RET", "NOTIFY", "ENVID", "ORCPT"):
        assert word not in both, both


def test_07_php(call):
    m = call.ok("-t", "-i", "-fbounce@example.net",
                stdin=b"To: a@example.org\r\nSubject: s\r\n"
                b"From: x@example.net\r\nBcc: b@example.org\r\n\r\n"
                b"line1\n.\r\nline3\r\n")
    assert m.sender == "bounce@example.net"
    assert sorted(m.rcpts) == [A, B]
    assert m.body == b"line1\r\n.\r\nline3\r\n"


def test_08_nodemailer(call):
    m = call.ok("-i", "-f", "me@example.net", A, C, B,
                stdin=b"From: Me <me@example.net>\r\nTo: a@example.org\r\n"
                b"Cc: c@example.org\r\nBcc: b@example.org\r\nSubject: s\r\n"
                b"Message-ID: <m@example.net>\r\n"
                b"Date: Sat, 21 Nov 2026 19:22:33 +0000\r\n\r\nhello\n.\nx\r\n")
    assert m.rcpts == [A, C, B]
    assert m["Message-ID"] == [b"<m@example.net>"]
    assert m["Date"] == [b"Sat, 21 Nov 2026 19:22:33 +0000"]
    assert m.body == b"hello\r\n.\r\nx\r\n"


def test_09_mime_lite(call):
    m = call.ok("-t", "-oi", "-oem", "-fme@example.net",
                stdin=b"Content-Length: 8\nFrom: me@example.net\n"
                b"To: a@example.org\nBcc: b@example.org\nSubject: s\n\n"
                b"hi\n.\nbye")
    assert sorted(m.rcpts) == [A, B]
    assert m.body == b"hi\r\n.\r\nbye\r\n"


@pytest.mark.parametrize("dot", [b".\n", b".\r\n"])
def test_12_lone_dot(call, dot):
    m = call.ok(A, stdin=[b"Subject: s\n\none\n" + dot + b"two\n",
                          MEGABYTE])
    assert m.body == b"one\r\n"


def test_12_ignore_dots(call):
    call.home.general["ignore_dots"] = "yes"
    call.home.set()
    m = call.ok(A, stdin=b"Subject: s\n\none\n.\ntwo\n")
    assert m.body == b"one\r\n.\r\ntwo\r\n"


@pytest.mark.parametrize("argv", [
    ["-i", A], ["-oi", A], ["-oitrue", A], ["-o", "i", A],
    ["-OIgnoreDots", A], ["-O", "IgnoreDots=true", A], ["-ti"], ["-it"]],
    ids=" ".join)
def test_13_i_variants(call, argv):
    m = call.ok(*argv, stdin=b"To: a@example.org\nSubject: s\n\none\n.\ntwo\n")
    assert m.body == b"one\r\n.\r\ntwo\r\n"
    assert m.rcpts == [A]
    wire = b"".join(call.relay.raw().values())
    assert b"\r\n..\r\n" in wire


def test_14_leading_dots(call):
    m = call.ok(A, stdin=b"Subject: s\n\n..one\n.two\n...\nend\n")
    assert m.body == b"..one\r\n.two\r\n...\r\nend\r\n"


def test_15_no_header(call):
    m = call.ok("-i", A, stdin=b"hello world\nline2\n")
    assert m.body == b"hello world\r\nline2\r\n"
    names = {n.lower() for n, _ in header(m.data)}
    assert names == {"date", "message-id", "from"}, names


def test_16_junk_in_header(call):
    m = call.ok("-i", A, stdin=b"Subject: s\nthis is junk\nX: y\n\nhello\n")
    assert m.body == b"this is junk\r\nX: y\r\n\r\nhello\r\n"
    assert {n.lower() for n, _ in header(m.data)} == {"subject", "date",
                                                 "message-id", "from"}


def test_17_header_only(call):
    m = call.ok("-t", "-i", stdin=b"To: a@example.org\nSubject: s")
    assert m["Subject"] == [b"s"]
    assert m.body == b""
    assert m.data.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("mark", [b"", b">"])
def test_18_mbox(call, mark):
    m = call.ok("-t", "-i", stdin=mark +
                b"From x@y Mon Sep 17 00:00:00 2001\nFrom: me@example.net\n"
                b"To: a@example.org\nSubject: s\n\nFrom here\n")
    assert b"Sep 17" not in m.data and b"2001" not in m["Date"][0]
    assert m.sender == "%s@%s" % (me()[0], MAILNAME)
    assert m.body == b"From here\r\n"


def test_19_empty(call):
    m = call.ok("-i", A, stdin=b"")
    assert m.body == b""


@pytest.mark.parametrize("text", [
    b"From: me@example.net\nSubject: s\n\nhello\n", b"To: \n\nx\n", b"",
    b"To: undisclosed-recipients:;\n\nx\n"])
def test_20_t_without_recipients(call, text):
    call.refused("-t", "-i", stdin=text)


def test_21_no_recipients(call):
    call.refused("-i", stdin=MEGABYTE)


def test_22_t_and_args(call):
    m = call.ok("-t", "-oi", "x@example.org", C,
                stdin=b"From: me@example.net\nTo: a@example.org\n"
                b"Cc: c@example.org\nBcc: b@example.org\nSubject: s\n\nh\n")
    assert sorted(m.rcpts) == [A, B, C, "x@example.org"]


def test_23_dedup(call):
    m = call.ok("-i", A, "a@EXAMPLE.ORG", A, "A@example.org")
    assert m.rcpts == [A, "A@example.org"]


def test_24_bcc_only(call):
    m = call.ok("-t", "-i", stdin=b"From: me@example.net\n"
                b"Bcc: b@example.org,\n  c@example.org\nSubject: s\n\nx\n")
    assert m.rcpts == [B, C]
    assert b"c@example.org" not in m.data and not m["Cc"]


def test_25_empty_group(call):
    m = call.ok("-t", "-i", stdin=b"From: me@example.net\n"
                b"To: undisclosed-recipients:;\nBcc: b@example.org\n"
                b"Subject: s\n\nx\n")
    assert m.rcpts == [B]
    assert m["To"] == [b"undisclosed-recipients:;"]


def test_26_resent(call):
    m = call.ok("-t", "-i", stdin=b"Resent-From: r@example.net\n"
                b"Resent-To: new@example.org\nResent-Bcc: rb@example.org\n"
                b"From: me@example.net\nTo: a@example.org\n"
                b"Cc: c@example.org\nBcc: b@example.org\n"
                b"Date: Mon, 1 Jan 2024 00:00:00 +0000\n"
                b"Message-ID: <x@y>\n\nh\n")
    assert sorted(m.rcpts) == ["new@example.org", "rb@example.org"]
    assert len(m["Resent-Date"]) == 1 and len(m["Resent-Message-ID"]) == 1
    assert m["Date"] == [b"Mon, 1 Jan 2024 00:00:00 +0000"]
    assert m["Message-ID"] == [b"<x@y>"]


@pytest.mark.parametrize("argv", [
    ["-i", "-f", "<>", A], ["-i", "-f", "", A], ["-i", "-f<>", A],
    ["-oi", "-t", "-f", "x@y", "-f", "<>"]], ids=" ".join)
def test_27_null_sender(call, argv):
    m = call.ok(*argv, stdin=b"From: m@example.net\nTo: a@example.org\n"
                b"Subject: s\n\nx\n")
    assert m.sender == ""
    assert call.relay.commands("MAIL")[-1].upper().startswith("MAIL FROM:<>")


@pytest.mark.parametrize("argv,sender", [
    (["-f", "<env@example.net>"], "env@example.net"),
    (["-f", "N N <env@example.net>"], "env@example.net"),
    (["-r", "env@example.net"], "env@example.net"),
    (["-fenv@example.net"], "env@example.net"),
    (["-f", "one@x", "-f", "env@example.net"], "env@example.net"),
    (["-f", "env"], "env@" + MAILNAME)], ids=str)
def test_28_sender_forms(call, argv, sender):
    m = call.ok("-i", *argv, A, stdin=b"From: h@example.net\n" + X)
    assert m.sender == sender
    assert m["From"] == [b"h@example.net"]


@pytest.mark.parametrize("argv,env,start", [
    (["-F", "Doe, Jane", "-f", "e@example.net"], {},
     b'"Doe, Jane" <e@example.net>'),
    (["-FCronDaemon"], {}, b"CronDaemon <%s>"),
    ([], {"NAME": "Env Name"}, b"Env Name <%s>"),
    (["-F", 'a "quoted" \\ name'], {}, b'"a \\"quoted\\" \\\\ name" <%s>')],
    ids=["quoted", "glued", "NAME", "specials"])
def test_29_full_name(call, argv, env, start):
    m = call.ok("-i", *argv, A, env=dict(env, HOME=None))
    address = ("%s@%s" % (me()[0], MAILNAME)).encode()
    assert m["From"] == [start % address if b"%s" in start else start]


def test_29_encoded_name(call):
    m = call.ok("-i", "-F", "Jörg", A)
    assert re.fullmatch(rb"=\?utf-8\?[QB]\?[!-~]+\?= <\S+>", m["From"][0],
                        re.I), m["From"]


def test_30_cr_nul(call):
    m = call.ok("-i", A, stdin=b"Subject: s\rX-Inject: 1\n\none\rtwo\n"
                b"3\r\r\nfo\0ur\r\n")
    assert m["Subject"] == [b"s X-Inject: 1"]
    assert not m["X-Inject"]
    assert m.body == b"one\r\ntwo\r\n3\r\nfour\r\n"


@pytest.mark.parametrize("caps", [CALLERS_CAPS, "PIPELINING,SIZE 10485760"],
                         ids=["8BITMIME", "7 bits"])
def test_31_long_lines(relay, home, caps):
    r = relay(caps=caps)
    m = Caller(r, home(r.port)).ok(
        "-i", A, stdin=b"X-L: " + b"y" * 3000 + b"\nSubject: s\n\n" +
        b"x" * 3000 + b"\nend\n")
    assert re.sub(rb"\s", b"", b"".join(m["X-L"])) == b"y" * 3000
    coding = m["Content-Transfer-Encoding"]
    for name in ("MIME-Version", "Content-Type"):
        assert len(m[name]) == len(coding), m.head
    text = {(b"quoted-printable",): quopri.decodestring,
            (b"base64",): base64.b64decode}[tuple(coding)](m.body)
    assert text.replace(b"\r\n", b"\n") == b"x" * 3000 + b"\nend\n"


EIGHT = (b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
         b"Content-Transfer-Encoding: 8bit\nSubject: s\n\ncaf\xc3\xa9\n")


def test_32_eight_bit(call):
    m = call.ok("-i", A, stdin=EIGHT)
    assert "BODY=8BITMIME" in m.params
    assert m.body == b"caf\xc3\xa9\r\n"


def test_32_without_8bitmime(relay, home):
    r = relay(caps="PIPELINING,SIZE 10485760,DSN")
    m = Caller(r, home(r.port)).ok("-i", A, stdin=EIGHT)
    assert "BODY=" not in m.params
    text = m.body
    if m["Content-Transfer-Encoding"] == [b"quoted-printable"]:
        text = quopri.decodestring(text)
    assert text == b"caf\xc3\xa9\r\n"


def test_33_address_syntax(call):
    m = call.ok("-t", "-i", stdin=b'To : a@example.org,\n\t"Q, x" '
                b'<b@example.org> (c, d), "a b"@example.org\n'
                b"From: m@example.net\nSubject: s\n\nx\n")
    assert m.rcpts == [A, B, '"a b"@example.org']
    m = call.ok("-i", "Full Name <a@example.org>, b@example.org")
    assert m.rcpts == [A, B]


@pytest.mark.parametrize("argv,status", [
    (["-i", "a@example.org\nRCPT TO:<evil@example.org>"], 65),
    (["-i", "-f", "x@y\r\nRSET", A], 65),
    (["-F", "A\nBcc: e@x", A], (64, 65))], ids=["rcpt", "from", "name"])
def test_34_injection(call, argv, status):
    call.refused(*argv, status=status)


def test_35_option_zoo(call):
    m = call.ok("-Ac", "-B7BIT", "-G", "-h", "5", "-L", "tag", "-m", "-n",
                "-O", "DeliveryMode=b", "-OErrorMode=m", "-oA/etc/aliases",
                "-oQ/tmp", "-o7", "-om", "-oo", "-odb", "-odq", "-oex", "-em",
                "-p", "esmtp:h", "-U", "-x", "-c", "-s", "-d0", "-X",
                "/dev/null", "-XV", "-i", "--", A)
    assert m.rcpts == [A]


def test_35_debug_version(call):
    run = call("-d0.1", "-i", A)
    assert run.status == 0 and run.stderr == b"", run
    assert re.search(r"\d+\.\d+", run.out), run
    assert len(call.relay.messages(1)) == 1


@pytest.mark.parametrize("name", ["log", "conf"])
def test_35_nothing_named_is_opened(call, tmp, name):
    """-X, -O, -oQ, -oA: nothing named by a caller is opened (DESIGN 2)."""
    path = tmp / name
    call.ok("-X", str(path), "-oQ%s" % path, "-oA%s" % path,
            "-O", "QueueDirectory=%s" % path, "-O", "AliasFile=%s" % path, A)
    assert not path.exists()


REJECTS = [["-Z", A], ["-bd"], ["-bt"], ["-bD"], ["-bl"], ["-ba"], ["-be"],
           ["-bz"], ["-Nbogus", A], ["-Rbogus", A], ["-V", "not xtext", A],
           ["-f"], ["--nonsense", A], ["--dry-run", A], ["--host=x", A],
           ["--password-fd=0", A], ["--config=/nonexistent", A],
           ["--set=tls=none", A], ["--help", A], ["--version", A],
           ["-C", "/nonexistent", A], ["-C/nonexistent", A],
           ["-D", "/tmp/x", A], ["-Mx", A], ["-Q", A], ["-a", "test", A]]


@pytest.mark.parametrize("argv", REJECTS, ids=" ".join)
def test_36_rejects(call, argv):
    """exit 64; stderr one line; stdout empty; no connection; the writer of
    1 MiB is not killed."""
    run = call.refused(*argv, stdin=[MEGABYTE])
    assert len(run.err.splitlines()) == 1, run


def test_36_alone(call):
    """--version and --help alone on the line are answered."""
    for word in ("--version", "--help"):
        run = call(word, stdin=b"")
        assert run.status == 0 and run.stdout and not run.stderr, run
    assert call.relay.connected() == 0


def test_37_bm(call):
    assert call.ok("-bm", A).rcpts == [A]


@pytest.mark.parametrize("argv", [["-q"], ["-qf"], ["-q", A]], ids=" ".join)
def test_37_queue_run(call, argv):
    """Nothing to do, nothing said; no argument of it is a recipient.  What
    stays (-q15m) is in test_queue.py."""
    silent(call(*argv, stdin=b""))
    assert call.relay.connected() == 0


def test_37_queue_only(call):
    """-odq queues, unless the account says never to (case 35)."""
    call.home.set(queue=None)
    silent(call("-odq", A))
    assert call.relay.connected() == 0
    assert len(list(call.home.spool.glob("m.*"))) == 1


@pytest.mark.parametrize("argv,name", [(["-bp"], None), ([], "mailq"),
                                       ([], "/usr/bin/mailq")])
def test_37_mailq(call, argv, name):
    run = call(*argv, name=name, stdin=b"")
    assert run.status == 0 and run.stdout == b"Mail queue is empty\n", run
    assert run.stderr == b"" and call.relay.connected() == 0, run


@pytest.mark.parametrize("argv,name", [(["-bi"], None), (["-I"], None),
                                       ([], "newaliases"),
                                       ([], "/usr/bin/newaliases")])
def test_37_newaliases(call, argv, name):
    silent(call(*argv, name=name, stdin=b""))
    assert call.relay.connected() == 0


@pytest.mark.parametrize("name", ["sendmail", "/usr/lib/sendmail",
                                  "send-mail", "-sendmail"])
def test_37_names(call, name):
    """argv[0] decides, whatever the path before it."""
    if name == "-sendmail":	# as a login shell would be called
        run = call("-i", A, name=name)
        assert run.status in (0, 64), run
        return
    assert call.ok("-i", A, name=name, stdin=b"Subject: s\n\nx\n")
    run = call("--dry-run", A, name=name)
    assert run.status == 64, run


AB = ["-i", A, B]
DATA_OK = {"DATA": b"354 go\r\n"}


def rows():
    """Case 39: name, replies, exit status, caps."""
    def reply(verb, text, status, caps=("PIPELINING",)):
        return ("%s %s" % (verb, text), {verb: text.encode() + b"\r\n"},
                status, caps)

    def close(verb):
        return ("close after " + verb, {verb: lambda c, l: False}, 75,
                ("PIPELINING",))
    yield reply("GREETING", "554 5.3.2 no", 69)
    yield reply("GREETING", "421 4.3.2 busy", 75)
    yield close("GREETING")
    yield reply("EHLO", "421 4.3.2 busy", 75)
    for text, status in (("451 4.0.0 x", 75), ("501 5.1.7 x", 65),
                         ("553 5.1.8 x", 65), ("550 5.7.1 x", 69),
                         ("552 5.3.4 x", 69), ("530 5.7.0 x", 77)):
        yield reply("MAIL", text, status)
        yield reply("MAIL", text, status, ())
    for text, status in (("550 5.1.1 x", 67), ("551 5.1.6 x", 67),
                         ("553 5.1.3 x", 67), ("552 5.2.2 x", 69),
                         ("554 5.7.1 x", 69), ("450 4.2.1 x", 75),
                         ("554 5.1.1 x", 67)):
        yield reply("RCPT", text, status)
        yield reply("RCPT", text, status, ())
    for text, status in (("554 5.0.0 x", 69), ("451 4.0.0 x", 75),
                         ("250 2.0.0 x", 76)):
        yield reply("DATA", text, status)
        yield reply("DATA", text, status, ())
    for text, status in (("554 5.6.0 x", 69), ("552 5.3.4 x", 69),
                         ("451 4.0.0 x", 75)):
        yield reply("DOT", text, status)
    yield close("DATA")
    yield close("DOT")
    for verb in ("GREETING", "EHLO", "MAIL"):
        yield reply(verb, "2 garbage", 76)


ROWS = list(rows())


@pytest.mark.parametrize("row", ROWS, ids=[
    "%s%s" % (r[0], "" if r[3] else " lockstep") for r in ROWS])
def test_39_status(home, peer, row):
    """Case 39: reply -> status; stderr has code and text; stdout is empty."""
    _, replies, status, caps = row
    p = peer(smtp(replies, caps=caps))
    run = home(p.port).sendmail(*AB, stdin=X)
    assert run.status == status, run
    assert run.stdout == b"" and run.err.startswith("sendmail: "), run
    text = list(replies.values())[0]
    if isinstance(text, bytes) and text[:1] in b"45":
        assert text.decode().strip() in run.err, run


def test_39_partial(home, peer):
    """RCPT a 250, b 550 -> DATA sent for a, 67; b 450 -> delivered to a, 75;
    a 550, b 450 -> no DATA."""
    def answers(a, b):
        return lambda conn, line: conn.send(a if b"a@" in line else b)
    no, later, ok = b"550 5.1.1 x\r\n", b"450 4.2.1 x\r\n", b"250 ok\r\n"
    for caps in ((), ("PIPELINING",)):
        for a, b, status, sent in ((ok, no, 67, True), (ok, later, 75, True),
                                   (no, later, 67, False),
                                   (later, later, 75, False)):
            p = peer(smtp({"RCPT": answers(a, b)}, caps=caps))
            run = home(p.port).sendmail(*AB, stdin=X)
            assert run.status == status, run
            assert (b"\r\nSubject: s\r\n" in p.got[0]) == sent, p.got


def test_39_all_or_nothing(home, relay):
    """`partial abort` is here all_or_nothing: no content, 67."""
    r = relay("--reply=RCPT@b@*=550 5.1.1 no", caps=CALLERS_CAPS)
    run = home(r.port, all_or_nothing="yes").sendmail(*AB, stdin=X)
    assert run.status == 67, run
    r.settled()
    assert not r.messages()


def test_39_nothing_listening(home):
    run = home(free_ports(1)[0]).sendmail(*AB, stdin=X)
    assert run.status == 75, run


def test_39_quit_unanswered(home, peer):
    p = peer(smtp({"QUIT": lambda c, l: (c.drain(), False)[1]}))
    silent(home(p.port).sendmail(*AB, stdin=X))


@pytest.mark.parametrize("reply,status", [
    (b"535 5.7.8 no\r\n", 77), (b"454 4.7.0 later\r\n", 75), (None, 76)])
def test_39_auth(home, peer, certs, reply, status):
    p = peer(smtp({"AUTH": reply}, caps=["AUTH PLAIN"] if reply else [],
                  tls=context(certs)))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem").login()
    run = h.sendmail(*AB, stdin=X)
    assert run.status == status, run
    assert b"MAIL" not in p.got[0]


def test_39_starttls_required(home, peer, certs):
    p = peer(smtp())
    run = home(p.port, tls="starttls").sendmail(*AB, stdin=X)
    assert run.status == 76, run
    assert b"MAIL" not in p.got[0]


def test_40a_stdin_closed(call):
    run = call("-i", A, close=[0])
    assert run.status == 66 and run.stdout == b"" and run.err, run
    assert call.relay.connected() == 0


def test_40b_stdin_directory(call):
    fd = os.open("/", os.O_RDONLY)
    run = call("-i", A, stdin=fd)
    os.close(fd)
    assert run.status == 74, run
    assert call.relay.connected() == 0


@pytest.mark.parametrize("which", [[1, 2], [1], [2]])
def test_40c_closed_output(call, which):
    m = call.ok("-v", "-i", A, close=which) if 2 in which else \
        call.ok("-i", A, close=which)
    assert m.body == b"x\r\n"


def test_40c_failure_with_closed_output(home, relay):
    """No text of ours leaks into the dialogue when there is no stderr."""
    r = relay("--reply=RCPT=550 5.1.1 no", caps=CALLERS_CAPS)
    run = home(r.port).sendmail("-v", "-i", A, stdin=X, close=[1, 2])
    assert run.status == 67, run
    for got in r.raw().values():
        assert b"sendmail:" not in got and b"550" not in got, got


def test_40d_empty_environment(call):
    env = {k: None for k in call.home.env}
    env["XDG_CONFIG_HOME"] = call.home.env["XDG_CONFIG_HOME"]
    for name in call.home.env:
        if name.endswith("_OPTIONS") or name.startswith(("LLVM", "GCOV")):
            env[name] = call.home.env[name]
    call.ok("-i", A, env=env)


def test_40e_no_home(call):
    call.ok("-i", A, env={"HOME": "/nonexistent"})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become others")
@pytest.mark.parametrize("env,login", [({"LOGNAME": "svc"}, "svc"),
                                       ({"USER": "svc2"}, "svc2"),
                                       ({"LOGNAME": "D\\j"}, '"D\\\\j"'),
                                       ({"LOGNAME": "a..b"}, '"a..b"'),
                                       ({}, "uid54321")])
def test_40f_no_passwd_entry(call, env, login):
    os.chown(call.home.config, 54321, 54321)
    m = call.ok("-i", A, uid=54321, gid=54321, env=dict(env, HOME=None))
    assert m.sender == "%s@%s" % (login, MAILNAME)


def test_40g_no_space(call, tmp):
    """What does not fit into a temporary file is not sent in part.  A limit
    on a file's size fails as a full file system does, and needs no root."""
    env = {"HOME": None, "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp)}
    call.refused("-i", A, status=75, env=env, stdin=[b"\n" + MEGABYTE],
                 limits={"RLIMIT_FSIZE": 64 << 10})


def test_40h_slow_producer(call):
    call.home.set(timeout_command=1)
    before = time.monotonic()
    m = call.ok("-i", A, stdin=[b"Subject: s\n\n", 1.5, b"x\n"])
    assert m.body == b"x\r\n" and time.monotonic() - before > 1.4


def test_40i_password_command_reads_stdin(home, secure):
    r, h = secure(password=None, password_command="cat >/dev/null && echo " +
                  PASSWORD, caps=CALLERS_CAPS)
    silent(h.sendmail("-i", A, stdin=b"Subject: s\n\n" + MEGABYTE))
    assert len(body(r.stored())) == len(MEGABYTE) * 3 // 2


def test_40j_options_after_recipient(call):
    """Parsing stops at the first recipient."""
    run = call(A, "-i", "-f", "b@example.net",
               stdin=b"Subject: s\n\none\n.\ntwo\n")
    assert run.status in (0, 65, 67), run
    for m in call.relay.messages():
        assert m["from"].strip("<>") != "b@example.net", m


def test_40k_parallel_ids(call):
    both = [call.home.start("-i", A, stdin=X, name="sendmail")
            for _ in range(2)]
    for s in both:
        silent(s.finish())
    call.relay.messages(2)
    ids = {values(call.relay.stored(n), "Message-ID")[0] for n in (1, 2)}
    assert len(ids) == 2


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP])
def test_40l_signal(call, home, relay, sig):
    """SIGTERM while waiting for the final reply -> 75; the temporary file is
    gone."""
    r = relay("--reply=DOT=!silence", caps=CALLERS_CAPS)
    h = home(r.port, timeout_end=60)
    temp = h.dir / "tmp"
    temp.mkdir()
    started = h.start("-i", A, stdin=[b"Subject: s\n\n" + MEGABYTE],
                      name="sendmail", env={"TMPDIR": str(temp)})
    r.wait("message", seconds=10)
    time.sleep(0.1)
    assert started.alive()
    started.signal(sig)
    run = started.finish()
    assert run.status == 75, run
    assert run.elapsed < 5, run
    assert list(temp.iterdir()) == []


def test_drains_before_error(call):
    """Before an error exit stdin is drained (DESIGN 2)."""
    big = [MEGABYTE] * 8
    for argv in (["-i"], ["-Z"], ["-i", "bad address <"],
                 ["-i", "-f", "a b c", A]):
        run = call(*argv, stdin=big)
        assert run.status in (64, 65), run
        assert run.writer is None, run


def test_quiet(call):
    """-oeq and -eq: no diagnostics, the same status."""
    for option in ("-oeq", "-eq"):
        run = call(option, "-i", "-f", "x y z@", A)
        assert run.status == 65, run
        assert run.stderr == b"" and run.stdout == b"", run


def test_memory(call):
    """As sendmail with 1 MiB of text it stays small."""
    run = call("-i", A, stdin=b"Subject: s\n\n" + MEGABYTE)
    silent(run)
    assert SANITIZED or run.rss < 16 << 20, run.rss
