"""Works off DVC's queue of experiments with several workers, and loses none."""
