"""Whom to believe: certificates that are wrong in each way there is, pins,
lists of the revoked, OCSP, trust on first use; and certificates of our own,
from files and tokens.  What is refused is refused before anything is said."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import cannot
from lib import trust
from lib.check import BOB, both, silent
from lib.program import FROM, MESSAGE, program, sendmail
from lib.spool import Queue
from lib.relay import auth, tls

@pytest.fixture(autouse=True)
def tools():
    for tool in ("openssl", "faketime"):
        if not shutil.which(tool):
            cannot("%s is not installed" % tool)


def nothing_said(relay):
    """No login, no sender, no message: not one octet of plain text."""
    assert not relay.events("auth") and not relay.events("mail")
    assert not relay.said("AUTH") and not relay.said("MAIL")
    for name, got in relay.raw().items():
        if name.endswith((".plain", ".tls")):
            assert got == b"", (name, got)


def refused(relay, home, says, status=77, **more):
    """Refused in direct mode, by either scheme, in these words."""
    for run in both(home, sysexits=status, **more):
        assert re.search(says, run.err), run
        assert len(run.err.splitlines()) == 1, run
    nothing_said(relay)
    return run


# ---- certificates ----

DATE = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC"
WRONG = {
    "wronghost": r"it is for elsewhere\.test, not for the address "
                 r"'127\.0\.0\.1'",
    "expired": r"it expired on " + DATE,
    "notyet": r"it is not valid before " + DATE,
    "selfsigned": r"it is self-signed \(to trust it, set tls_trust",
    "unknownca": r"its issuer 'CN=another test CA' is not trusted, nor did",
    "impostor": r"its signature, or one above it, is wrong",
    "sha1": r"its signature is weak \(ECDSA-SHA1\)",
    "md5": r"its signature is weak \(RSA-MD5\)",
    "rsa1024": r"its RSA key is weak \(1024 bits\)",
    "cnonly": r"it names no host \(no subject alternative name\)",
    "nulname": r"localhost\\+x00\.evil\.test, not for .* has a NUL in it",
    "nointer": r"its issuer 'CN=test intermediate' is not trusted, nor did "
               r"the relay send a certificate of it",
    "oldinter": r"the certificate of its issuer 'CN=expired intermediate' "
                r"expired on " + DATE,
    "notca": r"its issuer is no CA$",
    "constraints": r"its issuer may not issue it \(name constraints\)",
    "clientonly": r"it is not meant for a TLS server",
    "critical": r"it has an unknown critical extension",
    "muststaple": r"it demands an OCSP status, which the relay did not send",
}


@pytest.mark.parametrize("cert", WRONG)
def test_certificate(secure, cert):
    """Each in its own words, and to no other one's."""
    r, h = secure(cert=cert)
    run = refused(r, h, WRONG[cert])
    assert "'127.0.0.1' is not to be trusted: " in run.err, run
    for other, says in WRONG.items():
        if other != cert:
            assert not re.search(says, run.err), (other, run)


@pytest.mark.parametrize("priority", ["NORMAL:-VERS-ALL:+VERS-TLS1.2",
                                      "NORMAL:-VERS-ALL:+VERS-TLS1.3"])
@pytest.mark.parametrize("cert", ["expired", "nointer", "wronghost"])
def test_versions(secure, cert, priority):
    r, h = secure("--tls-priority=" + priority, cert=cert)
    refused(r, h, WRONG[cert])


def test_starttls(secure):
    """After STARTTLS the same: EHLO and that were all that was said."""
    r, h = secure(mode="starttls", cert="expired")
    for run in both(h, sysexits=77):
        assert re.search(WRONG["expired"], run.err), run
    assert {c.split()[0] for c in r.commands()} == {"EHLO", "STARTTLS"}
    assert not any(got for name, got in r.raw().items()
                   if name.endswith(".tls"))


def test_chained(secure):
    r, h = secure(cert="chained")
    silent(h.run("-f", FROM, BOB))


def test_unknown_authority_at_the_top(secure, certs, tmp):
    """What is sent up to an authority is told from what is cut short."""
    for name in ("pem", "key"):
        shutil.copy(certs / ("unknownca." + name), tmp / ("full." + name))
    with open(tmp / "full.pem", "ab") as f:
        f.write((certs / "other-ca.pem").read_bytes())
    r, h = secure("--certs=%s" % tmp, "--cert=full")
    refused(r, h, r"its authority 'CN=another test CA' is not trusted")


def test_nul_in_the_name_of_the_host(secure):
    """The very name that the NUL is to make of it."""
    r, h = secure(cert="nulname", tls_name="localhost")
    refused(r, h, r"not for 'localhost'; that has a NUL")


@pytest.mark.parametrize("text,says", [
    (None, r"cannot read CA file '[^']*bundle': No such file"),
    ("", r"CA file '[^']*bundle' has no certificate in it"),
    ("# nothing\n", r"CA file '[^']*bundle' has no certificate in it"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
     r"CA file '[^']*bundle'")], ids=["missing", "empty", "comment", "junk"])
def test_bundle(secure, tmp, text, says):
    bundle = tmp / "bundle"
    if text is not None:
        bundle.write_text(text)
    r, h = secure(tls_trust=bundle)
    refused(r, h, says, status=78)
    run = h.run("--check-config")
    assert run.status == 78 and "tls_trust" in run.err or \
        re.search(says, run.err), run


@pytest.mark.parametrize("key", ["tls_trust", "tls_crl", "tls_cert",
                                 "tls_key"])
def test_fifo(secure, certs, tmp, key):
    """What never ends, or never begins, is no file."""
    os.mkfifo(tmp / "fifo")
    settings = {"tls_cert": certs / "client.pem",
                "tls_key": certs / "client.key", key: tmp / "fifo"}
    r, h = secure(**settings)
    run = refused(r, h, "fifo", status=78)
    assert run.elapsed < 3, run


@pytest.mark.parametrize("cert", ["expired", "selfsigned"])
def test_queued(tmp, relay, certs, cert):
    """In the queue it defers, by a run as well, and never bounces."""
    r = relay(*tls(certs, cert), *auth())
    q = Queue(tmp / "queue", r.port, tls="implicit",
              tls_trust=certs / "ca.pem").login()
    run = q.run("-f", FROM, BOB)
    assert run.status == 0, run
    for _ in range(2):
        q.go()
        entry = q.only()		# and no bounce beside it
        assert entry.sender.split()[1] == FROM and entry.open() == [BOB]
    assert not q.entries("failed") and not r.messages()
    nothing_said(r)


# ---- pins and fingerprints ----

def plain(home, relay, **settings):
    return home(relay.port, tls="implicit").login(**settings)


def test_pin(home, relay, certs):
    """The key is all: no authority, no name, no date; and it outlives the
    certificate."""
    for cert in ("good", "expired", "selfsigned", "wronghost"):
        r = relay(*tls(certs, cert), *auth())
        pin = trust.pin(certs / (cert + ".pem"))
        silent(plain(home, r, tls_pin=pin).run("-f", FROM, BOB))
    r = relay(*tls(certs, "renewed"), *auth())
    good = trust.pin(certs / "good.pem")
    silent(plain(home, r, tls_pin=good).run("-f", FROM, BOB))


def test_pin_forms(home, relay, certs):
    r = relay(*tls(certs, "selfsigned"), *auth())
    mine = trust.pin(certs / "selfsigned.pem")
    other = trust.pin(certs / "good.pem")
    for text in ("%s, %s" % (other, mine), "%s %s" % (mine, other),
                 mine.replace(":", "//"), "pin-" + mine):
        silent(plain(home, r, tls_pin=text).run("-f", FROM, BOB))


def test_changed_pin(home, relay, certs):
    """What is shown can be copied into the setting."""
    r = relay(*tls(certs, "good"), *auth())
    other = trust.pin(certs / "expired.pem")
    h = plain(home, r, tls_pin=other)
    run = refused(r, h, r"the key of '127\.0\.0\.1' is not one of tls_pin")
    assert other in run.err, run
    assert trust.pin(certs / "good.pem") in run.err, run
    shown = re.search(r"its certificate (sha256:[0-9a-f]{64})", run.err)[1]
    silent(plain(home, r, tls_fingerprint=shown).run("-f", FROM, BOB))


def test_fingerprint(home, relay, certs):
    r = relay(*tls(certs, "expired"), *auth())
    mine = trust.fingerprint(certs / "expired.pem")
    assert ":" in mine
    for text in (mine, mine.replace(":", ""), "sha256:" + mine.lower(),
                 trust.fingerprint(certs / "good.pem") + "," + mine):
        silent(plain(home, r, tls_fingerprint=text).run("-f", FROM, BOB))


def test_changed_fingerprint(home, relay, certs):
    """The key of a renewed certificate is the same, but that was not asked."""
    r = relay(*tls(certs, "renewed"), *auth())
    good = trust.fingerprint(certs / "good.pem")
    run = refused(r, plain(home, r, tls_fingerprint=good),
                  r"the certificate of '127\.0\.0\.1' is not one of "
                  r"tls_fingerprint")
    mine = trust.fingerprint(certs / "renewed.pem").replace(":", "").lower()
    assert good in run.err and "sha256:" + mine in run.err, run


def test_each_has_to_agree(home, relay, certs):
    r = relay(*tls(certs, "good"), *auth())
    pin = trust.pin(certs / "good.pem")
    good = trust.fingerprint(certs / "good.pem")
    other = trust.fingerprint(certs / "expired.pem")
    silent(plain(home, r, tls_pin=pin, tls_fingerprint=good).run(
        "-f", FROM, BOB))
    h = plain(home, r, tls_pin=pin, tls_fingerprint=other)
    for run in both(h, sysexits=77):
        assert "tls_fingerprint" in run.err, run


def test_pin_beside_authorities(home, relay, certs):
    """With tls_trust both are asked."""
    for cert, says in (("good", None), ("expired", WRONG["expired"]),
                       ("wronghost", WRONG["wronghost"])):
        r = relay(*tls(certs, cert), *auth())
        h = plain(home, r, tls_pin=trust.pin(certs / (cert + ".pem")),
                  tls_trust=certs / "ca.pem")
        if says:
            refused(r, h, says)
        else:
            silent(h.run("-f", FROM, BOB))
    r = relay(*tls(certs, "good"), *auth())
    h = plain(home, r, tls_pin=trust.pin(certs / "expired.pem"),
              tls_trust=certs / "ca.pem")
    refused(r, h, "tls_pin")


@pytest.mark.parametrize("key,value,says", [
    ("tls_pin", "sha256:x", "not a list of pins"),
    ("tls_pin", "sha1:" + "A" * 27 + "=", "too weak"),
    ("tls_fingerprint", ":".join(["ab"] * 20), "too weak"),
    ("tls_fingerprint", "md5:" + ":".join(["ab"] * 16), "too weak"),
    ("tls_fingerprint", "ab" * 31, "64 hexadecimal digits")])
def test_bad_pin(home, relay, certs, key, value, says):
    r = relay(*tls(certs), *auth())
    run = plain(home, r, **{key: '"%s"' % value}).run("-f", FROM, BOB)
    assert run.status == 78 and says in run.err and key in run.err, run
    assert not r.connected()


def test_pin_needs_tls(home, relay, certs):
    """What would have no effect is no protection."""
    r = relay()
    run = home(r.port, tls_pin=trust.pin(certs / "good.pem")).run(
        "-f", FROM, BOB)
    assert run.status == 78 and "need TLS" in run.err, run
    assert not r.connected()


def test_serverinfo(home, relay, certs):
    """It shows what to set, and names what is wrong without failing."""
    r = relay(*tls(certs, "good"), *auth())
    pin = trust.pin(certs / "good.pem")
    run = plain(home, r, tls_pin=pin).run("--serverinfo")
    assert run.status == 0 and re.search(r"^trust +verified$", run.out,
                                         re.M), run
    run = plain(home, r, tls_pin=trust.pin(certs / "expired.pem")).run(
        "--serverinfo")
    assert run.status == 0, run
    assert re.search(r"^key pin +%s$" % re.escape(pin), run.out, re.M), run
    assert re.search(r"^fingerprint +sha256:%s$" % trust.fingerprint(
        certs / "good.pem").replace(":", "").lower(), run.out, re.M), run
    assert re.search(r"^trust +the key of '127\.0\.0\.1' is not", run.out,
                     re.M), run


# ---- revocation lists ----

@pytest.mark.parametrize("crl,cert,says", [
    ("empty", "good", None),
    ("empty", "revoked", None),
    ("revoked", "good", None),
    ("revoked", "revoked", r"it has been revoked \(CRL '[^']*revoked\.crl'\),"
                           r" on " + DATE),
    ("revoked", "revokedinter", r"the certificate of an issuer, by "
                                r"'CN=posthaste test CA', has been revoked "
                                r"\(CRL"),
    ("stale", "good", r"\(CRL '[^']*stale\.crl'\) is out of date since "
                      + DATE),
    ("future", "good", r"\(CRL '[^']*future\.crl'\) is from the future, "
                       + DATE),
    ("forged", "good", r"\(CRL '[^']*forged\.crl'\) is not signed by that"),
    ("foreign", "good", r"CRL file '[^']*foreign\.crl' has no list of its "
                        r"issuer 'CN=posthaste test CA'")])
def test_crl(secure, certs, crl, cert, says):
    r, h = secure(cert=cert, tls_crl=certs / (crl + ".crl"))
    if says:
        refused(r, h, says)
    else:
        silent(h.run("-f", FROM, BOB))


def test_crl_der(secure, certs, tmp):
    """As authorities publish them."""
    trust.run("openssl", "crl", "-in", certs / "revoked.crl", "-outform",
              "der", "-out", tmp / "der.crl")
    r, h = secure(cert="revoked", tls_crl=tmp / "der.crl")
    refused(r, h, "it has been revoked")


@pytest.mark.parametrize("data,says", [
    (None, r"CRL file '[^']*list' does not exist"),
    (b"", r"CRL file '[^']*list' is empty"),
    (b"\n", r"CRL file '[^']*list' has no revocation list in it"),
    (b"0\x82", r"CRL file '[^']*list'"),
    ("ca.pem", r"CRL file '[^']*list' has no revocation list in it"),
    ("cut", r"CRL file '[^']*list'")],
    ids=["missing", "empty", "blank", "cut DER", "certificate", "cut PEM"])
def test_crl_file(secure, certs, tmp, data, says):
    path = tmp / "list"
    if data == "cut":
        data = (certs / "empty.crl").read_bytes()[:150]
    elif isinstance(data, str):
        data = (certs / data).read_bytes()
    if data is not None:
        path.write_bytes(data)
    r, h = secure(tls_crl=path)
    refused(r, h, says, status=78)
    run = h.run("--check-config")
    assert run.status == 78 and re.search(says, run.err), run


def test_crl_unreadable(secure, tmp):
    """A directory is no list."""
    r, h = secure(tls_crl=tmp)
    refused(r, h, "is a directory", status=78)


def test_crl_alone_asks_authorities(home, relay, certs):
    """A list says nothing without them, so a pin is not all any more."""
    r = relay(*tls(certs, "good"), *auth())
    h = plain(home, r, tls_pin=trust.pin(certs / "good.pem"),
              tls_crl=certs / "empty.crl")
    refused(r, h, "is not trusted")


# ---- OCSP ----

@pytest.mark.parametrize("cert", ["good", "muststaple"])
@pytest.mark.parametrize("how,says", [
    ({}, None),
    ({"status": "R", "reason": "keyCompromise"},
     r"it has been revoked \(OCSP\), on 2025-11-01 12:00:00 UTC: its key was "
     r"compromised"),
    ({"status": "R", "reason": "superseded"}, r"revoked .* been replaced"),
    ({"shift": "-10d"}, r"the OCSP status sent with it is out of date since "
                        + DATE),
    ({"shift": "+10d"}, r"the OCSP status sent with it is from the future, "
                        + DATE),
    ({"status": "R", "reason": "keyCompromise", "shift": "-10d"},
     r"revoked \(OCSP\)"),
    ({"signer": "other-ca"}, r"the OCSP status sent with it is invalid"),
    ({"about": "renewed"}, r"the OCSP status sent with it is invalid"),
    ({"status": ""}, r"the OCSP status sent with it does not know it")],
    ids=["good", "revoked", "replaced", "old", "future", "old and revoked",
         "foreign", "about another", "unknown"])
def test_ocsp(secure, certs, tmp, cert, how, says):
    path = trust.ocsp(certs, tmp, cert, **how)
    r, h = secure("--ocsp=%s" % path, cert=cert)
    if says:
        refused(r, h, says)
    else:
        silent(h.run("-f", FROM, BOB))


@pytest.mark.parametrize("data,cert,says", [
    (b"junk", "good", r"the OCSP status sent with it is invalid"),
    (b"\x30\x03\x0a\x01\x03", "good", None),	# "try later"
    (b"\x30\x03\x0a\x01\x03", "muststaple", r"the OCSP status|an OCSP status")],
    ids=["junk", "later", "must not be later"])
def test_ocsp_octets(secure, tmp, data, cert, says):
    (tmp / "ocsp").write_bytes(data)
    r, h = secure("--ocsp=%s" % (tmp / "ocsp"), cert=cert)
    if says:
        refused(r, h, says)
    else:
        silent(h.run("-f", FROM, BOB))


# ---- trust on first use ----

def known_file(home):
    return home.state / "posthaste/known_relays"


def at_terminal(home, *argv, **env):
    return trust.AtTerminal([str(program()), "-f", FROM, *argv, BOB],
                            dict(home.env, **env), MESSAGE)


def test_tofu_yes(home, relay, certs):
    """Asked once, at the terminal; stdin is the message."""
    r = relay(*tls(certs, "selfsigned"), *auth())
    h = plain(home, r, tls_trust="tofu")
    digits = trust.fingerprint(certs / "selfsigned.pem").replace(":", "")
    t = at_terminal(h).wait_for(rb"\(yes/no\) ")
    assert b"sha256:" + digits.lower().encode() in t.screen, t.screen
    assert not r.said("AUTH") and not known_file(h).exists()
    assert t.type(b"yes\n").finish() == 0, t.screen
    assert len(r.messages(1)) == 1
    assert digits.lower() in known_file(h).read_text()
    assert known_file(h).stat().st_mode & 0o777 == 0o600
    silent(h.run("-f", FROM, BOB))
    t = at_terminal(h)
    assert t.finish() == 0 and b"yes/no" not in t.screen, t.screen
    run = h.run("--serverinfo")
    assert re.search(r"^trust +verified$", run.out, re.M), run


@pytest.mark.parametrize("answer", [b"no\n", b"\n", b"y\n", b"YES\n",
                                    b"yes yes\n", b"\x04"])
def test_tofu_no(home, relay, certs, answer):
    r = relay(*tls(certs, "selfsigned"), *auth())
    h = plain(home, r, tls_trust="tofu")
    t = at_terminal(h).wait_for(rb"\(yes/no\) ").type(answer)
    assert t.finish() == 77, t.screen
    assert b"not seen before" in t.screen, t.screen
    assert not known_file(h).exists()
    nothing_said(r)


def test_tofu_changed_at_a_terminal(home, relay, certs):
    """Nobody is asked whether a known relay may be another."""
    r = relay(*tls(certs, "selfsigned"), *auth())
    h = plain(home, r, tls_trust="tofu")
    known_file(h).parent.mkdir()
    known_file(h).write_text("127.0.0.1:%d sha256:%s\n" % (r.port, "ab" * 32))
    known_file(h).chmod(0o600)
    t = at_terminal(h)
    assert t.finish() == 77 and b"yes/no" not in t.screen, t.screen
    assert b"has changed" in t.screen, t.screen
    nothing_said(r)


def test_tofu_without_terminal(home, relay, certs):
    r = relay(*tls(certs, "selfsigned"), *auth())
    h = plain(home, r, tls_trust="tofu")
    run = refused(r, h, r"not seen before: sha256:[0-9a-f]{64}")
    # and does as it says:
    line = re.search(r"add the line '([^']+)' to '([^']+)'", run.err)
    assert line[2] == str(known_file(h))
    known_file(h).parent.mkdir()
    known_file(h).write_text(line[1] + "\n")
    known_file(h).chmod(0o600)
    silent(h.run("-f", FROM, BOB))


def test_tofu_as_sendmail(home, relay, certs):
    """Programs call sendmail, and expect no question."""
    r = relay(*tls(certs, "selfsigned"), *auth())
    h = plain(home, r, tls_trust="tofu")
    t = trust.AtTerminal([str(sendmail()), "-f", FROM, BOB], h.env, MESSAGE)
    assert t.finish() == 77 and b"yes/no" not in t.screen, t.screen
    nothing_said(r)


def test_tofu_and_crl(home, relay, certs):
    r = relay(*tls(certs, "selfsigned"), *auth())
    run = plain(home, r, tls_trust="tofu", tls_crl=certs / "empty.crl").run(
        "-f", FROM, BOB)
    assert run.status == 78 and "tls_crl" in run.err, run
    assert not r.connected()


# ---- our own certificate ----

@pytest.fixture
def asking(secure, certs):
    """asking(*options, **settings): a relay that asks for one."""
    def make(*options, **settings):
        return secure("--client-ca=%s" % (certs / "ca.pem"), *options,
                      **settings)
    return make


def shown(relay):
    return [e.get("client") for e in relay.events("tls")]


@pytest.fixture
def keys(certs, tmp):
    """A directory with the client's key in several forms."""
    path = tmp / "keys"
    path.mkdir()
    key = certs / "client.key"
    both_in_one = (certs / "client.pem").read_bytes() + key.read_bytes()
    for name, data, mode in (("plain.key", key.read_bytes(), 0o600),
                             ("open.key", key.read_bytes(), 0o644),
                             ("both.pem", both_in_one, 0o600),
                             ("password", b"sesame\n", 0o600),
                             ("wrong", b"simsim\n", 0o600),
                             ("empty", b"", 0o600),
                             ("junk", b"\0\xff" * 400, 0o600)):
        (path / name).write_bytes(data)
        (path / name).chmod(mode)
    trust.run("openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", key,
              "-out", path / "enc.key", "-passout", "pass:sesame")
    (path / "enc.key").chmod(0o644)		# is safe as it is
    return path


PRIORITIES = ["NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL"]


@pytest.mark.parametrize("priority", PRIORITIES, ids=["1.2", "1.3"])
def test_client_certificate(asking, certs, keys, priority):
    for cert, key, name in (("client.pem", certs / "client.key", "CN=alice"),
                            ("client-rsa.pem", certs / "client-rsa.key",
                             "CN=bob"), (keys / "both.pem", None, "CN=alice")):
        r, h = asking("--tls-priority=" + priority, "--require-client-cert",
                      tls_cert=certs / cert, tls_key=key)
        silent(h.run("-f", FROM, BOB))
        assert shown(r) == [name]


@pytest.mark.parametrize("priority", PRIORITIES, ids=["1.2", "1.3"])
def test_asked_without_one(asking, priority):
    """Who asks is told that there is none; who insists, by us."""
    r, h = asking("--tls-priority=" + priority)
    silent(h.run("-f", FROM, BOB))
    assert shown(r) == [""]
    r, h = asking("--tls-priority=" + priority, "--require-client-cert")
    for run in both(h, sysexits=77):
        assert "wants a certificate of ours (tls_cert)" in run.err, run
    nothing_said(r)


def test_not_asked(secure, certs):
    """Nobody is shown what he does not ask for."""
    r, h = secure(tls_cert=certs / "client.pem", tls_key=certs / "client.key")
    silent(h.run("-f", FROM, BOB))
    assert shown(r) == [""]


@pytest.mark.parametrize("priority", PRIORITIES, ids=["1.2", "1.3"])
def test_client_certificate_refused(asking, certs, priority):
    r, h = asking("--tls-priority=" + priority,
                  tls_cert=certs / "client-other.pem",
                  tls_key=certs / "client-other.key")
    for run in both(h, sysexits=77):
        assert "does not accept our certificate (tls_cert)" in run.err, run
    nothing_said(r)


def test_no_certificate_for_an_impostor(asking, certs):
    """Who is not believed does not see it either."""
    r, h = asking("--tls-priority=" + PRIORITIES[0], cert="wronghost",
                  tls_cert=certs / "client.pem", tls_key=certs / "client.key")
    refused(r, h, WRONG["wronghost"])
    der = subprocess.run(["openssl", "x509", "-in", str(certs / "client.pem"),
                          "-outform", "der"], check=True,
                         capture_output=True).stdout
    for got in r.raw().values():		# in clear, in TLS 1.2
        assert der not in got


def test_encrypted_key(asking, certs, keys):
    r, h = asking(tls_cert=certs / "client.pem", tls_key=keys / "enc.key",
                  tls_key_password_file=keys / "password")
    silent(h.run("-f", FROM, BOB))
    assert shown(r) == ["CN=alice"]


def test_encrypted_key_command(asking, certs, keys):
    r, h = asking(tls_cert=certs / "client.pem", tls_key=keys / "enc.key",
                  tls_key_password_command="echo sesame")
    silent(h.run("-f", FROM, BOB))
    assert shown(r) == ["CN=alice"]


def test_key_as_a_credential(asking, certs, keys):
    """What systemd puts there has an access list, seen as the group's."""
    (keys / "open.key").chmod(0o440)
    r, h = asking(tls_cert=certs / "client.pem", tls_key=keys / "open.key")
    silent(h.run("-f", FROM, BOB,
                 env={"CREDENTIALS_DIRECTORY": str(keys)}))
    run = h.run("-f", FROM, BOB, env={"CREDENTIALS_DIRECTORY":
                                      str(keys.parent / "other")})
    assert run.status == 77 and "chmod 600" in run.err, run
    (keys / "open.key").chmod(0o444)
    run = h.run("-f", FROM, BOB, env={"CREDENTIALS_DIRECTORY": str(keys)})
    assert run.status == 77 and "chmod 600" in run.err, run


OWN_FAULTS = [
    ("client.pem", "open.key", None, 77, r"tls_key: .*chmod 600"),
    ("client.pem", "enc.key", "wrong", 77,
     r"tls_key: the password of '[^']*enc\.key' is wrong"),
    ("client.pem", "enc.key", None, 78,
     r"enc\.key' is encrypted: .*the password of tls_key is not known"),
    ("good.pem", "plain.key", None, 78, r"tls_key: the key of '[^']*' is not "
                                        r"that of the certificate"),
    ("client.pem", None, None, 78, r"tls_cert: .*no private key.*set tls_key"),
    ("missing.pem", "plain.key", None, 78, r"tls_cert: '[^']*' does not "),
    ("client.pem", "missing.key", None, 78, r"tls_key: '[^']*' does not "),
    ("client.pem", "empty", None, 78, r"tls_key: .*no private key"),
    ("client.pem", "junk", None, 78, r"tls_key: .*no private key"),
    ("client.key", "plain.key", None, 78, r"tls_cert: .*no certificate"),
]


@pytest.mark.parametrize("cert,key,password,status,says", OWN_FAULTS)
def test_own_faults(asking, certs, keys, cert, key, password, status, says):
    """What is wrong with ours is found out before anybody is connected to,
    and by --check-config as far as it needs no secret."""
    r, h = asking(tls_cert=certs / cert, tls_key=key and keys / key,
                  tls_key_password_file=password and keys / password)
    for run in both(h, sysexits=status):
        assert re.search(says, run.err), run
        assert "sesame" not in run.err and "simsim" not in run.err, run
    assert not r.connected()
    run = h.run("--check-config")
    if key == "enc.key":
        assert run.status == 0, run
    else:
        assert run.status == status and re.search(says, run.err), run
        assert "account 'test'" in run.err, run


@pytest.mark.parametrize("settings,says", [
    ({"tls_key": "/k"}, "'tls_key' without 'tls_cert'"),
    ({"tls_cert": "/c", "tls": "none"}, "'tls_cert' is shown in TLS only"),
    ({"tls_cert": "pkcs11:object=a?pin-value=314159"},
     "tls_key_password_file"),
    ({"tls_cert": "/c", "tls_key": "pkcs11:object=a?pin-value=314159"},
     "tls_key_password_file")])
def test_own_settings(home, relay, settings, says):
    r = relay()
    h = home(r.port, **{"tls": "implicit", **settings})
    for argv in (("-f", FROM, BOB), ("--check-config",)):
        run = h.run(*argv)
        assert run.status == 78 and says in run.err, run
        assert "314159" not in run.err + run.out, run
    assert not r.connected()


# ---- tokens ----

@pytest.fixture(scope="session")
def token(base, certs):
    reason = trust.missing_token_tools()
    if reason:
        cannot(reason)
    path = base / "token"
    path.mkdir()
    return trust.Token(path, certs)


@pytest.fixture
def pins(tmp):
    for name, text in (("pin", "4711"), ("badpin", "4712")):
        (tmp / name).write_text(text)
        (tmp / name).chmod(0o600)
    return tmp


ME = '"pkcs11:token=mail;object=me"'


def test_token(asking, certs, token, pins):
    """Certificate and key there, or the key alone."""
    for cert, key in ((ME, None), (certs / "client.pem", ME)):
        r, h = asking("--require-client-cert", tls_cert=cert, tls_key=key,
                      tls_key_password_file=pins / "pin")
        silent(h.run("-f", FROM, BOB, env=token.env))
        assert shown(r) == ["CN=alice"]
        run = h.run("--check-config", env=token.env)
        assert run.status == 0, run


@pytest.mark.parametrize("cert,key,pin,status,says", [
    (ME, None, "badpin", 77, "tls_cert: token 'mail' refuses the PIN"),
    ("client.pem", ME, "badpin", 77, "tls_key: token 'mail' refuses the PIN"),
    ("client.pem", ME, None, 78, "tls_key: .*set tls_key_password_command"),
    ("client-rsa.pem", ME, "pin", 78, "is not that of the certificate"),
    ('"pkcs11:token=mail;object=you"', None, "pin", 78,
     "tls_cert: no token has what the URI names"),
    ('"pkcs11:token=male;object=me"', None, "pin", 78,
     "tls_cert: no token has what the URI names"),
    ("client.pem", '"pkcs11:token=mail;object=you"', "pin", 78,
     "tls_key: no token has what the URI names")])
def test_token_faults(asking, certs, token, pins, cert, key, pin, status,
                      says):
    if not cert.startswith('"'):
        cert = certs / cert
    r, h = asking(tls_cert=cert, tls_key=key,
                  tls_key_password_file=pin and pins / pin)
    for run in both(h, sysexits=status, env=token.env):
        assert re.search(says, run.err), run
        assert "471" not in run.err, run
    assert not r.connected()


CKF_USER_PIN_FINAL_TRY = 0x20000
CKR_PIN_INCORRECT = "0xa0"


@pytest.mark.skipif("thread" in os.environ.get("SAN", ""), reason="preload")
def test_token_is_not_hammered(asking, certs, token, pins):
    """A wrong PIN is tried once, and none when one more would lock it."""
    r, h = asking(tls_cert=certs / "client.pem", tls_key=ME,
                  tls_key_password_file=pins / "badpin")
    watched = token.watched()
    run = h.run("-f", FROM, BOB, env=watched)
    assert run.status == 77 and "refuses the PIN" in run.err, run
    assert token.logins() == ["C_Login %s 4" % CKR_PIN_INCORRECT]
    h.set(tls_key_password_file=pins / "pin")
    silent(h.run("-f", FROM, BOB, env=watched))
    assert len(token.logins()) == 2 and " 0x0 " in token.logins()[1]
    run = h.run("-f", FROM, BOB, env=token.watched(CKF_USER_PIN_FINAL_TRY))
    assert run.status == 77, run
    assert "would be locked by one more wrong PIN" in run.err, run
    assert len(token.logins()) == 2
    assert shown(r) == ["CN=alice"]
