"""an empty merge

Revision ID: w4
"""
from alembic import op
import sqlalchemy as sa

revision = 'w4'
down_revision = ('w2', 'w3')



def upgrade():
    pass


def downgrade():
    pass
