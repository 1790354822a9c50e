"""A kdev project that lives as long as a measurement."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import command
from command import Unmeasurable
from interrupt import shielded


class Project:
    """A directory of its own and what kdev runs for it; at the end nothing of it is left on the engine."""

    def __init__(self, kdev, engine, name, toml=None):
        self.kdev, self.engine = kdev, engine
        self.name, self.toml = name, toml

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="kdev-bench-")
        # As the system names it, for that is what kdev writes into its labels. Its last part is the project's name.
        self.directory = Path(self.temporary.name).resolve() / self.name
        self.directory.mkdir()
        if self.toml:
            (self.directory / "kdev.toml").write_text(self.toml)
        return self

    def __exit__(self, *_):
        with shielded():
            try:
                self.run("down", "--volumes")
            except Unmeasurable as error:
                print(f"bench: {error}; removing by label", file=sys.stderr, flush=True)
                self.remove_by_label()
            self.temporary.cleanup()

    def run(self, *arguments, **options):
        """What this call of kdev cost."""
        return command.run([self.kdev, *arguments], cwd=self.directory, **options)

    def said(self, *arguments):
        """What this call of kdev writes as JSON."""
        done = subprocess.run([self.kdev, *arguments], cwd=self.directory, capture_output=True, text=True, process_group=0)
        if done.returncode != 0:
            raise Unmeasurable(f"`kdev {' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def nodes(self):
        """The ids of its nodes' containers."""
        role = {"label": [f"kdev.directory={self.directory}", "kdev.role=node"]}
        return [found["Id"] for found in self.engine.get("/containers/json", filters=json.dumps(role))]

    def volumes(self):
        """The names of its volumes."""
        mine = json.dumps({"label": [f"kdev.directory={self.directory}"]})
        return [volume["Name"] for volume in self.engine.get("/volumes", filters=mine)["Volumes"] or []]

    def remove_by_label(self):
        mine = json.dumps({"label": [f"kdev.directory={self.directory}"]})
        for container in self.engine.get("/containers/json", all="true", filters=mine):
            self.engine.remove(f"/containers/{container['Id']}", force="1", v="1")
        for network in self.engine.get("/networks", filters=mine):
            self.engine.remove(f"/networks/{network['Id']}")
        for volume in self.volumes():
            self.engine.remove(f"/volumes/{volume}")
        for image in self.engine.get("/images/json", filters=mine):
            self.engine.remove(f"/images/{image['Id']}", force="1")
