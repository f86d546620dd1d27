"""The HTML report: one file that opens anywhere, offline."""

from finepick.exports.report.writing import Pictures, ReportFiles, write_report

__all__ = ["Pictures", "ReportFiles", "write_report"]
