"""DANE (RFC 6698, 7671, 7673): records proved by DNSSEC decide."""
import hashlib
import re
import shutil
import ssl
import subprocess

import pytest

from conftest import cannot
from lib import dnssec
from lib.check import BOB, silent
from lib.dnssec import Zone
from lib.program import FROM, program
from lib.relay import auth, tls


def der(pem):
    text = pem.read_text()
    return ssl.PEM_cert_to_DER_cert(text[:text.index("-----END") + 26])


def spki(pem):
    key = subprocess.run(["openssl", "x509", "-in", str(pem), "-pubkey",
                          "-noout"], check=True, capture_output=True).stdout
    return subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                          check=True, capture_output=True, input=key).stdout


def record(usage, selector, matching, pem):
    data = spki(pem) if selector else der(pem)
    text = {0: bytes.hex, 1: lambda d: hashlib.sha256(d).hexdigest(),
            2: lambda d: hashlib.sha512(d).hexdigest()}[matching](data)
    return "%d %d %d %s" % (usage, selector, matching, text)


@pytest.fixture
def signed(tmp):
    """signed(records, ...): a zone; it ends with the test."""
    running = []

    def start(records, **more):
        if dnssec.missing():
            cannot(dnssec.missing())
        running.append(Zone(tmp, records, **more))
        return running[-1]

    yield start
    for z in running:
        z.stop()


@pytest.fixture
def dane(tmp, certs, relay, home, signed):
    """dane(tlsa, ...): a relay called mx.secure (or so) whose TLSA records
    are given; a function that sends to it, and the relay."""
    def make(tlsa, cert="good", mode="implicit", where="secure", spoil=None,
             chain=(), extra=(), **settings):
        where_certs = certs
        if chain:		# the relay sends more than its own
            where_certs = tmp / "chain"
            where_certs.mkdir()
            for ext in "pem", "key":
                shutil.copy(certs / (cert + "." + ext), where_certs)
            with open(where_certs / (cert + ".pem"), "a") as f:
                f.writelines((certs / c).read_text() for c in chain)
        r = relay(*tls(where_certs, cert, mode), *auth())
        lines = ["mx.%s. 60 IN A 127.0.0.1" % where]
        lines += ["_%d._tcp.mx.%s. 60 IN TLSA %s" % (r.port, where, t)
                  for t in tlsa]
        lines += [line.format(port=r.port) for line in extra]
        below = [x for x in lines if "insecure." in x.split()[0]]
        z = signed([x for x in lines if x not in below], insecure=below,
                   spoil=spoil)
        h = home(r.port, host="mx." + where, tls=mode, tls_dane="require",
                 tls_trust=certs / "other-ca.pem").login()
        h.set(**settings)

        def send(**more):
            if more:
                h.set(**more)
            return z.run(h, "-f", FROM, BOB)
        send.zone, send.home = z, h
        return send, r
    return make


def refused(run, relay, pattern, status=77):
    assert run.status == status, run
    assert re.search(pattern, run.err), run
    assert not relay.said("AUTH") and not relay.said("MAIL")


# ---- DANE-EE: nothing but the record is asked ----

@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
def test_end_entity(dane, certs, selector, matching):
    """Neither name nor dates nor authorities: the record names the key."""
    send, r = dane([record(3, selector, matching, certs / "expired.pem")],
                   cert="expired")
    silent(send())
    assert len(r.messages(1)) == 1
    silent(send(tls_dane="on"))


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
def test_ways(dane, certs, mode):
    send, r = dane([record(3, 1, 1, certs / "selfsigned.pem")],
                   cert="selfsigned", mode=mode)
    silent(send())


def test_one_of_several(dane, certs):
    """While a key is changed, there are two; and others are overlooked."""
    send, r = dane([record(3, 1, 1, certs / "good.pem"),
                    record(3, 1, 1, certs / "selfsigned.pem"),
                    "3 1 9 00", "9 1 1 " + "00" * 32, "3 1 1 0011"],
                   cert="selfsigned")
    silent(send())


def test_another_key(dane, certs):
    """A relay that all authorities trust, but the record does not name."""
    send, r = dane([record(3, 1, 1, certs / "other-ca.pem")],
                   tls_trust=certs / "ca.pem", tls_name="relay.test")
    for mode in ("require", "on"):
        refused(send(tls_dane=mode), r, r"TLSA records of '_\d+\._tcp\.mx\.")


def test_pins_count_as_well(dane, certs):
    send, r = dane([record(3, 1, 1, certs / "good.pem")],
                   tls_pin="sha256:" + "A" * 43 + "=")
    refused(send(), r, "tls_pin")


@pytest.mark.parametrize("mode", ["on", "require"])
def test_revoked(dane, certs, mode):
    """A list that was asked for is asked, whatever the records say."""
    send, r = dane([record(3, 1, 1, certs / "revoked.pem")], cert="revoked",
                   chain=["ca.pem"], tls_dane=mode)
    silent(send())
    silent(send(tls_crl=certs / "empty.crl"))
    n = len(r.messages(2))
    run = send(tls_crl=certs / "revoked.crl")
    assert run.status == 77 and "has been revoked (CRL" in run.err, run
    run = send(tls_crl=certs / "foreign.crl")
    assert run.status == 77 and "no list of its issuer" in run.err, run
    assert len(r.messages()) == n == 2


# ---- DANE-TA ----

def test_trust_anchor(dane, certs):
    """An authority that nobody but the record trusts; the name counts."""
    send, r = dane([record(2, 0, 1, certs / "ca.pem")], chain=["ca.pem"],
                   tls_name="relay.test")
    silent(send())
    refused(send(tls_name="other.test"), r_fresh(r), "not for 'other.test'")


def r_fresh(relay):
    """The relay, what it was told so far forgotten."""
    seen = len(relay.commands())

    class Since:
        @staticmethod
        def said(verb):
            return any(c.upper().startswith(verb)
                       for c in relay.commands()[seen:])
    return Since


def test_trust_anchor_expired(dane, certs):
    send, r = dane([record(2, 1, 1, certs / "ca.pem")], cert="expired",
                   chain=["ca.pem"], tls_name="relay.test")
    refused(send(), r, "expired")


def test_trust_anchor_that_did_not_issue(dane, certs):
    """To send the authority along is not to be issued by it."""
    send, r = dane([record(2, 0, 1, certs / "other-ca.pem")],
                   chain=["other-ca.pem"], tls_name="relay.test")
    refused(send(), r, "TLSA")


# ---- PKIX-TA, PKIX-EE: the authorities as well ----

@pytest.mark.parametrize("usage,pem", [(0, "ca.pem"), (1, "good.pem")])
def test_pkix(dane, certs, usage, pem):
    send, r = dane([record(usage, 0, 1, certs / pem)],
                   tls_trust=certs / "ca.pem", tls_name="relay.test")
    silent(send())
    fresh = r_fresh(r)
    refused(send(tls_trust=certs / "other-ca.pem"), fresh,
            "issuer|not trusted|TLSA")
    refused(send(tls_trust=certs / "ca.pem", tls_name="other.test"), fresh,
            "not for 'other.test'")


# ---- none ----

@pytest.mark.parametrize("where,tlsa", [("secure", []),
                                        ("insecure", ["ours"]),
                                        ("secure", ["3 1 9 00"])])
def test_none(dane, certs, where, tlsa):
    """None, none that is signed, none that can be used: on does without."""
    tlsa = [record(3, 1, 1, certs / "selfsigned.pem") if t == "ours" else t
            for t in tlsa]
    send, r = dane(tlsa, cert="selfsigned", where=where)
    refused(send(), r, "tls_dane = require, but .* has no TLSA")
    refused(send(tls_dane="on"), r, "self-signed")


def test_none_needed(dane, certs):
    send, r = dane([], tls_trust=certs / "ca.pem", tls_name="relay.test",
                   tls_dane="on")
    silent(send())
    refused(send(tls_dane="require", host="127.0.0.1"), r_fresh(r),
            "an address can have none")


# ---- DNS that lies ----

def test_changed_record(dane, certs):
    """Somebody on the way has put another key in: deferred, not believed."""
    old = record(3, 1, 1, certs / "good.pem").split()[3]
    new = record(3, 1, 1, certs / "selfsigned.pem").split()[3]
    send, r = dane([record(3, 1, 1, certs / "good.pem")], cert="selfsigned",
                   spoil=lambda s: s.replace(old, new).replace(
                       old.upper(), new.upper()))
    for mode in ("require", "on"):
        refused(send(tls_dane=mode), r, "not to be believed", 75)


def test_denied_without_proof(dane, certs):
    """To say that there are none takes a proof as well."""
    send, r = dane([], tls_trust=certs / "ca.pem", tls_name="relay.test",
                   spoil=lambda s: "\n".join(
                       line for line in s.splitlines()
                       if "NSEC" not in line) + "\n")
    for mode in ("require", "on"):
        refused(send(tls_dane=mode), r, "not to be believed", 75)


def test_deferred_in_the_queue(dane, certs, tmp):
    """It is the relay's trouble: mail stays."""
    send, r = dane([], spoil=lambda s: "\n".join(
        line for line in s.splitlines() if "NSEC" not in line) + "\n")
    run = send(queue="tempfail")
    assert run.status == 0 and "queued as" in run.err, run


# ---- SRV ----

@pytest.mark.parametrize("domain,works", [("secure", True), ("other", True),
                                          ("insecure", False)])
def test_srv(dane, certs, domain, works):
    """What SRV records lead to counts only if these are proved, too: anybody
    can sign a zone of his."""
    send, r = dane([record(3, 1, 1, certs / "selfsigned.pem")],
                   cert="selfsigned", host="srv:" + domain, port=None,
                   tls=None, extra=[
                       "_submissions._tcp.%s. 60 IN SRV 0 1 {port} mx.secure."
                       % domain])
    run = send()
    if works:
        silent(run)
    else:
        refused(run, r, "has no TLSA")


def test_srv_that_leads_elsewhere(signed):
    """A resolver that says one thing to us, and DNSSEC proves another."""
    srv = "_submissions._tcp.secure"
    z = signed([srv + ". 60 IN SRV 0 1 465 mx.secure.",
                "_465._tcp.mx.secure. 60 IN TLSA 3 1 1 " + "00" * 32,
                "_466._tcp.mx.secure. 60 IN TLSA 3 1 1 " + "00" * 32,
                "_465._tcp.my.secure. 60 IN TLSA 3 1 1 " + "00" * 32])
    right = "secure\n3 1 1 %s\n" % ("00" * 32)
    assert z.ask("MX.secure.", 465, srv) == right
    assert z.ask("my.secure", 465) == right
    for host, port in (("my.secure", 465), ("mx.secure", 466)):
        assert z.ask(host, port, srv).startswith("bogus "), (host, port)


# ---- the helper ----

@pytest.fixture
def helped(tmp, certs, relay, home):
    """helped(script): a run with such a helper beside the program."""
    def make(script, **settings):
        there = tmp / "bin"
        there.mkdir(exist_ok=True)
        shutil.copy(program(), there / "posthaste")
        if script is not None:
            (there / "posthaste-dane").write_text("#!/bin/sh\n" + script)
            (there / "posthaste-dane").chmod(0o755)
        r = relay(*tls(certs), *auth())
        h = home(r.port, host="localhost", tls="implicit", timeout_tls=2,
                 tls_trust=certs / "ca.pem", tls_dane="on").set(**settings)
        h.login()
        return h.run("-f", FROM, BOB, exe=there / "posthaste"), r
    return make


@pytest.mark.parametrize("script,status,words", [
    ("echo none", 0, ""),
    ("echo bogus because; true", 75, "because"),
    ("echo failed no servers", 75, "no servers"),
    ("exit 3", 78, "exited 3"),
    ("kill -9 $$", 78, "signal 9"),
    ("echo what?", 78, "not understood"),
    (":", 78, "not understood"),
    ("printf none", 78, "not understood"),
    ("printf 'secure\\n3 1 1 0g\\n'", 78, "not understood"),
    ("printf 'bogus \\033[1m\\n'", 78, "not understood"),
    ("yes '3 1 1 00'", 78, "not understood|exited|killed"),
    ("sleep 60", 75, "no answer in time")])
def test_helper(helped, script, status, words):
    """Whatever the helper does, there is a word for it, and no wait."""
    run, r = helped(script)
    assert run.status == status, run
    assert re.search(words, run.err), run
    assert run.elapsed < 6, run
    assert bool(r.said("MAIL")) is (status == 0)


def test_helper_is_asked_for_the_relay(helped, tmp):
    """Its arguments, and nothing secret in them or in its environment."""
    run, r = helped('echo "$@" >%s/args; env >>%s/args; echo none' % (tmp,
                                                                     tmp))
    assert run.status == 0, run
    text = (tmp / "args").read_text()
    assert text.startswith("localhost %d\n" % r.port), text
    assert "Sesame" not in text


def test_not_asked_without(helped, tmp):
    script = "touch %s/asked; echo none" % tmp
    run, r = helped(script, tls_dane="off")
    assert run.status == 0 and not (tmp / "asked").exists(), run


def test_serverinfo_says_it(dane, certs):
    """Who only looks is told what would be wrong."""
    send, r = dane([record(3, 1, 1, certs / "ca.pem")])
    run = send.zone.run(send.home, "--serverinfo", stdin=b"")
    assert run.status == 0 and "TLSA records" in run.out, run


def test_no_sessions(dane, certs):
    """With DANE nothing is resumed: records may have changed."""
    send, r = dane([record(3, 1, 1, certs / "good.pem")])
    for _ in range(2):
        silent(send())
    r.settled()
    assert [e["resumed"] for e in r.events("tls")] == [False, False]
