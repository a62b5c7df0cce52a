"""Past one machine: the hub sends each room once to each Janus edge, the edges send it to the viewers.

Whoever watches does not notice: address, player and answers are those of the hub.
"""
