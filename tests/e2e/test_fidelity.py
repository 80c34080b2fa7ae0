"""What passes through comes out as it went in.

The sample messages of Python's own email tests are sent as they are, by each
name and by each way to transfer them, and compared octet by octet with what
the relay stored.  Line ends become CRLF, what must not travel is left out,
what is missing is added, and a bare login gets a domain; that, and nothing
else, may differ.
"""
import pathlib
import re
import sys
import sysconfig

import pytest

from conftest import cannot
from lib.check import silent, values
from lib.program import FROM, MAILNAME
from lib.relay import CAPS, CHUNKING

TO = "bob@example.net"
DATA = pathlib.Path(sysconfig.get_path("stdlib")) / "test/test_email/data"
SAMPLES = sorted(DATA.glob("msg_*.txt"))
ADDED = {b"date", b"message-id", b"from"}
DROPPED = {b"bcc", b"resent-bcc", b"return-path", b"content-length"}
LOGIN = re.compile(rb"((?:from|sender|reply-to|to|cc): *[\w.+-]+)\Z", re.I)
FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")


def canonical_lines(data):
    """Lines without their ends; a CR alone, and several before LF, are one."""
    text = re.sub(rb"\r+\n", b"\n", data).replace(b"\0", b"")
    text = text.replace(b"\r", b"\n")
    lines = text.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def split(lines):
    """Fields, each a list of lines, and the lines of the body."""
    fields = []
    for i, line in enumerate(lines):
        if not line:
            return fields, lines[i + 1:]
        if line[:1] in b" \t" and fields:
            fields[-1].append(line)
        elif FIELD.match(line):
            fields.append([line])
        else:
            return fields, lines[i:]
    return fields, []


def name(field):
    return FIELD.match(field[0]).group(1).lower()


def expected(data):
    """The fields that must come out, in order, and the body."""
    lines = canonical_lines(data)
    if re.match(rb">*From ", lines[0]):
        lines = lines[1:]
    fields, body = split(lines)
    fields = [f for f in fields if name(f) not in DROPPED]
    return [[LOGIN.sub(rb"\1@" + MAILNAME.encode(), f[0])] if len(f) == 1
            else f for f in fields], body


def compare(data, sent):
    fields, body = expected(data)
    got, got_body = split(sent.split(b"\r\n")[:-1])
    present = {name(f) for f in fields}
    kept = [f for f in got
            if name(f) not in ADDED or name(f) in present]
    assert kept == fields
    assert got_body == body
    assert sent.endswith(b"\r\n")
    assert all(values(sent, field) for field in ("Date", "Message-ID", "From"))


def test_samples_are_there():
    if not SAMPLES:
        cannot("Python's own tests are not installed (Debian: "
               "libpython3.%d-testsuite)" % sys.version_info[1])
    assert len(SAMPLES) > 40


@pytest.mark.parametrize("personality", ["posthaste", "sendmail"])
@pytest.mark.parametrize("caps", [CAPS, CHUNKING], ids=["data", "bdat"])
def test_samples(relay, home, caps, personality):
    """Every sample, as it is and with CRLF for LF, on a relay of its kind."""
    r = relay(caps=caps)
    h = home(r.port)
    run = h.sendmail if personality == "sendmail" else h.run
    wrong, n = [], 0
    for path in SAMPLES:
        data = path.read_bytes()
        for text in {data, re.sub(rb"\r*\n", b"\r\n", data)}:
            argv = ["-i", "-f", FROM, TO]
            silent(run(*argv, stdin=text))
            n += 1
            sent = r.stored(n)
            try:
                compare(text, sent)
            except AssertionError as e:
                wrong.append("%s: %s" % (path.name, e))
    assert not wrong, "\n".join(wrong)
    if SAMPLES:
        assert len({m["from"] for m in r.messages(n)}) == 1
