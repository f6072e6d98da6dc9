"""The one door to WebRTC: encoded camera and microphone samples of each seat."""
