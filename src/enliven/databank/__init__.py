"""Many videos of many people become shards of aligned crops and landmarks, and those become episodes."""
