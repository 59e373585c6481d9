"""phishing campaigns and events

Revision ID: c81e9f63a5d2
Revises: 5be0d7714c1a
Create Date: 2025-03-11 08:05:17.902113+00:00

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = 'c81e9f63a5d2'
down_revision = '5be0d7714c1a'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'phishing_campaigns',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column('company_id', sa.BigInteger(), nullable=False),
        sa.Column('created_by', sa.BigInteger()),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('template', sa.Text(), nullable=False),
        sa.Column('difficulty', sa.SmallInteger(), nullable=False, server_default='1'),
        sa.Column('starts_on', sa.Date(), nullable=False),
        sa.Column('ends_on', sa.Date()),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name='phishing_campaigns_company_id_fkey', ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['created_by'], ['users.id'], name='phishing_campaigns_created_by_fkey', ondelete='SET NULL'),
        sa.CheckConstraint('difficulty BETWEEN 1 AND 5', name='phishing_campaigns_difficulty_check'),
    )
    op.create_table(
        'phishing_events',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column('campaign_id', sa.BigInteger(), nullable=False),
        sa.Column('user_id', sa.BigInteger(), nullable=False),
        sa.Column('kind', sa.String(length=12), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column('ip', postgresql.INET()),
        sa.Column('user_agent', sa.Text()),
        sa.Column('details', postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.ForeignKeyConstraint(['campaign_id'], ['phishing_campaigns.id'], name='phishing_events_campaign_id_fkey', ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='phishing_events_user_id_fkey', ondelete='CASCADE'),
        sa.CheckConstraint("kind IN ('sent', 'opened', 'clicked', 'submitted', 'reported')", name='phishing_events_kind_check'),
    )


def downgrade():
    op.drop_table('phishing_events')
    op.drop_table('phishing_campaigns')
