"""The engines of other programs that tests start: a PostgreSQL server of our own, Spark on two processors."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.conftest import skip_or_fail

PASSWORD = "s3cret-word"


def programs() -> Path:
    """The folder of initdb and pg_ctl, newest version first."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return skip_or_fail("PostgreSQL is missing; run: sudo apt-get install postgresql")


def unprivileged_user() -> str | None:
    """Who runs the server: initdb refuses root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def postgresql() -> Iterator[str]:
    """URL of a PostgreSQL server of our own, on a free port."""
    if find_spec("psycopg") is None:
        skip_or_fail('psycopg is missing; run: pip install "retention-lab[postgresql]"')
    binaries, user = programs(), unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="retention-lab-pg-"))
    (folder / "password").write_text(PASSWORD)
    folder.chmod(0o755)
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, *arguments], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=120
        )

    data, password = str(folder / "data"), str(folder / "password")
    try:
        call("initdb", "-D", data, "-U", "shop", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c jit=off"
        call("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://shop:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def spark() -> Iterator[object]:
    """The Spark session of this process, on two processors of this machine; it takes long to start and stays."""
    if find_spec("pyspark") is None:
        skip_or_fail('pyspark is missing; run: pip install "retention-lab[spark]"')
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        skip_or_fail("Java is missing; run: sudo apt-get install openjdk-17-jre-headless")
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "Europe/Amsterdam",
        # Many small queries: compiling each takes longer than its rows do.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    session = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
