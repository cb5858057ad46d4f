"""What a reader has done, lesson by lesson; and a class, from the files that readers export."""
