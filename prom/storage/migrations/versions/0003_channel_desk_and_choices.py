"""Closed days, channel checklists, signed wordings, invitations, patients' choices, staff texts and balances."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('closedday',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site_id', sa.Integer(), nullable=False),
    sa.Column('closed_on', sa.Date(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_closedday_site_id_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_closedday')),
    sa.UniqueConstraint('site_id', 'closed_on', name=op.f('uq_closedday_site_id_closed_on'))
    )
    with op.batch_alter_table('closedday', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_closedday_site_id'), ['site_id'], unique=False)

    op.create_table('breakglass',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('site_id', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(length=240), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('expires_at > opened_at', name=op.f('ck_breakglass_expires_after_opened')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_breakglass_site_id_site')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_breakglass_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_breakglass'))
    )
    with op.batch_alter_table('breakglass', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_breakglass_staff_id'), ['staff_id'], unique=False)

    op.create_table('channelfact',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=60), nullable=False),
    sa.Column('value', sa.String(length=120), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_channelfact_site_id_site')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_channelfact_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_channelfact')),
    sa.UniqueConstraint('site_id', 'key', name=op.f('uq_channelfact_site_id_key'))
    )
    with op.batch_alter_table('channelfact', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_channelfact_site_id'), ['site_id'], unique=False)

    op.create_table('consenttext',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site_id', sa.Integer(), nullable=False),
    sa.Column('purpose', sa.Enum('texting', 'data_use', 'caregiver', name='purpose', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('version', sa.String(length=24), nullable=False),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_consenttext_site_id_site')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_consenttext_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consenttext')),
    sa.UniqueConstraint('site_id', 'purpose', 'language', 'version', name=op.f('uq_consenttext_site_id_purpose_language_version'))
    )
    with op.batch_alter_table('consenttext', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_consenttext_site_id'), ['site_id'], unique=False)

    op.create_table('instrumentwording',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site_id', sa.Integer(), nullable=False),
    sa.Column('instrument', sa.String(length=24), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('version', sa.String(length=24), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('licence', sa.String(length=200), nullable=False),
    sa.Column('texts', sa.String(), nullable=False),
    sa.Column('imported_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_instrumentwording_site_id_site')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_instrumentwording_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_instrumentwording')),
    sa.UniqueConstraint('site_id', 'instrument', 'language', 'version', name=op.f('uq_instrumentwording_site_id_instrument_language_version'))
    )
    with op.batch_alter_table('instrumentwording', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_instrumentwording_site_id'), ['site_id'], unique=False)

    op.create_table('wordingreview',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site_id', sa.Integer(), nullable=False),
    sa.Column('text_key', sa.String(length=40), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_wordingreview_site_id_site')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_wordingreview_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_wordingreview')),
    sa.UniqueConstraint('site_id', 'text_key', 'language', 'digest', name=op.f('uq_wordingreview_site_id_text_key_language_digest'))
    )
    with op.batch_alter_table('wordingreview', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_wordingreview_site_id'), ['site_id'], unique=False)

    op.create_table('invitation',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('public_id', sa.String(length=20), nullable=False),
    sa.Column('kind', sa.Enum('baseline', 'consent', name='invitationkind', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=False),
    sa.Column('episode_id', sa.Integer(), nullable=True),
    sa.Column('site_id', sa.Integer(), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=True),
    sa.Column('way', sa.String(length=8), nullable=False),
    sa.Column('nonce', sa.String(length=20), nullable=False),
    sa.Column('questions', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("way IN ('qr','text','tablet')", name=op.f('ck_invitation_way_known')),
    sa.CheckConstraint('expires_at > created_at', name=op.f('ck_invitation_expires_after_created')),
    sa.ForeignKeyConstraint(['episode_id'], ['episode.id'], name=op.f('fk_invitation_episode_id_episode')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_invitation_patient_id_patient')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_invitation_site_id_site')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_invitation_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invitation')),
    sa.UniqueConstraint('public_id', name=op.f('uq_invitation_public_id'))
    )
    with op.batch_alter_table('invitation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_invitation_episode_id'), ['episode_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_invitation_patient_id'), ['patient_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_invitation_site_id'), ['site_id'], unique=False)

    _new_columns()
    _more_kinds_of_message()


def _new_columns() -> None:
    """Add columns in place: making the tables anew on SQLite would lose their checks."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    instant, blob = ("DATETIME", "BLOB") if sqlite else ("TIMESTAMP WITH TIME ZONE", "BYTEA")
    for table, column in (
        ("channel", "balance INTEGER"),
        ("channel", "balance_currency VARCHAR(3) NOT NULL DEFAULT ''"),
        ("channel", f"balance_at {instant}"),
        ("channel", "low_balance INTEGER"),
        ("inbound", "to_number VARCHAR(40) NOT NULL DEFAULT ''"),
        (
            "patient",
            "channel VARCHAR(8) NOT NULL DEFAULT 'sms' "
            "CONSTRAINT ck_patient_channel_known CHECK (channel IN ('sms','link','phone'))",
        ),
        (
            "patient",
            "ask_minute INTEGER CONSTRAINT ck_patient_ask_minute_of_a_day CHECK (ask_minute BETWEEN 0 AND 1439)",
        ),
        ("patient", "proxy BOOLEAN NOT NULL DEFAULT FALSE"),
        ("patient", "merged_into_id INTEGER CONSTRAINT fk_patient_merged_into_id_patient REFERENCES patient (id)"),
        ("site", "sender VARCHAR(40) NOT NULL DEFAULT ''"),
        ("site", "segment_price INTEGER CONSTRAINT ck_site_segment_price_not_negative CHECK (segment_price >= 0)"),
        ("site", "currency VARCHAR(3) NOT NULL DEFAULT ''"),
        ("site", "closed_weekdays VARCHAR(16) NOT NULL DEFAULT ''"),
        ("staff", f"phone_sealed {blob}"),
        ("staff", "phone_index VARCHAR(32)"),
        ("staff", "digest BOOLEAN NOT NULL DEFAULT FALSE"),
        ("staff", "away_from_on DATE"),
        ("staff", "away_to_on DATE"),
        ("staff", "deputy_id INTEGER CONSTRAINT fk_staff_deputy_id_staff REFERENCES staff (id)"),
        ("task", f"escalated_at {instant}"),
    ):
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def _more_kinds_of_message() -> None:
    """Let the outbox hold test texts and texts to staff; the table is made anew on SQLite, with its checks."""
    kinds = "kind IN ('emergency', 'reply', 'diary', 'prompt', 'reminder', 'confirmation', 'test', 'staff')"
    name = op.f("ck_message_messagekind")
    with op.batch_alter_table("message") as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, kinds)
        batch.add_column(sa.Column("staff_id", sa.Integer(), nullable=True))
        batch.create_foreign_key("fk_message_staff_id_staff", "staff", ["staff_id"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("prom restores a backup instead of downgrading")
