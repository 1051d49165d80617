"""Share links: made, opened, listed, revoked.

The token of a link is its id under the seal of the archive's secret. One that was made up is known without a look into
the index; of the others the index says what they open, and a row that is gone opens nothing.
"""

import base64
import hmac
import secrets
import time

from filmroom.access import DEFAULT_PARTITION_NAME
from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import NotFound, Unauthenticated
from filmroom.index import instances, patients, share_links
from filmroom.index.share_links import ShareLink as ShareLink
from filmroom.services import deidentified, partitions

_ID_BYTES, _SEAL_BYTES = 8, 16
_REFUSED = "The share link is not one of this service, or was revoked."


def create(
    archive: Archive, study: str, lifetime: float, partition: str = DEFAULT_PARTITION_NAME, profile: str = ""
) -> tuple[ShareLink, str]:
    """A new link to a stored Study, good for so many seconds, and its token.

    `profile` is the name of that by which it is de-identified.
    """
    if profile:
        deidentified.profile(archive, profile)
    key = partitions.find(archive, partition)
    now = time.time()
    made = ShareLink(secrets.token_hex(_ID_BYTES), study, partition, profile, now, now + lifetime)
    with archive.index.begin() as tx:
        if key is None or instances.version(tx, Resource(study, partition=key)) is None:
            raise NotFound(f"There is no Study {study} in the data partition {partition}.")
        share_links.add(tx, made)
    return made, f"{made.id}.{_seal(archive, made.id)}"


def open_link(archive: Archive, token: str) -> ShareLink:
    """What a token opens. Unauthenticated if it opens nothing, or nothing any more."""
    id_, _, seal = token.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(archive, id_).encode()):
        raise Unauthenticated(_REFUSED)
    with archive.index.read() as tx:
        found = share_links.fetch(tx, id_)
    if found is None:
        raise Unauthenticated(_REFUSED)
    if found.expires <= time.time():
        raise Unauthenticated("The share link has expired: ask whoever sent it for a new one.")
    return found


def links(archive: Archive) -> list[ShareLink]:
    """All links that are known, the newest first."""
    with archive.index.read() as tx:
        return share_links.fetch_all(tx)


def revoke(archive: Archive, id_: str) -> ShareLink:
    """Have a link open nothing any more; gives what it opened."""
    with archive.index.begin() as tx:
        found = share_links.fetch(tx, id_)
        if found is None or not share_links.remove(tx, id_):
            raise NotFound(f"There is no share link {id_}.")
    return found


def whose(archive: Archive, link: ShareLink) -> str | None:
    """The Patient ID of what a link opens, if that is there and has one."""
    key = partitions.find(archive, link.partition)
    with archive.index.read() as tx:
        found = patients.identifiers(tx, [] if key is None else [(key, link.study)])
    return next(iter(found.values()), None)


def _seal(archive: Archive, id_: str) -> str:
    digest = hmac.digest(archive.index.secret, b"share link " + id_.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:_SEAL_BYTES]).rstrip(b"=").decode()
