"""The queue as its users see it: what is put off, when it goes, what is said.

Faults of disks and processes are elsewhere (test_queue_faults.py); notices to
the sender are in test_bounce.py.
"""
import itertools
import json
import os
import re
import signal
import time

import pytest

from lib.check import body, silent, values
from lib.peer import smtp
from lib.program import FROM, MESSAGE, PASSWORD
from lib.relay import CAPS, CHUNKING, auth
from lib.spool import BOB, CAROL, DAVE, Queue, mail, until
from lib.servers import free_ports

REPLY_450 = "--reply=RCPT@%s=450 4.2.1 mailbox is busy"
REPLY_550 = "--reply=RCPT@%s=550 5.1.1 no such user"


@pytest.fixture
def queue(tmp):
    """queue(port, queue={}, **account settings): a caller with a spool."""
    number = itertools.count(1)

    def make(port=None, **settings):
        return Queue(tmp / ("queue%d" % next(number)), port, **settings)

    return make


@pytest.fixture
def nowhere():
    """A port on which nothing listens."""
    return free_ports(1)[0]


def subjects(relay, n):
    return [values(relay.stored(i), "Subject")[0].decode()
            for i in range(1, n + 1)]


def arrived(relay):
    return [m for m in relay.messages() if m["code"] // 100 == 2]


# -- what is put off ----------------------------------------------------------

@pytest.mark.parametrize("setting, face, options, queued", [
    (None, "posthaste", (), False),
    (None, "posthaste", ("--queue=tempfail",), True),
    (None, "posthaste", ("--queue=always",), True),
    (None, "posthaste", ("-odq",), True),
    (None, "posthaste", ("-odi",), False),
    (None, "sendmail", (), True),
    (None, "sendmail", ("-odi",), True),
    (None, "sendmail", ("-odb",), True),
    (None, "sendmail", ("-odq",), True),
    ("never", "posthaste", (), False),
    ("never", "sendmail", (), False),
    ("tempfail", "posthaste", (), True),
    ("tempfail", "posthaste", ("--queue=never",), False),
    ("always", "sendmail", (), True),
])
def test_who_queues_what_fails_temporarily(queue, nowhere, setting, face,
                                           options, queued):
    q = queue(nowhere, queue={})
    q.set(queue=setting)
    run = (q.sendmail if face == "sendmail" else q.run)(
        *options, "-f", FROM, BOB)
    if queued:
        assert run.status == 0, run
        assert q.only().open() == [BOB]
        assert run.stdout == b"", run
        if face == "sendmail":
            silent(run)
        else:
            assert "queued as %s" % q.only().id in run.err, run
    else:
        assert run.status == 75, run
        assert "refused" in run.err, run
        assert not q.entries()


@pytest.mark.parametrize("options, setting, connected", [
    (("-odq",), None, 0), (("-odb",), None, 1), (("-odi",), None, 1),
    ((), None, 1), ((), "always", 0), (("-odq",), "tempfail", 0)])
def test_what_always_means(queue, relay, options, setting, connected):
    r = relay()
    q = queue(r.port)
    q.set(queue=setting)
    silent(q.sendmail(*options, BOB))
    assert r.connected() == connected
    assert len(q.entries()) == 1 - connected


def test_queued_mail_goes_with_the_next_run(queue, relay):
    r = relay()
    q = queue(r.port)
    ident = q.put(stdin=mail("one", Cc="carol@example.net"))
    entry = q.only()
    assert entry.id == ident and entry.account == "test"
    assert entry.rcpts == {BOB: "P"}
    silent(q.go("-q"))
    assert [m["rcpts"][0]["address"] for m in r.messages(1)] == [BOB]
    assert r.stored(1) == entry.message
    assert not q.entries() and not q.leftovers()
    silent(q.go("-q"))
    assert r.connected() == 1


def test_date_and_id_are_fixed_when_it_is_queued(queue, relay):
    r = relay("--reply=DOT%1=451 4.3.0 later", "--reply=DOT%2=451 4.3.0 later")
    q = queue(r.port)
    ident = q.report("-f", FROM, BOB).json["message_id"]
    for wanted in (51, 0):
        time.sleep(1.1)
        assert q.go().status == wanted
    sent = [r.stored(n) for n in (1, 2, 3)]
    assert ident.encode() in values(sent[0], "Message-ID")[0]
    assert sent[0] == sent[1] == sent[2]


def test_exactly_who_failed_temporarily_is_queued(queue, relay):
    r = relay(REPLY_450 % BOB)
    q = queue(r.port)
    run = q.report("-f", FROM, BOB, CAROL, DAVE)
    assert run.status == 0, run
    report = run.json
    assert report["result"] == "queued" and report["exit_status"] == 0
    assert report["queue_id"] == q.only().id
    assert {x["address"]: x["outcome"] for x in report["recipients"]} == {
        BOB: "queued", CAROL: "sent", DAVE: "sent"}
    bob = report["recipients"][0]
    assert (bob["code"], bob["enhanced"]) == (450, "4.2.1"), bob
    assert q.only().rcpts == {BOB: "P"}
    assert re.search(r"queued as %s: RCPT TO:<%s>: 450 4.2.1 mailbox is busy"
                     % (q.only().id, BOB), run.err), run


@pytest.mark.parametrize("face, status", [("posthaste", 210),
                                          ("sendmail", 67)])
def test_a_refusal_beside_a_delay(queue, relay, face, status):
    r = relay(REPLY_450 % BOB, REPLY_550 % CAROL)
    q = queue(r.port)
    run = (q.sendmail if face == "sendmail" else q.run)(
        "-f", FROM, BOB, CAROL, DAVE)
    assert run.status == status, run
    assert "no such user" in run.err and CAROL in run.err, run
    assert q.only().rcpts == {BOB: "P"}
    if face == "posthaste":
        assert "queued as" in run.err
    # Who was refused is settled: the caller knows.
    q2 = q.go()
    assert q2.status in (0, 50), q2
    assert len(arrived(r)) == 1


def test_a_report_of_both(queue, relay):
    r = relay(REPLY_450 % BOB, REPLY_550 % CAROL)
    q = queue(r.port)
    report = q.report("-f", FROM, BOB, CAROL).json
    assert report["result"] == "partial" and report["exit_status"] == 210
    assert [x["outcome"] for x in report["recipients"]] == ["queued", "failed"]


def test_a_permanent_failure_is_not_queued(queue, relay):
    q = queue(relay("--reply=MAIL=552 5.3.4 too big").port)
    run = q.run("-f", FROM, BOB)
    assert run.status == 212 and not q.entries(), run


@pytest.mark.parametrize("options, stage", [
    (["--reply=GREETING=554 5.3.2 no"], "greeting"),
    (["--reply=GREETING=421 4.7.0 busy"], "greeting"),
    (["--reply=EHLO=!close"], "EHLO"),
    (["--reply=MAIL=530 5.7.0 must issue STARTTLS first"], "MAIL"),
    (["--reply=MAIL=451 4.7.1 greylisted"], "MAIL"),
    (["--reply=RCPT=452 4.5.3 too many"], "RCPT"),
    (["--reply=DATA=421 4.3.2 going down"], "DATA"),
    (["--reply=DOT=452 4.3.1 full"], "message"),
])
def test_what_concerns_the_relay_or_the_moment_waits(queue, relay, options,
                                                     stage):
    r = relay(*options)
    # The relay's own trouble never ends a message; the message's does, in time.
    lifetime = "1s" if stage in ("greeting", "EHLO") else "1h"
    q = queue(r.port, queue={"retry": "1s", "lifetime": lifetime})
    silent(q.sendmail(BOB))
    for _ in range(2):
        run = q.go(name="sendmail", exe=None)
        assert q.only().open() == [BOB], (stage, run)
    assert not arrived(r)
    assert "notice" not in str(os.listdir(q.spool))


def test_an_unknown_outcome_is_queued_and_sent_again_as_it_was(queue, peer,
                                                               relay):
    p = peer(smtp({"DOT": lambda conn, line: False}))
    q = queue(p.port)
    run = q.report("-f", FROM, BOB)
    assert run.status == 0 and run.json["recipients"][0]["outcome"] == \
        "queued", run
    entry = q.only()
    assert entry.rcpts == {BOB: "U"}
    first = bytes(p.got[0])
    r = relay()
    q.set(port=r.port)
    # Not before a quarter of an hour has passed...
    assert entry.due - time.time() > 14 * 60, entry.due - time.time()
    silent(q.go("-q"))
    assert r.connected() == 0
    # ...unless it is told to, and then the very same octets.
    silent(q.go("-qf"))
    assert entry.message == r.stored(1)
    sent = first.split(b"DATA\r\n", 1)[1]
    assert sent.startswith(r.stored(1)), (sent, r.stored(1))
    assert not q.entries()


def test_an_unknown_outcome_of_a_run_is_recorded(queue, peer):
    p = peer(smtp({"DOT": lambda conn, line: False}))
    q = queue(p.port)
    q.put()
    run = q.go("-q")
    assert run.status == 75, run
    assert q.only().rcpts == {BOB: "U"}
    assert 14 * 60 < q.only().due - time.time() < 17 * 60


@pytest.mark.parametrize("direct", [True, False])
def test_unknown_can_be_held(queue, peer, relay, direct):
    p = peer(smtp({"DOT": lambda conn, line: False}))
    q = queue(p.port, unknown="hold")
    if direct:
        assert q.run("-f", FROM, BOB).status == 0
    else:
        q.put()
        q.go("-q")
    entry = q.only()
    assert entry.held and entry.rcpts == {BOB: "U"}, entry.due
    r = relay()
    q.set(port=r.port)
    silent(q.go("-qf"))
    assert r.connected() == 0
    assert q.run("--queue-release=%s" % entry.id, stdin=b"").status == 0
    silent(q.go("-q"))
    assert len(r.messages(1)) == 1 and not q.entries()


# -- runs ---------------------------------------------------------------------

def test_only_what_is_due_goes(queue, relay, nowhere):
    r = relay()
    q = queue(nowhere)
    assert q.sendmail(BOB).status == 0		# tried just now
    fresh = q.put(stdin=mail("fresh"))
    q.set(port=r.port)
    silent(q.go("-q"))
    assert subjects(r, 1) == ["fresh"]
    assert fresh not in [e.id for e in q.entries()]
    assert q.only().due - time.time() > 30	# a minute after its attempt
    silent(q.go("-qf"))
    assert len(r.messages(2)) == 2


@pytest.mark.parametrize("option, wanted", [
    ("-qR%s" % CAROL, {"two"}), ("-qRCAROL", {"two"}),
    ("-qSzoe@", {"three"}), ("-qRexample.net", {"one", "two", "three"}),
    ("-qRnobody", set())])
def test_a_run_over_some(queue, relay, option, wanted):
    r = relay()
    q = queue(r.port)
    q.put(BOB, stdin=mail("one"))
    q.put(CAROL, stdin=mail("two"))
    q.put(DAVE, sender="zoe@example.org", stdin=mail("three"))
    silent(q.go(option))
    assert set(subjects(r, len(wanted))) == wanted
    assert len(q.entries()) == 3 - len(wanted)
    assert r.connected() == bool(wanted)


def test_a_run_over_one(queue, relay):
    r = relay()
    q = queue(r.port)
    q.put(stdin=mail("one"))
    ident = q.put(stdin=mail("two"))
    silent(q.go("-qI%s" % ident))
    assert subjects(r, 1) == ["two"] and len(q.entries()) == 1


def test_no_spool_is_an_empty_queue(queue, nowhere):
    q = queue(nowhere)
    silent(q.go("-q"))
    assert not q.spool.exists()


@pytest.mark.parametrize("face", ["posthaste", "sendmail"])
def test_a_run_tells_how_it_went(queue, relay, face):
    r = relay(REPLY_450 % BOB)
    q = queue(r.port)
    q.put()
    q.put(CAROL)
    run = (q.sendmail if face == "sendmail" else q.run)("-q", "-v", stdin=b"")
    assert run.status == (50 if face == "posthaste" else 0), run
    assert "mailbox is busy" in run.err
    assert q.only().open() == [BOB]


def test_staying_wakes_up_by_itself(queue, relay, nowhere):
    r = relay()
    q = queue(r.port)
    started = q.start("-q1s", stdin=b"")
    try:
        q.put(stdin=mail("one"))
        assert until(lambda: len(r.messages()) == 1)
        q.put(stdin=mail("two"))
        assert until(lambda: len(r.messages()) == 2)
        assert started.alive()
    finally:
        started.signal(signal.SIGTERM)
    silent(started.finish())
    assert not q.entries()


def test_staying_hears_hangup_and_terminate(queue, relay):
    r = relay()
    q = queue(r.port)
    started = q.start("-q1h", stdin=b"")
    time.sleep(0.7)			# its first run is over, nothing due
    q.put(stdin=mail("one"))
    started.signal(signal.SIGHUP)
    assert until(lambda: len(r.messages()) == 1)
    started.signal(signal.SIGTERM)
    run = started.finish()
    silent(run)
    assert run.elapsed < 10


@pytest.mark.parametrize("option, sig", [
    ("-q", signal.SIGTERM), ("-q1h", signal.SIGTERM), ("-q", signal.SIGINT),
    ("-q", signal.SIGHUP)])
def test_terminate_finishes_what_is_in_flight(queue, relay, option, sig):
    r = relay("--delay=DOT:1500")
    q = queue(r.port, max_messages_per_connection=0)
    for i in range(3):
        q.put(stdin=mail("m%d" % i))
    started = q.start(option, stdin=b"")
    assert until(lambda: r.events("rcpt"))
    started.signal(sig)
    run = started.finish()
    assert run.status == 0 and run.elapsed < 8, run
    sent = len(arrived(r))
    assert 1 <= sent <= 2, sent		# without CHUNKING one or two had begun
    left = q.entries()
    assert len(left) == 3 - sent
    assert all(e.rcpts == {BOB: "P"} for e in left)
    assert all(e.due <= time.time() for e in left)	# as if never tried
    silent(q.go("-q"))
    assert sorted(subjects(r, 3)) == ["m0", "m1", "m2"]


def test_one_login_and_messages_in_flight(queue, certs, relay):
    r = relay("--tls=implicit", "--certs=%s" % certs, *auth("PLAIN"),
              caps=CHUNKING)
    q = queue(r.port, tls="implicit", tls_trust=certs / "ca.pem")
    q.login()
    for i in range(30):
        q.put(stdin=mail("m%02d" % i))
    silent(q.go("-q"))
    assert sorted(subjects(r, 30)) == ["m%02d" % i for i in range(30)]
    r.settled()
    assert r.connected() == 1
    assert len(r.events("auth")) == 1
    assert not r.events("violation")
    flights = [f for f in r.events("flight") if f["phase"] == "smtp"]
    assert len(flights) < 15, len(flights)
    # Nobody wrote one command at a time: a flight has more than a message.
    assert not q.entries()


def test_in_order_of_their_arrival(queue, relay):
    r = relay()
    q = queue(r.port)
    for i in range(8):
        q.put(stdin=mail("m%d" % i))
    silent(q.go("-q"))
    assert subjects(r, 8) == ["m%d" % i for i in range(8)]


@pytest.mark.parametrize("caps", [CAPS, CHUNKING])
def test_a_refusal_amid_the_queue_stops_nobody(queue, relay, caps):
    r = relay(REPLY_550 % CAROL, REPLY_450 % DAVE, caps=caps)
    q = queue(r.port)
    for i, to in enumerate([BOB, CAROL, BOB, DAVE, BOB]):
        q.put(to, stdin=mail("m%d" % i))
    run = q.go("-q")
    assert run.status == 210, run
    assert r.connected() == 1
    assert sorted(subjects(r, 3)) == ["m0", "m2", "m4"]
    left = {tuple(e.rcpts): e for e in q.entries()}
    assert (DAVE,) in left and (CAROL,) not in left
    assert (FROM,) in left			# carol's notice
    assert not r.events("violation")


@pytest.mark.parametrize("caps", [CAPS, CHUNKING])
def test_too_many_at_once_go_in_further_transactions(queue, relay, caps):
    r = relay("--rcpt-limit=2", REPLY_450 % "e@example.net", caps=caps)
    q = queue(r.port)
    who = ["%s@example.net" % c for c in "abcde"]
    q.put(*who, stdin=mail("all"))
    q.put(BOB, stdin=mail("one"))
    assert q.go("-q").status == 50
    assert r.connected() == 1
    got = [x["address"] for m in arrived(r) for x in m["rcpts"]
           if x["code"] // 100 == 2]
    assert sorted(got) == sorted(who[:4] + [BOB]), got
    assert q.only().rcpts == dict(zip(who, "DDDDP"))


def test_rset_after_a_transaction_that_came_to_nothing(queue, relay):
    r = relay(REPLY_550 % CAROL, caps="8BITMIME,SIZE")
    q = queue(r.port)
    q.put(CAROL, stdin=mail("one"))
    q.put(BOB, stdin=mail("two"))
    q.go("-q")
    assert r.said("RSET"), r.commands()
    assert subjects(r, 1) == ["two"]
    assert r.connected() == 1


@pytest.mark.parametrize("caps, setting, most", [
    (CAPS, 3, 3), (CHUNKING, 3, 3), (CHUNKING + ",LIMITS MAILMAX=4", 0, 4),
    (CHUNKING + ",LIMITS MAILMAX=4", 3, 3), (CHUNKING, 0, 10),
    (CHUNKING + ",LIMITS MAILMAX=4", 100, 4)])
def test_messages_on_a_connection(queue, relay, caps, setting, most):
    r = relay(caps=caps)
    q = queue(r.port, max_messages_per_connection=setting)
    for i in range(10):
        q.put(stdin=mail("m%d" % i))
    silent(q.go("-q"))
    count = {}
    for m in r.messages(10):
        count[m["conn"]] = count.get(m["conn"], 0) + 1
    assert max(count.values()) == most, count
    assert len(count) == -(-10 // most)
    assert not q.entries()


def test_a_pace(queue, relay):
    r = relay(caps=CHUNKING)
    q = queue(r.port, rate=120)
    for i in range(4):
        q.put(stdin=mail("m%d" % i))
    run = q.go("-q")
    silent(run)
    assert 1.4 <= run.elapsed < 5, run.elapsed
    times = [m["time"] for m in r.messages(4)]
    assert all(b - a >= 450 for a, b in zip(times, times[1:])), times
    assert r.connected() == 1


def test_a_dead_relay_is_tried_once_and_said_once(queue, relay, peer):
    r = relay()
    dead = peer(smtp({"GREETING": b"421 4.3.2 closed for today\r\n"}))
    q = queue(r.port)
    q.add_account("broken", dead.port, log=str(q.dir / "log"))
    for i in range(5):
        q.put("--account=broken", BOB, stdin=mail("b%d" % i))
        q.put("--account=test", BOB, stdin=mail("t%d" % i))
    run = q.go("-q")
    assert run.status == 21, run
    assert run.err.count("closed for today") == 1, run
    assert len(dead.got) == 1, len(dead.got)
    assert sorted(subjects(r, 5)) == ["t%d" % i for i in range(5)]
    left = q.entries()
    assert [e.account for e in left] == ["broken"] * 5
    assert all(e.rcpts == {BOB: "P"} and e.due > time.time() + 30
               for e in left)


def test_a_relay_that_hangs_up_amid_the_queue(queue, relay):
    r = relay("--reply=MAIL#4=421 4.3.2 enough for now", caps=CHUNKING)
    q = queue(r.port)
    for i in range(10):
        q.put(stdin=mail("m%d" % i))
    for _ in range(10):
        q.go("-qf")
        if not q.entries():
            break
    assert not q.entries()
    assert sorted(subjects(r, 10)) == ["m%d" % i for i in range(10)]


@pytest.mark.parametrize("fault", ["password", "certificate", "host", "secret"])
def test_what_the_operator_must_mend_never_bounces(queue, secure, relay, certs,
                                                   fault):
    r = relay("--tls=implicit", "--certs=%s" % certs,
              "--cert=%s" % ("expired" if fault == "certificate" else "good"),
              *auth("PLAIN"))
    q = queue(r.port, tls="implicit", tls_trust=certs / "ca.pem",
              queue={"retry": "1s", "retry_max": "1s", "lifetime": "1s",
                     "delay_notice": 0})
    q.login()
    good = dict(q.settings)
    q.set(**{"password": {"password": "Wrong-Horse-0815"},
             "host": {"host": "no-such-host.invalid"},
             "secret": {"password": None, "password_command": "exit 3"},
             }.get(fault, {}))
    ids = {q.put(stdin=mail("one")), q.put(CAROL, stdin=mail("two"))}
    for _ in range(5):
        run = q.go("-qf")
        assert run.status != 0, run
        assert len(run.lines()) == 1, run
        assert {e.id for e in q.entries()} == ids, run
        time.sleep(1.1 if fault == "password" else 0)
    assert all(set(e.rcpts.values()) == {"P"} for e in q.entries())
    if fault == "certificate":
        return
    q.set(**{**good, "password_command": None})
    silent(q.go("-qf"))
    assert sorted(subjects(r, 2)) == ["one", "two"]


def test_a_refused_login_is_not_hammered(queue, certs, relay):
    r = relay("--tls=implicit", "--certs=%s" % certs, *auth("PLAIN"))
    q = queue(r.port, tls="implicit", tls_trust=certs / "ca.pem")
    q.login(password="Wrong-Horse-0815")
    silent(q.sendmail("-f", FROM, BOB))
    q.due_now()
    q.go("-q")
    assert q.only().due - time.time() > 14 * 60
    assert len(r.events("auth")) == 2


def test_an_account_that_is_gone_keeps_its_mail(queue, relay):
    r = relay()
    q = queue(r.port)
    q.add_account("old", r.port)
    q.put("--account=old", BOB)
    q.put("--account=test", CAROL)
    del q.accounts["old"]
    q.set()
    run = q.go("-q")
    assert "'old'" in run.err, run
    assert q.only().account == "old" and len(r.messages(1)) == 1


def test_a_null_sender_and_parameters_survive_the_queue(queue, relay):
    r = relay()
    q = queue(r.port)
    q.put("-N", "success,delay", "-R", "hdrs", "-V", "env-1", BOB, sender="")
    silent(q.go("-q"))
    m = r.messages(1)[0]
    assert m["from"] == ""
    assert "RET=HDRS" in m["params"] and "ENVID=" in m["params"], m
    params = m["rcpts"][0]["params"]
    assert "NOTIFY=" in params and "SUCCESS" in params and "DELAY" in params


def test_big_messages_and_eight_bits_survive_the_queue(queue, relay):
    r = relay(caps=CHUNKING)
    q = queue(r.port)
    text = "".join("%07d %s é\n" % (i, "x" * 60) for i in range(40000))
    q.put(stdin=mail("big", text, MIME_Version="1.0",
                     Content_Type="text/plain; charset=utf-8",
                     Content_Transfer_Encoding="8bit"))
    silent(q.go("-q"))
    assert body(r.stored(1)) == text.replace("\n", "\r\n").encode()


def test_eight_bits_for_a_relay_that_takes_seven(queue, relay):
    r = relay(caps="PIPELINING,SIZE")
    q = queue(r.port)
    q.put(stdin=mail("x", "café\n", MIME_Version="1.0",
                     Content_Type="text/plain; charset=utf-8",
                     Content_Transfer_Encoding="8bit"))
    silent(q.go("-q"))
    assert b"caf=C3=A9" in r.stored(1)


# -- flush_on_send ------------------------------------------------------------

@pytest.mark.parametrize("flush", ["yes", "no"])
def test_what_is_due_goes_along_with_what_is_sent(queue, relay, flush):
    r = relay(caps=CHUNKING)
    q = queue(r.port, flush_on_send=flush)
    other = relay()
    q.add_account("other", other.port)
    for i in range(3):
        q.put("--account=test", BOB, stdin=mail("m%d" % i))
    q.put("--account=other", BOB)
    run = q.run("--account=test", "-f", FROM, BOB, stdin=mail("now"))
    silent(run)
    n = 4 if flush == "yes" else 1
    assert subjects(r, n)[0] == "now" and len(r.messages()) == n
    assert r.connected() == 1 and other.connected() == 0
    assert len(q.entries()) == 5 - n


@pytest.mark.parametrize("setting, options, along", [
    (None, (), True), ("never", (), False),
    ("tempfail", ("--queue=never",), False)])
def test_who_has_a_queue_looks_after_it(queue, relay, setting, options, along):
    """...also where a failure would not be queued now."""
    r = relay()
    q = queue(r.port)
    q.put(stdin=mail("old"))
    q.set(queue=setting)
    silent(q.run(*options, "-f", FROM, BOB, stdin=mail("new")))
    assert subjects(r, 2 if along else 1) == ["new", "old"][:1 + along]
    assert len(q.entries()) == 1 - along


def test_trouble_with_the_rest_changes_nothing_for_the_caller(queue, relay):
    r = relay(REPLY_450 % CAROL, REPLY_550 % DAVE)
    q = queue(r.port)
    q.put(CAROL)
    q.put(DAVE)
    run = q.report("-f", FROM, BOB)
    assert run.status == 0 and run.stderr == b"", run
    assert run.json["result"] == "sent" and run.json["exit_status"] == 0
    assert run.json["queue_id"] is None
    assert len(run.json["recipients"]) == 1


def test_a_broken_spool_does_not_spoil_what_was_sent(queue, relay):
    r = relay()
    q = queue(r.port)
    q.spool.mkdir(mode=0o777)
    q.spool.chmod(0o777)
    silent(q.sendmail(BOB))
    assert len(r.messages(1)) == 1


def test_nothing_goes_along_when_the_message_was_refused(queue, relay):
    r = relay(REPLY_550 % CAROL)
    q = queue(r.port)
    q.put(BOB)
    assert q.run("-f", FROM, CAROL).status == 210
    assert len(q.entries()) == 1


# -- when it goes again -------------------------------------------------------

def test_the_schedule(queue, relay):
    r = relay("--reply=RCPT=450 4.2.1 later")
    q = queue(r.port, queue={"retry": "10s, 40s, 2m", "retry_max": "5m"})
    waits = []
    silent(q.sendmail("-f", FROM, BOB))
    for i in range(6):
        waits.append(q.only().due - time.time())
        q.go("-qf")
    wanted = [10, 40, 120, 240, 300, 300]
    assert all(w - 3 <= got <= w + 1 for got, w in zip(waits, wanted)), waits


def test_the_first_attempt_counts(queue, relay):
    """What the caller was told is what the list shows, from the start."""
    r = relay("--reply=RCPT@%s=450 4.2.1 mailbox is busy" % DAVE)
    q = queue(r.port)
    silent(q.sendmail("-f", FROM, BOB, CAROL, DAVE))
    run = q.run("--queue-list", "--report=json", stdin=b"")
    entry = json.loads(run.stdout)
    assert entry["attempts"] == 1, entry
    (who,) = entry["recipients"]
    assert (who["address"], who["code"], who["enhanced"]) == \
        (DAVE, 450, "4.2.1"), who
    assert "mailbox is busy" in who["text"]


def test_trouble_with_the_relay_ages_nothing(queue, relay):
    """...even when it is only said to MAIL, and 5yz."""
    r = relay("--reply=MAIL=530 5.7.0 authenticate first")
    q = queue(r.port, queue={"retry": "1s", "retry_max": "1s",
                             "lifetime": "2s", "delay_notice": "1s"})
    ids = {q.put(BOB), q.put(CAROL)}
    for _ in range(5):
        q.go("-qf")
        assert {e.id for e in q.entries()} == ids
        assert all(set(e.rcpts.values()) == {"P"} for e in q.entries())
        time.sleep(1)


def test_what_was_not_tried_does_not_age(queue, relay):
    """The relay gives up on the first message, time and again."""
    r = relay("--reply=MAIL=421 4.3.2 not now", caps="8BITMIME")
    q = queue(r.port, queue={"retry": "1s", "retry_max": "1s",
                             "lifetime": "2s", "delay_notice": 0})
    first, second = q.put(BOB), q.put(CAROL)
    for _ in range(5):
        q.go("-qf")
        time.sleep(1)
    left = {e.id for e in q.entries()}
    assert second in left and first not in left


def test_jitter(queue, relay):
    r = relay("--reply=RCPT=450 4.2.1 later")
    q = queue(r.port, queue={"retry": "1000s", "jitter": 50})
    for _ in range(8):
        silent(q.sendmail("-f", FROM, BOB))
    waits = [e.due - time.time() for e in q.entries()]
    assert all(495 <= w <= 1501 for w in waits), waits
    assert max(waits) - min(waits) > 20, waits


@pytest.mark.parametrize("shift", [10 * 365 * 86400, -86400])
def test_a_clock_that_jumped_expires_nothing(queue, relay, shift):
    r = relay("--reply=RCPT%1=450 4.2.1 later")
    q = queue(r.port)
    silent(q.sendmail("-f", FROM, BOB))
    entry = q.only()
    # As it looks once the clock has gone: all its times are off by so much.
    due = entry.due - shift
    os.utime(entry.path, (due, due))
    state = q.spool / ("s." + entry.id)
    if state.exists():
        text = state.read_text()
        state.write_text(re.sub(
            r"\b\d{10}\b", lambda m: str(int(m.group()) - shift), text))
    run = q.go("-q")
    silent(run)
    assert len(arrived(r)) == 1 and not q.entries()


# -- logs ---------------------------------------------------------------------

def test_log_lines(queue, relay):
    r = relay(REPLY_450 % BOB)
    q = queue(r.port)
    log = q.dir / "log"
    q.set(log=log)
    silent(q.sendmail("-f", FROM, BOB, CAROL))
    entry = q.only()
    q.go("-qf")
    lines = log.read_text().splitlines()
    assert len(lines) == 3, lines
    ours = [l for l in lines if "to=\"%s\"" % BOB in l]
    assert len(ours) == 2
    for line in ours:
        for part in ("queue_id=%s " % entry.id, "message_id=\"<",
                     "relay=127.0.0.1:%d" % r.port, "code=450",
                     "mailbox is busy", "from=\"%s\"" % FROM):
            assert part in line, (part, line)
    assert all(" delay=" in line for line in ours)
    assert "outcome=queued" in ours[0] and "outcome=deferred" in ours[1]
    assert oct(log.stat().st_mode)[-3:] == "600"


def test_log_in_json(queue, relay, peer):
    r = relay(REPLY_450 % BOB, REPLY_550 % CAROL)
    dead = peer(smtp({"GREETING": b"421 closed\r\n"}))
    q = queue(r.port, log_format="json")
    log = q.dir / "log"
    q.set(log=log)
    q.add_account("dead", dead.port)
    ids = [q.put("--account=test", BOB), q.put("--account=test", CAROL),
           q.put("--account=dead", BOB)]
    q.go("-q")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", l["time"])
               and l["pid"] and l["program"] == "posthaste" for l in lines)
    of = {i: [l for l in lines if l.get("queue_id") == i and "to" in l]
          for i in ids}
    assert [l["outcome"] for l in of[ids[0]]] == ["queued", "deferred"]
    last = of[ids[1]][-1]
    assert (last["to"], last["code"], last["relay"]) == (
        CAROL, 550, "127.0.0.1:%d" % r.port)
    assert last["message_id"].startswith("<") and last["delay"] >= 0
    (told,) = [l for l in lines if "notice" in l]
    assert told["queue_id"] == ids[1] and told["failed"] == 1
    (trouble,) = [l for l in lines if "trouble" in l]
    assert "421 closed" in trouble["trouble"]


@pytest.mark.parametrize("where", ["/nonexistent/dir/log", "/", "/dev/full"])
def test_a_log_that_cannot_be_written_changes_nothing(queue, relay, where):
    r = relay(REPLY_450 % BOB)
    q = queue(r.port, log=where)
    silent(q.sendmail("-f", FROM, BOB))
    assert q.only().open() == [BOB]
    silent(q.sendmail("-f", FROM, CAROL))
    q.put(CAROL)
    run = q.sendmail("-qf", stdin=b"")
    assert run.status == 0, run
    assert len(arrived(r)) == 2 and q.only().open() == [BOB]


# -- what should not be there -------------------------------------------------

def test_corrupt_entries_are_put_aside_and_the_others_go(queue, relay):
    r = relay()
    q = queue(r.port)
    for i in range(4):
        q.put(stdin=mail("m%d" % i))
    files = [e.path for e in q.entries()]
    data = files[0].read_bytes()
    files[0].write_bytes(data[:-20])				# cut
    files[1].write_bytes(files[1].read_bytes().replace(b"hello", b"hallo"))
    (q.spool / "m.strange").write_bytes(b"")
    run = q.go("-q")
    assert sorted(subjects(r, 2)) == ["m2", "m3"]
    assert len(arrived(r)) == 2
    aside = os.listdir(q.spool / "corrupt")
    assert len(aside) == 3, aside
    assert run.err.count("corrupt/") == 3, run
    assert not q.entries()
    silent(q.go("-q"))


def test_of_a_future_version_it_keeps_its_hands(queue, relay):
    r = relay()
    q = queue(r.port)
    q.put()
    path = q.only().path
    path.write_bytes(path.read_bytes().replace(b"posthaste 1 ", b"posthaste 2 ",
                                               1))
    run = q.go("-q")
    assert path.exists() and r.connected() == 0
    assert "version" in run.err, run


# ---- times that count from submission (RFC 2852, RFC 4865) ----

TIMED = CAPS + ",FUTURERELEASE 99999999 2099-01-01T00:00:00Z,DELIVERBY"


def aged(q, seconds, *options):
    """A queued message that was submitted so many seconds ago."""
    q.put(*options, BOB)
    entry = q.only()
    created = entry.first.split()[2]
    entry.edit((" %s " % created).encode(),
               (" %d " % (int(created) - seconds)).encode())


def asked(relay, name):
    """The value of a parameter of the last MAIL; None if it has none."""
    found = re.search(r" %s=(\S+)" % name, relay.commands("MAIL")[-1])
    return found.group(1) if found else None


@pytest.mark.parametrize("waited", [0, 1000])
def test_what_is_left_of_a_hold(queue, relay, waited):
    """HOLDFOR and BY are what is left since the message was submitted."""
    r = relay(caps=TIMED)
    q = queue(r.port)
    aged(q, waited, "--hold-for=5000", "--deliver-by=9000;R")
    run = q.go()
    assert run.status == 0 and not q.entries(), run
    assert 5000 - waited - 20 <= int(asked(r, "HOLDFOR")) <= 5000 - waited
    left, mode = asked(r, "BY").split(";")
    assert 9000 - waited - 20 <= int(left) <= 9000 - waited and mode == "R"


def test_a_hold_that_is_over(queue, relay):
    """It is not asked for any more, of no relay; a notice is overdue."""
    r = relay(caps=TIMED)
    q = queue(r.port)
    aged(q, 100, "--hold-for=60", "--deliver-by=60;N")
    assert q.go().status == 0 and not q.entries()
    assert asked(r, "HOLDFOR") is None
    left, mode = asked(r, "BY").split(";")
    assert -60 <= int(left) <= -40 and mode == "N"
    plain = relay()
    q.set(port=plain.port)
    aged(q, 100, "--hold-until=2020-01-01T00:00:00Z")
    assert q.go().status == 0 and not q.entries()
    assert asked(plain, "HOLDUNTIL") is None


@pytest.mark.parametrize("down", [False, True])
def test_delivery_time_is_over(queue, relay, down):
    """What was to be returned then is returned, not sent; even if the relay
    cannot be reached."""
    r = relay(caps=TIMED)
    q = queue(r.port)
    aged(q, 100, "--deliver-by=60;R")
    if down:
        q.set(port=free_ports(1)[0])
    q.go()
    assert not r.said("MAIL FROM:<%s>" % FROM)
    q.set(port=r.port)
    q.due_now()
    q.go()
    assert not q.entries()
    assert r.commands("MAIL")[0].startswith("MAIL FROM:<>")
    report = r.stored()
    assert b"Status: 4.4.7" in report and b"Action: failed" in report
    if not down:
        assert b"within the time that was given" in report


def test_delivery_time_is_not_over_by_a_clock(queue, relay):
    """A day is what is believed of a clock that is years ahead."""
    r = relay(caps=TIMED)
    q = queue(r.port)
    aged(q, 10 * 365 * 86400, "--deliver-by=200000;R")
    assert q.go().status == 0 and not q.entries()
    assert 100000 <= int(asked(r, "BY").split(";")[0]) <= 200000 - 86400
