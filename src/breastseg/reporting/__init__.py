"""Keeps the runs that are reported, and writes the page that shows them."""
