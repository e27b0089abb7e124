"""The driver's motion on the source's proportions."""
