from attnlib.course.experiments.films.results import main

if __name__ == "__main__":
    main()
