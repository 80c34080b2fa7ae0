"""host = srv:DOMAIN: RFC 2782, RFC 6186, RFC 8314 section 5."""
import collections

import pytest

from conftest import cannot
from lib import dns
from lib.dns import a, cname, srv
from lib.program import FROM, USER
from lib.relay import CAPS, auth, tls
from lib.servers import free_ports
from lib.trust import fingerprint

BOB = "bob@example.net"
TLS = "_submissions._tcp."
STARTTLS = "_submission._tcp."
HERE = [a("127.0.0.1")]


@pytest.fixture
def names(tmp):
    """names(zone) starts a name server; it ends with the test."""
    running = []

    def start(zone):
        reason = dns.missing()
        if reason:
            cannot(reason)
        running.append(dns.Server(tmp, zone))
        return running[-1]

    yield start
    for s in running:
        s.stop()


@pytest.fixture
def domain(home, certs):
    """domain(**settings): a caller whose relay is for DNS to say."""
    def make(host="srv:example.test", **settings):
        more = {"tls": None, "tls_trust": certs / "ca.pem", **settings}
        return home(None, host=host, **more).login()

    return make


@pytest.fixture
def mx(relay, certs):
    """mx(*options, cert=, mode=): a relay with TLS and AUTH."""
    def make(*options, cert="domain", mode="implicit", **more):
        return relay(*tls(certs, cert, mode), *auth(), *options, caps=CAPS,
                     **more)

    return make


def sent(run):
    assert run.status == 0, run
    return run.json


def refused_port():
    return free_ports(1)[0]


def test_implicit_tls_before_starttls(names, domain, mx):
    """Both services, the same priority: TLS at once comes first."""
    at_once, later = mx(), mx(mode="starttls")
    server = names({
        TLS + "example.test": [srv(5, 0, at_once.port, "mx.example.test")],
        STARTTLS + "example.test": [srv(5, 9, later.port, "mx.example.test")],
        "mx.example.test": HERE})
    report = sent(server.run(domain(), "--report=json", BOB))
    assert report["relay"] == "mx.example.test:%d" % at_once.port
    assert len(at_once.messages(1)) == 1 and not later.connected()
    asked = {(name, kind) for name, kind, _ in server.asked}
    assert (TLS + "example.test", dns.SRV) in asked
    assert (STARTTLS + "example.test", dns.SRV) in asked
    # The domain's certificate will do, and the host is what is asked for.
    assert at_once.events("tls")[0]["sni"] == "mx.example.test"


def test_priority_goes_before_tls_at_once(names, domain, mx):
    at_once, later = mx(), mx(mode="starttls")
    server = names({
        TLS + "example.test": [srv(20, 0, at_once.port, "mx.example.test")],
        STARTTLS + "example.test": [srv(10, 0, later.port, "mx.example.test")],
        "mx.example.test": HERE})
    report = sent(server.run(domain(), "--report=json", BOB))
    assert report["relay"].endswith(":%d" % later.port)
    assert later.commands("STARTTLS") and not at_once.connected()


@pytest.mark.parametrize("mode,asked", [("implicit", TLS),
                                        ("starttls", STARTTLS)])
def test_tls_chooses_the_service(names, domain, mx, mode, asked):
    """An explicit tls asks for its own service only."""
    r = mx(mode=mode)
    zone = {"mx.example.test": HERE}
    for service in (TLS, STARTTLS):
        zone[service + "example.test"] = [srv(1, 1, r.port, "mx.example.test")]
    server = names(zone)
    sent(server.run(domain(tls=mode), "--report=json", BOB))
    assert {n for n, k, _ in server.asked if k == dns.SRV} == {
        asked + "example.test"}


def test_without_tls(names, home, relay):
    r = relay()
    server = names({
        STARTTLS + "example.test": [srv(1, 1, r.port, "mx.example.test")],
        "mx.example.test": HERE})
    h = home(None, host="srv:example.test", tls="none")
    run = server.run(h, "-f", FROM, BOB)
    assert run.status == 0, run
    assert len(r.messages(1)) == 1


def test_dead_targets_are_passed(names, domain, mx):
    """Refused, 421, closed before the greeting, closed in the handshake: on to
    the next; each is told of under -v, and in the report."""
    busy = mx("--reply=GREETING=421 4.3.2 busy")
    shut = mx("--reply=GREETING=!close")
    cut = mx("--reply=TLS=!close")
    good = mx()
    ports = [refused_port(), busy.port, shut.port, cut.port, good.port]
    server = names({
        TLS + "example.test": [srv(i, 0, port, "mx%d.example.test" % i)
                               for i, port in enumerate(ports)],
        STARTTLS + "example.test": [srv(0, 0, 0, "")],
        **{"mx%d.example.test" % i: HERE for i in range(5)}})
    run = server.run(domain(), "-v", "--report=json", BOB)
    report = sent(run)
    assert report["relay"] == "mx4.example.test:%d" % good.port
    assert [t["relay"] for t in report["tried"]] == [
        "mx%d.example.test:%d" % (i, ports[i]) for i in range(4)]
    assert all(t["account"] == "test" and t["error"]
               for t in report["tried"])
    assert len([x for x in run.err.splitlines() if "trying" in x]) == 4, run
    for r in (busy, shut, cut):
        assert not r.said("AUTH") and not r.messages()
    # Without -v one of several hosts is no more news than one of its addresses.
    assert server.run(domain(), BOB).err == ""


def test_all_targets_dead(names, domain):
    ports = free_ports(2)
    server = names({
        TLS + "example.test": [srv(1, 0, ports[0], "a.example.test"),
                               srv(2, 0, ports[1], "b.example.test")],
        "a.example.test": HERE, "b.example.test": HERE})
    run = server.run(domain(), "--report=json", BOB)
    assert run.status == 75, run
    assert "a.example.test:%d" % ports[0] in run.err and "refused" in run.err


@pytest.mark.parametrize("reply", ["AUTH=535 5.7.8 no", "EHLO=554 5.5.0 no"])
def test_no_hunting_with_a_password(names, domain, mx, reply):
    """Once a target speaks, what it says is the account's word."""
    first, second = mx("--reply=" + reply), mx()
    server = names({
        TLS + "example.test": [srv(1, 0, first.port, "a.example.test"),
                               srv(2, 0, second.port, "b.example.test")],
        "a.example.test": HERE, "b.example.test": HERE})
    run = server.run(domain(), BOB)
    assert run.status in (195, 214), run
    assert not second.connected()


def test_a_bad_certificate_ends_it(names, domain, mx):
    first, second = mx(cert="expired"), mx()
    server = names({
        TLS + "example.test": [srv(1, 0, first.port, "a.example.test"),
                               srv(2, 0, second.port, "b.example.test")],
        "a.example.test": HERE, "b.example.test": HERE})
    run = server.run(domain(), BOB)
    assert run.status == 77, run
    assert not second.connected()


def test_foreign_target(names, domain, mx):
    """DNS is not to be trusted: a host elsewhere shows the domain's name."""
    own, wrong = mx(cert="domain"), mx(cert="good")
    zone = {"relay.test": HERE}
    server = names(zone)
    zone[TLS + "example.test"] = [srv(1, 0, own.port, "relay.test")]
    sent(server.run(domain(), "--report=json", BOB))
    assert own.events("tls")[0]["sni"] == "example.test"
    zone[TLS + "example.test"] = [srv(1, 0, wrong.port, "relay.test")]
    run = server.run(domain(), BOB)
    assert run.status == 77, run
    assert "tls_name = relay.test" in run.err and "'example.test'" in run.err
    assert not wrong.said("AUTH") and not wrong.messages()
    sent(server.run(domain(tls_name="relay.test"), "--report=json", BOB))
    assert len(wrong.messages(1)) == 1


@pytest.mark.parametrize("cert", ["domain", "srvname"])
def test_dot_at_the_end(names, domain, mx, cert):
    """example.test. is the domain that the certificate calls example.test."""
    r = mx(cert=cert)
    server = names({
        TLS + "example.test": [srv(1, 0, r.port, "relay.test")],
        "relay.test": HERE})
    sent(server.run(domain("srv:example.test."), "--report=json", BOB))


def test_foreign_target_on_first_use(names, domain, mx, certs):
    """What is known as another account's relay is not the domain's by that."""
    own = mx(cert="selfsigned")
    server = names({
        TLS + "example.test": [srv(1, 0, own.port, "relay.test")],
        "relay.test": HERE})
    h = domain(tls_trust="tofu")
    known = h.state / "posthaste/known_relays"
    known.parent.mkdir()
    line = "relay.test:%d sha256:%s\n" % (own.port, fingerprint(
        certs / "selfsigned.pem").replace(":", "").lower())
    known.write_text(line)
    known.chmod(0o600)
    for settings in {}, {"tls_name": "relay.test"}:
        run = server.run(h.set(**settings), BOB)
        assert run.status == 77 and "not seen before" in run.err, run
        assert not own.said("AUTH")
    known.write_text("example.test/" + line)
    sent(server.run(h, "--report=json", BOB))


def test_name_at_the_end_is_not_below(names, domain, mx):
    """evilexample.test is not below example.test."""
    r = mx(cert="good")
    server = names({
        TLS + "est": [srv(1, 0, r.port, "relay.test")], "relay.test": HERE})
    run = server.run(domain("srv:est"), BOB)
    assert run.status == 77, run


def test_weights(names, domain, mx):
    """Of equal priority: about as often as the weight says, and weight 0
    hardly ever.  Each is refused, so the first of those tried tells."""
    ports = free_ports(3)
    server = names({
        TLS + "example.test": [srv(1, w, p, "%s.example.test" % n)
                               for n, w, p in zip("abc", (30, 10, 0), ports)],
        **{"%s.example.test" % n: HERE for n in "abc"}})
    h = domain()
    first = collections.Counter()
    for _ in range(60):
        report = server.run(h, "--report=json", BOB).json
        first[report["tried"][0]["relay"][0]] += 1
    # 60 of 3:1: outside of 30 to 57 once in a million.
    assert 30 <= first["a"] <= 57 and first["c"] <= 10, first


def test_not_offered(names, domain, mx):
    """"." is a no; the other service may still be there."""
    r = mx(mode="starttls")
    zone = {TLS + "example.test": [srv(0, 0, 0, "")],
            STARTTLS + "example.test": [srv(0, 0, 0, "")],
            "mx.example.test": HERE}
    server = names(zone)
    run = server.run(domain(), BOB)
    assert run.status == 68 and "offers no mail submission" in run.err, run
    zone[STARTTLS + "example.test"] = [srv(0, 0, r.port, "mx.example.test")]
    assert server.run(domain(), BOB).status == 0


def test_no_records(names, domain):
    zone = {"mx.example.test": HERE}
    server = names(zone)
    run = server.run(domain(), BOB)
    assert run.status == 68, run
    assert "_submissions._tcp.example.test and " \
        "_submission._tcp.example.test" in run.err
    # The name is there and has no such record.
    zone.update({TLS + "example.test": [a("127.0.0.1")],
                 STARTTLS + "example.test": [a("127.0.0.1")]})
    assert server.run(domain(), BOB).status == 68


@pytest.mark.parametrize("what", [dns.SERVFAIL, dns.REFUSED, dns.SILENT])
def test_no_answer(names, domain, what):
    server = names({TLS + "example.test": what})
    run = server.run(domain(), BOB)
    assert run.status == 75 and "name servers" in run.err, run


def test_silence_ends_in_time(names, domain):
    """The resolver's own patience is not ours."""
    server = names({TLS + "example.test": dns.SILENT,
                    STARTTLS + "example.test": dns.SILENT})
    server.conf.write_text("nameserver %s\noptions timeout:20\n" %
                           server.address)
    run = server.run(domain(timeout_connect=2), BOB)
    assert run.status == 75 and 1.5 < run.elapsed < 8, run


def test_one_service_silent(names, domain, mx):
    """What the other said is enough."""
    r = mx(mode="starttls")
    server = names({TLS + "example.test": dns.SILENT, "mx.example.test": HERE,
                    STARTTLS + "example.test":
                    [srv(1, 1, r.port, "mx.example.test")]})
    sent(server.run(domain(), "--report=json", BOB))


def test_truncated_goes_by_tcp(names, domain, mx):
    """30 records do not fit into a datagram; the best 24 are kept."""
    r = mx()
    dead = refused_port()
    records = [srv(i, 0, dead, "mx%d.example.test" % i) for i in range(23)]
    records += [srv(23, 0, r.port, "good.example.test")]
    records += [srv(99, 0, dead, "late%d.example.test" % i) for i in range(6)]
    zone = {TLS + "example.test": records, "good.example.test": HERE}
    zone.update({"mx%d.example.test" % i: HERE for i in range(23)})
    server = names(zone)
    report = sent(server.run(domain(), "--report=json", BOB))
    assert report["relay"].startswith("good.example.test:")
    assert len(report["tried"]) == 23
    assert (TLS + "example.test", dns.SRV, "tcp") in server.asked
    zone[TLS + "example.test"] = [srv(0, 0, dead, "mx0.example.test")] * 24 + [
        srv(1, 0, r.port, "good.example.test")]
    run = server.run(domain(), "--report=json", BOB)
    assert run.status == 75 and len(run.json["tried"]) == 24, run


def garbage(tail):
    def answer(query, question):
        return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + tail
    return answer


@pytest.mark.parametrize("tail", [
    b"", b"\xff" * 40, b"\xc0\x0c\0\x21\0\1\0\0\0\0\xff\xff",
    b"\xc0\x0c\0\x21\0\1\0\0\0\0\0\x09\0\1\0\1\1\xd1\xc0\xff\0",
    b"\xc0\x0c\0\x05\0\1\0\0\0\0\0\2\xc0\x0c"])
def test_garbage(names, domain, tail):
    server = names({TLS + "example.test": garbage(tail)})
    run = server.run(domain(), BOB)
    assert run.status in (75, 76), run


@pytest.mark.parametrize("target", ["127.0.0.1", "a b.test", "/tmp/x"])
def test_targets_that_are_no_host(names, domain, mx, target):
    """Neither an address nor a path may come out of a record."""
    r = mx()
    wire = dns.encode("127.0.0.1") if target[0] == "1" else \
        bytes([len(target)]) + target.encode() + b"\0"
    record = (dns.SRV, srv(0, 0, r.port, "")[1][:6] + wire)
    server = names({TLS + "example.test": [record]})
    run = server.run(domain(), BOB)
    assert run.status == 68 and not r.connected(), run


def test_aliases(names, domain, mx):
    r = mx()
    zone = {TLS + "example.test": [cname("x.test")],
            "x.test": [cname("y.test")],
            "y.test": [srv(1, 1, r.port, "mx.example.test")],
            "mx.example.test": HERE}
    server = names(zone)
    assert server.run(domain(), BOB).status == 0
    zone["y.test"] = [cname("x.test")]
    run = server.run(domain(), BOB)
    assert run.status in (75, 76), run


def test_idn(names, domain, mx):
    r = mx()
    server = names({
        TLS + "xn--bcher-kva.test": [srv(1, 1, r.port, "mx.example.test")],
        "mx.example.test": HERE})
    h = domain("srv:b\u00fccher.test", tls_name="example.test")
    assert server.run(h, BOB).status == 0


def test_netrc_knows_the_domain(names, home, certs, mx, tmp):
    r = mx()
    server = names({
        TLS + "example.test": [srv(1, 1, r.port, "mx.example.test")],
        "mx.example.test": HERE})
    netrc = tmp / "netrc"
    netrc.write_text("machine example.test login %s password %s\n" %
                     (USER, "Open-Sesame-4711"))
    netrc.chmod(0o600)
    h = home(None, host="srv:example.test", tls=None, netrc=netrc,
             tls_trust=certs / "ca.pem", auth="auto", **{"from": FROM})
    assert server.run(h, BOB).status == 0
    assert r.events("auth")[0]["ok"]


def test_serverinfo(names, domain, mx):
    r = mx()
    dead = refused_port()
    server = names({
        TLS + "example.test": [srv(7, 3, dead, "a.example.test"),
                               srv(8, 4, r.port, "mx.example.test")],
        "mx.example.test": HERE, "a.example.test": HERE})
    run = server.run(domain(), "--serverinfo")
    assert run.status == 0, run
    rows = [x.split(None, 1)[1] for x in run.out.splitlines()
            if x.startswith("SRV ")]
    assert rows == ["7 3 a.example.test:%d implicit" % dead,
                    "8 4 mx.example.test:%d implicit" % r.port], run


@pytest.mark.parametrize("settings,word", [
    ({"port": 465}, "'port'"), ({"proxy": "socks5://127.0.0.1"}, "'proxy'"),
    ({"protocol": "lmtp"}, "lmtp")])
def test_what_does_not_go_with_srv(domain, settings, word):
    h = domain().set(**settings)
    for argv in (["--check-config"], [BOB]):
        run = h.run(*argv)
        assert run.status == 78 and word in run.err, run


def test_check_config_asks_nobody(names, domain):
    server = names({})
    run = server.run(domain(), "--check-config")
    assert run.status == 0 and not server.asked, run


def test_queue(names, domain, mx):
    """What was put off goes by the records of the day."""
    r = mx()
    zone = {"mx.example.test": HERE}
    server = names(zone)
    h = domain(queue="tempfail")
    run = server.run(h, BOB)
    assert run.status == 0 and "queued as" in run.err, run
    zone[TLS + "example.test"] = [srv(1, 1, r.port, "mx.example.test")]
    run = server.run(h, "-qf")
    assert run.status == 0, run
    assert len(r.messages(1)) == 1
