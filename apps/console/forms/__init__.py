"""What the console asks for, and turns into the objects that actions take."""
