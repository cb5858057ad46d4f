from attnlib.course.video.results import main

if __name__ == "__main__":
    main()
