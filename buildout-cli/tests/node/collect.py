"""Works on the database of `slapos node collect` with slapos.core itself.

fill DIRECTORY: adds what two partitions used yesterday and now.
report DIRECTORY INSTANCE_ROOT: writes the files that slapos.core makes of it.
schema DIRECTORY: prints the tables and indexes that slapos.core makes.
"""

import datetime
import json
import os
import sys

from slapos.collect import compressLogFolder
from slapos.collect.db import Database
from slapos.collect.entity import User
from slapos.collect.reporter import (
    ConsumptionReport, PartitionReport, RawCSVDumper, SystemCSVReporterDumper)

now = datetime.datetime.now(datetime.timezone.utc)
yesterday = (now - datetime.timedelta(days=1)).strftime("%Y-%m-%d")


def fill(directory):
    database = Database(directory)
    database.connect()
    moments = [(yesterday, "12:%02d:00" % minute) for minute in range(3)]
    moments += [
        tuple((now + datetime.timedelta(minutes=minute)).strftime("%Y-%m-%d %H:%M:30").split())
        for minute in range(-2, 4)
    ]
    for place, (date, time) in enumerate(moments):
        yesterdays = place if date == yesterday and place < 3 else 1
        for user in ("slapuser0", "slapuser1"):
            for pid in (4194400, 4194401):
                database.insertUserSnapshot(
                    user, pid, "%d-1795310594.81" % pid, 1.5 + yesterdays, 61.25, 3, 0.125,
                    5 * 2 ** 20 + yesterdays, 12345, 67, date, time)
            database.inserFolderSnapshot(user, 4096.0 * (1 + yesterdays), date, time)
        if place < 3:
            database.insertSystemSnapshot(
                0.25 * place, 10.1, 2 ** 31, 2 ** 30, 1000 * place, 0, 1, 3000 * place, 2, 3,
                date, time)
            database.insertDiskPartitionSnapshot("/dev/vda", 10 ** 9, 10 ** 10, "/", date, time)
            database.insertTemperatureSnapshot('odd, "name"', 41.5, 0, date, time)
            database.insertComputerSnapshot(4, 0, 0, 2 ** 33, 0, "/dev/vda=5", date, time)
    database.commit()
    database.close()


def report(directory, instance_root):
    database = Database(directory)
    users = {
        "slapuser%d" % number: User("slapuser%d" % number, "%s/slappart%d" % (instance_root, number))
        for number in range(2)
    }
    SystemCSVReporterDumper(database).dump(directory)
    RawCSVDumper(database).dump(directory)
    consumption = ConsumptionReport(database, "local", directory, users)
    consumption.buildXMLReport(yesterday)
    PartitionReport(database, users).buildJSONMonitorReport()
    compressLogFolder(directory)
    database.garbageCollect(15)


def schema(directory):
    os.mkdir(directory)
    database = Database(directory, create=True)
    print_schema(database)


def print_schema(database):
    database.connect()
    tables = {
        name: [list(row)[1:] for row in database._execute("PRAGMA table_info('%s')" % name).fetchall()]
        for name in database.getTableList()
    }
    indexes = sorted(
        row[0] for row in database._execute("SELECT name FROM sqlite_master WHERE type='index'"))
    print(json.dumps([tables, indexes]))


def show(directory):
    print_schema(Database(directory))


globals()[sys.argv[1]](*sys.argv[2:])
