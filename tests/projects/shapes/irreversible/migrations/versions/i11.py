"""nothing up, nothing down

Revision ID: i11
"""
from alembic import op
import sqlalchemy as sa

revision = 'i11'
down_revision = 'i10'



def upgrade():
    pass


def downgrade():
    pass
