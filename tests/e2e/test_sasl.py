"""The mechanisms: real servers (Dovecot, a KDC), the test relay, and peers
that break the rules."""
import base64
import socket
import struct
import time

import pytest

from conftest import cannot
from lib import dovecot as dove
from lib import kdc as kerberos
from lib.check import BOB, both
from lib.peer import context, smtp
from lib.program import FROM, PASSWORD, Home
from lib.relay import Relay, auth, tls
from lib.scram import Scram

WITH_PASSWORD = [m for m in dove.MECHS
                 if m not in ("EXTERNAL", "XOAUTH2", "OAUTHBEARER", "GSSAPI")]
GOOD, EXPIRED = "ya29.good-t0ken-of-alice", "ya29.expired-t0ken-of-alice"


@pytest.fixture(scope="module")
def kdc(base):
    reason = kerberos.missing()
    if reason:
        cannot(reason)
    server = kerberos.Kdc(base / "kdc")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def backend(base):
    """Where Dovecot hands over what it has taken."""
    relay = Relay(base / "backend", "--tls=none", "--idle-exit=600")
    yield relay
    relay.stop()


@pytest.fixture(scope="module")
def dovecot(base, certs, backend, kdc):
    reason = dove.missing()
    if reason:
        cannot(reason)
    server = dove.Dovecot(base / "dovecot", certs, backend.port, kdc)
    server.oauth2.tokens[GOOD] = dove.USER
    yield server
    server.stop()


@pytest.fixture
def user(dovecot, tmp, certs):
    """user(mode, **settings): alice, without a password yet."""
    def make(mode="implicit", **settings):
        h = Home(tmp / "user", getattr(dovecot, mode), host="localhost",
                 tls=mode, tls_trust=certs / "ca.pem", timeout_command=20,
                 timeout_end=20)
        h.secrets += [dove.PASSWORD, dove.MASTER_PASSWORD, GOOD, EXPIRED]
        return h.set(**{"from": FROM}, **settings)
    return make


def certificate(certs, name="client"):
    return {"tls_cert": certs / (name + ".pem"),
            "tls_key": certs / (name + ".key")}


def sends(h, dovecot, backend, mech, name=dove.USER):
    """One message: by this mechanism, as this user, and handed on."""
    logins, taken = len(dovecot.logins(0)), len(backend.events("message"))
    run = h.report(BOB)
    assert run.status == 0, (run, dovecot.log()[-2000:])
    assert run.json["sasl"] == mech, run
    assert dovecot.logins(logins + 1)[logins:] == [(name, mech)]
    assert len(backend.messages(taken + 1)) == taken + 1


def refused(h, backend, status=77, reply=None):
    taken = len(backend.events("message"))
    runs = both(h, sysexits=status, reply=reply)
    assert len(backend.events("message")) == taken
    return runs


# ---- Dovecot ----

@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("mech", WITH_PASSWORD)
def test_password(user, dovecot, backend, mech, mode):
    """Each mechanism with a password, on 465's way and on 587's."""
    h = user(mode, auth=mech, user=dove.USER, password=dove.PASSWORD)
    sends(h, dovecot, backend, mech)


@pytest.mark.parametrize("mech", WITH_PASSWORD)
def test_wrong_password(user, backend, mech):
    """Refused: 77 or 535's, and nothing is sent."""
    h = user(auth=mech, user=dove.USER, password="wrong-pass-word-1")
    h.secrets.append("wrong-pass-word-1")
    refused(h, backend, reply=535)


def test_auto(user, dovecot, backend):
    """auto: the strongest with a password; never DIGEST-MD5 or GSSAPI."""
    h = user(auth="auto", user=dove.USER, password=dove.PASSWORD)
    sends(h, dovecot, backend, "SCRAM-SHA-256")


@pytest.mark.parametrize("wanted,mech", [
    ("LOGIN, auto", "LOGIN"), ("auto, -scram", "CRAM-MD5"),
    ("NTLM, PLAIN", "PLAIN"),
    ("scram, -SCRAM-SHA-256", "SCRAM-SHA-1"),
    ("auto -scram -CRAM-MD5 -PLAIN", "LOGIN")])
def test_preferences(user, dovecot, backend, wanted, mech):
    """A list is in order of preference, auto is the rest, and -NAME is out."""
    h = user(auth=wanted, user=dove.USER, password=dove.PASSWORD)
    sends(h, dovecot, backend, mech)


@pytest.mark.parametrize("mech", ["DIGEST-MD5", "SCRAM-SHA-256", "PLAIN"])
def test_not_weaker_after_failure(user, dovecot, backend, mech):
    """One try a connection: what failed is not followed by the next."""
    h = user(auth=mech + ", auto", user=dove.USER, password="wrong-wrong-1")
    h.secrets.append("wrong-wrong-1")
    before = dovecot.log().count("method=")
    run = h.run("--exit-status=sysexits", BOB)
    assert run.status == 77, run
    time.sleep(0.2)
    assert dovecot.log().count("method=") == before + 1


def test_authzid(user, dovecot, backend):
    """PLAIN by a master user, to act as another."""
    h = user(auth="PLAIN", user=dove.MASTER, password=dove.MASTER_PASSWORD,
             authzid=dove.USER)
    sends(h, dovecot, backend, "PLAIN")


# ---- EXTERNAL ----

@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("wanted", ["EXTERNAL", "auto", "EXTERNAL, PLAIN"])
def test_external(user, dovecot, backend, certs, mode, wanted):
    """By the certificate: named, and by auto if there is nothing else."""
    secret = {} if "PLAIN" not in wanted else {"user": dove.USER,
                                               "password": "not-needed-1"}
    h = user(mode, auth=wanted, **secret, **certificate(certs))
    sends(h, dovecot, backend, "EXTERNAL")


def test_external_is_whose(user, dovecot, backend, certs):
    """It is the certificate that says who."""
    h = user(auth="EXTERNAL", **certificate(certs, "client-rsa"))
    sends(h, dovecot, backend, "EXTERNAL", "bob")


def test_certificate_and_password(user, dovecot, backend, certs):
    """With both, auto takes the password; the certificate is the channel's."""
    h = user(auth="auto", user=dove.USER, password=dove.PASSWORD,
             **certificate(certs))
    sends(h, dovecot, backend, "SCRAM-SHA-256")


def test_external_without_certificate(relay, certs, home):
    """A configuration error, before anybody is called."""
    r = relay(*tls(certs), *auth("EXTERNAL"))
    h = home(r.port, tls="implicit", tls_trust=certs / "ca.pem",
             auth="EXTERNAL")
    for run in both(h, sysexits=78):
        assert "tls_cert" in run.err, run
    assert not r.connected()


@pytest.fixture
def external(relay, certs, home):
    """external(offer, **settings): a relay that asks for certificates."""
    def make(offer, *options, **settings):
        r = relay(*tls(certs), "--client-ca=%s" % (certs / "ca.pem"),
                  *(["--auth=" + offer] if offer else []), *options)
        h = home(r.port, tls="implicit", tls_trust=certs / "ca.pem",
                 **certificate(certs), **settings)
        return r, h
    return make


def test_external_relay(external):
    """The test relay's: one round trip, an empty response is "="."""
    r, h = external("EXTERNAL PLAIN", "--require-auth", auth="auto")
    assert h.run("-f", FROM, BOB).status == 0
    assert r.said("AUTH EXTERNAL ="), r.commands()
    assert r.events("auth")[0]["user"] == "alice"


@pytest.mark.parametrize("authzid,status", [("carol", 0), ("nobody", 77)])
def test_external_authzid(external, authzid, status):
    """Acting as somebody else, allowed and not."""
    r, h = external("EXTERNAL", "--require-auth", auth="EXTERNAL",
                    authzid=authzid)
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == status, run
    assert r.events("auth")[0]["authzid"] == authzid


@pytest.mark.parametrize("offer", ["", "PLAIN LOGIN"])
def test_certificate_is_enough(external, offer):
    """A relay that lets the certificate in without AUTH gets none."""
    r, h = external(offer, auth="auto")
    assert h.run("-f", FROM, BOB).status == 0
    assert not r.said("AUTH"), r.commands()


# ---- OAuth 2 ----

@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("wanted", ["XOAUTH2", "OAUTHBEARER", "auto"])
def test_token(user, dovecot, backend, mode, wanted):
    """A token that the endpoint knows."""
    h = user(mode, auth=wanted, user=dove.USER, token_command="echo " + GOOD)
    sends(h, dovecot, backend,
          "OAUTHBEARER" if wanted == "auto" else wanted)
    assert GOOD in dovecot.oauth2.asked


@pytest.mark.parametrize("mech", ["XOAUTH2", "OAUTHBEARER"])
def test_token_expired(user, dovecot, backend, mech):
    """One that has expired: the dialogue is finished, 77, nothing is sent."""
    h = user(auth=mech, user=dove.USER, token_command="echo " + EXPIRED)
    run = h.run("-v", BOB)
    assert run.err.count("S: 334") == 1, run
    assert run.err.count("C: [response]") == 1, run
    refused(h, backend, reply=535)
    assert EXPIRED in dovecot.oauth2.asked


@pytest.mark.parametrize("mech", ["XOAUTH2", "OAUTHBEARER"])
def test_token_of_another(user, backend, mech):
    """A good token, but not this user's."""
    refused(user(auth=mech, user="bob", token_command="echo " + GOOD),
            backend, reply=535)


# ---- GSSAPI ----

@pytest.fixture
def ticket(user, kdc, tmp):
    """ticket(mode, **settings): alice with a ticket and nothing else."""
    def make(mode="implicit", cache=None, env=None, **settings):
        h = user(mode, **dict({"auth": "GSSAPI"}, **settings))
        h.env.update(cache or kdc.kinit(tmp / "cc"))
        h.env.update(env or {})
        return h
    return make


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("name", ["", "alice", "alice@" + kerberos.REALM])
def test_gssapi(ticket, dovecot, backend, mode, name):
    """Dovecot takes the ticket: the one there is, or the one named."""
    sends(ticket(mode, user=name or None), dovecot, backend, "GSSAPI",
          "alice@posthaste.test")


def test_gssapi_first(ticket, dovecot, backend):
    """In a list, with a password for where there is no GSSAPI."""
    sends(ticket(auth="GSSAPI, PLAIN", user="alice",
                 password=dove.PASSWORD), dovecot, backend, "GSSAPI",
          "alice@posthaste.test")


def test_gssapi_relay(relay, certs, kdc, ticket, monkeypatch):
    """libgsasl's own server side, and whom to act as."""
    for name, value in kdc.env().items():
        monkeypatch.setenv(name, value)
    r = relay(*tls(certs), *auth("GSSAPI"), "--name=localhost")
    h = ticket(port=r.port, authzid="carol")
    assert h.run("-f", FROM, BOB).status == 0
    seen = r.events("auth")[0]
    assert seen["user"] == "alice@" + kerberos.REALM
    assert seen["authzid"] == "carol" and seen["ok"]


def test_gssapi_no_ticket(ticket, backend, kdc, tmp):
    """None at all: 77, and what to do about it."""
    env = kdc.env(KRB5CCNAME="FILE:%s/none" % tmp)
    for run in refused(ticket(cache=env), backend):
        assert "no valid Kerberos ticket; run kinit" in run.err, run


def test_gssapi_expired(ticket, backend, kdc, tmp):
    """One that has run out."""
    env = kdc.kinit(tmp / "old", "-l", "1s")
    time.sleep(2.1)
    h = ticket(cache=env)
    refused(h, backend)
    run = h.run(BOB)
    assert "run kinit" in run.err and "expired" in run.err, run


def test_gssapi_of_another(ticket, backend):
    """There is a ticket, but not of the user that is named."""
    h = ticket(user="carol")
    refused(h, backend)
    assert "of 'carol'; run kinit" in h.run(BOB).err


@pytest.mark.parametrize("change,says", [
    (lambda text: text.replace("localhost = POSTHASTE", "localhost = OTHER"),
     "OTHER.TEST"),
    (lambda text: text, "smtp/127.0.0.1")], ids=["realm", "service"])
def test_gssapi_unknown(ticket, backend, kdc, tmp, change, says):
    """A realm that is not trusted, a service the KDC does not know: 77."""
    conf = tmp / "krb5.conf"
    conf.write_text(change((kdc.dir / "krb5.conf").read_text()))
    h = ticket(env={"KRB5_CONFIG": str(conf)},
               host="127.0.0.1" if "127" in says else "localhost")
    refused(h, backend)
    run = h.run(BOB)
    assert "no ticket for smtp/" in run.err and says in run.err, run


def kdc_at(kdc, tmp, port):
    conf = tmp / "krb5.conf"
    conf.write_text((kdc.dir / "krb5.conf").read_text().replace(
        "127.0.0.1:%d" % kdc.port, "127.0.0.1:%d" % port))
    return {"KRB5_CONFIG": str(conf)}


def test_gssapi_kdc_down(ticket, backend, kdc, tmp):
    """Nobody at the KDC's port: 75."""
    h = ticket(env=kdc_at(kdc, tmp, 1))
    refused(h, backend, 75)
    assert "annot contact any KDC" in h.run(BOB).err


def test_gssapi_kdc_silent(ticket, kdc, tmp):
    """A KDC that takes the question and never answers: 75 at the deadline,
    where Kerberos's own limits take half a minute."""
    with socket.socket() as hole, socket.socket(type=socket.SOCK_DGRAM) as u:
        hole.bind(("127.0.0.1", 0))
        hole.listen(16)
        u.bind(hole.getsockname())
        h = ticket(env=kdc_at(kdc, tmp, hole.getsockname()[1]),
                   timeout_command=2)
        run = h.run("--exit-status=sysexits", BOB)
    assert run.status == 75, run
    assert "timed out waiting for the Kerberos KDC" in run.err, run
    assert 1.5 < run.elapsed < 6, run


def test_gssapi_wrong_keytab(relay, certs, kdc, ticket, tmp, monkeypatch):
    """A relay that has not the key: it cannot prove itself, nor we us."""
    other = kerberos.Kdc(tmp / "other")
    other.stop()
    for name, value in other.env().items():
        monkeypatch.setenv(name, value)
    r = relay(*tls(certs), *auth("GSSAPI"), "--name=localhost")
    h = ticket(port=r.port)
    both(h, sysexits=77, reply=535)
    assert not r.said("MAIL")


# ---- relays that break the rules ----

@pytest.fixture
def asked(home, peer, certs):
    """asked(reply, mech): a TLS peer whose AUTH is `reply`."""
    def make(reply, mech, **settings):
        p = peer(smtp({"AUTH": reply}, caps=["AUTH " + mech],
                      tls=context(certs)))
        h = home(p.port, tls="implicit", tls_trust=certs / "ca.pem",
                 host="localhost")
        return p, h.login(auth=mech, **settings)
    return make


def not_mailed(p):
    for got in p.got:
        assert b"MAIL" not in got, bytes(got)


DIGEST = b'nonce="OA6MG9tEQGm2hh",algorithm=md5-sess'
NTLM = (b"NTLMSSP\0\2\0\0\0" + struct.pack("<HHII", 6, 6, 32, 0x8201) +
        b"\1\2\3\4\5\6\7\x08" + b"D\0O\0M\0")
EARLY = {"DIGEST-MD5": b"334 " + base64.b64encode(DIGEST), "GSSAPI": b"334 "}


@pytest.mark.parametrize("rounds", [0, 1])
@pytest.mark.parametrize("mech", EARLY)
def test_no_proof(asked, kdc, tmp, mech, rounds):
    """235 before the relay has proved that it is who it should be: 77."""
    def reply(conn, line):
        for _ in range(rounds):
            conn.send(EARLY[mech] + b"\r\n")
            conn.line()
        return conn.send(b"235 2.7.0 welcome\r\n")
    p, h = asked(reply, mech, user=None if mech == "GSSAPI" else "alice",
                 password=None if mech == "GSSAPI" else PASSWORD)
    h.env.update(kdc.kinit(tmp / "cc"))
    for run in both(h, sysexits=77):
        assert "did not prove" in run.err, run
    not_mailed(p)


ODD = {			# the relay's first and last message, and what comes of it
    "extensions": (b"%s,x=1,y=a=b", b"%s,x=1,y=", 0),
    "another count": (b"%s,i=1", b"%s", 0),
    "mandatory": (b"m=1,%s", b"%s", 76),
    "mandatory, later": (b"%s", b"m=1,%s", 76),
    "NUL": (b"%s\0", b"%s", 76),
    "both verdicts": (b"%s", b"%s,e=other-error", 0),
    "refusal first": (b"%s", b"e=other-error,%s", 77),
    "no signature": (b"%s", b"v=,%s", 76),
}


@pytest.mark.parametrize("mech", ["SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"])
@pytest.mark.parametrize("odd", ODD)
def test_scram_as_written_down(asked, mech, odd):
    """Extensions at the end are nothing to us, those in front are (s7)."""
    first, final, status = ODD[odd]

    def reply(conn, line):
        s = Scram(PASSWORD, name="sha1" if "SHA-1" in mech else "sha256")
        s.server = first % s.first(base64.b64decode(line.split()[2]))
        conn.send(b"334 " + base64.b64encode(s.server) + b"\r\n")
        said = conn.line()
        if said == b"*\r\n":
            return conn.send(b"501 5.7.0 cancelled\r\n")
        answer = final % s.final(base64.b64decode(said))
        conn.send(b"334 " + base64.b64encode(answer) + b"\r\n")
        said = conn.line()
        return conn.send(b"501 5.7.0 cancelled\r\n" if said == b"*\r\n" else
                         b"235 in\r\n" if s.verified else b"535 no\r\n")
    p, h = asked(reply, mech)
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == status, run
    if status:
        not_mailed(p)


GARBAGE = {
    "nothing": b"", "NUL": b"\0", "8bit": b"\xff" * 40, "text": b"Go ahead",
    "names": b"nonce,realm,qop,algorithm", "quotes": b'"""""""""',
    "open": b'nonce="', "long name": b"x" * 2000 + b"=y",
    "long": b"A" * 9000, "type 2 cut": NTLM[:31],
    "type 2, beyond": NTLM[:16] + b"\xff\0\0\0" + NTLM[20:],
    "type 2, wraps": NTLM[:16] + b"\xfc\xff\xff\xff" + NTLM[20:],
    "type 2, huge": NTLM[:12] + b"\xfe\xff\xfe\xff" + NTLM[16:] + b"a" * 8000,
    "AP-REP": b"\x60\x82\x00\x60\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
              b"\x02\x00\x6f",
}


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("mech", ["DIGEST-MD5", "NTLM", "GSSAPI"])
def test_garbage(asked, kdc, tmp, mech, text):
    """Challenges that make no sense: `*`, 76 or 77, no crash, and no octet
    of memory that is not theirs."""
    answers = []

    def reply(conn, line):
        if mech == "GSSAPI" and len(line.split()) < 3:
            conn.send(b"334 \r\n")
            conn.line()
        conn.send(b"334 " + base64.b64encode(GARBAGE[text]) + b"\r\n")
        answers.append(conn.line())
        return conn.send(b"501 5.7.0 cancelled\r\n")
    p, h = asked(reply, mech, **({"user": None, "password": None}
                                 if mech == "GSSAPI" else {}))
    h.env.update(kdc.kinit(tmp / "cc"))
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status in (76, 77), run
    assert answers == [b"*\r\n"], answers
    not_mailed(p)


@pytest.mark.parametrize("mech", ["DIGEST-MD5", "NTLM", "SCRAM-SHA-256-PLUS",
                                  "OAUTHBEARER", "GSSAPI"])
def test_echo(asked, kdc, tmp, mech):
    """A relay that says again what we said, plain or in base64, while it
    refuses and later: it is not shown."""
    said, shown = [], []

    def echo(conn, answer):
        raw = base64.b64decode(answer)
        for piece in (raw[i:i + 200] for i in range(0, len(raw), 200)):
            text = piece.replace(b"\r", b" ").replace(b"\n", b" ")
            conn.send(b"535-5.7.8 " + text.replace(b"\0", b" ") + b"\r\n")
        return conn.send(b"535 5.7.8 " + answer.strip() + b"\r\n")

    def reply(conn, line):
        answer = line.split()[2] if len(line.split()) > 2 else b""
        if not answer or mech == "NTLM":
            conn.send({"DIGEST-MD5": EARLY["DIGEST-MD5"] + b"\r\n",
                       "NTLM": b"334 " + base64.b64encode(NTLM) + b"\r\n"}
                      .get(mech, b"334 \r\n"))
            answer = conn.line()
        said.append(answer.strip().decode())
        if mech == "DIGEST-MD5":
            text = base64.b64decode(answer)
            shown.append(text.split(b"response=")[1][:32].decode())
        return echo(conn, answer)
    more = {"GSSAPI": {"user": None, "password": None},
            "OAUTHBEARER": {"password": None,
                            "token_command": "echo " + GOOD}}.get(mech, {})
    p, h = asked(reply, mech, **more)
    h.secrets.append(GOOD)
    h.env.update(kdc.kinit(tmp / "cc"))
    for argv in ((), ("-v",), ("--report=json",)):
        run = h.run(*argv, "-f", FROM, BOB)
        assert run.status == 195, run
        for text in said + shown:
            for i in range(0, max(1, len(text) - 16), 8):
                assert text[i:i + 16] not in run.err + run.out, (text, run)
    not_mailed(p)


# ---- channel binding ----

@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("version,binding", [("1.2", "tls-unique"),
                                             ("1.3", "tls-exporter")])
@pytest.mark.parametrize("wanted,offer,mech", [
    ("SCRAM-SHA-1-PLUS", None, "SCRAM-SHA-1-PLUS"),
    ("SCRAM-SHA-256-PLUS", None, "SCRAM-SHA-256-PLUS"),
    ("auto", None, "SCRAM-SHA-256-PLUS"),
    ("auto", "SCRAM-SHA-256 SCRAM-SHA-1-PLUS PLAIN", "SCRAM-SHA-1-PLUS")])
def test_plus(secure, mode, version, binding, wanted, offer, mech):
    """Every -PLUS, by TLS 1.2's binding and 1.3's."""
    r, h = secure("--tls-priority=NORMAL:-VERS-ALL:+VERS-TLS" + version,
                  mode=mode, mechs=offer, auth=wanted)
    run = h.report("-f", FROM, BOB)
    assert run.status == 0, run
    assert run.json["sasl"] == mech and run.json["tls"] == "TLS" + version
    seen = r.events("auth")[0]
    assert seen["mechanism"] == mech and seen["cb"] == binding, seen


@pytest.mark.parametrize("mech", ["SCRAM-SHA-512", "SCRAM-SHA-512-PLUS"])
def test_lacking(secure, mech):
    """What libgsasl has not: an error by itself, skipped in a list."""
    r, h = secure(mechs="PLAIN SCRAM-SHA-1", auth=mech)
    run = h.run("--exit-status=sysexits", "-f", FROM, BOB)
    if run.status == 77:
        pytest.skip("this libgsasl has " + mech)
    assert run.status == 78 and "libraries of this build" in run.err, run
    assert not r.connected()
    h.set(auth=mech + ", SCRAM-SHA-1")
    assert h.run("-f", FROM, BOB).status == 0
    assert r.events("auth")[0]["mechanism"] == "SCRAM-SHA-1"


def test_anonymous(secure):
    """Only when named; the user is the trace."""
    r, h = secure(mechs="ANONYMOUS PLAIN", auth="ANONYMOUS",
                  user="trace@example.org", password=None)
    assert h.run("-f", FROM, BOB).status == 0
    assert r.events("auth")[0]["user"] == "trace@example.org"


@pytest.mark.parametrize("realm,name", [("example.org", "alice@example.org"),
                                        ("some realm", "alice@example.org")])
def test_digest_relay(secure, realm, name):
    """DIGEST-MD5 with a realm; the user's name stays whole."""
    r, h = secure("--realm=" + realm, "--name=localhost", mechs="DIGEST-MD5",
                  auth="DIGEST-MD5", host="localhost")
    assert h.run("-f", FROM, BOB).status == 0
    assert r.events("auth")[0]["user"] == name
