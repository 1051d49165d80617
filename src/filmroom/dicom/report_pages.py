"""A report for people: a page of HTML, and plain text, both in UTF-8."""

import textwrap
from collections.abc import Iterator
from html import escape

from filmroom.dicom.reports import Line, Report

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
<h1>{title}</h1>
"""


def html(report: Report) -> bytes:
    """An HTML document."""
    return "".join(_html(report)).encode()


def text(report: Report) -> bytes:
    """The same in lines."""
    return "\n".join(_text(report)).encode()


def _html(report: Report) -> Iterator[str]:
    yield _HEAD.format(title=escape(report.title))
    if report.header:
        yield "<dl>\n"
        yield from (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in report.header)
        yield "</dl>\n"
    yield "<main>\n"
    opened: list[tuple[int, str]] = []  # depth, and what ends it
    for line in report.lines:
        while opened and opened[-1][0] >= line.depth:
            yield opened.pop()[1]
        yield from _element(line, report.referred)
        opened.append((line.depth, "</section>\n" if line.section else "</div>\n"))
    yield from (end for _, end in reversed(opened))
    yield "</main>\n</body>\n</html>\n"


def _element(line: Line, referred: frozenset[str]) -> Iterator[str]:
    """What a line begins with; what it contains comes after it."""
    place = f' id="item-{escape(line.place)}"' if line.place in referred else ""
    style = ' class="context"' if line.context else ""
    yield f"<{'section' if line.section else 'div'}{place}{style}>"
    label = f" [{escape(line.place)}]" if line.place in referred else ""
    before = f"<i>{line.before}</i> " if line.before else ""
    if line.section:
        level = min(line.depth + 2, 6)
        if line.name or before or label:
            yield f"<h{level}>{before}{escape(line.name)}{label}</h{level}>"
    else:
        name = f"<b>{escape(line.name)}:</b> " if line.name else ""
        yield f"<p>{before}{name}<span>{_linked(line, referred)}</span>{label}</p>"
    yield "\n"


def _linked(line: Line, referred: frozenset[str]) -> str:
    if not line.refers:
        return escape(line.value or _EMPTY)
    place = escape(line.refers)
    see = f'<a href="#item-{place}">[{place}]</a>' if line.refers in referred else f"[{place}]"
    return f"{escape(line.value)} see {see}".lstrip()


def _text(report: Report) -> Iterator[str]:
    yield report.title
    yield "=" * min(len(report.title), 80)
    yield from (f"{name}: {value}" for name, value in report.header)
    before = 1
    for line in report.lines:
        if line.section or line.depth == 0 < before:
            yield ""
        if written := _written(line, report.referred):
            yield textwrap.indent(written, "  " * min(line.depth, _INDENTED))
        before = line.depth
    yield ""


def _written(line: Line, referred: frozenset[str]) -> str:
    label = f"[{line.place}]" if line.place in referred else ""
    if line.section:
        return " ".join(filter(None, (line.before, line.name, label)))
    see = f"see [{line.refers}]" if line.refers else ""
    value = " ".join(filter(None, (line.value, see))) or _EMPTY
    if "\n" in value:
        value = "\n" + textwrap.indent(value, "  ")
    name = line.name and f"{line.name}:"
    return " ".join(filter(None, (line.before, name, value, label))).replace(" \n", "\n")
