"""Every setting of the service: flag of `filmroom serve`, `FILMROOM_*` variable and key of the TOML file in one."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from filmroom import access, profiles, receivers, setting_values
from filmroom.access import BUILT_IN, Grant
from filmroom.setting_values import is_here

FILE_OF_TOKENS = "tokens.json"  # in the data folder
DEFAULT_FILE = Path("filmroom.toml")
PREFIX = "FILMROOM_"
FILE_VARIABLE = "FILMROOM_CONFIG"


def file() -> Path:
    """The TOML file, whether it is there or not: the one that FILMROOM_CONFIG names, or that of the working folder."""
    return Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE)


class Settings(BaseSettings):
    """The settings of one service. Order of trust: arguments (flags), environment, TOML file, default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on; without authentication only of this machine."
    )
    port: int = Field(8080, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one.")
    insecure: bool = Field(
        False,
        description="Listen beyond loopback without authentication: whoever comes may do everything.",
    )
    hosts: setting_values.Hosts = Field(
        (),
        description="Further names that it answers to without authentication, with blanks between: pacs.clinic.lan.",
    )
    issuer: Annotated[str, AfterValidator(setting_values.issuer)] | None = Field(
        None, description="URL of the identity provider whose tokens are accepted: https://login.example/realms/clinic."
    )
    audience: Annotated[tuple[str, ...], NoDecode, BeforeValidator(setting_values.words)] = Field(
        (), description="What its tokens must be made for: one of these, with blanks between."
    )
    algorithms: setting_values.Algorithms = Field(
        ("RS256", "PS256", "ES256", "ES384", "EdDSA"), description="Ways in which tokens may be signed."
    )
    clock_skew: float = Field(
        60.0, ge=0, le=3600, allow_inf_nan=False, description="Seconds by which the provider's clock may differ."
    )
    roles_claim: str = Field(
        "roles",
        min_length=1,
        description="Claim of a token that holds roles; one inside another with dots: realm_access.roles.",
    )
    name_claim: str = Field("sub", min_length=1, description="Claim that says who it is, for the audit log.")
    roles: Annotated[dict[str, Grant], PlainValidator(access.roles)] = Field(
        {},
        description="Further roles: by name a table of actions, partitions, studies, deidentified.",
    )
    built_in_roles: bool = Field(
        True, description="Have reader, writer, admin and the other roles that are there by themselves."
    )
    default_role: str | None = Field(
        None, description="The role of whoever has a token and none of the roles that are known."
    )
    tokens: setting_values.File | None = Field(None, description="File of the tokens that `filmroom token` makes.")
    workers: int = Field(
        default_factory=lambda: min(4, os.cpu_count() or 1), ge=1, le=64, description="Web worker processes."
    )
    data: setting_values.Folder = Field(
        Path("filmroom-data"), description="Folder that holds the index and the DICOM files; made if it is not there."
    )
    index: Annotated[SecretStr, AfterValidator(setting_values.index)] | None = Field(
        None,
        description="PostgreSQL that holds the index, in place of SQLite: postgresql://filmroom@db.example/images.",
    )
    blobs: Annotated[str, AfterValidator(setting_values.blobs)] | None = Field(
        None,
        description="Where the DICOM files lie, in place of the data folder: s3://bucket, az://container, gs://bucket.",
    )
    blobs_options: Annotated[dict[str, SecretStr], BeforeValidator(setting_values.texts)] = Field(
        {}, description="Options of the bucket, a table: endpoint, region, keys, encryption, storage_class."
    )
    partitions: bool = Field(
        False,
        description="Data partitions, as the Azure service has them: /partitions/NAME/studies in place of /studies.",
    )
    public_url: Annotated[str, AfterValidator(setting_values.base_url)] | None = Field(
        None,
        description="Base URL that clients see, when it differs from the Host header: https://pacs.example/",
    )
    proxies: setting_values.Networks = Field(
        (), description="Addresses of proxies before it, whose X-Forwarded-For and -Proto are believed: 10.0.0.0/24."
    )
    cors_origins: setting_values.Origins = Field(
        (), description="Origins whose pages may read answers in a browser: https://viewer.example.org, or * for all."
    )
    tls_certificate: setting_values.File | None = Field(
        None, description="PEM file with the certificate and its chain: the service then speaks https alone."
    )
    tls_key: setting_values.File | None = Field(
        None, description="PEM file with the key of the certificate, if it is not in the same file."
    )
    tls_client_ca: setting_values.File | None = Field(
        None, description="PEM file with authorities: clients must show a certificate of one of them."
    )
    threads: int = Field(16, ge=1, le=256, description="Requests that a web worker works on at once.")
    codec_processes: int = Field(
        default_factory=lambda: min(4, os.cpu_count() or 1),
        ge=1,
        le=64,
        description="Processes that change Transfer Syntax and render, for each web worker.",
    )
    codec_timeout: float = Field(
        60.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which a change of Transfer Syntax or an image is given up.",
    )
    request_limit: int = Field(
        64 * 1024**3, ge=0, description="Longest body of a request, in bytes; longer ones get 413. 0 is any."
    )
    part_limit: int = Field(
        4 * 1024**3, ge=1, description="Largest DICOM file accepted, in bytes; larger ones get 413."
    )
    memory_per_request: int = Field(
        4 * 1024**2, ge=0, description="Bytes of a store request kept in memory; the rest is spooled to disk."
    )
    requests_at_once: int = Field(
        1024, ge=0, description="Requests under way in a web worker; more get 503. 0 is any number."
    )
    requests_per_client: int = Field(
        256, ge=0, description="Those of one client (its address) in a web worker; more get 429. 0 is any number."
    )
    requests_per_second: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="Requests of one client in a second, in a web worker; more, for 10 seconds, get 429. 0 is any.",
    )
    bytes_per_client: int = Field(
        64 * 1024**3,
        ge=0,
        description="Bytes of bodies of one client that are under way in a web worker; more get 429. 0 is any.",
    )
    connections: int = Field(4096, ge=1, description="Connections of a web worker; more get 503.")
    client_patience: float = Field(
        60.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that the head of a request may take, and in which a body, or an answer that is read, "
        "must move by 512 bytes a second.",
    )
    rendered_cache: int = Field(
        512 * 1024**2, ge=0, description="Bytes of rendered images kept on disk for who asks again; 0 keeps none."
    )
    sweep_delay: float = Field(
        3600.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds after which a sweep removes the files of deleted Instances.",
    )
    sweep_every: float = Field(
        3600.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds between the sweeps that the service makes by itself; 0 makes none.",
    )
    deidentification: Annotated[dict[str, profiles.Profile], BeforeValidator(profiles.checked)] = Field(
        {}, description="Profiles of de-identification, by name a table each: options, and a key for pseudonyms."
    )
    export_to: setting_values.Places = Field(
        (), description="Places that exports may go to, by their URLs (file:///srv/out); without any there are none."
    )
    import_from: setting_values.Places = Field(
        (), description="Places that imports may come from, by their URLs (file:///srv/in); without any there are none."
    )
    places_options: Annotated[dict[str, dict[str, SecretStr]], BeforeValidator(setting_values.tables)] = Field(
        {}, description="Options of buckets among those places: by the URL of a place a table, as blobs_options is."
    )
    webhooks: dict[receivers.Name, receivers.Webhook] = Field(
        {}, description="Receivers of events, each a table: url, secret, events, partitions, batch, timeout, begin."
    )
    operations_worker: bool = Field(
        True,
        description="Do the long operations beside the web workers; if not, `filmroom worker` does, on any machine.",
    )
    operation_retention: float = Field(
        30.0, ge=0, allow_inf_nan=False, description="Days for which it is known how a long operation ended."
    )
    audit: bool = Field(True, description="Write the audit trail: who did what to which patient's Study.")
    audit_folder: setting_values.Folder | None = Field(
        None, description="Folder of the audit trail; the folder audit in the data folder, if it is not given."
    )
    audit_key: setting_values.File | None = Field(
        None, description="File with the key that seals the end of the audit trail; audit-key in the data folder."
    )
    audit_file_size: int = Field(
        64 * 1024**2, ge=4096, description="Bytes after which a new file of the audit trail begins, as on each new day."
    )
    audit_retention: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="Days for which files of the audit trail are kept; 0 keeps all."
    )
    audit_required: bool = Field(
        False,
        description="Answer a change when it is written down, and refuse requests while the trail can't be written.",
    )
    audit_syslog: Annotated[str, AfterValidator(setting_values.syslog)] | None = Field(
        None, description="Where DICOM audit messages go: tls://host:6514; tcp and udp to this machine alone."
    )
    audit_syslog_ca: setting_values.File | None = Field(
        None, description="File (PEM) of the authority of the syslog server's certificate; the system's authorities."
    )
    audit_syslog_cert: setting_values.File | None = Field(
        None, description="File (PEM) of the certificate, and its key, that we show to the syslog server."
    )
    audit_site: str | None = Field(None, description="Name of the site in DICOM audit messages.")
    log_format: Literal["auto", "pretty", "json"] = Field(
        "auto", description="pretty, json, or auto: pretty on a terminal, else json."
    )
    log_level: Literal["info", "warning", "error"] = Field(
        "info", description="What is logged: from info on a line for each request, from warning on what went wrong."
    )
    metrics: bool = Field(True, description="Answer /metrics, for Prometheus; it holds no patient's data.")
    otlp_endpoint: Annotated[str, AfterValidator(setting_values.endpoint)] | None = Field(
        None, description="Where to send traces, by OTLP over HTTP: http://collector.example:4318. None sends none."
    )
    drain: float = Field(
        0.0,
        ge=0,
        le=600,
        allow_inf_nan=False,
        description="Seconds to go on for after SIGTERM, while /health/ready says 503 so that nobody sends more.",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.issuer and not self.audience:
            raise ValueError(
                "the setting audience is missing: say what tokens of the issuer must be made for, or those for any "
                "other service would be accepted here"
            )
        if self.tls_certificate is None and (self.tls_key or self.tls_client_ca):
            raise ValueError("tls_key and tls_client_ca need a tls_certificate")
        if self.default_role and self.default_role not in self.grants:
            raise ValueError(f"there is no role {self.default_role}, which the setting default_role names")
        return self

    @property
    def grants(self) -> dict[str, Grant]:
        """What each role allows."""
        return BUILT_IN | self.roles if self.built_in_roles else self.roles

    @property
    def profile_names(self) -> frozenset[str]:
        """The names of the profiles of de-identification."""
        return frozenset({profiles.BASIC, *self.deidentification})

    @property
    def tokens_file(self) -> Path:
        """Where static tokens are, or would be."""
        return self.tokens or self.data / FILE_OF_TOKENS

    @property
    def authenticates(self) -> bool:
        """Whether who asks has to say who they are."""
        return self.issuer is not None or self.tokens is not None

    @property
    def in_the_clear(self) -> bool:
        """Whether tokens go over a network, and nothing says that they go by TLS (RFC 6750 §5.3)."""
        encrypted = self.tls_certificate or self.proxies or (self.public_url or "").startswith("https://")
        return self.authenticates and not is_here(self.host) and not encrypted

    def at_start(self) -> Self:
        """The same, with the file of tokens named if one is there now.

        That is asked once, when a service starts: of a worker that is replaced later nobody is let in because the file
        is gone.
        """
        if self.tokens is not None or not os.path.lexists(self.tokens_file):
            return self
        return self.model_copy(update={"tokens": self.tokens_file.absolute()})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags over environment over file; no .env file and no secrets folder."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file())

    def environment(self) -> dict[str, str]:
        """The FILMROOM_* variables that give these settings, in any folder and whatever a file says."""
        given = self.model_dump(exclude={"roles"}) | {"data": self.data.absolute(), "config": os.devnull}
        given["roles"] = {name: asdict(role) for name, role in self.roles.items()}
        return {f"{PREFIX}{name.upper()}": _text(value) for name, value in given.items() if value not in (None, {})}


# What no message and no log may show
SECRET = frozenset({"index", "blobs_options", "places_options", "deidentification", "webhooks"})
UNSHOWN = SECRET | {"blobs", "export_to", "import_from"}  # nor what is wrong with these: a key may stand in the URL


def _text(value: object) -> str:
    if isinstance(value, tuple | frozenset):
        return " ".join(value)
    if isinstance(value, dict):
        return json.dumps(_revealed(value))
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _revealed(value: object) -> object:
    if not isinstance(value, dict):
        return _text(value)
    return {name: _revealed(one) for name, one in value.items() if one is not None}
