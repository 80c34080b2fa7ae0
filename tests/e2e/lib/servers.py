"""A real Postfix with Dovecot's SASL, on loopback, in a directory of its own.

Nothing of the machine's own mail setup is read or touched: both daemons get
their configuration, queue, data and sockets below one temporary directory,
and what is stopped in the end is exactly what was started.
"""
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import time

USER = "alice@example.test"
PASSWORD = "correct;horse#battery"

MASTER_CF = """\
127.0.0.1:{starttls} inet n - n - - smtpd
127.0.0.1:{implicit} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
127.0.0.1:{small} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o message_size_limit=100000
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
"""

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}
multi_instance_enable = no
mail_owner = postfix
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.test
mydomain = test
mydestination =
mynetworks =
disable_dns_lookups = yes
smtpd_peername_lookup = no
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:nothing leaves this host
relayhost =
relay_domains = many.test
relay_transport = discard:
virtual_mailbox_domains = example.test
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = static:box/
virtual_mailbox_limit = 0
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
message_size_limit = 400000000
mailbox_size_limit = 0
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {dir}/tls.pem
smtpd_tls_loglevel = 2
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dir}/auth
smtpd_sasl_security_options = noanonymous
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 2000
smtpd_hard_error_limit = 4000
smtpd_recipient_limit = 1000
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
  check_recipient_access inline:{{
    {{ refused@example.test = 550 5.1.1 no such user here }},
    {{ moved@example.test = 551 5.1.6 gone elsewhere }},
    {{ later@example.test = 450 4.2.1 mailbox is busy }} }},
  permit_sasl_authenticated, reject
smtpd_sender_restrictions =
  check_sender_access inline:{{
    {{ banned@example.test = 553 5.7.1 you may not send }} }}
header_checks = regexp:{dir}/header_checks
"""

DOVECOT_CONF = """\
base_dir = {dir}/dovecot
state_dir = {dir}/dovecot-state
log_path = {dir}/dovecot.log
protocols =
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
auth_verbose = yes
instance_name = posthaste-test
passdb {{
  driver = passwd-file
  args = username_format=%u {dir}/users
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
service auth {{
  unix_listener {dir}/auth {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


def missing():
    """Why the servers cannot be run here, or None."""
    if os.geteuid() != 0:
        return "postfix needs root"
    for name in ("/usr/sbin/postfix", "/usr/sbin/dovecot"):
        if not os.access(name, os.X_OK):
            return name + " is not installed (packages postfix, dovecot-core)"
    return None


def free_ports(n):
    """n ports that were free a moment ago."""
    socks = [socket.socket() for _ in range(n)]
    for s in socks:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def wait_port(port, seconds=15):
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 2).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class Postfix:
    """Ports: starttls (587's way), implicit (465's), small (100 kB limit)."""

    def __init__(self, directory, cert, key):
        self.dir = pathlib.Path(directory)
        self.starttls, self.implicit, self.small = free_ports(3)
        self.user, self.password = USER, PASSWORD
        self._write(cert, key)
        self.dovecot = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", str(self.dir / "dovecot.conf")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT)
        try:
            self._postfix("start")
            self._await()
        except BaseException:
            self.stop()
            raise

    def _await(self):
        end = time.monotonic() + 15
        while not (self.dir / "auth").exists():
            assert time.monotonic() < end, self._text("dovecot.log")
            time.sleep(0.05)
        for port in (self.starttls, self.implicit):
            wait_port(port)

    def _write(self, cert, key):
        d = self.dir
        nobody = pwd.getpwnam("nobody")
        facts = {"dir": d, "uid": nobody.pw_uid, "gid": nobody.pw_gid,
                 "starttls": self.starttls, "implicit": self.implicit,
                 "small": self.small}
        for sub in ("spool", "data", "mail", "dovecot", "dovecot-state",
                    "etc"):
            (d / sub).mkdir(parents=True)
        d.chmod(0o755)
        shutil.chown(d / "data", "postfix")
        shutil.chown(d / "mail", nobody.pw_uid, nobody.pw_gid)
        (d / "etc/main.cf").write_text(MAIN_CF.format(**facts))
        (d / "etc/master.cf").write_text(MASTER_CF.format(**facts))
        (d / "dovecot.conf").write_text(DOVECOT_CONF.format(**facts))
        (d / "users").write_text("%s:{PLAIN}%s\n" % (USER, PASSWORD))
        (d / "users").chmod(0o644)
        (d / "header_checks").write_text(
            "/^X-Refuse:/ REJECT 5.7.1 we do not want this\n")
        (d / "tls.pem").write_bytes(pathlib.Path(key).read_bytes() +
                                    pathlib.Path(cert).read_bytes())
        (d / "tls.pem").chmod(0o600)

    def _postfix(self, verb):
        done = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.dir / "etc"), verb],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        assert done.returncode == 0, (verb, done.stderr, done.stdout,
                                      self._text("mail.log"))

    def _text(self, name):
        try:
            return (self.dir / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def log(self):
        return self._text("mail.log")

    def delivered(self, mark, n=1, seconds=30):
        """The n messages whose header holds `mark`, as delivered."""
        end = time.monotonic() + seconds
        box = self.dir / "mail/box/new"
        while True:
            found = []
            for f in sorted(box.iterdir()) if box.is_dir() else []:
                with open(f, "rb") as mail:
                    if mark.encode() in mail.read(16384):
                        found.append(f)
            if len(found) >= n or time.monotonic() > end:
                return found
            time.sleep(0.05)

    def sent_to(self, pattern, n, seconds=30):
        """Addresses the log calls delivered that match, once there are n."""
        end = time.monotonic() + seconds
        while True:
            got = re.findall(r"to=<(%s)>.*status=sent" % pattern, self.log())
            if len(got) >= n or time.monotonic() > end:
                return got
            time.sleep(0.05)

    def mechanisms(self):
        """What the log says clients logged in with."""
        return re.findall(r"sasl_method=([A-Z0-9-]+)", self.log())

    def handshakes(self):
        """Of each TLS connection, oldest first: was a session reused?"""
        said = re.findall(r"TLS connection established|Reusing old session",
                          self.log())
        return [n > 0 and said[n - 1].startswith("Reusing")
                for n, word in enumerate(said) if word.startswith("TLS")]

    def stop(self):
        try:
            self._postfix("stop")
        finally:
            self.dovecot.terminate()
            self.dovecot.wait(20)
