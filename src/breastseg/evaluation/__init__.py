"""Judges both networks against each other: scores a case, operating point, statistics, figures; see docs/metrics.md."""
