"""What several test files ask of a run."""
import subprocess

from .program import FROM, HERE, MESSAGE

BOB = "bob@example.net"


def status_of(code):
    """The status in reply mode for a relay's final code (DESIGN section 3)."""
    if code // 10 % 10 > 5:
        return 75 if code < 500 else 69
    return code - 400 if code < 500 else 160 + code - 500


def both(home, *argv, sysexits, reply=None, stdin=MESSAGE, **more):
    """Run with either scheme of statuses, side by side; both runs.

    reply is the relay's code, if one decided; sysexits a status or several.
    """
    argv = argv or (BOB,)
    wanted = sysexits if isinstance(sysexits, tuple) else (sysexits,)
    pair = [home.start("--exit-status=sysexits", "-f", FROM, *argv,
                       stdin=stdin, **more),
            home.start("-f", FROM, *argv, stdin=stdin, **more)]
    runs = [p.finish() for p in pair]
    assert runs[0].status in wanted, runs[0]
    if reply is not None:
        assert runs[1].status == status_of(reply), runs[1]
        assert str(reply) in runs[1].err, runs[1]
    else:
        assert runs[1].status in wanted, runs[1]
    for run in runs:
        if run.status:
            assert run.err.strip(), ("no word about the failure", run)
            assert run.stdout == b"", run
    return runs


def silent(run):
    """Sent, and nothing to say about it."""
    assert run.status == 0, run
    assert run.stdout == b"" and run.stderr == b"", run


def header(data):
    """The fields of a message as (name, value) with folding undone."""
    head = data.split(b"\r\n\r\n", 1)[0] if not data.startswith(b"\r\n") \
        else b""
    fields = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1] += line
        elif line:
            name, _, value = line.partition(b":")
            fields.append([name.strip(), value.strip()])
    return [(n.decode("latin-1"), v) for n, v in fields]


def values(data, name):
    return [v for n, v in header(data) if n.lower() == name.lower()]


def body(data):
    if data.startswith(b"\r\n"):
        return data[2:]
    return data.partition(b"\r\n\r\n")[2]


def canonical(data):
    """What must hold of everything that is sent (CALLERS section 5)."""
    assert data.endswith(b"\r\n"), data[-80:]
    for line in data.split(b"\r\n"):
        assert len(line) <= 998, len(line)
        assert b"\r" not in line and b"\n" not in line and b"\0" not in line
    for name in ("Date", "Message-ID", "From"):
        assert len(values(data, name)) == 1, (name, header(data))
    assert b"@" in values(data, "Message-ID")[0]
    assert b"@localhost>" not in values(data, "Message-ID")[0]
    for name in ("Bcc", "Resent-Bcc", "Return-Path", "Content-Length"):
        assert not values(data, name), (name, header(data))


def resolver(directory, hosts):
    """Environment that makes getaddrinfo() know `hosts` (name to addresses,
    or to "!NONAME" or "!AGAIN"), by a library put before libc's."""
    library = directory / "hosts.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library),
                        str(HERE / "hosts.c")], check=True)
    text = ";".join("%s=%s" % (k, v if isinstance(v, str) else ",".join(v))
                    for k, v in hosts.items())
    return {"LD_PRELOAD": str(library), "FAKE_HOSTS": text,
            "ASAN_OPTIONS": "verify_asan_link_order=0"}
