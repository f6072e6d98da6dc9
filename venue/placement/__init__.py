"""Which process holds which online room, and what it last said of the room's seats."""
