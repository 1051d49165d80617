"""How files are called by the media types of what is in them."""

from filmroom.client import Content, ContentFile
from filmroom.dicom import transfer_syntax
from filmroom.dicom.transfer_syntax import OCTET_STREAM

DOCUMENTS = {
    "text/html": ".html",
    "application/pdf": ".pdf",
    "text/xml": ".xml",
    "model/stl": ".stl",
    "model/obj": ".obj",
    "model/mtl": ".mtl",
}
IMAGES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/jls": ".jls",
    "image/jp2": ".jp2",
    "image/jpx": ".jpx",
    "image/jphc": ".jphc",
    "image/jxl": ".jxl",
    "image/dicom-rle": ".rle",
    "application/x-deflate": ".deflate",
}
VIDEOS = {"video/mp4": ".mp4", "video/mpeg2": ".mpg", "video/h265": ".h265"}
ENDINGS = {**IMAGES, **VIDEOS, **DOCUMENTS, "application/xml": ".xml"}


def ending(content: Content | ContentFile) -> str | None:
    """That of its media type; what comes as octets may be compressed, and then its Transfer Syntax says so."""
    media_type = content.media_type
    if media_type == OCTET_STREAM and content.transfer_syntax in transfer_syntax.ALL:
        media_type = transfer_syntax.find(content.transfer_syntax).media_type
    return ENDINGS.get(media_type.lower())
