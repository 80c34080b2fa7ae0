"""A caller with a queue: its settings, its runs, and what is in the spool."""
import os
import re
import time

from .program import FROM, Home

BOB, CAROL, DAVE = "bob@example.net", "carol@example.net", "dave@example.net"
LATER = 2147483647		# the time of modification of what is held


def crc32c(data):
    crc = 0xffffffff
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


class Entry:
    """A queue file, read without the program's help."""

    def __init__(self, path):
        self.path, self.id = path, path.name[2:]
        data = path.read_bytes()
        self.data = data
        header, _, rest = data.partition(b"\n\n")
        lines = header.split(b"\n")
        self.first, self.sender = lines[0].decode(), lines[1].decode()
        self.account = self.first.split()[4]
        self.rcpts = {}
        for line in lines[2:]:
            words = line.decode().split()
            self.rcpts[words[1]] = words[0]
        self.message = rest[:rest.rindex(b"\nend ")]
        self.due = path.stat().st_mtime

    @property
    def held(self):
        return self.due == LATER

    def edit(self, old, new):
        """Change the header, and the trailer so that it fits."""
        assert self.data.count(old) == 1
        data = self.data.replace(old, new)
        at = data.rindex(b"\nend ")
        header, message, rcpts, _ = data[at + 5:].split()
        header = b"%0*x" % (len(header), data.index(b"\n\n") + 2)
        data = data[:at] + b"\nend " + b" ".join([header, message, rcpts, b""])
        crc = crc32c(re.sub(rb"(?m)^[PDFU](?= )", b"P", data[:int(header, 16)])
                     + data[int(header, 16):])
        self.path.write_bytes(data + b"%08x\n" % crc)

    def open(self):
        """Who is not settled yet."""
        return sorted(a for a, status in self.rcpts.items() if status in "PU")


class Queue(Home):
    """A Home with a spool of its own; more accounts by add_account()."""

    def __init__(self, directory, port=None, queue=None, **settings):
        self.accounts = {}
        self.queue = {"spool": os.path.join(str(directory), "spool"),
                      "jitter": 0}
        self.queue.update(queue or {})
        settings = {"queue": "tempfail", "log": "none", **settings}
        super().__init__(directory, port, **settings)
        self.spool = self.dir / "spool"

    def text(self):
        parts = [super().text(), "[queue]\n"]
        parts += ["%s = %s\n" % kv for kv in self.queue.items()
                  if kv[1] is not None]
        for name, settings in self.accounts.items():
            parts.append("[account %s]\n" % name)
            parts += ["%s = %s\n" % kv for kv in settings.items()
                      if kv[1] is not None]
        return "".join(parts)

    def add_account(self, name, port, **settings):
        self.accounts[name] = {**self.settings, "port": port, **settings}
        return self.set()

    def schedule(self, **settings):
        """Change what [queue] says."""
        self.queue.update(settings)
        return self.set()

    def entries(self, where=""):
        """What is committed, oldest first."""
        base = self.spool / where
        if not base.is_dir():
            return []
        return [Entry(base / n) for n in sorted(os.listdir(base))
                if n.startswith("m.")]

    def only(self):
        found = self.entries()
        assert len(found) == 1, found
        return found[0]

    def leftovers(self):
        """Everything in the spool beside committed entries and their state."""
        ids = {e.id for e in self.entries()}
        return [n for n in os.listdir(self.spool)
                if n not in ("failed", "corrupt", "bounces") and
                not (n[:2] in ("m.", "s.") and n[2:] in ids)]

    def put(self, *argv, sender=FROM, **more):
        """Queue a message without an attempt; its id."""
        run = self.run("--queue=always", "-f", sender, *(argv or (BOB,)),
                       **more)
        assert run.status == 0, run
        return re.search(r"queued as (\w+)", run.err).group(1)

    def go(self, *argv, **more):
        """A run over the queue, by default of all that is in it."""
        return self.run(*(argv or ("-qf",)), stdin=b"", **more)

    def due_now(self):
        now = time.time() - 5
        for e in self.entries():
            os.utime(e.path, (now, now))


def mail(subject, text="hello\n", **fields):
    lines = ["From: Alice <alice@example.org>", "To: bob@example.net",
             "Subject: %s" % subject]
    lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in fields.items()]
    return ("\n".join(lines) + "\n\n" + text).encode()


def until(question, seconds=10):
    """Wait for something to be true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = question()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)
