"""What the role under which the service runs may do in PostgreSQL: add rows everywhere, and change only where rows change."""

import re

from sqlalchemy import inspect
from sqlalchemy.engine import Connection

from app.core.errors import InvalidInput
from app.core.guards import guards
from app.core.i18n import N_

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_ONLY_READ = frozenset({"alembic_version"})


def append_only() -> frozenset[str]:
    """The tables whose rows nothing may change or remove."""
    return frozenset(guard.table for guard in guards("postgresql") if guard.name.endswith("_no_truncate"))


def give_rights(connection: Connection, role: str) -> None:
    """Gives the role exactly what the service needs, and takes what else it had; to be done again after each migration.

    Raises InvalidInput for another kind of database, a name that is none, a role that is not there, or the owner's own.
    """
    if connection.dialect.name != "postgresql":
        raise InvalidInput(
            "no-roles", N_("SQLite 没有角色，--app-role 只用于 PostgreSQL"), N_("去掉 --app-role 重新运行")
        )
    known = connection.exec_driver_sql(
        "SELECT rolsuper, rolname = current_user, pg_has_role(rolname, current_user, 'MEMBER')"
        " FROM pg_roles WHERE rolname = %(role)s",
        {"role": role},
    ).one_or_none()
    if not _NAME.fullmatch(role) or known is None or any(known):
        raise InvalidInput(
            "no-such-role",
            N_("{role} 不能作为服务的数据库角色：不存在、名称不合规，或本身就有所有者的权限"),
            N_("先以管理员执行 CREATE ROLE {role} LOGIN，再重新运行；它不能是所有者、所有者的成员或超级用户"),
            role=role,
        )
    kept = append_only()
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    for statement in (
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}, PUBLIC",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON TABLES FROM {role}",
        f"REVOKE CREATE ON SCHEMA {schema} FROM {role}, PUBLIC",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        f"GRANT EXECUTE ON FUNCTION audit_head(text) TO {role}",
    ):
        connection.exec_driver_sql(statement)
    for table in inspect(connection).get_table_names():
        rights = "SELECT"
        if table not in _ONLY_READ:
            rights = "SELECT, INSERT" if table in kept else "SELECT, INSERT, UPDATE, DELETE"
        connection.exec_driver_sql(f'GRANT {rights} ON "{table}" TO {role}')
