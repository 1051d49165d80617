"""Profiles of de-identification, as settings have them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

from filmroom.setting_values import words

BASIC = "basic"  # that there always is
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def checked(value: object) -> object:
    """Profiles of de-identification by name, each a table."""
    for name, table in value.items() if isinstance(value, dict) else ():
        if not isinstance(name, str) or not _PROFILE.fullmatch(name):
            raise ValueError("the name of a profile has letters, digits, - and _, at most 64")
        if isinstance(table, dict) and not table.keys() <= {"options", "key"}:
            raise ValueError(f"the profile {name} may have options and a key, and nothing else")
        if name == BASIC and isinstance(table, dict) and table.get("options"):
            raise ValueError("the profile basic has no options: give them to one of another name")
    return value


def _of_dates(value: tuple[str, ...]) -> tuple[str, ...]:
    if {"retain-full-dates", "retain-modified-dates"} <= {*value}:
        raise ValueError("dates are kept either full or modified: choose one of the two options")
    return value


def _key(value: SecretStr | None) -> SecretStr | None:
    if value is not None and len(value.get_secret_value()) < 16:
        raise ValueError("a key has at least 16 characters")
    return value


class Profile(BaseModel):
    """How instances are de-identified: options of PS3.15 Annex E, and what pseudonyms are made with."""

    model_config = ConfigDict(frozen=True)

    options: Annotated[
        tuple[
            Literal[
                "retain-uids",
                "retain-device-identity",
                "retain-institution-identity",
                "retain-patient-characteristics",
                "retain-full-dates",
                "retain-modified-dates",
            ],
            ...,
        ],
        BeforeValidator(words),
        AfterValidator(_of_dates),
    ] = ()
    key: Annotated[SecretStr | None, AfterValidator(_key)] = None
