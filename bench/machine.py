"""What was measured, and on what: figures without it say nothing."""

import datetime
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from setup import ROOT


def describe(setup):
    """Pairs of a name and a text."""
    engine = setup.engine.get("/version")
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "processor": f"{os.cpu_count()} × {processor()}",
        "memory": f"{memory_gb:.1f} GB",
        "system": f"{system()}, Linux {platform.release()}",
        "engine": f"{engine['Version']} (API {engine['ApiVersion']})",
        "Kafka": f"{setup.kafka_version()}, image {setup.kafka_image()} {setup.engine.image_id(setup.kafka_image())[7:19]}",
        "kdev": f"{first_line([setup.kdev, '--version'])}, {origin(setup.kdev)}",
        "kcat": kcat(),
        "load before": f"{os.getloadavg()[0]:.2f} (one minute's average; above 0.5 the machine was not quiet)",
    }


def processor():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def kcat():
    if not shutil.which("kcat"):
        return "not there"
    said = subprocess.run(["kcat", "-V"], capture_output=True, text=True).stdout
    return ", ".join(re.findall(r"(?:Version |librdkafka )\S+", said)).replace("Version ", "")


def first_line(command):
    try:
        return (subprocess.run(command, capture_output=True, text=True).stdout.splitlines() or ["?"])[0]
    except OSError:
        return "?"


def origin(kdev):
    """The commit of this checkout, if the binary is its own."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
    return f"commit {commit()}" if target in Path(kdev).resolve().parents else "built elsewhere"


def commit():
    short = first_line(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"])
    changed = first_line(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return short if changed == "?" else f"{short} with changes"
