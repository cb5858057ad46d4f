"""What a reader writes: tasks, checks that name the mistake, and a module of their own."""
