"""a merge that moves data

Revision ID: m5
"""
from alembic import op
import sqlalchemy as sa

revision = 'm5'
down_revision = ('m2', 'm3', 'm4')



def upgrade():
    op.execute("UPDATE t SET a = b")


def downgrade():
    op.execute("UPDATE t SET b = a")
