"""Queued messages in flight together: none suffers for another's fault."""
import itertools
import os
import time

import pytest

from lib.check import silent
from lib.peer import smtp
from lib.program import FROM
from lib.relay import CAPS, CHUNKING
from lib.spool import BOB, Queue, mail

A, B, C, D, E = ("%s@example.net" % c for c in "abcde")
KINDS = pytest.mark.parametrize("caps", [CAPS, CHUNKING], ids=["DATA", "BDAT"])


@pytest.fixture
def queue(tmp):
    number = itertools.count(1)

    def make(port=None, **settings):
        return Queue(tmp / ("queue%d" % next(number)), port, **settings)

    return make


def accepted(message):
    return [r["address"] for r in message["rcpts"] if r["code"] // 100 == 2]


@KINDS
@pytest.mark.parametrize("direct", [False, True], ids=["queued", "direct"])
def test_35_too_many_recipients_go_at_once(queue, relay, caps, direct):
    """35, Q: the rest in a further transaction on the same connection."""
    r = relay("--rcpt-limit=2", caps=caps)
    q = queue(r.port, flush_on_send="yes")
    if direct:
        silent(q.run("-f", FROM, A, B, C, D, E))
    else:
        q.put(A, B, C, D, E)
        q.put(A, B, C)
        silent(q.go("-q"))
    assert not q.entries()
    got = sum([accepted(m) for m in r.messages(3 if direct else 5)], [])
    assert sorted(got) == sorted([A, B, C, D, E] + [A, B, C] * (not direct))
    assert r.connected() == 1


def test_tiny_messages_do_not_use_up_the_descriptors(queue, relay):
    r = relay(caps=CHUNKING)
    q = queue(r.port)
    for i in range(150):
        q.put(stdin=mail("%d" % i))
    run = q.go("-q", limits={"RLIMIT_NOFILE": 128})
    assert run.status == 0 and not run.err and not q.entries(), run


def test_doubt_is_held_even_if_nothing_can_be_written(queue, peer):
    """unknown = hold: that the state cannot be saved is no reason to retry."""
    p = peer(smtp({"DOT": lambda conn, line: False}))
    q = queue(p.port, unknown="hold")
    number = q.put()
    os.mkdir(q.spool / ("s.%s~" % number))
    q.go("-q")
    assert q.only().rcpts == {BOB: "U"}
    assert q.only().held


@KINDS
def test_all_or_nothing_holds_for_what_is_queued(queue, relay, caps):
    """One is refused for good: the others do not get it later, either."""
    r = relay("--reply=RCPT@b@*=550 5.1.1 no such user", caps=caps)
    q = queue(r.port)
    run = q.run("--all-or-nothing", "-f", FROM, A, B, C)
    assert run.status == 210 and not q.entries(), run
    q.put("--all-or-nothing", A, B, C)
    q.go("-qf")
    # Nobody waits for what cannot be any more; the sender is told of all.
    q.go("-qf")
    r.settled()
    assert not q.entries(), q.entries()
    sent = [accepted(m) for m in r.messages()]
    assert sent == [[FROM]], sent
    text = r.stored(1)
    for address in (A, B, C):
        assert b"Final-Recipient: rfc822; " + address.encode() in text, text


def test_a_refusal_amid_one_message_is_not_the_relays_trouble(queue, peer):
    """The first is refused before its end: the next goes all the same."""
    count = itertools.count()

    def content(conn, line):
        conn.send(b"354 go\r\n")
        if next(count):
            return conn.content() and conn.send(b"250 taken\r\n")
        conn.recv()
        conn.send(b"552 5.3.4 too big\r\n")
        time.sleep(1)
        conn.drain()
        return False

    p = peer(smtp({"DATA": content}), rcvbuf=4096)
    q = queue(p.port)
    large, small = q.put(stdin=mail("x", "0123456789\n" * 1200000)), q.put()
    q.go("-q")
    assert small not in [e.id for e in q.entries()], (large, small)


def test_silence_is_heard_once(queue, relay):
    """A relay that answers no message is not asked for batch after batch."""
    r = relay("--reply=MAIL=!silence", caps=CHUNKING)
    q = queue(r.port, timeout_command=1, timeout_end=1)
    for i in range(130):
        q.put(stdin=mail("%d" % i))
    run = q.go("-q", seconds=60)
    assert run.status == 75, run
    assert r.connected() == 1 and len(q.entries()) == 130


def test_mailmax_counts_transactions(queue, relay):
    """RFC 9422: a message in two transactions counts twice."""
    r = relay("--rcpt-limit=1", caps=CAPS + ",LIMITS MAILMAX=4 RCPTMAX=1")
    q = queue(r.port)
    for i in range(4):
        q.put(A, B, stdin=mail("%d" % i))
    run = q.go("-q")
    assert run.status == 0 and not q.entries(), run
    r.settled()
    said = [sum(e["conn"] == c + 1 and e["verb"] == "MAIL"
                for e in r.events("command")) for c in range(r.connected())]
    assert said == [4, 4], said
