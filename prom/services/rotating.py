"""Rotate the field key: a new key wraps every data key; no field is encrypted again."""

from prom.config import Settings
from prom.storage import keys as data_keys
from prom.storage import vault
from prom.storage.session import Store, engine_for


def rotate(settings: Settings) -> int:
    """Make a new field key, re-wrap all data keys with it, and return how many there were.

    The old key stays in the folder: old backups need it. Killed in between, the next run goes on.
    """
    folder = settings.instance / "keys"
    newest = max(vault.load(folder).field_keys)
    vault.write_key(folder / f"field-{newest + 1}.key")
    store = Store(engine_for(settings.database_url), vault.load(folder))
    with store.writing() as session:
        done = data_keys.rewrap(session)
    store.engine.dispose()
    return done
