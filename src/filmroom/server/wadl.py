"""The Capabilities Description (PS3.18 Annex H): WADL, as XML and as JSON, made from the table of methods."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

import orjson

from filmroom.protocol.dialects import Dialect
from filmroom.server import methods as described
from filmroom.server.methods import PARAMETERS, Method

NAMESPACE = "http://wadl.dev.java.net/2009/02"

# The template variables of Annex H
_VARIABLES = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID", "instance": "SOPInstanceUID"}
_VARIABLE = re.compile(r"\{(\w+)(?::path)?\}")


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the document."""

    tag: str
    attributes: Mapping[str, str]
    children: list["Element"] = field(default_factory=list)


def describe(methods: Iterable[Method], dialect: Dialect, base: str) -> Element:
    """The document of one root, whose URL is `base`."""
    resources = Element("resources", {"base": base})
    for method in methods:
        if method.path != "/":  # Retrieve Capabilities is what gives this document (Table H-1)
            _resource(resources, method.path.strip("/").split("/")).children.append(_method(method, dialect))
    return Element("application", {"xmlns": NAMESPACE}, [resources])


def as_xml(document: Element) -> bytes:
    """The document as application/vnd.sun.wadl+xml."""
    written: bytes = ElementTree.tostring(_xml(document), encoding="utf-8", xml_declaration=True)
    return written


def as_json(document: Element) -> bytes:
    """The document as JSON: an attribute is a member, the children with one tag are an array of its name."""
    return orjson.dumps({document.tag: _json(document)})


def _resource(parent: Element, segments: Sequence[str]) -> Element:
    """The resource of a path, made with those above it where they are missing."""
    for segment in segments:
        path = _VARIABLE.sub(lambda found: "{" + _VARIABLES.get(found[1], found[1]) + "}", segment)
        child = next((one for one in parent.children if one.attributes.get("path") == path), None)
        if child is None:
            child = Element("resource", {"path": path})
            parent.children.append(child)
            if found := _VARIABLE.fullmatch(segment):
                name = _VARIABLES.get(found[1], found[1])
                child.children.append(_parameter(name, "template", PARAMETERS[found[1]].text, required="true"))
        parent = child
    return parent


def _method(method: Method, dialect: Dialect) -> Element:
    accepted = described.media_types(method, dialect)
    parameters = [
        _parameter(name, "query", described.find(name).text, required=str(name in method.required).lower())
        for name in described.parameters(method, dialect)
    ]
    if accepted:
        options = [Element("option", {"value": value}) for value in accepted]
        parameters.insert(0, Element("param", {"name": "Accept", "style": "header", "default": accepted[0]}, options))
    received = [Element("representation", {"mediaType": media_type}) for media_type in method.receives]
    sent = [Element("representation", {"mediaType": media_type}) for media_type in accepted]
    statuses = " ".join(map(str, described.successes(method, dialect)))
    children = [
        Element("doc", {"title": method.name + (f", PS3.18 §{method.section}" if method.section else "")}),
        Element("request", {}, [*parameters, *received]),
        Element("response", {"status": statuses}, sent),
        Element("response", {"status": " ".join(map(str, described.failures(method, dialect)))}),
    ]
    return Element("method", {"name": method.verb, "id": method.identifier}, children)


def _parameter(name: str, style: str, text: str, **more: str) -> Element:
    return Element("param", {"name": name, "style": style, **more}, [Element("doc", {"title": text})])


def _xml(element: Element) -> ElementTree.Element:
    made = ElementTree.Element(element.tag, dict(element.attributes))
    made.extend(map(_xml, element.children))
    return made


def _json(element: Element) -> dict[str, object]:
    made: dict[str, object] = dict(element.attributes)
    for tag in dict.fromkeys(child.tag for child in element.children):
        made[tag] = [_json(child) for child in element.children if child.tag == tag]
    return made
