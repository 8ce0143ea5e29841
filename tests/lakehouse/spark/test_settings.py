from __future__ import annotations

import pytest

from lakehouse.declare.config import Config
from lakehouse.delta.store import s3
from lakehouse.spark.settings import EXCLUDES, JARS, PACKAGES, delta_package, is_local, settings

S3A = "org.apache.hadoop:hadoop-aws"


def of(lake="/lake", given=None, **spark):
    return settings(Config(lake=lake, spark={key.replace("__", "."): value for key, value in spark.items()}), given)


@pytest.mark.parametrize(
    ("master", "local"),
    [
        ("local", True),
        ("local[4]", True),
        ("local-cluster[2,1,1024]", False),
        ("spark://h:7077", False),
        ("yarn", False),
    ],
)
def test_where_spark_runs_decides_the_settings(master, local):
    assert is_local(master) is local
    found = of(spark__master=master)
    assert ("spark.executor.memoryOverheadFactor" in found) is not local
    assert ("spark.driver.bindAddress" in found) is local
    assert found["spark.sql.adaptive.enabled"] == "true"


def test_a_users_own_setting_wins():
    assert of()["spark.sql.execution.arrow.maxRecordsPerBatch"] == "2048"
    assert (
        of(spark__sql__execution__arrow__maxRecordsPerBatch="7")["spark.sql.execution.arrow.maxRecordsPerBatch"] == "7"
    )


def test_what_spark_submit_was_given_wins_and_what_the_jvm_loaded_is_settled():
    given = {"spark.master": "yarn", "spark.sql.files.maxPartitionBytes": "1g"}
    found = of(given=given, spark__sql__files__maxPartitionBytes="2g", spark__custom="x", spark__master="local[9]")
    assert found["spark.custom"] == "x"
    assert not {"spark.master", "spark.sql.files.maxPartitionBytes", PACKAGES, JARS} & set(found)
    assert not [key for key in found if key.startswith(("spark.driver.", "spark.ui."))]


def test_a_lake_in_a_folder_needs_delta_alone():
    found = of()
    assert found[PACKAGES] == delta_package()
    assert not {EXCLUDES, JARS} & set(found)


def test_a_lake_on_s3_needs_s3a_without_the_bundle_and_the_log_store():
    found = of("s3://b/lake")
    assert found[PACKAGES].split(",") == [delta_package(), *s3.PACKAGES]
    assert "software.amazon.awssdk:bundle" in found[EXCLUDES].split(",")
    assert found[JARS] == str(s3.LOG_STORE_JAR)
    assert found[s3.LOG_STORE_SETTING] == s3.LOG_STORE


def test_packages_of_a_user_are_added_and_stand_in_place_of_ours():
    own = f"org.acme:kafka:1.0,{delta_package().rpartition(':')[0]}:9.9"
    found = of(spark__jars__packages=own)[PACKAGES].split(",")
    assert found == own.split(",")
    found = of("s3://b/lake", spark__jars__packages=f"{S3A}:3.6.0", spark__jars="/my.jar")
    assert found[PACKAGES].split(",") == [delta_package(), f"{S3A}:3.6.0"]
    assert "awssdk" not in found[EXCLUDES]
    assert found[JARS].split(",") == [str(s3.LOG_STORE_JAR), "/my.jar"]
