"""text x5

Revision ID: x5
"""
from alembic import op
import sqlalchemy as sa

revision = 'x5'
down_revision = 'x4'



def upgrade():
    op.execute("COMMENT ON TABLE t IS '-- Running downgrade x1 -> '")


def downgrade():
    op.execute("-- Running downgrade x2 -> x1\nCOMMENT ON TABLE t IS NULL")
