"""A name server of the tests' own, over UDP and TCP, and runs that ask it.

    server = Server({"_submissions._tcp.example.test": [srv(10, 1, 465, "a.test")],
                     "a.test": [a("127.0.0.1")],
                     "broken.test": SERVFAIL})
    server.run(home, "bob@example.net")     # a Run, with its own resolv.conf

A name that is not there does not exist.  Being root is needed: port 53 of
an address of loopback's, and a mount namespace.
"""
import os
import socket
import struct
import subprocess
import threading

from .program import program

A, CNAME, SRV = 1, 5, 33
SERVFAIL, REFUSED = 2, 5
SILENT = "silent"
SCRIPT = 'mount --bind "$0" /etc/resolv.conf; exec "$@"'


def encode(name):
    labels = [p if isinstance(p, bytes) else p.encode()
              for p in name.split(".")] if name else []
    return b"".join(bytes([len(p)]) + p for p in labels) + b"\0"


def srv(priority, weight, port, target):
    return SRV, struct.pack("!HHH", priority, weight, port) + encode(target)


def a(address):
    return A, socket.inet_aton(address)


def cname(target):
    return CNAME, encode(target)


def missing():
    """Why there can be no such runs, or None."""
    if os.geteuid():
        return "a name server of our own needs root"
    if not os.path.exists("/etc/resolv.conf"):
        return "there is no /etc/resolv.conf to stand in for"
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    return "no mount namespace: %s" % done.stderr if done.returncode else None


class Server:
    def __init__(self, directory, zone):
        # Others run beside us.
        self.address = "127.%d.%d.53" % (53 + os.getpid() // 250 % 180,
                                         1 + os.getpid() % 250)
        self.zone = zone
        self.asked = []		# (name, type, "udp" or "tcp")
        self.conf = directory / "resolv.conf"
        self.conf.write_text("nameserver %s\noptions timeout:1 attempts:1\n" %
                             self.address)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.udp.bind((self.address, 53))
        self.tcp.bind((self.address, 53))
        self.tcp.listen(8)
        self.threads = [threading.Thread(target=t, daemon=True)
                        for t in (self._serve_udp, self._serve_tcp)]
        for t in self.threads:
            t.start()

    def stop(self):
        for s in (self.udp, self.tcp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for t in self.threads:
            t.join(5)

    def _serve_udp(self):
        while True:
            try:
                query, who = self.udp.recvfrom(4096)
                if not query:	# stop() shut it
                    return
                answer = self.answer(query, "udp")
                if answer is not None:
                    self.udp.sendto(answer, who)
            except OSError:
                return

    def _serve_tcp(self):
        while True:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(5)
                try:
                    size = struct.unpack("!H", conn.recv(2))[0]
                    answer = self.answer(conn.recv(size), "tcp")
                    if answer is not None:
                        conn.sendall(struct.pack("!H", len(answer)) + answer)
                        conn.recv(1)
                except (OSError, struct.error):
                    pass

    def answer(self, query, way):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        name = ".".join(labels).lower()
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        self.asked.append((name, kind, way))
        question = query[12:at + 5]
        found = self.zone.get(name)
        if callable(found):
            return found(query, question)
        if found == SILENT:
            return None
        rcode = found if isinstance(found, int) else 3 if found is None else 0
        records = [r for r in found if r[0] in (kind, CNAME)] if \
            isinstance(found, list) else []
        # What an alias leads to stands beside it, as a resolver would have it.
        body, n = b"", 0
        owners = [(name, records)]
        seen = set()
        while owners:
            owner, list_ = owners.pop(0)
            for t, data in list_:
                body += encode(owner) + struct.pack("!HHIH", t, 1, 60,
                                                    len(data)) + data
                n += 1
                if t == CNAME and owner not in seen:
                    seen.add(owner)
                    target = self._decode(data)
                    owners.append((target, [
                        r for r in self.zone.get(target) or []
                        if r[0] in (kind, CNAME)]))
        flags = 0x8180 | rcode
        if way == "udp" and len(body) + 12 + len(question) > 512:
            flags, body, n = flags | 0x200, b"", 0
        return query[:2] + struct.pack("!HHHHH", flags, 1, n, 0, 0) + \
            question + body

    @staticmethod
    def _decode(data):
        at, labels = 0, []
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
            at += 1 + data[at]
        return ".".join(labels)

    def start(self, home, *argv, exe=None, **more):
        args = ["-m", "sh", "-ec", SCRIPT, str(self.conf),
                str(exe or program()), *argv]
        env = dict(more.pop("env", {}), PATH="/usr/sbin:/usr/bin:/sbin:/bin")
        return home.start(*args, exe="/usr/bin/unshare", env=env, **more)

    def run(self, home, *argv, **more):
        return self.start(home, *argv, **more).finish()
