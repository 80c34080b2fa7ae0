"""What runs the queue without anybody asking: units, cron, OpenRC."""
import configparser
import os
import re
import shutil
import subprocess

import pytest

from lib.program import FROM, program, root
from lib.servers import free_ports
from lib.spool import BOB, Queue

NAMES = {"DATAERR": 65, "NOUSER": 67, "NOHOST": 68, "UNAVAILABLE": 69,
         "TEMPFAIL": 75}


def installed(name, kind=""):
    """A file as `make install` left it, filled in."""
    (path,) = [p for p in root().rglob(name)
               if "share/posthaste/" in str(p) and kind in str(p)]
    text = path.read_text()
    assert not re.search(r"@\w+@", text.replace("@system-service", "")), text
    return text


def unit(name, kind):
    parser = configparser.ConfigParser(strict=False, interpolation=None,
                                       delimiters="=")
    parser.optionxform = str
    parser.read_string(installed(name, kind))
    return parser


@pytest.fixture
def queue(tmp):
    return lambda port: Queue(tmp / "home", port)


def command(text):
    """A command of a unit or a crontab, of the program as it is here."""
    return text.replace("/usr/local/bin/posthaste", str(program()))


@pytest.mark.parametrize("kind", ["system", "user"])
def test_a_unit_runs_the_queue(queue, relay, kind):
    service = unit("posthaste-queue.service", "systemd/" + kind)["Service"]
    assert unit("posthaste-queue.timer", "systemd/" + kind)["Install"]
    fine = {NAMES[n] for n in service["SuccessExitStatus"].split()}
    argv = command(service["ExecStart"]).split()
    assert argv[0] == str(program())
    r = relay("--reply=RCPT@carol@*=450 4.2.1 later",
              "--reply=RCPT@dave@*=550 5.1.1 no")
    q = queue(r.port)
    for who in (BOB, "carol@example.net", "dave@example.net"):
        q.put(who)
    # What messages met is no failure of the unit...
    run = q.go(*argv[1:])
    assert run.status in fine, run
    assert len(r.messages(1)) == 1
    q.set(port=free_ports(1)[0])
    q.due_now()
    assert q.go(*argv[1:]).status in fine
    # ...but what the operator must mend is one.
    q.write("[account a]\nhots = x\n")
    run = q.go(*argv[1:])
    assert run.status == 78 and 78 not in fine, run


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"),
                    reason="needs root and setpriv")
def test_the_unit_needs_no_privilege(queue, secure):
    """As confined as the system's unit: root without its powers."""
    service = unit("posthaste-queue.service", "systemd/system")["Service"]
    assert service["CapabilityBoundingSet"] == ""
    r, h = secure()
    q = queue(r.port)
    q.set(**{k: h.settings[k] for k in ("tls", "tls_trust", "auth", "user",
                                        "password", "from")})
    q.put()
    run = q.go("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
               str(program()), "-q", exe=shutil.which("setpriv"),
               name="setpriv")
    assert run.status == 0 and run.stderr == b"", run
    assert len(r.messages(1)) == 1 and not q.entries()


@pytest.mark.parametrize("well", [True, False])
def test_the_crontab_says_nothing(queue, relay, well):
    """Cron would mail it, by way of this very queue."""
    (line,) = [l for l in installed("posthaste", "cron/").splitlines()
               if l and not l.startswith("#")]
    when, user, text = line.split(None, 5)[:5], *line.split(None, 6)[5:]
    assert user == "root" and len(when) == 5
    r = relay()
    q = queue(r.port)
    q.put()
    if not well:
        q.set(port=free_ports(1)[0])
    done = subprocess.run(["/bin/sh", "-c", command(text)], env=q.env,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30)
    assert done.stdout == done.stderr == b"", done
    assert len(q.entries()) == (0 if well else 1)


def test_tmpfiles_make_the_spool_as_it_must_be():
    (line,) = [l for l in installed("posthaste.conf").splitlines()
               if l and not l.startswith("#")]
    kind, path, mode, user, group, age = line.split()
    assert (kind, mode, user, group, age) == ("d", "0700", "root", "root", "-")
    assert path.endswith("/spool/posthaste")
    service = installed("posthaste-queue.service", "systemd/system")
    assert "ReadWritePaths=-" + path in service


def test_openrc_is_a_shell_script():
    text = installed("posthaste-queue", "openrc/")
    done = subprocess.run(["sh", "-n"], input=text.encode(),
                          capture_output=True, check=False)
    assert done.returncode == 0, done
    for run in ('interval=""', "interval=5m"):
        shown = subprocess.run(
            ["sh", "-c", run + "\n" + text + '\necho "$command_args"'],
            capture_output=True, check=True).stdout.decode().strip()
        assert shown == ("-q5m" if "5m" in run else "-q15m")
