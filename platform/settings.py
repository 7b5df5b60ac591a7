"""Settings: read once from the environment (prefix ``VITAAL_``), each documented in docs/settings.md."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from privacy.errors import Invalid


class Settings(BaseSettings):
    """Everything an operator can set; ``--dir`` on a command overrides addresses and keys."""

    model_config = SettingsConfigDict(env_prefix="VITAAL_", extra="ignore")

    members_url: str | None = Field(default=None, description="Address of the members' store.")
    employers_url: str | None = Field(default=None, description="Address of the employers' store.")
    keys_dir: Path | None = Field(default=None, description="Folder with the keys of both stores.")
    secret_key: SecretStr | None = Field(
        default=None, min_length=32, description="Signs the forms' tokens; at least 32 characters."
    )
    secure_cookies: bool = Field(default=False, description="Send cookies over HTTPS only.")


def read_settings() -> Settings:
    """The settings of this process. Raises Invalid naming the variable that cannot be read."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "VITAAL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise Invalid(f"The setting {name} cannot be read: {first['msg']}.") from error
