"""How the networks learn: episodes, losses, the loop, and the folder a run leaves behind."""
