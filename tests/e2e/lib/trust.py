"""What the tests of trust need: OCSP responses, tokens, a terminal."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

from .program import HERE

OPENSSL = ("openssl", "ocsp")


def run(*argv, **more):
    """A tool that must not fail; its output."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, **more)
    assert done.returncode == 0, (argv, done.stdout)
    return done.stdout.decode()


def fingerprint(path):
    """As openssl prints it, with colons and in capitals."""
    return run("openssl", "x509", "-in", path, "-noout", "-fingerprint",
               "-sha256").strip().split("=")[1]


def pin(path):
    """The digest of the key, by openssl alone."""
    key = subprocess.run(["openssl", "x509", "-in", str(path), "-noout",
                          "-pubkey"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"],
                         input=key, check=True, capture_output=True).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"],
                            input=der, check=True, capture_output=True).stdout
    return "sha256:" + subprocess.run(["openssl", "base64"], input=digest,
                                      check=True, capture_output=True
                                      ).stdout.decode().strip()


def ocsp(certs, directory, cert="good", about=None, status="V", reason="",
         signer="ca", shift=None):
    """A response as a file: status V (good), R (revoked) or "" (unknown), on
    the certificate `about`; shift moves the clock of who signs it."""
    path = directory / ("%s.ocsp" % cert)
    index = directory / "index"
    about = certs / ("%s.pem" % (about or cert))
    serial = run("openssl", "x509", "-in", about, "-noout",
                 "-serial").strip().split("=")[1]
    revoked = "251101120000Z,%s" % reason if status == "R" else ""
    index.write_text("\t".join([status, "491231235959Z", revoked, serial,
                                "unknown", "/CN=relay.test"]) + "\n"
                     if status else "")
    run(*(["faketime", "-f", shift] if shift else []), *OPENSSL,
        "-index", index, "-rsigner", certs / (signer + ".pem"),
        "-rkey", certs / (signer + ".key"), "-CA", certs / "ca.pem",
        "-issuer", certs / "ca.pem", "-cert", about, "-respout", path,
        "-ndays", "1", "-noverify", "-no_nonce")
    return path


class Token:
    """A token of SoftHSM's, "mail", with the certificate and key of "client"
    as "me"; PIN 4711.  .env is for who is to use it."""

    def __init__(self, directory, certs):
        self.dir = directory
        (directory / "tokens").mkdir()
        conf = directory / "softhsm2.conf"
        conf.write_text("directories.tokendir = %s\nobjectstore.backend = "
                        "file\nlog.level = ERROR\n" % (directory / "tokens"))
        self.env = {"SOFTHSM2_CONF": str(conf)}
        env = dict(os.environ, GNUTLS_PIN="4711", **self.env)
        run("softhsm2-util", "--init-token", "--free", "--label", "mail",
            "--pin", "4711", "--so-pin", "87654321", env=env)
        run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in",
            certs / "client.key", "-out", directory / "p8.pem")
        run("softhsm2-util", "--import", directory / "p8.pem", "--token",
            "mail", "--label", "me", "--id", "01", "--pin", "4711", env=env)
        run("p11tool", "--batch", "--login", "--write", "--load-certificate",
            certs / "client.pem", "--label", "me", "--id", "01",
            "pkcs11:token=mail", env=env)

    def watched(self, flags=0):
        """Environment in which logins are counted: .logins()."""
        library = self.dir / "token.so"
        if not library.exists():
            cflags = run("pkg-config", "--cflags", "p11-kit-1").split()
            run("cc", "-shared", "-fPIC", "-O1", *cflags, "-o", library,
                HERE / "token.c")
        return dict(self.env, LD_PRELOAD=str(library),
                    TOKEN_LOG=str(self.dir / "log"), TOKEN_FLAGS=str(flags),
                    ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")

    def logins(self):
        log = self.dir / "log"
        return log.read_text().splitlines() if log.exists() else []


def missing_token_tools():
    tools = [t for t in ("softhsm2-util", "p11tool", "pkg-config")
             if not shutil.which(t)]
    return tools and "not installed: %s" % ", ".join(tools)


class AtTerminal:
    """A program whose controlling terminal is ours; stdin is `stdin`."""

    def __init__(self, argv, env, stdin):
        in_r, in_w = os.pipe()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                os.dup2(in_r, 0)
                os.closerange(3, 256)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(125)
        os.close(in_r)
        os.write(in_w, stdin)
        os.close(in_w)
        self.screen = b""

    def wait_for(self, text, seconds=10):
        """Read the screen until there is a match of text."""
        end = time.monotonic() + seconds
        while not re.search(text, self.screen):
            left = end - time.monotonic()
            assert left > 0, self.screen
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.screen += os.read(self.master, 4096)
                except OSError:		# it has ended
                    assert re.search(text, self.screen), self.screen
        return self

    def type(self, text):
        os.write(self.master, text)
        return self

    def finish(self, seconds=15):
        """Its status."""
        end = time.monotonic() + seconds
        while True:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.screen += os.read(self.master, 4096)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)
