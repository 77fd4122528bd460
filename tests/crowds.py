"""Thousands of patients in a second or two: rows written in bulk, as `outbox.waiting` would write them one by one."""

from datetime import timedelta

from sqlalchemy import insert, text

from prom.storage.models import (
    Consent,
    Episode,
    EpisodeState,
    Message,
    MessageKind,
    MessageState,
    Patient,
    Plan,
    Prompt,
    PromptState,
    Purpose,
)
from prom.storage.types import new_public_id


def asked(store, site, at, number):
    """Add patients whose question about their pain reached them at an instant, and return their phones."""
    return _crowd(store, site, at, number, texted=True)


def waiting(store, site, at, number):
    """Add patients whose question about their pain waits to be texted since an instant, and return their phones."""
    return _crowd(store, site, at, number, texted=False)


def _crowd(store, site, at, number, *, texted):
    phones = [f"+9190{n:08d}" for n in range(number)]
    with store.writing() as session:
        vault, start = store.vault, at - timedelta(days=7)
        plan = Plan(site_id=site.id, procedure="genicular_rfa", version="crowd", definition="{}", created_at=start)
        session.add(plan)
        session.flush()
        add = _Bulk(session)
        for n, phone in enumerate(phones, 1):
            patient = _patient(vault, site, phone, n, start)
            index = patient["phone_index"]
            add(Patient, **patient)
            add(Consent, patient_id=n, site_id=site.id, purpose=Purpose.TEXTING, version="1", language="en",
                method="paper", given_at=start)  # fmt: skip
            add(Episode, id=n, patient_id=n, site_id=site.id, plan_id=plan.id, procedure="genicular_rfa",
                target="knee", state=EpisodeState.DONE, procedure_at=start, created_at=start)  # fmt: skip
            prompt = add(Prompt, id=n, episode_id=n, patient_id=n, site_id=site.id, time_point="d7", kind="prompt",
                questions="nrs", due_at=at, opens_at=at - timedelta(days=1), closes_at=at + timedelta(days=3),
                **({"state": PromptState.ASKED, "asked_at": at, "last_text_at": at} if texted else {}))  # fmt: skip
            sent = {"state": MessageState.ACCEPTED, "attempt": 1, "sending_at": at, "accepted_at": at}
            add(Message, site_id=site.id, patient_id=n, prompt_id=n, dedupe_key=f"{prompt['public_id']}|prompt",
                kind=MessageKind.PROMPT, priority=3, text_key="nrs", question="nrs", phone_index=index, due_at=at,
                send_at=at, expires_at=at + timedelta(days=3), created_at=at,
                **({**sent, "provider_sid": f"SM{n:032d}"} if texted else {}))  # fmt: skip
        add.write()
    return phones


class _Bulk:
    def __init__(self, session):
        self.session, self.rows, self.like = session, {}, {}

    def __call__(self, model, **values):
        if model not in self.like:
            # Defaults are asked of the table class once: ten thousand objects take longer than ten thousand rows.
            self.like[model] = {name: value for name, value in model(**values).model_dump().items() if name != "id"}
        fresh = {name: new_public_id() for name in ("public_id", "study_id", "nonce") if name in self.like[model]}
        row = {**self.like[model], **fresh, **values}
        self.rows.setdefault(model, []).append(row)
        return row

    def write(self):
        for model, rows in self.rows.items():
            self.session.connection().execute(insert(model), rows)
            if self.session.get_bind().dialect.name == "postgresql" and "id" in rows[0]:
                # Ids given by hand do not move PostgreSQL's counter.
                name = model.__tablename__
                counter = f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {len(rows)})"
                self.session.connection().execute(text(counter))


def _patient(vault, site, phone, number, at):
    key, public_id = vault.new_data_key(), new_public_id()

    def sealed(column, value):
        return vault.seal(key, f"patient|{column}|{public_id}", value)

    return {
        "id": number,
        "public_id": public_id,
        "site_id": site.id,
        "key_sealed": key,
        "record_sealed": sealed("record_number", f"R-{number}"),
        "record_index": vault.index("record", f"r-{number}"),
        "first_name_sealed": sealed("first_name", "Test"),
        "phone_sealed": sealed("phone", phone),
        "phone_index": vault.index("phone", phone),
        "time_zone": "Asia/Kolkata",
        "created_at": at,
    }
