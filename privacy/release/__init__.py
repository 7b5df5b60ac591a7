"""Questions about a group -> protected tables that anybody may read."""
