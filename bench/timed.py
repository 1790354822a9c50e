"""Runs one command and writes what it cost: `wall user system maxrss code`, to a file descriptor.

A process of its own, and as small as Python gets (python3 -I -S, built-in modules only), because Linux counts the
memory of the parent at the moment of the start into the child's maximum: from here no figure can fall below some
10 MB, from the process that holds all of the measurements it would be twice that.

  timed.py RESULT_FD STOP_AFTER_SECONDS COMMAND...      (0: let it end by itself; else end it with SIGINT)
"""

import os
import sys
import time

SIGINT, SIGPIPE = 2, 13

result, stop_after, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
os.set_inheritable(result, False)

begin = time.monotonic()
# Python ignores SIGPIPE, and what is ignored stays so in a child.
pid = os.posix_spawnp(command[0], command, os.environ, setsigdef=[SIGINT, SIGPIPE])
if stop_after:
    time.sleep(stop_after)
    os.kill(pid, SIGINT)
_, status, usage = os.wait4(pid, 0)
wall = time.monotonic() - begin

code = os.waitstatus_to_exitcode(status)
os.write(result, f"{wall} {usage.ru_utime} {usage.ru_stime} {usage.ru_maxrss} {code}".encode())
