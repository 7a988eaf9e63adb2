"""Watches live traffic without labels: what images, answers and doubts are like, and whether that has changed."""
