"""broken b3

Revision ID: b3
"""
from alembic import op
import sqlalchemy as sa

revision = 'b3'
down_revision = 'b1'



def upgrade():
    pass


def downgrade():
    pass
