"""Grey picture -> [Line], by ink and rules: what reads until the page network reads real pictures as well.

A network marks ink; components of it are cut up, put together, named, and those are chosen that explain the
most ink with the most confidence. It reads pages of nothing but digits best, and takes letters and signs for
digits: docs/seeing-the-page.md compares both roads.
"""
