"""What every part of the measurement is given."""

import contextlib
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from command import Unmeasurable
from engine import Engine

ROOT = Path(__file__).resolve().parent.parent
OFFICIAL_KAFKA = "apache/kafka:{version}"
OFFICIAL_PYTHON = "python:3.13-slim"


@dataclass(frozen=True)
class Setup:
    """The binary measured, where a static one would be, the engine, and what everything made here is named after."""

    kdev: str
    static: str
    engine: Engine
    prefix: str
    records: int

    @staticmethod
    def say(text):
        """One line about what is being done; stdout is kept for the table."""
        print(f"bench: {text}", file=sys.stderr, flush=True)

    @staticmethod
    def kafka_version():
        """The version of the built-in kdev.toml, which is what `up` starts."""
        with (ROOT / "templates/kdev.toml").open("rb") as file:
            return tomllib.load(file)["kafka"]["version"]

    def kafka_image(self, version=None):
        """The image that kdev would run, of that version or of the built-in kdev.toml's."""
        version = version or self.kafka_version()
        return self.present("KDEV_KAFKA_IMAGE", OFFICIAL_KAFKA, version).replace("{version}", version)

    def python_image(self):
        """The image that the apps would be built from."""
        return self.present("KDEV_PYTHON_IMAGE", OFFICIAL_PYTHON)

    def present(self, variable, official, version=""):
        image = os.environ.get(variable) or official
        name = image.replace("{version}", version)
        try:
            self.engine.image_id(name)
        except Unmeasurable as error:
            raise Unmeasurable(f"the image {name} is not there ({error}): run scripts/images {version}".rstrip()) from error
        return image

    @contextlib.contextmanager
    def environment(self, **variables):
        """These variables, for the commands run inside."""
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
