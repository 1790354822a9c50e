"""Charts as plain SVG, readable on light and on dark: no background, and colours between the two."""

from html import escape

OURS, THEIRS, TEXT, LINE = "#2f9e63", "#7f8ea3", "#768390", "#76839055"
WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 270, 90, 20, 8, 34
# What fits to the left of a bar.
LETTERS = 38


def bars(title, unit, values):
    """Horizontal bars of (name, value, whether it is kdev's)."""
    values = [each for each in values if each[1]]
    most = max((value for _, value, _ in values), default=1)
    body = []
    for at, (name, value, ours) in enumerate(values):
        y = TOP + at * (BAR + GAP)
        wide = value / most * (WIDTH - LEFT - RIGHT)
        body += [
            text(LEFT - 8, y + 15, short(name), "end", bold=ours),
            f'<rect x="{LEFT}" y="{y}" width="{wide:.1f}" height="{BAR}" rx="3" fill="{OURS if ours else THEIRS}"/>',
            text(LEFT + wide + 6, y + 15, f"{number(value)} {unit}".strip(), bold=ours),
        ]
    return page(title, body, TOP + len(values) * (BAR + GAP) + 4)


def waterfall(title, spans):
    """Spans of (name, begin, end, whether of waiting) in seconds, each a bar at its time."""
    most = max((end for _, _, end, _ in spans), default=1)
    scale = (WIDTH - LEFT - RIGHT) / most
    bottom = TOP + len(spans) * (BAR + GAP)
    body = []
    step = 0.5 if most < 6 else 1 if most < 12 else 5
    for tick in range(int(most / step) + 1):
        x = LEFT + tick * step * scale
        body += [
            f'<line x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{bottom}" stroke="{LINE}"/>',
            text(x, bottom + 14, f"{tick * step:g} s", "middle"),
        ]
    for at, (name, begin, end, waited) in enumerate(spans):
        y = TOP + at * (BAR + GAP)
        wide = max((end - begin) * scale, 1.5)
        body += [
            text(LEFT - 8, y + 15, short(name), "end"),
            f'<rect x="{LEFT + begin * scale:.1f}" y="{y}" width="{wide:.1f}" height="{BAR}" rx="3" '
            f'fill="{THEIRS if waited else OURS}"/>',
            text(LEFT + begin * scale + wide + 6, y + 15, f"{number(end - begin)} s"),
        ]
    return page(title + " (grey: waiting)", body, bottom + 22)


def page(title, body, height):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="{escape(title)}">',
        text(0, 16, title, bold=True), *body, "</svg>\n",
    ])  # fmt: skip


def text(x, y, words, anchor="start", bold=False):
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" fill="{TEXT}"{weight}>{escape(words)}</text>'


def short(name):
    return name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"


def number(value):
    """Three digits or so: 1,234,000 as 1.23 M."""
    for unit, size in (("M", 1e6), ("k", 1e4)):
        if value >= size:
            return f"{value / (1e6 if unit == 'M' else 1e3):.3g} {unit}"
    return f"{value:.3g}"
