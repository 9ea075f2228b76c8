"""What the sockets of every page that follows jobs are made of: frames in and out, followed jobs, and the end."""
