"""The parts as a page of Markdown, as JSON with every sample, and their charts."""

import json
import statistics
from pathlib import Path

RESULTS = Path(__file__).with_name("results")
HEADER = ("", "kdev: median (min–max)", "against", "its median (min–max)", "ratio", "at most", "met", "reach for", "reached")
SAID = {True: "yes", False: "**no**", None: ""}


def markdown(machine, parts):
    """The whole page."""
    page = [f"- {name}: {text}" for name, text in machine.items()]
    page += ["", *summary([row for part in parts for row in part.rows])]
    for part in parts:
        page += ["", f"## {part.title}", "", *table(part.rows)]
        if part.notes:
            page += ["", *part.notes]
        if reasons := [f"- {row.name} ({row.peer or 'kdev'}): {row.why}" for row in part.rows if row.why]:
            page += ["", "Not measured:", "", *reasons]
        if part.commands:
            page += ["", "What was run:", "", *(f"- {name}: `{words}`" for name, words in part.commands)]
    page += [
        "",
        "Both sides of a row ran by turns. Memory of nodes is what `docker stats` shows: without idle file cache. "
        "Memory of a program is the kernel's maximum resident size of the process. MB are 10^6 bytes.",
    ]
    return "\n".join(page) + "\n"


def summary(rows):
    """How many goals are met, and which are not."""
    with_goal = [row for row in rows if row.goal is not None]
    if not with_goal:
        return []
    missed = [row for row in with_goal if not row.met()]
    said = [f"{len(with_goal) - len(missed)} of {len(with_goal)} goals met."]
    return said + ([""] + [f"- **not met**: {row.name}, against {'its limit' if row.absolute or not row.peer else row.peer}" for row in missed] if missed else [])


def table(rows):
    """Without the columns that hold nothing."""
    lines = list(map(line, rows))
    used = [column for column in range(len(HEADER)) if column < 2 or any(each[column] for each in lines)]
    cells = [[each[column] for column in used] for each in (HEADER, ["---"] * len(HEADER), *lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(used))]
    return ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]


def line(row):
    judged = (goal(row, row.goal), SAID[row.met()], goal(row, row.reach), SAID[row.reached()])
    if not row.measured():
        return (row.name, "not measured", row.peer or "", "", "", *judged)
    ratio = row.ratio()
    theirs = spread(row.theirs, row.unit) if row.peer else ""
    shown = f"{ratio:.2f}" if ratio is not None else ""
    return (row.name, spread(row.ours, row.unit), row.peer or "", theirs, shown, *judged)


def goal(row, value):
    if value is None:
        return ""
    if row.peer is not None and not row.absolute:
        return f"{value:.2f}"
    return amount(value, row.unit) + (", always" if row.worst else "")


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


def save(machine, parts, page):
    """Writes results/latest.md, latest.json and latest-CHART.svg; returns the path of the first."""
    RESULTS.mkdir(exist_ok=True)
    for old in RESULTS.glob("latest*"):
        old.unlink()
    data = {"machine": machine, "parts": [as_data(part) for part in parts]}
    (RESULTS / "latest.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    for part in parts:
        for name, chart in part.charts.items():
            (RESULTS / f"latest-{name}.svg").write_text(chart)
    path = RESULTS / "latest.md"
    path.write_text(page)
    return path


def as_data(part):
    rows = [{**vars(row), "ratio": row.ratio(), "met": row.met(), "reached": row.reached()} for row in part.rows]
    return {"title": part.title, "rows": rows, "commands": part.commands, "notes": part.notes}
