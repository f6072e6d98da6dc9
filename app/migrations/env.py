"""Alembic's entry: runs the steps on the connection the runner hands over."""

from alembic import context

from app.migrations.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    render_as_batch=True,
    compare_type=True,
    user_module_prefix="app.core.database.",
)
with context.begin_transaction():
    context.run_migrations()
