"""HOSTILE.md 16-25: STARTTLS and TLS."""
import re
import ssl
import time
import warnings

import pytest

from lib.check import BOB, both, silent
from lib.peer import context, smtp
from lib.program import FROM
from lib.relay import auth


def nothing_leaked(raw):
    for got in raw:
        for word in (b"AUTH", b"MAIL", b"RCPT", b"DATA", b"BDAT"):
            assert word not in bytes(got).upper(), bytes(got)


@pytest.fixture
def starttls(home, peer, certs):
    """starttls(replies, caps): a plain peer and a caller who wants TLS."""
    def make(replies, caps=("STARTTLS", "AUTH PLAIN")):
        p = peer(smtp(replies, caps=caps))
        h = home(p.port, tls="starttls", tls_trust=certs / "ca.pem",
                 timeout_tls=2).login()
        return p, h
    return make


def test_16_no_starttls(starttls):
    """16: EHLO without STARTTLS on 587 -> 76; AUTH/MAIL never sent."""
    p, h = starttls({}, caps=("AUTH PLAIN LOGIN", "PIPELINING"))
    for run in both(h, sysexits=76):
        assert "STARTTLS" in run.err, run
    nothing_leaked(p.got)


def test_16_relay(home, relay, certs):
    """16: the same by the relay's own record of bytes."""
    r = relay("--tls=none", *auth("PLAIN"))
    h = home(r.port, tls="starttls", tls_trust=certs / "ca.pem").login()
    both(h, sysexits=76)
    nothing_leaked(r.raw().values())


@pytest.mark.parametrize("reply,sysexits,code", [
    (b"454 4.7.0 TLS not available\r\n", 75, 454),
    (b"554 5.7.0 no TLS for you\r\n", 76, 554),
    (b"501 5.5.4 what?\r\n", 76, 501)])
def test_17_starttls_refused(starttls, reply, sysexits, code):
    """17: `454` / `554` to STARTTLS -> 75 / 76, nothing else sent but QUIT."""
    p, h = starttls({"STARTTLS": reply})
    both(h, sysexits=sysexits, reply=code)
    nothing_leaked(p.got)
    for got in p.got:
        rest = bytes(got).partition(b"STARTTLS\r\n")[2]
        assert rest in (b"", b"QUIT\r\n"), got


@pytest.mark.parametrize("extra", [
    b"250-AUTH PLAIN\r\n250 x\r\n", b"2", b"\r\n", b"\x16\x03\x03"])
def test_18_injection(starttls, extra):
    """18: `220 go` and more in one segment before the handshake -> 76 "data
    after STARTTLS reply"; no handshake."""
    def reply(conn, line):
        conn.send(b"220 go\r\n" + extra)
        conn.drain()
        return False
    p, h = starttls({"STARTTLS": reply})
    for run in both(h, sysexits=76):
        assert "STARTTLS" in run.err, run
    for got in p.got:
        rest = bytes(got).partition(b"STARTTLS\r\n")[2]
        assert b"\x16\x03" not in rest, rest
    nothing_leaked(p.got)


def upgrade(ctx, caps, seen):
    """A STARTTLS reply that upgrades, and offers `caps` from then on."""
    def reply(conn, line):
        conn.send(b"220 go\r\n")
        conn.start_tls(ctx)
        conn.buffer = b""
        after = smtp({"GREETING": lambda c, l: None,
                      "AUTH": lambda c, l: c.send(b"235 in\r\n"),
                      "MAIL": lambda c, l: (seen.append(l),
                                            c.send(b"250 ok\r\n"))[1]},
                     caps=caps)
        after(conn)
        return False
    return reply


def test_19_less_after_tls(starttls, certs):
    """19: EHLO after TLS offers less -> only the post-TLS list is used."""
    seen = []
    p, h = starttls({"STARTTLS": upgrade(context(certs), ["AUTH PLAIN"],
                                         seen)},
                    caps=("STARTTLS", "SIZE 10", "8BITMIME", "DSN",
                          "PIPELINING", "CHUNKING", "AUTH CRAM-MD5"))
    silent(h.run("-f", FROM, "-N", "failure", BOB))
    assert b"SIZE" not in seen[0] and b"BODY" not in seen[0], seen
    assert b"BDAT" not in p.got[0] and b"NOTIFY" not in p.got[0], p.got


def test_19_no_auth_after_tls(starttls, certs):
    """19: AUTH offered before TLS only -> 76, nothing mailed."""
    seen = []
    p, h = starttls({"STARTTLS": upgrade(context(certs), ["PIPELINING"],
                                         seen)})
    both(h, sysexits=76)
    assert not seen


def test_19_smaller_size_after_tls(starttls, certs):
    """19: the smaller SIZE after TLS decides."""
    seen = []
    p, h = starttls({"STARTTLS": upgrade(context(certs),
                                         ["AUTH PLAIN", "SIZE 50"], seen)},
                    caps=("STARTTLS", "SIZE 100000"))
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 65, run
    assert not seen


CERTS = [("wronghost", r"127\.0\.0\.1"), ("expired", r"expired"),
         ("notyet", r"not yet|not valid before|valid from"),
         ("selfsigned", r"self.signed"),
         ("unknownca", r"unknown|not (signed|issued) by|issuer"),
         ("sha1", r"(?i)sha-?1|weak|insecure|algorithm"),
         ("cnonly", r"127\.0\.0\.1"), ("nulname", r"127\.0\.0\.1")]


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("cert,reason", CERTS)
def test_20_certificate(secure, cert, reason, mode):
    """20: certificate of the wrong host / expired / not yet valid /
    self-signed / of an unknown CA / weak SHA-1 / CN only -> 77, names the
    reason and the host; AUTH not sent."""
    r, h = secure(mode=mode, cert=cert)
    for run in both(h, sysexits=77):
        assert re.search(reason, run.err), run
        assert "127.0.0.1" in run.err or "localhost" in run.err, run
    assert not r.events("auth") and not r.said("AUTH"), r.commands()
    nothing_leaked(r.raw().values())


def test_20_untrusted_by_system(secure):
    """20: and our CA means nothing to who trusts the system's."""
    r, h = secure()
    both(h.set(tls_trust="system"), sysexits=77)
    assert not r.said("AUTH")


OTHER = "sha256:" + "ab" * 32


def known(home, port, fingerprint):
    path = home.state / "posthaste/known_relays"
    path.parent.mkdir(exist_ok=True)
    path.write_text("127.0.0.1:%d %s sha256:%s\n" % (port, fingerprint,
                                                    "A" * 43 + "="))
    path.chmod(0o600)
    return path


def test_21_pin_mismatch(secure):
    """21: pin mismatch (trust on first use) -> 77, both fingerprints; store
    unchanged."""
    r, h = secure(tls_trust="tofu", cert="selfsigned")
    path = known(h, r.port, OTHER)
    before = path.read_bytes()
    for run in both(h, sysexits=77):
        found = re.findall(r"\b[0-9a-fA-F]{64}\b", run.err.replace(":", ""))
        shown = re.findall(r"sha256:([0-9a-fA-F:]{64,})", run.err)
        assert len(set(found) | set(shown)) == 2, run
    assert path.read_bytes() == before
    assert not r.said("AUTH")


def test_21_unknown_without_terminal(secure):
    """21, the other way: an unknown relay is not trusted by itself."""
    r, h = secure(tls_trust="tofu", cert="selfsigned")
    for run in both(h, sysexits=77):
        assert re.search(r"[0-9a-fA-F]{64}", run.err.replace(":", "")), run
    assert not (h.state / "posthaste/known_relays").exists()
    assert not r.said("AUTH")


def test_21_match(secure, certs):
    """21, the good end: the fingerprint on record lets mail through."""
    import hashlib
    pem = (certs / "selfsigned.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[:pem.index("-----END") + 26])
    r, h = secure(tls_trust="tofu", cert="selfsigned")
    known(h, r.port, "sha256:" + hashlib.sha256(der).hexdigest())
    silent(h.run("-f", FROM, BOB))


@pytest.mark.parametrize("priority", [
    "NORMAL:-VERS-ALL:+VERS-TLS1.0:%UNSAFE_RENEGOTIATION",
    "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+NULL"],
    ids=["TLS 1.0", "null cipher"])
def test_22_old_tls(secure, priority):
    """22: server speaks TLS 1.0 only / null cipher -> 76/77 handshake
    failure."""
    r, h = secure("--tls-priority=" + priority)
    for run in both(h, sysexits=(76, 77)):
        assert "TLS" in run.err, run
    assert not r.said("AUTH")


def test_23_no_server_hello(home, peer, certs):
    """23: TCP accepted on 465, no ServerHello -> 75 at the handshake
    deadline."""
    p = peer(lambda conn: conn.drain())
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem",
             timeout_tls=1).login()
    for run in both(h, sysexits=75):
        assert run.elapsed < 3, run
        assert "TLS" in run.err and "timed out" in run.err, run


def test_23_starttls_no_server_hello(starttls):
    """23: the same after STARTTLS."""
    def reply(conn, line):
        conn.send(b"220 go\r\n")
        conn.drain()
        return False
    p, h = starttls({"STARTTLS": reply})
    for run in both(h.set(timeout_tls=1), sysexits=75):
        assert run.elapsed < 3, run


def after_hello(then):
    def serve(conn):
        conn.recv(1)
        time.sleep(0.05)
        then(conn)
    return serve


@pytest.mark.parametrize("then", [
    lambda c: c.reset(),
    lambda c: c.close(),
    lambda c: (c.send(b"\x15\x03\x03\x00\x02\x02\x28"), c.drain()),
    lambda c: (c.send(b"\x16\x03\x03\x00\x05junk!"), c.drain()),
    lambda c: (c.send(b"\x16\x03\x03\xff\xff" + b"x" * 70000), c.drain())],
    ids=["reset", "close", "alert", "junk", "huge record"])
def test_24_broken_handshake(home, peer, certs, then):
    """24: RST in mid-handshake; alert `handshake_failure` -> 75/76."""
    p = peer(after_hello(then))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem",
             timeout_tls=2).login()
    for run in both(h, sysexits=(75, 76)):
        assert run.elapsed < 4, run


def test_24_plain_on_465(home, peer, certs):
    """24: cleartext `220` on 465 -> 75/76 with hint "use starttls"."""
    p = peer(smtp())
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem").login()
    for run in both(h, sysexits=(75, 76)):
        assert "starttls" in run.err, run
    nothing_leaked(p.got)


def test_25_no_close_notify(home, peer, certs):
    """25: TLS close without close_notify right after `250` to the dot -> 0."""
    def taken(conn, line):
        conn.send(b"250 2.0.0 taken\r\n")
        return False	# the socket is shut without unwrap()
    p = peer(smtp({"DOT": taken}, tls=context(certs)))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem")
    silent(h.run("-f", FROM, BOB))


def test_25_cut_before_reply(home, peer, certs):
    """25, the other side: cut before that `250` is not success."""
    p = peer(smtp({"DOT": lambda c, l: False}, tls=context(certs)))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem")
    for run in both(h, sysexits=75):
        assert re.search(r"<[^<> ]+@[^<> ]+>", run.err), run


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_versions(home, peer, certs, version):
    """Both versions that DESIGN allows work."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ctx = context(certs, minimum_version=ssl.TLSVersion[version],
                      maximum_version=ssl.TLSVersion[version])
    p = peer(smtp(tls=ctx))
    h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem")
    run = h.report("-f", FROM, BOB)
    assert run.status == 0, run
    assert run.json["tls"] == version.replace("v", "").replace("_", "."), run


def test_no_password_without_tls(home, relay):
    """tls = none with auth is refused before anything is sent (DESIGN 7)."""
    r = relay(*auth("PLAIN"))
    run = home(r.port).login().run("-f", FROM, BOB)
    assert run.status in (77, 78), run
    assert not r.said("AUTH"), r.commands()


def test_trust_file_missing(secure):
    """A CA file that is not there is a matter of configuration."""
    r, h = secure(tls_trust="/nonexistent/ca.pem")
    run = h.run("-f", FROM, BOB)
    assert run.status in (66, 78), run
    assert "/nonexistent/ca.pem" in run.err, run
    assert not r.said("AUTH")


def test_tls_name(secure):
    """tls_name is the name that is verified."""
    r, h = secure(cert="wronghost")
    both(h, sysexits=77)
    r2, h2 = secure(tls_name="relay.test")
    silent(h2.run("-f", FROM, BOB))
    r3, h3 = secure(tls_name="other.test")
    both(h3, sysexits=77)
