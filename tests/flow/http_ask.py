# SPDX-License-Identifier: MIT
#
# One request as it is told, to a port of this machine: http_ask.py PORT DIRECTORY PATH [METHOD [FIELD...]]. Prints the status, and
# writes head and body into the directory. A field is "Name: value"; the default ones are Host and Accept.
import http.client
import sys

port, directory, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
method = sys.argv[4] if len(sys.argv) > 4 else "GET"
fields = {"Host": f"127.0.0.1:{port}", "Accept": "*/*"}
more = [field.split(":", 1) for field in sys.argv[5:]]
for name, value in more:
    fields.pop(name, None)
connection = http.client.HTTPConnection("127.0.0.1", port)
connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
for name, value in list(fields.items()) + [(n, v.strip()) for n, v in more if v.strip()]:
    connection.putheader(name, value)
connection.endheaders()
answer = connection.getresponse()
with open(directory + "/head", "w") as head:
    head.writelines(f"{name.lower()}: {value}\n" for name, value in answer.getheaders())
with open(directory + "/out", "wb") as body:
    body.write(answer.read())
print(answer.status)
