"""What the tables of the console show: one module for each kind of thing."""
