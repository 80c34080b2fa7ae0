"""Fixtures: a directory, certificates, relays, peers, homes, Postfix."""
import itertools
import os
import shutil

import pytest

from lib import program, servers
from lib.peer import Peer
from lib.program import Home, workdir
from lib.relay import CAPS, Relay, auth, binary, make_certs, tls


def cannot(reason):
    """Without a server a test is skipped; under CI it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter):
    """What tests measured (record_property), wherever they were run."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in report.user_properties:
                if name == "figures" and report.when == "call":
                    terminalreporter.write_line("%s: %s" % (
                        report.nodeid.split("::")[-1], text))


@pytest.fixture(scope="session")
def base():
    for needed in (program.program(), program.sendmail(), binary()):
        if not needed.exists():
            pytest.exit("%s is missing: run the tests with `make check`" %
                        needed, 2)
    path = workdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def certs(base):
    path = base / "certs"
    path.mkdir()
    return make_certs(path)


counter = itertools.count(1)


@pytest.fixture
def tmp(base):
    path = base / ("t%d" % next(counter))
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def relay(tmp):
    """relay(*options, listen=, caps=) starts one; all end with the test."""
    running = []

    def start(*options, **more):
        running.append(Relay(tmp, *options, **more))
        return running[-1]

    yield start
    for r in running:
        r.stop()


@pytest.fixture
def peer():
    """peer(handler) starts one; all end with the test."""
    running = []

    def start(handler, **more):
        running.append(Peer(handler, **more))
        return running[-1]

    yield start
    for p in running:
        p.stop()


@pytest.fixture
def home(tmp):
    """home(port, **settings): a caller with a plain-text account."""
    number = itertools.count(1)

    def make(port=None, **settings):
        return Home(tmp / ("home%d" % next(number)), port, **settings)

    return make


@pytest.fixture
def secure(tmp, certs, relay, home):
    """secure(*options): a relay with verified TLS and AUTH, and its user."""
    def make(*options, mode="implicit", cert="good", mechs=None, caps=CAPS,
             **settings):
        r = relay(*tls(certs, cert, mode),
                  *(auth(mechs) if mechs else auth()), *options, caps=caps)
        h = home(r.port, tls=mode, tls_trust=certs / "ca.pem").login(**settings)
        return r, h

    return make


@pytest.fixture(scope="session")
def postfix(base, certs):
    reason = servers.missing()
    if reason:
        cannot(reason)
    server = servers.Postfix(base / "postfix", certs / "good.pem",
                             certs / "good.key")
    yield server
    server.stop()
