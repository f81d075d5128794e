"""The log of decisions only grows: read twice nothing changes, several may write, and what was altered is refused."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bdrp.errors import DataError, OutputError
from bdrp.triage.review import ENTRY, Appended, AuditLog, audit_log

Build = Callable[..., pd.DataFrame]
FROM = {"source": "d.csv", "checked_against": "a" * 64}


def test_decisions_come_back_as_they_were_in_the_order_of_recording(tmp_path: Path, decisions: Build) -> None:
    log = AuditLog(tmp_path / "new" / "log.db")
    first = decisions(
        {"comment": "ünï\u202e <script> '; DROP TABLE decisions; --"}, {"drug_id": "=D", "decision": "skip"}
    )
    second = decisions({"decision": "reject", "measured": ">10", "measured_unit": "µM"})
    assert log.append(first, **FROM) == Appended(2, 0)
    assert log.append(second, source="e.json", checked_against="c" * 64) == Appended(1, 0)
    entries = log.entries()
    assert tuple(entries.columns) == ENTRY and entries["entry"].tolist() == [1, 2, 3]
    pd.testing.assert_frame_equal(entries[first.columns], pd.concat([first, second], ignore_index=True))
    assert entries["source"].tolist() == ["d.csv", "d.csv", "e.json"]
    assert entries["checked_against"].tolist() == ["a" * 64, "a" * 64, "c" * 64]
    assert pd.to_datetime(entries["recorded_at"], utc=True).is_monotonic_increasing
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["log.db"]


def test_what_is_read_twice_changes_no_byte_and_what_changed_is_added(tmp_path: Path, decisions: Build) -> None:
    log, found = AuditLog(tmp_path / "log.db"), decisions({}, {"drug_id": "D2"}, {"drug_id": "D2"})
    assert log.append(found, **FROM) == Appended(2, 1)
    before = log.path.read_bytes()
    assert log.append(found, source="copy.csv", checked_against="c" * 64) == Appended(0, 3)
    assert log.path.read_bytes() == before
    assert log.append(decisions({"comment": "on second thoughts"}), **FROM) == Appended(1, 0)


def test_no_decision_makes_no_file(tmp_path: Path, decisions: Build) -> None:
    log = AuditLog(tmp_path / "log.db")
    assert log.append(decisions(), **FROM) == Appended(0, 0)
    assert log.entries().empty and not log.path.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET decision = 'reject'",
        "UPDATE OR REPLACE decisions SET identity = 'x'",
        "DELETE FROM decisions",
        "INSERT OR REPLACE INTO decisions SELECT * FROM decisions",
        "REPLACE INTO decisions SELECT 9, recorded_at, source, checked_against, reviewer, time, model, cell_line_id,"
        " drug_id, 'reject', comment, measured, measured_unit, identity, chain FROM decisions",
    ],
)
def test_nothing_can_be_changed_taken_away_or_replaced(tmp_path: Path, decisions: Build, statement: str) -> None:
    log = AuditLog(tmp_path / "log.db")
    log.append(decisions({}), **FROM)
    before = log.entries()
    with sqlite3.connect(log.path) as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(statement)
    connection.close()
    pd.testing.assert_frame_equal(log.entries(), before)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE decisions SET decision = 'reject' WHERE entry = 2",
        "UPDATE decisions SET recorded_at = '2020-01-01T00:00:00Z' WHERE entry = 1",
        "UPDATE decisions SET source = 'other.csv' WHERE entry = 3",
        "DELETE FROM decisions WHERE entry = 2",
    ],
)
def test_what_was_altered_past_the_triggers_is_refused_by_entry(tmp_path: Path, decisions: Build, change: str) -> None:
    log = AuditLog(tmp_path / "log.db")
    log.append(decisions({}, {"drug_id": "D2"}, {"cell_line_id": "L2"}), **FROM)
    connection = sqlite3.connect(log.path)
    connection.executescript("DROP TRIGGER no_change; DROP TRIGGER no_removal")
    connection.execute(change)
    connection.commit()
    connection.close()
    with pytest.raises(DataError, match="was altered: entry [123] is not as it was recorded"):
        log.entries()
    with pytest.raises(DataError, match="was altered"):
        log.append(decisions({"decision": "assay"}), **FROM)


WRITER = """
import sys
import pandas as pd
from bdrp.triage.decision import FIELDS
from bdrp.triage.review import AuditLog

log, who, count = AuditLog(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for at in range(count):
    row = dict.fromkeys(FIELDS, "") | {"reviewer": who, "cell_line_id": f"L{at}", "drug_id": "D", "decision": "accept"}
    log.append(pd.DataFrame([row], dtype="str"), source=who, checked_against="a")
"""


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path, each = tmp_path / "log.db", 40
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [
        subprocess.Popen([*command, who, str(each)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for who in ("Ann", "Ben")
    ]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0]
    entries = AuditLog(path).entries()  # which follows the chain over both writers' entries
    assert entries["reviewer"].value_counts().to_dict() == {"Ann": each, "Ben": each}
    for who in ("Ann", "Ben"):
        assert entries.loc[entries["reviewer"] == who, "cell_line_id"].tolist() == [f"L{at}" for at in range(each)]


def test_a_writer_that_is_stopped_within_an_append_leaves_nothing_of_it(
    tmp_path: Path, decisions: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AuditLog(tmp_path / "log.db")
    log.append(decisions({}), **FROM)
    insert, seen = audit_log._insert, []

    def insert_once(connection: sqlite3.Connection, values: dict[str, str]) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(values)
        insert(connection, values)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(audit_log, "_insert", insert_once)
        log.append(decisions({"drug_id": "D2"}, {"cell_line_id": "L2"}), **FROM)
    assert len(seen) == 1 and len(log.entries()) == 1
    assert log.append(decisions({"drug_id": "D2"}), **FROM).new == 1


def test_a_busy_log_is_waited_for_and_then_told(
    tmp_path: Path, decisions: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AuditLog(tmp_path / "log.db")
    log.append(decisions({}), **FROM)
    monkeypatch.setattr("bdrp.triage.review.audit_log.PATIENCE_S", 0.1)
    other = sqlite3.connect(log.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutputError, match="was busy for .* s. One writer at a time"):
        log.append(decisions({"drug_id": "D2"}), **FROM)
    other.execute("ROLLBACK")
    other.close()
    assert log.append(decisions({"drug_id": "D2"}), **FROM).new == 1


def test_the_log_is_exported_as_json_and_as_tables_in_which_no_formula_runs(tmp_path: Path, decisions: Build) -> None:
    log = AuditLog(tmp_path / "log.db")
    log.append(decisions({"comment": "=1+1", "drug_id": "=D"}), **FROM)
    for suffix in ("json", "csv", "xlsx", "parquet"):
        log.export(tmp_path / f"out.{suffix}")
        log.export(tmp_path / f"out.{suffix}")  # over an earlier export
    (as_json,) = json.loads((tmp_path / "out.json").read_text())
    assert tuple(as_json) == ENTRY and as_json["comment"] == "=1+1"
    assert pd.read_csv(tmp_path / "out.csv")["comment"].tolist() == ["'=1+1"]
    assert pd.read_excel(tmp_path / "out.xlsx")["drug_id"].tolist() == ["'=D"]
    assert pd.read_parquet(tmp_path / "out.parquet")["comment"].tolist() == ["=1+1"]


def test_files_of_others_are_neither_written_to_nor_read_as_a_log(tmp_path: Path, decisions: Build) -> None:
    (tmp_path / "notes.txt").write_text("mine, and longer than the header of a database would be, so that it is read")
    foreign = sqlite3.connect(tmp_path / "app.db")
    foreign.execute("CREATE TABLE mine (a)")
    foreign.commit()
    foreign.close()
    for name in ("notes.txt", "app.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(OutputError, match="there is something else"):
            AuditLog(tmp_path / name).append(decisions({}), **FROM)
        with pytest.raises(DataError, match="is no log of decisions"):
            AuditLog(tmp_path / name).entries()
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(OutputError, match="cannot be .*: a folder"):
        AuditLog(tmp_path).append(decisions({}), **FROM)
    log = AuditLog(tmp_path / "log.db")
    log.append(decisions({}), **FROM)
    (tmp_path / "notes.csv").write_text("a,b\n")
    with pytest.raises(OutputError, match="there is something else"):
        log.export(tmp_path / "notes.csv")
    with pytest.raises(OutputError, match=r"Allowed are .parquet, .csv, .xlsx"):
        log.export(tmp_path / "out.txt")


def test_no_flipped_bit_of_a_schema_is_a_fault(tmp_path: Path, decisions: Build) -> None:
    log = AuditLog(tmp_path / "log.db")
    log.append(decisions({}), **FROM)
    content = log.path.read_bytes()
    start = content.index(b"CREATE TABLE")
    refused = 0
    for at in range(start, start + 400, 3):
        flipped = bytearray(content)
        flipped[at] ^= 0x80 if at % 2 else 1
        log.path.write_bytes(flipped)
        try:
            log.entries()
        except (DataError, OutputError):
            refused += 1
    assert refused > 50
