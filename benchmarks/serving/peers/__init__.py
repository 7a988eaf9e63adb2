"""The same work under other servers."""
