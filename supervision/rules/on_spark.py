"""Market rules on Apache Spark, for markets past one machine: the lens's Parquet files read by Spark, the same selects.

Which cluster is Spark's own affair: `SPARK_REMOTE`, `SPARK_MASTER` or `spark-defaults.conf` say; else it runs in this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select

from messages import Fault, Message
from supervision.lens.reader import Lens
from supervision.rules.market_rule import KEPT, Ask
from supervision.rules.market_run import sql_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


READ = ("bids", "lots", "evaluations", "scores", "fees")
"""The tables of the lens that rules read."""


@contextmanager
def on_spark(lens: Lens) -> Iterator[Ask]:
    """Ask the lens through Spark; its lots' prices are worked out once. Raises messages.Fault without PySpark or Java."""
    spark = _session()
    try:
        for table in READ:
            files = lens.files(table)
            frame = (
                spark.read.parquet(*map(str, files))
                if files
                else spark.createDataFrame(lens.query(f"SELECT * FROM {table}"))
            )
            frame.createOrReplaceTempView(table)
        for kept, made in KEPT:
            spark.sql(_said(made())).cache().createOrReplaceTempView(kept.name)
        yield Ask(lambda query: spark.sql(_said(query)).toArrow())
    finally:
        spark.stop()


def _session() -> SparkSession:
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise Fault(Message("scan.no_spark")) from error
    try:
        spark = (
            SparkSession.builder.appName("sunbid scan")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.execution.arrow.pyspark.enabled", "true")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .getOrCreate()
        )
    except (PySparkException, OSError) as error:
        raise Fault(Message("scan.spark_does_not_start", why=str(error).partition("\n")[0])) from error
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _said(query: Select[*tuple[Any, ...]]) -> str:
    """The select as Spark writes it."""
    import sqlglot

    (said,) = sqlglot.transpile(
        sql_of(query), read="postgres", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    return said
