"""Share links: each opens one Study to whoever has it, until it expires or is revoked. No function commits."""

from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select

from filmroom.index.service_tables import share_link
from filmroom.index.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ShareLink:
    """What is known of a link. Times are seconds since 1970."""

    id: str
    study: str
    partition: str  # its name
    deidentified: str  # the name of the profile; "": what is seen is as it is stored
    created: float
    expires: float


def add(tx: Transaction, link: ShareLink) -> None:
    """Make a link known, and forget those that have expired."""
    tx.core.execute(delete(share_link).where(share_link.c.expires < link.created))
    tx.core.execute(insert(share_link), asdict(link))


def fetch(tx: Transaction, id_: str) -> ShareLink | None:
    """The link of an id, expired or not."""
    row = tx.core.execute(select(share_link).where(share_link.c.id == id_)).first()
    return None if row is None else ShareLink(*row)


def fetch_all(tx: Transaction) -> list[ShareLink]:
    """All links, the newest first."""
    return [ShareLink(*row) for row in tx.core.execute(select(share_link).order_by(share_link.c.created.desc()))]


def remove(tx: Transaction, id_: str) -> bool:
    """Forget a link; whether it was known."""
    return tx.core.execute(delete(share_link).where(share_link.c.id == id_)).rowcount > 0
