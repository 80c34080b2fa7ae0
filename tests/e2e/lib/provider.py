"""An OAuth 2 provider of a few lines, on loopback.

Provider() answers at .token_endpoint, .auth_endpoint and .device_endpoint, and
has metadata (RFC 8414) at .issuer.  It is strict as real ones are: PKCE is
checked, codes are good once, and a refresh token that was replaced is refused
and takes its successors with it, so a client that loses one is locked out.

What it does can be changed while it runs:

    p.expires_in = 1            of the next access tokens; None leaves it out
    p.rotate = False            the refresh token stays the same
    p.delay = 3                 seconds before each answer of the token endpoint
    p.answers.append(X)         what the token endpoint says next in place of
                                an answer of its own: (status, body, headers),
                                or a function of the form that returns that;
                                body is bytes, text or what becomes JSON
    p.forms                     what the token endpoint was sent, as dicts
    p.log                       (method, path) of every request
"""
import base64
import hashlib
import http.server
import json
import secrets
import socket
import ssl
import threading
import time
import urllib.parse

CLIENT_ID = "posthaste-tests"
CLIENT_SECRET = "cl1ent+Secret/4711"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    context = None

    def finish_request(self, request, client_address):
        if self.context:	# here, so that a handshake holds up nobody else
            request.settimeout(10)
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                return
        try:
            super().finish_request(request, client_address)
        finally:
            if self.context:
                request.close()

    def handle_error(self, request, client_address):
        pass			# clients that leave are part of the tests


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=()):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_GET(self):
        provider = self.server.provider
        path, _, query = self.path.partition("?")
        provider.log.append(("GET", path))
        self.answer(*provider.get(path, dict(urllib.parse.parse_qsl(query))))

    def do_POST(self):
        provider = self.server.provider
        size = int(self.headers.get("Content-Length", 0))
        text = self.rfile.read(size).decode()
        form = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
        basic = self.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            pair = base64.b64decode(basic[6:]).decode().split(":", 1)
            form["basic"] = [urllib.parse.unquote_plus(p) for p in pair]
        provider.log.append(("POST", self.path))
        provider.headers.append(dict(self.headers))
        self.answer(*provider.post(self.path, form))


def error(code, text="", status=400):
    body = {"error": code}
    if text:
        body["error_description"] = text
    return status, body


class Provider:
    def __init__(self, cert=None, secret="", port=0, host="127.0.0.1"):
        """cert: (PEM file, key file) for https; secret: the client's."""
        self.client_secret = secret
        self.expires_in, self.rotate, self.delay = 3600, True, 0
        self.give_refresh, self.token_type = True, "Bearer"
        self.answers, self.forms, self.log, self.headers = [], [], [], []
        self.auth_methods = ("post", "basic")
        self.metadata_extra, self.metadata_paths = {}, None
        self.access, self.refresh, self.spent = {}, set(), set()
        self.codes, self.devices = {}, {}
        self.device_interval, self.device_expires = 1, 60
        self.number = 0
        self.lock = threading.RLock()
        self.server = Server((host, port), Handler)
        self.server.provider = self
        if cert:
            self.server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.server.context.load_cert_chain(*map(str, cert))
        self.port = self.server.server_address[1]
        self.url = "%s://%s:%d" % ("https" if cert else "http",
                                   "localhost" if cert else host, self.port)
        self.issuer = self.url
        self.auth_endpoint = self.url + "/authorize"
        self.token_endpoint = self.url + "/token"
        self.device_endpoint = self.url + "/device"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    # -- what it gives -----------------------------------------------------

    def grant(self):
        """New tokens, as after a login: (access, refresh)."""
        with self.lock:
            self.number += 1
            access = "at%d.%s" % (self.number, secrets.token_urlsafe(24))
            refresh = "rt%d.%s" % (self.number, secrets.token_urlsafe(24))
            self.access[access] = time.time() + (
                3600 if self.expires_in is None else int(self.expires_in))
            self.refresh.add(refresh)
            return access, refresh

    def good(self, access):
        """Would a relay of this provider's take the token now?"""
        return self.access.get(access, 0) > time.time()

    def revoke_access(self):
        self.access.clear()

    def revoke(self):
        with self.lock:
            self.access.clear()
            self.refresh.clear()

    def count(self, grant_type):
        return sum(f.get("grant_type") == grant_type for f in self.forms)

    @property
    def refreshes(self):
        return self.count("refresh_token")

    def settings(self, **more):
        """The lines of an [oauth2 NAME] section for this provider."""
        found = {"client_id": CLIENT_ID, "scope": "mail.send offline",
                 "auth_endpoint": self.auth_endpoint,
                 "token_endpoint": self.token_endpoint,
                 "device_endpoint": self.device_endpoint}
        if self.client_secret:
            found["client_secret"] = self.client_secret
        found.update(more)
        return {k: v for k, v in found.items() if v is not None}

    # -- GET: the page where a person agrees, and the metadata ---------------

    def get(self, path, query):
        if path == "/authorize":
            return self.authorize(query)
        known = self.metadata_paths
        if known is None:
            issuer = urllib.parse.urlsplit(self.issuer).path.rstrip("/")
            known = ["/.well-known/oauth-authorization-server" + issuer]
        if path in known:
            return 200, self.metadata()
        return 404, "nothing is here"

    def metadata(self):
        found = {"issuer": self.issuer,
                 "authorization_endpoint": self.auth_endpoint,
                 "token_endpoint": self.token_endpoint,
                 "device_authorization_endpoint": self.device_endpoint,
                 "response_types_supported": ["code"],
                 "code_challenge_methods_supported": ["S256"]}
        found.update(self.metadata_extra)
        return {k: v for k, v in found.items() if v is not None}

    def authorize(self, query):
        """A person who agrees at once: back to the client with a code."""
        code = self.make_code(query)
        more = urllib.parse.urlencode({"code": code,
                                       "state": query.get("state", "")})
        return 302, "", {"Location": query["redirect_uri"] + "?" + more}

    def make_code(self, query):
        code = "co." + secrets.token_urlsafe(16)
        with self.lock:
            self.codes[code] = query
        return code

    def agree(self, user_code=None, deny=False):
        """The person at the device page, for one code or all."""
        with self.lock:
            for device in self.devices.values():
                if user_code in (None, device["user_code"]):
                    device["state"] = "denied" if deny else "agreed"

    # -- POST ------------------------------------------------------------------

    def post(self, path, form):
        if path == "/device":
            return self.device(form)
        if path != "/token":
            return 404, "nothing is here"
        with self.lock:
            self.forms.append(form)
            answer = self.answers.pop(0) if self.answers else None
        if self.delay:
            time.sleep(self.delay)
        if callable(answer):
            answer = answer(form)
        if answer is not None:
            return answer
        with self.lock:
            return self.token(form)

    def client(self, form):
        if "basic" in form:
            ok = form["basic"] == [CLIENT_ID, self.client_secret]
            return ok and "basic" in self.auth_methods
        return form.get("client_id") == CLIENT_ID and (
            not self.client_secret or
            ("post" in self.auth_methods and
             form.get("client_secret") == self.client_secret))

    def token(self, form):
        if not self.client(form):
            return error("invalid_client", "who are you?", 401)
        kind = form.get("grant_type")
        if kind == "refresh_token":
            return self.renew(form)
        if kind == "authorization_code":
            return self.redeem(form)
        if kind == DEVICE_GRANT:
            return self.poll(form)
        return error("unsupported_grant_type")

    def tokens(self, refresh=None):
        access, fresh = self.grant()
        body = {"access_token": access, "token_type": self.token_type}
        if self.expires_in is not None:
            body["expires_in"] = self.expires_in
        if refresh and not self.rotate:
            self.refresh.discard(fresh)
        elif self.give_refresh:
            body["refresh_token"] = fresh
            if refresh:
                self.refresh.discard(refresh)
                self.spent.add(refresh)
        return 200, body

    def renew(self, form):
        refresh = form.get("refresh_token", "")
        if refresh in self.spent:
            self.revoke()
            return error("invalid_grant", "this token was used before")
        if refresh not in self.refresh:
            return error("invalid_grant", "Token has been expired or revoked.")
        return self.tokens(refresh)

    def redeem(self, form):
        query = self.codes.pop(form.get("code"), None)
        if query is None:
            return error("invalid_grant", "no such code")
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if query.get("code_challenge_method") != "S256" or \
                query.get("code_challenge") != proof:
            return error("invalid_grant", "the verifier does not fit")
        if query.get("redirect_uri") != form.get("redirect_uri"):
            return error("invalid_grant", "another redirect_uri")
        return self.tokens()

    def device(self, form):
        if form.get("client_id") != CLIENT_ID:
            return error("invalid_client", "who are you?", 401)
        device_code = "dc." + secrets.token_urlsafe(24)
        user_code = "WDJB-%04d" % (len(self.devices) + 1)
        with self.lock:
            self.devices[device_code] = {
                "user_code": user_code, "state": "waiting", "last": 0,
                "interval": self.device_interval, "early": 0,
                "ends": time.time() + self.device_expires}
        return 200, {"device_code": device_code, "user_code": user_code,
                     "verification_uri": self.url + "/code",
                     "verification_uri_complete":
                     self.url + "/code?user_code=" + user_code,
                     "expires_in": self.device_expires,
                     "interval": self.device_interval}

    def poll(self, form):
        device = self.devices.get(form.get("device_code"))
        if device is None:
            return error("invalid_grant", "no such device code")
        now = time.time()
        early = now - device["last"] < device["interval"] - 0.1
        device["last"] = now
        if now > device["ends"]:
            return error("expired_token")
        if early:
            device["early"] += 1
            device["interval"] += 5
            return error("slow_down")
        if device["state"] == "denied":
            return error("access_denied", "the person said no")
        if device["state"] == "waiting":
            return error("authorization_pending")
        del self.devices[form["device_code"]]
        return self.tokens()


def dead_port():
    """A port of loopback where nothing listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
