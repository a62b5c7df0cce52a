"""Low-latency HLS for players without WebRTC: cut from the same encoded packets, only while somebody asks."""
