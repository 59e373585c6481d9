"""autocommit a4

Revision ID: a4
"""
from alembic import op
import sqlalchemy as sa

revision = 'a4'
down_revision = 'a3'



def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("t_w", "t", ["w"], postgresql_concurrently=True)


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("t_w", postgresql_concurrently=True)
