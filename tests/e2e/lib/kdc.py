"""A Kerberos KDC of the tests' own: MIT's, on a loopback port, in a directory.

The machine's own /etc/krb5.conf and databases are neither read nor touched:
every process gets KRB5_CONFIG and KRB5_KDC_PROFILE from env().
"""
import os
import pathlib
import socket
import subprocess
import time

REALM = "POSTHASTE.TEST"
PASSWORD = "Correct-Horse-9"

KRB5_CONF = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = {udp}
 default_ccache_name = FILE:{dir}/cc
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
 OTHER.TEST = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = {realm}
"""

KDC_CONF = """\
[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {realm} = {{
  database_name = {dir}/principal
  key_stash_file = {dir}/stash
  acl_file = {dir}/acl
  max_life = 10h
  supported_enctypes = aes256-cts:normal
 }}
[logging]
 kdc = FILE:{dir}/kdc.log
"""

PROGRAMS = ("/usr/sbin/krb5kdc", "/usr/sbin/kdb5_util",
            "/usr/sbin/kadmin.local", "/usr/bin/kinit")


def missing():
    """Why there can be no KDC here, or None."""
    for name in PROGRAMS:
        if not os.access(name, os.X_OK):
            return name + " is not installed (krb5-kdc, krb5-admin-server, " \
                "krb5-user)"
    return None


class Kdc:
    """principals alice@REALM and smtp/localhost@REALM; keytab for the latter."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.keytab = self.dir / "keytab"
        self._write()
        self._run("/usr/sbin/kdb5_util", "create", "-s", "-r", REALM, "-P",
                  "master-key-of-a-test")
        self._admin("addprinc -pw %s alice" % PASSWORD)
        self._admin("addprinc -randkey smtp/localhost")
        self._admin("ktadd -k %s smtp/localhost" % self.keytab)
        self.keytab.chmod(0o644)
        self.proc = None
        self.start()

    def _write(self):
        facts = {"dir": self.dir, "realm": REALM, "port": self.port, "udp": 1}
        (self.dir / "krb5.conf").write_text(KRB5_CONF.format(**facts))
        (self.dir / "kdc.conf").write_text(KDC_CONF.format(**facts))
        (self.dir / "acl").write_text("")
        # MIT's library keeps a few octets to itself when there is no ticket.
        (self.dir / "lsan").write_text("leak:libgssapi_krb5\n"
                                       "leak:libgssglue\n")

    def env(self, **more):
        """What a client or server of this realm needs in its environment."""
        lsan = "%s:suppressions=%s/lsan:print_suppressions=0" % (
            os.environ.get("LSAN_OPTIONS", ""), self.dir)
        return dict({"LSAN_OPTIONS": lsan.lstrip(":"),
                     "KRB5_CONFIG": str(self.dir / "krb5.conf"),
                     "KRB5_KDC_PROFILE": str(self.dir / "kdc.conf"),
                     "KRB5_KTNAME": "FILE:%s" % self.keytab,
                     "KRB5RCACHENAME": "dfl:", "KRB5RCACHEDIR": str(self.dir),
                     "KRB5CCNAME": "FILE:%s/cc" % self.dir}, **more)

    def _run(self, *argv, stdin=b""):
        done = subprocess.run(argv, input=stdin, capture_output=True,
                              env=dict(os.environ, **self.env()), timeout=30)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)

    def _admin(self, query):
        self._run("/usr/sbin/kadmin.local", "-r", REALM, "-q", query)

    def start(self):
        self.proc = subprocess.Popen(
            ["/usr/sbin/krb5kdc", "-n", "-r", REALM, "-P",
             str(self.dir / "pid")], stdin=subprocess.DEVNULL,
            stdout=open(self.dir / "kdc.out", "ab"), stderr=subprocess.STDOUT,
            env=dict(os.environ, **self.env()))
        end = time.monotonic() + 15
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 2).close()
                return
            except OSError:
                assert self.proc.poll() is None and time.monotonic() < end, \
                    (self.dir / "kdc.out").read_text()
                time.sleep(0.05)

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()

    def kinit(self, cache, *options, user="alice", password=PASSWORD):
        """A ticket for user in `cache`; returns the environment to use it."""
        env = self.env(KRB5CCNAME="FILE:%s" % cache)
        done = subprocess.run(["/usr/bin/kinit", *options, user],
                              input=password.encode() + b"\n",
                              capture_output=True, timeout=30,
                              env=dict(os.environ, **env))
        assert done.returncode == 0, (done.stdout, done.stderr)
        return env
