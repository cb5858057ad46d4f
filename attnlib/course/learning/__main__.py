from attnlib.course.learning.locality import main

main()
