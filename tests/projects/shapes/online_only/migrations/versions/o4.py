"""online only o4

Revision ID: o4
"""
from alembic import op
import sqlalchemy as sa

revision = 'o4'
down_revision = 'o3'



def upgrade():
    op.execute("UPDATE t SET v = ''")


def downgrade():
    op.execute("SELECT id FROM t WHERE v IS NULL")
    op.execute("UPDATE t SET v = NULL")
