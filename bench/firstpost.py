"""From `kdev up` to the first post on the consumer's output: nodes, topic and both apps, their images built before."""

import json
import subprocess
import time
from datetime import datetime

from command import Unmeasurable
from project import Project

LIMIT_S = 60
# Of the whole: what a line of the waterfall is worth.
WORTH_SHOWING = 0.03
# The consumer prints each post as one line of JSON that begins so; what it says besides does not.
POST = b'{"topic"'


class FirstPost:
    def __init__(self, setup):
        self.setup = setup
        self.project = Project(setup.kdev, setup.engine, f"{setup.prefix}-post")

    def __enter__(self):
        self.project.__enter__()
        try:
            self.setup.say("the apps' images")
            self.project.run("up")
            self.forget()
        except BaseException:
            self.project.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.project.__exit__()

    def forget(self):
        """Back to nothing, but for the images: `down --volumes` would remove them too."""
        self.project.run("down")
        for volume in self.project.volumes():
            self.project.engine.remove(f"/volumes/{volume}")
        time.sleep(1)

    def seconds(self):
        """One run. The engine's own time of the line counts: looking at it costs nothing meanwhile."""
        begin = time.time()
        up = subprocess.Popen(
            [self.project.kdev, "up"], cwd=self.project.directory, process_group=0,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        _, errors = up.communicate(timeout=LIMIT_S)
        if up.returncode != 0:
            raise Unmeasurable(f"`kdev up` ended with {up.returncode}: {errors.decode(errors='replace').strip()}")
        try:
            while not (printed := self.printed()):
                if time.time() - begin > LIMIT_S:
                    raise Unmeasurable(f"the consumer printed no post within {LIMIT_S} s")
                time.sleep(0.1)
        finally:
            self.forget()
        return printed - begin

    def timings(self):
        """Where the time of one run went, as kdev tells it: spans of name, begin and end in seconds, and whether of waiting."""
        try:
            told = self.project.said("up", "-o", "json")["timings"]
        finally:
            self.forget()
        spans = [(each["text"], each["start_ms"] / 1000, each["end_ms"] / 1000, each["waited"]) for each in told]
        whole = max(end for _, _, end, _ in spans)
        # A start has dozens of short waits, which are worth no line.
        return [span for span in spans if not span[3] or span[2] - span[1] >= WORTH_SHOWING * whole]

    def printed(self):
        """When the consumer printed its first post, in seconds since 1970; None while it has not."""
        filters = json.dumps({"label": [f"kdev.directory={self.project.directory}", "kdev.service=consumer"]})
        for container in self.project.engine.get("/containers/json", filters=filters):
            query = {"stdout": "1", "timestamps": "1"}
            for line in self.project.engine.request("GET", f"/containers/{container['Id']}/logs", query).split(b"\n"):
                # Eight bytes that name the stream and the length, then the time, then the line.
                stamp, _, text = line[8:].partition(b" ")
                if text.startswith(POST):
                    # Python reads microseconds; the engine writes nanoseconds.
                    return datetime.fromisoformat(stamp.decode()[:26] + "+00:00").timestamp()
        return None
