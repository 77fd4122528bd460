"""What clinicians and coordinators look at: sensitization, events, relief, alerts, reviews, tasks."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from prom.storage.types import Row, new_public_id, one_of


class EventKind(StrEnum):
    """Events that end or colour a trajectory (CLINICAL.md section 5)."""

    REPEAT = "repeat"
    SURGERY = "surgery"
    DEATH = "death"
    EXPLANT_LOSS = "explant_loss"
    EXPLANT_OTHER = "explant_other"
    OPTOUT = "optout"


class CoTreatmentKind(StrEnum):
    """Treatments beside the procedure, drawn as lanes."""

    ANTIDEPRESSANT = "antidepressant"
    ANTICONVULSANT = "anticonvulsant"
    REHABILITATION = "rehabilitation"
    CBT = "cbt"
    OTHER = "other"


class AlertKind(StrEnum):
    """What a clinician should look at."""

    AMBER = "amber"
    RED = "red"
    DETERIORATION = "deterioration"
    RED_FLAG = "red_flag"
    NOT_ANSWERING = "not_answering"


class TaskKind(StrEnum):
    """The coordinator's queue, in order of action."""

    CALL = "call"
    READ = "read"
    FIX = "fix"
    CHASE = "chase"
    STOPPED = "stopped"


class Sensitization(Row, table=True):
    """The baseline sensitization record of an episode; None means not recorded, `not_done` says so."""

    id: int = Field(default=None, primary_key=True)
    episode_id: int = Field(foreign_key="episode.id", unique=True)
    csi_answered: int | None = Field(default=None, description="items answered, 0-25; None with an imported total")
    csi_min: int | None = Field(default=None, description="lower bound of the total, 0-100")
    csi_max: int | None = Field(default=None, description="upper bound of the total, 0-100")
    csi_source: str = Field(default="", max_length=24)
    csi_at: datetime | None = None
    brush_allodynia: str = Field(default="", max_length=12, description="none, site, beyond, not_done or empty")
    pinprick_hyperalgesia: str = Field(default="", max_length=12)
    static_pressure: str = Field(default="", max_length=12)
    cold_heat: str = Field(default="", max_length=12)
    after_sensation: str = Field(default="", max_length=12)
    ppt_site_kpa: float | None = Field(default=None, description="pressure pain threshold at the site, kPa")
    ppt_remote_kpa: float | None = None
    temporal_summation: float | None = Field(default=None, description="NRS points gained over the train")
    conditioned_modulation: float | None = Field(default=None, description="change of PPT in percent")
    widespread_pain: int | None = Field(default=None, description="WPI 0-19")
    symptom_severity: int | None = Field(default=None, description="SSS 0-12")
    paindetect: int | None = Field(default=None, description="0-38")
    dn4: int | None = Field(default=None, description="0-10")
    phq4: int | None = Field(default=None, description="0-12")
    opioids: str = Field(default="", max_length=12, description="yes, no, not_done or empty")
    not_done: str = Field(default="", description="names of fields marked not done, space separated")
    technique: str = Field(default="", max_length=60)
    image_guidance: str = Field(default="", max_length=24)
    recorded_at: datetime
    __table_args__ = (
        CheckConstraint("csi_min BETWEEN 0 AND 100 AND csi_max BETWEEN csi_min AND 100", name="csi_bounds"),
        CheckConstraint("csi_answered BETWEEN 0 AND 25", name="csi_answered"),
        CheckConstraint("widespread_pain BETWEEN 0 AND 19", name="wpi"),
        CheckConstraint("symptom_severity BETWEEN 0 AND 12", name="sss"),
        CheckConstraint("paindetect BETWEEN 0 AND 38", name="paindetect"),
        CheckConstraint("dn4 BETWEEN 0 AND 10", name="dn4"),
        CheckConstraint("phq4 BETWEEN 0 AND 12", name="phq4"),
    )


class Event(Row, table=True):
    """Something that happened to an episode on a day."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    episode_id: int = Field(foreign_key="episode.id")
    patient_id: int = Field(foreign_key="patient.id", index=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    kind: EventKind = Field(sa_type=one_of(EventKind))
    happened_on: date
    note_sealed: bytes | None = None
    recorded_at: datetime
    __table_args__ = (UniqueConstraint("episode_id", "kind", "happened_on"),)


class CoTreatment(Row, table=True):
    """A treatment beside the procedure, from a day to a day (None: goes on)."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    episode_id: int = Field(foreign_key="episode.id", index=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    kind: CoTreatmentKind = Field(sa_type=one_of(CoTreatmentKind))
    started_on: date
    stopped_on: date | None = None
    note_sealed: bytes | None = None
    __table_args__ = (CheckConstraint("stopped_on >= started_on", name="stopped_after_started"),)


class Relief(Row, table=True):
    """The classification of an episode at one threshold: a projection, rebuilt from answers and events."""

    id: int = Field(default=None, primary_key=True)
    episode_id: int = Field(foreign_key="episode.id")
    site_id: int = Field(foreign_key="site.id")
    procedure: str = Field(max_length=32)
    threshold: int = Field(description="50 or 30")
    definition_version: str = Field(max_length=8)
    state: str = Field(max_length=40)
    fields: str = Field(description="the classification as JSON, keys as in `prom classify`")
    end_day: int = Field(description="days since the procedure on which it was computed")
    loss_left: int | None = None
    loss_right: int | None = None
    censor_day: int | None = None
    at_horizon: str = Field(default="", max_length=8)
    course: str = Field(default="", description="first valid score of each day, day:nrs pairs; on the T50 row only")
    computed_at: datetime
    __table_args__ = (
        UniqueConstraint("episode_id", "threshold"),
        CheckConstraint("threshold IN (30, 50)", name="threshold_known"),
        Index("ix_relief_site_threshold_state", "site_id", "threshold", "state"),
        Index("ix_relief_computed_at", "computed_at"),
    )


class Alert(Row, table=True):
    """Something a clinician should see, with its rule in words."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    episode_id: int = Field(foreign_key="episode.id")
    patient_id: int = Field(foreign_key="patient.id", index=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    kind: AlertKind = Field(sa_type=one_of(AlertKind))
    rule: str = Field(max_length=240)
    day: int | None = Field(default=None, description="days since the procedure it speaks of")
    raised_at: datetime
    cleared_at: datetime | None = Field(default=None, description="when the answers no longer support it")
    reviewed_at: datetime | None = None
    dedupe_key: str = Field(unique=True, max_length=80)


class Review(Row, table=True):
    """A clinician's look at an alert: what was considered and concluded."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    episode_id: int = Field(foreign_key="episode.id", index=True)
    site_id: int = Field(foreign_key="site.id", index=True)
    alert_id: int | None = Field(default=None, foreign_key="alert.id")
    staff_id: int = Field(foreign_key="staff.id")
    at: datetime
    causes: str = Field(default="", description="keys of the cause checklist, space separated")
    cause: str = Field(default="", max_length=24, description="the concluded cause, one key")
    note_sealed: bytes | None = None


class Task(Row, table=True):
    """One thing for a coordinator to do."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    site_id: int = Field(foreign_key="site.id")
    patient_id: int | None = Field(default=None, foreign_key="patient.id", index=True)
    prompt_id: int | None = Field(default=None, foreign_key="prompt.id")
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id")
    message_id: int | None = Field(default=None, foreign_key="message.id")
    kind: TaskKind = Field(sa_type=one_of(TaskKind))
    urgent: bool = False
    reason: str = Field(max_length=40, description="machine key; the page has the words")
    candidate: str = Field(default="", max_length=12, description="score to offer with one tap")
    created_at: datetime
    not_before: datetime | None = Field(default=None, description="call-back time")
    claimed_by_id: int | None = Field(default=None, foreign_key="staff.id")
    claimed_at: datetime | None = None
    done_at: datetime | None = None
    done_by_id: int | None = Field(default=None, foreign_key="staff.id")
    escalated_at: datetime | None = Field(default=None, description="when an urgent task was passed to a clinician")
    outcome: str = Field(default="", max_length=40)
    dedupe_key: str = Field(unique=True, max_length=80)
    __table_args__ = (Index("ix_task_site_done_kind", "site_id", "done_at", "kind"),)


class CohortSnapshot(Row, table=True):
    """A ready-made answer for the cohort page, refreshed by a job."""

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True, max_length=120, description="site, procedure, threshold")
    made_at: datetime
    watermark: int = Field(default=0, description="highest answer id it saw")
    content: str = Field(description="JSON")
