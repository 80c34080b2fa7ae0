"""A peer of a few lines, for what no real relay would ever do.

Peer(handler) listens on loopback and calls handler(conn) in a thread for each
connection.  What arrived is in peer.got, one bytearray a connection.
"""
import socket
import ssl
import struct
import threading


class Conn:
    def __init__(self, sock, got):
        self.sock, self.got, self.buffer = sock, got, b""

    def send(self, data):
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def recv(self, n=65536):
        try:
            data = self.sock.recv(n)
        except OSError:
            data = b""
        self.got += data
        return data

    def line(self):
        """The next line with its CRLF; b"" at the end."""
        while b"\n" not in self.buffer:
            data = self.recv()
            if not data:
                return b""
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def until(self, mark):
        while mark not in self.buffer:
            self.buffer = self.buffer[-len(mark):]
            data = self.recv()
            if not data:
                return False
            self.buffer += data
        self.buffer = self.buffer.split(mark, 1)[1]
        return True

    def content(self):
        """Read a message up to and with its dot; False if it has no end."""
        self.buffer = b"\r\n" + self.buffer	# so that a lone dot is found
        return self.until(b"\r\n.\r\n")

    def drain(self):
        while self.recv():
            pass

    def start_tls(self, context):
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()


class Peer:
    def __init__(self, handler, host="127.0.0.1", rcvbuf=0):
        self.handler, self.got, self.threads, self.conns = handler, [], [], []
        self.errors = []
        self.sock = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.bind((host, 0))
        self.sock.listen(16)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            got = bytearray()
            self.got.append(got)
            conn = Conn(sock, got)
            self.conns.append(conn)
            thread = threading.Thread(target=self._serve, args=(conn,),
                                      daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, conn):
        try:
            self.handler(conn)
        except (OSError, ValueError):
            pass
        except Exception as e:	# a broken test must not look like a fault
            self.errors.append(e)
        finally:
            conn.close()

    def stop(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for conn in self.conns:
            conn.close()
        for thread in self.threads:
            thread.join(5)
        assert not self.errors, self.errors


def context(certs, cert="good", **versions):
    """A TLS server context; minimum_version=, maximum_version=."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for key, value in versions.items():
        setattr(ctx, key, value)
    ctx.load_cert_chain("%s/%s.pem" % (certs, cert), "%s/%s.key" % (certs, cert))
    return ctx


def smtp(replies=None, caps=(), tls=None, after=None):
    """A handler that speaks SMTP; replies overrides by verb (bytes, or a
    function of conn and line that answers by itself; false ends it)."""
    replies = replies or {}

    def answer(conn, verb, line, default):
        reply = replies.get(verb, default)
        if callable(reply):
            return reply(conn, line)
        return conn.send(reply)

    def serve(conn):
        if tls is not None:
            conn.start_tls(tls)
        lines = [b"r.test", *[c.encode() for c in caps]]
        ehlo = b"".join(b"250%s%s\r\n" % (b" " if i == len(lines) - 1 else b"-",
                                          line)
                        for i, line in enumerate(lines))
        if answer(conn, "GREETING", b"", b"220 r.test ESMTP\r\n") is False:
            return
        while True:
            line = conn.line()
            if not line:
                return
            verb = line.split()[0].upper().decode("latin-1") if \
                line.split() else ""
            default = {"EHLO": ehlo, "DATA": b"354 go\r\n",
                       "QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")
            if answer(conn, verb, line, default) is False:
                return
            data = replies.get("DATA", b"354 go")
            if verb == "DATA" and not callable(data) and data[:1] == b"3":
                if not conn.content():
                    return
                if answer(conn, "DOT", b"", b"250 taken\r\n") is False:
                    return
            if verb == "QUIT":
                return

    return serve
