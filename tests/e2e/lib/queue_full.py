"""File systems of every size, in a mount namespace of our own.

    unshare -m python3 queue_full.py enqueue|inodes|settle|readonly DIR PORT

prints one JSON object a line: what was tried, and what became of it.
"""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.queue_spool import Bad, QueueHome, image  # noqa: E402

BLOCK = 4096
BOB = "bob@example.net"


def mount(where, options):
    where.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options + ",mode=700", "none",
                    str(where)], check=True)


def umount(where):
    subprocess.run(["umount", str(where)], check=True)


def tell(**what):
    print(json.dumps(what), flush=True)


def state(home):
    try:
        return [e.status for e in home.entries()], None
    except Bad as e:
        return [], str(e)


def enqueue(home, options):
    """What an enqueue of 40 KiB does on a file system of such a size."""
    file = home.dir / "message"
    file.write_bytes(b"From: alice@example.org\nTo: bob@example.net\n"
                     b"Subject: x\n\n" + b"0123456789abcde\n" * 2560)
    for option in options:
        mount(home.spool, option)
        status, err = home.quick("--queue=always", "-f", "alice@example.org",
                                 BOB, stdin=file)
        entries, bad = state(home)
        tell(option=option, status=status, err=err, entries=entries, bad=bad,
             left=home.names("t"))
        umount(home.spool)


def settle(home, _):
    """A run with so many blocks free, then one with space again."""
    for free in range(0, 6):
        mount(home.spool, "size=%d" % (64 * BLOCK))
        mid = "<full%d@example.org>" % free
        home.put(image(mid, to=(BOB, "fail@example.net")))
        with open(home.spool / "ballast", "wb", 0) as f:
            try:
                while True:
                    f.write(bytes(BLOCK))
            except OSError:
                pass
            f.truncate(max(os.fstat(f.fileno()).st_size - free * BLOCK, 0))
        status, err = home.quick("-q")
        entries, bad = state(home)
        kept = [n for n in home.inside("failed") if n.startswith("m.")]
        (home.spool / "ballast").unlink()
        home.quick("--queue-retry=all")
        for _ in range(2):
            home.quick("-qf")
        tell(free=free, mid=mid, status=status, err=err, entries=entries,
             bad=bad, kept=kept, left=home.names() + home.inside("failed"))
        umount(home.spool)


def readonly(home, _):
    mount(home.spool, "size=1m")
    home.put(image("<ro@example.org>"))
    subprocess.run(["mount", "-o", "remount,ro", str(home.spool)], check=True)
    status, err = home.quick("-qf")
    tell(what="run", status=status, err=err, entries=state(home)[0])
    home.quick("-qf")
    status, err = home.quick("--queue=always", "-f", "alice@example.org", BOB,
                             stdin=home.config)
    tell(what="enqueue", status=status, err=err, entries=state(home)[0])
    subprocess.run(["mount", "-o", "remount,rw", str(home.spool)], check=True)
    status, err = home.quick("-qf")
    tell(what="again", status=status, err=err, entries=state(home)[0])
    umount(home.spool)


def main(what, directory, port):
    home = QueueHome(directory, int(port))
    options = []
    if what == "enqueue":
        options = ["size=%d" % (n * BLOCK) for n in range(1, 24)]
    if what == "inodes":
        options = ["size=1m,nr_inodes=%d" % n for n in range(1, 8)]
    {"enqueue": enqueue, "inodes": enqueue, "settle": settle,
     "readonly": readonly}[what](home, options)


if __name__ == "__main__":
    main(*sys.argv[1:])
