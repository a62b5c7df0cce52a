"""The processes of sunbid: started, watched, ended."""
