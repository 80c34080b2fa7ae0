"""Messages that are built: two parsers that are not ours must agree with us.

Every composed message is read by Python's email (no defect on any part or
field) and by Perl's MIME::Parser (no complaint); both must find the parts that
were put in, octet for octet.  Long runs of cases share a message, as attachments
of one.
"""
import email
import email.header
import email.policy
import hashlib
import json
import os
import re
import subprocess

import pytest

from conftest import cannot
from lib.check import canonical, silent, values
from lib.program import FROM, HERE
from lib.relay import CAPS

TO = "bob@example.net"
SEVEN = "PIPELINING,SIZE 300000000,ENHANCEDSTATUSCODES"
BINARY = CAPS + ",CHUNKING,BINARYMIME"
KINDS = {"8bit": CAPS, "7bit": SEVEN, "chunks": CAPS + ",CHUNKING",
         "binary": BINARY}
LIMIT = 16 << 20		# resident, whatever is attached


def sha(data):
    return hashlib.sha256(data).hexdigest()


def unword(value):
    """Encoded-words in what a parser gives for a name."""
    return value if value is None else str(email.header.make_header(
        email.header.decode_header(value)))


class Leaf:
    def __init__(self, kind, name, data, part):
        self.type, self.name, self.data, self.part = kind, name, data, part

    def __repr__(self):
        return "<%s %r, %d octets>" % (self.type, self.name, len(self.data))


class Built:
    """A message as it came to the relay, taken apart by both parsers."""

    def __init__(self, data, event, directory):
        """directory is MIME::Parser's; None leaves it out."""
        self.data, self.params = data, str(event["params"])
        self.sender = event["from"].strip("<>")
        self.rcpts = [r["address"] for r in event["rcpts"]]
        self.mail = email.message_from_bytes(data, policy=email.policy.SMTP)
        self.leaves = []
        self._walk(self.mail, "")
        if directory:
            self._perl(directory)

    def _walk(self, part, path):
        assert part.defects == [], (part.defects, part.as_string()[:500])
        for name, value in part.items():
            assert not value.defects, (name, str(value), value.defects)
        path += part.get_content_type()
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            for sub in part.iter_parts():
                self._walk(sub, path + ">")
            return
        if part.get_content_type() == "message/rfc822":
            data = part.get_payload(0).as_bytes()
        else:
            data = part.get_payload(decode=True)
        self.leaves.append(Leaf(path, part.get_filename(), data, part))

    def _perl(self, directory):
        if subprocess.run(["perl", "-MMIME::Parser", "-e", "1"],
                          capture_output=True).returncode:
            cannot("MIME::Parser is missing (Debian: libmime-tools-perl)")
        done = subprocess.run(
            ["perl", str(HERE / "parts.pl"), str(directory)], input=self.data,
            capture_output=True, timeout=300)
        assert done.returncode == 0 and done.stderr == b"", done.stderr
        found = json.loads(done.stdout)
        # What it calls the files it writes is its own affair.
        assert [s for s in found["said"]
                if "evil" not in s and "collision" not in s] == []
        assert len(found["leaves"]) == len(self.leaves)
        for ours, theirs in zip(self.leaves, found["leaves"]):
            assert theirs["type"] == ours.type
            name = unword(theirs["name"])
            assert (name.strip() if name else name) == ours.name
            kind = ours.part.get_content_type()
            if theirs["encoding"] == "binary" and ours.data[-1:] == b"\r":
                pass	# it takes CR CR LF before a boundary for one line end
            elif kind.startswith("text/") and theirs["encoding"] != "base64":
                assert theirs["text"] == sha(
                    ours.data.replace(b"\r\n", b"\n")), (ours, theirs)
            elif kind != "message/rfc822":
                assert theirs["sha256"] == sha(ours.data), (ours, theirs)

    def tree(self):
        """The types in order, without the path to each."""
        return [part.get_content_type() for part in self.mail.walk()]

    def attached(self):
        return [leaf for leaf in self.leaves if
                leaf.part.get_content_disposition() == "attachment"]

    def __getitem__(self, name):
        return values(self.data, name)


class Composer:
    def __init__(self, relay, home, directory, caps=CAPS, **more):
        self.dir, self.made = directory, 0
        self.relay = relay(caps=caps, raw=False, **more)
        self.home = home(self.relay.port)
        (directory / "perl").mkdir()

    def file(self, name, data):
        path = self.dir / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def __call__(self, *argv, stdin=b"", loud=False, strict=True, perl=True,
                 **more):
        more.setdefault("cwd", self.dir)
        argv = ["-f", FROM, *argv]
        run = self.home.run(*argv, stdin=stdin, **more)
        if loud:
            assert run.status == 0, run
            self.err = run.err
        else:
            silent(run)
        self.made += 1
        built = Built(self.relay.stored(self.made),
                      self.relay.messages(self.made)[self.made - 1],
                      self.dir / "perl" if perl else None)
        if strict:
            canonical(built.data)
            tidy(built.data)
        return built

    def refused(self, *argv, status=65, stdin=b"text\n", **more):
        more.setdefault("cwd", self.dir)
        run = self.home.run("-f", FROM, *argv, stdin=stdin, **more)
        assert run.status == status, run
        assert run.stdout == b"" and run.err.strip(), run
        assert not self.relay.connected(), run
        return run


def tidy(data):
    """The header is ASCII, folded at 78, its encoded-words whole."""
    head = data.split(b"\r\n\r\n", 1)[0]
    assert head.isascii(), head
    for line in head.split(b"\r\n"):
        assert len(line) <= 78 or b" " not in \
            line.strip().split(b": ")[-1], line
        assert line.strip(), "a line of blanks"
    for word in re.findall(rb"=\?[^?]*\?[^?]*\?[^?]*\?=", head):
        assert len(word) <= 75, word
        email.header.make_header(email.header.decode_header(word.decode()))
        raw = email.header.decode_header(word.decode())[0]
        raw[0].decode(raw[1])	# no character is split


@pytest.fixture
def compose(relay, home, tmp):
    return Composer(relay, home, tmp)


@pytest.fixture(params=KINDS)
def everywhere(request, relay, home, tmp):
    c = Composer(relay, home, tmp, KINDS[request.param])
    c.kind = request.param
    return c


# -- attachments ----------------------------------------------------------------

LINES = [b"one", b"", b".", b"..", b"From here", b"trailing \t", b"=3D =",
         b"--=_", b"x" * 2000, b"caf\xc3\xa9", b"\xff\xfe", b"\x85\x0b\x0c\x1c",
         b"\xe2\x80\xa8\xe2\x80\xa9"]
CONTENTS = {
    "empty": b"", "one": b"x", "zero": b"\0", "lf": b"\n", "cr": b"\r",
    "crlf": b"\r\n", "lfcr": b"\n\r", "crcrlf": b"\r\r\n",
    "lf lines": b"\n".join(LINES), "crlf lines": b"\r\n".join(LINES) + b"\r\n",
    "cr lines": b"\r".join(LINES) + b"\r", "every octet": bytes(range(256)),
    "mixed lines": b"a\r\nb\nc\rd\r\r\ne\n\n\r\n\r\n",
    "no final newline": b"text\nmore", "blanks": b" \t \n \n\t",
    "dots": b".\r\n..\r\n.\n.", "final cr": b"text\r",
    **{"%d octets" % n: bytes(i * 7 % 251 for i in range(n))
       for n in (2, 3, 4, 56, 57, 58, 113, 114, 115, 65535, 65536, 65537)}}
SUFFIXES = [".bin", ".txt", ".html", ".csv", ".json", ".png", "", ".eml.gz"]


def test_contents(everywhere):
    """All kinds of octets under names of text and of binary kinds come back
    identical, whatever the relay can do."""
    given = []
    for i, (name, data) in enumerate(CONTENTS.items()):
        for j in range(3):
            suffix = SUFFIXES[(i + j * 3) % len(SUFFIXES)]
            given.append((name + suffix, data))
    argv = ["--attach=%s" % everywhere.file(*pair) for pair in given]
    m = everywhere("-s", "contents", *argv, TO, stdin=b"the text\n",
                   strict=everywhere.kind != "binary")
    assert [(leaf.name, leaf.data) for leaf in m.attached()] == given
    assert m.leaves[0].data == b"the text\r\n"
    if everywhere.kind == "7bit":
        assert m.data.isascii()
    if everywhere.kind == "binary":
        assert "BINARYMIME" in m.params
        assert m.data.count(bytes(range(256))) == 3


NAMES = ["plain.txt", "two words.txt", " leading.txt", "trailing ", "a'b.txt",
         'say "hi".txt', "back\\slash.txt", "per%20cent.txt", "a;b=c.txt",
         "日本語のファイル.pdf", "データ" * 27 + ".bin", "naïve café.doc",
         "🎉🎊 party 👩‍👩‍👧.png", "=?utf-8?q?=41?=.txt", "utf-8''x.txt", "(paren).c",
         "comma, semi; colon:.txt", "a" * 250, "ünïcödé \"quoted\\\".txt",
         "tab\there.txt".replace("\t", " "), "-dash", "~tilde", "[x]@<y>.txt",
         "?question*.txt", "no-extension", "шрифт.ttf", "مرحبا.txt", "e\u0301.txt",
         "*.txt", "name*0.txt", "ends with.", "&amp;.htm"]


def test_names(everywhere):
    """Names of attachments, in any script, quoted or not."""
    argv = []
    for i, name in enumerate(NAMES):
        everywhere.file(name, "content %d" % i)
        argv.append("--attach=./%s" % name)
    m = everywhere("-s", "names", *argv, TO,
                   strict=everywhere.kind != "binary")
    assert [leaf.name for leaf in m.attached()] == list(map(str.strip, NAMES))
    assert [leaf.data for leaf in m.attached()] == [
        b"content %d" % i for i in range(len(NAMES))]


@pytest.mark.parametrize("name", [n for n in NAMES if ";" not in n])
def test_given_name(compose, name):
    """;name= does what the name of a file does; each in a header of its own."""
    compose.file("f", "x")
    m = compose("-s", "s", "--attach=f;name=%s" % name, TO)
    assert [leaf.name for leaf in m.attached()] == [name.strip()]
    for line in m.data.split(b"\r\n"):
        assert len(line) <= 78, line


@pytest.mark.parametrize("bad", ["new\nline", "carriage\rreturn", "\n",
                                 "x\nBcc: eve@example.org", "bell\a.txt"])
def test_names_refused(compose, bad):
    """A name with a newline is refused, as a file's and as a given one."""
    compose.file("f", "x")
    compose.file(bad, "x")
    compose.refused("-s", "s", "--attach=f;name=%s" % bad, TO)
    compose.refused("-s", "s", "--attach=./%s" % bad, TO)


SIZE = 75 << 20


@pytest.mark.parametrize("kind", ["8bit", "binary"])
def test_big_attachment(relay, home, tmp, kind):
    """75 MB of noise, in constant memory."""
    c = Composer(relay, home, tmp, KINDS[kind])
    c.home.set(timeout_end=60, timeout_data=60)
    noise = os.urandom(SIZE)
    c.file("noise.bin", noise)
    m = c("-s", "big", "--attach=noise.bin", TO, stdin=b"see attached\n",
          rss_max=LIMIT, seconds=120, strict=False)
    assert [sha(leaf.data) for leaf in m.attached()] == [sha(noise)]
    if kind == "binary":
        assert len(m.data) < SIZE + 5000


def test_big_pipe(compose):
    """stdin as the attachment, of a length nobody knows beforehand."""
    noise = os.urandom(8 << 20)
    m = compose("-s", "backup", "--attach=-;name=db.sql", TO,
                stdin=[noise[:100], 0.2, noise[100:]], rss_max=LIMIT)
    assert [(leaf.name, leaf.data) for leaf in m.attached()] == [
        ("db.sql", noise)]


def test_name_with_semicolon(compose):
    """A file whose name looks like options is that file if there is one."""
    compose.file("a;name=b.txt", "whole")
    compose.file("a", "part")
    m = compose("-s", "s", "--attach=a;name=b.txt", TO)
    assert [(leaf.name, leaf.data) for leaf in m.attached()] == [
        ("a;name=b.txt", b"whole")]


# -- texts ----------------------------------------------------------------------

TEXTS = [b"", b"hello\n", b"no newline", b"\n", b"\n\n\n", b".\n", b"a\n.\nb\n",
         b"From here\n", b">From\n", b"trailing \t\n x \n", b"caf\xc3\xa9\n",
         "日本語\n".encode() * 400, b"x" * 5000 + b"\n", b"x" * 998 + b"\n",
         b"x" * 999 + b"\n", b"crlf\r\nline\r\n", b"mix\r\nof\nboth\r\n",
         b"=20 = =3D\n", b"--=_x\n--\n", "🎉".encode() * 1000, b"a\tb\x0cc\n",
         "\u2028\u2029\u0085\n".encode(), "\ufeffbom\n".encode(),
         b"-- \nsignature\n", b"50% \x1b[0m off\n"]


@pytest.mark.parametrize("option", ["stdin", "text", "html"])
def test_texts(everywhere, option):
    """A text comes back line by line, from stdin or a file, as text or HTML."""
    for text in TEXTS:
        path = everywhere.file("text", text)
        argv = {"stdin": [], "text": ["--text=%s" % path],
                "html": ["--html=%s" % path, "--text=/dev/null"]}[option]
        m = everywhere("-s", "s", *argv, TO,
                       stdin=text if option == "stdin" else b"",
                       perl=option == "stdin" and
                       everywhere.kind in ("7bit", "binary"),
                       strict=everywhere.kind != "binary")
        want = re.sub(b"\r*\n", b"\r\n", text)
        leaf = m.leaves[-1]
        assert leaf.data.removesuffix(b"\r\n") == want.removesuffix(b"\r\n"), \
            (text[:80], leaf.data[:200])
        assert leaf.part.get_content_charset() in ("utf-8", "us-ascii")
        if everywhere.kind == "7bit":
            assert m.data.isascii()


def test_charset(compose):
    for charset, text in (("iso-8859-1", "Grüße\n"), ("iso-2022-jp", "日本語\n"),
                          ("windows-1252", "€ “q”\n"), ("utf-16", "ok ☃\n")):
        m = compose("-s", "s", "--charset=" + charset, TO,
                    stdin=text.encode(charset))
        assert m.leaves[0].data.decode().replace("\r\n", "\n") == text


def test_charset_wrong(compose):
    """Input that is not what it is said to be: the line is named."""
    run = compose.refused("-s", "s", "--charset=utf-8", TO,
                          stdin=b"fine\nfine\nb\xff\xffd\n")
    assert re.search(r"\b3\b", run.err), run
    compose.refused("-s", "s", "--charset=no-such-charset", TO, status=64)


# -- structure ------------------------------------------------------------------

HTML = b"<p>hello <img src='cid:logo.png'><img src=\"cid:mine\"></p>\n"
ICS = (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
       b"SUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
INNER = (b"From: x@example.org\r\nTo: y@example.org\r\nSubject: inner\r\n"
         b"Date: Sat, 21 Nov 2026 19:21:29 +0000\r\n\r\n"
         b"of  the \t inner\r\n.\r\nmessage\r\n")


def test_structure(everywhere):
    """Only the levels that are needed."""
    f = everywhere.file
    html, png, ics = f("h.html", HTML), f("logo.png", b"\x89PNG"), f("i.ics", ICS)
    eml, gif = f("inner.eml", INNER), f("x.gif", b"GIF89a")
    inline = ["--inline=%s" % png, "--inline=%s;cid=mine" % gif]
    alternative = ["multipart/alternative", "text/plain"]
    related = ["multipart/related", "text/html", "image/png", "image/gif"]
    rows = [
        ([], ["text/plain"]),
        (["--html=%s" % f("p.html", b"<p>x</p>")],
         alternative + ["text/html"]),
        (["--html=%s" % html, *inline], alternative + related),
        (["--attach=%s" % gif], ["multipart/mixed", "text/plain", "image/gif"]),
        (["--html=%s" % html, *inline, "--attach=%s" % eml],
         ["multipart/mixed", *alternative, *related, "message/rfc822",
          "text/plain"]),
        (["--calendar=%s" % ics], alternative + ["text/calendar"]),
    ]
    for argv, tree in rows:
        m = everywhere("-s", "s", *argv, TO, stdin=b"text\n",
                       strict=everywhere.kind != "binary")
        assert m.tree() == tree
        for part in m.mail.walk():
            if part.get_content_type() == "text/calendar":
                assert part.get_param("method") == "REQUEST"
                assert part.get_payload(decode=True) == ICS
            if part.get_content_type() == "message/rfc822":
                assert part.get("content-transfer-encoding", "7bit") in (
                    "7bit", "8bit", "binary")
                assert part.get_payload(0).as_bytes() == INNER
    assert m["Subject"] == [b"s"]


def test_cid(compose):
    """Each image is found by what the HTML calls it."""
    compose.file("h.html", HTML)
    compose.file("logo.png", b"\x89PNG")
    compose.file("x.gif", b"GIF89a")
    m = compose("-s", "s", "--html=h.html", "--inline=logo.png",
                "--inline=x.gif;cid=mine", TO, stdin=b"text\n")
    html = [leaf for leaf in m.leaves if leaf.type.endswith("html")][0]
    ids = {str(leaf.part["content-id"]).strip("<>"): leaf.data
           for leaf in m.leaves if leaf.part["content-disposition"]}
    used = re.findall(rb"cid:([^'\"]*)", html.data)
    assert [ids[u.decode()] for u in used] == [b"\x89PNG", b"GIF89a"]


def test_cid_unresolved(compose):
    compose.file("h.html", b"<img src='cid:nobody'>")
    compose("-s", "s", "--html=h.html", TO, stdin=b"t\n", loud=True)
    assert "nobody" in compose.err


@pytest.mark.parametrize("name,kind", [
    ("a.pdf", "application/pdf"), ("a.PDF", "application/pdf"),
    ("a.txt", "text/plain"), ("a.csv", "text/csv"), ("a.png", "image/png"),
    ("a.jpeg", "image/jpeg"), ("a.json", "application/json"),
    ("a.tar.gz", "application/gzip"), ("a.zip", "application/zip"),
    ("a.docx", "application/vnd.openxmlformats-officedocument."
     "wordprocessingml.document"), ("log", "text/plain"),
    ("a.unheard-of", "text/plain")])
def test_types(compose, name, kind):
    compose.file(name, "some text\n")
    m = compose("-s", "s", "--attach=" + name, TO)
    assert m.attached()[0].type == "multipart/mixed>" + kind


def test_types_of_content(compose):
    compose.file("noise", bytes(range(256)))
    m = compose("-s", "s", "--attach=noise", "--attach=noise;type=x-y/z", TO)
    assert [a.type.split(">")[1] for a in m.attached()] == [
        "application/octet-stream", "x-y/z"]
    for bad in ("nonsense", "text/", "/plain", "a/b\r\nX: y", "a b/c"):
        run = compose.home.run("-f", FROM, "-s", "s",
                               "--attach=noise;type=" + bad, TO,
                               stdin=b"x", cwd=compose.dir)
        assert run.status in (64, 65) and run.err, run


# -- header ---------------------------------------------------------------------

SUBJECTS = ["plain", "Grüße", "日本語" * 60, "🎉" * 100, "a" * 200, "word " * 60,
            "=?utf-8?q?=41?= is literal", "ends ü", "ü begins", "a  b   c",
            "naïve " * 40, "x" * 70 + " é " + "y" * 70, "\"quoted\" (c) <a@b>",
            "e\u0301" * 90, "", "tab\tinside", "a" * 2000, "ü" * 2000]


def test_subjects(compose):
    for subject in SUBJECTS:
        m = compose("-s", subject, TO, stdin=b"x\n")
        got = str(m.mail["subject"] or "")
        assert got.split() == subject.split(), (subject, m["Subject"])
        if "  " not in subject and "\t" not in subject:
            assert got == subject.strip(), (subject, m["Subject"])


PEOPLE = [("Bob", "bob@example.net"), ("Jörg Müller", "jm@example.org"),
          ("山田太郎", "yamada@example.jp"), ('Doe, "Jane"', "jane@example.org"),
          ("🎉 " * 30 + "end", "party@example.org"), ("", "bare@example.org"),
          ("O'Neil (work) [x]", "o@example.org"),
          ("Ä" * 80, "long@example.org")]


def written(name, address):
    if not name:
        return address
    return '"%s" <%s>' % (name.replace("\\", "\\\\").replace('"', '\\"'),
                          address)


@pytest.mark.parametrize("field", ["to", "cc", "reply-to"])
def test_people(compose, field):
    """Names of people survive in each address field."""
    text = ", ".join(written(*p) for p in PEOPLE)
    m = compose("-s", "s", "--%s=%s" % (field, text),
                *([] if field == "to" else [TO]), stdin=b"x\n")
    got = [(a.display_name, a.addr_spec) for a in m.mail[field].addresses]
    assert [a for _, a in got] == [a for _, a in PEOPLE]
    for (name, _), (wanted, _) in zip(got, PEOPLE):
        # Python leaves the blanks between encoded-words in a name.
        assert "".join(name.split()) == "".join(wanted.split())
    if field != "reply-to":
        assert {a for _, a in PEOPLE} <= set(m.rcpts)


def test_recipients(compose):
    """Given bare they are To; Bcc is seen in the envelope only."""
    m = compose("-s", "s", "--cc=c@example.org", "--bcc=b@example.net,e@x.org",
                "a@example.org", "Dee <d@example.org>", stdin=b"x\n")
    assert m["To"] == [b"a@example.org, Dee <d@example.org>"]
    assert m["Cc"] == [b"c@example.org"]
    assert sorted(m.rcpts) == ["a@example.org", "b@example.net",
                               "c@example.org", "d@example.org", "e@x.org"]
    assert b"b@example.net" not in m.data and b"e@x.org" not in m.data
    assert m.sender == FROM


def test_fields(compose):
    m = compose("-s", "s", "--header=X-One: a value", "--header=Precedence: bulk",
                "--header=X-Name: Grüße", "--in-reply-to=<id@example.org>", TO,
                stdin=b"x\n")
    assert m["X-One"] == [b"a value"] and m["Precedence"] == [b"bulk"]
    assert str(m.mail["X-Name"]) == "Grüße" or \
        unword(m["X-Name"][0].decode()) == "Grüße"
    assert m["In-Reply-To"] == [b"<id@example.org>"]
    assert m["References"] == [b"<id@example.org>"]
    assert m["MIME-Version"] == [b"1.0"]


@pytest.mark.parametrize("argv", [
    ["-s", "a\nBcc: eve@example.org"], ["-s", "a\rb"],
    ["-s", "s", "--header=X: a\r\nBcc: eve@example.org"],
    ["-s", "s", "--header=no colon"], ["-s", "s", "--header=: x"],
    ["-s", "s", "--header=a b: x"], ["-s", "s", "--cc=x@y.org\nRCPT TO:<z@y>"],
    ["-s", "s", "--reply-to=<unclosed"], ["-s", "s", "--in-reply-to=a\nb: c"]],
    ids=lambda a: a[-1].encode("unicode_escape").decode())
def test_injection(compose, argv):
    run = compose.home.run("-f", FROM, *argv, TO, stdin=b"x\n")
    assert run.status in (64, 65) and run.err.strip(), run
    assert not compose.relay.connected()


@pytest.mark.parametrize("argv,status", [
    (["--attach=-", "--attach=-"], 64), (["--attach=-;name=a", "--inline=-"], 64),
    (["--message=-"], 64), (["--header=Bcc: b@example.org"], 65),
    (["--header=resent-BCC : b@example.org"], 65)],
    ids=lambda a: str(a))
def test_nothing_is_lost_in_silence(compose, argv, status):
    """What cannot be had as asked for is said, and nothing is sent."""
    compose.refused("-s", "s", *argv, TO, status=status)


# -- what cannot be had -----------------------------------------------------------

@pytest.mark.parametrize("option", ["attach", "inline", "text", "html",
                                    "calendar"])
def test_files_refused(compose, option):
    """A directory, a missing file, an empty name: 66, and nothing is sent."""
    for path in (".", "missing", "", "./"):
        run = compose.refused("-s", "s", "--%s=%s" % (option, path), TO,
                              status=66)
        assert option in run.err or not path or path in run.err, run


def test_limits(compose):
    compose.file("f", b"x" * 5000)
    three = ["--attach=f"] * 3
    cases = [({"max_attachments": 2}, three, ("3", "2")),
             ({"max_attachment_size": 4999}, three[:1], ("5000", "4999")),
             ({"max_message_size": 6000}, three[:1], ("6000",))]
    for settings, argv, figures in cases:
        compose.home.set(**settings)
        run = compose.refused("-s", "s", *argv, TO)
        for figure in figures:
            assert figure in run.err, run
        compose.home.set(**{key: None for key in settings})
    assert len(compose("-s", "s", *three, TO).attached()) == 3


def test_relay_size(relay, home, tmp):
    """The relay's limit is held against the size as it will be, and nothing is
    uploaded that it would refuse."""
    c = Composer(relay, home, tmp, "PIPELINING,8BITMIME,SIZE 10000")
    c.file("f", b"x" * 8000)
    run = c.home.run("-f", FROM, "-s", "s", "--attach=%s" % (c.dir / "f"), TO,
                     stdin=b"x\n")
    assert run.status == 65 and "10000" in run.err, run
    assert not c.relay.said("MAIL") and not c.relay.said("DATA")
    c.file("g", b"x" * 6000)
    c("-s", "s", "--attach=g", TO)


def plain(part):
    """Content, of a text with the line ends of this system."""
    if part.is_multipart():
        return None
    data = part.get_payload(decode=True)
    return data.replace(b"\r\n", b"\n") \
        if part.get_content_maintype() == "text" else data


def test_dry_run(compose):
    """What it prints is what would go out."""
    compose.file("f.bin", bytes(range(256)))
    run = compose.home.run("-f", FROM, "--dry-run", "-s", "Grüße",
                           "--attach=f.bin", TO, stdin=b"text\n",
                           cwd=compose.dir)
    assert run.status == 0 and not run.stderr, run
    assert not compose.relay.connected()
    envelope, _, text = run.stdout.replace(b"\r\n", b"\n").partition(b"\n\n")
    assert envelope.splitlines()[0].startswith(b"MAIL FROM:<%s>" % FROM.encode())
    mail = email.message_from_bytes(text, policy=email.policy.SMTP)
    sent = compose("-s", "Grüße", "--attach=f.bin", TO, stdin=b"text\n").mail
    assert mail.keys() == sent.keys()
    for mine, theirs in zip(mail.walk(), sent.walk()):
        assert mine.defects == []
        assert mine.get_content_type() == theirs.get_content_type()
        assert plain(mine) == plain(theirs)
