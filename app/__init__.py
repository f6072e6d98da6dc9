"""Yuanping (远评) joins the draw, the rooms and the recordings into one evaluation service."""
