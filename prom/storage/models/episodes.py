"""Procedures, their plans, prompts and answers."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from prom.storage.types import Row, new_public_id, one_of, only


class EpisodeState(StrEnum):
    """Where a procedure stands."""

    PLANNED = "planned"
    DONE = "done"
    CANCELLED = "cancelled"


class PromptState(StrEnum):
    """Where one planned question set stands."""

    PLANNED = "planned"
    ASKED = "asked"
    PARTLY = "partly"
    ANSWERED = "answered"
    MISSED = "missed"
    NOT_SENT = "not_sent"
    CANCELLED = "cancelled"


class AnswerState(StrEnum):
    """Whether an answer counts."""

    CURRENT = "current"
    CORRECTED = "corrected"
    STRUCK = "struck"
    SECOND = "second"


class Source(StrEnum):
    """How an answer came in."""

    SMS = "sms"
    LINK = "link"
    PHONE = "phone"
    CLINIC = "clinic"
    IMPORT = "import"


class Plan(Row, table=True):
    """A versioned schedule of prompts for one procedure; episodes keep the version they started with."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    site_id: int | None = Field(default=None, foreign_key="site.id", description="None: shipped default")
    procedure: str = Field(max_length=32)
    version: str = Field(max_length=24)
    definition: str = Field(description="the time points as JSON, as prom.domain.procedures reads and writes them")
    created_at: datetime
    __table_args__ = (UniqueConstraint("site_id", "procedure", "version"),)


class Episode(Row, table=True):
    """One procedure of one patient, planned, done or cancelled."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    plan_id: int = Field(foreign_key="plan.id")
    procedure: str = Field(max_length=32)
    target: str = Field(default="", max_length=60)
    side: str = Field(default="", max_length=8)
    level: str = Field(default="", max_length=40)
    indication: str = Field(default="", max_length=24)
    state: EpisodeState = Field(default=EpisodeState.PLANNED, sa_type=one_of(EpisodeState))
    procedure_at: datetime = Field(index=True, description="start, or the planned start")
    moved_from: datetime | None = Field(default=None, description="the date before the last move")
    done_at: datetime | None = Field(default=None, description="when staff marked it done")
    created_at: datetime
    __table_args__ = (
        UniqueConstraint("patient_id", "procedure", "target", "side", "level", "procedure_at"),
        CheckConstraint("side IN ('','left','right','both','midline')", name="side_known"),
    )


class Prompt(Row, table=True):
    """One planned question set at one time point, and how far the conversation about it has come."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    episode_id: int = Field(foreign_key="episode.id")
    patient_id: int = Field(foreign_key="patient.id", index=True)
    site_id: int = Field(foreign_key="site.id")
    time_point: str = Field(max_length=16, description="key in the plan, e.g. d14, or c+3 for a confirmation")
    kind: str = Field(default="prompt", max_length=16, description="prompt, diary or confirmation")
    questions: str = Field(description="question keys in the order asked, space separated")
    state: PromptState = Field(default=PromptState.PLANNED, sa_type=one_of(PromptState))
    reason: str = Field(default="", max_length=40, description="why it was not sent or cancelled; empty otherwise")
    due_at: datetime
    opens_at: datetime
    closes_at: datetime = Field(index=True, description="exclusive end of the answer window")
    asked_at: datetime | None = Field(default=None, description="when the first text of it was accepted")
    last_text_at: datetime | None = Field(default=None, description="plain replies bind for 72 h after it")
    answered_at: datetime | None = None
    position: int = Field(default=0, description="index of the question now open")
    reasks: int = Field(default=0, description="times asked again, at most 2")
    doubtful: str = Field(default="", max_length=60, description="answer still to be echoed, question=value")
    nonce: str = Field(
        default_factory=new_public_id, max_length=20, description="in the link; a new one kills old links"
    )
    __table_args__ = (
        UniqueConstraint("episode_id", "time_point"),
        CheckConstraint("closes_at > opens_at", name="window_not_empty"),
        CheckConstraint("reasks BETWEEN 0 AND 9 AND position >= 0", name="counters"),
        CheckConstraint("kind IN ('prompt','diary','confirmation')", name="kind_known"),
        Index("ix_prompt_state_due_at", "state", "due_at"),
    )


class Answer(Row, table=True):
    """One answered question with where it came from. Corrections add a row; nothing is overwritten."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    episode_id: int = Field(foreign_key="episode.id")
    patient_id: int = Field(foreign_key="patient.id", description="that of the episode; queries go by the episode")
    site_id: int = Field(foreign_key="site.id")
    prompt_id: int | None = Field(default=None, foreign_key="prompt.id")
    occasion: str = Field(max_length=24, description="baseline, a time point key, or import")
    instrument: str = Field(max_length=24, description="nrs, csi, pgic, relief_percent, peg or a clinic's own")
    series: str = Field(default="", max_length=24, description="recall period, e.g. average_24h or current")
    item: int = Field(default=0, description="item number, 0 where the instrument has one item")
    value: int | None = Field(default=None, description="None: the item was skipped")
    state: AnswerState = Field(default=AnswerState.CURRENT, sa_type=one_of(AnswerState))
    answered_at: datetime = Field(description="when the patient answered")
    recorded_at: datetime = Field(description="when we stored it")
    source: Source = Field(sa_type=one_of(Source))
    carried: bool = Field(default=False, description="carried forward from an earlier form (CSI item 24)")
    proxy: bool = Field(default=False, description="somebody else answered for the patient")
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id")
    staff_id: int | None = Field(default=None, foreign_key="staff.id")
    rule: str = Field(default="", max_length=40, description="parser rule that fired")
    parser_version: str = Field(default="", max_length=16)
    replaces_id: int | None = Field(default=None, foreign_key="answer.id")
    reason: str = Field(default="", max_length=120, description="why struck out or changed by staff")
    mac: bytes = Field(description="vault.mac over who, what, when and the value")
    __table_args__ = (
        CheckConstraint("instrument <> 'nrs' OR value BETWEEN 0 AND 10", name="nrs_in_range"),
        CheckConstraint(
            "instrument <> 'csi' OR (value BETWEEN 0 AND 4 AND item BETWEEN 1 AND 25)", name="csi_in_range"
        ),
        CheckConstraint("instrument <> 'csi_total' OR value BETWEEN 0 AND 100", name="csi_total_in_range"),
        CheckConstraint("instrument <> 'pgic' OR value BETWEEN 1 AND 7", name="pgic_in_range"),
        CheckConstraint("instrument <> 'relief_percent' OR value BETWEEN 0 AND 100", name="relief_percent_in_range"),
        Index(
            "uq_answer_one_current",
            "episode_id",
            "occasion",
            "instrument",
            "series",
            "item",
            unique=True,
            sqlite_where=text("state = 'current' AND occasion <> 'import'"),
            postgresql_where=text("state = 'current' AND occasion <> 'import'"),
        ),
        Index(
            "uq_answer_import",
            "episode_id",
            "instrument",
            "series",
            "item",
            "answered_at",
            unique=True,
            sqlite_where=text("occasion = 'import'"),
            postgresql_where=text("occasion = 'import'"),
        ),
        Index("ix_answer_episode_instrument", "episode_id", "instrument", "answered_at"),
        Index("ix_answer_prompt_id", "prompt_id", **only("prompt_id IS NOT NULL")),
        Index("ix_answer_inbound_id", "inbound_id", **only("inbound_id IS NOT NULL")),
    )


class InvitationKind(StrEnum):
    """What a page outside the prompts is for."""

    BASELINE = "baseline"
    CONSENT = "consent"


class Invitation(Row, table=True):
    """A signed page that staff opened for one patient: a baseline questionnaire or a consent."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    kind: InvitationKind = Field(sa_type=one_of(InvitationKind))
    patient_id: int = Field(foreign_key="patient.id", index=True)
    episode_id: int | None = Field(default=None, foreign_key="episode.id", index=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    staff_id: int | None = Field(default=None, foreign_key="staff.id")
    way: str = Field(max_length=8, description="qr, text or tablet")
    nonce: str = Field(
        default_factory=new_public_id, max_length=20, description="in the link; a new one kills old links"
    )
    questions: str = Field(default="", description="question keys in the order asked, space separated")
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None = None
    __table_args__ = (
        CheckConstraint("way IN ('qr','text','tablet')", name="way_known"),
        CheckConstraint("expires_at > created_at", name="expires_after_created"),
    )
