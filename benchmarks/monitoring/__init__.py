"""What monitoring costs, what it notices, and how often it is wrong."""
