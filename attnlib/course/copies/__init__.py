"""A copy of each lesson for one student, which what is new in the lessons may come into later."""
