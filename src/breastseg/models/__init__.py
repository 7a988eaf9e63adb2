"""The two networks behind one interface, and the checkpoint that rebuilds them."""
