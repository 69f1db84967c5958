# SPDX-License-Identifier: MIT
"""Runs the tests of this folder (those whose name has the given words in it) and prints their number last."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bed  # noqa: E402,F401 (it makes examples/python known)

loader = unittest.TestLoader()
loader.testNamePatterns = ["*%s*" % word for word in sys.argv[1:]] or None
result = unittest.TextTestRunner(verbosity=0).run(loader.discover(os.path.dirname(os.path.abspath(__file__))))
bad = len(result.failures) + len(result.errors)
print("%d passed, %d failed" % (result.testsRun - bad, bad))
sys.exit(bad > 0)
