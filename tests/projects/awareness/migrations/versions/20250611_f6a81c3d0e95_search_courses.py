"""full-text search of courses

Revision ID: f6a81c3d0e95
Revises: e05f3b9a6d14
Create Date: 2025-06-11 09:02:48.337519+00:00

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = 'f6a81c3d0e95'
down_revision = 'e05f3b9a6d14'
branch_labels = None
depends_on = None


def upgrade():
    op.execute("ALTER TABLE courses ADD COLUMN search tsvector")
    op.execute(
        """
        CREATE FUNCTION courses_search_refresh() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.search :=
                setweight(to_tsvector('pg_catalog.english', coalesce(NEW.title, '')), 'A') ||
                setweight(to_tsvector('pg_catalog.english', coalesce(NEW.summary, '')), 'B');
            RETURN NEW;
        END
        $$
        """
    )
    op.execute(
        "CREATE TRIGGER courses_search BEFORE INSERT OR UPDATE OF title, summary ON courses"
        " FOR EACH ROW EXECUTE FUNCTION courses_search_refresh()"
    )
    op.execute("UPDATE courses SET title = title")
    op.create_index('courses_search_idx', 'courses', ['search'], postgresql_using='gin')


def downgrade():
    op.drop_index('courses_search_idx', table_name='courses')
    op.execute("DROP TRIGGER courses_search ON courses")
    op.execute("DROP FUNCTION courses_search_refresh()")
    op.drop_column('courses', 'search')
