"""merges m7

Revision ID: m7
"""
from alembic import op
import sqlalchemy as sa

revision = 'm7'
down_revision = 'm5'



def upgrade():
    pass


def downgrade():
    pass
