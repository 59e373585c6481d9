"""merges m8

Revision ID: m8
"""
from alembic import op
import sqlalchemy as sa

revision = 'm8'
down_revision = ('m6', 'm7')



def upgrade():
    pass


def downgrade():
    pass
