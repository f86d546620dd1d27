"""`finepick doctor`."""

from __future__ import annotations

from finepick.cli.options import Json, Quiet


def doctor(json: Json = False, quiet: Quiet = False) -> None:
    """Say what this installation can do, what is missing, and how to get it."""
    from finepick.cli.printing import console, print_json
    from finepick.exports.documents import document, to_json
    from finepick.settings import load_settings
    from finepick.workflows.doctor import examine

    findings = examine(load_settings())
    if json:
        print_json(to_json(document(checks=[finding.as_dict() for finding in findings])))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        mark = Text("✓", "green") if finding.works else Text("–", "yellow")
        table.add_row(mark, finding.name, Text(finding.detail), Text(finding.remedy, "dim"))
    console().print(table)
