"""People who are not there: recorded clips as somebody before a camera. For test sessions, tests and benches."""
