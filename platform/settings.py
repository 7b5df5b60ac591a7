"""Settings: read once from the environment (prefix ``VITAAL_``), each documented in docs/settings.md."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from privacy.errors import Invalid
from privacy.post.addresses import plain_address

from .mail_server import mail_server

SITE = r"^https?://[^/?#\s@]+$"
T = TypeVar("T")


class Settings(BaseSettings):
    """Everything an operator can set; ``--dir`` on a command overrides addresses and keys."""

    model_config = SettingsConfigDict(env_prefix="VITAAL_", extra="ignore", hide_input_in_errors=True)

    members_url: str | None = Field(default=None, description="Address of the members' store.")
    employers_url: str | None = Field(default=None, description="Address of the employers' store.")
    keys_dir: Path | None = Field(default=None, description="Folder with the keys of both stores.")
    secret_key: SecretStr | None = Field(
        default=None, min_length=32, description="Signs the forms' tokens; at least 32 characters."
    )
    secure_cookies: bool = Field(default=False, description="Send cookies over HTTPS only.")
    proxy_hops: int = Field(default=0, ge=0, le=5, description="Proxies before this process whose headers are true.")
    members_site: str | None = Field(
        default=None, pattern=SITE, description="Where people open the members' pages: https://…, without a path."
    )
    employers_site: str | None = Field(
        default=None, pattern=SITE, description="Where staff open their pages: https://…, without a path."
    )
    mail_url: SecretStr | None = Field(default=None, description="The SMTP server that takes our letters.")
    mail_from: str | None = Field(default=None, description="The address that our letters come from.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="What is worth a line in the log."
    )

    @field_validator("mail_url")
    @classmethod
    def _readable(cls, url: SecretStr | None) -> SecretStr | None:
        """A server that cannot be understood is refused at the start, not at the first letter."""
        if url is not None:
            _or_refused(lambda: mail_server(url.get_secret_value()))
        return url

    @field_validator("mail_from")
    @classmethod
    def _an_address(cls, address: str | None) -> str | None:
        return address if address is None else _or_refused(lambda: plain_address(address))


def _or_refused(read: Callable[[], T]) -> T:
    try:
        return read()
    except Invalid as error:
        raise ValueError(error.message.removesuffix(".")) from error


def read_settings() -> Settings:
    """The settings of this process. Raises Invalid naming the variable that cannot be read."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "VITAAL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise Invalid(f"The setting {name} cannot be read: {first['msg']}.") from error
