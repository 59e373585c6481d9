"""irreversible i12

Revision ID: i12
"""
from alembic import op
import sqlalchemy as sa

revision = 'i12'
down_revision = 'i11'



def upgrade():
    op.add_column("t", sa.Column("c12", sa.Text))


def downgrade():
    op.drop_column("t", "c12")
