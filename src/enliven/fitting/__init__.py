"""Fitting the base model to one person, and choosing the most real candidate."""
