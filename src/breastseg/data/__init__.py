"""From raw image folders to the prepared table and the split table."""
