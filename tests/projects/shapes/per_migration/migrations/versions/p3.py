"""per migration p3

Revision ID: p3
"""
from alembic import op
import sqlalchemy as sa

revision = 'p3'
down_revision = 'p2'



def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("t_w", "t", ["w"], postgresql_concurrently=True)


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("t_w", postgresql_concurrently=True)
