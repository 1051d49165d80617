"""Retrieve Transaction (PS3.18 §10.4): Instances, Metadata, Frames, Bulkdata, ZIP.

What is stored is sent as it lies: one SELECT says where, ranged reads fetch it. Only a Transfer Syntax that
is not the stored one needs the codec processes. What the index can tell is refused before the first byte. An object
that can't be converted is sent as it is stored if the request left the Transfer Syntax open; if it did not, and the
object is the second of several, the answer breaks off.
"""

from filmroom.services.retrieve.bulkdata import all_bulkdata, all_pixeldata, bulkdata, pixeldata
from filmroom.services.retrieve.frames import frames
from filmroom.services.retrieve.instances import instances_of
from filmroom.services.retrieve.metadata import Metadata, Version, metadata
from filmroom.services.retrieve.zipped import Zip, zipped

__all__ = [
    "Metadata",
    "Version",
    "Zip",
    "all_bulkdata",
    "all_pixeldata",
    "bulkdata",
    "frames",
    "instances_of",
    "metadata",
    "pixeldata",
    "zipped",
]
