"""Run one program and report on it: a small parent for an honest figure.

A child's peak memory, as the kernel counts it, begins with its parent's at
the time of fork; a test runner is big, so this little process stands between.
Descriptor argv[1] has JSON: argv, exe, env, cwd, stdin, close, limits,
uid, gid.  The process id and then the result go to descriptor argv[2], one
JSON line each.
"""
import json
import os
import resource
import signal
import sys


def child(job):
    os.setsid()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name, value in job["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if job["uid"] is not None:
        os.setgroups([])
        os.setgid(job["gid"])
        os.setuid(job["uid"])
    os.chdir(job["cwd"])
    argv = [a.encode("latin-1") for a in job["argv"]]
    env = {k.encode("latin-1"): v.encode("latin-1")
           for k, v in job["env"].items()}
    os.dup2(job["stdin"], 0)	# which may be what Python would not start on
    os.close(job["stdin"])
    for fd in job["close"]:
        os.close(fd)
    os.execve(job["exe"], argv, env)


def main():
    with open(int(sys.argv[1]), "rb") as f:
        job = json.loads(f.read())
    out = int(sys.argv[2])
    os.set_inheritable(out, False)
    pid = os.fork()
    if pid == 0:
        try:
            child(job)
        finally:
            os._exit(125)
    for fd in (0, 1, 2, job["stdin"]):
        os.close(fd)
    os.write(out, b'{"pid": %d}\n' % pid)
    _, status, used = os.wait4(pid, 0)
    os.write(out, json.dumps({
        "status": os.waitstatus_to_exitcode(status),
        "rss": used.ru_maxrss << 10,
        "cpu": used.ru_utime + used.ru_stime}).encode() + b"\n")


main()
