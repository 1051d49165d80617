"""Receivers of events, as the settings have them: `[webhooks.NAME]` in the TOML file."""

import base64
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints

from filmroom.setting_values import is_here, words


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    """Asked last: of values that are all wrong, it is not said as well that there are none."""
    if not value:
        raise ValueError("it must not be empty")
    return value


def _url(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_here(parts.hostname))
        right = safe and parts.hostname and not parts.fragment
    except ValueError:  # its words quote the URL
        right = False
    if not right:
        raise ValueError("it must be a URL such as https://ris.example/events; http is for this machine alone")
    return value


def _secret(value: SecretStr) -> SecretStr:
    for one in value.get_secret_value().split() or [""]:
        try:
            size = len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) if one[:6] == "whsec_" else 0
        except ValueError:
            size = 0
        if not 24 <= size <= 64:
            raise ValueError("it must be whsec_ and 24 to 64 bytes in base64; `filmroom webhooks secret` makes one")
    return value


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Event = Literal["created", "updated", "deleted"]


class Webhook(BaseModel):
    """One receiver."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[SecretStr, AfterValidator(_url)] = Field(description="Where events are sent to, by POST.")
    secret: Annotated[SecretStr, AfterValidator(_secret)] = Field(
        description="What they are signed with: whsec_ and base64; two, a blank between, while one replaces the other."
    )
    events: Annotated[tuple[_Event, ...], BeforeValidator(words), AfterValidator(_some)] = Field(
        ("created", "updated", "deleted"), description="Which of the events."
    )
    partitions: Annotated[tuple[str, ...], BeforeValidator(words)] = Field(
        (), description="Names of the data partitions of which; without any those of all."
    )
    batch: int = Field(1, ge=1, le=1000, description="Events in a request: 1 sends each by itself, more JSON arrays.")
    timeout: float = Field(10.0, gt=0, le=60, description="Seconds in which a request must be answered.")
    begin: Literal["now", "first"] = Field(
        "now", description="Which change a new one begins with: what comes from now on, or the first there ever was."
    )
