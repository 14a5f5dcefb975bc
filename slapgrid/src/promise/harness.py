# The host of a release's promises: run by the release's Python, as the
# partitions' user, for `slapgrid` (slapgrid/src/promise/host.rs tells the
# protocol). It imports the release's own slapos.core once, and forks for each
# promise. It works with Python 2.7 and 3.
#
# `settings` is what the node sent in the first line.
import ast
import errno
import fcntl
import json
import logging
import os
import random
import select
import signal
import sys
import traceback

# So much of the output of a promise is passed on.
OUTPUT_LIMIT = 64 * 1024
# The longest line that a promise may send: a result is much shorter.
MESSAGE_LIMIT = 256 * 1024
CHUNK = 64 * 1024
# The exit code by which the node knows that nothing may be imported ahead.
NOT_AHEAD = 75
# The modules that plugins of slapos.toolbox and the like are made of.
AHEAD = 'slapos.promise.plugin.'

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def own(number):
  # Nothing that is run gets to see this file.
  fcntl.fcntl(number, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
  return number


def pipe():
  ends = os.pipe()
  for end in ends:
    own(end)
  return ends


def unblock(number):
  fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_NONBLOCK)


def native(value):
  # Python 2 knows another type of text.
  if str is not bytes:
    return value
  if isinstance(value, dict):
    return dict((native(key), native(item)) for key, item in value.items())
  if isinstance(value, list):
    return [native(item) for item in value]
  return value.encode('utf-8') if isinstance(value, type(u'')) else value


def write_all(number, data):
  while data:
    try:
      data = data[os.write(number, data):]
    except OSError as e:
      if e.errno == errno.EAGAIN:
        select.select([], [number], [])
      elif e.errno != errno.EINTR:
        raise


def line_of(message):
  return json.dumps(message).encode('ascii') + b'\n'


def read_some(number):
  # Returns None if there is nothing now, and nothing at the end.
  while True:
    try:
      return os.read(number, CHUNK)
    except OSError as e:
      if e.errno == errno.EAGAIN:
        return None
      if e.errno != errno.EINTR:
        raise


class Channel(object):
  # What a promise has instead of a queue: its way to the node.

  def __init__(self, number, answers):
    self.number = number
    self.answers = answers

  def put_nowait(self, result):
    if result.item.type() == 'Empty Result':
      message = None
    else:
      message = result.serialize()
      message['result']['failed'] = bool(message['result']['failed'])
    write_all(self.number, line_of({'result': message}))

  put = put_nowait

  def ask(self, message):
    write_all(self.number, line_of(message))
    answer = b''
    while not answer.endswith(b'\n'):
      some = os.read(self.answers, 1)
      if not some:
        raise RuntimeError('the node is gone')
      answer += some
    return native(json.loads(answer.decode('ascii')))


channel = None


def bang(promise, message):
  # In the place of GenericPromise.__bang: the node bangs, and counts.
  config = promise._GenericPromise__config
  if not promise._GenericPromise__allow_bang:
    return
  if not all(key in config for key in ('master-url', 'computer-id', 'partition-id')):
    return
  answer = channel.ask({'bang': message})
  if answer['bang'] == 'done':
    promise.logger.info('Bang with message %r.' % message)
  elif answer['bang'] == 'held back':
    promise.logger.warning(answer['text'])
  elif answer['bang'] == 'failed':
    raise RuntimeError(answer['text'])


class Child(object):
  # A promise that runs, as the host sees it.

  def __init__(self, identity, process, messages, answers, output):
    self.identity = identity
    self.process = process
    self.messages = messages
    self.answers = answers
    self.output = output
    self.line = b''
    self.passed_on = 0

  def has_ended(self):
    if hasattr(os, 'waitid'):
      # It is not reaped yet, so that its number stays its own.
      options = os.WEXITED | os.WNOHANG | os.WNOWAIT
      return os.waitid(os.P_PID, self.process, options) is not None
    with open('/proc/%s/stat' % self.process) as f:
      return f.read().rpartition(')')[2].split()[0] == 'Z'

  def reap(self):
    # What it leaves behind ends with it.
    try:
      os.killpg(self.process, signal.SIGKILL)
    except OSError:
      pass
    _, status = os.waitpid(self.process, 0)
    for number in (self.messages, self.answers, self.output):
      if number is not None:
        os.close(number)
    return status


class Host(object):

  def __init__(self, incoming, outgoing, settings):
    self.incoming = incoming
    self.outgoing = outgoing
    self.idle = settings['idle']
    self.is_ahead = settings['ahead']
    self.children = {}
    self.request = b''
    self.seen = set()
    try:
      import ctypes
      self.libc = ctypes.CDLL(None)
      self.libc.prctl
    except Exception:
      # Then only the node ends what a promise leaves behind.
      self.libc = None
    self.wake, self.waker = pipe()
    unblock(self.wake)
    unblock(self.waker)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(self.waker)

  def send(self, **message):
    write_all(self.outgoing, line_of(message))

  def load(self):
    from slapos.grid import promise
    from slapos.grid.promise import generic
    from slapos.version import version
    if not hasattr(generic.GenericPromise, '_GenericPromise__bang'):
      raise ImportError('slapos.core %s is none that promises can be run with' % version)
    generic.GenericPromise._GenericPromise__bang = bang
    self.modules = set(sys.modules)
    self.launcher = promise
    self.version = version
    self.logger = logging.getLogger('slapos')
    self.logger.setLevel(logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter('%(message)s'))
    self.logger.addHandler(handler)

  def wait(self):
    # Returns what can be read. There may be more than `select` takes.
    poll = select.poll()
    watched = [self.incoming, self.wake]
    for child in self.children.values():
      watched.extend((child.messages, child.output))
    for number in watched:
      if number is not None:
        poll.register(number, select.POLLIN)
    try:
      return [number for number, _ in poll.poll(None if self.children else self.idle * 1000)]
    except select.error as e:
      if e.args[0] != errno.EINTR:
        raise
      return [self.wake]

  def serve(self):
    while True:
      ready = self.wait()
      if not ready:
        # There was nothing to do for long.
        return
      if self.wake in ready:
        read_some(self.wake)
      for child in list(self.children.values()):
        if child.messages in ready:
          self.read_messages(child)
        if child.output in ready:
          self.read_output(child)
        if child.has_ended():
          self.end(child)
      if self.incoming in ready and not self.read_requests():
        return

  def read_requests(self):
    some = read_some(self.incoming)
    if not some:
      return some is None
    lines = (self.request + some).split(b'\n')
    self.request = lines.pop()
    for line in lines:
      request = native(json.loads(line.decode('ascii')))
      if 'answer' in request:
        self.answer(request)
      else:
        self.import_ahead(request['path'])
        self.begin(request)
    return True

  def answer(self, request):
    child = self.children.get(request['id'])
    if child is not None:
      try:
        write_all(child.answers, line_of(request['answer']))
      except OSError:
        # It is gone; its end is told next.
        pass

  def import_ahead(self, path):
    # Modules of promises import much; what is imported here is so for all
    # forks. The plugins themselves are never imported here.
    if not self.is_ahead:
      return
    try:
      with open(path) as f:
        tree = ast.parse(f.read())
    except Exception:
      # The promise itself will tell.
      return
    for node in tree.body:
      if not isinstance(node, ast.ImportFrom) or node.level:
        continue
      name = node.module or ''
      if not name.startswith(AHEAD) or name in self.seen:
        continue
      self.seen.add(name)
      try:
        __import__(name)
      except BaseException:
        pass
      if len(os.listdir('/proc/self/task')) > 1:
        # A process with threads cannot be forked safely.
        os._exit(NOT_AHEAD)

  def begin(self, request):
    messages, messages_end = pipe()
    answers_end, answers = pipe()
    output, output_end = pipe()
    host = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
      code = 1
      try:
        self.become(host, messages_end, answers_end, output_end)
        self.run(request, Channel(messages_end, answers_end))
        code = 0
      except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 1
      except BaseException:
        traceback.print_exc()
      finally:
        try:
          sys.stdout.flush()
          sys.stderr.flush()
        finally:
          os._exit(code)
    for number in (messages_end, answers_end, output_end):
      os.close(number)
    unblock(messages)
    unblock(output)
    child = Child(request['id'], process, messages, answers, output)
    self.children[child.identity] = child
    self.send(id=child.identity, started=process)

  def become(self, host, messages, answers, output):
    # A process of its own, with nothing of the host and its other promises.
    os.setsid()
    if self.libc is not None:
      self.libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
      self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
      if os.getppid() != host:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.dup2(output, 1)
    os.dup2(output, 2)
    kept = (messages, answers)
    for number in [int(name) for name in os.listdir('/proc/self/fd')]:
      if number > 2 and number not in kept:
        try:
          os.close(number)
        except OSError:
          pass
    random.seed()

  def run(self, request, own_channel):
    global channel
    channel = own_channel
    folder = os.path.dirname(request['path'])
    for name in os.listdir(folder):
      if name.endswith(('.pyc', '.pyo')):
        path = os.path.join(folder, name)
        if not os.path.exists(path[:-1]):
          os.unlink(path)
    # A plugin may have the name of a module that is here only because it was
    # imported ahead.
    module = os.path.splitext(request['name'])[0]
    if module not in self.modules:
      sys.modules.pop(module, None)
    config = dict(request['config'], queue=channel)
    config['slapgrid-version'] = self.version
    process = self.launcher.PromiseProcess(
      request['partition'],
      request['name'],
      request['path'],
      config,
      logger=self.logger,
      allow_bang=request['bang'],
      check_anomaly=request['anomaly'],
    )
    process.run()

  def read_messages(self, child):
    # Tells whether there was something, as `read_output` does.
    some = None if child.messages is None else read_some(child.messages)
    if some is None:
      return False
    if not some:
      os.close(child.messages)
      child.messages = None
      return False
    lines = (child.line + some).split(b'\n')
    child.line = lines.pop()
    for line in lines:
      self.pass_on(child, line)
    if len(child.line) > MESSAGE_LIMIT:
      child.line = b''
    return True

  def pass_on(self, child, line):
    try:
      message = json.loads(line.decode('ascii'))
    except ValueError:
      return
    if isinstance(message, dict) and len(line) <= MESSAGE_LIMIT:
      for name in ('result', 'bang'):
        if name in message:
          self.send(id=child.identity, **{name: message[name]})

  def read_output(self, child):
    some = None if child.output is None else read_some(child.output)
    if some is None:
      return False
    if not some:
      os.close(child.output)
      child.output = None
      return False
    room = max(0, OUTPUT_LIMIT - child.passed_on)
    child.passed_on += len(some)
    if room:
      self.send(id=child.identity, output=some[:room].decode('utf-8', 'replace'))
    return True

  def end(self, child):
    # What it said before it ended comes before its end; what it left behind
    # may go on for ever.
    for read in (self.read_messages, self.read_output):
      for _ in range(64):
        if not read(child):
          break
    status = child.reap()
    del self.children[child.identity]
    left_out = max(0, child.passed_on - OUTPUT_LIMIT)
    self.send(id=child.identity, ended=status, left_out=left_out)


def main(settings):
  incoming, outgoing = own(os.dup(0)), own(os.dup(1))
  null = os.open(os.devnull, os.O_RDWR)
  os.dup2(null, 0)
  os.dup2(2, 1)
  os.close(null)
  if sys.path and sys.path[0] == '':
    # The directory of a partition is no place for modules.
    del sys.path[0]
  sys.path[0:0] = native(settings['path'])
  host = Host(incoming, outgoing, settings)
  host.load()
  host.send(ready=host.version)
  host.serve()
  # Nothing that was imported has anything to do at the end; promises that still
  # run end with this process, or are ended by the node.
  os._exit(0)


main(settings)
