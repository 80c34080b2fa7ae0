"""The spool as seen from outside: a reader of queue files that shares nothing
with the program, and a home whose spool is its own."""
import itertools
import os
import pathlib
import re
import subprocess
import time

from .program import Home, program

ID = re.compile(r"[0-9A-Za-z]{16,20}\Z")
TRAILER = re.compile(rb"\nend ([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{8}) "
                     rb"([0-9a-f]{8})\n\Z")
TRAILER_LEN = 57


def _table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ 0x82f63b78 if i & 1 else i >> 1
        table.append(i)
    return table


TABLE = _table()


def crc32c(*parts):
    state = 0xffffffff
    for part in parts:
        for octet in part:
            state = TABLE[(state ^ octet) & 0xff] ^ state >> 8
    return state ^ 0xffffffff


class Bad(Exception):
    pass


class Entry:
    """One queue file; raises Bad if any of it is not as it should be."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        data = self.path.read_bytes()
        end = TRAILER.search(data)
        if not end:
            raise Bad("no trailer: %r" % data[-80:])
        head_len, message_len = int(end[1], 16), int(end[2], 16)
        if head_len + message_len + TRAILER_LEN != len(data):
            raise Bad("lengths: %r" % end[0])
        head, self.message = data[:head_len], data[head_len:-TRAILER_LEN]
        if not head.endswith(b"\n\n"):
            raise Bad("no blank line: %r" % head[-40:])
        lines = head[:-2].split(b"\n")
        if not re.match(rb"posthaste 1 -?\d+ \d+ \S*\Z", lines[0]):
            raise Bad("first line: %r" % lines[0])
        if not lines[1].startswith(b"F "):
            raise Bad("second line: %r" % lines[1])
        self._recipients(lines[2:], int(end[3], 16))
        even = b"".join((b"P" + line[1:] if line[:1] in b"PDFU" and line
                         else line) + b"\n" for line in lines) + b"\n"
        if crc32c(even, self.message, end[0][:-9]) != int(end[4], 16):
            raise Bad("checksum")
        found = re.search(rb" head=(\d+)", lines[1])
        at = int(found[1]) if found else 0
        if self.message[at - 2:at + 2] != b"\r\n\r\n":
            raise Bad("head=%d is not the header's length" % at)
        self.sender = lines[1].split(b" ")[1].decode()
        self.id = self.path.name[2:]

    def _recipients(self, lines, n):
        self.status = {}
        for line in lines:
            found = re.match(rb"([PDFU]) (\S+)( \S+)*\Z", line)
            if not found:
                raise Bad("recipient: %r" % line)
            self.status[found[2].decode()] = found[1].decode()
        if len(lines) != n or not n:
            raise Bad("%d recipients of %d" % (len(lines), n))

    def message_id(self):
        return re.search(rb"(?mi)^Message-ID: *(\S+)", self.message)[1].decode()


SERIAL = itertools.count()


def image(mid, to=("bob@example.net",), sender="alice@example.org",
          body=b"hello\r\n", account="test", now=None):
    """The octets of a queue file, by this writer."""
    head = (b"From: alice@example.org\r\nTo: bob@example.net\r\n"
            b"Date: Sat, 21 Nov 2026 19:21:29 +0000\r\n"
            b"Message-ID: " + mid.encode() + b"\r\nSubject: x\r\n")
    message = head + b"\r\n" + body
    lines = body.split(b"\r\n")[:-1]
    even = ("posthaste 1 %d %d %s\nF %s head=%d lines=%d longest=%d,%d "
            "body=7bit\n" % (now or time.time(), os.geteuid(), account, sender,
                             len(head), len(lines), max(map(len, lines)),
                             len(lines)) +
            "".join("P %s\n" % a for a in to) + "\n").encode()
    end = b"\nend %016x %016x %08x " % (len(even), len(message), len(to))
    crc = crc32c(even.replace(b"\nF ", b"\nP ", 1), message, end)
    return even + message + end + b"%08x\n" % crc


def new_id():
    return "8E%016d" % next(SERIAL)


class QueueHome(Home):
    """A caller with a queue.  No launcher: quick() is for thousands of runs."""

    def __init__(self, directory, port=None, queue=None, **settings):
        self.spool = pathlib.Path(directory) / "spool"
        self.queue = {"spool": self.spool, **(queue or {})}
        settings.setdefault("queue", None)
        settings.setdefault("log", "none")
        super().__init__(directory, port, **settings)

    def text(self):
        return (super().text() + "[queue]\n" +
                "".join("%s = %s\n" % kv for kv in self.queue.items()))

    def quick(self, *argv, stdin=None, before=(), exe=None, timeout=30, **more):
        """status, stderr of a run; before: what to put in front of it."""
        with open(stdin or os.devnull, "rb") as f:
            done = subprocess.run(
                [*before, str(exe or program()), *argv], env=self.env, stdin=f,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                cwd="/", **more)
        return done.returncode, done.stderr.decode("utf-8", "replace")

    def add(self, n=1, to=("bob@example.net",), body=b"hello\n", sender=None):
        """Queue n messages, numbered in the subject; their Message-IDs."""
        ids = []
        for i in range(n):
            file = self.dir / "message"
            mid = "<m%d.%s@example.org>" % (i, os.urandom(6).hex())
            file.write_bytes(
                b"From: alice@example.org\nTo: bob@example.net\n"
                b"Message-ID: %s\nSubject: %d\n\n%s" % (mid.encode(), i, body))
            status, err = self.quick(
                "--queue=always", "-f",
                "alice@example.org" if sender is None else sender, *to,
                stdin=file)
            assert status == 0, err
            ids.append(mid)
        return ids

    def put(self, data, due=0, id_=None):
        """Place a queue file's octets in the spool; its path."""
        if not self.spool.is_dir():
            self.spool.mkdir(0o700, parents=True)
        path = self.spool / ("m." + (id_ or new_id()))
        with open(path, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(data)
        if due:
            os.utime(path, (due, due))
        return path

    def fill(self, n, **more):
        """n messages by put(); their Message-IDs."""
        ids = ["<f%d.%s@example.org>" % (i, os.urandom(4).hex())
               for i in range(n)]
        for mid in ids:
            self.put(image(mid, **more))
        return ids

    def names(self, kind="m"):
        if not self.spool.is_dir():
            return []
        return sorted(n for n in os.listdir(self.spool)
                      if n.startswith(kind + "."))

    def entries(self):
        """All committed ones; Bad if one of them is not whole."""
        return [Entry(self.spool / name) for name in self.names()]

    def inside(self, name):
        path = self.spool / name
        return sorted(os.listdir(path)) if path.is_dir() else []


__all__ = ["Bad", "Entry", "QueueHome", "crc32c", "image", "new_id"]
