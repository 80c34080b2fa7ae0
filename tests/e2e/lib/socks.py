"""Proxies of a few lines, SOCKS5 and HTTP CONNECT, and real ones to start.

Proxy(kind, routes, ...) is a Peer that connects to where `routes` says: names
and addresses to ports of this host.  Nothing else exists for it.  What it was
asked for is in .asked, what it was told of users in .logins; every octet that
came from the client, in .got.
"""
import base64
import ipaddress
import select
import shutil
import socket
import struct
import subprocess

from .peer import Peer
from .servers import free_ports, wait_port


def exactly(conn, n):
    """n octets, or ValueError at the end of input."""
    while len(conn.buffer) < n:
        data = conn.recv(n - len(conn.buffer))
        if not data:
            raise ValueError("the client hung up")
        conn.buffer += data
    data, conn.buffer = conn.buffer[:n], conn.buffer[n:]
    return data


def pump(conn, far):
    """Pass everything on, either way, until one of them ends."""
    near = conn.sock
    if conn.buffer:
        far.sendall(conn.buffer)
    while True:
        for ready in select.select([near, far], [], [])[0]:
            data = conn.recv() if ready is near else far.recv(65536)
            if not data:
                return
            (far if ready is near else near).sendall(data)


class Proxy:
    """fault: a function of conn, asked at `stage` ("start", "login" or
    "request") in place of an answer; or for "request" a reply's number.
    glue: the relay's greeting comes with the answer, in one segment.
    bound: the address in a SOCKS5 reply that is well."""

    def __init__(self, kind, routes, login=None, fault=None, stage="request",
                 glue=False, bound=b"\x01\x0a\x00\x00\x09\x00\x01",
                 answer=b"HTTP/1.1 200 Connection established\r\n\r\n"):
        self.kind, self.routes, self.login = kind, routes, login
        self.fault, self.stage, self.glue = fault, stage, glue
        self.bound, self.answer = bound, answer
        self.asked, self.logins, self.heads = [], [], []
        self.peer = Peer(self._socks if kind == "socks5" else self._http)
        self.port, self.got, self.stop = (self.peer.port, self.peer.got,
                                          self.peer.stop)

    def url(self, user=None, password=None):
        who = "" if user is None else user + (
            "" if password is None else ":" + password) + "@"
        return "%s://%s127.0.0.1:%d" % (self.kind, who, self.port)

    def _wrong(self, conn, stage):
        """Is this where it goes wrong?  Then it has."""
        if self.stage != stage or not callable(self.fault):
            return False
        self.fault(conn)
        return True

    def _connect(self, conn, host, port, good, bad):
        self.asked.append((host, port))
        if self.fault is not None:
            if not self._wrong(conn, "request"):
                conn.send(bad(self.fault))
                conn.drain()
            return
        if host not in self.routes:
            conn.send(bad(None))
            return
        far = socket.create_connection(("127.0.0.1", self.routes[host]), 10)
        try:
            conn.send(good + (far.recv(4096) if self.glue else b""))
            pump(conn, far)
        finally:
            far.close()

    def _socks(self, conn):
        if self._wrong(conn, "start"):
            return
        version, n = exactly(conn, 2)
        methods = exactly(conn, n)
        assert version == 5 and len(set(methods)) == n and n, methods
        wanted = 2 if self.login else 0
        if wanted not in methods:
            conn.send(b"\x05\xff")
            return
        conn.send(bytes([5, wanted]))
        if self.login and not self._socks_login(conn):
            return
        version, command, reserved, kind = exactly(conn, 4)
        assert (version, command, reserved) == (5, 1, 0)
        if kind == 3:
            host = exactly(conn, exactly(conn, 1)[0]).decode("ascii")
        else:
            host = str(ipaddress.ip_address(exactly(conn,
                                                    {1: 4, 4: 16}[kind])))
        port, = struct.unpack(">H", exactly(conn, 2))
        assert not conn.buffer, conn.buffer	# nothing before the answer
        self._connect(conn, host, port, b"\x05\x00\x00" + self.bound,
                      lambda code: b"\x05%c\x00\x01\0\0\0\0\0\0" % (code or 4))

    def _socks_login(self, conn):
        assert exactly(conn, 1) == b"\x01"
        user = exactly(conn, exactly(conn, 1)[0])
        password = exactly(conn, exactly(conn, 1)[0])
        self.logins.append((user.decode(), password.decode()))
        if self._wrong(conn, "login"):
            return False
        good = self.logins[-1] == self.login
        conn.send(b"\x01" + (b"\x00" if good else b"\x01"))
        return good

    def _http(self, conn):
        if self._wrong(conn, "start"):
            return
        head = []
        while True:
            line = conn.line()
            assert line.endswith(b"\r\n"), line
            if line == b"\r\n":
                break
            head.append(line[:-2].decode())
        self.heads.append(head)
        assert not conn.buffer, conn.buffer
        method, target, version = head[0].split(" ")
        assert (method, version) == ("CONNECT", "HTTP/1.1"), head
        fields = dict(f.split(": ", 1) for f in head[1:])
        assert fields.pop("Host") == target, head
        login = fields.pop("Proxy-Authorization", None)
        assert not fields, fields	# nothing that tells of us
        if login:
            scheme, coded = login.split(" ")
            assert scheme == "Basic"
            user, _, password = base64.b64decode(coded).decode().partition(":")
            self.logins.append((user, password))
        if self.login and self.logins[-1:] != [self.login]:
            conn.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                      b"Proxy-Authenticate: Basic realm=\"x\"\r\n"
                      b"Content-Length: 4\r\n\r\nsoon")
            return
        host, _, port = target.rpartition(":")
        self._connect(conn, host.strip("[]"), int(port), self.answer,
                      lambda code: b"HTTP/1.1 %d Reason\r\n"
                                   b"Content-Length: 2\r\n\r\nno" %
                                   (code or 502))


# ---- real ones ----

MICROSOCKS, DANTED, TINYPROXY = "microsocks", "danted", "tinyproxy"

DANTE_CONF = """\
logoutput: {dir}/danted.log
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 0.0.0.0/0 to: 127.0.0.0/8 port = 9 command: connect }}
socks pass {{ from: 127.0.0.0/8 to: 127.0.0.0/8 command: connect }}
"""

TINYPROXY_CONF = """\
Port {port}
Listen 127.0.0.1
Timeout 30
LogFile "{dir}/tinyproxy.log"
LogLevel Info
MaxClients 20
Allow 127.0.0.1
BasicAuth {user} {password}
ConnectPort {allowed}
"""


def find(name):
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")


class Real:
    """A proxy from the distribution, in the foreground, as a process of ours."""

    def __init__(self, name, directory, user=None, password=None, allowed=0):
        self.port, = free_ports(1)
        directory.mkdir(parents=True, exist_ok=True)
        conf = directory / (name + ".conf")
        words = {"dir": directory, "port": self.port, "user": user,
                 "password": password, "allowed": allowed}
        if name == MICROSOCKS:
            argv = ["-i", "127.0.0.1", "-p", str(self.port)]
            argv += ["-u", user, "-P", password] if user else []
        elif name == DANTED:
            conf.write_text(DANTE_CONF.format(**words))
            argv = ["-f", str(conf), "-p", str(directory / "danted.pid")]
        else:
            conf.write_text(TINYPROXY_CONF.format(**words))
            argv = ["-d", "-c", str(conf)]
        self.log = open(directory / (name + ".out"), "wb")
        self.proc = subprocess.Popen([find(name), *argv], cwd=directory,
                                     stdin=subprocess.DEVNULL, stdout=self.log,
                                     stderr=self.log)
        wait_port(self.port)

    def stop(self):
        self.proc.terminate()
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.log.close()
