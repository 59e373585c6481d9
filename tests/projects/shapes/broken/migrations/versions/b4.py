"""broken b4

Revision ID: b4
"""
from alembic import op
import sqlalchemy as sa

revision = 'b4'
down_revision = 'gone'



def upgrade():
    pass


def downgrade():
    pass
