"""-bs, SMTP on standard input, and -bv (CALLERS.md 4.1, case 38)."""
import os
import re
import time

import pytest

from lib.check import canonical
from lib.program import MAILNAME
from lib.servers import free_ports

A, B = "a@example.org", "b@example.org"
BAD = "--reply=RCPT@bad@*=550 5.1.1 no such user"
START = b"EHLO c\nMAIL FROM:<me@example.net>\nRCPT TO:<a@example.org>\n"
CASE_38 = (START + b"RCPT TO:<bad@example.org>\nDATA\nSubject: s\n\n..dot\nx\n"
           b".\nQUIT\n")
MESSAGE = b"DATA\nSubject: s\n\nx\n.\n"


def replies(run):
    """Each reply as (code, enhanced code or ""); all lines end in CRLF."""
    lines = run.stdout.split(b"\r\n")
    assert lines[-1] == b"" and b"\n" not in b"".join(lines), run
    got = []
    for line in lines[:-1]:
        m = re.match(rb"(\d{3})([- ])(?:(\d\.\d+\.\d+)( |$))?", line)
        assert m, (line, run)
        if m.group(2) == b" ":
            got.append((int(m.group(1)), (m.group(3) or b"").decode()))
    return got


def codes(run):
    return [code for code, _ in replies(run)]


def ok(run):
    assert run.status == 0 and run.stderr == b"", run
    return run


@pytest.fixture
def bs(relay, home):
    """bs(stdin, *options): the relay, and a run of `sendmail -bs -i`."""
    def start(stdin, *options, argv=("-bs", "-i"), **settings):
        r = relay(BAD, *options)
        h = home(r.port, **settings)
        return r, ok(h.sendmail(*argv, stdin=stdin))
    return start


@pytest.mark.parametrize("text", [CASE_38, CASE_38.replace(b"\n", b"\r\n")],
                         ids=["LF", "CRLF"])
def test_case_38(bs, text):
    r, run = bs(text)
    assert codes(run) == [220, 250, 250, 250, 550, 354, 250, 221]
    assert run.stdout.startswith(b"220 " + MAILNAME.encode() + b" ")
    assert b"STARTTLS" not in run.stdout and b"AUTH" not in run.stdout
    assert b"550 5.1.1 no such user\r\n" in run.stdout
    mail, = r.messages(1)
    assert mail["from"].strip("<>") == "me@example.net"
    assert [x["address"] for x in mail["rcpts"] if x["code"] == 250] == [A]
    data = r.stored(1)
    canonical(data)
    assert data.endswith(b"\r\n\r\n.dot\r\nx\r\n")
    for field in (b"Date: ", b"Message-ID: <", b"From: "):
        assert data.count(b"\r\n" + field) == 1, data
    r.settled()
    assert r.events("end")[-1]["quit"]


def test_by_name_posthaste(relay, home):
    r = relay(BAD)
    run = ok(home(r.port).run("-bs", stdin=CASE_38))
    assert codes(run) == [220, 250, 250, 250, 550, 354, 250, 221]


def test_a_dialogue(relay, home):
    """Lock step, as Symfony Mailer does it: nothing before it is asked."""
    r = relay(BAD)
    ours, theirs = os.pipe()
    started = home(r.port).start("-bs", stdin=ours, exe=None)
    os.close(ours)
    sent = 0

    def hear(code):
        nonlocal sent
        end = time.monotonic() + 5
        while time.monotonic() < end:
            text = bytes(started.out.got)[sent:]
            m = re.match(rb"(?:\d{3}-[^\n]*\r\n)*(\d{3}) [^\n]*\r\n", text)
            if m:
                sent += m.end()
                assert int(m.group(1)) == code, text
                return
            time.sleep(0.005)
        raise AssertionError("no reply %d" % code)

    hear(220)
    for line, code in [("EHLO [127.0.0.1]", 250), ("NOOP", 250),
                       ("MAIL FROM:<me@example.net>", 250),
                       ("RCPT TO:<bad@example.org>", 550), ("RSET", 250),
                       ("MAIL FROM:<me@example.net> SIZE=1000", 250),
                       ("RCPT TO:<a@example.org>", 250), ("DATA", 354),
                       ("Subject: s\r\n\r\nx\r\n.", 250), ("QUIT", 221)]:
        os.write(theirs, line.encode() + b"\r\n")
        hear(code)
    os.close(theirs)
    run = ok(started.finish())
    assert len(r.messages(1)) == 1
    assert r.connected() == 1, run


def test_many_messages_one_connection(bs):
    r, run = bs(b"EHLO c\n" + (START[7:] + MESSAGE) * 20 + b"QUIT\n")
    assert codes(run) == [220, 250] + [250, 250, 354, 250] * 20 + [221]
    assert len(r.messages(20)) == 20 and r.connected() == 1


def test_bcc_and_bare_names(bs):
    """The message is completed and the envelope qualified, as elsewhere."""
    r, run = bs(b"EHLO c\nMAIL FROM:<root>\nRCPT TO:<ops>\nDATA\nBcc: x@y.zz\n"
                b"Subject: s\n\nx\n.\nQUIT\n")
    mail, = r.messages(1)
    assert mail["from"].strip("<>") == "root@" + MAILNAME
    assert [x["address"] for x in mail["rcpts"]] == ["ops@" + MAILNAME]
    assert b"Bcc" not in r.stored(1)


def test_parameters(bs):
    r, run = bs(b"EHLO c\nMAIL FROM:<me@example.net> RET=HDRS ENVID=q1 "
                b"BODY=8BITMIME SIZE=50\nRCPT TO:<a@example.org> NOTIFY=NEVER "
                b"ORCPT=rfc822;o@example.org\nDATA\nSubject: s\n\n\xc3\xa9\n.\n")
    assert codes(run) == [220, 250, 250, 250, 354, 250]
    mail, = r.commands("MAIL")
    assert mail == ("MAIL FROM:<me@example.net> SIZE=50 BODY=8BITMIME RET=HDRS "
                    "ENVID=q1")
    assert r.commands("RCPT") == ["RCPT TO:<a@example.org> NOTIFY=NEVER "
                                  "ORCPT=rfc822;o@example.org"]


def test_account_asks_for_notices(bs):
    """The account's settings hold where the client says nothing."""
    r, run = bs(START + b"RCPT TO:<b@example.org> NOTIFY=NEVER\n" + MESSAGE,
                dsn_return="hdrs", dsn_notify="failure")
    assert codes(run) == [220, 250, 250, 250, 250, 354, 250]
    assert r.commands("MAIL")[0].endswith(" RET=HDRS")
    assert r.commands("RCPT") == ["RCPT TO:<a@example.org> NOTIFY=FAILURE",
                                  "RCPT TO:<b@example.org> NOTIFY=NEVER"]


def test_bdat(bs):
    r, run = bs(START + b"BDAT 12\nSubject: s\n\nBDAT 2 LAST\nx\nQUIT\n")
    assert codes(run) == [220, 250, 250, 250, 250, 250, 221]
    assert r.stored(1).endswith(b"\r\n\r\nx\r\n")


@pytest.mark.parametrize("tail", [b"", b"DATA\nSubject: s\n\nhalf",
                                  b"DATA\nSubject: s\n\nhalf\n.",
                                  b"BDAT 100 LAST\nhalf", b"RSET\nQUIT\n"],
                         ids=["RCPT", "amid", "dot", "bdat", "rset"])
def test_cut_off(bs, tail):
    """Input that ends early sends nothing, and that is no error."""
    r, run = bs(START + tail)
    r.settled()
    assert not r.messages() and not r.commands("DATA") + r.commands("BDAT")


def test_nothing_said(relay, home):
    r = relay()
    for text, said in [(b"", [220]), (b"QUIT\n", [220, 221]),
                       (b"EHLO c\nNOOP\n", [220, 250, 250])]:
        assert codes(ok(home(r.port).sendmail("-bs", stdin=text))) == said
    assert r.connected() == 0


@pytest.mark.parametrize("option,said", [
    ("--reply=MAIL=550 5.7.1 not you", [(550, "5.7.1")]),
    ("--reply=MAIL=451 4.3.0 later", [(451, "4.3.0")]),
    ("--reply=MAIL=530 5.7.0 log in", [(451, "4.7.0")]),
    ("--reply=GREETING=554 5.3.2 no", [(451, "4.7.0")]),
    ("--reply=GREETING=421 4.3.2 busy", [(451, "4.4.1")]),
    ("--reply=MAIL=!close", [(451, "4.4.2")]),
    ("--reply=RCPT=452 4.5.3 many", [(250, "2.1.0"), (452, "4.5.3")]),
    ("--reply=RCPT=421 4.3.2 going", [(250, "2.1.0"), (451, "4.3.2")]),
], ids=lambda v: v[8:] if isinstance(v, str) else "")
def test_refusals(bs, option, said):
    """The relay's word to the message is passed on; its own trouble is 451."""
    r, run = bs(START + b"DATA\nQUIT\n", option)
    got = replies(run)[2:]
    assert got[:len(said)] == said, run
    assert got[len(said):-1] and got[-1][0] == 221, run
    assert all(code in (503, 554) for code, _ in got[len(said):-1]), run


@pytest.mark.parametrize("option,said", [
    ("--reply=DOT=554 5.7.1 spam\\x1b[1m", (554, "5.7.1")),
    ("--reply=DOT=451 4.3.0 later", (451, "4.3.0")),
    ("--reply=DOT=!close", (451, "4.4.2")),
], ids=lambda v: v[8:20] if isinstance(v, str) else "")
def test_content_refused(bs, option, said):
    r, run = bs(START + MESSAGE + START[7:] + MESSAGE + b"QUIT\n", option)
    assert replies(run)[4] == (354, "") and replies(run)[5] == said, run
    assert replies(run)[-1][0] == 221 and b"\x1b" not in run.stdout
    # A message that was refused leaves the way open for the next.
    assert replies(run)[6:8] == [(250, "2.1.0"), (250, "2.1.5")], run


def test_relay_is_not_there(home):
    port, = free_ports(1)
    run = ok(home(port).sendmail("-bs", stdin=START + b"QUIT\n"))
    assert replies(run)[2:] == [(451, "4.4.1"), (503, "5.5.1"),
                                (221, "2.0.0")], run


def test_wrong_password(secure):
    r, h = secure(password="wrong-one")
    run = ok(h.sendmail("-bs", stdin=START + b"QUIT\n"))
    assert replies(run)[2] == (451, "4.7.0"), run


def test_lost_between_messages(relay, home):
    """A relay that hangs up between two messages is called again."""
    r = relay("--reply=MAIL%1#2=!close")
    run = ok(home(r.port).sendmail("-bs", stdin=(
        START + MESSAGE + START[7:] + MESSAGE + b"QUIT\n")))
    assert codes(run) == [220, 250, 250, 250, 354, 250, 250, 250, 354, 250,
                          221], run
    assert len(r.messages(2)) == 2 and r.connected() == 2


def test_too_large(bs):
    r, run = bs(START + b"DATA\nSubject: s\n\n" + b"x\n" * 2000 + b".\nMAIL FROM:<"
                b"me@example.net> SIZE=2000\nQUIT\n", max_message_size=1000)
    assert b"250-SIZE 1000\r\n" in run.stdout
    assert replies(run)[5:] == [(552, "5.3.4"), (552, "5.3.4"),
                                (221, "2.0.0")], run
    r.settled()
    assert not r.messages()


def test_a_large_message_needs_no_memory(bs):
    line = b"x" * 71 + b"\n"
    r, run = bs([START, b"DATA\nSubject: s\n\n", *[line * 14000] * 60,
                 b".\nQUIT\n"])
    assert codes(run)[-2:] == [250, 221], run
    assert r.messages(1)[0]["size"] > 60 * 14000 * 72


def test_smuggling(bs):
    """After CRLF commands only CRLF dot CRLF ends the content."""
    evil = (b"Subject: s\r\n\r\nx\n.\nMAIL FROM:<evil@x.yy>\r\nx\n.\r\n\r.\r\n"
            b".\r\n")
    r, run = bs(START.replace(b"\n", b"\r\n") + b"DATA\r\n" + evil +
                b"QUIT\r\n")
    assert codes(run) == [220, 250, 250, 250, 354, 250, 221], run
    assert len(r.messages(1)) == 1 and len(r.commands("MAIL")) == 1


def test_hostile_input(bs):
    """Noise ends in 421, without a crash and without a connection."""
    r, run = bs(bytes(range(256)) * 5000 + b"\n" * 100)
    assert codes(run)[-1] == 421, run
    assert r.connected() == 0


def test_no_configuration(home):
    run = home(1).sendmail("-bs", stdin=START, env={"XDG_CONFIG_HOME": "/none",
                                                   "HOME": "/none"})
    assert run.status == 78 and codes(run) == [421], run
    assert run.stderr, run


def test_verify(relay, home):
    r = relay()
    h = home(r.port)
    run = ok(h.sendmail("-bv", A, "Some One <b@example.org>", "root"))
    lines = run.out.splitlines()
    assert lines[0].startswith("MAIL FROM:<")
    assert lines[1:] == ["RCPT TO:<%s>" % x for x in
                         (A, B, "root@" + MAILNAME)]
    run = h.sendmail("-bv", "a@@b")
    assert run.status == 67 and run.stdout == b"" and run.stderr, run
    assert h.sendmail("-bv").status == 64
    assert r.connected() == 0
