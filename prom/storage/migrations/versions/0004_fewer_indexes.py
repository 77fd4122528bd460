"""Fewer indexes: those that no query needs go, and some hold only the rows that queries look for."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

DROPPED = (
    # No query goes by these alone, or another index begins with the same column.
    ('ix_answer_patient_id', 'answer'),
    ('ix_answer_site_id', 'answer'),
    ('ix_inbound_prompt_id', 'inbound'),
    ('ix_inbound_site_id', 'inbound'),
    ('ix_inbound_state', 'inbound'),
    ('ix_message_site_id', 'message'),
    ('ix_messageevent_message_id', 'messageevent'),
    ('ix_messageevent_provider_sid', 'messageevent'),
    ('ix_prompt_patient_state', 'prompt'),
    ('ix_prompt_site_id', 'prompt'),
    ('ix_task_site_id', 'task'),
    # Made again below for a part of the rows.
    ('ix_answer_inbound_id', 'answer'),
    ('ix_inbound_patient_id', 'inbound'),
    ('ix_message_prompt_id', 'message'),
    ('ix_message_site_id_sending_at', 'message'),
)
MADE = (
    ('ix_answer_inbound_id', 'answer', ['inbound_id'], 'inbound_id IS NOT NULL'),
    ('ix_answer_prompt_id', 'answer', ['prompt_id'], 'prompt_id IS NOT NULL'),
    ('ix_inbound_patient_id', 'inbound', ['patient_id'], 'patient_id IS NOT NULL'),
    ('ix_inbound_unread', 'inbound', ['id'], "state = 'unread'"),
    ('ix_message_prompt_id', 'message', ['prompt_id'], 'prompt_id IS NOT NULL'),
    ('ix_message_site_id_sending_at', 'message', ['site_id', 'sending_at'], 'sending_at IS NOT NULL'),
)


def upgrade() -> None:
    for name, table in DROPPED:
        op.drop_index(name, table_name=table)
    for name, table, columns, where in MADE:
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    raise NotImplementedError("prom restores a backup instead of downgrading")
