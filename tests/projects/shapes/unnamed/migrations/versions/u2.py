"""unnamed u2

Revision ID: u2
"""
from alembic import op
import sqlalchemy as sa

revision = 'u2'
down_revision = 'u1'



def upgrade():
    op.create_unique_constraint(None, "t", ["v"])


def downgrade():
    op.drop_constraint(None, "t", type_="unique")
