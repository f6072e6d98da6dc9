"""What was seen: every seat's picture and sound, kept so that nobody can alter it unnoticed (音视频同步录制)."""
