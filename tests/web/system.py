# SPDX-License-Identifier: MIT
#
# Real brokers and workers for a test in Python, which end with it.
import os
import shutil
import signal
import subprocess
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
LIMIT = 30 * int(os.environ.get("GAIJIN_TEST_SLOWER", "1"))


def eventually(holds, limit=LIMIT):
    """What `holds` gives once that is true; its last answer when the time is over."""
    end = time.monotonic() + limit
    while True:
        answer = holds()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.05)


class System:
    def __init__(self):
        self.directory = tempfile.mkdtemp()
        self.socket = self.directory + "/gaijin.sock"
        self.environment = {**os.environ, "GAIJIN_SOCKET": self.socket}
        self.said = open(self.directory + "/said", "w+")  # by brokers and workers
        self.processes = []
        self.broker = None

    def start(self, program, *words, **more):
        more.setdefault("stderr", self.said)
        process = subprocess.Popen([f"{BUILD}/{program}", *words], env=self.environment, stdin=subprocess.DEVNULL, **more)
        self.processes.append(process)
        return process

    def start_broker(self):
        self.broker = self.start("gaijin-broker", "--log-level", "error")
        assert eventually(lambda: self.ctl("ping").returncode == 0), "the broker does not answer"

    def worker(self, name, code, *flags):
        file = f"{self.directory}/{len(self.processes)}.lua"
        with open(file, "w", encoding="latin-1") as script:
            script.write(code)
        return self.start("gaijin-worker", "-n", name, *flags, file)

    def web(self, *words):
        """Starts gaijinctl web; its process and its address."""
        process = self.start("gaijinctl", "web", *words, stderr=subprocess.PIPE, text=True)
        return process, process.stderr.readline().split(" listening at ")[1].strip()

    def ctl(self, *words):
        return subprocess.run([f"{BUILD}/gaijinctl", *words], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)

    def kill(self, process):
        process.kill()
        process.wait()

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()
            if process.stderr:
                process.stderr.close()
        self.said.close()
        shutil.rmtree(self.directory)

    def last_said(self):
        with open(self.said.name) as said:
            return "".join(said.readlines()[-10:])
