# SPDX-License-Identifier: MIT
"""What the tests of examples/python stand on: a broker and a worker in Lua of their own.

The worker `lua` exposes `run`, which runs Lua code with arguments. After each test nobody may hold
anything: what a test leaves behind fails it.
"""

import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ["BUILD"]
LIMIT = 20 * int(os.environ.get("GAIJIN_TEST_SLOWER", "1"))
sys.path.insert(0, os.path.join(ROOT, "examples", "python"))

from gaijin import Gaijin, GaijinError  # noqa: E402 (the path comes first)

LUA = """
bakaGaijin.run = function(code, ...) return assert(loadstring(code, "=test"))(...) end
gaijin.ready()
"""


def eventually(condition):
    """Waits until the condition holds, within the limit."""
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("not within %d s" % LIMIT)
        time.sleep(0.01)


def accepts(path):
    """Whether a broker accepts connections at the path. Its file is there a moment before that."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


class Bed(unittest.TestCase):
    """A broker and the worker `lua` for each class of tests, a connection `g` for each test."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp()
        cls.path = os.environ["GAIJIN_SOCKET"] = os.path.join(cls.dir, "g.sock")
        cls.children = []
        cls.broker = cls.start("gaijin-broker", "-s", cls.path)
        eventually(lambda: accepts(cls.path))
        cls.start("gaijin-worker", "-n", "lua", "-e", LUA)

    @classmethod
    def tearDownClass(cls):
        for child in cls.children:
            child.kill()
            child.wait()
        shutil.rmtree(cls.dir)

    @classmethod
    def start(cls, program, *arguments):
        """A program of the build, or of the path; it is ended with the tests of this class."""
        path = os.path.join(BUILD, program)
        child = subprocess.Popen([path if os.path.exists(path) else program, *arguments])
        cls.children.append(child)
        return child

    def setUp(self):
        self.g = self.connect("python")
        self.addCleanup(self.g.close)
        self.run_lua = self.g.s2t("lua", "run", wait=True)

    def connect(self, name):
        """A connection whose name may still belong to one that has just ended."""
        end = time.monotonic() + LIMIT
        while True:
            try:
                return Gaijin(name)
            except GaijinError as error:
                if error.code != "name_taken" or time.monotonic() > end:
                    raise

    def tearDown(self):
        """Everything is given back: neither the broker nor we know a token any more."""
        self.run_lua("for k in pairs(_G) do if k:find('^kept') then _G[k] = nil end end bakaGC()")
        self.g.expose("x", None)
        del self.run_lua
        gc.collect()
        eventually(lambda: self.g.serve(0.01) or not self.tokens())
        self.assertEqual((self.g._exports, self.g._by_object, self.g._holdings), ({}, {}, {}))

    def tokens(self):
        return json.loads(self.ctl("tokens", "--json"))

    def ctl(self, *arguments):
        """The output of gaijinctl, while we serve."""
        child = subprocess.Popen([os.path.join(BUILD, "gaijinctl"), *arguments],
                                 stdout=subprocess.PIPE, text=True)
        eventually(lambda: self.g.serve(0.01) or child.poll() is not None)
        output = child.communicate()[0]
        self.assertEqual(child.returncode, 0)
        return output

    def assertCode(self, code, f, *arguments):
        with self.assertRaises(GaijinError) as caught:
            f(*arguments)
        self.assertEqual(caught.exception.code, code, str(caught.exception))
        return caught.exception

    @staticmethod
    def kill(child):
        child.send_signal(signal.SIGKILL)
        child.wait()
