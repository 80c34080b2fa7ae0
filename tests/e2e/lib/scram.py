"""The server's side of SCRAM (RFC 5802, RFC 7677), with faults to order."""
import base64
import hashlib
import hmac
import os

FAULTS = ("signature", "no signature", "huge iterations", "one iteration",
          "nonce", "early", "short salt", "garbage", "error")


def fields(message):
    return dict((part[:1], part[2:]) for part in message.split(b","))


def derive(password, salt, rounds, name="sha256"):
    salted = hashlib.pbkdf2_hmac(name, password, salt, rounds)
    client = hmac.digest(salted, b"Client Key", name)
    return (hashlib.new(name, client).digest(),
            hmac.digest(salted, b"Server Key", name))


class Scram:
    """first() and final() turn the client's messages into the server's."""

    def __init__(self, password, fault=None, rounds=4096, name="sha256"):
        self.password, self.fault = password.encode(), fault
        self.name = name
        self.rounds = {"huge iterations": 2 ** 31 - 1,
                       "one iteration": 1}.get(fault, rounds)
        self.salt = os.urandom(16)
        self.verified = None

    def first(self, message):
        self.bare = message.split(b",", 2)[2]
        nonce = fields(self.bare)[b"r"]
        self.nonce = os.urandom(12).hex().encode()
        if self.fault != "nonce":
            self.nonce = nonce + self.nonce
        self.server = b"r=%s,s=%s,i=%d" % (
            self.nonce, base64.b64encode(self.salt), self.rounds)
        return self.server

    def final(self, message):
        without, _, proof = message.rpartition(b",p=")
        stored, server_key = derive(self.password, self.salt, self.rounds,
                                    self.name)
        text = self.bare + b"," + self.server + b"," + without
        key = bytes(a ^ b for a, b in zip(
            base64.b64decode(proof), hmac.digest(stored, text, self.name)))
        self.verified = hashlib.new(self.name, key).digest() == stored
        signature = hmac.digest(server_key, text, self.name)
        if self.fault == "signature":
            signature = bytes(reversed(signature))
        if self.fault == "error":
            return b"e=other-error"
        return b"v=" + base64.b64encode(signature)
