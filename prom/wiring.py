"""Build what every edge needs from the settings: database, keys, gateway and clock. No Flask here."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from prom import config
from prom.clock import Clock
from prom.domain import instruments, own_instruments
from prom.messaging.gateway import Gateway
from prom.storage import copying, instrument_use, migrating, vault
from prom.storage.session import Store, engine_for

DEMO_MARK = "demo-data"


class RefusedError(RuntimeError):
    """The installation must not start as it is; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class App:
    """One wired installation: shared by the web, the clock and the command line."""

    settings: config.Settings
    store: Store
    gateway: Gateway
    clock: Clock


def open_app(settings: config.Settings) -> App:
    """Return the wired app, or raise RefusedError, SchemaError or VaultError when it must not start."""
    store = _open_store(settings)
    marked = (settings.instance / DEMO_MARK).exists()
    clock = Clock(settings.instance, movable=settings.gateway == "simulated" and (settings.demo or marked))
    return App(settings, store, _gateway(settings, clock), clock)


def check_start(settings: config.Settings) -> None:
    """Raise what would keep the processes of this installation from starting; nothing stays open."""
    check_whole(settings)
    _open_store(settings).engine.dispose()


def _open_store(settings: config.Settings) -> Store:
    keys = vault.load(settings.instance / "keys")
    engine = engine_for(settings.database_url)
    migrating.check(engine)
    instruments.adopt(_own_instruments(settings))
    if settings.live and (settings.instance / DEMO_MARK).exists():
        raise RefusedError("this instance holds demo data: a live Twilio gateway is refused; use another PROM_INSTANCE")
    store = Store(engine, keys)
    with store.reading() as session:
        gone = instrument_use.asked_by_plans(session) - instruments.added().instruments.keys()
    if gone:
        raise RefusedError(f"the plans ask {min(gone)!r}, but no file in instruments/ describes it: put its file back")
    return store


def check_whole(settings: config.Settings) -> None:
    """Raise RefusedError when the database file is damaged; processes that run for long ask before they start."""
    if not settings.sqlite:
        return
    try:
        copying.check_whole(Path(settings.database_url.removeprefix("sqlite:///")))
    except copying.DamagedError as error:
        raise RefusedError(f"{error}; restore a backup") from error


def _own_instruments(settings: config.Settings) -> instruments.Added:
    """Return what the clinic's files in instance/instruments add; a file that cannot be used stops the start."""
    folder = settings.instance / "instruments"
    try:
        files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.toml"))}
        return own_instruments.added_by(files)
    except own_instruments.FileError as error:
        raise RefusedError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"a file in {folder.name}/ cannot be read as UTF-8 text: {error}") from None


def mark_demo(settings: config.Settings) -> None:
    """Mark the instance as holding synthetic patients, for good."""
    if settings.live:
        raise RefusedError("synthetic patients and a live Twilio gateway never go together: unset PROM_GATEWAY")
    (settings.instance / DEMO_MARK).write_text(json.dumps({"synthetic": True}), encoding="ascii")


def _gateway(settings: config.Settings, clock: Clock) -> Gateway:
    if settings.gateway == "twilio":
        from prom.messaging import twilio

        account = twilio.TwilioAccount(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token,
            from_number=settings.twilio_from,
            messaging_service=settings.twilio_messaging_service,
            public_url=settings.public_url,
            api_url=settings.twilio_api_url,
            call_seconds=settings.call_timeout_seconds,
        )
        return twilio.TwilioGateway(account)
    from prom.messaging import simulated

    return simulated.SimulatedGateway(settings.instance / "simulated.db", clock.now)


def public_path_prefix(settings: config.Settings) -> str:
    """Return the path under which a proxy serves prom, without a trailing slash."""
    return urlsplit(settings.public_url).path.rstrip("/")
