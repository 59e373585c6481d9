"""merge profiles and search

Revision ID: b47c0e2d915f
Revises: 2d9b7f4ce816, f6a81c3d0e95
Create Date: 2025-06-16 07:45:10.220958+00:00

"""

# revision identifiers, used by Alembic.
revision = 'b47c0e2d915f'
down_revision = ('2d9b7f4ce816', 'f6a81c3d0e95')
branch_labels = None
depends_on = None


def upgrade():
    pass


def downgrade():
    pass
