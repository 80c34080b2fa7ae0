"""A relay that writes down who was given what before it says so.

    python3 queue_relay.py LOG [PORT] [chunking] [pipelining]

A line of LOG is "MESSAGE-ID RECIPIENT", written for each accepted recipient
with the whole message there and before the reply, so that it holds when either
side is killed.  Recipients fail@ are refused (550), later@ put off (451), and
of messages to unsure@ the fate is left open: no reply, the connection ends.
"""
import os
import re
import socket
import subprocess
import sys
import threading

if __package__:
    from .program import HERE


class Session:
    active, changed = 0, threading.Condition()

    def __init__(self, sock, log, words):
        self.file, self.sock = sock.makefile("rb"), sock
        self.log, self.words = log, words
        self.rcpts, self.data, self.sender = [], b"", ""

    def say(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def ehlo(self, _):
        said = ["250-r.test", "250-8BITMIME", "250-ENHANCEDSTATUSCODES"]
        said += ["250-" + w.upper() for w in self.words]
        self.say("\r\n".join(said + ["250 SIZE 0"]))

    def mail(self, line):
        self.rcpts, self.data = [], b""
        self.sender = re.search("<(.*?)>", line)[1]
        self.say("250 2.1.0 ok")

    def rcpt(self, line):
        addr = re.search("<(.*?)>", line)[1]
        if addr.startswith("fail"):
            return self.say("550 5.1.1 no such person")
        if addr.startswith("later"):
            return self.say("451 4.2.0 not now")
        self.rcpts.append(addr)
        self.say("250 2.1.5 ok")

    def end(self):
        found = re.search(rb"(?mi)^Message-ID: *(\S+)", self.data)
        report = re.search(rb"(?mi)^Content-Type: *multipart/report", self.data)
        about = re.findall(rb"(?mi)^Final-Recipient: *rfc822; *(\S+)",
                           self.data)
        original = re.findall(rb"(?mi)^Message-ID: *(\S+)", self.data)[1:]
        for addr in self.rcpts:
            line = "%s %s\n" % (found[1].decode(), addr)
            if report:	# "report ORIGINAL ABOUT SENDER"
                line = "".join("report %s %s <%s>\n" % (
                    (original or [b"?"])[0].decode(), a.decode(), self.sender)
                    for a in about)
            os.write(self.log, line.encode())
        if any(a.startswith("unsure") for a in self.rcpts):
            raise EOFError
        self.say("250 2.0.0 taken")

    def data_(self, _):
        if not self.rcpts:
            return self.say("503 5.5.1 nobody")
        self.say("354 go")
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError
            if line == b".\r\n":
                break
            self.data += line[1:] if line.startswith(b".") else line
        self.end()

    def bdat(self, line):
        words = line.split()
        chunk = self.file.read(int(words[1]))
        if len(chunk) < int(words[1]):
            raise EOFError
        self.data += chunk
        if not self.rcpts:
            self.say("503 5.5.1 nobody")
        elif words[2:]:
            self.end()
        else:
            self.say("250 2.0.0 more")

    def serve(self):
        self.say("220 r.test ESMTP")
        while True:
            line = self.file.readline()
            if not line:
                return
            line = line.decode("latin-1").rstrip()
            verb = line[:4].upper()
            handler = {"EHLO": self.ehlo, "MAIL": self.mail, "RCPT": self.rcpt,
                       "DATA": self.data_, "BDAT": self.bdat}.get(verb)
            if handler:
                handler(line)
            elif verb == "WAIT":	# for those who came before
                with Session.changed:
                    Session.changed.wait_for(lambda: Session.active == 1, 20)
                self.say("250 2.0.0 all gone")
            elif verb == "QUIT":
                return self.say("221 2.0.0 bye")
            else:
                self.say("250 2.0.0 ok")


def serve_one(sock, log, words):
    try:
        Session(sock, log, words).serve()
    except (OSError, EOFError):
        pass
    finally:
        sock.close()
        with Session.changed:
            Session.active -= 1
            Session.changed.notify_all()


def main(path, port="0", *words):
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(64)
    print(listener.getsockname()[1], flush=True)
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with Session.changed:
            Session.active += 1
        threading.Thread(target=serve_one, args=(sock, log, words),
                         daemon=True).start()


class Recorder:
    """It as a process, which may be killed and started again on its port."""

    def __init__(self, directory, *words):
        self.log = directory / "recorded"
        self.log.touch()
        self.words, self.port, self.proc = words or ("pipelining",), 0, None
        self.start()

    def start(self):
        self.proc = subprocess.Popen(
            [sys.executable, "-I", "-S", str(HERE / "queue_relay.py"),
             str(self.log), str(self.port), *self.words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        line = self.proc.stdout.readline()
        assert line, "the relay did not start"
        self.port = int(line)

    def stop(self):
        if self.proc:
            self.proc.kill()
            self.proc.wait()
            self.proc.stdout.close()
        self.proc = None

    def settle(self):
        """Wait until all is written down that was sent."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as s:
            s.sendall(b"WAIT\r\n")
            with s.makefile("rb") as f:
                assert f.readline().startswith(b"220")
                assert f.readline().startswith(b"250")

    def clear(self):
        self.settle()
        self.log.write_bytes(b"")

    def counts(self):
        """How often each (message, recipient) came; reports by themselves."""
        if self.proc:
            self.settle()
        got, reports = {}, {}
        for line in self.log.read_text().splitlines():
            words = line.split()
            into = reports if words[0] == "report" else got
            key = tuple(words[1:3]) if into is reports else tuple(words)
            into[key] = into.get(key, 0) + 1
        return got, reports


if __name__ == "__main__":
    main(*sys.argv[1:])
