"""Misconceptions that the lessons refute, each asked twice: form A before, form B after.

The questions are data, `questions.toml`; other languages stand in `attnlib/course/locale`. They are
shown and scored in the browser, and nothing is sent anywhere.
"""
