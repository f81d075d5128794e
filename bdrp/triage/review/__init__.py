"""Decisions of reviewers: read and checked, kept in a log to which is only added, and what follows from them."""

from bdrp.triage.decision import ANSWER, DECISIONS, FIELDS, SETTLING
from bdrp.triage.review.audit_log import Appended, AuditLog, check_export_place, check_log_place
from bdrp.triage.review.log_schema import ENTRY
from bdrp.triage.review.measured import Measured, measured_columns, read_measured, tabulate_measured
from bdrp.triage.review.reading import Asked, read_decisions
from bdrp.triage.review.results import check_table_place, write_table
from bdrp.triage.review.standing import CONFLICT, find_conflicts, find_settled, find_standing

__all__ = [
    "ANSWER",
    "CONFLICT",
    "DECISIONS",
    "ENTRY",
    "FIELDS",
    "SETTLING",
    "Appended",
    "Asked",
    "AuditLog",
    "Measured",
    "check_export_place",
    "check_log_place",
    "check_table_place",
    "find_conflicts",
    "find_settled",
    "find_standing",
    "measured_columns",
    "read_decisions",
    "read_measured",
    "tabulate_measured",
    "write_table",
]
