"""irreversible i06

Revision ID: i06
"""
from alembic import op
import sqlalchemy as sa

revision = 'i06'
down_revision = 'i05'



def upgrade():
    op.add_column("t", sa.Column("c6", sa.Text))
