"""How files are called by the media types of what is in them."""

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
