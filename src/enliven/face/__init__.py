"""Where the face is and how its parts lie."""
