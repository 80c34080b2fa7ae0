"""Aliases, rewriting, and header addresses made whole; CALLERS 1, 2, 10, 11.

Through the installed sendmail link, with the relay of CALLERS section 5.
"""
import os
import re

import pytest

from lib.check import silent
from lib.program import MAILNAME
from lib.relay import CALLERS_CAPS
from test_callers import Caller, me

CRON = (b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@h> x\n"
        b"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
        b"Content-Transfer-Encoding: 8bit\nX-Cron-Env: <HOME=/root>\n\n"
        b"caf\xc3\xa9\n")
ALIASES = "root: ops@example.org\n"
HOST = MAILNAME.encode()


def login():
    return "%s@%s" % (me()[0], MAILNAME)


def configure(call, more="", aliases=ALIASES, mode=0o644, **general):
    """Write the configuration with more sections, and the aliases file."""
    path = call.home.dir / "aliases"
    if aliases is None:
        call.home.general.pop("aliases", None)
    else:
        path.write_text(aliases)
        path.chmod(mode)
        call.home.general["aliases"] = path
    call.home.general.update(general)
    call.home.write(call.home.text() + more)
    return path


@pytest.fixture
def call(relay, home):
    r = relay(caps=CALLERS_CAPS)
    caller = Caller(r, home(r.port))
    configure(caller)
    return caller


def test_01_debian_cron(call):
    m = call.ok("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root",
                stdin=CRON)
    assert m.sender == login()
    assert "BODY=8BITMIME" in m.params
    assert m.rcpts == ["ops@example.org"]
    assert m["From"] == [b"root@%s (Cron Daemon)" % HOST]
    assert m["To"] == [b"root@" + HOST]
    assert m["X-Cron-Env"] == [b"<HOME=/root>"]
    assert m["Subject"] == [b"Cron <root@h> x"]
    assert m.body == b"caf\xc3\xa9\r\n"


def test_02_cronie(call):
    m = call.ok("-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f",
                "root", stdin=b"From: root (Cron Daemon)\n"
                b"To: joe@example.org\nSubject: c\n\nout\n")
    assert m.sender == "root@" + MAILNAME
    assert m.rcpts == ["joe@example.org"]


def test_10_logwatch(call):
    m = call.ok("-t", stdin=b"To: root\nTo: b@example.org\nFrom: Logwatch\n"
                b"Subject: L\n\nrep\n")
    assert m.sender == login()
    assert m.rcpts == ["ops@example.org", "b@example.org"]
    assert m["To"] == [b"root@" + HOST, b"b@example.org"]
    assert m["From"] == [b"Logwatch@" + HOST]


def test_11_fail2ban(call):
    m = call.ok("-f", "root@" + MAILNAME, "root@localhost",
                stdin=b"Subject: f\nFrom: Fail2Ban <root@%s>\n"
                b"To: root@localhost\n\nHi,\n\nRegards,\n\nFail2Ban" % HOST)
    assert m.rcpts == ["ops@example.org"]
    assert m["From"] == [b"Fail2Ban <root@%s>" % HOST]
    assert m["To"] == [b"root@localhost"]
    assert m.body.endswith(b"Fail2Ban\r\n")


def test_cron_through_a_strict_relay(call):
    """Nothing of this host's names is left for the relay to refuse."""
    configure(call, "[rewrite]\nroot = alerts@example.org\n"
              "%s = alerts@example.org\n" % me()[0] if me()[0] != "root"
              else "[rewrite]\nroot = alerts@example.org\n")
    m = call.ok("-i", "-FCronDaemon", "root", stdin=CRON)
    assert m.sender == "alerts@example.org"
    assert m.rcpts == ["ops@example.org"]
    assert m["From"] == [b"alerts@example.org (Cron Daemon)"]
    assert m["To"] == [b"alerts@example.org"]
    assert b"@example.org>" in m["Message-ID"][0]


def test_a_rewritten_from_says_who_it_was(call):
    configure(call, "[rewrite]\nroot = alerts@example.org\n",
              mailname="web1.example.net")
    m = call.ok("-f", "root", "a@example.org",
                stdin=b"From: root\nTo: R <root>,\n\ta@example.org\n"
                b"Subject: s\n\nx\n")
    assert m.sender == "alerts@example.org"
    assert re.fullmatch(rb'"?root on web1"? <alerts@example\.org>',
                        m["From"][0])
    assert b"To: R <alerts@example.org>,\r\n\ta@example.org\r\n" in m.data


def test_rewriting_selects_the_account(call):
    """The account's `from` is matched with what the sender has become."""
    settings = call.home.text().split("[account test]\n")[1]
    port = re.search(r"port = (\d+)", settings).group(1)
    call.home.write("[posthaste]\nmailname = %s\n[account a]\n%s"
                    "from = x@example.org\n[account b]\n%s"
                    "from = *@example.net\n[rewrite]\n@old.example = "
                    "@example.net\n" % (MAILNAME, settings.replace(
                        "port = " + port, "port = 1"), settings))
    m = call.ok("-f", "joe@old.example", "a@example.org")
    assert m.sender == "joe@example.net"


def test_rewriting_whole_domains(call):
    configure(call, "[rewrite]\n@old.example = @example.org\n"
              "joe@old.example = joseph@example.com\n")
    m = call.ok("-t", "-f", "ann@old.example",
                stdin=b'From: "Ann, B." <ann@old.example>\n'
                b"To: joe@OLD.example, x@old.example\nCc: y@example.org\n"
                b"Bcc: z@old.example\nSubject: ann@old.example\n\n"
                b"joe@old.example\n")
    assert m.sender == "ann@example.org"
    assert m.rcpts == ["joseph@example.com", "x@example.org",
                       "y@example.org", "z@example.org"]
    assert m["From"] == [b'"Ann, B." <ann@example.org>']
    assert m["To"] == [b"joseph@example.com, x@example.org"]
    assert m["Subject"] == [b"ann@old.example"]
    assert m.body == b"joe@old.example\r\n"


def test_a_signed_header_is_left_alone(call):
    configure(call, "[rewrite]\n@old.example = @example.org\n")
    m = call.ok("-t", "-f", "ann@old.example",
                stdin=b"DKIM-Signature: v=1; h=from:to\n"
                b"From: ann@old.example\nTo: root\n\nx\n")
    assert m.sender == "ann@example.org"
    assert m.rcpts == ["ops@example.org"]
    assert m["From"] == [b"ann@old.example"]
    assert m["To"] == [b"root"]


def test_composed_messages_too(call):
    configure(call, "[rewrite]\nroot = alerts@example.org\n")
    run = call.home.run("-f", "root", "-s", "hello", "root",
                        "b@example.org", stdin=b"text\n")
    silent(run)
    call.relay.settled()
    event, data = call.relay.messages()[0], call.relay.stored(1)
    assert event["from"].strip("<>") == "alerts@example.org"
    assert [r["address"] for r in event["rcpts"]] == ["ops@example.org",
                                                      "b@example.org"]
    assert re.search(rb"^From: .*<?alerts@example\.org>?\r\n", data, re.M)
    assert b"To: alerts@example.org, b@example.org\r\n" in data


def test_expansion(call):
    configure(call, "[aliases]\nstaff = one, \\two, staff\n"
              "one = a@example.org, b@example.org\n* = c@example.org\n",
              aliases="# the file\nroot: staff,\n\tpostmaster\n\n"
              "Postmaster: \"d e\"@example.org, A <a@example.org>\n"
              "one: never@example.org\n",
              local_domains="l.example m.example")
    m = call.ok("ROOT@M.Example", "nobody", "x@example.org")
    assert m.rcpts == ["a@example.org", "b@example.org", "two@" + MAILNAME,
                       "staff@" + MAILNAME, '"d e"@example.org',
                       "c@example.org", "x@example.org"]


def test_a_thousand_aliases(call):
    text = "".join("user%d: u%d@example.org, all\n" % (i, i)
                   for i in range(1000)) + "all: log@example.org\n"
    configure(call, aliases=text)
    rcpts = ["user%d" % i for i in range(0, 1000, 10)]
    m = call.ok(*rcpts)
    assert m.rcpts[:3] == ["u0@example.org", "log@example.org",
                           "u10@example.org"]
    assert len(m.rcpts) == 101


REFUSED = [
    ("root: |/usr/bin/vacation joe\n", {}, 69, "a command is not supported"),
    ("root: /var/mail/root\n", {}, 69, "a file is not supported"),
    ("root: |x\n", {"aliases_unsafe": "yes"}, 69, "a command is not"),
    ("root: :include:/etc/hosts\n", {}, 78, "aliases_unsafe = yes"),
    ("root: a\na: b\nb: a\n", {}, 78, "circle: a -> b -> a"),
    ("root: a b\n", {}, 78, "alias 'root'"),
    ("root a@x\n", {}, 78, "line 1"),
    ("root: a@x\nRoot: b@x\n", {}, 78, "is an alias already"),
    ("".join("a%d: a%d\n" % (i, i + 1) for i in range(40)) + "root: a0\n",
     {}, 78, "more than 20"),
    ("root: a@example.org\x1b[2J\n", {}, 78, "control byte"),
    ("root: a@example.org\nRCPT TO:<b@x>\n", {}, 78, "bad address 'RCPT TO'"),
]


@pytest.mark.parametrize("text,general,status,says", REFUSED,
                         ids=[r[3] for r in REFUSED])
def test_refused(call, text, general, status, says):
    configure(call, aliases=text, **general)
    run = call.refused("root", status=status)
    assert says in run.err, run
    # Others' mail does not suffer, unless it needs the file.
    assert call.ok("a@example.org").rcpts == ["a@example.org"]
    check = call.home.run("--check-config")
    assert check.status == status and says in check.err, check


def test_a_file_that_everybody_may_change(call):
    configure(call, mode=0o666)
    run = call.refused("root", status=77)
    assert "chmod o-w" in run.err, run
    assert call.home.run("--check-config").status == 77


def test_a_file_that_is_missing(call):
    configure(call).unlink()
    run = call.refused("root", status=78)
    assert "does not exist" in run.err, run


def test_a_file_that_is_none(call):
    path = configure(call)
    path.unlink()
    os.mkfifo(path)
    run = call.refused("root", status=78)
    assert "not a regular file" in run.err, run


@pytest.mark.skipif(os.geteuid() != 0, reason="needs files of root's")
def test_included_lists(call):
    members = call.home.dir / "members"
    members.write_text("# staff\na@example.org\nb@example.org, root\n")
    members.chmod(0o644)
    configure(call, aliases="root: :include:%s, c@example.org\n" % members,
              aliases_unsafe="yes")
    assert call.ok("root").rcpts == ["a@example.org", "b@example.org",
                                     "root@" + MAILNAME, "c@example.org"]
    members.chmod(0o664)
    run = call.refused("root", status=77)
    assert "must belong to root" in run.err, run
    members.chmod(0o644)
    os.chown(members, 12345, 12345)
    call.refused("root", status=77)
    os.chown(members, 0, 0)
    os.chown(call.home.dir / "aliases", 12345, 12345)
    run = call.refused("root", status=78)
    assert "a file of root's" in run.err, run


def test_check_and_print(call):
    configure(call, "[aliases]\nops = 'one@example.org, \"a b\"@example.org'\n"
              "[rewrite]\n@old.example = @example.org\n")
    run = call.home.run("--check-config")
    assert run.status == 0, run
    out = call.home.run("--print-config").out
    assert out.endswith("\n[aliases]\nops = one@example.org, "
                        "\"a b\"@example.org\n\n[rewrite]\n"
                        "@old.example = @example.org\n"), out
    call.home.write(out)
    assert call.home.run("--print-config").out == out


@pytest.mark.parametrize("section,says", [
    ("[aliases]\nroot = a\nROOT = b\n", "is set twice"),
    ("[aliases]\na@elsewhere.example = b\n", "not local"),
    ("[rewrite]\nroot = a@x, b@x\n", "no bare address"),
    ("[rewrite]\nroot = Alerts <a@x>\n", "no bare address"),
    ("[rewrite]\nro ot = a@x\n", "not an address"),
    ("[aliases]\nroot = |cmd\n", "not supported"),
])
def test_bad_sections(call, section, says):
    configure(call, section)
    run = call.home.run("--check-config")
    assert run.status in (69, 78) and says in run.err, run


def test_the_callers_may_not_choose_the_file(call):
    """-oA names an aliases file, and nothing a caller names is opened."""
    other = call.home.dir / "other"
    other.write_text("root: evil@example.org\n")
    assert call.ok("-oA%s" % other, "root").rcpts == ["ops@example.org"]
