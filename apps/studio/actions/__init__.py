"""Every way in which the studio writes."""
