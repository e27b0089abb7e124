"""One script a question; each prints one JSON line a case."""
