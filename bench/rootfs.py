"""The files of a container's image in a directory of this machine, and programs run in there without any container."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from command import Unmeasurable


class Rootfs:
    """All files of an image, for `chroot`: the very same JVM, jars and archive at the very same paths."""

    def __init__(self, engine, image, prefix):
        self.engine, self.image, self.prefix = engine, image, prefix

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="kdev-bench-root-")
        self.path = Path(self.temporary.name)
        name = f"{self.prefix}-export"
        try:
            # A user who is not root becomes one in a namespace, where the machine allows that.
            if not shutil.which("unshare") or subprocess.run([*self.inside(), "true"], capture_output=True).returncode != 0:
                raise Unmeasurable("a root directory of its own for a program needs Linux, and root or user namespaces")
            self.engine.post("/containers/create", {"Image": self.image}, name=name)
            # Devices are not ours to make, and the machine's own are mounted over them.
            self.engine.untar(f"/containers/{name}/export", self.path, "--anchored", "--exclude=dev/*")
        except BaseException:
            self.temporary.cleanup()
            raise
        finally:
            self.engine.remove(f"/containers/{name}", v="1")
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    @staticmethod
    def inside():
        """In a mount namespace of its own: what is mounted there is not seen outside, and is gone with it."""
        return ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]

    def command(self, words):
        """The command line that runs `words` in there. The JVM needs /proc and /dev."""
        mounts = f"mount --rbind /proc {self.path}/proc && mount --rbind /dev {self.path}/dev"
        return [*self.inside(), "sh", "-c", f'{mounts} && exec chroot {self.path} "$@"', "sh", *words]
