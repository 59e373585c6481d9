"""branches d2

Revision ID: d2
"""
from alembic import op
import sqlalchemy as sa

revision = 'd2'
down_revision = 'd1'
depends_on = ('w4',)


def upgrade():
    op.add_column("data", sa.Column("a", sa.Text))


def downgrade():
    op.drop_column("data", "a")
