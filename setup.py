"""Build and install jqtrade.

There is no pyproject.toml on purpose: with one, pip 18.1, the pip of a new virtual environment of Python 3.6, insists
on an isolated build with the newest setuptools, which that Python cannot run. The tools are configured in setup.cfg,
ruff.toml and .importlinter.
"""

import os
import re

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))

# .ci/run tests the oldest Python with exactly the lower bounds. filelock before 3.4.0 has no `poll_interval`,
# python-dateutil before 2.7.0 no `tz.UTC` and a new object for each `tz.gettz`. The upper bounds on Python 3.6 are for
# pip 18.1, which neither unpacks the later wheels of psutil nor always goes back from a release that refuses it.
INSTALL_REQUIRES = [
    'dataclasses; python_version < "3.7"',
    'filelock>=3.4.0; python_version >= "3.7"',
    'filelock>=3.4.0,<3.5; python_version < "3.7"',
    'psutil>=5.6.0; python_version >= "3.7"',
    'psutil>=5.6.0,<5.9; python_version < "3.7"',
    'python-dateutil>=2.7.0; python_version >= "3.7"',
    'python-dateutil>=2.7.0,<3; python_version < "3.7"',
]

TEST_REQUIRES = [
    'coverage>=7.10; python_version >= "3.9"',
    'hypothesis; python_version >= "3.7"',
    'numpy; python_version >= "3.9"',
    'pytest>=7.0; python_version >= "3.7"',
    'pytest-cov>=7.0; python_version >= "3.9"',
    'pytest-timeout; python_version >= "3.7"',
    'pytest-xdist; python_version >= "3.7"',
]

# The last releases for Python 3.6 of the above and of what they need.
TEST_REQUIRES_ON_36 = [
    "attrs<22.3",
    "execnet<2",
    "hypothesis<6.32",
    "importlib-metadata<4.9",
    "iniconfig<2",
    "packaging<21.4",
    "pluggy<1.1",
    "py<2",
    "pyparsing<3.1",
    "pytest>=7.0,<7.1",
    "pytest-timeout<2.2",
    "pytest-xdist<3.1",
    "sortedcontainers<3",
    "tomli<1.3",
    "typing-extensions<4.2",
    "zipp<3.7",
]
TEST_REQUIRES += [f'{requirement}; python_version < "3.7"' for requirement in TEST_REQUIRES_ON_36]

# Names used but defined nowhere, for `jqtrade check`.
CHECK_REQUIRES = ['pyflakes>=2.2; python_version >= "3.7"', 'pyflakes>=2.2,<3.1; python_version < "3.7"']
TEST_REQUIRES += CHECK_REQUIRES + ["chinesecalendar"]

# What `python -m tests.benchmarks` compares jqtrade with, computes with and draws with.
BENCH_REQUIRES = ["apscheduler>=3.10,<4", "matplotlib", "pyperf"]

# What reads Parquet files of bars.
DATA_REQUIRES = ['pyarrow; python_version >= "3.7"', 'pyarrow>=3,<7; python_version < "3.7"']

# What draws and computes the report of `jqtrade replay`, and its progress bar. On Python 3.6 to 3.8 there is only the bar.
REPORT_REQUIRES = [
    'empyrical-reloaded>=0.5.9; python_version >= "3.9"',
    'plotly>=5.15; python_version >= "3.9"',
    'tqdm>=4.60; python_version >= "3.7"',
    'tqdm>=4.60,<4.65; python_version < "3.7"',
]

# What .ci/run checks the code with. Bounded, so that a new release of a tool breaks nothing by itself.
LINT_REQUIRES = [
    'exchange_calendars; python_version >= "3.10"',  # for the tests too, but it pulls pandas
    "import-linter>=2.0,<3",
    "mypy>=1.11,<3",
    "ruff>=0.9,<0.18",
    "types-psutil",
    "types-python-dateutil",
]


def read(*parts: str) -> str:
    """The text of a file of the project, whatever the encoding of the machine."""
    with open(os.path.join(HERE, *parts), encoding="utf-8") as file:
        return file.read()


def version() -> str:
    """The version that the package says it has, without importing it."""
    match = re.search(r'^__version__ = "([^"]+)"$', read("jqtrade", "__init__.py"), re.MULTILINE)
    if match is None:
        raise RuntimeError('jqtrade/__init__.py: no line `__version__ = "..."`')
    return match.group(1)


setup(
    name="jqtrade",
    version=version(),
    description="Run a JoinQuant-style trading strategy on a real stock account from your own computer",
    long_description=read("README.md"),
    long_description_content_type="text/markdown",
    author="jqtrade authors",
    license="MIT",
    keywords="trading quant strategy stock A-share joinquant onequant",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Financial and Insurance Industry",
        "License :: OSI Approved :: MIT License",
        "Natural Language :: Chinese (Simplified)",
        "Operating System :: MacOS",
        "Operating System :: Microsoft :: Windows",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.6",
        "Programming Language :: Python :: 3.7",
        "Programming Language :: Python :: 3.8",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Office/Business :: Financial :: Investment",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["jqtrade", "jqtrade.*"]),
    package_data={"jqtrade": ["py.typed", "market/xshg.csv"]},
    zip_safe=False,
    python_requires=">=3.6.13",
    install_requires=INSTALL_REQUIRES,
    extras_require={
        "test": TEST_REQUIRES,
        "bench": BENCH_REQUIRES,
        "check": CHECK_REQUIRES,
        "data": DATA_REQUIRES,
        "report": REPORT_REQUIRES,
        "dev": TEST_REQUIRES + LINT_REQUIRES,
    },
    entry_points={"console_scripts": ["jqtrade = jqtrade.__main__:main"]},
)
