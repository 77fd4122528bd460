"""Settings: read once from the environment and instance/prom.toml, checked, then frozen.

The environment wins over the file. Secrets may be given as files: `NAME_FILE` holds the path of a file with the value
of `NAME`. docs/configuration.md lists every name; a test compares.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CONNECT_AND_READ_SECONDS = 8.0


class SettingsError(ValueError):
    """A setting is missing or impossible; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between one installation and another."""

    instance: Path
    database_url: str
    gateway: str
    public_url: str
    twilio_account_sid: str
    twilio_auth_token: str
    twilio_auth_token_next: str
    twilio_from: str
    twilio_messaging_service: str
    twilio_api_url: str
    grace_seconds: int
    lease_seconds: int
    tick_seconds: float
    send_rate: float
    proxy_hops: int
    demo: bool
    totp_required: bool

    @property
    def sqlite(self) -> bool:
        """Return whether the database is a SQLite file, which allows one writing process at a time."""
        return self.database_url.startswith("sqlite")

    @property
    def live(self) -> bool:
        """Return whether texts would reach real phones: a Twilio gateway that is not a rehearsal on this machine."""
        return self.gateway == "twilio" and urlsplit(self.twilio_api_url).hostname not in LOOPBACK

    @property
    def https(self) -> bool:
        """Return whether the public address is HTTPS, which decides cookie names and flags."""
        return self.public_url.startswith("https://")

    @property
    def call_timeout_seconds(self) -> float:
        """Return connect plus read time of one provider call: under the lease, so that a call never outlives it."""
        return min(CONNECT_AND_READ_SECONDS, self.lease_seconds - 1.0)


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process, or raise SettingsError."""
    env = os.environ if environ is None else environ
    instance = Path(env.get("PROM_INSTANCE") or "instance").resolve()
    values = _Values(env, _file_values(instance / "prom.toml"))
    settings = Settings(
        instance=instance,
        database_url=values.text("PROM_DATABASE_URL", f"sqlite:///{instance / 'prom.db'}"),
        gateway=values.text("PROM_GATEWAY", "simulated"),
        public_url=_public_url(values),
        twilio_account_sid=values.text("TWILIO_ACCOUNT_SID", ""),
        twilio_auth_token=values.text("TWILIO_AUTH_TOKEN", ""),
        twilio_auth_token_next=values.text("TWILIO_AUTH_TOKEN_NEXT", ""),
        twilio_from=values.text("PROM_TWILIO_FROM", ""),
        twilio_messaging_service=values.text("PROM_TWILIO_MESSAGING_SERVICE", ""),
        twilio_api_url=values.text("PROM_TWILIO_API_URL", "").rstrip("/"),
        grace_seconds=int(values.number("PROM_GRACE_SECONDS", 600)),
        lease_seconds=int(values.number("PROM_LEASE_SECONDS", 30)),
        tick_seconds=values.number("PROM_TICK_SECONDS", 1),
        send_rate=values.number("PROM_SEND_RATE", 1),
        proxy_hops=int(values.number("PROM_PROXY_HOPS", 0)),
        demo=values.text("PROM_DEMO", "") == "1",
        totp_required=values.text("PROM_TOTP", "required") != "off",
    )
    _check(settings)
    return settings


def _public_url(values: "_Values") -> str:
    """Return the address patients reach; simulated phones are on this machine."""
    simulated = values.text("PROM_GATEWAY", "simulated") == "simulated"
    here = f"http://127.0.0.1:{values.text('PORT', '5000')}" if simulated else ""
    return values.text("PROM_PUBLIC_URL", here).rstrip("/")


def _file_values(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}") from error
    return {key.upper(): str(value) for key, value in table.items()}


@dataclass(frozen=True, slots=True)
class _Values:
    env: Mapping[str, str]
    file: Mapping[str, str]

    def text(self, name: str, default: str) -> str:
        path = self.env.get(f"{name}_FILE") or self.file.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{name}_FILE cannot be read: {error.strerror}") from error
        return self.env.get(name) or self.file.get(name) or default

    def number(self, name: str, default: float) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError as error:
            raise SettingsError(f"{name} must be a number, not {value!r}") from error
        if number < 0:
            raise SettingsError(f"{name} must not be negative")
        return number


def _check(settings: Settings) -> None:
    if not settings.database_url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise SettingsError("PROM_DATABASE_URL must start with sqlite:/// or postgresql+psycopg://")
    if settings.gateway not in {"simulated", "twilio"}:
        raise SettingsError("PROM_GATEWAY must be simulated or twilio")
    if settings.tick_seconds <= 0 or settings.send_rate <= 0:
        raise SettingsError("PROM_TICK_SECONDS and PROM_SEND_RATE must be more than 0")
    if settings.lease_seconds < 2:
        raise SettingsError("PROM_LEASE_SECONDS must be at least 2")
    if settings.grace_seconds <= settings.call_timeout_seconds + 1:
        # A grace shorter than a call would resend a text whose answer is still on its way.
        raise SettingsError(f"PROM_GRACE_SECONDS must be more than {settings.call_timeout_seconds + 1:g}")
    if settings.demo and settings.live:
        raise SettingsError("PROM_DEMO=1 and a live Twilio gateway never go together")
    if settings.gateway == "twilio":
        _check_twilio(settings)


def _check_twilio(settings: Settings) -> None:
    if not settings.twilio_account_sid or not settings.twilio_auth_token:
        # An empty token would make every forged webhook valid.
        raise SettingsError("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are needed for PROM_GATEWAY=twilio")
    if bool(settings.twilio_from) == bool(settings.twilio_messaging_service):
        raise SettingsError("set one of PROM_TWILIO_FROM and PROM_TWILIO_MESSAGING_SERVICE")
