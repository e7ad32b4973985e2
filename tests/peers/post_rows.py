"""Posts rows with the library requests: takes URL, token, rows as JSON and the CA, prints status and answer."""

import json
import sys

import requests

url, token, rows, authority = sys.argv[1:5]
answer = requests.post(
    url, json=json.loads(rows), headers={"Authorization": f"Bearer {token}"}, verify=authority or True, timeout=30)
print(answer.status_code, answer.text)
