"""Many pictures of one person: looked at, judged, the most different chosen."""
