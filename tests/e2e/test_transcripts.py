"""The transcripts of tests/smtp, played by the relay over a socket.

tests/unit/smtp plays them to the session alone; here the driver, the network
and the command take part.  Left out are those that need what only the unit
test has: its own mechanism, a second message, a content of another kind.
"""
import pytest

from lib.check import status_of
from lib.program import SOURCE

# Complete, so that nothing is added, and short: some transcripts say SIZE 100.
CONTENT = (b"From: a@b\nDate: 21 Nov 2026 19:21 +0000\nMessage-ID: <a@b>\n"
           b"Subject: hi\n\n.dot\n")
OPTIONS = {"notify": "--dsn-notify", "ret": "--dsn-return",
           "envid": "--envid", "hold": None, "by": "--deliver-by",
           "priority": "--priority"}
UNIT_ONLY = {"auth", "auth-initial", "auth-fail", "messages", "second", "size",
             "utf8", "body", "orcpt", "mech"}


def load(path):
    """Headers (a list for rcpt) and whether it waits for a timeout."""
    headers, waits = {"rcpt": []}, False
    for line in path.read_text().splitlines():
        if line[:1].islower():
            key, _, value = line.partition(":")
            if key == "rcpt":
                headers["rcpt"].append(value.split())
            else:
                headers[key] = value.strip()
        waits |= line == "TIMEOUT"
    return headers, waits


def playable():
    for path in sorted((SOURCE / "tests/smtp").glob("*.txt")):
        headers, _ = load(path)
        if not UNIT_ONLY & set(headers) and headers["rcpt"]:
            yield path


def arguments(headers):
    argv = ["-f", headers.get("from", "a@example.org")]
    for key, option in OPTIONS.items():
        if key in headers:
            value = headers[key]
            if key == "hold":
                name, _, value = value.partition("=")
                option = {"HOLDFOR": "--hold-for",
                          "HOLDUNTIL": "--hold-until"}[name]
            argv.append("%s=%s" % (option, value))
    for key in ("all-or-nothing", "require-tls"):
        if headers.get(key) == "yes":
            argv.append("--" + key)
    return argv + ["--"] + [r[0] for r in headers["rcpt"]]


def expected(headers):
    """Outcome and code of each recipient; None for what is not said."""
    session = headers.get("session", "").split()
    for words in headers["rcpt"]:
        outcome = words[1]
        code = int(words[3]) if len(words) > 3 else None
        if outcome == "unsaid":		# the session's own trouble is theirs
            outcome = session[1] if len(session) > 1 else None
        yield words[0], outcome, code


@pytest.mark.parametrize("path", list(playable()), ids=lambda p: p.stem)
def test_transcript(home, relay, certs, path):
    headers, waits = load(path)
    mode = headers.get("tls", "none")
    r = relay("--script=%s" % path, "--tls=" + mode,
              "--certs=%s" % certs, caps=None, store=False,
              *(["--lmtp"] if headers.get("lmtp") == "yes" else []))
    seconds = 1 if waits else 10
    h = home(r.port, tls=mode, tls_trust=certs / "ca.pem", helo="me.example",
             protocol="lmtp" if headers.get("lmtp") == "yes" else "smtp",
             timeout_command=seconds, timeout_data=seconds,
             timeout_end=seconds)
    run = h.report(*arguments(headers), stdin=CONTENT)
    r.settled()
    assert not r.events("mismatch"), (r.events("mismatch"), run)
    got = run.json["recipients"]
    worst = 0
    for rcpt, (address, outcome, code) in zip(got, expected(headers)):
        assert rcpt["address"] == address, run
        assert outcome in (None, rcpt["outcome"]), (address, outcome, run)
        assert code is None or rcpt["code"] == code, (address, code, run)
        worst += rcpt["outcome"] != "sent"
    assert len(got) == len(headers["rcpt"])
    assert (run.status == 0) == (worst == 0), run
    codes = {status_of(x["code"]) if x["code"] else None for x in got
             if x["outcome"] != "sent"}
    assert run.status in codes or None in codes or run.status == 0, run
    assert run.json["exit_status"] == run.status
