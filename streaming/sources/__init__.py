"""Publishers that are not WHIP clients: cameras pulled by RTSP, and any program that sends plain RTP."""
