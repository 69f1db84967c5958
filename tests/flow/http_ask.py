# SPDX-License-Identifier: MIT
#
# Requests as they are told, to ports of this machine, by one process: to start one for each costs more than all else. A line of
# stdin is a question, its words with tabs between them; each is answered by a line:
#   ask PORT DIRECTORY PATH [METHOD [FIELD...]]  sends one request; the status, or 0: it was not answered. Head and body are in the
#                                   directory's files `head` and `out`. A field is "Name: value"; the default ones are Host and
#                                   Accept, and one without a value is left out
#   json FILE EXPRESSION            true if the expression holds, where `a` is what the file has; else what it has
import http.client
import json
import sys


def ask(port, directory, path, method="GET", *fields):
    all_fields = {"Host": f"127.0.0.1:{port}", "Accept": "*/*"}
    more = [field.split(":", 1) for field in fields]
    for name, _ in more:
        all_fields.pop(name, None)
    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in list(all_fields.items()) + [(n, v.strip()) for n, v in more if v.strip()]:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        with open(directory + "/head", "w") as head:
            head.writelines(f"{name.lower()}: {value}\n" for name, value in answer.getheaders())
        with open(directory + "/out", "wb") as body:
            body.write(answer.read())
        return answer.status
    except (OSError, http.client.HTTPException) as error:
        print(repr(error), file=sys.stderr, flush=True)
        return 0
    finally:
        connection.close()


def holds(file, expression):
    try:
        with open(file) as text:
            a = json.load(text)
        return "true" if eval(expression, {"a": a}) else repr(a)
    except Exception as error:  # whatever it is, the expression does not hold
        return repr(error)


for line in sys.stdin:
    what, *words = line.rstrip("\n").split("\t")
    print({"ask": ask, "json": holds}[what](*words), flush=True)
