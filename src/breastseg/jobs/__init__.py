"""The pipeline on a machine that may vanish at any moment: what has to stay is kept in a bucket."""
