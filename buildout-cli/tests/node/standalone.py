# Deploys a release and an instance of it through StandaloneSlapOS, and removes
# both: standalone.py DIRECTORY SLAPOS PROFILE

import os
import socket
import sys
import time

from slapos.slap.standalone import StandaloneSlapOS

directory, slapos_bin, profile = sys.argv[1:]

with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]

standalone = StandaloneSlapOS(
    directory, '127.0.0.1', port, slapos_bin=slapos_bin)
standalone.start()
try:
    standalone.format(2, '127.0.0.1', '::1')
    standalone.supply(profile)
    standalone.waitForSoftware(max_retry=0, debug=False)
    standalone.request(profile, 'hello')
    standalone.waitForInstance(max_retry=0, debug=False)
    greeting = os.path.join(
        standalone.instance_directory, 'slappart0', 'var', 'greeting')
    for _ in range(200):
        if os.path.exists(greeting) and os.path.getsize(greeting):
            break
        time.sleep(0.05)
    with open(greeting) as f:
        print('greeting: ' + f.read(), end='')
    standalone.request(profile, 'hello', state='destroyed')
    standalone.waitForInstance(max_retry=0)
    standalone.waitForReport(max_retry=0)
    left = os.listdir(os.path.join(standalone.instance_directory, 'slappart0'))
    assert not left, left
finally:
    standalone.stop()
