"""index phishing events by user, concurrently

Revision ID: 91d27be4c035
Revises: c81e9f63a5d2
Create Date: 2025-03-18 16:21:55.083345+00:00

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = '91d27be4c035'
down_revision = 'c81e9f63a5d2'
branch_labels = None
depends_on = None


# The table is the largest and is written all day: the index is built without holding up writers,
# which cannot happen inside a transaction.
def upgrade():
    with op.get_context().autocommit_block():
        op.create_index(
            'phishing_events_user_id_at_idx',
            'phishing_events',
            ['user_id', 'at'],
            postgresql_concurrently=True,
        )


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index(
            'phishing_events_user_id_at_idx',
            table_name='phishing_events',
            postgresql_concurrently=True,
        )
