"""two-factor login

Revision ID: 7c2a5e81d9b3
Revises: 19d4b2e7f08c
Create Date: 2025-11-03 15:47:12.668391+00:00

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = '7c2a5e81d9b3'
down_revision = '19d4b2e7f08c'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('users', sa.Column('totp_enabled', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('users', sa.Column('totp_secret', sa.LargeBinary()))
    op.add_column('users', sa.Column('recovery_codes', postgresql.ARRAY(sa.Text())))
    op.add_column('users', sa.Column('totp_enrolled_at', sa.DateTime(timezone=True)))
    op.create_check_constraint('users_totp_check', 'users', 'NOT totp_enabled OR totp_secret IS NOT NULL')


def downgrade():
    op.drop_constraint('users_totp_check', 'users', type_='check')
    op.drop_column('users', 'totp_enrolled_at')
    op.drop_column('users', 'recovery_codes')
    op.drop_column('users', 'totp_secret')
    op.drop_column('users', 'totp_enabled')
