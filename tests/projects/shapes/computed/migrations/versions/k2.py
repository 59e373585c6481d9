"""computed k2

Revision ID: k2
"""
from alembic import op
import sqlalchemy as sa

revision = 'k2'
down_revision = 'k1'
down_revision = "k" + str(1)


def upgrade():
    pass


def downgrade():
    pass
