"""Responses of Retrieve Metadata (PS3.18 §10.4.1.1.2): DICOM JSON or the Native DICOM Model, versions and codings."""

from collections.abc import Callable

from starlette.requests import Request

from filmroom.dicom.resources import Resource
from filmroom.protocol import multipart, offers
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Selected
from filmroom.protocol.validators import Validator
from filmroom.server import messages, responses
from filmroom.server.responses import Answer, Conditions
from filmroom.server.work import Body
from filmroom.services.retrieve import Metadata, Version


def known(dialect: Dialect, request: Request, target: Resource, selected: Selected) -> Callable[[Version], bool]:
    """Whether the client has a version already. The Azure service compares text with text."""
    if not dialect.quoted_etags:
        tags = ", ".join(request.headers.getlist("if-none-match"))
        return lambda version: tags == version.tag
    conditions = Conditions.of(dialect, request, target)

    def known(version: Version) -> bool:
        conditions.check(_validator(version, selected))
        return conditions.known(_validator(version, selected))

    return known


def represent(
    dialect: Dialect, request: Request, found: Metadata, selected: Selected, root: str, target: Resource
) -> Answer:
    """The answer: all of it, or 304."""
    validator = _validator(found.version, selected)
    headers = validator.headers | responses.CACHING if dialect.quoted_etags else {"ETag": found.version.tag}
    if found.texts is None:
        # RFC 9110 §15.4.5 wants the ETag here too; the Azure service gives none.
        return Answer(headers if dialect.quoted_etags else {}, None, status=304)
    media_type, boundary = selected.media_type, ""
    if media_type != offers.DICOM_XML:
        chunks, content_type = messages.json_array(found.texts), media_type
    elif target.instance is not None and not selected.multipart:
        chunks, content_type = (chunk for _, document in found.documents for chunk in document), media_type
    else:
        boundary = multipart.new_boundary()
        content_type = f'multipart/related; type="{media_type}"; boundary={boundary}'
        documents = ((f"{root}{of.path}/metadata", document) for of, document in found.documents)
        chunks = messages.xml_parts(documents, boundary, media_type)
    encoded, coding = responses.coded(request, chunks)
    if dialect.quoted_etags and ("Content-Encoding" in coding or boundary):
        headers |= {"ETag": Validator(validator.tag, weak=True).etag}  # the same text in other bytes
    return Answer(headers | coding | {"Content-Type": content_type}, Body(encoded))


def _validator(version: Version, selected: Selected) -> Validator:
    suffix = "-xml" if selected.media_type == offers.DICOM_XML else ""
    return Validator(version.tag + suffix, version.modified)
