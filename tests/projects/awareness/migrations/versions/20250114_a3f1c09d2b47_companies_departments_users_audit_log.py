"""companies, departments, users, audit log

Revision ID: a3f1c09d2b47
Revises:
Create Date: 2025-01-14 09:12:40.118204+00:00

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = 'a3f1c09d2b47'
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'companies',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('domain', sa.String(length=253), nullable=False),
        sa.Column('country', sa.CHAR(length=2), nullable=False),
        sa.Column('plan', sa.String(length=16), nullable=False, server_default='standard'),
        sa.Column('seats', sa.Integer(), nullable=False),
        sa.Column('contract_value', sa.Numeric(12, 2)),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint('domain', name='companies_domain_key'),
        sa.CheckConstraint('seats > 0', name='companies_seats_check'),
    )
    op.create_table(
        'departments',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column('company_id', sa.BigInteger(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('manager_id', sa.BigInteger()),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name='departments_company_id_fkey', ondelete='CASCADE'),
        sa.UniqueConstraint('company_id', 'name', name='departments_company_id_name_key'),
    )
    op.create_table(
        'users',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column('company_id', sa.BigInteger(), nullable=False),
        sa.Column('department_id', sa.BigInteger()),
        sa.Column('email', sa.Text(), nullable=False),
        sa.Column('full_name', sa.Text(), nullable=False),
        sa.Column('role', sa.String(length=20), nullable=False, server_default='learner'),
        sa.Column('phone', sa.String(length=32)),
        sa.Column('job_title', sa.Text()),
        sa.Column('locale', sa.String(length=8), nullable=False, server_default='en'),
        sa.Column('bio', sa.Text()),
        sa.Column('password_hash', sa.Text(), nullable=False),
        sa.Column('risk_score', sa.Numeric(5, 2)),
        sa.Column('is_active', sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column('last_login_at', sa.DateTime(timezone=True)),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name='users_company_id_fkey', ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['department_id'], ['departments.id'], name='users_department_id_fkey', ondelete='SET NULL'),
        sa.UniqueConstraint('email', name='users_email_key'),
    )
    op.create_index('users_company_id_idx', 'users', ['company_id'])
    op.create_foreign_key('departments_manager_id_fkey', 'departments', 'users', ['manager_id'], ['id'], ondelete='SET NULL')
    op.create_table(
        'audit_log',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column('company_id', sa.BigInteger(), nullable=False),
        sa.Column('actor_id', sa.BigInteger()),
        sa.Column('action', sa.Text(), nullable=False),
        sa.Column('object', sa.Text()),
        sa.Column('before', postgresql.JSONB()),
        sa.Column('after', postgresql.JSONB()),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name='audit_log_company_id_fkey'),
        sa.ForeignKeyConstraint(['actor_id'], ['users.id'], name='audit_log_actor_id_fkey', ondelete='SET NULL'),
    )
    op.create_index('audit_log_company_id_at_idx', 'audit_log', ['company_id', 'at'])


def downgrade():
    op.drop_table('audit_log')
    op.drop_constraint('departments_manager_id_fkey', 'departments', type_='foreignkey')
    op.drop_table('users')
    op.drop_table('departments')
    op.drop_table('companies')
