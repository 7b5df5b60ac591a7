"""PostgreSQL's own log: what the server writes when it refuses a row must not carry the row.

By default the server logs "Key (subject, day)=(…) already exists" and "Failing row contains (…)", and the parameters of
slow statements. Only a superuser may turn that off, for one database; ``problems`` says where it is on.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

_WANTED = {
    "log_error_verbosity": ("terse", "values of rows that it refuses"),
    "log_parameter_max_length": ("0", "values of slow statements"),
    "log_parameter_max_length_on_error": ("0", "values of statements that fail"),
}


def silence(connection: Connection) -> None:
    """Keep values out of the server's log, for this connection and all later ones to its database; as a superuser."""
    name = connection.exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
    for setting, (wanted, _) in _WANTED.items():
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET {setting} = '{wanted}'")
        connection.exec_driver_sql(f"SET {setting} = '{wanted}'")


def problems(connection: Connection) -> Iterator[str]:
    """What the server would write into its log for this connection, one sentence each."""
    for setting, (wanted, what) in _WANTED.items():
        if connection.exec_driver_sql(f"SHOW {setting}").scalar_one() != wanted:
            yield f"PostgreSQL's log shows {what} ({setting}): let a superuser run `vitaal db roles`."
