"""The table of `filmroom doctor`: what it looks at, in the order in which a service needs it.

A check is a function of the settings that gives its findings; one that has nothing to look at gives none. A new one is
a row here. What it finds holds no secret.
"""

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from filmroom import __version__, archive, settings, tokens
from filmroom.archive import BLOBS, Archive, index_url, is_archive
from filmroom.audit.syslog import Receiver
from filmroom.cli import configuration, deliveries
from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.errors import Unavailable
from filmroom.server import identity, tls
from filmroom.services import views, webhooks
from filmroom.services.diagnosis import (
    Finding,
    Level,
    certificates,
    ok,
    problem,
    reach,
    software,
    storage,
    trails,
    warning,
)
from filmroom.setting_values import is_here
from filmroom.settings import Settings

Check = Callable[[Settings], Iterable[Finding]]


def _settings(given: Settings) -> Iterator[Finding]:
    """The file: whether others may read the secrets in it; and variables that do nothing."""
    file = settings.file()
    if not file.is_file():
        yield ok("they are valid; there is no settings file")
    elif file.stat().st_mode & 0o077 and any(getattr(given, name) for name in settings.SECRET):
        mode = stat.S_IMODE(file.stat().st_mode)
        yield warning(f"{file} may hold a secret, and others may read it (mode {mode:04o})", f"chmod 0600 {file}")
    else:
        yield ok(f"they are valid, with those of {file}")
    for sentence in configuration.unknown_variables():
        yield warning(sentence, "correct its name, or take it away")


def _exposure(given: Settings) -> Iterator[Finding]:
    """Who may do what, if somebody can reach the port."""
    if given.in_the_clear:
        yield warning(
            "who comes has to say who it is, by tokens that whoever is on the way can read, as images",
            "set tls_certificate; or public_url (https) and proxies, if a proxy with TLS is before it",
        )
    elif given.authenticates:
        yield ok("who comes has to say who it is")
    elif is_here(given.host) and given.public_url is None:
        yield ok("there is no authentication, and only this machine reaches the service")
    elif is_here(given.host):
        yield warning(
            "there is no authentication: whom the proxy lets in can read and delete everything",
            "have the proxy ask for passwords, or better set issuer and audience, or make tokens with `filmroom token`",
        )
    else:
        yield problem(
            "there is no authentication: whoever reaches the service can read and delete everything",
            "set issuer and audience, or make a token with `filmroom token`",
        )


def _tls(given: Settings) -> Iterator[Finding]:
    """Certificate and key, as the service reads them at its start."""
    if given.tls_certificate is None:
        return
    try:
        tls.Files(given.tls_certificate, given.tls_key, given.tls_client_ca).context()
    except Unavailable as error:
        yield problem(str(error), "the service does not start like this")
    else:
        yield from certificates.end(given.tls_certificate, tls.ends(given.tls_certificate))


def _issuer(given: Settings) -> Iterator[Finding]:
    """The identity provider."""
    if given.issuer is None:
        return
    try:
        keys = identity.fetch(given.issuer)
    except Unavailable as error:
        yield problem(str(error), "look at the setting issuer, at the network, and at the provider")
        return
    if not keys:
        yield problem(f"{given.issuer} has no key that can be used", "look at the algorithms that it signs with")
    else:
        yield ok(f"{given.issuer} is reached, with {len(keys)} keys")


def _tokens(given: Settings) -> Iterator[Finding]:
    """The file of static tokens."""
    path = given.tokens
    if path is None:
        return
    if not path.exists():
        yield warning(f"there is no file of tokens at {path}", "make one with `filmroom token`")
        return
    try:
        found = tokens.read(path)
    except Unavailable as error:
        yield problem(str(error), "nobody with such a token gets in")
        return
    expired = sum(one.expires is not None and one.expires < time.time() for one in found)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield warning(f"others may read {path} (mode {mode:04o})", f"chmod 0600 {path}")
    if expired:
        yield warning(f"{expired} of {len(found)} static tokens have expired", "revoke them, and make new ones")
    else:
        yield ok(f"{len(found)} static tokens")


def _roles(given: Settings) -> Iterator[Finding]:
    """The profiles and searches of roles: one that can't be heeded shows nothing, with 503."""
    for fault in (faults := [*views.faults(given.roles, given.profile_names)]):
        yield problem(fault, "the service does not start like this")
    searches = {name: role.studies for name, role in given.roles.items() if role.studies}
    if faults or not searches or not _sound(given):
        return
    bad = 0
    try:
        with closing(Archive.open(given)) as opened:
            for name, search in searches.items():
                try:
                    views.found_by(opened, [search], DEFAULT_PARTITION)
                except Unavailable as error:
                    bad += 1
                    yield problem(f"the role {name}: {error}", "correct its studies; until then it shows nothing")
    except Unavailable:
        return  # said of the files
    if not bad:
        yield ok(f"the searches of {len(searches)} roles can be heeded")


def _folder(given: Settings) -> Iterator[Finding]:
    if given.data.is_dir():
        yield from storage.folder(given.data)
    else:
        yield warning(f"there is no data folder at {given.data.absolute()}", "`filmroom serve` makes it")


def _disks(given: Settings) -> Iterator[Finding]:
    """That of the data folder, and those of the files and what is received, if these lie on others."""
    places = [given.data, given.data / BLOBS, given.data / "spool"]
    if given.blobs is not None and given.blobs.startswith("file:"):
        places.append(Path(urlsplit(given.blobs).path))
    seen: set[int] = set()
    for place in places:
        if place.is_dir() and (device := place.stat().st_dev) not in seen:
            seen.add(device)
            yield from storage.disk(place)


def _index(given: Settings) -> Iterator[Finding]:
    if given.index is not None or (given.data / archive.INDEX).is_file():
        yield from storage.database(index_url(given))
    else:
        yield warning(f"there is no index in {given.data.absolute()}", "`filmroom serve` makes one")


def _files(given: Settings) -> Iterator[Finding]:
    """The files, and whether they are those of the index."""
    if not _sound(given):
        return
    try:
        with closing(Archive.open(given)) as opened:
            yield from storage.files(opened)
    except Unavailable as error:
        yield problem(str(error), "the service does not start like this")


def _sound(given: Settings) -> bool:
    """Whether there is an archive to open: doctor makes none."""
    return is_archive(given) and next(iter(_index(given))).level is Level.OK


def _audit(given: Settings) -> Iterator[Finding]:
    if not given.audit:
        yield ok("the setting audit says that none is written")
    elif given.data.is_dir():
        yield from trails.written(*archive.audit_places(given))
        if given.audit_syslog is not None:
            receiver = Receiver(given.audit_syslog, given.audit_syslog_ca, given.audit_syslog_cert)
            yield from trails.sent(receiver, given.audit_syslog)


def _webhooks(given: Settings) -> Iterator[Finding]:
    """How far receivers of events were told."""
    if not given.webhooks or not _sound(given):
        return
    if given.public_url is None:
        yield warning("events name this machine as where they come from", "set public_url")
    try:
        with closing(Archive.open(given)) as opened:
            found = webhooks.standings(opened, (one.name for one in deliveries.receivers(given)))
    except Unavailable:
        return  # said of the files
    for one in found:
        if one.progress is not None and one.progress.error is not None:
            yield warning(
                f"{one.name} is {one.behind} changes behind: {one.progress.error}",
                f"see to the receiver; `filmroom webhooks replay {one.name}` has it tried at once",
            )
        else:
            yield ok(f"{one.name} is {one.behind} changes behind")


def _public_url(given: Settings) -> Iterator[Finding]:
    if given.public_url is not None:
        parts = urlsplit(given.public_url)
        if parts.scheme == "http" and not is_here(parts.hostname):
            yield warning(
                "the public URL is not https: images and tokens can be read on their way", "have a proxy with TLS"
            )
        origin = next(iter(given.cors_origins), None)
        yield from reach.ask(given.public_url, __version__, given.part_limit, origin, tokens=given.authenticates)
    elif not is_here(given.host):
        yield warning("public_url is not set", "set it, if there is a proxy: its headers are not believed")


def _proxy(given: Settings) -> Iterator[Finding]:
    """Without `proxies` all clients have the address of the proxy."""
    if given.proxies:
        yield ok(f"who a client is comes from the X-Forwarded-For of {', '.join(given.proxies)} alone")
    elif given.public_url and given.tls_certificate is None and not is_here(urlsplit(given.public_url).hostname):
        yield warning(
            "all clients behind the proxy are one, for the limits and in the audit trail",
            "set proxies to its addresses, and have it send X-Forwarded-For and X-Forwarded-Proto",
        )


def _software(given: Settings) -> Iterator[Finding]:
    yield from software.codecs()
    yield from software.sockets()
    yield from software.cores(os.cpu_count() or 1, given.workers, given.codec_processes)


CHECKS: dict[str, Check] = {
    "settings": _settings,
    "access": _exposure,
    "tls": _tls,
    "issuer": _issuer,
    "tokens": _tokens,
    "roles": _roles,
    "folder": _folder,
    "disk": _disks,
    "index": _index,
    "files": _files,
    "audit": _audit,
    "webhooks": _webhooks,
    "proxy": _proxy,
    "public_url": _public_url,
    "software": _software,
}
