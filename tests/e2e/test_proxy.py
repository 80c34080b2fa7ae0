"""Round trips, by a clock: elapsed time through a proxy with a delay."""
import pytest

from lib.check import BOB, silent
from lib.program import FROM
from lib.proxy import Proxy
from lib.relay import CAPS, CHUNKING, CALLERS_CAPS

DELAYS = (100, 100, 200, 400, 800)	# longer ones for a machine that is busy


@pytest.mark.parametrize("mode,caps,trips", [
    ("implicit", CHUNKING, 6), ("starttls", CHUNKING, 8),
    ("implicit", CAPS, 7), ("starttls", CAPS, 9)],
    ids=["465 CHUNKING", "587 CHUNKING", "465 DATA", "587 DATA"])
@pytest.mark.parametrize("mech", ["plain", "auto"])
def test_round_trips(secure, mode, caps, trips, mech):
    """6 on 465, 8 on 587 with CHUNKING; 7 and 9 without.  SCRAM has three
    messages of its own to exchange, and so two round trips more than PLAIN."""
    mechs = None if mech == "plain" else "SCRAM-SHA-256 PLAIN"
    r, h = secure(mode=mode, caps=caps, auth=mech, mechs=mechs)
    h.set(timeout_command=60, timeout_tls=60)
    wanted = trips + 2 * (mech == "auto")
    counts = []
    for delay in DELAYS:
        proxy = Proxy(r.port, delay)
        h.set(port=proxy.port)
        try:
            run = h.report("-f", FROM, BOB)
        finally:
            proxy.stop()
        assert run.status == 0, run
        assert run.json["round_trips"] == wanted, run
        counts.append(proxy.trips(run.elapsed))
        if counts[-1] == wanted:
            break
    assert min(counts) == wanted, (counts, run)


def test_many_recipients_one_flight(home, relay):
    """A hundred recipients cost no more round trips than one."""
    r = relay(caps=CALLERS_CAPS)
    h = home(r.port)
    one = h.report("-f", FROM, BOB).json["round_trips"]
    many = h.report("-f", FROM, *["r%d@example.net" % n for n in range(100)])
    assert many.json["round_trips"] == one, many


def test_flights(secure):
    """The relay counts the same: what it was made to wait for."""
    r, h = secure(caps=CHUNKING, auth="plain")
    silent(h.run("-f", FROM, BOB))
    r.settled()
    flights = [f for f in r.events("flight")]
    content = [f for f in flights if "MAIL" in str(f["commands"])]
    assert len(content) == 1, flights
    for word in ("MAIL", "RCPT", "BDAT"):
        assert word in str(content[0]["commands"]), content
