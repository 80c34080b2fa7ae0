"""posthaste-oauth2 by itself: logging in, and renewing, against lib/provider.

The tests play the browser, the person at it, and whoever else is on the host.
"""
import base64
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings

import pytest

from conftest import cannot
from lib import program, queue_strace
from lib.peer import Peer
from lib.provider import (CLIENT_ID, CLIENT_SECRET, DEVICE_GRANT, Provider,
                          dead_port, error)
from lib.program import SANITIZED, check_printable, check_secrets
from lib.socks import Proxy

HELPER = pathlib.Path(os.environ.get("OAUTH2_HELPER") or
                      program.root() / "usr/local/libexec/posthaste-oauth2")
pytestmark = pytest.mark.skipif(not HELPER.exists() and
                                not os.environ.get("CI"),
                                reason="posthaste-oauth2 was not built")
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


started = []


class Done:
    def __init__(self, status, stdout, stderr, argv):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.argv = argv

    @property
    def err(self):
        return self.stderr.decode()

    @property
    def out(self):
        return self.stdout.decode()

    def lines(self):
        return [l for l in self.err.splitlines() if not l.startswith("  ")]

    def __repr__(self):
        return "%s\nstatus %s\nstdout: %r\nstderr: %s" % (
            self.argv, self.status, self.stdout[:500], self.err[:3000])


class Helper:
    """The program, started as posthaste starts it, with a state directory."""

    def __init__(self, directory, provider=None, name="test", user="",
                 **settings):
        self.dir = pathlib.Path(directory)
        self.state = self.dir / "state"
        self.state.mkdir(exist_ok=True)
        self.name, self.provider, self.user = name, provider, user
        self.settings = provider.settings() if provider else {}
        self.secrets = [CLIENT_SECRET]
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(self.dir),
                    "XDG_STATE_HOME": str(self.state), "LC_ALL": "C.UTF-8"}
        self.env.update((n, os.environ[n]) for n in os.environ
                        if n.endswith("SAN_OPTIONS"))
        self.set(**settings)

    def set(self, **settings):
        self.settings.update(settings)
        self.settings = {k: v for k, v in self.settings.items()
                         if v is not None}
        return self

    @property
    def token_file(self):
        return self.state / "posthaste/oauth2" / self.name

    @property
    def kept(self):
        """What is kept, as a dict; {} if nothing is."""
        if not self.token_file.exists():
            return {}
        assert self.token_file.stat().st_mode & 0o777 == 0o600
        lines = self.token_file.read_text().splitlines()
        assert lines[0] == "posthaste-token 1" and lines[-1] == "end", lines
        return dict(line.split(" ", 1) for line in lines[1:-1])

    def keep(self, access="old-access", refresh=None, lifetime=3600,
             ends=-60, endpoint=True):
        """Put tokens there as an earlier login would have."""
        self.token_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for p in (self.token_file.parent, self.token_file.parent.parent):
            p.chmod(0o700)
        lines = ["posthaste-token 1", "access " + access,
                 "expires %d" % (time.time() + ends),
                 "lifetime %d" % lifetime]
        lines += ["refresh " + refresh] if refresh else []
        if endpoint and self.provider:
            lines += ["token_endpoint " + self.provider.token_endpoint]
        self.token_file.write_text("\n".join(lines + ["end"]) + "\n")
        self.token_file.chmod(0o600)
        self.secrets += [access] + ([refresh] if refresh else [])
        return self

    def login_before(self, **more):
        access, refresh = self.provider.grant()
        return self.keep(access, refresh, **more)

    def profile(self):
        lines = ["name " + self.name]
        lines += ["user " + self.user] if self.user else []
        lines += ["%s %s" % kv for kv in self.settings.items()]
        self.number = getattr(self, "number", 0) + 1
        path = self.dir / ("profile%d" % self.number)
        path.write_text("\n".join(lines + ["end"]) + "\n")
        return path

    def start(self, *argv, env=None, stdin=subprocess.DEVNULL, wrap=(),
              stderr=subprocess.PIPE):
        environ = dict(self.env, PROFILE=str(self.profile()), **(env or {}))
        proc = subprocess.Popen(
            ["/bin/sh", "-c", 'f=$PROFILE; unset PROFILE; exec "$0" "$@" 3<"$f"',
             *map(str, wrap), str(HELPER), *argv], stdin=stdin,
            stdout=subprocess.PIPE, stderr=stderr, env=environ, cwd="/",
            start_new_session=True)
        started.append(proc)
        return proc

    def finish(self, proc, seconds=30, check=True):
        try:
            out, err = proc.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.communicate()
            raise
        done = Done(proc.returncode, out, err or b"", proc.args[3:])
        if check:
            self.check(done)
        return done

    def check(self, done):
        assert "Sanitizer" not in done.err and "runtime error" not in done.err
        check_printable(done)
        assert done.status >= 0, done
        if done.out.startswith("token "):
            done = Done(done.status, b"", done.stderr, done.argv)
        check_secrets(done, self.secrets)

    def run(self, *argv, seconds=30, **more):
        return self.finish(self.start(*argv, **more), seconds)

    def refresh(self, *argv, **more):
        """The one line: ("token", TOKEN) or ("error", KIND, TEXT)."""
        done = self.run("refresh", *argv, **more)
        assert done.status == 0, done
        assert done.out.count("\n") == 1 and done.out.endswith("\n"), done
        self.last = done
        return tuple(done.out[:-1].split(" ", 2 if done.out[0] == "e" else 1))


class Login:
    """A login with a browser that is under way: where is the person sent?"""

    def __init__(self, helper, *argv, **more):
        self.helper = helper
        self.proc = helper.start("login", "--flow=browser", *argv, **more)
        self.seen = b""
        self.url = self.wait(rb"(?m)^  (http\S+)$")
        self.query = dict(urllib.parse.parse_qsl(
            self.url.partition("?")[2], keep_blank_values=True))
        self.redirect = self.query["redirect_uri"]
        self.state = self.query["state"]
        self.port = urllib.parse.urlsplit(self.redirect).port

    def wait(self, pattern, seconds=10):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.proc.stderr], [], [],
                                              left)[0], self.seen
            piece = os.read(self.proc.stderr.fileno(), 4096)
            assert piece, (self.seen, self.proc.wait(10))
            self.seen += piece
        found = re.search(pattern, self.seen)
        return (found[1] if found.groups() else found[0]).decode()

    def get(self, url, **headers):
        """What a browser would: (status, text)."""
        try:
            with direct.open(urllib.request.Request(url, headers=headers),
                             timeout=10) as f:
                return f.status, f.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read().decode()

    def come_back(self, **answer):
        return self.get(self.redirect + "?" + urllib.parse.urlencode(answer))

    def agree(self):
        """A person logs in and agrees; the browser follows where it is sent."""
        return self.get(self.url)

    def finish(self, **more):
        out, err = self.proc.communicate(timeout=30)
        done = Done(self.proc.returncode, out, self.seen + err,
                    self.proc.args[3:])
        self.helper.check(done)
        assert done.out == "", done
        return done


@pytest.fixture(autouse=True)
def nobody_left():
    """A test that fails leaves no helper waiting for its browser."""
    yield
    while started:
        proc = started.pop()
        if proc.poll() is None:
            proc.kill()
            proc.wait()


@pytest.fixture
def provider():
    running = []

    def start(*args, **more):
        running.append(Provider(*args, **more))
        return running[-1]

    yield start
    for p in running:
        p.stop()


@pytest.fixture
def helper(tmp, provider):
    """helper(**settings): one with a provider that wants a client's secret."""
    def make(**settings):
        return Helper(tmp, provider(secret=CLIENT_SECRET), **settings)

    return make


def s256(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


# -- the login with a browser ---------------------------------------------------

def test_browser(helper):
    h = helper(user=None)
    h.user = "alice@example.org"
    login = Login(h)
    assert login.query == {
        "response_type": "code", "client_id": CLIENT_ID,
        "redirect_uri": "http://127.0.0.1:%d/" % login.port,
        "scope": "mail.send offline", "state": login.state,
        "code_challenge": login.query["code_challenge"],
        "code_challenge_method": "S256", "login_hint": "alice@example.org"}
    assert len(login.state) >= 32
    status, page = login.agree()
    assert status == 200 and "close this window" in page
    done = login.finish()
    assert done.status == 0, done
    form, = h.provider.forms
    assert form["grant_type"] == "authorization_code"
    assert form["redirect_uri"] == login.redirect
    assert s256(form["code_verifier"]) == login.query["code_challenge"]
    assert 43 <= len(form["code_verifier"]) <= 128
    kept = h.kept
    assert kept["access"] in h.provider.access
    assert kept["refresh"] in h.provider.refresh
    assert kept["token_endpoint"] == h.provider.token_endpoint
    assert abs(int(kept["expires"]) - time.time() - 3600) < 60
    assert str(h.token_file) in done.err and "oauth2 = test" in done.err
    check_secrets(done, [kept["access"], kept["refresh"], form["code"],
                         form["code_verifier"]])


def test_each_login_has_secrets_of_its_own(helper):
    h = helper()
    seen = set()
    for _ in range(3):
        login = Login(h)
        seen |= {login.state, login.query["code_challenge"]}
        login.agree()
        assert login.finish().status == 0
    assert len(seen) == 6


def test_other_requests_do_not_end_it(helper):
    h = helper()
    login = Login(h)
    base = "http://127.0.0.1:%d" % login.port
    code = h.provider.make_code(login.query)
    good = urllib.parse.urlencode({"code": code, "state": login.state})
    assert login.get(base + "/favicon.ico")[0] == 404
    assert login.get(base + "/")[0] == 404
    assert login.get(base + "/other?" + good)[0] == 404
    # A name of somebody's that resolves to this host.
    assert login.get(base + "/?" + good, Host="evil.example")[0] == 404
    assert login.get(base + "/?" + good,
                     Host="127.0.0.1.evil.example:%d" % login.port)[0] == 404
    assert login.get(base + "/?" + good, Host="127.0.0.1:1")[0] == 404
    assert login.get(base + "/?code=a&code=b&state=" + login.state)[0] == 400
    assert login.get(base + "/?" + good + "&error=access_denied")[0] == 400
    request = urllib.request.Request(base + "/?" + good, data=b"x=y")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        direct.open(request, timeout=10)
    assert h.provider.forms == []
    # Both names of this host will do, the code having been kept for us.
    assert login.get(base + "/?" + good,
                     Host="localhost:%d" % login.port)[0] == 200
    assert login.finish().status == 0


def test_wrong_state(helper):
    h = helper()
    login = Login(h)
    code = h.provider.make_code(login.query)
    for state in ("", "0" * 32, login.state[:-1], login.state + "0",
                  login.state.upper() if login.state.upper() != login.state
                  else "x"):
        assert login.come_back(code=code, state=state)[0] == 403
    assert login.come_back(code=code)[0] == 403
    assert login.come_back(error="access_denied", state="x")[0] == 403
    assert h.provider.forms == []
    assert login.agree()[0] == 200
    done = login.finish()
    assert done.status == 0
    assert 1 <= done.err.count("belongs to another login") <= 3


def test_the_person_says_no(helper):
    h = helper()
    login = Login(h)
    text = "no \x1b[31m\u202e <script>alert(1)</script>\n"
    status, page = login.come_back(error="access_denied", state=login.state,
                                   error_description=text)
    assert status == 200 and "<script" not in page and "refused" in page
    done = login.finish()
    assert done.status == 77 and "access_denied" in done.err, done
    assert h.provider.forms == [] and h.kept == {}


def test_a_code_that_is_not_taken(helper):
    h = helper()
    login = Login(h)
    h.secrets.append("wrong-code-1234567")
    h.provider.answers.append(lambda form: error(
        "invalid_grant", "bad code %s, verifier %s" % (
            form["code"], form["code_verifier"])))
    login.come_back(code="wrong-code-1234567", state=login.state)
    done = login.finish()
    form, = h.provider.forms
    check_secrets(done, [form["code_verifier"]])
    assert done.status == 77 and "invalid_grant" in done.err and \
        "[secret]" in done.err, done
    assert h.kept == {}


def test_hostile_clients(helper):
    """Slow, endless, many, mute: the person still gets through."""
    h = helper()
    login = Login(h)
    socks = []
    for i in range(40):
        s = socket.create_connection(("127.0.0.1", login.port), 5)
        socks.append(s)
        try:
            s.send((b"", b"GET", b"\0" * 100, b"\r\n\r\n", b"GET / HTTP/1.1\r\n",
                    b"\x16\x03\x01\x02\x00\x01", b"A" * 9000)[i % 7])
        except OSError:
            pass
    assert login.agree()[0] == 200
    for s in socks:
        s.close()
    assert login.finish().status == 0


def test_a_request_that_never_ends_is_dropped(helper):
    h = helper()
    login = Login(h)
    with socket.create_connection(("127.0.0.1", login.port), 5) as s:
        s.settimeout(20)
        start = time.monotonic()
        s.send(b"GET /?code=x HTTP/1.1\r\n")
        assert s.recv(100) == b""
        assert 5 < time.monotonic() - start < 15
    login.agree()
    assert login.finish().status == 0


def test_cut_into_octets(helper):
    h = helper()
    login = Login(h)
    code = h.provider.make_code(login.query)
    text = "GET /?code=%s&state=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (
        code, login.state, login.port)
    with socket.create_connection(("127.0.0.1", login.port), 5) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for c in text.encode():
            s.send(bytes([c]))
        s.settimeout(10)
        assert b"200 OK" in s.recv(4096)
    assert login.finish().status == 0


def test_nobody_comes(helper):
    h = helper()
    start = time.monotonic()
    done = Login(h, "--timeout=1").finish()
    assert done.status == 75 and "in time" in done.err, done
    assert time.monotonic() - start < 10


def test_ipv6(helper):
    h = helper(redirect_uri="http://localhost/")
    login = Login(h)
    assert login.redirect == "http://localhost:%d/" % login.port
    code = h.provider.make_code(login.query)
    try:
        assert login.get("http://[::1]:%d/?code=%s&state=%s" % (
            login.port, code, login.state))[0] == 200
    except OSError:
        login.proc.kill()
        login.proc.communicate()
        pytest.skip("there is no ::1 here")
    assert login.finish().status == 0


def test_redirect_port_and_path(helper):
    port = dead_port()
    h = helper(redirect_uri="http://127.0.0.1:%d/back/here" % port)
    login = Login(h)
    assert login.redirect == "http://127.0.0.1:%d/back/here" % port
    assert login.get("http://127.0.0.1:%d/?code=x&state=%s" % (
        port, login.state))[0] == 404
    assert login.agree()[0] == 200
    assert login.finish().status == 0
    h = h.set(redirect_uri=None, redirect_port=port)
    login = Login(h)
    assert login.port == port
    login.agree()
    assert login.finish().status == 0


def test_port_is_taken(helper):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = helper(redirect_port=port).run("login", "--flow=browser")
    assert done.status == 71 and str(port) in done.err, done


class Terminal:
    """A terminal for stdin, as somebody has who came by ssh."""

    def __enter__(self):
        self.master, self.slave = pty.openpty()
        return self

    def type(self, text):
        os.write(self.master, text.encode() + b"\n")

    def __exit__(self, *args):
        os.close(self.master)
        os.close(self.slave)


def test_paste(helper):
    h = helper()
    with Terminal() as t:
        login = Login(h, stdin=t.slave)
        code = h.provider.make_code(login.query)
        t.type("what?")
        login.wait(rb"code=")
        t.type("%s?code=%s&state=wrong" % (login.redirect, code))
        login.wait(rb"another login")
        t.type("  %s?state=%s&code=%s#x " % (login.redirect, login.state,
                                             code))
        assert login.finish().status == 0
    assert h.kept["refresh"] in h.provider.refresh


def test_paste_only(helper):
    """Some providers want https:, where nobody of ours listens."""
    h = helper(redirect_uri="https://localhost/done")
    with Terminal() as t:
        login = Login(h, stdin=t.slave)
        assert login.redirect == "https://localhost/done"
        t.type("https://localhost/done?code=%s&state=%s" % (
            h.provider.make_code(login.query), login.state))
        assert login.finish().status == 0
    done = h.run("login", "--flow=browser")
    assert done.status == 64 and "terminal" in done.err, done


@pytest.mark.parametrize("endpoint, more", [
    ("https://accounts.google.com/o/oauth2/v2/auth",
     {"access_type": "offline", "prompt": "consent",
      "redirect_uri": "http://127.0.0.1:"}),
    ("https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
     {"redirect_uri": "http://localhost:"}),
    ("https://api.fastmail.com/oauth/authorize",
     {"redirect_uri": "http://localhost:"}),
    ("https://example.org/a?tenant=1",
     {"tenant": "1", "redirect_uri": "http://127.0.0.1:"})])
def test_habits(helper, endpoint, more):
    login = Login(helper(auth_endpoint=endpoint), "--timeout=1")
    assert login.url.startswith(endpoint)
    for key, value in more.items():
        assert login.query[key].startswith(value)
    assert ("prompt" in login.query) == ("prompt" in more)
    assert login.finish().status == 75


def test_browser_is_started_with_a_display(helper, tmp):
    h = helper()
    script = tmp / "browser"
    script.write_text('#!/bin/sh\nprintf "%%s\\n" "$@" >%s/opened\n' % tmp)
    script.chmod(0o755)
    h.env["BROWSER"] = str(script) + " --new-window"

    def opened(display):
        (tmp / "opened").unlink(missing_ok=True)
        with Terminal() as t:
            env = {"DISPLAY": ":7"} if display else {}
            proc = h.start("login", "--flow=browser", "--timeout=2", env=env,
                           stdin=t.slave, stderr=t.slave)
            proc.communicate(timeout=20)
        return (tmp / "opened").read_text().split() \
            if (tmp / "opened").exists() else None

    option, url = opened(True)
    assert option == "--new-window" and url.startswith(
        h.provider.auth_endpoint + "?response_type=code&")
    assert opened(False) is None


# -- the login without one ------------------------------------------------------

def device(h, *argv, **more):
    proc = h.start("login", "--flow=device", *argv, **more)
    seen = b""
    while b"WDJB" not in seen:
        piece = os.read(proc.stderr.fileno(), 4096)
        assert piece, (seen, proc.wait(10))
        seen += piece
    return proc, seen


def test_device(helper):
    h = helper()
    proc, seen = device(h)
    code = re.search(rb"(?m)^  (WDJB-\d+)$", seen)[1].decode()
    assert h.provider.url + "/code" in seen.decode()
    time.sleep(1.5)
    h.provider.agree(code)
    done = h.finish(proc)
    assert done.status == 0, done
    kept = h.kept
    assert kept["refresh"] in h.provider.refresh
    assert len(h.provider.forms) >= 2
    check_secrets(done, [kept["access"], kept["refresh"],
                         h.provider.forms[0]["device_code"]])


def test_device_slow_down(helper):
    h = helper()
    h.provider.answers += [error("slow_down"), error("authorization_pending")]
    times = []
    real = h.provider.token

    def noted(form):
        times.append(time.monotonic())
        return real(form)

    h.provider.token = noted
    start = time.monotonic()
    proc, _ = device(h)
    h.provider.agree()
    assert h.finish(proc, 40).status == 0
    # 1 s, then 6 s and 6 s: the provider's own count found nothing early.
    assert 12 <= times[0] - start < 20


@pytest.mark.parametrize("answer, status, text", [
    (error("access_denied", "no"), 77, "access_denied"),
    (error("expired_token"), 75, "in time"),
    (error("invalid_client", "", 401), 77, "check the settings"),
    ((200, "<html>"), 76, "no use"),
    (error("nonsense"), 77, "nonsense")])
def test_device_refused(helper, answer, status, text):
    h = helper()
    h.provider.answers += [answer, answer]
    proc, _ = device(h)
    done = h.finish(proc)
    assert done.status == status and text in done.err, done
    assert h.kept == {}


def test_device_outlives_a_bad_moment(helper):
    h = helper()
    h.provider.answers += [(503, "busy")]
    proc, _ = device(h)
    h.provider.agree()
    assert h.finish(proc).status == 0


def test_device_ends_with_its_code(helper):
    """A provider that would have us wait for ever."""
    h = helper()
    h.provider.device_expires = 3
    proc, _ = device(h)
    start = time.monotonic()
    done = h.finish(proc)
    assert done.status == 75 and "in time" in done.err, done
    assert time.monotonic() - start < 8


def test_device_is_not_waited_for_beyond_its_code(helper):
    """... though the next question would be due only later."""
    h = helper()
    h.provider.device_interval, h.provider.device_expires = 4, 6
    h.provider.answers += [(503, "", {"Retry-After": "3600"})]
    start = time.monotonic()
    proc, _ = device(h)
    done = h.finish(proc)
    assert done.status == 75 and "in time" in done.err, done
    assert 5 < time.monotonic() - start < 9
    assert h.provider.count(DEVICE_GRANT) == 1


@pytest.mark.parametrize("body", [
    {}, [], {"device_code": "x"}, {"device_code": "x", "user_code": "y"},
    {"device_code": "x", "user_code": "y", "verification_uri": "z",
     "expires_in": 60},
    {"device_code": "x", "user_code": "y", "verification_uri": "ftp://z/",
     "expires_in": 60},
    {"device_code": "x", "user_code": "y", "expires_in": -1,
     "verification_uri": "https://example.org/"},
    {"device_code": "x", "user_code": "y" * 1000, "expires_in": 60,
     "verification_uri": "https://example.org/"}])
def test_device_answers_of_no_use(helper, body):
    h = helper()
    h.provider.device = lambda form: (200, body)
    done = h.run("login", "--flow=device")
    assert done.status == 76 and "no use" in done.err, done


def test_device_code_on_a_terminal(helper):
    h = helper()
    real = h.provider.device

    def hostile(form):
        status, body = real(form)
        body["user_code"] += "\x1b[2J\u202e"
        del body["verification_uri_complete"]
        body["verification_url"] = body.pop("verification_uri")
        body["interval"] = "1"
        return status, body

    h.provider.device = hostile
    proc, _ = device(h, "--timeout=2")
    assert h.finish(proc).status == 75


def test_auto(helper):
    """A browser where there is a display or no other way."""
    def kind(env=None, **settings):
        done = helper().set(**settings).run("login", "--timeout=1", env=env)
        assert done.status == 75, done
        return "device" if "enter this code" in done.err else "browser"

    assert kind() == "device"
    assert kind({"DISPLAY": ":0"}) == "browser"
    assert kind({"WAYLAND_DISPLAY": "wayland-0"}) == "browser"
    assert kind(device_endpoint=None) == "browser"
    assert kind({"DISPLAY": ":0"}, auth_endpoint=None) == "device"


# -- metadata ---------------------------------------------------------------------

OPEN = dict(auth_endpoint=None, token_endpoint=None, device_endpoint=None)


def test_discovery(helper):
    h = helper(**OPEN)
    h.set(issuer=h.provider.issuer)
    login = Login(h)
    assert login.url.startswith(h.provider.auth_endpoint + "?")
    login.agree()
    assert login.finish().status == 0
    assert h.provider.log[0] == (
        "GET", "/.well-known/oauth-authorization-server")
    # To renew, what was found is known.
    assert h.kept["token_endpoint"] == h.provider.token_endpoint
    h.provider.log.clear()
    digest = hashlib.sha256(h.kept["access"].encode()).hexdigest()[:16]
    assert h.refresh("--stale=" + digest)[0] == "token"
    assert h.provider.log == [("POST", "/token")]


@pytest.mark.parametrize("path, where", [
    ("/tenant/one", "/.well-known/oauth-authorization-server/tenant/one"),
    ("/tenant/", "/.well-known/oauth-authorization-server/tenant"),
    ("/tenant/one", "/tenant/one/.well-known/openid-configuration"),
    ("", "/.well-known/openid-configuration")])
def test_discovery_paths(helper, path, where):
    h = helper(**OPEN)
    h.provider.issuer += path
    h.provider.metadata_paths = [where]
    h.set(issuer=h.provider.issuer)
    done = h.run("login", "--flow=device", "--timeout=1")
    assert done.status == 75 and "enter this code" in done.err, done


@pytest.mark.parametrize("extra, status, text", [
    ({"issuer": "https://example.org"}, 78, "another name"),
    ({"issuer": None}, 78, "another name"),
    ({"token_endpoint": "http://example.org/token"}, 78, "not https"),
    ({"token_endpoint": "ftp://example.org/token"}, 78, "no URL"),
    ({"token_endpoint": None}, 78, "no token_endpoint"),
    ({"device_authorization_endpoint": None}, 78, "no device_endpoint")])
def test_discovery_of_no_use(helper, extra, status, text):
    h = helper(**OPEN)
    h.set(issuer=h.provider.issuer)
    h.provider.metadata_extra = extra
    done = h.run("login", "--flow=device")
    assert done.status == status and text in done.err, done


def test_a_page_everywhere(helper):
    """Some servers have a page of theirs at whatever address."""
    h = helper(**OPEN)
    h.set(issuer=h.provider.issuer)
    real = h.provider.get

    def get(path, query):
        if path == "/.well-known/oauth-authorization-server":
            return 200, "<html>hello</html>"
        return real(path, query)

    h.provider.get = get
    h.provider.metadata_paths = ["/.well-known/openid-configuration"]
    done = h.run("login", "--flow=device", "--timeout=1")
    assert done.status == 75 and "enter this code" in done.err, done
    h.provider.metadata_paths = []
    done = h.run("login", "--flow=device", "--timeout=1")
    assert done.status == 78 and "404" in done.err, done


def test_explicit_endpoints_win(helper):
    h = helper(auth_endpoint=None, device_endpoint=None)
    h.set(issuer=h.provider.issuer)
    h.provider.metadata_extra = {"token_endpoint": "https://192.0.2.1/"}
    login = Login(h)
    login.agree()
    assert login.finish().status == 0


def test_no_metadata(helper):
    h = helper(**OPEN)
    h.set(issuer=h.provider.issuer)
    h.provider.metadata_paths = []
    done = h.run("login")
    assert done.status == 78 and "404" in done.err, done
    assert [p for _, p in h.provider.log] == [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration"]


@pytest.mark.parametrize("supported, iss, ok", [
    (True, True, True), (True, None, False), (True, "https://evil.example",
                                              False),
    (False, None, True), (False, "https://evil.example", False)])
def test_issuer_of_the_answer(helper, supported, iss, ok):
    """RFC 9207: an answer of another provider's is no answer."""
    h = helper(**OPEN)
    h.set(issuer=h.provider.issuer)
    h.provider.metadata_extra = {
        "authorization_response_iss_parameter_supported": supported}
    login = Login(h)
    answer = {"code": h.provider.make_code(login.query), "state": login.state}
    if iss:
        answer["iss"] = h.provider.issuer if iss is True else iss
    login.come_back(**answer)
    done = login.finish()
    assert done.status == (0 if ok else 77), done
    assert bool(h.provider.forms) == ok


# -- the endpoint -----------------------------------------------------------------

def test_https(tmp, certs, provider):
    p = provider(cert=(certs / "good.pem", certs / "good.key"))
    h = Helper(tmp, p, ca_file=certs / "ca.pem").login_before()
    assert h.refresh()[0] == "token"
    h = Helper(tmp, p).login_before()
    kind, word, text = h.refresh()
    assert (kind, word) == ("error", "auth") and "certificate" in text
    assert "localhost" in text
    assert p.refreshes == 1


@pytest.mark.parametrize("cert", ["wronghost", "expired", "notyet",
                                  "selfsigned", "unknownca", "nulname"])
def test_wrong_certificate(tmp, certs, provider, cert):
    p = provider(cert=(certs / (cert + ".pem"), certs / (cert + ".key")))
    h = Helper(tmp, p, ca_file=certs / "ca.pem").login_before()
    before = h.kept
    kind, word, text = h.refresh()
    assert (kind, word) == ("error", "auth") and "certificate" in text, text
    assert p.forms == [] and h.kept == before


def test_ca_file_is_not_there(tmp, certs, provider):
    p = provider(cert=(certs / "good.pem", certs / "good.key"))
    h = Helper(tmp, p, ca_file=tmp / "nothing.pem").login_before()
    kind, word, text = h.refresh()
    assert (kind, word) == ("error", "config") and "ca_file" in text, text


def test_old_tls(tmp, certs, provider):
    """Nothing is said to a provider that has only TLS 1.1."""
    p = provider(cert=(certs / "good.pem", certs / "good.key"))
    p.server.context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        p.server.context.minimum_version = ssl.TLSVersion.TLSv1
        p.server.context.maximum_version = ssl.TLSVersion.TLSv1_1
    h = Helper(tmp, p, ca_file=certs / "ca.pem").login_before()
    kind, word, text = h.refresh()
    assert (kind, word) == ("error", "net"), text
    assert p.forms == []


def test_no_log_of_keys(tmp, certs, provider):
    """Who can set a variable does not get the connection's keys for it."""
    p = provider(cert=(certs / "good.pem", certs / "good.key"))
    h = Helper(tmp, p, ca_file=certs / "ca.pem").login_before()
    h.env["SSLKEYLOGFILE"] = str(tmp / "keys")
    assert h.refresh()[0] == "token"
    assert not (tmp / "keys").exists()


@pytest.mark.parametrize("url", ["http://example.org/token",
                                 "http://127.0.0.1.example.org/token",
                                 "http://localhost@192.0.2.1/token"])
def test_only_https(tmp, url):
    h = Helper(tmp, None, client_id="x", token_endpoint=url)
    h.keep(refresh="refresh-token-1234")
    kind, word, text = h.refresh()
    assert (kind, word) == ("error", "config"), text


def test_dead_endpoint(tmp):
    h = Helper(tmp, None, client_id="x",
               token_endpoint="http://127.0.0.1:%d/t" % dead_port())
    h.keep(refresh="refresh-token-1234")
    before = h.kept
    kind, word, text = h.refresh()
    assert (kind, word) == ("error", "net") and "connect" in text
    assert h.kept == before


def test_slow_endpoint(helper):
    h = helper().login_before()
    h.provider.delay = 20
    start = time.monotonic()
    kind, word, text = h.refresh("--timeout=1")
    assert (kind, word) == ("error", "net"), text
    assert time.monotonic() - start < 10


def test_no_proxy_for_what_is_not_encrypted(helper):
    h = helper().login_before()
    h.env["http_proxy"] = h.env["all_proxy"] = "http://127.0.0.1:%d" % \
        dead_port()
    assert h.refresh()[0] == "token"


def test_a_proxy_sees_no_more_than_the_name(tmp, certs, provider):
    p = provider(cert=(certs / "good.pem", certs / "good.key"))
    h = Helper(tmp, p, ca_file=certs / "ca.pem").login_before()
    proxy = Proxy("http", {"localhost": p.port})
    h.env["https_proxy"] = "http://127.0.0.1:%d" % proxy.port
    word, token = h.refresh()[:2]
    proxy.stop()
    assert word == "token" and proxy.asked, h.last
    for got in proxy.got:
        for secret in [token, *h.secrets]:
            assert secret.encode() not in got


@pytest.mark.parametrize("reply, word", [
    (b"", "net"), (b"hello\r\n", "net"), (b"HTTP/1.1 200 OK\r\n", "net"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "net"),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * (2 << 20), "net"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * (1 << 20), "net"),
    (b"\x15\x03\x01\x00\x02\x02\x46", "net")])
def test_peers_of_no_use(tmp, reply, word):
    def handler(conn):
        conn.until(b"\r\n\r\n")
        conn.send(reply)

    peer = Peer(handler)
    h = Helper(tmp, None, client_id="x",
               token_endpoint="http://127.0.0.1:%d/t" % peer.port)
    h.keep(refresh="refresh-token-1234")
    before = h.kept
    answer = h.refresh("--timeout=5")
    peer.stop()
    assert answer[:2] == ("error", word) and h.kept == before, answer


# -- renewing -----------------------------------------------------------------------

def test_rotation(helper):
    h = helper().login_before()
    before = h.kept
    word, token = h.refresh()
    assert word == "token" and token in h.provider.access
    kept = h.kept
    assert kept["access"] == token and kept["refresh"] != before["refresh"]
    assert kept["refresh"] in h.provider.refresh
    form, = h.provider.forms
    assert form == {"grant_type": "refresh_token", "client_id": CLIENT_ID,
                    "client_secret": CLIENT_SECRET,
                    "refresh_token": before["refresh"]}
    headers, = h.provider.headers
    assert headers["User-Agent"].startswith("posthaste-oauth2/")
    # It is fresh now, and nobody is asked.
    assert h.refresh() == ("token", token)
    assert h.provider.refreshes == 1


def test_no_rotation(helper):
    h = helper().login_before()
    h.provider.rotate = False
    before = h.kept
    word, token = h.refresh()
    assert word == "token"
    assert h.kept["refresh"] == before["refresh"]
    assert h.kept["access"] == token


def test_stale(helper):
    """The relay refused a token that should be good."""
    h = helper().login_before(ends=3600)
    access = h.kept["access"]
    digest = hashlib.sha256(access.encode()).hexdigest()[:16]
    assert h.refresh() == ("token", access)
    assert h.refresh("--stale=" + "0" * 16) == ("token", access)
    assert h.provider.forms == []
    word, token = h.refresh("--stale=" + digest.upper())
    assert word == "token" and token != access
    # Another process that comes with the same complaint gets the new one.
    assert h.refresh("--stale=" + digest) == ("token", token)
    assert h.provider.refreshes == 1


def test_ten_at_once(helper):
    h = helper().login_before()
    h.provider.delay = 0.5
    procs = [h.start("refresh") for _ in range(10)]
    lines = {h.finish(p).out for p in procs}
    assert len(lines) == 1 and lines.pop().startswith("token ")
    assert h.provider.refreshes == 1


def test_client_secret_by_basic(helper):
    """Some take it in the header only."""
    h = helper().login_before()
    h.provider.auth_methods = ("basic",)
    assert h.refresh()[0] == "token"
    assert [("basic" in f, "client_secret" in f)
            for f in h.provider.forms] == [(False, True), (True, False)]


def test_no_client_secret(tmp, provider):
    h = Helper(tmp, provider()).login_before()
    assert h.refresh()[0] == "token"
    assert "client_secret" not in h.provider.forms[0]


@pytest.mark.parametrize("answer, word, text", [
    (error("invalid_grant", "revoked"), "auth",
     r"invalid_grant: revoked\); run posthaste --oauth2-login=test$"),
    (error("interaction_required"), "auth", r"--oauth2-login=test$"),
    (error("access_denied"), "auth", r"--oauth2-login=test$"),
    (error("unauthorized_client"), "auth", r"check the settings"),
    (error("something_new"), "auth", r"--oauth2-login=test$"),
    (error("invalid_scope"), "config", r"\[oauth2 test\]"),
    (error("invalid_request"), "config", r"\[oauth2 test\]"),
    (error("temporarily_unavailable"), "net", r"temporarily_unavailable"),
    ((500, "oops"), "net", r"500"), ((502, ""), "net", r"502"),
    ((503, "", {"Retry-After": "120"}), "net", r"503.*120 s"),
    ((429, {"error": "slow"}, {"Retry-After": "7"}), "net", r"7 s"),
    ((404, "<html>"), "config", r"404"), ((403, "<html>"), "net", r"403"),
    ((302, "", {"Location": "http://127.0.0.1:1/"}), "net", r"302"),
    ((200, {"error": "invalid_grant"}), "auth", r"invalid_grant"),
    ((200, ""), "net", r"no use"), ((200, "<html>"), "net", r"no use"),
    ((200, "[]"), "net", r"no use"), ((200, {}), "net", r"no use"),
    ((200, {"access_token": "x", "token_type": "mac"}), "net", r"token_type"),
    ((200, {"access_token": "a b", "token_type": "Bearer"}), "net",
     r"access_token"),
    ((200, {"access_token": "a\nb", "token_type": "Bearer"}), "net",
     r"access_token"),
    ((200, '{"access_token":"a","access_token":"b","token_type":"bearer"}'),
     "net", r"no use"),
    ((200, b'{"access_token":"a\\u0000","token_type":"bearer"}'), "net",
     r"no use"),
    ((200, b'{"access_token":"\xff","token_type":"bearer"}'), "net",
     r"no use"),
    ((200, {"access_token": "x" * 70000, "token_type": "Bearer"}), "net",
     r"access_token"),
    ((200, {"access_token": "x", "token_type": "Bearer",
            "refresh_token": "a\nexpires 9"}), "net", r"refresh_token")])
def test_refused(helper, answer, word, text):
    h = helper().login_before()
    before = h.kept
    h.provider.answers += [answer]
    found = h.refresh()
    assert found[:2] == ("error", word) and re.search(text, found[2]), found
    assert h.last.err == ""
    assert h.kept == before
    # What was kept is as good as it was.
    if word == "net":
        assert h.refresh()[0] == "token"


@pytest.mark.parametrize("expires_in, token_type", [
    ("3599", "bearer"), (3599.5, "BEARER"), (0, "Bearer"), (None, "Bearer"),
    (3599, None), (-1, "Bearer"), (1e30, "Bearer"), ("never", "Bearer"),
    (True, "Bearer")])
def test_spellings(helper, expires_in, token_type):
    h = helper().login_before()
    h.provider.answers += [(200, {"access_token": "A-z0._~+/==",
                                  "token_type": token_type,
                                  "expires_in": expires_in})]
    assert h.refresh() == ("token", "A-z0._~+/==")
    ends = int(h.kept.get("expires", 0))
    if not str(expires_in).startswith("3599"):
        assert ends == 0
    else:
        assert abs(ends - time.time() - int(float(expires_in))) < 30
    assert h.kept["refresh"]


@pytest.mark.parametrize("spoilt", [
    {"access_token": None}, {"access_token": "a b"}, {"token_type": "mac"}])
def test_a_rotated_token_in_a_bad_answer_is_not_lost(helper, spoilt):
    """The one before it is spent, so nothing else is left."""
    h = helper().login_before()

    def answer(form):
        status, body = h.provider.token(form)
        return status, {**body, **spoilt}

    before = h.kept["refresh"]
    h.provider.answers += [answer]
    assert h.refresh()[:2] == ("error", "net")
    assert h.kept["refresh"] != before and "access" not in h.kept
    assert h.refresh()[0] == "token"
    assert h.provider.refreshes == 2


def test_secrets_that_come_back(helper):
    """A provider that repeats what it was told, in every form."""
    h = helper().login_before()

    def echo(form):
        said = []
        for secret in (form["refresh_token"], form["client_secret"],
                       h.kept["access"]):
            said += [secret, base64.b64encode(secret.encode()).decode(),
                     secret.encode().hex(), urllib.parse.quote(secret, "")]
        return error("invalid_grant", " ".join(said))

    h.provider.answers += [echo]
    found = h.refresh()
    assert found[1] == "auth" and "[secret]" in found[2]
    quoted = urllib.parse.quote(CLIENT_SECRET, "")
    assert quoted not in h.last.out + h.last.err


def test_nothing_in_argv_or_environ(helper):
    h = helper().login_before()
    h.provider.delay = 2
    proc = h.start("refresh")
    end = time.monotonic() + 10
    while not h.provider.forms:
        assert time.monotonic() < end
        time.sleep(0.02)
    seen = []
    for name in ("cmdline", "environ"):
        try:
            seen.append(pathlib.Path("/proc/%d/%s" % (proc.pid, name))
                        .read_bytes())
        except PermissionError:		# not dumpable: nobody's but root's
            pass
    assert h.finish(proc).out.startswith("token ")
    assert seen
    for text in seen:
        for secret in h.secrets:
            assert secret.encode() not in text


@pytest.mark.skipif(SANITIZED, reason="sanitized builds may be looked at")
def test_memory_is_closed(helper):
    h = helper().login_before()
    h.provider.delay = 2
    proc = h.start("refresh")
    while not h.provider.forms:
        time.sleep(0.02)
    status = pathlib.Path("/proc/%d/environ" % proc.pid).stat()
    limits = pathlib.Path("/proc/%d/limits" % proc.pid).read_text()
    assert re.search(r"(?m)^Max core file size +0 +0 ", limits)
    assert status.st_uid == 0		# what is not dumpable is root's
    h.finish(proc)


def test_no_token(helper):
    h = helper()
    assert h.refresh() == ("error", "config", "there is no token; run "
                           "posthaste --oauth2-login=test")
    assert h.provider.forms == []


def test_no_refresh_token(helper):
    h = helper().keep("access-token-12345")
    kind, word, text = h.refresh()
    assert word == "auth" and text.endswith("--oauth2-login=test")
    login = Login(h)
    h.provider.give_refresh = False
    login.agree()
    done = login.finish()
    assert done.status == 0 and "no refresh token" in done.err, done


def test_others_may_read_it(helper):
    h = helper().login_before()
    h.token_file.chmod(0o644)
    kind, word, text = h.refresh()
    assert (kind, word) == ("error", "perm") and "chmod" in text
    assert h.provider.forms == []


def test_scope_that_was_not_granted(helper):
    h = helper()
    login = Login(h)
    access, refresh = h.provider.grant()
    h.secrets += [access, refresh]
    h.provider.answers += [(200, {
        "access_token": access, "refresh_token": refresh,
        "token_type": "Bearer", "scope": "offline other"})]
    login.come_back(code="co.1234567", state=login.state)
    done = login.finish()
    assert done.status == 0 and "'mail.send'" in done.err, done


# -- being killed ------------------------------------------------------------------

def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT,
                                 signal.SIGHUP, signal.SIGQUIT])
def test_signals_wait_for_the_answer(helper, sig):
    """Once the provider is asked, its answer is kept whatever comes."""
    h = helper().login_before()
    h.provider.delay = 1
    proc = h.start("refresh")
    until(lambda: h.provider.forms)
    os.killpg(proc.pid, sig)
    proc.communicate(timeout=20)
    assert h.kept["refresh"] in h.provider.refresh
    h.provider.delay = 0
    assert h.refresh()[0] == "token"
    assert h.provider.refreshes == 1


def test_the_sender_is_gone(helper):
    """Nobody reads the answer any more: it is kept all the same."""
    h = helper().login_before()
    h.provider.delay = 1
    proc = h.start("refresh")
    until(lambda: h.provider.forms)
    proc.stdout.close()
    proc.stderr.close()
    proc.wait(20)
    assert h.kept["refresh"] in h.provider.refresh


def test_killed_at_any_time(helper):
    """The file is the old one or the new one, and no lock is left behind."""
    h = helper()
    whole = 0
    for i in range(40):
        h.provider.revoke()
        h.login_before()
        before = h.kept
        proc = h.start("refresh")
        time.sleep(i * 0.003)
        proc.kill()
        proc.communicate(timeout=10)
        after = h.kept
        if after != before:
            whole += 1
            assert after["refresh"] in h.provider.refresh
    h.provider.revoke()
    h.login_before()
    assert whole				# some got as far as that
    assert h.refresh()[0] == "token"
    left = sorted(p.name for p in h.token_file.parent.iterdir())
    assert set(left) <= {"test", ".test.lock"}, left


def test_full_disk_is_found_before_asking(helper, tmp):
    h = helper().login_before()
    done = h.run("refresh", wrap=["/bin/sh", "-c",
                                  'ulimit -f 1; exec "$0" "$@"'])
    assert done.out.startswith("error space "), done
    assert h.provider.forms == []



FILE_CALLS = ("openat", "fallocate", "pwrite64", "ftruncate", "fsync",
              "renameat", "unlinkat")


@pytest.mark.skipif(SANITIZED, reason="a tracer and a leak check do not agree")
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=ENOSPC",
                                   "error=EIO"])
def test_each_step_of_keeping(helper, tmp, fault):
    """Killed or failed at each call that concerns the file."""
    reason = queue_strace.missing()
    if reason:
        cannot(reason)
    h = helper()
    h.provider.rotate = False
    h.env["LSAN_OPTIONS"] = "detect_leaks=0"
    h.login_before()
    _, calls = queue_strace.trace(lambda before: h.run("refresh",
                                                       wrap=before))
    # Who is not root cannot see the arguments of what is not dumpable.
    locked = next(i for i, c in enumerate(calls) if c.name == "flock")
    locked = max(i for i in range(locked) if calls[i].name == "openat")
    steps = [(c.name, c.nth) for c in calls[locked:] if c.name in FILE_CALLS]
    assert {"fallocate", "pwrite64", "fsync", "renameat"} <= \
        {name for name, _ in steps}
    for name, nth in steps:
        if fault != "signal=SIGKILL" and name == "unlinkat":
            continue
        h.provider.revoke()
        h.login_before()
        before, asked = h.kept, len(h.provider.forms)
        done = h.finish(h.start("refresh", wrap=[
            "strace", "-qq", "-o", "/dev/null", "-e",
            "inject=%s:%s:when=%d" % (name, fault, nth)]), check=False)
        what = (name, nth, fault, done)
        after = h.kept
        assert after == before or after["access"] in h.provider.access, what
        if fault != "signal=SIGKILL":
            assert done.out.count("\n") == 1, what
            # What the provider gave is used, and kept at the second try.
            asked = len(h.provider.forms) > asked
            assert done.out.startswith("token " if asked else "error "), what
            assert (after != before) == asked, what
        assert h.refresh()[0] == "token", what
        assert not (h.token_file.parent / ".test.new").exists(), what


def test_nowhere_to_keep_it_is_said_first(helper):
    """Nobody logs in for nothing."""
    h = helper()
    (h.state / "posthaste").write_text("")
    done = h.run("login")
    assert done.status in (73, 74, 77) and done.err.count("\n") == 1, done
    assert "http" not in done.err and h.provider.log == []


# -- as a program --------------------------------------------------------------------

@pytest.mark.parametrize("argv", [
    [], ["--help"], ["renew"], ["refresh", "x"], ["refresh", "--stale=xyz"],
    ["refresh", "--flow=device"], ["login", "--flow=none"],
    ["login", "--stale=" + "0" * 16], ["login", "--timeout=0"],
    ["login", "--timeout=99999999999"]])
def test_usage(helper, argv):
    done = helper().run(*argv)
    assert done.status == 64 and done.out == "", done


@pytest.mark.parametrize("text", [
    b"", b"end\n", b"name x\n", b"name ../x\nclient_id a\nend\n",
    b"name x\nclient_id a\nnonsense b\nend\n", b"x" * 100000,
    b"name x\nclient_id \0\nend\n", b"\xff\n"])
def test_profiles_of_no_use(helper, tmp, text):
    h = helper()
    h.profile = lambda: tmp / "broken"
    (tmp / "broken").write_bytes(text)
    assert h.refresh()[:2] == ("error", "config")
    done = h.run("login")
    assert done.status == 78, done


def test_version():
    out = subprocess.run([HELPER, "--version"], capture_output=True,
                         check=True).stdout.decode()
    assert re.fullmatch(r"posthaste-oauth2 \d+\.\d+\.\d+\n", out)


def needed(path):
    out = subprocess.run(["readelf", "-d", path], capture_output=True,
                         check=True).stdout.decode()
    return set(re.findall(r"NEEDED.*\[(.*?)\.so", out))


def test_the_sender_links_neither():
    helper, sender = needed(HELPER), needed(program.program())
    assert "libjansson" in helper and any("libcurl" in n for n in helper)
    assert not any("curl" in n or "jansson" in n for n in sender)
    text = subprocess.run(["ldd", program.program()], capture_output=True,
                          check=True).stdout
    assert b"curl" not in text and b"jansson" not in text
