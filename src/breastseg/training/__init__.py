"""Trains a network under the one protocol that both networks share, and resumes a killed run exactly."""
