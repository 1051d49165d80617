"""Places outside of the archive, that exports write to and imports read from: a folder, or a part of a bucket, by URL.

What is wrong with one file is NotFound (it can't be read) or Conflict (it can't be written), and others may be well;
what is wrong with the place is Unavailable. Nothing leads out of a place: no name, and no link in a folder.
"""

from filmroom.places.place import CHUNK as CHUNK
from filmroom.places.place import Entry as Entry
from filmroom.places.place import Place as Place
from filmroom.places.urls import open_place as open_place
from filmroom.places.urls import permit as permit
