"""A path with a delay: the relay's proxy in front of a relay."""
import subprocess
import threading

from .relay import binary


class Proxy:
    def __init__(self, port, delay):
        self.delay = delay / 1000.0
        self.proc = subprocess.Popen(
            [str(binary()), "--proxy=0:%d" % port, "--proxy-delay=%d" % delay],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        guard = threading.Timer(15, self.proc.kill)
        guard.start()
        self.port = None
        for line in self.proc.stdout:
            words = line.decode().split()
            if words[:1] == ["listening"]:
                self.port = int(words[1].rsplit(":", 1)[1])
            if words[:1] == ["ready"]:
                break
        guard.cancel()
        assert self.port, "the proxy did not start"

    def trips(self, elapsed):
        """Whole round trips that fit into so many seconds."""
        return int(elapsed / self.delay)

    def stop(self):
        self.proc.terminate()
        self.proc.wait(10)
        self.proc.stdout.close()
