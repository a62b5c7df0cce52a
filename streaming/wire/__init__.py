"""What is on the wire: SDP, STUN, RTP and RTCP, H.264, each read and written without knowing any room."""
