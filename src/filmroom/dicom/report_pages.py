"""A report for people: a page of HTML, and plain text, both in UTF-8."""

import textwrap
from collections.abc import Iterator, Mapping
from html import escape

from filmroom.dicom.reports import ROOT, Line, Report

_INDENTED = 8  # levels in plain text: deeper lines begin no further to the right
_EMPTY = "–"  # where a value is missing

# Nothing is loaded from elsewhere, and nothing runs.
_HEAD = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em }}
body {{ overflow-wrap: anywhere }}
dl {{ display: grid; grid-template-columns: max-content auto; gap: 0 1em; padding: .5em 0 }}
dl {{ border: 1px solid #aaa; border-width: 1px 0 }}
dt, .context, i {{ color: #555 }}
dd, p {{ margin: 0 }}
div div, section section {{ margin-left: 1.5em }}
h2, h3, h4, h5, h6 {{ margin: .8em 0 .2em; font-size: 1.1em }}
h2 {{ font-size: 1.3em }}
span {{ white-space: pre-wrap }}
</style>
</head>
<body>
"""


def html(report: Report) -> bytes:
    """An HTML document."""
    return "".join(_html(report)).encode()


def text(report: Report) -> bytes:
    """The same in lines."""
    return "\n".join(_text(report)).encode()


def _labels(report: Report) -> Mapping[str, str]:
    """What is written beside lines to which others refer: "[1.2]", by their places."""
    labels: dict[str, str] = {}
    for place, at in sorted(report.referred.items()):
        labels[at] = f"{labels[at]} [{place}]" if at in labels else f"[{place}]"
    return labels


def _html(report: Report) -> Iterator[str]:
    labels = _labels(report)
    yield _HEAD.format(title=escape(report.title))
    yield f"<h1{_anchor(ROOT, labels)}>{escape(report.title)}{_label(ROOT, labels)}</h1>\n"
    if report.header:
        yield "<dl>\n"
        yield from (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in report.header)
        yield "</dl>\n"
    yield "<main>\n"
    opened: list[tuple[int, str]] = []  # depth, and what ends it
    for line in report.lines:
        while opened and opened[-1][0] >= line.depth:
            yield opened.pop()[1]
        yield from _element(line, report.referred, labels)
        opened.append((line.depth, "</section>\n" if line.section else "</div>\n"))
    yield from (end for _, end in reversed(opened))
    yield "</main>\n</body>\n</html>\n"


def _anchor(place: str, labels: Mapping[str, str]) -> str:
    return f' id="item-{escape(place)}"' if place in labels else ""


def _label(place: str, labels: Mapping[str, str]) -> str:
    return f" {escape(labels[place])}" if place in labels else ""


def _element(line: Line, referred: Mapping[str, str], labels: Mapping[str, str]) -> Iterator[str]:
    """What a line begins with; what it contains comes after it."""
    style = ' class="context"' if line.context else ""
    yield f"<{'section' if line.section else 'div'}{_anchor(line.place, labels)}{style}>"
    label = _label(line.place, labels)
    before = f"<i>{line.before}</i> " if line.before else ""
    if line.section:
        level = min(line.depth + 2, 6)
        if line.name or before or label:
            yield f"<h{level}>{before}{escape(line.name)}{label}</h{level}>"
    else:
        name = f"<b>{escape(line.name)}:</b> " if line.name else ""
        yield f"<p>{before}{name}<span>{_linked(line, referred)}</span>{label}</p>"
    yield "\n"


def _linked(line: Line, referred: Mapping[str, str]) -> str:
    if not line.refers:
        return escape(line.value or _EMPTY)
    place, at = escape(line.refers), referred.get(line.refers)
    see = f"[{place}]" if at is None else f'<a href="#item-{escape(at)}">[{place}]</a>'
    return f"{escape(line.value)} see {see}".lstrip()


def _text(report: Report) -> Iterator[str]:
    labels = _labels(report)
    title = " ".join(filter(None, (report.title, labels.get(ROOT))))
    yield title
    yield "=" * min(len(title), 80)
    yield from (f"{name}: {value}" for name, value in report.header)
    before = 1
    for line in report.lines:
        if line.section or line.depth == 0 < before:
            yield ""
        if written := _written(line, labels.get(line.place, "")):
            yield textwrap.indent(written, "  " * min(line.depth, _INDENTED))
        before = line.depth
    yield ""


def _written(line: Line, label: str) -> str:
    if line.section:
        return " ".join(filter(None, (line.before, line.name, label)))
    see = f"see [{line.refers}]" if line.refers else ""
    value = " ".join(filter(None, (line.value, see))) or _EMPTY
    if "\n" in value:
        value = "\n" + textwrap.indent(value, "  ")
    name = line.name and f"{line.name}:"
    return " ".join(filter(None, (line.before, name, value, label))).replace(" \n", "\n")
