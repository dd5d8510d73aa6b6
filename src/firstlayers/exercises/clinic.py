"""The exercises of the track "The clinic".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

# 01_common_mistakes


# 02_error_messages


# 03_old_snippets
