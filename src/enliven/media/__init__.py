"""Files and cameras to frames with exact times, and back."""
