"""Bulk update (Azure; PS3.18 has nothing like it): attributes of all Instances of Studies changed, in new files.

(1) start      one update at a time for a Study; what is stored later is not its business, which watermarks tell
(2) check      that new UIDs are free
(3) prepare    new files, each read and written in pieces, and put under keys of their own
(4) replace    the rows of a batch at once: a Study of up to MOST_AT_ONCE Instances, and of up to MOST_TEXT of Metadata,
               changes in one moment

A worker that dies leaves at most files without rows, which the sweep removes: an Instance with a new version has a
watermark that is above all that the update looks at, so whoever goes on does nothing twice. A store, PUT or delete
that comes between (3) and (4) wins. An Instance that can't be updated is told, and the others go on.
"""

from filmroom.services.updates.operation import UPDATE, start, update

__all__ = ["UPDATE", "start", "update"]
