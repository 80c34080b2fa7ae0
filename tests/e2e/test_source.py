"""Where connections come from, link-local addresses, and how we introduce
ourselves.  Link-local addresses need links: two network namespaces of the
test's own with a cable (veth) between them, which takes root."""
import itertools
import os
import re
import subprocess

import pytest

from conftest import cannot
from lib import socks
from lib.check import BOB, both, resolver, silent
from lib.peer import Peer, smtp
from lib.program import FROM, program
from lib.relay import auth, tls

NEAR, FAR = "phnear0", "phfar0"		# the two ends of the cable
NEAR_IP, FAR_IP = "fe80::aa", "fe80::bb"
NEAR_GLOBAL, FAR_GLOBAL = "fd00:4711::aa", "fd00:4711::bb"
counter = itertools.count(1)


def ip(*argv):
    return subprocess.run([socks.find("ip"), *argv], check=True, timeout=30,
                          stdin=subprocess.DEVNULL, capture_output=True)


def make_link(near, far):
    for ns in (near, far):
        ip("netns", "add", ns)
        ip("-n", ns, "link", "set", "lo", "up")
    ip("-n", near, "link", "add", NEAR, "type", "veth", "peer", "name", FAR,
       "netns", far)
    for ns, dev, addresses in ((near, NEAR, (NEAR_IP, NEAR_GLOBAL)),
                               (far, FAR, (FAR_IP, FAR_GLOBAL))):
        ip("-n", ns, "link", "set", dev, "addrgenmode", "none")
        ip("-n", ns, "link", "set", dev, "up")
        for address in addresses:
            ip("-n", ns, "addr", "add", address + "/64", "dev", dev, "nodad")


class Link:
    """Two namespaces: run(home, ...) in the near one, relays in the far one."""

    def __init__(self):
        self.near, self.far = ("posthaste-%d-%d" % (os.getpid(),
                                                    next(counter))
                               for _ in range(2))
        make_link(self.near, self.far)

    def prefix(self, ns):
        return [socks.find("ip"), "netns", "exec", ns]

    def run(self, home, *argv, **more):
        return home.run(*self.prefix(self.near)[1:], str(program()), *argv,
                        exe=socks.find("ip"), name="ip", **more)

    def stop(self):
        for ns in (self.near, self.far):
            subprocess.run([socks.find("ip"), "netns", "del", ns],
                           stdin=subprocess.DEVNULL, capture_output=True)


@pytest.fixture
def link():
    if os.geteuid() != 0:
        cannot("network namespaces need root")
    if not socks.find("ip"):
        cannot("ip is not installed (package iproute2)")
    try:
        made = Link()
    except subprocess.CalledProcessError as e:
        cannot("no network namespace: %s" % e.stderr)
    yield made
    made.stop()


@pytest.fixture
def far(link, relay):
    """far(*options): a relay at the other end of the cable."""
    return lambda *options: relay(*options, listen=("[::]:0",),
                                  prefix=link.prefix(link.far))


# ---- link-local addresses ----

@pytest.mark.parametrize("scope", [NEAR, "number"])
def test_link_local(link, far, home, scope):
    """By the interface's name, or by its number."""
    r = far()
    if scope == "number":
        shown = ip("-n", link.near, "-o", "link", "show", NEAR).stdout
        scope = shown.split(b":")[0].decode()
    h = home(r.port, host="%s%%%s" % (FAR_IP, scope))
    silent(link.run(h, "-f", FROM, BOB))
    assert len(r.messages(1)) == 1


def test_link_local_tls(link, far, home, certs):
    """The interface is nobody else's business: not in SNI, EHLO or the name
    that is verified."""
    r = far(*tls(certs), *auth())
    h = home(r.port, host="%s%%%s" % (FAR_IP, NEAR), tls="implicit",
             tls_trust=certs / "ca.pem", helo=None).login()
    h.general["mailname"] = "laptop"
    h.set()
    run = link.run(h, "--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 77 and FAR_IP in run.err, run	# it has other names
    h.set(tls_name="relay.test")
    silent(link.run(h, "-f", FROM, BOB))
    assert r.commands("EHLO")[-1] == "EHLO [IPv6:%s]" % NEAR_IP
    for octets in r.raw().values():
        assert NEAR.encode() not in octets and FAR_IP.encode() not in octets


@pytest.mark.parametrize("host,text", [
    (FAR_IP + "%nowhere0", "no interface 'nowhere0'"),
    (FAR_GLOBAL + "%" + NEAR, "is no link-local address"),
    (FAR_IP + "%", "no interface ''")])
def test_wrong_interface(link, home, host, text):
    """78, at once, and no name server is asked for it."""
    h = home(25, host=host)
    run = link.run(h, "--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 78 and text in run.err, run
    assert run.elapsed < 3, run


def test_link_local_without_interface(link, home):
    h = home(25, host=FAR_IP)
    run = link.run(h, "--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 75, run
    assert "a link-local address needs its interface" in run.err, run
    h.set(host=FAR_IP + "%lo")		# one that does not lead there
    run = link.run(h, "--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 75 and FAR_IP in run.err, run


def test_name_of_a_link_local_address(link, far, home, tmp):
    """A name server cannot tell the interface; `source` can."""
    r = far()
    env = resolver(tmp, {"printer.test": [FAR_IP]})
    h = home(r.port, host="printer.test")
    run = link.run(h, "--exit-status=sysexits", "-f", FROM, BOB, env=env)
    assert run.status == 75 and "needs its interface" in run.err, run
    h.set(source=NEAR)
    silent(link.run(h, "-f", FROM, BOB, env=env))
    h.set(source="%s%%%s" % (NEAR_IP, NEAR))
    silent(link.run(h, "-f", FROM, BOB, env=env))


# ---- source ----

@pytest.mark.parametrize("host,seen", [
    (FAR_IP + "%" + NEAR, NEAR_IP), (FAR_GLOBAL, NEAR_GLOBAL)])
def test_source_interface(link, far, home, host, seen):
    """Of an interface's addresses, the one of the target's kind."""
    r = far()
    h = home(r.port, host=host, source=NEAR)
    silent(link.run(h, "-f", FROM, BOB))
    h.general["mailname"] = "laptop"
    h.set()
    silent(link.run(h, "-f", FROM, BOB))
    assert r.commands("EHLO")[-1] == "EHLO [IPv6:%s]" % seen


def test_source_interface_without_address(link, home):
    ip("-n", link.near, "addr", "flush", "dev", NEAR)
    h = home(25, host=FAR_GLOBAL, source=NEAR)
    run = link.run(h, "--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 75, run
    assert "source '%s': the interface has no address now" % NEAR in run.err


def test_source_of_the_other_family(link, far, home):
    r = far()
    h = home(r.port, host=FAR_GLOBAL, source="127.0.0.1")
    run = link.run(h, "--exit-status=sysexits", "-f", FROM, BOB)
    assert run.status == 75, run
    assert "not reachable from source '127.0.0.1'" in run.err, run


@pytest.fixture
def seen_from():
    """A relay that notes where it was reached from, and what EHLO said."""
    noted = []

    def serve(conn):
        noted.append(conn.sock.getpeername()[0])
        smtp()(conn)

    p = Peer(serve)
    p.noted = noted
    yield p
    p.stop()


@pytest.mark.parametrize("source,seen", [
    ("127.0.0.9", "127.0.0.9"), ("lo", "127.0.0.1"), ("", "127.0.0.1")])
def test_source(home, seen_from, source, seen):
    h = home(seen_from.port, source=source)
    silent(h.run("-f", FROM, BOB))
    assert seen_from.noted == [seen]


@pytest.mark.parametrize("source,status,text", [
    ("wlan77", 78, "source 'wlan77' is neither an address nor an interface"),
    ("192.0.2.77", 75, "address not available"),
    ("::1", 75, "not reachable from source '::1'"),
    ("fe80::1%wlan77", 78, "source 'fe80::1%wlan77'")])
def test_source_is_wrong(home, seen_from, source, status, text):
    for run in both(home(seen_from.port, source=source), sysexits=status):
        assert text in run.err, run
    assert not seen_from.noted


# ---- EHLO ----

@pytest.mark.parametrize("helo,mailname,said", [
    (None, "host.example.net", "host.example.net"),
    (None, "bücher.example", "xn--bcher-kva.example"),
    (None, "laptop", "[127.0.0.1]"),
    (None, "laptop.localdomain", "[127.0.0.1]"),
    ("me.example.org", "host.example.net", "me.example.org"),
    ("laptop", "host.example.net", "laptop"),
    ("bücher.example", "host.example.net", "xn--bcher-kva.example"),
    ("[192.0.2.1]", "host.example.net", "[192.0.2.1]"),
    ("[IPv6:2001:db8::1]", "host.example.net", "[IPv6:2001:db8::1]")])
def test_helo(home, relay, helo, mailname, said):
    r = relay()
    h = home(r.port, helo=helo)
    h.general["mailname"] = mailname
    h.set()
    run = h.run("-f", FROM, BOB)
    assert run.status == 0, run
    assert r.commands("EHLO") == ["EHLO " + said]


def test_helo_through_a_proxy(home, relay):
    """Our end of the way to a proxy is nothing to the relay."""
    r = relay()
    p = socks.Proxy("socks5", {"relay.test": r.port})
    try:
        h = home(r.port, host="relay.test", proxy=p.url())
        h.general["mailname"] = "laptop"
        h.set()
        run = h.run("-f", FROM, BOB)
        assert run.status == 0, run
        assert not re.search(r"\d+\.\d+", r.commands("EHLO")[0])
    finally:
        p.stop()


def test_helo_over_a_socket(home, relay, tmp):
    r = relay(listen=("127.0.0.1:0", "unix:%s" % (tmp / "s")))
    h = home(None, host=tmp / "s")
    h.general["mailname"] = "laptop.localdomain"
    h.set()
    run = h.run("-f", FROM, BOB)
    assert run.status == 0, run
    assert r.commands("EHLO") == ["EHLO laptop.localdomain"]
