"""soft delete: who and when

Revision ID: 40b6ce19f7a8
Revises: d8e5a1377c4f
Create Date: 2025-08-19 14:14:50.019233+00:00

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '40b6ce19f7a8'
down_revision = 'd8e5a1377c4f'
branch_labels = None
depends_on = None


TABLES = ('users', 'courses', 'phishing_campaigns')


def upgrade():
    for table in TABLES:
        op.add_column(table, sa.Column('deleted_at', sa.DateTime(timezone=True)))
        op.add_column(table, sa.Column('deleted_by', sa.BigInteger()))
        op.create_foreign_key(f'{table}_deleted_by_fkey', table, 'users', ['deleted_by'], ['id'], ondelete='SET NULL')
    op.create_index('users_alive_idx', 'users', ['company_id', 'email'], postgresql_where=sa.text('deleted_at IS NULL'))


def downgrade():
    op.drop_index('users_alive_idx', table_name='users')
    for table in reversed(TABLES):
        op.drop_constraint(f'{table}_deleted_by_fkey', table, type_='foreignkey')
        op.drop_column(table, 'deleted_by')
        op.drop_column(table, 'deleted_at')
