"""Photos and landmarks to pixels; the only place the networks live."""
