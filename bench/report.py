"""The rows as a Markdown table, and as JSON with every sample."""

import json
import shlex
import statistics
from pathlib import Path

import baseline
import records

RESULTS = Path(__file__).with_name("results")
HEADER = ("", "kdev: median (min–max)", "against", "its median (min–max)", "ratio", "goal", "met")


def markdown(machine, rounds, rows):
    """The whole page."""
    cells = [HEADER, tuple("---" for _ in HEADER), *map(line, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
    table = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    about = [f"- {name}: {text}" for name, text in machine.items()]
    reasons = [f"- {row.name}: {row.why}" for row in rows if row.why]
    page = [*about, f"- rounds: {rounds}, both sides by turns", "", *table, "", *peers()]
    if reasons:
        page += ["", "Not measured:", *reasons]
    return "\n".join(page) + "\n"


def line(row):
    if row.why or not row.measured():
        return (row.name, "not measured", row.peer or "", "", "", goal(row), "no" if row.goal is not None else "")
    ratio = row.ratio()
    return (
        row.name,
        spread(row.ours, row.unit),
        row.peer or "",
        spread(row.theirs, row.unit) if row.peer else "",
        f"{ratio:.2f}" if ratio is not None else "",
        goal(row),
        {True: "yes", False: "**no**", None: ""}[row.met()],
    )


def goal(row):
    if row.goal is None:
        return ""
    if row.peer is not None:
        return f"≤ {row.goal:.2f}"
    return f"< {amount(row.goal, row.unit)}" + (", always" if row.worst else "")


def spread(samples, unit):
    """The median, and the extremes where there are any."""
    middle = amount(statistics.median(samples), unit)
    if len(samples) == 1:
        return middle
    return f"{middle} ({amount(min(samples), unit)}–{amount(max(samples), unit)})"


def amount(value, unit):
    """Three significant digits or so, milliseconds below one second."""
    if unit == "s" and value < 1:
        value, unit = value * 1000, "ms"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def peers():
    """What the peers were told, to the letter."""
    settings = " ".join(f"-e {name}={value}" for name, value in baseline.settings("N", "PORT").items())
    quoted = lambda command: f"`{shlex.join(command)}`"
    return [
        "What was run beside kdev:",
        f"- the image's own entrypoint, three times at once through the engine's API: `docker run -h kafka-N "
        f"-p 127.0.0.1:PORT:9092 {settings} IMAGE`; ready when each node's own metadata answer lists three brokers",
        f"- {quoted(records.kcat_produce('BROKERS', 'TOPIC', 'FILE'))}",
        f"- {quoted(records.kcat_consume('BROKERS', 'TOPIC'))}, its output into a file as kdev's",
        "",
        "Memory of nodes is what `docker stats` shows: without idle file cache. Memory of kdev is the kernel's maximum "
        "resident size of the process. MB are 10^6 bytes.",
    ]


def save(machine, rounds, rows, page):
    """Writes results/latest.md and results/latest.json; returns the path of the first."""
    RESULTS.mkdir(exist_ok=True)
    data = [{**vars(row), "ratio": row.ratio(), "met": row.met()} for row in rows]
    text = json.dumps({"machine": machine, "rounds": rounds, "rows": data}, indent=1, ensure_ascii=False)
    (RESULTS / "latest.json").write_text(text + "\n")
    path = RESULTS / "latest.md"
    path.write_text(page)
    return path
