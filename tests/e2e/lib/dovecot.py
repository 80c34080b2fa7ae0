"""A real Dovecot submission server, on loopback, in a directory of its own.

It logs its users in by every mechanism it has, and hands what they send to
the test relay.  Tokens it asks an endpoint of the tests' own about.
"""
import http.server
import json
import os
import pathlib
import pwd
import socket
import subprocess
import threading
import time
import urllib.parse

from .servers import free_ports, wait_port

MECHS = ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1",
         "SCRAM-SHA-256", "EXTERNAL", "XOAUTH2",
         "OAUTHBEARER", "GSSAPI")
USER = "alice"
PASSWORD = "Tr0ub4dor-and-3"
MASTER, MASTER_PASSWORD = "boss", "Boss-pass-word-7"
BINARY = "/usr/sbin/dovecot"
NEEDED = {BINARY: "dovecot-core",
          "/usr/lib/dovecot/submission-login": "dovecot-submissiond",
          "/usr/lib/dovecot/modules/auth/libmech_gssapi.so": "dovecot-gssapi"}

CONF = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
instance_name = posthaste-sasl
import_environment = KRB5_CONFIG={krb5} KRB5RCACHENAME=none:
protocols = submission
listen = 127.0.0.1
hostname = localhost
ssl = required
ssl_cert = <{certs}/good.pem
ssl_key = <{certs}/good.key
ssl_ca = <{certs}/ca.pem
ssl_require_crl = no
ssl_verify_client_cert = yes
ssl_cert_username_field = commonName
auth_ssl_username_from_cert = yes
auth_mechanisms = {mechs}
auth_failure_delay = 0
auth_verbose = yes
auth_realms = {realms}
auth_gssapi_hostname = "$ALL"
auth_krb5_keytab = {keytab}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_relay_trusted = no
mail_location = maildir:{dir}/mail
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = {dir}/masters
  master = yes
  mechanisms = plain login
}}
passdb {{
  driver = static
  args = nopassword=y
  mechanisms = external gssapi
}}
passdb {{
  driver = oauth2
  args = {dir}/oauth2.conf
  mechanisms = xoauth2 oauthbearer
}}
passdb {{
  driver = passwd-file
  args = username_format=%n {dir}/users
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {starttls}
  }}
  inet_listener submissions {{
    port = {implicit}
    ssl = yes
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

OAUTH2 = """\
introspection_mode = post
introspection_url = http://127.0.0.1:{port}/introspect
username_attribute = username
active_attribute = active
active_value = true
"""


def missing():
    """Why it cannot be run here, or None."""
    if os.geteuid() != 0:
        return "dovecot needs root"
    for path, package in NEEDED.items():
        if not os.access(path, os.R_OK):
            return "%s is not installed (package %s)" % (path, package)
    return None


class Introspection:
    """RFC 7662 on a loopback port: which tokens are whose, and alive."""

    def __init__(self):
        self.tokens, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers.get("Content-Length", 0))
                form = urllib.parse.parse_qs(self.rfile.read(size).decode())
                token = form.get("token", [""])[0]
                outer.asked.append(token)
                user = outer.tokens.get(token)
                body = json.dumps({"active": True, "username": user} if user
                                  else {"active": False}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Dovecot:
    """.starttls and .implicit are its ports; log() what it says."""

    def __init__(self, directory, certs, relay_port, kdc, realms=""):
        self.dir = pathlib.Path(directory)
        self.starttls, self.implicit = free_ports(2)
        self.oauth2 = Introspection()
        for sub in ("run", "state", "mail"):
            (self.dir / sub).mkdir(parents=True)
        self.dir.chmod(0o755)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.dir / "mail", nobody.pw_uid, nobody.pw_gid)
        (self.dir / "dovecot.conf").write_text(CONF.format(
            dir=self.dir, certs=certs, relay=relay_port, realms=realms,
            krb5=kdc.dir / "krb5.conf", keytab=kdc.keytab,
            uid=nobody.pw_uid, gid=nobody.pw_gid, starttls=self.starttls,
            implicit=self.implicit, mechs=" ".join(MECHS).lower()))
        (self.dir / "users").write_text("%s:{PLAIN}%s\n" % (USER, PASSWORD))
        (self.dir / "masters").write_text(
            "%s:{PLAIN}%s\n" % (MASTER, MASTER_PASSWORD))
        (self.dir / "oauth2.conf").write_text(
            OAUTH2.format(port=self.oauth2.port))
        self.proc = subprocess.Popen(
            [BINARY, "-F", "-c", str(self.dir / "dovecot.conf")],
            stdin=subprocess.DEVNULL, stdout=open(self.dir / "out", "wb"),
            stderr=subprocess.STDOUT)
        try:
            wait_port(self.implicit)
            wait_port(self.starttls)
            self._greeting()
        except (OSError, AssertionError):
            said = (self.dir / "out").read_text() + self.log()
            self.stop()
            raise AssertionError(said)

    def _greeting(self):
        """The port is open long before there is anybody to log in with."""
        with socket.create_connection(("127.0.0.1", self.starttls), 15) as s:
            assert s.recv(1000).startswith(b"220 ")

    def log(self):
        path = self.dir / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def logins(self, n, seconds=5):
        """(user, mechanism) of each login, once there are n of them."""
        end = time.monotonic() + seconds
        while True:
            got = [(line.split("user=<")[1].split(">")[0],
                    line.split("method=")[1].split(",")[0])
                   for line in self.log().splitlines()
                   if "Login: user=<" in line]
            if len(got) >= n or time.monotonic() > end:
                return got
            time.sleep(0.02)

    def stop(self):
        self.oauth2.stop()
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(20)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
