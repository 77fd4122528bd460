"""Sites, patients and their consents."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field

from prom.storage.types import Row, new_public_id, one_of


class Purpose(StrEnum):
    """What a patient agreed to."""

    TEXTING = "texting"
    DATA_USE = "data_use"
    CAREGIVER = "caregiver"


class Site(Row, table=True):
    """A clinic site: its label in texts, zone and channel settings, and the key of what belongs to no patient."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    name: str = Field(unique=True, max_length=40, description="short key, as in the import's site column")
    label: str = Field(max_length=40, description="how texts call the clinic; reveals no diagnosis")
    phone: str = Field(default="", max_length=24, description="the number patients may call")
    time_zone: str = Field(max_length=64)
    country: str = Field(default="IN", max_length=2, description="ISO 3166, for emergency numbers and rules")
    language: str = Field(default="en", max_length=8)
    two_way: bool = Field(default=True, description="replies by text reach us; no with Twilio in India")
    echo: str = Field(default="last", max_length=8, description="each, last or doubtful")
    quiet_hours: bool = Field(default=True, description="off only for rehearsals")
    monthly_segments: int | None = Field(default=None, description="spend limit: texts stop above it")
    sender: str = Field(default="", max_length=40, description="own number or messaging service; empty: the shared one")
    segment_price: int | None = Field(default=None, description="price of one segment in 1/10000 of the currency")
    currency: str = Field(default="", max_length=3, description="ISO 4217 code of the price")
    closed_weekdays: str = Field(default="", max_length=16, description="0 Monday to 6 Sunday, space separated")
    key_sealed: bytes
    __table_args__ = (
        CheckConstraint("echo IN ('each','last','doubtful')", name="echo_known"),
        CheckConstraint("monthly_segments >= 0", name="monthly_segments_not_negative"),
        CheckConstraint("segment_price >= 0", name="segment_price_not_negative"),
    )


class ClosedDay(Row, table=True):
    """A holiday of a clinic: coordinators' work moves to the next open day, patients' prompts do not."""

    id: int = Field(default=None, primary_key=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    closed_on: date
    name: str = Field(default="", max_length=60)
    __table_args__ = (UniqueConstraint("site_id", "closed_on"),)


class ChannelFact(Row, table=True):
    """One answered point of a country's checklist for texting, e.g. the DLT entity id of India."""

    id: int = Field(default=None, primary_key=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    key: str = Field(max_length=60, description="key of the point in the country's rules")
    value: str = Field(default="", max_length=120, description="the registration's id, or empty where a yes is enough")
    confirmed_at: datetime
    staff_id: int = Field(foreign_key="staff.id")
    __table_args__ = (UniqueConstraint("site_id", "key"),)


class Patient(Row, table=True):
    """A person who is followed. Names, phone and record number are sealed; the index columns find equal values."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    site_id: int = Field(foreign_key="site.id", index=True)
    study_id: str = Field(default_factory=new_public_id, unique=True, max_length=20, description="in exports")
    key_sealed: bytes
    record_sealed: bytes | None = None
    record_index: str = Field(max_length=32)
    first_name_sealed: bytes | None = None
    last_name_sealed: bytes | None = None
    phone_sealed: bytes | None = None
    phone_index: str | None = Field(default=None, index=True, max_length=32)
    language: str = Field(default="en", max_length=8)
    time_zone: str = Field(max_length=64)
    birth_year: int | None = None
    sex: str | None = Field(default=None, max_length=1, description="F, M, X or not told")
    created_at: datetime
    paused_until: datetime | None = Field(default=None, description="no prompts before; far future: staff resume")
    paused_reason: str = Field(default="", max_length=24)
    unusable_reason: str = Field(default="", max_length=24, description="why the number takes no texts, else empty")
    died_on: date | None = None
    withdrawn_on: date | None = None
    channel: str = Field(default="sms", max_length=8, description="sms, link (texts carry the link only) or phone")
    ask_minute: int | None = Field(default=None, description="chosen time of day, minutes after local midnight")
    proxy: bool = Field(default=False, description="a caregiver answers for the patient")
    merged_into_id: int | None = Field(default=None, foreign_key="patient.id", description="a duplicate's true record")
    __table_args__ = (
        UniqueConstraint("site_id", "record_index"),
        CheckConstraint("channel IN ('sms','link','phone')", name="channel_known"),
        CheckConstraint("ask_minute BETWEEN 0 AND 1439", name="ask_minute_of_a_day"),
        CheckConstraint("birth_year BETWEEN 1900 AND 2100", name="birth_year_plausible"),
        CheckConstraint("sex IN ('F','M','X')", name="sex_known"),
    )


class NameIndex(Row, table=True):
    """One searchable part of a patient's name, as an HMAC."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    word_index: str = Field(index=True, max_length=32)
    __table_args__ = (UniqueConstraint("patient_id", "word_index"),)


class Consent(Row, table=True):
    """One consent as it was given, and when it was withdrawn."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    purpose: Purpose = Field(sa_type=one_of(Purpose))
    version: str = Field(max_length=24)
    language: str = Field(max_length=8)
    method: str = Field(max_length=24, description="how given: paper, page, tablet, phone, import")
    given_at: datetime
    withdrawn_at: datetime | None = None
    __table_args__ = (CheckConstraint("withdrawn_at >= given_at", name="withdrawn_after_given"),)


class TextOverride(Row, table=True):
    """A clinic's own wording of one text in one language."""

    id: int = Field(default=None, primary_key=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    text_key: str = Field(max_length=40)
    language: str = Field(max_length=8)
    text: str
    __table_args__ = (UniqueConstraint("site_id", "text_key", "language"),)


class WordingReview(Row, table=True):
    """A clinician's signature under one exact wording of an emergency text or red-flag list."""

    id: int = Field(default=None, primary_key=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    text_key: str = Field(max_length=40)
    language: str = Field(max_length=8)
    digest: str = Field(max_length=64, description="SHA-256 of the wording signed: a changed wording is unsigned again")
    staff_id: int = Field(foreign_key="staff.id")
    signed_at: datetime
    __table_args__ = (UniqueConstraint("site_id", "text_key", "language", "digest"),)


class InstrumentWording(Row, table=True):
    """The licensed item sentences of a questionnaire in one language, as a clinic imported them."""

    id: int = Field(default=None, primary_key=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    instrument: str = Field(max_length=24)
    language: str = Field(max_length=8)
    version: str = Field(max_length=24)
    source: str = Field(max_length=200, description="where the wording comes from")
    licence: str = Field(max_length=200, description="under what right the clinic uses it")
    texts: str = Field(description="JSON: item number to sentence, and option labels where the licence names them")
    imported_at: datetime
    staff_id: int | None = Field(default=None, foreign_key="staff.id")
    __table_args__ = (UniqueConstraint("site_id", "instrument", "language", "version"),)


class ConsentText(Row, table=True):
    """One version of what a patient agrees to, in one language; versions are never changed."""

    id: int = Field(default=None, primary_key=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    purpose: Purpose = Field(sa_type=one_of(Purpose))
    language: str = Field(max_length=8)
    version: str = Field(max_length=24)
    text: str
    created_at: datetime
    staff_id: int | None = Field(default=None, foreign_key="staff.id")
    __table_args__ = (UniqueConstraint("site_id", "purpose", "language", "version"),)
