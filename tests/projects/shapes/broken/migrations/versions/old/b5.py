"""broken b5

Revision ID: b5
"""
from alembic import op
import sqlalchemy as sa

revision = 'b5'
down_revision = 'b2'



def upgrade():
    pass


def downgrade():
    pass
