"""Looks back: packs what the service has kept of its answers, joins it with later truth, and reads it again."""
