"""From bytes to lesions, without torch: the one implementation of pre- and post-processing."""
