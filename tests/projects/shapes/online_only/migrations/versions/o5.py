"""online only o5

Revision ID: o5
"""
from alembic import op
import sqlalchemy as sa

revision = 'o5'
down_revision = 'o4'



def upgrade():
    op.execute("SELECT setval('t_id_seq', 7)")


def downgrade():
    op.execute("SELECT setval('t_id_seq', 1)")
