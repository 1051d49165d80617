"""The rows of the table: what each stores beforehand, asks for, checks and counts."""

from bench.rows.row import FULL, LATENCY, QUICK, RATE, Row, Scale
from bench.rows.table import ROWS

__all__ = ["FULL", "LATENCY", "QUICK", "RATE", "ROWS", "Row", "Scale"]
