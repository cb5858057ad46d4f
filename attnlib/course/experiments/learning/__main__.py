from attnlib.course.experiments.learning.locality import main

main()
