"""Retrieve Rendered and Thumbnails (PS3.18 §10.4.1.1.3, §10.4.1.1.4): what is stored, as people look at it.

Of an Instance with Frames these are images, of a video the video, of a Structured Report a page, of an encapsulated
document the document.
"""

from filmroom.services.rendered.answers import of_instance, of_many, thumbnail

__all__ = ["of_instance", "of_many", "thumbnail"]
