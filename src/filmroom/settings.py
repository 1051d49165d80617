"""Every setting of the service: flag of `filmroom serve`, `FILMROOM_*` variable and key of the TOML file in one."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

DEFAULT_FILE = Path("filmroom.toml")
FILE_VARIABLE = "FILMROOM_CONFIG"


class Settings(BaseSettings):
    """The settings of one service. Order of trust: arguments (flags), environment, TOML file, default."""

    model_config = SettingsConfigDict(env_prefix="FILMROOM_", frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1", description="Address to listen on. There is no authentication yet: stay on loopback."
    )
    port: int = Field(8080, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one.")
    workers: int = Field(1, ge=1, le=64, description="Web worker processes.")
    data: Path = Field(Path("filmroom-data"), description="Folder that holds the index and the DICOM files.")
    public_url: str | None = Field(
        None,
        description="Base URL that clients see, when it differs from the Host header: https://pacs.example/",
    )
    threads: int = Field(16, ge=1, le=256, description="Requests that a web worker works on at once.")
    codec_processes: int = Field(
        default_factory=lambda: min(4, os.cpu_count() or 1),
        ge=1,
        le=64,
        description="Processes that change Transfer Syntax and render, for each web worker.",
    )
    codec_timeout: float = Field(60.0, gt=0, description="Seconds after which a change of Transfer Syntax is given up.")
    part_limit: int = Field(
        4 * 1024**3, ge=1, description="Largest DICOM file accepted, in bytes; larger ones get 413."
    )
    memory_per_request: int = Field(
        4 * 1024**2, ge=0, description="Bytes of a store request kept in memory; the rest is spooled to disk."
    )
    sweep_delay: float = Field(
        3600.0,
        ge=0,
        description="Seconds after which `filmroom sweep` removes the files of deleted Instances.",
    )
    log_format: str = Field(
        "auto", pattern="^(auto|pretty|json)$", description="auto: pretty on a terminal, else json."
    )

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
        file = Path(os.environ.get(FILE_VARIABLE, DEFAULT_FILE))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)

    def environment(self) -> dict[str, str]:
        """The FILMROOM_* variables that give these settings."""
        return {
            f"FILMROOM_{name.upper()}": str(value) for name, value in self.model_dump().items() if value is not None
        }
