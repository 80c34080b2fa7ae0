"""OAuth 2 on the sender's side: a relay that takes tokens, a provider that
gives them, and what can happen to both, and to what is kept between.
"""
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time
import types

import pytest

from conftest import cannot
from lib import dovecot as dove, program, queue_strace
from lib.program import FROM, USER
from lib.provider import CLIENT_SECRET, Provider, dead_port, error
from lib.relay import Relay, tls
from lib.spool import BOB, Queue, mail, until

HELPER = pathlib.Path(os.environ.get("OAUTH2_HELPER") or
                      program.root() / "usr/local/libexec/posthaste-oauth2")
pytestmark = pytest.mark.skipif(not HELPER.exists() and
                                not os.environ.get("CI"),
                                reason="posthaste-oauth2 was not built")
COMMAND = "run posthaste --oauth2-login=prov"


class Tokens(Provider):
    """Tells the relay, by a file, which access tokens are good."""

    def __init__(self, file, secrets, **more):
        self.file, self.secrets, self.newest = file, secrets, False
        super().__init__(**more)

    def grant(self):
        with self.lock:
            access, refresh = super().grant()
            self.secrets += [access, refresh]
            self.accept(*([] if self.newest else self.accepted()), access)
        return access, refresh

    def accepted(self):
        return self.file.read_text().split() if self.file.exists() else []

    def accept(self, *tokens):
        fresh = self.file.with_suffix(".new")
        fresh.write_text("".join(t + "\n" for t in tokens))
        fresh.rename(self.file)


class Tolerant(Tokens):
    """Takes a refresh token again, for clients that were killed with it."""

    def renew(self, form):
        used = form.get("refresh_token", "")
        if used in self.spent:
            self.spent.discard(used)
            self.refresh.add(used)
        return super().renew(form)


class Sender(Queue):
    """A caller whose account has a profile."""

    def __init__(self, directory, provider, *args, **settings):
        self.provider = provider
        self.profile = provider.settings() if provider else {}
        super().__init__(directory, *args, **settings)
        if provider:
            self.secrets = provider.secrets

    def text(self):
        return super().text() + "[oauth2 prov]\n" + "".join(
            "%s = %s\n" % kv for kv in self.profile.items())

    @property
    def file(self):
        return self.state / "posthaste/oauth2/prov"

    @property
    def kept(self):
        assert self.file.stat().st_mode & 0o7777 == 0o600
        lines = self.file.read_text().splitlines()
        assert lines[0] == "posthaste-token 1" and lines[-1] == "end", lines
        return dict(line.split(" ", 1) for line in lines[1:-1])

    def tokens_text(self, access, refresh, ends, lifetime=3600):
        return ("posthaste-token 1\naccess %s\nexpires %d\nlifetime %d\n"
                "refresh %s\ntoken_endpoint %s\nend\n" % (
                    access, time.time() + ends, lifetime, refresh,
                    self.provider.token_endpoint))

    def keep(self, access, refresh, ends=3600, lifetime=3600):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.parent.chmod(0o700)
        self.file.write_text(self.tokens_text(access, refresh, ends, lifetime))
        self.file.chmod(0o600)
        return self

    def logged_in(self, **more):
        """What an earlier login has left; ends: seconds from now."""
        return self.keep(*self.provider.grant(), **more)

    def litter(self):
        return sorted(n for n in os.listdir(self.file.parent)
                      if n not in ("prov", ".prov.lock"))


@pytest.fixture
def office(tmp, certs, relay):
    """office(): provider, relay and sender that know each other."""
    running = []

    def make(*options, kind=Tokens, secret="", mechs="XOAUTH2 OAUTHBEARER",
             queue="never", **settings):
        good = tmp / ("good%d" % len(running))
        provider = kind(good, [CLIENT_SECRET], secret=secret)
        running.append(provider)
        r = relay(*tls(certs, "good", "implicit"), "--auth=%s" % mechs,
                  "--user=%s" % USER, "--token-file=%s" % good,
                  "--require-auth", *options)
        sender = Sender(tmp / ("sender%d" % len(running)), provider, r.port,
                        **{"tls": "implicit", "tls_trust": certs / "ca.pem",
                           "auth": "auto", "user": USER, "oauth2": "prov",
                           "from": FROM, **settings})
        return provider, r, sender.set(queue=queue)

    yield make
    for provider in running:
        provider.stop()


def logins(r):
    r.settled()
    return len(r.commands("AUTH"))


def no_token_in(provider, *places):
    """Neither a file nor what is below a directory shows one."""
    for place in places:
        files = [place] if place.is_file() else \
            [p for p in place.rglob("*") if p.is_file()]
        for file in files:
            data = file.read_bytes()
            for secret in provider.secrets:
                for form in program.forms(secret):
                    assert form not in data, file


# -- the plain course --------------------------------------------------------

@pytest.mark.parametrize("mechs", ["XOAUTH2", "OAUTHBEARER",
                                   "PLAIN XOAUTH2 OAUTHBEARER"])
def test_a_fresh_token_asks_nobody(office, mechs):
    provider, r, sender = office(mechs=mechs)
    sender.logged_in()
    before = sender.file.read_bytes()
    run = sender.run("-v", BOB)
    assert run.status == 0, run
    assert len(r.messages(1)) == 1 and logins(r) == 1
    assert provider.log == [] and sender.file.read_bytes() == before
    mech = r.commands("AUTH")[0].split()[1]
    assert mech in mechs.split() and mech != "PLAIN"
    assert sender.litter() == []


def test_one_that_ends_is_renewed_and_the_next_kept(office):
    provider, r, sender = office(secret=CLIENT_SECRET)
    sender.logged_in(ends=200)		# within the margin of 300 s
    old = sender.kept
    run = sender.run("-v", BOB)
    assert run.status == 0, run
    assert provider.refreshes == 1 and logins(r) == 1
    assert provider.forms[0]["refresh_token"] == old["refresh"]
    new = sender.kept
    assert new["access"] != old["access"]
    assert new["refresh"] != old["refresh"]
    assert abs(int(new["expires"]) - time.time() - 3600) < 30
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 1
    assert sender.litter() == []


def test_the_name_sendmail_is_silent(office):
    provider, r, sender = office()
    sender.logged_in(ends=-5)
    run = sender.sendmail(BOB)
    assert run.status == 0 and run.stdout == b"" and run.stderr == b"", run
    assert len(r.messages(1)) == 1


def test_a_refresh_token_that_stays(office):
    provider, r, sender = office()
    provider.rotate = False
    sender.logged_in(ends=-5)
    old = sender.kept
    assert sender.run(BOB).status == 0
    assert sender.kept["refresh"] == old["refresh"]
    assert sender.kept["access"] != old["access"]


def test_a_clock_that_was_set_back_is_no_reason_to_believe(office):
    provider, r, sender = office()
    sender.logged_in(ends=400 * 86400)
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 1


def test_lifetime_not_said_is_for_the_relay_to_tell(office):
    provider, r, sender = office()
    provider.expires_in = None
    sender.logged_in(ends=-5)
    assert sender.run(BOB).status == 0
    assert "expires" not in sender.kept
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 1
    provider.accept()		# ended
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 2


# -- a real relay --------------------------------------------------------------

class Introspected(Tokens):
    """Dovecot asks an endpoint which tokens are whose."""

    known = None

    def accept(self, *tokens):
        super().accept(*tokens)
        if self.known is not None:
            self.known.clear()
            self.known.update((t, dove.USER) for t in tokens)


@pytest.fixture(scope="module")
def dovecot(base, certs):
    reason = dove.missing()
    if reason:
        cannot(reason)
    path = base / "dovecot-oauth2"
    backend = Relay(base / "backend-oauth2", "--tls=none", "--idle-exit=600")
    kdc = types.SimpleNamespace(dir=path, keytab=path / "none")
    server = dove.Dovecot(path, certs, backend.port, kdc)
    server.backend = backend
    yield server
    server.stop()
    backend.stop()


@pytest.mark.parametrize("mech", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("trouble", ["none", "ended", "revoked"])
def test_dovecot(office, dovecot, mech, trouble):
    provider, r, sender = office(kind=Introspected, auth=mech)
    provider.known = dovecot.oauth2.tokens
    sender.set(host="localhost", port=dovecot.implicit, user=dove.USER,
               timeout_command=20, timeout_end=20)
    sender.logged_in(ends=-5 if trouble == "ended" else 3600)
    if trouble == "revoked":
        provider.accept()
    logins = len(dovecot.logins(0))
    taken = len(dovecot.backend.events("message"))
    run = sender.report("-v", BOB)
    assert run.status == 0, (run, dovecot.log()[-2000:])
    assert run.json["sasl"] == mech
    assert dovecot.logins(logins + 1)[logins:] == [(dove.USER, mech)]
    assert len(dovecot.backend.messages(taken + 1)) == taken + 1
    assert provider.refreshes == (trouble != "none")
    assert run.err.count("535") == (trouble == "revoked"), run


# -- many at once --------------------------------------------------------------

def crowd(sender, n=10):
    started = [sender.start("--report=json", BOB, stdin=mail("m%d" % i),
                            seconds=60) for i in range(n)]
    return [s.finish() for s in started]


def test_ten_at_once_ask_once(office):
    provider, r, sender = office(timeout_command=30)
    provider.delay = 0.5
    sender.logged_in(ends=-5)
    for run in crowd(sender):
        assert run.status == 0, run
    assert len(r.messages(10)) == 10 and logins(r) == 10
    assert provider.refreshes == 1
    assert sender.litter() == []


class Silent(Tokens):
    """Takes a question, and breaks off without a word after a while."""

    def token(self, form):
        time.sleep(2)
        raise ConnectionError


@pytest.mark.parametrize("trouble", ["silent", "500", "invalid_grant",
                                     "nonsense"])
def test_ten_that_wait_in_vain_wait_once(office, trouble):
    """Who waited while another was refused does not ask, too: ten timeouts,
    one after the other, are no help to anybody."""
    provider, r, sender = office(kind=Silent if trouble == "silent" else Tokens,
                                 timeout_command=60)
    sender.logged_in(ends=-5)
    before = sender.file.read_bytes()
    if trouble != "silent":
        provider.delay = 2
    provider.answers += {"silent": [], "500": [(500, "oops")] * 10,
                         "invalid_grant": [error("invalid_grant", "x")] * 10,
                         "nonsense": [(200, "<html>")] * 10}[trouble]
    runs = crowd(sender)
    for run in runs:
        assert run.status == (77 if trouble == "invalid_grant" else 75), run
        assert run.elapsed < 8, run
    assert len({run.err for run in runs}) == 1, runs
    # One that came late, on a busy machine, may ask for itself.
    assert 1 <= provider.refreshes <= 3 and logins(r) == 0
    assert sender.file.read_bytes() == before and sender.litter() == []
    assert (COMMAND in runs[0].err) == (trouble == "invalid_grant")


def test_who_comes_after_a_failure_asks_again(office):
    provider, r, sender = office()
    sender.logged_in(ends=-5)
    provider.answers += [(500, "oops")]
    assert sender.run(BOB).status == 75
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 2
    note = sender.file.with_name(".prov.lock").read_bytes()
    assert note.startswith(b"failed ") and note.endswith(b"\n")
    no_token_in(provider, sender.file.with_name(".prov.lock"))


@pytest.mark.parametrize("note", [
    b"failed", b"failed 1 2", b"failed 99999999999999999 14 later\n",
    b"failed -1 14 x\n", b"failed 18446744073709551615 14 x\n",
    b"\0" * 5000, b"\xff" * 5000, b"failed 1 99 x\n" * 500])
def test_what_else_is_in_the_lock_is_passed_over(office, note):
    provider, r, sender = office()
    sender.logged_in(ends=-5)
    lock = sender.file.with_name(".prov.lock")
    lock.write_bytes(note)
    lock.chmod(0o600)
    assert sender.run(BOB).status == 0


def test_a_lock_that_cannot_be_had_is_named(office):
    provider, r, sender = office()
    sender.logged_in(ends=-5)
    sender.file.with_name(".prov.lock").symlink_to("/etc/passwd")
    run = sender.run(BOB)
    assert run.status == 74 and "/.prov.lock': " in run.err, run
    assert provider.refreshes == 0


def test_ten_with_a_token_that_was_revoked_ask_once(office):
    provider, r, sender = office(timeout_command=30)
    provider.delay = 0.5
    sender.logged_in()
    provider.accept()
    for run in crowd(sender):
        assert run.status == 0, run
    assert len(r.messages(10)) == 10 and logins(r) <= 20
    assert provider.refreshes == 1


# -- a relay that refuses ----------------------------------------------------------

@pytest.mark.parametrize("mechs", ["XOAUTH2", "OAUTHBEARER"])
def test_refused_though_fresh_is_renewed_once(office, mechs):
    provider, r, sender = office(mechs=mechs)
    sender.logged_in()
    provider.accept()
    run = sender.run("-v", BOB)
    assert run.status == 0, run
    assert "refuses a token" in run.err and "535" in run.err
    assert provider.refreshes == 1 and logins(r) == 2
    assert r.connected() == 2 and len(r.messages(1)) == 1
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 1 and logins(r) == 3


def test_refused_again_is_final(office):
    provider, r, sender = office()
    sender.logged_in()
    provider.file = provider.file.with_name("elsewhere")
    (provider.file.parent / "good0").write_text("")
    run = sender.run("--exit-status=sysexits", BOB)
    assert run.status == 77, run
    assert "535" in run.err
    assert provider.refreshes == 1 and logins(r) == 2
    assert r.messages() == []


def test_just_renewed_and_refused_is_final_at_once(office):
    provider, r, sender = office()
    sender.logged_in(ends=-5)
    provider.file = provider.file.with_name("elsewhere")
    (provider.file.parent / "good0").write_text("")
    assert sender.run("--exit-status=sysexits", BOB).status == 77
    assert provider.refreshes == 1 and logins(r) == 1


def test_a_token_that_nobody_can_renew(office):
    """Refused, and the provider is not there: temporary, whatever the relay
    says."""
    provider, r, sender = office()
    sender.logged_in()
    provider.accept()
    sender.profile["token_endpoint"] = "http://127.0.0.1:%d/t" % dead_port()
    sender.set()
    run = sender.run(BOB)
    assert run.status == 75, run
    assert logins(r) == 1


def test_token_command_is_asked_once(office):
    provider, r, sender = office()
    count = sender.dir / "count"
    sender.set(oauth2=None, token_command="'echo x >> %s; echo not-good'" % count)
    assert sender.run("--exit-status=sysexits", BOB).status == 77
    assert count.read_text() == "x\n" and logins(r) == 1


# -- a provider that does not ------------------------------------------------------

def test_a_dead_provider_is_temporary(office):
    provider, r, sender = office(queue="tempfail")
    sender.logged_in(ends=-5)
    before = sender.file.read_bytes()
    good = dict(sender.profile)
    sender.profile["token_endpoint"] = "http://127.0.0.1:%d/t" % dead_port()
    sender.set()
    run = sender.run("--queue=never", BOB)
    assert run.status == 75, run
    assert "oauth2 of account 'test'" in run.err
    run = sender.run(BOB)
    assert run.status == 0 and sender.only().open() == [BOB], run
    assert sender.only().due - time.time() < 120
    assert sender.go().status == 75
    assert sender.only().open() == [BOB]
    assert sender.file.read_bytes() == before
    sender.profile = good
    sender.set()
    assert sender.go().status == 0
    assert len(r.messages(1)) == 1 and sender.entries() == []


@pytest.mark.parametrize("answer", [
    (500, "oops"), (503, "", {"Retry-After": "600"}), (200, "<html>"),
    (200, {"token_type": "Bearer"}), (200, "[" * 100000),
    (302, "", {"Location": "https://example.org/"}), (404, "nothing")])
def test_a_provider_out_of_its_mind_is_temporary(office, answer):
    provider, r, sender = office(queue="tempfail")
    sender.logged_in(ends=-5)
    before = sender.file.read_bytes()
    provider.answers.append(answer)
    run = sender.run(BOB)
    assert run.status == 0 and sender.only().open() == [BOB], run
    assert sender.file.read_bytes() == before
    assert sender.go().status == 0
    assert len(r.messages(1)) == 1 and provider.refreshes == 2


def test_who_waits_no_longer_leaves_the_helper_to_finish(office):
    """The refresh token is used up at the provider; breaking off would lose
    the next one.  Nobody who reads our stderr to its end waits for it."""
    provider, r, sender = office(timeout_command=1)
    provider.delay = 4
    sender.logged_in(ends=-5)
    old = sender.kept
    begun = time.monotonic()
    run = sender.run(BOB)
    assert run.status == 75 and "in time" in run.err, run
    assert time.monotonic() - begun < 3.5
    assert until(lambda: sender.kept["refresh"] != old["refresh"])
    provider.delay = 0
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 1


def test_killed_senders_lose_no_token(office):
    provider, r, sender = office()
    provider.delay = 1
    sender.logged_in(ends=-5)
    old = sender.kept
    run = sender.start(BOB)
    assert until(lambda: provider.refreshes == 1)
    run.signal(signal.SIGKILL)
    run.finish(check=False)
    assert until(lambda: sender.kept["refresh"] != old["refresh"])
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 1


@pytest.mark.parametrize("answer", [
    error("invalid_grant", "Token has been expired or revoked."),
    error("invalid_grant", "\x1b[31mred \u202e")])
def test_a_login_that_has_ended_says_how_to_mend_it(office, answer):
    provider, r, sender = office(queue="tempfail")
    sender.logged_in(ends=-5)
    provider.answers += [answer, answer]
    run = sender.run("--queue=never", BOB)
    assert run.status == 77 and COMMAND in run.err, run
    assert run.err.count("\n") == 1
    run = sender.sendmail(BOB)
    assert run.status == 0 and run.stderr == b"", run
    # As with a refused login, nobody is hammered; and nothing bounces.
    assert sender.only().open() == [BOB]
    assert sender.only().due - time.time() > 800
    sender.logged_in()
    assert sender.go().status == 0
    assert len(r.messages(1)) == 1 and sender.entries() == []


def test_a_token_used_twice_locks_out_and_says_so(office):
    """A copy of the state, as from a backup: the provider's alarm."""
    provider, r, sender = office()
    sender.logged_in(ends=-5)
    backup = sender.file.read_bytes()
    assert sender.run(BOB).status == 0
    sender.file.write_bytes(backup)
    run = sender.run(BOB)
    assert run.status == 77 and COMMAND in run.err, run


# -- the queue -----------------------------------------------------------------------

def test_tokens_that_end_amid_a_run(office):
    provider, r, sender = office("--delay=RCPT:400", queue="tempfail",
                                 max_messages_per_connection=1)
    provider.newest, provider.expires_in = True, 1
    sender.logged_in(ends=-5, lifetime=1)
    for i in range(6):
        sender.put(stdin=mail("m%d" % i))
    assert sender.go(seconds=60).status == 0
    assert len(r.messages(6)) == 6 and sender.entries() == []
    assert 2 <= provider.refreshes <= 6
    subjects = {re.search(rb"Subject: (\w+)", r.stored(i + 1))[1]
                for i in range(6)}
    assert len(subjects) == 6
    no_token_in(provider, sender.spool)


def test_a_token_revoked_amid_a_run(office):
    provider, r, sender = office("--delay=RCPT:200", queue="tempfail",
                                 max_messages_per_connection=1)
    provider.newest = True
    sender.logged_in()
    for i in range(5):
        sender.put(stdin=mail("m%d" % i))
    run = sender.start("-qf", stdin=b"")
    r.wait("message", 2)
    provider.accept()
    assert run.finish().status == 0
    assert len(r.messages(5)) == 5 and sender.entries() == []
    assert provider.refreshes == 1


def test_a_queue_without_a_token_waits(office):
    provider, r, sender = office(queue="tempfail")
    run = sender.sendmail(BOB)
    assert run.status == 0 and run.stderr == b"", run
    sender.go()
    assert sender.only().open() == [BOB]
    run = sender.run("--queue=never", BOB)
    assert run.status == 77 and "there is no token" in run.err, run
    assert COMMAND in run.err
    assert provider.log == []
    sender.logged_in()
    assert sender.go().status == 0
    assert sender.entries() == [] and len(r.messages(1)) == 1


# -- what is kept ----------------------------------------------------------------------

def test_a_store_that_is_not_as_it_should_be(office):
    provider, r, sender = office()
    sender.logged_in()
    whole = sender.file.read_text()

    def fails(status, says, text=whole, mode=0o600):
        sender.file.write_text(text)
        sender.file.chmod(mode)
        run = sender.run(BOB)
        assert run.status == status and says in run.err, run

    fails(77, "chmod 600", mode=0o640)
    fails(77, COMMAND, text="garbage\n")
    fails(77, COMMAND, text="")
    fails(77, COMMAND, text=whole[:-5])
    fails(77, COMMAND, text=whole.replace("access ", "access \x01"))
    sender.file.parent.chmod(0o750)
    fails(77, "chmod 700")
    sender.file.parent.chmod(0o700)
    sender.file.rename(sender.dir / "elsewhere")
    sender.file.symlink_to(sender.dir / "elsewhere")
    run = sender.run(BOB)
    assert run.status == 77 and "symbolic link" in run.err, run
    sender.file.unlink()
    if os.geteuid() == 0:
        sender.keep("a", "b")
        os.chown(sender.file, 12345, 12345)
        run = sender.run(BOB)
        assert run.status == 77 and "12345" in run.err, run
    assert provider.log == [] and r.messages() == []


def test_no_space_is_said_before_the_provider_is_asked(office):
    provider, r, sender = office()
    sender.logged_in(ends=-5)
    before = sender.file.read_bytes()
    limits = {"RLIMIT_FSIZE": 65536}
    run = sender.run(BOB, limits=limits)
    assert run.status == 75 and "make room" in run.err, run
    assert provider.refreshes == 0 and sender.file.read_bytes() == before
    assert sender.litter() == []
    assert sender.run(BOB).status == 0
    assert sender.file.read_bytes() != before


def helpers(run):
    """The helpers that this sender has started, by pid."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path("/proc/%s/stat" % entry).read_text()
        except OSError:
            continue
        name, rest = stat.rsplit(")", 1)
        if name.split("(", 1)[1] == HELPER.name[:15] and \
                int(rest.split()[1]) == run.pid:
            found.append(int(entry))
    return found


def test_helpers_killed_at_any_time_corrupt_nothing(office):
    provider, r, sender = office(kind=Tolerant, timeout_command=10)
    dice = random.Random(4711)
    sender.logged_in(ends=-5)
    killed = 0
    for _ in range(int(os.environ.get("POSTHASTE_FULL", "0")) * 60 + 12):
        provider.delay = dice.choice((0, 0.02, 0.5))
        kept = sender.kept
        sender.keep(kept["access"], kept["refresh"], ends=-5)
        run = sender.start(BOB)
        found = until(lambda: helpers(run), 1)
        time.sleep(dice.uniform(0, 0.03))
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
        result = run.finish()
        assert result.status in (0, 75), result
        assert "access" in sender.kept and "refresh" in sender.kept
    provider.delay = 0
    assert killed
    assert sender.run(BOB).status == 0
    assert sender.litter() == []


class Refresh:
    """The helper by itself, as the sender starts it, under strace."""

    def __init__(self, sender):
        self.sender = sender
        lines = ["name prov"] + ["%s %s" % kv for kv in sender.profile.items()]
        self.profile = sender.dir / "profile"
        self.profile.write_text("\n".join(lines + ["end", ""]))

    def run(self, before=()):
        return subprocess.run(
            ["/bin/sh", "-c", "exec 3<%s; exec \"$@\"" % self.profile, "sh",
             *before, str(HELPER), "refresh"], env=self.sender.env,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def points(self):
        """Each call that has to do with what is kept, and what may befall it."""
        done, calls = queue_strace.trace(self.run)
        assert done.stdout.startswith(b"token "), done
        ours = [c for c in calls if "posthaste/oauth2" in c.args and c.name in
                ("openat", "flock", "unlinkat", "fallocate", "pwrite64",
                 "ftruncate", "fsync", "rename", "renameat", "renameat2",
                 "mkdir", "fstat", "newfstatat", "read")]
        assert {c.name for c in ours} >= {"pwrite64", "fsync", "flock"}
        return [queue_strace.Point(i, c.name, c.nth, fault)
                for i, c in enumerate(ours)
                for fault in ("KILL", "EIO", "ENOSPC")]


@pytest.mark.skipif(bool(program.SANITIZED), reason="strace and sanitizers")
def test_every_step_of_keeping_killed_or_failed(office, tmp):
    """Old or new, whole, whatever step went wrong; and the next one finds its
    way."""
    if queue_strace.missing() and not os.environ.get("CI"):
        pytest.skip(queue_strace.missing())
    provider, r, sender = office(kind=Tolerant)
    sender.logged_in(ends=-5)
    refresh = Refresh(sender)
    hit = 0
    for point in refresh.points():
        kept = sender.kept
        sender.keep(kept["access"], kept["refresh"], ends=-5)
        asked = len(provider.forms)
        done = refresh.run(point.before(tmp / "trace"))
        hit += point.hit(tmp / "trace", done.returncode)
        now = sender.kept
        new = now["refresh"] != kept["refresh"]
        assert now["access"] and now["refresh"], point
        assert not new or len(provider.forms) > asked, point
        assert b"token " in done.stdout or not new or \
            point.fault == "KILL", (point, done)
        sender.keep(now["access"], now["refresh"], ends=-5)
        done = refresh.run()
        assert done.stdout.startswith(b"token "), (point, done)
        assert sender.litter() == [], point
    assert hit > 20


# -- nothing is shown ------------------------------------------------------------------

def test_no_secret_in_arguments_environment_log_or_spool(office):
    provider, r, sender = office(secret=CLIENT_SECRET, queue="tempfail",
                                 log=None)
    log = sender.dir / "log"
    sender.set(log=log)
    provider.delay = 1
    sender.logged_in(ends=-5)
    run = sender.start("-v", "--report=json", BOB)
    assert until(lambda: provider.refreshes)
    seen = helpers(run)
    assert seen
    for pid in [run.pid, *seen]:
        for name in ("cmdline", "environ"):
            no_token_in_text(provider, pathlib.Path(
                "/proc/%d/%s" % (pid, name)).read_bytes())
    assert run.finish().status == 0
    provider.accept()
    provider.answers.append(error("invalid_grant"))
    assert sender.run("-v", BOB).status == 0
    assert sender.only().open() == [BOB]
    no_token_in(provider, log, sender.spool)
    text = sender.run("--print-config", stdin=b"").out
    assert "client_secret = ********" in text


def no_token_in_text(provider, data):
    for secret in provider.secrets:
        for form in program.forms(secret):
            assert form not in data


# -- the keyring -----------------------------------------------------------------------

TOOL = """#!/bin/sh
# secret-tool, of one item for each set of attributes; stored text is on stdin.
dir=%(dir)s
echo "$*" >>$dir/calls
command=$1; shift
case $1 in --label*) shift;; esac
item=$dir/$(echo "$*" | tr ' ' .)
case $command in
lookup) [ -f "$item" ] || exit 1; exec cat "$item";;
store)  cat >"$item.new" && mv "$item.new" "$item";;
clear)  rm -f "$item";;
esac
"""


def ring(sender, script=TOOL):
    directory = sender.dir / "ring"
    directory.mkdir(exist_ok=True)
    tool = sender.dir / "bin/secret-tool"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(script % {"dir": directory})
    tool.chmod(0o755)
    sender.env["PATH"] = "%s:/usr/bin:/bin" % tool.parent
    sender.profile["store"] = "keyring"
    sender.set()
    return directory


def test_tokens_in_the_keyring(office):
    provider, r, sender = office()
    directory = ring(sender)
    item = directory / "service.posthaste-oauth2.profile.prov"
    run = sender.run(BOB)
    assert run.status == 77 and COMMAND in run.err, run
    item.write_text(sender.tokens_text(*provider.grant(), 3600))
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 0
    old = item.read_text()
    item.write_text(sender.tokens_text(*provider.grant(), -5))
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 1 and item.read_text() != old
    assert sender.run(BOB).status == 0
    assert provider.refreshes == 1
    assert not sender.file.exists() and sender.litter() == []
    # The probe left nothing, and no argument had a token.
    assert sorted(p.name for p in directory.iterdir()) == ["calls", item.name]
    no_token_in(provider, directory / "calls")
    for run in crowd(sender, 4):
        assert run.status == 0, run
    assert len(r.messages(7)) == 7


def test_tokens_too_long_for_the_keyring_keep_what_renews_them(office):
    provider, r, sender = office()
    directory = ring(sender)
    item = directory / "service.posthaste-oauth2.profile.prov"
    access, refresh = provider.grant()
    item.write_text(sender.tokens_text(access, refresh, -5))
    provider.answers.append((200, {"access_token": "a" * 8000,
                                   "refresh_token": refresh,
                                   "expires_in": 3600,
                                   "token_type": "Bearer"}))
    sender.run(BOB)
    assert len(item.read_text()) < 8000
    assert "refresh %s\n" % refresh in item.read_text()
    assert "access" not in item.read_text()


@pytest.mark.parametrize("script,status,says", [
    ("#!/bin/sh\necho 'secret-tool: Cannot autolaunch D-Bus' >&2; exit 1\n",
     78, "D-Bus"),
    ("#!/bin/sh\nsleep 100\n", 75, "locked"),
    ("#!/bin/sh\nkill -9 $$\n", 78, "signal 9"),
    ("#!/bin/sh\nyes\n", 77, COMMAND),
    ("#!/bin/sh\necho hello\n", 77, COMMAND)])
def test_keyrings_that_do_not_work(office, script, status, says):
    provider, r, sender = office(timeout_command=2)
    ring(sender, script)
    run = sender.run(BOB)
    assert run.status == status and says in run.err, run
    assert provider.log == []


def test_a_keyring_that_keeps_nothing_is_found_out_before(office):
    provider, r, sender = office()
    directory = ring(sender, TOOL.replace(
        "store)", "store)  echo 'secret-tool: no collection' >&2; exit 1;"))
    item = directory / "service.posthaste-oauth2.profile.prov"
    item.write_text(sender.tokens_text(*provider.grant(), -5))
    run = sender.run(BOB)
    assert run.status == 78 and "no collection" in run.err, run
    assert provider.refreshes == 0


def test_no_secret_tool(office):
    provider, r, sender = office()
    ring(sender)
    run = sender.run(BOB, env={"PATH": "/nonexistent"})
    assert run.status == 78 and "libsecret" in run.err, run


# -- the configuration, and logging in ---------------------------------------------------

def test_profiles_are_checked(office):
    provider, r, sender = office()
    assert sender.run("--check-config", stdin=b"").status == 0
    sender.set(oauth2="prv")
    run = sender.run(BOB)
    assert run.status == 78 and "did you mean 'prov'" in run.err, run
    sender.set(oauth2="google")
    run = sender.run("--check-config", stdin=b"")
    assert run.status == 78 and "[oauth2 google]" in run.err, run
    sender.set(oauth2="prov")
    sender.profile.pop("client_id")
    sender.set()
    for args in (("--check-config",), (BOB,)):
        run = sender.run(*args, stdin=mail("x"))
        assert run.status == 78 and "no client_id" in run.err, run
    sender.profile.update(client_id="x", client_secret="Geheimnis")
    sender.set()
    sender.config.chmod(0o644)
    run = sender.run(BOB)
    assert run.status == 77 and "chmod 600" in run.err, run


def test_the_helper_is_not_there(office, tmp):
    provider, r, sender = office()
    if os.path.exists("/usr/local/libexec/posthaste-oauth2"):
        pytest.skip("posthaste is installed on this machine")
    alone = tmp / "alone/posthaste"
    alone.parent.mkdir()
    shutil.copy(program.program(), alone)
    sender.logged_in()
    assert sender.run(BOB, exe=alone).status == 0	# not needed
    sender.logged_in(ends=-5)
    run = sender.run(BOB, exe=alone)
    assert run.status == 78 and "is not installed" in run.err, run
    assert str(alone.parent) in run.err
    shutil.copy(HELPER, alone.parent)
    assert sender.run(BOB, exe=alone).status == 0


@pytest.mark.parametrize("script,status,says", [
    ("printf 'token half-a'", 78, "not understood"),
    ("printf 'token half-a'; kill -9 $$", 75, "signal 9"),
    ("exit 3", 75, "exited 3"), ("kill -9 $$", 75, "signal 9"),
    (":", 78, "not understood"), ("yes token", 78, "not understood"),
    ("echo token", 78, "not understood"),
    ("printf 'token \\033[31m\\n'", 78, "not understood"),
    ("echo error someday maybe", 78, "not understood"),
    ("echo error net later; exit 1", 75, "later"),
    ("echo error space full; exit 1", 75, "full"),
    ("echo error auth over; exit 1", 77, "over"),
    ("echo token wrong-but-well-formed", 77, "535"),
    ("exec sleep 1.6", 75, "in time")])
def test_helpers_that_are_not_ours(office, tmp, script, status, says):
    provider, r, sender = office(timeout_command=1)
    alone = tmp / "alone/posthaste"
    alone.parent.mkdir()
    shutil.copy(program.program(), alone)
    helper = alone.parent / "posthaste-oauth2"
    helper.write_text("#!/bin/sh\n%s\n" % script)
    helper.chmod(0o755)
    sender.logged_in(ends=-5)
    run = sender.run("--exit-status=sysexits", BOB, exe=alone)
    assert run.status == status and says in run.err, run
    assert r.messages() == [] and provider.log == []


def log_in(sender, *argv, **more):
    return sender.start("--oauth2-login=prov", *argv, stdin=b"", **more)


def test_a_person_logs_in_and_mail_goes(office):
    provider, r, sender = office(secret=CLIENT_SECRET)
    assert sender.run(BOB).status == 77
    run = log_in(sender, "--oauth2-flow=device")
    assert until(lambda: provider.devices)
    provider.agree()
    result = run.finish(check=False)
    assert result.status == 0, result
    program.check_secrets(result, provider.secrets)
    assert sender.run(BOB).status == 0
    assert len(r.messages(1)) == 1


def test_a_login_that_fails_passes_its_status_on(office):
    provider, r, sender = office()
    run = log_in(sender, "--oauth2-flow=device")
    assert until(lambda: provider.devices)
    provider.agree(deny=True)
    result = run.finish(check=False)
    assert result.status == 77, result
    assert not sender.file.exists()
    sender.profile["device_endpoint"] = "http://127.0.0.1:%d/d" % dead_port()
    sender.set()
    result = log_in(sender, "--oauth2-flow=device").finish(check=False)
    assert result.status == 75, result


def test_a_login_for_what_is_not_configured(office):
    provider, r, sender = office()
    run = sender.run("--oauth2-login=google", stdin=b"")
    assert run.status == 78 and "[oauth2 google]" in run.err, run
    assert "client_id" in run.err
    run = sender.run("--oauth2-login=prv", stdin=b"")
    assert run.status == 64 and "did you mean 'prov'" in run.err, run
    run = sender.run("--oauth2-login=", stdin=b"")
    assert run.status == 64, run
    run = sender.run("--oauth2-login=prov", "--oauth2-flow=x", stdin=b"")
    assert run.status == 64, run
    run = sender.sendmail("--oauth2-login=prov", stdin=b"")
    assert run.status == 64, run
    assert provider.log == []


def test_a_login_again_replaces_what_is_damaged(office):
    provider, r, sender = office()
    sender.keep("a", "b")
    sender.file.write_text("garbage")
    run = log_in(sender, "--oauth2-flow=device")
    assert until(lambda: provider.devices)
    provider.agree()
    assert run.finish(check=False).status == 0
    assert sender.run(BOB).status == 0
