"""What several lessons draw with: arrays in, Figure out, and the sentence that says what it shows.

The sentence is for readers who cannot see the picture, for lecturers, and for the check of the
notebooks, which compares text and not pixels. Matrices are drawn queries down, keys across.
"""
