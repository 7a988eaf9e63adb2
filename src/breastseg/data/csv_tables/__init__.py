"""CSV files that people write or edit: `table.read_csv` and `header.Columns`."""
