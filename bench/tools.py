"""The peers' programs: where they are, or why they are not."""

import os
import shutil
from pathlib import Path

from command import Unmeasurable

LIBS = "/opt/kafka/libs"


def missing(program):
    """Why a program cannot be run; None where it can. What could not be installed has its reason from bench/run."""
    if shutil.which(program):
        return None
    reason = os.environ.get(f"BENCH_NO_{program.upper()}")
    return f"{program} is not there{f': {reason}' if reason else ''}"


def jars(setup, directory):
    """Kafka's jars, copied out of the image that kdev runs; returns where they are."""
    if reason := missing("java"):
        raise Unmeasurable(reason)
    container = setup.engine.post("/containers/create", {"Image": setup.kafka_image()}, name=f"{setup.prefix}-jars")
    try:
        setup.engine.untar(f"/containers/{container['Id']}/archive?path={LIBS}", directory)
    finally:
        setup.engine.remove(f"/containers/{container['Id']}", v="1")
    return Path(directory) / "libs"
