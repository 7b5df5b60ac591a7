"""A bare group-by in DuckDB: members in groups, in memory. Each line on standard input runs it once."""

import sys

import duckdb

MEMBERS, GROUPS = int(sys.argv[1]), int(sys.argv[2])
connection = duckdb.connect()
connection.execute(
    "CREATE TABLE people AS SELECT 'e' || i AS employee, 'd' || (i % ?) AS department, (i * 7 % 10 < 5)::INT AS active"
    " FROM range(?) AS t (i)",
    [GROUPS, MEMBERS],
)
print("ready", flush=True)
for _ in sys.stdin:
    rows = connection.execute("SELECT department, sum(active), count(*) FROM people GROUP BY department").fetchall()
    print(len(rows), flush=True)
