"""A signed root of the tests' own, and runs that believe it.

    zone = Zone(directory, ["mx.secure. A 127.0.0.1", ...], insecure=[...])
    zone.run(home, "bob@example.net")

Names below "secure." are signed, those below "insecure." provably not.  An
unbound serves both on port 53 of a loopback address without validating; the
program's helper validates, with our root key bound over the system's, in a
mount namespace.  Needs root, unbound and ldnsutils.
"""
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import time

from .program import program

ADDRESS = "127.0.53.%d"
HEAD = [". 60 IN SOA a.secure. h.secure. 1 3600 600 86400 60",
        ". 60 IN NS a.secure.", "a.secure. 60 IN A 127.0.0.1",
        "insecure. 60 IN NS a.insecure.", "a.insecure. 60 IN A 127.0.0.1"]
BELOW = ["insecure. 60 IN SOA a.insecure. h.insecure. 1 3600 600 86400 60",
         "insecure. 60 IN NS a.insecure.", "a.insecure. 60 IN A 127.0.0.1"]
CONF = """\
server:
  directory: "{dir}"
  chroot: ""
  username: ""
  pidfile: "{dir}/pid"
  interface: {address}
  do-daemonize: no
  use-syslog: no
  logfile: "{dir}/log"
  module-config: "iterator"
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  root-hints: ""
remote-control:
  control-enable: no
auth-zone:
  name: "."
  zonefile: "{dir}/root.signed"
  for-upstream: yes
  for-downstream: no
  fallback-enabled: no
auth-zone:
  name: "insecure."
  zonefile: "{dir}/insecure"
  for-upstream: yes
  for-downstream: no
  fallback-enabled: no
"""
# Our key stands where the helper looks first for the root's.
SCRIPT = """\
mount --bind "$0/resolv.conf" /etc/resolv.conf
for f in /usr/share/dns/root.key /var/lib/unbound/root.key; do
	test ! -e $f || mount --bind "$0/etc/root.key" $f
done
mount --bind "$0/etc" /etc/unbound
exec "$@"
"""


def missing():
    """Why there can be no such runs, or None."""
    if os.geteuid():
        return "a name server of our own needs root"
    for name in ("unbound", "ldns-keygen", "ldns-signzone"):
        if not shutil.which(name, path="/usr/sbin:/usr/bin"):
            return name + " is not installed (packages unbound, ldnsutils)"
    if not (program().parent.parent / "libexec/posthaste-dane").exists():
        return "posthaste-dane was not built (package libunbound-dev)"
    if subprocess.run(["unshare", "-m", "true"]).returncode:
        return "no mount namespace"
    return None


class Zone:
    count = 0

    def __init__(self, directory, records, insecure=(), spoil=None):
        Zone.count += 1
        self.dir = pathlib.Path(directory) / ("zone%d" % Zone.count)
        (self.dir / "etc").mkdir(parents=True)
        # Each worker of a test run has addresses of its own.
        worker = int(re.sub("[^0-9]", "", os.environ.get(
            "PYTEST_XDIST_WORKER", "")) or 0)
        self.address = ADDRESS % (100 + worker)
        self._write(records, insecure)
        signed = (self.dir / "root.signed").read_text()
        if spoil:
            (self.dir / "root.signed").write_text(spoil(signed))
        self.proc = subprocess.Popen(
            ["/usr/sbin/unbound", "-c", str(self.dir / "conf")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.dir / "err", "wb"))
        self._await()

    def _write(self, records, insecure):
        d = self.dir
        (d / "root").write_text("\n".join(HEAD + list(records)) + "\n")
        (d / "insecure").write_text("\n".join(BELOW + list(insecure)) + "\n")
        (d / "conf").write_text(CONF.format(dir=d, address=self.address))
        (d / "resolv.conf").write_text("nameserver %s\n" % self.address)
        key = subprocess.run(
            ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "."], cwd=d,
            check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(["ldns-signzone", "-f", "root.signed", "root", key],
                       cwd=d, check=True, capture_output=True)
        shutil.copy(d / (key + ".key"), d / "etc/root.key")

    def _await(self):
        query = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + \
            b"\1a\6secure\0\0\1\0\1"
        end = time.monotonic() + 15
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(0.2)
                try:
                    s.sendto(query, (self.address, 53))
                    if s.recv(512)[3] & 15 == 0:
                        return
                except OSError:
                    time.sleep(0.02)
            assert self.proc.poll() is None and time.monotonic() < end, \
                ((self.dir / "err").read_text(),
                 (self.dir / "log").exists() and
                 (self.dir / "log").read_text())

    def run(self, home, *argv, **more):
        more["env"] = dict(more.pop("env", {}),
                           PATH="/usr/sbin:/usr/bin:/sbin:/bin")
        return home.run("-m", "sh", "-ec", SCRIPT, str(self.dir),
                        str(program()), *argv, exe="/usr/bin/unshare", **more)

    def ask(self, *argv):
        """What the helper itself says."""
        helper = program().parent.parent / "libexec/posthaste-dane"
        return subprocess.run(
            ["unshare", "-m", "sh", "-ec", SCRIPT, str(self.dir), str(helper),
             *map(str, argv)], check=True, capture_output=True, text=True,
            timeout=30).stdout

    def stop(self):
        self.proc.terminate()
        self.proc.wait(10)
