"""What the sender of queued mail is told: notices of failure, of delay and,
for a relay that cannot, of success (RFC 3461, RFC 3464, RFC 6522).

Each notice is read by a parser that is not ours: Python's.
"""
import email
import email.policy
import email.utils
import itertools
import os
import re
import time

import pytest

from lib.check import canonical, silent
from lib.program import FROM, MAILNAME
from lib.relay import CAPS, CHUNKING
from lib.spool import BOB, CAROL, DAVE, Queue, mail

NO_DSN = CAPS.replace(",DSN", "")
REFUSED = "--reply=RCPT@%s=550 5.1.1 <%s>: no such user here"
LATER = "--reply=RCPT@%s=450 4.2.1 mailbox is busy"
SHORT = {"retry": "1s", "retry_max": "1s", "lifetime": "3s",
         "delay_notice": "1s"}


@pytest.fixture
def queue(tmp):
    number = itertools.count(1)

    def make(port=None, **settings):
        return Queue(tmp / ("queue%d" % next(number)), port, **settings)

    return make


def refuse(*who):
    return [REFUSED % (w, w) for w in who]


class Notice:
    """A notice as its reader's programs see it."""

    def __init__(self, data):
        canonical(data)
        self.data = data
        self.mail = email.message_from_bytes(data,
                                             policy=email.policy.default)
        top = self.mail
        assert top.get_content_type() == "multipart/report"
        assert top.get_param("report-type") == "delivery-status"
        assert top["Auto-Submitted"] == "auto-replied"
        assert email.utils.parseaddr(top["From"])[1] == \
            "MAILER-DAEMON@" + MAILNAME
        assert not top.defects, top.defects
        parts = list(top.iter_parts())
        assert len(parts) == 3, [p.get_content_type() for p in parts]
        assert all(not p.defects for p in parts)
        self.text = parts[0].get_content()
        assert parts[0].get_content_type() == "text/plain"
        assert parts[1].get_content_type() == "message/delivery-status"
        blocks = parts[1].get_payload()
        self.message, self.rcpts = blocks[0], blocks[1:]
        self.returned = parts[2]

    def rcpt(self, address):
        (found,) = [r for r in self.rcpts
                    if r["Final-Recipient"].split(";")[1].strip() == address]
        return found


def notices(q):
    """The notices that wait in the queue, oldest first."""
    return [e for e in q.entries() if b"multipart/report" in e.message]


def notice(q):
    (entry,) = notices(q)
    return Notice(entry.message)


def deliver(q, relay, n):
    """Let the notices go; message n as the relay has it."""
    silent(q.go("-q"))
    return relay.messages(n)[n - 1]


def test_a_refusal_in_the_queue_is_told(queue, relay):
    r = relay(*refuse(CAROL))
    q = queue(r.port)
    before = time.time()
    q.put("-V", "env-7", BOB, CAROL, stdin=mail(
        "about dinner", "bring wine\n", Message_ID="<m1@host.example.net>"))
    assert q.go("-q").status == 210
    n = notice(q)
    assert n.mail["To"] == FROM
    assert n.mail["In-Reply-To"] == "<m1@host.example.net>"
    assert n.mail["References"] == "<m1@host.example.net>"
    assert "about dinner" in n.mail["Subject"]
    assert CAROL in n.text and "no such user here" in n.text, n.text
    assert BOB not in n.text
    m = n.message
    assert m["Reporting-MTA"] == "dns; " + MAILNAME
    assert m["Original-Envelope-Id"] == "env-7"
    arrival = email.utils.parsedate_to_datetime(m["Arrival-Date"]).timestamp()
    assert before - 1 <= arrival <= time.time()
    assert len(n.rcpts) == 1
    c = n.rcpt(CAROL)
    assert c["Final-Recipient"] == "rfc822; " + CAROL
    assert c["Action"] == "failed" and c["Status"] == "5.1.1"
    assert re.fullmatch(r"dns; \[?127\.0\.0\.1\]?", c["Remote-MTA"])
    assert c["Diagnostic-Code"].startswith("smtp; 550 5.1.1"), c.items()
    assert "no such user here" in c["Diagnostic-Code"]
    assert email.utils.parsedate_to_datetime(c["Last-Attempt-Date"])
    assert c["Will-Retry-Until"] is None
    assert n.returned.get_content_type() == "message/rfc822"
    inner = n.returned.get_payload()[0]
    assert inner["Subject"] == "about dinner"
    assert inner["Message-ID"] == "<m1@host.example.net>"
    assert "bring wine" in inner.get_content()
    # It goes to who sent the original, from nobody, asking for nothing.
    sent = deliver(q, r, 2)
    assert sent["from"] == ""
    assert [x["address"] for x in sent["rcpts"]] == [FROM]
    assert "NOTIFY=NEVER" in sent["rcpts"][0]["params"]
    assert not q.entries()


def test_never_is_never(queue, relay):
    r = relay(*refuse(BOB))
    q = queue(r.port)
    q.put("-N", "never", BOB)
    q.go("-q")
    assert not q.entries() and not q.entries("failed")


def test_orcpt_comes_back(queue, relay):
    r = relay(*refuse(BOB, CAROL))
    q = queue(r.port)
    q.put(BOB, CAROL)
    q.only().edit(b"P %s\n" % BOB.encode(),
                  b"P %s orcpt=rfc822;Bob+2B2BTeam@example.com\n" %
                  BOB.encode())
    q.go("-q")
    n = notice(q)
    # In the queue file it is xtext twice, at the relay once, here not at all.
    assert n.rcpt(BOB)["Original-Recipient"] == \
        "rfc822; Bob+Team@example.com"
    assert n.rcpt(CAROL)["Original-Recipient"] is None
    said = [c for c in r.commands("RCPT") if BOB in c]
    assert "ORCPT=rfc822;Bob+2BTeam@example.com" in said[0], said


@pytest.mark.parametrize("ret, size, whole", [
    ("full", 10, True), ("hdrs", 10, False), (None, 10, True),
    ("full", 200000, False)])
def test_what_is_returned(queue, relay, ret, size, whole):
    r = relay(*refuse(BOB))
    q = queue(r.port)
    q.put(*(("-R", ret) if ret else ()), BOB,
          stdin=mail("x", "precious line\n" * size))
    q.go("-q")
    n = notice(q)
    if whole:
        assert n.returned.get_content_type() == "message/rfc822"
        assert b"precious line" in n.data
    else:
        assert n.returned.get_content_type() == "text/rfc822-headers"
        assert b"precious line" not in n.data
        assert "Subject: x" in n.returned.get_content()


def test_how_much_is_returned_can_be_set(queue, relay):
    r = relay(*refuse(BOB))
    q = queue(r.port, queue={"bounce_return": "1M"})
    q.put(stdin=mail("x", "precious line\n" * 20000))
    q.go("-q")
    assert notice(q).returned.get_content_type() == "message/rfc822"


@pytest.mark.parametrize("caps", [CAPS, CHUNKING])
@pytest.mark.parametrize("reply, status", [
    ("--reply=MAIL=552 5.3.4 too big for us", "5.3.4"),
    ("--reply=RCPT=550 nobody", "5.0.0"),
    ("--reply=DOT=554 5.6.0 we do not like it", "5.6.0")])
def test_each_stage_of_refusal_is_told(queue, relay, caps, reply, status):
    r = relay(reply + "", caps=caps)
    q = queue(r.port)
    q.put(BOB, CAROL)
    q.go("-q")
    n = notice(q)
    assert sorted(x["Final-Recipient"] for x in n.rcpts) == [
        "rfc822; " + BOB, "rfc822; " + CAROL]
    assert {x["Status"][0] for x in n.rcpts} == {"5"}
    if status != "5.0.0":
        assert {x["Status"] for x in n.rcpts} == {status}


def test_what_the_relay_says_is_made_printable(queue, relay):
    text = "550 5.1.1 \\x1b[31mred\\x9b31m \\xe2\\x80\\xae " + "long " * 150
    r = relay("--reply=RCPT=" + text)
    q = queue(r.port)
    q.put()
    q.go("-q")
    n = notice(q)
    head, _, rest = n.data.partition(b"message/delivery-status")
    ours = head + rest.partition(b"message/rfc822")[0]
    assert b"\x1b" not in ours and b"\x9b" not in ours
    assert all(c < 0x7f and (c >= 0x20 or c in b"\r\n\t") for c in ours)
    assert all(len(line) <= 998 for line in ours.split(b"\r\n"))
    assert "red" in n.rcpts[0]["Diagnostic-Code"]


def test_eight_bits_and_strange_lines_are_returned_as_they_were(queue, relay):
    r = relay(*refuse(BOB))
    q = queue(r.port)
    q.put(stdin=mail("caf=E9", "caf\u00e9\n--=_x.1--\nFrom here\n.\n..\n",
                     MIME_Version="1.0",
                     Content_Type="text/plain; charset=utf-8",
                     Content_Transfer_Encoding="8bit"))
    q.go("-q")
    n = notice(q)
    inner = n.returned.get_payload()[0]
    assert inner.get_content().replace("\r", "") == \
        "caf\u00e9\n--=_x.1--\nFrom here\n.\n..\n"
    sent = deliver(q, r, 1)
    assert any("8BITMIME" in p for p in [str(sent["params"])])


# -- nobody is told -----------------------------------------------------------

def test_a_null_sender_is_never_answered(queue, relay):
    r = relay(*refuse(BOB))
    q = queue(r.port)
    ident = q.put(sender="")
    run = q.go("-q")
    assert not q.entries(), run
    (kept,) = q.entries("failed")
    assert kept.id == ident and kept.open() == [BOB]
    assert "--queue-retry=%s" % ident in run.err, run
    assert "null" in run.err or "nothing is returned" in run.err, run


def test_a_notice_that_is_refused_ends_there(queue, relay):
    r = relay(*refuse(BOB, FROM))
    q = queue(r.port)
    q.put()
    for _ in range(4):
        q.go("-qf")
    assert not q.entries()
    # Of a notice there is no notice, wherever it ends.
    assert len(q.entries("failed")) <= 1


def test_what_is_in_failed_can_be_tried_again(queue, relay):
    r = relay(*refuse(BOB))
    q = queue(r.port)
    ident = q.put(CAROL, BOB, sender="", stdin=mail("again"))
    q.go("-q")
    (kept,) = q.entries("failed")
    good = relay()
    q.set(port=good.port)
    silent(q.go("-qf"))
    assert good.connected() == 0
    run = q.run("--queue-retry=%s" % ident, stdin=b"")
    assert run.status == 0, run
    assert not q.entries("failed") and q.only().open() == [BOB]
    silent(q.go("-q"))
    (m,) = good.messages(1)
    assert [x["address"] for x in m["rcpts"]] == [BOB]
    assert good.stored(1) == kept.message
    assert not q.entries()


@pytest.mark.parametrize("settings, told", [
    ({"bounces_per_sender": 2}, 2), ({"bounces_per_hour": 3}, 3),
    ({"bounces_per_sender": 0}, 0), ({}, 6)])
def test_not_more_than_is_good(queue, relay, settings, told):
    r = relay(*refuse(BOB))
    q = queue(r.port, queue=settings)
    for i in range(6):
        q.put(stdin=mail("m%d" % i))
    run = q.go("-q")
    assert len(notices(q)) == told, run
    assert len(q.entries("failed")) == 6 - told
    assert run.err.count("--queue-retry=") >= (6 - told), run
    assert all(e.open() == [BOB] for e in q.entries("failed"))


def test_one_sender_at_its_cap_does_not_silence_another(queue, relay):
    r = relay(*refuse(BOB))
    q = queue(r.port, queue={"bounces_per_sender": 1})
    for who in ("a@example.org", "A@Example.org", "b@example.org"):
        q.put(sender=who)
    q.go("-q")
    assert sorted(Notice(e.message).mail["To"] for e in notices(q)) == [
        "a@example.org", "b@example.org"]


# -- delay and the end of patience --------------------------------------------

def wait_and_go(q, seconds=1.1):
    time.sleep(seconds)
    return q.go("-qf")


def test_delay_is_told_once_and_then_the_end(queue, relay):
    r = relay(LATER % BOB)
    q = queue(r.port, queue=SHORT)
    ident = q.put()
    found = []
    for _ in range(9):
        wait_and_go(q)
        for m in r.messages():
            if m["from"] == "" and m["number"] not in [x[0] for x in found]:
                found.append((m["number"], Notice(r.stored(m["number"]))))
        if not q.entries():
            break
    assert not q.entries() and not q.entries("failed")
    assert len(found) == 2, [n.mail["Subject"] for _, n in found]
    delay, end = found[0][1], found[1][1]
    b = delay.rcpt(BOB)
    assert b["Action"] == "delayed" and b["Status"].startswith("4."), b.items()
    assert email.utils.parsedate_to_datetime(b["Will-Retry-Until"])
    assert "450" in b["Diagnostic-Code"]
    assert delay.returned.get_content_type() == "text/rfc822-headers"
    assert "do not send it again" in delay.text, delay.text
    b = end.rcpt(BOB)
    assert b["Action"] == "failed", b.items()
    # The relay never refused it: the status says that time was up.
    assert b["Status"] in ("4.4.7", "4.2.1"), b["Status"]
    assert "450" in b["Diagnostic-Code"]
    assert ident not in os.listdir(q.spool)


@pytest.mark.parametrize("settings, notify", [
    ({"delay_notice": 0}, ()), ({}, ("-N", "failure")),
    ({}, ("-N", "never"))])
def test_delay_is_not_told_to_who_does_not_want_it(queue, relay, settings,
                                                   notify):
    r = relay(LATER % BOB)
    q = queue(r.port, queue={**SHORT, "lifetime": "1h", **settings})
    ident = q.put(*notify, BOB)
    for _ in range(3):
        wait_and_go(q)
    assert [e.id for e in q.entries()] == [ident]
    assert not r.messages()


def test_never_means_not_even_at_the_end(queue, relay):
    r = relay(LATER % BOB)
    q = queue(r.port, queue=SHORT)
    q.put("-N", "never", BOB)
    for _ in range(8):
        wait_and_go(q)
        if not q.entries():
            break
    assert not q.entries() and not q.entries("failed") and not r.messages()


def test_the_others_patience_is_their_own(queue, relay):
    """One is sent, one refused, one waits: each gets what is due to it."""
    r = relay(LATER % BOB, *refuse(CAROL))
    q = queue(r.port)
    ident = q.put(BOB, CAROL, DAVE)
    q.go("-q")
    mine = [e for e in q.entries() if e.id == ident][0]
    assert mine.rcpts == {BOB: "P", CAROL: "F", DAVE: "D"}
    n = notice(q)
    assert [x["Final-Recipient"] for x in n.rcpts] == ["rfc822; " + CAROL]
    q.go("-qf")
    q.go("-qf")
    to = [x["address"] for m in r.messages() for x in m["rcpts"]
          if x["code"] == 250]
    assert to.count(DAVE) == 1 and to.count(FROM) == 1, to
    assert CAROL not in to


# -- success ------------------------------------------------------------------

@pytest.mark.parametrize("caps, notify, told", [
    (NO_DSN, "success", True), (NO_DSN, "success,failure", True),
    (CAPS, "success", False), (NO_DSN, "failure", False),
    (NO_DSN, None, False)])
def test_success_is_told_where_the_relay_cannot(queue, relay, caps, notify,
                                                told):
    r = relay(caps=caps)
    q = queue(r.port)
    q.put(*(("-N", notify) if notify else ()), BOB)
    silent(q.go("-q"))
    assert bool(notices(q)) == told
    if told:
        b = notice(q).rcpt(BOB)
        assert b["Action"] == "relayed" and b["Status"].startswith("2.")
        assert notice(q).returned.get_content_type() == "text/rfc822-headers"
        silent(q.go("-q"))
        assert not q.entries()


# -- the log, and the way home ------------------------------------------------

def test_the_log_names_the_notice(queue, relay):
    r = relay(*refuse(BOB))
    q = queue(r.port)
    log = q.dir / "log"
    q.set(log=log)
    ident = q.put()
    q.go("-q")
    (entry,) = notices(q)
    lines = [l for l in log.read_text().splitlines() if "notice=" in l]
    assert len(lines) == 1, log.read_text()
    assert "queue_id=%s" % ident in lines[0]
    assert "notice=%s" % entry.id in lines[0] and "failed=1" in lines[0]


def test_a_notice_goes_by_the_account_of_its_message(queue, relay):
    r, other = relay(), relay(*refuse(BOB))
    q = queue(r.port)
    q.add_account("other", other.port)
    q.put("--account=other", BOB)
    q.go("-q")
    assert notices(q)[0].account == "other"


def test_addresses_beyond_ascii(queue, relay):
    r = relay("--reply=RCPT=550 5.1.1 no")
    q = queue(r.port)
    q.put("b\u00f6b@example.net", sender="\u00e4lice@example.org")
    q.go("-q")
    (entry,) = notices(q)
    mail_ = email.message_from_bytes(entry.message)
    parts = mail_.get_payload()
    kind = parts[1].get_content_type()
    assert kind in ("message/delivery-status",
                    "message/global-delivery-status"), kind
    assert b"utf-8;" in entry.message
